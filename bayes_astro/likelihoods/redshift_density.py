r"""Densities of redshift as mixtures of Gaussians in t = log(1 + z): summaries, grids, scores, draws.

Shares w_k, means c_k and variances v_k = s_k^2 are those of `conditional_mixture`. Redshifts below a
limit cannot be, so the density is cut off at t = lower:

.. code-block:: text

    p(z) = sum_k w_k N(t; c_k, v_k) / (1 + z) / A,      A = sum_k w_k Phi((c_k - lower) / s_k)
    E[z] = sum_k w_k exp(c_k + v_k / 2) Phi((c_k + v_k - lower) / s_k) / A - 1
"""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel
from bayes_astro.likelihoods.conditional_mixture import conditional_block, scratch_for
from bayes_astro.likelihoods.decays import exponentials
from bayes_astro.likelihoods.mixture_blocks import BLOCK

__all__ = ["bins", "densities_at", "density", "summaries"]

DROPPED = 1e-5
"""Components with a smaller share of an object are left out of what describes its middle."""
_SQRT_HALF = math.sqrt(0.5)
_ROOT_2PI = math.sqrt(2 * math.pi)


@kernel
def component_list(share, centre, spread, i, members, g, h, lower, dropped, w, c, s):
    """Components of object `i` in the mixtures from g to h, of equal weight above `lower` each.

    Those with less than `dropped` of what is there are left out. Fills shares that sum to one,
    means and standard deviations; returns how many there are, and the probability above `lower`.
    """
    found, part = 0, 0.0
    for group in range(g, h):
        total = 0.0
        for k in range(members[group], members[group + 1]):
            total += above_limit(share[k, i], centre[k, i], spread[k, i], lower)
        for k in range(members[group], members[group + 1]):
            if above_limit(share[k, i], centre[k, i], spread[k, i], lower) > dropped * total * (
                h - g
            ):
                w[found] = share[k, i] / total
                c[found], s[found] = centre[k, i], math.sqrt(spread[k, i])
                part += w[found]
                found += 1
    if found == 0:  # all of it lies below, further than numbers reach
        w[0], c[0], s[0] = 1.0, lower, 1e-6
        return 1, 0.5
    above = 0.0
    for k in range(found):
        w[k] /= part
        above += above_limit(w[k], c[k], s[k] * s[k], lower)
    return found, above


@kernel
def above_limit(weight, centre, variance, lower):
    """How much of a component lies above `lower`."""
    off = lower - centre
    if off < 0.0 and off * off > 40.0 * variance:
        return weight
    return weight * 0.5 * math.erfc(off / math.sqrt(variance) * _SQRT_HALF)


@kernel
def _cumulative(t, w, c, s, count, above):
    """Probability below t, and the density there."""
    over, density = 0.0, 0.0
    for k in range(count):
        x = (t - c[k]) / s[k]
        if x < -6.0:
            over += w[k]
        elif x < 8.0:
            over += w[k] * 0.5 * math.erfc(x * _SQRT_HALF)
            density += w[k] / s[k] * math.exp(-0.5 * x * x)
    return 1.0 - over / above, density / (_ROOT_2PI * above)


@kernel
def _quantile(p, t, low, high, w, c, s, count, above):
    """The value of t below which lies probability p, by Newton's method between brackets."""
    for _ in range(60):
        below, density = _cumulative(t, w, c, s, count, above)
        off = below - p
        if off > 0:
            high = t
        else:
            low = t
        if abs(off) < 1e-6 or high - low < 1e-9:
            break
        t = t - off / density if density > 0 else low - 1.0
        if not low < t < high:
            t = 0.5 * (low + high)
    return t


@kernel
def _slopes(t, w, c, s, count):
    """p(z) up to a constant, and the first two derivatives by t, at t = log(1 + z)."""
    a = first = second = 0.0
    for k in range(count):
        x = (t - c[k]) / s[k]
        if abs(x) < 7.0:
            part = w[k] / s[k] * math.exp(-0.5 * x * x)
            slope = -x / s[k] - 1.0
            a += part
            first += part * slope
            second += part * (slope * slope - 1.0 / (s[k] * s[k]))
    down = math.exp(-t)
    return a * down, first * down, second * down


@kernel
def _mode(w, c, s, count, lower):
    """The highest point of p(z): Newton's method from the highest peaks of single components."""
    top = 0.0
    for k in range(count):
        top = max(top, w[k] / s[k] * math.exp(-max(c[k] - s[k] * s[k], lower)))
    best, start, width = -1.0, lower, 1.0
    for k in range(count):
        if w[k] / s[k] * math.exp(-max(c[k] - s[k] * s[k], lower)) > 0.1 * top:
            # A peak is at c - s^2 if it stands alone, nearer to c among others.
            for part in range(2 if s[k] > 0.05 else 1):
                t = max(c[k] - (1 - part) * s[k] * s[k], lower)
                height, _, _ = _slopes(t, w, c, s, count)
                if height > best:
                    best, start, width = height, t, s[k]
    t, height = start, best
    for _ in range(30):
        height, first, second = _slopes(t, w, c, s, count)
        move = -first / second if second < 0.0 else math.copysign(0.5 * width, first)
        move = min(max(move, -width), width)
        if t + move < lower:
            move = lower - t
        for _ in range(20):
            new, _, _ = _slopes(t + move, w, c, s, count)
            if new >= height:
                break
            move *= 0.5
        t += move
        if abs(move) < 1e-6 * width:
            break
    return t


