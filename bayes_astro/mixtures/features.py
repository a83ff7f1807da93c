r"""Fluxes as features in which galaxies form Gaussian clouds: asinh magnitudes with their errors.

.. code-block:: text

    x = -2.5 / ln 10 [asinh(f / 2b) + ln b],     sigma_x = 2.5 / ln 10 sigma_f / sqrt(f^2 + 4 b^2)

(Lupton, Gunn & Szalay 1999), magnitudes where f >> b and linear in the flux about zero, so that
negative fluxes of faint objects stay what they are. The softening b of a band is the median error of
the fluxes that were fitted.
"""

from __future__ import annotations

import numpy as np

from bayes_astro.data import DataError, Photometry
from bayes_astro.data.columns import convert
from bayes_astro.names import nearest

__all__ = ["features", "fluxes", "matched", "softening"]

PER_NEPER = 2.5 / np.log(10)


def softening(photometry: Photometry) -> np.ndarray:
    """Median flux error of each band, (m,)."""
    return np.nanmedian(photometry.error, axis=0)


def features(
    photometry: Photometry, soft: np.ndarray, transform: str = "asinh"
) -> tuple[np.ndarray, np.ndarray]:
    """Magnitudes and their errors, (n, m) each; nan where missing.

    Parameters
    ----------
    photometry : Photometry
    soft : (m,) array
        Softening of each band, in its unit of flux.
    transform : {"asinh", "log"}
        "log": magnitudes -2.5 log10 f, with sigma_x = 2.5 / ln 10 sigma_f / f.
    """
    flux, error = photometry.flux, photometry.error
    if transform == "asinh":
        value = -PER_NEPER * (np.arcsinh(flux / (2 * soft)) + np.log(soft))
        return value, PER_NEPER * error / np.hypot(flux, 2 * soft)
    if np.nanmin(flux, initial=np.inf) <= 0:
        row, j = np.argwhere(flux <= 0)[0]
        raise DataError(
            f"flux in {photometry.bands[j]}: row {row} is {flux[row, j]:g}, which has no logarithm; "
            "use transform='asinh'"
        )
    return -PER_NEPER * np.log(flux), PER_NEPER * error / flux


def fluxes(magnitude: np.ndarray, soft: np.ndarray, transform: str = "asinh") -> np.ndarray:
    """The inverse of `features`."""
    if transform == "asinh":
        return 2 * soft * np.sinh(-magnitude / PER_NEPER - np.log(soft))
    return np.exp(-magnitude / PER_NEPER)


def matched(photometry: Photometry, bands: tuple[str, ...], unit: str) -> Photometry:
    """The same objects with `bands` in this order and in `unit`; a band that is not there is missing.

    Raises
    ------
    DataError
        For bands that are none of `bands`, and units that cannot be converted.
    """
    if photometry.bands == bands and photometry.unit == unit:
        return photometry
    for band in photometry.bands:
        if band not in bands:
            raise DataError(
                f"band {band!r} was not fitted.{nearest(band, bands)} Leave it out with "
                "photometry.select(...)."
            )
    flux = np.full((len(photometry), len(bands)), np.nan)
    error = flux.copy()
    for j, band in enumerate(bands):
        if band in photometry.bands:
            at = photometry.bands.index(band)
            flux[:, j], error[:, j] = photometry.flux[:, at], photometry.error[:, at]
    if photometry.unit != unit:
        if not photometry.unit or not unit:
            raise DataError(
                f"flux: is in {photometry.unit or 'no unit'!r}, the fitted one in {unit or 'no unit'!r}; "
                f"if the numbers are in that, use photometry.replace(unit={unit!r})"
            )
        flux = convert(flux, photometry.unit, unit, "flux")
        error = convert(error, photometry.unit, unit, "error", error=True)
    return photometry.replace(flux=flux, error=error, bands=bands, unit=unit)
