"""A line through rows whose errors are correlated with each other.

Errors that all points of a column share in part, as those of a calibration, have a covariance C_j
(n, n) beside what every row has of its own. One Gaussian in z = (x, y) with mean M and covariance V is
then one of all rows together. Columns J whose errors are joint are split from the others, D, of which
the rows know nothing of each other:

    p(z) = prod_i N(z_D; M_D, A_i) . N(z_J; m, Q + C)
    A = V_DD + S_DD,  u = A^-1 (z_D - M_D),  W = A^-1 (V_DJ + S_DJ)
    m = M_J + (V_JD + S_JD) u,   Q = V_JJ + S_JJ - (V_JD + S_JD) W   of each row

so that the one large matrix, Q (its blocks along the diagonal) + C, has n entries for every column of J
and no more. With a = dL / dm and B = dL / dQ of each row, all taken from one inverse, the slopes are

    g_J = a,  g_D = u - W a,  G_JJ = B,  G_DJ = (u a' - 2 W B) / 2,
    G_DD = (u u' - A^-1) / 2 - (W a u' + u a' W') / 2 + W B W'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.linalg import cho_solve, cholesky, eigh, solve_triangular
from scipy.linalg.lapack import dpotri

from bayes_astro.regression.predictor_population import square_roots
from bayes_astro.regression.rows import Rows

if TYPE_CHECKING:
    from bayes_astro.regression.predictive import Line

__all__ = ["density", "drawn", "errors", "log_response", "pointwise", "scores"]

LOG_TWO_PI = float(np.log(2 * np.pi))


class Group(NamedTuple):
    """Rows of which the same columns without joint errors were measured."""

    rows: np.ndarray
    known: np.ndarray  # D
    u: np.ndarray  # (m, D)
    inverse: np.ndarray  # (m, D, D)
    w: np.ndarray  # (m, D, J)


class Split(NamedTuple):
    """Columns J given the others, row by row."""

    log_others: np.ndarray  # (n,)
    middle: np.ndarray  # (n, J)
    q: np.ndarray  # (n, J, J)
    groups: list[Group]


def _split(mean: np.ndarray, matrix: np.ndarray, rows: Rows, columns: list[int]) -> Split | None:
    """None where the other columns have no density."""
    n, d = rows.value.shape
    others = [j for j in range(d) if j not in columns]
    middle = np.tile(mean[columns], (n, 1))
    q = matrix[np.ix_(columns, columns)] + rows.covariance[:, columns][:, :, columns]
    log_others, groups = np.zeros(n), []
    seen = rows.kind[:, others] == 0
    patterns, which = np.unique(seen, axis=0, return_inverse=True)
    for k, pattern in enumerate(patterns):
        own, known = np.flatnonzero(which.ravel() == k), np.array(others, dtype=int)[pattern]
        s = rows.covariance[own]
        a = matrix[np.ix_(known, known)] + s[:, known][:, :, known]
        across = matrix[np.ix_(known, columns)] + s[:, known][:, :, columns]
        if len(known):
            sign, log_det = np.linalg.slogdet(a)
            if not np.all(sign > 0) or np.any(np.diagonal(a, axis1=1, axis2=2) <= 0):
                return None
        else:
            log_det = np.zeros(len(own))
        inverse = np.linalg.inv(a)
        residual = rows.value[np.ix_(own, known)] - mean[known]
        u = np.einsum("ijk,ik->ij", inverse, residual)
        w = inverse @ across
        middle[own] += np.einsum("ijk,ij->ik", across, u)
        q[own] -= np.swapaxes(across, 1, 2) @ w
        square = np.sum(residual * u, axis=1)
        log_others[own] = -0.5 * (square + log_det + len(known) * LOG_TWO_PI)
        groups.append(Group(own, known, u, inverse, w))
    return Split(log_others, middle, q, groups)


def _stacked(q: np.ndarray, rows: Rows, columns: list[int]) -> np.ndarray:
    """Covariance of all rows of some columns, one column after the other, their joint errors added."""
    n = len(q)
    whole = np.zeros((len(columns), n, len(columns), n))
    along = np.arange(n)
    for a, one in enumerate(columns):
        for b in range(len(columns)):
            whole[a, along, b, along] = q[:, a, b]
        for j, joint in rows.joint:
            if j == one:
                whole[a, :, a, :] += joint
    return whole.reshape(len(columns) * n, -1)


def density(
    mean: np.ndarray, matrix: np.ndarray, rows: Rows
) -> tuple[float, np.ndarray, np.ndarray]:
    """Log density of all rows, and its slopes with the mean (d,) and the covariance (d, d)."""
    n, d = rows.value.shape
    columns = [j for j, _ in rows.joint]
    nothing = -np.inf, np.zeros(d), np.zeros((d, d))
    split = _split(mean, matrix, rows, columns)
    if split is None:
        return nothing
    residual = (rows.value[:, columns] - split.middle).T.ravel()
    try:
        lower = cholesky(_stacked(split.q, rows, columns), lower=True, check_finite=False)
    except np.linalg.LinAlgError:
        return nothing
    alpha = cho_solve((lower, True), residual, check_finite=False)
    found = float(np.sum(split.log_others)) - 0.5 * float(residual @ alpha)
    found -= float(np.sum(np.log(np.diag(lower)))) + 0.5 * len(residual) * LOG_TWO_PI
    inverse, _ = dpotri(lower, lower=1)
    inverse = inverse.reshape(len(columns), n, len(columns), n)
    a = alpha.reshape(len(columns), n).T
    b, along = np.empty((n, len(columns), len(columns))), np.arange(n)
    for j in range(len(columns)):
        for k in range(j + 1):  # below the diagonal of the inverse is all that was computed
            own = 0.5 * (a[:, j] * a[:, k] - inverse[j, along, k, along])
            b[:, j, k] = b[:, k, j] = own
    to_mean, to_matrix = np.zeros(d), np.zeros((d, d))
    to_mean[columns] += a.sum(axis=0)
    to_matrix[np.ix_(columns, columns)] += b.sum(axis=0)
    for group in split.groups:
        own, known, u, w = group.rows, group.known, group.u, group.w
        pull = np.einsum("ijk,ik->ij", w, a[own])
        to_mean[known] += (u - pull).sum(axis=0)
        wb = w @ b[own]
        to_both = 0.5 * (u.T @ a[own] - 2.0 * wb.sum(axis=0))
        to_matrix[np.ix_(known, columns)] += to_both
        to_matrix[np.ix_(columns, known)] += to_both.T
        mixed = pull.T @ u
        to_matrix[np.ix_(known, known)] += 0.5 * (
            u.T @ u - group.inverse.sum(axis=0) - mixed - mixed.T
        ) + np.einsum("ijk,ilk->jl", wb, w)
    return found, to_mean, to_matrix


def _factored(one: Line, rows: Rows, columns: list[int]) -> tuple[Split, np.ndarray, np.ndarray]:
    """The split of one draw, residuals of the columns' measured entries, row by row, and their factor."""
    split = _split(one.mean[0], one.matrix[0], rows, columns)
    assert split is not None
    n = len(rows.value)
    seen = (rows.kind[:, columns] == 0).ravel()
    residual = np.nan_to_num(rows.value[:, columns] - split.middle).ravel()[seen]
    by_row = np.arange(len(columns) * n).reshape(len(columns), n).T.ravel()[seen]
    whole = _stacked(split.q, rows, columns)[np.ix_(by_row, by_row)]
    return split, residual, cholesky(whole, lower=True)


