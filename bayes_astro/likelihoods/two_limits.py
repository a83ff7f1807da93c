"""Two normal variables that both lie below a bound: log of the chance, to rounding in the tails as well.

With correlation rho, s^2 = 1 - rho^2 and bounds h and k,

    Phi_2(h, k; rho) = int_{-inf}^h phi(x) Phi((k - rho x) / s) dx

whose integrand has a single peak, since its logarithm is concave: what is within 40 nats of it is
integrated by Gauss and Legendre in three parts, about the step of Phi and on both of its sides. Slopes
of the logarithm (Plackett 1954), with the same of the other bound by symmetry:

    d/dh = phi(h) Phi((k - rho h) / s) / Phi_2,   d/drho = phi_2(h, k; rho) / Phi_2
"""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel
from bayes_astro.likelihoods.relation_normal import LOG_2PI, log_normal_cdf

__all__ = ["first_of_both", "log_both_below"]

NODES, SHARES = np.polynomial.legendre.leggauss(32)
CELLS = 400  # of a distribution function that is turned round
DEEP, AROUND, HALVINGS, FLATTEST = 40.0, 7.0, 5, 1e-12


@kernel
def _height(x, k, rho, s):
    """Log of the integrand but for a constant, and its slope."""
    found, hazard = log_normal_cdf((k - rho * x) / s)
    return found - 0.5 * x * x, -x - rho / s * hazard


@kernel
def _edge(start, top, direction, k, rho, s):
    """Where the integrand has fallen `DEEP` below `top`, going from `start` in a direction."""
    near, step = start, 1.0
    while _height(near + direction * step, k, rho, s)[0] > top - DEEP:
        near += direction * step
        step *= 2.0
    far = near + direction * step
    for _ in range(HALVINGS):
        middle = 0.5 * (near + far)
        if _height(middle, k, rho, s)[0] > top - DEEP:
            near = middle
        else:
            far = middle
    return far


@kernel
def _peak(h, k, rho, s):
    """Where the integrand is largest, h at most."""
    if _height(h, k, rho, s)[1] >= 0.0:
        return h
    high, step = h, 1.0
    low = h - step
    while _height(low, k, rho, s)[1] < 0.0:
        high = low
        step *= 2.0
        low -= step
    for _ in range(60):
        middle = 0.5 * (low + high)
        if _height(middle, k, rho, s)[1] < 0.0:
            high = middle
        else:
            low = middle
        if high - low < 1e-3:
            break
    return 0.5 * (low + high)


@kernel
def _span(h, k, rho, s):
    """Where the integrand has its largest value, that value, and what of it matters, up to h."""
    peak = _peak(h, k, rho, s)
    top = _height(peak, k, rho, s)[0]
    low = _edge(peak, top, -1.0, k, rho, s)
    high = h
    if peak < h and _height(h, k, rho, s)[0] < top - DEEP:
        high = min(h, _edge(peak, top, 1.0, k, rho, s))
    return top, low, high


@kernel
def log_both_below(h, k, rho):
    """log Phi_2(h, k; rho), and its slopes with the three."""
    s = math.sqrt(max((1.0 - rho) * (1.0 + rho), FLATTEST))
    top, low, high = _span(h, k, rho, s)
    first, second = high, high
    if rho != 0.0:
        step, reach = k / rho, AROUND * s / abs(rho)
        first = min(max(step - reach, low), high)
        second = min(max(step + reach, low), high)
    total, start = 0.0, low
    for part in range(3):
        stop = first if part == 0 else (second if part == 1 else high)
        half = 0.5 * (stop - start)
        if half > 0.0:
            for node in range(len(NODES)):
                x = start + half * (1.0 + NODES[node])
                total += half * SHARES[node] * math.exp(_height(x, k, rho, s)[0] - top)
        start = stop
    found = top + math.log(total) - 0.5 * LOG_2PI
    by_h = math.exp(log_normal_cdf((k - rho * h) / s)[0] - 0.5 * h * h - 0.5 * LOG_2PI - found)
    by_k = math.exp(log_normal_cdf((h - rho * k) / s)[0] - 0.5 * k * k - 0.5 * LOG_2PI - found)
    square = (h * h - 2.0 * rho * h * k + k * k) / (s * s)
    by_rho = math.exp(-0.5 * square - LOG_2PI - math.log(s) - found)
    return found, by_h, by_k, by_rho


@kernel
def first_of_both(h, k, rho, uniform):
    """Draws of the first variable, where both lie below their bounds, from uniform ones; all (n,).

    Its distribution function is taken as that of a density which is linear in each of `CELLS` steps.
    """
    found, weight = np.empty(len(h)), np.empty(CELLS + 1)
    for i in range(len(h)):
        s = math.sqrt(max((1.0 - rho[i]) * (1.0 + rho[i]), FLATTEST))
        top, low, high = _span(h[i], k[i], rho[i], s)
        step = (high - low) / CELLS
        total = 0.0
        for c in range(CELLS + 1):
            weight[c] = math.exp(_height(low + c * step, k[i], rho[i], s)[0] - top)
            if c > 0:
                total += 0.5 * (weight[c - 1] + weight[c])
        left, c = uniform[i] * total, 0
        while c < CELLS - 1 and left > 0.5 * (weight[c] + weight[c + 1]):
            left -= 0.5 * (weight[c] + weight[c + 1])
            c += 1
        # left = a z + (b - a) z^2 / 2 for the place z in the cell
        a, b = weight[c], weight[c + 1]
        root = math.sqrt(max(a * a + 2.0 * (b - a) * left, 0.0))
        z = min(1.0, 2.0 * left / (a + root)) if a + root > 0.0 else 0.5
        found[i] = low + (c + z) * step
    return found
