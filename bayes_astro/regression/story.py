"""The generative story of a line in PyMC, up to the true values that integrate out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.likelihoods.compiled import ready_pytensor
from bayes_astro.regression import predictor_population

if TYPE_CHECKING:
    import pymc as pm

__all__ = ["told"]

LOG_PRECISIONS = np.arange(
    -90.0, 5.0, 0.1
)  # of Student's scatter: finer and wider than the kernel's


def told(problem: Any) -> pm.Model:
    """Priors, the components' means and covariances, and their density of the rows."""
    ready_pytensor()
    import pymc as pm
    import pytensor.tensor as pt

    from bayes_astro.likelihoods.ops import RelationDensity

    priors, p, many = problem.priors, len(problem.predictors), problem.many
    with pm.Model(coords=problem.coords()) as model:
        slope = priors["slope"].variable("slope", dims="predictor")
        if many > 1:
            dims = ("component", "predictor")
            means = priors["component_mean"].variable("component_mean", dims=dims)
            widths = priors["component_width"].variable("component_width", dims=dims)
            alpha = np.full(many, float(priors["component_weight"].arguments["alpha"]))
            share = pm.Dirichlet("component_weight", alpha, dims="component")
            mean = pm.Deterministic("predictor_mean", share @ means, dims="predictor")
            square = share @ (widths**2 + means**2) - mean**2
            pm.Deterministic("predictor_width", pt.sqrt(square), dims="predictor")
        else:
            mean = priors["predictor_mean"].variable("predictor_mean", dims="predictor")
            width = priors["predictor_width"].variable("predictor_width", dims="predictor")
            means, widths, share = mean[None], width[None], pt.ones(1)
        if "intercept" in priors:
            intercept = priors["intercept"].variable("intercept")
            centre = pm.Deterministic("response_mean", intercept + pt.dot(slope, mean))
        else:
            centre = priors["response_mean"].variable("response_mean")
            intercept = pm.Deterministic("intercept", centre - pt.dot(slope, mean))
        pivot = problem.model.pivot_of(problem.data)
        if pivot is not None:
            pm.Deterministic("response_at_pivot", intercept + pt.dot(slope, pivot))
        scatter = priors["scatter"].variable("scatter") if "scatter" in priors else 0.0
        partial = None
        if problem.several:
            shape = problem._vine
            unit = pm.Beta("partial_unit", shape, shape, shape=shape.shape)
            of = ("component", "pair") if many > 1 else ("pair",)
            partial = pm.Deterministic("partial_correlation", 2 * unit - 1, dims=of)
            partial = partial if many > 1 else partial[None]
        precision, log_node = pt.ones(1), pt.zeros(1)
        if "degrees_of_freedom" in priors:
            half = 0.5 * priors["degrees_of_freedom"].variable("degrees_of_freedom")
            precision = pt.as_tensor(np.exp(LOG_PRECISIONS))
            log_node = half * (LOG_PRECISIONS - precision)
            log_node = log_node - pt.logsumexp(log_node)
        fraction = None
        if "outlier_fraction" in priors:
            fraction = priors["outlier_fraction"].variable("outlier_fraction")
            far = priors["outlier_mean"].variable("outlier_mean")
            spread = priors["outlier_scatter"].variable("outlier_scatter")
        weights, centres, matrices = [], [], []
        rest = 0.0 if fraction is None else pt.log1p(-fraction)
        ones = pt.ones_like(precision)
        stray = []
        for k in range(many):
            own = None if partial is None else partial[k]
            rows = predictor_population.cholesky(widths[k], own, p, pt.sqrt)
            factor = pt.stack([pt.stack(row) for row in rows])
            inner = factor @ factor.T
            along = inner @ slope
            response = centre + pt.dot(slope, means[k] - mean)
            joined = pt.concatenate([pt.concatenate([inner, along[:, None]], axis=1),
                                     pt.concatenate([along, pt.dot(slope, along)[None]])[None]])  # fmt: skip
            corner = np.zeros((p + 1, p + 1))
            corner[p, p] = 1.0
            variance = scatter**2 / precision
            matrices.append(joined[None] + variance[:, None, None] * corner)
            middle = pt.concatenate([means[k], response[None]])
            centres.append(ones[:, None] * middle[None])
            weights.append(rest + pt.log(share[k]) + log_node)
            if fraction is not None:
                apart = pt.concatenate([pt.concatenate([inner, pt.zeros((p, 1))], axis=1),
                                        pt.zeros((1, p + 1))])  # fmt: skip
                stray.append(
                    (
                        (pt.log(fraction) + pt.log(share[k]))[None],
                        pt.concatenate([means[k], far[None]])[None],
                        (apart + spread**2 * corner)[None],
                    )
                )
        for one in stray:
            for parts, part in zip((weights, centres, matrices), one, strict=True):
                parts.append(part)
        rows = problem.rows
        if rows.joint:
            _joint(rows, centres[0][0], matrices[0][0])
            return model
        data = rows.parts._asdict() | {"weight": rows.weight}
        held = [pm.Data(name, array) for name, array in data.items()]
        density = RelationDensity()(
            *(pt.concatenate(parts) for parts in (weights, centres, matrices)),
            *held, *problem.selected,
        )  # fmt: skip
        pm.Potential("measurements", density[0])
    return model


def _joint(rows: Any, mean: Any, matrix: Any) -> None:
    """One Gaussian of all measured entries of all rows."""
    import pymc as pm
    import pytensor.tensor as pt

    n, d = rows.value.shape
    own = np.zeros((n, d, n, d))
    for i in range(n):
        own[i, :, i, :] = rows.covariance[i]
    for j, joint in rows.joint:
        own[:, j, :, j] += joint
    seen = np.flatnonzero((rows.kind == 0).ravel())
    whole = pt.linalg.kron(pt.eye(n), matrix) + own.reshape(n * d, n * d)
    pm.MvNormal(
        "measurements", pt.tile(mean, n)[seen], cov=whole[seen][:, seen],
        observed=rows.value.ravel()[seen],
    )  # fmt: skip
