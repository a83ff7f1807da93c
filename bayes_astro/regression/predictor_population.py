"""The Gaussian population of true predictors, and what a measurement says of one of them."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["cholesky", "overall", "square_roots", "vine_shape"]


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


def overall(
    weight: np.ndarray, mean: np.ndarray, width: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (..., p) of mixtures (..., k) and (..., k, p)."""
    centre = np.einsum("...k,...kp->...p", weight, mean)
    square = np.einsum("...k,...kp->...p", weight, width**2 + (mean - centre[..., None, :]) ** 2)
    return centre, np.sqrt(square)


def square_roots(covariance: np.ndarray) -> np.ndarray:
    """R with R R' = S for each S, singular ones too."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0))[..., None, :]
