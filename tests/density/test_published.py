"""Published fits: the velocities of Hipparcos stars, and the Tully-Fisher relation, step by step.

Hipparcos: two tangential velocities of each star with their covariance and projection from
(U, V, W), and a mixture of ten Gaussians with w = 4 (Bovy, Hogg & Roweis 2009). The log-likelihoods
of steps from that fit are those of the reference code.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from density import oracle
from scipy.io import readsav

import bayes_astro as ba
from bayes_astro.mixtures.coordinates import Parameters
from bayes_astro.mixtures.expectation import begin, step

PUBLISHED = -8.756293
# Mean log-likelihood after so many steps.
STEPS = {
    0: -8.7562930,
    1: -8.7561478,
    2: -8.7560787,
    5: -8.7559835,
    10: -8.7559167,
    100: -8.7557641,
}


@pytest.fixture(scope="module")
def stars(shared_data):
    """Tangential velocities in km/s."""
    table = readsav(shared_data / "h_astrometry" / "hipparcos_xd_lsr_1.sav")["hip"]
    value = np.column_stack([table["VL"], table["VB"]]).astype(float)
    covariance = np.stack(table["VLVBC"]).astype(float)
    projection = np.stack(table["NSM"]).astype(float)
    return ba.Measurements(
        value, covariance=covariance, projection=projection, names=("vl", "vb"), units=["km/s"] * 2
    )


@pytest.fixture(scope="module")
def published(shared_data):
    """Weights, means, covariances."""
    fit = readsav(shared_data / "h_astrometry" / "hipparcos_xd_fitv10_w4.sav")
    return tuple(np.array(fit[name], dtype=float) for name in ("amp", "mean", "covar"))


def test_the_sets_are_what_they_were(stars, published):
    weight, mean, covariance = published
    assert len(stars) == 11_865 and stars.projection.shape == (11_865, 2, 3)
    assert weight.shape == (10,) and mean.shape == (10, 3) and covariance.shape == (10, 3, 3)
    assert weight.sum() == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(covariance, covariance.swapaxes(1, 2), rtol=1e-5)


def test_steps_from_the_published_hipparcos_fit(stars, published):
    model = ba.ExtremeDeconvolution(10, regularization=4.0)
    problem = model.deconvolution(stars, {})
    points = problem.points
    weight, mean, covariance = published
    outer = np.outer(points.scale, points.scale)
    run = begin(
        problem, Parameters(weight, (mean - points.shift) / points.scale, covariance / outer)
    )
    for number in range(max(STEPS) + 1):
        if number:
            run = begin(problem, step(problem, run.parameters, run.found))
        score = (run.found.log_likelihood + points.offset) / len(stars)
        if number in STEPS:
            assert abs(score - STEPS[number]) < 1e-7, number
        if number == 0:
            assert abs(score - PUBLISHED) < 1e-6


def test_the_oracle_has_the_same_log_likelihood_of_some_stars(stars, published):
    some = stars[:300]
    model = ba.ExtremeDeconvolution(
        10,
        regularization=0.0,
        fixed=dict(zip(("weight", "mean", "covariance"), map(list, published), strict=True)),
    )
    weight = published[0] / published[0].sum()
    model.fixed["weight"] = list(weight)
    model.fit(some, ba.MAP(), seed=1, progress=False)
    expected = oracle.log_likelihood(
        some.value, some.covariance, some.projection, weight, *published[1:]
    )
    found = model.log_density(some)["mean"].values
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert model.score(some) == pytest.approx(expected.mean(), rel=1e-10)


@pytest.mark.slow
def test_our_own_start_ends_at_least_as_high(stars):
    model = ba.ExtremeDeconvolution(10, regularization=4.0, dimensions=("U", "V", "W"))
    # Ten components have many local maxima, and which one a seed ends in depends on rounding: of three
    # seeds, one or two get above the published fit.
    for seed in (2, 1, 3):
        model.fit(stars, ba.MAP(moves=20), seed=seed, progress=False)
        score = model.posterior["sample_stats"].attrs["log_likelihood"] / len(stars)
        if score >= PUBLISHED:
            break
    assert score >= PUBLISHED
    assert model.score(stars) == pytest.approx(score, rel=1e-10)
    # The Hyades' and the Pleiades' moving groups: narrow components near where they are known.
    mean = model.posterior["posterior"]["mean"].values[0, 0]
    for group in ([-40, -19, -1], [-15, -23, -6]):
        assert np.linalg.norm(mean - group, axis=1).min() < 8


@pytest.mark.parametrize("band", ["B", "V", "R", "I", "H"])
def test_steps_of_the_tully_fisher_relations(band):
    table = pd.read_csv(Path(__file__).with_name("tully-fisher.csv"), comment="#")
    table = table[["width", band, "width_err", f"{band}_err"]].dropna().to_numpy()
    data = ba.Measurements(table[:, :2], table[:, 2:], names=("width", "magnitude"))
    problem = ba.ExtremeDeconvolution(1, regularization=0.0).deconvolution(data, {})
    points = problem.points
    state = np.ones(1), np.zeros((1, 2)), np.diag(np.ptp(data.value, axis=0) ** 2)[None]
    outer = np.outer(points.scale, points.scale)
    run = begin(
        problem,
        Parameters(state[0], (state[1] - points.shift) / points.scale, state[2] / outer),
    )
    before, gain = -np.inf, np.inf
    while gain > 1e-5:  # where the published fits stopped
        after = oracle.log_likelihood(data.value, table[:, 2:] ** 2, None, *state).mean()
        score = (run.found.log_likelihood + points.offset) / len(data)
        assert score == pytest.approx(after, rel=1e-10, abs=1e-10)
        before, gain = after, after - before
        state = oracle.em_step(data.value, table[:, 2:] ** 2, None, *state)
        run = begin(problem, step(problem, run.parameters, run.found))
    mean = points.shift + points.scale * run.parameters.mean
    np.testing.assert_allclose(mean, state[1], rtol=1e-9)
    np.testing.assert_allclose(outer * run.parameters.covariance, state[2], rtol=1e-9, atol=1e-10)
