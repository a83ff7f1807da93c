"""One style for all figures, applied in a context: rcParams are never left changed."""

from __future__ import annotations

import contextlib
import inspect
import io
import math
import re
from collections.abc import Iterator
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

__all__ = [
    "COLOURS", "Drawing", "applied", "axis_label", "label_difference", "label_times", "legend_above",
    "mosaic", "panels", "wrap_labels",
]  # fmt: skip

# Okabe & Ito (2008): told apart with any colour vision.
COLOURS = {
    "black": "#000000",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "green": "#009E73",
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "purple": "#CC79A7",
    "grey": "#7F7F7F",
}
WIDTHS = {"page": 7.1, "column": 3.4}
_STYLE = {
    "font.size": 8.5,
    "axes.labelsize": 8.5,
    "axes.titlesize": 9,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.0,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "axes.grid": False,
    "figure.dpi": 110,
    "savefig.dpi": 300,
    "figure.constrained_layout.use": True,
    "axes.formatter.useoffset": True,
    "axes.formatter.limits": (-4, 5),
}
_width = WIDTHS["page"]
_given: list[Any] | None = None
_name = ""


class Drawing(Figure):
    """A figure that shows itself in a notebook without pyplot."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=110)
        return buffer.getvalue()


@contextlib.contextmanager
def applied(width: str = "page", ax: Any = None, name: str = "") -> Iterator[None]:
    """Draw in this style, at the width of a journal's page or column, or into axes that are given."""
    global _width, _given, _name
    if width not in WIDTHS:
        raise ValueError(f"width={width!r} must be one of {', '.join(WIDTHS)}.")
    before = _width, _given, _name
    _width, _given, _name = WIDTHS[width], None, name
    if ax is not None:
        _given = _axes(ax)
        if _given:
            _width = _given[0].figure.bbox.width / _given[0].figure.dpi
    try:
        with matplotlib.rc_context(_STYLE):
            yield
    finally:
        _width, _given, _name = before


def drawn(model: Any, drawings: dict[str, Any], name: str, at: Any, ax: Any, width: str) -> Figure:
    """A figure by name, of those that the model has; see `Estimator.plot`."""
    given = () if at is None else (at,)
    takers = [one for one, draw in drawings.items() if takes_at(draw)]
    if given and name not in takers:
        others = f"; {', '.join(map(repr, takers))} can be drawn at others" if takers else ""
        raise ValueError(f"figure {name!r} shows the fit alone: leave out at={others}.")
    with applied(width, ax, name):
        figure = drawings[name](model, *given)
        if ax is None:
            wrap_labels(figure)
        return figure


def takes_at(draw: Any) -> bool:
    """Whether a figure can be drawn at others than the fitted data."""
    return "at" in inspect.signature(draw).parameters


def _axes(ax: Any) -> list[Any]:
    """The axes that were given, one or several, in a list."""
    from matplotlib.axes import Axes

    listed = np.ravel(np.asarray(ax, dtype=object)).tolist()
    for one in listed:
        if not isinstance(one, Axes):
            raise ValueError(
                f"ax={one!r:.80} must be axes of matplotlib, or as many of them as the figure has "
                "panels; figure.subplots(rows, columns) makes them."
            )
    return listed


def given() -> bool:
    """Whether the axes are the caller's."""
    return _given is not None


def page(height: float) -> Drawing:
    """An empty figure of the width in force and `height` times as high."""
    if _given is not None:
        raise ValueError(f"figure {_name!r} is a page of its own and takes no ax: leave it out.")
    return Drawing(figsize=(_width, height * _width), layout="constrained")


