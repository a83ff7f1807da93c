"""The site builds without a warning, and its pages stand: links, pictures, headings, nothing from a network.

A public name, a task, a figure, a notebook or an exercise without a page fails.
"""

import ast
import fcntl
import inspect
import json
import re
import subprocess
import sys
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from public_names import public

import bayes_astro as ba
from bayes_astro import registry
from bayes_astro.hooks import verbs

pytestmark = pytest.mark.site
pytest.importorskip("sphinx", reason="needs the group book: uv run --group book pytest -m site")

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "notebooks"
OF_THE_BUILDER = {"genindex.html", "search.html", "py-modindex.html"}
SHORTEST_ALT = 25


class Page(HTMLParser):
    """What a page has: identifiers, links, what it loads, alternative texts, levels of headings, words."""

    def __init__(self, path):
        super().__init__()
        self.path = path
        self.ids, self.links, self.loads, self.pictures, self.levels = set(), [], [], [], []
        self.words = []
        self._silent = 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        has = dict(attributes)
        self._silent += tag in ("script", "style")
        if "id" in has:
            self.ids.add(has["id"])
        if tag == "a" and "href" in has:
            self.links.append(has["href"])
        if tag in ("script", "img", "iframe", "source", "video", "object") and "src" in has:
            self.loads.append(has["src"])
        if tag == "link" and has.get("rel") in ("stylesheet", "preload", "icon", "preconnect"):
            self.loads.append(has["href"])
        if tag == "img":
            self.pictures.append(has.get("alt"))
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))

    def handle_endtag(self, tag):
        self._silent -= tag in ("script", "style")

    def handle_data(self, text):
        if not self._silent:
            self.words.append(text)

    @cached_property
    def text(self):
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def site(tmp_path_factory, worker_id):
    """The folder of the site, built once for all workers; a warning, or a word of an error, fails."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder if worker_id == "master" else folder.parent
    out, said = folder / "site", folder / "site.json"
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-E", SOURCE, out]
    with (folder / "site.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not said.exists():
            done = subprocess.run(command, capture_output=True, text=True)
            said.write_text(json.dumps([done.returncode, done.stderr]), encoding="utf-8")
    code, errors = json.loads(said.read_text(encoding="utf-8"))
    assert code == 0, errors
    assert not errors
    return out


@pytest.fixture(scope="module")
def pages(site):
    found = [path for path in site.rglob("*.html") if "_static" not in path.parts]
    return {path: Page(path) for path in found}


@pytest.fixture(scope="module")
def own(pages, site):
    """Those that are not the builder's, by their name within the site."""
    named = {path.relative_to(site).as_posix(): page for path, page in pages.items()}
    return {name: page for name, page in named.items() if name not in OF_THE_BUILDER}


def test_links_lead_somewhere(site, pages):
    broken = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or link == "#":
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists() or (
                parts.fragment and unquote(parts.fragment) not in pages[target].ids
            ):
                broken.append((path.name, link))
    assert not broken, (len(broken), broken[:10])


def test_nothing_comes_from_a_network(site, pages):
    loaded = {(path.name, what) for path, page in pages.items() for what in page.loads}
    assert not {one for one in loaded if urlsplit(one[1]).netloc}
    for sheet in site.rglob("*.css"):
        addresses = re.findall(
            r"url\(\s*['\"]?(?:https?:)?//[^)]*", sheet.read_text(encoding="utf-8")
        )
        assert not addresses, sheet
    assert "cdn." not in "".join(page.path.read_text(encoding="utf-8") for page in pages.values())


def test_every_picture_has_an_alternative_of_its_own(own):
    bad = []
    for name, page in own.items():
        inside = [alt for alt in page.pictures if alt != "bayes_astro, to the first page"]
        bad += [(name, alt) for alt in inside if not alt or len(alt) < SHORTEST_ALT]
        bad += [(name, alt) for alt in inside if alt and re.search(r"\.(png|svg)$", alt)]
        bad += [(name, alt) for alt in inside if inside.count(alt) > 1]
    assert not bad, (len(bad), bad[:10])


def test_one_title_and_no_level_left_out(own):
    bad = [
        (name, page.levels)
        for name, page in own.items()
        if page.levels.count(1) != 1 or any(b > a + 1 for a, b in zip(page.levels, page.levels[1:]))
    ]
    assert not bad, (len(bad), bad[:10])


def test_formulas_are_mathml(own):
    formulas = {name: page.path.read_text(encoding="utf-8") for name, page in own.items()}
    assert formulas["behind/mathematics.html"].count("<math ") > 30
    for name in own:
        assert not any("mathjax" in one.lower() for one in own[name].loads), name
        assert not re.search(r"\\\(|\\\[|\$\$", own[name].text), name


