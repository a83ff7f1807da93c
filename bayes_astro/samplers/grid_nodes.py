"""The nodes of a grid: where it begins, how it grows and gets finer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["CURVATURE", "FEWEST", "MODES", "MOST_NODES", "NEGLIGIBLE", "RELEVANT"]

LogDensity = Callable[[np.ndarray], np.ndarray]

NEGLIGIBLE = 1e-8  # share of the mass at a face of the grid that needs no more room
CURVATURE = 1.2  # mean squared step over conditional variance, above which steps are too long
FEWEST = 8  # nodes along a coordinate: with fewer no curvature can be told
MODES = 4  # local maxima of the starting points that are followed uphill
RELEVANT = 14.0  # nats below the best at which a maximum is left to the tails
MOST_NODES = 60_000  # of a grid that is widened or made finer because of its curvature


@dataclass
class Nodes:
    """Log density at the nodes of a grid; `origin` is a node (or would be one)."""

    origin: np.ndarray
    step: np.ndarray
    low: np.ndarray  # index of the first node
    values: np.ndarray
    capped: bool = False  # steps were made longer for want of nodes

    @property
    def high(self) -> np.ndarray:
        return self.low + np.array(self.values.shape) - 1

    def points(self, mask: np.ndarray) -> np.ndarray:
        return self.origin + self.step * (np.argwhere(mask) + self.low)

    def filled(self, log_density: LogDensity) -> Nodes:
        missing = np.isnan(self.values)
        self.values[missing] = log_density(self.points(missing))
        return self

    def mass(self) -> np.ndarray:
        mass = np.exp(self.values - self.values.max())
        return mass / mass.sum()

    def extended(self, log_density: LogDensity, low: np.ndarray, high: np.ndarray) -> Nodes:
        """The same grid from index `low` to `high`, evaluated where it is new."""
        values = np.full(high - low + 1, np.nan)
        inner = tuple(
            slice(a - b, a - b + size)
            for a, b, size in zip(self.low, low, self.values.shape, strict=True)
        )
        values[inner] = self.values
        return Nodes(self.origin, self.step, low, values, self.capped).filled(log_density)

    def regridded(self, log_density: LogDensity, step: np.ndarray, support: np.ndarray) -> Nodes:
        """Other steps over the part of the grid that holds mass."""
        mass = self.mass()
        low, high = [], []
        for axis in range(step.size):
            others = tuple(k for k in range(step.size) if k != axis)
            shares = mass.sum(axis=others)
            inside = np.flatnonzero(shares > 0.1 * NEGLIGIBLE)
            last = len(shares) - 1
            low.append(self.low[axis] + max(inside[0] - 1, 0))
            high.append(self.low[axis] + min(inside[-1] + 1, last))
        ends = self.origin + self.step * np.array([low, high])
        origin = _origin(ends.mean(axis=0), support)
        first = np.floor((ends[0] - origin) / step + 1e-6).astype(int)
        final = np.ceil((ends[1] - origin) / step - 1e-6).astype(int)
        first, final = _within(first, final, origin, step, support)
        values = np.full(final - first + 1, np.nan)
        return Nodes(origin, step, first, values, self.capped).filled(log_density)


def _origin(middle: np.ndarray, support: np.ndarray) -> np.ndarray:
    """A hard edge is to be a node: the lower one, or the upper one where it is the only one."""
    lower, upper = support
    return np.where(np.isfinite(lower), lower, np.where(np.isfinite(upper), upper, middle))


def _within(
    low: np.ndarray, high: np.ndarray, origin: np.ndarray, step: np.ndarray, support: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Indices up to a hard edge, or one beyond where the edge is between nodes."""
    with np.errstate(invalid="ignore"):
        least = np.floor((support[0] - origin) / step + 1e-6)
        most = np.ceil((support[1] - origin) / step - 1e-6)
    low = np.where(np.isfinite(least), np.maximum(low, least), low).astype(int)
    high = np.where(np.isfinite(most), np.minimum(high, most), high).astype(int)
    return low, np.maximum(high, low + 1)


def neighbours(d: int) -> np.ndarray:
    return np.stack(np.meshgrid(*[[-1, 0, 1]] * d, indexing="ij"), axis=-1).reshape(-1, d)


