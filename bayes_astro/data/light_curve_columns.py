"""Columns of a light curve: from what users give to arrays in one unit, checked."""

from typing import Any

import numpy as np

from bayes_astro.data.columns import (
    LARGEST,
    DataError,
    convert,
    floats,
    refuse,
    refuse_repeats,
    split_unit,
    unit_name,
)
from bayes_astro.data.epochs import counted
from bayes_astro.data.errors import errors

__all__ = ["check", "times_of", "values_of"]


def times_of(lc: Any) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The times as given to a light curve, in one unit of time, with what they are counted in."""
    time, unit, wanted, label = counted(lc.time, lc.time_unit, lc.time_format)
    labels = {"time_scale": lc.time_scale, "time_format": label}
    if unit is None:
        time, unit = split_unit(time, "time", wanted)
    if hasattr(time, "jd1"):  # astropy's Time and TimeDelta
        absolute, scale, unit = hasattr(time, "mjd"), time.scale or "", "d"
        for given, own, field in (
            (lc.time_scale, scale, "time_scale"),
            (label, "mjd" if absolute else "", "time_format"),
        ):
            if given and given != own:
                raise DataError(
                    f"{field}: {given!r} was asked for, the Time given is stored as {own!r}; "
                    "convert it first, or give plain numbers"
                )
            labels[field] = own
        time = time.mjd if absolute else time.jd
    array = floats(time, "time")
    if unit is not None:
        unit = unit_name(unit, "time", time=True)
    wanted = unit_name(wanted or unit or "d", "time_unit", time=True)
    array = convert(array, unit or wanted, wanted, "time")
    return {"time": array}, labels | {"time_unit": wanted}


def values_of(lc: Any) -> tuple[dict[str, np.ndarray], dict[str, str | None]]:
    """Values and errors as given to a light curve, in the unit of the values."""
    value, unit = split_unit(lc.value, "value", lc.value_unit)
    error, error_unit = split_unit(lc.error, "error", lc.value_unit)
    if hasattr(value, "jd1") or hasattr(error, "jd1"):
        raise DataError("value: is a time; give a measured quantity with its error")
    wanted = unit if lc.value_unit is None else unit_name(lc.value_unit, "value_unit")
    if error_unit is not None and wanted is None:
        raise DataError(f"error: is in {error_unit!r}, value has no unit; give value_unit=")
    value = floats(value, "value")
    error = errors(error, value.shape)
    if unit is not None:
        value = convert(value, unit, wanted, "value")
    if error_unit is not None or unit is not None:
        error = convert(
            error,
            unit if error_unit is None else error_unit,
            wanted,
            "error",
            error=True,
        )
    return {"value": value, "error": error}, {"value_unit": wanted or None}


def check(columns: dict[str, np.ndarray]) -> None:
    """Raise DataError for columns that are no light curve, naming row and remedy."""
    lengths = {field: array.size for field, array in columns.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{field} {n}" for field, n in lengths.items())
        raise DataError(
            f"the columns have different lengths: {listed}; give one entry for each row"
        )
    if not lengths["time"]:
        raise DataError("time, value, error: are empty; give at least one row")
    for field in ("time", "value", "error"):
        array = columns[field]
        remedy = (
            "drop such rows: LightCurve.read(..., drop_missing=True) leaves out what is missing, "
            f"keep = numpy.isfinite({field}) says which"
        )
        refuse(~np.isfinite(array), array, field, remedy)
        refuse(
            np.abs(array) > LARGEST,
            array,
            field,
            "its square overflows; choose another unit",
        )
    error = columns["error"]
    refuse(
        error <= 0,
        error,
        "error",
        "errors are standard deviations > 0: correct or drop such rows",
    )
    refuse(
        error < 1 / LARGEST,
        error,
        "error",
        "its inverse square overflows; choose another unit",
    )
    refuse_repeats(columns)
