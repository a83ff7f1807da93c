"""Spectra in files and tables: what SDSS and other archives write, FITS images, npz, named columns."""

import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bayes_astro.data.columns import DataError, floats, refuse, split_unit
from bayes_astro.data.compressed import decompressed
from bayes_astro.data.errors import errors, is_constant
from bayes_astro.data.files import MAX_BYTES, read_file
from bayes_astro.data.spectra_checks import from_inverse_variance
from bayes_astro.data.tables import names_of, read_table
from bayes_astro.names import nearest

__all__ = ["kth", "read_spectra", "stem"]

USUAL = {
    "wavelength": ("wavelength", "wave", "lambda"),
    "loglam": ("loglam",),
    "flux": ("flux",),
    "error": ("error", "err"),
    "ivar": ("ivar",),
}
BITS = "and_mask"
SDSS_UNIT = "1e-17 erg / (Angstrom s cm2)"


def read_spectra(
    x: Any,
    columns: dict[str, Any],
    mask: int | None,
    of_rows: dict[str, Any],
    unit: str | None,
) -> list[dict[str, Any]]:
    """Arguments of `Spectra`, of each grid of wavelengths that a file or table has.

    `columns` are names by field, None: the usual one, if it is there. `of_rows` are redshifts, names and
    labels, or the name of their column.
    """
    if mask is not None and (not isinstance(mask, int) or isinstance(mask, bool) or mask < 1):
        raise DataError(
            f"mask: {mask!r:.80} must be a sum of bits of {BITS!r}, such as 2**16 + 2**24"
        )
    if not isinstance(x, str | Path):
        return _arguments(x, columns, mask, of_rows, unit)
    path = Path(x)
    if not path.is_file():
        raise DataError(f"{path}: there is no such file; check the path (now in {Path.cwd()})")
    if path.suffix.lower() == ".npz":
        with _opened_npz(path) as table:
            return _arguments(table, columns, mask, of_rows, unit)
    own: dict[str, Any] = {}
    if any(name.lower().endswith((".fits", ".fit")) for name in (path.name, path.stem)):
        own = _beside_the_table(path, columns["error"])
    image, z = own.get("image"), own.get("redshift")
    if of_rows["redshift"] is None:
        of_rows = of_rows | {"redshift": z}
    source = path if image is None else image
    if image is not None:
        columns = columns | {"error": columns["error"] if is_constant(columns["error"]) else None}
    return _arguments(source, columns, mask, of_rows, unit or own.get("unit"))


def stem(path: Any) -> str:
    """The name of a file without its endings."""
    plain = Path(path)
    packed = plain.suffix.lower() == ".gz"
    return Path(plain.stem).stem if packed else plain.stem


def kth(given: Any, k: int, n: int, field: str) -> Any:
    """What belongs to one of n files: of a sequence its k-th entry, else the same for all."""
    if given is None or np.ndim(given) == 0:
        return given
    if np.ndim(given) != 1 or len(given) != n:
        raise DataError(f"{field}: has shape {np.shape(given)}; expected ({n},), one a file")
    return [given[k]]


def _arguments(
    x: Any,
    columns: dict[str, Any],
    mask: int | None,
    of_rows: dict[str, Any],
    unit: str | None,
) -> list[dict[str, Any]]:
    asked = _chosen(x, columns)
    error = asked.pop("error", None)
    if isinstance(error, str):
        asked["error"] = error
    if mask is not None:
        asked["mask"] = _of_bits(x)
    asked |= {field: name for field, name in of_rows.items() if isinstance(name, str)}
    found, _ = read_table(x, asked, ("names", "label"))
    given = {field: found.get(field, value) for field, value in of_rows.items()}
    given["names"] = _as_texts(given["names"])
    flux, flux_unit = split_unit(found["flux"], "flux", unit)
    flux = np.atleast_2d(floats(flux, "flux", (1, 2)))
    grid, own = _wavelengths(found, flux.shape)
    bad = np.zeros(flux.shape, bool) if mask is None else _bad(found["mask"], flux.shape, mask)
    flux[bad] = np.nan
    if "ivar" in found:
        plain, ivar_unit = split_unit(found["ivar"], "ivar", unit)
        ivar = np.atleast_2d(floats(plain, "ivar", (1, 2)))
        ivar = errors(ivar[0] if len(ivar) == 1 else ivar, flux.shape, "ivar")
        ivar[bad] = 0.0
        flux, error = from_inverse_variance(
            grid[0], _with(flux, flux_unit), _with(ivar, ivar_unit), unit
        )
    else:
        flux, error = _with(flux, flux_unit), found.get("error", error)
    common = {"unit": unit} if unit else {}
    if own:
        common["wavelength_unit"] = own
    if all(np.array_equal(grid[0], row) for row in grid[1:]):
        return [common | {"wavelength": grid[0], "flux": flux, "error": error} | given]
    one_each = np.shape(error) == np.shape(flux)
    return [
        common
        | {"wavelength": row, "flux": flux[i], "error": error[i] if one_each else error}
        | {field: None if value is None else value[i : i + 1] for field, value in given.items()}
        for i, row in enumerate(grid)
    ]


