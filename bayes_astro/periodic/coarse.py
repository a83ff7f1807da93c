"""A search from coarse to fine: one harmonic proposes frequencies, the best are scored with all.

A signal of K harmonics has power at f, 2f, ..., Kf. One scan with one harmonic to K times the highest frequency
knows all of them; their sum

.. code-block:: text

    S(f) = sum_k max over the resolution of log Z_1(k f)

differs from the evidence with K harmonics only by what sampling makes of their correlations. Windows of a
resolution element about its highest maxima, and about simple multiples of the very best, are then evaluated
with all harmonics; elsewhere the density is that of one harmonic. Draws are weighted with the density itself
as ever: what a window lacks is seen in their weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.likelihoods.harmonic import log_evidence
from bayes_astro.likelihoods.harmonic_grid import log_evidence_grid

__all__ = ["CoarseToFine"]

KEPT = 60  # maxima that are looked at with all harmonics
BEST, MULTIPLES = 5, (0.5, 2.0, 1 / 3, 3.0)  # of the best, also these multiples
HALF = 1.2  # of a window, in resolution elements


class CoarseToFine:
    """How log Z of a problem is computed; as `frequency_density.Evaluation`, with the windows of the last grid.

    Attributes
    ----------
    kept : int
        Windows that were evaluated with all harmonics.
    """

    def __init__(self) -> None:
        self.edges = np.empty(0)
        self.kept = 0

    direct = staticmethod(log_evidence)

    def grid(
        self, problem: Any, first: float, step: float, count: int, accuracy: float
    ) -> np.ndarray:
        """Log evidence on a grid, of all harmonics within the windows and of one elsewhere."""
        grid = first + step * np.arange(count)
        n_terms = len(problem.term_sd)
        if n_terms == 1:
            self.edges, self.kept = np.array([grid[0], grid[-1]]), 1
            return log_evidence_grid(problem, first, step, count, accuracy)
        own = problem.own_sd[:1]
        one = problem._replace(
            term_sd=problem.term_sd[:1], own_sd=own, terms=np.ones(1, dtype=np.int64),
            log_terms=np.zeros(1),
        )  # fmt: skip
        resolution = 1 / float(np.ptp(problem.time))
        spacing = 0.2 * resolution
        size = int(np.ceil(n_terms * grid[-1] / spacing)) + n_terms + 2
        single = log_evidence_grid(one, spacing, spacing, size, accuracy)
        self.edges = _windows(single, spacing, grid[0], grid[-1], n_terms, resolution)
        self.kept = len(self.edges) // 2
        found = np.interp(grid, spacing * np.arange(1, size + 1), single)
        inside = np.flatnonzero(self.within(grid))
        found[inside] = log_evidence(problem, grid[inside])
        return found

    def within(self, frequency: np.ndarray) -> np.ndarray:
        """Whether frequencies lie in a window."""
        return np.searchsorted(self.edges, frequency, side="right") % 2 == 1


def _windows(
    single: np.ndarray, spacing: float, low: float, high: float, n_terms: int, resolution: float
) -> np.ndarray:
    """Edges of separate windows, ascending: lower, upper, lower, ..."""
    from scipy.ndimage import maximum_filter1d

    gain = np.concatenate([[0.0], single - np.median(single)])  # entry j at j times the spacing
    first, last = max(int(low / spacing), 1), int(np.ceil(high / spacing))
    at = np.arange(first, last + 1)
    total = gain[at]
    for k in range(2, n_terms + 1):
        wide = maximum_filter1d(gain, 2 * (k // 2) + 1)
        total = total + np.maximum(wide[np.minimum(k * at, len(gain) - 1)], 0.0)
    padded = np.concatenate([[-np.inf], total, [-np.inf]])
    maxima = np.flatnonzero((padded[1:-1] >= padded[:-2]) & (padded[1:-1] > padded[2:]))
    maxima = maxima[np.argsort(-total[maxima], kind="stable")][:KEPT]
    chosen = spacing * at[maxima]
    multiples = (chosen[:BEST, None] * np.array(MULTIPLES)).ravel()
    chosen = np.concatenate([chosen, multiples[(multiples > low) & (multiples < high)]])
    centres = np.sort(np.clip(chosen, low, high))
    half = HALF * resolution
    starts = np.concatenate([[True], np.diff(centres) > 2 * half])
    ends = np.concatenate([starts[1:], [True]])
    edges = np.stack([centres[starts] - half, centres[ends] + half], axis=1)
    return edges.ravel()
