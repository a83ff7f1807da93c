"""Predictors and response: what a relation reads from a table, and what it predicts at."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.data import Measurements
from bayes_astro.data.columns import refuse_collinear
from bayes_astro.regression.rows import (
    MISSING,
    Rows,
    laid_out,
    ordered,
    predictors,
    refuse_many,
)

__all__ = [
    "censored",
    "check",
    "check_rows",
    "check_selected",
    "checked_joint",
    "moments",
    "new_predictors",
    "new_responses",
    "new_rows",
    "units",
    "values_at",
]


def check(data: Measurements, response: str) -> None:
    """Raise ValueError for data that leave a line undetermined, or are more than complete rows."""
    check_rows(data, response)
    if data.weight is not None:
        raise ValueError(
            "LeastSquaresLine takes no weights: give Measurements without them. (An error bar says how "
            "well a point is known; a weight is not an error.)"
        )
    missing = np.isnan(data.value)
    if missing.any():
        row, where = np.argwhere(missing)[0]
        raise ValueError(
            f"column {data.names[where]!r}, row {row}: missing value ({missing.any(1).sum()} "
            "rows in all). Drop them: data[~data.missing.any(axis=1)]; ba.LinearRelation takes them."
        )


def check_rows(data: Measurements, response: str) -> None:
    """Raise ValueError for data that leave a line undetermined."""
    data.index(response)
    if data.value.shape[1] < 2:
        raise ValueError(
            f"LinearRelation needs a predictor beside {response!r}; this table has none."
        )
    if data.projection is not None:
        raise ValueError("LinearRelation takes no projections: give Measurements without them.")
    nothing = data.missing.all(axis=1)
    if nothing.any():
        raise ValueError(
            f"row {np.argmax(nothing)}: nothing was measured ({nothing.sum()} such rows). Drop them: "
            "data[~data.missing.all(axis=1)]."
        )
    refuse_many(data)
    complete = ~(data.missing | data.limited).any(axis=1)
    few = f"{len(data)} rows" if complete.all() else f"{complete.sum()} rows without gaps or limits"
    if complete.sum() < data.value.shape[1] + 1:
        raise ValueError(
            f"{few} are too few for {data.value.shape[1] - 1} slopes and an "
            f"intercept: at least {data.value.shape[1] + 1} are needed."
        )
    for i, name in enumerate(data.names):
        measured = data.value[~data.missing[:, i], i]
        if np.ptp(measured) == 0:
            raise ValueError(
                f"column {name!r} is constant ({measured[0]:g} in every row): "
                "there is no relation to fit. Leave it out."
            )
    names = predictors(data, response)
    refuse_collinear(data.value[complete][:, [data.index(name) for name in names]], names)


def checked_joint(model: Any, data: Measurements) -> Measurements:
    """The table; ValueError for errors shared by points in what is not one Gaussian of all of them."""
    if not data.point_covariance:
        return data
    reasons = {
        "outliers=True": model.outliers,
        "robust=True": model.robust,
        f"n_components={model.n_components}": model.n_components > 1,
        "a selection": model.selection is not None,
        "limits": data.limit is not None,
        "weights": data.weight is not None,
        "errors that differ by side": data.upper_error is not None,
    }
    for name, there in reasons.items():
        if there:
            raise ValueError(
                f"point_covariance: {name} is of points that are independent, and a covariance of all of "
                "them is not. Leave one of the two out."
            )
    return data


def check_selected(data: Measurements, response: str, selection: Any) -> None:
    """Raise ValueError for rows that a selection cannot have let through."""
    if data.upper_error is not None:
        raise ValueError(
            "selection: not beside errors that differ by side (upper_error). Give one standard deviation each."
        )
    column = data.index(response)
    gone = data.missing[:, column] | data.limited[:, column]
    if gone.any():
        raise ValueError(
            f"column {response!r}, row {np.argmax(gone)}: missing, or a limit ({gone.sum()} rows), but "
            "the selection is of observed responses. Drop such rows, or describe what was not seen by "
            "limits alone, with selection=None."
        )
    y = data.value[:, column]
    out = selection.chance(y) <= 0
    if out.any():
        row = int(np.argmax(out))
        raise ValueError(
            f"column {response!r}, row {row}: {y[row]:g} is outside of the selection ({out.sum()} rows). "
            "Drop such rows, correct lower and upper, or give the bounds a width."
        )


def censored(design: Measurements, response: str, rows: Rows, observed: np.ndarray) -> Measurements:
    """A table like `design` with new values (n, d), the response last, beyond limits or not."""
    order = [*(design.index(name) for name in predictors(design, response)), design.index(response)]
    value, limit = np.full(observed.shape, np.nan), np.zeros(observed.shape)
    covariance = np.array(design.covariance)
    bound = np.abs(rows.kind) == 1
    beyond = bound & (rows.kind * (observed - rows.value) > 0)
    value[:, order] = np.where(rows.kind == MISSING, np.nan, np.where(beyond, rows.value, observed))
    limit[:, order] = np.where(beyond, rows.kind, 0)
    if design.limit is not None and design.limit_of == "true":
        # A true value that is not beyond its limit is seen as it is, without an error.
        seen = np.zeros(observed.shape, dtype=bool)
        seen[:, order] = bound & ~beyond
        covariance[seen[:, :, None] | seen[:, None, :]] = 0.0
    upper = design.upper_error
    if upper is not None:
        upper = np.where(np.diagonal(covariance, axis1=1, axis2=2) > 0, upper, 0.0)
    return design.replace(value=value, covariance=covariance, limit=limit, upper_error=upper)


def new_responses(data: Measurements, response: str, at: Any) -> Rows:
    """Responses known exactly with nothing else, or rows of a table."""
    if isinstance(at, Measurements):
        return new_rows(data, response, at)
    units = dict(zip(data.names, data.units or (), strict=False))
    if hasattr(at, "unit"):
        try:
            at = at.to_value(units.get(response, ""))
        except Exception as error:
            raise ValueError(
                f"at: {at.unit} cannot be converted to the unit of {response!r}."
            ) from error
    try:
        y = np.atleast_1d(np.asarray(at, dtype=float))
    except (TypeError, ValueError):
        y = np.full(1, np.nan)
    if y.ndim != 1 or not np.isfinite(y).all():
        raise ValueError(
            f"at must be finite responses ({response}), or Measurements, got {at!r:.80}."
        )
    value = np.column_stack([np.zeros((len(y), data.d - 1)), y])
    kind = np.full(value.shape, MISSING, dtype=np.int64)
    kind[:, -1] = 0
    return Rows(value, np.zeros((*value.shape, data.d)), kind, np.ones(len(y)))


def moments(data: Measurements, response: str) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Mean and spread of what was measured of the predictors, (p,) each, and of the response.

    Limits count as if they had been measured, where fewer than three values were.
    """
    x, y, _ = ordered(data, response)
    limited = data.limited[:, [*(data.index(n) for n in predictors(data, response))]]
    columns = []
    both = [(x[:, j], limited[:, j]) for j in range(x.shape[1])]
    both.append((y, data.limited[:, data.index(response)]))
    for column, bound in both:
        measured = column[~np.isnan(column) & ~bound]
        if len(measured) < 3 or np.ptp(measured) == 0:
            measured = column[~np.isnan(column)]
        columns.append((float(np.mean(measured)), float(np.std(measured))))
    middle, width = (np.array(one) for one in zip(*columns, strict=True))
    return middle[:-1], width[:-1], float(middle[-1]), float(width[-1])


