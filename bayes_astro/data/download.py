"""Download one file into a cache: resumed, bounded and checked before anyone sees it."""

import http.client
import os
import re
import urllib.error
import urllib.request
from pathlib import Path

from bayes_astro.data.columns import DataError

__all__ = ["DownloadError", "download"]

ATTEMPTS = 3
TIMEOUT = 30.0
CHUNK = 65536


class DownloadError(DataError, ConnectionError):
    """A file that is not in the cache and could not be downloaded; says where to put it by hand."""


def download(
    url: str,
    file: str,
    sha256: str,
    size: int,
    cache_dir: str | Path | None = None,
    progress: bool = True,
) -> Path:
    """Path of `file` in the cache, downloaded from `url` unless it is there and whole.

    The cache is `cache_dir`, else the environment variable BAYES_ASTRO_DATA, else the user's cache
    folder. What an interrupted download left is kept as `file`.part, and continued by the next call
    if the server can.

    Raises
    ------
    DownloadError
        Nothing answered, or the connection broke `ATTEMPTS` times.
    DataError
        The server sent another file than the one registered.
    """
    import pooch

    folder = Path(cache_dir or os.environ.get("BAYES_ASTRO_DATA") or pooch.os_cache("bayes_astro"))
    folder = folder.expanduser()
    path = folder / file
    if path.is_file() and path.stat().st_size == size and pooch.file_hash(path) == sha256:
        return path
    by_hand = f"put it at {path} by hand (its SHA-256 is {sha256}, {size} bytes)"
    part = path.with_name(f"{file}.part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _stream(url, part, size, progress)
    except (OSError, http.client.HTTPException) as error:
        got = part.stat().st_size if part.is_file() else 0
        raise DownloadError(
            f"{file}: downloading {url} failed after {got} of {size} bytes ({error}); "
            f"try again with a network, which goes on from there, or {by_hand}"
        ) from error
    found = pooch.file_hash(part)
    if found != sha256:
        part.unlink()
        raise DataError(
            f"{file}: {url} sent another file (SHA-256 {found}); it was deleted. "
            f"Get the registered version from elsewhere and {by_hand}"
        )
    os.replace(part, path)
    return path


def _stream(url: str, part: Path, size: int, progress: bool) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    columns = (
        "{task.description}",
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not progress, transient=True) as bar:
        task = bar.add_task(part.stem, total=size)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                _attempt(url, part, size, lambda done: bar.update(task, completed=done))
            except urllib.error.HTTPError:  # an answer: asking again would not change it
                raise
            except (OSError, http.client.HTTPException):
                if attempt == ATTEMPTS:
                    raise
            else:
                return


def _attempt(url: str, part: Path, size: int, report) -> None:
    have = part.stat().st_size if part.is_file() else 0
    if have > size:
        part.unlink()
        have = 0
    if have == size:
        return
    # "identity", for the size registered is that of the file as it is
    request = urllib.request.Request(url, headers={"Accept-Encoding": "identity"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
        start = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
        resumed = response.status == 206 and start is not None and int(start[1]) == have
        if not resumed:  # a server without Range sends the file from its beginning
            have = 0
        with part.open("ab" if resumed else "wb") as out:
            while chunk := response.read(CHUNK):
                have += len(chunk)
                if have > size:
                    break
                out.write(chunk)
                report(have)
            out.flush()
            os.fsync(out.fileno())
    if have > size:
        part.unlink()
        raise DataError(
            f"{part.stem}: {url} sends more than the {size} bytes registered; it was deleted"
        )
    if have < size:
        raise http.client.IncompleteRead(b"", size - have)
