r"""A mean and a few components of spectra, without a posterior: principal components and their relatives.

Spectra are x_i = mean + sum_k z_ik v_k, and methods differ in what is least: sum (x - model)^2 after gaps
were filled with the pixel's mean ("pca", "ica", "nmf"), the same with gaps filled by the model until it
settles ("iterative-pca"), sum w (x - model)^2 ("weighted-pca"), or minus the likelihood of a Gaussian with
a noise of its own in each pixel ("factor-analysis"). Components are scaled so that coefficients of the
training spectra have a mean square of one. Those of new spectra are weighted least squares,

.. code-block:: text

    z = (V W V' + ridge)^-1 V W (x - mean),    W = diag(w), 0 in gaps

with w = 1, or 1 / error^2 for weights; with ridge = 1 and w = 1 / (error^2 + residual^2) they are the
posterior mean of factor analysis. "nmf" takes z >= 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["METHODS", "coefficients", "decomposed", "residual_width"]

METHODS = ("pca", "ica", "nmf", "factor-analysis", "iterative-pca", "weighted-pca")
RIDGE = 1e-12
"""Share of the diagonal of V W V' that is added, so that fewer pixels than components have an answer."""
MOST, SETTLED = 100, 1e-4
"""Iterations, and the relative change of the sum of squares (of what fills gaps) at which they end.

With more components than the spectra bear, gaps are filled ever worse as this goes on.
"""
EXACT = 1e-20  # of the variance: nothing is left
TINY = 1e-8  # of the spread of the fluxes: the smallest residual


