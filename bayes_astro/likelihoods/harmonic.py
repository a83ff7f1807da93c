r"""Marginal likelihood of a harmonic signal in white noise, and its conjugate draws.

The model of one light curve, with trend columns :math:`H` and :math:`K` harmonics of :math:`f`:

.. math::

    y_i = \sum_j \beta_j H_{ij}
        + \sum_{k=1}^{K} \left[a_k \cos(2\pi k f t_i) + b_k \sin(2\pi k f t_i)\right] + \epsilon_i,

.. math::

    \epsilon_i \sim N(0, v_i), \qquad
    \beta_j \sim N(m_j, s_j^2), \qquad
    a_k, b_k \sim N(0, \lambda_k^2).

All but the frequency (and a noise term added to :math:`v`) is linear with Gaussian priors, so it
integrates out. Write every coefficient in units of its prior width, as one vector :math:`x`, with
:math:`D = [H s, X \lambda]` and :math:`W = \mathrm{diag}(1/v)`. Measure the trend from a
reference :math:`\beta^0`, with :math:`z = y - H\beta^0` and :math:`x` having the prior mean
:math:`\mu = [(m - \beta^0)/s, 0]`. Then

.. math::

    G = I + D^T W D, \qquad g = D^T W z + \mu, \qquad x \mid f, y \sim N(G^{-1} g, G^{-1}),

.. math::

    \log Z(f) = -\tfrac12\left[z^T W z + \mu^T\mu + \log|C| + N \log 2\pi + \log|G|\right]
              + \tfrac12 g^T G^{-1} g .

:math:`\beta^0` changes nothing but the rounding: at the trend's own posterior mean no large
numbers cancel, whatever the zero point of the values. The products of harmonics in
:math:`X^T W X` are sums over single harmonics, :math:`2\cos j\theta\cos k\theta =
\cos(j-k)\theta + \cos(j+k)\theta`, so that :math:`\sum_i w_i e^{i h \theta_i}` for
:math:`h \le 2K` is all that is needed. Rounding leaves an error of about 1e-16 of the largest
eigenvalue of :math:`G`, which is :math:`N` times the square of prior width over error.

References
----------
Bretthorst 1988, "Bayesian Spectrum Analysis and Parameter Estimation";
Mortier et al. 2015, A&A 573, A101 (one harmonic, offset, flat priors).
"""

import math
from typing import NamedTuple

import numpy as np

from bayes_astro.likelihoods.harmonic_kernel import solve

__all__ = [
    "HarmonicProblem",
    "draw_coefficients",
    "log_evidence",
    "log_evidence_jitter",
    "log_evidence_null_jitter",
    "project",
    "with_jitter",
]


