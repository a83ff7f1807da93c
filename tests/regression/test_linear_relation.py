"""The line's likelihood against its oracles."""

import numpy as np
import pytest
from samples import by_hand, drawn, line
from scipy import stats

import bayes_astro as ba


def test_prediction_at_exact_and_measured_predictors():
    model = ba.LinearRelation("y").fit(
        line(n=60), ba.NUTS(draws=500, tune=500), seed=1, progress=False
    )
    posterior = model.posterior["posterior"]
    exact = model.predict([0.0, 2.0])
    assert np.allclose(exact["signal"].isel(row=0), posterior["intercept"])
    known = ba.Measurements([[2.0, np.nan]], [[0.0, 0.3]], names=("x", "y"))
    fuzzy = ba.Measurements([[2.0, np.nan]], [[1.0, 0.3]], names=("x", "y"))
    at_known, at_fuzzy = model.predict(known), model.predict(fuzzy)
    assert np.allclose(at_known["signal"].isel(row=0), exact["signal"].isel(row=1))
    assert float(at_fuzzy["signal"].std()) > 3 * float(at_known["signal"].std())


def test_held_out_density_is_that_of_the_predictive_draws():
    """log_predictive and forecast tell the same story of the response given the predictors."""
    model = ba.LinearRelation("y", outliers=True)
    model.fit(
        line(n=60, outliers=6), ba.NUTS(draws=100, tune=300, chains=2), seed=1, progress=False
    )
    draws = model.posterior["posterior"].to_dataset().isel(chain=[0], draw=[7])
    many = draws.isel(draw=np.zeros(200_000, int))
    test = line(n=4, outliers=1, seed=5)
    sample = model.forecast(many, model.data, test, np.random.default_rng(1))["observation"]
    density = np.exp(model.log_predictive(draws, test).values[0, 0])
    for row in range(4):
        y, width = test.column("y")[row], 0.1
        share = float((abs(sample.isel(row=row) - y) < width / 2).mean())
        assert share == pytest.approx(density[row] * width, abs=5 * np.sqrt(share / 2e5) + 1e-4)
    # A single draw's normal scores of data from the model itself are unit normals.
    data, truth = model.simulate(line(n=4000), seed=2)
    scores = model.normal_residuals(truth.expand_dims(["chain", "draw"]), data)
    assert stats.kstest(scores.ravel(), "norm").pvalue > 1e-3


def test_residuals_given_the_predictors_are_those_of_the_joint_normal():
    """The errors of x and y correlated by 0.95; through the one figure that is made of them."""
    rng = np.random.default_rng(4)
    noise = np.array([[0.5, 0.95 * 0.5], [0.95 * 0.5, 0.5]]) * rng.uniform(0.5, 2, (12, 1, 1))
    given = {"slope": 1.2, "predictor_mean": 0.1, "predictor_width": 0.8}
    of_truth = 0.8**2 * np.outer([1, 1.2], [1, 1.2]) + np.diag([0, 0.4**2])
    value = [rng.multivariate_normal([0.1, 0.3], of_truth + own) for own in noise]
    data = ba.Measurements(value, covariance=noise, names=("x", "y"))
    draws = drawn(
        **{name: ("predictor", np.full((1, 1, 1), x)) for name, x in given.items()},
        response_mean=[[0.3]], intercept=[[0.18]], scatter=[[0.4]],
    ).assign_coords(predictor=["x"])  # fmt: skip
    found = by_hand(ba.LinearRelation("y"), data, draws).diagnose()["goodness of fit"].figure
    t = 0.8**2
    squares = 0.0
    for (x, y), own in zip(data.value, noise, strict=True):
        joint = np.array([[t, 1.2 * t], [1.2 * t, 1.2**2 * t + 0.4**2]]) + own
        middle = 0.3 + joint[0, 1] / joint[0, 0] * (x - 0.1)
        squares += (y - middle) ** 2 / (joint[1, 1] - joint[0, 1] ** 2 / joint[0, 0])
    assert 0.01 < found < 0.99  # else it would say nothing
    assert found == pytest.approx(stats.chi2.sf(squares, 12), rel=1e-9)


