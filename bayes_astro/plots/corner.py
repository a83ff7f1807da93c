"""The posterior of every pair of parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_astro.diagnostics import scalars
from bayes_astro.plots import style
from bayes_astro.plots.scales import Scale, label_of, scale_of
from bayes_astro.priors import Prior

__all__ = ["corner"]

MOST = 12
SIZE = 6.5  # points, of numbers and long names
GAP = 2.0  # points between panels
LINE = 9.0  # points from a line of text to the next
NUMBER = 7.5  # points from a number to the next


def corner(model: Any, names: tuple[str, ...] | None = None) -> style.Drawing:
    """Histograms on the diagonal, 39 / 86% regions (one and two sigma in two dimensions) below.

    The prior is the dashed line on the diagonal, where the variable has one. Positive quantities over
    more than one and a half decades have logarithmic axes. Where the draws of a variable lie in
    separate groups, as a period and its alias, its axis is broken between them: each has the same
    room, its median a tick. Of a baseline: estimates with their standard errors, and normals on the
    diagonal. Names too long for their panels stand at the diagonal. The first twelve
    variables are drawn.
    """
    columns, units = _columns(model, names)
    labels = list(columns)[:MOST]
    errors = _errors(model)
    scales = [_scale(columns[label], errors.get(label)) for label in labels]
    written = [label_of(x, units[x], scale) for x, scale in zip(labels, scales, strict=True)]
    plan = _Plan.of(written, scales)
    priors = model.record["priors"]
    for i, below in enumerate(labels):
        for j, across in enumerate(labels[: i + 1]):
            axis = plan.axes[i, j]
            if errors:
                _estimate(axis, [(columns[x][0], errors[x]) for x in (across, below)], i == j)
            elif i == j:
                prior = priors.get(across.partition("[")[0])
                _single(axis, columns[across], scales[j], prior)
            else:
                _pair(axis, columns[across], columns[below], scales[j], scales[i])
            if i != j:
                scales[i].apply(axis, "y")
            scales[j].apply(axis, "x")
    plan.label(scales)
    figure = plan.axes[0, 0].figure
    if len(columns) > MOST and not style.given():
        text = f"{MOST} of {len(columns)} variables;\nmodel.summary() has all"
        figure.text(0.99, 0.99, text, ha="right", va="top", fontsize=SIZE)
    return figure


def _columns(
    model: Any, names: tuple[str, ...] | None
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Draws and unit of every scalar, in the order of the names."""
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
    return columns, units


@dataclass
class _Plan:
    """Where panels, names and numbers stand, so that no two of them overlap."""

    axes: Any
    labels: list[str]
    side: float  # width of a panel in points
    high: float
    outside: bool  # names at the edges; otherwise at the diagonal
    level: bool  # names at the diagonal are written level
    upright: bool  # numbers along x stand upright: they are too wide for a panel

    @classmethod
    def of(cls, labels: list[str], scales: list[Scale]) -> _Plan:
        size = len(labels)
        numbers = _widest(scales) + 6
        lengths = np.array([style.extent(label, SIZE) for label in labels])
        if style.given():
            axes = style.panels(1.0, size, size).reshape(size, size)
            for i in range(size):
                for j in range(i + 1, size):
                    axes[i, j].set_visible(False)
            box = axes[0, 0].bbox
            side, high = (72 * x / axes[0, 0].figure.dpi for x in (box.width, box.height))
            outside = lengths.max() <= min(side, high)
            return cls(axes, labels, side, high, outside, False, 3.2 * numbers > side)
        wide = 72 * style.page_width()

        def side_of(left: float, right: float) -> float:
            return (wide - left - right) / size - GAP

        left, right, top, level = numbers + LINE + 8, 6.0, 6.0, True
        side = side_of(left, right)
        outside = bool(1.12 * lengths.max() <= side)
        if not outside:
            left, top = numbers + 4, LINE + 3
            side = side_of(left, right)
            # Names at the diagonal reach over the empty panels on their right, and the last the edge.
            for _ in range(6):
                over = lengths - (size - np.arange(size)) * (side + GAP) + GAP + 5
                right = max(6.0, float(over.max()))
                side = side_of(left, min(right, 0.12 * wide))
            level = right < 0.12 * wide
            if not level:
                right = 6.0
                side = side_of(left, right)
                top = max(6.0, float(np.max(lengths - np.arange(size) * (side + GAP))) + 6)
        upright = 3.2 * numbers > side
        bottom = (numbers if upright else 1.5 * LINE) + (LINE + 6 if outside else 4)
        high = min(side, 0.24 * wide)
        tall = top + bottom + size * (high + GAP)
        page = style.page(tall / wide)
        page.set_layout_engine("none")
        grid = page.add_gridspec(
            size, size, left=left / wide, right=1 - right / wide, bottom=bottom / tall,
            top=1 - top / tall, wspace=GAP / side, hspace=GAP / high,
        )  # fmt: skip
        axes = np.full((size, size), None, dtype=object)
        for i in range(size):
            for j in range(i + 1):
                axes[i, j] = page.add_subplot(grid[i, j])
        return cls(axes, labels, side, high, outside, level, upright)

    def label(self, scales: list[Scale]) -> None:
        """Ticks and names."""
        size = len(self.labels)
        widest = _widest(scales) + 5
        across = _room(self.side, NUMBER if self.upright else widest)
        down = _room(self.high, NUMBER)
        for i in range(size):
            for j in range(i + 1):
                axis, last = self.axes[i, j], i == size - 1
                axis.minorticks_off()
                at, written = scales[j].ticks(*across)
                axis.set_xticks(at, written if last else [""] * len(at))
                if last and self.upright:
                    axis.tick_params(axis="x", rotation=90)
                if i == j:
                    axis.set_yticks([])
                else:
                    at, written = scales[i].ticks(*down)
                    axis.set_yticks(at, written if j == 0 else [""] * len(at))
                axis.tick_params(labelsize=SIZE, length=2 if self.side < 40 else 3)
            if not self.outside:
                turned = {} if self.level else {"rotation": 90, "va": "bottom"}
                place = "left" if self.level else "center"
                self.axes[i, i].set_title(self.labels[i], fontsize=SIZE, pad=3, loc=place, **turned)
        if self.outside:
            font = SIZE + 1 if not style.given() else SIZE
            for i, label in enumerate(self.labels):
                self.axes[size - 1, i].set_xlabel(label, fontsize=font)
                if i:
                    self.axes[i, 0].set_ylabel(label, fontsize=font)
            if not style.given():
                figure = self.axes[0, 0].figure
                figure.align_labels([axis for axis in self.axes.ravel() if axis is not None])


