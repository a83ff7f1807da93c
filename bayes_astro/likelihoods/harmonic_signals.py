r"""Several signals with frequencies of their own, integrated out together.

The model of `harmonic` with the harmonics of :math:`S` frequencies side by side: the columns of :math:`X` are
cosine and sine of the first harmonic of every signal, then of the second, and so on, so that fewer harmonics of
all signals are its leading columns. Each block's trend first: with its columns :math:`H` in units of their prior
widths, :math:`G = I + H^T W H = L L^T`, and :math:`z` the values less the reference trend,

.. math::

    M = X^T W X - a^T a, \quad v = X^T W z - a^T u, \quad a = L^{-1} H^T W X, \quad
    u = L^{-1} (H^T W z + \mu),

then each block's own part and the common one, as in `harmonic_blocks`. Unlike there the sums are taken at each
set of frequencies by itself: the cost is that of the points times the square of the columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from bayes_astro.likelihoods.harmonic import Coefficients
from bayes_astro.likelihoods.harmonic_problem import HarmonicProblem

__all__ = ["columns", "draw_coefficients", "log_evidence"]

ROOM = 4_000_000  # numbers in the columns of the frequencies that are worked on together


def columns(time: np.ndarray, frequency: np.ndarray, n_terms: int) -> np.ndarray:
    """Cosines and sines of times (n,) for sets of frequencies (..., S): (..., n, 2 K S), harmonics first."""
    turn = np.asarray(frequency)[..., None, :] * time[:, None]
    first = np.exp(2j * np.pi * (turn - np.rint(turn)))  # (..., n, S)
    found, power = [], first
    for k in range(n_terms):
        power = first if k == 0 else power * first
        found.append(np.stack([power.real, power.imag], axis=-1))
    return np.stack(found, axis=-3).reshape(*turn.shape[:-1], -1)


def log_evidence(problem: HarmonicProblem, frequency, jitter=None) -> np.ndarray:
    """Log marginal likelihood at sets of frequencies, of each number of harmonics.

    Parameters
    ----------
    problem : HarmonicProblem
        Every signal has its `terms` and prior widths.
    frequency : array (m, S)
    jitter : array (m, J), optional
        Noise added in quadrature.

    Returns
    -------
    array (m, T)
        In nats.
    """
    frequency = np.asarray(frequency, dtype=float)
    found = np.empty((len(frequency), len(problem.terms)))
    for rows, some in _pieces(problem, frequency, jitter):
        found[rows] = some.constant[:, None] + _explained(problem, some, frequency.shape[1])
    return found


def draw_coefficients(
    problem: HarmonicProblem, frequency, rng: np.random.Generator, jitter=None, number=None
) -> Coefficients:
    """Draw trend and amplitudes from their joint Gaussian posterior at each set of frequencies.

    Parameters
    ----------
    problem : HarmonicProblem
    frequency : array (m, S)
    rng : numpy.random.Generator
    jitter : array (m, J), optional
    number : array of int (m,), optional
        How many harmonics the signals of each draw have; default: all.

    Returns
    -------
    Coefficients
        Cosines and sines (m, S, K), own parts (m, B, S, K).
    """
    frequency = np.asarray(frequency, dtype=float)
    (m, n_signals), n_terms = frequency.shape, len(problem.term_sd)
    number = np.full(m, n_terms) if number is None else np.asarray(number)
    n_blocks, p = problem.beta_sd.shape
    n_own = n_blocks if len(problem.own_sd) else 0
    trend = np.empty((m, n_blocks, p))
    common, own = (
        np.empty((m, 2 * n_terms * n_signals)),
        np.empty((m, n_own, _size(problem, n_signals))),
    )
    for rows, some in _pieces(problem, frequency, jitter):
        here = np.repeat(np.arange(n_terms) < number[rows, None], 2 * n_signals, axis=1)
        widths = _widths(problem.term_sd, n_signals) * here
        if n_own:
            own_widths = _widths(problem.own_sd, n_signals)
            inner = [_own_factor(block, own_widths * here) for block in some.blocks]
            system, right = _common_system(inner, _ratio(problem, n_signals) * here)
        else:
            system, right = _scaled(some.blocks, widths)
        factor = _cholesky(system)
        common[rows] = (
            widths * _normal(factor, right, rng) + 0.0
        )  # no negative zeros: they have phases
        for b, block in enumerate(some.blocks):
            theta = common[rows]
            if n_own:
                scale = own_widths * here
                rest = scale * (block.vector - _times(block.products, theta))
                own[rows, b] = scale * _normal(inner[b].factor, rest, rng) + 0.0
                theta = theta + own[rows, b]
            rest = block.right - _times(block.cross, theta)
            trend[rows, b] = problem.reference[b] + problem.beta_sd[b] * _normal(
                block.factor, rest, rng
            )

    def split(x: np.ndarray, i: int) -> np.ndarray:
        return np.moveaxis(x.reshape(*x.shape[:-1], n_terms, n_signals, 2)[..., i], -1, -2)

    return Coefficients(trend, split(common, 0), split(common, 1), split(own, 0), split(own, 1))


def _size(problem: HarmonicProblem, n_signals: int) -> int:
    """How many columns there are."""
    return 2 * len(problem.term_sd) * n_signals


class _Block(NamedTuple):
    """One block, its trend integrated out."""

    factor: np.ndarray
    """L of its trend (c, p, p)."""
    cross: np.ndarray
    """H' W X (c, p, C)."""
    right: np.ndarray
    """H' W z + mu (c, p)."""
    products: np.ndarray
    """M (c, C, C)."""
    vector: np.ndarray
    """v (c, C)."""


