"""Parameters of a mixture as one unconstrained vector, with the Jacobian between them.

Free weights are a softmax of logarithms that sum to zero (PyMC's simplex transform), means are
themselves, and a covariance V = L L' is the lower triangle of L by rows, with logarithms on the
diagonal. All in the scaled coordinates of the kernel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Layout", "Parameters"]


@dataclass(frozen=True)
class Parameters:
    """A mixture in scaled coordinates: weights (K,), means (K, d), covariances (K, d, d).

    ``background`` is the weight of the uniform component, beside those of the K Gaussians.
    """

    weight: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray
    background: float = 0.0

    @property
    def shares(self) -> np.ndarray:
        """All weights, that of a uniform component last."""
        return np.append(self.weight, self.background)


@dataclass(frozen=True)
class Layout:
    """Which parameters are free, and their places in a flat vector.

    Attributes
    ----------
    fixed_weight : (K + uniform,) array
        nan where free.
    fixed_mean : (K, d) array
        nan rows where free; scaled.
    fixed_covariance : (K, d, d) array
        The same.
    uniform : bool
        Whether there is a uniform component beside the Gaussians.
    """

    fixed_weight: np.ndarray
    fixed_mean: np.ndarray
    fixed_covariance: np.ndarray
    uniform: bool = False

    @property
    def components(self) -> int:
        """Number of Gaussians."""
        return len(self.fixed_mean)

    @property
    def d(self) -> int:
        """Dimension of the true values."""
        return self.fixed_mean.shape[1]

    @property
    def free_weight(self) -> np.ndarray:
        """Positions of free weights."""
        return np.flatnonzero(np.isnan(self.fixed_weight))

    @property
    def free_mean(self) -> np.ndarray:
        """Components with a free mean."""
        return np.flatnonzero(np.isnan(self.fixed_mean).any(axis=1))

    @property
    def free_covariance(self) -> np.ndarray:
        """Components with a free covariance."""
        return np.flatnonzero(np.isnan(self.fixed_covariance).any(axis=(1, 2)))

    @property
    def remainder(self) -> float:
        """What fixed weights leave to the free ones."""
        return float(1 - np.nansum(self.fixed_weight))

    @property
    def triangle(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the lower triangle, row by row."""
        return np.tril_indices(self.d)

    @property
    def size(self) -> int:
        """Length of the flat vector."""
        entries = self.d * (self.d + 1) // 2
        return (
            max(0, len(self.free_weight) - 1)
            + len(self.free_mean) * self.d
            + len(self.free_covariance) * entries
        )

    def shares(self, free: np.ndarray) -> np.ndarray:
        """All weights from those of the free ones among each other, (..., F)."""
        if len(self.free_weight) == 1:  # all there is, without the rounding of a draw of one share
            free = np.ones_like(free)
        shape = (*free.shape[:-1], len(self.fixed_weight))
        shares = np.broadcast_to(self.fixed_weight, shape).copy()
        shares[..., self.free_weight] = self.remainder * free
        return shares

    def flat(self, parameters: Parameters) -> np.ndarray:
        """The vector of `parameters`; weights of nothing are taken as very small."""
        shares = np.maximum(parameters.shares[: len(self.fixed_weight)][self.free_weight], 1e-300)
        logarithm = np.log(shares)
        logarithm = (logarithm - logarithm.mean())[:-1] if len(logarithm) else logarithm
        factor = np.linalg.cholesky(parameters.covariance[self.free_covariance])
        return np.concatenate(
            [logarithm, parameters.mean[self.free_mean].ravel(), self.triangles(factor).ravel()]
        )

    def triangles(self, factor: np.ndarray) -> np.ndarray:
        """Lower triangles by rows with logarithms on the diagonal, (..., d(d+1)/2)."""
        rows, columns = self.triangle
        entries = factor[..., rows, columns].copy()
        entries[..., rows == columns] = np.log(entries[..., rows == columns])
        return entries

    def factors(self, entries: np.ndarray) -> np.ndarray:
        """The inverse of `triangles`."""
        rows, columns = self.triangle
        factor = np.zeros((*entries.shape[:-1], self.d, self.d))
        diagonal = rows == columns
        factor[..., rows, columns] = np.where(
            diagonal, np.exp(np.where(diagonal, entries, 0.0)), entries
        )
        return factor

    def split(self, flat: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Free weights among each other (F,), free means, factors of the free covariances."""
        f, m, c = len(self.free_weight), len(self.free_mean), len(self.free_covariance)
        at = max(0, f - 1)
        logarithm = np.append(flat[:at], -flat[:at].sum())[:f]
        share = np.exp(logarithm - logarithm.max()) if f else logarithm
        share = share / share.sum() if f else share
        mean = flat[at : at + m * self.d].reshape(m, self.d)
        entries = flat[at + m * self.d :].reshape(c, -1) if c else np.zeros((0, 1))
        factor = self.factors(entries) if c else np.zeros((0, self.d, self.d))
        return share, mean, factor

    def parameters(self, flat: np.ndarray) -> Parameters:
        """The mixture at a flat vector."""
        share, mean, factor = self.split(flat)
        shares = self.shares(share)
        means, covariances = self.fixed_mean.copy(), self.fixed_covariance.copy()
        means[self.free_mean] = mean
        covariances[self.free_covariance] = factor @ np.swapaxes(factor, -1, -2)
        background = float(shares[-1]) if self.uniform else 0.0
        return Parameters(shares[: self.components], means, covariances, background)
