"""What cannot be fitted is an error that says where and what to do; what can be stays finite."""

import re

import numpy as np
import pytest
from samples import clusters

import bayes_astro as ba
from bayes_astro.samplers import maximum

NAMES = ("x", "y")
COVARIANCE = np.repeat(0.2 * np.eye(2)[None], 12, axis=0)
VALUE = np.random.default_rng(0).normal(size=(12, 2))


class Reached(Exception):
    """The search was called."""


@pytest.fixture
def no_search(monkeypatch):
    """Searching is an error: bad input must be found before it."""

    def reached(*args, **kwargs):
        raise Reached

    monkeypatch.setattr(maximum.MAP, "sample", reached)


def good(**changes):
    arrays = {"value": VALUE, "covariance": COVARIANCE, "names": NAMES} | changes
    return ba.Measurements(**arrays)


def fit(model, data, **options):
    return model.fit(data, ba.MAP(restarts=3), seed=1, progress=False, **options)


def finite(model, data):
    """Whether everything that comes out is."""
    posterior = model.posterior["posterior"]
    names = ("weight", "mean", "covariance", "total_mean", "total_covariance", "entropy")
    assert all(np.isfinite(posterior[name]).all() for name in names)
    assert (np.linalg.eigvalsh(posterior["covariance"].values) > 0).all()
    np.testing.assert_allclose(posterior["weight"].sum("component"), 1)
    assert np.isfinite(model.posterior["sample_stats"].attrs["log_likelihood"])
    assert np.isfinite(model.score(data))
    forecast = model.predict(data, seed=1)
    assert all(np.isfinite(forecast[name]).all() for name in ("signal", "conditional_mean"))


def test_the_good_data_reach_the_search(no_search):
    with pytest.raises(Reached):
        fit(ba.ExtremeDeconvolution(2), good())


def changed(array, index, entry):
    array = array.copy()
    array[index] = entry
    return array


BAD_DATA = {
    "non-symmetric": (
        lambda: good(covariance=changed(COVARIANCE, (7, 0, 1), 0.1)),
        r"row 7 is not symmetric: x, y",
    ),
    "indefinite": (
        lambda: good(covariance=changed(COVARIANCE, 5, [[0.2, 0.3], [0.3, 0.2]])),
        r"row 5 is not positive semi-definite",
    ),
    "negative variance": (
        lambda: good(covariance=changed(COVARIANCE, (3, 1, 1), -0.1)),
        r"variance of y.*row 3",
    ),
    "nan covariance": (
        lambda: good(covariance=changed(COVARIANCE, (4, 0, 0), np.nan)),
        r"covariance of x.*row 4",
    ),
    "infinite value": (lambda: good(value=changed(VALUE, (2, 1), np.inf)), r"y.*row 2"),
    "shape of the covariance": (lambda: good(covariance=np.eye(3)), r"covariance.*shape \(3, 3\)"),
    "weight zero": (lambda: good(weight=changed(np.ones(12), 6, 0.0)), r"weight.*row 6"),
    "weight negative": (lambda: good(weight=changed(np.ones(12), 6, -1.0)), r"weight.*row 6"),
    "weight nan": (lambda: good(weight=changed(np.ones(12), 6, np.nan)), r"weight.*row 6"),
    "weights too few": (lambda: good(weight=np.ones(11)), r"weight.*\(11,\).*\(12,\)"),
    "projection of other rows": (
        lambda: good(projection=np.ones((11, 2, 3))),
        r"projection.*\(11, 2, 3\).*\(12, 2, k\)",
    ),
    "projection of other columns": (
        lambda: good(projection=np.ones((12, 3, 3))),
        r"projection.*\(12, 3, 3\).*\(12, 2, k\)",
    ),
    "projection nan": (
        lambda: good(projection=changed(np.ones((12, 2, 3)), (9, 1, 1), np.nan)),
        r"projection: row 9",
    ),
    "negative error": (
        lambda: ba.Measurements(VALUE, changed(np.ones((12, 2)), (1, 0), -1), names=NAMES),
        r"error of x.*row 1",
    ),
}


