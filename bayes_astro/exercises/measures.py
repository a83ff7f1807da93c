"""What a reference says of a posterior, and what it demands of an answer."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = [
    "EXACT",
    "LIMITS",
    "demand",
    "exact",
    "least_squares",
    "measured",
    "mixed",
    "stated",
    "summed",
]

EXACT = {"mcse_mean": 0.0, "mcse_sd": 0.0}


LIMITS = {"draws": 10_000, "rhat": 1.01, "lag_1": 0.05}


def _on_grid(density: np.ndarray, value: np.ndarray) -> dict[str, float]:
    mean = float(np.average(value, weights=density))
    return {"mean": mean, "sd": float(np.average((value - mean) ** 2, weights=density) ** 0.5)}


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


def summed(log_density: Any, value: Any) -> dict[str, float]:
    """Mean and sd of a value over a grid of any number of dimensions."""
    density = np.exp(log_density - np.max(log_density))
    return _on_grid(density, np.broadcast_to(value, density.shape))


def mixed(weight: np.ndarray, mean: Any, variance: Any) -> dict[str, float]:
    """Mean and sd of a mixture of Gaussians."""
    middle = float(np.average(mean, weights=weight))
    square = float(np.average(variance + (mean - middle) ** 2, weights=weight))
    return {"mean": middle, "sd": square**0.5}


def least_squares(x: np.ndarray, y: np.ndarray, weight: Any, covariance: Any) -> dict[str, Any]:
    """Slope and intercept as `numpy.polyfit` has them."""
    (slope, intercept), errors = np.polyfit(x, y, 1, w=weight, cov=covariance)
    sds = np.sqrt(np.diag(errors))
    return {"slope": stated(slope, sds[0]), "intercept": stated(intercept, sds[1])}


def stated(mean: Any, sd: Any) -> dict[str, float]:
    """Mean and sd as they are."""
    return {"mean": float(mean), "sd": float(sd)}


def exact(method: str, quantities: dict[str, Any], mistakes: dict[str, Any]) -> dict[str, Any]:
    """What a reference without Monte Carlo error is stored as."""
    return {
        "method": method,
        "quantities": {name: value | EXACT for name, value in quantities.items()},
        "mistakes": mistakes,
        "checks_made": {"exact": True},
    }


def _mean_sd(quantity: dict[str, float]) -> dict[str, float]:
    return {key: quantity[key] for key in ("mean", "sd")}


def _scaled(quantity: dict[str, float], factor: float) -> dict[str, float]:
    return {key: factor * quantity[key] for key in ("mean", "sd")}
