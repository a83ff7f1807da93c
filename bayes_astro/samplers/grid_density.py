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

from dataclasses import dataclass, replace

import numpy as np

from bayes_astro.samplers.grid_nodes import (
    RELEVANT,
    LogDensity,
    Nodes,
    grown,
    neighbours,
    resolved,
    uphill,
    widths_of,
)

__all__ = ["GridDensity", "locate"]

FINEST = 400_000  # of one whose pilot run had an efficiency below `ENOUGH`
ENOUGH = 0.6  # efficiency below which the steps are halved
PILOT = 1024


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
    evaluations: int = 0
    """Points at which the density was evaluated to find and fill the grid."""
    capped: bool = False
    """Whether the steps are longer than they should be, for want of nodes."""

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
    evaluations = 0

    def counted(x: np.ndarray) -> np.ndarray:
        nonlocal evaluations
        evaluations += len(x)
        return log_density(x)

    modes, peaks = uphill(counted, starts, spacing, support)
    best = modes[np.argmax(peaks)]
    shear = _shear(counted, best, widths_of(counted, best, spacing, support), support)

    def sheared(z: np.ndarray) -> np.ndarray:
        return counted(z @ shear.T)

    modes = np.linalg.solve(shear, modes.T).T
    relevant = modes[peaks > peaks.max() - RELEVANT]
    step = np.min([widths_of(sheared, mode, spacing, support) for mode in relevant], axis=0)
    nodes = grown(sheared, relevant, step, support)
    nodes = resolved(sheared, nodes, spacing, support)
    for _ in range(4):
        found = _with_pilot(sheared, nodes, shear)
        if found.efficiency >= ENOUGH or nodes.values.size * 2**step.size > FINEST:
            break
        nodes = nodes.regridded(sheared, nodes.step / 2, support)
    return replace(found, evaluations=evaluations, capped=nodes.capped)


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
    around = neighbours(d)
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


def _with_pilot(log_density: LogDensity, nodes: Nodes, shear: np.ndarray) -> GridDensity:
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
