"""Which rows are left out together: at random, by group, or by block of time."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from bayes_astro.names import nearest
from bayes_astro.parameters import is_whole

__all__ = ["Folds", "of_rows"]


@dataclass(frozen=True)
class Folds:
    """What is left out when, and which rows are no independent evidence.

    Attributes
    ----------
    of : array (n,)
        Fold of every row, from 0.
    cluster : array (n,)
        Rows of one cluster count as one where the error of a mean over rows is asked for.
    """

    of: np.ndarray
    cluster: np.ndarray

    @property
    def count(self) -> int:
        """Number of folds."""
        return int(self.of.max()) + 1

    def rows(self, fold: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows to fit, and rows that are left out."""
        return np.flatnonzero(self.of != fold), np.flatnonzero(self.of == fold)


def of_rows(data: Any, folds: Any, by: Any, seed: int) -> Folds:
    """Divide the rows of a container; ValueError where they cannot be left out."""
    n = len(data)
    if not is_whole(folds) or folds < 2:
        raise ValueError(f"folds={folds!r} must be a whole number of at least 2.")
    if folds > n:
        raise ValueError(
            f"folds={folds}, but there are {n} rows: folds={n} leaves out each in turn."
        )
    rng = np.random.default_rng(seed)
    if by is None:
        found = Folds(rng.permutation(n) % folds, np.arange(n))
    elif isinstance(by, str) and by == "time":
        found = _blocks(data, int(folds))
    else:
        groups, what = _groups(data, by)
        found = Folds(_even(groups, int(folds), what, rng), groups)
    _refuse_shared_errors(data, found.of)
    return found


def _blocks(data: Any, folds: int) -> Folds:
    """Contiguous in time, of about as many rows each; equal times stay together.

    Clusters are contiguous pieces of n^(1/3) rows (Carlstein 1986), as neighbours are alike.
    """
    time = getattr(data, "time", None)
    if time is None:
        raise ValueError(
            f"by='time': a {type(data).__name__} has no times. Give an array with one group a row."
        )
    n = len(time)
    before = np.searchsorted(np.sort(time), time)  # rows that are earlier
    _, block = np.unique(before * folds // n, return_inverse=True)
    if block.max() + 1 < folds:
        raise ValueError(
            f"by='time': folds={folds} need as many different times; there are {len(np.unique(time))}, "
            "some of many rows. Take fewer folds."
        )
    each = max(1, round(n ** (1 / 3)))
    return Folds(block, before // each)


def _groups(data: Any, by: Any) -> tuple[np.ndarray, str]:
    """Number of every row's group, from 0 in order of appearance, and what to call them."""
    import pandas as pd

    n = len(data)
    if isinstance(by, str):
        named = {f.name: getattr(data, f.name) for f in fields(data)}
        texts = {name: x for name, x in named.items() if _one_a_row(x, n)}
        if by not in texts:
            known = ["time", *texts] if hasattr(data, "time") else texts
            raise ValueError(
                f"by={by!r}: this {type(data).__name__} has no such column of labels; an array with one "
                f"group a row does as well.{nearest(by, known)}"
            )
        what, labels = f"by={by!r}", np.asarray(texts[by], dtype=object)
    else:
        what, labels = "by", np.asarray(by)
        if labels.shape != (n,):
            raise ValueError(
                f"by has shape {labels.shape}; expected ({n},), the group of each row, or the name of one."
            )
    codes, names = pd.factorize(labels)
    if (codes < 0).any():
        row = int(np.argmax(codes < 0))
        raise ValueError(
            f"{what}: row {row} has no group ({(codes < 0).sum()} rows in all). Give it one of its own, or "
            "leave those rows out."
        )
    if len(names) < 2:
        raise ValueError(f"{what}: all rows are of one group; nothing would be left to fit.")
    return codes, what


def _one_a_row(values: Any, n: int) -> bool:
    """Whether a field of a container has a text, or None, for every row."""
    if not isinstance(values, tuple | list | np.ndarray) or np.shape(values) != (n,):
        return False
    return all(one is None or isinstance(one, str) for one in values)


def _even(groups: np.ndarray, folds: int, what: str, rng: np.random.Generator) -> np.ndarray:
    """Folds of groups: the largest first, each into the fold that has the fewest rows so far."""
    sizes = np.bincount(groups)
    if folds > len(sizes):
        raise ValueError(
            f"folds={folds}, but {what} has {len(sizes)} groups: folds={len(sizes)} leaves out each in turn."
        )
    shuffled = rng.permutation(len(sizes))
    order = shuffled[np.argsort(-sizes[shuffled], kind="stable")]
    filled, of_group = np.zeros(folds), np.empty(len(sizes), dtype=int)
    for group in order:
        of_group[group] = np.argmin(filled)
        filled[of_group[group]] += sizes[group]
    return of_group[groups]


def _refuse_shared_errors(data: Any, fold: np.ndarray) -> None:
    """Raise ValueError where errors that are correlated between rows cross a fold's border."""
    joint = dict(getattr(data, "point_covariance", None) or {})
    whole = getattr(data, "covariance", None)
    if whole is not None and np.shape(whole) == (len(data), len(data)):  # of all rows together
        joint["the estimates"] = whole
    for name, covariance in joint.items():
        across = (covariance != 0) & (fold[:, None] != fold)
        if across.any():
            first, second = np.argwhere(across)[0]
            raise ValueError(
                f"the errors of rows {first} and {second} are correlated (covariance of {name}), so that "
                "neither is new to a fit of the other, and the row cannot be left out. Give all rows that "
                "share errors one group (by=), or data without that covariance."
            )