def panels(
    height: float, rows: int = 1, columns: int = 1, count: int | None = None, **how: Any
) -> Any:
    """The axes of a grid, in a flat array: of a new page, or those that were given.

    Parameters
    ----------
    height : float
        Of the page over its width.
    rows, columns : int
    count : int, optional
        How many are used; those behind are invisible.
    **how
        As for `Figure.subplots`.
    """
    count = rows * columns if count is None else count
    if _given is not None:
        shape = f"{rows}, {columns}" if rows * columns == count else f"{count}"
        return _counted(count, f", as figure.subplots({shape}) makes them" if count > 1 else "")
    axes = page(height).subplots(rows, columns, squeeze=False, **how).ravel()
    for axis in axes[count:]:
        axis.set_visible(False)
    return axes[:count]


def mosaic(height: float, places: str, **how: Any) -> Any:
    """The axes of an uneven grid in the order of their letters; "aa;bc" has one above two."""
    letters = sorted(set(places) - {";", "."})
    if _given is not None:
        return _counted(len(letters), "")
    found = page(height).subplot_mosaic(places, **how)
    return np.array([found[letter] for letter in letters], dtype=object)


def _counted(count: int, how: str) -> Any:
    assert _given is not None
    if len(_given) != count:
        what = "one panel: ax takes one axes" if count == 1 else (
            f"{count} panels: ax takes as many axes{how}"
        )  # fmt: skip
        raise ValueError(f"figure {_name!r} has {what}, got {len(_given)}.")
    found = np.empty(count, dtype=object)
    found[:] = _given
    return found


def page_width() -> float:
    """The width in force, in inches."""
    return _width


def narrow() -> bool:
    """Whether the width in force is that of a column."""
    return _width < 5


def axis_label(name: str, unit: str | None) -> str:
    """``name [unit]``; dollars and other markup in a user's names stay what they are."""
    plain = name.replace("$", r"\$")
    return f"{plain} [{unit}]".replace("[1 / ", "[1/") if unit else plain


def label_outside(axes: Any, x: str, y: str = "") -> None:
    """One label for all panels of a page; in axes that were given each has its own."""
    if given():
        for axis in axes:
            axis.set(xlabel=x, ylabel=y)
        return
    axes[0].figure.supxlabel(x, fontsize="medium")
    if y:
        axes[0].figure.supylabel(y, fontsize="medium")


def label_difference(axis: Any, name: str, unit: str | None, reach: float) -> None:
    """Label the x axis of a figure that extends to `reach`, its power of ten within the unit.

    matplotlib would write the power beside the label, and over a long one.
    """
    power = 0 if 1e-3 <= reach < 1e4 else math.floor(math.log10(reach))
    if power:
        axis.xaxis.set_major_formatter(lambda x, _: f"{x / 10.0**power:.6g}".replace("-", "−"))
        unit = f"$10^{{{power}}}$ {unit or ''}".strip().replace(" 1/", "/")
    axis.set_xlabel(axis_label(name, unit))


def label_times(axis: Any, data: Any) -> None:
    """Label the x axis of times: of long ones an offset is taken off, and named in the label.

    The axis stays in the times of the data, so that more can be drawn into it. The offset is a
    multiple of a thousand, or of the next power of ten above the span: 2457000 of three months in
    Julian dates, 2450000 of eight years.
    """
    low, high = float(np.min(data.time)), float(np.max(data.time))
    span = high - low
    step = 10.0 ** max(3, math.ceil(math.log10(span))) if span > 0 else 1e3
    offset = math.floor(low / step) * step if abs(low) >= 1e5 else 0.0
    reach = max(abs(low - offset), abs(high - offset), 1e-300)
    power = 0 if 1e-3 <= reach < 1e5 else math.floor(math.log10(reach))

    def text(x: float, _: Any = None) -> str:
        return f"{round((x - offset) / 10.0**power, 9):.9g}".replace("-", "−")

    axis.xaxis.set_major_formatter(text)
    unit = f"$10^{{{power}}}$ {data.time_unit or ''}".strip() if power else data.time_unit
    kind = getattr(data, "time_format", "")
    name = kind.upper() if kind in ("jd", "mjd", "bjd", "hjd", "bkjd", "btjd") else "time"
    axis.set_xlabel(axis_label(f"{name} − {offset:.0f}" if offset else name, unit))


