r"""A trend and harmonics of one frequency in white noise, every coefficient explicit.

.. code-block:: text

    m_i = offset_b + sum_j trend_bj t_i^j + sum_k (cosine_k + own_cosine_bk) cos(k w t_i)
                                                + (sine_k + own_sine_bk) sin(k w t_i),   w = 2 pi f
    log L = -1/2 sum_i [(y_i - m_i)^2 / v_i + log 2 pi v_i],    v_i = error_i^2 + jitter_b^2

for a row i of band b. With r_i = (y_i - m_i) / v_i the gradient is sum r dm for every coefficient,

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
    """Values: frequency, offsets, cosines, sines, own cosines, own sines (by band), trends, jitters.

    Data: number of harmonics, order of the trend; numbers of jitters (0, 1 or one a band), of offsets, of
    trends, and of bands with coefficients of their own; rows t, y, error^2; the band of each row.
    """
    values, gradient, index = opened(values, gradient, data)
    numbers, rows, bands = wholes(index, 0), matrix(index, 1), wholes(index, 2)
    terms, orders, jitters = numbers[0], numbers[1], numbers[2]
    offsets, trends, owns = numbers[3], numbers[4], numbers[5]
    time, value, square = rows[0], rows[1], rows[2]
    cosine = 1 + offsets
    sine = cosine + terms
    own_cosine = sine + terms
    own_sine = own_cosine + owns * terms
    trend = own_sine + owns * terms
    noise = trend + trends * orders
    rate, total = 2 * math.pi * values[0], 0.0
    for i in range(len(time)):
        t, b = time[i], bands[i]
        level = 1 + (b if offsets > 1 else 0)
        slope_at = trend + (b * orders if trends > 1 else 0)
        own_c, own_s = own_cosine + b * terms, own_sine + b * terms
        jitter_at = noise + (b if jitters > 1 else 0)
        jitter = values[jitter_at] if jitters > 0 else 0.0
        c1, s1 = math.cos(rate * t), math.sin(rate * t)
        mean, power = values[level], 1.0
        for j in range(orders):
            power *= t
            mean += values[slope_at + j] * power
        c, s, slope = 1.0, 0.0, 0.0
        for k in range(terms):
            c, s = c * c1 - s * s1, s * c1 + c * s1
            a, d = values[cosine + k], values[sine + k]
            if owns > 0:
                a += values[own_c + k]
                d += values[own_s + k]
            mean += a * c + d * s
            slope += (k + 1) * (d * c - a * s)
        variance = square[i] + jitter * jitter
        r = (value[i] - mean) / variance
        total -= 0.5 * (r * (value[i] - mean) + math.log(variance) + _LOG_2PI)
        gradient[0] += r * 2 * math.pi * t * slope
        gradient[level] += r
        power = 1.0
        for j in range(orders):
            power *= t
            gradient[slope_at + j] += r * power
        c, s = 1.0, 0.0
        for k in range(terms):
            c, s = c * c1 - s * s1, s * c1 + c * s1
            gradient[cosine + k] += r * c
            gradient[sine + k] += r * s
            if owns > 0:
                gradient[own_c + k] += r * c
                gradient[own_s + k] += r * s
        if jitters > 0:
            gradient[jitter_at] += jitter * (r * r - 1.0 / variance)
    return total
