"""The command line, as a user meets it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import bayes_astro as ba
from bayes_astro import cli, specs

SPEC = """
title = "A sinusoid [bold]not markup[/bold]"
task = "Periodogram"
seed = 4
parameters.period = [2, 20]
[data]
file = "curve.csv"
[data.columns]
time = "t"
value = "m"
error = "e"
[sampler]
name = "Exact"
draws = 400
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with a specification and its table."""
    rng = np.random.default_rng(8)
    t = np.sort(rng.uniform(0, 40, 60))
    table = np.column_stack(
        [t, 5 + np.cos(2 * np.pi * t / 5.5) + rng.normal(0, 0.1, 60), t * 0 + 0.1]
    )
    np.savetxt(tmp_path / "curve.csv", table, delimiter=",", header="t,m,e", comments="")
    (tmp_path / "curve.toml").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def invoke(*arguments):
    return CliRunner().invoke(cli.app, arguments)


def fails(capsys, monkeypatch, *arguments):
    """The message of a run of the real entry point that ends in an error of the user's."""
    monkeypatch.setattr(sys, "argv", ["bayes-astro", *arguments])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("Error: ")
    assert shown.err.count("\n") == 1
    assert "Traceback" not in shown.err + shown.out
    return shown.err


def test_without_arguments_it_shows_its_commands():
    done = invoke()
    for command in ("demo", "run", "check", "list", "data", "cite", "exercises"):
        assert command in done.output
        assert invoke(command, "--help").exit_code == 0


def test_run_writes_the_fit_a_table_and_the_report(folder):
    done = invoke("run", "curve.toml", "--out", "out")
    assert done.exit_code == 0, done.output
    assert sorted(os.listdir("out")) == ["fit.nc", "report.html", "summary.csv"]
    model = ba.open("out/fit.nc")
    assert model.record["seed"] == 4
    assert float(model.posterior["posterior"]["period"].mean()) == pytest.approx(5.5, abs=0.05)
    header = Path("out/summary.csv").read_text().splitlines()[0]
    assert header.startswith(",mean,sd,median")
    for shown in (
        "A sinusoid [bold]not markup[/bold]",
        "period",
        "68% interval",
        "log Bayes factor",
        "Beside LombScargle",
        "Diagnosis:",
        "Wrote out/report.html",
    ):
        assert shown in done.output


def test_run_chooses_a_folder_and_takes_another_seed(folder):
    assert invoke("run", "curve.toml", "--seed", "9").exit_code == 0
    assert ba.open("bayes-astro-curve/fit.nc").record["seed"] == 9


def test_data_that_the_baseline_cannot_take_are_run_without_it(folder):
    done = invoke("run", "hipparcos-velocities", "--out", "stars")
    assert done.exit_code == 0, done.output
    assert sorted(os.listdir("stars")) == ["fit.nc", "report.html", "summary.csv"]
    assert "No baseline beside it: GaussianMixture has no projections" in done.output


def test_demo_fits_the_cepheid(folder, monkeypatch):
    read = specs.read

    def quick(source):
        from dataclasses import replace

        return replace(read(source), sampler={"name": "Exact", "draws": 400})

    monkeypatch.setattr(specs, "read", quick)
    done = invoke("demo")
    assert done.exit_code == 0, done.output
    assert sorted(os.listdir("bayes-astro-demo")) == ["fit.nc", "report.html", "summary.csv"]
    assert "4.191" in done.output
    assert "Is it real?" in done.output


def test_check_passes_and_fails(folder):
    assert invoke("run", "curve.toml", "--out", "out").exit_code == 0
    table = ba.open("out/fit.nc").summary()
    mean, sd, mcse = table.loc["period", ["mean", "sd", "mcse"]]
    for off, code, word in ((0, 0, "yes"), (6, 1, "NO")):
        value = mean + off * 2**0.5 * mcse
        (folder / "known.toml").write_text(
            SPEC + f"[reference]\nsource = 'a test'\n[reference.values.period]\n"
            f"mean = {value}\nsd = {sd}\nmcse = {mcse}\n"
        )
        done = invoke("check", "known.toml")
        assert done.exit_code == code, done.output
        assert word in done.output
        assert "Reference: a test" in done.output


