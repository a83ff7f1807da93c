"""Reference values of the exercise on a cluster, chapter 6."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

import bayes_astro as ba
from bayes_astro.exercises.independence import independence
from bayes_astro.exercises.measures import demand, measured, stated

__all__ = ["parallax_of_a_cluster"]

EVERY = 7  # draws of the chains that are kept


@numba.njit
def _gaussian(value: np.ndarray, mean: np.ndarray, spread: np.ndarray, noise: np.ndarray) -> float:
    """Density in three dimensions, by the factor of the covariance."""
    a = np.sqrt(spread[0, 0] + noise[0, 0])
    b, c = (spread[1, 0] + noise[1, 0]) / a, (spread[2, 0] + noise[2, 0]) / a
    d = np.sqrt(spread[1, 1] + noise[1, 1] - b * b)
    e = (spread[2, 1] + noise[2, 1] - b * c) / d
    f = np.sqrt(spread[2, 2] + noise[2, 2] - c * c - e * e)
    x = (value[0] - mean[0]) / a
    y = (value[1] - mean[1] - b * x) / d
    z = (value[2] - mean[2] - c * x - e * y) / f
    return np.exp(-0.5 * (x * x + y * y + z * z)) / (a * d * f)


@numba.njit
def _log_density(
    free: np.ndarray, value: np.ndarray, noise: np.ndarray, broad: np.ndarray
) -> float:
    """Of the cluster's mean, logarithms of its two dispersions, logits of its fraction and of the broad
    share of the field, mean and Cholesky factor (logarithms of its diagonal first) of the field."""
    depth, scatter = np.exp(free[3]), np.exp(free[4])
    f, w = 1 / (1 + np.exp(-free[5])), 1 / (1 + np.exp(-free[6]))
    own = np.diag(np.array([depth**2, scatter**2, scatter**2]))
    factor = np.diag(np.exp(free[10:13]))
    factor[1, 0], factor[2, 0], factor[2, 1] = free[13], free[14], free[15]
    spread = factor @ factor.T
    # Log-normal dispersions and flat shares, each in its coordinate; a flat covariance has |V|^-2.
    total = -0.5 * ((free[3] - np.log(0.2)) / 0.5) ** 2
    total -= 0.5 * ((free[4] - np.log(1.5)) / 0.7) ** 2
    total += np.log(f * (1 - f) * w * (1 - w)) - free[10] - 2 * free[11] - 3 * free[12]
    wide = np.diag(broad[1] ** 2)
    for n in range(len(value)):
        cluster = _gaussian(value[n], free[:3], own, noise[n])
        field = (1 - w) * _gaussian(value[n], free[7:10], spread, noise[n])
        field += w * _gaussian(value[n], broad[0], wide, noise[n])
        total += np.log(f * cluster + (1 - f) * field)
    return total


def parallax_of_a_cluster() -> dict[str, Any]:
    """6.2: independence Metropolis from the Gaussian at the maximum of a density written here."""
    stars: Any = ba.load("pleiades-hipparcos")
    value, noise = stars.value, stars.covariance
    middle = np.median(value, axis=0)
    broad = np.array([middle, np.max(np.abs(value - middle), axis=0) / 3])
    start = np.array(
        [8.3, 19.8, -45.1, -1.2, 0.57, -1.3, -0.7, 6.0, 10.0, -15.0, 1.2, 3.0, 3.0, 5.0, -5.0, 0.0]
    )
    step = np.array(
        [0.09, 0.3, 0.3, 0.4, 0.1, 0.14, 0.25, 0.3, 2.0, 2.0, 0.07, 0.07, 0.07, 2.0, 2.0, 2.0]
    )

    def draws(noise: np.ndarray, seed: int, length: int) -> dict[str, np.ndarray]:
        free = independence(
            lambda free: _log_density(free, value, noise, broad), start, step, seed, length
        )[:, ::EVERY]
        return {"parallax": free[..., 0], "fraction": 1 / (1 + np.exp(-free[..., 5]))}

    quantities, checks = measured(draws(noise, 62, 18_000))
    near = np.hypot(value[:, 1] - 20, value[:, 2] + 45) < 8
    inside, n = value[near, 0], len(value)
    share = stated(near.mean(), (near.mean() * (1 - near.mean()) / n) ** 0.5)
    far = np.hypot(value[:, 1] - 20, value[:, 2] + 45) < 25
    heavy = noise[far, 0, 0] ** -1.0
    wide = stated(far.mean(), (far.mean() * (1 - far.mean()) / n) ** 0.5)

    def weighted(x: np.ndarray, weight: np.ndarray) -> dict[str, float]:
        return stated(weight @ x / weight.sum(), weight.sum() ** -0.5)

    return {
        "method": "independence Metropolis, seed 62, from the Gaussian at the maximum",
        "quantities": quantities,
        "mistakes": {
            "cut_unweighted": {
                "parallax": stated(inside.mean(), inside.std(ddof=1) / len(inside) ** 0.5),
                "fraction": share,
            },
            "wide_cut": {"parallax": weighted(value[far, 0], heavy), "fraction": wide},
            "mean_of_all": {
                "parallax": stated(value[:, 0].mean(), value[:, 0].std(ddof=1) / n**0.5)
            },
        },
        "checks_made": demand(checks),
    }
