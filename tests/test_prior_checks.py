"""Priors that a user gave, against the data; and posteriors that they cut off."""

import numpy as np
import pytest
from samples import by_hand, drawn, line, sinusoid
from scipy import stats

import bayes_astro as ba

UNIT = stats.norm.ppf((np.random.default_rng(4).permutation(4000) + 0.5) / 4000).reshape(4, 1000)


def diagnosed(prior=None, **draws):
    """Of a line whose draws are given, with a prior of the first of them."""
    name = next(iter(draws))
    every = {"slope": 1.0, "response_mean": 10.0, "scatter": 0.5, "predictor_mean": 5.0}
    columns = {k: np.full((4, 1000), v) + 1e-3 * UNIT for k, v in every.items()} | draws
    columns["predictor_width"] = 3 + 0.01 * UNIT
    for k in ("slope", "predictor_mean", "predictor_width"):
        columns[k] = ("predictor", columns[k][..., None])
    model = ba.LinearRelation("y", priors=None if prior is None else {name: prior})
    return by_hand(model, line(), drawn(**columns)).diagnose()


@pytest.mark.parametrize("shift", [0.0, 1.0, -2.0, 4.0])
@pytest.mark.parametrize("width", [0.1, 0.7])
def test_distances_are_those_of_gaussians(shift, width):
    """A prior N(0, 1) and data that say d with variance s^2: z = d / sqrt(1 + s^2)."""
    data_variance = width**2 / (1 - width**2)
    data = shift / (1 - width**2)
    found = diagnosed(ba.Prior("Normal", mu=0.0, sigma=1.0), slope=shift + width * UNIT)
    z = abs(data) / np.sqrt(1 + data_variance)
    check = found["priors and data"]
    assert check.figure == pytest.approx(2 * stats.norm.sf(z), rel=0.02)
    tail = 2 * stats.norm.sf(z)
    assert check.passed is (True if tail >= 0.01 else (False if tail < 1e-6 else None))


def test_default_priors_are_not_judged():
    found = {check.name for check in diagnosed(slope=50 + 0.1 * UNIT)}
    assert not {"priors and data", "posteriors within their priors"} & found


def test_a_width_of_zero_is_no_surprise_and_a_large_one_is():
    prior = ba.Prior("HalfNormal", sigma=1.0)
    assert diagnosed(prior, scatter=1e-4 * np.exp(UNIT))["priors and data"].passed
    far = diagnosed(prior, scatter=9 + 0.1 * UNIT)["priors and data"]
    assert far.passed is False
    # Far in the tail by its logarithm: no probability is rounded to one.
    expected = stats.norm.logsf(stats.norm.isf(stats.halfnorm.sf(9)))
    assert np.log(far.figure / 2) == pytest.approx(expected, abs=1.0)


@pytest.mark.parametrize(
    ("low", "draws", "cut"),
    [
        (2.0, 2 + 0.05 * stats.expon.isf(stats.norm.sf(UNIT)), True),
        (2.0, 2.3 + 0.05 * UNIT, False),
        (0.0, 0.05 * stats.expon.isf(stats.norm.sf(UNIT)), False),
        (2.0, 4 - 0.05 * stats.expon.isf(stats.norm.sf(UNIT)), True),
        (0.0, stats.norm.sf(UNIT) * 4, False),
    ],
)
def test_a_posterior_that_is_cut_is_noted(low, draws, cut):
    prior = ba.Prior("Uniform", lower=low, upper=4.0)
    check = diagnosed(prior, scatter=draws)["posteriors within their priors"]
    assert check.passed is (None if cut else True)
    assert not cut or "the prior of scatter cuts" in check.advice


def test_priors_of_kernels_are_judged_too():
    kernel = ba.kernels.DampedRandomWalk(sigma=1.0, tau=ba.Prior("LogNormal", mu=3.0, sigma=1.0))
    model = ba.GaussianProcess(kernel, jitter=False, mean="zero")
    draws = drawn(tau=np.exp(-5 + 0.1 * UNIT))
    assert by_hand(model, sinusoid(), draws).diagnose()["priors and data"].passed is False


def test_scores_are_quantiles_of_the_unit_normal():
    prior = ba.Prior("LogNormal", mu=[0.0, 1.0], sigma=[1.0, 2.0])
    x = np.exp([[3.0, 1.0], [-30.0, 41.0]])
    np.testing.assert_allclose(prior.normal_score(x), [[3, 0], [-30, 20]], rtol=1e-9, atol=1e-12)
