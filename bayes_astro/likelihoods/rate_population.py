r"""Counts of sources of which nothing is known but their population: densities and tails.

With S(k) the probability of k own counts, the rate integrated out over its population, and B(j, m) that
of the background's (`likelihoods.poisson_rate` has both for Gamma distributions),

.. code-block:: text

    p(n, m) = sum_k S(k) B(n - k, m)
    P(N < n | m) = sum_j B(j, m) / p(m) sum_{k < n - j} S(k)
"""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel
from bayes_astro.likelihoods.poisson_rate import (
    GAMMA,
    NEGLIGIBLE,
    fill_rising,
    log_common,
    log_over,
)

__all__ = ["cumulative", "marginal"]


@kernel
def _log_normal_own(k, log_mu, scatter):
    """Log of the integral of exp(k x - e^x) over x ~ N(log_mu, scatter^2).

    By the trapezoidal rule, whose error falls exponentially with the step for integrands that are
    analytic and vanish at both ends. In z, of a unit normal, the integrand has one maximum, found by
    Newton's steps from its right, which cannot overshoot; the step is half of its width there, and
    short enough for exp(-e^x).
    """
    z = max(0.0, (math.log(max(k, 1)) - log_mu) / scatter)
    for _ in range(100):
        mean = math.exp(log_mu + scatter * z)
        change = (scatter * (k - mean) - z) / (1.0 + scatter * scatter * mean)
        z += change
        if abs(change) < 1e-9:
            break
    mean = math.exp(log_mu + scatter * z)
    top = k * (log_mu + scatter * z) - mean - 0.5 * z * z
    width = 1.0 / math.sqrt(1.0 + scatter * scatter * mean)
    step = min(0.5 * width, 0.3 / scatter)
    whole = 1.0
    for side in range(-1, 2, 2):
        node = 0
        while True:
            node += side
            y = z + node * step
            log_mean = log_mu + scatter * y
            term = k * log_mean - math.exp(log_mean) - 0.5 * y * y - top
            if term < NEGLIGIBLE:
                break
            whole += math.exp(term)
    return top + math.log(whole * step) - 0.5 * math.log(2 * math.pi)


@kernel
def _log_own(first, n, mu, scatter, kind, tables, factorial, out):
    """log S(k) for k = first to n, the rate integrated out over its population."""
    for k in range(first):
        out[k] = -math.inf
    if kind == GAMMA:
        phi = scatter * scatter
        slope, common = math.log(mu) - math.log1p(phi * mu), log_over(phi, mu)[0]
        for k in range(first, n + 1):
            out[k] = tables[0, k] + k * slope - factorial[k] - common
        return
    for k in range(first, n + 1):
        out[k] = _log_normal_own(k, math.log(mu), scatter) - factorial[k]


@kernel
def _log_background(n, m, on, off, psi, tables, factorial, out):
    """log B(j, m) for j = 0 to n."""
    common = log_common(m, 0.0, 0.0, on, off, psi, factorial)
    if not on > 0.0:
        for j in range(n + 1):
            out[j] = -math.inf
        out[0] = common + tables[2, m]
        return
    slope = math.log(on) - math.log1p(psi * (on + off))
    for j in range(n + 1):
        out[j] = tables[2, j + m] + j * slope - factorial[j] + common


@kernel
def cumulative(
    level, scatter, background, psi, kind, counts, exposure, known, measured, factorial, out
):
    """P(fewer counts | off counts), P(as many | off counts) and log P(off counts), each (s, n).

    Of sources of which nothing is known but their population: level (mean or median rate), scatter,
    background and psi are (s,); out is (3, s, n).
    """
    size = len(factorial)
    tables, own, other = np.zeros((4, size)), np.empty(size), np.empty(size)
    for s in range(len(level)):
        fill_rising(scatter[s] * scatter[s] if kind == GAMMA else 0.0, tables[0], tables[1])
        fill_rising(psi[s], tables[2], tables[3])
        for i in range(counts.shape[1]):
            n, m = counts[0, i], counts[1, i]
            on = background[s] * exposure[0, i] if measured else known[i]
            off = background[s] * exposure[1, i]
            _log_own(0, n, level[s] * exposure[0, i], scatter[s], kind, tables, factorial, own)
            _log_background(n, m, on, off, psi[s], tables, factorial, other)
            alone = 0.0
            if m > 0 or off > 0.0:  # of the off counts by themselves
                alone = tables[2, m] + log_common(m, 0.0, 0.0, 0.0, off, psi[s], factorial)
            below = 0.0  # of the source's own counts
            fewer = same = 0.0
            for k in range(n + 1):
                p = math.exp(other[n - k] - alone)
                fewer += p * below
                here = math.exp(own[k])
                same += p * here
                below += here
            out[0, s, i], out[1, s, i], out[2, s, i] = fewer, same, alone


@kernel
def marginal(
    level, scatter, background, psi, kind, counts, exposure, known, measured, factorial, out
):
    """log p(n, m) under the population, (s, n), without underflow; arguments as of `cumulative`."""
    size = len(factorial)
    tables, own, other = np.zeros((4, size)), np.empty(size), np.empty(size)
    for s in range(len(level)):
        fill_rising(scatter[s] * scatter[s] if kind == GAMMA else 0.0, tables[0], tables[1])
        fill_rising(psi[s], tables[2], tables[3])
        for i in range(counts.shape[1]):
            n, m = counts[0, i], counts[1, i]
            on = background[s] * exposure[0, i] if measured else known[i]
            off = background[s] * exposure[1, i]
            first = 0 if on > 0.0 else n
            _log_own(first, n, level[s] * exposure[0, i], scatter[s], kind, tables, factorial, own)
            _log_background(n, m, on, off, psi[s], tables, factorial, other)
            top = -math.inf
            for k in range(n + 1):
                own[k] += other[n - k]
                top = max(top, own[k])
            whole = 0.0
            for k in range(n + 1):
                whole += math.exp(own[k] - top)
            out[s, i] = top + math.log(whole)
