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

from bayes_astro.likelihoods.harmonic import (
    HarmonicProblem,
    log_evidence,
    log_evidence_jitter,
    log_evidence_null_jitter,
    with_jitter,
)
from bayes_astro.likelihoods.harmonic_grid import log_evidence_grid

__all__ = ["FrequencyPosterior", "Mode", "modes", "sample_frequency"]

KEEP = 25.0
"""Cells this many nats below the best hold less than 1e-10 of its density."""

STEP = 1.0 / 3.0
"""Step of the refined grid in units of a peak's standard deviation."""

GRID_ACCURACY = 1e-3
"""Error of the coarse grid in nats: it only proposes, refined nodes and weights are direct."""

FLOOR = 0.004
"""Share of the proposals spread evenly over the range: no weight is unbounded."""

OVERSAMPLE = 1.4
"""Proposals per draw: systematic resampling repeats none whose weight is below this mean."""

DIRECT_COST, TRANSFORM_COST = 2.0, 100.0
"""Nanoseconds for one harmonic: a direct sum per point, transforms per frequency."""

PRIOR_STEP = 0.1
"""Largest relative step in frequency under a log-uniform prior."""


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


class _Range(NamedTuple):
    """Prior of the frequency."""

    low: float
    high: float
    log_uniform: bool

    def log_prior(self, frequency):
        if self.log_uniform:
            return -np.log(frequency) - np.log(np.log(self.high / self.low))
        return np.full(np.shape(frequency), -np.log(self.high - self.low))


class _Density:
    """Piecewise-linear density through the nodes, mixed with a little of an even one."""

    def __init__(self, nodes, log_density):
        self.nodes = nodes
        self.log_density = log_density
        self.peak = log_density.max()
        self.height = np.exp(log_density - self.peak)
        mass = 0.5 * np.diff(nodes) * (self.height[1:] + self.height[:-1])
        self.cumulative = np.concatenate([[0.0], np.cumsum(mass)])
        self.log_mass = float(self.peak + np.log(self.cumulative[-1]))

    def draw(self, count, n_even, rng):
        """Independent draws, `n_even` of them from the even density, in random order."""
        low, high = self.nodes[0], self.nodes[-1]
        u = rng.random(count)
        target = u * self.cumulative[-1]
        cell = np.searchsorted(self.cumulative, target, side="right") - 1
        cell = np.clip(cell, 0, len(self.nodes) - 2)
        width = self.nodes[cell + 1] - self.nodes[cell]
        left, right = self.height[cell], self.height[cell + 1]
        # Area left x + (right - left) x^2 / 2 = r, in the form that survives right = left.
        r = np.maximum(target - self.cumulative[cell], 0.0) / width
        root = np.sqrt(np.maximum(left * left + 2.0 * (right - left) * r, 0.0))
        with np.errstate(invalid="ignore", divide="ignore"):
            x = np.where(r > 0.0, 2.0 * r / (left + root), 0.0)
        inside = self.nodes[cell] + width * np.clip(x, 0.0, 1.0)
        floor = rng.choice(count, n_even, replace=False)
        inside[floor] = low + u[floor] * (high - low)
        return inside

    def log_proposal(self, x, share):
        """Normalised log density of draws of which the given share is even."""
        height = np.interp(x, self.nodes, self.height) / self.cumulative[-1]
        even = 1.0 / (self.nodes[-1] - self.nodes[0])
        return np.log((1.0 - share) * height + share * even)


def _floor_count(count):
    """A fixed number of even proposals rather than a random one: the evidence has less noise."""
    return int(np.ceil(FLOOR * count))


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
    prior = _Range(float(low), float(high), log_uniform)
    if jitter_log_prior is None:
        return _sample_fixed_noise(problem, prior, draws, rng)
    return _sample_with_jitter(problem, prior, draws, rng, jitter_log_prior)


def _sample_fixed_noise(problem, prior, draws, rng):
    density, n_evaluations = _refined_density(problem, prior)

    def propose(count):
        frequency = density.draw(count, _floor_count(count), rng)
        log_weight = log_evidence(problem, frequency) + prior.log_prior(frequency)
        log_weight -= density.log_proposal(frequency, _floor_count(count) / count)
        return (frequency,), log_weight

    (frequency,), log_mean, efficiency, n_proposals = _resample(propose, draws, rng)
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


