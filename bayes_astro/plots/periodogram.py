"""Figures of the periodogram: density over frequency, folded curve, residuals, the period."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.periodic import harmonics
from bayes_astro.plots import style

__all__ = ["FIGURES", "folded", "overview", "period", "spectrum"]

PIXELS = 3000


def overview(model: Any) -> style.Drawing:
    """All of it on one page."""
    figure = style.page(2.6 if style.narrow() else 0.95)
    if style.narrow():
        grid = figure.add_gridspec(5, 1, height_ratios=[2, 2, 3, 1, 2])
        places = [grid[0], grid[1], grid[2], grid[3], grid[4]]
    else:
        grid = figure.add_gridspec(3, 2, height_ratios=[2, 3, 1], width_ratios=[3, 2])
        places = [grid[0, 0], grid[0, 1], grid[1, 0], grid[2, 0], grid[1:, 1]]
    _density(figure.add_subplot(places[0]), model, zoom=False)
    _density(figure.add_subplot(places[1]), model, zoom=True)
    curve = figure.add_subplot(places[2])
    _folded(curve, model)
    curve.tick_params(labelbottom=False)
    curve.set_xlabel("")
    _residuals(figure.add_subplot(places[3], sharex=curve), model)
    _period(figure.add_subplot(places[4]), model)
    return figure


def spectrum(model: Any) -> style.Drawing:
    """Log posterior density over frequency, and a zoom on the highest peak."""
    figure = style.page(0.35 if not style.narrow() else 0.8)
    axes = figure.subplots(1, 2, width_ratios=[2, 1])
    _density(axes[0], model, zoom=False)
    _density(axes[1], model, zoom=True)
    return figure


def folded(model: Any) -> style.Drawing:
    """The data folded with the period, with credible bands of the signal, and residuals."""
    figure = style.page(0.55 if not style.narrow() else 0.9)
    axes = figure.subplots(2, 1, height_ratios=[3, 1], sharex=True)
    _folded(axes[0], model)
    axes[0].set_xlabel("")
    _residuals(axes[1], model)
    return figure


def period(model: Any) -> style.Drawing:
    """The posterior of the period."""
    figure = style.page(0.5 if not style.narrow() else 0.75)
    _period(figure.subplots(), model)
    return figure


FIGURES = {"overview": overview, "spectrum": spectrum, "folded": folded, "period": period}


def _best(model: Any) -> float:
    """The median frequency of the highest peak."""
    frequency = model.posterior["posterior"]["frequency"].values.ravel()
    if "periodogram" in model.posterior and hasattr(model, "modes"):
        group = model.posterior["periodogram"]
        top = float(group["frequency"].values[np.argmax(group["log_density"].values)])
        span = np.ptp(model.data.time)
        near = frequency[np.abs(frequency - top) < 1 / span]
        return float(np.median(near)) if len(near) else top
    return float(np.median(frequency))


def _density(axis: Any, model: Any, *, zoom: bool) -> None:
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
    best = _best(model)
    if name == "log_density":
        y = y - y.max()
        axis.set_ylabel("log density [nat]" if style.narrow() else "log density − maximum [nat]")
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
        axis.plot(x[inside] - best, y[inside], color=style.COLOURS["blue"], marker=".", ms=2)
        reach = float(np.max(np.abs(x[inside] - best)))
        style.label_difference(axis, f"frequency − {best:.8g}", f"1/{unit}", reach)
        axis.locator_params(axis="x", nbins=4)
        return
    _envelope(axis, x, y)
    axis.plot(
        best,
        1.02,
        marker="v",
        color=style.COLOURS["vermilion"],
        clip_on=False,
        transform=axis.get_xaxis_transform(),
        ms=4,
    )
    if "evidence" in tree and "log_bayes_factor" in tree["evidence"]:
        odds = float(tree["evidence"]["log_bayes_factor"]) / np.log(10)
        # Padded, so that it stands clear of the marker above the highest peak.
        axis.set_title(f"log10 Bayes factor {odds:.1f}", loc="left", pad=9)


def _envelope(axis: Any, x: np.ndarray, y: np.ndarray) -> None:
    """All peaks of a long grid: the highest value of every pixel."""
    if len(x) <= PIXELS:
        axis.plot(x, y, color=style.COLOURS["blue"], linewidth=0.6)
        return
    pixel = ((x - x[0]) / (x[-1] - x[0]) * (PIXELS - 1)).astype(int)
    starts = np.flatnonzero(np.diff(pixel, prepend=-1))
    axis.plot(x[starts], np.maximum.reduceat(y, starts), color=style.COLOURS["blue"], linewidth=0.6)


def _phases(model: Any) -> tuple[Any, np.ndarray, float, float]:
    data = model.data
    frequency, epoch = _best(model), harmonics.epoch(data)
    return data, (data.time - epoch) * frequency % 1.0, frequency, epoch


def _one_peak(model: Any, frequency: float) -> Any:
    """About 400 draws near one frequency: a band over several periods would fit none of them."""
    draws = model.posterior["posterior"].to_dataset().stack(sample=("chain", "draw"))
    near = np.abs(draws["frequency"].values - frequency) < 1 / np.ptp(model.data.time)
    draws = draws.isel(sample=np.flatnonzero(near))
    every = max(1, draws.sizes["sample"] // 400)
    draws = draws.isel(sample=slice(None, None, every)).drop_vars(["sample", "chain", "draw"])
    draws = draws.rename(sample="draw").expand_dims("chain")
    return draws.transpose("chain", "draw", ...)


def _without_trend(draws: Any) -> Any:
    return draws.drop_vars("trend") if "trend" in draws else draws


def _trend_at(model: Any, draws: Any) -> np.ndarray:
    """The median trend at the times of the data, without the offset."""
    if "trend" not in draws:
        return np.zeros(len(model.data))
    time = model.data.time - harmonics.epoch(model.data)
    whole = harmonics.signal(draws, time) - harmonics.signal(_without_trend(draws), time)
    return np.median(whole[0], axis=0)


def _points(axis: Any, phase: np.ndarray, value: np.ndarray, error: np.ndarray) -> None:
    """Points with error bars over two cycles."""
    for shift in (0, 1):
        axis.errorbar(
            phase + shift,
            value,
            error,
            fmt=".",
            ms=2,
            elinewidth=0.4,
            alpha=0.5,
            color=style.COLOURS["grey"],
            zorder=1,
            label="data" if shift == 0 else None,
        )


def _folded(axis: Any, model: Any) -> None:
    data, phase, frequency, _ = _phases(model)
    draws = _one_peak(model, frequency)
    value = data.value - _trend_at(model, draws)
    _points(axis, phase, value, data.error)
    at = np.linspace(0, 2, 401)
    # At the phase, each draw has its own frequency: the band near the epoch, as all phases are.
    curves = harmonics.signal(_without_trend(draws), at / frequency)[0]
    names = (("95%", 0.025, 0.975, 0.35), ("68%", 0.16, 0.84, 0.7))
    for name, low, high, alpha in names:
        if len(curves) > 1:
            axis.fill_between(
                at,
                *np.quantile(curves, [low, high], axis=0),
                alpha=alpha,
                linewidth=0,
                color=style.COLOURS["orange"],
                zorder=2,
                label=f"{name} of the signal",
            )
    axis.plot(at, np.median(curves, axis=0), color=style.COLOURS["vermilion"], zorder=3)
    axis.set_xlim(0, 2)
    axis.set_ylabel(style.axis_label("value", data.value_unit))
    axis.set_xlabel(f"phase (period {1 / frequency:.7g} {data.time_unit})")
    if data.is_magnitude:
        axis.invert_yaxis()
    axis.legend(loc="upper center", ncols=3, columnspacing=0.8, handlelength=1.2)
    low, high = sorted(axis.get_ylim())
    room = low - 0.18 * (high - low) if data.is_magnitude else high + 0.18 * (high - low)
    axis.set_ylim(*((high, room) if data.is_magnitude else (low, room)))


def _residuals(axis: Any, model: Any) -> None:
    data, phase, frequency, epoch = _phases(model)
    draws = _one_peak(model, frequency)
    residual = data.value - np.median(harmonics.signal(draws, data.time - epoch)[0], axis=0)
    _points(axis, phase, residual, data.error)
    axis.axhline(0, color=style.COLOURS["vermilion"])
    axis.set_xlim(0, 2)
    axis.set_ylabel("residual")
    axis.set_xlabel(f"phase (period {1 / frequency:.7g} {data.time_unit})")
    if data.is_magnitude:
        axis.invert_yaxis()


def _period(axis: Any, model: Any) -> None:
    data = model.data
    values = model.posterior["posterior"]["period"].values.ravel()
    axis.set_ylabel("posterior density")
    if len(values) < 10:
        error = float(model.posterior["estimate"]["period"].squeeze())
        axis.errorbar([0.0], [0.5], xerr=[error], fmt="o", color=style.COLOURS["blue"])
        label = f"period − {values[0]:.8g}"
        style.label_difference(axis, label, data.time_unit, error)
        axis.set_ylabel("estimate and its error")
        axis.set_yticks([])
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
