"""The house keeps its order: no circles, arrows that point down, short files, hooks and verbs apart."""

import ast
import pydoc
import re
from pathlib import Path

import pytest

import bayes_astro as ba
from bayes_astro import registry
from bayes_astro.baselines.base import Baseline
from bayes_astro.estimator import Estimator
from bayes_astro.hooks import is_hook
from bayes_astro.model import Model

PACKAGE = Path(ba.__file__).parent
FLOORS = (
    ("names", "hooks", "draws", "objects", "configured", "spec_text", "sample_scores"),
    (
        "prior_families",
        "horseshoe",
        "horseshoe_distribution",
        "quantities",
        "priors",
        "prior_numbers",
        "parameters",
    ),
    ("data",),
    ("likelihoods",),
    ("coordinates", "densities", "problem"),
    ("registry",),
    ("storage", "stored", "predictions", "diagnostics", "residuals"),
    ("prior_checks", "stated_errors", "report"),
    ("samplers",),
    ("estimator", "model"),
    ("mixtures",),
    (
        "processes",
        "periodic",
        "variability",
        "density",
        "photoz",
        "regression",
        "populations",
        "classes",
        "clustering",
        "membership",
        "spectra",
        "blocks",
    ),
    ("baselines", "plots"),
    (
        "opening",
        "citations",
        "calibration",
        "folds",
        "leave_one_out",
        "comparison",
        "cross_validation",
        "sources",
        "catalog",
        "specs",
    ),
    ("cli", "exercises", "kernels", "means", "relations", "exchange", ""),
)
"""From the ground up; a module imports from its own floor and those below."""
UPWARD = 5
TABLES = {"citations.py"}  # rows of one kind, of any number
LINES = 400
FEWEST_VERBS, MOST_VERBS = 15, 24


def modules():
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(p for p in parts if p != "__init__")] = path
    return found


MODULES = modules()


def imports(name):
    """What a module imports, wherever in it; not what only type checkers read."""
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            node.body = []
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bayes_astro"):
            inner = node.module.removeprefix("bayes_astro").lstrip(".")
            for alias in node.names:
                full = f"{inner}.{alias.name}".lstrip(".")
                found.add(full if full in MODULES else inner)
        elif isinstance(node, ast.Import):
            found |= {
                alias.name.removeprefix("bayes_astro").lstrip(".")
                for alias in node.names
                if alias.name.startswith("bayes_astro")
            }
    return found - {name}


def floor(name):
    room = name.split(".")[0]
    return next(i for i, rooms in enumerate(FLOORS) if room in rooms)


def test_every_module_has_a_floor():
    for name in MODULES:
        assert any(name.split(".")[0] in rooms for rooms in FLOORS), name


def test_imports_make_no_circle():
    left = {name: imports(name) & set(MODULES) for name in MODULES}
    while free := [name for name, needs in left.items() if not needs & set(left)]:
        for name in free:
            del left[name]
    assert not left


def test_arrows_point_down():
    upward = {
        (a, b) for a in MODULES for b in imports(a) & set(MODULES) if b and floor(b) > floor(a)
    }
    assert len(upward) <= UPWARD, sorted(upward)


@pytest.mark.parametrize("name", sorted(MODULES))
def test_files_are_short(name):
    path = MODULES[name]
    if path.name not in TABLES:
        assert len(path.read_text(encoding="utf-8").splitlines()) < LINES, path


@pytest.mark.parametrize("name", [*registry.TASKS, *registry.BASELINES])
def test_only_hooks_are_redefined(name):
    bases = (Estimator, Model, Baseline)
    for one in (registry.TASKS | registry.BASELINES)[name].load().__mro__:
        if one in bases or not one.__module__.startswith("bayes_astro"):
            continue
        if not issubclass(one, Estimator):
            continue
        for member in vars(one):
            known = [base for base in bases if issubclass(one, base) and member in vars(base)]
            if known and not member.startswith(("__", "_abc")):
                assert is_hook(known[0], member), f"{one.__name__}.{member}"


def test_a_hook_serves_several_tasks():
    tasks = [row.load() for rows in (registry.TASKS, registry.BASELINES) for row in rows.values()]
    for base in (Estimator, Model, Baseline):
        for name in vars(base):
            writers = [
                task.__name__
                for task in tasks
                if any(name in vars(one) for one in task.__mro__[: task.__mro__.index(Estimator)]
                       if one not in (Estimator, Model, Baseline))
            ]  # fmt: skip
            if is_hook(base, name) and not name.startswith("_") and callable(getattr(base, name)):
                assert len(writers) != 1, f"{name} is a matter of {writers[0]} alone"


@pytest.mark.parametrize("name", list(registry.TASKS))
def test_a_user_sees_about_twenty_names(name):
    task = registry.TASKS[name].load()
    fields = set(task.__dataclass_fields__)
    shown = {member for member in dir(task) if not member.startswith("_")} - fields
    verbs = {member for member in dir(Model) if not member.startswith("_")}
    assert {"fit", "posterior", "predict", "diagnose", "summary", "plot", "save"} <= verbs
    assert verbs <= shown | fields
    assert FEWEST_VERBS <= len(verbs) <= MOST_VERBS, sorted(verbs)
    hidden = {"forecast", "pointwise", "problem", "parameters", "check_data", "simulate_data"}
    assert not hidden & shown
    instance = task.__new__(task)
    assert not hidden & set(dir(instance))


def test_parts_and_containers_show_what_users_call():
    for thing, shown, hidden in [
        (
            ba.kernels.SHO,
            {"covariance", "power_spectrum"},
            {"blocks", "kinds", "to_dict", "leaves"},
        ),
        (ba.NUTS, {"draws", "target_accept"}, {"sample", "checks"}),
        (ba.Prior, {"sample", "quantile"}, {"symbolic_log_density", "variable"}),
        (ba.Measurements, {"read", "select", "column"}, {"to_arrays", "from_arrays", "metadata"}),
        (ba.means.KeplerOrbit, {"evaluate"}, {"folds_on", "curved", "derived"}),
    ]:
        instance = thing.__new__(thing)
        for names in (dir(thing), dir(instance)):
            assert shown <= set(names)
            assert not hidden & set(names)
        described = pydoc.render_doc(thing, renderer=pydoc.plaintext)
        for name in hidden:
            assert not re.search(rf"^ \|  {name}\b", described, re.MULTILINE), name
        assert any(f" |  {name}" in described for name in shown)
