"""Figures of a Gaussian process: curve, forecast, components, orbit, spectrum, residuals, corner."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from bayes_astro.data import light_curve_inputs as inputs
from bayes_astro.data.curve import Curve
from bayes_astro.draws import each_draw, thinned
from bayes_astro.plots import corner as corner_plot
from bayes_astro.plots import style, time_series
from bayes_astro.processes import mean_and_noise, spectra

__all__ = [
    "FIGURES", "components", "corner", "folded", "forecast", "light_curve", "residuals", "spectrum",
]  # fmt: skip

DRAWS = time_series.DRAWS
ELEMENTS = ("orbital_period", "signal_period", "semi_amplitude", "eccentricity", "phase", "omega")
INSTEAD = {"velocity_cosine", "velocity_sine", "h", "k"}  # drawn as semi-amplitude, phase, ...
LEFT_OUT = {"noise_scale", "tau_rest"}


def light_curve(model: Any, at: Any = None) -> style.Drawing:
    """The data and the 68 and 95% bands of the noiseless curve, one panel for each band.

    `at`: times, at which the curve is drawn.
    """
    return time_series.light_curve(model, at, _period(model))


def forecast(model: Any, at: Any = None) -> style.Drawing:
    """The data, the curve through them, and what is expected of it after the last observation.

    Bands hold 68 and 95% of the noiseless curve; one panel for each band. The forecast reaches a
    fifth of the time span ahead.

    `at`: times to which it reaches; or a LightCurve of later observations, drawn beside it.
    """
    return time_series.forecast(model, at, period=_period(model))


def _period(model: Any) -> float | None:
    """The median period of the mean function, where it has one."""
    name = mean_and_noise.folds_on(getattr(model, "mean", None))
    return float(model.posterior["posterior"][name].median()) if name else None


def components(model: Any, at: Any = None) -> style.Drawing:
    """Trend, mean function and every summand of the kernel, each by itself with its bands.

    Of the first band of the data. The offset is in none of them.

    `at`: times, at which they are drawn.
    """
    data = model.data
    asked = time_series.even(data, _period(model)) if at is None else inputs.times(data, at)[0]
    time = np.unique(asked)
    pieces = _means(model, time) + _processes(model, time)
    axes = style.panels(
        min(1.3, (0.28 if not style.narrow() else 0.42) * len(pieces) + 0.15),
        len(pieces),
        sharex=True,
    )
    for i, (axis, (name, bands)) in enumerate(zip(axes, pieces, strict=True)):
        time_series.draw_bands(axis, time, bands, time_series.COLOURS[i % 6])
        axis.set_ylabel(style.axis_label(name, data.value_unit))
        if data.is_magnitude:
            axis.invert_yaxis()
    for axis in axes if style.given() else axes[-1:]:
        style.label_times(axis, data)
    return axes[0].figure


def _means(model: Any, time: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Names and quantiles of what is no process: trend and mean function."""
    data, curve = model.data, Curve.of(model.data)
    draws = thinned(model.posterior["posterior"].to_dataset(), DRAWS)
    found, since = [], time - curve.epoch
    if "trend" in draws:
        slopes = draws["trend"].values.reshape(draws.sizes["chain"] * draws.sizes["draw"], -1)[:, 0]
        found.append(("trend", np.quantile(slopes[:, None] * since, time_series.LEVELS, axis=0)))
    function = mean_and_noise.function_of(model.mean)
    if function is not None:
        bands = getattr(function, "bands", None)
        name = _words(type(function).__name__)
        if bands is not None and sorted(data.bands)[:1] != list(bands)[:1]:
            name += f" in {', '.join(bands)}"
        curves = [function.evaluate(since, values) for *_, values in each_draw(draws)]
        found.append((name, np.quantile(curves, time_series.LEVELS, axis=0)))
    return found


