"""The same model on many objects."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.diagnostics import scalars
from bayes_astro.model import Model, checked_seed
from bayes_astro.objects import QUANTILES, object_seed
from bayes_astro.samplers.progress import Interrupt, interrupted, interruptible, warn_interrupted

if TYPE_CHECKING:
    import pandas as pd

    from bayes_astro.samplers import Sampler

__all__ = ["fit_each", "one_by_one"]


def fit_each(
    model: Model,
    items: Any,
    *,
    seed: int | None = None,
    sampler: Sampler | None = None,
) -> pd.DataFrame:
    """Fit one model to each of many objects.

    An object that cannot be fitted becomes a row with its status and the error's text. The seed of
    an object depends on `seed` and its name alone, so order and subsets change nothing. Priors that
    the model does not state are scaled from each object's own data. Nothing is compiled after the
    first object. Ctrl-C ends the run and keeps the rows that are done; that of the object that it cut
    has the status "interrupted". Where the iterable itself raises an error, the objects before it are
    fitted, and a last row holds the error.

    Parameters
    ----------
    model : Model
        Not changed.
    items : iterable of containers, or dict of name to container
        Without names, each container's own name is used, or its position.
    seed : int, optional
    sampler : Sampler, optional

    Returns
    -------
    pandas.DataFrame
        One row an object, indexed by name: status ("ok", "failed", "interrupted"), error_type, error,
        n_obs, seed, ms, rhat_max, ess_min, n_divergent, and for every parameter _mean, _sd, _q025, _q16,
        _q50, _q84, _q975.
    """
    import pandas as pd

    if isinstance(items, model.data_type):
        raise ValueError(
            f"fit_each takes a list or dictionary of containers, got one {type(items).__name__}: "
            "use model.fit(data)."
        )
    if isinstance(items, dict):
        pairs, error = list(items.items()), None
    else:
        listed, error = _listed(items)
        pairs = _named(listed)
    if len({name for name, _ in pairs}) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"Two objects are called {twice!r}: give a dictionary with unique names.")
    with interruptible() as stop:
        rows = _rows(model, pairs, sampler, checked_seed(seed), stop)
    whole = [row for row in rows if row["status"] != "interrupted"]
    if len(whole) < len(pairs):
        warn_interrupted(f"{len(whole)} of {len(pairs)} objects are done.")
    if error is not None:
        rows.append(_failed({"name": f"after {len(pairs)} objects"}, error))
    table = pd.DataFrame(rows)
    return table.set_index("name") if len(table) else table


def _listed(items: Iterable[Any]) -> tuple[list[Any], Exception | None]:
    """The objects that an iterable gives, and the error with which it ended."""
    found = []
    try:
        for item in items:
            found.append(item)
    except Exception as error:  # whatever a user's generator does
        return found, error
    return found, None


def _named(listed: list[Any]) -> list[tuple[str, Any]]:
    names = [getattr(item, "name", "") or str(i) for i, item in enumerate(listed)]
    if len(set(names)) < len(names):
        names = [str(i) for i in range(len(listed))]
    return list(zip(names, listed, strict=True))


def _rows(
    model: Model, items: Any, sampler: Any, seed: int, stop: Interrupt
) -> list[dict[str, Any]]:
    """One row an object: by the task's own kernel for many, where it has one, or one by one."""
    from bayes_astro.problem import Batched

    problem = None
    for _, data in items:
        try:
            first = model._checked(data)
            problem = model.problem(first, model.resolve_priors(first))
            break
        except Exception:  # an object's fault becomes its row, below
            continue
    found = problem.batch(items, sampler, seed, stop) if isinstance(problem, Batched) else None
    return one_by_one(model, items, sampler, seed, stop) if found is None else found


def one_by_one(
    model: Model, items: list[tuple[str, Any]], sampler: Any, seed: int, stop: Interrupt
) -> list[dict[str, Any]]:
    """Fit one object after the other, until `stop`."""
    found = []
    for name, data in items:
        if stop:
            break
        single = model.copy()
        started = time.perf_counter()
        own = object_seed(seed, name)
        row: dict[str, Any] = {"name": name, "status": "ok", "error_type": "", "error": ""}
        row |= {"n_obs": len(data) if hasattr(data, "__len__") else 0, "seed": own}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)
                single.fit(data, sampler, seed=own, progress=False)
            fitted = single.__sklearn_is_fitted__()
            if interrupted(single.posterior if fitted else None):
                row["status"], stop.pressed = "interrupted", True
            if fitted:
                row |= _columns(single)
        except Exception as error:  # the object's fault becomes its row, whatever it is
            row = _failed(row, error)
        row["ms"] = 1000 * (time.perf_counter() - started)
        found.append(row)
    return found


def _failed(row: dict[str, Any], error: Exception) -> dict[str, Any]:
    text = str(error)[:200]
    return row | {"status": "failed", "error_type": type(error).__name__, "error": text}


def _columns(model: Model) -> dict[str, Any]:
    """Diagnosis and quantiles of one fit."""
    tree = model.posterior
    row: dict[str, Any] = {"rhat_max": np.nan, "ess_min": np.nan, "n_divergent": 0}
    exact = (model.record["sampler"] or {}).get("name") == "Exact"
    if exact:
        row["ess_min"] = float(tree["posterior"].sizes["chain"] * tree["posterior"].sizes["draw"])
    else:
        table = model.summary()
        row["rhat_max"], row["ess_min"] = table["rhat"].max(), table["ess_bulk"].min()
        if "diverging" in tree["sample_stats"]:
            row["n_divergent"] = int(tree["sample_stats"]["diverging"].sum())
    for label, values, _ in scalars(tree["posterior"].to_dataset()):
        row[f"{label}_mean"], row[f"{label}_sd"] = values.mean(), values.std()
        for suffix, quantile in zip(
            QUANTILES, np.quantile(values, list(QUANTILES.values())), strict=True
        ):
            row[f"{label}_{suffix}"] = quantile
    if "evidence" in tree:
        for name, array in tree["evidence"].data_vars.items():
            if array.ndim == 0:
                row[str(name)] = float(array)
    return row
