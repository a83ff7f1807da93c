"""Figures of a deconvolved density: with and without errors, its band, single objects, choice of K."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayes_astro.plots import style

__all__ = ["FIGURES", "components", "density", "overview", "shrinkage"]

BAND_DRAWS = 400  # posterior draws behind a band
MEAN_DRAWS = 100  # behind a mean density, or moments of single objects
ELLIPSE_DRAWS = 8
MOST_ELLIPSES = 30  # components; a kernel density has one for each object
OBJECTS = 200
POINTS = 4000  # objects in a scatter plot
SOME_ERRORS = 100  # objects whose errors stand for all in a curve of measured values
PIXELS = 121
CURVE = 301


def overview(model: Any) -> style.Drawing:
    """What was measured beside the density of the true values, both in the same range.

    Right: the mean posterior density, shaded where it holds 39, 86 and 99% (one, two and three
    sigma in two dimensions), and the one-sigma ellipses of the components of some posterior draws.
    Under a projection no object's true values were measured: left is a draw of them for each.
    """
    draws, names = _draws(model, MEAN_DRAWS), _names(model)
    if len(names) == 1:
        return density(model)
    pairs = [(0, 1), (0, 2)] if len(names) > 2 else [(0, 1)]
    narrow = style.narrow()
    figure = style.page((1.0 if narrow else 0.5) * len(pairs) + (0.9 if narrow else 0.06))
    if narrow:
        axes = figure.subplots(2 * len(pairs), 1, squeeze=False).reshape(len(pairs), 2)
    else:
        axes = figure.subplots(len(pairs), 2, squeeze=False)
    values, title = _objects(model, names)
    for (left, right), pair in zip(axes, pairs, strict=True):
        some = values[:, list(pair)]
        some = some[np.isfinite(some).all(axis=1)]
        limits = _limits(some, draws, pair)
        for axis in (left, right):
            axis.set_xlim(limits[0])
            axis.set_ylim(limits[1])
            _name(axis, model, pair)
        _scatter(left, model, values, pair)
        _contours(right, draws, pair, limits)
        _ellipses(right, draws, pair)
    axes[0, 0].set_title(title, loc="left")
    axes[0, 1].set_title(f"density, {_kind(model)}", loc="left")
    return figure


def density(model: Any) -> style.Drawing:
    """The density of each quantity with its 68 and 95% bands, and the measured values.

    Without a projection the histogram is that of the measured values, and the dashed line what the
    model expects of them: the density broadened by the errors. A uniform background is in neither
    curve.
    """
    draws, names = _draws(model, BAND_DRAWS), _names(model)
    axes = _panels(len(names))
    for j, (axis, name) in enumerate(zip(axes, names, strict=True)):
        values = _measured(model, j)
        low, high = _limits(values[:, None], draws, (j,))[0]
        at = np.linspace(low, high, CURVE)
        curves = _density(draws, (j,), at[:, None])
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
        _band(axis, at, curves, _kind(model) if first else None)
        broadened = _broadened(model, draws, j, at)
        if broadened is not None:
            label = "expected with errors" if first else None
            axis.plot(at, broadened, "--", color=style.COLOURS["vermilion"], label=label)
        axis.set_xlim(low, high)
        axis.set_ylim(0, None)
        axis.set_xlabel(style.axis_label(name, _units(model)[j]))
        axis.locator_params(axis="x", nbins=5)
    axes[0].set_ylabel("density")
    style.legend_above(axes[0].figure, axes[0])
    return axes[0].figure


def shrinkage(model: Any) -> style.Drawing:
    """What the density adds to each measurement, for up to 200 objects.

    Points: the true value given the measurement and the density, against the measurement, with one
    sigma of either; an object on the line moved nowhere. Arrows lead from the measured to the
    expected true values of the first two quantities. The last panel says how well each quantity of
    each object is known, in units of the width of the whole density.
    """
    data, names = model.data, _names(model)
    if "estimate" in model.posterior:
        return _nothing(
            "The errors were ignored:\neach true value is taken to be the measured one."
        )
    rows = np.flatnonzero(~data.missing.all(axis=1))
    rows = rows[np.linspace(0, len(rows) - 1, min(OBJECTS, len(rows))).round().astype(int)]
    some = data[rows]
    found = model.predict(some, draws=MEAN_DRAWS)
    centre = found["conditional_mean"].values
    spread = found["conditional_covariance"].values
    arrows = data.projection is None and len(names) > 1
    axes = _panels(int(arrows) + data.d + 1)
    if arrows:
        _arrows(axes[0], model, some, centre)
    projection = some.projection
    if projection is None:
        projection = np.broadcast_to(np.eye(data.d), (len(some), data.d, data.d))
    seen = np.einsum("nij,nj->ni", projection, centre)
    seen_sd = np.sqrt(np.maximum(np.einsum("nij,njk,nik->ni", projection, spread, projection), 0.0))
    units = data.units or ("",) * data.d
    for j, axis in enumerate(axes[int(arrows) : -1]):
        _against(axis, some.value[:, j], some.error[:, j], seen[:, j], seen_sd[:, j])
        axis.set_xlabel(style.axis_label(f"{data.names[j]}, measured", units[j]))
        axis.set_ylabel(style.axis_label(f"{data.names[j]}, expected", units[j]))
    _knowledge(axes[-1], model, spread)
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
    axes = _panels(len(kinds) + 1)
    for axis, kind in zip(axes[:-1], kinds, strict=True):
        if kind == "objective":
            _climb(axis, tree["sample_stats"]["objective"].values)
        else:
            _choice(axis, tree["selection"].to_dataset(), kind)
    _weights(axes[-1], model)
    return axes[0].figure


FIGURES = {
    "overview": overview,
    "density": density,
    "shrinkage": shrinkage,
    "components": components,
}


# What is drawn, as arrays -----------------------------------------------------------------------


def _draws(model: Any, count: int) -> dict[str, np.ndarray]:
    """Weights (s, K), means (s, K, d) and covariances (s, K, d, d) of some posterior draws."""
    lead = ("chain", "draw", "component")
    posterior = model.posterior["posterior"].to_dataset()
    if "bandwidth" in posterior:
        return _kernels(model.data.value, float(posterior["bandwidth"].mean()))
    found = {}
    for name in ("weight", "mean", "covariance"):
        values = posterior[name].transpose(*lead, ...).values
        found[name] = values.reshape(-1, *values.shape[2:])
    total = len(found["weight"])
    keep = np.linspace(0, total - 1, min(count, total)).round().astype(int)
    found = {name: values[keep] for name, values in found.items()}
    found["labels"] = posterior["component"].values.astype(str)
    return found


def _kernels(values: np.ndarray, bandwidth: float) -> dict[str, np.ndarray]:
    """A kernel density as a mixture with one component for each of up to 4000 objects."""
    some = values[_some(len(values), POINTS)]
    covariance = np.diag((bandwidth * values.std(axis=0)) ** 2)
    return {
        "weight": np.full((1, len(some)), 1 / len(some)),
        "mean": some[None],
        "covariance": np.broadcast_to(covariance, (1, len(some), *covariance.shape)),
        "labels": np.full(len(some), ""),
    }


def _names(model: Any) -> list[str]:
    posterior = model.posterior["posterior"].to_dataset()
    if "dimension" not in posterior:
        return list(model.data.names)
    return [str(name) for name in posterior["dimension"].values]


def _units(model: Any) -> list[str]:
    """The units of the true quantities, where they are known."""
    data, names = model.data, _names(model)
    if data.projection is None:
        return list(data.units) if data.units else [""] * len(names)
    same = set(data.units or ("",))
    return [same.pop() if len(same) == 1 else ""] * len(names)


def _measured(model: Any, j: int) -> np.ndarray:
    """Measured values of a true quantity; none under a projection."""
    if model.data.projection is not None:
        return np.empty(0)
    values = model.data.value[:, j]
    return values[np.isfinite(values)]


def _objects(model: Any, names: list[str]) -> tuple[np.ndarray, str]:
    """One point for each object, and what it is."""
    data = model.data
    if data.projection is None:
        return data.value, "measured"
    if "estimate" in model.posterior:
        return np.empty((0, len(names))), "measured"
    chains = model.posterior["posterior"].sizes["chain"]
    found = model.predict(data[_some(len(data), POINTS)], draws=chains)
    signal = found["signal"].transpose("chain", "draw", "row", "dimension").values
    return signal[0, 0], "one draw of each object's true values"


def _some(count: int, most: int) -> np.ndarray:
    """Positions of at most so many, evenly spaced."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(int)