def _processes(model: Any, time: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Names and quantiles of the kernel's summands."""
    names, curve = list(model.components()), Curve.of(model.data)
    predicted = model.predict(time, draws=time_series.draws_for(time), seed=0).isel(
        row=slice(0, len(time))
    )
    if len(names) > 1:
        mean, sd = predicted["component_mean"].values, predicted["component_sd"].values
    else:
        mean, sd = predicted["mean"].values, predicted["sd"].values[:, :, None]
        draws = thinned(model.posterior["posterior"].to_dataset(), time_series.draws_for(time))
        base = np.empty_like(mean)
        first = np.zeros(len(time), dtype=np.int64)
        for chain, draw, values in each_draw(draws):
            base[chain, draw] = mean_and_noise.signal(
                model.mean, values, time - curve.epoch, first, curve.bands
            )
        mean = (mean - base)[:, :, None]
    return [
        (name.replace("_", " "), time_series.mixture(mean[:, :, i], sd[:, :, i]))
        for i, name in enumerate(names)
    ]


def _words(name: str) -> str:
    """The name of a class as words."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def folded(model: Any) -> style.Drawing:
    """The data less all but the mean function, folded with its period, and the function's bands.

    What is taken off each value are its offset, the trend and the process given the data, averaged over
    the draws; error bars are those of the data. Of a period with several modes the draws about the one
    with most of them are taken, and the label says what share they are.
    """
    data, curve = model.data, Curve.of(model.data)
    function = mean_and_noise.function_of(model.mean)
    draws, share = _one_mode(model, mean_and_noise.folds_on(model.mean))
    periods = draws[mean_and_noise.folds_on(model.mean)].values[0]
    period = float(np.median(periods))
    predicted = model.forecast(draws, data, data, np.random.default_rng(0))
    visible = mean_and_noise.seen(function, curve.bands, curve.band)
    phase = np.linspace(0, 1, 201)
    curves, others = [], np.zeros(len(data))
    for _, draw, values in each_draw(draws):
        curves.append(function.evaluate(phase * values[function.folds_on], values))
        own = mean_and_noise.evaluate(function, values, curve.time, visible)
        others += (predicted["mean"].values[0, draw] - own) / draws.sizes["draw"]
    (axis,) = style.panels(0.5 if not style.narrow() else 0.85)
    bands = np.quantile(curves, time_series.LEVELS, axis=0)
    time_series.draw_bands(axis, phase, bands, "orange", _words(type(function).__name__))
    names = curve.bands if visible is None else [b for b in curve.bands if b in function.bands]
    at = (curve.time / period) % 1.0
    for i, band in enumerate(names):
        rows = curve.band == curve.bands.index(band)
        label = band or (data.bands[0] if data.bands else "data")
        colour = ("black", "blue", "vermilion", "green", "purple", "sky")[i % 6]
        time_series.draw_points(axis, data, rows, colour, label, less=others, time=at)
    axis.set_xlim(0, 1)
    several = f", {share:.0%} of the draws" if share < 0.995 else ""
    axis.set_xlabel(f"phase (period {_digits(periods)} {data.time_unit}{several})")
    axis.set_ylabel(style.axis_label("value − other components", data.value_unit))
    if data.is_magnitude:
        axis.invert_yaxis()
    style.legend_above(axis)
    return axis.figure


def _one_mode(model: Any, name: str) -> tuple[Any, float]:
    """About `DRAWS` draws whose periods keep in step over the time span, and the share of all."""
    draws = model.posterior["posterior"].to_dataset()
    draws = draws.drop_vars(("chain", "draw"), errors="ignore").stack(
        sample=("chain", "draw"), create_index=False
    )
    cycles = np.ptp(model.data.time) / draws[name].values
    order = np.sort(cycles)
    count = np.searchsorted(order, order + 0.5) - np.searchsorted(order, order - 0.5)
    near = np.flatnonzero(np.abs(cycles - order[np.argmax(count)]) < 0.5)
    keep = near[np.linspace(0, len(near) - 1, min(len(near), DRAWS)).round().astype(int)]
    some = draws.isel(sample=keep).rename(sample="draw").expand_dims("chain")
    return some.transpose("chain", "draw", ...), len(near) / len(cycles)


def _digits(values: np.ndarray) -> str:
    """Their median, to the digits that their spread leaves."""
    spread = max(float(np.std(values)), 1e-12 * abs(float(np.median(values))))
    return f"{np.median(values):.{max(0, 1 - int(np.floor(np.log10(spread))))}f}"


def spectrum(model: Any, at: Any = None) -> style.Drawing:
    """Power spectral density with its 68 and 95% bands, and the level of the white noise.

    `at`: frequencies, in cycles per time unit.
    """
    if at is not None:
        at = style.places(at, "frequencies", 0.0)
    (axis,) = style.panels(0.55 if not style.narrow() else 0.9)
    found = spectra.power_spectrum(model, at, 2 * DRAWS)
    power = found["power"].values.reshape(-1, found.sizes["frequency"])
    bands = np.quantile(power, time_series.LEVELS, axis=0)
    time_series.draw_bands(axis, found["frequency"].values, bands, "blue", "kernel")
    level = float(found["noise"].median())
    axis.axhline(level, color=style.COLOURS["grey"], linestyle="--", label="white noise")
    axis.set(xscale="log", yscale="log")
    axis.set_ylim(min(bands[2].min(), level) / 10, bands[3].max() * 10)
    data = model.data
    axis.set_xlabel(style.axis_label("frequency", f"1 / {data.time_unit}"))
    unit = f"({data.value_unit})² {data.time_unit}" if data.value_unit else data.time_unit
    axis.set_ylabel(style.axis_label("power", unit))
    style.legend_above(axis)
    return axis.figure


def residuals(model: Any) -> style.Drawing:
    """Residuals in time, their autocorrelation and their distribution.

    Of a process they are one-step-ahead: each value less what those before it let expect, over the
    standard deviation of that, averaged over the draws. Of a smoother: less the curve, over error bars
    and jitter. Grey are 95% of what unit normals without correlation give.
    """
    from scipy.stats import norm

    from bayes_astro import residuals

    top, left, right = style.mosaic(
        0.72 if not style.narrow() else 1.5, "aa;bc" if not style.narrow() else "a;b;c"
    )
    data = model.data
    rows = residuals.of_draws(model)
    top.axhline(0, color=style.COLOURS["grey"], linewidth=0.5)
    names = sorted(data.bands) if len(data.bands) > 1 else [""]
    for i, name in enumerate(names):
        chosen = data.band == name if name else slice(None)
        colour = style.COLOURS[time_series.COLOURS[i % 6]]
        middle = rows.mean(axis=0)[chosen]
        top.plot(data.time[chosen], middle, "o", ms=2, color=colour, label=name)
    style.label_times(top, data)
    top.set_ylabel(
        "one-step-ahead residual / sd" if hasattr(model, "components") else "residual / noise"
    )
    n = rows.shape[1]
    lags = int(max(1, min(40, n // 3)))
    rho = residuals.autocorrelation(rows, lags)
    at = np.arange(1, lags + 1)
    limit = 1.96 / np.sqrt(n)
    left.axhspan(-limit, limit, color=style.COLOURS["grey"], alpha=0.25, linewidth=0)
    left.vlines(at, 0, rho.mean(axis=0), color=style.COLOURS["blue"])
    left.set(xlabel="lag in rows", ylabel="autocorrelation")
    edges = np.linspace(0, 1, 11)
    counts = np.array([np.histogram(norm.cdf(row), edges)[0] for row in rows]).mean(axis=0)
    right.stairs(counts / (n / 10), edges, color=style.COLOURS["blue"], fill=True, alpha=0.4)
    wide = 1.96 * np.sqrt(0.9 / (n / 10))
    right.axhspan(1 - wide, 1 + wide, color=style.COLOURS["grey"], alpha=0.25, linewidth=0)
    right.set(xlabel="probability integral transform", ylabel="relative frequency")
    if len(names) > 1:
        style.legend_above(top)
    return top.figure


def corner(model: Any) -> style.Drawing:
    """Elements of the mean function, the kernel's parameters, jitter and offset against each other."""
    found = [str(n) for n in model.posterior["posterior"].data_vars if n not in LEFT_OUT]
    if "semi_amplitude" in found:
        found = [name for name in found if name not in INSTEAD]
    first = [name for name in ELEMENTS if name in found]
    last = [name for name in ("jitter", "trend", "offset") if name in found]
    between = [name for name in found if name not in (*first, *last)]
    return corner_plot.corner(model, (*first, *between, *last))


FIGURES = {
    "light_curve": light_curve,
    "forecast": forecast,
    "components": components,
    "folded": folded,
    "spectrum": spectrum,
    "residuals": residuals,
    "corner": corner,
}
