"""How many harmonics a quasi-periodic process needs: by a pilot fit with all of them.

A process cut after too few harmonics is another one: what is missing is taken for a short lifetime, or
for another period. The pilot is the maximum for a part of the rows with the whole periodic factor, by
dense algebra; as many harmonics are kept as leave out less variance than a share of the noise.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from bayes_astro.data import LightCurve
from bayes_astro.diagnostics import Check
from bayes_astro.priors import Prior
from bayes_astro.processes.harmonics_kept import mapped, open_leaves, quasi_periodic
from bayes_astro.processes.kernels import Kernel, QuasiPeriodic
from bayes_astro.processes.units import plain

__all__ = ["check", "columns", "pilot", "settle", "settled"]

CHOICES = (2, 3, 4, 6, 8, 12, 16)
NEGLIGIBLE = 0.15
"""Variance left out, in that of the noise."""
ENOUGH = 1.0  # the same, before the diagnosis fails
WITHOUT_PILOT = 0.01  # share of the process' variance, where nothing is known of the noise
NAMES = ("sigma", "period", "decay", "roughness", "jitter")
ROWS = 120
PERIODS = 40
STEPS = {"maxiter": 40, "eps": 1e-4}
CAUTIOUS = 0.85  # the roughness for which harmonics are counted, in the pilot's


def settle(model: Any, data: LightCurve) -> tuple[Any, dict[str, Any]]:
    """The model with every number of harmonics chosen, and group ``selection`` with them."""
    import xarray as xr

    if not open_leaves(model.kernel):
        return model, {}
    several, priors = len(data.bands) > 1, model.resolve_priors(data)
    flat = isinstance(model.mean, str) and model.mean in ("constant", "zero")
    alone = flat and not several and not model.outliers and model.independent is None
    kernel = settled(plain(model, data).kernel, data, priors, alone)
    counts = [leaf.harmonics for leaf in quasi_periodic(kernel)]
    group = xr.Dataset({"harmonics": ("leaf", counts)})
    return model.copy(kernel=kernel), {"selection": group}


def columns(kernel: Kernel) -> int:
    """Columns that its quasi-periodic kernels take."""
    return sum(2 + 4 * (leaf.harmonics or 0) for leaf in quasi_periodic(kernel))


def check(model: Any) -> list[Check]:
    """Whether the harmonics that were left out, at the values drawn, are less than the noise."""
    kernel, posterior = plain(model, model.data).kernel, model.posterior["posterior"]
    found = []
    for leaf, names in zip(kernel.leaves(), kernel.names(), strict=True):
        if not isinstance(leaf, QuasiPeriodic):
            continue
        roughness, sigma = (
            posterior[names[p]].values if names[p] in posterior else float(leaf.given(p))
            for p in ("roughness", "sigma")
        )
        jitter = posterior["jitter"].values if "jitter" in posterior else np.zeros(1)
        noise = np.median(model.data.error**2) + float(np.median(jitter)) ** 2
        left = float(np.median(sigma**2 * leaf.left_out(roughness)) / noise)
        found.append(
            Check(
                f"harmonics of {leaf.label()}",
                left <= ENOUGH,
                left,
                f"{leaf.harmonics} harmonics are too few at this {names['roughness']}: the process that was "
                "fitted is another one, and its period and lifetime may be wrong; use "
                f"QuasiPeriodic(harmonics={min(2 * (leaf.harmonics or 1), 20)}) and ba.Laplace()",
                f"variance left out at most {ENOUGH:g} of the noise's",
            )
        )
    return found


def settled(kernel: Kernel, data: LightCurve, priors: dict[str, Prior], alone: bool) -> Kernel:
    """The kernel with every number of harmonics chosen.

    Parameters
    ----------
    kernel : Kernel
    data : LightCurve
    priors : dict of str to Prior
        Of the kernel's variables and the jitter.
    alone : bool
        Whether the light curve is this process and noise: only then is there a pilot.
    """
    if alone and isinstance(kernel, QuasiPeriodic):
        found = pilot(kernel, data, priors)
        noise = np.median(data.error**2) + found.get("jitter", 0.0) ** 2
        most = NEGLIGIBLE * float(noise) / found["sigma"] ** 2
        return replace(kernel, harmonics=_enough(CAUTIOUS * found["roughness"], most))
    names = {id(leaf): own for leaf, own in zip(kernel.leaves(), kernel.names(), strict=True)}

    def chosen(leaf: Any) -> Any:
        prior = priors.get(names[id(leaf)]["roughness"])
        rough = leaf.roughness
        if prior is not None:
            rough = float(np.quantile(prior.sample(np.random.default_rng(1), 4000), 0.1))
        return replace(leaf, harmonics=_enough(float(rough), WITHOUT_PILOT))

    return mapped(kernel, {id(leaf) for leaf in open_leaves(kernel)}, chosen)


def _enough(roughness: float, most: float) -> int:
    """The smallest number of harmonics that leaves out at most so large a share of the variance."""
    for count in CHOICES:
        if QuasiPeriodic(harmonics=count).left_out(roughness) <= most:
            return count
    return CHOICES[-1]


def pilot(kernel: QuasiPeriodic, data: LightCurve, priors: dict[str, Prior]) -> dict[str, float]:
    """Values at the maximum for some of the rows, the periodic factor whole, by parameter."""
    (names,) = kernel.names()
    own = [priors.get(names.get(p, p)) for p in NAMES]
    given = tuple(
        prior if prior is not None else float(getattr(kernel, p, None) or 0.0)
        for p, prior in zip(NAMES, own, strict=True)
    )
    rows = np.linspace(0, len(data) - 1, min(len(data), ROWS)).astype(int)
    table = np.array([data.time[rows], data.value[rows], data.error[rows]])
    return dict(_pilot(table.tobytes(), given))


@lru_cache(maxsize=16)
def _pilot(table: bytes, given: tuple[Any, ...]) -> tuple[tuple[str, float], ...]:
    from scipy.linalg import LinAlgError, cho_solve, cholesky

    time, value, error = np.frombuffer(table).reshape(3, -1)
    lag = np.abs(time[:, None] - time)
    value = value - value.mean()
    wide = 25 * np.var(value)
    free = [i for i, one in enumerate(given) if isinstance(one, Prior)]
    fixed = np.array([0.0 if isinstance(one, Prior) else one for one in given])

    def whole(x: np.ndarray) -> np.ndarray:
        parameters = fixed.copy()
        parameters[free] = np.exp(x)
        return parameters

    def cost(x: np.ndarray) -> float:
        if np.any(np.abs(x) > 50):
            return 1e300
        sigma, period, decay, roughness, jitter = whole(x)
        steps = lag / decay
        covariance = sigma**2 * (1 + steps) * np.exp(-steps)
        covariance *= np.exp(-2 * (np.sin(np.pi * lag / period) / roughness) ** 2)
        covariance += wide + np.diag(error**2 + jitter**2 + 1e-10 * wide)
        try:
            factor = cholesky(covariance, lower=True)
        except (LinAlgError, ValueError):
            return 1e300
        fit = 0.5 * value @ cho_solve((factor, True), value) + np.log(np.diag(factor)).sum()
        prior = sum(np.interp(v, *table) for v, table in zip(x, tables, strict=True))
        return float(fit - prior)

    middle = np.log([max(float(np.asarray(given[i].median())), 1e-12) for i in free])
    # Densities of the logarithms, read off: this is asked for thousands of times.
    tables = [_log_density(given[i], at) for i, at in zip(free, middle, strict=True)]
    place = {i: k for k, i in enumerate(free)}

    def moved(start: np.ndarray, **logs: float) -> np.ndarray:
        start = start.copy()
        for name, value in logs.items():
            if NAMES.index(name) in place:
                start[place[NAMES.index(name)]] = value
        return start

    small = np.log(np.median(error) + 1e-3 * np.std(value))
    starts = [middle, moved(middle, jitter=small)]
    if 1 in place:
        draws = given[1].sample(np.random.default_rng(3), 4000)
        low, high = np.log(np.quantile(draws, [0.01, 0.99]))
        grid = [
            [
                moved(start, period=period, roughness=np.log(rough), decay=np.log(4) + period)
                for period in np.linspace(low, high, PERIODS)
            ]
            for start in starts
            for rough in (0.2, 0.35, 0.8)
        ]
        starts = [one for row in grid for one in sorted(row, key=cost)[:2]]
    ends = [_lowest(cost, start) for start in starts]
    if 1 in place:
        # Twice and half of a period describe much of the same curve.
        for factor in (2.0, 0.5):
            end = min(ends, key=cost)
            period = end[place[1]] + np.log(factor)
            other = moved(end, period=period, jitter=small)
            if 3 in place:
                other[place[3]] -= 0.7 * np.log(factor)
            ends.append(_lowest(cost, other))
    best = min(ends, key=cost)
    return tuple((name, float(v)) for name, v in zip(NAMES, whole(best), strict=True))


def _lowest(cost: Any, start: np.ndarray) -> np.ndarray:
    from scipy.optimize import minimize

    return minimize(cost, start, method="L-BFGS-B", options=STEPS).x if len(start) else start


def _log_density(prior: Prior, middle: float) -> tuple[np.ndarray, np.ndarray]:
    """Grid of logarithms of a positive parameter, and their log density."""
    grid = middle + np.linspace(-12, 12, 2001)
    density = prior.log_density(np.exp(grid)) + grid
    return grid, np.maximum(np.nan_to_num(density, nan=-1e4, neginf=-1e4), -1e4)
