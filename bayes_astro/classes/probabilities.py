r"""Probabilities of the classes of measured objects, draw by draw.

.. code-block:: text

    p(c | x_i) = fraction_c p_c(x_i) / sum_b fraction_b p_b(x_i),
    p_c(x_i) = (1 - e) sum_k w_ck N(x_i; mean_ck, covariance_ck + S_i) + e Broad(x_i; S_i)

with x_i and S_i those columns alone that were measured. What is reported is the average of p(c | x_i)
over the draws: one fit is too sure of itself where few objects train, since it takes what those few do
not say for what is not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.classes.problem import BACKGROUND, class_of
from bayes_astro.data import Measurements
from bayes_astro.density import inputs
from bayes_astro.draws import thinned
from bayes_astro.mixtures.log_densities import of_one, scaled_draws
from bayes_astro.mixtures.mixture import Mixture

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "check_labels",
    "class_log_densities",
    "joined",
    "members",
    "posterior_of",
    "probabilities",
    "table",
]

STRANGE = 3  # fits by which rows are called unusual

AT_ONCE = 50_000  # rows
MOST = 2e9  # bytes


def members(draws: xr.Dataset) -> list[np.ndarray]:
    """Places of the components of each class, its background the last of them."""
    labels = [str(label) for label in draws["component"].values]
    names = [str(name) for name in draws["class"].values]
    return [
        np.array([k for k, one in enumerate(labels) if class_of(one) == name]) for name in names
    ]


def class_log_densities(draws: xr.Dataset, data: Measurements) -> np.ndarray:
    """log p_c(x_i) of every draw: (draws, class, n).

    A row in which nothing was measured has the density 1 in every class.
    """
    own = members(draws)
    count = draws.sizes["chain"] * draws.sizes["draw"]
    if (size := 8.0 * count * len(own) * len(data)) > MOST:
        raise ValueError(
            f"{len(data)} rows for {count} draws take {size / 1e9:.1f} GB: give fewer rows at a time, or "
            "draws=."
        )
    found = np.zeros((count, len(own), len(data)))
    shift, scale = _frame(draws)
    for first in range(0, len(data), AT_ONCE):
        rows = slice(first, first + AT_ONCE)
        part = data if len(data) <= AT_ONCE else data[rows]
        points = inputs.blocks(part, shift, scale, None)
        for s, (weight, mean, covariance, _) in enumerate(scaled_draws(draws, shift, scale)):
            for c, k in enumerate(own):
                found[s, c, rows] = of_one(points, weight[k], mean[k], covariance[k], 0.0)
    found[:, :, data.missing.all(axis=1)] = 0.0
    return found


def _frame(draws: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Middle and width of the background, which are those of all that trained."""
    at = [str(label).endswith(f"/{BACKGROUND}") for label in draws["component"].values]
    one = draws.isel(chain=0, draw=0, component=int(np.argmax(at)))
    return one["mean"].values, np.sqrt(np.diag(one["covariance"].values))


def probabilities(density: np.ndarray, fraction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """p(c | x_i) (draws, class, n), and log p(x_i) (draws, n), of `class_log_densities`.

    ``fraction``: (draws, class).
    """
    with np.errstate(divide="ignore"):
        joint = density + np.log(fraction)[:, :, None]
    top = joint.max(axis=1)
    share = np.exp(joint - top[:, None])
    whole = share.sum(axis=1)
    return share / whole[:, None], top + np.log(whole)


def posterior_of(draws: xr.Dataset, data: Measurements) -> tuple[np.ndarray, np.ndarray]:
    """The same of measured rows; of draws that are there many times, as those of few fits, once."""
    from xarray import DataArray

    lead = ("chain", "draw")
    fraction, mean = (draws[name].transpose(*lead, ...).values for name in ("fraction", "mean"))
    count = fraction.shape[0] * fraction.shape[1]
    fraction = fraction.reshape(count, -1)
    key = np.column_stack([fraction, mean.reshape(count, -1)])
    _, first, which = np.unique(key, axis=0, return_index=True, return_inverse=True)
    if len(first) == count:
        return probabilities(class_log_densities(draws, data), fraction)
    places = dict(zip(lead, np.divmod(first, draws.sizes["draw"]), strict=True))
    once = draws.drop_vars(lead, errors="ignore").isel(
        {name: DataArray(at, dims="one") for name, at in places.items()}
    )
    density = class_log_densities(once.rename(one="draw").expand_dims("chain"), data)
    share, evidence = probabilities(density, fraction[first])
    return share[which.ravel()], evidence[which.ravel()]


def table(draws: xr.Dataset, share: np.ndarray) -> xr.Dataset:
    """Averages and quantiles of probabilities (draws, class, n) over the draws, (row, class)."""
    import xarray as xr

    low, high = np.quantile(share, [0.16, 0.84], axis=0)
    arrays = {"probability": share.mean(axis=0), "sd": share.std(axis=0), "q16": low, "q84": high}
    return xr.Dataset(
        {name: (("row", "class"), array.T) for name, array in arrays.items()},
        {"class": draws["class"].values},
    )


def check_labels(names: tuple[str, ...], data: Any, verb: str) -> np.ndarray:
    """Places of the rows' labels among the classes; ValueError for what is not among them."""
    codes = data.codes(names)
    if not (codes < 0).any():
        return codes
    row = int(np.argmax(codes < 0))
    label = None if data.label is None else data.label[row]
    if label is None:
        gone = int((codes < 0).sum())
        raise ValueError(
            f"label: row {row} has none ({gone} of {len(data)} rows); {verb} labelled rows alone."
        )
    raise ValueError(
        f"label: row {row} is {label!r}, a class that training never saw ({', '.join(names)}): {verb} "
        "rows of these classes, and look for others with model.summary(data)."
    )


def joined(draws: xr.Dataset, count: int = STRANGE) -> Mixture:
    """All classes of some draws as one density, without the background."""
    whole = thinned(draws, count * draws.sizes["chain"]).isel(chain=0)
    weights, places = [], members(draws)
    for s in range(whole.sizes["draw"]):
        one = whole.isel(draw=s)
        weight = np.zeros(whole.sizes["component"])
        for c, k in enumerate(places):
            weight[k] = one["weight"].values[k] * float(one["fraction"][c])
        weights.append(weight)
    weight = np.concatenate(weights)
    labels = np.tile([str(label) for label in draws["component"].values], len(weights))
    kept = np.array([not label.endswith(f"/{BACKGROUND}") for label in labels]) & (weight > 0)
    mean = whole["mean"].transpose("draw", "component", ...).values
    covariance = whole["covariance"].transpose("draw", "component", ...).values
    return Mixture(
        (weight[kept] / weight[kept].sum())[None],
        mean.reshape(-1, mean.shape[2])[kept][None],
        covariance.reshape(-1, *covariance.shape[2:])[kept][None],
        tuple(draws["dimension"].values.tolist()),
    )
