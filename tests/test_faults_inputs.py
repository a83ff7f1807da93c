"""Inputs that trials found refused, lost or unclear: each with its small example.

| fault | said before | now |
|---|---|---|
| a Kepler file as the archive gives it | 'BJD - 2454833' is not a unit | read, the epoch kept |
| a VOTable, .csv.gz, .tsv, HDF5 | not among the formats | read |
| `error=0.1` | expected a 1-d array | the error of all rows |
| lower and upper errors | expected a 1-d array | refused with advice |
| magnitudes 0.0, -9.99, 30 +- 30 | the brightest objects of all | refused by name |
| a container out of a pickle | writable, unequal | read-only, equal |
| `cross_val_score(model, curve)` | no `score`, lists of single rows | the log score of each fold |
| `from bayes_astro.kernels import SHO` | ModuleNotFoundError | works |
| `KeplerOrbit(period=Quantity)` | must be two positive numbers | converted |
| `ExposureIntegrated` at a barycentric cadence | exposures must not overlap | taken |
| CARMA(3, 1) at a triple root | 1.0 at every lag | refused |

`tests/data/test_archives.py`, `test_errors.py`, `test_marks.py`, `test_read_only.py`, `test_scores.py`,
`processes/test_units.py`, `test_exposures.py` and `test_carma_roots.py` have the details.
"""

import gzip
import pickle
import re
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from samples import sinusoid
from sklearn.model_selection import KFold, cross_val_score

import bayes_astro as ba
from bayes_astro.data import DataError, DataWarning

ROWS = {"time": [1.0, 2.0, 3.0], "value": [5.0, 6.0, 7.0], "error": [0.1, 0.2, 0.1]}


def test_a_kepler_file(tmp_path):
    flux = np.array([5.0, np.nan, 7.0], np.float32)
    columns = [
        fits.Column("TIME", "D", unit="BJD - 2454833", array=[630.1, 630.2, 630.3]),
        fits.Column("PDCSAP_FLUX", "E", unit="e-/s", array=flux),
        fits.Column("PDCSAP_FLUX_ERR", "E", unit="e-/s", array=0.1 * flux),
    ]
    fits.BinTableHDU.from_columns(columns).writeto(tmp_path / "llc.fits")
    names = {"time": "TIME", "value": "PDCSAP_FLUX", "error": "PDCSAP_FLUX_ERR"}
    with pytest.raises(DataError, match="drop_missing=True"):
        ba.LightCurve.read(tmp_path / "llc.fits", **names)
    with pytest.warns(DataWarning, match="1 of 3 rows were dropped"):
        curve = ba.LightCurve.read(tmp_path / "llc.fits", **names, drop_missing=True)
    assert (curve.time_format, curve.value_unit) == ("BJD - 2454833", "electron / s")
    assert curve.time.tolist() == [630.1, 630.3]


@pytest.mark.parametrize("kind", ["vot", "tsv", "h5", "csv.gz"])
def test_formats(tmp_path, kind):
    path = tmp_path / f"curve.{kind}"
    if kind == "csv.gz":
        path.write_bytes(gzip.compress(b"time,value,error\n1,5,0.1\n2,6,0.2\n3,7,0.1\n"))
    else:
        names = {"vot": "votable", "tsv": "ascii.tab", "h5": "hdf5"}
        extra = {"path": "curve"} if kind == "h5" else {}
        Table(ROWS).write(path, format=names[kind], **extra)
    assert ba.LightCurve.read(path) == ba.LightCurve(**ROWS)


def test_errors_and_marks():
    assert ba.LightCurve([1, 2], [3, 4], 0.1).error.tolist() == [0.1, 0.1]
    with pytest.raises(DataError, match="lower and upper errors are not taken"):
        ba.LightCurve([1, 2, 3], [3, 4, 5], np.full((2, 3), 0.1))
    for mark in (0.0, -9.99):
        magnitude = np.array([[20.1], [21.3], [mark], [22.2]])
        with pytest.raises(DataError, match=f"is there once.*missing={mark}"):
            ba.Photometry.from_magnitudes(magnitude, 0.1, ("g",))
    with pytest.raises(DataError, match="30.0 is there once, with an error of the same number"):
        ba.Photometry.from_magnitudes([[20.1], [30.0]], [[0.1], [30.0]], ("g",))


def test_pickles_and_folds():
    curve = sinusoid(n=40)
    again = pickle.loads(pickle.dumps(curve))  # noqa: S301
    assert again == curve and not again.value.flags.writeable
    model = ba.Periodogram(period=(2, 20))
    how = {"sampler": ba.Exact(draws=200), "seed": 1, "progress": False}
    folds = KFold(3, shuffle=True, random_state=0)
    assert np.isfinite(cross_val_score(model, curve, cv=folds, params=how)).all()


def test_processes():
    from bayes_astro.kernels import CARMA, SHO, ExposureIntegrated

    curve = ba.LightCurve(0.02043 * np.arange(50), np.sin(np.arange(50.0)), 0.1, time_unit="d")
    orbit = ba.means.KeplerOrbit(period=(12 * u.h, 2 * u.d))
    assert orbit.priors(curve)["orbital_period"].arguments == {"lower": 0.5, "upper": 2.0}
    ba.GaussianProcess(ExposureIntegrated(SHO(), 0.0204336)).check_data(curve)
    values = {"sigma": 1.0, "period_1": 2 * np.pi, "quality_1": 0.5, "tau": 1.0, "beta_1": 0.5}
    with pytest.raises(ValueError, match="roots of alpha coincide"):
        CARMA(3, 1).covariance([0.0, 1.0], **values)


def test_the_table_of_faults_names_tests_that_exist():
    root = Path(__file__).parents[1]
    table = (root / "notebooks" / "faults.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", table))
    code = "\n".join(path.read_text(encoding="utf-8") for path in root.glob("tests/**/*.py"))
    assert named <= set(re.findall(r"def (test_\w+)\(", code))
    faults = {f"A{i}" for i in range(1, 13)} | {"B", "C", "D"}
    assert set(re.findall(r"^\| ([A-D]\d*) ", table, re.MULTILINE)) == faults
    rows = [line for line in table.splitlines() if re.match(r"\| [A-D]\d* ", line)]
    assert all("`test_" in row for row in rows)


@pytest.mark.parametrize("apart", [0.0, 1e-12, 1e-6])
def test_copies_that_rounding_made_different_are_copies(apart):
    curve = sinusoid(n=30)
    time, value = (np.append(x, x[0] + apart) for x in (curve.time, curve.value))
    error = np.append(curve.error, curve.error[0])
    if apart > 1e-9:
        assert len(ba.LightCurve(time, value, error)) == 31
        return
    with pytest.raises(DataError, match="rows 0 and 30 are equal"):
        ba.LightCurve(time, value, error)
