"""Default priors of a line, in the units of the data, and what its settings may be."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.data import Measurements
from bayes_astro.parameters import Parameter
from bayes_astro.priors import Prior
from bayes_astro.regression import inputs
from bayes_astro.regression.selection import Selection

__all__ = ["declared", "pivot", "selection"]


def declared(model: Any, data: Measurements) -> list[Parameter]:
    """See `ba.LinearRelation`."""
    centre, width, middle, spread = inputs.moments(data, model.response)
    slope_unit, response, predictor = inputs.units(data, model.response)

    def listed(values: Any) -> Any:
        return float(values[0]) if len(width) == 1 else [float(v) for v in values]

    by = ("predictor",)
    given = isinstance(model.priors, dict) and "intercept" in model.priors
    level = "intercept" if given else "response_mean"
    found = [
        Parameter("slope", Prior("Cauchy", alpha=0.0, beta=listed(spread / width)), by, slope_unit),
        Parameter(level, Prior("Normal", mu=middle, sigma=10 * spread), (), response),
    ]
    if model.n_components == 1:
        mean = Prior("Normal", mu=listed(centre), sigma=listed(3 * width))
        wide = Prior("LogNormal", mu=listed(np.log(width)), sigma=0.7)
        found += [
            Parameter("predictor_mean", mean, by, predictor),
            Parameter("predictor_width", wide, by, predictor, "positive"),
        ]
    else:
        both = ("component", "predictor")
        many = model.n_components
        mean = Prior("Normal", mu=listed(centre), sigma=listed(1.5 * width))
        wide = Prior("LogNormal", mu=listed(np.log(width / np.sqrt(many))), sigma=0.7)
        found += [
            Parameter("component_weight", Prior("Dirichlet", alpha=1.0), ("component",),
                      families=("Dirichlet",), because="shares sum to one"),
            Parameter("component_mean", mean, both, predictor),
            Parameter("component_width", wide, both, predictor, "positive"),
        ]  # fmt: skip
    if model.scatter:
        half = Prior("HalfNormal", sigma=spread)
        found.append(Parameter("scatter", half, (), response, "positive"))
    if model.robust:
        few = Prior("Gamma", alpha=2.0, beta=0.1)
        found.append(Parameter("degrees_of_freedom", few, support="positive"))
    if model.outliers:
        wide = Prior("HalfNormal", sigma=2 * spread)
        found += [
            Parameter("outlier_fraction", Prior("Uniform", lower=0.0, upper=0.5), support="unit"),
            Parameter("outlier_mean", Prior("Normal", mu=middle, sigma=2 * spread), (), response),
            Parameter("outlier_scatter", wide, (), response, "positive"),
        ]
    return found


def pivot(name: str, value: Any) -> None:
    """ "auto", None, a number or several."""
    if value is None or (isinstance(value, str) and value == "auto"):
        return
    try:
        good = np.ndim(value) < 2 and bool(np.isfinite(np.asarray(value, dtype=float)).all())
    except (TypeError, ValueError):
        good = False
    if not good:
        raise ValueError(
            f"{name}={value!r} must be 'auto', None, or a finite number for each predictor."
        )


def selection(name: str, value: Any) -> None:
    """None or a Selection."""
    if value is not None and not isinstance(value, Selection):
        raise ValueError(
            f"{name}={value!r:.80} must be a ba.Selection(lower=, upper=, width=) or None."
        )
