"""Free variables in one flat vector without bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_astro.prior_numbers import as_numbers
from bayes_astro.priors import Prior

__all__ = ["Coordinates", "Free"]


@dataclass(frozen=True)
class Free:
    """A variable that is sampled, or an array of them with one prior.

    Parameters
    ----------
    name : str
    prior : Prior, optional
        None stands for a flat one: what the likelihood says is all.
    shape : tuple of int
    beside : str
        A positive variable b before this one, v, whose coordinate is log b: that of v is then
        log(v^2 / b), a direction of its own where only that ratio is measured.
    """

    name: str
    prior: Prior | None = None
    shape: tuple[int, ...] = ()
    beside: str = ""

    @property
    def length(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape, dtype=int))


class Coordinates:
    """Free variables in one flat vector without bounds, in the order and with the transforms of PyMC.

    Parameters
    ----------
    free : sequence of Free

    Attributes
    ----------
    size : int
        Length of the flat vector; a simplex of n shares takes n - 1.
    length : int
        Number of values.
    table : (rows, 11) array
        As `bayes_astro.likelihoods.priors` reads it.
    """

    def __init__(self, free: list[Free]) -> None:
        from bayes_astro.likelihoods import priors as kernels

        self.free = tuple(free)
        self.slices: dict[str, slice] = {}  # of the flat vector
        self.places: dict[str, slice] = {}  # of the values
        rows: list[np.ndarray] = []
        self.size = self.length = 0
        for one in self.free:
            own = _rows(one, self.size, self.length, kernels)
            if one.beside:
                own[:, kernels.TRANSFORM] = kernels.HALF_SUM
                own[:, kernels.COUNT] = self.slices[one.beside].start
            taken = one.length - (own[0, kernels.TRANSFORM] == kernels.SIMPLEX if len(own) else 0)
            self.slices[one.name] = slice(self.size, self.size + int(taken))
            self.places[one.name] = slice(self.length, self.length + one.length)
            self.size, self.length = self.size + int(taken), self.length + one.length
            rows.append(own)
        self.table = np.concatenate([np.zeros((0, kernels.COLUMNS)), *rows])

    def values(self, points: np.ndarray) -> dict[str, np.ndarray]:
        """Values of every variable at flat vectors (m, size): (m, *shape)."""
        from bayes_astro.likelihoods.priors import constrain_many

        points = np.ascontiguousarray(points, dtype=float)
        found = np.empty((len(points), self.length))
        constrain_many(self.table, points, found)
        return {
            one.name: found[:, self.places[one.name]].reshape(len(points), *one.shape)
            for one in self.free
        }

    def flat(self, values: dict[str, np.ndarray]) -> np.ndarray:
        """The inverse of `values`, (m, size); values at their bounds are moved inside."""
        from bayes_astro.likelihoods import priors as kernels

        columns: list[np.ndarray] = []
        for one in self.free:
            given = np.asarray(values[one.name], dtype=float)
            given = given.reshape(-1, one.length)
            rows = self.table[self.table[:, kernels.VALUE_AT] >= self.places[one.name].start]
            column = _unbounded(given, rows[: one.length], kernels)
            if one.beside:
                column = 2 * column - columns[self._order(one.beside)]
            columns.append(column)
        return np.concatenate(columns, axis=1) if columns else np.zeros((1, 0))

    def _order(self, name: str) -> int:
        return [one.name for one in self.free].index(name)

    def labels(self) -> list[str]:
        """A name for each entry of the flat vector."""
        found = []
        for one in self.free:
            taken = self.slices[one.name]
            if one.shape == ():
                found.append(one.name)
                continue
            indices = list(np.ndindex(*one.shape))[: taken.stop - taken.start]
            found += [f"{one.name}[{', '.join(map(str, index))}]" for index in indices]
        return found


def _rows(one: Free, x_at: int, value_at: int, kernels: Any) -> np.ndarray:
    """Rows of the table of one variable."""
    from scipy.special import gammaln

    if one.length == 0:
        return np.zeros((0, kernels.COLUMNS))
    if one.prior is not None and one.prior.distribution == "Dirichlet":
        row = np.zeros((1, kernels.COLUMNS))
        n, alpha = one.length, float(one.prior.arguments["alpha"])
        row[0, : kernels.A] = kernels.DIRICHLET, kernels.SIMPLEX, x_at, value_at, n
        row[0, kernels.A] = alpha
        row[0, kernels.CONSTANT] = gammaln(n * alpha) - n * gammaln(alpha)
        return row
    rows = np.zeros((one.length, kernels.COLUMNS))
    rows[:, kernels.X_AT] = x_at + np.arange(one.length)
    rows[:, kernels.VALUE_AT] = value_at + np.arange(one.length)
    rows[:, kernels.COUNT] = 1
    if one.prior is None:
        return rows
    kind, transform, numbers, lower, upper, constant = as_numbers(one.prior, kernels)
    rows[:, kernels.KIND], rows[:, kernels.TRANSFORM] = kind, transform
    for column, number in (
        *zip((kernels.A, kernels.B, kernels.C), numbers, strict=False),
        (kernels.LOWER, lower),
        (kernels.UPPER, upper),
        (kernels.CONSTANT, constant),
    ):
        whole = np.size(number) == one.length  # one number for each entry, or of the last axis
        rows[:, column] = np.ravel(number if whole else np.broadcast_to(number, one.shape))
    return rows


def _unbounded(given: np.ndarray, rows: np.ndarray, kernels: Any) -> np.ndarray:
    """Flat coordinates of values (m, n), by the rows of their table."""
    if not len(rows):
        return given
    transform = rows[0, kernels.TRANSFORM]
    if transform == kernels.SIMPLEX:
        logarithm = np.log(np.maximum(given, 1e-300))
        return (logarithm - logarithm.mean(axis=1, keepdims=True))[:, :-1]
    lower, upper = rows[:, kernels.LOWER], rows[:, kernels.UPPER]
    if transform in (kernels.LOGARITHM, kernels.HALF_SUM):
        return np.log(np.maximum(given - lower, 1e-300))
    if transform == kernels.SCORE:
        from bayes_astro.horseshoe import score

        return score((given - rows[:, kernels.A]) / rows[:, kernels.B])
    if transform == kernels.LOG_INTERVAL:
        given = np.log(given)
    if transform in (kernels.INTERVAL, kernels.LOG_INTERVAL):
        share = np.clip((given - lower) / (upper - lower), 1e-12, 1 - 1e-12)
        return np.log(share) - np.log1p(-share)
    return given
