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
from numba import njit

__all__ = [
    "HarmonicProblem",
    "draw_coefficients",
    "log_evidence",
    "log_evidence_jitter",
    "log_evidence_null_jitter",
    "project",
    "with_jitter",
]

# Sums may be reordered, hence vectorised; NaN and infinity keep their meaning.
REORDER = {"reassoc", "contract", "nsz", "arcp"}


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


def project(
    time, value, variance, design, beta_mean, beta_sd, term_sd
) -> HarmonicProblem:
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
    remainder -= q @ (
        q.T @ remainder
    )  # a second pass removes what rounding left in the trend

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
    coefficients = _conditionals(problem, problem.term_sd, frequency, jitter, normals)[
        1
    ]
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
    _solve(
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


# Taylor coefficients of sine and cosine, 1 / n! with alternating sign, of the odd and even powers.
S3, S5, S7, S9, S11, S13, S15, S17, S19 = (
    (-1) ** (n // 2) / math.factorial(n) for n in range(3, 20, 2)
)
C2, C4, C6, C8, C10, C12, C14, C16, C18, C20 = (
    (-1) ** (n // 2) / math.factorial(n) for n in range(2, 21, 2)
)


@njit(inline="always")
def _cosine_sine(turns):
    """Cosine and sine of `turns` revolutions, by their Taylor series at half the angle.

    Half the angle lies in [-pi/2, pi/2], where the series end at 3e-16. Unlike the library's
    sine this leaves the loop over points free to use vector registers.
    """
    x = math.pi * (turns - np.floor(turns + 0.5))
    q = x * x
    s = S5 + q * (
        S7 + q * (S9 + q * (S11 + q * (S13 + q * (S15 + q * (S17 + q * S19)))))
    )
    s = x + x * q * (S3 + q * s)
    c = C6 + q * (
        C8 + q * (C10 + q * (C12 + q * (C14 + q * (C16 + q * (C18 + q * C20)))))
    )
    c = 1.0 + q * (C2 + q * (C4 + q * c))
    return 1.0 - 2.0 * s * s, 2.0 * s * c


@njit(inline="always")
def _cosine_products(j, k, re, im):
    """Sums over points of w times (cos cos, sin sin, cos sin) of harmonics j and k."""
    plus_re, plus_im = re[j + k], im[j + k]
    minus_re = re[abs(j - k)]
    minus_im = im[j - k] if j >= k else -im[k - j]
    return (
        0.5 * (minus_re + plus_re),
        0.5 * (minus_re - plus_re),
        0.5 * (plus_im - minus_im),
    )


@njit(fastmath=REORDER, error_model="numpy")
def _dot(a, b):
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@njit(fastmath=REORDER, error_model="numpy")
def _dots(a, b, c):
    """The products of one vector with two, in one pass."""
    first, second = 0.0, 0.0
    for i in range(a.size):
        first += a[i] * b[i]
        second += a[i] * c[i]
    return first, second


@njit(fastmath=REORDER, error_model="numpy")
def _log_inflation(variance, extra):
    """Sum of log(1 + extra / variance), with one logarithm for several points."""
    total, product = 0.0, 1.0
    for i in range(variance.size):
        product *= 1.0 + extra / variance[i]
        if product > 1e100:
            total += math.log(product)
            product = 1.0
    return total + math.log(product)


@njit(fastmath=REORDER, error_model="numpy")
def _factorise(matrix):
    """Cholesky factor in place (lower triangle); returns the log determinant."""
    total, product = 0.0, 1.0
    for j in range(matrix.shape[0]):
        for k in range(j + 1):
            value = matrix[j, k]
            for i in range(k):
                value -= matrix[j, i] * matrix[k, i]
            if k < j:
                matrix[j, k] = value / matrix[k, k]
            else:
                # The matrix is I + D' W D: a pivot below one is rounding.
                value = max(value, 1.0)
                matrix[j, j] = math.sqrt(value)
                product *= value
                if product > 1e100:
                    total += math.log(product)
                    product = 1.0
    return total + math.log(product)


@njit(
    "void(f8[::1],f8[::1],f8[::1],f8[:,::1],f8[::1],f8[::1],f8[::1],f8[::1],f8[::1],f8[::1],"
    "f8[:,::1],f8[::1],f8[:,::1])",
    cache=True,
    fastmath=REORDER,
    error_model="numpy",
)
def _solve(
    time,
    residual,
    variance,
    design,
    reference,
    prior_mean,
    beta_sd,
    term_sd,
    frequency,
    jitter,
    normals,
    log_evidence,
    coefficients,
):
    """Build and solve the normal equations of the module's docstring, pair by pair."""
    n = time.size
    p = beta_sd.size
    n_terms = term_sd.size
    size = p + 2 * n_terms

    series = np.empty((p + 2, n))  # w, w z, w H_1, ..., w H_p
    trend_matrix = np.empty((p, p))
    trend_vector = np.empty(p)
    c1, s1, c, s = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    re, im = np.zeros(2 * n_terms + 1), np.zeros(2 * n_terms + 1)
    scale = np.empty(size)
    # Loops, where NumPy has slices and sums: those take numba seconds to compile.
    for j in range(p):
        scale[j] = beta_sd[j]
    for j in range(n_terms):
        scale[p + j] = scale[p + n_terms + j] = term_sd[j]
    g_matrix = np.empty((size, size))
    g_vector = np.empty(size)

    constant = n * math.log(2.0 * math.pi)
    for i in range(n):
        constant += math.log(variance[i])
    for j in range(p):
        constant += prior_mean[j] ** 2

    noise_terms = 0.0
    current_jitter = -1.0
    for m in range(frequency.size):
        if jitter[m] != current_jitter:
            current_jitter = jitter[m]
            extra = current_jitter**2
            for i in range(n):
                w = 1.0 / (variance[i] + extra)
                series[0, i] = w
                series[1, i] = w * residual[i]
            for j in range(p):
                for i in range(n):
                    series[j + 2, i] = series[0, i] * design[j, i]
            re[0] = 0.0
            for i in range(n):
                re[0] += series[0, i]
            noise_terms = constant + _dot(series[1], residual)
            if extra > 0.0:
                noise_terms += _log_inflation(variance, extra)
            for j in range(p):
                trend_vector[j] = (
                    beta_sd[j] * _dot(series[1], design[j]) + prior_mean[j]
                )
                for k in range(j + 1):
                    trend_matrix[j, k] = (
                        beta_sd[j] * beta_sd[k] * _dot(series[2 + j], design[k])
                    )

        for j in range(p):
            g_vector[j] = trend_vector[j]
            for k in range(j + 1):
                g_matrix[j, k] = trend_matrix[j, k]

        if n_terms > 0:
            f = frequency[m]
            for i in range(n):
                c1[i], s1[i] = _cosine_sine(f * time[i])
                c[i], s[i] = c1[i], s1[i]
        for h in range(1, 2 * n_terms + 1):
            if h > 1:
                for i in range(n):
                    rotated = c[i] * c1[i] - s[i] * s1[i]
                    s[i] = s[i] * c1[i] + c[i] * s1[i]
                    c[i] = rotated
            re[h], im[h] = _dots(series[0], c, s)
            if h <= n_terms:
                row_c, row_s = p + h - 1, p + n_terms + h - 1
                cosine, sine = _dots(series[1], c, s)
                g_vector[row_c] = term_sd[h - 1] * cosine
                g_vector[row_s] = term_sd[h - 1] * sine
                for j in range(p):
                    cosine, sine = _dots(series[2 + j], c, s)
                    g_matrix[row_c, j] = term_sd[h - 1] * beta_sd[j] * cosine
                    g_matrix[row_s, j] = term_sd[h - 1] * beta_sd[j] * sine
        for j in range(1, n_terms + 1):
            for k in range(1, n_terms + 1):
                both = term_sd[j - 1] * term_sd[k - 1]
                cc, ss, cs = _cosine_products(j, k, re, im)
                if k <= j:
                    g_matrix[p + j - 1, p + k - 1] = both * cc
                    g_matrix[p + n_terms + j - 1, p + n_terms + k - 1] = both * ss
                g_matrix[p + n_terms + k - 1, p + j - 1] = both * cs
        for j in range(size):
            g_matrix[j, j] += 1.0

        log_determinant = _factorise(g_matrix)
        explained = 0.0
        for j in range(size):  # solve L g = g in place
            total = g_vector[j]
            for k in range(j):
                total -= g_matrix[j, k] * g_vector[k]
            g_vector[j] = total / g_matrix[j, j]
            explained += g_vector[j] ** 2
        log_evidence[m] = 0.5 * (explained - log_determinant - noise_terms)

        if coefficients.shape[0] > 0:
            for j in range(size):
                g_vector[j] += normals[m, j]
            for j in range(size - 1, -1, -1):  # solve L' x = g in place
                total = g_vector[j]
                for k in range(j + 1, size):
                    total -= g_matrix[k, j] * g_vector[k]
                g_vector[j] = total / g_matrix[j, j]
                coefficients[m, j] = scale[j] * g_vector[j]
            for j in range(p):
                coefficients[m, j] += reference[j]
