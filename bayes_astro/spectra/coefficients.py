"""Coefficients of spectra given mean, components and noise: K x K solves for each spectrum."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from bayes_astro.likelihoods import factors

__all__ = ["Conditional", "Frame", "Pixels", "conditional", "packed", "unpacked"]

ONCE = 256  # spectra whose weights are held at a time
NONE = np.empty((0, 0))
PLAIN = np.ones((1, 1))


@dataclass(frozen=True)
class Pixels:
    """Fluxes and squares of stated errors, (n, p); 0 and infinity where nothing was measured."""

    x: np.ndarray
    variance: np.ndarray

    @classmethod
    def of(cls, data: Any) -> Pixels:
        """Of `ba.Spectra`."""
        missing = data.missing
        variance = np.where(missing, np.inf, data.error * data.error)
        return cls(np.where(missing, 0.0, data.flux), variance)

    @property
    def n(self) -> int:
        """Spectra."""
        return len(self.x)

    @property
    def p(self) -> int:
        """Pixels of each."""
        return self.x.shape[1]

    def parts(self, size: int = ONCE) -> Iterator[tuple[slice, Pixels]]:
        """Some spectra at a time."""
        for start in range(0, self.n, size):
            rows = slice(start, min(start + size, self.n))
            yield rows, Pixels(self.x[rows], self.variance[rows])


class Frame(NamedTuple):
    """What all spectra have in common.

    Parameters
    ----------
    mean : (p,) array
    loadings : (K, p) array
        Of coefficients that are unit normals.
    floor : (p,) array
        Variance beyond the stated errors.
    degrees : float
        Of freedom of the noise; infinity: normal.
    """

    mean: np.ndarray
    loadings: np.ndarray
    floor: np.ndarray
    degrees: float = np.inf


class Conditional(NamedTuple):
    """The Gaussian of each spectrum's coefficients: means (n, K), packed covariances; log densities."""

    mean: np.ndarray
    covariance: np.ndarray
    log_density: np.ndarray


def packed(k: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the entries of a packed symmetric matrix."""
    rows, columns = np.tril_indices(k)
    return rows, columns


def unpacked(entries: np.ndarray, k: int) -> np.ndarray:
    """Symmetric matrices (..., K, K) of packed ones."""
    rows, columns = packed(k)
    found = np.empty((*entries.shape[:-1], k, k))
    found[..., rows, columns] = entries
    found[..., columns, rows] = entries
    return found


def squares_of(loadings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Loadings by pixel (p, K), and their packed squares."""
    by_pixel = np.ascontiguousarray(loadings.T)
    k = by_pixel.shape[1]
    squares = np.empty((len(by_pixel), k * (k + 1) // 2))
    factors.packed_squares(by_pixel, squares)
    return by_pixel, squares


def conditional(
    pixels: Pixels, frame: Frame, scale: np.ndarray | None = None, unit: np.ndarray | None = None
) -> Conditional:
    """Coefficients given the frame, for normal noise whose variances may be divided by `scale` (n, p).

    With `unit`, normals (n, K), means are draws. Some spectra at a time, so that memory does not grow
    with them.
    """
    k = len(frame.loadings)
    by_pixel, squares = squares_of(frame.loadings)
    mean = np.empty((pixels.n, k))
    covariance = np.empty((pixels.n, k * (k + 1) // 2))
    log_density = np.empty(pixels.n)
    size = min(ONCE, pixels.n)
    weight, residual = np.empty((size, pixels.p)), np.empty((size, pixels.p))
    prior = np.ones((1, k))
    for rows, some in pixels.parts():
        w, r = weight[: some.n], residual[: some.n]
        own = PLAIN if scale is None else scale[rows]
        quadratic, logarithm = factors.weighted(
            some.x, some.variance, frame.mean, frame.floor, own, w, r
        )
        normals = NONE if unit is None else unit[rows]
        log_det, explained = factors.solved(
            w @ squares, r @ by_pixel, prior, normals, mean[rows], covariance[rows]
        )
        log_density[rows] = -0.5 * (quadratic - explained + log_det + logarithm)
    return Conditional(mean, covariance, log_density)
