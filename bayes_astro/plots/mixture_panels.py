"""Panels of mixtures: densities, ellipses, objects with their errors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayes_astro.plots import style

__all__ = [
    "BAND_DRAWS",
    "CURVE",
    "ELLIPSE_DRAWS",
    "MEAN_DRAWS",
    "MOST_ELLIPSES",
    "OBJECTS",
    "PIXELS",
    "POINTS",
    "SOME_ERRORS",
]

BAND_DRAWS = 400  # posterior draws behind a band
MEAN_DRAWS = 100  # behind a mean density, or moments of single objects
ELLIPSE_DRAWS = 8
MOST_ELLIPSES = 30  # components; a kernel density has one for each object
OBJECTS = 200
POINTS = 4000  # objects in a scatter plot
SOME_ERRORS = 100  # objects whose errors stand for all in a curve of measured values
PIXELS = 121
CURVE = 301


def draws_of(model: Any, count: int) -> dict[str, np.ndarray]:
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


def names_of(model: Any) -> list[str]:
    posterior = model.posterior["posterior"].to_dataset()
    if "dimension" not in posterior:
        return list(model.data.names)
    return [str(name) for name in posterior["dimension"].values]


def units_of(model: Any) -> list[str]:
    """The units of the true quantities, where they are known."""
    data, names = model.data, names_of(model)
    if data.projection is None:
        return list(data.units) if data.units else [""] * len(names)
    same = set(data.units or ("",))
    return [same.pop() if len(same) == 1 else ""] * len(names)


def measured_values(model: Any, j: int) -> np.ndarray:
    """Measured values of a true quantity; none under a projection."""
    if model.data.projection is not None:
        return np.empty(0)
    values = model.data.value[:, j]
    return values[np.isfinite(values)]


def objects_of(model: Any, names: list[str]) -> tuple[np.ndarray, str]:
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


def density_at(
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


def broadened(
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
    curves = [density_at(few, (j,), at[:, None], noise).mean(axis=0) for noise in variance]
    return np.mean(curves, axis=0)


def limits_of(values: np.ndarray, draws: dict[str, np.ndarray], at: tuple[int, ...]) -> Any:
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


def panels_for(count: int) -> Any:
    """So many axes in rows."""
    columns = min(count, 2 if style.narrow() else 3 if count != 4 else 2)
    rows = math.ceil(count / columns)
    shape = {1: 0.55, 2: 0.42, 3: 0.34}[columns] if not style.narrow() else 0.9 / columns
    return style.panels(shape * rows + (0.12 if style.narrow() else 0.06), rows, columns, count)


def nothing_to_draw(text: str) -> style.Drawing:
    (axis,) = style.panels(0.25)
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
    return axis.figure


def name_axes(axis: Any, model: Any, pair: tuple[int, int]) -> None:
    names, units = names_of(model), units_of(model)
    axis.set_xlabel(style.axis_label(names[pair[0]], units[pair[0]]))
    axis.set_ylabel(style.axis_label(names[pair[1]], units[pair[1]]))
    axis.locator_params(nbins=6)


def kind_of(model: Any) -> str:
    return "errors ignored" if "estimate" in model.posterior else "deconvolved"


def draw_scatter(axis: Any, model: Any, values: np.ndarray, pair: tuple[int, int]) -> None:
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


def draw_contours(
    axis: Any, draws: dict[str, np.ndarray], pair: tuple[int, int], limits: Any
) -> None:
    """The mean density, shaded by the mass inside; limits hold all but a percent of it."""
    grids = [np.linspace(low, high, PIXELS) for low, high in limits]
    at = np.stack(np.meshgrid(*grids, indexing="ij"), axis=-1).reshape(-1, 2)
    height = density_at(draws, pair, at).mean(axis=0).reshape(PIXELS, PIXELS)
    order = np.sort(height.ravel())[::-1]
    inside = np.cumsum(order) / order.sum()
    levels = sorted({float(order[np.searchsorted(inside, p)]) for p in (0.989, 0.865, 0.393)})
    axis.contourf(
        *grids,
        height.T,
        levels=[*levels, height.max() * 1.001],
        colors=["#D4EAF7", style.COLOURS["sky"], style.COLOURS["blue"]][-len(levels) :],
    )


def draw_ellipses(axis: Any, draws: dict[str, np.ndarray], pair: tuple[int, int]) -> None:
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


def draw_band(axis: Any, at: np.ndarray, curves: np.ndarray, label: str | None) -> None:
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
