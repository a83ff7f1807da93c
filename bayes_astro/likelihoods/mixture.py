r"""A mixture of Gaussians seen through noise: log likelihood, EM statistics and gradient at once.

A point is measured as x_i = R_i v_i + noise with covariance S_i, its true value v_i comes from
component k with probability a_k and is then N(m_k, V_k). The true values integrate out:

.. code-block:: text

    x_i ~ sum_k a_k N(R_i m_k, T_ik),            T_ik = R_i V_k R_i' + S_i
    u = T^-1 (x - R m),   W = T^-1,   q_ik = a_k N(x_i; R_i m_k, T_ik) / sum_j ...

All that EM needs are the sums over the points (w_i their weights)

.. code-block:: text

    N_k = sum w q,    U_k = sum w q R'u,    G_k = sum w q (R'u u'R - R'W R)

since E[v] = m + V R'u and Cov[v] = V - V R'W R V, so that the M-step of Bovy, Hogg & Roweis (2011)
is m' = m + V U/N and V' = V + V (G/N) V - (m' - m)(m' - m)': V multiplies once a component, never
once a point. The same sums are the gradient of the log likelihood,

.. code-block:: text

    d/da_k = N_k / a_k,    d/dm_k = U_k,    d/dV_k = G_k / 2

so that one pass serves EM, optimisers and Hamiltonian samplers.

The pass runs over blocks of points (`mixture_blocks`): T = L D L' is factored in loops over the
points of a block, which the compiler turns into vector instructions; responsibilities compare
chi-squares with the smallest of the point, so that no exponential overflows however far a point
lies; and the second half of the work is done for those points alone that a component has a share
in. Sums are kept by chunks of blocks and added in their order: the result does not depend on the
number of threads.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numba import njit

from bayes_astro.likelihoods.mixture_blocks import BLOCK, DIAGONAL, PROJECTED, SHARED, Blocks

__all__ = ["Statistics", "run_chunks", "statistics", "value_and_gradient"]

CHUNK = 16  # blocks whose sums are added up before they join the others
FEW = 2e6  # points x components x d^2 below which threads cost more than they save
NEGLIGIBLE = 1e-13  # responsibilities below this leave no trace in double precision

_LOG_2PI = math.log(2 * math.pi)
# exp(x) = 2^n exp(r): adding this rounds to a whole number, which is then in the last bits.
_ROUNDING = 1.5 * 2.0**52
_LOG2_E = 1 / math.log(2)
_LN2_HIGH = 0.693147180369123816490
_LN2_LOW = 1.90821492927058770002e-10


@dataclass(frozen=True)
class Statistics:
    """What one pass gives: log likelihood, N (K,), U (K, d), G (K, d, d), N of the background."""

    log_likelihood: float
    count: np.ndarray
    first: np.ndarray
    second: np.ndarray
    background: float


@njit(cache=True, error_model="numpy", nogil=True)
def _exponential(x, whole, n):
    """exp(x[:n]) in place for x <= 0, without branches; `whole` is scratch.

    A Taylor polynomial of degree 13 on |r| < log(2) / 2 is good to a unit in the last place. No
    reordering of sums is allowed here: the rounding trick depends on it.
    """
    bits = whole.view(np.int64)
    for i in range(n):
        y = max(x[i], -708.0)
        shifted = y * _LOG2_E + _ROUNDING
        whole[i] = shifted
        k = shifted - _ROUNDING
        r = (y - k * _LN2_HIGH) - k * _LN2_LOW
        p = 1.6059043836821613e-10
        p = p * r + 2.08767569878681e-09
        p = p * r + 2.505210838544172e-08
        p = p * r + 2.755731922398589e-07
        p = p * r + 2.7557319223985893e-06
        p = p * r + 2.48015873015873e-05
        p = p * r + 0.0001984126984126984
        p = p * r + 0.001388888888888889
        p = p * r + 0.008333333333333333
        p = p * r + 0.041666666666666664
        p = p * r + 0.16666666666666666
        p = p * r + 0.5
        p = p * r + 1.0
        x[i] = p * r + 1.0 if x[i] > -708.0 else 0.0
    for i in range(n):
        bits[i] = (bits[i] + 1023) << 52
    for i in range(n):
        x[i] *= whole[i]


@njit(cache=True, error_model="numpy", fastmath=True, nogil=True)
def _matrix(work, m, n, kind, covariance, columns, d, error, projection, product):
    """T = R V R' + S of every point, packed by rows of the lower triangle, into `work`."""
    form = kind % PROJECTED
    if kind < PROJECTED:
        entry = 0
        for j in range(m):
            for k in range(j + 1):
                v = covariance[columns[j], columns[k]]
                row = work[entry]
                if form == DIAGONAL:
                    if j == k:
                        for i in range(n):
                            row[i] = v + error[j * n + i]
                    else:
                        for i in range(n):
                            row[i] = v
                else:
                    for i in range(n):
                        row[i] = v + error[entry * n + i]
                entry += 1
        return
    entry = 0
    for j in range(m):
        for a in range(d):
            row = product[a]
            for i in range(n):
                row[i] = covariance[a, 0] * projection[j * d * n + i]
            for b in range(1, d):
                v = covariance[a, b]
                for i in range(n):
                    row[i] += v * projection[(j * d + b) * n + i]
        for k in range(j + 1):
            row = work[entry]
            if form == DIAGONAL:
                if j == k:
                    for i in range(n):
                        row[i] = error[j * n + i]
                else:
                    for i in range(n):
                        row[i] = 0.0
            else:
                for i in range(n):
                    row[i] = error[entry * n + i]
            for a in range(d):
                for i in range(n):
                    row[i] += product[a, i] * projection[(k * d + a) * n + i]
            entry += 1


