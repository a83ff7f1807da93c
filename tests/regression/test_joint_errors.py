"""A line through rows that share errors, against one large normal distribution written down whole."""

import numpy as np
import pytest
from pytensor.compile.mode import Mode
from samples import by_hand, drawn, line, shared
from scipy import stats

import bayes_astro as ba
from bayes_astro.regression import joint_errors, new_rows, predictive

N = 9


def holed(data, rows=((2, 0), (5, 1))):
    value = data.value.copy()
    for row, column in rows:
        value[row, column] = np.nan
    return data.replace(value=value)


CASES = {
    "response": shared(line(n=N), "y"),
    "predictor": shared(line(n=N), "x"),
    "both": shared(line(n=N), "xy"),
    "plane": shared(holed(line(names=("a", "b", "y"), n=N)), "y"),
    "plane, predictor": shared(holed(line(names=("a", "b", "y"), n=N), [(3, 2), (4, 0)]), "b"),
}


def laid(data):
    """A problem, a point, the line that it stands for, and what is measured: mean, covariance, values."""
    model = ba.LinearRelation("y")
    problem = model.problem(data, model.resolve_priors(data))
    x = problem.points(1, np.random.default_rng(3))[0][0]
    draw = problem.variables(x[None, None])
    (one,) = predictive.each(draw)
    rows = model.rows(data)
    n, d = rows.value.shape
    whole = np.kron(np.eye(n), one.matrix[0])
    for i in range(n):
        whole[i * d : (i + 1) * d, i * d : (i + 1) * d] += rows.covariance[i]
    for j, joint in rows.joint:
        whole[j::d, j::d] += joint
    return problem, x, draw, one, rows, np.tile(one.mean[0], n), whole


def log_density(mean, whole, value, keep):
    return stats.multivariate_normal(mean[keep], whole[np.ix_(keep, keep)]).logpdf(value[keep])


@pytest.mark.parametrize("name", CASES)
def test_density_is_that_of_one_normal_of_all_rows(name):
    problem, x, _, one, rows, mean, whole = laid(CASES[name])
    value, seen = rows.value.ravel(), np.flatnonzero(rows.kind.ravel() == 0)
    expected = log_density(mean, whole, value, seen)
    found, to_mean, to_matrix = joint_errors.density(one.mean[0], one.matrix[0], rows)
    assert found == pytest.approx(expected, abs=1e-9)
    assert joint_errors.pointwise(one, rows).sum() == pytest.approx(expected, abs=1e-9)
    # Given the predictors: what is left of the whole without the responses.
    d = rows.value.shape[1]
    predictors = seen[seen % d != d - 1]
    without = log_density(mean, whole, value, predictors)
    assert joint_errors.log_response(one, rows).sum() == pytest.approx(expected - without, abs=1e-9)
    # Gradients of the density, and through the parameters.
    for slopes, base, put in (
        (to_mean, one.mean[0], lambda z: (z, one.matrix[0])),
        (to_matrix, one.matrix[0], lambda z: (one.mean[0], z)),
    ):
        for at in np.ndindex(base.shape):
            step = np.zeros(base.shape)
            step[at] += 1e-5
            if base.ndim == 2:
                step = (step + step.T) / 2
            up, down = (joint_errors.density(*put(base + s * step), rows)[0] for s in (1, -1))
            assert (up - down) / 2e-5 == pytest.approx(slopes[at], rel=1e-5, abs=1e-5)
    gradient = problem.density(x)[1]
    for i in range(len(x)):
        step = 1e-5 * np.eye(len(x))[i]
        slope = (problem.density(x + step)[0] - problem.density(x - step)[0]) / 2e-5
        assert slope == pytest.approx(gradient[i], rel=1e-5, abs=1e-4)


