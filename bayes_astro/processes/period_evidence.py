"""The evidence of a process with a periodic mean function, over all of its periods together.

By importance sampling, twice, with proposals of different widths. Where the coefficients integrate
out, from frequencies in proportion to their marginal density at some kernel's parameters, and a
Student t for these. Of eccentric orbits, and of light curves too long to scan whole, from Student t's
about the separate maxima, and an orbit of any eccentricity at any of the frequencies.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

from bayes_astro.processes.periods import Periods, Scan, turned
from bayes_astro.samplers.curvature import (
    Gaussian,
    gaussian,
    importance,
    student,
    student_draws,
)

__all__ = ["Broad", "Proposal", "log_evidence", "proposals"]

WIDTHS = ((1.0, 1.1), (0.6, 1.5))
"""Temper of the frequencies and factor of the widths, of the first proposal and the second."""
ROUNDS, SMALL = 12, 0.08
"""Times that as many draws are added, until the error of the log evidence is so small, in nats."""
BROAD = 0.3
FLOOR = 0.02
ELEMENTS = 0.3  # width of proposed elements of the eccentricity


class Proposal(NamedTuple):
    """Frequencies by the cells of a scan, tempered, and a Student t for the kernel's parameters."""

    scan: Scan
    around: Gaussian
    temper: float
    wide: float

    def frequencies(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Draws of the frequency."""
        cell = rng.choice(len(self.scan.middle), count, p=self.scan.proposal(self.temper))
        return self.scan.middle[cell] + self.scan.width[cell] * rng.uniform(-0.5, 0.5, count)

    def parameters(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Draws of the kernel's parameters."""
        return student_draws(self.around, count, self.wide, rng)

    def log_density(self, frequency: np.ndarray, parameters: np.ndarray) -> np.ndarray:
        """Log density of both, per unit of frequency."""
        scan = self.scan
        cell = np.searchsorted(scan.edges, frequency, side="right") - 1
        inside = (cell >= 0) & (cell < len(scan.middle))
        cell = np.clip(cell, 0, len(scan.middle) - 1)
        share = np.log(scan.proposal(self.temper)[cell] / scan.width[cell])
        return np.where(inside, share, -np.inf) + student(self.around, parameters, self.wide)


def log_evidence(periods: Periods, draws: int, rng: np.random.Generator) -> dict[str, float]:
    """Log evidence with its error, the efficiency of its weights, and the second estimate."""
    whole = periods.exact and periods.part is periods
    estimate = _marginal if whole else _joint
    parts = proposals(periods)

    def repeated(how: tuple[float, float]) -> tuple[float, float, float]:
        """Until the error is small, or for so many draws."""
        own, weights = [Proposal(*part, *how) for part in parts], []
        for _ in range(ROUNDS):
            weights.append(estimate(periods, own, draws, rng))
            found = importance(np.concatenate(weights))
            if found[2] < SMALL:
                break
        return found

    (efficiency, first, error), (_, second, other) = (repeated(how) for how in WIDTHS)
    return {
        "log_evidence": first,
        "log_evidence_error": error,
        "importance_efficiency": efficiency,
        "log_evidence_again": second,
        "log_evidence_again_error": other,
    }


def proposals(periods: Periods) -> list[tuple[Scan, Gaussian]]:
    """Of the two highest maxima, and of no signal."""
    found, others = [], periods.others
    for own in (mode.around() for mode in periods.modes[:2]):
        covariance = ((own.axes * own.width**2) @ own.axes.T)[np.ix_(others, others)]
        values, axes = np.linalg.eigh(covariance)
        around = Gaussian(own.mode[others], np.sqrt(values), axes)
        found.append((periods.part.scan(own.mode), around))
    x = periods.noise
    own = gaussian(periods.along(x, others), x[others])
    own = own._replace(width=np.minimum(own.width, 3.0))
    return [*found, (periods.part.scan(x), own)]


def _marginal(
    periods: Periods, parts: list[Proposal], draws: int, rng: np.random.Generator
) -> np.ndarray:
    """Log weights with the coefficients integrated out."""
    which = np.sort(rng.integers(len(parts), size=draws))
    x, frequency = np.zeros((draws, periods.size)), np.zeros(draws)
    for k, part in enumerate(parts):
        own = which == k
        frequency[own] = part.frequencies(own.sum(), rng)
        x[np.ix_(own, periods.others)] = part.parameters(own.sum(), rng)
    points, slope = periods.at_frequency(x, frequency)
    log_q = [part.log_density(frequency, x[:, periods.others]) for part in parts]
    density = periods.marginal(points)[0] + slope
    return density - (logsumexp(log_q, axis=0) - np.log(len(parts)))


def _joint(
    periods: Periods, parts: list[Proposal], draws: int, rng: np.random.Generator
) -> np.ndarray:
    """Log weights of all coordinates, from the maxima and from orbits at any frequency."""
    around, wide = [mode.around() for mode in periods.modes], parts[0].wide
    mass = np.array([mode.mass for mode in periods.modes])
    share = np.exp(mass - logsumexp(mass)) + FLOOR
    share *= (1 - BROAD) / share.sum()
    which = rng.choice(len(share) + 1, draws, p=np.append(share, 1 - share.sum()))
    points = np.empty((draws, periods.size))
    for k, own in enumerate(around):
        points[which == k] = student_draws(own, int((which == k).sum()), wide, rng)
    broad = Broad(periods, parts[0])
    points[which == len(share)] = broad.draws(int((which == len(share)).sum()), rng)
    log_q = [
        np.log(part) + student(own, points, wide) for part, own in zip(share, around, strict=True)
    ]
    log_q.append(np.log(1 - share.sum()) + broad.log_density(points))
    return periods.density.densities(points) - logsumexp(log_q, axis=0)


class Broad:
    """Any frequency, any eccentricity: coefficients as of the circular orbit, turned with omega."""

    def __init__(self, periods: Periods, part: Proposal) -> None:
        self.periods, self.part = periods, part
        self.curved, self.linear = periods.curved, periods.linear
        rest = np.setdiff1d(
            np.arange(periods.size), [periods.at, *self.linear, *self.curved, *periods.others]
        )
        self.elements = np.append(self.curved, rest).astype(int)

    def draws(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Points (count, size)."""
        periods, elements = self.periods, self.elements
        x = np.zeros((count, periods.size))
        x[:, periods.others] = self.part.parameters(count, rng)
        x, _ = periods.at_frequency(x, self.part.frequencies(count, rng))
        x[:, elements] = ELEMENTS * rng.standard_normal((count, len(elements)))
        mean, axes, width = self._conditional(x)
        unit = rng.standard_normal((count, len(self.linear)))
        moved = mean + np.einsum("nij,nj->ni", axes, width * unit)
        x[:, self.linear] = self._turned(x, moved, -1.0)
        return x

    def log_density(self, x: np.ndarray) -> np.ndarray:
        """Of points (m, size), in their coordinates."""
        periods = self.periods
        frequency = periods.frequency(x)
        _, slope = periods.at_frequency(x, frequency)
        found = self.part.log_density(frequency, x[:, periods.others]) - slope
        mean, axes, width = self._conditional(x)
        residual = self._turned(x, x[:, self.linear], 1.0) - mean
        unit = np.einsum("nji,nj->ni", axes, residual) / width
        for z, scale in ((unit, width), (x[:, self.elements] / ELEMENTS, ELEMENTS)):
            found -= np.sum(0.5 * z**2 + np.log(np.sqrt(2 * np.pi) * scale), axis=1)
        return found

    def _conditional(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean, axes and widths along these of the coefficients, on a circular orbit."""
        circular = x.copy()
        circular[:, self.elements] = 0.0
        if len(self.curved):
            circular[:, self.curved[0]] = 1e-3
        _, mean, precision = self.periods.marginal(circular)
        values, axes = np.linalg.eigh(precision)
        least = 1e-12 * values.max(axis=1, keepdims=True)
        return mean, axes, 2 * self.part.wide / np.sqrt(np.maximum(values, least))

    def _turned(self, x: np.ndarray, pair: np.ndarray, sign: float) -> np.ndarray:
        if not len(self.curved):
            return pair
        omega = np.arctan2(x[:, self.curved[1]], x[:, self.curved[0]])
        return turned(pair, sign * omega)
