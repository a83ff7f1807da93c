"""What draws of rates say of counts: new ones, their densities, and how far out those seen are.

The sources of other data are those of the fit where both containers name them; all others are new,
and drawn from the population.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bayes_astro.data.columns import DataError, convert, split_unit
from bayes_astro.data.counts import Counts
from bayes_astro.populations.poisson_rate_problem import Layout, laid_out, level_of

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["distribution", "log_counts", "log_densities", "log_given_off", "predicted"]


class Rows(NamedTuple):
    """New exposures: whose, where these are in the fit (-1: nowhere), and their backgrounds."""

    labels: list[str]
    place: np.ndarray
    exposure: np.ndarray
    known: np.ndarray
    off: Counts | None = None


def rows_of(data: Counts, at: Any) -> Rows:
    """What to predict, from a container, exposures by source, or exposures of new sources."""
    if isinstance(at, Counts):
        at = in_unit_of(data, at)
        exposure = at.exposure
        known = np.zeros(len(at)) if at.background is None else at.background
        off = None if at.off_counts is None else at
        return Rows(list(at.labels), places(data, at), exposure, known, off)
    if isinstance(at, Mapping):
        labels = [str(name) for name in at]
        each = [split_unit(x, f"at, {name}") for name, x in at.items()]
        exposure = np.array([exposures(x, unit, data, "at").item() for x, unit in each])
        index = {name: i for i, name in enumerate(data.labels)}
        place = np.array([index.get(name, -1) for name in labels], dtype=int)
    else:
        plain, unit = split_unit(at, "at")
        exposure = exposures(plain, unit, data, "at")
        place = np.full(len(exposure), -1)
        labels = [f"new {i}" for i in range(len(exposure))]
    known = np.zeros(len(place))
    if data.background is not None:
        known = np.where(place < 0, 0.0, (data.background / data.exposure)[place] * exposure)
    return Rows(labels, place, exposure, known)


def in_unit_of(data: Counts, at: Counts) -> Counts:
    """Other counts with their exposures in the unit of the fitted ones; `data` itself as it is."""
    unit = at.exposure_unit
    if unit == data.exposure_unit or not unit:
        return at
    pairs = {"exposure": at.exposure, "off_exposure": at.off_exposure}
    same = {k: exposures(x, unit, data, "at") for k, x in pairs.items() if x is not None}
    return at.replace(**same, exposure_unit=data.exposure_unit)


def exposures(x: Any, unit: str | None, data: Counts, name: str) -> np.ndarray:
    """Exposures (m,) in the unit of the data."""
    try:
        found = np.atleast_1d(np.asarray(x, dtype=float))
    except (TypeError, ValueError):
        found = np.zeros(0)
    if found.ndim != 1 or not found.size or not (np.isfinite(found) & (found > 0)).all():
        raise ValueError(
            f"{name} must hold exposures > 0: an array for new sources, a mapping of names to "
            f"exposures, or ba.Counts; got {x!r:.80}."
        )
    if not unit:
        return found
    if not data.exposure_unit:
        raise DataError(f"{name}: is in {unit!r}, and the exposures of the fit have no unit")
    return convert(found, unit, data.exposure_unit, name)


def places(data: Counts, at: Counts) -> np.ndarray:
    """Where each source of `at` is in `data`, or -1."""
    if at is data:
        return np.arange(len(data))
    if at.names is None or data.names is None:
        return np.full(len(at), -1)
    index = {name: i for i, name in enumerate(data.names)}
    return np.array([index.get(name, -1) for name in at.names])


def predicted(
    model: Any, draws: xr.Dataset, rows: Rows, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Expected counts, background included, and new counts: (s, m) both."""
    refuse_new(model, rows)
    rate, background = _stacked(draws, "rate"), _stacked(draws, "background")
    mean = rate[:, rows.place]
    expected_off = np.zeros_like(mean) + rows.known
    new = rows.place < 0
    if new.any():
        mean[:, new] = population(model, draws, int(new.sum()), rng)
    if background.size:
        off = background[:, rows.place]
        if new.any():
            off[:, new] = _backgrounds(draws, rows, new, rng)
        expected_off = off * rows.exposure
    expected = mean * rows.exposure + expected_off
    return expected, rng.poisson(expected).astype(float)


