"""What a fit says of spectra: their coefficients, their fluxes in gaps, how usual they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayes_astro.data.measurements import Measurements
from bayes_astro.data.spectra import Spectra
from bayes_astro.draws import MOST, by_row
from bayes_astro.spectra import tails
from bayes_astro.spectra.coefficients import Conditional, Frame, Pixels, conditional, unpacked
from bayes_astro.spectra.draws import frames
from bayes_astro.spectra.hidden import hidden, without

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "about",
    "encoded",
    "forecast",
    "held_out",
    "log_densities",
    "moments",
    "reconstructed",
    "samples",
    "standardised",
    "statistics",
    "unit_noise",
]  # fmt: skip

QUANTILES = {"q025": 0.025, "q16": 0.16, "median": 0.5, "q84": 0.84, "q975": 0.975}
AT_ONCE = 20_000_000  # numbers of draws in memory
UNKNOWN = 1e6  # variance of a coefficient of which a spectrum says nothing


def about(pixels: Pixels, frame: Frame) -> Conditional:
    """Coefficients of spectra: exactly, or about the mode where the noise has tails."""
    if np.isfinite(frame.degrees):
        return tails.laplace(pixels, frame)
    return conditional(pixels, frame)


def log_densities(draws: xr.Dataset, degree: int | None, data: Spectra) -> np.ndarray:
    """Log density of every spectrum, its coefficients integrated out: (draws, row)."""
    pixels = Pixels.of(data)
    return np.array([about(pixels, frame).log_density for frame in frames(draws, degree)])


def held_out(draws: xr.Dataset, degree: int | None, data: Spectra) -> np.ndarray:
    """Log density of each spectrum's hidden pixels given its others: (draws, row)."""
    mask = hidden(data)
    whole, kept = Pixels.of(data), Pixels.of(without(data, mask))
    return np.array(
        [
            about(whole, frame).log_density - about(kept, frame).log_density
            for frame in frames(draws, degree)
        ]
    )


def noise(data: Spectra) -> np.ndarray:
    """Squares of stated errors; in gaps those of the middle of what was measured of the spectrum."""
    usual = np.nanmedian(data.error, axis=1)
    return np.where(data.missing, usual[:, None], data.error) ** 2


def forecast(
    draws: xr.Dataset, degree: int | None, at: Spectra, rng: np.random.Generator
) -> xr.Dataset:
    """Draws of fluxes and coefficients; see `SpectralFactors.forecast`."""
    import xarray as xr

    count = draws.sizes["chain"] * draws.sizes["draw"]
    n, p, k = len(at), len(at.wavelength), draws.sizes["factor"]
    if 16 * count * n * p > MOST:
        fits = max(1, int(MOST / (16 * n * p)))
        raise ValueError(
            f"{count} draws of {n} spectra take more than {MOST / 1e9:g} GB: predict(spectra, draws={fits}), "
            "some of the spectra at a time, or reconstruct(spectra), which keeps quantiles."
        )
    pixels, variance = Pixels.of(at), noise(at)
    signal, observation = np.empty((count, n, p)), np.empty((count, n, p))
    coefficient, first, second = np.empty((count, n, k)), np.zeros((n, k)), np.zeros((n, k, k))
    for s, frame in enumerate(frames(draws, degree)):
        z, here = tails.drawn(pixels, frame, rng)
        signal[s] = frame.mean + z @ frame.loadings
        width = np.sqrt(variance + frame.floor)
        observation[s] = signal[s] + width * unit_noise(frame.degrees, (n, p), rng)
        coefficient[s] = z[:, :k]
        mean, covariance = _own(here, k)
        first += mean / count
        second += (covariance + mean[:, :, None] * mean[:, None, :]) / count
    coords = {
        "pixel": draws["pixel"].values, "factor": draws["factor"].values,
        "factor_2": draws["factor"].values,
    }  # fmt: skip
    if at.names is not None:
        coords["spectrum"] = at.names
    return xr.Dataset(
        {
            "signal": by_row(draws, signal, "spectrum", "pixel"),
            "observation": by_row(draws, observation, "spectrum", "pixel"),
            "coefficient": by_row(draws, coefficient, "spectrum", "factor"),
            "coefficient_mean": (("spectrum", "factor"), first),
            "coefficient_covariance": (
                ("spectrum", "factor", "factor_2"),
                second - first[:, :, None] * first[:, None, :],
            ),
        }
    ).assign_coords(coords)


