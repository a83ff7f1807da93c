"""What a fitted Gaussian process says: the curve at any time, new data, residuals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.data import LightCurve
from bayes_astro.data import light_curve_inputs as inputs
from bayes_astro.data.curve import Curve
from bayes_astro.draws import by_row, each_draw
from bayes_astro.likelihoods import smoother
from bayes_astro.likelihoods.semiseparable_passes import flat_products
from bayes_astro.processes.mean_and_noise import DEGREES, noise_variance, signal
from bayes_astro.processes.process import Tables
from bayes_astro.processes.units import plain

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["forecast", "log_predictive", "one_step_ahead", "replicate"]


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
    model = plain(model, data)
    curve = Curve.of(data)
    band, bands, time = curve.band, curve.bands, curve.time
    residual = np.empty((draws.sizes["chain"], draws.sizes["draw"], len(data)))
    spread = np.empty_like(residual)
    for chain, draw, values in each_draw(draws):
        found = model.tables(values, len(bands))
        order, moved = _sorted(found, time, band)
        left = data.value - signal(model.mean, values, time, band, bands)
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
    model = plain(model, design)
    curve = Curve.of(design)
    band, bands, time = curve.band, curve.bands, curve.time
    out = np.empty((draws.sizes["chain"], draws.sizes["draw"], len(design)))
    for chain, draw, values in each_draw(draws):
        found = model.tables(values, len(bands))
        order, moved = _sorted(found, time, band)
        path = np.empty(len(design))
        path[order] = smoother.simulate(
            *_process(found), moved, band[order], rng.standard_normal(len(design))
        )
        variance = noise_variance(values, design.error, band, values.get("noise_scale", 1.0))
        noise = np.sqrt(variance) * rng.standard_normal(len(design))
        out[chain, draw] = path + noise + signal(model.mean, values, time, band, bands)
    return out


def _conditional(
    model: Any, draws: xr.Dataset, data: LightCurve, at: Any, rng: np.random.Generator | None
) -> Iterator[tuple[int, int, dict[str, Any], Any]]:
    """For every draw: mean, variance, a draw, component means and variances at the rows of `at`."""
    model = plain(model, data)
    curve = Curve.of(data)
    bands = curve.bands
    time, _, new_band = curve.asked(at)
    band = np.concatenate([curve.band, new_band])
    time = np.concatenate([data.time, time]) - curve.epoch
    observed = np.arange(len(time)) < len(data)
    error = np.concatenate([data.error, np.zeros(len(new_band))])
    for chain, draw, values in each_draw(draws):
        found = model.tables(values, len(bands))
        order, moved = _sorted(found, time, band)
        left = np.zeros(len(time))
        left[: len(data)] = data.value - signal(
            model.mean, values, time[: len(data)], band[: len(data)], bands
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

    curve = Curve.of(data)
    bands, epoch = curve.bands, curve.epoch
    time, error, band = curve.asked(at)
    shape = (draws.sizes["chain"], draws.sizes["draw"], len(time))
    curves, noisy, mean, sd = (np.empty(shape) for _ in range(4))
    parts = model.components()
    part_mean = np.empty((*shape[:2], len(parts), shape[2]))
    part_sd = np.empty_like(part_mean)
    for chain, draw, values, results in _conditional(model, draws, data, at, rng):
        base = signal(model.mean, values, time - epoch, band, bands)
        here = (chain, draw)
        mean[here], sd[here] = base + results[0], np.sqrt(results[1])
        curves[here] = base + results[2]
        part_mean[here], part_sd[here] = results[3], np.sqrt(results[4])
        spread = np.sqrt(noise_variance(values, error, band))
        noise = rng.standard_normal(len(time))
        if model.outliers:
            noise /= np.sqrt(rng.gamma(DEGREES / 2, 2 / DEGREES, len(time)))
        noisy[here] = curves[here] + spread * noise
    dims = ("chain", "draw", "row")
    coords: dict[str, Any] = {
        name: draws[name] for name in ("chain", "draw") if name in draws.coords
    }
    unit = {"units": data.value_unit or ""}
    arrays: dict[str, Any] = {
        "signal": (dims, curves, unit),
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
    curve = Curve.of(data)
    bands, epoch = curve.bands, curve.epoch
    time, error, band = curve.asked(test)
    density = np.empty((draws.sizes["chain"], draws.sizes["draw"], len(test)))
    for chain, draw, values, results in _conditional(model, draws, data, test, None):
        base = signal(model.mean, values, time - epoch, band, bands)
        residual = test.value - base - results[0]
        noise = noise_variance(values, error, band)
        if model.outliers:
            from scipy.stats import t

            density[chain, draw] = t.logpdf(residual, DEGREES, scale=np.sqrt(results[1] + noise))
            continue
        variance = results[1] + noise
        density[chain, draw] = -0.5 * (residual**2 / variance + np.log(2 * np.pi * variance))
    return by_row(draws, density)
