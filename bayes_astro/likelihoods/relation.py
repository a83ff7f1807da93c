"""Likelihood of a line or plane: its components from its parameters, and its gradient back.

Of p true predictors the population is a mixture of K Gaussians with shares pi_k, means mu_k and
covariances T_k = L_k L_k', and the true response is about the line, c at the population's mean,

    y = c + b'(x - sum_k pi_k mu_k) + s e / sqrt(g),   e ~ N(0, 1)

with g = 1, or, for a scatter of Student's t, g ~ Gamma(nu / 2, rate nu / 2). With c_k = c + b'(mu_k -
sum pi mu), a component of `bayes_astro.likelihoods.relation_components` is then

    M_k = (mu_k, c_k),   V_k = [[T_k, T_k b], [b'T_k, b'T_k b + s^2 / g]]

(Kelly 2007; with K = 1 and g = 1 all is one Gaussian). The integral over g is a sum over equal steps
h of ln g, with weights proportional to exp[nu / 2 (ln g - g)]: for an analytic integrand that falls
off on both sides its error goes as exp(-2 pi^2 / (nu h^2 / 2)) or as exp(-pi^2 / h), whichever is the
larger, and is below 1e-10 with the steps taken here. A point may be an outlier, with probability f,
whose response forgets the line: then M_k = (mu_k, c_o), V_k = [[T_k, 0], [0, s_o^2]] (Hogg, Bovy &
Lang 2010, equation 17, with errors in x).

With g_c = dL / dM_c and G_c = dL / dV_c of the components of the line, and t_c = G_xy + b G_yy,

    dL/dc = sum g_y,   dL/db = sum g_y (mu_k - mu) + 2 T_k t_c,   dL/ds = sum 2 s / g G_yy,
    dL/dmu_k = g_x + b g_y (less pi_k of the sum of the second),
    dL/dL_k = 2 (G_xx + G_xy b' + b G_xy' + b b' G_yy) L_k
"""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel
from bayes_astro.likelihoods.memory import cube, floats, likelihood, matrix, opened, wholes
from bayes_astro.likelihoods.memory import whole_matrix as whole_rows
from bayes_astro.likelihoods.relation_components import components

__all__ = ["ORDER", "RELATION", "assembled", "nodes", "pulled", "stated"]

ORDER = (
    "slope", "predictor_mean", "predictor_width", "response_mean", "intercept", "scatter",
    "partial_unit", "outlier_fraction", "outlier_mean", "outlier_scatter", "component_weight",
    "degrees_of_freedom",
)  # fmt: skip
"""Parameters in the order of the places that tell where the values of each begin; -1: none."""
(
    SLOPE, MEAN, WIDTH, CENTRE, INTERCEPT, SCATTER, PARTIAL, FRACTION, FAR_CENTRE, FAR_SCATTER,
    WEIGHT, FREEDOM,
) = range(12)  # fmt: skip
STEP, OF_WIDTH = 0.25, 0.5  # largest step of ln g, and in its standard deviations
DEEP = 40.0  # nats below the peak at which it ends
FEWEST_DEGREES = 0.5


@kernel
def nodes(degrees):
    """Precisions g of Student's scatter, their log weights, and the slopes of these by nu."""
    step = min(STEP, OF_WIDTH * math.sqrt(2.0 / degrees))
    half = 0.5 * degrees
    first, last = 0, 0
    while half * (first * step - math.exp(first * step) + 1.0) > -DEEP:
        first -= 1
    while half * (last * step - math.exp(last * step) + 1.0) > -DEEP:
        last += 1
    count = last - first + 1
    precision, log_weight, slope = np.empty(count), np.empty(count), np.empty(count)
    whole = mean = 0.0
    for j in range(count):
        u = (first + j) * step
        precision[j] = math.exp(u)
        slope[j] = 0.5 * (u - precision[j] + 1.0)
        log_weight[j] = degrees * slope[j]
        whole += math.exp(log_weight[j])
        mean += math.exp(log_weight[j]) * slope[j]
    mean /= whole
    for j in range(count):
        log_weight[j] -= math.log(whole)
        slope[j] -= mean
    return precision, log_weight, slope


