"""Inverse-Wishart densities of covariances given by their Cholesky factors."""

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel

__all__ = ["from_entries", "to_entries", "value_and_gradient"]


@kernel
def value_and_gradient(factor, scale):
    """-1/2 sum_k tr(scale V_k^-1) for V = L L', and its gradient with respect to each L.

    With W = V^-1 the gradient is W scale W L, since dV = dL L' + L dL'.

    Parameters
    ----------
    factor : (K, d, d) array
        L, lower triangular with a positive diagonal.
    scale : (d, d) array
    """
    components, d = factor.shape[0], factor.shape[1]
    value = 0.0
    gradient = np.zeros_like(factor)
    inverse, half, inner = np.zeros((d, d)), np.zeros((d, d)), np.zeros((d, d))
    for k in range(components):
        for j in range(d):
            if not factor[k, j, j] > 0.0:
                return -np.inf, np.zeros_like(factor)
            inverse[j, j] = 1.0 / factor[k, j, j]
            for i in range(j + 1, d):
                total = 0.0
                for p in range(j, i):
                    total -= factor[k, i, p] * inverse[p, j]
                inverse[i, j] = total / factor[k, i, i]
        # half = L^-1 scale; W scale W L = L^-T (half L^-T)
        for i in range(d):
            for j in range(d):
                half[i, j] = 0.0
                for p in range(i + 1):
                    half[i, j] += inverse[i, p] * scale[p, j]
        for i in range(d):
            for j in range(d):
                inner[i, j] = 0.0
                for p in range(j + 1):
                    inner[i, j] += half[i, p] * inverse[j, p]
            value -= 0.5 * inner[i, i]
        for i in range(d):
            for j in range(i + 1):
                for p in range(i, d):
                    gradient[k, i, j] += inverse[p, i] * inner[p, j]
    return value, gradient


@kernel
def from_entries(entries, factor):
    """Fill L (d, d) from its lower triangle by rows, logarithms on the diagonal."""
    at = 0
    for i in range(len(factor)):
        for j in range(i):
            factor[i, j] = entries[at + j]
        factor[i, i] = math.exp(entries[at + i])
        at += i + 1


@kernel
def to_entries(slope, factor, to_factor, nu, gradient):
    """Fill the gradient by the entries of one L, and return the rest of the density of V = L L'.

    The gradient by V, `slope`, and what the prior has by L, `to_factor`, go to dV = dL L' + L dL'. The
    rest is sum_j (d - j + 1 - (nu + d + 1)) log L_jj: of the prior, and of the Jacobian.
    """
    d, at, value = len(factor), 0, 0.0
    for i in range(d):
        power = (d - i + 1) - (nu + d + 1)
        for j in range(i + 1):
            total = to_factor[i, j]
            for m in range(j, d):
                total += 2.0 * slope[i, m] * factor[m, j]
            if j < i:
                gradient[at + j] = total
            else:
                gradient[at + i] = total * factor[i, i] + power
                value += power * math.log(factor[i, i])
        at += i + 1
    return value