def legend_above(axis: Any) -> None:
    """A legend of one of the axes, above all of them, where it covers no data.

    In axes that were given it stands within them.
    """
    handles, labels = axis.get_legend_handles_labels()
    if given():
        axis.legend(handles, labels, loc="best", handlelength=1.5)
        return
    size: Any = matplotlib.rcParams["legend.fontsize"]
    wide = [extent(label, size) + 2.4 * size for label in labels]
    # Rows as equal as they can be, and none wider than the page.
    for columns in range(len(labels), 0, -1):
        each = [max(wide[i::columns], default=0.0) for i in range(columns)]
        if sum(each) + columns * size < 72 * _width:
            break
    rows = math.ceil(len(labels) / columns)
    axis.figure.legend(
        handles,
        labels,
        loc="outside upper center",
        ncols=math.ceil(len(labels) / rows),
        columnspacing=1.0,
        handlelength=1.5,
    )


def extent(text: str, size: float) -> float:
    """Width of a text in points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    plain = re.sub(r"(?<!\\)\$(.*?)(?<!\\)\$", lambda m: re.sub(r"[\^_{}]", "", m[1]), text)
    plain = plain.replace(r"\$", "$")
    return max(
        text_to_path.get_text_width_height_descent(line, FontProperties(size=size), False)[0]
        for line in (plain or " ").split("\n")
    )


def wrap_labels(figure: Figure) -> None:
    """Break labels that are longer than their axes in two, at the blank nearest to the middle."""
    wide, high = 72 * figure.get_figwidth(), 72 * figure.get_figheight()
    for axis in figure.axes:
        place = axis.get_position()
        # Before it is laid out a grid has wider margins than after.
        for label, room in (
            (axis.xaxis.label, 1.1 * place.width * wide),
            (axis.yaxis.label, 1.1 * place.height * high),
        ):
            text = label.get_text()
            if "\n" in text or " " not in text or extent(text, float(label.get_fontsize())) <= room:
                continue
            blanks = [
                i for i, letter in enumerate(text) if letter == " " and text[:i].count("$") % 2 == 0
            ]
            if blanks:
                at = min(blanks, key=lambda i: abs(i - len(text) / 2) - 3 * (text[i + 1] == "["))
                label.set_text(f"{text[:at]}\n{text[at + 1 :]}")


def bands(axis: Any, at: np.ndarray, curves: np.ndarray, what: str, middle: str) -> np.ndarray:
    """68 and 95% of curves (draws, m), where there are several, and their median, which is returned."""
    if len(curves) > 1:
        for label, low, high, alpha in (("95%", 0.025, 0.975, 0.3), ("68%", 0.16, 0.84, 0.6)):
            axis.fill_between(
                at, *np.quantile(curves, [low, high], axis=0), alpha=alpha, linewidth=0,
                color=COLOURS["orange"], label=f"{label} of {what}", zorder=1,
            )  # fmt: skip
    found = np.median(curves, axis=0)
    axis.plot(at, found, color=COLOURS["vermilion"], label=middle, zorder=2)
    return found


def places(at: Any, what: str, lowest: float = -np.inf) -> np.ndarray:
    """Where a curve is asked for, ascending; ValueError for what is no two finite numbers above."""
    try:
        found = np.unique(np.asarray(at, dtype=float))
    except (TypeError, ValueError):
        found = np.empty(0)
    if np.ndim(at) != 1 or len(found) < 2 or not (np.isfinite(found) & (found > lowest)).all():
        above = f" above {lowest:g}" if np.isfinite(lowest) else ""
        raise ValueError(f"at must be two or more {what}{above} in a row, got {at!r:.80}.")
    return found


def edges(values: np.ndarray, count: int) -> np.ndarray:
    """Edges of a histogram that leaves out one draw in a thousand at either end."""
    low, high = np.quantile(values, [0.001, 0.999])
    return np.linspace(low, high, count)
