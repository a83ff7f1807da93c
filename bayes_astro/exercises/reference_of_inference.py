"""Reference values of the exercises on inference, chapter 5."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.exercises.library import arrays
from bayes_astro.exercises.measures import exact, mixed, stated, summed

__all__ = [
    "by_simulation",
    "distance",
    "error_of_a_chain",
    "jump_of_a_rate",
    "lighthouse",
    "line_on_background",
    "malmquist",
    "odds_of_variability",
    "shrinkage",
]


def shrinkage() -> dict[str, Any]:
    """5.3: quadrature over the scatter; mean and star are conjugate given it."""
    data = arrays("5.3")
    y, error = data["metallicity"], data["error"]
    t = np.linspace(0, 2, 8001)

    def conditional(y: np.ndarray, variance: np.ndarray) -> tuple[Any, Any, Any]:
        """Density of the scatter; of the mean given it, middle and variance."""
        weight = 1 / (t[:, None] ** 2 + variance)
        total = weight.sum(axis=1)
        middle = weight @ y / total
        square = (weight * (y - middle[:, None]) ** 2).sum(axis=1)
        log_density = 0.5 * (np.log(weight).sum(axis=1) - square - np.log(total))
        return np.exp(log_density - log_density.max()), middle, 1 / total

    def posterior(variance: np.ndarray) -> dict[str, Any]:
        density, middle, spread = conditional(y, variance)
        share = variance[-1] / (variance[-1] + t**2)  # of the stream
        mean = (1 - share) * y[-1] + share * middle
        star = mixed(density, mean, (1 - share) * variance[-1] + share**2 * spread)
        return {"star": star, "scatter": summed(np.log(density), t)}

    weight = error**-2.0
    others, middle, spread = conditional(y[:-1], error[:-1] ** 2)
    scatter = y.std(ddof=1)
    return exact(
        "quadrature over the scatter, mean and star in closed form given it; flat priors",
        posterior(error**2),
        {
            "no_pooling": {"star": stated(y[-1], error[-1])},
            "full_pooling": {"star": stated(np.average(y, weights=weight), weight.sum() ** -0.5)},
            "population_without_the_star": {"star": mixed(others, middle, spread + t**2)},
            "scatter_of_the_measurements": {"scatter": stated(scatter, scatter / 4)},
            "errors_not_squared": posterior(error),
        },
    )


def distance() -> dict[str, Any]:
    """5.4: quadrature over the distance."""
    data = arrays("5.4")
    r = np.linspace(1e-3, 10, 100_001)
    likelihood = -0.5 * ((data["parallax"] - 1 / r) / data["error"]) ** 2
    near, fall = r < 5, -r / data["scale"]
    wrong = {
        "inverse_of_parallax": stated(1 / data["parallax"], data["error"] / data["parallax"] ** 2),
        "flat_in_distance": summed(likelihood[near], r[near]),
        "constant_density": summed((likelihood + 2 * np.log(r))[near], r[near]),
        "r_squared_forgotten": summed(likelihood + fall, r),
        "flat_in_parallax": summed((likelihood - 2 * np.log(r))[near], r[near]),
    }
    return exact(
        "quadrature over the distance",
        {"distance": summed(likelihood + 2 * np.log(r) + fall, r)},
        {name: {"distance": value} for name, value in wrong.items()},
    )


def lighthouse() -> dict[str, Any]:
    """5.6: a sum over the logarithm of the distance on a grid finer than the solution's."""
    x = arrays("5.6")["flash"]
    place = np.linspace(-15, 25, 5001)
    log_scale = np.linspace(np.log(0.05), np.log(50), 400)[:, None]
    log_density = len(x) * log_scale - sum(
        np.log(np.exp(2 * log_scale) + (one - place) ** 2) for one in x
    )
    n, middle = len(x), np.median(x)
    of_mean = x.std(ddof=1) / n**0.5
    of_median = 1.2533 * 1.4826 * np.median(np.abs(x - middle)) / n**0.5
    wrong = {
        "mean": stated(x.mean(), of_mean),
        "error_of_the_mean": stated(middle, 1.2533 * of_mean),
        "median_as_of_a_gaussian": stated(middle, of_median),
    }
    return exact(
        "quadrature over place and ln distance",
        {"place": summed(log_density, place)},
        {name: {"place": value} for name, value in wrong.items()},
    )


