"""From one row of a semiseparable matrix to the next: what both passes of the filter apply."""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel
from bayes_astro.likelihoods.decays import exponentials, oscillations
from bayes_astro.likelihoods.transitions import COMPILE, factor, factor_adjoint, pair

__all__ = [
    "all_steps",
    "backward_columns",
    "backward_rows",
    "backward_vector",
    "coefficients",
    "dense_adjoint",
    "dense_transition",
    "forward_columns",
    "forward_rows",
    "forward_vector",
    "in_order",
    "take_step",
    "transition",
]


@kernel(**COMPILE)
def coefficients(q, width):
    """log det M + Q_00 - g' C g, the mean of the coefficients and their covariance."""
    n = len(width)
    mean = np.zeros(n)
    covariance = np.zeros((n, n))
    if n == 0:
        return q[0, 0], mean, covariance
    matrix = np.eye(n)
    for i in range(n):
        for j in range(n):
            matrix[i, j] += width[i] * q[1 + i, 1 + j] * width[j]
    lower = np.zeros((n, n))
    log_det = 0.0
    for i in range(n):
        for j in range(i + 1):
            total = matrix[i, j]
            for k in range(j):
                total -= lower[i, k] * lower[j, k]
            if i > j:
                lower[i, j] = total / lower[j, j]
            else:
                if not total > 0:
                    return np.inf, mean, covariance
                lower[i, i] = math.sqrt(total)
                log_det += math.log(total)
    inverse = np.zeros((n, n))  # of the lower factor
    for j in range(n):
        for i in range(j, n):
            total = 1.0 if i == j else 0.0
            for k in range(j, i):
                total -= lower[i, k] * inverse[k, j]
            inverse[i, j] = total / lower[i, i]
    for i in range(n):
        for j in range(n):
            total = 0.0
            for k in range(n):
                total += inverse[k, i] * inverse[k, j]
            covariance[i, j] = width[i] * total * width[j]
    drop = 0.0
    for i in range(n):
        for j in range(n):
            mean[i] += covariance[i, j] * q[1 + j, 0]
        drop += mean[i] * q[1 + i, 0]
    return log_det + q[0, 0] - drop, mean, covariance


@kernel(**COMPILE)
def in_order(time, band, lag):
    """Rows in order of time less the lag of their band, and those times."""
    n = len(time)
    order = np.arange(n)
    times = time.copy()
    moved = False
    for i in range(len(lag)):
        moved = moved or lag[i] != 0
    if moved:
        for i in range(n):
            times[i] -= lag[band[i]]
        order = np.argsort(times, kind="mergesort")
        times = times[order]
    return order, times


@kernel(**COMPILE)
def dense_transition(shape, products, rates, squares, t, factors, phi):
    """Fill the dense part of the transition."""
    phi[:] = 0.0
    nr, npairs, _ = shape
    sizes, counts, spans = products
    first = start = 0
    for block in range(len(counts)):
        last = first + counts[block]
        for f in range(first, last):
            factor(sizes[f], rates[nr + npairs + f], squares[npairs + f], t, factors[f])
        for i in range(spans[block]):
            for j in range(spans[block]):
                a, b, entry = i, j, 1.0
                for f in range(last - 1, first - 1, -1):
                    entry *= factors[f, a % sizes[f], b % sizes[f]]
                    a //= sizes[f]
                    b //= sizes[f]
                phi[start + i, start + j] = entry
        start += spans[block]
        first = last


@kernel(**COMPILE)
def dense_adjoint(shape, products, rates, squares, t, factors, adjoint, to_rates, to_squares):
    """From the adjoint of the dense transition to its parameters; returns that of t."""
    nr, npairs, _ = shape
    sizes, counts, spans = products
    first = start = 0
    to_t = 0.0
    own = np.zeros((3, 3))
    for block in range(len(counts)):
        last = first + counts[block]
        for f in range(first, last):
            own[:] = 0.0
            for i in range(spans[block]):
                for j in range(spans[block]):
                    a, b, others, row, column = i, j, 1.0, 0, 0
                    for g in range(last - 1, first - 1, -1):
                        if g == f:
                            row, column = a % sizes[g], b % sizes[g]
                        else:
                            others *= factors[g, a % sizes[g], b % sizes[g]]
                        a //= sizes[g]
                        b //= sizes[g]
                    own[row, column] += others * adjoint[start + i, start + j]
            r, s = nr + npairs + f, npairs + f
            to = factor_adjoint(sizes[f], rates[r], squares[s], t, factors[f], own)
            to_rates[r] += to[0]
            to_squares[s] += to[1]
            to_t += to[2]
        start += spans[block]
        first = last
    return to_t


@kernel(forceinline=True, **COMPILE)
def transition(shape, products, rates, squares, dt, real, cosine, sine, other, factors, phi):
    """Everything that depends on the interval."""
    nr, npairs, dense = shape
    for r in range(nr):
        real[r] = math.exp(-rates[r] * dt)
    for p in range(npairs):
        cosine[p], sine[p] = pair(rates[nr + p], squares[p], dt)
        other[p] = -squares[p] * sine[p]
    if dense:
        dense_transition(shape, products, rates, squares, dt, factors, phi)


@kernel(forceinline=True, **COMPILE)
def forward_rows(shape, matrix, real, cosine, sine, other, phi, out):
    """Phi times a matrix."""
    nr, npairs, dense = shape
    simple, size = nr + 2 * npairs, nr + 2 * npairs + dense
    for r in range(nr):
        for k in range(size):
            out[r, k] = real[r] * matrix[r, k]
    for p in range(npairs):
        j = nr + 2 * p
        for k in range(size):
            out[j, k] = cosine[p] * matrix[j, k] + sine[p] * matrix[j + 1, k]
        for k in range(size):
            out[j + 1, k] = cosine[p] * matrix[j + 1, k] + other[p] * matrix[j, k]
    for i in range(dense):
        for k in range(size):
            total = 0.0
            for j in range(dense):
                total += phi[i, j] * matrix[simple + j, k]
            out[simple + i, k] = total


