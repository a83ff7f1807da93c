"""The passes compiled for a layout, plain and by address."""

from __future__ import annotations

import math
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from bayes_astro.likelihoods.compiled import kernel
from bayes_astro.likelihoods.layout import Layout
from bayes_astro.likelihoods.memory import floats, likelihood, matrix, opened, wholes
from bayes_astro.likelihoods.semiseparable import gradient, value
from bayes_astro.likelihoods.transitions import COMPILE

__all__ = ["Passes", "bands_of", "flat_products", "passes"]


class Passes(NamedTuple):
    """The compiled functions of one layout.

    The last two take their arguments packed in one array and are called by their addresses
    (`likelihoods.memory`); data: width, time, band, basis. The first fills the gradient, the second
    mean and covariance of the coefficients in its place.
    """

    value: Any
    gradient: Any
    likelihood: Any
    value_alone: Any


def flat_products(layout: Layout) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Factors of the products as flat arrays: sizes, number and dimension of each product."""
    return (
        np.array([s for sizes in layout.products for s in sizes], dtype=np.int64),
        np.array([len(sizes) for sizes in layout.products], dtype=np.int64),
        np.array([math.prod(sizes) for sizes in layout.products], dtype=np.int64),
    )


@cache
def passes(layout: Layout, columns: int) -> Passes:
    """Value and gradient for one layout and number of coefficients: compiled once, kept on disk."""
    shape = (layout.reals, layout.pairs, layout.size - layout.reals - 2 * layout.pairs)
    flat = flat_products(layout)
    right_sides = 1 + columns

    @kernel(**COMPILE)
    def own_value(residual, variance, u, v, power, rates, squares, lag, width, time, band, basis):
        return value(
            shape, flat, right_sides, residual, variance, u, v, power, rates, squares, lag, width,
            time, band, basis,
        )  # fmt: skip

    @kernel(**COMPILE)
    def own_gradient(
        residual, variance, u, v, power, rates, squares, lag, width, time, band, basis
    ):
        return gradient(
            shape, flat, right_sides, residual, variance, u, v, power, rates, squares, lag, width,
            time, band, basis,
        )  # fmt: skip

    size, rate_count, square_count = layout.size, layout.rates, layout.squares

    def by_address(values, toward, data, wanted):
        values, toward, index = opened(values, toward, data)
        width, time = floats(index, 0), floats(index, 1)
        band, basis = wholes(index, 2), matrix(index, 3)
        n, bands = len(time), bands_of(len(values), len(time), size, rate_count, square_count)
        tables = 2 * n + 2 * bands * size
        ends = tables + bands, tables + bands + rate_count
        last = ends[1] + square_count
        found = gradient(
            shape, flat, right_sides, values[:n], values[n : 2 * n],
            values[2 * n : 2 * n + bands * size].reshape((bands, size)),
            values[2 * n + bands * size : tables].reshape((bands, size)),
            values[tables : ends[0]], values[ends[0] : ends[1]], values[ends[1] : last],
            values[last:], width, time, band, basis,
        )  # fmt: skip
        density, to_residual, to_variance, to_u, to_v, to_power, to_rates, to_squares, to_lag = (
            found
        )
        for i in range(n):
            toward[i], toward[n + i] = to_residual[i], to_variance[i]
        for b in range(bands):
            for j in range(size):
                toward[2 * n + b * size + j] = to_u[b, j]
                toward[2 * n + (bands + b) * size + j] = to_v[b, j]
            toward[tables + b], toward[last + b] = to_power[b], to_lag[b]
        for r in range(rate_count):
            toward[ends[0] + r] = to_rates[r]
        for r in range(square_count):
            toward[ends[1] + r] = to_squares[r]
        return density

    def value_by_address(values, toward, data, wanted):
        values, toward, index = opened(values, toward, data)
        width, time = floats(index, 0), floats(index, 1)
        band, basis = wholes(index, 2), matrix(index, 3)
        n, bands = len(time), bands_of(len(values), len(time), size, rate_count, square_count)
        tables = 2 * n + 2 * bands * size
        ends = tables + bands, tables + bands + rate_count
        last = ends[1] + square_count
        density, mean, covariance = value(
            shape, flat, right_sides, values[:n], values[n : 2 * n],
            values[2 * n : 2 * n + bands * size].reshape((bands, size)),
            values[2 * n + bands * size : tables].reshape((bands, size)),
            values[tables : ends[0]], values[ends[0] : ends[1]], values[ends[1] : last],
            values[last:], width, time, band, basis,
        )  # fmt: skip
        p = len(mean)
        for i in range(p):
            toward[i] = mean[i]
            for j in range(p):
                toward[p + i * p + j] = covariance[i, j]
        return density

    return Passes(
        own_value,
        own_gradient,
        likelihood(by_address, **COMPILE),
        likelihood(value_by_address, **COMPILE),
    )


@kernel(inline="always")
def bands_of(count, n, size, rates, squares):
    """Number of bands that packed arguments are of: residuals, variances, u, v, power, ..., lag."""
    return (count - 2 * n - rates - squares) // (2 * size + 2)
