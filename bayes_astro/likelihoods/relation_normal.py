"""The normal distribution function and its hazard, to rounding for any argument."""

from __future__ import annotations

import math

from bayes_astro.likelihoods.compiled import kernel

__all__ = ["LOG_2PI", "log_normal_cdf"]

LOG_2PI = math.log(2 * math.pi)
FAR = -5.0  # below which the tail of a normal distribution is a continued fraction
FRACTIONS = 60


@kernel
def log_normal_cdf(t):
    """log Phi(t) and the hazard phi(t) / Phi(t), both to rounding for any t."""
    if t > FAR:
        below = 0.5 * math.erfc(-t * math.sqrt(0.5))
        hazard = math.exp(-0.5 * t * t - 0.5 * LOG_2PI) / below
        return (
            math.log1p(-0.5 * math.erfc(t * math.sqrt(0.5))) if t > 1.0 else math.log(below)
        ), hazard
    # Mills' ratio Phi(t) / phi(t) = 1 / (x + 1 / (x + 2 / (x + ...))), x = -t (Laplace 1805)
    x, tail = -t, 0.0
    for k in range(FRACTIONS, 0, -1):
        tail = k / (x + tail)
    hazard = x + tail
    return -0.5 * t * t - 0.5 * LOG_2PI - math.log(hazard), hazard
