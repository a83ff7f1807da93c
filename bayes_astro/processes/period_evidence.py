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

__all__ = ["log_evidence"]

WIDTHS = ((1.0, 1.1), (0.6, 1.5))
"""Temper of the frequencies and factor of the widths, of the first proposal and the second."""
BROAD = 0.3
FLOOR = 0.02


class _Proposal(NamedTuple):
    """Frequencies by cells, and a Student t for the kernel's parameters at `x`."""

    scan: Scan
    x: np.ndarray
    around: Gaussian


def log_evidence(periods: Periods, draws: int, rng: np.random.Generator) -> dict[str, float]:
    """Log evidence with its error, the efficiency of its weights, and the second estimate."""
    whole = periods.exact and periods.part is periods
    estimate = _marginal if whole else _joint
    parts = _proposals(periods)
    (efficiency, first, error), (_, second, other) = (
        importance(estimate(periods, parts, draws, rng, *widths)) for widths in WIDTHS
    )
    return {
        "log_evidence": first,
        "log_evidence_error": error,
        "importance_efficiency": efficiency,
        "log_evidence_again": second,
        "log_evidence_again_error": other,
    }


def _proposals(periods: Periods) -> list[_Proposal]:
    """Of the two highest maxima, and of no signal."""
    found, others = [], periods.others
    for own in (mode.around() for mode in periods.modes[:2]):
        covariance = ((own.axes * own.width**2) @ own.axes.T)[np.ix_(others, others)]
        values, axes = np.linalg.eigh(covariance)
        x = own.mode.copy()
        found.append(_Proposal(periods.part.scan(x), x, Gaussian(x[others], np.sqrt(values), axes)))
    x = periods.noise.copy()
    own = gaussian(periods.along(x, others), x[others])
    own = own._replace(width=np.minimum(own.width, 3.0))
    return [*found, _Proposal(periods.part.scan(x), x, own)]


def _log_cells(scan: Scan, frequency: np.ndarray, temper: float) -> np.ndarray:
    """Log density of the proposal per unit of frequency."""
    cell = np.searchsorted(scan.edges, frequency, side="right") - 1
    inside = (cell >= 0) & (cell < len(scan.middle))
    cell = np.clip(cell, 0, len(scan.middle) - 1)
    return np.where(inside, np.log(scan.proposal(temper)[cell] / scan.width[cell]), -np.inf)


def _frequencies(scan: Scan, count: int, temper: float, rng: np.random.Generator) -> np.ndarray:
    cell = rng.choice(len(scan.middle), count, p=scan.proposal(temper))
    return scan.middle[cell] + scan.width[cell] * rng.uniform(-0.5, 0.5, count)


def _marginal(
    periods: Periods,
    parts: list[_Proposal],
    draws: int,
    rng: np.random.Generator,
    temper: float,
    wide: float,
) -> np.ndarray:
    """Log weights with the coefficients integrated out."""
    others = periods.others
    which = np.sort(rng.integers(len(parts), size=draws))
    x, frequency = np.zeros((draws, periods.size)), np.zeros(draws)
    for k, part in enumerate(parts):
        own = which == k
        frequency[own] = _frequencies(part.scan, own.sum(), temper, rng)
        x[np.ix_(own, others)] = student_draws(part.around, own.sum(), wide, rng)
    points, slope = periods.at_frequency(x, frequency)
    log_q = [
        _log_cells(part.scan, frequency, temper) + student(part.around, x[:, others], wide)
        for part in parts
    ]
    density = periods.marginal(points)[0] + slope
    return density - (logsumexp(log_q, axis=0) - np.log(len(parts)))


def _joint(
    periods: Periods,
    parts: list[_Proposal],
    draws: int,
    rng: np.random.Generator,
    temper: float,
    wide: float,
) -> np.ndarray:
    """Log weights of all coordinates, from the maxima and from orbits at any frequency."""
    around = [mode.around() for mode in periods.modes]
    mass = np.array([mode.mass for mode in periods.modes])
    share = np.exp(mass - logsumexp(mass)) + FLOOR
    share *= (1 - BROAD) / share.sum()
    which = rng.choice(len(share) + 1, draws, p=np.append(share, 1 - share.sum()))
    points = np.empty((draws, periods.size))
    for k, own in enumerate(around):
        points[which == k] = student_draws(own, int((which == k).sum()), wide, rng)
    broad = _Broad(periods, parts[0], temper, wide)
    points[which == len(share)] = broad.draws(int((which == len(share)).sum()), rng)
    log_q = [
        np.log(part) + student(own, points, wide) for part, own in zip(share, around, strict=True)
    ]
    log_q.append(np.log(1 - share.sum()) + broad.log_density(points))
    return periods.density.densities(points) - logsumexp(log_q, axis=0)


class _Broad:
    """Any frequency, any eccentricity: coefficients as of the circular orbit, turned with omega."""

    def __init__(self, periods: Periods, part: _Proposal, temper: float, wide: float) -> None:
        self.periods, self.part, self.temper, self.wide = periods, part, temper, wide
        self.curved, self.linear = periods.curved, periods.linear
        rest = np.setdiff1d(
            np.arange(periods.size), [periods.at, *self.linear, *self.curved, *periods.others]
        )
        self.priors = np.append(self.curved, rest).astype(int)

    def draws(self, count: int, rng: np.random.Generator) -> np.ndarray:
        periods, part = self.periods, self.part
        x = np.zeros((count, periods.size))
        x[:, periods.others] = student_draws(part.around, count, self.wide, rng)
        frequency = _frequencies(part.scan, count, self.temper, rng)
        x, _ = periods.at_frequency(x, frequency)
        # Priors of the elements are unit normals of this width.
        x[:, self.priors] = 0.3 * rng.standard_normal((count, len(self.priors)))
        mean, factor = self._conditional(x)
        unit = rng.standard_normal((count, len(self.linear), 1))
        x[:, self.linear] = self._turned(x, mean + (factor @ unit)[..., 0], -1.0)
        return x

    def log_density(self, x: np.ndarray) -> np.ndarray:
        periods, part = self.periods, self.part
        frequency = periods.frequency(x)
        _, slope = periods.at_frequency(x, frequency)
        found = _log_cells(part.scan, frequency, self.temper) - slope
        found += student(part.around, x[:, periods.others], self.wide)
        z = x[:, self.priors] / 0.3
        found -= 0.5 * np.sum(z**2 + np.log(2 * np.pi * 0.09), axis=1)
        mean, factor = self._conditional(x)
        residual = self._turned(x, x[:, self.linear], 1.0) - mean
        z = np.linalg.solve(factor, residual[..., None])[..., 0]
        found -= 0.5 * np.sum(z**2 + np.log(2 * np.pi), axis=1)
        return found - np.log(np.abs(np.diagonal(factor, axis1=1, axis2=2))).sum(axis=1)

    def _conditional(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and factor of the coefficients' covariance, on a circular orbit."""
        circular = x.copy()
        circular[:, self.priors] = 0.0
        if len(self.curved):
            circular[:, self.curved[0]] = 1e-3
        _, mean, precision = self.periods.marginal(circular)
        values, axes = np.linalg.eigh(precision)
        wide = 2 * self.wide / np.sqrt(np.maximum(values, 1e-12 * values.max()))
        return mean, axes * wide[:, None, :]

    def _turned(self, x: np.ndarray, pair: np.ndarray, sign: float) -> np.ndarray:
        if not len(self.curved):
            return pair
        omega = np.arctan2(x[:, self.curved[1]], x[:, self.curved[0]])
        return turned(pair, sign * omega)
