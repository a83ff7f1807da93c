"""What draws of a line say of points: their densities, normal scores, and new ones.

All functions take draws of the task's variables, dims (chain, draw, ...), and work on the draws in
one row, (s, ...); predictors x (n, p), response y (n,), and the covariance of a measurement
(n, p + 1, p + 1) with the response last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bayes_astro.regression import predictor_population

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["draw_responses", "log_densities", "log_predictors", "normal_scores", "simulate"]


class Lines(NamedTuple):
    """Parameters of s draws, as the kernel takes them."""

    centre: np.ndarray
    slope: np.ndarray
    scatter: np.ndarray
    mean: np.ndarray
    cholesky: np.ndarray
    outlier_mean: np.ndarray
    outlier_scatter: np.ndarray
    fraction: np.ndarray


def lines_of(draws: xr.Dataset) -> Lines:
    """Stack the chains; what a model does not have is zero."""
    stacked = draws.stack(sample=("chain", "draw"))
    count = stacked.sizes["sample"]

    def column(name: str) -> np.ndarray:
        if name not in stacked:
            return np.zeros(count)
        return np.ascontiguousarray(stacked[name].transpose("sample", ...).values, dtype=float)

    width = column("predictor_width")
    partial = column("partial_correlation") if "partial_correlation" in stacked else None
    rows = predictor_population.cholesky(
        width.T, None if partial is None else partial.T, width.shape[1], np.sqrt
    )
    factor = np.array([[np.broadcast_to(x, count) for x in row] for row in rows])
    return Lines(
        column("response_mean"),
        column("slope"),
        column("scatter"),
        column("predictor_mean"),
        np.ascontiguousarray(factor.transpose(2, 0, 1)),
        column("outlier_mean"),
        column("outlier_scatter"),
        column("outlier_fraction"),
    )


def log_densities(
    draws: xr.Dataset, x: np.ndarray, y: np.ndarray, covariance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Log joint density of every point under line and outliers, with their fractions: (s, n)."""
    from bayes_astro.likelihoods.linear_relation import component_densities

    lines = lines_of(draws)
    value, covariance = np.column_stack([x, y]), np.ascontiguousarray(covariance)
    densities = np.array(
        [component_densities(*row, value, covariance) for row in zip(*lines[:-1], strict=True)]
    )
    fraction = lines.fraction[:, None]
    with np.errstate(divide="ignore"):
        return densities[..., 0] + np.log1p(-fraction), densities[..., 1] + np.log(fraction)


def log_predictors(draws: xr.Dataset, x: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Log density of the measured predictors alone, (s, n)."""
    lines, noise = lines_of(draws), covariance[:, :-1, :-1]
    return np.array(
        [
            predictor_population.log_normal(x - mean, factor @ factor.T + noise)
            for mean, factor in zip(lines.mean, lines.cholesky, strict=True)
        ]
    )


def normal_scores(
    draws: xr.Dataset, x: np.ndarray, y: np.ndarray, covariance: np.ndarray
) -> np.ndarray:
    """Normal scores of the responses given the measured predictors, (s, n).

    y given x is Gaussian with mean c + w'(x - mu) and variance V_yy - w'V_xy, w = V_xx^-1 V_xy, for
    the line and for the outliers with their own V_xy and V_yy; a mixture of both is mapped through
    its cumulative distribution.
    """
    from scipy.special import ndtr, ndtri

    lines = lines_of(draws)
    spread = lines.cholesky @ lines.cholesky.transpose(0, 2, 1)
    along = np.einsum("spq,sq->sp", spread, lines.slope)
    inverse = np.linalg.inv(spread[:, None] + covariance[None, :, :-1, :-1])
    offset = x[None] - lines.mean[:, None]

    def scores(centre: np.ndarray, cross: np.ndarray, variance: np.ndarray) -> np.ndarray:
        cross = cross[:, None] + covariance[None, :, :-1, -1]
        weight = np.einsum("snpq,snq->snp", inverse, cross)
        expected = centre[:, None] + np.sum(weight * offset, axis=-1)
        left = variance[:, None] + covariance[None, :, -1, -1] - np.sum(weight * cross, axis=-1)
        return (y - expected) / np.sqrt(left)

    variance = np.sum(along * lines.slope, axis=1) + lines.scatter**2
    line = scores(lines.centre, along, variance)
    if not lines.fraction.any():
        return line
    stray = scores(lines.outlier_mean, np.zeros_like(along), lines.outlier_scatter**2)
    fraction = lines.fraction[:, None]
    below = (1 - fraction) * ndtr(line) + fraction * ndtr(stray)
    above = (1 - fraction) * ndtr(-line) + fraction * ndtr(-stray)
    return np.where(below < 0.5, ndtri(below), -ndtri(above))


def draw_responses(
    draws: xr.Dataset, x: np.ndarray, noise: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The line and a new response at every (measured) predictor, both (s, n)."""
    lines = lines_of(draws)
    count, (m, p) = len(lines.centre), x.shape
    true = np.broadcast_to(x, (count, m, p)).copy()
    error = np.zeros((count, m))
    for row in np.flatnonzero(noise.any(axis=(1, 2))):
        true[:, row], error[:, row] = predictor_population.latent(
            x[row], noise[row], lines.mean, lines.cholesky, rng
        )
    signal = lines.centre[:, None] + np.einsum(
        "smp,sp->sm", true - lines.mean[:, None], lines.slope
    )
    return signal, _responses(lines, signal, rng) + error


def _responses(lines: Lines, signal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """True responses: about the line, or anywhere for an outlier."""
    response = signal + lines.scatter[:, None] * rng.standard_normal(signal.shape)
    if not lines.fraction.any():
        return response
    bad = rng.uniform(size=signal.shape) < lines.fraction[:, None]
    stray = rng.standard_normal(signal.shape) * lines.outlier_scatter[:, None]
    return np.where(bad, lines.outlier_mean[:, None] + stray, response)


def simulate(draw: xr.Dataset, covariance: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Measured predictors and response (n, p + 1) of a new sample, for a single draw."""
    lines = lines_of(draw)
    n, p = len(covariance), lines.slope.shape[1]
    offset = rng.standard_normal((n, p)) @ lines.cholesky[0].T
    signal = (lines.centre[0] + offset @ lines.slope[0])[None]
    true = np.column_stack([lines.mean[0] + offset, _responses(lines, signal, rng)[0]])
    roots = predictor_population.square_roots(covariance)
    return true + np.einsum("nij,nj->ni", roots, rng.standard_normal((n, p + 1)))
