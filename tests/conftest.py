"""Data sets and models that many tests share; a new task adds a row to CASES."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

import bayes_astro as ba

os.environ.setdefault("MPLBACKEND", "agg")

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data():
    """Folder of real data with published truth that stands beside the repository in CI."""
    if not SHARED.is_dir():
        assert "CI" not in os.environ, f"{SHARED} must be there in CI"
        pytest.skip("the data folder ../shared/data is not beside this checkout")
    return SHARED


def sinusoid(n=60, period=3.7, amplitude=1.0, noise=0.5, seed=0, span=100.0, **kwargs):
    """A light curve of one sinusoid."""
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(0, span, n))
    error = noise * rng.uniform(0.7, 1.3, n)
    value = 10 + amplitude * np.cos(2 * np.pi * time / period - 1.0) + error * rng.normal(size=n)
    return ba.LightCurve(time, value, error, **kwargs)


def line(n=40, slope=1.5, scatter=0.5, outliers=0, seed=0, names=("x", "y")):
    """Points about a straight line (or plane), with correlated errors on all axes."""
    rng = np.random.default_rng(seed)
    p = len(names) - 1
    x = rng.normal(2, 1, (n, p))
    y = 3 + x @ np.full(p, slope) + scatter * rng.normal(size=n)
    y[:outliers] = rng.normal(3, 6, outliers)
    factor = 0.2 * rng.normal(size=(n, p + 1, p + 1)) + 0.2 * np.eye(p + 1)
    covariance = factor @ factor.transpose(0, 2, 1) + 0.01 * np.eye(p + 1)
    noise = np.einsum("nij,nj->ni", np.linalg.cholesky(covariance), rng.normal(size=(n, p + 1)))
    return ba.Measurements(np.column_stack([x, y]) + noise, covariance=covariance, names=names)


QUICK_NUTS = dict(draws=60, tune=60, chains=2)

CASES = {
    "periodogram": (lambda: ba.Periodogram(), sinusoid, lambda: ba.Exact(draws=400)),
    "periodogram-all": (
        lambda: ba.Periodogram(
            n_terms=2,
            period=(2, 20),
            trend=2,
            jitter=True,
            priors={
                "frequency": ba.Prior("LogUniform", lower=0.06, upper=0.4),
                "jitter": ba.Prior("HalfNormal", sigma=0.3),
            },
        ),
        sinusoid,
        lambda: ba.Exact(draws=400),
    ),
    "line": (lambda: ba.LinearRelation("y"), line, lambda: ba.NUTS(**QUICK_NUTS)),
    "line-all": (
        lambda: ba.LinearRelation(
            "y",
            scatter=True,
            outliers=True,
            priors={
                "slope": ba.Prior("StudentT", nu=4, mu=1, sigma=2),
                "outlier_fraction": ba.Prior("Beta", alpha=1, beta=5),
            },
        ),
        lambda: line(outliers=4),
        lambda: ba.NUTS(**QUICK_NUTS),
    ),
    "plane": (
        lambda: ba.LinearRelation("y"),
        lambda: line(names=("a", "b", "y"), n=50),
        lambda: ba.NUTS(**QUICK_NUTS),
    ),
}


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
