"""What a fitted Gaussian process says: the curve at any time, new data, residuals, spectra."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.data import LightCurve
from bayes_astro.likelihoods import smoother
from bayes_astro.likelihoods.semiseparable import flat_products, passes
from bayes_astro.timeseries import blocks, inputs
from bayes_astro.timeseries.process import Tables
from bayes_astro.timeseries.process_posterior import rest

if TYPE_CHECKING:
    import xarray as xr

    from bayes_astro.priors import Prior

__all__ = [
    "by_row",
    "coefficient_errors",
    "coefficients",
    "forecast",
    "log_predictive",
    "one_step_ahead",
    "power_spectrum",
    "replicate",
    "structure_function",
]


def rows_of(draws: xr.Dataset) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Every draw as a dictionary of numbers and arrays, with its place."""
    arrays = {str(name): array.values for name, array in draws.data_vars.items()}
    for chain in range(draws.sizes["chain"]):
        for draw in range(draws.sizes["draw"]):
            yield chain, draw, {name: array[chain, draw] for name, array in arrays.items()}


def by_row(draws: xr.Dataset, values: np.ndarray) -> xr.DataArray:
    """(chain, draw, row) with the coordinates of the draws."""
    import xarray as xr

    coords = {name: draws[name] for name in ("chain", "draw") if name in draws.coords}
    return xr.DataArray(values, dims=("chain", "draw", "row"), coords=coords)


