"""Tables as archives give them: missions' FITS, VOTables, HDF5, compressed, with gaps and flags."""

import contextlib
import gzip
import subprocess
import sys

import astropy.units as u
import h5py
import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.table import MaskedColumn, QTable, Table
from astropy.time import Time
from astropy.utils.masked import Masked

import bayes_astro as ba
from bayes_astro.data import DataError, DataWarning, compressed, files, hdf5
from bayes_astro.data.epochs import numbers_of, time_label, zero_of
from bayes_astro.data.light_curve_inputs import times

KEPLER = {"time": "TIME", "value": "PDCSAP_FLUX", "error": "PDCSAP_FLUX_ERR"}
TIME = 630.19533 + 0.02043359821692 * np.arange(8)
FLUX = np.array([100.0, 101, 99, 100, 102, 98, 100, 101], dtype=np.float32)
POINTS = {"time": np.arange(4.0), "value": np.arange(4.0) + 0.5, "error": np.full(4, 0.1)}


def mission(path, unit="BJD - 2454833", quality="SAP_QUALITY", scale="TDB"):
    """A light curve file as Kepler's and TESS' pipelines write it, with two gaps and two flags."""
    time, flux, error = TIME.copy(), FLUX.copy(), np.full(8, 0.5, np.float32)
    time[2] = flux[2] = error[2] = flux[5] = error[5] = np.nan
    columns = [
        fits.Column("TIME", "D", unit=unit, array=time),
        fits.Column("CADENCENO", "J", array=np.arange(8)),
        fits.Column("SAP_FLUX", "E", unit="e-/s", array=flux + 1),
        fits.Column("PDCSAP_FLUX", "E", unit="e-/s", array=flux),
        fits.Column("PDCSAP_FLUX_ERR", "E", unit="e-/s", array=error),
        fits.Column(quality, "J", array=np.array([0, 128, 16, 0, 0, 0, 8192, 0])),
        fits.Column("POS_CORR1", "E", unit="pixels", array=np.zeros(8)),
    ]
    table = fits.BinTableHDU.from_columns(columns, name="LIGHTCURVE")
    table.header["TIMESYS"], table.header["BJDREFI"] = scale, 2454833
    fits.HDUList([fits.PrimaryHDU(), table, fits.ImageHDU(np.ones((3, 3)))]).writeto(path)
    return path


@pytest.mark.parametrize(
    ("unit", "quality", "zero"),
    [
        ("BJD - 2454833", "SAP_QUALITY", 2454833),
        ("BJD - 2457000, days", "QUALITY", 2457000),
    ],
)
@pytest.mark.parametrize("suffix", ["fits", "fits.gz"])
def test_kepler_and_tess(tmp_path, unit, quality, zero, suffix):
    path = mission(tmp_path / f"a.{suffix}", unit, quality)
    with pytest.raises(DataError, match=r"time: row 2 is nan or masked.*drop_missing=True"):
        ba.LightCurve.read(path, **KEPLER)
    with pytest.warns(
        DataWarning, match="2 of 8 rows were dropped: .*TIME 1, PDCSAP_FLUX 2"
    ) as seen:
        curve = ba.LightCurve.read(path, **KEPLER, drop_missing=True)
    assert len(seen) == 1 and seen[0].filename == __file__
    keep = [0, 1, 3, 4, 6, 7]
    assert np.array_equal(curve.time, TIME[keep]) and np.array_equal(curve.value, FLUX[keep])
    assert (curve.value_unit, curve.time_unit, curve.time_scale) == ("electron / s", "d", "tdb")
    assert curve.time_format == f"BJD - {zero}"
    exact = Time(zero, TIME[keep], format="jd", scale="tdb")
    assert np.abs((curve.to_time() - exact).to_value("us")).max() < 1e-3
    assert np.abs(times(curve, exact)[0] - curve.time).max() * 86400e6 < 1e-3  # microseconds
    with pytest.warns(DataWarning) as seen:
        curve = ba.LightCurve.read(path, **KEPLER, quality=quality, drop_missing=True)
    assert str(seen[0].message) == f"3 of 8 rows were dropped: they have a flag in {quality!r}"
    assert str(seen[1].message).startswith("1 of 5 rows were dropped: entries are missing (PDCSAP")
    assert np.array_equal(curve.time, TIME[[0, 3, 4, 7]])
    with pytest.warns(DataWarning) as seen:
        curve = ba.LightCurve.read(
            path, **KEPLER, quality=quality, quality_bits=144, drop_missing=True
        )
    assert "2 of 8 rows were dropped: they have one of the flags 144" in str(seen[0].message)
    assert np.array_equal(curve.time, TIME[[0, 3, 4, 6, 7]])


