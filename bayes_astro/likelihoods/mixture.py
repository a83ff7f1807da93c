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

from bayes_astro.likelihoods.compiled import kernel
from bayes_astro.likelihoods.mixture_blocks import BLOCK, DIAGONAL, PROJECTED, SHARED, Blocks
from bayes_astro.likelihoods.mixture_factors import (
    add_plain,
    add_projected,
    add_shared,
    factorise,
    factorise_shared,
    gather,
    noisy_covariance,
    residual_of,
    responsibilities,
    solve_back,
    solve_shared,
)

__all__ = ["Statistics", "run_chunks", "statistics", "value_and_gradient"]

CHUNK = 16  # blocks whose sums are added up before they join the others
FEW = 2e6  # points x components x d^2 below which threads cost more than they save
NEGLIGIBLE = 1e-13  # responsibilities below this leave no trace in double precision


@dataclass(frozen=True)
class Statistics:
    """What one pass gives: log likelihood, N (K,), U (K, d), G (K, d, d), N of the background."""

    log_likelihood: float
    count: np.ndarray
    first: np.ndarray
    second: np.ndarray
    background: float


@kernel
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
            residual_of(z[k], m, n, kind, mean[k], which, d, value, projection)
            if form == SHARED:
                factorise_shared(scalar[k], m, covariance[k], which, error)
                solve_shared(scalar[k], z[k], square[k], root[k], m, n)
            else:
                noisy_covariance(
                    work[k], m, n, kind, covariance[k], which, d, error, projection, product
                )
                factorise(work[k], inverse[k], z[k], square[k], root[k], m, n)
            row = root[k]
            for i in range(n):
                row[i] = weight[k] / math.sqrt(row[i])
        responsibilities(
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
                gather(some_z[j], z[k, j], active, found)
            if form == SHARED:
                add_shared(
                    first[chunk, k], second[chunk, k], u, some_z, scaled[0], scalar[k], some_work[:m],
                    share, which, m, found,
                )  # fmt: skip
                continue
            for j in range(m):
                gather(some_inverse[j], inverse[k, j], active, found)
                for e in range(j):
                    entry = j * (j + 1) // 2 + e
                    gather(some_work[entry], work[k, entry], active, found)
            solve_back(u, some_z, some_inverse, some_work, m, found)
            if kind < PROJECTED:
                add_plain(
                    first[chunk, k], second[chunk, k], u, scaled, rows, some_inverse, some_work, share, which,
                    m, found,
                )  # fmt: skip
            else:
                add_projected(
                    first[chunk, k], second[chunk, k], u, scaled, rows, product, some_inverse, some_work, share,
                    projection, active, m, d, found, n,
                )  # fmt: skip


@kernel
def _mirrored(second):
    """Fill the upper triangles from the lower ones."""
    for k in range(second.shape[0]):
        for j in range(second.shape[1]):
            for i in range(j):
                second[k, i, j] = second[k, j, i]


@kernel
def _first_points(blocks):
    chunks = (blocks.shape[0] + CHUNK - 1) // CHUNK
    firsts = np.zeros(chunks, np.int64)
    total = 0
    for b in range(blocks.shape[0]):
        if b % CHUNK == 0:
            firsts[b // CHUNK] = total
        total += blocks[b, 0]
    return firsts, total


@kernel
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
