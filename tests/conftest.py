"""What all tests share: the cases, the clock, the data beside the repository, Ctrl-C."""

import os
import signal
from pathlib import Path

import budgets
import pytest
from cases import CASES

os.environ.setdefault("MPLBACKEND", "agg")
# Inherited by the processes that run the tests, two at a time: threads of their own would wait for each other.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data():
    """Folder of real data with published truth that stands beside the repository in CI."""
    if not SHARED.is_dir():
        assert "CI" not in os.environ, f"{SHARED} must be there in CI"
        pytest.skip("the data folder ../shared/data is not beside this checkout")
    return SHARED


class Case:
    """One row of CASES, made anew for every test, fitted once for all."""

    fits: dict = {}

    def __init__(self, name):
        self.name = name
        model, data, sampler = CASES[name]
        self.model, self.data, self.sampler = model(), data(), sampler()

    @property
    def fitted(self):
        if self.name not in self.fits:
            self.fits[self.name] = self.model.fit(self.data, self.sampler, seed=1, progress=False)
        return self.fits[self.name]


def pytest_configure(config):
    """Times of the files are kept by the run itself."""
    marks = config.option.markexpr
    tier = next((name for name in ("slow", "calibration", "site") if marks == name), "fast")
    config.pluginmanager.register(budgets.Budgets(tier), "budgets")


def pytest_collection_modifyitems(items):
    """Tests of one case in a row, so that one process fits it for all of them."""
    order = {name: i for i, name in enumerate(CASES)}
    places = [i for i, item in enumerate(items) if "case" in getattr(item, "fixturenames", ())]
    rows = sorted((items[i] for i in places), key=lambda item: order[item.callspec.params["case"]])
    for i, item in zip(places, rows, strict=True):
        items[i] = item


@pytest.fixture(params=list(CASES))
def case(request):
    return Case(request.param)


@pytest.fixture
def press_ctrl_c(monkeypatch):
    """Press Ctrl-C when a sampler reports the given step."""
    from bayes_astro.samplers import progress

    def at_step(step):
        def at(self, done, note=""):
            if done >= step:
                signal.raise_signal(signal.SIGINT)

        monkeypatch.setattr(progress.Progress, "at", at)

    return at_step
