"""Spectra: what is refused and how, files, common grids, the rest frame, scales of flux."""

import gzip
import json
import pickle
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import QTable, Table

import bayes_astro as ba
from bayes_astro.data import DataError

NAN, INF = np.nan, np.inf
GRID = np.arange(4000.0, 4010.0)
FLUX = np.linspace(1.0, 2.0, 30).reshape(3, 10)
ERROR = np.full((3, 10), 0.1)
NAMED = {"redshift": [0.1, NAN, 0.3], "names": ["a", "b", "c"], "label": ["QSO", None, "STAR"]}
FULL = {"unit": "1e-17 erg / (Angstrom s cm2)", "name": "three", "source": "paper"} | NAMED


def logarithmic(first, pixels, step=1e-4, start=3.58):
    return 10 ** (start + step * np.arange(first, first + pixels))


def changed(array, value, row=1, pixel=3):
    new = array.copy()
    new[row, pixel] = value
    return new


def refused(message, make, *arguments, **keywords):
    with pytest.raises(DataError, match=re.escape(message)):
        make(*arguments, **keywords)


class TestRefusals:
    @pytest.mark.parametrize(
        ("flux", "error", "message"),
        [
            (changed(FLUX, INF), ERROR, "flux: row 1 is inf at 4003; use nan"),
            (changed(FLUX, -INF), ERROR, "flux: row 1 is -inf at 4003"),
            (changed(FLUX, 1e200), ERROR, "flux: row 1 is 1e+200"),
            (changed(FLUX, -9999.0), ERROR, "flux: row 1 is -9999 at 4003, far below its other pixels: a mark?"),
            (FLUX, changed(ERROR, 0.0), "error: row 1 is 0.0 at 4003; errors are standard deviations > 0"),
            (FLUX, changed(ERROR, -1.0), "error: row 1 is -1.0 at 4003"),
            (FLUX, changed(0 * ERROR, -9999.0), "error: row 1 is -9999.0"),
            (FLUX, changed(ERROR, 1e200), "error: row 1 is 1e+200"),
            (FLUX, -ERROR, "error: row 0 is -0.1 at 4000 (30 such pixels in all)"),
            (np.where(np.arange(3)[:, None] == 2, NAN, FLUX), ERROR, "nothing was measured in row 2; leave it out"),
            (FLUX, np.where(np.arange(3)[:, None] == 0, INF, ERROR), "nothing was measured in row 0"),
            (np.full((3, 10), NAN), ERROR, "row 0 (3 such rows in all)"),
            (np.where(np.arange(3)[:, None] == 1, 0.0, FLUX), ERROR, "flux: row 1 is 0 in every pixel"),
            (FLUX[:, :9], ERROR[:, :9], "flux: has shape (3, 9), wavelength 10 pixels; give (n, 10)"),
            (FLUX[:0], ERROR[:0], "flux: has shape (0, 10)"),
            (FLUX, ERROR[:2], "error: has shape (2, 10); expected a single number, one for each column"),
            (FLUX[None], ERROR, "flux: expected a 1-d or 2-d array"),
            (FLUX.astype(str), ERROR, "flux: row 0, column 0 is not a number"),
        ],
    )  # fmt: skip
    def test_pixels(self, flux, error, message):
        refused(message, ba.Spectra, GRID, flux, error)

    @pytest.mark.parametrize(
        ("wavelength", "message"),
        [
            (GRID[::-1], "row 1 is 4008 after 4009; wavelengths increase: order = numpy.argsort"),
            (np.r_[GRID[:9], GRID[8]], "row 9 is 4008 after 4008"),
            (np.r_[-1.0, GRID[1:]], "row 0 is -1.0; wavelengths are finite and positive"),
            (np.r_[GRID[:9], NAN], "row 9 is nan or masked"),
            (np.r_[GRID[:9], INF], "row 9 is inf"),
            ([], "wavelength: is empty"),
            (
                np.tile(GRID, (3, 1)),
                "wavelength: is 2-d; spectra on grids of their own: ba.Spectra.gather",
            ),
            (GRID * u.GHz, "is in 'GHz', which is no length"),
        ],
    )
    def test_wavelengths(self, wavelength, message):
        refused(message, ba.Spectra, wavelength, FLUX, ERROR)

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"redshift": [0.1, 0.2]}, "redshift: has shape (2,); expected (3,)"),
            ({"redshift": [0.1, 0.2, -0.5]}, "redshift: row 2 is -0.5; redshifts are between -0.01 and 20"),
            ({"redshift": [25.0, 0.2, 0.5]}, "redshift: row 0 is 25.0"),
            ({"redshift": [100.0, 200.0, 300.0] * u.km / u.s}, "redshift: is in 'km/s'"),
            ({"names": ["a", "b"]}, "names: 2 names for 3 spectra"),
            ({"names": ["a", "b", " "]}, "names: row 2 is ' '"),
            ({"label": ["a", "b"]}, "label: has shape (2,)"),
            ({"wavelength_unit": "km/s"}, "which is no length"),
            ({"unit": "nonsense"}, "'nonsense' is not a unit"),
            ({"name": 3}, "name: expected a text"),
        ],
    )  # fmt: skip
    def test_fields(self, fields, message):
        refused(message, ba.Spectra, GRID, FLUX, ERROR, **fields)

    def test_errors_with_a_unit_need_fluxes_with_one(self):
        refused("error: is in 'Jy', flux has no unit", ba.Spectra, GRID, FLUX, ERROR * u.Jy)
        refused("cannot be converted", ba.Spectra, GRID, FLUX * u.s, ERROR * u.Jy)

    def test_fluxes_that_may_be(self):
        ba.Spectra(GRID, changed(FLUX, -9.0), 3.0)  # noise
        ba.Spectra(GRID, -99.0 + np.arange(10.0), 1.0)  # no gap to the others
        ba.Spectra(GRID, np.full(10, -99.0), 1.0)  # nothing to compare with
        ba.Spectra(GRID, changed(FLUX, 0.0), ERROR)

    def test_marks_are_found_in_any_block(self, monkeypatch):
        monkeypatch.setattr("bayes_astro.data.spectra_checks.BLOCK", 10)
        refused("row 2 is -999 at 4003", ba.Spectra, GRID, changed(FLUX, -999.0, 2), ERROR)
        refused("row 2 is 0.0 at 4003", ba.Spectra, GRID, FLUX, changed(ERROR, 0.0, 2))
        refused(
            "measured in row 2", ba.Spectra, GRID, np.where(np.eye(3)[2, :, None], NAN, FLUX), 1
        )


