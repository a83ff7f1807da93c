r"""Kernels of factor analysis with an error for every pixel and gaps.

Row i of n, pixel j of p, K factors; symmetric matrices are packed by rows of their lower triangle.

.. code-block:: text

    x_ij = mean_j + sum_k L_kj z_ik + e_ij,   z_i ~ N(0, I),   e_ij ~ N(0, v_ij),   w_ij = 1 / v_ij, 0 in gaps
    M_i = I + sum_j w_ij L_j L_j',   h_i = sum_j w_ij (x_ij - mean_j) L_j
    z_i | x_i ~ N(M_i^-1 h_i, M_i^-1)
    log p(x_i) = -1/2 [sum_j w r^2 - h' M^-1 h + log |M| + sum_j log(2 pi v)]

All M_i are one product of matrices, (n, p) with (p, K (K + 1) / 2): what is here is what stands about those
products. The conditional of (mean_j, L_j) given z has the same form with rows and pixels exchanged.
"""

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel

__all__ = [
    "draw_precisions", "noise_scores", "packed_squares", "pixel_log_densities", "solved", "transform",
    "weighted", "with_covariance",
]  # fmt: skip


@kernel
def weighted(x, variance, mean, floor, scale, weight, residual):
    """Fill weights and weighted residuals (n, p), and return by row sum w r^2 and sum log(2 pi v).

    Parameters
    ----------
    x, variance : (n, p) arrays
        Values, and squares of stated errors; in gaps anything finite, and infinity.
    mean, floor : (p,) arrays
        The floor as a variance, which is added.
    scale : (n, p) or (1, 1) array
        Precisions by which variances are divided; of one entry: none.
    """
    n, p = x.shape
    quadratic, logarithm = np.zeros(n), np.zeros(n)
    plain = scale.size == 1 and n * p > 1
    for i in range(n):
        total, product, power = 0.0, 1.0, 0.0
        for j in range(p):
            v = variance[i, j] + floor[j]
            if not v < np.inf:
                weight[i, j] = 0.0
                residual[i, j] = 0.0
                continue
            if not plain:
                v /= scale[i, j]
            w = 1.0 / v
            r = x[i, j] - mean[j]
            weight[i, j] = w
            residual[i, j] = w * r
            total += w * r * r
            # One logarithm for many factors.
            product *= v * 6.283185307179586
            if not 1e-100 < product < 1e100:
                power += math.log(product)
                product = 1.0
        quadratic[i] = total
        logarithm[i] = power + math.log(product)
    return quadratic, logarithm


@kernel
def packed_squares(rows, found):
    """Fill products of entries a >= b of each row, (n, K) to (n, K (K + 1) / 2)."""
    n, k = rows.shape
    for i in range(n):
        at = 0
        for a in range(k):
            for b in range(a + 1):
                found[i, at] = rows[i, a] * rows[i, b]
                at += 1


@kernel
def with_covariance(mean, covariance, found):
    """Fill packed E[(1, z)(1, z)'], (n, (K + 1)(K + 2) / 2), from means (n, K) and packed covariances."""
    n, k = mean.shape
    for i in range(n):
        found[i, 0] = 1.0
        at, own = 1, 0
        for a in range(k):
            found[i, at] = mean[i, a]
            at += 1
            for b in range(a + 1):
                found[i, at] = mean[i, a] * mean[i, b] + covariance[i, own]
                at += 1
                own += 1


@kernel
def solved(precision, linear, prior, unit, mean, covariance):
    """For every row: the Gaussian of precision M + diag(prior) and linear term h.

    Fills means, or draws where `unit` has normals for each entry; packed covariances where there is room for
    them. Returns by row log |M| and h' M^-1 h; log |M| is nan where M is not positive definite.

    Parameters
    ----------
    precision : (n, K (K + 1) / 2) array
        Packed.
    linear : (n, K) array
    prior : (n, K) or (1, K) array
        Added to the diagonal.
    unit : (n, K) or (0, 0) array
    mean : (n, K) array
    covariance : (n, K (K + 1) / 2) or (0, 0) array
    """
    n, k = linear.shape
    rows = prior.shape[0]
    factor, inverse, y = np.zeros((k, k)), np.zeros((k, k)), np.zeros(k)
    logarithm, quadratic = np.zeros(n), np.zeros(n)
    for i in range(n):
        at = 0
        for a in range(k):
            for b in range(a + 1):
                total = precision[i, at]
                at += 1
                if a == b:
                    total += prior[i % rows, a]
                for c in range(b):
                    total -= factor[a, c] * factor[b, c]
                if a == b:
                    factor[a, a] = math.sqrt(total) if total > 0.0 else np.nan
                else:
                    factor[a, b] = total / factor[b, b]
        log_det, square = 0.0, 0.0
        for a in range(k):
            total = linear[i, a]
            for c in range(a):
                total -= factor[a, c] * y[c]
            y[a] = total / factor[a, a]
            square += y[a] * y[a]
            log_det += 2.0 * math.log(factor[a, a])
        logarithm[i], quadratic[i] = log_det, square
        if unit.shape[0]:
            for a in range(k):
                y[a] += unit[i, a]
        for a in range(k - 1, -1, -1):
            total = y[a]
            for c in range(a + 1, k):
                total -= factor[c, a] * mean[i, c]
            mean[i, a] = total / factor[a, a]
        if covariance.shape[0]:
            for a in range(k):
                inverse[a, a] = 1.0 / factor[a, a]
                for b in range(a):
                    total = 0.0
                    for c in range(b, a):
                        total -= factor[a, c] * inverse[c, b]
                    inverse[a, b] = total / factor[a, a]
            at = 0
            for a in range(k):
                for b in range(a + 1):
                    total = 0.0
                    for c in range(a, k):
                        total += inverse[c, a] * inverse[c, b]
                    covariance[i, at] = total
                    at += 1
    return logarithm, quadratic


