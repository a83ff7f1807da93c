"""A light curve folded with its period: data, signal and residuals by phase."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.data.curve import Curve
from bayes_astro.periodic import harmonics, signal_left
from bayes_astro.plots import style
from bayes_astro.plots.time_series import COLOURS

__all__ = ["curve", "residuals"]

FEW = 150  # points of a band
APART = 1.15  # of the largest range of a band, between bands one above the other


def _phases(model: Any, data: Any, signal: int) -> tuple[np.ndarray, float]:
    """Phases of data by the epoch of those that were fitted, and the frequency."""
    frequency, epoch = signal_left.best(model, signal), harmonics.epoch(model.data)
    return (data.time - epoch) * frequency % 1.0, frequency


def _phase_label(model: Any, frequency: float) -> str:
    """With the period, and what share of the draws is about it where that is not all."""
    draws = model.posterior["posterior"]["frequency"]
    near = np.abs(draws - frequency) < 1 / np.ptp(model.data.time)
    share = float((near.any("signal") if "signal" in near.dims else near).mean())
    several = f", {share:.0%} of the draws" if share < 0.995 else ""
    return f"phase (period {1 / frequency:.7g} {model.data.time_unit}{several})"


def _without_trend(draws: Any) -> Any:
    return draws.drop_vars(["trend", "slope"], errors="ignore")


def _trend_at(fitted: Curve, draws: Any, data: Any) -> np.ndarray:
    """The median trend, with regressors, at the rows of data, without the offset."""
    if "trend" not in draws and "slope" not in draws:
        return np.zeros(len(data))
    time, band = data.time - fitted.epoch, fitted.numbers(data)
    whole = harmonics.signal(draws, time, band, fitted.beside(data, len(data)))
    return np.median((whole - harmonics.signal(_without_trend(draws), time, band))[0], axis=0)


def _points(
    axis: Any,
    phase: np.ndarray,
    value: np.ndarray,
    error: np.ndarray,
    colour: str,
    label: str,
    few: bool,
) -> None:
    """Points with error bars over two cycles; `few` of them stand before the curves, and larger."""
    for shift in (0, 1):
        axis.errorbar(
            phase + shift,
            value,
            error,
            fmt=".",
            ms=5 if few else 2,
            elinewidth=0.8 if few else 0.4,
            alpha=0.9 if few else 0.5,
            color=style.COLOURS[colour],
            zorder=4 if few else 1,
            label=label if shift == 0 else None,
        )


def _few(band: np.ndarray) -> bool:
    """Whether no band has many points."""
    return int(np.bincount(band).max()) <= FEW


def _names(fitted: Curve) -> list[tuple[str, str]]:
    """Label and colour of the points of each band."""
    if not fitted.several:
        return [("data", "grey")]
    return [(name, COLOURS[i % len(COLOURS)]) for i, name in enumerate(fitted.bands)]


def curve(axis: Any, model: Any, data: Any, signal: int = 1) -> None:
    """Data less the trend and other signals, and the signal near its most probable period."""
    fitted = Curve.of(model.data)
    phase, frequency = _phases(model, data, signal)
    draws, rest = signal_left.near(model, signal)
    bands, band = len(fitted.bands), fitted.numbers(data)
    at = np.linspace(0, 2, 401)
    # At the phase, each draw has its own frequency: the band near the epoch, as all phases are.
    flat = _without_trend(draws)
    own = "band" in flat["amplitude"].dims
    numbers = range(bands) if own else [0]
    curves = [harmonics.signal(flat, at / frequency, np.full(401, b))[0] for b in numbers]
    value = data.value - _trend_at(fitted, draws, data) - signal_left.others(model, rest, data)
    if fitted.several:
        offset = np.median(flat["offset"].values[0], axis=0)
        middle = [np.median(c, axis=0) - offset[b] for b, c in zip(numbers, curves, strict=True)]
        step = APART * max(float(np.ptp(one)) for one in middle) if own else 0.0
        up = np.arange(bands) * step * (1 if data.is_magnitude else -1)
        value = value - offset[band] + up[band]
        curves = [
            c - (offset[b] if own else flat["offset"].values[0, :, :1]) + up[b]
            for b, c in zip(numbers, curves, strict=True)
        ]
    for b, (label, colour) in enumerate(_names(fitted)):
        rows = band == b
        _points(axis, phase[rows], value[rows], data.error[rows], colour, label, _few(band))
    for i, some in enumerate(curves):
        colour = _names(fitted)[i][1] if own and fitted.several else ""
        _signal(axis, at, some, colour, named=i == 0)
    axis.set_xlim(0, 2)
    name = "value − trend" if "trend" in draws else "value"
    name += " − regressors" if "slope" in draws else ""
    name += " − offset" if fitted.several else ""
    name += " − other signals" if rest is not None else ""
    axis.set_ylabel(style.axis_label(name + (", shifted" if own else ""), data.value_unit))
    axis.set_xlabel(_phase_label(model, frequency))
    if data.is_magnitude:
        axis.invert_yaxis()
    _room(axis, data, 3 + bands)


def _signal(axis: Any, at: np.ndarray, curves: np.ndarray, colour: str, *, named: bool) -> None:
    """Two bands and the median, in a colour of their own where a photometric band has a curve."""
    names = (("95%", 0.025, 0.975, 0.35), ("68%", 0.16, 0.84, 0.7))
    for name, low, high, alpha in names:
        if len(curves) > 1:
            axis.fill_between(
                at,
                *np.quantile(curves, [low, high], axis=0),
                alpha=alpha,
                linewidth=0,
                color=style.COLOURS[colour or "orange"],
                zorder=2,
                label=f"signal, {name}" if named else None,
            )
    middle = np.median(curves, axis=0)
    label = "signal, median" if named else None
    axis.plot(at, middle, color=style.COLOURS[colour or "vermilion"], zorder=3, label=label)


def _room(axis: Any, data: Any, entries: int) -> None:
    """Room above the points for a legend of so many entries."""
    columns = 2 if style.narrow() else 4
    axis.legend(loc="upper center", ncols=columns, columnspacing=0.8, handlelength=1.2)
    low, high = sorted(axis.get_ylim())
    part = (0.16 if style.narrow() else 0.18) * -(-entries // columns)
    room = low - part * (high - low) if data.is_magnitude else high + part * (high - low)
    axis.set_ylim(*((high, room) if data.is_magnitude else (low, room)))


def residuals(axis: Any, model: Any, data: Any, signal: int = 1) -> None:
    """Data less the median signal, by its phase."""
    fitted = Curve.of(model.data)
    phase, frequency = _phases(model, data, signal)
    draws, rest = signal_left.near(model, signal)
    band = fitted.numbers(data)
    columns = fitted.beside(data, len(data))
    own = harmonics.signal(draws, data.time - fitted.epoch, band, columns)[0]
    residual = data.value - np.median(own, axis=0) - signal_left.others(model, rest, data)
    for b, (label, colour) in enumerate(_names(fitted)):
        rows = band == b
        _points(axis, phase[rows], residual[rows], data.error[rows], colour, label, _few(band))
    axis.axhline(0, color=style.COLOURS["vermilion"])
    axis.set_xlim(0, 2)
    axis.set_ylabel(style.axis_label("residual", data.value_unit))
    axis.set_xlabel(_phase_label(model, frequency))
    if data.is_magnitude:
        axis.invert_yaxis()
