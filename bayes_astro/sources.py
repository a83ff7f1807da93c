"""Where the objects of a run over many come from: one after the other, so that memory holds few of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bayes_astro.names import nearest

__all__ = ["Unreadable", "objects"]


class Unreadable:
    """Stands for an object that could not be read."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def objects(
    items: Any, container: type, columns: Mapping[str, str] | None
) -> Iterator[tuple[str, Any]]:
    """Name and container of each object.

    Parameters
    ----------
    items : dict, iterable of containers, nested-pandas frame, or path of a folder
    container : type
        What is made of rows and files.
    columns : dict of str to str, optional
        Column of each field of the container, for frames ("nested.column") and files.

    Yields
    ------
    tuple of str and container
        Or `Unreadable`, where a row or file cannot be read.

    Raises
    ------
    ValueError
        For two objects of one name in a frame, a folder without files, and unknown columns.
    """
    if isinstance(items, str | Path):
        return _files(Path(items), container, dict(columns or {}))
    if hasattr(items, "nested_columns"):
        return _nested(items, container, dict(columns or {}))
    if columns is not None:
        raise ValueError(
            "columns= is for a nested frame or a folder of files; these are containers already."
        )
    if isinstance(items, Mapping):
        return iter(items.items())
    if isinstance(items, list | tuple):
        return iter(_named(items))
    return _streamed(items)


def _named(listed: Any) -> list[tuple[str, Any]]:
    """By their own names where all have one; by position otherwise."""
    names = [getattr(item, "name", "") or str(i) for i, item in enumerate(listed)]
    if len(set(names)) < len(names):
        names = [str(i) for i in range(len(listed))]
    return list(zip(names, listed, strict=True))


def _streamed(items: Any) -> Iterator[tuple[str, Any]]:
    """By their own names, with the position where there is none or it was there before."""
    seen: set[str] = set()
    for i, item in enumerate(items):
        name = getattr(item, "name", "") or str(i)
        name = f"{name} ({i})" if name in seen else name
        seen.add(name)
        yield name, item


def _files(folder: Path, container: Any, columns: dict[str, str]) -> Iterator[tuple[str, Any]]:
    """One file an object, in the order of their names, without their endings."""
    if not folder.is_dir():
        raise ValueError(f"{str(folder)!r} is no folder: give one with a file for each object.")
    paths = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    if not paths:
        raise ValueError(f"The folder {str(folder)!r} holds no files.")
    names = [path.name.split(".")[0] for path in paths]
    if len(set(names)) < len(names):
        names = [path.name for path in paths]

    def read() -> Iterator[tuple[str, Any]]:
        for name, path in zip(names, paths, strict=True):
            yield (
                name,
                _made(lambda path=path, name=name: container.read(path, name=name, **columns)),
            )

    return read()


def _nested(frame: Any, container: Any, columns: dict[str, str]) -> Iterator[tuple[str, Any]]:
    """One row an object, named by the index; its points in a nested column."""
    nested = list(frame.nested_columns)
    if not nested:
        raise ValueError("The frame has no nested column: pack the points of each object into one.")
    for field, column in columns.items():
        if isinstance(column, str) and "." not in column:
            columns[field] = f"{nested[0]}.{column}"
        outer, _, inner = str(columns[field]).partition(".")
        if outer not in nested:
            raise ValueError(
                f"columns: {field}: there is no nested column {outer!r}.{nearest(outer, nested)}"
            )
        known = list(frame[outer].nest.columns)
        if inner not in known:
            raise ValueError(
                f"columns: {field}: there is no column {inner!r} in {outer!r}.{nearest(inner, known)}"
            )
    own = columns or {c: f"{nested[0]}.{c}" for c in ("time", "value", "error")}
    used = {column.partition(".")[0] for column in own.values()}
    if len(used) > 1:
        raise ValueError(
            f"columns: give those of one nested column, not of {', '.join(sorted(used))}."
        )
    series, labels = frame[used.pop()], [str(label) for label in frame.index]
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise ValueError(
            f"Two objects are called {twice!r}: give the frame an index without repeats."
        )
    fields = {field: column.partition(".")[2] for field, column in own.items()}

    def read() -> Iterator[tuple[str, Any]]:
        for i, name in enumerate(labels):
            yield (
                name,
                _made(lambda i=i, name=name: container.read(series.iloc[i], name=name, **fields)),
            )

    return read()


def _made(make: Any) -> Any:
    try:
        return make()
    except Exception as error:  # the object's fault becomes its row, whatever it is
        return Unreadable(error)
