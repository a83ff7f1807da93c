"""Likelihood of a straight line with errors on all axes, the true predictors marginalised.

A point has predictors x and a response y, z = (x, y). Its true predictors are Gaussian with mean
mu and covariance T = L L', its true response is Gaussian about the line, and it is measured with
the covariance S_i:

    x ~ N(mu, T),   y = c + b'(x - mu) + N(0, s^2),   z_obs = z + N(0, S_i)

All is Gaussian and linear, so the true values integrate out in closed form:

    z_obs ~ N(m, V + S_i),   m = (mu, c),   V = [[T, T b], [b'T, b'T b + s^2]]

c is the mean of the response; the intercept is c - b'mu. A point may be an outlier, with
probability f: then its response forgets the line, y ~ N(c_o, s_o^2), so that V_o = [[T, 0],
[0, s_o^2]] and m_o = (mu, c_o) (Hogg, Bovy & Lang 2010, their equation 17, with errors in x).

With W = (V + S_i)^-1, r = z - m, g = W r and G = (g g' - W) / 2, the gradient is

    d/dm = g,   d/dc = g_y,   d/ds = 2 s G_yy,   d/db = 2 T (G_xy + b G_yy),
    d/dL = 2 (G_xx + G_xy b' + b G_xy' + b b' G_yy) L

and a mixture weighs the two by their responsibilities. With one predictor all is written out: the
2 x 2 inverses need no factorisation, and the loop over points becomes vector instructions.
"""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel

__all__ = ["component_densities", "value_and_gradient"]

LOG_2PI = math.log(2 * math.pi)
CHUNK = 64


@kernel
def _gaussian(residual, matrix, inverse, g):
    """Log N(residual; 0, matrix), with matrix^-1 and matrix^-1 residual left in the last two.

    `matrix` is overwritten. Returns -inf where it is not positive definite.
    """
    d = residual.shape[0]
    log_det = 0.0
    for j in range(d):
        for i in range(j, d):
            total = matrix[i, j]
            for k in range(j):
                total -= matrix[i, k] * matrix[j, k]
            if i == j:
                if not total > 0.0:
                    return -np.inf
                matrix[j, j] = math.sqrt(total)
                log_det += 2.0 * math.log(matrix[j, j])
            else:
                matrix[i, j] = total / matrix[j, j]
    # inverse = L^-T L^-1, by way of the lower triangular L^-1 kept in `inverse` first
    for j in range(d):
        inverse[j, j] = 1.0 / matrix[j, j]
        for i in range(j + 1, d):
            total = 0.0
            for k in range(j, i):
                total -= matrix[i, k] * inverse[k, j]
            inverse[i, j] = total / matrix[i, i]
    square = 0.0
    for i in range(d):
        for j in range(i, d):
            total = 0.0
            for k in range(j, d):
                total += inverse[k, i] * inverse[k, j]
            matrix[i, j] = total
    for i in range(d):
        for j in range(i, d):
            inverse[i, j] = matrix[i, j]
            inverse[j, i] = matrix[i, j]
    for i in range(d):
        total = 0.0
        for j in range(d):
            total += inverse[i, j] * residual[j]
        g[i] = total
        square += total * residual[i]
    return -0.5 * (square + log_det + d * LOG_2PI)


@kernel
def _population(slope, scatter, cholesky, outlier_scatter):
    """T, T b, V and V_o."""
    p = slope.shape[0]
    predictors = np.zeros((p, p))
    for i in range(p):
        for j in range(p):
            for k in range(min(i, j) + 1):
                predictors[i, j] += cholesky[i, k] * cholesky[j, k]
    line, outlier = np.zeros((p + 1, p + 1)), np.zeros((p + 1, p + 1))
    line[p, p] = scatter * scatter
    for i in range(p):
        for j in range(p):
            line[i, j] = outlier[i, j] = predictors[i, j]
            line[i, p] += predictors[i, j] * slope[j]
        line[p, i] = line[i, p]
        line[p, p] += slope[i] * line[i, p]
    outlier[p, p] = outlier_scatter * outlier_scatter
    return predictors, line, outlier