def new_predictors(data: Measurements, response: str, at: Any) -> tuple[np.ndarray, np.ndarray]:
    """Predictors (m, p) of complete rows, and the covariance of their and the response's errors."""
    rows = new_rows(data, response, at)
    gone = (rows.kind[:, :-1] != 0).any(axis=1)
    if gone.any():
        raise ValueError(f"at: row {np.argmax(gone)} misses a predictor; drop that row.")
    return rows.x, rows.covariance


def new_rows(data: Measurements, response: str, at: Any) -> Rows:
    """New predictors, and the covariance of their errors and of the response's.

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
        return laid_out(at, response)
    x = values_at(data, names, at)
    if not np.isfinite(x).all():
        raise ValueError(
            f"at must hold finite values of shape (m, {len(names)}): one column for each of "
            f"{', '.join(names)}; got shape {np.shape(at)}."
        )
    value = np.column_stack([x, np.zeros(len(x))])
    kind = np.zeros(value.shape, dtype=np.int64)
    kind[:, -1] = MISSING
    return Rows(value, np.zeros((*value.shape, value.shape[1])), kind, np.ones(len(x)))


def values_at(data: Measurements, names: list[str], at: Any) -> np.ndarray:
    """New predictors (m, p) from an array or a Quantity in any unit that fits; of another shape refused."""
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
            f"at must be predictors ({', '.join(names)}) or Measurements, got {at!r:.80}."
        ) from None
    x = x.reshape(-1, 1) if x.ndim < 2 and len(names) == 1 else np.atleast_2d(x)
    if x.ndim != 2 or x.shape[1] != len(names):
        raise ValueError(
            f"at must hold finite values of shape (m, {len(names)}): one column for each of "
            f"{', '.join(names)}; got shape {np.shape(at)}."
        )
    return x


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
