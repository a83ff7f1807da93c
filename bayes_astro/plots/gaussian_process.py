"""Figures of a Gaussian process: the curve with its bands, spectrum, residuals, corner."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.plots import corner as corner_plot
from bayes_astro.plots import style

__all__ = ["FIGURES", "components", "corner", "light_curve", "residuals", "spectrum"]

DRAWS = 200
ORDER = ("blue", "vermilion", "green", "purple", "sky", "orange")


def light_curve(model: Any) -> style.Drawing:
    """The data and the 68 and 95% bands of the noiseless curve, one panel for each band."""
    data = model.data
    bands = data.bands if len(data.bands) > 1 else ("",)
    bands = tuple(sorted(bands))
    time = _grid(data)
    predicted = model.predict(time, draws=DRAWS, seed=0)
    figure = style.page(min(1.2, (0.38 if not style.narrow() else 0.6) * len(bands) + 0.12))
    axes = figure.subplots(len(bands), 1, sharex=True, squeeze=False)[:, 0]
    for i, (axis, band) in enumerate(zip(axes, bands, strict=True)):
        rows = predicted.isel(row=slice(i * len(time), (i + 1) * len(time)))
        # The curve's draws scatter about their means: the mixture over the draws is smooth.
        signal = _quantiles(rows["mean"].values, rows["sd"].values)
        colour = style.COLOURS[ORDER[i % len(ORDER)]]
        for label, (low, high), alpha in (("95%", (0, 4), 0.2), ("68%", (1, 3), 0.35)):
            axis.fill_between(
                time, signal[low], signal[high], color=colour, alpha=alpha, linewidth=0, label=label
            )
        axis.plot(time, signal[2], color=colour, linewidth=0.8, label="median")
        chosen = slice(None) if band == "" else data.band == band
        axis.errorbar(
            data.time[chosen],
            data.value[chosen],
            data.error[chosen],
            fmt="o",
            ms=2,
            color=style.COLOURS["black"],
            elinewidth=0.5,
            label="data",
            zorder=1,
        )
        name = "value" if band == "" else band
        axis.set_ylabel(style.axis_label(name, data.value_unit))
        if data.is_magnitude:
            axis.invert_yaxis()
    axes[-1].set_xlabel(style.axis_label("time", data.time_unit))
    style.legend_above(figure, axes[0])
    return figure


def _quantiles(mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """2.5, 16, 50, 84 and 97.5% of the mixture of normals over the draws, by bisection."""
    from scipy.special import ndtr

    mean, sd = mean.reshape(-1, mean.shape[-1]), sd.reshape(-1, sd.shape[-1])
    sd = np.maximum(sd, 1e-12 * np.max(sd) + 1e-300)
    wanted = np.array([0.025, 0.16, 0.5, 0.84, 0.975])[:, None]
    low = np.broadcast_to((mean - 6 * sd).min(axis=0), (5, mean.shape[1])).copy()
    high = np.broadcast_to((mean + 6 * sd).max(axis=0), (5, mean.shape[1])).copy()
    for _ in range(40):
        middle = 0.5 * (low + high)
        below = np.array([ndtr((row - mean) / sd).mean(axis=0) for row in middle]) < wanted
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return 0.5 * (low + high)


def _grid(data: Any, count: int = 600) -> np.ndarray:
    """Even times with a margin, and the observed ones: gaps are seen, and so are the data."""
    reach = 0.03 * np.ptp(data.time)
    even = np.linspace(data.time[0] - reach, data.time[-1] + reach, count)
    observed = np.unique(data.time)
    if len(observed) > 2 * count:
        observed = observed[:: len(observed) // count]
    return np.unique(np.concatenate([even, observed]))


def components(model: Any) -> style.Drawing:
    """Every summand of the kernel with its 68% band (of the first band of the data)."""
    data = model.data
    time = _grid(data)
    predicted = model.predict(time, draws=DRAWS, seed=0).isel(row=slice(0, len(time)))
    names = list(model.components()) if hasattr(model, "components") else ["process"]
    figure = style.page(min(1.3, 0.28 * len(names) + 0.15))
    axes = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for i, (axis, name) in enumerate(zip(axes, names, strict=True)):
        if len(names) > 1:
            one = predicted.isel(component=i)
            mean, sd = one["component_mean"].values, one["component_sd"].values
        else:
            mean, sd = predicted["mean"].values, predicted["sd"].values
        low95, low, middle, high, high95 = _quantiles(mean, sd)
        colour = style.COLOURS[ORDER[i % len(ORDER)]]
        axis.fill_between(time, low95, high95, color=colour, alpha=0.2, linewidth=0)
        axis.fill_between(time, low, high, color=colour, alpha=0.35, linewidth=0)
        axis.plot(time, middle, color=colour)
        axis.set_ylabel(style.axis_label(name.replace("_", " "), data.value_unit))
        if data.is_magnitude:
            axis.invert_yaxis()
    axes[-1].set_xlabel(style.axis_label("time", data.time_unit))
    return figure


def spectrum(model: Any) -> style.Drawing:
    """Power spectral density with its 68 and 95% bands, and the level of the white noise."""
    figure = style.page(0.55 if not style.narrow() else 0.9)
    axis = figure.subplots()
    if not hasattr(model, "power_spectrum"):
        axis.text(0.5, 0.5, "no kernel, no spectrum", ha="center", transform=axis.transAxes)
        return figure
    found = model.power_spectrum(draws=2 * DRAWS)
    power = found["power"].values.reshape(-1, found.sizes["frequency"])
    bands = np.quantile(power, [0.025, 0.16, 0.5, 0.84, 0.975], axis=0)
    frequency = found["frequency"].values
    colour = style.COLOURS["blue"]
    for label, (low, high), alpha in (("95%", (0, 4), 0.2), ("68%", (1, 3), 0.4)):
        axis.fill_between(
            frequency, bands[low], bands[high], color=colour, alpha=alpha, linewidth=0, label=label
        )
    axis.plot(frequency, bands[2], color=colour, label="median")
    level = float(found["noise"].median())
    axis.axhline(level, color=style.COLOURS["grey"], linestyle="--", label="white noise")
    axis.set(xscale="log", yscale="log")
    axis.set_ylim(min(bands[2].min(), level) / 10, bands[3].max() * 10)
    data = model.data
    axis.set_xlabel(style.axis_label("frequency", f"1 / {data.time_unit}"))
    unit = f"({data.value_unit})² {data.time_unit}" if data.value_unit else data.time_unit
    axis.set_ylabel(style.axis_label("power", unit))
    style.legend_above(figure, axis)
    return figure


def residuals(model: Any) -> style.Drawing:
    """One-step-ahead residuals in time, their autocorrelation and their distribution."""
    from scipy.stats import norm

    from bayes_astro import residuals

    figure = style.page(0.72 if not style.narrow() else 1.5)
    if style.narrow():
        top, left, right = figure.subplots(3, 1)
    else:
        grid = figure.add_gridspec(2, 2)
        top = figure.add_subplot(grid[0, :])
        left, right = figure.add_subplot(grid[1, 0]), figure.add_subplot(grid[1, 1])
    data = model.data
    if hasattr(model, "standardised") and hasattr(model, "kernel") and hasattr(model, "tables"):
        rows = residuals.of_draws(model)
    else:
        scale = np.std(data.value)
        rows = ((data.value - data.value.mean()) / scale)[None]
    middle = rows.mean(axis=0)
    top.axhline(0, color=style.COLOURS["grey"], linewidth=0.5)
    top.plot(data.time, middle, "o", ms=2, color=style.COLOURS["blue"])
    top.set_xlabel(style.axis_label("time", data.time_unit))
    top.set_ylabel("residual / sd")
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
    return figure


def corner(model: Any) -> style.Drawing:
    """The kernel's parameters, jitter and offset against each other."""
    posterior = model.posterior["posterior"]
    names = tuple(str(n) for n in posterior.data_vars if n not in ("noise_scale", "tau_rest"))
    return corner_plot.corner(model, names)


FIGURES = {
    "light_curve": light_curve,
    "components": components,
    "spectrum": spectrum,
    "residuals": residuals,
    "corner": corner,
}
