r"""Light curves by the law of their structure function, with gradients; series are independent.

The damped random walk is a scalar Kalman filter. With k = exp(-dt / tau), P = SF_inf^2 / 2, a state of
mean m and variance v, and y the value less its series' offset,

.. code-block:: text

    m <- k m,  v <- k^2 v + P (1 - k^2);    T = v + error^2,  z = y - m
    log L += -(z^2 / T + log 2 pi T) / 2;   m <- m + v z / T,  v <- v error^2 / T

and derivatives by P, tau and the offset are carried along with the state. The power law has a dense
covariance C (`variability.stationary_increments`); with a = C^-1 y,

.. code-block:: text

    d log L / d theta = 1/2 a' C' a - 1/2 tr C^-1 C',     d log L / d offset = 1' a
"""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel
from bayes_astro.likelihoods.memory import likelihood, matrix, opened, wholes

__all__ = ["POWER_LAW", "WALK"]

_LOG_2PI = math.log(2 * math.pi)


@likelihood
def WALK(values, gradient, data, wanted):
    """Values: sf_infinity, tau, offset of every series.

    Data: first row of each series and the end; rows time, value, error^2, series by series.
    """
    values, gradient, index = opened(values, gradient, data)
    starts, rows = wholes(index, 0), matrix(index, 1)
    time, value, error = rows[0], rows[1], rows[2]
    power, tau = 0.5 * values[0] * values[0], values[1]
    total = to_power = to_tau = 0.0
    for series in range(len(starts) - 1):
        offset, to_offset = values[2 + series], 0.0
        m = m_power = m_tau = m_offset = v_tau = 0.0
        v, v_power = power, 1.0
        for i in range(starts[series], starts[series + 1]):
            if i > starts[series]:
                step = time[i] - time[i - 1]
                k = math.exp(-step / tau)
                lost = -math.expm1(-2.0 * step / tau)
                slope = k * step / (tau * tau)
                m_tau = k * m_tau + slope * m
                v_tau = k * k * v_tau + 2.0 * k * slope * (v - power)
                m, m_power, m_offset = k * m, k * m_power, k * m_offset
                v, v_power = k * k * v + power * lost, k * k * v_power + lost
            variance = v + error[i]
            if not variance > 0.0:
                return -np.inf
            inverse = 1.0 / variance
            z = value[i] - offset - m
            total -= 0.5 * (z * z * inverse + math.log(variance) + _LOG_2PI)
            pull, widen = z * inverse, 0.5 * inverse * (z * z * inverse - 1.0)
            to_power += pull * m_power + widen * v_power
            to_tau += pull * m_tau + widen * v_tau
            to_offset += pull * (1.0 + m_offset)
            gain, rest = v * inverse, error[i] * inverse
            m += gain * z
            m_power = rest * m_power + v_power * rest * pull
            m_tau = rest * m_tau + v_tau * rest * pull
            m_offset = rest * m_offset - gain
            v, v_power, v_tau = v * rest, v_power * rest * rest, v_tau * rest * rest
        gradient[2 + series] = to_offset
    gradient[0] = to_power * values[0]
    gradient[1] = to_tau
    return total


@kernel
def _grown(lag, double):
    """lag^double and its derivative by the exponent, both zero at zero."""
    if not lag > 0.0:
        return 0.0, 0.0
    logarithm = math.log(lag)
    found = math.exp(double * logarithm)
    return found, found * logarithm


@likelihood
def POWER_LAW(values, gradient, data, wanted):
    """Values: sf_reference, gamma, offset of every series.

    Data: as of `WALK`, times in units of the reference lag; each series' origin is its first time.
    """
    values, gradient, index = opened(values, gradient, data)
    starts, rows = wholes(index, 0), matrix(index, 1)
    half, double = 0.5 * values[0] * values[0], 2.0 * values[1]
    total = to_half = to_double = 0.0
    for series in range(len(starts) - 1):
        first, n = starts[series], starts[series + 1] - starts[series]
        time, error = rows[0, first : first + n], rows[2, first : first + n]
        shape, slope = np.empty((n, n)), np.empty((n, n))
        for i in range(n):
            a, a_slope = _grown(time[i] - time[0], double)
            for j in range(i + 1):
                b, b_slope = _grown(time[j] - time[0], double)
                c, c_slope = _grown(abs(time[i] - time[j]), double)
                shape[i, j] = shape[j, i] = a + b - c
                slope[i, j] = slope[j, i] = a_slope + b_slope - c_slope
        matrix_, log_det = half * shape, 0.0
        for i in range(n):
            matrix_[i, i] += error[i]
        inverse = np.linalg.inv(matrix_)
        factor = np.linalg.cholesky(matrix_)
        solved = np.zeros(n)
        for i in range(n):
            log_det += 2.0 * math.log(factor[i, i])
            for j in range(n):
                solved[i] += inverse[i, j] * (rows[1, first + j] - values[2 + series])
        for i in range(n):
            residual = rows[1, first + i] - values[2 + series]
            total -= 0.5 * residual * solved[i]
            gradient[2 + series] += solved[i]
            for j in range(n):
                toward = 0.5 * (solved[i] * solved[j] - inverse[i, j])
                to_half += toward * shape[i, j]
                to_double += toward * half * slope[i, j]
        total -= 0.5 * (log_det + n * _LOG_2PI)
    gradient[0] = to_half * values[0]
    gradient[1] = 2.0 * to_double
    return total
