"""Files of fits: nothing lost in writing, nothing trusted in reading."""

import contextlib
import faulthandler
import getpass
import hashlib
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from astropy import units as u
from samples import burst, fields_of, galaxies, pairs

import bayes_astro as ba
from bayes_astro import registry, report, storage
from bayes_astro.baselines import LeastSquaresLine, LombScargle
from bayes_astro.data.container import kinds_of

rng = np.random.default_rng(20)
TIME = np.sort(rng.uniform(0, 60, 50))
CURVE = ba.LightCurve(
    TIME,
    15 + 0.3 * np.cos(2 * np.pi * TIME / 5.3) + rng.normal(0, 0.05, 50),
    rng.uniform(0.02, 0.06, 50),
    band=["V"] * 50,
    value_unit="mag",
    name="an öbject",
    time_scale="tdb",
    time_format="mjd",
    source="made up",
)
TWO_BANDS = CURVE.replace(band=["V", "I"] * 25)
X = rng.normal(3, 2, (25, 2))
LINE = ba.Measurements(
    np.column_stack([X, X @ [1.5, -0.7] + rng.normal(0, 0.3, 25)]),
    covariance=np.tile(np.diag([0.1, 0.2, 0.3]) ** 2 + 0.001, (25, 1, 1)),
    names=("colour", "log P", "M"),
    units=("mag", "", "mag"),
    name="a plane",
    source="made up",
    label=[*(["a", "b"] * 12), None],
)

PERIOD = rng.uniform(1, 30, 30)
LAW = ba.Measurements(
    np.column_stack([PERIOD, 15 - 2 * (PERIOD / 10) ** 0.6 + rng.normal(0, 0.1, 30)]),
    [0.0, 0.1],
    names=("period", "M"),
    units=("d", "mag"),
    name="a law",
    source="made up",
)
MASS = rng.uniform(6, 9, 12)
TIMES = ba.DampingTimes(
    2 + 0.4 * (MASS[:, None] - 8) + 0.2 * rng.normal(size=(12, 50)),
    np.zeros((12, 50)),
    MASS,
    np.full(12, 0.1),
    name="twelve",
    source="made up",
)
FIELD = galaxies(80, missing=5).replace(
    name="a field", source="made up", label=["a", "b", "b", None] * 20
)
BINNED = ba.BinnedRedshifts(
    rng.dirichlet(np.ones(5), (2, 40)),
    np.linspace(0, 1, 6),
    rng.dirichlet(5 * np.ones(5), 2),
    "forty",
    "made up",
)
COUNTS = ba.Counts(
    rng.poisson(6.0, 15),
    rng.uniform(5, 15, 15),
    off_counts=rng.poisson(3.0, 15),
    off_exposure=rng.uniform(10, 30, 15),
    names=[f"field {i}" for i in range(15)],
    exposure_unit="h",
    name="fifteen",
    source="made up",
)
PAIRS = pairs(
    dr=np.arange(8.0), repeated=0.005, outside=0.001, empty=0.01, lean=0.02, kind="plane", name="pairs",
    source="made up",
)  # fmt: skip
LINES = np.exp(-(((np.arange(25.0) - np.array([[6.0], [15.0]])) / 3) ** 2))
LIGHT = 5 + rng.normal(size=(30, 2)) @ LINES + 0.1 * rng.normal(size=(30, 25))
SPECTRA = ba.Spectra(
    np.linspace(400, 500, 25),
    np.where(rng.uniform(size=LIGHT.shape) < 0.1, np.nan, LIGHT),
    0.1,
    redshift=np.where(np.arange(30) < 3, np.nan, 0.1),
    names=[f"spectrum {i}" for i in range(30)],
    unit="Jy",
    wavelength_unit="nm",
    name="thirty",
    source="made up",
    label=["a", "b", None] * 10,
)
EVENTS = burst(
    weight=None, time_unit="min", name="a burst", source="made up",
)  # fmt: skip
DATA = {
    ba.Spectra: SPECTRA,
    ba.Events: EVENTS,
    ba.PairCounts: PAIRS,
    ba.Counts: COUNTS,
    ba.LightCurve: CURVE,
    ba.Measurements: LINE,
    ba.DampingTimes: TIMES,
    ba.Photometry: FIELD,
    ba.BinnedRedshifts: BINNED,
}

