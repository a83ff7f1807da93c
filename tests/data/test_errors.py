"""Errors as one number, one a column, one an entry; and lower and upper ones, which are refused."""

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable

import bayes_astro as ba
from bayes_astro.data import DataError

VALUE = np.arange(12.0).reshape(4, 3)
TABLE = {"x": [1.0, 2, 3], "y": [2.0, 3, 4], "e": [0.1, 0.2, 0.3], "time": [0.0, 1, 2]}


def curve(error, **labels):
    return ba.LightCurve([0.0, 1, 2, 3], [1.0, 2, 3, 4], error, **labels)


def measurements(error):
    return ba.Measurements(VALUE, error)


def photometry(error):
    return ba.Photometry(VALUE, error, "gri")


def magnitudes(error):
    return ba.Photometry.from_magnitudes(VALUE, error, "gri")


def test_one_number_for_all():
    assert curve(0.1).error.tolist() == [0.1] * 4
    assert curve(np.float32(0.5)).error.tolist() == [0.5] * 4
    assert curve(100 * u.mmag, value_unit="mag").error == pytest.approx(0.1)
    with_unit = ba.LightCurve([0, 1], [1, 2] * u.m / u.s, 0.5 * u.km / u.s)
    assert with_unit.error.tolist() == [500, 500]
    for make in (measurements, photometry):
        assert np.array_equal(make(0.1).error, np.full((4, 3), 0.1))
    assert np.array_equal(magnitudes(0.1).error, magnitudes(np.full((4, 3), 0.1)).error)
    assert ba.Measurements([1.0, 2], 0.0).error.tolist() == [[0], [0]]
    masses = ba.DampingTimes(np.ones((3, 2)), np.ones((3, 2)), [7, 8, 9], 0.3)
    assert masses.log_mass_error.tolist() == [0.3] * 3


def test_one_number_a_column():
    for make in (measurements, photometry):
        assert np.array_equal(make([0.1, 0.2, 0.3]).error, np.tile([0.1, 0.2, 0.3], (4, 1)))
    with pytest.raises(DataError, match=r"error: has shape \(4,\); expected a single number, one"):
        measurements([0.1, 0.2, 0.3, 0.4])
    with pytest.raises(DataError, match=r"error: has shape \(3,\)"):  # of columns, or of rows?
        ba.Measurements(VALUE[:3], [0.1, 0.2, 0.3])


@pytest.mark.parametrize("make", [curve, measurements, photometry, magnitudes])
@pytest.mark.parametrize(
    ("error", "message"),
    [
        (-0.1, "row 0 is -0.1.*standard deviations"),
        (np.nan, "row 0 is nan"),
        ("0.1", "error: it is not a number"),
        (True, "error: it is true or false"),
        (None, "error"),
    ],
)
def test_a_number_that_is_no_error(make, error, message):
    with pytest.raises(DataError, match=message):
        make(error)


def test_readers_take_a_number_in_place_of_a_column():
    read = ba.LightCurve.read(TABLE, value="x", error=0.1, value_unit="mag")
    assert read.error.tolist() == [0.1] * 3
    read = ba.LightCurve.read(TABLE, value="x", error=20 * u.mmag, value_unit="mag")
    assert read.error == pytest.approx(0.02)
    data = ba.Measurements.read(TABLE, error=(None, 0.2))
    assert data.error.tolist() == [[0, 0.2]] * 3
    table = QTable({"x": [1.0, 2] * u.km, "y": [1.0, 2]})
    data = ba.Measurements.read(table, error=(5 * u.m, 1))
    assert data.units == ("km", "") and data.error == pytest.approx(np.array([[0.005, 1]] * 2))
    fluxes = ba.Photometry.read(TABLE, flux=("x", "y"), error=("e", 0.5))
    assert fluxes.error.tolist() == [[0.1, 0.5], [0.2, 0.5], [0.3, 0.5]]
    bright = ba.Photometry.read(TABLE, magnitude=("x", "y"), error=(0.1, 0.1))
    assert bright.error == pytest.approx(0.1 * np.log(10) / 2.5 * bright.flux)
    with pytest.raises(DataError, match="error of x: row 0 is -1"):
        ba.Measurements.read(TABLE, error=(-1, 0.2))
    with pytest.raises(DataError, match="error: expected the name of a column, got True"):
        ba.LightCurve.read(TABLE, value="x", error=True)


def test_lower_and_upper_errors_are_refused_with_advice():
    both, advice = np.full((4, 2), 0.1), "one standard deviation each, e.g. half of their sum"
    for error in (both, both.T):
        with pytest.raises(DataError, match=rf"error: has shape \(., .\); lower .*{advice}"):
            curve(error)
        with pytest.raises(DataError, match=advice):
            ba.Measurements(VALUE[:, 0], error)
    for make in (measurements, photometry, magnitudes):
        for shape in ((4, 3, 2), (2, 4, 3)):
            with pytest.raises(DataError, match=advice):
                make(np.full(shape, 0.1))
    with pytest.raises(DataError, match=rf"error: got \('e', 'e'\); .*{advice}"):
        ba.LightCurve.read(TABLE, value="x", error=("e", "e"))
    with pytest.raises(DataError, match=rf"error of y: got \('e', 'e', 'e'\); .*{advice}"):
        ba.Measurements.read(TABLE, error=("e", ("e", "e", "e")))
    with pytest.raises(DataError, match=rf"error of x: got .*{advice}"):
        ba.Photometry.read(TABLE, flux=("x", "y"), error=(["e", "e"], "e"))
    # two measured columns are no lower and upper errors
    assert ba.Measurements(VALUE[:, :2], both).error.tolist() == both.tolist()
