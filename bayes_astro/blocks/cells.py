"""A series as cells between which it may change, and the sums that a block of them needs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from bayes_astro.data import LightCurve
from bayes_astro.data.columns import convert, floats
from bayes_astro.data.counts import Counts
from bayes_astro.data.events import Events

__all__ = ["Cells", "cells_of", "check", "exposures", "places", "rate_unit"]

FINEST = 256  # parts of the whole in which nothing needs to happen for a change to be possible


class Cells(NamedTuple):
    """Cells in order: a level is constant in each."""

    edges: np.ndarray  # (c + 1,), in time, or numbers of rows of counts
    share: (
        np.ndarray
    )  # (c,), of the whole in which a change is put before each cell; 0 for the first
    first: np.ndarray  # (c + 1,), events, or sums of (y - m) / s^2, before each edge
    second: np.ndarray  # (c + 1,), exposures, or sums of 1 / s^2
    poisson: bool


def check(data: Any) -> None:
    """Raise ValueError for what blocks cannot be of."""
    if isinstance(data, Counts):
        if data.off_counts is not None or np.any(data.expected_background > 0):
            raise ValueError(
                "BayesianBlocks takes counts without a background, whose rate is one block's: give "
                "Counts(counts, exposure) alone, with the background among the counts."
            )
    elif isinstance(data, LightCurve):
        if len(data.bands) > 1:
            raise ValueError(
                f"column 'band': this light curve has the bands {', '.join(data.bands)}, and blocks are of "
                f"one. Choose with light_curve.select({data.bands[0]!r})."
            )
    elif data.weight is not None:
        raise ValueError(
            "BayesianBlocks takes no weights of events: leave out those of small weight, "
            "data[data.weight > 0.5].replace(weight=None)."
        )
    if len(data) < 3:
        raise ValueError(f"{len(data)} rows are too few for blocks: at least 3 are needed.")


def rate_unit(data: Any) -> str:
    """That of a level."""
    if isinstance(data, LightCurve):
        return data.value_unit or ""
    unit = data.time_unit if isinstance(data, Events) else data.exposure_unit
    return f"1 / {unit}" if unit else ""


def cells_of(data: Any, centre: float = 0.0) -> Cells:
    """Events: about each one, and parts of long gaps; counts and values: a row each.

    `centre` is taken off values.
    """
    if isinstance(data, Events):
        return _of_events(data)
    if isinstance(data, Counts):
        n = len(data)
        share = np.full(n, 1 / max(n - 1, 1))
        share[0] = 0.0
        return Cells(np.arange(n + 1.0), share, _sums(data.counts), _sums(data.exposure), True)
    order = np.argsort(data.time, kind="stable")
    time, weight = data.time[order], data.error[order] ** -2.0
    middle = 0.5 * (time[1:] + time[:-1])
    share = np.append(0.0, np.diff(time) / (time[-1] - time[0]))
    edges = np.concatenate([time[:1], middle, time[-1:]])
    total = _sums((data.value[order] - centre) * weight)
    return Cells(edges, share, total, _sums(weight), False)


def _sums(values: np.ndarray) -> np.ndarray:
    return np.append(0.0, np.cumsum(values))


def _of_events(data: Events) -> Cells:
    """Boundaries in the middle of every part of a gap: as many parts as make none of them long."""
    low, high = data.span
    stops = np.unique(np.concatenate([[low], data.time, [high]]))
    gap = np.diff(stops)
    parts = np.maximum(1, np.ceil(gap * FINEST / (high - low))).astype(int)
    start, length = np.repeat(stops[:-1], parts), np.repeat(gap / parts, parts)
    number = np.arange(len(start)) - np.repeat(np.cumsum(parts) - parts, parts)
    boundary = start + (number + 0.5) * length
    edges = np.concatenate([[low], boundary, [high]])
    share = np.append(0.0, length / (high - low))
    before = np.searchsorted(data.time, edges, "left").astype(float)
    before[-1] = len(data)
    return Cells(edges, share, before, data.exposure_before(edges), True)


def exposures(data: Events) -> np.ndarray:
    """Exposure of every event since the one before it, (n,): what is waited for it."""
    return np.diff(data.exposure_before(data.time), prepend=0.0)


def places(data: Any, at: Any) -> np.ndarray:
    """Times, or numbers of rows of counts, at which levels are asked for."""
    if isinstance(at, Counts | Events | LightCurve) and not isinstance(at, type(data)):
        raise ValueError(
            f"at: blocks of {type(data).__name__} say nothing of {type(at).__name__}; give times, or "
            f"{type(data).__name__}."
        )
    if isinstance(data, LightCurve):
        from bayes_astro.data.light_curve_inputs import times

        return times(data, at)[0]
    if isinstance(at, Counts):
        return np.arange(len(at)) + 0.5
    if isinstance(at, Events):
        return convert(at.time, at.time_unit, data.time_unit, "at")
    if hasattr(at, "unit") and isinstance(data, Events):
        at = at.to_value(data.time_unit)
    found = np.atleast_1d(floats(at, "at", (0, 1)))
    if not np.isfinite(found).all():
        raise ValueError(f"at: row {np.argmax(~np.isfinite(found))} is not finite.")
    return found
