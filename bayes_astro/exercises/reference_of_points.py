"""Reference values of the exercises on points in space, chapter 6."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

import bayes_astro as ba
from bayes_astro.exercises.independence import independence
from bayes_astro.exercises.library import arrays, words
from bayes_astro.exercises.measures import _mean_sd, demand, exact, measured, stated, summed

__all__ = ["clustering", "tenth_neighbour", "two_populations", "velocity_ellipsoid"]


def tenth_neighbour() -> dict[str, Any]:
    """6.4: a Gamma distribution."""
    data = words("6.4")["data"]
    k, radius = data["neighbour"], data["radius"]

    def gamma(k: int, size: float) -> dict[str, float]:
        return stated(k / size, k**0.5 / size)

    area = np.pi * radius**2
    wrong = {
        "itself_counted": gamma(k + 1, area),
        "one_less": gamma(k - 1, area),
        "first_neighbour": gamma(1, np.pi * 1.9**2),
        "volume": gamma(k, 4 / 3 * np.pi * radius**3),
    }
    return exact(
        "closed form: a Gamma distribution; prior flat in the logarithm",
        {"density": gamma(k, area)},
        {name: {"density": value} for name, value in wrong.items()},
    )


def clustering() -> dict[str, Any]:
    """6.5: a grid over the amplitude, with the Poisson law of every bin."""
    data = arrays("6.5")
    theta, pairs, chance = data["theta"], data["pairs"], data["random_pairs"] / 5
    grid = np.linspace(0, 1.5, 30_001)

    def amplitude(slope: float) -> dict[str, float]:
        expected = chance * (1 + grid[:, None] * theta**-slope)
        return summed(np.sum(pairs * np.log(expected) - expected, axis=1), grid)

    shape = theta**-0.8

    def least_squares(w: np.ndarray, error: np.ndarray) -> dict[str, float]:
        precision = np.sum((shape / error) ** 2)
        return stated(np.sum(shape * w / error**2) / precision, precision**-0.5)

    w, error = pairs / chance - 1, np.sqrt(pairs) / chance
    plain = np.sum(w * shape) / np.sum(shape**2)
    scatter = np.sqrt(np.sum((w - plain * shape) ** 2) / (8 * np.sum(shape**2)))
    wrong = {
        "one_not_subtracted": least_squares(w + 1, error),
        "random_pairs_not_scaled": least_squares((w + 1) / 5 - 1, error / 5),
        "unweighted": stated(plain, scatter),
        "slope_of_space": amplitude(1.8),
    }
    return exact(
        "a grid of 30001 amplitudes; flat prior",
        {"amplitude": amplitude(0.8)},
        {name: {"amplitude": value} for name, value in wrong.items()},
    )


@numba.njit
def _log_density(
    free: np.ndarray, value: np.ndarray, projection: np.ndarray, noise: np.ndarray
) -> float:
    """Of mean and Cholesky factor (logarithms of its diagonal first) of one Gaussian; flat mean."""
    factor = np.zeros((3, 3))
    for i in range(3):
        factor[i, i] = np.exp(free[3 + i])
    factor[1, 0], factor[2, 0], factor[2, 1] = free[6], free[7], free[8]
    spread = factor @ factor.T
    # |C|^-4 exp(-50 tr C^-1), and the volume of C in terms of free.
    total = -4 * free[3] - 5 * free[4] - 6 * free[5] - 50 * np.trace(np.linalg.inv(spread))
    for n in range(len(value)):
        a, b, c = noise[n, 0, 0], noise[n, 0, 1], noise[n, 1, 1]
        x, y = value[n, 0], value[n, 1]
        for i in range(3):
            x -= projection[n, 0, i] * free[i]
            y -= projection[n, 1, i] * free[i]
            for j in range(3):
                a += projection[n, 0, i] * spread[i, j] * projection[n, 0, j]
                b += projection[n, 0, i] * spread[i, j] * projection[n, 1, j]
                c += projection[n, 1, i] * spread[i, j] * projection[n, 1, j]
        determinant = a * c - b * b
        total -= 0.5 * (np.log(determinant) + (c * x * x - 2 * b * x * y + a * y * y) / determinant)
    return total


def velocity_ellipsoid() -> dict[str, Any]:
    """6.3: independence Metropolis from the Gaussian at the maximum of a density written here."""
    stars: Any = ba.load("hipparcos-nearby")
    value, projection, noise = stars.value, stars.projection, stars.covariance
    start = np.array([-10.7, -19.8, -7.5, np.log(35), 3.2, 2.87, 0.0, 0.0, 0.0])
    step = np.array([0.3, 0.3, 0.3, 0.01, 0.01, 0.01, 0.3, 0.3, 0.3])

    def draws(noise: np.ndarray, seed: int, length: int) -> dict[str, np.ndarray]:
        free = independence(
            lambda free: _log_density(free, value, projection, noise), start, step, seed, length
        )
        spread = np.exp(2 * free[..., 5]) + free[..., 7] ** 2 + free[..., 8] ** 2
        return {"mean_w": free[..., 2], "sd_w": spread**0.5, "sd_u": np.exp(free[..., 3])}

    quantities, checks = measured(draws(noise, 63, 2600))
    ignored, _ = measured(draws(1e-6 * noise, 64, 500))
    n = len(value)

    def plain(name: str, x: np.ndarray) -> dict[str, Any]:
        sd = x.std(ddof=1)
        mean = {f"mean_{name}": stated(x.mean(), sd / n**0.5)} if name == "w" else {}
        return mean | {f"sd_{name}": stated(sd, sd / (2 * n) ** 0.5)}

    projected = np.einsum("nij,ni->nj", projection, value)
    return {
        "method": "independence Metropolis, seed 63, from the Gaussian at the maximum",
        "quantities": quantities,
        "mistakes": {
            "radial_velocity_as_zero": plain("w", projected[:, 2]) | plain("u", projected[:, 0]),
            "v_b_taken_for_w": plain("w", value[:, 1]),
            "errors_ignored": {key: _mean_sd(one) for key, one in ignored.items()},
        },
        "checks_made": demand(checks),
    }


@numba.njit
def _log_mixture(free: np.ndarray, value: np.ndarray, error: np.ndarray) -> float:
    """Of the logit of the fraction, two means and two logarithms of widths."""
    low, high, first, second = free[1], free[2], np.exp(2 * free[3]), np.exp(2 * free[4])
    fraction = 1 / (1 + np.exp(-free[0]))
    if low > high:
        return -np.inf
    # Flat in the fraction; variances are inverse Gamma (1, 0.01), told in the logarithm of the width.
    total = np.log(fraction * (1 - fraction))
    total -= 2 * (free[3] + free[4]) + 0.01 * (1 / first + 1 / second)
    for n in range(len(value)):
        a, b = first + error[n] ** 2, second + error[n] ** 2
        total += np.log(
            fraction * np.exp(-0.5 * (value[n] - low) ** 2 / a) / np.sqrt(a)
            + (1 - fraction) * np.exp(-0.5 * (value[n] - high) ** 2 / b) / np.sqrt(b)
        )
    return total


def two_populations() -> dict[str, Any]:
    """6.6: independence Metropolis from the Gaussian at the maximum of a density written here."""
    data = arrays("6.6")
    value, error = data["metallicity"], data["error"]
    start = np.array([-0.6, -1.5, -0.6, np.log(0.22), np.log(0.15)])
    step = np.array([0.1, 0.03, 0.02, 0.1, 0.1])

    def draws(error: np.ndarray, seed: int) -> np.ndarray:
        return independence(lambda free: _log_mixture(free, value, error), start, step, seed, 3000)

    def asked(free: np.ndarray, which: Any = True) -> dict[str, np.ndarray]:
        fraction = 1 / (1 + np.exp(-free[..., 0]))
        return {
            "fraction": np.where(which, fraction, 1 - fraction),
            "mean": np.where(which, free[..., 1], free[..., 2]),
        }

    def moments(asked: dict[str, np.ndarray]) -> dict[str, Any]:
        return {name: stated(one.mean(), one.std()) for name, one in asked.items()}

    free = draws(error, 66)
    quantities, checks = measured(asked(free))
    half = np.arange(free.shape[1]) % 2 == 0
    below = value[value < -1.05]
    share = len(below) / len(value)
    return {
        "method": "independence Metropolis, seed 66, from the Gaussian at the maximum",
        "quantities": quantities,
        "mistakes": {
            "labels_switched": moments(asked(free, half)),
            "other_component": moments(asked(free, False)),
            "errors_ignored": moments(asked(draws(1e-3 * error, 67))),
            "cut": {
                "fraction": stated(share, (share * (1 - share) / len(value)) ** 0.5),
                "mean": stated(below.mean(), below.std(ddof=1) / len(below) ** 0.5),
            },
        },
        "checks_made": demand(checks),
    }
