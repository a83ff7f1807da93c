"""A light curve, or any other series of one measured quantity in time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from bayes_astro.data.columns import (
    DataError,
    check_labels,
    convert,
    texts,
)
from bayes_astro.data.container import Rows, chosen
from bayes_astro.data.epochs import scale_of, time_of
from bayes_astro.data.errors import is_constant, refuse_sides
from bayes_astro.data.light_curve_columns import check, times_of, values_of
from bayes_astro.data.regressors import apart, joined, listed, read
from bayes_astro.names import nearest

__all__ = ["LightCurve"]

MAGNITUDE = re.compile(r"[a-zµ]?mag(\(.*\))?|(AB|ST)mag")


@dataclass(frozen=True, eq=False, repr=False)
class LightCurve(Rows):
    """Values with errors at given times, in one or several bands.

    The arrays are checked, copied to float64, sorted by time (stable; the other columns follow) and
    read-only. Repeated times are independent measurements and kept; rows that are repeated exactly
    are refused. A constant light curve is valid.

    Parameters
    ----------
    time : array_like, Quantity, Time or TimeDelta, shape (n,)
        A Time is stored as MJD in days, with its scale and ``time_format="mjd"``; see `to_time`.
    value : array_like or Quantity, shape (n,)
        What was measured: magnitudes, fluxes, velocities, ...
    error : array_like or Quantity, shape (n,), or a number for all
        Standard deviations, > 0; without a unit they are in that of `value`.
    band : array_like of str, shape (n,), optional
        Name of the band, or of the instrument, of every row.
    time_unit : str, optional
        Default: the unit that `time` comes with, otherwise days. A Quantity is converted to it.
        A text such as "BJD - 2454833" or "MJD" stands for days, and becomes `time_format`.
    value_unit : str, optional
        Default: the unit that `value` comes with. A Quantity is converted to it.
    name : str
        Of the object, for titles.
    time_scale, time_format : str
        As in astropy, e.g. "tdb" and "jd", or "BJD - 2454833": labels of plain times, kept and
        never guessed.
    source : str
        Where the data come from, for citations.
    regressors : dict of str to array_like, shape (n,), optional
        What the values may depend on beside time, such as airmass or seeing: plain numbers. Used
        by `ba.Periodogram`; other tasks leave them aside.

    Raises
    ------
    DataError
        (a ValueError) naming the column, the first row (0-based, in the order given) and the
        remedy: nan, infinite, masked or non-numeric entries, errors <= 0, unequal lengths, repeated
        rows, units that do not fit.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> curve = ba.LightCurve([2.0, 1.0], [14.1, 14.3], [0.02, 0.03], value_unit="mag")
    >>> curve.time, curve.is_magnitude
    (array([1., 2.]), True)
    """

    time: np.ndarray
    value: np.ndarray
    error: np.ndarray
    band: np.ndarray | None = None
    time_unit: str | None = None
    value_unit: str | None = None
    name: str = ""
    time_scale: str = ""
    time_format: str = ""
    source: str = ""
    regressors: dict[str, np.ndarray] | None = None

    def __post_init__(self):
        check_labels(self, "name", "time_scale", "time_format", "source")
        columns, labels = times_of(self)
        values, units = values_of(self)
        columns |= values
        if self.band is not None:
            columns["band"] = texts(self.band, "band")
        check(columns)
        order = np.argsort(columns["time"], kind="stable")
        given = read(self.regressors, len(order), order)
        object.__setattr__(self, "regressors", given)
        for field, array in columns.items():
            array = array[order]
            array.flags.writeable = False
            object.__setattr__(self, field, array)
        for field, text in (labels | units).items():
            object.__setattr__(self, field, text)

    @classmethod
    def read(
        cls,
        x,
        *,
        time: str = "time",
        value: str = "value",
        error: Any = "error",
        band: str | None = None,
        time_unit: str | None = None,
        value_unit: str | None = None,
        name: str = "",
        time_scale: str = "",
        time_format: str = "",
        source: str = "",
        select: str | None = None,
        quality: str | None = None,
        quality_bits: int | None = None,
        drop_missing: bool = False,
        regressors: Sequence[str] = (),
    ) -> "LightCurve":
        """Read the named columns of a table, data frame, mapping of arrays or file.

        Parameters
        ----------
        x : Table, QTable, TimeSeries, DataFrame, mapping, structured array, str or Path
            Files: csv, tsv, ecsv, fits, VOTable (vot, xml), hdf5, parquet, and txt or dat
            (separated by blanks); each also compressed, as csv.gz.
        time, value, error, band : str
            Names of columns; as `error` also a number or Quantity for all rows. A unit of time such
            as "BJD - 2454833" becomes `time_format`; the scale of a FITS table (TIMESYS) becomes
            `time_scale`.
        time_unit, value_unit : str, optional
            Of a table that has none of its own.
        name : str
            Of the object, for titles.
        time_scale, time_format : str
            As for the class.
        source : str
            Where the data come from, for citations.
        select : str, optional
            Keep only the rows of this band.
        quality : str, optional
            Column of flags, as SAP_QUALITY of Kepler and QUALITY of TESS: rows that have one are
            dropped.
        quality_bits : int, optional
            Sum of the flags that count, e.g. 128 + 2048. Default: all.
        drop_missing : bool
            Drop the rows where time, value, error, band or a regressor is missing. A `DataWarning`
            says how many rows were dropped, here and for their quality.
        regressors : sequence of str
            Names of columns that the values may depend on.

        Returns
        -------
        LightCurve
            Sorted by time.

        Raises
        ------
        DataError
            (a ValueError) for what is no light curve, naming column, row and remedy.

        Examples
        --------
        >>> import bayes_astro as ba
        >>> table = {"mjd": [51.2, 50.1], "mag": [14.1, 14.3], "e_mag": [0.02, 0.03]}
        >>> curve = ba.LightCurve.read(table, time="mjd", value="mag", error="e_mag")
        >>> curve.value
        array([14.3, 14.1])
        """
        from bayes_astro.data.tables import read_table

        names = {"time": time, "value": value}
        refuse_sides(error, "error")
        if not is_constant(error):
            names["error"] = error
        if band is not None:
            names["band"] = band
        names |= listed(regressors)
        constant = {} if "error" in names else {"error": error}
        columns, meta = read_table(x, names, ("band",), drop_missing, quality, quality_bits)
        labels: dict[str, Any] = {
            "name": name,
            "time_scale": scale_of(meta, columns["time"], time_scale),
            "time_format": time_format,
        }
        labels |= {"time_unit": time_unit, "value_unit": value_unit, "source": source}
        try:
            curve = cls(**joined(columns), **constant, **labels)
        except DataError as problem:
            shown = ", ".join(f"{field}={column!r}" for field, column in names.items())
            raise DataError(f"{problem} (columns: {shown})") from None
        return curve if select is None else curve.select(select)

    @cached_property  # models ask for it at every step of a search, and nothing here can change
    def bands(self) -> tuple[str, ...]:
        """Names of the bands in order of first appearance in time; () without bands."""
        return () if self.band is None else tuple(dict.fromkeys(self.band.tolist()))

    @property
    def n(self) -> int:
        """Number of rows."""
        return self.time.size

    @property
    def is_magnitude(self) -> bool:
        """Whether larger values are fainter."""
        return bool(self.value_unit and MAGNITUDE.fullmatch(self.value_unit))

    def select(self, band: str) -> "LightCurve":
        """Choose the rows of one band.

        Parameters
        ----------
        band : str
            One of `bands`.

        Returns
        -------
        LightCurve
            In this band, which it still names.

        Raises
        ------
        DataError
            For a band that is not there.
        """
        if self.band is None:
            raise DataError(
                f"band {band!r}: this light curve has no bands; give band= to LightCurve"
            )
        if band not in self.bands:
            raise DataError(f"band {band!r} is not in this light curve.{nearest(band, self.bands)}")
        return self[self.band == band]

    def fold(self, period: Any, epoch: float = 0.0) -> "LightCurve":
        """Fold the times with a period.

        Times become those since the epoch less whole periods, from 0 to the period; divided by it
        they are phases.

        Parameters
        ----------
        period : float or Quantity
            In the time unit.
        epoch : float
            A time at which the phase is zero.

        Returns
        -------
        LightCurve
            Sorted by phase.
        """
        if hasattr(period, "unit"):
            period = convert(
                np.asarray(period.value), period.unit.to_string(), str(self.time_unit), "period"
            )
        if not (np.ndim(period) == 0 and np.isfinite(period) and period > 0):
            raise DataError(f"period={period!r} must be a positive number")
        length = float(period)
        folded = np.mod(self.time - epoch, length)
        return self.replace(
            time=np.where(folded >= length, 0.0, folded), time_scale="", time_format=""
        )

    def to_time(self):
        """The times as an astropy Time, where `time_format` and `time_scale` say what they are.

        To the last digit: days and the date from which they count are not added up.

        Returns
        -------
        astropy.time.Time
            One entry a row.

        Raises
        ------
        DataError
            Where nothing says what the times are.
        """
        return time_of(self.time, self.time_unit or "d", self.time_format, self.time_scale)

    def to_table(self):
        """An astropy QTable with units; name, time scale, format and source in its `meta`.

        Returns
        -------
        astropy.table.QTable
            One row a measurement.
        """
        from astropy import units as u
        from astropy.table import QTable

        table = QTable(meta={k: v for k, v in self.metadata().items() if "unit" not in k and v})
        table["time"] = u.Quantity(self.time, self.time_unit)
        for field in ("value", "error"):
            array = getattr(self, field)
            unit = u.Unit(self.value_unit or "")
            if field == "error":
                unit = getattr(unit, "function_unit", unit)
            table[field] = array if self.value_unit is None else u.Quantity(array, unit, subok=True)
        if self.band is not None:
            table["band"] = self.band
        for name, array in (self.regressors or {}).items():
            table[name] = array
        return table

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The arrays that, with `metadata`, rebuild this light curve bit for bit."""
        pairs = ((field, getattr(self, field)) for field in ("time", "value", "error", "band"))
        found = {field: array for field, array in pairs if array is not None}
        return found | apart(self.regressors)

    def metadata(self) -> dict[str, Any]:
        """Everything but the arrays, ready for JSON."""
        return {f.name: getattr(self, f.name) for f in fields(self)[4:-1]}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Any], metadata: dict[str, Any]) -> "LightCurve":
        """The inverse of `to_arrays` and `metadata`."""
        try:
            return cls(**joined(arrays), **metadata)
        except TypeError as error:
            raise DataError(f"these are not the arrays of a LightCurve: {error}") from None

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, rows) -> "LightCurve":
        """Some rows, by slice, mask or integers; they stay sorted by time."""
        rows = chosen(rows)
        arrays = {field: array[rows] for field, array in self.to_arrays().items()}
        return self.from_arrays(arrays, self.metadata())

    def __repr__(self) -> str:
        unit = f" {self.value_unit}" if self.value_unit else ""
        bands = f", bands {', '.join(self.bands)}" if self.bands else ""
        span = f"time {self.time[0]:.10g} to {self.time[-1]:.10g} {self.time_unit}"
        more = f", with {', '.join(self.regressors)}" if self.regressors else ""
        return f"<LightCurve {self.name or 'unnamed'}: {self.n} rows{unit}, {span}{bands}{more}>"
