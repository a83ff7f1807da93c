r"""How unusual is an object: its evidence against that of objects drawn from the model.

The statistic and its tail are those of `bayes_astro.mixtures.strangeness`, of magnitudes under a joint density
with the redshift.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bayes_astro.data import Photometry
from bayes_astro.likelihoods.redshift_density import densities_at
from bayes_astro.mixtures.features import features
from bayes_astro.mixtures.strangeness import PROBABILITIES, SIMULATED, UNUSUAL, tail_probability
from bayes_astro.photoz.conditional import RedshiftDensity

__all__ = ["PROBABILITIES", "UNUSUAL", "reference", "tail_probability"]


def reference(density: RedshiftDensity, fitted: Photometry, rng: np.random.Generator) -> np.ndarray:
    """Quantiles of u at `PROBABILITIES` for 1 ... m measured bands: (m, probabilities).

    The last component is the background.
    """
    # Of objects, not of the background: measurements that are wrong are what is looked for.
    weight = density.weight.copy()
    weight[:, -1] = 0.0
    objects = replace(density, weight=weight / weight.sum(axis=1, keepdims=True))
    _, error = features(fitted, density.softening, density.transform)
    error = error[~fitted.missing.all(axis=1)]
    m = error.shape[1]
    found = np.empty((m, len(PROBABILITIES)))
    for count in range(1, m + 1):
        # Rows with as many bands at least, of which some are left out at random.
        enough = np.flatnonzero((~np.isnan(error)).sum(axis=1) >= count)
        if not len(enough):
            found[count - 1] = found[count - 2] if count > 1 else -np.inf
            continue
        own = density.error_scale * error[rng.choice(enough, SIMULATED)]
        order = np.argsort(np.where(np.isnan(own), 2.0, rng.uniform(size=own.shape)), axis=1)
        np.put_along_axis(own, order[:, count:], np.nan, axis=1)
        x = objects.simulate(SIMULATED, rng)[0] + own * rng.standard_normal(own.shape)
        found[count - 1] = np.quantile(statistic(density, x, own), PROBABILITIES)
    return found


def statistic(density: RedshiftDensity, x: np.ndarray, error: np.ndarray) -> np.ndarray:
    """u of magnitudes x with errors, (n,)."""
    g, n = len(density.weight), len(x)
    evidence = np.empty((g + 1, n))
    scratch = np.empty((2, g, n))
    densities_at(*density.arguments(x, error**2), np.zeros(n), scratch[0], scratch[1], evidence)
    return np.logaddexp.reduce(evidence[:g], axis=0) - np.log(g) - evidence[g]
