r"""Priors and transforms of all tasks: one kernel, driven by a table.

A density is sampled over a flat vector x without bounds. Every parameter v is a function of its
coordinate, and the density of x is that of v times the Jacobian,

.. code-block:: text

    identity      v = x
    logarithm     v = lower + exp(x)                                    log J = x
    interval      v = lower + (upper - lower) s,  s = 1 / (1 + e^-x)    log J = log (upper - lower) s (1 - s)
    log-interval  log v in an interval, itself uniform there            (the density is that of log v)
    half-sum      v = exp((x + x') / 2), x' the coordinate of another     log J = log v / 2
    score         v = a + b F^-1(Phi(x)), F of a horseshoe                 log J + log density = log phi(x)
    simplex       v = softmax(x_1, ..., x_(n-1), -sum x)                log J = log n + sum log v

A row of the table is one coordinate (or one simplex): what it is, its places in x and v, and the
numbers of its prior. Nothing of it is part of machine code.
"""

from __future__ import annotations

import math

import numpy as np
from numba import carray, types

from bayes_astro.likelihoods.compiled import Callback, kernel
from bayes_astro.likelihoods.horseshoe_score import horseshoe_value
from bayes_astro.likelihoods.memory import call, floats_at, wholes_at

__all__ = [
    "COLUMNS",
    "DENSITY",
    "constrain",
    "constrain_many",
    "evaluate",
    "evaluate_many",
    "pull_back",
]

# Columns of the table.
COLUMNS = 11
KIND, TRANSFORM, X_AT, VALUE_AT, COUNT, A, B, C, LOWER, UPPER, CONSTANT = range(COLUMNS)

# Kinds of density, up to the constant of the row.
(
    FLAT, NORMAL, STUDENT_T, LOG_NORMAL, GAMMA, INVERSE_GAMMA, BETA, RAYLEIGH, DIRICHLET, LAPLACE,
) = range(10)  # fmt: skip
IDENTITY, LOGARITHM, INTERVAL, LOG_INTERVAL, SIMPLEX, HALF_SUM, SCORE = range(7)

# The header that `DENSITY` reads.
ADDRESS, SIZE, VALUES, ROWS, TABLE, DATA, FRAME = range(7)


@kernel
def _log_density(kind, v, a, b, c):
    """Log density up to a constant, and its derivative."""
    if kind == NORMAL:  # mean, standard deviation
        z = (v - a) / b
        return -0.5 * z * z, -z / b
    if kind == STUDENT_T:  # degrees of freedom, centre, scale
        z = (v - b) / c
        return -0.5 * (a + 1) * math.log1p(z * z / a), -(a + 1) * z / (a + z * z) / c
    if kind == LAPLACE:  # centre, scale
        z = (v - a) / b
        return -abs(z), -math.copysign(1.0, z) / b
    if kind == LOG_NORMAL:  # of the logarithm: mean, standard deviation
        z = (math.log(v) - a) / b
        return -0.5 * z * z - math.log(v), -(z / b + 1) / v
    if kind == GAMMA:  # shape, rate
        return (a - 1) * math.log(v) - b * v, (a - 1) / v - b
    if kind == INVERSE_GAMMA:  # shape, scale
        return -(a + 1) * math.log(v) - b / v, -(a + 1) / v + b / (v * v)
    if kind == RAYLEIGH:  # scale
        return math.log(v) - 0.5 * (v / a) ** 2, 1 / v - v / (a * a)
    return 0.0, 0.0


@kernel
def constrain(table, x, values, slopes, gradient):
    """Parameters, their slopes dv/dx, and log prior with Jacobian; its gradient is put into `gradient`.

    Of a simplex, whose Jacobian is no diagonal, the slopes are the shares themselves.
    """
    total = 0.0
    for i in range(len(x)):
        gradient[i] = 0.0
    for r in range(table.shape[0]):
        row = table[r]
        kind, transform = int(row[KIND]), int(row[TRANSFORM])
        at, place = int(row[X_AT]), int(row[VALUE_AT])
        total += row[CONSTANT]
        if transform == SIMPLEX:
            total += _simplex(x, at, place, int(row[COUNT]), row[A], values, slopes, gradient)
            continue
        u = x[at]
        v, slope, log_jacobian, d_jacobian = u, 1.0, 0.0, 0.0
        share = rest = 0.0
        if transform == LOGARITHM:
            slope = math.exp(u)
            v, log_jacobian, d_jacobian = row[LOWER] + slope, u, 1.0
        elif transform == HALF_SUM:
            u = 0.5 * (u + x[int(row[COUNT])])
            v = math.exp(u)
            slope, log_jacobian, d_jacobian = 0.5 * v, u - math.log(2.0), 0.5
        elif transform in (INTERVAL, LOG_INTERVAL):
            # Both tails without cancellation.
            e = math.exp(-abs(u))
            small = e / (1 + e)
            share, rest = (1 - small, small) if u > 0 else (small, 1 - small)
            width = row[UPPER] - row[LOWER]
            v = row[LOWER] + width * share if u < 0 else row[UPPER] - width * rest
            slope = width * share * rest
            log_jacobian = math.log(width) - abs(u) - 2 * math.log1p(e)
            d_jacobian = rest - share
            if transform == LOG_INTERVAL:
                v = math.exp(v)
                slope *= v
        elif transform == SCORE:  # a unit normal is the density of x, with the Jacobian
            v, slope = horseshoe_value(u)
            v, slope, log_jacobian, d_jacobian = (
                row[A] + row[B] * v,
                row[B] * slope,
                -0.5 * u * u,
                -u,
            )
        if kind == BETA:  # both ends without cancellation
            a, b = row[A] - 1, row[B] - 1
            total += -(a * max(-u, 0.0) + b * max(u, 0.0)) - (a + b) * math.log1p(math.exp(-abs(u)))
            gradient[at] += a * rest - b * share + d_jacobian
        else:
            density, d_density = _log_density(kind, v, row[A], row[B], row[C])
            total += density
            gradient[at] += d_density * slope + d_jacobian
            if transform == HALF_SUM:
                gradient[int(row[COUNT])] += d_density * slope + d_jacobian
        values[place], slopes[place] = v, slope
        total += log_jacobian
    return total


