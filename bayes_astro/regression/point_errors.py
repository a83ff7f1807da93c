"""Errors of a response, correlated between points or not, and what they make of residuals.

The errors of n points have the covariance C = diag(error^2) + point_covariance, to which an intrinsic
scatter adds s^2. With C = Q diag(v) Q' every C + s^2 is diagonal in the same axes, so that one
eigendecomposition serves all values of s. Parameters in which the mean is linear, with columns A (n, k)
and a normal prior of widths W, are integrated out: their columns add A W^2 A' (Woodbury),

.. code-block:: text

    log N(r; 0, C + s^2 + A W^2 A') = -1/2 [r'D r - h'G^-1 h - log|D| + log|G| + 2 log|W| + n log 2 pi]
    D = (C + s^2)^-1,     G = W^-2 + A'D A,     h = A'D r;      given r they are N(G^-1 h, G^-1)

Without a scatter all but r is known beforehand: the density and its slopes are one product with a
symmetric matrix, r'P r, which takes as long as to solve a triangular system.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from bayes_astro.data import Measurements

__all__ = ["PointErrors", "of_residuals"]

LOG_TWO_PI = float(np.log(2 * np.pi))


def of_residuals(
    residual: np.ndarray, variance: np.ndarray, degrees: float | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Any]:
    """Log densities of residuals, normal or Student's t of that squared scale, and their slopes.

    Minus the slope with the residual, those with the squared scale and the degrees of freedom, each in the
    shape of `residual` (the last one 0 of normals, whose degrees are None).
    """
    ratio = residual**2 / variance
    if degrees is None:
        log = -0.5 * (ratio + np.log(variance) + LOG_TWO_PI)
        return log, residual / variance, 0.5 * (ratio - 1) / variance, 0.0
    from scipy.special import digamma, gammaln

    bent, half = np.log1p(ratio / degrees), 0.5 * (degrees + 1)
    constant = float(gammaln(half) - gammaln(degrees / 2) - 0.5 * np.log(degrees * np.pi))
    log = constant - 0.5 * np.log(variance) - half * bent
    weight = (degrees + 1) / (degrees + ratio)
    tail = float(digamma(half) - digamma(degrees / 2)) - 1 / degrees
    by_degrees = 0.5 * (tail - bent + weight * ratio / degrees)
    return log, weight * residual / variance, 0.5 * (weight * ratio - 1) / variance, by_degrees


class PointErrors:
    """Of one column of a table.

    Parameters
    ----------
    data : Measurements
    response : str
    columns : array (n, k), optional
        Of parameters that are integrated out.
    width : array (k,), optional
        Standard deviations of their normal priors.
    """

    def __init__(
        self,
        data: Measurements,
        response: str,
        columns: np.ndarray | None = None,
        width: np.ndarray | None = None,
    ) -> None:
        place = data.index(response)
        self.response = response
        self.variance = np.array(data.covariance[:, place, place])
        self.joint = (data.point_covariance or {}).get(response)
        self.columns = np.zeros((len(data), 0)) if columns is None else columns
        self.width = np.zeros(0) if width is None else width

    @property
    def diagonal(self) -> np.ndarray:
        """Variances of the points, those of `joint` added: (n,)."""
        return self.variance if self.joint is None else self.variance + np.diag(self.joint)

    @cached_property
    def covariance(self) -> np.ndarray:
        """C (n, n) of points that are correlated."""
        assert self.joint is not None
        return np.asarray(self.joint + np.diag(self.variance))

    @cached_property
    def factor(self) -> np.ndarray:
        """Lower Cholesky factor of C; ValueError where it has none."""
        try:
            return np.linalg.cholesky(self.covariance)
        except np.linalg.LinAlgError:
            raise ValueError(
                f"the covariance of {self.response!r}, point_covariance and the squares of its errors, is "
                "singular: some combination of points has no error at all. Give the points' own errors, or "
                "fit with scatter=True."
            ) from None

    @cached_property
    def axes(self) -> tuple[np.ndarray, np.ndarray]:
        """Variances v (n,) along the axes Q (n, n)."""
        from scipy.linalg import eigh

        values, vectors = eigh(self.covariance)
        return np.maximum(values, 0.0), vectors

    # The density ------------------------------------------------------------------------------

    @cached_property
    def _fixed(self) -> tuple[np.ndarray, float]:
        """P, in the order of Fortran, and the constant of a density without scatter."""
        from scipy.linalg.lapack import dpotri

        lower = np.asfortranarray(self.factor)
        inverse, _ = dpotri(lower, lower=1)
        inverse = np.tril(inverse) + np.tril(inverse, -1).T
        constant = -0.5 * len(lower) * LOG_TWO_PI - np.sum(np.log(np.diag(lower)))
        if self.columns.shape[1]:
            across = inverse @ self.columns
            inner = np.diag(self.width**-2) + self.columns.T @ across
            inverse = inverse - across @ np.linalg.solve(inner, across.T)
            constant -= 0.5 * np.linalg.slogdet(inner)[1] + np.sum(np.log(self.width))
        return np.asfortranarray(inverse), float(constant)

    def density(
        self, residual: np.ndarray, scatter: float | None
    ) -> tuple[float, np.ndarray, float]:
        """Log density of residuals (n,), minus its slopes with them, and its slope with the scatter."""
        if self.joint is not None and scatter is None:
            from scipy.linalg.blas import dsymv

            inverse, constant = self._fixed
            toward = dsymv(1.0, inverse, residual, lower=1)
            return constant - 0.5 * float(residual @ toward), toward, 0.0
        s = scatter or 0.0
        if self.joint is None:
            found, toward, slope = self._along(residual, self.columns, self.variance, s)
            return found, toward, slope
        variance, axes = self.axes
        found, turned, slope = self._along(residual @ axes, self._turned, variance, s)
        return found, axes @ turned, slope

    @cached_property
    def _turned(self) -> np.ndarray:
        return self.axes[1].T @ self.columns

    def _along(
        self, residual: np.ndarray, columns: np.ndarray, variance: np.ndarray, s: float
    ) -> tuple[float, np.ndarray, float]:
        """Along axes in which C is diagonal."""
        precision = 1 / (variance + s * s)
        toward = precision * residual
        total = len(residual) * LOG_TWO_PI - np.sum(np.log(precision))
        trace = np.sum(precision)
        if columns.shape[1]:
            weighted = precision[:, None] * columns
            inner = np.diag(self.width**-2) + columns.T @ weighted
            solved = np.linalg.solve(inner, weighted.T)
            toward = toward - weighted @ (solved @ residual)
            total += np.linalg.slogdet(inner)[1] + 2 * np.sum(np.log(self.width))
            trace -= np.sum(solved * weighted.T)
        total += residual @ toward
        return -0.5 * float(total), toward, float(s * (toward @ toward - trace))

    # What was integrated out ------------------------------------------------------------------

    def conditional(self, residual: np.ndarray, scatter: Any) -> tuple[np.ndarray, np.ndarray]:
        """Means (m, k) and covariances (m, k, k) of the linear parameters, less their prior means.

        Residuals (m, n) at their prior means; scatters (m,) or None.
        """
        prior = np.diag(self.width**-2)
        if scatter is None and self.joint is not None:
            across = self._solved(self.columns)
            inverse = np.linalg.inv(prior + self.columns.T @ across)
            return residual @ across @ inverse, np.broadcast_to(
                inverse, (len(residual), *inverse.shape)
            )
        square = np.zeros(len(residual)) if scatter is None else np.asarray(scatter) ** 2
        if self.joint is None:
            variance, columns = self.variance, self.columns
        else:
            (variance, axes), columns = self.axes, self._turned
            residual = residual @ axes
        precision = 1 / (variance + square[:, None])
        inner = prior + np.einsum("mn,nj,nk->mjk", precision, columns, columns, optimize=True)
        inverse = np.linalg.inv(inner)
        return np.einsum("mjk,mk->mj", inverse, (precision * residual) @ columns), inverse

    def _solved(self, right: np.ndarray) -> np.ndarray:
        from scipy.linalg import cho_solve

        return np.asarray(cho_solve((self.factor, True), right))

    # Residuals of many draws ------------------------------------------------------------------

    def scores(self, residual: np.ndarray, scatter: np.ndarray | None) -> np.ndarray:
        """Residuals (s, n) in units of their standard deviation, independent of each other.

        Correlated ones times C^-1/2, the symmetric root: of all ways to make them independent that which
        leaves each nearest to its own point.
        """
        square = np.zeros((len(residual), 1)) if scatter is None else scatter[:, None] ** 2
        if self.joint is None:
            return np.asarray(residual / np.sqrt(self.variance + square))
        variance, axes = self.axes
        return np.asarray(((residual @ axes) / np.sqrt(variance + square)) @ axes.T)

    def log_densities(self, residual: np.ndarray, scatter: np.ndarray | None) -> np.ndarray:
        """Log density of each residual given those of the rows before it: (s, n); their sum is that of all."""
        from scipy.linalg import solve_triangular

        if self.joint is None:
            square = 0.0 if scatter is None else scatter[:, None] ** 2
            total = self.variance + square
            return np.asarray(-0.5 * (residual**2 / total + np.log(total) + LOG_TWO_PI))
        found = np.empty_like(residual)
        if scatter is None:
            white = solve_triangular(self.factor, residual.T, lower=True).T
            found[:] = -0.5 * (white**2 + LOG_TWO_PI) - np.log(np.diag(self.factor))
            return found
        for row, one, s in zip(found, residual, scatter, strict=True):
            factor = np.linalg.cholesky(self.covariance + s * s * np.eye(len(one)))
            white = solve_triangular(factor, one, lower=True)
            row[:] = -0.5 * (white**2 + LOG_TWO_PI) - np.log(np.diag(factor))
        return found

    def draw(
        self, shape: tuple[int, int], scatter: np.ndarray | None, rng: np.random.Generator
    ) -> np.ndarray:
        """Errors and scatter of `shape` (s, n)."""
        unit = rng.standard_normal(shape)
        square = np.zeros((shape[0], 1)) if scatter is None else scatter[:, None] ** 2
        if self.joint is None:
            return np.asarray(np.sqrt(self.variance + square) * unit)
        variance, axes = self.axes
        return np.asarray((np.sqrt(variance + square) * unit) @ axes.T)

    def whitened(self, columns: np.ndarray, floor: float = 0.0) -> np.ndarray:
        """Columns (n, ...) times a root of C^-1, a variance `floor` added to C."""
        from scipy.linalg import solve_triangular

        if self.joint is None:
            weight = 1 / np.sqrt(self.variance + floor)
            return np.asarray((columns.T * weight).T)
        factor = self.factor
        if floor:
            factor = np.linalg.cholesky(self.covariance + floor * np.eye(len(columns)))
        return np.asarray(solve_triangular(factor, columns, lower=True))
