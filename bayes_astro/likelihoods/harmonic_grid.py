r"""Marginal likelihood of a harmonic signal at many frequencies: on a uniform grid, or drawn.

The same number as `harmonic.log_evidence`, from non-uniform FFTs (of type 1 on a grid, of type 3
between points and frequencies that are both anywhere). With the trend projected out
once (:math:`P = W - UU^T`, :math:`r = P(y - Hm)`), the only sums over points that depend on
frequency are, for :math:`\theta_i = 2\pi f t_i`,

.. math::

    \sum_i w_i e^{ih\theta_i}\;(h \le 2K), \qquad
    \sum_i r_i e^{ih\theta_i},\; \sum_i U_{ij} e^{ih\theta_i}\;(h \le K),

and with them, amplitudes in units of their prior width,

.. math::

    \log Z(f) = \log Z_0 - \tfrac12 \log|I + \lambda X^T P X \lambda|
              + \tfrac12\, b^T (I + \lambda X^T P X \lambda)^{-1} b, \qquad b = \lambda X^T r .

One harmonic and an offset take three transforms. Many frequencies are handled in blocks that stay
in the processor's cache; the strengths carry the phase of each block's central frequency.
Everything runs in one thread: parallelism belongs across light curves.
"""

import math
import threading
from functools import lru_cache

import finufft
import numpy as np

from bayes_astro.likelihoods.compiled import kernel
from bayes_astro.likelihoods.harmonic import HarmonicProblem, log_evidence
from bayes_astro.likelihoods.harmonic_kernel import REORDER, cosine_products, factorise

__all__ = ["log_evidence_grid", "log_evidence_many"]

BLOCK = 32768
"""Frequencies in a block: the transforms' arrays stay within a typical second-level cache."""

DIRECT_POINTS = 40
"""Light curves with fewer points are summed directly, which is then as quick and more accurate."""

TRANSFORM_POINTS, TRANSFORM_FREQUENCIES = 500, 200
"""Fewer points, or fewer frequencies that lie together, are summed directly, which is then faster."""


