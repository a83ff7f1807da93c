r"""N(z) in bins, tied together by a walk or a Gaussian process.

phi_0 = 0 and the others are mode + F u with the free unit vector u; the fractions are their softmax,

.. code-block:: text

    n_j = exp phi_j / sum exp phi,    d/dphi_j = n_j (d/dn_j - sum_k n_k d/dn_k)

with the likelihood of `likelihoods.population`, and phi has the density of normal increments, of normals,
or of `likelihoods.matern_differences`.
"""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods import bin_fractions as population
from bayes_astro.likelihoods import matern_differences
from bayes_astro.likelihoods.memory import floats, likelihood, matrix, opened

__all__ = ["INDEPENDENT", "SMOOTH", "WALK"]

_LOG_2PI = math.log(2 * math.pi)

fractions_of = population.fractions


@likelihood
def WALK(values, gradient, data, wanted):
    """Values: step, u. Data: mode, factor, ratio."""
    values, gradient, index = opened(values, gradient, data)
    mode, factor, ratio = floats(index, 0), matrix(index, 1), matrix(index, 2)
    phi, toward = np.empty(len(mode) + 1), np.empty(len(mode) + 1)
    total = fractions_of(mode, factor, ratio, values[1:], phi, toward)
    square, step = 0.0, values[0]
    for j in range(1, len(phi)):
        jump = phi[j] - phi[j - 1]
        square += jump * jump
        toward[j] -= jump / step**2
        toward[j - 1] += jump / step**2
    n = len(mode)
    gradient[0] = square / step**3 - n / step
    population.to_unit(factor, toward, gradient[1:])
    return total - 0.5 * square / step**2 - n * (math.log(step) + 0.5 * _LOG_2PI)


@likelihood
def INDEPENDENT(values, gradient, data, wanted):
    """The same without ties: every phi is normal about zero."""
    values, gradient, index = opened(values, gradient, data)
    mode, factor, ratio = floats(index, 0), matrix(index, 1), matrix(index, 2)
    phi, toward = np.empty(len(mode) + 1), np.empty(len(mode) + 1)
    total = fractions_of(mode, factor, ratio, values[1:], phi, toward)
    square, step = 0.0, values[0]
    for j in range(1, len(phi)):
        square += phi[j] * phi[j]
        toward[j] -= phi[j] / step**2
    n = len(mode)
    gradient[0] = square / step**3 - n / step
    population.to_unit(factor, toward, gradient[1:])
    return total - 0.5 * square / step**2 - n * (math.log(step) + 0.5 * _LOG_2PI)


@likelihood
def SMOOTH(values, gradient, data, wanted):
    """Values: amplitude, length, u. Data: mode, factor, ratio, middles of the bins."""
    values, gradient, index = opened(values, gradient, data)
    mode, factor, ratio, z = floats(index, 0), matrix(index, 1), matrix(index, 2), floats(index, 3)
    phi, toward = np.empty(len(mode) + 1), np.empty(len(mode) + 1)
    total = fractions_of(mode, factor, ratio, values[2:], phi, toward)
    own, to_phi, to_amplitude, to_length = matern_differences.value_and_gradient(
        phi[1:], values[0], values[1], z
    )
    for j in range(len(mode)):
        toward[1 + j] += to_phi[j]
    gradient[0], gradient[1] = to_amplitude, to_length
    population.to_unit(factor, toward, gradient[2:])
    return total + own
