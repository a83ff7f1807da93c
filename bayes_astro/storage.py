"""Fitted trees in files: the record of a fit, and one writer that cannot lose what was there.

A file is netCDF-4 (HDF5). The writer makes a temporary file beside the target, syncs and renames
it, so a kill at any moment leaves the old file or the new one, and ends it with a checksum.
`bayes_astro.opening` reads it again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import signal
import stat
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro import registry
from bayes_astro.priors import Prior
from bayes_astro.quantities import quantity

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "FORMAT",
    "SEAL",
    "decode",
    "encode",
    "read_data",
    "read_record",
    "save",
    "seal",
    "write_atomically",
    "write_data",
    "write_record",
]

ABANDONED = 3600.0
"""Seconds after which a temporary file that nobody wrote to was left by a killed process."""
FORMAT = 1
_PACKAGES = ("bayes-astro", "numpy", "scipy", "pymc", "pytensor", "nutpie", "emcee", "xarray")


def encode(value: Any) -> Any:
    """Plain JSON for a constructor parameter; tuples, priors and quantities come back as such."""
    if isinstance(value, Prior):
        return {"prior": value.to_dict()}
    if kind := registry.kind_of(value):
        return {kind: registry.to_dict(kind, value)}
    if isinstance(value, dict):
        return {"dict": {str(key): encode(item) for key, item in value.items()}}
    if isinstance(value, tuple):
        return {"tuple": [encode(item) for item in value]}
    if isinstance(value, list):
        return [encode(item) for item in value]
    if hasattr(value, "unit"):
        return {"quantity": [np.asarray(value.value).tolist(), value.unit.to_string()]}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return {"array": value.tolist()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if is_foreign(value):
        return {"estimator": repr(value)}
    raise ValueError(
        f"A {type(value).__name__} cannot be stored with a fit; use numbers, text, tuples, "
        "ba.Prior or Quantities as parameters."
    )


def is_foreign(value: Any) -> bool:
    """Whether a parameter is an estimator of another library: recorded by its text, never rebuilt."""
    return hasattr(value, "get_params") and not hasattr(value, "to_dict")


def check_openable(estimator: Any) -> None:
    """Raise ValueError where the fit could not be opened again.

    A parameter is another library's, or a class of the fit is not registered.
    """
    for name, value in estimator.get_params(deep=False).items():
        if is_foreign(value):
            raise ValueError(
                f"{name}={value!r:.80} belongs to another library and cannot be written with "
                "the fit; keep the numbers with model.posterior.to_netcdf(path)."
            )
    record = read_record(estimator.posterior)
    missing = []
    if registry.row_of(type(estimator)).where is type(estimator) and (
        type(estimator).__name__ not in registry.TASKS | registry.BASELINES
    ):
        missing.append(type(estimator))
    if record["container"] not in registry.CONTAINERS:
        missing.append(type(estimator.data))
    missing += registry.unregistered(estimator.get_params(deep=False).values())
    if missing:
        name = missing[0].__name__
        raise ValueError(
            f"{name} is not registered, so that this fit could not be opened again: call "
            f"ba.register({name}) where it is defined, then save."
        )


def decode(value: Any) -> Any:
    """The inverse of `encode`."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) != 1:
        raise ValueError("a stored value has one kind")
    ((kind, content),) = value.items()
    if kind == "prior":
        return Prior.from_dict(content)
    if kind in registry.PARTS:
        return registry.from_dict(kind, content)
    if kind == "dict":
        return {key: decode(item) for key, item in content.items()}
    if kind == "tuple":
        return tuple(decode(item) for item in content)
    if kind == "array":
        return np.asarray(content)
    if kind == "quantity":
        return quantity(*content)
    raise ValueError(f"Unknown kind of stored value {kind!r}.")


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that a fit may depend on."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def write_units(tree: xr.DataTree, units: dict[str, str]) -> None:
    """Put units onto the variables of the posterior that have one."""
    posterior = tree["posterior"].to_dataset()
    for name, unit in units.items():
        if name in posterior and unit:
            posterior[name].attrs["units"] = unit
    tree["posterior"].dataset = posterior


def write_groups(tree: xr.DataTree, groups: dict[str, xr.Dataset]) -> None:
    """Put further groups beside the draws."""
    import xarray as xr

    for name, group in groups.items():
        tree[name] = xr.DataTree(group)


