"""A cluster and its field as a PyMC model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.mixtures.story import table

if TYPE_CHECKING:
    import pymc as pm

__all__ = ["cluster_model"]


def cluster_model(problem: Any) -> pm.Model:
    """The story of a `ClusterProblem`; coordinates of its covariances as in `mixtures.story`."""
    import pymc as pm
    import pytensor.tensor as pt

    from bayes_astro.likelihoods.ops import InverseWishartTrace, MixtureDensity

    priors, columns, d, k = problem.priors, problem.columns, problem.d, problem.fields
    shift, scale, wings = problem.shift, problem.scale, problem.model.wings
    with pm.Model(coords=problem.coords()) as model:
        arrays = {name: pm.Data(name, array) for name, array in table(problem.laid).items()}
        centre = priors["mean"].variable("mean", dims="column")
        dispersion = priors["dispersion"].variable("dispersion", dims="spread")
        factor = pt.eye(d)
        if len(columns.pairs):
            correlation = priors["correlation"].variable("correlation", dims="pair")
            factor = _correlation_factor(columns.pairs, correlation, d)
        fraction = priors["fraction"].variable("fraction")
        parts, scales = [fraction], [1.0]
        if wings:
            wing = priors["wing_fraction"].variable("wing_fraction")
            wide = priors["wing_scale"].variable("wing_scale")
            parts, scales = [fraction * (1 - wing), fraction * wing], [1.0, wide**2]
        pm.Deterministic("members", fraction * problem.rows)
        root = (dispersion[columns.group] / scale)[:, None] * factor
        own = root @ root.T
        share = pm.Dirichlet(
            "field_weight",
            np.full(k + 1, float(priors["field_weight"].arguments["alpha"])),
            dims="component",
        )
        mu, sigma = (
            np.broadcast_to(np.asarray(priors["field_mean"].arguments[key]), (k, d))
            for key in ("mu", "sigma")
        )
        means = pm.Normal("free_field_mean", mu, sigma)
        rows, below = np.tril_indices(d)
        entries = pm.Flat("log_cholesky", shape=(k, len(rows)))
        diagonal = np.flatnonzero(rows == below)
        values = pt.set_subtensor(entries[:, diagonal], pt.exp(entries[:, diagonal]))
        triangles = pt.set_subtensor(pt.zeros((k, d, d))[:, rows, below], values)
        covariances = pt.matmul(triangles, triangles.mT) + np.diag(problem.bound)
        power = (d - np.arange(d) + 1) - (problem.nu + d + 1)
        pm.Potential(
            "covariance_prior",
            InverseWishartTrace()(triangles, problem.psi)[0]
            + pt.sum(power * entries[:, diagonal])
            + k * problem.constant,
        )
        weight = pt.concatenate([pt.stack(parts), (1 - fraction) * share])
        middle = pt.stack([(centre - shift) / scale] * len(parts))
        mean = pt.concatenate([middle, (means - shift) / scale, np.zeros((1, d))])
        covariance = pt.concatenate(
            [pt.stack([one * own for one in scales]), covariances, np.diag(problem.wide)[None]]
        )
        whole = np.outer(scale, scale)
        pm.Deterministic(
            "field_mean",
            pt.concatenate([means, shift[None]]),
            dims=("component", "column"),
        )
        pm.Deterministic(
            "field_covariance",
            whole * pt.concatenate([covariances, np.diag(problem.wide)[None]]),
            dims=("component", "column", "column_2"),
        )
        density = MixtureDensity()(
            weight,
            mean,
            covariance,
            pt.constant(0.0),
            arrays["table"],
            pt.cast(arrays["blocks"], "int64"),
            pt.cast(arrays["columns"], "int64"),
        )
        pm.Potential("measurements", density[0] + problem.laid.offset)
    return model


def _correlation_factor(pairs: np.ndarray, partial: Any, d: int) -> Any:
    """C of `likelihoods.cluster_membership`, row by row."""
    import pytensor.tensor as pt

    place = {(int(i), int(j)): p for p, (i, j) in enumerate(pairs)}
    factor = pt.zeros((d, d))
    for i in range(d):
        left: Any = pt.constant(1.0)
        for j in range(i):
            if (i, j) in place:
                one = partial[place[i, j]]
                factor = pt.set_subtensor(factor[i, j], one * pt.sqrt(left))
                left = left * (1 - one**2)
        factor = pt.set_subtensor(factor[i, i], pt.sqrt(left))
    return factor