def decomposed(
    method: str, flux: np.ndarray, error: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean (p,), components (k, p) and the residual's standard deviation (p,)."""
    middle = np.nanmean(flux, axis=0)
    scale = float(np.sqrt(np.nanmean((flux - middle) ** 2)))
    scaled, errors = flux / scale, error / scale
    start = np.nanmean(scaled, axis=0)
    filled = np.where(np.isnan(scaled), start, scaled)
    noise = np.ones(len(start))
    if method == "weighted-pca":
        mean, component = _weighted(scaled, _weights(method, scaled, errors, noise), filled, k)
    elif method == "iterative-pca":
        mean, component = _filling(scaled, filled, k)
    else:
        mean, component, noise = _by_scikit_learn(method, filled, k)
    stated = np.zeros_like(errors) if method == "factor-analysis" else errors  # its noise has them
    z = coefficients(method, scaled, stated, mean, component, noise)
    if method == "pca":
        mean, component, z = _principal(mean, component, z)
    if method != "factor-analysis":
        size = np.sqrt(np.mean(z**2, axis=0))
        size[size == 0] = 1.0
        component, z = component * size[:, None], z / size
    width = residual_width(scaled, errors, mean + z @ component, k)
    order = np.argsort(-np.sum(component**2, axis=1), kind="stable")
    component = component[order]
    if method != "nmf":
        largest = component[np.arange(k), np.argmax(np.abs(component), axis=1)]
        component = component * np.where(largest < 0, -1.0, 1.0)[:, None]
    return mean * scale, component * scale, width * scale


def coefficients(
    method: str,
    flux: np.ndarray,
    error: np.ndarray,
    mean: np.ndarray,
    component: np.ndarray,
    residual: np.ndarray,
) -> np.ndarray:
    """Coefficients (n, k) of spectra by their measured pixels."""
    if method == "nmf":
        return _not_negative(flux, component)
    weight = _weights(method, flux, error, residual)
    ridge = 1.0 if method == "factor-analysis" else 0.0
    return _least_squares(np.where(weight > 0, flux - mean, 0.0), weight, component, ridge)


def residual_width(
    flux: np.ndarray, error: np.ndarray, reconstruction: np.ndarray, k: int
) -> np.ndarray:
    """Standard deviation of each pixel beyond its stated errors: (p,).

    The most likely one of residuals N(0, error^2 + residual^2), whose squares are first divided by the
    share of the degrees of freedom that `k` coefficients and the components leave.
    """
    there = ~np.isnan(flux)
    rows, pixels = there.sum(axis=1), there.sum(axis=0)
    left = np.maximum(rows - k, 1)[:, None] / rows[:, None]
    left = left * (np.maximum(pixels - k - 1, 1) / pixels)
    square = np.where(there, (flux - reconstruction) ** 2 / left, 0.0)
    variance = np.where(there, error**2, 0.0)
    floor = (TINY * np.nanstd(flux)) ** 2
    found = np.maximum(square.sum(axis=0) / pixels, floor)
    if not variance.any():
        return np.sqrt(found)
    for _ in range(50):
        weight = np.where(there, 1 / (variance + found) ** 2, 0.0)
        new = (weight * (square - variance)).sum(axis=0) / weight.sum(axis=0)
        found = np.maximum(new, floor)
    return np.sqrt(found)


def _weights(method: str, flux: np.ndarray, error: np.ndarray, residual: Any) -> np.ndarray:
    """Weights of pixels (n, p), 0 in gaps."""
    there = ~np.isnan(flux)
    if method == "factor-analysis":
        return np.where(there, 1 / (np.where(there, error, 0.0) ** 2 + residual**2), 0.0)
    known = there & (error > 0)
    if method == "weighted-pca" and known.any():
        return np.where(known, 1 / np.where(known, error, 1.0) ** 2, 0.0)
    return there.astype(float)


def _least_squares(
    centred: np.ndarray, weight: np.ndarray, component: np.ndarray, ridge: float = 0.0
) -> np.ndarray:
    """Weighted least squares of every row on the components, (n, k); `centred` is 0 in gaps."""
    k = len(component)
    first, second = np.triu_indices(k)
    packed = weight @ (component[first] * component[second]).T
    matrix = np.empty((len(centred), k, k))
    matrix[:, first, second] = packed
    matrix[:, second, first] = packed
    diagonal = np.arange(k)
    own = matrix[:, diagonal, diagonal]
    matrix[:, diagonal, diagonal] = own * (1 + RIDGE) + ridge + (own == 0)
    return np.linalg.solve(matrix, ((weight * centred) @ component.T)[..., None])[..., 0]


def _not_negative(flux: np.ndarray, component: np.ndarray) -> np.ndarray:
    from scipy.optimize import nnls

    there = ~np.isnan(flux)
    found = [nnls(component[:, t].T, row[t])[0] for row, t in zip(flux, there, strict=True)]
    return np.array(found).reshape(len(flux), len(component))


def _principal(
    mean: np.ndarray, component: np.ndarray, z: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same reconstructions with coefficients that are centred and uncorrelated."""
    middle = z.mean(axis=0)
    left, first = np.linalg.qr(z - middle)
    right, second = np.linalg.qr(component.T)
    u, size, v = np.linalg.svd(first @ second.T)
    return mean + middle @ component, v @ right.T, left @ (u * size)


def _start(filled: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    mean = filled.mean(axis=0)
    return mean, np.linalg.svd(filled - mean, full_matrices=False)[2][:k]


def _weighted(
    flux: np.ndarray, weight: np.ndarray, filled: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted principal components by alternating least squares, the mean with them.

    Bailey 2012: coefficients given components, then components given coefficients.
    """
    mean, component = _start(filled, k)
    value = np.where(weight > 0, flux, 0.0)
    total, before = float(np.sum(weight * (value - mean) ** 2)), np.inf
    for _ in range(MOST):
        z = _least_squares(value - mean, weight, component)
        design = np.vstack([np.ones(len(z)), z.T])
        mean, *rest = _least_squares(value.T, weight.T, design).T
        component = np.array(rest)
        mean, component, z = _principal(mean, component, z)
        now = float(np.sum(weight * (value - mean - z @ component) ** 2))
        if now < EXACT * total or before - now < SETTLED * now:
            break
        before = now
    return mean, component


def _filling(flux: np.ndarray, filled: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Principal components of spectra whose gaps their own reconstruction fills (Connolly & Szalay 1999)."""
    gaps = np.isnan(flux)
    mean, component = _start(filled, k)
    weight, value = (~gaps).astype(float), np.where(gaps, 0.0, flux)
    for _ in range(MOST if gaps.any() else 0):
        z = _least_squares(np.where(gaps, 0.0, value - mean), weight, component)
        new = (mean + z @ component)[gaps]
        change = np.linalg.norm(new - filled[gaps])
        filled[gaps] = new
        mean, component = _leading(filled, component)
        if change < SETTLED * np.linalg.norm(new - mean.mean()):
            break
    return mean, component


def _leading(filled: np.ndarray, component: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and leading components of filled spectra, from those of the last time."""
    mean = filled.mean(axis=0)
    centred = filled - mean
    for _ in range(3):
        component = np.linalg.qr((component @ centred.T @ centred).T)[0].T
    return mean, component


def _by_scikit_learn(
    method: str, filled: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, components and variance in each pixel of scikit-learn's decompositions."""
    from sklearn import decomposition

    noise = np.ones(filled.shape[1])
    if method == "nmf":
        found = decomposition.NMF(k, init="nndsvda", max_iter=5000, random_state=0).fit(filled)
        return np.zeros(filled.shape[1]), found.components_, noise
    if method == "ica":
        found = decomposition.FastICA(
            k, whiten="unit-variance", max_iter=2000, tol=1e-3, random_state=0
        ).fit(filled)
        return found.mean_, found.mixing_.T, noise
    if method == "factor-analysis":
        found = decomposition.FactorAnalysis(k, max_iter=3000, tol=1e-3, random_state=0).fit(filled)
        return found.mean_, found.components_, np.sqrt(found.noise_variance_)
    found = decomposition.PCA(k, random_state=0).fit(filled)
    return found.mean_, found.components_, noise
