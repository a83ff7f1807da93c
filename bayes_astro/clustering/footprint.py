r"""Do objects lean to one side of the field, where random points do not?

Clumps are the independent ones among objects: an object has on average

.. code-block:: text

    m = 1 + sum_b 2 expected_b / n (xi_b - xi_end)

in its clump, itself included, with the pairs that would be expected without clustering in bin b, and xi
at the end of the bins taken off, since a wrong footprint raises all of them. The mean of n / m clumps along an axis
is known to sd / sqrt(n / m), with the sd of the random points.
"""

from __future__ import annotations

import numpy as np

__all__ = ["clumps", "lean"]

DIRECTIONS = 8
FLAT = 0.05
CLOSER = 1.5
"""Directions all round; the least variance, of the largest, from which a field of angles has a third; times that
clumps may be fewer than their pairs within the bins say."""


def _directions(field: np.ndarray) -> np.ndarray:
    """Unit vectors (k, d) all round, within the plane of angles or of a flat field."""
    middle = field - field.mean(axis=0)
    values, axes = np.linalg.eigh(middle.T @ middle)
    kept = axes[:, 1:] if len(values) == 3 and values[0] < FLAT * values[-1] else axes
    if kept.shape[1] == 2:
        angle = np.pi * np.arange(DIRECTIONS) / DIRECTIONS
        return np.column_stack([np.cos(angle), np.sin(angle)]) @ kept.T
    own = np.eye(field.shape[1])
    pairs = [own[i] + s * own[j] for i in range(len(own)) for j in range(i) for s in (-1, 1)]
    found = np.concatenate([own, np.array(pairs).reshape(-1, len(own))])
    return found / np.linalg.norm(found, axis=1)[:, None]


def lean(
    objects: np.ndarray, field: np.ndarray, weight: np.ndarray, random_weight: np.ndarray
) -> float:
    """Largest distance of the means of objects and random points, in sd of the latter; at most 1."""
    found = 0.0
    for direction in _directions(field):
        along, own = field @ direction, objects @ direction
        middle = np.average(along, weights=random_weight)
        spread = np.sqrt(np.average((along - middle) ** 2, weights=random_weight))
        found = max(found, float(abs(np.average(own, weights=weight) - middle) / spread))
    return min(found, 1.0)


def clumps(
    objects: int, estimate: np.ndarray, expected: np.ndarray, lower: np.ndarray, upper: np.ndarray,
    dimension: int,
) -> float:  # fmt: skip
    """n / m, the number of clumps that the objects are in."""
    above = np.maximum(estimate - estimate[-1], 0.0)
    # Within the first bin's lower edge xi is at least that of the first bin.
    below, beyond = lower[0] ** dimension, upper[0] ** dimension
    within = expected[0] * below / max(beyond - below, 1e-300)
    excess = 2 * (float(above @ expected) + above[0] * within) / objects
    return objects / (1 + CLOSER * excess)
