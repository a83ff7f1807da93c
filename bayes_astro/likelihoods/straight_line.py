"""The line with one Gaussian population of one predictor, written out: `relation` for plain rows."""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel
from bayes_astro.likelihoods.memory import likelihood, matrix, opened, wholes
from bayes_astro.likelihoods.relation import CENTRE, INTERCEPT, MEAN, SCATTER, SLOPE, WIDTH
from bayes_astro.likelihoods.relation_normal import LOG_2PI

__all__ = ["LINE"]

CHUNK = 64


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
    sums = np.zeros(5)
    total = 0.0
    for start in range(0, len(x), CHUNK):
        stop = min(start + CHUNK, len(x))
        total += _straight(
            x[start:stop], y[start:stop], xx[start:stop], xy[start:stop], yy[start:stop],
            mean, centre, variance, slope, square, sums,
        )  # fmt: skip
    to_centre = sums[1]
    to_variance = sums[2] + 2.0 * slope * sums[3] + slope * slope * sums[4]
    gradient[at[SLOPE]] = 2.0 * variance * (sums[3] + slope * sums[4])
    gradient[at[MEAN]] = sums[0]
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