def _marginal(draws: dict[str, np.ndarray], at: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    index = list(at)
    return (
        draws["weight"],
        draws["mean"][:, :, index],
        draws["covariance"][:, :, index][:, :, :, index],
    )


def _density(
    draws: dict[str, np.ndarray], pair: tuple[int, ...], at: np.ndarray, noise: Any = 0.0
) -> np.ndarray:
    """Density of some quantities at points (m, p) for each draw: (s, m).

    Summed over a few components at a time: a kernel density has thousands of them.
    """
    weight, mean, covariance = _marginal(draws, pair)
    covariance = covariance + noise
    size = len(pair)
    found = np.zeros((len(weight), len(at)))
    step = max(1, int(2e6 / (len(at) * size)))
    for s in range(len(weight)):
        for first in range(0, weight.shape[1], step):
            part = slice(first, first + step)
            precision = np.linalg.inv(covariance[s, part])
            height = weight[s, part] * np.sqrt(np.linalg.det(precision / (2 * np.pi)))
            offset = at[None] - mean[s, part, None]
            square = np.einsum("kmi,kij,kmj->km", offset, precision, offset)
            found[s] += height @ np.exp(-0.5 * square)
    return found


def _broadened(
    model: Any, draws: dict[str, np.ndarray], j: int, at: np.ndarray
) -> np.ndarray | None:
    """Mean density of the measured values, with the errors of some objects."""
    data = model.data
    if data.projection is not None or "estimate" in model.posterior:
        return None
    error = data.error[:, j][np.isfinite(data.value[:, j])]
    few = {name: draws[name][_some(len(draws["weight"]), 20)] for name in draws if name != "labels"}
    # Errors in the order of their size, so that a hundred of them stand for all.
    variance = np.sort(error)[_some(len(error), SOME_ERRORS)] ** 2
    curves = [_density(few, (j,), at[:, None], noise).mean(axis=0) for noise in variance]
    return np.mean(curves, axis=0)


def _limits(values: np.ndarray, draws: dict[str, np.ndarray], at: tuple[int, ...]) -> Any:
    """A range for each quantity that leaves out half a percent at either end, plus a margin."""
    weight, mean, covariance = _marginal(draws, at)
    rng = np.random.default_rng(0)
    s = rng.integers(len(weight), size=4000)
    edges = np.cumsum(weight[s], axis=1)
    k = (rng.uniform(size=(4000, 1)) * edges[:, -1:] > edges).sum(axis=1)
    sd = np.sqrt(np.diagonal(covariance[s, k], axis1=1, axis2=2))
    true = mean[s, k] + sd * rng.standard_normal(sd.shape)
    ranges = []
    for j in range(len(at)):
        ends = [np.quantile(true[:, j], [0.005, 0.995])]
        if len(values):
            ends.append(np.quantile(values[:, j], [0.005, 0.995]))
        low, high = np.min(ends), np.max(ends)
        margin = 0.06 * (high - low)
        ranges.append((low - margin, high + margin))
    return ranges


# Parts of figures -------------------------------------------------------------------------------


def _panels(count: int) -> Any:
    """So many axes in rows, on a new figure."""
    columns = min(count, 2 if style.narrow() else 3 if count != 4 else 2)
    rows = math.ceil(count / columns)
    shape = {1: 0.55, 2: 0.42, 3: 0.34}[columns] if not style.narrow() else 0.9 / columns
    figure = style.page(shape * rows + (0.12 if style.narrow() else 0.06))
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes[count:]:
        axis.set_visible(False)
    return axes[:count]


def _nothing(text: str) -> style.Drawing:
    figure = style.page(0.25)
    axis = figure.subplots()
    axis.text(
        0.5,
        0.5,
        text,
        ha="center",
        va="center",
        transform=axis.transAxes,
        color=style.COLOURS["grey"],
    )
    axis.set_axis_off()
    return figure


def _name(axis: Any, model: Any, pair: tuple[int, int]) -> None:
    names, units = _names(model), _units(model)
    axis.set_xlabel(style.axis_label(names[pair[0]], units[pair[0]]))
    axis.set_ylabel(style.axis_label(names[pair[1]], units[pair[1]]))
    axis.locator_params(nbins=6)


def _kind(model: Any) -> str:
    return "errors ignored" if "estimate" in model.posterior else "deconvolved"


def _scatter(axis: Any, model: Any, values: np.ndarray, pair: tuple[int, int]) -> None:
    some = values[_some(len(values), POINTS)] if len(values) else values
    count = max(1, len(some))
    axis.scatter(
        some[:, pair[0]],
        some[:, pair[1]],
        s=float(np.clip(3000 / count, 1.5, 12.0)),
        color=style.COLOURS["blue"],
        alpha=float(np.clip(1500 / count, 0.45, 0.9)),
        linewidth=0,
        rasterized=count > 1000,
    )
    if model.data.projection is not None or not len(values):
        if not len(values):
            axis.text(
                0.5,
                0.5,
                "measured in a projection",
                ha="center",
                va="center",
                transform=axis.transAxes,
                color=style.COLOURS["grey"],
            )
        return
    error = np.nanmedian(model.data.error[:, list(pair)], axis=0)
    (left, right), (low, high) = axis.get_xlim(), axis.get_ylim()
    axis.errorbar(
        left + 0.05 * (right - left) + error[0],
        high - 0.05 * (high - low) - error[1],
        error[1],
        error[0],
        color=style.COLOURS["black"],
        linewidth=0.8,
        label="typical error",
    )
    axis.legend(loc="lower right", handlelength=1.0, borderpad=0.2)


def _contours(axis: Any, draws: dict[str, np.ndarray], pair: tuple[int, int], limits: Any) -> None:
    """The mean density, shaded by the mass inside; limits hold all but a percent of it."""
    grids = [np.linspace(low, high, PIXELS) for low, high in limits]
    at = np.stack(np.meshgrid(*grids, indexing="ij"), axis=-1).reshape(-1, 2)
    height = _density(draws, pair, at).mean(axis=0).reshape(PIXELS, PIXELS)
    order = np.sort(height.ravel())[::-1]
    inside = np.cumsum(order) / order.sum()
    levels = sorted({float(order[np.searchsorted(inside, p)]) for p in (0.989, 0.865, 0.393)})
    axis.contourf(
        *grids,
        height.T,
        levels=[*levels, height.max() * 1.001],
        colors=["#D4EAF7", style.COLOURS["sky"], style.COLOURS["blue"]][-len(levels) :],
    )


def _ellipses(axis: Any, draws: dict[str, np.ndarray], pair: tuple[int, int]) -> None:
    """One-sigma ellipses of the components of some draws, the background's in grey."""
    weight, mean, covariance = _marginal(draws, pair)
    if weight.shape[1] > MOST_ELLIPSES:
        return
    turn = np.linspace(0, 2 * np.pi, 73)
    circle = np.array([np.cos(turn), np.sin(turn)])
    some = _some(len(weight), ELLIPSE_DRAWS)
    for s in some:
        for k, label in enumerate(draws["labels"]):
            values, vectors = np.linalg.eigh(covariance[s, k])
            outline = mean[s, k][:, None] + vectors @ (
                np.sqrt(np.maximum(values, 0.0))[:, None] * circle
            )
            axis.plot(
                *outline,
                color=style.COLOURS["grey" if label == "background" else "vermilion"],
                linewidth=0.7 if len(some) > 1 else 1.0,
                alpha=float(np.clip(0.25 + weight[s, k], 0.3, 0.9)),
            )


def _band(axis: Any, at: np.ndarray, curves: np.ndarray, label: str | None) -> None:
    """Quantiles of curves (s, m), and their mean."""
    if len(curves) > 1:
        for name, low, high, alpha in (("95%", 0.025, 0.975, 0.45), ("68%", 0.16, 0.84, 0.9)):
            axis.fill_between(
                at,
                *np.quantile(curves, [low, high], axis=0),
                color=style.COLOURS["sky"],
                alpha=alpha,
                linewidth=0,
                label=f"{name} band" if label else None,
            )
    axis.plot(at, curves.mean(axis=0), color=style.COLOURS["blue"], label=label)


def _arrows(axis: Any, model: Any, some: Any, centre: np.ndarray) -> None:
    both = np.isfinite(some.value[:, :2]).all(axis=1)
    start, end = some.value[both, :2], centre[both, :2]
    axis.quiver(
        *start.T,
        *(end - start).T,
        angles="xy",
        scale_units="xy",
        scale=1,
        width=0.003,
        headwidth=4,
        color=style.COLOURS["grey"],
    )
    axis.plot(*start.T, ".", ms=2.5, color=style.COLOURS["blue"], label="measured")
    axis.plot(*end.T, ".", ms=2.5, color=style.COLOURS["vermilion"], label="expected")
    low, high = np.quantile(np.concatenate([start, end]), [0.01, 0.99], axis=0)
    margin = 0.08 * (high - low)
    axis.set_xlim(low[0] - margin[0], high[0] + margin[0])
    axis.set_ylim(low[1] - margin[1], high[1] + margin[1])
    _name(axis, model, (0, 1))
    axis.legend(
        loc="best", handletextpad=0.1, borderpad=0.2, frameon=True, framealpha=0.8, edgecolor="none"
    )


def _against(
    axis: Any, x: np.ndarray, x_error: np.ndarray, y: np.ndarray, y_error: np.ndarray
) -> None:
    measured = np.isfinite(x)
    axis.errorbar(
        x[measured],
        y[measured],
        y_error[measured],
        x_error[measured],
        fmt="o",
        ms=1.8,
        elinewidth=0.4,
        color=style.COLOURS["blue"],
        ecolor=style.COLOURS["sky"],
    )
    if measured.any():
        low, high = np.quantile(np.concatenate([x[measured], y[measured]]), [0.005, 0.995])
        margin = 0.06 * (high - low)
        axis.set_xlim(low - margin, high + margin)
        axis.set_ylim(low - margin, high + margin)
    axis.axline((0, 0), slope=1, color=style.COLOURS["vermilion"], linewidth=0.8)
    axis.locator_params(nbins=5)


def _knowledge(axis: Any, model: Any, spread: np.ndarray) -> None:
    """Histogram over objects of the sd of each quantity in widths of the density."""
    draws = _draws(model, BAND_DRAWS)
    weight = draws["weight"] / draws["weight"].sum(axis=1, keepdims=True)
    total = np.einsum("sk,skd->sd", weight, draws["mean"])
    second = np.einsum(
        "sk,skd->sd",
        weight,
        np.diagonal(draws["covariance"], axis1=2, axis2=3) + draws["mean"] ** 2,
    )
    width = np.sqrt(np.mean(second - total**2, axis=0))
    ratio = np.sqrt(np.maximum(np.diagonal(spread, axis1=1, axis2=2), 0.0)) / width
    edges = np.linspace(0, max(1.0, float(np.quantile(ratio, 0.99))), 21)
    colours = ("blue", "vermilion", "green", "purple", "orange", "sky", "black")
    styles = ("-", "--", ":", "-.", "-", "--", ":")
    for j, name in enumerate(_names(model)):
        counts, _ = np.histogram(ratio[:, j], edges)
        axis.stairs(
            counts,
            edges,
            color=style.COLOURS[colours[j % 7]],
            linestyle=styles[j % 7],
            linewidth=1.2,
            label=name.replace("$", r"\$"),
        )
    axis.set_xlabel("sd / width" if style.narrow() else "sd of object / width of density")
    axis.set_ylabel("objects")
    small = style.narrow() and len(_names(model)) > 3
    axis.legend(
        loc="upper right",
        borderpad=0.2,
        handlelength=1.2,
        labelspacing=0.15,
        fontsize=6.5 if small else None,
    )


def _choice(axis: Any, group: Any, kind: str) -> None:
    counts, values = group["n_components"].values, group[kind].values
    if kind == "log_score":
        error = group["log_score_error"].values if "log_score_error" in group else None
        axis.errorbar(counts, values, error, fmt="o-", ms=3.5, color=style.COLOURS["blue"])
        axis.set_ylabel("held-out log score of an object")
    else:
        axis.plot(counts, values, "o-", ms=3.5, color=style.COLOURS["blue"])
        axis.set_ylabel("BIC")
    chosen = int(group.attrs["chosen"])
    axis.axvline(chosen, color=style.COLOURS["vermilion"], linestyle=":", label=f"chosen: {chosen}")
    axis.set_xlabel("number of components")
    axis.locator_params(axis="x", integer=True)
    axis.legend(loc="best")


def _climb(axis: Any, objective: np.ndarray) -> None:
    """What was below the best after each pass; it jumps where components were split and merged."""
    left = np.max(objective) - objective
    axis.plot(np.arange(1, len(left) + 1), np.maximum(left, 1e-3), color=style.COLOURS["blue"])
    axis.set_yscale("log")
    axis.set_xlabel("pass over the data")
    axis.set_ylabel("below the maximum [nat]")


def _weights(axis: Any, model: Any) -> None:
    weight = np.sort(_draws(model, 4000)["weight"], axis=1)[:, ::-1]
    at = np.arange(1, weight.shape[1] + 1)
    if weight.shape[1] > MOST_ELLIPSES:
        axis.plot(at, weight.mean(axis=0), color=style.COLOURS["blue"])
    else:
        low95, low, middle, high, high95 = np.quantile(
            weight, [0.025, 0.16, 0.5, 0.84, 0.975], axis=0
        )
        axis.vlines(at, low95, high95, color=style.COLOURS["sky"], linewidth=1.5, label="95%")
        axis.vlines(at, low, high, color=style.COLOURS["blue"], linewidth=3.0, label="68%")
        axis.plot(at, middle, "o", ms=3, color=style.COLOURS["black"], label="median")
        if len(weight) > 1 and len(at) > 1:
            axis.legend(loc="best")
    axis.set_ylim(0, None)
    axis.set_xlim(0.5, len(at) + 0.5)
    if len(at) <= 12:
        axis.set_xticks(at)
    axis.set_xlabel("component" if style.narrow() else "component, by weight")
    axis.set_ylabel("weight")
