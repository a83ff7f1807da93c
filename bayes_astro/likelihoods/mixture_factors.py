"""Factors and sums of the blocks of a mixture, component by component, inlined into its passes."""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel
from bayes_astro.likelihoods.mixture_blocks import DIAGONAL, PROJECTED

__all__ = []

_LOG_2PI = math.log(2 * math.pi)
# exp(x) = 2^n exp(r): adding this rounds to a whole number, which is then in the last bits.
_ROUNDING = 1.5 * 2.0**52
_LOG2_E = 1 / math.log(2)
_LN2_HIGH = 0.693147180369123816490
_LN2_LOW = 1.90821492927058770002e-10


@kernel
def _exponential(x, whole, n):
    """exp(x[:n]) in place for x <= 0, without branches; `whole` is scratch.

    A Taylor polynomial of degree 13 on |r| < log(2) / 2 is good to a unit in the last place. No
    reordering of sums is allowed here: the rounding trick depends on it.
    """
    bits = whole.view(np.int64)
    for i in range(n):
        y = max(x[i], -708.0)
        shifted = y * _LOG2_E + _ROUNDING
        whole[i] = shifted
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
        x[i] = p * r + 1.0 if x[i] > -708.0 else 0.0
    for i in range(n):
        bits[i] = (bits[i] + 1023) << 52
    for i in range(n):
        x[i] *= whole[i]


@kernel(fastmath=True, forceinline=True)
def noisy_covariance(work, m, n, kind, covariance, columns, d, error, projection, product):
    """T = R V R' + S of every point, packed by rows of the lower triangle, into `work`."""
    form = kind % PROJECTED
    if kind < PROJECTED:
        entry = 0
        for j in range(m):
            for k in range(j + 1):
                v = covariance[columns[j], columns[k]]
                row = work[entry]
                if form == DIAGONAL:
                    if j == k:
                        for i in range(n):
                            row[i] = v + error[j * n + i]
                    else:
                        for i in range(n):
                            row[i] = v
                else:
                    for i in range(n):
                        row[i] = v + error[entry * n + i]
                entry += 1
        return
    entry = 0
    for j in range(m):
        for a in range(d):
            row = product[a]
            for i in range(n):
                row[i] = covariance[a, 0] * projection[j * d * n + i]
            for b in range(1, d):
                v = covariance[a, b]
                for i in range(n):
                    row[i] += v * projection[(j * d + b) * n + i]
        for k in range(j + 1):
            row = work[entry]
            if form == DIAGONAL:
                if j == k:
                    for i in range(n):
                        row[i] = error[j * n + i]
                else:
                    for i in range(n):
                        row[i] = 0.0
            else:
                for i in range(n):
                    row[i] = error[entry * n + i]
            for a in range(d):
                for i in range(n):
                    row[i] += product[a, i] * projection[(k * d + a) * n + i]
            entry += 1


@kernel(fastmath=True, forceinline=True)
def residual_of(z, m, n, kind, mean, columns, d, value, projection):
    """x - R m of every point, into `z`."""
    for j in range(m):
        row = z[j]
        if kind < PROJECTED:
            centre = mean[columns[j]]
            for i in range(n):
                row[i] = value[j * n + i] - centre
        else:
            for i in range(n):
                row[i] = value[j * n + i]
            for a in range(d):
                centre = mean[a]
                for i in range(n):
                    row[i] -= centre * projection[(j * d + a) * n + i]


