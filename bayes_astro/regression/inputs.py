"""Predictors and response: what a relation reads from a table, and what it predicts at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.data import Measurements

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["by_row", "new_predictors", "ordered", "predictors"]


def predictors(data: Measurements, response: str) -> list[str]:
    """Names of all columns but the response, in order."""
    return [name for name in data.names if name != response]


def ordered(data: Measurements, response: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predictors (n, p), response (n,), and the covariance with the response last."""
    column = data.index(response)
    order = [i for i in range(len(data.names)) if i != column] + [column]
    value = data.value[:, order]
    return value[:, :-1], value[:, -1], data.covariance[:, order][:, :, order]


def new_predictors(data: Measurements, response: str, at: Any) -> tuple[np.ndarray, np.ndarray]:
    """Predictors (m, p) and the covariance of predictors and response (m, p + 1, p + 1).

    `at` is an array (m, p) or (m,) or a Quantity, known exactly, or Measurements with all columns
    of `data`.
    """
    names = predictors(data, response)
    if isinstance(at, Measurements):
        missing = [name for name in data.names if name not in at.names]
        if missing:
            raise ValueError(
                f"at: column {missing[0]!r} is missing; expected {', '.join(data.names)}."
            )
        at = at.select(*data.names)
        if tuple(at.units) != tuple(data.units):
            raise ValueError(
                f"mismatched units: the fitted data are in {data.units}, the new ones in "
                f"{at.units}. Convert one of them."
            )
        x, _, covariance = ordered(at, response)
        if np.isnan(x).any():
            row = int(np.argmax(np.isnan(x).any(axis=1)))
            raise ValueError(f"at: row {row} misses a predictor; drop that row.")
        # A response that was not measured has no error either.
        return x, np.nan_to_num(covariance)
    if hasattr(at, "unit"):
        units = dict(zip(data.names, data.units or (), strict=False))
        try:
            at = at.to_value(units.get(names[0], ""))
        except Exception as error:
            raise ValueError(
                f"at: {at.unit} cannot be converted to the unit of {names[0]!r}."
            ) from error
    try:
        x = np.asarray(at, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(
            f"at must be predictors ({', '.join(names)}) or Measurements, got {at!r}."
        ) from None
    x = x.reshape(-1, 1) if x.ndim < 2 and len(names) == 1 else np.atleast_2d(x)
    if x.ndim != 2 or x.shape[1] != len(names) or not np.isfinite(x).all():
        raise ValueError(
            f"at must hold finite values of shape (m, {len(names)}): one column for each of "
            f"{', '.join(names)}; got shape {np.shape(at)}."
        )
    return x, np.zeros((len(x), len(names) + 1, len(names) + 1))


def by_row(draws: xr.Dataset, values: np.ndarray) -> xr.DataArray:
    """Values of every draw and row as (chain, draw, row)."""
    import xarray as xr

    shape = (draws.sizes["chain"], draws.sizes["draw"], -1)
    return xr.DataArray(
        values.reshape(shape),
        dims=("chain", "draw", "row"),
        coords={name: draws[name] for name in ("chain", "draw") if name in draws.coords},
    )
