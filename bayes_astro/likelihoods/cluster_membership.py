r"""A cluster in front of a field, both seen through noise: the mixture of `likelihoods.mixture` in the
parameters of a cluster.

.. code-block:: text

    x_i ~ f [(1 - w) N(m, D + S_i) + w N(m, c^2 D + S_i)]
          + (1 - f) [sum_k a_k N(m_k, W_k + B + S_i) + a_0 N(m_0, V_0 + S_i)]

With the gradient of the mixture by weights, means and covariances, the chain rule goes on to

.. code-block:: text

    d/df = (1 - w) g_core + w g_wing - sum_k a_k g_k,      d/dm = u_core + u_wing,
    d/dw = f (g_wing - g_core),    d/dD = G_core + c^2 G_wing,    d/dc = 2 c <G_wing, D>

D_ij = s_i s_j R_ij with R = C C', C by rows from partial correlations (Lewandowski, Kurowicka & Joe
2009),

.. code-block:: text

    r_0 = 1,    C_ij = p_ij sqrt(r_j),    r_(j+1) = r_j (1 - p_ij^2),    C_ii = sqrt(r_i)

so that each of them may have any value between -1 and 1. W_k = L L' has an inverse Wishart prior, whose
place in logarithms of L's diagonal is that of `likelihoods.mixture_posterior`.
"""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods import inverse_wishart, mixture
from bayes_astro.likelihoods.compiled import kernel
from bayes_astro.likelihoods.memory import (
    floats,
    likelihood,
    matrix,
    opened,
    whole_matrix,
    wholes,
)

__all__ = ["CLUSTER", "correlation_factor"]


@kernel
def correlation_factor(partial, factor):
    """Fill the factor C of a correlation matrix from partial correlations (d, d) below the diagonal."""
    for i in range(len(partial)):
        left = 1.0
        for j in range(i):
            factor[i, j] = partial[i, j] * math.sqrt(left)
            left *= 1.0 - partial[i, j] * partial[i, j]
        factor[i, i] = math.sqrt(left)
        for j in range(i + 1, len(partial)):
            factor[i, j] = 0.0


@kernel
def _to_partial(partial, factor, to_factor, gradient):
    """The gradient by partial correlations from that by the factor."""
    for i in range(len(partial)):
        left = np.ones(i + 1)
        for j in range(i):
            left[j + 1] = left[j] * (1.0 - partial[i, j] * partial[i, j])
        to_left = 0.5 * to_factor[i, i] / math.sqrt(left[i])
        for j in range(i - 1, -1, -1):
            p, root = partial[i, j], math.sqrt(left[j])
            gradient[i, j] = to_factor[i, j] * root - 2.0 * p * left[j] * to_left
            to_left = to_left * (1.0 - p * p) + 0.5 * to_factor[i, j] * p / root


