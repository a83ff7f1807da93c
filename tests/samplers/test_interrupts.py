"""Ctrl-C keeps what was drawn, in each phase, within two seconds."""

import signal
import time

import numpy as np
import pytest
from samples import line
from sklearn.exceptions import NotFittedError

import bayes_astro as ba

SAMPLERS = {
    "nuts": lambda: ba.NUTS(draws=5000, tune=200, chains=2),
    "emcee": lambda: ba.Emcee(steps=100_000, tune=200, walkers=32, ensembles=2),
}


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_in_the_middle_of_sampling(name, press_ctrl_c):
    press_ctrl_c(300)
    handler = signal.getsignal(signal.SIGINT)
    started = time.monotonic()
    with pytest.warns(RuntimeWarning, match="interrupted: 1.. of .* were kept"):
        model = ba.LinearRelation("y").fit(line(), SAMPLERS[name](), seed=1)
    assert time.monotonic() - started < 60  # compiling included; the stop itself is below
    posterior = model.posterior["posterior"]
    assert posterior.sizes["draw"] >= 100
    assert np.isfinite(posterior["slope"]).all()
    diagnosis = model.diagnose()
    assert not diagnosis
    assert diagnosis["complete"].passed is False
    assert "interrupted" in diagnosis["complete"].advice
    assert signal.getsignal(signal.SIGINT) is handler
    assert len(model.predict()["signal"]) > 0


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_in_the_middle_of_warm_up(name, press_ctrl_c):
    press_ctrl_c(100)
    with pytest.warns(RuntimeWarning, match="nothing was drawn"):
        model = ba.LinearRelation("y").fit(line(), SAMPLERS[name](), seed=1)
    for ask in (lambda: model.posterior, model.diagnose, model.predict):
        with pytest.raises(NotFittedError, match="interrupted before anything was drawn"):
            ask()


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_returns_within_two_seconds(name, monkeypatch):
    from bayes_astro.samplers import progress

    pressed = []

    def at(self, done, note=""):
        if done >= 250 and not pressed:
            pressed.append(time.monotonic())
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(progress.Progress, "at", at)
    with pytest.warns(RuntimeWarning, match="were kept"):
        ba.LinearRelation("y").fit(line(), SAMPLERS[name](), seed=1)
    assert time.monotonic() - pressed[0] < 2.0


def test_second_ctrl_c_raises():
    from bayes_astro.samplers.progress import interruptible

    with pytest.raises(KeyboardInterrupt), interruptible() as pressed:
        signal.raise_signal(signal.SIGINT)
        assert pressed
        signal.raise_signal(signal.SIGINT)


def test_bad_settings():
    for make in (
        lambda: ba.NUTS(draws=0),
        lambda: ba.NUTS(chains=1.5),
        lambda: ba.NUTS(target_accept=1.0),
        lambda: ba.NUTS(backend="stan"),
        lambda: ba.Exact(draws=-1),
        lambda: ba.Emcee(walkers=7),
        lambda: ba.Emcee(steps=True),
    ):
        with pytest.raises(ValueError, match=r"must be|even"):
            make()
    with pytest.raises(ValueError, match="twice the number"):
        ba.LinearRelation("y").fit(line(), ba.Emcee(walkers=4), progress=False)


def test_progress_is_silent_or_short(capsys):
    model = ba.LinearRelation("y").fit(line(), ba.NUTS(draws=50, tune=50, chains=2), seed=1)
    assert model.posterior["posterior"].sizes["draw"] == 50
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err) < 2000
