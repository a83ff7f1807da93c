import gzip
import sys
import warnings
from pathlib import Path
from time import process_time

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.table import MaskedColumn, QTable, Table
from astropy.time import Time
from astropy.timeseries import TimeSeries
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_astro.data import DataError, LightCurve, Measurements, files
from bayes_astro.data.columns import column_names

RNG = np.random.default_rng(7)
TIME = np.sort(RNG.uniform(50000, 51000, 12))
VALUE = RNG.normal(15, 0.3, 12)
ERROR = RNG.uniform(0.01, 0.1, 12)
BAND = np.array(["R", "B"] * 6)
NAMES = {"time": "mjd", "value": "mag", "error": "e_mag", "band": "filter"}
EXPECTED = LightCurve(TIME, VALUE, ERROR, BAND, time_unit="d", value_unit="mag")


POINTS = {
    "x": np.array([1.0, 2.0, 3.0]),
    "y": np.array([4.0, np.nan, 6.0]),
    "x_err": np.array([0.1, 0.2, 0.3]),
    "y_err": np.array([0.4, 0.5, 0.6]),
    "rho": np.array([0.5, 0.0, -1.0]),
    "cov": np.array([0.02, 0.0, -0.18]),
    "w": np.array([1.0, 2.0, 3.0]),
}


def columns():
    return {
        "mjd": TIME.copy(),
        "mag": VALUE.copy(),
        "e_mag": ERROR.copy(),
        "filter": BAND.copy(),
    }


def with_units():
    return QTable(
        {
            "mjd": TIME * u.d,
            "mag": VALUE * u.mag,
            "e_mag": 1e3 * ERROR * u.mmag,
            "filter": BAND,
        }
    )


def structured():
    frame = columns()
    return np.rec.fromarrays(list(frame.values()), names=list(frame))


def write(folder: Path, kind: str) -> Path:
    path = folder / f"curve.{kind}"
    if kind == "csv":
        pd.DataFrame(columns()).to_csv(path, index=False)
        path.write_text(f"# a comment\n\n{path.read_text()}# the end\n")
    elif kind == "txt":
        Table(columns()).write(path, format="ascii.basic")
    elif kind == "dat":
        Table(columns()).write(path, format="ascii.commented_header")
    elif kind in ("ecsv", "fits"):
        with_units().write(path)
    elif kind == "parquet":
        pd.DataFrame(columns()).to_parquet(path)
    return path


def check(lc, exact=True):
    assert (lc.time_unit, lc.value_unit) == ("d", "mag")
    assert np.array_equal(lc.time, TIME)
    assert np.array_equal(lc.value, VALUE)
    assert np.array_equal(lc.band, BAND)
    np.testing.assert_allclose(lc.error, ERROR, rtol=0 if exact else 1e-14)


