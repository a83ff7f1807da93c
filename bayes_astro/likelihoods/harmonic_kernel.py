"""Compiled normal equations of the harmonic model, whose mathematics `harmonic` gives."""

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel
from bayes_astro.likelihoods.harmonic_blocks import REORDER, reduced

__all__ = ["harmonic_products", "solve"]

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


@kernel(fastmath=REORDER, forceinline=True)
def harmonic_products(n_terms, re, im, product):
    """X' W X (lower triangle) of columns cos 1, sin 1, cos 2, ... from the sums of w exp(i h theta).

    2 cos j cos k = cos(j - k) + cos(j + k), and so on, with j >= k; lanes along the last axis.
    """
    for j in range(1, n_terms + 1):
        for k in range(1, j + 1):
            row, column = 2 * j - 2, 2 * k - 2
            for lane in range(re.shape[1]):
                plus_re, plus_im = 0.5 * re[j + k, lane], 0.5 * im[j + k, lane]
                minus_re, minus_im = 0.5 * re[j - k, lane], 0.5 * im[j - k, lane]
                product[row, column, lane] = minus_re + plus_re
                product[row + 1, column + 1, lane] = minus_re - plus_re
                product[row, column + 1, lane] = plus_im - minus_im
                product[row + 1, column, lane] = plus_im + minus_im


@kernel(fastmath=REORDER, forceinline=True)
def _factorise(matrix, size):
    """Cholesky factor in place (lower triangle)."""
    for j in range(size):
        for k in range(j + 1):
            value = matrix[j, k]
            for i in range(k):
                value -= matrix[j, i] * matrix[k, i]
            if k < j:
                matrix[j, k] = value / matrix[k, k]
            else:
                # The matrix is I + D' W D: a pivot below one is rounding.
                matrix[j, j] = math.sqrt(max(value, 1.0))


@kernel(fastmath=REORDER, forceinline=True)
def _forward(matrix, vector, size):
    """Solve L x = vector in place."""
    for j in range(size):
        total = vector[j]
        for k in range(j):
            total -= matrix[j, k] * vector[k]
        vector[j] = total / matrix[j, j]


@kernel(fastmath=REORDER, forceinline=True)
def _backward(matrix, vector, size):
    """Solve L' x = vector in place."""
    for j in range(size - 1, -1, -1):
        total = vector[j]
        for k in range(j + 1, size):
            total -= matrix[k, j] * vector[k]
        vector[j] = total / matrix[j, j]


@kernel(fastmath=REORDER, forceinline=True)
def _dot(a, b):
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@kernel(fastmath=REORDER, forceinline=True)
def _dots(a, b, c):
    """The products of one vector with two, in one pass."""
    one, other = 0.0, 0.0
    for i in range(a.size):
        one += a[i] * b[i]
        other += a[i] * c[i]
    return one, other


@kernel(fastmath=REORDER, forceinline=True)
def _log_inflation(variance, extra):
    """Sum of log(1 + extra / variance), with one logarithm for several points."""
    total, product = 0.0, 1.0
    for i in range(variance.size):
        product *= 1.0 + extra[i] / variance[i]
        if product > 1e100:
            total += math.log(product)
            product = 1.0
    return total + math.log(product)


@kernel(fastmath=REORDER, forceinline=True)
def _rotated(c, s, c1, s1):
    """The next harmonic, in place."""
    for i in range(c.size):
        rotated = c[i] * c1[i] - s[i] * s1[i]
        s[i] = s[i] * c1[i] + c[i] * s1[i]
        c[i] = rotated


@kernel(fastmath=REORDER, forceinline=True)
def _phases(frequency, time, c1, s1, c, s):
    for i in range(time.size):
        c1[i], s1[i] = _cosine_sine(frequency * time[i])
        c[i], s[i] = c1[i], s1[i]


