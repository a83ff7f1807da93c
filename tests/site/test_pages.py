"""Code on the site's pages runs, and prints what it says that it prints.

Blocks of Python that begin with a prompt are doctests; those of a page share their names. Those after
a line ``% needs NAME`` run where that package is installed: the group benchmark has most of them.
"""

import doctest
import re
import warnings
from pathlib import Path

import pytest

pytestmark = pytest.mark.site

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
FENCE = re.compile(r"(?:^% needs (\w+)\n\n)?^```python\n(>>> .*?)^```", re.DOTALL | re.MULTILINE)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
OWN = [path for where in ("*.md", "how-to/*.md", "coming-from/*.md", "behind/*.md")
       for path in sorted(FOLDER.glob(where)) if path.name not in ("README.md", "faults.md")]  # fmt: skip
WITHOUT_CODE = {
    "behind/calibration.md", "behind/index.md", "behind/mathematics.md", "coming-from/index.md", "exercises.md", "faq.md", "gallery.md", "how-to/index.md",
    "index.md", "tutorials.md", "which-model.md", "how-to/own-task.md",
}  # fmt: skip


def name(path):
    return path.relative_to(FOLDER).as_posix()


def blocks(path):
    text = path.read_text(encoding="utf-8")
    found = FENCE.finditer(text)
    return [(text[: block.start(2)].count("\n"), block[2], block[1] or "") for block in found]


BESIDE = [
    (path, package)
    for path in OWN
    for package in sorted({package for *_, package in blocks(path) if package})
]  # pages with blocks for other packages that may not be installed


def failures(path, beside=""):
    """What went wrong on a page, with its lines; blocks for one other package run, too."""
    said, names = [], {}
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    for line, block, package in blocks(path):
        if package not in ("", beside):
            continue
        test = doctest.DocTestParser().get_doctest(block, names, name(path), str(path), line)
        runner.run(test, out=said.append, clear_globs=False)
        names = test.globs
    return "".join(said)


@pytest.mark.parametrize("path", OWN, ids=name)
def test_page(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if path.parent.name == "coming-from":  # other packages warn of themselves
        warnings.simplefilter("ignore")
    if name(path) in WITHOUT_CODE:
        assert not blocks(path)
    else:
        assert blocks(path), "no code: add the page to WITHOUT_CODE"
        assert not (said := failures(path)), said


@pytest.mark.parametrize("path,package", BESIDE, ids=lambda one: getattr(one, "stem", one))
def test_page_beside(path, package, tmp_path, monkeypatch):
    """The same page with the other package's lines, of the group benchmark."""
    pytest.importorskip(package, reason="uv run --group book --group benchmark pytest -m site")
    monkeypatch.chdir(tmp_path)
    warnings.simplefilter("ignore")
    assert not (said := failures(path, package)), said


@pytest.mark.parametrize("path", OWN, ids=name)
def test_lines_of_code_fit(path):
    for fence in re.findall(
        r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), re.S | re.M
    ):
        assert max(map(len, fence.split("\n"))) <= 92


def test_a_wrong_output_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(f"{__name__}.FOLDER", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("# A\n\n```python\n>>> a = 1\n```\n\n```python\n>>> a + 1\n3\n```\n")
    assert "Expected:\n    3\nGot:\n    2" in failures(page)
    page.write_text("# A\n\n```python\n>>> a = 1\n```\n\n```python\n>>> a + 1\n2\n```\n")
    assert not failures(page)