def line_on_background() -> dict[str, Any]:
    """5.8: quadrature over fraction and centre, photon by photon."""
    from scipy.stats import norm

    x, width = arrays("5.8")["energy"], 0.15
    fraction = np.linspace(0, 1, 401)[:, None]
    centre = np.linspace(5, 9, 2001)
    log_density = np.zeros((len(fraction), len(centre)))
    for one in x:
        log_density += np.log(fraction * norm.pdf(one, centre, width) + (1 - fraction) / 4 + 1e-300)

    def posterior(log_density: np.ndarray) -> dict[str, Any]:
        return {"fraction": summed(log_density, fraction), "centre": summed(log_density, centre)}

    counts, edges = np.histogram(x, bins=np.linspace(5, 9, 41))
    middle, seen = (edges[1:] + edges[:-1]) / 2, counts > 0
    share = norm.pdf(middle[seen], centre[:, None], width)
    square = np.zeros_like(log_density)
    for i, row in enumerate(fraction[:, 0]):
        expected = len(x) * 0.1 * (row * share + (1 - row) / 4)
        square[i] = ((counts[seen] - expected) ** 2 / counts[seen]).sum(axis=1)
    inside = int(np.sum(np.abs(x - 6.62) < 2 * width))
    return exact(
        "quadrature over fraction and centre; flat priors",
        posterior(log_density),
        {
            "mean_of_all": {"centre": stated(x.mean(), x.std(ddof=1) / len(x) ** 0.5)},
            "chi_square": posterior(-0.5 * square),
            "background_left_in": {"fraction": stated(inside / len(x), inside**0.5 / len(x))},
        },
    )


def odds_of_variability() -> dict[str, Any]:
    """5.10: quadrature over the scatter, the mean integrated out."""
    data = arrays("5.10")
    y, variance = data["magnitude"], data["error"] ** 2
    n, square = len(y), float(np.sum((y - y.mean()) ** 2))

    def log_ratio(s: np.ndarray) -> np.ndarray:
        """Of the likelihoods with and without scatter: all errors are the same."""
        more = variance + s**2
        return 0.5 * (n - 1) * np.log(variance / more) + 0.5 * square * (1 / variance - 1 / more)

    def odds(highest: float) -> float:
        s = np.linspace(0, highest, 200_001)
        return float(np.log(np.trapezoid(np.exp(log_ratio(s)), s) / highest))

    right, best = odds(0.5), float(log_ratio(np.linspace(0, 0.5, 20_001)).max())
    wrong = {
        "maximum_likelihood": best,
        "bic": best - 0.5 * np.log(n),
        "wider_prior": odds(5.0),
        "log10": right / np.log(10),
        "upside_down": -right,
    }
    return exact(
        "quadrature over the scatter, the mean integrated out",
        {"ln_odds": stated(right, 0)},
        {name: {"ln_odds": stated(value, 0)} for name, value in wrong.items()},
    )


