"""Every specification in models/ reproduces its reference results."""

import pytest

from bayes_astro import specs

SLOW = ("k2-131",)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n in SLOW)) for n in specs.available()]
)
def test_reproduces_its_reference(name):
    spec = specs.read(name)
    model = spec.run(
        seed=99, progress=False
    )  # not the seed that the user gets, nor the reference's
    table = specs.check(spec, model)
    assert table["reproduced"].all(), table.to_string()
    assert (table["reference_sd"] > 0).all()


def test_there_are_the_promised_ones():
    promised = {"cepheid", "hd164922", "hogg-line", "hogg-outliers", "hipparcos-velocities"}
    promised |= {
        "macho-quasar",
        "k2-131",
        "sdss-photoz",
        "sdss-templates",
        "pump-failures",
        "pantheon",
    }
    assert promised <= set(specs.available())
