"""Density of one row under one Gaussian component: of some columns measured, one or two limits, gaps.

With V = V_c + S_i, of it A = V_DD of the measured columns D, C = V_DL of those with limits L, r = z_D - M_D,
u = A^-1 r and W = A^-1 C,

    p = N(r; 0, A) Phi_L(t; rho),   m = M_L + C'u,   Q = V_LL - C'W,
    t = sigma (limit - m) / sqrt(diag Q),   rho = sigma_1 sigma_2 Q_12 / sqrt(Q_11 Q_22)

sigma = 1 for an upper limit, -1 for a lower one: what is missing is left out, and what is beyond a limit is
integrated exactly (Kelly 2007, section 5, in d dimensions). Slopes: with a = dL / dm and B = dL / dQ of the
last factor,

    g_D = u - W a,  g_L = a,  G_LL = B,  G_DL = (u a' - 2 W B) / 2,
    G_DD = (u u' - A^-1) / 2 - (W a u' + u a' W') / 2 + W B W'
"""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel
from bayes_astro.likelihoods.relation_normal import LOG_2PI, log_normal_cdf
from bayes_astro.likelihoods.two_limits import log_both_below

__all__ = ["DETECTED", "LOWER", "MISSING", "UPPER", "row_density", "solved", "two_measured"]

LOWER, UPPER, DETECTED, MISSING = 1, -1, 0, 2
"""What an entry is: a lower or an upper limit, measured, or missing."""


@kernel
def solved(count, order, residual, matrix, inverse, u):
    """Log N(residual; 0, matrix) of the first `count` of `order`; inverse and u are left behind.

    `matrix` (in its lower triangle) is overwritten. Minus infinity where it is not positive definite.
    """
    log_det = 0.0
    for a in range(count):
        j = order[a]
        for b in range(a, count):
            i = order[b]
            total = matrix[i, j]
            for e in range(a):
                total -= matrix[i, order[e]] * matrix[j, order[e]]
            if i == j:
                if not total > 0.0:
                    return -np.inf
                matrix[j, j] = math.sqrt(total)
                log_det += 2.0 * math.log(matrix[j, j])
            else:
                matrix[i, j] = total / matrix[j, j]
    for a in range(count):
        j = order[a]
        inverse[j, j] = 1.0 / matrix[j, j]
        for b in range(a + 1, count):
            i = order[b]
            total = 0.0
            for e in range(a, b):
                total -= matrix[i, order[e]] * inverse[order[e], j]
            inverse[i, j] = total / matrix[i, i]
    for a in range(count):
        i = order[a]
        for b in range(a, count):
            j = order[b]
            total = 0.0
            for e in range(b, count):
                total += inverse[order[e], i] * inverse[order[e], j]
            matrix[i, j] = total  # the upper triangle and the diagonal, which are free by now
    square = 0.0
    for a in range(count):
        i = order[a]
        for b in range(a, count):
            j = order[b]
            inverse[i, j] = matrix[i, j]
            inverse[j, i] = matrix[i, j]
    for a in range(count):
        i = order[a]
        total = 0.0
        for b in range(count):
            total += inverse[i, order[b]] * residual[order[b]]
        u[i] = total
        square += total * residual[i]
    return -0.5 * (square + log_det + count * LOG_2PI)


@kernel(forceinline=True)
def two_measured(r, q, a, b, c):
    """Of two columns that both were measured: log density, g_0, g_1, G_00, G_01, G_11."""
    det = a * b - c * c
    if not (det > 0.0 and a > 0.0):
        return -np.inf, 0.0, 0.0, 0.0, 0.0, 0.0
    over = 1.0 / det
    first, second = (b * r - c * q) * over, (a * q - c * r) * over
    return (
        -0.5 * (first * r + second * q + math.log(det)) - LOG_2PI,
        first,
        second,
        0.5 * (first * first - b * over),
        0.5 * (first * second + c * over),
        0.5 * (second * second - a * over),
    )


