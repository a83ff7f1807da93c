"""How many components, and priors of the scale of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import multigammaln

from bayes_astro.data import Measurements
from bayes_astro.density import inputs
from bayes_astro.mixtures.coordinates import Layout
from bayes_astro.mixtures.expectation import Conjugate, Deconvolution, Regularised
from bayes_astro.mixtures.rows import Rows
from bayes_astro.mixtures.search import single
from bayes_astro.priors import Prior

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "anchors",
    "choose",
    "conjugate_in",
    "held_out",
    "log_normalisation",
    "of_the_whole",
    "prior_sample",
    "robust_variance",
    "scale_matrix",
    "single_gaussian",
]

ROWS = 5000  # enough to know how well a variance is known
TRIMS, FAR = 5, 12.0
"""Times that rows are left out, and their squared distance from the others for each column."""
ROBUST = 0.5
"""Half of the central 68% below this share of the standard deviation says that few rows make it."""


def single_gaussian(data: Measurements) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the true values as one Gaussian, noise taken off.

    By maximum likelihood. Along each axis the variance is at least its own standard error,
    (1/2 sum_i (e' R_i' T_i^-1 R_i e)^2)^(-1/2): where noise explains all of the scatter, the data
    still admit as much.
    """
    shift, scale = inputs.scaled_frame(data)
    d = len(shift)
    points = inputs.blocks(data, shift, scale, None)
    layout = Layout(np.full(1, np.nan), np.full((1, d), np.nan), np.full((1, d, d), np.nan))
    # So little that it acts only where there would be no variance at all.
    found = single(Deconvolution(points, layout, Regularised(np.full(d, 1e-6))))
    covariance = found.covariance[0]
    values, vectors = np.linalg.eigh(covariance)
    values = np.maximum(values, _standard_errors(data, covariance, vectors, scale))
    covariance = (vectors * values) @ vectors.T
    covariance = (covariance + covariance.T) / 2
    return shift + scale * found.mean[0], covariance * np.outer(scale, scale)


