r"""The posterior of a frequency in noise that is not white, its hyperparameters summed over.

For every kind of noise a lattice of its hyperparameters u (`noises`), at every node the refined density of the
frequency by the transforms of `harmonic_correlated`; then

.. code-block:: text

    Z = sum_n p(noise) exp(-u_n^2 / 2) (2 pi)^-D/2 volume  integral Z_n(f) p(f) df

and draws of node and frequency are importance-resampled with the direct log Z at both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.special import logsumexp
from threadpoolctl import threadpool_limits

from bayes_astro.likelihoods import harmonic_correlated as correlated
from bayes_astro.periodic.frequency_density import (
    FLOOR,
    Density,
    Evaluation,
    FrequencyRange,
    refined_density,
    resample,
)
from bayes_astro.periodic.frequency_modes import FrequencyPosterior
from bayes_astro.periodic.noises import Noise, lattice, mode_of

__all__ = ["InNoise", "Node", "sample_in_noise"]

NEGLIGIBLE = 10.0  # nats below the best node
EVALUATION = Evaluation(correlated.log_evidence_grid, correlated.log_evidence)


class Node(NamedTuple):
    """One set of hyperparameters of one kind of noise, with the density of the frequency there.

    Not its matrices, two of n x n, which are made again where draws fall.
    """

    kind: int
    values: np.ndarray
    project: Callable[[np.ndarray], correlated.CorrelatedProblem]
    """Of such values."""
    density: Density
    log_weight: float
    """Log of prior and volume."""

    def problem(self) -> correlated.CorrelatedProblem:
        """The light curve in this noise."""
        return self.project(self.values)


class InNoise(NamedTuple):
    """Draws of the frequency, and at which node each of them is."""

    posterior: FrequencyPosterior
    nodes: list[Node]
    node: np.ndarray


def sample_in_noise(
    noises: list[Noise],
    arguments: dict[str, Any],
    prior: FrequencyRange,
    draws: int,
    rng: np.random.Generator,
) -> InNoise:
    """Draw frequency and noise.

    Parameters
    ----------
    noises : list of Noise
        Kinds of noise, as probable before the data.
    arguments : dict
        Of `harmonic_correlated.project` but the covariance.
    prior : FrequencyRange
    draws : int
    rng : numpy.random.Generator
    """
    nodes: list[Node] = []
    null: list[float] = []
    spent = 0
    with threadpool_limits(1, "blas"):  # matrices are small
        for kind, noise in enumerate(noises):
            found, log_null, count = _nodes(kind, noise, arguments, prior, -np.log(len(noises)))
            nodes += found
            null.append(log_null - np.log(len(noises)))
            spent += count
    log_mass = np.array([node.density.log_mass + node.log_weight for node in nodes])
    kept = log_mass > log_mass.max() - NEGLIGIBLE
    nodes = [node for node, keep in zip(nodes, kept, strict=True) if keep]
    log_mass = log_mass[kept]
    share = np.exp(log_mass - logsumexp(log_mass))

    def propose(count: int) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
        chosen = rng.choice(len(nodes), count, p=share)
        frequency, log_weight = np.empty(count), np.empty(count)
        for k in np.unique(chosen):
            rows, node = np.flatnonzero(chosen == k), nodes[k]
            f = node.density.draw(len(rows), rng.binomial(len(rows), FLOOR), rng)
            frequency[rows] = f
            height = correlated.log_evidence(node.problem(), f) + prior.log_prior(f)
            proposal = node.density.log_proposal(f, FLOOR) + np.log(share[k])
            log_weight[rows] = height + node.log_weight - proposal
        return (frequency, chosen), log_weight

    (frequency, chosen), log_mean, efficiency, proposals = resample(propose, draws, rng)
    order = rng.permutation(draws)
    frequency, chosen = frequency[order], chosen[order]
    number = np.full(draws, len(arguments["term_sd"]))
    probability = np.zeros(len(arguments["terms"]))
    for k in np.unique(chosen):
        rows, problem = np.flatnonzero(chosen == k), nodes[k].problem()
        evidence = correlated.log_evidence_by_terms(problem, frequency[rows]) + problem.log_terms
        part = np.exp(evidence - logsumexp(evidence, axis=1, keepdims=True))
        picked = (np.cumsum(part, axis=1) < rng.random(len(rows))[:, None]).sum(axis=1)
        number[rows] = problem.terms[np.minimum(picked, len(problem.terms) - 1)]
        probability += part.sum(axis=0) / draws
    kinds = np.array([node.kind for node in nodes])
    grid, log_density = _marginal(nodes, share)
    posterior = FrequencyPosterior(
        frequency=frequency,
        jitter=None,
        grid=grid,
        log_density=log_density,
        log_evidence=log_mean,
        log_evidence_null=float(logsumexp(null)),
        importance_efficiency=efficiency,
        n_evaluations=spent + proposals,
        number=number,
        probability=probability,
        timespan=float(np.ptp(arguments["time"])),
        noise=np.array([share[kinds == kind].sum() for kind in range(len(noises))]),
    )
    return InNoise(posterior, nodes, chosen)


def _nodes(
    kind: int, noise: Noise, arguments: dict[str, Any], prior: FrequencyRange, log_prior: float
) -> tuple[list[Node], float, int]:
    """Nodes of one kind of noise, and the log evidence of the trend alone in it."""
    spent = 0

    def project(values: np.ndarray) -> correlated.CorrelatedProblem:
        return correlated.project(covariance=noise.covariance(values), **arguments)

    def problem_at(u: np.ndarray) -> correlated.CorrelatedProblem:
        return project(noise.values(u))

    def scan(problem: correlated.CorrelatedProblem) -> Density:
        nonlocal spent
        density, count = refined_density(problem, prior, EVALUATION)
        spent += count
        return density

    def null(u: np.ndarray) -> float:
        names = ("value", "design", "beta_mean", "beta_sd")
        own = {name: arguments[name] for name in names}
        return correlated.log_evidence_null(covariance=noise.covariance(noise.values(u)), **own)

    def prior_of(u: np.ndarray) -> float:
        return float(-0.5 * u @ u - 0.5 * len(u) * np.log(2 * np.pi))

    quiet = mode_of(null, noise.size)
    around = lattice([quiet], lambda u: null(u) + prior_of(u))
    log_null = float(logsumexp(around.height) + around.log_volume)

    first = scan(problem_at(quiet[0]))
    best = first.nodes[np.argmax(first.log_density)]

    def loud(u: np.ndarray) -> float:
        return float(correlated.log_evidence(problem_at(u), [best])[0])

    modes = [(quiet[0], quiet[1], quiet[2] - null(quiet[0]) + first.log_mass)]
    width = 0.0
    if noise.size:
        mode, matrix, mass = mode_of(loud, noise.size)
        density = scan(problem_at(mode))
        width = density.log_mass - max(loud(mode), density.peak)
        modes.append((mode, matrix, mass + density.log_mass - loud(mode)))
    # About as much as a scan would find: the null, or the best frequency with the width of its peak.
    whole = lattice(modes, lambda u: max(null(u), loud(u) + width) + prior_of(u))
    found: list[Node] = []
    for u, height in zip(whole.nodes, whole.height, strict=True):
        if height > whole.height.max() - NEGLIGIBLE:
            values, log_weight = noise.values(u), prior_of(u) + whole.log_volume + log_prior
            found.append(Node(kind, values, project, scan(project(values)), log_weight))
    return found, log_null, spent


def _marginal(nodes: list[Node], share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log density of the frequency, averaged over nodes."""
    top = np.argsort(share)[-3:]
    grid = np.unique(np.concatenate([nodes[i].density.nodes for i in top]))
    columns = [
        np.log(weight)
        - one.density.log_mass
        + np.interp(grid, one.density.nodes, one.density.log_density)
        for weight, one in zip(share, nodes, strict=True)
        if weight > 1e-5
    ]
    log_density = logsumexp(np.stack(columns), axis=0)
    peak = log_density.max()
    return grid, log_density - peak - np.log(np.trapezoid(np.exp(log_density - peak), grid))
