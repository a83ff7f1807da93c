"""The window function, folding, what a period leaves, and the odds as a method."""

import numpy as np
import pytest
from astropy import units as u
from samples import sinusoid

import bayes_astro as ba
from bayes_astro.draws import thinned
from bayes_astro.periodic import harmonics


def nights(n=80, seed=2):
    rng = np.random.default_rng(seed)
    return np.sort(rng.choice(700, n, replace=False) + rng.normal(0.4, 0.05, n))


def test_a_window_is_its_definition_and_names_its_peaks():
    time = nights()
    curve = ba.LightCurve(time, np.zeros(80), np.ones(80), time_unit="d")
    found = ba.window(curve, highest=3.2)
    rows = np.array([0, 17, 900, len(found.power) - 1])
    turns = np.exp(2j * np.pi * np.outer(found.frequency[rows], time))
    np.testing.assert_allclose(found.power[rows], np.abs(turns.mean(axis=1)) ** 2, atol=1e-5)
    assert found.power[0] == pytest.approx(1)
    table = found.peaks(3)
    assert table["name"][0] == "1/day"
    assert table["power"].is_monotonic_decreasing
    assert abs(table["frequency"] - table["frequency"].round()).max() < found.resolution
    # In hours it is the same.
    hours = ba.window(ba.LightCurve(24 * time, np.zeros(80), np.ones(80), time_unit="h"), 3.2 / 24)
    assert hours.peaks(1)["name"][0] == "1/day"
    np.testing.assert_allclose(hours.power, found.power, atol=1e-5)
    assert ba.window(curve).frequency[-1] >= 1.5


@pytest.mark.parametrize("highest", [0.0, -1.0, np.inf, np.nan, 1e9])
def test_frequencies_that_cannot_be(highest):
    curve = ba.LightCurve(nights(), np.zeros(80), np.ones(80))
    with pytest.raises(ValueError, match="highest="):
        ba.window(curve, highest)


def test_what_has_no_window():
    with pytest.raises(ValueError, match="expected a LightCurve"):
        ba.window(np.arange(3.0))
    with pytest.raises(ValueError, match="same time"):
        ba.window(ba.LightCurve([1.0, 1.0], [1.0, 2.0], [1.0, 1.0]))


def test_phases_are_those_of_the_period():
    curve = ba.LightCurve([3.0, 10.5, 12.0], [1.0, 2.0, 3.0], 0.1, ["g", "r", "g"], time_unit="d")
    folded = curve.fold(2.5, epoch=0.5)
    assert folded.time.tolist() == pytest.approx([0.0, 0.0, 1.5])
    assert folded.value.tolist() == [1.0, 2.0, 3.0]
    assert folded.band.tolist() == ["g", "r", "g"]
    assert curve.fold(2.5 * u.d, 0.5) == folded == curve.fold(60 * u.h, 0.5)
    for wrong in (0.0, -1.0, np.nan, [1.0, 2.0]):
        with pytest.raises(ValueError, match="period="):
            curve.fold(wrong)
    with pytest.raises(ValueError, match="period"):
        curve.fold(2.5 * u.km)


@pytest.fixture(scope="module")
def fitted():
    return ba.Periodogram(period=(2, 10)).fit(sinusoid(n=60), ba.Exact(draws=2000), seed=1)


def test_what_the_period_leaves(fitted):
    left = fitted.residuals()
    # Of the draw with the highest likelihood among some.
    draws = thinned(fitted.posterior["posterior"].to_dataset(), 200)
    signal = harmonics.signal(draws, fitted.data.time - harmonics.epoch(fitted.data))
    size = np.sum(((fitted.data.value - signal) / fitted.data.error) ** 2, axis=-1)
    assert np.sum((left.value / left.error) ** 2) == pytest.approx(size.min(), rel=1e-9)
    assert left.value.std() < 0.6 * fitted.data.value.std()
    np.testing.assert_allclose(np.mean((left.value / left.error) ** 2), 1, atol=0.5)
    again = ba.Periodogram(period=(2, 10)).fit(left, ba.Exact(draws=500), seed=1)
    assert again.log_bayes_factor() < 3 < fitted.log_bayes_factor()


def test_folding_with_the_best_period(fitted):
    best = float(fitted.posterior["posterior"]["period"].median())
    folded = fitted.fold()
    expected = fitted.data.fold(best, harmonics.epoch(fitted.data))
    assert np.abs(folded.time - expected.time).max() < 0.02 * best
    later = fitted.data.replace(time=fitted.data.time + best)
    assert fitted.fold(later).time == pytest.approx(folded.time, abs=1e-6 * best)


def test_odds_by_any_sampler_are_those_of_the_exact_one(fitted):
    evidence = fitted.posterior["evidence"]
    assert fitted.log_bayes_factor() == float(evidence["log_bayes_factor"])
    chains = ba.Periodogram(period=(2, 10))
    chains.fit(sinusoid(n=60), ba.Emcee(steps=60, tune=20, ensembles=1), seed=1, progress=False)
    assert chains.log_bayes_factor() == pytest.approx(fitted.log_bayes_factor(), abs=0.05)


@pytest.mark.parametrize("seed", range(6))
def test_odds_and_false_alarm_probability_are_tied(seed):
    """BF = 1 / (FAP (1 + A)), to 0.15 dex where FAP is small.

    FAP by Baluev (2008) for noise of known size, W sqrt(z) exp(-z) with z half of the drop in chi-square and
    W = (high - low) sqrt(4 pi var(t)); A is half of the sum of the squared prior width over the noise.
    """
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(0, 200, 60))
    value = 0.9 * np.cos(2 * np.pi * time / 5.7 + 1) + 0.6 * rng.normal(size=60)
    curve = ba.LightCurve(time, value, np.full(60, 0.6))
    # So wide that it does not pull the amplitude down.
    priors = {"amplitude": ba.Prior("Rayleigh", sigma=10.0)}
    model = ba.Periodogram(period=(2, 20), priors=priors)
    model.fit(curve, ba.Exact(draws=500), seed=1)

    def chi_square(frequency):
        angle = 2 * np.pi * frequency * time
        columns = [np.ones(60), np.cos(angle), np.sin(angle)][: 3 if frequency else 1]
        design = np.column_stack(columns) / 0.6
        rest = value / 0.6 - design @ np.linalg.lstsq(design, value / 0.6)[0]
        return rest @ rest

    near = np.median(model.posterior["posterior"]["frequency"]) + np.linspace(-1e-3, 1e-3, 201)
    z = (chi_square(0.0) - min(chi_square(f) for f in near)) / 2
    alarm = (1 / 2 - 1 / 20) * np.sqrt(4 * np.pi * np.var(time)) * np.sqrt(z) * np.exp(-z)
    expected = -np.log(alarm * (1 + 10.0**2 * 60 / 0.6**2 / 2))
    assert alarm < 1e-4
    assert model.log_bayes_factor() == pytest.approx(expected, abs=0.15 * np.log(10))