def _resample(propose, draws, rng):
    """Systematic resampling of independent proposals.

    `propose(count)` returns a tuple of arrays and their log weights, in an order that means
    nothing. Where the weights turn out uneven the proposals are made again in greater number, so
    that few are repeated.

    Returns the resampled arrays, the log mean weight, the effective share of the proposals, and
    how many there were.
    """
    count = int(np.ceil(OVERSAMPLE * draws)) + 8
    spent = 0
    for attempt in range(2):
        proposals, log_weight = propose(count)
        spent += count
        peak = log_weight.max()
        weight = np.exp(log_weight - peak)
        total = weight.sum()
        efficiency = float(total**2 / (weight @ weight) / count)
        if attempt == 0 and efficiency < 0.9:
            count = int(count * min(2.0 / efficiency, 20.0))
        else:
            break
    ticks = (np.arange(draws) + rng.random()) / draws * total
    chosen = np.searchsorted(np.cumsum(weight), ticks, side="right")
    chosen = np.minimum(chosen, count - 1)
    log_mean = float(peak + np.log(total / count))
    return tuple(x[chosen] for x in proposals), log_mean, efficiency, spent


class _JitterScale(NamedTuple):
    """The coordinate x = asinh(jitter / unit): linear below the errors, logarithmic above."""

    unit: float
    log_prior_of_jitter: Callable[[np.ndarray], np.ndarray]

    def jitter(self, x):
        return self.unit * np.sinh(x)

    def log_prior(self, x):
        """Log prior density of x."""
        return self.log_prior_of_jitter(self.jitter(x)) + np.log(self.unit * np.cosh(x))


def _sample_with_jitter(problem, prior, draws, rng, jitter_log_prior):
    scale = _JitterScale(float(np.sqrt(np.median(problem.variance))), jitter_log_prior)
    scatter = max(float(np.std(problem.residual)), scale.unit)
    nodes, densities, n_evaluations = _jitter_nodes(problem, prior, scale, scatter)
    log_mass = np.array([density.log_mass for density in densities])
    outer = _jitter_density(nodes, log_mass, scale)

    def propose(count):
        x = outer.draw(count, _floor_count(count), rng)
        share = _floor_count(count) / count
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

    (frequency, jitter), log_mean, efficiency, n_proposals = _resample(propose, draws, rng)
    order = rng.permutation(draws)
    grid, log_density = _jitter_marginal(nodes, densities, outer)
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
        result, spent = _refined_density(with_jitter(problem, scale.jitter(x)), prior)
        n_evaluations += spent
        return result

    far = float(np.arcsinh(30.0 * scatter / scale.unit))
    table = np.linspace(1e-4, far, 1000)
    scout = log_evidence_null_jitter(problem, scale.jitter(table))
    for x in (0.0, float(np.arcsinh(scatter / scale.unit))):
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
    return nodes, densities, n_evaluations


def _jitter_density(nodes, log_mass, scale):
    """Posterior density of x, interpolated between its nodes."""
    # Slow to import, and only needed with a free noise term.
    from scipy.interpolate import Akima1DInterpolator

    x = np.linspace(max(nodes[0], 1e-6), nodes[-1], 1000)
    curve = Akima1DInterpolator(nodes, log_mass, method="makima")(x)
    return _Density(x, curve + scale.log_prior(x))


def _jitter_marginal(nodes, densities, outer):
    """Density of the frequency, averaged over the nodes of the jitter."""
    x = 0.5 * (outer.nodes[1:] + outer.nodes[:-1])
    hats = [np.interp(x, nodes, row) for row in np.eye(len(nodes))]
    share = np.array(hats) @ np.diff(outer.cumulative)
    share /= share.sum()
    # The grids of the most probable nodes resolve every peak that is left in the average.
    top = np.argsort(share)[-3:]
    grid = np.unique(np.concatenate([densities[i].nodes for i in top]))
    height = np.zeros(len(grid))
    for weight, density in zip(share, densities, strict=True):
        if weight > 1e-4:
            height += weight * np.interp(
                grid, density.nodes, density.height / density.cumulative[-1]
            )
    height /= np.trapezoid(height, grid)
    return grid, np.log(np.maximum(height, 1e-300))


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


