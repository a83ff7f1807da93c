"""Rows with missing entries, left out where the caller asks for it, and counted aloud."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["DataWarning", "absent", "say", "say_dropped", "some_rows"]

PACKAGE = str(Path(__file__).parent.parent)


class DataWarning(UserWarning):
    """Data that were changed as asked, or that look wrong: the message says what and how much."""


def absent(column: Any) -> np.ndarray:
    """Which rows of a column are missing: nan, masked, None or pandas' NA; () of what has no rows."""
    if hasattr(column, "isna"):
        return np.asarray(column.isna())
    mask = getattr(column, "mask", None)  # NumPy's, astropy's columns, Masked and Time
    plain = getattr(column, "unmasked", column)
    if hasattr(plain, "jd1"):
        plain = plain.jd1
    array = np.asarray(getattr(plain, "value", plain))
    if array.dtype.kind == "f":
        missing = np.isnan(array)
    elif array.dtype.kind == "O":
        missing = np.vectorize(_is_absent, otypes=[bool])(array)
    else:
        missing = np.zeros(array.shape, dtype=bool)
    if mask is not None and np.shape(mask) in (missing.shape, ()):
        missing = missing | np.asarray(mask)
    return missing.any(axis=tuple(range(1, missing.ndim))) if missing.ndim > 1 else missing


def _is_absent(entry: Any) -> bool:
    nan = isinstance(entry, float | np.floating) and np.isnan(entry)
    return entry is None or nan or type(entry).__name__ == "NAType"


def some_rows(columns: dict[str, Any], keep: np.ndarray) -> dict[str, Any]:
    """Those rows of columns of any kind; columns of another length stay, to be refused."""
    out = {}
    for field, column in columns.items():
        if isinstance(column, list | tuple):
            column = np.asarray(column, dtype=object)
        out[field] = column[keep] if len(column) == len(keep) else column
    return out


def say_dropped(dropped: int, total: int, why: str) -> None:
    """Warn of rows that are left out."""
    if dropped:
        say(f"{dropped} of {total} rows were dropped: {why}")


def say(text: str) -> None:
    """Warn at the line that called the library."""
    warnings.warn(text, DataWarning, skip_file_prefixes=(PACKAGE,))
