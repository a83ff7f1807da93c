"""Photometry: what it takes, how magnitudes become fluxes, and what it refuses."""

import numpy as np
import pytest
from astropy import units as u
from samples import fields_of

import bayes_astro as ba
from bayes_astro.data import DataError, Photometry

BANDS = ("g", "r")


def photometry(**changes):
    given = {
        "flux": [[1.0, -0.2], [3.0, np.nan], [2.0, 5.0]],
        "error": [[0.1, 0.3], [0.2, -1.0], [0.1, 0.2]],
        "bands": BANDS,
        "redshift": [0.1, np.nan, 0.3],
        "unit": "uJy",
    }
    return Photometry(**(given | changes))


def test_arrays_are_checked_copied_and_read_only():
    flux = np.array([[1.0, 2.0]])
    data = Photometry(flux, flux / 10, BANDS)
    flux[0, 0] = 9.0
    assert data.flux[0, 0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        data.error[0, 0] = 1.0
    assert np.isnan(photometry().error[1, 1])  # of what was not measured


def test_parts_and_round_trip():
    data = photometry(name="field", source="a paper")
    assert data.select("r", "g").flux[0].tolist() == [-0.2, 1.0]
    assert len(data[1:]) == 2 and len(data[0]) == 1 and data[[2]].redshift.tolist() == [0.3]
    assert data.missing.sum() == 1
    assert repr(data) == "<Photometry field: 3 objects in g, r, 2 redshifts, 1 flux missing>"
    again = Photometry.from_arrays(data.to_arrays(), data.metadata())
    assert fields_of(again) == fields_of(data)
    table = data.to_table()
    assert table["g"].unit == u.uJy and table["g_err"].unit == u.uJy
    assert "redshift" not in photometry(redshift=None).to_arrays()


def test_units_are_converted():
    data = photometry()
    nano = Photometry(data.flux * 1e3 * u.nJy, data.error * 1e3 * u.nJy, BANDS, unit="uJy")
    np.testing.assert_allclose(nano.flux, data.flux)
    np.testing.assert_allclose(nano.error, data.error)
    assert Photometry(data.flux * u.mJy, data.error, BANDS).unit == "mJy"
    with pytest.raises(DataError, match="cannot be converted"):
        Photometry(data.flux * u.m, data.error, BANDS, unit="uJy")
    with pytest.raises(DataError, match=r"flux has no unit; give unit="):
        Photometry(data.flux, data.error * u.uJy, BANDS)


def test_magnitudes_against_astropy():
    magnitude = np.array([[20.0, 23.9], [25.0, 18.0]])
    error = np.array([[0.01, 0.1], [0.3, 0.02]])
    data = Photometry.from_magnitudes(magnitude * u.ABmag, error * u.mag, BANDS)
    np.testing.assert_allclose(data.flux, (magnitude * u.ABmag).to_value(u.uJy), rtol=1e-3)
    step = 1e-6  # the error by a difference quotient
    up = Photometry.from_magnitudes(magnitude + step, error, BANDS).flux
    np.testing.assert_allclose(data.error, (data.flux - up) / step * error, rtol=1e-5)
    log = Photometry.from_magnitudes(magnitude, error, BANDS, error_convention="log")
    np.testing.assert_allclose(2.5 * np.log10(1 + log.error / log.flux), error)
    other = Photometry.from_magnitudes([[22.5]], [[0.1]], ("V",), system="Vega")
    assert other.unit == "" and other.flux[0, 0] == pytest.approx(1.0)


def test_asinh_magnitudes_invert_their_definition():
    b = np.array([1.4e-10, 7.4e-10])
    flux = np.array([[-3e-10, 1e-9], [5e-8, 0.0]])  # of the flux of magnitude zero
    magnitude = -2.5 / np.log(10) * (np.arcsinh(flux / (2 * b)) + np.log(b))
    data = Photometry.from_magnitudes(
        magnitude, np.full((2, 2), 0.1), BANDS, system="other", asinh_softening=b
    )
    np.testing.assert_allclose(data.flux, 1e9 * flux, atol=1e-12)
    step = 1e-6
    up = Photometry.from_magnitudes(
        magnitude + step, np.full((2, 2), 0.1), BANDS, system="other", asinh_softening=b
    )
    np.testing.assert_allclose(data.error, (data.flux - up.flux) / step * 0.1, rtol=1e-5)


def test_marks_are_declared_never_guessed():
    magnitude = [[20.0, 99.0], [-99.0, 21.0], [np.nan, 22.0]]
    error = [[0.1, 26.0], [-99.0, 0.1], [0.1, 0.1]]
    with pytest.raises(DataError, match=r"g: row 1 is -99.*declare such entries: missing="):
        Photometry.from_magnitudes(magnitude, error, BANDS)
    with pytest.raises(DataError, match=r"r: row 0 is 99.*non_detection="):
        Photometry.from_magnitudes(magnitude, error, BANDS, missing=-99)
    data = Photometry.from_magnitudes(magnitude, error, BANDS, missing=-99, non_detection=99)
    assert np.isnan(data.flux).tolist() == [[False, False], [True, False], [True, False]]
    assert data.flux[0, 1] == 0.0
    assert data.error[0, 1] == pytest.approx(10 ** (-0.4 * (26 - 23.9)), rel=1e-3)
    both = Photometry.from_magnitudes(magnitude, error, BANDS, missing=(99, -99))
    assert both.missing.sum() == 3
    deep = Photometry.from_magnitudes(
        magnitude, error, BANDS, missing=-99, non_detection=(99, np.nan), limit=(26.0, 25.0)
    )
    assert deep.missing.sum() == 1 and (deep.flux == 0).sum() == 2
    assert deep.error[2, 0] == pytest.approx(10 ** (-0.4 * (26 - 23.9)), rel=1e-3)
    with pytest.raises(DataError, match=r"error of r: row 0 is -1.*limit="):
        Photometry.from_magnitudes([[20, 99.0]], [[0.1, -1]], BANDS, non_detection=99)
    with pytest.raises(DataError, match=r"error of r: row 0 is 0\.1.*some 20 to 30"):
        Photometry.from_magnitudes([[20, 99.0]], [[0.1, 0.1]], BANDS, non_detection=99)
    with pytest.raises(DataError, match=r"flux: is in 'mag\(AB\)'; use Photometry.from_magnitudes"):
        Photometry([[20.0, 21.0]] * u.ABmag, [[0.1, 0.1]] * u.mag, BANDS)
    with pytest.raises(DataError, match="how they are marked"):
        Photometry.from_magnitudes([[20, 21]], [[0.1, 0.1]], BANDS, limit=26)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"error": [[0.1, 0.3], [0.0, 1], [0.1, 0.2]]}, r"error in g: row 1 is 0\.0;.*nan as the"),
        ({"error": [[0.1, -0.3], [1, 1], [0.1, 0.2]]}, r"error in r: row 0 is -0\.3"),
        ({"error": [[0.1, np.nan], [1, 1], [1, 1]]}, r"error in r: row 0 is nan"),
        ({"error": [[0.1, np.inf], [1, 1], [1, 1]]}, r"error in r: row 0 is inf"),
        ({"flux": [[np.inf, 1], [1, 1], [1, 1]]}, r"flux in g: row 0 is inf"),
        ({"flux": [[1.0, 2.0]]}, r"error: has shape \(3, 2\).*shape \(1, 2\)"),
        ({"flux": [1.0, 2.0]}, r"flux: expected a 2-d array"),
        (
            {"redshift": [0.1, -0.5, 1]},
            r"redshift: row 1 is -0\.5; redshifts are from -0\.01 to 100; use nan",
        ),
        ({"redshift": [0.1, 1e4, 1]}, r"redshift: row 1 is 10000"),
        ({"redshift": [0.1]}, r"redshift: has shape \(1,\); expected \(3,\)"),
        ({"bands": ("g", "g")}, r"'g' is there twice"),
        ({"bands": ("g",)}, r"1 names for 2 columns"),
        ({"bands": ()}, r"give the name of each band"),
    ],
)
def test_bad_input(changes, message):
    with pytest.raises(DataError, match=message):
        photometry(**changes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"error": [[0.1, 0.0]]}, r"error of r: row 0 is 0\.0; errors are standard deviations"),
        ({"error": [[0.1, 99.0]]}, r"error of r: row 0 is 99.*declare"),
        ({"error": [[0.1]]}, r"error: has shape \(1, 1\)"),
        ({"system": "SDSS"}, r"system: 'SDSS' is not known"),
        ({"error_convention": "natural"}, "must be 'linear' or 'log'"),
        ({"asinh_softening": 0.0}, "must be > 0"),
        ({"asinh_softening": (1e-10,)}, "expected one number a band"),
        ({"asinh_softening": 1e-10, "error_convention": "log"}, "asinh ones are linear"),
        ({"magnitude": np.array([[20.0, 21.0]]) * u.uJy}, "is not a magnitude"),
    ],
)
def test_bad_magnitudes(arguments, message):
    given = {"magnitude": [[20.0, 21.0]], "error": [[0.1, 0.1]], "bands": BANDS}
    with pytest.raises(DataError, match=message):
        Photometry.from_magnitudes(**(given | arguments))


