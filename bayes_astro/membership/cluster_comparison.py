r"""The fitted model beside others: without a cluster, without the bound, with wings, with other errors.

All are maxima about the fitted one. For the cluster itself the two models differ in its p parameters
theta, and Laplace's approximation of the ratio of their evidences is

.. code-block:: text

    log B = log L(theta, field) - log L(field alone) + log p(theta) + (p / 2) log 2 pi - 1/2 log |H|

H the curvature in theta. A centre that was found where stars crowd most could have been anywhere: in such
columns its prior is taken to be as wide as the field, four widths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.coordinates import Coordinates
from bayes_astro.membership.cluster_modes import Found, climb, field_alone
from bayes_astro.membership.cluster_problem import ClusterProblem
from bayes_astro.membership.cluster_search import field_scale
from bayes_astro.mixtures.log_densities import of_one, scaled_draws
from bayes_astro.samplers.curvature import STEP
from bayes_astro.stated_errors import FACTORS

if TYPE_CHECKING:
    import xarray as xr

    from bayes_astro.data import Measurements
    from bayes_astro.priors import Prior

__all__ = ["compared"]

ROWS = 20_000  # that comparisons see, of more than twice as many
CLUSTER = ("mean", "dispersion", "correlation", "fraction", "wing_fraction", "wing_scale")
NOWHERE = -40.0  # logit of the fraction of a cluster that is not there
FLATTEST = 0.25  # curvature of a direction in which the data say nothing
AS_WIDE = 4.0  # widths of the field in which a cluster could have been found


def values_of(problem: ClusterProblem, draws: xr.Dataset) -> dict[str, np.ndarray]:
    """Values of the free variables at the last draw of the first chain."""
    one = draws.isel(chain=0, draw=-1)
    found = {name: one[name].values[None] for name in CLUSTER if name in one}
    found["field_weight"] = one["field_weight"].values[None]
    found["free_field_mean"] = one["field_mean"].values[None, :-1]
    scaled = one["field_covariance"].values[:-1] / np.outer(problem.scale, problem.scale)
    return found | {"log_cholesky": triangles_above(problem, scaled)}


def triangles_above(problem: ClusterProblem, scaled: np.ndarray) -> np.ndarray:
    """Coordinates of scaled covariances (k, d, d) of the field above the problem's bound."""
    above = scaled - np.diag(problem.bound)
    eigenvalues, vectors = np.linalg.eigh((above + np.swapaxes(above, 1, 2)) / 2)
    kept = (vectors * np.maximum(eigenvalues, 1e-6)[:, None]) @ np.swapaxes(vectors, 1, 2)
    return problem.triangle.triangles(np.linalg.cholesky(kept))[None]


def log_likelihood(problem: ClusterProblem, point: np.ndarray) -> float:
    """Of the rows at a flat vector."""
    draws = problem.variables(point[None, None])
    mixture = problem.model.as_mixture(draws)
    weight, mean, covariance, _ = next(scaled_draws(mixture, problem.shift, problem.scale))
    each = of_one(problem.laid, weight, mean, covariance, 0.0)
    count = np.ones(len(each)) if problem.data.weight is None else problem.data.weight
    return float(count @ each)


def compared(
    model: Any, tree: xr.DataTree, data: Measurements, priors: dict[str, Prior], found: bool
) -> dict[str, xr.Dataset]:
    """Groups ``comparison`` and ``sensitivity`` of a fit.

    Parameters
    ----------
    model : ClusterMembership
        With nothing open.
    tree : xarray.DataTree
        With the posterior.
    data, priors
        As fitted.
    found : bool
        Whether a centre of the region was found, so that it could have been anywhere.
    """
    import xarray as xr

    draws = tree["posterior"].to_dataset()
    whole = ClusterProblem(model, data, priors)
    rng = np.random.default_rng(5)
    base = climb(whole.density, whole.flat(values_of(whole, draws))[0])
    attributes = {"log_bayes_factor": _against_field(whole, base, rng, found)}
    some = whole.on_some(ROWS, rng)
    here = base if some is whole else climb(some.density, base.point)
    if not model.wings:
        attributes["gain_of_wings"] = _with_wings(model, some, here)
    errors = [_with_errors(some, factor, here).value - here.value for factor in FACTORS]
    comparison = xr.Dataset({"gain": ("factor", errors)}, {"factor": list(FACTORS)}, attributes)
    return {"comparison": comparison, "sensitivity": _without_bound(some, here)}