class TestFields:
    def test_gaps_are_nan_in_both(self):
        flux = np.ma.masked_array(changed(FLUX, NAN, 0, 0), np.arange(30).reshape(3, 10) == 7)
        error = changed(changed(ERROR, INF, 1, 2), NAN, 2, 4)
        one = ba.Spectra(GRID, flux, error)
        assert np.argwhere(one.missing).tolist() == [[0, 0], [0, 7], [1, 2], [2, 4]]
        assert np.array_equal(one.missing, np.isnan(one.error))
        assert repr(one) == "<Spectra unnamed: 3 of 10 pixels, 4000 to 4009 Angstrom, 13% missing>"

    def test_errors_in_every_form(self):
        for error in (0.1, ERROR[0], ERROR):
            assert np.array_equal(ba.Spectra(GRID, FLUX, error).error, ERROR)
        assert not ba.Spectra(GRID, FLUX, 0).error.any()
        unknown = ba.Spectra(GRID, changed(FLUX, NAN), changed(0 * ERROR, 0.1))
        assert np.nansum(unknown.error) == 0  # the only error is of a gap

    def test_nothing_is_written_to_what_was_given(self):
        flux, error = changed(FLUX, NAN), ERROR.copy()
        ba.Spectra(GRID, flux, error)
        assert np.array_equal(error, ERROR)
        ivar = changed(ERROR, 0.0)
        kept = FLUX.copy()
        ba.Spectra.from_ivar(GRID, kept, ivar)
        assert np.array_equal(ivar, changed(ERROR, 0.0))
        assert np.array_equal(kept, FLUX)

    def test_units(self):
        density = u.Unit("1e-17 erg / (s cm2 AA)")
        one = ba.Spectra(GRID * u.AA, FLUX * density, ERROR * density)
        assert u.Unit(one.unit) == density
        other = ba.Spectra(GRID * u.AA, FLUX * density, 1e-18 * u.Unit("erg / (s cm2 AA)"))
        np.testing.assert_allclose(other.error, 0.1, rtol=1e-12)
        watt = ba.Spectra(GRID, FLUX * density, ERROR * density, unit="W / (m2 nm)")
        np.testing.assert_allclose(watt.flux, FLUX * 1e-19, rtol=1e-12)
        np.testing.assert_allclose(watt.error, ERROR * 1e-19, rtol=1e-12)
        nm = ba.Spectra(GRID / 10 * u.nm, FLUX, ERROR)
        assert nm.wavelength_unit == "nm"
        assert nm.wavelength[0] == 400
        assert nm.select(4002 * u.AA, 4005 * u.AA).wavelength.size == 4

    def test_arrays_are_read_only_and_come_back(self):
        one = ba.Spectra(GRID, changed(FLUX, NAN), ERROR, **FULL)
        for array in (one.wavelength, one.flux, one.error, one.redshift, one.names, one.label):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = array[1]
        other = ba.Spectra.from_arrays(one.to_arrays(), json.loads(json.dumps(one.metadata())))
        assert other == one
        assert hash(other) == hash(one)
        assert pickle.loads(pickle.dumps(one)) == one  # noqa: S301
        assert one != one.replace(names=["a", "b", "d"])
        assert one != one.replace(error=0.2)
        refused("these are not the arrays", ba.Spectra.from_arrays, {"flux": FLUX}, {"a": 1})

    def test_rows(self):
        one = ba.Spectra(GRID, FLUX, ERROR, **FULL)
        last = one[[2, 0]]
        assert last.names.tolist() == ["c", "a"]
        assert last.label.tolist() == ["STAR", "QSO"]
        assert last.redshift.tolist() == [0.3, 0.1]
        assert np.array_equal(last.flux, FLUX[[2, 0]])
        assert one[1].n == len(one[1:2]) == 1
        assert one[~np.isnan(one.redshift)] == one[[0, 2]]
        assert one.classes == ("QSO", "STAR")
        assert one.shape == (3,)

    def test_table(self, tmp_path):
        one = ba.Spectra(GRID, changed(FLUX, NAN), ERROR, **FULL)
        table = one.to_table()
        assert isinstance(table, QTable)
        assert table["flux"].shape == (3, 10)
        assert table.meta == {"name": "three", "source": "paper"}
        again = {"names": "names", "redshift": "redshift", "label": "label", "name": "three"}
        assert ba.Spectra.read(table, **again, source="paper") == one
        table.write(tmp_path / "a.fits")
        read = ba.Spectra.read(tmp_path / "a.fits", **again, source="paper", unit=one.unit)
        assert np.array_equal(read.flux, one.flux, equal_nan=True)
        assert read.names.tolist() == ["a", "b", "c"]


