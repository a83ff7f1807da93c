"""From coarse to fine: the best peak of the full scan is never lost."""

import numpy as np
import pytest
from samples import pulsating, sinusoid

import bayes_astro as ba


def shaped(seed):
    """Light curves of up to four harmonics, with strong ones among the higher, sparse or on nights."""
    rng = np.random.default_rng([5, seed])
    n, bands = int(rng.integers(30, 120)), "gr" if seed % 2 else None
    time = rng.uniform(0, 300, n)
    if seed % 3 == 0:
        time = np.floor(time) + rng.uniform(0, 0.3, n)
    period = rng.uniform(0.3, 0.9)
    band = rng.integers(0, 2, n)
    angle = 2 * np.pi * time / period
    weights = rng.exponential(size=4) * np.array([1.0, rng.choice([0.2, 3.0]), 0.5, 0.3])
    value = sum(w * np.cos((k + 1) * angle + 6 * rng.random()) for k, w in enumerate(weights))
    error = np.full(n, 0.4)
    name = None if bands is None else np.array(list(bands))[band]
    return ba.LightCurve(time, value + error * rng.normal(size=n), error, band=name)


def both(data, **settings):
    found = []
    for search in ("full", "coarse-to-fine"):
        model = ba.Periodogram(search=search, period=(0.25, 1.0), **settings)
        problem = model.problem(data, model.resolve_priors(data))
        result, _ = problem.search(400, np.random.default_rng(1))
        found.append((result, problem))
    return found


@pytest.mark.parametrize("seed", range(12))
def test_the_best_peak_is_kept(seed):
    (full, _), (coarse, problem) = both(shaped(seed), n_terms=(1, 2, 3, 4), jitter=False)
    best = [one.grid[np.argmax(one.log_density)] for one in (full, coarse)]
    assert abs(best[0] - best[1]) < 0.5 / full.timespan
    assert coarse.log_evidence == pytest.approx(full.log_evidence, abs=0.1)
    assert 5 < problem.kept <= 81


def test_with_jitters_and_with_one_harmonic():
    (full, _), (coarse, _) = both(pulsating(), n_terms=3)
    assert coarse.log_evidence == pytest.approx(full.log_evidence, abs=0.15)
    plain = [
        ba.Periodogram(period=(2, 20), search=search).fit(sinusoid(), ba.Exact(400), seed=1)
        for search in ("full", "coarse-to-fine")
    ]
    one, other = (model.posterior["posterior"]["period"] for model in plain)
    np.testing.assert_array_equal(one, other)


def test_a_fit_says_how_many_windows_were_kept():
    model = ba.Periodogram(3, period=(0.3, 2), search="coarse-to-fine")
    model.fit(pulsating(), ba.Exact(draws=400), seed=1)
    assert 5 < model.posterior["sample_stats"].attrs["kept"] <= 81
    with pytest.raises(ValueError, match="'full' or 'coarse-to-fine'"):
        ba.Periodogram(search="fast").fit(sinusoid())
