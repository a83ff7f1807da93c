"""Data sets and models that many tests share; a new task adds a row to CASES."""

import os
import signal
from pathlib import Path

import pytest
from samples import clusters, galaxies, line, sinusoid, walk, wandering

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


QUICK_NUTS = {"draws": 60, "tune": 60, "chains": 2}

TEMPLATES = {
    "filters": "sdss", "between": 0, "correction": None, "template_error": 0.05, "step": 0.02,
}  # fmt: skip

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
    "process": (
        lambda: ba.GaussianProcess(ba.kernels.DampedRandomWalk()),
        walk,
        lambda: ba.NUTS(**QUICK_NUTS),
    ),
    "process-all": (
        lambda: ba.GaussianProcess(
            ba.kernels.SHO(quality=2.0)
            + ba.kernels.Matern32(sigma=ba.Prior("HalfNormal", sigma=1)),
            mean="linear",
            lag=(-5, 10),
            independent=ba.kernels.DampedRandomWalk(tau=5.0),
            redshift=1.0,
            priors={
                "jitter": ba.Prior("HalfNormal", sigma=0.3),
                "offset": ba.Prior("Normal", mu=10, sigma=[5, 6]),
            },
        ),
        lambda: walk(60, bands="gr", lag=3.0, seed=1),
        lambda: ba.Laplace(draws=400, restarts=2),
    ),
    "structure-function": (
        lambda: ba.StructureFunction(),
        wandering,
        lambda: ba.Exact(draws=400),
    ),
    "structure-function-all": (
        lambda: ba.StructureFunction(
            "power-law", reference=10.0, priors={"gamma": ba.Prior("Beta", alpha=2, beta=2)}
        ),
        lambda: ba.StructureFunction.ensemble(
            [wandering(n=25, seed=k, name=f"q{k}") for k in range(3)]
        ),
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
    "mixture": (
        lambda: ba.ExtremeDeconvolution(2),
        clusters,
        lambda: ba.NUTS(**QUICK_NUTS),
    ),
    "mixture-all": (
        lambda: ba.ExtremeDeconvolution(
            2,
            fixed={"weight": [None, 0.5], "mean": [[-2.0, -2.0], None]},
            background="uniform",
            dimensions=("a", "b"),
            priors={
                "weight": ba.Prior("Dirichlet", alpha=2.0),
                "mean": ba.Prior("Normal", mu=[0.0, 0.0], sigma=3.0),
                "covariance": ba.Prior("InverseWishart", nu=5.0, scale=[[1.0, 0.1], [0.1, 2.0]]),
            },
        ),
        lambda: clusters(noise=0.8, seed=1),
        lambda: ba.NUTS(**QUICK_NUTS),
    ),
    "templates": (
        lambda: ba.TemplatePhotoZ(**TEMPLATES),
        lambda: ba.TemplatePhotoZ(**TEMPLATES).simulate(galaxies(99), seed=1)[0],
        lambda: ba.NUTS(**QUICK_NUTS),
    ),
    "photoz": (
        lambda: ba.XDPhotoZ(1, n_fits=1, error_scale=0.8, common_error=0.02),
        lambda: galaxies(99, missing=6)[:98],
        lambda: ba.Laplace(draws=400, restarts=1),
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
