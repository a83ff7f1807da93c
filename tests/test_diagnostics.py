"""Summaries and verdicts of draws made by hand."""

import numpy as np
import pytest
import xarray as xr
from samples import by_hand, drawn
from scipy import stats

import bayes_astro as ba
from bayes_astro import diagnostics, residuals
from bayes_astro.diagnostics import Check, Diagnosis
from bayes_astro.stated_errors import judged, of_columns

K = ba.kernels
ON_A_LINE = ba.Measurements(
    np.column_stack([np.arange(12.0), np.arange(12.0)]),
    np.tile([0.0, 1.0], (12, 1)),
    names=("x", "y"),
)


def line_draws(chains=4, draws=1000, **changes):
    """Independent draws about a line through the points, with some columns in place of theirs."""
    rng = np.random.default_rng(3)
    shape = (chains, draws)
    given = {
        "response_mean": 5.5 + 0.01 * rng.normal(size=shape),
        "scatter": 0.1 * np.exp(0.1 * rng.normal(size=shape)),
        "slope": 1 + 0.01 * rng.normal(size=shape),
        "predictor_mean": np.full(shape, 5.5) + 0.01 * rng.normal(size=shape),
        "predictor_width": 3 * np.exp(0.1 * rng.normal(size=shape)),
    } | changes
    listed = ("slope", "predictor_mean", "predictor_width")
    columns = {n: ("predictor", x[..., None]) if n in listed else x for n, x in given.items()}
    return drawn(**columns).assign_coords(predictor=["x"])


def diagnosed(draws, statistics, sampler):
    data = ON_A_LINE.replace(value=ON_A_LINE.value + [[0, 0.9], [0, -0.9]] * 6)
    return by_hand(ba.LinearRelation("y"), data, draws, statistics, sampler).diagnose()


def nuts(chains=4, draws=1000):
    return xr.Dataset({"diverging": (("chain", "draw"), np.zeros((chains, draws), bool))})


def emcee(times, steps=5000):
    entry = (("chain", "dimension"), np.tile(times, (4, 1)))
    names = [f"parameter {i}" for i in range(len(times))]
    return xr.Dataset(
        {
            "autocorrelation_time": entry,
            "acceptance_fraction": (("chain", "walker"), np.full((4, 8), 0.4)),
        },
        {"dimension": names},
        {"steps": steps},
    )


def test_summary_is_numpys_mean_sd_and_quantiles():
    skewed = np.random.default_rng(0).gamma(1.5, size=(4, 1000))
    row = by_hand(ba.LinearRelation("y"), ON_A_LINE, line_draws(scatter=skewed)).summary()
    row = row.loc["scatter"]
    expected = {"q025": 0.025, "q16": 0.16, "median": 0.5, "q84": 0.84, "q975": 0.975}
    for name, level in expected.items():
        assert row[name] == np.quantile(skewed, level), name
    assert row["mean"] == pytest.approx(skewed.mean(), rel=1e-14)
    assert row["sd"] == pytest.approx(skewed.std(ddof=1), rel=1e-14)


def test_summary_of_an_estimate_has_the_quantiles_of_a_normal():
    data = ON_A_LINE.replace(value=ON_A_LINE.value + [[0, 1], [0, -1]] * 6)
    table = ba.baselines.LeastSquaresLine("y", method="wls").fit(data).summary()
    for name, level in {"q025": 0.025, "q16": 0.16, "q84": 0.84, "q975": 0.975}.items():
        expected = stats.norm.ppf(level, table["mean"], table["sd"])
        np.testing.assert_allclose(table[name].to_numpy(), expected, rtol=1e-4)


def test_a_verdict_of_numpy_counts():
    failed, fine = (Check("own", np.array([0.0]).any() == bad, 0.0, "") for bad in (True, False))
    assert not Diagnosis((fine, failed))
    assert Diagnosis((fine, failed)).failures() == [failed]
    assert Diagnosis((fine, Check("remark", None, 0.0, "")))


def test_good_draws_pass():
    assert diagnosed(line_draws(), nuts(), ba.NUTS())
    assert diagnosed(line_draws(), emcee([10.0, 30.0]), ba.Emcee())


def test_one_slow_parameter_of_five_fails_the_effective_sample_size():
    walk = 0.1 * np.exp(0.1 * np.cumsum(np.random.default_rng(1).normal(size=(4, 1000)), axis=1))
    found = diagnosed(line_draws(scatter=walk), nuts(), ba.NUTS())
    for name in ("ESS (bulk)", "ESS (tail)"):
        assert found[name].passed is False
        assert found[name].figure < 100
        assert "of scatter:" in found[name].advice


