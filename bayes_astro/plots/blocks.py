"""Figures of blocks: levels with their bands over the data, how many changes, residuals."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.blocks.cells import rate_unit
from bayes_astro.data import LightCurve
from bayes_astro.data.counts import Counts
from bayes_astro.plots import style

__all__ = ["FIGURES", "blocks", "number"]

FINE, BINS = 600, 60


def blocks(model: Any, at: Any = None) -> style.Drawing:
    """The level with bands of 68 and 95%, the data below it, and where it changes.

    Events are shown in bins of equal length; the lower panel has the probability of a change in each of them.

    `at`: times at which the level is shown; of counts, numbers of rows.
    """
    data, bayesian = model.data, "changes" in model.posterior.children
    low, high = _ends(data)
    at = np.linspace(low, high, FINE) if at is None else style.places(at, "times")
    if bayesian:
        axis, below = style.panels(0.75 if not style.narrow() else 1.1, 2, 1, height_ratios=(3, 1))
    else:
        (axis,), below = style.panels(0.6 if not style.narrow() else 0.95), None
    curves = model.predict(at)["signal"].values.reshape(-1, len(at))
    _points(axis, data)
    style.bands(axis, at, curves, "level", "median")
    axis.set_ylabel(style.axis_label(_quantity(data), rate_unit(data)))
    style.legend_above(axis)
    last = axis
    if below is not None:
        group = model.posterior["changes"]
        edges = np.linspace(low, high, BINS + 1)
        chance, _ = np.histogram(group["place"].values, edges, weights=group["probability"].values)
        below.stairs(np.minimum(chance, 1.0), edges, fill=True, color=style.COLOURS["orange"])
        below.set_ylim(0, 1.05)
        below.set_ylabel("changes")
        axis.tick_params(labelbottom=False)
        last = below
    name, unit = ("row", "") if isinstance(data, Counts) else ("time", str(data.time_unit))
    last.set_xlabel(style.axis_label(name, unit))
    for one in (axis, last):
        one.set_xlim(low, high)
    return axis.figure


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
        edges = np.linspace(*data.span, BINS + 1)
        exposure = np.diff(data.exposure_before(edges))
        counts, _ = np.histogram(data.time, edges)
        with np.errstate(divide="ignore", invalid="ignore"):
            axis.stairs(np.where(exposure > 0, counts / exposure, np.nan), edges, **style_of)


FIGURES = {"blocks": blocks, "number": number}
