r"""Prediction of a Gaussian process in O(N + M): filter forward, smooth backward, draw.

Rows are the observations and the times asked for, merged and sorted; the latter are rows without
an observation. Forward, the recursion of `likelihoods.semiseparable` gives the predicted state f_i
and S_i. Backward (de Jong 1989; Durbin & Koopman 2001), with r and N what later rows say,

.. code-block:: text

    r <- Phi' r,  N <- Phi' N Phi                          from row i + 1 to row i
    r <- u z / d + r - u (w' r)
    N <- u u' / d + (I - w u')' N (I - w u')               where row i is observed

and for any combination h of the state with h' P = (v_h - S u_h)' = p',

.. code-block:: text

    mean = u_h' f + p' r,   variance = power_h - u_h' S u_h - p' N p

which needs no more of the stationary covariance than v: u_h and v_h of a component are those of the
row with the other blocks set to zero. A joint draw of the curve is a draw from the prior plus the
smoothed difference between the data and the same data made from it (Matheron's rule).
"""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel
from bayes_astro.likelihoods.semiseparable_steps import (
    backward_columns,
    backward_rows,
    backward_vector,
    forward_columns,
    forward_rows,
    forward_vector,
    transition,
)
from bayes_astro.likelihoods.transitions import COMPILE

__all__ = ["innovations", "simulate", "smooth"]

PLAIN = COMPILE | {"fastmath": {"contract"}}
SINGULAR = 1e-13  # of the variance: below, a row follows from those before it


@kernel(**PLAIN)
def _scratch(shape, products):
    nr, npairs, dense = shape
    return (
        np.zeros(max(nr, 1)),
        np.zeros(max(npairs, 1)),
        np.zeros(max(npairs, 1)),
        np.zeros(max(npairs, 1)),
        np.zeros((len(products[0]), 3, 3)),
        np.zeros((max(dense, 1), max(dense, 1))),
        np.zeros(max(dense, 1)),
    )


@kernel(**PLAIN)
def _filter(
    shape, products, rates, squares, u, v, power, time, band, observed, variance, value,
    tape_s, tape_w, tape_d, tape_state, tape_z,
):  # fmt: skip
    """The forward recursion with its tape; rows that are not observed take nothing."""
    nr, npairs, dense = shape
    size, n, columns = nr + 2 * npairs + dense, len(time), len(value)
    real, cosine, sine, other, factors, phi, scratch = _scratch(shape, products)
    product = np.zeros((size, size))
    last = -1.0
    for i in range(n):
        at = band[i]
        s, w = tape_s[i], tape_w[i]
        if i > 0:
            dt = time[i] - time[i - 1]
            if dt != last:
                transition(
                    shape, products, rates, squares, dt, real, cosine, sine, other, factors, phi
                )
                last = dt
            gain, d = tape_w[i - 1], tape_d[i - 1]
            for j in range(size):
                for k in range(size):
                    s[j, k] = tape_s[i - 1, j, k] + d * gain[j] * gain[k]
            forward_rows(shape, s, real, cosine, sine, other, phi, product)
            forward_columns(shape, product, real, cosine, sine, other, phi, s)
            for c in range(columns):
                for j in range(size):
                    tape_state[c, i, j] = tape_state[c, i - 1, j] + gain[j] * tape_z[c, i - 1]
                forward_vector(shape, tape_state[:, i], c, real, cosine, sine, other, phi, scratch)
        else:
            s[:] = 0.0
            tape_state[:, 0] = 0.0
        if not observed[i]:
            w[:] = 0.0
            tape_d[i] = 0.0
            tape_z[:, i] = 0.0
            continue
        d = power[at] + variance[i]
        for j in range(size):
            total = 0.0
            for k in range(size):
                total += s[j, k] * u[at, k]
            w[j] = v[at, j] - total
            d -= u[at, j] * total
        if d <= SINGULAR * power[at]:
            w[:] = 0.0
            d = 0.0
        else:
            for j in range(size):
                w[j] /= d
        tape_d[i] = d
        for c in range(columns):
            total = value[c, i]
            for j in range(size):
                total -= u[at, j] * tape_state[c, i, j]
            tape_z[c, i] = total if d > 0 else 0.0


@kernel(**PLAIN)
def _tapes(size, n, columns):
    return (
        np.zeros((n, size, size)),
        np.zeros((n, size)),
        np.zeros(n),
        np.zeros((columns, n, size)),
        np.zeros((columns, n)),
    )


@kernel(**PLAIN)
def innovations(shape, products, rates, squares, u, v, power, time, band, variance, residual):
    """One-step-ahead residuals and their variances, of rows in order of time."""
    size = shape[0] + 2 * shape[1] + shape[2]
    tapes = _tapes(size, len(time), 1)
    everything = np.ones(len(time), dtype=np.bool_)
    _filter(
        shape, products, rates, squares, u, v, power, time, band, everything, variance,
        residual.reshape(1, -1), *tapes,
    )  # fmt: skip
    return tapes[4][0], tapes[2]


