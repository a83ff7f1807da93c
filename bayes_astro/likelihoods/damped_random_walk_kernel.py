"""The filter of a damped random walk in vector lanes; `damped_random_walk` has the mathematics."""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel

__all__ = ["evaluate", "evaluate_many"]

LANES = 16
RENORMALISE = 4  # steps after which exponents leave the running determinant
_LOG_2PI = math.log(2 * math.pi)
# exp(x) = 2^n exp(r): adding this rounds to a whole number, which is then in the last bits.
_ROUNDING = 1.5 * 2.0**52
_LOG2_E = 1 / math.log(2)
_LN2_HIGH = 0.693147180369123816490
_LN2_LOW = 1.90821492927058770002e-10
_MANTISSA = np.int64((1 << 52) - 1)
_UNIT = np.int64(1023 << 52)
# Rows of the kernel's table of lanes: one base pointer and constant offsets, for the vectoriser.
_BELOW, _SCRATCH, _P, _F, _GAIN, _INVERSE, _PRODUCT, _EXPONENT, _POWER, _RATE, _WHITE = (
    LANES * row for row in range(11)
)


@kernel
def _decays(dt, lanes, work, bits):
    """f - 1 = expm1(-dt rate) of every lane, without branches.

    A Taylor polynomial of degree 13 on |r| < log(2) / 2 is good to a unit in the last place. No
    reordering of sums is allowed here: the rounding trick depends on it.
    """
    for i in range(lanes):
        y = max(-dt * work[_RATE + i], -708.0)
        shifted = y * _LOG2_E + _ROUNDING
        k = shifted - _ROUNDING
        r = (y - k * _LN2_HIGH) - k * _LN2_LOW
        p = 1.6059043836821613e-10
        p = p * r + 2.08767569878681e-09
        p = p * r + 2.505210838544172e-08
        p = p * r + 2.755731922398589e-07
        p = p * r + 2.7557319223985893e-06
        p = p * r + 2.48015873015873e-05
        p = p * r + 0.0001984126984126984
        p = p * r + 0.001388888888888889
        p = p * r + 0.008333333333333333
        p = p * r + 0.041666666666666664
        p = p * r + 0.16666666666666666
        p = p * r + 0.5
        p = p * r + 1.0
        work[_BELOW + i] = p * r
        work[_SCRATCH + i] = shifted
    for i in range(lanes):
        bits[_SCRATCH + i] = (bits[_SCRATCH + i] + 1023) << 52
    for i in range(lanes):
        power = work[_SCRATCH + i]
        work[_BELOW + i] = power * work[_BELOW + i] + (power - 1.0)


@kernel(fastmath={"contract"}, forceinline=True)
def _filter(step, columns, variance, work, bits, state, innovation, sums):
    """One pass over the points for all lanes of (sigma^2, 1 / tau, jitter^2).

    Leaves log|C| in the row _EXPONENT of `work`, and in `sums` the products of the columns, by rows
    of the lower triangle.
    """
    n, q = columns.shape
    lanes = state.shape[1]
    state[:] = 0.0
    sums[:] = 0.0
    for i in range(lanes):
        work[_P + i] = work[_POWER + i]
        work[_PRODUCT + i] = 1.0
        work[_EXPONENT + i] = 0.0
    for t in range(n):
        if step[t] > 0.0:
            _decays(step[t], lanes, work, bits)
            for i in range(lanes):
                below = work[_BELOW + i]
                f = 1.0 + below
                work[_F + i] = f
                work[_P + i] = f * f * work[_P + i] - work[_POWER + i] * below * (2.0 + below)
            for c in range(q):
                row = state[c]
                for i in range(lanes):
                    row[i] *= work[_F + i]
        v = variance[t]
        for i in range(lanes):
            noise = v + work[_WHITE + i]
            total = work[_P + i] + noise
            inverse = 1.0 / total
            gain = work[_P + i] * inverse
            work[_GAIN + i] = gain
            work[_INVERSE + i] = inverse
            work[_P + i] = gain * noise
            work[_PRODUCT + i] *= total
        entry = 0
        for c in range(q):
            row, new, h = state[c], innovation[c], columns[t, c]
            for i in range(lanes):
                e = h - row[i]
                new[i] = e
                row[i] += work[_GAIN + i] * e
            for d in range(c + 1):
                other, into = innovation[d], sums[entry]
                for i in range(lanes):
                    into[i] += new[i] * other[i] * work[_INVERSE + i]
                entry += 1
        if t % RENORMALISE == RENORMALISE - 1:
            for i in range(lanes):
                whole = bits[_PRODUCT + i]
                work[_EXPONENT + i] += float((whole >> 52) - 1023)
                bits[_PRODUCT + i] = (whole & _MANTISSA) | _UNIT
    for i in range(lanes):
        work[_EXPONENT + i] = work[_EXPONENT + i] / _LOG2_E + math.log(work[_PRODUCT + i])