class TestLightCurve:
    @pytest.mark.parametrize("convert", [dict, pd.DataFrame, Table, lambda c: structured()])
    def test_tables_without_units(self, convert):
        check(LightCurve.read(convert(columns()), **NAMES, value_unit="mag"))

    def test_tables_with_units(self):
        for table in (with_units(), Table(with_units())):
            check(LightCurve.read(table, **NAMES), exact=False)

    def test_time_series(self):
        rest = {name: column for name, column in columns().items() if name != "mjd"}
        series = TimeSeries(time=Time(TIME, format="mjd", scale="tdb"), data=rest)
        lc = LightCurve.read(series, **NAMES | {"time": "time"}, value_unit="mag")
        check(lc)
        assert (lc.time_scale, lc.time_format) == ("tdb", "mjd")

    @pytest.mark.parametrize("kind", ["csv", "txt", "dat", "ecsv", "fits", "parquet"])
    def test_files(self, tmp_path, kind):
        unit = None if kind in ("ecsv", "fits") else "mag"
        path = write(tmp_path, kind)
        check(LightCurve.read(path, **NAMES, value_unit=unit), exact=unit is not None)
        check(LightCurve.read(str(path), **NAMES, value_unit=unit), exact=unit is not None)

    def test_select(self):
        lc = LightCurve.read(columns(), **NAMES, select="R")
        assert np.array_equal(lc.value, VALUE[::2])

    def test_bands_that_look_like_numbers_stay_text(self, tmp_path):
        path = tmp_path / "a.csv"
        path.write_text("time,value,error,band\n1,2,3,01\n2,3,4,2\n")
        assert LightCurve.read(path, band="band").bands == ("01", "2")

    def test_numbers_are_read_to_the_last_digit(self, tmp_path):
        path = tmp_path / "a.csv"
        path.write_text("time,value,error\n2457062.1785945001,0.1,1.167767524719999\n")
        assert LightCurve.read(path).error[0] == 1.167767524719999
        assert LightCurve.read(path).time[0] == 2457062.1785945001

    def test_a_unit_nobody_reads_passes_where_the_caller_knows_better(self, tmp_path):
        path = tmp_path / "kepler.fits"
        hdu = fits.BinTableHDU.from_columns(
            [
                fits.Column("TIME", "D", unit="BJD since launch", array=TIME),
                fits.Column("FLUX", "E", unit="electron/s", array=VALUE),
                fits.Column("ERR", "E", unit="electron/s", array=ERROR),
            ]
        )
        hdu.writeto(path)
        keywords = {"time": "TIME", "value": "FLUX", "error": "ERR"}
        lc = LightCurve.read(path, **keywords, time_unit="d")
        assert (lc.time_unit, lc.value_unit) == ("d", "electron / s")
        assert lc.value.dtype == np.float64
        with pytest.raises(DataError, match="time: 'BJD since launch' is not a unit"):
            LightCurve.read(path, **keywords)

    def test_missing_column_names_the_nearest(self, tmp_path):
        sources = [columns(), pd.DataFrame(columns()), with_units(), structured()]
        sources += [write(tmp_path, kind) for kind in ("csv", "txt", "ecsv", "fits", "parquet")]
        for source in sources:
            with pytest.raises(
                DataError,
                match=r"no column 'Mag'\. Did you mean 'mag'\? Known: mjd, mag",
            ):
                LightCurve.read(source, **NAMES | {"value": "Mag"})

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            (42, "expected a table with named columns, got int"),
            (np.ones((3, 3)), "expected a table with named columns, got ndarray"),
            (
                pd.DataFrame(np.ones((2, 2)), columns=["mjd", "mjd"]),
                "more than one column 'mjd'",
            ),
            ("nowhere/to/be.csv", "there is no such file"),
            ("no\0where.csv", "cannot be opened|no such file"),
            ("curve.xlsx", "'.xlsx' is not among .csv, .tsv"),
        ],
    )
    def test_what_is_no_table(self, source, message):
        with pytest.raises(DataError, match=message):
            LightCurve.read(source, **NAMES)

    def test_masked_entries_are_missing(self, tmp_path):
        table = Table(columns())
        table["mag"] = MaskedColumn(VALUE, mask=np.arange(12) == 5)
        with pytest.raises(DataError, match=r"value: row 5 is nan or masked.*value='mag'"):
            LightCurve.read(table, **NAMES)
        for kind in ("ecsv", "fits"):
            table.write(tmp_path / f"masked.{kind}")
            with pytest.raises(DataError, match="value: row 5 is nan or masked"):
                LightCurve.read(tmp_path / f"masked.{kind}", **NAMES)

    @settings(max_examples=100, deadline=None)
    @given(
        field=st.sampled_from(["time", "value", "error"]),
        row=st.integers(0, 11),
        bad=st.sampled_from(
            ["", "nan", "inf", "-1e400", "1.2.3", "x", "1d5", "2020-01-01", "12:30"]
        ),
        form=st.sampled_from(["csv", "txt", "frame", "mapping"]),
    )
    def test_one_bad_cell_is_named_with_its_column(self, tmp_path_factory, field, row, bad, form):
        cells = {
            name: [repr(float(x)) for x in columns()[name]] for name in ("mjd", "mag", "e_mag")
        }
        cells[NAMES[field]][row] = bad or ("" if form == "csv" else "nan")
        if form in ("csv", "txt"):
            source = tmp_path_factory.mktemp("cells") / f"a.{form}"
            separator = "," if form == "csv" else " "
            lines = [separator.join(line) for line in zip(*cells.values(), strict=True)]
            source.write_text("\n".join([separator.join(cells), *lines]))
        else:
            source = pd.DataFrame(cells) if form == "frame" else cells
        names = {key: NAMES[key] for key in ("time", "value", "error")}
        with pytest.raises(DataError) as caught:
            LightCurve.read(source, **names)
        message = str(caught.value)
        assert NAMES[field] in message
        # text in a frame or a mapping is text from its first row on
        assert form in ("frame", "mapping") or f"row {row} " in message


