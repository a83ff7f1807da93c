"""A blank exercise as a notebook in the reader's own folder."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from bayes_astro.exercises.library import exercise

__all__ = ["open_blank", "source"]


def source(id: str) -> Path:
    """The Python file from which the notebooks of an exercise were made."""
    packaged = Path(str(resources.files("bayes_astro"))) / "exercises" / "notebooks"
    # An editable install has them beside the package rather than inside.
    beside = packaged.parent.parent.parent / "notebooks" / "exercises"
    folder = packaged if packaged.is_dir() else beside
    chapter, number = exercise(id).id.split(".")
    found = list(folder.glob(f"{int(chapter):02d}_{number}_*.py"))
    if not found:
        raise FileNotFoundError(
            f"The notebooks of the exercises are not beside the package ({str(folder)!r}): install it "
            "anew."
        )
    return found[0]


def open_blank(id: str, folder: str | Path = ".") -> Path:
    """Write the blank notebook of an exercise, to be worked on.

    Parameters
    ----------
    id : str
        Such as "5.1"; `list` shows all.
    folder : str or Path
        An existing one.

    Returns
    -------
    Path
        The notebook: question, data, hint and solution folded away, and a cell that judges.

    Raises
    ------
    ValueError
        For an unknown id, naming the nearest, or a folder that is not there.
    FileExistsError
        Where a file of that name is there already: it may hold somebody's work.

    Examples
    --------
    >>> import tempfile
    >>> import bayes_astro as ba
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(ba.exercises.open("5.1", folder).name)
    05_1_unequal_errors.ipynb
    """
    made = source(id)
    if not Path(folder).is_dir():
        raise ValueError(f"There is no folder {str(folder)!r}: make it first, or give another.")
    target = Path(folder) / f"{made.stem}.ipynb"
    text = made.with_suffix(".exercise.ipynb").read_text(encoding="utf-8")
    try:
        with target.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise FileExistsError(
            f"{str(target)!r} is there already and was left as it is: open it, move it away, or "
            "give another folder."
        ) from None
    return target
