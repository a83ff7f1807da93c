r"""Gaussian processes told by their structure function SF(dt)^2 = E[(x(t + dt) - x(t))^2].

Two forms. The damped random walk has covariance sigma^2 exp(-|dt| / tau) and

.. math:: SF(dt) = SF_\infty \sqrt{1 - e^{-|dt|/\tau}}, \qquad SF_\infty = \sqrt2\,\sigma.

A power law, :math:`SF(dt) = S\,(|dt|/r)^\gamma` with :math:`0 < \gamma < 1`, belongs to no
stationary process: its variance grows without limit. Its increments are stationary (fractional
Brownian motion, Mandelbrot & Van Ness 1968, with Hurst exponent gamma), and with the process
measured from its value at an origin o,

.. math:: \mathrm{Cov}[x(t) - x(o), x(t') - x(o)]
          = \tfrac12\left[SF^2(t - o) + SF^2(t' - o) - SF^2(t - t')\right],

a proper covariance. The level x(o) is then a coefficient like a mean. With a wide prior for it the
likelihood is that of the increments alone, whichever origin is taken: any contrast whose weights
sum to zero has a variance in which the first two terms cancel.

All functions take parameters as arrays over draws (m,), times and residuals of one series.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bayes_astro.likelihoods import damped_random_walk as drw

__all__ = [
    "condition",
    "covariance",
    "innovations",
    "simulate",
    "structure_function",
]

DRW, POWER = "damped-random-walk", "power-law"
NUGGET = 1e-11  # of the largest variance, so that a Cholesky of nearly equal times exists
_HALF_LOG_2PI = 0.5 * np.log(2 * np.pi)


def structure_function(
    form: str, parameters: Mapping[str, np.ndarray], lag: np.ndarray, reference: float
) -> np.ndarray:
    """SF at lags (l,) for parameters of any shape: (..., l)."""
    lag = np.abs(lag)
    if form == DRW:
        sf, tau = (np.asarray(parameters[name])[..., None] for name in ("sf_infinity", "tau"))
        return sf * np.sqrt(-np.expm1(-lag / tau))
    sf, gamma = (np.asarray(parameters[name])[..., None] for name in ("sf_reference", "gamma"))
    return sf * (lag / reference) ** gamma


def covariance(
    form: str,
    parameters: Mapping[str, float],
    a: np.ndarray,
    b: np.ndarray,
    origin: float,
    reference: float,
) -> np.ndarray:
    """Covariance of the process between times `a` (n,) and `b` (m,): (n, m), for one draw."""
    lag = np.abs(a[:, None] - b)
    if form == DRW:
        return 0.5 * parameters["sf_infinity"] ** 2 * np.exp(-lag / parameters["tau"])
    power = 2 * parameters["gamma"]
    square = parameters["sf_reference"] ** 2 / reference**power
    grown = np.abs(a[:, None] - origin) ** power + np.abs(b - origin) ** power
    return 0.5 * square * (grown - lag**power)


def _draw(parameters: Mapping[str, np.ndarray], i: int) -> dict[str, float]:
    return {name: float(value[i]) for name, value in parameters.items()}


def innovations(
    form: str,
    parameters: Mapping[str, np.ndarray],
    time: np.ndarray,
    residual: np.ndarray,
    error: np.ndarray,
    origin: float,
    reference: float,
) -> tuple[np.ndarray, np.ndarray]:
    """One step ahead: standardised residual given all earlier points, and its standard deviation.

    `residual` is (m, n), the values less the level of each draw; both results are (m, n), and the
    log likelihood is -sum(z^2 / 2 + log sd + log(2 pi) / 2).
    """
    m, n = residual.shape
    z, sd = np.empty((m, n)), np.empty((m, n))
    if form == DRW:
        power = 0.5 * parameters["sf_infinity"] ** 2
        mean, variance = np.zeros(m), power.copy()
        below = np.expm1(-np.diff(time, prepend=time[0]) / parameters["tau"][:, None])
        for t in range(n):
            if t:
                mean = (1 + below[:, t]) * mean
                variance = (1 + below[:, t]) ** 2 * variance
                variance -= power * below[:, t] * (2 + below[:, t])
            total = variance + error[t] ** 2
            sd[:, t] = np.sqrt(total)
            z[:, t] = (residual[:, t] - mean) / sd[:, t]
            mean = mean + variance / total * (residual[:, t] - mean)
            variance = variance * error[t] ** 2 / total
        return z, sd
    from scipy.linalg import solve_triangular

    for i in range(m):
        factor = _factor(form, _draw(parameters, i), time, error, origin, reference)
        sd[i] = np.diag(factor)
        z[i] = solve_triangular(factor, residual[i], lower=True, check_finite=False)
    return z, sd


def _factor(
    form: str,
    one: dict[str, float],
    time: np.ndarray,
    error: np.ndarray,
    origin: float,
    reference: float,
) -> np.ndarray:
    matrix = covariance(form, one, time, time, origin, reference)
    matrix[np.diag_indices(len(time))] += error**2
    return np.linalg.cholesky(matrix)


def simulate(
    form: str,
    one: Mapping[str, float],
    time: np.ndarray,
    origin: float,
    reference: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """The noiseless process about its level at ascending times: the exact step, or a Cholesky."""
    if form == DRW:
        return drw.simulate(time, one["sf_infinity"] / np.sqrt(2), one["tau"], rng)
    distinct, back = np.unique(time, return_inverse=True)
    matrix = covariance(form, one, distinct, distinct, origin, reference)
    matrix[np.diag_indices(len(distinct))] += NUGGET * max(np.max(np.diag(matrix)), 1e-300)
    return (np.linalg.cholesky(matrix) @ rng.standard_normal(len(distinct)))[back]


def condition(
    form: str,
    parameters: Mapping[str, np.ndarray],
    time: np.ndarray,
    residual: np.ndarray,
    error: np.ndarray,
    at: np.ndarray,
    reference: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Joint draws (m, k) of the noiseless process about its level at times `at`, given the data.

    A draw from the prior at all times, corrected by what the data say against simulated data
    (Matheron's rule): x* + K(at, t) C^-1 (residual - x - noise).
    """
    m = len(residual)
    both = np.concatenate([time, at])
    order = np.argsort(both, kind="stable")
    found = np.empty((m, len(at)))
    for i in range(m):
        one = _draw(parameters, i)
        path = np.empty(len(both))
        path[order] = simulate(form, one, both[order], float(time[0]), reference, rng)
        noisy = path[: len(time)] + error * rng.standard_normal(len(time))
        matrix = covariance(form, one, time, time, float(time[0]), reference)
        matrix[np.diag_indices(len(time))] += error**2
        weight = np.linalg.solve(matrix, residual[i] - noisy)
        across = covariance(form, one, at, time, float(time[0]), reference)
        found[i] = path[len(time) :] + across @ weight
    return found
