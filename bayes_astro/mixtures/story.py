"""A mixture of Gaussians behind noisy measurements as a PyMC model, for every task that has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.likelihoods.mixture_blocks import Blocks
from bayes_astro.mixtures import selection
from bayes_astro.mixtures.expectation import Conjugate, Deconvolution

if TYPE_CHECKING:
    import pymc as pm

__all__ = ["mixture_model", "mixture_terms", "table"]


def table(points: Blocks) -> dict[str, np.ndarray]:
    """Measurements as ``pm.Data`` holds them, which would cut integers down to 32 bits."""
    names = ("table", "blocks", "columns")
    return {n: a.astype(float) for n, a in zip(names, points.arrays(), strict=True)}


def mixture_model(
    problem: Deconvolution,
    shift: np.ndarray,
    scale: np.ndarray,
    labels: list[str],
    names: tuple[str, ...],
    constants: dict[str, tuple[np.ndarray, str | None]] | None = None,
    bands: tuple[str, ...] = (),
) -> pm.Model:
    """The story of `problem`, whose coordinates are (v - shift) / scale.

    Covariances are sampled as triangles L with V = L L', logarithms on the diagonal, in units of the
    frame; their prior in these coordinates is the inverse Wishart times the Jacobian
    2^d prod_j L_jj^(d - j + 1).

    Parameters
    ----------
    problem : Deconvolution
        With a `Conjugate` prior.
    shift, scale : (d,) arrays
    labels, names : of the components and of the dimensions
    constants : dict of str to (value, "band" or None), optional
        What is settled before and belongs to the posterior's variables.
    bands : tuple of str
    """
    import pymc as pm
    import pytensor.tensor as pt

    coords: dict[str, Any] = {"component": labels, "dimension": names, "dimension_2": names}
    coords |= {"band": bands} if bands else {}
    with pm.Model(coords=coords) as model:
        weight, means, covariances, uniform = mixture_terms(problem)
        pm.Deterministic("weight", weight, dims="component")
        if uniform is not None:
            pm.Deterministic("background", uniform)
        pm.Deterministic("mean", shift + scale * means, dims=("component", "dimension"))
        pm.Deterministic(
            "covariance",
            np.outer(scale, scale) * covariances,
            dims=("component", "dimension", "dimension_2"),
        )
        for name, (value, dim) in (constants or {}).items():
            pm.Deterministic(name, pt.as_tensor_variable(value), dims=dim)
    return model


def mixture_terms(problem: Deconvolution, suffix: str = "") -> tuple[Any, Any, Any, Any]:
    """Within a model: weights, means, covariances and weight of a uniform component, with prior and data.

    `suffix` is of the names of the free variables, where there are several mixtures.
    """
    import pymc as pm
    import pytensor.tensor as pt

    from bayes_astro.likelihoods.ops import InverseWishartTrace, MixtureDensity

    layout, prior = problem.layout, problem.prior
    assert isinstance(prior, Conjugate)
    d = layout.d
    arrays = {name: pm.Data(name + suffix, array) for name, array in table(problem.points).items()}
    shares = pt.as_tensor_variable(np.nan_to_num(layout.fixed_weight))
    if len(layout.free_weight) > 1:
        share = pm.Dirichlet("share" + suffix, np.full(len(layout.free_weight), prior.alpha))
        shares = pt.set_subtensor(shares[layout.free_weight], layout.remainder * share)
    elif len(layout.free_weight) == 1:
        shares = pt.set_subtensor(shares[layout.free_weight], layout.remainder)
    weight, uniform = shares[: layout.components], shares[-1] if layout.uniform else None
    means = pt.as_tensor_variable(np.nan_to_num(layout.fixed_mean))
    if len(layout.free_mean):
        mean = pm.Normal(
            "free_mean" + suffix, np.broadcast_to(prior.mean, (len(layout.free_mean), d)), prior.sd
        )
        means = pt.set_subtensor(means[layout.free_mean], mean)
    covariances = pt.as_tensor_variable(np.nan_to_num(layout.fixed_covariance))
    if count := len(layout.free_covariance):
        rows, columns = layout.triangle
        entries = pm.Flat("log_cholesky" + suffix, shape=(count, len(rows)))
        diagonal = np.flatnonzero(rows == columns)
        values = pt.set_subtensor(entries[:, diagonal], pt.exp(entries[:, diagonal]))
        factor = pt.set_subtensor(pt.zeros((count, d, d))[:, rows, columns], values)
        covariances = pt.set_subtensor(
            covariances[layout.free_covariance], pt.matmul(factor, factor.mT)
        )
        power = (d - np.arange(d) + 1) - (prior.nu + d + 1)
        pm.Potential(
            "covariance_prior" + suffix,
            InverseWishartTrace()(factor, prior.psi)[0]
            + pt.sum(power * entries[:, diagonal])
            + count * selection.log_normalisation(prior, d),
        )
    density = MixtureDensity()(
        weight,
        means,
        covariances,
        pt.constant(0.0) if uniform is None else uniform,
        arrays["table"],
        pt.cast(arrays["blocks"], "int64"),
        pt.cast(arrays["columns"], "int64"),
    )
    pm.Potential("measurements" + suffix, density[0] + problem.points.offset)
    return weight, means, covariances, uniform
