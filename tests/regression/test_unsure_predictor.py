"""A curve over a predictor with errors: quadrature, the exact line, and what is refused."""

import numpy as np
import pytest
from pytensor.compile.mode import Mode
from samples import line
from scipy import integrate, stats

import bayes_astro as ba
from bayes_astro.regression import unsure_predictor


def bent(n=40, error=0.3, seed=0, scatter=0.2, slope=1.5):
    """y = 3 (x / 2)^slope of predictors N(4, 0.7) with errors; the first is known exactly."""
    rng = np.random.default_rng(seed)
    x = rng.normal(4, 0.7, n)
    y = 3 * (x / 2) ** slope + scatter * rng.normal(size=n)
    errors = np.column_stack([np.full(n, error), np.full(n, 0.3)])
    errors[0, 0] = 0.0
    value = np.column_stack([x, y]) + errors * rng.normal(size=(n, 2))
    return ba.Measurements(value, errors, names=("x", "y"), units=("m", "s"))


def at_start(model, data):
    problem = model.problem(data, model.resolve_priors(data))
    point = problem.points(1, np.random.default_rng(3))[0][0]
    return problem, point, problem.variables(point[None, None])


@pytest.mark.parametrize("robust", [False, True])
def test_density_is_that_of_quadrature_and_its_story(robust):
    data = bent(12)
    model = ba.Relation(ba.relations.PowerLaw(pivot=2.0), "y", robust=robust)
    problem, point, draw = at_start(model, data)
    one = {name: draw[name].item() for name in draw.data_vars}
    population = stats.norm(one["predictor_mean"], one["predictor_width"])
    expected, given = [], []
    for (x, y), (e, s) in zip(data.value, data.error, strict=True):
        width = np.hypot(s, one["scatter"])

        def response(t, y=y, width=width):
            curve = one["amplitude"] * (t / 2) ** one["slope"]
            if robust:
                return stats.t.pdf(y, one["degrees_of_freedom"], curve, width)
            return stats.norm.pdf(y, curve, width)

        if e == 0:
            joint, alone = population.pdf(x) * response(x), population.pdf(x)
        else:
            joint, _ = integrate.quad(
                lambda t, x=x, e=e, of=response: population.pdf(t) * stats.norm.pdf(x, t, e) * of(t),
                x - 8 * e, x + 8 * e, epsrel=1e-11, limit=400,
            )  # fmt: skip
            alone = stats.norm.pdf(x, one["predictor_mean"], np.hypot(e, one["predictor_width"]))
        expected.append(np.log(joint))
        given.append(np.log(joint / alone))
    np.testing.assert_allclose(model.pointwise(draw, data).values.ravel(), expected, atol=1e-7)
    np.testing.assert_allclose(model.log_predictive(draw, data).values.ravel(), given, atol=1e-7)
    value, gradient = problem.density(point)
    step = 1e-5
    for i in range(len(point)):
        up, down = (problem.density(point + s * step * np.eye(len(point))[i])[0] for s in (1, -1))
        assert (up - down) / (2 * step) == pytest.approx(gradient[i], rel=1e-5, abs=1e-4)
    told = problem.graph().logp_dlogp_function(
        ravel_inputs=True, mode=Mode(linker="py", optimizer="fast_compile")
    )
    story, slopes = told(point)
    assert value == pytest.approx(float(story), rel=1e-9, abs=1e-8)
    np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-6 * np.abs(slopes).max())


