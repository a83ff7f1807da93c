"""Data and priors of a harmonic model, its trends projected out; `harmonic` has the mathematics."""

import math
from typing import NamedTuple

import numpy as np

__all__ = ["HarmonicProblem", "project", "with_jitter"]


class HarmonicProblem(NamedTuple):
    """Data and priors of one light curve, with the trend projected out; built by `project`.

    With ``w = 1 / variance`` and trend columns ``H``, the inverse covariance of a block's data once its
    trend is integrated out is ``P = diag(w) - loading.T @ loading``.
    """

    time: np.ndarray
    """Times (n,), centred by the caller."""
    value: np.ndarray
    """Values (n,)."""
    variance: np.ndarray
    """Noise variances (n,)."""
    design: np.ndarray
    """Trend columns, one a row (p, n)."""
    start: np.ndarray
    """First row of each block, and the number of rows (B + 1,)."""
    beta_mean: np.ndarray
    beta_sd: np.ndarray
    """Priors of each block's trend (B, p)."""
    term_sd: np.ndarray
    """Prior widths of the cosine and sine amplitudes of each harmonic (K,)."""
    own_sd: np.ndarray
    """Those of a block's own part (K,), or empty where all share one signal."""
    terms: np.ndarray
    """Numbers of harmonics that are averaged over, ascending (T,)."""
    log_terms: np.ndarray
    """Log prior probability of each (T,)."""
    noise_of: np.ndarray
    """Which jitter each row has (n,)."""
    weight: np.ndarray
    """Inverse variances (n,)."""
    reference: np.ndarray
    """Posterior mean of the trends in the absence of harmonics (B, p)."""
    residual: np.ndarray
    """Values minus the reference trend (n,)."""
    loading: np.ndarray
    """Low-rank part of the projection (p, n)."""
    score: np.ndarray
    """P (value - H beta_mean), which equals weight * residual (n,)."""
    chi_square: float
    """(value - H beta_mean)' P (value - H beta_mean); half of it bounds any peak, in nats."""
    log_evidence_null: float
    """Log marginal likelihood of the trend alone."""

    @property
    def n_blocks(self) -> int:
        """How many blocks there are."""
        return len(self.start) - 1

    @property
    def n_jitters(self) -> int:
        """How many noise terms there may be."""
        return int(self.noise_of.max()) + 1


