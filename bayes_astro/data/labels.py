"""Labels of objects: text, or None where the class is not known."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from bayes_astro.data.columns import DataError
from bayes_astro.data.container import Rows, chosen

__all__ = ["Labelled", "labels"]


NOTHING = ("nan", "none", "<na>", "null")  # what turning gaps into text leaves


class Labelled(Rows):
    """Rows whose class may be known: ``label`` is an array of text and None, or None without any."""

    label: np.ndarray | None

    @property
    def classes(self) -> tuple[str, ...]:
        """The different labels, sorted."""
        return () if self.label is None else tuple(sorted({x for x in self.label if x is not None}))

    def codes(self, classes: Sequence[str]) -> np.ndarray:
        """Place of each row's label in a list of classes.

        Parameters
        ----------
        classes : sequence of str
            In any order.

        Returns
        -------
        array (n,)
            From 0; -1 without a label, or with another one.
        """
        places = {name: place for place, name in enumerate(classes)}
        known = () if self.label is None else self.label
        found = [-1 if name is None else places.get(name, -1) for name in known]
        return np.array(found if found else [-1] * len(self), dtype=int)  # type: ignore[arg-type]

    def _labels(self) -> dict[str, np.ndarray]:
        """The labels as an array of numbers, nan without, if there are any."""
        if self.label is None:
            return {}
        codes = self.codes(self.classes)
        return {"label": np.where(codes < 0, np.nan, codes)}

    def _classes(self) -> dict[str, list[str]]:
        """What the numbers stand for, if there are labels."""
        return {} if self.label is None else {"classes": list(self.classes)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Any], metadata: dict[str, Any]) -> Self:
        """The inverse of `to_arrays` and `metadata`."""
        arrays, metadata = dict(arrays), dict(metadata)
        classes = metadata.pop("classes", None)
        if "label" in arrays and classes is not None:
            arrays["label"] = _named(arrays["label"], classes)
        try:
            return cls(**arrays, **metadata)
        except TypeError as error:
            raise DataError(f"these are not the arrays of a {cls.__name__}: {error}") from None

    def __getitem__(self, rows: Any) -> Self:
        """Some rows, by slice, mask or integers."""
        rows = chosen(rows)
        arrays = {name: array[rows] for name, array in self.to_arrays().items()}  # type: ignore[attr-defined]
        if self.label is not None:
            arrays["label"] = self.label[rows]
        return self.replace(**arrays)  # type: ignore[attr-defined]


def _named(codes: Any, classes: Any) -> list[str | None]:
    whole = np.where(np.isnan(codes), -1.0, codes)
    listed = isinstance(classes, list) and all(isinstance(name, str) for name in classes)
    if not listed or np.any((whole < -1) | (whole >= len(classes)) | (whole != np.rint(whole))):
        raise DataError("label: the numbers of the classes are none of a list of them")
    return [None if code < 0 else classes[int(code)] for code in whole]


def labels(given: Any, n: int) -> np.ndarray | None:
    """One text or None a row, from lists, arrays, masked and categorical columns; read-only.

    Empty text and nan count as None.
    """
    if given is None:
        return None
    if isinstance(given, str | bytes):
        raise DataError(f"label: {given!r:.80} is one text; give one for each of the {n} rows")
    masked = np.ma.getmaskarray(given) if isinstance(given, np.ma.MaskedArray) else None
    plain = given.filled() if masked is not None and masked.shape else given
    array = np.asarray(plain, dtype=object)
    if array.shape != (n,):
        raise DataError(f"label: has shape {array.shape}; expected ({n},), one text a row")
    found = np.empty(n, dtype=object)
    for row, entry in enumerate(array):
        entry = entry.decode("utf-8") if isinstance(entry, bytes) else entry
        nothing = entry is None or entry != entry or type(entry).__name__ in ("NAType", "NaTType")
        if nothing or (masked is not None and masked[row]):
            continue
        if not isinstance(entry, str):
            raise DataError(
                f"label: row {row} is {entry!r:.40}, a {type(entry).__name__}; labels are text, None where "
                "the class is not known: [None if x != x else str(x) for x in label]"
            )
        if entry.strip().lower() in NOTHING:
            raise DataError(
                f"label: row {row} is {entry!r}, which stands for a label that is missing: None where the class "
                "is not known"
            )
        found[row] = str(entry).strip() or None
    found.flags.writeable = False
    return found
