"""Mixtures of Gaussians as values: density, moments, parts and draws, for one or many at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.priors import nearest

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Mixture", "covariance_factor"]


def covariance_factor(covariance: np.ndarray) -> np.ndarray:
    """Lower triangular factors of covariances (..., d, d) that may be singular by rounding."""
    try:
        return np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :]
        return np.swapaxes(np.linalg.qr(np.swapaxes(root, -1, -2), mode="r"), -1, -2)


@dataclass(frozen=True, eq=False, repr=False)
class Mixture:
    """One density for each of s draws, each a weighted sum of K Gaussians in d dimensions.

    Parameters
    ----------
    weight : (s, K) array
        Each row sums to one.
    mean : (s, K, d) array
    covariance : (s, K, d, d) array
    names : tuple of str, length d
    """

    weight: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray
    names: tuple[str, ...]

    @classmethod
    def of(cls, draws: xr.Dataset) -> Mixture:
        """From the weights, means and covariances of a posterior, one mixture a draw."""

        def values(name: str, *dims: str) -> np.ndarray:
            array = draws[name].transpose("chain", "draw", *dims).values
            return array.reshape(-1, *array.shape[2:])

        return cls(
            values("weight", "component"),
            values("mean", "component", "dimension"),
            values("covariance", "component", "dimension", "dimension_2"),
            tuple(draws["dimension"].values.tolist()),
        )

    def __repr__(self) -> str:
        draws, components = self.weight.shape
        return f"<Mixture of {components} Gaussians in {', '.join(self.names)}: {draws} draws>"

    def _positions(self, names: Any) -> list[int]:
        names = [names] if isinstance(names, str) else list(names)
        for name in names:
            if name not in self.names:
                raise ValueError(f"Unknown dimension {name!r}.{nearest(name, self.names)}")
        if len(set(names)) < len(names):
            raise ValueError(f"A dimension is named twice: {', '.join(names)}.")
        return [self.names.index(name) for name in names]

    def component_log_density(self, at: Any, noise: Any = None) -> np.ndarray:
        """Log density of each component, without its weight: (s, m, K).

        Parameters
        ----------
        at : (m, d) array
        noise : (m, d, d) array or None
            Covariance of the errors that the components are convolved with.
        """
        x = np.atleast_2d(np.asarray(at, dtype=float))
        if x.shape[-1] != len(self.names) or not np.isfinite(x).all():
            raise ValueError(
                f"Give finite points of shape (m, {len(self.names)}): {', '.join(self.names)}; "
                f"got shape {np.shape(at)}."
            )
        draws, components, d = self.mean.shape
        found = np.empty((draws, len(x), components))
        for s in range(draws):
            for k in range(components):
                residual = x - self.mean[s, k]
                if noise is None:
                    factor = np.linalg.cholesky(self.covariance[s, k])
                    z = np.linalg.solve(factor, residual.T)
                    log_det = 2 * np.log(np.diag(factor)).sum()
                else:
                    factor = np.linalg.cholesky(self.covariance[s, k] + noise)
                    z = np.linalg.solve(factor, residual[..., None])[..., 0].T
                    log_det = 2 * np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
                found[s, :, k] = -0.5 * (np.sum(z**2, axis=0) + log_det + d * np.log(2 * np.pi))
        return found

    def log_density(self, at: Any, noise: Any = None) -> np.ndarray:
        """Log density at points (m, d) for every draw, (s, m); with `noise`, of measured values."""
        from scipy.special import logsumexp

        with np.errstate(divide="ignore"):
            log_weight = np.log(self.weight)[:, None]
        return logsumexp(self.component_log_density(at, noise) + log_weight, axis=2)

    def total_mean(self) -> np.ndarray:
        """Mean of the whole density, (s, d)."""
        return np.einsum("sk,skd->sd", self.weight, self.mean)

    def total_covariance(self) -> np.ndarray:
        """Covariance of the whole density, (s, d, d)."""
        offset = self.mean - self.total_mean()[:, None]
        within = np.einsum("sk,skde->sde", self.weight, self.covariance)
        return within + np.einsum("sk,skd,ske->sde", self.weight, offset, offset)

    def entropy(self) -> np.ndarray:
        """Entropy of the weights in nats, (s,): its exponential counts the components in use."""
        safe = np.where(self.weight > 0, self.weight, 1.0)
        return -np.sum(self.weight * np.log(safe), axis=1)

    def marginal(self, names: Any) -> Mixture:
        """The density of some dimensions, in the given order."""
        at = self._positions(names)
        return Mixture(
            self.weight,
            self.mean[:, :, at],
            self.covariance[:, :, at][:, :, :, at],
            tuple(self.names[i] for i in at),
        )

    def condition(self, known: Mapping[str, float]) -> Mixture:
        """The density of the remaining dimensions, given values of some.

        With known dimensions b and remaining ones a, component k has the mean
        m_a + V_ab V_bb^-1 (x_b - m_b), the covariance V_aa - V_ab V_bb^-1 V_ba, and a weight
        proportional to its old one times N(x_b; m_b, V_bb).
        """
        at = self._positions(known)
        rest = [i for i in range(len(self.names)) if i not in at]
        if not at or not rest:
            raise ValueError(
                f"condition: give values of some of {', '.join(self.names)}, and leave some free."
            )
        value = np.array([float(known[self.names[i]]) for i in at])
        part = self.marginal([self.names[i] for i in at])
        with np.errstate(divide="ignore"):
            log_weight = np.log(self.weight) + part.component_log_density(value[None])[:, 0]
        log_weight -= log_weight.max(axis=1, keepdims=True)
        weight = np.exp(log_weight)
        cross = self.covariance[:, :, rest][:, :, :, at]
        gain = np.swapaxes(np.linalg.solve(part.covariance, np.swapaxes(cross, -1, -2)), -1, -2)
        mean = self.mean[:, :, rest] + np.einsum("skab,skb->ska", gain, value - part.mean)
        covariance = self.covariance[:, :, rest][:, :, :, rest] - gain @ np.swapaxes(cross, -1, -2)
        covariance = (covariance + np.swapaxes(covariance, -1, -2)) / 2
        names = tuple(self.names[i] for i in rest)
        return Mixture(weight / weight.sum(axis=1, keepdims=True), mean, covariance, names)

    def sample(self, n: int, seed: int | None = None) -> np.ndarray:
        """Draw n points from each density, (s, n, d)."""
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
            raise ValueError(f"sample: n={n!r} must be a whole number of at least 1.")
        rng = np.random.default_rng(seed)
        draws, _, d = self.mean.shape
        edges = np.cumsum(self.weight, axis=1)
        chosen = (rng.uniform(size=(draws, n, 1)) * edges[:, None, -1:] > edges[:, None]).sum(-1)
        factor = covariance_factor(self.covariance)
        rows = np.arange(draws)[:, None]
        noise = np.einsum("snde,sne->snd", factor[rows, chosen], rng.standard_normal((draws, n, d)))
        return self.mean[rows, chosen] + noise
