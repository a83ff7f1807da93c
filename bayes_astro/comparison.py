"""Models and baselines on the same footing: scores on data that none of them saw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro import sample_scores
from bayes_astro.data.container import named
from bayes_astro.draws import affordable
from bayes_astro.predictions import log_densities
from bayes_astro.sample_scores import NAMES, of_each

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["HeldOut", "check_models", "compare", "held_out", "pooled", "ranked"]


def compare(models: dict[str, Any], test: Any, *, seed: int = 0) -> pd.DataFrame:
    """Score fitted models and baselines on held-out data.

    A baseline is a posterior with one atom, so all go the same way.

    Parameters
    ----------
    models : dict of str to fitted model or baseline
        By the name of the row that each gets.
    test : container
        Data that none of them was fitted to.
    seed : int
        Of the predictive draws.

    Returns
    -------
    pandas.DataFrame
        One row a model, the best log score first: ``log_score`` (`score` of the model: mean log
        predictive density of a row, higher is better), ``crps`` (continuous ranked probability
        score, in the unit of the response, lower is better), ``rmse`` and ``bias`` of the
        predictive mean, ``coverage_68`` and ``coverage_95`` of the central predictive intervals,
        and ``rows``. Where several columns are measured, all but the log score are of each column
        by itself. Densities of redshift have more, and some of these by another definition
        (`bayes_astro.photoz.scores`). A thousand draws are used, or as many as fit into 2 GB.

    Raises
    ------
    ValueError
        For data of another kind than a model takes, or models that are not fitted.

    References
    ----------
    Gneiting & Raftery 2007, J. Am. Stat. Assoc. 102, 359.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> points = ba.load("hogg-2010")[4:]
    >>> train, test = points[::2], points[1::2]
    >>> model = ba.LinearRelation("y")
    >>> bayes = model.fit(train, ba.Laplace(draws=400), seed=1, progress=False)
    >>> line = model.baseline().fit(train)
    >>> ba.compare({"Bayes": bayes, "least squares": line}, test)["rows"].tolist()
    [8, 8]
    """
    check_models(models, "fitted model")
    return ranked({name: pooled([held_out(model, test, seed)]) for name, model in models.items()})


def check_models(models: Any, what: str) -> None:
    """Raise ValueError for what is no dictionary of models and baselines."""
    from bayes_astro.estimator import Estimator

    if not isinstance(models, dict) or not models:
        raise ValueError(f"models must be a dictionary: {{'name': {what}, ...}}.")
    for name, model in models.items():
        if not isinstance(model, Estimator):
            raise ValueError(
                f"models[{name!r}] is a {type(model).__name__}, which is no model or baseline of "
                "bayes_astro; a regressor of scikit-learn goes into ba.baselines.Regressor(...)."
            )


def ranked(rows: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """One row a model, the best log score first."""
    import pandas as pd

    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.sort_values("log_score", ascending=False)


@dataclass(frozen=True)
class HeldOut:
    """What one fit says of rows that it has not seen.

    Attributes
    ----------
    log_density : array (n,)
        Log predictive density of every row.
    weight : array (n,) or None
        Of the rows.
    each : array (4, values) or None
        What `sample_scores.of_each` says; None where the task has scores of its own in the place.
    own : dict
        Scores of the task's own; None leaves one out.
    """

    log_density: np.ndarray
    weight: np.ndarray | None
    each: np.ndarray | None
    own: dict[str, Any]


def held_out(model: Any, test: Any, seed: int) -> HeldOut:
    """Predict rows that a fit has not seen."""
    posterior = model.posterior["posterior"].to_dataset()
    if not isinstance(test, model.data_type):
        raise ValueError(
            f"{type(model).__name__} is scored on a {named(model.data_type)}, got "
            f"{type(test).__name__}."
        )
    log_density, own = log_densities(model, test), model.scores(test)
    each = None
    if not set(NAMES) <= own.keys():
        truth = model.responses(test)
        draws = _about_a_thousand(posterior, affordable(1000, truth.size))
        replicated = model.replicate(draws, model.data, test, np.random.default_rng(seed))
        samples = replicated.values.reshape(draws.sizes["chain"] * draws.sizes["draw"], -1)
        each = of_each(samples, truth.ravel())
    return HeldOut(log_density, getattr(test, "weight", None), each, own)


def pooled(parts: list[HeldOut]) -> dict[str, Any]:
    """Scores of all rows together; a task's own are averages over the parts, by their rows."""
    weight = None if parts[0].weight is None else np.concatenate([one.weight for one in parts])  # type: ignore[misc]
    log_density = np.concatenate([one.log_density for one in parts])
    found: dict[str, Any] = {"log_score": float(np.average(log_density, weights=weight))}
    names = {name: None for one in parts for name in one.own}
    own = {name: _mean(name, parts) for name in names}
    each = [one.each for one in parts if one.each is not None]
    found |= sample_scores.pooled(each) if each else {name: own.get(name) for name in NAMES}
    found |= {"rows": len(log_density)} | own
    return {name: score for name, score in found.items() if score is not None}


def _mean(name: str, parts: list[HeldOut]) -> float | None:
    """A task's own score, averaged; of a root of a mean of squares the squares are."""
    known = [
        (one.own[name], len(one.log_density)) for one in parts if one.own.get(name) is not None
    ]
    if not known:
        return None
    values, rows = np.array(known, dtype=float).T
    if len(values) == 1:
        return float(values[0])
    if name == "rmse":
        return float(np.sqrt(np.average(values**2, weights=rows)))
    return float(np.average(values, weights=rows))


def _about_a_thousand(draws: Any, count: int = 1000) -> Any:
    """Evenly spaced draws, or repeats of the few that there are: noise needs many."""
    wanted = max(1, count // draws.sizes["chain"])
    keep = np.linspace(0, draws.sizes["draw"] - 1, wanted).round().astype(int)
    return draws.isel(draw=keep)