def _chosen(x: Any, columns: dict[str, Any]) -> dict[str, Any]:
    """Names of the columns by field: those asked for, or the usual ones."""
    explicit = [name for name in columns.values() if isinstance(name, str)]
    if isinstance(x, str | Path):
        # Text may have its names in a comment; others tell all of theirs if asked for one that is in no file.
        text = {".csv", ".tsv", ".txt", ".dat"} & {one.lower() for one in Path(x).suffixes[-2:]}
        x = read_file(Path(x), (explicit or ["flux"]) if text else [""], set())
    known = names_of(x)
    chosen: dict[str, Any] = {}
    for fields, what in ((("wavelength", "loglam"), "wavelengths"), (("flux",), "fluxes"),
                         (("error", "ivar"), "errors")):  # fmt: skip
        given = [field for field in fields if columns[field] is not None]
        if len(given) > 1:
            raise DataError(f"{', '.join(fields)}: give one of the two")
        usual = {field: name for field in fields if (name := _usual(known, USUAL[field]))}
        if given:
            chosen[given[0]] = columns[given[0]]
        elif usual:
            field = next(iter(usual))
            chosen[field] = usual[field]
        else:
            number = ", or error=0 where they are not known" if what == "errors" else ""
            raise DataError(
                f"{what}: name their column, {' or '.join(f'{field}=' for field in fields)}{number}. There "
                f"are {', '.join(map(repr, known[:20]))}."
            )
    return chosen


def _usual(known: list[str], names: tuple[str, ...]) -> str | None:
    return next((one for name in names for one in known if one.lower() == name), None)


def _of_bits(x: Any) -> str:
    known = names_of(read_file(Path(x), [BITS], set()) if isinstance(x, str | Path) else x)
    found = _usual(known, (BITS,))
    if found is None:
        raise DataError(f"mask: there is no column {BITS!r}.{nearest(BITS, known)}")
    return found


def _bad(column: Any, shape: tuple[int, ...], mask: int) -> np.ndarray:
    bits = np.atleast_2d(floats(column, BITS, (1, 2)))
    if bits.shape != shape or np.any((bits != np.rint(bits)) | (np.abs(bits) >= 2.0**53)):
        raise DataError(f"{BITS}: expected whole numbers, one for each flux {shape}")
    return (bits.astype(np.int64) & mask) != 0


def _wavelengths(found: Mapping[str, Any], shape: tuple[int, ...]) -> tuple[np.ndarray, str | None]:
    """One row for all spectra, or one for each; and their unit."""
    field = "loglam" if "loglam" in found else "wavelength"
    plain, unit = split_unit(found[field], field, "" if field == "loglam" else None)
    grid = np.atleast_2d(floats(plain, field, (1, 2)))
    if len(grid) not in (1, shape[0]) or grid.shape[1] != shape[1]:
        raise DataError(f"{field}: has shape {grid.shape}, flux {shape}; give one for each pixel")
    if field == "wavelength":
        return grid, unit
    refuse(~(np.abs(grid.ravel()) < 100), grid.ravel(), field, "give log10 of wavelengths")
    return 10.0**grid, None


def _with(array: np.ndarray, unit: str | None) -> Any:
    if unit is None:
        return array
    from astropy import units as u

    return u.Quantity(array, unit, copy=False)


def _as_texts(names: Any) -> Any:
    if names is None or isinstance(names, list | tuple):
        return names
    return [x.decode() if isinstance(x, bytes) else str(x) for x in np.atleast_1d(names)]


class _Members(Mapping[str, Any]):
    """Arrays of an npz file, each read when it is asked for."""

    def __init__(self, path: Path, file: Any):
        self.path, self.file = path, file

    def __getitem__(self, name: str) -> Any:
        try:
            return self.file[name]
        except Exception as error:  # damaged members raise anything
            reason = " ".join(str(error).split())[:200]
            raise DataError(f"{self.path}: {name!r} cannot be read ({reason})") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.file.files)

    def __len__(self) -> int:
        return len(self.file.files)


