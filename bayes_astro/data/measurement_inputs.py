"""The arguments of a table of measurements, checked."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayes_astro.data.columns import LARGEST, DataError, floats, refuse
from bayes_astro.data.errors import errors
from bayes_astro.names import nearest

__all__ = [
    "limits",
    "matrix",
    "point_covariances",
    "projections",
    "refuse_columns",
    "refuse_extremes",
    "upper_errors",
    "weights",
]

ROUNDING = 1e-12
ASYMMETRY, NEGATIVE, SMALL = (
    1e-8,
    1e-10,
    500,
)  # of a matrix of all points, in parts of its largest entry


def refuse_columns(value: Any) -> None:
    """A few long arrays in a list are columns, where rows are asked for."""
    parts = value if isinstance(value, tuple | list) else ()
    rows = all(isinstance(part, np.ndarray) and part.ndim == 1 for part in parts)
    if rows and 1 < len(parts) < len(parts[0]):
        raise DataError(
            f"value: {len(parts)} arrays of {len(parts[0])} numbers look like columns, and one row "
            "an object is asked for: np.column_stack([...]); np.array([...]) if they are rows"
        )


def refuse_extremes(value: np.ndarray, names: tuple[str, ...]) -> None:
    """Values that are infinite, or whose squares are."""
    for j, column in enumerate(names):
        number = value[:, j]
        remedy = "drop such rows, or use nan for what was not measured"
        refuse(np.isinf(number), number, column, remedy)
        too_large = np.abs(number) > LARGEST
        refuse(too_large, number, column, "its square overflows; choose another unit")


def upper_errors(
    given: Any, value: np.ndarray, covariance: np.ndarray, names: tuple[str, ...]
) -> np.ndarray | None:
    """Errors above of every entry, (n, d), those below where they are the same; None where all are."""
    if given is None:
        return None
    below = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    if isinstance(given, Mapping):
        array = below.copy()
        for name, column in given.items():
            if name not in names:
                raise DataError(f"upper_error: column {name!r} is not there.{nearest(name, names)}")
            array[:, names.index(name)] = errors(column, value.shape[:1], f"upper_error of {name}")
    else:
        array = errors(given, value.shape, "upper_error")
    array = np.where(np.isnan(value), np.nan, array)
    missing, differ = np.isnan(value), False
    for j, name in enumerate(names):
        own, field = array[:, j], f"upper_error of {name}"
        bad = ~(np.isfinite(own) & (own >= 0) & (own <= LARGEST)) & ~missing[:, j]
        refuse(bad, own, field, "give a standard deviation >= 0, without a sign")
        other = (np.abs(own - below[:, j]) > ROUNDING * below[:, j]) & ~missing[:, j]
        differ = differ or bool(other.any())
        half = other & ((own == 0) | (below[:, j] == 0))
        refuse(half, own, field, "an error of zero on one side alone is no distribution")
        across = np.delete(covariance[:, j], j, axis=1)
        bound = other & np.any(np.nan_to_num(across) != 0, axis=1)
        refuse(bound, own, field, "errors of two sides have no covariance with other columns")
    return array if differ else None


def matrix(x, column: str) -> np.ndarray:
    array = floats(x, column, (1, 2))
    array = array[:, None] if array.ndim == 1 else array
    if not array.size:
        raise DataError(
            f"{column}: is empty, shape {array.shape}; give at least one row and column"
        )
    return array


def projections(projection, n: int, d: int) -> np.ndarray | None:
    if projection is None:
        return None
    projection = floats(projection, "projection", (3,))
    if projection.shape[:2] != (n, d) or not projection.shape[2]:
        raise DataError(f"projection: has shape {projection.shape}; expected ({n}, {d}, k)")
    row = np.flatnonzero(~(np.abs(projection) <= LARGEST).all(axis=(1, 2)))
    if row.size:
        raise DataError(f"projection: row {row[0]} holds a number that is not finite; correct it")
    return projection


def weights(weight, n: int) -> np.ndarray | None:
    if weight is None:
        return None
    weight = floats(weight, "weight")
    if weight.shape != (n,):
        raise DataError(f"weight: has shape {weight.shape}; expected ({n},)")
    bad = ~((weight > 0) & (weight <= LARGEST))
    refuse(
        bad,
        weight,
        "weight",
        "weights are finite and > 0: drop rows that should not count",
    )
    return weight


def limits(
    limit: Any, value: np.ndarray, error: np.ndarray, names: tuple[str, ...], of: str
) -> np.ndarray | None:
    """-1, 0 or 1 of every entry, (n, d) whole numbers; None where nothing is a limit.

    `limit` has the shape of the values, or maps columns to arrays (n,).
    """
    if of not in ("observed", "true"):
        raise DataError(
            f"limit_of: {of!r:.40} must be 'observed' (the value with its error would have been beyond "
            "the limit) or 'true' (the value itself is)"
        )
    if limit is None:
        return None
    if isinstance(limit, Mapping):
        array = np.zeros(value.shape)
        for name, column in limit.items():
            if name not in names:
                raise DataError(f"limit: column {name!r} is not there.{nearest(name, names)}")
            column = floats(column, f"limit of {name}")
            if column.shape != value.shape[:1]:
                raise DataError(
                    f"limit of {name}: has shape {column.shape}; expected {value.shape[:1]}"
                )
            array[:, names.index(name)] = column
    else:
        array = floats(limit, "limit", (1, 2))
        if array.shape == value.shape[:1] and value.shape[1] == 1:
            array = array[:, None]
        if array.shape != value.shape:
            raise DataError(
                f"limit: has shape {array.shape}; expected {value.shape} as the values, or columns by "
                "name: limit={'y': [0, -1, ...]}"
            )
    for j, name in enumerate(names):
        column = array[:, j]
        refuse(
            ~np.isin(column, (-1.0, 0.0, 1.0)),
            column,
            f"limit of {name}",
            "-1 says that the value is an upper limit, 1 a lower one, 0 that it was measured",
        )
        bad = (column != 0) & np.isnan(value[:, j])
        refuse(bad, column, f"limit of {name}", "its value, the limit itself, is missing")
        bad = (column != 0) & (error[:, j] == 0) & (of == "observed")
        refuse(
            bad,
            error[:, j],
            f"error of {name}",
            "a limit of what would have been observed needs the error that the measurement would have "
            "had; limit_of='true' where the limit is of the true value",
        )
    return array.astype(np.int8) if array.any() else None


def point_covariances(
    given: Any, n: int, names: tuple[str, ...], missing: np.ndarray
) -> dict[str, np.ndarray] | None:
    """Covariances (n, n) of the errors of all points, by column; read-only."""
    if given is None or (isinstance(given, Mapping) and not given):
        return None
    if not isinstance(given, Mapping):
        raise DataError(
            "point_covariance: expected matrices by column, such as {'mu': matrix}, got "
            f"{type(given).__name__}"
        )
    found = {}
    for name, matrix in given.items():
        field = f"point_covariance of {name}"
        if name not in names:
            raise DataError(
                f"point_covariance: column {name!r} is not there.{nearest(name, names)}"
            )
        array = np.array(floats(matrix, field, (2,)))
        if array.shape != (n, n):
            raise DataError(f"{field}: has shape {array.shape}; expected ({n}, {n}), a row a point")
        if missing[:, names.index(name)].any():
            row = int(np.argmax(missing[:, names.index(name)]))
            raise DataError(f"{field}: the value of row {row} is missing; leave that row out")
        if not np.isfinite(array).all():
            row, column = map(int, np.argwhere(~np.isfinite(array))[0])
            raise DataError(f"{field}: row {row}, column {column} is not finite; correct it")
        scale = np.abs(array).max()
        difference = np.abs(array - array.T)
        if difference.max() > ASYMMETRY * scale:
            row, column = divmod(int(np.argmax(difference)), n)
            raise DataError(
                f"{field}: is not symmetric: {array[row, column]:.8g} in row {row}, column {column}, "
                f"and {array[column, row]:.8g}; use (c + c.T) / 2"
            )
        array = (array + array.T) / 2
        smallest = float(np.linalg.eigvalsh(array)[0]) if n <= SMALL else _smallest(array)
        if smallest < -NEGATIVE * max(scale, np.trace(array)):
            raise DataError(
                f"{field}: is not positive semi-definite (smallest eigenvalue {smallest:.3g}); were "
                "errors given in place of variances, or rows in another order?"
            )
        array.flags.writeable = False
        found[name] = array
    return found


def _smallest(array: np.ndarray) -> float:
    """Zero where a Cholesky factor with a little on its diagonal exists, else the lowest eigenvalue."""
    lift = NEGATIVE * max(np.abs(array).max(), np.trace(array))
    try:
        np.linalg.cholesky(array + lift * np.eye(len(array)))
    except np.linalg.LinAlgError:
        return float(np.linalg.eigvalsh(array)[0])
    return 0.0
