r"""Counts of sources above a background: sums over how many of them are the source's own.

Of n counts, k come from the source and j = n - k from the background; the likelihood of a source
with m counts off is the finite sum

.. code-block:: text

    p(n, m) = sum_{k=0}^{n} S(k) B(n - k, m)

S is Poisson with mean mu, whose rate was integrated out over a Gamma distribution of relative
variance phi; with phi = 0 the rate is known. For x = phi mu

.. code-block:: text

    log S(k) = R_phi(k) + k (log mu - log(1 + x)) - log(1 + x) / phi - log k!
    R_phi(k) = sum_{i<k} log(1 + i phi) = log [Gamma(k + 1/phi) phi^k / Gamma(1/phi)]
    d log S / d log mu = (k - mu) / (1 + x)
    d log S / d phi = sum_{i<k} i / (1 + i phi) + mu^2 g(x) - k mu / (1 + x)
    g(x) = log(1 + x) / x^2 - 1 / (x (1 + x))

the negative binomial distribution, written so that nothing cancels as phi goes to zero. B is that of
two counts with one background rate, itself Gamma distributed with relative variance psi: with "on"
and "off" the counts to be expected on and off the source, b their sum and y = psi b

.. code-block:: text

    log B(j, m) = R_psi(j + m) + j (log on - log(1 + y)) + m (log off - log(1 + y))
                  - log(1 + y) / psi - log j! - log m!

and a known background is psi = 0, m = 0, off = 0. R and its derivative are summed once for all
sources. With p_k the terms over their sum, every derivative is the mean of the term's own over p_k.

Log-normal rates, x_i = log rate_i ~ N(a, s^2), are sampled by u_i, a unit normal in the prior's table.
Where the counts alone say x = l_i within I_i^-1/2, x given both is roughly Gaussian, and u_i is x in
its units:

.. code-block:: text

    P = 1 / s^2 + I,   x = (a / s^2 + I l) / P + u / sqrt(P)
    log N(x; a, s^2) |dx/du| = log N(u; 0, 1) - (x - a)^2 / (2 s^2) + u^2 / 2 - log(s^2 P) / 2

so that u hardly depends on a and s, for few counts (I = 0: u is x in units of the population) and for
many. l and I are numbers of the data; whatever they are, the density is the same.
"""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel
from bayes_astro.likelihoods.memory import floats, likelihood, matrix, opened, whole_matrix, wholes

__all__ = [
    "GAMMA",
    "INDEPENDENT",
    "LOG_NORMAL",
    "NEGLIGIBLE",
    "RATES",
    "draw_counts",
    "fill_rising",
    "log_common",
    "log_over",
]

GAMMA, LOG_NORMAL, INDEPENDENT = range(3)
NEGLIGIBLE = -45.0  # logarithm of a term against the largest one


@kernel
def fill_rising(phi, rising, slope):
    """R_phi(k) and its derivative, for all k that the arrays have room for."""
    rising[0] = slope[0] = 0.0
    for k in range(1, len(rising)):
        rising[k] = rising[k - 1] + math.log1p((k - 1) * phi)
        slope[k] = slope[k - 1] + (k - 1) / (1.0 + (k - 1) * phi)


@kernel
def log_over(phi, mu):
    """log(1 + phi mu) / phi, and minus its derivative with respect to phi."""
    x = phi * mu
    if x > 0.01:
        log = math.log1p(x)
        return log / phi, mu * mu * (log / x - 1.0 / (1.0 + x)) / x
    first = second = 0.0
    power = 1.0
    for i in range(10):
        first += power / (i + 1)
        second += power * (i + 1) / (i + 2)
        power *= -x
    return mu * first, mu * mu * second


@kernel
def _terms(n, m, mu, phi, on, off, psi, rising, off_rising, factorial, out):
    """log [S(k) B(n - k, m)] for k = 0 to n but for what all have in common; the largest of them."""
    slope = math.log(mu) - math.log1p(phi * mu)
    if not on > 0.0:
        for k in range(n):
            out[k] = -math.inf
        out[n] = rising[n] + n * slope - factorial[n] + off_rising[m]
        return out[n]
    other = math.log(on) - math.log1p(psi * (on + off))
    top = -math.inf
    for k in range(n + 1):
        j = n - k
        out[k] = rising[k] + k * slope - factorial[k] + off_rising[j + m] + j * other - factorial[j]
        top = max(top, out[k])
    return top


@kernel
def log_common(m, mu, phi, on, off, psi, factorial):
    """What all terms have in common."""
    total = -log_over(phi, mu)[0] - log_over(psi, on + off)[0]
    if m > 0:
        total += m * (math.log(off) - math.log1p(psi * (on + off))) - factorial[m]
    return total


@kernel
def _source(n, m, mu, phi, on, off, psi, tables, factorial, out, slopes):
    """log p(n, m); its derivatives by log mu, phi, log(background rate) and psi into `slopes`.

    `tables` holds R_phi, its derivative, R_psi and its derivative.
    """
    if not mu > 0.0:
        return -math.inf
    top = _terms(n, m, mu, phi, on, off, psi, tables[0], tables[2], factorial, out)
    whole = own = by_phi = by_psi = 0.0
    first = 0 if on > 0.0 else n
    for k in range(first, n + 1):
        if out[k] > top + NEGLIGIBLE:
            p = math.exp(out[k] - top)
            whole += p
            own += p * k
            by_phi += p * tables[1, k]
            by_psi += p * tables[3, n - k + m]
    own /= whole
    b, away = on + off, n - own + m
    slopes[0] = (own - mu) / (1.0 + phi * mu)
    slopes[1] = by_phi / whole + log_over(phi, mu)[1] - own * mu / (1.0 + phi * mu)
    slopes[2] = (away - b) / (1.0 + psi * b)
    slopes[3] = by_psi / whole + log_over(psi, b)[1] - away * b / (1.0 + psi * b)
    return top + math.log(whole) + log_common(m, mu, phi, on, off, psi, factorial)