@kernel
def summaries(
    feature, variance, order, blocks, columns, weight, mean, covariance, members, lower, quantiles,
    normal, out, top,
):  # fmt: skip
    """Numbers that describe p(z) of every object.

    Parameters
    ----------
    quantiles : (q,) array
        Increasing probabilities.
    normal : (q,) array
        The same quantiles of a unit normal, where the search for them starts.
    out : (objects, q + 4) array
        Filled: mode and mean of z, log p(x), its expectation, quantiles of z.
    top : (objects, c, 3) float32 array
        Filled: share, mean and standard deviation in log(1 + z) of the largest components.
    """
    k_count, d = mean.shape
    groups = len(members) - 1
    scratch = scratch_for(k_count, d)
    share = np.empty((k_count, BLOCK))
    centre, spread = np.empty((k_count, BLOCK)), np.empty((k_count, BLOCK))
    evidence, expected = np.empty((groups, BLOCK)), np.empty(BLOCK)
    w, c, s = np.empty(k_count), np.empty(k_count), np.empty(k_count)
    for b in range(blocks.shape[0]):
        first, n, pattern = blocks[b]
        conditional_block(
            feature, variance, order, first, n, columns[pattern], weight, mean, covariance, members,
            share, centre, spread, evidence, expected, scratch,
        )  # fmt: skip
        for i in range(n):
            row = order[first + i]
            count, above = component_list(
                share, centre, spread, i, members, 0, groups, lower, DROPPED, w, c, s
            )
            out[row, 0] = math.exp(_mode(w, c, s, count, lower)) - 1.0
            average, low, high = 0.0, np.inf, -np.inf
            for k in range(count):
                v = s[k] * s[k]
                part = math.exp(c[k] + 0.5 * v)
                average += w[k] * part * 0.5 * math.erfc((lower - c[k] - v) / s[k] * _SQRT_HALF)
                low, high = min(low, c[k] - 8 * s[k]), max(high, c[k] + 8 * s[k])
            low, high = max(low, lower), max(high, lower + 1e-6)
            out[row, 1] = average / above - 1.0
            out[row, 2] = _log_mean(evidence, i, groups)
            out[row, 3] = expected[i]
            middle = math.log(1.0 + out[row, 1])
            width = 0.0
            for k in range(count):
                width += w[k] * (s[k] * s[k] + (c[k] - middle) ** 2)
            width = math.sqrt(width)
            for q in range(len(quantiles)):
                t = min(max(middle + width * normal[q], low + 1e-9), high)
                t = _quantile(quantiles[q], t, low, high, w, c, s, count, above)
                out[row, 4 + q] = math.exp(t) - 1.0
                low = t
            for j in range(top.shape[1]):
                best = j
                for k in range(j, count):
                    if w[k] > w[best]:
                        best = k
                if j < count:
                    w[j], w[best] = w[best], w[j]
                    c[j], c[best] = c[best], c[j]
                    s[j], s[best] = s[best], s[j]
                    top[row, j, 0], top[row, j, 1], top[row, j, 2] = w[j], c[j], s[j]
                else:
                    top[row, j, 0], top[row, j, 1], top[row, j, 2] = 0.0, 0.0, 1.0


@kernel
def _log_mean(evidence, i, groups):
    """Logarithm of the mean over mixtures of what is given by its logarithms."""
    most = -np.inf
    for g in range(groups):
        most = max(most, evidence[g, i])
    if most == -np.inf:
        return most
    total = 0.0
    for g in range(groups):
        total += math.exp(evidence[g, i] - most)
    return most + math.log(total / groups)


@kernel
def _add_gaussian(grid, centre, width, peak, values, work):
    """Add peak exp(-x^2 / 2), x = (grid - centre) / width, to the values; `work` has three rows."""
    n, per = len(grid), 1.0 / width
    half, part, scratch = work[0, :n], work[1, :n], work[2, :n]
    for i in range(n):
        x = (grid[i] - centre) * per
        half[i] = 0.5 * x * x
    exponentials(half, 1.0, part, scratch)
    for i in range(n):
        values[i] += peak * part[i]


