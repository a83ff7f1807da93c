r"""The posterior of a frequency and of noise terms together; see `frequency_posterior`.

Every band or instrument may have a jitter of its own. A grid over all of them is out of reach, but given a
frequency they hardly know of each other: about the best jitters x* of a peak, in the coordinate
x = asinh(jitter / unit), the posterior is nearly a product of one-dimensional conditional densities. The
proposal is a mixture over nodes of the noise (those of the trend alone, and of the best peaks),

.. code-block:: text

    q(f, x) = sum_c pi_c q_c(f | s_c(x)) prod_j t_cj(x_j),    s_c(x) = sum_j (x_j - x*_cj) / sd_cj / J^1/2

with t_cj the conditional density at the node, flattened. With more noise all peaks of the frequency are
lower and wider, and s says how much there is: q_c(f | s) lies between the refined densities on two
neighbours of a ladder of some x* + s sd J^-1/2. Draws are importance-resampled with the exact density.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from bayes_astro.likelihoods.harmonic import (
    HarmonicProblem,
    log_evidence_jitter,
    log_evidence_null_jitter,
    with_jitter,
)
from bayes_astro.periodic.frequency_density import (
    FLOOR,
    WHITE,
    Density,
    FrequencyRange,
    floor_count,
    numbers,
    refined_density,
    resample,
)
from bayes_astro.periodic.frequency_modes import FrequencyPosterior

__all__ = ["sample_with_jitters"]

NODES, LAST = 40, 120  # of a conditional density while it is looked for, and in the end
FLATTER = 0.85  # power of the conditional densities: their tails bound the weights
CANDIDATES = 6  # peaks whose jitters are looked for in each scan
CALM = 0.1  # a start of the search at hardly any jitter
BETTER = 0.1  # nats from which a node nearer to its peak takes the place of another
SCANS = 6  # until the best peak stays the same
HIGHEST = {1: (3.6, 9)}  # reach of a ladder in s and its rungs, for one jitter
SEVERAL = (2.4, 5)  # and for more
NEARBY, FEW = (
    40.0,
    0.05,
)  # nats within which a density is computed anew at other jitters; share of the nodes
MATTERS = 9.0  # nats below the best peak, within which another's jitters are a node
PILOT = 1500  # proposals that tell how much each node is worth


class _Noise:
    """Coordinates x = asinh(jitter / unit) of all noise terms: linear below the errors, logarithmic above."""

    def __init__(self, problem: HarmonicProblem, priors: Sequence[Callable]) -> None:
        rows = [problem.noise_of == j for j in range(len(priors))]
        self.unit = np.array([np.sqrt(np.median(problem.variance[own])) for own in rows])
        scatter = np.array([np.std(problem.residual[own]) for own in rows])
        self.far = np.arcsinh(30.0 * np.maximum(scatter, self.unit) / self.unit)
        self.loud = np.arcsinh(scatter / self.unit)
        self.priors = priors

    def jitter(self, x: np.ndarray) -> np.ndarray:
        return self.unit * np.sinh(x)

    def log_prior(self, x: np.ndarray) -> np.ndarray:
        """Log prior density of x (m, J)."""
        jitter = self.jitter(x)
        parts = [prior(jitter[..., j]) for j, prior in enumerate(self.priors)]
        return np.sum(parts, axis=0) + np.log(self.unit * np.cosh(x)).sum(axis=-1)


class _Node(NamedTuple):
    """Jitters about which frequencies are proposed, and the conditional densities of each."""

    x: np.ndarray
    conditionals: list[Density]
    sharp: list[Density]
    """The same, not flattened."""
    log_mass: float
    """Height with the volume of the conditional densities: what the peak is worth."""
    sd: np.ndarray

    def draw(self, count: int, rng: np.random.Generator) -> np.ndarray:
        columns = [one.draw(count, rng.binomial(count, FLOOR), rng) for one in self.conditionals]
        return np.stack(columns, axis=1)

    def log_proposal(self, x: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):
            return np.sum(
                [_density(one, x[:, j]) for j, one in enumerate(self.conditionals)], axis=0
            )


class _Ladder(NamedTuple):
    """A node, and densities of the frequency with less and more noise than it has."""

    node: _Node
    rungs: np.ndarray
    densities: list[Density]

    def hats(self, x: np.ndarray) -> np.ndarray:
        """Share of each density in the proposal at x, (m, rungs)."""
        node = self.node
        s = ((x - node.x) / np.maximum(node.sd, 1e-9)).sum(axis=1) / np.sqrt(len(node.x))
        return np.stack([np.interp(s, self.rungs, row) for row in np.eye(len(self.rungs))], axis=1)

    def draw(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        x = self.node.draw(count, rng)
        below = np.cumsum(self.hats(x), axis=1) < rng.random(count)[:, None]
        rung = np.minimum(below.sum(axis=1), len(self.rungs) - 1)
        frequency = np.empty(count)
        for k, density in enumerate(self.densities):
            member = np.flatnonzero(rung == k)
            frequency[member] = density.draw(len(member), rng.binomial(len(member), FLOOR), rng)
        return frequency, x

    def log_proposals(self, frequency: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Log density by rung, (m, rungs)."""
        columns = [density.log_proposal(frequency, FLOOR) for density in self.densities]
        with np.errstate(divide="ignore"):
            return (
                np.stack(columns, axis=1)
                + np.log(self.hats(x))
                + self.node.log_proposal(x)[:, None]
            )


