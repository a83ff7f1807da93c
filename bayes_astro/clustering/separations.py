"""Bins of separation and the covariance of estimates in them, checked."""

from typing import Any

import numpy as np

from bayes_astro.data.columns import DataError, convert, floats, refuse, split_unit, unit_name

__all__ = ["KINDS", "cells_of", "check_bins", "covariance_of", "separation_unit", "separations"]

KINDS = {"line": 1, "plane": 2, "angular": 2, "space": 3}
"""Dimensions in which pairs are counted."""
IN_CELL = 10  # objects to be expected in a cell of those by which a footprint is judged


def cells_of(objects: int) -> int:
    """Into how many cells of equal numbers of random points the field is divided to judge it."""
    return int(np.clip(objects // IN_CELL, 10, 1000))


def separation_unit(kind: str, unit: str, lower: Any) -> str:
    wanted = unit_name(unit, "unit") or split_unit(lower, "lower")[1] or ""
    if kind != "angular":
        return wanted
    if wanted not in ("", "deg"):
        if not unit:
            return "deg"  # a Quantity, converted
        raise DataError(f"unit: separations of angles are in deg, got {wanted!r}")
    return "deg"


def separations(x: Any, unit: str, field: str) -> np.ndarray:
    values, own = split_unit(x, field)
    array = floats(values, field)
    array = convert(array, own, unit, field) if own else array
    refuse(~((array > 0) & (array < np.inf)), array, field,
           "separations are > 0: a power law has no value at zero, leave that bin out")  # fmt: skip
    return array


def check_bins(lower: np.ndarray, upper: np.ndarray) -> None:
    refuse(~(upper > lower), upper, "upper", "it must be above lower of the same row")
    late = np.zeros(len(lower), dtype=bool)
    late[1:] = lower[1:] < upper[:-1] * (1 - 1e-9)
    refuse(
        late, lower, "lower", "bins must be in the order of separation and not overlap: sort them"
    )


def covariance_of(given: Any, n: int) -> np.ndarray:
    array = floats(given, "covariance", (1, 2))
    if array.ndim == 1 and array.shape == (n,):
        refuse(
            ~((array > 0) & (array < np.inf)), array, "covariance", "standard deviations are > 0"
        )
        return np.diag(array**2)
    if array.shape != (n, n):
        raise DataError(f"covariance: has shape {array.shape}; expected ({n}, {n}) or ({n},)")
    if not np.isfinite(array).all() or not np.allclose(array, array.T, rtol=1e-8, atol=0):
        raise DataError("covariance: must be finite and symmetric")
    array = 0.5 * (array + array.T)
    scale = np.sqrt(np.abs(np.diag(array)))
    good = bool((np.diag(array) > 0).all())
    if not good or np.linalg.eigvalsh(array / np.outer(scale, scale))[0] < 1e-10:
        raise DataError(
            "covariance: is not positive definite; bins that say the same must be merged, and of a "
            "jackknife there must be more patches than bins"
        )
    return array
