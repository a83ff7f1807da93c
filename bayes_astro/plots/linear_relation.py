"""Figures of a linear relation: data with error ellipses and limits, band, population, residuals."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.collections import EllipseCollection

from bayes_astro.plots import corner as corner_plot
from bayes_astro.plots import relation_panels, style
from bayes_astro.regression.rows import ordered, predictors

__all__ = ["FIGURES", "corner", "relation"]


def relation(model: Any, at: Any = None) -> style.Drawing:
    """The data with their error ellipses and the credible band of the line; limits as arrows.

    With several predictors: the response against the line's prediction for it. Rows of which one of
    the two is missing have no place. The bounds of a selection are dotted.

    `at`: values of the predictor, at which the line is drawn.
    """
    data = model.data
    x, y, covariance = ordered(data, model.response)
    limit = relation_panels.limits(data, model.response)
    names = predictors(data, model.response)
    units = dict(zip(data.names, data.units or ("",) * len(data.names), strict=True))
    if at is not None:
        at = style.places(at, f"values of {names[0]}")
        if x.shape[1] > 1:
            raise ValueError(
                f"at: with several predictors ({', '.join(names)}) the figure shows the data alone."
            )
    (axis,) = style.panels(0.6 if not style.narrow() else 0.95)
    draws = model.posterior["posterior"].to_dataset()
    slope = draws["slope"].transpose("chain", "draw", "predictor").values.reshape(-1, x.shape[1])
    intercept = draws["intercept"].values.reshape(-1, 1)
    bad = np.zeros(len(y))
    if "outliers" in model.posterior:
        bad = model.posterior["outliers"]["probability"].values
    axis.set_ylabel(style.axis_label(model.response, units[model.response]))
    if x.shape[1] > 1:
        known = ~(np.isnan(x).any(axis=1) | np.isnan(y) | limit[:, :-1].any(axis=1))
        x, y, bad, limit = x[known], y[known], bad[known], limit[known, -1]
        predicted = np.median(intercept + slope @ x.T, axis=0)
        seen, error = limit == 0, np.sqrt(covariance[known, -1, -1])
        _points(axis, predicted[seen], y[seen], error[seen], bad[seen])
        relation_panels.arrows(axis, predicted, y, np.column_stack([0 * limit, limit]))
        low, high = min(predicted.min(), y.min()), max(predicted.max(), y.max())
        axis.plot([low, high], [low, high], color=style.COLOURS["vermilion"], label="equal")
        label = f"median of the line at {', '.join(names)}"
        axis.set_xlabel(style.axis_label(label, units[model.response]))
        style.legend_above(axis)
        return axis.figure
    if at is None:
        low, high = np.nanmin(x), np.nanmax(x)
        reach = 0.08 * (high - low)
        at = np.linspace(low - reach, high + reach, 200)
    lines = intercept + slope * at
    if len(lines) > 1:
        for label, low, high, alpha in (
            ("95% of the line", 0.025, 0.975, 0.3),
            ("68% of the line", 0.16, 0.84, 0.6),
        ):
            axis.fill_between(
                at,
                *np.quantile(lines, [low, high], axis=0),
                alpha=alpha,
                linewidth=0,
                color=style.COLOURS["orange"],
                label=label,
                zorder=1,
            )
    middle = np.median(lines, axis=0)
    axis.plot(at, middle, color=style.COLOURS["vermilion"], label="median line", zorder=2)
    if "scatter" in draws:
        scatter = float(draws["scatter"].median())
        for sign in (-1, 1):
            axis.plot(
                at,
                middle + sign * scatter,
                color=style.COLOURS["vermilion"],
                linestyle=":",
                label="± scatter" if sign > 0 else None,
                zorder=2,
            )
    known = ~(np.isnan(x[:, 0]) | np.isnan(y))
    seen = known & ~limit.any(axis=1)
    _ellipses(axis, x[seen, 0], y[seen], covariance[seen], bad[seen])
    relation_panels.arrows(axis, x[known, 0], y[known], limit[known])
    relation_panels.bounds(axis, model)
    axis.set_xlabel(style.axis_label(names[0], units[names[0]]))
    style.legend_above(axis)
    return axis.figure


def corner(model: Any) -> style.Drawing:
    """Slope, intercept, scatter and the outliers' fraction against each other."""
    return corner_plot.corner(model, ("slope", "intercept", "scatter", "outlier_fraction"))


FIGURES = {
    "relation": relation,
    "corner": corner,
    "population": relation_panels.population,
    "residuals": relation_panels.residuals,
}


def _colours(bad: np.ndarray) -> list[str]:
    return [style.COLOURS["purple"] if p > 0.5 else style.COLOURS["blue"] for p in bad]


def _ellipses(
    axis: Any, x: np.ndarray, y: np.ndarray, covariance: np.ndarray, bad: np.ndarray
) -> None:
    """One-sigma error ellipses; points that are probably outliers as crosses."""
    values, vectors = np.linalg.eigh(covariance)
    length = 2 * np.sqrt(np.maximum(values, 0))
    angle = np.degrees(np.arctan2(vectors[:, 1, 1], vectors[:, 0, 1]))
    axis.add_collection(
        EllipseCollection(
            length[:, 1],
            length[:, 0],
            angle,
            units="xy",
            offsets=np.column_stack([x, y]),
            transOffset=axis.transData,
            facecolors="none",
            edgecolors=_colours(bad),
            linewidths=0.7,
            zorder=3,
        )
    )
    flat = length[:, 0] <= 1e-3 * length[:, 1]
    if flat.any():  # an ellipse without width is a bar
        for sign in (-1, 1):
            end = 0.5 * sign * length[:, 1, None] * vectors[:, :, 1]
            axis.plot(
                np.column_stack([x, x + end[:, 0]])[flat].T,
                np.column_stack([y, y + end[:, 1]])[flat].T,
                color=style.COLOURS["blue"],
                linewidth=0.7,
                zorder=3,
            )
    for chosen, marker, label in (
        (bad <= 0.5, "o", "data"),
        (bad > 0.5, "X", "probable outliers"),
    ):
        if chosen.any():
            axis.scatter(
                x[chosen],
                y[chosen],
                s=12,
                marker=marker,
                zorder=4,
                label=label,
                color=style.COLOURS["purple" if marker == "X" else "blue"],
            )
    axis.autoscale_view()


def _points(axis: Any, x: np.ndarray, y: np.ndarray, error: np.ndarray, bad: np.ndarray) -> None:
    for chosen, marker, label in (
        (bad <= 0.5, "o", "data"),
        (bad > 0.5, "X", "probable outliers"),
    ):
        if chosen.any():
            colour = style.COLOURS["purple" if marker == "X" else "blue"]
            axis.errorbar(
                x[chosen], y[chosen], error[chosen], fmt=marker, ms=3, color=colour, label=label
            )
