"""Right answers pass whatever their seed; typical mistakes are rejected and named."""

import numba
import numpy as np
import pytest
import xarray as xr
from astropy import units as u

import bayes_astro as ba
from bayes_astro.exercises import check
from bayes_astro.exercises.library import exercise, ids

REPEATS = 200


def conjugate(seed):
    """Mean and sd of 5.1, worked out here once more, and draws from it."""
    data = exercise("5.1").data
    weight = 1 / np.square(data["error"])
    mean = np.average(data["velocity"], weights=weight)
    sd = weight.sum() ** -0.5
    return mean, sd, np.random.default_rng(seed).normal(mean, sd, size=(4, 250))


@numba.njit
def metropolis(seed, steps, thin, x, y, error, priors, start, jump):
    """Slope and value at x = 0 along one chain of the mixture of Hogg et al. (2010)."""
    np.random.seed(seed)
    slope_scale, centre, centre_scale, highest, mean, mean_scale, scatter_scale = priors
    kept = np.empty((2, steps // thin))
    now, density = start.copy(), -np.inf
    for step in range(steps):
        new = now + jump * np.random.standard_normal(5)
        if 0 < new[2] < highest and new[4] > 0:
            total = -np.log1p((new[0] / slope_scale) ** 2) - 0.5 * (
                ((new[1] - centre) / centre_scale) ** 2
                + ((new[3] - mean) / mean_scale) ** 2
                + (new[4] / scatter_scale) ** 2
            )
            for i in range(len(x)):
                wide = error[i] ** 2 + new[4] ** 2
                good = np.exp(-0.5 * ((y[i] - new[1] - new[0] * x[i]) / error[i]) ** 2) / error[i]
                bad = np.exp(-0.5 * (y[i] - new[3]) ** 2 / wide) / np.sqrt(wide)
                total += np.log((1 - new[2]) * good + new[2] * bad)
            if np.log(np.random.random()) < total - density:
                now, density = new, total
        if step % thin == 0:
            kept[:, step // thin] = now[:2]
    return kept


@numba.njit
def dispersions(seed, steps, thin, velocity, error):
    """The dispersion of 6.1 along a Metropolis chain of mean and dispersion."""
    np.random.seed(seed)
    kept = np.empty(steps // thin)
    mean, width, density = velocity.mean(), 4.0, -np.inf
    for step in range(steps):
        new_mean = mean + 1.5 * np.random.standard_normal()
        new_width = width + 1.5 * np.random.standard_normal()
        if new_width > 0:
            total = 0.0
            for i in range(len(velocity)):
                variance = new_width**2 + error[i] ** 2
                total -= 0.5 * (np.log(variance) + (velocity[i] - new_mean) ** 2 / variance)
            if np.log(np.random.random()) < total - density:
                mean, width, density = new_mean, new_width, total
        if step % thin == 0:
            kept[step // thin] = width
    return kept


def line_answers(runs=REPEATS, chains=4, steps=4000, thin=10, warm_up=50):
    """Answers to 5.2 by a Metropolis sampler written here; only the priors are the library's."""
    data = ba.load("hogg-2010").without_error("x")
    x, y = data.value.T
    middle = x.mean()
    resolved = ba.LinearRelation("y", scatter=False, outliers=True).resolve_priors(data)
    asked = (
        ("slope", "Cauchy", ("beta",)),
        ("response_mean", "Normal", ("mu", "sigma")),
        ("outlier_fraction", "Uniform", ("upper",)),
        ("outlier_mean", "Normal", ("mu", "sigma")),
        ("outlier_scatter", "HalfNormal", ("sigma",)),
    )
    assert all(resolved[name].distribution == family for name, family, _ in asked)
    priors = tuple(float(resolved[name].arguments[key]) for name, _, keys in asked for key in keys)
    start = np.array([2.25, np.median(y), 0.25, 450.0, 110.0])
    jump = np.array([0.13, 7.0, 0.1, 60.0, 50.0])
    for run in range(runs):
        pieces = np.array(
            [
                metropolis(
                    chains * run + chain,
                    steps + warm_up * thin,
                    thin,
                    x - middle,
                    y.copy(),
                    data.error[:, 1].copy(),
                    priors,
                    start,
                    jump,
                )[:, warm_up:]
                for chain in range(chains)
            ]
        )
        yield {"slope": pieces[:, 0], "intercept": pieces[:, 1] - pieces[:, 0] * middle}


@pytest.fixture(scope="module")
def light_curve():
    return ba.load("eros2-cepheid").select("B")


# Right answers --------------------------------------------------------------------------------


def test_no_right_answer_to_5_1_is_rejected():
    for seed in range(REPEATS):
        mean, sd, draws = conjugate(seed)
        assert check("5.1", draws)
        assert check("5.1", draws.ravel())
        assert check("5.1", (draws.mean(), draws.std()))
        # One of its mistakes gets the width alone wrong.
        for number in (draws.mean(), round(draws.mean(), 2)):
            assert check("5.1", number).state == "incomplete"
    assert check("5.1", (round(mean, 2), round(sd, 2)))


@pytest.mark.slow
def test_no_right_answer_to_5_2_is_rejected():
    answers = list(line_answers())
    assert len(answers) == REPEATS
    for answer in answers:
        verdict = check("5.2", answer)
        assert verdict, verdict
        assert check("5.2", {name: draws.mean() for name, draws in answer.items()})
    # All of them together are a reference of their own.
    for name, quantity in exercise("5.2").quantities.items():
        means = np.array([answer[name].mean() for answer in answers])
        spreads = np.array([answer[name].var() for answer in answers])
        error = np.hypot(means.std() / np.sqrt(REPEATS), quantity.mcse_mean)
        assert abs(means.mean() - quantity.mean) < 4 * error
        variance = np.mean(spreads) + np.var(means)
        slack = 4 * np.hypot(
            spreads.std() / np.sqrt(REPEATS) / variance / 2, quantity.mcse_sd / quantity.sd
        )
        assert abs(0.5 * np.log(variance) - np.log(quantity.sd)) < slack


@pytest.mark.slow
def test_no_right_answer_to_5_5_is_rejected():
    """By turns: which counts are the source's, then both rates."""
    data, rng = exercise("5.5").data, np.random.default_rng(11)
    rate, background = np.full((2, REPEATS, 4), 3.0)
    kept = []
    for step in range(4050):
        own = rng.binomial(data["on"], rate / (rate + background))
        rate = rng.gamma(own + 1.0)
        background = rng.gamma(data["on"] - own + data["off"] + 1.0) / (1 + data["hours_off"])
        if step >= 50:
            kept.append(rate)
    for draws in np.moveaxis(kept, 0, -1):
        verdict = check("5.5", draws)
        assert verdict, verdict


@pytest.mark.slow
def test_no_right_answer_to_6_1_is_rejected():
    data = exercise("6.1").data
    velocity, error = np.array(data["velocity"]), np.array(data["error"])
    means, variances = [], []
    for seed in range(REPEATS):
        draws = np.array([dispersions(4 * seed + i, 10_000, 10, velocity, error) for i in range(4)])
        draws = draws[:, 20:]
        verdict = check("6.1", draws)
        assert verdict, verdict
        assert check("6.1", draws.ravel() * u.km / u.s)
        assert check("6.1", (round(draws.mean(), 2), round(draws.std(), 2)))
        means.append(draws.mean())
        variances.append(draws.var())
    # All of them together are a reference of their own.
    quantity = exercise("6.1").quantities["dispersion"]
    error_of_mean = np.std(means) / np.sqrt(REPEATS)
    assert abs(np.mean(means) - quantity.mean) < 4 * error_of_mean
    assert np.mean(variances) + np.var(means) == pytest.approx(quantity.sd**2, rel=0.02)


@pytest.mark.slow
def test_no_right_answer_to_9_1_is_rejected():
    """By Gibbs sampling: which galaxies are far given the fraction, and the fraction given those."""
    data = exercise("9.1").data
    odds = np.array(data["probability"]) / (1 - np.array(data["probability"]))
    odds *= (1 - data["interim_prior"]) / data["interim_prior"]
    rng, n = np.random.default_rng(91), len(odds)
    fraction, kept = np.full((REPEATS, 4, 1), 0.5), []
    for step in range(5000):
        chance = fraction * odds
        far = rng.uniform(size=(REPEATS, 4, n)) < chance / (chance + 1 - fraction)
        count = far.sum(axis=2, keepdims=True)
        fraction = rng.beta(1 + count, 1 + n - count)
        if step >= 100 and step % 10 == 0:
            kept.append(fraction[..., 0])
    for draws in np.moveaxis(kept, 0, 2):
        verdict = check("9.1", draws)
        assert verdict, verdict
        assert check("9.1", (round(draws.mean(), 2), round(draws.std(), 2)))
    quantity = exercise("9.1").quantities["fraction"]
    assert np.mean(kept) == pytest.approx(quantity.mean, abs=0.01 * quantity.sd)
    assert np.std(kept) == pytest.approx(quantity.sd, rel=0.01)


def test_no_right_answer_to_9_2_is_rejected():
    """On a grid of amplitudes, without the closed form of their integral."""
    data = {name: np.array(value) for name, value in exercise("9.2").data.items()}
    amplitude = np.concatenate([np.linspace(0, 20, 2001), np.linspace(20, 1000, 9801)[1:]])
    likelihood = np.zeros(len(data["redshift"]))
    for template in (data["red"], data["blue"]):
        for j, own in enumerate(template):
            off = (data["flux"] - amplitude[:, None] * own) / data["error"]
            likelihood[j] += np.trapezoid(np.exp(-0.5 * np.sum(off**2, axis=1)), amplitude)
    probability = likelihood / likelihood.sum()
    mean = probability @ data["redshift"]
    sd = np.sqrt(probability @ (data["redshift"] - mean) ** 2)
    quantity = exercise("9.2").quantities["redshift"]
    assert (mean, sd) == pytest.approx((quantity.mean, quantity.sd), rel=1e-3)
    for seed in range(REPEATS):
        rng = np.random.default_rng(seed)
        draws = rng.choice(data["redshift"], size=(4, 500), p=probability)
        verdict = check("9.2", draws)
        assert verdict, verdict
        assert check("9.2", (round(draws.mean(), 2), round(draws.std(), 2)))


@pytest.mark.slow
def test_no_right_answer_to_10_1_is_rejected(light_curve):
    model = ba.Periodogram(n_terms=3, period=(1, 20))
    for seed in range(REPEATS):
        model.fit(light_curve, sampler=ba.Exact(draws=1000), seed=seed)
        verdict = check("10.1", model)
        assert verdict, verdict
        period = model.posterior["posterior"]["period"].values
        pair = period.mean(), period.std()
        assert check("10.1", {"period": pair, "alias": 1 / (1 - 1 / period)})


@pytest.mark.slow
def test_no_right_answer_to_10_2_is_rejected():
    data = exercise("10.2").data
    kernel = ba.kernels.DampedRandomWalk(
        sigma=ba.Prior("LogUniform", lower=0.01, upper=10),
        tau=ba.Prior("LogUniform", lower=1, upper=10_000),
    )
    flat = {"offset": ba.Prior("Normal", mu=18, sigma=1000)}
    model = ba.GaussianProcess(kernel, jitter=False, priors=flat)
    curve = ba.LightCurve(data["time"], data["magnitude"], data["error"])
    for seed in range(REPEATS // 4):
        model.fit(curve, sampler=ba.Exact(draws=1000), seed=seed)
        draws = np.log10(model.posterior["posterior"]["tau"].values)
        assert check("10.2", draws)
        assert check("10.2", (round(draws.mean(), 3), round(draws.std(), 3)))


@numba.njit
def periods(seed, steps, thin, time, flux, error):
    """The period of 10.3 along a Metropolis chain of the dense covariance, mean and all."""
    np.random.seed(seed)
    kept = np.empty(steps // thin)
    jump = np.array([0.25, 0.6, 0.05, 0.8])
    now, density = np.array([np.log(10.0), np.log(20.0), np.log(8.3), 0.0]), -np.inf
    lowest, highest = np.log(np.array([1.0, 1.0, 2.0])), np.log(np.array([100.0, 1000.0, 30.0]))
    for step in range(steps):
        new = now + jump * np.random.standard_normal(4)
        if np.all(new[:3] > lowest) and np.all(new[:3] < highest):
            sigma, tau, period = np.exp(new[:3])
            lag = np.abs(np.expand_dims(time, 1) - time)
            covariance = sigma**2 * np.exp(-lag / tau) * np.cos(2 * np.pi / period * lag)
            factor = np.linalg.cholesky(covariance + np.diag(error**2))
            white = np.linalg.solve(factor, flux - new[3])
            total = -0.5 * white @ white - np.log(np.diag(factor)).sum()
            if np.log(np.random.random()) < total - density:
                now, density = new, total
        if step % thin == 0:
            kept[step // thin] = np.exp(now[2])
    return kept


@pytest.mark.calibration
def test_no_right_answer_to_10_3_is_rejected():
    data = {name: np.array(value) for name, value in exercise("10.3").data.items()}
    for seed in range(2):
        draws = np.array([periods(4 * seed + i, 6000, 10, **data)[60:] for i in range(4)])
        verdict = check("10.3", draws)
        assert verdict, verdict


# Mistakes -------------------------------------------------------------------------------------


def named(verdict, id, mistake):
    explanation = {m.name: " ".join(m.explanation.split()) for m in exercise(id).mistakes}[mistake]
    return verdict.state == "incorrect" and explanation in verdict.message


def test_a_number_where_no_mistake_is_in_the_width_alone():
    mean = exercise("6.1").quantities["dispersion"].mean
    verdict = check("6.1", {"dispersion": mean})
    assert verdict.passed
    assert "its uncertainty was not given" in verdict.message


@pytest.mark.parametrize("answer", [4.191, (4.191, 4.6e-5), 4.2, {"period": 4.19}])
def test_a_rounded_answer_is_not_called_wrong(answer):
    verdict = check("10.1", answer)
    assert verdict.state == "incomplete"
    assert "more digits" in verdict.message
    assert check("10.1", (4.1911622, 4.6e-5))


@pytest.mark.parametrize(
    "answer, mistake",
    [
        (34.7, "unweighted"),
        (33.80, "sd_taken_for_variance"),
        ((33.69, 0.048), "errors_squared_twice"),
    ],
)
def test_mistake_in_a_rounded_answer_is_named(answer, mistake):
    assert named(check("5.1", answer), "5.1", mistake)


@pytest.mark.parametrize(
    "n_terms, searched, mistake",
    [
        (1, (1, 20), "sine_only"),
        (1, (1, 2), "one_day_alias"),
        (3, (1, 2), "one_day_alias"),
        (1, (2, 3), "half_the_period"),
    ],
)
def test_a_period_fitted_wrongly_is_named(light_curve, n_terms, searched, mistake):
    model = ba.Periodogram(n_terms=n_terms, period=searched).fit(light_curve, seed=3)
    assert named(check("10.1", model), "10.1", mistake)


@pytest.mark.parametrize(
    "answer, mistake",
    [
        (6.6, "errors_left_in"),
        ((6.62, 0.75), "errors_left_in"),
        ((2.3, 0.75), "errors_subtracted_linearly"),
        ((2.9, 1.2), "errors_taken_off_twice"),
        ((6.34, 0.85), "sd_taken_for_variance"),
        (20, "variance_taken_for_sd"),
    ],
)
def test_mistake_in_a_dispersion_is_named(answer, mistake):
    assert named(check("6.1", answer), "6.1", mistake)


@pytest.mark.parametrize(
    "id, answer, mistake",
    [
        ("5.5", 3.0, "gaussian_subtraction"),
        ("5.5", (3.0, 2.6), "gaussian_subtraction"),
        ("5.5", (7.0, 2.6), "background_ignored"),
        ("9.1", 0.34, "stacked"),
        ("9.1", (0.13, 0.07), "interim_prior_left_in"),
        ("9.1", (0.26, 0.06), "modes_counted"),
        ("9.1", 0.95, "divided_out_twice"),
        ("9.1", (0.72, 0.11), "divided_out_of_far_alone"),
        ("9.2", (0.35, 0.11), "amplitude_profiled"),
        ("9.2", 1.04, "negative_flux_left_out"),
        ("9.2", (0.84, 0.34), "errors_not_squared"),
        ("9.2", (0.6, 0.38), "magnitudes"),
        ("9.2", (0.43, 0.12), "best_template_alone"),
    ],
)
def test_mistake_with_a_prior_or_an_amplitude_is_named(id, answer, mistake):
    assert named(check(id, answer), id, mistake)


def test_least_squares_of_all_points_is_named():
    data = ba.load("hogg-2010").without_error("x")
    x, y = data.value.T
    (slope, intercept), errors = np.polyfit(x, y, 1, w=1 / data.error[:, 1], cov="unscaled")
    sds = np.sqrt(np.diag(errors))
    verdict = check("5.2", {"slope": (slope, sds[0]), "intercept": (intercept, sds[1])})
    assert named(verdict, "5.2", "chi_square_of_all")
    assert named(
        check("5.2", {"slope": 1.08, "intercept": 213}),
        "5.2",
        "chi_square_of_all",
    )


def test_a_wrong_answer_that_is_no_known_mistake_gets_the_hint():
    verdict = check("5.1", 12.0)
    assert verdict.state == "incorrect"
    assert "hint('5.1')" in verdict.message
    assert "below the reference" in verdict.message


# Kinds of answers -----------------------------------------------------------------------------


def test_blank_answers_are_not_attempted():
    for id in ids():
        assert check(id, ...).state == "not attempted"
        assert check(id, None).state == "not attempted"
    assert check("5.2", {"slope": ..., "intercept": 1.0}).state == "not attempted"


def test_few_or_correlated_draws_ask_for_more():
    _, _, draws = conjugate(1)
    assert check("5.1", draws[0, :100]).state == "sample more"
    assert check("5.1", draws[0, :3]).state == "sample more"
    slow = np.repeat(draws[:, :30], 50, axis=1)
    verdict = check("5.1", slow)
    assert verdict.state == "sample more"
    assert "at least 200" in verdict.message


def test_chains_that_disagree_ask_for_more():
    _, sd, draws = conjugate(1)
    assert check("5.1", draws + 3 * sd * np.arange(4)[:, None]).state == "sample more"


def test_every_container_of_draws_gives_the_same_verdict():
    reference = exercise("5.2").quantities
    rng = np.random.default_rng(3)
    draws = {name: rng.normal(q.mean, q.sd, size=(4, 1000)) for name, q in reference.items()}
    dataset = xr.Dataset(
        {
            "slope": (("chain", "draw", "predictor"), draws["slope"][..., None]),
            "intercept": (("chain", "draw"), draws["intercept"]),
            "scatter": (("chain", "draw"), draws["slope"]),
        }
    )
    tree = xr.DataTree.from_dict({"posterior": dataset})
    verdicts = [check("5.2", answer) for answer in (draws, dataset, tree)]
    assert verdicts[0].passed
    assert verdicts[0].rows == verdicts[1].rows == verdicts[2].rows


def test_quantities_are_converted():
    mean, _, draws = conjugate(1)
    assert check("5.1", 1000 * draws * u.m / u.s)
    assert check("5.1", {"velocity": 1000 * mean * u.m / u.s}).rows[0].verdict == "ok"
    with pytest.raises(ValueError, match="not convertible"):
        check("5.1", mean * u.d)


def test_answers_are_not_changed():
    _, _, draws = conjugate(1)
    before = draws.copy()
    check("5.1", draws)
    np.testing.assert_array_equal(draws, before)


@pytest.mark.parametrize(
    "id, answer, problem",
    [
        ("5.1", np.nan, "1 of 1 values not finite"),
        ("5.1", [1.0, np.inf, 2.0], "1 of 3 values not finite"),
        ("5.1", (33.6, -0.1), "must be positive"),
        ("5.1", [], "shape"),
        ("5.1", np.zeros((2, 3, 4)), "shape"),
        ("5.1", np.ones((1000, 4)), "transpose"),
        ("5.1", np.ones(500), "all equal"),
        ("5.1", "33.6 km/s", "holds no numbers"),
        ("5.1", object(), "holds no numbers"),
        ("5.1", {"velocty": 33.6}, "Did you mean 'velocity'"),
        ("5.1", {}, "velocity missing"),
        ("5.2", 2.25, "2 quantities are asked"),
        ("5.2", {"slope": 2.25}, "intercept missing"),
        ("5.2", xr.Dataset({"m": 2.25}), "slope and intercept missing"),
        ("5.2", xr.DataTree(), "no group 'posterior'"),
        ("10.1", {"alias": 1.3}, "period missing"),
    ],
)
def test_what_is_no_answer_is_refused_with_what_is_accepted(id, answer, problem):
    with pytest.raises(ValueError, match=problem) as refusal:
        check(id, answer)
    assert exercise(id).accepts in str(refusal.value)


def test_an_unfitted_model_says_what_to_call():
    with pytest.raises(ValueError, match=r"\.fit"):
        check("10.1", ba.Periodogram())


@pytest.mark.parametrize("ask", [lambda id: check(id, 1.0), ba.exercises.hint])
def test_an_unknown_exercise_names_those_that_exist(ask):
    with pytest.raises(ValueError, match=r"'5\.33'.*Did you mean '5\.3'.*5\.1, 5\.2, .*10\.1"):
        ask("5.33")
    with pytest.raises(ValueError, match="is text, such as '5.1', not float"):
        ask(5.1)
    with pytest.raises(ValueError, match="not list"):
        ask([])


# The verdict ----------------------------------------------------------------------------------


def test_the_verdict_reads_as_text_table_and_html():
    verdict = check("5.1", (34.72, 0.63))
    assert not verdict.passed
    assert list(verdict.table["quantity"]) == ["velocity", "velocity, sd"]
    assert list(verdict.table["verdict"]) == ["off", "off"]
    assert verdict.table.loc[0, "yours"].startswith("34.72")
    assert "plain mean" in repr(verdict)
    assert verdict._repr_html_().count("<tr>") == 3


def test_text_in_html_is_escaped():
    verdict = ba.exercises.Verdict("5.1", "incorrect", "<script>alert(1)</script>")
    assert "<script>" not in verdict._repr_html_()


# The references -------------------------------------------------------------------------------


@pytest.mark.parametrize("id", ids())
def test_the_reference_was_checked(id):
    checks = exercise(id).checks_made
    if checks.get("exact"):
        return
    assert checks["draws"] >= 10_000
    assert checks["rhat"] < 1.01
    assert checks["lag_1"] < 0.05
    assert checks["divergences"] == 0
