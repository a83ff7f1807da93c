r"""Exact, independent draws from a density of two or three smooth coordinates.

The density is evaluated at the nodes of a rectangular grid that finds its own place: from the best
of some starting points uphill, then outwards until the faces hold nothing, with steps from the
curvature. Between the nodes it is interpolated multilinearly, which is a mixture of hats: with node
values p_k and steps h,

.. math:: q(x) = \sum_k p_k \prod_d \max(0, 1 - |x_d - x_{kd}| / h_d),

so that a draw from q is a node, with probability in proportion to p_k, and a triangular deviate in
each coordinate. What the interpolation leaves out is removed by rejection: with w = p(x) / q(x)
from the density itself, a draw is kept with probability w / max w, the maximum being that of all
proposals made (Caffo, Booth & Davis 2002). Steps of a standard deviation already give weights that
vary by some 15%, so that most proposals are kept. The mean of w corrects the integral of q to that
of p: the evidence, with its standard error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["GridDensity", "locate"]

NEGLIGIBLE = 1e-8  # share of the mass at a face of the grid that needs no more room
CURVATURE = 1.2  # mean squared step over conditional variance, above which steps are too long
FEWEST = 8  # nodes along a coordinate: with fewer no curvature can be told
MODES = 4  # local maxima of the starting points that are followed uphill
RELEVANT = 14.0  # nats below the best at which a maximum is left to the tails
MOST_NODES = 400_000
ENOUGH = 0.6  # efficiency below which the steps are halved
PILOT = 1024

LogDensity = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class GridDensity:
    """A density on a grid, good for exact draws of the density that it came from."""

    log_density: LogDensity
    """The density itself: points (m, d) to (m,), in the coordinates of the grid."""
    shear: np.ndarray
    """From the coordinates of the grid to those of the caller (d, d)."""
    first: np.ndarray
    """Lowest node (d,)."""
    step: np.ndarray
    """(d,)"""
    values: np.ndarray
    """Density at the nodes, in units of exp(peak); d axes."""
    peak: float
    """Largest log density of the nodes."""
    log_integral: float
    """Log of the integral of the density: the evidence."""
    log_integral_error: float
    """Standard error of it."""
    efficiency: float
    """Effective share of proposals, (sum w)^2 / (n sum w^2): 1 where the interpolation is exact."""
    bound: float
    """Largest log weight that the pilot met."""

    def propose(self, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw from the interpolated density: points (size, d) and their log weights p / q.

        The weights are of unnormalised densities: log_integral is the log of their mean times the
        integral of q.
        """
        cumulative = np.cumsum(self.values * _trapezoid(self.values.shape))
        at = np.searchsorted(cumulative, rng.uniform(0, cumulative[-1], size), side="right")
        node = np.unravel_index(np.minimum(at, cumulative.size - 1), self.values.shape)
        index = np.empty((size, self.step.size))
        for d, (k, last) in enumerate(zip(node, np.array(self.values.shape) - 1, strict=True)):
            hat = rng.uniform(size=size) - rng.uniform(size=size)
            # Half of a hat is left at the edges of the grid, with half of the weight.
            hat = np.where(k == 0, np.abs(hat), np.where(k == last, -np.abs(hat), hat))
            index[:, d] = k + hat
        x = self.first + self.step * index
        return x, self.log_density(x) - self.peak - np.log(self._interpolated(index))

    def _interpolated(self, index: np.ndarray) -> np.ndarray:
        from scipy.ndimage import map_coordinates

        found = map_coordinates(self.values, index.T, order=1, mode="nearest")
        return np.maximum(found, 1e-300)

    def sample(self, draws: int, rng: np.random.Generator) -> np.ndarray:
        """Independent draws (draws, d) of the density itself."""
        kept: list[np.ndarray] = []
        weights: list[np.ndarray] = []
        bound, found = self.bound, 0
        while found < draws:
            size = int(1.1 * (draws - found) * np.exp(min(bound - self._mean_weight(), 5.0))) + 16
            x, log_weight = self.propose(size, rng)
            highest = max(bound, float(log_weight.max()))
            uniform = np.log(rng.uniform(size=size))
            # A new bound thins what was kept under the old one.
            survivors = [np.log(rng.uniform(size=len(k))) < bound - highest for k in kept]
            kept = [k[s] for k, s in zip(kept, survivors, strict=True)]
            bound = highest
            accepted = uniform < log_weight - bound
            kept.append(x[accepted])
            weights.append(log_weight)
            found = sum(map(len, kept))
        return np.concatenate(kept)[:draws] @ self.shear.T

    def _mean_weight(self) -> float:
        """Log of the mean weight of a proposal."""
        return self.log_integral - self.peak - self._log_volume()

    def _log_volume(self) -> float:
        """Log integral of the interpolated density in units of exp(peak)."""
        return float(np.log(np.sum(self.values * _trapezoid(self.values.shape)) * self.step.prod()))


