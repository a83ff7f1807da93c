"""Densities of redshift given photometry, as values: a mixture, or several that are averaged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.data import Photometry
from bayes_astro.data.photometry_columns import LARGEST_REDSHIFT, LEAST_REDSHIFT
from bayes_astro.likelihoods import redshift_density as kernels
from bayes_astro.likelihoods import redshift_draws
from bayes_astro.likelihoods.conditional_mixture import in_patterns
from bayes_astro.mixtures.features import features, matched
from bayes_astro.mixtures.mixture import covariance_factor

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["QUANTILES", "RedshiftDensity"]

QUANTILES = (0.025, 0.16, 0.5, 0.84, 0.975)


@dataclass(frozen=True, eq=False, repr=False)
class RedshiftDensity:
    """g joint mixtures of magnitudes and log(1 + z), with what turns photometry into magnitudes.

    Parameters
    ----------
    bands : tuple of str, length m
    unit : str
        Of the fluxes.
    transform : {"asinh", "log"}
    softening : (m,) array
    error_scale : (m,) array
        What the published errors are multiplied with.
    weight : (g, K) array
    mean : (g, K, m + 1) array
    covariance : (g, K, m + 1, m + 1) array
        Of the magnitudes with the common error in it, but without those of the objects.
    """

    bands: tuple[str, ...]
    unit: str
    transform: str
    softening: np.ndarray
    error_scale: np.ndarray
    weight: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray

    @classmethod
    def of(
        cls, draws: xr.Dataset, fitted: Photometry, transform: str, rows: Any = slice(None)
    ) -> RedshiftDensity:
        """From draws of a posterior (chain, draw, ...), each of them a mixture; some `rows` of them."""

        def values(name: str) -> np.ndarray:
            array = draws[name].transpose("chain", "draw", ...).values
            return array.reshape(-1, *array.shape[2:])[rows]

        m = len(fitted.bands)
        covariance = values("covariance").copy()
        covariance[:, :, :m, :m] += values("common_error")[:, None, None, None] ** 2
        return cls(
            fitted.bands,
            fitted.unit or "",
            transform,
            values("softening")[0],
            values("error_scale")[0],
            values("weight"),
            values("mean"),
            covariance,
        )

    @property
    def limit(self) -> float:
        """The smallest log(1 + z)."""
        return float(np.log1p(LEAST_REDSHIFT))

    def __getitem__(self, rows: Any) -> RedshiftDensity:
        """Some of the mixtures."""
        return RedshiftDensity(
            self.bands, self.unit, self.transform, self.softening, self.error_scale,
            self.weight[rows], self.mean[rows], self.covariance[rows],
        )  # fmt: skip

    def _of(self, photometry: Photometry) -> tuple[Any, ...]:
        value, error = features(
            matched(photometry, self.bands, self.unit), self.softening, self.transform
        )
        return self.arguments(value, (self.error_scale * error) ** 2)

    def arguments(self, value: np.ndarray, variance: np.ndarray) -> tuple[Any, ...]:
        """What all kernels take first, of magnitudes and the variances of their errors."""
        g, k, d = self.mean.shape
        return (
            value,
            variance,
            *in_patterns(np.isnan(value)),
            np.ascontiguousarray(self.weight.reshape(g * k)),
            np.ascontiguousarray(self.mean.reshape(g * k, d)),
            np.ascontiguousarray(self.covariance.reshape(g * k, d, d)),
            np.arange(g + 1) * k,
            self.limit,
        )

    def summaries(self, photometry: Photometry, components: int) -> tuple[np.ndarray, np.ndarray]:
        """Mode, mean, log evidence, its expectation and `QUANTILES`; the largest components."""
        out = np.empty((len(photometry), 4 + len(QUANTILES)))
        top = np.empty((len(photometry), components, 3), dtype=np.float32)
        from scipy.special import ndtri

        quantiles = np.array(QUANTILES)
        kernels.summaries(*self._of(photometry), quantiles, ndtri(quantiles), out, top)
        return out, top

    def on_grid(self, photometry: Photometry, z: np.ndarray) -> np.ndarray:
        """p(z) at increasing redshifts: (objects, z)."""
        out = np.empty((len(photometry), len(z)))
        kernels.density(*self._of(photometry), np.log1p(z), out)
        return out

    def in_bins(self, photometry: Photometry, edges: np.ndarray) -> np.ndarray:
        """Probabilities of redshift bins by each mixture: (g, objects, bins)."""
        out = np.empty((len(self.weight), len(photometry), len(edges) - 1))
        kernels.bins(*self._of(photometry), np.log1p(edges), out)
        return out

    def at(self, photometry: Photometry, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log density and probability below one redshift for each object, of each mixture.

        Of a redshift that is not known, nan, both are nan.
        """
        log_density, below, _ = self.everything_at(photometry, z)
        unknown = np.isnan(z)
        log_density[:, unknown] = below[:, unknown] = np.nan
        return log_density, below

    def everything_at(
        self, photometry: Photometry, z: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The same with the log evidence of each mixture, and what is expected of it."""
        g, n = len(self.weight), len(photometry)
        log_density, below, evidence = np.empty((g, n)), np.empty((g, n)), np.empty((g + 1, n))
        kernels.densities_at(*self._of(photometry), np.log1p(z), log_density, below, evidence)
        return log_density, below, evidence

    def draws(self, photometry: Photometry, mixture: np.ndarray, seed: int) -> np.ndarray:
        """Redshifts (draws, objects), each draw from the mixture of that number."""
        out = np.empty((len(mixture), len(photometry)))
        redshift_draws.draws(*self._of(photometry), np.asarray(mixture, dtype=np.int64), seed, out)
        return out

    def simulate(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Magnitudes without errors of n new objects, (n, m), and their redshifts, (n,).

        log(1 + z) is drawn first, between the smallest and the largest redshift that there can be,
        and the magnitudes given it.
        """
        from scipy.special import ndtr, ndtri

        which = rng.integers(len(self.weight), size=n)
        centre, width = self.mean[..., -1], np.sqrt(self.covariance[..., -1, -1])
        low, high = (ndtr((t - centre) / width) for t in (self.limit, np.log1p(LARGEST_REDSHIFT)))
        edges = np.cumsum(self.weight * np.maximum(high - low, 1e-300), axis=1)[which]
        chosen = (rng.uniform(size=(n, 1)) * edges[:, -1:] > edges).sum(axis=1)
        at = (which, np.minimum(chosen, edges.shape[1] - 1))
        u = low[at] + (high - low)[at] * rng.uniform(size=n)
        t = np.clip(centre[at] + width[at] * ndtri(u), self.limit, np.log1p(LARGEST_REDSHIFT))
        mean, covariance = self.mean[at], self.covariance[at]
        slope = covariance[:, :-1, -1] / covariance[:, -1:, -1]
        left = covariance[:, :-1, :-1] - slope[:, :, None] * covariance[:, None, -1, :-1]
        noise = covariance_factor(left) @ rng.standard_normal((n, mean.shape[1] - 1, 1))
        magnitude = mean[:, :-1] + slope * (t - mean[:, -1])[:, None] + noise[..., 0]
        return magnitude, np.expm1(t)