def test_a_straight_curve_is_the_line_whose_integral_is_known():
    """Densities, scores and true predictors of LinearRelation, at the same parameters."""
    data = line(n=30)
    data = data.replace(covariance=data.covariance * np.eye(2))
    model = ba.Relation(ba.relations.Polynomial(1), "y")
    _, _, draw = at_start(model, data)
    exact = ba.LinearRelation("y")
    slope, level = draw["coefficient_1"], draw["coefficient_0"]
    same = draw[["scatter"]].assign(
        slope=slope.expand_dims(predictor=["x"], axis=-1),
        predictor_mean=draw["predictor_mean"].expand_dims(predictor=["x"], axis=-1),
        predictor_width=draw["predictor_width"].expand_dims(predictor=["x"], axis=-1),
        intercept=level,
        response_mean=level + slope * draw["predictor_mean"],
    )
    for name, most in (("pointwise", 1e-7), ("log_predictive", 1e-7), ("normal_residuals", 1e-6)):
        one, other = (
            np.ravel(getattr(m, name)(d, data)) for m, d in ((model, draw), (exact, same))
        )
        np.testing.assert_allclose(one, other, atol=most)
    many = draw.isel(draw=np.zeros(20_000, int))
    at = data[:3]
    found = model.forecast(many, data, at, np.random.default_rng(1))
    wanted = exact.forecast(
        same.isel(draw=np.zeros(20_000, int)), data, at, np.random.default_rng(2)
    )
    # The line knows nothing of the responses of new rows either.
    for name in ("signal", "observation"):
        for row in range(3):
            pair = (x[name].values[0, :, row] for x in (found, wanted))
            assert stats.ks_2samp(*pair).pvalue > 1e-4, (name, row)


def test_scores_of_simulated_rows_are_unit_normals():
    model = ba.Relation(
        ba.relations.PowerLaw(pivot=2.0), "y",
        priors={
            "amplitude": ba.Prior("Normal", mu=3.0, sigma=0.2),
            "slope": ba.Prior("Normal", mu=1.5, sigma=0.2),
            "predictor_mean": ba.Prior("Normal", mu=4.0, sigma=0.1),
            "predictor_width": ba.Prior("LogNormal", mu=np.log(0.6), sigma=0.1),
        },
    )  # fmt: skip
    data, truth = model.simulate(bent(800), seed=2)
    scores = np.ravel(model.normal_residuals(truth.expand_dims(["chain", "draw"]), data))
    assert stats.kstest(scores, "norm").pvalue > 1e-3
    x = data.column("x")[1:]
    of = stats.norm(truth["predictor_mean"].item(), np.hypot(truth["predictor_width"].item(), 0.3))
    assert stats.kstest(x, of.cdf).pvalue > 1e-3


def test_errors_of_the_predictor_matter_and_fit():
    """Taken as exact they flatten the slope; summed over they do not, and the diagnosis passes."""
    data = bent(200, error=0.6, scatter=0.1)
    model = ba.Relation(ba.relations.PowerLaw(pivot=4.0), "y")
    model.fit(data, ba.Laplace(draws=400, restarts=1), seed=1, progress=False)
    slope = model.summary().loc["slope"]
    assert abs(slope["mean"] - 1.5) < 3 * slope["sd"]
    assert slope["unit"] == ""
    assert model.summary().loc["predictor_width", "unit"] == "m"
    assert not [c.name for c in model.diagnose().checks if c.passed is False]
    exact = ba.Relation(ba.relations.PowerLaw(pivot=4.0), "y").fit(
        data.without_error("x"), ba.Laplace(draws=400, restarts=1), seed=1, progress=False
    )
    flat = exact.summary().loc["slope"]
    assert 1.5 - flat["mean"] > 4 * flat["sd"]
    for at in (data[:4], [3.0, 4.0]):
        assert np.isfinite(model.predict(at, seed=1)["observation"]).all()


def test_steps_are_fine_enough_for_a_steep_curve():
    """Twice as many change nothing."""
    data = bent(12, error=0.8)
    model = ba.Relation(ba.relations.PowerLaw(pivot=2.0), "y", scatter=False)
    problem, point, _ = at_start(model, data)
    nodes, _ = problem.at_nodes
    assert nodes.step < 0.3
    value = problem.density(point)[0]
    twice = unsure_predictor.Nodes(data, "y", "x", nodes.step / 2)
    twice = twice.where(twice.columns["x"] > 0)
    values = problem.target.coordinates.values(point[None])
    named = {name: float(v[0]) for name, v in values.items()}
    curve = named["amplitude"] * (twice.columns["x"] / 2) ** named["slope"]
    pair = [
        unsure_predictor.density(
            one, c, data.column("y"), data.error[:, 1] ** 2,
            (named["predictor_mean"], named["predictor_width"]), None,
        )[0]
        for one, c in (
            (twice, curve),
            (nodes, named["amplitude"] * (nodes.columns["x"] / 2) ** named["slope"]),
        )
    ]  # fmt: skip
    assert np.isfinite(value)
    assert pair[0] == pytest.approx(pair[1], abs=1e-6)


