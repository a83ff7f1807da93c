"""Ctrl-C at any time in any verb: it stops, and the model is what it was or what was asked, whole."""

import os
import signal
import threading
import time
import warnings

import numpy as np
import pytest
from samples import line, sinusoid

import bayes_astro as ba
from bayes_astro import report

PRESSES = 20
LATEST = 15.0  # seconds until it stops, on a loaded machine
CURVE, LINE = sinusoid(n=40), line()
FITS = {
    "Exact": (lambda: ba.Periodogram(period=(2, 10)), CURVE, ba.Exact(draws=20_000)),
    "NUTS": (lambda: ba.LinearRelation("y"), LINE, ba.NUTS(draws=500, tune=300, chains=2)),
    "NUTS-pymc": (
        lambda: ba.LinearRelation("y"),
        LINE,
        ba.NUTS(draws=100, tune=100, chains=1, backend="pymc"),
    ),
    "Emcee": (
        lambda: ba.LinearRelation("y"),
        LINE,
        ba.Emcee(steps=300, tune=100, walkers=32, ensembles=2),
    ),
    "MAP": (lambda: ba.ExtremeDeconvolution(2), LINE, ba.MAP()),
    "Laplace": (lambda: ba.ExtremeDeconvolution(2), LINE, ba.Laplace(draws=2000)),
}


def fitted():
    model = ba.Periodogram(period=(2, 10))
    return model.fit(CURVE, ba.Exact(draws=2000), seed=1, progress=False)


VERBS = {
    "predict": lambda model, path: model.predict(np.linspace(0, 50, 500)),
    "diagnose": lambda model, path: model.diagnose(),
    "summary": lambda model, path: model.summary(),
    "plot": lambda model, path: model.plot(),
    "save": lambda model, path: model.save(path / "fit.nc"),
    "open": lambda model, path: ba.open(path / "old.nc").predict(),
    "report": lambda model, path: report.write(model, path / "report.html"),
    "baseline": lambda model, path: model.baseline().fit(model.data),
    "log_evidence": lambda model, path: model.log_evidence(CURVE, seed=1),
    "log_likelihood": lambda model, path: model.log_likelihood(),
    "prior_predictive": lambda model, path: model.prior_predictive(CURVE, draws=500, seed=1),
    "simulate": lambda model, path: model.simulate(CURVE, seed=1),
    "compare": lambda model, path: ba.compare({"a": model, "b": model.baseline().fit(CURVE)}, CURVE),
    "calibrate": lambda model, path: ba.calibrate(
        ba.Periodogram(period=(2, 10)), CURVE, n=20, seed=1, sampler=ba.Exact(draws=500), progress=False
    ),
    "fit_each": lambda model, path: ba.fit_each(
        ba.Periodogram(period=(2, 10)), [CURVE] * 20, sampler=ba.Exact(draws=500), seed=1
    ),
}  # fmt: skip


def pressed_at(moment, action):
    """What an action came to when Ctrl-C was pressed after `moment` seconds, and how long it went on."""
    timer = threading.Timer(moment, os.kill, (os.getpid(), signal.SIGINT))
    ended = None
    try:
        timer.start()
        try:
            result = action()
        finally:
            ended = time.monotonic()
            # It may come after the end of the action: wait for it here.
            timer.join()
            time.sleep(0.001)
    except KeyboardInterrupt:
        result = KeyboardInterrupt
    except SystemError as error:  # what compiled code makes of it
        assert isinstance(error.__cause__, KeyboardInterrupt)
        result = KeyboardInterrupt
    return result, (ended or time.monotonic())


def moments(action, seed):
    """Random times within an action, which is run once for its length and once for its result."""
    action()
    begin = time.monotonic()
    expected = action()
    length = time.monotonic() - begin
    return expected, np.random.default_rng(seed).uniform(0, 0.98 * length, PRESSES)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(FITS))
def test_fits(name):
    make, data, sampler = FITS[name]
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model = make().fit(data, sampler, seed=1, progress=False)
        old = model.posterior
        handler = signal.getsignal(signal.SIGINT)
        expected, times = moments(
            lambda: make().fit(data, sampler, seed=2, progress=False).posterior, 1
        )
        stopped = 0
        for moment in times:
            model._tree = old
            said.clear()
            begin = time.monotonic()
            result, ended = pressed_at(
                moment, lambda: model.fit(data, sampler, seed=2, progress=False)
            )
            assert ended - begin < moment + LATEST
            assert signal.getsignal(signal.SIGINT) is handler
            try:
                now = model.posterior
            except ValueError as error:  # NotFittedError
                assert "interrupted before anything was drawn" in str(error)
                stopped += 1
                continue
            if now is old:
                assert result is KeyboardInterrupt or any("nothing" in str(w.message) for w in said)
                stopped += 1
            elif not now["posterior"].to_dataset().equals(expected["posterior"].to_dataset()):
                assert not model.diagnose()
                assert model.diagnose()["complete"].passed is False
                stopped += 1
        assert stopped >= PRESSES // 10, "hardly a press hit the fit: the test shows nothing"
        again = make().fit(data, sampler, seed=2, progress=False).posterior
    assert again["posterior"].to_dataset().equals(expected["posterior"].to_dataset())


@pytest.mark.slow
# Python drops a KeyboardInterrupt within the callback of a weak reference; h5py has many.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", list(VERBS))
def test_verbs(name, tmp_path):
    import matplotlib.pyplot as plt

    model, verb = fitted(), VERBS[name]
    model.save(tmp_path / "old.nc")
    before = model.posterior["posterior"].to_dataset().copy(deep=True)
    handler = signal.getsignal(signal.SIGINT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, times = moments(lambda: verb(model, tmp_path), 2)
        stopped = 0
        for moment in times:
            begin = time.monotonic()
            result, ended = pressed_at(moment, lambda: verb(model, tmp_path))
            assert ended - begin < moment + LATEST
            assert signal.getsignal(signal.SIGINT) is handler
            stopped += result is KeyboardInterrupt
            plt.close("all")
            assert model.posterior["posterior"].to_dataset().equals(before)
            assert not list(tmp_path.glob(".*.part"))
            assert (
                ba.open(tmp_path / ("fit.nc" if name == "save" else "old.nc")).summary() is not None
            )
        verb(model, tmp_path)
    plt.close("all")
