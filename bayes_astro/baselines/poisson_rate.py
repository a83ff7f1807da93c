"""Rates source by source: counts less background over exposure, with classical intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.baselines.base import Baseline
from bayes_astro.data.counts import Counts
from bayes_astro.draws import by_row
from bayes_astro.populations.poisson_rate import rate_unit
from bayes_astro.populations.rate_prediction import Rows, rows_of

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["PoissonIntervals", "garwood", "li_ma"]

LEVELS = {"68": 0.6826894921, "95": 0.9544997361}


@dataclass(eq=False, repr=False)
class PoissonIntervals(Baseline):
    """Counts less background over exposure of each source, and the pooled rate of all.

    The interval is Garwood's central one (1936), exact for counts without background; a known
    background is taken off both ends, and what is below zero cut off. With off counts m and
    alpha = exposure / off_exposure, the rate is (n - alpha m) / exposure with the variance
    n + alpha^2 m of Gaussian error propagation, and the significance that of Li & Ma (1983).

    The standard error is half of the 68% interval, before it is cut off.

    Notes
    -----
    Variables ``rate`` by ``source`` and ``mean_rate``, the pooled one; group ``intervals``: lower
    and upper ends of both levels, and of off counts the ``significance`` in standard deviations. A
    source that was fitted is predicted to have its own rate, at least that of half a count in its
    exposure; any other the pooled rate.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> data = ba.Counts([3, 0, 7], exposure=[10.0, 5.0, 10.0])
    >>> rates = ba.baselines.PoissonIntervals().fit(data)
    >>> rates.posterior["posterior"]["rate"].values
    array([[[0.3, 0. , 0.7]]])
    """

    data_type: ClassVar[type] = Counts
    references: ClassVar[tuple[str, ...]] = ("garwood1936", "li1983")

    def responses(self, data: Counts) -> np.ndarray:
        """The counts."""
        return data.counts

    def units(self, data: Counts) -> dict[str, str]:
        """Events per unit of exposure."""
        unit = rate_unit(data)
        return {"rate": unit, "mean_rate": unit} if unit else {}

    def can_draw(self, figure: str) -> bool:
        """There is no population."""
        return figure == "overview"

    def estimate(self, data: Counts) -> Any:
        """Rates, their standard errors and intervals."""
        import xarray as xr

        n, t, background = data.counts, data.exposure, data.expected_background
        rate, columns = (n - background) / t, {}
        ends = {}
        if data.off_counts is None:
            ends = {level: garwood(n, p) - background for level, p in LEVELS.items()}
        else:
            alpha = t / data.off_exposure
            sd = np.sqrt(np.maximum(n + alpha**2 * data.off_counts, 1.0))
            ends = {
                level: n - background + np.array([-z, z])[:, None] * sd
                for level, z in (("68", 1.0), ("95", 2.0))
            }
            columns["significance"] = ("source", li_ma(n, data.off_counts, alpha))
        error = 0.5 * (ends["68"][1] - ends["68"][0]) / t
        for level, (low, high) in ends.items():
            columns[f"lower_{level}"] = ("source", np.maximum(low, 0) / t)
            columns[f"upper_{level}"] = ("source", np.maximum(high, 0) / t)
        pooled = float(np.sum(n - background) / t.sum())
        variance = np.sum(n) if data.off_counts is None else np.sum(n + alpha**2 * data.off_counts)
        values = {"rate": (("source",), rate), "mean_rate": ((), pooled)}
        errors = {
            "rate": (("source",), error),
            "mean_rate": ((), np.sqrt(max(float(variance), 1.0)) / t.sum()),
        }
        coords = {"source": list(data.labels)}
        return values, errors, {"intervals": xr.Dataset(columns, coords), "coords": coords}

    def _expected(self, draws: xr.Dataset, data: Counts, rows: Rows) -> np.ndarray:
        """Expected counts, background included: (s, m)."""
        rate = draws["rate"].transpose("chain", "draw", "source").values
        rate = rate.reshape(-1, rate.shape[-1])
        floor = 0.5 / data.exposure
        pooled = np.maximum(draws["mean_rate"].values.reshape(-1, 1), 0.5 / data.exposure.sum())
        own = np.maximum(rate, floor)[:, rows.place]
        found = np.where(rows.place < 0, pooled, own) * rows.exposure
        return found + self._background(data, rows)

    def _background(self, data: Counts, rows: Rows) -> np.ndarray:
        """Background counts of each row: known, from its off counts, or those of the fitted source."""
        if rows.off is not None:
            return rows.off.expected_background
        if data.off_counts is None or data.off_exposure is None:
            return rows.known
        fitted = data.off_counts / data.off_exposure
        pooled = data.off_counts.sum() / data.off_exposure.sum()
        return np.where(rows.place < 0, pooled, fitted[rows.place]) * rows.exposure

    def forecast(
        self, draws: xr.Dataset, data: Counts, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """Expected counts, and Poisson counts about them; inputs as of `ba.PoissonRate`."""
        import xarray as xr

        rows = rows_of(data, at)
        signal = self._expected(draws, data, rows)
        counts = rng.poisson(signal).astype(float)
        found = {"signal": by_row(draws, signal), "observation": by_row(draws, counts)}
        return xr.Dataset(
            found, {"source": ("row", rows.labels), "exposure": ("row", rows.exposure)}
        )

    def pointwise(self, draws: xr.Dataset, data: Counts) -> xr.DataArray:
        """Log density of the fitted counts about the expected ones."""
        return self._log_density(draws, data, data)

    def log_predictive(self, draws: xr.Dataset, data: Counts) -> xr.DataArray:
        """The same of new counts."""
        return self._log_density(draws, self._fitted_or(data), data)

    def _log_density(self, draws: xr.Dataset, data: Counts, at: Counts) -> xr.DataArray:
        from scipy.stats import poisson

        expected = self._expected(draws, data, rows_of(data, at))
        return by_row(draws, poisson.logpmf(at.counts, expected))


def garwood(counts: np.ndarray, level: float) -> np.ndarray:
    """Central confidence interval of a Poisson mean, (2, n)."""
    from scipy.stats import chi2

    tail = 0.5 * (1 - level)
    low = np.where(counts > 0, 0.5 * chi2.ppf(tail, 2 * np.maximum(counts, 1)), 0.0)
    return np.array([low, 0.5 * chi2.isf(tail, 2 * counts + 2)])


def li_ma(on: np.ndarray, off: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Significance of an excess, Li & Ma (1983), equation 17; negative for a deficit."""
    from scipy.special import xlogy

    both = on + off
    with np.errstate(divide="ignore", invalid="ignore"):
        first = xlogy(on, (1 + alpha) / alpha * on / both)
        second = xlogy(off, (1 + alpha) * off / both)
    square = np.where(both > 0, np.nan_to_num(first + second), 0.0)
    return np.sign(on - alpha * off) * np.sqrt(2 * np.maximum(square, 0))
