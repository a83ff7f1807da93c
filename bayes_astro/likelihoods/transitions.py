"""How the state of a stationary process moves over an interval of time.

A covariance that a linear differential equation makes is k(t) = u' Phi(t) v for t >= 0, with
Phi(t) = exp(F t). Here F is block diagonal, of three kinds of block:

.. code-block:: text

    real    Phi = e^{-c t}
    pair    Phi = e^{-c t} [[C, S], [-x S, C]],  C = cos(sqrt(x) t),  S = sin(sqrt(x) t) / sqrt(x)
    product a Kronecker product of factors, each a pair or
            triple  Phi = e^{-c t} [[1, t, t^2/2], [0, 1, t], [0, 0, 1]]

C and S are entire functions of x. A damped oscillator of any quality is one pair: x > 0 oscillates,
x = 0 is the critical one (and the Matern-3/2 covariance), x < 0 is overdamped; nothing is singular
on the way, and neither are the derivatives

.. code-block:: text

    dC/dx = -t S / 2,   dS/dx = (t C - S) / (2 x)

of which the second has the series t^3 sum_{n>=1} (-1)^n n (x t^2)^(n-1) / (2n + 1)!.
For x < 0 the damped functions are (e^{-(c-s)t} ± e^{-(c+s)t}) / 2 with s = sqrt(-x), which
overflows nowhere.
"""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel

__all__ = ["COMPILE", "factor", "factor_adjoint", "pair", "pair_slope"]

# Everything but the flags that let the compiler assume that there is no NaN and no infinity.
COMPILE = {"fastmath": {"contract", "reassoc", "arcp", "nsz"}}
SERIES = 0.3  # |x t^2| below which the series are used


@kernel(inline="always", **COMPILE)
def pair(c, x, t):
    """Damped C and S of one pair."""
    y = x * t * t
    if abs(y) < SERIES:
        damping = math.exp(-c * t)
        cosine = 1 - y / 2 * (
            1 - y / 12 * (1 - y / 30 * (1 - y / 56 * (1 - y / 90 * (1 - y / 132 * (1 - y / 182)))))
        )
        sine = 1 - y / 6 * (
            1 - y / 20 * (1 - y / 42 * (1 - y / 72 * (1 - y / 110 * (1 - y / 156 * (1 - y / 210)))))
        )
        return damping * cosine, damping * t * sine
    if x > 0:
        damping = math.exp(-c * t)
        root = math.sqrt(x)
        return damping * math.cos(root * t), damping * math.sin(root * t) / root
    root = math.sqrt(-x)
    slow, fast = math.exp(-(c - root) * t), math.exp(-(c + root) * t)
    return 0.5 * (slow + fast), 0.5 * (slow - fast) / root


@kernel(inline="always", **COMPILE)
def pair_slope(c, x, t, cosine, sine):
    """Derivative of the damped S with respect to x."""
    y = x * t * t
    if abs(y) < SERIES:
        total = (
            -1
            / 6
            * (
                1
                - y
                / 10
                * (1 - y / 28 * (1 - y / 54 * (1 - y / 88 * (1 - y / 130 * (1 - y / 180)))))
            )
        )
        return math.exp(-c * t) * t * t * t * total
    return (t * cosine - sine) / (2 * x)


@kernel(forceinline=True, **COMPILE)
def factor(size, c, x, t, out):
    """Fill `out` with the transition of one factor of a product."""
    if size == 2:
        cosine, sine = pair(c, x, t)
        out[0, 0] = out[1, 1] = cosine
        out[0, 1] = sine
        out[1, 0] = -x * sine
        return
    damping = math.exp(-c * t)
    for i in range(3):
        for j in range(3):
            out[i, j] = 0.0
        out[i, i] = damping
    out[0, 1] = out[1, 2] = damping * t
    out[0, 2] = 0.5 * damping * t * t


@kernel(forceinline=True, **COMPILE)
def factor_adjoint(size, c, x, t, here, adjoint):
    """Derivatives with respect to c, x and t, given those with respect to the entries `here`."""
    if size == 2:
        cosine, sine = here[0, 0], here[0, 1]
        to_cosine = adjoint[0, 0] + adjoint[1, 1]
        to_sine = adjoint[0, 1] - x * adjoint[1, 0]
        to_c = -t * (to_cosine * cosine + to_sine * sine)
        slope = pair_slope(c, x, t, cosine, sine)
        to_x = -0.5 * t * sine * to_cosine + slope * to_sine - sine * adjoint[1, 0]
        to_t = to_cosine * (-c * cosine - x * sine) + to_sine * (cosine - c * sine)
        return to_c, to_x, to_t
    total = np.sum(here[:3, :3] * adjoint[:3, :3])
    shift = adjoint[0, 1] + adjoint[1, 2] + t * adjoint[0, 2]
    return -t * total, 0.0, here[0, 0] * shift - c * total
