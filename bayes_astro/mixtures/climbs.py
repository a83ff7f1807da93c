"""Maxima of mixtures and Gaussians about them, as what samplers ask a problem for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.mixtures.coordinates import Parameters
from bayes_astro.mixtures.expectation import Deconvolution, Run
from bayes_astro.mixtures.posterior import MixturePosterior
from bayes_astro.mixtures.search import best
from bayes_astro.samplers.curvature import gaussian, importance
from bayes_astro.samplers.progress import Progress, interruptible, warn_interrupted

if TYPE_CHECKING:
    import xarray as xr
from bayes_astro.mixtures.objects import TRIALS

__all__ = ["bayesian_bootstrap", "laplace", "search", "stacked", "starts"]


def search(
    problem: Deconvolution, settings: Any, rng: np.random.Generator, progress: bool
) -> tuple[Run, xr.Dataset]:
    """The best maximum, and how it was found."""
    import xarray as xr

    with (
        interruptible() as interrupt,
        Progress(settings.max_steps, "EM", shown=progress) as bar,
    ):

        def report(run: Run, seen: Deconvolution) -> bool:
            points = seen.points
            score = (run.found.log_likelihood + points.offset) / max(points.weighted, 1e-300)
            bar.at(min(run.steps, settings.max_steps), f"log-likelihood {score:.6f} a point")
            return bool(interrupt)

        run, trials = best(
            problem,
            rng,
            restarts=settings.restarts,
            tolerance=settings.tolerance,
            max_steps=settings.max_steps,
            moves=settings.moves,
            report=report,
        )
        if interrupt:
            warn_interrupted(f"the climb after {run.steps} passes was kept.")
        interrupted = bool(interrupt)
    group = xr.Dataset(
        {
            "objective": ("step", np.array(run.history)),
            "trial_objective": ("trial", np.array(trials)),
        },
        attrs={
            "converged": int(run.converged),
            "gain_to_come": float(min(run.gain, 1e300)),
            "steps": run.steps,
            "log_likelihood": run.found.log_likelihood + problem.points.offset,
            "interrupted": int(interrupted),
        },
    )
    return run, group


def bayesian_bootstrap(rng: np.random.Generator) -> Callable[[int], np.ndarray]:
    """Weights of n points (Rubin 1981)."""
    return lambda n: np.maximum(rng.dirichlet(np.ones(n)) * n, 1e-9)


def stacked(found: list[Parameters]) -> dict[str, np.ndarray]:
    """Scaled parameters of several mixtures, (s, ...)."""
    return {
        name: np.array([getattr(parameters, name) for parameters in found])
        for name in ("weight", "mean", "covariance", "background")
    }


def laplace(
    problem: Deconvolution, run: Run, draws: int, rng: np.random.Generator
) -> tuple[dict[str, np.ndarray], float]:
    """Draws about the maximum, and the efficiency of their importance weights."""
    density = MixturePosterior(problem)
    mode = density.mode(run.parameters)
    around = gaussian(density.value_and_gradient, mode)
    unit = rng.standard_normal((draws, density.size))
    points = around.points(unit)
    some = np.linspace(0, draws - 1, min(draws, TRIALS)).astype(int)
    values = np.array([density.value_and_gradient(points[i])[0] for i in some])
    efficiency, _, _ = importance(values - around.log_density(unit[some]))
    return stacked([density.layout.parameters(point) for point in points]), efficiency


def starts(problem: Deconvolution, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Free variables of `build` spread about the maximum, each (count, ...)."""
    from bayes_astro.samplers.maximum import MAP

    run, _ = best(problem, rng, restarts=5, tolerance=0.1, max_steps=500, moves=MAP().moves)
    density = MixturePosterior(problem)
    mode = density.mode(run.parameters)
    around = gaussian(density.value_and_gradient, mode)
    around = around._replace(width=np.minimum(around.width, 3.0))
    points = around.points(rng.standard_normal((count, density.size)))
    layout = problem.layout
    parts = [layout.split(point) for point in points]
    found = {}
    if len(layout.free_weight) > 1:
        found["share"] = np.array([share for share, _, _ in parts])
    if len(layout.free_mean):
        found["free_mean"] = np.array([mean for _, mean, _ in parts])
    if len(layout.free_covariance):
        found["log_cholesky"] = np.array([layout.triangles(factor) for _, _, factor in parts])
    return found
