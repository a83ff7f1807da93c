r"""A trend and harmonics of one frequency in white noise, every coefficient explicit.

.. code-block:: text

    m_i = offset + sum_j trend_j t_i^j + sum_k cosine_k cos(k w t_i) + sine_k sin(k w t_i),   w = 2 pi f
    log L = -1/2 sum_i [(y_i - m_i)^2 / v_i + log 2 pi v_i],    v_i = error_i^2 + jitter^2

With r_i = (y_i - m_i) / v_i the gradient is sum r dm for every coefficient,

.. code-block:: text

    d/df = sum_i r_i 2 pi t_i sum_k k (sine_k cos(k w t_i) - cosine_k sin(k w t_i))
    d/djitter = jitter sum_i (r_i^2 - 1 / v_i)

Harmonics follow from the first by rotation.
"""

from __future__ import annotations

import math

from bayes_astro.likelihoods.memory import likelihood, matrix, opened, wholes

__all__ = ["HARMONICS"]

_LOG_2PI = math.log(2 * math.pi)


@likelihood
def HARMONICS(values, gradient, data, wanted):
    """Values: frequency, offset, cosines, sines, trend, jitter.

    Data: number of harmonics, order of the trend, whether there is a jitter; rows t, y, error^2.
    """
    values, gradient, index = opened(values, gradient, data)
    numbers, rows = wholes(index, 0), matrix(index, 1)
    terms, orders, noisy = numbers[0], numbers[1], numbers[2]
    time, value, square = rows[0], rows[1], rows[2]
    cosine, sine, trend = 2, 2 + terms, 2 + 2 * terms
    jitter = values[trend + orders] if noisy else 0.0
    rate, total = 2 * math.pi * values[0], 0.0
    for i in range(len(time)):
        t = time[i]
        c1, s1 = math.cos(rate * t), math.sin(rate * t)
        mean, power = values[1], 1.0
        for j in range(orders):
            power *= t
            mean += values[trend + j] * power
        c, s, slope = 1.0, 0.0, 0.0
        for k in range(terms):
            c, s = c * c1 - s * s1, s * c1 + c * s1
            a, b = values[cosine + k], values[sine + k]
            mean += a * c + b * s
            slope += (k + 1) * (b * c - a * s)
        variance = square[i] + jitter * jitter
        r = (value[i] - mean) / variance
        total -= 0.5 * (r * (value[i] - mean) + math.log(variance) + _LOG_2PI)
        gradient[0] += r * 2 * math.pi * t * slope
        gradient[1] += r
        power = 1.0
        for j in range(orders):
            power *= t
            gradient[trend + j] += r * power
        c, s = 1.0, 0.0
        for k in range(terms):
            c, s = c * c1 - s * s1, s * c1 + c * s1
            gradient[cosine + k] += r * c
            gradient[sine + k] += r * s
        if noisy:
            gradient[trend + orders] += jitter * (r * r - 1.0 / variance)
    return total