@kernel(forceinline=True, **COMPILE)
def forward_columns(shape, matrix, real, cosine, sine, other, phi, out):
    """A matrix times Phi'."""
    nr, npairs, dense = shape
    simple, size = nr + 2 * npairs, nr + 2 * npairs + dense
    for i in range(size):
        for r in range(nr):
            out[i, r] = real[r] * matrix[i, r]
        for p in range(npairs):
            j = nr + 2 * p
            out[i, j] = cosine[p] * matrix[i, j] + sine[p] * matrix[i, j + 1]
            out[i, j + 1] = cosine[p] * matrix[i, j + 1] + other[p] * matrix[i, j]
        for k in range(dense):
            total = 0.0
            for j in range(dense):
                total += phi[k, j] * matrix[i, simple + j]
            out[i, simple + k] = total


@kernel(forceinline=True, **COMPILE)
def backward_rows(shape, matrix, real, cosine, sine, other, phi, out):
    """Phi' times a matrix."""
    nr, npairs, dense = shape
    simple, size = nr + 2 * npairs, nr + 2 * npairs + dense
    for r in range(nr):
        for k in range(size):
            out[r, k] = real[r] * matrix[r, k]
    for p in range(npairs):
        j = nr + 2 * p
        for k in range(size):
            out[j, k] = cosine[p] * matrix[j, k] + other[p] * matrix[j + 1, k]
        for k in range(size):
            out[j + 1, k] = cosine[p] * matrix[j + 1, k] + sine[p] * matrix[j, k]
    for i in range(dense):
        for k in range(size):
            total = 0.0
            for j in range(dense):
                total += phi[j, i] * matrix[simple + j, k]
            out[simple + i, k] = total


@kernel(forceinline=True, **COMPILE)
def backward_columns(shape, matrix, real, cosine, sine, other, phi, out):
    """A matrix times Phi."""
    nr, npairs, dense = shape
    simple, size = nr + 2 * npairs, nr + 2 * npairs + dense
    for i in range(size):
        for r in range(nr):
            out[i, r] = real[r] * matrix[i, r]
        for p in range(npairs):
            j = nr + 2 * p
            out[i, j] = cosine[p] * matrix[i, j] + other[p] * matrix[i, j + 1]
            out[i, j + 1] = cosine[p] * matrix[i, j + 1] + sine[p] * matrix[i, j]
        for k in range(dense):
            total = 0.0
            for j in range(dense):
                total += phi[j, k] * matrix[i, simple + j]
            out[i, simple + k] = total


@kernel(forceinline=True, **COMPILE)
def forward_vector(shape, rows, c, real, cosine, sine, other, phi, scratch):
    """Phi times row `c` of `rows`, in place."""
    nr, npairs, dense = shape
    simple = nr + 2 * npairs
    for r in range(nr):
        rows[c, r] *= real[r]
    for p in range(npairs):
        j = nr + 2 * p
        a, b = rows[c, j], rows[c, j + 1]
        rows[c, j] = cosine[p] * a + sine[p] * b
        rows[c, j + 1] = cosine[p] * b + other[p] * a
    for i in range(dense):
        total = 0.0
        for j in range(dense):
            total += phi[i, j] * rows[c, simple + j]
        scratch[i] = total
    for i in range(dense):
        rows[c, simple + i] = scratch[i]


@kernel(forceinline=True, **COMPILE)
def backward_vector(shape, rows, c, real, cosine, sine, other, phi, scratch):
    """Phi' times row `c` of `rows`, in place."""
    nr, npairs, dense = shape
    simple = nr + 2 * npairs
    for r in range(nr):
        rows[c, r] *= real[r]
    for p in range(npairs):
        j = nr + 2 * p
        a, b = rows[c, j], rows[c, j + 1]
        rows[c, j] = cosine[p] * a + other[p] * b
        rows[c, j + 1] = cosine[p] * b + sine[p] * a
    for i in range(dense):
        total = 0.0
        for j in range(dense):
            total += phi[j, i] * rows[c, simple + j]
        scratch[i] = total
    for i in range(dense):
        rows[c, simple + i] = scratch[i]


@kernel(**COMPILE)
def all_steps(shape, rates, squares, times):
    """Intervals before each row, and what the reals and pairs need of them: (term, row)."""
    nr, npairs, _ = shape
    n = len(times)
    step, scratch = np.zeros(n), np.empty(n)
    for i in range(1, n):
        step[i] = times[i] - times[i - 1]
    decay, wave, swing = np.empty((nr, n)), np.empty((npairs, n)), np.empty((npairs, n))
    for r in range(nr):
        exponentials(step, rates[r], decay[r], scratch)
    for p in range(npairs):
        oscillations(step, rates[nr + p], squares[p], wave[p], swing[p], scratch)
    return step, decay, wave, swing


@kernel(forceinline=True, **COMPILE)
def take_step(
    shape, products, rates, squares, step, decay, wave, swing, i,
    real, cosine, sine, other, factors, phi,
):  # fmt: skip
    """The transition to row i, for the functions that apply it."""
    nr, npairs, dense = shape
    for r in range(nr):
        real[r] = decay[r, i]
    for p in range(npairs):
        cosine[p], sine[p] = wave[p, i], swing[p, i]
        other[p] = -squares[p] * sine[p]
    if dense:
        dense_transition(shape, products, rates, squares, step[i], factors, phi)
