"""Pages of the reference, from what the library declares: nothing is listed by hand.

A public name stands in the group of its table in the registry, or of its module; what is in none
stands under "Around a fit". The members of a class are those that `dir` shows (`bayes_astro.hooks`).
"""

import inspect
import re
import shutil
from pathlib import Path

import bayes_astro as ba
from bayes_astro import registry
from bayes_astro.hooks import verbs

SOURCE = Path(__file__).parents[1]
MOST_USES = 20  # beyond, a name is everywhere
DATA = ("Filters", "Templates", "load", "datasets", "fetch")
TITLES = {
    "models": "Models",
    "samplers": "Samplers",
    "data": "Data",
    "workflow": "Around a fit",
    "kernels": "Kernels",
    "means": "Mean functions",
    "relations": "Relations",
    "baselines": "Baselines",
    "exchange": "Exchange",
    "exercises": "Exercises",
}
WHAT = {
    "models": "One generative model a task: `fit`, `posterior`, `predict`, `diagnose`.",
    "samplers": "How draws are made, and what each run says of itself.",
    "data": "Containers that check what they are given, readers, and bundled tables.",
    "workflow": "Priors, files, comparison, calibration, many objects, tasks of your own.",
    "kernels": "Covariances of stationary processes, which add and multiply.",
    "means": "What is not noise of the star.",
    "relations": "Curves of a response over its predictors, with named parameters.",
    "baselines": "The frequentist counterpart of each task, with the same verbs.",
    "exchange": "Densities of redshift in files that other tools read.",
    "exercises": "Judge an answer, get a hint, see the solution.",
}


def groups():
    """Full names by page."""
    found = {page: [] for page in TITLES}
    for name in ba.__all__:
        if name in ba._MODULES:
            found[name] = [f"bayes_astro.{name}.{one}" for one in sorted(getattr(ba, name).__all__)]
            continue
        page = "workflow"
        for table, where in [
            (registry.TASKS, "models"), (registry.SAMPLERS, "samplers"),
            (registry.CONTAINERS, "data"), (DATA, "data"),
        ]:  # fmt: skip
            page = where if name in table else page
        found[page].append(f"bayes_astro.{name}")
    return found


def thing(path):
    """What a full name stands for."""
    value = ba
    for name in path.split(".")[1:]:
        value = getattr(value, name)
    return value


def members():
    """Names of methods and properties, by class."""
    things = {path: thing(path) for paths in groups().values() for path in paths}
    return {path: verbs(one) for path, one in things.items() if inspect.isclass(one)}


def uses():
    """Pages that call each name: tutorials, figures of the gallery, exercises."""
    pages = {}
    for pattern in ("[0-9]*.ipynb", "gallery/*.ipynb", "exercises/[0-9]*.py"):
        for path in sorted(SOURCE.glob(pattern)):
            page = path.relative_to(SOURCE).with_suffix("").as_posix()
            pages[page] = path.read_text(encoding="utf-8")
    found = {}
    for paths in groups().values():
        for path in paths:
            called = re.compile(rf"\b{re.escape(path.replace('bayes_astro.', 'ba.'))}\(")
            found[path] = [page for page, text in pages.items() if called.search(text)]
    return {path: named for path, named in found.items() if 0 < len(named) <= MOST_USES}


def table(paths, toctree=""):
    """An autosummary of names."""
    lines = ["```{eval-rst}", ".. autosummary::"]
    lines += ["   :toctree: generated"] if toctree else []
    return "\n".join([*lines, "   :nosignatures:", "", *(f"   {p}" for p in paths), "```"])


def write(app, config):
    """One page a group, and one of all; pages of names that are gone are removed."""
    folder = Path(app.srcdir, "reference")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    listed = groups()
    parts = ["# Reference", "Every public name of `import bayes_astro as ba`, and of each class what a "
             "user calls.", "[Index of all names](genindex)"]  # fmt: skip
    for page, title in TITLES.items():
        parts += [f"## [{title}]({page}.md)", WHAT[page], table(listed[page])]
        text = f"# {title}\n\n{WHAT[page]}\n\n{table(listed[page], toctree=True)}\n"
        (folder / f"{page}.md").write_text(text, encoding="utf-8")
    parts += ["```{toctree}\n:hidden:\n" + "\n".join(TITLES) + "\n```"]
    (folder / "index.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def setup(app):
    app.connect("config-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