def test_list_data_and_cite(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    listed = invoke("list").output
    assert all(name in listed for name in specs.available())
    shown = invoke("data").output
    assert all(
        name in shown for name in ("eros2-cepheid", "hipparcos-nearby", "hogg-2010", "hd164922")
    )
    cited = invoke("cite", "cepheid").output
    assert cited.count("@") >= 3
    assert "bretthorst1988" in cited


def test_exercises_are_listed_and_written(folder, capsys, monkeypatch):
    listed = invoke("exercises").output
    assert all(id in listed for id in ba.exercises.list().index)
    done = invoke("exercises", "5.1")
    assert done.exit_code == 0, done.output
    assert "jupyter lab 05_1_unequal_errors.ipynb" in done.output
    mine = Path("05_1_unequal_errors.ipynb")
    assert '"answer = ...  # your answer"' in mine.read_text(encoding="utf-8")
    mine.write_text("my work")
    assert "left as it is" in fails(capsys, monkeypatch, "exercises", "5.1")
    assert mine.read_text() == "my work"


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["exercises", "10.111"], "Did you mean '10.11'"),
        (["run", "cephied"], "Did you mean 'cepheid'"),
        (["check", "cepheis"], "Did you mean 'cepheid'"),
        (["cite", "nothing-like-it"], "Known: "),
        (["run", "none.toml"], "There is no file 'none.toml'"),
        (["check", "curve.toml"], "no reference results"),
        (["run", "curve.toml", "--seed", "-1"], "seed"),
        (["run", "curve.toml", "--out", "curve.csv"], "'curve.csv' is a file"),
        (["run", "curve.csv"], "Not valid TOML"),
    ],
)
def test_an_error_of_the_users_is_one_line(folder, capsys, monkeypatch, arguments, message):
    assert message in fails(capsys, monkeypatch, *arguments)


@pytest.mark.parametrize(
    "old, new",
    [
        ("Periodogram", "Periodgram"),
        ("[2, 20]", "[20, 2]"),
        ('"curve.csv"', '"none.csv"'),
        ('"m"', '"magnitude"'),
        ("Exact", "Emcee"),
        ("title", "a\\u001b[31m\\nb"),
    ],
)
def test_errors_in_specifications_are_one_line(folder, capsys, monkeypatch, old, new):
    new = f'"{new}"' if "\\u" in new else new
    (folder / "curve.toml").write_text(SPEC.replace(old, new, 1))
    assert "\x1b" not in fails(capsys, monkeypatch, "run", "curve.toml")


def test_no_control_character_of_a_name_reaches_the_terminal(folder):
    (folder / "curve.toml").write_text(
        SPEC.replace("A sinusoid", "\\u001b]0;owned\\u0007\\u009b31m")
    )
    done = invoke("run", "curve.toml", "--out", "out")
    assert done.exit_code == 0, done.output
    assert "\\x1b]0;owned\\x07" in done.output
    assert not any(code in done.output for code in ("\x1b]", "\x07", "\x9b"))


def test_check_refuses_before_it_fits(folder, monkeypatch):
    """Whoever forgot the reference results should not wait for a fit to be told."""
    monkeypatch.setattr(specs.Spec, "run", lambda *_, **__: pytest.fail("it fitted"))
    done = invoke("check", "curve.toml")
    assert isinstance(done.exception, specs.SpecError)


def test_the_installed_command():
    command = Path(sys.executable).with_name("bayes-astro")
    done = subprocess.run([command, "run", "cephied"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("Error: There is no file 'cephied'")
