r"""What densities of redshift are worth, where the redshifts are known.

With p_i the density of object i, F_i its distribution function and z_i the truth,

.. code-block:: text

    CDE loss   = mean_i int p_i(z)^2 dz - 2 mean_i p_i(z_i)          (Izbicki & Lee 2017)
    CRPS       = mean_i int (F_i(z) - [z >= z_i])^2 dz
    PIT        = F_i(z_i), uniform if the densities are calibrated
    e_i        = (mode_i - z_i) / (1 + z_i)
    bias       = median e,    sigma_NMAD = 1.4826 median |e - median e|,    outliers: |e| > 0.15

CDE loss is, but for a constant, the squared distance of p from the true conditional density.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from bayes_astro.data import Photometry

__all__ = ["redshift_scores"]

GRID = 1000
ROWS = 2000  # at a time
OUTLIER = 0.15


def redshift_scores(model: Any, test: Photometry) -> dict[str, float]:
    """Scores of a model with ``pdf``, ``pit`` and ``summary`` on objects with known redshift.

    Returns
    -------
    dict
        ``cde_loss``, ``crps``, ``pit_ks`` and ``pit_p`` (Kolmogorov-Smirnov distance of the PIT from
        uniform and its p-value), ``bias``, ``sigma_nmad``, ``outliers`` of the mode,
        ``coverage_68``, ``coverage_95`` of central intervals, ``objects_per_second`` of CPU of densities on
        a grid of 300 redshifts.
    """
    from scipy.stats import kstest

    z = model.responses(test)
    # Evenly spaced in log(1 + z), with room beyond the largest redshift.
    grid = np.expm1(np.linspace(np.log1p(-0.0099), np.log1p(1.5 * z.max() + 0.1), GRID))
    squares, crps = np.empty(len(z)), np.empty(len(z))
    for first in range(0, len(z), ROWS):
        rows = slice(first, first + ROWS)
        density = model.pdf(test[rows], grid).values
        squares[rows] = np.trapezoid(density**2, grid, axis=1)
        steps = 0.5 * (density[:, 1:] + density[:, :-1]) * np.diff(grid)
        below = np.concatenate([np.zeros((len(steps), 1)), np.cumsum(steps, axis=1)], axis=1)
        off = below - (grid >= z[rows, None])
        crps[rows] = np.trapezoid(off**2, grid, axis=1)
    log_density = model.log_density_at(test)
    pit = model.pit(test)
    table = model.summary(test)
    error = (table["mode"].to_numpy() - z) / (1 + z)
    few = test[: min(len(test), ROWS)]
    coarse = grid[:: GRID // 300]
    start = time.process_time()
    model.pdf(few, coarse)
    seconds = time.process_time() - start
    test_of_pit = kstest(pit, "uniform")
    return {
        "cde_loss": float(squares.mean() - 2 * np.exp(log_density).mean()),
        "crps": float(crps.mean()),
        "pit_ks": float(test_of_pit.statistic),
        "pit_p": float(test_of_pit.pvalue),
        "bias": float(np.median(error)),
        "sigma_nmad": float(1.4826 * np.median(np.abs(error - np.median(error)))),
        "outliers": float(np.mean(np.abs(error) > OUTLIER)),
        "coverage_68": float(np.mean((pit > 0.16) & (pit < 0.84))),
        "coverage_95": float(np.mean((pit > 0.025) & (pit < 0.975))),
        "objects_per_second": len(few) / seconds,
    }