def _trapezoid(shape: tuple[int, ...]) -> np.ndarray:
    """One within the grid, a half for every face that a node lies on."""
    weight = np.ones(shape)
    for axis in range(len(shape)):
        edge = np.moveaxis(weight, axis, 0)
        edge[0] *= 0.5
        edge[-1] *= 0.5
    return weight


def locate(
    log_density: LogDensity, starts: np.ndarray, spacing: np.ndarray, support: np.ndarray
) -> GridDensity:
    """Find where a density lies and lay a grid over it.

    A coordinate without a hard edge is sheared along those that follow it, as the curvature at the
    maximum demands, so that the grid's axes are not correlated there; a shear keeps volumes.

    Parameters
    ----------
    log_density : function of (m, d) points
        Minus infinity outside of its support.
    starts : array of shape (g_1, ..., g_d, d)
        A coarse grid of points (not necessarily rectangular) that reaches all maxima.
    spacing : (d,) array
        Length of its cells.
    support : (2, d) array
        Lowest and highest value of each coordinate; infinite where there is no hard edge, or one
        that is oblique in these coordinates, for which `log_density` is minus infinity.

    Raises
    ------
    ValueError
        Where the density vanishes at every starting point.
    """
    modes, peaks = _uphill(log_density, starts, spacing, support)
    best = modes[np.argmax(peaks)]
    shear = _shear(log_density, best, _widths(log_density, best, spacing, support), support)

    def sheared(z: np.ndarray) -> np.ndarray:
        return log_density(z @ shear.T)

    modes = np.linalg.solve(shear, modes.T).T
    relevant = modes[peaks > peaks.max() - RELEVANT]
    step = np.min([_widths(sheared, mode, spacing, support) for mode in relevant], axis=0)
    nodes = _grown(sheared, relevant, step, support)
    nodes = _resolved(sheared, nodes, spacing, support)
    for _ in range(4):
        found = _with_pilot(sheared, nodes, shear)
        if found.efficiency >= ENOUGH or nodes.values.size * 2**step.size > MOST_NODES:
            break
        nodes = nodes.regridded(sheared, nodes.step / 2, support)
    return found


def _shear(
    log_density: LogDensity, mode: np.ndarray, width: np.ndarray, support: np.ndarray
) -> np.ndarray:
    """The shear (d, d), x = shear @ z, that makes the curvature at the mode diagonal.

    For a Gaussian with precision H, coordinate i given the later ones has its mean at
    -sum_{k>i} H_ik x_k / H_ii once those before it are integrated out (a step of elimination).
    """
    d = width.size
    # Differences are taken within hard edges.
    centre = np.clip(mode, support[0] + width, support[1] - width)
    centre = np.where(np.isfinite(centre), centre, mode)
    unit = np.eye(d)
    around = _neighbours(d)
    density = dict(zip(map(tuple, around), log_density(centre + 0.7 * width * around), strict=True))
    hessian = np.zeros((d, d))
    for i in range(d):
        for k in range(d):
            if i == k:
                pair = (density[tuple(unit[i])] + density[tuple(-unit[i])]) / 2
                hessian[i, i] = 2 * (density[(0,) * d] - pair)
            else:
                signs = [
                    (a, b, density[tuple(a * unit[i] + b * unit[k])])
                    for a in (-1, 1)
                    for b in (-1, 1)
                ]
                hessian[i, k] = -sum(a * b * value for a, b, value in signs) / 4
    backward = np.eye(d)
    for i in range(d - 1):
        good = np.isfinite(hessian).all() and hessian[i, i] > 0.05
        if good and np.isinf(support[:, i]).all():
            backward[i, i + 1 :] = hessian[i, i + 1 :] / hessian[i, i]
        if good:
            hessian -= np.outer(hessian[:, i], hessian[i]) / hessian[i, i]
    backward = backward * width[:, None] / width  # z = backward @ x
    return np.linalg.inv(backward)


