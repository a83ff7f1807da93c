r"""The maximum of the likelihood of components: expectation and maximisation (EM).

Given coefficients, every pixel's mean and loadings are a linear regression with known errors,

.. code-block:: text

    (mean_j, L_j) = (sum_i w_ij E[(1, z_i)(1, z_i)'] + prior)^-1 (sum_i w_ij x_ij E[(1, z_i)] + prior)

After each step L is turned so that the coefficients have unit covariance and mean zero again (parameter
expansion: Liu, Rubin & Wu 1998, Biometrika 85, 755), which saves most steps. Floors take a step of Fisher's
scoring of the expected squares of the residuals. Of Student's t the weights of the last residuals stand for
its precisions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from bayes_astro.likelihoods import factors
from bayes_astro.spectra.coefficients import (
    NONE,
    ONCE,
    PLAIN,
    Frame,
    Pixels,
    packed,
    squares_of,
    unpacked,
)
from bayes_astro.spectra.floors import SPREAD, Floor
from bayes_astro.spectra.tails import log_student, settled

__all__ = ["Maximum", "Penalty", "begin", "climb", "regressed"]


class Penalty(NamedTuple):
    """Gaussian priors in the regression of each pixel.

    Parameters
    ----------
    centre, width : float or (p,) array
        Of the mean.
    scale : (K,) array
        Standard deviations of components,
    pixel : (p,) array
        times these.
    """

    centre: np.ndarray
    width: np.ndarray
    scale: np.ndarray
    pixel: np.ndarray

    @property
    def precision(self) -> np.ndarray:
        """Of the components at each pixel, (p, K)."""
        return 1 / (self.pixel[:, None] * self.scale) ** 2


@dataclass(frozen=True)
class Maximum:
    """Where a climb stands.

    Parameters
    ----------
    mean, component : (p,) and (K, p) arrays
    theta : (M,) array
        Nodes of the floor.
    degrees : float
    continuum : float
        Scale of the coefficients of the continuum.
    value : float
        Log likelihood with the penalties.
    gain : float
        What is still to come, predicted.
    steps : int
    """

    mean: np.ndarray
    component: np.ndarray
    theta: np.ndarray
    degrees: float = np.inf
    continuum: float = 0.0
    value: float = -np.inf
    gain: float = np.inf
    steps: int = 0

    def frame(self, floor: Floor, shapes: np.ndarray) -> Frame:
        """With the continuum's shapes (C, p) as the last loadings."""
        loadings = np.concatenate([self.component, self.continuum * shapes])
        return Frame(self.mean, loadings, floor.variance(self.theta), self.degrees)


def begin(
    pixels: Pixels, k: int, floor: Floor, shapes: np.ndarray, robust: bool, rng: np.random.Generator
) -> Maximum:
    """Principal components of spectra whose gaps are filled with the mean, by random projections."""
    there = np.isfinite(pixels.variance)
    count = np.maximum(there.sum(axis=0), 1)
    mean = np.where(there, pixels.x, 0.0).sum(axis=0) / count
    filled = np.where(there, pixels.x - mean, 0.0)
    sketch = filled.T @ (filled @ rng.standard_normal((pixels.p, k + 5)))
    basis = np.linalg.qr(filled.T @ (filled @ np.linalg.qr(sketch)[0]))[0]
    _, sizes, vectors = np.linalg.svd(filled @ basis, full_matrices=False)
    component = (sizes[:k, None] / np.sqrt(pixels.n)) * (vectors[:k] @ basis.T)
    if len(component) < k:
        spare = rng.standard_normal((k - len(component), pixels.p)) * filled.std() * 1e-3
        component = np.concatenate([component, spare])
    rest = filled - (filled @ basis) @ basis.T
    level = np.sqrt(np.sum(rest**2, axis=0) / count)
    usual = float(np.median(level[level > 0])) if np.any(level > 0) else float(filled.std())
    level = np.log(np.clip(level, 0.1 * usual, 10 * usual))
    theta = np.full(floor.nodes, level.mean())
    if floor.kind == "per-pixel floor":
        theta = level
    scale = float(np.std(filled)) if len(shapes) else 0.0
    return Maximum(mean, component, theta, 5.0 if robust else np.inf, scale)


