"""A disk that fills at any byte: one sentence, no crash, and what stood there whole.

Fits alone are in `test_storage.py`.
"""

import contextlib
import io
import os
import resource
import sys

import numpy as np
import pytest
from samples import sinusoid

import bayes_astro as ba
from bayes_astro import cli, report, specs

CURVE = sinusoid(n=40)
FILLS = 20


@pytest.fixture(scope="module")
def models():
    model = ba.Periodogram(period=(2, 10)).fit(CURVE, ba.Exact(draws=2000), seed=1)
    return model, ba.Periodogram(period=(2, 10)).fit(CURVE, ba.Exact(draws=2100), seed=2)


@contextlib.contextmanager
def at_most(size):
    """No file grows beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def whole(folder):
    """Every file there can be read to its end; what the fit is."""
    assert not list(folder.glob(".*.part"))
    for page in folder.glob("*.html"):
        assert page.read_text().rstrip().endswith("</html>")
    return ba.open(folder / "fit.nc").posterior["posterior"].sizes["draw"]


@pytest.mark.slow
def test_report(models, tmp_path):
    old, new = models
    path = tmp_path / "report.html"
    report.write(old, path)
    before, size = path.read_bytes(), path.stat().st_size
    for share in np.random.default_rng(2).uniform(0, 0.99, FILLS):
        with at_most(int(share * size)), pytest.raises(OSError, match="was not written, and what"):
            report.write(new, path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["report.html"]


@pytest.mark.slow
def test_command_line(models, tmp_path, monkeypatch):
    """Fit, table and page are each whole, of the run before or of this."""

    def run(model):
        monkeypatch.setattr(specs.Spec, "run", lambda self, **_: model)
        monkeypatch.setattr(sys, "argv", ["bayes-astro", "run", "cepheid", "--out", str(tmp_path)])
        said, wrong = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(wrong):
            try:
                cli.main()
            except SystemExit as end:
                return end.code or 0, said.getvalue(), wrong.getvalue()
        return 0, said.getvalue(), wrong.getvalue()

    old, new = models
    assert run(old)[0] == 0
    size = max(path.stat().st_size for path in tmp_path.iterdir())
    stopped = set()
    for share in np.random.default_rng(3).uniform(0, 0.99, FILLS):
        with at_most(int(share * size)):
            code, said, wrong = run(new)
        assert code == 2
        assert wrong.startswith("Error: ") and wrong.count("\n") == 1
        assert "Wrote" not in said
        stopped.add(
            next(name for name in ("fit.nc", "summary.csv", "report.html") if name in wrong)
        )
        assert whole(tmp_path) in (500, 525)
        assert sorted(os.listdir(tmp_path)) == ["fit.nc", "report.html", "summary.csv"]
    assert {"fit.nc", "report.html"} <= stopped
