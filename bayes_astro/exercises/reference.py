"""Make the reference numbers of the exercises.

``python -m bayes_astro.exercises.reference [ID ...]`` rewrites ``ID.json`` beside this file, of all
exercises in about two minutes. It needs nutpie (``pip install "bayes-astro[nutpie]"``).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

import bayes_astro as ba
from bayes_astro.exercises.library import ids, words

__all__ = [
    "MAKERS",
    "damping_time",
    "line_with_outliers",
    "main",
    "period",
    "population",
    "rotation_period",
    "template_fit",
    "unequal_errors",
    "velocity_dispersion",
]

EXACT = {"mcse_mean": 0.0, "mcse_sd": 0.0}
LIMITS = {"draws": 10_000, "rhat": 1.01, "lag_1": 0.05}


def unequal_errors() -> dict[str, Any]:
    """5.1: the weighted mean, and what other weights give; all in closed form."""
    data = words("5.1")["data"]
    velocity, error = np.array(data["velocity"]), np.array(data["error"])

    def weighted(power: int) -> dict[str, float]:
        weight = error ** -float(power)
        return {
            "mean": float(np.sum(weight * velocity) / np.sum(weight)),
            "sd": float(np.sum(weight) ** -0.5),
        }

    right = weighted(2)
    plain = {
        "mean": float(velocity.mean()),
        "sd": float(velocity.std(ddof=1) / np.sqrt(len(velocity))),
    }
    return {
        "method": "closed form: the mean weighted by 1 / error^2, with a flat prior",
        "quantities": {"velocity": right | EXACT},
        "mistakes": {
            "unweighted": {"velocity": plain},
            "sd_taken_for_variance": {"velocity": weighted(1)},
            "errors_squared_twice": {"velocity": weighted(4)},
            "variance_taken_for_sd": {"velocity": {"mean": right["mean"], "sd": right["sd"] ** 2}},
        },
        "checks_made": {"exact": True},
    }


def velocity_dispersion() -> dict[str, Any]:
    """6.1: quadrature over the dispersion, the mean integrated out; so are two of the mistakes."""
    data = words("6.1")["data"]
    velocity, error = np.array(data["velocity"]), np.array(data["error"])

    def posterior(noise: np.ndarray, power: int = 1) -> dict[str, float]:
        """Of the dispersion to a power, where each velocity has this variance of the noise."""
        s = np.linspace(0, 60, 60_001)
        weight = 1 / (s[:, None] ** 2 + noise)
        total = weight.sum(axis=1)
        mean = (weight @ velocity) / total
        chi_square = weight @ velocity**2 - total * mean**2
        log_density = 0.5 * (np.log(weight).sum(axis=1) - chi_square - np.log(total))
        density = np.exp(log_density - log_density.max())
        density[0] /= 2  # trapezoids
        middle = float(np.average(s**power, weights=density))
        variance = float(np.average((s**power - middle) ** 2, weights=density))
        return {"mean": middle, "sd": variance**0.5}

    scatter = float(velocity.std(ddof=1))
    of_scatter = scatter / np.sqrt(2 * (len(velocity) - 1))
    return {
        "method": "quadrature over the dispersion, the mean integrated out; flat priors",
        "quantities": {"dispersion": posterior(error**2) | EXACT},
        "mistakes": {
            "errors_left_in": {"dispersion": {"mean": scatter, "sd": of_scatter}},
            "errors_subtracted_linearly": {
                "dispersion": {"mean": scatter - float(error.mean()), "sd": of_scatter}
            },
            "errors_taken_off_twice": {"dispersion": posterior(2 * error**2)},
            "sd_taken_for_variance": {"dispersion": posterior(error)},
            "variance_taken_for_sd": {"dispersion": posterior(error**2, power=2)},
        },
        "checks_made": {"exact": True},
    }


def population() -> dict[str, Any]:
    """9.1: quadrature over the fraction, with other likelihoods for the mistakes."""
    data = words("9.1")["data"]
    far, prior = np.array(data["probability"]), data["interim_prior"]
    near, n = 1 - far, len(far)
    fraction = np.linspace(0, 1, 20_001)

    def posterior(far: np.ndarray, near: np.ndarray) -> dict[str, float]:
        log_density = np.log(np.outer(fraction, far) + np.outer(1 - fraction, near)).sum(axis=1)
        density = np.exp(log_density - log_density.max())
        density[[0, -1]] /= 2  # trapezoids
        return _on_grid(density, fraction)

    counted = int(np.sum(far > 0.5))
    share = (counted + 1) / (n + 2)  # of a flat prior, a Beta distribution
    mistakes = {
        "stacked": {"mean": float(far.mean()), "sd": float(far.std(ddof=1) / np.sqrt(n))},
        "interim_prior_left_in": posterior(far, near),
        "divided_out_twice": posterior(far / prior**2, near / (1 - prior) ** 2),
        "divided_out_of_far_alone": posterior(far / prior, near),
        "multiplied": posterior(far * prior, near * (1 - prior)),
        "modes_counted": {"mean": share, "sd": float((share * (1 - share) / (n + 3)) ** 0.5)},
    }
    right = posterior(far / prior, near / (1 - prior))
    return {
        "method": "quadrature over the fraction; flat prior",
        "quantities": {"fraction": right | EXACT},
        "mistakes": {name: {"fraction": value} for name, value in mistakes.items()},
        "checks_made": {"exact": True},
    }


def template_fit() -> dict[str, Any]:
    """9.2: a sum over redshifts and templates, the amplitude integrated in closed form."""
    from scipy.special import log_ndtr

    data = {name: np.array(value) for name, value in words("9.2")["data"].items()}
    flux, error, redshift = data["flux"], data["error"], data["redshift"]
    template = np.stack([data["red"], data["blue"]])

    def log_integral(weight: np.ndarray) -> np.ndarray:
        """Of exp(-chi^2 / 2) over amplitudes > 0, (template, redshift), up to a factor."""
        tt = template**2 @ weight
        x = template @ (weight * flux) / np.sqrt(tt)
        return 0.5 * x**2 + log_ndtr(x) - 0.5 * np.log(tt)

    def posterior(log_likelihood: np.ndarray) -> dict[str, float]:
        likelihood = np.exp(log_likelihood - log_likelihood.max())
        return _on_grid(likelihood.sum(axis=0), redshift)

    weight, seen = error**-2.0, flux > 0
    right = log_integral(weight)
    best = np.maximum(template @ (weight * flux), 0) ** 2 / (2 * template**2 @ weight)
    off = -2.5 * np.log10(flux[seen] / template[..., seen])
    sharp = (1.0857 * error[seen] / flux[seen]) ** -2
    off -= (off @ sharp / sharp.sum())[..., None]  # the magnitudes' offset is the amplitude
    mistakes = {
        "amplitude_profiled": posterior(best),
        "errors_not_squared": posterior(log_integral(1 / error)),
        "negative_flux_left_out": posterior(log_integral(weight * seen)),
        "magnitudes": posterior(-0.5 * off**2 @ sharp),
        "best_template_alone": posterior(right[[int(np.argmax(best.max(axis=1)))]]),
    }
    return {
        "method": "the sum over redshifts and templates, the amplitude integrated in closed form",
        "quantities": {"redshift": posterior(right) | EXACT},
        "mistakes": {name: {"redshift": value} for name, value in mistakes.items()},
        "checks_made": {"exact": True},
    }


def damping_time() -> dict[str, Any]:
    """10.2: quadrature over ln sigma and ln tau, the mean integrated out; so are two mistakes."""
    data = {name: np.array(value) for name, value in words("10.2")["data"].items()}
    log_sigma = np.linspace(np.log(0.01), np.log(10), 300)[:, None]
    log_tau = np.linspace(0, np.log(10_000), 400)
    sigma, tau = np.exp(log_sigma), np.exp(log_tau)

    def density(error: np.ndarray) -> np.ndarray:
        return _damped_cosine(data["time"], data["magnitude"], error, sigma, tau).sum(axis=0)

    log10_tau, true = log_tau / np.log(10), density(data["error"])
    right = _on_grid(true, log10_tau)
    half = {"mean": right["mean"] + float(np.log10(np.log(2))), "sd": right["sd"]}
    mistakes = {
        "errors_ignored": _on_grid(density(1e-6 * data["error"]), log10_tau),
        "sd_taken_for_variance": _on_grid(density(data["error"] ** 0.5), log10_tau),
        "tau_without_logarithm": _on_grid(true, tau),
        "natural_logarithm": _on_grid(true, log_tau),
        "half_life": half,
    }
    return {
        "method": "quadrature over ln sigma and ln tau, the mean integrated out; flat priors",
        "quantities": {"log10_tau": right | EXACT},
        "mistakes": {name: {"log10_tau": value} for name, value in mistakes.items()},
        "checks_made": {"exact": True},
    }


def rotation_period() -> dict[str, Any]:
    """10.3: quadrature over the logarithms of sigma, tau and period, the mean integrated out."""
    data = {name: np.array(value) for name, value in words("10.3")["data"].items()}
    sigma = np.exp(np.linspace(0, np.log(100), 40))[:, None, None]
    tau = np.exp(np.linspace(0, np.log(1000), 45))[:, None]
    period = np.exp(np.linspace(np.log(2), np.log(30), 300))
    density = _damped_cosine(data["time"], data["flux"], data["error"], sigma, tau, period)
    density = density.sum(axis=(0, 1))
    right = _on_grid(density, period)
    sine = ba.Periodogram(period=(2, 30))
    sine.fit(ba.LightCurve(data["time"], data["flux"], data["error"]), seed=103)
    draws: Any = sine.posterior["posterior"]
    mistakes = {
        "coherent_sine": _mean_sd(measured({"period": draws["period"].values})[0]["period"]),
        "half_the_period": _scaled(right, 0.5),
        "frequency": _on_grid(density, 1 / period),
        "angular_frequency": _on_grid(density, 2 * np.pi / period),
    }
    return {
        "method": "quadrature over ln sigma, ln tau and ln period, the mean integrated out; flat "
        "priors",
        "quantities": {"period": right | EXACT},
        "mistakes": {name: {"period": value} for name, value in mistakes.items()},
        "checks_made": {"exact": True},
    }


def _damped_cosine(
    time: np.ndarray,
    value: np.ndarray,
    error: np.ndarray,
    sigma: Any,
    tau: Any,
    period: Any = np.inf,
) -> np.ndarray:
    """Likelihood of sigma^2 exp(-t / tau) cos(2 pi t / period) on a grid, up to a factor.

    A Kalman filter of a plane vector that turns and shrinks, whose first part is observed. What is
    left of the magnitudes, and of ones, after each prediction gives the mean and its integral.
    """
    shape = np.broadcast_shapes(np.shape(sigma), np.shape(tau), np.shape(period))
    data = np.stack([value - value.mean(), np.ones(len(value))])
    variance = np.broadcast_to(sigma**2, shape)
    first, cross, second = variance, np.zeros(shape), variance
    state = np.zeros((2, 2, *shape))
    products, log_determinant = np.zeros((2, 2, *shape)), np.zeros(shape)
    for i, step in enumerate(np.diff(time, prepend=time[0])):
        shrink, angle = np.exp(-step / tau), 2 * np.pi * step / period
        c, s = shrink * np.cos(angle), shrink * np.sin(angle)
        state = np.stack([c * state[0] - s * state[1], s * state[0] + c * state[1]])
        new = variance * (1 - shrink**2)
        first, cross, second = (
            c**2 * first - 2 * c * s * cross + s**2 * second + new,
            c * s * (first - second) + (c**2 - s**2) * cross,
            s**2 * first + 2 * c * s * cross + c**2 * second + new,
        )
        total = first + error[i] ** 2
        off = data[:, i].reshape(2, *[1] * len(shape)) - state[0]
        products += off[:, None] * off / total
        log_determinant += np.log(total)
        gain, other = first / total, cross / total
        state = state + np.stack([gain * off, other * off])
        first, cross, second = first - gain * first, cross - gain * cross, second - other * cross
    log_density = -0.5 * (
        log_determinant
        + np.log(products[1, 1])
        + products[0, 0]
        - products[0, 1] ** 2 / products[1, 1]
    )
    return np.exp(log_density - log_density.max())


def _on_grid(density: np.ndarray, value: np.ndarray) -> dict[str, float]:
    mean = float(np.average(value, weights=density))
    return {"mean": mean, "sd": float(np.average((value - mean) ** 2, weights=density) ** 0.5)}


def line_with_outliers() -> dict[str, Any]:
    """5.2: long NUTS runs; the lines without an outlier model are least squares."""
    data: Any = ba.load("hogg-2010")
    sampler = ba.NUTS(draws=10_000, tune=2000, target_accept=0.9, backend="nutpie")
    lines = {}
    for name, response, used in (
        ("reference", "y", data.without_error("x")),
        ("errors_in_x_left_in", "y", data),
        ("axes_interchanged", "x", data.without_error("y")),
    ):
        model = ba.LinearRelation(response, scatter=False, outliers=True)
        model.fit(used, sampler=sampler, seed=52, progress=False)
        draws: Any = model.posterior["posterior"]
        lines[name] = measured(
            {"slope": draws["slope"].values[..., 0], "intercept": draws["intercept"].values},
            divergences=int(model.posterior["sample_stats"]["diverging"].sum()),
        )
    x, y = data.column("x"), data.column("y")
    error = data.error[:, data.index("y")]
    quantities, checks = lines["reference"]
    return {
        "method": f"{sampler}, seed 52",
        "quantities": quantities,
        "mistakes": {
            "chi_square_of_all": _least_squares(x, y, 1 / error, "unscaled"),
            "one_wide_scatter": _least_squares(x, y, None, True),
        }
        | {
            name: {key: _mean_sd(value) for key, value in lines[name][0].items()}
            for name in ("axes_interchanged", "errors_in_x_left_in")
        },
        "checks_made": demand(checks),
    }


def _least_squares(x: np.ndarray, y: np.ndarray, weight: Any, covariance: Any) -> dict[str, Any]:
    (slope, intercept), errors = np.polyfit(x, y, 1, w=weight, cov=covariance)
    sds = np.sqrt(np.diag(errors))
    return {
        "slope": {"mean": float(slope), "sd": float(sds[0])},
        "intercept": {"mean": float(intercept), "sd": float(sds[1])},
    }


def period() -> dict[str, Any]:
    """10.1: independent draws; the mistakes are fits that go wrong in the same way."""
    light_curve: Any = ba.load("eros2-cepheid").select("B")
    sampler = ba.Exact(draws=100_000)

    def periods(n_terms: int, searched: tuple[float, float]) -> np.ndarray:
        model = ba.Periodogram(n_terms=n_terms, period=searched)
        model.fit(light_curve, sampler=sampler, seed=101)
        draws: Any = model.posterior["posterior"]
        return draws["period"].values

    right, sine = periods(3, (1, 20)), periods(1, (1, 20))
    quantities, checks = measured({"period": right, "alias": 1 / (1 - 1 / right)})
    middle = quantities["period"]["mean"]
    width = middle**2 / float(np.ptp(light_curve.time))
    return {
        "method": f"{sampler}, seed 101",
        "quantities": quantities,
        "mistakes": {
            "half_the_period": {"period": _scaled(quantities["period"], 0.5)},
            "one_day_alias": {"period": _mean_sd(quantities["alias"])},
            "peak_width": {"period": {"mean": middle, "sd": width}},
            "sine_only": {"period": _mean_sd(measured({"period": sine})[0]["period"])},
        },
        "checks_made": demand(checks),
    }


MAKERS = {
    "5.1": unequal_errors,
    "5.2": line_with_outliers,
    "6.1": velocity_dispersion,
    "9.1": population,
    "9.2": template_fit,
    "10.1": period,
    "10.2": damping_time,
    "10.3": rotation_period,
}


def measured(draws: dict[str, np.ndarray], divergences: int = 0) -> tuple[Any, Any]:
    """Mean and sd with their Monte Carlo errors, and the worst of what is checked."""
    from arviz_stats.base import array_stats

    quantities = {}
    checks: dict[str, Any] = {"draws": 0, "rhat": 0.0, "lag_1": 0.0, "ess": np.inf}
    for name, values in draws.items():
        mean, sd = float(values.mean()), float(values.std(ddof=1))
        scaled = (values - mean) / sd
        lag = float(np.mean(scaled[:, 1:] * scaled[:, :-1]))
        quantities[name] = {
            "mean": mean,
            "sd": sd,
            "mcse_mean": sd * float(array_stats.mcse(scaled, method="mean")),
            "mcse_sd": sd * float(array_stats.mcse(scaled, method="sd")),
        }
        checks = {
            "draws": values.size,
            "rhat": max(checks["rhat"], round(float(array_stats.rhat(scaled)), 5)),
            "lag_1": max(checks["lag_1"], round(abs(lag), 4)),
            "ess": min(checks["ess"], round(float(array_stats.ess(scaled, method="bulk")))),
        }
    checks["divergences"] = divergences
    return quantities, checks


def demand(checks: dict[str, Any]) -> dict[str, Any]:
    """The same checks; RuntimeError when the run is not good enough for a reference."""
    good = checks["draws"] >= LIMITS["draws"] and checks["divergences"] == 0
    if not good or any(checks[key] > LIMITS[key] for key in ("rhat", "lag_1")):
        raise RuntimeError(f"not good enough for a reference: {checks}, limits {LIMITS}.")
    return checks


def _mean_sd(quantity: dict[str, float]) -> dict[str, float]:
    return {key: quantity[key] for key in ("mean", "sd")}


def _scaled(quantity: dict[str, float], factor: float) -> dict[str, float]:
    return {key: factor * quantity[key] for key in ("mean", "sd")}


def main(chosen: list[str]) -> None:
    """Rewrite the files of the chosen exercises, of all when none is chosen."""
    for id in chosen or ids():
        if id not in MAKERS:
            raise ValueError(f"There is no exercise {id!r}; known: {', '.join(MAKERS)}.")
        path = Path(__file__).with_name(f"{id}.json")
        numbers = MAKERS[id]()
        path.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8", newline="\n")
        print(f"{path.name}: {numbers['quantities']}")


if __name__ == "__main__":
    main(sys.argv[1:])