@kernel(fastmath=REORDER, forceinline=True)
def _products(rows, n_terms, series, phases, sums, cross, work, b, lane):
    """X' W X (lower triangle), X' W z and H' W X of the rows of one block, from their phases."""
    p = series.shape[0] - 2
    first, last = rows
    c1, s1 = phases[0][first:last], phases[1][first:last]
    c, s = phases[2][first:last], phases[3][first:last]
    re, im, vector = sums[0], sums[1], work.vector[b]
    product = work.products[b]
    for h in range(1, 2 * n_terms + 1):
        if h > 1:
            _rotated(c, s, c1, s1)
        re[h, 0], im[h, 0] = _dots(series[0][first:last], c, s)
        if h <= n_terms:
            column = 2 * (h - 1)
            cosine, sine = _dots(series[1][first:last], c, s)
            vector[column, lane], vector[column + 1, lane] = cosine, sine
            for j in range(p):
                cosine, sine = _dots(series[2 + j][first:last], c, s)
                cross[j, column], cross[j, column + 1] = cosine, sine
    harmonic_products(n_terms, re, im, product[:, :, lane : lane + 1])


@kernel(fastmath=REORDER, forceinline=True)
def _without_trend(cross, beta_sd, factor, solved, work, b, lane):
    """`cross` becomes L^-1 s H' W X, and the trend is taken out of the products."""
    p, size = cross.shape
    products, vector = work.products[b], work.vector[b]
    for column in range(size):
        for j in range(p):
            total = beta_sd[j] * cross[j, column]
            for k in range(j):
                total -= factor[j, k] * cross[k, column]
            cross[j, column] = total / factor[j, j]
            vector[column, lane] -= cross[j, column] * solved[j]
    for j in range(size):
        for k in range(j + 1):
            total = 0.0
            for i in range(p):
                total += cross[i, j] * cross[i, k]
            products[j, k, lane] -= total


@kernel(fastmath=REORDER)
def solve(
    time,
    residual,
    variance,
    design,
    start,
    reference,
    prior_mean,
    beta_sd,
    noise_of,
    term_sd,
    own_sd,
    terms,
    frequency,
    jitter,
    number,
    normals,
    work,
    log_evidence,
    beta,
    common,
    own,
):
    """Build and solve the normal equations of `harmonic`, pair by pair.

    Fills `log_evidence` (m, T) or, where `number` (m,) says how many harmonics each pair has, draws:
    `beta` (m, B, p), `common` (m, 2K) and `own` (m, B, 2K), of standard normals (m, B p + 2K + B 2K).
    """
    n, n_blocks, p = time.size, start.size - 1, beta_sd.shape[1]
    n_terms, lanes = term_sd.size, work.evidence.shape[1]
    size = 2 * n_terms
    one = np.zeros(1, dtype=np.int64)
    series = np.empty((p + 2, n))  # w, w z, w H_1, ..., w H_p
    extra = np.zeros(n)
    trend_factor, trend_vector = np.zeros((n_blocks, p, p)), np.zeros((n_blocks, p))
    phases, sums = np.empty((4, n)), np.zeros((2, size + 1, 1))
    cross = np.zeros((n_blocks, p, size))
    weight, noise_terms = np.zeros(n_blocks), np.zeros(lanes)

    constant = n * math.log(2.0 * math.pi)
    for i in range(n):
        constant += math.log(variance[i])
    for b in range(n_blocks):
        for j in range(p):
            constant += prior_mean[b, j] ** 2

    noise, lane = 0.0, 0
    for m in range(frequency.size):
        same = m > 0
        for j in range(jitter.shape[1]):
            if same and jitter[m, j] != jitter[m - 1, j]:
                same = False
        if not same:
            noise = constant
            noisy = False
            for j in range(jitter.shape[1]):
                noisy = noisy or jitter[m, j] > 0.0
            for i in range(n):
                if noisy:
                    extra[i] = jitter[m, noise_of[i]] ** 2
                else:
                    extra[i] = 0.0
                w = 1.0 / (variance[i] + extra[i])
                series[0, i] = w
                series[1, i] = w * residual[i]
            if noisy:
                noise += _log_inflation(variance, extra)
            noise += _dot(series[1], residual)
            for j in range(p):
                for i in range(n):
                    series[j + 2, i] = series[0, i] * design[j, i]
            for b in range(n_blocks):
                first, last = start[b], start[b + 1]
                weight[b] = 0.0
                for i in range(first, last):
                    weight[b] += series[0, i]
                factor, solved = trend_factor[b], trend_vector[b]
                for j in range(p):
                    product = _dot(series[1][first:last], design[j][first:last])
                    solved[j] = beta_sd[b, j] * product + prior_mean[b, j]
                    for k in range(j + 1):
                        product = _dot(series[2 + j][first:last], design[k][first:last])
                        factor[j, k] = beta_sd[b, j] * beta_sd[b, k] * product
                    factor[j, j] += 1.0
                _factorise(factor, p)
                _forward(factor, solved, p)
                for j in range(p):
                    noise -= solved[j] ** 2 - 2.0 * math.log(factor[j, j])

        noise_terms[lane] = noise
        if n_terms > 0:
            _phases(frequency[m], time, phases[0], phases[1], phases[2], phases[3])
            for b in range(n_blocks):
                sums[0, 0, 0] = weight[b]
                rows = (start[b], start[b + 1])
                _products(rows, n_terms, series, phases, sums, cross[b], work, b, lane)
                _without_trend(
                    cross[b], beta_sd[b], trend_factor[b], trend_vector[b], work, b, lane
                )

        if number.size > 0:
            one[0] = number[m]
            reduced(work, term_sd, own_sd, one, 0.0, weight)
            _draw(
                m, number[m], reference, beta_sd, trend_factor, trend_vector, cross, term_sd, own_sd,
                normals, work, beta, common, own,
            )  # fmt: skip
            continue
        lane += 1
        if lane == lanes or m == frequency.size - 1:
            reduced(work, term_sd, own_sd, terms, 0.0, weight)
            for j in range(lane):
                for t in range(terms.size):
                    value = work.evidence[t, j] - 0.5 * noise_terms[j]
                    log_evidence[m - lane + 1 + j, t] = value
            lane = 0


