"""Predictions and scores of many rows: what is asked for is bounded, and parts give what the whole does."""

import numpy as np
import pytest
from samples import clusters, sinusoid
from scipy.stats import kstest

import bayes_astro as ba
from bayes_astro import draws as draws_of
from bayes_astro import sample_scores
from bayes_astro.mixtures import objects


@pytest.fixture(scope="module")
def mixture():
    return ba.ExtremeDeconvolution(2).fit(clusters(), ba.MAP(), seed=1, progress=False)


def many(n=400):
    data = clusters()
    return data[np.resize(np.arange(len(data)), n)]


def test_the_kernel_is_given_some_rows_at_a_time(mixture, monkeypatch):
    asked = []

    def watched(*arguments):
        found = conditionals(*arguments)
        asked.append(found[2].nbytes)
        return found

    conditionals = objects.conditionals
    monkeypatch.setattr(objects, "conditionals", watched)
    data = many()
    whole = mixture.predict(data, seed=3)
    assert len(asked) == 1
    asked.clear()
    monkeypatch.setattr(objects, "AT_ONCE", 20_000)
    parts = mixture.predict(data, seed=3)
    assert len(asked) == 4 and max(asked) <= 20_000
    for name in ("responsibility", "conditional_mean", "conditional_covariance"):
        np.testing.assert_allclose(parts[name], whole[name], rtol=1e-10, atol=1e-12)
    # Other random numbers, of the same distribution: normal about the conditional mean.
    assert parts["signal"].shape == whole["signal"].shape
    error = np.sqrt(np.diagonal(whole["conditional_covariance"].values, axis1=1, axis2=2))
    share = whole["responsibility"].values[0, 0].max(axis=1) > 0.999
    z = (parts["signal"].values[0, 0] - whole["conditional_mean"].values) / error
    assert kstest(z[share].ravel(), "norm").pvalue > 1e-3
    noise = (parts["observation"] - parts["signal"].values).values[0, 0] / data.error
    assert kstest(noise.ravel(), "norm").pvalue > 1e-3


def test_the_guard_counts_what_is_returned(mixture, monkeypatch):
    monkeypatch.setattr(objects, "MOST", 8 * 400 * (2 + 2 + 2 + 2 + 4))
    assert mixture.predict(many(400))["signal"].shape == (1, 1, 400, 2)
    with pytest.raises(ValueError, match=r"predictions of 401 rows for 1 draws take .* give fewer"):
        mixture.predict(many(401))


def test_scores_of_samples_in_parts(monkeypatch):
    rng = np.random.default_rng(0)
    samples, truth = rng.normal(size=(50, 300)), rng.normal(size=300)
    truth[7] = np.nan
    whole = sample_scores.of_samples(samples, truth)
    monkeypatch.setattr(sample_scores, "AT_ONCE", 1000)
    assert sample_scores.of_samples(samples, truth) == pytest.approx(whole, rel=1e-12)
    kept = np.delete(samples, 7, axis=1) - np.delete(truth, 7)
    assert whole["bias"] == pytest.approx(kept.mean(axis=0).mean())
    assert whole["rmse"] == pytest.approx(np.sqrt(np.mean(kept.mean(axis=0) ** 2)))


def test_fewer_draws_of_many_rows(monkeypatch):
    assert draws_of.affordable(1000, 10**5) == 1000
    assert draws_of.affordable(1000, 500_000) == 500
    assert draws_of.affordable(40, 5 * 10**6) == 40
    with pytest.raises(ValueError, match=r"score some of the rows, e\.g\. test\[::10\]"):
        draws_of.affordable(1000, 10**8)
    data = sinusoid(n=60)
    model = ba.Periodogram(period=(2, 20)).fit(data[::2], ba.Exact(draws=2000), seed=1)
    whole = ba.compare({"a": model}, data[1::2]).loc["a"]
    monkeypatch.setattr(draws_of, "MOST", 8 * 30 * 200)
    few = ba.compare({"a": model}, data[1::2]).loc["a"]
    assert few["log_score"] != whole["log_score"]
    assert few["log_score"] == pytest.approx(whole["log_score"], abs=0.02)
    assert few["crps"] == pytest.approx(whole["crps"], rel=0.1)
    assert model.score(data[1::2], draws=None) == pytest.approx(whole["log_score"], abs=0.02)
