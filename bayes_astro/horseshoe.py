r"""The horseshoe of Carvalho, Polson & Scott (2010, Biometrika 97, 465): density, probabilities, scores.

.. code-block:: text

    u ~ N(0, lambda^2), lambda ~ half-Cauchy(1)
    p(u) = (2 pi^3)^(-1/2) exp(z) E1(z),  z = u^2 / 2
    exp(z) E1(z) = integral of exp(-s) / (z + s) ds
    F(u) - 1/2 = integral of erf(u t / sqrt 2) / (1 + t^2) dt / pi

The density grows as -ln |u| toward zero and falls as 1 / u^2 far away. Integrals over s and t are sums
over their logarithms, which converge exponentially; the distribution function is kept on a grid of
ln |u|, between whose points its slope, the density, leads.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

__all__ = ["beyond", "beyond_inverse", "log_density", "score", "symbolic", "within_inverse"]

EULER = 0.57721566490153286061
LOG_CONSTANT = -0.5 * np.log(2 * np.pi**3)
NEAR, FAR, STEP = -30.0, 30.0, 0.02  # of ln |u|, between which the grid stands
APART = 10  # steps of ln u in one of ln t
NEWTON = 4
MOST, LEAST = 1e150, 1e-150  # of |u|, whose squares are numbers, and of a probability
_LOG_S = np.arange(-120.0, 4.6, 0.25)
_NODES, _WEIGHTS = np.exp(_LOG_S), 0.25 * np.exp(_LOG_S - np.exp(_LOG_S))
"""exp(z) E1(z) is the sum of _WEIGHTS / (z + _NODES), to rounding for z above 1e-40."""


def log_density(u: Any) -> np.ndarray:
    """Log density of the unit horseshoe; at zero, where it is infinite, that next to it."""
    from scipy.special import exp1

    z = 0.5 * np.square(np.clip(np.abs(u), LEAST, MOST))
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        near = np.log(exp1(z)) + z
        # The asymptotic series, whose next term is below 1e-16.
        far = -np.log(z) + np.log1p((-1 + (2 - (6 - (24 - (120 - 720 / z) / z) / z) / z) / z) / z)
    return LOG_CONSTANT + np.where(z < 600, near, far)


@cache
def _tables() -> tuple[np.ndarray, np.ndarray]:
    """Logs of the probability between 0 and u, and beyond u, at points of ln u, with their slopes."""
    from scipy.special import erf, erfc

    wide = APART * STEP
    x, w = np.arange(NEAR, FAR + STEP / 2, STEP), np.arange(-75.0, 75.0, wide)
    # t = exp(w): t / (1 + t^2) = 1 / (2 cosh w)
    measure = wide / np.cosh(w) / (2 * np.pi)
    # Of ln u + w, whose steps are those of u: each is the argument of many sums.
    both = x[0] + w[0] + STEP * np.arange(len(x) + APART * (len(w) - 1))
    argument = np.exp(np.minimum(both, 7.0)) / np.sqrt(2)
    inner, outer = (
        np.lib.stride_tricks.sliding_window_view(of(argument), APART * (len(w) - 1) + 1)[:, ::APART]
        @ measure
        for of in (erf, erfc)
    )
    rise = np.exp(log_density(np.exp(x)) + x)
    return (
        np.column_stack([np.log(inner), rise / inner]),
        np.column_stack([np.log(outer), -rise / outer]),
    )


def _between(table: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Cubic between points of ln u, with the slopes at both ends."""
    at = (np.clip(x, NEAR, FAR) - NEAR) / STEP
    i = np.minimum(at.astype(int), len(table) - 2)
    t = at - i
    (a, da), (b, db) = table[i].T, table[i + 1].T
    da, db = STEP * da, STEP * db
    return a + t.T * (da + t.T * (3 * (b - a) - 2 * da - db + t.T * (2 * (a - b) + da + db)))


def within(u: np.ndarray) -> np.ndarray:
    """Log of the probability between 0 and u > 0."""
    x = np.log(u)
    near = np.minimum(x, NEAR)
    below = LOG_CONSTANT + near + np.log(2 - EULER + np.log(2.0) - 2 * near)
    return np.where(x < NEAR, below, _between(_tables()[0], x).T)


def beyond(u: np.ndarray) -> np.ndarray:
    """Log of the probability beyond u > 0."""
    x = np.log(u)
    far = np.log(2.0) + LOG_CONSTANT - x
    found = np.where(x > FAR, far, _between(_tables()[1], x).T)
    return np.where(x < NEAR, np.log(0.5 - np.exp(within(np.minimum(u, 1e-12)))), found)


def _solved(target: np.ndarray, log_probability: Any, sign: int) -> np.ndarray:
    """u > 0 at which the log probability is `target`, by Newton's steps in logarithms of both."""
    x = np.arange(-345.0, 345.0, 0.25)
    at = log_probability(np.exp(x))
    found = np.interp(target, at, x) if sign > 0 else np.interp(-target, -at, x)
    for _ in range(NEWTON):
        value = log_probability(np.exp(found))
        slope = sign * np.exp(log_density(np.exp(found)) + found - value)
        found = found - (value - target) / slope
    return np.exp(found)


def within_inverse(log_probability: np.ndarray) -> np.ndarray:
    """u > 0 with such a log probability between 0 and u."""
    return _solved(log_probability, within, 1)


def beyond_inverse(log_probability: np.ndarray) -> np.ndarray:
    """u > 0 with such a log probability beyond it."""
    return _solved(log_probability, beyond, -1)


def score(u: Any) -> np.ndarray:
    """Normal score Phi^-1(F(u)), without the difference that F - 1/2 is."""
    from scipy.special import erfinv, ndtri_exp

    away = np.clip(np.abs(u), LEAST, MOST)
    near = np.sqrt(2) * erfinv(2 * np.exp(within(np.minimum(away, 1.0))))
    return np.copysign(np.where(away < 1.0, near, -ndtri_exp(beyond(away))), u)


def symbolic(x: Any, mu: Any, scale: Any) -> Any:
    """Log density at a PyTensor variable, as the sum over nodes, whose gradient is finite everywhere."""
    import pytensor.tensor as pt

    z = 0.5 * ((x - mu) / scale) ** 2
    scaled = pt.sum(_WEIGHTS / (z[..., None] + _NODES), axis=-1)
    return LOG_CONSTANT - pt.log(scale) + pt.log(scaled)