@kernel
def _factors(width, partial):
    """Factors (k, p, p) of the correlations from partial ones (k, pairs) on (0, 1), and scaled by widths."""
    many, p = width.shape
    unit, factor = np.zeros((many, p, p)), np.zeros((many, p, p))
    for c in range(many):
        at = 0
        for j in range(p):
            left = 1.0
            for i in range(j):
                rho = 2.0 * partial[c, at] - 1.0
                unit[c, j, i] = rho * math.sqrt(left)
                left *= 1.0 - rho * rho
                at += 1
            unit[c, j, j] = math.sqrt(left)
            for i in range(j + 1):
                factor[c, j, i] = width[c, j] * unit[c, j, i]
    return unit, factor


@kernel
def _line(slope, mean, factor, share, centre, scatter, fraction, far, spread, precision, log_node):
    """Log weights, means and covariances of all components, T_k and the population's mean."""
    many, p = mean.shape
    count, d = len(precision), p + 1
    total = many * count + (many if fraction > 0.0 else 0)
    log_weight = np.empty(total)
    middle, cov = np.zeros((total, d)), np.zeros((total, d, d))
    inner, whole = np.zeros((many, p, p)), np.zeros(p)
    for k in range(many):
        for j in range(p):
            whole[j] += share[k] * mean[k, j]
            for i in range(p):
                for e in range(min(i, j) + 1):
                    inner[k, j, i] += factor[k, j, e] * factor[k, i, e]
    log_rest = math.log1p(-fraction)
    for k in range(many):
        log_share = math.log(share[k]) if share[k] > 0.0 else -np.inf
        response, variance = centre, 0.0
        along = np.zeros(p)
        for j in range(p):
            response += slope[j] * (mean[k, j] - whole[j])
            for i in range(p):
                along[j] += inner[k, j, i] * slope[i]
            variance += slope[j] * along[j]
        for node in range(count):
            c = k * count + node
            log_weight[c] = log_rest + log_share + log_node[node]
            middle[c, p] = response
            cov[c, p, p] = variance + scatter * scatter / precision[node]
            for j in range(p):
                middle[c, j] = mean[k, j]
                cov[c, j, p] = cov[c, p, j] = along[j]
                for i in range(p):
                    cov[c, j, i] = inner[k, j, i]
        if fraction > 0.0:
            c = many * count + k
            log_weight[c] = math.log(fraction) + log_share
            middle[c, p], cov[c, p, p] = far, spread * spread
            for j in range(p):
                middle[c, j] = mean[k, j]
                for i in range(p):
                    cov[c, j, i] = inner[k, j, i]
    return log_weight, middle, cov, inner, whole


@kernel
def assembled(slope, mean, width, partial, share, centre, scatter, outliers, degrees):
    """Log weights (c,), means (c, d) and covariances (c, d, d) of the components of one draw.

    Those of the line come first, of each Gaussian of the population all precisions of its scatter.
    `partial` are correlations (k, pairs) on (0, 1); `outliers` fraction, mean and scatter; `degrees`
    is infinite for a normal scatter.
    """
    _, factor = _factors(width, partial)
    if degrees == np.inf:
        precision, log_node = np.ones(1), np.zeros(1)
    else:
        precision, log_node, _ = nodes(degrees)
    log_weight, middle, cov, _, _ = _line(
        slope, mean, factor, share, centre, scatter, outliers[0], outliers[1], outliers[2],
        precision, log_node,
    )  # fmt: skip
    return log_weight, middle, cov


