"""Comoving distances of an expanding universe, with their slopes, by Gauss and Legendre's quadrature.

In units of c / H0 the distance along the line of sight to redshift z is the integral of dz / E(z), and with
x = (1 + z)^-1/2 it is

.. code-block:: text

    D = int_x^1 2 dx' / sqrt(f(x')),      f = m + k x'^2 + l x'^(-6 w) + r x'^-2,    k = 1 - m - l - r

for matter m, curvature k, a dark energy l with pressure w times its density, and radiation r. In x the
integrand is almost a constant at high redshift: 24 nodes are exact to 1e-15 for matter above 0.1 at every
redshift, and to 1e-11 above 0.01 (w = -1). Transverse it is D, or sinh(sqrt(k) D) / sqrt(k), or sin where k < 0.
"""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel

__all__ = ["NODES", "SERIES", "WEIGHTS", "along", "transverse"]

NODES, WEIGHTS = np.polynomial.legendre.leggauss(24)
SERIES = 1e-2  # |k| D^2 below which sinh and sin are series, to 1e-13


@kernel
def along(z, m, k, energy, w, r, nodes, weights, found):
    """D of every row in found[0], and its slopes with m, k, l and w, each of them alone, in found[1:].

    Of fewer rows of `found` (1, or 4 without w) only those. nan where f is negative: there is no such
    universe at that redshift.
    """
    n, rows = len(z), found.shape[0]
    vacuum = w == -1.0
    found[:] = 0.0
    half = np.empty(n)
    for i in range(n):
        # 1 - x without a difference of near numbers
        half[i] = 0.5 * z[i] / ((1 + z[i]) * (1 + 1 / math.sqrt(1 + z[i])))
    dark, logs = np.empty(n), np.empty(n)
    for j in range(len(nodes)):
        left = 1 - nodes[j]
        if rows > 4 or not vacuum:
            for i in range(n):
                logs[i] = math.log(1 - half[i] * left)
        if vacuum:
            for i in range(n):
                x = 1 - half[i] * left
                dark[i] = x * x * x * x * x * x
        else:
            for i in range(n):
                dark[i] = math.exp(-6 * w * logs[i])
        for i in range(n):
            x = 1 - half[i] * left
            square = x * x
            f = m + k * square + energy * dark[i] + r / square
            root = weights[j] / math.sqrt(f)
            found[0, i] += root
            if rows > 1:
                slope = root / f
                found[1, i] += slope
                found[2, i] += slope * square
                found[3, i] += slope * dark[i]
        if rows > 4:
            for i in range(n):
                x = 1 - half[i] * left
                f = m + k * x * x + energy * dark[i] + r / (x * x)
                found[4, i] += weights[j] / (math.sqrt(f) * f) * dark[i] * logs[i]
    for i in range(n):
        found[0, i] *= 2 * half[i]
        for a in range(1, rows):
            found[a, i] *= 6 * energy * half[i] if a == 4 else -half[i]


@kernel
def transverse(distance, k, found):
    """S of every row, in found[0], and its slopes with D and k in found[1] and found[2].

    S = D (1 + q / 6 + q^2 / 120 + ...), q = k D^2. nan beyond the antipode of a closed universe, behind
    which light has gone around.
    """
    for i in range(len(distance)):
        d = distance[i]
        q = k * d * d
        if abs(q) < SERIES:
            found[0, i] = d * (1 + q / 6 * (1 + q / 20 * (1 + q / 42 * (1 + q / 72))))
            found[1, i] = 1 + q / 2 * (1 + q / 12 * (1 + q / 30 * (1 + q / 56)))
            found[2, i] = d * d * d / 6 * (1 + q / 10 * (1 + q / 28 * (1 + q / 54)))
            continue
        root = math.sqrt(abs(k))
        if k > 0:
            size, cosine = math.sinh(root * d) / root, math.cosh(root * d)
        elif root * d < math.pi:
            size, cosine = math.sin(root * d) / root, math.cos(root * d)
        else:
            size, cosine = math.nan, math.nan
        found[0, i], found[1, i] = size, cosine
        found[2, i] = (d * cosine - size) / (2 * k)
