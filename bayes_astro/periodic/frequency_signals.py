r"""Frequencies of several signals at once: their posterior, and how many signals there are.

Given all frequencies everything else is linear (`bayes_astro.likelihoods.harmonic_signals`). Given all but one,
that one has the posterior that `frequency_posterior` draws from, with the harmonics of the others as further
columns of the trend. Signals are found one after the other, and then each is looked for again with the others
in place until none of them moves: a configuration. Of a configuration

.. code-block:: text

    q(f_1, ..., f_S, u) = prod_s q_s(f_s | the others' best) t(u),

with q_s those conditional densities and t a Student t for the jitters, as quantiles u of the unit normal. Where
one signal's second peak would move the others, the configuration with that peak is looked for, too; the proposal
is a mixture of all, and of what a pilot run finds beside them (`signal_proposals`). The posterior does not know
which signal is the first: weights are ratios of the exact joint density to the proposal averaged over the orders of
the signals, so that draws and evidence are those of the whole cube of frequencies.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from bayes_astro.likelihoods import harmonic_signals
from bayes_astro.likelihoods.harmonic import HarmonicProblem, project, with_jitter
from bayes_astro.periodic.frequency_density import Density, FrequencyRange, numbers_given
from bayes_astro.periodic.frequency_modes import FrequencyPosterior
from bayes_astro.periodic.frequency_posterior import sample_frequency
from bayes_astro.periodic.signal_proposals import Configuration, Sampled, log_normal, sampled
from bayes_astro.priors import Prior

__all__ = ["SignalsPosterior", "sample_signals"]

CYCLES = 12  # until no signal moves
STILL = 0.3  # standard deviations that a signal may move and be taken to stand still
SHARE = 0.01  # of a conditional posterior, from which its other peaks begin a configuration
OTHERS = 3  # such peaks, of each signal
SCAN = 400  # draws of a conditional posterior, for its peaks and jitters
WIDER = 1.15  # of t, than the conditional posterior


class SignalsPosterior(NamedTuple):
    """Draws of the frequencies, with the densities and evidences that they came from."""

    frequency: np.ndarray
    """Draws (draws, S), in no order."""
    jitter: np.ndarray | None
    """(draws, J)."""
    number: np.ndarray
    """Number of harmonics of all signals (draws,)."""
    probability: np.ndarray
    """Of each number of harmonics (T,)."""
    best: np.ndarray
    """Frequencies of the best configuration (S,), in the order in which they were found."""
    densities: list[Density]
    """Of each signal given the others there."""
    log_evidences: np.ndarray
    """Of the trend alone, of one signal, of two, ... (S + 1,)."""
    importance_efficiency: float
    n_evaluations: int
    timespan: float

    @property
    def log_evidence(self) -> float:
        """Of all signals."""
        return float(self.log_evidences[-1])

    @property
    def log_evidence_null(self) -> float:
        """Of the trend alone."""
        return float(self.log_evidences[0])


class _Setting(NamedTuple):
    """What stays the same while signals are looked for."""

    arguments: dict[str, Any]
    prior: FrequencyRange
    jitters: list[Prior]
    evaluation: Any
    rng: np.random.Generator

    def given(self, others: np.ndarray) -> HarmonicProblem:
        """The light curve with the harmonics of other signals among its trends."""
        arguments = dict(self.arguments)
        if len(others):
            width = np.asarray(arguments["term_sd"])
            if len(own := np.asarray(arguments["own_sd"])):
                width = np.hypot(width, own)
            more = harmonic_signals.columns(arguments["time"], others, len(width))
            sd = np.repeat(width, 2 * len(others))
            arguments["design"] = np.hstack([arguments["design"], more])
            for name, extra in (("beta_mean", np.zeros_like(sd)), ("beta_sd", sd)):
                known = np.asarray(arguments[name], dtype=float)
                extra = np.broadcast_to(extra, (*known.shape[:-1], len(sd)))
                arguments[name] = np.concatenate([known, extra], axis=-1)
        return project(**arguments)

    def scan(self, others: np.ndarray, jitter: np.ndarray | None = None) -> FrequencyPosterior:
        """One more signal given these, and perhaps the jitters (J,)."""
        problem, noise = self.given(others), [one.log_density for one in self.jitters]
        if jitter is not None:
            problem, noise = with_jitter(problem, jitter), []
        low, high, log_uniform = self.prior
        return sample_frequency(
            problem, low, high, log_uniform, SCAN, self.rng, noise, self.evaluation
        )


def sample_signals(
    arguments: dict[str, Any],
    prior: FrequencyRange,
    n_signals: int,
    draws: int,
    rng: np.random.Generator,
    jitters: list[Prior],
    evaluation: Any,
    *,
    least: float | None = None,
) -> SignalsPosterior | list[float]:
    """Draw from the posterior of the frequencies of several signals, and of jitters.

    Parameters
    ----------
    arguments : dict
        Of `bayes_astro.likelihoods.harmonic.project`.
    prior : FrequencyRange
        Of every frequency.
    n_signals : int
    draws : int
    rng : numpy.random.Generator
    jitters : list of Prior
        One for each noise term.
    evaluation : Evaluation or CoarseToFine
        How log Z is computed.
    least : float, optional
        Stop at the first signal (after the second) that raises the log evidence by less, and return the evidences.
    """
    setting = _Setting(arguments, prior, jitters, evaluation, rng)
    found = setting.scan(np.empty(0))
    log_evidences = [found.log_evidence_null, found.log_evidence]
    evaluations = found.n_evaluations
    best = np.array([_top(found)])
    some: list[Configuration] = []
    for count in range(2, n_signals + 1):
        more = setting.scan(best)
        jitter = None if more.jitter is None else np.median(more.jitter, axis=0)
        best = _settled(setting, np.append(best, _top(more)), jitter)
        last = count == n_signals and least is None
        some = _configurations(setting, best, jitter)
        result = _sampled(setting, some, draws if last else SCAN)
        log_evidences.append(result.log_evidence)
        evaluations += result.n_evaluations
        best = some[result.likeliest].best
        if least is not None and log_evidences[-1] < log_evidences[-2] + least:
            break
    if least is not None:
        return log_evidences
    chosen = some[result.likeliest]
    drawn = _jitter(setting, result.u)
    number, probability = _numbers(setting, result.frequency, drawn)
    return SignalsPosterior(
        frequency=result.frequency,
        jitter=drawn,
        number=number,
        probability=probability,
        best=chosen.best,
        densities=chosen.densities,
        log_evidences=np.array(log_evidences),
        importance_efficiency=result.efficiency,
        n_evaluations=evaluations,
        timespan=found.timespan,
    )


def _top(scan: FrequencyPosterior) -> float:
    return float(scan.grid[np.argmax(scan.log_density)])


def _settled(
    setting: _Setting, best: np.ndarray, jitter: np.ndarray | None, held: int = -1
) -> np.ndarray:
    """Each frequency at its best given the others and the noise, until none moves; one of them may be held."""
    best = best.copy()
    for _ in range(1 if held >= 0 else CYCLES):
        moved = False
        for s in range(len(best)):
            if s == held:
                continue
            scan = setting.scan(np.delete(best, s), jitter)
            now = _top(scan)
            moved |= abs(now - best[s]) > STILL * scan.modes()[0].sd
            best[s] = now
        if not moved:
            break
    return best


def _configurations(
    setting: _Setting, best: np.ndarray, jitter: np.ndarray | None
) -> list[Configuration]:
    """That one, and those with one signal at another of its peaks, where the others move."""
    found = [_configuration(setting, best)]
    peaks = [scan.modes() for scan in found[0].scans]
    width = np.array([own[0].sd for own in peaks])
    near = 1 / found[0].scans[0].timespan
    starts = [
        (peak.mass, s, peak.frequency)
        for s, own in enumerate(peaks)
        for peak in own
        if peak.mass >= SHARE and abs(peak.frequency - best[s]) > min(near, 5 * width[s])
    ]
    for _, s, frequency in sorted(starts, reverse=True)[: OTHERS * len(best)]:
        start = best.copy()
        start[s] = frequency
        moved = _settled(setting, start, jitter, held=s)
        rest = np.delete(np.abs(moved - best) / width, s)
        if np.all(rest < 1):
            continue  # the product of the conditional densities holds it
        if all(np.any(np.abs(moved - one.best) > width) for one in found):
            found.append(_configuration(setting, moved))
    return found


def _configuration(setting: _Setting, best: np.ndarray) -> Configuration:
    scans = [setting.scan(np.delete(best, s)) for s in range(len(best))]
    size = len(setting.jitters)
    middle, root = np.zeros(size), np.zeros((size, size))
    if size:
        u = np.concatenate(
            [
                np.stack(
                    [
                        prior.normal_score(np.asarray(scan.jitter)[:, j])
                        for j, prior in enumerate(setting.jitters)
                    ],
                    axis=1,
                )
                for scan in scans
            ]
        )
        middle = u.mean(axis=0)
        matrix = np.atleast_2d(np.cov(u.T)) + 1e-6 * np.eye(size)
        root = WIDER * np.linalg.cholesky(matrix)
    densities = [Density(scan.grid, scan.log_density) for scan in scans]
    return Configuration(best, scans, densities, middle, root)


def _sampled(setting: _Setting, some: list[Configuration], draws: int) -> Sampled:
    """From the joint posterior of frequencies and u."""
    problem, (low, high, _) = setting.given(np.empty(0)), setting.prior

    def log_posterior(frequency: np.ndarray, u: np.ndarray) -> np.ndarray:
        found = np.full(len(frequency), -np.inf)
        inside = np.all((frequency >= low) & (frequency <= high), axis=1)
        frequency, u = frequency[inside], u[inside]
        terms = harmonic_signals.log_evidence(problem, frequency, _jitter(setting, u))
        found[inside] = np.logaddexp.reduce(terms + problem.log_terms, axis=1) + log_normal(u)
        found[inside] += setting.prior.log_prior(frequency).sum(axis=1)
        return found

    return sampled(log_posterior, some, draws, setting.rng)


def _jitter(setting: _Setting, u: np.ndarray) -> np.ndarray | None:
    """Noise terms at u (m, J)."""
    from scipy.special import ndtr

    if not setting.jitters:
        return None
    return np.stack(
        [prior.quantile(ndtr(u[:, j])) for j, prior in enumerate(setting.jitters)], axis=1
    )


def _numbers(
    setting: _Setting, frequency: np.ndarray, jitter: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Draws of the number of harmonics, and the probability of each."""
    problem = setting.given(np.empty(0))
    if len(problem.terms) == 1:
        return np.full(len(frequency), problem.terms[0]), np.ones(1)
    evidence = harmonic_signals.log_evidence(problem, frequency, jitter) + problem.log_terms
    return numbers_given(evidence, problem.terms, setting.rng)
