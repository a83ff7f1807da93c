"""What draws of blocks say at times, of rows, and of new series."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import gammaln, ndtri

from bayes_astro.data import LightCurve
from bayes_astro.data.counts import Counts
from bayes_astro.data.events import Events
from bayes_astro.residuals import from_chances

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["at_places", "integrated", "log_densities", "normal_scores", "observed", "simulated"]

SMALLEST = 1e-300


def _each(draws: xr.Dataset) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Starts and levels of every draw, chain after chain."""
    start = draws["block_start"].transpose("chain", "draw", "block").values
    level = draws["block_level"].transpose("chain", "draw", "block").values
    return zip(start.reshape(-1, start.shape[-1]), level.reshape(-1, level.shape[-1]), strict=True)


def at_places(draws: xr.Dataset, place: np.ndarray) -> np.ndarray:
    """Levels of every draw at some times, (s, m); before and after the series those of its ends."""
    return np.array(
        [
            level[np.maximum(np.searchsorted(start, place, "right") - 1, 0)]
            for start, level in _each(draws)
        ]
    )


def integrated(draws: xr.Dataset, data: Events) -> np.ndarray:
    """Expected number of events before each event and before the end, (s, n + 1)."""
    ends = np.append(data.time, data.span[1])
    found = []
    for start, level in _each(draws):
        steps = data.exposure_before(np.append(start[1:], data.span[1]))
        until = np.append(0.0, np.cumsum(np.diff(steps, prepend=0.0) * level))
        own = np.maximum(np.searchsorted(start, ends, "right") - 1, 0)
        begun = np.append(0.0, steps[:-1])[own]
        found.append(until[own] + level[own] * (data.exposure_before(ends) - begun))
    return np.array(found)


def log_densities(draws: xr.Dataset, data: Any, place: np.ndarray) -> np.ndarray:
    """Log density of every row, (s, n): of an event given those before it, the last with the rest."""
    level = at_places(draws, place)
    if isinstance(data, LightCurve):
        z = (data.value - level) / data.error
        return -0.5 * (z**2 + np.log(2 * np.pi * data.error**2))
    level = np.maximum(level, SMALLEST)
    if isinstance(data, Counts):
        expected = level * data.exposure
        return data.counts * np.log(expected) - expected - gammaln(data.counts + 1)
    until = integrated(draws, data)
    waited = np.diff(until, axis=1, prepend=0.0)
    found = np.log(level) - waited[:, :-1]
    found[:, -1] -= waited[:, -1]
    return found


def normal_scores(draws: xr.Dataset, data: Any, place: np.ndarray) -> np.ndarray:
    """Unit normals where the blocks hold, (s, n): of waiting times, of counts (at random within one)."""
    level = at_places(draws, place)
    if isinstance(data, LightCurve):
        return np.asarray((data.value - level) / data.error)
    if isinstance(data, Counts):
        from scipy.stats import poisson

        expected = np.maximum(level * data.exposure, SMALLEST)
        rng = np.random.default_rng(len(data))
        uniform = rng.uniform(size=expected.shape)
        below = poisson.cdf(data.counts - 1, expected) + uniform * poisson.pmf(
            data.counts, expected
        )
        return np.asarray(ndtri(np.clip(below, 1e-12, 1 - 1e-12)))
    waited = np.diff(integrated(draws, data)[:, :-1], axis=1, prepend=0.0)
    waited = np.maximum(waited, 1e-12)
    return from_chances(-np.expm1(-waited), np.exp(-waited))


def observed(level: np.ndarray, data: Any, at: Any, rng: np.random.Generator) -> np.ndarray:
    """What would be observed: values with their errors, counts, or waiting times for an event."""
    if isinstance(data, LightCurve):
        error = at.error if isinstance(at, LightCurve) else 0.0
        return level + error * rng.standard_normal(level.shape)
    level = np.maximum(level, SMALLEST)
    if isinstance(data, Counts):
        exposure = at.exposure if isinstance(at, Counts) else np.median(data.exposure)
        return rng.poisson(np.minimum(level * exposure, 1e15)).astype(float)
    return rng.exponential(size=level.shape) / level


def simulated(start: np.ndarray, level: np.ndarray, design: Any, rng: np.random.Generator) -> Any:
    """A new series of one division; of events another number of them, in the same intervals."""
    if not isinstance(design, Events):
        from bayes_astro.blocks.cells import places

        own = level[np.maximum(np.searchsorted(start, places(design, design), "right") - 1, 0)]
        if isinstance(design, Counts):
            return design.replace(counts=rng.poisson(own * design.exposure).astype(float))
        return design.replace(value=own + design.error * rng.standard_normal(len(own)))
    stop = np.append(start[1:], design.span[1])
    assert design.intervals is not None
    times = []
    for low, high, rate in zip(start, stop, level, strict=True):
        for begin, end in design.intervals:
            first, last = max(low, begin), min(high, end)
            if last > first:
                times.append(rng.uniform(first, last, rng.poisson(rate * (last - first))))
    return design.replace(time=np.sort(np.concatenate(times)), weight=None)