def test_one_parameter_on_which_chains_disagree_fails_r_hat():
    rng = np.random.default_rng(2)
    apart = 5.5 + 0.01 * rng.normal(size=(4, 1000)) + np.array([[0.0], [0.0], [0.0], [0.01]])
    found = diagnosed(line_draws(response_mean=apart), nuts(), ba.NUTS())["R-hat"]
    assert found.passed is False
    within, between = apart.var(axis=1, ddof=1).mean(), apart.mean(axis=1).var(ddof=1)
    assert found.figure == pytest.approx(np.sqrt(0.999 + between / within), rel=0.02)
    assert "response_mean" in found.advice


def test_a_single_divergence_fails():
    statistics = nuts()
    statistics["diverging"].values[2, 17] = True
    found = diagnosed(line_draws(), statistics, ba.NUTS())["divergences"]
    assert (found.passed, found.figure) == (False, 1)


def test_emcee_is_judged_by_its_longest_autocorrelation_time():
    found = diagnosed(line_draws(), emcee([10.0, 200.0, 20.0]), ba.Emcee())
    found = found["length in autocorrelation times"]
    assert (found.passed, found.figure) == (False, 25.0)
    assert "parameter 1" in found.advice and "steps=10000" in found.advice
    enough = diagnosed(line_draws(), emcee([10.0, 99.0, 20.0]), ba.Emcee())
    assert enough["length in autocorrelation times"].passed


@pytest.mark.parametrize("spread", [0.2, 1.0, 1.6, 2.0])
def test_goodness_of_fit_is_the_chi_square_of_the_residuals(spread):
    """Of a line known exactly, without scatter: the residuals over the error bars."""
    off = spread * np.random.default_rng(7).permutation(stats.norm.ppf((np.arange(12) + 0.5) / 12))
    data = ON_A_LINE.replace(value=ON_A_LINE.value + np.column_stack([0 * off, off]))
    exact = {"scatter": 0.0, "response_mean": 5.5, "slope": 1.0, "predictor_mean": 5.5}
    draws = line_draws(1, 1, **{name: np.full((1, 1), x) for name, x in exact.items()})
    found = by_hand(ba.LinearRelation("y"), data, draws).diagnose()["goodness of fit"]
    expected = float(stats.chi2.sf(np.sum(off**2), 12))
    assert found.figure == pytest.approx(expected, rel=1e-9)
    assert found.passed is (None if expected > 0.999 else expected > 0.001)


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.6])
def test_white_residuals_are_judged_by_ljung_and_box(correlation):
    """Of a process without amplitude the residuals are the values themselves, over their errors."""
    rng = np.random.default_rng(5)
    value = rng.normal(size=80)
    for i in range(1, 80):
        value[i] = correlation * value[i - 1] + np.sqrt(1 - correlation**2) * value[i]
    data = ba.LightCurve(np.arange(80.0), 0.5 * value, np.full(80, 0.5))
    model = ba.GaussianProcess(K.DampedRandomWalk(sigma=1e-9), mean="zero", jitter=False)
    found = by_hand(model, data, drawn(tau=[[1.0]])).diagnose()["white residuals"]
    centred = value - value.mean()
    power = [np.dot(centred[k:], centred[:-k]) for k in range(1, 11)] / np.dot(centred, centred)
    statistic = 80 * 82 * np.sum(power**2 / (80 - np.arange(1, 11)))
    expected = float(stats.chi2.sf(statistic, 10))
    assert found.figure == pytest.approx(expected, rel=1e-6)
    assert found.passed is (expected >= 0.001)


NORMAL = np.random.default_rng(8).normal(size=(20, 200))


def test_residuals_of_a_right_model_pass():
    x = np.random.default_rng(9).uniform(1, 2, 200)
    time = np.sort(np.random.default_rng(10).uniform(0, 100, 200))
    assert residuals.normal(NORMAL, "").passed
    assert residuals.no_period(NORMAL[:1], time, "")[0].passed
    assert residuals.against(NORMAL[:1], {"x": x}, "")[0].passed


def test_heavy_tails_are_noted_and_heavier_ones_fail():
    few, many = NORMAL.copy(), NORMAL.copy()
    few[:, :2] *= 5 / np.abs(few[:, :2])
    many[:, :10] *= 8
    assert residuals.normal(few, "").passed is None
    assert residuals.normal(many, "").passed is False
    # What is wrong in the widths alone is seen by Kolmogorov and Smirnov, and is a note.
    assert residuals.normal(2 * NORMAL, "").passed is None


def test_a_period_in_residuals_is_named():
    time = np.sort(np.random.default_rng(10).uniform(0, 100, 200))
    rows = NORMAL[:1] + 0.8 * np.cos(2 * np.pi * time / 7)
    (check,) = residuals.no_period(rows, time, "")
    assert check.passed is False
    assert float(check.advice.split("period of ")[1].split()[0]) == pytest.approx(7, abs=0.1)
    assert residuals.no_period(rows[:, :10], time[:10], "") == []


