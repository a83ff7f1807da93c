"""Figures of a correlation function: estimates and form, departures from the power law, corner."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.parameters import in_unit
from bayes_astro.plots import corner as corner_plot
from bayes_astro.plots import style

__all__ = ["FIGURES", "corner", "correlation", "departure", "matrix"]

MOST = 12  # bins whose correlations are written out


def _range(model: Any, at: Any) -> np.ndarray:
    data = model.data
    if at is None:
        return np.geomspace(data.lower[0], data.upper[-1], 150)
    return style.places(in_unit("at", at, data.unit), "separations", 0.0)


def correlation(model: Any, at: Any = None) -> style.Drawing:
    """The estimates with their errors, and the 68 and 95% bands of the correlation function.

    Estimates below zero are drawn as upper ends of their errors. With an integral constraint the bands
    are those of xi, and the estimates are raised by the median of the constraint.

    `at`: separations, in the unit of the data.
    """
    data, at = model.data, _range(model, at)
    (axis,) = style.panels(0.6 if not style.narrow() else 0.95)
    signal = model.predict(at, draws=1000)["signal"].values.reshape(-1, at.size)
    middle = style.bands(axis, at, signal, "xi", "median")
    posterior = model.posterior["posterior"]
    raised = float(posterior["offset"].median()) if "offset" in posterior else 0.0
    value, error = data.estimate + raised, data.error
    seen = value > 0
    bottom = 0.3 * min(middle.min(), value[seen].min() if seen.any() else middle.min())
    low = np.maximum(value - error, bottom)
    axis.errorbar(
        data.middle[seen],
        value[seen],
        [(value - low)[seen], error[seen]],
        fmt="o",
        ms=3,
        color=style.COLOURS["blue"],
        label="estimates",
        zorder=3,
    )
    hidden = ~seen & (value + error > 0)
    if hidden.any():
        axis.plot(
            data.middle[hidden],
            (value + error)[hidden],
            "v",
            ms=4,
            color=style.COLOURS["blue"],
            label="1 sd above a negative estimate",
            zorder=3,
        )
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_ylim(bottom=bottom)
    axis.set_xlabel(style.axis_label("separation", data.unit))
    axis.set_ylabel("w" if data.kind == "angular" else "xi")
    style.legend_above(axis)
    return axis.figure


def departure(model: Any, at: Any = None) -> style.Drawing:
    """The correlation function over its own power law, and the estimates over the median one.

    `at`: separations, in the unit of the data.
    """
    data, at = model.data, _range(model, at)
    posterior = model.posterior["posterior"]
    pivot = float(model.posterior["form"]["pivot"])
    (axis,) = style.panels(0.5 if not style.narrow() else 0.85)
    from bayes_astro.draws import thinned

    draws = thinned(posterior.to_dataset(), 1000)
    x = np.log(at / pivot)
    law = draws["amplitude"].values[..., None] * np.exp(-draws["gamma"].values[..., None] * x)
    signal = model.predict(at, draws=1000)["signal"].values
    style.bands(axis, at, (signal / law).reshape(-1, at.size), "xi / power law", "median")
    raised = float(posterior["offset"].median()) if "offset" in posterior else 0.0
    line = float(posterior["amplitude"].median()) * (data.middle / pivot) ** -float(
        posterior["gamma"].median()
    )
    axis.errorbar(
        data.middle,
        (data.estimate + raised) / line,
        data.error / line,
        fmt="o",
        ms=3,
        color=style.COLOURS["blue"],
        label="estimates / median power law",
        zorder=3,
    )
    shown = np.quantile((signal / law).reshape(-1, at.size), [0.025, 0.975], axis=0)
    reach = 0.3 + 1.5 * np.abs(shown - 1).max()
    axis.set_ylim(max(1 - reach, -0.5), 1 + reach)
    axis.axhline(1.0, color=style.COLOURS["grey"], linewidth=0.8, zorder=0)
    axis.set_xscale("log")
    axis.set_xlabel(style.axis_label("separation", data.unit))
    axis.set_ylabel("ratio to the power law")
    style.legend_above(axis)
    return axis.figure


def matrix(model: Any) -> style.Drawing:
    """Correlations between the estimates of the bins: blue below zero, red above."""
    data = model.data
    (axis,) = style.panels(0.55 if not style.narrow() else 0.9)
    correlations = data.covariance / np.outer(data.error, data.error)
    bins = np.arange(len(data) + 1) - 0.5
    axis.pcolormesh(bins, bins, correlations, cmap="RdBu_r", vmin=-1, vmax=1)
    if len(data) <= MOST:
        for (i, j), number in np.ndenumerate(correlations):
            colour = "white" if abs(number) > 0.6 else "black"
            axis.text(j, i, f"{number:.2f}", ha="center", va="center", fontsize=6.5, color=colour)
    labels = [f"{r:.2g}" for r in data.middle]
    step = max(1, len(data) // 6)
    for which in (axis.xaxis, axis.yaxis):
        which.set_ticks(np.arange(len(data))[::step], labels[::step])
    axis.set_aspect("equal")
    axis.set_xlabel(style.axis_label("separation", data.unit))
    axis.set_ylabel(style.axis_label("separation", data.unit))
    return axis.figure


def corner(model: Any) -> style.Drawing:
    """Amplitude, slope and what bends the power law against each other."""
    return corner_plot.corner(model, ("amplitude", "gamma", "offset", "smooth_sigma", "length"))


FIGURES = {
    "correlation": correlation,
    "departure": departure,
    "matrix": matrix,
    "corner": corner,
}
