"""Draws for references whose posterior is nearly Gaussian, from a density written beside them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["independence"]

CHAINS, THIN, FREEDOM = 4, 4, 20


def independence(
    density: Callable[[np.ndarray], float],
    start: np.ndarray,
    step: np.ndarray,
    seed: int,
    draws: int,
) -> np.ndarray:
    """Draws (chain, draw, parameter) by Metropolis, whose proposals do not depend on the last draw.

    They come from a t distribution about the maximum, wider than the posterior. ``step`` is about a
    standard deviation of each parameter, for differences of ``density``, which is a logarithm.
    """
    from scipy.optimize import minimize

    limits = {"maxiter": 20_000, "maxfev": 20_000, "xatol": 1e-4, "fatol": 1e-4, "adaptive": True}
    best = minimize(lambda free: -density(free), start, method="Nelder-Mead", options=limits).x
    eye = np.diag(step)
    curvature = np.empty((len(step), len(step)))
    for i, a in enumerate(eye):
        for j, b in enumerate(eye):
            corners = density(best + a + b) - density(best + a - b)
            corners += density(best - a - b) - density(best - a + b)
            curvature[i, j] = -corners / (4 * step[i] * step[j])
    factor = np.linalg.cholesky(np.linalg.inv(curvature))
    rng = np.random.default_rng(seed)
    kept = np.empty((CHAINS, draws, len(best)))
    for chain in range(CHAINS):
        now, weight = best, -np.inf
        for i in range(draws * THIN):
            z = rng.normal(size=len(best)) / np.sqrt(rng.chisquare(FREEDOM) / FREEDOM)
            new = best + factor @ z
            proposed = density(new) + 0.5 * (FREEDOM + len(z)) * np.log1p(z @ z / FREEDOM)
            if np.log(rng.uniform()) < proposed - weight:
                now, weight = new, proposed
            kept[chain, i // THIN] = now
    return kept
