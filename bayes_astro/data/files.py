"""Tables in files, bounded by what they declare; see `FORMATS`, each also compressed as .gz."""

import csv
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

from bayes_astro.data.columns import DataError
from bayes_astro.data.compressed import decompressed

__all__ = ["FORMATS", "MAX_BYTES", "read_file", "refuse_twins"]

# What a file may declare. A larger table is read by the caller, who knows which rows are needed.
MAX_BYTES = 2 * 1024**3


def read_file(path: Path, wanted: list[str], as_text: set[str]):
    """A table or data frame with at least the columns `wanted` that the file has.

    `as_text` are the columns that are not numbers. No format that is read here can run code.
    """
    packed = path.suffix.lower() == ".gz"
    suffix = (Path(path.stem) if packed else path).suffix.lower()
    reader = FORMATS.get(suffix)
    if reader is None:
        known = f"{', '.join(FORMATS)} (or one of these compressed, as .csv.gz)"
        raise DataError(f"{path}: {suffix or 'no suffix'!r} is not among {known}")
    try:
        size = path.stat().st_size if path.is_file() else None
    except (OSError, ValueError) as error:
        raise DataError(f"{str(path)!r}: cannot be opened ({error})") from None
    if size is None:
        raise DataError(f"{path}: there is no such file; check the path (now in {Path.cwd()})")
    if not size:
        raise DataError(f"{path}: the file is empty")
    _check_size(path, size)
    try:
        with warnings.catch_warnings():
            # A unit that cannot be read is an error later, if that column is wanted.
            warnings.simplefilter("ignore")
            if not packed:
                return reader(path, wanted, as_text)
            with decompressed(path, MAX_BYTES) as inner:
                return reader(inner, wanted, as_text)
    except DataError:
        raise
    except ModuleNotFoundError:
        raise
    except Exception as error:  # parsers raise anything on damaged files
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{path}: cannot be read as {suffix} ({reason}); is it damaged?") from error


def _check_size(path: Path, size: int) -> None:
    if size > MAX_BYTES:
        raise DataError(
            f"{path}: declares {size / 1024**3:.3g} GiB, more than {MAX_BYTES / 1024**3:.3g}; read the "
            "rows that you need with astropy or pandas and give that table"
        )


def _read_text(path: Path, wanted: list[str], as_text: set[str]):
    import pandas as pd

    with path.open("rb") as file:
        if b"\0" in file.read(65536):
            raise DataError(f"{path}: is not a text file, though its name ends in {path.suffix}")
    delimiter = {".csv": ",", ".tsv": "\t"}.get(path.suffix.lower(), " ")
    names, skip = _header(path, delimiter, wanted)
    warnings.simplefilter("error", pd.errors.ParserWarning)  # rows longer than the header
    refuse_twins(names, str(path))
    frame = pd.read_csv(
        path,
        sep=r"\s+" if delimiter == " " else delimiter,
        names=names,
        skiprows=skip,
        comment="#",
        index_col=False,
        skipinitialspace=True,
        float_precision="round_trip",
        dtype=dict.fromkeys(as_text & set(names), str),
        encoding="utf-8-sig",
        compression=None,
        low_memory=False,
        on_bad_lines="error",
    )
    for name in set(wanted) & set(names) - as_text:
        if not pd.api.types.is_numeric_dtype(frame[name]):
            numbers = pd.to_numeric(frame[name], errors="coerce")
            rows = np.flatnonzero(numbers.isna() & frame[name].notna())
            if rows.size:
                raise DataError(
                    f"{path}: column {name!r}, row {rows[0]} is not a number "
                    f"({str(frame[name].iloc[rows[0]])[:40]!r}; {rows.size} such rows in all); "
                    "correct it or drop that row"
                )
            frame[name] = numbers
    return frame


