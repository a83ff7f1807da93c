"""What every data container has."""

from typing import Any, Protocol, Self, runtime_checkable

import numpy as np

__all__ = ["Container"]


@runtime_checkable
class Container(Protocol):
    """Checked, read-only data: a frozen dataclass that refuses what it cannot take.

    It knows nothing of models. A `DataError` names column, row and remedy. Beside what is here, the
    command line asks for a classmethod ``read(table, name=, source=, **columns)``, and simulation and
    comparison by folds for ``replace(**changes)`` and rows by ``data[rows]``.

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
