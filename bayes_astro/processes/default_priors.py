"""Default priors of a process, its bands, mean and noise."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.data import LightCurve
from bayes_astro.data.curve import Curve
from bayes_astro.priors import Prior
from bayes_astro.processes.kernels import Scales
from bayes_astro.processes.mean_and_noise import function_of
from bayes_astro.processes.process import OWN

__all__ = ["given", "of"]


def given(model: Any) -> set[str]:
    """Parameters whose prior was given with the kernel."""
    return {
        prefix + name
        for prefix, kernel in (("", model.kernel), (OWN, model.independent))
        if kernel is not None
        for name, (leaf, parameter) in kernel.variables()
        if isinstance(leaf.given(parameter), Prior)
    }


def of(model: Any, data: LightCurve) -> dict[str, Prior]:
    """Of every parameter of a Gaussian process, scaled with the data, in the order of the graph."""
    curve = Curve.of(data)
    spread, mean = curve.each(np.std, data.value), curve.each(np.mean, data.value)
    span = float(np.ptp(data.time))
    spacing = float(np.median(np.diff(np.unique(data.time))))
    priors = model.kernel.priors(Scales(float(spread[0]), span, spacing))

    def each(values: np.ndarray) -> Any:
        return [float(x) for x in values] if curve.several else float(values[0])

    if curve.several and model.amplitude:
        ratio = spread[1:] / spread[0]
        if model.derivative:
            wide = [float(3 * x) for x in ratio]
            priors["amplitude"] = Prior("Normal", mu=0.0, sigma=wide)
        else:
            logs = [float(x) for x in np.log(ratio)]
            priors["amplitude"] = Prior("LogNormal", mu=logs, sigma=0.7)
    if model.lag is not None:
        low, high = model.lag_range(data)
        priors["lag"] = Prior("Uniform", lower=low, upper=high)
    if model.derivative:
        scale = np.sqrt(spacing * span) / (2 * np.pi) * spread / spread[0]
        priors["derivative"] = Prior("Normal", mu=0.0, sigma=[float(x) for x in scale])
    if model.independent is not None:
        own = model.independent.priors(Scales(float(np.median(spread)), span, spacing))
        priors |= {OWN + name: prior for name, prior in own.items()}
    if model.jitter:
        priors["jitter"] = Prior("HalfNormal", sigma=each(spread))
    if (function := function_of(model.mean)) is not None:
        for name, prior in function.priors(data).items():
            if name in priors:
                raise ValueError(
                    f"mean: its parameter {name!r} is also one of the kernel's; give the kernel "
                    "a name."
                )
            priors[name] = prior
    if model.mean != "zero":
        priors["offset"] = Prior("Normal", mu=each(mean), sigma=each(5 * spread))
    if model.mean == "linear":
        priors["trend"] = Prior("Normal", mu=0.0, sigma=each(10 * spread / span))
    return priors
