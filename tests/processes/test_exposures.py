"""Exposures as surveys make them: barycentric cadences, rounded times, simultaneous bands."""

import numpy as np
import pandas as pd
import pytest
from samples import walk
from scipy.stats import multivariate_normal

import bayes_astro as ba
from bayes_astro import kernels

CADENCE = 0.02043359821692  # of Kepler's long exposures, in days
NODE, WEIGHT = np.polynomial.legendre.leggauss(60)


def averaged(kernel, lag, exposure, parameters):
    """Covariance of two exposures, by a double integral, split where k has its cusp."""
    lag = abs(lag)
    total = 0.0
    for low, high in (
        ((-exposure, -lag), (-lag, exposure)) if lag < exposure else ((-exposure, exposure),)
    ):
        s = 0.5 * (high - low) * NODE + 0.5 * (high + low)
        shape = (exposure - np.abs(s)) / exposure**2
        for a, b in ((low, min(high, 0.0)), (max(low, 0.0), high)):  # and the triangle its tip
            if a < b:
                s = 0.5 * (b - a) * NODE + 0.5 * (b + a)
                shape = (exposure - np.abs(s)) / exposure**2
                k = kernel.covariance(lag + s, **parameters)
                total += 0.5 * (b - a) * np.sum(WEIGHT * shape * k)
    return total


@pytest.mark.parametrize("tau", [0.5, 1.0, 10.0])
def test_a_tenth_of_overlap_matters_little(tau):
    one, at = kernels.DampedRandomWalk(), {"sigma": 1.0, "tau": tau}
    whole = kernels.ExposureIntegrated(one, 1.0)
    for lag, limit in ((1.0, 1e-12), (1.5, 1e-12), (0.99, 1e-6 / tau), (0.9, 1e-3 / (3 * tau))):
        expected = averaged(one, lag, 1.0, at)
        assert whole.covariance(lag, **at) == pytest.approx(expected, abs=1.01 * limit + 1e-12)


@pytest.mark.parametrize(
    ("kernel", "values"),
    [
        (kernels.DampedRandomWalk(), {"sigma": 1.3, "tau": 4.0}),
        (
            kernels.SHO(quality=1.5) + kernels.Matern32(),
            {"sho_sigma": 1.0, "period": 5.0, "matern32_sigma": 0.5, "scale": 9.0},
        ),
    ],
)
def test_simultaneous_bands_against_a_dense_matrix(kernel, values):
    rng = np.random.default_rng(2)
    exposure = 1.0
    time = np.repeat(np.cumsum(rng.uniform(1.0, 3.0, 12)), 2)
    band = np.tile(["g", "r"], 12)
    keep = rng.uniform(size=24) < 0.8
    keep[:4] = True
    curve = ba.LightCurve(time, rng.normal(size=24), rng.uniform(0.1, 0.3, 24), band)[keep]
    model = ba.GaussianProcess(
        kernels.ExposureIntegrated(kernel, exposure), mean="zero", jitter=False
    )
    model.check_data(curve)
    import xarray as xr

    amplitude = 0.7
    draws = xr.Dataset(
        {name: (("chain", "draw"), [[x]]) for name, x in values.items()}
        | {"amplitude": (("chain", "draw", "other_band"), [[[amplitude]]])},
        {"other_band": ["r"]},
    )
    scale = np.where(curve.band == "g", 1.0, amplitude)
    lags = np.abs(curve.time[:, None] - curve.time)
    own = {float(lag): averaged(kernel, lag, exposure, values) for lag in np.unique(lags)}
    dense = np.vectorize(own.get)(lags) * np.outer(scale, scale) + np.diag(curve.error**2)
    expected = multivariate_normal.logpdf(curve.value, np.zeros(len(curve)), dense)
    found = float(model.pointwise(draws, curve).sum())
    assert found == pytest.approx(expected, rel=1e-8)
    problem = model.problem(curve, model.resolve_priors(curve))
    at = np.random.default_rng(0).normal(size=problem.size, scale=0.1)
    _, gradient = problem.density(at)
    for i, step in enumerate(1e-6 * np.eye(problem.size)):
        slope = (problem.density(at + step)[0] - problem.density(at - step)[0]) / 2e-6
        assert gradient[i] == pytest.approx(slope, rel=1e-5, abs=1e-4)


