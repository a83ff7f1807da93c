"""Ctrl-C keeps what was drawn, in each phase, within two seconds."""

import signal
import time

import numpy as np
import pytest
from samples import line, sinusoid
from sklearn.exceptions import NotFittedError

import bayes_astro as ba
from bayes_astro import storage
from bayes_astro.samplers import nutpie_steps, progress

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


def test_while_nutpie_takes_its_model(monkeypatch):
    """An exception there would be taken for an argument of a wrong type."""
    make = nutpie_steps._model_by_address

    def pressed(*given):
        signal.raise_signal(signal.SIGINT)
        return make(*given)

    monkeypatch.setattr(nutpie_steps, "_model_by_address", pressed)
    model = ba.LinearRelation("y")
    try:
        with pytest.warns(RuntimeWarning, match="nothing was drawn"):
            model.fit(line(), SAMPLERS["nuts"][1], seed=1, progress=False)
    except KeyboardInterrupt:
        pytest.fail("Ctrl-C was not held")
    with pytest.raises(NotFittedError, match="interrupted before anything was drawn"):
        model.summary()


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


def pressed_at(monkeypatch, place, name, number):
    """Press Ctrl-C when a function is called for the number-th time."""
    function, calls = getattr(place, name), iter(range(number - 1))

    def pressing(*arguments, **options):
        if next(calls, None) is None:
            monkeypatch.setattr(place, name, function)
            signal.raise_signal(signal.SIGINT)
        return function(*arguments, **options)

    monkeypatch.setattr(place, name, pressing)


STARS = {str(i): sinusoid(n=30, seed=i) for i in range(6)}


def test_fit_each_keeps_the_rows_that_are_done(monkeypatch):
    from bayes_astro.periodic import batch

    monkeypatch.setattr("bayes_astro.densities.cores", lambda: 1)
    pressed_at(monkeypatch, batch, "object_seed", 3)
    model, sampler = ba.Periodogram(period=(2, 20)), ba.Exact(draws=400)
    with pytest.warns(RuntimeWarning, match="[345] of 6 objects are done"):
        table = ba.fit_each(model, STARS, seed=1, sampler=sampler)
    # A thread may be one object on before the signal is handled.
    assert list(table.index) == [str(i) for i in range(len(table))]
    assert 3 <= len(table) <= 5
    assert (table["status"] == "ok").all()


def test_fit_each_of_many_random_walks_keeps_the_rows_that_are_done(monkeypatch):
    from bayes_astro.processes import drw_posterior

    monkeypatch.setattr("bayes_astro.densities.cores", lambda: 1)
    pressed_at(monkeypatch, drw_posterior, "posterior", 4)
    model = ba.GaussianProcess(ba.kernels.DampedRandomWalk())
    with pytest.warns(RuntimeWarning, match="4 of 6 objects are done"):
        table = ba.fit_each(model, STARS, seed=1, sampler=ba.Exact(draws=400))
    assert list(table.index) == ["0", "1", "2", "3"]


@pytest.mark.parametrize("tune", [200, MANY], ids=["draws", "warm-up"])
def test_fit_each_marks_what_was_cut_and_stops(press, tune, monkeypatch):
    press(3)
    monkeypatch.setattr(progress.Progress, "shown", True, raising=False)
    sampler = ba.NUTS(draws=MANY if tune == 200 else 100, tune=tune, chains=2)
    with pytest.warns(RuntimeWarning, match="0 of 2 objects are done"):
        table = ba.fit_each(ba.LinearRelation("y"), {"a": line(), "b": line()}, seed=1,
                            sampler=sampler)  # fmt: skip
    assert list(table["status"]) == ["interrupted"]
    if tune == 200:
        assert np.isfinite(table["slope[x]_mean"]).all()


def test_calibrate_keeps_the_ranks_that_are_done_and_stops(monkeypatch):
    from bayes_astro import calibration

    pressed_at(monkeypatch, calibration, "_ranks", 25)
    model, design = ba.Periodogram(period=(2, 20)), sinusoid(n=30)
    found = ba.calibrate(model, design, 40, seed=1, sampler=ba.Exact(draws=400), progress=False)
    assert found.n == 25
    assert not found
    assert "interrupted (of 40 asked for)" in repr(found)
    whole = ba.calibrate(model, design, 25, seed=1, sampler=ba.Exact(draws=400), progress=False)
    assert whole.asked == 0
    for name, ranks in whole.ranks.items():
        np.testing.assert_array_equal(found.ranks[name], ranks)


def test_a_refit_that_fails_leaves_the_old_posterior(press):
    model = ba.LinearRelation("y").fit(line(), ba.MAP(), seed=1)
    before = model.posterior
    for data, seed in ((line(), -1), (3, 1), (line()[:1], 1)):
        with pytest.raises(ValueError):
            model.fit(data, seed=seed)
        assert model.posterior is before
    press(1)
    with pytest.warns(RuntimeWarning, match="nothing was drawn"):
        model.fit(line(), ba.NUTS(tune=MANY, chains=2), seed=1)
    assert model.posterior is before


def test_ctrl_c_waits_while_a_file_is_read_or_written():
    """An exception within the libraries would leave their lock closed, and the next file waits for ever."""
    handler, reached = signal.getsignal(signal.SIGINT), []
    with pytest.raises(KeyboardInterrupt), storage.undisturbed():
        signal.raise_signal(signal.SIGINT)
        reached.append(True)
    assert reached
    assert signal.getsignal(signal.SIGINT) is handler
    # No signal is lost where the block raises.
    with pytest.raises(KeyboardInterrupt), storage.undisturbed():
        signal.raise_signal(signal.SIGINT)
        raise ValueError
    with storage.undisturbed():
        pass
