"""Times and frequencies among the settings as Quantities: the same fit as with plain numbers."""

import json

import astropy.units as u
import numpy as np
import pytest
from samples import sinusoid, walk, wandering

import bayes_astro as ba
from bayes_astro import registry, specs
from bayes_astro.kernels import CARMA, SHO, DampedRandomWalk, ExposureIntegrated, Matern32

QUICK = ba.MAP(restarts=1)
HOURS = sinusoid(n=40, period=3.7, time_unit="d", value_unit="m/s")
CURVE = walk(40)


def fitted(model, data, sampler=QUICK):
    return model.fit(data, sampler, seed=1, progress=False)


def same(one, other):
    a, b = (m.posterior["posterior"].to_dataset() for m in (one, other))
    assert set(a.data_vars) == set(b.data_vars)
    for name in a.data_vars:
        np.testing.assert_allclose(a[name], b[name], rtol=1e-6, err_msg=name)
    at = [1.0, 2.5]
    x, y = (m.predict(at, draws=20)["signal"].values for m in (one, other))
    np.testing.assert_allclose(x, y, rtol=1e-5)


@pytest.mark.parametrize("mean", [ba.means.KeplerOrbit, ba.means.Harmonics])
@pytest.mark.parametrize(
    "period",
    [
        (48 * u.h, 20 * u.d),
        [2, 20] * u.d,
        (2.0, 20 * u.d),
        [48 * u.h, 28800 * u.min],
    ],
)
def test_periods_of_means(mean, period):
    quantity, plain = mean(period=period), mean(period=(2.0, 20.0))
    found, expected = (x.priors(HOURS) for x in (quantity, plain))
    quantity.check()
    for name, prior in expected.items():
        assert found[name].distribution == prior.distribution
        for key, number in prior.arguments.items():
            assert found[name].arguments[key] == pytest.approx(number, rel=1e-12)
    again = registry.from_dict("mean", json.loads(json.dumps(registry.to_dict("mean", quantity))))
    assert again.priors(HOURS) == found


@pytest.mark.parametrize(
    ("period", "message"),
    [
        ((3 * u.m, 4 * u.m), "cannot be converted"),
        ((3 * u.d, 2 * u.h), "must be .shortest, longest."),
        ((-3 * u.d, 2 * u.d), "must be .shortest, longest."),
        ((3 * u.d,), "must be .shortest, longest."),
        (3 * u.d, "must be .shortest, longest."),
        ([1, 2, 3] * u.d, "must be .shortest, longest."),
        ((np.nan * u.d, 2 * u.d), "must be .shortest, longest."),
        (([1, 2] * u.d, 3 * u.d), "must be .shortest, longest."),
    ],
)
def test_periods_that_are_none(period, message):
    model = ba.GaussianProcess(DampedRandomWalk(), mean=ba.means.KeplerOrbit(period=period))
    with pytest.raises(ValueError, match=message):
        fitted(model, HOURS)


def test_an_orbit_is_the_same_in_other_units_and_from_a_file(tmp_path):
    def model(period):
        return ba.GaussianProcess(DampedRandomWalk(), mean=ba.means.KeplerOrbit(period=period))

    one = fitted(model((3.4 * u.d, 96 * u.h)), HOURS)
    other = fitted(model((3.4, 4.0)), HOURS)
    same(one, other)
    one.save(tmp_path / "fit.nc")
    opened = ba.open(tmp_path / "fit.nc")
    assert opened.mean.period[1] == 96 * u.h
    same(opened, other)


@pytest.mark.parametrize(
    ("quantity", "plain"),
    [
        (DampedRandomWalk(tau=240 * u.h), DampedRandomWalk(tau=10.0)),
        (SHO(period=5 * u.d) + Matern32(), SHO(period=5.0) + Matern32()),
        (SHO(quality=1.0) * Matern32(scale=480 * u.h), SHO(quality=1.0) * Matern32(scale=20.0)),
        (
            ExposureIntegrated(DampedRandomWalk(), 0.001 * u.h),
            ExposureIntegrated(DampedRandomWalk(), 0.001 / 24),
        ),
        (
            CARMA(2, 1, {"beta_1": 24 * u.h, "period_1": 5 * u.d}),
            CARMA(2, 1, {"beta_1": 1.0, "period_1": 5.0}),
        ),
    ],
)
def test_kernels_with_fixed_quantities(quantity, plain):
    found = quantity.in_units("d", "mag")
    assert found.fixed() == pytest.approx(plain.fixed(), rel=1e-12)
    assert plain.in_units("d", "mag") is plain
    again = registry.from_dict("kernel", json.loads(json.dumps(quantity.to_dict())))
    assert again.in_units("d", "mag") == found
    one, other = (fitted(ba.GaussianProcess(k), CURVE) for k in (quantity, plain))
    same(one, other)
    frequency = np.array([0.1, 0.2])
    power = one.power_spectrum(frequency / 24 / u.h, draws=10)["power"].values
    np.testing.assert_allclose(power, other.power_spectrum(frequency, draws=10)["power"], rtol=1e-6)
    lag = one.structure_function([24, 48] * u.h, draws=10)["structure_function"].values
    expected = other.structure_function([1, 2], draws=10)["structure_function"]
    np.testing.assert_allclose(lag, expected, rtol=1e-6)
    assert one.baseline().fit(CURVE).predict([1.0])["signal"].notnull().all()