def pointwise(one: Line, rows: Rows) -> np.ndarray:
    """Log density of each row given those before it, (n,); their sum is that of all."""
    columns = [j for j, _ in rows.joint]
    split, residual, lower = _factored(one, rows, columns)
    white = solve_triangular(lower, residual, lower=True)
    own = -0.5 * (white**2 + LOG_TWO_PI) - np.log(np.diag(lower))
    return np.asarray(split.log_others + own.reshape(len(rows.value), -1).sum(axis=1))


def _given_predictors(one: Line, rows: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows with a response; responses less their means given all measured predictors; their covariance."""
    d = rows.value.shape[1]
    measured = np.flatnonzero(rows.kind[:, -1] == 0)
    shared = [j for j, _ in rows.joint if j != d - 1]
    split = _split(one.mean[0], one.matrix[0], rows, [*shared, d - 1])
    assert split is not None
    n, k = len(rows.value), len(shared)
    whole = _stacked(split.q, rows, [*shared, d - 1])
    x, y = np.arange(k * n), k * n + measured
    residual = (rows.y - split.middle[:, -1])[measured]
    covariance = whole[np.ix_(y, y)]
    if k:
        lower = cholesky(whole[np.ix_(x, x)], lower=True)
        across = solve_triangular(lower, whole[np.ix_(x, y)], lower=True)
        away = (rows.value[:, shared] - split.middle[:, :-1]).T.ravel()
        residual = residual - across.T @ solve_triangular(lower, away, lower=True)
        covariance = covariance - across.T @ across
    return measured, residual, covariance


def log_response(one: Line, rows: Rows) -> np.ndarray:
    """Log density of each response given all predictors and the responses before it, (n,); 0 of none."""
    measured, residual, covariance = _given_predictors(one, rows)
    lower = cholesky(covariance, lower=True)
    white = solve_triangular(lower, residual, lower=True)
    found = np.zeros(len(rows.value))
    found[measured] = -0.5 * (white**2 + LOG_TWO_PI) - np.log(np.diag(lower))
    return found


def scores(one: Line, rows: Rows) -> np.ndarray:
    """Residuals made independent by the symmetric root of their covariance, (n,); nan without a response.

    Of all ways to make them independent that which leaves each nearest to its own point.
    """
    measured, residual, covariance = _given_predictors(one, rows)
    values, axes = eigh(covariance)
    found = np.full(len(rows.value), np.nan)
    found[measured] = axes @ ((axes.T @ residual) / np.sqrt(values))
    return found


def errors(rows: Rows, count: int, rng: np.random.Generator) -> np.ndarray:
    """Errors of all entries, own and joint ones: (count, n, d)."""
    n, d = rows.value.shape
    found = np.zeros((count, n, d))
    if rows.covariance.any():
        roots = square_roots(rows.covariance)
        found = np.einsum("nij,snj->sni", roots, rng.standard_normal((count, n, d)))
    for j, joint in rows.joint:
        found[:, :, j] += rng.standard_normal((count, n)) @ square_roots(joint[None])[0].T
    return found


def drawn(
    matrix: np.ndarray, rows: Rows, true: np.ndarray, error: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """True and observed values (n, d) of one draw given all measured entries, by kriging.

    `matrix` is the covariance of true values, `true` and `error` (n, d) are a draw of both as if nothing was known.
    """
    seen = (rows.kind == 0).ravel()
    n, d = rows.value.shape
    by_column = np.arange(n * d).reshape(d, n).T.ravel()[seen]
    whole = _stacked(matrix + rows.covariance, rows, list(range(d)))[np.ix_(by_column, by_column)]
    weight = np.zeros(n * d)
    residual = (rows.value - true - error).ravel()[seen]
    weight[seen] = cho_solve((cholesky(whole, lower=True), True), residual)
    weight = weight.reshape(n, d)
    true = true + weight @ matrix
    error = error + np.einsum("nij,nj->ni", rows.covariance, weight)
    for j, joint in rows.joint:
        error[:, j] += joint @ weight[:, j]
    observed = np.where(seen.reshape(n, d), rows.value, true + error)
    return true, observed
