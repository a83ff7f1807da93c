"""From whatever the caller has to plain float64 columns, or an error that says where and what to do."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from numbers import Real

import numpy as np

from bayes_astro.names import is_absurd_unit

__all__ = [
    "DataError",
    "check_labels",
    "column_names",
    "column_units",
    "convert",
    "floats",
    "refuse",
    "refuse_collinear",
    "refuse_repeats",
    "split_unit",
    "texts",
    "unit_name",
]

# Squares of larger numbers, and inverse squares of smaller errors, overflow in every likelihood.
LARGEST = 1e150
SAME = 1e-12  # of a range, from where rows are different
COLLINEAR = 1e-10  # smallest eigenvalue of a covariance of scaled columns that rounding may leave
FAR = 1e3  # half widths of the central 68%

# Known without importing astropy, which would cost more than everything else here.
COMMON_UNITS = frozenset(("d", "s", "h", "min", "yr", "mag", "mmag", "m/s", "km/s"))
TIME_UNITS = frozenset(("d", "s", "h", "min", "yr"))
SHORT = {"m / s": "m/s", "km / s": "km/s", "day": "d"} | {
    # As archives write them, against the standards of units.
    "days": "d",
    "mags": "mag",
    "magnitude": "mag",
    "e-": "electron",
    "electrons": "electron",
    **dict.fromkeys(("e-/s", "e- / s", "e-/sec", "e- s-1", "electrons/s"), "electron / s"),
}

NOT_NUMBERS = {
    "b": "is true or false",
    "c": "is complex",
    "m": "is a duration without a unit; divide it by numpy.timedelta64(1, 's')",
    "M": "is a date; give astropy.time.Time(...) or days",
}


class DataError(ValueError):
    """Data that cannot be used: the message names the column, the row and the remedy."""


def refuse(bad: np.ndarray, array: np.ndarray, column: str, remedy: str) -> None:
    """Raise for the first row of the 1-d `array` that is `bad`."""
    rows = np.flatnonzero(bad)
    if rows.size:
        value = array[rows[0]].item()
        more = f" ({rows.size} such rows in all)" if rows.size > 1 else ""
        shown = "nan or masked" if np.isnan(value) else repr(value)
        raise DataError(f"{column}: row {rows[0]} is {shown}{more}; {remedy}")


def refuse_repeats(columns: dict[str, np.ndarray]) -> None:
    """Raise if two rows are equal in all columns, to 1e-12 of their ranges."""
    keys = [_steps(values) for values in columns.values()]
    order = np.lexsort(keys[::-1])
    same = np.all([key[order[1:]] == key[order[:-1]] for key in keys], axis=0)
    if same.any():
        first = np.flatnonzero(same)[0]
        rows = sorted(order[first : first + 2].tolist())
        more = f" ({same.sum()} repeats in all)" if same.sum() > 1 else ""
        raise DataError(
            f"{', '.join(columns)}: rows {rows[0]} and {rows[1]} are equal{more}; a repeat adds no "
            "information: drop it, e.g. with pandas.DataFrame.drop_duplicates"
        )


def _steps(values: np.ndarray) -> np.ndarray:
    """Numbers in steps of what rounding alone may change; others as they are."""
    if values.dtype.kind != "f" or not len(values):
        return values
    low, width = np.min(values), np.ptp(values)
    if not 0 < width < np.inf:
        return values
    return np.round((values - low) / width / SAME)


def refuse_collinear(values: np.ndarray, names: Sequence[str]) -> None:
    """Raise where a weighted sum of columns is the same in every row, as of a colour and its magnitudes.

    Parameters
    ----------
    values : array (n, d)
        Rows without gaps; of d + 1 different ones or fewer nothing can be said.
    names : sequence of str
    """
    d = values.shape[1]
    if d < 2 or len(values) <= d + 1 or len(np.unique(values, axis=0)) <= d + 1:
        return
    low, middle, high = np.quantile(values, [0.16, 0.5, 0.84], axis=0)
    if not (high > low).all():
        return
    scaled = (values - middle) / (0.5 * (high - low))
    usual = scaled[(np.abs(scaled) < FAR).all(axis=1)]  # far rows would make any columns alike
    sizes, directions = np.linalg.eigh(np.cov(usual.T))
    found = directions[:, 0]
    if sizes[0] > COLLINEAR or np.ptp(usual @ found) > 1e-4:
        return
    chosen = [int(j) for j in np.flatnonzero(np.abs(found) > 1e-4)]
    weight = found / (high - low)
    weight = weight / np.abs(weight[chosen]).max()
    shown = " ".join(f"{weight[j]:+.3g} {names[j]}" for j in chosen)
    raise DataError(
        f"columns {', '.join(repr(names[j]) for j in chosen)}: {shown} is the same in every row, so that "
        f"one of them says nothing new; leave out {names[chosen[-1]]!r}"
    )


def floats(x, column: str, ndim: tuple[int, ...] = (1,)) -> np.ndarray:
    """A new C-contiguous float64 array of `x`, nan where an entry is masked or None.

    Text, complex numbers, truth values and dates raise `DataError`, as do other dimensions.
    """
    mask = None
    if isinstance(x, np.ma.MaskedArray):
        x, mask = x.data, np.ma.getmaskarray(x)
    elif hasattr(x, "unmasked"):  # astropy's Masked
        x, mask = x.unmasked, np.asarray(x.mask)
    elif hasattr(x, "isna") and hasattr(
        x, "to_numpy"
    ):  # pandas, whose nullable types become objects
        x, mask = x.to_numpy(), np.asarray(x.isna())
    try:
        array = np.asarray(x)
        if array.dtype.kind not in "iuf" and not isinstance(x, np.ndarray):
            array = np.asarray(
                x, dtype=object
            )  # [1.0, "a"] as text would hide which row is at fault
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{column}: cannot be read as an array of numbers ({error})") from None
    if array.ndim not in ndim:
        expected = " or ".join(f"{n}-d" for n in ndim)
        raise DataError(f"{column}: expected a {expected} array, got shape {array.shape}")
    if array.dtype.kind not in "iuf":
        array = _from_objects(array, column, mask)
    with np.errstate(over="ignore"):
        array = np.array(array, dtype=np.float64, order="C", subok=False)
    if mask is not None:
        array[mask] = np.nan
    return array


def _from_objects(array: np.ndarray, column: str, mask: np.ndarray | None) -> np.ndarray:
    if array.dtype.kind not in "OUSbcmM":
        raise DataError(f"{column}: expected numbers, got an array of {array.dtype}")
    out = np.full(array.shape, np.nan)
    for index, entry in np.ndenumerate(array):
        if (mask is not None and mask[index]) or entry is None or type(entry).__name__ == "NAType":
            continue
        if isinstance(entry, Real | Decimal) and not isinstance(entry, bool | np.bool):
            try:
                out[index] = float(entry)
            except OverflowError:
                out[index] = np.inf
            continue
        what = NOT_NUMBERS.get(np.asarray(entry).dtype.kind, "is not a number")
        where = "row " + ", column ".join(str(i) for i in index) if index else "it"
        raise DataError(
            f"{column}: {where} {what} ({str(entry)[:40]!r}); correct it or drop that row"
        )
    return out


def texts(x, column: str) -> np.ndarray:
    """A new read-only array of non-empty strings; bytes (as FITS gives them) are decoded."""
    mask = None
    if isinstance(x, str | bytes):
        raise DataError(f"{column}: one name for each row is needed, got the single text {x!r}")
    if isinstance(x, np.ma.MaskedArray):
        x, mask = x.data, np.ma.getmaskarray(x)
    try:
        array = np.asarray(x, dtype=object)
    except (TypeError, ValueError) as error:
        raise DataError(f"{column}: cannot be read as an array of names ({error})") from None
    if array.ndim != 1:
        raise DataError(f"{column}: expected a 1-d array of names, got shape {array.shape}")
    out = []
    for row, entry in enumerate(array):
        if isinstance(entry, bytes):
            entry = entry.decode("utf-8", "replace")
        missing = mask is not None and mask[row]
        if missing or not isinstance(entry, str) or not entry.strip() or not entry.isprintable():
            what = "missing" if missing else repr(entry)
            raise DataError(f"{column}: row {row} is {what}; give a text that is not empty")
        out.append(entry)
    array = np.array(out, dtype=np.str_)
    array.flags.writeable = False
    return array


def unit_name(unit, column: str, time: bool = False) -> str:
    """The unit as astropy writes it (m/s without blanks); `time` asks for a unit of time."""
    text = unit if isinstance(unit, str) else getattr(unit, "to_string", lambda: None)()
    if not isinstance(text, str) or len(text) > 200:
        raise DataError(
            f"{column}: {str(unit)[:40]!r} is not a unit; give a text such as 'd' or 'mag'"
        )
    text = SHORT.get(text.strip(), text.strip())
    if text in (TIME_UNITS if time else COMMON_UNITS) or (not text and not time):
        return text
    if is_absurd_unit(text):
        raise DataError(f"{column}: {text[:40]!r} is not a unit; its power of ten is too large")
    from astropy import units as u

    try:
        parsed = u.Unit(text)
    except (ValueError, TypeError) as error:
        reason = str(error).split("  If this")[0][:200]
        raise DataError(f"{column}: {text!r} is not a unit that astropy reads: {reason}") from None
    if time and not parsed.is_equivalent(u.s):
        raise DataError(
            f"{column}: {text!r} is not a unit of time; give 'd', 's', 'h', 'min' or 'yr'"
        )
    return SHORT.get(parsed.to_string(), parsed.to_string())


def split_unit(x, column: str, wanted=None):
    """`x` without its unit, and the name of that unit (None where it has none).

    A unit that astropy cannot read ("BJD - 2454833, days") passes if the caller says what is `wanted`.
    """
    unit = (
        None if hasattr(x, "isna") else getattr(x, "unit", None)
    )  # a frame may have such a column
    if unit is None:
        return x, None
    try:
        name = unit_name(unit, column) or None
    except DataError:
        if wanted is None:
            raise
        name = None
    return (x.value if hasattr(x, "to_value") else x), name


def convert(array: np.ndarray, old: str, new: str, column: str, error: bool = False) -> np.ndarray:
    """`array` from unit `old` to unit `new`; of an `error` only the scale matters, not the zero point."""
    if old == new:
        return array
    from astropy import units as u

    target, source = u.Unit(new), u.Unit(old)
    if error:  # an error of mag(AB) is in mag
        target = getattr(target, "function_unit", target)
        source = getattr(source, "function_unit", source)
    try:
        return np.asarray(source.to(target, array), dtype=np.float64)
    except u.UnitsError:
        raise DataError(f"{column}: is in {old!r}, which cannot be converted to {new!r}") from None


def check_labels(container, *fields: str) -> None:
    """Raise unless these fields of the container are texts."""
    for field in fields:
        if not isinstance(getattr(container, field), str):
            raise DataError(f"{field}: expected a text, got {getattr(container, field)!r}")


def column_names(names, d: int) -> tuple[str, ...]:
    """`names` of d columns, unique; x0, x1, ... where there are none."""
    if isinstance(names, str):
        names = (names,)
    names = tuple(names) or tuple(f"x{j}" for j in range(d))
    for name in names:
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise DataError(f"names: {name!r} is not a name; give a text for each column")
    if len(names) != d:
        raise DataError(f"names: {len(names)} names for {d} columns of value: {', '.join(names)}")
    if len(set(names)) < d:
        twice = next(name for name, count in Counter(names).items() if count > 1)
        raise DataError(f"names: {twice!r} is there twice; give each column its own name")
    return names


def column_units(units, unit: str | None, d: int) -> tuple[str, ...]:
    """`units` of d columns, by default the `unit` that all of them came with."""
    if isinstance(units, str):
        units = (units,)
    units = tuple("" if text is None else unit_name(text, "units") for text in units)
    if units and len(units) != d:
        raise DataError(
            f"units: {len(units)} units for {d} columns of value; '' where there is none"
        )
    if unit and len(set(units)) > 1:
        raise DataError("units: value comes with a single unit; give plain numbers to mix units")
    return units or ((unit,) * d if unit else ())