@likelihood
def CLUSTER(values, gradient, data, wanted):
    """Values: mean, dispersions, partial correlations, fraction, fraction and scale of the wings (if any),
    weights of the field, the broad one last, its means, triangles of its covariances.

    Data: table, blocks, columns of the points; the group of each column; pairs of correlated columns;
    shift, scale, bound (variances) and broad (mean, variances), a row each; degrees of freedom, constant of
    a triangle, offset of the points, whether there are wings; psi. Means and dispersions are in the units
    of the data, what belongs to the field's covariances is scaled.
    """
    values, gradient, index = opened(values, gradient, data)
    table, blocks, columns = floats(index, 0), whole_matrix(index, 1), whole_matrix(index, 2)
    group, pairs, rows = wholes(index, 3), whole_matrix(index, 4), matrix(index, 5)
    numbers, psi = floats(index, 6), matrix(index, 7)
    d = len(group)
    shift, scale, bound, broad, broad_variance = rows[0], rows[1], rows[2], rows[3], rows[4]
    nu, constant, offset, wings = numbers[0], numbers[1], numbers[2], numbers[3] > 0.0
    groups = 0
    for j in range(d):
        groups = max(groups, group[j] + 1)
    at_spread, at_pair = d, d + groups
    at_fraction = at_pair + len(pairs)
    at_weight = at_fraction + (3 if wings else 1)
    triangle = d * (d + 1) // 2
    fields = (len(values) - at_weight - 1) // (1 + d + triangle)
    at_mean = at_weight + fields + 1
    at_factor = at_mean + fields * d
    f = values[at_fraction]
    w = values[at_fraction + 1] if wings else 0.0
    c = values[at_fraction + 2] if wings else 1.0
    first = 2 if wings else 1
    components = first + fields + 1

    partial, correlation = np.zeros((d, d)), np.zeros((d, d))
    for p in range(len(pairs)):
        partial[pairs[p, 0], pairs[p, 1]] = values[at_pair + p]
    correlation_factor(partial, correlation)
    spread, root = np.zeros(d), np.zeros((d, d))
    for i in range(d):
        spread[i] = values[at_spread + group[i]] / scale[i]
        for j in range(i + 1):
            root[i, j] = spread[i] * correlation[i, j]

    weight, mean = np.empty(components), np.empty((components, d))
    covariance = np.zeros((components, d, d))
    weight[0] = f * (1.0 - w)
    weight[first - 1] = f * w if wings else f
    for k in range(first):
        for i in range(d):
            mean[k, i] = (values[i] - shift[i]) / scale[i]
            for j in range(d):
                for m in range(min(i, j) + 1):
                    covariance[k, i, j] += root[i, m] * root[j, m]
    if wings:
        covariance[1] *= c * c
    factor = np.zeros((fields, d, d))
    for k in range(fields):
        own = first + k
        inverse_wishart.from_entries(values[at_factor + k * triangle :], factor[k])
        weight[own] = (1.0 - f) * values[at_weight + k]
        for i in range(d):
            mean[own, i] = (values[at_mean + k * d + i] - shift[i]) / scale[i]
        for i in range(d):
            covariance[own, i, i] = bound[i]
            for j in range(d):
                for m in range(min(i, j) + 1):
                    covariance[own, i, j] += factor[k, i, m] * factor[k, j, m]
    weight[components - 1] = (1.0 - f) * values[at_weight + fields]
    for i in range(d):
        mean[components - 1, i] = broad[i]
        covariance[components - 1, i, i] = broad_variance[i]

    value, to_weight, to_mean, to_covariance, _ = mixture.value_and_gradient(
        weight, mean, covariance, 0.0, table, blocks, columns
    )
    if not value > -np.inf:
        return -np.inf
    trace, to_factor = inverse_wishart.value_and_gradient(factor, psi)
    value += offset + trace + constant * fields

    core, wing = to_weight[0], to_weight[first - 1]
    slope = (1.0 - w) * core + w * wing
    for k in range(fields + 1):
        gradient[at_weight + k] = (1.0 - f) * to_weight[first + k]
        slope -= values[at_weight + k] * to_weight[first + k]
    gradient[at_fraction] = slope
    toward = to_covariance[0].copy()
    if wings:
        gradient[at_fraction + 1] = f * (wing - core)
        inner = 0.0
        for i in range(d):
            for j in range(d):
                inner += to_covariance[1, i, j] * covariance[0, i, j]
                toward[i, j] += c * c * to_covariance[1, i, j]
        gradient[at_fraction + 2] = 2.0 * c * inner
    for i in range(d):
        gradient[i] = to_mean[0, i] / scale[i]
        if wings:
            gradient[i] += to_mean[1, i] / scale[i]
    # dD = dF F' + F dF' with F = diag(s) C
    to_correlation = np.zeros((d, d))
    for i in range(d):
        for j in range(i + 1):
            total = 0.0
            for m in range(d):
                total += 2.0 * toward[i, m] * root[m, j]
            to_correlation[i, j] = total * spread[i]
            gradient[at_spread + group[i]] += total * correlation[i, j] / scale[i]
    if len(pairs) > 0:
        to_pair = np.zeros((d, d))
        _to_partial(partial, correlation, to_correlation, to_pair)
        for p in range(len(pairs)):
            gradient[at_pair + p] = to_pair[pairs[p, 0], pairs[p, 1]]

    for k in range(fields):
        for i in range(d):
            gradient[at_mean + k * d + i] = to_mean[first + k, i] / scale[i]
        entries, slope = gradient[at_factor + k * triangle :], to_covariance[first + k]
        value += inverse_wishart.to_entries(slope, factor[k], to_factor[k], nu, entries)
    return value