@kernel(**PLAIN)
def simulate(shape, products, rates, squares, u, v, power, time, band, normals):
    """A draw of the process at sorted times, from unit normals: its factor L times them."""
    nr, npairs, dense = shape
    size, n = nr + 2 * npairs + dense, len(time)
    real, cosine, sine, other, factors, phi, scratch = _scratch(shape, products)
    s, product = np.zeros((size, size)), np.zeros((size, size))
    w, state, path = np.zeros(size), np.zeros((1, size)), np.zeros(n)
    d = noise = 0.0
    for i in range(n):
        at = band[i]
        if i > 0:
            dt = time[i] - time[i - 1]
            transition(shape, products, rates, squares, dt, real, cosine, sine, other, factors, phi)
            for j in range(size):
                for k in range(size):
                    s[j, k] += d * w[j] * w[k]
            forward_rows(shape, s, real, cosine, sine, other, phi, product)
            forward_columns(shape, product, real, cosine, sine, other, phi, s)
            for j in range(size):
                state[0, j] += w[j] * noise
            forward_vector(shape, state, 0, real, cosine, sine, other, phi, scratch)
        d = power[at]
        for j in range(size):
            total = 0.0
            for k in range(size):
                total += s[j, k] * u[at, k]
            w[j] = v[at, j] - total
            d -= u[at, j] * total
        if d <= SINGULAR * power[at]:
            w[:] = 0.0
            d = noise = 0.0
        else:
            for j in range(size):
                w[j] /= d
            noise = math.sqrt(d) * normals[i]
        total = noise
        for j in range(size):
            total += u[at, j] * state[0, j]
        path[i] = total
    return path


@kernel(**PLAIN)
def smooth(
    shape, products, rates, squares, u, v, power, time, band, observed, variance, residual,
    masks, mask_power, normals,
):  # fmt: skip
    """Mean and variance of the process at every row, of its components, and one joint draw.

    Parameters
    ----------
    residual : array (n,)
        Observation less the mean function; anything where not `observed`.
    masks : array (c, J)
        One on the blocks of a component, zero elsewhere.
    mask_power : array (c, bands)
        Variance of each component in each band.
    normals : array (2, n)
        Unit normals of the draw.

    Returns
    -------
    mean, variance, draw : arrays (n,)
    component_mean, component_variance : arrays (c, n)
    """
    nr, npairs, dense = shape
    size, n, parts = nr + 2 * npairs + dense, len(time), len(masks)
    prior = simulate(shape, products, rates, squares, u, v, power, time, band, normals[0])
    value = np.empty((2, n))
    for i in range(n):
        value[0, i] = residual[i]
        value[1, i] = residual[i] - prior[i] - math.sqrt(variance[i]) * normals[1, i]
    tapes = _tapes(size, n, 2)
    _filter(
        shape, products, rates, squares, u, v, power, time, band, observed, variance, value, *tapes
    )
    tape_s, tape_w, tape_d, tape_state, tape_z = tapes
    real, cosine, sine, other, factors, phi, scratch = _scratch(shape, products)
    later, product = np.zeros((size, size)), np.zeros((size, size))
    r = np.zeros((2, size))
    own_u, own_v, p, moved = np.zeros(size), np.zeros(size), np.zeros(size), np.zeros(size)
    mean, spread, draw = np.zeros(n), np.zeros(n), np.zeros(n)
    part_mean, part_spread = np.zeros((parts, n)), np.zeros((parts, n))
    last = -1.0
    for i in range(n - 1, -1, -1):
        at = band[i]
        if i < n - 1:
            dt = time[i + 1] - time[i]
            if dt != last:
                transition(
                    shape, products, rates, squares, dt, real, cosine, sine, other, factors, phi
                )
                last = dt
            for c in range(2):
                backward_vector(shape, r, c, real, cosine, sine, other, phi, scratch)
            backward_rows(shape, later, real, cosine, sine, other, phi, product)
            backward_columns(shape, product, real, cosine, sine, other, phi, later)
        if observed[i] and tape_d[i] > 0:
            w, d = tape_w[i], tape_d[i]
            for c in range(2):
                total = tape_z[c, i] / d
                for j in range(size):
                    total -= w[j] * r[c, j]
                for j in range(size):
                    r[c, j] += u[at, j] * total
            whole = 1 / d
            for j in range(size):
                total = 0.0
                for k in range(size):
                    total += later[j, k] * w[k]
                moved[j] = total
                whole += w[j] * total
            for j in range(size):
                for k in range(size):
                    later[j, k] += (
                        u[at, j] * u[at, k] * whole - u[at, j] * moved[k] - moved[j] * u[at, k]
                    )
        for part in range(-1, parts):
            for j in range(size):
                inside = 1.0 if part < 0 else masks[part, j]
                own_u[j], own_v[j] = inside * u[at, j], inside * v[at, j]
            own_power = power[at] if part < 0 else mask_power[part, at]
            for j in range(size):
                total = own_v[j]
                for k in range(size):
                    total -= tape_s[i, j, k] * own_u[k]
                p[j] = total
            centre, extra = 0.0, 0.0
            for j in range(size):
                centre += own_u[j] * tape_state[0, i, j] + p[j] * r[0, j]
                extra += own_u[j] * tape_state[1, i, j] + p[j] * r[1, j]
                own_power -= own_u[j] * (own_v[j] - p[j])
                total = 0.0
                for k in range(size):
                    total += later[j, k] * p[k]
                own_power -= p[j] * total
            if part < 0:
                mean[i], spread[i], draw[i] = centre, max(own_power, 0.0), prior[i] + extra
            else:
                part_mean[part, i], part_spread[part, i] = centre, max(own_power, 0.0)
    return mean, spread, draw, part_mean, part_spread
