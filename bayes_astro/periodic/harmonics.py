"""Harmonic signals: what the Bayesian periodogram and its baseline share."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.data import LightCurve
from bayes_astro.data import light_curve_inputs as inputs
from bayes_astro.data.curve import Curve

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "centred",
    "default_range",
    "epoch",
    "false_alarm_probability",
    "forecast",
    "in_days",
    "log_density",
    "repeats",
    "signal",
    "standardised",
    "window",
]

PER_DAY = 6.0  # cycles: periods of four hours and more
MOST_CYCLES = 5e4  # in the time span, to which six a day may lead
MOST_WINDOW = 5e5  # cycles up to which the window function is computed: some 100 MB
REPEATS, SURE, TELLS = 0.99, 0.9999, 2.0
"""Power of the window function from which aliases cannot be told apart, at least and at most; and the nats of
signal, times what it lacks to one, by which they can."""
_HALF_LOG_2PI = 0.5 * np.log(2 * np.pi)


def epoch(data: LightCurve) -> float:
    """The time from which phases count: the mean, which decouples phase from frequency."""
    return float(np.mean(data.time))


def default_range(data: LightCurve) -> tuple[float, float]:
    """Lowest and highest frequency that the sampling allows.

    From one cycle in the time span to five times the mean Nyquist frequency or six cycles a day, what
    is higher; but not beyond where the sampling repeats itself, half of the lowest frequency at which the
    window function is so near to one that these values could not tell the alias (at most by a nat). On a
    cadence of less than two hours, where most spacings are the same, it ends at one over twice the
    spacing (VanderPlas 2018, ApJS 236, 16, section 4).
    """
    return _of(data)[:2]


def repeats(data: LightCurve) -> float:
    """The spacing at which the sampling repeats itself, where that shortened the default range; or 0."""
    return _of(data)[2]


def _of(data: LightCurve) -> tuple[float, float, float]:
    # Asked for several times by every fit; reading a light curve again makes a new container.
    low, high, rapid, frequency, power = _sampling(
        np.unique(data.time).tobytes(), in_days(data.time_unit)
    )
    signal = 0.5 * float(np.sum((centred(data) / data.error) ** 2))
    same = np.clip(1 - TELLS / max(signal, TELLS), REPEATS, SURE)
    alike = frequency[power >= same]
    if len(alike) and 0.5 * alike[0] < high:
        high = 0.5 * float(alike[0])
        return low, max(high, 2 * low), 0.0 if rapid else 0.5 / high
    return low, max(high, 2 * low), 0.0


@lru_cache(maxsize=8)
def _sampling(times: bytes, day: float) -> tuple[float, float, bool, np.ndarray, np.ndarray]:
    """Of different times, and the length of their unit in days, whatever the values are.

    The range, whether the cadence is rapid, and the maxima of the window function, by frequency, that come
    within a hundredth of one.
    """
    time = np.frombuffer(times)
    span = float(np.ptp(time))
    high = max(5 * 0.5 * len(time), 10.0) / span
    high = max(high, min(PER_DAY * day, MOST_CYCLES / span))
    steps = np.diff(time)
    usual = float(np.median(steps))
    rapid = bool(0.5 / usual >= PER_DAY * day)
    if rapid and len(time) > 2 and np.mean(np.abs(steps - usual) < 0.02 * usual) > 0.8:
        high = min(high, 0.5 / usual)
    frequency, power = window(time, min(2 * high, MOST_WINDOW / span))
    rising = np.diff(power, prepend=-np.inf, append=-np.inf)
    top = (rising[:-1] > 0) & (rising[1:] <= 0) & (power >= REPEATS) & (frequency > 2 / span)
    return 1 / span, high, rapid, frequency[top], power[top]


def window(time: np.ndarray, highest: float) -> tuple[np.ndarray, np.ndarray]:
    """Power of the window function, abs(sum_i exp(2 pi i f t_i) / n)^2, from zero to `highest`."""
    from finufft import nufft1d1

    span = float(np.ptp(time))
    step = 1 / (8 * span)
    count = int(np.ceil(highest / step)) + 1
    turns = step * (time - time.min())
    modes = nufft1d1(
        2 * np.pi * (turns - np.floor(turns)) - np.pi,
        np.ones(len(time), dtype=complex),
        2 * count,
        eps=1e-6,
    )
    return step * np.arange(count), np.abs(modes[count:] / len(time)) ** 2


def centred(data: LightCurve) -> np.ndarray:
    """Values less the mean of their band."""
    curve = Curve.of(data)
    return data.value - curve.each(np.mean, data.value)[curve.band]


def in_days(unit: str | None) -> float:
    """Length of the time unit in days."""
    known = {"d": 1.0, "day": 1.0, "h": 1 / 24, "min": 1 / 1440, "s": 1 / 86400, "yr": 365.25}
    if unit is None or unit in known:
        return known[unit or "d"]
    from astropy import units

    return float(units.Unit(unit).to("d"))


def signal(
    draws: xr.Dataset,
    time: np.ndarray,
    band: np.ndarray | None = None,
    columns: np.ndarray | None = None,
) -> np.ndarray:
    """Trend and harmonics at times from the epoch, of rows of the bands of these numbers: (chain, draw, row).

    `columns`: regressors less their means (row, R), for rows where they are not at these.
    """
    total = _by_row(draws["offset"], band) + np.zeros(len(time))
    several = "signal" in draws["frequency"].dims
    for one in range(draws.sizes["signal"]) if several else [None]:
        own = draws if one is None else draws[["frequency", "amplitude", "phase"]].isel(signal=one)
        frequency = own["frequency"].values[..., None]
        for i, term in enumerate(draws["term"].values):
            amplitude = _by_row(own["amplitude"][..., i], band)
            phase = _by_row(own["phase"][..., i], band)
            total += amplitude * np.cos(2 * np.pi * term * frequency * time - phase)
    if "trend" in draws:
        for i, order in enumerate(draws["order"].values):
            total += _by_row(draws["trend"][..., i], band) * time ** int(order)
    if "slope" in draws and columns is not None:
        for i in range(columns.shape[1]):
            total += _by_row(draws["slope"][..., i], band) * columns[:, i]
    return total


def _by_row(variable: xr.DataArray, band: np.ndarray | None) -> np.ndarray:
    """What each row has of a variable (chain, draw) or (chain, draw, band)."""
    if "band" not in variable.dims or band is None:
        return variable.values[..., None]
    return np.take(variable.values, band, axis=2)


def _spread(draws: xr.Dataset, error: np.ndarray, band: np.ndarray) -> np.ndarray:
    """Standard deviation of an observation with the given errors: (chain, draw, row)."""
    if "jitter" not in draws:
        return np.broadcast_to(error, (draws.sizes["chain"], draws.sizes["draw"], len(error)))
    return np.hypot(_by_row(draws["jitter"], band), error)


def forecast(draws: xr.Dataset, data: LightCurve, at: Any, rng: np.random.Generator) -> xr.Dataset:
    """Signal and new observations.

    Parameters
    ----------
    draws : xarray.Dataset
        Variables of the task, dims (chain, draw).
    data : LightCurve
        The fitted data: its epoch, its time unit.
    at : array (m,), Quantity, astropy Time, or LightCurve
        A light curve brings its errors; otherwise an observation has the median error of `data`, and times
        stand for all bands in turn.
    rng : numpy.random.Generator

    Returns
    -------
    xarray.Dataset
        ``signal``, ``observation`` (chain, draw, row), ``time`` and, of several, ``band`` (row).
    """
    import xarray as xr

    curve = Curve.of(data)
    time, error, band = curve.asked(at)
    noiseless = signal(draws, time - curve.epoch, band, curve.beside(at, len(time)))
    noisy = noiseless + _spread(draws, error, band) * rng.standard_normal(noiseless.shape)
    dims = ("chain", "draw", "row")
    coords = {name: draws[name] for name in ("chain", "draw") if name in draws.coords}
    unit = {"units": data.value_unit or ""}
    found: dict[str, Any] = {
        "signal": (dims, noiseless, unit),
        "observation": (dims, noisy, unit),
        "time": ("row", time, {"units": data.time_unit}),
    }
    if curve.several:
        found["band"] = ("row", np.asarray(curve.bands)[band])
    return xr.Dataset(found, coords)


def log_density(draws: xr.Dataset, fitted: LightCurve, data: LightCurve) -> xr.DataArray:
    """Log likelihood of every value of `data`; phases count from the epoch of `fitted`."""
    import xarray as xr

    inputs.check_units(fitted, data)
    spread = _spread(draws, data.error, Curve.of(fitted).numbers(data))
    density = -0.5 * standardised(draws, fitted, data) ** 2 - np.log(spread) - _HALF_LOG_2PI
    return xr.DataArray(
        density,
        dims=("chain", "draw", "row"),
        coords={name: draws[name] for name in ("chain", "draw") if name in draws.coords},
    )


def standardised(draws: xr.Dataset, fitted: LightCurve, data: LightCurve) -> np.ndarray:
    """Residuals over their standard deviation: (chain, draw, row)."""
    curve = Curve.of(fitted)
    band = curve.numbers(data)
    columns = curve.beside(data, len(data))
    residual = data.value - signal(draws, data.time - curve.epoch, band, columns)
    return residual / _spread(draws, data.error, band)


def false_alarm_probability(
    data: LightCurve, low: float, high: float, trend: int = 0, near: Any = None
) -> float:
    """Baluev's (2008) bound on the probability that white noise reaches the highest peak.

    With N points, power z and the weighted variance of the times,

        tau = gamma high sqrt(4 pi var(t)) (1 - z)^((N - 4) / 2) sqrt((N - 1) z / 2),
        FAP = 1 - (1 - (1 - z)^((N - 3) / 2)) exp(-tau),
        gamma = sqrt(2 / (N - 1)) Gamma((N - 1) / 2) / Gamma((N - 2) / 2)

    as astropy has it; written out here because importing astropy.timeseries takes longer than the
    fit. Of the floating-mean Lomb-Scargle power of the data, their trend subtracted, between `low` and
    `high`.

    Of several bands it is that of one sinusoid which all of them share about levels of their own, each of
    which takes a point from N.

    The power comes from the marginal likelihood with very wide priors, whose exponent is half the
    drop in chi-square; the peak found on that grid is then evaluated by least squares itself. Where it
    is known already, `near` are frequencies upon the highest peak.
    """
    from bayes_astro.likelihoods.harmonic import log_evidence, project
    from bayes_astro.likelihoods.harmonic_grid import log_evidence_grid

    curve = Curve.of(data)
    bands = len(curve.bands)
    n = len(data) - bands + 1
    if n < 5:
        return 1.0
    value = detrended(data, trend)
    time = curve.time
    levels = (curve.band[:, None] == np.arange(bands)).astype(float)
    if near is not None:
        powers = [_power(time, value, data.error, float(f), levels) for f in near]
        return _baluev(max(powers), high, time, data.error, n)
    span = 2 * curve.half
    wide = 1e4 * float(np.std(centred(data)))
    problem = project(
        time,
        value,
        data.error**2,
        levels,
        curve.each(np.mean, value),
        np.full(bands, wide),
        np.array([wide]),
    )
    count = max(int(np.ceil((high - low) * 5 * span)) + 1, 3)
    step = (high - low) / (count - 1)
    grid = log_evidence_grid(problem, low, step, count, accuracy=1e-3)
    best = low + step * np.argsort(grid)[-3:]
    for _ in range(12):
        fine = (best[:, None] + step * np.linspace(-1, 1, 9)).ravel()
        fine = np.clip(fine, low, high)
        best = fine[np.argsort(log_evidence(problem, fine))[-3:]]
        step *= 0.4
    power = _power(time, value, data.error, best[-1], levels)
    return _baluev(power, high, time, data.error, n)


def detrended(data: LightCurve, trend: int) -> np.ndarray:
    """Values less their weighted polynomial of order `trend` and regressors; unchanged for a constant."""
    if trend == 0 and not data.regressors:
        return data.value
    curve = Curve.of(data)
    powers = (curve.time / curve.half)[:, None] ** np.arange(1, trend + 1)
    levels = (curve.band[:, None] == np.arange(len(curve.bands))).astype(float)
    design = np.hstack([levels, powers, curve.columns / np.std(curve.columns, axis=0)])
    white = design / data.error[:, None]
    return data.value - design @ np.linalg.lstsq(white, data.value / data.error, rcond=None)[0]


def _power(
    time: np.ndarray, value: np.ndarray, error: np.ndarray, frequency: float, levels: np.ndarray
) -> float:
    """Share of chi-square about the levels that a sinusoid takes away."""
    angle = 2 * np.pi * frequency * time
    design = np.column_stack([levels, np.cos(angle), np.sin(angle)]) / error[:, None]
    white = value / error
    full = white - design @ np.linalg.lstsq(design, white, rcond=None)[0]
    flat = levels / error[:, None]
    mean = white - flat @ np.linalg.lstsq(flat, white, rcond=None)[0]
    return float(np.clip(1 - (full @ full) / (mean @ mean), 0.0, 1.0))


def _baluev(power: float, high: float, time: np.ndarray, error: np.ndarray, n: int) -> float:
    """Baluev's bound for a peak of the given power; see `false_alarm_probability`."""
    if power >= 1.0:
        return 0.0
    weight = error**-2.0 / np.sum(error**-2.0)
    variance = float(weight @ time**2 - (weight @ time) ** 2)
    gamma = math.sqrt(2 / (n - 1)) * math.exp(math.lgamma((n - 1) / 2) - math.lgamma((n - 2) / 2))
    rest = math.log1p(-power)
    tau = gamma * high * math.sqrt(4 * math.pi * variance * 0.5 * (n - 1) * power)
    tau *= math.exp(0.5 * (n - 4) * rest)
    single = math.exp(0.5 * (n - 3) * rest)
    return -math.expm1(-tau) + single * math.exp(-tau)
