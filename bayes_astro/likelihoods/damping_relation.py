r"""The relation of damping time and mass, objects known by draws from fits of their own.

The equations are those of `ba.HierarchicalDRW`. With q_k the weights of an object's draws under the
population (a softmax of the summands), r_k = t_k - line and v the variance about the line,

.. code-block:: text

    A = d log L_i / d line = sum_k q_k r_k / v
    B = d log L_i / d v    = sum_k q_k (r_k^2 / v - 1) / 2v

and everything else follows from how line and v depend on the parameters.
"""

from __future__ import annotations

import math

from bayes_astro.likelihoods.memory import floats, likelihood, matrix, opened

__all__ = ["RELATION"]

_LOG_2PI = math.log(2 * math.pi)


@likelihood
def RELATION(values, gradient, data, wanted):
    """Values: intercept, slope, scatter, mass_mean, mass_width.

    Data: pivot; log_mass and its error; log_tau (n, k); log_prior (n, k).
    """
    values, gradient, index = opened(values, gradient, data)
    pivot = floats(index, 0)[0]
    masses, draws, priors = matrix(index, 1), matrix(index, 2), matrix(index, 3)
    intercept, slope, scatter, centre, width = values[0], values[1], values[2], values[3], values[4]
    square, total = width * width, 0.0
    n, count = draws.shape
    for i in range(n):
        mass, error = masses[0, i], masses[1, i] * masses[1, i]
        both = error + square
        off = mass - centre
        shrunken = mass - off * error / both
        line = intercept + slope * (shrunken - pivot)
        variance = scatter * scatter + slope * slope * error * square / both
        if not variance > 0.0:
            return -math.inf
        inverse = 1.0 / variance
        top = -math.inf
        for k in range(count):
            r = draws[i, k] - line
            top = max(top, -0.5 * r * r * inverse - priors[i, k])
        whole = first = second = 0.0
        for k in range(count):
            r = draws[i, k] - line
            q = math.exp(-0.5 * r * r * inverse - priors[i, k] - top)
            whole += q
            first += q * r
            second += q * r * r
        total += top + math.log(whole / count) - 0.5 * (math.log(variance) + _LOG_2PI)
        total -= 0.5 * (off * off / both + math.log(both) + _LOG_2PI)
        to_line = first / whole * inverse
        to_variance = 0.5 * inverse * (second / whole * inverse - 1.0)
        ratio = error / both
        gradient[0] += to_line
        gradient[1] += to_line * (shrunken - pivot) + to_variance * 2.0 * slope * ratio * square
        gradient[2] += to_variance * 2.0 * scatter
        gradient[3] += off / both + to_line * slope * ratio
        to_square = 0.5 * (off * off / both - 1.0) / both
        to_square += to_line * slope * off * ratio / both + to_variance * slope * slope * ratio**2
        gradient[4] += 2.0 * width * to_square
    return total
