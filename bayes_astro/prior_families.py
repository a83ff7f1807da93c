"""The families of priors: support, arguments, the densities of SciPy and PyMC."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["FAMILIES", "Family"]


@dataclass(frozen=True)
class Family:
    """A distribution: what its arguments measure, its SciPy twin and the values that it allows.

    ``arguments`` maps a name to "value" (in the unit of the variable), "scale" (the same, and
    positive), "shape" (a positive number), "number" (any number) or "matrix" (a covariance, or a
    list of standard deviations). ``event`` is the number of axes of a single draw: 0 for numbers,
    1 for weights that sum to one, 2 for covariances. A ``spiked`` density is infinite at a value within.
    """

    arguments: dict[str, str]
    scipy: Callable[..., Any]
    lower: Callable[..., Any] = lambda **_: -np.inf
    upper: Callable[..., Any] = lambda **_: np.inf
    event: int = 0
    spiked: bool = False


def _horseshoe(_: Any, mu: Any, scale: Any) -> Any:
    from bayes_astro.horseshoe_distribution import HORSESHOE

    return HORSESHOE(mu, scale)


def _zero(**_: Any) -> float:
    return 0.0


def _one(**_: Any) -> float:
    return 1.0


FAMILIES: dict[str, Family] = {
    "Normal": Family({"mu": "value", "sigma": "scale"}, lambda s, mu, sigma: s.norm(mu, sigma)),
    "HalfNormal": Family({"sigma": "scale"}, lambda s, sigma: s.halfnorm(0, sigma), _zero),
    "TruncatedNormal": Family(
        {"mu": "value", "sigma": "scale", "lower": "value", "upper": "value"},
        lambda s, mu, sigma, lower, upper: s.truncnorm(
            (lower - mu) / sigma, (upper - mu) / sigma, mu, sigma
        ),
        lambda lower, **_: lower,
        lambda upper, **_: upper,
    ),
    "Uniform": Family(
        {"lower": "value", "upper": "value"},
        lambda s, lower, upper: s.uniform(lower, upper - lower),
        lambda lower, **_: lower,
        lambda upper, **_: upper,
    ),
    "LogUniform": Family(
        {"lower": "scale", "upper": "scale"},
        lambda s, lower, upper: s.loguniform(lower, upper),
        lambda lower, **_: lower,
        lambda upper, **_: upper,
    ),
    "LogNormal": Family(
        {"mu": "number", "sigma": "shape"},
        lambda s, mu, sigma: s.lognorm(sigma, scale=np.exp(mu)),
        _zero,
    ),
    "StudentT": Family(
        {"nu": "shape", "mu": "value", "sigma": "scale"},
        lambda s, nu, mu, sigma: s.t(nu, mu, sigma),
    ),
    "Cauchy": Family(
        {"alpha": "value", "beta": "scale"}, lambda s, alpha, beta: s.cauchy(alpha, beta)
    ),
    "HalfCauchy": Family({"beta": "scale"}, lambda s, beta: s.halfcauchy(0, beta), _zero),
    "Laplace": Family({"mu": "value", "b": "scale"}, lambda s, mu, b: s.laplace(mu, b)),
    "Horseshoe": Family({"mu": "value", "scale": "scale"}, _horseshoe, spiked=True),
    "Rayleigh": Family({"sigma": "scale"}, lambda s, sigma: s.rayleigh(0, sigma), _zero),
    "Exponential": Family({"scale": "scale"}, lambda s, scale: s.expon(0, scale), _zero),
    "Gamma": Family(
        {"alpha": "shape", "beta": "shape"},
        lambda s, alpha, beta: s.gamma(alpha, scale=1 / beta),
        _zero,
    ),
    "InverseGamma": Family(
        {"alpha": "shape", "beta": "shape"},
        lambda s, alpha, beta: s.invgamma(alpha, scale=beta),
        _zero,
    ),
    "Beta": Family(
        {"alpha": "shape", "beta": "shape"},
        lambda s, alpha, beta: s.beta(alpha, beta),
        _zero,
        _one,
    ),
    "Dirichlet": Family({"alpha": "shape"}, lambda s, **_: s.dirichlet, _zero, _one, event=1),
    "InverseWishart": Family(
        {"nu": "shape", "scale": "matrix"},
        lambda s, nu, scale: s.invwishart(
            float(nu), scale if scale.ndim == 2 else np.diag(np.atleast_1d(scale) ** 2)
        ),
        event=2,
    ),
}
