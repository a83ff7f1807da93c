"""Piecewise constant signals: sums over all ways to divide a series into blocks, by dynamic programming.

Cells 0 .. c-1 are in order; a block is a run of cells with one level, which is integrated out in closed
form. With F and E the sums of two or three statistics before each edge, a block of cells i .. j-1 has

    Poisson, rate ~ Gamma(a, b):   N = F_j - F_i events in the exposure T = E_j - E_i,
        ln f = a ln b - ln Gamma(a) + ln Gamma(a + N) - (a + N) ln(b + T)
    normal, level ~ N(m, v):       S = sum (y - m) / s^2,  W = sum 1 / s^2,
        ln f = -ln(1 + v W) / 2 + v S^2 / 2 (1 + v W)

but for factors that no division changes. The boundary before cell i > 0 is a change with the probability
p_i, all by themselves. The sum over all divisions of the cells before j is (Fearnhead 2006)

    A_j = sum_i A_i p_i q_(i+1) ... q_(j-1) f(i, j),   q = 1 - p,  p_0 = 1,  A_0 = 1

and C_i the same from the other end: the probability of a change before cell i is A_i p_i C_i / A_c, and
the last block of a division drawn from the posterior begins at i with the probability of its term in A_c.
It takes as many steps as there are pairs of edges, once for all prior rates of changes at the same time.
"""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel

__all__ = ["NORMAL", "POISSON", "backward", "best", "divided", "forward"]

POISSON, NORMAL = 0, 1


@kernel(forceinline=True)
def _block(kind, i, j, first, second, gamma, a, b):
    """ln f(i, j); of Poisson blocks a and b are those of the prior, of normal ones b is its variance."""
    if kind == POISSON:
        number = first[j] - first[i]
        return gamma[int(number + 0.5)] - (a + number) * math.log(b + second[j] - second[i])
    wide = 1.0 + b * (second[j] - second[i])
    total = first[j] - first[i]
    return 0.5 * (b * total * total / wide - math.log(wide))


@kernel
def _relative(logs, ratio):
    """The largest of some logarithms; the others as ratios to it."""
    top = -np.inf
    for m in range(len(logs)):
        top = max(top, logs[m])
    for m in range(len(logs)):
        ratio[m] = math.exp(logs[m] - top) if top > -np.inf else 0.0
    return top


@kernel
def _summed(height, ratio, start, stop, top, total):
    """Sums over edges of exp(height - top) times the ratio of each rate."""
    total[:] = 0.0
    for i in range(start, stop):
        if height[i] < top - 745.0:
            continue
        weight = math.exp(height[i] - top)
        for m in range(len(total)):
            total[m] += weight * ratio[i, m]


@kernel
def forward(kind, first, second, gamma, a, b, change, stay):
    """ln A (k, c + 1), for every prior rate of changes.

    Parameters
    ----------
    kind : int
        POISSON or NORMAL.
    first, second : (c + 1,) arrays
        Sums before each edge.
    gamma : (N + 1,) array
        ln Gamma(a + n) + a ln b - ln Gamma(a) of Poisson blocks.
    a, b : float
    change : (k, c) array
        ln p of the boundary before each cell; that of the first is 0.
    stay : (k, c) array
        Sums of ln q of the boundaries up to that before each cell.
    """
    k, c = change.shape
    found, height = np.full((k, c + 1), -np.inf), np.empty(c)
    found[:, 0] = 0.0
    # Terms of all rates are taken relative to the largest, so that a pair of edges costs one exponential.
    reference, ratio, total = np.empty(c), np.empty((c, k)), np.empty(k)
    for j in range(1, c + 1):
        i = j - 1
        reference[i] = _relative(found[:, i] + change[:, i] - stay[:, i], ratio[i])
        top = -np.inf
        for i in range(j):
            height[i] = reference[i] + _block(kind, i, j, first, second, gamma, a, b)
            top = max(top, height[i])
        _summed(height, ratio, 0, j, top, total)
        for m in range(k):
            found[m, j] = top + math.log(total[m]) + stay[m, j - 1]
    return found


@kernel
def backward(kind, first, second, gamma, a, b, change, stay):
    """ln C (k, c + 1): of all divisions of the cells from i on, where a block begins at i."""
    k, c = change.shape
    found, height = np.full((k, c + 1), -np.inf), np.empty(c + 1)
    found[:, c] = 0.0
    reference, ratio, total = np.empty(c + 1), np.empty((c + 1, k)), np.empty(k)
    for i in range(c - 1, -1, -1):
        j = i + 1
        new = found[:, j] + stay[:, j - 1]
        if j < c:
            new = new + change[:, j]
        reference[j] = _relative(new, ratio[j])
        top = -np.inf
        for j in range(i + 1, c + 1):
            height[j] = reference[j] + _block(kind, i, j, first, second, gamma, a, b)
            top = max(top, height[j])
        _summed(height, ratio, i + 1, c + 1, top, total)
        for m in range(k):
            found[m, i] = top + math.log(total[m]) - stay[m, i]
    return found


@kernel
def best(kind, first, second, gamma, a, b, change, stay):
    """Where the blocks of the most probable division begin, for one rate of changes (c,): (n,)."""
    c = len(change)
    height, before = np.full(c + 1, -np.inf), np.zeros(c + 1, np.int64)
    height[0] = 0.0
    for j in range(1, c + 1):
        for i in range(j):
            one = height[i] + change[i] - stay[i] + stay[j - 1]
            one += _block(kind, i, j, first, second, gamma, a, b)
            if one > height[j]:
                height[j], before[j] = one, i
    count, j = 0, c
    while j > 0:
        j = before[j]
        count += 1
    found, j = np.empty(count, np.int64), c
    for place in range(count - 1, -1, -1):
        j = before[j]
        found[place] = j
    return found


@kernel
def divided(kind, first, second, gamma, a, b, change, stay, sums, uniform):
    """Divisions drawn from the posterior, for one rate of changes: (draws, c), 1 where a block begins.

    `sums` is that rate's row of `forward`; `uniform` (draws, c) are uniform random numbers.
    """
    draws, c = uniform.shape
    begins = np.zeros((draws, c), np.uint8)
    at, used = np.full(draws, c), np.zeros(draws, np.int64)
    weight = np.empty(c)
    for j in range(c, 0, -1):
        any_here = False
        for s in range(draws):
            if at[s] == j:
                any_here = True
                break
        if not any_here:
            continue
        top = -np.inf
        for i in range(j):
            weight[i] = sums[i] + change[i] - stay[i]
            weight[i] += _block(kind, i, j, first, second, gamma, a, b)
            top = max(top, weight[i])
        total = 0.0
        for i in range(j):
            total += math.exp(weight[i] - top)
            weight[i] = total
        for s in range(draws):
            if at[s] != j:
                continue
            wanted = uniform[s, used[s]] * total
            used[s] += 1
            low, high = 0, j - 1
            while low < high:
                middle = (low + high) // 2
                if weight[middle] < wanted:
                    low = middle + 1
                else:
                    high = middle
            begins[s, low] = 1
            at[s] = low
    return begins
