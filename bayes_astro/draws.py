"""Posterior draws: fewer of them, one after the other, as arrays by row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["affordable", "by_row", "each_draw", "entries", "in_turn", "thinned"]

MOST = 2e9  # bytes of numbers by draw and row
FEWEST = 100  # draws that a score needs


def affordable(count: int, numbers: int) -> int:
    """So many draws, or fewer where `numbers` of each would take more than 2 GB."""
    most = int(MOST / (8 * max(numbers, 1)))
    if most < min(count, FEWEST):
        raise ValueError(
            f"{numbers} numbers for each of {min(count, FEWEST)} draws take more than {MOST / 1e9:g} GB: "
            "score some of the rows, e.g. test[::10]."
        )
    return min(count, most)


def thinned(draws: xr.Dataset, count: int | None) -> xr.Dataset:
    """About `count` draws, evenly spaced in every chain; None: all."""
    if count is None:
        return draws
    each = max(1, min(draws.sizes["draw"], int(count) // draws.sizes["chain"]))
    keep = np.linspace(0, draws.sizes["draw"] - 1, each).round().astype(int)
    return draws.isel(draw=keep)


def in_turn(draws: xr.Dataset, count: int) -> xr.Dataset:
    """`count` draws of one chain: all in turn, or evenly spaced ones where they are more."""
    import xarray as xr

    fits = draws.sizes["chain"] * draws.sizes["draw"]
    rows = np.linspace(0, fits - 1, min(count, fits)).round().astype(int)
    chain, draw = np.divmod(np.sort(np.resize(rows, count)), draws.sizes["draw"])
    found = draws.drop_vars(("chain", "draw"), errors="ignore").isel(
        chain=xr.DataArray(chain, dims="one"), draw=xr.DataArray(draw, dims="one")
    )
    return found.rename(one="draw").expand_dims("chain")


def each_draw(draws: xr.Dataset) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Every draw as a dictionary of numbers and arrays, with its chain and place."""
    arrays = {
        str(name): array.values
        for name, array in draws.data_vars.items()
        if array.dims[:2] == ("chain", "draw")
    }
    for chain in range(draws.sizes["chain"]):
        for draw in range(draws.sizes["draw"]):
            yield chain, draw, {name: array[chain, draw] for name, array in arrays.items()}


def by_row(draws: xr.Dataset, values: np.ndarray, *dims: str) -> xr.DataArray:
    """Values of every draw and row, (draws, row) or (chain, draw, row), with the draws' coordinates."""
    import xarray as xr

    dims = dims or ("row",)
    shape = (draws.sizes["chain"], draws.sizes["draw"])
    coords = {name: draws[name] for name in ("chain", "draw") if name in draws.coords}
    tail = values.shape[values.ndim - len(dims) :]
    return xr.DataArray(values.reshape(*shape, *tail), dims=("chain", "draw", *dims), coords=coords)


def entries(draws: xr.Dataset, values: np.ndarray, *dims: str) -> tuple[tuple[str, ...], Any]:
    """Dimensions and values (chain, draw, ...) of a new variable, from those of every draw."""
    shape = (draws.sizes["chain"], draws.sizes["draw"])
    return ("chain", "draw", *dims), values.reshape(*shape, *values.shape[1:])
