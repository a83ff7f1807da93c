"""Curves through a light curve without a model of it: scikit-learn's regressor, a running median."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.baselines.base import Baseline
from bayes_astro.data import LightCurve
from bayes_astro.data import light_curve_inputs as inputs
from bayes_astro.draws import by_row
from bayes_astro.hooks import hook
from bayes_astro.parameters import Setting, duration, in_unit, optional

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["GaussianProcessRegressor", "RunningMedian"]


class Smoother(Baseline):
    """A curve with a normal error at every time, which needs one band."""

    data_type: ClassVar[type] = LightCurve

    @hook
    @abstractmethod
    def curve(
        self, draws: xr.Dataset, data: LightCurve, time: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """For tasks: mean and standard deviation of the noiseless curve."""

    def check_data(self, data: LightCurve) -> None:
        """Raise ValueError for several bands or too few points."""
        inputs.check_single_band(data, "a curve")

    def units(self, data: LightCurve) -> dict[str, str]:
        """Scatter and jitter in the unit of the values."""
        return dict.fromkeys(("scatter", "jitter"), data.value_unit or "")

    def can_draw(self, figure: str) -> bool:
        """Not what shows a kernel or a mean function."""
        return figure not in ("components", "folded", "spectrum")

    def normal_residuals(self, draws: xr.Dataset, data: LightCurve) -> np.ndarray:
        """Residuals about the curve over error bars and jitter; smaller where the curve follows them."""
        mean, _ = self.curve(draws, self._fitted_or(data), data.time)
        left = (data.value - mean) / np.hypot(data.error, self._extra(draws))
        return np.broadcast_to(left, (draws.sizes["chain"], draws.sizes["draw"], len(data))).copy()

    def _extra(self, draws: xr.Dataset) -> float:
        """Noise beyond the error bars."""
        return float(draws["jitter"].values.flat[0]) if "jitter" in draws else 0.0

    def forecast(
        self, draws: xr.Dataset, data: LightCurve, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """``signal``, ``observation``, ``mean`` and ``sd`` (chain, draw, row) and ``time``."""
        import xarray as xr

        time, error = inputs.times(data, at)
        mean, sd = self.curve(draws, data, time)
        shape = (draws.sizes["chain"], draws.sizes["draw"], len(time))
        signal = mean + sd * rng.standard_normal(shape)
        noise = np.hypot(error, self._extra(draws)) * rng.standard_normal(shape)
        dims = ("chain", "draw", "row")
        unit = {"units": data.value_unit or ""}
        arrays: dict[str, Any] = {
            "signal": (dims, signal, unit),
            "observation": (dims, signal + noise, unit),
            "mean": (dims, np.broadcast_to(mean, shape).copy(), unit),
            "sd": (dims, np.broadcast_to(sd, shape).copy(), unit),
            "time": ("row", time, {"units": data.time_unit}),
        }
        return xr.Dataset(arrays)

    def pointwise(self, draws: xr.Dataset, data: LightCurve) -> xr.DataArray:
        """Normal log density of every row by itself about the curve through the fitted data."""
        fitted = self._fitted_or(data)
        inputs.check_units(fitted, data)
        mean, sd = self.curve(draws, fitted, data.time)
        variance = sd**2 + data.error**2 + self._extra(draws) ** 2
        density = -0.5 * ((data.value - mean) ** 2 / variance + np.log(2 * np.pi * variance))
        shape = (draws.sizes["chain"], draws.sizes["draw"], len(data))
        return by_row(draws, np.broadcast_to(density, shape).copy())


@dataclass(eq=False, repr=False)
class GaussianProcessRegressor(Smoother):
    """A dense Gaussian process, its hyperparameters by maximum likelihood.

    scikit-learn's regressor, whose cost grows with the cube of the number of points.

    Parameters
    ----------
    kernel : scikit-learn kernel, optional
        Default: a constant times Matern-1/2 (the damped random walk) plus white noise. The values
        are centred; the error bars go onto the diagonal.
    restarts : int
        Searches from random starts, beside that from the kernel's own values.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> quasar = ba.load("macho-quasar").select("R")[:60]
    >>> smooth = ba.baselines.GaussianProcessRegressor(restarts=1).fit(quasar)
    >>> smooth.predict([49100.0, 49200.0])["signal"].sizes["row"]
    2
    """

    kernel: Any = None
    restarts: int = 4

    references: ClassVar[tuple[str, ...]] = ("pedregosa2011",)

    def _fitted(self, data: LightCurve, theta: np.ndarray | None = None) -> Any:
        from sklearn.gaussian_process import GaussianProcessRegressor as Regressor
        from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

        spread, span = float(np.var(data.value)), float(np.ptp(data.time))
        kernel = self.kernel
        if kernel is None:
            kernel = ConstantKernel(spread, (1e-4 * spread, 1e4 * spread)) * Matern(
                0.1 * span, (1e-5 * span, 1e2 * span), nu=0.5
            ) + WhiteKernel(0.1 * spread, (1e-8 * spread, 1e2 * spread))
        how: dict[str, Any] = {"optimizer": None}
        if theta is None:
            how = {"n_restarts_optimizer": self.restarts, "random_state": 0}
        else:
            kernel = kernel.clone_with_theta(theta)
        found = Regressor(kernel, alpha=data.error**2, **how)
        return found.fit(data.time[:, None], data.value - data.value.mean())

    def estimate(self, data: LightCurve) -> Any:
        """Logarithms of the kernel's hyperparameters."""
        import warnings

        from sklearn.exceptions import ConvergenceWarning

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a bound that is reached
            theta = self._fitted(data).kernel_.theta
        white = self._fitted(data, theta).kernel_
        noise = [
            value for name, value in white.get_params().items() if name.endswith("noise_level")
        ]
        names = [f"{h.name}" for h in white.hyperparameters if not h.fixed]
        jitter = float(np.sqrt(sum(noise)))
        error = np.full(len(theta), 1 / np.sqrt(len(data)))
        values = {"log_hyperparameter": (("hyperparameter",), theta), "jitter": ((), jitter)}
        errors = {
            "log_hyperparameter": (("hyperparameter",), error),
            "jitter": ((), max(jitter, 1e-12) / np.sqrt(len(data))),
        }
        return values, errors, {"coords": {"hyperparameter": names}}

    def curve(
        self, draws: xr.Dataset, data: LightCurve, time: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """By scikit-learn, the white noise taken off the standard deviation."""
        theta = draws["log_hyperparameter"].values[0, 0]
        mean, sd = self._fitted(data, theta).predict(time[:, None], return_std=True)
        noiseless = np.sqrt(np.maximum(sd**2 - self._extra(draws) ** 2, 1e-12 * np.var(data.value)))
        return mean + data.value.mean(), noiseless


@dataclass(eq=False, repr=False)
class RunningMedian(Smoother):
    """The median within a window in time, with the scatter about it.

    Parameters
    ----------
    window : float or Quantity, optional
        Full width in the time unit. Default: the span of some fifteen points.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> quasar = ba.load("macho-quasar").select("R")
    >>> smooth = ba.baselines.RunningMedian(window=100.0).fit(quasar)
    >>> smooth.predict([49200.0, 49300.0])["signal"].sizes["row"]
    2
    """

    window: Any = None

    settings: ClassVar[dict[str, Setting]] = {"window": optional(duration)}

    def _width(self, data: LightCurve) -> float:
        if self.window is not None:
            return float(in_unit("window", self.window, data.time_unit))
        return 15 * float(np.ptp(data.time)) / len(data)

    def estimate(self, data: LightCurve) -> Any:
        """The robust scatter about the curve beyond the error bars."""
        middle, _ = self._medians(data, data.time)
        residual = data.value - middle
        scatter = 1.4826 * float(np.median(np.abs(residual)))
        typical = float(np.median(data.error))
        jitter = float(np.sqrt(max(scatter**2 - typical**2, (0.01 * typical) ** 2)))
        values = {"scatter": ((), scatter), "jitter": ((), jitter)}
        n = len(data)
        errors = {"scatter": ((), scatter / np.sqrt(n)), "jitter": ((), jitter / np.sqrt(n))}
        return values, errors, {}

    def _medians(self, data: LightCurve, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Median within the window and number of points; outside, the nearest three points."""
        half = 0.5 * self._width(data)
        low = np.searchsorted(data.time, time - half)
        high = np.searchsorted(data.time, time + half)
        middle, count = np.empty(len(time)), np.empty(len(time))
        for i, (a, b) in enumerate(zip(low, high, strict=True)):
            if b - a < 3:
                near = np.argsort(np.abs(data.time - time[i]), kind="stable")[:3]
                middle[i], count[i] = np.median(data.value[near]), 3
            else:
                middle[i], count[i] = np.median(data.value[a:b]), b - a
        return middle, count

    def curve(
        self, draws: xr.Dataset, data: LightCurve, time: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The median, and its error of sqrt(pi / 2) of that of a mean."""
        middle, count = self._medians(data, time)
        scatter = float(draws["scatter"].values.flat[0])
        return middle, np.sqrt(np.pi / 2) * max(scatter, 1e-12) / np.sqrt(count)
