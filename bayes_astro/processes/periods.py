r"""The periods of a mean function, all of them: proposed, weighed and summed by the harmonic evidence.

A posterior over periods has a maximum for every alias and every cycle that the sampling confuses; none
is found by climbing from draws of the prior. Given the period and the kernel's parameters, the
coefficients of a `Harmonics` or circular `KeplerOrbit` enter the log density as a quadratic,

.. code-block:: text

    log p(c, f, theta) = v + g'c - c'A c / 2,
    log p(f, theta) = v + g'A^-1 g / 2 + (p log 2 pi - log det A) / 2,

whose v, g and A follow from (p + 1)(p + 2) / 2 values of the density, whatever the kernel, the bands
and what else is marginalised. Over a grid of frequencies, split where the density is steep, this is the
posterior of the period given theta. Its maxima are where climbs begin; as a proposal, together with a
Student t for theta, it gives the evidence of all periods together by importance sampling.

An eccentric orbit is proposed as a circular one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import logsumexp

from bayes_astro.samplers.curvature import climb
from bayes_astro.samplers.mode import Mode

__all__ = ["Periods", "Scan"]

CELLS, MOST = 5.0, 100_000  # in a cycle of the time span, and of the whole grid
LEVELS = 14  # how often a cell may be split
STEEP = 0.3  # nats between neighbours that are close enough
DEPTH = 30.0  # nats below the highest maximum, to which others are looked at
PEAKS = 8
WORK = 4e7  # densities of a row that a scan may take; of longer light curves it sees a part
TERMS = 4  # harmonics that are integrated out; a mean of more is proposed by these
DEFENSIVE = 0.1


@dataclass(frozen=True)
class Scan:
    """Posterior of the frequency given the other parameters, in cells: all (m,), by frequency."""

    middle: np.ndarray
    width: np.ndarray
    density: np.ndarray
    """Log density per unit of frequency."""

    @property
    def mass(self) -> np.ndarray:
        """Log of each cell's integral."""
        return self.density + np.log(self.width)

    @property
    def edges(self) -> np.ndarray:
        """Of the cells, (m + 1,)."""
        return np.append(self.middle - self.width / 2, self.middle[-1] + self.width[-1] / 2)

    def peaks(self, apart: float, count: int = PEAKS) -> list[int]:
        """Cells of the highest maxima that are so far apart, highest first."""
        found: list[int] = []
        for i in np.argsort(-self.density, kind="stable"):
            if self.density[i] < self.density.max() - DEPTH or len(found) == count:
                break
            if all(abs(self.middle[i] - self.middle[j]) > apart for j in found):
                found.append(int(i))
        return found

    def proposal(self, temper: float) -> np.ndarray:
        """Probability of each cell, tempered, with a share that knows of no signal."""
        tempered = temper * self.density + np.log(self.width)
        own = np.exp(tempered - logsumexp(tempered))
        return (1 - DEFENSIVE) * own + DEFENSIVE * self.width / self.width.sum()


