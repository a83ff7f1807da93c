"""Measurements laid out for the mixture kernel: blocks of points that share a form.

A block holds up to `BLOCK` points with the same columns measured, each quantity contiguous over
the points, so that the kernel's inner loops run over points and use the processor's vectors:

.. code-block:: text

    background      1          log density of a uniform component
    weight          n
    value           m x n
    error           m(m+1)/2 x n (full), m x n (diagonal), or m(m+1)/2 (shared by the block)
    projection      m x d x n, where there is one

Values are shifted and scaled to order one, which keeps the kernel's products of variances away
from under- and overflow in any unit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bayes_astro.likelihoods.compiled import kernel

__all__ = [
    "BLOCK",
    "DIAGONAL",
    "FULL",
    "PROJECTED",
    "SHARED",
    "Blocks",
    "lay_out",
    "measured_frame",
    "subset",
    "with_values",
]

BLOCK = 128
FULL, DIAGONAL, SHARED, PROJECTED = 0, 1, 2, 4


@dataclass(frozen=True)
class Blocks:
    """Points as the kernel reads them, in coordinates (v - shift) / scale.

    Attributes
    ----------
    table : (…,) array
        All blocks, one after the other.
    blocks : (b, 5) integer array
        Points, measured columns, offset in the table, pattern and kind of each block.
    columns : (patterns, d) integer array
        Which columns each pattern has, the first m of them used.
    order : (n,) integer array
        The row of the data that each point is.
    jacobian : (n,) array
        What the density of the data is below that of the scaled ones, in the order of the data.
    shift, scale : (d,) arrays
        Of the true values.
    weighted : float
        Sum of the points' weights.
    offset : float
        The weighted sum of `jacobian`: what the log likelihood of the data is above the scaled one.
    """

    table: np.ndarray
    blocks: np.ndarray
    columns: np.ndarray
    order: np.ndarray
    jacobian: np.ndarray
    shift: np.ndarray
    scale: np.ndarray
    weighted: float
    offset: float

    @property
    def n(self) -> int:
        """Number of points."""
        return len(self.order)

    @property
    def d(self) -> int:
        """Number of true quantities."""
        return len(self.shift)

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What the kernels take."""
        return self.table, self.blocks, self.columns


def lay_out(
    value: np.ndarray,
    covariance: np.ndarray,
    projection: np.ndarray | None = None,
    weight: np.ndarray | None = None,
    *,
    shift: np.ndarray,
    scale: np.ndarray,
    background: np.ndarray | None = None,
) -> Blocks:
    """Lay out points for the kernel.

    Parameters
    ----------
    value : (n, m) array
        nan where nothing was measured. Rows with nothing measured are kept: they weigh nothing.
    covariance : (n, m, m) array
    projection : (n, m, d) array, optional
    weight : (n,) array, optional
    shift, scale : (d,) arrays
        Of the true values.
    background : (m,) array, optional
        Width of the range of each measured column, of a uniform component.
    """
    n, m = value.shape
    d = m if projection is None else projection.shape[2]
    measured = ~np.isnan(value)
    codes = measured @ (1 << np.arange(m, dtype=np.int64))
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    patterns = codes[order][starts]
    ends = np.append(starts[1:], n)
    columns = np.zeros((max(len(patterns), 1), m), dtype=np.int64)
    rows: list[list[int]] = []
    offset = 0
    kind = PROJECTED if projection is not None else 0
    kind += _form(covariance, measured, whole=len(patterns) == 1 and projection is None)
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        which = np.flatnonzero(measured[order[start]])
        columns[number, : len(which)] = which
        for first in range(start, end, BLOCK):
            points = min(BLOCK, end - first)
            rows.append([points, len(which), offset, number, kind])
            offset += 1 + points * (1 + len(which)) + _error_size(kind, len(which), points)
            offset += points * len(which) * d if projection is not None else 0
    blocks = np.array(rows, dtype=np.int64)
    table = np.empty(offset)
    scaled = scale if projection is None else _row_scale(value, measured)
    _check_range(covariance, scaled)
    weight = np.ones(n) if weight is None else weight
    width = np.ones(m) if background is None else background / scaled
    nothing = np.zeros((1, 1, 1)) if projection is None else projection
    _fill(
        table, blocks, columns, order, value, covariance, nothing, weight, shift, scale, scaled,
        np.log(width),
    )  # fmt: skip
    jacobian = -(measured @ np.log(scaled))
    return Blocks(
        table, blocks, columns, order, jacobian, shift, scale, float(weight.sum()),
        float(weight @ jacobian),
    )  # fmt: skip


