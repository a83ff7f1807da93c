"""How many Gaussians the field needs, by the log score of stars that were held out."""

from __future__ import annotations

import numpy as np

from bayes_astro.data import Measurements
from bayes_astro.likelihoods.mixture_blocks import lay_out
from bayes_astro.membership.cluster_modes import field_layout, outside
from bayes_astro.membership.cluster_search import Region, field_scale
from bayes_astro.mixtures.expectation import Conjugate, Deconvolution
from bayes_astro.mixtures.log_densities import of_one
from bayes_astro.mixtures.search import best

__all__ = ["CANDIDATES", "chosen"]

CANDIDATES = (1, 2, 3, 4, 6, 8)
ROWS = 6000
TRIMMED = 0.005  # of the scores on either side
RESTARTS = 6
FEWEST = 15  # stars for each Gaussian


def chosen(data: Measurements, region: Region, seed: int) -> tuple[int, dict[int, float]]:
    """The smallest number whose score is within one standard error of the best, and all scores.

    Stars outside of the region alone: half of them are fitted, the other half is scored, and the other way
    round.
    """
    rng = np.random.default_rng([seed, 11])
    rows = np.flatnonzero(outside(data, region))
    rows = rng.permutation(rows)[:ROWS]
    some, d = data[rows], data.d
    middle, scale = field_scale(some)
    wide = np.maximum(2.0, np.nanmax(np.abs(some.value - middle), axis=0) / scale / 3) ** 2
    halves = np.array_split(np.arange(len(some)), 2)
    candidates = [k for k in CANDIDATES if k == 1 or FEWEST * k <= len(halves[1])]
    points = [
        lay_out(part.value, part.covariance, shift=middle, scale=scale)
        for part in (some[half] for half in halves)
    ]
    each = {}
    for k in candidates:
        psi = np.eye(d) / k ** (2 / d)
        prior = Conjugate(1.0, np.zeros(d), np.sqrt(wide), d + 2.0, psi)
        scores = []
        for train, test in ((0, 1), (1, 0)):
            problem = Deconvolution(points[train], field_layout(k, d, wide), prior)
            run, _ = best(problem, rng, restarts=RESTARTS, tolerance=0.5, max_steps=400, moves=3)
            found = run.parameters
            scores.append(of_one(points[test], found.weight, found.mean, found.covariance, 0.0))
        each[k] = np.concatenate(scores)
    means = {k: float(score.mean()) for k, score in each.items()}
    floor = np.quantile(np.concatenate(list(each.values())), TRIMMED)
    top = max(each, key=lambda k: float(np.maximum(each[k], floor).mean()))
    for k in candidates:
        gain = each[top] - each[k]
        # Single stars far out, which the broad Gaussian holds, are not to decide.
        gain = np.clip(gain, *np.quantile(gain, [TRIMMED, 1 - TRIMMED]))
        if gain.mean() <= gain.std() / np.sqrt(len(gain)):
            return k, means
    return top, means
