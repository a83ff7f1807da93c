r"""How types and redshifts depend on magnitude: the likelihood of `photoz.magnitude_prior`, with gradient.

The equations stand there. Everything is computed in classes of magnitude m: log p(t | m), log P(bin | class,
m) and the normalisation of the latter. Shares of the summands of every object are collected as the
derivative by these logarithms, A_mt and B_mck, which then go back through

.. code-block:: text

    softmax        d/dx_t = A_t - p_t sum_s A_s
    bins           value_k = shape log z_k - (z_k / z_m)^shape + const;  log P_k = value_k - log sum exp value
    z_m            log z_m = log depth + growth (m - m0)
"""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel
from bayes_astro.likelihoods.memory import floats, likelihood, matrix, opened, wholes

__all__ = ["TEMPLATES"]


@kernel
def _power(argument):
    """exp of an argument within 60, and whether it is."""
    inside = -60.0 <= argument <= 60.0
    return math.exp(min(max(argument, -60.0), 60.0)), inside


@kernel
def _types(weight, fading, class_of, centred, kinds):
    """log p(t | m): (M, T)."""
    for m in range(len(centred)):
        top = -np.inf
        for t in range(len(weight)):
            value = math.log(weight[t])
            if len(fading):
                value += fading[class_of[t]] * centred[m]
            kinds[m, t] = value
            top = max(top, value)
        whole = 0.0
        for t in range(len(weight)):
            whole += math.exp(kinds[m, t] - top)
        for t in range(len(weight)):
            kinds[m, t] -= top + math.log(whole)


@kernel
def _redshifts(log_depth, shape, log_z, log_width, bins, norm):
    """log P of every bin (M, C, K) and the log normalisation (M, C)."""
    for m in range(log_depth.shape[0]):
        for c in range(len(shape)):
            top = -np.inf
            for k in range(len(log_z)):
                power, _ = _power(shape[c] * (log_z[k] - log_depth[m, c]))
                bins[m, c, k] = shape[c] * log_z[k] - power + log_width[k]
                top = max(top, bins[m, c, k])
            whole = 0.0
            for k in range(len(log_z)):
                whole += math.exp(bins[m, c, k] - top)
            norm[m, c] = top + math.log(whole)
            for k in range(len(log_z)):
                bins[m, c, k] -= norm[m, c]


@likelihood
def TEMPLATES(values, gradient, data, wanted):
    """Values: weight (T), depth, fading (or none), growth, shape by class.

    Data: class of every type; class of magnitude of every object with known redshift, and of others;
    m - m0 of the classes; log z and log width of the bins; log z of the known ones; ratio (n, T);
    cells (n', T K).
    """
    values, gradient, index = opened(values, gradient, data)
    class_of, known, others = wholes(index, 0), wholes(index, 1), wholes(index, 2)
    centred, grid, log_redshift = floats(index, 3), matrix(index, 4), floats(index, 5)
    ratio, cells = matrix(index, 6), matrix(index, 7)
    log_z, log_width = grid[0], grid[1]
    types, classes, size = len(class_of), 1, len(log_z)
    for t in range(types):
        classes = max(classes, class_of[t] + 1)
    faded = len(values) == types + 4 * classes
    weight = values[:types]
    depth = values[types : types + classes]
    fading = values[types + classes : types + 2 * classes] if faded else values[:0]
    rest = types + (2 if faded else 1) * classes
    growth, shape = values[rest : rest + classes], values[rest + classes : rest + 2 * classes]
    count = len(centred)
    kinds, log_depth = np.empty((count, types)), np.empty((count, classes))
    bins, norm = np.empty((count, classes, size)), np.empty((count, classes))
    _types(weight, fading, class_of, centred, kinds)
    for m in range(count):
        for c in range(classes):
            log_depth[m, c] = math.log(depth[c]) + growth[c] * centred[m]
    _redshifts(log_depth, shape, log_z, log_width, bins, norm)
    to_kinds, to_bins = np.zeros((count, types)), np.zeros((count, classes, size))
    to_depth, to_norm = np.zeros((count, classes)), np.zeros((count, classes))
    to_shape = gradient[rest + classes : rest + 2 * classes]
    total, terms, density = 0.0, np.empty(types), np.empty(classes)
    for i in range(len(known)):
        m, z = known[i], log_redshift[i]
        for c in range(classes):
            power, _ = _power(shape[c] * (z - log_depth[m, c]))
            density[c] = math.exp(shape[c] * z - power - norm[m, c])
        whole = 0.0
        for t in range(types):
            terms[t] = ratio[i, t] * math.exp(kinds[m, t]) * density[class_of[t]]
            whole += terms[t]
        if not whole > 0.0:
            return -np.inf
        total += math.log(whole)
        for t in range(types):
            share, c = terms[t] / whole, class_of[t]
            to_kinds[m, t] += share
            to_norm[m, c] -= share
            power, inside = _power(shape[c] * (z - log_depth[m, c]))
            to_shape[c] += share * z
            if inside:
                to_shape[c] -= share * power * (z - log_depth[m, c])
                to_depth[m, c] += share * power * shape[c]
    if len(others):
        table, toward = np.empty((count, types * size)), np.zeros((count, types * size))
        for m in range(count):
            for t in range(types):
                for k in range(size):
                    table[m, t * size + k] = math.exp(kinds[m, t] + bins[m, class_of[t], k])
        for i in range(len(others)):
            m, whole = others[i], 0.0
            for j in range(types * size):
                whole += table[m, j] * cells[i, j]
            if not whole > 0.0:
                return -np.inf
            total += math.log(whole)
            share = 1.0 / whole
            for j in range(types * size):
                toward[m, j] += share * cells[i, j]
        for m in range(count):
            for t in range(types):
                for k in range(size):
                    share = toward[m, t * size + k] * table[m, t * size + k]
                    to_kinds[m, t] += share
                    to_bins[m, class_of[t], k] += share
    for m in range(count):
        for c in range(classes):
            lost = to_norm[m, c]
            for k in range(size):
                lost -= to_bins[m, c, k]
            for k in range(size):
                own = to_bins[m, c, k] + lost * math.exp(bins[m, c, k])
                power, inside = _power(shape[c] * (log_z[k] - log_depth[m, c]))
                to_shape[c] += own * log_z[k]
                if inside:
                    to_shape[c] -= own * power * (log_z[k] - log_depth[m, c])
                    to_depth[m, c] += own * power * shape[c]
            gradient[types + c] += to_depth[m, c] / depth[c]
            gradient[rest + c] += to_depth[m, c] * centred[m]
        whole = 0.0
        for t in range(types):
            whole += to_kinds[m, t]
        for t in range(types):
            own = to_kinds[m, t] - math.exp(kinds[m, t]) * whole
            gradient[t] += own / weight[t]
            if faded:
                gradient[types + classes + class_of[t]] += own * centred[m]
    return total
