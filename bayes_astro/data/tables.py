"""Named columns of tables, data frames, mappings and files, as arguments of the containers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bayes_astro.data.columns import (
    DataError,
    convert,
    floats,
    refuse,
    split_unit,
)
from bayes_astro.data.errors import is_constant, refuse_sides
from bayes_astro.data.files import read_file, refuse_twins
from bayes_astro.data.missing import absent, say_dropped, some_rows
from bayes_astro.names import nearest

__all__ = ["names_of", "read_columns", "read_measurements", "read_table"]


def read_columns(
    x,
    names: Mapping[str, str],
    text: tuple[str, ...] = ("band",),
    drop_missing: bool = False,
) -> dict[str, Any]:
    """The columns `names[field]` of `x`, by field, with their units.

    `text` are the fields of text; `drop_missing` leaves out rows where one of the columns is missing.
    """
    return read_table(x, names, text, drop_missing)[0]


def read_table(
    x,
    names: Mapping[str, str],
    text: tuple[str, ...] = (),
    drop_missing: bool = False,
    quality: str | None = None,
    quality_bits: int | None = None,
) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """The same, and what the table says of itself, as a FITS header does.

    Rows are left out that have one of the flags `quality_bits` (default: any) in the column `quality`.
    """
    if quality is not None:
        names = {**names, "quality": quality}
    for field, name in names.items():
        if not isinstance(name, str):
            raise DataError(f"{field}: expected the name of a column, got {name!r:.80}")
    wanted = list(dict.fromkeys(names.values()))
    as_text = {names[field] for field in text if field in names}
    if isinstance(x, str | Path):
        x = read_file(Path(x), wanted, as_text)
    known = dict.fromkeys(names_of(x))
    for field, name in names.items():
        if name not in known:
            raise DataError(f"{field}: there is no column {name!r}.{nearest(name, known)}")
    columns = {field: x[name] for field, name in names.items()}
    meta = getattr(x, "meta", None)
    if quality is not None or quality_bits is not None:
        columns = _of_quality(columns, quality, quality_bits)
    if drop_missing is not False:
        columns = _without_missing(columns, names, drop_missing)
    return columns, meta if isinstance(meta, Mapping) else {}


def _of_quality(columns: dict[str, Any], quality: str | None, bits: int | None):
    if quality is None or (bits is not None and (not isinstance(bits, int) or bits < 1)):
        raise DataError(
            "quality, quality_bits: expected the name of a column and a sum of flags such as 128 + 2048, "
            f"got {quality!r:.80} and {bits!r:.80}"
        )
    flags = floats(split_unit(columns.pop("quality"), quality, "")[0], quality)
    bad = ~((flags >= 0) & (flags == np.rint(flags)) & (flags < 2.0**53))
    refuse(bad, flags, quality, "flags are whole numbers >= 0; correct or drop such rows")
    whole = flags.astype(np.int64)
    flagged = (whole if bits is None else whole & bits) != 0
    if flagged.all():
        raise DataError(
            f"{quality}: every row has a flag; choose with quality_bits= those that count"
        )
    shown = "a flag" if bits is None else f"one of the flags {bits}"
    say_dropped(int(flagged.sum()), flagged.size, f"they have {shown} in {quality!r}")
    return some_rows(columns, ~flagged)


def _without_missing(columns: dict[str, Any], names: Mapping[str, str], drop: bool):
    if drop is not True:
        raise DataError(f"drop_missing: {drop!r:.80} must be True or False")
    missing = {field: absent(column) for field, column in columns.items()}
    sizes = {array.shape for array in missing.values()}
    if len(sizes) != 1 or sizes == {()}:
        return columns  # of unequal lengths, which the container refuses
    gone = np.any(list(missing.values()), axis=0)
    if not gone.any():
        return columns
    listed = ", ".join(f"{names[f]} {array.sum()}" for f, array in missing.items() if array.any())
    if gone.all():
        raise DataError(f"every one of the {gone.size} rows has a missing entry ({listed})")
    say_dropped(int(gone.sum()), gone.size, f"entries are missing ({listed})")
    return some_rows(columns, ~gone)


def read_measurements(
    x,
    value: tuple[str, ...],
    error: tuple[Any, ...],
    covariance: Mapping[tuple[str, str], str] | None,
    correlation: Mapping[tuple[str, str], str] | None,
    weight: str | None,
    projection: tuple[tuple[str | None, ...], ...] | None = None,
    drop_missing: bool = False,
    label: str | None = None,
    limits: Mapping[str, Mapping[str, str] | None] | None = None,
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Arguments of `Measurements`, and the units of its columns."""
    if isinstance(value, str) or isinstance(error, str) or len(value) != len(error) or not value:
        raise DataError(
            f"value, error: expected as many names in both, got {value!r} and {error!r}; "
            "give None as the error of a column that is known exactly, a number as that of all rows"
        )
    upper = {}
    for v, e in zip(value, error, strict=True):
        if isinstance(e, tuple | list):
            if len(e) != 2 or not all(isinstance(name, str) for name in e):
                refuse_sides(e, f"error of {v}")
            upper[v] = e[1]
    error = tuple(e[0] if isinstance(e, tuple | list) else e for e in error)
    pairs = {("covariance", *pair): name for pair, name in (covariance or {}).items()}
    pairs |= {("correlation", *pair): name for pair, name in (correlation or {}).items()}
    for _, *pair in pairs:
        for name in pair:
            if name not in value:
                raise DataError(f"{pair}: {name!r} is none of the values.{nearest(name, value)}")
    names = {f"value {name}": name for name in value}
    names |= {f"error of {v}": e for v, e in zip(value, error, strict=True)
              if e is not None and not is_constant(e)}  # fmt: skip
    names |= {f"upper error of {v}": e for v, e in upper.items()}
    names |= {f"{kind} of {j}, {k}": name for (kind, j, k), name in pairs.items()}
    if weight is not None:
        names["weight"] = weight
    if projection is not None:
        names |= _projection_names(projection, value)
    if label is not None:
        names["label"] = label
    flags = _limit_names(limits or {}, value)
    columns = read_columns(x, names | flags, ("label",), drop_missing)

    numbers, units = zip(*(_numbers(columns[f"value {v}"], v) for v in value), strict=True)
    errors = np.zeros((len(numbers[0]), len(value)))
    for j, (v, e) in enumerate(zip(value, error, strict=True)):
        if e is not None:
            constant = is_constant(e)
            array, unit = _constant(e, v) if constant else _numbers(columns[f"error of {v}"], e)
            e = f"error of {v}" if constant else e
            refuse(
                array < 0,
                array,
                e,
                "errors are standard deviations >= 0; correct or drop such rows",
            )
            if unit:
                array = convert(array, unit, units[j], e, error=True)
            errors[:, j] = array if constant else _same_length(array, errors, e)
    stacked = np.stack(
        [_same_length(array, errors, v) for array, v in zip(numbers, value, strict=True)],
        1,
    )
    arrays: dict[str, Any] = {"value": stacked}
    if pairs:
        arrays["covariance"] = _covariance(columns, errors, value, units, pairs)
    else:
        arrays["error"] = errors
    if upper:
        arrays["upper_error"] = errors.copy()
    for v, e in upper.items():
        array, unit = _numbers(columns[f"upper error of {v}"], e)
        if unit:
            array = convert(array, unit, units[value.index(v)], e, error=True)
        arrays["upper_error"][:, value.index(v)] = _same_length(array, errors, e)
    if flags:
        arrays["limit"] = _limits(columns, flags, errors, value)
    if weight is not None:
        arrays["weight"] = columns["weight"]
    if label is not None:
        arrays["label"] = columns["label"]
    if projection is not None:
        arrays["projection"] = np.zeros((len(errors), len(value), len(projection[0])))
        for j, row in enumerate(projection):
            for k, entry in enumerate(row):
                if entry is not None:
                    array = _numbers(columns[f"projection {j}, {k}"], entry)[0]
                    arrays["projection"][:, j, k] = _same_length(array, errors, entry)
    return arrays, units if any(units) else ()