def test_amplitudes_are_in_the_unit_of_the_values():
    curve = walk(40).replace(value_unit="mag")
    one = fitted(ba.GaussianProcess(DampedRandomWalk(sigma=900 * u.mmag)), curve)
    other = fitted(ba.GaussianProcess(DampedRandomWalk(sigma=0.9)), curve)
    same(one, other)
    with pytest.raises(ValueError, match="DampedRandomWalk: sigma: is in 'm / s', which cannot"):
        fitted(ba.GaussianProcess(DampedRandomWalk(sigma=9 * u.m / u.s)), curve)


def test_kernels_whose_numbers_cannot_be():
    for kernel, message in (
        (DampedRandomWalk(tau=3 * u.m), "tau: is in 'm', which cannot be converted"),
        (DampedRandomWalk(tau=-3 * u.d), r"tau=.* must be a positive number or Quantity"),
        (DampedRandomWalk(tau=[3, 4] * u.d), r"tau=.* must be a positive number or Quantity"),
        (SHO(quality=3 * u.d), "quality: is in 'd', which cannot"),
        (ExposureIntegrated(DampedRandomWalk(), 3 * u.m), "exposure=3.0 m cannot be converted"),
        (ExposureIntegrated(DampedRandomWalk(), True), "exposure=True must be a positive number"),
        (ExposureIntegrated(DampedRandomWalk(), -1 * u.d), "must be a positive number"),
    ):
        with pytest.raises(ValueError, match=message):
            fitted(ba.GaussianProcess(kernel), CURVE)
    with pytest.raises(ValueError, match=r"tau has a unit; ask kernel\.in_units"):
        DampedRandomWalk(sigma=1.0, tau=3 * u.d).covariance([1.0])


def test_windows_references_and_lags():
    medians = [ba.baselines.RunningMedian(w).fit(CURVE) for w in (5.0, 120 * u.h)]
    same(*medians)
    for wrong in (0, "x", True, 3 * u.m, [1, 2] * u.d):
        with pytest.raises(ValueError, match="window="):
            ba.baselines.RunningMedian(wrong).fit(CURVE)
    curve, exact = wandering(n=30), ba.Exact(draws=200)
    laws = [fitted(ba.StructureFunction("power-law", r), curve, exact) for r in (2.0, 48 * u.h)]
    same(*laws)
    assert laws[1].equation().endswith("sf_reference (Δt/48.0 h)^gamma")
    laws = [one.baseline().fit(curve) for one in laws]
    same(*laws)
    with pytest.raises(ValueError, match="reference=3.0 m cannot be converted"):
        fitted(ba.StructureFunction("power-law", 3 * u.m), curve, exact)
    several = walk(40, bands="gr", lag=1.0)
    ranges = [
        ba.GaussianProcess(DampedRandomWalk(), lag=lag).lag_range(several)
        for lag in ((-2.0, 4.0), (-48 * u.h, 4 * u.d), [-2, 4] * u.d)
    ]
    assert np.allclose(ranges, (-2.0, 4.0), rtol=1e-12)
    periods = [(2.0, 20.0), (48 * u.h, 20 * u.d), [2, 20] * u.d]
    found = [fitted(ba.Periodogram(period=p), HOURS, ba.Exact(draws=100)) for p in periods]
    same(found[0], found[1])
    same(found[0], found[2])


def test_in_a_specification(tmp_path):
    path = tmp_path / "orbit.toml"
    path.write_text(
        'task = "GaussianProcess"\ntitle = "t"\nseed = 1\n'
        '[data]\nname = "k2-131"\n[parameters.kernel]\nkernel = "DampedRandomWalk"\n'
        'tau = {value = 48, unit = "h"}\n[parameters.mean]\nmean = "KeplerOrbit"\n'
        'period = [{value = 8, unit = "h"}, {value = 9, unit = "h"}]\n'
    )
    model = specs.read(path).model()
    assert model.kernel.tau == 48 * u.h and model.mean.period == (8 * u.h, 9 * u.h)