class _Piece(NamedTuple):
    blocks: list[_Block]
    constant: np.ndarray
    """Log evidence of the trend alone (c,)."""


class _Inner(NamedTuple):
    """A block's own part."""

    factor: np.ndarray
    """Of I + N (c, C, C)."""
    inverse: np.ndarray
    """Of that factor (c, C, C)."""
    forward: np.ndarray
    """Factor^-1 of the scaled v (c, C)."""


def _pieces(problem, frequency, jitter) -> Iterator[tuple[slice, _Piece]]:
    """As many sets of frequencies at a time as there is room for."""
    size = max(_size(problem, frequency.shape[1]), problem.design.shape[0])
    step = max(1, ROOM // (size * len(problem.time)))
    for first in range(0, len(frequency), step):
        rows = slice(first, min(first + step, len(frequency)))
        some = None if jitter is None else np.asarray(jitter)[rows]
        yield rows, _piece(problem, frequency[rows], some)


def _piece(problem: HarmonicProblem, frequency: np.ndarray, jitter: np.ndarray | None) -> _Piece:
    variance = problem.variance[None]
    if jitter is not None:
        variance = variance + jitter[:, problem.noise_of] ** 2
    total = np.log(variance).sum(axis=1) + len(problem.time) * np.log(2 * np.pi)
    blocks = []
    for b in range(problem.n_blocks):
        at = slice(problem.start[b], problem.start[b + 1])
        weight, z = 1 / variance[:, at], problem.residual[at]
        x = columns(problem.time[at], frequency, len(problem.term_sd))
        trend = (problem.beta_sd[b][:, None] * problem.design[:, at]).T  # (n, p)
        mu = (problem.beta_mean[b] - problem.reference[b]) / problem.beta_sd[b]
        weighted = weight[..., None] * trend  # (c, n, p)
        gram = np.eye(trend.shape[1]) + np.swapaxes(weighted, 1, 2) @ trend
        factor = _cholesky(gram)
        cross = np.swapaxes(weighted, 1, 2) @ x
        right = np.swapaxes(weighted, 1, 2) @ z + mu
        a, u = np.linalg.solve(factor, cross), np.linalg.solve(factor, right[..., None])
        wx = weight[..., None] * x
        products = np.swapaxes(wx, 1, 2) @ x - np.swapaxes(a, 1, 2) @ a
        vector = np.swapaxes(wx, 1, 2) @ z - (np.swapaxes(a, 1, 2) @ u)[..., 0]
        log_pivots = np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
        total = total + weight @ z**2 + mu @ mu - (u[..., 0] ** 2).sum(axis=1) + 2 * log_pivots
        blocks.append(_Block(factor, cross, right, products, vector))
    return _Piece(blocks, np.broadcast_to(-0.5 * total, (len(frequency),)))


def _explained(problem: HarmonicProblem, some: _Piece, n_signals: int) -> np.ndarray:
    """Log evidence against the trend alone, of each number of harmonics (c, T)."""
    last = 2 * n_signals * problem.terms - 1
    if not len(problem.own_sd):
        system, right = _scaled(some.blocks, _widths(problem.term_sd, n_signals))
        return _tally(system, right)[:, last]
    own = _widths(problem.own_sd, n_signals)
    inner = [_own_factor(block, np.broadcast_to(own, block.vector.shape)) for block in some.blocks]
    found = np.sum([_gain(one.factor, one.forward)[:, last] for one in inner], axis=0)
    for t, size in enumerate(last + 1):
        leading = [
            _Inner(*(x[:, :size] if x.ndim == 2 else x[:, :size, :size] for x in one))
            for one in inner
        ]
        system, right = _common_system(leading, _ratio(problem, n_signals)[:size])
        found[:, t] += _tally(system, right)[:, -1]
    return found


def _widths(sd: np.ndarray, n_signals: int) -> np.ndarray:
    return np.repeat(sd, 2 * n_signals)


def _ratio(problem: HarmonicProblem, n_signals: int) -> np.ndarray:
    return _widths(problem.term_sd / problem.own_sd, n_signals)


def _scaled(blocks: list[_Block], widths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """I + D M D summed over blocks, and D v."""
    products = np.sum([b.products for b in blocks], axis=0)
    vector = np.sum([b.vector for b in blocks], axis=0)
    widths = np.broadcast_to(widths, vector.shape)
    return (
        np.eye(widths.shape[1]) + widths[:, :, None] * products * widths[:, None, :],
        widths * vector,
    )


def _own_factor(block: _Block, widths: np.ndarray) -> _Inner:
    system, right = _scaled([block], widths)
    factor = _cholesky(system)
    inverse = np.linalg.solve(factor, np.broadcast_to(np.eye(widths.shape[1]), system.shape))
    return _Inner(factor, inverse, _times(inverse, right))


def _common_system(inner: list[_Inner], ratio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """S and g of `harmonic_blocks`."""
    size = inner[0].forward.shape[1]
    ratio = np.broadcast_to(ratio, inner[0].forward.shape)
    left = sum(np.eye(size) - np.swapaxes(one.inverse, 1, 2) @ one.inverse for one in inner)
    right = sum(_times(np.swapaxes(one.inverse, 1, 2), one.forward) for one in inner)
    return np.eye(size) + ratio[:, :, None] * left * ratio[:, None, :], ratio * right


def _tally(system: np.ndarray, right: np.ndarray) -> np.ndarray:
    """1/2 g' S^-1 g - 1/2 log|S| of the leading rows, (c, C)."""
    factor = _cholesky(system)
    return _gain(factor, np.linalg.solve(factor, right[..., None])[..., 0])


def _gain(factor: np.ndarray, forward: np.ndarray) -> np.ndarray:
    return np.cumsum(0.5 * forward**2 - np.log(np.diagonal(factor, axis1=1, axis2=2)), axis=1)


def _times(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    return (matrix @ vector[..., None])[..., 0]


def _normal(factor: np.ndarray, right: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draws with the precision L L' and the mean (L L')^-1 right."""
    white = np.linalg.solve(factor, right[..., None]) + rng.standard_normal((*right.shape, 1))
    return np.linalg.solve(np.swapaxes(factor, 1, 2), white)[..., 0]


def _cholesky(matrix: np.ndarray) -> np.ndarray:
    """Of the identity plus something positive, whose rounding may outgrow the identity."""
    try:
        return np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        size = matrix.shape[-1]
        trace = np.trace(matrix, axis1=-2, axis2=-1)[..., None, None]
        return np.linalg.cholesky(matrix + 1e-14 * trace * np.eye(size))
