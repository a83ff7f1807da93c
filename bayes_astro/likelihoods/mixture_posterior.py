r"""The posterior of a mixture in the coordinates that it is sampled in.

Shares of the free weights, free means, and triangles of the free covariances V = L L' by rows, with
logarithms on the diagonal (`density.coordinates.Layout`). Beside the likelihood (`likelihoods.mixture`) it
holds the inverse Wishart prior with its Jacobian,

.. code-block:: text

    -1/2 tr(psi V^-1) - (nu + d + 1) sum_j log L_jj + sum_j (d - j + 1) log L_jj + const

and sends the gradient by V back to L: dV = dL L' + L dL', so that d/dL = 2 (d/dV) L on the triangle, times
L_jj for the logarithms.
"""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods import inverse_wishart, mixture
from bayes_astro.likelihoods.compiled import kernel
from bayes_astro.likelihoods.memory import (
    cube,
    floats,
    likelihood,
    matrix,
    opened,
    whole_matrix,
    wholes,
)

__all__ = ["CLASSES", "MIXTURE"]


ARRAYS = 11  # of one mixture in an index


@kernel
def of_one(values, gradient, index, first):
    """Values: shares (if several are free), free means, triangles.

    Data, from the array `first` of the index: table, blocks, columns of the points; fixed weights, means, covariances with nan where free;
    places of the free ones; numbers: what fixed weights leave, degrees of freedom, constant of a
    triangle, offset of the points, whether there is a uniform component; psi.
    """
    table, blocks = floats(index, first), whole_matrix(index, first + 1)
    columns, fixed_weight = whole_matrix(index, first + 2), floats(index, first + 3)
    fixed_mean, fixed_covariance = matrix(index, first + 4), cube(index, first + 5)
    free_weight, free_mean = wholes(index, first + 6), wholes(index, first + 7)
    free_covariance = wholes(index, first + 8)
    numbers, psi = floats(index, first + 9), matrix(index, first + 10)
    remainder, nu, constant, offset, uniform = (
        numbers[0], numbers[1], numbers[2], numbers[3], numbers[4],
    )  # fmt: skip
    components, d = fixed_mean.shape
    shared = len(free_weight) if len(free_weight) > 1 else 0
    triangle, at = d * (d + 1) // 2, shared
    shares = fixed_weight.copy()
    for i in range(len(free_weight)):
        shares[free_weight[i]] = remainder * (values[i] if shared else 1.0)
    mean, covariance = fixed_mean.copy(), fixed_covariance.copy()
    for i in range(len(free_mean)):
        for j in range(d):
            mean[free_mean[i], j] = values[at + i * d + j]
    at += len(free_mean) * d
    factor = np.zeros((len(free_covariance), d, d))
    for i in range(len(free_covariance)):
        inverse_wishart.from_entries(values[at + i * triangle :], factor[i])
        own = covariance[free_covariance[i]]
        for j in range(d):
            for k in range(d):
                own[j, k] = 0.0
                for m in range(min(j, k) + 1):
                    own[j, k] += factor[i, j, m] * factor[i, k, m]
    weight = shares[:components].copy()
    background = shares[components] if uniform > 0.0 else 0.0
    value, to_weight, to_mean, to_covariance, to_background = mixture.value_and_gradient(
        weight, mean, covariance, background, table, blocks, columns
    )
    if not value > -np.inf:
        return -np.inf
    trace, to_factor = inverse_wishart.value_and_gradient(factor, psi)
    value += offset + trace + constant * len(free_covariance)
    for i in range(shared):
        place = free_weight[i]
        gradient[i] = remainder * (to_weight[place] if place < components else to_background)
    for i in range(len(free_mean)):
        for j in range(d):
            gradient[shared + i * d + j] = to_mean[free_mean[i], j]
    for i in range(len(free_covariance)):
        own = gradient[at + i * triangle :]
        slope = to_covariance[free_covariance[i]]
        value += inverse_wishart.to_entries(slope, factor[i], to_factor[i], nu, own)
    return value


@likelihood
def MIXTURE(values, gradient, data, wanted):
    """One mixture: see `of_one`."""
    values, gradient, index = opened(values, gradient, data)
    return of_one(values, gradient, index, 0)


@likelihood
def CLASSES(values, gradient, data, wanted):
    """A mixture for each class, and how often each class is: sum_c n_c log fraction_c + sum_c log L_c.

    Values: fractions, then of each class in turn those of `of_one`. Data: the arrays of each class in
    turn; rows of each class; where the values of each class begin, and the end of the last.
    """
    values, gradient, index = opened(values, gradient, data)
    classes = (len(index) - 2) // (4 * ARRAYS)
    counts, begin = floats(index, ARRAYS * classes), wholes(index, ARRAYS * classes + 1)
    total = 0.0
    for c in range(classes):
        total += counts[c] * math.log(values[c])
        gradient[c] += counts[c] / values[c]
        own = slice(begin[c], begin[c + 1])
        total += of_one(values[own], gradient[own], index, ARRAYS * c)
        if not total > -np.inf:
            return -np.inf
    return total
