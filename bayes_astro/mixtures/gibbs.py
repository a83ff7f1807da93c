"""Draws of a mixture by turns, with labels and true values as unknowns of their own.

Given the mixture, an object's component has the probability q_ik and its true value is Gaussian
(`likelihoods.mixture_objects.conditionals`). Given labels and true values everything is conjugate:

.. code-block:: text

    shares     ~ Dirichlet(alpha + n_k)
    mean       ~ N((n V^-1 + P)^-1 (n V^-1 v-bar + P mu), (n V^-1 + P)^-1)
    covariance ~ InverseWishart(nu + n_k, psi + sum (v - mean)(v - mean)')

The steps are short where noise is large, since then the labels and true values hardly move: this
sampler is here to check the others.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.likelihoods.mixture_objects import conditionals
from bayes_astro.mixtures.coordinates import Parameters
from bayes_astro.mixtures.expectation import Conjugate, Deconvolution
from bayes_astro.mixtures.search import best

__all__ = ["chains"]


def chains(
    problem: Deconvolution, settings: Any, rng: np.random.Generator, report: Any
) -> dict[str, np.ndarray] | None:
    """Scaled parameters (chain, draw, ...); None when `report` stopped it in the warm-up."""
    prior = problem.prior
    if not isinstance(prior, Conjugate):
        raise ValueError("regularization has no proper prior to sample: use ba.MAP().")
    if problem.points.weighted != problem.points.n or problem.layout.uniform:
        raise ValueError("ba.Gibbs takes neither weights nor a uniform background: use ba.NUTS().")
    start, _ = best(problem, rng, restarts=5, tolerance=0.1, max_steps=500, moves=3)
    states = [start.parameters] * settings.chains
    kept: list[list[Parameters]] = [[] for _ in states]
    for i in range(settings.tune + settings.draws):
        if report(i):
            break
        for c, state in enumerate(states):
            states[c] = _sweep(problem, prior, state, rng)
            if i >= settings.tune:
                kept[c].append(states[c])
    if not kept[0]:
        return None
    return {
        name: np.array([[getattr(p, name) for p in chain] for chain in kept])
        for name in ("weight", "mean", "covariance", "background")
    }


def _sweep(
    problem: Deconvolution, prior: Conjugate, old: Parameters, rng: np.random.Generator
) -> Parameters:
    layout, d = problem.layout, problem.layout.d
    log_share, centre, spread, _ = conditionals(
        *problem.points.arrays(), old.weight, old.mean, old.covariance, 0.0
    )
    label = np.argmax(log_share + rng.gumbel(size=log_share.shape), axis=1)
    rows = np.arange(len(label))
    values, vectors = np.linalg.eigh(spread[rows, label])
    unit = rng.standard_normal((len(label), d)) * np.sqrt(np.maximum(values, 0.0))
    true = centre[rows, label] + np.einsum("nij,nj->ni", vectors, unit)
    count = np.bincount(label, minlength=layout.components)
    weight, mean, covariance = old.weight.copy(), old.mean.copy(), old.covariance.copy()
    if len(layout.free_weight):
        free = rng.dirichlet(prior.alpha + count[layout.free_weight])
        weight = layout.shares(free)
    for k in layout.free_mean:
        precision = np.linalg.inv(covariance[k])
        total = count[k] * precision + np.diag(1 / prior.sd**2)
        pull = precision @ true[label == k].sum(axis=0) + prior.mean / prior.sd**2
        variance = np.linalg.inv(total)
        mean[k] = rng.multivariate_normal(variance @ pull, variance, method="cholesky")
    for k in layout.free_covariance:
        offset = true[label == k] - mean[k]
        covariance[k] = _inverse_wishart(prior.nu + count[k], prior.psi + offset.T @ offset, rng)
    return Parameters(weight, mean, covariance)


def _inverse_wishart(nu: float, scale: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One draw by Bartlett's decomposition: V = C A^-T A^-1 C' with scale = C C'."""
    d = len(scale)
    lower = np.tril(rng.standard_normal((d, d)), -1)
    lower[np.diag_indices(d)] = np.sqrt(rng.chisquare(nu - np.arange(d)))
    # A A' is Wishart(nu, 1), its inverse the inverse Wishart of unit scale.
    root = np.linalg.solve(lower, np.linalg.cholesky(scale).T).T
    return root @ root.T
