r"""Marginal likelihood of a harmonic signal in noise of any covariance, and its conjugate draws.

As `harmonic`, with :math:`\epsilon \sim N(0, C)` and

.. math::

    P = C^{-1} - C^{-1} H s (I + s H^T C^{-1} H s)^{-1} s H^T C^{-1}.

The products that depend on the frequency are sums over pairs of points, for harmonics j and k and
:math:`\theta_i = 2\pi f t_i`,

.. math::

    A_{jk} = \sum_{il} P_{il} e^{i(j\theta_i - k\theta_l)}, \qquad
    B_{jk} = \sum_{il} P_{il} e^{i(j\theta_i + k\theta_l)},

.. math::

    \cos_j^T P \cos_k = \tfrac12 \mathrm{Re}(A + B), \quad
    \sin_j^T P \sin_k = \tfrac12 \mathrm{Re}(A - B), \quad
    \sin_j^T P \cos_k = \tfrac12 \mathrm{Im}(A + B), \quad
    \cos_j^T P \sin_k = \tfrac12 \mathrm{Im}(B - A),

so that on a grid two non-uniform FFTs of N^2 points for every pair of harmonics, and one of N points for
every harmonic of P y, serve any kernel.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from bayes_astro.likelihoods.compiled import kernel
from bayes_astro.likelihoods.harmonic_blocks import averaged, reduced, workspace

__all__ = [
    "CorrelatedProblem",
    "draw_coefficients",
    "log_evidence",
    "log_evidence_by_terms",
    "log_evidence_grid",
    "log_evidence_null",
    "project",
]

CHUNK = 4_000_000  # numbers of a design of many frequencies
FEW = 60  # frequencies that are summed directly rather than by transforms
LARGEST = 1 << 16  # frequencies of one transform


class CorrelatedProblem(NamedTuple):
    """One light curve with its noise's covariance, the trend projected out; built by `project`."""

    time: np.ndarray
    """Times (n,), centred by the caller."""
    inverse: np.ndarray
    """C^-1 (n, n)."""
    precision: np.ndarray
    """P (n, n)."""
    score: np.ndarray
    """P (value - H beta_mean) (n,)."""
    residual: np.ndarray
    """Values less H beta_mean (n,)."""
    design: np.ndarray
    """H s (n, p)."""
    beta_mean: np.ndarray
    beta_sd: np.ndarray
    """Priors of the trend (p,)."""
    term_sd: np.ndarray
    """Prior widths of the cosine and sine amplitudes of each harmonic (K,)."""
    terms: np.ndarray
    log_terms: np.ndarray
    """Numbers of harmonics that are averaged over, and their log prior probabilities (T,)."""
    weight: np.ndarray
    """Diagonal of C^-1 (n,)."""
    chi_square: float
    """(value - H beta_mean)' P (value - H beta_mean)."""
    log_evidence_null: float
    """Log marginal likelihood of the trend alone."""


def _whitened(
    value: Any, covariance: Any, design: Any, beta_mean: Any, beta_sd: Any
) -> tuple[Any, ...]:
    """L, L^-1 H s, q of its QR with the prior, the residual, what is left of it, and log |C + H s s H'|."""
    factor = cholesky(covariance, lower=True, check_finite=False)
    columns = solve_triangular(factor, design * beta_sd, lower=True, check_finite=False)
    p = columns.shape[1]
    q, r = np.linalg.qr(np.vstack([columns, np.eye(p)]))
    residual = value - design @ beta_mean
    white = solve_triangular(factor, residual, lower=True, check_finite=False)
    white = np.concatenate([white, np.zeros(p)])
    left = white - q @ (q.T @ white)
    log_determinant = 2 * np.log(np.diag(factor)).sum() + 2 * np.log(np.abs(np.diag(r))).sum()
    return factor, q[: len(value)], residual, left, float(log_determinant)


def log_evidence_null(
    value: Any, covariance: Any, design: Any, beta_mean: Any, beta_sd: Any
) -> float:
    """Log marginal likelihood of the trend alone."""
    _, _, _, left, log_determinant = _whitened(value, covariance, design, beta_mean, beta_sd)
    return float(-0.5 * (left @ left + log_determinant + len(value) * math.log(2 * math.pi)))


