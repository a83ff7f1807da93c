"""Columns beside a light curve that its values may depend on, such as airmass."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from bayes_astro.data.columns import LARGEST, DataError, floats, refuse

__all__ = ["apart", "joined", "listed", "read"]

PREFIX = "regressor_"
NAME = re.compile(r"[A-Za-z_]\w*")


def read(given: Any, n: int, order: np.ndarray) -> dict[str, np.ndarray] | None:
    """Checked copies by name, in the order of the light curve's rows; None where there are none."""
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise DataError(
            f"regressors: expected columns by name, as {{'airmass': [...]}}, got {type(given).__name__}"
        )
    found = {}
    for name, column in given.items():
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise DataError(
                f"regressors: {name!r:.80} is no name; take letters, digits and underscores"
            )
        label = f"regressors[{name!r}]"
        array = floats(getattr(column, "value", column), label)
        if array.size != n:
            raise DataError(
                f"{label}: has {array.size} entries for {n} rows; give one entry for each row"
            )
        refuse(~np.isfinite(array), array, label, "drop such rows, or leave the column out")
        refuse(np.abs(array) > LARGEST, array, label, "its square overflows; choose another unit")
        array = array[order]
        array.flags.writeable = False
        found[name] = array
    return found or None


def listed(names: Any) -> dict[str, str]:
    """Columns of a table by the names that they have as arrays."""
    if isinstance(names, str):
        raise DataError(f"regressors: give a list of columns, as [{names!r}]")
    return {f"{PREFIX}{name}": name for name in names}


def apart(columns: Mapping[str, np.ndarray] | None) -> dict[str, np.ndarray]:
    """As arrays of a container, with names of their own."""
    return {PREFIX + name: array for name, array in (columns or {}).items()}


def joined(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse, among the other arrays of a container."""
    own = {name: array for name, array in arrays.items() if name.startswith(PREFIX)}
    if not own:
        return dict(arrays)
    rest: dict[str, Any] = {name: array for name, array in arrays.items() if name not in own}
    return rest | {"regressors": {name[len(PREFIX) :]: own[name] for name in own}}
