"""The notebooks follow from their sources, run with real sampling, and are judged as they should."""

import json
import re
import runpy
from pathlib import Path

import nbformat
import numpy as np
import pytest

from bayes_astro import exercises, registry
from bayes_astro.exercises.blank import source
from bayes_astro.exercises.generate import cells, exercise_notebook, generate
from bayes_astro.exercises.library import exercise, ids

FOLDER = Path(__file__).resolve().parents[2] / "notebooks" / "exercises"
SOURCES = {id: source(id).stem for id in ids()}
# Where the library samples it is the slow tier that does.
SOLUTIONS = [pytest.param(id, marks=pytest.mark.slow if exercise(id).task else ()) for id in ids()]


def run(notebook, folder):
    """All code of a notebook in a fresh namespace, which is returned."""
    content = json.loads((FOLDER / notebook).read_text(encoding="utf-8"))
    code = ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code"]
    script = folder / "notebook.py"
    script.write_text("\n\n".join(code), encoding="utf-8")
    return runpy.run_path(str(script))


def test_every_exercise_has_a_source():
    assert sorted(SOURCES.values()) == sorted(path.stem for path in FOLDER.glob("*.py"))


def test_regenerating_changes_nothing(tmp_path):
    for path in FOLDER.glob("*.py"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    written = generate(tmp_path)
    assert len(written) == 2 * len(SOURCES)
    for path in written:
        assert path.read_bytes() == (FOLDER / path.name).read_bytes(), (
            f"{path.name} is out of date: python -m bayes_astro.exercises.generate "
            "notebooks/exercises"
        )
        nbformat.validate(nbformat.read(path, as_version=4))


@pytest.mark.parametrize("id", SOURCES)
def test_hint_and_solution_are_those_of_the_notebook(id):
    text = (FOLDER / f"{SOURCES[id]}.py").read_text(encoding="utf-8")
    tagged = {cell.tag: cell.source for cell in cells(text)}
    assert exercises.hint(id) == tagged["hint"]
    assert exercises.solution(id) == tagged["solution"]
    assert repr(exercises.solution(id)) == tagged["solution"]


@pytest.mark.parametrize("id", SOLUTIONS)
def test_solution_is_correct(id, tmp_path):
    namespace = run(f"{SOURCES[id]}.solution.ipynb", tmp_path)
    verdict = exercises.check(id, namespace["answer"])
    assert verdict.passed, verdict
    for name, values in exercise(id).data.items():
        np.testing.assert_array_equal(namespace[name], values)


@pytest.mark.parametrize("id", SOURCES)
def test_blank_is_not_attempted(id, tmp_path):
    namespace = run(f"{SOURCES[id]}.exercise.ipynb", tmp_path)
    verdict = exercises.check(id, namespace["answer"])
    assert verdict.state == "not attempted"
    assert not verdict


@pytest.mark.parametrize("id", SOURCES)
def test_blank_hides_hint_and_solution(id):
    python = (FOLDER / f"{SOURCES[id]}.py").read_text(encoding="utf-8")
    for cell in exercise_notebook(python)["cells"]:
        text = "".join(cell["source"])
        if exercises.hint(id) in text or exercises.solution(id) in text:
            assert cell["cell_type"] == "markdown"
            assert text.startswith("<details>")
            assert text.endswith("</details>")


@pytest.mark.parametrize(
    "text, problem",
    [
        ("x = 1\n", "line 1: expected '# %%'"),
        ("# %%\nx = 1\n# %% [raw]\n", "line 3: cannot read"),
        ('# %% tags=["answer"]\n', "line 1: cannot read"),
        ("# %%\nx = 1\n", "exactly|expected one text cell"),
        ('# %% tags=["hint"]\n# %% tags=["solution"]\n', "expected one text cell"),
    ],
)
def test_a_faulty_source_is_refused(text, problem, tmp_path):
    (tmp_path / "faulty.py").write_text(text)
    with pytest.raises(ValueError, match=problem):
        generate(tmp_path)


def test_a_folder_without_sources_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no exercise sources"):
        generate(tmp_path)


@pytest.mark.parametrize("id", ids())
def test_a_blank_is_written_once(id, tmp_path):
    path = exercises.open(id, tmp_path)
    assert path.read_bytes() == (FOLDER / f"{SOURCES[id]}.exercise.ipynb").read_bytes()
    with pytest.raises(FileExistsError, match="left as it is"):
        exercises.open(id, tmp_path)


def test_a_blank_needs_a_known_exercise_and_a_folder(tmp_path):
    with pytest.raises(ValueError, match=r"Did you mean '10\.1'"):
        exercises.open("10.1x", tmp_path)
    with pytest.raises(ValueError, match="make it first"):
        exercises.open("5.1", tmp_path / "none")


def test_the_list_says_what_each_is_about():
    table = exercises.list()
    assert list(table.index) == ids()
    assert table["chapter"].is_monotonic_increasing
    assert set(table["difficulty"]) == {1, 2, 3}
    assert table["minutes"].between(5, 60).all()
    assert set(table["task"]) <= {"", *registry.TASKS}
    assert (table["idea"].str.split().str.len() <= 9).all() and table["idea"].is_unique
    for id, task in table["task"].items():
        assert not task or f"ba.{task}" in str(exercises.solution(id))


def test_the_table_of_the_notebooks_has_every_exercise():
    readme = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
    for id, stem in SOURCES.items():
        row = (
            f"[blank](exercises/{stem}.exercise.ipynb) | [solved](exercises/{stem}.solution.ipynb)"
        )
        assert f"| {id} |" in readme and row in readme, id


@pytest.mark.parametrize("id", SOURCES)
def test_formulas_are_shown_as_they_are(id):
    """Outside of backquotes Markdown takes ** for bold, and a line's first * for a list."""
    for cell in cells((FOLDER / f"{SOURCES[id]}.py").read_text(encoding="utf-8")):
        if cell.kind == "markdown":
            assert not re.search(r"^([*+-]|\d+[.)]) ", cell.source, re.MULTILINE), cell.source
            prose = re.sub(r"`[^`]*`", "", cell.source)
            assert not re.search(r"[\w)]\*\*[\w(-]", prose), prose


@pytest.mark.parametrize("id", SOURCES)
def test_code_fits_the_page(id):
    for cell in cells((FOLDER / f"{SOURCES[id]}.py").read_text(encoding="utf-8")):
        if cell.kind == "code":
            assert max(map(len, cell.source.splitlines())) <= 100, cell.source
