"""What importing, fitting and drawing leave behind: nothing."""

import json
import subprocess
import sys

import pytest

import bayes_astro as ba

HEAVY = [
    "arviz",
    "arviz_base",
    "arviz_stats",
    "arviz_plots",
    "astropy",
    "emcee",
    "finufft",
    "matplotlib",
    "numba",
    "pandas",
    "pooch",
    "pymc",
    "pytensor",
    "rich",
    "scipy",
    "sklearn",
    "typer",
    "xarray",
]


def run(program):
    """Run a program in a new process and read what it prints as JSON."""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_import_loads_nothing_heavy():
    loaded = run(
        "import sys, json, bayes_astro; dir(bayes_astro); print(json.dumps([*sys.modules]))"
    )
    assert "bayes_astro" in loaded
    assert not {name.partition(".")[0] for name in loaded} & {*HEAVY}


def test_dir_lists_the_public_names_and_each_resolves():
    assert dir(ba) == sorted([*ba.__all__, "__version__"])
    assert {*ba._PUBLIC, *ba._MODULES} == {*ba.__all__}
    for name in ba.__all__:
        assert getattr(ba, name).__doc__, f"{name} has no docstring"


@pytest.mark.parametrize("name", ["kernels", "means", "exchange"])
@pytest.mark.parametrize("first", ["ba.{}", "importlib.import_module('bayes_astro.{}')"])
def test_modules_are_imported_by_their_public_names(name, first):
    found = run(
        "import importlib, json, sys, bayes_astro as ba\n"
        f"{first.format(name)}\n"
        f"import bayes_astro.{name} as module\n"
        f"from bayes_astro.{name} import *\n"
        "where = {getattr(module, name).__module__ for name in module.__all__}\n"
        f"print(json.dumps([ba.{name} is module, sorted(module.__all__), *sorted(where)]))"
    )
    assert found[0] and found[1]
    assert all(
        where.startswith(("bayes_astro.processes", "bayes_astro.photoz")) for where in found[2:]
    )


def test_one_definition_of_a_kernel():
    from bayes_astro.kernels import SHO
    from bayes_astro.means import KeplerOrbit
    from bayes_astro.processes import kernels, means

    assert SHO is kernels.SHO is ba.kernels.SHO
    assert KeplerOrbit is means.KeplerOrbit is ba.means.KeplerOrbit


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Periodgram"):
        _ = ba.Periodgram


def test_help_renders_and_shows_the_tasks():
    text = run(
        "import json, pydoc, bayes_astro\n"
        "print(json.dumps(pydoc.plain(pydoc.render_doc(bayes_astro))))"
    )
    for name in ("Every task is one generative model", "Periodogram", "LinearRelation", "fit_each"):
        assert name in text


STATE = """
import json, logging, warnings
import numpy as np
import matplotlib, pymc, pytensor

def state():
    loggers = [None, "pymc", "pytensor", "pytensor.configdefaults", "matplotlib", "arviz", "numba"]
    found = [logging.getLogger(name) for name in loggers]
    return {
        "rcParams": {key: repr(value) for key, value in matplotlib.rcParams.items()},
        "levels": [(x.level, x.disabled, x.propagate) for x in found],
        "handlers": [[repr(h) for h in x.handlers] for x in found],
        "disabled": logging.root.manager.disable,
        "filters": [repr(f) for f in warnings.filters],
        "random": repr(np.random.get_state()),
        "numpy errors": np.geterr(),
        "printing": {k: repr(v) for k, v in np.get_printoptions().items()},
    }

steps = {"before": state()}
import bayes_astro as ba
for name in ba.__all__:
    getattr(ba, name)
steps["import"] = state()
rng = np.random.default_rng(1)
t = np.sort(rng.uniform(0, 30, 40))
curve = ba.LightCurve(t, np.cos(2 * t) + 0.1 * rng.normal(size=40), np.full(40, 0.1))
model = ba.Periodogram(period=(2, 10)).fit(curve, ba.Exact(draws=400), seed=1)
steps["exact"] = state()
ba.LinearRelation("y").fit(
    ba.load("hogg-2010"), ba.NUTS(draws=20, tune=20, chains=2), seed=1, progress=False
)
steps["nuts"] = state()
model.plot(); model.diagnose(); model.baseline().fit(curve)
steps["plot"] = state()
first = steps.pop("before")
print(json.dumps([
    f"{step}: {key}" for step, found in steps.items() for key in first if found[key] != first[key]
]))
"""


def test_import_fits_and_figures_change_no_global_state():
    # Libraries add filters of their own when they are first imported, so these come before.
    others = (
        "arviz_stats, astropy.timeseries, odrpack, emcee, sklearn, pytensor.link.numba.dispatch"
    )
    assert run(f"import {others}\n{STATE}") == []