def log_evidence_grid(
    problem: HarmonicProblem,
    first: float,
    step: float,
    count: int,
    accuracy: float = 1e-6,
) -> np.ndarray:
    """Log marginal likelihood at the frequencies ``first + step * arange(count)``.

    Parameters
    ----------
    problem : HarmonicProblem
    first, step : float
        In the inverse unit of the times.
    count : int
    accuracy : float
        Largest error allowed, in nats. The transforms' relative precision follows from it and
        from the height that a peak of these data can have at most. It cannot pass below what
        double precision gives for that height, about 1e-13 of it.

    Returns
    -------
    array (count,)
        In nats, all normalising constants included.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    if len(problem.time) < DIRECT_POINTS:
        return log_evidence(problem, first + step * np.arange(count))

    n_terms, n_trend = len(problem.term_sd), len(problem.beta_sd)
    precision, smallest_pivot = _precision(problem, accuracy)
    size = _block_size(count)
    half = size // 2

    transforms = []
    row = 0
    for harmonic, strengths in _strengths(problem):
        turns = harmonic * step * problem.time
        plan = _plan(size, len(strengths), precision, harmonic, threading.get_ident())
        plan.setpts(2.0 * math.pi * (turns - np.rint(turns)))
        transforms.append((plan, harmonic, strengths, slice(row, row + len(strengths))))
        row += len(strengths)

    spectra = _buffer(row, size, threading.get_ident())
    combine = _combine_one if n_terms == 1 else _combine
    total_weight = problem.weight.sum()
    log_density = np.empty(count)
    for start in range(0, count, size):
        stop = min(start + size, count)
        centre = first + step * (start + half)
        for plan, harmonic, strengths, rows in transforms:
            turns = harmonic * centre * problem.time
            phase = np.exp(2j * math.pi * (turns - np.rint(turns)))
            plan.execute(strengths * phase, spectra[rows])
        combine(
            spectra.view(np.float64).reshape(row, size, 2),
            total_weight,
            problem.term_sd,
            n_trend,
            problem.log_evidence_null,
            smallest_pivot,
            log_density[start:stop],
        )
    # The combination marks what is too degenerate for the transforms' precision: frequencies below
    # one cycle in the time span, or where regular sampling hides the sine.
    marked = np.flatnonzero(np.isnan(log_density))
    if len(marked):
        log_density[marked] = log_evidence(problem, first + step * marked)
    return log_density


def log_evidence_many(
    problem: HarmonicProblem, frequency: np.ndarray, accuracy: float = 1e-6
) -> np.ndarray:
    """Log marginal likelihood at any frequencies, most of which lie in a few narrow peaks.

    Parameters
    ----------
    problem : HarmonicProblem
    frequency : array (m,)
        In the inverse unit of the times, in any order.
    accuracy : float
        As in `log_evidence_grid`.

    Returns
    -------
    array (m,)
        In nats, as of `harmonic.log_evidence`, which short light curves are left to.
    """
    frequency = np.asarray(frequency, dtype=np.float64)
    n = len(problem.time)
    if n < TRANSFORM_POINTS or len(frequency) < TRANSFORM_FREQUENCIES:
        return log_evidence(problem, frequency)
    precision, smallest_pivot = _precision(problem, accuracy)
    n_terms, n_trend = len(problem.term_sd), len(problem.beta_sd)
    combine = _combine_one if n_terms == 1 else _combine
    # A transform's grid has some cells of 1 / timespan for each between its frequencies: across a
    # gap of n / 100 of them that costs as much as to sum over the points once.
    order = np.argsort(frequency, kind="stable")
    gaps = np.diff(frequency[order]) * np.ptp(problem.time)
    log_density = np.full(len(frequency), np.nan)
    for group in np.split(order, np.flatnonzero(gaps > 0.01 * n) + 1):
        if len(group) < TRANSFORM_FREQUENCIES:
            continue
        centre = 0.5 * (frequency[group[0]] + frequency[group[-1]])
        spectra = []
        for harmonic, strengths in _strengths(problem):
            turns = harmonic * centre * problem.time
            phase = np.exp(2j * math.pi * (turns - np.rint(turns)))
            spectra.append(
                finufft.nufft1d3(
                    problem.time,
                    strengths * phase,
                    2.0 * math.pi * harmonic * (frequency[group] - centre),
                    eps=precision,
                    isign=1,
                    nthreads=1,
                ).reshape(len(strengths), len(group))
            )
        found = np.concatenate(spectra)
        part = np.empty(len(group))
        combine(
            found.view(np.float64).reshape(*found.shape, 2),
            problem.weight.sum(),
            problem.term_sd,
            n_trend,
            problem.log_evidence_null,
            smallest_pivot,
            part,
        )
        log_density[group] = part
    # What lies alone, and what is too degenerate for the transforms' precision.
    rest = np.flatnonzero(np.isnan(log_density))
    if len(rest):
        log_density[rest] = log_evidence(problem, frequency[rest])
    return log_density


def _strengths(problem):
    """For each harmonic the rows to be transformed, as `_combine` expects them.

    Of harmonics 1 to K the residual, the projection's columns and the weights, of those above the
    weights; one harmonic alone needs no weights at h = 1.
    """
    n_terms = len(problem.term_sd)
    plain = np.vstack([problem.score, problem.loading])
    full = np.vstack([plain, problem.weight])
    for harmonic in range(1, 2 * n_terms + 1):
        if harmonic > n_terms:
            yield harmonic, full[-1:]
        else:
            yield harmonic, plain if n_terms == 1 else full


def _precision(problem, accuracy):
    """Relative precision of the transforms, and the smallest pivot at which it is enough.

    An error of relative size e in the sums changes a peak by twice its height times e, and more
    where columns are nearly degenerate, by the ratio of a Cholesky pivot to its diagonal element.
    """
    height = 1.0 + 0.5 * problem.chi_square
    # One value per decade, so that plans are found again in the cache.
    decade = math.floor(math.log10(0.01 * accuracy / height) + 1e-9)
    precision = 10.0 ** min(max(decade, -14), -6)
    pivot = 10.0 * max(precision, 2e-13) * height / accuracy
    return precision, min(max(pivot, 1e-3), 0.3)


def _block_size(count):
    """An even share of at most `BLOCK`; of 32 sizes per octave so that plans are found again."""
    share = -(-count // -(-count // BLOCK))
    unit = 2 ** max(share.bit_length() - 6, 1)
    return -(-share // unit) * unit


@lru_cache(maxsize=4)
def _buffer(rows, size, thread):
    """Output of the transforms, kept: fresh pages cost as much as a small transform."""
    return np.empty((rows, size), dtype=np.complex128)


@lru_cache(maxsize=24)
def _plan(size, n_transforms, precision, harmonic, thread):
    """A plan holds its points: one for each harmonic and thread."""
    # The smaller grid is quicker but its kernel cannot reach the highest precisions.
    upsampling = 1.25 if precision >= 1e-9 else 2.0
    return finufft.Plan(
        1,
        (size,),
        n_transforms,
        eps=precision,
        isign=1,
        nthreads=1,
        upsampfac=upsampling,
    )


@kernel(fastmath=REORDER)
def _combine_one(spectra, total_weight, term_sd, n_trend, constant, smallest_pivot, log_density):
    """One harmonic: the 2 x 2 system in closed form."""
    variance = term_sd[0] ** 2
    full = 1.0 + 0.5 * variance * total_weight
    for i in range(log_density.size):
        cc = 0.5 * (total_weight + spectra[n_trend + 1, i, 0])
        ss = 0.5 * (total_weight - spectra[n_trend + 1, i, 0])
        cs = 0.5 * spectra[n_trend + 1, i, 1]
        for j in range(1, n_trend + 1):
            u_c, u_s = spectra[j, i, 0], spectra[j, i, 1]
            cc -= u_c * u_c
            ss -= u_s * u_s
            cs -= u_c * u_s
        a = 1.0 + variance * cc
        d = 1.0 + variance * ss
        b = variance * cs
        determinant = a * d - b * b
        if not determinant > smallest_pivot * full * full:
            log_density[i] = np.nan
            continue
        y_c, y_s = spectra[0, i, 0], spectra[0, i, 1]
        explained = d * y_c * y_c + a * y_s * y_s - 2.0 * b * y_c * y_s
        log_density[i] = constant + 0.5 * (
            variance * explained / determinant - math.log(determinant)
        )


# Compiled when first called, unlike the others: many never need it.
@kernel(fastmath=REORDER)
def _combine(spectra, total_weight, term_sd, n_trend, constant, smallest_pivot, log_density):
    """Any number of harmonics: a Cholesky factor of the 2K x 2K system."""
    n_terms = term_sd.size
    stride = n_trend + 2
    re, im = np.zeros(2 * n_terms + 1), np.zeros(2 * n_terms + 1)
    re[0] = total_weight
    u_c, u_s = np.empty((n_terms, n_trend)), np.empty((n_terms, n_trend))
    matrix = np.empty((2 * n_terms, 2 * n_terms))
    vector = np.empty(2 * n_terms)
    for i in range(log_density.size):
        for k in range(n_terms):
            row = k * stride
            vector[k] = term_sd[k] * spectra[row, i, 0]
            vector[n_terms + k] = term_sd[k] * spectra[row, i, 1]
            for j in range(n_trend):
                u_c[k, j] = spectra[row + 1 + j, i, 0]
                u_s[k, j] = spectra[row + 1 + j, i, 1]
            re[k + 1] = spectra[row + n_trend + 1, i, 0]
            im[k + 1] = spectra[row + n_trend + 1, i, 1]
            row = n_terms * stride + k
            re[n_terms + k + 1] = spectra[row, i, 0]
            im[n_terms + k + 1] = spectra[row, i, 1]
        for j in range(n_terms):
            for k in range(n_terms):
                cc, ss, cs = cosine_products(j + 1, k + 1, re, im)
                for column in range(n_trend):
                    cc -= u_c[j, column] * u_c[k, column]
                    ss -= u_s[j, column] * u_s[k, column]
                    cs -= u_c[j, column] * u_s[k, column]
                both = term_sd[j] * term_sd[k]
                if k <= j:
                    matrix[j, k] = both * cc
                    matrix[n_terms + j, n_terms + k] = both * ss
                matrix[n_terms + k, j] = both * cs
        for j in range(2 * n_terms):
            matrix[j, j] += 1.0
        log_determinant = factorise(matrix)
        degenerate = False
        for j in range(n_terms):
            limit = smallest_pivot * (1.0 + 0.5 * term_sd[j] ** 2 * total_weight)
            if not min(matrix[j, j], matrix[n_terms + j, n_terms + j]) ** 2 > limit:
                degenerate = True
        if degenerate:
            log_density[i] = np.nan
            continue
        explained = 0.0
        for j in range(2 * n_terms):
            total = vector[j]
            for k in range(j):
                total -= matrix[j, k] * vector[k]
            vector[j] = total / matrix[j, j]
            explained += vector[j] ** 2
        log_density[i] = constant + 0.5 * (explained - log_determinant)
