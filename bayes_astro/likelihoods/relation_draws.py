"""True values of rows drawn from the components of a line, given what was measured.

Conditioning by kriging (Matheron's rule; Hoffman & Ribak 1991): with z' ~ N(M, V) and errors e' ~
N(0, S) drawn as if nothing was known, and r = z_obs - z' - e' of the entries o that were measured,

    z = z' + V_:o (V + S)_oo^-1 r_o,   e = e' + S_:o (V + S)_oo^-1 r_o

are draws of true values and errors given z_o: no conditional covariance is ever formed, so that exact
values and lines without scatter, whose covariances are singular, need no care.
"""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel
from bayes_astro.likelihoods.relation_components import copied
from bayes_astro.likelihoods.relation_rows import DETECTED, MISSING, row_density, solved

__all__ = ["chosen", "conditioned"]


@kernel
def chosen(log_weight, mean, matrix, value, covariance, kind, start, share, copies, uniform):
    """A component and a part of every draw and row, and what is observed of limits' columns but for these.

    Parameters
    ----------
    log_weight, mean, matrix : arrays (s, c), (s, c, d), (s, c, d, d)
    value, covariance, kind, start, share, copies : arrays
        Of parts of rows, as `relation_components.components` takes them.
    uniform : (s, n) array

    Returns
    -------
    tuple
        Components and parts (s, n); means (s, n, 2) and variances (s, n, 2) of the columns with limits, in
        their order, and their covariances (s, n), given what was measured; zero without limits.
    """
    draws, many, _ = mean.shape
    n, d = len(start) - 1, value.shape[1]
    which, which_part = np.zeros((draws, n), np.int64), np.zeros((draws, n), np.int64)
    centre, variance = np.zeros((draws, n, 2)), np.zeros((draws, n, 2))
    common, bound = np.zeros((draws, n)), np.empty(2, np.int64)
    order = np.empty(d, np.int64)
    residual, u, w, g = np.empty(d), np.empty(d), np.empty((2, d)), np.empty((many, d))
    work, inverse, gg = np.empty((d, d)), np.empty((d, d)), np.empty((many, d, d))
    widest = 1
    for i in range(n):
        widest = max(widest, start[i + 1] - start[i])
    logs = np.empty(widest * many)
    for s in range(draws):
        middle, population = copied(mean[s], matrix[s], copies)
        for i in range(n):
            top, options = -np.inf, (start[i + 1] - start[i]) * many
            for o in range(options):
                c, row = o % many, start[i] + o // many
                logs[o] = log_weight[s, c]
                if logs[o] > -np.inf:
                    logs[o] += share[row] + row_density(
                        row, c, value, covariance, kind, middle, population, order, residual, work,
                        inverse, u, w, g, gg,
                    )  # fmt: skip
                top = max(top, logs[o])
            whole = 0.0
            for o in range(options):
                logs[o] = math.exp(logs[o] - top) if top > -np.inf else 1.0
                whole += logs[o]
            left = uniform[s, i] * whole
            o = 0
            while o < options - 1 and (left > logs[o] or logs[o] == 0.0):
                left -= logs[o]
                o += 1
            c, row = o % many, start[i] + o // many
            which[s, i], which_part[s, i] = c, row
            count = 0
            for j in range(d):
                if kind[row, j] != DETECTED and kind[row, j] != MISSING:
                    bound[count] = j
                    count += 1
            if count == 0:
                continue
            row_density(
                row, c, value, covariance, kind, middle, population, order, residual, work, inverse,
                u, w, g, gg,
            )  # fmt: skip
            for place in range(count):
                column = bound[place]
                centre[s, i, place] = middle[c, column]
                variance[s, i, place] = (
                    population[c, column, column] + covariance[row, column, column]
                )
                for j in range(d):
                    if kind[row, j] == DETECTED:
                        across = population[c, j, column] + covariance[row, j, column]
                        centre[s, i, place] += across * u[j]
                        variance[s, i, place] -= across * w[place, j]
            if count == 2:
                common[s, i] = (
                    population[c, bound[0], bound[1]] + covariance[row, bound[0], bound[1]]
                )
                for j in range(d):
                    if kind[row, j] == DETECTED:
                        across = population[c, j, bound[0]] + covariance[row, j, bound[0]]
                        common[s, i] -= across * w[1, j]
    return which, which_part, centre, variance, common


@kernel
def _root(matrix, root):
    """Cholesky factor of a positive semi-definite matrix; columns of zero where it is singular."""
    d = len(matrix)
    for j in range(d):
        for i in range(d):
            root[i, j] = 0.0
    for j in range(d):
        left = matrix[j, j]
        for k in range(j):
            left -= root[j, k] ** 2
        if not left > 1e-14 * matrix[j, j]:
            continue
        root[j, j] = math.sqrt(left)
        for i in range(j + 1, d):
            total = matrix[i, j]
            for k in range(j):
                total -= root[i, k] * root[j, k]
            root[i, j] = total / root[j, j]


@kernel
def conditioned(which, part, mean, matrix, value, covariance, copies, seen, normal, error):
    """True and observed values of every draw and row, (s, n, d) each.

    Parameters
    ----------
    which, part : (s, n) arrays of integers
        Components, and parts of rows.
    mean, matrix : arrays (s, c, d), (s, c, d, d)
    value : (s, n, d + e) array
        Measured ones, where `seen` (n, d + e) is true.
    covariance : (m, d + e, d + e) array
        Of the parts.
    copies : (e,) array of integers
    normal, error : (s, n, d) arrays
        Unit normals, and errors as if nothing was known.
    """
    draws, n, d = error.shape
    true, observed = np.empty((draws, n, d)), np.empty((draws, n, d))
    more = d + len(copies)
    order, own = np.empty(more, np.int64), np.empty(more, np.int64)
    for j in range(more):
        own[j] = j if j < d else copies[j - d]
    residual, u, root = np.empty(more), np.empty(more), np.empty((d, d))
    work, inverse = np.empty((more, more)), np.empty((more, more))
    for s in range(draws):
        last = -1
        for i in range(n):
            c, row = which[s, i], part[s, i]
            if c != last:
                _root(matrix[s, c], root)
                last = c
            count = 0
            for j in range(d):
                total = mean[s, c, j]
                for k in range(j + 1):
                    total += root[j, k] * normal[s, i, k]
                true[s, i, j] = total
                observed[s, i, j] = error[s, i, j]
            for j in range(more):
                if seen[i, j]:
                    order[count] = j
                    count += 1
                    residual[j] = value[s, i, j] - true[s, i, own[j]]
                    if j < d:
                        residual[j] -= error[s, i, j]
            if count > 0:
                for a in range(count):
                    j = order[a]
                    for b in range(count):
                        k = order[b]
                        work[j, k] = matrix[s, c, own[j], own[k]] + covariance[row, j, k]
                solved(count, order, residual, work, inverse, u)
                for j in range(d):
                    for a in range(count):
                        k = order[a]
                        true[s, i, j] += matrix[s, c, j, own[k]] * u[k]
                        observed[s, i, j] += covariance[row, j, k] * u[k]
            for j in range(d):
                observed[s, i, j] = (
                    value[s, i, j] if seen[i, j] else observed[s, i, j] + true[s, i, j]
                )
    return true, observed
