"""Compiled normal equations of the harmonic model, whose mathematics `harmonic` gives."""

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel

__all__ = ["REORDER", "cosine_products", "factorise", "solve"]

# Sums may be reordered, hence vectorised; NaN and infinity keep their meaning.
REORDER = {"reassoc", "contract", "nsz", "arcp"}

# Taylor coefficients of sine and cosine, 1 / n! with alternating sign, of the odd and even powers.
S3, S5, S7, S9, S11, S13, S15, S17, S19 = (
    (-1) ** (n // 2) / math.factorial(n) for n in range(3, 20, 2)
)
C2, C4, C6, C8, C10, C12, C14, C16, C18, C20 = (
    (-1) ** (n // 2) / math.factorial(n) for n in range(2, 21, 2)
)


@kernel(inline="always")
def _cosine_sine(turns):
    """Cosine and sine of `turns` revolutions, by their Taylor series at half the angle.

    Half the angle lies in [-pi/2, pi/2], where the series end at 3e-16. Unlike the library's
    sine this leaves the loop over points free to use vector registers.
    """
    x = math.pi * (turns - np.floor(turns + 0.5))
    q = x * x
    s = S5 + q * (S7 + q * (S9 + q * (S11 + q * (S13 + q * (S15 + q * (S17 + q * S19))))))
    s = x + x * q * (S3 + q * s)
    c = C6 + q * (C8 + q * (C10 + q * (C12 + q * (C14 + q * (C16 + q * (C18 + q * C20))))))
    c = 1.0 + q * (C2 + q * (C4 + q * c))
    return 1.0 - 2.0 * s * s, 2.0 * s * c


@kernel(inline="always")
def cosine_products(j, k, re, im):
    """Sums over points of w times (cos cos, sin sin, cos sin) of harmonics j and k."""
    plus_re, plus_im = re[j + k], im[j + k]
    minus_re = re[abs(j - k)]
    minus_im = im[j - k] if j >= k else -im[k - j]
    return (
        0.5 * (minus_re + plus_re),
        0.5 * (minus_re - plus_re),
        0.5 * (plus_im - minus_im),
    )


@kernel(fastmath=REORDER, forceinline=True)
def _dot(a, b):
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@kernel(fastmath=REORDER, forceinline=True)
def _dots(a, b, c):
    """The products of one vector with two, in one pass."""
    first, second = 0.0, 0.0
    for i in range(a.size):
        first += a[i] * b[i]
        second += a[i] * c[i]
    return first, second


@kernel(fastmath=REORDER, forceinline=True)
def _log_inflation(variance, extra):
    """Sum of log(1 + extra / variance), with one logarithm for several points."""
    total, product = 0.0, 1.0
    for i in range(variance.size):
        product *= 1.0 + extra / variance[i]
        if product > 1e100:
            total += math.log(product)
            product = 1.0
    return total + math.log(product)


@kernel(fastmath=REORDER, forceinline=True)
def factorise(matrix):
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


@kernel(fastmath=REORDER, forceinline=True)
def solve(
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
    """Build and solve the normal equations of `harmonic`, pair by pair.

    Fills `log_evidence` (m,) and, unless it has no rows, `coefficients` (m, p + 2K) with draws.
    """
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
                trend_vector[j] = beta_sd[j] * _dot(series[1], design[j]) + prior_mean[j]
                for k in range(j + 1):
                    trend_matrix[j, k] = beta_sd[j] * beta_sd[k] * _dot(series[2 + j], design[k])

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
                cc, ss, cs = cosine_products(j, k, re, im)
                if k <= j:
                    g_matrix[p + j - 1, p + k - 1] = both * cc
                    g_matrix[p + n_terms + j - 1, p + n_terms + k - 1] = both * ss
                g_matrix[p + n_terms + k - 1, p + j - 1] = both * cs
        for j in range(size):
            g_matrix[j, j] += 1.0

        log_determinant = factorise(g_matrix)
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
