"""Models and baselines on the same footing: scores on data that none of them saw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.data.container import named
from bayes_astro.draws import affordable
from bayes_astro.sample_scores import NAMES, of_samples

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["compare"]


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
    import pandas as pd

    if not isinstance(models, dict) or not models:
        raise ValueError("models must be a dictionary: {'name': fitted model, ...}.")
    from bayes_astro.model import Estimator

    for name, model in models.items():
        if not isinstance(model, Estimator):
            raise ValueError(
                f"models[{name!r}] is a {type(model).__name__}, which is no model or baseline of "
                "bayes_astro; a regressor of scikit-learn goes into ba.baselines.Regressor(...)."
            )
    rows = {name: _scores(model, test, seed) for name, model in models.items()}
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.sort_values("log_score", ascending=False)


def _scores(model: Any, test: Any, seed: int) -> dict[str, float]:
    posterior = model.posterior["posterior"].to_dataset()
    if not isinstance(test, model.data_type):
        raise ValueError(
            f"{type(model).__name__} is scored on a {named(model.data_type)}, got "
            f"{type(test).__name__}."
        )
    found, own = {"log_score": model.score(test)}, model.scores(test)
    if set(NAMES) <= own.keys():
        found |= {name: own[name] for name in NAMES}
    else:
        truth = model.responses(test)
        draws = _about_a_thousand(posterior, affordable(1000, truth.size))
        replicated = model.replicate(draws, model.data, test, np.random.default_rng(seed))
        samples = replicated.values.reshape(draws.sizes["chain"] * draws.sizes["draw"], -1)
        found |= of_samples(samples, truth.ravel())
    found |= {"rows": len(test)} | own
    return {name: score for name, score in found.items() if score is not None}


def _about_a_thousand(draws: Any, count: int = 1000) -> Any:
    """Evenly spaced draws, or repeats of the few that there are: noise needs many."""
    wanted = max(1, count // draws.sizes["chain"])
    keep = np.linspace(0, draws.sizes["draw"] - 1, wanted).round().astype(int)
    return draws.isel(draw=keep)