@kernel
def _to_partial(unit, width, toward, partial, gradient, at):
    """Add to the gradient that of one component's partial correlations, toward its factor."""
    p = len(width)
    left = np.ones(p + 1)
    k = 0
    for j in range(p):
        for i in range(j):
            rho = 2.0 * partial[k + i] - 1.0
            left[i + 1] = left[i] * (1.0 - rho * rho)
        # Backwards: each partial correlation is in its own entry and in what is left after it.
        to_left = toward[j, j] * width[j] * 0.5 / math.sqrt(left[j])
        for i in range(j - 1, -1, -1):
            rho, own = 2.0 * partial[k + i] - 1.0, toward[j, i] * width[j]
            gradient[at + k + i] += 2.0 * (own * math.sqrt(left[i]) - 2.0 * rho * left[i] * to_left)
            to_left = to_left * (1.0 - rho * rho) + own * rho * 0.5 / math.sqrt(left[i])
        k += j


@kernel
def stated(values, at):
    """One vector of parameters as what a line is made of.

    Returns whether there is a density, log weights, means and covariances of the components, and what
    `pulled` takes of the way to them.
    """
    many, p = at[12], at[13]
    slope = values[at[SLOPE] : at[SLOPE] + p].copy()
    mean = values[at[MEAN] : at[MEAN] + many * p].copy().reshape((many, p))
    width = values[at[WIDTH] : at[WIDTH] + many * p].copy().reshape((many, p))
    pairs = p * (p - 1) // 2
    partial = np.empty((many, pairs))
    for k in range(many):
        for i in range(pairs):
            partial[k, i] = values[at[PARTIAL] + k * pairs + i]
    share = np.ones(many)
    if at[WEIGHT] >= 0:
        share[:] = values[at[WEIGHT] : at[WEIGHT] + many]
    scatter = values[at[SCATTER]] if at[SCATTER] >= 0 else 0.0
    fraction = far = spread = 0.0
    possible = True
    if at[FRACTION] >= 0:
        fraction, far, spread = (
            values[at[FRACTION]], values[at[FAR_CENTRE]], values[at[FAR_SCATTER]],
        )  # fmt: skip
        possible = 0.0 < fraction < 1.0
    precision, log_node, by_degrees = np.ones(1), np.zeros(1), np.zeros(1)
    if at[FREEDOM] >= 0:
        if FEWEST_DEGREES < values[at[FREEDOM]] < 1e6:
            precision, log_node, by_degrees = nodes(values[at[FREEDOM]])
        else:
            possible = False
    if at[CENTRE] >= 0:
        centre = values[at[CENTRE]]
    else:
        centre = values[at[INTERCEPT]]
        for k in range(many):
            for j in range(p):
                centre += share[k] * slope[j] * mean[k, j]
    unit, factor = _factors(width, partial)
    # A fraction outside of its bounds has no logarithm, and no density.
    log_weight, middle, cov, inner, whole = _line(
        slope, mean, factor, share, centre, scatter, fraction if possible else 0.0, far, spread,
        precision, log_node,
    )  # fmt: skip
    sizes = np.array([scatter, fraction, spread])
    way = (
        slope, mean, width, partial, share, sizes, precision, by_degrees, unit, factor, inner, whole
    )  # fmt: skip
    return possible, log_weight, middle, cov, way