def _limit_names(
    limits: Mapping[str, Mapping[str, str] | None], value: tuple[str, ...]
) -> dict[str, str]:
    """The columns that say which values are limits, by kind and value."""
    found = {}
    for kind, given in limits.items():
        field = "limit" if kind == "limit" else f"{kind}_limit"
        if given is not None and not isinstance(given, Mapping):
            raise DataError(
                f"{field}: expected columns by value, such as {{{value[-1]!r}: 'flag'}}, got {given!r:.80}"
            )
        for name, column in (given or {}).items():
            if name not in value:
                raise DataError(f"{field}: {name!r} is none of the values.{nearest(name, value)}")
            found[f"{field} of {name}"] = column
    return found


def _limits(columns, flags: dict[str, str], errors: np.ndarray, value: tuple[str, ...]):
    """-1, 0 or 1 of every entry."""
    found = np.zeros(errors.shape)
    for field, name in flags.items():
        kind, of = field.split(" of ", 1)
        flag = np.asarray(columns[field])
        number = flag.astype(float) if flag.dtype == bool else floats(columns[field], name)
        array = _same_length(number, errors, name)
        if kind != "limit":
            refuse(~np.isin(array, (0, 1)), array, name, "1 (or true) marks a limit, 0 the rest")
            array = array if kind == "lower_limit" else -array
        j = value.index(of)
        row = np.flatnonzero((found[:, j] != 0) & (array != 0))
        if row.size:
            raise DataError(f"{field}: row {row[0]} is a limit twice; give one column for it")
        found[:, j] += array
    return found


