"""Figures of the periodogram: density over frequency, folded curve, residuals, the period."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.data import LightCurve
from bayes_astro.data import light_curve_inputs as inputs
from bayes_astro.periodic import aliases, signal_left
from bayes_astro.periodic.window import window as window_of
from bayes_astro.plots import phases, style, time_series
from bayes_astro.plots.scales import scale_of

__all__ = ["FIGURES", "folded", "forecast", "overview", "period", "spectrum", "window"]

PIXELS = 3000
SIGNALS = ("blue", "orange", "green", "purple", "vermilion", "black")


def overview(model: Any) -> style.Drawing:
    """All of it on one page: density over frequency and its highest peak, signal, residuals, period.

    Of several signals the densities of all, and the rest of the strongest.
    """
    if style.narrow():
        axes = style.mosaic(2.6, "a;a;b;b;c;c;c;d;e;e")
    else:
        axes = style.mosaic(0.95, "aaabb;aaabb;cccee;cccee;cccee;dddee")
    whole, peak, curve, left, last = axes
    for signal in _signals(model):
        _density(whole, model, signal, zoom=False)
    strongest = signal_left.strongest(model)
    _density(peak, model, strongest, zoom=True)
    _folded_with_residuals({strongest: curve}, left, model)
    _period(last, model, strongest)
    return whole.figure


def _signals(model: Any) -> range:
    return range(1, model.posterior["posterior"].sizes.get("signal", 1) + 1)


def spectrum(model: Any) -> style.Drawing:
    """Log posterior density over frequency, and a zoom on the highest peak.

    Of several signals a row for each, given the others at their best.
    """
    count = len(_signals(model))
    if style.narrow():
        axes = style.panels(1.1 * count, 2 * count)
    else:
        axes = style.panels(0.35 * count, count, 2, width_ratios=[2, 1])
    for signal, whole, peak in zip(_signals(model), axes[::2], axes[1::2], strict=True):
        _density(whole, model, signal, zoom=False)
        _density(peak, model, signal, zoom=True)
    return axes[0].figure


def folded(model: Any, at: Any = None) -> style.Drawing:
    """The data folded with the period, with credible bands of the signal, and residuals.

    Bands with amplitudes of their own stand one above the other, less their offsets; instruments lie upon
    each other. Several signals have a panel each, the others subtracted.

    `at`: another LightCurve of the same star, drawn in place of the fitted one.
    """
    if at is not None and not isinstance(at, LightCurve):
        raise ValueError(f"at must be a LightCurve to fold with the fitted period, got {at!r:.80}.")
    if at is not None:
        inputs.check_units(model.data, at)
    count = len(_signals(model))
    ratios = [3] * count + [1 if count == 1 else 2]
    high = 0.55 if not style.narrow() else 0.9
    *curves, left = style.panels(
        high * (1 + 0.7 * (count - 1)), count + 1, height_ratios=ratios, sharex=True
    )
    _folded_with_residuals(dict(zip(_signals(model), curves, strict=True)), left, model, at)
    return left.figure


def _folded_with_residuals(curves: dict[int, Any], left: Any, model: Any, at: Any = None) -> None:
    data = model.data if at is None else at
    for signal, axis in curves.items():
        phases.curve(axis, model, data, signal)
    last = max(curves)
    phases.residuals(left, model, data, last)
    if not style.given():
        curves[last].set_xlabel("")
        curves[last].tick_params(labelbottom=False)


def period(model: Any) -> style.Drawing:
    """The posterior of the period, of each signal; its axis is broken between modes that are far apart."""
    count = len(_signals(model))
    axes = style.panels((0.5 if not style.narrow() else 0.75) * count, count)
    for signal, axis in zip(_signals(model), axes, strict=True):
        _period(axis, model, signal)
    return axes[0].figure


def forecast(model: Any, at: Any = None) -> style.Drawing:
    """The data, the signal through them, and what is expected of it after the last observation.

    Bands hold 68 and 95% of the noiseless signal, over all modes of the period. Drawn are the last
    cycles, and five to come.

    `at`: times to which it reaches; or a LightCurve of later observations, drawn beside it.
    """
    length = 1 / signal_left.best(model)
    time = model.data.time
    # Far enough back for some forty observations.
    before = max(10 * length, float(time[-1] - time[max(0, len(time) - 40)]))
    return time_series.forecast(
        model, at, ahead=max(5 * length, 0.2 * before), before=before, period=length
    )


def window(model: Any) -> style.Drawing:
    """Power of the window function, its strongest peaks marked: distances at which aliases stand."""
    (axis,) = style.panels(0.4 if not style.narrow() else 0.75)
    found = window_of(model.data)
    axis.plot(found.frequency, found.power, color=style.COLOURS["blue"], linewidth=0.7)
    near = 0.03 * found.frequency[-1]
    told: list[float] = []
    for row in found.peaks(5).sort_values("power", ascending=False).itertuples():
        if any(abs(row.frequency - other) < near for other in told):
            continue  # the name of one stands for both: a day and a sidereal day
        told.append(row.frequency)
        text = row.name or f"{row.frequency:.4g}"
        axis.annotate(
            text, (row.frequency, row.power), xytext=(3, 0), textcoords="offset points",
            va="center", fontsize="small",
        )  # fmt: skip
    axis.set_xlim(0, found.frequency[-1])
    axis.set_ylim(0, 1.12)
    axis.set_xlabel(f"frequency [1/{found.time_unit}]")
    axis.set_ylabel("power of the window")
    return axis.figure


FIGURES = {
    "overview": overview,
    "spectrum": spectrum,
    "folded": folded,
    "period": period,
    "forecast": forecast,
    "window": window,
}


def _density(axis: Any, model: Any, signal: int, *, zoom: bool) -> None:
    tree, unit = model.posterior, model.data.time_unit
    axis.set_xlabel(style.axis_label("frequency", f"1/{unit}"))
    if "periodogram" not in tree:
        axis.text(
            0.5,
            0.5,
            "sampled along a chain:\nno density over all frequencies",
            ha="center",
            va="center",
            transform=axis.transAxes,
            color=style.COLOURS["grey"],
        )
        return
    group = tree["periodogram"]
    name = "log_density" if "log_density" in group else "power"
    x, y = group["frequency"].values, group[name].values
    if len(_signals(model)) > 1 and name == "log_density":
        y = aliases.peaks_of(model).heights[signal - 1]
    best = signal_left.best(model, signal)
    colour = style.COLOURS[SIGNALS[signal - 1]]
    if zoom and len(_signals(model)) > 1:
        axis.set_title(f"signal {signal}, given the others", loc="right")
    if name == "log_density":
        y = y - y.max()
        axis.set_ylabel("log density − maximum [nat]")
    else:
        axis.set_ylabel("Lomb-Scargle power")
    if zoom:
        frequency = tree["posterior"]["frequency"].values.ravel()
        span = np.ptp(model.data.time)
        near = frequency[np.abs(frequency - best) < 1 / span]
        width = 6 * max(float(near.std()), 1e-12) if len(near) > 2 else 1 / span
        inside = np.abs(x - best) < width
        if inside.sum() < 8:
            inside = np.argsort(np.abs(x - best))[:24]
            inside = np.sort(inside)
        if name == "log_density":
            y = np.exp(y)
            axis.set_ylabel("density / maximum")
        axis.plot(x[inside] - best, y[inside], color=colour, marker=".", ms=2)
        reach = float(np.max(np.abs(x[inside] - best)))
        style.label_difference(axis, f"frequency − {best:.8g}", f"1/{unit}", reach)
        axis.locator_params(axis="x", nbins=4)
        return
    _envelope(axis, x, y, colour)
    axis.plot(
        best,
        1.02,
        marker="v",
        color=style.COLOURS["vermilion"] if len(_signals(model)) == 1 else colour,
        clip_on=False,
        transform=axis.get_xaxis_transform(),
        ms=4,
    )
    if signal == 1 and "evidence" in tree and "log_bayes_factor" in tree["evidence"]:
        odds = float(tree["evidence"]["log_bayes_factor"])
        # Padded, so that it stands clear of the marker above the highest peak.
        axis.set_title(f"ln Bayes factor {odds:.1f}", loc="left", pad=9)


def _envelope(axis: Any, x: np.ndarray, y: np.ndarray, colour: str) -> None:
    """All peaks of a long grid: the highest value of every pixel."""
    if len(x) <= PIXELS:
        axis.plot(x, y, color=colour, linewidth=0.6)
        return
    pixel = ((x - x[0]) / (x[-1] - x[0]) * (PIXELS - 1)).astype(int)
    starts = np.flatnonzero(np.diff(pixel, prepend=-1))
    axis.plot(x[starts], np.maximum.reduceat(y, starts), color=colour, linewidth=0.6)


def _period(axis: Any, model: Any, signal: int) -> None:
    data = model.data
    draws = model.posterior["posterior"]["period"].values
    values = draws.reshape(-1, len(_signals(model)))[:, signal - 1]
    if len(_signals(model)) > 1 and hasattr(model, "modes"):
        peaks = aliases.peaks_of(model)
        own, top = peaks.draws[:, signal - 1], peaks.modes[signal - 1][0]
        # A few draws elsewhere would stretch the axis until nothing is seen.
        values = 1 / (own[(own >= top.low) & (own <= top.high)] if top.mass > 0.95 else own)
    axis.set_ylabel("posterior density")
    if len(values) < 10:
        error = float(np.ravel(model.posterior["estimate"]["period"].values)[signal - 1])
        axis.errorbar([0.0], [0.5], xerr=[error], fmt="o", color=style.COLOURS["blue"])
        label = f"period − {values[0]:.8g}"
        style.label_difference(axis, label, data.time_unit, error)
        axis.set_ylabel("estimate and its error")
        axis.set_yticks([])
        return
    scale = scale_of(values)
    if scale.kind == "broken":
        _modes(axis, values, scale, data.time_unit)
        return
    low, middle, high = np.quantile(values, [0.16, 0.5, 0.84])
    edges = style.edges(values, 51) - middle
    axis.hist(
        values - middle, edges, density=True, color=style.COLOURS["sky"], histtype="stepfilled"
    )
    axis.axvline(0, color=style.COLOURS["black"], label="median")
    for edge in (low, high):
        axis.axvline(
            edge - middle,
            color=style.COLOURS["black"],
            linestyle=":",
            label="68% interval" if edge == low else None,
        )
    reach = float(np.max(np.abs(edges)))
    style.label_difference(axis, f"period − {middle:.8g}", data.time_unit, reach)
    axis.set_ylim(0, 1.3 * axis.get_ylim()[1])
    axis.set_yticks([])
    axis.locator_params(axis="x", nbins=5)
    axis.legend(loc="upper right")


def _modes(axis: Any, values: np.ndarray, scale: Any, unit: str) -> None:
    """Separate modes side by side, each with its median and its share of the draws."""
    edges = scale.even(81)
    axis.hist(values, edges, color=style.COLOURS["sky"], histtype="stepfilled")
    scale.apply(axis, "x")
    at, texts = scale.ticks(len(scale.modes))
    axis.minorticks_off()
    for i, ((low, high, middle), text) in enumerate(zip(scale.modes, texts, strict=True)):
        share = float(np.mean((values >= low) & (values <= high)))
        axis.axvline(middle, color=style.COLOURS["black"])
        texts[i] = f"{text}\n({share:.0%})"
    axis.set_xticks(at, texts)
    axis.set_ylabel("draws in a bin")
    axis.set_yticks([])
    axis.set_xlabel(style.axis_label("period", unit) + ": medians, shares of the draws")
