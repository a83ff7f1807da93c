"""What a relation of any form reads from a table, and what it predicts at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayes_astro.data import Measurements
from bayes_astro.names import nearest
from bayes_astro.parameters import is_number
from bayes_astro.priors import Prior
from bayes_astro.processes.means import Elsewhere
from bayes_astro.processes.means import Mean as OfTime
from bayes_astro.regression.inputs import predictors, values_at
from bayes_astro.regression.mean_values import evaluated
from bayes_astro.regression.unsure_predictor import MUCH, unsure

__all__ = [
    "arranged",
    "check",
    "check_fixed",
    "check_mean",
    "columns_at",
    "free_priors",
    "predictors",
]


def check_mean(mean: Any) -> None:
    """Raise ValueError for what is no mean function of predictors."""
    if isinstance(mean, type) or not (hasattr(mean, "evaluate") and hasattr(mean, "priors")):
        hint = ", with brackets" if isinstance(mean, type) else ""
        raise ValueError(
            f"mean={mean!r:.80} must be a mean function{hint}, as ba.relations.PowerLaw(), or an object with "
            "evaluate(at, parameters) and priors(data)."
        )
    if isinstance(mean, OfTime) and not hasattr(mean, "of_predictors"):
        raise ValueError(
            f"mean={mean!r:.80} is a function of time, for ba.GaussianProcess; functions of predictors are "
            "in ba.relations."
        )
    if hasattr(mean, "check"):
        mean.check()


def arranged(data: Measurements, response: str) -> Measurements:
    """The table with the response last, and its rows' own errors alone: what mean functions are given."""
    return data.replace(point_covariance=None).select(*predictors(data, response), response)


def free_priors(model: Any, data: Measurements) -> dict[str, Prior]:
    """Default priors of the mean function's parameters, without those that are fixed."""
    if isinstance(model.mean, Elsewhere):
        return {}
    found = model.mean.priors(arranged(data, model.response))
    if not isinstance(found, dict) or not all(isinstance(p, Prior) for p in found.values()):
        raise ValueError(
            f"{type(model.mean).__name__}.priors must give a dictionary of ba.Prior by parameter, got "
            f"{found!r:.80}."
        )
    for name, prior in found.items():
        if prior.event or np.size(prior.median()) != 1:
            raise ValueError(
                f"{type(model.mean).__name__}: the prior of {name!r} must be of one number, got {prior}."
            )
    return found


def check_fixed(model: Any, data: Measurements) -> None:
    """Raise ValueError for parameters that are not there, or values that they cannot have."""
    known = free_priors(model, data)
    for name, value in (model.fixed or {}).items():
        if name not in known:
            raise ValueError(f"fixed: there is no parameter {name!r}.{nearest(name, known)}")
        low, high = (float(np.ravel(edge)[0]) for edge in known[name].support)
        if not low <= value <= high:
            raise ValueError(
                f"fixed: {name}={value:g} cannot be: its range is {low:g} to {high:g}."
            )
    if model.fixed and set(model.fixed) == set(known) and not (model.scatter or model.robust):
        raise ValueError("fixed: nothing is left to fit; leave a parameter free.")
    middle = {n: float(np.ravel(p.median())[0]) for n, p in known.items()} | (model.fixed or {})
    at = {name: data.column(name) for name in predictors(data, model.response)}
    if model.fixed and not np.all(np.isfinite(evaluated(model.mean, at, middle))):
        raise ValueError(
            "fixed: the mean function is not finite there, with the others in the middle of their priors: "
            + ", ".join(f"{name}={value:g}" for name, value in middle.items())
            + "."
        )


def is_table(name: str, value: Any) -> None:
    """None, or numbers by name."""
    good = isinstance(value, Mapping) and all(
        isinstance(key, str) and is_number(x) and np.isfinite(x) for key, x in value.items()
    )
    if value is not None and not good:
        raise ValueError(f"{name}={value!r:.80} must map names of parameters to numbers, or None.")


