"""Densities of measured rows under Gaussian components, with limits, gaps and a selection.

Every model of a line or plane is a mixture, in the space z of predictors and response, of components

    z ~ N(M_c, V_c)  with weight w_c,   z_obs = z + N(0, S_i)

with means and covariances that are bound to each other by the line. Of a row some columns D were
measured, some are missing, and one, l, may be a limit. With V = V_c + S_i, and of it A = V_DD,
c = V_Dl, r = z_D - M_D, u = A^-1 r, w = A^-1 c,

    p_c = N(r; 0, A) Phi(t),   t = sigma (limit - m) / sqrt(v),   m = M_l + c'u,   v = V_ll - c'w

sigma = 1 for an upper limit, -1 for a lower one: what is missing is left out, and what is beyond a
limit is integrated exactly (Kelly 2007, section 5, in d dimensions). The limit is of what would have
been observed; without S_i in its row and column it is of the true value.

Where rows are there because their observed response lies between two bounds, softened by a width
omega, each is divided by the chance of such a response,

    sum_c w_c [Phi((M_y - lower) / s) - Phi((M_y - upper) / s)],   s^2 = V_yy + S_yy + omega^2

Gradients: with G = dL / dV as a symmetric matrix, g = dL / dM and the hazard q = phi(t) / Phi(t),
alpha = sigma q / sqrt v, beta = q t / (2 v),

    g_D = u + alpha w,   g_l = -alpha,   G_DD = (u u' - A^-1) / 2 + alpha (w u' + u w') / 2 - beta w w',
    G_Dl = (2 beta w - alpha u) / 2,   G_ll = -beta
"""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel

__all__ = [
    "components",
    "conditional",
    "densities",
    "log_normal_cdf",
    "log_selected",
]

LOG_2PI = math.log(2 * math.pi)
LOWER, UPPER, DETECTED, MISSING = 1, -1, 0, 2
"""What an entry is: a lower or an upper limit, measured, or missing."""
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


@kernel
def _detected(count, order, residual, matrix, inverse, u):
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
def _both(r, q, a, b, c):
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
def _row(i, c, value, noise, kind, mean, population, order, residual, matrix, inverse, u, w, g, gg):
    """Log density of row i under component c; its g and G are filled."""
    d = value.shape[1]
    count, limit = 0, -1
    for j in range(d):
        g[c, j] = 0.0
        for k in range(d):
            gg[c, j, k] = 0.0
        if kind[i, j] == DETECTED:
            order[count] = j
            count += 1
            residual[j] = value[i, j] - mean[c, j]
        elif kind[i, j] != MISSING:
            limit = j
    for a in range(count):
        j = order[a]
        for b in range(count):
            k = order[b]
            matrix[j, k] = population[c, j, k] + noise[i, j, k]
    found = _detected(count, order, residual, matrix, inverse, u)
    if not found > -np.inf:
        return -np.inf
    for a in range(count):
        j = order[a]
        g[c, j] = u[j]
        for b in range(count):
            k = order[b]
            gg[c, j, k] = 0.5 * (u[j] * u[k] - inverse[j, k])
    if limit < 0:
        return found
    middle, variance = mean[c, limit], population[c, limit, limit] + noise[i, limit, limit]
    for a in range(count):
        j = order[a]
        total = 0.0
        for b in range(count):
            k = order[b]
            total += inverse[j, k] * (population[c, k, limit] + noise[i, k, limit])
        w[j] = total
        across = population[c, j, limit] + noise[i, j, limit]
        middle += across * u[j]
        variance -= across * total
    if not variance > 0.0:
        return -np.inf
    sign, sd = -float(kind[i, limit]), math.sqrt(variance)
    t = sign * (value[i, limit] - middle) / sd
    log_below, hazard = log_normal_cdf(t)
    alpha, beta = sign * hazard / sd, 0.5 * hazard * t / variance
    g[c, limit], gg[c, limit, limit] = -alpha, -beta
    for a in range(count):
        j = order[a]
        g[c, j] += alpha * w[j]
        gg[c, j, limit] = gg[c, limit, j] = beta * w[j] - 0.5 * alpha * u[j]
        for b in range(count):
            k = order[b]
            gg[c, j, k] += 0.5 * alpha * (w[j] * u[k] + u[j] * w[k]) - beta * w[j] * w[k]
    return found + log_below


