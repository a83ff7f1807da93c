"""Formulas in Python, followed once: from arithmetic and NumPy's functions to a table of operations.

A `Traced` stands for a number or an array that is not known yet. What is computed with it is written
down on a `Tape`, whose `table` the kernel of `likelihoods.tape` runs. Formulas that ask for the value of
what is not known (``if x > 0:``) cannot be followed: `NotFollowed`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.likelihoods import tape as kernel

__all__ = ["NotFollowed", "Tape", "Traced"]


class NotFollowed(Exception):
    """A formula does something that cannot be written down."""


class Tape:
    """Operations in their order.

    Attributes
    ----------
    rows : list of [operation, a, b, c, length]
    constants : dict of row to array
    lists : list of int
    """

    def __init__(self) -> None:
        self.rows: list[list[int]] = []
        self.constants: dict[int, np.ndarray] = {}
        self.lists: list[int] = []
        self._known: dict[Any, int] = {}

    def _row(self, key: Any, length: int, *row: int) -> Traced:
        at = self._known.get(key)
        if at is None:
            at = self._known[key] = len(self.rows)
            self.rows.append([*row, *[0] * (4 - len(row)), length])
        return Traced(self, at, length)

    def input(self, at: int, length: int = 1) -> Traced:
        """A parameter, or an array of them."""
        return self._row(("input", at, length), length, kernel.INPUT, at)

    def constant(self, value: Any) -> Traced:
        """Numbers that are known."""
        array = np.atleast_1d(np.asarray(value, dtype=float))
        if array.ndim != 1:
            raise NotFollowed(f"an array of {array.ndim} axes")
        found = self._row(("constant", array.tobytes()), len(array), kernel.CONSTANT)
        self.constants[found.at] = array
        return found

    def traced(self, value: Any) -> Traced:
        """`value` itself if it is on this tape, or as a constant."""
        if isinstance(value, Traced):
            return value
        try:
            return self.constant(value)
        except (TypeError, ValueError):
            raise NotFollowed(f"{value!r:.80} is no number") from None

    def apply(self, operation: int, *operands: Any) -> Traced:
        """One operation, element by element."""
        nodes = [self.traced(x) for x in operands]
        lengths = {node.length for node in nodes} - {1}
        if len(lengths) > 1:
            raise NotFollowed(f"arrays of {sorted(lengths)} entries do not go together")
        at = [node.at for node in nodes]
        return self._row((operation, *at), max(lengths, default=1), operation, *at)

    def take(self, of: Traced, positions: np.ndarray) -> Traced:
        """Entries of an array."""
        found = self._row(
            ("take", of.at, positions.tobytes()),
            len(positions),
            kernel.TAKE,
            of.at,
            len(self.lists),
        )
        if found.at == len(self.rows) - 1:
            self.lists += [int(i) for i in positions]
        return found

    def solve(self, matrix: list[list[Any]], right: list[Any]) -> list[Traced]:
        """The solution of a small linear system."""
        start, n = len(self.lists), len(right)
        entries = [self.traced(x).at for row in matrix for x in row]
        entries += [self.traced(x).at for x in right]
        start = len(self.lists)
        self.lists += [n, *entries]
        whole = self._row(("solve", start), n, kernel.SOLVE, start)
        return [whole[i] for i in range(n)]

    # The module that computes, in the place of NumPy

    def __getattr__(self, name: str) -> Any:
        if name in kernel.UNARY:
            return lambda x: self.apply(kernel.UNARY[name], x)
        if name in kernel.BINARY:
            return lambda x, y: self.apply(kernel.BINARY[name], x, y)
        raise AttributeError(name)

    def where(self, condition: Any, x: Any, y: Any) -> Traced:
        """One of two, by a comparison."""
        return self.apply(kernel.WHERE, condition, x, y)

    def sum(self, x: Any) -> Traced:
        """Of an array."""
        return self.traced(x).sum()

    def table(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows with their places, lists, and the array in which constants stand in their places."""
        rows = np.array(self.rows, dtype=np.int64).reshape(-1, 5)
        places = np.cumsum([0, *rows[:, 4]])
        work = np.zeros(places[-1])
        for at, array in self.constants.items():
            work[places[at] : places[at] + len(array)] = array
        program = np.column_stack([rows, places[:-1]])
        return program.astype(np.int64), np.array(self.lists or [0], dtype=np.int64), work


