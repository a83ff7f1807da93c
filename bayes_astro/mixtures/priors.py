"""The conjugate priors of a mixture: how they are declared, and which scales go."""

from __future__ import annotations

import numpy as np

from bayes_astro.parameters import Parameter
from bayes_astro.priors import Prior

__all__ = ["check_wishart", "conjugate"]

CONJUGATE = "with another EM and the draws of its conditionals are not possible"


def conjugate(weight: Prior, mean: Prior, covariance: Prior) -> list[Parameter]:
    """Weights, means and covariances with their default priors."""
    return [
        Parameter("weight", weight, families=("Dirichlet",), because=CONJUGATE),
        Parameter("mean", mean, ("dimension",), families=("Normal",), because=CONJUGATE),
        Parameter("covariance", covariance, families=("InverseWishart",), because=CONJUGATE),
    ]


def check_wishart(prior: Prior, d: int) -> None:
    """Raise ValueError for an inverse Wishart that is not one of d dimensions."""
    scale = np.asarray(prior.arguments["scale"])
    if scale.shape not in ((), (d,), (d, d)):
        raise ValueError(
            f"Prior of 'covariance': scale has shape {scale.shape}, expected {(d, d)}."
        )
    if not prior.arguments["nu"] > d - 1:
        raise ValueError(f"Prior of 'covariance': nu must be above {d - 1}, d - 1.")
