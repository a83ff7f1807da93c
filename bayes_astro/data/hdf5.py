"""Tables in HDF5 files, as astropy and h5py write them; what pandas writes holds pickles and is refused."""

from pathlib import Path
from typing import Any

from bayes_astro.data.columns import DataError

__all__ = ["read_hdf5"]


def read_hdf5(path: Path, wanted: list[str], most: int):
    """The only table of a file; or the columns `wanted`, each a data set of one group."""
    import h5py

    with path.open("rb") as opened:
        if opened.read(8) != b"\x89HDF\r\n\x1a\n":
            raise DataError(f"{path}: is not an HDF5 file, it does not begin with its signature")
    tables: dict[str, Any] = {}
    groups: dict[str, dict[str, Any]] = {}

    with h5py.File(path, "r") as file:

        def visit(name: str, one: Any) -> None:
            if not isinstance(one, h5py.Dataset) or one.ndim != 1:
                return
            group, _, own = name.rpartition("/")
            if one.dtype.names and not own.endswith(".__table_column_meta__"):
                tables[name] = one
            elif not one.dtype.names:
                groups.setdefault(group, {})[own] = one

        file.visititems(visit)  # follows no link to another file
        whole = [group for group in groups.values() if set(wanted) <= set(group)]
        if len(tables) == 1:
            ((name, one),) = tables.items()
            _check(path, one, most)
            return _table(path, file, name)
        if len(whole) == 1 and not tables:
            for name in wanted:
                _check(path, whole[0][name], most)
            return {name: whole[0][name][:] for name in wanted}
        listed = ", ".join([*tables, *(group or "/" for group in groups)][:20]) or "none"
        raise DataError(
            f"{path}: holds {len(tables)} tables, and {len(whole)} groups with the columns "
            f"{', '.join(wanted)} (there are: {listed}); read one with "
            "astropy.table.Table.read(file, path=...) and give that table"
        )


def _table(path: Path, file: Any, name: str):
    from astropy.table import Table

    return Table.read(file, path=name, format="hdf5", character_as_bytes=False)


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
