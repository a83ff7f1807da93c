"""Inverse-Wishart densities of covariances given by their Cholesky factors."""

import numpy as np
from numba import njit

__all__ = ["value_and_gradient"]


@njit(cache=True, error_model="numpy")
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
    inverse = np.zeros((d, d))
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
        half = inverse @ scale  # L^-1 scale
        value -= 0.5 * np.sum(half * inverse)
        # W scale W L = L^-T (L^-1 scale L^-T)
        full = inverse.T @ (half @ inverse.T)
        for i in range(d):
            for j in range(i + 1):
                gradient[k, i, j] = full[i, j]
    return value, gradient
