"""Extreme deconvolution written down point by point: slow, dense, and nothing else.

The equations of Bovy, Hogg & Roweis (2011, Annals of Applied Statistics 5, 1657; arXiv:0905.2979),
with what their code adds: weights of points, fixed parameters, and the regularization w. One point
is w_i = R_i v + noise of covariance S_i, with v of density sum_k alpha_k N(mean_k, covariance_k).
"""

import numpy as np
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

__all__ = ["em_step", "log_likelihood", "observed", "responsibilities"]


def observed(value, covariance, projection, i):
    """What was measured of point i: its values, covariance and rows of the projection.

    `covariance` has the shape (n, d, d), (d, d) for all points, or (n, d) for variances alone.
    """
    seen = ~np.isnan(value[i])
    size = value.shape[1]
    if np.shape(covariance) == (len(value), size, size):
        noise = covariance[i]
    elif np.shape(covariance) == (size, size):
        noise = covariance
    else:
        noise = np.diag(covariance[i])
    rows = np.eye(size) if projection is None else projection[i]
    return value[i][seen], noise[np.ix_(seen, seen)], rows[seen]


def _log_terms(value, covariance, projection, weight, mean, covariance_of_components):
    """ln alpha_k N(w_i; R_i mean_k, R_i V_k R_i' + S_i), shape (n, K)."""
    terms = np.empty((len(value), len(weight)))
    for i in range(len(value)):
        x, noise, rows = observed(value, covariance, projection, i)
        for k in range(len(weight)):
            with np.errstate(divide="ignore"):
                terms[i, k] = np.log(weight[k])
            if x.size:
                total = rows @ covariance_of_components[k] @ rows.T + noise
                # In units of each column's width: scipy takes what is 1e-10 of the rest for singular.
                width = np.sqrt(np.diag(total))
                off = (x - rows @ mean[k]) / width
                terms[i, k] += multivariate_normal.logpdf(off, cov=total / np.outer(width, width))
                terms[i, k] -= np.log(width).sum()
    return terms


def log_likelihood(value, covariance, projection, weight, mean, covariance_of_components):
    """Of each point, shape (n,); a point of which nothing was measured has 0."""
    terms = _log_terms(value, covariance, projection, weight, mean, covariance_of_components)
    return logsumexp(terms, axis=1)


def responsibilities(value, covariance, projection, weight, mean, covariance_of_components):
    """q_ik, the probability that point i belongs to component k; equation 16."""
    terms = _log_terms(value, covariance, projection, weight, mean, covariance_of_components)
    return np.exp(terms - logsumexp(terms, axis=1, keepdims=True))


def em_step(
    value,
    covariance,
    projection,
    weight,
    mean,
    covariance_of_components,
    *,
    regularization=0.0,
    point_weight=None,
    fixed_weight=None,
    fixed_mean=None,
    fixed_covariance=None,
):
    """New weight, mean and covariance of the components; the arguments stay as they are.

    Parameters
    ----------
    regularization : float
        w of the paper: V = (N_k V + w I) / (N_k + 1); 0 means none, hence V and not
        N_k V / (N_k + 1), as in the authors' code.
    point_weight : array_like, shape (n,), optional
        Factors of the responsibilities.
    fixed_weight, fixed_mean, fixed_covariance : array_like of bool, shape (K,), optional
        What keeps its value. Fixed weights keep theirs, and the others share what is left.
    """
    n, size = len(weight), mean.shape[1]
    fixed_weight, fixed_mean, fixed_covariance = (
        np.zeros(n, bool) if fixed is None else np.asarray(fixed, bool)
        for fixed in (fixed_weight, fixed_mean, fixed_covariance)
    )
    q = responsibilities(value, covariance, projection, weight, mean, covariance_of_components)
    if point_weight is not None:
        q = q * np.asarray(point_weight)[:, None]
    number = q.sum(axis=0)

    new_weight = np.array(weight, float)
    free = ~fixed_weight
    if free.any():
        new_weight[free] = number[free] / number[free].sum() * (1 - new_weight[fixed_weight].sum())

    new_mean = np.array(mean, float)
    new_covariance = np.array(covariance_of_components, float)
    for k in range(n):
        expected = np.empty((len(value), size))  # b_ik
        spread = np.empty((len(value), size, size))  # B_ik
        for i in range(len(value)):
            x, noise, rows = observed(value, covariance, projection, i)
            v = covariance_of_components[k]
            gain = v @ rows.T @ np.linalg.inv(rows @ v @ rows.T + noise)
            expected[i] = mean[k] + gain @ (x - rows @ mean[k])
            spread[i] = v - gain @ rows @ v
        if not fixed_mean[k]:
            new_mean[k] = q[:, k] @ expected / number[k]
        if not fixed_covariance[k]:
            off = expected - new_mean[k]  # a fixed mean stays the centre
            total = sum(q[i, k] * (np.outer(off[i], off[i]) + spread[i]) for i in range(len(value)))
            if regularization > 0:
                new_covariance[k] = (total + regularization * np.eye(size)) / (number[k] + 1)
            else:
                new_covariance[k] = total / number[k]
    return new_weight, new_mean, new_covariance