def test_every_public_name_has_a_page_and_nothing_else(own):
    pages = {name for name in own if name.startswith("reference/generated/")}
    assert pages == {f"reference/generated/bayes_astro.{name}.html" for name in public()}


def test_the_reference_shows_what_users_call(own):
    everything = {identifier for one in own.values() for identifier in one.ids}
    for name, thing in public().items():
        if not inspect.isclass(thing):
            continue
        full = f"bayes_astro.{name}."
        here = own[f"reference/generated/{full}html"].ids
        shown = {one.removeprefix(full) for one in here if one.startswith(full)}
        assert shown == set(verbs(thing)), name
    for shown in (
        "LightCurve.read",
        "Periodogram.modes",
        "Templates.bundled",
        "kernels.SHO.covariance",
    ):
        assert f"bayes_astro.{shown}" in everything
    for hidden in ("Periodogram.forecast", "NUTS.sample", "kernels.SHO.blocks", "Prior.variable"):
        assert f"bayes_astro.{hidden}" not in everything


def test_every_task_has_its_places(own):
    models, mathematics = own["which-model.html"].text, own["behind/mathematics.html"].text
    for name in registry.TASKS:
        assert name in models, f"{name} is not on the page Which model?"
        assert name in mathematics, f"{name} is not on the page of the mathematics"


def code(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return "\n".join("".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code")


def test_every_figure_is_in_the_gallery(own):
    drawn = "\n".join(code(path) for path in SOURCE.glob("gallery/*.ipynb"))
    for name, row in registry.TASKS.items():
        assert f"ba.{name}(" in drawn, f"no figure of {name} in the gallery"
        for figure in row.drawings():
            assert f'.plot("{figure}"' in drawn, (
                f"the figure {figure} of {name} is not in the gallery"
            )
    gallery = own["gallery.html"]
    for path in SOURCE.glob("gallery/*.ipynb"):
        assert f"gallery/{path.stem}.html" in own
        assert any(link.startswith(f"gallery/{path.stem}.html#") for link in gallery.links), (
            path.stem
        )


def test_every_notebook_and_exercise_has_a_page_and_is_listed(own):
    tutorials, exercises = own["tutorials.html"], own["exercises.html"]
    for path in SOURCE.glob("*.ipynb"):
        assert f"{path.stem}.html" in own
        assert f"{path.stem}.html" in tutorials.links, path.stem
    listed = ba.exercises.list()
    sources = list((SOURCE / "exercises").glob("[0-9]*.py"))
    assert len(sources) == len(listed) > 10
    for path in sources:
        page = own[f"exercises/{path.stem}.html"]
        assert f"exercises/{path.stem}.html" in exercises.links, path.stem
        assert "Hint" in page.text
        assert "Solution" in page.text
    assert all(title in exercises.text for title in listed["title"])


def test_documents_are_pages(own):
    assert "A task is one file and one row" in own["documents/contributing.html"].text
    for name in ("benchmarks", "changelog", "data", "specifications"):
        assert len(own[f"documents/{name}.html"].text) > 2000


def test_search_knows_the_words(site):
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    terms = json.loads(index[index.index("(") + 1 : index.rindex(")")])
    names = terms["docnames"]

    def found(*stems):
        sets = []
        for stem in stems:
            numbers = [terms[kind].get(stem, []) for kind in ("terms", "titleterms")]
            sets.append({n for one in numbers for n in ([one] if isinstance(one, int) else one)})
        return {names[n] for n in set.intersection(*sets)}

    assert "faq" in found("fals", "alarm") | found("false", "alarm")
    assert "faq" in found("upper", "limit")
    assert {"faq", "04-a-quasars-damped-random-walk"} <= found("damp", "time")


def names_of_checks():
    """Of all checks of the library, as far as they are written out."""
    for path in Path(ba.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Check"
            if called and isinstance(node.args[0], ast.Constant):
                yield node.args[0].value
            elif called and isinstance(node.args[0], ast.JoinedStr):
                yield from (
                    one.value for one in node.args[0].values if isinstance(one, ast.Constant)
                )


def test_every_check_is_explained(own):
    page, names = own["how-to/diagnosis.html"].text, set(names_of_checks())
    assert len(names) > 40
    missing = [name for name in names if name.strip(" )") not in page]
    assert not missing, missing


def test_terms_explained_at_the_start(own):
    start = own["start.html"]
    for anchor in (
        "posterior",
        "interval",
        "evidence-and-bayes-factor",
        "r-hat",
        "effective-sample-size",
    ):
        assert anchor in start.ids
