"""Files that were compressed by gzip, bounded by what they hold."""

import gzip
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bayes_astro.data.columns import DataError

__all__ = ["decompressed"]

CHUNK = 2**20


@contextmanager
def decompressed(path: Path, most: int) -> Iterator[Path]:
    """A temporary file with what `path`, whose name ends in .gz, holds; at most `most` bytes."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        inner, size = Path(folder) / path.stem, 0
        try:
            with gzip.open(path) as packed, inner.open("wb") as plain:
                while chunk := packed.read(CHUNK):
                    size += len(chunk)
                    if size > most:
                        raise DataError(
                            f"{path}: holds more than {most / 1024**3:.3g} GiB; read the rows that you "
                            "need with astropy or pandas and give that table"
                        )
                    plain.write(chunk)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DataError(
                f"{path}: cannot be decompressed ({error}); is it damaged, or no .gz?"
            ) from None
        if not size:
            raise DataError(f"{path}: the file in it is empty")
        try:
            yield inner
        except DataError as problem:
            raise DataError(str(problem).replace(str(inner), str(path))) from None
