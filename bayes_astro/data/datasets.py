"""Real samples: small ones travel with the package, larger ones are fetched into a cache."""

from typing import TYPE_CHECKING

from bayes_astro.data.columns import DataError
from bayes_astro.data.counts import Counts
from bayes_astro.data.light_curve import LightCurve
from bayes_astro.data.measurements import Measurements
from bayes_astro.data.photometry import Photometry
from bayes_astro.data.samples import ENTRIES, describe

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

__all__ = ["datasets", "fetch", "load"]


def load(name: str) -> LightCurve | Measurements | Photometry | Counts:
    """A sample that travels with the package; `datasets()` lists them.

    Examples
    --------
    >>> load("hogg-2010")
    <Measurements hogg-2010: 20 rows of x, y>
    """
    from importlib import resources

    entry = describe(name)
    if entry.url:
        raise DataError(f"{name} does not travel with the package; get it with fetch({name!r})")
    with resources.as_file(resources.files(__package__) / entry.file) as path:
        return entry.read(path)


def fetch(
    name: str, cache_dir: "str | Path | None" = None, progress: bool = True
) -> LightCurve | Measurements | Photometry | Counts:
    """A public sample, downloaded once into a cache and checked by its SHA-256.

    Parameters
    ----------
    name : str
        One of those that `datasets()` marks with "fetch".
    cache_dir : path, optional
        Default: the environment variable BAYES_ASTRO_DATA, else the user's cache folder.
    progress : bool
        Show a bar while downloading.
    """
    from bayes_astro.data.download import download

    entry = describe(name)
    if not entry.url:
        return load(name)
    path = download(entry.url, entry.file, entry.sha256, entry.size, cache_dir, progress)
    return entry.read(path)


def datasets() -> "pd.DataFrame":
    """Every sample: how to get it, task, rows, source, licence, published truth, citation key."""
    import pandas as pd

    fields = ("name", "task", "rows", "source", "licence", "truth", "citation")
    table = pd.DataFrame([{f: getattr(entry, f) for f in fields} for entry in ENTRIES])
    table.insert(1, "get_with", ["fetch" if entry.url else "load" for entry in ENTRIES])
    return table
