"""What `Spectra` is made of when grids change: fields from several spectra, or from shifted ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.data.columns import DataError, convert, floats, split_unit
from bayes_astro.data.spectra_checks import increasing
from bayes_astro.data.wavelength_grids import (
    continued,
    finest,
    joined,
    resampled,
    widely_covered,
)

if TYPE_CHECKING:
    from bayes_astro.data.gridded import Gridded
    from bayes_astro.data.spectra import Spectra

__all__ = ["gathered", "rest_frame", "specutils_arrays", "stacked_table"]

INVERSE = {"std": 1.0, "var": 0.5, "ivar": -0.5}  # powers that give a standard deviation


def gathered(given: Any, wavelength: Any, kind: type) -> dict[str, Any]:
    """Fields of one `Spectra` with all rows; see `Spectra.gather`."""
    spectra: list[Spectra] = list(given) if isinstance(given, list | tuple) else [given]
    for k, one in enumerate(spectra):
        if not isinstance(one, kind):
            raise DataError(f"spectra: entry {k} is {type(one).__name__}; give ba.Spectra(...)")
    if not spectra:
        raise DataError("spectra: is an empty list; give at least one ba.Spectra(...)")
    unit, length = spectra[0].unit or "", spectra[0].wavelength_unit
    for k, one in enumerate(spectra):
        if bool(one.unit) != bool(unit):
            raise DataError(
                f"spectra: entry {k} has the unit {one.unit!r}, the first {unit!r}; give unit= for both"
            )
    grids = [convert(one.wavelength, one.wavelength_unit, length, "wavelength") for one in spectra]
    union = joined(grids) if wavelength is None else None
    grid = (
        _grid(wavelength, length)
        if wavelength is not None
        else union[0]
        if union
        else finest(grids)
    )
    shape = (sum(one.n for one in spectra), len(grid))
    flux, error, row = np.full(shape, np.nan), np.full(shape, np.nan), 0
    for k, one in enumerate(spectra):
        f = convert(one.flux, one.unit or "", unit, "flux")
        s = convert(one.error, one.unit or "", unit, "error", error=True)
        rows, place = slice(row, row + one.n), slice(None)
        row += one.n
        if union:
            place = slice(union[1][k], union[1][k] + len(grids[k]))
        else:
            f, s = resampled(grids[k], f, s, grid)
        flux[rows, place], error[rows, place] = f, s
    found: dict[str, Any] = {"wavelength": grid, "flux": flux, "error": error, "unit": unit}
    found["wavelength_unit"] = length
    for field, nothing in (("redshift", np.nan), ("label", None)):
        parts = [getattr(one, field) for one in spectra]
        if any(part is not None for part in parts):
            filled = [np.full(one.n, nothing) if part is None else part
                      for one, part in zip(spectra, parts, strict=True)]  # fmt: skip
            found[field] = np.concatenate(filled)
    found["names"] = _names(spectra)
    for field in ("name", "source"):
        each = {getattr(one, field) for one in spectra}
        found[field] = each.pop() if len(each) == 1 else ""
    return found


def _names(spectra: list[Spectra]) -> list[str] | None:
    """All names; the title of a single spectrum without; None if one has neither."""
    found: list[str] = []
    for one in spectra:
        if one.names is not None:
            found += one.names.tolist()
        elif len(spectra) > 1 and one.n == 1 and one.name:
            found.append(one.name)
        else:
            return None
    return found


def _grid(wavelength: Any, length: str) -> np.ndarray:
    plain, unit = split_unit(wavelength, "wavelength")
    grid = increasing(floats(plain, "wavelength"))
    return convert(grid, unit, length, "wavelength") if unit else grid


def rest_frame(spectra: Gridded, wavelength: Any) -> dict[str, Any]:
    """Wavelength, flux and error in the rest frame; see `Spectra.to_rest_frame`."""
    z, observed = spectra.redshift, spectra.wavelength
    unknown = np.arange(spectra.n) if z is None else np.flatnonzero(np.isnan(z))
    if z is None or len(unknown):
        more = f" ({len(unknown)} such rows in all)" if len(unknown) > 1 else ""
        raise DataError(
            f"redshift: is not known in row {unknown[0]}{more}; give redshift=, or leave such rows out: "
            "spectra[~numpy.isnan(spectra.redshift)]"
        )
    if wavelength is None:
        there = ~spectra.missing
        first, last = there.argmax(axis=1), len(observed) - 1 - there[:, ::-1].argmax(axis=1)
        low, high = widely_covered(observed[first] / (1 + z), observed[last] / (1 + z))
        grid = continued(observed, low, high)
    else:
        grid = _grid(wavelength, spectra.wavelength_unit)
    flux, error = np.empty((spectra.n, len(grid))), np.empty((spectra.n, len(grid)))
    for i in range(spectra.n):
        row = slice(i, i + 1)
        flux[row], error[row] = resampled(
            observed / (1 + z[i]), spectra.flux[row], spectra.error[row], grid
        )
    return {"wavelength": grid, "flux": flux, "error": error}


def stacked_table(spectra: Gridded) -> Any:
    """An astropy QTable; see `Spectra.to_table`."""
    from astropy import units as u
    from astropy.table import QTable

    meta = {"name": spectra.name, "source": spectra.source}
    table = QTable(meta={key: text for key, text in meta.items() if text})
    if spectra.names is not None:
        table["names"] = spectra.names
    unit = u.Unit(spectra.unit) if spectra.unit else 1
    table["wavelength"] = np.tile(spectra.wavelength, (spectra.n, 1)) * u.Unit(
        spectra.wavelength_unit
    )
    table["flux"], table["error"] = spectra.flux * unit, spectra.error * unit
    if spectra.redshift is not None:
        table["redshift"] = spectra.redshift
    if spectra.label is not None:
        table["label"] = [name or "" for name in spectra.label]
    return table


def specutils_arrays(spectrum: Any, error: Any) -> dict[str, Any]:
    """Fields of `Spectra` from the attributes of a Spectrum; see `Spectra.from_specutils`."""
    from astropy import units as u

    for attribute in ("spectral_axis", "flux"):
        if getattr(getattr(spectrum, attribute, None), "unit", None) is None:
            raise DataError(
                f"spectrum: its {attribute} is no Quantity; give a specutils.Spectrum, or wavelength, flux "
                "and error to ba.Spectra"
            )
    axis = u.Quantity(spectrum.spectral_axis.value, spectrum.spectral_axis.unit)
    if not axis.unit.is_equivalent(u.m):
        axis = axis.to(u.AA, equivalencies=u.spectral())
    unit = u.Unit(spectrum.flux.unit)
    flux = np.atleast_2d(np.array(spectrum.flux.value, dtype=float))
    uncertainty = getattr(spectrum, "uncertainty", None)
    if (uncertainty is None) == (error is None):
        raise DataError(
            "error: give it for a spectrum without uncertainty (0 where it is not known), and only there"
        )
    if uncertainty is not None:
        kind = getattr(uncertainty, "uncertainty_type", None)
        if kind not in INVERSE:
            raise DataError(
                f"spectrum: its uncertainty is of type {kind!r}, none of std, var and ivar"
            )
        given = np.array(uncertainty.array, dtype=float)
        own = getattr(uncertainty, "unit", None)
        with np.errstate(divide="ignore", invalid="ignore"):
            sigma = given ** INVERSE[kind]
        sigma[(given < 0) | (np.isposinf(given) & (kind == "ivar"))] = -1.0  # which is refused
        error = u.Quantity(sigma, unit if own is None else u.Unit(own) ** INVERSE[kind])
    bad = getattr(spectrum, "mask", None)
    if bad is not None:
        flux[np.broadcast_to(np.asarray(bad, dtype=bool), flux.shape)] = np.nan
    if len(axis) > 1 and axis[0] > axis[-1]:
        axis, flux = axis[::-1], flux[:, ::-1]
        error = error[..., ::-1] if np.ndim(error) else error
    z = getattr(spectrum, "redshift", None)
    z = None if z is None else np.atleast_1d(np.asarray(getattr(z, "value", z), dtype=float))
    redshift = None if z is None or not z.any() else np.broadcast_to(z, (len(flux),))
    return {
        "wavelength": axis,
        "flux": u.Quantity(flux, unit),
        "error": error,
        "redshift": redshift,
    }
