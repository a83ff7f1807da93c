"""What a relation refuses, and mean functions of users' own."""

from dataclasses import dataclass

import numpy as np
import pytest
from samples import curve, walk

import bayes_astro as ba

LAW, DISTANCE = ba.relations.PowerLaw(2.0), ba.relations.DistanceModulus()
DATA, SUPERNOVAE = curve(20), ba.load("pantheon-binned")
LAPLACE = ba.Laplace(draws=200, restarts=1)


def changed(data, column, row, value):
    array = np.array(data.value)
    array[row, data.index(column)] = value
    return data.replace(value=array)


def constant(data):
    return data.replace(value=np.column_stack([np.full(len(data), 2.0), data.value[:, 1]]))


REFUSED = {
    "redshift zero": (
        DISTANCE, "magnitude", changed(SUPERNOVAE, "redshift", 3, 0.0), {},
        "column 'redshift', row 3: redshift 0 is not above zero",
    ),
    "velocities": (
        DISTANCE, "magnitude", changed(SUPERNOVAE, "redshift", 2, 4000.0), {},
        "row 2: redshift 4000 .* in km/s",
    ),
    "constant": (LAW, "y", constant(DATA), {}, "column 'x' is constant"),
    "unknown": (LAW, "z", DATA, {}, "column 'z' is not there"),
    "another predictor": (
        ba.relations.PowerLaw(column="mass"), "y", DATA, {}, "'mass' is not among the predictors",
    ),
    "two predictors": (
        LAW, "y", ba.Measurements(np.eye(5, 3) + 1, [0, 0, 0.1], names=("a", "b", "y")), {},
        "depends on one predictor, and there are a, b",
    ),
    "no such heliocentric": (
        ba.relations.DistanceModulus(heliocentric="zhel"), "magnitude", SUPERNOVAE, {},
        "'zhel' is not among",
    ),
    "no power": (LAW, "y", changed(DATA, "x", 4, -1.0), {}, "row 4: PowerLaw needs predictors above"),
    "missing": (LAW, "y", changed(DATA, "y", 4, np.nan), {}, "column 'y', row 4: missing value"),
    "errors in x and common ones": (
        LAW, "y", curve(20, correlated=True).replace(error=np.full((20, 2), 0.1)), {},
        r"column 'x' has errors.*point_covariance.*data.without_error\('x'\)",
    ),
    "exact": (
        LAW, "y", DATA.without_error("y"), {"scatter": False}, "error 0 .20 rows. needs scatter=True",
    ),
    "common errors of x": (
        LAW, "y", DATA.replace(point_covariance={"x": np.eye(20)}), {}, "point_covariance of 'x'",
    ),
    "robust": (
        LAW, "y", curve(20, correlated=True), {"robust": True}, "robust=True: .* independent",
    ),
    "weights": (LAW, "y", DATA.replace(weight=np.ones(20)), {}, "neither projections nor weights"),
    "limits": (
        LAW, "y", DATA.replace(limit={"y": np.eye(20)[0]}), {}, "Relation does not take values that",
    ),
    "few": (LAW, "y", DATA[:3], {}, "3 rows are too few for 3 parameters"),
    "few values": (
        ba.relations.Polynomial(3), "y", changed(DATA, "x", slice(2, None), 2.0), {},
        "3 different values do not fix a polynomial of degree 3",
    ),
    "a wrong name": (LAW, "y", DATA, {"fixed": {"slop": 1.0}}, "no parameter 'slop'.*slope"),
    "no number": (LAW, "y", DATA, {"fixed": {"slope": "one"}}, "must map names of parameters"),
    "impossible": (
        DISTANCE, "magnitude", SUPERNOVAE, {"fixed": {"omega_m": -0.3}}, "omega_m=-0.3 cannot be: .* 0 to 1",
    ),
    "all": (
        LAW, "y", DATA, {"fixed": {"slope": 1.0, "amplitude": 1.0}, "scatter": False}, "nothing is left",
    ),
    "a class": (ba.relations.PowerLaw, "y", DATA, {}, "with brackets"),
    "a function of time": (ba.means.Harmonics(), "y", DATA, {}, "function of time"),
    "a degree": (ba.relations.Polynomial(9), "y", DATA, {}, "whole number from 0 to 8"),
    "a pivot": (ba.relations.PowerLaw(0.0), "y", DATA, {}, "pivot=0.0 must be a number > 0"),
    "a width": (ba.relations.BrokenPowerLaw(-1), "y", DATA, {}, "width=-1 must be"),
    "a model": (
        ba.relations.DistanceModulus("eds"), "magnitude", SUPERNOVAE, {}, "must be one of flat-lcdm",
    ),
    "radiation": (
        ba.relations.DistanceModulus(omega_r=1), "magnitude", SUPERNOVAE, {}, "from 0 to 0.01",
    ),
    "a prior that cannot be integrated out": (
        DISTANCE, "magnitude", SUPERNOVAE,
        {"priors": {"offset": ba.Prior("Uniform", lower=20, upper=30)}}, "with marginalise=False any",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_before_sampling(name):
    mean, response, data, options, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        ba.Relation(mean, response, **options).fit(data, LAPLACE, progress=False)


def test_a_covariance_of_another_size_and_one_without_errors():
    with pytest.raises(ValueError, match=r"has shape \(3, 3\); expected \(20, 20\)"):
        DATA.replace(point_covariance={"y": np.eye(3)})
    joint = {"y": np.ones((20, 20))}
    bare = DATA.without_error("y").replace(point_covariance=joint)
    with pytest.raises(ValueError, match="singular"):
        ba.Relation(LAW, "y", scatter=False).fit(bare, LAPLACE, progress=False)


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ([[1.0, 2.0]], r"shape \(m, 1\)"),
        ({"z": [1.0]}, "column 'x' is missing"),
        ([1.0, np.nan], "row 1 misses a predictor"),
        ("here", "must be predictors"),
        (curve(5).replace(units=("m", "")), "mismatched units"),
    ],
)
def test_predictions_elsewhere_say_what_they_take(at, message):
    model = ba.Relation(LAW, "y").fit(DATA, LAPLACE, seed=1, progress=False)
    with pytest.raises(ValueError, match=message):
        model.predict(at)


