"""Axes that suit a posterior: linear, logarithmic over decades, broken between separate modes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_astro.plots import style

__all__ = ["Scale", "label_of", "scale_of"]

DECADES = 1.5  # between the 1 and 99% quantiles of a positive quantity: its axis is logarithmic
FEWEST = 0.01  # share of the draws that is a mode
MOST = 4  # modes
EMPTY = 0.75  # of the range: between modes, so that the axis is broken there
BREAK = 0.12  # width of a break, where a mode has that of 1


@dataclass(frozen=True)
class Scale:
    """Where a value stands along an axis; `forward` leads from values to even coordinates.

    Parameters
    ----------
    kind : {"linear", "log", "broken"}
    low, high : float
        Ends of the axis, in values.
    modes : tuple of (low, high, median)
        Of a broken axis, ascending: every mode has the same room.
    """

    kind: str
    low: float
    high: float
    modes: tuple[tuple[float, float, float], ...] = ()

    @property
    def offset(self) -> float:
        """What is taken off the numbers of an axis that would be long and differ at the end only."""
        reach = self.high - self.low
        if self.kind != "linear" or abs(self.low) < 1e4 or reach > 0.01 * abs(self.low):
            return 0.0
        step = 10.0 ** math.ceil(math.log10(reach))
        return math.floor(self.low / step) * step

    def _knots(self) -> tuple[np.ndarray, np.ndarray]:
        ends = np.array([mode[:2] for mode in self.modes])
        first = np.arange(len(ends)) * (1 + BREAK)
        return ends.ravel(), np.column_stack([first, first + 1]).ravel()

    def forward(self, x: Any) -> Any:
        """Coordinates of values."""
        if self.kind == "linear":
            return x
        if self.kind == "log":
            return np.log10(x)
        return _piecewise(np.asarray(x, dtype=float), *self._knots())

    def inverse(self, u: Any) -> Any:
        """Values at coordinates."""
        if self.kind == "linear":
            return u
        if self.kind == "log":
            return 10.0**u
        return _piecewise(np.asarray(u, dtype=float), *self._knots()[::-1])

    def even(self, count: int) -> np.ndarray:
        """So many values that stand evenly along the axis."""
        at = self.inverse(np.linspace(self.forward(self.low), self.forward(self.high), count))
        at[[0, -1]] = self.low, self.high
        return at

    def apply(self, axis: Any, which: str) -> None:
        """Give this scale to the x or y axis, and hatch its breaks."""
        if self.kind == "log":
            getattr(axis, f"set_{which}scale")("log")
        elif self.kind == "broken":
            functions = (self.forward, self.inverse)
            getattr(axis, f"set_{which}scale")("function", functions=functions)
            span = axis.axvspan if which == "x" else axis.axhspan
            for before, after in zip(self.modes[:-1], self.modes[1:], strict=True):
                span(before[1], after[0], facecolor="white", edgecolor=style.COLOURS["grey"],
                     hatch="//////", linewidth=0, zorder=4)  # fmt: skip
        getattr(axis, f"set_{which}lim")(self.low, self.high)

    def _two(self) -> tuple[np.ndarray, list[str]]:
        """Where round numbers are too far apart: near a fifth and four fifths of the axis."""
        ends = self.forward(self.low), self.forward(self.high)
        found = []
        for share in (0.21, 0.79):
            x = float(self.inverse(ends[0] + share * (ends[1] - ends[0])))
            step = 0.05 * (self.high - self.low) if self.kind == "linear" else 0.3 * abs(x)
            digits = math.ceil(-math.log10(step))
            found.append(round(x - self.offset, digits))
        return self.offset + np.array(found), [_short(x) for x in found]

    def _round(self, most: int) -> Iterator[np.ndarray]:
        """Round numbers along the axis, many of them first."""
        from matplotlib.ticker import MaxNLocator

        if self.kind == "linear":
            for wanted in range(most + 1, 1, -1):
                locator = MaxNLocator(wanted, steps=[1, 2, 3, 4, 5, 10])
                yield np.asarray(locator.tick_values(self.low, self.high), dtype=float)
            return
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        powers = np.arange(first, last + 1)
        for parts in ((1, 2, 5), (1, 3)):
            yield np.sort(np.outer(10.0**powers, parts).ravel())
        for stride in range(1, last - first + 1):
            for start in range(stride):
                yield 10.0 ** powers[start::stride]

    def ticks(
        self, most: int, edge: float = 0.06, apart: float = 0.2
    ) -> tuple[np.ndarray, list[str]]:
        """At most so many ticks and their texts.

        None within a share `edge` of the ends of the axis, where texts of neighbours would meet; no
        two closer than a share `apart`.
        """
        if self.kind == "broken":
            at = np.array([middle for *_, middle in self.modes])
            narrow = min(high - low for low, high, _ in self.modes)
            return at[:most], [_text(x, 0.2 * narrow) for x in at[:most]]
        for at in self._round(most):
            place = (self.forward(np.maximum(at, self.low)) - self.forward(self.low)) / (
                self.forward(self.high) - self.forward(self.low)
            )
            inside = (place > edge) & (place < 1 - edge) & (at > self.low)
            at, place = at[inside], place[inside]
            if min(most, 2) <= len(at) <= most and np.all(np.diff(place) > apart):
                break
        else:
            at, texts = self._two()
            return at[:most], texts[:most]
        if self.kind == "log":
            return at, [_decade(x) for x in at]
        step = np.min(np.diff(at)) if len(at) > 1 else 0.3 * (self.high - self.low)
        return at, [_text(x - self.offset, step) for x in at]


def _short(x: float) -> str:
    return f"{x:.10g}".replace("e+0", "e").replace("e-0", "e−").replace("-", "−")


def _piecewise(x: np.ndarray, from_: np.ndarray, to: np.ndarray) -> np.ndarray:
    """Linear between knots, and beyond the first and last."""
    k = np.clip(np.searchsorted(from_, x) - 1, 0, len(from_) - 2)
    return to[k] + (x - from_[k]) * (to[k + 1] - to[k]) / (from_[k + 1] - from_[k])


def _text(x: float, step: float) -> str:
    """A number with the digits that its neighbours at this distance ask for."""
    if step >= 1e5 or (abs(x) < 1e-3 and x != 0):
        return f"{x:.2g}".replace("e+0", "e").replace("e-0", "e−").replace("-", "−")
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    text = f"{x:.{digits}f}"
    return ("0" if float(text) == 0 else text).replace("-", "−")


def _decade(x: float) -> str:
    power = math.floor(math.log10(x) + 1e-9)
    if -3 < power < 4:
        return f"{x:g}"
    first = round(x / 10.0**power)
    return f"$10^{{{power}}}$" if first == 1 else f"${first}\\cdot10^{{{power}}}$"


def label_of(name: str, unit: str | None, scale: Scale) -> str:
    """The label of an axis, with the offset that is taken off its numbers."""
    if scale.offset:
        digits = max(0, -math.floor(math.log10(scale.high - scale.low)))
        name = f"{name} − {scale.offset:.{digits}f}".replace("− -", "+ ")
    return style.axis_label(name, unit)


def scale_of(values: np.ndarray) -> Scale:
    """The scale for draws of a quantity; one draw in a thousand at either end is left out."""
    low, high = np.quantile(values, [0.001, 0.999])
    one, other = np.quantile(values, [0.01, 0.99])
    wide = bool(values.min() > 0 and np.log10(other / one) > DECADES)
    modes = _modes(np.sort(values[(values >= low) & (values <= high)]), wide)
    if modes:
        return Scale("broken", modes[0][0], modes[-1][1], modes)
    if high <= low:
        low, high = low - (abs(low) * 1e-3 or 1e-3), high + (abs(high) * 1e-3 or 1e-3)
    return Scale("log" if wide else "linear", float(low), float(high))


def _modes(x: np.ndarray, wide: bool) -> tuple[tuple[float, float, float], ...]:
    """Groups of sorted draws with nothing between them; empty where there is one, or too many."""
    place = np.log(x) if wide else x
    gaps, reach = np.diff(place), place[-1] - place[0]
    if not reach > 0:
        return ()
    cuts = np.flatnonzero(gaps > 0.1 * reach) + 1
    groups = [group for group in np.split(x, cuts) if len(group) >= max(3, FEWEST * len(x))]
    if not 2 <= len(groups) <= MOST or any(np.ptp(group) == 0 for group in groups):
        return ()
    if gaps[cuts - 1].sum() < EMPTY * reach:
        return ()
    found = []
    for group in groups:
        margin = 0.05 * np.ptp(group)
        found.append((group[0] - margin, group[-1] + margin, float(np.median(group))))
    return tuple(found)
