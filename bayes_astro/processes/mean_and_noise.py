"""What a light curve has beside its process: offset, trend, mean function; error bars and jitter.

One writing for the graph, the posterior and predictions: values are numbers, PyTensor's variables or
what a tape follows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.data.curve import Curve
from bayes_astro.priors import Prior
from bayes_astro.processes.means import Harmonics

__all__ = [
    "COEFFICIENTS", "design", "equation", "folds_on", "function_of", "noise_variance", "seen", "signal",
]  # fmt: skip

COEFFICIENTS = ("offset", "trend")
DEGREES = 4.0  # of freedom of the noise with outliers


def function_of(mean: Any) -> Any:
    """The mean function that was asked for, or None."""
    if isinstance(mean, str):
        return Harmonics() if mean == "harmonics" else None
    return mean


def folds_on(mean: Any) -> str:
    """The parameter that is the period of a mean function; empty where it has none."""
    return getattr(function_of(mean), "folds_on", "")


def seen(function: Any, bands: tuple[str, ...], band: np.ndarray) -> np.ndarray | None:
    """Whether each row is of a band in which a mean function is seen; None: all are."""
    names = getattr(function, "bands", None)
    return None if names is None else np.isin(np.array(bands)[band], names).astype(float)


def evaluate(function: Any, values: dict[str, Any], time: Any, visible: np.ndarray | None) -> Any:
    """A mean function at times from the epoch, in the bands where it is seen."""
    found = function.evaluate(time, values)
    return found if visible is None else found * visible


def signal(
    mean: Any, values: dict[str, Any], time: np.ndarray, band: np.ndarray, bands: tuple[str, ...]
) -> np.ndarray:
    """Offset, trend and mean function at times from the epoch."""
    total = np.zeros(len(time))
    for power, name in enumerate(COEFFICIENTS):
        if name in values:
            own = np.asarray(values[name])
            total += (own[band] if own.ndim else own) * time**power
    if (function := function_of(mean)) is not None:
        total += evaluate(function, values, time, seen(function, bands, band))
    return total


def noise_variance(values: dict[str, Any], error: Any, band: Any, scale: Any = 1.0) -> Any:
    """Error bars and jitter in quadrature, times the squares of the noise scales."""
    variance = error**2
    if "jitter" in values:
        jitter = values["jitter"]
        variance = variance + (jitter[band] if np.ndim(jitter) else jitter) ** 2
    return variance * scale**2


def design(
    curve: Curve, priors: dict[str, Prior]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, float]]:
    """Columns of the linear coefficients (n, p), their prior means and widths, and their scales.

    A trend is in units of half the time span.
    """
    inside = (curve.band[:, None] == np.arange(len(curve.bands))).astype(float)
    columns, centre, width, scales = [np.zeros((len(curve.time), 0))], [], [], {}
    for power, name in enumerate(COEFFICIENTS):
        if name in priors:
            scale = scales[name] = curve.half**power
            columns.append(inside * ((curve.time / scale) ** power)[:, None])
            arguments = priors[name].arguments
            centre.append(np.broadcast_to(arguments["mu"], (len(curve.bands),)) * scale)
            width.append(np.broadcast_to(arguments["sigma"], (len(curve.bands),)) * scale)
    return (
        np.ascontiguousarray(np.concatenate(columns, axis=1)),
        np.concatenate([np.zeros(0), *centre]),
        np.concatenate([np.zeros(0), *width]),
        scales,
    )


def by_name(flat: Any, curve: Curve, scales: dict[str, float]) -> dict[str, Any]:
    """Offset and trend from the flat coefficients (..., p)."""
    n, found = len(curve.bands), {}
    for i, (name, scale) in enumerate(scales.items()):
        own = flat[..., i * n : (i + 1) * n] / scale
        found[name] = own if curve.several else own[..., 0]
    return found


def equation(model: Any) -> str:
    """A Gaussian process of a light curve in one line."""
    text = "y = " + ("" if model.mean == "zero" else "offset + ")
    if model.mean == "linear":
        text += "trend·(t − epoch) + "
    elif function_of(model.mean) is not None:
        text += f"{type(function_of(model.mean)).__name__}(t) + "
    noise = "error² + jitter²" if model.jitter else "error²"
    noise = f"t₄(0, {noise})" if model.outliers else f"N(0, {noise})"
    text += f"f(t) + {noise}, f ~ GP(0, {model.kernel!r})"
    if model.lag is not None or model.derivative or model.independent is not None:
        text += "; band b sees amplitude_b f(t"
        text += " − lag_b)" if model.lag is not None else ")"
        text += " + derivative_b f′(t)" if model.derivative else ""
        text += f" + GP(0, {model.independent!r})" if model.independent is not None else ""
    return text