def climb(
    pixels: Pixels,
    at: Maximum,
    floor: Floor,
    shapes: np.ndarray,
    penalty: Penalty,
    *,
    steps: int,
    tolerance: float,
    watch: Callable[[int, float], None] = lambda step, value: None,
) -> Maximum:
    """Steps until the predicted gain is below `tolerance`, in nats; `watch` is told of each.

    What is known of the value at the start is not used: it may be that of other data.
    """
    before, rate = replace(at, value=-np.inf, gain=np.inf), 0.0
    for step in range(1, steps + 1):
        new = _step(pixels, before, floor, shapes, penalty)
        gained = new.value - before.value
        if step > 2 and np.isfinite(before.gain):
            last = before.gain * (1 - rate) / max(rate, 1e-3) if rate else gained
            rate = float(np.clip(gained / last, 0.0, 0.99)) if last > 0 else 0.0
        to_come = gained / (1 - rate) if np.isfinite(gained) else np.inf
        before = replace(new, gain=max(to_come, 0.0), steps=step)
        watch(step, new.value)
        if before.gain < tolerance:
            break
    return before


def regressed(
    a: np.ndarray,
    b: np.ndarray,
    penalty: Penalty,
    shapes: np.ndarray,
    scale: float,
    unit: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Mean (p,) and components (K, p) from packed sums (p, ..) over spectra, as modes or as draws.

    Coefficients come as (1, factors, continuum); what the continuum explains is taken off.
    """
    p, c, k = len(a), len(shapes), len(penalty.scale)
    size = 1 + k
    inner = size * (size + 1) // 2
    if c:
        rows, columns = packed(size + c)
        for j in range(c):
            at = np.flatnonzero((rows == size + j) & (columns < size))
            b = b[:, :size] - a[:, at] * (scale * shapes[j])[:, None]
    prior = np.column_stack([np.zeros(p), penalty.precision])
    precision = np.ascontiguousarray(a[:, :inner])
    width = np.broadcast_to(penalty.width, (p,))
    precision[:, 0] += 1 / width**2
    linear = np.ascontiguousarray(b[:, :size])
    linear[:, 0] += penalty.centre / width**2
    found = np.empty((p, size))
    factors.solved(precision, linear, prior, unit, found, NONE)
    return found[:, 0].copy(), np.ascontiguousarray(found[:, 1:].T)


def _step(
    pixels: Pixels, at: Maximum, floor: Floor, shapes: np.ndarray, penalty: Penalty
) -> Maximum:
    """One of both; the value is that of where it began."""
    k, c = len(at.component), len(shapes)
    frame = at.frame(floor, shapes)
    by_pixel, squares = squares_of(frame.loadings)
    whole = k + c
    a = np.zeros((pixels.p, (whole + 1) * (whole + 2) // 2))
    b = np.zeros((pixels.p, whole + 1))
    slope, fisher = np.zeros(pixels.p), np.zeros(pixels.p)
    total, second, first = 0.0, np.zeros(whole * (whole + 1) // 2), np.zeros(whole)
    size, prior = min(ONCE, pixels.n), np.ones((1, whole))
    weight, residual = np.empty((size, pixels.p)), np.empty((size, pixels.p))
    tails = _Tails(at.degrees)
    for _, some in pixels.parts():
        w, r = weight[: some.n], residual[: some.n]
        scale = tails.scale(some, frame)
        quadratic, logarithm = factors.weighted(
            some.x, some.variance, frame.mean, frame.floor, scale, w, r
        )
        mean = np.empty((some.n, whole))
        covariance = np.empty((some.n, whole * (whole + 1) // 2))
        linear = r @ by_pixel
        log_det, explained = factors.solved(w @ squares, linear, prior, NONE, mean, covariance)
        total += -0.5 * float(np.sum(quadratic - explained + log_det + logarithm))
        moments = np.empty((some.n, a.shape[1]))
        factors.with_covariance(mean, covariance, moments)
        own = w.T @ moments
        a += own
        b += r.T @ np.column_stack([np.ones(some.n), mean])
        first += mean.sum(axis=0)
        rows, columns = packed(whole)
        second += (covariance + mean[:, rows] * mean[:, columns]).sum(axis=0)
        if floor.nodes or tails.on:
            left = some.x - frame.mean - mean @ frame.loadings
            twice = squares * np.where(rows == columns, 1.0, 2.0)
            wide = left**2 + covariance @ twice.T
            if tails.on:
                total += tails.seen(left, some, frame, scale)
                wide *= scale
            own_slope, own_fisher = np.empty(pixels.p), np.empty(pixels.p)
            factors.noise_scores(wide, some.variance, frame.floor, own_slope, own_fisher)
            slope, fisher = slope + own_slope, fisher + own_fisher
    at_zero = np.flatnonzero(packed(whole + 1)[1] == 0)
    b += frame.mean[:, None] * a[:, at_zero]
    value = total + _log_penalty(at, penalty, floor)
    mean, component = regressed(a, b, penalty, shapes, at.continuum, NONE)
    mean, component, continuum = _expanded(
        mean, component, first / pixels.n, unpacked(second / pixels.n, whole), k, at.continuum
    )
    theta = _floors(at.theta, slope, fisher, floor)
    return replace(
        at, mean=mean, component=component, theta=theta, value=value, continuum=continuum,
        degrees=tails.degrees(),
    )  # fmt: skip


def _expanded(
    mean: np.ndarray, component: np.ndarray, first: np.ndarray, second: np.ndarray, k: int,
    continuum: float,
) -> tuple[np.ndarray, np.ndarray, float]:  # fmt: skip
    """With coefficients of unit covariance and mean zero again."""
    centre = first[:k]
    spread = second[:k, :k] - np.outer(centre, centre)
    mean = mean + centre @ component
    component = np.linalg.cholesky(spread).T @ component if k else component
    if len(second) > k:
        continuum = continuum * float(np.sqrt(np.mean(np.diag(second)[k:])))
    return mean, component, continuum


def _floors(theta: np.ndarray, slope: np.ndarray, fisher: np.ndarray, floor: Floor) -> np.ndarray:
    if not floor.nodes:
        return theta
    gradient = floor.gathered(slope)
    if not floor.hierarchical:
        return theta + np.clip(gradient / (floor.gathered(fisher) + 1e-9), -1.0, 1.0)
    pull = (theta.mean() - theta) / SPREAD**2
    if floor.kind == "per-pixel floor":
        return theta + np.clip((gradient + pull) / (fisher + 1 / SPREAD**2), -1.0, 1.0)
    h = floor.weights
    information = (h.T * fisher) @ h + np.eye(len(theta)) / SPREAD**2
    return theta + np.clip(np.linalg.solve(information, gradient + pull), -1.0, 1.0)


def _log_penalty(at: Maximum, penalty: Penalty, floor: Floor) -> float:
    value = -0.5 * float(np.sum(((at.mean - penalty.centre) / penalty.width) ** 2))
    value -= 0.5 * float(np.sum(at.component**2 * penalty.precision.T))
    if floor.hierarchical and floor.nodes:
        value -= 0.5 * float(np.sum((at.theta - at.theta.mean()) ** 2)) / SPREAD**2
    return value


class _Tails:
    """Student's t by iterated weights: the precisions that the last residuals would have."""

    GRID = np.geomspace(1.5, 200.0, 25)

    def __init__(self, degrees: float) -> None:
        self._degrees = degrees
        self.on = bool(np.isfinite(degrees))
        self._heights = np.zeros(len(self.GRID))

    def scale(self, some: Pixels, frame: Frame) -> np.ndarray:
        """Precisions (n, p), given coefficients that fit with the weights of the median noise."""
        if not self.on:
            return PLAIN
        return settled(some, frame)

    def seen(self, left: np.ndarray, some: Pixels, frame: Frame, scale: np.ndarray) -> float:
        """What the log density has beyond that of normals with these precisions; remembers residuals."""
        v = some.variance + frame.floor
        known = np.isfinite(v)
        q = (left**2 / np.where(known, v, 1.0))[known]
        u = scale[known]
        nu = self._degrees
        sub = q[:: max(1, len(q) // 100_000)]
        for g, d in enumerate(self.GRID):
            self._heights[g] += len(q) / len(sub) * float(np.sum(log_student(sub, d)))
        normal = 0.5 * np.log(u) - 0.5 * u * q - 0.5 * np.log(2 * np.pi)
        return float(np.sum(log_student(q, nu) - normal))

    def degrees(self) -> float:
        """Of the grid, those of the highest density of the residuals."""
        return float(self.GRID[np.argmax(self._heights)]) if self.on else np.inf
