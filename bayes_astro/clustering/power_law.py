"""The power law that fits best, by least squares with the covariance of the estimates."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.clustering.correlation_form import Form, typical_slope
from bayes_astro.clustering.estimates import Scatter

__all__ = ["amplitude_at", "best", "slopes"]

STEEPEST = 6.0
SMALL = 1e-3  # of the amplitude's error: what a power law has at least


def amplitude_at(form: Form, scatter: Scatter, gamma: float) -> tuple[float, float]:
    """The amplitude that fits best at a slope, and its standard error."""
    unit = scatter.whiten @ form.expected({"amplitude": 1.0, "gamma": gamma})
    precision = float(unit @ unit)
    return float(unit @ (scatter.whiten @ form.data.estimate)) / precision, precision**-0.5


def best(form: Form, scatter: Scatter, estimate: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """Amplitude > 0 and slope from 0 to 6 of the best power law, and their standard errors.

    The amplitude is linear, and found for every slope; so one number is searched.
    """
    from scipy.optimize import minimize_scalar

    estimate = form.data.estimate if estimate is None else estimate
    seen = scatter.whiten @ estimate

    def left(gamma: float) -> tuple[float, float]:
        unit = scatter.whiten @ form.expected({"amplitude": 1.0, "gamma": gamma})
        amplitude = max(float(unit @ seen) / float(unit @ unit), SMALL * float(unit @ unit) ** -0.5)
        return float(np.sum((seen - amplitude * unit) ** 2)), amplitude

    grid = np.linspace(0.05, STEEPEST, 60)
    sizes = [left(gamma)[0] for gamma in grid]
    k = int(np.argmin(sizes))
    bounds = grid[max(k - 1, 0)], grid[min(k + 1, len(grid) - 1)]
    gamma = float(minimize_scalar(lambda g: left(g)[0], bounds=bounds, method="bounded").x)
    amplitude = left(gamma)[1]
    jacobian = scatter.whiten @ slopes(form, amplitude, gamma)
    errors = np.sqrt(np.diag(np.linalg.pinv(jacobian.T @ jacobian)))
    return np.array([amplitude, gamma]), np.minimum(np.maximum(errors, 1e-12), [np.inf, STEEPEST])


def slopes(form: Form, amplitude: float, gamma: float) -> np.ndarray:
    """Derivatives of what is expected in the bins by amplitude and slope: (n, 2)."""
    unit = form.weights * np.exp(-gamma * form.nodes)
    return np.column_stack([unit.sum(axis=1), -amplitude * np.sum(unit * form.nodes, axis=1)])


def default_scales(form: Form, scatter: Scatter) -> tuple[float, float]:
    """Size of the amplitude, and of what the integral constraint may take off, for priors."""
    gamma = typical_slope(form.data)
    value, error = amplitude_at(form, scatter, gamma)
    size = max(value, error)
    taken = form.constraint({"amplitude": size, "gamma": gamma})
    last = size * float(form.expected({"amplitude": 1.0, "gamma": gamma})[-1])
    return size, taken or last