def _density(one: Density, x: np.ndarray) -> np.ndarray:
    inside = (x >= one.nodes[0]) & (x <= one.nodes[-1])
    return np.where(inside, one.log_proposal(x, FLOOR), -np.inf)


def _node(height: Callable[[np.ndarray], np.ndarray], noise: _Noise, start: np.ndarray) -> _Node:
    """The best jitters for a log density of x (m, J), found by one coordinate at a time."""
    x = start.copy()
    size = len(x)
    low, high = np.full(size, 1e-6), noise.far.copy()
    for sweep in range(4):
        count = LAST if sweep == 3 else NODES
        tables = np.linspace(low, high, count, axis=1)  # (J, count)
        points = np.broadcast_to(x, (size, count, size)).copy()
        points[np.arange(size), :, np.arange(size)] = tables
        values = height(points.reshape(-1, size)).reshape(size, count)
        top = np.argmax(values, axis=1)
        # As far as six nats below in the search, farther for the density itself.
        depth = 12.0 if sweep == 2 else 6.0
        for j in range(size):
            x[j] = tables[j, top[j]]
            inside = np.flatnonzero(values[j] > values[j, top[j]] - depth)
            low[j] = tables[j, max(inside[0] - 1, 0)]
            high[j] = tables[j, min(inside[-1] + 1, count - 1)]
    densities = [Density(t, FLATTER * (v - v.max())) for t, v in zip(tables, values, strict=True)]
    sharp = [Density(t, v - v.max()) for t, v in zip(tables, values, strict=True)]
    moments = np.array([_moments(one) for one in sharp])
    best = float(height(x[None])[0])
    return _Node(x, densities, sharp, best + sum(one.log_mass for one in sharp), moments)


def _moments(one: Density) -> float:
    """Standard deviation of a density."""
    mass = np.diff(one.cumulative) / one.cumulative[-1]
    middle = 0.5 * (one.nodes[1:] + one.nodes[:-1])
    return float(np.sqrt(mass @ (middle - mass @ middle) ** 2))


def sample_with_jitters(
    problem: HarmonicProblem,
    prior: FrequencyRange,
    draws: int,
    rng: np.random.Generator,
    log_priors: Sequence[Callable],
    evaluation: Any = WHITE,
) -> FrequencyPosterior:
    """`sample_frequency` with jitters of the given log prior densities."""
    noise = _Noise(problem, log_priors)
    quiet = _node(
        lambda x: log_evidence_null_jitter(problem, noise.jitter(x)) + noise.log_prior(x),
        noise,
        np.clip(noise.loud, 1e-6, noise.far),
    )
    ladders, loud, evaluations = _ladders(problem, prior, noise, quiet, evaluation)
    weights = np.full(len(ladders), 1 / len(ladders))

    def target(frequency: np.ndarray, x: np.ndarray) -> np.ndarray:
        found = log_evidence_jitter(problem, frequency, noise.jitter(x))
        return found + prior.log_prior(frequency) + noise.log_prior(x)

    def propose(count: int) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
        frequency, x, parts = _proposed(ladders, weights, count, rng)
        return (frequency, noise.jitter(x)), target(frequency, x) - _log_sum(parts)

    for _ in range(2):  # what each node is worth
        frequency, x, parts = _proposed(ladders, weights, PILOT, rng)
        total = _log_sum(parts)
        weight = target(frequency, x) - total
        weight = np.exp(weight - weight.max())
        shares = (weight[:, None] * np.exp(parts - total[:, None])).sum(axis=0) / weight.sum()
        starts = np.cumsum([0, *(len(one.rungs) for one in ladders[:-1])])
        weights = 0.9 * np.add.reduceat(shares, starts) + 0.1 / len(ladders)
        weights /= weights.sum()

    (frequency, jitter), log_mean, efficiency, spent = resample(propose, draws, rng)
    order = rng.permutation(draws)
    number, probability = numbers(problem, frequency, jitter, rng)
    x = np.arcsinh(jitter / noise.unit)
    volume = sum(one.log_mass for one in quiet.sharp) + float(noise.log_prior(quiet.x))
    far = [(loud.log_mass + volume - log_mean, loud)] if ladders[-1].node is quiet else []
    grid, log_density = _marginal(ladders, x, far)
    return FrequencyPosterior(
        frequency=frequency[order],
        jitter=jitter[order],
        number=number[order],
        probability=probability,
        grid=grid,
        log_density=log_density,
        log_evidence=log_mean,
        log_evidence_null=_null(problem, noise, quiet, rng),
        importance_efficiency=efficiency,
        n_evaluations=evaluations + spent + 2 * PILOT,
        timespan=float(np.ptp(problem.time)),
    )


