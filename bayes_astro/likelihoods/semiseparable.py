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

import numpy as np

from bayes_astro.likelihoods.compiled import kernel
from bayes_astro.likelihoods.semiseparable_steps import (
    all_steps,
    backward_columns,
    backward_rows,
    backward_vector,
    coefficients,
    dense_adjoint,
    forward_columns,
    forward_rows,
    forward_vector,
    in_order,
    take_step,
)
from bayes_astro.likelihoods.transitions import COMPILE, pair_slope

__all__ = []

_LOG_2PI = math.log(2 * math.pi)


@kernel(forceinline=True, **COMPILE)
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


@kernel(forceinline=True, **COMPILE)
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
