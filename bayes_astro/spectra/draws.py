"""Draws of components: turned onto one basis, and what of them depends on no basis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from bayes_astro.spectra.coefficients import Frame

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["continuum_shapes", "frames", "turned"]

REFERENCE = 60  # draws whose covariance makes the basis


def continuum_shapes(degree: int | None, wavelength: np.ndarray) -> np.ndarray:
    """Legendre polynomials of wavelength up to a degree, (C, p), each of unit mean square."""
    if degree is None:
        return np.empty((0, len(wavelength)))
    x = 2 * (wavelength - wavelength[0]) / (wavelength[-1] - wavelength[0]) - 1
    shapes = np.polynomial.legendre.legvander(x, degree).T
    return shapes / np.sqrt(np.mean(shapes**2, axis=1, keepdims=True))


def turned(draws: xr.Dataset) -> xr.Dataset:
    """Components of all draws in one basis, and the eigenvalues of each.

    The basis is that of the singular vectors of the components of all draws together; each draw is
    turned towards it as far as a rotation can (Procrustes). Scales come by size.
    """
    component = draws["component"].transpose("chain", "draw", "factor", "pixel").values
    chains, count, k, p = component.shape
    flat = component.reshape(-1, k, p)
    some = flat[np.linspace(0, len(flat) - 1, min(REFERENCE, len(flat))).astype(int)]
    _, sizes, vectors = np.linalg.svd(some.reshape(-1, p), full_matrices=False)
    reference = np.zeros((k, p))
    there = min(k, len(sizes))
    reference[:there] = sizes[:there, None] * vectors[:there] / np.sqrt(len(some))
    # The largest entry of each points up.
    peak = np.take_along_axis(reference, np.abs(reference).argmax(axis=1)[:, None], axis=1)
    reference *= np.where(peak < 0, -1.0, 1.0)
    left, _, right = np.linalg.svd(flat @ reference.T)
    rotation = np.swapaxes(left @ right, 1, 2)
    gram = flat @ np.swapaxes(flat, 1, 2)
    eigenvalue = np.linalg.eigvalsh(gram)[:, ::-1]
    scale = draws["scale"].transpose("chain", "draw", "factor").values
    dims = ("chain", "draw", "factor")
    return draws.assign(
        component=((*dims, "pixel"), (rotation @ flat).reshape(component.shape)),
        eigenvalue=(dims, np.maximum(eigenvalue, 0.0).reshape(chains, count, k)),
        total=(dims[:2], eigenvalue.sum(axis=-1).reshape(chains, count)),
        scale=(dims, np.sort(scale, axis=-1)[..., ::-1]),
    )


def frames(draws: xr.Dataset, degree: int | None) -> Iterator[Frame]:
    """What each draw says of all spectra, one after the other."""
    wavelength = draws["pixel"].values.astype(float)
    shapes = continuum_shapes(degree, wavelength)
    order = ("chain", "draw", ...)
    flat = {
        str(name): draws[name].transpose(*order).values.reshape(-1, *draws[name].shape[2:])
        for name in ("mean", "component", "floor", "degrees_of_freedom", "continuum_scale")
        if name in draws
    }
    for s in range(len(flat["mean"])):
        loadings = flat["component"][s]
        if len(shapes):
            loadings = np.concatenate([loadings, flat["continuum_scale"][s] * shapes])
        floor = flat["floor"][s] if "floor" in flat else 0.0
        degrees = flat["degrees_of_freedom"][s] if "degrees_of_freedom" in flat else np.inf
        variance = np.ascontiguousarray(np.broadcast_to(floor, wavelength.shape)) ** 2
        yield Frame(flat["mean"][s], np.ascontiguousarray(loadings), variance, float(degrees))
