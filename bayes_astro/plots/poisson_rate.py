"""Figures of rates: sources beside their population, the population's density, corner."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.plots import corner as corner_plot
from bayes_astro.plots import style
from bayes_astro.plots.scales import DECADES

__all__ = ["FIGURES", "corner", "overview", "population"]

MOST = 60  # sources whose names are written
FEW = 400  # draws of a band
BANDS = (("95%", 0.025, 0.975, 0.3), ("68%", 0.16, 0.84, 0.6))


def overview(model: Any) -> style.Drawing:
    """Rates of all sources in the order of their estimates: by themselves, and in the population.

    The axis is logarithmic where intervals over more than one and a half decades leave out zero.
    """
    from bayes_astro.baselines.poisson_rate import PoissonIntervals

    data = model.data
    alone = PoissonIntervals().fit(data).posterior
    raw, ends = alone["posterior"]["rate"].values.ravel(), alone["intervals"]
    order = np.lexsort((data.exposure, raw))
    at = np.arange(len(data))
    (axis,) = style.panels(0.5 if not style.narrow() else 0.95)
    low, high = (ends[f"{end}_68"].values[order] for end in ("lower", "upper"))
    wide = bool(low.min() > 0 and raw.min() > 0 and high.max() > 10**DECADES * low.min())
    grey, blue = style.COLOURS["grey"], style.COLOURS["blue"]
    axis.vlines(at, low, high, color=grey, linewidth=0.8)
    axis.plot(at, np.maximum(raw, 0)[order], "s", ms=3, mfc="none", color=grey,
              label="by itself, 68%")  # fmt: skip
    if "estimate" not in model.posterior:
        draws = model.posterior["posterior"].to_dataset()
        rate = draws["rate"].transpose("source", "chain", "draw").values.reshape(len(data), -1)
        low, middle, high = np.quantile(rate[order], [0.16, 0.5, 0.84], axis=1)
        axis.vlines(at + 0.25, low, high, color=blue, linewidth=1.2)
        label = "posterior, 68%" if "scatter" not in draws else "in the population, 68%"
        axis.plot(at + 0.25, middle, "o", ms=3, color=blue, label=label)
        if "mean_rate" in draws:
            mean = draws["mean_rate"].values
            axis.axhspan(*np.quantile(mean, [0.16, 0.84]), color=style.COLOURS["orange"], alpha=0.4,
                         linewidth=0, label="mean rate, 68%")  # fmt: skip
    if len(data) <= MOST:
        axis.set_xticks(at, [data.labels[i].replace("$", r"\$") for i in order], rotation=90)
        axis.tick_params(axis="x", labelsize=6.5, length=0)
    else:
        axis.set_xticks([])
    axis.set_xlim(-0.7, len(data) - 0.3)
    if wide:
        axis.set_yscale("log")
    else:
        axis.set_ylim(0, None)
    axis.set_xlabel("source")
    axis.set_ylabel(style.axis_label("rate", model.units(data).get("rate")))
    style.legend_above(axis)
    return axis.figure


def population(model: Any, at: Any = None) -> style.Drawing:
    """The density of rates in the population with its band, and the sources' rates as ticks.

    `at`: rates, at which the density is drawn.
    """
    from scipy import stats

    draws = model.posterior["posterior"].to_dataset()
    level = "median_rate" if "median_rate" in draws else "mean_rate"
    level, scatter = (draws[name].values.ravel() for name in (level, "scatter"))
    keep = np.linspace(0, len(level) - 1, min(FEW, len(level))).round().astype(int)
    level, scatter = level[keep, None], scatter[keep, None]
    rate = model.posterior["sources"]["rate_mean"].values
    top = 1.4 * max(float(rate.max()), float(np.median(level)))
    x = np.linspace(0, top, 300)[1:] if at is None else style.places(at, "rates", 0.0)
    top = float(x[-1])
    if model.hyperprior == "log-normal":
        density = stats.lognorm.pdf(x, scatter, scale=level)
    else:
        density = stats.gamma.pdf(x, 1 / scatter**2, scale=level * scatter**2)
    (axis,) = style.panels(0.55 if not style.narrow() else 0.95)
    for label, low, high, alpha in BANDS:
        axis.fill_between(x, *np.quantile(density, [low, high], axis=0), alpha=alpha, linewidth=0,
                          color=style.COLOURS["orange"], label=f"{label} of the density")  # fmt: skip
    axis.plot(x, np.median(density, axis=0), color=style.COLOURS["vermilion"], label="median")
    highest = 1.1 * float(np.quantile(np.quantile(density, 0.975, axis=0), 0.97))
    axis.plot(rate, np.full(len(rate), -0.03 * highest), "|", ms=7, color=style.COLOURS["blue"],
              label="means of the sources")  # fmt: skip
    axis.set_xlim(0, top)
    axis.set_ylim(-0.06 * highest, highest)
    unit = model.units(model.data).get("rate")
    axis.set_xlabel(style.axis_label("rate", unit))
    axis.set_ylabel(style.axis_label("density", _inverse(unit)))
    style.legend_above(axis)
    return axis.figure


def _inverse(unit: str | None) -> str:
    """The unit of a density over a quantity of this unit, a count over time."""
    return (unit or "").removeprefix("1 / ").removeprefix("1/") if unit else ""


def corner(model: Any) -> style.Drawing:
    """The population's parameters against each other."""
    names = ("mean_rate", "median_rate", "scatter", "background_mean", "background_scatter")
    return corner_plot.corner(model, names)


FIGURES = {"overview": overview, "density": population, "corner": corner}