def test_what_a_table_says_of_its_times_is_not_overruled(tmp_path):
    path = mission(tmp_path / "a.fits")
    with pytest.raises(DataError, match="time_scale: 'utc' was asked for, the table says 'tdb'"):
        ba.LightCurve.read(path, **KEPLER, time_scale="utc")
    with pytest.warns(DataWarning), pytest.raises(DataError, match="counts from 'BJD - 2454833'"):
        ba.LightCurve.read(path, **KEPLER, drop_missing=True, time_format="jd")
    with pytest.warns(DataWarning), pytest.raises(DataError, match="counts from 'BJD - 2457000'"):
        ba.LightCurve.read(path, **KEPLER, drop_missing=True, time_unit="BJD - 2457000")
    with pytest.warns(DataWarning):
        hours = ba.LightCurve.read(path, **KEPLER, drop_missing=True, time_unit="h")
    with pytest.warns(DataWarning):
        days = ba.LightCurve.read(path, **KEPLER, drop_missing=True)
    assert np.abs((hours.to_time() - days.to_time()).to_value("us")).max() < 0.1
    for bits in (0, -1, 2.5, "all"):
        with pytest.raises(DataError, match="quality_bits: expected"):
            ba.LightCurve.read(path, **KEPLER, quality="SAP_QUALITY", quality_bits=bits)
    with pytest.raises(DataError, match="quality, quality_bits: expected"):
        ba.LightCurve.read(path, **KEPLER, quality_bits=1)
    with pytest.raises(DataError, match="PDCSAP_FLUX: row 2 is nan|flags are whole numbers"):
        ba.LightCurve.read(path, **KEPLER, quality="PDCSAP_FLUX")


def test_a_real_quarter_of_kepler(shared_data):
    path = shared_data / "b_agn_quasar_lightcurves" / "zw229-15_kepler_Q7_llc.fits"
    with pytest.warns(DataWarning, match="149 of 4375 rows were dropped"):
        curve = ba.LightCurve.read(path, **KEPLER, drop_missing=True)
    header = fits.getheader(path, 1)
    assert curve.n == 4226
    begin = Time(header["BJDREFI"], header["TSTART"], format="jd", scale="tdb")
    assert 0 < (curve.to_time()[0] - begin).to_value("d") < 2 * header["TIMEDEL"]


@pytest.mark.parametrize(
    ("name", "rows"),
    [("kepler_q7_lc_kic1430163_rotation", 4366), ("tess_s01_tic25155310_wasp126", 20076)],
)
def test_compressed_tables_of_missions(shared_data, name, rows):
    path = shared_data / "c_transits_rotation" / f"{name}.csv.gz"
    lower = {field: column.lower() for field, column in KEPLER.items()}
    flags = "sap_quality" if "kepler" in name else "quality"
    with pytest.warns(DataWarning, match="of .* rows were dropped"):
        curve = ba.LightCurve.read(
            path, **lower, quality=flags, drop_missing=True, time_unit="BJD - 2454833"
        )
    frame = pd.read_csv(path)
    good = frame[frame[flags] == 0].dropna(subset=list(lower.values()))
    assert curve.n == len(good) <= rows and np.array_equal(curve.time, good["time"])


@pytest.mark.parametrize(
    ("text", "label", "zero"),
    [
        ("BJD - 2454833", "BJD - 2454833", (0, 2454833)),
        ("bjd-2457000,days", "BJD - 2457000", (0, 2457000)),
        ("BJD - 2457000 (days)", "BJD - 2457000", (0, 2457000)),
        ("JD", "jd", (0, 0)),
        ("MJD", "mjd", (2400000.5, 0)),
        ("JD - 2400000.5", "JD - 2400000.5", (0, 2400000.5)),
        ("MJD - 50000", "MJD - 50000", (2400000.5, 50000)),
        ("BKJD", "BJD - 2454833", (0, 2454833)),
        ("HJD - 2450000", "HJD - 2450000", None),
        ("d", None, None),
        ("BJD - noon", None, None),
        ("JD + 3", None, None),
        ("", None, None),
    ],
)
def test_labels_of_times(text, label, zero):
    assert time_label(text) == label
    assert zero_of(text) == zero
    if zero is not None:
        moment = Time(2457000.25, 1e-9, format="jd", scale="tdb")
        assert numbers_of(moment, text) == pytest.approx(2457000.25 - sum(zero) + 1e-9, abs=1e-12)


