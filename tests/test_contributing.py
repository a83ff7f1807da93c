"""The code of CONTRIBUTING.md is complete and runs as it stands."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bayes_astro import registry
from bayes_astro.data.container import Container

PAGE = Path(__file__).resolve().parents[1] / "CONTRIBUTING.md"
FILES = {
    re.match(r"# (\w+\.py)\n", block)[1]: block
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
}


def test_the_page_has_a_task_and_a_kernel_and_their_use():
    assert list(FILES) == ["common_mean.py", "use_common_mean.py", "pulse.py", "use_pulse.py"]


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("use_")])
def test_the_code_runs(name, tmp_path):
    """In a process of its own, from files, with warnings as errors of its own lines."""
    for file, code in FILES.items():
        (tmp_path / file).write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, name], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    module, fit = name.removeprefix("use_").removesuffix(".py"), next(tmp_path.glob("*.nc")).name
    again = f"import {module}, bayes_astro as ba; print(ba.open({fit!r}).predict().sizes['draw'])"
    done = subprocess.run(
        [sys.executable, "-c", again], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 100


def test_the_density_of_the_example_is_that_of_its_graph(tmp_path, monkeypatch):
    import importlib

    import numpy as np
    from pytensor.compile.mode import Mode

    import bayes_astro as ba

    (tmp_path / "common_mean.py").write_text(FILES["common_mean.py"], encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "TASKS", dict(registry.TASKS))
    model = importlib.import_module("common_mean").CommonMean()
    data = ba.Measurements(np.random.default_rng(1).normal(size=(9, 1)), np.full((9, 1), 0.4))
    problem = model.problem(data, model.resolve_priors(data))
    mode = Mode(linker="py", optimizer="fast_compile")
    function = problem.graph().logp_dlogp_function(ravel_inputs=True, mode=mode)
    for point in problem.flat(problem.scatter(5, np.random.default_rng(2))):
        value, gradient = problem.density(point)
        expected, slope = function(point)
        assert value == pytest.approx(float(expected), rel=1e-9)
        assert gradient == pytest.approx(slope, rel=1e-9, abs=1e-9)


def test_files_that_the_page_names_are_there():
    text = PAGE.read_text(encoding="utf-8")
    root = PAGE.parent
    for path in re.findall(r"`((?:bayes_astro|tests|models|notebooks|benchmarks)/[\w/.]*)`", text):
        assert (root / path).exists(), path
    for path in re.findall(r"`(\w+(?:/\w+)*\.py)`", text):
        assert (root / path).exists() or (root / "bayes_astro" / path).exists(), path
    for path in re.findall(r"`(\w+/)`", text):
        assert (root / path).exists() or (root / "bayes_astro" / path).exists(), path


@pytest.mark.parametrize("name", registry.CONTAINERS)
def test_every_container_has_what_the_protocol_lists(name):
    kind = registry.CONTAINERS[name].load()
    wanted = [member for member in vars(Container) if not member.startswith("_")]
    for member in (*wanted, "__len__"):
        assert hasattr(kind, member) or member in kind.__annotations__, member
