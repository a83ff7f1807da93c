"""Models and baselines on the same footing: scores on data that none of them saw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.data.container import named
from bayes_astro.draws import affordable

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["compare"]

AT_ONCE = 10_000_000  # samples


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
    truth = model.responses(test)
    draws = _about_a_thousand(posterior, affordable(1000, truth.size))
    found = {"log_score": model.score(test)}
    replicated = model.replicate(draws, model.data, test, np.random.default_rng(seed))
    samples = replicated.values.reshape(draws.sizes["chain"] * draws.sizes["draw"], -1)
    found |= _of_samples(samples, truth.ravel()) | {"rows": len(test)} | model.scores(test)
    return {name: score for name, score in found.items() if score is not None}


def _of_samples(samples: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Scores of samples (draws, values), where the truth is not nan, some values at a time."""
    measured = np.flatnonzero(~np.isnan(truth))  # several columns are scored one by one
    parts = []
    for at in np.array_split(measured, max(1, samples.shape[0] * len(measured) // AT_ONCE)):
        some, true = samples[:, at], truth[at]
        low95, low68, high68, high95 = np.quantile(some, [0.025, 0.16, 0.84, 0.975], axis=0)
        error = some.mean(axis=0) - true
        inside = [
            (true >= low) & (true <= high) for low, high in ((low68, high68), (low95, high95))
        ]
        parts.append([_crps(some, true), error**2, error, *inside])
    crps, square, bias, *coverage = (
        float(np.mean(np.concatenate(x))) for x in zip(*parts, strict=True)
    )
    found = {"crps": crps, "rmse": float(np.sqrt(square)), "bias": bias}
    return found | {"coverage_68": coverage[0], "coverage_95": coverage[1]}


def _about_a_thousand(draws: Any, count: int = 1000) -> Any:
    """Evenly spaced draws, or repeats of the few that there are: noise needs many."""
    wanted = max(1, count // draws.sizes["chain"])
    keep = np.linspace(0, draws.sizes["draw"] - 1, wanted).round().astype(int)
    return draws.isel(draw=keep)


def _crps(samples: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """CRPS of samples (draws, rows): mean of abs(X - y) less half of that of abs(X - X'), by sorting."""
    count = len(samples)
    ordered = np.sort(samples, axis=0)
    weight = 2 * np.arange(1, count + 1) - count - 1
    spread = (weight[:, None] * ordered).sum(axis=0) / (count * (count - 1))
    return np.mean(np.abs(samples - truth), axis=0) - spread
