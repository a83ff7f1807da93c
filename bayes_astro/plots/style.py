"""One style for all figures, applied in a context: rcParams are never left changed."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Iterator
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

__all__ = ["COLOURS", "Drawing", "applied", "axis_label", "label_difference", "legend_above"]

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


class Drawing(Figure):
    """A figure that shows itself in a notebook without pyplot."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=110)
        return buffer.getvalue()


@contextlib.contextmanager
def applied(width: str = "page") -> Iterator[None]:
    """Draw in this style, at the width of a journal's page or column."""
    global _width
    if width not in WIDTHS:
        raise ValueError(f"width={width!r} must be one of {', '.join(WIDTHS)}.")
    before = _width
    _width = WIDTHS[width]
    try:
        with matplotlib.rc_context(_STYLE):
            yield
    finally:
        _width = before


def page(height: float) -> Drawing:
    """An empty figure of the width in force and `height` times as high."""
    return Drawing(figsize=(_width, height * _width), layout="constrained")


def narrow() -> bool:
    """Whether the width in force is that of a column."""
    return _width < 5


def axis_label(name: str, unit: str | None) -> str:
    """``name [unit]``; dollars and other markup in a user's names stay what they are."""
    plain = name.replace("$", r"\$")
    return f"{plain} [{unit}]".replace("[1 / ", "[1/") if unit else plain


def label_difference(axis: Any, name: str, unit: str | None, reach: float) -> None:
    """Label the x axis of a figure that extends to `reach`, its power of ten within the unit.

    matplotlib would write the power beside the label, and over a long one.
    """
    power = 0 if 1e-3 <= reach < 1e4 else math.floor(math.log10(reach))
    if power:
        axis.xaxis.set_major_formatter(lambda x, _: f"{x / 10.0**power:.6g}".replace("-", "−"))
        unit = f"$10^{{{power}}}$ {unit or ''}".strip().replace(" 1/", "/")
    axis.set_xlabel(axis_label(name, unit))


def legend_above(figure: Figure, axis: Any) -> None:
    """A legend above the axes, where it covers no data."""
    count = len(axis.get_legend_handles_labels()[1])
    # Rows as equal as they can be: six entries do not fit into a column's width.
    rows = math.ceil(count / (3 if narrow() else 6))
    figure.legend(
        loc="outside upper center",
        ncols=math.ceil(count / rows),
        columnspacing=1.0,
        handlelength=1.5,
    )


def edges(values: np.ndarray, count: int) -> np.ndarray:
    """Edges of a histogram that leaves out one draw in a thousand at either end."""
    low, high = np.quantile(values, [0.001, 0.999])
    return np.linspace(low, high, count)