@pytest.mark.parametrize("name", ["both", "plane"])
def test_the_story_has_the_same_density(name):
    problem, *_ = laid(CASES[name])
    plain = Mode(linker="py", optimizer="fast_compile")
    told = problem.graph().logp_dlogp_function(ravel_inputs=True, mode=plain)
    point = problem.points(1, np.random.default_rng(3))[0][0]
    value, gradient = problem.density(point)
    expected, slope = told(point)
    assert value == pytest.approx(float(expected), rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(gradient, slope, rtol=1e-7, atol=1e-7 * np.abs(slope).max())


def test_without_shared_errors_it_is_the_line_of_single_rows():
    data = holed(line(names=("a", "b", "y"), n=N))
    model = ba.LinearRelation("y")
    priors = model.resolve_priors(data)
    alone = model.problem(data, priors)
    nothing = data.replace(point_covariance={"y": np.zeros((N, N))})
    together = model.problem(nothing, priors)
    x = alone.points(1, np.random.default_rng(3))[0][0]
    assert together.density(x)[0] == pytest.approx(alone.density(x)[0], abs=1e-9)
    assert together.density(x)[1] == pytest.approx(alone.density(x)[1], abs=1e-7)
    draw = alone.variables(x[None, None])
    for name in ("pointwise", "log_predictive", "normal_residuals"):
        one, other = (np.asarray(getattr(model, name)(draw, table)) for table in (data, nothing))
        known = ~np.isnan(one)
        np.testing.assert_array_equal(known, ~np.isnan(other))
        assert other[known] == pytest.approx(one[known], abs=1e-8)


@pytest.mark.parametrize("name", ["both", "plane, predictor"])
def test_true_values_are_drawn_from_the_conditional_normal(name):
    """Means and covariances of many draws against the formula, with what is measured and what is not."""
    _, _, draw, one, rows, mean, whole = laid(CASES[name])
    n, d = rows.value.shape
    many = draw.isel(draw=np.zeros(20_000, int))
    (lines,) = new_rows._some(many, 1)
    true, observed = new_rows.draw_true(lines, rows, np.random.default_rng(1))
    seen = np.flatnonzero(rows.kind.ravel() == 0)
    matrix = np.kron(np.eye(n), one.matrix[0])
    gain = np.linalg.solve(whole[np.ix_(seen, seen)], matrix[seen]).T
    expected = mean + gain @ (rows.value.ravel() - mean)[seen]
    left = matrix - gain @ matrix[seen]
    flat = true.reshape(len(true), -1)
    sd = np.sqrt(np.diag(left))
    assert np.abs((flat.mean(0) - expected) / sd).max() < 4.5 / np.sqrt(20_000)
    scale = np.outer(sd, sd)
    assert np.abs((np.cov(flat.T) - left) / scale).max() < 0.05
    assert observed[:, rows.kind == 0] == pytest.approx(
        np.broadcast_to(rows.value[rows.kind == 0], observed[:, rows.kind == 0].shape)
    )
    if name != "both":  # the response of row 3: its own error, and none of the others'
        at = 3 * d + d - 1
        gain = np.linalg.solve(whole[np.ix_(seen, seen)], whole[seen, at])
        variance = whole[at, at] - gain @ whole[seen, at]
        assert observed[:, 3, -1].std() == pytest.approx(np.sqrt(variance), rel=0.03)


def test_scores_of_simulated_rows_are_unit_normals():
    """By the parameters that made them; without the covariance they are far from it."""
    design = shared(line(n=300), "xy")
    model = ba.LinearRelation(
        "y",
        priors={
            "slope": ba.Prior("Normal", mu=1.5, sigma=0.1),
            "scatter": ba.Prior("HalfNormal", sigma=0.2),
        },
    )
    data, truth = model.simulate(design, seed=2)
    draws = truth.expand_dims(["chain", "draw"])
    scores = model.normal_residuals(draws, data).ravel()
    assert stats.kstest(scores, "norm").pvalue > 1e-3
    assert 1e-3 < stats.chi2.sf(np.sum(scores**2), 300) < 0.999
    alone = model.normal_residuals(draws, data.replace(point_covariance=None)).ravel()
    assert stats.chi2.sf(np.sum(alone**2), 300) < 1e-6


def test_a_common_error_is_in_the_intercept_and_not_in_the_slope():
    rng = np.random.default_rng(3)
    x = rng.normal(size=60)
    value = np.column_stack([x, 2 * x + 0.3 * rng.normal(size=60)])
    plain = ba.Measurements(value, [0.0, 0.1], names=("x", "y"))
    common = plain.replace(point_covariance={"y": np.full((60, 60), 0.25)})
    sd = {}
    for name, data in (("plain", plain), ("common", common)):
        model = ba.LinearRelation("y").fit(
            data, ba.Laplace(draws=1000, restarts=1), seed=1, progress=False
        )
        found = model.posterior["posterior"]
        sd[name] = {v: float(found[v].std()) for v in ("slope", "response_at_pivot")}
        at = model.predict([0.0, 1.0], seed=1)
        assert np.isfinite(at["observation"]).all()
    assert sd["common"]["slope"] == pytest.approx(sd["plain"]["slope"], rel=0.15)
    expected = np.hypot(sd["plain"]["response_at_pivot"], 0.5)
    assert sd["common"]["response_at_pivot"] == pytest.approx(expected, rel=0.1)
    assert np.isfinite(model.distances()).all()
    assert "edges of the response" not in {check.name for check in model.diagnose().checks}


REFUSED = {
    "outliers=True": ({"outliers": True}, {}),
    "n_components=2": ({"n_components": 2}, {}),
    "robust=True": ({"robust": True}, {}),
    "a selection": ({"selection": ba.Selection(lower=-100.0)}, {}),
    "limits": ({}, {"limit": {"y": [-1, *[0] * (N - 1)]}}),
    "weights": ({}, {"weight": np.full(N, 2.0)}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_of_independent_points_is_refused(name):
    settings, changes = REFUSED[name]
    with pytest.raises(ValueError, match=f"point_covariance: {name}"):
        ba.LinearRelation("y", **settings).fit(CASES["response"].replace(**changes))


def test_a_line_of_independent_points_says_nothing_of_points_that_share_errors():
    """Nor do its scores pass over them in silence."""
    model = ba.LinearRelation("y", outliers=True)
    model.fit(line(n=30), ba.Laplace(draws=100, restarts=1), seed=1, progress=False)
    shared_rows = CASES["predictor"]
    for use in (model.predict, model.score, model.distances):
        with pytest.raises(ValueError, match="point_covariance: outliers=True"):
            use(shared_rows)


def test_distances_count_errors_in_common():
    draws = drawn(
        slope=("predictor", [[[2.0]]]), predictor_mean=("predictor", [[[0.0]]]),
        predictor_width=("predictor", [[[1.0]]]), response_mean=[[0.0]], intercept=[[0.0]],
        scatter=[[0.3]],
    ).assign_coords(predictor=["x"])  # fmt: skip
    model = by_hand(ba.LinearRelation("y"), line(n=12), draws)
    table = ba.Measurements([[1.0, 5.0], [1.0, 0.5]], [[0.1, 0.2], [0.1, 0.2]], names=("x", "y"))
    common = table.replace(
        point_covariance={"y": np.full((2, 2), 0.25), "x": np.full((2, 2), 0.04)}
    )
    square = 0.3**2 + 0.2**2 + (2 * 0.1) ** 2
    np.testing.assert_allclose(model.distances(table), np.array([3, -1.5]) / np.sqrt(square))
    more = square + 0.25 + 4 * 0.04
    np.testing.assert_allclose(model.distances(common), np.array([3, -1.5]) / np.sqrt(more))
    # Above the line the lower error of y and the upper one of x lie towards it; below the others.
    sided = table.replace(upper_error=[[0.4, 0.6], [0.4, 0.6]])
    above, below = 0.3**2 + 0.2**2 + (2 * 0.4) ** 2, 0.3**2 + 0.6**2 + (2 * 0.1) ** 2
    np.testing.assert_allclose(model.distances(sided), [3 / np.sqrt(above), -1.5 / np.sqrt(below)])
