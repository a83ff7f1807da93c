"""Where a light curve's model is asked for: times in any form, in the unit of the data."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.data import LightCurve
from bayes_astro.data.epochs import numbers_of, zero_of

__all__ = ["check_single_band", "check_units", "check_varies", "times"]

FARTHEST = 1e15  # time spans: beyond, not one digit of a phase is right


def check_single_band(data: LightCurve, purpose: str) -> None:
    """Raise ValueError for several bands, too few points, one epoch, or a constant."""
    if len(data.bands) > 1:
        raise ValueError(
            f"column 'band': this light curve has the bands {', '.join(data.bands)}, and {purpose} takes "
            f"one. Choose with light_curve.select({data.bands[0]!r})."
        )
    check_varies(data, purpose)


def check_varies(data: LightCurve, purpose: str) -> None:
    """Raise ValueError for too few points, one epoch, or a constant."""
    if len(data) < 3:
        raise ValueError(f"{len(data)} points are too few for {purpose}: at least 3 are needed.")
    if np.ptp(data.time) <= 0:
        raise ValueError(f"column 'time': all points have the same time, too few for {purpose}.")
    if np.ptp(data.value) == 0:
        raise ValueError(
            f"column 'value' is constant ({data.value[0]:g} in every row): there is no variation for "
            f"{purpose}. Check that the right column was read."
        )


def times(data: LightCurve, at: Any) -> tuple[np.ndarray, np.ndarray]:
    """Times in the unit of `data`, and the error of an observation at each."""
    if isinstance(at, LightCurve):
        check_units(data, at)
        return at.time, at.error
    if hasattr(at, "scale") and hasattr(at, "mjd"):
        if zero_of(data.time_format) is None:
            raise ValueError(
                "at: astropy Times need a light curve whose times came as Times, or whose time_format "
                f"says where they count from; these are plain numbers in {data.time_unit!r}. Give numbers."
            )
        at = numbers_of(getattr(at, data.time_scale or at.scale), data.time_format)
        if data.time_unit != "d":
            from astropy import units

            at = at * units.d.to(data.time_unit)
    if hasattr(at, "unit"):
        try:
            at = at.to_value(data.time_unit)
        except Exception as error:
            raise ValueError(
                f"at: {at.unit} cannot be converted to the time unit {data.time_unit!r}."
            ) from error
    try:
        time = np.atleast_1d(np.asarray(at, dtype=float))
    except (TypeError, ValueError):
        raise ValueError(f"at must be times or a LightCurve, got {at!r}.") from None
    if time.ndim != 1 or not np.isfinite(time).all():
        raise ValueError(f"at must hold finite times of shape (m,), got shape {time.shape}.")
    if time.size and np.abs(time).max() > FARTHEST * np.ptp(data.time):
        raise ValueError(
            f"at: {time[np.argmax(np.abs(time))]:.3g} is so far from the light curve that no phase "
            f"is left in double precision; give times in {data.time_unit!r}."
        )
    return time, np.full(len(time), float(np.median(data.error)))


def check_units(data: LightCurve, at: LightCurve) -> None:
    """Raise ValueError where two light curves cannot be compared number by number."""
    for name in ("time_unit", "value_unit"):
        if (getattr(data, name) or "") != (getattr(at, name) or ""):
            raise ValueError(
                f"mismatched units: {name} of the fitted data is {getattr(data, name)!r}, of the "
                f"new data {getattr(at, name)!r}. Convert one of them."
            )
