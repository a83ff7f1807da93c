"""Quantities as files hold them: numbers and the name of a unit, which are not trusted."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.names import is_absurd_unit

__all__ = ["numeric", "quantity", "quantity_to_dict", "short"]


def quantity(value: Any, unit: Any) -> Any:
    """An astropy Quantity from plain numbers and the name of a unit, as files hold them."""
    from astropy import units

    if not isinstance(unit, str) or len(unit) > 80 or is_absurd_unit(unit):
        raise ValueError(f"{unit!r:.80} is not a unit.")
    if not numeric(value):
        raise ValueError(f"{value!r:.80} is not a number or a list of numbers.")
    try:
        return units.Quantity(np.asarray(value, dtype=float), unit, subok=True)
    except Exception:  # astropy raises anything, as for "m**(1/0)"
        raise ValueError(f"{unit!r:.80} is not a unit that astropy knows.") from None


def quantity_to_dict(value: Any) -> dict[str, Any]:
    """A Quantity as files hold it."""
    return {"value": np.asarray(value.value).tolist(), "unit": str(value.unit)}


def short(value: Any) -> str:
    """A value for an error message."""
    try:
        return f"{value!r:.80}"
    except ValueError:  # Python does not print integers of thousands of digits
        return "a number of thousands of digits"


def numeric(value: Any) -> bool:
    """Whether `value` holds numbers, neither text nor truth values."""
    if isinstance(value, list | tuple):
        return all(map(numeric, value))
    array = np.asarray(value)
    return array.dtype.kind in "iuf" or (array.dtype.kind == "O" and isinstance(value, int))
