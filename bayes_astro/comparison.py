"""Models and baselines on the same footing: scores on data that none of them saw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["compare"]


def compare(models: dict[str, Any], test: Any, *, seed: int = 0) -> pd.DataFrame:
    """Score fitted models and baselines on held-out data.

    A baseline is a posterior with one atom, so all go the same way.

    Parameters
    ----------
    models : dict of str to fitted model or baseline
    test : container
        Data that none of them was fitted to.
    seed : int
        Of the predictive draws.

    Returns
    -------
    pandas.DataFrame
        One row a model, the best log score first: ``log_score`` (`score` of the model: mean log
        predictive density of a row, higher is better), ``crps`` (continuous ranked probability score, in the unit of the
        response, lower is better), ``rmse`` and ``bias`` of the predictive mean,
        ``coverage_68`` and ``coverage_95`` of the central predictive intervals, and ``rows``.
        Where several columns are measured, all but the log score are of each column by itself.
        Densities of redshift have more, and some of these by another definition
        (`bayes_astro.photoz.scores`).

    Raises
    ------
    ValueError
        For data of another kind than a model takes, or models that are not fitted.

    References
    ----------
    Gneiting & Raftery 2007, J. Am. Stat. Assoc. 102, 359.
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
    draws = _about_a_thousand(posterior)
    if not isinstance(test, model.data_type):
        raise ValueError(
            f"{type(model).__name__} is scored on a {model.data_type.__name__}, got "
            f"{type(test).__name__}."
        )
    replicated = model.replicate(draws, model.data, test, np.random.default_rng(seed))
    truth = model.responses(test)
    samples = replicated.values.reshape(-1, *truth.shape)
    measured = ~np.isnan(truth)  # several columns are scored one by one, missing values left out
    truth, samples = truth[measured], samples[:, measured]
    low95, low68, high68, high95 = np.quantile(samples, [0.025, 0.16, 0.84, 0.975], axis=0)
    error = samples.mean(axis=0) - truth
    found = {
        "log_score": model.score(test),
        "crps": float(np.mean(_crps(samples, truth))),
        "rmse": float(np.sqrt(np.mean(error**2))),
        "bias": float(np.mean(error)),
        "coverage_68": float(np.mean((truth >= low68) & (truth <= high68))),
        "coverage_95": float(np.mean((truth >= low95) & (truth <= high95))),
        "rows": len(test),
    } | model.scores(test)
    return {name: score for name, score in found.items() if score is not None}


def _about_a_thousand(draws: Any) -> Any:
    """Evenly spaced draws, or repeats of the few that there are: noise needs many."""
    wanted = max(1, 1000 // draws.sizes["chain"])
    keep = np.linspace(0, draws.sizes["draw"] - 1, wanted).round().astype(int)
    return draws.isel(draw=keep)


def _crps(samples: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """CRPS of samples (draws, rows): mean of abs(X - y) less half of that of abs(X - X'), by sorting."""
    count = len(samples)
    ordered = np.sort(samples, axis=0)
    weight = 2 * np.arange(1, count + 1) - count - 1
    spread = (weight[:, None] * ordered).sum(axis=0) / (count * (count - 1))
    return np.mean(np.abs(samples - truth), axis=0) - spread
