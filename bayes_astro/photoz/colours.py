r"""Fluxes of templates through filters, as functions of redshift.

.. code-block:: text

    F_tb(z) = int f_t(lambda / (1 + z)) e^(-tau(lambda, z)) T_b(lambda) lambda dlambda
              / [(1 + z) int T_b(lambda) dlambda / lambda]

is the flux per unit of frequency that a detector of photons sees in an AB system, up to the amplitude
of the object. tau is the mean absorption by hydrogen between the galaxy and us: the Lyman lines alpha
to delta of Madau (1995, ApJ 441, 18), eq. 15, and the continuum, eq. 16 in the closed form of its
footnote 3.
"""

from __future__ import annotations

import numpy as np

from bayes_astro.data.templates import Filters, Templates

__all__ = ["fluxes", "hydrogen"]

LINES = ((0.0036, 1215.67), (1.7e-3, 1025.72), (1.2e-3, 972.54), (9.3e-4, 949.74))
LYMAN_LIMIT = 911.75
POINTS = 300  # of a filter's curve


def hydrogen(wavelength: np.ndarray, z: float) -> np.ndarray:
    """Mean transmission of hydrogen towards redshift z at observed wavelengths in Angstrom."""
    depth = np.zeros(len(wavelength))
    for strength, line in LINES:
        depth += np.where(wavelength < line * (1 + z), strength * (wavelength / line) ** 3.46, 0.0)
    low, high = wavelength / LYMAN_LIMIT, 1 + z
    continuum = (
        0.25 * low**3 * (high**0.46 - low**0.46)
        + 9.4 * low**1.5 * (high**0.18 - low**0.18)
        - 0.7 * low**3 * (low**-1.32 - high**-1.32)
        - 0.023 * (high**1.68 - low**1.68)
    )
    depth += np.where((low < high) & (low > 1), np.maximum(continuum, 0.0), 0.0)
    # Below the limit at z = 0 everything that is left has passed all of the path.
    return np.where(low <= 1, 0.0, np.exp(-depth))


def fluxes(
    templates: Templates, filters: Filters, bands: tuple[str, ...], z: np.ndarray, igm: bool = True
) -> np.ndarray:
    """F_tb(z), in units that are common to a template: shape (T, bands, len(z))."""
    found = np.empty((len(templates.names), len(bands), len(z)))
    for j, band in enumerate(bands):
        wavelength, through = filters.curves[band]
        seen = np.flatnonzero(through > 1e-4 * through.max())
        low, high = wavelength[max(seen[0] - 1, 0)], wavelength[min(seen[-1] + 1, len(through) - 1)]
        grid = np.linspace(low, high, POINTS)
        response = np.interp(grid, wavelength, through)
        weight = response * grid / np.trapezoid(response / grid, grid)
        for k, redshift in enumerate(z):
            absorbed = weight * hydrogen(grid, redshift) if igm else weight
            rest = grid / (1 + redshift)
            for i, spectrum in enumerate(templates.flux):
                value = np.interp(rest, templates.wavelength, spectrum, left=0.0, right=0.0)
                found[i, j, k] = np.trapezoid(value * absorbed, grid) / (1 + redshift)
    return found
