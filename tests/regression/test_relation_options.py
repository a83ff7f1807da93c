"""Limits, gaps, selections, several Gaussians, Student's scatter: what a fit says, and refuses."""

import numpy as np
import pytest
from samples import by_hand, drawn, limited, line, shared
from scipy import stats

import bayes_astro as ba

QUICK = ba.Laplace(draws=200, restarts=1)


def sample(seed, n=150, error=(0.5, 0.3), slope=1.5):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = slope * x + 0.5 * rng.normal(size=n)
    return rng, np.column_stack([x, y]) + error * rng.normal(size=(n, 2)), np.tile(error, (n, 1))


def table(value, error, **more):
    return ba.Measurements(value, error, names=("x", "y"), **more)


OPTIONS = {
    "several": (ba.LinearRelation("y", n_components=3), {}),
    "robust": (ba.LinearRelation("y", robust=True, outliers=True), {}),
    "selected": (ba.LinearRelation("y", selection=ba.Selection(3.0, 11.0)), {}),
    "softly": (ba.LinearRelation("y", selection=ba.Selection(upper=7.0, width=2.0)), {}),
    "limits": (ba.LinearRelation("y"), {"limit": True}),
    "true limits": (ba.LinearRelation("y"), {"limit": True, "limit_of": "true"}),
    "gaps": (ba.LinearRelation("y", n_components=2), {"gaps": True}),
    "errors by side": (ba.LinearRelation("y", n_components=2), {"upper": "y"}),
    "errors by side, of both": (ba.LinearRelation("y"), {"upper": "xy"}),
    "errors by side, and limits": (ba.LinearRelation("y"), {"upper": "x", "limit": True}),
}


def by_side(design, columns):
    """Errors half as large below as they were, and twice as large above, without covariances."""
    error = design.error.copy()
    for name in columns:
        error[:, design.index(name)] *= 0.5
    below = {name: error[:, design.index(name)] for name in columns}
    return design.replace(error=error, upper_error={name: 4 * own for name, own in below.items()})


PRIORS = {
    "slope": ba.Prior("Normal", mu=1.5, sigma=0.3),
    "response_mean": ba.Prior("Normal", mu=6.0, sigma=1.0),
}


@pytest.mark.parametrize("option", OPTIONS)
def test_scores_of_simulated_rows_are_unit_normals(option):
    """By the parameters that made them, whatever is cut, hidden or beyond a limit."""
    model, how = OPTIONS[option]
    # Of errors nothing is seen behind a scatter that is much larger.
    seen = how.get("upper") or how.get("limit_of") == "true"
    small = {"scatter": ba.Prior("HalfNormal", sigma=0.1)} if seen else {}
    model = model.copy(priors=PRIORS | small)
    design = line(n=1500)
    if how.get("limit"):
        design = design.replace(
            limit={"y": np.where(np.arange(1500) % 2, -1, 0)},
            limit_of=how.get("limit_of", "observed"),
        )
    if how.get("upper"):
        design = by_side(design, how["upper"])[:600]
    if how.get("gaps"):
        value = design.value.copy()
        value[::3, 0] = np.nan
        design = design.replace(value=value)
    if model.selection is not None:
        design = design[model.selection.chance(design.column("y")) > 0]
    data, truth = model.simulate(design, seed=2)
    draws = truth.expand_dims(["chain", "draw"])
    scores = model.normal_residuals(draws, data).ravel()
    assert np.isfinite(scores).all()
    assert stats.kstest(scores, "norm").pvalue > 1e-3
    assert stats.chi2.sf(np.sum(scores**2), len(scores)) > 1e-3
    density = model.log_predictive(draws, data).values.ravel()
    assert np.isfinite(density).all()
    if model.selection is not None:
        assert model.selection.chance(data.column("y")).min() > 0
    if how.get("limit"):
        beyond, open_ = data.limited[:, 1], design.limited[:, 1]
        assert not beyond[~open_].any()
        assert 0 < beyond.sum() < open_.sum()  # what is not beyond its limit is measured
        bound = design.column("y")[open_ & ~beyond]
        assert (data.column("y")[open_ & ~beyond] > bound).all()


def test_a_selection_is_in_the_density_of_a_response():
    """Given the predictors it integrates to one over what is selected."""
    model = ba.LinearRelation(
        "y", n_components=2, selection=ba.Selection(4.0, 8.0, 0.7), priors=PRIORS
    )
    one = line(n=1)
    truth = model.simulate(line(n=40), seed=3)[1].expand_dims(["chain", "draw"])
    y = np.linspace(-6, 20, 4001)
    rows = ba.Measurements(
        np.column_stack([np.full(len(y), one.column("x")[0]), y]),
        covariance=np.tile(one.covariance, (len(y), 1, 1)), names=("x", "y"),
    )  # fmt: skip
    density = np.exp(model.log_predictive(truth, rows).values.ravel())
    assert np.trapezoid(density, y) == pytest.approx(1, abs=1e-6)


