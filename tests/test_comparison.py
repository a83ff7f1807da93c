"""Scores against their analytic values."""

import numpy as np
import pytest
from samples import line, sinusoid
from scipy import stats

import bayes_astro as ba
from bayes_astro.comparison import _crps


def test_crps_of_a_normal():
    rng = np.random.default_rng(0)
    truth = np.array([0.0, 1.0, -2.0])
    found = _crps(rng.standard_normal((200_000, 3)), truth)
    # Gneiting & Raftery (2007), equation 21
    expected = truth * (2 * stats.norm.cdf(truth) - 1) + 2 * stats.norm.pdf(truth) - 1 / np.pi**0.5
    assert np.allclose(found, expected, atol=5e-3)


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
