"""Fitted trees in files: one writer that cannot lose what was there, one reader that trusts nothing.

A file is netCDF-4 (HDF5). The writer makes a temporary file beside the target, syncs and renames
it, so a kill at any moment leaves the old file or the new one. The reader adds up what the file
declares before it reads any of it, follows no link out of the file, and rebuilds only classes of
this package from plain JSON.
"""

from __future__ import annotations

import json
import os
import platform
import tempfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.priors import Prior

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["MAX_BYTES", "open_fit", "save", "write_atomically"]

MAX_BYTES = 4 * 2**30
FORMAT = 1
_PACKAGES = ("bayes-astro", "numpy", "scipy", "pymc", "pytensor", "nutpie", "emcee", "xarray")


def encode(value: Any) -> Any:
    """Plain JSON for a constructor parameter; tuples, priors and quantities come back as such."""
    if isinstance(value, Prior):
        return {"prior": value.to_dict()}
    if isinstance(value, dict):
        return {"dict": {str(key): encode(item) for key, item in value.items()}}
    if isinstance(value, tuple):
        return {"tuple": [encode(item) for item in value]}
    if isinstance(value, list):
        return [encode(item) for item in value]
    if hasattr(value, "unit"):
        return {"quantity": [np.asarray(value.value).tolist(), value.unit.to_string("vounit")]}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return {"array": value.tolist()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(
        f"A {type(value).__name__} cannot be stored with a fit; use numbers, text, tuples, "
        "ba.Prior or Quantities as parameters."
    )


def decode(value: Any) -> Any:
    """The inverse of `encode`."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "prior":
        return Prior.from_dict(content)
    if kind == "dict":
        return {key: decode(item) for key, item in content.items()}
    if kind == "tuple":
        return tuple(decode(item) for item in content)
    if kind == "array":
        return np.asarray(content)
    if kind == "quantity":
        from astropy import units

        return units.Quantity(content[0], content[1])
    raise ValueError(f"Unknown kind of stored value {kind!r}.")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that a fit may depend on."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def write_data(tree: xr.DataTree, data: Any, observed: np.ndarray) -> None:
    """Put the container's arrays into the tree's groups."""
    import xarray as xr

    constant = {
        name: (["row" if axis == 0 else f"{name}_{axis}" for axis in range(np.ndim(array))], array)
        for name, array in data.to_arrays().items()
    }
    tree["observed_data"] = xr.DataTree(xr.Dataset({"observation": ("row", observed)}))
    tree["constant_data"] = xr.DataTree(xr.Dataset(constant))


def read_data(tree: xr.DataTree) -> Any:
    """Rebuild the container bit for bit."""
    import bayes_astro

    record = read_record(tree)
    name = record["container"]
    if name not in bayes_astro.CONTAINERS:
        raise ValueError(f"unknown data container {name!r}")
    container = bayes_astro.load_public(bayes_astro.CONTAINERS[name], name)
    arrays = {name: array.values for name, array in tree["constant_data"].data_vars.items()}
    return container.from_arrays(arrays, record["data"])


def write_record(tree: xr.DataTree, estimator: Any, data: Any, seed: int, **how: Any) -> None:
    """Store how the fit was made as JSON in the root's attributes."""
    sampler = how.pop("sampler", None)
    record = {
        "format": FORMAT,
        "versions": versions(),
        "task": type(estimator).__name__,
        "parameters": encode(estimator.get_params(deep=False)),
        "priors": {name: prior.to_dict() for name, prior in how.pop("priors", {}).items()},
        "sampler": None
        if sampler is None
        else {"name": type(sampler).__name__, "settings": encode(vars(sampler))},
        "seed": seed,
        "container": type(data).__name__,
        "data": data.metadata(),
        **how,
    }
    tree.attrs["bayes_astro"] = json.dumps(record)


def read_record(tree: xr.DataTree) -> dict[str, Any]:
    """The inverse of `write_record`."""
    return json.loads(tree.attrs["bayes_astro"])


def write_atomically(path: Any, write: Any) -> None:
    """Call ``write(temporary_path)``, sync what it wrote and rename it to `path`.

    A process killed at any moment leaves the file that was there, or the new one, whole.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise ValueError(f"Folder {str(path.parent)!r} does not exist: make it first.")
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    try:
        write(temporary)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        # mkstemp makes files that only their owner can read; a result is an ordinary file.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def save(tree: xr.DataTree, path: Any) -> None:
    """Write a fitted tree to a netCDF-4 file."""
    write_atomically(path, lambda temporary: tree.to_netcdf(temporary, engine="h5netcdf"))


def open_fit(path: Any, *, max_bytes: int = MAX_BYTES) -> Any:
    """Open a saved fit: the model or baseline as it was, ready to predict.

    Parameters
    ----------
    path : str or path-like
        A file written by ``save``.
    max_bytes : int
        Refuse a file that declares more than this many bytes of arrays (4 GiB).

    Raises
    ------
    ValueError
        For a file that is missing, cut short, too large, not made by this package, or that asks
        for anything but plain arrays. Nothing in the file is ever run.
    """
    import xarray as xr

    path = Path(path)
    if not path.is_file():
        raise ValueError(f"There is no file {str(path)!r}.")
    _check_declared(path, max_bytes)
    try:
        with xr.open_datatree(
            path, engine="h5netcdf", decode_times=False, decode_timedelta=False
        ) as file:
            tree = file.load()
            record = read_record(tree)
        estimator = _rebuild(record)
        estimator._tree = tree
        if tree["posterior"].sizes["draw"] < 1:
            raise ValueError("no draws")
        estimator.data  # noqa: B018  a container that does not validate is found here
    except (KeyError, TypeError, ValueError, OSError, RuntimeError, RecursionError) as error:
        raise ValueError(
            f"{str(path)!r} is not a complete fit saved by bayes_astro ({error}). "
            "Fit and save it again."
        ) from error
    return estimator


def _rebuild(record: dict[str, Any]) -> Any:
    import bayes_astro

    if record["format"] != FORMAT:
        raise ValueError(f"written in format {record['format']}; this version reads {FORMAT}")
    name = record["task"]
    known = {**bayes_astro.TASKS, **bayes_astro.BASELINES}
    if name not in known:
        raise ValueError(f"unknown task {name!r}")
    return bayes_astro.load_public(known[name], name)(**decode(record["parameters"]))


def _check_declared(path: Path, max_bytes: int) -> None:
    """Add up what the file declares and refuse what is too large or points out of the file."""
    import h5py

    def refuse(why: str) -> None:
        raise ValueError(f"{str(path)!r} is refused: {why}.")

    total, seen = 0, set()
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ValueError(
            f"{str(path)!r} is cut short or is not a netCDF-4 file ({error})."
        ) from error
    with file:
        groups = [file["/"]]
        try:
            while groups:
                group = groups.pop()
                for name in group:
                    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                        refuse(f"{name!r} is a link to somewhere else")
                    item = group[name]
                    address = h5py.h5o.get_info(item.id).addr
                    if address in seen:
                        continue
                    seen.add(address)
                    if len(seen) > 100_000:
                        refuse("it holds more than 100,000 objects")
                    if isinstance(item, h5py.Group):
                        groups.append(item)
                    elif isinstance(item, h5py.Dataset):
                        if item.is_virtual or item.external:
                            refuse(f"{name!r} takes its values from another file")
                        total += _declared_bytes(item)
                    for attribute in item.attrs:
                        kind = item.attrs.get_id(attribute)
                        total += int(np.prod(kind.shape, dtype=float)) * kind.dtype.itemsize
                    if total > max_bytes:
                        refuse(
                            f"it declares {total:.3g} bytes of arrays and the limit is "
                            f"{max_bytes:.3g}; raise max_bytes if you trust it"
                        )
        except (OSError, RuntimeError, KeyError) as error:
            raise ValueError(f"{str(path)!r} is damaged ({error}).") from error


def _declared_bytes(dataset: Any) -> int:
    import h5py

    text = h5py.check_string_dtype(dataset.dtype) is not None
    if dataset.dtype.hasobject and not text and dataset.dtype != h5py.ref_dtype:
        vlen = h5py.check_vlen_dtype(dataset.dtype)
        if vlen is None or h5py.check_ref_dtype(vlen) is None:
            raise ValueError(f"{dataset.name!r} holds objects, not numbers or text.")
    itemsize = max(dataset.dtype.itemsize, dataset.id.get_type().get_size())
    cells = float(np.prod(dataset.shape or (1,), dtype=float))
    if dataset.chunks:
        cells = max(cells, float(np.prod(dataset.chunks, dtype=float)))
    return int(cells) * itemsize