def _errors(model: Any) -> dict[str, float]:
    """Standard errors of a baseline's estimates, by label; empty where there are draws."""
    if "estimate" not in model.posterior:
        return {}
    found = scalars(model.posterior["estimate"].to_dataset())
    return {label: float(values.ravel()[0]) for label, values, _ in found}


def _scale(values: np.ndarray, error: float | None) -> Scale:
    if error is None or not error > 0:
        return scale_of(values)
    return Scale("linear", float(values[0] - 3.5 * error), float(values[0] + 3.5 * error))


def _estimate(axis: Any, pair: list[tuple[float, float]], alone: bool) -> None:
    """An estimate with its standard error, as a normal or as a point with bars."""
    (x, x_error), (y, y_error) = pair
    if alone:
        at = np.linspace(x - 3.5 * x_error, x + 3.5 * x_error, 101)
        axis.plot(at, np.exp(-0.5 * ((at - x) / x_error) ** 2), color=style.COLOURS["blue"])
        axis.axvline(x, color=style.COLOURS["black"])
        for edge in (x - x_error, x + x_error):
            axis.axvline(edge, color=style.COLOURS["black"], linestyle=":")
        axis.set_ylim(0, None)
        return
    axis.errorbar(x, y, y_error, x_error, fmt="o", ms=3, color=style.COLOURS["blue"])


def _widest(scales: list[Scale]) -> float:
    return max(
        style.extent(text, SIZE) for s in scales for most in (2, 3, 4) for text in s.ticks(most)[1]
    )


def _room(room: float, each: float) -> tuple[int, float, float]:
    """How many numbers a panel has room for, and the shares of it at its ends and between them."""
    most = int(np.clip(room / each, 2 if 0.65 * room > each else 1, 4))
    # Those of the next panel stand beyond the gap.
    edge = float(np.clip(0.5 * (NUMBER - GAP) / room, 0.06, 0.2))
    return most, edge, 1.15 * each / room


def _single(axis: Any, values: np.ndarray, scale: Scale, prior: dict[str, Any] | None) -> None:
    edges = scale.even(41)
    axis.hist(values, edges, color=style.COLOURS["sky"], histtype="stepfilled", alpha=0.7)
    if scale.kind == "broken":
        for *_, middle in scale.modes:
            axis.axvline(middle, color=style.COLOURS["black"])
    else:
        low, middle, high = np.quantile(values, [0.16, 0.5, 0.84])
        axis.axvline(middle, color=style.COLOURS["black"])
        for edge in (low, high):
            axis.axvline(edge, color=style.COLOURS["black"], linestyle=":")
    if prior is not None:
        at = scale.even(201)
        height = np.exp(np.max(np.atleast_2d(_log_prior(prior, at)), axis=0))
        # Draws that the prior alone would put into a bin, which is 5 of these steps wide.
        counts = height * len(values) * 5 * np.gradient(at)
        axis.plot(at, counts, color=style.COLOURS["vermilion"], linestyle="--", linewidth=0.8)


def _log_prior(plain: dict[str, Any], at: np.ndarray) -> np.ndarray:
    """Log prior density; of a listed prior, that of each entry in a row."""
    prior = Prior.from_dict(plain)
    if any(np.size(value) > 1 for value in prior.arguments.values()):
        return prior.log_density(at[:, None]).T
    return prior.log_density(at)


def _pair(axis: Any, x: np.ndarray, y: np.ndarray, across: Scale, below: Scale) -> None:
    edges = [scale.even(31) for scale in (across, below)]
    counts, *_ = np.histogram2d(x, y, bins=edges)
    smooth = _smooth(counts)
    order = np.sort(smooth.ravel())[::-1]
    inside = np.cumsum(order) / order.sum()
    levels = sorted({float(order[np.searchsorted(inside, p)]) for p in (0.865, 0.393)})
    centres = [
        scale.inverse(0.5 * (scale.forward(e[1:]) + scale.forward(e[:-1])))
        for scale, e in zip((across, below), edges, strict=True)
    ]
    axis.contourf(
        *centres,
        smooth.T,
        levels=[*levels, smooth.max() * 1.001],
        colors=[style.COLOURS["sky"], style.COLOURS["blue"]][-len(levels) :],
        alpha=0.7,
    )


def _smooth(counts: np.ndarray) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    # Mirrored at the edges: a posterior that leans on a bound is not pulled off it.
    return gaussian_filter(counts, 1.0, mode="reflect")