@kernel
def _left(i, c, column, place, count, order, noise, mean, population, inverse, u, w):
    """Mean and variance of what would be observed of a column, given what was measured; w[place] is left."""
    middle, variance = mean[c, column], population[c, column, column] + noise[i, column, column]
    for a in range(count):
        j = order[a]
        total = 0.0
        for b in range(count):
            k = order[b]
            total += inverse[j, k] * (population[c, k, column] + noise[i, k, column])
        w[place, j] = total
        across = population[c, j, column] + noise[i, j, column]
        middle += across * u[j]
        variance -= across * total
    return middle, variance


@kernel
def row_density(
    i, c, value, noise, kind, mean, population, order, residual, matrix, inverse, u, w, g, gg
):
    """Log density of row i under component c; its slopes g and G are filled.

    `w` (2, d) and the others after `population` are working arrays; `u` and `w` are left behind.
    """
    d = value.shape[1]
    count, bound, first, second = 0, 0, -1, -1
    for j in range(d):
        g[c, j] = 0.0
        for k in range(d):
            gg[c, j, k] = 0.0
        if kind[i, j] == DETECTED:
            order[count] = j
            count += 1
            residual[j] = value[i, j] - mean[c, j]
        elif kind[i, j] != MISSING:
            first, second = (j, -1) if bound == 0 else (first, j)
            bound += 1
    for a in range(count):
        j = order[a]
        for b in range(count):
            k = order[b]
            matrix[j, k] = population[c, j, k] + noise[i, j, k]
    found = solved(count, order, residual, matrix, inverse, u)
    if not found > -np.inf:
        return -np.inf
    for a in range(count):
        j = order[a]
        g[c, j] = u[j]
        for b in range(count):
            k = order[b]
            gg[c, j, k] = 0.5 * (u[j] * u[k] - inverse[j, k])
    if bound == 0:
        return found
    m0, v0 = _left(i, c, first, 0, count, order, noise, mean, population, inverse, u, w)
    if not v0 > 0.0:
        return -np.inf
    sign0, sd0 = -float(kind[i, first]), math.sqrt(v0)
    t0 = sign0 * (value[i, first] - m0) / sd0
    a1 = b01 = b11 = 0.0
    if bound == 1:
        within, hazard = log_normal_cdf(t0)
        a0, b00 = -sign0 * hazard / sd0, -0.5 * hazard * t0 / v0
    else:
        m1, v1 = _left(i, c, second, 1, count, order, noise, mean, population, inverse, u, w)
        if not v1 > 0.0:
            return -np.inf
        sign1, sd1 = -float(kind[i, second]), math.sqrt(v1)
        t1 = sign1 * (value[i, second] - m1) / sd1
        across = population[c, first, second] + noise[i, first, second]
        for a in range(count):
            j = order[a]
            across -= (population[c, j, first] + noise[i, j, first]) * w[1, j]
        sign = sign0 * sign1
        rho = min(max(sign * across / (sd0 * sd1), -1.0), 1.0)
        within, by0, by1, by_rho = log_both_below(t0, t1, rho)
        a0, a1 = -sign0 * by0 / sd0, -sign1 * by1 / sd1
        b00 = -0.5 * (by0 * t0 + by_rho * rho) / v0
        b11 = -0.5 * (by1 * t1 + by_rho * rho) / v1
        b01 = 0.5 * by_rho * sign / (sd0 * sd1)
        g[c, second], gg[c, second, second] = a1, b11
        gg[c, first, second] = gg[c, second, first] = b01
    g[c, first], gg[c, first, first] = a0, b00
    for a in range(count):
        j = order[a]
        w0, w1 = w[0, j], (w[1, j] if bound > 1 else 0.0)
        pull = w0 * a0 + w1 * a1
        g[c, j] -= pull
        by_first, by_second = w0 * b00 + w1 * b01, w0 * b01 + w1 * b11
        gg[c, j, first] = gg[c, first, j] = 0.5 * u[j] * a0 - by_first
        if bound > 1:
            gg[c, j, second] = gg[c, second, j] = 0.5 * u[j] * a1 - by_second
        for b in range(count):
            k = order[b]
            x0, x1 = w[0, k], (w[1, k] if bound > 1 else 0.0)
            other = x0 * a0 + x1 * a1
            gg[c, j, k] += by_first * x0 + by_second * x1 - 0.5 * (pull * u[k] + u[j] * other)
    return found + within