@contextmanager
def _opened_npz(path: Path) -> Iterator[_Members]:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        file = np.load(path, allow_pickle=False)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: cannot be read as .npz ({error}); is it damaged?") from None
    with file:
        if size > MAX_BYTES:
            raise DataError(
                f"{path}: holds {size / 1024**3:.3g} GiB; give the arrays that you need"
            )
        yield _Members(path, file)


def _beside_the_table(path: Path, error: Any) -> dict[str, Any]:
    """What a FITS file has beside its first table: SDSS's redshift and unit, or an image for a table."""
    if path.suffix.lower() == ".gz":
        with decompressed(path, MAX_BYTES) as inner:
            return _beside_the_table(inner, error)
    from astropy.io import fits

    if path.stat().st_size > MAX_BYTES:
        raise DataError(f"{path}: is larger than {MAX_BYTES / 1024**3:.3g} GiB; give arrays")
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of cards that are not standard
        if file.read(9) != b"SIMPLE  =":  # astropy would decompress whatever is compressed
            raise DataError(f"{path}: is not a FITS file, it does not begin with 'SIMPLE  ='")
        file.seek(0)
        try:
            with fits.open(file, memmap=True) as hdus:
                return _read_hdus(path, hdus, error)
        except DataError:
            raise
        except Exception as problem:  # damaged files raise anything
            reason = " ".join(str(problem).split())[:200]
            raise DataError(f"{path}: cannot be read as FITS ({reason}); is it damaged?") from None


def _read_hdus(path: Path, hdus: Any, error: Any) -> dict[str, Any]:
    from astropy.io import fits

    names = [hdu.name for hdu in hdus]
    if not any(isinstance(hdu, fits.BinTableHDU | fits.TableHDU) for hdu in hdus):
        return _image(path, hdus, error)
    found: dict[str, Any] = {"unit": SDSS_UNIT} if "COADD" in names else {}
    for name in ("SPECOBJ", "SPALL"):
        if name in names and "Z" in [column.upper() for column in hdus[name].columns.names]:
            found["redshift"] = np.array(hdus[name].data["Z"], dtype=float)[:1]
    return found


def _image(path: Path, hdus: Any, error: Any) -> dict[str, Any]:
    """A row of pixels whose wavelengths its header counts: a + b (k - c), or ten to that power."""
    from astropy.io import fits

    plain = [one for one in hdus if isinstance(one, fits.PrimaryHDU | fits.ImageHDU)]
    hdu = next((one for one in plain if one.header.get("NAXIS", 0) in (1, 2)), None)
    header = {} if hdu is None else hdu.header
    step = header.get("COEFF1", header.get("CD1_1", header.get("CDELT1")))
    start = header.get("COEFF0", header.get("CRVAL1"))
    dr7 = "COEFF0" in header
    if hdu is None or start is None or not step or (header["NAXIS"] == 2 and not dr7):
        raise DataError(
            f"{path}: holds no table and no row of pixels with CRVAL1 and CDELT1 (or CD1_1); read it with "
            "astropy and give wavelength, flux and error"
        )
    if header["NAXIS1"] > path.stat().st_size:
        raise DataError(f"{path}: is cut off, it declares {header['NAXIS1']} pixels")
    places = start + step * (
        np.arange(header["NAXIS1"]) + (0 if dr7 else 1 - header.get("CRPIX1", 1))
    )
    logs = dr7 or header.get("DC-FLAG", 0) == 1 or "LOG" in str(header.get("CTYPE1", "")).upper()
    data = np.asarray(hdu.data, dtype=float)
    image: dict[str, Any] = {"loglam" if logs else "wavelength": places}
    found: dict[str, Any] = {"image": image}
    if dr7 and data.ndim == 2 and len(data) > 3:  # spectrum, without continuum, error, mask
        image |= {"flux": data[0], "error": np.where(data[2] > 0, data[2], np.nan)}
        image[BITS] = data[3].astype(np.int64)
        return found | {"unit": SDSS_UNIT, "redshift": [header["Z"]] if "Z" in header else None}
    image["flux"] = data.ravel()
    if isinstance(error, str):
        if error not in hdus:
            raise DataError(f"{path}: error: there is no extension {error!r}")
        image["error"] = np.asarray(hdus[error].data, dtype=float).ravel()
    if not logs and str(header.get("CUNIT1", "")).strip():
        from astropy import units as u

        image["wavelength"] = u.Quantity(
            places, u.Unit(header["CUNIT1"].strip().replace("deg", ""))
        )
    return found
