"""Rows of a table as the kernels of a line read them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bayes_astro.data import Measurements

__all__ = [
    "MISSING",
    "Parts",
    "Rows",
    "laid_out",
    "ordered",
    "predictors",
    "refuse_many",
    "shared_variance",
    "sided",
]

MISSING = 2  # as `likelihoods.relation_rows` has it


class Parts(NamedTuple):
    """Rows as the kernels read them: a row of errors that differ by side is one of several parts."""

    value: np.ndarray  # (m, d + e)
    covariance: np.ndarray
    kind: np.ndarray
    start: np.ndarray  # (n + 1,)
    share: np.ndarray  # (m,), log
    copies: np.ndarray  # (e,)


class Rows(NamedTuple):
    """What was measured, predictors first and the response last, as the kernels read it."""

    value: np.ndarray  # (n, d), 0 where it is missing
    covariance: np.ndarray  # (n, d, d)
    kind: np.ndarray  # (n, d) of -1, 0, 1, 2: upper limit, measured, lower limit, missing
    weight: np.ndarray  # (n,)
    joint: tuple[tuple[int, np.ndarray], ...] = ()  # columns with a covariance (n, n) of all rows
    upper: np.ndarray | None = None  # (n, d), variances above of errors that differ by side, else 0

    def some(self, index: np.ndarray) -> Rows:
        """Some of the rows."""
        joint = tuple((j, c[index][:, index]) for j, c in self.joint)
        upper = None if self.upper is None else self.upper[index]
        value, covariance, kind, weight = (part[index] for part in self[:4])
        return Rows(value, covariance, kind, weight, joint, upper)

    @property
    def sided(self) -> np.ndarray:
        """Which entries were measured with errors that differ by side, (n, d)."""
        if self.upper is None:
            return np.zeros(self.kind.shape, dtype=bool)
        return (self.upper > 0) & (self.kind == 0)

    @property
    def parts(self) -> Parts:
        """One of most rows; two of each error that differs by side, above and below what was measured.

        See `bayes_astro.likelihoods.relation_components`.
        """
        sided, n = self.sided, len(self.value)
        copies = np.flatnonzero(sided.any(axis=0))
        if not len(copies):
            start = np.arange(n + 1)
            return Parts(self.value, self.covariance, self.kind, start, np.zeros(n), copies)
        nothing = np.zeros((n, len(copies)))
        value, kind = np.hstack([self.value, nothing]), np.hstack([self.kind, nothing + MISSING])
        d = self.value.shape[1]
        covariance = np.zeros((n, d + len(copies), d + len(copies)))
        covariance[:, :d, :d] = self.covariance
        owner, share = np.arange(n), np.zeros(n)
        for e, j in enumerate(copies):
            twice = sided[owner, j]
            owner = np.repeat(owner, 1 + twice)
            first = np.flatnonzero(sided[owner, j])[::2]  # followed by its other side
            value, kind, covariance, share = (
                np.repeat(part, 1 + twice, axis=0) for part in (value, kind, covariance, share)
            )
            assert self.upper is not None
            above, below = self.upper[owner[first], j], covariance[first, j, j]
            whole = np.sqrt(above) + np.sqrt(below)
            for side, variance, at in ((1, above, first), (-1, below, first + 1)):
                covariance[at, j, j] = variance
                value[at, d + e], kind[at, d + e] = value[at, j], side
                share[at] += np.log(2 * np.sqrt(variance) / whole)
        start = np.searchsorted(owner, np.arange(n + 1))
        arrays = (value, covariance, kind.astype(np.int64), start, share, copies)
        return Parts(*(np.ascontiguousarray(array) for array in arrays))

    @property
    def x(self) -> np.ndarray:
        """The predictors, (n, p)."""
        return self.value[:, :-1]

    @property
    def y(self) -> np.ndarray:
        """The response, (n,)."""
        return self.value[:, -1]

    @property
    def plain(self) -> bool:
        """Whether everything was measured, each row by itself, and all rows count once."""
        odd = self.kind.any() or self.joint or self.upper is not None
        return not odd and bool(np.all(self.weight == 1))


def predictors(data: Measurements, response: str) -> list[str]:
    """Names of all columns but the response, in order."""
    return [name for name in data.names if name != response]


def ordered(data: Measurements, response: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predictors (n, p), response (n,), and the covariance with the response last."""
    column = data.index(response)
    order = [i for i in range(len(data.names)) if i != column] + [column]
    value = data.value[:, order]
    return value[:, :-1], value[:, -1], data.covariance[:, order][:, :, order]


def laid_out(data: Measurements, response: str) -> Rows:
    """The rows of a table as the kernels read them.

    The limit of a true value has no error: what is beyond it is that value itself.
    """
    refuse_many(data)
    x, y, covariance = ordered(data, response)
    value = np.column_stack([x, y])
    missing = np.isnan(value)
    kind = np.where(missing, MISSING, 0)
    covariance = np.nan_to_num(covariance)
    names = [*predictors(data, response), response]
    if data.limit is not None:
        limit = data.limit[:, [data.index(name) for name in names]]
        kind = np.where(limit != 0, limit, kind)
        if data.limit_of == "true":
            exact = limit != 0
            covariance[exact[:, :, None] | exact[:, None, :]] = 0.0
    weight = np.ones(len(data)) if data.weight is None else data.weight
    shared = data.point_covariance or {}
    return Rows(
        np.ascontiguousarray(np.nan_to_num(value)),
        np.ascontiguousarray(covariance),
        np.ascontiguousarray(kind.astype(np.int64)),
        np.ascontiguousarray(weight, dtype=float),
        tuple((j, shared[name]) for j, name in enumerate(names) if name in shared),
        None
        if data.upper_error is None
        else np.where(sided(data), data.upper_error**2, 0.0)[:, [data.index(n) for n in names]],
    )


def refuse_many(data: Measurements) -> None:
    """Raise ValueError for rows with more than can be integrated."""
    unlike = sided(data)
    many = data.limited.sum(axis=1) + unlike.sum(axis=1)
    if np.any(many > 2):
        row = int(np.argmax(many > 2))
        raise ValueError(
            f"row {row}: {data.limited[row].sum()} limits and {unlike[row].sum()} errors that differ by side "
            f"({np.sum(many > 2)} such rows); two of these can be integrated. Give a limit as missing (nan), "
            "or the error that differs least as one number."
        )


def sided(data: Measurements) -> np.ndarray:
    """Which errors are others above than below, (n, d); of limits and gaps none are."""
    if data.upper_error is None:
        return np.zeros(data.value.shape, dtype=bool)
    return (
        ~data.missing & ~data.limited & (np.abs(data.upper_error - data.error) > 1e-12 * data.error)
    )


def shared_variance(data: Measurements) -> np.ndarray:
    """Variances of the errors that all points share, (n, d); 0 where there are none."""
    found = np.zeros((len(data), data.d))
    for name, matrix in (data.point_covariance or {}).items():
        found[:, data.index(name)] = np.diag(matrix)
    return found