@kernel(fastmath={"contract"}, forceinline=True)
def _filter_one(
    step, columns, variance, power, rate, white, work, bits, state, innovation, sums
):  # fmt: skip
    """The same pass for a single (sigma^2, 1 / tau, jitter^2), its lanes the next points.

    The variance of the state given the points so far is a ratio a / b. With noise N and
    g = sigma^2 (1 - f^2), prediction and update are linear in the pair,

    .. code-block:: text

        a <- f^2 a + g b,    b' = a + N b,    gain = a / b',    1 / variance = b / b',    a' = N a

    so that no point waits for the division of the one before, and the variances of the
    innovations, b' / b, multiply to the last b: its logarithm is log|C|, which is left in the
    first entry of the row _EXPONENT of `work`.
    """
    n, q = columns.shape
    state[:] = 0.0
    sums[:] = 0.0
    a, b, exponent = power, 1.0, 0
    for first in range(0, n, LANES):
        last = min(first + LANES, n)
        for t in range(first, last):
            work[_RATE + t - first] = step[t]
        _decays(rate, last - first, work, bits)
        for t in range(first, last):
            below = work[_BELOW + t - first]
            f = 1.0 + below
            noise = variance[t] + white
            a = f * f * a - power * below * (2.0 + below) * b
            total = a + noise * b
            share = 1.0 / total
            gain, inverse = a * share, b * share
            a, b = noise * a, total
            if t % RENORMALISE == RENORMALISE - 1:
                # A power of two leaves b for `exponent`, and a with it, without rounding.
                work[_SCRATCH] = b
                whole = (bits[_SCRATCH] >> 52) - 1023
                bits[_SCRATCH] = (1023 - whole) << 52
                a *= work[_SCRATCH]
                b *= work[_SCRATCH]
                exponent += whole
            entry = 0
            for c in range(q):
                mean = f * state[c, 0]
                e = columns[t, c] - mean
                innovation[c, 0] = e
                state[c, 0] = mean + gain * e
                for d in range(c + 1):
                    sums[entry, 0] += e * innovation[d, 0] * inverse
                    entry += 1
    work[_EXPONENT] = math.log(b) + exponent / _LOG2_E


@kernel
def evaluate(step, columns, variance, offset, power, rate, white, value, mean, factor):
    """Log likelihoods; where `mean` has rows, also those of u | y and the Cholesky factors of M."""
    n, q = columns.shape
    p, count = q - 1, power.size
    work = np.empty(11 * LANES)
    bits = work.view(np.int64)
    lanes = min(LANES, count)
    state, innovation = np.empty((q, lanes)), np.empty((q, lanes))
    sums = np.empty((q * (q + 1) // 2, lanes))
    chol, w = np.empty((p, p)), np.empty(p)
    for low in range(0, count, LANES):
        width = min(LANES, count - low)
        for i in range(lanes):
            j = low + min(i, width - 1)
            work[_POWER + i], work[_RATE + i], work[_WHITE + i] = power[j], rate[j], white[j]
        if lanes == 1:
            _filter_one(
                step, columns, variance, power[low], rate[low], white[low], work, bits, state,
                innovation, sums,
            )  # fmt: skip
        else:
            _filter(step, columns, variance, work, bits, state, innovation, sums)
        for i in range(width):
            total = -n * _LOG_2PI - work[_EXPONENT + i] - sums[0, i]
            entry = 1
            for j in range(p):
                w[j] = sums[entry, i] - offset[j]
                total -= offset[j] * offset[j]
                entry += 1
                for k in range(j + 1):
                    x = sums[entry, i] + (1.0 if j == k else 0.0)
                    entry += 1
                    for m in range(k):
                        x -= chol[j, m] * chol[k, m]
                    chol[j, k] = math.sqrt(x) if j == k else x / chol[k, k]
                for k in range(j):
                    w[j] -= chol[j, k] * w[k]
                w[j] /= chol[j, j]
                total += w[j] * w[j] - 2.0 * math.log(chol[j, j])
            value[low + i] = 0.5 * total
            if mean.shape[0]:
                for j in range(p - 1, -1, -1):
                    for k in range(j + 1, p):
                        w[j] -= chol[k, j] * w[k]
                    w[j] /= chol[j, j]
                    mean[low + i, j] = w[j]
                    for k in range(j + 1):
                        factor[low + i, j, k] = chol[j, k]


@kernel
def evaluate_many(
    first, step, columns, variance, offset, power, rate, white, low, high, value
):  # fmt: skip
    """Light curves `low` to `high` of those whose points follow each other from `first` on."""
    p = offset.shape[1]
    mean, factor = np.empty((0, p)), np.empty((0, p, p))
    for k in range(low, high):
        rows = slice(first[k], first[k + 1])
        evaluate(
            step[rows], columns[rows], variance[rows], offset[k], power[k], rate[k], white[k],
            value[k], mean, factor,
        )  # fmt: skip
