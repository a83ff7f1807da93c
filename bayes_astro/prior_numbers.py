"""Priors as rows of the table that the compiled kernel of all priors reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from bayes_astro.priors import Prior

__all__ = ["as_numbers"]


def as_numbers(prior: Prior, kernels: Any) -> tuple[Any, ...]:
    """What `bayes_astro.likelihoods.priors` needs of a prior.

    Kind, transform, numbers of the density, lower and upper bound, and the constant that is
    left out there.
    """
    from scipy.special import betaln, gammaln

    k, half = kernels, 0.5 * np.log(2 * np.pi)
    a = {name: np.asarray(value, dtype=float) for name, value in prior.arguments.items()}
    name = prior.distribution
    if name == "Normal":
        return k.NORMAL, k.IDENTITY, (a["mu"], a["sigma"]), 0, 0, -half - np.log(a["sigma"])
    if name == "HalfNormal":
        constant = np.log(2) - half - np.log(a["sigma"])
        return k.NORMAL, k.LOGARITHM, (0.0, a["sigma"]), 0, 0, constant
    if name == "TruncatedNormal":
        mu, sigma, low, high = (a[key] for key in ("mu", "sigma", "lower", "upper"))
        from scipy.stats import truncnorm

        z = (low - mu) / sigma, (high - mu) / sigma
        middle = np.clip(mu, low, high)
        own = truncnorm.logpdf(middle, *z, mu, sigma) + 0.5 * ((middle - mu) / sigma) ** 2
        return k.NORMAL, k.INTERVAL, (mu, sigma), low, high, own
    if name == "Uniform":
        constant = -np.log(a["upper"] - a["lower"])
        return k.FLAT, k.INTERVAL, (), a["lower"], a["upper"], constant
    if name == "LogUniform":
        low, high = np.log(a["lower"]), np.log(a["upper"])
        return k.FLAT, k.LOG_INTERVAL, (), low, high, -np.log(high - low)
    if name == "LogNormal":
        constant = -half - np.log(a["sigma"])
        return k.LOG_NORMAL, k.LOGARITHM, (a["mu"], a["sigma"]), 0, 0, constant
    if name in ("StudentT", "Cauchy", "HalfCauchy"):
        nu, centre = a.get("nu", np.asarray(1.0)), a.get("mu", a.get("alpha", 0.0))
        scale = a["sigma"] if name == "StudentT" else a["beta"]
        constant = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(nu * np.pi)
        constant = constant - np.log(scale) + np.log(2) * (name == "HalfCauchy")
        transform = k.LOGARITHM if name == "HalfCauchy" else k.IDENTITY
        return k.STUDENT_T, transform, (nu, centre, scale), 0, 0, constant
    if name == "Laplace":
        return k.LAPLACE, k.IDENTITY, (a["mu"], a["b"]), 0, 0, -np.log(2 * a["b"])
    if name == "Horseshoe":
        return k.FLAT, k.SCORE, (a["mu"], a["scale"]), 0, 0, -half
    if name == "Rayleigh":
        return k.RAYLEIGH, k.LOGARITHM, (a["sigma"],), 0, 0, -2 * np.log(a["sigma"])
    if name == "Exponential":
        return k.GAMMA, k.LOGARITHM, (1.0, 1 / a["scale"]), 0, 0, -np.log(a["scale"])
    if name in ("Gamma", "InverseGamma"):
        alpha, beta = a["alpha"], a["beta"]
        kind = k.GAMMA if name == "Gamma" else k.INVERSE_GAMMA
        constant = alpha * np.log(beta) - gammaln(alpha)
        return kind, k.LOGARITHM, (alpha, beta), 0, 0, constant
    if name == "Beta":
        constant = -betaln(a["alpha"], a["beta"])
        return k.BETA, k.INTERVAL, (a["alpha"], a["beta"]), 0.0, 1.0, constant
    raise ValueError(f"{name} has no coordinate of its own.")
