"""What spectra are refused, by row and wavelength, before anything is made of them."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from bayes_astro.data.columns import LARGEST, DataError, floats, refuse, split_unit, unit_name
from bayes_astro.data.errors import errors

__all__ = ["check_pixels", "from_inverse_variance", "increasing", "length_unit", "redshifts"]

FASTEST, FARTHEST = -0.01, 20.0  # redshifts
LENGTHS = ("Angstrom", "nm", "um")  # known without importing astropy
BLOCK = 2_000_000  # pixels that are judged at once
MARK = 5.0  # a number in nines is a mark if it lies so many errors below zero
APART = 10.0  # and so many ranges of all other pixels below them
NINES = 1.0 - 10.0 ** np.arange(1, 16)


def length_unit(unit: Any) -> str:
    """The name of a unit of length."""
    if unit in LENGTHS:
        return unit
    from astropy import units as u

    name = unit_name(unit, "wavelength_unit")
    if not u.Unit(name).is_equivalent(u.m):
        raise DataError(
            f"wavelength: is in {name!r}, which is no length; spectra over frequency or energy: "
            "quantity.to('Angstrom', astropy.units.spectral()), in reverse order, flux and error too"
        )
    return name


def increasing(wavelength: np.ndarray) -> np.ndarray:
    """The wavelengths, if they are finite, positive and increase."""
    if not len(wavelength):
        raise DataError("wavelength: is empty; give one for each pixel")
    remedy = "wavelengths are finite and positive: leave that pixel out"
    refuse(~((wavelength > 0) & (wavelength < LARGEST)), wavelength, "wavelength", remedy)
    falls = np.flatnonzero(np.diff(wavelength) <= 0)
    if len(falls):
        j = int(falls[0]) + 1
        raise DataError(
            f"wavelength: row {j} is {wavelength[j]:.10g} after {wavelength[j - 1]:.10g}; wavelengths increase: "
            "order = numpy.argsort(wavelength) for wavelengths and columns of flux and error, without repeats"
        )
    return wavelength


def check_pixels(wavelength: np.ndarray, flux: np.ndarray, error: np.ndarray) -> None:
    """Refuse what cannot be; gaps become nan in both arrays, in place."""
    unknown = True
    for rows in _blocks(flux.shape):
        missing = np.isnan(flux[rows]) | np.isnan(error[rows]) | np.isposinf(error[rows])
        flux[rows][missing] = error[rows][missing] = np.nan
        unknown &= not np.any(error[rows] > 0)
    for rows in _blocks(flux.shape):
        _check_block(wavelength, flux[rows], error[rows], rows.start, unknown)


def _blocks(shape: tuple[int, ...]) -> Iterator[slice]:
    """Slices of rows, so that what is computed on the way stays small."""
    step = max(1, BLOCK // shape[1])
    return (slice(start, start + step) for start in range(0, shape[0], step))


def _check_block(
    wavelength: np.ndarray, flux: np.ndarray, error: np.ndarray, first: int, unknown: bool
) -> None:
    missing = np.isnan(flux)
    _refuse(np.abs(flux) > LARGEST, flux, wavelength, first, "flux",
            "use nan for what was not measured")  # fmt: skip
    bad = (error < 1 / LARGEST) | (error > LARGEST)
    if unknown:
        bad &= error != 0
    _refuse(bad, error, wavelength, first, "error",
            "errors are standard deviations > 0, nan or infinite where the pixel was not measured, or 0 for "
            "all where none is known (of inverse variances: ba.Spectra.from_ivar)")  # fmt: skip
    empty = np.flatnonzero(missing.all(axis=1))
    if len(empty):
        raise DataError(
            f"flux: nothing was measured in row {first + empty[0]}{_more(len(empty), 'rows')}; leave it "
            "out: keep = ~numpy.isnan(flux).all(axis=1) of the arrays"
        )
    zero = np.flatnonzero(~np.any((flux != 0) & ~missing, axis=1))
    if len(zero):
        raise DataError(
            f"flux: row {first + zero[0]} is 0 in every pixel{_more(len(zero), 'rows')}, as an empty "
            "fibre leaves it; leave it out"
        )
    _refuse_marks(wavelength, flux, error, first)


def _refuse_marks(wavelength: np.ndarray, flux: np.ndarray, error: np.ndarray, first: int) -> None:
    """Raise where the lowest flux of a row is written in nines, far below all others."""
    lowest = np.nanmin(flux, axis=1)
    rows = np.flatnonzero(np.isin(lowest, NINES))
    if not len(rows):
        return
    part, low = flux[rows], lowest[rows, None]
    at = part == low
    lone = np.all(at | np.isnan(part), axis=1)
    others = np.where(at | lone[:, None], np.where(lone[:, None], 0.0, np.nan), part)
    bottom, top = np.nanmin(others, axis=1), np.nanmax(others, axis=1)
    noise = np.max(np.where(at, error[rows], 0.0), axis=1)
    mark = low[:, 0] < -MARK * np.maximum(noise, 1.0)
    mark &= ~lone & (low[:, 0] < bottom - APART * (top - bottom))
    for k in np.flatnonzero(mark)[:1]:
        raise DataError(
            f"flux: row {first + rows[k]} is {low[k, 0]:g} at {wavelength[at[k].argmax()]:.6g}, far below its "
            "other pixels: a mark? Use nan for what was not measured"
        )


def _refuse(
    bad: np.ndarray, array: np.ndarray, wavelength: np.ndarray, first: int, what: str, remedy: str
) -> None:
    if not bad.any():
        return
    i, j = np.unravel_index(int(bad.argmax()), bad.shape)
    more = _more(int(bad.sum()), "pixels")
    raise DataError(
        f"{what}: row {first + i} is {array[i, j].item()!r} at {wavelength[j]:.6g}{more}; {remedy}"
    )


def _more(number: int, what: str) -> str:
    return f" ({number} such {what} in all)" if number > 1 else ""


def redshifts(given: Any, n: int) -> np.ndarray | None:
    """One a spectrum, nan where it is not known; None without any."""
    if given is None:
        return None
    plain, unit = split_unit(given, "redshift")
    if unit:
        raise DataError(f"redshift: is in {unit!r}; redshifts have no unit, z = velocity / c")
    redshift = np.atleast_1d(floats(plain, "redshift", (0, 1)))
    if redshift.shape != (n,):
        raise DataError(f"redshift: has shape {redshift.shape}; expected ({n},), one a spectrum")
    bad = ~np.isnan(redshift) & ~((redshift > FASTEST) & (redshift < FARTHEST))
    remedy = f"redshifts are between {FASTEST} and {FARTHEST:g}, nan where it is not known"
    refuse(bad, redshift, "redshift", remedy)
    return redshift


def from_inverse_variance(
    wavelength: Any, flux: Any, ivar: Any, unit: str | None
) -> tuple[Any, Any]:
    """Flux, nan where it was not measured, and standard deviation, with the units that were given."""
    wavelength = floats(split_unit(wavelength, "wavelength")[0], "wavelength")
    flux, own = split_unit(flux, "flux", unit)
    ivar, ivar_unit = split_unit(ivar, "ivar", unit)
    flux = np.atleast_2d(floats(flux, "flux", (1, 2)))
    if flux.shape[1] != len(wavelength):
        raise DataError(
            f"flux: has shape {flux.shape}, wavelength {len(wavelength)} pixels; give (n, {len(wavelength)})"
        )
    ivar = errors(ivar, flux.shape, "ivar")
    _refuse((ivar < 0) | np.isposinf(ivar), ivar, wavelength, 0, "ivar",
            "inverse variances are finite and >= 0, 0 where the pixel was not measured")  # fmt: skip
    with np.errstate(invalid="ignore"):
        known = ivar > 0
        _refuse(known & ~np.isfinite(flux), flux, wavelength, 0, "flux",
                "its inverse variance is > 0, as of a pixel that was measured: correct it, or set ivar "
                "to 0 there")  # fmt: skip
    flux[~known] = np.nan
    error = np.full(flux.shape, np.nan)
    np.divide(1.0, np.sqrt(ivar, out=ivar, where=known), out=error, where=known)
    if own is None and ivar_unit is None:
        return flux, error
    from astropy import units as u

    if own is not None:
        flux = u.Quantity(flux, own, copy=False)
    if ivar_unit is not None:
        error = u.Quantity(error, u.Unit(ivar_unit) ** -0.5, copy=False)
    elif own is not None:
        error = u.Quantity(error, own, copy=False)
    return flux, error