def jump_of_a_rate() -> dict[str, Any]:
    """5.11: between two photons the density is a product of powers of the time."""
    from scipy.special import gammaln

    photon = arrays("5.11")["photon"]
    n, t = len(photon), np.linspace(0.00025, 9.99975, 20_000)
    k = np.searchsorted(photon, t)
    log_density = gammaln(k + 1) - (k + 1) * np.log(t + 0.2)
    log_density += gammaln(n - k + 1) - (n - k + 1) * np.log(10 - t + 0.2)
    best = np.where(k > 0, k * np.log(np.maximum(k, 1) / t), 0)
    best += np.where(n > k, (n - k) * np.log(np.maximum(n - k, 1) / (10 - t)), 0)
    hourly = np.histogram(photon, np.arange(11))[0]
    wrong = {
        "largest_step_of_hourly_counts": stated(np.argmax(np.diff(hourly)) + 1, 12**-0.5),
        "best_edge": stated(t[best.argmax()], 0.05),
        "median_photon": stated(photon[n // 2], 0.2),
    }
    return exact(
        "quadrature over the time, both rates integrated in closed form",
        {"jump": summed(log_density, t)},
        {name: {"jump": value} for name, value in wrong.items()},
    )


def malmquist() -> dict[str, Any]:
    """5.12: quadrature over the mean."""
    from scipy.stats import norm

    data = arrays("5.12")
    sd, room = 0.5, data["limit"] - data["modulus"]
    absolute = data["magnitude"] - data["modulus"]
    mean = np.linspace(-2, 3, 20_001)[:, None]
    whole = norm.logpdf(absolute, mean, sd).sum(axis=1)
    seen = norm.logcdf((room - mean) / sd).sum(axis=1)
    of_mean, near = sd / len(absolute) ** 0.5, absolute[room > 1.2]
    wrong = {
        "limit_ignored": stated(absolute.mean(), of_mean),
        "classical_correction": stated(absolute.mean() + 1.38 * sd**2, of_mean),
        "multiplied": summed(whole + seen, mean[:, 0]),
        "nearest_alone": stated(near.mean(), sd / len(near) ** 0.5),
    }
    return exact(
        "quadrature over the mean; flat prior",
        {"mean": summed(whole - seen, mean[:, 0])},
        {name: {"mean": value} for name, value in wrong.items()},
    )


def by_simulation() -> dict[str, Any]:
    """5.13: the exact posterior; the mistakes are simulations that go wrong in the same way."""
    data = arrays("5.13")["waiting"]
    n, shape = len(data), 3
    scale = np.linspace(0.2, 6, 20_001)
    log_density = -n * shape * np.log(scale) - data.sum() / scale
    rng = np.random.default_rng(513)
    drawn = rng.uniform(0.2, 6, 200_000)
    simulated = rng.gamma(shape, 1.0, (len(drawn), n)) * drawn[:, None]

    def kept(summary: Any, tolerance: float) -> dict[str, float]:
        near = np.abs(summary(simulated) - summary(data)) < tolerance
        return stated(drawn[near].mean(), drawn[near].std())

    wrong = {
        "tolerance_too_wide": kept(lambda x: x.mean(axis=-1), 1.5),
        "median_as_summary": kept(lambda x: np.median(x, axis=-1), 0.1),
        "maximum_as_summary": kept(lambda x: x.max(axis=-1), 0.3),
        "first_value_as_summary": kept(lambda x: x[..., 0], 0.2),
    }
    return exact(
        "quadrature over the scale, with the density of the Gamma distribution",
        {"scale": summed(log_density, scale)},
        {name: {"scale": value} for name, value in wrong.items()},
    )


def error_of_a_chain() -> dict[str, Any]:
    """5.15: the error of the mean of an autoregressive process in closed form."""
    rng, n, c, sd = np.random.default_rng(515), 4000, 0.97, 0.6
    chain = np.empty(n)
    chain[0] = rng.normal()
    for i in range(1, n):
        chain[i] = c * chain[i - 1] + np.sqrt(1 - c**2) * rng.normal()
    chain = 1.4 + sd * chain
    wrong = {
        "sd_over_sqrt_n": chain.std() / n**0.5,
        "sd": chain.std(),
        "batches_too_short": chain.reshape(-1, 10).mean(axis=1).std() / (n / 10) ** 0.5,
        "thinned": chain[::10].std() / (n / 10) ** 0.5,
    }
    return exact(
        "closed form for an autoregressive process, sd sqrt((1 + c) / (1 - c) / n)",
        {"mcse": stated(sd * ((1 + c) / (1 - c) / n) ** 0.5, 0)},
        {name: {"mcse": stated(value, 0)} for name, value in wrong.items()},
    )
