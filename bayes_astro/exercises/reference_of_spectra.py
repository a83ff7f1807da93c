"""Reference values of the exercises on spectra and their gaps, chapter 7."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.exercises.library import arrays
from bayes_astro.exercises.measures import exact, stated

__all__ = ["epochs_of_a_quasar", "flux_in_a_gap", "how_many_components"]


def _bell(x: Any, centre: float, width: float) -> Any:
    return np.exp(-0.5 * ((x - centre) / width) ** 2)


def flux_in_a_gap() -> dict[str, Any]:
    """7.2: the conditional of a Gaussian over all pixels, without coefficients."""
    data = arrays("7.2")
    flux, error, x, there = data["flux"], data["error"], np.linspace(0, 1, 30), 16
    mean, line = 2 - 0.6 * x, _bell(x, 0.55, 0.06)
    shapes = np.array([0.7 * (0.5 - x) + 0.8 * line, 0.5 * line - 0.3 * _bell(x, 0.2, 0.06)])
    seen = np.isfinite(flux)

    def given(flux: Any, error: Any, rows: Any, size: float = 1.0, more: float = 0.0) -> Any:
        """Of coefficients with the sd `size`."""
        signal = size**2 * shapes.T @ shapes
        total = signal[np.ix_(rows, rows)] + np.diag(error[rows] ** 2)
        gain = np.linalg.solve(total, signal[rows, there])
        left = signal[there, there] - gain @ signal[rows, there]
        return stated(mean[there] + gain @ (flux - mean)[rows], (left + more) ** 0.5)

    every = np.ones(30, bool)
    wrong = {
        "no_prior": given(flux, error, seen, size=1e4),
        "gap_as_zero": given(np.where(seen, flux, 0), error, every),
        "gap_as_mean_spectrum": given(np.where(seen, flux, mean), error, every),
        "unweighted": given(flux, np.full(30, error.mean()), seen),
        "new_measurement": given(flux, error, seen, more=error[there] ** 2),
    }
    return exact(
        "closed form: a Gaussian of thirty pixels, conditional on those that were measured",
        {"flux": given(flux, error, seen)},
        {name: {"flux": value} for name, value in wrong.items()},
    )


def how_many_components() -> dict[str, Any]:
    """7.3: densities of hidden pixels as ratios of Gaussians over all pixels."""
    from scipy.stats import multivariate_normal

    data = arrays("7.3")
    left, error, x = data["flux"] - 3, data["error"], np.linspace(0, 1, 14)
    shapes = np.array([1 - 2 * x, 0.8 * _bell(x, 0.6, 0.12), 0.35 * np.cos(6 * np.pi * x)])
    hidden = np.isin(np.arange(14), data["hidden"])

    def log_density(y: Any, covariance: Any) -> float:
        return float(multivariate_normal.logpdf(y, cov=covariance))

    def scores(count: int) -> dict[str, float]:
        """Of hidden pixels, and of what is mistaken for it."""
        signal = shapes[:count].T @ shapes[:count]
        found = dict.fromkeys(("right", "coefficients_known", "one_by_one", "fitted", "all"), 0.0)
        for y, sd in zip(left, error, strict=True):
            total = signal + sd**2 * np.eye(14)
            seen = total[np.ix_(~hidden, ~hidden)]
            gain = np.linalg.solve(seen, signal[np.ix_(~hidden, hidden)])
            middle = y[~hidden] @ gain
            rest = total[np.ix_(hidden, hidden)] - signal[np.ix_(hidden, ~hidden)] @ gain
            residual = y[~hidden] - y[~hidden] @ np.linalg.solve(
                seen, signal[np.ix_(~hidden, ~hidden)]
            )
            off = y[hidden] - middle
            found["all"] += log_density(y, total)
            found["right"] += log_density(y, total) - log_density(y[~hidden], seen)
            found["coefficients_known"] += log_density(off, sd**2 * np.eye(len(off)))
            found["one_by_one"] += log_density(off, np.diag(np.diag(rest)))
            found["fitted"] -= 0.5 * float(np.sum(residual**2)) / sd**2
        return found

    one, two, three = scores(1), scores(2), scores(3)

    def gains(kind: str, factor: float = 1.0) -> dict[str, Any]:
        return {
            "second": stated(factor * (two[kind] - one[kind]), 0),
            "third": stated(factor * (three[kind] - two[kind]), 0),
        }

    return exact(
        "closed form: Gaussians over all pixels, and over those that were not hidden",
        gains("right"),
        {
            "measured_pixels": gains("fitted"),
            "all_pixels": gains("all"),
            "coefficients_known": gains("coefficients_known"),
            "one_by_one": gains("one_by_one"),
            "deviance": gains("right", -2.0),
        },
    )


def epochs_of_a_quasar() -> dict[str, Any]:
    """7.4: generalised least squares for the mean spectrum, then the conditional of the epoch."""
    data = arrays("7.4")
    flux, gap, there = data["flux"], 6, 7
    p = flux.shape[1]
    wavelength = np.linspace(4500, 5220, p)
    error = data["error"][:, None] * np.where(np.arange(p) == 12, 3.0, 1.0)
    line = _bell(wavelength, 4861, 90)
    shapes = np.array([0.5 * (wavelength / 4861) ** -1.5 + 0.6 * line, 0.25 * line])

    def given(flux: Any, shapes: Any, more: float = 0.0) -> dict[str, float]:
        """All epochs are independent but for their mean spectrum, whose prior is flat."""
        signal = shapes.T @ shapes
        precision, weighted = np.zeros((p, p)), np.zeros(p)
        for y, sd in zip(flux, error, strict=True):
            seen = np.isfinite(y)
            inverse = np.linalg.inv(signal[np.ix_(seen, seen)] + np.diag(sd[seen] ** 2))
            precision[np.ix_(seen, seen)] += inverse
            weighted[seen] += inverse @ y[seen]
        covariance = np.linalg.inv(precision)
        mean, seen = covariance @ weighted, np.isfinite(flux[gap])
        total = signal[np.ix_(seen, seen)] + np.diag(error[gap][seen] ** 2)
        gain = np.linalg.solve(total, signal[seen, there])
        # The value is mean[there] + gain @ (y - mean[seen]): what of it is the mean's error.
        by_mean = np.eye(p)[there]
        by_mean[seen] -= gain
        variance = signal[there, there] - gain @ signal[seen, there]
        variance += by_mean @ covariance @ by_mean
        value = mean[there] + gain @ (flux[gap] - mean)[seen]
        return stated(value, (variance + more) ** 0.5)

    others = np.delete(flux[:, there], gap)
    beside = [gap - 1, gap + 1]
    wrong = {
        "mean_of_epochs": stated(others.mean(), others.std(ddof=1) / len(others) ** 0.5),
        "between_neighbours": stated(
            flux[beside, there].mean(), np.sum(error[beside, there] ** 2) ** 0.5 / 2
        ),
        "one_component": given(flux, shapes[:1]),
        "gap_as_zero": given(np.nan_to_num(flux), shapes),
        "new_measurement": given(flux, shapes, error[gap, there] ** 2),
    }
    return exact(
        "closed form: generalised least squares for the mean, the epoch conditional on it",
        {"flux": given(flux, shapes)},
        {name: {"flux": value} for name, value in wrong.items()},
    )
