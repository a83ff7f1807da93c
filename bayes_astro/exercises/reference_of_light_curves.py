"""Reference values of the exercises on light curves."""

from __future__ import annotations

from typing import Any

import numpy as np

import bayes_astro as ba
from bayes_astro.exercises.library import words
from bayes_astro.exercises.measures import EXACT, _mean_sd, _on_grid, _scaled, demand, measured

__all__ = ["damping_time", "period", "rotation_period", "second_planet", "several_bands"]


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


def period() -> dict[str, Any]:
    """10.1: independent draws; the mistakes are fits that go wrong in the same way."""
    table: Any = ba.load("eros2-cepheid")
    light_curve = table.select("B")
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


def second_planet() -> dict[str, Any]:
    """10.4: independent draws of both frequencies; the mistakes are fits that go wrong in the same way."""
    velocities: Any = ba.load("hd164922")
    sampler = ba.Exact(draws=20_000)

    def draws(data: Any, **settings: Any) -> Any:
        model = ba.Periodogram(period=(2, 4000), amplitude=False, **settings)
        tree: Any = model.fit(data, sampler=sampler, seed=104).posterior
        return tree["posterior"]["period"].values

    both = draws(velocities, n_signals=2)
    quantities, checks = measured({"period": both[..., 1]})
    stated = draws(velocities, n_signals=2, jitter=False)
    shift = 1 / 365.25
    return {
        "method": f"{sampler}, seed 104",
        "quantities": quantities,
        "mistakes": {
            "first_planet": {"period": _mean_sd(measured({"period": both[..., 0]})[0]["period"])},
            "errors_as_stated": {
                "period": _mean_sd(measured({"period": stated[..., 1]})[0]["period"])
            },
            "frequency": {"period": _mean_sd(measured({"period": 1 / both[..., 1]})[0]["period"])},
            "yearly_alias": {
                "period": _mean_sd(
                    measured({"period": 1 / (1 / both[..., 1] - shift)})[0]["period"]
                )
            },
        },
        "checks_made": demand(checks),
    }


def several_bands() -> dict[str, Any]:
    """10.5: independent draws; the mistakes are fits that go wrong in the same way."""
    data = words("10.5")["data"]
    star = ba.LightCurve(
        data["time"],
        data["magnitude"],
        np.full(len(data["time"]), 0.03),
        band=data["band"],
        value_unit="mag",
    )
    sampler = ba.Exact(draws=40_000)

    def periods(curve: Any, **settings: Any) -> np.ndarray:
        tree: Any = ba.Periodogram(period=(0.2, 1.25), **settings)
        return tree.fit(curve, sampler=sampler, seed=105).posterior["posterior"]["period"].values

    right = periods(star)
    quantities, checks = measured({"period": right})
    wrong = {
        "bands_thrown_together": periods(
            star.replace(band=None), n_terms=(1, 2, 3, 4), jitter=True
        ),
        "one_harmonic": periods(star, n_terms=1),
        "no_noise_term": periods(star, jitter=False),
        "one_day_alias": 1 / (1 / right + 1),
        "frequency": 1 / right,
    }
    return {
        "method": f"{sampler}, seed 105",
        "quantities": quantities,
        "mistakes": {name: {"period": _about_the_median(draws)} for name, draws in wrong.items()},
        "checks_made": demand(checks),
    }


def _about_the_median(draws: np.ndarray) -> dict[str, float]:
    """Mean and sd without the few draws at other periods that would decide them."""
    near = draws[np.abs(draws / np.median(draws) - 1) < 0.003]
    return {"mean": float(near.mean()), "sd": float(near.std())}
