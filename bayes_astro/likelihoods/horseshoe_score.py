r"""Values of a horseshoe from their normal scores: u = F^-1(Phi(x)), with F of `bayes_astro.horseshoe`.

In x the prior is a unit normal, without the pole that no sampler can follow in u. With s = ln x + x^2 / 2
the curve ln u (s) is smooth and its slope lies between that of either end, so that a grid of s with the
slopes at its points gives u to 1e-10. Beyond it F is its tail (2 / pi^3)^(1/2) / u.
"""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel
from bayes_astro.likelihoods.exponential_integral import log_scaled_e1

__all__ = ["horseshoe_value"]

FIRST, LAST, STEP = -30.0, 22.0, 1 / 64  # of s
FARTHEST = 25.0  # of x: beyond, squares of u are no numbers
LOG_CONSTANT = -0.5 * math.log(2 * math.pi**3)


def _grid() -> np.ndarray:
    """ln u and its slope at points of s, (points, 2)."""
    from scipy.special import erf, log_ndtr

    from bayes_astro import horseshoe

    s = np.arange(FIRST, LAST + STEP / 2, STEP)
    x = np.exp(np.minimum(s, 0.0))
    x = np.where(s > 0.5, np.sqrt(np.maximum(2 * s, 1.0)), x)
    for _ in range(60):
        x = x - (np.log(x) + 0.5 * x * x - s) / (1 / x + x)
    u = np.where(
        x < 0.5,
        horseshoe.within_inverse(np.log(0.5 * erf(np.minimum(x, 0.5) / np.sqrt(2)))),
        horseshoe.beyond_inverse(log_ndtr(-np.maximum(x, 0.5))),
    )
    log_normal = -0.5 * x * x - 0.5 * np.log(2 * np.pi)
    slope = np.exp(log_normal - horseshoe.log_density(u)) / u / (1 / x + x)
    return np.column_stack([np.log(u), slope])


GRID = _grid()


@kernel
def horseshoe_value(x):
    """u and du/dx."""
    away = abs(x)
    if away == 0.0:
        return 0.0, 0.0
    if away > FARTHEST:
        away = FARTHEST
    s = math.log(away) + 0.5 * away * away
    if s < LAST:
        i = min(max(int((s - FIRST) / STEP), 0), GRID.shape[0] - 2)
        t = (s - FIRST) / STEP - i
        if t < 0:
            log_u = GRID[0, 0] + GRID[0, 1] * (s - FIRST)
        else:
            a, b = GRID[i, 0], GRID[i + 1, 0]
            da, db = GRID[i, 1] * STEP, GRID[i + 1, 1] * STEP
            c, d = 3 * (b - a) - 2 * da - db, 2 * (a - b) + da + db
            log_u = a + t * (da + t * (c + t * d))
    else:
        log_u = 2 * math.log(2.0) + LOG_CONSTANT - math.log(math.erfc(away / math.sqrt(2.0)))
    u = math.exp(log_u)
    density = LOG_CONSTANT + log_scaled_e1(max(0.5 * u * u, 1e-300))[0]
    slope = math.exp(-0.5 * away * away - 0.5 * math.log(2 * math.pi) - density)
    return math.copysign(u, x), slope