@kernel
def density(
    feature, variance, order, blocks, columns, weight, mean, covariance, members, lower, grid, out
):
    """p(z) of every object on a grid of t = log(1 + z), increasing: `out` (objects, grid)."""
    k_count, d = mean.shape
    groups = len(members) - 1
    scratch = scratch_for(k_count, d)
    share = np.empty((k_count, BLOCK))
    centre, spread = np.empty((k_count, BLOCK)), np.empty((k_count, BLOCK))
    evidence, expected = np.empty((groups, BLOCK)), np.empty(BLOCK)
    w, c, s = np.empty(k_count), np.empty(k_count), np.empty(k_count)
    jacobian, work = np.exp(-grid) / _ROOT_2PI, np.empty((3, len(grid)))
    for b in range(blocks.shape[0]):
        first, n, pattern = blocks[b]
        conditional_block(
            feature, variance, order, first, n, columns[pattern], weight, mean, covariance, members,
            share, centre, spread, evidence, expected, scratch,
        )  # fmt: skip
        for i in range(n):
            count, above = component_list(
                share, centre, spread, i, members, 0, groups, lower, DROPPED, w, c, s
            )
            values = out[order[first + i]]
            values[:] = 0.0
            for k in range(count):
                low = np.searchsorted(grid, max(c[k] - 7 * s[k], lower))
                high = np.searchsorted(grid, c[k] + 7 * s[k], side="right")
                if high > low:
                    peak = w[k] / (s[k] * above)
                    _add_gaussian(grid[low:high], c[k], s[k], peak, values[low:high], work)
            for g in range(len(grid)):
                values[g] *= jacobian[g]


@kernel
def densities_at(
    feature, variance, order, blocks, columns, weight, mean, covariance, members, lower, t,
    log_density, below, evidence_out,
):  # fmt: skip
    """At one value of t for each object, and for each mixture by itself.

    Parameters
    ----------
    t : (objects,) array
    log_density : (g, objects) array
        Filled with log p(z), of z = exp(t) - 1.
    below : (g, objects) array
        Filled with the probability of smaller redshifts.
    evidence_out : (g + 1, objects) array
        Filled with log p(x) of each mixture, and what is expected of it.
    """
    k_count, d = mean.shape
    groups = len(members) - 1
    scratch = scratch_for(k_count, d)
    share = np.empty((k_count, BLOCK))
    centre, spread = np.empty((k_count, BLOCK)), np.empty((k_count, BLOCK))
    evidence, expected = np.empty((groups, BLOCK)), np.empty(BLOCK)
    w, c, s = np.empty(k_count), np.empty(k_count), np.empty(k_count)
    for b in range(blocks.shape[0]):
        first, n, pattern = blocks[b]
        conditional_block(
            feature, variance, order, first, n, columns[pattern], weight, mean, covariance, members,
            share, centre, spread, evidence, expected, scratch,
        )  # fmt: skip
        for i in range(n):
            row = order[first + i]
            for g in range(groups):
                count, above = component_list(
                    share, centre, spread, i, members, g, g + 1, lower, 0.0, w, c, s
                )
                most = -np.inf
                for k in range(count):
                    x = (t[row] - c[k]) / s[k]
                    most = max(most, math.log(w[k] / s[k]) - 0.5 * x * x)
                total = 0.0
                for k in range(count):
                    x = (t[row] - c[k]) / s[k]
                    total += math.exp(math.log(w[k] / s[k]) - 0.5 * x * x - most)
                log_density[g, row] = (
                    most + math.log(total) - math.log(_ROOT_2PI * above) - t[row]
                    if t[row] >= lower
                    else -np.inf
                )
                probability, _ = _cumulative(t[row], w, c, s, count, above)
                below[g, row] = max(probability, 0.0)
                evidence_out[g, row] = evidence[g, i]
            evidence_out[groups, row] = expected[i]


@kernel
def bins(
    feature, variance, order, blocks, columns, weight, mean, covariance, members, lower, edges, out
):
    """Probability of bins of t for each mixture by itself: `out` (g, objects, bins)."""
    k_count, d = mean.shape
    groups = len(members) - 1
    scratch = scratch_for(k_count, d)
    share = np.empty((k_count, BLOCK))
    centre, spread = np.empty((k_count, BLOCK)), np.empty((k_count, BLOCK))
    evidence, expected = np.empty((groups, BLOCK)), np.empty(BLOCK)
    w, c, s = np.empty(k_count), np.empty(k_count), np.empty(k_count)
    for b in range(blocks.shape[0]):
        first, n, pattern = blocks[b]
        conditional_block(
            feature, variance, order, first, n, columns[pattern], weight, mean, covariance, members,
            share, centre, spread, evidence, expected, scratch,
        )  # fmt: skip
        for i in range(n):
            row = order[first + i]
            for g in range(groups):
                count, above = component_list(
                    share, centre, spread, i, members, g, g + 1, lower, 1e-9, w, c, s
                )
                before = 0.0
                for j in range(len(edges)):
                    below, _ = _cumulative(max(edges[j], lower), w, c, s, count, above)
                    if j > 0:
                        out[g, row, j - 1] = max(below - before, 0.0)
                    before = below
