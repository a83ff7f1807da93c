"""What follows from draws of a joint mixture: densities of redshift given the photometry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.data import BinnedRedshifts, Photometry
from bayes_astro.data.binned_redshifts import check_inside, check_trained, checked_grid
from bayes_astro.mixtures.features import fluxes
from bayes_astro.model import Model
from bayes_astro.photoz import evidence, training
from bayes_astro.photoz.conditional import RedshiftDensity
from bayes_astro.photoz.scores import redshift_scores

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


__all__ = ["ConditionedRedshifts"]

MOST_MIXTURES = 50


class ConditionedRedshifts(Model):
    """A task whose posterior is a joint mixture of magnitudes and log(1 + z)."""

    fewest_predictions: ClassVar[int] = 100
    transform: str

    def _density(self, draws: xr.Dataset, fitted: Photometry) -> RedshiftDensity:
        """The mixtures of a posterior, or `MOST_MIXTURES` of them, evenly spaced."""
        count = draws.sizes["chain"] * draws.sizes["draw"]
        rows = np.linspace(0, count - 1, min(count, MOST_MIXTURES)).round().astype(int)
        return RedshiftDensity.of(draws, fitted, self.transform, rows)

    def density(self) -> RedshiftDensity:
        """The fitted density as a value, for work on many objects.

        Returns
        -------
        RedshiftDensity
            With ``on_grid``, ``in_bins`` and more.
        """
        return self._density(self.posterior["posterior"].to_dataset(), self.data)

    def pdf(self, photometry: Photometry, z: Any) -> xr.DataArray:
        """Density of redshift of every object on a grid.

        Parameters
        ----------
        photometry : Photometry
            Bands are matched by name; one that is not there counts as missing.
        z : array_like, shape (g,)
            Increasing redshifts.

        Returns
        -------
        xarray.DataArray
            (row, z), per unit of redshift.
        """
        import xarray as xr

        z = checked_grid(z)
        values = self.density().on_grid(self._photometry(photometry), z)
        return xr.DataArray(values, {"z": z}, ("row", "z"), name="density")

    def object_summary(
        self, at: Photometry, *, components: int = 5, **options: Any
    ) -> pd.DataFrame:
        """One row an object.

        Parameters
        ----------
        at : Photometry
        components : int
            Of each object's mixture, the largest, to keep: 12 bytes each.

        Returns
        -------
        pandas.DataFrame
            ``mode``, ``mean``, ``median`` of z, central intervals ``low_68``, ``high_68``,
            ``low_95``, ``high_95``; ``bands`` measured; ``log_evidence``, log p(x), and its
            ``tail_probability``: how often an object like those of the training set has a smaller
            one; ``flag``: "unusual" where that is below 0.001, "no photometry" (then the redshifts
            are those of the training set), or ""; ``weight_1``, ``centre_1``, ``width_1``, ... of
            the largest components in log(1 + z), as float32.
        """
        import pandas as pd

        photometry = self._photometry(at)
        out, top = self.density().summaries(photometry, components)
        bands = (~photometry.missing).sum(axis=1)
        quantiles = self.posterior["reference"]["statistic"].values
        tail = evidence.tail_probability(out[:, 2] - out[:, 3], bands, quantiles)
        flag = np.where(tail < evidence.UNUSUAL, "unusual", "")
        columns: dict[str, np.ndarray] = {"mode": out[:, 0], "mean": out[:, 1]}
        names = ("low_95", "low_68", "median", "high_68", "high_95")
        columns |= {name: out[:, 4 + names.index(name)] for name in sorted(names, key=_order)}
        columns |= {
            "bands": bands,
            "log_evidence": out[:, 2],
            "tail_probability": tail,
            "flag": np.where(bands == 0, "no photometry", flag),
        }
        for j in range(components):
            for i, name in enumerate(("weight", "centre", "width")):
                columns[f"{name}_{j + 1}"] = top[:, j, i]
        return pd.DataFrame(columns)

    def binned(self, photometry: Photometry, edges: Any) -> BinnedRedshifts:
        """Probabilities of redshift bins by every fit, for `ba.PopulationNz`.

        The interim prior is what each fit says of an object without photometry: the distribution of
        redshifts in the training set. Bins in which it has less than a tenth of an object are refused:
        there nothing is known of how galaxies look, and any number of them would do.

        Parameters
        ----------
        photometry : Photometry
            Objects of the population.
        edges : array_like, shape (J + 1,)
            Increasing redshifts.

        Returns
        -------
        BinnedRedshifts
            Probabilities (fits, n, J).
        """
        edges = checked_grid(edges, "edges")
        density = self.density()
        nothing = Photometry(
            np.full((1, len(density.bands)), np.nan), np.ones((1, len(density.bands))),
            density.bands, unit=density.unit,
        )  # fmt: skip
        prior = density.in_bins(nothing, edges)[:, 0]
        probability = density.in_bins(self._photometry(photometry), edges)
        check_inside(probability.sum(axis=2).mean(axis=0), edges)
        check_trained(prior.mean(axis=0) * training.trains(self.data).sum(), edges)
        # No bin is impossible: a millionth of the whole lies evenly over all.
        floor = 1e-6 / prior.shape[1]
        return BinnedRedshifts(probability + floor, edges, prior + floor, name=photometry.name)

    def forecast(
        self, draws: xr.Dataset, data: Photometry, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """One redshift of every object for each draw, by the mixture of the draw."""
        import xarray as xr

        at = self._photometry(at)
        weight = draws["weight"].transpose("chain", "draw", "component").values
        flat = weight.reshape(-1, weight.shape[-1])
        _, first, which = np.unique(flat, axis=0, return_index=True, return_inverse=True)
        density = RedshiftDensity.of(draws, data, self.transform, first)
        values = density.draws(at, which.ravel(), int(rng.integers(2**31)))
        entry = (("chain", "draw", "row"), values.reshape(*weight.shape[:2], len(at)))
        return xr.Dataset({"signal": entry, "observation": entry})

    def simulate_data(
        self, parameters: xr.Dataset, design: Photometry, rng: np.random.Generator
    ) -> Photometry:
        """New galaxies with the flux errors and gaps of `design`, redshifts where it has them.

        True magnitudes, shifted by the common error, become fluxes, which scatter by kappa times
        their errors.
        """
        draws = parameters.expand_dims(["chain", "draw"])
        density = RedshiftDensity.of(draws, design, self.transform)
        magnitude, z = density.simulate(len(design), rng)
        # A common error is in the density's covariances already.
        flux = fluxes(magnitude, density.softening, self.transform)
        flux = flux + density.error_scale * design.error * rng.standard_normal(flux.shape)
        redshift = (
            None if design.redshift is None else np.where(np.isnan(design.redshift), np.nan, z)
        )
        return design.replace(flux=np.where(design.missing, np.nan, flux), redshift=redshift)

    def log_predictive(self, draws: xr.Dataset, data: Photometry) -> xr.DataArray:
        """Log density of every redshift given the photometry: (chain, draw, row)."""
        import xarray as xr

        data = self._photometry(data)
        z = self.responses(data)
        if np.isnan(z).any():
            row = int(np.argmax(np.isnan(z)))
            raise ValueError(
                f"redshift: row {row} is unknown, which cannot be scored; use "
                "data[~numpy.isnan(data.redshift)]."
            )
        fitted = self._fitted_or(data)
        density = RedshiftDensity.of(draws, fitted, self.transform)
        values, _ = density.at(data, z)
        shape = (draws.sizes["chain"], draws.sizes["draw"], len(data))
        return xr.DataArray(values.reshape(shape), dims=("chain", "draw", "row"))

    def log_density_at(self, photometry: Photometry) -> np.ndarray:
        """Log density of the known redshift of every object, averaged over the fits.

        Parameters
        ----------
        photometry : Photometry
            With redshifts.

        Returns
        -------
        array (n,)
            In nats, per unit of redshift; nan where the redshift is not known.
        """
        values, _ = self.density().at(self._photometry(photometry), self.responses(photometry))
        with np.errstate(invalid="ignore"):  # of nan, which stay nan
            return np.logaddexp.reduce(values, axis=0) - np.log(len(values))

    def scores(self, test: Photometry) -> dict[str, float]:
        """Those of photometric redshifts."""
        return redshift_scores(self, test)

    def pit(self, photometry: Photometry) -> np.ndarray:
        """Probability below the known redshift of every object, uniform if p(z) is calibrated.

        Parameters
        ----------
        photometry : Photometry
            With redshifts.

        Returns
        -------
        array (n,)
            From 0 to 1; nan where the redshift is not known.
        """
        _, below = self.density().at(self._photometry(photometry), self.responses(photometry))
        return below.mean(axis=0)

    def _photometry(self, at: Any) -> Photometry:
        if not isinstance(at, Photometry):
            raise ValueError(f"expected a Photometry, got {type(at).__name__}.")
        return at


def _order(name: str) -> int:
    return ("median", "low_68", "high_68", "low_95", "high_95").index(name)
