"""Limits in figures of a relation, the population of its predictors, and its residuals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayes_astro import residuals as of_model
from bayes_astro.data import Measurements
from bayes_astro.plots import style
from bayes_astro.regression import predictive
from bayes_astro.regression.rows import predictors

__all__ = ["arrows", "bounds", "limits", "population", "residuals"]

LENGTH = 0.06  # of an arrow, in the range of its axis
FEW = 300  # draws of a density
AT_ONCE = 3  # panels in a row
SHAPES = {
    (0, -1): r"$\leftarrow$",
    (0, 1): r"$\rightarrow$",
    (1, -1): r"$\downarrow$",
    (1, 1): r"$\uparrow$",
}


def limits(data: Measurements, response: str) -> np.ndarray:
    """-1 of an upper limit, 1 of a lower one, 0 elsewhere: (n, d), the response last."""
    if data.limit is None:
        return np.zeros((len(data), data.d), int)
    names = [*predictors(data, response), response]
    return data.limit[:, [data.index(name) for name in names]]


def arrows(axis: Any, x: np.ndarray, y: np.ndarray, limit: np.ndarray) -> None:
    """Limits (n, 2) of x and y as arrows from where they are: down, up, left or right."""
    colour = style.COLOURS["blue"]
    for column, values, mark in ((0, x, "|"), (1, y, "_")):
        for side, name in ((-1, "upper"), (1, "lower")):
            rows = limit[:, column] == side
            if not rows.any():
                continue
            length = LENGTH * np.ptp(values)
            ends = {
                (0, -1): {"xerr": length, "xuplims": True},
                (0, 1): {"xerr": length, "xlolims": True},
                (1, -1): {"yerr": length, "uplims": True},
                (1, 1): {"yerr": length, "lolims": True},
            }[column, side]
            label = f"{name} limits" + (" in the predictor" if column == 0 else "")
            axis.errorbar(
                x[rows], y[rows], **ends, fmt=mark, ms=4, mew=0.7, elinewidth=0.7, capsize=1.8,
                color=colour, zorder=3,
            )  # fmt: skip
            # In a legend a bar with caps has no direction.
            axis.plot([], [], ls="", marker=SHAPES[column, side], ms=6, color=colour, label=label)


def bounds(axis: Any, model: Any) -> None:
    """The bounds of a selection, where there is one."""
    selection = getattr(model, "selection", None)
    if selection is None:
        return
    for bound in (selection.lower, selection.upper):
        if bound is not None:
            axis.axhline(bound, color=style.COLOURS["grey"], ls=(0, (1, 2)), zorder=0)
    axis.plot([], [], color=style.COLOURS["grey"], ls=(0, (1, 2)), label="selection")


def population(model: Any) -> style.Drawing:
    """The density of the true predictors with its band, over a histogram of what was measured.

    Of a selected sample the density is of all objects, the histogram of those that were selected.
    """
    data, names = model.data, predictors(model.data, model.response)
    units = dict(zip(data.names, data.units or ("",) * data.d, strict=True))
    draws = of_model.some(model, FEW)
    limited = limits(data, model.response)
    axes = _row(len(names))
    for j, (axis, name) in enumerate(zip(axes, names, strict=True)):
        values = data.column(name)
        seen = values[~np.isnan(values) & (limited[:, j] == 0)]
        reach = 0.15 * np.ptp(seen)
        at = np.linspace(seen.min() - reach, seen.max() + reach, 300)
        curves = np.array([_density(one, j, at) for one in predictive.each(draws)])
        style.bands(axis, at, curves, "the true density", "median")
        count = int(np.clip(1.5 * math.sqrt(len(seen)), 6, 40))
        axis.hist(
            seen, count, density=True, histtype="step", color=style.COLOURS["blue"],
            label="measured", zorder=0,
        )  # fmt: skip
        axis.set_ylim(bottom=0)
        axis.set_xlabel(style.axis_label(name, units[name]))
        axis.set_ylabel(style.axis_label("density", f"1 / {units[name]}" if units[name] else ""))
    style.legend_above(axes[0])
    return axes[0].figure


def _density(one: predictive.Line, j: int, at: np.ndarray) -> np.ndarray:
    """Of one draw the density of predictor j: a sum over all components, outliers as well."""
    from scipy.stats import norm

    sd = np.sqrt(one.matrix[:, j, j])
    return norm.pdf(at[:, None], one.mean[:, j], sd) @ np.exp(one.log_weight)


def residuals(model: Any) -> style.Drawing:
    """Normal scores of the responses given the predictors, against each predictor; limits hollow.

    Of a limit the score is drawn from beyond it, as one that fits would be. Rows without a response, or
    without this predictor, have no place.
    """
    data, names = model.data, predictors(model.data, model.response)
    units = dict(zip(data.names, data.units or ("",) * data.d, strict=True))
    rows = of_model.of_draws(model)
    bound = limits(data, model.response)[:, -1] != 0
    # A mean over draws of what lies beyond a limit would be its expectation, and no draw.
    score = np.where(bound, rows[0], rows.mean(axis=0))
    axes = _row(len(names), sharey=True)
    for axis, name in zip(axes, names, strict=True):
        x = data.column(name)
        axis.axhspan(-1, 1, color=style.COLOURS["grey"], alpha=0.15, lw=0, zorder=0, label="± 1")
        axis.axhline(0, color=style.COLOURS["grey"], lw=0.7, zorder=1)
        for chosen, face, label in (
            (~bound, style.COLOURS["blue"], "measured"),
            (bound, "white", "drawn beyond limits"),
        ):
            if chosen.any():
                axis.scatter(
                    x[chosen], score[chosen], s=11, linewidth=0.7, label=label, zorder=3,
                    facecolor=face, edgecolor=style.COLOURS["blue"],
                )  # fmt: skip
        axis.set_xlabel(style.axis_label(name, units[name]))
    axes[0].set_ylabel(f"normal score of {model.response}".replace("$", r"\$"))
    style.legend_above(axes[0])
    return axes[0].figure


def _row(count: int, **how: Any) -> Any:
    """A panel for each predictor."""
    columns = min(count, 1 if style.narrow() else AT_ONCE)
    rows = math.ceil(count / columns)
    height = (0.9 if style.narrow() else {1: 0.55, 2: 0.45}.get(columns, 0.36)) * rows
    return style.panels(height, rows, columns, count, **how)
