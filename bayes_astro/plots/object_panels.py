"""Panels of a mixture: single objects, weights, the choice of components, the climb."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.plots import style
from bayes_astro.plots.mixture_panels import (
    BAND_DRAWS,
    MOST_ELLIPSES,
    draws_of,
    name_axes,
    names_of,
)

__all__ = [
    "draw_against",
    "draw_arrows",
    "draw_choice",
    "draw_climb",
    "draw_knowledge",
    "draw_weights",
]


def draw_arrows(axis: Any, model: Any, some: Any, centre: np.ndarray) -> None:
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
    name_axes(axis, model, (0, 1))
    axis.legend(
        loc="best", handletextpad=0.1, borderpad=0.2, frameon=True, framealpha=0.8, edgecolor="none"
    )


def draw_against(
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


def draw_knowledge(axis: Any, model: Any, spread: np.ndarray) -> None:
    """Histogram over objects of the sd of each quantity in widths of the density."""
    draws = draws_of(model, BAND_DRAWS)
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
    for j, name in enumerate(names_of(model)):
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
    small = style.narrow() and len(names_of(model)) > 3
    axis.legend(
        loc="upper right",
        borderpad=0.2,
        handlelength=1.2,
        labelspacing=0.15,
        fontsize=6.5 if small else None,
    )


def draw_choice(axis: Any, group: Any, kind: str) -> None:
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


def draw_climb(axis: Any, objective: np.ndarray) -> None:
    """What was below the best after each pass; it jumps where components were split and merged."""
    left = np.max(objective) - objective
    axis.plot(np.arange(1, len(left) + 1), np.maximum(left, 1e-3), color=style.COLOURS["blue"])
    axis.set_yscale("log")
    axis.set_xlabel("pass over the data")
    axis.set_ylabel("below the maximum [nat]")


def draw_weights(axis: Any, model: Any) -> None:
    weight = np.sort(draws_of(model, 4000)["weight"], axis=1)[:, ::-1]
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
