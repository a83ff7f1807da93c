r"""The last quantity of a Gaussian mixture given noisy measurements of the others, object by object.

A joint mixture of features x (m of them) and a last quantity t, with diagonal errors on x:

.. code-block:: text

    (x_i, t_i) ~ sum_k a_k N(mu_k, V_k + diag(s_i1^2, ..., s_im^2, 0))
    p(t | x_i) = sum_k w_ik N(t; c_ik, v_ik),    w_ik = a_k N(x_i; mu_k^x, T_ik) / p(x_i)
    c_ik = mu_k^t + V_k^tx T_ik^-1 (x_i - mu_k^x),    v_ik = V_k^tt - V_k^tx T_ik^-1 V_k^xt

with T_ik = V_k^xx + diag(s_i^2). One factorisation gives all of it: with t as the last row of the
matrix and 0 in place of its value, L D L' = T has v_ik as its last pivot and L^-1 (x - mu) has
-c_ik as its last entry; chi-square and determinant of x are those of the rows before. A feature that
is missing is a row left out, so objects are taken in blocks with the same features measured.

Several mixtures, one after the other in the same arrays, are averaged with equal weights: p(t | x) is
the mean of theirs, and so is p(x).
"""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel
from bayes_astro.likelihoods.mixture_blocks import BLOCK, DIAGONAL
from bayes_astro.likelihoods.mixture_factors import (
    factorise,
    noisy_covariance,
    residual_of,
    responsibilities,
)

__all__ = ["conditional_block", "in_patterns", "scratch_for"]


def in_patterns(missing: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Objects in blocks that share their measured features.

    Returns
    -------
    order : (n,) integer array
        Objects, one block after the other.
    blocks : (b, 3) integer array
        First position in `order`, objects and row of `columns` of each block.
    columns : (patterns, m + 2) integer array
        Number of measured features, and which they are, the last quantity (m) after them.
    """
    n, m = missing.shape
    codes = (~missing) @ (1 << np.arange(m, dtype=np.int64))
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    ends = np.append(starts[1:], n)
    columns = np.zeros((max(1, len(starts)), m + 2), dtype=np.int64)
    rows = []
    for p, (start, end) in enumerate(zip(starts, ends, strict=True)):
        which = np.flatnonzero(~missing[order[start]])
        columns[p, 0] = len(which)
        columns[p, 1 : len(which) + 1] = which
        columns[p, len(which) + 1] = m
        rows += [(first, min(BLOCK, end - first), p) for first in range(start, end, BLOCK)]
    return order, np.array(rows, dtype=np.int64).reshape(-1, 3), columns


@kernel(fastmath=True, forceinline=True)
def _load(value, error, feature, variance, order, first, n, which, m):
    """Features and variances of a block, contiguous over objects; the last quantity is 0 +- 0."""
    for j in range(m):
        c = which[j]
        for i in range(n):
            row = order[first + i]
            value[j * n + i] = feature[row, c]
            error[j * n + i] = variance[row, c]
    for i in range(n):
        value[m * n + i] = 0.0
        error[m * n + i] = 0.0


@kernel(fastmath=True, forceinline=True)
def _split_last(square, determinant, z, inverse, centre, spread, weight, root, expected, m, n):
    """Conditional mean and variance from the last pivot; chi-square and determinant without it."""
    last, pivot = z[m], inverse[m]
    for i in range(n):
        centre[i] = -last[i]
        spread[i] = 1.0 / pivot[i]
        square[i] -= last[i] * last[i] * pivot[i]
        determinant[i] *= pivot[i]
        root[i] = weight / math.sqrt(determinant[i])
        expected[i] += weight * math.log(determinant[i])


@kernel
def conditional_block(
    feature, variance, order, first, n, columns, weight, mean, covariance, members, share, centre,
    spread, evidence, expected, scratch,
):  # fmt: skip
    """Shares, conditional means and variances of a block of objects.

    Parameters
    ----------
    feature, variance : (objects, m) arrays
        Variances of the errors.
    order, first, n, columns
        The block, of `in_patterns`; `columns` is its row of them.
    weight, mean, covariance : (K,), (K, m + 1), (K, m + 1, m + 1) arrays
    members : (g + 1,) integer array
        Where each of g mixtures begins among the K components, and K.
    share, centre, spread : (K, BLOCK) arrays
        Filled; the shares of each mixture sum to one.
    evidence : (g, BLOCK) array
        Filled with log p(x) of each mixture.
    expected : (BLOCK,) array
        Filled with what log p(x) is on average for such errors, roughly:
        -1/2 sum_k a_k (log det(2 pi T_k) + m).
    scratch : tuple of arrays
        Of `scratch_for`.
    """
    work, inverse, z, root, exponents, total, value, error, empty, product = scratch
    m, which = columns[0], columns[1:]
    d = mean.shape[1]
    _load(value, error, feature, variance, order, first, n, which, m)
    groups = len(members) - 1
    for i in range(n):
        expected[i] = 0.0
    for k in range(len(weight)):
        residual_of(z, m + 1, n, DIAGONAL, mean[k], which, d, value, empty)
        noisy_covariance(work, m + 1, n, DIAGONAL, covariance[k], which, d, error, empty, product)
        factorise(work, inverse, z, share[k], total, m + 1, n)
        _split_last(
            share[k], total, z, inverse, centre[k], spread[k], weight[k], root[k], expected, m, n
        )
    for g in range(groups):
        low, high = members[g], members[g + 1]
        responsibilities(
            share[low:high], root[low:high], exponents, total, high - low, 0.0, 0.0, n, evidence[g], m
        )  # fmt: skip
    for i in range(n):
        expected[i] = -0.5 * (expected[i] / groups + m * (math.log(2 * math.pi) + 1.0))


@kernel
def scratch_for(components, d):
    """Room for `conditional_block`."""
    return (
        np.empty((d * (d + 1) // 2, BLOCK)),
        np.empty((d, BLOCK)),
        np.empty((d, BLOCK)),
        np.empty((components, BLOCK)),
        np.empty((2, BLOCK)),
        np.empty(BLOCK),
        np.empty(d * BLOCK),
        np.empty(d * BLOCK),
        np.empty(0),
        np.empty((1, BLOCK)),
    )