@likelihood
def RATES(values, gradient, data, wanted):
    """Values, for a population: mean (log-normal: median) rate and scatter; of a measured background
    its mean and scatter; of log-normal rates u of each source. For independent sources: the rates.

    Data: kind, whether the background was measured; counts on and off (2, n); exposures on and off
    (2, n); known background counts (n,); log k! of all k; for independent sources mean and relative
    variance of the background's prior (2, n); l and I of log-normal rates (2, n).
    """
    values, gradient, index = opened(values, gradient, data)
    kind, measured = wholes(index, 0)[0], wholes(index, 0)[1]
    counts, exposure, known = whole_matrix(index, 1), matrix(index, 2), floats(index, 3)
    factorial, prior, alone = floats(index, 4), matrix(index, 5), matrix(index, 6)
    n = counts.shape[1]
    tables, out = np.zeros((4, len(factorial))), np.empty(len(factorial))
    slopes = np.empty(4)
    phi = psi = background = total = 0.0
    units = 2
    if kind != INDEPENDENT:
        if measured:
            background, psi, units = values[2], values[3] * values[3], 4
            fill_rising(psi, tables[2], tables[3])
        if kind == GAMMA:
            phi = values[1] * values[1]
    fill_rising(phi, tables[0], tables[1])
    for i in range(n):
        if kind == GAMMA:
            rate = values[0]
        elif kind == LOG_NORMAL:
            u, precision = values[units + i], 1.0 / (values[1] * values[1])
            both = precision + alone[1, i]
            off_mean = alone[1, i] * (alone[0, i] - math.log(values[0])) / both
            off_mean += u / math.sqrt(both)  # x - a
            rate = values[0] * math.exp(off_mean)
            total += 0.5 * (u * u - precision * off_mean * off_mean - math.log(both / precision))
        else:
            rate = values[i]
            if measured:
                background = prior[0, i]
                if i == 0 or prior[1, i] != psi:
                    psi = prior[1, i]
                    fill_rising(psi, tables[2], tables[3])
        on = background * exposure[0, i] if measured else known[i]
        off = background * exposure[1, i]
        mu = rate * exposure[0, i]
        total += _source(
            counts[0, i], counts[1, i], mu, phi, on, off, psi, tables, factorial, out, slopes
        )
        if not total > -math.inf:
            return -math.inf
        if not wanted:
            continue
        if kind == INDEPENDENT:
            gradient[i] += slopes[0] / rate
            continue
        if kind == GAMMA:
            gradient[0] += slopes[0] / values[0]
            gradient[1] += slopes[1] * 2.0 * values[1]
        else:
            share = precision / both
            # By x - a: through the rate, and through the correction.
            by_off, by_level = slopes[0] - precision * off_mean, slopes[0]
            by_precision = -0.5 * off_mean * off_mean + 0.5 / precision - 0.5 / both
            off_by_precision = -(off_mean - u / math.sqrt(both)) / both - 0.5 * u / both**1.5
            by_precision += by_off * off_by_precision
            gradient[0] += (by_level - (1.0 - share) * by_off) / values[0]
            gradient[1] -= 2.0 * by_precision * precision / values[1]
            gradient[units + i] += by_off / math.sqrt(both) + u
        if measured:
            gradient[2] += slopes[2] / background
            gradient[3] += slopes[3] * 2.0 * values[3]
    return total


@kernel
def draw_counts(
    uniform, rate, phi, background, psi, counts, exposure, known, measured, factorial, expected, out
):
    """How many of the counts are the source's own: drawn by `uniform`, or their mean if `expected`.

    Of draws s and sources n: uniform, rate, phi, background, psi and out are (s, n); the rest as in
    `RATES`. The rate is the mean over its Gamma distribution, of relative variance phi.
    """
    tables, terms = np.zeros((4, len(factorial))), np.empty(len(factorial))
    for s in range(rate.shape[0]):
        for i in range(rate.shape[1]):
            if i == 0 or phi[s, i] != phi[s, i - 1]:
                fill_rising(phi[s, i], tables[0], tables[1])
            if i == 0 or psi[s, i] != psi[s, i - 1]:
                fill_rising(psi[s, i], tables[2], tables[3])
            n, mu = counts[0, i], rate[s, i] * exposure[0, i]
            on = background[s, i] * exposure[0, i] if measured else known[i]
            off = background[s, i] * exposure[1, i]
            top = _terms(
                n, counts[1, i], mu, phi[s, i], on, off, psi[s, i], tables[0], tables[2], factorial,
                terms,
            )  # fmt: skip
            whole = mean = 0.0
            for k in range(n + 1):
                terms[k] = math.exp(terms[k] - top)
                whole += terms[k]
                mean += k * terms[k]
            if expected:
                out[s, i] = mean / whole
                continue
            left, k = uniform[s, i] * whole - terms[0], 0
            while left > 0.0 and k < n:
                k += 1
                left -= terms[k]
            out[s, i] = k
