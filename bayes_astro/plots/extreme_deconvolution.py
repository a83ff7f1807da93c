"""Figures of a deconvolved density: with and without errors, its band, single objects, choice of K."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.data import Measurements
from bayes_astro.plots import style
from bayes_astro.plots.mixture_panels import (
    BAND_DRAWS,
    CURVE,
    MEAN_DRAWS,
    OBJECTS,
    broadened,
    density_at,
    draw_band,
    draw_contours,
    draw_ellipses,
    draw_scatter,
    draws_of,
    kind_of,
    limits_of,
    measured_values,
    name_axes,
    names_of,
    nothing_to_draw,
    objects_of,
    panels_for,
    units_of,
)
from bayes_astro.plots.object_panels import (
    draw_against,
    draw_arrows,
    draw_choice,
    draw_climb,
    draw_knowledge,
    draw_weights,
)

__all__ = ["FIGURES", "components", "density", "overview", "shrinkage"]


def overview(model: Any) -> style.Drawing:
    """What was measured beside the density of the true values, both in the same range.

    Right: the mean posterior density, shaded where it holds 39, 86 and 99% (one, two and three
    sigma in two dimensions), and the one-sigma ellipses of the components of some posterior draws.
    Under a projection no object's true values were measured: left is a draw of them for each.
    """
    draws, names = draws_of(model, MEAN_DRAWS), names_of(model)
    if len(names) == 1:
        return density(model)
    pairs = [(0, 1), (0, 2)] if len(names) > 2 else [(0, 1)]
    if style.narrow():
        axes = style.panels(len(pairs) + 0.9, 2 * len(pairs))
    else:
        axes = style.panels(0.5 * len(pairs) + 0.06, len(pairs), 2)
    axes = axes.reshape(len(pairs), 2)
    values, title = objects_of(model, names)
    for (left, right), pair in zip(axes, pairs, strict=True):
        some = values[:, list(pair)]
        some = some[np.isfinite(some).all(axis=1)]
        limits = limits_of(some, draws, pair)
        for axis in (left, right):
            axis.set_xlim(limits[0])
            axis.set_ylim(limits[1])
            name_axes(axis, model, pair)
        draw_scatter(left, model, values, pair)
        draw_contours(right, draws, pair, limits)
        draw_ellipses(right, draws, pair)
    axes[0, 0].set_title(title, loc="left")
    axes[0, 1].set_title(f"density, {kind_of(model)}", loc="left")
    return axes[0, 0].figure


def density(model: Any, at: Any = None) -> style.Drawing:
    """The density of each quantity with its 68 and 95% bands, and the measured values.

    Without a projection the histogram is that of the measured values, and the dashed line what the
    model expects of them: the density broadened by the errors. A uniform background is in neither
    curve.

    `at`: values (m,) of one quantity or (m, d) of all, each column ascending, at which the curves are
    drawn.
    """
    draws, names = draws_of(model, BAND_DRAWS), names_of(model)
    asked = None if at is None else _columns(at, len(names))
    axes = panels_for(len(names))
    for j, (axis, name) in enumerate(zip(axes, names, strict=True)):
        values = measured_values(model, j)
        low, high = limits_of(values[:, None], draws, (j,))[0]
        at = np.linspace(low, high, CURVE)
        if asked is not None:
            at = asked[j]
            low, high = at[0], at[-1]
        curves = density_at(draws, (j,), at[:, None])
        first = j == 0  # the legend is that of the first panel
        if len(values):
            bins = int(np.clip(2 * len(values) ** (1 / 3), 8, 60))
            edges = np.linspace(low, high, bins + 1)
            heights = np.histogram(values, edges)[0] / (len(values) * (edges[1] - edges[0]))
            axis.stairs(
                heights,
                edges,
                fill=True,
                color=style.COLOURS["grey"],
                alpha=0.35,
                label="measured" if first else None,
            )
        draw_band(axis, at, curves, kind_of(model) if first else None)
        noisy = broadened(model, draws, j, at)
        if noisy is not None:
            label = "expected with errors" if first else None
            axis.plot(at, noisy, "--", color=style.COLOURS["vermilion"], label=label)
        axis.set_xlim(low, high)
        axis.set_ylim(0, None)
        axis.set_xlabel(style.axis_label(name, units_of(model)[j]))
        axis.locator_params(axis="x", nbins=5)
    axes[0].set_ylabel("density")
    style.legend_above(axes[0])
    return axes[0].figure


def _columns(at: Any, count: int) -> list[np.ndarray]:
    """Values of every quantity, ascending."""
    found = np.asarray(at, dtype=float) if np.ndim(at) in (1, 2) else np.empty((0, 0))
    found = found[:, None] if found.ndim == 1 else found
    if found.shape[1] != count:
        raise ValueError(
            f"at must have a column for each of the {count} quantities, got shape {np.shape(at)}."
        )
    return [style.places(column, "values of each quantity") for column in found.T]


def shrinkage(model: Any, at: Any = None) -> style.Drawing:
    """What the density adds to each measurement, for up to 200 objects.

    Points: the true value given the measurement and the density, against the measurement, with one
    sigma of either; an object on the line moved nowhere. Arrows lead from the measured to the
    expected true values of the first two quantities. The last panel says how well each quantity of
    each object is known, in units of the width of the whole density.

    `at`: Measurements of other objects.
    """
    data, names = model.data if at is None else at, names_of(model)
    if not isinstance(data, Measurements):
        raise ValueError(f"at must be Measurements, got {at!r:.80}.")
    if "estimate" in model.posterior:
        return nothing_to_draw(
            "The errors were ignored:\neach true value is taken to be the measured one."
        )
    rows = np.flatnonzero(~data.missing.all(axis=1))
    rows = rows[np.linspace(0, len(rows) - 1, min(OBJECTS, len(rows))).round().astype(int)]
    some = data[rows]
    found = model.predict(some, draws=MEAN_DRAWS)
    centre = found["conditional_mean"].values
    spread = found["conditional_covariance"].values
    arrows = data.projection is None and len(names) > 1
    axes = panels_for(int(arrows) + data.d + 1)
    if arrows:
        draw_arrows(axes[0], model, some, centre)
    projection = some.projection
    if projection is None:
        projection = np.broadcast_to(np.eye(data.d), (len(some), data.d, data.d))
    seen = np.einsum("nij,nj->ni", projection, centre)
    seen_sd = np.sqrt(np.maximum(np.einsum("nij,njk,nik->ni", projection, spread, projection), 0.0))
    units = data.units or ("",) * data.d
    for j, axis in enumerate(axes[int(arrows) : -1]):
        draw_against(axis, some.value[:, j], some.error[:, j], seen[:, j], seen_sd[:, j])
        axis.set_xlabel(style.axis_label(f"{data.names[j]}, measured", units[j]))
        axis.set_ylabel(style.axis_label(f"{data.names[j]}, expected", units[j]))
    draw_knowledge(axes[-1], model, spread)
    return axes[0].figure


def components(model: Any) -> style.Drawing:
    """The number of components: what it was chosen by, the climb to the maximum, the weights.

    Weights are sorted in every draw, so that what is shown does not depend on labels.
    """
    tree = model.posterior
    kinds: list[Any] = []
    if "selection" in tree:
        kinds += [name for name in ("log_score", "bic") if name in tree["selection"]]
    elif "sample_stats" in tree and "objective" in tree["sample_stats"]:
        kinds.append("objective")
    axes = panels_for(len(kinds) + 1)
    for axis, kind in zip(axes[:-1], kinds, strict=True):
        if kind == "objective":
            draw_climb(axis, tree["sample_stats"]["objective"].values)
        else:
            draw_choice(axis, tree["selection"].to_dataset(), kind)
    draw_weights(axes[-1], model)
    return axes[0].figure


FIGURES = {
    "overview": overview,
    "density": density,
    "shrinkage": shrinkage,
    "components": components,
}
