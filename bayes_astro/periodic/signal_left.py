"""The most probable signal of a periodogram, and what it leaves."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.data import LightCurve
from bayes_astro.data.curve import Curve
from bayes_astro.draws import thinned
from bayes_astro.periodic import harmonics

__all__ = ["best", "residuals"]


def best(model: Any) -> float:
    """The median frequency of the highest peak."""
    frequency = model.posterior["posterior"]["frequency"].values.ravel()
    if "periodogram" in model.posterior and hasattr(model, "modes"):
        group = model.posterior["periodogram"]
        top = float(group["frequency"].values[np.argmax(group["log_density"].values)])
        span = np.ptp(model.data.time)
        near = frequency[np.abs(frequency - top) < 1 / span]
        return float(np.median(near)) if len(near) else top
    return float(np.median(frequency))


def residuals(model: Any) -> LightCurve:
    """The fitted data less signal and trend of the draw with the highest likelihood."""
    data, draws = model.data, model.posterior["posterior"].to_dataset()
    some = thinned(draws, 200)
    height = model.pointwise(some, data).values.sum(axis=-1)
    chain, draw = np.unravel_index(int(np.argmax(height)), height.shape)
    one = some.isel(chain=[chain], draw=[draw])
    curve = Curve.of(data)
    signal = harmonics.signal(one, curve.time, curve.band)[0, 0]
    return data.replace(value=data.value - signal)