def test_what_is_drawn_is_what_the_densities_say():
    """Responses at measured predictors, with gaps and several Gaussians, against the mixture's density."""
    model = ba.LinearRelation("y", n_components=2, outliers=True, priors=PRIORS)
    truth = model.simulate(line(names=("a", "b", "y"), n=40), seed=3)[1]
    many = truth.expand_dims(["chain", "draw"]).isel(draw=np.zeros(40_000, int))
    test = line(names=("a", "b", "y"), n=4, seed=5)
    value = test.value.copy()
    value[1, 0] = np.nan
    test = test.replace(value=value)
    drawn_ = model.forecast(many, test, test, np.random.default_rng(1))["observation"].values[0]
    grid = np.linspace(-200, 200, 10_001)
    for row in range(4):
        at = test[[row] * len(grid)]
        values = at.value.copy()
        values[:, -1] = grid
        one = truth.expand_dims(["chain", "draw"])
        density = np.exp(model.log_predictive(one, at.replace(value=values)).values.ravel())
        below = np.cumsum(density) * (grid[1] - grid[0])
        assert below[-1] == pytest.approx(1, abs=1e-2)
        assert (
            stats.kstest(drawn_[:, row], lambda y, b=below: np.interp(y, grid, b)).statistic < 0.012
        )


def test_limits_of_predictors_are_drawn_beyond_them():
    model = ba.LinearRelation("y", priors=PRIORS)
    truth = model.simulate(line(n=40), seed=3)[1]
    draws = truth.expand_dims(["chain", "draw"]).isel(draw=np.zeros(20_000, int))
    at = ba.Measurements([[1.5, np.nan]], [[0.01, 0.0]], names=("x", "y"), limit={"x": [-1]})
    signal = model.forecast(draws, at, at, np.random.default_rng(1))["signal"].values.ravel()
    x = (signal - truth["intercept"].item()) / truth["slope"].item()
    mean, width = truth["predictor_mean"].item(), truth["predictor_width"].item()
    end = (1.5 - mean) / width
    assert x.max() < 1.55
    assert stats.kstest(x, stats.truncnorm(-np.inf, end, mean, width).cdf).statistic < 0.02


def test_true_values_behind_two_limits_and_odd_errors():
    """Draws against numerical integrals: rows of two limits, and of an error that differs by side."""
    model = ba.LinearRelation("y", priors=PRIORS)
    truth = model.simulate(line(n=40), seed=3)[1]
    draws = truth.expand_dims(["chain", "draw"]).isel(draw=np.zeros(20_000, int))
    at = ba.Measurements(
        [[1.5, 5.0], [2.0, 6.0]], [[0.3, 0.5], [0.8, 0.4]], names=("x", "y"),
        limit={"x": [-1, 0], "y": [1, 0]}, upper_error={"x": [0.3, 0.1]},
    )  # fmt: skip
    slope, level, scatter, mean, width = (
        truth[k].item()
        for k in ("slope", "intercept", "scatter", "predictor_mean", "predictor_width")
    )
    x = np.linspace(mean - 8 * width, mean + 8 * width, 20_001)
    prior = stats.norm.pdf(x, mean, width)
    y_sd = np.hypot(scatter, [0.5, 0.4])
    two = prior * stats.norm.cdf(1.5, x, 0.3) * stats.norm.sf(5.0, level + slope * x, y_sd[0])
    side = np.where(x > 2.0, 0.1, 0.8)  # the true value above what was measured: the upper error
    odd = prior * np.exp(-0.5 * ((x - 2.0) / side) ** 2)
    odd *= stats.norm.pdf(6.0, level + slope * x, y_sd[1])
    by_hand(model, line(n=12), draws)
    found = model.invert(at, seed=1)["predictor_value"].values[0, :, :, 0]
    for row, density in enumerate((two, odd)):
        below = np.cumsum(density) / np.sum(density)
        assert stats.kstest(found[:, row], lambda z, b=below: np.interp(z, x, b)).statistic < 0.012
    wide = ba.Measurements([[2.0, 6.0]], [[0.0, 0.2]], names=("x", "y"), upper_error={"y": [0.6]})
    new = model.forecast(draws, wide, wide, np.random.default_rng(1))["observation"].values.ravel()
    away = new - level - 2.0 * slope  # scatter, and errors of 0.6 below and 0.2 above
    skew = stats.norm.rvs(0, scatter, 20_000, random_state=2) + np.where(
        np.random.default_rng(3).uniform(size=20_000) < 0.75, -0.6, 0.2
    ) * np.abs(np.random.default_rng(4).standard_normal(20_000))
    assert stats.ks_2samp(away, skew).pvalue > 1e-3


