"""Coefficients under Student's t noise: by iterated weights, and by turns."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln, ndtri
from scipy.stats import t

from bayes_astro.likelihoods import factors
from bayes_astro.spectra.coefficients import Conditional, Frame, Pixels, conditional, unpacked

__all__ = ["drawn", "laplace", "log_student", "normal_scores", "settled"]

STEPS = 12
TURNS = 4


def log_student(q: np.ndarray, nu: float) -> np.ndarray:
    """Log density of Student's t of unit width at values whose squares are `q`."""
    constant = gammaln(0.5 * (nu + 1)) - gammaln(0.5 * nu) - 0.5 * np.log(np.pi * nu)
    return constant - 0.5 * (nu + 1) * np.log1p(q / nu)


def normal_scores(left: np.ndarray, degrees: float) -> np.ndarray:
    """Values of Student's t as unit normals of the same probability; those of a normal as they are."""
    if not np.isfinite(degrees):
        return left
    tail = np.asarray(t.logsf(np.abs(left), degrees), dtype=float)
    return -np.sign(left) * ndtri(np.exp(tail))


def _precisions(pixels: Pixels, frame: Frame, z: np.ndarray) -> np.ndarray:
    v = pixels.variance + frame.floor
    left = pixels.x - frame.mean - z @ frame.loadings
    return (frame.degrees + 1) / (frame.degrees + left**2 / v)


def settled(pixels: Pixels, frame: Frame, steps: int = STEPS) -> np.ndarray:
    """Precisions (n, p) at the mode of each spectrum's coefficients (iterated weights)."""
    scale = np.ones(pixels.x.shape)
    for _ in range(steps):
        scale = _precisions(pixels, frame, conditional(pixels, frame, scale).mean)
    return scale


def laplace(pixels: Pixels, frame: Frame) -> Conditional:
    """Coefficients at their mode, the curvature there, and the log densities by Laplace's method.

    As good as a spectrum has many pixels for each coefficient.
    """
    scale = settled(pixels, frame)
    about = conditional(pixels, frame, scale)
    k, nu = len(frame.loadings), frame.degrees
    v = pixels.variance + frame.floor
    left = pixels.x - frame.mean - about.mean @ frame.loadings
    q = left**2 / v
    known = np.isfinite(v)
    width = np.where(known, v, 1.0)
    each = np.where(known, log_student(q, nu) - 0.5 * np.log(width), 0.0)
    bend = (nu + 1) * (nu - q) / (nu + q) ** 2 / v
    expected = (nu + 1) / (nu + 3) / v
    rows, columns = np.tril_indices(k)
    squares = frame.loadings[rows] * frame.loadings[columns]
    one = np.eye(k)
    matrix = one + unpacked(bend @ squares.T, k)
    poor = np.linalg.eigvalsh(matrix)[:, 0] <= 0.1
    matrix[poor] = one + unpacked(expected[poor] @ squares.T, k)
    log_det = np.linalg.slogdet(matrix)[1]
    inverse = np.linalg.inv(matrix)
    value = each.sum(axis=1) - 0.5 * np.sum(about.mean**2, axis=1) - 0.5 * log_det
    return Conditional(about.mean, inverse[:, rows, columns], value)


def drawn(pixels: Pixels, frame: Frame, rng: np.random.Generator) -> tuple[np.ndarray, Conditional]:
    """Draws of coefficients (n, K), and their Gaussian: exact for normal noise, else some turns."""
    k = len(frame.loadings)
    if not np.isfinite(frame.degrees):
        about = conditional(pixels, frame)
        return _draw(about, k, rng), about
    about = laplace(pixels, frame)
    z = _draw(about, k, rng)
    scale = np.ones(pixels.x.shape)
    for _ in range(TURNS):
        left = pixels.x - frame.mean - z @ frame.loadings
        factors.draw_precisions(rng, left, pixels.variance, frame.floor, frame.degrees, scale)
        z = conditional(pixels, frame, scale, rng.standard_normal(z.shape)).mean
    return z, about


def _draw(about: Conditional, k: int, rng: np.random.Generator) -> np.ndarray:
    factor = np.linalg.cholesky(unpacked(about.covariance, k))
    return about.mean + np.einsum("nkl,nl->nk", factor, rng.standard_normal(about.mean.shape))
