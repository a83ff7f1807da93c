r"""Fractional Brownian motion in noise: log likelihood by a dense Cholesky, level marginalised.

With lags in units of a reference, the covariance of the process about its value at the first time is

.. math:: C_{ij} = \tfrac12 S^2 \left(l_i^{2\gamma} + l_j^{2\gamma} - |l_i - l_j|^{2\gamma}\right),

(`bayes_astro.variability.stationary_increments`); the errors add to its diagonal. No recursion in
linear time is known for it. With C + N = L L', white columns w = L^-1 (y - m) and o = L^-1 1, and a
level ~ N(m, s^2), the precision is P = 1/s^2 + o'o, the shift b = w'o, and

.. math:: 2 \log p(y) = -n \log 2\pi - 2 \log|L| - \log(P s^2) - w'w + b^2 / P.
"""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel

__all__ = ["marginal"]


@kernel(fastmath={"reassoc", "contract", "nsz"})
def _marginal(logarithm, residual, variance, amplitude, gamma, level_sd, total, shift, spread):
    """`logarithm` holds log |l_i - l_j| below the diagonal, and minus infinity for equal times."""
    n = residual.size
    factor = np.empty((n, n))
    white, ones, grown = np.empty(n), np.empty(n), np.empty(n)
    for k in range(amplitude.size):
        power, half = 2.0 * gamma[k], 0.5 * amplitude[k] ** 2
        for i in range(n):
            grown[i] = half * math.exp(power * logarithm[i, 0])
        log_determinant, good = 0.0, True
        for i in range(n):
            row = factor[i]
            w, o = residual[i], 1.0
            for j in range(i):
                other = factor[j]
                x = grown[i] + grown[j] - half * math.exp(power * logarithm[i, j])
                for m in range(j):
                    x -= row[m] * other[m]
                row[j] = x / other[j]
            x = 2.0 * grown[i] + variance[i]
            for m in range(i):
                x -= row[m] * row[m]
                w -= row[m] * white[m]
                o -= row[m] * ones[m]
            if not x > 0.0:
                good = False
                break
            row[i] = math.sqrt(x)
            white[i], ones[i] = w / row[i], o / row[i]
            log_determinant += math.log(row[i])
        precision, product, square = level_sd**-2.0, 0.0, 0.0
        for i in range(n):
            precision += ones[i] * ones[i]
            product += white[i] * ones[i]
            square += white[i] * white[i]
        total[k] = -np.inf
        if good:
            total[k] = -log_determinant - 0.5 * n * math.log(2.0 * math.pi)
            total[k] -= 0.5 * (square - product**2 / precision)
            total[k] -= 0.5 * math.log(precision * level_sd**2.0)
        shift[k], spread[k] = product / precision, precision**-0.5


def marginal(
    time: np.ndarray,
    value: np.ndarray,
    error: np.ndarray,
    level: tuple[float, float],
    amplitude: np.ndarray,
    gamma: np.ndarray,
    reference: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log likelihood with the level at the first time ~ N(mean, sd^2) integrated out.

    Parameters
    ----------
    time, value, error : (n,) arrays
        Times ascending.
    level : (mean, sd)
    amplitude, gamma : (m,) arrays
        SF at the lag `reference`, and its exponent in (0, 1).
    reference : float

    Returns
    -------
    log_likelihood, mean, sd : (m,) arrays
        The last two are those of the level given the data.
    """
    lag = np.abs(time[:, None] - time) / reference
    with np.errstate(divide="ignore"):
        logarithm = np.log(lag)
    total, shift, spread = np.empty((3, len(gamma)))
    _marginal(
        logarithm, value - level[0], error**2, np.ascontiguousarray(amplitude, dtype=float),
        np.ascontiguousarray(gamma, dtype=float), float(level[1]), total, shift, spread,
    )  # fmt: skip
    return total, level[0] + shift, spread