def test_inverse_prediction_in_closed_form():
    """One Gaussian: x given y is Gaussian; with its own measurement it is more so."""
    b, t, s, mu, c = 1.2, 0.8, 0.4, 0.1, 0.3
    draws = drawn(
        **{k: ("predictor", np.full((1, 4000, 1), x)) for k, x in
           {"slope": b, "predictor_mean": mu, "predictor_width": t}.items()},
        response_mean=np.full((1, 4000), c), intercept=np.full((1, 4000), c - b * mu),
        scatter=np.full((1, 4000), s),
    ).assign_coords(predictor=["x"])  # fmt: skip
    model = by_hand(ba.LinearRelation("y"), line(n=12), draws)
    found = model.invert([1.0], seed=1)["predictor_value"].values.ravel()
    gain = b * t**2 / (b**2 * t**2 + s**2)
    mean, sd = mu + gain * (1.0 - c), t * np.sqrt(1 - gain * b)
    assert found.mean() == pytest.approx(mean, abs=4 * sd / 60)
    assert found.std() == pytest.approx(sd, rel=0.05)
    own = ba.Measurements([[0.9, 1.0]], [[0.2, 0.1]], names=("x", "y"))
    closer = model.invert(own, seed=1)["predictor_value"].values.ravel()
    precision = 1 / t**2 + b**2 / (s**2 + 0.1**2) + 1 / 0.2**2
    expected = (mu / t**2 + b * (1.0 - c + b * mu) / (s**2 + 0.1**2) + 0.9 / 0.2**2) / precision
    assert closer.mean() == pytest.approx(expected, abs=4 / np.sqrt(precision) / 60)
    assert closer.std() == pytest.approx(precision**-0.5, rel=0.05)
    with pytest.raises(ValueError, match="finite responses"):
        model.invert([np.nan])
    away = model.distances(own)
    across = (1.0 - c - b * (0.9 - mu)) / np.sqrt(s**2 + 0.1**2 + (b * 0.2) ** 2)
    assert away[0] == pytest.approx(across, rel=1e-12)


def test_the_pivot_is_near_the_middle_and_can_be_chosen():
    data = line(n=60)
    model = ba.LinearRelation("y").fit(data, QUICK, seed=1, progress=False)
    posterior = model.posterior["posterior"]
    assert abs(model.pivot_of(data)[0] - data.column("x").mean()) < 0.1 * data.column("x").std()
    slope, at_pivot = (
        posterior["slope"].values.ravel(),
        posterior["response_at_pivot"].values.ravel(),
    )
    assert abs(np.corrcoef(slope, at_pivot)[0, 1]) < 0.3
    assert np.corrcoef(slope, posterior["intercept"].values.ravel())[0, 1] < -0.6
    at_two = ba.LinearRelation("y", pivot=2.0).fit(data, QUICK, seed=1, progress=False)
    p = at_two.posterior["posterior"]
    np.testing.assert_allclose(
        p["response_at_pivot"], p["intercept"] + 2 * p["slope"].squeeze(), rtol=1e-10
    )
    none = ba.LinearRelation("y", pivot=None).fit(data, QUICK, seed=1, progress=False)
    assert "response_at_pivot" not in none.posterior["posterior"]


@pytest.mark.parametrize(
    ("data", "settings", "message"),
    [
        (line(names=("a", "b", "y")).replace(limit=np.tile([-1, -1, 1], (40, 1))), {}, "row 0: 3 limits"),
        (by_side(line(), "y"), {"selection": ba.Selection(lower=-50)}, "differ by side"),
        (by_side(line(names=("a", "b", "y")), "aby"), {}, "row 0: 0 limits and 3 errors that differ by side"),
        (line().replace(limit={"y": [-1] * 39 + [0]}), {}, "1 rows without gaps or limits are too few"),
        (limited(line()), {"selection": ba.Selection(lower=-50)}, "'y', row 0: missing, or a limit"),
        (line(), {"selection": ba.Selection(lower=5.0)}, "outside of the selection"),
        (line(), {"selection": 3.0}, "must be a ba.Selection"),
        (line(), {"robust": True, "scatter": False}, "needs scatter=True"),
        (line(), {"pivot": (1.0, 2.0)}, "an entry for each of 1 predictors"),
        (line(), {"pivot": "median"}, "must be 'auto', None"),
        (line(), {"n_components": 0}, "whole number from 1 to 10"),
        (line().replace(value=np.full((40, 2), np.nan)), {}, "nothing was measured"),
        (line(names=("a", "b", "y")).replace(value=np.column_stack([line().value[:, 0]] * 2 + [line().value[:, 1]])), {}, "says nothing new"),
    ],
)  # fmt: skip
def test_what_is_refused(data, settings, message):
    with pytest.raises(ValueError, match=message):
        ba.LinearRelation("y", **settings).fit(data)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "give lower, upper or both"),
        ({"lower": 2.0, "upper": 1.0}, "outside 0 to 1"),
        ({"lower": np.nan}, "finite number"),
        ({"upper": 1.0, "width": -1.0}, "width"),
    ],
)
def test_selections_that_are_none(arguments, message):
    with pytest.raises(ValueError, match=message):
        ba.Selection(**arguments)