def _header(path: Path, delimiter: str, wanted: list[str]) -> tuple[list[str], int]:
    """Names of the columns, and how many lines stand above the first row."""
    comment: list[str] = []
    with path.open(encoding="utf-8-sig", newline=None) as file:
        for number, line in enumerate(file):
            names = _split(line.lstrip("# "), delimiter)
            if line.lstrip().startswith("#"):
                comment = names
            elif names:
                # In many catalogues the header is a comment, now and then with names to spare.
                commented = len(comment) >= len(names) and set(wanted) <= set(comment)
                if commented and not set(wanted) <= set(names):
                    return comment, number
                if not all(_is_number(name) for name in names):
                    return names, number + 1
                break
    raise DataError(
        f"{path}: has no line with the names of the columns; put one above the first row"
    )


def _split(line: str, delimiter: str) -> list[str]:
    if delimiter == " ":
        line = " ".join(line.split())
    cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    return [cell.strip() for cell in cells]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _read_ecsv(path: Path, wanted: list[str], as_text: set[str]):
    from astropy.table import Table

    with path.open("rb") as file:  # astropy would decompress whatever is compressed
        if not file.read(7).startswith(b"# %ECSV"):
            raise DataError(f"{path}: is not an ECSV file, its first line is not '# %ECSV ...'")
    return Table.read(path, format="ascii.ecsv")


def _read_fits(path: Path, wanted: list[str], as_text: set[str]):
    from astropy.io import fits
    from astropy.table import Table

    with path.open("rb") as file:
        if file.read(9) != b"SIMPLE  =":
            raise DataError(f"{path}: is not a FITS file, it does not begin with 'SIMPLE  ='")
    with fits.open(path, memmap=True, lazy_load_hdus=True) as hdus:
        for number, hdu in enumerate(hdus):  # noqa: B007  read below
            if isinstance(hdu, fits.BinTableHDU | fits.TableHDU):
                break
        else:
            raise DataError(f"{path}: holds no table, only images")
        header = hdu.header
        rows, width = header["NAXIS2"], header["NAXIS1"]
        _check_size(path, rows * max(width, 8) + header.get("PCOUNT", 0))
        if rows * width > path.stat().st_size:
            raise DataError(f"{path}: is cut off, its table declares {rows} rows of {width} bytes")
        for column in hdu.columns:
            if str(column.format).lstrip("01")[:1] in ("P", "Q"):
                raise DataError(
                    f"{path}: column {column.name!r} has rows of unequal length; read it with astropy "
                    "and give the columns that you need"
                )
        return Table.read(hdus, hdu=number, format="fits")


def _read_parquet(path: Path, wanted: list[str], as_text: set[str]):
    try:
        from pyarrow import parquet
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"{path}: reading parquet needs pyarrow: pip install 'bayes-astro[parquet]'"
        ) from None

    with parquet.ParquetFile(path) as file:
        known = dict.fromkeys(file.schema_arrow.names)
        present = [name for name in wanted if name in known]
        if len(present) < len(wanted):  # the caller's message names what is missing
            return known
        meta = file.metadata
        groups = sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
        _check_size(path, max(groups, 8 * meta.num_rows * len(present)))
        table = file.read(columns=present)
        table.validate(full=True)  # texts that are not UTF-8 would pass until they are used
        return table.to_pandas(ignore_metadata=True)


def _read_votable(path: Path, wanted: list[str], as_text: set[str]):
    from bayes_astro.data.votable import read_votable

    return read_votable(path, MAX_BYTES)


def _read_hdf5(path: Path, wanted: list[str], as_text: set[str]):
    from bayes_astro.data.hdf5 import read_hdf5

    return read_hdf5(path, wanted, MAX_BYTES)


def refuse_twins(names: list[str], where: str) -> None:
    """Raise where two columns have the same name."""
    twins = [name for name, count in Counter(names).items() if count > 1]
    if twins:
        raise DataError(f"{where} has more than one column {twins[0]!r}; rename one of them")


FORMATS = {
    **dict.fromkeys((".csv", ".tsv", ".txt", ".dat"), _read_text),
    ".ecsv": _read_ecsv,
    **dict.fromkeys((".fits", ".fit"), _read_fits),
    **dict.fromkeys((".vot", ".votable", ".xml"), _read_votable),
    **dict.fromkeys((".hdf5", ".h5"), _read_hdf5),
    ".parquet": _read_parquet,
}
"""Readers by suffix; none of them can run code."""
