"""Spectra on other scales of flux, and in wider pixels: arrays in, arrays out, errors alike."""

import numpy as np

from bayes_astro.data.columns import LARGEST, DataError

__all__ = ["arsinh", "binned", "logarithm", "scaled"]

FAINT = 0.01  # of the median flux: the softening where no errors are known


def logarithm(
    wavelength: np.ndarray, flux: np.ndarray, error: np.ndarray, drop: bool
) -> tuple[np.ndarray, np.ndarray]:
    """ln f with errors s / f; what is not positive is dropped or refused."""
    bad = flux <= 0
    if bad.any() and not drop:
        i, j = np.unravel_index(int(bad.argmax()), bad.shape)
        more = f" ({bad.sum()} such pixels in all)" if bad.sum() > 1 else ""
        raise DataError(
            f"flux: row {i} is {flux[i, j].item()!r} at {wavelength[j]:.6g}{more}, which has no logarithm; "
            "asinh(softening) takes it, log(drop=True) counts it as not measured, which favours what noise "
            "raised"
        )
    positive = np.where(bad, np.nan, flux)
    return np.log(positive), error / positive


def arsinh(
    flux: np.ndarray, error: np.ndarray, softening: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """arsinh(f / 2b) + ln b, which is ln f far above b, with errors s / sqrt(f^2 + 4 b^2)."""
    if softening is None:
        softening = float(np.nanmedian(error)) or FAINT * float(np.nanmedian(flux))
        if not softening > 0:
            raise DataError(
                f"softening: no errors are known and the median flux is {softening / FAINT:g}, which gives "
                "none; give a flux > 0 below which the scale is linear"
            )
    b = softening
    if not 1 / LARGEST < b < LARGEST:
        raise DataError(f"softening: {b!r} must be a number > 0, in the unit of flux")
    return np.arcsinh(flux / (2 * b)) + np.log(b), error / np.hypot(flux, 2 * b)


def scaled(
    wavelength: np.ndarray, flux: np.ndarray, error: np.ndarray, inside: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Each row divided by the median of its flux in the pixels `inside`."""
    part, sigma = flux[:, inside], error[:, inside]
    window = f"from {wavelength[inside][0]:.6g} to {wavelength[inside][-1]:.6g}"
    empty = np.flatnonzero(np.isnan(part).all(axis=1))
    if len(empty):
        raise DataError(
            f"flux: nothing was measured {window} in row {empty[0]}; choose another low and high, or leave it out"
        )
    middle = np.nanmedian(part, axis=1)
    least = np.nanmin(sigma)
    weight = (least / sigma) ** 2 if least > 0 else np.ones(part.shape)
    mean = np.nansum(weight * part, axis=1)
    low = np.flatnonzero(~((middle > 0) & (mean > 0)))
    if len(low):
        more = f" ({len(low)} such rows in all)" if len(low) > 1 else ""
        raise DataError(
            f"flux: row {low[0]} has the median {middle[low[0]]:.3g} {window}{more}, or a weighted mean that is "
            "not positive; spectra are divided by it: choose another low and high, or leave it out"
        )
    return flux / middle[:, None], error / middle[:, None]


def binned(flux: np.ndarray, error: np.ndarray, factor: int) -> tuple[np.ndarray, np.ndarray]:
    """Means of `factor` neighbouring pixels, by inverse variance where errors are known."""
    n, p = flux.shape
    shape = (n, p // factor, factor)
    flux, error = (x[:, : shape[1] * factor].reshape(shape) for x in (flux, error))
    known = ~np.isnan(flux)
    least = np.nanmin(error, initial=np.inf)
    weight = (least / np.where(known, error, np.inf)) ** 2 if least > 0 else known.astype(float)
    total = weight.sum(axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (weight * np.where(known, flux, 0.0)).sum(axis=2) / total
        sigma = least / np.sqrt(total)
    return mean, np.where(total > 0, sigma, np.nan)
