"""Figures of the relation between damping time and mass."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.plots import corner as corner_plot
from bayes_astro.plots import style

__all__ = ["FIGURES", "corner", "relation"]


def relation(model: Any, at: Any = None) -> style.Drawing:
    """The objects under the population, and the relation's 68 and 95% bands.

    `at`: logarithms of masses, at which the relation is drawn.
    """
    data, objects = model.data, model.posterior["objects"]
    if at is None:
        reach = 0.05 * np.ptp(data.log_mass)
        at = np.linspace(data.log_mass.min() - reach, data.log_mass.max() + reach, 100)
    else:
        at = style.places(at, "log10 masses")
    (axis,) = style.panels(0.6 if not style.narrow() else 0.95)
    lines = model.predict(at)["signal"].values.reshape(-1, at.size)
    style.bands(axis, at, lines, "the relation", "median")
    axis.errorbar(
        data.log_mass,
        objects["log_tau_mean"].values,
        objects["log_tau_sd"].values,
        data.log_mass_error,
        fmt="o",
        ms=2.5,
        linewidth=0.6,
        color=style.COLOURS["blue"],
        label="objects",
    )
    axis.set_xlabel("log10 mass [suns]")
    axis.set_ylabel("log10 damping time at rest [d]")
    style.legend_above(axis)
    return axis.figure


def corner(model: Any) -> style.Drawing:
    """The relation's parameters against each other."""
    return corner_plot.corner(model, ("intercept", "slope", "scatter"))


FIGURES = {"relation": relation, "corner": corner}
