"""A posterior of a frequency as draws and density, and its separate peaks."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bayes_astro.periodic.frequency_density import (
    KEEP,
)

__all__ = ["FrequencyPosterior", "Mode", "modes"]


@dataclass(frozen=True)
class FrequencyPosterior:
    """Draws of the frequency (and jitter), with the density and evidence that they came from."""

    frequency: np.ndarray
    """Independent draws (draws,)."""
    jitter: np.ndarray | None
    """Draws of the noise terms that belong to them (draws, J), or None."""
    grid: np.ndarray
    """Frequencies, coarse and refined, in ascending order (G,)."""
    log_density: np.ndarray
    """Log posterior density of the frequency on `grid`, jitter integrated out (G,)."""
    log_evidence: float
    """Log marginal likelihood of the harmonics, frequency (and jitter) integrated out."""
    log_evidence_null: float
    """Log marginal likelihood of the trend alone (jitter integrated out)."""
    importance_efficiency: float
    """Effective share of the proposals: 1 where the interpolated density was exact."""
    n_evaluations: int
    """Evaluations of the marginal likelihood, coarse grid included."""
    number: np.ndarray
    """Draws of the number of harmonics (draws,)."""
    probability: np.ndarray
    """Posterior probability of each number of harmonics (T,)."""
    timespan: float
    """Time from the first to the last point."""
    noise: np.ndarray | None = None
    """Posterior probability of each kind of noise, where there are several."""

    def modes(self) -> "list[Mode]":
        """The separate peaks, the most probable first; see `modes`."""
        return modes(self.grid, self.log_density, self.frequency, self.timespan)


class Mode(NamedTuple):
    """One peak of the posterior of the frequency."""

    mass: float
    """Share of the draws."""
    frequency: float
    """Mean frequency of the peak."""
    sd: float
    """Standard deviation of the frequency within the peak."""
    log_density: float
    """Largest log posterior density."""
    low: float
    high: float
    """The range of frequencies, from valley to valley."""


def modes(grid, log_density, frequency, timespan: float) -> list[Mode]:
    """The separate peaks of a posterior of the frequency.

    Two maxima of the density are separate where they are further apart than 1 / `timespan`, or
    where the valley between them lies 3 nats below the lower one (several of its standard
    deviations). The mass is counted on the draws, so that it agrees with them; mean and width
    come from the density, which a peak with few draws has as well.

    Parameters
    ----------
    grid, log_density : array (G,)
        Ascending frequencies and the log density on them.
    frequency : array (draws,)
        Draws from it.
    timespan : float

    Returns
    -------
    list of Mode
        Those that hold at least one draw, by decreasing mass.
    """
    grid, log_density = np.asarray(grid), np.asarray(log_density)
    padded = np.concatenate([[-np.inf], log_density, [-np.inf]])
    maxima = np.flatnonzero((padded[1:-1] >= padded[:-2]) & (padded[1:-1] > padded[2:]))
    maxima = maxima[log_density[maxima] > log_density.max() - KEEP]
    lowest = np.minimum.reduceat(log_density, maxima)  # between each maximum and the next

    tops, valleys = [maxima[0]], []
    valley = np.inf
    for before, top in zip(lowest[:-1], maxima[1:], strict=True):
        last = tops[-1]
        valley = min(valley, before)
        depth = min(log_density[last], log_density[top]) - valley
        if grid[top] - grid[last] > 1.0 / timespan or depth > 3.0:
            valleys.append(last + int(np.argmin(log_density[last : top + 1])))
            tops.append(top)
            valley = np.inf
        elif log_density[top] > log_density[last]:
            tops[-1] = top
            valley = np.inf

    starts = np.array([0, *valleys])
    stops = np.array([*valleys, len(grid) - 1])
    edges = np.concatenate([grid[starts], [grid[-1]]])
    share = np.histogram(frequency, bins=edges)[0] / np.size(frequency)
    weight = np.exp(log_density - log_density.max()) * np.gradient(grid)
    total = np.add.reduceat(weight, starts)
    mean = np.add.reduceat(weight * grid, starts) / total
    offset = grid - np.repeat(mean, np.diff([*starts, len(grid)]))
    sd = np.sqrt(np.add.reduceat(weight * offset**2, starts) / total)
    return [
        Mode(
            mass=float(share[i]),
            frequency=float(mean[i]),
            sd=float(sd[i]),
            log_density=float(log_density[tops[i]]),
            low=float(grid[starts[i]]),
            high=float(grid[stops[i]]),
        )
        for i in np.argsort(-share, kind="stable")
        if share[i] > 0.0
    ]