@pytest.mark.parametrize("name", BAD_DATA)
def test_bad_measurements(no_search, name):
    make, message = BAD_DATA[name]
    with pytest.raises(ValueError, match=message):
        fit(ba.ExtremeDeconvolution(2), make())


UNFIT = {
    "a column all nan": (
        {},
        lambda: good(value=changed(VALUE, (slice(None), 1), np.nan)),
        r"column 'y' is missing in every row.*select",
    ),
    "nothing measured but one": (
        {},
        lambda: good(value=changed(VALUE, slice(1, None), np.nan)),
        r"1 rows with a measurement are too few",
    ),
    "fewer rows than components": (
        {"n_components": 13},
        good,
        r"12 rows .* too few for 13 components.*fewer",
    ),
    "a constant without errors": (
        {},
        lambda: ba.Measurements(
            changed(VALUE, (slice(None), 0), 3.0), np.array([[0, 0.1]] * 12), names=NAMES
        ),
        r"column 'x' is constant \(3\) and without errors.*select",
    ),
    "duplicates, no errors, maximum likelihood": (
        {"regularization": 0.0},
        lambda: ba.Measurements(np.repeat(VALUE[:2], 6, 0), np.zeros((12, 2)), names=NAMES),
        r"2 different points.*priors",
    ),
    "no errors on a line": (
        {},
        lambda: ba.Measurements(VALUE[:, :1] * [1, 2], np.zeros((12, 2)), names=NAMES),
        r"columns 'x', 'y': -1 x \+0.5 y is the same in every row.*leave out 'y'",
    ),
    "a projection that does not see": (
        {},
        lambda: good(projection=np.repeat([[[1.0, 0, 0], [0, 1.0, 0]]], 12, 0)),
        r"projection.*every direction of the 3",
    ),
    "uniform under a projection": (
        {"background": "uniform"},
        lambda: good(projection=np.random.default_rng(1).normal(size=(12, 2, 2))),
        r"background='uniform'.*projection.*'broad'",
    ),
    "uniform over a constant": (
        {"background": "uniform"},
        lambda: good(value=changed(VALUE, (slice(None), 0), 3.0)),
        r"column 'x' is constant \(3\): background='uniform'.*'broad'",
    ),
    "names of another number": (
        {"dimensions": ("u", "v", "w")},
        good,
        r"3 names for 2 quantities",
    ),
    "not measurements": ({}, lambda: VALUE, "Measurements"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_data_that_the_model_cannot_take(no_search, name):
    arguments, make, message = UNFIT[name]
    with pytest.raises(ValueError, match=message):
        fit(ba.ExtremeDeconvolution(**({"n_components": 2} | arguments)), make())


NORMAL = ba.Prior("Normal", mu=0.0, sigma=1.0)
BAD_PARAMETERS = {
    "no component": ({"n_components": 0}, "n_components=0"),
    "half a component": ({"n_components": 2.5}, "n_components=2.5"),
    "a component in words": ({"n_components": "two"}, "n_components='two'"),
    "true": ({"n_components": True}, "n_components=True"),
    "nothing to choose from": ({"n_components": ()}, r"n_components=\(\)"),
    "a bad choice": ({"n_components": (1, 0)}, r"n_components=\(1, 0\)"),
    "criterion": ({"criterion": "aic"}, "criterion='aic'.*'held-out' or 'bic'"),
    "background": ({"background": "flat"}, "background='flat'.*'uniform' or 'broad'"),
    "regularization negative": ({"regularization": -1.0}, "regularization=-1"),
    "regularization nan": ({"regularization": np.nan}, "regularization=nan"),
    "regularization in words": ({"regularization": "4"}, "regularization='4'"),
    "regularization of each column": ({"regularization": [1.0, 2.0]}, "regularization=.1"),
    "w and priors": (
        {"regularization": 1.0, "priors": {"mean": NORMAL}},
        "regularization.*priors.*one of the two",
    ),
    "dimensions twice": ({"dimensions": ("u", "u")}, "dimensions.*different"),
    "dimensions numbered": ({"dimensions": (1, 2)}, "dimensions"),
    "dimensions in one word": ({"dimensions": "uv"}, "dimensions='uv'"),
    "dimensions one name": ({"dimensions": 3}, "dimensions"),
    "fixed unknown": ({"fixed": {"scale": [1]}}, "fixed=.*weight.*mean.*covariance"),
    "fixed no dictionary": ({"fixed": [1, 2]}, "fixed=.*dictionary"),
    "fixed of another number": ({"fixed": {"mean": [None]}}, "fixed.'mean'..*2 components"),
    "fixed of another shape": (
        {"fixed": {"mean": [None, [1.0, 2.0, 3.0]]}},
        r"fixed.'mean'., component 1.*shape \(2,\)",
    ),
    "fixed words": ({"fixed": {"mean": [None, ["a", "b"]]}}, r"fixed.'mean'., component 1"),
    "fixed partly nan": (
        {"fixed": {"mean": [None, [1.0, np.nan]]}},
        r"fixed.'mean'., component 1.*finite",
    ),
    "fixed indefinite": (
        {"fixed": {"covariance": [[[1.0, 2.0], [2.0, 1.0]], None]}},
        r"fixed.'covariance'., component 0.*positive definite",
    ),
    "fixed not symmetric": (
        {"fixed": {"covariance": [[[1.0, 0.5], [0.0, 1.0]], None]}},
        r"fixed.'covariance'., component 0.*symmetric",
    ),
    "fixed negative variance": (
        {"fixed": {"covariance": [None, [[-1.0, 0.0], [0.0, -1.0]]]}},
        r"fixed.'covariance'., component 1",
    ),
    "fixed negative weight": ({"fixed": {"weight": [-0.1, None]}}, "fixed.'weight'"),
    "fixed weights beyond one": ({"fixed": {"weight": [0.7, 0.7]}}, "fixed.'weight'"),
    "fixed weights below one": ({"fixed": {"weight": [0.3, 0.3]}}, "fixed.'weight'.*sum to 1"),
    "nothing left for the rest": (
        {"fixed": {"weight": [1.0, None]}},
        "fixed.'weight'.*less than 1",
    ),
    "fixed with K open": (
        {"n_components": (1, 2), "fixed": {"weight": [0.5, None]}},
        "fixed needs a single n_components",
    ),
    "unknown prior": ({"priors": {"means": NORMAL}}, "no parameter 'means'.*mean"),
    "prior of another family": (
        {"priors": {"mean": ba.Prior("HalfNormal", sigma=1.0)}},
        "'mean' must be Normal, got .*HalfNormal",
    ),
    "prior of another size": (
        {"priors": {"mean": ba.Prior("Normal", mu=[0.0, 0.0, 0.0], sigma=1.0)}},
        "'mean': mu has 3 entries, expected 1 or 2",
    ),
    "prior scale of another size": (
        {"priors": {"covariance": ba.Prior("InverseWishart", nu=4.0, scale=np.eye(3).tolist())}},
        r"'covariance': scale has shape \(3, 3\)",
    ),
    "prior nu": (
        {"priors": {"covariance": ba.Prior("InverseWishart", nu=0.5, scale=np.eye(2).tolist())}},
        "nu",
    ),
    "prior no prior": ({"priors": {"mean": 3.0}}, "ba.Prior"),
    "priors no dictionary": ({"priors": [NORMAL]}, "priors must map"),
}


@pytest.mark.parametrize("name", BAD_PARAMETERS)
def test_bad_parameters(no_search, name):
    arguments, message = BAD_PARAMETERS[name]
    with pytest.raises(ValueError, match=message):
        fit(ba.ExtremeDeconvolution(**({"n_components": 2} | arguments)), good())


def test_unknown_parameters():
    with pytest.raises(TypeError, match="n_component"):
        ba.ExtremeDeconvolution(n_component=2)
    with pytest.raises(ValueError, match=r"component.*n_components"):
        ba.ExtremeDeconvolution(2).set_params(component=3)


BAD_MAP = [
    {"restarts": 0},
    {"max_steps": 0},
    {"moves": -1},
    {"tolerance": 0.0},
    {"tolerance": np.nan},
    {"threads": 0},
    {"restarts": 2.5},
]


@pytest.mark.parametrize("settings", BAD_MAP)
def test_bad_settings_of_the_search(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        ba.MAP(**settings)
    with pytest.raises(ValueError, match=next(iter(settings))):
        ba.Laplace(**settings)


@pytest.fixture(scope="module")
def fitted():
    return fit(ba.ExtremeDeconvolution(2), clusters(n=40))


def test_bad_questions_to_a_fit(fitted):
    other = clusters(n=5, names=("u", "v"))
    for ask in (fitted.predict, fitted.log_density):
        with pytest.raises(ValueError, match="columns x, y, got u, v"):
            ask(other)
    with pytest.raises(ValueError, match="Measurements"):
        fitted.predict(VALUE)
    with pytest.raises(ValueError, match=r"\(m, 2\): x, y"):
        fitted.log_density(np.zeros((3, 4)))
    with pytest.raises(ValueError, match="finite"):
        fitted.log_density([[0.0, np.nan]])
    with pytest.raises(ValueError, match="bring their own"):
        fitted.log_density(clusters(n=5), errors=np.ones((5, 2)))
    with pytest.raises(ValueError, match="z"):
        fitted.condition({"z": 1.0})
    with pytest.raises(ValueError, match="z"):
        fitted.marginal(["z"])
    for folds in (1, 41, 2.5, True):
        with pytest.raises(ValueError, match=f"folds={folds}"):
            fitted.held_out(clusters(n=40), folds=folds)


@pytest.mark.parametrize("w", [1.0, 0.0])
def test_w_has_no_posterior_to_sample(w):
    for sampler in (ba.NUTS(draws=10, tune=10), ba.Laplace(), ba.Emcee(), ba.Gibbs()):
        with pytest.raises(ValueError, match="regularization.*MAP"):
            ba.ExtremeDeconvolution(2, regularization=w).fit(good(), sampler, progress=False)


def repeated(error, n=30):
    return ba.Measurements(np.full((n, 2), [3.0, -1.0]), np.full((n, 2), error), names=NAMES)


ODD = {
    "duplicates with errors": ({}, lambda: repeated(0.5)),
    "duplicates with errors and w": ({"regularization": 0.1}, lambda: repeated(0.5)),
    "duplicates of three points, no errors": (
        {},
        lambda: ba.Measurements(np.repeat(VALUE[:3], 10, 0), np.zeros((30, 2)), names=NAMES),
    ),
    "one point and its copies, but for one": (
        {},
        lambda: ba.Measurements(
            changed(np.full((30, 2), 1.0), 29, [2.0, 5.0]), np.zeros((30, 2)), names=NAMES
        ),
    ),
    "no errors": ({}, lambda: ba.Measurements(VALUE, np.zeros((12, 2)), names=NAMES)),
    "no errors and w": (
        {"regularization": 0.01},
        lambda: ba.Measurements(VALUE, np.zeros((12, 2)), names=NAMES),
    ),
    "a constant with errors": (
        {},
        lambda: good(value=changed(VALUE, (slice(None), 0), 3.0)),
    ),
    "a constant with errors and a background": (
        {"background": "broad"},
        lambda: good(value=changed(VALUE, (slice(None), 0), 3.0)),
    ),
    "as many rows as components": ({"n_components": 12}, good),
    "singular covariances": (
        {},
        lambda: good(covariance=np.repeat([[[0.2, 0.2], [0.2, 0.2]]], 12, 0)),
    ),
    "far outliers": (
        {},
        lambda: good(value=changed(VALUE, slice(0, 2), [[1e2, -1e2], [1e6, 1e6]])),
    ),
    "huge values": ({}, lambda: good(value=1e30 * VALUE, covariance=1e60 * COVARIANCE)),
    "tiny values": ({}, lambda: good(value=1e-30 * VALUE, covariance=1e-60 * COVARIANCE)),
    "far from zero": ({}, lambda: good(value=VALUE + 1e6)),
    "rows without a value": ({}, lambda: good(value=changed(VALUE, slice(0, 3), np.nan))),
    "errors far beyond the scatter": ({}, lambda: good(covariance=1e8 * COVARIANCE)),
    "errors of all rows far beyond the scatter": (
        {},
        lambda: good(covariance=1e20 * COVARIANCE),
    ),
    "errors in place of gaps": (
        {},
        lambda: good(covariance=changed(COVARIANCE, (slice(0, 5), 0, 0), 1e60)),
    ),
    "weights of all sizes": ({}, lambda: good(weight=np.logspace(-12, 6, 12))),
    "all fixed": (
        {
            "fixed": {
                "weight": [0.5, 0.5],
                "mean": [[0.0, 0.0], [1.0, 1.0]],
                "covariance": [np.eye(2), np.eye(2)],
            }
        },
        good,
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_data_give_finite_fits(name):
    arguments, make = ODD[name]
    data = make()
    model = fit(ba.ExtremeDeconvolution(**({"n_components": 2} | arguments)), data)
    finite(model, data)


def test_errors_beyond_floating_point_name_the_row(fitted):
    value = np.random.default_rng(1).normal(size=(20, 7))
    error = np.full((20, 7), 0.3)
    error[4] = 1e30
    with pytest.raises(ValueError, match=r"row 4 has errors of up to .*e\+30.*nan"):
        fit(ba.ExtremeDeconvolution(2), ba.Measurements(value, error))
    error[4] = 1e15
    data = ba.Measurements(value, error)
    finite(fit(ba.ExtremeDeconvolution(2), data), data)
    with pytest.raises(ValueError, match="row 1"):
        fitted.score(good(covariance=changed(COVARIANCE, 1, 1e290 * np.eye(2))))


@pytest.mark.parametrize("k", [5, 12])
@pytest.mark.parametrize("copies", [1, 5])
def test_a_likelihood_without_a_maximum(k, copies):
    data = ba.Measurements(np.repeat(VALUE, copies, 0), np.zeros((12 * copies, 2)), names=NAMES)
    free = ba.ExtremeDeconvolution(k, regularization=0.0)
    if copies == 1:
        with pytest.raises(ValueError, match=r"no maximum.*priors.*regularization"):
            fit(free, data)
    else:  # some starts lead to a local maximum, which is the fit; where none does, the same error
        try:
            finite(fit(free, data), data)
        except ValueError as error:
            assert re.search(r"no maximum.*priors.*regularization", str(error))
    for remedy in ({}, {"regularization": 0.01}):
        model = fit(ba.ExtremeDeconvolution(k, **remedy), data)
        finite(model, data)


@pytest.mark.parametrize("sigma", [1e2, 1e6, 1e9])
@pytest.mark.parametrize("background", [None, "uniform", "broad"])
def test_one_far_outlier(sigma, background):
    data = clusters(n=60, noise=0.3)
    data = data.replace(value=changed(data.value, 0, [sigma, -sigma]))
    model = fit(ba.ExtremeDeconvolution(2, background=background), data)
    posterior = model.posterior["posterior"]
    assert all(np.isfinite(posterior[name]).all() for name in posterior.data_vars)
    assert np.isfinite(model.score(data))


def test_one_column():
    data = ba.Measurements(VALUE[:, 0], np.full(12, 0.1))
    model = fit(ba.ExtremeDeconvolution(2), data)
    finite(model, data)
    assert model.log_density([0.0, 1.0])["mean"].shape == (2,)


def test_more_duplicates_than_one_column_of_nan_names_the_first():
    value = np.full((12, 2), np.nan)
    with pytest.raises(ValueError, match="column 'x'"):
        fit(ba.ExtremeDeconvolution(1), good(value=value))
