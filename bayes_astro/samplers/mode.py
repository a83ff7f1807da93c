"""The highest maximum of a density, the others beside it, and the evidence about them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import logsumexp

from bayes_astro.problem import Problem
from bayes_astro.samplers.curvature import (
    Gaussian,
    climbs,
    gaussian,
    importance,
    student,
    student_draws,
)

if TYPE_CHECKING:
    from bayes_astro.samplers.maximum import MAP

__all__ = ["AGREE", "Mode", "apart"]

WIDER = 1.1  # than the posterior's curvature says
DEPTH, FAR, MOST_MODES = 20.0, 6.0, 8
"""Nats below the highest maximum, and widths from every other, of maxima of their own."""
SAME = 1e-3  # between ends of climbs to one maximum, in coordinates of the order of one
LEAST_SHARE = 0.02
AGREE = 0.3  # nats between two estimates of an evidence
_HALF_LOG_2PI = 0.5 * np.log(2 * np.pi)


def refuse_without_mode(problem: Problem) -> None:
    """Raise ValueError where the maximum of the posterior says nothing of it."""
    cannot = "ba.MAP, ba.Laplace and an evidence cannot take"
    if problem.no_mode:
        raise ValueError(f"{cannot} {problem.no_mode}.")
    for name, prior in problem.priors.items():
        if prior.spiked:
            raise ValueError(
                f"{cannot} the {prior.distribution} prior of {name!r}: its density is infinite at its "
                "centre, which is the maximum of any posterior; use ba.NUTS()."
            )


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
        refuse_without_mode(problem)
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

        By importance sampling from a Student t with five degrees of freedom about each maximum,
        with its curvature, a little wider.
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


def apart(found: dict[str, float]) -> tuple[float, bool]:
    """How far two estimates of an evidence are from each other, and whether that is little enough."""
    between = abs(found["log_evidence"] - found["log_evidence_again"])
    error = float(np.hypot(found["log_evidence_error"], found["log_evidence_again_error"]))
    return between, bool(between <= AGREE + 3 * error and error < AGREE)