def project(
    time: Any,
    value: Any,
    covariance: Any,
    design: Any,
    beta_mean: Any,
    beta_sd: Any,
    term_sd: Any,
    terms: Any,
) -> CorrelatedProblem:
    """Integrate the trend out, once for all frequencies; arguments as those of `harmonic.project`.

    Parameters
    ----------
    covariance : array (n, n)
        Of the noise, errors included.
    """
    factor, q, residual, left, log_determinant = _whitened(
        value, covariance, design, beta_mean, beta_sd
    )
    n = len(time)
    root = solve_triangular(factor, np.eye(n), lower=True, check_finite=False)
    inverse, loading = root.T @ root, root.T @ q
    terms = np.array(terms, dtype=np.int64)
    chi_square = float(left @ left)
    return CorrelatedProblem(
        time=np.array(time, dtype=float),
        inverse=inverse,
        precision=inverse - loading @ loading.T,
        score=root.T @ left[:n],
        residual=residual,
        design=design * beta_sd,
        beta_mean=np.array(beta_mean, dtype=float),
        beta_sd=np.array(beta_sd, dtype=float),
        term_sd=np.array(term_sd, dtype=float),
        terms=terms,
        log_terms=np.full(len(terms), -np.log(len(terms))),
        weight=np.diag(inverse).copy(),
        chi_square=chi_square,
        log_evidence_null=-0.5 * (chi_square + log_determinant + n * math.log(2 * math.pi)),
    )


def _waves(problem: CorrelatedProblem, frequency: np.ndarray) -> np.ndarray:
    """Columns cos 1, sin 1, cos 2, ... at many frequencies: (n, m, 2K)."""
    number = np.arange(1, len(problem.term_sd) + 1)
    angle = 2 * np.pi * problem.time[:, None, None] * frequency[:, None] * number
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1).reshape(*angle.shape[:2], -1)


def _products(matrix: np.ndarray, waves: np.ndarray) -> np.ndarray:
    """X' matrix X of each frequency: (m, 2K, 2K)."""
    n, m, size = waves.shape
    turned = (matrix @ waves.reshape(n, -1)).reshape(n, m, size)
    return np.matmul(waves.transpose(1, 2, 0), turned.transpose(1, 0, 2))


