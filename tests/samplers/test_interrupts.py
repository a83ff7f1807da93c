"""Ctrl-C keeps what was drawn, in each phase, within two seconds."""

import signal
import time

import numpy as np
import pytest
from samples import line
from sklearn.exceptions import NotFittedError

import bayes_astro as ba
from bayes_astro.samplers import progress

MANY = 100_000_000  # what would take hours
SAMPLERS = {
    "nuts": (ba.NUTS(draws=200_000, tune=200, chains=2), ba.NUTS(tune=MANY, chains=2)),
    "nuts-pymc": (
        ba.NUTS(draws=200_000, tune=200, chains=2, backend="pymc"),
        ba.NUTS(tune=200_000, chains=2, backend="pymc"),
    ),
    "emcee": (
        ba.Emcee(steps=100_000, tune=200, walkers=32, ensembles=2),
        ba.Emcee(tune=100_000, walkers=32, ensembles=2),
    ),
}
PRESSED = {"nuts": 3, "nuts-pymc": 300, "emcee": 300}  # calls of the bar: nutpie's are its polls


@pytest.fixture
def press(monkeypatch):
    """Press Ctrl-C at a call of the progress bar; the list has when."""
    pressed: list[float] = []

    def at_call(number):
        calls = iter(range(number))

        def at(self, done, note=""):
            if next(calls, None) is None and not pressed:
                pressed.append(time.monotonic())
                signal.raise_signal(signal.SIGINT)

        monkeypatch.setattr(progress.Progress, "at", at)
        return pressed

    return at_call


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_in_the_middle_of_sampling(name, press):
    pressed = press(PRESSED[name])
    handler = signal.getsignal(signal.SIGINT)
    with pytest.warns(RuntimeWarning, match="interrupted: [0-9]+ of .* were kept"):
        model = ba.LinearRelation("y").fit(line(), SAMPLERS[name][0], seed=1)
    assert time.monotonic() - pressed[0] < 2.0
    posterior = model.posterior["posterior"]
    assert 50 <= posterior.sizes["draw"] < 100_000
    assert np.isfinite(posterior["slope"]).all()
    diagnosis = model.diagnose()
    assert not diagnosis
    assert diagnosis["complete"].passed is False
    assert "interrupted" in diagnosis["complete"].advice
    assert signal.getsignal(signal.SIGINT) is handler
    assert len(model.predict()["signal"]) > 0


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_in_the_middle_of_warm_up(name, press):
    pressed = press(PRESSED[name] // 3)
    with pytest.warns(RuntimeWarning, match="nothing was drawn"):
        model = ba.LinearRelation("y").fit(line(), SAMPLERS[name][1], seed=1)
    assert time.monotonic() - pressed[0] < 2.0
    for ask in (lambda: model.posterior, model.diagnose, model.predict):
        with pytest.raises(NotFittedError, match="interrupted before anything was drawn"):
            ask()


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