# Every parameter differs from its default and every prior from that of the data.
MODELS = {
    "Periodogram": ba.Periodogram(
        n_terms=2,
        period=(2 * u.d, 480 * u.h),
        trend=2,
        jitter=True,
        amplitude=False,
        spread=0.3,
        noise=("white", ba.kernels.DampedRandomWalk(sigma=50 * u.mmag)),
        search="coarse-to-fine",
        priors={
            "frequency": ba.Prior("LogUniform", lower=0.06 / u.d, upper=0.4 / u.d),
            "offset": ba.Prior("Normal", mu=15100 * u.mmag, sigma=1 / 3),
            "amplitude": ba.Prior("Rayleigh", sigma=[0.3, 0.1]),
            "trend": ba.Prior("Normal", mu=[0.001, 0.0], sigma=[0.01, 0.0002]),
            "jitter": ba.Prior("HalfNormal", sigma=50 * u.mmag),
        },
    ),
    "LinearRelation": ba.LinearRelation(
        "M",
        scatter=False,
        outliers=True,
        n_components=2,
        pivot=(0.5, 1.0),
        selection=ba.Selection(lower=-1e3, width=0.5),
        priors={
            "slope": ba.Prior("StudentT", nu=4, mu=[1.0, -1.0], sigma=2),
            "intercept": ba.Prior("Normal", mu=0.0, sigma=5 * u.mag),
            "outlier_fraction": ba.Prior("Beta", alpha=1, beta=9),
        },
    ),
    "Relation": ba.Relation(
        ba.relations.Polynomial(2, pivot=10.0, scale=5.0, column="period"),
        "M",
        scatter=False,
        robust=True,
        marginalise=False,
        fixed={"coefficient_2": 0.1},
        priors={
            "coefficient_0": ba.Prior("Uniform", lower=5000 * u.mmag, upper=25.0),
            "coefficient_1": ba.Prior("StudentT", nu=4, mu=-1.0, sigma=2.0),
            "degrees_of_freedom": ba.Prior("Gamma", alpha=3.0, beta=0.2),
        },
    ),
    "LeastSquaresCurve": ba.baselines.LeastSquaresCurve(
        ba.relations.BrokenPowerLaw(width=0.2, column="period"),
        "M",
        fixed={"slope_below": -0.05},
        errors="stated",
    ),
    "ExtremeDeconvolution": ba.ExtremeDeconvolution(
        (1, 2),
        criterion="bic",
        fixed=None,
        background="broad",
        dimensions=("a", "b", "c"),
        priors={
            "weight": ba.Prior("Dirichlet", alpha=2.0),
            "mean": ba.Prior("Normal", mu=[0.0, 0.1, 0.2], sigma=3.0),
            "covariance": ba.Prior("InverseWishart", nu=7.0, scale=[1.0, 2.0, 3.0]),
        },
    ),
    "ClusterMembership": ba.ClusterMembership(
        ("M", "colour"),
        guess={"M": 3.0},
        region={"M": 1.0, "colour": 0.5},
        field=1,
        elongated=True,
        wings=True,
        priors={
            "mean": ba.Prior("StudentT", nu=4, mu=[3.0, 0.5], sigma=2.0),
            "dispersion": ba.Prior("LogNormal", mu=-1.0, sigma=0.7),
            "correlation": ba.Prior("Uniform", lower=-0.9, upper=0.9),
            "fraction": ba.Prior("Beta", alpha=2, beta=3),
            "wing_fraction": ba.Prior("Beta", alpha=1, beta=4),
            "wing_scale": ba.Prior("Uniform", lower=2.0, upper=4.0),
            "field_weight": ba.Prior("Dirichlet", alpha=2.0),
            "field_mean": ba.Prior("Normal", mu=[0.0, 0.0], sigma=5.0),
            "field_covariance": ba.Prior("InverseWishart", nu=6.0, scale=[2.0, 2.0]),
        },
    ),
    "ClusterDBSCAN": ba.baselines.ClusterDBSCAN(
        ("M", "colour"), guess={"M": 3.0}, eps=1.0, min_samples=4
    ),
    "ClusterGaussianMixture": ba.baselines.ClusterGaussianMixture(
        ("M", "colour"), guess={"M": 3.0}, n_components=2
    ),
    "ClusterHDBSCAN": ba.baselines.ClusterHDBSCAN(
        ("M", "colour"), guess={"M": 3.0}, min_cluster_size=5
    ),
    "ClusterKMeans": ba.baselines.ClusterKMeans(("M", "colour"), guess={"M": 3.0}, n_clusters=3),
    "GaussianProcess": ba.GaussianProcess(
        ba.kernels.SHO(period=ba.Prior("LogNormal", mu=2.0, sigma=0.5), quality=0.4)
        + ba.kernels.Matern32(name="fast"),
        mean=ba.means.Harmonics((4.0, 7.0), n_terms=2),
        jitter=False,
        derivative=True,
        amplitude=False,
        lag=(-2, 3),
        independent=ba.kernels.DampedRandomWalk(tau=5.0),
        redshift=0.5,
        priors={"offset": ba.Prior("Normal", mu=15100 * u.mmag, sigma=1 / 3)},
    ),
    "MaximumLikelihood": ba.baselines.MaximumLikelihood(
        ba.kernels.Matern32(),
        mean="linear",
        jitter=False,
        lag=(-2, 3),
        derivative=True,
        amplitude=False,
        independent=ba.kernels.DampedRandomWalk(tau=5.0),
        restarts=1,
    ),
    "GaussianProcessRegressor": ba.baselines.GaussianProcessRegressor(restarts=1),
    "RunningMedian": ba.baselines.RunningMedian(window=7.0),
    "StructureFunction": ba.StructureFunction(
        "power-law",
        reference=10.0,
        priors={
            "sf_reference": ba.Prior("HalfNormal", sigma=500 * u.mmag),
            "gamma": ba.Prior("Beta", alpha=2, beta=2),
        },
    ),
    "DampingTimeLine": ba.baselines.DampingTimeLine(7.5),
    "HierarchicalDRW": ba.HierarchicalDRW(
        pivot=7.5, priors={"slope": ba.Prior("StudentT", nu=4, mu=0.4, sigma=0.5)}
    ),
    "PoissonRate": ba.PoissonRate(
        "log-normal",
        priors={
            "median_rate": ba.Prior("Gamma", alpha=2, beta=3),
            "scatter": ba.Prior("HalfNormal", sigma=0.7),
            "background_mean": ba.Prior("HalfNormal", sigma=0.5 / u.h),
        },
    ),
    "PoissonIntervals": ba.baselines.PoissonIntervals(),
    "BinnedStructureFunction": ba.baselines.BinnedStructureFunction(
        "power-law", reference=10.0, bins=8
    ),
    "MixtureClassifier": ba.MixtureClassifier(
        {"a": 1, "b": 2},
        n_fits=3,
        bootstrap=False,
        background=0.01,
        brightness=True,
        transform="log",
        priors={
            "fraction": ba.Prior("Dirichlet", alpha=2.0),
            "weight": ba.Prior("Dirichlet", alpha=3.0),
            "mean": ba.Prior("Normal", mu=[-2.0, -2.0, -3.0, -3.0], sigma=5.0),
            "covariance": ba.Prior("InverseWishart", nu=7.0, scale=0.5),
        },
    ),
    "XDPhotoZ": ba.XDPhotoZ(
        2,
        n_fits=3,
        transform="log",
        error_scale={"g": 0.5, "r": 1.5, "i": 1.0, "z": 2.0},
        common_error=0.02,
        bootstrap=True,
        priors={
            "weight": ba.Prior("Dirichlet", alpha=3.0),
            "mean": ba.Prior("Normal", mu=[21.0, 20.5, 20.0, 20.0, 0.3], sigma=3.0),
            "covariance": ba.Prior("InverseWishart", nu=8.0, scale=[0.2, 0.2, 0.2, 0.2, 0.02]),
            "error_scale": ba.Prior("LogNormal", mu=0.1, sigma=0.4),
            "common_error": ba.Prior("HalfNormal", sigma=0.02),
        },
    ),
    "PopulationNz": ba.PopulationNz(
        (0.0, 0.4, 0.6, 1.0),
        smoothness="independent",
        priors={"step": ba.Prior("LogNormal", mu=-0.5, sigma=0.5)},
    ),
    "TemplatePhotoZ": ba.TemplatePhotoZ(
        ba.Templates.bundled("cww-sb").interpolated(1),
        filters="sdss",
        between=0,
        reference="r",
        correction="zero-points",
        template_error=0.1,
        outliers=0.05,
        z_max=2.0,
        step=0.02,
        igm=False,
        priors={
            "weight": ba.Prior("Dirichlet", alpha=2.0),
            "fading": ba.Prior("Normal", mu=0.1, sigma=0.3),
            "depth": ba.Prior("LogNormal", mu=-1.0, sigma=0.4),
            "growth": ba.Prior("Normal", mu=0.0, sigma=0.1),
            "shape": ba.Prior("LogNormal", mu=0.5, sigma=0.2),
        },
    ),
    "TemplateFit": ba.baselines.TemplateFit(
        ba.Templates.bundled("cww-sb").interpolated(1),
        filters="sdss",
        between=0,
        template_error=0.1,
        z_max=2.0,
        step=0.02,
        igm=False,
    ),
    "SpectralFactors": ba.SpectralFactors(
        2,
        noise="floor",
        continuum=0,
        robust=False,
        priors={
            "mean": ba.Prior("Normal", mu=5.0, sigma=3.0),
            "scale": ba.Prior("HalfNormal", sigma=2.0),
            "floor": ba.Prior("HalfNormal", sigma=0.5),
            "continuum_scale": ba.Prior("HalfNormal", sigma=0.5),
        },
    ),
    "TwoPointCorrelation": ba.TwoPointCorrelation(
        smooth=False,
        offset=True,
        pivot=3 * u.Mpc,
        priors={
            "amplitude": ba.Prior("HalfNormal", sigma=5.0),
            "gamma": ba.Prior("LogNormal", mu=0.5, sigma=0.3),
            "offset": ba.Prior("HalfNormal", sigma=0.05),
        },
    ),
    "LandySzalay": ba.baselines.LandySzalay(pivot=3 * u.Mpc, resamples=50),
    "BayesianBlocks": ba.BayesianBlocks(
        priors={
            "expected_changes": ba.Prior("LogNormal", mu=1.0, sigma=0.5),
            "level": ba.Prior("Gamma", alpha=1.0, beta=2.0),
        }
    ),
    "ScargleBlocks": ba.baselines.ScargleBlocks(false_changes=0.01),
    "Stacking": ba.baselines.Stacking((0.0, 0.4, 1.0)),
    "NearestNeighbours": ba.baselines.NearestNeighbours(k=7),
    "Polynomial": ba.baselines.Polynomial(degree=1, penalty=0.1),
    "Classifier": ba.baselines.Classifier("lda", calibrated=False, transform="log"),
    "SpectralComponents": ba.baselines.SpectralComponents("factor-analysis", 2),
    "RandomForest": ba.baselines.RandomForest(n_trees=10, min_leaf=3),
    "RelationRegressor": ba.baselines.RelationRegressor("M", method="kernel", resamples=12),
    "GaussianMixture": ba.baselines.GaussianMixture(2),
    "KernelDensity": ba.baselines.KernelDensity(bandwidth=0.4),
    "LombScargle": LombScargle(
        n_terms=2, period=(2 * u.d, 20 * u.d), trend=1, amplitude=False, n_signals=2
    ),
    "LeastSquaresLine": LeastSquaresLine("M", method="wls", errors="stated"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One saved fit of each task and each baseline."""
    path = tmp_path_factory.mktemp("fits")
    samplers = {
        "Periodogram": ba.Exact(draws=400),
        "LinearRelation": ba.NUTS(50, 50, 2),
        "Relation": ba.NUTS(50, 50, 2),
        "GaussianProcess": ba.Laplace(draws=400, restarts=1),
        "StructureFunction": ba.Exact(draws=400),
        "BayesianBlocks": ba.Exact(draws=400),
        "HierarchicalDRW": ba.NUTS(50, 50, 2),
        "SpectralFactors": ba.Gibbs(50, 50, 2),
        "TwoPointCorrelation": ba.NUTS(50, 50, 2),
        "PoissonRate": ba.NUTS(50, 50, 2),
        "PopulationNz": ba.NUTS(50, 50, 2),
        "TemplatePhotoZ": ba.NUTS(50, 50, 2),
        "ExtremeDeconvolution": ba.Laplace(draws=400),
        "MixtureClassifier": ba.MAP(restarts=1, moves=0),
        "ClusterMembership": ba.Laplace(draws=400),
    }
    for name, model in MODELS.items():
        data = DATA[kinds_of(model.data_type)[0]]
        if name in ("GaussianProcess", "MaximumLikelihood"):
            data = TWO_BANDS
        elif name in ("Relation", "LeastSquaresCurve"):
            data = LAW  # its predictor is known exactly
        model.fit(data, samplers.get(name), seed=3, progress=False)
        model.save(path / f"{name}.nc")
    return path


@pytest.fixture
def fit(folder, tmp_path):
    """A copy of the saved periodogram, to be damaged."""
    return Path(shutil.copy(folder / "Periodogram.nc", tmp_path / "fit.nc"))


# Round trips ----------------------------------------------------------------------------------


def digest(pairs):
    found = hashlib.sha256()
    for name, array in sorted(pairs):
        found.update(f"{name} {array.dtype.kind} {array.shape}".encode())
        text = array.dtype.kind in "UOT"
        found.update("|".join(array.ravel()).encode() if text else array.tobytes())
    return found.hexdigest()


def variables(dataset):
    return digest((name, array.values) for name, array in dataset.variables.items())


def describe(model):
    """Everything that a fit holds and predicts, as plain JSON."""
    found = {
        "task": type(model).__name__,
        "predict": variables(model.predict()),
        "later": variables(model.predict(draws=20, seed=9)),
        "posterior": variables(model.posterior["posterior"]),
        "summary": model.summary().to_csv(),
        "parameters": repr(sorted(model.get_params(deep=False).items())),
        "data": repr(fields_of(model.data)),
        "record": model.record,
        "diagnosis": repr(model.diagnose()),
    }
    return json.loads(json.dumps(found))


def reopen(*paths):
    print(json.dumps({path: describe(ba.open(path)) for path in paths}))


def in_new_process(function, *arguments):
    """Call a function of this module in a new process, and return the last line that it prints."""
    command = [sys.executable, __file__, function, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, (done.stdout[-200:], done.stderr[-3000:])
    return done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def reopened(folder):
    """What a new process finds in each file."""
    paths = {name: str(folder / f"{name}.nc") for name in MODELS}
    found = json.loads(in_new_process("reopen", *paths.values()))
    return {name: found[path] for name, path in paths.items()}


def test_every_task_and_baseline_is_here():
    # A regressor of scikit-learn's is refused by save.
    assert {*MODELS, "Regressor"} == {*registry.TASKS, *registry.BASELINES}


def test_estimators_of_other_libraries_are_refused(tmp_path):
    from sklearn.gaussian_process.kernels import RBF

    fit = ba.baselines.GaussianProcessRegressor(RBF(), restarts=0).fit(CURVE)
    with pytest.raises(ValueError, match="kernel=RBF.*another library"):
        fit.save(tmp_path / "fit.nc")
    fit.posterior.to_netcdf(tmp_path / "numbers.nc")


def test_fixed_parameters_and_regularization_are_kept(tmp_path):
    fixed = {"weight": [None, 0.25], "mean": [[0.0, 0.0, 0.0], None]}
    model = ba.ExtremeDeconvolution(2, fixed=fixed, regularization=0.5)
    model.fit(LINE, seed=3, progress=False).save(tmp_path / "fit.nc")
    opened = ba.open(tmp_path / "fit.nc")
    assert opened.fixed == fixed
    assert opened.regularization == 0.5
    assert np.array_equal(opened.predict()["signal"], model.predict()["signal"])


@pytest.mark.parametrize("name", MODELS)
def test_every_parameter_and_prior_is_changed(name):
    from dataclasses import MISSING, fields

    # They do not go with what else is there (the tests below have those of the mixture), or are
    # objects of scikit-learn, which are refused.
    apart = {
        "ExtremeDeconvolution": ("fixed", "regularization"),
        "GaussianProcess": ("outliers",),
        "LinearRelation": ("robust", "features"),  # of a scatter, and of exact predictors
        "Periodogram": ("n_signals",),
        "GaussianProcessRegressor": ("kernel",),
    }.get(name, ())
    for field in fields(MODELS[name]):
        if field.default is not MISSING and field.name not in apart:
            assert getattr(MODELS[name], field.name) != field.default, field.name


@pytest.mark.parametrize("name", MODELS)
def test_a_new_process_finds_the_same_bit_for_bit(name, reopened):
    assert reopened[name] == describe(MODELS[name])


@pytest.mark.parametrize("name", MODELS)
def test_saving_what_was_opened_changes_nothing(name, folder, tmp_path):
    again = ba.open(folder / f"{name}.nc")
    again.save(tmp_path / "again.nc")
    assert describe(ba.open(tmp_path / "again.nc")) == describe(again)


@pytest.mark.parametrize("container", DATA, ids=lambda kind: kind.__name__)
def test_arrays_and_metadata_hold_every_field(container):
    data = DATA[container]
    assert data.name and data.source == "made up"
    again = container.from_arrays(data.to_arrays(), json.loads(json.dumps(data.metadata())))
    assert fields_of(again) == fields_of(data)


def test_units_and_labels_of_the_data_come_back(tmp_path):
    LombScargle(period=(2, 20)).fit(CURVE).save(tmp_path / "curve.nc")
    curve = ba.open(tmp_path / "curve.nc").data
    assert (curve.time_unit, curve.value_unit) == ("d", "mag")
    assert (curve.time_scale, curve.time_format) == ("tdb", "mjd")
    assert (curve.name, curve.source) == ("an öbject", "made up")
    assert curve.bands == ("V",)
    LeastSquaresLine("M").fit(LINE).save(tmp_path / "line.nc")
    plane = ba.open(tmp_path / "line.nc").data
    assert plane.units == ("mag", "", "mag")
    assert plane.names == ("colour", "log P", "M")
    assert (plane.name, plane.source) == ("a plane", "made up")


def test_stored_parameters_keep_their_types():
    values = {
        "none": None,
        "flag": True,
        "tuple": (1, 2.5, "x", (3,)),
        "list": [1, [2]],
        "dict": {"a": ba.Prior("HalfNormal", sigma=1 * u.km)},
        "number": 1 / 3,
    }
    again = storage.decode(json.loads(json.dumps(storage.encode(values))))
    assert again == values
    assert type(again["tuple"]) is tuple
    for quantity in (1 / 3 * u.d, [1, 2] * u.cycle, 5 * u.Unit("1e-7 erg / s"), 3 * u.mag("AB")):
        again = storage.decode(json.loads(json.dumps(storage.encode(quantity))))
        assert np.all(again == quantity)
        assert again.unit == quantity.unit
    array = np.array([1.0, 2.0])
    assert np.array_equal(storage.decode(storage.encode(array)), array)
    assert storage.encode(np.float64(2.5)) == 2.5
    with pytest.raises(ValueError, match="cannot be stored"):
        storage.encode(object())


# Writing --------------------------------------------------------------------------------------


def write_in_halves(path, data):
    """A slow disk: of a fast one no kill finds the file half written."""
    with open(path, "wb") as file:
        for half in (data[: len(data) // 2], data[len(data) // 2 :]):
            file.write(half)
            file.flush()
            time.sleep(0.02)


def save_until_killed(tree, path, delay):
    """Fork a process that saves without end, and kill it after `delay` seconds."""
    ready, done = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            Path.write_bytes = write_in_halves
            os.write(done, b"x")
            while True:
                storage.save(tree, path)
        finally:
            os._exit(0)
    os.read(ready, 1)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(ready)
    os.close(done)
    assert os.WIFSIGNALED(status), "the process must still be saving when it is killed"


def states(path):
    with h5py.File(path) as file:
        return int(file["posterior/draw"].size), float(file["posterior/offset"][()].sum())


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.slow
def test_200_kills_during_save_lose_nothing(tmp_path):
    import xarray as xr

    path = tmp_path / "fit.nc"
    trees, known = [], set()
    for size in (200, 300):
        tree = small_tree(size)
        trees.append(tree)
        started = time.perf_counter()
        storage.save(tree, path)
        takes = time.perf_counter() - started
        known.add(states(path))
    moments = np.random.default_rng(4).uniform(0, 2 * takes + 0.04, 200)
    for i, moment in enumerate(moments):
        save_until_killed(trees[i % 2], path, moment)
        assert states(path) in known
    assert isinstance(xr.load_dataset(path, group="posterior"), xr.Dataset)
    # Fresh temporary files may belong to a process that is writing; old ones belong to nobody.
    parts = sorted(tmp_path.glob(".*.part"))
    assert len(parts) > 10, "hardly a kill hit a write: the test shows nothing"
    foreign = tmp_path / ".other.nc.abcdefgh.part"
    foreign.touch()
    for part in [*parts[:-1], foreign]:
        os.utime(part, (1e9, 1e9))
    storage.save(trees[0], path)
    assert sorted(tmp_path.glob(".*.part")) == sorted([parts[-1], foreign])


def small_tree(size):
    import xarray as xr

    draws = np.random.default_rng(size).normal(size=(1, size))
    both = dict.fromkeys(("offset", "slope"), (("chain", "draw"), draws))
    coords = {"chain": [0], "draw": np.arange(size)}
    return xr.DataTree.from_dict({"posterior": xr.Dataset(both, coords)})


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "x.txt"
    storage.write_atomically(path, lambda part: Path(part).write_text("old"))

    def fails(part):
        Path(part).write_text("half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        storage.write_atomically(path, fails)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["x.txt"]


def test_a_file_is_on_the_disk_before_it_takes_the_name(tmp_path, monkeypatch):
    """A loss of power leaves the old file or the new one, too: what is renamed has been synced."""
    events, fsync, replace = [], os.fsync, os.replace

    def synced(handle):
        status = os.fstat(handle)
        events.append(("sync", status.st_ino, path.exists()))
        assert status.st_ino == tmp_path.stat().st_ino or status.st_size == 5
        fsync(handle)

    def moved(source, target):
        events.append(("rename", os.stat(source).st_ino, path.exists()))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", moved)
    path = tmp_path / "x"
    storage.write_atomically(path, lambda part: Path(part).write_text("whole"))
    own, folder = path.stat().st_ino, tmp_path.stat().st_ino
    assert events == [("sync", own, False), ("rename", own, False), ("sync", folder, True)]


def test_a_written_file_is_an_ordinary_one(tmp_path):
    storage.write_atomically(tmp_path / "x", lambda part: Path(part).write_text(""))
    (tmp_path / "y").touch()
    assert (tmp_path / "x").stat().st_mode == (tmp_path / "y").stat().st_mode


def test_a_full_disk_is_an_error_and_the_old_file_stays(tmp_path):
    """Where the HDF5 library writes itself, it ends the process."""
    import resource

    path = tmp_path / "fit.nc"
    storage.save(small_tree(200), path)
    known, size = states(path), path.stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for share in np.linspace(0.02, 0.98, 20):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(share * size), before[1]))
        try:
            with pytest.raises(OSError, match="was not written, and what stood there is unchanged"):
                storage.save(small_tree(300), path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert states(path) == known
    assert os.listdir(tmp_path) == ["fit.nc"]


def test_only_plain_files_are_replaced_and_keep_their_mode(tmp_path):
    def write(part):
        Path(part).write_text("new")

    os.mkfifo(tmp_path / "fifo")
    for place in (tmp_path / "fifo", Path("/dev/null")):
        with pytest.raises(ValueError, match="no plain file"):
            storage.write_atomically(place, write)
    (tmp_path / "x").write_text("old")
    (tmp_path / "x").chmod(0o600)
    (tmp_path / "link").symlink_to("x")
    storage.write_atomically(tmp_path / "link", write)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "x").read_text() == "new"
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600


def test_where_it_cannot_write_it_says_so(tmp_path):
    with pytest.raises(ValueError, match="make it first"):
        storage.write_atomically(tmp_path / "no" / "x", lambda part: None)
    with pytest.raises(ValueError, match="is a folder"):
        storage.write_atomically(tmp_path, lambda part: None)


def test_no_user_host_or_path_in_any_artefact(folder, tmp_path):
    model = MODELS["Periodogram"]
    model.save(tmp_path / "fit.nc")
    report.write(model, tmp_path / "report.html", model.baseline().fit(CURVE))
    model.summary().to_csv(tmp_path / "summary.csv")
    private = {getpass.getuser(), socket.gethostname(), str(Path.cwd()), str(tmp_path)}
    private |= {str(Path(ba.__file__).parent), str(Path.home()), sys.prefix}
    for path in [*folder.glob("*.nc"), *tmp_path.iterdir()]:
        content = path.read_bytes()
        text = texts_of(path) if path.suffix == ".nc" else content.decode()
        text = re.sub("base64,[A-Za-z0-9+/=]+", "", text)
        for word in private:
            # Short ones turn up by chance among numbers and within other words.
            assert not re.search(rf"(?<![A-Za-z]){re.escape(word)}(?![A-Za-z])", text), path.name
            assert len(word) < 6 or word.encode() not in content, path.name


def texts_of(path):
    """All names, attributes and texts in a file."""
    found = []

    def visit(name, item):
        found.extend([name, *(f"{key} {item.attrs[key]}" for key in item.attrs)])
        if isinstance(item, h5py.Dataset) and h5py.check_string_dtype(item.dtype):
            found.extend(map(str, np.atleast_1d(item[()])))

    with h5py.File(path) as file:
        visit("", file)
        file.visititems(visit)
    return "\n".join(found)


# Hostile files --------------------------------------------------------------------------------


@pytest.fixture
def bounded():
    """At most 3 s and 300 MB for what follows."""
    peak, start = peak_memory(), time.process_time()
    yield
    assert time.process_time() - start < 3
    assert peak_memory() - peak < 300_000


def refuses(path, match="."):
    with pytest.raises(ValueError, match=match) as caught:
        ba.open(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 1000
    return str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    refuses(tmp_path / "no.nc", "There is no file")
    refuses(tmp_path, "There is no file")


@pytest.mark.parametrize("part", [*np.random.default_rng(5).uniform(0, 1, 10), 0.99999])
def test_a_file_cut_short(fit, part):
    content = fit.read_bytes()
    fit.write_bytes(content[: int(part * len(content))])
    refuses(fit, "cut short")


def test_one_bit_of_one_draw(fit):
    content = bytearray(fit.read_bytes())
    with h5py.File(fit) as file:
        content[file["posterior/offset"].id.get_offset() + 100] ^= 1
    fit.write_bytes(content)
    refuses(fit, "damaged")


@pytest.mark.parametrize("content", [b"", b"hello", b"CDF\x01" + bytes(100), b"\x80\x04."])
def test_another_kind_of_file(fit, content):
    fit.write_bytes(content)
    refuses(fit, "not a fit saved by bayes_astro")
    storage.seal(fit)
    refuses(fit, "not a netCDF-4 file")


@contextlib.contextmanager
def change(path):
    """Change a file with care: its checksum is right again afterwards."""
    with h5py.File(path, "r+") as file:
        yield file
    storage.seal(path)


def test_a_short_file_that_declares_800_gigabytes(tmp_path, bounded):
    path = tmp_path / "bomb.nc"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (100_000_000_000,), "f8", chunks=(1_000_000,))
    storage.seal(path)
    assert path.stat().st_size < 10_000
    assert "declares" in refuses(path, "refused")


@pytest.mark.parametrize(
    "options",
    [
        {"shape": (10**9,), "dtype": "f8"},
        {"shape": (3 * 10**8,), "dtype": "S1000"},
        {"shape": (1,), "dtype": "S2000000000"},
        {"shape": (10**6, 10**6, 10**6), "dtype": "i1"},
        {"shape": (10,), "dtype": "f8", "chunks": (5 * 10**7,), "maxshape": (None,)},
    ],
)
def test_arrays_larger_than_the_file(fit, options, bounded):
    with change(fit) as file:
        file.create_dataset("posterior/bomb", **options)
    refuses(fit, "declares")


def test_compressed_zeros(fit, bounded):
    with change(fit) as file:
        file.create_dataset("posterior/x", data=np.zeros(10**6), chunks=(10**6,), compression=9)
    refuses(fit, "compressed")


def test_a_large_fit_is_opened_on_request(fit):
    size = fit.stat().st_size
    with pytest.raises(ValueError, match="raise max_bytes"):
        ba.open(fit, max_bytes=size // 2)
    ba.open(fit, max_bytes=size)


def test_many_short_pointers_to_one_long_text(tmp_path, bounded):
    """Variable-length entries that share one text: gigabytes in a file of 1 MB."""
    path = tmp_path / "laugh.nc"
    with h5py.File(path, "w") as file:
        text = file.create_dataset("x", (20_000,), h5py.string_dtype())
        text[0] = "a" * 500_000
        file.flush()
        address = text.id.get_offset()
    content = bytearray(path.read_bytes())
    content[address : address + 16 * 20_000] = content[address : address + 16] * 20_000
    path.write_bytes(content)
    storage.seal(path)
    with h5py.File(path) as file:
        assert len(file["x"][19_999]) == 500_000
    refuses(path, "bytes of text")


def test_links_and_foreign_storage(fit, tmp_path, bounded):
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["x"] = np.arange(4.0)
    layout = h5py.VirtualLayout((4,), "f8")
    layout[:] = h5py.VirtualSource(str(other), "x", (4,))
    raw = [(str(tmp_path / "raw"), 0, 32)]
    (tmp_path / "raw").write_bytes(bytes(32))
    additions = {
        "link to somewhere": lambda f: f.__setitem__("posterior/a", h5py.SoftLink("/posterior")),
        "link to some": lambda f: f.__setitem__("a", h5py.ExternalLink(str(other), "x")),
        "from elsewhere": lambda f: f.create_virtual_dataset("posterior/a", layout),
        "from else": lambda f: f.create_dataset("posterior/a", (4,), "f8", external=raw),
        "there twice": lambda f: f.__setitem__("posterior/again", f["posterior"]),
        "is there twice": lambda f: f.__setitem__("posterior/up", f["/"]),
        "twice": lambda f: f.__setitem__("posterior/again", f["posterior/offset"]),
        "holds objects": lambda f: f.create_dataset("a", (2,), h5py.ref_dtype),
        "objects": lambda f: f.create_dataset("a", (2,), h5py.vlen_dtype(float)),
        "not numbers": lambda f: f.create_dataset("a", data=np.void(b"\x80\x04.")),
        "numbers or text": lambda f: f.create_dataset("a", data=np.zeros(2, "f8,i4")),
        "neither": lambda f: f.__setitem__("a", np.dtype("f8,i4")),
        "is empty": lambda f: f.create_dataset("a", data=h5py.Empty("f8")),
    }
    clean = fit.read_bytes()
    for message, add in additions.items():
        fit.write_bytes(clean)
        with change(fit) as file:
            add(file)
        assert message in refuses(fit, "refused")


def test_deeply_nested_and_many_groups(fit, bounded):
    clean = fit.read_bytes()
    with change(fit) as file:
        group = file
        for _ in range(3000):
            group = group.create_group("g")
    refuses(fit, "within a group")
    fit.write_bytes(clean)
    with change(fit) as file:
        for i in range(2_500):
            file.create_group(f"g{i}")
    refuses(fit, "objects")


@pytest.mark.parametrize("name", ["posterior", "constant_data", "observed_data"])
def test_groups_that_are_missing(fit, name):
    with change(fit) as file:
        del file[name]
    refuses(fit, "not a complete fit")


@pytest.mark.parametrize("name", ["posterior/amplitude", "posterior/trend", "constant_data/value"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, None])
def test_arrays_that_are_missing_or_not_finite(fit, name, bad):
    with change(fit) as file:
        if bad is None:
            del file[name]
        else:
            file[name][...] = bad
    refuses(fit, "not a complete fit")


def with_record(path, edit):
    """Replace the record by what `edit` makes of it."""
    with change(path) as file:
        record = json.loads(file.attrs["bayes_astro"])
        new = edit(record)
        file.attrs["bayes_astro"] = new if isinstance(new, str | np.ndarray) else json.dumps(record)


HUGE = "10**999999999 d"
RECORDS = {
    "unknown task": lambda r: r.update(task="os"),
    "another class": lambda r: r.update(task="subprocess:Popen"),
    "a class of the library that is no task": lambda r: r.update(task="Exact"),
    "a list as task": lambda r: r.update(task=["Periodogram"]),
    "container outside": lambda r: r.update(container="builtins:eval"),
    "container of the other task": lambda r: r.update(container="Measurements"),
    "sampler outside": lambda r: r["sampler"].update(name="os:system"),
    "sampler settings": lambda r: r["sampler"].update(settings={"dict": {"draws": -1}}),
    "format": lambda r: r.update(format=2),
    "format text": lambda r: r.update(format="1" * 10**6),
    "no parameters": lambda r: r.pop("parameters"),
    "no record": lambda r: "",
    "list": lambda r: "[1, 2]",
    "not JSON": lambda r: "cos\nsystem\n(S'true'\ntR.",
    "bytes": lambda r: np.frombuffer(b"\x80\x04.", "u1"),
    "numbers": lambda r: np.arange(4),
    "deep": lambda r: "[" * 50_000 + "]" * 50_000,
    "deep tables": lambda r: '{"tuple":' * 5_000 + "[]" + "}" * 5_000,
    "deep parameters": lambda r: json.dumps(r).replace(
        '"parameters": {', '"parameters": ' + '{"tuple": [' * 500 + "1" + "]}" * 500 + ', "x": {', 1
    ),
    "huge integer": lambda r: '{"format": ' + "9" * 100_000 + "}",
    "huge seed": lambda r: r.update(seed=-1),
    "seed text": lambda r: r.update(seed="1"),
    "unknown parameter": lambda r: r["parameters"]["dict"].update(code="1"),
    "parameter of another kind": lambda r: r["parameters"]["dict"].update(n_terms="2"),
    "unknown kind of value": lambda r: r["parameters"]["dict"].update(period={"eval": "1"}),
    "two kinds of value": lambda r: r["parameters"]["dict"].update(
        period={"tuple": [1, 2], "array": [1]}
    ),
    "unit": lambda r: r["parameters"]["dict"].update(
        period={"tuple": [{"quantity": [1, HUGE]}, {"quantity": [2, HUGE]}]}
    ),
    "prior": lambda r: r["priors"].update(offset={"distribution": "Normal", "mu": 0}),
    "prior that cannot be": lambda r: r["parameters"]["dict"]["priors"]["dict"].update(
        offset={"prior": {"distribution": "eval"}}
    ),
    "priors list": lambda r: r.update(priors=[1]),
    "versions": lambda r: r.update(versions={"python": {"a": 1}}),
    "data": lambda r: r["data"].update(code="1"),
    "data that is an array": lambda r: r["data"].update(time=[1]),
    "no data": lambda r: r.pop("data"),
}


@pytest.mark.parametrize("name", RECORDS)
def test_records_that_were_tampered_with(fit, name, bounded):
    with_record(fit, RECORDS[name])
    refuses(fit)


def test_no_record_at_all(fit):
    with change(fit) as file:
        del file.attrs["bayes_astro"]
    refuses(fit, "not a complete fit")


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("jitter", -0.1, "jitter holds draws outside its prior"),
        ("frequency", 0.5, "frequency holds draws outside its prior"),
        ("noise", 2, "noise holds what the model does not have"),
        ("noise", -1, "noise holds what the model does not have"),
    ],
)
def test_draws_that_no_fit_can_have(fit, name, value, match):
    with change(fit) as file:
        file[f"posterior/{name}"][0, 0] = value
    refuses(fit, match)


def test_nothing_in_a_file_is_ever_run(fit, tmp_path):
    """Pickles in every place that can hold bytes or text."""
    flag = tmp_path / "flag"
    pickle = f"cposix\nsystem\n(S'touch {flag}'\ntR."
    with change(fit) as file:
        file.attrs["extra"] = np.void(pickle.encode())
        for name in file:
            file[name].attrs["extra"] = pickle
            file[name].attrs["dtype"] = pickle
        file["posterior/offset"].attrs["dtype"] = pickle
        file["posterior/offset"].attrs["units"] = pickle
        file["constant_data/band"][:] = pickle
    with contextlib.suppress(ValueError):
        ba.open(fit).predict()
    assert not flag.exists()


def mutated(content, generator):
    """A few bits flipped, a piece cut out, doubled, zeroed or moved."""
    content = bytearray(content)
    kind = generator.integers(5)
    a, b = sorted(generator.integers(0, len(content), 2).tolist())
    # Most of a fit is draws: half of the damage goes where the structure is.
    if generator.random() < 0.7:
        a = int(generator.integers(0, len(content)) * generator.random() ** 3)
        b = min(len(content), a + int(generator.integers(1, 400)))
    if kind == 0:
        for position in generator.integers(0, len(content), 40):
            content[position] ^= 1 << int(generator.integers(8))
    elif kind == 1:
        del content[a:b]
    elif kind == 2:
        content[a:b] = bytes(b - a)
    elif kind == 3:
        content[a:a] = content[a:b]
    else:
        c = int(generator.integers(0, len(content)))
        content[c : c + b - a] = content[a:b]
    return bytes(content)


def fuzz(clean, path):
    """Open 300 damaged files, most with a right checksum; prints how many opened, the slowest and the growth in memory."""
    content = Path(clean).read_bytes()
    ba.open(clean).predict()
    before, opened, slowest = peak_memory(), 0, 0.0
    faulthandler.enable()
    for i in range(300):
        Path(path).write_bytes(mutated(content, np.random.default_rng(i)))
        if i % 10:
            storage.seal(path)
        start = time.process_time()
        faulthandler.dump_traceback_later(20, exit=True)  # the HDF5 library may loop for ever
        try:
            model = ba.open(path)
        except ValueError:
            model = None
        if model is not None:
            opened += 1
            with np.errstate(all="ignore"):
                model.predict()
            assert model.record
            assert len(model.data)
        slowest = max(slowest, time.process_time() - start)
        faulthandler.cancel_dump_traceback_later()
    print(json.dumps([opened, slowest, peak_memory() - before]))


def peak_memory():
    """In kilobytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.slow
def test_300_mutated_files_are_refused_or_predict(folder, tmp_path):
    """In another process, which a crash in the HDF5 library would end."""
    found = in_new_process("fuzz", folder / "Periodogram.nc", tmp_path / "x.nc")
    opened, slowest, growth = json.loads(found)
    assert 0 < opened < 290
    assert slowest < 3
    assert growth < 300_000


def test_two_threads_save_to_the_same_file(tmp_path):
    path = tmp_path / "x.txt"
    texts = {name: name * 50_000 for name in "ab"}

    def write(name):
        for _ in range(20):
            storage.write_atomically(path, lambda part: Path(part).write_text(texts[name]))

    threads = [threading.Thread(target=write, args=name) for name in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text() in texts.values()
    assert os.listdir(tmp_path) == ["x.txt"]


if __name__ == "__main__":
    {"reopen": reopen, "fuzz": fuzz}[sys.argv[1]](*sys.argv[2:])
