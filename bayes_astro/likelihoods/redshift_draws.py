"""Draws from densities of redshift."""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel
from bayes_astro.likelihoods.conditional_mixture import conditional_block, scratch_for
from bayes_astro.likelihoods.mixture_blocks import BLOCK
from bayes_astro.likelihoods.redshift_density import above_limit, component_list

__all__ = ["draws"]


@kernel
def draws(
    feature, variance, order, blocks, columns, weight, mean, covariance, members, lower, mixture,
    seed, out,
):  # fmt: skip
    """Draws of z for every object.

    Parameters
    ----------
    mixture : (r,) integer array
        The mixture that each draw is taken from.
    seed : int
        Of Numba's own generator.
    out : (r, objects) array
        Filled.
    """
    np.random.seed(seed)
    k_count, d = mean.shape
    groups = len(members) - 1
    scratch = scratch_for(k_count, d)
    share = np.empty((k_count, BLOCK))
    centre, spread = np.empty((k_count, BLOCK)), np.empty((k_count, BLOCK))
    evidence, expected = np.empty((groups, BLOCK)), np.empty(BLOCK)
    w, c, s = np.empty(k_count), np.empty(k_count), np.empty(k_count)
    for b in range(blocks.shape[0]):
        first, n, pattern = blocks[b]
        conditional_block(
            feature, variance, order, first, n, columns[pattern], weight, mean, covariance, members,
            share, centre, spread, evidence, expected, scratch,
        )  # fmt: skip
        for g in range(groups):
            for i in range(n):
                row = order[first + i]
                count, above = component_list(
                    share,
                    centre,
                    spread,
                    i,
                    members,
                    g,
                    g + 1,
                    lower,
                    0.0,
                    w,
                    c,
                    s,
                )
                for r in range(len(mixture)):
                    if mixture[r] == g:
                        out[r, row] = math.exp(_draw(w, c, s, count, lower, above)) - 1.0


@kernel
def _draw(w, c, s, count, lower, above):
    """One value of t above the limit, from a component and then from its normal cut off there.

    Far above its middle a normal is cut off by an exponential that is thinned (Robert 1995).
    """
    left, k = np.random.random() * above, 0
    part = above_limit(w[0], c[0], s[0] * s[0], lower)
    while k < count - 1 and left > part:
        left -= part
        k += 1
        part = above_limit(w[k], c[k], s[k] * s[k], lower)
    edge = (lower - c[k]) / s[k]
    while edge < 1.0:
        x = np.random.standard_normal()
        if x >= edge:
            return c[k] + s[k] * x
    rate = 0.5 * (edge + math.sqrt(edge * edge + 4.0))
    while True:
        x = edge - math.log(1.0 - np.random.random()) / rate
        if np.random.random() <= math.exp(-0.5 * (x - rate) ** 2):
            return c[k] + s[k] * x
