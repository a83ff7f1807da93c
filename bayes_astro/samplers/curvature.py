"""The Gaussian that has a density's curvature at its mode: of `ba.Laplace`, and of starts."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

__all__ = ["STEP", "Gaussian", "curvature", "gaussian", "importance"]

STEP = 1e-4
FLAT = 1e-6


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


def curvature(density: Any, flat: np.ndarray) -> np.ndarray:
    """Minus the Hessian of ``density.value_and_gradient``, by central differences."""
    rows = []
    for i in range(len(flat)):
        x = flat.copy()
        x[i] += STEP
        _, up = density.value_and_gradient(x)
        x[i] -= 2 * STEP
        _, down = density.value_and_gradient(x)
        rows.append((up - down) / (2 * STEP))
    hessian = np.array(rows).reshape(len(flat), len(flat))
    return -(hessian + hessian.T) / 2


def gaussian(density: Any, mode: np.ndarray) -> Gaussian:
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
