"""Docstrings of what users call: parameters as in the signature, and nothing that breaks their rendering."""

import dataclasses
import inspect
import re
from pathlib import Path

import pytest
from public_names import public

import bayes_astro as ba
from bayes_astro import registry
from bayes_astro.data import DataError, DataWarning
from bayes_astro.hooks import is_hook


def classes():
    rows = [registry.TASKS, registry.BASELINES, registry.SAMPLERS, registry.CONTAINERS]
    found = {row.load() for table in (*rows, *registry.PARTS.values()) for row in table.values()}
    public = (getattr(ba, name) for name in ba.__all__)
    return sorted(
        found | {one for one in public if inspect.isclass(one)} | {DataError, DataWarning},
        key=lambda one: one.__name__,
    )


def functions():
    """Public functions, and methods that users call, by name."""
    modules = (ba.kernels, ba.means, ba.exchange, ba.exercises)
    found = {name: getattr(ba, name) for name in ba.__all__}
    found |= {f"{m.__name__}.{name}": getattr(m, name) for m in modules for name in m.__all__}
    found = {name: one for name, one in found.items() if inspect.isroutine(one)}
    for one in classes():
        for name in dir(one):
            member = inspect.getattr_static(one, name, None)
            member = getattr(member, "__func__", member)
            if name.startswith("_") or not inspect.isfunction(member) or is_hook(one, name):
                continue
            if member.__module__.startswith("bayes_astro"):
                found[f"{one.__name__}.{name}"] = member
    return found


CLASSES, FUNCTIONS, PUBLIC = classes(), functions(), public()
WIDEST = 88  # columns of code on a page of 1280 pixels


def documented(thing):
    """Names in the section Parameters, in order; None where there is no such section."""
    text = inspect.cleandoc(thing.__doc__ or "")
    section = re.search(
        r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n--+\n|\Z)", text, re.DOTALL | re.MULTILINE
    )
    if section is None:
        return None
    heads = [line for line in section[1].split("\n") if line and not line[0].isspace()]
    names = [name for head in heads for name in re.split(r"\s*:\s", head + " ")[0].split(",")]
    return [name.strip().lstrip("*") for name in names]


def accepted(thing):
    names = [name for name in inspect.signature(thing).parameters if name not in ("self", "cls")]
    return names


def prose(text):
    """A docstring without its literal blocks, examples and inline literals."""
    kept, deep = [], None
    for line in inspect.cleandoc(text).split("\n"):
        indent = len(line) - len(line.lstrip())
        if deep is not None and (not line.strip() or indent > deep):
            continue
        deep = indent if line.strip().startswith((".. code-block", ".. math")) else None
        if deep is None and not line.strip().startswith((">>>", "...")):
            kept.append(line)
    return re.sub(r"``.*?``|`.*?`", "", "\n".join(kept), flags=re.DOTALL)


@pytest.mark.parametrize("one", CLASSES, ids=lambda one: one.__name__)
def test_classes_document_what_they_take(one):
    named = documented(one)
    if named is None:
        own = "__init__" in vars(one) or "__dataclass_fields__" in vars(one)
        assert not own or not accepted(one), f"{one.__name__} has no section Parameters"
        return
    assert named == accepted(one)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_functions_document_no_others_and_in_order(name):
    named = documented(FUNCTIONS[name])
    assert (FUNCTIONS[name].__doc__ or "").strip()
    if named is not None:
        assert named == [x for x in accepted(FUNCTIONS[name]) if x in named]


@pytest.mark.parametrize("name", [*sorted(FUNCTIONS), *(one.__name__ for one in CLASSES)])
def test_docstrings_render(name):
    thing = FUNCTIONS.get(name) or next(one for one in CLASSES if one.__name__ == name)
    text = inspect.cleandoc(thing.__doc__ or "")
    first = text.partition("\n\n")[0]
    assert not re.search(r"\|[^\s|][^|\n]*\|", prose(text)), "|x| is a substitution"
    if inspect.isclass(thing):
        assert re.match(r"\w[\w-]*(\(\w\))?[ ,:']", first) and not re.search(
            r"\s[=~^]\s|\|", first
        ), first


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_public_names_have_an_example(name):
    _, _, examples = inspect.cleandoc(PUBLIC[name].__doc__ or "").partition(
        "\nExamples\n--------\n"
    )
    assert re.search(r"^>>> ", examples, re.MULTILINE), f"{name} has no example"


def test_examples_run_and_are_not_too_wide():
    for path in Path(ba.__file__).parent.rglob("*.py"):
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        code = [line for line in lines if line.startswith((">>> ", "... "))]
        assert not [line for line in code if "doctest: +SKIP" in line or len(line) > WIDEST], path


def test_the_test_sees_what_it_should():
    @dataclasses.dataclass
    class Wrong:
        """y = a + b |x|.

        Parameters
        ----------
        b, a : float
            See |x| and ``|y|``.
        """

        a: float
        b: float

    assert documented(Wrong) == ["b", "a"] != accepted(Wrong) == ["a", "b"]
    assert re.findall(r"\|.\|", prose(Wrong.__doc__)) == ["|x|", "|x|"]
