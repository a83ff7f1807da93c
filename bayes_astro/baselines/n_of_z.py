"""N(z) by adding up the probabilities of the objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.baselines.base import Baseline
from bayes_astro.data import BinnedRedshifts
from bayes_astro.data.binned_redshifts import bin_labels, in_bins

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Stacking"]


@dataclass(eq=False, repr=False)
class Stacking(Baseline):
    """The mean of all objects' probabilities by bin, with the standard error of that mean.

    What surveys do, and biased: it is N(z) smeared by the objects' uncertainties and drawn towards
    the interim prior (Malz & Hogg 2022).

    Parameters
    ----------
    bins : array_like, optional
        Edges of redshift bins, as for `ba.PopulationNz`.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> data = ba.BinnedRedshifts([[0.2, 0.8], [0.6, 0.4]], [0.0, 0.5, 1.0], [0.5, 0.5])
    >>> stacked = ba.baselines.Stacking().fit(data)
    >>> stacked.posterior["posterior"]["fraction"].values.round(2)
    array([[[0.4, 0.6]]])
    """

    bins: Any = None

    data_type: ClassVar[type] = BinnedRedshifts
    references: ClassVar[tuple[str, ...]] = ("malz2022",)

    def prepare(self, data: BinnedRedshifts) -> BinnedRedshifts:
        """The data in the bins that were asked for."""
        return in_bins(data, self.bins)

    def responses(self, data: BinnedRedshifts) -> np.ndarray:
        """The mean redshift of every object."""
        data = in_bins(data, self.bins)
        return data.probability.mean(axis=0) @ data.middle

    def estimate(self, data: BinnedRedshifts) -> Any:
        """Fractions, densities and the mean redshift."""
        each = data.probability.mean(axis=0)
        width = np.diff(data.edges)
        fraction, error = each.mean(axis=0), each.std(axis=0) / np.sqrt(len(data))
        mean = each @ data.middle
        values = {
            "fraction": (("bin",), fraction),
            "density": (("bin",), fraction / width),
            "mean_redshift": ((), mean.mean()),
        }
        errors = {
            "fraction": (("bin",), error),
            "density": (("bin",), error / width),
            "mean_redshift": ((), mean.std() / np.sqrt(len(data))),
        }
        return values, errors, {"coords": {"bin": bin_labels(data)}}

    def scores(self, test: BinnedRedshifts) -> dict[str, None]:
        """As of `ba.PopulationNz`."""
        return dict.fromkeys(("crps", "rmse", "bias", "coverage_68", "coverage_95"))

    def pointwise(self, draws: xr.Dataset, data: BinnedRedshifts) -> xr.DataArray:
        """log sum_j n_j p_ij / pi_j of every object: (chain, draw, row)."""
        import xarray as xr

        data = in_bins(data, self.bins)
        fraction = draws["fraction"].transpose("chain", "draw", "bin").values
        values = np.mean([np.log(fraction @ ratio.T) for ratio in data.ratio], axis=0)
        return xr.DataArray(values, dims=("chain", "draw", "row"))

    def forecast(
        self, draws: xr.Dataset, data: BinnedRedshifts, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """Redshifts of the objects as they were given: a bin, and evenly within it."""
        import xarray as xr

        at = in_bins(at, self.bins)
        shape = (draws.sizes["chain"], draws.sizes["draw"], len(at))
        cumulative = np.cumsum(at.probability.mean(axis=0), axis=1)
        u = rng.uniform(size=(shape[0] * shape[1], len(at))) * cumulative[:, -1]
        which = (u[:, :, None] > cumulative).sum(axis=2)
        low, high = at.edges[which], at.edges[which + 1]
        values = low + (high - low) * rng.uniform(size=low.shape)
        entry = (("chain", "draw", "row"), values.reshape(shape))
        return xr.Dataset({"signal": entry, "observation": entry})
