"""A wheel, and one built from the source distribution, work without the checkout."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

CHECK = """
import pathlib, bayes_astro as ba
from bayes_astro import specs
home = pathlib.Path(ba.__file__).resolve().parent
assert home.is_relative_to(pathlib.Path({unpacked!r}).resolve()), home
assert {{"cepheid", "hogg-outliers"}} <= set(specs.available())
assert all(path.is_relative_to(home) for path in specs.available().values())
assert len(ba.load("hogg-2010")) == 20
assert len(ba.datasets()) >= 3
assert ba.exercises.check("10.1", (4.191162, 4.6e-5))
assert all(ba.exercises.open(id).stat().st_size > 1000 for id in ba.exercises.list().index)
"""


@pytest.mark.parametrize("source", ["wheel", "sdist"])
@pytest.mark.slow
def test_the_wheel_stands_alone(tmp_path, source):
    uv = shutil.which("uv")
    assert uv, "uv builds the wheel"
    flags = ["--wheel"] if source == "wheel" else []  # without flags: sdist, then wheel from it
    subprocess.run(
        [uv, "build", *flags, "--out-dir", str(tmp_path / "dist"), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(unpacked)
    assert not [name for name in names if name.startswith(("tests", "notebooks", "benchmarks"))]
    environment = {**os.environ, "PYTHONPATH": str(unpacked)}
    run = {"cwd": tmp_path, "env": environment, "check": True, "capture_output": True, "text": True}
    subprocess.run([sys.executable, "-c", CHECK.format(unpacked=str(unpacked))], **run)
    if source == "wheel":
        command = "from bayes_astro.cli import main; main()"
        subprocess.run([sys.executable, "-c", command, "demo"], **run)
        subprocess.run([sys.executable, "-c", command, "run", "hd164922"], **run)
        (tmp_path / "05_1_unequal_errors.ipynb").unlink()
        done = subprocess.run([sys.executable, "-c", command, "exercises", "5.1"], **run)
        assert "jupyter lab 05_1_unequal_errors.ipynb" in done.stdout
        assert (tmp_path / "bayes-astro-demo" / "report.html").stat().st_size > 50_000
        assert (tmp_path / "bayes-astro-hd164922" / "fit.nc").exists()
