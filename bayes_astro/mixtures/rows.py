"""Measured rows beside one Gaussian of true values, by plain linear algebra."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bayes_astro.data import Measurements

__all__ = ["Beside", "Rows"]


@dataclass(frozen=True)
class Beside:
    """Rows beside a Gaussian of true values with their errors, T_i = R_i V R_i' + S_i.

    ``z`` (n, columns): residuals of each column in its own ``sd``; ``distance`` (n,): the squared
    distance of Mahalanobis; ``log_density`` (n,). Columns that are missing count for nothing.
    """

    z: np.ndarray
    sd: np.ndarray
    distance: np.ndarray
    log_density: np.ndarray


@dataclass(frozen=True)
class Rows:
    """Some rows of measurements; where nothing was measured R is 0 and the error 1."""

    value: np.ndarray
    missing: np.ndarray
    projection: np.ndarray
    noise: np.ndarray

    @classmethod
    def of(cls, data: Measurements, rows: np.ndarray) -> Rows:
        """Those `rows` of `data`."""
        missing = data.missing[rows]
        unseen = missing[:, :, None] | missing[:, None]
        unit = missing[:, :, None] * np.eye(data.d)
        seen = np.broadcast_to(np.eye(data.d), (len(missing), data.d, data.d))
        if data.projection is not None:
            seen = data.projection[rows]
        return cls(
            np.where(missing, 0.0, data.value[rows]),
            missing,
            np.where(missing[:, :, None], 0.0, seen),
            np.where(unseen, 0.0, data.covariance[rows]) + unit,
        )

    @property
    def measured(self) -> np.ndarray:
        """Columns that were measured: (n,)."""
        return (~self.missing).sum(axis=1)

    def beside(self, mean: np.ndarray, covariance: np.ndarray) -> Beside:
        """The rows beside N(mean, covariance)."""
        seen = self.projection
        total = seen @ covariance @ np.swapaxes(seen, 1, 2) + self.noise
        sd = np.sqrt(np.diagonal(total, axis1=1, axis2=2))
        z = np.where(self.missing, 0.0, (self.value - seen @ mean) / sd)
        factor = np.linalg.cholesky(total / (sd[:, :, None] * sd[:, None]))
        distance = np.sum(np.linalg.solve(factor, z[..., None])[..., 0] ** 2, axis=1)
        size = np.sum(np.log(np.diagonal(factor, axis1=1, axis2=2)) + np.log(sd), axis=1)
        log_density = -0.5 * (distance + self.measured * np.log(2 * np.pi)) - size
        return Beside(z, sd, distance, log_density)
