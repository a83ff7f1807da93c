r"""exp(z) E1(z), the exponential integral without its exponential, for all positive z.

.. code-block:: text

    E1(z) = -gamma - ln z + sum_k (-1)^(k+1) z^k / (k k!)                    small z
    1 / (exp(z) E1(z)) = z + 1 - 1 / (z + 3 - 4 / (z + 5 - 9 / (z + 7 - ...)))   others

(Abramowitz & Stegun 1964, 5.1.11 and 5.1.22, the even part of the latter). With the remainder
r = 1 / (exp(z) E1(z)) - z, which goes from 0 to 1, the derivative of ln exp(z) E1(z) is -r / z, without
a difference of numbers that are almost equal.
"""

from __future__ import annotations

import math

from bayes_astro.likelihoods.compiled import kernel

__all__ = ["log_scaled_e1"]

EULER = 0.57721566490153286061
SERIES = 1.5  # the largest z of the series
TERMS = 400
ENOUGH = 1e-17


@kernel
def log_scaled_e1(z):
    """ln of exp(z) E1(z), and the remainder r of its reciprocal beyond z."""
    if z <= SERIES:
        total, term = -EULER - math.log(z), 1.0
        for k in range(1, TERMS):
            term *= -z / k
            total -= term / k
            if abs(term) < ENOUGH:
                break
        scaled = math.exp(z) * total
        return math.log(scaled), 1 / scaled - z
    # Downwards from a depth at which the fraction has settled.
    depth = int(20 + 100 / z)
    rest = 0.0
    for k in range(depth, 0, -1):
        rest = k * k / (z + 2 * k + 1 - rest)
    remainder = 1 - rest
    return -math.log(z + remainder), remainder
