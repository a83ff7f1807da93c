"""Numbers out of whatever was handed in, by types alone: nothing is run that need not end."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

__all__ = ["MOST", "Unreadable", "floats"]

MOST = 10_000_000  # values; more would only cost memory
DEEPEST = 8


class Unreadable(ValueError):
    """Why something holds no numbers."""


def floats(value: Any, unit: str = "") -> np.ndarray:
    """The array of floats that a number, array, list or Quantity holds, in this unit.

    A list's items are looked at one by one, and of other objects only ``__array__`` and
    ``__float__`` are called: NumPy by itself would also follow a ``__len__`` and ``__getitem__``
    that never end, read text as numbers, and drop masks and imaginary parts.

    Raises
    ------
    Unreadable
        Saying what it holds instead.

    Examples
    --------
    >>> floats([33.6, 0.2])
    array([33.6,  0.2])
    """
    return _floats(value, unit, 0)


def _floats(value: Any, unit: str, depth: int) -> np.ndarray:
    kind = type(value)
    if depth > DEEPEST:
        raise Unreadable(f"lists nested deeper than {DEEPEST} hold no numbers")
    if kind is float or kind is int:
        return np.asarray(float(value))
    if issubclass(kind, list | tuple):
        return _items(value, unit, depth)
    if "astropy.units" in sys.modules and issubclass(kind, sys.modules["astropy.units"].Quantity):
        _limited(value)
        return _of_array(value.to_value(unit))
    if issubclass(kind, np.ndarray | np.generic):
        return _of_array(value)
    if hasattr(kind, "__array__"):
        made = value.__array__()
        if not isinstance(made, np.ndarray):
            raise Unreadable(f"the __array__ of {kind.__name__} gives no array")
        return _of_array(made)
    if hasattr(kind, "__float__"):
        return np.asarray(float(value))
    raise Unreadable(f"{kind.__name__} holds no numbers")


def _items(value: list[Any] | tuple[Any, ...], unit: str, depth: int) -> np.ndarray:
    # By slots, not by the methods of a subclass.
    base: Any = list if issubclass(type(value), list) else tuple
    _limit(base.__len__(value))
    items = list(base.__iter__(value))
    if all(type(item) is float for item in items):
        return np.array(items, dtype=float)
    arrays = [_floats(item, unit, depth + 1) for item in items]
    if len({array.shape for array in arrays}) > 1:
        raise Unreadable("its parts differ in shape")
    _limit(sum(array.size for array in arrays))
    return np.array(arrays, dtype=float)


def _of_array(array: Any) -> np.ndarray:
    """Real numbers, none of them masked."""
    _limited(array)
    if array.dtype.kind not in "fiub":
        raise Unreadable(f"an array of {array.dtype} holds no real numbers")
    if np.ma.is_masked(array):
        raise Unreadable(f"{np.ma.count_masked(array)} values are masked; leave them out")
    return np.asarray(array, dtype=float)


def _limited(array: Any) -> None:
    _limit(array.size)


def _limit(size: int) -> None:
    if size > MOST:
        raise Unreadable(f"{size} values are more than {MOST}; a part of the draws is enough")