def _ladders(
    problem: HarmonicProblem,
    prior: FrequencyRange,
    noise: _Noise,
    quiet: _Node,
    evaluation: Any,
) -> tuple[list[_Ladder], Density, int]:
    """Nodes of the noise, each with densities of the frequency, the best first, which has several; and the
    density where all scatter is noise."""
    resolution = 1 / float(np.ptp(problem.time))
    spent = 0

    def scan(x: np.ndarray) -> Density:
        nonlocal spent
        found, count = refined_density(with_jitter(problem, noise.jitter(x)), prior, evaluation)
        spent += count
        return found

    def nearby(known: Density, x: np.ndarray) -> Density | None:
        """On the nodes of a density at jitters close by, where those that matter are few."""
        nonlocal spent
        matters = known.log_density > known.peak - NEARBY
        if np.sum(matters) > FEW * len(matters):
            return None
        at = known.nodes[matters]
        height = log_evidence_jitter(problem, at, np.tile(noise.jitter(x), (len(at), 1)))
        spent += len(at)
        # Elsewhere as it was, but for a common factor.
        moved = height + prior.log_prior(at) - known.log_density[matters]
        log_density = known.log_density + moved[np.argmax(height)]
        log_density[matters] += moved - moved[np.argmax(height)]
        return Density(known.nodes, log_density)

    middle = np.zeros(1)
    loud = scan(quiet.x)
    ladders = [_Ladder(quiet, middle, [loud])]
    found: list[tuple[float, _Node]] = []
    best: _Node | None = None
    for _ in range(SCANS):
        start = np.minimum(ladders[-1].node.x, 0.9 * noise.far)
        for rank, frequency in enumerate(_tops(ladders[-1].densities[0], resolution)):
            near = [i for i, (f, _) in enumerate(found) if abs(frequency - f) <= 0.5 * resolution]
            if near and rank > 0:
                continue

            def height(x: np.ndarray, f: float = frequency) -> np.ndarray:
                at = np.full(len(x), f)
                return log_evidence_jitter(problem, at, noise.jitter(x)) + noise.log_prior(x)

            node = _node(height, noise, start)
            if rank == 0:  # where noise can stand for signal there may be two ways
                calm = _node(height, noise, np.full(len(start), CALM))
                node = max(node, calm, key=lambda one: one.log_mass)
            # With less noise the highest peak is narrower, and stands a little beside.
            if not near:
                found.append((frequency, node))
            elif node.log_mass > found[near[0]][1].log_mass + BETTER:
                found[near[0]] = (frequency, node)
        top = max((node for _, node in found), key=lambda node: node.log_mass)
        if top is best:
            break
        best = top
        ladders.append(_Ladder(best, middle, [scan(best.x)]))
    assert best is not None
    reach, count = HIGHEST.get(len(best.x), SEVERAL)
    root = np.sqrt(len(best.x))
    sd = np.maximum(best.sd, 1e-9)
    rungs = np.linspace(-min(reach, float(np.max(best.x / sd)) * root), reach, count)
    points = [np.clip(best.x + s * sd / root, 1e-6, noise.far) for s in rungs]
    middle_one = ladders[-1].densities[0]
    densities = [nearby(middle_one, x) or scan(x) for x in points]
    # What the ladder reaches needs no node of its own.
    apart = [np.any(np.abs(one.node.x - best.x) / sd > 2.0) for one in ladders]
    ladders = [_Ladder(best, rungs, densities)] + [
        one for one, own in zip(reversed(ladders), reversed(apart), strict=True) if own
    ]
    others = [node for _, node in found if all(node is not one.node for one in ladders)]
    for node in sorted(others, key=lambda node: -node.log_mass)[:3]:
        moved = np.abs(node.x - best.x) / sd
        if node.log_mass > best.log_mass - MATTERS and np.any(moved > 1.0):
            ladders.insert(1, _Ladder(node, middle, [scan(node.x)]))
    return ladders, loud, spent


