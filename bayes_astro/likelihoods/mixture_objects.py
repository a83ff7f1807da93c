"""Single objects under a mixture of Gaussians: what their measurement says of the true value."""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel
from bayes_astro.likelihoods.mixture_blocks import BLOCK, DIAGONAL, PROJECTED, SHARED, Blocks

__all__ = ["conditionals", "draw_true_values"]

_LOG_2PI = math.log(2 * math.pi)


@kernel
def _read_point(table, offset, n, m, kind, columns, d, i, x, noise, projection):
    """Value, covariance and projection of point `i` of a block, as plain matrices."""
    form = kind % PROJECTED
    at = offset + 1 + n
    for j in range(m):
        x[j] = table[at + j * n + i]
    at += m * n
    noise[:m, :m] = 0.0
    if form == DIAGONAL:
        for j in range(m):
            noise[j, j] = table[at + j * n + i]
        at += m * n
    else:
        entry = 0
        for j in range(m):
            for k in range(j + 1):
                where = at + entry if form == SHARED else at + entry * n + i
                noise[j, k] = noise[k, j] = table[where]
                entry += 1
        at += entry if form == SHARED else entry * n
    projection[:m, :] = 0.0
    for j in range(m):
        if kind >= PROJECTED:
            for k in range(d):
                projection[j, k] = table[at + (j * d + k) * n + i]
        else:
            projection[j, columns[j]] = 1.0


@kernel
def conditionals(table, blocks, columns, weight, mean, covariance, background):
    """Of every point, in the order of the blocks, what is known of its true value.

    Returns
    -------
    log_share : (n, K) array
        Log weight times density of each component.
    centre : (n, K, d) array
    spread : (n, K, d, d) array
        Mean and covariance of the true value given the component: m + V R'u and V - V R'W R V.
    log_uniform : (n,) array
        The same as `log_share` for the uniform component.
    """
    components, d = mean.shape
    total = 0
    widest = 1
    for b in range(blocks.shape[0]):
        total += blocks[b, 0]
        widest = max(widest, blocks[b, 1])
    log_share = np.empty((total, components))
    centre = np.empty((total, components, d))
    spread = np.empty((total, components, d, d))
    log_uniform = np.full(total, -np.inf)
    x, noise, projection = np.empty(widest), np.empty((widest, widest)), np.empty((widest, d))
    matrix, gain, residual = np.empty((widest, widest)), np.empty((widest, d)), np.empty(widest)
    point = 0
    for b in range(blocks.shape[0]):
        n, m, offset, pattern, kind = blocks[b]
        for i in range(n):
            _read_point(table, offset, n, m, kind, columns[pattern], d, i, x, noise, projection)
            if background > 0.0:
                log_uniform[point] = math.log(background) + table[offset]
            for k in range(components):
                # gain = L^-1 R V and residual = L^-1 (x - R m), with T = L L'
                for j in range(m):
                    residual[j] = x[j]
                    for a in range(d):
                        residual[j] -= projection[j, a] * mean[k, a]
                        gain[j, a] = 0.0
                        for c in range(d):
                            gain[j, a] += projection[j, c] * covariance[k, c, a]
                log_density = -0.5 * m * _LOG_2PI
                for j in range(m):
                    for e in range(j + 1):
                        entry = noise[j, e]
                        for a in range(d):
                            entry += gain[j, a] * projection[e, a]
                        matrix[j, e] = entry
                for j in range(m):
                    for e in range(j + 1):
                        entry = matrix[j, e]
                        for p in range(e):
                            entry -= matrix[j, p] * matrix[e, p]
                        matrix[j, e] = math.sqrt(entry) if j == e else entry / matrix[e, e]
                for j in range(m):
                    for e in range(j):
                        residual[j] -= matrix[j, e] * residual[e]
                        for a in range(d):
                            gain[j, a] -= matrix[j, e] * gain[e, a]
                    residual[j] /= matrix[j, j]
                    log_density -= 0.5 * residual[j] ** 2 + math.log(matrix[j, j])
                    for a in range(d):
                        gain[j, a] /= matrix[j, j]
                log_share[point, k] = log_density + (
                    math.log(weight[k]) if weight[k] > 0.0 else -np.inf
                )
                for a in range(d):
                    entry = mean[k, a]
                    for j in range(m):
                        entry += gain[j, a] * residual[j]
                    centre[point, k, a] = entry
                    for c in range(a + 1):
                        entry = covariance[k, a, c]
                        for j in range(m):
                            entry -= gain[j, a] * gain[j, c]
                        spread[point, k, a, c] = spread[point, k, c, a] = entry
            point += 1
    return log_share, centre, spread, log_uniform


def draw_true_values(
    points: Blocks,
    weight: np.ndarray,
    mean: np.ndarray,
    covariance: np.ndarray,
    seed: int,
    most: int = 20_000,
) -> np.ndarray:
    """One draw of the true values, scaled, of all points or of about `most`: (n, d).

    Of many points whole blocks are taken, at random.
    """
    rng = np.random.default_rng(seed)
    table, blocks, columns = points.arrays()
    wanted = max(1, most // BLOCK)
    if len(blocks) > wanted:
        blocks = blocks[np.sort(rng.choice(len(blocks), wanted, replace=False))]
    log_share, centre, spread, _ = conditionals(
        table, blocks, columns, weight, mean, covariance, 0.0
    )
    noise = rng.gumbel(size=log_share.shape)
    chosen = np.argmax(log_share + noise, axis=1)
    rows = np.arange(len(chosen))
    values, vectors = np.linalg.eigh(spread[rows, chosen])
    unit = rng.standard_normal((len(chosen), points.d)) * np.sqrt(np.maximum(values, 0.0))
    return centre[rows, chosen] + np.einsum("nij,nj->ni", vectors, unit)