def _projection_names(projection, value: tuple[str, ...]) -> dict[str, str]:
    """The columns of the projection's entries, but for those that are 0."""
    rows = () if isinstance(projection, str) else tuple(projection)
    widths = {0 if isinstance(row, str) else len(row) for row in rows}
    if len(rows) != len(value) or len(widths) != 1 or not widths.pop():
        raise DataError(
            f"projection: expected for each of {', '.join(value)} a tuple of columns, all of the same "
            f"length, None where the entry is 0; got {projection!r}"
        )
    return {
        f"projection {j}, {k}": name
        for j, row in enumerate(rows)
        for k, name in enumerate(row)
        if name is not None
    }


def _numbers(column, name: str) -> tuple[np.ndarray, str]:
    column, unit = split_unit(column, name)
    return floats(column, name), unit or ""


def _constant(error, value: str) -> tuple[np.ndarray, str]:
    error, unit = split_unit(error, f"error of {value}")
    return np.atleast_1d(floats(error, f"error of {value}", (0,))), unit or ""


def _same_length(array: np.ndarray, errors: np.ndarray, name: str) -> np.ndarray:
    if array.size != errors.shape[0]:
        raise DataError(f"{name}: has {array.size} rows, the first column {errors.shape[0]}")
    return array


def _covariance(columns, errors, value, units, pairs) -> np.ndarray:
    n, d = errors.shape
    out = np.zeros((n, d, d))
    out[:, range(d), range(d)] = errors**2
    for (kind, first, second), name in pairs.items():
        j, k = value.index(first), value.index(second)
        array, unit = _numbers(columns[f"{kind} of {first}, {second}"], name)
        array = _same_length(array, errors, name)
        if kind == "correlation":
            if j == k:
                raise DataError(f"{name}: is the correlation of {first} with itself; leave it out")
            refuse(np.abs(array) > 1, array, name, "correlations are between -1 and 1")
            array = array * errors[:, j] * errors[:, k]
        elif unit:
            from astropy import units as u

            target = u.Unit(units[j]) * u.Unit(units[k])
            array = convert(array, unit, target.to_string(), name)
        out[:, j, k] = out[:, k, j] = array
    return out


def names_of(x) -> list[str]:
    """Names of the columns of a table, data frame, mapping or structured array."""
    if hasattr(x, "colnames"):  # astropy
        return list(x.colnames)
    if isinstance(x, Mapping):
        return list(x)
    if isinstance(x, np.ndarray) and x.dtype.names:
        return list(x.dtype.names)
    if hasattr(x, "columns"):  # pandas
        names = [name for name in x.columns if isinstance(name, str)]
        refuse_twins(names, "the data frame")
        return names
    raise DataError(
        f"expected a table with named columns, got {type(x).__name__}; give an astropy Table, a pandas "
        "DataFrame, a mapping of arrays, a structured array or the path of a file"
    )
