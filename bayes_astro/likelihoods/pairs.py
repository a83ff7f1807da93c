"""Pairs of points by separation, through a grid of cells no narrower than the largest one.

A point's partners are within its own cell and those beside it. Points are in the order of their cells,
so that the cells beside in the last axis are one run of points. A pair counts with the product of its
weights: for its patch, where both members are in one, and else across for both of theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bayes_astro.likelihoods.compiled import kernel

__all__ = ["CHUNKS", "counted"]

CHUNKS = 32  # of cells, whose sums are added in order: the threads change nothing
DENSE = 2.0  # points in a cell, on average, below which cells are made wider


@kernel(nogil=True)
def _count(one, w1, p1, start1, two, w2, p2, start2, itself, shape, first, last, squares, table):
    """Pairs of points in cells `first` to `last` along the first axis: table (2, patches, bins)."""
    bins = len(squares) - 1
    low, high = squares[0], squares[bins]
    my, mz = shape[1], shape[2]
    for cx in range(first, last):
        for cy in range(my):
            for cz in range(mz):
                cell = (cx * my + cy) * mz + cz
                begin, end = start1[cell], start1[cell + 1]
                if begin == end:
                    continue
                z0, z1 = max(cz - 1, 0), min(cz + 1, mz - 1)
                for ex in range(max(cx - 1, 0), min(cx + 2, shape[0])):
                    for ey in range(max(cy - 1, 0), min(cy + 2, my)):
                        row = (ex * my + ey) * mz
                        run, stop = start2[row + z0], start2[row + z1 + 1]
                        for i in range(begin, end):
                            x, y, z = one[0, i], one[1, i], one[2, i]
                            for j in range(max(run, i + 1) if itself else run, stop):
                                a, b, c = two[0, j] - x, two[1, j] - y, two[2, j] - z
                                d = a * a + b * b + c * c
                                if d <= high and d > low:
                                    k = bins - 1
                                    while d <= squares[k]:
                                        k -= 1
                                    w = w1[i] * w2[j]
                                    if p1[i] == p2[j]:
                                        table[0, p1[i], k] += w
                                    else:
                                        table[1, p1[i], k] += w
                                        table[1, p2[j], k] += w


def counted(one: Any, two: Any, edges: np.ndarray, patches: int, run: Callable) -> np.ndarray:
    """Weighted numbers of pairs within each patch and across its edge: (2, patches, bins).

    Parameters
    ----------
    one, two : (coordinates (n, d), weights (n,), patches (n,))
        With d up to 3; the same object twice counts each pair once.
    edges : (bins + 1,) array
        Increasing; a bin holds its upper edge.
    patches : int
    run : callable
        As ``map``, of threads or not.
    """
    x = one[0] if two is one else np.concatenate([one[0], two[0]])
    low, extent = x.min(axis=0), np.ptp(x, axis=0)
    reach = float(edges[-1]) * (1 + 1e-9)
    shape = np.ones(3, dtype=np.int64)
    while True:
        cells = np.maximum((extent / reach).astype(np.int64), 1)
        if cells.prod() <= max(len(x) / DENSE, 1) or cells.max() == 1:
            break
        reach *= 1.2
    shape[: x.shape[1]] = cells
    width = np.where(extent > 0, extent / cells, 1.0)

    def sorted_by_cell(points: Any) -> tuple[np.ndarray, ...]:
        place = np.zeros((len(points[0]), 3), dtype=np.int64)
        place[:, : x.shape[1]] = np.clip(((points[0] - low) / width).astype(np.int64), 0, cells - 1)
        cell = (place[:, 0] * shape[1] + place[:, 1]) * shape[2] + place[:, 2]
        order = np.argsort(cell, kind="stable")
        start = np.searchsorted(cell[order], np.arange(shape.prod() + 1))
        padded = np.zeros((3, len(order)))
        padded[: x.shape[1]] = points[0][order].T
        return padded, points[1][order], points[2][order].astype(np.int64), start

    first = sorted_by_cell(one)
    second = first if two is one else sorted_by_cell(two)
    bounds = np.unique(np.linspace(0, shape[0], min(CHUNKS, int(shape[0])) + 1).astype(int))
    squares = np.asarray(edges, dtype=float) ** 2

    def part(k: int) -> np.ndarray:
        table = np.zeros((2, patches, len(edges) - 1))
        _count(*first, *second, two is one, shape, bounds[k], bounds[k + 1], squares, table)
        return table

    return np.array(list(run(part, range(len(bounds) - 1)))).sum(axis=0)
