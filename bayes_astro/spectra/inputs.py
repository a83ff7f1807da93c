"""Which spectra have something in common that can be found, and which can be compared with them."""

from __future__ import annotations

import numpy as np

from bayes_astro.data.columns import DataError, convert
from bayes_astro.data.spectra import Spectra

__all__ = ["check", "the_same_grid"]

APART = 100.0
"""Times that one spectrum's fluxes may be those of another: beyond it the brightest are all there is."""
BRIGHT = 0.9
"""Quantile of the absolute fluxes of a spectrum that stands for them; a median of logarithms may be 0."""
SAME = 1e-9  # relative difference of wavelengths


def check(data: Spectra, n_factors: int = 1) -> None:
    """Refuse spectra that cannot be told as a mean and so many factors.

    Raises
    ------
    DataError
        (a ValueError) for too few spectra, a pixel measured in none, fluxes that differ 100-fold, and
        spectra that are all the same, with the remedy.
    """
    if len(data) < n_factors + 1:
        raise DataError(
            f"{len(data)} spectr{'um is' if len(data) == 1 else 'a are'} too few for {n_factors} "
            f"factor{'s' if n_factors > 1 else ''}: it takes {n_factors + 1} or more; give more spectra"
            + (", or fewer factors" if n_factors > 1 else "")
        )
    if n_factors > data.flux.shape[1]:
        raise DataError(
            f"{n_factors} factors of spectra of {data.flux.shape[1]} pixels; give fewer factors"
        )
    empty = np.flatnonzero(data.missing.all(axis=0))
    if len(empty):
        more = f" (and {len(empty) - 1} more)" if len(empty) > 1 else ""
        raise DataError(
            f"wavelength {data.wavelength[empty[0]]:.8g} {data.wavelength_unit}{more} was measured in none of "
            "the spectra; leave it out: keep = ~data.missing.all(axis=0), then data.replace(wavelength="
            "data.wavelength[keep], flux=data.flux[:, keep], error=data.error[:, keep])"
        )
    if np.all(np.nanmax(data.flux, axis=0) == np.nanmin(data.flux, axis=0)):
        raise DataError("flux: is the same in all spectra; there is nothing that varies")
    level = np.nanquantile(np.abs(data.flux), BRIGHT, axis=1)
    faint, bright = int(np.argmin(level)), int(np.argmax(level))
    if level[bright] > APART * level[faint]:
        times = f"{level[bright] / level[faint]:.0f}" if level[faint] else "infinitely many"
        raise DataError(
            f"flux: that of row {bright} is {times} times that of row {faint}, which would not "
            "count; normalise: spectra.normalized()"
        )


def the_same_grid(data: object, fitted: Spectra) -> Spectra:
    """`data` in the units of the spectra that were fitted; refused on other wavelengths than theirs.

    Raises
    ------
    DataError
        (a ValueError) for other wavelengths, naming the first, and units that cannot be converted.
    """
    if not isinstance(data, Spectra):
        raise DataError(f"expected Spectra like those that were fitted, got {type(data).__name__}")
    if data is fitted:
        return data
    wavelength = convert(
        data.wavelength, data.wavelength_unit, fitted.wavelength_unit, "wavelength"
    )
    unit, p = fitted.wavelength_unit, len(fitted.wavelength)
    remedy = (
        "bring them onto the wavelengths that were fitted: ba.Spectra.gather([...], wavelength=...)"
    )
    if len(wavelength) != p:
        raise DataError(
            f"wavelength: {len(wavelength)} pixels, {wavelength[0]:.8g} to {wavelength[-1]:.8g} {unit}; "
            f"{p} were fitted, {fitted.wavelength[0]:.8g} to {fitted.wavelength[-1]:.8g}; {remedy}"
        )
    other = np.flatnonzero(np.abs(wavelength / fitted.wavelength - 1) > SAME)
    if len(other):
        j = other[0]
        raise DataError(
            f"wavelength: pixel {j} is at {wavelength[j]:.10g} {unit}, that which was fitted at "
            f"{fitted.wavelength[j]:.10g}; {remedy}"
        )
    changes = {} if data.wavelength_unit == unit else {"wavelength_unit": unit}
    flux = data.flux
    if data.unit != fitted.unit:
        if not (data.unit and fitted.unit):
            raise DataError(
                f"flux: has unit {data.unit!r}, those that were fitted {fitted.unit!r}; say that they are the "
                f"same with data.replace(unit={fitted.unit!r})"
            )
        flux = convert(data.flux, data.unit, fitted.unit, "flux")
        error = convert(data.error, data.unit, fitted.unit, "error", error=True)
        return data.replace(
            wavelength=fitted.wavelength, flux=flux, error=error, unit=fitted.unit, **changes
        )
    if changes or not np.array_equal(wavelength, fitted.wavelength):
        return data.replace(wavelength=fitted.wavelength, **changes)
    return data
