"""The Gaussian that has a density's curvature at its mode: of `ba.Laplace`, and of starts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.special import gammaln

__all__ = [
    "STEP",
    "Gaussian",
    "about_the_mode",
    "climb",
    "climbs",
    "curvature",
    "gaussian",
    "importance",
    "scaled_climb",
    "student",
    "student_draws",
]

STEP = 1e-4
FLAT = 1e-6
DEGREES = 5.0  # of freedom of Student t proposals

Density = Callable[[np.ndarray], tuple[float, np.ndarray]]


class Gaussian(NamedTuple):
    """Mode, standard deviations along the axes, and the axes as columns."""

    mode: np.ndarray
    width: np.ndarray
    axes: np.ndarray

    def points(self, unit: np.ndarray) -> np.ndarray:
        """Flat vectors (n, size) from unit normals."""
        return self.mode + (unit * self.width) @ self.axes.T

    def log_density(self, unit: np.ndarray) -> np.ndarray:
        """Normalised log density of `points(unit)`."""
        size = unit.shape[1]
        return (
            -0.5 * np.sum(unit**2, axis=1)
            - np.log(self.width).sum()
            - 0.5 * size * np.log(2 * np.pi)
        )


def curvature(density: Density, flat: np.ndarray) -> np.ndarray:
    """Minus the Hessian of a density's logarithm, by central differences of its gradient."""
    rows = []
    for i in range(len(flat)):
        x = flat.copy()
        x[i] += STEP
        _, up = density(x)
        x[i] -= 2 * STEP
        _, down = density(x)
        rows.append((up - down) / (2 * STEP))
    hessian = np.array(rows).reshape(len(flat), len(flat))
    return -(hessian + hessian.T) / 2


def gaussian(density: Density, mode: np.ndarray) -> Gaussian:
    """The Gaussian at a mode.

    Directions in which the density is flat or rises are given unit width: the importance
    efficiency then tells that the approximation fails.
    """
    values, vectors = np.linalg.eigh(curvature(density, mode))
    return Gaussian(mode, 1 / np.sqrt(np.where(values > FLAT, values, 1.0)), vectors)


def importance(log_weight: np.ndarray) -> tuple[float, float, float]:
    """Efficiency (Kish), log of the mean weight, and the standard error of that."""
    top = float(np.max(log_weight))
    if not np.isfinite(top):
        return 0.0, -np.inf, np.inf
    weight = np.exp(log_weight - top)
    mean = float(weight.mean())
    efficiency = float(weight.sum() ** 2 / (weight**2).sum() / len(weight))
    return efficiency, top + float(np.log(mean)), float(weight.std() / mean / np.sqrt(len(weight)))


def student(around: Gaussian, points: np.ndarray, wide: float) -> np.ndarray:
    """Log density at points (n, size) of a Student t about a Gaussian, `wide` times its width."""
    size = points.shape[1]
    unit = (points - around.mode) @ around.axes / (wide * around.width)
    constant = gammaln((DEGREES + size) / 2) - gammaln(DEGREES / 2)
    constant -= 0.5 * size * np.log(DEGREES * np.pi) + np.log(wide * around.width).sum()
    return constant - (DEGREES + size) / 2 * np.log1p(np.sum(unit**2, axis=1) / DEGREES)


def student_draws(
    around: Gaussian, count: int, wide: float, rng: np.random.Generator
) -> np.ndarray:
    """Draws (count, size) of it."""
    scale = wide * np.sqrt(DEGREES / rng.chisquare(DEGREES, count))
    return around.points(rng.standard_normal((count, len(around.mode))) * scale[:, None])


def climb(
    density: Density, starts: np.ndarray, max_steps: int = 2000
) -> tuple[np.ndarray, float, bool]:
    """The highest maximum that quasi-Newton searches reach: where, its log density, converged."""
    return climbs(density, starts, max_steps)[0]


def climbs(
    density: Density, starts: np.ndarray, max_steps: int = 2000
) -> list[tuple[np.ndarray, float, bool]]:
    """Where quasi-Newton searches end, the highest first: point, its log density, converged."""
    from scipy.optimize import minimize

    def downhill(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = density(x)
        return (-value, -gradient) if np.isfinite(value) else (1e300, 0 * x)

    found = []
    for start in starts:
        end = minimize(
            downhill,
            start,
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": max_steps, "ftol": 1e-12, "gtol": 1e-5},
        )
        if end.fun < 1e299:
            found.append((end.x, -float(end.fun), bool(end.success or end.nit > 5)))
    if not found:
        raise ValueError(
            "The posterior density is zero wherever it was tried: check that the priors admit "
            "the data."
        )
    return sorted(found, key=lambda one: -one[1])


def scaled_climb(
    density: Density, begin: np.ndarray, least: float, **options: Any
) -> tuple[np.ndarray, float, int]:
    """Where a quasi-Newton search in coordinates of unit curvature ends, its log density, its steps.

    Curvatures are those along each coordinate where it begins, and at least `least`; `options` are those of
    SciPy's L-BFGS-B.
    """
    from scipy.optimize import minimize

    size, (_, middle) = np.zeros(len(begin)), density(begin)
    for i in range(len(begin)):
        x = begin.copy()
        x[i] += STEP
        size[i] = abs((density(x)[1] - middle)[i] / STEP)
    scale = 1 / np.sqrt(np.maximum(size, least))

    def downhill(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = density(begin + scale * x)
        return (-value, -scale * gradient) if np.isfinite(value) else (1e300, 0 * x)

    start = np.zeros(len(begin))
    end = minimize(downhill, start, jac=True, method="L-BFGS-B", options={"maxcor": 30} | options)
    return begin + scale * end.x, -float(end.fun), int(end.nit)


def about_the_mode(problem: Any, rng: np.random.Generator) -> Gaussian:
    """The Gaussian at the mode that a search from one start reaches, no wider than three."""
    starts, _ = problem.points(1, rng)
    mode, _, _ = climb(problem.density, starts)
    found = gaussian(problem.density, mode)
    return found._replace(width=np.minimum(found.width, 3.0))
