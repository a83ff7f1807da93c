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
    """Load a sample that travels with the package; `datasets` lists them.

    Parameters
    ----------
    name : str
        One of those that `datasets` marks with "load".

    Returns
    -------
    LightCurve, Measurements, Photometry or Counts
        The table as its container, with its name and source.

    Raises
    ------
    DataError
        (a ValueError) for an unknown name, or a sample that has to be fetched.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> ba.load("hogg-2010")
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
    """Fetch a public sample, downloaded once into a cache and checked by its SHA-256.

    Parameters
    ----------
    name : str
        One of those that `datasets` marks with "fetch"; others are loaded.
    cache_dir : path, optional
        Default: the environment variable BAYES_ASTRO_DATA, else the user's cache folder.
    progress : bool
        Show a bar while downloading.

    Returns
    -------
    LightCurve, Measurements, Photometry or Counts
        The table as its container, with its name and source.

    Raises
    ------
    DataError
        (a ValueError) for an unknown name, a failed download, and a file that is another one.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> samples = ba.datasets()
    >>> samples[samples["get_with"] == "fetch"]["name"].tolist()
    ['des-dovekie']
    >>> ba.fetch("hogg-2010")  # this one needs no download
    <Measurements hogg-2010: 20 rows of x, y>
    """
    from bayes_astro.data.download import download

    entry = describe(name)
    if not entry.url:
        return load(name)
    path = download(entry.url, entry.file, entry.sha256, entry.size, cache_dir, progress)
    return entry.read(path)


def datasets() -> "pd.DataFrame":
    """List every sample: how to get it, what it is, and where it comes from.

    Returns
    -------
    pandas.DataFrame
        One row a sample: ``name``, ``get_with`` ("load" or "fetch"), ``task``, ``rows``,
        ``source``, ``licence``, ``truth`` (what is published about it) and ``citation``, the key of
        its BibTeX.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> ba.datasets().set_index("name").loc["hogg-2010", "task"]
    'linear relation'
    """
    import pandas as pd

    fields = ("name", "task", "rows", "source", "licence", "truth", "citation")
    table = pd.DataFrame([{f: getattr(entry, f) for f in fields} for entry in ENTRIES])
    table.insert(1, "get_with", ["fetch" if entry.url else "load" for entry in ENTRIES])
    return table