class TestDamagedFiles:
    @pytest.mark.parametrize("kind", ["csv", "txt", "ecsv", "fits", "parquet"])
    def test_empty_and_binary(self, tmp_path, kind):
        path = tmp_path / f"curve.{kind}"
        path.touch()
        with pytest.raises(DataError, match="the file is empty"):
            LightCurve.read(path, **NAMES)
        for garbage in (
            RNG.bytes(5000),
            gzip.compress(b"time,value,error\n1,2,3\n"),
            b"\xff\xfe\xfd" * 99,
        ):
            path.write_bytes(garbage)
            with pytest.raises(DataError, match=str(path)):
                LightCurve.read(path, **NAMES)

    @settings(max_examples=60, deadline=None)
    @given(kind=st.sampled_from(["ecsv", "fits", "parquet"]), keep=st.floats(0, 0.95))
    def test_cut_off(self, tmp_path_factory, kind, keep):
        path = write(tmp_path_factory.mktemp("cut"), kind)
        whole = path.read_bytes()
        path.write_bytes(whole[: int(keep * len(whole))])
        try:
            lc = LightCurve.read(path, **NAMES)
        except DataError:
            return
        # text cut between two rows is a shorter table, and FITS ends in padding
        assert kind != "parquet"
        assert np.array_equal(lc.time, TIME[: lc.n])

    @settings(max_examples=100, deadline=None)
    @given(
        kind=st.sampled_from(["csv", "txt", "ecsv", "fits", "parquet"]),
        where=st.floats(0, 1, exclude_max=True),
        byte=st.integers(0, 255),
    )
    def test_one_wrong_byte_gives_a_light_curve_or_our_error(
        self, tmp_path_factory, kind, where, byte
    ):
        path = write(tmp_path_factory.mktemp("byte"), kind)
        content = bytearray(path.read_bytes())
        content[int(where * len(content))] = byte
        path.write_bytes(content)
        try:
            lc = LightCurve.read(path, **NAMES)
        except DataError:
            return
        assert np.isfinite(lc.value).all()

    def test_files_that_declare_too_much(self, tmp_path, monkeypatch):
        paths = [write(tmp_path, kind) for kind in ("csv", "ecsv", "fits", "parquet")]
        monkeypatch.setattr(files, "MAX_BYTES", 250)
        for path in paths:
            with pytest.raises(DataError, match="declares .* GiB, more than .*read the rows"):
                LightCurve.read(path, **NAMES)

    def test_fits_header_that_lies(self, tmp_path):
        path = write(tmp_path, "fits")
        content = path.read_bytes()
        for rows, message in ((10**9, "declares .* GiB"), (10**4, "is cut off")):
            old = f"NAXIS2  = {12:>20}".encode()
            assert old in content
            path.write_bytes(content.replace(old, f"NAXIS2  = {rows:>20}".encode()))
            with pytest.raises(DataError, match=message):
                LightCurve.read(path, **NAMES)

    def test_fits_without_a_plain_table(self, tmp_path):
        path = tmp_path / "a.fits"
        fits.PrimaryHDU(np.ones((3, 3))).writeto(path)
        with pytest.raises(DataError, match="holds no table"):
            LightCurve.read(path)
        rows = np.array([np.ones(2), np.ones(3)], dtype=object)
        fits.BinTableHDU.from_columns([fits.Column("time", "PD()", array=rows)]).writeto(
            tmp_path / "b.fits"
        )
        with pytest.raises(DataError, match="column 'time' has rows of unequal length"):
            LightCurve.read(tmp_path / "b.fits")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("1,2,3\n4,5,6\n", "no line with the names of the columns"),
            ("# made by hand\n1,2,3\n", "no line with the names of the columns"),
            ("time,value,error\n", "empty"),
            ("time,value,value,error\n1,2,3,4\n", "more than one column 'value'"),
            ("time,value,error\n1,2\n", "error: row 0 is nan"),
            ("time,value,error\n1,2,3\n1,2,3,4,5\n", "cannot be read as .csv"),
            ("time,value,error\n1,2,3,4\n2,3,4,5\n", "cannot be read as .csv"),
            ("time;value;error\n1;2;3\n", "no column 'time'"),
        ],
    )
    def test_csv(self, tmp_path, text, message):
        path = tmp_path / "a.csv"
        path.write_text(text)
        with pytest.raises(DataError, match=message):
            LightCurve.read(path)

    def test_names_of_many_columns_are_compared_once(self):
        # In 0.1 s of CPU; each with each would take minutes.
        names = [f"column {i}" for i in range(200_000)]
        began = process_time()
        files.refuse_twins(names, "the table")
        with pytest.raises(DataError, match="more than one column 'column 199999'"):
            files.refuse_twins([*names, names[-1]], "the table")
        with pytest.raises(DataError, match="'column 199999' is there twice"):
            column_names([*names, names[-1]], 200_001)
        assert process_time() - began < 10

    def test_commented_header_with_names_to_spare(self, tmp_path):
        path = tmp_path / "a.txt"
        path.write_text("# made by hand\n#time  value error spare\n1 2 3\n2 3 4\n")
        assert LightCurve.read(path).error.tolist() == [3, 4]

    def test_parquet_without_pyarrow_names_the_extra(self, tmp_path, monkeypatch):
        path = write(tmp_path, "parquet")
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(ModuleNotFoundError, match=r"pip install 'bayes-astro\[parquet\]'"):
            LightCurve.read(path, **NAMES)

    def test_warning_filters_stay(self, tmp_path):
        before = list(warnings.filters)
        LightCurve.read(write(tmp_path, "fits"), **NAMES)
        assert warnings.filters == before


