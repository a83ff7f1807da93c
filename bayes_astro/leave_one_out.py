"""Leave-one-out by importance sampling, and stacking: ArviZ's, of our fits."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from bayes_astro.draws import thinned

__all__ = ["elpd", "rows_stand_alone", "stacking_weights"]

FEWEST = 100  # draws of which a tail can be told
SAME = 1e-6  # of log densities


def elpd(model: Any) -> tuple[Any, str]:
    """ArviZ's PSIS-LOO of a fitted task, by row; or None, and why there is none."""
    import arviz_stats

    tree = model.posterior
    draws = tree["posterior"].to_dataset()
    if draws.sizes["chain"] * draws.sizes["draw"] < FEWEST:
        return (
            None,
            f"PSIS-LOO takes {FEWEST} draws or more; {model.record['sampler']['name']} has fewer",
        )
    if not rows_stand_alone(model):
        return None, (
            "given the parameters its rows still depend on each other, or have variables of their own, so "
            "that PSIS-LOO does not leave a row out; the folds do"
        )
    model.log_likelihood()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of large k, which is said with the rows
        return arviz_stats.loo(tree, pointwise=True), ""


def rows_stand_alone(model: Any) -> bool:
    """Whether the log likelihood of a row is the same without the others, given the parameters.

    Not where rows have variables of their own, which are of the posterior with that row.
    """
    data = model.data
    some = thinned(model.posterior["posterior"].to_dataset(), 4)
    if "row" in some.dims:
        return False
    kept = np.delete(np.arange(len(data)), len(data) // 2)
    whole = model.pointwise(some, data).values[..., kept]
    without = model.pointwise(some, data[kept]).values
    return bool(np.allclose(whole, without, rtol=SAME, atol=SAME))


def stacking_weights(log_densities: dict[str, np.ndarray]) -> dict[str, float]:
    """Weights of the mixture of predictions with the best score, from held-out log densities (n,).

    Yao et al. 2018, by ArviZ.
    """
    import arviz_stats

    if len(log_densities) == 1:
        return dict.fromkeys(log_densities, 1.0)
    found = {name: _as_elpd(values) for name, values in log_densities.items()}
    table = arviz_stats.compare(found, method="stacking", round_to="none")
    return {name: float(table.loc[name, "weight"]) for name in log_densities}


def _as_elpd(values: np.ndarray, copies: int = 16) -> Any:
    """Held-out log densities as what ArviZ compares: draws that are alike, with equal weights."""
    import arviz_stats
    import xarray as xr

    dims = ("chain", "draw", "row")
    density = xr.DataArray(np.broadcast_to(values, (1, copies, len(values))), dims=dims)
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({"draw_of": (dims[:2], np.zeros((1, copies)))}),
            "log_likelihood": xr.Dataset({"observation": density}),
        }
    )
    alike = xr.full_like(density, -np.log(copies))
    good = xr.zeros_like(density.isel(chain=0, draw=0))
    return arviz_stats.loo(tree, pointwise=True, reff=1.0, log_weights=alike, pareto_k=good)