def uphill(
    log_density: LogDensity, starts: np.ndarray, spacing: np.ndarray, support: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Local maxima of the starting points, each followed until its surroundings are flat."""
    from scipy.ndimage import maximum_filter

    d = spacing.size
    coarse = log_density(starts.reshape(-1, d)).reshape(starts.shape[:-1])
    if not np.isfinite(coarse).any():
        raise ValueError(
            "The posterior density is zero at every starting point: check that the priors admit "
            "the data."
        )
    at = np.argwhere((coarse == maximum_filter(coarse, 3)) & np.isfinite(coarse))
    at = at[np.argsort([-coarse[tuple(k)] for k in at], kind="stable")][:MODES]
    around = neighbours(d)
    x = np.array([starts[tuple(k)] for k in at], dtype=float)
    best = np.array([coarse[tuple(k)] for k in at])
    h = np.repeat(spacing[None], len(x), axis=0)
    active = np.arange(len(x))
    for _ in range(60):  # all maxima in one call of the density
        near = np.clip(x[active, None] + h[active, None] * around, *support)
        density = log_density(near.reshape(-1, d)).reshape(len(active), -1)
        top = np.argmax(density, axis=1)
        higher = density[np.arange(len(active)), top]
        lowest = np.min(density, axis=1, where=np.isfinite(density), initial=np.inf)
        climbs = higher > best[active]
        moved = active[climbs]
        x[moved], best[moved] = near[climbs, top[climbs]], higher[climbs]
        h[active[~climbs]] /= 2
        active = active[climbs | (best[active] - lowest > 0.5)]
        if not active.size:
            break
    return x, best


def widths_of(
    log_density: LogDensity, mode: np.ndarray, spacing: np.ndarray, support: np.ndarray
) -> np.ndarray:
    """About a conditional standard deviation: half of the way to a drop of two nats."""
    d = spacing.size
    reach = 2.0 ** np.arange(-20, 5)
    rows = []
    for axis in range(d):
        for sign in (-1, 1):
            line = np.repeat(mode[None], reach.size, axis=0)
            line[:, axis] += sign * reach * spacing[axis]
            rows.append(line)
    points = np.concatenate(rows)
    density = log_density(np.concatenate([mode[None], points]))
    drop = (density[0] - density[1:]).reshape(d, 2, reach.size)
    inside = (points.reshape(d, 2, reach.size, d) >= support[0]) & (
        points.reshape(d, 2, reach.size, d) <= support[1]
    )
    far = drop >= 2.0
    widths = np.empty(d)
    for axis in range(d):
        found, edges = [], []
        for side in range(2):
            k = int(np.argmax(far[axis, side])) if far[axis, side].any() else reach.size - 1
            if inside[axis, side, k, axis]:
                before = max(k - 1, 0)
                a, b = drop[axis, side, before], drop[axis, side, k]
                if not np.isfinite(b):  # an oblique edge says nothing about the curvature
                    edges.append(reach[k])
                    continue
                part = float(np.clip((2.0 - a) / (b - a), 0.0, 1.0)) if b > a else 1.0
                found.append(reach[before] + part * (reach[k] - reach[before]))
        found = found or edges
        # Never longer than the cells of the search, which know the priors.
        widths[axis] = spacing[axis] * min([0.5 * part for part in found] + [1.0])
    return widths


def grown(
    log_density: LogDensity, modes: np.ndarray, step: np.ndarray, support: np.ndarray
) -> Nodes:
    """A grid about the modes that is widened until its faces hold nothing."""
    origin, capped = _origin(modes[0], support), False
    for _ in range(12):  # too many nodes: longer steps
        low = np.floor((modes.min(axis=0) - origin) / step).astype(int) - 4
        high = np.ceil((modes.max(axis=0) - origin) / step).astype(int) + 4
        low, high = _within(low, high, origin, step, support)
        if np.prod((high - low + 1).astype(float)) <= MOST_NODES / 4:
            break
        step, capped = 1.5 * step, True
    values = np.full(high - low + 1, np.nan)
    nodes = Nodes(origin, step, low, values, capped).filled(log_density)
    for _ in range(200):
        mass = nodes.mass()
        low, high = nodes.low.copy(), nodes.high.copy()
        for axis in range(step.size):
            shares = mass.sum(axis=tuple(k for k in range(step.size) if k != axis))
            room = max(2, len(shares) // 4)
            low[axis] -= room if shares[0] > NEGLIGIBLE else 0
            high[axis] += room if shares[-1] > NEGLIGIBLE else 0
        low, high = _within(low, high, origin, nodes.step, support)
        if np.array_equal(low, nodes.low) and np.array_equal(high, nodes.high):
            break
        if np.prod((high - low + 1).astype(float)) > MOST_NODES:
            nodes = nodes.regridded(log_density, 1.5 * nodes.step, support)
            nodes.capped, origin = True, nodes.origin
            continue
        nodes = nodes.extended(log_density, low, high)
    return nodes


def resolved(
    log_density: LogDensity, nodes: Nodes, spacing: np.ndarray, support: np.ndarray
) -> Nodes:
    """Shorter steps where the density bends between nodes."""
    for _ in range(6):
        bend = _bends(nodes)
        # Steps may also be longer than need be: nodes are what the time goes into.
        factor = np.clip(np.sqrt(0.75 * CURVATURE / np.maximum(bend, 1e-12)), 0.2, 1.5)
        factor = np.minimum(factor, np.maximum(spacing / nodes.step, 1.0))
        if np.all(bend <= CURVATURE) and nodes.values.size < 6000:
            break
        if np.all(bend <= CURVATURE) and factor.prod() < 1.5:
            break
        size = nodes.values.size / factor.prod()
        if size > MOST_NODES:
            factor = factor * (size / MOST_NODES) ** (1 / factor.size)
        nodes = nodes.regridded(log_density, nodes.step * factor, support)
        if size > MOST_NODES:
            nodes.capped = True
            break
    return nodes


def _bends(nodes: Nodes) -> np.ndarray:
    """Mean over the density of |second difference| of its logarithm, along each coordinate."""
    mass = nodes.mass()
    bends = np.zeros(nodes.step.size)
    for axis in range(nodes.step.size):
        values = np.moveaxis(nodes.values, axis, 0)
        if len(values) < FEWEST:
            bends[axis] = 4 * CURVATURE
            continue
        weight = np.moveaxis(mass, axis, 0)[1:-1]
        with np.errstate(invalid="ignore"):
            second = np.abs(values[2:] - 2 * values[1:-1] + values[:-2])
        good = np.isfinite(second)
        total = weight[good].sum()
        bends[axis] = weight[good] @ second[good] / total if total > 0 else 4 * CURVATURE
    return bends
