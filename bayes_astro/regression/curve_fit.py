"""Generalised least squares of any mean function, within the ranges of its parameters."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bayes_astro.priors import Prior
from bayes_astro.regression.mean_values import MeanValues
from bayes_astro.regression.point_errors import PointErrors

__all__ = ["Fit", "least_squares"]

LARGE = 1e150  # stands for residuals where the function has no value
INSIDE = 1e-6  # of a range, by which a start keeps from its ends


class Fit(NamedTuple):
    """Parameters (p,), their covariance (p, p), and chi-square."""

    values: np.ndarray
    covariance: np.ndarray
    square: float


def least_squares(
    mean: MeanValues,
    response: np.ndarray,
    errors: PointErrors,
    priors: dict[str, Prior],
    rng: np.random.Generator,
    starts: int = 8,
    floor: float = 0.0,
) -> Fit:
    """The best of several descents (Levenberg and Marquardt's, by SciPy) from draws of the priors.

    Parameters
    ----------
    mean : MeanValues
    response : array (n,)
    errors : PointErrors
    priors : dict of str to Prior
        Their supports bound the parameters, and where they begin.
    rng : numpy.random.Generator
    starts : int
    floor : float
        Variance added to that of every point.
    """
    from scipy.optimize import least_squares as descend

    edges = [tuple(float(np.ravel(e)[0]) for e in prior.support) for prior in priors.values()]
    low, high = np.array(edges).T
    # Of what an ill range leaves out, as an amplitude of one sign, the middle of the prior knows.
    scale = np.array([float(np.diff(prior.quantile([0.16, 0.84]))[0]) for prior in priors.values()])
    scale = np.where(np.isfinite(scale) & (scale > 0), scale, 1.0)

    def residuals(values: np.ndarray) -> np.ndarray:
        found = errors.whitened(mean.value(values) - response, floor)
        return np.asarray(np.nan_to_num(found, nan=LARGE, posinf=LARGE, neginf=-LARGE))

    def slopes(values: np.ndarray) -> np.ndarray:
        return np.asarray(np.nan_to_num(errors.whitened(mean.slopes(values), floor)))

    best = None
    gap = INSIDE * np.where(np.isfinite(high - low), high - low, 0.0)
    for k in range(starts):
        begin = np.array(
            [
                float(np.ravel(prior.median() if k == 0 else prior.sample(rng, (1,)))[0])
                for prior in priors.values()
            ]
        )
        begin = np.clip(begin, low + gap, high - gap)
        if not np.all(np.isfinite(mean.value(begin))):
            continue
        found = descend(residuals, begin, slopes, bounds=(low, high), x_scale=scale, max_nfev=200)
        if best is None or found.cost < best.cost - 1e-9 * (1 + best.cost):
            best = found
    if best is None:
        raise ValueError(
            "the mean function is finite nowhere in the middle of its priors: check its formula and their "
            "ranges."
        )
    information = slopes(best.x).T @ slopes(best.x)
    return Fit(best.x, np.linalg.pinv(information, hermitian=True), 2 * float(best.cost))