class TestInverseVariances:
    def test_zero_is_a_gap_whatever_the_flux(self):
        flux, ivar = FLUX.copy(), np.full((3, 10), 4.0)
        flux[0, :4] = [NAN, INF, -9999.0, 1e300]
        ivar[0, :4], ivar[1, 1] = 0, NAN
        one = ba.Spectra.from_ivar(GRID, flux, ivar, **FULL)
        assert np.argwhere(one.missing).tolist() == [[0, 0], [0, 1], [0, 2], [0, 3], [1, 1]]
        assert one.error[~one.missing].tolist() == [0.5] * 25
        assert one.label[0] == "QSO"
        assert one.name == "three"

    @pytest.mark.parametrize(
        ("flux", "ivar", "message"),
        [
            (FLUX, changed(ERROR, -1.0), "ivar: row 1 is -1.0 at 4003; inverse variances are finite and >= 0"),
            (FLUX, changed(ERROR, INF), "ivar: row 1 is inf at 4003"),
            (changed(FLUX, NAN), ERROR, "flux: row 1 is nan at 4003; its inverse variance is > 0"),
            (changed(FLUX, INF), ERROR, "set ivar to 0 there"),
            (FLUX, 0.0, "nothing was measured in row 0"),
            (FLUX[:, :4], ERROR, "flux: has shape (3, 4)"),
            (FLUX, ERROR[:2], "ivar: has shape (2, 10)"),
        ],
    )  # fmt: skip
    def test_refusals(self, flux, ivar, message):
        refused(message, ba.Spectra.from_ivar, GRID, flux, ivar)

    def test_units(self):
        ivar = np.full((3, 10), 4.0) / u.Jy**2
        one = ba.Spectra.from_ivar(GRID, FLUX * u.Jy, ivar, unit="mJy")
        np.testing.assert_allclose(one.error, 500)
        plain = ba.Spectra.from_ivar(GRID, FLUX * u.Jy, ivar.value)
        np.testing.assert_allclose(plain.error, 0.5)


def sdss(path, names=str.lower, z=0.12, plate=True):
    loglam = (3.58 + 1e-4 * np.arange(20)).astype("f4")
    ivar = np.where(np.arange(20) < 2, 0, 4).astype("f4")
    bits = np.where(np.arange(20) == 5, 2**24, 1).astype("i4")
    columns = {
        "flux": np.arange(1, 21, dtype="f4"),
        "loglam": loglam,
        "ivar": ivar,
        "and_mask": bits,
    }
    coadd = fits.BinTableHDU(Table({names(k): v for k, v in columns.items()}), name="COADD")
    spall = fits.BinTableHDU(Table({"PLATE": [266], "Z": [z]}), name="SPECOBJ")
    fits.HDUList([fits.PrimaryHDU(), coadd, *([spall] if plate else [])]).writeto(path)
    return path


