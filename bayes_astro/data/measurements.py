"""A table of measured quantities with errors, correlated or not."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from bayes_astro.data.columns import (
    DataError,
    check_labels,
    column_names,
    column_units,
    convert,
    split_unit,
)
from bayes_astro.data.container import chosen
from bayes_astro.data.covariance import from_covariances, from_errors
from bayes_astro.data.labels import Labelled, labels
from bayes_astro.data.measurement_inputs import (
    limits,
    matrix,
    point_covariances,
    projections,
    refuse_columns,
    refuse_extremes,
    upper_errors,
    weights,
)
from bayes_astro.names import nearest

__all__ = ["Measurements"]

JOINT = "point_covariance of "


@dataclass(frozen=True, eq=False, repr=False)
class Measurements(Labelled):
    """Measured quantities of objects, with the covariance of each object's errors.

    d quantities of n objects. The arrays are checked, copied to float64 and read-only.

    Parameters
    ----------
    value : array_like or Quantity, shape (n, d) or (n,)
        nan or masked: not measured. The error of such an entry is ignored, and nan afterwards.
    error : array_like or Quantity, shape (n, d), (d,) or a single number for all
        Standard deviations; 0 says that the value is known exactly. Give either this or
        `covariance`; afterwards it is the square root of the covariance's diagonal.
    covariance : array_like or Quantity, shape (n, d, d), or (d, d) for all objects
        Symmetric, positive semi-definite.
    names : sequence of str, length d
        Of the columns. Default: x0, x1, ...
    projection : array_like, shape (n, d, k), optional
        R of each object, where value = R v + noise for an unobserved v of length k.
    weight : array_like, shape (n,), optional
        How often each row counts, > 0. Default: all once.
    name : str
        Of the sample, for titles.
    units : sequence of str, length d, optional
        Default: those that `value` comes with.
    source : str
        Where the data come from, for citations.
    label : sequence of str, length n, optional
        Class of each object, such as "QSO"; None where unknown.
    limit : array_like, shape (n, d), or mapping of column to array (n,), optional
        0: measured. -1: the value is an upper limit; 1: a lower one.
    limit_of : {"observed", "true"}
        What is below an upper limit: the value as it would have been observed, with the error that
        is stated, as a detection threshold has it; or the true value, whatever its error.
    point_covariance : mapping of column to array_like, shape (n, n), optional
        Covariance of the errors of all points of a column, beside what each has of its own.
    upper_error : array_like, shape (n, d), or mapping of column to array (n,), optional
        Errors towards larger values, where they differ from `error`, which are then those towards smaller
        ones: of 5.0 (+0.3 -0.1) 0.3. Such an error is a split normal: given the true value, what is
        measured is spread by 0.3 below it and by 0.1 above it, in the unit of the column.

    Raises
    ------
    DataError
        (a ValueError) naming the column, the first row (0-based) and the remedy: infinite or
        non-numeric values, negative or missing errors, covariances that are none, shapes that do
        not fit, names that repeat.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> value, error = [[1.0, 2.0], [2.0, 4.1]], [[0.1, 0.2], [0.1, 0.0]]
    >>> data = ba.Measurements(value, error, names=("x", "y"))
    >>> data.covariance.shape, data.column("y")
    ((2, 2, 2), array([2. , 4.1]))
    """

    value: np.ndarray
    error: np.ndarray = None  # type: ignore[assignment]  # either makes the other
    covariance: np.ndarray = None  # type: ignore[assignment]
    names: tuple[str, ...] = ()
    projection: np.ndarray | None = None
    weight: np.ndarray | None = None
    name: str = ""
    units: tuple[str, ...] = ()
    source: str = ""
    label: np.ndarray | None = None
    limit: np.ndarray | None = None
    limit_of: str = "observed"
    point_covariance: Mapping[str, np.ndarray] | None = None
    upper_error: np.ndarray | None = None

    def __post_init__(self):
        check_labels(self, "name", "source")
        if (self.error is None) == (self.covariance is None):
            raise DataError(
                "error, covariance: give exactly one of the two (zeros for exact values); columns x and y "
                "are one value, np.column_stack([x, y]), and so are their errors"
            )
        refuse_columns(self.value)
        value, unit = split_unit(self.value, "value")
        value = matrix(value, "value")
        n, d = value.shape
        names = column_names(self.names, d)
        units = column_units(self.units, unit, d)
        refuse_extremes(value, names)
        if unit is not None:
            value = convert(value, unit, units[0], "value")
        missing = np.isnan(value)
        if self.covariance is None:
            covariance = from_errors(self.error, missing, names, unit, units)
        else:
            covariance = from_covariances(self.covariance, missing, names, unit, units)
        error = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
        arrays = {
            "value": value,
            "error": error,
            "covariance": covariance,
            "projection": projections(self.projection, n, d),
            "weight": weights(self.weight, n),
            "limit": limits(self.limit, value, error, names, self.limit_of),
            "upper_error": upper_errors(self.upper_error, value, covariance, names),
        }
        for field, array in arrays.items():
            if array is not None:
                array.flags.writeable = False
            object.__setattr__(self, field, array)
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "label", labels(self.label, n))
        joint = point_covariances(self.point_covariance, n, names, missing)
        object.__setattr__(self, "point_covariance", joint)
        object.__setattr__(self, "units", units)

    @classmethod
    def read(
        cls,
        x,
        *,
        value: tuple[str, ...] = ("x", "y"),
        error: tuple[Any, ...] = ("x_err", "y_err"),
        covariance: Mapping[tuple[str, str], str] | None = None,
        correlation: Mapping[tuple[str, str], str] | None = None,
        names: tuple[str, ...] | None = None,
        units: tuple[str, ...] | None = None,
        projection: tuple[tuple[str | None, ...], ...] | None = None,
        weight: str | None = None,
        name: str = "",
        source: str = "",
        drop_missing: bool = False,
        label: str | None = None,
        limit: Mapping[str, str] | None = None,
        upper_limit: Mapping[str, str] | None = None,
        lower_limit: Mapping[str, str] | None = None,
        limit_of: str = "observed",
    ) -> "Measurements":
        """Read the named columns of a table, data frame, mapping of arrays or file.

        Parameters
        ----------
        x : Table, QTable, DataFrame, mapping, structured array, str or Path
            Files: csv, tsv, ecsv, fits, VOTable (vot, xml), hdf5, parquet, and txt or dat
            (separated by blanks); each also compressed, as csv.gz.
        value : tuple of str
            Columns of the measured quantities.
        error : tuple of str, float, Quantity, pair of str, or None
            Columns of their standard deviations, or a number for all rows; None: known exactly; of two
            columns the first has the errors towards smaller values, the second those towards larger ones.
        covariance, correlation : mapping of (str, str) to str
            Columns with the covariance, or the correlation, of the errors of two of `value`.
        names : tuple of str, optional
            Default: those of the columns.
        units : tuple of str, optional
            Of a table that has none of its own.
        projection : tuple of tuples of str or None, optional
            For each of `value` the columns with its row of the projection; None: 0.
        weight : str, optional
            Column of the rows' weights.
        name, source : str
            Of the sample, and where it comes from, for citations.
        drop_missing : bool
            Drop the rows where one of these columns is missing; a `DataWarning` says how many.
            Default: a missing value is not measured, and its row is kept.
        label : str, optional
            Column of the rows' classes.
        limit : mapping of str to str, optional
            For some of `value` the column that says -1 of an upper limit, 1 of a lower one, else 0.
        upper_limit, lower_limit : mapping of str to str, optional
            Or the column that is true, or 1, where the value is such a limit.
        limit_of : {"observed", "true"}
            As above.

        Returns
        -------
        Measurements
            One object a row.
        """
        from bayes_astro.data.tables import read_measurements

        arrays, own = read_measurements(
            x, value, error, covariance, correlation, weight, projection, drop_missing, label,
            {"limit": limit, "upper": upper_limit, "lower": lower_limit},
        )  # fmt: skip
        if units is not None and own:
            raise DataError(f"units: the table has its own ({', '.join(own)}); leave units out")
        return cls(
            **arrays, names=names or value, units=units or own, name=name, source=source,
            limit_of=limit_of,
        )  # fmt: skip

    @property
    def n(self) -> int:
        """Number of objects."""
        return self.value.shape[0]

    @property
    def d(self) -> int:
        """Number of measured quantities."""
        return self.value.shape[1]

    @property
    def missing(self) -> np.ndarray:
        """Which values were not measured, shape (n, d)."""
        return np.isnan(self.value)

    @property
    def limited(self) -> np.ndarray:
        """Which values are limits, shape (n, d)."""
        return np.zeros((self.n, self.d), bool) if self.limit is None else self.limit != 0

    def index(self, name: str) -> int:
        """Find the position of a column.

        Parameters
        ----------
        name : str
            One of `names`.

        Returns
        -------
        int
            From 0.
        """
        if name not in self.names:
            raise DataError(f"column {name!r} is not there.{nearest(name, self.names)}")
        return self.names.index(name)

    def column(self, name: str) -> np.ndarray:
        """Take the values of one column.

        Parameters
        ----------
        name : str
            One of `names`.

        Returns
        -------
        array (n,)
            nan where it was not measured.
        """
        return self.value[:, self.index(name)]

    def select(self, *names: str) -> "Measurements":
        """Choose some columns, in the order given.

        Parameters
        ----------
        *names : str
            At least one of `names`.

        Returns
        -------
        Measurements
            Their values and the covariances among them.
        """
        columns = [self.index(name) for name in names]
        if not columns:
            raise DataError(f"select: name at least one column.{nearest('', self.names)}")
        return self.replace(
            value=self.value[:, columns],
            covariance=self.covariance[:, columns][:, :, columns],
            names=names,
            projection=None if self.projection is None else self.projection[:, columns],
            limit=None if self.limit is None else self.limit[:, columns],
            upper_error=None if self.upper_error is None else self.upper_error[:, columns],
            point_covariance={
                name: joint
                for name, joint in (self.point_covariance or {}).items()
                if name in names
            },
            units=[self.units[j] for j in columns] if self.units else (),
        )

    def without_error(self, *names: str) -> "Measurements":
        """Take some columns as known exactly.

        Parameters
        ----------
        *names : str
            Some of `names`.

        Returns
        -------
        Measurements
            The same values, the errors of these columns zero.
        """
        columns = [self.index(name) for name in names]
        covariance = self.covariance.copy()
        covariance[:, columns] = 0
        covariance[:, :, columns] = 0
        upper = None if self.upper_error is None else self.upper_error.copy()
        if upper is not None:
            upper[:, columns] = 0
        return self.replace(covariance=covariance, upper_error=upper)

    def replace(self, **changes: Any) -> "Measurements":
        """A new table with some of the fields changed.

        Parameters
        ----------
        **changes : object
            Fields by name; a new `error` takes the place of covariance and `upper_error`.

        Returns
        -------
        Measurements
            Checked anew.
        """
        kept = {f.name: getattr(self, f.name) for f in fields(self)}
        new = changes.get("error") is not None
        kept |= {"covariance": None, "upper_error": None} if new else {"error": None}
        return type(self)(**(kept | changes))

    def to_table(self):
        """An astropy QTable: each column, its error, and correlations where there are any.

        Returns
        -------
        astropy.table.QTable
            One row an object, with units where there are any.
        """
        from bayes_astro.data.measurement_table import table_of

        return table_of(self)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The arrays that, with `metadata`, rebuild this table bit for bit."""
        fields = ("value", "covariance", "projection", "weight", "limit", "upper_error")
        pairs = ((f, getattr(self, f)) for f in fields)
        joint = {f"{JOINT}{name}": c for name, c in (self.point_covariance or {}).items()}
        return {field: a for field, a in pairs if a is not None} | joint | self._labels()

    @classmethod
    def from_arrays(cls, arrays: dict[str, Any], metadata: dict[str, Any]) -> "Measurements":
        """The inverse of `to_arrays` and `metadata`."""
        joint = {key.removeprefix(JOINT): a for key, a in arrays.items() if key.startswith(JOINT)}
        others = {key: array for key, array in arrays.items() if not key.startswith(JOINT)}
        return super().from_arrays(
            others | ({"point_covariance": joint} if joint else {}), metadata
        )

    def __getitem__(self, rows: Any) -> "Measurements":
        """Some rows, by slice, mask or integers."""
        if self.point_covariance is None:
            return super().__getitem__(rows)
        joint = {
            name: c[chosen(rows)][:, chosen(rows)] for name, c in self.point_covariance.items()
        }
        return self.replace(point_covariance=None)[rows].replace(point_covariance=joint)

    def metadata(self) -> dict[str, Any]:
        """Everything but the arrays, ready for JSON."""
        lists = {"names": list(self.names), "units": list(self.units)}
        limit = {} if self.limit is None else {"limit_of": self.limit_of}
        return lists | {"name": self.name, "source": self.source} | limit | self._classes()

    def __len__(self) -> int:
        return self.n

    def __repr__(self) -> str:
        missing = int(self.missing.sum())
        gaps = f", {missing} values missing" if missing else ""
        gaps += f", {self.limited.sum()} limits" if self.limit is not None else ""
        return f"<Measurements {self.name or 'unnamed'}: {self.n} rows of {', '.join(self.names)}{gaps}>"
