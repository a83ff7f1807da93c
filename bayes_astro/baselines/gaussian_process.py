"""A Gaussian process without priors: maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro import registry
from bayes_astro.baselines.base import Baseline
from bayes_astro.data import LightCurve
from bayes_astro.hooks import hook
from bayes_astro.processes import prediction
from bayes_astro.processes.mean_and_noise import by_name
from bayes_astro.processes.process_problem import ProcessProblem
from bayes_astro.processes.units import plain
from bayes_astro.samplers.curvature import STEP, climb, curvature

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["MaximumLikelihood"]

FLAT = 1e-3
"""Curvature of a logarithm below which the likelihood does not determine it."""


@dataclass(eq=False, repr=False)
class MaximumLikelihood(Baseline):
    """The Gaussian process of `ba.GaussianProcess` at the maximum of its likelihood.

    The coefficients of the mean are integrated out with wide priors; standard errors are from the
    curvature of the likelihood, of logarithms carried over to first order. A scale whose best value
    is zero has no curvature there: its error is the value at which the likelihood has fallen by
    sqrt(e), the other parameters held. Damping times found so are biased towards the time span or
    towards zero where the light curve is short.

    Parameters
    ----------
    kernel : Kernel
        From `ba.kernels`; this and what follows as for `ba.GaussianProcess`.
    mean : {"constant", "linear", "zero", "harmonics"} or object
        Mean function.
    jitter : bool
        Fit a noise term for each band.
    lag : (lowest, highest), optional
        Fit the lag of every band behind the first, within this range.
    derivative : bool
        Every band also sees the derivative of the process.
    amplitude : bool
        Every band behind the first has an amplitude of its own.
    independent : Kernel, optional
        Of an independent process in every band.
    restarts : int
        Searches from different starts.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> quasar = ba.load("macho-quasar").select("R")
    >>> walk = ba.baselines.MaximumLikelihood(ba.kernels.DampedRandomWalk(), restarts=2)
    >>> walk.fit(quasar).summary().index.tolist()
    ['sigma', 'tau', 'jitter', 'offset']
    """

    kernel: Any = None
    mean: Any = "constant"
    jitter: bool = True
    lag: tuple[Any, Any] | None = None
    derivative: bool = False
    amplitude: bool = True
    independent: Any = None
    restarts: int = 6

    data_type: ClassVar[type] = LightCurve
    references: ClassVar[tuple[str, ...]] = ("foremanmackey2017",)
    outliers: ClassVar[bool] = False

    @hook
    def task(self) -> Any:
        """The Bayesian model with the same parameters."""
        parameters = self.get_params(deep=False)
        parameters.pop("restarts")
        return registry.TASKS["GaussianProcess"].load()(**parameters)

    def missing_parts(self) -> str:
        """As for `ba.GaussianProcess`."""
        return self.task().missing_parts()

    def check_settings(self) -> None:
        """As for `ba.GaussianProcess`."""
        self.task().check_all_settings()

    def check_data(self, data: LightCurve) -> None:
        """As for `ba.GaussianProcess`."""
        self.task().check_data(data)

    def units(self, data: LightCurve) -> dict[str, str]:
        """As for `ba.GaussianProcess`."""
        return self.task().units(data)

    def estimate(self, data: LightCurve) -> Any:
        """The highest of several maxima, and the curvature there."""
        model = plain(self.task(), data)
        problem = ProcessProblem(model, data, model.resolve_priors(data), rotate=False)
        found = Likelihood(problem)
        starts = found.starts(self.restarts, np.random.default_rng(0))
        mode, _, _ = climb(found.density, starts, 500)
        shape = curvature(found.density, mode)
        # A scale that goes to zero goes to minus infinity in its logarithm: flat there.
        flat = np.diag(shape) < FLAT
        shape[flat, :] = shape[:, flat] = 0.0
        covariance = np.linalg.pinv(shape, hermitian=True)
        values, up, down = (found.values(mode + step) for step in (0.0, STEP, -STEP))
        width = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        errors: dict[str, Any] = {}
        for name, where in found.slices.items():
            own = width[where] * np.ravel(np.abs(up[name] - down[name])) / (2 * STEP)
            for i in np.flatnonzero(flat[where]):
                higher = found.values(higher_by_half(found.density, mode, where.start + i))
                own[i] = np.abs(np.ravel(higher[name])[i] - np.ravel(up[name])[i])
            errors[name] = own.reshape(np.shape(values[name]))
        if problem.basis.shape[1]:
            mean, spread = problem.conditional(found.flat_values(mode))
            values |= by_name(problem.centre + mean, problem.curve, problem.scales)
            errors |= by_name(np.sqrt(np.diag(spread)), problem.curve, problem.scales)
        several = problem.curve.several

        def listed(numbers: dict[str, Any]) -> dict[str, Any]:
            return {name: (model.dims_of(name, several), x) for name, x in numbers.items()}

        names = ("band", "other_band")
        coords = {n: list(problem.coords()[n]) for n in names} if several else {}
        return listed(values), listed(errors), {"coords": coords}

    def forecast(
        self, draws: xr.Dataset, data: LightCurve, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """As for `ba.GaussianProcess`."""
        return prediction.forecast(self.task(), draws, data, at, rng)

    def pointwise(self, draws: xr.Dataset, data: LightCurve) -> xr.DataArray:
        """As for `ba.GaussianProcess`."""
        return self.task().pointwise(draws, data)

    def replicate(
        self, draws: xr.Dataset, data: LightCurve, at: LightCurve, rng: np.random.Generator
    ) -> xr.DataArray:
        """As for `ba.GaussianProcess`."""
        return self.task().replicate(draws, data, at, rng)

    def log_predictive(self, draws: xr.Dataset, data: LightCurve) -> xr.DataArray:
        """As for `ba.GaussianProcess`."""
        return prediction.log_predictive(self.task(), draws, self.data, data)

    def normal_residuals(self, draws: xr.Dataset, data: LightCurve) -> np.ndarray:
        """As for `ba.GaussianProcess`."""
        return self.task().normal_residuals(draws, data)

    def can_draw(self, figure: str) -> bool:
        """As for `ba.GaussianProcess`."""
        return self.task().can_draw(figure)

    @hook
    def components(self) -> tuple[str, ...]:
        """As for `ba.GaussianProcess`."""
        return self.task().components()


class Likelihood:
    """The likelihood alone of a process, over the coordinates of its parameters."""

    def __init__(self, problem: ProcessProblem) -> None:
        self.problem, self.free = problem, ~problem.idle
        self.coordinates = problem.target.coordinates
        self.slices = {
            name: where
            for name, where in self.coordinates.slices.items()
            if name != "coefficient_unit"
        }

    def _whole(self, x: np.ndarray) -> np.ndarray:
        found = np.zeros(self.problem.size)
        found[self.free] = x
        return found

    def density(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Log likelihood and gradient: the density less the prior and the Jacobian."""
        from bayes_astro.likelihoods.priors import constrain

        whole = self._whole(x)
        value, gradient = self.problem.density(whole)
        if not np.isfinite(value):
            return value, gradient[self.free]
        values, slopes = np.empty((2, self.coordinates.length))
        own = np.empty(self.problem.size)
        prior = constrain(self.coordinates.table, whole, values, slopes, own)
        return value - prior, (gradient - own)[self.free]

    def starts(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """The densest of many draws from the prior."""
        points = self.problem.candidates(40 * max(count, 2), rng)[:, self.free]
        value = np.array([self.density(x)[0] for x in points])
        value[np.isnan(value)] = -np.inf
        order = np.argsort(-value, kind="stable")[:count]
        return points[order[np.isfinite(value[order])]]

    def values(self, x: np.ndarray) -> dict[str, Any]:
        """Parameters by name."""
        found = self.coordinates.values(self._whole(x)[None])
        return {name: found[name][0] for name in self.slices}

    def flat_values(self, x: np.ndarray) -> np.ndarray:
        """Parameters one after the other."""
        found = self.coordinates.values(self._whole(x)[None])
        return np.concatenate([value.ravel() for value in found.values()])


def higher_by_half(density: Any, mode: np.ndarray, index: int) -> np.ndarray:
    """The point above the mode along one coordinate where the log density has fallen by a half."""
    top = density(mode)[0]

    def moved(step: float) -> np.ndarray:
        point = mode.copy()
        point[index] += step
        return point

    def has_fallen(step: float) -> bool:
        return not density(moved(step))[0] > top - 0.5

    high = 1.0
    while not has_fallen(high) and high < 1e4:
        high *= 2
    low = 0.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if has_fallen(middle) else (middle, high)
    return moved(low)
