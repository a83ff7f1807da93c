"""The relation of damping time and mass by orthogonal regression on point estimates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.baselines.base import Baseline
from bayes_astro.baselines.linear_relation import LeastSquaresLine
from bayes_astro.data import Measurements
from bayes_astro.data.damping_times import DampingTimes
from bayes_astro.parameters import Setting, number
from bayes_astro.variability.damping_relation import HierarchicalDRW

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["DampingTimeLine"]

LARGEST = 5.0  # dex of scatter


@dataclass(eq=False, repr=False)
class DampingTimeLine(Baseline):
    """A line through each object's mean log10 tau, with the errors of both axes and a scatter.

    Orthogonal distance regression of (log10 mass, mean log10 tau), the scatter added to the
    variance of log10 tau until chi squared per degree of freedom is one (Tremaine et al. 2002);
    zero where it is less without any. The masses' population is that of the measured ones, without
    their errors.

    Parameters
    ----------
    pivot : float
        log10 of the mass at which ``intercept`` holds.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_astro as ba
    >>> rng = np.random.default_rng(1)
    >>> mass = rng.uniform(7, 9, 30)
    >>> draws = 2 + 0.5 * (mass[:, None] - 8) + 0.1 * rng.standard_normal((30, 100))
    >>> data = ba.DampingTimes(draws, np.zeros((30, 100)), mass, 0.05)
    >>> line = ba.baselines.DampingTimeLine().fit(data)
    >>> round(float(line.posterior["posterior"]["slope"].mean()), 1)
    0.5
    """

    pivot: float = 8.0

    data_type: ClassVar[type] = DampingTimes
    settings: ClassVar[dict[str, Setting]] = {
        "pivot": number(-np.inf, np.inf, "log10 of a mass"),
    }
    references: ClassVar[tuple[str, ...]] = ("boggs1990", "tremaine2002")

    def check_data(self, data: DampingTimes) -> None:
        """The same demands as the population's."""
        self._relation().check_data(data)

    def _relation(self) -> HierarchicalDRW:
        return HierarchicalDRW(self.pivot)

    def responses(self, data: DampingTimes) -> np.ndarray:
        """Mean log10 tau of every object's own fit."""
        return self._relation().responses(data)

    def estimate(self, data: DampingTimes) -> Any:
        """Line, scatter, and the masses' population."""
        from scipy.optimize import brentq

        mass = data.log_mass - self.pivot
        middle, error = data.log_tau.mean(axis=1), data.log_tau.std(axis=1)
        n = len(data)

        def fitted(scatter: float) -> tuple[Any, Any]:
            errors = np.column_stack([data.log_mass_error, np.hypot(error, scatter)])
            points = Measurements(np.column_stack([mass, middle]), errors, names=("mass", "tau"))
            values, sd, _ = LeastSquaresLine("tau").estimate(points)
            return values, sd

        def excess(scatter: float) -> float:
            values, _ = fitted(scatter)
            slope = float(values["slope"][1][0])
            variance = error**2 + scatter**2 + (slope * data.log_mass_error) ** 2
            residual = middle - values["intercept"][1] - slope * mass
            return float(np.sum(residual**2 / variance) / (n - 2) - 1)

        scatter = brentq(excess, 0.0, LARGEST, xtol=1e-6) if excess(0.0) > 0 else 0.0
        values, sd = fitted(scatter)
        noise = np.sqrt(np.mean(error**2 + scatter**2))
        own = np.var(data.log_mass, ddof=1) - np.mean(data.log_mass_error**2)
        width = float(np.sqrt(max(own, 0.01 * np.var(data.log_mass))))
        spread = float(np.std(data.log_mass, ddof=1))
        numbers = {
            "intercept": (float(values["intercept"][1]), float(sd["intercept"][1])),
            "slope": (float(values["slope"][1][0]), float(sd["slope"][1][0])),
            "scatter": (scatter, noise**2 / max(scatter, noise) / np.sqrt(2 * n)),
            "mass_mean": (float(np.mean(data.log_mass)), spread / np.sqrt(n)),
            "mass_width": (width, spread**2 / width / np.sqrt(2 * n)),
        }
        value = {name: ((), pair[0]) for name, pair in numbers.items()}
        return value, {name: ((), pair[1]) for name, pair in numbers.items()}, {}

    def forecast(
        self, draws: xr.Dataset, data: DampingTimes, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """The line at log10 masses (``signal``), and new objects (``observation``)."""
        return self._relation().forecast(draws, data, at, rng)

    def pointwise(self, draws: xr.Dataset, data: DampingTimes) -> xr.DataArray:
        """Log marginal density of every object, as the population has it."""
        return self._relation().pointwise(self._scattered(draws), data)

    @staticmethod
    def _scattered(draws: xr.Dataset) -> xr.Dataset:
        """No density has no width: a scatter of at least a hundredth of a dex."""
        return draws.assign(scatter=draws["scatter"].clip(min=0.01))

    def can_draw(self, figure: str) -> bool:
        """No posterior to draw."""
        return False