@pytest.mark.parametrize("names", [("x", "y"), ("a", "b", "y")])
@pytest.mark.parametrize("noise", [0.0, 1.0])
@pytest.mark.parametrize("equal", [True, False])
def test_errors_of_least_squares_are_those_of_the_normal_equations(names, noise, equal):
    """At the best true predictors; equal error bars put the line through the means."""
    rng = np.random.default_rng(3)
    n, truth = 30, np.array([1.5, -0.7])[: len(names) - 1]
    x = rng.normal(3, 2, (n, len(truth)))
    error = np.full((n, len(names)), 0.5) if equal else rng.uniform(0.1, 0.6, (n, len(names)))
    value = np.column_stack([x, 2 + x @ truth]) + noise * error * rng.normal(size=error.shape)
    data = ba.Measurements(value, error, names=names)
    for method, seen in (("odr", error), ("wls", error * (np.arange(len(names)) == len(truth)))):
        stated = ba.baselines.LeastSquaresLine("y", method, errors="stated").fit(data)
        table = stated.summary()
        intercept, *slope = table["mean"]
        variance = seen[:, -1] ** 2 + seen[:, :-1] ** 2 @ np.square(slope)
        residual = value[:, -1] - intercept - value[:, :-1] @ slope
        best = value[:, :-1] + seen[:, :-1] ** 2 * slope * (residual / variance)[:, None]
        design = np.column_stack([np.ones(n), best])
        gradient = design.T @ (residual / variance)
        covariance = np.linalg.inv(design.T @ (design / variance[:, None]))
        assert np.abs(covariance @ gradient / table["sd"]).max() < 1e-4, "at the minimum"
        np.testing.assert_allclose(table["sd"], np.sqrt(np.diag(covariance)), rtol=1e-6)
        # As people quote them: wider where the residuals scatter more than the error bars say.
        scaled = ba.baselines.LeastSquaresLine("y", method).fit(data)
        excess = np.sqrt(max(1.0, np.sum(residual**2 / variance) / (n - len(names))))
        np.testing.assert_allclose(scaled.summary()["sd"], excess * table["sd"], rtol=1e-6)
        assert noise < 1 or method == "odr" or excess > 1.5
        around = intercept + value[:, :-1] @ slope
        sd = excess * np.sqrt(error[:, -1] ** 2 + error[:, :-1] ** 2 @ np.square(slope))
        density = stats.norm.logpdf(value[:, -1], around, sd)
        found = scaled.pointwise(scaled.posterior["posterior"].to_dataset(), data).values
        np.testing.assert_allclose(found.ravel(), density, rtol=1e-6)


def test_bad_data_are_refused_before_sampling():
    good = line()
    for data, text in [
        (good[:2], "too few"),
        (good.replace(value=np.column_stack([good.value[:, 1], np.full(40, 7.0)])), "'y' is const"),
        (good.replace(value=np.column_stack([np.full(40, 7.0), good.value[:, 1]])), "'x' is const"),
        (good.select("y"), "needs a predictor"),
    ]:
        with pytest.raises(ValueError, match=text):
            ba.LinearRelation("y").fit(data)
    with pytest.raises(ValueError, match=r"'y', row 0: error 0.*scatter=True"):
        ba.LinearRelation("y", scatter=False).fit(good.without_error("y"))
    with pytest.raises(ValueError, match="z"):
        ba.LinearRelation("z").fit(good)
    with pytest.raises(ValueError, match="True or False"):
        ba.LinearRelation("y", scatter=1).fit(good)
    for name, prior, text in [
        ("scatter", ba.Prior("Normal", mu=0, sigma=1), "negative"),
        ("outlier_fraction", ba.Prior("Uniform", lower=0, upper=2), "within 0 and 1"),
        ("slope", ba.Prior("Normal", mu=[0, 1], sigma=1), "2 entries"),
    ]:
        with pytest.raises(ValueError, match=text):
            ba.LinearRelation("y", outliers=True, priors={name: prior}).fit(good)


def test_intercept_prior_takes_the_place_of_the_mean():
    prior = {"intercept": ba.Prior("Normal", mu=100.0, sigma=0.01)}
    model = ba.LinearRelation("y", priors=prior)
    model.fit(line(n=60), ba.NUTS(draws=200, tune=400, chains=2), seed=1, progress=False)
    assert float(model.posterior["posterior"]["intercept"].mean()) == pytest.approx(100, abs=0.05)
    assert "response_mean" in model.posterior["posterior"]


def test_units_change_nothing_but_the_numbers():
    """x in other units by 1e3, y by 1e-2: slope, intercept and scatter follow."""
    data = line(n=60)
    scale = np.array([1e3, 1e-2])
    other = ba.Measurements(
        data.value * scale, covariance=data.covariance * np.outer(scale, scale), names=data.names
    )
    sampler = ba.NUTS(draws=700, tune=700)
    a, b = (
        ba.LinearRelation("y").fit(x, sampler, seed=1, progress=False).summary()
        for x in (data, other)
    )
    factors = {"slope[x]": 1e-5, "intercept": 1e-2, "scatter": 1e-2, "predictor_mean[x]": 1e3}
    for name, factor in factors.items():
        difference = a.loc[name, "mean"] * factor - b.loc[name, "mean"]
        error = np.hypot(a.loc[name, "mcse"] * factor, b.loc[name, "mcse"])
        assert abs(difference) < 4 * error, name
        assert a.loc[name, "sd"] * factor == pytest.approx(b.loc[name, "sd"], rel=0.15)


@pytest.mark.slow
def test_a_real_relation_with_published_answer(shared_data):
    """GAMA mass-size (1854 galaxies): x - 10, K = 1 gives 0.450 +- 0.008, scatter 0.135."""
    table = np.genfromtxt(shared_data / "j_regression" / "GAMAsmVsize.tab", names=True)
    value = np.column_stack([table["logmstar"] - 10, table["logrekpc"]])
    error = np.column_stack([table["logmstar_err"], table["logrekpc_err"]])
    data = ba.Measurements(value, error, names=("m", "r"))
    model = ba.LinearRelation("r").fit(
        data, ba.NUTS(draws=400, tune=400, chains=2), seed=1, progress=False
    )
    summary = model.summary()
    assert summary.loc["slope[m]", "mean"] == pytest.approx(0.450, abs=0.008)
    assert summary.loc["intercept", "mean"] == pytest.approx(0.253, abs=0.004)
    assert summary.loc["scatter", "mean"] == pytest.approx(0.135, abs=0.003)
