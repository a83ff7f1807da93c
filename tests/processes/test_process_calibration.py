"""Simulation-based calibration of Gaussian processes at 300 data sets: `pytest -m calibration`.

Some twenty minutes on one core, which CI does not spend. The default tier has the damped random
walk, whose exact posterior takes milliseconds.
"""

import numpy as np
import pytest
from samples import walk
from scipy.stats import kstest, norm

import bayes_astro as ba

K = ba.kernels
SHORT = ba.NUTS(draws=400, tune=500, chains=2, target_accept=0.9)


def prior(median, spread=0.4):
    return ba.Prior("LogNormal", mu=float(np.log(median)), sigma=spread)


CASES = {
    "sho": (ba.GaussianProcess(K.SHO(prior(1.0), prior(12.0), prior(2.0))), None),
    "rotation": (
        ba.GaussianProcess(
            K.Rotation(prior(1.0), prior(12.0, 0.2), prior(1.5), prior(1.0)), jitter=False
        ),
        None,
    ),
    "two bands with a lag": (
        ba.GaussianProcess(
            K.DampedRandomWalk(prior(1.0), prior(15.0)),
            jitter=False,
            lag=(-4, 8),
            priors={"amplitude": prior(0.6)},
        ),
        "gr",
    ),
    "linear mean": (
        ba.GaussianProcess(K.DampedRandomWalk(prior(1.0), prior(15.0)), mean="linear"),
        None,
    ),
}


def whole(calibration):
    assert calibration, calibration
    assert calibration.detectable()["width"] < 0.25


@pytest.mark.slow
def test_damped_random_walk_is_calibrated_at_300():
    model = ba.GaussianProcess(K.DampedRandomWalk())
    whole(ba.calibrate(model, walk(60), n=300, seed=1, sampler=ba.Exact(draws=400), progress=False))


def test_one_step_ahead_residuals_are_uniform():
    """Of the true parameters, pooled over light curves of every kernel."""
    rng = np.random.default_rng(0)
    for model, bands in CASES.values():
        design = walk(80, bands=bands)
        priors = model.resolve_priors(design)
        pooled = []
        for _ in range(40):
            truth = model.prior_draws(design, priors, 1, rng)
            data = model.simulate_data(truth.isel(chain=0, draw=0), design, rng)
            pooled.append(norm.cdf(model.normal_residuals(truth, data)).ravel())
        assert kstest(np.concatenate(pooled), "uniform").pvalue > 1e-3


@pytest.mark.calibration
@pytest.mark.parametrize("name", CASES)
def test_calibrated_at_300(name):
    model, bands = CASES[name]
    design = walk(60, bands=bands)
    whole(ba.calibrate(model, design, n=300, seed=1, sampler=SHORT, progress=False))


@pytest.mark.calibration
def test_no_divergences_in_nuts():
    """Over 50 walks with time spans from 2 to 100 tau; those that do not measure tau say so."""
    rng = np.random.default_rng(5)
    divergent, unlabelled = 0, []
    for k, spans in enumerate(np.geomspace(2, 100, 50)):
        data = walk(100, tau=1000 / spans, span=1000.0, noise=rng.uniform(0.05, 0.3), seed=k)
        model = ba.GaussianProcess(K.DampedRandomWalk())
        model.fit(data, ba.NUTS(target_accept=0.9), seed=k, progress=False)
        divergent += int(model.posterior["sample_stats"]["diverging"].sum())
        tau = model.posterior["posterior"]["tau"].values
        wide = np.quantile(tau, 0.975) / np.quantile(tau, 0.025) > 100
        if wide and model.diagnose()["tau constrained"].passed:
            unlabelled.append(spans)
    assert divergent == 0
    assert not unlabelled
