"""Densities of measured rows under Gaussian components, with limits, gaps, odd errors and a selection.

Every model of a line or plane is a mixture, in the space z of predictors and response, of components

    z ~ N(M_c, V_c)  with weight w_c,   z_obs = z + N(0, S_i)

with means and covariances that are bound to each other by the line (`relation_rows` has the density of a
row under one of them). A limit is of what would have been observed; without S_i in its row and column it
is of the true value.

An error that is another one above than below makes a row of two parts: with the true value above what was
measured, and the error of that side, and below (a split normal). Each is the density of the measured value
with a limit of the true one, which is a column of its own, a copy of the first without an error:

    p_i = sum_parts share p(part),   share = 2 sigma / (sigma_above + sigma_below)

Where rows are there because their observed response lies between two bounds, softened by a width
omega, each is divided by the chance of such a response,

    sum_c w_c [Phi((M_y - lower) / s) - Phi((M_y - upper) / s)],   s^2 = V_yy + S_yy + omega^2
"""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel
from bayes_astro.likelihoods.relation_normal import LOG_2PI, log_normal_cdf
from bayes_astro.likelihoods.relation_rows import DETECTED, MISSING, row_density, two_measured

__all__ = ["components", "conditional", "copied", "densities", "log_selected"]


@kernel
def copied(mean, matrix, copies):
    """Means (c, d + e) and covariances of components with some columns, `copies` (e,), once more."""
    many, d = mean.shape
    more = len(copies)
    if more == 0:
        return mean, matrix
    middle, cov = np.empty((many, d + more)), np.empty((many, d + more, d + more))
    for c in range(many):
        for j in range(d + more):
            own = j if j < d else copies[j - d]
            middle[c, j] = mean[c, own]
            for k in range(d + more):
                cov[c, j, k] = matrix[c, own, k if k < d else copies[k - d]]
    return middle, cov


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
def components(
    log_weight,
    mean,
    matrix,
    value,
    covariance,
    kind,
    start,
    share,
    copies,
    weight,
    noise,
    count,
    bounds,
):
    """Log likelihood of all rows and its gradient with respect to the first three arguments.

    Parameters
    ----------
    log_weight : (c,) array
    mean : (c, d) array
        The response is the last column.
    matrix : (c, d, d) array
    value : (m, d + e) array
        Of all parts of rows; the last e columns are true values of those that `copies` names.
    covariance : (m, d + e, d + e) array
    kind : (m, d + e) array of integers
        0: measured; -1, 1: an upper, a lower limit, at most two in a part; 2: missing.
    start : (n + 1,) array of integers
        Where the parts of each row begin.
    share : (m,) array
        Log factor of each part.
    copies : (e,) array of integers
    weight : (n,) array
        Powers of the rows' densities.
    noise, count : (k,) arrays
        Different variances of the response's errors, and the weight of the rows that have each;
        empty without a selection.
    bounds : (4,) array
        Lower and upper bound of the selection, its width, and the log chance of the rows themselves.

    Returns
    -------
    tuple
        The value and three gradients; minus infinity and zeros where there is no density.
    """
    (many, base), n = mean.shape, len(weight)
    middle, cov = copied(mean, matrix, copies)
    d = middle.shape[1]
    widest = 1
    for i in range(n):
        widest = max(widest, start[i + 1] - start[i])
    to_weight, to_mean, to_matrix = np.zeros(many), np.zeros((many, d)), np.zeros((many, d, d))
    nothing = -np.inf, np.zeros(many), np.zeros((many, base)), np.zeros((many, base, base))
    logs = np.empty((widest, many))
    g, gg = np.empty((widest, many, d)), np.empty((widest, many, d, d))
    order = np.empty(d, np.int64)
    residual, u, w = np.empty(d), np.empty(d), np.empty((2, d))
    work, inverse = np.empty((d, d)), np.empty((d, d))
    total, plain = 0.0, d == 2
    for i in range(n):
        top, parts = -np.inf, start[i + 1] - start[i]
        for part in range(parts):
            row, to, both = start[i] + part, g[part], gg[part]
            for c in range(many):
                if plain and kind[row, 0] == DETECTED and kind[row, 1] == DETECTED:
                    found, to[c, 0], to[c, 1], both[c, 0, 0], across, both[c, 1, 1] = two_measured(
                        value[row, 0] - middle[c, 0],
                        value[row, 1] - middle[c, 1],
                        cov[c, 0, 0] + covariance[row, 0, 0],
                        cov[c, 1, 1] + covariance[row, 1, 1],
                        cov[c, 0, 1] + covariance[row, 0, 1],
                    )
                    both[c, 0, 1] = both[c, 1, 0] = across
                else:
                    found = row_density(
                        row, c, value, covariance, kind, middle, cov, order, residual, work, inverse,
                        u, w, to, both,
                    )  # fmt: skip
                logs[part, c] = log_weight[c] + share[row] + found
                top = max(top, logs[part, c])
        if not -np.inf < top < np.inf:
            return nothing
        whole = 0.0
        for part in range(parts):
            for c in range(many):
                logs[part, c] = math.exp(logs[part, c] - top)
                whole += logs[part, c]
        total += weight[i] * (top + math.log(whole))
        for part in range(parts):
            to, both = g[part], gg[part]
            for c in range(many):
                own = weight[i] * logs[part, c] / whole
                if own < 1e-300:
                    continue
                to_weight[c] += own
                for j in range(d):
                    to_mean[c, j] += own * to[c, j]
                    for k in range(d):
                        to_matrix[c, j, k] += own * both[c, j, k]
    if base < d:
        for c in range(many):
            for j in range(base, d):
                to_mean[c, copies[j - base]] += to_mean[c, j]
                for k in range(d):
                    to_matrix[c, copies[j - base], k] += to_matrix[c, j, k]
            for j in range(base):
                for k in range(base, d):
                    to_matrix[c, j, copies[k - base]] += to_matrix[c, j, k]
    to_mean, to_matrix = to_mean[:, :base].copy(), to_matrix[:, :base, :base].copy()
    by_mean, by_variance = np.empty(many), np.empty(many)
    last, of_selection = base - 1, np.empty(many)
    for i in range(len(noise)):
        top = -np.inf
        for c in range(many):
            variance = matrix[c, last, last] + noise[i] + bounds[2] * bounds[2]
            found, by_mean[c], by_variance[c] = _between(
                mean[c, last], variance, bounds[0], bounds[1]
            )
            of_selection[c] = log_weight[c] + found
            top = max(top, of_selection[c])
        if not -np.inf < top < np.inf:
            return nothing
        whole = 0.0
        for c in range(many):
            of_selection[c] = math.exp(of_selection[c] - top)
            whole += of_selection[c]
        total -= count[i] * (top + math.log(whole))
        for c in range(many):
            own = count[i] * of_selection[c] / whole
            to_weight[c] -= own
            to_mean[c, last] -= own * by_mean[c]
            to_matrix[c, last, last] -= own * by_variance[c]
    return total + bounds[3], to_weight, to_mean, to_matrix


