"""Scores against their analytic values."""

import numpy as np
import pytest
from samples import by_hand, drawn, line, sinusoid
from scipy import stats

import bayes_astro as ba
from bayes_astro.sample_scores import _crps


def test_crps_of_a_normal():
    rng = np.random.default_rng(0)
    truth = np.array([0.0, 1.0, -2.0])
    found = _crps(rng.standard_normal((200_000, 3)), truth)
    # Gneiting & Raftery (2007), equation 21
    expected = truth * (2 * stats.norm.cdf(truth) - 1) + 2 * stats.norm.pdf(truth) - 1 / np.pi**0.5
    assert np.allclose(found, expected, atol=5e-3)


def flat(value, error=1.0):
    """Rows (x, y) with x known exactly."""
    value = np.asarray(value, dtype=float)
    error = np.tile([0.0, error], (len(value), 1))
    return ba.Measurements(np.column_stack([np.linspace(-1, 1, len(value)), value]), error,
                           names=("x", "y"))  # fmt: skip


def horizontal(*heights):
    """A line without slope or scatter, of which each draw has one height."""
    zero = np.zeros((1, len(heights)))
    draws = drawn(
        slope=("predictor", zero[..., None]),
        predictor_mean=("predictor", zero[..., None]),
        predictor_width=("predictor", zero[..., None] + 1),
        response_mean=[heights],
        intercept=[heights],
    ).assign_coords(predictor=["x"])
    return by_hand(ba.LinearRelation("y", scatter=False), flat([0.0, 1.0, 0.0]), draws)


def test_two_draws_are_mixed_and_the_bias_is_prediction_minus_truth():
    scores = ba.compare({"model": horizontal(0.0, 1.0)}, flat(np.full(400, 2.0))).loc["model"]
    density = 0.5 * (stats.norm.pdf(2.0) + stats.norm.pdf(1.0))
    assert scores["log_score"] == pytest.approx(np.log(density), rel=1e-12)
    assert scores["bias"] == pytest.approx(0.5 - 2.0, abs=0.01)
    assert scores["rmse"] == pytest.approx(1.5, abs=0.01)


def test_coverage_is_the_share_of_rows_within_central_intervals():
    middle = stats.norm.ppf((np.arange(1000) + 0.5) / 1000)
    scores = ba.compare({"model": horizontal(0.0)}, flat(middle)).loc["model"]
    assert scores["coverage_68"] == pytest.approx(0.68, abs=0.005)
    assert scores["coverage_95"] == pytest.approx(0.95, abs=0.005)
    assert scores["crps"] == pytest.approx(1 / np.sqrt(np.pi), abs=0.005)


def test_a_point_estimate_is_scored_with_its_noise():
    train, test = sinusoid(n=100, noise=0.5), sinusoid(n=300, noise=0.5, seed=1)
    baseline = ba.Periodogram(period=(3, 5)).baseline().fit(train)
    scores = ba.compare({"ls": baseline}, test).loc["ls"]
    residual = test.value - baseline.predict(test)["signal"].values[0, 0]
    expected = stats.norm.logpdf(residual, 0, test.error).mean()
    assert scores["log_score"] == pytest.approx(expected, rel=1e-9)
    assert scores["rmse"] == pytest.approx(np.sqrt(np.mean(residual**2)), rel=0.02)
    assert scores["coverage_68"] == pytest.approx(0.68, abs=0.09)
    assert scores["rows"] == 300


def test_the_better_model_wins():
    train, test = line(n=60, scatter=1.0), line(n=60, scatter=1.0, seed=1)
    sampler = ba.NUTS(draws=300, tune=300, chains=2)
    bayes = ba.LinearRelation("y").fit(train, sampler, seed=1, progress=False)
    table = ba.compare({"odr": bayes.baseline().fit(train), "bayes": bayes}, test)
    assert list(table.index) == ["bayes", "odr"]  # least squares knows no scatter


def test_bad_arguments():
    with pytest.raises(ValueError, match="dictionary"):
        ba.compare([], line())
    baseline = ba.Periodogram().baseline().fit(sinusoid())
    with pytest.raises(ValueError, match="scored on a LightCurve"):
        ba.compare({"a": baseline}, line())
    with pytest.raises(ValueError, match=r"'b'.*goes into ba\.baselines\.Regressor"):
        ba.compare({"a": baseline, "b": object()}, sinusoid())