def check(model: Any, data: Measurements) -> None:
    """Raise ValueError for data that a relation cannot take."""
    owner, response = type(model).__name__, model.response
    data.index(response)
    names = predictors(data, response)
    if not names:
        raise ValueError(f"{owner} needs a predictor beside {response!r}; this table has none.")
    if data.projection is not None or data.weight is not None:
        raise ValueError(
            f"{owner} takes neither projections nor weights: give Measurements without them. (An error "
            "bar says how well a point is known; a weight is not an error.)"
        )
    missing = np.isnan(data.value)
    if missing.any():
        row, where = np.argwhere(missing)[0]
        raise ValueError(
            f"column {data.names[where]!r}, row {row}: missing value ({missing.any(1).sum()} rows in all). "
            "Drop them: data[~data.missing.any(axis=1)]."
        )
    for name in data.names:
        column = data.column(name)
        if np.ptp(column) == 0:
            raise ValueError(
                f"column {name!r} is constant ({column[0]:g} in every row): there is no relation to fit. "
                "Leave it out."
            )
    unsure_one = unsure(data, response) if getattr(model, "true_predictors", False) else None
    if unsure_one:
        _check_unsure(model, data, unsure_one)
    for name in names:
        error = data.error[:, data.index(name)]
        if name != unsure_one and np.any(error > MUCH * np.std(data.column(name))):
            row = int(np.argmax(error))
            if unsure_one:
                raise ValueError(
                    f"columns {unsure_one!r} and {name!r} have errors, and {owner} sums over the true values of "
                    f"one predictor. Where they are negligible, data.without_error({name!r}); a plane with "
                    "errors on all axes is ba.LinearRelation."
                )
            raise ValueError(
                f"column {name!r}, row {row}: an error of {error[row]:.3g}, and {owner} takes predictors as "
                "known exactly: which values are likely depends on how the true ones are distributed. "
                f"Where it is negligible, data.without_error({name!r}); a straight line with errors on all "
                "axes is ba.LinearRelation; else add slope² error² to the variance of the response, which "
                "holds while error is small beside the range over which the curve bends."
            )
    foreign = [name for name in data.point_covariance or {} if name != response]
    if foreign:
        raise ValueError(
            f"point_covariance of {foreign[0]!r}: {owner} takes that of the response {response!r} alone; "
            "predictors are known exactly."
        )
    place = data.index(response)
    variance = data.covariance[:, place, place]
    if response in (data.point_covariance or {}):
        variance = variance + np.diag(data.point_covariance[response])  # type: ignore[index]
    exact = variance <= 0
    if exact.any() and not model.scatter:
        raise ValueError(
            f"column {response!r}, row {np.argmax(exact)}: error 0 ({exact.sum()} rows) needs "
            "scatter=True, or an error bar above zero."
        )
    if hasattr(model.mean, "check_data"):
        model.mean.check_data(arranged(data, response))
    count = len(free_priors(model, data)) - len(model.fixed or {}) + bool(model.scatter)
    if len(data) < count + 1:
        raise ValueError(
            f"{len(data)} rows are too few for {count} parameters: at least {count + 1} are needed."
        )


def _check_unsure(model: Any, data: Measurements, name: str) -> None:
    """Raise ValueError for what does not go with errors of a predictor."""
    if data.point_covariance:
        raise ValueError(
            f"column {name!r} has errors, and the response errors in common (point_covariance): leave one of "
            f"the two out, data.without_error({name!r}) where those are negligible."
        )
    across = data.covariance[:, data.index(name), data.index(model.response)]
    if np.any(across != 0):
        row = int(np.argmax(across != 0))
        raise ValueError(
            f"row {row}: errors of {name!r} and {model.response!r} are correlated, which {type(model).__name__} "
            "does not take; ba.LinearRelation does for a line."
        )


def columns_at(data: Measurements, response: str, at: Any) -> dict[str, np.ndarray]:
    """Predictors by name: of `Measurements`, an array (m, p) or (m,), a mapping of arrays, a Quantity."""
    names = predictors(data, response)
    if isinstance(at, Measurements):
        for name in names:
            at.index(name)
        units = dict(zip(data.names, data.units or (), strict=False))
        theirs = dict(zip(at.names, at.units or (), strict=False))
        for name in names:
            if units.get(name, "") != theirs.get(name, ""):
                raise ValueError(
                    f"mismatched units: {name!r} was fitted in {units.get(name, '') or '1'}, the new ones "
                    f"are in {theirs.get(name, '') or '1'}. Convert one of them."
                )
        x = at.value[:, [at.index(name) for name in names]]
    else:
        x = _table(data, names, at)
    if not np.isfinite(x).all():
        row = int(np.argmax(~np.isfinite(x).all(axis=1)))
        raise ValueError(f"at: row {row} misses a predictor; drop that row.")
    return {name: np.ascontiguousarray(x[:, j]) for j, name in enumerate(names)}


def _table(data: Measurements, names: list[str], at: Any) -> np.ndarray:
    if isinstance(at, Mapping):
        missing = [name for name in names if name not in at]
        if missing:
            raise ValueError(f"at: column {missing[0]!r} is missing; expected {', '.join(names)}.")
        at = np.stack(np.broadcast_arrays(*(np.atleast_1d(at[name]) for name in names)), axis=-1)
    return values_at(data, names, at)
