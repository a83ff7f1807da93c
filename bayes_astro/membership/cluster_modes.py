"""Where the posterior of a cluster and its field is highest.

The field starts without the stars of the region where the cluster is, by EM, and the cluster with these;
a quasi-Newton search of all parameters follows, in coordinates scaled by the curvature. Of many rows some
show the way, and the last steps see all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.likelihoods.mixture_blocks import subset
from bayes_astro.mixtures.coordinates import Layout, Parameters
from bayes_astro.mixtures.expectation import Deconvolution
from bayes_astro.mixtures.search import best
from bayes_astro.samplers.curvature import scaled_climb

if TYPE_CHECKING:
    from bayes_astro.data import Measurements
    from bayes_astro.membership.cluster_search import Region

__all__ = ["TRIALS", "Found", "climb", "field_alone", "field_layout", "mode", "start"]

TRIALS = 400  # draws whose weights judge a Laplace approximation
SEEN = 5000  # rows that show the way
SPREADS = (0.5, 0.15)  # dispersions from which the cluster starts, in half-widths of the region
LEAST = 0.003  # fraction from which it starts


@dataclass(frozen=True)
class Found:
    """A maximum: its flat vector, log density, and whether the search came to its end."""

    point: np.ndarray
    value: float
    converged: bool

    def statistics(self, **more: float) -> Any:
        """What is kept of the search."""
        import xarray as xr

        attributes = {"converged": int(self.converged), "gain_to_come": 0.0, "interrupted": 0}
        return xr.Dataset(attrs=attributes | {"maximum": self.value} | more)


def field_layout(fields: int, d: int, wide: np.ndarray) -> Layout:
    """Free Gaussians and a broad one: scaled coordinates."""
    mean, covariance = np.full((fields + 1, d), np.nan), np.full((fields + 1, d, d), np.nan)
    mean[-1], covariance[-1] = 0.0, np.diag(wide)
    return Layout(np.full(fields + 1, np.nan), mean, covariance)


def field_alone(
    problem: Any, points: Any, fields: int, rng: np.random.Generator, restarts: int = 6
) -> Parameters:
    """The field of some points by EM."""
    layout = field_layout(fields, problem.d, problem.wide)
    climbed = Deconvolution(points, layout, problem.conjugate)
    run, _ = best(climbed, rng, restarts=restarts, tolerance=0.5, max_steps=400, moves=3)
    return run.parameters


def outside(data: Measurements, region: Region) -> np.ndarray:
    """Rows outside of the region; all, where hardly any is."""
    away = ~region.within(data) & ~data.missing.all(axis=1)
    return away if away.sum() > 5 * data.d else ~data.missing.all(axis=1)


def start(problem: Any, rng: np.random.Generator) -> list[np.ndarray]:
    """Flat vectors from which the search begins."""
    data, region, d = problem.data, problem.region, problem.d
    away = outside(data, region)
    chosen = np.flatnonzero(away)
    if len(chosen) > SEEN:
        chosen = np.sort(rng.choice(chosen, SEEN, replace=False))
    mask = np.zeros(len(data), dtype=bool)
    mask[chosen] = True
    field = field_alone(problem, subset(problem.laid, mask), problem.fields, rng)
    inside = region.within(data)
    factor = np.linalg.cholesky(
        _above(field.covariance[:-1], problem.bound, problem.psi / (problem.nu + d + 1))
    )
    fraction = np.clip(0.8 * inside.sum() / max(len(data), 1), LEAST, 0.95)
    values = {
        "mean": region.centre[None],
        "fraction": np.array([fraction]),
        "field_weight": np.maximum(field.weight, 1e-4)[None] / np.maximum(field.weight, 1e-4).sum(),
        "free_field_mean": (problem.shift + problem.scale * field.mean[:-1])[None],
        "log_cholesky": problem.triangle.triangles(factor)[None],
        "correlation": np.zeros((1, len(problem.columns.pairs))),
        "wing_fraction": np.array([0.2]),
        "wing_scale": np.array([3.0]),
    }
    group = problem.columns.group
    width = np.array([region.width[group == g].mean() for g in range(group.max() + 1)])
    names = [one.name for one in problem.free()]
    found = []
    for part in SPREADS:
        own = values | {"dispersion": part * width[None]}
        found.append(problem.flat({name: own[name] for name in names})[0])
    return found


def _above(covariance: np.ndarray, bound: np.ndarray, least: np.ndarray) -> np.ndarray:
    """What covariances (k, d, d) have above the bound, positive definite."""
    found = covariance - np.diag(bound)
    smallest = np.sqrt(np.diag(least))
    for k, matrix in enumerate(found):
        scaled = matrix / np.outer(smallest, smallest)
        values, vectors = np.linalg.eigh((scaled + scaled.T) / 2)
        scaled = (vectors * np.maximum(values, 0.3)) @ vectors.T
        found[k] = scaled * np.outer(smallest, smallest)
    return found


def climb(density: Any, begin: np.ndarray, max_steps: int = 500) -> Found:
    """The maximum that a quasi-Newton search reaches in coordinates of unit curvature."""
    if not np.isfinite(density(begin)[0]):
        return Found(begin, -np.inf, False)
    options = {"maxiter": max_steps, "ftol": 1e-11, "gtol": 1e-3}
    point, value, steps = scaled_climb(density, begin, 0.1, **options)
    return Found(point, value, steps < max_steps)


def mode(problem: Any, rng: np.random.Generator, max_steps: int = 3000) -> Found:
    """The highest maximum from the starts about the region."""
    seen = problem.on_some(SEEN, rng)
    ends = [climb(seen.density, begin, max_steps) for begin in start(problem, rng)]
    top = max(ends, key=lambda one: one.value)
    return top if seen is problem else climb(problem.density, top.point, max_steps)
