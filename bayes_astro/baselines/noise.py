"""The scatter of residuals beyond their error bars, of which single outliers decide nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Noise"]

FREEDOM = (2.0, 4.0, 8.0, 16.0)
GAIN = 1.0  # of the log likelihood, that a tail must bring
LEAST = 1e-6  # of the residuals' spread


@dataclass(frozen=True)
class Noise:
    """Residuals about a relation as draws of a Student-t of scale (scatter^2 + variance)^(1/2).

    The scatter and the degrees of freedom with the highest likelihood; infinitely many, a normal, where
    fewer gain less than one nat (Akaike's criterion).
    """

    residual: np.ndarray
    variance: np.ndarray
    freedom: float
    scatter: float

    @classmethod
    def of(cls, residual: np.ndarray, variance: np.ndarray) -> Noise:
        """Both, of residuals (n,) with the variances of their errors."""
        tried = {freedom: _scatter(residual, variance, freedom) for freedom in (np.inf, *FREEDOM)}
        best = max(FREEDOM, key=lambda freedom: tried[freedom][1])
        freedom = best if tried[best][1] > tried[np.inf][1] + GAIN else np.inf
        return cls(residual, variance, freedom, tried[freedom][0])

    def take(self, rows: np.ndarray) -> Noise:
        """Of some residuals, with the same degrees of freedom."""
        residual, variance = self.residual[rows], self.variance[rows]
        return Noise(
            residual, variance, self.freedom, _scatter(residual, variance, self.freedom)[0]
        )

    @staticmethod
    def log_density(residual: np.ndarray, scale: np.ndarray, freedom: float) -> np.ndarray:
        """Of residuals about a relation."""
        from scipy import stats

        scale = np.maximum(scale, np.finfo(float).tiny)
        if np.isinf(freedom):
            return stats.norm.logpdf(residual, 0, scale)
        return stats.t.logpdf(residual, freedom, 0, scale)

    @staticmethod
    def draw(freedom: float, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """Deviates of unit scale."""
        normal = rng.standard_normal(shape)
        return normal if np.isinf(freedom) else rng.standard_t(freedom, shape)


def _scatter(residual: np.ndarray, variance: np.ndarray, freedom: float) -> tuple[float, float]:
    """The scatter with the highest likelihood, and the log likelihood there."""
    from scipy.optimize import minimize_scalar

    size = max(float(np.sqrt(np.mean(residual**2))), 1e-300)

    def loss(log_scatter: float) -> float:
        scale = np.sqrt(np.exp(2 * log_scatter) + variance)
        return -float(np.sum(Noise.log_density(residual, scale, freedom)))

    bounds = (np.log(LEAST * size), np.log(10 * size))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    at_zero = loss(bounds[0])
    if at_zero <= found.fun:
        return float(np.exp(bounds[0])), -at_zero
    return float(np.exp(found.x)), -float(found.fun)
