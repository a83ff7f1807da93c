"""Models and baselines on the same footing: every row predicted by a fit that has not seen it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro import leave_one_out
from bayes_astro.comparison import HeldOut, check_models, held_out, pooled, ranked
from bayes_astro.folds import Folds, of_rows
from bayes_astro.names import nearest
from bayes_astro.predictions import checked_seed
from bayes_astro.samplers.progress import (
    Progress,
    interrupted,
    interruptible,
    warn_interrupted,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["cross_validate", "mean_and_error"]

NAMED = 10  # rows in a warning


def cross_validate(
    models: dict[str, Any],
    data: Any,
    folds: int = 5,
    by: Any = None,
    seed: int | None = None,
    *,
    samplers: Any = None,
    loo: bool = False,
    progress: bool = True,
) -> pd.DataFrame:
    """Score models and baselines on rows that are left out in turn.

    Each is fitted once a fold, to the other folds, and predicts the rows of its own: every row is
    predicted once, by a fit that has not seen it, and all models have the same folds.

    Parameters
    ----------
    models : dict of str to model or baseline
        By the name of the row that each gets. They are not changed, and need not be fitted.
    data : container
        That all of them take.
    folds : int
        How many; the number of rows, or of groups, leaves out each in turn.
    by : str or array (n,), optional
        What is left out together. Default: rows at random. The name of a column of labels
        ("label", "band", "names", ...) or an array with one group a row: groups are never split, which
        is right where rows of one object, field or night are alike. "time": contiguous
        blocks, which asks for a forecast of hours or years and not of the gap between two neighbours.
        As many groups as folds are folds of your own.
    seed : int, optional
        Of the folds, of every fit and of the predictive draws. None draws one (``attrs["seed"]``).
    samplers : Sampler, or dict of str to Sampler, optional
        For all models, or for those that are named. Default: each model's own. Baselines have none.
    loo : bool
        Fit all rows, too, and add leave-one-out by Pareto-smoothed importance sampling (ArviZ's).
    progress : bool
        Show a progress bar.

    Returns
    -------
    pandas.DataFrame
        One row a model, the best log score first. The columns of `ba.compare`, over all rows together
        (a score that a task adds is averaged over the folds, by their rows). Then

        - ``log_score_difference`` to the best, and its standard error ``log_score_difference_error``,
          from the differences row by row: where folds are by group, rows of a group count as one;
          by time, contiguous pieces of n^(1/3) rows;
        - ``stacking_weight`` in the mixture of all with the best score of left-out rows;
        - ``folds``; ``failed``, the fits whose diagnosis failed, and ``failures``, which checks of
          which fold.

        With `loo` also ``elpd_loo`` (a sum over rows, of `log_likelihood`) with ``elpd_loo_error``,
        ``worst_pareto_k``, ``high_pareto_k`` (rows of which it cannot be told) and ``loo_weight``, of
        stacking; nan for baselines, which have no posterior, and where rows depend on each other. Of few
        rows it is too good where priors are the defaults, which are made from all rows.

        A model one of whose fits raises an error has no scores, which would be of fewer rows than
        those of others: it stands last, nan, the error in ``failures``, and a RuntimeWarning names it.

    Raises
    ------
    ValueError
        For data that a model does not take, rows that cannot be left out, and folds that are none; or
        where no model could be fitted.

    References
    ----------
    Vehtari, Gelman & Gabry 2017, Stat. Comput. 27, 1413; Yao et al. 2018, Bayesian Anal. 13, 917.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> points, quick = ba.load("hogg-2010"), ba.Laplace(draws=400)
    >>> line = ba.LinearRelation("y")
    >>> models = {"line": line, "least squares": line.baseline()}
    >>> how = {"samplers": quick, "progress": False}
    >>> table = ba.cross_validate(models, points, folds=4, seed=1, **how)
    >>> table[["rows", "folds"]].to_numpy().tolist()
    [[20, 4], [20, 4]]
    """
    check_models(models, "model")
    twins = {name: model.copy() for name, model in models.items()}
    for twin in twins.values():
        twin._checked(data)
    chosen = _samplers(twins, samplers, data)
    seed = checked_seed(seed)
    split = of_rows(data, folds, by, seed)
    run = _Run(chosen, data, seed)
    with interruptible() as stop:
        steps = (split.count + bool(loo)) * len(twins)
        with Progress(steps, "cross-validation", shown=progress) as bar:
            done = 0
            while done < split.count and not stop:
                if not run.fold(twins, split, done, stop, bar):
                    break
                done += 1
            found = run.leave_one_out(twins, stop, bar) if loo and not stop else {}
    if done < split.count:
        if not done:
            raise KeyboardInterrupt
        warn_interrupted(f"{done} of {split.count} folds are done, and scored.")
    table = run.table(split, done)
    if loo:
        table = _with_loo(table, found)
    table.attrs["seed"] = seed
    return table


class _Run:
    """Fits of all models so far: what they say of the rows left out, and what went wrong."""

    def __init__(self, samplers: dict[str, Any], data: Any, seed: int) -> None:
        self.samplers, self.data, self.seed = samplers, data, seed
        self.parts: dict[str, list[HeldOut]] = {name: [] for name in samplers}
        self.failures: dict[str, list[str]] = {name: [] for name in samplers}
        self.out: set[str] = set()

    def fold(self, models: dict[str, Any], split: Folds, fold: int, stop: Any, bar: Any) -> bool:
        """Fit and score all models; whether that went to its end."""
        kept, left = split.rows(fold)
        for place, (name, model) in enumerate(models.items()):
            bar.at(fold * len(models) + place, f"fold {fold + 1}, {name}")
            if stop:
                return False
            if name in self.out:
                continue
            try:
                fitted = self._fit(name, model, self.data[kept])
                if fitted is None:
                    return False
                self.parts[name].append(held_out(fitted, self.data[left], self.seed))
            except Exception as error:  # whatever it is, it is named
                self._leave_out(name, f"fold {fold + 1}: {type(error).__name__}: {error}")
                continue
            self._judge(name, fitted, f"fold {fold + 1}")
        return True

    def _fit(self, name: str, model: Any, data: Any) -> Any:
        """A fitted twin; None where Ctrl-C ended the fit."""
        fitted = model.copy().fit(data, self.samplers[name], seed=self.seed, progress=False)
        tree = fitted.posterior if fitted.__sklearn_is_fitted__() else None
        return None if interrupted(tree) else fitted

    def _judge(self, name: str, fitted: Any, which: str) -> None:
        """Keep the names of the checks that failed."""
        if failed := [check.name for check in fitted.diagnose().failures()]:
            self.failures[name].append(f"{which}: {', '.join(failed)}")

    def _leave_out(self, name: str, reason: str) -> None:
        """Take a model out of the comparison, aloud."""
        self.out.add(name)
        self.failures[name] = [reason]
        if self.out == set(self.samplers):
            reasons = "; ".join(f"{one!r}: {self.failures[one][0]}" for one in self.samplers)
            raise ValueError(f"no model could be fitted and scored. {reasons}")
        warnings.warn(f"models[{name!r}] is not scored. {reason}", RuntimeWarning, stacklevel=4)

    def leave_one_out(self, models: dict[str, Any], stop: Any, bar: Any) -> dict[str, Any]:
        """PSIS-LOO of fits to all rows, by model; those that have one."""
        found, said = {}, []
        tasks = [name for name in models if models[name].part == "task" and name not in self.out]
        for place, name in enumerate(tasks):
            bar.at(bar.total - len(tasks) + place, f"all rows, {name}")
            try:
                fitted = None if stop else self._fit(name, models[name], self.data)
                if fitted is None:
                    said.append("PSIS-LOO was interrupted.")
                    break
                result, why = leave_one_out.elpd(fitted)
            except Exception as error:  # as in a fold
                said.append(f"{name!r} has no elpd_loo: {type(error).__name__}: {error}")
                continue
            self._judge(name, fitted, "all rows")
            if result is None:
                said.append(f"{name!r} has no elpd_loo: {why}.")
                continue
            found[name] = result
            rows = np.flatnonzero(~(result.pareto_k.values <= result.good_k))
            if len(rows):
                shown = ", ".join(map(str, rows[:NAMED])) + (", ..." if len(rows) > NAMED else "")
                said.append(
                    f"{name!r}: Pareto k above {result.good_k:.2g} in {len(rows)} of {len(self.data)} rows ({shown}), "
                    "which decide their own fit; elpd_loo is not to be trusted there, the folds are."
                )
        if said:
            warnings.warn(" ".join(said), RuntimeWarning, stacklevel=3)
        return found

    def table(self, split: Folds, done: int) -> pd.DataFrame:
        """One row a model."""
        order = np.concatenate([split.rows(fold)[1] for fold in range(done)])
        whole = {name: parts[:done] for name, parts in self.parts.items() if name not in self.out}
        by_row = {
            name: np.concatenate([part.log_density for part in parts])
            for name, parts in whole.items()
        }
        scores = {name: pooled(parts) for name, parts in whole.items()}
        best = max(by_row, key=lambda name: scores[name]["log_score"])
        weight = getattr(self.data, "weight", None)
        weight = None if weight is None else np.asarray(weight)[order]
        stacked = leave_one_out.stacking_weights(by_row)
        rows: dict[str, dict[str, Any]] = {}
        for name in self.samplers:
            rows[name] = {"log_score": np.nan, "rows": 0, "folds": 0}
            if name in whole:
                difference = by_row[name] - by_row[best]
                mean, error = mean_and_error(difference, weight, split.cluster[order])
                rows[name] = scores[name] | {
                    "log_score_difference": mean,
                    "log_score_difference_error": error,
                    "stacking_weight": stacked[name],
                    "folds": done,
                }
            failures = self.failures[name]
            rows[name] |= {"failed": len(failures), "failures": "; ".join(failures)}
        return ranked(rows)


def mean_and_error(
    values: np.ndarray, weight: np.ndarray | None, cluster: np.ndarray
) -> tuple[float, float]:
    """Weighted mean, and its standard error where rows of a cluster are not independent.

    With w the weights and e the departures from the mean m, of G clusters g

    .. code-block:: text

        error^2 = G / (G - 1) sum_g (sum_{i in g} w_i e_i)^2 / (sum_i w_i)^2

    which is sd / sqrt(n) of equal weights and clusters of one row each.
    """
    weight = np.ones(len(values)) if weight is None else weight
    mean = float(np.average(values, weights=weight))
    _, code = np.unique(cluster, return_inverse=True)
    sums = np.bincount(code, weight * (values - mean))
    groups = len(sums)
    if groups < 2:
        return mean, np.nan
    square = groups / (groups - 1) * np.sum(sums**2)
    return mean, float(np.sqrt(square) / weight.sum())


def _samplers(models: dict[str, Any], given: Any, data: Any) -> dict[str, Any]:
    """The sampler of each model; None: its own, or none."""
    from bayes_astro import samplers

    tasks = [name for name, model in models.items() if model.part == "task"]
    found = dict.fromkeys(models)
    if isinstance(given, dict):
        for name in given:
            if name not in tasks:
                what = "is a baseline, which has none" if name in models else "is no model"
                raise ValueError(f"samplers: {name!r} {what}.{nearest(name, tasks)}")
        found |= given
    elif given is not None:
        found |= dict.fromkeys(tasks, given)
    for name in tasks:
        if found[name] is not None:
            samplers.chosen(models[name], found[name], data)
    return found


def _with_loo(table: pd.DataFrame, found: dict[str, Any]) -> pd.DataFrame:
    """The table with what PSIS-LOO says of each model."""
    weights = {}
    if found:
        weights = leave_one_out.stacking_weights(
            {name: one.elpd_i.values.ravel() for name, one in found.items()}
        )
    columns = {
        "elpd_loo": lambda one: float(one.elpd),
        "elpd_loo_error": lambda one: float(one.se),
        "worst_pareto_k": lambda one: float(one.pareto_k.max()),
        "high_pareto_k": lambda one: int((~(one.pareto_k <= one.good_k)).sum()),
    }
    for column, value in columns.items():
        table[column] = [value(found[n]) if n in found else np.nan for n in table.index]
    table["loo_weight"] = [weights.get(name, np.nan) for name in table.index]
    return table
