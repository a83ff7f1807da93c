"""Light curves as series of one structure function: what the model and its baseline share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.data import LightCurve
from bayes_astro.data import light_curve_inputs as inputs
from bayes_astro.draws import by_row
from bayes_astro.parameters import in_unit
from bayes_astro.variability import stationary_increments

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["check", "ensemble", "forecast", "log_density", "names", "replicate", "scales"]

MOST_POINTS = 3000  # of one series, whose matrix is factored for every draw
_HALF_LOG_2PI = 0.5 * np.log(2 * np.pi)


def ensemble(light_curves: Sequence[LightCurve]) -> LightCurve:
    """Join light curves that share a law.

    Parameters
    ----------
    light_curves : sequence of LightCurve
        Each of one band, all in the same units.

    Returns
    -------
    LightCurve
        The column ``band`` holds the names of the light curves, or their positions.

    Raises
    ------
    ValueError
        For none at all, several bands, different units, or names that occur twice.
    """
    curves = list(light_curves)
    if not curves:
        raise ValueError("light_curves is empty: give at least one LightCurve.")
    given = [curve.name or str(i) for i, curve in enumerate(curves)]
    if len(set(given)) < len(given):
        twice = next(name for name in given if given.count(name) > 1)
        raise ValueError(f"Two light curves are called {twice!r}: rename one with replace(name=).")
    for curve, name in zip(curves, given, strict=True):
        if len(curve.bands) > 1:
            raise ValueError(
                f"light curve {name!r} has the bands {', '.join(curve.bands)}: choose one of them "
                f"with light_curve.select({curve.bands[0]!r})."
            )
        for unit in ("time_unit", "value_unit"):
            if getattr(curve, unit) != getattr(curves[0], unit):
                raise ValueError(
                    f"light curve {name!r}: {unit} is {getattr(curve, unit)!r}, of the first "
                    f"{getattr(curves[0], unit)!r}. Convert one of them."
                )
    time, value, error = (
        np.concatenate([getattr(c, name) for c in curves]) for name in ("time", "value", "error")
    )
    return LightCurve(
        time,
        value,
        error,
        band=np.repeat(given, [len(c) for c in curves]),
        time_unit=curves[0].time_unit,
        value_unit=curves[0].value_unit,
        name="ensemble",
    )


def names(data: LightCurve) -> list[str]:
    """Names of the series, in the order of their first times."""
    return list(data.bands) or ["all"]


def labels(data: LightCurve) -> np.ndarray:
    """The series of every row, as its position in `names`."""
    if data.band is None:
        return np.zeros(len(data), dtype=np.int64)
    position = {name: i for i, name in enumerate(names(data))}
    return np.array([position[name] for name in data.band.tolist()], dtype=np.int64)


def origins(data: LightCurve) -> np.ndarray:
    """First time of every series."""
    return np.array([data.time[rows[0]] for rows in series(data)])


def series(data: LightCurve) -> Iterator[np.ndarray]:
    """Rows of every series, ascending in time."""
    label = labels(data)
    for i in range(len(names(data))):
        yield np.flatnonzero(label == i)


def check(data: LightCurve, most: int | None) -> None:
    """Raise ValueError for series without a lag, without variation, or too long."""
    for name, rows in zip(names(data), series(data), strict=True):
        if len(rows) < 2 or np.ptp(data.time[rows]) <= 0:
            raise ValueError(
                f"series {name!r} has no two different times, hence no lag: leave it out."
            )
        if most is not None and len(rows) > most:
            raise ValueError(
                f"series {name!r} has {len(rows)} points; the power law factors a matrix of that "
                f"size for every draw and takes at most {most}. Bin the light curve in time."
            )
    if scales(data)[2] == 0:
        raise ValueError("column 'value' is constant: there is no variation to describe.")


def scales(data: LightCurve) -> tuple[float, float, float, list[float]]:
    """Longest baseline, median spacing of the times, scatter about the means, the means."""
    spans, gaps, residuals, means = [], [], [], []
    for rows in series(data):
        time = np.unique(data.time[rows])
        spans.append(np.ptp(time))
        gaps.append(np.diff(time))
        means.append(float(np.mean(data.value[rows])))
        residuals.append(data.value[rows] - data.value[rows[0]])
        residuals[-1] = residuals[-1] - residuals[-1].mean()
    spread = float(np.sqrt(np.mean(np.concatenate(residuals) ** 2)))
    return float(max(spans)), float(np.median(np.concatenate(gaps))), spread, means


def _flat(draws: xr.Dataset) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The law's parameters (m,) and the offsets (m, series)."""
    parameters = {
        str(name): array.values.reshape(-1)
        for name, array in draws.data_vars.items()
        if name != "offset"
    }
    offset = draws["offset"].transpose("chain", "draw", "series").values
    return parameters, offset.reshape(-1, offset.shape[-1])


def _innovations(
    form: str, reference: Any, draws: xr.Dataset, fitted: LightCurve, data: LightCurve
) -> tuple[np.ndarray, np.ndarray]:
    inputs.check_units(fitted, data)
    reference = in_unit("reference", reference, fitted.time_unit)
    parameters, offset = _flat(draws)
    which = _offsets(draws, data)
    origin = origins(fitted)
    shape = (draws.sizes["chain"], draws.sizes["draw"], len(data))
    z, sd = np.empty((2, len(offset), len(data)))
    for i, rows in zip(which, series(data), strict=True):
        residual = data.value[rows] - offset[:, i, None]
        z[:, rows], sd[:, rows] = stationary_increments.innovations(
            form,
            parameters,
            data.time[rows],
            residual,
            data.error[rows],
            float(origin[i]),
            reference,
        )
    return z.reshape(shape), sd.reshape(shape)


