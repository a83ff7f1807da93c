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
from bayes_astro.likelihoods.harmonic_blocks import REORDER, averaged, reduced, workspace
from bayes_astro.likelihoods.harmonic_kernel import harmonic_products

__all__ = ["log_evidence_grid", "log_evidence_many", "precision_of"]

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
        double precision gives for that height, about 1e-13 of it (1e-11 where errors spread over six decades).

    Returns
    -------
    array (count,)
        In nats, all normalising constants included.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    if len(problem.time) < DIRECT_POINTS * problem.n_blocks:
        return log_evidence(problem, first + step * np.arange(count))

    precision, smallest_pivot = precision_of(problem, accuracy)
    size = _block_size(count, problem)
    half = size // 2
    thread = threading.get_ident()

    transforms = []
    row = 0
    for rows, harmonic, strengths in _strengths(problem):
        turns = harmonic * step * problem.time[rows]
        points = 2.0 * math.pi * (turns - np.rint(turns))
        plan = _plan(size, len(strengths), precision, harmonic, thread)
        transforms.append(
            (plan, points, harmonic, rows, strengths, slice(row, row + len(strengths)))
        )
        row += len(strengths)

    spectra = _buffer(row, size, thread)
    combine = _combination(problem, smallest_pivot)
    log_density = np.empty(count)
    for start in range(0, count, size):
        stop = min(start + size, count)
        centre = first + step * (start + half)
        for plan, points, harmonic, rows, strengths, place in transforms:
            turns = harmonic * centre * problem.time[rows]
            phase = np.exp(2j * math.pi * (turns - np.rint(turns)))
            if start == 0 or problem.n_blocks > 1:  # blocks take turns in one plan
                plan.setpts(points)
            plan.execute(strengths * phase, spectra[place])
        combine(spectra, log_density[start:stop])
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
    precision, smallest_pivot = precision_of(problem, accuracy)
    combine = _combination(problem, smallest_pivot)
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
        for rows, harmonic, strengths in _strengths(problem):
            turns = harmonic * centre * problem.time[rows]
            phase = np.exp(2j * math.pi * (turns - np.rint(turns)))
            spectra.append(
                finufft.nufft1d3(
                    problem.time[rows],
                    strengths * phase,
                    2.0 * math.pi * harmonic * (frequency[group] - centre),
                    eps=precision,
                    isign=1,
                    nthreads=1,
                ).reshape(len(strengths), len(group))
            )
        part = np.empty(len(group))
        combine(np.concatenate(spectra), part)
        log_density[group] = part
    # What lies alone, and what is too degenerate for the transforms' precision.
    rest = np.flatnonzero(np.isnan(log_density))
    if len(rest):
        log_density[rest] = log_evidence(problem, frequency[rest])
    return log_density


def _strengths(problem):
    """For each block and harmonic its rows and the strengths to be transformed, as `_combine` expects them.

    Of harmonics 1 to K the residual, the projection's columns and the weights, of those above the
    weights; one harmonic alone of one block needs no weights at h = 1.
    """
    n_terms = len(problem.term_sd)
    plain = np.vstack([problem.score, problem.loading])
    full = np.vstack([plain, problem.weight])
    for b in range(problem.n_blocks):
        rows = slice(problem.start[b], problem.start[b + 1])
        for harmonic in range(1, 2 * n_terms + 1):
            if harmonic > n_terms:
                yield rows, harmonic, full[-1:, rows]
            elif n_terms == 1 and problem.n_blocks == 1:
                yield rows, harmonic, plain
            else:
                yield rows, harmonic, full[:, rows]


def _combination(problem, smallest_pivot):
    """Of spectra (rows, m) into the log densities (m,) that are written to."""
    n_terms, n_trend = len(problem.term_sd), problem.beta_sd.shape[1]
    weight = np.add.reduceat(problem.weight, problem.start[:-1])
    if n_terms == 1 and problem.n_blocks == 1 and len(problem.own_sd) == 0:
        settings = (
            weight[0],
            problem.term_sd,
            n_trend,
            problem.log_evidence_null,
            smallest_pivot,
        )
        function = _combine_one
    else:
        settings = (
            weight,
            problem.term_sd,
            problem.own_sd,
            problem.terms,
            problem.log_terms,
            n_trend,
            problem.log_evidence_null,
            smallest_pivot,
            workspace(problem.n_blocks, n_terms, len(problem.terms)),
        )
        function = _combine

    def combine(spectra, log_density):
        pairs = spectra.view(np.float64).reshape(*spectra.shape, 2)
        function(pairs, *settings, log_density)

    return combine


def precision_of(problem, accuracy):
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


def _block_size(count, problem):
    """An even share of at most `BLOCK`; of 32 sizes per octave so that plans are found again."""
    most = max(BLOCK // problem.n_blocks, 2048)
    share = -(-count // -(-count // most))
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


@kernel(fastmath=REORDER)
def _combine(
    spectra,
    weight,
    term_sd,
    own_sd,
    terms,
    log_terms,
    n_trend,
    constant,
    smallest_pivot,
    work,
    log_density,
):
    """Any number of harmonics and blocks; see `harmonic_blocks.reduced`."""
    n_terms, n_blocks, lanes = term_sd.size, weight.size, work.evidence.shape[1]
    size = 2 * n_terms
    stride = n_trend + 2
    re, im = np.zeros((size + 1, lanes)), np.zeros((size + 1, lanes))
    u = np.zeros((size, lanes))
    for at in range(0, log_density.size, lanes):
        count = min(lanes, log_density.size - at)
        for b in range(n_blocks):
            block = b * (n_terms * stride + n_terms)
            vector, product = work.vector[b], work.products[b]
            for lane in range(lanes):
                re[0, lane] = weight[b]
            for h in range(1, size + 1):
                if h > n_terms:
                    row = block + n_terms * stride + h - n_terms - 1
                else:
                    row = block + (h - 1) * stride
                    for lane in range(count):
                        vector[2 * h - 2, lane] = spectra[row, at + lane, 0]
                        vector[2 * h - 1, lane] = spectra[row, at + lane, 1]
                    row += n_trend + 1
                for lane in range(count):
                    re[h, lane] = spectra[row, at + lane, 0]
                    im[h, lane] = spectra[row, at + lane, 1]
            harmonic_products(n_terms, re, im, product)
            for column in range(n_trend):
                for k in range(n_terms):
                    row = block + k * stride + 1 + column
                    for lane in range(count):
                        u[2 * k, lane] = spectra[row, at + lane, 0]
                        u[2 * k + 1, lane] = spectra[row, at + lane, 1]
                for j in range(size):
                    for k in range(j + 1):
                        for lane in range(lanes):
                            product[j, k, lane] -= u[j, lane] * u[k, lane]
        reduced(work, term_sd, own_sd, terms, smallest_pivot, weight)
        for lane in range(count):
            log_density[at + lane] = constant + averaged(work.evidence, log_terms, lane)
