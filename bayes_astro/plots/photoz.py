"""Figures of photometric redshifts: against spectra, densities, calibration, error scales."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.plots import style

__all__ = ["FIGURES", "calibration", "densities", "error_scales", "redshifts", "reliability"]

MOST = 3000  # objects in a figure


def _objects(model: Any) -> Any:
    """Fitted objects with known redshift, evenly taken."""
    data = model.data
    rows = np.flatnonzero(~np.isnan(data.redshift) & ~data.missing.all(axis=1))
    return data[rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST)).astype(int)]]


def _known(model: Any, photometry: Any) -> Any:
    """The given objects whose redshift is known, or the fitted ones."""
    if photometry is None:
        return _objects(model)
    known = np.zeros(len(photometry), dtype=bool)
    if photometry.redshift is not None:
        known = ~np.isnan(photometry.redshift)
    if known.sum() < 2:
        raise ValueError(
            "at: this figure compares with known redshifts, and fewer than two are there; "
            "plot('densities', at=...) needs none."
        )
    return photometry[known]


def redshifts(model: Any, at: Any = None) -> style.Drawing:
    """Mode of the density against the spectroscopic redshift, and the difference.

    `at`: Photometry of other objects, with redshifts.
    """
    data = _known(model, at)
    mode, z = model.summary(data)["mode"].to_numpy(), np.asarray(data.redshift)
    top, bottom = style.panels(
        0.75 if not style.narrow() else 1.25, 2, sharex=True, height_ratios=(3, 1)
    )
    high = 1.02 * max(z.max(), np.quantile(mode, 0.999))
    top.plot([0, high], [0, high], color=style.COLOURS["vermilion"], linewidth=1)
    shown = {"bins": "log", "gridsize": 60, "mincnt": 1, "cmap": "cividis", "linewidths": 0}
    top.hexbin(z, mode, extent=(0, high, 0, high), **shown)
    top.set_ylabel("photometric redshift (mode)")
    error = (mode - z) / (1 + z)
    reach = max(4 * 1.4826 * float(np.median(np.abs(error))), 0.02)
    shown["gridsize"] = (60, 20)
    bottom.hexbin(z, error, extent=(0, high, -reach, reach), **shown)
    bottom.axhline(0, color=style.COLOURS["vermilion"], linewidth=1)
    bottom.set(xlabel="spectroscopic redshift", ylim=(-reach, reach))
    bottom.set_ylabel("difference / (1+z)")
    return top.figure


def densities(model: Any, at: Any = None) -> style.Drawing:
    """p(z) of some objects by increasing redshift, with the spectroscopic ones that are known.

    `at`: Photometry of other objects.
    """
    data = _objects(model) if at is None else at
    rows, columns = (3, 4) if not style.narrow() else (5, 2)
    known = data.redshift is not None and not np.isnan(data.redshift).all()
    order = np.argsort(data.redshift if known else model.summary(data)["median"].to_numpy())
    panels = rows * columns
    some = order
    if len(order) > panels:
        some = order[np.linspace(0, len(order) - 1, panels + 2).astype(int)[1:-1]]
    data = data[some]
    table = model.summary(data)
    truths = data.redshift if known else np.full(len(data), np.nan)
    axes = style.panels(0.6 if not style.narrow() else 1.4, rows, columns, len(data))
    for i, axis in enumerate(axes):
        low, high = table["low_95"].iloc[i], table["high_95"].iloc[i]
        wide = high - low
        truth = truths[i]
        low, high = np.fmin(low - 0.6 * wide, truth), np.fmax(high + 0.6 * wide, truth)
        z = np.linspace(max(low, -0.009), high, 300)
        density = model.pdf(data[i], z).values[0]
        axis.fill_between(z, density, color=style.COLOURS["sky"], linewidth=0)
        if not np.isnan(truth):
            axis.axvline(truth, color=style.COLOURS["vermilion"], linewidth=1)
        axis.set(yticks=[], ylim=(0, None))
        axis.locator_params(axis="x", nbins=3)
    line = ", and the line of the spectrum" if known else ""
    style.label_outside(axes, f"redshift: density{line}")
    return axes[0].figure


def calibration(model: Any, at: Any = None) -> style.Drawing:
    """Histogram of the PIT, its quantiles against uniform ones, and the difference of both.

    `at`: Photometry of other objects, with redshifts.
    """
    data = _known(model, at)
    pit = np.sort(model.pit(data))
    left, top, bottom = (
        style.mosaic(0.5, "ab;ab;ac") if not style.narrow() else style.mosaic(1.6, "a;a;b;b;c")
    )
    bins = 20
    spread = 2 * np.sqrt(bins / len(pit))
    band = {"color": style.COLOURS["orange"], "alpha": 0.3, "linewidth": 0}
    left.axhspan(1 - spread, 1 + spread, **band)
    left.hist(pit, np.linspace(0, 1, bins + 1), density=True, histtype="step", color="black")
    left.set(xlabel="PIT: probability below the truth", ylabel="density", xlim=(0, 1))
    uniform = (np.arange(len(pit)) + 0.5) / len(pit)
    reach = 1.36 / np.sqrt(len(pit))  # 95% of Kolmogorov-Smirnov distances
    ends = np.array([0.0, 1.0])
    top.fill_between(ends, ends - reach, ends + reach, **band)
    top.plot(uniform, pit, color="black", linewidth=1)
    top.set(ylabel="quantile of the PIT", xlim=(0, 1), ylim=(0, 1))
    if not style.given():
        top.tick_params(labelbottom=False)
        bottom.set_xlim(0, 1)
    bottom.axhspan(-reach, reach, **band)
    bottom.plot(uniform, pit - uniform, color="black", linewidth=1)
    bottom.set(xlabel="quantile of uniform", ylabel="difference")
    return left.figure


def reliability(model: Any, at: Any = None) -> style.Drawing:
    """How many redshifts the central 68 and 95% intervals hold, in bins of magnitude.

    Bins of equally many objects in the band with the best ratio of signal to noise; the bars are the
    binomial standard error of the fraction that is claimed. Fluxes below their error are left out.

    `at`: Photometry of other objects, with redshifts.
    """
    data = _known(model, at)
    signal = np.where(data.missing, 0.0, data.flux / data.error)
    band = int(np.argmax(np.median(signal, axis=0)))
    flux = data.flux[:, band]
    rows = np.flatnonzero(~data.missing[:, band] & (flux > data.error[:, band]))
    if len(rows) < 20:
        raise ValueError(
            f"band {data.bands[band]!r}: {len(rows)} objects are brighter than their errors, too few "
            "for bins of magnitude (at least 20); give more photometry."
        )
    magnitude, pit = -2.5 * np.log10(flux[rows]), model.pit(data[rows])
    parts = np.array_split(np.argsort(magnitude), int(np.clip(len(rows) // 60, 2, 8)))
    middle = [np.median(magnitude[part]) for part in parts]
    (axis,) = style.panels(0.55 if not style.narrow() else 0.95)
    for level, name, marker in ((0.68, "blue", "o"), (0.95, "vermilion", "s")):
        inside = [np.mean(np.abs(pit[part] - 0.5) < level / 2) for part in parts]
        error = [np.sqrt(level * (1 - level) / len(part)) for part in parts]
        axis.axhline(level, color=style.COLOURS[name], linewidth=1, linestyle="--")
        axis.errorbar(
            middle,
            inside,
            error,
            fmt=marker,
            color=style.COLOURS[name],
            label=f"{level:.0%} intervals",
        )
    unit = f" (flux in {data.unit})" if data.unit else ""
    label = data.bands[band].replace("$", r"\$")
    axis.set(
        xlabel=rf"$-2.5\,\log_{{10}}$ flux in {label}{unit}",
        ylabel="fraction that hold the redshift",
    )
    style.legend_above(axis)
    return axis.figure


def error_scales(model: Any) -> style.Drawing:
    """What the published errors of each band are multiplied with."""
    from matplotlib.ticker import LogLocator

    posterior = model.posterior["posterior"]
    scale = posterior["error_scale"].values.reshape(-1, posterior.sizes["band"])[0]
    tau = float(posterior["common_error"].values.ravel()[0])
    bands = posterior["band"].values.tolist()
    (axis,) = style.panels(0.4 if not style.narrow() else 0.8)
    axis.axhline(1, color=style.COLOURS["orange"], linewidth=1)
    axis.plot(range(len(bands)), scale, "o", color="black")
    axis.set_xticks(range(len(bands)), [band.replace("$", r"\$") for band in bands])
    axis.set_yscale("log")
    low, high = min(scale.min(), 1) / 1.5, max(scale.max(), 1) * 1.5
    axis.set(ylim=(low, high), xlabel="band", ylabel="error scale")
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter("{x:g}")
    axis.minorticks_off()
    axis.set_title(f"common error {tau:.3g} mag", fontsize="medium")
    return axis.figure


FIGURES = {
    "redshifts": redshifts,
    "densities": densities,
    "calibration": calibration,
    "reliability": reliability,
    "error_scales": error_scales,
}
