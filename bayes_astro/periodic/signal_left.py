"""The most probable signal of a periodogram, and what it leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.data import LightCurve
from bayes_astro.data.curve import Curve
from bayes_astro.draws import thinned
from bayes_astro.parameters import is_whole
from bayes_astro.periodic import aliases, harmonics

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["best", "fold", "near", "others", "residuals", "strongest"]


def best(model: Any, signal: int = 1) -> float:
    """The median frequency of the highest peak of the signal of this number."""
    draws = model.posterior["posterior"]["frequency"]
    count = draws.sizes.get("signal", 1)
    if not (is_whole(signal) and 1 <= signal <= count):
        raise ValueError(f"signal={signal!r} must be a whole number from 1 to {count}.")
    frequency = draws.values.ravel()
    if count > 1 and not hasattr(model, "modes"):
        return float(draws.isel(signal=signal - 1).median())
    if count > 1:
        peaks = aliases.peaks_of(model)
        own, top = peaks.draws[:, signal - 1], peaks.modes[signal - 1][0]
        inside = own[(own >= top.low) & (own <= top.high)]
        return float(np.median(inside)) if len(inside) else top.frequency
    if "periodogram" in model.posterior and hasattr(model, "modes"):
        group = model.posterior["periodogram"]
        top = float(group["frequency"].values[np.argmax(group["log_density"].values)])
        span = np.ptp(model.data.time)
        near = frequency[np.abs(frequency - top) < 1 / span]
        return float(np.median(near)) if len(near) else top
    return float(np.median(frequency))


def strongest(model: Any) -> int:
    """The number of the signal with the largest squared amplitudes."""
    square = model.posterior["posterior"]["amplitude"] ** 2
    if "signal" not in square.dims:
        return 1
    return 1 + int(np.argmax(square.mean([d for d in square.dims if d != "signal"]).values))


def near(model: Any, signal: int = 1) -> tuple[xr.Dataset, xr.Dataset | None]:
    """About 400 draws whose signal is at its best frequency: of it with the trend, and of the other signals.

    As one chain. A band over several periods would fit none of them.
    """
    draws = model.posterior["posterior"].to_dataset().stack(sample=("chain", "draw"))
    draws = draws.drop_vars(["sample", "chain", "draw"])
    distance = np.abs(draws["frequency"] - best(model, signal))
    which = None
    if "signal" in distance.dims:
        which = distance.argmin("signal")
        distance = distance.min("signal")
    chosen = np.flatnonzero(distance.values < 1 / np.ptp(model.data.time))
    chosen = chosen[:: max(1, len(chosen) // 400)]

    def in_one_chain(some: xr.Dataset) -> xr.Dataset:
        one = some.rename(sample="draw").expand_dims("chain")
        return one.transpose("chain", "draw", "band", "signal", ..., missing_dims="ignore")

    draws = draws.isel(sample=chosen)
    if which is None:
        return in_one_chain(draws), None
    which = which.isel(sample=chosen)
    own = draws.isel(signal=which).drop_vars("signal")
    rest = draws.assign(amplitude=draws["amplitude"].where(draws["signal"] != which + 1, 0.0))
    rest = rest.assign(offset=0.0 * rest["offset"]).drop_vars("trend", errors="ignore")
    return in_one_chain(own), in_one_chain(rest)


def others(model: Any, rest: xr.Dataset | None, data: LightCurve) -> np.ndarray:
    """Median of the other signals at the rows of `data`."""
    if rest is None:
        return np.zeros(len(data))
    curve = Curve.of(model.data)
    band = curve.numbers(data)
    return np.median(harmonics.signal(rest, data.time - curve.epoch, band)[0], axis=0)


def fold(model: Any, data: LightCurve, signal: int) -> LightCurve:
    """Data less the other signals and what regressors do, folded with one; see `Periodogram.fold`."""
    period, curve = 1 / best(model, signal), Curve.of(model.data)
    own, rest = near(model, signal)
    value = data.value - others(model, rest, data)
    if curve.regressors:
        time, band = data.time - curve.epoch, curve.numbers(data)
        whole = harmonics.signal(own, time, band, curve.beside(data, len(data)))
        value = value - np.median((whole - harmonics.signal(own, time, band))[0], axis=0)
        data = data.replace(regressors=None)
    return data.replace(value=value).fold(period, curve.epoch)


def residuals(model: Any) -> LightCurve:
    """The fitted data less signal, trend and regressors of the draw with the highest likelihood."""
    data, draws = model.data, model.posterior["posterior"].to_dataset()
    some = thinned(draws, 200)
    height = model.pointwise(some, data).values.sum(axis=-1)
    chain, draw = np.unravel_index(int(np.argmax(height)), height.shape)
    one = some.isel(chain=[chain], draw=[draw])
    curve = Curve.of(data)
    signal = harmonics.signal(one, curve.time, curve.band, curve.columns)[0, 0]
    return data.replace(value=data.value - signal, regressors=None)