class Periods:
    """What a process with a periodic mean function says of every period.

    Parameters
    ----------
    problem : ProcessProblem
        Whose mean function has ``folds_on``, ``linear`` and ``curved``.
    """

    def __init__(self, problem: Any) -> None:
        self.problem, function = problem, problem.function
        self.density = Mode(problem, np.zeros(0), 0.0, False)
        self.coordinates = problem.target.coordinates
        place = {name: own.start for name, own in self.coordinates.slices.items()}
        self.name = function.folds_on
        self.at = place[self.name]
        names = function.linear[: 2 * TERMS]
        self.linear = np.array([place[name] for name in names])
        self.steps = np.array(
            [np.ravel(problem.priors[n].sample(_rng(), 200)).std() for n in names]
        )
        self.curved = np.array([place[name] for name in function.curved], dtype=int)
        rest = [place[name] for name in function.linear[2 * TERMS :]]
        self.size = int((~problem.idle).sum())
        mean = [self.at, *self.linear, *self.curved, *rest]
        self.others = np.setdiff1d(np.arange(self.size), mean)
        normal = all(problem.priors[name].distribution == "Normal" for name in names)
        self.exact = normal and not len(self.curved) and not rest
        self.span = float(np.ptp(problem.data.time))
        low, high = _range(problem.priors[self.name])
        self.low, self.high = 1 / high, 1 / low

    # One frequency, and all of them -----------------------------------------------------------

    def at_frequency(self, x: np.ndarray, frequency: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Vectors with the periods' coordinate set, and the log of its slope with frequency."""
        x = np.broadcast_to(x, (len(frequency), self.size)).copy()
        step = 1e-5
        values = self.coordinates.values(self.density.whole(x, None))
        ends = []
        for factor in (1 - step, 1.0, 1 + step):
            values[self.name] = 1 / (frequency * factor)
            ends.append(self.coordinates.flat(values)[:, self.at])
        x[:, self.at] = ends[1]
        return x, np.log(np.abs(ends[2] - ends[0]) / (2 * step * frequency))

    def marginal(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Log density with the coefficients integrated out (m,), their mean (m, p), precision."""
        p, step = len(self.linear), self.steps
        moves = [np.zeros(p), *np.diag(step), *-np.diag(step)]
        pairs = [(i, j) for i in range(p) for j in range(i)]
        moves += [np.where((np.arange(p) == i) | (np.arange(p) == j), step, 0.0) for i, j in pairs]
        points = np.repeat(x[:, None], len(moves), axis=1)
        points[:, :, self.linear] = np.array(moves)
        value = self.density.densities(points.reshape(-1, self.size)).reshape(len(x), -1)
        middle, up, down = value[:, 0], value[:, 1 : p + 1], value[:, p + 1 : 2 * p + 1]
        precision = np.zeros((len(x), p, p))
        with np.errstate(invalid="ignore"):
            gradient = (up - down) / (2 * step)
            precision[:, range(p), range(p)] = -(up + down - 2 * middle[:, None]) / step**2
            for n, (i, j) in enumerate(pairs):
                mixed = value[:, 2 * p + 1 + n] - up[:, i] - up[:, j] + middle
                precision[:, i, j] = precision[:, j, i] = -mixed / (step[i] * step[j])
        bad = ~np.isfinite(value).all(axis=1)
        precision[bad], gradient[bad] = np.eye(p), 0.0
        mean = np.linalg.solve(precision, gradient[:, :, None])[:, :, 0]
        sign, log_det = np.linalg.slogdet(precision)
        found = middle + 0.5 * np.sum(gradient * mean, axis=1)
        found = found + 0.5 * (p * np.log(2 * np.pi) - log_det)
        return np.where(bad | (sign <= 0), -np.inf, found), mean, precision

    def over_frequency(self, x: np.ndarray, frequency: np.ndarray) -> np.ndarray:
        """Log density per unit of frequency given the other parameters of `x`."""
        points, slope = self.at_frequency(x, frequency)
        return self.marginal(points)[0] + slope

    def scan(self, x: np.ndarray) -> Scan:
        """Every frequency that the prior admits, in cells as narrow as the density asks for."""
        count = int(np.clip(CELLS * self.span * (self.high - self.low), 64, MOST))
        edges = np.linspace(self.low, self.high, count + 1)
        middle, width = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
        density = self.over_frequency(x, middle)
        for _ in range(LEVELS):
            mass = density + np.log(width)
            # The ends of the range count as steep: nothing stands behind them.
            with np.errstate(invalid="ignore"):
                up = np.abs(np.diff(density, append=density[-1]))
            steep = np.maximum(up, np.roll(up, 1)) > STEEP
            split = np.flatnonzero(steep & (mass > logsumexp(mass) + np.log(1e-4)))
            if len(split) == 0:
                break
            third = width[split] / 3
            new = np.concatenate([middle[split] - third, middle[split] + third])
            width[split] = third
            middle = np.concatenate([middle, new])
            width = np.concatenate([width, third, third])
            density = np.concatenate([density, self.over_frequency(x, new)])
            order = np.argsort(middle)
            middle, width, density = middle[order], width[order], density[order]
        return Scan(middle, width, density)

    # Where the posterior has its maxima ---------------------------------------------------------

    @cached_property
    def noise(self) -> np.ndarray:
        """The highest point without a signal: the kernel takes it all."""
        points = self.problem.flat(self.problem.scatter(80, _rng()))[:, : self.size]
        points[:, self.linear] = 0.0
        if len(self.curved):
            points[:, self.curved] = 0.03, 0.0
        order = np.argsort(-self.density.densities(points), kind="stable")
        x, free = points[order[0]], self.others
        if len(free):
            x[free], _, _ = climb(self.along(x.copy(), free), points[order[:3]][:, free], 300)
        return x

    def along(self, x: np.ndarray, free: np.ndarray) -> Any:
        """The density over some of the coordinates."""

        def density(part: np.ndarray) -> tuple[float, np.ndarray]:
            whole = x.copy()
            whole[free] = part
            value, gradient = self.density.density(whole)
            return value, gradient[free]

        return density

    @cached_property
    def part(self) -> Periods:
        """The same of so many rows as a scan may take."""
        p = len(self.linear)
        cells = np.clip(CELLS * self.span * (self.high - self.low), 64, MOST)
        every = int(np.ceil(len(self.problem.data) * cells * (p + 1) * (p + 2) / 2 / WORK))
        if every == 1:
            return self
        band = self.problem.curve.band
        kept = [np.flatnonzero(band == b)[::every] for b in np.unique(band)]
        return Periods(self.problem.of_rows(np.sort(np.concatenate(kept))))

    @cached_property
    def modes(self) -> list[Mode]:
        """Separate maxima, the highest first."""
        found: list[Mode] = []
        x = self.part.noise
        for _ in range(2):
            scan = self.part.scan(x)
            for i in scan.peaks(1 / self.span):
                self._add(found, x, scan.middle[i])
            found.sort(key=lambda mode: -mode.value)
            x = found[0].point
        top = found[0].value
        return [mode for mode in found if mode.value > top - DEPTH][:PEAKS]

    def _add(self, found: list[Mode], x: np.ndarray, frequency: float) -> None:
        """Climb from a peak, and keep where it leads if that is new."""
        start, _ = self.at_frequency(x, np.array([frequency]))
        _, mean, _ = self.marginal(start)
        start[0, self.linear] = mean[0]
        starts = start
        if len(self.curved):
            starts = np.repeat(start, 5, axis=0)
            starts[0, self.curved] = 0.03, 0.0
            for k, omega in enumerate(np.arange(4) * np.pi / 2):
                starts[k + 1, self.curved] = 0.6 * np.cos(omega), 0.6 * np.sin(omega)
                starts[k + 1, self.linear] = turned(mean[0], -omega)
        mode = Mode(self.problem, *climb(self.density.density, starts, 300))
        own = self.frequency(mode.point[None])[0]
        for i, other in enumerate(found):
            if abs(self.frequency(other.point[None])[0] - own) < 0.3 / self.span:
                if mode.value > other.value:
                    found[i] = mode
                return
        found.append(mode)

    def frequency(self, points: np.ndarray) -> np.ndarray:
        """Of vectors (m, size)."""
        return 1 / self.coordinates.values(self.density.whole(points, None))[self.name]

    def draws(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Points (count, size) about all modes, by their masses."""
        mass = np.array([mode.mass for mode in self.modes])
        which = rng.choice(len(mass), count, p=np.exp(mass - logsumexp(mass)))
        unit = rng.standard_normal((count, self.size))
        found = [
            self.modes[k].around().points(one[None]) for k, one in zip(which, unit, strict=True)
        ]
        return np.concatenate(found)

    def elsewhere(self, frequency: np.ndarray, x: np.ndarray) -> float:
        """Share of the posterior at frequencies that are not within a cycle of any of the given.

        `x` has the other parameters. Of eccentric orbits by the maxima alone.
        """
        reached = np.sort(frequency)
        apart = 1 / self.span
        if len(self.curved):
            middle = np.array([self.frequency(mode.point[None])[0] for mode in self.modes])
            mass = np.array([mode.mass for mode in self.modes])
        else:
            scan = self.part.scan(x)
            middle, mass = scan.middle, scan.mass
        place = np.searchsorted(reached, middle)
        below = np.abs(middle - reached[np.maximum(place - 1, 0)])
        above = np.abs(middle - reached[np.minimum(place, len(reached) - 1)])
        far = np.minimum(below, above) > apart
        return float(np.exp(logsumexp(mass[far]) - logsumexp(mass))) if far.any() else 0.0


def turned(pair: np.ndarray, angle: Any) -> np.ndarray:
    """Cosine and sine coefficients (..., 2) at a phase that is `angle` later."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack(
        [pair[..., 0] * cos - pair[..., 1] * sin, pair[..., 0] * sin + pair[..., 1] * cos], axis=-1
    )


def _rng() -> np.random.Generator:
    """What is found of one problem does not depend on a fit's seed."""
    return np.random.default_rng(17)


def _range(prior: Any) -> tuple[float, float]:
    """Shortest and longest period that a prior admits, or nearly."""
    if {"lower", "upper"} <= set(prior.arguments):
        return float(prior.arguments["lower"]), float(prior.arguments["upper"])
    low, high = np.quantile(prior.sample(_rng(), 20_000), [1e-4, 1 - 1e-4])
    return max(float(low), 1e-6 * float(high)), float(high)
