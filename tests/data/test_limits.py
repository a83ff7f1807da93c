"""Limits, and errors correlated between points, in tables of measurements."""

import numpy as np
import pytest
from astropy import units as u

import bayes_astro as ba
from bayes_astro.data import DataError

VALUE = [[1.0, 2.0], [2.0, 4.1], [3.0, 5.8]]


def table(**more):
    return ba.Measurements(VALUE, 0.1, names=("x", "y"), **more)


def test_limits_by_entry_and_by_column_are_the_same():
    one = table(limit=[[0, -1], [0, 0], [1, 0]])
    other = table(limit={"y": [-1, 0, 0], "x": [0, 0, 1]})
    assert one == other
    np.testing.assert_array_equal(one.limited, [[0, 1], [0, 0], [1, 0]])
    assert not table().limited.any()
    assert table(limit=np.zeros((3, 2))) == table()  # nothing is a limit


def test_rows_columns_and_files_keep_limits():
    data = table(limit={"y": [-1, 0, 0]}, limit_of="true")
    assert data[1:].limit is None
    np.testing.assert_array_equal(data[[1, 0]].limit, [[0, 0], [0, -1]])
    np.testing.assert_array_equal(data.select("y").limit, [[-1], [0], [0]])
    again = ba.Measurements.from_arrays(data.to_arrays(), data.metadata())
    assert again == data
    assert again.limit_of == "true"
    rows = ba.Measurements.read(
        data.to_table(), value=("x", "y"), error=("x_err", "y_err"), limit={"y": "y_limit"}
    )
    np.testing.assert_array_equal(rows.limit, data.limit)


def test_errors_by_side_of_entries_columns_and_files():
    """Of 2.0 +0.3 -0.1 the error is 0.1, the upper error 0.3."""
    one = table(upper_error=[[0.1, 0.3], [0.1, 0.1], [0.1, 0.2]])
    assert one == table(upper_error={"y": [0.3, 0.1, 0.2]})
    assert table(upper_error=0.1) == table()
    assert table(upper_error={"x": 0.1}).upper_error is None
    np.testing.assert_array_equal(one[1:].upper_error, [[0.1, 0.1], [0.1, 0.2]])
    np.testing.assert_array_equal(one.select("y").upper_error[:, 0], [0.3, 0.1, 0.2])
    assert one.select("x").upper_error is None
    assert one.without_error("y").upper_error is None
    assert one.replace(error=0.1) == table()
    again = ba.Measurements.from_arrays(one.to_arrays(), one.metadata())
    assert again == one
    pairs = {"error": ("x_err", ("y_err", "y_upper_err"))}
    assert ba.Measurements.read(one.to_table(), value=("x", "y"), **pairs) == one
    metres = ba.Measurements.read(
        {"x": [1.0, 2.0], "y": [1.0, 2.0] * u.km, "low": [1.0, 2.0] * u.m, "up": [2.0, 2.0] * u.m},
        value=("x", "y"), error=(0.1, ("low", "up")),
    )  # fmt: skip
    np.testing.assert_allclose(metres.upper_error[:, 1], 0.002)
    np.testing.assert_allclose(metres.error[:, 1], [0.001, 0.002])


@pytest.mark.parametrize(
    ("upper", "message"),
    [
        ({"z": [0.1, 0.1, 0.1]}, "column 'z' is not there"),
        ({"y": [0.1, -0.2, 0.1]}, "upper_error of y: row 1 .*without a sign"),
        ({"y": [0.1, np.nan, 0.1]}, "upper_error of y: row 1"),
        ({"y": [0.1, 0.0, 0.1]}, "upper_error of y: row 1 .*zero on one side"),
        ([[0.1, 0.1]] * 2, "upper_error: has shape"),
    ],
)
def test_errors_by_side_that_are_none(upper, message):
    with pytest.raises(DataError, match=message):
        table(upper_error=upper)


def test_errors_by_side_have_no_covariance():
    with pytest.raises(DataError, match="upper_error of y: row 0 .*no covariance"):
        ba.Measurements(
            VALUE, covariance=[[0.04, 0.01], [0.01, 0.04]], names=("x", "y"), upper_error=[0.2, 0.4]
        )


@pytest.mark.parametrize(
    ("flag", "kind", "sign"),
    [([1, 0, 0], "upper_limit", -1), ([True, False, False], "lower_limit", 1)],
)
def test_limits_of_a_table(flag, kind, sign):
    columns = {"x": [1.0, 2, 3], "y": [2.0, 4, 6], "flag": np.array(flag)}
    data = ba.Measurements.read(
        columns, value=("x", "y"), error=(None, 0.2), **{kind: {"y": "flag"}}
    )
    np.testing.assert_array_equal(data.limit, [[0, sign], [0, 0], [0, 0]])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"limit": [[0, -2], [0, 0], [0, 0]]}, "limit of y.*row 0.*upper limit"),
        ({"limit": [0, -1, 0]}, "limit: has shape"),
        ({"limit": {"z": [0, 0, 0]}}, "limit: column 'z'"),
        ({"limit": {"y": [0, 0]}}, "limit of y: has shape"),
        ({"limit": {"y": [-1, 0, 0]}, "error": [0.1, 0.0]}, "error of y.*limit_of='true'"),
        ({"limit": {"y": [-1, 0, 0]}, "limit_of": "both"}, "limit_of: 'both'"),
        ({"limit": {"y": [-1, 0, 0]}, "value": [[1, np.nan], [2, 3], [3, 4]]}, "is missing"),
        ({"point_covariance": np.eye(3)}, "by column"),
        ({"point_covariance": {"z": np.eye(3)}}, "column 'z'"),
        ({"point_covariance": {"y": np.eye(4)}}, r"has shape \(4, 4\)"),
        ({"point_covariance": {"y": -np.eye(3)}}, "not positive semi-definite"),
        ({"point_covariance": {"y": np.arange(9).reshape(3, 3)}}, "not symmetric"),
        ({"point_covariance": {"y": np.full((3, 3), np.nan)}}, "row 0, column 0"),
    ],
)
def test_what_is_refused(more, message):
    with pytest.raises(DataError, match=message):
        ba.Measurements(**({"value": VALUE, "error": 0.1, "names": ("x", "y")} | more))


def test_rows_of_errors_that_are_correlated_between_points():
    joint = np.array([[1.0, 0.2, 0.1], [0.2, 2.0, 0.3], [0.1, 0.3, 3.0]])
    data = table(point_covariance={"y": joint})
    chosen = data[[2, 0]].point_covariance["y"]
    np.testing.assert_array_equal(chosen, joint[np.ix_([2, 0], [2, 0])])
    again = ba.Measurements.from_arrays(data.to_arrays(), data.metadata())
    assert again == data
    assert hash(again) == hash(data)
    assert data != table()
    assert data.select("x").point_covariance is None
    with pytest.raises(ValueError, match="read-only"):
        data.point_covariance["y"][0, 0] = 0


@pytest.mark.parametrize(
    "more", [{"limit": {"y": [-1, 0, 0]}}, {"point_covariance": {"y": np.eye(3)}}]
)
@pytest.mark.parametrize(
    "task",
    [ba.ExtremeDeconvolution(1), ba.baselines.LeastSquaresLine("y")],
    ids=["model", "baseline"],
)
def test_tasks_that_would_pass_them_over_refuse(task, more):
    with pytest.raises(
        ValueError, match=r"does not take (values that are limits|errors that are corr)"
    ):
        task.fit(table(**more))
