"""Densities of redshift in files, and for other tools: parquet, and the ensembles of qp.

What is passed around is what ``pdf`` of every photo-z model returns, an `xarray.DataArray` (row,
z). Its coordinates along ``row``, identifiers or classes, go with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.data.columns import DataError
from bayes_astro.data.files import MAX_BYTES

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["from_qp", "read_densities", "to_qp", "write_densities"]

COLUMN = "density"
KEY = b"bayes_astro"
MOST_POINTS = 100_000


def write_densities(path: Any, densities: Any) -> None:
    """Write densities to a parquet file: a list of numbers for each object, and its coordinates.

    Parameters
    ----------
    path : str or Path
        Replaced whole, when all is written.
    densities : xarray.DataArray, or an iterable of such
        (row, z). Parts on one grid are written as they come, so that a catalogue of any length
        needs the memory of one part. Cast to float32 to halve the file.

    Raises
    ------
    ValueError
        For parts that do not fit together.
    ModuleNotFoundError
        Without pyarrow: ``pip install "bayes-astro[parquet]"``.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import bayes_astro as ba
    >>> galaxies = ba.load("sdss-galaxies")
    >>> model = ba.baselines.NearestNeighbours().fit(galaxies[:300])
    >>> p = model.pdf(galaxies[300:302], np.linspace(0, 0.5, 51))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "pz.parquet"
    ...     ba.exchange.write_densities(path, p.assign_coords(id=("row", [7, 9])))
    ...     ba.exchange.read_densities(path)["id"].values
    array([7, 9])
    """
    import xarray as xr

    from bayes_astro.storage import write_atomically

    parts = iter([densities] if isinstance(densities, xr.DataArray) else _iterable(densities))
    first = next(parts, None)
    if first is None:
        raise DataError("densities: there are none; give at least one part")
    pyarrow, parquet = _pyarrow(path)
    z = _grid(first)
    meta = {KEY: json.dumps({"z": z.tolist(), "column": COLUMN}).encode()}
    schema = _table(pyarrow, first, z).schema.with_metadata(meta)

    def write(temporary: str) -> None:
        with parquet.ParquetWriter(temporary, schema) as file:
            part = first
            while part is not None:
                if not np.array_equal(_grid(part), z):
                    raise DataError("densities: the parts have different grids of z; use one")
                table = _table(pyarrow, part, z)
                if not table.schema.equals(schema):
                    raise DataError(
                        f"densities: a part has the columns {table.schema.names} with other types "
                        f"than the first, {schema.names}"
                    )
                file.write_table(table.replace_schema_metadata(meta))
                part = next(parts, None)

    write_atomically(path, write)


def read_densities(path: Any) -> xr.DataArray:
    """Read what `write_densities` wrote.

    Parameters
    ----------
    path : str or Path
        A parquet file.

    Returns
    -------
    xarray.DataArray
        (row, z), with its coordinates along ``row``.

    Raises
    ------
    ValueError
        For files that hold something else, are damaged, or declare more than 2 GiB.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import xarray as xr
    >>> import bayes_astro as ba
    >>> flat = xr.DataArray([[1.0, 1.0]], {"z": [0.0, 1.0]}, ("row", "z"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ba.exchange.write_densities(Path(folder) / "flat.parquet", flat)
    ...     ba.exchange.read_densities(Path(folder) / "flat.parquet").values
    array([[1., 1.]])
    """
    import xarray as xr

    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: there is no such file; check the path (now in {Path.cwd()})")
    pyarrow, parquet = _pyarrow(path)
    try:
        with parquet.ParquetFile(path) as file:
            plain = json.loads((file.schema_arrow.metadata or {})[KEY])
            z = np.array(plain["z"], dtype=float)
            size = 8 * len(z) * file.metadata.num_rows
            if not 2 <= len(z) <= MOST_POINTS or size > MAX_BYTES:
                raise DataError(
                    f"{path}: {file.metadata.num_rows} densities of {len(z)} points, more than "
                    f"{MAX_BYTES / 1024**3:.3g} GiB; read it in parts with pyarrow"
                )
            table = file.read()
        table.validate(full=True)
        values = table.column(COLUMN).combine_chunks().flatten().to_numpy(zero_copy_only=False)
        values = values.reshape(table.num_rows, len(z))
        others = {
            name: ("row", table.column(name).to_pandas().to_numpy())
            for name in table.schema.names
            if name != COLUMN
        }
    except DataError:
        raise
    except (KeyError, TypeError, ValueError, OSError, pyarrow.ArrowException) as error:
        lacking = isinstance(error, KeyError | TypeError)
        reason = "it has no grid of z" if lacking else " ".join(str(error).split())[:200]
        raise DataError(
            f"{path}: is no file of densities ({reason}); write it with "
            "ba.exchange.write_densities, or it is damaged"
        ) from None
    found = xr.DataArray(values, {"z": z, **others}, ("row", "z"), name=COLUMN)
    _grid(found)
    return found


def to_qp(densities: xr.DataArray) -> Any:
    """Make a qp ensemble of interpolated densities.

    qp scales every density to an integral of one over the grid, so begin it at z = -0.01 where
    there are near galaxies.

    Parameters
    ----------
    densities : xarray.DataArray
        (row, z); coordinates along ``row`` become the ensemble's ancil.

    Returns
    -------
    qp.Ensemble
        Of the class ``interp``.

    Raises
    ------
    ModuleNotFoundError
        Without qp: ``pip install "bayes-astro[qp]"``.

    Examples
    --------
    >>> import xarray as xr
    >>> import bayes_astro as ba
    >>> triangle = xr.DataArray([[0.0, 1.0, 0.0]], {"z": [0.0, 1.0, 2.0]}, ("row", "z"))
    >>> ba.exchange.to_qp(triangle).shape
    (1, 3)
    """
    qp = _qp()
    z = _grid(densities)
    ancil = {name: c.values for name, c in densities.coords.items() if c.dims == ("row",)}
    values = densities.transpose("row", "z").values
    return qp.Ensemble(qp.interp, data={"xvals": z, "yvals": values}, ancil=ancil or None)


def from_qp(ensemble: Any, z: Any) -> xr.DataArray:
    """Densities of a qp ensemble of any representation on a grid of redshifts.

    Parameters
    ----------
    ensemble : qp.Ensemble
        Its ancil becomes coordinates along ``row``.
    z : array_like, shape (g,)
        Increasing redshifts.

    Returns
    -------
    xarray.DataArray
        (row, z), per unit of redshift.

    Examples
    --------
    >>> import xarray as xr
    >>> import bayes_astro as ba
    >>> triangle = xr.DataArray([[0.0, 1.0, 0.0]], {"z": [0.0, 1.0, 2.0]}, ("row", "z"))
    >>> ensemble = ba.exchange.to_qp(triangle)
    >>> ba.exchange.from_qp(ensemble, [0.0, 0.5, 1.0]).values.round(2)
    array([[0. , 0.5, 1. ]])
    """
    import xarray as xr

    z = np.asarray(z, dtype=float)
    if not hasattr(ensemble, "pdf") or not hasattr(ensemble, "npdf"):
        raise DataError(f"expected a qp.Ensemble, got {type(ensemble).__name__}; see qp.read")
    values = np.asarray(ensemble.pdf(z), dtype=float).reshape(ensemble.npdf, len(z))
    ancil = {name: ("row", np.asarray(column)) for name, column in (ensemble.ancil or {}).items()}
    found = xr.DataArray(values, {"z": z, **ancil}, ("row", "z"), name=COLUMN)
    _grid(found)
    return found


def _iterable(densities: Any) -> Iterable[Any]:
    if not isinstance(densities, Iterable) or isinstance(densities, np.ndarray):
        raise DataError(
            f"densities: expected what pdf returns, or an iterable of such, got "
            f"{type(densities).__name__}"
        )
    return densities


def _grid(densities: Any) -> np.ndarray:
    """The redshifts of densities (row, z), checked."""
    if set(getattr(densities, "dims", ())) != {"row", "z"} or "z" not in densities.coords:
        raise DataError("densities: expected an xarray.DataArray (row, z), as pdf returns it")
    z = np.asarray(densities["z"].values, dtype=float)
    if len(z) < 2 or not np.isfinite(z).all() or (np.diff(z) <= 0).any():
        raise DataError("densities: z must be two or more finite, increasing redshifts")
    values = densities.transpose("row", "z").values
    bad = ~(np.isfinite(values) & (values >= 0)).all(axis=1)
    if bad.any():
        raise DataError(
            f"densities: row {int(np.argmax(bad))} is negative or not finite; drop such rows"
        )
    return z


def _table(pyarrow: Any, densities: xr.DataArray, z: np.ndarray) -> Any:
    """Densities and coordinates as a table of pyarrow."""
    values = np.ascontiguousarray(densities.transpose("row", "z").values)
    flat = pyarrow.array(values.ravel())
    columns = {COLUMN: pyarrow.FixedSizeListArray.from_arrays(flat, len(z))}
    for name, coordinate in densities.coords.items():
        if coordinate.dims == ("row",):
            columns[str(name)] = pyarrow.array(coordinate.values.tolist())
    return pyarrow.table(columns)


def _pyarrow(path: Any) -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"{path}: parquet needs pyarrow: pip install 'bayes-astro[parquet]'"
        ) from None
    return pyarrow, parquet


def _qp() -> Any:
    try:
        import qp
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "ensembles need qp: pip install 'bayes-astro[qp]' (the package qp-prob)"
        ) from None
    return qp
