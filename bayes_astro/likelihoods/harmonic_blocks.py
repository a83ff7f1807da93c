r"""Harmonics of several blocks of one light curve, integrated out of their normal equations.

A block is a band, or all rows of a light curve. With M_b = X' P_b X and v_b = X' P_b y of each block
(its trend projected out), coefficients theta_b = theta_0 + delta_b with theta_0 ~ N(0, Lambda) and
delta_b ~ N(0, Delta), the own part of each block first, by N_b = Delta^1/2 M_b Delta^1/2,

.. code-block:: text

    (M_b^-1 + Delta)^-1 = Delta^-1/2 [I - (I + N_b)^-1] Delta^-1/2

without a difference of large numbers, then the common part,

.. code-block:: text

    S = I + R sum_b [I - (I + N_b)^-1] R,    g = R sum_b (I + N_b)^-1 Delta^1/2 v_b,
    R = (Lambda / Delta)^1/2,
    log Z = log Z_0 + 1/2 sum_b [u_b' u_b - log|I + N_b|] + 1/2 [g' S^-1 g - log|S|],

with u_b = L_b^-1 Delta^1/2 v_b and I + N_b = L_b L_b'. Fewer harmonics are leading rows of L_b and of its
inverse, so that one factor serves every number of them. Some frequencies (lanes) are worked on side by side, along
the last axis of every array: that is what fills the processor's vectors.
"""

import math
from typing import NamedTuple

import numpy as np

from bayes_astro.likelihoods.compiled import kernel

__all__ = ["LANES", "REORDER", "Workspace", "averaged", "reduced", "workspace"]

LANES = 32
"""Frequencies side by side: some vectors of the widest kind there is."""

# Sums may be reordered, hence vectorised; NaN and infinity keep their meaning.
REORDER = {"reassoc", "contract", "nsz", "arcp"}


class Workspace(NamedTuple):
    """What `reduced` reads and writes, lanes last."""

    products: np.ndarray
    """X' P X of each block, lower triangle (B, 2K, 2K, L)."""
    vector: np.ndarray
    """X' P y of each block (B, 2K, L)."""
    factor: np.ndarray
    """Of I + N_b (B, 2K, 2K, L)."""
    inverse: np.ndarray
    """Of that factor, lower triangle (B, 2K, 2K, L)."""
    forward: np.ndarray
    """u_b (B, 2K, L)."""
    common: np.ndarray
    """Sum of the inverses of I + N_b so far (2K, 2K, L)."""
    system: np.ndarray
    """Factor of S for the last number of harmonics (2K, 2K, L)."""
    projected: np.ndarray
    """Sum of (I + N_b)^-1 Delta^1/2 v_b so far (2K, L)."""
    right: np.ndarray
    """L^-1 g for the last number of harmonics (2K, L)."""
    tally: np.ndarray
    """Explained, log of pivots, their product, smallest pivot over its limit; twice (8, L)."""
    evidence: np.ndarray
    """Log evidence against the trend alone, by number of harmonics (T, L)."""


def workspace(n_blocks, n_terms, n_numbers, lanes=LANES) -> Workspace:
    """Room for so many blocks, harmonics, numbers of harmonics, and frequencies side by side."""
    size = 2 * n_terms
    return Workspace(
        *(np.zeros((*shape, lanes)) for shape in (
            (n_blocks, size, size),
            (n_blocks, size),
            (n_blocks, size, size),
            (n_blocks, size, size),
            (n_blocks, size),
            (size, size),
            (size, size),
            (size,),
            (size,),
            (8,),
            (n_numbers,),
        ))
    )  # fmt: skip


@kernel(fastmath=REORDER, forceinline=True)
def _factorise(matrix, vector, size):
    """Cholesky factor L of I + D' W D in place (lower triangle), and L^-1 vector."""
    lanes = vector.shape[1]
    for k in range(size):
        for lane in range(lanes):
            # A pivot below one is rounding.
            pivot = math.sqrt(max(matrix[k, k, lane], 1.0))
            matrix[k, k, lane] = pivot
            vector[k, lane] /= pivot
        for j in range(k + 1, size):
            for lane in range(lanes):
                value = matrix[j, k, lane] / matrix[k, k, lane]
                matrix[j, k, lane] = value
                vector[j, lane] -= value * vector[k, lane]
        for j in range(k + 1, size):
            for i in range(k + 1, j + 1):
                for lane in range(lanes):
                    matrix[j, i, lane] -= matrix[j, k, lane] * matrix[i, k, lane]


@kernel(fastmath=REORDER, forceinline=True)
def _inverted(factor, inverse, size):
    """Inverse of a lower triangle."""
    lanes = factor.shape[2]
    for k in range(size):
        for lane in range(lanes):
            inverse[k, k, lane] = 1.0 / factor[k, k, lane]
        for j in range(k + 1, size):
            for lane in range(lanes):
                inverse[j, k, lane] = 0.0
        for i in range(k, size):
            if i > k:
                for lane in range(lanes):
                    inverse[i, k, lane] /= factor[i, i, lane]
            for j in range(i + 1, size):
                for lane in range(lanes):
                    inverse[j, k, lane] -= factor[j, i, lane] * inverse[i, k, lane]


@kernel(fastmath=REORDER, forceinline=True)
def _tallied(tally, vector, factor, first, last):
    """Add rows to what is explained and to the log of the pivots."""
    for r in range(first, last):
        largest = 0.0
        for lane in range(vector.shape[1]):
            tally[0, lane] += vector[r, lane] ** 2
            tally[2, lane] *= factor[r, r, lane]
            largest = max(largest, tally[2, lane])
        if largest > 1e100:
            for lane in range(vector.shape[1]):
                tally[1, lane] += math.log(tally[2, lane])
                tally[2, lane] = 1.0


