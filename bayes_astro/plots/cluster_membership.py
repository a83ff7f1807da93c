"""Figures of a cluster: its members among the stars of the field, and its parameters."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.plots import style
from bayes_astro.plots.corner import corner as any_corner

__all__ = ["FIGURES", "corner", "members", "overview", "probabilities"]

DRAWS = 100
ELLIPSES = 12
LIKELY = 0.5
FIELD = 8000  # stars that are drawn of the field
ZOOM = 6.0  # half-widths of the members that a closer look shows
CLUSTER = (
    "mean", "dispersion", "correlation", "fraction", "members", "wing_fraction", "wing_scale",
)  # fmt: skip


def _probability(model: Any) -> np.ndarray:
    """Of each fitted star."""
    options = {"draws": DRAWS} if hasattr(model, "wings") else {}
    return model.probability(**options)["mean"].to_numpy()


def _pairs(names: tuple[str, ...]) -> list[tuple[int, int]]:
    """Columns of each panel: the last two first, as proper motions are, then the others against one."""
    d = len(names)
    if d == 1:
        return []
    return [(d - 2, d - 1), *((d - 2, j) for j in range(d - 2))][:2]


def _unit(model: Any, j: int) -> str:
    units = model.data.units
    return units[j] if units else ""


def overview(model: Any) -> style.Drawing:
    """Stars by their probability of membership, all of them and those about the cluster.

    Above all stars, below a closer look. Colours from grey (field) to dark (members), members on top;
    ellipses are the cluster of some posterior draws, two dispersions wide, errors not included.
    """
    data, p = model.data, _probability(model)
    pairs = _pairs(data.names)
    if not pairs:
        return probabilities(model)
    order = np.argsort(p, kind="stable")
    if len(order) > 2 * FIELD:
        likely = order[p[order] > 0.01]
        field = order[p[order] <= 0.01]
        order = np.concatenate([field[:: max(1, len(field) // FIELD)], likely])
    axes = style.panels(0.9 if len(pairs) > 1 else 1.7, 2, len(pairs)).reshape(2, len(pairs))
    shown = None
    for row, close in enumerate((False, True)):
        for axis, (i, j) in zip(axes[row], pairs, strict=True):
            x, y = data.value[order, i], data.value[order, j]
            size = 7 if close or len(data) < 1000 else 2.5
            shown = axis.scatter(
                x,
                y,
                c=p[order],
                s=size,
                cmap=_shades(),
                vmin=0,
                vmax=1,
                linewidths=0,
                rasterized=True,
            )
            limits = [_limits(data.value[:, k], p, close) for k in (i, j)]
            axis.set_xlim(*limits[0])
            axis.set_ylim(*limits[1])
            if close:
                _errors(axis, data, order[p[order] > LIKELY], i, j)
                _ellipses(axis, model, i, j)
            axis.set_xlabel(style.axis_label(data.names[i], _unit(model, i)))
            axis.set_ylabel(style.axis_label(data.names[j], _unit(model, j)))
    count = float(p.sum())
    axes[0, 0].set_title(f"{len(data)} stars, {count:.0f} members expected", loc="left")
    if not style.given():
        bar = axes[0, 0].figure.colorbar(shown, ax=list(axes.ravel()), shrink=0.5, pad=0.02)
        bar.set_label("probability of membership")
    return axes[0, 0].figure


def _shades() -> Any:
    """From grey, of the field, to dark blue."""
    from matplotlib.colors import LinearSegmentedColormap

    steps = ["#c8c8c8", style.COLOURS["sky"], style.COLOURS["blue"], "#001f3f"]
    return LinearSegmentedColormap.from_list("membership", steps)


def _limits(column: np.ndarray, p: np.ndarray, close: bool) -> tuple[float, float]:
    """All but the outermost stars; or some widths of the members about them."""
    known = np.isfinite(column)
    low, high = np.quantile(column[known], [0.005, 0.995])
    weight = np.where(known, p, 0.0)
    if close and weight.sum() > 0:
        middle = float(weight @ np.where(known, column, 0.0) / weight.sum())
        square = float(weight @ np.where(known, column - middle, 0.0) ** 2 / weight.sum())
        reach = ZOOM * max(square**0.5, 1e-9 * (abs(middle) + 1e-300))
        return middle - reach, middle + reach
    pad = 0.04 * (high - low)
    return float(low - pad), float(high + pad)


def _errors(axis: Any, data: Any, rows: np.ndarray, i: int, j: int) -> None:
    """Error bars of members, where they are few."""
    if 0 < len(rows) <= 150:
        axis.errorbar(
            data.value[rows, i], data.value[rows, j], data.error[rows, j], data.error[rows, i],
            fmt="none", ecolor=style.COLOURS["grey"], elinewidth=0.4, alpha=0.6, zorder=0,
        )  # fmt: skip


def _ellipses(axis: Any, model: Any, i: int, j: int) -> None:
    """The cluster at two dispersions, of some draws."""
    if not hasattr(model, "as_mixture"):
        return
    from bayes_astro.draws import thinned

    draws = model.as_mixture(thinned(model.posterior["posterior"].to_dataset(), ELLIPSES))
    mean = draws["mean"].values[..., 0, :].reshape(-1, draws.sizes["dimension"])
    covariance = draws["covariance"].values[..., 0, :, :].reshape(*mean.shape, -1)
    turn = np.linspace(0, 2 * np.pi, 100)
    circle = np.array([np.cos(turn), np.sin(turn)])
    for middle, matrix in zip(mean, covariance, strict=True):
        part = matrix[np.ix_([i, j], [i, j])]
        factor = np.linalg.cholesky(part + 1e-12 * np.trace(part) * np.eye(2))
        x, y = middle[[i, j], None] + 2 * factor @ circle
        axis.plot(x, y, color=style.COLOURS["vermilion"], lw=0.5, alpha=0.6)


def members(model: Any) -> style.Drawing:
    """Each column of all stars, and of the members: stars counted by their probabilities."""
    data, p = model.data, _probability(model)
    rows = data.d if style.narrow() else 1
    axes = style.panels(0.85 * rows if rows > 1 else 0.36, rows, data.d // rows)
    for j, axis in enumerate(axes):
        column = data.value[:, j]
        known = np.isfinite(column)
        low, high = _limits(column, p, True)
        edges = np.linspace(low, high, 45)
        shades = (("all stars", None, style.COLOURS["grey"]), ("members", p, style.COLOURS["blue"]))
        for label, weights, colour in shades:
            weight = None if weights is None else weights[known]
            axis.hist(column[known], edges, weights=weight, histtype="stepfilled", alpha=0.5,
                      color=colour, label=label)  # fmt: skip
        axis.set_xlim(low, high)
        axis.set_xlabel(style.axis_label(data.names[j], _unit(model, j)))
    axes[0].set_ylabel("stars")
    axes[0].legend(loc="best", handlelength=1.2)
    return axes[0].figure


def probabilities(model: Any) -> style.Drawing:
    """How many stars have which probability, and how certain it is: its standard deviation over draws."""
    options = {"draws": DRAWS} if hasattr(model, "wings") else {}
    table = model.probability(**options)
    left, right = style.panels(
        1.6 if style.narrow() else 0.42, *((2, 1) if style.narrow() else (1, 2))
    )
    p, sd = table["mean"].to_numpy(), table["sd"].to_numpy()
    left.hist(p, np.linspace(0, 1, 41), color=style.COLOURS["blue"], alpha=0.6)
    left.set_yscale("log")
    left.set(xlabel="probability of membership", ylabel="stars")
    right.plot(p, sd, ".", ms=3, color=style.COLOURS["blue"], alpha=0.6, rasterized=True)
    right.set(xlabel="probability of membership", ylabel="its standard deviation", xlim=(0, 1))
    right.set_ylim(bottom=0)
    return left.figure


def corner(model: Any) -> style.Drawing:
    """The cluster's parameters by pairs; those of the field are left out."""
    return any_corner(model, CLUSTER)


FIGURES = {
    "overview": overview,
    "members": members,
    "probabilities": probabilities,
    "corner": corner,
}
