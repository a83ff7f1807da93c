r"""Estimates of a correlation function given a power law, bent by a smooth process.

The equations are those of `bayes_astro.clustering.correlation_form` and of `ba.TwoPointCorrelation`. With
u = W (y - mu), W the inverse of the Cholesky factor of the covariance of n estimates, and d = u'u,

.. code-block:: text

    log L = -1/2 d - 1/2 log|2 pi C|                                    d log L / d mu = W'u
    log L = constant - P/2 log(1 + d / (P - 1))  (P patches)            d log L / d mu = W'u P / (P - 1 + d)

and mu_i is a sum over the nodes of bin i of weight times amplitude exp(-gamma x + g(x)), whose derivatives
are itself times those of the exponent.
"""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.memory import cube, floats, likelihood, matrix, opened

__all__ = ["TWO_POINT"]


@likelihood
def TWO_POINT(values, gradient, data, wanted):
    """Values: amplitude, gamma; offset if there is one; smooth_sigma, length, z (m) if there are.

    Data: [has an offset, patches or 0, constant, is smooth]; x and weights of nodes (2, n, q); sines at
    them (n, q, m); their frequencies; estimates; W (n, n).
    """
    values, gradient, index = opened(values, gradient, data)
    settings, nodes, sines = floats(index, 0), cube(index, 1), cube(index, 2)
    frequency, estimate, whiten = floats(index, 3), floats(index, 4), matrix(index, 5)
    n, q, m = sines.shape
    if settings[3] == 0.0:
        m = 0
    amplitude, gamma, at = values[0], values[1], 2
    offset = 0.0
    if settings[0] > 0.0:
        offset, at = values[2], 3
    scale, slope = np.zeros(m), np.zeros(m)
    sigma = length = 0.0
    if m > 0:
        sigma, length = values[at], values[at + 1]
        k = math.sqrt(5.0) / length
        for j in range(m):
            both = k * k + frequency[j] * frequency[j]
            scale[j] = math.sqrt(16.0 / 3.0) * k**2.5 / both**1.5
            slope[j] = -scale[j] * (2.5 - 3.0 * k * k / both) / length
    mean, by_amplitude, by_gamma = np.zeros(n), np.zeros(n), np.zeros(n)
    by_sine = np.zeros((n, m))
    for i in range(n):
        for p in range(q):
            exponent = -gamma * nodes[0, i, p]
            for j in range(m):
                exponent += sigma * scale[j] * values[at + 2 + j] * sines[i, p, j]
            unit = nodes[1, i, p] * math.exp(exponent)
            by_amplitude[i] += unit
            by_gamma[i] -= unit * amplitude * nodes[0, i, p]
            for j in range(m):
                by_sine[i, j] += unit * amplitude * sines[i, p, j]
        mean[i] = amplitude * by_amplitude[i] - offset
    squares, pull = 0.0, np.zeros(n)
    for i in range(n):
        u = 0.0
        for j in range(i + 1):
            u += whiten[i, j] * (estimate[j] - mean[j])
        squares += u * u
        for j in range(i + 1):
            pull[j] += whiten[i, j] * u
    if not squares < math.inf:
        return -math.inf
    patches, factor = settings[1], 1.0
    total = settings[2] - 0.5 * squares
    if patches > 0.0:
        factor = patches / (patches - 1.0 + squares)
        total = settings[2] - 0.5 * patches * math.log1p(squares / (patches - 1.0))
    for i in range(n):
        to_mean = factor * pull[i]
        gradient[0] += to_mean * by_amplitude[i]
        gradient[1] += to_mean * by_gamma[i]
        if settings[0] > 0.0:
            gradient[2] -= to_mean
        for j in range(m):
            z = values[at + 2 + j]
            gradient[at] += to_mean * by_sine[i, j] * scale[j] * z
            gradient[at + 1] += to_mean * by_sine[i, j] * sigma * slope[j] * z
            gradient[at + 2 + j] += to_mean * by_sine[i, j] * sigma * scale[j]
    return total
