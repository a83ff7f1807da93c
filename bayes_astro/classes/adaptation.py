r"""The classes' fractions in another population, whose objects have no labels.

If objects of class c look the same in both (prior shift), all that changes is how often each class is. The
fractions f of the new population have the likelihood

.. code-block:: text

    prod_i sum_c f_c p_c(x_i)

with the densities p_c of the training set; its maximum is what EM finds from the probabilities (Saerens et
al. 2002). Here f has its Dirichlet prior, and is drawn by turns with the classes z of the objects,

.. code-block:: text

    z_i ~ f_c p_c(x_i) / sum_b f_b p_b(x_i),      f ~ Dirichlet(alpha + counts of z),

for each fit of the densities in turn, so that what the training set leaves open is in the answer. What is not:
densities that are wrong. A class of two in a hundred is known no better than the tails of the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.classes import inputs
from bayes_astro.classes.probabilities import class_log_densities, joined, probabilities
from bayes_astro.data import Measurements
from bayes_astro.draws import thinned
from bayes_astro.mixtures import strangeness
from bayes_astro.priors import recorded

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["GROUP", "adapted", "draw_fractions", "table"]

GROUP = "adaptation"
FITS, DRAWS, WARM_UP, STEPS = 50, 4000, 20, 200
MANY, FEWER = 20_000, 1000
"""Fits of the densities, draws of the fractions in all, sweeps that are not kept, steps of EM; rows from which
there are fewer draws."""


def draw_fractions(
    density: np.ndarray, alpha: np.ndarray, draws: int, rng: np.random.Generator
) -> np.ndarray:
    """Draws (draws, class) of the fractions, given log densities (class, n) of one fit."""
    if not density.shape[1]:
        return rng.dirichlet(alpha, draws)
    likelihood = np.exp(density - density.max(axis=0)).T
    fraction = alpha / alpha.sum()
    for _ in range(STEPS):
        share = likelihood * fraction
        share /= share.sum(axis=1, keepdims=True)
        new = share.sum(axis=0) + alpha
        new /= new.sum()
        done = np.abs(new - fraction).max() < 1e-5
        fraction = new
        if done:
            break
    found = np.empty((draws, len(alpha)))
    for s in range(-WARM_UP, draws):
        edges = np.cumsum(likelihood * fraction, axis=1)
        z = (rng.uniform(size=(len(edges), 1)) * edges[:, -1:] > edges[:, :-1]).sum(axis=1)
        fraction = rng.dirichlet(alpha + np.bincount(z, minlength=len(alpha)))
        if s >= 0:
            found[s] = fraction
    return found


def adapted(model: Any, data: Measurements, seed: int | None) -> Any:
    """See `MixtureClassifier.adapt`."""
    import xarray as xr

    seen = ~data.missing.all(axis=1)
    if not seen.any():
        raise ValueError("nothing was measured in any row: there is nothing to adapt to.")
    rng = np.random.default_rng([model.record["seed"] if seed is None else seed, 3])
    posterior = model.posterior["posterior"].to_dataset()
    some = thinned(posterior, FITS)
    names = model.classes
    alpha = _alpha(model)
    density = class_log_densities(some, data)
    wanted = DRAWS if len(data) < MANY else FEWER
    each = -(-wanted // len(density))
    drawn = np.array([draw_fractions(one[:, seen], alpha, each, rng) for one in density])
    # Each draw of the densities takes fractions that were drawn with it, or with its neighbour.
    count = posterior.sizes["chain"] * posterior.sizes["draw"]
    nearest = np.linspace(0, len(drawn) - 1, count).round().astype(int)
    fraction = drawn[nearest, rng.integers(each, size=count)]
    before, _ = probabilities(density, _fractions(some))
    after, _ = probabilities(density, drawn[:, rng.integers(each)])
    old, new = (share.mean(axis=0).argmax(axis=0) for share in (before, after))
    changed = old != new
    counts = {
        "objects": np.bincount(new, minlength=len(names)),
        "changed_to": np.bincount(new[changed], minlength=len(names)),
        "changed_from": np.bincount(old[changed], minlength=len(names)),
    }
    found = model.copy()
    tree = model.posterior.copy(deep=True)
    shape = posterior["fraction"].transpose("chain", "draw", "class").shape
    values = posterior.assign(
        fraction=(("chain", "draw", "class"), fraction.reshape(shape), posterior["fraction"].attrs)
    )
    tree["posterior"] = xr.DataTree(values)
    found._tree = tree
    # Of objects in these fractions, with these errors.
    tree["reference"]["statistic"].values[:] = strangeness.reference(
        joined(values), data[seen] if not seen.all() else data, np.random.default_rng(11)
    )
    tails = found._tail(data)[seen]
    tree[GROUP] = xr.DataTree(
        xr.Dataset(
            {
                "fraction": (("sample", "class"), drawn.reshape(-1, len(names))),
                "training": ("class", _known(model) / _known(model).sum()),
                "tail_probability": ("object", tails),
                **{name: ("class", value) for name, value in counts.items()},
            },
            {"class": list(names)},
        )
    )
    return found


def _fractions(draws: Any) -> np.ndarray:
    values = draws["fraction"].transpose("chain", "draw", "class").values
    return values.reshape(-1, values.shape[2])


def table(model: Any) -> pd.DataFrame:
    """See `MixtureClassifier.fractions`."""
    import pandas as pd
    from scipy.stats import beta

    names = list(model.classes)
    levels = {"q025": 0.025, "q16": 0.16, "median": 0.5, "q84": 0.84, "q975": 0.975}
    tree = model.posterior
    if GROUP not in tree:
        counts = _known(model)
        own = beta(counts, counts.sum() - counts)
        columns = {"mean": own.mean(), "sd": own.std()}
        return pd.DataFrame(columns | {k: own.ppf(q) for k, q in levels.items()}, index=names)
    group = tree[GROUP]
    drawn = group["fraction"].values
    columns = {"mean": drawn.mean(axis=0), "sd": drawn.std(axis=0)}
    columns |= {name: np.quantile(drawn, q, axis=0) for name, q in levels.items()}
    columns |= {
        name: group[name].values for name in ("training", "objects", "changed_to", "changed_from")
    }
    return pd.DataFrame(columns, index=names)


def _known(model: Any) -> np.ndarray:
    """Parameters of the Dirichlet posterior of the fractions in the training set."""
    rows = inputs.labelled(model.data, model.brightness)
    weight = getattr(rows, "weight", None)
    counts = np.bincount(rows.codes(model.classes), weight, minlength=len(model.classes))
    return counts + _alpha(model)


def _alpha(model: Any) -> np.ndarray:
    """Of the prior of the fractions."""
    alpha = recorded(model)["fraction"].arguments["alpha"]
    return np.broadcast_to(np.asarray(alpha, dtype=float), (len(model.classes),))