def checks(model, data):
    model.fit(data, ba.Laplace(draws=400, restarts=1), seed=1, progress=False)
    return {check.name: check.passed for check in model.diagnose().checks}


def test_what_breaks_the_sum_is_said():
    """Responses a thousand times as exact as the curve makes of the predictor's errors; predictors in two heaps."""
    rng = np.random.default_rng(1)
    x = rng.normal(4, 0.7, 40)
    value = np.column_stack([x + 0.5 * rng.normal(size=40), 30 * x + 0.01 * rng.normal(size=40)])
    steep = ba.Measurements(value, [0.5, 0.01], names=("x", "y"))
    line_of = ba.Relation(ba.relations.Polynomial(1, pivot=4.0), "y", scatter=False)
    priors = line_of.resolve_priors(steep)
    problem = line_of.problem(steep, priors)
    assert problem.at_nodes[0].shape[1] <= unsure_predictor.MOST + 2
    assert checks(line_of, steep)["steps over the predictor"] is False
    law = ba.Relation(ba.relations.PowerLaw(pivot=4.0), "y")
    assert checks(law, bent(200))["steps over the predictor"] is True
    x = np.concatenate([rng.normal(2, 0.1, 100), rng.normal(6, 0.1, 100)])
    value = np.column_stack([x + 0.1 * rng.normal(size=200), 3 * (x / 2) ** 1.5])
    value[:, 1] += 0.3 * rng.normal(size=200)
    heaps = ba.Measurements(value, [0.1, 0.3], names=("x", "y"))
    found = checks(ba.Relation(ba.relations.PowerLaw(pivot=4.0), "y"), heaps)
    assert found["distribution of each column"] is None


def test_what_is_refused():
    model = ba.Relation(ba.relations.PowerLaw(pivot=2.0, column="x"), "y")
    plane = line(names=("a", "x", "y"))
    plane = plane.replace(covariance=plane.covariance * np.eye(3), value=np.abs(plane.value) + 1)
    with pytest.raises(ValueError, match="one predictor.*without_error"):
        model.fit(plane)
    with pytest.raises(ValueError, match="errors of 'x' and 'y' are correlated"):
        model.fit(bent().replace(covariance=np.tile([[0.09, 0.01], [0.01, 0.09]], (40, 1, 1))))
    with pytest.raises(ValueError, match="point_covariance"):
        model.fit(bent().replace(point_covariance={"y": np.eye(40)}))
    with pytest.raises(ValueError, match="known exactly"):
        ba.baselines.LeastSquaresCurve(ba.relations.PowerLaw(pivot=2.0), "y").fit(bent())


@pytest.mark.calibration
def test_the_posterior_is_calibrated_at_300():
    model = ba.Relation(
        ba.relations.PowerLaw(pivot=4.0), "y",
        priors={
            "amplitude": ba.Prior("Normal", mu=8.0, sigma=1.0),
            "slope": ba.Prior("Normal", mu=1.5, sigma=0.5),
            "scatter": ba.Prior("HalfNormal", sigma=0.5),
            "predictor_mean": ba.Prior("Normal", mu=4.0, sigma=0.2),
            "predictor_width": ba.Prior("LogNormal", mu=np.log(0.6), sigma=0.2),
        },
    )  # fmt: skip
    result = ba.calibrate(
        model, bent(40, error=0.5), n=300, seed=1, progress=False,
        sampler=ba.NUTS(draws=250, tune=300, chains=2, target_accept=0.95),
    )  # fmt: skip
    print(result)
    assert result
