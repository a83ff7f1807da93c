"""The same model on many objects."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro import sources
from bayes_astro.diagnostics import scalars
from bayes_astro.model import Model, checked_seed
from bayes_astro.objects import QUANTILES, object_seed
from bayes_astro.samplers.progress import Interrupt, interrupted, interruptible, warn_interrupted

if TYPE_CHECKING:
    import pandas as pd

    from bayes_astro.samplers import Sampler

__all__ = ["fit_each", "one_by_one"]

CHUNK = 256  # objects in memory at a time


def fit_each(
    model: Model,
    items: Any,
    *,
    seed: int | None = None,
    sampler: Sampler | None = None,
    columns: dict[str, str] | None = None,
) -> pd.DataFrame:
    """Fit one model to each of many objects.

    An object that cannot be fitted becomes a row with its status and the error's text. The seed of
    an object depends on `seed` and its name alone, so order and subsets change nothing. Priors that
    the model does not state are scaled from each object's own data. Nothing is compiled after the
    first object. Ctrl-C ends the run and keeps the rows that are done; that of the object that it
    cut has the status "interrupted". Where the iterable itself raises an error, the objects before
    it are fitted, and a last row holds the error.

    Parameters
    ----------
    model : Model
        Not changed.
    items : iterable of containers, dict of name to container, nested-pandas frame, or path of a folder
        Objects are taken as they are needed, some hundred at a time: a generator may go on for
        ever. Without names, each container's own name is used, or its position. Of a frame each row
        is an object, named by the index, with its points in a nested column; of a folder each file
        is one.
    seed : int, optional
        Same seed, same draws. None draws one.
    sampler : Sampler, optional
        Default: that of the task; periodograms in white noise have 1000 draws a row.
    columns : dict of str to str, optional
        Of a frame or folder, the column of each field of the container, as ``{"time": "mjd",
        "value": "mag", "error": "magerr"}``.

    Returns
    -------
    pandas.DataFrame
        One row an object, indexed by name: status ("ok", "failed", "interrupted"), error_type,
        error, n_obs, seed, ms, rhat_max, ess_min, n_divergent, and for every parameter _mean, _sd,
        _q025, _q16, _q50, _q84, _q975.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> points = ba.load("hogg-2010")
    >>> samples = {"all": points, "clean": points[4:], "too few": points[:1]}
    >>> quick = ba.Laplace(draws=200)
    >>> table = ba.fit_each(ba.LinearRelation("y"), samples, seed=1, sampler=quick)
    >>> table[["status", "n_obs"]]
             status  n_obs
    name
    all          ok     20
    clean        ok     16
    too few  failed      1
    """
    import pandas as pd

    if isinstance(items, model.data_type):
        raise ValueError(
            f"fit_each takes a list or dictionary of containers, got one {type(items).__name__}: "
            "use model.fit(data)."
        )
    source = sources.objects(items, model.data_type, columns)
    seed, rows, error = checked_seed(seed), [], None
    asked = 0
    with interruptible() as stop:
        while not stop:
            chunk, error = _next(source)
            asked += len(chunk)
            rows += _in_order(model, chunk, sampler, seed, stop)
            if len(chunk) < CHUNK or error is not None:
                break
    whole = [row for row in rows if row["status"] != "interrupted"]
    sized = hasattr(items, "__len__") and not isinstance(items, str)
    if stop and not (sized and len(whole) == len(items)):
        warn_interrupted(f"{len(whole)}{f' of {len(items)}' if sized else ''} objects are done.")
    if error is not None:
        rows.append(_failed({"name": f"after {asked} objects"}, error))
    table = pd.DataFrame(rows)
    return table.set_index("name") if len(table) else table


def _next(source: Iterator[tuple[str, Any]]) -> tuple[list[tuple[str, Any]], Exception | None]:
    """The next objects, and the error with which they ended."""
    found: list[tuple[str, Any]] = []
    try:
        for pair in islice(source, CHUNK):
            found.append(pair)
    except Exception as error:  # whatever a user's generator does
        return found, error
    return found, None


def _in_order(
    model: Model, chunk: list[tuple[str, Any]], sampler: Any, seed: int, stop: Interrupt
) -> list[dict[str, Any]]:
    """Rows of objects, and of those that could not be read, in their order."""
    good = [(name, data) for name, data in chunk if not isinstance(data, sources.Unreadable)]
    found = {row["name"]: row for row in (_rows(model, good, sampler, seed, stop) if good else [])}
    for name, data in chunk:
        if isinstance(data, sources.Unreadable):
            row = {"name": name, "n_obs": 0, "seed": object_seed(seed, name), "ms": 0.0}
            found[name] = _failed(row, data.error)
    return [found[name] for name, _ in chunk if name in found]


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
