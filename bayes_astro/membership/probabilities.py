"""How probable it is that a star is a member, draw by draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.draws import thinned
from bayes_astro.membership.cluster_layout import share_of_cluster
from bayes_astro.mixtures import log_densities

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from bayes_astro.data import Measurements

__all__ = ["of_draws", "table"]

QUANTILES = {"q025": 0.025, "q16": 0.16, "median": 0.5, "q84": 0.84, "q975": 0.975}


def of_draws(model: Any, draws: xr.Dataset, data: Measurements) -> np.ndarray:
    """Probability of membership of every row for every draw, (draws, n)."""
    shift, scale = log_densities.frame_of(model, data)
    points = model.blocks(data, shift, scale)
    count = share_of_cluster(draws)
    found = []
    for weight, mean, covariance, _ in log_densities.scaled_draws(
        model.as_mixture(draws), shift, scale
    ):
        whole = log_densities.of_one(points, weight, mean, covariance, 0.0)
        own = log_densities.of_one(
            points, weight[:count].copy(), mean[:count].copy(), covariance[:count].copy(), 0.0
        )
        found.append(np.exp(np.minimum(own - whole, 0.0)))
    return np.array(found)


def table(model: Any, data: Measurements | None, draws: int | None) -> pd.DataFrame:
    """See `ClusterMembership.probability`."""
    import pandas as pd

    data = model.data if data is None else model.checked_columns(data)
    some = thinned(model.posterior["posterior"].to_dataset(), draws)
    values = of_draws(model, some, data)
    quantiles = np.quantile(values, list(QUANTILES.values()), axis=0)
    columns = dict(zip(QUANTILES, quantiles, strict=True))
    return pd.DataFrame({"mean": values.mean(axis=0), "sd": values.std(axis=0)} | columns)