def _with_wings(model: Any, problem: ClusterProblem, base: Found) -> float:
    """Nats that wings gain, of the likelihood."""
    winged = model.copy().set_params(wings=True, priors=None)
    priors = winged.resolve_priors(problem.data) | problem.priors
    other = ClusterProblem(winged, problem.data, priors)
    values = problem.target.coordinates.values(base.point[None])
    values |= {"wing_fraction": np.array([0.2]), "wing_scale": np.array([2.5])}
    found = climb(other.density, other.flat(values)[0])
    return log_likelihood(other, found.point) - log_likelihood(problem, base.point)


def _with_errors(problem: ClusterProblem, factor: float, base: Found) -> Found:
    """The maximum with all errors times a factor."""
    data = problem.data.replace(covariance=factor**2 * problem.data.covariance)
    return climb(ClusterProblem(problem.model, data, problem.priors).density, base.point)


def _without_bound(problem: ClusterProblem, base: Found) -> xr.Dataset:
    """The cluster's parameters at the maxima with and without the bound."""
    import xarray as xr

    free = ClusterProblem(problem.model, problem.data, problem.priors, bounded=False)
    values = problem.target.coordinates.values(base.point[None])
    factor = problem.triangle.factors(values["log_cholesky"])[0]
    scaled = factor @ np.swapaxes(factor, 1, 2) + np.diag(problem.bound)
    values |= {"log_cholesky": triangles_above(free, scaled)}
    other = climb(free.density, free.flat(values)[0])
    names = ("mean", "dispersion", "fraction")
    each = [
        one.variables(found.point[None, None]).isel(chain=0, draw=0, drop=True)[list(names)]
        for one, found in ((problem, base), (free, other))
    ]
    return xr.concat(each, "bound").assign_coords(bound=["with", "without"])


def _against_field(
    problem: ClusterProblem, base: Found, rng: np.random.Generator, found: bool
) -> float:
    """Log of the ratio of evidences with and without the cluster."""
    coordinates = problem.target.coordinates
    own = np.zeros(problem.size, dtype=bool)
    for one in problem.free():
        if one.name in CLUSTER:
            own[coordinates.slices[one.name]] = True
    alone = _field_maximum(problem, base, own, rng)
    gain = log_likelihood(problem, base.point) - alone
    cluster = Coordinates([one for one in problem.free() if one.name in CLUSTER])
    prior = _log_prior(cluster, base.point[own])
    rows = []
    for i in np.flatnonzero(own):
        step = STEP * (np.arange(problem.size) == i)
        up, down = problem.density(base.point + step)[1], problem.density(base.point - step)[1]
        rows.append(-(up - down)[own] / (2 * STEP))
    curvature = np.array(rows)
    # The mean is in the units of the data: each coordinate in its own width first.
    width = 1 / np.sqrt(np.maximum(np.abs(np.diag(curvature)), 1e-12))
    width[problem.d :] = 1.0
    values = np.linalg.eigvalsh((curvature + curvature.T) / 2 * np.outer(width, width))
    volume = np.log(width).sum() - 0.5 * np.log(np.maximum(values, FLATTEST)).sum()
    total = gain + prior + 0.5 * own.sum() * np.log(2 * np.pi) + volume
    if found:
        _, scale = field_scale(problem.data)
        sd = np.asarray(problem.priors["mean"].arguments.get("sigma", scale), dtype=float)
        total -= float(np.maximum(np.log(AS_WIDE * scale / (sd * np.sqrt(2 * np.pi))), 0).sum())
    return float(total)


def _log_prior(coordinates: Coordinates, point: np.ndarray) -> float:
    """Log prior density of flat coordinates."""
    from bayes_astro.likelihoods.priors import constrain

    values, slopes = np.empty((2, coordinates.length))
    return float(
        constrain(coordinates.table, np.ascontiguousarray(point), values, slopes, 0 * point)
    )


def _field_maximum(
    problem: ClusterProblem, base: Found, own: np.ndarray, rng: np.random.Generator
) -> float:
    """The highest log likelihood of a field without a cluster."""
    at = problem.target.coordinates.slices["fraction"].start
    fixed = base.point.copy()
    fixed[at] = NOWHERE

    def density(x: np.ndarray) -> tuple[float, np.ndarray]:
        point = fixed.copy()
        point[~own] = x
        value, gradient = problem.density(point)
        return value, gradient[~own]

    field = field_alone(problem, problem.laid, problem.fields, rng, restarts=2)
    weight = np.maximum(field.weight, 1e-4)
    other = problem.target.coordinates.values(base.point[None]) | {
        "field_weight": (weight / weight.sum())[None],
        "free_field_mean": (problem.shift + problem.scale * field.mean[:-1])[None],
        "log_cholesky": triangles_above(problem, field.covariance[:-1]),
    }
    best = -np.inf
    for start in (base.point, problem.flat(other)[0]):
        found = climb(density, start[~own])
        point = fixed.copy()
        point[~own] = found.point
        best = max(best, log_likelihood(problem, point))
    return best