class TestFiles:
    def test_sdss(self, tmp_path):
        path = sdss(tmp_path / "spec-0266-51602-0013.fits")
        one = ba.Spectra.read(path, name="SDSS")
        assert one.names.tolist() == ["spec-0266-51602-0013"]
        assert one.redshift.tolist() == [0.12]
        assert one.missing.sum() == 2
        assert one.unit == "1e-17 erg / (Angstrom s cm2)"
        np.testing.assert_allclose(one.wavelength, 10 ** (3.58 + 1e-4 * np.arange(20)), rtol=1e-6)
        masked = ba.Spectra.read(str(path), mask=2**24, redshift=0.2, names=["it"])
        assert np.flatnonzero(masked.missing[0]).tolist() == [0, 1, 5]
        assert (masked.redshift[0], masked.names[0]) == (0.2, "it")
        packed = tmp_path / "spec-1.fits.gz"
        packed.write_bytes(gzip.compress(path.read_bytes()))
        assert np.array_equal(ba.Spectra.read(packed).flux, one.flux, equal_nan=True)
        upper = sdss(tmp_path / "upper.fits", str.upper, plate=False)
        both = ba.Spectra.read([path, upper])
        assert both.n == 2
        assert np.isnan(both.redshift[1])
        given = ba.Spectra.read([path, upper], redshift=[0.3, 0.4])
        assert given.redshift.tolist() == [0.3, 0.4]
        assert ba.Spectra.read([path, upper], redshift=0.3).redshift.tolist() == [0.3, 0.3]
        refused(
            "redshift: has shape (1,); expected (2,), one a file",
            ba.Spectra.read,
            [path, upper],
            redshift=[1],
        )

    def test_older_sdss(self, tmp_path):
        rows = np.ones((5, 12))
        rows[2, 3], rows[3, 4] = 0, 2**24
        image = fits.PrimaryHDU(rows)
        image.header.update(
            {"COEFF0": 3.58, "COEFF1": 1e-4, "Z": 0.2, "CRVAL1": 3.58, "CD1_1": 1e-4}
        )
        image.writeto(tmp_path / "spSpec-51602-0266-013.fit")
        one = ba.Spectra.read(tmp_path / "spSpec-51602-0266-013.fit", mask=2**24)
        assert np.flatnonzero(one.missing[0]).tolist() == [3, 4]
        assert one.redshift.tolist() == [0.2]
        np.testing.assert_allclose(one.wavelength, logarithmic(0, 12), rtol=1e-12)

    def test_images(self, tmp_path):
        image, error = (
            fits.PrimaryHDU(np.arange(1.0, 6.0)),
            fits.ImageHDU(np.full(5, 0.5), name="ERR"),
        )
        image.header.update({"CRVAL1": 500.0, "CDELT1": 2.0, "CRPIX1": 2.0, "CUNIT1": "nm"})
        path = tmp_path / "one.fits"
        fits.HDUList([image, error]).writeto(path)
        one = ba.Spectra.read(path, error="ERR")
        assert one.wavelength.tolist() == [498, 500, 502, 504, 506]
        assert one.wavelength_unit == "nm"
        assert one.error.tolist() == [[0.5] * 5]
        assert not ba.Spectra.read(path, error=0).error.any()
        refused("error=0 where they are not known", ba.Spectra.read, path)
        refused("there is no extension 'SIGMA'", ba.Spectra.read, path, error="SIGMA")
        image.header.update({"CRVAL1": 3.6, "CDELT1": 1e-4, "DC-FLAG": 1, "CRPIX1": 1})
        image.writeto(tmp_path / "log.fits")
        logs = ba.Spectra.read(tmp_path / "log.fits", error=0.1)
        np.testing.assert_allclose(logs.wavelength, logarithmic(0, 5, start=3.6), rtol=1e-12)
        whole = (tmp_path / "log.fits").read_bytes()
        (tmp_path / "cut.fits").write_bytes(
            whole.replace(b"= " + b"5".rjust(20), b"= " + b"500000".rjust(20))
        )
        refused(
            "is cut off, it declares 500000 pixels", ba.Spectra.read, tmp_path / "cut.fits", error=0
        )
        (tmp_path / "packed.fits").write_bytes(gzip.compress(whole))
        refused("is not a FITS file", ba.Spectra.read, tmp_path / "packed.fits", error=0)
        fits.PrimaryHDU(np.ones((4, 4))).writeto(tmp_path / "sky.fits")
        refused("no row of pixels with CRVAL1", ba.Spectra.read, tmp_path / "sky.fits", error=0)

    def test_npz(self, tmp_path):
        path = tmp_path / "many.npz"
        np.savez(
            path, wavelength=GRID, flux=FLUX, error=ERROR, name=["a", "b", "c"], z=[0.1, 0.2, 0.3]
        )
        one = ba.Spectra.read(path, names="name", redshift="z")
        assert one == ba.Spectra(GRID, FLUX, ERROR, [0.1, 0.2, 0.3], ["a", "b", "c"])
        np.savez(path, loglam=np.log10(GRID), flux=FLUX, ivar=np.full((3, 10), 100.0))
        logs = ba.Spectra.read(path)
        np.testing.assert_allclose(logs.wavelength, GRID, rtol=1e-12)
        np.testing.assert_allclose(logs.error, 0.1)
        np.savez(path, wavelength=GRID, flux=np.array([{}], dtype=object), error=ERROR)
        refused("'flux' cannot be read (Object arrays", ba.Spectra.read, path)
        path.write_bytes(b"junk")
        refused("cannot be read as .npz", ba.Spectra.read, path)
        refused("there is no such file", ba.Spectra.read, tmp_path / "none.npz")

    def test_tables(self, tmp_path):
        frame = pd.DataFrame({"lam": GRID, "f": FLUX[0], "s": ERROR[0]})
        columns = {"wavelength": "lam", "flux": "f", "error": "s"}
        wanted = ba.Spectra(GRID, FLUX[0], ERROR[0])
        assert ba.Spectra.read(frame, **columns) == wanted
        frame.to_csv(tmp_path / "star.csv", index=False)
        assert ba.Spectra.read(tmp_path / "star.csv", **columns) == wanted.replace(names=["star"])
        frame.to_csv(tmp_path / "star.dat", index=False, header=False, sep=" ")
        (tmp_path / "b.dat").write_text("# lam f s\n" + (tmp_path / "star.dat").read_text())
        assert ba.Spectra.read(tmp_path / "b.dat", **columns, names=["b"]).names[0] == "b"
        table = QTable({"wave": GRID / 10 * u.nm, "flux": FLUX[0] * u.Jy, "err": ERROR[0] * u.Jy})
        read = ba.Spectra.read(table)
        assert (read.wavelength_unit, read.unit) == ("nm", "Jy")
        assert ba.Spectra.read(table, unit="mJy").flux[0, 0] == 1000
        refused("errors: name their column, error= or ivar=, or error=0", ba.Spectra.read, frame[["lam", "f"]],
                wavelength="lam", flux="f")  # fmt: skip
        refused("wavelengths: name their column", ba.Spectra.read, frame, flux="f")
        refused("there is no column 'ff'", ba.Spectra.read, frame, **columns | {"flux": "ff"})
        refused("give one of the two", ba.Spectra.read, frame, **columns, ivar="s")
        refused("mask: there is no column 'and_mask'", ba.Spectra.read, frame, **columns, mask=1)
        refused("must be a sum of bits", ba.Spectra.read, frame, **columns, mask=-1)
        refused("is an empty list", ba.Spectra.read, [])
        frame.loc[2, "s"] = -1
        frame.to_csv(tmp_path / "bad.csv", index=False)
        refused(f"{tmp_path / 'bad.csv'}: error: row 0 is -1.0 at 4002", ba.Spectra.read, tmp_path / "bad.csv",
                **columns)  # fmt: skip

    @pytest.mark.parametrize("form", ["parquet", "h5", "vot", "ecsv", "dat"])
    def test_usual_names_beside_one_that_is_given(self, form, tmp_path):
        table = Table({"wave": GRID, "flux": FLUX[0], "ivar": np.full(10, 4.0), "lam": GRID + 1})
        table["and_mask"] = np.arange(10)
        how = {"dat": "ascii.commented_header", "vot": "votable", "h5": "hdf5"}
        path = tmp_path / f"a.{form}"
        table.write(path, format=how.get(form), **({"path": "spectrum"} if form == "h5" else {}))
        for given, first in ({}, 4000), ({"wavelength": "lam"}, 4001):
            one = ba.Spectra.read(path, mask=8, **given)
            assert one.wavelength[0] == first
            assert np.flatnonzero(one.missing).tolist() == [8, 9]

    def test_a_grid_a_row(self):
        table = Table(
            {"wave": [GRID, GRID + 1], "flux": FLUX[:2], "err": ERROR[:2], "z": [0.1, 0.2]}
        )
        one = ba.Spectra.read(table, redshift="z")
        assert len(one.wavelength) == 11
        assert one.redshift.tolist() == [0.1, 0.2]

    def test_real_files(self, shared_data):
        folder = shared_data / "g_spectra"
        galaxies = ba.Spectra.read(folder / "brown2014_optical_spectra.npz", error=0, names="name")
        assert galaxies.flux.shape == (129, 1701)
        assert galaxies.missing.mean() == pytest.approx(0.092, abs=1e-3)
        epochs = ba.Spectra.read(folder / "sdss_rm017_quasar_epochs.npz", redshift=[0.456] * 78)
        assert epochs.flux.shape == (78, 4506)
        vandels = ba.Spectra.read(folder / "VANDELS_CDFS_017433.fits")
        assert vandels.unit == "erg / (Angstrom s cm2)"
        assert vandels.wavelength[0] == pytest.approx(4801.25, abs=0.01)
        files = [folder / f"spec-{name}.csv.gz" for name in ("0266-51602-0013", "0266-51602-0107")]
        sdss = ba.Spectra.read(files, redshift=[0.12132, 0.12315])
        for row, file in enumerate(files):
            frame = pd.read_csv(file)
            good = frame.ivar > 0
            assert np.array_equal(sdss.flux[row, ~sdss.missing[row]], frame.flux[good])
        rest = sdss.to_rest_frame().normalized(5000, 5500)
        stacked = rest.flux.mean(axis=0)
        near = (rest.wavelength > 3930) & (rest.wavelength < 3938)  # Ca K
        beside = (rest.wavelength > 3900) & (rest.wavelength < 3925)
        assert np.nanmean(stacked[near]) < 0.9 * np.nanmean(stacked[beside])


