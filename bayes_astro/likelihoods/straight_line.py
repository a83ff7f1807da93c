"""The line in closed form, and both densities by address."""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel
from bayes_astro.likelihoods.linear_relation import CHUNK, LOG_2PI, value_and_gradient
from bayes_astro.likelihoods.memory import cube, likelihood, matrix, opened, wholes

__all__ = ["LINE", "PLANE"]

# Places of the parameters among the values; -1 where a model has none.
SLOPE, MEAN, WIDTH, CENTRE, INTERCEPT, SCATTER, PARTIAL, FRACTION, FAR_CENTRE, FAR_SCATTER = range(
    10
)


@kernel(fastmath={"reassoc", "contract", "arcp", "nsz"}, forceinline=True)
def _straight(x, y, xx, xy, yy, mean, centre, variance, slope, square, sums):
    """One chunk of points under the line: log density, and sums of g_x, g_y, G_xx, G_xy, G_yy."""
    n = len(x)
    along, across = variance * slope, variance * slope * slope + square
    volume = np.empty(CHUNK)
    chi = gx = gy = sxx = sxy = syy = 0.0
    for i in range(n):
        a, c, e = variance + xx[i], along + xy[i], across + yy[i]
        det = a * e - c * c
        volume[i] = det
        r, q, inverse = x[i] - mean, y[i] - centre, 1.0 / det
        u, v = (e * r - c * q) * inverse, (a * q - c * r) * inverse
        chi += u * r + v * q
        gx += u
        gy += v
        sxx += u * u - e * inverse
        sxy += u * v + c * inverse
        syy += v * v - a * inverse
    log_det, product = 0.0, 1.0
    for i in range(n):
        if not volume[i] > 0.0:
            return -np.inf
        product *= volume[i]
        if not 1e-200 < product < 1e200:
            log_det += math.log(product)
            product = 1.0
    sums[0] += gx
    sums[1] += gy
    sums[2] += 0.5 * sxx
    sums[3] += 0.5 * sxy
    sums[4] += 0.5 * syy
    return -0.5 * (chi + log_det + math.log(product)) - n * LOG_2PI


@kernel
def _one(r, q, a, c, e, out):
    """log N of one point, and its g_x, g_y, G_xx, G_xy, G_yy."""
    det = a * e - c * c
    if not (det > 0.0 and a > 0.0):
        return -np.inf
    inverse = 1.0 / det
    u, v = (e * r - c * q) * inverse, (a * q - c * r) * inverse
    out[0], out[1] = u, v
    out[2], out[3] = 0.5 * (u * u - e * inverse), 0.5 * (u * v + c * inverse)
    out[4] = 0.5 * (v * v - a * inverse)
    return -0.5 * (u * r + v * q + math.log(det)) - LOG_2PI


@kernel
def _with_outliers(
    x, y, xx, xy, yy, mean, centre, variance, slope, square, fraction, far, far_square, sums, stray
):
    """All points under line and outliers; the sums of `stray` are of the second, and of the fraction."""
    along, across = variance * slope, variance * slope * slope + square
    near, wide = np.zeros(5), np.zeros(5)
    log_rest, log_fraction = math.log1p(-fraction), math.log(fraction)
    total = 0.0
    for i in range(len(x)):
        r = x[i] - mean
        a = variance + xx[i]
        p = log_rest + _one(r, y[i] - centre, a, along + xy[i], across + yy[i], near)
        q = log_fraction + _one(r, y[i] - far, a, xy[i], far_square + yy[i], wide)
        top = max(p, q)
        if not top > -np.inf:
            return -np.inf
        e, f = math.exp(p - top), math.exp(q - top)
        share, other = e / (e + f), f / (e + f)
        total += top + math.log(e + f)
        stray[5] += other / fraction - share / (1.0 - fraction)
        for k in range(5):
            sums[k] += share * near[k]
            stray[k] += other * wide[k]
    return total