@kernel
def pulled(values, at, way, to_weight, to_mean, to_cov, gradient):
    """Add to the gradient by parameters what that by the components of `stated` makes of it."""
    slope, mean, width, partial, share, sizes, precision, by_degrees, unit, factor, inner, whole = (
        way
    )
    scatter, fraction, spread = sizes
    many, p = at[12], at[13]
    pairs = p * (p - 1) // 2
    steps = len(precision)
    to_centre = to_scatter = to_degrees = to_line = to_fraction = to_far = to_spread = 0.0
    to_slope, to_share = np.zeros(p), np.zeros(many)
    to_whole = 0.0  # of the population's mean along the line, times -b
    for k in range(many):
        mixed = np.zeros((p, p))
        sums = np.zeros(p)
        own = 0.0
        for node in range(steps):
            c = k * steps + node
            own += to_mean[c, p]
            to_line += to_weight[c]
            to_share[k] += to_weight[c]
            to_degrees += to_weight[c] * by_degrees[node]
            yy = to_cov[c, p, p]
            to_scatter += 2.0 * scatter / precision[node] * yy
            for j in range(p):
                gradient[at[MEAN] + k * p + j] += to_mean[c, j]
                sums[j] += to_cov[c, j, p] + slope[j] * yy
                for i in range(p):
                    mixed[j, i] += (
                        to_cov[c, j, i]
                        + to_cov[c, j, p] * slope[i]
                        + slope[j] * to_cov[c, i, p]
                        + slope[j] * slope[i] * yy
                    )
        to_centre += own
        if fraction > 0.0:
            c = many * steps + k
            to_fraction += to_weight[c]
            to_share[k] += to_weight[c]
            to_far += to_mean[c, p]
            to_spread += 2.0 * spread * to_cov[c, p, p]
            for j in range(p):
                gradient[at[MEAN] + k * p + j] += to_mean[c, j]
                for i in range(p):
                    mixed[j, i] += to_cov[c, j, i]
        for j in range(p):
            gradient[at[MEAN] + k * p + j] += own * slope[j]
            to_slope[j] += own * (mean[k, j] - whole[j])
            for i in range(p):
                to_slope[j] += 2.0 * inner[k, j, i] * sums[i]
        toward = np.zeros((p, p))
        for j in range(p):
            for i in range(j + 1):
                for e in range(i, p):
                    toward[j, i] += 2.0 * mixed[j, e] * factor[k, e, i]
                gradient[at[WIDTH] + k * p + j] += toward[j, i] * unit[k, j, i]
        if pairs > 0:
            _to_partial(unit[k], width[k], toward, partial[k], gradient, at[PARTIAL] + k * pairs)
    # c_k holds the population's mean, sum_k pi_k mu_k; with an intercept it falls out again.
    to_whole = -to_centre if at[CENTRE] >= 0 else 0.0
    for k in range(many):
        for j in range(p):
            gradient[at[MEAN] + k * p + j] += share[k] * slope[j] * to_whole
            if at[WEIGHT] >= 0:
                gradient[at[WEIGHT] + k] += slope[j] * mean[k, j] * to_whole
        if at[WEIGHT] >= 0 and share[k] > 0.0:
            gradient[at[WEIGHT] + k] += to_share[k] / share[k]
    for j in range(p):
        gradient[at[SLOPE] + j] += to_slope[j]
        if at[CENTRE] < 0:
            gradient[at[SLOPE] + j] += to_centre * whole[j]
    gradient[at[CENTRE] if at[CENTRE] >= 0 else at[INTERCEPT]] += to_centre
    if at[SCATTER] >= 0:
        gradient[at[SCATTER]] += to_scatter
    if at[FREEDOM] >= 0:
        gradient[at[FREEDOM]] += to_degrees
    if at[FRACTION] >= 0:
        gradient[at[FRACTION]] += to_fraction / fraction - to_line / (1.0 - fraction)
        gradient[at[FAR_CENTRE]] += to_far
        gradient[at[FAR_SCATTER]] += to_spread


@likelihood
def RELATION(values, gradient, data, wanted):
    """Data: places and numbers of components and predictors; then what `components` reads of rows."""
    values, gradient, index = opened(values, gradient, data)
    at = wholes(index, 0)
    possible, log_weight, middle, cov, way = stated(values, at)
    if not possible:
        return -np.inf
    total, to_weight, to_mean, to_cov = components(
        log_weight, middle, cov, matrix(index, 1), cube(index, 2), whole_rows(index, 3),
        wholes(index, 4), floats(index, 5), wholes(index, 6), floats(index, 7), floats(index, 8),
        floats(index, 9), floats(index, 10),
    )  # fmt: skip
    if total > -np.inf:
        pulled(values, at, way, to_weight, to_mean, to_cov, gradient)
    return total
