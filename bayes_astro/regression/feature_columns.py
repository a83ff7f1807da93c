"""Powers and products of predictors that are known exactly, as further columns."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import numpy as np

from bayes_astro.data import Measurements
from bayes_astro.names import nearest
from bayes_astro.parameters import is_whole
from bayes_astro.regression.rows import shared_variance

__all__ = ["check", "expanded", "new", "own"]

HIGHEST = 6


def check(name: str, value: Any) -> None:
    """None, a degree, or products such as "x^2" and "x*z"."""
    if value is None or (is_whole(value) and 2 <= value <= HIGHEST):
        return
    several = isinstance(value, list | tuple) and len(value) > 0
    if not several or not all(isinstance(term, str) for term in value):
        raise ValueError(
            f"{name}={value!r:.80} must be None, a degree from 2 to {HIGHEST}, or products of columns such as "
            "('x^2', 'x*z')."
        )


def terms(features: Any, predictors: list[str]) -> dict[str, dict[str, int]]:
    """Powers of the predictors by name of the new column."""
    if features is None:
        return {}
    if is_whole(features):
        found = {}
        for degree in range(2, int(features) + 1):
            for chosen in itertools.combinations_with_replacement(predictors, degree):
                powers = dict(Counter(chosen))
                found[_name(powers)] = powers
        return found
    return {term: _powers(term, predictors) for term in features}


def _name(powers: dict[str, int]) -> str:
    return "*".join(name if power == 1 else f"{name}^{power}" for name, power in powers.items())


def _powers(term: str, predictors: list[str]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for part in term.split("*"):
        name, _, power = part.strip().partition("^")
        if name not in predictors:
            raise ValueError(
                f"features: {term!r} has {name!r}, which is no predictor.{nearest(name, predictors)}"
            )
        if power and not (power.isdecimal() and 1 <= int(power) <= HIGHEST):
            raise ValueError(f"features: {term!r} has a power that is none of 1 to {HIGHEST}.")
        found[name] += int(power or 1)
    if sum(found.values()) < 2:
        raise ValueError(f"features: {term!r} is a column that is there already.")
    return dict(found)


def own(names: list[str], features: Any) -> list[str]:
    """Of the predictors of a table those that are not made of others."""
    if features is None:
        return names
    made = [name for name in names if "^" in name or "*" in name]
    if not is_whole(features):
        made = [name for name in made if name in features]
    return [name for name in names if name not in made]


def columns(x: np.ndarray, names: list[str], features: Any) -> np.ndarray:
    """Predictors (m, p) with the products after them, (m, p + q)."""
    made = [
        np.prod([x[:, names.index(name)] ** power for name, power in powers.items()], axis=0)
        for powers in terms(features, names).values()
    ]
    return np.column_stack([x, *made])


def new(at: Any, names: list[str], features: Any) -> Any:
    """New predictors with the products after them; what has another shape as it is."""
    first = own(names, features)
    x = np.asarray(at, dtype=float)
    x = x.reshape(-1, 1) if x.ndim < 2 and len(first) == 1 else np.atleast_2d(x)
    return columns(x, first, features) if x.ndim == 2 and x.shape[1] == len(first) else at


def expanded(data: Measurements, response: str, features: Any) -> Measurements:
    """The table with the products as columns, if they are not there; the response last.

    Raises
    ------
    ValueError
        For predictors with errors, gaps or limits: the distribution of a power of them is no Gaussian.
    """
    if features is None:
        return data
    names = own([name for name in data.names if name != response], features)
    wanted = terms(features, names)
    if all(name in data.names for name in wanted):
        return data
    variance = np.diagonal(data.covariance, axis1=1, axis2=2) + shared_variance(data)
    for name in names:
        column = data.index(name)
        bad = data.missing[:, column] | data.limited[:, column] | (variance[:, column] > 0)
        if bad.any():
            raise ValueError(
                f"column {name!r}, row {np.argmax(bad)}: features are of predictors that are known exactly, and "
                "this one has an error, a gap or a limit: data.without_error(...) where errors may be left "
                "out, or ba.Relation for a curve."
            )
    for name in wanted:
        if name in data.names:
            raise ValueError(f"features: there is a column {name!r} already; rename it.")
    x = columns(data.select(*names).value, names, features)
    y = data.select(response)
    d = x.shape[1] + 1
    covariance = np.zeros((len(data), d, d))
    covariance[:, -1, -1] = y.covariance[:, 0, 0]
    limit = np.zeros((len(data), d))
    if y.limit is not None:
        limit[:, -1] = y.limit[:, 0]
    return data.replace(
        value=np.column_stack([x, y.value]),
        covariance=covariance,
        names=(*names, *wanted, response),
        units=(*_units(data, names, wanted), *(y.units or ("",))) if data.units else (),
        limit=limit,
    )


def _units(data: Measurements, names: list[str], wanted: dict[str, dict[str, int]]) -> list[str]:
    from astropy import units as u

    by_name = dict(zip(data.names, data.units, strict=True))
    found = [by_name[name] for name in names]
    for powers in wanted.values():
        unit = u.dimensionless_unscaled
        for name, power in powers.items():
            unit = unit * u.Unit(by_name[name] or "") ** power
        found.append(unit.to_string())
    return found
