"""The density of a frequency on a grid that resolves every peak, and draws from it."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from bayes_astro.likelihoods.harmonic import log_evidence, log_evidence_by_terms
from bayes_astro.likelihoods.harmonic_grid import log_evidence_grid

__all__ = [
    "FLOOR",
    "KEEP",
    "Density",
    "Evaluation",
    "FrequencyRange",
    "floor_count",
    "numbers",
    "numbers_given",
    "refined_density",
    "resample",
]

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

SPARSE = 0.3
"""Share of cells that can hold mass, below which the others are put aside."""

PRIOR_STEP = 0.1
"""Largest relative step in frequency under a log-uniform prior."""


class FrequencyRange(NamedTuple):
    """Prior of the frequency."""

    low: float
    high: float
    log_uniform: bool

    def log_prior(self, frequency):
        if self.log_uniform:
            return -np.log(frequency) - np.log(np.log(self.high / self.low))
        return np.full(np.shape(frequency), -np.log(self.high - self.low))


class Density:
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


def floor_count(count):
    """A fixed number of even proposals rather than a random one: the evidence has less noise."""
    return int(np.ceil(FLOOR * count))


def resample(propose, draws, rng):
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


def numbers(problem, frequency, jitter, rng):
    """Draws of the number of harmonics given the rest, and the probability of each number."""
    if len(problem.terms) == 1:
        return np.full(len(frequency), problem.terms[0]), np.ones(1)
    evidence = log_evidence_by_terms(problem, frequency, jitter) + problem.log_terms
    return numbers_given(evidence, problem.terms, rng)


def numbers_given(evidence, terms, rng):
    """The same from the log evidence with the prior (m, T) of so many harmonics (T,)."""
    share = np.exp(evidence - evidence.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    chosen = (np.cumsum(share, axis=1) < rng.random(len(share))[:, None]).sum(axis=1)
    return terms[np.minimum(chosen, len(terms) - 1)], share.mean(axis=0)


class Evaluation(NamedTuple):
    """How log Z of a problem is computed: on a grid, and directly; and where finer nodes are wanted."""

    grid: Callable
    direct: Callable
    within: Callable | None = None
    kept: int = 0


WHITE = Evaluation(log_evidence_grid, log_evidence)


def refined_density(problem, prior, evaluation=WHITE):
    """Nodes fine enough everywhere that matters, with the log density (unnormalised) on them."""
    low, high, _ = prior
    n_terms = len(problem.term_sd)
    timespan = max(float(np.ptp(problem.time)), 1e-3 / (high - low))
    count = max(int(np.ceil((high - low) * 5 * n_terms * timespan)), 64) + 1
    step = (high - low) / (count - 1)
    nodes = np.linspace(low, high, count)
    log_density = evaluation.grid(problem, low, step, count, GRID_ACCURACY)
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
    uniform = evaluation.within is None
    aside, cells = None, None
    for _ in range(40):
        width = np.diff(nodes)
        higher = np.maximum(log_density[1:], log_density[:-1])
        best = log_density.max()
        hidden = (best - floor) * n_terms**2 * curvature * width**2 / 4.0
        wanted = STEP / np.sqrt(np.maximum(higher - floor, 0.5) * curvature)
        if prior.log_uniform:
            wanted = np.minimum(wanted, PRIOR_STEP * nodes[:-1])
        keep = higher > best - KEEP - hidden
        if evaluation.within is not None:
            keep &= evaluation.within(0.5 * (nodes[1:] + nodes[:-1]))
        if cells is not None:
            keep &= cells
        parts = np.where(keep, np.clip(np.ceil(width / wanted - 1e-9), 1, 4), 1).astype(np.int64)
        if np.all(parts == 1):
            # The rule knows the fundamental's curvature only: look for bends that it missed.
            parts = np.where(_bends(nodes, log_density, best, cells) & keep, 2, 1)
            if np.all(parts == 1):
                break
        n_new = int((parts - 1).sum())
        # Where most cells must be divided, a finer grid of transforms is quicker than direct sums.
        finer = int(parts.max()) * (len(nodes) - 1) + 1
        uniform &= n_new * len(problem.time) * DIRECT_COST > finer * TRANSFORM_COST
        if uniform:
            step = (high - low) / (finer - 1)
            nodes = np.linspace(low, high, finer)
            log_density = evaluation.grid(problem, low, step, finer, GRID_ACCURACY)
            log_density += prior.log_prior(nodes)
            n_evaluations += finer
            continue
        if aside is None and np.mean(keep) < SPARSE:
            # What was given up once stays so: only the nodes of the other cells are looked at again.
            used = np.zeros(len(nodes), dtype=bool)
            used[:-1] |= keep
            used[1:] |= keep
            used[:-1] |= used[1:].copy()  # and their neighbours, with which bends are seen
            used[1:] |= used[:-1].copy()
            index = np.flatnonzero(used)
            aside = nodes[~used], log_density[~used]
            cells = np.diff(index) == 1
            parts = np.where(cells, parts[index[:-1]], 1)
            nodes, log_density = nodes[used], log_density[used]
        if cells is not None:
            cells = np.repeat(cells, parts)
        nodes, log_density = _divide(problem, prior, evaluation, nodes, log_density, parts)
        n_evaluations += n_new
    if aside is not None:
        nodes, log_density = _merged(aside, (nodes, log_density))
    return Density(nodes, log_density), n_evaluations


def _merged(some, others):
    """Two ascending sets of nodes as one, with what belongs to them."""
    at = np.searchsorted(some[0], others[0]) + np.arange(len(others[0]))
    first = np.ones(len(some[0]) + len(others[0]), dtype=bool)
    first[at] = False
    merged = []
    for one, other in zip(some, others, strict=True):
        whole = np.empty(len(first))
        whole[first], whole[at] = one, other
        merged.append(whole)
    return merged


def _bends(nodes, log_density, best, cells):
    """Cells beside a node where the log density leaves its neighbours' line by much; some are gaps."""
    left, right = np.diff(nodes)[:-1], np.diff(nodes)[1:]
    slope = np.diff(log_density) / np.diff(nodes)
    bend = np.abs(np.diff(slope)) * 0.5 * np.maximum(left, right)
    # Half of h^2 / sigma^2 = STEP^2, with some allowance, where there is mass to lose.
    strong = (bend > 1.5 * STEP**2) & (log_density[1:-1] > best - 12.0)
    # A node at the edge of float resolution cannot be divided further.
    strong &= np.minimum(left, right) > 1e-12 * nodes[1:-1]
    if cells is not None:
        strong &= cells[:-1] & cells[1:]
    beside = np.zeros(len(nodes) - 1, dtype=bool)
    beside[:-1] |= strong
    beside[1:] |= strong
    # Of two unequal cells only the wider one needs to be divided.
    widest = np.zeros_like(beside)
    widest[:-1] |= strong & (left >= 0.75 * right)
    widest[1:] |= strong & (right >= 0.75 * left)
    return beside & widest


def _divide(problem, prior, evaluation, nodes, log_density, parts):
    """Divide each cell into its number of equal parts, evaluating directly at the new nodes."""
    extra = parts - 1
    cell = np.repeat(np.arange(len(parts)), extra)
    within = np.arange(len(cell)) - np.repeat(np.cumsum(extra) - extra, extra) + 1
    new = nodes[cell] + (nodes[cell + 1] - nodes[cell]) * within / parts[cell]
    value = evaluation.direct(problem, new) + prior.log_prior(new)
    # Node i moves up by the nodes that were put before it.
    old_at = np.arange(len(nodes)) + np.concatenate([[0], np.cumsum(extra)])
    new_at = cell + np.arange(len(cell)) + 1
    merged, merged_value = np.empty((2, len(nodes) + len(new)))
    merged[old_at], merged[new_at] = nodes, new
    merged_value[old_at], merged_value[new_at] = log_density, value
    return merged, merged_value