class Traced:
    """A number or an array (length,) that a tape computes."""

    __array_priority__ = 1000.0
    __slots__ = ("at", "length", "tape")

    def __init__(self, tape: Tape, at: int, length: int) -> None:
        self.tape, self.at, self.length = tape, at, length

    def __len__(self) -> int:
        return self.length

    @property
    def ndim(self) -> int:
        """None for a number, one for an array."""
        return 0 if self.length == 1 else 1

    def __bool__(self) -> bool:
        raise NotFollowed("a decision by a value that is not known")

    def __float__(self) -> float:
        raise NotFollowed("a plain number is asked for")

    def __getitem__(self, index: Any) -> Traced:
        positions = np.atleast_1d(np.arange(self.length)[index])
        return self.tape.take(self, positions)

    def __iter__(self) -> Any:
        return (self[i] for i in range(self.length))

    def sum(self, axis: Any = None, **options: Any) -> Traced:
        """Of all entries."""
        return self.tape._row(("sum", self.at), 1, kernel.SUM, self.at)

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **options: Any) -> Any:
        name = {"true_divide": "divide", "multiply": "multiply"}.get(
            function.__name__, function.__name__
        )
        if method != "__call__" or options:
            raise NotFollowed(f"numpy.{function.__name__}.{method}")
        if name in ("less", "less_equal"):
            name, inputs = name.replace("less", "greater"), inputs[::-1]
        table = kernel.UNARY if len(inputs) == 1 else kernel.BINARY
        if name == "hypot":
            return (inputs[0] * inputs[0] + inputs[1] * inputs[1]) ** 0.5
        if name not in table:
            raise NotFollowed(f"numpy.{function.__name__}")
        return self.tape.apply(table[name], *inputs)

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        if function is np.where and len(arguments) == 3:
            return self.tape.where(*arguments)
        if function is np.sum and len(arguments) == 1:
            return self.tape.sum(arguments[0])
        if function is np.clip and len(arguments) == 3:
            low = self.tape.apply(kernel.MAXIMUM, arguments[0], arguments[1])
            return -self.tape.apply(kernel.MAXIMUM, -low, -np.asarray(arguments[2]))
        raise NotFollowed(f"numpy.{function.__name__}")

    def __add__(self, other: Any) -> Traced:
        return self.tape.apply(kernel.ADD, self, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Traced:
        return self.tape.apply(kernel.SUBTRACT, self, other)

    def __rsub__(self, other: Any) -> Traced:
        return self.tape.apply(kernel.SUBTRACT, other, self)

    def __mul__(self, other: Any) -> Traced:
        return self.tape.apply(kernel.MULTIPLY, self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Traced:
        return self.tape.apply(kernel.DIVIDE, self, other)

    def __rtruediv__(self, other: Any) -> Traced:
        return self.tape.apply(kernel.DIVIDE, other, self)

    def __pow__(self, other: Any) -> Traced:
        if isinstance(other, int | float) and other == 2:
            return self.tape.apply(kernel.SQUARE, self)
        if isinstance(other, int | float) and other == 0.5:
            return self.tape.apply(kernel.SQRT, self)
        return self.tape.apply(kernel.POWER, self, other)

    def __rpow__(self, other: Any) -> Traced:
        return self.tape.apply(kernel.POWER, other, self)

    def __neg__(self) -> Traced:
        return self.tape.apply(kernel.NEGATIVE, self)

    def __abs__(self) -> Traced:
        return self.tape.apply(kernel.ABSOLUTE, self)

    def __gt__(self, other: Any) -> Traced:
        return self.tape.apply(kernel.GREATER, self, other)

    def __ge__(self, other: Any) -> Traced:
        return self.tape.apply(kernel.GREATER_EQUAL, self, other)

    def __lt__(self, other: Any) -> Traced:
        return self.tape.apply(kernel.GREATER, other, self)

    def __le__(self, other: Any) -> Traced:
        return self.tape.apply(kernel.GREATER_EQUAL, other, self)