def robust_variance(data: Measurements, mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Variance of each true quantity, which single rows far from the others hardly change: (d,).

    At most that of the single Gaussian of `mean` and `covariance`, and at most the square of half of
    the central 68% of the measured values; under a projection the former again, without rows that are
    far from it.
    """
    found = np.diag(covariance)
    if data.projection is None:
        return np.minimum(found, inputs.scaled_frame(data)[1] ** 2)
    for _ in range(TRIMS):
        rows = Rows.of(data, np.arange(len(data)))
        far = rows.beside(mean, covariance).distance > FAR * rows.measured
        if not far.any():
            break
        data = data[~far]
        mean, covariance = single_gaussian(data)
    return np.minimum(found, np.diag(covariance))


def _standard_errors(
    data: Measurements, covariance: np.ndarray, axes: np.ndarray, scale: np.ndarray
) -> np.ndarray:
    """Of the variances along the axes (columns), in the scaled frame."""
    n = len(data)
    rows = np.linspace(0, n - 1, min(n, ROWS)).astype(int)
    part = Rows.of(data, rows)
    seen, missing = part.projection * scale, part.missing
    total = seen @ covariance @ np.swapaxes(seen, 1, 2) + part.noise
    # Columns in their own widths; those that are missing weigh nothing.
    width = np.sqrt(np.diagonal(total, axis1=1, axis2=2))
    width = np.where(missing | (width == 0), 1.0, width)
    total = total / (width[:, :, None] * width[:, None]) + 1e-12 * np.eye(data.d)
    turned = (seen / width[:, :, None]) @ axes
    precision = np.sum(turned * np.linalg.solve(total, turned), axis=1)
    information = 0.5 * np.sum(precision**2, axis=0) * n / len(rows)
    return 1 / np.sqrt(np.maximum(information, 1e-300))


def of_the_whole(data: Measurements, shrinkage: float) -> tuple[Prior, Prior, Prior]:
    """Weakly informative priors of weights, means and covariances, from one Gaussian.

    Covariances are about `shrinkage` times that of the whole.
    """
    mean, covariance = single_gaussian(data)
    width = np.sqrt(np.diag(covariance))
    # Correlations as they are: colours are known much better than magnitudes. Widths as they are,
    # unless single rows make them.
    narrow = np.sqrt(robust_variance(data, mean, covariance)) / width
    narrow = np.where(narrow < ROBUST, narrow, 1.0)
    scale = shrinkage * covariance * np.outer(narrow, narrow)
    return (
        Prior("Dirichlet", alpha=2.0),
        Prior("Normal", mu=mean.tolist(), sigma=(3 * width).tolist()),
        Prior("InverseWishart", nu=float(data.d + 2), scale=scale.tolist()),
    )


def scale_matrix(prior: Prior, d: int) -> np.ndarray:
    """The scale of an inverse Wishart as a matrix (d, d)."""
    scale = np.asarray(prior.arguments["scale"], dtype=float)
    if scale.ndim == 2:
        return scale
    return np.diag(np.broadcast_to(scale, (d,)) ** 2)


def conjugate_in(priors: dict[str, Prior], shift: np.ndarray, scale: np.ndarray) -> Conjugate:
    """Priors of weights, means and covariances in the coordinates (v - shift) / scale."""
    d = len(shift)
    mu, sigma = (
        np.broadcast_to(np.asarray(priors["mean"].arguments[key], dtype=float), (d,))
        for key in ("mu", "sigma")
    )
    return Conjugate(
        float(priors["weight"].arguments["alpha"]),
        (mu - shift) / scale,
        sigma / scale,
        float(priors["covariance"].arguments["nu"]),
        scale_matrix(priors["covariance"], d) / np.outer(scale, scale),
    )


def log_normalisation(prior: Conjugate, d: int) -> float:
    """Constant of the density of one log-Cholesky triangle: inverse Wishart and 2^d."""
    _, log_det = np.linalg.slogdet(prior.psi)
    constant = 0.5 * prior.nu * (log_det - d * np.log(2)) - multigammaln(0.5 * prior.nu, d)
    return float(constant + d * np.log(2))


def anchors(priors: dict[str, Prior], d: int, count: int) -> np.ndarray:
    """Points about the middle of the prior at which densities are watched: (count, d).

    The middle itself, then fixed directions within one and a half of the population's widths.
    """
    mu = np.broadcast_to(np.asarray(priors["mean"].arguments["mu"], dtype=float), (d,))
    sigma = np.broadcast_to(np.asarray(priors["mean"].arguments["sigma"], dtype=float), (d,))
    steps = np.random.default_rng(20).uniform(-0.75, 0.75, (count, d))
    steps[0] = 0.0
    return mu + sigma * steps


def prior_sample(
    layout: Layout,
    priors: dict[str, Prior],
    draws: int,
    rng: np.random.Generator,
    shift: np.ndarray,
    scale: np.ndarray,
) -> dict[str, np.ndarray]:
    """Scaled parameters from the prior, (draws, ...)."""
    d, free = layout.d, layout.free_weight
    shares = np.ones((draws, len(free)))
    if len(free) > 1:
        shares = priors["weight"].sample(rng, (draws, len(free)))
    weight = layout.shares(shares)
    mean = np.repeat(layout.fixed_mean[None], draws, axis=0)
    covariance = np.repeat(layout.fixed_covariance[None], draws, axis=0)
    count = len(layout.free_mean)
    mean[:, layout.free_mean] = (priors["mean"].sample(rng, (draws, count, d)) - shift) / scale
    wishart = Prior(
        "InverseWishart",
        nu=priors["covariance"].arguments["nu"],
        scale=scale_matrix(priors["covariance"], d).tolist(),
    )
    count = len(layout.free_covariance)
    drawn = wishart.sample(rng, (draws, count, d, d))
    covariance[:, layout.free_covariance] = drawn / np.outer(scale, scale)
    return {
        "weight": weight[:, : layout.components],
        "mean": mean,
        "covariance": covariance,
        "background": weight[:, -1],
    }


def _folds(n: int, folds: int, seed: int) -> list[np.ndarray]:
    order = np.random.default_rng([seed, 7]).permutation(n)
    return [np.sort(part) for part in np.array_split(order, folds)]


def held_out(model: Any, data: Measurements, folds: int, seed: int) -> np.ndarray:
    """Log score of each fold under the maximum fitted to the others."""
    from bayes_astro.samplers import MAP

    if (
        isinstance(folds, bool)
        or not isinstance(folds, int | np.integer)
        or not 2 <= folds <= len(data)
    ):
        raise ValueError(f"folds={folds!r} must be a whole number from 2 to the number of rows.")
    scores = []
    for part in _folds(len(data), folds, seed):
        rest = np.setdiff1d(np.arange(len(data)), part)
        single_fit = model.copy().fit(data[rest], MAP(restarts=5), seed=seed, progress=False)
        scores.append(single_fit.score(data[part]))
    return np.array(scores)


def choose(
    model: Any, data: Measurements, seed: int, progress: bool
) -> tuple[Any, dict[str, xr.Dataset]]:
    """The model with the best of its numbers of components, and the table of their scores."""
    import xarray as xr

    from bayes_astro.samplers import MAP
    from bayes_astro.samplers.progress import Progress

    counts = sorted({int(count) for count in model.candidates})
    scores, errors, criteria = [], [], []
    with Progress(len(counts), "components", shown=progress) as bar:
        for i, count in enumerate(counts):
            trial = model.copy().set_params(n_components=count)
            if model.criterion == "held-out":
                each = held_out(trial, data, 5, seed)
                scores.append(each.mean())
                errors.append(each.std(ddof=1) / np.sqrt(len(each)))
            whole = trial.fit(data, MAP(restarts=5), seed=seed, progress=False)
            problem = whole.deconvolution(data, whole.resolve_priors(data))
            log_likelihood = float(whole.posterior["sample_stats"].attrs["log_likelihood"])
            effective = float(np.sum(~data.missing.all(axis=1)))
            criteria.append(problem.layout.size * np.log(effective) - 2 * log_likelihood)
            bar.at(i + 1, f"K = {count}")
    table = {"bic": ("n_components", np.array(criteria))}
    if scores:
        table["log_score"] = ("n_components", np.array(scores))
        table["log_score_error"] = ("n_components", np.array(errors))
    best = int(np.argmax(scores)) if scores else int(np.argmin(criteria))
    group = xr.Dataset(table, {"n_components": counts}, attrs={"chosen": counts[best]})
    return model.copy().set_params(n_components=counts[best]), {"selection": group}
