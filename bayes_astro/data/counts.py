"""Counts of events from many sources, with their exposures and backgrounds."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_astro.data.columns import (
    DataError,
    check_labels,
    convert,
    floats,
    refuse,
    split_unit,
    unit_name,
)
from bayes_astro.data.container import Rows, chosen

__all__ = ["Counts"]

MOST = 1_000_000  # counts of a source; likelihoods sum over them
LEFT_OUT = (
    "drop such rows, as a count that was not made says nothing: Counts.read(..., drop_missing=True)"
)


@dataclass(frozen=True, eq=False, repr=False)
class Counts(Rows):
    """Counts of n sources (or bins), each in an exposure of its own, above a background.

    The background is absent, known, or measured beside the source (on/off counting). Arrays are
    checked, copied to float64 and read-only.

    Parameters
    ----------
    counts : array_like, shape (n,)
        Whole numbers >= 0: all events seen, those of the background included.
    exposure : array_like or Quantity, shape (n,), or a number for all
        > 0: time, area, mass, number of stars searched, ... The unit of rates is its inverse.
    background : array_like, shape (n,), or a number for all, optional
        Known number of background events to be expected in each exposure, >= 0.
    off_counts : array_like, shape (n,), optional
        Events seen where there is background alone, in place of `background`.
    off_exposure : array_like or Quantity, shape (n,), or a number for all, optional
        That of `off_counts`, > 0, scaled such that the background has the same rate in both: time
        times area times efficiency. Li & Ma's alpha is exposure / off_exposure.
    names : sequence of str, length n, optional
        Of the sources, all different. Sources of two containers are the same where both have names
        and these agree.
    exposure_unit : str, optional
        Default: that which `exposure` comes with.
    name, source : str
        Of the whole, and where it comes from, for citations.

    Raises
    ------
    DataError
        (a ValueError) naming the column, the first row (0-based) and the remedy: counts that are
        negative, no whole numbers or missing, exposures that are not positive, names that repeat.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> data = ba.Counts([3, 0, 7], [10.0, 5.0, 12.0], background=0.5, exposure_unit="h")
    >>> data, data.labels, data.background
    (<Counts unnamed: 3 sources, 10 counts, known background>, ('0', '1', '2'), array([0.5, 0.5,
    0.5]))
    """

    counts: np.ndarray
    exposure: np.ndarray
    background: np.ndarray | None = None
    off_counts: np.ndarray | None = None
    off_exposure: np.ndarray | None = None
    names: tuple[str, ...] | None = None
    exposure_unit: str = ""
    name: str = ""
    source: str = ""

    def __post_init__(self):
        check_labels(self, "name", "source")
        counts = _whole(self.counts, "counts")
        n = len(counts)
        if not n:
            raise DataError("counts: is empty; give at least one source")
        if self.background is not None and self.off_counts is not None:
            raise DataError("background, off_counts: give a known background or a measured one")
        if (self.off_counts is None) != (self.off_exposure is None):
            raise DataError("off_counts, off_exposure: one needs the other; give both or neither")
        exposure, unit = split_unit(self.exposure, "exposure")
        wanted = unit_name(self.exposure_unit, "exposure_unit") or unit or ""
        arrays = {"counts": counts, "exposure": _positive(exposure, unit, wanted, n, "exposure")}
        if self.background is not None:
            background = _each(split_unit(self.background, "background")[0], n, "background")
            remedy = "give the number of background counts to be expected, >= 0"
            refuse(~((background >= 0) & (background <= MOST)), background, "background", remedy)
            arrays["background"] = background
        if self.off_counts is not None:
            arrays["off_counts"] = _each(_whole(self.off_counts, "off_counts"), n, "off_counts")
            off, unit = split_unit(self.off_exposure, "off_exposure")
            arrays["off_exposure"] = _positive(off, unit, wanted, n, "off_exposure")
        for field, array in arrays.items():
            array.flags.writeable = False
            object.__setattr__(self, field, array)
        object.__setattr__(self, "exposure_unit", wanted)
        object.__setattr__(self, "names", _names(self.names, n))

    @classmethod
    def read(
        cls,
        x,
        *,
        counts: str = "counts",
        exposure: str = "exposure",
        background: str | None = None,
        off_counts: str | None = None,
        off_exposure: str | None = None,
        names: str | None = None,
        exposure_unit: str = "",
        name: str = "",
        source: str = "",
        drop_missing: bool = False,
    ) -> "Counts":
        """Read the named columns of a table, data frame, mapping of arrays or file.

        Parameters
        ----------
        x : Table, QTable, DataFrame, mapping, structured array, str or Path
            Files: csv, tsv, ecsv, fits, VOTable (vot, xml), hdf5, parquet, and txt or dat
            (separated by blanks); each also compressed, as csv.gz.
        counts, exposure : str
            Names of columns.
        background, off_counts, off_exposure, names : str, optional
            Names of columns; None: there is none.
        exposure_unit : str, optional
            Of a table that has none of its own.
        name, source : str
            Of the whole, and where it comes from, for citations.
        drop_missing : bool
            Drop the rows where one of these columns is missing; a `DataWarning` says how many.

        Returns
        -------
        Counts
            One source a row.
        """
        from bayes_astro.data.tables import read_columns

        asked = {
            "counts": counts,
            "exposure": exposure,
            "background": background,
            "off_counts": off_counts,
            "off_exposure": off_exposure,
            "names": names,
        }
        wanted = {field: column for field, column in asked.items() if column is not None}
        columns = read_columns(x, wanted, ("names",), drop_missing)
        if "names" in columns:
            columns["names"] = [str(text) for text in np.asarray(columns["names"])]
        return cls(**columns, exposure_unit=exposure_unit, name=name, source=source)

    @property
    def n(self) -> int:
        """Number of sources."""
        return len(self.counts)

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the sources, or their positions."""
        return tuple(map(str, range(self.n))) if self.names is None else self.names

    @property
    def expected_background(self) -> np.ndarray:
        """Background counts in each exposure: known, or estimated from the off counts; or zero."""
        if self.off_counts is not None:
            return self.off_counts * self.exposure / self.off_exposure
        return np.zeros(self.n) if self.background is None else self.background

    def to_table(self):
        """An astropy QTable, with the names of the fields as columns.

        Returns
        -------
        astropy.table.QTable
            One row a source, exposures with their unit.
        """
        from astropy import units as u
        from astropy.table import QTable

        table = QTable(meta={k: v for k in ("name", "source") if (v := getattr(self, k))})
        if self.names is not None:
            table["names"] = list(self.names)
        for field, array in self.to_arrays().items():
            table[field] = array * u.Unit(self.exposure_unit) if "exposure" in field else array
        return table

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The arrays that, with `metadata`, rebuild this container bit for bit."""
        every = ("counts", "exposure", "background", "off_counts", "off_exposure")
        pairs = ((field, getattr(self, field)) for field in every)
        return {field: array for field, array in pairs if array is not None}

    def metadata(self) -> dict[str, Any]:
        """Everything but the arrays, ready for JSON."""
        names = None if self.names is None else list(self.names)
        rest = ("exposure_unit", "name", "source")
        return {"names": names} | {field: getattr(self, field) for field in rest}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Any], metadata: dict[str, Any]) -> "Counts":
        """The inverse of `to_arrays` and `metadata`."""
        try:
            return cls(**arrays, **metadata)
        except TypeError as error:
            raise DataError(f"these are not the arrays of Counts: {error}") from None

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, rows) -> "Counts":
        """Some sources, by slice, mask or integers."""
        rows = chosen(rows)
        arrays = {field: array[rows] for field, array in self.to_arrays().items()}
        names = None if self.names is None else tuple(np.array(self.names)[rows].tolist())
        return self.replace(**arrays, names=names)

    def __repr__(self) -> str:
        kind = "known background" if self.background is not None else "no background"
        kind = "background from off counts" if self.off_counts is not None else kind
        total = f"{self.counts.sum():.0f} counts"
        return f"<Counts {self.name or 'unnamed'}: {self.n} sources, {total}, {kind}>"


def _whole(x, column: str) -> np.ndarray:
    """Counts, checked."""
    array = floats(split_unit(x, column)[0], column)
    refuse(np.isnan(array), array, column, LEFT_OUT)
    refuse(array < 0, array, column, "counts are >= 0; give them before background is subtracted")
    refuse(
        array != np.rint(array), array, column, "counts are whole numbers; give events, no rates"
    )
    refuse(array > MOST, array, column, f"counts above {MOST} are Gaussian: use ba.Measurements")
    return array


def _each(x, n: int, column: str) -> np.ndarray:
    """One number for each source; a single one stands for all."""
    array = np.full(n, floats(x, column, (0,))) if np.ndim(x) == 0 else floats(x, column)
    if array.shape != (n,):
        raise DataError(f"{column}: has {array.size} entries, counts has {n}; give one for each")
    return array


def _positive(x, unit: str | None, wanted: str, n: int, column: str) -> np.ndarray:
    array = _each(x, n, column)
    if unit:
        array = convert(array, unit, wanted, column)
    refuse(~((array > 0) & (array < np.inf)), array, column, "exposures are > 0; drop such rows")
    return array


def _names(names, n: int) -> tuple[str, ...] | None:
    if names is None:
        return None
    names = (names,) if isinstance(names, str) else tuple(names)
    for row, text in enumerate(names):
        if not isinstance(text, str) or not text.strip() or not text.isprintable():
            raise DataError(f"names: row {row} is {text!r:.40}; give a text that is not empty")
    if len(names) != n:
        raise DataError(
            f"names: has {len(names)} entries, counts has {n}; give one for each source"
        )
    first: dict[str, int] = {}
    for row, text in enumerate(names):
        if text in first:
            raise DataError(
                f"names: rows {first[text]} and {row} are both {text!r}; add up the counts and "
                "exposures of one source, or give the second another name"
            )
        first[text] = row
    return names