def write_data(tree: xr.DataTree, data: Any, observed: np.ndarray) -> None:
    """Put the container's arrays into the tree's groups."""
    import xarray as xr

    constant = {
        name: (["row" if axis == 0 else f"{name}_{axis}" for axis in range(np.ndim(array))], array)
        for name, array in data.to_arrays().items()
    }
    tree["observed_data"] = xr.DataTree(
        xr.Dataset({"observation": (("row", "column")[: observed.ndim], observed)})
    )
    tree["constant_data"] = xr.DataTree(xr.Dataset(constant))


def read_data(tree: xr.DataTree) -> Any:
    """Rebuild the container bit for bit."""
    record = read_record(tree)
    container = registry.find(registry.CONTAINERS, record["container"], "data container").load()
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
        "contents": {
            group: {name: list(array.shape) for name, array in tree[group].data_vars.items()}
            for group in tree.children
        },
        **how,
    }
    tree.attrs["bayes_astro"] = json.dumps(record)


def read_record(tree: xr.DataTree) -> dict[str, Any]:
    """The inverse of `write_record`."""
    record = json.loads(tree.attrs["bayes_astro"])
    if not isinstance(record, dict):
        raise ValueError("its record is not a table")
    return record


def write_atomically(path: Any, write: Any) -> None:
    """Call ``write(temporary_path)``, sync what it wrote and rename it to `path`.

    A process killed at any moment leaves the file that was there, or the new one, whole; so does a
    full disk. The temporary file that a killed one leaves beside it is removed by a later write to
    the same `path`. A link stays, and the file to which it points is written; its mode is kept.
    """
    path = Path(path)
    if path.is_symlink():
        path = Path(os.path.realpath(path))
    if not path.parent.is_dir():
        raise ValueError(f"Folder {str(path.parent)!r} does not exist: make it first.")
    if path.is_dir():
        raise ValueError(f"{str(path)!r} is a folder: give the name of a file in it.")
    if path.exists() and not path.is_file():
        raise ValueError(f"{str(path)!r} is no plain file: give another name.")
    _remove_abandoned(path)
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.name}.", suffix=".part"
        )
        os.close(handle)
        write(temporary)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.chmod(temporary, _mode(path))
        os.replace(temporary, path)
    except OSError as error:
        _remove(temporary)
        what = os.strerror(error.errno) if error.errno else str(error)
        text = f"{what}: {str(path)!r} was not written, and what stood there is unchanged"
        raise OSError(error.errno, text) from error
    except BaseException:
        _remove(temporary)
        raise
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _remove(temporary: str) -> None:
    if temporary:
        Path(temporary).unlink(missing_ok=True)


def _mode(path: Path) -> int:
    """That of the file which is replaced; of a new one that of an ordinary file.

    mkstemp makes files that only their owner can read.
    """
    if path.exists():
        return stat.S_IMODE(path.stat().st_mode)
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def _remove_abandoned(path: Path) -> None:
    """Remove temporary files that killed processes left; a live writer keeps touching its own."""
    ours = re.compile(re.escape(f".{path.name}.") + r"[^.]{8}\.part")
    with os.scandir(path.parent) as entries:
        for entry in entries:
            if ours.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                # Another process may have renamed or removed it meanwhile.
                with contextlib.suppress(OSError):
                    if time.time() - entry.stat().st_mtime > ABANDONED:
                        os.unlink(entry.path)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-C waits for the end of the block.

    For compiled code that cannot bear an exception: the libraries that read and write HDF5 share locks,
    and one at the wrong moment leaves a lock closed for which every later file would wait.
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or handler is None:
        yield
        return
    pressed: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if pressed:
            signal.raise_signal(signal.SIGINT)


def save(tree: xr.DataTree, path: Any) -> None:
    """Write a fitted tree to a netCDF-4 file.

    The HDF5 library ends the process where the disk is full: it writes into memory.
    """
    with undisturbed():
        image: Any = tree.to_netcdf(engine="h5netcdf")

    def write(part: str) -> None:
        Path(part).write_bytes(image)
        seal(part)

    write_atomically(path, write)


SEAL = b"\nbayes_astro sha256 "


def seal(path: Any) -> None:
    """End a file with a checksum of what it holds; HDF5 ignores what follows its own end."""
    with open(path, "rb+") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0, os.SEEK_END)
        file.write(SEAL + digest.encode())
