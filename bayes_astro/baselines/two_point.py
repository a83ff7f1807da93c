"""A power law through the estimates of Landy and Szalay, with bootstrap errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.baselines.base import Baseline
from bayes_astro.clustering import two_point_draws as draws_of
from bayes_astro.clustering.correlation_form import Form, r0
from bayes_astro.clustering.estimates import Scatter
from bayes_astro.clustering.pair_counts import PairCounts
from bayes_astro.clustering.power_law import best
from bayes_astro.clustering.two_point import TwoPointCorrelation
from bayes_astro.draws import by_row
from bayes_astro.parameters import Setting, whole

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["LandySzalay"]


@dataclass(eq=False, repr=False)
class LandySzalay(Baseline):
    """A power law by weighted least squares over the bins; its errors from resampled patches.

    Each estimate counts by its own variance, and bins are taken for independent, as is customary.
    The errors are those of a bootstrap over the patches of the jackknife, whose pseudo-values
    P xi - (P - 1) xi_k are drawn with replacement and averaged, so that what bins have in common is
    in the errors if not in the weights. Without patches estimates are drawn from the covariance.

    Parameters
    ----------
    pivot : float or Quantity, optional
        Separation at which ``amplitude`` is xi, as for `ba.TwoPointCorrelation`.
    resamples : int
        Of the bootstrap.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_astro as ba
    >>> edges = np.geomspace(0.5, 16, 11)
    >>> xi = (edges[1:] * edges[:-1] / 25.0) ** -0.9
    >>> counts = ba.PairCounts(edges[:-1], edges[1:], xi, 0.1 * xi)
    >>> line = ba.baselines.LandySzalay().fit(counts)
    >>> round(float(line.posterior["posterior"]["gamma"].mean()), 1)
    1.8
    """

    pivot: Any = None
    resamples: int = 200

    data_type: ClassVar[type] = PairCounts
    settings: ClassVar[dict[str, Setting]] = {
        "pivot": TwoPointCorrelation.settings["pivot"],
        "resamples": whole(20, 100_000),
    }
    references: ClassVar[tuple[str, ...]] = ("landy1993", "barrow1984")

    def _task(self) -> TwoPointCorrelation:
        return TwoPointCorrelation(smooth=False, pivot=self.pivot)

    def check_data(self, data: PairCounts) -> None:
        """As for the Bayesian model."""
        self._task().check_data(data)

    def responses(self, data: PairCounts) -> np.ndarray:
        """The estimates."""
        return data.estimate

    def units(self, data: PairCounts) -> dict[str, str]:
        """Of the correlation length."""
        return self._task().units(data)

    def estimate(self, data: PairCounts) -> Any:
        """The best power law, and its scatter over resampled patches."""
        import xarray as xr

        form = Form(data, self.pivot)
        # Bins by their own errors alone; the patches bring the rest.
        alone = Scatter(data.replace(covariance=np.diag(np.diag(data.covariance))))
        values, errors = best(form, alone)
        rng = np.random.default_rng(0)
        found = np.array([best(form, alone, one)[0] for one in self._resampled(data, rng)])
        length = r0(found[:, 0], found[:, 1], form.pivot)
        low, high = np.quantile(np.column_stack([found, length]), [0.16, 0.84], axis=0)
        names = ("amplitude", "gamma", "r0")
        point = (*values, r0(values[0], values[1], form.pivot))
        least = (*(1e-3 * errors), 1e-6 * point[2])
        sizes = np.maximum(0.5 * (high - low), least)
        return (
            {name: ((), value) for name, value in zip(names, point, strict=True)},
            {name: ((), value) for name, value in zip(names, sizes, strict=True)},
            {"form": xr.Dataset({"pivot": form.pivot})},
        )

    def _resampled(self, data: PairCounts, rng: np.random.Generator) -> np.ndarray:
        """Estimates of resampled patches: (resamples, n)."""
        count = int(self.resamples)
        if data.by_patch is None:
            return data.estimate + Scatter(data).draw((count,), rng)
        pseudo = data.patches * data.estimate[:, None] - (data.patches - 1) * data.by_patch
        chosen = rng.integers(data.patches, size=(count, data.patches))
        return pseudo[:, chosen].mean(axis=2).T

    def forecast(
        self, draws: xr.Dataset, data: PairCounts, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """As for the Bayesian model."""
        return draws_of.forecast(draws, Form(data, self.pivot), data, at, rng)

    def pointwise(self, draws: xr.Dataset, data: PairCounts) -> xr.DataArray:
        """As for the Bayesian model."""
        form = Form(self._fitted_or(data), self.pivot)
        residual = data.estimate - draws_of.expected(draws, form, data)
        return by_row(draws, Scatter(data).log_densities(residual))