@kernel(fastmath=True, forceinline=True)
def factorise(work, inverse, z, square, determinant, m, n):
    """T = L D L' in place of the packed T; 1 / D, L^-1 z, chi-square and det T with it."""
    for i in range(n):
        square[i] = 0.0
        determinant[i] = 1.0
    for p in range(m):
        pivot, own, of = work[p * (p + 1) // 2 + p], inverse[p], z[p]
        for i in range(n):
            determinant[i] *= pivot[i]
            own[i] = 1.0 / pivot[i]
            square[i] += of[i] * of[i] * own[i]
        for j in range(p + 1, m):
            below = work[j * (j + 1) // 2 + p]
            down = z[j]
            for k in range(p + 1, j):
                # Entries (k, p) are L already, so L_kp D_p is what they were.
                target, other = work[j * (j + 1) // 2 + k], work[k * (k + 1) // 2 + p]
                for i in range(n):
                    target[i] -= below[i] * other[i]
            diagonal = work[j * (j + 1) // 2 + j]
            for i in range(n):
                low = below[i] * own[i]
                diagonal[i] -= low * below[i]
                down[i] -= low * of[i]
                below[i] = low


@kernel
def factorise_shared(scalar, m, covariance, columns, error):
    """The same for one matrix: L below the diagonal, D on it."""
    entry = 0
    for j in range(m):
        for k in range(j + 1):
            scalar[j, k] = covariance[columns[j], columns[k]] + error[entry]
            entry += 1
    for p in range(m):
        for j in range(p + 1, m):
            low = scalar[j, p] / scalar[p, p]
            for k in range(p + 1, j + 1):
                # scalar[k, p] for k < j is L already.
                full = scalar[k, p] * scalar[p, p] if k < j else scalar[j, p]
                scalar[j, k] -= low * full
            scalar[j, p] = low


@kernel(fastmath=True, forceinline=True)
def solve_shared(scalar, z, square, determinant, m, n):
    """L^-1 z, chi-square and det T of every point, with one factor for all."""
    product = 1.0
    for i in range(n):
        square[i] = 0.0
    for p in range(m):
        own = 1.0 / scalar[p, p]
        product *= scalar[p, p]
        of = z[p]
        for i in range(n):
            square[i] += of[i] * of[i] * own
        for j in range(p + 1, m):
            low, down = scalar[j, p], z[j]
            for i in range(n):
                down[i] -= low * of[i]
    for i in range(n):
        determinant[i] = product


@kernel(fastmath=True, forceinline=True)
def _dot(a, b, n):
    total = 0.0
    for i in range(n):
        total += a[i] * b[i]
    return total


@kernel(fastmath=True, forceinline=True)
def gather(target, source, active, n):
    for i in range(n):
        target[i] = source[active[i]]


@kernel(fastmath=True, forceinline=True)
def solve_back(u, z, inverse, work, m, n):
    """u = L^-T D^-1 z."""
    for j in range(m - 1, -1, -1):
        row, own, of = u[j], inverse[j], z[j]
        for i in range(n):
            row[i] = of[i] * own[i]
        for k in range(j + 1, m):
            low, other = work[k * (k + 1) // 2 + j], u[k]
            for i in range(n):
                row[i] -= low[i] * other[i]


@kernel(fastmath=True, forceinline=True)
def add_plain(first, second, u, scaled, rows, inverse, work, share, columns, m, n):
    """Add w q R'u and w q (R'u u'R - R'W R) where R picks columns: the rows of L^-1 one by one."""
    for j in range(m):
        mine, target = u[j], scaled[j]
        for i in range(n):
            target[i] = share[i] * mine[i]
        total = 0.0
        for i in range(n):
            total += target[i]
        first[columns[j]] += total
        for k in range(j + 1):
            second[columns[j], columns[k]] += _dot(target, u[k], n)
    for p in range(m):
        # rows[j] of L^-1: unit diagonal, M_pj = -(L_pj + sum_{j<k<p} M_pk L_kj)
        own = inverse[p]
        for j in range(p - 1, -1, -1):
            row, low = rows[j], work[p * (p + 1) // 2 + j]
            for i in range(n):
                row[i] = -low[i]
            for k in range(j + 1, p):
                other, below = rows[k], work[k * (k + 1) // 2 + j]
                for i in range(n):
                    row[i] -= other[i] * below[i]
        weight = scaled[0]
        total = 0.0
        for i in range(n):
            weight[i] = share[i] * own[i]
            total += weight[i]
        second[columns[p], columns[p]] -= total
        for j in range(p):
            second[columns[p], columns[j]] -= _dot(weight, rows[j], n)
            target, row = scaled[1], rows[j]
            for i in range(n):
                target[i] = weight[i] * row[i]
            for k in range(j + 1):
                second[columns[j], columns[k]] -= _dot(target, rows[k], n)


@kernel(fastmath=True, forceinline=True)
def add_projected(
    first,
    second,
    u,
    scaled,
    rows,
    turned,
    inverse,
    work,
    share,
    projection,
    active,
    m,
    d,
    n,
    stride,
):
    """The same for any R: the rows of L^-1 are turned by R first."""
    for a in range(d):
        row = turned[a]
        for i in range(n):
            row[i] = 0.0
        for j in range(m):
            mine, start = u[j], (j * d + a) * stride
            for i in range(n):
                row[i] += mine[i] * projection[start + active[i]]
    for a in range(d):
        target, row = scaled[0], turned[a]
        total = 0.0
        for i in range(n):
            target[i] = share[i] * row[i]
            total += target[i]
        first[a] += total
        for b in range(a + 1):
            second[a, b] += _dot(target, turned[b], n)
    for p in range(m):
        own = inverse[p]
        for j in range(p - 1, -1, -1):
            row, low = rows[j], work[p * (p + 1) // 2 + j]
            for i in range(n):
                row[i] = -low[i]
            for k in range(j + 1, p):
                other, below = rows[k], work[k * (k + 1) // 2 + j]
                for i in range(n):
                    row[i] -= other[i] * below[i]
        for a in range(d):
            row, start = turned[a], (p * d + a) * stride
            for i in range(n):
                row[i] = projection[start + active[i]]
            for j in range(p):
                other, start = rows[j], (j * d + a) * stride
                for i in range(n):
                    row[i] += other[i] * projection[start + active[i]]
        for a in range(d):
            target, row = scaled[0], turned[a]
            for i in range(n):
                target[i] = share[i] * own[i] * row[i]
            for b in range(a + 1):
                second[a, b] -= _dot(target, turned[b], n)


@kernel(fastmath=True, forceinline=True)
def add_shared(first, second, u, z, target, scalar, inverse, share, columns, m, n):
    """The same with one factor for all points; `inverse` is m x m scratch."""
    weight = 0.0
    for i in range(n):
        weight += share[i]
    for j in range(m - 1, -1, -1):
        row, of, own = u[j], z[j], 1.0 / scalar[j, j]
        for i in range(n):
            row[i] = of[i] * own
        for k in range(j + 1, m):
            low, other = scalar[k, j], u[k]
            for i in range(n):
                row[i] -= low * other[i]
    for j in range(m):
        mine = u[j]
        total = 0.0
        for i in range(n):
            target[i] = share[i] * mine[i]
            total += target[i]
        first[columns[j]] += total
        for k in range(j + 1):
            second[columns[j], columns[k]] += _dot(target, u[k], n)
    for p in range(m):
        inverse[p, p] = 1.0
        for j in range(p - 1, -1, -1):
            total = -scalar[p, j]
            for k in range(j + 1, p):
                total -= inverse[p, k] * scalar[k, j]
            inverse[p, j] = total
        own = weight / scalar[p, p]
        for j in range(p + 1):
            for k in range(j + 1):
                second[columns[j], columns[k]] -= own * inverse[p, j] * inverse[p, k]


@kernel
def responsibilities(
    square, root, exponents, total, k_count, background, log_background, n, densities, m
):
    """Responsibilities of every point, in place of `square`, and log densities.

    square (K, n): chi-squares on entry; root (K, n): weight / sqrt(det T). The uniform component
    has chi-square zero. Returns nothing; `total` holds its responsibility at the end.
    """
    least, scratch = exponents[0], exponents[1]
    uniform = background * math.exp(log_background + 0.5 * m * _LOG_2PI)
    for i in range(n):
        least[i] = 0.0 if uniform > 0.0 else np.inf
    for k in range(k_count):
        row, own = square[k], root[k]
        for i in range(n):
            if own[i] > 0.0:
                least[i] = min(least[i], row[i])
    for i in range(n):
        total[i] = uniform
    for k in range(k_count):
        row, own = square[k], root[k]
        for i in range(n):
            # An empty component may be nearer than the nearest, which no exponential survives.
            row[i] = -0.5 * (row[i] - least[i]) if own[i] != 0.0 else -np.inf
        _exponential(row, scratch, n)
        for i in range(n):
            row[i] *= own[i]
            total[i] += row[i]
    for i in range(n):
        densities[i] = math.log(total[i]) - 0.5 * least[i] - 0.5 * m * _LOG_2PI
        total[i] = 1.0 / total[i]
    for k in range(k_count):
        row = square[k]
        for i in range(n):
            row[i] *= total[i]
    for i in range(n):
        total[i] *= uniform
