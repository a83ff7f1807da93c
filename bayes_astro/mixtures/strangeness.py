r"""How unusual is a measured row: its density against that of rows drawn from the model.

log p(x_i) is smaller where errors are larger and where more columns were measured, so that values of
different rows do not compare. What compares much better is how far it is below its expectation for a
single component, averaged over them,

.. code-block:: text

    u_i = log p(x_i) + 1/2 sum_k a_k (log det 2 pi (V_k + S_i) + m_i)

(half of chi-square minus its degrees of freedom, for one component). Its distribution under the model is
simulated once, with the errors of the fitted rows, for each number of measured columns m, and a new row's
tail probability is the fraction with a smaller u.
"""

from __future__ import annotations

import numpy as np

from bayes_astro.data import Measurements
from bayes_astro.mixtures.mixture import Mixture, covariance_factor
from bayes_astro.mixtures.rows import Rows

__all__ = ["PROBABILITIES", "UNUSUAL", "reference", "statistic", "tail_probability"]

SIMULATED = 4000
UNUSUAL = 0.001
"""Tail probability below which a row is called unusual."""
PROBABILITIES = np.concatenate(
    [np.geomspace(1 / SIMULATED, 0.02, 40), np.linspace(0.0, 1.0, 101)[3:-1], [1.0]]
)
AT_ONCE = 20_000  # rows


def statistic(mixture: Mixture, data: Measurements) -> np.ndarray:
    """u of every row under the first density of `mixture`, (n,); 0 where nothing was measured."""
    weight, mean, covariance = mixture.weight[0], mixture.mean[0], mixture.covariance[0]
    found = np.zeros(len(data))
    for first in range(0, len(data), AT_ONCE):
        at = np.arange(first, min(first + AT_ONCE, len(data)))
        rows = Rows.of(data, at)
        expected = np.zeros(len(at))
        logs = np.full((len(weight), len(at)), -np.inf)
        for k in np.flatnonzero(weight > 0):
            beside = rows.beside(mean[k], covariance[k])
            logs[k] = np.log(weight[k]) + beside.log_density
            # -log density - distance / 2 is half of log det 2 pi T.
            half = -beside.log_density - 0.5 * beside.distance
            expected += weight[k] * (half + 0.5 * rows.measured)
        found[at] = np.logaddexp.reduce(logs, axis=0) + expected
    return np.where(data.missing.all(axis=1), 0.0, found)


def reference(mixture: Mixture, data: Measurements, rng: np.random.Generator) -> np.ndarray:
    """Quantiles of u at `PROBABILITIES` for 1 ... d measured columns: (d, probabilities).

    Of rows with the errors of `data` in which something was measured, under the first density.
    """
    fitted = data if not data.missing.all(axis=1).any() else data[~data.missing.all(axis=1)]
    one = Mixture(mixture.weight[:1], mixture.mean[:1], mixture.covariance[:1], mixture.names)
    found = np.empty((data.d, len(PROBABILITIES)))
    seen = ~fitted.missing
    for count in range(1, data.d + 1):
        # Rows with as many columns at least, of which some are left out at random.
        enough = np.flatnonzero(seen.sum(axis=1) >= count)
        if not len(enough):
            found[count - 1] = found[count - 2] if count > 1 else -np.inf
            continue
        rows = rng.choice(enough, SIMULATED)
        order = np.argsort(np.where(seen[rows], rng.uniform(size=(SIMULATED, data.d)), 2.0), axis=1)
        covariance = np.nan_to_num(fitted.covariance[rows])
        factor = covariance_factor(covariance)
        value = one.sample(SIMULATED, int(rng.integers(2**31)))[0]
        projection = None
        if fitted.projection is not None:
            projection = fitted.projection[rows]
            value = np.einsum("nij,nj->ni", projection, value)
        value = value + np.einsum("nij,nj->ni", factor, rng.standard_normal(value.shape))
        np.put_along_axis(value, order[:, count:], np.nan, axis=1)
        simulated = Measurements(
            value, covariance=covariance, names=data.names, projection=projection
        )
        found[count - 1] = np.quantile(statistic(one, simulated), PROBABILITIES)
    return found


def tail_probability(u: np.ndarray, measured: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Fraction of simulated rows with as many `measured` columns that have a smaller u; nan without any.

    At least 1 / 4000: what is smaller than all that were simulated is known no better.
    """
    tail = np.full(len(u), np.nan)
    for count in range(1, len(quantiles) + 1):
        rows = measured == count
        tail[rows] = np.interp(u[rows], quantiles[count - 1], PROBABILITIES)
    return tail