class HarmonicProblem(NamedTuple):
    """Data and priors of one light curve, with the trend projected out; built by `project`.

    With ``w = 1 / variance`` and trend columns ``H``, the inverse covariance of the data once the
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
    beta_mean: np.ndarray
    beta_sd: np.ndarray
    term_sd: np.ndarray
    """Prior widths of the cosine and sine amplitudes of each harmonic (K,)."""
    weight: np.ndarray
    """Inverse variances (n,)."""
    reference: np.ndarray
    """Posterior mean of the trend in the absence of harmonics (p,)."""
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


def project(time, value, variance, design, beta_mean, beta_sd, term_sd) -> HarmonicProblem:
    r"""Integrate the trend out of a light curve, once for all frequencies.

    With the QR decomposition of the whitened, prior-scaled trend stacked on its prior,

    .. math::

        \begin{pmatrix} W^{1/2} H s \\ I \end{pmatrix} = Q R, \qquad
        P = W - U U^T, \quad U = W^{1/2} Q_{\rm top},

    and the log determinant of the data's covariance is
    :math:`\sum \log v_i + 2 \sum \log |R_{jj}|`. The stacked form keeps wide priors (where the
    prior's rows hardly matter) and more trend columns than points (where they decide) equally
    well conditioned.

    Parameters
    ----------
    time, value, variance : array (n,)
        Times relative to an epoch near their middle, values, noise variances (positive).
    design : array (n, p)
        Trend columns, of order unity.
    beta_mean, beta_sd : array (p,)
        Gaussian priors of the trend's coefficients, in the unit of `value`.
    term_sd : array (K,)
        Prior standard deviation of the amplitudes of harmonics 1 to K.

    Returns
    -------
    HarmonicProblem

    Examples
    --------
    >>> t = np.linspace(-5, 5, 40)
    >>> y = np.sin(2 * np.pi * 0.7 * t)
    >>> problem = project(t, y, np.full(40, 0.01), np.ones((40, 1)), [0.0], [10.0], [1.0])
    >>> bool(log_evidence(problem, [0.7])[0] > problem.log_evidence_null)
    True
    """
    # Copies: the kernels' signatures have no room for read-only arrays, which containers hold.
    time, value, variance, beta_mean, beta_sd, term_sd = (
        np.array(x, dtype=np.float64, order="C")
        for x in (time, value, variance, beta_mean, beta_sd, term_sd)
    )
    design = np.array(np.transpose(design), dtype=np.float64, order="C")
    n_trend, n = design.shape

    root = 1.0 / np.sqrt(variance)
    stacked = np.vstack([(root * design * beta_sd[:, None]).T, np.eye(n_trend)])
    whitened = np.concatenate([root * (value - beta_mean @ design), np.zeros(n_trend)])
    q, r = np.linalg.qr(stacked)
    coordinates = q.T @ whitened
    reference = beta_mean + beta_sd * np.linalg.solve(r, coordinates)
    remainder = whitened - q @ coordinates
    remainder -= q @ (q.T @ remainder)  # a second pass removes what rounding left in the trend

    chi_square = float(remainder @ remainder)
    log_determinant = np.log(variance).sum() + 2.0 * np.log(np.abs(np.diag(r))).sum()
    return HarmonicProblem(
        time=time,
        value=value,
        variance=variance,
        design=design,
        beta_mean=beta_mean,
        beta_sd=beta_sd,
        term_sd=term_sd,
        weight=root**2,
        reference=reference,
        residual=remainder[:n] / root,
        loading=np.ascontiguousarray(q[:n].T * root),
        score=root * remainder[:n],
        chi_square=chi_square,
        log_evidence_null=float(
            -0.5 * (chi_square + log_determinant + n * math.log(2.0 * math.pi))
        ),
    )


def with_jitter(problem: HarmonicProblem, jitter: float) -> HarmonicProblem:
    """The same light curve with a noise of standard deviation `jitter` added in quadrature."""
    return project(
        problem.time,
        problem.value,
        problem.variance + jitter**2,
        problem.design.T,
        problem.beta_mean,
        problem.beta_sd,
        problem.term_sd,
    )


def log_evidence(problem: HarmonicProblem, frequency) -> np.ndarray:
    """Log marginal likelihood at any frequencies, all normalising constants included.

    Parameters
    ----------
    problem : HarmonicProblem
    frequency : array (m,)
        In the inverse unit of the times.

    Returns
    -------
    array (m,)
        In nats.
    """
    return log_evidence_jitter(problem, frequency, np.zeros(np.size(frequency)))


def log_evidence_jitter(problem: HarmonicProblem, frequency, jitter) -> np.ndarray:
    """Log marginal likelihood of pairs (frequency, jitter), jitter added in quadrature.

    Parameters
    ----------
    problem : HarmonicProblem
    frequency, jitter : array (m,)
        One pair per element. Elements of equal jitter are best kept together.

    Returns
    -------
    array (m,)
        In nats.
    """
    return _conditionals(problem, problem.term_sd, frequency, jitter)[0]


def log_evidence_null_jitter(problem: HarmonicProblem, jitter) -> np.ndarray:
    """Log marginal likelihood of the trend alone, for each jitter (m,)."""
    no_harmonics = np.empty(0)
    return _conditionals(problem, no_harmonics, np.zeros(np.size(jitter)), jitter)[0]


def draw_coefficients(problem: HarmonicProblem, frequency, normals, jitter=None):
    """Draw trend and amplitudes from their joint Gaussian posterior at each frequency.

    Parameters
    ----------
    problem : HarmonicProblem
    frequency : array (m,)
    normals : array (m, p + 2 K)
        Standard normal deviates; zeros give the posterior mean.
    jitter : array (m,), optional
        Noise added in quadrature, for each draw its own.

    Returns
    -------
    beta : array (m, p)
    cosine, sine : array (m, K)
    """
    jitter = np.zeros(np.size(frequency)) if jitter is None else jitter
    coefficients = _conditionals(problem, problem.term_sd, frequency, jitter, normals)[1]
    p, n_terms = len(problem.beta_sd), len(problem.term_sd)
    return (
        coefficients[:, :p],
        coefficients[:, p : p + n_terms],
        coefficients[:, p + n_terms :],
    )


def _conditionals(problem, term_sd, frequency, jitter, normals=None):
    """Log evidence of each pair and, where normals are given, a draw of the coefficients."""
    frequency = np.array(frequency, dtype=np.float64, order="C")
    jitter = np.array(jitter, dtype=np.float64, order="C")
    if frequency.shape != jitter.shape or frequency.ndim != 1:
        raise ValueError(
            f"frequency and jitter must be one-dimensional and equally long, "
            f"got shapes {frequency.shape} and {jitter.shape}"
        )
    size = len(problem.beta_sd) + 2 * len(term_sd)
    if normals is None:
        normals = np.empty((0, size))
    elif np.shape(normals) != (len(frequency), size):
        raise ValueError(
            f"normals must have the shape {(len(frequency), size)} (draws, trend columns plus "
            f"twice the harmonics), got {np.shape(normals)}"
        )
    evidence = np.empty(len(frequency))
    coefficients = np.empty_like(normals, dtype=np.float64)
    solve(
        problem.time,
        problem.residual,
        problem.variance,
        problem.design,
        problem.reference,
        (problem.beta_mean - problem.reference) / problem.beta_sd,
        problem.beta_sd,
        term_sd,
        frequency,
        jitter,
        np.array(normals, dtype=np.float64, order="C"),
        evidence,
        coefficients,
    )
    return evidence, coefficients
