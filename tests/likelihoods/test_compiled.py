"""Compiled code is kept where one may write, and works where nowhere may be written."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import bayes_astro as ba

pytestmark = pytest.mark.slow  # each compiles in a process of its own

FIT = """
import bayes_astro as ba, warnings
data = ba.load("hogg-2010")
model = ba.LinearRelation("y").fit(data, ba.NUTS(draws=20, tune=20, chains=2), seed=1, progress=False)
model.build(data).compile_logp()
print(len(model.posterior["posterior"]["draw"]), ba.__file__)
"""


def package(folder):
    """A copy of the package of which no folder of caches can be made: files stand in their places."""
    ignore = shutil.ignore_patterns("__pycache__")
    copied = shutil.copytree(Path(ba.__file__).parent, folder / "bayes_astro", ignore=ignore)
    for place in [copied, *(p for p in copied.rglob("*") if p.is_dir())]:
        (place / "__pycache__").write_text("in the way")
    return copied


def run(folder, **changed):
    environment = {k: v for k, v in os.environ.items() if k not in ("XDG_CACHE_HOME", "HOME")}
    environment.pop("NUMBA_CACHE_DIR", None)
    environment.pop("PYTENSOR_FLAGS", None)
    environment |= {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", **changed}
    return subprocess.run(
        [sys.executable, "-c", FIT], cwd=folder, env=environment, capture_output=True, text=True,
        timeout=300,
    )  # fmt: skip


def test_where_nothing_can_be_written(tmp_path):
    copied = package(tmp_path)
    nowhere = tmp_path / "file"
    nowhere.write_text("no folder")
    done = run(tmp_path, HOME=str(nowhere))
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == ["20", str(copied / "__init__.py")]
    said = [line for line in done.stderr.splitlines() if "bayes_astro:" in line]
    assert len(said) == 1
    assert "NUMBA_CACHE_DIR" in said[0]


def test_a_changed_kernel_is_compiled_again(tmp_path):
    """Also where it is called by one whose own file did not change."""
    copied, cache = package(tmp_path), tmp_path / "cache"
    script = (
        "import numpy as np\n"
        "from bayes_astro.likelihoods.straight_line import LINE\n"
        "import bayes_astro as ba\n"
        "data = ba.load('hogg-2010')\n"
        "model = ba.LinearRelation('y', scatter=False)\n"
        "problem = model.problem(data, model.resolve_priors(data))\n"
        "print(problem.density(problem.points(1, np.random.default_rng(1))[0][0])[0])\n"
    )

    def value():
        environment = os.environ | {"PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(cache)}
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True,
            text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        return float(done.stdout)

    before = value()
    assert value() == before
    path = copied / "likelihoods" / "priors.py"
    text = path.read_text()
    changed = text.replace("-0.5 * z * z", "-0.25 * z * z", 1)
    assert changed != text
    path.write_text(changed)
    assert value() != before


def test_the_process_that_compiles_finds_what_later_ones_find(tmp_path):
    """To the last digit, which a long climb or chain would magnify."""
    script = (
        "import hashlib, numpy as np, bayes_astro as ba\n"
        "rng = np.random.default_rng(1)\n"
        "x = rng.normal(size=(300, 3)) + 3 * rng.integers(0, 2, (300, 1))\n"
        "data = ba.Measurements(x, np.full((300, 3), 0.3))\n"
        "model = ba.ExtremeDeconvolution(3).fit(data, ba.MAP(), seed=1, progress=False)\n"
        "found = model.posterior['posterior'].to_dataset()\n"
        "print(hashlib.sha256(found['covariance'].values.tobytes()).hexdigest())\n"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    first, second = (
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script], env=environment, check=True,
            capture_output=True, text=True,
        ).stdout
        for _ in range(2)
    )  # fmt: skip
    assert first.strip()
    assert first == second
