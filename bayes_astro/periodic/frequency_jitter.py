"""The posterior of a frequency and a noise term together; see `frequency_posterior`."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.interpolate import Akima1DInterpolator

from bayes_astro.likelihoods.harmonic import (
    log_evidence_jitter,
    log_evidence_null_jitter,
    with_jitter,
)
from bayes_astro.periodic.frequency_density import (
    FLOOR,
    Density,
    floor_count,
    refined_density,
    resample,
)
from bayes_astro.periodic.frequency_modes import FrequencyPosterior

__all__ = ["sample_with_jitter"]


class _JitterScale(NamedTuple):
    """The coordinate x = asinh(jitter / unit): linear below the errors, logarithmic above."""

    unit: float
    log_prior_of_jitter: Callable[[np.ndarray], np.ndarray]

    def jitter(self, x):
        return self.unit * np.sinh(x)

    def log_prior(self, x):
        """Log prior density of x."""
        return self.log_prior_of_jitter(self.jitter(x)) + np.log(self.unit * np.cosh(x))


def sample_with_jitter(problem, prior, draws, rng, jitter_log_prior):
    """`sample_frequency` with a jitter of the given log prior density."""
    scale = _JitterScale(float(np.sqrt(np.median(problem.variance))), jitter_log_prior)
    scatter = max(float(np.std(problem.residual)), scale.unit)
    nodes, densities, loud, n_evaluations = _jitter_nodes(problem, prior, scale, scatter)
    log_mass = np.array([density.log_mass for density in densities])
    outer = _jitter_density(nodes, log_mass, scale)

    def propose(count):
        x = outer.draw(count, floor_count(count), rng)
        share = floor_count(count) / count
        jitter = scale.jitter(x)
        log_weight = scale.log_prior(x) - outer.log_proposal(x, share)
        # Given the jitter, the frequency comes from one of the two neighbouring nodes.
        cell = np.clip(np.searchsorted(nodes, x) - 1, 0, len(nodes) - 2)
        upper = np.clip((x - nodes[cell]) / (nodes[cell + 1] - nodes[cell]), 0.0, 1.0)
        source = cell + (rng.random(count) < upper)
        frequency = np.empty(count)
        for k in np.unique(source):
            member = np.flatnonzero(source == k)
            frequency[member] = densities[k].draw(
                len(member), rng.binomial(len(member), FLOOR), rng
            )
        for k in np.unique(cell):
            member = np.flatnonzero(cell == k)
            with np.errstate(divide="ignore"):
                log_weight[member] -= np.logaddexp(
                    np.log1p(-upper[member]) + densities[k].log_proposal(frequency[member], FLOOR),
                    np.log(upper[member]) + densities[k + 1].log_proposal(frequency[member], FLOOR),
                )
        order = np.argsort(jitter)  # equal weights of the points are computed once
        frequency, jitter, log_weight = (
            frequency[order],
            jitter[order],
            log_weight[order],
        )
        log_weight += log_evidence_jitter(problem, frequency, jitter) + prior.log_prior(frequency)
        return (frequency, jitter), log_weight

    (frequency, jitter), log_mean, efficiency, n_proposals = resample(propose, draws, rng)
    order = rng.permutation(draws)
    grid, log_density = _jitter_marginal(nodes, densities, outer, loud, scale, len(problem.time))
    return FrequencyPosterior(
        frequency=frequency[order],
        jitter=jitter[order],
        grid=grid,
        log_density=log_density,
        log_evidence=log_mean,
        log_evidence_null=_null_with_jitter(problem, scale, scatter),
        importance_efficiency=efficiency,
        n_evaluations=n_evaluations + n_proposals,
        timespan=float(np.ptp(problem.time)),
    )


def _jitter_nodes(problem, prior, scale, scatter):
    """Values of x that cover the posterior of the jitter, with the frequency's density at each.

    A scout finds where they should be: log Z at the best frequencies without jitter and with all
    scatter as jitter, as a function of the jitter.
    """
    n_evaluations = 0

    def density(x):
        nonlocal n_evaluations
        result, spent = refined_density(with_jitter(problem, scale.jitter(x)), prior)
        n_evaluations += spent
        return result

    far = float(np.arcsinh(30.0 * scatter / scale.unit))
    table = np.linspace(1e-4, far, 1000)
    scout = log_evidence_null_jitter(problem, scale.jitter(table))
    loud = float(np.arcsinh(scatter / scale.unit))
    for x in (0.0, loud):
        result = density(x)
        best = np.full(len(table), result.nodes[np.argmax(result.height)])
        # The evidence of a peak is its height times its width over the range.
        width = np.log(2.5 * result.cumulative[-1] / (prior.high - prior.low))
        at_best = log_evidence_jitter(problem, best, scale.jitter(table)) + min(width, 0.0)
        scout = np.logaddexp(scout, at_best)
    scout += scale.log_prior(table)
    inside = table[scout > scout.max() - 11.0]
    margin = far / len(table)
    first, last = max(inside[0] - margin, 0.0), inside[-1] + margin
    if first < 0.2 * (last - first):
        first = 0.0
    nodes = np.linspace(first, last, 9)
    densities = [density(x) for x in nodes]

    for _ in range(6):
        log_mass = np.array([d.log_mass for d in densities])
        outer = _jitter_density(nodes, log_mass, scale)
        with np.errstate(divide="ignore"):
            height = np.interp(nodes, outer.nodes, np.log(outer.height))
        step = nodes[1] - nodes[0], nodes[-1] - nodes[-2]
        new = []
        if height[0] > -8.0 and nodes[0] > 0.0:
            new.append(max(nodes[0] - step[0], 0.0))
        if height[-1] > -8.0:
            new.append(nodes[-1] + step[1])
        # Nodes further apart than the posterior is wide, where its mass is.
        share = np.interp(nodes, outer.nodes, outer.cumulative / outer.cumulative[-1])
        centre = 0.5 * (outer.nodes[1:] + outer.nodes[:-1])
        mass = np.diff(outer.cumulative) / outer.cumulative[-1]
        sd = np.sqrt(np.average((centre - mass @ centre) ** 2, weights=mass))
        wide = (np.diff(share) > 0.02) & (np.diff(nodes) > 1.3 * sd)
        new.extend(0.5 * (nodes[1:] + nodes[:-1])[wide])
        if not new:
            break
        densities += [density(x) for x in new]
        nodes = np.concatenate([nodes, new])
        order = np.argsort(nodes)
        nodes, densities = nodes[order], [densities[i] for i in order]
    return nodes, densities, (loud, result), n_evaluations


def _jitter_density(nodes, log_mass, scale):
    """Posterior density of x, interpolated between its nodes."""
    # Slow to import, and only needed with a free noise term.

    x = np.linspace(max(nodes[0], 1e-6), nodes[-1], 1000)
    curve = Akima1DInterpolator(nodes, log_mass, method="makima")(x)
    return Density(x, curve + scale.log_prior(x))


def _jitter_marginal(nodes, densities, outer, loud, scale, n):
    """Density of the frequency, averaged over the nodes of the jitter.

    Far from the peak, where all scatter must be noise, none of the nodes explains the data: the
    density there is that of one `loud` node, weighted with the width 2.5 / sqrt(2 n) that its own
    posterior would have. It is an estimate to a few nats, hundreds of nats below the peak.
    """
    x = 0.5 * (outer.nodes[1:] + outer.nodes[:-1])
    hats = [np.interp(x, nodes, row) for row in np.eye(len(nodes))]
    share = np.array(hats) @ np.diff(outer.cumulative)
    share /= share.sum()
    # The grids of the most probable nodes resolve every peak that is left in the average.
    top = np.argsort(share)[-3:]
    grid = np.unique(np.concatenate([densities[i].nodes for i in top]))
    parts = [
        (np.log(weight) - density.log_mass, density)
        for weight, density in zip(share, densities, strict=True)
        if weight > 1e-4
    ]
    at, density = loud
    if not nodes[0] < at < nodes[-1]:
        width = 2.5 / np.sqrt(2 * n)
        parts.append((float(scale.log_prior(at)) + np.log(width) - outer.log_mass, density))
    # Summed as logarithms: far from the peak the density is smaller than any float.
    log_density = np.full(len(grid), -np.inf)
    for log_weight, density in parts:
        column = np.interp(grid, density.nodes, density.log_density)
        log_density = np.logaddexp(log_density, log_weight + column)
    peak = log_density.max()
    return grid, log_density - peak - np.log(np.trapezoid(np.exp(log_density - peak), grid))


def _null_with_jitter(problem, scale, scatter):
    """Evidence of the trend alone: a quadrature over x, first to find its range."""
    x = np.linspace(1e-6, float(np.arcsinh(1e3 * scatter / scale.unit)), 1000)
    for _ in range(2):
        log_density = log_evidence_null_jitter(problem, scale.jitter(x)) + scale.log_prior(x)
        inside = np.flatnonzero(log_density > log_density.max() - 40.0)
        first, last = max(inside[0] - 1, 0), min(inside[-1] + 1, len(x) - 1)
        peak = log_density.max()
        found = peak + np.log(np.trapezoid(np.exp(log_density - peak), x))
        x = np.linspace(x[first], x[last], 2000)
    return float(found)
