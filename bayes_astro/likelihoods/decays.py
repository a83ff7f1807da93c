"""Damped exponentials, cosines and sines of many intervals at once, in loops without branches.

The functions of the C library take one argument at a time and most of the time of a likelihood. Here
the argument is reduced to r, |r| < log(2) / 2 or pi / 4, by an integer k that the rounding of a large
constant leaves in the low bits of a sum; polynomials (Taylor's of degree 13; fdlibm's for sine and
cosine) are good to a unit in the last place, and the compiler runs the loops in vector registers.
No reordering of sums is allowed: the rounding depends on it.
"""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel
from bayes_astro.likelihoods.transitions import pair

__all__ = ["exponentials", "oscillations"]

EXACT = {"fastmath": {"contract"}, "forceinline": True}
_ROUNDING = 1.5 * 2.0**52
_LOG2_E = 1.4426950408889634
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
_LOWEST = -708.0
_TWO_OVER_PI = 2 / math.pi
# pi / 2 in three parts of 33 bits, so that multiples by k < 2^20 are exact.
_HALF_PI = (1.57079632673412561417e00, 6.07710050630396597660e-11, 2.02226624871116645580e-21)
_FARTHEST = 1e6


@kernel(**EXACT)
def exponentials(step, rate, out, scratch):
    """out = exp(-rate step); `scratch` is as long as `step`, which is not negative."""
    bits = scratch.view(np.int64)
    n = len(step)
    for i in range(n):
        y = max(-rate * step[i], _LOWEST)
        shifted = y * _LOG2_E + _ROUNDING
        k = shifted - _ROUNDING
        r = (y - k * _LN2_HIGH) - k * _LN2_LOW
        p = 1.6059043836821613e-10
        p = p * r + 2.08767569878681e-09
        p = p * r + 2.505210838544172e-08
        p = p * r + 2.755731922398589e-07
        p = p * r + 2.7557319223985893e-06
        p = p * r + 2.48015873015873e-05
        p = p * r + 0.0001984126984126984
        p = p * r + 0.001388888888888889
        p = p * r + 0.008333333333333333
        p = p * r + 0.041666666666666664
        p = p * r + 0.16666666666666666
        p = p * r + 0.5
        p = p * r + 1.0
        out[i] = p * r
        scratch[i] = shifted
    for i in range(n):
        bits[i] = (bits[i] + 1023) << 52
    for i in range(n):
        out[i] = scratch[i] + scratch[i] * out[i]


@kernel(**EXACT)
def oscillations(step, rate, square, cosine, sine, scratch):
    """The damped C and S of `transitions.pair` for every step."""
    n = len(step)
    longest = 0.0
    for i in range(n):
        longest = max(longest, step[i])
    if not square > 1e-200 or not math.sqrt(square) * longest < _FARTHEST:
        for i in range(n):
            cosine[i], sine[i] = pair(rate, square, step[i])
        return
    root = math.sqrt(square)
    damping = np.empty(n)
    exponentials(step, rate, damping, scratch)
    bits = scratch.view(np.int64)
    for i in range(n):
        scratch[i] = root * step[i] * _TWO_OVER_PI + _ROUNDING
    for i in range(n):
        k = scratch[i] - _ROUNDING
        r = ((root * step[i] - k * _HALF_PI[0]) - k * _HALF_PI[1]) - k * _HALF_PI[2]
        z = r * r
        s = 1.58969099521155010221e-10
        s = s * z - 2.50507602534068634195e-08
        s = s * z + 2.75573137070700676789e-06
        s = s * z - 1.98412698298579493134e-04
        s = s * z + 8.33333333332248946124e-03
        s = s * z - 1.66666666666666324348e-01
        s = r + r * z * s
        c = -1.13596475577881948265e-11
        c = c * z + 2.08757232129817482790e-09
        c = c * z - 2.75573143513906633035e-07
        c = c * z + 2.48015872894767294178e-05
        c = c * z - 1.38888888888741095749e-03
        c = c * z + 4.16666666666666019037e-02
        c = (1.0 - 0.5 * z) + z * z * c
        quadrant = bits[i]
        odd = (quadrant & 1) == 1
        up = c if odd else s
        across = s if odd else c
        up = -up if (quadrant & 2) != 0 else up
        across = -across if ((quadrant + 1) & 2) != 0 else across
        cosine[i] = damping[i] * across
        sine[i] = damping[i] * up / root
