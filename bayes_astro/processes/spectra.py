"""Power spectrum and structure function of a fitted kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.data.curve import Curve
from bayes_astro.draws import each_draw, thinned
from bayes_astro.parameters import in_unit
from bayes_astro.processes import blocks
from bayes_astro.processes.mean_and_noise import noise_variance
from bayes_astro.processes.units import plain

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["power_spectrum", "structure_function"]


def power_spectrum(model: Any, frequency: Any, draws: int) -> xr.Dataset:
    """Power spectral density of the kernel for posterior draws.

    Parameters
    ----------
    model : GaussianProcess
        Fitted.
    frequency : array (m,) or Quantity, optional
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

    data, some = model.data, thinned(model.posterior["posterior"].to_dataset(), draws)
    kernel = plain(model, data).kernel
    spacing = float(np.median(np.diff(np.unique(data.time))))
    if frequency is None:
        frequency = np.geomspace(0.3 / np.ptp(data.time), 0.5 / spacing, 200)
    frequency = in_unit("frequency", frequency, f"1 / {data.time_unit}")
    grid = np.atleast_1d(np.asarray(frequency, dtype=float))
    power = np.empty((some.sizes["chain"], some.sizes["draw"], len(grid)))
    noise = np.empty(power.shape[:2])
    band = Curve.of(data).band
    for chain, draw, values in each_draw(some):
        power[chain, draw] = blocks.spectrum(kernel.at(values), grid)
        noise[chain, draw] = spacing * np.mean(noise_variance(values, data.error, band))
    dims = ("chain", "draw", "frequency")
    return xr.Dataset(
        {"power": (dims, power), "noise": (dims[:2], noise)},
        {"frequency": grid, "chain": some["chain"], "draw": some["draw"]},
    )


def structure_function(model: Any, lag: Any, draws: int) -> xr.Dataset:
    """Structure function of the noiseless process for posterior draws.

    Parameters
    ----------
    model : GaussianProcess
        Fitted.
    lag : array (m,) or Quantity, optional
        Time differences. Default: from the median spacing to the time span.
    draws : int
        About how many.

    Returns
    -------
    xarray.Dataset
        ``structure_function`` (chain, draw, lag): the root mean square difference of two values.
    """
    import xarray as xr

    data, some = model.data, thinned(model.posterior["posterior"].to_dataset(), draws)
    kernel = plain(model, data).kernel
    if lag is None:
        spacing = float(np.median(np.diff(np.unique(data.time))))
        lag = np.geomspace(spacing, np.ptp(data.time), 100)
    grid = np.atleast_1d(np.asarray(in_unit("lag", lag, data.time_unit), dtype=float))
    out = np.empty((some.sizes["chain"], some.sizes["draw"], len(grid)))
    for chain, draw, values in each_draw(some):
        found = kernel.at(values)
        at_lag = sum(blocks.covariance(block, grid, np) for block in found)
        at_zero = sum(block.variance for block in found)
        out[chain, draw] = np.sqrt(np.maximum(2 * (at_zero - at_lag), 0))
    coords = {"lag": grid, "chain": some["chain"], "draw": some["draw"]}
    return xr.Dataset({"structure_function": (("chain", "draw", "lag"), out)}, coords)
