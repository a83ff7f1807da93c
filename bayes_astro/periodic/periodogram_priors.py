"""Default priors of a periodogram, scaled from its data, and what priors may be."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.data import LightCurve
from bayes_astro.data.curve import Curve
from bayes_astro.parameters import Parameter
from bayes_astro.periodic import harmonics, noises
from bayes_astro.priors import Prior

__all__ = ["check", "parameters"]

LINEAR = "with another the coefficients cannot be integrated out"


def parameters(model: Any, data: LightCurve) -> list[Parameter]:
    """See the class; weakly informative, scaled from the data."""
    low, high = model._range(data)
    curve = Curve.of(data)
    several = ("band",) if curve.several else ()
    spread, mean = float(np.std(harmonics.centred(data))), curve.each(np.mean, data.value)
    half, value = curve.half, data.value_unit or ""
    heights = [spread / (k + 1) for k in range(model.numbers(data)[-1])]
    found = [
        Parameter(
            "frequency", Prior("Uniform", lower=low, upper=high), (), f"1 / {data.time_unit}",
            families=("Uniform", "LogUniform"), because=LINEAR,
        ),
        Parameter(
            "offset",
            Prior("Normal", mu=mean.tolist() if several else float(mean[0]), sigma=5 * spread),
            several, value, families=("Normal",), because=LINEAR,
        ),
        Parameter(
            "amplitude", Prior("Rayleigh", sigma=heights), ("term",), value,
            families=("Rayleigh",), because=LINEAR,
        ),
    ]  # fmt: skip
    if model.trend:
        scales = [5 * spread / half ** (j + 1) for j in range(int(model.trend))]
        prior = Prior("Normal", mu=0.0, sigma=scales)
        found.append(Parameter("trend", prior, ("order",), families=("Normal",), because=LINEAR))
    if curve.regressors:
        scales = (5 * spread / np.std(curve.columns, axis=0)).tolist()
        prior = Prior("Normal", mu=0.0, sigma=scales)
        found.append(
            Parameter("slope", prior, ("regressor",), families=("Normal",), because=LINEAR)
        )
    if model.noisy(data):
        prior = Prior("HalfNormal", sigma=spread)
        found.append(Parameter("jitter", prior, several, value, "positive"))
    return found + noises.parameters(model.noise, data)


def check(model: Any, priors: dict[str, Prior], data: LightCurve) -> None:
    """Positive frequencies, within the range that was asked for."""
    low, high = (float(edge) for edge in priors["frequency"].support)
    if low <= 0:
        raise ValueError(f"Prior of 'frequency': lower={low:g} must be positive.")
    if model.period is not None:
        first, last = model._range(data)
        if low < first * (1 - 1e-12) or high > last * (1 + 1e-12):
            raise ValueError(
                f"Prior of 'frequency' from {low:g} to {high:g} reaches beyond the range "
                f"{first:g} to {last:g} that period={model.period} sets. Give one of them."
            )
