"""The Lomb-Scargle periodogram."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.baselines.base import Baseline
from bayes_astro.data import LightCurve
from bayes_astro.periodic import harmonics

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["LombScargle"]


@dataclass(eq=False, repr=False)
class LombScargle(Baseline):
    """The highest peak of astropy's floating-mean Lomb-Scargle periodogram.

    The peak is refined between grid points, the coefficients are those of weighted least squares at
    it, and the standard errors are the conventional ones: of the frequency
    sqrt(6) sigma / (pi T A sqrt N) with the scatter sigma of the residuals (Montgomery &
    O'Donoghue 1999). A trend is fitted and subtracted first. `false_alarm_probability` in the group
    ``evidence`` is Baluev's (2008), which knows one harmonic: it is that of the one-harmonic peak.

    Parameters
    ----------
    n_terms, period, trend
        As for `ba.Periodogram`.
    """

    n_terms: int = 1
    period: tuple[Any, Any] | None = None
    trend: int = 0

    data_type: ClassVar[type] = LightCurve
    references: ClassVar[tuple[str, ...]] = ("vanderplas2018", "baluev2008", "montgomery1999")

    def _task(self) -> Any:
        from bayes_astro.periodic.periodogram import Periodogram

        return Periodogram(n_terms=self.n_terms, period=self.period, trend=self.trend)

    def check_settings(self) -> None:
        """As for the Bayesian periodogram."""
        self._task().check_all_settings()

    def check_data(self, data: LightCurve) -> None:
        """As for the Bayesian periodogram."""
        self._task().check_data(data)

    def units(self, data: LightCurve) -> dict[str, str]:
        """As for the Bayesian periodogram."""
        return self._task().units(data)

    def estimate(self, data: LightCurve) -> Any:
        """Frequency of the highest peak, and the least-squares coefficients at it."""
        import xarray as xr
        from astropy.timeseries import LombScargle as Search
        from scipy.optimize import minimize_scalar

        low, high = self._task()._range(data)
        time = data.time - harmonics.epoch(data)
        span = float(np.ptp(time))
        value = harmonics.detrended(data, self.trend)
        search = Search(time, value, data.error, nterms=self.n_terms)
        count = int(np.ceil((high - low) * 5 * self.n_terms * span)) + 1
        grid = np.linspace(low, high, max(count, 3))
        method = "fast" if self.n_terms == 1 else "fastchi2"
        power = search.power(grid, method=method, assume_regular_frequency=True)
        exact = "cython" if self.n_terms == 1 else "chi2"
        step = grid[1] - grid[0]
        # The fast grid is approximate: its best few cells are searched with the exact power.
        best = [
            minimize_scalar(
                lambda f: -float(search.power(np.array([f]), method=exact)[0]),
                bounds=(max(grid[i] - step, low), min(grid[i] + step, high)),
                method="bounded",
                options={"xatol": 1e-6 * step},
            )
            for i in np.argsort(power)[-3:]
        ]
        frequency = float(min(best, key=lambda result: result.fun).x)
        values, errors = _coefficients(
            time, data.value, data.error, frequency, int(self.n_terms), int(self.trend)
        )
        evidence = {
            "false_alarm_probability": harmonics.false_alarm_probability(
                data, low, high, int(self.trend)
            )
        }
        coords: dict[str, Any] = {"term": np.arange(1, self.n_terms + 1)}
        if self.trend:
            coords["order"] = np.arange(1, self.trend + 1)
        spectrum = xr.Dataset({"power": ("frequency", power)}, {"frequency": grid})
        groups = {"evidence": xr.Dataset(evidence), "periodogram": spectrum, "coords": coords}
        return values, errors, groups

    def forecast(
        self, draws: xr.Dataset, data: LightCurve, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """As for the Bayesian periodogram."""
        return harmonics.forecast(draws, data, at, rng)

    def pointwise(self, draws: xr.Dataset, data: LightCurve) -> xr.DataArray:
        """As for the Bayesian periodogram."""
        return harmonics.log_density(draws, self.data, data)


def _coefficients(
    time: np.ndarray,
    value: np.ndarray,
    error: np.ndarray,
    frequency: float,
    n_terms: int,
    trend: int,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Weighted least squares at one frequency, with conventional standard errors."""
    terms, orders = np.arange(1, n_terms + 1), np.arange(trend + 1)
    half = 0.5 * np.ptp(time)
    angle = 2 * np.pi * frequency * time[:, None] * terms
    design = np.column_stack([(time[:, None] / half) ** orders, np.cos(angle), np.sin(angle)])
    white = design / error[:, None]
    solution, *_ = np.linalg.lstsq(white, value / error, rcond=None)
    matrix = np.linalg.pinv(white.T @ white, hermitian=True)
    residual = value - design @ solution
    trends, cosine, sine = np.split(solution, [trend + 1, trend + 1 + n_terms])
    sd = np.sqrt(np.diag(matrix))
    amplitude = np.hypot(cosine, sine)
    sd_term = np.sqrt(0.5 * (sd[-2 * n_terms : -n_terms] ** 2 + sd[-n_terms:] ** 2))
    # Each harmonic k measures k f; together they weigh as the sum of (k A_k)^2.
    strength = np.sqrt(np.sum((terms * amplitude) ** 2))
    scatter = np.std(residual)
    sd_frequency = np.sqrt(6) * scatter / (np.pi * 2 * half * strength * np.sqrt(len(time)))
    values = {
        "frequency": ((), frequency),
        "period": ((), 1 / frequency),
        "offset": ((), trends[0]),
        "amplitude": (("term",), amplitude),
        "phase": (("term",), np.arctan2(sine, cosine)),
    }
    errors = {
        "frequency": ((), sd_frequency),
        "period": ((), sd_frequency / frequency**2),
        "offset": ((), sd[0]),
        "amplitude": (("term",), sd_term),
        "phase": (("term",), sd_term / amplitude),
    }
    if trend:
        scale = half ** orders[1:]
        values["trend"] = (("order",), trends[1:] / scale)
        errors["trend"] = (("order",), sd[1 : trend + 1] / scale)
    return values, errors