def test_a_process_refuses_functions_of_predictors():
    with pytest.raises(ValueError, match=r"function of predictors, for ba\.Relation"):
        ba.GaussianProcess(ba.kernels.SHO(), mean=LAW).fit(walk(20), progress=False)


@dataclass(frozen=True)
class Saturating:
    """A user's own: with a field, without slopes."""

    sharpness: float = 1.0

    def priors(self, data):
        top = float(data.value[:, -1].max())
        return {
            "top": ba.Prior("HalfNormal", sigma=2 * top),
            "scale": ba.Prior("LogNormal", mu=0.0, sigma=1.0),
        }

    def evaluate(self, at, parameters):
        return parameters["top"] * (1 - np.exp(-self.sharpness * at["x"] / parameters["scale"]))


def test_a_users_mean_is_fitted_saved_and_opened(tmp_path):
    rng = np.random.default_rng(3)
    x = np.linspace(0.1, 5, 40)
    y = 4 * (1 - np.exp(-2 * x / 1.5)) + 0.1 * rng.standard_normal(40)
    data = ba.Measurements(np.column_stack([x, y]), [0, 0.1], names=("x", "y"))
    model = ba.Relation(Saturating(2.0), "y", scatter=False)
    model.fit(data, ba.Laplace(draws=500), seed=1, progress=False)
    table = model.summary()
    assert abs(table.loc["top", "mean"] - 4) < 4 * table.loc["top", "sd"] < 0.4
    assert abs(table.loc["scale", "mean"] - 1.5) < 4 * table.loc["scale", "sd"] < 0.4
    assert model.diagnose(), model.diagnose()
    model.save(tmp_path / "elsewhere.nc")
    opened = ba.open(tmp_path / "elsewhere.nc")
    with pytest.raises(ValueError, match=r"defined elsewhere .*set_params\(mean="):
        opened.predict()
    given = opened.set_params(mean=Saturating(2.0)).predict()
    assert np.array_equal(given["signal"], model.predict()["signal"])
    ba.register(Saturating)
    model.fit(data, ba.Laplace(draws=500), seed=1, progress=False)
    model.save(tmp_path / "fit.nc")
    again = ba.open(tmp_path / "fit.nc")
    assert again.mean == Saturating(2.0)
    assert np.array_equal(again.predict()["signal"], model.predict()["signal"])


class Wrong(Saturating):
    """Says to be linear where it is not."""

    linear = ("scale",)

    def priors(self, data):
        both = ba.Prior("Normal", mu=2.0, sigma=0.5)
        return {"top": both, "scale": both}


class Shapeless(Saturating):
    """Gives one number too many."""

    def evaluate(self, at, parameters):
        return np.ones(len(at["x"]) + 1) * parameters["top"]


@pytest.mark.parametrize(
    ("mean", "message"),
    [(Wrong(), "linear names scale, but the mean does not"), (Shapeless(), r"shape \(21,\)")],
)
def test_a_users_mean_that_is_wrong_is_named(mean, message):
    with pytest.raises(ValueError, match=message):
        ba.Relation(mean, "y").fit(DATA, LAPLACE, progress=False)


@pytest.mark.calibration
@pytest.mark.parametrize("correlated", [False, True])
def test_relations_are_calibrated(correlated):
    sampler = ba.NUTS(draws=250, tune=300, chains=2)
    law = ba.Relation(LAW, "y", priors={"amplitude": ba.Prior("LogNormal", mu=1.0, sigma=0.3)})
    design = curve(25, correlated=correlated)
    found = ba.calibrate(law, design, n=100, sampler=sampler, progress=False)
    assert found, found


@pytest.mark.calibration
@pytest.mark.parametrize("kind", ["flat-lcdm", "flat-wcdm"])
def test_hubble_diagrams_are_calibrated(kind):
    model = ba.Relation(ba.relations.DistanceModulus(kind), "magnitude", scatter=False)
    sampler = ba.NUTS(draws=250, tune=400, chains=2, target_accept=0.95)
    found = ba.calibrate(model, SUPERNOVAE, n=100, sampler=sampler, progress=False)
    assert found, found
