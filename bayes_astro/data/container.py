"""What every data container has."""

import hashlib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np

from bayes_astro.hooks import Shown

__all__ = [
    "Container",
    "ReadOnly",
    "Rows",
    "chosen",
    "kinds_of",
    "named",
    "refuse_others",
    "refuse_unused",
]


class ReadOnly(Shown):
    """Equality, hash and pickles of a frozen dataclass of arrays.

    Two are equal where all their fields are, nan and nan too. Arrays stay read-only in copies and in
    other processes.
    """

    _internal: ClassVar[tuple[str, ...]] = (
        "from_arrays", "to_arrays", "metadata", "shape", "from_dict", "to_dict", "part"
    )  # fmt: skip

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(_equal(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))  # type: ignore[arg-type]

    def __hash__(self) -> int:
        digest = hashlib.sha256(type(self).__name__.encode())
        for field in fields(self):  # type: ignore[arg-type]
            _add(digest, getattr(self, field.name))
        return int.from_bytes(digest.digest()[:8], "little")

    def __setstate__(self, state: dict[str, Any]) -> None:
        _close(state)
        self.__dict__.update(state)


class Rows(ReadOnly):
    """The same of data whose rows can be chosen."""

    @property
    def shape(self) -> tuple[int]:
        """(number of rows,): what scikit-learn asks of data that it divides into folds."""
        return (len(self),)  # type: ignore[arg-type]

    def replace(self, **changes: Any) -> Self:
        """The same with some of the fields changed.

        Parameters
        ----------
        **changes : object
            Fields by name, as the class takes them.

        Returns
        -------
        container
            Of the same kind, checked anew.
        """
        kept = {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]
        return type(self)(**(kept | changes))


def chosen(rows: Any) -> Any:
    """An index of rows: of one row as a list; without the dots that scikit-learn adds."""
    if isinstance(rows, tuple) and len(rows) == 2 and rows[1] is Ellipsis:
        rows = rows[0]
    return [rows] if isinstance(rows, int | np.integer) else rows


def kinds_of(kind: Any) -> tuple[type, ...]:
    """The containers that a task takes: one, or any of several."""
    return kind if isinstance(kind, tuple) else (kind,)


def named(kind: Any) -> str:
    """Their names: "Photometry or Measurements"."""
    return " or ".join(one.__name__ for one in kinds_of(kind))


def refuse_others(owner: str, kind: Any, data: Any) -> None:
    """Raise ValueError for data that are not of a container that a task takes."""
    if isinstance(data, kind):
        return
    made = []
    for one in kinds_of(kind):
        made.append(f"ba.{one.__name__}(...)")
        ways = [way for way in ("read", "from_densities") if way in vars(one)]
        made += [f"ba.{one.__name__}.{way}(table, ...)" for way in ways]
    raise ValueError(
        f"{owner} takes a {named(kind)}, got {type(data).__name__}. Make one with {' or '.join(made)}."
    )


def refuse_unused(owner: str, data: Any, takes: tuple[str, ...]) -> None:
    """Raise ValueError for what is said of data that a task would pass over: limits as detections."""
    ways = {
        "limit": (
            "values that are limits. Leave those rows out, data[~data.limited.any(axis=1)], which biases "
            "what depends on faint objects",
            "ba.LinearRelation takes them",
        ),
        "point_covariance": (
            "errors that are correlated between points. Leave point_covariance out, which makes errors "
            "too small",
            "ba.Relation and ba.LinearRelation take them",
        ),
        "upper_error": (
            "errors that are larger on one side. Give one standard deviation each, e.g. half of the sum of "
            "both, and see whether the answer depends on it",
            "ba.LinearRelation takes them",
        ),
    }
    for field, (way, others) in ways.items():
        if field not in takes and getattr(data, field, None) is not None:
            raise ValueError(f"{owner} does not take {way}; {others}.")


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        numbers = one.dtype.kind == "f" and other.dtype.kind == "f"
        return one.shape == other.shape and np.array_equal(one, other, equal_nan=numbers)
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return False
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return _equal(tuple(one.items()), tuple(other.items()))
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other)


def _add(digest: Any, value: Any) -> None:
    """What is equal adds the same: every zero, every nan."""
    if isinstance(value, np.ndarray):
        number = value.dtype.kind == "f"
        digest.update(repr(value.shape).encode())
        digest.update(
            np.where(np.isnan(value), np.nan, value + 0.0).tobytes()
            if number
            else repr(value.tolist()).encode()
        )
    elif isinstance(value, Mapping):
        _add(digest, tuple(value.items()))
    elif isinstance(value, tuple):
        for item in value:
            _add(digest, item)
    else:
        digest.update(repr(value).encode())


def _close(value: Any) -> None:
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
    elif isinstance(value, Mapping):
        for item in value.values():
            _close(item)
    elif isinstance(value, tuple):
        for item in value:
            _close(item)


@runtime_checkable
class Container(Protocol):
    """Checked, read-only data: a frozen dataclass that refuses what it cannot take.

    It knows nothing of models. A `DataError` names column, row and remedy. Beside what is here, the
    command line asks for a classmethod ``read(table, name=, source=, **columns)``, and simulation and
    comparison by folds for ``replace(**changes)`` and rows by ``data[rows]``. `Rows` brings equality
    and pickles, and what scikit-learn asks of data.

    Attributes
    ----------
    name : str
        Of the object or sample, for titles.
    source : str
        Where the data come from, for the report.
    """

    name: str
    source: str

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Arrays of numbers that, with `metadata`, rebuild it bit for bit; the first axis is the row.

        What is not there is left out.
        """

    def metadata(self) -> dict[str, Any]:
        """Everything but the arrays, ready for JSON."""

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray], metadata: dict[str, Any]) -> Self:
        """The inverse of both; DataError where these are not its own."""

    def __len__(self) -> int: ...