def test_reading(tmp_path):
    path = tmp_path / "objects.csv"
    path.write_text("z,g,g_err,r,r_err\n0.1,20,0.1,21,0.1\n0.2,20,0.1,-99,0.1\n")
    data = Photometry.read(
        path, magnitude=("g", "r"), error=("g_err", "r_err"), redshift="z", missing=-99
    )
    assert data.bands == BANDS and data.redshift.tolist() == [0.1, 0.2]
    assert data.missing.tolist() == [[False, False], [False, True]]
    table = photometry().to_table()
    table["g"] = table["g"].to("nJy")
    with pytest.raises(DataError, match="convert them"):
        Photometry.read(table, flux=BANDS, error=("g_err", "r_err"))
    fluxes = Photometry.read(
        photometry().to_table(), flux=BANDS, error=("g_err", "r_err"), bands=("G", "R")
    )
    with pytest.raises(DataError, match="non_detection: is of magnitudes, and these are fluxes"):
        plain = photometry().to_table()
        Photometry.read(plain, flux=BANDS, error=("g_err", "r_err"), non_detection=99)
    assert fluxes.unit == "uJy" and fluxes.bands == ("G", "R") and fluxes.redshift is None
    with pytest.raises(DataError, match="columns of fluxes or of magnitudes"):
        Photometry.read(path, magnitude=("g", "r"), error=("g_err",))
    with pytest.raises(DataError, match="no column 'y'"):
        Photometry.read(path, magnitude=("g", "y"), error=("g_err", "r_err"))


def test_unknown_band():
    with pytest.raises(DataError, match=r"band 'G' is not there\. Did you mean 'g'"):
        photometry().select("G")


def test_bundled_galaxies():
    data = ba.load("sdss-galaxies")
    assert data.bands == ("u", "g", "r", "i", "z") and len(data) == 10_000
    assert data.redshift[0] == 0.083125 and not data.missing.any()
    assert data.redshift.min() > 0.0019 and data.redshift.max() < 0.2983
    bright = -2.5 * np.log10(data.flux[:, 2] / 3631e6)
    assert np.quantile(bright, 0.99) < 17.9  # the limit of the main sample, r = 17.77