def measured_frame(
    value: np.ndarray, projection: np.ndarray | None, shift: np.ndarray, scale: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Centre, (m,) or of each row (n, m), and scale (m,) of measured values in `lay_out`."""
    if projection is None:
        return shift, scale
    return projection @ shift, _row_scale(value, ~np.isnan(value))


def with_values(points: Blocks, scaled: np.ndarray) -> Blocks:
    """The same points with other values, in their `measured_frame`: (n, m), by row of the data.

    What is missing stays missing, whatever stands there.
    """
    table = points.table.copy()
    _fill_values(table, points.blocks, points.columns, points.order, scaled)
    return replace(points, table=table)


def subset(points: Blocks, chosen: np.ndarray) -> Blocks:
    """Some of the points, in full blocks again.

    Parameters
    ----------
    points : Blocks
    chosen : (n,) boolean array
        In the order of the points. Those that are left count as the rows of the new layout.
    """
    table, at = [np.zeros(0)], 0
    rows: list[list[int]] = []
    weights = [np.zeros(0)]
    ends = np.cumsum(points.blocks[:, 0])
    for pattern in np.unique(points.blocks[:, 3]):
        own = points.blocks[:, 3] == pattern
        n, m, offset, _, kind = points.blocks[own][0].tolist()
        shared = _error_size(kind, m, 1) if kind == SHARED else 0
        numbers = (
            1 + m + _error_size(kind, m, 1) - shared + (m * points.d if kind >= PROJECTED else 0)
        )
        kept = np.concatenate(
            [
                points.table[low + 1 : low + 1 + numbers * n].reshape(numbers, n)[:, chosen[end - n : end]]
                for n, low, end in zip(*points.blocks[own][:, [0, 2]].T, ends[own], strict=True)
            ],
            axis=1,
        )  # fmt: skip
        density = points.table[offset : offset + 1]
        errors = points.table[offset + 1 + numbers * n :][:shared]
        for first in range(0, kept.shape[1], BLOCK):
            block = kept[:, first : first + BLOCK]
            table += [density, block.ravel(), errors]
            rows.append([block.shape[1], m, at, int(pattern), kind])
            at += 1 + block.size + shared
        weights.append(kept[0])
    weight, jacobian = np.concatenate(weights), points.jacobian[points.order[chosen]]
    return Blocks(
        np.concatenate(table), np.array(rows, dtype=np.int64).reshape(-1, 5), points.columns,
        np.arange(len(weight)), jacobian, points.shift, points.scale, float(weight.sum()),
        float(weight @ jacobian),
    )  # fmt: skip


def _check_range(covariance: np.ndarray, scale: np.ndarray) -> None:
    """Raise ValueError where the product of a point's variances overflows."""
    variance = np.nan_to_num(np.diagonal(covariance, axis1=1, axis2=2)) / scale**2
    if not variance.size or variance.max() < 1e30:
        return
    size = np.log10(np.maximum(variance, 1.0)).sum(axis=1)
    row = int(np.argmax(size))
    if size[row] > 280:
        raise ValueError(
            f"row {row} has errors of up to {np.sqrt(variance[row].max()):.1g} times the scatter, "
            "whose determinant overflows: use nan for what was not measured."
        )


def _form(covariance: np.ndarray, measured: np.ndarray, *, whole: bool) -> int:
    """Whether all covariances are equal, or diagonal."""
    # A few rows tell most sets of different covariances, before all are compared.
    if whole and len(covariance) > 1:
        few = covariance[:: len(covariance) // 8 + 1]
        if (few == covariance[-1]).all() and (covariance == covariance[0]).all():
            return SHARED
    m = covariance.shape[1]
    for j in range(m):
        for k in range(j):
            if (covariance[:, j, k][measured[:, j] & measured[:, k]] != 0).any():
                return FULL
    return DIAGONAL


def _error_size(kind: int, m: int, points: int) -> int:
    form = kind % PROJECTED
    if form == SHARED:
        return m * (m + 1) // 2
    return points * (m if form == DIAGONAL else m * (m + 1) // 2)


def _row_scale(value: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """A scale for each measured column of projected data."""
    scale = np.ones(value.shape[1])
    for j in range(value.shape[1]):
        spread = np.std(value[measured[:, j], j]) if measured[:, j].any() else 0.0
        scale[j] = spread if spread > 0 else 1.0
    return scale


@kernel
def _fill_values(table, blocks, columns, order, scaled):
    """Write the values of all blocks."""
    row = 0
    for b in range(blocks.shape[0]):
        n, m, at, pattern, _ = blocks[b]
        for i in range(n):
            source = order[row + i]
            for j in range(m):
                table[at + 1 + (1 + j) * n + i] = scaled[source, columns[pattern, j]]
        row += n


@kernel
def _fill(
    table, blocks, columns, order, value, covariance, projection, weight, shift, scale, scaled,
    log_width,
):  # fmt: skip
    """Write all blocks."""
    d = scale.shape[0]
    row = 0
    for b in range(blocks.shape[0]):
        n, m, at, pattern, kind = blocks[b]
        form = kind % PROJECTED
        columns_of = columns[pattern]
        table[at] = 0.0
        for j in range(m):
            table[at] -= log_width[columns_of[j]]
        at += 1
        for i in range(n):
            source = order[row + i]
            table[at + i] = weight[source]
            start = at + n
            for j in range(m):
                c = columns_of[j]
                centre = 0.0
                if kind >= PROJECTED:
                    for k in range(d):
                        centre += projection[source, c, k] * shift[k]
                else:
                    centre = shift[c]
                table[start + j * n + i] = (value[source, c] - centre) / scaled[c]
            start += m * n
            if form == DIAGONAL:
                for j in range(m):
                    c = columns_of[j]
                    table[start + j * n + i] = covariance[source, c, c] / scaled[c] ** 2
                start += m * n
            else:
                entry = 0
                for j in range(m):
                    for k in range(j + 1):
                        c, e = columns_of[j], columns_of[k]
                        where = start + entry if form == SHARED else start + entry * n + i
                        table[where] = covariance[source, c, e] / (scaled[c] * scaled[e])
                        entry += 1
                start += entry if form == SHARED else entry * n
            if kind >= PROJECTED:
                for j in range(m):
                    c = columns_of[j]
                    for k in range(d):
                        table[start + (j * d + k) * n + i] = (
                            projection[source, c, k] * scale[k] / scaled[c]
                        )
        row += n
