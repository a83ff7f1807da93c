"""The maximum of a posterior, and the Gaussian about it."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import logsumexp

from bayes_astro.problem import Exactly, HasLaplace, HasMaximum, Problem
from bayes_astro.samplers.base import Sampler
from bayes_astro.samplers.curvature import (
    Gaussian,
    climbs,
    gaussian,
    importance,
    student,
    student_draws,
)
from bayes_astro.samplers.exact import efficiency_check, tree_of

__all__ = ["AGREE", "MAP", "Laplace", "Mode", "apart", "evidence"]

TRIALS = 400  # draws whose weights judge a Laplace approximation
WEIGHTED = 2000  # draws of an evidence
WIDER = 1.1  # than the posterior's curvature says
DEPTH, FAR, MOST_MODES = 20.0, 6.0, 8
"""Nats below the highest maximum, and widths from every other, of maxima of their own."""
SAME = 1e-3  # between ends of climbs to one maximum, in coordinates of the order of one
LEAST_SHARE = 0.02
ELSEWHERE = 0.05  # of the posterior, which draws about one maximum may miss
AGREE = 0.3  # nats between two estimates of an evidence
_HALF_LOG_2PI = 0.5 * np.log(2 * np.pi)


@dataclass(frozen=True)
class MAP(Sampler):
    """The maximum of the posterior: a fit without uncertainty, a posterior with one atom.

    Parameters
    ----------
    restarts : int
        Short runs from random starts, the best of which goes on. For a mixture of many rows, 150 or
        more for each free parameter, these and the `moves` see a random part of the rows; the last
        climb sees all.
    tolerance : float, optional
        Stop when the predicted gain still to come is below this, in nats of the whole data.
        Default: 0.05, and for mixtures of more than 2000 rows 0.000025 a row.
    max_steps : int
        Most passes over the data.
    moves : int
        Attempts to leave a local maximum (split and merge).
    threads : int, optional
        Default: all cores. The result does not depend on it.
    """

    restarts: int = 10
    tolerance: float | None = None
    max_steps: int = 3000
    moves: int = 6
    threads: int | None = None

    def __post_init__(self) -> None:
        self._check_counts(restarts=self.restarts, max_steps=self.max_steps)
        self._check_counts(least=0, moves=self.moves)
        if self.tolerance is not None and not (
            isinstance(self.tolerance, int | float) and 0 < self.tolerance < np.inf
        ):
            raise ValueError(f"MAP: tolerance={self.tolerance!r} must be a positive number.")
        if self.threads is not None:
            self._check_counts(threads=self.threads)

    @property
    def workers(self) -> int:
        """Threads to use."""
        if self.threads:
            return self.threads
        try:
            return len(os.sched_getaffinity(0))
        except AttributeError:  # macOS and Windows know no affinity
            return os.cpu_count() or 1

    def sample(self, problem: Problem, seed: int, *, progress: bool = False) -> Any:
        """Climb; one chain of one draw."""
        rng = np.random.default_rng(seed)
        if isinstance(problem, HasMaximum):
            return tree_of(problem.maximum(self, rng, progress), 1)
        mode = Mode.of(problem, self, rng)
        points = mode.whole(mode.point[None], None)[None]
        return _tree(problem.variables(points), mode.statistics())

    def checks(self, statistics: Any, table: Any) -> list[Any]:
        """Whether the search came to its end."""
        return [_maximum_check(statistics), *_one_maximum(statistics)]


@dataclass(frozen=True)
class Laplace(Sampler):
    """Independent draws from the Gaussian that has the posterior's curvature at its maximum.

    In the unconstrained coordinates of the task. It knows one maximum and no skewness: right
    where the data outnumber the parameters by far. Some draws are weighed against the posterior
    itself; the efficiency of these weights (Kish) is kept and judged by `diagnose`.

    Parameters
    ----------
    draws : int
        In total, stored as four chains where `draws` can be divided by four.
    restarts, tolerance, max_steps, moves, threads
        Of the search for the maximum, as in `MAP`.
    """

    draws: int = 4000
    restarts: int = 10
    tolerance: float | None = None
    max_steps: int = 3000
    moves: int = 6
    threads: int | None = None

    def __post_init__(self) -> None:
        self._check_counts(draws=self.draws)
        _ = self.search

    @property
    def search(self) -> MAP:
        """How the maximum is found."""
        return MAP(self.restarts, self.tolerance, self.max_steps, self.moves, self.threads)

    def sample(self, problem: Problem, seed: int, *, progress: bool = False) -> Any:
        """Climb, take the curvature, draw."""
        rng = np.random.default_rng(seed)
        if isinstance(problem, HasLaplace):
            return tree_of(problem.laplace(self, rng, progress), self.draws)
        import xarray as xr

        mode = Mode.of(problem, self.search, rng)
        around = mode.gaussian
        unit = rng.standard_normal((self.draws, len(mode.point)))
        points = around.points(unit)
        some = np.linspace(0, self.draws - 1, min(self.draws, TRIALS)).astype(int)
        weight = mode.densities(points[some]) - around.log_density(unit[some])
        efficiency, _, _ = importance(weight)
        chains = 4 if self.draws % 4 == 0 and self.draws >= 400 else 1
        whole = mode.whole(points, rng).reshape(chains, -1, problem.size)
        statistics = mode.statistics(importance_efficiency=efficiency)
        tree = _tree(problem.variables(whole), statistics)
        found = problem.log_evidence(WEIGHTED, rng) or mode.log_evidence(WEIGHTED, rng)
        tree["evidence"] = xr.DataTree(xr.Dataset(found))
        return tree

    def checks(self, statistics: Any, table: Any) -> list[Any]:
        """Whether the search came to its end, and whether the Gaussian is the posterior."""
        return [
            _maximum_check(statistics),
            efficiency_check(self, statistics),
            *_one_maximum(statistics),
        ]


class Mode:
    """The highest maximum found of a problem's density.

    Coordinates that the likelihood does not depend on, unit normals by construction
    (`Problem.idle`), are left out: they integrate to one.

    Parameters
    ----------
    problem : Problem
    point : (k,) array
        Without the idle coordinates.
    value : float
        Log density there.
    converged : bool
    others : sequence of Mode
        Lower maxima, which stand apart.
    """

    def __init__(
        self,
        problem: Problem,
        point: np.ndarray,
        value: float,
        converged: bool,
        others: tuple[Mode, ...] = (),
    ) -> None:
        self.problem, self.point, self.value, self.converged = problem, point, value, converged
        self.others = others

    @classmethod
    def of(cls, problem: Problem, search: MAP, rng: np.random.Generator) -> Mode:
        """Quasi-Newton searches from the densest of many points that the prior suggests."""
        if problem.no_mode:
            raise ValueError(f"ba.MAP, ba.Laplace and an evidence cannot take {problem.no_mode}.")
        found = cls(problem, np.zeros(0), 0.0, False)
        candidates = problem.candidates(40 * max(search.restarts, 2), rng)[:, ~problem.idle]
        density = found.densities(candidates)
        order = np.argsort(-density, kind="stable")[: search.restarts]
        if candidates.shape[1] == 0:
            return cls(problem, np.zeros(0), float(density[0]), True)
        starts = candidates[order[np.isfinite(density[order])]]
        ends = climbs(found.density, starts, search.max_steps)
        return cls(problem, *ends[0], others=_apart([cls(problem, *end) for end in ends]))

    def whole(self, points: np.ndarray, rng: np.random.Generator | None) -> np.ndarray:
        """Flat vectors of the problem: idle coordinates drawn, or without `rng` at zero."""
        idle = self.problem.idle
        found = np.zeros((len(points), len(idle)))
        found[:, ~idle] = points
        if rng is not None:
            found[:, idle] = rng.standard_normal((len(points), int(idle.sum())))
        return found

    def density(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Log density, the idle coordinates integrated out, and its gradient."""
        idle = self.problem.idle
        value, gradient = self.problem.density(self.whole(x[None], None)[0])
        return value + 0.5 * np.log(2 * np.pi) * idle.sum(), gradient[~idle]

    def densities(self, points: np.ndarray) -> np.ndarray:
        """The same of many points."""
        found = self.problem.densities(self.whole(points, None))
        found = found + 0.5 * np.log(2 * np.pi) * self.problem.idle.sum()
        return np.where(np.isnan(found), -np.inf, found)

    def statistics(self, **more: float) -> Any:
        """What is kept of the search."""
        import xarray as xr

        attributes = {"converged": int(self.converged), "gain_to_come": 0.0, "interrupted": 0}
        attributes |= {"maximum": self.value, "mass_elsewhere": self.mass_elsewhere()}
        return xr.Dataset(attrs=attributes | more)

    @cached_property
    def mass(self) -> float:
        """Log of the integral of the Gaussian about the mode."""
        size = len(self.point)
        return self.value + float(np.log(self.around().width).sum()) + size * _HALF_LOG_2PI

    def mass_elsewhere(self) -> float:
        """Share of the posterior about the other maxima, by their Gaussians."""
        if not self.others:
            return 0.0
        masses = np.array([mode.mass for mode in (self, *self.others)])
        return 1 - float(np.exp(self.mass - logsumexp(masses)))

    def around(self) -> Gaussian:
        """The Gaussian at the mode, no wider than three in any direction."""
        return self.gaussian._replace(width=np.minimum(self.gaussian.width, 3.0))

    @cached_property
    def gaussian(self) -> Gaussian:
        """The Gaussian at the mode."""
        return gaussian(self.density, self.point)

    def log_evidence(self, draws: int, rng: np.random.Generator) -> dict[str, float]:
        """Log marginal likelihood, its standard error, and the efficiency of its weights.

        By importance sampling from a Student t with five degrees of freedom about each maximum, with
        its curvature, a little wider.
        """
        names = ("log_evidence", "log_evidence_error", "importance_efficiency")
        if len(self.point) == 0:
            return dict(zip(names, (self.value, 0.0, 1.0), strict=True))
        modes = (self, *self.others)
        masses = np.array([mode.mass for mode in modes])
        share = np.exp(masses - logsumexp(masses)) + LEAST_SHARE
        share /= share.sum()
        counts = np.bincount(rng.choice(len(modes), draws, p=share), minlength=len(modes))
        each = [mode.around() for mode in modes]
        points = np.concatenate(
            [
                student_draws(one, int(count), WIDER, rng)
                for one, count in zip(each, counts, strict=True)
            ]
        )
        log_q = [
            np.log(part) + student(one, points, WIDER)
            for part, one in zip(share, each, strict=True)
        ]
        weight = self.densities(points) - logsumexp(log_q, axis=0)
        efficiency, log_mean, error = importance(weight)
        return dict(zip(names, (log_mean, error, efficiency), strict=True))