def population(model: Any, draws: xr.Dataset, count: int, rng: np.random.Generator) -> np.ndarray:
    """Rates of new sources, (s, count)."""
    level = _stacked(draws, level_of(model.hyperprior))[:, None]
    scatter = _stacked(draws, "scatter")[:, None]
    if model.hyperprior == "log-normal":
        return level * np.exp(scatter * rng.standard_normal((len(level), count)))
    phi = np.maximum(scatter**2, 1e-12)
    return rng.gamma(1 / phi, phi * level, size=(len(level), count))


def _backgrounds(
    draws: xr.Dataset, rows: Rows, new: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Background rates of new sources, given their off counts where there are some."""
    mean = _stacked(draws, "background_mean")[:, None]
    psi = np.maximum(_stacked(draws, "background_scatter")[:, None] ** 2, 1e-12)
    shape, total = 1 / psi + np.zeros((1, new.sum())), 1 / (psi * mean)
    if rows.off is not None:
        off = laid_out(rows.off)
        shape, total = shape + off.counts[1, new], total + off.exposure[1, new]
    return rng.gamma(shape) / total


def refuse_new(model: Any, rows: Rows) -> None:
    """Raise ValueError for new sources where there is no population to draw them from."""
    if model.hyperprior == "independent" and (rows.place < 0).any():
        name = rows.labels[int(np.argmax(rows.place < 0))]
        raise ValueError(
            f"source {name!r} was not fitted, and independent rates say nothing of others: name the "
            "sources of both data (Counts(names=...)), or fit with hyperprior='gamma'."
        )


def log_counts(model: Any, draws: xr.Dataset, data: Counts, at: Counts) -> np.ndarray:
    """Log density of new counts: of sources that were fitted by their rates, else given off counts."""
    from scipy.stats import poisson

    at = in_unit_of(data, at)
    rows = rows_of(data, at)
    refuse_new(model, rows)
    old = rows.place >= 0
    found = np.empty((draws.sizes["chain"] * draws.sizes["draw"], len(at)))
    if old.any():
        mean = _stacked(draws, "rate")[:, rows.place[old]] * rows.exposure[old]
        background = _stacked(draws, "background")
        if background.size:
            mean = mean + background[:, rows.place[old]] * rows.exposure[old]
        found[:, old] = poisson.logpmf(at.counts[old], mean + rows.known[old])
    if not old.all():
        found[:, ~old] = log_given_off(model, draws, at[~old])
    return found


def log_densities(model: Any, draws: xr.Dataset, data: Counts) -> np.ndarray:
    """Log density of counts on and off under the population, (s, n)."""
    from bayes_astro.likelihoods.rate_population import marginal

    laid = laid_out(data)
    arguments = _arguments(model, draws, laid)
    out = np.empty((len(arguments[0]), len(data)))
    marginal(*arguments, *laid, out)
    return out


def distribution(model: Any, draws: xr.Dataset, data: Counts) -> np.ndarray:
    """P(fewer counts), P(as many) given the off counts, and log P(off counts): (3, s, n)."""
    from bayes_astro.likelihoods.rate_population import cumulative

    laid = laid_out(data)
    arguments = _arguments(model, draws, laid)
    out = np.empty((3, len(arguments[0]), len(data)))
    cumulative(*arguments, *laid, out)
    return out


def log_given_off(model: Any, draws: xr.Dataset, data: Counts) -> np.ndarray:
    """Log density of the counts given the off counts under the population, (s, n)."""
    whole = log_densities(model, draws, data)
    return whole if data.off_counts is None else whole - distribution(model, draws, data)[2]


def _arguments(model: Any, draws: xr.Dataset, laid: Layout) -> tuple[Any, ...]:
    """Parameters of the population as the kernels take them."""
    from bayes_astro.likelihoods.poisson_rate import GAMMA, LOG_NORMAL

    level = _stacked(draws, level_of(model.hyperprior))
    background = psi = np.zeros(len(level))
    if laid.measured:
        background = _stacked(draws, "background_mean")
        psi = _stacked(draws, "background_scatter") ** 2
    kind = LOG_NORMAL if model.hyperprior == "log-normal" else GAMMA
    return level, _stacked(draws, "scatter"), background, psi, kind


def _stacked(draws: xr.Dataset, name: str) -> np.ndarray:
    """Values of a variable, (s, ...); empty where there is none."""
    if name not in draws:
        return np.zeros(0)
    values = draws[name].transpose("chain", "draw", ...).values
    return np.array(values, dtype=float).reshape(-1, *values.shape[2:])
