"""The exercises that travel with the package, read from their files.

``ID.toml`` is written by hand: what is asked, hint, solution, and the typical mistakes in words.
``ID.json`` holds the numbers and is written by ``python -m bayes_astro.exercises.reference``.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from bayes_astro.names import nearest

__all__ = [
    "Exercise",
    "Mistake",
    "Quantity",
    "Text",
    "arrays",
    "exercise",
    "hint",
    "ids",
    "solution",
]


class Text(str):
    """A string that a notebook shows as it reads, not with quotes and escapes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True)
class Quantity:
    """One asked quantity and its reference posterior.

    ``mcse_mean`` and ``mcse_sd`` are the Monte Carlo errors of ``mean`` and ``sd``, zero where
    these are exact. An ``optional`` quantity is judged when it is given. With a ``tolerance`` an
    exact number is asked, such as log odds: it has no posterior, its sd is zero, and what is
    judged is how far an answer is from ``mean``.
    """

    name: str
    mean: float
    sd: float
    mcse_mean: float
    mcse_sd: float
    meaning: str
    unit: str = ""
    optional: bool = False
    tolerance: float | None = None

    @property
    def scale(self) -> float:
        """What differences are told in: the sd, or the tolerance of an exact number."""
        return self.sd if self.tolerance is None else self.tolerance


@dataclass(frozen=True)
class Mistake:
    """A typical wrong answer: the posterior it leads to, by quantity, and what went wrong.

    With ``within``, by quantity, an answer whose means are that close is recognised whatever its
    sd: for mistakes that can be made in several ways.
    """

    name: str
    explanation: str
    quantities: dict[str, Quantity]
    within: dict[str, float] | None = None


@dataclass(frozen=True)
class Exercise:
    """One exercise: what is asked, its reference, and the mistakes that are recognised.

    ``difficulty`` is 1 to 3, ``task`` the one of the library that solves it (empty where a few
    lines of NumPy do), ``idea`` what it teaches.
    """

    id: str
    title: str
    difficulty: int
    minutes: int
    task: str
    idea: str
    accepts: str
    hint: str
    solution: str
    quantities: dict[str, Quantity]
    mistakes: tuple[Mistake, ...]
    data: dict[str, Any]
    method: str
    checks_made: dict[str, Any]

    @property
    def chapter(self) -> int:
        """The first part of the id."""
        return int(self.id.split(".")[0])


def _files() -> Any:
    return resources.files(__package__)


def ids() -> list[str]:
    """The known exercises, in the order of their chapters."""
    found = [
        entry.name.removesuffix(".toml")
        for entry in _files().iterdir()
        if entry.name.endswith(".toml")
    ]
    return sorted(found, key=lambda name: [int(part) for part in name.split(".")])


def words(id: str) -> dict[str, Any]:
    """What is written by hand about an exercise, without its numbers."""
    if id not in ids():
        raise ValueError(f"There is no exercise {id!r}.{nearest(id, ids())}")
    return tomllib.loads((_files() / f"{id}.toml").read_text(encoding="utf-8"))


def arrays(id: str) -> dict[str, Any]:
    """The data of an exercise, lists as arrays."""
    data = words(id)["data"]
    return {k: np.array(v) if isinstance(v, list) else v for k, v in data.items()}


def exercise(id: str) -> Exercise:
    """The exercise of this id.

    Raises
    ------
    ValueError
        For an unknown id, naming those that exist.
    """
    if not isinstance(id, str):
        raise ValueError(f"The id of an exercise is text, such as '5.1', not {type(id).__name__}.")
    return _read(id)


@cache
def _read(id: str) -> Exercise:
    written = words(id)
    numbers = json.loads((_files() / f"{id}.json").read_text(encoding="utf-8"))
    quantities = {
        name: Quantity(name, **numbers["quantities"][name], **about)
        for name, about in written["quantities"].items()
    }
    mistakes = tuple(
        Mistake(
            name,
            about["explanation"],
            {
                key: replace(quantities[key], **value, mcse_mean=0.0, mcse_sd=0.0)
                for key, value in numbers["mistakes"][name].items()
            },
            about.get("within"),
        )
        for name, about in written["mistakes"].items()
    )
    return Exercise(
        id,
        written["title"],
        written["difficulty"],
        written["minutes"],
        written["task"],
        written["idea"],
        written["accepts"],
        written["hint"],
        written["solution"],
        quantities,
        mistakes,
        written.get("data", {}),
        numbers["method"],
        numbers["checks_made"],
    )


def hint(id: str) -> Text:
    """The hint of an exercise.

    Parameters
    ----------
    id : str
        Such as "5.1".

    Returns
    -------
    str
        Shown as it reads.

    Raises
    ------
    ValueError
        For an unknown id, naming those that exist.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> ba.exercises.hint("5.1").splitlines()[0]
    'A measurement with half the error carries four times the weight. For Gaussian errors'
    """
    return Text(exercise(id).hint.strip())


def solution(id: str) -> Text:
    """The worked solution of an exercise, as Python code.

    Parameters
    ----------
    id : str
        Such as "5.1".

    Returns
    -------
    str
        Shown as it reads.

    Raises
    ------
    ValueError
        For an unknown id, naming those that exist.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> print(ba.exercises.solution("5.1"))
    weight = 1 / error**2
    ...
    """
    return Text(exercise(id).solution.strip())