@kernel
def value_and_gradient(
    centre,
    slope,
    scatter,
    mean,
    cholesky,
    fraction,
    outlier_centre,
    outlier_scatter,
    value,
    covariance,
):
    """Log likelihood and its gradient with respect to the first eight arguments.

    Parameters
    ----------
    centre, scatter, fraction, outlier_centre, outlier_scatter : float
        c, s, f, c_o, s_o; with ``fraction == 0`` the outliers are left out.
    slope, mean : (p,) arrays
        b and mu.
    cholesky : (p, p) array
        L, lower triangular.
    value : (n, p + 1) array
        Predictors, then the response.
    covariance : (n, p + 1, p + 1) array
        Of the measurement.

    Returns
    -------
    tuple
        The value and eight gradients in the shapes of the arguments; -inf and zeros where a
        covariance is not positive definite or the fraction is out of [0, 1].
    """
    n, d = value.shape
    p = d - 1
    d_centre = d_scatter = d_fraction = d_outlier_centre = d_outlier_scatter = 0.0
    d_slope, d_mean, d_cholesky = np.zeros(p), np.zeros(p), np.zeros((p, p))
    zeros = (0.0, np.zeros(p), 0.0, np.zeros(p), np.zeros((p, p)), 0.0, 0.0, 0.0)
    if not (0.0 <= fraction <= 1.0):
        return (-np.inf, *zeros)
    predictors, line, outlier = _population(slope, scatter, cholesky, outlier_scatter)
    mixed = fraction > 0.0
    residual, g, g_out = np.empty(d), np.empty(d), np.empty(d)
    matrix, inverse, inverse_out = np.empty((d, d)), np.empty((d, d)), np.empty((d, d))
    sum_line, sum_out = np.zeros((d, d)), np.zeros((d, d))  # responsibility-weighted G
    total = 0.0
    for i in range(n):
        for j in range(p):
            residual[j] = value[i, j] - mean[j]
        residual[p] = value[i, p] - centre
        for j in range(d):
            for k in range(d):
                matrix[j, k] = line[j, k] + covariance[i, j, k]
        log_line = _gaussian(residual, matrix, inverse, g)
        share, share_out = 1.0, 0.0
        if mixed:
            residual[p] = value[i, p] - outlier_centre
            for j in range(d):
                for k in range(d):
                    matrix[j, k] = outlier[j, k] + covariance[i, j, k]
            log_out = _gaussian(residual, matrix, inverse_out, g_out)
            a = log_line + math.log1p(-fraction)
            b = log_out + math.log(fraction)
            top = max(a, b)
            if not top > -np.inf:
                return (-np.inf, *zeros)
            both = math.exp(a - top) + math.exp(b - top)
            share, share_out = math.exp(a - top) / both, math.exp(b - top) / both
            total += top + math.log(both)
            d_fraction += share_out / fraction - share / (1.0 - fraction)
            if share_out > 0.0:
                d_outlier_centre += share_out * g_out[p]
                for j in range(d):
                    if j < p:
                        d_mean[j] += share_out * g_out[j]
                    for k in range(d):
                        sum_out[j, k] += 0.5 * share_out * (g_out[j] * g_out[k] - inverse_out[j, k])
        else:
            if not log_line > -np.inf:
                return (-np.inf, *zeros)
            total += log_line
        if share > 0.0:
            d_centre += share * g[p]
            for j in range(d):
                if j < p:
                    d_mean[j] += share * g[j]
                for k in range(d):
                    sum_line[j, k] += 0.5 * share * (g[j] * g[k] - inverse[j, k])
    d_scatter = 2.0 * scatter * sum_line[p, p]
    d_outlier_scatter = 2.0 * outlier_scatter * sum_out[p, p]
    toward = np.empty(p)
    for j in range(p):
        toward[j] = sum_line[j, p] + slope[j] * sum_line[p, p]
    for j in range(p):
        for k in range(p):
            d_slope[j] += 2.0 * predictors[j, k] * toward[k]
    for j in range(p):
        for k in range(j + 1):
            for m in range(k, p):
                entry = (
                    sum_line[j, m]
                    + sum_line[j, p] * slope[m]
                    + slope[j] * sum_line[m, p]
                    + slope[j] * slope[m] * sum_line[p, p]
                    + sum_out[j, m]
                )
                d_cholesky[j, k] += 2.0 * entry * cholesky[m, k]
    return (
        total,
        d_centre,
        d_slope,
        d_scatter,
        d_mean,
        d_cholesky,
        d_fraction,
        d_outlier_centre,
        d_outlier_scatter,
    )


@kernel
def component_densities(
    centre, slope, scatter, mean, cholesky, outlier_centre, outlier_scatter, value, covariance
):
    """Log density of every point under the line and as an outlier: (n, 2), fractions left out."""
    n, d = value.shape
    p = d - 1
    _, line, outlier = _population(slope, scatter, cholesky, outlier_scatter)
    residual, g = np.empty(d), np.empty(d)
    work, inverse = np.empty((d, d)), np.empty((d, d))
    densities = np.empty((n, 2))
    for i in range(n):
        for j in range(p):
            residual[j] = value[i, j] - mean[j]
        residual[p] = value[i, p] - centre
        for j in range(d):
            for k in range(d):
                work[j, k] = line[j, k] + covariance[i, j, k]
        densities[i, 0] = _gaussian(residual, work, inverse, g)
        residual[p] = value[i, p] - outlier_centre
        for j in range(d):
            for k in range(d):
                work[j, k] = outlier[j, k] + covariance[i, j, k]
        densities[i, 1] = _gaussian(residual, work, inverse, g)
    return densities