@kernel
def pixel_log_densities(residual, variance, floor, degrees, found):
    """Add up over rows the log densities of residuals (n, p), by pixel: normal, or Student's t.

    Parameters
    ----------
    floor : (p,) array
        A variance, added to those of the rows, which are infinite in gaps.
    degrees : float
        Of freedom; infinity: normal.
    """
    n, p = residual.shape
    for j in range(p):
        found[j] = 0.0
    normal = not degrees < np.inf
    constant = -0.5 * math.log(2 * math.pi)
    if not normal:
        constant = math.lgamma(0.5 * (degrees + 1)) - math.lgamma(0.5 * degrees)
        constant -= 0.5 * math.log(math.pi * degrees)
    for i in range(n):
        for j in range(p):
            v = variance[i, j] + floor[j]
            if not v < np.inf:
                continue
            q = residual[i, j] * residual[i, j] / v
            if normal:
                found[j] += constant - 0.5 * (math.log(v) + q)
            else:
                found[j] += constant - 0.5 * (math.log(v) + (degrees + 1) * math.log1p(q / degrees))


@kernel
def draw_precisions(rng, residual, variance, floor, degrees, scale):
    """Fill u_ij ~ Gamma((nu + 1) / 2, (nu + r^2 / v) / 2), by which Student's t is a mixture of normals."""
    n, p = residual.shape
    for i in range(n):
        for j in range(p):
            v = variance[i, j] + floor[j]
            if not v < np.inf:
                scale[i, j] = 1.0
                continue
            rate = 0.5 * (degrees + residual[i, j] * residual[i, j] / v)
            scale[i, j] = rng.standard_gamma(0.5 * (degrees + 1)) / rate


@kernel
def transform(zz, component, precision, n, normals, uniforms, to_z):
    """One round of transformations that leave sum_k L_kj z_ik as it is, each drawn given all else.

    Scales z_k / c, c L_k, and shears z_k + c z_l, L_l - c L_k. The first has the density
    c^(p - n) exp(-1/2 [sum z_k^2 / c^2 + c^2 sum_j P_kj L_kj^2]) of log c, which is drawn from a Gaussian
    about its mode and accepted by Metropolis & Hastings; the others are Gaussian. Where errors are small
    these are what turns of z and L alone hardly move: the covariance of the coefficients.

    Parameters
    ----------
    zz : (K, K) array
        z'z; overwritten.
    component : (K, p) array
        L; changed in its place.
    precision : (K, p) array
        P of the prior of L.
    n : int
        Spectra.
    normals : (K, K) array
    uniforms : (K,) array
    to_z : (K, K) array
        Filled: new z is z @ to_z'.
    """
    k, p = component.shape
    for a in range(k):
        for b in range(k):
            to_z[a, b] = 1.0 if a == b else 0.0
    for a in range(k):
        z2, l2 = zz[a, a], 0.0
        for j in range(p):
            l2 += precision[a, j] * component[a, j] * component[a, j]
        # The mode solves l2 c^4 - (p - n) c^2 - z2 = 0.
        half = 0.5 * (p - n)
        root = math.sqrt(half * half + l2 * z2)
        square = (half + root) / l2 if half >= 0 else z2 / (root - half)
        mode = 0.5 * math.log(square)
        width = 1.0 / math.sqrt(2.0 * (z2 / square + l2 * square))
        s = mode + width * normals[a, a]
        new = (p - n) * s - 0.5 * (z2 * math.exp(-2 * s) + l2 * math.exp(2 * s))
        new += 0.5 * normals[a, a] ** 2
        old = -0.5 * (z2 + l2) + 0.5 * (mode / width) ** 2
        if math.log(uniforms[a]) < new - old:
            c = math.exp(s)
            for j in range(p):
                component[a, j] *= c
            for b in range(k):
                zz[a, b] /= c
                to_z[a, b] /= c
            for b in range(k):
                zz[b, a] /= c
    for a in range(k):
        for b in range(k):
            if a == b:
                continue
            total, pull = zz[b, b], -zz[a, b]
            for j in range(p):
                held = precision[b, j] * component[a, j]
                total += held * component[a, j]
                pull += held * component[b, j]
            c = pull / total + normals[a, b] / math.sqrt(total)
            for j in range(p):
                component[b, j] -= c * component[a, j]
            for m in range(k):
                zz[a, m] += c * zz[b, m]
                to_z[a, m] += c * to_z[b, m]
            for m in range(k):
                zz[m, a] += c * zz[m, b]


@kernel
def noise_scores(squares, variance, floor, slope, fisher):
    """Fill by pixel the slope of the log likelihood of residuals by log floor, and its Fisher information.

    Parameters
    ----------
    squares : (n, p) array
        Expected squares of residuals.
    variance : (n, p) array
        Infinite in gaps.
    floor : (p,) array
        A variance, the square of what the derivative is by.
    """
    n, p = squares.shape
    for j in range(p):
        slope[j] = 0.0
        fisher[j] = 0.0
    for i in range(n):
        for j in range(p):
            v = variance[i, j] + floor[j]
            if v < np.inf:
                share = floor[j] / v
                slope[j] += share * (squares[i, j] / v - 1.0)
                fisher[j] += 2.0 * share * share