def _offsets(draws: xr.Dataset, data: LightCurve) -> list[int]:
    """Position of the offset of every series of `data` among those of the draws."""
    known = [str(name) for name in draws["series"].values]
    asked = names(data)
    if len(known) == len(asked) == 1:
        return [0]
    for name in asked:
        if name not in known:
            raise ValueError(
                f"band {name!r} is none of the fitted series, which are {', '.join(known)}."
            )
    return [known.index(name) for name in asked]


def log_density(
    form: str, reference: Any, draws: xr.Dataset, fitted: LightCurve, data: LightCurve
) -> np.ndarray:
    """Log density of every value of `data` given those before it: (chain, draw, row)."""
    z, sd = _innovations(form, reference, draws, fitted, data)
    return -0.5 * z**2 - np.log(sd) - _HALF_LOG_2PI


def standardised(
    form: str, reference: Any, draws: xr.Dataset, fitted: LightCurve, data: LightCurve
) -> np.ndarray:
    """Innovations over their standard deviation: (chain, draw, row)."""
    return _innovations(form, reference, draws, fitted, data)[0]


def replicate(
    form: str,
    reference: Any,
    draws: xr.Dataset,
    data: LightCurve,
    at: LightCurve,
    rng: np.random.Generator,
) -> np.ndarray:
    """New light curves at the times and errors of `at`: (chain, draw, row)."""
    inputs.check_units(data, at)
    reference = in_unit("reference", reference, data.time_unit)
    parameters, offset = _flat(draws)
    which = _offsets(draws, at)
    origin = origins(data)
    value = np.empty((len(offset), len(at)))
    for i, rows in zip(which, series(at), strict=True):
        for k in range(len(offset)):
            one = {key: float(array[k]) for key, array in parameters.items()}
            path = stationary_increments.simulate(
                form, one, at.time[rows], float(origin[i]), reference, rng
            )
            value[k, rows] = offset[k, i] + path
    noisy = value + at.error * rng.standard_normal(value.shape)
    return noisy.reshape(draws.sizes["chain"], draws.sizes["draw"], len(at))


def forecast(
    form: str,
    reference: Any,
    draws: xr.Dataset,
    data: LightCurve,
    at: Any,
    rng: np.random.Generator,
) -> xr.Dataset:
    """Joint draws of the noiseless curve given the data, and new observations.

    Parameters
    ----------
    at : LightCurve, array (m,), Quantity or astropy Time
        Times are those of a single series; a light curve brings its bands and errors.
    """
    import xarray as xr

    reference = in_unit("reference", reference, data.time_unit)
    time, error = inputs.times(data, at)
    if not isinstance(at, LightCurve):
        if len(names(data)) > 1:
            raise ValueError(
                "at: of several series, give a LightCurve whose bands name the series at each time."
            )
        order = np.argsort(time, kind="stable")
        at = LightCurve(
            time[order],
            np.arange(len(time), dtype=float),  # unused, and no two rows alike
            error,
            time_unit=data.time_unit,
            value_unit=data.value_unit,
        )
        back = np.argsort(order, kind="stable")
    else:
        back = np.arange(len(at))
    parameters, offset = _flat(draws)
    which = _offsets(draws, at)
    own = list(series(data))
    signal = np.empty((len(offset), len(at)))
    for i, rows in zip(which, series(at), strict=True):
        fitted = own[i]
        residual = data.value[fitted] - offset[:, i, None]
        signal[:, rows] = offset[:, i, None] + stationary_increments.condition(
            form, parameters, data.time[fitted], residual, data.error[fitted], at.time[rows],
            reference, rng,
        )  # fmt: skip
    curves = signal[:, back].reshape(draws.sizes["chain"], draws.sizes["draw"], -1)
    noisy = curves + error * rng.standard_normal(curves.shape)
    unit = {"units": data.value_unit or ""}
    return xr.Dataset(
        {
            "signal": by_row(draws, curves).assign_attrs(unit),
            "observation": by_row(draws, noisy).assign_attrs(unit),
            "time": ("row", time, {"units": data.time_unit}),
        }
    )


def structure_function(
    form: str, reference: Any, draws: xr.Dataset, data: LightCurve, lag: Any
) -> xr.DataArray:
    """Draws of SF at lags (l,): (chain, draw, lag)."""
    lag, reference = (
        in_unit(name, x, data.time_unit) for name, x in (("lag", lag), ("reference", reference))
    )
    lags = np.atleast_1d(np.asarray(lag, dtype=float))
    if lags.ndim != 1 or not np.all(np.isfinite(lags)) or np.any(lags < 0):
        raise ValueError("lag must hold finite lags >= 0 of shape (l,).")
    values = {name: array.values for name, array in draws.data_vars.items() if name != "offset"}
    found = stationary_increments.structure_function(form, values, lags, reference)
    array = by_row(draws, found, "lag").assign_coords(lag=lags)
    return array.assign_attrs(units=data.value_unit or "")