def _apart(modes: list[Mode]) -> tuple[Mode, ...]:
    """Those behind the first that are maxima of their own and not far below it, the highest first."""
    kept: list[Mode] = modes[:1]
    for mode in modes[1:]:
        if mode.value < modes[0].value - DEPTH or len(kept) > MOST_MODES or not mode.converged:
            continue
        if any(np.max(np.abs(mode.point - one.point)) < SAME for one in kept):
            continue  # most climbs end at one place: no curvature is needed to see it
        steps = [(mode.point - one.point) @ one.around().axes / one.around().width for one in kept]
        if all(np.sum(step**2) > FAR**2 for step in steps):
            kept.append(mode)
    return tuple(kept[1:])


def evidence(problem: Problem, rng: np.random.Generator) -> dict[str, float]:
    """Log marginal likelihood with its error, exactly or about the maximum."""
    if problem.no_evidence:
        raise ValueError(f"{type(problem.model).__name__}: {problem.no_evidence}.")
    sampler, _ = problem.model.default_sampler(problem.data)
    if type(sampler).__name__ == "Exact" and isinstance(problem, Exactly):
        groups = problem.exact(sampler.draws, rng)
        found = {str(n): float(v) for n, v in groups["evidence"].data_vars.items()}
        efficiency = float(groups["sample_stats"].attrs["importance_efficiency"])
        return found | {"importance_efficiency": efficiency}
    if (whole := problem.log_evidence(2 * WEIGHTED, rng)) is not None:
        between, close = apart(whole)
        if not close:
            warnings.warn(
                f"two estimates of the log evidence are {between:.2g} nats apart, with errors of "
                f"{whole['log_evidence_error']:.2g} and {whole['log_evidence_again_error']:.2g}: do not "
                "quote it; narrow the range of periods",
                stacklevel=3,
            )
        return whole
    mode = Mode.of(problem, MAP(restarts=6, max_steps=300), rng)
    return mode.log_evidence(2 * WEIGHTED, rng)


