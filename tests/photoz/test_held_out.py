"""Calibration of densities of redshift on objects that did not train."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import bayes_astro as ba
from bayes_astro.photoz import evidence, held_out

PIT = (np.random.default_rng(1).permutation(1000) + 0.5) / 1000


@pytest.mark.parametrize(
    ("spread", "shift", "verdict", "kind"),
    [(1.0, 0.0, True, ""), (1.4, 0.0, False, "too narrow"), (0.7, 0.0, False, "too wide"),
     (1.15, 0.0, None, "too narrow"), (1.0, 0.5, False, "too low")],
)  # fmt: skip
def test_verdicts(spread, shift, verdict, kind):
    """Of normal densities whose truth is spread wider, or lies beside."""
    pit = stats.norm.cdf(spread * stats.norm.ppf(PIT) + shift)
    (found,) = held_out.calibrated(pit, "other errors")
    assert found.passed is verdict
    assert kind in found.advice
    covered = np.mean(np.abs(pit - 0.5) < 0.34)
    assert f"68% intervals hold {covered:.1%}" in found.advice
    assert found.figure == pytest.approx(stats.kstest(pit, "uniform").statistic)


def test_few_objects_are_not_judged():
    assert held_out.calibrated(PIT[:49] ** 4, "") == []


def galaxies(n, noise):
    """Two bands, the second tells the redshift to `noise` whatever the stated errors say."""
    rng = np.random.default_rng(3)
    z = np.exp(0.25 * rng.normal(size=n)) * 0.5
    true = np.column_stack([20 + rng.normal(size=n), 19 + 3 * np.log1p(z)])
    stated = np.exp(rng.uniform(np.log(0.03), np.log(0.3), (n, 2)))
    magnitude = true + noise * stated * rng.normal(size=(n, 2))
    return ba.Photometry.from_magnitudes(magnitude, stated, bands=("g", "r"), redshift=z)


def test_the_objects_that_judge_did_not_train(monkeypatch):
    data = galaxies(400, 1.0)
    model = ba.XDPhotoZ(3, error_scale="published", n_fits=1).fit(
        data, ba.MAP(), seed=1, progress=False
    )
    seen = []
    climb = held_out.climb
    monkeypatch.setattr(
        held_out,
        "climb",
        lambda points, *a, **k: seen.append(points.points.n) or climb(points, *a, **k),
    )
    pit = held_out.pit_of_others(model)
    assert (len(pit), seen) == (400, 5 * [320])
    # As of a fit to the others from the beginning.
    order = np.random.default_rng(5).permutation(400)
    held, rest = np.sort(order[:80]), np.sort(order[80:])
    again = ba.XDPhotoZ(3, error_scale="published").fit(
        data[rest], ba.MAP(), seed=1, progress=False
    )
    assert np.abs(again.pit(data[held]) - pit[:80]).mean() < 0.03
    monkeypatch.setattr(held_out, "MOST", 60)
    assert len(held_out.pit_of_others(model)) == 60


@pytest.mark.slow
def test_a_fit_that_knows_its_objects_too_well_fails():
    data = ba.load("sdss-galaxies")
    models = [
        ba.XDPhotoZ(20, error_scale="published", n_fits=1).fit(
            data[:300], ba.MAP(), seed=seed, progress=False
        )
        for seed in (1, 2, 3)
    ]
    # How far a climb goes depends on the last digits: the one that is worst on others.
    model = min(models, key=lambda one: one.scores(data[1000:1400])["coverage_95"])
    check = model.diagnose()["calibration of redshifts"]
    assert check.passed is False
    assert "too narrow" in check.advice
    assert stats.kstest(model.pit(model.data), "uniform").statistic < check.figure
    # It is right: of others that nobody has seen.
    assert model.scores(data[1000:2000])["coverage_95"] < 0.92


def test_a_fit_of_many_objects_is_calibrated():
    model = ba.XDPhotoZ(2, error_scale="published", n_fits=1)
    model.fit(galaxies(2000, 1.0), ba.MAP(), seed=1, progress=False)
    assert model.diagnose()["calibration of redshifts"].passed


def test_objects_unlike_any_that_trained_are_flagged():
    """However few trained: the background's share of the objects does not hide them."""
    model = ba.XDPhotoZ(3, error_scale="published", n_fits=1)
    model.fit(galaxies(200, 1.0), ba.MAP(), seed=1, progress=False)
    alike = galaxies(400, 1.0)[200:]
    magnitude = -2.5 * np.log10(alike.flux)
    strange = alike.replace(flux=10 ** (-0.4 * (magnitude - [0.0, 6.0])), error=alike.error)
    assert (model.summary(alike)["flag"] == "unusual").mean() < 0.03
    assert (model.summary(strange)["flag"] == "unusual").mean() > 0.9


def test_the_background_is_no_reference_of_what_is_usual():
    model = ba.XDPhotoZ(3, error_scale="published", n_fits=1)
    model.fit(galaxies(200, 1.0), ba.MAP(), seed=1, progress=False)
    density, lowest = model.density(), []
    for share in (0.0, 0.02):
        weight = density.weight.copy()
        weight[:, -1] = share
        weight[:, :-1] *= (1 - share) / weight[:, :-1].sum(axis=1, keepdims=True)
        found = replace(density, weight=weight)
        lowest.append(evidence.reference(found, model.data, np.random.default_rng(1))[-1, 0])
    assert lowest[1] == pytest.approx(lowest[0], abs=1.0)