def test_times_of_plain_numbers():
    curve = ba.LightCurve([630.5, 631.0], [1, 2], [1, 1], time_unit="BJD - 2454833")
    assert (curve.time_unit, curve.time_format, curve.time_scale) == ("d", "BJD - 2454833", "")
    with pytest.raises(DataError, match=r"time_scale: .*replace\(time_scale='tdb'\)"):
        curve.to_time()
    assert curve.replace(time_scale="tdb").to_time()[0].jd == 2455463.5
    with pytest.raises(DataError, match=r"time_format: '' does not say"):
        ba.LightCurve([1.0], [1], [1]).to_time()
    moments = Time([58000.1, 58001.2], format="mjd", scale="utc")
    assert (ba.LightCurve(moments, [1, 2], [1, 1]).to_time() == moments).all()
    with pytest.raises(DataError, match="time_format: 'jd' was asked for"):
        ba.LightCurve(moments, [1, 2], [1, 1], time_unit="JD")
    again = type(curve).from_arrays(curve.to_arrays(), curve.metadata())
    assert again.metadata() == curve.metadata()
    heliocentric = ba.LightCurve([1.0, 2.0], [1, 2], [1, 1], time_unit="HJD - 2450000")
    with pytest.raises(ValueError, match="time_format says where they count from"):
        times(heliocentric, moments)


def test_units_as_archives_write_them():
    for text in ("e-/s", "electron / s", "electron/s", "electrons/s", "e- / s"):
        assert ba.LightCurve([1], [2], [3], value_unit=text).value_unit == "electron / s"
    assert ba.LightCurve([1], [2], [3], time_unit="days").time_unit == "d"
    assert ba.LightCurve([1] * u.d, [2] * u.electron / u.s, [3]).value_unit == "electron / s"


def write(path):
    table = Table(POINTS)
    table["time"].unit, table["band"] = "d", ["r", "g", "r", "g"]
    inner = path.with_suffix("") if path.suffix == ".gz" else path
    if inner.suffix in (".vot", ".xml", ".votable"):
        table.write(inner, format="votable")
    elif inner.suffix in (".hdf5", ".h5"):
        table.write(inner, format="hdf5", path="curve", serialize_meta=True)
    elif inner.suffix == ".tsv":
        table.write(inner, format="ascii.tab")
    elif inner.suffix == ".parquet":
        table.to_pandas().to_parquet(inner)
    else:
        table.write(inner, format={".txt": "ascii.basic"}.get(inner.suffix))
    if inner != path:
        path.write_bytes(gzip.compress(inner.read_bytes()))
    return path


KINDS = ("vot", "xml", "votable", "hdf5", "h5", "tsv")
PACKED = (
    "csv.gz",
    "tsv.gz",
    "txt.gz",
    "ecsv.gz",
    "fits.gz",
    "vot.gz",
    "xml.gz",
    "parquet.gz",
    "h5.gz",
)


@pytest.mark.parametrize("kind", [*KINDS, *PACKED])
def test_every_kind_of_file(tmp_path, kind):
    curve = ba.LightCurve.read(write(tmp_path / f"a.{kind}"), band="band")
    for name, array in POINTS.items():
        assert np.array_equal(getattr(curve, name), array)
    assert curve.bands == ("r", "g")
    with pytest.raises(
        DataError, match="no column 'values'. Did you mean 'value'|columns .*values"
    ):
        ba.LightCurve.read(tmp_path / f"a.{kind}", value="values")


