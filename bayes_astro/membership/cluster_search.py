r"""Where a cluster is, before any model of it: the region in which stars crowd most.

In coordinates in which a region has radius one, N stars lie within 1 of a centre and M between 1 and 2;
a smooth field has B = M / (2^d - 1) within 1 on average. The excess is measured as a likelihood ratio,

.. code-block:: text

    N log(N / B) - (N - B),    N > B,

for regions of several sizes, each never smaller than what errors smear a point to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bayes_astro.data import Measurements

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

__all__ = ["Region", "centre_of", "excess", "field_scale", "found"]

SIZES = (0.04, 0.07, 0.12, 0.2, 0.35)  # of regions, in widths of the field
SMEARED = 1.5  # errors that a region reaches at least
CENTRES = 4000  # stars about which regions are tried
PRECISE = 0.7  # quantile of the errors, up to which stars are counted
STEPS = 30
LEAST = 0.1  # standard deviation of a cluster, in half-widths of the region that was tried
FEWEST = 5  # stars of a region


@dataclass(frozen=True)
class Region:
    """An ellipsoid about a centre (d,), of half-widths `width` (d,), and its excess of stars in nats."""

    centre: np.ndarray
    width: np.ndarray
    excess: float

    def within(self, data: Measurements) -> np.ndarray:
        """Which rows lie in the region, by the columns that they have: (n,)."""
        z = (data.value - self.centre) / self.width
        measured = ~np.isnan(z)
        distance = np.sum(np.where(measured, z, 0.0) ** 2, axis=1)
        return measured.any(axis=1) & (distance < measured.sum(axis=1) / z.shape[1])


def field_scale(data: Measurements) -> tuple[np.ndarray, np.ndarray]:
    """Median of each column, and half of its central 68%; never zero."""
    low, middle, high = np.nanquantile(data.value, [0.16, 0.5, 0.84], axis=0)
    scale = (high - low) / 2
    other = np.maximum(np.nanstd(data.value, axis=0), np.sqrt(np.nanmean(data.error**2, axis=0)))
    return middle, np.where(scale > 0, scale, np.where(other > 0, other, 1.0))


def excess(inner: np.ndarray, shell: np.ndarray, d: int) -> np.ndarray:
    """Likelihood ratio of counts within 1 and between 1 and 2, in nats; 0 where there are too few."""
    expected = np.maximum(shell / (2.0**d - 1), 0.5)
    ratio = np.maximum(inner / expected, 1.0)
    found = inner * np.log(ratio) - np.maximum(inner - expected, 0.0)
    return np.where(inner >= FEWEST, found, 0.0)


def centre_of(tree: cKDTree, begin: np.ndarray) -> np.ndarray:
    """The mean of the stars within 1, which moves until it is its own."""
    centre = begin
    for _ in range(STEPS):
        near = tree.query_ball_point(centre, 1.0)
        if not near:
            return centre
        moved = tree.data[near].mean(axis=0)
        if np.max(np.abs(moved - centre)) < 1e-3:
            return moved
        centre = moved
    return centre


def found(data: Measurements, guess: dict[str, float] | None) -> Region:
    """The region of the largest excess: of all, or of those that hold the guess.

    Parameters
    ----------
    data : Measurements
        The columns of the model.
    guess : dict of str to float, or None
        Where the cluster is about, in some or all of the columns.
    """
    from scipy.spatial import cKDTree

    middle, scale = field_scale(data)
    complete = ~data.missing.any(axis=1)
    if not complete.any():
        raise ValueError(
            "no row has all of the columns, and the region of a cluster is found in those that have: "
            "choose columns that some stars have in common."
        )
    value, error = data.value[complete], data.error[complete]
    precise = (error <= np.quantile(error, PRECISE, axis=0)).all(axis=1)
    value = value[precise] if precise.sum() >= max(50, 0.2 * len(value)) else value
    smear = SMEARED * np.median(error, axis=0)
    known = np.array([name in (guess or {}) for name in data.names])
    at = np.array([float((guess or {}).get(name, 0.0)) for name in data.names])
    best = Region(np.where(known, at, middle), scale * SIZES[2], 0.0)
    for size in SIZES:
        width = np.hypot(size * scale, smear)
        tree = cKDTree(value / width)
        near = np.ones(len(value), dtype=bool)
        if known.any():
            near = np.sum(((value - at) / width)[:, known] ** 2, axis=1) < 4.0
        rows = np.flatnonzero(near)
        if not len(rows):
            continue
        rows = rows[:: max(1, len(rows) // CENTRES)]
        centres = value[rows] / width
        if known.all():
            centres = np.concatenate([centres, at[None] / width])
        inner, outer = (
            tree.query_ball_point(centres, radius, return_length=True) for radius in (1.0, 2.0)
        )
        score = excess(inner, outer - inner, data.d)
        top = int(np.argmax(score))
        if score[top] > best.excess:
            centre = centre_of(tree, centres[top])
            half = width * _spread(tree, centre, float(score[top]))
            half = np.maximum(half, smear / SMEARED)
            best = Region(centre * width, half, float(score[top]))
    return best


def _spread(tree: cKDTree, centre: np.ndarray, score: float) -> np.ndarray:
    """Half-widths of the cluster itself within 1 of a centre: two standard deviations of each column.

    Of the sum of squares what a smooth field has in the unit ball, 1 / (d + 2) of each star, is taken off.
    """
    d = len(centre)
    inner = tree.data[tree.query_ball_point(centre, 1.0)] - centre
    outer = len(tree.query_ball_point(centre, 2.0)) - len(inner)
    field = outer / (2.0**d - 1)
    own = len(inner) - field
    if own < FEWEST or score == 0:
        return np.ones(d)
    square = (np.sum(inner**2, axis=0) - field / (d + 2)) / own
    return 2 * np.sqrt(np.clip(square, LEAST**2, 1 / (d + 2)))
