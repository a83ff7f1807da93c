"""Arrival times of single events, and the intervals in which they could arrive."""

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

__all__ = ["Events"]

LEFT_OUT = "drop such rows: Events.read(..., drop_missing=True)"


@dataclass(frozen=True, eq=False, repr=False)
class Events(Rows):
    """Arrival times of n events (photons, bursts, flares), and when the instrument was looking.

    Arrays are checked, copied to float64 and read-only. Times are in order, and lie within an interval.

    Parameters
    ----------
    time : array_like or Quantity, shape (n,)
        In order; equal times are different events. May be empty where intervals are given.
    intervals : array_like or Quantity, shape (m, 2), optional
        Good time intervals: start and stop of each, in order, without overlap. Default: one, from the
        first event to the last, which makes a rate a little too large.
    weight : array_like, shape (n,), optional
        Probability of each event to come from the source, above 0, 1 at most. Default: all 1.
    time_unit : str
        Default: that which `time` comes with, or "s".
    name, source : str
        Of the object, and where the data come from, for citations.

    Raises
    ------
    DataError
        (a ValueError) naming the row (0-based) and the remedy: times that are not finite, not in order
        or outside of the intervals, intervals of no length or that overlap, weights outside 0 to 1.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> events = ba.Events([0.5, 1.2, 7.9], intervals=[[0, 2], [6, 10]])
    >>> events, events.exposure
    (<Events unnamed: 3 events in 6 s (2 intervals)>, 6.0)
    """

    time: np.ndarray
    intervals: np.ndarray | None = None
    weight: np.ndarray | None = None
    time_unit: str = ""
    name: str = ""
    source: str = ""

    def __post_init__(self):
        check_labels(self, "name", "source")
        time, unit = split_unit(self.time, "time")
        time = floats(time, "time")
        wanted = unit or "s"
        if self.time_unit:
            wanted = unit_name(self.time_unit, "time_unit", time=True)
        time = np.array(convert(time, unit, wanted, "time") if unit else time)
        if not len(time) and self.intervals is None:
            raise DataError("time: is empty; give intervals, in which there was no event")
        refuse(~np.isfinite(time), time, "time", LEFT_OUT)
        refuse(
            np.diff(time, prepend=-np.inf) < 0, time, "time",
            "the event before it is later: sort events and their weights by time",
        )  # fmt: skip
        arrays = {"time": time, "intervals": _intervals(self.intervals, time, wanted)}
        if self.weight is not None:
            weight = np.array(floats(self.weight, "weight"))
            if weight.shape != time.shape:
                raise DataError(f"weight: has shape {weight.shape}; expected {time.shape}")
            refuse(
                ~((weight > 0) & (weight <= 1)), weight, "weight",
                "weights are probabilities to come from the source, above 0 and 1 at most; drop events of 0",
            )  # fmt: skip
            arrays["weight"] = weight
        for field, array in arrays.items():
            array.flags.writeable = False
            object.__setattr__(self, field, array)
        object.__setattr__(self, "time_unit", wanted)

    @classmethod
    def read(
        cls,
        x,
        *,
        time: str = "time",
        weight: str | None = None,
        intervals=None,
        time_unit: str = "",
        name: str = "",
        source: str = "",
        drop_missing: bool = False,
        drop_outside: bool = False,
    ) -> "Events":
        """Read the named columns of a table, data frame, mapping of arrays or file.

        Parameters
        ----------
        x : Table, QTable, DataFrame, mapping, structured array, str or Path
            Files: csv, tsv, ecsv, fits, VOTable (vot, xml), hdf5, parquet, and txt or dat
            (separated by blanks); each also compressed, as csv.gz. Rows are sorted by time.
        time : str
            Column of arrival times.
        weight : str, optional
            Column of the events' weights.
        intervals : array_like, shape (m, 2), or table with the columns start and stop, optional
            Good time intervals.
        time_unit : str, optional
            Of a table that has none of its own.
        name, source : str
            Of the object, and where it comes from, for citations.
        drop_missing : bool
            Drop the rows where one of these columns is missing; a `DataWarning` says how many.
        drop_outside : bool
            Leave out events outside of the intervals, which are refused otherwise.

        Returns
        -------
        Events
            One event a row.
        """
        from bayes_astro.data.tables import read_columns

        wanted = {"time": time} | ({} if weight is None else {"weight": weight})
        columns = read_columns(x, wanted, (), drop_missing)
        if intervals is not None and not np.ndim(intervals):
            ends = read_columns(intervals, {"start": "start", "stop": "stop"}, (), False)
            intervals = np.column_stack(
                [floats(ends["start"], "start"), floats(ends["stop"], "stop")]
            )
        order = np.argsort(np.asarray(columns["time"]), kind="stable")
        columns = {field: column[order] for field, column in columns.items()}
        if drop_outside and intervals is not None:
            edges = np.asarray(intervals, dtype=float)
            place = np.searchsorted(edges[:, 0], np.asarray(columns["time"]), "right") - 1
            inside = (place >= 0) & (np.asarray(columns["time"]) <= edges[place, 1])
            columns = {field: column[inside] for field, column in columns.items()}
        return cls(**columns, intervals=intervals, time_unit=time_unit, name=name, source=source)

    @property
    def n(self) -> int:
        """Number of events."""
        return len(self.time)

    @property
    def exposure(self) -> float:
        """Length of all intervals together."""
        assert self.intervals is not None
        return float(np.sum(np.diff(self.intervals, axis=1)))

    @property
    def span(self) -> tuple[float, float]:
        """Where the first interval begins and the last one ends."""
        assert self.intervals is not None
        return float(self.intervals[0, 0]), float(self.intervals[-1, 1])

    def exposure_before(self, time: Any) -> np.ndarray:
        """Exposure from the beginning to a time.

        Parameters
        ----------
        time : array_like
            In the unit of the times.

        Returns
        -------
        array
            In the shape of `time`; 0 before the first interval.
        """
        assert self.intervals is not None
        edges = self.intervals.ravel()
        passed = np.zeros(len(edges))
        np.cumsum(np.diff(self.intervals, axis=1)[:, 0], out=passed[1::2])
        passed[2::2] = passed[1:-1:2]
        return np.interp(np.asarray(time, dtype=float), edges, passed)

    def to_table(self):
        """An astropy QTable, with the intervals among what is said of it.

        Returns
        -------
        astropy.table.QTable
            One row an event, times with their unit.
        """
        from astropy import units as u
        from astropy.table import QTable

        assert self.intervals is not None
        meta = {k: v for k in ("name", "source") if (v := getattr(self, k))}
        table = QTable(meta=meta | {"intervals": self.intervals.tolist()})
        table["time"] = self.time * u.Unit(self.time_unit)
        if self.weight is not None:
            table["weight"] = self.weight
        return table

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The arrays that, with `metadata`, rebuild this container bit for bit."""
        pairs = ((field, getattr(self, field)) for field in ("time", "weight"))
        return {field: array for field, array in pairs if array is not None}

    def metadata(self) -> dict[str, Any]:
        """Everything but the arrays, ready for JSON."""
        assert self.intervals is not None
        rest = {field: getattr(self, field) for field in ("time_unit", "name", "source")}
        return {"intervals": self.intervals.tolist()} | rest

    @classmethod
    def from_arrays(cls, arrays: dict[str, Any], metadata: dict[str, Any]) -> "Events":
        """The inverse of `to_arrays` and `metadata`."""
        try:
            return cls(**arrays, **metadata)
        except TypeError as error:
            raise DataError(f"these are not the arrays of Events: {error}") from None

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, rows) -> "Events":
        """Some events, by slice, mask or integers, in the order of time; the intervals stay."""
        rows = chosen(rows)
        arrays = {field: array[rows] for field, array in self.to_arrays().items()}
        order = np.argsort(arrays["time"], kind="stable")
        return self.replace(**{field: array[order] for field, array in arrays.items()})

    def __repr__(self) -> str:
        assert self.intervals is not None
        m = len(self.intervals)
        how = f"{self.exposure:.6g} {self.time_unit} ({m} interval{'s' if m > 1 else ''})"
        return f"<Events {self.name or 'unnamed'}: {self.n} events in {how}>"


def _intervals(given: Any, time: np.ndarray, unit: str) -> np.ndarray:
    if given is None:
        if time[0] == time[-1]:
            raise DataError(
                "intervals: all events have the same time; give intervals=[[start, stop]], when there could "
                "have been others"
            )
        return np.array([[time[0], time[-1]]])
    array, own = split_unit(given, "intervals")
    array = np.array(floats(array, "intervals", (2,)))
    if own:
        array = np.array(convert(array, own, unit, "intervals"))
    if array.shape[1:] != (2,) or not len(array):
        raise DataError(
            f"intervals: has shape {array.shape}; expected (m, 2), start and stop of each"
        )
    ends = array[:, 1]
    refuse(~np.isfinite(array).all(axis=1), ends, "intervals", "give finite starts and stops")
    refuse(ends <= array[:, 0], ends, "intervals", "it stops where it starts, or before; drop it")
    late = np.append(False, array[1:, 0] < ends[:-1])
    refuse(late, array[:, 0], "intervals", "it starts before the one above it stops; join the two")
    place = np.searchsorted(array[:, 0], time, "right") - 1
    outside = (place < 0) | (time > ends[place])
    refuse(
        outside, time, "time",
        "it lies in no interval: drop such events (Events.read(..., drop_outside=True)), or correct intervals",
    )  # fmt: skip
    return array
