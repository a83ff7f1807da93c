"""NUTS by PyMC's step, on the density of a problem.

PyMC's step compiles the gradient of a PyMC model when it is made. Ours has its gradient already, so
the step is put together from its parts: potential, integrator and step-size adaptation.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from bayes_astro.likelihoods.compiled import ready_pytensor
from bayes_astro.problem import Problem
from bayes_astro.samplers.curvature import about_the_mode
from bayes_astro.samplers.progress import Progress, interruptible

__all__ = ["run"]

STATISTICS = {
    "diverging": ("diverging", bool),
    "energy": ("energy", float),
    "tree_depth": ("depth", int),
    "n_steps": ("tree_size", int),
    "acceptance_rate": ("mean_tree_accept", float),
    "step_size": ("step_size", float),
    "reached_max_treedepth": ("reached_max_treedepth", bool),
}


class _Function:
    """A density as PyMC's integrator calls one."""

    dtype = "float64"
    _raveled_inputs = True

    def __init__(self, density: Any) -> None:
        self._pytensor_function = density


def _step(problem: Problem, potential: Any, target_accept: float, rng: np.random.Generator) -> Any:
    """A `pymc.NUTS` at the start of its warm-up."""
    from pymc import NUTS
    from pymc.step_methods.hmc.integration import CpuLeapfrogIntegrator
    from pymc.step_methods.step_sizes import DualAverageAdaptation

    step = object.__new__(NUTS)
    step._model = None
    step.rng, step.potential = rng, potential
    step.adapt_step_size, step.Emax, step.iter_count, step.tune = True, 1000, 0, True
    step.step_size = 0.25 / problem.size**0.25
    step.step_adapt = DualAverageAdaptation(step.step_size, target_accept, 0.05, 0.75, 10)
    step.target_accept = target_accept
    step.integrator = CpuLeapfrogIntegrator(potential, _Function(problem.density))
    step._step_rand, step._num_divs_sample, step.divergences = None, 0, 0
    step.max_treedepth, step.early_max_treedepth, step._reached_max_treedepth = 10, 8, 0
    potential.set_rng(rng.spawn(1)[0])
    return step


def run(settings: Any, problem: Problem, seed: int, progress: bool) -> Any:
    """Points (chain, draw, size), statistics, and whether the run was interrupted."""
    ready_pytensor()
    from pymc.blocking import RaveledVars
    from pymc.step_methods.hmc.quadpotential import (
        QuadPotentialDiagAdapt,
        QuadPotentialFullAdapt,
    )

    seeds = np.random.SeedSequence(seed).spawn(settings.chains + 1)
    first = np.random.default_rng(seeds[-1])
    size = problem.size
    if settings.metric == "full":
        frame = about_the_mode(problem, first)
        starts = frame.points(0.5 * first.standard_normal((settings.chains, size)))
        covariance = (frame.axes * frame.width**2) @ frame.axes.T
    else:
        starts, variance = problem.points(settings.chains, first)

    def metric(chain: int) -> Any:
        if settings.metric == "full":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # "experimental"
                return QuadPotentialFullAdapt(size, starts[chain], covariance, 10 * size)
        return QuadPotentialDiagAdapt(size, starts[chain], variance, 10)

    steps, points = [], []
    for chain in range(settings.chains):
        rng = np.random.default_rng(seeds[chain])
        steps.append(_step(problem, metric(chain), settings.target_accept, rng))
        points.append(RaveledVars(starts[chain].copy(), ()))
    kept = np.empty((settings.chains, settings.draws, size))
    statistics: dict[str, np.ndarray] = {
        name: np.zeros((settings.chains, settings.draws), kind)
        for name, (_, kind) in STATISTICS.items()
    }
    drawn = divergences = 0
    total = settings.tune + settings.draws
    with interruptible() as interrupt, Progress(total, "NUTS", shown=progress) as bar:
        for i in range(total):
            if interrupt:
                break
            for chain, step in enumerate(steps):
                if i == settings.tune:
                    step.stop_tuning()
                points[chain], (stats,) = step.astep(points[chain])
                if i >= settings.tune:
                    kept[chain, drawn] = points[chain].data
                    for name, (theirs, _) in STATISTICS.items():
                        statistics[name][chain, drawn] = stats[theirs]
                    divergences += bool(stats["diverging"])
            drawn += i >= settings.tune
            bar.at(i + 1, "warm-up" if i < settings.tune else f"{divergences} divergences")
    statistics = {name: values[:, :drawn] for name, values in statistics.items()}
    return kept[:, :drawn], statistics, bool(interrupt)