@dataclass
class _Nodes:
    """Log density at the nodes of a grid; `origin` is a node (or would be one)."""

    origin: np.ndarray
    step: np.ndarray
    low: np.ndarray  # index of the first node
    values: np.ndarray

    @property
    def high(self) -> np.ndarray:
        return self.low + np.array(self.values.shape) - 1

    def points(self, mask: np.ndarray) -> np.ndarray:
        return self.origin + self.step * (np.argwhere(mask) + self.low)

    def filled(self, log_density: LogDensity) -> _Nodes:
        missing = np.isnan(self.values)
        self.values[missing] = log_density(self.points(missing))
        return self

    def mass(self) -> np.ndarray:
        mass = np.exp(self.values - self.values.max())
        return mass / mass.sum()

    def extended(self, log_density: LogDensity, low: np.ndarray, high: np.ndarray) -> _Nodes:
        """The same grid from index `low` to `high`, evaluated where it is new."""
        values = np.full(high - low + 1, np.nan)
        inner = tuple(
            slice(a - b, a - b + size)
            for a, b, size in zip(self.low, low, self.values.shape, strict=True)
        )
        values[inner] = self.values
        return _Nodes(self.origin, self.step, low, values).filled(log_density)

    def regridded(self, log_density: LogDensity, step: np.ndarray, support: np.ndarray) -> _Nodes:
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
        return _Nodes(origin, step, first, np.full(final - first + 1, np.nan)).filled(log_density)


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


def _neighbours(d: int) -> np.ndarray:
    return np.stack(np.meshgrid(*[[-1, 0, 1]] * d, indexing="ij"), axis=-1).reshape(-1, d)


def _uphill(
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
    around = _neighbours(d)
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


def _widths(
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


def _grown(
    log_density: LogDensity, modes: np.ndarray, step: np.ndarray, support: np.ndarray
) -> _Nodes:
    """A grid about the modes that is widened until its faces hold nothing."""
    origin = _origin(modes[0], support)
    for _ in range(12):  # too many nodes: longer steps
        low = np.floor((modes.min(axis=0) - origin) / step).astype(int) - 4
        high = np.ceil((modes.max(axis=0) - origin) / step).astype(int) + 4
        low, high = _within(low, high, origin, step, support)
        if np.prod((high - low + 1).astype(float)) <= MOST_NODES / 4:
            break
        step = 1.5 * step
    nodes = _Nodes(origin, step, low, np.full(high - low + 1, np.nan)).filled(log_density)
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
            origin = nodes.origin
            continue
        nodes = nodes.extended(log_density, low, high)
    return nodes


def _resolved(
    log_density: LogDensity, nodes: _Nodes, spacing: np.ndarray, support: np.ndarray
) -> _Nodes:
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
            break
    return nodes


def _bends(nodes: _Nodes) -> np.ndarray:
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


def _with_pilot(log_density: LogDensity, nodes: _Nodes, shear: np.ndarray) -> GridDensity:
    """The grid as a proposal, with what a pilot run of fixed seed says about it."""
    from scipy.ndimage import maximum_filter

    peak = float(nodes.values.max())
    density = np.exp(nodes.values - peak)
    # Cells that an edge of the support cuts obliquely: their outer nodes must not be zero.
    outside = ~np.isfinite(nodes.values)
    if outside.any():
        density = np.where(outside, maximum_filter(density, 3), density)
    first = nodes.origin + nodes.step * nodes.low
    rough = GridDensity(log_density, shear, first, nodes.step, density, peak, 0.0, 0.0, 0.0, 0.0)
    _, log_weight = rough.propose(PILOT, np.random.default_rng(PILOT))
    bound = float(log_weight.max())
    weight = np.exp(log_weight - bound)
    efficiency = float(weight.sum() ** 2 / (PILOT * np.sum(weight**2)))
    mean = float(np.log(weight.mean())) + bound
    return GridDensity(
        log_density,
        shear,
        first,
        nodes.step,
        density,
        peak,
        log_integral=peak + rough._log_volume() + mean,
        log_integral_error=float(np.sqrt((1 / efficiency - 1) / PILOT)),
        efficiency=efficiency,
        bound=bound,
    )
