"""Figures of a structure function: its law over the binned estimate, corner."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.baselines.structure_function import binned
from bayes_astro.plots import corner as corner_plot
from bayes_astro.plots import style, time_series
from bayes_astro.variability import structure_function_data as series_data

__all__ = ["FIGURES", "corner", "forecast", "structure_function"]

BINS = 12


def structure_function(model: Any, at: Any = None) -> style.Drawing:
    """The law's 68 and 95% bands over the binned structure function.

    Bins whose squared differences fall below the noise are left out; bars are jackknife errors.

    `at`: lags, in the time unit of the data.
    """
    data = model.data
    lag, squared, error, _ = binned(data, getattr(model, "bins", BINS))
    if at is None:
        at = np.geomspace(lag.min() / 2, lag.max() * 2, 200)
    else:
        at = style.places(at, "lags", 0.0)
    (axis,) = style.panels(0.6 if not style.narrow() else 0.95)
    curves = model.structure_function(at).values.reshape(-1, at.size)
    middle = style.bands(axis, at, curves, "the law", "median law")
    above = squared > 0
    low = np.sqrt(np.maximum(squared - error, 0))[above]
    high, value = np.sqrt((squared + error)[above]), np.sqrt(squared[above])
    axis.errorbar(
        lag[above],
        value,
        [value - low, high - value],
        fmt="o",
        ms=3,
        color=style.COLOURS["blue"],
        label="binned differences less noise",
        zorder=3,
    )
    axis.set_xscale("log")
    axis.set_yscale("log")
    bottom = min(middle.min(), value.min() if value.size else middle.min())
    axis.set_ylim(bottom / 2, 2 * max(middle.max(), value.max() if value.size else 0))
    span = series_data.scales(data)[0]
    axis.axvline(0.1 * span, color=style.COLOURS["grey"], linestyle=":", label="baseline / 10")
    axis.set_xlabel(style.axis_label("lag", data.time_unit))
    axis.set_ylabel(style.axis_label("structure function", data.value_unit))
    style.legend_above(axis)
    return axis.figure


def forecast(model: Any, at: Any = None) -> style.Drawing:
    """The data, the curve through them, and what is expected of it after the last observation.

    Bands hold 68 and 95% of the noiseless curve. The forecast reaches a fifth of the time span ahead.

    `at`: times to which it reaches; or a LightCurve of later observations, drawn beside it.
    """
    return time_series.forecast(model, at, series=True)


def corner(model: Any) -> style.Drawing:
    """The two parameters of the law against each other."""
    return corner_plot.corner(model, ("sf_infinity", "tau", "sf_reference", "gamma"))


FIGURES = {
    "structure function": structure_function,
    "forecast": forecast,
    "corner": corner,
}
