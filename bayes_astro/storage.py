"""Fitted trees in files: one writer that cannot lose what was there, one reader that trusts nothing.

A file is netCDF-4 (HDF5). The writer makes a temporary file beside the target, syncs and renames
it, so a kill at any moment leaves the old file or the new one, and ends it with a checksum. The
reader checks that, adds up what the file declares before it reads any of it, takes plain numbers
and text and nothing else, follows no link, and rebuilds only classes of this package from plain
JSON.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import mmap
import os
import platform
import re
import tempfile
import time
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.priors import Prior, quantity

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["MAX_BYTES", "open_fit", "save", "write_atomically"]

MAX_BYTES = 4 * 2**30
MAX_TEXT = 64 * 2**20
MAX_OBJECTS = 2_000
ABANDONED = 3600.0
"""Seconds after which a temporary file that nobody wrote to was left by a killed process."""
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
        return {"quantity": [np.asarray(value.value).tolist(), value.unit.to_string()]}
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
    if len(value) != 1:
        raise ValueError("a stored value has one kind")
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

    A process killed at any moment leaves the file that was there, or the new one, whole. The
    temporary file that it leaves beside it is removed by a later write to the same `path`.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise ValueError(f"Folder {str(path.parent)!r} does not exist: make it first.")
    if path.is_dir():
        raise ValueError(f"{str(path)!r} is a folder: give the name of a file in it.")
    _remove_abandoned(path)
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


def save(tree: xr.DataTree, path: Any) -> None:
    """Write a fitted tree to a netCDF-4 file."""

    def write(part: str) -> None:
        tree.to_netcdf(part, engine="h5netcdf")
        seal(part)

    write_atomically(path, write)


SEAL = b"\nbayes_astro sha256 "


def seal(path: Any) -> None:
    """End a file with a checksum of what it holds; HDF5 ignores what follows its own end."""
    with open(path, "rb+") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0, os.SEEK_END)
        file.write(SEAL + digest.encode())


def _check_seal(path: Path) -> None:
    """Refuse a file that is cut short or damaged, before the HDF5 library sees it."""
    end = len(SEAL) + 64
    size = path.stat().st_size
    with open(path, "rb") as file:
        file.seek(max(0, size - end))
        sealed = file.read()
        if not sealed.startswith(SEAL) or len(sealed) != end:
            raise ValueError(
                f"{str(path)!r} is cut short, or is not a fit saved by bayes_astro. "
                "Fit and save it again."
            )
        file.seek(0)
        digest, left = hashlib.sha256(), size - end
        while left > 0 and (piece := file.read(min(left, 2**20))):
            digest.update(piece)
            left -= len(piece)
    if digest.hexdigest().encode() != sealed[len(SEAL) :]:
        raise ValueError(
            f"{str(path)!r} is damaged: it does not hold what was written. Fit and save it again."
        )


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
    import warnings

    import xarray as xr

    path = Path(path)
    if not path.is_file():
        raise ValueError(f"There is no file {str(path)!r}.")
    try:
        _check_seal(path)
        _check_heaps(path)
    except OSError as error:
        raise ValueError(f"{str(path)!r} cannot be read: {error.strerror}.") from None
    _check_declared(path, max_bytes)
    try:
        with (
            # What other libraries have to say about a damaged file ends in our own error.
            warnings.catch_warnings(action="ignore"),
            xr.open_datatree(
                path, engine="h5netcdf", decode_times=False, decode_timedelta=False
            ) as file,
        ):
            estimator = _rebuild(file.load())
    except Exception as error:  # libraries raise anything on damaged files
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ValueError(
            f"{str(path)!r} is not a complete fit saved by bayes_astro ({reason}). "
            "Fit and save it again."
        ) from error
    return estimator


def _rebuild(tree: xr.DataTree) -> Any:
    """The estimator whose fit `tree` is; any exception where it cannot be one."""
    import bayes_astro

    record = read_record(tree)
    if record["format"] != FORMAT:
        raise ValueError(f"written in format {record['format']!r:.20}; this reads {FORMAT}")
    name = record["task"]
    known = {**bayes_astro.TASKS, **bayes_astro.BASELINES}
    if name not in known:
        raise ValueError(f"unknown task {name!r:.80}")
    estimator = bayes_astro.load_public(known[name], name)(**decode(record["parameters"]))
    estimator._tree = tree
    _check_record(record)
    for group, arrays in record["contents"].items():
        for name, shape in arrays.items():
            if list(tree[group][name].shape) != shape:
                raise ValueError(f"{group}: {name} is not of the shape that was written")
    # What was fitted is checked as it was then, and predicts before anybody relies on it.
    estimator._checked(estimator.data)
    for name, draws in tree["posterior"].data_vars.items():
        if not np.issubdtype(draws.dtype, np.number) or not np.isfinite(draws.values).all():
            raise ValueError(f"posterior: {name} holds draws that are not finite numbers")
    estimator.predict(draws=1)
    return estimator


def _check_record(record: dict[str, Any]) -> None:
    """What `write_record` wrote beside the parameters, as reports and diagnoses read it."""
    import bayes_astro

    if type(record["seed"]) is not int or record["seed"] < 0:
        raise ValueError("its seed is not a whole number")
    for prior in record["priors"].values():
        Prior.from_dict(prior)
    for package, version in record["versions"].items():
        if not isinstance(version, str):
            raise ValueError(f"the version of {package!r:.80} is not text")
    sampler = record["sampler"]
    if sampler is not None:
        settings = decode(sampler["settings"])
        bayes_astro.load_public(bayes_astro.SAMPLERS[sampler["name"]], sampler["name"])(**settings)


def _check_heaps(path: Path) -> None:
    """Refuse a global heap with an entry of no length, for which the HDF5 library loops for ever.

    A heap is "GCOL", a version, its length, and entries of an index (2 bytes), 6 bytes, a length
    (8 bytes, of free space with this header) and the content in multiples of 8 bytes.
    """
    with (
        open(path, "rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        start = content.find(b"GCOL\x01")
        while start >= 0:
            end = start + int.from_bytes(content[start + 8 : start + 16], "little")
            at = start + 16
            while at + 16 <= min(end, len(content)):
                length = int.from_bytes(content[at + 8 : at + 16], "little")
                used = any(content[at : at + 2])
                if not used and length < 16:
                    raise ValueError(f"{str(path)!r} is damaged: its text cannot be read.")
                at += 16 + (length + 7) // 8 * 8 if used else length
            start = content.find(b"GCOL\x01", start + 1)


def _check_declared(path: Path, max_bytes: int) -> None:
    """Refuse a file that declares too much or anything but plain arrays, before reading it."""
    import h5py

    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ValueError(
            f"{str(path)!r} is cut short or is not a netCDF-4 file ({error})."
        ) from error
    size = path.stat().st_size
    # The writer compresses nothing, so an honest file is as long as its arrays.
    limit = min(max_bytes, 2 * size + 2**20)
    total, text, seen = 0, 0, set()
    with file:
        try:
            items: list[Any] = [file["/"]]
            while items:
                item = items.pop()
                # A second path to an object is a cycle, or the same bytes declared once more.
                address = h5py.h5o.get_info(item.id).addr
                if address in seen:
                    raise _Refused(f"{item.name!r} is there twice")
                seen.add(address)
                if len(seen) > MAX_OBJECTS:
                    raise _Refused(f"it holds more than {MAX_OBJECTS} objects")
                if isinstance(item, h5py.Group):
                    # xarray takes a time for nested groups that grows with the cube of their depth.
                    if item.name.strip("/").count("/") > 0:
                        raise _Refused(f"{item.name!r} is a group within a group")
                    items += _children(item)
                elif isinstance(item, h5py.Dataset):
                    total += _declared_bytes(item)
                else:
                    raise _Refused(f"{item.name!r} is neither a group nor an array")
                if total > limit:
                    raise _Refused(
                        f"it declares {total:.3g} bytes of arrays and the limit is {limit:.3g} "
                        f"for {size:.3g} bytes on disk"
                        + ("; raise max_bytes if you trust it" if limit == max_bytes else "")
                    )
                text += _text_bytes(item, size, MAX_TEXT - text)
        except _Refused as refusal:
            raise ValueError(f"{str(path)!r} is refused: {refusal}.") from None
        except Exception as error:  # h5py raises anything on damaged files
            raise ValueError(f"{str(path)!r} is damaged or incomplete ({error}).") from error


class _Refused(Exception):
    """Why a file is not read."""


def _children(group: Any) -> list[Any]:
    import h5py

    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise _Refused(f"{name!r} is a link to somewhere else")
    return [group[name] for name in group]


def _declared_bytes(dataset: Any) -> int:
    import h5py

    if dataset.is_virtual or dataset.external:
        raise _Refused(f"{dataset.name!r} takes its values from elsewhere")
    if dataset.id.get_create_plist().get_nfilters():
        raise _Refused(f"{dataset.name!r} is compressed")
    if dataset.shape is None:
        raise _Refused(f"{dataset.name!r} is empty")
    text = h5py.check_string_dtype(dataset.dtype) is not None
    if not text and dataset.dtype.kind not in "iufb":
        raise _Refused(f"{dataset.name!r} holds objects, not numbers or text")
    cells = np.prod(dataset.shape, dtype=float)
    if dataset.chunks:
        cells = max(cells, np.prod(dataset.chunks, dtype=float))
    return int(cells * max(dataset.dtype.itemsize, dataset.id.get_type().get_size()))


def _text_bytes(item: Any, size: int, limit: int) -> int:
    """Length of the text of an array and of all attributes, where the file does not declare it.

    Entries of variable length may all point to the same long text, so that a short file can hold
    terabytes: they are read a few at a time, none of which is longer than the file.
    """
    import h5py

    def length(values: Any) -> int:
        return sum(len(entry) + 64 for entry in np.atleast_1d(values).ravel().tolist())

    total = 0
    for name in item.attrs:
        attribute = item.attrs.get_id(name)
        cells = 1 if attribute.shape is None else int(np.prod(attribute.shape, dtype=float))
        if cells > 4096 or cells * attribute.dtype.itemsize > 2**16:
            raise _Refused(f"attribute {name!r} of {item.name!r} is too long")
        if attribute.dtype.kind == "O" and h5py.check_ref_dtype(attribute.dtype) is None:
            if cells > 64:
                raise _Refused(f"attribute {name!r} of {item.name!r} is too long")
            total += length(item.attrs[name])
    if isinstance(item, h5py.Dataset) and h5py.check_vlen_dtype(item.dtype) is not None:
        step = max(1, limit // size)
        flat = int(np.prod(item.shape, dtype=float))
        if item.ndim > 1 and flat > step:
            raise _Refused(f"{item.name!r} holds a table of text")
        for start in range(0, flat, step):
            part = item[start : start + step] if item.ndim == 1 else item[()]
            total += length(part)
            if total > limit:
                break
    if total > limit:
        raise _Refused(f"it holds more than {MAX_TEXT:.3g} bytes of text")
    return total
