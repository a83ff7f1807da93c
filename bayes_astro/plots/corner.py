"""The posterior of every pair of parameters."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.diagnostics import scalars
from bayes_astro.plots import style
from bayes_astro.priors import Prior

__all__ = ["corner"]

MOST = 8
DECADES = 30.0  # 95% of a posterior over a larger factor: its logarithm is drawn


def corner(model: Any, names: tuple[str, ...] | None = None) -> style.Drawing:
    """Histograms on the diagonal, 39 / 86% regions (one and two sigma in two dimensions) below.

    The prior is the dashed line on the diagonal, where the variable has one. Positive variables that
    reach over a factor of thirty are drawn as their logarithm.
    """
    posterior = model.posterior["posterior"].to_dataset()
    units: dict[str, str] = {}
    columns: dict[str, np.ndarray] = {}
    for label, values, unit in scalars(posterior):
        if names is None or label in names or label.partition("[")[0] in names:
            columns[label], units[label] = values.ravel(), unit
    if names is not None:
        rank = {name: i for i, name in enumerate(names)}
        order = sorted(columns, key=lambda k: rank.get(k, rank.get(k.partition("[")[0], 0)))
        columns = {label: columns[label] for label in order}
    labels = list(columns)[:MOST]
    priors = model.record["priors"]
    wide = {label for label in labels if _reaches_far(columns[label])}
    shown = {label: f"log10 {label}" if label in wide else label for label in labels}
    columns |= {label: np.log10(columns[label]) for label in wide}
    size = len(labels)
    figure = style.page(min(1.0, 0.25 * size + 0.15))
    axes = figure.subplots(size, size, squeeze=False)
    for i, below in enumerate(labels):
        for j, across in enumerate(labels):
            axis = axes[i, j]
            if j > i:
                axis.set_visible(False)
                continue
            if i == j:
                prior = priors.get(across.partition("[")[0])
                _single(axis, columns[across], prior, across in wide)
            else:
                _pair(axis, columns[across], columns[below])
            axis.tick_params(labelsize=6.5)
            axis.locator_params(nbins=3)
            if i == size - 1:
                axis.set_xlabel(style.axis_label(shown[across], units[across]))
            else:
                axis.set_xticklabels([])
            if j == 0 and i > 0:
                axis.set_ylabel(style.axis_label(shown[below], units[below]))
            elif i != j:
                axis.set_yticklabels([])
    return figure


def _reaches_far(values: np.ndarray) -> bool:
    low, high = np.quantile(values, [0.025, 0.975])
    return bool(values.min() > 0 and high > DECADES * low)


def _single(axis: Any, values: np.ndarray, prior: dict[str, Any] | None, logarithm: bool) -> None:
    low, middle, high = np.quantile(values, [0.16, 0.5, 0.84])
    edges = style.edges(values, 41)
    axis.hist(values, edges, color=style.COLOURS["sky"], histtype="stepfilled", alpha=0.7)
    axis.axvline(middle, color=style.COLOURS["black"])
    for edge in (low, high):
        axis.axvline(edge, color=style.COLOURS["black"], linestyle=":")
    if prior is not None:
        at = np.linspace(edges[0], edges[-1], 200)
        plain = 10**at if logarithm else at
        height = np.exp(np.max(np.atleast_2d(_log_prior(prior, plain)), axis=0))
        if logarithm:
            height = height * plain * np.log(10)
        counts = height * len(values) * (edges[1] - edges[0])
        axis.plot(at, counts, color=style.COLOURS["vermilion"], linestyle="--", linewidth=0.8)
    axis.set_yticks([])
    axis.set_xlim(edges[0], edges[-1])


def _log_prior(plain: dict[str, Any], at: np.ndarray) -> np.ndarray:
    """Log prior density; of a listed prior, that of each entry in a row."""
    prior = Prior.from_dict(plain)
    if any(np.size(value) > 1 for value in prior.arguments.values()):
        return prior.log_density(at[:, None]).T
    return prior.log_density(at)


def _pair(axis: Any, x: np.ndarray, y: np.ndarray) -> None:
    edges = [style.edges(v, 31) for v in (x, y)]
    counts, *_ = np.histogram2d(x, y, bins=edges)
    smooth = _smooth(counts)
    order = np.sort(smooth.ravel())[::-1]
    inside = np.cumsum(order) / order.sum()
    levels = sorted({float(order[np.searchsorted(inside, p)]) for p in (0.865, 0.393)})
    centres = [0.5 * (e[1:] + e[:-1]) for e in edges]
    axis.contourf(
        *centres,
        smooth.T,
        levels=[*levels, smooth.max() * 1.001],
        colors=[style.COLOURS["sky"], style.COLOURS["blue"]][-len(levels) :],
        alpha=0.7,
    )
    axis.set_xlim(edges[0][0], edges[0][-1])
    axis.set_ylim(edges[1][0], edges[1][-1])


def _smooth(counts: np.ndarray) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    # Mirrored at the edges: a posterior that leans on a bound is not pulled off it.
    return gaussian_filter(counts, 1.0, mode="reflect")
