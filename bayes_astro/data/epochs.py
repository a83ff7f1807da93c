"""Where times are counted from: labels as "BJD - 2454833", which archives write in place of a unit."""

import re

from bayes_astro.data.columns import DataError

__all__ = ["counted", "numbers_of", "scale_of", "time_label", "time_of", "zero_of"]

LABEL = re.compile(r"([BH]?M?JD)\s*(?:-\s*(\d+(?:\.\d*)?))?(?:\s*,?\s*\(?(?:d|days?)\)?)?", re.I)
MISSIONS = {"BKJD": "BJD - 2454833", "BTJD": "BJD - 2457000"}  # of Kepler and TESS
MJD = 2400000.5
SCALES = frozenset(("tai", "tcb", "tcg", "tdb", "tt", "ut1", "utc"))


def time_label(text) -> str | None:
    """A unit of time that says where it counts from, in one spelling; None for all others.

    "jd" and "mjd" as astropy writes them, else e.g. "BJD - 2454833".
    """
    text = text if isinstance(text, str) else getattr(text, "to_string", lambda: "")()
    found = LABEL.fullmatch(MISSIONS.get(text.strip().upper(), text.strip()))
    if not found:
        return None
    kind, zero = found[1].upper(), found[2]
    if zero is not None and float(zero):
        return f"{kind} - {zero.rstrip('.')}"
    return kind.lower() if kind in ("JD", "MJD") else kind


def counted(time, unit, label: str):
    """`time` and its own unit, the `unit` asked for and the `label`: epochs go from units to the label.

    The own unit is given where it was an epoch, otherwise None and still on `time`. DataError where the
    unit that `time` comes with contradicts what was asked for.
    """
    own = None if hasattr(time, "isna") else getattr(time, "unit", None)
    for given in (own, unit):
        found = time_label(given)
        if found is not None and (time_label(label) or label or found) != found:
            raise DataError(
                f"time: counts from {found!r}, asked for is {label!r}; leave out time_format and "
                "time_unit, or give plain numbers"
            )
        label = found or label
    epoch = time_label(own) is not None
    if epoch:
        time = getattr(time, "value", time)
    return time, ("d" if epoch else None), ("d" if time_label(unit) is not None else unit), label


def zero_of(label: str) -> tuple[float, float] | None:
    """The Julian date where a label's days begin, as two summands; None where it is not known.

    Heliocentric dates have none: they belong to a direction.
    """
    found = LABEL.fullmatch(time_label(label) or "")
    if not found or found[1].upper().startswith("H"):
        return None
    return (MJD if "M" in found[1].upper() else 0.0), float(found[2] or 0)


def numbers_of(time, label: str):
    """Days of an astropy Time in the count of a label, with all the digits of both."""
    zero = zero_of(label)
    if zero is None:
        raise DataError(f"time_format: {label!r} does not say where times are counted from")
    whole, more = zero
    return (time.jd1 - whole - more) + time.jd2


def time_of(time, unit: str, label: str, scale: str):
    """Numbers as an astropy Time, whose two parts keep all digits."""
    from astropy import units as u
    from astropy.time import Time

    zero = zero_of(label)
    if zero is None or not scale:
        lacking = "time_scale" if zero is not None else "time_format"
        raise DataError(
            f"{lacking}: {scale if zero is not None else label!r} does not say what these times are; "
            f"give it, e.g. curve.replace({lacking}={'tdb' if zero is not None else 'jd'!r})"
        )
    days = time if unit == "d" else time * u.Unit(unit).to(u.d)
    return Time(sum(zero), days, format="jd", scale=scale)


def scale_of(meta, time, asked: str) -> str:
    """The scale of times: asked for, or that of the header of the table they are from."""
    found = str(meta.get("TIMESYS") or "").strip().lower()
    if found not in SCALES or hasattr(time, "jd1"):
        return asked
    if asked and asked != found:
        raise DataError(
            f"time_scale: {asked!r} was asked for, the table says {found!r}; leave it out, or give plain "
            "columns"
        )
    return found
