"""Figures of blocks: levels with their bands over the data, where and how often they change."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.blocks.cells import rate_unit
from bayes_astro.data import LightCurve
from bayes_astro.data.counts import Counts
from bayes_astro.plots import style

__all__ = ["FIGURES", "blocks", "changes", "number"]

FINE, BINS = 600, 60


def blocks(model: Any, at: Any = None) -> style.Drawing:
    """The level with bands of 68 and 95%, and the data; events in bins of equal length.

    `at`: times at which the level is shown; of counts, numbers of rows.
    """
    data = model.data
    low, high = _ends(data)
    at = np.linspace(low, high, FINE) if at is None else style.places(at, "times")
    (axis,) = style.panels(0.6 if not style.narrow() else 0.95)
    curves = model.predict(at)["signal"].values.reshape(-1, len(at))
    _points(axis, data)
    style.bands(axis, at, curves, "level", "median")
    axis.set_ylabel(style.axis_label(_quantity(data), rate_unit(data)))
    style.legend_above(axis)
    _along(axis, data)
    return axis.figure


def changes(model: Any) -> style.Drawing:
    """Expected number of changes in bins of equal length: a probability, where it is small."""
    (axis,) = style.panels(0.4 if not style.narrow() else 0.6)
    edges = np.linspace(*_ends(model.data), BINS + 1)
    group = model.posterior["changes"]
    number, _ = np.histogram(group["place"].values, edges, weights=group["probability"].values)
    axis.stairs(number, edges, fill=True, color=style.COLOURS["orange"])
    axis.set_ylim(0, None)
    axis.set_ylabel("changes in a bin")
    _along(axis, model.data)
    return axis.figure


def _along(axis: Any, data: Any) -> None:
    name, unit = ("row", "") if isinstance(data, Counts) else ("time", str(data.time_unit))
    axis.set_xlabel(style.axis_label(name, unit))
    axis.set_xlim(*_ends(data))


def number(model: Any) -> style.Drawing:
    """How probable each number of changes is."""
    (axis,) = style.panels(0.6 if not style.narrow() else 0.95)
    found = model.posterior["posterior"]["n_changes"].values.ravel().astype(int)
    counts = np.bincount(found) / len(found)
    axis.bar(np.arange(len(counts)), counts, color=style.COLOURS["blue"])
    axis.set_xlabel("number of changes")
    axis.set_ylabel("probability")
    axis.xaxis.get_major_locator().set_params(integer=True)
    return axis.figure


def _ends(data: Any) -> tuple[float, float]:
    if isinstance(data, Counts):
        return 0.0, float(len(data))
    if isinstance(data, LightCurve):
        return float(data.time.min()), float(data.time.max())
    return data.span


def _quantity(data: Any) -> str:
    return "value" if isinstance(data, LightCurve) else "rate"


def _points(axis: Any, data: Any) -> None:
    style_of = {"color": style.COLOURS["grey"], "zorder": 1}
    if isinstance(data, LightCurve):
        axis.errorbar(data.time, data.value, data.error, fmt="o", ms=2, lw=0.6, **style_of)
    elif isinstance(data, Counts):
        axis.stairs(data.counts / data.exposure, np.arange(len(data) + 1), **style_of)
    else:
        low, high = data.span
        edges = np.linspace(low, high, BINS + 1)
        exposure = np.diff(data.exposure_before(edges))
        counts, _ = np.histogram(data.time, edges)
        with np.errstate(divide="ignore", invalid="ignore"):
            axis.stairs(np.where(exposure > 0, counts / exposure, np.nan), edges, **style_of)


FIGURES = {"blocks": blocks, "changes": changes, "number": number}
