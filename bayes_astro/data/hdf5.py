"""Tables in HDF5 files, as astropy and h5py write them; what pandas writes holds pickles and is refused.

A damaged file can end the process in which the HDF5 library reads it: that is another one, which hands
the columns over as FITS.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bayes_astro.data.columns import DataError

__all__ = ["read_hdf5"]

CHILD = "from bayes_astro.data import hdf5; hdf5._hand_over()"
PATIENCE = 600  # seconds


def read_hdf5(path: Path, wanted: list[str], most: int):
    """The only table of a file; or the columns `wanted`, each a data set of one group."""
    with path.open("rb") as opened:
        if opened.read(8) != b"\x89HDF\r\n\x1a\n":
            raise DataError(f"{path}: is not an HDF5 file, it does not begin with its signature")
    if not sys.executable:
        raise DataError(f"{path}: HDF5 is read by a Python of its own, and there is none here")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        out = Path(folder) / "columns.fits"
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(path), str(out), str(most), *wanted],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        if done.returncode == 2:
            raise DataError(done.stdout)
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["the library that reads it crashed"]
            raise DataError(f"{path}: cannot be read as HDF5 ({lines[-1][:200]}); is it damaged?")
        from astropy.table import Table

        return Table.read(out, format="fits", memmap=False)


def _hand_over() -> None:
    """In the other process: columns of the file into another one."""
    import warnings

    path, out, most, *wanted = sys.argv[1:]
    warnings.simplefilter("ignore")
    try:
        found = _found(Path(path), wanted, int(most))
    except DataError as problem:
        print(problem, end="")
        sys.exit(2)
    found.write(out, format="fits")


def _found(path: Path, wanted: list[str], most: int):
    import h5py
    from astropy.table import Table

    tables: dict[str, Any] = {}
    groups: dict[str, dict[str, Any]] = {}

    def visit(name: str, one: Any) -> None:
        group, _, own = name.rpartition("/")
        if not isinstance(one, h5py.Dataset) or own.endswith(".__table_column_meta__"):
            return
        if one.dtype.names:
            tables[name] = one
        else:
            groups.setdefault(group, {})[own] = one

    with h5py.File(path, "r") as file:
        file.visititems(visit)  # follows no link to another file
        whole = [group for group in groups.values() if set(wanted) <= set(group)]
        if len(tables) == 1:
            ((name, one),) = tables.items()
            _check(path, one, most)
            return Table.read(file, path=name, format="hdf5", character_as_bytes=False)
        if len(whole) == 1 and not tables:
            for name in wanted:
                _check(path, whole[0][name], most)
            return Table({name: whole[0][name][...] for name in wanted})
    listed = ", ".join([*tables, *(group or "/" for group in groups)][:20]) or "none"
    raise DataError(
        f"{path}: holds {len(tables)} tables, and {len(whole)} groups with the columns "
        f"{', '.join(wanted)} (there are: {listed}); read one with "
        "astropy.table.Table.read(file, path=...) and give that table"
    )


def _check(path: Path, one: Any, most: int) -> None:
    if one.external or one.is_virtual:
        raise DataError(f"{path}: keeps {one.name!r} in another file; give that one")
    if one.dtype.hasobject:
        raise DataError(
            f"{path}: {one.name!r} has entries of unequal length; leave such columns out"
        )
    if one.size * max(one.dtype.itemsize, 8) > most:
        raise DataError(
            f"{path}: declares {one.size} rows, more than {most / 1024**3:.3g} GiB; read the rows that "
            "you need with astropy and give that table"
        )
