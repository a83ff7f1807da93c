r"""Exact, independent draws of an unknown frequency from its marginal posterior.

With all linear coefficients integrated out, the posterior of the frequency is one-dimensional:
:math:`p(f \mid y) \propto Z(f)\,p(f)`. It is nearly zero but for a few peaks of width

.. math:: \sigma_f = \frac{1}{2\pi\,\mathrm{sd}(t)\sqrt{2P}},

where :math:`P` is a peak's height in nats (for even sampling this is Bretthorst's
:math:`\sqrt6 / (2\pi T\sqrt P)`, 1988). No grid chosen beforehand suits both the search, at steps
of a fraction of :math:`1/T`, and a peak a thousand times narrower. So:

1. log Z on a coarse grid by non-uniform FFTs;
2. cells that can hold posterior mass are divided, each as its own height demands, until the step
   is a fraction of :math:`\sigma_f`; a cell is given up only where not even a peak between its
   nodes could come within 25 nats of the best;
3. frequencies are drawn from the piecewise-linear density through the nodes by its exact inverse
   cumulative function, and importance-resampled with log Z at the drawn frequency itself. What
   the interpolation leaves is thus removed; the weights also correct the evidence.

A free noise term (jitter) adds an outer dimension: steps 1 and 2 at each of a dozen values, a
proposal for the jitter interpolated between their evidences, and for the frequency a mixture of
the two neighbouring densities. The weights are then ratios of the exact two-dimensional density.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bayes_astro.likelihoods.harmonic import HarmonicProblem, log_evidence
from bayes_astro.timeseries.frequency_density import (
    KEEP,
    FrequencyRange,
    floor_count,
    refined_density,
    resample,
)

__all__ = ["FrequencyPosterior", "Mode", "modes", "sample_frequency"]


@dataclass(frozen=True)
class FrequencyPosterior:
    """Draws of the frequency (and jitter), with the density and evidence that they came from."""

    frequency: np.ndarray
    """Independent draws (draws,)."""
    jitter: np.ndarray | None
    """Draws of the noise term that belong to them (draws,), or None."""
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
    timespan: float
    """Time from the first to the last point."""

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


def sample_frequency(
    problem: HarmonicProblem,
    low: float,
    high: float,
    log_uniform: bool,
    draws: int,
    rng: np.random.Generator,
    jitter_log_prior: Callable[[np.ndarray], np.ndarray] | None = None,
) -> FrequencyPosterior:
    """Draw from the posterior of the frequency, and of the jitter where its prior is given.

    Parameters
    ----------
    problem : HarmonicProblem
        From `bayes_astro.likelihoods.harmonic.project`.
    low, high : float
        Range of the prior, positive, in the inverse unit of the times.
    log_uniform : bool
        Prior density proportional to 1 / f rather than constant.
    draws : int
    rng : numpy.random.Generator
    jitter_log_prior : callable, optional
        Log prior density of the noise term's standard deviation, normalised over (0, inf),
        vectorised. Without it the noise is as stated.

    Returns
    -------
    FrequencyPosterior

    Examples
    --------
    >>> from bayes_astro.likelihoods.harmonic import project
    >>> t = np.linspace(-5, 5, 40)
    >>> y = np.sin(2 * np.pi * 0.7 * t)
    >>> problem = project(t, y, np.full(40, 0.01), np.ones((40, 1)), [0.0], [10.0], [1.0])
    >>> result = sample_frequency(problem, 0.1, 1.5, False, 1000, np.random.default_rng(1))
    >>> round(float(result.frequency.mean()), 2)
    0.7
    """
    if not 0.0 < low < high < np.inf:
        raise ValueError(f"the range must satisfy 0 < low < high, got low={low}, high={high}")
    if draws < 1:
        raise ValueError(f"draws must be at least 1, got {draws}")
    prior = FrequencyRange(float(low), float(high), log_uniform)
    if jitter_log_prior is None:
        return _sample_fixed_noise(problem, prior, draws, rng)
    # Imported here: that module makes the result that this one declares.
    from bayes_astro.timeseries.frequency_jitter import sample_with_jitter

    return sample_with_jitter(problem, prior, draws, rng, jitter_log_prior)


def _sample_fixed_noise(problem, prior, draws, rng):
    density, n_evaluations = refined_density(problem, prior)

    def propose(count):
        frequency = density.draw(count, floor_count(count), rng)
        log_weight = log_evidence(problem, frequency) + prior.log_prior(frequency)
        log_weight -= density.log_proposal(frequency, floor_count(count) / count)
        return (frequency,), log_weight

    (frequency,), log_mean, efficiency, n_proposals = resample(propose, draws, rng)
    return FrequencyPosterior(
        frequency=frequency,
        jitter=None,
        grid=density.nodes,
        log_density=density.log_density - density.log_mass,
        log_evidence=log_mean,
        log_evidence_null=problem.log_evidence_null,
        importance_efficiency=efficiency,
        n_evaluations=n_evaluations + n_proposals,
        timespan=float(np.ptp(problem.time)),
    )


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