class TestGather:
    def test_grids_offset_by_whole_pixels_are_joined_exactly(self):
        rng = np.random.default_rng(3)
        grids = [logarithmic(first, n) for first, n in ((5, 50), (0, 30), (40, 60))]
        grids[2] = 10 ** np.log10(grids[2]).astype("f4").astype(float)
        ones = [
            ba.Spectra(g, rng.normal(5, 1, (2, len(g))), rng.uniform(1, 2, (2, len(g))))
            for g in grids
        ]
        both = ba.Spectra.gather(ones)
        assert len(both.wavelength) == 100
        np.testing.assert_allclose(both.wavelength, logarithmic(0, 100), rtol=1e-6)
        for k, (first, n) in enumerate(((5, 50), (0, 30), (40, 60))):
            rows, pixels = slice(2 * k, 2 * k + 2), slice(first, first + n)
            assert np.array_equal(both.flux[rows, pixels], ones[k].flux)
            assert np.array_equal(both.error[rows, pixels], ones[k].error)
            assert both.missing[rows].sum() == 2 * (100 - n)

    def test_equal_grids_stay(self):
        one = ba.Spectra(GRID, FLUX, ERROR, **FULL)
        assert ba.Spectra.gather([one]) == one
        both = ba.Spectra.gather([one, one.replace(names=None, redshift=None, label=None)])
        assert np.array_equal(both.wavelength, GRID)
        assert both.names is None
        assert both.label.tolist() == ["QSO", None, "STAR", None, None, None]
        np.testing.assert_array_equal(both.redshift, [0.1, NAN, 0.3, NAN, NAN, NAN])
        assert (both.name, both.source, both.unit) == ("three", "paper", one.unit)
        titled = [ba.Spectra(GRID, FLUX[0], 0.1, name=name) for name in "xy"]
        assert ba.Spectra.gather(titled, name="pair").names.tolist() == ["x", "y"]

    def test_parts_of_an_uneven_grid(self):
        grid = np.array([1.0, 2.0, 4.0, 7.0, 11.0, 16.0])
        one = ba.Spectra(grid, np.arange(1.0, 7.0), 0.1)
        both = ba.Spectra.gather([one.select(high=7), one.select(low=4)])
        assert np.array_equal(both.wavelength, grid)
        assert np.array_equal(both.flux[1, 2:], one.flux[0, 2:])

    def test_others_are_interpolated(self):
        one = ba.Spectra(GRID, GRID / 1000, 0.3)
        other = ba.Spectra(GRID[::2] + 0.5, (GRID[::2] + 0.5) / 1000, 0.4)
        both = ba.Spectra.gather([one, other])
        np.testing.assert_allclose(np.diff(both.wavelength), 1.0)
        straight = np.where(both.missing, NAN, both.wavelength / 1000)
        np.testing.assert_allclose(both.flux, straight, rtol=1e-12)
        assert both.missing[0].sum() == 0
        a = 0.75
        assert both.error[1, 1] == pytest.approx(0.4 * np.hypot(a, 1 - a))

    def test_a_given_grid_and_its_unit(self):
        one = ba.Spectra(GRID, FLUX, ERROR)
        moved = ba.Spectra.gather([one], [400.05, 400.1] * u.nm)
        np.testing.assert_allclose(moved.flux[:, 0], FLUX[:, :2].mean(axis=1), rtol=1e-9)
        assert np.array_equal(moved.flux[:, 1], FLUX[:, 1])
        assert np.array_equal(moved.error[:, 1], ERROR[:, 1])
        refused("nothing was measured", ba.Spectra.gather, [one], [5000.0, 5001.0])
        refused("wavelengths increase", ba.Spectra.gather, [one], GRID[::-1])

    def test_units_are_converted(self):
        one = ba.Spectra(GRID, FLUX, ERROR, unit="Jy")
        nm = ba.Spectra(GRID / 10, 1000 * FLUX, 1000 * ERROR, unit="mJy", wavelength_unit="nm")
        both = ba.Spectra.gather([one, nm])
        assert len(both.wavelength) == 10
        np.testing.assert_allclose(both.flux[3:], FLUX, rtol=1e-12)
        np.testing.assert_allclose(both.error[3:], ERROR, rtol=1e-12)
        refused(
            "entry 1 has the unit '', the first 'Jy'",
            ba.Spectra.gather,
            [one, one.replace(unit="")],
        )

    def test_refusals(self):
        one = ba.Spectra(GRID, FLUX, ERROR)
        refused("entry 1 is ndarray", ba.Spectra.gather, [one, FLUX])
        refused("is an empty list", ba.Spectra.gather, [])
        wide = ba.Spectra([1.0, 5e6, 1e7], [1.0, 2.0, 3.0], 1.0)
        fine = ba.Spectra([1.5, 1.6, 1.7], [1.0, 2.0, 3.0], 1.0)
        refused("the common grid would have 1e+08 pixels", ba.Spectra.gather, [wide, fine])


