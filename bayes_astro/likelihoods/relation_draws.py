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
from bayes_astro.likelihoods.relation_components import (
    DETECTED,
    MISSING,
    _detected,
    _row,
)

__all__ = ["chosen", "conditioned"]


@kernel
def chosen(log_weight, mean, matrix, value, covariance, kind, uniform):
    """A component of every draw and row, and what is observed of its limit's column but for the limit.

    Parameters
    ----------
    log_weight, mean, matrix : arrays (s, c), (s, c, d), (s, c, d, d)
    value, covariance, kind : arrays (n, d), (n, d, d), (n, d)
    uniform : (s, n) array

    Returns
    -------
    tuple
        Components, means and variances, (s, n) each; the last two are zero for rows without a limit.
    """
    draws, many, d = mean.shape
    n = len(value)
    which = np.zeros((draws, n), np.int64)
    centre, variance = np.zeros((draws, n)), np.zeros((draws, n))
    order = np.empty(d, np.int64)
    residual, u, w, g = np.empty(d), np.empty(d), np.empty(d), np.empty((many, d))
    work, inverse, gg = np.empty((d, d)), np.empty((d, d)), np.empty((many, d, d))
    logs = np.empty(many)
    for s in range(draws):
        middle, population = mean[s], matrix[s]
        for i in range(n):
            top = -np.inf
            for c in range(many):
                logs[c] = log_weight[s, c]
                if logs[c] > -np.inf:
                    logs[c] += _row(
                        i, c, value, covariance, kind, middle, population, order, residual, work,
                        inverse, u, w, g, gg,
                    )  # fmt: skip
                top = max(top, logs[c])
            whole = 0.0
            for c in range(many):
                logs[c] = math.exp(logs[c] - top) if top > -np.inf else 1.0
                whole += logs[c]
            left = uniform[s, i] * whole
            c = 0
            while c < many - 1 and (left > logs[c] or logs[c] == 0.0):
                left -= logs[c]
                c += 1
            which[s, i] = c
            limit = -1
            for j in range(d):
                if kind[i, j] != DETECTED and kind[i, j] != MISSING:
                    limit = j
            if limit < 0:
                continue
            _row(
                i, c, value, covariance, kind, middle, population, order, residual, work, inverse,
                u, w, g, gg,
            )  # fmt: skip
            m = middle[c, limit]
            v = population[c, limit, limit] + covariance[i, limit, limit]
            for j in range(d):
                if kind[i, j] == DETECTED:
                    across = population[c, j, limit] + covariance[i, j, limit]
                    m += across * u[j]
                    v -= across * w[j]
            centre[s, i], variance[s, i] = m, v
    return which, centre, variance


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
def conditioned(which, mean, matrix, value, covariance, seen, normal, error):
    """True and observed values of every draw and row, (s, n, d) each.

    Parameters
    ----------
    which : (s, n) array of integers
        Components.
    mean, matrix : arrays (s, c, d), (s, c, d, d)
    value : (s, n, d) array
        Measured ones, where `seen` (n, d) is true.
    covariance : (n, d, d) array
    normal, error : (s, n, d) arrays
        Unit normals, and errors as if nothing was known.
    """
    draws, n, d = value.shape
    true, observed = np.empty((draws, n, d)), np.empty((draws, n, d))
    order = np.empty(d, np.int64)
    residual, u, root = np.empty(d), np.empty(d), np.empty((d, d))
    work, inverse = np.empty((d, d)), np.empty((d, d))
    for s in range(draws):
        last = -1
        for i in range(n):
            c = which[s, i]
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
                if seen[i, j]:
                    order[count] = j
                    count += 1
                    residual[j] = value[s, i, j] - total - error[s, i, j]
            if count > 0:
                for a in range(count):
                    j = order[a]
                    for b in range(count):
                        k = order[b]
                        work[j, k] = matrix[s, c, j, k] + covariance[i, j, k]
                _detected(count, order, residual, work, inverse, u)
                for j in range(d):
                    for a in range(count):
                        k = order[a]
                        true[s, i, j] += matrix[s, c, j, k] * u[k]
                        observed[s, i, j] += covariance[i, j, k] * u[k]
            for j in range(d):
                observed[s, i, j] = (
                    value[s, i, j] if seen[i, j] else observed[s, i, j] + true[s, i, j]
                )
    return true, observed
