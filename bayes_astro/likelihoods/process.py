r"""The posterior of a Gaussian process: formulas on a tape, the recursion behind an address.

Mean function and tables of the kernel are computed by a tape (`likelihoods.tape`) from the parameters; what
they are of a light curve is

.. code-block:: text

    residual = value - basis centre - mean,    variance = (error^2 + jitter_band^2) / precision

and its log likelihood with the derivatives by residual, variance and tables is that of
`likelihoods.semiseparable` for the layout of the kernel. The tape carries them back to the parameters.
"""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods import tape
from bayes_astro.likelihoods.compiled import kernel
from bayes_astro.likelihoods.memory import (
    call,
    floats,
    likelihood,
    matrix,
    opened,
    whole_matrix,
    wholes,
)

__all__ = ["PROCESS", "draw_coefficients"]

# Of the first array.
MEAN, JITTER, JITTERS, PRECISION, ADDRESS, VALUE_ADDRESS, RECURSION, COEFFICIENTS = range(8)


@kernel
def _packed(values, index, work, packed):
    """Residuals, variances and tables at given parameters, as the recursion takes them."""
    numbers, program, lists = wholes(index, 0), whole_matrix(index, 1), wholes(index, 2)
    entries, rows, band = wholes(index, 4), matrix(index, 5), wholes(index, 6)
    n = rows.shape[1]
    tape.forward(program, lists, values, work)
    mean, step = 0, 0
    if numbers[MEAN] >= 0:
        mean = program[numbers[MEAN], tape.PLACE]
        step = 0 if program[numbers[MEAN], tape.LENGTH] == 1 else 1
    for i in range(n):
        packed[i] = rows[0, i] - (work[mean + i * step] if numbers[MEAN] >= 0 else 0.0)
        variance = rows[1, i]
        if numbers[JITTERS] > 0:
            jitter = values[numbers[JITTER] + (band[i] if numbers[JITTERS] > 1 else 0)]
            variance += jitter * jitter
        if numbers[PRECISION] >= 0:
            variance /= values[numbers[PRECISION] + i]
        packed[n + i] = variance
    for k in range(len(entries)):
        packed[2 * n + k] = work[program[entries[k], tape.PLACE]]
        if not math.isfinite(packed[2 * n + k]):
            return False
    return True


@likelihood
def PROCESS(values, gradient, data, wanted):
    """Values: parameters of kernel, bands, noise and mean; precisions; unit normals of coefficients.

    Data: node of the mean (or -1), place and number of the jitters, place of the precisions (or -1),
    addresses of the recursion with its gradient, of its value, and of its own data, number of
    coefficients; program; lists; constants; nodes of the tables' entries; rows value - basis centre and
    error^2; band of each row.
    """
    values, gradient, index = opened(values, gradient, data)
    numbers, program, lists = wholes(index, 0), whole_matrix(index, 1), wholes(index, 2)
    constants, entries = floats(index, 3), wholes(index, 4)
    rows, band = matrix(index, 5), wholes(index, 6)
    n, count, p = rows.shape[1], len(entries), numbers[COEFFICIENTS]
    work = constants.copy()
    packed, toward = np.empty(2 * n + count), np.zeros(2 * n + count + p + p * p)
    if not _packed(values, index, work, packed):
        return -np.inf
    address = numbers[ADDRESS] if wanted else numbers[VALUE_ADDRESS]
    total = call(address, packed.ctypes.data, toward.ctypes.data, numbers[RECURSION], wanted)
    if not wanted or not total > -np.inf:
        return total
    adjoint = np.zeros(len(work))
    mean, step = 0, 0
    if numbers[MEAN] >= 0:
        mean = program[numbers[MEAN], tape.PLACE]
        step = 0 if program[numbers[MEAN], tape.LENGTH] == 1 else 1
    for i in range(n):
        if numbers[MEAN] >= 0:
            adjoint[mean + i * step] -= toward[i]
        to_variance = toward[n + i]
        if numbers[PRECISION] >= 0:
            precision = values[numbers[PRECISION] + i]
            gradient[numbers[PRECISION] + i] -= to_variance * packed[n + i] / precision
            to_variance /= precision
        if numbers[JITTERS] > 0:
            place = numbers[JITTER] + (band[i] if numbers[JITTERS] > 1 else 0)
            gradient[place] += 2.0 * values[place] * to_variance
    for k in range(count):
        adjoint[program[entries[k], tape.PLACE]] += toward[2 * n + k]
    tape.backward(program, lists, work, adjoint, gradient)
    return total


@kernel
def draw_coefficients(index, values, units, out):
    """Linear coefficients (m, p) given parameters (m, ...) and everything else, less their centre.

    Their conditional mean, and its spread times unit normals (m, p).
    """
    numbers, constants = wholes(index, 0), floats(index, 3)
    n, count, p = matrix(index, 5).shape[1], len(wholes(index, 4)), numbers[COEFFICIENTS]
    packed, toward = np.empty(2 * n + count), np.zeros(2 * n + count + p + p * p)
    lower = np.zeros((p, p))
    for s in range(values.shape[0]):
        for i in range(p):
            out[s, i] = np.nan
        if not _packed(values[s], index, constants.copy(), packed):
            continue
        call(
            numbers[VALUE_ADDRESS], packed.ctypes.data, toward.ctypes.data, numbers[RECURSION],
            numbers[COEFFICIENTS],
        )  # fmt: skip
        for i in range(p):
            for j in range(i + 1):
                total = toward[p + i * p + j]
                for k in range(j):
                    total -= lower[i, k] * lower[j, k]
                lower[i, j] = math.sqrt(total) if i == j else total / lower[j, j]
        for i in range(p):
            out[s, i] = toward[i]
            for j in range(i + 1):
                out[s, i] += lower[i, j] * units[s, j]