class TestRestFrame:
    @pytest.mark.parametrize("grid", [np.linspace(4000, 9000, 4000), logarithmic(0, 3800)])
    def test_a_line_lands_where_it_should(self, grid):
        z = np.array([0.1, 0.2, 0.35])
        sigma, line = 20.0, 4861.3
        flux = 1 + 5 * np.exp(-0.5 * ((grid / (1 + z[:, None]) - line) / sigma) ** 2)
        rest = ba.Spectra(
            grid, flux, 0.1, z, **{k: FULL[k] for k in ("names", "label")}
        ).to_rest_frame()
        truth = 1 + 5 * np.exp(-0.5 * ((rest.wavelength - line) / sigma) ** 2)
        assert np.nanmax(np.abs(rest.flux - truth)) < 5 * 1.3**2 / (
            8 * sigma**2
        )  # of linear interpolation
        assert rest.names.tolist() == ["a", "b", "c"]
        assert not rest.redshift.any()
        steps = (
            np.diff(np.log(rest.wavelength)) if grid[1] - grid[0] < 1 else np.diff(rest.wavelength)
        )
        wanted = np.log(grid[1] / grid[0]) if grid[1] - grid[0] < 1 else grid[1] - grid[0]
        np.testing.assert_allclose(steps, wanted, rtol=1e-5)
        low, high = np.median(grid[0] / (1 + z)), np.median(grid[-1] / (1 + z))
        assert low <= rest.wavelength[0] < low * 1.001
        assert high * 0.999 < rest.wavelength[-1] <= high
        assert rest.to_rest_frame() == rest

    @pytest.mark.parametrize(
        "grid", [GRID, logarithmic(0, 10), np.array([1.0, 2, 4, 7, 11, 16, 17, 18, 19, 30])]
    )
    def test_redshift_zero_changes_no_bit(self, grid):
        one = ba.Spectra(grid, changed(FLUX, NAN), ERROR, redshift=np.zeros(3))
        assert one.to_rest_frame() == one
        assert one.to_rest_frame(grid) == one

    def test_errors_and_gaps(self):
        rng = np.random.default_rng(1)
        grid, sigma = np.arange(4000.0, 4020.0), rng.uniform(0.5, 2.0, 20)
        wanted = np.arange(3641.0, 3650.0, 1.3)
        flux = 10 + sigma * rng.standard_normal((4000, 20))
        rest = ba.Spectra(grid, flux, sigma, np.full(4000, 0.1)).to_rest_frame(wanted)
        ratio = rest.flux.std(axis=0) / rest.error[0]
        assert np.abs(ratio - 1).max() < 4 / np.sqrt(2 * 4000)
        flux[:, 7] = NAN
        gap = ba.Spectra(grid, flux[:1], sigma, [0.1]).to_rest_frame(wanted)
        touched = np.abs(wanted * 1.1 - 4007) < 1
        assert np.array_equal(gap.missing[0], touched)

    def test_refusals(self):
        one = ba.Spectra(GRID, FLUX, ERROR, redshift=[0.1, NAN, 0.2])
        refused("redshift: is not known in row 1; give redshift=", one.to_rest_frame)
        refused("not known in row 0 (3 such rows in all)", one.replace(redshift=None).to_rest_frame)
        known = one.replace(redshift=[0.1, 5.0, 0.1])
        refused("nothing was measured in row 1", known.to_rest_frame)
        apart = one.replace(redshift=[0.1, 1.0, 2.0])
        refused("no pixel is in half of the spectra", apart.to_rest_frame)


