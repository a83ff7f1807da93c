r"""The distribution of a population from what is known of each member.

With likelihoods r_ij of object i in bin j, up to a constant for each object, and the fraction n_j of the
population in each bin,

.. code-block:: text

    log L = sum_i log sum_j n_j r_ij,      d log L / d n_j = sum_i r_ij / sum_k n_k r_ik

in one pass over the objects.
"""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel

__all__ = ["fractions", "to_unit", "value_and_gradient"]


@kernel(fastmath={"reassoc", "contract"})
def value_and_gradient(fraction, ratio):
    """Log likelihood and its gradient.

    Parameters
    ----------
    fraction : (J,) array
    ratio : (n, J) array
        Likelihoods; the largest of each row should be about one.
    """
    n, bins = ratio.shape
    value, product, held = 0.0, 1.0, 0
    gradient = np.zeros(bins)
    for i in range(n):
        row = ratio[i]
        total = 0.0
        for j in range(bins):
            total += fraction[j] * row[j]
        if not total > 0.0:
            return -np.inf, np.zeros(bins)
        # One logarithm for several objects.
        product *= total
        held += 1
        if held == 16 or product < 1e-200 or product > 1e200:
            value += math.log(product)
            product, held = 1.0, 0
        share = 1.0 / total
        for j in range(bins):
            gradient[j] += share * row[j]
    return value + math.log(product), gradient


@kernel
def fractions(mode, factor, ratio, unit, phi, toward):
    """Log likelihood of phi = (0, mode + factor unit), and its gradient by phi, put into `toward`."""
    n = len(mode)
    phi[0] = top = 0.0
    for i in range(n):
        total = mode[i]
        for j in range(n):
            total += factor[i, j] * unit[j]
        phi[1 + i] = total
        top = max(top, total)
    fraction, whole = np.empty(n + 1), 0.0
    for j in range(n + 1):
        fraction[j] = math.exp(phi[j] - top)
        whole += fraction[j]
    for j in range(n + 1):
        fraction[j] /= whole
    value, gradient = value_and_gradient(fraction, ratio)
    mean = 0.0
    for j in range(n + 1):
        mean += fraction[j] * gradient[j]
    for j in range(n + 1):
        toward[j] = fraction[j] * (gradient[j] - mean)
    return value


@kernel
def to_unit(factor, toward, gradient):
    """The gradient by the unit vector, from that by phi."""
    n = factor.shape[0]
    for j in range(n):
        total = 0.0
        for i in range(n):
            total += factor[i, j] * toward[1 + i]
        gradient[j] = total
