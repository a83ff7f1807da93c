r"""A Gaussian process at few points, of which only differences count: its log density.

A Matern-3/2 process of unit variance and length l has the covariance k(d) = (1 + s) e^-s with
s = sqrt(3) |d| / l. Its values less that at the first point, x_j = phi_j - phi_0, have

.. code-block:: text

    K_ij = k(z_i - z_j) - k(z_i - z_0) - k(z_0 - z_j) + k(0)
    log p(x) = -1/2 x' K^-1 x / a^2 - 1/2 log det K - n log a - n/2 log 2 pi

whatever constant is added to phi. With c = K^-1 x and K' = dK/dl, where dk/dl = s^2 e^-s / l,

.. code-block:: text

    d/dx = -c / a^2,   d/da = (x' c / a^2 - n) / a,   d/dl = 1/2 c' K' c / a^2 - 1/2 tr K^-1 K'
"""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel

__all__ = ["covariance", "value_and_gradient"]

JITTER = 1e-9


@kernel
def covariance(z, length):
    """K and dK/dl at the points z (J,), of the last J - 1: (J - 1, J - 1) each."""
    n = len(z)
    k, slope = np.empty((n, n)), np.empty((n, n))
    for i in range(n):
        for j in range(n):
            s = math.sqrt(3.0) * abs(z[i] - z[j]) / length
            k[i, j] = (1 + s) * math.exp(-s)
            slope[i, j] = s * s * math.exp(-s) / length
    both = np.empty((2, n - 1, n - 1))
    for which, full in enumerate((k, slope)):
        for i in range(1, n):
            for j in range(1, n):
                both[which, i - 1, j - 1] = full[i, j] - full[i, 0] - full[0, j] + full[0, 0]
    for i in range(n - 1):
        both[0, i, i] += JITTER
    return both[0], both[1]


@kernel
def value_and_gradient(x, amplitude, length, z):
    """Log density of the differences and its gradient by x, amplitude and length.

    Parameters
    ----------
    x : (J - 1,) array
    amplitude, length : float
    z : (J,) array
    """
    n = len(x)
    if not (amplitude > 0 and length > 0):
        return -np.inf, np.zeros(n), 0.0, 0.0
    matrix, slope = covariance(z, length)
    inverse = np.linalg.inv(matrix)
    factor = np.linalg.cholesky(matrix)
    c = inverse @ x
    square = (x @ c) / amplitude**2
    log_det = 0.0
    for i in range(n):
        log_det += 2 * math.log(factor[i, i])
    value = -0.5 * square - 0.5 * log_det - n * math.log(amplitude) - 0.5 * n * math.log(2 * np.pi)
    to_length = 0.5 * (c @ (slope @ c)) / amplitude**2 - 0.5 * np.sum(inverse * slope)
    return value, -c / amplitude**2, (square - n) / amplitude, to_length
