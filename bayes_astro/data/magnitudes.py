r"""Magnitudes of several kinds to fluxes, with the conventions spelled out.

With f0 the flux of magnitude zero,

.. code-block:: text

    m = -2.5 log10(f / f0)                                      Pogson
    m = -2.5 / ln 10 [asinh(f / (2 b f0)) + ln b]               asinh, softening b (Lupton 1999)
    f = 2 b f0 sinh(-m ln 10 / 2.5 - ln b)

and to first order sigma_f = |df/dm| sigma_m, where

.. code-block:: text

    |df/dm| = ln 10 / 2.5 f                                     Pogson
    |df/dm| = ln 10 / 2.5 sqrt(f^2 + (2 b f0)^2)                asinh

Some pipelines write sigma_m = 2.5 log10(1 + sigma_f / f) instead.
"""

import numpy as np

from bayes_astro.data.columns import DataError, floats, refuse
from bayes_astro.data.marks import refuse_marks

__all__ = ["SYSTEMS", "fluxes_of", "zero_point"]

PER_MAGNITUDE = np.log(10) / 2.5
BRIGHTEST_LIMIT = 5.0  # of a limit in magnitudes: a smaller number is an error
ABSURD = 50.0
"""No object is so faint: larger magnitudes are marks that have not been declared."""


SYSTEMS = {"AB": ("uJy", 3631e6), "Vega": ("", 1e9), "other": ("", 1e9)}
"""Unit of the flux and flux of magnitude zero in it; without unit: 1e-9 of that flux."""


def zero_point(system: str) -> tuple[str, float]:
    """Unit of the flux, and the flux of magnitude zero in it."""
    if system not in SYSTEMS:
        raise DataError(f"system: {system!r} is not known; give one of {', '.join(SYSTEMS)}")
    return SYSTEMS[system]


def fluxes_of(
    magnitude: np.ndarray,
    error: np.ndarray,
    bands: tuple[str, ...],
    zero: float,
    *,
    asinh_softening=None,
    non_detection=None,
    limit=None,
    missing=None,
    error_convention: str = "linear",
) -> tuple[np.ndarray, np.ndarray]:
    """Fluxes and errors (n, m) of magnitudes; see `Photometry.from_magnitudes`."""
    if error_convention not in ("linear", "log"):
        raise DataError(f"error_convention: {error_convention!r} must be 'linear' or 'log'")
    if limit is not None and non_detection is None:
        raise DataError("limit: is for non-detections; say with non_detection= how they are marked")
    absent = _marked(magnitude, missing) | _marked(error, missing)
    undetected = np.zeros(magnitude.shape, dtype=bool)
    if non_detection is not None:
        undetected = _marked(magnitude, non_detection) & ~absent
    else:
        absent |= np.isnan(magnitude)
    absent |= np.isnan(magnitude) & ~undetected
    faintest = _limits(error, undetected, limit, bands)
    usual = ~absent & ~undetected
    for j, band in enumerate(bands):
        mark = "declare such entries: missing=... or non_detection=..., or use nan"
        refuse((np.abs(magnitude[:, j]) > ABSURD) & usual[:, j], magnitude[:, j], band, mark)
        refuse(_nines(error[:, j]) & usual[:, j], error[:, j], f"error of {band}", mark)
        remedy = "errors are standard deviations > 0: correct such entries, or use nan magnitudes"
        wrong = ~(error[:, j] > 0) & usual[:, j]
        refuse(wrong, error[:, j], f"error of {band}", remedy)
    if missing is None or np.size(missing):
        refuse_marks(magnitude, error, usual, bands)
    m, sigma = np.where(usual, magnitude, 0.0), np.where(usual, error, 1.0)
    if asinh_softening is None:
        flux = zero * np.exp(-PER_MAGNITUDE * m)
        slope = flux
    else:
        if error_convention == "log":
            raise DataError(
                "error_convention: 'log' is of Pogson magnitudes; asinh ones are linear"
            )
        b = _for_bands(asinh_softening, bands, "asinh_softening")
        if not (b > 0).all():
            raise DataError(f"asinh_softening: {b.min():g} must be > 0")
        flux = 2 * b * zero * np.sinh(-PER_MAGNITUDE * m - np.log(b))
        slope = np.hypot(flux, 2 * b * zero)
    factor = PER_MAGNITUDE * sigma
    if error_convention == "log":
        factor = np.expm1(factor)
    sigma = slope * factor
    flux = np.where(undetected, 0.0, flux)
    sigma = np.where(undetected, zero * np.exp(-PER_MAGNITUDE * faintest), sigma)
    flux[absent] = sigma[absent] = np.nan
    return flux, sigma


def _marked(array: np.ndarray, values) -> np.ndarray:
    """Where `array` is one of `values`."""
    found = np.zeros(array.shape, dtype=bool)
    if values is None:
        return found
    for value in np.atleast_1d(floats(values, "missing, non_detection", (0, 1))):
        found |= np.isnan(array) if np.isnan(value) else array == value
    return found


def _nines(array: np.ndarray) -> np.ndarray:
    """Where an error is written in nines, as 99 or 999.9: large errors themselves do occur."""
    found = np.abs(array) >= 90
    found[found] = [set(f"{abs(x):g}") <= {"9", "."} for x in array[found]]
    return found


def _for_bands(given, bands: tuple[str, ...], name: str) -> np.ndarray:
    array = floats(given, name, (0, 1))
    if array.ndim and array.shape != (len(bands),):
        raise DataError(f"{name}: has shape {array.shape}; expected one number a band")
    return np.broadcast_to(array, (len(bands),))


def _limits(error: np.ndarray, undetected: np.ndarray, limit, bands) -> np.ndarray:
    """Magnitude of a flux of one standard deviation, where nothing was detected."""
    if limit is None:
        given = error
    else:
        given = np.broadcast_to(_for_bands(limit, bands, "limit"), error.shape)
    for j, band in enumerate(bands):
        wrong = undetected[:, j] & ~((given[:, j] > BRIGHTEST_LIMIT) & (given[:, j] < ABSURD))
        remedy = (
            "the error of a non-detection must hold the magnitude of one standard deviation, some 20 "
            "to 30; give limit= for each band instead"
        )
        refuse(wrong, given[:, j], f"error of {band}", remedy)
    return np.where(undetected, given, 0.0)
