r"""Templates against fluxes, the amplitude integrated out.

With precisions w_b = 1 / sigma_b^2 (0 where missing), the fluxes f of an object and F_b of a template,
and a flat prior on the amplitude a > 0,

.. code-block:: text

    int_0^inf da exp(-1/2 sum_b w_b (f_b - a F_b)^2)
        = exp(-1/2 sum_b w_b f_b^2) sqrt(2 pi / TT) exp(x^2 / 2) Phi(x)
    TT = sum_b w_b F_b^2,    OT = sum_b w_b f_b F_b,    x = OT / sqrt(TT)

and with a table of prior probabilities P of template t and redshift bin j, one for each class m of
magnitude, p(j | f) is proportional to sum_t P_mtj TT_tj^(-1/2) exp(x_tj^2 / 2) Phi(x_tj).
"""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel

__all__ = ["posterior", "table_value_and_gradient"]

OPTIONS = {"fastmath": {"reassoc", "contract"}}
NEGLIGIBLE = 40.0


@kernel(forceinline=True, **OPTIONS)
def _tail(x):
    """exp(x^2 / 2) Phi(x) for x < 0."""
    y = -x / math.sqrt(2.0)
    if y < 25.0:
        return 0.5 * math.exp(y * y) * math.erfc(y)
    return 0.5 / (y * math.sqrt(math.pi)) * (1 - 0.5 / y**2)


@kernel(**OPTIONS)
def posterior(flux, precision, model, table, which):
    """Probabilities of redshift bins, of templates, and log evidences.

    Parameters
    ----------
    flux, precision : (n, B) arrays
        A missing band has precision 0 and any finite flux.
    model : (T, B, J) array
        Fluxes of the templates, F_b = 1 in a band of reference.
    table : (M, T, J) array
        Prior probabilities.
    which : (n,) integers
        Row of `table` for each object.

    Returns
    -------
    bins : (n, J) array
        Rows sum to one; those of an object whose every probability underflows are nan.
    types : (n, T) array
    log_evidence : (n,) array
        log sum_tj P_mtj int_0^inf da prod_b N(f_b; a F_b, sigma_b^2), over measured bands.
    chi_squared : (n,) array
        Of the best template and redshift.
    """
    n, bands = flux.shape
    kinds, _, size = model.shape
    bins = np.zeros((n, size))
    types = np.zeros((n, kinds))
    log_evidence = np.empty(n)
    chi_squared = np.empty(n)
    exponent = np.empty((kinds, size))
    factor = np.empty((kinds, size))
    ot, tt = np.empty(size), np.empty(size)
    for i in range(n):
        highest, squares, constant = 0.0, 0.0, 0.0
        for b in range(bands):
            squares += precision[i, b] * flux[i, b] ** 2
            if precision[i, b] > 0:
                constant += 0.5 * math.log(precision[i, b] / (2 * math.pi))
        for t in range(kinds):
            ot[:] = 0.0
            tt[:] = 0.0
            for b in range(bands):
                w = precision[i, b]
                wf = w * flux[i, b]
                row = model[t, b]
                for j in range(size):
                    ot[j] += wf * row[j]
                    tt[j] += w * row[j] * row[j]
            for j in range(size):
                root = math.sqrt(tt[j]) if tt[j] > 0 else 1.0
                x = ot[j] / root
                if x > 0:
                    half = 0.5 * x * x
                    exponent[t, j] = half
                    factor[t, j] = 1.0 / root
                    if x < 6.0:
                        factor[t, j] *= 0.5 * math.erfc(-x / math.sqrt(2.0))
                    highest = max(highest, half)
                else:
                    exponent[t, j] = 0.0
                    factor[t, j] = _tail(x) / root
        prior = table[which[i]]
        total = 0.0
        for t in range(kinds):
            own = 0.0
            for j in range(size):
                off = highest - exponent[t, j]
                if off < NEGLIGIBLE:
                    value = math.exp(-off) * factor[t, j] * prior[t, j]
                    bins[i, j] += value
                    own += value
            types[i, t] = own
            total += own
        share = 1.0 / total if total > 0 else np.nan
        for j in range(size):
            bins[i, j] *= share
        for t in range(kinds):
            types[i, t] *= share
        logarithm = math.log(total) if total > 0 else -np.inf
        log_evidence[i] = (
            logarithm + highest - 0.5 * squares + constant + 0.5 * math.log(2 * math.pi)
        )
        chi_squared[i] = squares - 2 * highest
    return bins, types, log_evidence, chi_squared


@kernel(**OPTIONS)
def table_value_and_gradient(table, ratio, which):
    """sum_i log sum_j table_(which_i) j ratio_ij, and its gradient by the table.

    Parameters
    ----------
    table : (M, J) array
    ratio : (n, J) array
        Likelihoods; the largest of each row should be about one.
    which : (n,) integers
    """
    n, size = ratio.shape
    value = 0.0
    gradient = np.zeros(table.shape)
    for i in range(n):
        m = which[i]
        row, prior = ratio[i], table[m]
        total = 0.0
        for j in range(size):
            total += prior[j] * row[j]
        if not total > 0.0:
            return -np.inf, np.zeros(table.shape)
        value += math.log(total)
        share = 1.0 / total
        for j in range(size):
            gradient[m, j] += share * row[j]
    return value, gradient
