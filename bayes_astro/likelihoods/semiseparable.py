r"""Log likelihood of a Gaussian process in linear time, with its gradient.

The observations are y = m + B beta + f + e with independent noise e_i ~ N(0, variance_i),
independent coefficients beta_p ~ N(0, width_p^2), which are integrated out, and a process whose
covariance between two rows i > j (sorted by t = time - lag of the row's band) is

.. code-block:: text

    K_ij = u_i' Phi(t_i - t_j) v_j,        K_ii = power_i

with u, v and power tables by band (a band's amplitude, the derivative of the process, an exposure
are other rows of the tables) and Phi of `likelihoods.transitions`, J x J. With Phi_i the transition
from row i-1 to row i, K + noise = L D L' row by row (Foreman-Mackey et al. 2017, with the
transition instead of elementwise factors):

.. code-block:: text

    S_i = Phi_i (S_{i-1} + d_{i-1} w_{i-1} w_{i-1}') Phi_i'
    d_i = power_i + variance_i - u_i' S_i u_i
    w_i = (v_i - S_i u_i) / d_i
    f_i = Phi_i (f_{i-1} + w_{i-1} z_{i-1}),   z_i = y_i - u_i' f_i

This is the Kalman filter: f is the predicted state, z the innovation, d its variance, w the gain,
and S is what the data have taken from the stationary covariance of the state. z is computed for the
residual and for every column of B. With Q = sum_i z_i z_i' / d_i, g = Q[1:, 0], G = Q[1:, 1:],

.. code-block:: text

    M = I + W G W,  C = W M^-1 W,  beta = C g                    (W = diag(width))
    log L = -1/2 (sum_i log 2 pi d_i + log det M + Q_00 - g' C g)

and, given everything else, beta ~ N(C g, C). The gradient is the reverse pass of the recursion,
started with dlogL/dz_i = -Gamma z_i / d_i, Gamma = [[1, -beta'], [-beta, C + beta beta']].

A kernel is compiled for every number of real terms and pairs; products go through dense blocks.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from bayes_astro.likelihoods.decays import exponentials, oscillations
from bayes_astro.likelihoods.layout import Layout
from bayes_astro.likelihoods.transitions import COMPILE, factor, factor_adjoint, pair, pair_slope

__all__ = ["Passes", "coefficients", "flat_products", "passes"]

_LOG_2PI = math.log(2 * math.pi)


class Passes(NamedTuple):
    """The compiled functions of one layout."""

    value: Any
    gradient: Any


@njit(**COMPILE)
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


@njit(**COMPILE)
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


@njit(**COMPILE)
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


@njit(**COMPILE)
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


@njit(forceinline=True, **COMPILE)
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


@njit(forceinline=True, **COMPILE)
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


@njit(forceinline=True, **COMPILE)
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


@njit(forceinline=True, **COMPILE)
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


@njit(forceinline=True, **COMPILE)
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


@njit(forceinline=True, **COMPILE)
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


@njit(forceinline=True, **COMPILE)
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


@njit(**COMPILE)
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


@njit(forceinline=True, **COMPILE)
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


@njit(forceinline=True, **COMPILE)
def value(
    shape,
    products,
    columns,
    residual,
    variance,
    u,
    v,
    power,
    rates,
    squares,
    lag,
    width,
    time,
    band,
    basis,
):
    """Log likelihood, and mean and covariance of the coefficients."""
    nr, npairs, dense = shape
    size, n = nr + 2 * npairs + dense, len(time)
    order, times = in_order(time, band, lag)
    step, decay, wave, swing = all_steps(shape, rates, squares, times)
    real, cosine = np.zeros(max(nr, 1)), np.zeros(max(npairs, 1))
    sine, other = np.zeros(max(npairs, 1)), np.zeros(max(npairs, 1))
    factors, phi = np.zeros((len(products[0]), 3, 3)), np.zeros((max(dense, 1), max(dense, 1)))
    scratch = np.zeros(max(dense, 1))
    s, product = np.zeros((size, size)), np.zeros((size, size))
    w, state = np.zeros(size), np.zeros((columns, size))
    z, q = np.zeros(columns), np.zeros((columns, columns))
    mean, covariance = np.zeros(columns - 1), np.zeros((columns - 1, columns - 1))
    log_d, d, volume = 0.0, 0.0, 1.0
    for i in range(n):
        row = order[i]
        at = band[row]
        if i > 0:
            take_step(
                shape, products, rates, squares, step, decay, wave, swing, i,
                real, cosine, sine, other, factors, phi,
            )  # fmt: skip
            for j in range(size):
                scaled = d * w[j]
                for k in range(size):
                    s[j, k] += scaled * w[k]
            forward_rows(shape, s, real, cosine, sine, other, phi, product)
            forward_columns(shape, product, real, cosine, sine, other, phi, s)
            for c in range(columns):
                for j in range(size):
                    state[c, j] += w[j] * z[c]
                forward_vector(shape, state, c, real, cosine, sine, other, phi, scratch)
        d = power[at] + variance[row]
        for j in range(size):
            total = 0.0
            for k in range(size):
                total += s[j, k] * u[at, k]
            w[j] = v[at, j] - total
            d -= u[at, j] * total
        if not (d > 0 and d < np.inf):
            return -np.inf, mean, covariance
        for c in range(columns):
            total = residual[row] if c == 0 else basis[row, c - 1]
            for j in range(size):
                total -= u[at, j] * state[c, j]
            z[c] = total
        inverse = 1 / d
        for j in range(size):
            w[j] *= inverse
        volume *= d  # logarithms are dear: one for many rows
        if not 1e-150 < volume < 1e150:
            log_d += math.log(volume)
            volume = 1.0
        for a in range(columns):
            for b in range(a + 1):
                q[a, b] += z[a] * z[b] * inverse
    for a in range(columns):
        for b in range(a):
            q[b, a] = q[a, b]
    quadratic, mean, covariance = coefficients(q, width)
    log_d += math.log(volume)
    return -0.5 * (log_d + n * _LOG_2PI + quadratic), mean, covariance


@njit(forceinline=True, **COMPILE)
def gradient(
    shape,
    products,
    columns,
    residual,
    variance,
    u,
    v,
    power,
    rates,
    squares,
    lag,
    width,
    time,
    band,
    basis,
):
    """Log likelihood and its derivatives with respect to the first eight arguments."""
    nr, npairs, dense = shape
    simple, size, n = nr + 2 * npairs, nr + 2 * npairs + dense, len(time)
    order, times = in_order(time, band, lag)
    step, decay, wave, swing = all_steps(shape, rates, squares, times)
    real, cosine = np.zeros(max(nr, 1)), np.zeros(max(npairs, 1))
    sine, other = np.zeros(max(npairs, 1)), np.zeros(max(npairs, 1))
    factors, phi = np.zeros((len(products[0]), 3, 3)), np.zeros((max(dense, 1), max(dense, 1)))
    scratch = np.zeros(max(dense, 1))
    s, product = np.zeros((size, size)), np.zeros((size, size))
    w, state, z = np.zeros(size), np.zeros((columns, size)), np.zeros(columns)
    d = 0.0
    q = np.zeros((columns, columns))
    tape_s = np.empty((n, size, size))
    tape_w = np.empty((n, size))
    tape_state = np.empty((n, columns, size))
    tape_z = np.empty((n, columns))
    tape_d = np.empty(n)
    to_residual, to_variance = np.zeros(n), np.zeros(n)
    to_u, to_v, to_power = np.zeros_like(u), np.zeros_like(v), np.zeros_like(power)
    to_rates, to_squares = np.zeros_like(rates), np.zeros_like(squares)
    to_lag = np.zeros_like(lag)
    log_d, volume, failed = 0.0, 1.0, False
    for i in range(n):
        row = order[i]
        at = band[row]
        if i > 0:
            take_step(
                shape, products, rates, squares, step, decay, wave, swing, i,
                real, cosine, sine, other, factors, phi,
            )  # fmt: skip
            for j in range(size):
                scaled = d * w[j]
                for k in range(size):
                    s[j, k] += scaled * w[k]
            forward_rows(shape, s, real, cosine, sine, other, phi, product)
            forward_columns(shape, product, real, cosine, sine, other, phi, s)
            for c in range(columns):
                for j in range(size):
                    state[c, j] += w[j] * z[c]
                forward_vector(shape, state, c, real, cosine, sine, other, phi, scratch)
        d = power[at] + variance[row]
        for j in range(size):
            total = 0.0
            for k in range(size):
                total += s[j, k] * u[at, k]
            w[j] = v[at, j] - total
            d -= u[at, j] * total
        if not (d > 0 and d < np.inf):
            failed = True
            break
        for c in range(columns):
            total = residual[row] if c == 0 else basis[row, c - 1]
            for j in range(size):
                total -= u[at, j] * state[c, j]
            z[c] = total
        inverse = 1 / d
        for j in range(size):
            w[j] *= inverse
        tape_d[i] = d
        for j in range(size):
            tape_w[i, j] = w[j]
            for k in range(size):
                tape_s[i, j, k] = s[j, k]
        for c in range(columns):
            tape_z[i, c] = z[c]
            for j in range(size):
                tape_state[i, c, j] = state[c, j]
        volume *= d  # logarithms are dear: one for many rows
        if not 1e-150 < volume < 1e150:
            log_d += math.log(volume)
            volume = 1.0
        for a in range(columns):
            for b in range(a + 1):
                q[a, b] += z[a] * z[b] * inverse
    for a in range(columns):
        for b in range(a):
            q[b, a] = q[a, b]
    density = -np.inf
    if not failed:
        quadratic, mean, covariance = coefficients(q, width)
        density = -0.5 * (log_d + math.log(volume) + n * _LOG_2PI + quadratic)
    if density == -np.inf:
        return density, to_residual, to_variance, to_u, to_v, to_power, to_rates, to_squares, to_lag

    gamma = np.empty((columns, columns))
    gamma[0, 0] = 1.0
    for a in range(columns - 1):
        gamma[0, 1 + a] = gamma[1 + a, 0] = -mean[a]
        for b in range(columns - 1):
            gamma[1 + a, 1 + b] = covariance[a, b] + mean[a] * mean[b]
    # Adjoints of S, of the states, and of the row being gone back to.
    bar_s, bar_m = np.zeros((size, size)), np.zeros((size, size))
    bar_state, moved = np.zeros((columns, size)), np.zeros((columns, size))
    bar_w, bar_t, bar_z = np.zeros(size), np.zeros(size), np.zeros(columns)
    bar_phi = np.zeros((max(dense, 1), max(dense, 1)))
    for i in range(n - 1, -1, -1):
        row = order[i]
        at = band[row]
        d = tape_d[i]
        for j in range(size):
            w[j] = tape_w[i, j]
            for k in range(size):
                s[j, k] = tape_s[i, j, k]
        for c in range(columns):
            z[c] = tape_z[i, c]
            for j in range(size):
                state[c, j] = tape_state[i, c, j]
        inverse = 1 / d
        bar_d = -0.5 * inverse
        for a in range(columns):
            total = 0.0
            for b in range(columns):
                total += gamma[a, b] * z[b]
            bar_z[a] = -total * inverse
            bar_d += 0.5 * z[a] * total * inverse * inverse
        to_dt = 0.0
        if i < n - 1:
            dt = step[i + 1]
            take_step(
                shape, products, rates, squares, step, decay, wave, swing, i + 1,
                real, cosine, sine, other, factors, phi,
            )  # fmt: skip
            # M = S + d w w' and Phi M, as on the way forward.
            for j in range(size):
                scaled = d * w[j]
                for k in range(size):
                    bar_m[j, k] = s[j, k] + scaled * w[k]
            forward_rows(shape, bar_m, real, cosine, sine, other, phi, product)
            # Adjoint of Phi: 2 bar_s Phi M + sum_c bar_state (f + w z)', block by block.
            for c in range(columns):
                for j in range(size):
                    moved[c, j] = state[c, j] + w[j] * z[c]
            for r in range(nr):
                total = 0.0
                for k in range(size):
                    total += bar_s[r, k] * product[k, r]
                total *= 2
                for c in range(columns):
                    total += bar_state[c, r] * moved[c, r]
                to_rates[r] -= dt * real[r] * total
                to_dt -= rates[r] * real[r] * total
            for p in range(npairs):
                j = nr + 2 * p
                e00 = e01 = e10 = e11 = 0.0
                for k in range(size):
                    e00 += bar_s[j, k] * product[k, j]
                    e01 += bar_s[j, k] * product[k, j + 1]
                    e10 += bar_s[j + 1, k] * product[k, j]
                    e11 += bar_s[j + 1, k] * product[k, j + 1]
                e00, e01, e10, e11 = 2 * e00, 2 * e01, 2 * e10, 2 * e11
                for c in range(columns):
                    e00 += bar_state[c, j] * moved[c, j]
                    e01 += bar_state[c, j] * moved[c, j + 1]
                    e10 += bar_state[c, j + 1] * moved[c, j]
                    e11 += bar_state[c, j + 1] * moved[c, j + 1]
                rate, x = rates[nr + p], squares[p]
                co, si = cosine[p], sine[p]
                to_cosine, to_sine = e00 + e11, e01 - x * e10
                to_rates[nr + p] -= dt * (to_cosine * co + to_sine * si)
                to_squares[p] += (
                    pair_slope(rate, x, dt, co, si) * to_sine - 0.5 * dt * si * to_cosine - si * e10
                )
                to_dt += to_cosine * (-rate * co - x * si) + to_sine * (co - rate * si)
            if dense:
                for a in range(dense):
                    for b in range(dense):
                        total = 0.0
                        for k in range(size):
                            total += bar_s[simple + a, k] * product[k, simple + b]
                        total *= 2
                        for c in range(columns):
                            total += bar_state[c, simple + a] * moved[c, simple + b]
                        bar_phi[a, b] = total
                to_dt += dense_adjoint(
                    shape, products, rates, squares, dt, factors, bar_phi, to_rates, to_squares
                )
            # Through Phi, then through M = S + d w w' and f + w z.
            backward_rows(shape, bar_s, real, cosine, sine, other, phi, product)
            backward_columns(shape, product, real, cosine, sine, other, phi, bar_s)
            for j in range(size):
                total = 0.0
                for k in range(size):
                    total += bar_s[j, k] * w[k]
                bar_w[j] = 2 * d * total
                bar_d += w[j] * total
            for c in range(columns):
                backward_vector(shape, bar_state, c, real, cosine, sine, other, phi, scratch)
                total = 0.0
                for j in range(size):
                    bar_w[j] += bar_state[c, j] * z[c]
                    total += bar_state[c, j] * w[j]
                bar_z[c] += total
        # w = (v - S u) / d, d = power + variance - u' S u, z = y - u' f.
        for j in range(size):
            bar_d -= w[j] * bar_w[j] * inverse
        for j in range(size):
            to_v[at, j] += bar_w[j] * inverse
            bar_t[j] = -bar_w[j] * inverse - bar_d * u[at, j]
        to_power[at] += bar_d
        to_variance[row] = bar_d
        to_residual[row] = bar_z[0]
        for j in range(size):
            total = -bar_d * (v[at, j] - d * w[j])
            for k in range(size):
                total += s[j, k] * bar_t[k]
            for c in range(columns):
                total -= bar_z[c] * state[c, j]
            to_u[at, j] += total
        for j in range(size):
            for k in range(size):
                bar_s[j, k] += 0.5 * (bar_t[j] * u[at, k] + u[at, j] * bar_t[k])
        for c in range(columns):
            for j in range(size):
                bar_state[c, j] -= u[at, j] * bar_z[c]
        # t_i ends one interval and begins the next; the lag comes off the time.
        to_lag[at] += to_dt
        if i < n - 1:
            to_lag[band[order[i + 1]]] -= to_dt
    return density, to_residual, to_variance, to_u, to_v, to_power, to_rates, to_squares, to_lag


def flat_products(layout: Layout) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Factors of the products as flat arrays: sizes, number and dimension of each product."""
    return (
        np.array([s for sizes in layout.products for s in sizes], dtype=np.int64),
        np.array([len(sizes) for sizes in layout.products], dtype=np.int64),
        np.array([math.prod(sizes) for sizes in layout.products], dtype=np.int64),
    )


@cache
def passes(layout: Layout, columns: int) -> Passes:
    """Value and gradient for one layout and number of coefficients: compiled once, kept on disk."""
    shape = (layout.reals, layout.pairs, layout.size - layout.reals - 2 * layout.pairs)
    flat = flat_products(layout)
    right_sides = 1 + columns

    @njit(**COMPILE)
    def own_value(residual, variance, u, v, power, rates, squares, lag, width, time, band, basis):
        return value(
            shape,
            flat,
            right_sides,
            residual,
            variance,
            u,
            v,
            power,
            rates,
            squares,
            lag,
            width,
            time,
            band,
            basis,
        )

    @njit(**COMPILE)
    def own_gradient(
        residual, variance, u, v, power, rates, squares, lag, width, time, band, basis
    ):
        return gradient(
            shape,
            flat,
            right_sides,
            residual,
            variance,
            u,
            v,
            power,
            rates,
            squares,
            lag,
            width,
            time,
            band,
            basis,
        )

    return Passes(own_value, own_gradient)
