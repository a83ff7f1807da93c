"""The notebooks follow from their sources, run with real sampling, and are judged as they should."""

import json
import runpy
from pathlib import Path

import nbformat
import numpy as np
import pytest

from bayes_astro import exercises
from bayes_astro.exercises.generate import cells, exercise_notebook, generate
from bayes_astro.exercises.library import exercise, ids

FOLDER = Path(__file__).resolve().parents[2] / "notebooks" / "exercises"
SOURCES = {
    "5.1": "05_1_unequal_errors",
    "5.2": "05_2_line_with_outliers",
    "5.5": "05_5_counts_on_and_off",
    "6.1": "06_1_velocity_dispersion",
    "9.1": "09_1_behind_the_interim_prior",
    "9.2": "09_2_unknown_amplitude",
    "10.1": "10_1_period_and_aliases",
    "10.2": "10_2_damping_time",
    "10.3": "10_3_rotation_period",
    "10.4": "10_4_a_second_planet",
    "10.5": "10_5_one_band_a_night",
}


def run(notebook, folder):
    """All code of a notebook in a fresh namespace, which is returned."""
    content = json.loads((FOLDER / notebook).read_text(encoding="utf-8"))
    code = ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code"]
    script = folder / "notebook.py"
    script.write_text("\n\n".join(code), encoding="utf-8")
    return runpy.run_path(str(script))


def test_every_exercise_has_a_source():
    assert list(SOURCES) == ids()
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
    source = (FOLDER / f"{SOURCES[id]}.py").read_text(encoding="utf-8")
    tagged = {cell.tag: cell.source for cell in cells(source)}
    assert exercises.hint(id) == tagged["hint"]
    assert exercises.solution(id) == tagged["solution"]
    assert repr(exercises.solution(id)) == tagged["solution"]


@pytest.mark.parametrize("id", SOURCES)
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
    source = (FOLDER / f"{SOURCES[id]}.py").read_text(encoding="utf-8")
    for cell in exercise_notebook(source)["cells"]:
        text = "".join(cell["source"])
        if exercises.hint(id) in text or exercises.solution(id) in text:
            assert cell["cell_type"] == "markdown"
            assert text.startswith("<details>")
            assert text.endswith("</details>")


@pytest.mark.parametrize(
    "source, problem",
    [
        ("x = 1\n", "line 1: expected '# %%'"),
        ("# %%\nx = 1\n# %% [raw]\n", "line 3: cannot read"),
        ('# %% tags=["answer"]\n', "line 1: cannot read"),
        ("# %%\nx = 1\n", "exactly|expected one text cell"),
        ('# %% tags=["hint"]\n# %% tags=["solution"]\n', "expected one text cell"),
    ],
)
def test_a_faulty_source_is_refused(source, problem, tmp_path):
    (tmp_path / "faulty.py").write_text(source)
    with pytest.raises(ValueError, match=problem):
        generate(tmp_path)


def test_a_folder_without_sources_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no exercise sources"):
        generate(tmp_path)