@pytest.mark.parametrize("curve", [lambda x: x**2, lambda x: x**3 - 3 * x])
def test_a_curve_against_a_predictor_is_named(curve):
    x, other = np.random.default_rng(11).normal(size=(2, 200))
    (check,) = residuals.against(NORMAL[:1] + 0.5 * curve(x), {"x": x, "other": other}, "")
    assert check.passed is False
    assert "against x" in check.advice
    # A line is not a curve, and what was not measured does not count.
    x[:5] = np.nan
    assert residuals.against(NORMAL[:1] + np.nan_to_num(x), {"x": x}, "")[0].passed


def test_the_gain_of_other_errors_is_that_of_the_maximum():
    """Of a line whose predictor's errors are stated at half: by two fits, to the last digit."""
    rng = np.random.default_rng(12)
    x, error = rng.normal(size=200), np.exp(rng.uniform(np.log(0.1), np.log(0.8), (200, 2)))
    value = np.column_stack([x, 1 + 2 * x]) + error * rng.normal(size=(200, 2))
    data = ba.Measurements(value, error * [0.5, 1.0], names=("x", "y"))
    model = ba.LinearRelation("y").fit(data, ba.MAP(), seed=1, progress=False)
    priors = model.resolve_priors(data)
    right = ba.LinearRelation("y", priors=priors)
    right.fit(data.replace(error=error), ba.MAP(), seed=1, progress=False)
    found = model.diagnose()["errors as stated"]
    assert found.passed is False
    assert "errors of x 2 times those stated" in found.advice
    low, high = (one.posterior["sample_stats"].attrs["maximum"] for one in (model, right))
    assert found.figure == pytest.approx(high - low, abs=0.02)


@pytest.mark.parametrize(
    ("gain", "verdict"), [(-1.0, True), (2.9, True), (3.1, None), (5.1, False)]
)
def test_a_little_gain_of_other_errors_is_a_note(gain, verdict):
    (found,) = judged(lambda factor: gain * (factor == 0.5), (0.5, 2.0), "the process")
    assert (found.passed, found.figure) == (verdict, max(0.0, gain))
    assert found.advice.startswith(
        "errors 0.5 times those stated" if gain > 0 else "errors 2 times"
    )
    # The column is named, or all together.
    (found,) = of_columns(lambda f: gain * bool(f[1] == 0.7 and f[0] == 1), ("a", "b"), "it")
    assert found.passed is verdict
    assert gain < 0 or found.advice.startswith("errors of b 0.7 times")


@pytest.mark.parametrize("power", [0.0, 1.0])
def test_errors_that_go_with_residuals_are_named(power):
    error = np.random.default_rng(13).uniform(0.5, 2, 200)
    rows = NORMAL[:1] + power * (error - error.mean())
    (found,) = residuals.with_sign(rows, error, fails=True)
    assert found.passed is (power == 0)
    (noted,) = residuals.with_sign(-rows, error)
    assert noted.passed is (True if power == 0 else None)
    assert power == 0 or ("above" in found.advice and "below" in noted.advice)
    assert residuals.with_sign(rows, np.ones(200)) == []


@pytest.mark.parametrize(("smallest", "verdict"), [(0.3, True), (0.03, None), (3e-4, False)])
def test_a_row_that_decides_is_named(smallest, verdict):
    error = np.full(60, 0.3)
    error[5] = smallest
    found = residuals.one_row(error, "see")
    assert found.passed is verdict
    assert found.figure == pytest.approx(smallest**-2 / np.sum(error**-2.0))
    assert verdict or "row 5, with error" in found.advice
    assert residuals.one_row(error[:6], "see").passed


@pytest.mark.parametrize(("left", "verdict"), [(0.0, True), (3.0, None)])
def test_jitter_that_stands_for_structure_is_noted(left, verdict):
    rng = np.random.default_rng(14)
    time = np.sort(rng.uniform(0, 100, 60))
    value = 2 * np.sin(2 * np.pi * time / 7.7) + 0.1 * rng.normal(size=60)
    value += 0.1 * left * rng.choice([-1, 1], 60)
    data = ba.LightCurve(time, value, np.full(60, 0.1))
    model = ba.Periodogram(period=(2, 50), jitter=True).fit(data, ba.Exact(500), seed=1)
    found = model.diagnose()["jitter beside the errors"]
    assert found.passed is verdict
    assert found.figure == pytest.approx(left, abs=0.6)


@pytest.mark.parametrize(("rows", "left"), [(100, 100), (100_000, 50), (10_000_000, 1)])
def test_residuals_of_many_rows_are_of_few_draws(rows, left):
    """Twenty million numbers at most, and never less than a draw of each chain."""
    posterior = xr.Dataset({"x": (("chain", "draw"), np.zeros((4, 1000)))})
    assert diagnostics.few(posterior, 100, rows).sizes == {"chain": 4, "draw": left}
