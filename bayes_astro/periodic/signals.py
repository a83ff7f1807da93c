"""Several signals of one light curve: in which order they stand, and what each has of the posterior."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["apart", "claimed", "density", "of_counts", "ordered"]


def apart(draws: xr.Dataset, count: int) -> xr.Dataset:
    """Prior draws of one signal as those of several, of which there are fewer by that number."""
    import xarray as xr

    size = draws.sizes["draw"] // count
    found = draws.isel(draw=slice(size)).drop_vars(["frequency", "amplitude"])
    for name in ("frequency", "amplitude"):
        one = draws[name]
        values = one.values.reshape(1, size, count, *one.shape[2:])
        found[name] = xr.Variable(("chain", "draw", "signal", *one.dims[2:]), values)
    labels = {"signal": np.arange(1, count + 1)}
    return found.assign_coords(labels | {"term": draws["term"]})


def ordered(draws: xr.Dataset) -> xr.Dataset:
    """The same draws, in each the lowest frequency first."""
    import xarray as xr

    order = xr.DataArray(np.argsort(draws["frequency"].values), dims=draws["frequency"].dims)
    found = {
        name: one.isel(signal=order).transpose(*one.dims) if "signal" in one.dims else one
        for name, one in draws.data_vars.items()
    }
    labels = {"signal": np.arange(1, order.sizes["signal"] + 1)}
    return xr.Dataset(
        {n: one.drop_vars("signal", errors="ignore") for n, one in found.items()}, draws.coords
    ).assign_coords(labels)


def of_counts(evidences: Any) -> xr.Dataset:
    """Log evidence and, at even odds, the probability of none, one, two, ... signals."""
    import xarray as xr

    evidences = np.asarray(evidences)
    share = np.exp(evidences - evidences.max())
    return xr.Dataset(
        {
            "log_evidence": ("n_signals", evidences),
            "probability": ("n_signals", share / share.sum()),
        },
        {"n_signals": np.arange(len(evidences))},
    )


def density(found: Any) -> xr.Dataset:
    """Log density over frequency; of several signals each one's given the others, on all their nodes."""
    import xarray as xr

    if not hasattr(found, "densities"):
        return xr.Dataset(
            {"log_density": ("frequency", found.log_density)}, {"frequency": found.grid}
        )
    grid = np.unique(np.concatenate([one.nodes for one in found.densities]))
    rows = []
    for one in found.densities:
        # Linear between nodes is the density, not its logarithm; far below the peak either will do.
        with np.errstate(divide="ignore"):
            linear = np.log(np.interp(grid, one.nodes, one.height)) + one.peak
        logs = np.interp(grid, one.nodes, one.log_density)
        rows.append(np.where(linear > one.peak - 600, linear, logs) - one.log_mass)
    return xr.Dataset(
        {"log_density": (("signal", "frequency"), np.array(rows))},
        {"frequency": grid, "signal": np.arange(1, len(rows) + 1)},
    )


def claimed(group: xr.Dataset, frequency: np.ndarray) -> np.ndarray:
    """Frequencies (draw, S) in the order in which the signals' densities claim them.

    Draws are in the order of frequency, which another peak of one signal may change; the peaks' is not.
    """
    grid, heights = group["frequency"].values, group["log_density"].values
    size = len(heights)
    each = np.array(
        [[np.interp(frequency[:, j], grid, row) for j in range(size)] for row in heights]
    )
    orders = list(permutations(range(size)))
    total = np.array([each[range(size), list(order)].sum(axis=0) for order in orders])
    best = np.array(orders)[np.argmax(total, axis=0)]
    return np.take_along_axis(frequency, best, axis=1)
