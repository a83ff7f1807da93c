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

Free noise terms (jitters) add dimensions: steps 1 and 2 at some values of them, which are looked for about
the best peaks (`frequency_jitter`). The weights are then ratios of the exact joint density.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bayes_astro.likelihoods.harmonic import HarmonicProblem
from bayes_astro.likelihoods.harmonic_grid import log_evidence_many
from bayes_astro.periodic.frequency_density import (
    WHITE,
    FrequencyRange,
    floor_count,
    numbers,
    refined_density,
    resample,
)
from bayes_astro.periodic.frequency_jitter import sample_with_jitters
from bayes_astro.periodic.frequency_modes import FrequencyPosterior

__all__ = ["sample_frequency"]


def sample_frequency(
    problem: HarmonicProblem,
    low: float,
    high: float,
    log_uniform: bool,
    draws: int,
    rng: np.random.Generator,
    jitter_log_priors: Sequence[Callable[[np.ndarray], np.ndarray]] = (),
    evaluation: Any = WHITE,
) -> FrequencyPosterior:
    """Draw from the posterior of the frequency, and of the jitters where their priors are given.

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
    jitter_log_priors : sequence of callables
        Log prior density of each noise term's standard deviation, normalised over (0, inf),
        vectorised. Without them the noise is as stated.
    evaluation : Evaluation or CoarseToFine
        How log Z is computed.

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
    if not jitter_log_priors:
        return _sample_fixed_noise(problem, prior, draws, rng, evaluation)
    return sample_with_jitters(problem, prior, draws, rng, jitter_log_priors, evaluation)


def _sample_fixed_noise(problem, prior, draws, rng, evaluation):
    density, n_evaluations = refined_density(problem, prior, evaluation)

    def propose(count):
        frequency = density.draw(count, floor_count(count), rng)
        log_weight = log_evidence_many(problem, frequency) + prior.log_prior(frequency)
        log_weight -= density.log_proposal(frequency, floor_count(count) / count)
        return (frequency,), log_weight

    (frequency,), log_mean, efficiency, n_proposals = resample(propose, draws, rng)
    number, probability = numbers(problem, frequency, None, rng)
    return FrequencyPosterior(
        frequency=frequency,
        jitter=None,
        grid=density.nodes,
        log_density=density.log_density - density.log_mass,
        log_evidence=log_mean,
        log_evidence_null=problem.log_evidence_null,
        importance_efficiency=efficiency,
        n_evaluations=n_evaluations + n_proposals,
        number=number,
        probability=probability,
        timespan=float(np.ptp(problem.time)),
    )
