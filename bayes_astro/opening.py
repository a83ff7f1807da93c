"""Opening a saved fit: a reader that trusts nothing.

It checks the checksum, adds up what the file declares before it reads any of it, takes plain
numbers and text and nothing else, follows no link, and rebuilds only classes of this package from
plain JSON.
"""

from __future__ import annotations

import hashlib
import mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro import registry
from bayes_astro.priors import Prior, recorded
from bayes_astro.storage import FORMAT, SEAL, decode, read_record, undisturbed

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["MAX_BYTES", "open_fit"]

MAX_BYTES = 4 * 2**30
MAX_TEXT = 64 * 2**20
MAX_OBJECTS = 2_000


def open_fit(path: Any, *, max_bytes: int = MAX_BYTES) -> Any:
    """Open a saved fit: the model or baseline as it was, ready to predict.

    Parameters
    ----------
    path : str or path-like
        A file written by ``save``.
    max_bytes : int
        Refuse a file that declares more than this many bytes of arrays (4 GiB).

    Returns
    -------
    Model or Baseline
        Fitted, with its parameters and draws.

    Raises
    ------
    ValueError
        For a file that is missing, cut short, too large, not made by this package, or that asks
        for anything but plain arrays. Nothing in the file is ever run.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import bayes_astro as ba
    >>> line = ba.baselines.LeastSquaresLine("y").fit(ba.load("hogg-2010")[4:])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     line.save(Path(folder) / "line.nc")
    ...     ba.open(Path(folder) / "line.nc")
    LeastSquaresLine(response='y')
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
    with undisturbed():
        _check_declared(path, max_bytes)
    try:
        with (
            # What other libraries have to say about a damaged file ends in our own error.
            warnings.catch_warnings(action="ignore"),
            undisturbed(),
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
    record = read_record(tree)
    if record["format"] != FORMAT:
        raise ValueError(f"written in format {record['format']!r:.20}; this reads {FORMAT}")
    row = registry.find(registry.TASKS | registry.BASELINES, record["task"], "task")
    estimator = row.load()(**decode(record["parameters"]))
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
    if record["task"] in registry.TASKS:
        _check_draws(estimator, tree["posterior"].to_dataset())
    if not estimator.missing_parts():
        estimator.predict(draws=1)
    return estimator


def _check_draws(model: Any, draws: xr.Dataset) -> None:
    """Refuse draws outside the priors, and whole numbers that choose what is not there."""
    priors = recorded(model)
    for name, prior in priors.items():
        if name in draws:
            low, high = (np.asarray(edge, dtype=float) for edge in prior.support)
            values = draws[name].values
            slack = 1e-9 * np.abs(values)
            if not ((values >= low - slack) & (values <= high + slack)).all():
                raise ValueError(f"posterior: {name} holds draws outside its prior")
    if any(np.issubdtype(one.dtype, np.integer) for one in draws.data_vars.values()):
        model.problem(model.data, priors).check_draws(draws)


def _check_record(record: dict[str, Any]) -> None:
    """What `write_record` wrote beside the parameters, as reports and diagnoses read it."""
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
        registry.find(registry.SAMPLERS, sampler["name"], "sampler").load()(**settings)


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