@kernel
def _simplex(x, at, place, count, alpha, values, slopes, gradient):
    """Shares that sum to one, with the Dirichlet density of one concentration."""
    last = 0.0
    for i in range(count - 1):
        last -= x[at + i]
    top = last
    for i in range(count - 1):
        top = max(top, x[at + i])
    whole = math.exp(last - top)
    for i in range(count - 1):
        whole += math.exp(x[at + i] - top)
    log_whole = top + math.log(whole)
    total = 0.0
    for i in range(count):
        log_share = (x[at + i] if i < count - 1 else last) - log_whole
        total += log_share
        values[place + i] = slopes[place + i] = math.exp(log_share)
    # d(sum log share)/dx_i = n (share_last - share_i), since the coordinates sum to zero
    for i in range(count - 1):
        gradient[at + i] = alpha * count * (values[place + count - 1] - values[place + i])
    return alpha * total + math.log(float(count))


@kernel
def pull_back(table, slopes, toward, gradient):
    """Add the gradient with respect to the parameters, `toward`, to that of the coordinates."""
    for r in range(table.shape[0]):
        row = table[r]
        at, place = int(row[X_AT]), int(row[VALUE_AT])
        if int(row[TRANSFORM]) != SIMPLEX:
            gradient[at] += toward[place] * slopes[place]
            if int(row[TRANSFORM]) == HALF_SUM:
                gradient[int(row[COUNT])] += toward[place] * slopes[place]
            continue
        count = int(row[COUNT])
        mean = 0.0
        for i in range(count):
            mean += slopes[place + i] * toward[place + i]
        last = slopes[place + count - 1] * (toward[place + count - 1] - mean)
        for i in range(count - 1):
            gradient[at + i] += slopes[place + i] * (toward[place + i] - mean) - last


@kernel
def constrain_many(table, points, out):
    """Parameters at points (m, size): (m, values)."""
    slopes, gradient = np.empty(out.shape[1]), np.empty(points.shape[1])
    for i in range(points.shape[0]):
        constrain(table, points[i], out[i], slopes, gradient)


@kernel
def evaluate(header, x, gradient, wanted):
    """Log density at x (size,): prior, Jacobian and the likelihood at the header's address."""
    values = np.empty(header[VALUES])
    slopes = np.empty(header[VALUES])
    toward = np.zeros(header[VALUES])
    table = floats_at(header[TABLE], header[ROWS] * COLUMNS).reshape((header[ROWS], COLUMNS))
    total = constrain(table, x, values, slopes, gradient)
    if header[ADDRESS] != 0 and total > -np.inf:
        total += call(header[ADDRESS], values.ctypes.data, toward.ctypes.data, header[DATA], wanted)
        if wanted:
            pull_back(table, slopes, toward, gradient)
    if not math.isfinite(total):
        gradient[:] = 0.0
        return -np.inf
    return total


@kernel
def evaluate_many(header, points, out):
    """Log densities of points (m, size)."""
    scratch = np.empty(points.shape[1])
    for i in range(points.shape[0]):
        out[i] = evaluate(header, points[i], scratch, 0)


def _density(size, x, gradient, value, data):
    """What a Hamiltonian sampler calls by its address: 0, or 1 where there is no density.

    Where the header has a frame (c, F by rows), the sampler's x is u of c + F u.
    """
    header = wholes_at(data, 7)
    u, toward = carray(x, (size,)), carray(gradient, (size,))
    if header[FRAME] == 0:
        found = evaluate(header, u, toward, 1)
    else:
        n = header[SIZE]
        frame = floats_at(header[FRAME], n + n * n)
        point, slope = np.empty(n), np.empty(n)
        for i in range(n):
            point[i] = frame[i]
            for j in range(n):
                point[i] += frame[n + i * n + j] * u[j]
        found = evaluate(header, point, slope, 1)
        for j in range(n):
            total = 0.0
            for i in range(n):
                total += frame[n + i * n + j] * slope[i]
            toward[j] = total
    carray(value, (1,))[0] = found
    return 0 if math.isfinite(found) else 1


_numbers = types.CPointer(types.float64)
DENSITY = Callback(types.int64(types.uint64, _numbers, _numbers, _numbers, types.int64), _density)