class TestMeasurements:
    def test_correlation_and_covariance_are_the_same(self):
        pair = ("x", "y")
        by_rho = Measurements.read(POINTS, correlation={pair: "rho"}, weight="w")
        by_cov = Measurements.read(POINTS, covariance={pair: "cov"}, names=("a", "b"))
        np.testing.assert_allclose(by_rho.covariance, by_cov.covariance, rtol=1e-14)
        np.testing.assert_allclose(by_rho.covariance[0], [[0.01, 0.02], [0.02, 0.16]], rtol=1e-15)
        assert by_rho.weight.tolist() == [1, 2, 3]
        assert (by_rho.names, by_cov.names) == (("x", "y"), ("a", "b"))
        assert by_rho.missing.tolist() == [
            [False, False],
            [False, True],
            [False, False],
        ]

    def test_projection_and_units(self):
        rows = (("x_err", None, "w"), ("w", "y_err", None))
        data = Measurements.read(POINTS, projection=rows, units=("km/s", "m/s"))
        assert data.projection.shape == (3, 2, 3)
        assert data.projection[1].tolist() == [[0.2, 0, 2], [2, 0.5, 0]]
        assert data.units == ("km/s", "m/s")
        assert Measurements.read(POINTS).projection is None

    def test_exact_columns(self):
        data = Measurements.read(POINTS, error=(None, "y_err"))
        assert data.error[:, 0].tolist() == [0, 0, 0]
        assert data.error[[0, 2], 1].tolist() == [0.4, 0.6]

    def test_units_of_each_column(self):
        table = QTable(
            {
                "x": [1, 2] * u.mag,
                "x_err": [100, 200] * u.mmag,
                "y": [1, 2],
                "y_err": [1, 2],
            }
        )
        table["c"] = [50, 100] * u.mmag
        data = Measurements.read(table, covariance={("x", "y"): "c"})
        assert data.units == ("mag", "")
        np.testing.assert_allclose(data.error, [[0.1, 1], [0.2, 2]], rtol=1e-15)
        np.testing.assert_allclose(data.covariance[:, 0, 1], [0.05, 0.1], rtol=1e-15)

    @pytest.mark.parametrize("kind", ["csv", "ecsv", "fits", "parquet"])
    def test_files(self, tmp_path, kind):
        path = tmp_path / f"a.{kind}"
        if kind == "parquet":
            pd.DataFrame(POINTS).to_parquet(path)
        else:
            Table(POINTS).write(path)
        read = Measurements.read(path, correlation={("x", "y"): "rho"}, weight="w")
        memory = Measurements.read(POINTS, correlation={("x", "y"): "rho"}, weight="w")
        for field, array in memory.to_arrays().items():
            assert read.to_arrays()[field].tobytes() == array.tobytes()

    @pytest.mark.parametrize(
        ("change", "keywords", "message"),
        [
            (
                {"rho": [0.5, 1.5, 2]},
                {"correlation": {("x", "y"): "rho"}},
                "rho: row 1 is 1.5 .2 such rows",
            ),
            ({}, {"correlation": {("x", "z"): "rho"}}, "'z' is none of the values"),
            ({}, {"correlation": {("x", "x"): "rho"}}, "correlation of x with itself"),
            (
                {},
                {"correlation": {("x", "y"): "row"}},
                r"no column 'row'\. Did you mean 'rho'",
            ),
            (
                {"cov": [9, 0, 0]},
                {"covariance": {("x", "y"): "cov"}},
                "row 0 is not positive semi-definite",
            ),
            ({"y_err": [1, 1, -1]}, {}, "y_err: row 2 is -1.0"),
            (
                {"y_err": [1, 1, -1]},
                {"correlation": {("x", "y"): "rho"}},
                "y_err: row 2 is -1.0",
            ),
            (
                {"y_err": [1, 1, np.nan]},
                {"correlation": {("x", "y"): "rho"}},
                "y and y: row 2|x and y: row 2",
            ),
            ({"x": [1, "b", 2]}, {}, r"x: row 1 is not a number \('b'\)"),
            ({"x": [1, np.inf, 2]}, {}, "x: row 1 is inf"),
            ({"x": [1, 2]}, {}, "x_err: has 3 rows, the first column 2"),
            ({}, {"error": ("x_err",)}, "expected as many names in both"),
            ({}, {"value": ("x", 3)}, "expected the name of a column, got 3"),
            ({"w": [1, 0, 1]}, {"weight": "w"}, "weight: row 1 is 0.0"),
            ({}, {"projection": (("w",),)}, "for each of x, y a tuple of columns"),
            ({}, {"projection": (("w",), ("w", None))}, "all of the same length"),
            ({}, {"projection": ("w", "w")}, "for each of x, y a tuple of columns"),
            ({}, {"projection": (("w",), ("W",))}, "no column 'W'. Did you mean 'w'"),
            ({"w": [1, np.nan, 1]}, {"projection": (("w",), ("w",))}, "projection: row 1 holds"),
            ({"w": [1, 1]}, {"projection": (("w",), ("w",))}, "w: has 2 rows"),
            ({"x": [1, 2, 3] * u.m}, {"units": ("m", "m")}, "units: the table has its own .m, .; "),
        ],
    )
    def test_bad_input_says_where_and_what_to_do(self, change, keywords, message):
        with pytest.raises(DataError, match=message):
            Measurements.read(POINTS | change, **keywords)
