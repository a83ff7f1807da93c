"""Blank and solved notebooks from the sources of the exercises.

``python -m bayes_astro.exercises.generate notebooks/exercises`` writes, for every source
``NAME.py`` in that folder, ``NAME.exercise.ipynb`` and ``NAME.solution.ipynb``. What they hold
follows from the source alone, so that running it again changes nothing.

A source is Python in the percent format: ``# %%`` starts a code cell, ``# %% [markdown]`` a text
cell whose lines are comments. One text cell is tagged ``tags=["hint"]`` and one code cell
``tags=["solution"]``.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Cell", "cells", "exercise_notebook", "generate", "solution_notebook"]

MARKER = re.compile(r'# %%(?P<text> \[markdown\])?(?: tags=\["(?P<tag>hint|solution)"\])?')
STUB = "answer = ...  # your answer"


@dataclass(frozen=True)
class Cell:
    """A cell of a source; ``tag`` is "hint", "solution" or empty."""

    kind: str
    source: str
    tag: str = ""


def cells(source: str) -> list[Cell]:
    """The cells of a source.

    Raises
    ------
    ValueError
        For a source that does not begin with a cell, a marker that cannot be read (with its line),
        or one without exactly one hint and one solution.
    """
    found: list[Cell] = []
    kind = tag = ""
    lines: list[str] = []

    def close() -> None:
        if kind:
            found.append(Cell(kind, "\n".join(lines).strip("\n"), tag))

    for number, line in enumerate(source.splitlines(), start=1):
        if not line.startswith("# %%"):
            if not kind and line.strip():
                raise ValueError(f"line {number}: expected '# %%' before {line!r}.")
            lines.append(line.removeprefix("#").removeprefix(" ") if kind == "markdown" else line)
            continue
        marker = MARKER.fullmatch(line)
        if marker is None:
            raise ValueError(
                f"line {number}: cannot read {line!r}; expected '# %%' or '# %% [markdown]', with "
                'tags=["hint"] or tags=["solution"] where they apply.'
            )
        close()
        kind, tag = "markdown" if marker["text"] else "code", marker["tag"] or ""
        lines = []
    close()
    tags = sorted((cell.tag, cell.kind) for cell in found if cell.tag)
    if tags != [("hint", "markdown"), ("solution", "code")]:
        raise ValueError(
            'expected one text cell with tags=["hint"] and one code cell with tags=["solution"], '
            f"got {tags}."
        )
    return found


def exercise_notebook(source: str) -> dict[str, Any]:
    """The blank notebook: a stub in place of the solution, help folded away."""
    blank: list[Cell] = []
    for cell in cells(source):
        if cell.tag == "hint":
            blank.append(Cell("markdown", _folded("Hint", cell.source)))
        elif cell.tag == "solution":
            blank.append(Cell("code", STUB))
            blank.append(Cell("markdown", _folded("Solution", f"```python\n{cell.source}\n```")))
        else:
            blank.append(cell)
    return _notebook(blank)


def solution_notebook(source: str) -> dict[str, Any]:
    """The solved notebook, without outputs."""
    return _notebook(
        [
            Cell("markdown", f"**Hint.** {cell.source}") if cell.tag == "hint" else cell
            for cell in cells(source)
        ]
    )


def _folded(summary: str, text: str) -> str:
    # Markdown inside <details> is rendered only between empty lines.
    return f"<details>\n<summary>{summary}</summary>\n\n{text}\n\n</details>"


def _notebook(content: list[Cell]) -> dict[str, Any]:
    """nbformat 4.5, with ids that follow from the order of the cells."""
    written = []
    for number, cell in enumerate(content):
        entry: dict[str, Any] = {"cell_type": cell.kind, "id": f"cell-{number}", "metadata": {}}
        if cell.kind == "code":
            entry |= {"execution_count": None, "outputs": []}
        written.append(entry | {"source": cell.source.splitlines(keepends=True)})
    return {
        "cells": written,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def generate(folder: Path | str) -> list[Path]:
    """Write both notebooks of every source in a folder; the paths that were written."""
    sources = sorted(Path(folder).glob("*.py"))
    if not sources:
        raise ValueError(f"{str(folder)!r} holds no exercise sources (*.py).")
    written = []
    for path in sources:
        source = path.read_text(encoding="utf-8")
        for kind, make in (("exercise", exercise_notebook), ("solution", solution_notebook)):
            try:
                notebook = make(source)
            except ValueError as error:
                raise ValueError(f"{path.name}: {error}") from None
            target = path.with_name(f"{path.stem}.{kind}.ipynb")
            text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
            target.write_text(text, encoding="utf-8", newline="\n")
            written.append(target)
    return written


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m bayes_astro.exercises.generate FOLDER")
    for path in generate(sys.argv[1]):
        print(path)
