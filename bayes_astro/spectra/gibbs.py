r"""Draws of components by turns: every conditional is Gaussian, or of one number.

.. code-block:: text

    floor, nu | mean, L, z                  by Metropolis, Student's precisions integrated out
    u         | residuals                   Gamma((nu + 1) / 2, (nu + r^2 / v) / 2)
    z         | mean, L, u                  N(M^-1 h, M^-1)
    mean, L   | z, u                        the same with spectra and pixels exchanged
    tau_k^2   | L_k                         inverse gamma, and the prior's ratio decides
    z, L      along what leaves L z as it is: scales, shears, and shifts of z against the mean

Without the last turn, where errors are small, z holds L and L holds z, and the components' total size takes a
hundred sweeps for one independent draw.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from bayes_astro.likelihoods import factors
from bayes_astro.priors import Prior
from bayes_astro.spectra.coefficients import NONE, PLAIN, Frame, Pixels, packed, squares_of
from bayes_astro.spectra.expectation import Maximum, Penalty, regressed
from bayes_astro.spectra.floors import SPREAD, Floor

__all__ = ["Chain", "State", "records", "relative_widths"]

WITHIN_ONE = 0.6826894921370859  # of a half-normal, where its scale is
WANTED = 0.4  # share of steps that are taken
BEST = 2.4 * SPREAD  # step of a node that the prior alone holds
MOST, CHEAP = 4, 400_000  # repeats of the floors' steps in a sweep, as many as take no time
NAMES = ("mean", "component", "scale", "theta", "floor_scale", "degrees", "continuum")


def relative_widths(priors: dict[str, Prior], p: int) -> np.ndarray:
    """How wide the prior of components is at each pixel, in their scales."""
    sigma = np.asarray(priors["loading"].arguments["sigma"], dtype=float)
    return np.array(np.broadcast_to(sigma, (p,)))


@dataclass
class State:
    """One point of the posterior; see `Maximum`, and ``z`` (n, K + C) beside it."""

    mean: np.ndarray
    component: np.ndarray
    scale: np.ndarray
    theta: np.ndarray
    floor_scale: float
    degrees: float
    continuum: float
    z: np.ndarray

    def kept(self) -> dict[str, np.ndarray]:
        """Everything but the coefficients."""
        return {name: np.array(getattr(self, name)) for name in NAMES}


class Chain:
    """One chain with its steps and its room for weights.

    Parameters
    ----------
    pixels : Pixels
    floor : Floor
    shapes : (C, p) array
        Of the continuum.
    priors : dict of str to Prior
    start : Maximum
    rng : numpy.random.Generator
    """

    def __init__(
        self, pixels: Pixels, floor: Floor, shapes: np.ndarray, priors: dict[str, Prior],
        start: Maximum, rng: np.random.Generator,
    ) -> None:  # fmt: skip
        self.pixels, self.floor, self.shapes, self.priors = pixels, floor, shapes, priors
        self.rng = rng
        n, k = pixels.n, len(start.component)
        mean = priors["mean"].arguments
        self.centre = np.broadcast_to(np.asarray(mean["mu"], dtype=float), (pixels.p,))
        self.width = np.broadcast_to(np.asarray(mean["sigma"], dtype=float), (pixels.p,))
        self.relative = relative_widths(priors, pixels.p)
        scale = (
            np.sqrt(np.mean((start.component / self.relative) ** 2, axis=1))
            + 1e-12 * np.abs(start.component).max()
        )
        middle = float(np.exp(start.theta.mean())) if floor.nodes else 0.0
        self.state = State(
            start.mean.copy(), start.component.copy(), scale,
            start.theta.copy(), middle,
            start.degrees, start.continuum, rng.standard_normal((n, k + len(shapes))),
        )  # fmt: skip
        self.weight, self.residual = np.empty(pixels.x.shape), np.empty(pixels.x.shape)
        self.robust = bool(np.isfinite(start.degrees))
        self.precision = np.ones(pixels.x.shape) if self.robust else PLAIN
        self.rounds = floor.rounds() if floor.nodes else []
        self.step = np.full(floor.nodes, 2.4 / np.sqrt(2 * max(n, 1)))
        if floor.kind == "floor":
            self.step /= np.sqrt(pixels.p)
        self.degrees_step, self.together = 0.1, 0.1
        own = [(slice(i, i + 1), priors["scale"].entry(i)) for i in range(k)]
        if len(shapes):
            own.append((slice(k, None), priors["continuum_scale"]))
        # Loadings of one scale, its prior, and how wide that is.
        self.groups = [(at, prior, float(prior.quantile(WITHIN_ONE))) for at, prior in own]
        self._coefficients()

    def sweep(self, tuning: float = 0.0) -> None:
        """Every turn once; steps of Metropolis learn where `tuning` is above zero."""
        self._noise(tuning)
        self._coefficients()
        self._components()
        self._scales()
        self._transformed()

    def _loadings(self) -> np.ndarray:
        return np.concatenate([self.state.component, self.state.continuum * self.shapes])

    def _left(self) -> np.ndarray:
        """Residuals (n, p), in the room of the weighted ones."""
        np.matmul(self.state.z, self._loadings(), out=self.residual)
        self.residual += self.state.mean
        np.subtract(self.pixels.x, self.residual, out=self.residual)
        return self.residual

    def _noise(self, tuning: float) -> None:
        s, rng = self.state, self.rng
        if not (self.floor.nodes or self.robust):
            return
        left = self._left()
        now, new = np.empty(self.pixels.p), np.empty(self.pixels.p)

        def densities(theta: np.ndarray, degrees: float, found: np.ndarray) -> None:
            variance = np.ascontiguousarray(self.floor.variance(theta))
            factors.pixel_log_densities(left, self.pixels.variance, variance, degrees, found)

        densities(s.theta, s.degrees, now)
        for _ in range(int(np.clip(CHEAP / self.pixels.x.size, 1, MOST))):
            self._floors(densities, now, new, tuning)
        if self.robust:
            proposed = s.degrees * float(np.exp(self.degrees_step * rng.standard_normal()))
            densities(s.theta, proposed, new)
            pair = self.priors["degrees_of_freedom"].log_density(np.array([proposed, s.degrees]))
            ratio = float(new.sum() - now.sum()) + pair[0] - pair[1] + np.log(proposed / s.degrees)
            taken_one = bool(np.log(rng.uniform()) < ratio)
            s.degrees = proposed if taken_one else s.degrees
            self.degrees_step *= float(np.exp(tuning * (taken_one - WANTED)))
            variance = np.ascontiguousarray(self.floor.variance(s.theta))
            factors.draw_precisions(
                rng, left, self.pixels.variance, variance, s.degrees, self.precision
            )

    def _floors(self, densities: Any, now: np.ndarray, new: np.ndarray, tuning: float) -> None:
        """Nodes, their scale, and all of them together; `now` holds the densities of pixels."""
        s, rng = self.state, self.rng
        for nodes, owner in self.rounds:
            theta = s.theta.copy()
            theta[nodes] += self.step[nodes] * rng.standard_normal(len(nodes))
            densities(theta, s.degrees, new)
            ratio = np.bincount(owner, new - now, self.floor.nodes)[nodes]
            ratio += self._log_prior(theta)[nodes] - self._log_prior(s.theta)[nodes]
            taken = np.log(rng.uniform(size=len(nodes))) < ratio
            s.theta[nodes[taken]] = theta[nodes[taken]]
            moved = np.zeros(self.floor.nodes, dtype=bool)
            moved[nodes[taken]] = True
            now[:] = np.where(moved[owner], new, now)
            self.step[nodes] *= np.exp(tuning * (taken - WANTED))
        if self.floor.hierarchical:
            m = len(s.theta)
            proposed = float(np.exp(s.theta.mean() + SPREAD / np.sqrt(m) * rng.standard_normal()))
            pair = self.priors["floor_scale"].log_density(np.array([proposed, s.floor_scale]))
            ratio = pair[0] - pair[1] + np.log(proposed / s.floor_scale)
            if np.log(rng.uniform()) < ratio:
                s.floor_scale = proposed
            # All of them together: where there is no floor each holds the others.
            far = self.together * float(rng.standard_normal())
            # A node goes as far as the prior holds it: the steps that it takes say how far that is.
            theta = s.theta + np.minimum(1.0, self.step / BEST) ** 2 * far
            densities(theta, s.degrees, new)
            both = s.floor_scale * np.array([np.exp(far), 1.0])
            pair = self.priors["floor_scale"].log_density(both)
            ratio = new.sum() - now.sum() + pair[0] - pair[1] + far
            ratio += (self._log_prior(theta, float(both[0])) - self._log_prior(s.theta)).sum()
            taken_one = bool(np.log(rng.uniform()) < ratio)
            if taken_one:
                s.theta, s.floor_scale = theta, float(both[0])
                now[:] = new
            self.together *= float(np.exp(tuning * (taken_one - WANTED)))

    def _log_prior(self, theta: np.ndarray, floor_scale: float | None = None) -> np.ndarray:
        """Of each node."""
        if self.floor.hierarchical:
            middle = np.log(self.state.floor_scale if floor_scale is None else floor_scale)
            return -0.5 * ((theta - middle) / SPREAD) ** 2
        return self.priors["floor"].log_density(np.exp(theta)) + theta

    def _coefficients(self) -> None:
        s = self.state
        by_pixel, squares = squares_of(self._loadings())
        variance = np.ascontiguousarray(self.floor.variance(s.theta))
        factors.weighted(
            self.pixels.x, self.pixels.variance, s.mean, variance, self.precision, self.weight,
            self.residual,
        )  # fmt: skip
        unit = self.rng.standard_normal(s.z.shape)
        precision, linear = self.weight @ squares, self.residual @ by_pixel
        factors.solved(precision, linear, np.ones((1, s.z.shape[1])), unit, s.z, NONE)
        self._sizes(precision, linear)

    def _sizes(self, precision: np.ndarray, linear: np.ndarray) -> None:
        """Sizes c of all loadings of a scale, their shapes and the coefficients as they are.

        The density of c is Gaussian but for the prior of c scale, which decides where it is no
        half-normal. Where spectra say little this is what moves scales.
        """
        s, k = self.state, len(self.state.scale)
        rows, columns = packed(s.z.shape[1])
        a = np.zeros((s.z.shape[1],) * 2)
        a[rows, columns] = np.sum(precision * s.z[:, rows] * s.z[:, columns], axis=0)
        a = a + np.tril(a, -1).T
        b = np.sum(linear * s.z, axis=0)
        c = np.ones(len(b))
        sizes = [*s.scale, *([s.continuum] if len(self.shapes) else [])]
        for (at, prior, wide), scale in zip(self.groups, sizes, strict=True):
            total = a[at, at].sum() + (scale / wide) ** 2
            pull = b[at].sum() - (a[at] @ c).sum() + a[at, at].sum() * c[at][0]
            sd = 1 / np.sqrt(total)
            share = ndtr(pull * sd)
            if not share > 0:
                continue
            new = pull / total - sd * ndtri(share * self.rng.uniform())
            if prior.distribution != "HalfNormal":
                pair = prior.log_density(scale * np.array([new, 1.0]))
                ratio = pair[0] - pair[1] + 0.5 * (new**2 - 1) * (scale / wide) ** 2
                if not np.log(self.rng.uniform()) < ratio:
                    continue
            if new > 0:
                c[at] = new
        s.component *= c[:k, None]
        s.scale = s.scale * c[:k]
        s.continuum *= float(c[-1]) if len(self.shapes) else 1.0

    def _components(self) -> None:
        s, n = self.state, self.pixels.n
        whole = s.z.shape[1]
        moments = np.empty((n, (whole + 1) * (whole + 2) // 2))
        none = np.zeros((n, whole * (whole + 1) // 2))
        factors.with_covariance(s.z, none, moments)
        a = self.weight.T @ moments
        b = self.residual.T @ np.column_stack([np.ones(n), s.z])
        b += s.mean[:, None] * a[:, np.flatnonzero(packed(whole + 1)[1] == 0)]
        unit = self.rng.standard_normal((self.pixels.p, 1 + len(s.scale)))
        penalty = Penalty(self.centre, self.width, s.scale, self.relative)
        s.mean, s.component = regressed(a, b, penalty, self.shapes, s.continuum, unit)

    def _scales(self) -> None:
        s, rng, k = self.state, self.rng, len(self.state.scale)
        if k:
            half = 0.5 * np.sum((s.component / self.relative) ** 2, axis=1)
            proposed = np.sqrt(half / rng.standard_gamma(0.5 * (self.pixels.p - 1), k))
            ratio = np.diff(self.priors["scale"].log_density(np.array([s.scale, proposed])), axis=0)
            s.scale = np.where(np.log(rng.uniform(size=k)) < ratio[0], proposed, s.scale)
            # Coefficients against components and scales together: of many pixels each holds the other.
            square = np.sum(s.z[:, :k] ** 2, axis=0)
            c = np.sqrt(square / rng.chisquare(self.pixels.n, k))
            ratio = np.diff(
                self.priors["scale"].log_density(np.array([s.scale, c * s.scale])), axis=0
            )
            c = np.where(np.log(rng.uniform(size=k)) < ratio[0] + np.log(c), c, 1.0)
            s.z[:, :k] /= c
            s.component *= c[:, None]
            s.scale = c * s.scale
        if len(self.shapes):
            sizes = s.continuum * s.z[:, k:]
            half_one = 0.5 * float(np.sum(sizes**2))
            new = float(np.sqrt(half_one / rng.standard_gamma(0.5 * (sizes.size - 1))))
            pair = self.priors["continuum_scale"].log_density(np.array([s.continuum, new]))
            if np.log(rng.uniform()) < pair[1] - pair[0]:
                s.continuum = new
            s.z[:, k:] = sizes / s.continuum

    def _transformed(self) -> None:
        s, rng, k = self.state, self.rng, len(self.state.scale)
        if not k:
            return
        z, n = s.z[:, :k], self.pixels.n
        to_z, held = np.empty((k, k)), 1 / (s.scale[:, None] * self.relative) ** 2
        normals, uniforms = rng.standard_normal((k, k)), rng.uniform(size=k)
        factors.transform(z.T @ z, s.component, held, n, normals, uniforms, to_z)
        z = z @ to_z.T
        held = s.component / self.width**2
        precision = n * np.eye(k) + held @ s.component.T
        linear = held @ (s.mean - self.centre) - z.sum(axis=0)
        factor = np.linalg.cholesky(precision)
        shift = np.linalg.solve(precision, linear)
        shift = shift + np.linalg.solve(factor.T, rng.standard_normal(k))
        s.z[:, :k] = z + shift
        s.mean = s.mean - shift @ s.component

    def frame(self) -> Frame:
        """What the state says of new spectra."""
        s = self.state
        return Frame(
            s.mean, self._loadings(), np.ascontiguousarray(self.floor.variance(s.theta)), s.degrees
        )


def records(chains: list[list[dict[str, np.ndarray]]]) -> dict[str, Any]:
    """Kept states as arrays (chain, draw, ...)."""
    return {name: np.array([[one[name] for one in chain] for chain in chains]) for name in NAMES}
