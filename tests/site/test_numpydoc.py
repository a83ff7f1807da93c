"""Docstrings of all that users call, by numpydoc's validation.

Asked for: the form (GL, SS), parameters with their types and what they are (PR), what comes back (RT,
YD), and an example of every public name (EX01). Left out: SA01, since prose names what is related;
ES01; SS05, which takes a noun in the plural for a verb; PR05, PR08 and PR09, since descriptions need
not be sentences.
"""

import functools
import inspect

import pytest
from public_names import public

import bayes_astro as ba
from bayes_astro.hooks import verbs

numpydoc = pytest.importorskip(
    "numpydoc.validate", reason="needs the group book: uv run --group book pytest -m site"
)
pytestmark = pytest.mark.site

CODES = {
    *("GL01", "GL02", "GL03", "GL05", "GL06", "GL07", "GL08", "GL09", "GL10"),
    *("SS01", "SS02", "SS03", "SS04", "SS06"),
    *("PR01", "PR02", "PR03", "PR04", "PR06", "PR07", "PR10"),
    *("RT01", "RT02", "RT03", "YD01"),
}


def members(owner):
    """Methods and properties that a class shows, as they are defined.

    What is neither, a field of a dataclass or a constant, is documented by the section Parameters of
    its class; what is inherited from Python's own types is documented there.
    """
    for name in verbs(owner):
        member = inspect.getattr_static(owner, name)
        member = getattr(member, "__func__", member)
        if not inspect.isfunction(member) and not isinstance(
            member, property | functools.cached_property
        ):
            continue
        where = getattr(member, "fget", None) or getattr(member, "func", None) or member
        if where.__module__.startswith("bayes_astro"):
            yield name, member


def definitions():
    """Whatever has a docstring to judge, each once, under the first name that it has."""
    found, seen = {}, set()
    for name, thing in public().items():
        inner = members(thing) if inspect.isclass(thing) else ()
        for full, one in [(name, thing), *((f"{name}.{k}", member) for k, member in inner)]:
            if id(one) not in seen:
                seen.add(id(one))
                found[full] = one
    return found


DEFINITIONS = definitions()
PUBLIC = public()


def faults(thing, codes):
    """Codes of the validation with their texts.

    A property is an attribute to those who read it: its first line says what it is, and numpydoc asks
    for no section Returns; a cached one is the same.
    """
    return [
        f"{code}: {text}"
        for code, text in numpydoc.validate(numpydoc.get_doc_object(thing))["errors"]
        if code in codes
    ]


@pytest.mark.parametrize("name", DEFINITIONS)
def test_docstrings_pass(name):
    assert faults(DEFINITIONS[name], CODES) == []


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_have_an_example(name):
    assert faults(PUBLIC[name], {"EX01"}) == []


def test_the_list_is_of_all_that_users_call():
    assert {"Periodogram.modes", "kernels.SHO", "exchange.to_qp"} <= {*DEFINITIONS}
    assert ba.Periodogram.fit in DEFINITIONS.values()
    assert not {"Periodogram.forecast", "NUTS.sample", "LightCurve.time"} & {*DEFINITIONS}
    assert len(DEFINITIONS) > 150


def test_the_test_sees_what_it_should():
    def wrong(a, b):
        """what it is

        Parameters
        ----------
        b : integer
        """
        return a + b

    codes = {fault[:4] for fault in faults(wrong, CODES | {"EX01"})}
    assert codes == {"SS02", "SS03", "PR01", "PR06", "PR07", "RT01", "EX01"}