@kernel
def _between(middle, variance, lower, upper):
    """Log of the chance of a normal variable between bounds, and its slopes in mean and variance."""
    sd = math.sqrt(variance)
    a, b = (middle - lower) / sd, (middle - upper) / sd
    if upper == np.inf:
        found, hazard = log_normal_cdf(a)
        return found, hazard / sd, -0.5 * a * hazard / variance
    if lower == -np.inf:
        found, hazard = log_normal_cdf(-b)
        return found, -hazard / sd, 0.5 * b * hazard / variance
    # Phi(a) - Phi(b), a > b, from the side on which both are small
    high, low = (-b, -a) if b > 0.0 else (a, b)
    log_high, _ = log_normal_cdf(high)
    log_low, _ = log_normal_cdf(low)
    gap = log_low - log_high
    if not gap < 0.0:
        return -np.inf, 0.0, 0.0
    found = log_high + math.log(-math.expm1(gap))
    at_a = math.exp(-0.5 * a * a - 0.5 * LOG_2PI - found)
    at_b = math.exp(-0.5 * b * b - 0.5 * LOG_2PI - found)
    return found, (at_a - at_b) / sd, -0.5 * (a * at_a - b * at_b) / variance


@kernel
def components(log_weight, mean, matrix, value, covariance, kind, weight, noise, count, bounds):
    """Log likelihood of all rows and its gradient with respect to the first three arguments.

    Parameters
    ----------
    log_weight : (c,) array
    mean : (c, d) array
        The response is the last column.
    matrix : (c, d, d) array
    value : (n, d) array
    covariance : (n, d, d) array
    kind : (n, d) array of integers
        0: measured; -1, 1: an upper, a lower limit, at most one in a row; 2: missing.
    weight : (n,) array
        Powers of the rows' densities.
    noise, count : (m,) arrays
        Different variances of the response's errors, and the weight of the rows that have each;
        empty without a selection.
    bounds : (4,) array
        Lower and upper bound of the selection, its width, and the log chance of the rows themselves.

    Returns
    -------
    tuple
        The value and three gradients; minus infinity and zeros where there is no density.
    """
    n, d = value.shape
    many = len(log_weight)
    to_weight, to_mean, to_matrix = np.zeros(many), np.zeros((many, d)), np.zeros((many, d, d))
    logs = np.empty(many)
    g, gg = np.empty((many, d)), np.empty((many, d, d))
    order = np.empty(d, np.int64)
    residual, u, w = np.empty(d), np.empty(d), np.empty(d)
    work, inverse = np.empty((d, d)), np.empty((d, d))
    total, plain = 0.0, d == 2
    for i in range(n):
        top = -np.inf
        for c in range(many):
            if plain and kind[i, 0] == DETECTED and kind[i, 1] == DETECTED:
                found, g[c, 0], g[c, 1], gg[c, 0, 0], across, gg[c, 1, 1] = _both(
                    value[i, 0] - mean[c, 0],
                    value[i, 1] - mean[c, 1],
                    matrix[c, 0, 0] + covariance[i, 0, 0],
                    matrix[c, 1, 1] + covariance[i, 1, 1],
                    matrix[c, 0, 1] + covariance[i, 0, 1],
                )
                gg[c, 0, 1] = gg[c, 1, 0] = across
            else:
                found = _row(
                    i, c, value, covariance, kind, mean, matrix, order, residual, work, inverse, u,
                    w, g, gg,
                )  # fmt: skip
            logs[c] = log_weight[c] + found
            top = max(top, logs[c])
        if not -np.inf < top < np.inf:
            return -np.inf, np.zeros(many), np.zeros((many, d)), np.zeros((many, d, d))
        whole = 0.0
        for c in range(many):
            logs[c] = math.exp(logs[c] - top)
            whole += logs[c]
        total += weight[i] * (top + math.log(whole))
        for c in range(many):
            share = weight[i] * logs[c] / whole
            if share < 1e-300:
                continue
            to_weight[c] += share
            for j in range(d):
                to_mean[c, j] += share * g[c, j]
                for k in range(d):
                    to_matrix[c, j, k] += share * gg[c, j, k]
    by_mean, by_variance = np.empty(many), np.empty(many)
    last = d - 1
    for i in range(len(noise)):
        top = -np.inf
        for c in range(many):
            variance = matrix[c, last, last] + noise[i] + bounds[2] * bounds[2]
            found, by_mean[c], by_variance[c] = _between(
                mean[c, last], variance, bounds[0], bounds[1]
            )
            logs[c] = log_weight[c] + found
            top = max(top, logs[c])
        if not -np.inf < top < np.inf:
            return -np.inf, np.zeros(many), np.zeros((many, d)), np.zeros((many, d, d))
        whole = 0.0
        for c in range(many):
            logs[c] = math.exp(logs[c] - top)
            whole += logs[c]
        total -= count[i] * (top + math.log(whole))
        for c in range(many):
            share = count[i] * logs[c] / whole
            to_weight[c] -= share
            to_mean[c, last] -= share * by_mean[c]
            to_matrix[c, last, last] -= share * by_variance[c]
    return total + bounds[3], to_weight, to_mean, to_matrix


