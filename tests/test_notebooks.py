"""The notebooks run from the first cell to the last with real sampling, and are stored with outputs."""

import json
import re
import runpy
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
SCRIPT = runpy.run_path(str(FOLDER / "execute.py"))
NOTEBOOKS = tuple(SCRIPT["notebooks"]())  # tutorials, and those of the gallery
SHORTEST_ALT = 25
KILOBYTES = 500
SECONDS = 300  # of one cell, on a busy machine
PLACES = re.compile(r"(?<![\w:/.<])/(?:home|Users|root|tmp|usr|opt|var|work|mnt|data)/|[A-Z]:\\\\")


def stored(name):
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def readable(notebook):
    """Source and outputs as text, without pictures."""
    for cell in notebook.cells:
        yield cell.source
        for output in cell.get("outputs", []):
            yield output.get("text", "")
            for kind, content in output.get("data", {}).items():
                if not kind.startswith("image/"):
                    yield str(content)


def test_there_are_tutorials_and_a_gallery():
    assert len([name for name in NOTEBOOKS if re.match(r"\d\d-", name)]) >= 13
    assert len([name for name in NOTEBOOKS if name.startswith("gallery/")]) >= 10


def changed():
    """Notebooks whose code or data are not those of which the outputs are stored."""
    record = json.loads((FOLDER / "executed.json").read_text(encoding="utf-8"))
    return {n for n in NOTEBOOKS if record.get(n) != SCRIPT["digest"](FOLDER / f"{n}.ipynb")}


def tiers():
    """Those that changed are executed by the fast tier, the others with the site that shows them."""
    now = changed()
    return [n if n in now else pytest.param(n, marks=pytest.mark.site) for n in NOTEBOOKS]


@pytest.mark.filterwarnings("ignore")  # of the Jupyter client, about its own sockets
@pytest.mark.parametrize("name", tiers())
def test_runs(name, tmp_path, monkeypatch):
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel draws inline
    notebook = stored(name)
    for cell in code(notebook):
        cell.outputs = []
    NotebookClient(  # raises CellExecutionError with the cell and the traceback
        notebook,
        timeout=SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    committed = stored(name)
    for ran, kept in zip(code(notebook), code(committed), strict=True):
        assert [o.output_type for o in ran.outputs] == [o.output_type for o in kept.outputs], (
            f"{name}: the outputs of this cell are out of date:\n{ran.source}"
        )


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_is_stored_with_small_outputs(name):
    assert (FOLDER / f"{name}.ipynb").stat().st_size < 1000 * KILOBYTES
    notebook = stored(name)
    nbformat.validate(notebook)
    cells = code(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert any("image/png" in o.get("data", {}) for cell in cells for o in cell.outputs)
    for cell in cells:
        for output in cell.outputs:
            assert output.output_type != "error", cell.source
            assert output.get("name") != "stderr", output.text


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_tells_nothing_of_the_machine(name):
    notebook = stored(name)
    assert sorted(notebook.metadata) == ["kernelspec", "language_info"]
    assert all(set(cell.metadata) <= {"alt"} for cell in notebook.cells)
    for text in readable(notebook):
        assert not PLACES.search(text), PLACES.search(text)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_pictures_are_told_in_words(name):
    for cell in code(stored(name)):
        if any("image/png" in output.get("data", {}) for output in cell.outputs):
            told = cell.metadata.get("alt", "")
            assert len(told) >= SHORTEST_ALT, f"{name}: a picture without its words:\n{cell.source}"


def test_links_lead_somewhere():
    texts = {f"{name}.ipynb": "\n".join(readable(stored(name))) for name in NOTEBOOKS}
    texts["README.md"] = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name, text in texts.items():
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if not target.startswith("http"):
                where = (FOLDER / name).parent
                assert (where / target).exists(), f"{name}: {target}"
