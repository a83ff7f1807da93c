"""Pixels that are hidden to see how well they are predicted from the others of the same spectrum."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.data.spectra import Spectra

__all__ = ["NUMBERS", "hidden", "to_choose", "without"]

SHARE = 0.08
"""Of the measured pixels: half of them in one block, as a gap; half anywhere, as cosmic rays."""
SEED = 20261
NUMBERS = (1, 2, 3, 4, 6, 8, 12, 16)
"""Of factors, among which hidden pixels choose."""


def hidden(data: Spectra, share: float = SHARE, seed: int = SEED) -> np.ndarray:
    """A boolean array (n, p): pixels to predict, the same whenever it is asked.

    Of a spectrum with fewer than 10 measured pixels none.
    """
    rng = np.random.default_rng(seed)
    found = np.zeros(data.flux.shape, dtype=bool)
    for i, missing in enumerate(data.missing):
        there = np.flatnonzero(~missing)
        half = max(1, round(0.5 * share * len(there)))
        start = rng.integers(len(there) - half + 1)
        single = rng.choice(len(there), half, replace=False)
        if len(there) >= 10:
            found[i, there[start : start + half]] = True
            found[i, there[single]] = True
    return found


def to_choose(data: Spectra) -> np.ndarray:
    """Those that a fit without them can do without: each wavelength stays in a spectrum."""
    mask = hidden(data)
    mask[:, (mask | data.missing).all(axis=0)] = False
    return mask


def without(data: Spectra, mask: np.ndarray) -> Any:
    """The spectra without these pixels."""
    return data.replace(flux=np.where(mask, np.nan, data.flux))