def _conditional_coefficients(
    model: Any, values: dict[str, Any], data: LightCurve, priors: dict[str, Prior]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the linear coefficients given the other parameters."""
    arrays = model.arrays(data, priors)
    centre = arrays.pop("coefficient_mean")
    found = model.tables(values, data)
    residual, variance = model.rows(values, arrays, centre)
    _, mean, covariance = passes(found.layout, len(centre)).value(
        residual, variance, *found.arguments, *rest(arrays)
    )
    return centre + mean, covariance


def _named(
    model: Any, flat: np.ndarray, data: LightCurve, priors: dict[str, Prior]
) -> dict[str, Any]:
    """Offset and trend from the flat coefficients."""
    n, half, out, start = len(model._bands(data)), 0.5 * float(np.ptp(data.time)), {}, 0
    for name, scale in (("offset", 1.0), ("trend", half)):
        if name in priors:
            own = flat[start : start + n] / scale
            out[name] = own if model.is_array(name, data) else float(own[0])
            start += n
    return out


def coefficients(
    model: Any,
    values: dict[str, Any],
    data: LightCurve,
    priors: dict[str, Prior],
    rng: np.random.Generator | None,
) -> dict[str, Any]:
    """Linear coefficients given the other parameters: a draw, or without `rng` their mean."""
    mean, covariance = _conditional_coefficients(model, values, data, priors)
    if rng is not None:
        mean = mean + np.linalg.cholesky(covariance) @ rng.standard_normal(len(mean))
    return _named(model, mean, data, priors)


def coefficient_errors(
    model: Any, values: dict[str, Any], data: LightCurve, priors: dict[str, Prior]
) -> dict[str, Any]:
    """Standard deviations of the linear coefficients given the other parameters."""
    _, covariance = _conditional_coefficients(model, values, data, priors)
    return _named(model, np.sqrt(np.diag(covariance)), data, priors)


def mean_function(
    model: Any, values: dict[str, Any], time: np.ndarray, band: np.ndarray, bands: tuple[str, ...]
) -> np.ndarray:
    """Offset, trend and mean function at times from the epoch."""
    total = np.zeros(len(time))
    for name, power in (("offset", 0), ("trend", 1)):
        if name in values:
            own = np.asarray(values[name])
            total += (own[band] if own.ndim else own) * time**power
    if (function := model._mean_function()) is not None:
        signal = function.evaluate(time, values)
        seen = getattr(function, "bands", None)
        if seen is not None:
            signal = signal * np.isin(np.array(bands)[band], seen)
        total += signal
    return total


def noise_variance(
    values: dict[str, Any], error: np.ndarray, band: np.ndarray, scale: np.ndarray | float = 1.0
) -> np.ndarray:
    """Error bars and jitter in quadrature, times the squares of the noise scales."""
    variance = error**2
    if "jitter" in values:
        jitter = np.asarray(values["jitter"])
        variance = variance + (jitter[band] if jitter.ndim else jitter) ** 2
    return variance * np.asarray(scale) ** 2


def _shape(found: Tables) -> tuple[Any, Any]:
    layout = found.layout
    dense = layout.size - layout.reals - 2 * layout.pairs
    return (layout.reals, layout.pairs, dense), flat_products(layout)


def _process(found: Tables) -> tuple[Any, ...]:
    return (*_shape(found), found.rates, found.squares, found.u, found.v, found.power)


def _sorted(found: Tables, time: np.ndarray, band: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order of rows in time less lag, and those times."""
    moved = time - found.lag[band]
    order = np.argsort(moved, kind="stable")
    return order, moved[order]


def one_step_ahead(model: Any, draws: xr.Dataset, data: LightCurve) -> tuple[Any, Any]:
    """Residual of every row from its prediction by those before it, and its variance."""
    band, bands = model._band_rows(data, data), model._bands(data)
    time = data.time - model.epoch(data)
    residual = np.empty((draws.sizes["chain"], draws.sizes["draw"], len(data)))
    spread = np.empty_like(residual)
    for chain, draw, values in rows_of(draws):
        found = model.tables(values, data)
        order, moved = _sorted(found, time, band)
        left = data.value - mean_function(model, values, time, band, bands)
        variance = noise_variance(values, data.error, band, values.get("noise_scale", 1.0))
        z, d = smoother.innovations(
            *_process(found), moved, band[order], variance[order], left[order]
        )
        residual[chain, draw, order], spread[chain, draw, order] = z, d
    return residual, spread


def replicate(
    model: Any, draws: xr.Dataset, design: LightCurve, rng: np.random.Generator
) -> np.ndarray:
    """New light curves on a design from the parameters alone: (chain, draw, row)."""
    band, bands = model._band_rows(design, design), model._bands(design)
    time = design.time - model.epoch(design)
    out = np.empty((draws.sizes["chain"], draws.sizes["draw"], len(design)))
    for chain, draw, values in rows_of(draws):
        found = model.tables(values, design)
        order, moved = _sorted(found, time, band)
        curve = np.empty(len(design))
        curve[order] = smoother.simulate(
            *_process(found), moved, band[order], rng.standard_normal(len(design))
        )
        variance = noise_variance(values, design.error, band, values.get("noise_scale", 1.0))
        noise = np.sqrt(variance) * rng.standard_normal(len(design))
        out[chain, draw] = curve + noise + mean_function(model, values, time, band, bands)
    return out


def _asked(model: Any, data: LightCurve, at: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times, errors and band numbers of the rows asked for; plain times stand for all bands."""
    bands = model._bands(data)
    time, error = inputs.times(data, at)
    if isinstance(at, LightCurve):
        return time, error, model._band_rows(data, at)
    numbers = np.repeat(np.arange(len(bands)), len(time))
    if len(bands) > 1:
        rows = model._band_rows(data, data)
        error = np.array([np.median(data.error[rows == b]) for b in range(len(bands))])
        error = np.repeat(error, len(time))
    return np.tile(time, len(bands)), error, numbers


def _conditional(
    model: Any, draws: xr.Dataset, data: LightCurve, at: Any, rng: np.random.Generator | None
) -> Iterator[tuple[int, int, dict[str, Any], Any]]:
    """For every draw: mean, variance, a draw, component means and variances at the rows of `at`."""
    bands, epoch = model._bands(data), model.epoch(data)
    time, _, new_band = _asked(model, data, at)
    band = np.concatenate([model._band_rows(data, data), new_band])
    time = np.concatenate([data.time, time]) - epoch
    observed = np.arange(len(time)) < len(data)
    error = np.concatenate([data.error, np.zeros(len(new_band))])
    for chain, draw, values in rows_of(draws):
        found = model.tables(values, data)
        order, moved = _sorted(found, time, band)
        left = np.zeros(len(time))
        left[: len(data)] = data.value - mean_function(
            model, values, time[: len(data)], band[: len(data)], bands
        )
        scale = np.ones(len(time))
        scale[: len(data)] = values.get("noise_scale", 1.0)
        variance = noise_variance(values, error, band, scale)
        masks = np.array([[float(i == j) for j in found.owner] for i in range(len(found.parts))])
        normals = np.zeros((2, len(time)))
        if rng is not None:
            normals = rng.standard_normal((2, len(time)))
        results = smoother.smooth(
            *_process(found), moved, band[order], observed[order], variance[order], left[order],
            masks, found.part_power, normals,
        )  # fmt: skip
        placed = []
        for result in results:
            whole = np.empty_like(result)
            whole[..., order] = result
            placed.append(whole[..., len(data) :])
        yield chain, draw, values, placed


def forecast(
    model: Any, draws: xr.Dataset, data: LightCurve, at: Any, rng: np.random.Generator
) -> xr.Dataset:
    """The curve and new observations.

    Parameters
    ----------
    model : GaussianProcess
    draws : xarray.Dataset
    data : LightCurve
        The fitted data, on which the curve is conditioned.
    at : array (m,), Quantity, astropy Time, or LightCurve
        A light curve brings its bands and errors; plain times stand for every band, with its median
        error.
    rng : numpy.random.Generator

    Returns
    -------
    xarray.Dataset
        ``signal`` (a joint draw of the noiseless curve for each posterior draw), ``observation``
        (with noise), ``mean`` and ``sd`` of the curve given each draw's parameters: (chain, draw,
        row); of several summands ``component_mean`` and ``component_sd``: (chain, draw, component,
        row), the mean function not included; ``time`` and ``band`` by row.
    """
    import xarray as xr

    bands, epoch = model._bands(data), model.epoch(data)
    time, error, band = _asked(model, data, at)
    shape = (draws.sizes["chain"], draws.sizes["draw"], len(time))
    signal, noisy, mean, sd = (np.empty(shape) for _ in range(4))
    parts = model.components()
    part_mean = np.empty((*shape[:2], len(parts), shape[2]))
    part_sd = np.empty_like(part_mean)
    for chain, draw, values, results in _conditional(model, draws, data, at, rng):
        base = mean_function(model, values, time - epoch, band, bands)
        here = (chain, draw)
        mean[here], sd[here] = base + results[0], np.sqrt(results[1])
        signal[here] = base + results[2]
        part_mean[here], part_sd[here] = results[3], np.sqrt(results[4])
        spread = np.sqrt(noise_variance(values, error, band))
        noise = rng.standard_normal(len(time))
        if model.outliers:
            from bayes_astro.timeseries.gaussian_process import DEGREES

            noise /= np.sqrt(rng.gamma(DEGREES / 2, 2 / DEGREES, len(time)))
        noisy[here] = signal[here] + spread * noise
    dims = ("chain", "draw", "row")
    coords: dict[str, Any] = {
        name: draws[name] for name in ("chain", "draw") if name in draws.coords
    }
    unit = {"units": data.value_unit or ""}
    arrays: dict[str, Any] = {
        "signal": (dims, signal, unit),
        "observation": (dims, noisy, unit),
        "mean": (dims, mean, unit),
        "sd": (dims, sd, unit),
        "time": ("row", time, {"units": data.time_unit}),
    }
    if len(bands) > 1:
        arrays["band"] = ("row", np.array(bands)[band])
    if len(parts) > 1:
        coords["component"] = list(parts)
        by_part = ("chain", "draw", "component", "row")
        arrays["component_mean"] = (by_part, part_mean, unit)
        arrays["component_sd"] = (by_part, part_sd, unit)
    return xr.Dataset(arrays, coords)


def log_predictive(
    model: Any, draws: xr.Dataset, data: LightCurve, test: LightCurve
) -> xr.DataArray:
    """Log density of each held-out row by itself, given all fitted rows."""
    inputs.check_units(data, test)
    bands, epoch = model._bands(data), model.epoch(data)
    time, error, band = _asked(model, data, test)
    density = np.empty((draws.sizes["chain"], draws.sizes["draw"], len(test)))
    for chain, draw, values, results in _conditional(model, draws, data, test, None):
        base = mean_function(model, values, time - epoch, band, bands)
        residual = test.value - base - results[0]
        noise = noise_variance(values, error, band)
        if model.outliers:
            from scipy.stats import t

            from bayes_astro.timeseries.gaussian_process import DEGREES

            density[chain, draw] = t.logpdf(residual, DEGREES, scale=np.sqrt(results[1] + noise))
            continue
        variance = results[1] + noise
        density[chain, draw] = -0.5 * (residual**2 / variance + np.log(2 * np.pi * variance))
    return by_row(draws, density)


def _thinned(model: Any, draws: int) -> xr.Dataset:
    posterior = model.posterior["posterior"].to_dataset()
    each = max(1, min(posterior.sizes["draw"], int(draws) // posterior.sizes["chain"]))
    keep = np.linspace(0, posterior.sizes["draw"] - 1, each).round().astype(int)
    return posterior.isel(draw=keep)


def power_spectrum(model: Any, frequency: Any, draws: int) -> xr.Dataset:
    """Power spectral density of the kernel for posterior draws.

    Parameters
    ----------
    model : GaussianProcess
        Fitted.
    frequency : array (m,), optional
        In cycles per time unit. Default: from a third of one cycle in the time span to the highest
        frequency of the sampling, evenly in the logarithm.
    draws : int
        About how many.

    Returns
    -------
    xarray.Dataset
        ``power`` (chain, draw, frequency), two-sided, in value unit squared times time unit, and
        ``noise`` (chain, draw): the level of the white noise, its mean variance times the median
        spacing.
    """
    import xarray as xr

    data, thinned = model.data, _thinned(model, draws)
    spacing = float(np.median(np.diff(np.unique(data.time))))
    if frequency is None:
        frequency = np.geomspace(0.3 / np.ptp(data.time), 0.5 / spacing, 200)
    grid = np.atleast_1d(np.asarray(frequency, dtype=float))
    power = np.empty((thinned.sizes["chain"], thinned.sizes["draw"], len(grid)))
    noise = np.empty(power.shape[:2])
    band = model._band_rows(data, data)
    for chain, draw, values in rows_of(thinned):
        power[chain, draw] = blocks.spectrum(model.kernel.at(values), grid)
        noise[chain, draw] = spacing * np.mean(noise_variance(values, data.error, band))
    dims = ("chain", "draw", "frequency")
    return xr.Dataset(
        {"power": (dims, power), "noise": (dims[:2], noise)},
        {"frequency": grid, "chain": thinned["chain"], "draw": thinned["draw"]},
    )


def structure_function(model: Any, lag: Any, draws: int) -> xr.Dataset:
    """Structure function of the noiseless process for posterior draws.

    Parameters
    ----------
    model : GaussianProcess
        Fitted.
    lag : array (m,), optional
        Time differences. Default: from the median spacing to the time span.
    draws : int
        About how many.

    Returns
    -------
    xarray.Dataset
        ``structure_function`` (chain, draw, lag): the root mean square difference of two values.
    """
    import xarray as xr

    data, thinned = model.data, _thinned(model, draws)
    if lag is None:
        spacing = float(np.median(np.diff(np.unique(data.time))))
        lag = np.geomspace(spacing, np.ptp(data.time), 100)
    grid = np.atleast_1d(np.asarray(lag, dtype=float))
    out = np.empty((thinned.sizes["chain"], thinned.sizes["draw"], len(grid)))
    for chain, draw, values in rows_of(thinned):
        found = model.kernel.at(values)
        at_lag = sum(blocks.covariance(block, grid, np) for block in found)
        at_zero = sum(block.variance for block in found)
        out[chain, draw] = np.sqrt(np.maximum(2 * (at_zero - at_lag), 0))
    coords = {"lag": grid, "chain": thinned["chain"], "draw": thinned["draw"]}
    return xr.Dataset({"structure_function": (("chain", "draw", "lag"), out)}, coords)