def _refined_density(problem, prior):
    """Nodes fine enough everywhere that matters, with the log density (unnormalised) on them."""
    low, high, _ = prior
    n_terms = len(problem.term_sd)
    timespan = max(float(np.ptp(problem.time)), 1e-3 / (high - low))
    count = max(int(np.ceil((high - low) * 5 * n_terms * timespan)), 64) + 1
    step = (high - low) / (count - 1)
    nodes = np.linspace(low, high, count)
    log_density = log_evidence_grid(problem, low, step, count, GRID_ACCURACY)
    log_density += prior.log_prior(nodes)
    n_evaluations = count
    # Heights above this can come from the data; below it there is nothing left to lose.
    floor = log_density.min()

    # Curvature of log Z at a peak of P nats: 2 P (2 pi)^2 var(t), times K^2 at most if all its
    # power is in the highest harmonic. The spread of an even sampling guards against weights
    # that are concentrated on a few points.
    mean = np.average(problem.time, weights=problem.weight)
    spread = np.average((problem.time - mean) ** 2, weights=problem.weight)
    spread = max(spread, timespan**2 / 12.0)
    curvature = 2.0 * (2.0 * np.pi) ** 2 * spread

    # Divide cells until each is fine enough for its own height. A cell of width h hides up to
    # P curvature (h / 2)^2 / 2 nats of a peak between its nodes, or twice that: the curvature
    # takes the signal's squared slope at its mean, which the sampling may favour.
    uniform = True
    for _ in range(40):
        width = np.diff(nodes)
        higher = np.maximum(log_density[1:], log_density[:-1])
        best = log_density.max()
        hidden = (best - floor) * n_terms**2 * curvature * width**2 / 4.0
        wanted = STEP / np.sqrt(np.maximum(higher - floor, 0.5) * curvature)
        if prior.log_uniform:
            wanted = np.minimum(wanted, PRIOR_STEP * nodes[:-1])
        keep = higher > best - KEEP - hidden
        parts = np.where(keep, np.clip(np.ceil(width / wanted - 1e-9), 1, 4), 1).astype(np.int64)
        if np.all(parts == 1):
            # The rule knows the fundamental's curvature only: look for bends that it missed.
            parts = np.where(_bends(nodes, log_density, best) & keep, 2, 1)
            if np.all(parts == 1):
                break
        n_new = int((parts - 1).sum())
        # Where most cells must be divided, a finer grid of transforms is quicker than direct sums.
        finer = int(parts.max()) * (len(nodes) - 1) + 1
        uniform &= n_new * len(problem.time) * DIRECT_COST > finer * TRANSFORM_COST
        if uniform:
            step = (high - low) / (finer - 1)
            nodes = np.linspace(low, high, finer)
            log_density = log_evidence_grid(problem, low, step, finer, GRID_ACCURACY)
            log_density += prior.log_prior(nodes)
            n_evaluations += finer
            continue
        nodes, log_density = _divide(problem, prior, nodes, log_density, parts)
        n_evaluations += n_new
    return _Density(nodes, log_density), n_evaluations


def _bends(nodes, log_density, best):
    """Cells beside a node where the log density leaves its neighbours' line by much."""
    left, right = np.diff(nodes)[:-1], np.diff(nodes)[1:]
    slope = np.diff(log_density) / np.diff(nodes)
    bend = np.abs(np.diff(slope)) * 0.5 * np.maximum(left, right)
    # Half of h^2 / sigma^2 = STEP^2, with some allowance, where there is mass to lose.
    strong = (bend > 1.5 * STEP**2) & (log_density[1:-1] > best - 12.0)
    # A node at the edge of float resolution cannot be divided further.
    strong &= np.minimum(left, right) > 1e-12 * nodes[1:-1]
    cells = np.zeros(len(nodes) - 1, dtype=bool)
    cells[:-1] |= strong
    cells[1:] |= strong
    # Of two unequal cells only the wider one needs to be divided.
    widest = np.zeros_like(cells)
    widest[:-1] |= strong & (left >= 0.75 * right)
    widest[1:] |= strong & (right >= 0.75 * left)
    return cells & widest


def _divide(problem, prior, nodes, log_density, parts):
    """Divide each cell into its number of equal parts, evaluating directly at the new nodes."""
    extra = parts - 1
    cell = np.repeat(np.arange(len(parts)), extra)
    within = np.arange(len(cell)) - np.repeat(np.cumsum(extra) - extra, extra) + 1
    new = nodes[cell] + (nodes[cell + 1] - nodes[cell]) * within / parts[cell]
    value = log_evidence(problem, new) + prior.log_prior(new)
    # Node i moves up by the nodes that were put before it.
    old_at = np.arange(len(nodes)) + np.concatenate([[0], np.cumsum(extra)])
    new_at = cell + np.arange(len(cell)) + 1
    merged, merged_value = np.empty((2, len(nodes) + len(new)))
    merged[old_at], merged[new_at] = nodes, new
    merged_value[old_at], merged_value[new_at] = log_density, value
    return merged, merged_value


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