def test_a_fit_of_simultaneous_bands_and_its_baseline():
    rng = np.random.default_rng(1)
    one = walk(30, span=60.0)
    time = np.arange(30) * 2.0
    value = np.stack([one.value, 0.5 * one.value + 2], 1) + 0.05 * rng.normal(size=(30, 2))
    curve = ba.LightCurve(np.repeat(time, 2), value.ravel(), 0.1, np.tile(["g", "r"], 30))
    model = ba.GaussianProcess(kernels.ExposureIntegrated(kernels.DampedRandomWalk(), 1.0))
    model.fit(curve, ba.MAP(restarts=1), seed=1, progress=False)
    amplitude = float(model.posterior["posterior"]["amplitude"].values.ravel()[0])
    assert amplitude == pytest.approx(0.5, abs=0.1)
    assert np.isfinite(model.predict(draws=2)["signal"]).all()
    assert np.isfinite(model.log_likelihood()["observation"]).all()
    assert np.isfinite(model.simulate(curve, seed=1)[0].value).all()
    assert np.isfinite(model.baseline(restarts=1).fit(curve).predict()["signal"]).all()


def test_exposures_that_overlap_in_part_are_refused():
    curve = walk(40, bands="gr", lag=1.0)
    exposed = kernels.ExposureIntegrated(kernels.DampedRandomWalk(), 5.0)
    with pytest.raises(ValueError, match=r"column 'time', row \d+: .* must not overlap in part"):
        ba.GaussianProcess(exposed).check_data(curve)
    time = np.repeat(np.arange(10.0), 2)
    both = ba.LightCurve(time, np.arange(20.0), 0.1, np.tile(["g", "r"], 10))
    short = kernels.ExposureIntegrated(kernels.SHO(), 0.5)
    ba.GaussianProcess(short).check_data(both)
    for options in ({"lag": (-1.0, 1.0)}, {"derivative": True}):
        with pytest.raises(ValueError, match="without lag and derivative"):
            ba.GaussianProcess(short, **options).check_data(both)
    own = ba.GaussianProcess(kernels.SHO(), independent=exposed)
    with pytest.raises(ValueError, match="must not overlap in part"):
        own.check_data(both)
    shifted = both.replace(time=time + np.tile([0.0, 0.1], 10))
    ba.GaussianProcess(kernels.SHO(), independent=short).check_data(shifted)
    product = ba.GaussianProcess(short * kernels.DampedRandomWalk(sigma=1.0))
    with pytest.raises(ValueError, match="cannot be multiplied"):
        product.fit(both, ba.MAP(), seed=1, progress=False)


def test_a_quarter_of_kepler_at_its_nominal_cadence(shared_data):
    """Barycentric times are closer than the nominal cadence by 1.8e-4 of it in all of this quarter."""
    path = shared_data / "c_transits_rotation" / "kepler_q7_lc_kic1430163_rotation.csv.gz"
    frame = pd.read_csv(path).dropna()[:300]
    curve = ba.LightCurve(
        frame["time"], frame["pdcsap_flux"], frame["pdcsap_flux_err"],
        time_unit="BJD - 2454833", value_unit="electron / s",
    )  # fmt: skip
    assert np.median(np.diff(curve.time)) < CADENCE
    exposed, plain = (
        ba.GaussianProcess(k).fit(curve, ba.MAP(restarts=1), seed=1, progress=False)
        for k in (kernels.ExposureIntegrated(kernels.SHO(), CADENCE), kernels.SHO())
    )
    for name in ("sigma", "period"):  # days, beside which the exposure is short
        one, other = (float(m.posterior["posterior"][name].mean()) for m in (exposed, plain))
        assert one == pytest.approx(other, rel=0.1)
