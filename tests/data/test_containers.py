import json
import subprocess
import sys

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
from astropy.table import QTable
from astropy.time import Time, TimeDelta
from astropy.utils.masked import Masked
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import fields_of

from bayes_astro.data import DataError, LightCurve, Measurements

TIME = np.array([3.0, 1.0, 2.0, 1.0])
VALUE = np.array([14.1, 14.3, 14.2, 14.5])
ERROR = np.array([0.01, 0.02, 0.03, 0.04])
BAND = np.array(["R", "B", "B", "R"])
NUMBERS = st.floats(-1e100, 1e100, allow_nan=False)


def same(a, b):
    """Equal bit for bit, nan and -0 included."""
    assert type(a) is type(b)
    assert fields_of(a) == fields_of(b)


def test_importing_the_containers_imports_nothing_heavy():
    code = (
        "import sys, bayes_astro.data as d; d.LightCurve([1], [2], [3], value_unit='m/s', time_unit='h');"
        "d.Measurements([[1]], [[1]], units=['mag']);"
        "print([m for m in ('astropy', 'pandas', 'scipy', 'xarray', 'pooch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class TestLightCurve:
    def test_is_sorted_and_repeated_times_keep_their_order(self):
        lc = LightCurve(TIME, VALUE, ERROR, BAND)
        assert lc.time.tolist() == [1, 1, 2, 3]
        assert lc.value.tolist() == [14.3, 14.5, 14.2, 14.1]
        assert lc.error.tolist() == [0.02, 0.04, 0.03, 0.01]
        assert lc.band.tolist() == ["B", "R", "B", "R"]
        assert lc.bands == ("B", "R")
        assert lc.bands is lc.bands and lc[:1].bands != lc.bands
        assert (lc.n, len(lc)) == (4, 4)
        assert (lc.time_unit, lc.value_unit) == ("d", None)

    def test_arrays_are_read_only_copies(self):
        given_arrays = [TIME.copy(), VALUE.copy(), ERROR.copy(), BAND.copy()]
        lc = LightCurve(*given_arrays)
        for given_array, original in zip(given_arrays, (TIME, VALUE, ERROR, BAND), strict=True):
            assert np.array_equal(given_array, original)
            assert given_array.flags.writeable
        for array in lc.to_arrays().values():
            assert array.flags.c_contiguous
            with pytest.raises(ValueError, match="read-only"):
                array[0] = array[1]
        given_arrays[1][:] = 0
        assert lc.value.tolist() == [14.3, 14.5, 14.2, 14.1]
        with pytest.raises(AttributeError):
            lc.name = "other"

    def test_rows_and_bands(self):
        lc = LightCurve(TIME, VALUE, ERROR, BAND, name="star")
        assert lc.select("R").value.tolist() == [14.5, 14.1]
        assert lc.select("R").name == "star"
        assert lc[1:3].value.tolist() == [14.5, 14.2]
        assert lc[lc.value > 14.25].value.tolist() == [14.3, 14.5]
        assert lc[[3, 0]].value.tolist() == [14.3, 14.1]
        assert lc[-1].value.tolist() == [14.1]
        with pytest.raises(DataError, match=r"Did you mean 'R'\? Known: B, R"):
            lc.select("r")
        with pytest.raises(DataError, match="no bands"):
            LightCurve(TIME, VALUE, ERROR).select("R")
        with pytest.raises(DataError, match="empty"):
            lc[lc.value > 99]

    def test_replace_and_repr(self):
        lc = LightCurve(TIME, VALUE, ERROR, BAND, value_unit="mag", name="star")
        assert lc.replace(name="other").name == "other"
        assert lc.replace(error=np.ones(4)).error.tolist() == [1, 1, 1, 1]
        assert repr(lc) == "<LightCurve star: 4 rows mag, time 1 to 3 d, bands B, R>"

    @pytest.mark.parametrize(
        ("unit", "expected"),
        [
            ("mag", True),
            ("mmag", True),
            ("mag(AB)", True),
            (u.ABmag, True),
            ("Jy", False),
            (None, False),
        ]
        + [("mag / d", False), ("m/s", False)],
    )
    def test_is_magnitude(self, unit, expected):
        assert LightCurve(TIME, VALUE, ERROR, value_unit=unit).is_magnitude is expected

    def test_quantities_are_converted(self):
        lc = LightCurve(TIME * u.h, VALUE * u.mag, 1000 * ERROR * u.mmag)
        assert (lc.time_unit, lc.value_unit) == ("h", "mag")
        np.testing.assert_allclose(lc.error, [0.02, 0.04, 0.03, 0.01], rtol=1e-15)
        lc = LightCurve(TIME * u.d, VALUE * u.km / u.s, ERROR, time_unit="s", value_unit="m/s")
        assert (lc.time_unit, lc.value_unit) == ("s", "m/s")
        assert lc.time.tolist() == [86400, 86400, 172800, 259200]
        np.testing.assert_allclose(lc.value, [14300, 14500, 14200, 14100], rtol=1e-15)
        np.testing.assert_allclose(lc.error, [20, 40, 30, 10], rtol=1e-15)
        lc = LightCurve(TIME, VALUE * u.ABmag, 1000 * ERROR * u.mmag)
        assert lc.value_unit == "mag(AB)"
        np.testing.assert_allclose(lc.error, [0.02, 0.04, 0.03, 0.01], rtol=1e-15)

    def test_times(self):
        lc = LightCurve(Time(TIME + 50000, format="mjd", scale="tdb"), VALUE, ERROR)
        assert (lc.time_scale, lc.time_format, lc.time_unit) == ("tdb", "mjd", "d")
        assert lc.time.tolist() == [50001, 50001, 50002, 50003]
        lc = LightCurve(TimeDelta(TIME * u.h, scale="tai"), VALUE, ERROR, time_unit="h")
        assert (lc.time_scale, lc.time_format, lc.time_unit) == ("tai", "", "h")
        np.testing.assert_allclose(lc.time, [1, 1, 2, 3], rtol=1e-15)
        with pytest.raises(DataError, match="time_scale: 'utc'"):
            LightCurve(Time(TIME, format="mjd", scale="tdb"), VALUE, ERROR, time_scale="utc")
        masked = Time(TIME, format="mjd")
        masked[2] = np.ma.masked
        with pytest.raises(DataError, match="time: row 2 is nan or masked"):
            LightCurve(masked, VALUE, ERROR)

    @pytest.mark.parametrize(
        ("keywords", "message"),
        [
            ({"value": VALUE * u.Jy, "error": ERROR * u.mag}, "error: is in 'mag'"),
            ({"value": VALUE * u.Jy, "value_unit": "mag"}, "value: is in 'Jy'"),
            ({"error": ERROR * u.mag}, "value has no unit; give value_unit="),
            ({"time": TIME * u.m}, "'m' is not a unit of time"),
            ({"time_unit": "mag"}, "time_unit: 'mag' is not a unit of time"),
            (
                {"value_unit": "magnitudo"},
                "'magnitudo' is not a unit that astropy reads",
            ),
            ({"value_unit": 3}, "'3' is not a unit"),
            ({"value": Time(TIME, format="mjd")}, "value: is a time"),
            (
                {"time": pd.date_range("2020-01-01", periods=4)},
                "time: row 0 is a date; give astropy.time",
            ),
            ({"name": 3}, "name: expected a text, got 3"),
            ({"band": "R"}, "band: one name for each row"),
            ({"band": ["R", None, "B", "B"]}, "band: row 1 is None"),
            ({"band": ["R", "R", "B", ""]}, "band: row 3 is ''"),
            ({"band": ["R", "R", "B\0", "B"]}, "band: row 2 is 'B.x00'"),
            ({"band": np.ma.array(BAND, mask=[0, 1, 0, 0])}, "band: row 1 is missing"),
            ({"band": BAND[:3]}, "different lengths: time 4, value 4, error 4, band 3"),
            ({"value": VALUE[:2]}, "different lengths"),
            (
                {"value": VALUE[:, None]},
                r"value: expected a 1-d array, got shape \(4, 1\)",
            ),
            ({"value": 3.0}, r"value: expected a 1-d array, got shape \(\)"),
            ({"value": [1, [2, 3], 4, 5]}, "value: cannot be read as an array"),
            ({"value": [1, 2j, 3, 4]}, "value: row 1 is complex"),
            ({"value": [1.0, 2.0, "x", 4.0]}, r"value: row 2 is not a number \('x'\)"),
            (
                {"value": np.array(["1", "2", "3", "4"])},
                r"value: row 0 is not a number \('1'\)",
            ),
            ({"value": VALUE > 14.2}, "value: row 0 is true or false"),
            (
                {"value": np.array([1, True, 2, 3], dtype=object)},
                "value: row 1 is true or false",
            ),
            ({"value": [1, 10**400, 3, 4]}, "value: row 1 is inf"),
            (
                {"value": np.array([1, 2, 1e200, 4])},
                "value: row 2 is 1e.200; its square overflows",
            ),
            (
                {"error": np.array([1, 2, 1e-200, 4])},
                "error: row 2 is 1e-200; its inverse square",
            ),
            (
                {"value": np.ma.array(VALUE, mask=[0, 0, 0, 1])},
                "value: row 3 is nan or masked",
            ),
            (
                {"value": Masked(VALUE, mask=[0, 0, 1, 1]) * u.mag},
                r"value: row 2 .*\(2 such rows",
            ),
            (
                {"value": pd.Series([1, None, 3, 4], dtype="Int64")},
                "value: row 1 is nan or masked",
            ),
            ({"value": [1, None, 3, 4]}, "value: row 1 is nan or masked"),
            (
                {"error": [1, 0, 1, -1]},
                r"error: row 1 is 0.0 \(2 such rows in all\); errors are",
            ),
            ({"time": [], "value": [], "error": []}, "are empty"),
        ],
    )
    def test_bad_input_says_where_and_what_to_do(self, keywords, message):
        with pytest.raises(DataError, match=message):
            LightCurve(**{"time": TIME, "value": VALUE, "error": ERROR} | keywords)

    def test_repeated_rows_are_refused_where_they_are_equal_in_all_columns(self):
        with pytest.raises(DataError, match="rows 1 and 3 are equal"):
            LightCurve([5, 1, 1, 1], [1, 2, 3, 2], [1, 1, 1, 1])
        kept = LightCurve([5, 1, 1, 1], [1, 2, 3, 2], [1, 1, 1, 1], ["R", "R", "R", "B"])
        assert kept.n == 4

    def test_table_has_the_units_and_reads_back(self):
        labels = {
            "name": "star",
            "time_scale": "tdb",
            "time_format": "mjd",
            "source": "here",
        }
        for unit in ("mag", "mag(AB)", "Jy", None):
            lc = LightCurve(TIME, VALUE, ERROR, BAND, time_unit="h", value_unit=unit, **labels)
            table = lc.to_table()
            assert isinstance(table, QTable)
            assert table["time"].unit == u.h
            assert table.meta == labels
            same(LightCurve.read(table, band="band", **labels), lc)

    @settings(max_examples=60, deadline=None)
    @given(
        rows=st.lists(
            st.tuples(NUMBERS, NUMBERS, st.floats(1e-100, 1e100)),
            min_size=1,
            max_size=20,
            unique_by=lambda row: row[:2],
        ),
        bands=st.lists(
            st.text(min_size=1).filter(str.strip).filter(str.isprintable), min_size=1, max_size=3
        ),
        unit=st.sampled_from([None, "mag", "m/s", "erg / (s cm2)", "mag(AB)"]),
        name=st.text(),
    )
    def test_arrays_and_metadata_rebuild_it_bit_for_bit(self, rows, bands, unit, name):
        columns = np.array(rows).T
        band = [bands[i % len(bands)] for i in range(len(rows))]
        try:
            lc = LightCurve(*columns, band, value_unit=unit, name=name, time_format="jd")
        except DataError as error:  # -0.0 and 0.0 are equal for us, not for hypothesis
            assert "are equal" in str(error)
            return
        same(
            LightCurve.from_arrays(lc.to_arrays(), json.loads(json.dumps(lc.metadata()))),
            lc,
        )

    def test_foreign_arrays_are_an_error(self):
        with pytest.raises(DataError, match="not the arrays of a LightCurve"):
            LightCurve.from_arrays({"time": TIME, "colour": VALUE}, {})

    @settings(max_examples=120, deadline=None)
    @given(
        column=st.sampled_from(["time", "value", "error"]),
        row=st.integers(0, 7),
        bad=st.sampled_from(
            [np.nan, np.inf, -np.inf, None, "x", 1j, 1e300, [1.0, 2.0], b"x", object()]
        ),
        container=st.sampled_from(["list", "tuple", "array", "Series"]),
    )
    def test_one_bad_entry_is_named(self, column, row, bad, container):
        columns = {"time": np.arange(8.0), "value": np.arange(8.0), "error": np.ones(8)}
        before = {field: array.tobytes() for field, array in columns.items()}
        entries = np.empty(8, dtype=object)
        entries[:] = columns[column]
        entries[row] = bad
        # a Series of complex dtype would be complex in every row
        given_column = {
            "list": list(entries),
            "tuple": tuple(entries),
            "array": entries,
            "Series": pd.Series(entries, dtype=object),
        }[container]
        with pytest.raises(DataError, match=f"^{column}: ") as caught:
            LightCurve(**columns | {column: given_column})
        # a nested list has no row: numpy refuses the whole
        assert isinstance(bad, list) or f"row {row} " in str(caught.value)
        assert before == {field: array.tobytes() for field, array in columns.items()}


def random_covariances(n, d, seed):
    factors = np.random.default_rng(seed).normal(size=(n, d, d + 2))
    return factors @ factors.swapaxes(1, 2)


class TestMeasurements:
    def test_error_and_covariance_agree(self):
        data = Measurements([[1, 2], [3, 4]], [[0.1, 0.2], [0.3, 0]], names=("x", "y"))
        assert data.covariance.shape == (2, 2, 2)
        assert data.error.tolist() == [[0.1, 0.2], [0.3, 0]]
        shared = Measurements([[1, 2], [3, 4]], covariance=[[4, 1], [1, 9]])
        assert shared.names == ("x0", "x1")
        assert shared.error.tolist() == [[2, 3], [2, 3]]
        assert shared.covariance[1].tolist() == [[4, 1], [1, 9]]
        assert Measurements([1, 2, 3], [1, 1, 1]).value.shape == (3, 1)

    def test_arrays_are_read_only_copies(self):
        value, error = np.array([[1.0, np.nan]]), np.array([[1.0, 5.0]])
        projection, weight = np.ones((1, 2, 3)), np.ones(1)
        data = Measurements(value, error, projection=projection, weight=weight)
        assert error.tolist() == [[1.0, 5.0]]
        assert value.flags.writeable
        for field in ("value", "error", "covariance", "projection", "weight"):
            with pytest.raises(ValueError, match="read-only"):
                getattr(data, field)[0] = 0
        weight[:] = 7
        assert data.weight.tolist() == [1]

    def test_missing_values_have_no_error(self):
        data = Measurements([[1, np.nan], [3, 4]], [[0.1, np.nan], [0.3, 0.4]])
        assert data.missing.tolist() == [[False, True], [False, False]]
        assert np.isnan(data.error[0, 1])
        assert np.isnan(data.covariance[0, 0, 1])
        assert data.error[0, 0] == 0.1
        masked = Measurements(
            np.ma.array([[1.0, 2.0]], mask=[[0, 1]]), covariance=[[1, 5], [5, -3]]
        )
        assert masked.missing.tolist() == [[False, True]]
        assert "1 values missing" in repr(masked)

    def test_columns_and_rows(self):
        data = Measurements(
            np.arange(6.0).reshape(2, 3),
            covariance=random_covariances(2, 3, seed=1),
            names=("a", "b", "c"),
            projection=np.arange(12.0).reshape(2, 3, 2),
            weight=[1, 2],
            units=("mag", "", "d"),
        )
        part = data.select("c", "a")
        assert part.value.tolist() == [[2, 0], [5, 3]]
        assert part.covariance[1, 0, 1] == data.covariance[1, 2, 0]
        assert part.projection.tolist() == data.projection[:, [2, 0]].tolist()
        assert part.units == ("d", "mag")
        assert part.weight.tolist() == [1, 2]
        assert data[1].value.tolist() == [[3, 4, 5]]
        assert data[[True, False]].projection.shape == (1, 3, 2)
        assert (data.n, data.d, len(data), data.index("c")) == (2, 3, 2, 2)
        assert data.column("b").tolist() == [1, 4]
        with pytest.raises(DataError, match=r"Did you mean 'b'\? Known: a, b, c"):
            data.column("B")

    def test_without_error(self):
        data = Measurements([[1, 2]], covariance=[[4, 1], [1, 9]], names=("x", "y"))
        assert data.without_error("x").covariance.tolist() == [[[0, 0], [0, 9]]]
        assert data.without_error("x").value.tolist() == [[1, 2]]
        assert data.covariance.tolist() == [[[4, 1], [1, 9]]]

    def test_replace(self):
        data = Measurements([[1, 2]], covariance=[[4, 1], [1, 9]])
        assert data.replace(value=[[5, 6]]).covariance.tolist() == [[[4, 1], [1, 9]]]
        assert data.replace(error=[[5, 6]]).covariance.tolist() == [[[25, 0], [0, 36]]]

    def test_units(self):
        data = Measurements([[1, 2]] * u.mag, [[100, 200]] * u.mmag)
        assert data.units == ("mag", "mag")
        np.testing.assert_allclose(data.error, [[0.1, 0.2]], rtol=1e-15)
        data = Measurements([[1, 2]] * u.km, covariance=[[4, 1], [1, 9]], units=("m", "m"))
        assert data.value.tolist() == [[1000, 2000]]
        assert data.covariance.tolist() == [[[4e6, 1e6], [1e6, 9e6]]]
        data = Measurements([[1, 2]] * u.ABmag, covariance=np.eye(2) * u.mmag**2)
        np.testing.assert_allclose(data.error, [[1e-3, 1e-3]], rtol=1e-14)
        with pytest.raises(DataError, match="error: is in 'd'"):
            Measurements([[1, 2]] * u.mag, [[1, 2]] * u.d)

    def test_table(self):
        data = Measurements(
            [[1, np.nan], [3, 4]],
            covariance=[[4, 1], [1, 9]],
            names=("x", "y"),
            units=("mag", ""),
        )
        table = data.to_table()
        assert table["x"].unit == u.mag
        back = Measurements.read(table, correlation={("x", "y"): "x_y_corr"})
        np.testing.assert_allclose(back.covariance, data.covariance, rtol=1e-15)
        assert back.units == data.units

    @pytest.mark.parametrize(
        ("keywords", "message"),
        [
            ({}, "give exactly one of the two"),
            (
                {"error": [[1, 1]] * 2, "covariance": np.eye(2)},
                "give exactly one of the two",
            ),
            ({"error": [[1, 1]]}, r"error: has shape \(1, 2\).*shape \(2, 2\)"),
            ({"error": [[1, 1], [1, -2]]}, "error of x1: row 1 is -2.0"),
            ({"error": [[1, 1], [np.nan, 2]]}, "error of x0: row 1 is nan"),
            ({"error": [[1, 1e-200], [1, 2]]}, "error of x1: row 0 is 1e-200"),
            ({"value": [[1, 2], [np.inf, 4]]}, "x0: row 1 is inf"),
            (
                {"value": [[1, 2], [3, "a"]]},
                r"value: row 1, column 1 is not a number \('a'\)",
            ),
            ({"value": np.ones((0, 2))}, "value: is empty"),
            ({"value": np.ones((2, 2, 2))}, "value: expected a 1-d or 2-d array"),
            ({"covariance": np.eye(3)}, "covariance: has shape"),
            (
                {"covariance": [[1, 0.5], [0.4, 1]]},
                "covariance: row 0 is not symmetric: x0, x1",
            ),
            (
                {"covariance": [[1, 2], [2, 1]]},
                "row 0 is not positive semi-definite .smallest eigenv.* -1",
            ),
            ({"covariance": [[-1, 0], [0, 1]]}, "variance of x0: row 0 is -1.0"),
            (
                {"covariance": [[1, np.nan], [np.nan, 1]]},
                "covariance of x0 and x1: row 0 is nan",
            ),
            ({"names": ("x", "x")}, "'x' is there twice"),
            ({"names": ("x",)}, "1 names for 2 columns"),
            ({"names": ("x", 3)}, "3 is not a name"),
            ({"units": ("mag",)}, "1 units for 2 columns"),
            ({"units": ("mag", "magnitudo")}, "'magnitudo' is not a unit"),
            ({"weight": [1, 0]}, "weight: row 1 is 0.0"),
            ({"weight": [1]}, r"weight: has shape \(1,\)"),
            ({"projection": np.ones((2, 3, 2))}, "projection: has shape"),
            ({"projection": np.full((2, 2, 1), np.nan)}, "projection: row 0"),
        ],
    )
    def test_bad_input_says_where_and_what_to_do(self, keywords, message):
        arguments = {"value": [[1, 2], [3, 4]]} | keywords
        if keywords and not arguments.keys() & {"error", "covariance"}:
            arguments["error"] = np.ones((2, 2))
        with pytest.raises(DataError, match=message):
            Measurements(**arguments)

    def test_correlations_that_contradict_each_other(self):
        good = np.eye(3)
        bad = np.array([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]])
        scale = np.array([1e-3, 1.0, 1e4])  # whatever the units of the columns
        with pytest.raises(DataError, match="row 1 is not positive semi-definite.*contradict"):
            Measurements(
                np.ones((2, 3)),
                covariance=np.array([good, bad]) * np.outer(scale, scale),
            )

    def test_rank_one_covariances_and_rounding_are_accepted(self):
        errors = np.array([1e-3, 1.0, 1e4])
        rounded = np.outer(errors, errors) * (1 + 1e-10 * np.triu(np.ones((3, 3)), 1))
        data = Measurements(np.ones((1, 3)), covariance=rounded)
        assert np.array_equal(data.covariance, data.covariance.swapaxes(1, 2))

    @settings(max_examples=60, deadline=None)
    @given(
        n=st.integers(1, 5),
        d=st.integers(1, 4),
        seed=st.integers(0, 2**32 - 1),
        diagonal=st.booleans(),
        extras=st.booleans(),
    )
    def test_arrays_and_metadata_rebuild_it_bit_for_bit(self, n, d, seed, diagonal, extras):
        rng = np.random.default_rng(seed)
        value = np.where(rng.random((n, d)) < 0.2, np.nan, rng.normal(size=(n, d)))
        spread = {"error": rng.exponential(size=(n, d))}
        if not diagonal:
            spread = {"covariance": random_covariances(n, d, seed)}
        more = {
            "projection": rng.normal(size=(n, d, 3)),
            "weight": rng.exponential(size=n),
        }
        data = Measurements(
            value, **spread, **(more if extras else {}), units=("mag",) * d, name="é"
        )
        if diagonal:
            assert np.array_equal(data.error[~data.missing], spread["error"][~data.missing])
        back = Measurements.from_arrays(data.to_arrays(), json.loads(json.dumps(data.metadata())))
        same(back, data)
        assert back.error.tobytes() == data.error.tobytes()

    @settings(max_examples=60, deadline=None)
    @given(
        row=st.integers(0, 4),
        column=st.integers(0, 2),
        bad=st.sampled_from(["negative", "nan", "infinite", "asymmetric", "correlation"]),
        seed=st.integers(0, 1000),
    )
    def test_one_bad_covariance_is_named(self, row, column, bad, seed):
        covariance = random_covariances(5, 3, seed)
        before = covariance.copy()
        broken = covariance.copy()
        other = (column + 1) % 3
        if bad == "negative":
            broken[row, column, column] *= -1
        elif bad == "asymmetric":
            broken[row, column, other] += 0.01 * np.sqrt(broken[row, column, column])
        elif bad == "correlation":
            limit = np.sqrt(broken[row, column, column] * broken[row, other, other])
            broken[row, column, other] = broken[row, other, column] = 1.01 * limit
        else:
            broken[row, column, other] = np.nan if bad == "nan" else np.inf
        names = ("alpha", "beta", "gamma")
        with pytest.raises(DataError, match=f"row {row} ") as caught:
            Measurements(np.zeros((5, 3)), covariance=broken, names=names)
        assert names[column] in str(caught.value)
        assert np.array_equal(covariance, before)


def test_columns_in_the_place_of_rows_are_named():
    x, y = np.arange(5.0), np.arange(5.0) ** 2
    with pytest.raises(ValueError, match="look like columns.*column_stack"):
        Measurements((x, y), (np.ones(5), np.ones(5)))
    assert len(Measurements(np.array([x, y]), np.ones((2, 5)), names=tuple("abcde"))) == 2
    assert len(Measurements([x], [np.ones(5)], names=tuple("abcde"))) == 1  # a row of its own
    with pytest.raises(ValueError, match="exactly one of the two.*column_stack"):
        Measurements(x, y, np.ones(5), np.ones(5))
