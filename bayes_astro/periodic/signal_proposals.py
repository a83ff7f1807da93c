r"""Importance sampling of several frequencies, from proposals that learn.

Where the signals are far apart the product of their conditional densities is nearly the posterior. Two that lie
closer than the resolution, or a faint one beside a strong one whose frequency it shifts, have a posterior that is
a curved ridge, to which few draws of the product come. Walkers then start where its draws have weight (a power of
it, that leaves enough of them) and follow the ridge with the stretch move (Goodman & Weare 2010); a mixture of
Student t fitted to where they have been joins the proposal, and again, until the weights are even enough. The
product stays in the mixture with its even floor, so that no weight is unbounded; the walkers only propose.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np

from bayes_astro.periodic.frequency_density import FLOOR, Density, resample
from bayes_astro.periodic.frequency_modes import FrequencyPosterior

__all__ = ["Configuration", "Sampled", "log_normal", "sampled"]

PILOT = 400  # draws of each configuration
LEAST = 0.02  # share of a configuration
FREEDOM = 5.0  # degrees of freedom of t
PLAIN = 0.05  # share of the jitters drawn from their prior
EVEN = 0.35  # efficiency from which a proposal need not learn
ROUNDS, LESSON = 4, 2000  # of learning, and draws in each
SOFT = 0.1  # least efficiency of the weights from which walkers start
WALKERS, STEPS = 100, 120  # the second half of which is learnt from
CLOUDS = 12  # t in the mixture
LEARNT = 0.75  # its share of the proposal


class Configuration(NamedTuple):
    """Frequencies, and each one's conditional posterior."""

    best: np.ndarray
    scans: list[FrequencyPosterior]
    densities: list[Density]
    middle: np.ndarray
    """Of the jitters' u (J,)."""
    root: np.ndarray
    """Of their scale (J, J)."""

    def draw(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Frequencies (count, S) and u (count, J)."""
        columns = [one.draw(count, rng.binomial(count, FLOOR), rng) for one in self.densities]
        size = len(self.middle)
        normal = rng.standard_normal((count, size))
        tail = np.sqrt(FREEDOM / rng.chisquare(FREEDOM, count))[:, None]
        u = self.middle + tail * normal @ self.root.T
        plain = rng.random(count) < PLAIN
        u[plain] = rng.standard_normal((int(plain.sum()), size))
        return np.stack(columns, axis=1), u

    def log_proposal(self, frequency: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Log density of `draw`, averaged over the orders of the signals."""
        size = frequency.shape[1]
        each = np.array(
            [
                [one.log_proposal(frequency[:, j], FLOOR) for j in range(size)]
                for one in self.densities
            ]
        )
        orders = [each[range(size), list(order)].sum(axis=0) for order in permutations(range(size))]
        found = np.logaddexp.reduce(orders, axis=0) - np.log(len(orders))
        return found + self._log_noise(u)

    def _log_noise(self, u: np.ndarray) -> np.ndarray:
        if not u.shape[1]:
            return np.zeros(len(u))
        t = _log_t(u, self.middle[None], self.root[None])[0]
        return np.logaddexp(np.log(1 - PLAIN) + t, np.log(PLAIN) + log_normal(u))


class _Cloud(NamedTuple):
    """A mixture of t over frequencies in ascending order and u."""

    share: np.ndarray
    middle: np.ndarray
    """(C, S + J)."""
    root: np.ndarray
    """Cholesky factors of their scales (C, S + J, S + J)."""
    n_signals: int

    @classmethod
    def fitted(cls, points: np.ndarray, n_signals: int, rng: np.random.Generator) -> _Cloud:
        """To points (m, S + J), of which there may be several at one place."""
        from sklearn.mixture import GaussianMixture

        scale = points.std(axis=0) + 1e-12 * np.abs(points).max(axis=0) + 1e-300
        mean = points.mean(axis=0)
        found = GaussianMixture(
            CLOUDS, reg_covar=1e-6, max_iter=50, tol=1e-2, random_state=int(rng.integers(2**31))
        )
        found.fit((points - mean) / scale)
        root = scale[:, None] * np.linalg.cholesky(found.covariances_)
        return cls(found.weights_, mean + scale * found.means_, root, n_signals)

    def draw(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Frequencies (count, S), some beyond the range, and u (count, J)."""
        which = rng.choice(len(self.share), count, p=self.share)
        tail = np.sqrt(FREEDOM / rng.chisquare(FREEDOM, count))[:, None]
        normal = rng.standard_normal((count, self.middle.shape[1]))
        x = self.middle[which] + tail * (self.root[which] @ normal[..., None])[..., 0]
        return x[:, : self.n_signals], x[:, self.n_signals :]

    def log_proposal(self, frequency: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Log density of `draw`, averaged over the orders of the signals."""
        orders = list(permutations(range(self.n_signals)))
        every = [self._log_density(np.hstack([frequency[:, list(o)], u])) for o in orders]
        return np.logaddexp.reduce(every, axis=0) - np.log(len(orders))

    def _log_density(self, x: np.ndarray) -> np.ndarray:
        return np.logaddexp.reduce(
            _log_t(x, self.middle, self.root) + np.log(self.share)[:, None], axis=0
        )


def _log_t(x: np.ndarray, middle: np.ndarray, root: np.ndarray) -> np.ndarray:
    """Log densities (C, m) of Student t about middles (C, D), with Cholesky factors of their scales, at x (m, D)."""
    from scipy.special import gammaln

    size = x.shape[1]
    z = np.linalg.solve(root, (x - middle[:, None]).transpose(0, 2, 1))  # (C, D, m)
    power = -0.5 * (FREEDOM + size) * np.log1p(np.sum(z**2, axis=1) / FREEDOM)
    constant = gammaln((FREEDOM + size) / 2) - gammaln(FREEDOM / 2)
    constant -= 0.5 * size * np.log(FREEDOM * np.pi)
    pivots = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
    return power + constant - pivots[:, None]


def log_normal(u: np.ndarray) -> np.ndarray:
    """Log density of unit normals (m, J)."""
    return -0.5 * (u**2 + np.log(2 * np.pi)).sum(axis=1)


class Sampled(NamedTuple):
    """Draws from the joint posterior."""

    frequency: np.ndarray
    """(draws, S)."""
    u: np.ndarray
    """(draws, J)."""
    log_evidence: float
    efficiency: float
    n_evaluations: int
    likeliest: int
    """Configuration that holds most."""


def sampled(
    log_posterior: Callable[[np.ndarray, np.ndarray], np.ndarray],
    some: list[Configuration],
    draws: int,
    rng: np.random.Generator,
) -> Sampled:
    """Importance resampling with the mixture of configurations, and of what is learnt from its weights.

    Parameters
    ----------
    log_posterior : callable
        Of frequencies (m, S) in any order and u (m, J).
    some : list of Configuration
    draws : int
    rng : numpy.random.Generator
    """
    share = np.ones(len(some))
    if len(some) > 1:
        heights = []
        for one in some:
            frequency, u = one.draw(PILOT, rng)
            weight = log_posterior(frequency, u) - one.log_proposal(frequency, u)
            heights.append(np.logaddexp.reduce(weight) - np.log(PILOT))
        share = np.exp(np.array(heights) - max(heights))
    share = np.maximum(share / share.sum(), LEAST)
    share /= share.sum()
    proposal = _Proposal(log_posterior, list(some), share, rng)
    lessons, best, highest = 0, proposal, 0.0
    for _ in range(ROUNDS):
        (frequency, u), weight = proposal(LESSON)
        lessons += LESSON
        if (efficiency := _efficiency(weight)) > highest:
            best, highest = proposal, efficiency
        if efficiency >= EVEN:
            break
        chosen = rng.choice(LESSON, WALKERS, p=_softened(weight))
        points = _walked(log_posterior, frequency[chosen], u[chosen], rng)
        lessons += WALKERS * STEPS
        cloud = _Cloud.fitted(points, frequency.shape[1], rng)
        parts = [*some, cloud]
        proposal = _Proposal(log_posterior, parts, np.append((1 - LEARNT) * share, LEARNT), rng)
    (frequency, u), log_mean, efficiency, spent = resample(best, draws, rng)
    return Sampled(frequency, u, log_mean, efficiency, spent + lessons, int(np.argmax(share)))


def _walked(
    log_posterior: Callable[[np.ndarray, np.ndarray], np.ndarray],
    frequency: np.ndarray,
    u: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Where walkers have been: frequencies in ascending order and u, (points, S + J)."""
    import emcee

    n_signals = frequency.shape[1]

    def log_density(x: np.ndarray) -> np.ndarray:
        return log_posterior(x[:, :n_signals], x[:, n_signals:])

    start = np.hstack([np.sort(frequency, axis=1), u])
    walkers = emcee.EnsembleSampler(*start.shape, log_density, vectorize=True)
    state = emcee.State(start)
    state.random_state = np.random.RandomState(int(rng.integers(2**31))).get_state()
    walkers.run_mcmc(state, STEPS, skip_initial_state_check=True)
    found = walkers.get_chain(discard=STEPS // 2, thin=3, flat=True)
    found[:, :n_signals].sort(axis=1)
    return found


class _Proposal(NamedTuple):
    """Draws of a mixture, and their log weights."""

    log_posterior: Callable[[np.ndarray, np.ndarray], np.ndarray]
    parts: list[Any]
    share: np.ndarray
    rng: np.random.Generator

    def __call__(self, count: int) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
        counts = self.rng.multinomial(count, self.share)
        drawn = [one.draw(k, self.rng) for one, k in zip(self.parts, counts, strict=True)]
        order = self.rng.permutation(count)
        frequency = np.concatenate([part[0] for part in drawn])[order]
        u = np.concatenate([part[1] for part in drawn])[order]
        each = [
            one.log_proposal(frequency, u) + np.log(w)
            for one, w in zip(self.parts, self.share, strict=True)
        ]
        weight = self.log_posterior(frequency, u) - np.logaddexp.reduce(each, axis=0)
        return (frequency, u), weight


def _efficiency(log_weight: np.ndarray) -> float:
    weight = np.exp(log_weight - log_weight.max())
    return float(weight.sum() ** 2 / (weight @ weight) / len(weight))


def _softened(log_weight: np.ndarray) -> np.ndarray:
    """Probabilities as a power of the weights, the highest up to one that is even enough."""
    low, high = 0.0, 1.0
    finite = np.where(np.isfinite(log_weight), log_weight, -1e300)
    if _efficiency(finite) < SOFT:
        for _ in range(30):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if _efficiency(middle * finite) >= SOFT else (low, middle)
        finite = low * finite
    weight = np.exp(finite - finite.max())
    return weight / weight.sum()