def log_evidence_by_terms(problem: CorrelatedProblem, frequency: Any) -> np.ndarray:
    """Log marginal likelihood of each number of harmonics at any frequencies, (m, T)."""
    frequency = np.asarray(frequency, dtype=float)
    size = 2 * len(problem.term_sd)
    found = np.empty((len(frequency), len(problem.terms)))
    step = max(CHUNK // (len(problem.time) * size), 1)
    for first in range(0, len(frequency), step):
        part = slice(first, first + step)
        waves = _waves(problem, frequency[part])
        products = _products(problem.precision, waves)
        vector = np.tensordot(waves, problem.score, axes=(0, 0))
        found[part] = _integrated(problem, products, vector, 0.0)
    return found + problem.log_evidence_null


def log_evidence(problem: CorrelatedProblem, frequency: Any) -> np.ndarray:
    """Log marginal likelihood, averaged over numbers of harmonics, (m,)."""
    found = log_evidence_by_terms(problem, frequency) + problem.log_terms
    peak = found.max(axis=1)
    return peak + np.log(np.exp(found - peak[:, None]).sum(axis=1))


def _integrated(
    problem: CorrelatedProblem, products: np.ndarray, vector: np.ndarray, smallest: float
) -> np.ndarray:
    """Log evidence against the trend alone, by number of harmonics (m, T); NaN where degenerate."""
    out = np.empty((len(vector), len(problem.terms)))
    work = workspace(1, len(problem.term_sd), len(problem.terms))
    weight = np.array([problem.weight.sum()])
    _fill(
        np.ascontiguousarray(products), np.ascontiguousarray(vector), problem.term_sd, problem.terms,
        smallest, weight, work, out,
    )  # fmt: skip
    return out


@kernel
def _fill(products, vector, term_sd, terms, smallest, weight, work, out):
    """Frequencies side by side through `reduced`."""
    none = np.zeros(0)
    lanes, size = work.evidence.shape[1], vector.shape[1]
    for at in range(0, len(vector), lanes):
        count = min(lanes, len(vector) - at)
        for lane in range(count):
            for j in range(size):
                work.vector[0, j, lane] = vector[at + lane, j]
                for k in range(j + 1):
                    work.products[0, j, k, lane] = products[at + lane, j, k]
        reduced(work, term_sd, none, terms, smallest, weight)
        for lane in range(count):
            for t in range(terms.size):
                out[at + lane, t] = work.evidence[t, lane]


@kernel
def _mean_of(out, log_terms, found):
    for i in range(len(out)):
        found[i] = averaged(out[i].reshape((-1, 1)), log_terms, 0)


def log_evidence_grid(
    problem: CorrelatedProblem, first: float, step: float, count: int, accuracy: float = 1e-6
) -> np.ndarray:
    """Log marginal likelihood at the frequencies ``first + step * arange(count)``, (count,).

    Parameters
    ----------
    accuracy : float
        Largest error allowed, in nats, down to 1e-13 of the highest peak.
    """
    from bayes_astro.likelihoods.harmonic_grid import precision_of

    grid = first + step * np.arange(count)
    if count < FEW:
        return log_evidence(problem, grid)
    precision, smallest = precision_of(problem, accuracy)
    found = np.empty(count)
    for start in range(0, count, LARGEST):
        part = slice(start, min(start + LARGEST, count))
        products, vector = _sums(problem, grid[part], step, precision)
        out = _integrated(problem, products, vector, smallest)
        _mean_of(out, problem.log_terms, found[part])
    found += problem.log_evidence_null
    marked = np.flatnonzero(np.isnan(found))
    if len(marked):
        found[marked] = log_evidence(problem, grid[marked])
    return found


def _sums(
    problem: CorrelatedProblem, grid: np.ndarray, step: float, precision: float
) -> tuple[np.ndarray, np.ndarray]:
    """X' P X (m, 2K, 2K; lower triangle) and X' P y (m, 2K) by non-uniform FFTs."""
    import finufft

    m, n_terms = len(grid), len(problem.term_sd)
    centre = grid[m // 2]

    def transformed(time: np.ndarray, strength: np.ndarray) -> np.ndarray:
        turns, middle = step * time, centre * time
        phase = np.exp(2j * np.pi * (middle - np.rint(middle)))
        points = 2 * np.pi * (turns - np.rint(turns))
        return finufft.nufft1d1(points, strength * phase, m, eps=precision, isign=1, nthreads=1)

    time = problem.time
    products, vector = np.zeros((m, 2 * n_terms, 2 * n_terms)), np.empty((m, 2 * n_terms))
    pairs = problem.precision.ravel()
    for j in range(1, n_terms + 1):
        row = 2 * j - 2
        score = transformed(j * time, problem.score)
        vector[:, row], vector[:, row + 1] = score.real, score.imag
        for k in range(1, j + 1):
            column = 2 * k - 2
            minus = transformed((j * time[:, None] - k * time).ravel(), pairs)
            plus = transformed((j * time[:, None] + k * time).ravel(), pairs)
            products[:, row, column] = 0.5 * (minus + plus).real
            products[:, row + 1, column + 1] = 0.5 * (minus - plus).real
            products[:, row + 1, column] = 0.5 * (minus + plus).imag
            products[:, row, column + 1] = 0.5 * (plus - minus).imag
    return products, vector


def draw_coefficients(
    problem: CorrelatedProblem, frequency: Any, normals: np.ndarray, number: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draws of trend (m, p), cosines and sines (m, K), zero beyond each draw's number of harmonics.

    Of standard normals (m, p + 2K); zeros give the posterior mean.
    """
    frequency = np.asarray(frequency, dtype=float)
    p, n_terms = problem.design.shape[1], len(problem.term_sd)
    waves = _waves(problem, frequency) * np.repeat(problem.term_sd, 2)
    size = p + 2 * n_terms
    solved = problem.inverse @ problem.design
    matrix = np.tile(np.eye(size), (len(frequency), 1, 1))
    matrix[:, :p, :p] += problem.design.T @ solved
    cross = np.tensordot(waves, solved, axes=(0, 0))  # (m, 2K, p)
    matrix[:, p:, :p] += cross
    matrix[:, :p, p:] += cross.transpose(0, 2, 1)
    matrix[:, p:, p:] += _products(problem.inverse, waves)
    vector = np.empty((len(frequency), size))
    right = problem.inverse @ problem.residual
    vector[:, :p] = problem.design.T @ right
    vector[:, p:] = np.tensordot(waves, right, axes=(0, 0))
    # What a draw has not stands alone, with its prior: set to zero below.
    absent = np.arange(size) >= p + 2 * np.asarray(number)[:, None]
    matrix[absent[:, :, None] | absent[:, None, :]] = 0.0
    matrix[:, np.arange(size), np.arange(size)] += absent
    vector[absent] = 0.0
    factor = np.linalg.cholesky(matrix)
    mean = np.linalg.solve(matrix, vector[..., None])[..., 0]
    drawn = mean + np.linalg.solve(factor.transpose(0, 2, 1), normals[..., None])[..., 0]
    drawn[absent] = 0.0
    beta = problem.beta_mean + problem.beta_sd * drawn[:, :p]
    theta = drawn[:, p:] * np.repeat(problem.term_sd, 2)
    return beta, theta[:, ::2], theta[:, 1::2]