def test_a_selection_is_stored():
    chosen = ba.Selection(lower=1.0, width=0.2)
    assert ba.Selection.from_dict(chosen.to_dict()) == chosen
    np.testing.assert_allclose(chosen.chance([1.0, -9.0, 9.0]), [0.5, 0.0, 1.0], atol=1e-12)
    assert ba.Selection(upper=2.0).chance([2.0, 2.1]).tolist() == [1.0, 0.0]


def failed(model, data):
    model.fit(data, QUICK, seed=1, progress=False)
    return {check.name: check for check in model.diagnose().checks if check.passed is False}


def test_wrong_on_purpose_is_named():
    _, value, error = sample(2)
    seen = value[:, 1] > -0.5
    cut = failed(ba.LinearRelation("y"), table(value[seen], error[seen]))
    assert "ba.Selection(lower=" in cut["edges of the response"].advice
    assert "edges of the response" not in failed(ba.LinearRelation("y"), table(value, error))
    right = ba.LinearRelation("y", selection=ba.Selection(lower=-0.5))
    assert not failed(right, table(value[seen], error[seen])).keys() - {"importance efficiency"}
    rng, value, error = sample(1, n=300)
    edge = -0.6 + 0.5 * rng.normal(size=300)
    below = value[:, 1] < edge
    limits = np.column_stack([value[:, 0], np.where(below, edge, value[:, 1])])
    taken = failed(ba.LinearRelation("y"), table(limits, error))
    assert "limits" in taken["residuals against predictors"].advice
    fair = failed(ba.LinearRelation("y"), table(limits, error, limit={"y": -1 * below}))
    assert not fair.keys() - {"importance efficiency"}
    bent = np.column_stack([value[:, 0], value[:, 1] + 0.5 * value[:, 0] ** 2])
    assert "residuals against predictors" in failed(ba.LinearRelation("y"), table(bent, error))
    _, value, error = sample(3, n=300, error=(0.1, 1.0))
    half = error * [1.0, 0.5]
    assert "goodness of fit" in failed(ba.LinearRelation("y", scatter=False), table(value, half))


@pytest.mark.slow
def test_black_holes_with_upper_limits(shared_data):
    """M-sigma of van den Bosch (2016): slope 5.35 +- 0.23, scatter 0.49; as detections 4.2."""
    import pandas as pd

    rows = pd.read_csv(shared_data / "j_regression" / "BHcompilation_msigma.csv")
    rows = rows[(rows.SELECTED == 1) & (rows.SIG > 0) & (rows.MBH > 0)]
    value = np.column_stack([rows.SIG - np.log10(200), rows.MBH])
    data = ba.Measurements(
        value, np.column_stack([rows.DSIG, rows.DMBH]), names=("sigma", "mass"),
        limit={"mass": -rows.UPPERLIMIT},
    )  # fmt: skip
    assert data.limited.sum() == 44
    fit = ba.LinearRelation("mass").fit(data, seed=1, progress=False).summary()["mean"]
    assert fit["slope[sigma]"] == pytest.approx(5.35, abs=0.23)
    assert fit["intercept"] == pytest.approx(8.32, abs=0.05)
    assert fit["scatter"] == pytest.approx(0.49, abs=0.03)