def _tops(density: Density, resolution: float) -> list[float]:
    """Frequencies of the highest peaks that are a resolution element apart."""
    values, nodes = density.log_density, density.nodes
    padded = np.concatenate([[-np.inf], values, [-np.inf]])
    maxima = np.flatnonzero((padded[1:-1] >= padded[:-2]) & (padded[1:-1] > padded[2:]))
    chosen: list[float] = []
    for i in maxima[np.argsort(-values[maxima])][: 50 * CANDIDATES]:
        if all(abs(nodes[i] - one) > resolution for one in chosen):
            chosen.append(float(nodes[i]))
        if len(chosen) == CANDIDATES:
            break
    return chosen


def _proposed(
    ladders: list[_Ladder], weights: np.ndarray, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Proposals of frequency and x, and the log density of each part of the mixture at them."""
    source = rng.choice(len(ladders), count, p=weights)
    frequency, x = np.empty(count), np.empty((count, len(ladders[0].node.x)))
    for c, ladder in enumerate(ladders):
        member = np.flatnonzero(source == c)
        frequency[member], x[member] = ladder.draw(len(member), rng)
    parts = [
        ladder.log_proposals(frequency, x) + np.log(weight)
        for ladder, weight in zip(ladders, weights, strict=True)
    ]
    return frequency, x, np.concatenate(parts, axis=1)


def _log_sum(parts: np.ndarray) -> np.ndarray:
    peak = parts.max(axis=1, keepdims=True)
    return (peak + np.log(np.exp(parts - peak).sum(axis=1, keepdims=True)))[:, 0]


def _marginal(
    ladders: list[_Ladder], x: np.ndarray, far: list[tuple[float, Density]]
) -> tuple[np.ndarray, np.ndarray]:
    """Log density of the frequency, averaged over draws of the noise.

    Far from the peak, where all scatter must be noise, none of the draws explains the data: the density there
    is that of a node `far` from them, with the log of its share of the evidence. It is an estimate to a few
    nats, hundreds of nats below the peak.
    """
    distance = [
        np.abs((x - one.node.x) / np.maximum(one.node.sd, 1e-9)).max(axis=1) for one in ladders
    ]
    reach = np.array([max(one.rungs[-1], 1.0) for one in ladders])
    nearest = np.argmin(np.stack(distance, axis=1) / reach, axis=1)
    parts = list(far)
    for c, one in enumerate(ladders):
        shares = one.hats(x[nearest == c]).sum(axis=0) / len(x)
        parts += [
            (np.log(share), density)
            for share, density in zip(shares, one.densities, strict=True)
            if share > 1e-4
        ]
    # The grids of the most probable nodes resolve every peak that is left in the average.
    top = sorted(parts, key=lambda part: -part[0])[:3]
    grid = np.unique(np.concatenate([density.nodes for _, density in top]))
    # Summed as logarithms: far from the peak the density is smaller than any float.
    columns = [
        weight - one.log_mass + np.interp(grid, one.nodes, one.log_density) for weight, one in parts
    ]
    log_density = _log_sum(np.stack(columns, axis=1))
    peak = log_density.max()
    return grid, log_density - peak - np.log(np.trapezoid(np.exp(log_density - peak), grid))


def _null(problem: HarmonicProblem, noise: _Noise, node: _Node, rng: np.random.Generator) -> float:
    """Evidence of the trend alone: weights about one where the noise terms know nothing of each other."""
    count = 2000
    columns = [one.draw(count, floor_count(count), rng) for one in node.sharp]
    x = np.stack(columns, axis=1)
    share = floor_count(count) / count
    log_weight = log_evidence_null_jitter(problem, noise.jitter(x)) + noise.log_prior(x)
    for j, one in enumerate(node.sharp):
        log_weight -= one.log_proposal(x[:, j], share)
    peak = log_weight.max()
    return float(peak + np.log(np.exp(log_weight - peak).mean()))
