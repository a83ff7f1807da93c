"""Regressions as baselines of relations: each against its definition, and their bootstrap errors."""

import pickle
import warnings

import numpy as np
import pytest
from samples import line
from scipy import optimize, stats

import bayes_astro as ba
from bayes_astro.baselines import LeastSquaresLine, RelationRegressor, regressions
from bayes_astro.baselines.noise import Noise
from bayes_astro.baselines.regressions import CURVES, LINES, Points

FEW = 10


def exact(n=100, seed=0, names=("x", "y"), sd=0.5, shape=None):
    """Predictors known exactly, responses with equal errors about a line or a curve."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-3, 3, (n, len(names) - 1))
    y = (1 + 2 * x.sum(axis=1) if shape is None else shape(x[:, 0])) + sd * rng.normal(size=n)
    error = np.r_[np.zeros(x.shape[1]), 0.1] * np.ones((n, 1))
    return ba.Measurements(np.column_stack([x, y]), error, names=names)


def bent(x):
    return 2 * np.sin(2 * x)


def fit(method, data, resamples=FEW, seed=1):
    return RelationRegressor("y", method, resamples).fit(data, seed=seed)


def estimates(model):
    """Intercept and slopes of the fit to the points as they are."""
    first = model.posterior["posterior"].to_dataset().isel(chain=0, draw=0)
    return np.append(first["intercept"].values, first["slope"].values)


def points_of(data):
    return Points.of(data.value[:, :-1], data.value[:, -1], data.covariance)


# Definitions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["wls", "odr"])
def test_lines_by_least_squares_are_those_of_the_other_baseline(method):
    data = line(names=("a", "b", "y"))
    found, other = fit(method, data), LeastSquaresLine("y", method).fit(data)
    np.testing.assert_allclose(estimates(found), estimates(other), rtol=1e-9)
    np.testing.assert_allclose(found.summary()["mean"][:3], other.summary()["mean"], rtol=1e-9)


def test_penalised_lines_are_at_their_minimum():
    data = exact(names=("a", "b", "c", "y"), sd=2.0)
    points = points_of(data)
    x, y = points.scaled()
    centre, spread, middle, size = points.scales()
    for method in ("ridge", "lasso"):
        model = fit(method, data)
        penalty = float(model.posterior["tuning"]["penalty"])
        intercept, *slope = estimates(model)
        scaled = np.array(slope) * spread / size
        level = (intercept - middle + np.dot(slope, centre)) / size
        residual = y - level - x @ scaled
        assert residual.mean() == pytest.approx(0, abs=1e-8)
        gradient = x.T @ residual / len(y)
        if method == "ridge":
            np.testing.assert_allclose(gradient, penalty * scaled, rtol=1e-7)
        else:
            np.testing.assert_allclose(gradient, penalty * np.sign(scaled), rtol=1e-3)


def test_a_penalty_that_is_large_leaves_out_what_does_not_matter():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(60, 8))
    data = ba.Measurements(
        np.column_stack([x, 3 * x[:, 0] + rng.normal(size=60)]), 0.1, names=(*"abcdefgh", "y")
    )
    slopes = {m: estimates(fit(m, data))[1:] for m in ("ols", "ridge", "lasso")}
    assert np.sum(slopes["lasso"] == 0) >= 2 and np.all(slopes["ols"] != 0)
    assert np.linalg.norm(slopes["ridge"]) < np.linalg.norm(slopes["ols"])


def test_the_penalty_of_ridge_is_that_with_the_best_residuals_left_out():
    points = points_of(exact(n=25, names=("a", "b", "c", "y"), sd=6.0))
    x, y = points.scaled()

    def loss(penalty):
        total = 0.0
        for i in range(len(y)):
            kept = np.delete(np.arange(len(y)), i)
            own, mean = x[kept] - x[kept].mean(axis=0), y[kept].mean()
            slope = np.linalg.solve(own.T @ own + penalty * np.eye(3), own.T @ (y[kept] - mean))
            total += (y[i] - mean - (x[i] - x[kept].mean(axis=0)) @ slope) ** 2
        return total

    grid = np.geomspace(1e-6, 10, 36) * len(y)
    found = regressions.tuned("ridge", points)["penalty"] * len(y)
    assert loss(found) <= 1.001 * min(map(loss, grid))


def test_robust_lines():
    data = exact(n=30, seed=3)
    x, y = data.value.T
    slopes = [(y[i] - y[j]) / (x[i] - x[j]) for i in range(30) for j in range(i)]
    slope = estimates(fit("theil-sen", data))[1]
    assert slope == pytest.approx(np.median(slopes), rel=1e-9)
    points = points_of(data)
    own_x, own_y = points.scaled()

    def loss(v):  # Huber 1981, with his scale as a parameter
        sigma, z = np.exp(v[2]), (own_y - v[0] - v[1] * own_x[:, 0]) / np.exp(v[2])
        far = np.abs(z) > 1.35
        return np.sum(sigma + sigma * np.where(far, 2 * 1.35 * np.abs(z) - 1.35**2, z**2))

    best = optimize.minimize(loss, [0, 1, -1.0], method="Nelder-Mead", options={"xatol": 1e-8,
                             "fatol": 1e-12, "maxiter": 5000}).x  # fmt: skip
    size, spread = points.scales()[3], points.scales()[1][0]
    assert estimates(fit("huber", data))[1] == pytest.approx(best[1] * size / spread, rel=1e-4)


def test_local_means_are_those_of_nadaraya_and_watson():
    data = exact(n=40, names=("a", "b", "y")).replace(
        error=np.r_[0, 0, 1] * np.linspace(0.5, 3, 40)[:, None]
    )
    points = points_of(data)
    x, y = points.scaled()

    def mean(at, width, without=None):
        weight = points.weight * np.exp(-0.5 * np.sum((at - x) ** 2, axis=1) / width**2)
        if without is not None:
            weight[without] = 0
        return np.sum(weight * y) / np.sum(weight)

    losses = [
        np.average([(mean(x[i], h, i) - y[i]) ** 2 for i in range(40)], weights=points.weight)
        for h in regressions.WIDTHS
    ]
    model = fit("kernel", data)
    width = float(model.posterior["tuning"]["width"])
    assert width == regressions.WIDTHS[int(np.nanargmin(losses))]
    centre, spread, middle, size = points.scales()
    at = np.array([[0.3, -1.0], [2.0, 2.0]])
    expected = [middle + size * mean((one - centre) / spread, width) for one in at]
    signal = model.predict(at)["signal"].values[0, 0]
    np.testing.assert_allclose(signal, expected, rtol=1e-9)
    far = model.predict([[1e4, 1e4]])["signal"].values
    assert np.isfinite(far).all() and (far < data.column("y").max() + 1e-9).all()


def test_a_process_follows_from_its_covariance():
    data = exact(n=30, shape=bent)
    model = fit("gaussian-process", data)
    points = points_of(data)
    x, y = points.scaled()
    centre, spread, middle, size = points.scales()
    tuning = model.posterior["tuning"]
    variance, length, white = (np.exp(float(tuning[f"theta_{i}"])) for i in range(3))

    def covariance(a, b):
        return variance * np.exp(-0.5 * ((a - b.T) / length) ** 2)

    noise = white + 0.1**2 / size**2
    at = (np.array([[0.5], [-2.0]]) - centre) / spread
    gain = np.linalg.solve(covariance(x, x) + noise * np.eye(30), y)
    expected = middle + size * covariance(at, x) @ gain
    found = model.predict([0.5, -2.0])["signal"].values[0, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


# Behaviour ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [*LINES, "kernel", "svm", "gaussian-process"])
def test_units_change_nothing(method):
    data = exact(n=40, shape=bent if method in CURVES else None)
    other = ba.Measurements(
        data.value * [1e3, 1e-4] + [5e4, 7.0], data.error * [1e3, 1e-4], names=("x", "y")
    )
    at = np.array([-2.0, 0.1, 1.5])
    one, two = fit(method, data), fit(method, other)
    signal = one.predict(at)["signal"].values * 1e-4 + 7.0
    again = two.predict(at * 1e3 + 5e4)["signal"].values
    np.testing.assert_allclose(again, signal, atol=1e-6, rtol=0)
    assert two.score(other) == pytest.approx(one.score(data) - np.log(1e-4), abs=1e-2)


@pytest.mark.parametrize("method", ["ridge", "lasso", "huber", "kernel", "svm", "wls"])
def test_a_point_with_a_large_error_is_as_if_absent(method):
    data = exact(n=30)
    value, error = data.value.copy(), data.error.copy()
    value[7, 1], error[7, 1] = 400.0, 1e7
    marred = fit(method, ba.Measurements(value, error, names=("x", "y")))
    rest = fit(method, data[np.arange(30) != 7])
    found, expected = (m.predict([-1.0, 2.0])["signal"].values[0, 0] for m in (marred, rest))
    np.testing.assert_allclose(found, expected, atol=0.3)  # folds are others


@pytest.mark.parametrize("method", CURVES)
def test_curves_predict_what_bends(method, monkeypatch):
    monkeypatch.setattr(regressions, "TREES", 30)
    data, test = exact(120, shape=bent), exact(300, seed=5, shape=bent)
    found = ba.compare({"curve": fit(method, data), "line": fit("ols", data)}, test)
    curve = found.loc["curve"]
    assert found.index[0] == "curve"
    assert curve["rmse"] < 0.75 and found.loc["line", "rmse"] > 1.2  # the noise is 0.5
    assert 0.6 < curve["coverage_68"] < 0.8 and curve["coverage_95"] > 0.9


@pytest.mark.parametrize("method", ["ols", "ridge", "huber", "theil-sen"])
def test_lines_predict_what_is_straight(method):
    scores = ba.compare({"line": fit(method, exact(100))}, exact(400, seed=6)).loc["line"]
    assert scores["rmse"] == pytest.approx(0.5, rel=0.1)
    assert scores["coverage_68"] == pytest.approx(0.68, abs=0.08)
    assert scores["log_score"] == pytest.approx(stats.norm(0, 0.5).entropy() * -1, abs=0.06)


def test_single_outliers_set_neither_robust_lines_nor_the_scatter():
    data = exact(100, sd=0.3)
    value = data.value.copy()
    value[[3, 40, 70, 90, 91], 1] += 12.0
    marred = ba.Measurements(value, data.error, names=("x", "y"))
    for method in ("huber", "theil-sen"):
        model = fit(method, marred)
        assert estimates(model)[1] == pytest.approx(2.0, abs=0.1)
        assert float(model.posterior["posterior"]["scatter"][0, 0]) < 0.45
        assert float(model.posterior["noise"]["degrees_of_freedom"]) == 2
    assert fit("ols", marred).score(data) < fit("huber", marred).score(data) - 0.2
    assert np.isinf(float(fit("ols", data).posterior["noise"]["degrees_of_freedom"]))


# Errors ---------------------------------------------------------------------------------------


def test_bootstrap_errors_of_least_squares_are_the_analytic_ones():
    data = exact(300)
    model = fit("ols", data, resamples=400)
    table = model.summary()
    design = np.column_stack([np.ones(300), data.column("x")])
    solution = np.linalg.lstsq(design, data.column("y"))[0]
    covariance = 0.5**2 * np.linalg.inv(design.T @ design)
    np.testing.assert_allclose(table["mean"][:2], solution, rtol=1e-9)
    np.testing.assert_allclose(table["sd"][:2], np.sqrt(np.diag(covariance)), rtol=0.15)
    assert table.loc["scatter", "mean"] == pytest.approx(np.sqrt(0.5**2 - 0.1**2), rel=0.1)
    assert table.loc["scatter", "sd"] == pytest.approx(0.5 / np.sqrt(600), rel=0.25)
    spread = model.predict([0.0, 3.0])["signal"].values[0].std(axis=0)
    at = np.array([[1, 0.0], [1, 3.0]])
    np.testing.assert_allclose(spread, np.sqrt(np.diag(at @ covariance @ at.T)), rtol=0.15)


def test_curves_have_errors_where_points_are_few():
    rng = np.random.default_rng(4)
    x = np.r_[rng.uniform(-3, 0, 80), rng.uniform(0, 3, 6)]
    y = x + 0.3 * rng.normal(size=86)
    data = ba.Measurements(np.column_stack([x, y]), [[0.0, 0.1]] * 86, names=("x", "y"))
    spread = fit("kernel", data, 40).predict([-1.5, 1.5])["signal"].values[0].std(axis=0)
    assert spread[1] > 1.5 * spread[0]


def test_a_seed_gives_the_samples():
    data = exact(40)
    one, again, other = (fit("kernel", data, seed=seed) for seed in (1, 1, 2))
    draws = [model.posterior["posterior"].to_dataset() for model in (one, again, other)]
    assert draws[0].equals(draws[1]) and not draws[0].equals(draws[2])
    np.testing.assert_array_equal(draws[0]["times"][0, 0], 1)
    assert (draws[0]["times"].sum("row") == 40).all()
    assert draws[0]["scatter"][0, 0] == draws[2]["scatter"][0, 0], "of the points as they are"
    assert one.predict([0.0]).equals(again.predict([0.0]))


def test_scatter_beyond_the_errors():
    rng = np.random.default_rng(5)
    error = rng.uniform(0.2, 2.0, 4000)
    residual = np.hypot(0.7, error) * rng.normal(size=4000)
    found = Noise.of(residual, error**2)
    assert found.scatter == pytest.approx(0.7, abs=0.05) and np.isinf(found.freedom)
    assert Noise.of(error * rng.normal(size=4000), error**2).scatter < 0.15
    tails = Noise.of(rng.standard_t(2, 4000), np.zeros(4000))
    assert tails.freedom == 2 and tails.scatter == pytest.approx(1, rel=0.06)
    drawn = Noise.draw(2.0, (20_000,), np.random.default_rng(0))
    assert stats.kstest(drawn, stats.t(2).cdf).pvalue > 1e-3
    density = Noise.log_density(np.array([1.0]), np.array([2.0]), 4.0)
    assert density[0] == pytest.approx(stats.t.logpdf(0.5, 4) - np.log(2))


# Surroundings ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["lasso", "kernel", "odr"])
def test_an_opened_fit_predicts_the_same(method, tmp_path):
    data = line()
    model = fit(method, data)
    model.save(tmp_path / "fit.nc")
    opened = ba.open(tmp_path / "fit.nc")
    assert opened.predict(data[:3]).equals(model.predict(data[:3]))
    assert opened.summary().equals(model.summary())
    again = pickle.loads(pickle.dumps(model))  # noqa: S301
    assert again.predict(data[:3]).equals(model.predict(data[:3]))
    assert "times" not in "".join(model.summary().index)
    assert "efron1979" in model.citations()
    assert model.figure_names() == (["relation", "corner"] if method in LINES else [])


def test_regressors_of_scikit_learn(tmp_path):
    from sklearn.linear_model import LinearRegression
    from sklearn.neighbors import KNeighborsRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    data = exact(60)
    plain = fit(LinearRegression(), data.replace(error=[[0, 0.1]] * 60))
    expected = np.polynomial.Polynomial.fit(*data.value.T, 1)(1.0)
    assert plain.predict([1.0])["signal"].values[0, 0, 0] == pytest.approx(expected, rel=1e-9)
    near = fit(make_pipeline(StandardScaler(), KNeighborsRegressor(3)), data)
    assert np.isfinite(near.score(data))
    with pytest.raises(ValueError, match="another library"):
        near.save(tmp_path / "fit.nc")


def test_they_stand_beside_the_model_in_a_table():
    models = {name: RelationRegressor("y", name, FEW) for name in ("ols", "kernel")}
    models["bayes"] = ba.LinearRelation("y")
    samplers = {"bayes": ba.Laplace(draws=400)}
    found = ba.cross_validate(models, line(n=60), 3, seed=1, samplers=samplers, progress=False)
    assert set(found.index) == {*models} and np.isfinite(found["log_score"]).all()
    assert found.loc["bayes", "log_score"] > found["log_score"].max() - 0.1


def test_what_is_refused():
    data = exact(40)
    for method, text in [
        ("lars", "method='lars' must be"),
        (LeastSquaresLine, "with brackets"),
        (3, "or a regressor of scikit-learn"),
    ]:
        with pytest.raises(ValueError, match=text):
            fit(method, data)
    with pytest.raises(ValueError, match="resamples=3 must be a whole number from 10"):
        fit("ols", data, resamples=3)
    with pytest.raises(ValueError, match="'y', row 2: missing value"):
        value = data.value.copy()
        value[2, 1] = np.nan
        fit("ols", data.replace(value=value))
    with pytest.raises(ValueError, match="does not take values that are limits"):
        fit("ols", data.replace(limit={"y": np.r_[-1, np.zeros(39)]}))
    with pytest.raises(ValueError, match=r"takes too long \(at most 3000\)"):
        fit("gaussian-process", exact(3001))
    with pytest.raises(ValueError, match="6 rows are too few to be drawn again.*at least 7"):
        fit("ols", line(n=6, names=("a", "b", "y")))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit("random-forest", exact(12))
