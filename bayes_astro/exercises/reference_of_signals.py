"""Reference values of the exercises on signals, chapter 10: those without Monte Carlo error."""

from __future__ import annotations

from typing import Any

import numpy as np

import bayes_astro as ba
from bayes_astro.exercises.library import arrays
from bayes_astro.exercises.measures import _on_grid, exact, stated, summed
from bayes_astro.exercises.reference_of_light_curves import _damped_cosine

__all__ = ["long_damping_time", "onset_of_a_burst", "two_bands", "wiener_filter"]


def onset_of_a_burst() -> dict[str, Any]:
    """10.7: a sum over onset and ln decay; background and amplitude integrate out."""
    from scipy.stats import norm

    data = arrays("10.7")
    t, y = data["time"].astype(float), data["flux"]
    onset = np.linspace(20, 35, 601)
    decay = np.exp(np.linspace(0, np.log(20), 60))

    def posterior(shape: Any) -> dict[str, Any]:
        log_density = np.empty((len(onset), len(decay)))
        for i, begin in enumerate(onset):
            design = shape(t - begin, decay[:, None])  # (decay, time)
            # The normal equations of amplitude and background, two by two.
            aa, ab, bb = (design**2).sum(axis=1), design.sum(axis=1), float(len(t))
            u, v = design @ y, y.sum()
            determinant = aa * bb - ab**2
            amplitude = (bb * u - ab * v) / determinant
            background = (aa * v - ab * u) / determinant
            best = 0.5 * (amplitude * u + background * v)
            positive = norm.logcdf(amplitude / np.sqrt(bb / determinant))
            log_density[i] = best - 0.5 * np.log(determinant) + positive
        return {"onset": summed(log_density, onset[:, None]), "decay": summed(log_density, decay)}

    def burst(since: Any, decay: Any) -> Any:
        return np.where(since >= 0, np.exp(-np.clip(since, 0, None) / decay), 0.0)

    right = posterior(burst)
    half = {key: value * np.log(2) for key, value in right["decay"].items()}
    return exact(
        "quadrature over onset and ln decay, background and amplitude integrated; flat priors",
        right,
        {
            "brightest_point": {"onset": stated(t[y.argmax()], 0.5)},
            "gaussian_shape": posterior(lambda since, width: np.exp(-0.5 * (since / width) ** 2)),
            "half_life": {"decay": stated(**half)},
            "first_high_point": {"onset": stated(t[np.argmax(y > 13)], 12**-0.5)},
        },
    )


def long_damping_time() -> dict[str, Any]:
    """10.11: quadrature over ln sigma and ln tau, the mean integrated out."""
    table: Any = ba.load("macho-quasar")
    curve = table.select("B")
    log_sigma = np.linspace(np.log(0.03), np.log(3), 120)[:, None]
    log_tau = np.linspace(np.log(10), np.log(1e5), 240)

    def density(error: np.ndarray) -> np.ndarray:
        grid = np.exp(log_sigma), np.exp(log_tau)
        return _damped_cosine(curve.time, curve.value, error, *grid).sum(axis=0)

    true, log10_tau = density(curve.error), log_tau / np.log(10)
    short = log_tau < np.log(1e4)
    wrong = {
        "best_value": stated(log10_tau[true.argmax()], 0.15),
        "shorter_prior": _on_grid(true[short], log10_tau[short]),
        "flat_in_tau": _on_grid(true * np.exp(log_tau), log10_tau),
        "errors_ignored": _on_grid(density(1e-3 * curve.error), log10_tau),
        "natural_logarithm": _on_grid(true, log_tau),
    }
    return exact(
        "quadrature over ln sigma and ln tau, the mean integrated out; flat priors",
        {"log10_tau": _on_grid(true, log10_tau)},
        {name: {"log10_tau": value} for name, value in wrong.items()},
    )


def two_bands() -> dict[str, Any]:
    """10.12: a sum over frequencies about the peak, amplitudes integrated in closed form."""
    star: Any = ba.load("eros2-cepheid")
    frequency = np.linspace(1 / 4.1930, 1 / 4.1895, 701)

    def log_density(time: Any, value: Any, error: Any, terms: int = 3) -> np.ndarray:
        found = np.empty(len(frequency))
        for i, one in enumerate(frequency):
            phase = 2 * np.pi * one * (time - time.mean())
            waves = [wave(k * phase) for k in range(1, terms + 1) for wave in (np.sin, np.cos)]
            q, r = np.linalg.qr(np.stack([np.ones(len(time)), *waves], axis=1) / error[:, None])
            found[i] = 0.5 * np.sum((q.T @ (value / error)) ** 2)
            found[i] -= np.log(np.abs(np.diag(r))).sum()
        return found

    bands = {name: star.select(name) for name in "BR"}
    blue, red = (log_density(one.time, one.value, one.error) for one in bands.values())
    time, error = (
        np.concatenate([getattr(one, key) for one in bands.values()]) for key in ("time", "error")
    )
    value = [one.value for one in bands.values()]
    centred = np.concatenate([one - one.mean() for one in value])
    right, period = summed(blue + red, 1 / frequency), 1 / frequency
    alone = {"blue_alone": summed(blue, period), "red_alone": summed(red, period)}
    wrong = {
        **alone,
        "one_curve": summed(log_density(time, np.concatenate(value), error), period),
        "one_amplitude": summed(log_density(time, centred, error), period),
        "errors_added": stated(right["mean"], sum(one["sd"] for one in alone.values())),
    }
    return exact(
        "quadrature over the frequency, means and amplitudes integrated; flat priors",
        {"period": right},
        {name: {"period": value} for name, value in wrong.items()},
    )


def wiener_filter() -> dict[str, Any]:
    """10.14: a Gaussian given others."""
    data = arrays("10.14")
    t, y, error, there = data["time"], data["magnitude"], data["error"], 50.0
    sigma, tau = 0.3, 20.0
    covariance = sigma**2 * np.exp(-np.abs(t[:, None] - t) / tau) + error**2 * np.eye(len(t))
    cross = sigma**2 * np.exp(-np.abs(t - there) / tau)
    gain = np.linalg.solve(covariance, cross)
    right = stated(gain @ y, (sigma**2 - gain @ cross) ** 0.5)
    i = int(np.flatnonzero(t == there)[0])

    def near(reach: int) -> dict[str, float]:
        some = y[i - reach : i + reach + 1]
        return stated(some.mean(), error / len(some) ** 0.5)

    wrong = {
        "as_measured": near(0),
        "mean_of_five": near(2),
        "mean_of_eleven": near(5),
        "new_measurement": stated(right["mean"], np.hypot(right["sd"], error)),
    }
    return exact(
        "closed form: a Gaussian given others",
        {"signal": right},
        {name: {"signal": value} for name, value in wrong.items()},
    )
