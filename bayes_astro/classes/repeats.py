"""Rows that are there twice: in one table, or in the training set and among those that are scored."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from bayes_astro.data import DataWarning, Photometry

__all__ = ["copies", "shared", "warn_of_repeats"]


def _rows(data: Any) -> list[bytes]:
    """What was measured of each row, as bytes."""
    value = data.flux if isinstance(data, Photometry) else data.value
    block = np.ascontiguousarray(np.where(np.isnan(value), np.inf, value) + 0.0)
    return [row.tobytes() for row in block]


def copies(data: Any) -> np.ndarray:
    """Which rows are copies of an earlier one: (n,)."""
    seen: set[bytes] = set()
    found = np.zeros(len(data), dtype=bool)
    for i, row in enumerate(_rows(data)):
        found[i] = row in seen
        seen.add(row)
    return found & ~data.missing.all(axis=1)


def shared(data: Any, trained: Any) -> np.ndarray:
    """Which rows are among those that trained: (n,)."""
    known = set(_rows(trained))
    return np.array([row in known for row in _rows(data)]) & ~data.missing.all(axis=1)


def warn_of_repeats(data: Any, trained: Any) -> None:
    """Say how many of the rows that are scored have trained, but where all have."""
    if data is trained or (data.shape == trained.shape and data == trained):
        return
    again = shared(data, trained)
    if again.any():
        warnings.warn(
            f"{int(again.sum())} of {len(data)} rows are also in the training set, the first is row "
            f"{int(np.argmax(again))}: scores of them flatter. Leave them out.",
            DataWarning,
            stacklevel=4,
        )
