"""The exercises as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_astro.exercises.library import exercise, ids

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "table"]

COLUMNS = ("title", "chapter", "difficulty", "minutes", "task", "idea")


def table() -> pd.DataFrame:
    """The exercises that came with the package, in the order of their chapters.

    Chapters are numbered as in the textbook of Ivezic et al.: 3 probability, 4 statistics of samples,
    5 Bayesian inference, 6 points in space, 7 dimensions, 8 regression, 9 classification, 10 time
    series.

    Returns
    -------
    pandas.DataFrame
        Indexed by id: title, chapter, difficulty (1 to 3), minutes that it takes about, task (the
        one of the library that solves it; empty where a few lines of NumPy do), idea.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> ba.exercises.list().loc["5.5", "task"]
    'PoissonRate'
    """
    import pandas as pd

    rows = [[getattr(exercise(id), name) for name in COLUMNS] for id in ids()]
    return pd.DataFrame(rows, index=pd.Index(ids(), name="id"), columns=[*COLUMNS])