@kernel
def densities(mean, matrix, value, covariance, kind, start, share, copies):
    """Log density of every row under every component, weights left out: (n, c)."""
    middle, cov = copied(mean, matrix, copies)
    (many, d), n = middle.shape, len(start) - 1
    found = np.empty((n, many))
    order = np.empty(d, np.int64)
    residual, u, w, g = np.empty(d), np.empty(d), np.empty((2, d)), np.empty((many, d))
    work, inverse, gg = np.empty((d, d)), np.empty((d, d)), np.empty((many, d, d))
    for i in range(n):
        for c in range(many):
            whole = -np.inf
            for row in range(start[i], start[i + 1]):
                one = share[row] + row_density(
                    row, c, value, covariance, kind, middle, cov, order, residual, work, inverse, u,
                    w, g, gg,
                )  # fmt: skip
                high, low = max(whole, one), min(whole, one)
                whole = high + math.log1p(math.exp(low - high)) if low > -np.inf else high
            found[i, c] = whole
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
    residual, u, w, g = np.empty(d), np.empty(d), np.empty((2, d)), np.empty((len(mean), d))
    work, inverse, gg = np.empty((d, d)), np.empty((d, d)), np.empty((len(mean), d, d))
    for i in range(n):
        for c in range(many):
            log_others[i, c] = row_density(
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
