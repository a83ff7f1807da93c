"""Figures of a relation of any form: the curve with its band and residuals, the Hubble diagram; corner."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.plots import corner as corner_plot
from bayes_astro.plots import style
from bayes_astro.regression.point_errors import PointErrors
from bayes_astro.regression.relation_inputs import columns_at, predictors

__all__ = ["FIGURES", "corner", "relation"]

DRAWS = 1000
DECADES = 1.3  # of a predictor above zero, from which its axis is logarithmic


def relation(model: Any, at: Any = None) -> style.Drawing:
    """The data with their errors and the 68 and 95% bands of the curve; below what is left of them.

    Errors are those of single points, with their part of what they have in common, without the scatter. Of
    several predictors the first, or that on which the mean function says to depend, is the axis, and the
    curve is drawn at the data. A predictor over decades has a logarithmic axis.

    `at`: values of the predictor, at which the curve is drawn.
    """
    data, response = model.data, model.response
    names = predictors(data, response)
    main = model.mean.main(names) if hasattr(model.mean, "main") else names[0]
    if at is not None:
        at = style.places(at, f"values of {main}")
        if len(names) > 1:
            raise ValueError(
                f"at: with several predictors ({', '.join(names)}) the curve is drawn at the data alone."
            )
    x, y = data.column(main), data.column(response)
    order = np.argsort(x, kind="stable")
    wide = bool(x.min() > 0 and np.log10(x.max() / x.min()) > DECADES)
    chosen = columns_at(data, response, data)
    if len(names) > 1:
        at = x[order]
        chosen = {name: column[order] for name, column in chosen.items()}
    else:
        if at is None:
            space = np.geomspace if wide else np.linspace
            at = space(x.min(), x.max(), 200)
        chosen = {main: at}
    unit = dict(zip(data.names, data.units or ("",) * len(data.names), strict=True))
    above, below = style.mosaic(0.8 if not style.narrow() else 1.2, "a;a;b", sharex=True)
    curves = model.predict(chosen, draws=DRAWS)["signal"].values.reshape(-1, len(at))
    middle = style.bands(above, at, curves, "the curve", "median")
    fitted = model.predict(draws=DRAWS)["signal"].values.reshape(-1, len(x))
    error = np.sqrt(PointErrors(data, response).diagonal)
    left = y - np.median(fitted, axis=0)
    how = {"fmt": "o", "ms": 2.5, "color": style.COLOURS["blue"], "linewidth": 0.7, "zorder": 3}
    above.errorbar(x, y, error, label="data", **how)
    below.errorbar(x, left, error, **how)
    if len(curves) > 1:
        low, high = np.quantile(curves - middle, [0.16, 0.84], axis=0)
        below.fill_between(at, low, high, color=style.COLOURS["orange"], alpha=0.6, linewidth=0)
    below.plot(at, np.zeros(len(at)), color=style.COLOURS["vermilion"])
    if wide:
        above.set_xscale("log")
        below.set_xscale("log")
    above.set_ylabel(style.axis_label(response, unit[response]))
    below.set_ylabel(style.axis_label("residual", unit[response]))
    below.set_xlabel(style.axis_label(main, unit[main]))
    style.legend_above(above)
    return above.figure


def corner(model: Any) -> style.Drawing:
    """The parameters against each other."""
    return corner_plot.corner(model)


FIGURES = {"relation": relation, "corner": corner}
