"""How well hidden pixels of spectra are predicted from the others of the same spectrum."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bayes_astro.data.spectra import Spectra
from bayes_astro.sample_scores import NAMES, of_samples
from bayes_astro.spectra.hidden import hidden, without

__all__ = ["DRAWS", "of_hidden"]

DRAWS = 1000
"""Samples of a pixel that its intervals take."""
AT_ONCE = 20_000_000  # samples of pixels


def of_hidden(
    predict_samples: Callable[[Spectra], np.ndarray], test: Spectra, seed: int = 0
) -> dict[str, float | None]:
    """Scores of samples on the pixels that `hidden` chooses.

    Parameters
    ----------
    predict_samples : callable
        Of spectra without those pixels gives (draws, row, pixel), some hundred draws or more: fluxes as
        they would be measured without an error. It is asked for a few rows at a time.
    test : Spectra
        Errors of the hidden pixels are added here.
    seed : int
        Of those errors.

    Returns
    -------
    dict
        ``crps``, ``rmse``, ``bias``, ``coverage_68`` and ``coverage_95``; None without any hidden pixel.
    """
    rng = np.random.default_rng(seed)
    mask = hidden(test)
    rows = np.flatnonzero(mask.any(axis=1))
    if not len(rows):
        return dict.fromkeys(NAMES)
    each = max(1, AT_ONCE // (DRAWS * test.flux.shape[1]))
    found, counts = [], []
    for some in np.array_split(rows, -(-len(rows) // each)):
        part, own = test[some], mask[some]
        samples = predict_samples(without(part, own))[:, own]
        samples = samples + part.error[own] * rng.standard_normal(samples.shape)
        found.append(of_samples(samples, part.flux[own]))
        counts.append(own.sum())
    scores = {name: np.average([one[name] for one in found], weights=counts) for name in NAMES}
    square = np.average([one["rmse"] ** 2 for one in found], weights=counts)
    return {name: float(score) for name, score in (scores | {"rmse": np.sqrt(square)}).items()}