class TestScales:
    def test_log(self):
        one = ba.Spectra(GRID, FLUX, ERROR, **FULL).log()
        assert np.array_equal(one.flux, np.log(FLUX))
        assert np.array_equal(one.error, ERROR / FLUX)
        assert one.unit == ""
        faint = ba.Spectra(GRID, changed(FLUX, -0.1), ERROR)
        refused("flux: row 1 is -0.1 at 4003, which has no logarithm; asinh(softening)", faint.log)
        assert np.argwhere(faint.log(drop=True).missing).tolist() == [[1, 3]]
        refused("drop: 1 must be", faint.log, drop=1)

    def test_asinh_is_the_logarithm_of_bright_pixels_and_its_errors_are_right(self):
        rng = np.random.default_rng(2)
        one = ba.Spectra(GRID, 1e6 * FLUX, 1.0)
        np.testing.assert_allclose(one.asinh(1.0).flux, np.log(1e6 * FLUX), rtol=1e-12)
        for true in (-1.0, 0.0, 3.0, 30.0):
            noisy = ba.Spectra(GRID, true + 0.05 * rng.standard_normal((1000, 10)), 0.05).asinh(2.0)
            assert noisy.flux.std() == pytest.approx(np.median(noisy.error), rel=0.04)
        dim = ba.Spectra(GRID, FLUX - 1.5, ERROR)
        assert dim.asinh() == dim.asinh(0.1)
        unknown = ba.Spectra(GRID, FLUX, 0)
        assert unknown.asinh() == unknown.asinh(0.01 * np.median(FLUX))
        jy = ba.Spectra(GRID, FLUX, ERROR, unit="Jy")
        assert jy.asinh(1000 * u.mJy) == jy.asinh(1)
        refused("cannot be converted", jy.asinh, 1 * u.s)
        refused("give a flux > 0", ba.Spectra(GRID, -FLUX, 0).asinh)
        for bad in (0, -1.0, NAN, "1", True, [1.0]):
            refused("softening:", one.asinh, bad)

    def test_normalized(self):
        one = ba.Spectra(GRID, changed(FLUX, NAN), ERROR, **FULL)
        part = one.normalized(4002, 4005)
        np.testing.assert_allclose(np.nanmedian(part.flux[:, 2:6], axis=1), 1.0)
        np.testing.assert_allclose(part.error * one.flux, part.flux * one.error)
        assert part.unit == ""
        assert part == one.normalized(400.2 * u.nm, 400.5 * u.nm)
        np.testing.assert_allclose(np.nanmedian(one.normalized().flux, axis=1), 1.0)
        refused(
            "row 1 has the median -1.", ba.Spectra(GRID, FLUX * [[1], [-1], [1]], 0.1).normalized
        )
        lifted = np.full((2, 10), 1.0)
        lifted[:, :3] = -8.0
        refused("or a weighted mean", ba.Spectra(GRID, lifted, 0.1).normalized)
        refused("there is no pixel from 5000 to 6000", one.normalized, 5000, 6000)
        hole = np.where(GRID < 4005, FLUX, NAN)
        refused(
            "nothing was measured from 4006 to 4009 in row 0",
            ba.Spectra(GRID, hole, 1).normalized,
            4006,
        )

    def test_coarser(self):
        rng = np.random.default_rng(4)
        flux, error = rng.normal(5, 1, (3, 10)), rng.uniform(0.5, 2, (3, 10))
        flux[0, :3], flux[1, 4] = NAN, NAN
        new = ba.Spectra(GRID, flux, error).coarser(3)
        assert new.wavelength.tolist() == [4001, 4004, 4007]
        assert np.argwhere(new.missing).tolist() == [[0, 0]]
        for i, k in ((0, 1), (1, 1), (2, 0), (2, 2)):
            part = slice(3 * k, 3 * k + 3)
            there = ~np.isnan(flux[i, part])
            weight = error[i, part][there] ** -2
            mean = np.average(flux[i, part][there], weights=weight)
            assert new.flux[i, k] == pytest.approx(mean)
            assert new.error[i, k] == pytest.approx(weight.sum() ** -0.5)
        plain = ba.Spectra(GRID, flux, 0).coarser(3)
        assert plain.flux[1, 1] == pytest.approx(np.nanmean(flux[1, 3:6]))
        assert np.nansum(plain.error) == 0
        one = ba.Spectra(GRID, FLUX, ERROR)
        assert one.coarser(1) == one
        assert len(one.coarser(10).wavelength) == 1
        for bad in (0, 11, 2.0, True, None):
            refused("factor:", one.coarser, bad)

    def test_wide_ranges_of_numbers(self):
        for scale in (1e-30, 1e100):
            one = ba.Spectra(GRID, scale * FLUX, scale * ERROR)
            np.testing.assert_allclose(one.coarser(2).error, scale * 0.1 / np.sqrt(2))
            np.testing.assert_allclose(one.log().error, ERROR / FLUX)

    def test_select(self):
        one = ba.Spectra(GRID, FLUX, ERROR, **FULL)
        part = one.select(4002, 4005.5)
        assert part.wavelength.tolist() == [4002, 4003, 4004, 4005]
        assert np.array_equal(part.flux, FLUX[:, 2:6])
        assert one.select() == one
        assert len(one.select(high=4000).wavelength) == 1
        refused("there is no pixel from 4005 to 4001", one.select, 4005, 4001)
        refused("low: ", one.select, "blue")