@likelihood
def LINE(values, gradient, data, wanted):
    """One predictor. Data: places; rows x, y, and variance, covariance, variance of their errors."""
    values, gradient, index = opened(values, gradient, data)
    at = wholes(index, 0)
    points = matrix(index, 1)
    x, y, xx, xy, yy = points[0], points[1], points[2], points[3], points[4]
    slope, mean, width = values[at[SLOPE]], values[at[MEAN]], values[at[WIDTH]]
    scatter = values[at[SCATTER]] if at[SCATTER] >= 0 else 0.0
    centre = values[at[CENTRE]] if at[CENTRE] >= 0 else values[at[INTERCEPT]] + slope * mean
    variance, square = width * width, scatter * scatter
    sums, stray = np.zeros(5), np.zeros(6)
    total = 0.0
    if at[FRACTION] >= 0:
        fraction, far, spread = (
            values[at[FRACTION]], values[at[FAR_CENTRE]], values[at[FAR_SCATTER]],
        )  # fmt: skip
        if not 0.0 < fraction < 1.0:
            return -np.inf
        total = _with_outliers(
            x, y, xx, xy, yy, mean, centre, variance, slope, square, fraction, far, spread * spread,
            sums, stray,
        )  # fmt: skip
        gradient[at[FRACTION]], gradient[at[FAR_CENTRE]] = stray[5], stray[1]
        gradient[at[FAR_SCATTER]] = 2.0 * spread * stray[4]
    else:
        for start in range(0, len(x), CHUNK):
            stop = min(start + CHUNK, len(x))
            total += _straight(
                x[start:stop], y[start:stop], xx[start:stop], xy[start:stop], yy[start:stop],
                mean, centre, variance, slope, square, sums,
            )  # fmt: skip
    to_centre = sums[1]
    to_variance = sums[2] + 2.0 * slope * sums[3] + slope * slope * sums[4] + stray[2]
    gradient[at[SLOPE]] = 2.0 * variance * (sums[3] + slope * sums[4])
    gradient[at[MEAN]] = sums[0] + stray[0]
    gradient[at[WIDTH]] = 2.0 * width * to_variance
    if at[SCATTER] >= 0:
        gradient[at[SCATTER]] = 2.0 * scatter * sums[4]
    if at[CENTRE] >= 0:
        gradient[at[CENTRE]] = to_centre
    else:
        gradient[at[INTERCEPT]] = to_centre
        gradient[at[SLOPE]] += to_centre * mean
        gradient[at[MEAN]] += to_centre * slope
    return total


@likelihood
def PLANE(values, gradient, data, wanted):
    """Several predictors. Data: places; values and covariances, the response last."""
    values, gradient, index = opened(values, gradient, data)
    at, value, covariance = wholes(index, 0), matrix(index, 1), cube(index, 2)
    p = value.shape[1] - 1
    slope, mean = values[at[SLOPE] : at[SLOPE] + p].copy(), values[at[MEAN] : at[MEAN] + p].copy()
    width = values[at[WIDTH] : at[WIDTH] + p]
    scatter = values[at[SCATTER]] if at[SCATTER] >= 0 else 0.0
    if at[CENTRE] >= 0:
        centre = values[at[CENTRE]]
    else:
        centre = values[at[INTERCEPT]]
        for j in range(p):
            centre += slope[j] * mean[j]
    # Rows of the correlation's factor from partial correlations, 2 u - 1.
    unit = np.zeros((p, p))
    k = at[PARTIAL]
    for j in range(p):
        left = 1.0
        for i in range(j):
            partial = 2.0 * values[k] - 1.0
            unit[j, i] = partial * math.sqrt(left)
            left *= 1.0 - partial * partial
            k += 1
        unit[j, j] = math.sqrt(left)
    factor = np.zeros((p, p))
    for j in range(p):
        for i in range(j + 1):
            factor[j, i] = width[j] * unit[j, i]
    fraction = far = spread = 0.0
    if at[FRACTION] >= 0:
        fraction, far, spread = (
            values[at[FRACTION]], values[at[FAR_CENTRE]], values[at[FAR_SCATTER]],
        )  # fmt: skip
    total, to_centre, to_slope, to_scatter, to_mean, to_factor, to_fraction, to_far, to_spread = (
        value_and_gradient(
            centre, slope, scatter, mean, factor, fraction, far, spread, value, covariance
        )
    )
    for j in range(p):
        gradient[at[SLOPE] + j], gradient[at[MEAN] + j] = to_slope[j], to_mean[j]
        to_width = 0.0
        for i in range(j + 1):
            to_width += to_factor[j, i] * unit[j, i]
        gradient[at[WIDTH] + j] = to_width
    k = at[PARTIAL]
    left = np.ones(p + 1)
    for j in range(p):
        for i in range(j):
            partial = 2.0 * values[k + i] - 1.0
            left[i + 1] = left[i] * (1.0 - partial * partial)
        # Backwards: each partial correlation is in its own entry and in what is left after it.
        to_left = to_factor[j, j] * width[j] * 0.5 / math.sqrt(left[j])
        for i in range(j - 1, -1, -1):
            partial, toward = 2.0 * values[k + i] - 1.0, to_factor[j, i] * width[j]
            gradient[k + i] = 2.0 * (
                toward * math.sqrt(left[i]) - 2.0 * partial * left[i] * to_left
            )
            to_left = to_left * (1.0 - partial * partial) + toward * partial * 0.5 / math.sqrt(
                left[i]
            )
        k += j
    if at[SCATTER] >= 0:
        gradient[at[SCATTER]] = to_scatter
    if at[CENTRE] >= 0:
        gradient[at[CENTRE]] = to_centre
    else:
        gradient[at[INTERCEPT]] = to_centre
        for j in range(p):
            gradient[at[SLOPE] + j] += to_centre * mean[j]
            gradient[at[MEAN] + j] += to_centre * slope[j]
    if at[FRACTION] >= 0:
        gradient[at[FRACTION]], gradient[at[FAR_CENTRE]] = to_fraction, to_far
        gradient[at[FAR_SCATTER]] = to_spread
    return total
