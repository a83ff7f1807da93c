"""Reference values of the exercises on classification, chapter 9."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

import bayes_astro as ba
from bayes_astro.exercises.independence import independence
from bayes_astro.exercises.library import arrays
from bayes_astro.exercises.measures import demand, exact, measured, stated, summed

__all__ = [
    "completeness",
    "fraction_of_another_field",
    "number_of_quasars",
    "redshift_from_colours",
]


def number_of_quasars() -> dict[str, Any]:
    """9.3: the moments of a sum of independent ones and zeros."""
    from scipy.stats import norm

    data = arrays("9.3")
    colour, error = data["colour"], data["error"]

    def probability(rate: float, variance: Any) -> Any:
        quasar = norm.pdf(colour, 0.15, np.sqrt(0.15**2 + variance))
        star = norm.pdf(colour, 0.95, np.sqrt(0.25**2 + variance))
        return 1 / (1 + (1 - rate) / rate * star / quasar)

    def number(p: Any) -> dict[str, float]:
        return stated(p.sum(), np.sum(p * (1 - p)) ** 0.5)

    right = probability(data["base_rate"], error**2)
    density = norm.pdf(colour, 0.15, np.sqrt(0.15**2 + error**2))
    wrong = {
        "training_rate": number(probability(0.5, error**2)),
        "errors_ignored": number(probability(data["base_rate"], 0.0)),
        "errors_not_squared": number(probability(data["base_rate"], error)),
        "density_taken_for_probability": number(np.minimum(density, 1)),
        "counted": stated(np.sum(right > 0.5), 0.01),
    }
    return exact(
        "closed form: a sum of independent ones and zeros",
        {"quasars": number(right)},
        {name: {"quasars": value} for name, value in wrong.items()},
    )


def fraction_of_another_field() -> dict[str, Any]:
    """9.7: the posterior of a fraction on a grid."""
    from scipy.stats import norm

    data = arrays("9.7")
    colour, error = data["colour"], data["error"]
    f = np.linspace(0, 1, 20_001)[1:-1]

    def densities(variance: Any) -> tuple[np.ndarray, np.ndarray]:
        return (
            norm.pdf(colour, 0.15, np.sqrt(0.15**2 + variance)),
            norm.pdf(colour, 0.95, np.sqrt(0.25**2 + variance)),
        )

    def posterior(variance: Any) -> dict[str, float]:
        quasar, star = densities(variance)
        logs = np.zeros(len(f))
        for a, b in zip(quasar, star, strict=True):
            logs += np.log(f * a + (1 - f) * b)
        return summed(logs, f)

    right = posterior(error**2)
    quasar, star = densities(error**2)
    half = quasar / (quasar + star)
    n, mean = len(colour), right["mean"]
    wrong = {
        "training_rate": stated(half.mean(), np.sum(half * (1 - half)) ** 0.5 / n),
        "errors_ignored": posterior(0.0),
        "labels_known": stated(mean, (mean * (1 - mean) / n) ** 0.5),
        "counted": stated(np.mean(half > 0.5), 0.02),
    }
    return exact(
        "quadrature over the fraction",
        {"fraction": right},
        {name: {"fraction": value} for name, value in wrong.items()},
    )


def completeness() -> dict[str, Any]:
    """9.4: quadrature over m50 and width."""
    data = arrays("9.4")
    magnitude, found = data["magnitude"], data["found"] == 1
    m50 = np.linspace(22.5, 26, 501)[:, None]
    width = np.linspace(0.02, 2, 600)
    log_density = np.zeros((501, 600))
    for one, seen in zip(magnitude, found, strict=True):
        z = (one - m50) / width
        log_density -= np.logaddexp(0, z) - (0 if seen else z)
    row, column = np.unravel_index(log_density.argmax(), log_density.shape)
    bright = magnitude[found]
    return exact(
        "quadrature over m50 and width; flat priors",
        {"m50": summed(log_density, m50), "width": summed(log_density, width)},
        {
            "maximum_likelihood": {
                "m50": stated(m50[row, 0], 0.1),
                "width": stated(width[column], 0.05),
            },
            "faintest_found": {"m50": stated(bright.max(), 0.05)},
            "mean_of_the_found": {"m50": stated(bright.mean(), bright.std() / len(bright) ** 0.5)},
        },
    )


@numba.njit
def _log_gaussian(free: np.ndarray, value: np.ndarray, noise: np.ndarray) -> float:
    """Of mean and Cholesky factor (logarithms of its diagonal first); flat mean."""
    factor = np.diag(np.exp(free[3:6]))
    factor[1, 0], factor[2, 0], factor[2, 1] = free[6], free[7], free[8]
    spread = factor @ factor.T
    # |C|^-4 exp(-tr C^-1 / 20000), and the volume of C in terms of free.
    total = -4 * free[3] - 5 * free[4] - 6 * free[5] - 0.5e-4 * np.trace(np.linalg.inv(spread))
    for n in range(len(value)):
        x, y, z = value[n] - free[:3]
        a = np.sqrt(spread[0, 0] + noise[n, 0, 0])
        b = (spread[1, 0] + noise[n, 1, 0]) / a
        c = (spread[2, 0] + noise[n, 2, 0]) / a
        d = np.sqrt(spread[1, 1] + noise[n, 1, 1] - b**2)
        e = (spread[2, 1] + noise[n, 2, 1] - b * c) / d
        f = np.sqrt(spread[2, 2] + noise[n, 2, 2] - c**2 - e**2)
        x /= a
        y = (y - b * x) / d
        z = (z - c * x - e * y) / f
        total -= np.log(a * d * f) + 0.5 * (x**2 + y**2 + z**2)
    return total


def redshift_from_colours() -> dict[str, Any]:
    """9.5: independence Metropolis over mean and covariance; given them in closed form."""
    galaxies: Any = ba.load("sdss-galaxies")
    magnitude = -2.5 * np.log10(galaxies.flux[:, :3])
    u, g, r = ((1.0857 * galaxies.error / galaxies.flux)[:, :3] ** 2).T
    value = np.column_stack([-np.diff(magnitude), galaxies.redshift])
    zero = 0 * u
    noise = np.array([[u + g, -g, zero], [-g, g + r, zero], [zero, zero, zero]]).transpose(2, 0, 1)
    used, target = np.argsort(u[:5000])[-300:], 7260
    colours, own = value[target, :2], noise[target, :2, :2]
    training = value[used], np.ascontiguousarray(noise[used])
    root = np.linalg.cholesky(np.cov(training[0].T))
    start = np.array(
        [*training[0].mean(axis=0), *np.log(np.diag(root)), *root[np.tril_indices(3, -1)]]
    )
    step = np.array([0.02, 0.01, 0.003, 0.07, 0.05, 0.04, 0.02, 0.003, 0.003])
    free = independence(lambda free: _log_gaussian(free, *training), start, step, 95, 2600)
    factor = np.zeros((*free.shape[:2], 3, 3))
    factor[..., range(3), range(3)] = np.exp(free[..., 3:6])
    factor[..., [1, 2, 2], [0, 0, 1]] = free[..., 6:]
    mean, spread = free[..., :3], factor @ factor.swapaxes(-1, -2)

    def given(own: np.ndarray) -> tuple[Any, Any]:
        gain = np.linalg.solve(spread[..., :2, :2] + own, spread[..., :2, 2:])[..., 0]
        middle = mean[..., 2] + np.sum(gain * (colours - mean[..., :2]), axis=-1)
        return middle, spread[..., 2, 2] - np.sum(gain * spread[..., :2, 2], axis=-1)

    middle, variance = given(own)
    rng = np.random.default_rng(95)
    quantities, checks = measured(
        {"redshift": middle + np.sqrt(variance) * rng.normal(size=middle.shape)}
    )

    def moments(middle: Any, variance: Any) -> dict[str, float]:
        return stated(middle.mean(), (variance.mean() + middle.var()) ** 0.5)

    # The draw given mean and covariance has no Monte Carlo error in closed form.
    quantities["redshift"] |= moments(middle, variance)
    wrong = {
        "own_errors_ignored": moments(*given(0 * own)),
        "errors_not_squared": moments(*given(np.sign(own) * np.abs(own) ** 0.5)),
        "population_alone": moments(mean[..., 2], spread[..., 2, 2]),
    }
    return {
        "method": "independence Metropolis, seed 95, from the Gaussian at the maximum",
        "quantities": quantities,
        "mistakes": {name: {"redshift": value} for name, value in wrong.items()},
        "checks_made": demand(checks),
    }
