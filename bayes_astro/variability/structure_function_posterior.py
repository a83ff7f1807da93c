"""Exact draws of a structure function's two parameters and of the offsets."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.data import LightCurve
from bayes_astro.likelihoods import damped_random_walk as drw
from bayes_astro.likelihoods.fractional_brownian_motion import marginal
from bayes_astro.priors import Prior
from bayes_astro.samplers.grid_density import GridDensity, locate
from bayes_astro.variability import structure_function_data
from bayes_astro.variability.stationary_increments import DRW

__all__ = ["sample"]

TAIL = 1e-6  # probability of the prior beyond the search's range
SEARCH = {DRW: (14, 18), "power-law": (12, 10)}  # starting points along each parameter
EDGE = 1e-9  # the power law's gamma stays this far within its edges


def sample(
    form: str,
    reference: float,
    data: LightCurve,
    priors: dict[str, Prior],
    draws: int,
    rng: np.random.Generator,
) -> tuple[GridDensity, dict[str, np.ndarray]]:
    """Independent draws, by a grid in log SF^2 less log tau, log tau; or in log SF, gamma.

    Returns
    -------
    GridDensity
    dict
        The law's two parameters (draws,) and ``offset`` (draws, series).
    """
    rows = list(structure_function_data.series(data))
    mean, sd = (
        np.broadcast_to(np.asarray(priors["offset"].arguments[key], dtype=float), (len(rows),))
        for key in ("mu", "sigma")
    )
    if form == DRW:
        return _damped(data, rows, mean, sd, priors, draws, rng)
    return _power(reference, data, rows, mean, sd, priors, draws, rng)


def _ranges(
    frozen: list[Any], counts: tuple[int, int], logarithm: tuple[bool, bool]
) -> list[np.ndarray]:
    lines = []
    for twin, count, log in zip(frozen, counts, logarithm, strict=True):
        low, high = twin.ppf([TAIL, 1 - TAIL]).astype(float)
        if log:
            low, high = np.log(max(low, 1e-300)), np.log(high)
        lines.append(np.linspace(low, high, count))
    return lines


def _damped(
    data: LightCurve,
    rows: list[np.ndarray],
    mean: np.ndarray,
    sd: np.ndarray,
    priors: dict[str, Prior],
    draws: int,
    rng: np.random.Generator,
) -> tuple[GridDensity, dict[str, np.ndarray]]:
    walks = [
        drw.prepare(
            data.time[r], data.value[r], data.error[r], np.ones((len(r), 1)), mean[i], sd[i]
        )
        for i, r in enumerate(rows)
    ]
    frozen = [priors[name]._scipy() for name in ("sf_infinity", "tau")]

    def parameters(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with np.errstate(over="ignore"):
            return np.exp(0.5 * (x[:, 0] + x[:, 1])), np.exp(x[:, 1])

    def log_density(x: np.ndarray) -> np.ndarray:
        sf, tau = parameters(x)
        with np.errstate(all="ignore"):
            total = frozen[0].logpdf(sf) + frozen[1].logpdf(tau)
            total = total + 0.5 * x[:, 0] + 1.5 * x[:, 1] - np.log(2)
            for walk in walks:
                total = total + drw.log_likelihood(walk, sf / np.sqrt(2), tau)
        return np.where(np.isnan(total), -np.inf, total)

    lines = _ranges(frozen, SEARCH[DRW], (True, True))
    log_sf, log_tau = np.meshgrid(*lines, indexing="ij")
    starts = np.stack([2 * log_sf - log_tau, log_tau], axis=-1)
    with np.errstate(divide="ignore"):
        edges = np.log(np.abs(np.array(frozen[1].support(), dtype=float)))
    support = np.array([[-np.inf, edges[0] + EDGE], [np.inf, edges[1] - EDGE]])
    spacing = np.array([2 * np.ptp(lines[0][:2]), np.ptp(lines[1][:2])])
    found = locate(log_density, starts, np.maximum(spacing, 1e-6), support)
    sf, tau = parameters(found.sample(draws, rng))
    offset = [
        drw.draw_coefficients(walk, sf / np.sqrt(2), tau, None, rng.standard_normal((draws, 1)))
        for walk in walks
    ]
    return found, {"sf_infinity": sf, "tau": tau, "offset": np.hstack(offset)}


def _power(
    reference: float,
    data: LightCurve,
    rows: list[np.ndarray],
    mean: np.ndarray,
    sd: np.ndarray,
    priors: dict[str, Prior],
    draws: int,
    rng: np.random.Generator,
) -> tuple[GridDensity, dict[str, np.ndarray]]:
    frozen = [priors[name]._scipy() for name in ("sf_reference", "gamma")]

    def marginals(x: np.ndarray) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        found = []
        for i, r in enumerate(rows):
            level = float(mean[i]), float(sd[i])
            curve = data.time[r], data.value[r], data.error[r]
            found.append(marginal(*curve, level, np.exp(x[:, 0]), x[:, 1], reference))
        return found

    def log_density(x: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            prior = frozen[0].logpdf(np.exp(x[:, 0])) + x[:, 0] + frozen[1].logpdf(x[:, 1])
        good = np.isfinite(prior) & (x[:, 1] > 0) & (x[:, 1] < 1)
        total = np.full(len(x), -np.inf)
        total[good] = prior[good] + sum(found[0] for found in marginals(x[good]))
        return total

    lines = _ranges(frozen, SEARCH["power-law"], (True, False))
    starts = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1)
    low, high = (float(edge) for edge in frozen[1].support())
    support = np.array([[-np.inf, max(low, 0.0) + EDGE], [np.inf, min(high, 1.0) - EDGE]])
    spacing = np.array([np.ptp(line[:2]) for line in lines])
    found = locate(log_density, starts, spacing, support)
    x = found.sample(draws, rng)
    offset = [middle + spread * rng.standard_normal(draws) for _, middle, spread in marginals(x)]
    values = {"sf_reference": np.exp(x[:, 0]), "gamma": x[:, 1]}
    return found, values | {"offset": np.column_stack(offset)}