@njit(cache=True, error_model="numpy", fastmath=True, nogil=True)
def _residual(z, m, n, kind, mean, columns, d, value, projection):
    """x - R m of every point, into `z`."""
    for j in range(m):
        row = z[j]
        if kind < PROJECTED:
            centre = mean[columns[j]]
            for i in range(n):
                row[i] = value[j * n + i] - centre
        else:
            for i in range(n):
                row[i] = value[j * n + i]
            for a in range(d):
                centre = mean[a]
                for i in range(n):
                    row[i] -= centre * projection[(j * d + a) * n + i]


@njit(cache=True, error_model="numpy", fastmath=True, nogil=True)
def _factor(work, inverse, z, square, determinant, m, n):
    """T = L D L' in place of the packed T; 1 / D, L^-1 z, chi-square and det T with it."""
    for i in range(n):
        square[i] = 0.0
        determinant[i] = 1.0
    for p in range(m):
        pivot, own, of = work[p * (p + 1) // 2 + p], inverse[p], z[p]
        for i in range(n):
            determinant[i] *= pivot[i]
            own[i] = 1.0 / pivot[i]
            square[i] += of[i] * of[i] * own[i]
        for j in range(p + 1, m):
            below = work[j * (j + 1) // 2 + p]
            down = z[j]
            for k in range(p + 1, j):
                # Entries (k, p) are L already, so L_kp D_p is what they were.
                target, other = work[j * (j + 1) // 2 + k], work[k * (k + 1) // 2 + p]
                for i in range(n):
                    target[i] -= below[i] * other[i]
            diagonal = work[j * (j + 1) // 2 + j]
            for i in range(n):
                low = below[i] * own[i]
                diagonal[i] -= low * below[i]
                down[i] -= low * of[i]
                below[i] = low


@njit(cache=True, error_model="numpy", nogil=True)
def _shared_factor(scalar, m, covariance, columns, error):
    """The same for one matrix: L below the diagonal, D on it."""
    entry = 0
    for j in range(m):
        for k in range(j + 1):
            scalar[j, k] = covariance[columns[j], columns[k]] + error[entry]
            entry += 1
    for p in range(m):
        for j in range(p + 1, m):
            low = scalar[j, p] / scalar[p, p]
            for k in range(p + 1, j + 1):
                # scalar[k, p] for k < j is L already.
                full = scalar[k, p] * scalar[p, p] if k < j else scalar[j, p]
                scalar[j, k] -= low * full
            scalar[j, p] = low


@njit(cache=True, error_model="numpy", fastmath=True, nogil=True)
def _shared_solve(scalar, z, square, determinant, m, n):
    """L^-1 z, chi-square and det T of every point, with one factor for all."""
    product = 1.0
    for i in range(n):
        square[i] = 0.0
    for p in range(m):
        own = 1.0 / scalar[p, p]
        product *= scalar[p, p]
        of = z[p]
        for i in range(n):
            square[i] += of[i] * of[i] * own
        for j in range(p + 1, m):
            low, down = scalar[j, p], z[j]
            for i in range(n):
                down[i] -= low * of[i]
    for i in range(n):
        determinant[i] = product


@njit(cache=True, error_model="numpy", fastmath=True, nogil=True)
def _dot(a, b, n):
    total = 0.0
    for i in range(n):
        total += a[i] * b[i]
    return total


@njit(cache=True, error_model="numpy", fastmath=True, nogil=True)
def _gather(target, source, active, n):
    for i in range(n):
        target[i] = source[active[i]]


@njit(cache=True, error_model="numpy", fastmath=True, nogil=True)
def _solve_back(u, z, inverse, work, m, n):
    """u = L^-T D^-1 z."""
    for j in range(m - 1, -1, -1):
        row, own, of = u[j], inverse[j], z[j]
        for i in range(n):
            row[i] = of[i] * own[i]
        for k in range(j + 1, m):
            low, other = work[k * (k + 1) // 2 + j], u[k]
            for i in range(n):
                row[i] -= low[i] * other[i]


@njit(cache=True, error_model="numpy", fastmath=True, nogil=True)
def _sum_plain(first, second, u, scaled, rows, inverse, work, share, columns, m, n):
    """Add w q R'u and w q (R'u u'R - R'W R) where R picks columns: the rows of L^-1 one by one."""
    for j in range(m):
        mine, target = u[j], scaled[j]
        for i in range(n):
            target[i] = share[i] * mine[i]
        total = 0.0
        for i in range(n):
            total += target[i]
        first[columns[j]] += total
        for k in range(j + 1):
            second[columns[j], columns[k]] += _dot(target, u[k], n)
    for p in range(m):
        # rows[j] of L^-1: unit diagonal, M_pj = -(L_pj + sum_{j<k<p} M_pk L_kj)
        own = inverse[p]
        for j in range(p - 1, -1, -1):
            row, low = rows[j], work[p * (p + 1) // 2 + j]
            for i in range(n):
                row[i] = -low[i]
            for k in range(j + 1, p):
                other, below = rows[k], work[k * (k + 1) // 2 + j]
                for i in range(n):
                    row[i] -= other[i] * below[i]
        weight = scaled[0]
        total = 0.0
        for i in range(n):
            weight[i] = share[i] * own[i]
            total += weight[i]
        second[columns[p], columns[p]] -= total
        for j in range(p):
            second[columns[p], columns[j]] -= _dot(weight, rows[j], n)
            target, row = scaled[1], rows[j]
            for i in range(n):
                target[i] = weight[i] * row[i]
            for k in range(j + 1):
                second[columns[j], columns[k]] -= _dot(target, rows[k], n)


@njit(cache=True, error_model="numpy", fastmath=True, nogil=True)
def _sum_projected(
    first,
    second,
    u,
    scaled,
    rows,
    turned,
    inverse,
    work,
    share,
    projection,
    active,
    m,
    d,
    n,
    stride,
):
    """The same for any R: the rows of L^-1 are turned by R first."""
    for a in range(d):
        row = turned[a]
        for i in range(n):
            row[i] = 0.0
        for j in range(m):
            mine, start = u[j], (j * d + a) * stride
            for i in range(n):
                row[i] += mine[i] * projection[start + active[i]]
    for a in range(d):
        target, row = scaled[0], turned[a]
        total = 0.0
        for i in range(n):
            target[i] = share[i] * row[i]
            total += target[i]
        first[a] += total
        for b in range(a + 1):
            second[a, b] += _dot(target, turned[b], n)
    for p in range(m):
        own = inverse[p]
        for j in range(p - 1, -1, -1):
            row, low = rows[j], work[p * (p + 1) // 2 + j]
            for i in range(n):
                row[i] = -low[i]
            for k in range(j + 1, p):
                other, below = rows[k], work[k * (k + 1) // 2 + j]
                for i in range(n):
                    row[i] -= other[i] * below[i]
        for a in range(d):
            row, start = turned[a], (p * d + a) * stride
            for i in range(n):
                row[i] = projection[start + active[i]]
            for j in range(p):
                other, start = rows[j], (j * d + a) * stride
                for i in range(n):
                    row[i] += other[i] * projection[start + active[i]]
        for a in range(d):
            target, row = scaled[0], turned[a]
            for i in range(n):
                target[i] = share[i] * own[i] * row[i]
            for b in range(a + 1):
                second[a, b] -= _dot(target, turned[b], n)


@njit(cache=True, error_model="numpy", fastmath=True, nogil=True)
def _sum_shared(first, second, u, z, target, scalar, inverse, share, columns, m, n):
    """The same with one factor for all points; `inverse` is m x m scratch."""
    weight = 0.0
    for i in range(n):
        weight += share[i]
    for j in range(m - 1, -1, -1):
        row, of, own = u[j], z[j], 1.0 / scalar[j, j]
        for i in range(n):
            row[i] = of[i] * own
        for k in range(j + 1, m):
            low, other = scalar[k, j], u[k]
            for i in range(n):
                row[i] -= low * other[i]
    for j in range(m):
        mine = u[j]
        total = 0.0
        for i in range(n):
            target[i] = share[i] * mine[i]
            total += target[i]
        first[columns[j]] += total
        for k in range(j + 1):
            second[columns[j], columns[k]] += _dot(target, u[k], n)
    for p in range(m):
        inverse[p, p] = 1.0
        for j in range(p - 1, -1, -1):
            total = -scalar[p, j]
            for k in range(j + 1, p):
                total -= inverse[p, k] * scalar[k, j]
            inverse[p, j] = total
        own = weight / scalar[p, p]
        for j in range(p + 1):
            for k in range(j + 1):
                second[columns[j], columns[k]] -= own * inverse[p, j] * inverse[p, k]


@njit(cache=True, error_model="numpy", nogil=True)
def _share(square, root, exponents, total, k_count, background, log_background, n, densities, m):
    """Responsibilities of every point, in place of `square`, and log densities.

    square (K, n): chi-squares on entry; root (K, n): weight / sqrt(det T). The uniform component
    has chi-square zero. Returns nothing; `total` holds its responsibility at the end.
    """
    least, scratch = exponents[0], exponents[1]
    uniform = background * math.exp(log_background + 0.5 * m * _LOG_2PI)
    for i in range(n):
        least[i] = 0.0 if uniform > 0.0 else np.inf
    for k in range(k_count):
        row, own = square[k], root[k]
        for i in range(n):
            if own[i] > 0.0:
                least[i] = min(least[i], row[i])
    for i in range(n):
        total[i] = uniform
    for k in range(k_count):
        row, own = square[k], root[k]
        for i in range(n):
            # An empty component may be nearer than the nearest, which no exponential survives.
            row[i] = -0.5 * (row[i] - least[i]) if own[i] != 0.0 else -np.inf
        _exponential(row, scratch, n)
        for i in range(n):
            row[i] *= own[i]
            total[i] += row[i]
    for i in range(n):
        densities[i] = math.log(total[i]) - 0.5 * least[i] - 0.5 * m * _LOG_2PI
        total[i] = 1.0 / total[i]
    for k in range(k_count):
        row = square[k]
        for i in range(n):
            row[i] *= total[i]
    for i in range(n):
        total[i] *= uniform


@njit(cache=True, error_model="numpy", nogil=True)
def run_chunks(
    table, blocks, columns, weight, mean, covariance, background, moments, firsts, low, high,
    densities, sums, count, first, second,
):  # fmt: skip
    """The chunks of blocks from `low` to `high`, each into its own row of the sums.

    Parameters
    ----------
    table, blocks, columns : arrays
        Of `mixture_blocks.Blocks`.
    weight : (K,) array
    mean : (K, d) array
    covariance : (K, d, d) array
        Positive definite (semi-definite where every point has errors).
    background : float
        Weight of the uniform component.
    moments : bool
        Whether the sums are wanted, or the densities alone.
    firsts : (chunks,) array
        Points before each chunk.
    low, high : int
    densities : (n,) array
        Filled with the log density of each point, in the order of the blocks.
    sums : (chunks, 2) array
        Added to: log likelihood and the background's responsibilities, both weighted.
    count, first, second : (chunks, K), (chunks, K, d), (chunks, K, d, d) arrays
        Added to; of `second` the lower triangle.
    """
    start, stop = low * CHUNK, min(high * CHUNK, blocks.shape[0])
    components, d = mean.shape
    widest = 1
    for b in range(start, stop):
        widest = max(widest, blocks[b, 1])
    size = widest * (widest + 1) // 2
    work = np.empty((components, size, BLOCK))
    inverse = np.empty((components, widest, BLOCK))
    z = np.empty((components, widest, BLOCK))
    square = np.empty((components, BLOCK))
    root = np.empty((components, BLOCK))
    scalar = np.empty((components, widest, widest))
    product = np.empty((d, BLOCK))
    exponents = np.empty((2, BLOCK))
    total = np.empty(BLOCK)
    active = np.empty(BLOCK, np.int64)
    share = np.empty(BLOCK)
    u = np.empty((widest, BLOCK))
    scaled = np.empty((max(2, widest), BLOCK))
    rows = np.empty((widest, BLOCK))
    some_work = np.empty((size, BLOCK))
    some_inverse = np.empty((widest, BLOCK))
    some_z = np.empty((widest, BLOCK))
    point = firsts[low] if stop > start else 0
    for b in range(start, stop):
        chunk = b // CHUNK
        n, m, at, pattern, kind = blocks[b]
        form = kind % PROJECTED
        log_background = table[at]
        own_weight = table[at + 1 : at + 1 + n]
        at += 1 + n
        value = table[at : at + m * n]
        at += m * n
        length = (
            m * (m + 1) // 2
            if form == SHARED
            else n * (m if form == DIAGONAL else m * (m + 1) // 2)
        )
        error = table[at : at + length]
        at += length
        projection = table[at : at + m * d * n] if kind >= PROJECTED else table[:0]
        which = columns[pattern]
        density = densities[point : point + n]
        for k in range(components):
            _residual(z[k], m, n, kind, mean[k], which, d, value, projection)
            if form == SHARED:
                _shared_factor(scalar[k], m, covariance[k], which, error)
                _shared_solve(scalar[k], z[k], square[k], root[k], m, n)
            else:
                _matrix(work[k], m, n, kind, covariance[k], which, d, error, projection, product)
                _factor(work[k], inverse[k], z[k], square[k], root[k], m, n)
            row = root[k]
            for i in range(n):
                row[i] = weight[k] / math.sqrt(row[i])
        _share(
            square, root, exponents, total, components, background, log_background, n, density, m
        )
        for i in range(n):
            sums[chunk, 0] += own_weight[i] * density[i]
            sums[chunk, 1] += own_weight[i] * total[i]
        point += n
        if not moments:
            continue
        for k in range(components):
            row = square[k]
            found = 0
            for i in range(n):
                active[found] = i
                found += row[i] > NEGLIGIBLE
            if found == 0:
                continue
            for i in range(found):
                share[i] = row[active[i]] * own_weight[active[i]]
            for i in range(found):
                count[chunk, k] += share[i]
            for j in range(m):
                _gather(some_z[j], z[k, j], active, found)
            if form == SHARED:
                _sum_shared(
                    first[chunk, k], second[chunk, k], u, some_z, scaled[0], scalar[k], some_work[:m],
                    share, which, m, found,
                )  # fmt: skip
                continue
            for j in range(m):
                _gather(some_inverse[j], inverse[k, j], active, found)
                for e in range(j):
                    entry = j * (j + 1) // 2 + e
                    _gather(some_work[entry], work[k, entry], active, found)
            _solve_back(u, some_z, some_inverse, some_work, m, found)
            if kind < PROJECTED:
                _sum_plain(
                    first[chunk, k], second[chunk, k], u, scaled, rows, some_inverse, some_work, share, which,
                    m, found,
                )  # fmt: skip
            else:
                _sum_projected(
                    first[chunk, k], second[chunk, k], u, scaled, rows, product, some_inverse, some_work, share,
                    projection, active, m, d, found, n,
                )  # fmt: skip


@njit(cache=True, nogil=True)
def _mirrored(second):
    """Fill the upper triangles from the lower ones."""
    for k in range(second.shape[0]):
        for j in range(second.shape[1]):
            for i in range(j):
                second[k, i, j] = second[k, j, i]


@njit(cache=True, error_model="numpy", nogil=True)
def _first_points(blocks):
    chunks = (blocks.shape[0] + CHUNK - 1) // CHUNK
    firsts = np.zeros(chunks, np.int64)
    total = 0
    for b in range(blocks.shape[0]):
        if b % CHUNK == 0:
            firsts[b // CHUNK] = total
        total += blocks[b, 0]
    return firsts, total


@njit(cache=True, error_model="numpy", nogil=True)
def value_and_gradient(weight, mean, covariance, background, table, blocks, columns):
    """Log likelihood and its gradient with respect to the first four arguments.

    Of a weight the gradient is N_k / a_k, as if the weights were free.
    """
    components, d = mean.shape
    # Literals would make the kernel compile once more.
    firsts, n = _first_points(blocks)
    chunks = len(firsts)
    densities = np.empty(n)
    sums = np.zeros((chunks, 2))
    count = np.zeros((chunks, components))
    first = np.zeros((chunks, components, d))
    second = np.zeros((chunks, components, d, d))
    run_chunks(
        table, blocks, columns, weight, mean, covariance, background, components > 0, firsts,
        chunks - chunks, chunks, densities, sums, count, first, second,
    )  # fmt: skip
    value = uniform = 0.0
    total_count, total_first = np.zeros(components), np.zeros((components, d))
    total_second = np.zeros((components, d, d))
    for c in range(chunks):
        value += sums[c, 0]
        uniform += sums[c, 1]
        total_count += count[c]
        total_first += first[c]
        total_second += second[c]
    _mirrored(total_second)
    if not np.isfinite(value):
        return (
            -np.inf,
            np.zeros(components),
            np.zeros((components, d)),
            np.zeros((components, d, d)),
            0.0,
        )
    for k in range(components):
        total_count[k] = total_count[k] / weight[k] if weight[k] > 0.0 else 0.0
    uniform = uniform / background if background > 0.0 else 0.0
    return value, total_count, total_first, 0.5 * total_second, uniform


def statistics(
    points: Blocks,
    weight: np.ndarray,
    mean: np.ndarray,
    covariance: np.ndarray,
    background: float = 0.0,
    *,
    threads: int = 1,
    densities: np.ndarray | None = None,
    moments: bool = True,
) -> Statistics:
    """One pass over all points, in scaled coordinates.

    Parameters
    ----------
    points : Blocks
    weight, mean, covariance : arrays (K,), (K, d), (K, d, d)
    background : float
        Weight of the uniform component.
    threads : int
        The result does not depend on it.
    densities : (n,) array, optional
        Filled with the log density of each point, in the order of `points.order`.
    moments : bool
        False: the log likelihood alone, twice as fast.
    """
    components, d = mean.shape
    firsts, n = _first_points(points.blocks)
    chunks = len(firsts)
    densities = np.empty(n) if densities is None else densities
    sums, count = np.zeros((chunks, 2)), np.zeros((chunks, components))
    first, second = np.zeros((chunks, components, d)), np.zeros((chunks, components, d, d))

    def run(low: int, high: int) -> None:
        run_chunks(
            *points.arrays(), weight, mean, covariance, float(background), moments, firsts, low,
            high, densities, sums, count, first, second,
        )  # fmt: skip

    threads = min(threads, chunks) if n * components * d * d > FEW else 1
    if threads <= 1:
        run(0, chunks)
    else:
        edges = np.linspace(0, chunks, threads + 1).astype(int)
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(run, edges[:-1], edges[1:]))
    value = uniform = 0.0
    counts, firsts_sum = np.zeros(components), np.zeros((components, d))
    total = np.zeros((components, d, d))
    for c in range(chunks):  # in this order, whatever the threads did
        value, uniform = value + sums[c, 0], uniform + sums[c, 1]
        counts += count[c]
        firsts_sum += first[c]
        total += second[c]
    _mirrored(total)
    return Statistics(float(value), counts, firsts_sum, total, float(uniform))