def unit_noise(degrees: float, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    if np.isfinite(degrees):
        return rng.standard_t(degrees, shape)
    return rng.standard_normal(shape)


def _own(here: Conditional, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Of the factors, without the continuum."""
    whole = here.mean.shape[1]
    return here.mean[:, :k], unpacked(here.covariance, whole)[:, :k, :k]


def samples(
    draws: xr.Dataset, degree: int | None, at: Spectra, rng: np.random.Generator
) -> np.ndarray:
    """Fluxes as they would be measured without stated errors: (draws, row, pixel)."""
    pixels = Pixels.of(at)
    found = []
    for frame in frames(draws, degree):
        z, _ = tails.drawn(pixels, frame, rng)
        unit = unit_noise(frame.degrees, pixels.x.shape, rng)
        found.append(frame.mean + z @ frame.loadings + np.sqrt(frame.floor) * unit)
    return np.array(found)


def reconstructed(
    draws: xr.Dataset, degree: int | None, at: Spectra, rng: np.random.Generator
) -> xr.Dataset:
    """Moments and quantiles of fluxes without noise by spectrum and pixel, some spectra at a time."""
    import xarray as xr

    count = draws.sizes["chain"] * draws.sizes["draw"]
    size = max(1, AT_ONCE // (count * len(at.wavelength)))
    names = ("mean", "sd", *QUANTILES)
    found = {name: np.empty(at.flux.shape) for name in names}
    pixels = Pixels.of(at)
    for rows, some in pixels.parts(size):
        signal = np.empty((count, *some.x.shape))
        for s, frame in enumerate(frames(draws, degree)):
            z, _ = tails.drawn(some, frame, rng)
            signal[s] = frame.mean + z @ frame.loadings
        found["mean"][rows], found["sd"][rows] = signal.mean(axis=0), signal.std(axis=0)
        levels = np.quantile(signal, list(QUANTILES.values()), axis=0)
        for name, values in zip(QUANTILES, levels, strict=True):
            found[name][rows] = values
    coords = {"pixel": draws["pixel"].values}
    if at.names is not None:
        coords["spectrum"] = at.names
    dims = ("spectrum", "pixel")
    return xr.Dataset({name: (dims, values) for name, values in found.items()}, coords)


def moments(draws: xr.Dataset, degree: int | None, at: Spectra) -> tuple[np.ndarray, np.ndarray]:
    """Mean (n, K) and covariance (n, K, K) of the coefficients over all draws."""
    pixels, k = Pixels.of(at), draws.sizes["factor"]
    count = draws.sizes["chain"] * draws.sizes["draw"]
    first, second = np.zeros((len(at), k)), np.zeros((len(at), k, k))
    for frame in frames(draws, degree):
        mean, covariance = _own(about(pixels, frame), k)
        first += mean / count
        second += (covariance + mean[:, :, None] * mean[:, None, :]) / count
    return first, second - first[:, :, None] * first[:, None, :]


def encoded(draws: xr.Dataset, degree: int | None, at: Spectra) -> Measurements:
    """Coefficients as measurements: what the spectra say without the prior; see `SpectralFactors.encode`.

    A posterior N(m, C) under the prior N(0, 1) comes from a measurement y with covariance S where
    S^-1 = C^-1 - 1 and y = S C^-1 m.
    """
    mean, covariance = moments(draws, degree, at)
    values, vectors = np.linalg.eigh(covariance)
    values = np.maximum(values, 1e-300)
    information = np.maximum(1 / values - 1, 1 / UNKNOWN)
    pulled = np.einsum("nkl,nk->nl", vectors, mean) / values / information
    value = np.einsum("nkl,nl->nk", vectors, pulled)
    error = np.einsum("nkl,nl,nml->nkm", vectors, 1 / information, vectors)
    names = tuple(f"factor {k}" for k in draws["factor"].values)
    return Measurements(
        value, covariance=0.5 * (error + np.swapaxes(error, 1, 2)), names=names, name=at.name,
        source=at.source, label=at.label,
    )  # fmt: skip


def standardised(pixels: Pixels, frame: Frame) -> tuple[np.ndarray, Conditional]:
    """Residuals at the mode of the coefficients in their own widths, unit normals if all is right; nan in gaps."""
    here = about(pixels, frame)
    v = pixels.variance + frame.floor
    left = (pixels.x - frame.mean - here.mean @ frame.loadings) / np.sqrt(v)
    left[~np.isfinite(v)] = np.nan
    return tails.normal_scores(left, frame.degrees), here


def statistics(draws: xr.Dataset, degree: int | None, data: Spectra) -> dict[str, np.ndarray]:
    """How usual each spectrum is, averaged over draws: (n,) arrays.

    With r the difference from the mean and V = L L' + N its covariance, q = r' V^-1 r is the sum of two parts
    that the model makes independent: that within the components' span, z*' (1 - C)^-1 z* with
    z* = E[z], chi-square with K degrees of freedom; and the rest, with as many as there are pixels
    beyond those. The tail probabilities of both.
    """
    from scipy.stats import chi2

    pixels = Pixels.of(data)
    measured = np.isfinite(pixels.variance).sum(axis=1)
    inside, outside, evidence = [], [], []
    for frame in frames(draws, degree):
        left, here = standardised(pixels, frame)
        k = len(frame.loadings)
        spread = np.eye(k) - unpacked(here.covariance, k)
        values, vectors = np.linalg.eigh(spread)
        turned = np.einsum("nkl,nk->nl", vectors, here.mean)
        known = values > 1e-6
        part = np.sum(np.where(known, turned**2 / np.where(known, values, 1.0), 0.0), axis=1)
        rest = np.nansum(left**2, axis=1) + np.sum(here.mean**2, axis=1) - part
        inside.append(chi2.sf(part, np.maximum(known.sum(axis=1), 1)))
        outside.append(chi2.sf(rest, np.maximum(measured - known.sum(axis=1), 1)))
        evidence.append(here.log_density)
    stacked = np.array(evidence)
    top = stacked.max(axis=0)
    return {
        "pixels": measured,
        "log_evidence": top + np.log(np.exp(stacked - top).mean(axis=0)),
        "coefficient_tail": np.mean(inside, axis=0),
        "pixel_tail": np.mean(outside, axis=0),
    }
