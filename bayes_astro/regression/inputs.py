"""Predictors and response: what a relation reads from a table, and what it predicts at."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.data import Measurements
from bayes_astro.data.columns import refuse_collinear

__all__ = ["check", "new_predictors", "ordered", "predictors", "units"]


def check(data: Measurements, response: str) -> None:
    """Raise ValueError for data that leave a line undetermined."""
    data.index(response)
    if data.value.shape[1] < 2:
        raise ValueError(
            f"LinearRelation needs a predictor beside {response!r}; this table has none."
        )
    if data.projection is not None or data.weight is not None:
        raise ValueError(
            "LinearRelation takes neither projections nor weights: give Measurements without "
            "them. (An error bar says how well a point is known; a weight is not an error.)"
        )
    missing = np.isnan(data.value)
    if missing.any():
        row, where = np.argwhere(missing)[0]
        raise ValueError(
            f"column {data.names[where]!r}, row {row}: missing value ({missing.any(1).sum()} "
            "rows in all). Drop them: data[~data.missing.any(axis=1)]."
        )
    if len(data) < data.value.shape[1] + 1:
        raise ValueError(
            f"{len(data)} rows are too few for {data.value.shape[1] - 1} slopes and an "
            f"intercept: at least {data.value.shape[1] + 1} are needed."
        )
    for i, name in enumerate(data.names):
        if np.ptp(data.value[:, i]) == 0:
            raise ValueError(
                f"column {name!r} is constant ({data.value[0, i]:g} in every row): "
                "there is no relation to fit. Leave it out."
            )
    names = predictors(data, response)
    refuse_collinear(data.value[:, [data.index(name) for name in names]], names)


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


def units(data: Measurements, response: str) -> tuple[str, str, str]:
    """Units of the slopes, of the response, and of the predictors where they have one in common."""
    by_name = dict(zip(data.names, data.units or ("",) * len(data.names), strict=True))
    own = by_name.pop(response, "")
    if len(set(by_name.values())) != 1:
        return "", own, ""
    predictor = next(iter(by_name.values()))
    if not predictor:
        return own, own, ""
    return f"{own or '1'} / ({predictor})", own, predictor