def project(
    time,
    value,
    variance,
    design,
    beta_mean,
    beta_sd,
    term_sd,
    *,
    block=None,
    own_sd=(),
    terms=None,
    log_terms=None,
    noise_of=None,
) -> HarmonicProblem:
    r"""Integrate the trend out of a light curve, once for all frequencies.

    With the QR decomposition of the whitened, prior-scaled trend stacked on its prior,

    .. math::

        \begin{pmatrix} W^{1/2} H s \\ I \end{pmatrix} = Q R, \qquad
        P = W - U U^T, \quad U = W^{1/2} Q_{\rm top},

    and the log determinant of the data's covariance is
    :math:`\sum \log v_i + 2 \sum \log |R_{jj}|`, block by block. The stacked form keeps wide priors
    (where the prior's rows hardly matter) and more trend columns than points (where they decide)
    equally well conditioned.

    Parameters
    ----------
    time, value, variance : array (n,)
        Times relative to an epoch near their middle, values, noise variances (positive).
    design : array (n, p)
        Trend columns, of order unity.
    beta_mean, beta_sd : array (p,) or (B, p)
        Gaussian priors of the trend's coefficients, in the unit of `value`.
    term_sd : array (K,)
        Prior standard deviation of the amplitudes of harmonics 1 to K.
    block : array of int (n,), optional
        Number of each row's block, ascending; by default there is one.
    own_sd : array (K,), optional
        Prior widths of each block's own part of the amplitudes.
    terms : array of int (T,), optional
        Numbers of harmonics to average over, ascending, the last of them K; default K alone.
    log_terms : array (T,), optional
        Log prior probability of each; default: all the same.
    noise_of : array of int (n,), optional
        Which jitter each row has; default: all the same.

    Returns
    -------
    HarmonicProblem

    Examples
    --------
    >>> from bayes_astro.likelihoods.harmonic import log_evidence
    >>> t = np.linspace(-5, 5, 40)
    >>> y = np.sin(2 * np.pi * 0.7 * t)
    >>> problem = project(t, y, np.full(40, 0.01), np.ones((40, 1)), [0.0], [10.0], [1.0])
    >>> bool(log_evidence(problem, [0.7])[0] > problem.log_evidence_null)
    True
    """
    # Copies: the kernels' signatures have no room for read-only arrays, which containers hold.
    time, value, variance, beta_mean, beta_sd, term_sd, own_sd = (
        np.array(x, dtype=np.float64, order="C")
        for x in (time, value, variance, beta_mean, beta_sd, term_sd, own_sd)
    )
    design = np.array(np.transpose(design), dtype=np.float64, order="C")
    n_trend, n = design.shape
    block = np.zeros(n, dtype=np.int64) if block is None else np.asarray(block)
    n_blocks = int(block[-1]) + 1
    start = np.searchsorted(block, np.arange(n_blocks + 1))
    beta_mean = np.array(np.broadcast_to(beta_mean, (n_blocks, n_trend)))
    beta_sd = np.array(np.broadcast_to(beta_sd, (n_blocks, n_trend)))
    terms = np.array([len(term_sd)] if terms is None else terms, dtype=np.int64)
    log_terms = np.full(len(terms), -np.log(len(terms))) if log_terms is None else log_terms
    noise_of = np.zeros(n) if noise_of is None else noise_of

    root = 1.0 / np.sqrt(variance)
    reference, residual, loading = np.empty_like(beta_mean), np.empty(n), np.empty((n_trend, n))
    chi_square, log_determinant = 0.0, float(np.log(variance).sum())
    for b in range(n_blocks):
        rows = slice(start[b], start[b + 1])
        scaled = root[rows] * design[:, rows] * beta_sd[b][:, None]
        q, r = np.linalg.qr(np.vstack([scaled.T, np.eye(n_trend)]))
        off = root[rows] * (value[rows] - beta_mean[b] @ design[:, rows])
        whitened = np.concatenate([off, np.zeros(n_trend)])
        coordinates = q.T @ whitened
        reference[b] = beta_mean[b] + beta_sd[b] * np.linalg.solve(r, coordinates)
        remainder = whitened - q @ coordinates
        remainder -= q @ (q.T @ remainder)  # a second pass removes what rounding left in the trend
        chi_square += float(remainder @ remainder)
        log_determinant += float(2.0 * np.log(np.abs(np.diag(r))).sum())
        count = len(off)
        residual[rows] = remainder[:count] / root[rows]
        loading[:, rows] = q[:count].T * root[rows]
    return HarmonicProblem(
        time=time,
        value=value,
        variance=variance,
        design=design,
        start=start.astype(np.int64),
        beta_mean=beta_mean,
        beta_sd=beta_sd,
        term_sd=term_sd,
        own_sd=own_sd,
        terms=terms,
        log_terms=np.array(log_terms, dtype=np.float64),
        noise_of=np.array(noise_of, dtype=np.int64),
        weight=root**2,
        reference=reference,
        residual=residual,
        loading=loading,
        score=residual * root**2,
        chi_square=chi_square,
        log_evidence_null=-0.5 * (chi_square + log_determinant + n * math.log(2.0 * math.pi)),
    )


def with_jitter(problem: HarmonicProblem, jitter) -> HarmonicProblem:
    """The same light curve with noise of standard deviation `jitter`, () or (J,), added in quadrature."""
    jitter = np.broadcast_to(jitter, (problem.n_jitters,))
    return project(
        problem.time,
        problem.value,
        problem.variance + jitter[problem.noise_of] ** 2,
        problem.design.T,
        problem.beta_mean,
        problem.beta_sd,
        problem.term_sd,
        block=np.repeat(np.arange(problem.n_blocks), np.diff(problem.start)),
        own_sd=problem.own_sd,
        terms=problem.terms,
        log_terms=problem.log_terms,
        noise_of=problem.noise_of,
    )
