"""The Gaussian population of true predictors, and what a measurement says of one of them."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["cholesky", "latent", "log_normal", "square_roots", "vine_shape"]


def vine_shape(p: int) -> np.ndarray:
    """Beta shapes of the partial correlations that make a uniform prior over correlations.

    Lewandowski, Kurowicka & Joe (2009) with eta = 1: the k-th column's are Beta(a, a) on (-1, 1),
    a = 1 + (p - 2 - k) / 2.
    """
    return np.array([1 + (p - 2 - k) / 2 for j in range(1, p) for k in range(j)])


def cholesky(width: Any, partial: Any, p: int, sqrt: Any) -> list[list[Any]]:
    """Rows of diag(width) times the Cholesky factor of the correlation; NumPy or PyTensor."""
    rows = []
    at = 0
    for j in range(p):
        left: Any = 1.0
        row = []
        for _ in range(j):
            row.append(partial[at] * sqrt(left))
            left = left * (1 - partial[at] ** 2)
            at += 1
        row.append(sqrt(left) if j else 1.0)
        rows.append([width[j] * x for x in row] + [0.0 * width[j]] * (p - 1 - j))
    return rows


def log_normal(residual: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Log N(residual; 0, covariance) of every row."""
    factor = np.linalg.cholesky(covariance)
    white = np.linalg.solve(factor, residual[..., None])[..., 0]
    log_det = 2 * np.log(np.diagonal(factor, axis1=-2, axis2=-1)).sum(axis=-1)
    return -0.5 * (np.sum(white**2, axis=-1) + log_det + residual.shape[-1] * np.log(2 * np.pi))


def square_roots(covariance: np.ndarray) -> np.ndarray:
    """R with R R' = S for each S, singular ones too."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0))[..., None, :]


def latent(
    x: np.ndarray,
    noise: np.ndarray,
    mean: np.ndarray,
    factor: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """One true x and one error of y for each draw, given one measured x.

    With T the population's covariance and S_x that of the measurement: x_true given x is Gaussian
    with mean mu + T (T + S_x)^-1 (x - mu) and covariance T - T (T + S_x)^-1 T; the error of x is
    then known, and the error of y given it is Gaussian too.
    """
    p = len(x)
    population = factor @ factor.transpose(0, 2, 1)
    shrink = population @ np.linalg.inv(population + noise[:p, :p])
    centre = mean + np.einsum("spq,sq->sp", shrink, x - mean)
    spread = square_roots(population - shrink @ population)
    true = centre + np.einsum("spq,sq->sp", spread, rng.standard_normal(centre.shape))
    along = noise[p, :p] @ np.linalg.pinv(noise[:p, :p], hermitian=True)
    variance = max(noise[p, p] - along @ noise[:p, p], 0.0)
    error = (x - true) @ along + np.sqrt(variance) * rng.standard_normal(len(centre))
    return true, error
