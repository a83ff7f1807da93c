"""Standard deviations in the forms in which they are given: one for all, for each column, each entry."""

from numbers import Real
from typing import Any

import numpy as np

from bayes_astro.data.columns import DataError, floats

__all__ = ["errors", "is_constant", "refuse_sides"]

SIDES = (
    "lower and upper errors are not taken here, as no distribution is known that has them: give one standard "
    "deviation each, e.g. half of their sum, and see whether the answer depends on it; lines take both, "
    "ba.Measurements(value, error=lower, upper_error=upper)"
)


def errors(x: Any, shape: tuple[int, ...], column: str = "error") -> np.ndarray:
    """`x` as an array of `shape`, (n,) or (n, d), by repeating a single number or one for each of d."""
    array = floats(x, column, (0, 1, 2, 3))
    if array.shape == shape:
        return array
    if array.ndim == 0 or (len(shape) == 2 and array.shape == shape[1:] and shape[0] != shape[1]):
        return np.broadcast_to(array, shape).copy()
    if len(shape) == 2 and shape[1] == 1 and array.shape == shape[:1]:
        return array[:, None]
    if array.shape in ((*shape, 2), (2, *shape)) or (
        shape[1:] == (1,) and array.shape in ((shape[0], 2), (2, shape[0]))
    ):
        raise DataError(f"{column}: has shape {array.shape}; {SIDES}")
    if array.ndim == len(shape) == 1:
        return (
            array  # of another length, which the container refuses with those of its other columns
        )
    ways = "a single number, one for each column" if len(shape) == 2 else "a single number"
    raise DataError(
        f"{column}: has shape {array.shape}; expected {ways}, or shape {shape} as the values"
    )


def is_constant(given: Any) -> bool:
    """Whether in place of a column's name a number, or a Quantity, was given: the error of all rows."""
    return (isinstance(given, Real) and not isinstance(given, bool)) or (
        hasattr(given, "to_value") and np.ndim(given) == 0
    )


def refuse_sides(given: Any, field: str) -> None:
    """Raise where two columns were named for one error."""
    if isinstance(given, tuple | list):
        raise DataError(f"{field}: got {tuple(given)!r:.80}; {SIDES}")