@pytest.mark.calibration
@pytest.mark.parametrize(
    "settings",
    [
        {}, {"n_components": 3}, {"outliers": True}, {"robust": True},
        {"selection": ba.Selection(lower=4.0)}, {"selection": ba.Selection(3.0, 9.0, 1.0)},
        {"limit": "y"}, {"limit": "x"}, {"shared": "y"}, {"shared": "xy"},
        {"upper": "y"}, {"upper": "xy"},
    ],
    ids=str,
)  # fmt: skip
def test_the_posterior_is_calibrated_at_300(settings):
    settings = dict(settings)
    column = settings.pop("limit", None)
    design = shared(line(n=60), settings.pop("shared", ""))
    if "upper" in settings:
        design = by_side(design, settings.pop("upper"))
    if column:
        bound = np.where(np.arange(60) % 2, -1, 0)
        design = design.replace(limit={column: bound})
    if "selection" in settings:
        design = design[settings["selection"].chance(design.column("y")) > 0]
    priors = PRIORS | {"predictor_mean": ba.Prior("Normal", mu=2.0, sigma=0.5)}
    if settings.get("n_components", 1) > 1:
        priors = PRIORS
    model = ba.LinearRelation("y", priors=priors, **settings)
    result = ba.calibrate(
        model, design, n=300, seed=1, progress=False,
        sampler=ba.NUTS(draws=250, tune=300, chains=2, target_accept=0.95),
        parameters=model.converged_on() or None,
    )  # fmt: skip
    print(settings, column, result)
    assert result


def exact(n=120, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2, 2, (n, 2))
    y = 1 + x[:, 0] - 0.5 * x[:, 1] + 0.7 * x[:, 0] ** 2 + 0.4 * x[:, 0] * x[:, 1]
    value = np.column_stack([x, y + 0.2 * rng.normal(size=n)])
    error = np.column_stack([np.zeros((n, 2)), np.full(n, 0.1)])
    return ba.Measurements(value, error, names=("a", "b", "y"), units=("pc", "kg", "mag"))


def test_powers_and_products_are_least_squares_in_them():
    data = exact()
    wide = {
        "slope": ba.Prior("Normal", mu=0, sigma=1e3), "scatter": ba.Prior("HalfNormal", sigma=1e3),
        "response_mean": ba.Prior("Normal", mu=0, sigma=1e3),
    }  # fmt: skip
    model = ba.LinearRelation("y", features=2, priors=wide).fit(
        data, ba.MAP(), seed=1, progress=False
    )
    assert model.data.names == ("a", "b", "a^2", "a*b", "b^2", "y")
    assert model.data.units[2:5] == ("pc2", "kg pc", "kg2")
    x = model.data.value[:, :-1]
    design = np.column_stack([np.ones(len(x)), x])
    expected = np.linalg.lstsq(design, data.column("y"))[0]
    posterior = model.posterior["posterior"]
    np.testing.assert_allclose(
        posterior["slope"].values.ravel(), expected[1:], rtol=1e-3, atol=1e-3
    )
    at = data.value[:3, :2]
    by_hand_ = design[:3] @ np.append(posterior["intercept"].item(), posterior["slope"].values)
    np.testing.assert_allclose(model.predict(at)["signal"].values.ravel(), by_hand_, rtol=1e-9)
    np.testing.assert_allclose(
        model.predict(data[:3])["signal"].values, model.predict(at)["signal"].values, rtol=1e-9
    )
    chosen = ba.LinearRelation("y", features=("a^2", "a*b"), priors=wide)
    fit = chosen.fit(data, ba.MAP(), seed=1, progress=False)
    assert list(fit.posterior["posterior"]["predictor"].values) == ["a", "b", "a^2", "a*b"]
    assert np.isfinite(fit.score(data))


@pytest.mark.parametrize(
    ("features", "data", "message"),
    [
        (("a^2", "c"), exact(), "has 'c', which is no predictor"),
        (("a",), exact(), "there already"),
        (("a^x",), exact(), "a power that is none"),
        (1, exact(), "a degree from 2 to 6"),
        (2, line(), "'x', row 0: features are of predictors that are known exactly"),
    ],
)
def test_features_that_are_none(features, data, message):
    with pytest.raises(ValueError, match=message):
        ba.LinearRelation("y", features=features).fit(data)


def test_shrinking_priors_leave_the_intercept_alone():
    """Lasso-like and ridge slopes at a large offset of the response: the level is free."""
    data = exact()
    value = data.value.copy()
    value[:, 2] += 1000.0
    for prior in (ba.Prior("Laplace", mu=0, b=1e-4), ba.Prior("Normal", mu=0, sigma=1e-4)):
        model = ba.LinearRelation("y", priors={"slope": prior})
        posterior = model.fit(
            data.replace(value=value), ba.MAP(), seed=1, progress=False
        ).posterior["posterior"]
        assert np.abs(posterior["slope"].values).max() < 0.01
        assert posterior["response_mean"].item() == pytest.approx(value[:, 2].mean(), abs=0.2)