@pytest.mark.parametrize("kind", [*KINDS, *PACKED])
def test_damaged_files_are_refused_by_name(tmp_path, kind):
    path = write(tmp_path / f"a.{kind}")
    whole = path.read_bytes()
    half = bytearray(whole[: len(whole) // 2])
    for content in (b"\xff\xfe\xfd" * 99, half, gzip.compress(b"")):
        path.write_bytes(content)
        try:
            curve = ba.LightCurve.read(path)
        except DataError as problem:
            assert "/" not in str(problem) or str(path) in str(problem), problem
        else:
            assert kind in ("tsv",) and curve.n < 4


@pytest.mark.parametrize("kind", ["vot", "csv.gz", "fits.gz"])
def test_one_wrong_byte(tmp_path, kind):
    path = write(tmp_path / f"a.{kind}")
    whole = path.read_bytes()
    code = (
        "import sys, warnings, numpy as np, bayes_astro as ba; warnings.simplefilter('ignore')\n"
        "path, whole = sys.argv[1], open(sys.argv[1], 'rb').read()\n"
        "rng = np.random.default_rng(3)\n"
        "for _ in range(150):\n"
        "    content = bytearray(whole)\n"
        "    content[rng.integers(len(whole))] = rng.integers(256)\n"
        "    open(path, 'wb').write(content)\n"
        "    try:\n"
        "        assert np.isfinite(ba.LightCurve.read(path).value).all()\n"
        "    except ba.data.DataError:\n"
        "        pass\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    path.write_bytes(whole)
    assert ba.LightCurve.read(path).n == 4


def test_a_crash_of_the_library_that_reads_hdf5_is_an_error(tmp_path, monkeypatch):
    path = write(tmp_path / "a.hdf5")
    whole, rng = path.read_bytes(), np.random.default_rng(3)
    for _ in range(6):
        content = bytearray(whole)
        content[rng.integers(len(whole))] = rng.integers(256)
        path.write_bytes(content)
        with contextlib.suppress(DataError):
            assert np.isfinite(ba.LightCurve.read(path).value).all()
    monkeypatch.setattr(hdf5, "CHILD", "import os; os.abort()")
    with pytest.raises(DataError, match=r"a.hdf5: cannot be read as HDF5 .*crashed"):
        ba.LightCurve.read(path)


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip.compress(b"time,value,error\n" + b"1,2,3\n" * 10**5))
    monkeypatch.setattr(files, "MAX_BYTES", 10**5)
    monkeypatch.setattr(compressed, "CHUNK", 10**4)
    with pytest.raises(DataError, match="bomb.csv.gz: holds more than"):
        ba.LightCurve.read(path)


def test_votables_open_nothing_else(tmp_path):
    path = write(tmp_path / "a.vot")
    text = path.read_text()
    other = tmp_path / "secret"
    other.write_bytes(b"secret")
    inside = text[text.index("<DATA>") : text.index("</DATA>")]
    stream = f'<DATA><BINARY><STREAM href="file://{other}"/></BINARY>'
    path.write_text(text.replace(inside, stream))
    with pytest.raises(DataError, match=r"keeps its rows in another file \('file://"):
        ba.LightCurve.read(path)
    entity = f'<!DOCTYPE v [<!ENTITY x SYSTEM "file://{other}">]>'
    path.write_text(text.replace("?>", f"?>{entity}", 1))
    with pytest.raises(DataError, match="declares entities"):
        ba.LightCurve.read(path)
    path.write_text(text.replace("<TABLE", '<TABLE nrows="1000000000000"', 1))
    with pytest.raises(DataError, match="is cut off|cannot be read"):
        ba.LightCurve.read(path)


def test_votables_say_where_times_count_from(tmp_path):
    path = write(tmp_path / "gaia.vot")
    system = '<TIMESYS ID="ts" timeorigin="2455197.5" timescale="TCB" refposition="BARYCENTER"/>'
    text = path.read_text().replace("<TABLE", f"{system}<TABLE", 1)
    path.write_text(text.replace('<FIELD ID="time"', '<FIELD ID="time" ref="ts"'))
    curve = ba.LightCurve.read(path)
    assert (curve.time_format, curve.time_scale) == ("BJD - 2455197.5", "tcb")
    assert curve.to_time()[1].jd == 2455198.5
    path.write_text(path.read_text().replace('unit="d"', 'unit="h"'))
    with pytest.raises(DataError, match="column 'time' counts h from JD 2455197.5; convert it"):
        ba.LightCurve.read(path)


def test_hdf5_of_several_tables_and_elsewhere(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for name, array in POINTS.items():
            file[f"curve/{name}"] = array
    assert ba.LightCurve.read(path).value.tolist() == POINTS["value"].tolist()
    Table(POINTS).write(path, path="one", append=True)
    Table(POINTS).write(path, path="two", append=True)
    with pytest.raises(DataError, match=r"holds 2 tables.*one, two.*path=\.\.\."):
        ba.LightCurve.read(path)
    (tmp_path / "raw").write_bytes(b"\0" * 32)
    with h5py.File(path, "w") as file:
        for name in POINTS:
            raw = [(str(tmp_path / "raw"), 0, 32)]
            file.create_dataset(name, (4,), "f8", external=raw)
    with pytest.raises(DataError, match="in another file"):
        ba.LightCurve.read(path)
    with h5py.File(path, "w") as file:
        for name in POINTS:
            file.create_dataset(name, (10**12,), "f8", chunks=(1000,))
    with pytest.raises(DataError, match="declares 1000000000000 rows"):
        ba.LightCurve.read(path)


def masked(kind):
    gap = np.array([False, True, False, False])
    if kind == "nan":
        return POINTS | {"value": np.where(gap, np.nan, POINTS["value"])}
    if kind == "masked column":
        table = Table(POINTS)
        table["value"] = MaskedColumn(POINTS["value"], mask=gap)
        return table
    if kind == "masked quantity":
        table = QTable(POINTS)
        table["value"] = Masked(POINTS["value"] * u.mag, gap)
        return table
    if kind == "masked time":
        table = QTable(POINTS)
        time = Time(POINTS["time"] + 58000, format="mjd", scale="tdb")
        time[1] = np.ma.masked
        table["time"] = time
        return table
    if kind == "NumPy's mask":
        return POINTS | {"value": np.ma.array(POINTS["value"], mask=gap)}
    if kind == "list":
        return POINTS | {"value": [0.5, None, 2.5, 3.5]}
    frame = pd.DataFrame(POINTS)
    values = frame["value"].where(~gap)
    if kind == "nullable":
        frame["value"] = values.astype("Float64")
    elif kind == "nullable integers":
        frame["error"] = pd.array([1, pd.NA, 1, 1], dtype="Int64")
    elif kind == "pyarrow":
        frame["value"] = values.astype("double[pyarrow]")
    elif kind == "objects":
        frame["value"] = values.astype(object).where(~gap, None)
    return frame


ABSENT = (
    "nan", "masked column", "masked quantity", "masked time", "NumPy's mask", "list", "nullable",
    "nullable integers", "pyarrow", "objects",
)  # fmt: skip


@pytest.mark.parametrize("kind", ABSENT)
def test_missing_entries_of_every_kind(kind):
    with pytest.raises(DataError, match=r"row 1 is nan or masked.*drop_missing=True"):
        ba.LightCurve.read(masked(kind))
    with pytest.warns(DataWarning, match="1 of 4 rows were dropped: entries are missing"):
        curve = ba.LightCurve.read(masked(kind), drop_missing=True)
    assert curve.value.tolist() == [0.5, 2.5, 3.5]
    assert ba.LightCurve.read(POINTS, drop_missing=True).n == 4  # no warning


def test_what_cannot_be_dropped():
    nothing = POINTS | {"value": np.full(4, np.nan)}
    with pytest.raises(DataError, match=r"every one of the 4 rows has a missing entry .value 4"):
        ba.LightCurve.read(nothing, drop_missing=True)
    with pytest.raises(DataError, match="drop_missing: 'yes' must be True or False"):
        ba.LightCurve.read(POINTS, drop_missing="yes")
    with pytest.raises(DataError, match="different lengths"):
        ba.LightCurve.read(POINTS | {"value": [1.0, np.nan]}, drop_missing=True)
    with pytest.raises(DataError, match="value: row 1 is inf"):
        ba.LightCurve.read(POINTS | {"value": [1.0, np.inf, 2, 3]}, drop_missing=True)


def test_the_other_containers_drop_rows_too():
    gaps = {"x": [1.0, np.nan, 3.0], "y": [1.0, 2.0, 3.0], "x_err": [1.0, 1, 1]}
    gaps |= {"y_err": [0.1, 0.2, np.nan], "z": [0.1, 0.2, 0.3]}
    with pytest.raises(DataError, match="error of y: row 2 is nan or masked.*drop_missing=True"):
        ba.Measurements.read(gaps)
    with pytest.warns(DataWarning, match="2 of 3 rows"):
        data = ba.Measurements.read(gaps, drop_missing=True)
    assert data.value.tolist() == [[1, 1]]
    pair = {"flux": ("x", "y"), "error": ("x_err", "y_err"), "redshift": "z"}
    with pytest.raises(DataError, match="error in y: row 2 .*drop_missing=True"):
        ba.Photometry.read(gaps, **pair)
    with pytest.warns(DataWarning, match="2 of 3 rows"):
        assert ba.Photometry.read(gaps, **pair, drop_missing=True).flux.tolist() == [[1, 1]]
    counts = {"counts": [1.0, np.nan, 3], "exposure": [1.0, 1, 1]}
    with pytest.raises(DataError, match="counts: row 1 .*drop_missing=True"):
        ba.Counts.read(counts)
    with pytest.warns(DataWarning, match="1 of 3 rows"):
        assert ba.Counts.read(counts, drop_missing=True).counts.tolist() == [1, 3]