class TestSpecutils:
    def spectrum(self, **changes):
        given = {"spectral_axis": GRID * u.AA, "flux": FLUX[0] * u.Jy, "mask": np.arange(10) == 4}
        return SimpleNamespace(**(given | {"uncertainty": self.uncertainty("std", 0.5)} | changes))

    def uncertainty(self, kind, value, unit=None):
        return SimpleNamespace(uncertainty_type=kind, array=np.full(10, value), unit=unit)

    def test_kinds_of_uncertainty(self):
        wanted = ba.Spectra(GRID, np.where(np.arange(10) == 4, NAN, FLUX[0]), 0.5, unit="Jy")
        for kind, value, unit in (("std", 0.5, None), ("std", 500.0, "mJy"), ("var", 0.25, u.Jy**2),
                                  ("ivar", 4.0, u.Jy**-2), ("ivar", 4.0, None)):  # fmt: skip
            spectrum = self.spectrum(uncertainty=self.uncertainty(kind, value, unit))
            one = ba.Spectra.from_specutils(spectrum)
            np.testing.assert_allclose(one.error, wanted.error)
            assert np.array_equal(one.flux, wanted.flux, equal_nan=True)
        refused("of type 'unknown'", ba.Spectra.from_specutils,
                self.spectrum(uncertainty=self.uncertainty("unknown", 1.0)))  # fmt: skip
        refused("error: row 0 is -1.0", ba.Spectra.from_specutils,
                self.spectrum(uncertainty=self.uncertainty("ivar", -4.0)))  # fmt: skip
        gone = self.uncertainty("ivar", 4.0)
        gone.array[3] = 0
        one = ba.Spectra.from_specutils(self.spectrum(uncertainty=gone))
        assert np.flatnonzero(one.missing).tolist() == [3, 4]

    def test_axes_redshifts_and_what_is_missing(self):
        energy = (GRID * u.AA).to(u.eV, equivalencies=u.spectral())
        one = ba.Spectra.from_specutils(
            self.spectrum(spectral_axis=energy[::-1], redshift=0.5 * u.one)
        )
        np.testing.assert_allclose(one.wavelength, GRID)
        assert one.flux[0, 0] == FLUX[0, -1]
        assert one.redshift.tolist() == [0.5]
        turned = ba.Spectra.from_specutils(self.spectrum(spectral_axis=energy))
        assert turned.flux[0, 0] == FLUX[0, 0]
        refused("error: give it", ba.Spectra.from_specutils, self.spectrum(uncertainty=None))
        assert ba.Spectra.from_specutils(self.spectrum(uncertainty=None), 0).error[0, 0] == 0
        refused("its flux is no Quantity", ba.Spectra.from_specutils, self.spectrum(flux=FLUX))