def apart(found: dict[str, float]) -> tuple[float, bool]:
    """How far two estimates of an evidence are from each other, and whether that is little enough."""
    between = abs(found["log_evidence"] - found["log_evidence_again"])
    error = float(np.hypot(found["log_evidence_error"], found["log_evidence_again_error"]))
    return between, bool(between <= AGREE + 3 * error and error < AGREE)


def _tree(posterior: Any, statistics: Any) -> Any:
    import xarray as xr

    return xr.DataTree.from_dict({"posterior": posterior, "sample_stats": statistics})


def _maximum_check(statistics: Any) -> Any:
    from bayes_astro.diagnostics import Check

    return Check(
        "maximum reached",
        bool(statistics.attrs["converged"]),
        float(statistics.attrs["gain_to_come"]),
        "the search ended before its gains were negligible: raise max_steps",
        "predicted gain to come in nats",
    )


def _one_maximum(statistics: Any) -> list[Any]:
    """Whether other maxima hold much of the posterior."""
    from bayes_astro.diagnostics import Check

    share = float(statistics.attrs.get("mass_elsewhere", 0.0))
    if share == 0:
        return []
    return [
        Check(
            "one maximum",
            share <= ELSEWHERE,
            share,
            "other maxima hold so much of the posterior, which draws about the highest do not know: narrow "
            "the priors to one of them, or look at all with ba.NUTS() and ba.Emcee()",
            f"at most {ELSEWHERE:g} elsewhere",
        )
    ]
