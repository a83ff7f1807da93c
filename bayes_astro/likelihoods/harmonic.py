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

Rows may come in blocks (the bands of one light curve), each with a trend of its own and coefficients
:math:`\theta_b = \theta_0 + \delta_b`, the common ones with the widths :math:`\lambda_k` and those of a
block with widths of their own; `harmonic_blocks` has the algebra. The number of harmonics may have a prior:
the evidence is then averaged over it.

References
----------
Bretthorst 1988, "Bayesian Spectrum Analysis and Parameter Estimation";
Mortier et al. 2015, A&A 573, A101 (one harmonic, offset, flat priors).
"""

from typing import NamedTuple

import numpy as np

from bayes_astro.likelihoods.harmonic_blocks import workspace
from bayes_astro.likelihoods.harmonic_kernel import solve
from bayes_astro.likelihoods.harmonic_problem import HarmonicProblem, project, with_jitter

__all__ = [
    "Coefficients",
    "HarmonicProblem",
    "draw_coefficients",
    "log_evidence",
    "log_evidence_by_terms",
    "log_evidence_jitter",
    "log_evidence_null_jitter",
    "project",
    "with_jitter",
]


class Coefficients(NamedTuple):
    """Draws of all that is linear."""

    trend: np.ndarray
    """(m, B, p)."""
    cosine: np.ndarray
    sine: np.ndarray
    """What the blocks share (m, K); zero beyond a draw's number of harmonics."""
    own_cosine: np.ndarray
    own_sine: np.ndarray
    """Each block's own part (m, B, K); (m, 0, K) where there is none."""


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
    frequency : array (m,)
    jitter : array (m,) or (m, J)
        One pair per element. Elements of equal jitter are best kept together.

    Returns
    -------
    array (m,)
        In nats.
    """
    found = log_evidence_by_terms(problem, frequency, jitter)
    return found[:, 0] if found.shape[1] == 1 else _average(found + problem.log_terms)


def log_evidence_by_terms(problem: HarmonicProblem, frequency, jitter=None) -> np.ndarray:
    """Log marginal likelihood of each number of harmonics, (m, T); else as `log_evidence_jitter`."""
    jitter = np.zeros(np.size(frequency)) if jitter is None else jitter
    return _solved(problem, problem.term_sd, problem.own_sd, problem.terms, frequency, jitter)[0]


def log_evidence_null_jitter(problem: HarmonicProblem, jitter) -> np.ndarray:
    """Log marginal likelihood of the trend alone, for each jitter (m,) or (m, J)."""
    none, zero = np.empty(0), np.zeros(1, dtype=np.int64)
    return _solved(problem, none, none, zero, np.zeros(len(jitter)), jitter)[0][:, 0]


def draw_coefficients(
    problem: HarmonicProblem, frequency, normals, jitter=None, number=None
) -> Coefficients:
    """Draw trend and amplitudes from their joint Gaussian posterior at each frequency.

    Parameters
    ----------
    problem : HarmonicProblem
    frequency : array (m,)
    normals : array (m, B p + 2 K), or (m, B p + 2 K + 2 B K) where blocks have a part of their own
        Standard normal deviates; zeros give the posterior mean.
    jitter : array (m,) or (m, J), optional
        Noise added in quadrature, for each draw its own.
    number : array of int (m,), optional
        How many harmonics each draw has; default: all.

    Returns
    -------
    Coefficients
    """
    jitter = np.zeros(np.size(frequency)) if jitter is None else jitter
    number = np.full(np.size(frequency), len(problem.term_sd)) if number is None else number
    trend, common, own = _solved(
        problem, problem.term_sd, problem.own_sd, problem.terms, frequency, jitter, number, normals
    )[1:]
    return Coefficients(trend, common[:, ::2], common[:, 1::2], own[..., ::2], own[..., 1::2])


def _average(evidence: np.ndarray) -> np.ndarray:
    """Log of the sum over the last axis."""
    peak = evidence.max(axis=-1, keepdims=True)
    return (peak + np.log(np.exp(evidence - peak).sum(axis=-1, keepdims=True)))[..., 0]


def _solved(problem, term_sd, own_sd, terms, frequency, jitter, number=None, normals=None):
    """Log evidence of each pair and number of harmonics, or a draw of the coefficients."""
    frequency = np.array(frequency, dtype=np.float64, order="C")
    jitter = np.array(jitter, dtype=np.float64, order="C")
    if frequency.ndim != 1 or jitter.ndim not in (1, 2) or len(jitter) != len(frequency):
        raise ValueError(
            f"frequency and jitter must be one-dimensional and equally long, "
            f"got shapes {frequency.shape} and {jitter.shape}"
        )
    if jitter.ndim == 1:
        jitter = np.array(np.broadcast_to(jitter[:, None], (len(jitter), problem.n_jitters)))
    m, (n_blocks, p), n_terms = len(frequency), problem.beta_sd.shape, len(term_sd)
    n_own = n_blocks if len(own_sd) else 0
    size = n_blocks * p + 2 * n_terms * (1 + n_own)
    if normals is None:
        number, normals, draws = np.empty(0, dtype=np.int64), np.empty((0, size)), 0
    elif np.shape(normals) != (m, size):
        raise ValueError(
            f"normals must have the shape {(m, size)} (draws, trend columns plus "
            f"twice the harmonics), got {np.shape(normals)}"
        )
    else:
        draws = m
    evidence = np.empty((0 if draws else m, len(terms)))
    beta, common = np.empty((draws, n_blocks, p)), np.empty((draws, 2 * n_terms))
    own = np.empty((draws, n_own, 2 * n_terms))
    solve(
        problem.time,
        problem.residual,
        problem.variance,
        problem.design,
        problem.start,
        problem.reference,
        (problem.beta_mean - problem.reference) / problem.beta_sd,
        problem.beta_sd,
        problem.noise_of,
        term_sd,
        own_sd,
        terms,
        frequency,
        jitter,
        np.array(number, dtype=np.int64),
        np.array(normals, dtype=np.float64, order="C"),
        workspace(n_blocks, n_terms, len(terms), *([1] if draws else [])),
        evidence,
        beta,
        common,
        own,
    )
    return evidence, beta, common, own