@kernel
def densities(mean, matrix, value, covariance, kind):
    """Log density of every row under every component, weights left out: (n, c)."""
    n, d = value.shape
    found = np.empty((n, len(mean)))
    order = np.empty(d, np.int64)
    residual, u, w, g = np.empty(d), np.empty(d), np.empty(d), np.empty((len(mean), d))
    work, inverse, gg = np.empty((d, d)), np.empty((d, d)), np.empty((len(mean), d, d))
    for i in range(n):
        for c in range(len(mean)):
            found[i, c] = _row(
                i, c, value, covariance, kind, mean, matrix, order, residual, work, inverse, u, w,
                g, gg,
            )  # fmt: skip
    return found


@kernel
def log_selected(log_weight, mean, matrix, noise, bounds):
    """Log chance that a response with error variance `noise` (n,) is selected: (n,)."""
    found, last = np.empty(len(noise)), mean.shape[1] - 1
    logs = np.empty(len(mean))
    for i in range(len(noise)):
        top = -np.inf
        for c in range(len(mean)):
            variance = matrix[c, last, last] + noise[i] + bounds[2] * bounds[2]
            logs[c] = log_weight[c] + _between(mean[c, last], variance, bounds[0], bounds[1])[0]
            top = max(top, logs[c])
        whole = 0.0
        for c in range(len(mean)):
            whole += math.exp(logs[c] - top) if top > -np.inf else 0.0
        found[i] = top + math.log(whole) if top > -np.inf else -np.inf
    return found


@kernel
def conditional(mean, matrix, value, covariance, kind, target):
    """One column given the others that were measured, for every row and component.

    Returns log density of the others, with limits among them, and mean and variance of what would be
    observed of the column, given what was measured (not the limits): three arrays (n, c).
    """
    n, d = value.shape
    many = len(mean)
    log_others, middle, variance = np.empty((n, many)), np.empty((n, many)), np.empty((n, many))
    own, order = kind.copy(), np.empty(d, np.int64)
    own[:, target] = MISSING
    residual, u, w, g = np.empty(d), np.empty(d), np.empty(d), np.empty((len(mean), d))
    work, inverse, gg = np.empty((d, d)), np.empty((d, d)), np.empty((len(mean), d, d))
    for i in range(n):
        for c in range(many):
            log_others[i, c] = _row(
                i, c, value, covariance, own, mean, matrix, order, residual, work, inverse, u, w,
                g, gg,
            )  # fmt: skip
            m, v = mean[c, target], matrix[c, target, target] + covariance[i, target, target]
            for j in range(d):
                if own[i, j] != DETECTED:
                    continue
                across = matrix[c, j, target] + covariance[i, j, target]
                m += across * u[j]
                for k in range(d):
                    if own[i, k] == DETECTED:
                        v -= (
                            across
                            * inverse[j, k]
                            * (matrix[c, k, target] + covariance[i, k, target])
                        )
            middle[i, c], variance[i, c] = m, v
    return log_others, middle, variance