@kernel(fastmath=REORDER)
def _draw(
    m,
    number,
    reference,
    beta_sd,
    trend_factor,
    trend_vector,
    cross,
    term_sd,
    own_sd,
    normals,
    work,
    beta,
    common,
    own,
):
    """One draw of what is linear, by the factors that `reduced` left in lane 0."""
    n_blocks, p = beta_sd.shape
    size, last = 2 * term_sd.size, 2 * number
    system, right = np.empty((last, last)), np.empty(last)
    theta, part, scaled = np.zeros(size), np.empty(last), np.empty(p)
    at = n_blocks * p
    for j in range(last):
        right[j] = work.right[j, 0] + normals[m, at + j]
        for k in range(j + 1):
            system[j, k] = work.system[j, k, 0]
    _backward(system, right, last)
    for j in range(size):
        common[m, j] = term_sd[j // 2] * right[j] if j < last else 0.0
    for b in range(n_blocks):
        for j in range(size):
            theta[j] = common[m, j]
        if own_sd.size > 0:
            # (I + N) x = own (v - M common)
            for j in range(last):
                total = work.vector[b, j, 0]
                for k in range(last):
                    row, column = max(j, k), min(j, k)
                    total -= work.products[b, row, column, 0] * common[m, k]
                part[j] = own_sd[j // 2] * total
                for k in range(j + 1):
                    system[j, k] = work.factor[b, j, k, 0]
            _forward(system, part, last)
            for j in range(last):
                part[j] += normals[m, at + size * (1 + b) + j]
            _backward(system, part, last)
            for j in range(size):
                own[m, b, j] = own_sd[j // 2] * part[j] if j < last else 0.0
                theta[j] += own[m, b, j]
        for j in range(p):
            total = trend_vector[b, j] + normals[m, b * p + j]
            for column in range(last):
                total -= cross[b, j, column] * theta[column]
            scaled[j] = total
        _backward(trend_factor[b], scaled, p)
        for j in range(p):
            beta[m, b, j] = reference[b, j] + beta_sd[b, j] * scaled[j]