@kernel(fastmath=REORDER, forceinline=True)
def _limited(tally, factor, sd, smallest, weight):
    """The smallest pivot, as a share of the diagonal, over its limit."""
    if smallest == 0.0:
        return
    for j in range(factor.shape[0]):
        limit = 1.0 / (smallest * (1.0 + 0.5 * sd[j // 2] ** 2 * weight))
        for lane in range(factor.shape[2]):
            tally[3, lane] = min(tally[3, lane], factor[j, j, lane] ** 2 * limit)


@kernel(fastmath=REORDER)
def reduced(work, term_sd, own_sd, terms, smallest, weight):
    """Integrate the harmonics out: log evidence against the trend alone, of each number of them.

    Columns are cos 1, sin 1, cos 2, sin 2, ...: fewer harmonics are the first rows of everything.

    Parameters
    ----------
    work : Workspace
        With ``products`` and ``vector``; the rest is written to. A lane with a pivot that is too small has
        the evidence NaN.
    term_sd : array (K,)
        Prior widths of what the blocks share.
    own_sd : array (K,) or (0,)
        Prior widths of each block's own part; empty where there is none.
    terms : array (T,)
        Numbers of harmonics, ascending.
    smallest : float
        Pivots below this share of their diagonal are too small for the precision of the products.
    weight : array (B,)
        Sum of the weights in each block.
    """
    n_blocks, size, lanes = work.vector.shape
    common, system, projected, right = work.common, work.system, work.projected, work.right
    inner, outer = work.tally[:4], work.tally[4:]
    for lane in range(lanes):
        inner[0, lane], inner[1, lane], inner[2, lane], inner[3, lane] = 0.0, 0.0, 1.0, math.inf
    if own_sd.size == 0:
        total = 0.0
        for b in range(n_blocks):
            total += weight[b]
        for j in range(size):
            for lane in range(lanes):
                right[j, lane] = 0.0
            for b in range(n_blocks):
                for lane in range(lanes):
                    right[j, lane] += term_sd[j // 2] * work.vector[b, j, lane]
            for k in range(j + 1):
                both = term_sd[j // 2] * term_sd[k // 2]
                for lane in range(lanes):
                    system[j, k, lane] = 1.0 if j == k else 0.0
                for b in range(n_blocks):
                    for lane in range(lanes):
                        system[j, k, lane] += both * work.products[b, j, k, lane]
        _factorise(system, right, size)
        _limited(inner, system, term_sd, smallest, total)
        row = 0
        for t in range(terms.size):
            _tallied(inner, right, system, row, 2 * terms[t])
            row = 2 * terms[t]
            _conclude(inner, work.evidence, t)
        return

    for j in range(size):
        for lane in range(lanes):
            projected[j, lane] = 0.0
        for k in range(j + 1):
            for lane in range(lanes):
                common[j, k, lane] = 0.0
    for b in range(n_blocks):
        factor, forward = work.factor[b], work.forward[b]
        for j in range(size):
            for lane in range(lanes):
                forward[j, lane] = own_sd[j // 2] * work.vector[b, j, lane]
            for k in range(j + 1):
                both = own_sd[j // 2] * own_sd[k // 2]
                for lane in range(lanes):
                    factor[j, k, lane] = both * work.products[b, j, k, lane]
            for lane in range(lanes):
                factor[j, j, lane] += 1.0
        _factorise(factor, forward, size)
        _limited(inner, factor, own_sd, smallest, weight[b])
        _inverted(factor, work.inverse[b], size)
    row = 0
    for t in range(terms.size):
        last = 2 * terms[t]
        for b in range(n_blocks):
            inverse, forward = work.inverse[b], work.forward[b]
            _tallied(inner, forward, work.factor[b], row, last)
            for r in range(row, last):
                for j in range(r + 1):
                    for lane in range(lanes):
                        projected[j, lane] += forward[r, lane] * inverse[r, j, lane]
                    for k in range(j + 1):
                        for lane in range(lanes):
                            common[j, k, lane] += inverse[r, j, lane] * inverse[r, k, lane]
        row = last
        # (M^-1 + own^2)^-1 = own^-1 [1 - (1 + own M own)^-1] own^-1, summed over the blocks.
        for j in range(last):
            ratio = term_sd[j // 2] / own_sd[j // 2]
            for lane in range(lanes):
                right[j, lane] = ratio * projected[j, lane]
            for k in range(j):
                both = ratio * (term_sd[k // 2] / own_sd[k // 2])
                for lane in range(lanes):
                    system[j, k, lane] = -both * common[j, k, lane]
            for lane in range(lanes):
                system[j, j, lane] = 1.0 + ratio * ratio * (n_blocks - common[j, j, lane])
        _factorise(system, right, last)
        for lane in range(lanes):
            for j in range(4):
                outer[j, lane] = inner[j, lane]
        _tallied(outer, right, system, 0, last)
        _conclude(outer, work.evidence, t)


@kernel(forceinline=True)
def _conclude(tally, evidence, t):
    for lane in range(tally.shape[1]):
        value = 0.5 * tally[0, lane] - tally[1, lane] - math.log(tally[2, lane])
        evidence[t, lane] = value if tally[3, lane] > 1.0 else math.nan


@kernel(forceinline=True)
def averaged(evidence, log_terms, lane):
    """Log mean of the evidences under the prior of the number of harmonics."""
    if log_terms.size == 1:
        return evidence[0, lane] + log_terms[0]
    peak = -math.inf
    for t in range(log_terms.size):
        peak = max(peak, evidence[t, lane] + log_terms[t])
    total = 0.0
    for t in range(log_terms.size):
        total += math.exp(evidence[t, lane] + log_terms[t] - peak)
    return peak + math.log(total)
