"""Periods in noise that is not white: against dense algebra, the process's own evidence, and simulations."""

import numpy as np
import pytest
from samples import pulsating, sinusoid, walk
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

import bayes_astro as ba
from bayes_astro.likelihoods import harmonic
from bayes_astro.likelihoods import harmonic_correlated as correlated

DRW = ba.kernels.DampedRandomWalk


def arguments(n=60, seed=1):
    """Of `harmonic_correlated.project`, by name, and the squared errors."""
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(-50, 50, n))
    square = rng.uniform(0.1, 0.5, n) ** 2
    covariance = np.exp(-np.abs(time[:, None] - time) / 20) + np.diag(square)
    value = np.linalg.cholesky(covariance) @ rng.normal(size=n) + np.sin(2 * np.pi * 0.31 * time)
    found = {
        "time": time,
        "value": value,
        "covariance": covariance,
        "design": np.vander(time / 50, 2, increasing=True),
        "beta_mean": np.array([0.1, 0.2]),
        "beta_sd": np.array([3.0, 2.0]),
        "term_sd": np.array([1.0, 0.5]),
        "terms": [1, 2],
    }
    return found, square


def test_log_evidence_equals_dense_algebra():
    a, _ = arguments()
    problem = correlated.project(**a)
    frequency = np.array([0.0013, 0.31, 1.7])
    found = correlated.log_evidence_by_terms(problem, frequency)
    trend = a["design"] * a["beta_sd"]
    for i, f in enumerate(frequency):
        matrix = a["covariance"] + trend @ trend.T
        null = multivariate_normal(a["design"] @ a["beta_mean"], matrix).logpdf(a["value"])
        assert problem.log_evidence_null == pytest.approx(null, abs=1e-8)
        for k in (1, 2):
            for wave in (np.cos, np.sin):
                x = wave(2 * np.pi * f * k * a["time"])
                matrix = matrix + a["term_sd"][k - 1] ** 2 * np.outer(x, x)
            normal = multivariate_normal(a["design"] @ a["beta_mean"], matrix)
            assert found[i, k - 1] == pytest.approx(normal.logpdf(a["value"]), abs=1e-8)
    averaged = logsumexp(found, axis=1) - np.log(2)
    np.testing.assert_allclose(correlated.log_evidence(problem, frequency), averaged, atol=1e-10)


def test_grid_equals_direct_sums():
    problem = correlated.project(**arguments()[0])
    grid = correlated.log_evidence_grid(problem, 0.001, 7e-4, 3000)
    direct = correlated.log_evidence(problem, 0.001 + 7e-4 * np.arange(3000))
    np.testing.assert_allclose(grid, direct, rtol=0, atol=1e-6)


def test_white_noise_is_a_diagonal_covariance():
    a, square = arguments()
    a["covariance"] = np.diag(square)
    dense = correlated.project(**a)
    del a["covariance"]
    plain = harmonic.project(**a, variance=square)
    frequency = np.array([0.0013, 0.31, 1.7])
    np.testing.assert_allclose(
        correlated.log_evidence(dense, frequency),
        harmonic.log_evidence(plain, frequency),
        atol=1e-9,
    )
    # Zeros give the mean, unit vectors a root of the covariance.
    normals = np.vstack([np.zeros(6), np.eye(6)])
    number = np.full(7, 1)
    trend, cosine, sine = correlated.draw_coefficients(dense, np.full(7, 0.31), normals, number)
    other = harmonic.draw_coefficients(plain, np.full(7, 0.31), normals, number=number)
    ours = np.hstack([trend, cosine, sine])
    theirs = np.hstack([other.trend[:, 0], other.cosine, other.sine])
    np.testing.assert_allclose(ours[0], theirs[0], atol=1e-9)
    roots = [(x[1:] - x[0]).T @ (x[1:] - x[0]) for x in (ours, theirs)]
    np.testing.assert_allclose(*roots, atol=1e-9)


@pytest.mark.parametrize("jitter", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_evidence_without_a_period_is_that_of_the_process(jitter):
    """Two ways that share nothing: a lattice over dense algebra, and importance sampling about a maximum."""
    data = walk(n=40, seed=3)
    model = ba.Periodogram(period=(5, 50), noise=DRW(), jitter=jitter)
    evidence = model.fit(data, ba.Exact(draws=400), seed=1).posterior["evidence"]
    null = evidence["log_evidence"].item() - evidence["log_bayes_factor"].item()
    process = ba.GaussianProcess(DRW(), mean="constant", jitter=jitter).log_evidence(data)
    limit = 0.02 + 4 * process["log_evidence_error"]
    assert null == pytest.approx(process["log_evidence"], abs=limit)


FITS = {}


def fitted(kind):
    """Fits of a walk with a period and without one, shared."""
    if kind not in FITS:
        data = walk(n=60, seed=5, sigma=1.0, tau=20.0, noise=0.1)
        if kind == "signal":
            data = data.replace(value=data.value + 1.5 * np.sin(2 * np.pi * data.time / 7.3))
        model = ba.Periodogram(period=(4, 50), noise=("white", DRW()))
        FITS[kind] = model.fit(data, ba.Exact(draws=400), seed=1, progress=False)
    return FITS[kind]


def test_red_noise_loses_its_odds():
    model = fitted("none")
    white = ba.Periodogram(period=(4, 50)).fit(model.data, ba.Exact(draws=400), seed=1)
    assert white.log_bayes_factor() > 100
    assert not white.diagnose()
    assert model.log_bayes_factor() < 2
    share = model.posterior["evidence"]["noise_probability"]
    assert list(share["kind"].values) == ["0: white", "1: DampedRandomWalk()"]
    assert share.values[1] > 0.999
    assert model.diagnose(), model.diagnose()


def test_a_strong_period_is_found_in_red_noise():
    model = fitted("signal")
    posterior = model.posterior["posterior"]
    assert model.log_bayes_factor() > np.log(100)
    assert float(posterior["period"].median()) == pytest.approx(7.3, abs=0.05)
    assert float(posterior["amplitude"].median()) == pytest.approx(1.5, abs=0.3)
    assert 5 < float(posterior["tau"].median()) < 200
    assert model.diagnose(), model.diagnose()


def test_residuals_are_whitened_and_densities_add_up():
    model = fitted("signal")
    draws = model.posterior["posterior"].to_dataset().isel(draw=slice(0, 3))
    z = model.normal_residuals(draws, model.data)
    assert z.std() == pytest.approx(1.0, abs=0.15)
    one = draws.isel(chain=[1], draw=[2])
    sigma, tau = one["sigma"].item(), one["tau"].item()
    data = model.data
    lag = np.abs(data.time[:, None] - data.time)
    matrix = sigma**2 * np.exp(-lag / tau) + np.diag(data.error**2)
    from bayes_astro.periodic import harmonics

    mean = harmonics.signal(one, data.time - data.time.mean())[0, 0]
    expected = multivariate_normal(mean, matrix).logpdf(data.value)
    assert model.pointwise(one, data).sum().item() == pytest.approx(expected, abs=1e-8)
    # Of new rows given the fitted ones: the joint density of both less that of these.
    new = data[:5].replace(time=data.time[:5] + 0.77)
    density = model.pointwise(one, new).sum().item()
    both = np.concatenate([data.time, new.time])
    order = np.concatenate([data.error, new.error])
    whole = sigma**2 * np.exp(-np.abs(both[:, None] - both) / tau) + np.diag(order**2)
    mean = harmonics.signal(one, both - data.time.mean())[0, 0]
    joint = multivariate_normal(mean, whole).logpdf(np.concatenate([data.value, new.value]))
    assert density == pytest.approx(joint - expected, abs=1e-7)


def test_predictions_follow_the_process():
    """Beside an observation the noise is known, far from all it is not."""
    model = fitted("signal")
    beside, far = model.data.time[30] + 1e-6, model.data.time[-1] + 3000.0
    found = model.predict([beside, far], draws=200)
    observed = found["observation"]
    assert observed[..., 0].mean() == pytest.approx(model.data.value[30], abs=0.15)
    assert observed[..., 1].std() > 3 * observed[..., 0].std()


def test_what_cannot_be_is_refused():
    for noise, text in [
        ("red", "must be 'white', a kernel"),
        ((), "must be 'white', a kernel"),
        ((DRW(), DRW()), "two kernels have a parameter 'sigma'"),
        (DRW(tau=-1.0), "tau=-1"),
    ]:
        with pytest.raises(ValueError, match=text):
            ba.Periodogram(noise=noise, period=(2, 20)).fit(sinusoid())
    with pytest.raises(ValueError, match="amplitude=False"):
        ba.Periodogram(noise=DRW(), period=(0.3, 2)).fit(pulsating())
    with pytest.raises(ValueError, match="by ba.Exact"):
        ba.Periodogram(noise=DRW(), period=(2, 20)).fit(sinusoid(), ba.NUTS(draws=20, tune=20))
    many = sinusoid(n=3100)
    with pytest.raises(ValueError, match="at most 3000"):
        ba.Periodogram(noise=DRW(), period=(2, 20)).fit(many)


def test_fixed_kernels_and_units():
    from astropy import units as u

    data = walk(n=40, seed=3)
    hours = data.replace(time=24 * data.time, time_unit="h")
    fits = [
        ba.Periodogram(period=period, noise=DRW(sigma=1.0, tau=10.0 * u.d)).fit(
            x, ba.Exact(400), seed=1
        )
        for x, period in ((data, (5, 50)), (hours, (120, 1200)))
    ]
    days, other = (fit.posterior["evidence"]["log_evidence"].item() for fit in fits)
    assert days == pytest.approx(other, abs=1e-6)


@pytest.mark.calibration
def test_calibration_in_red_noise():
    design = walk(n=25, seed=1, noise=0.3, span=40.0)
    priors = {
        "sigma": ba.Prior("LogNormal", mu=0.0, sigma=0.5),
        "tau": ba.Prior("LogNormal", mu=1.5, sigma=0.5),
    }
    model = ba.Periodogram(period=(3, 20), noise=DRW(), priors=priors)
    found = ba.calibrate(model, design, n=300, seed=2, sampler=ba.Exact(draws=400), progress=False)
    assert found, found


def test_new_observations_have_the_variance_of_the_process():
    """Of one draw, over and over: far from all data, and in replicates of all of them."""
    model = fitted("signal")
    data, draws = model.data, model.posterior["posterior"].to_dataset()
    one = draws.isel(chain=[0], draw=np.zeros(4000, dtype=int))
    sigma, tau = (float(one[name][0, 0]) for name in ("sigma", "tau"))
    rng = np.random.default_rng(1)
    far = data.time[-1] + 100 * tau
    found = model.forecast(one, data, [far], rng)
    left = (found["observation"] - found["signal"]).values
    assert left.var() == pytest.approx(sigma**2 + np.median(data.error) ** 2, rel=0.1)
    assert left.mean() == pytest.approx(0.0, abs=4 * sigma / np.sqrt(4000))
    again = model.replicate(one, data, data, rng).values[0]
    lag = np.abs(data.time[:, None] - data.time)
    expected = sigma**2 * np.exp(-lag / tau) + np.diag(data.error**2)
    np.testing.assert_allclose(np.cov(again.T), expected, rtol=0, atol=0.12 * expected.max())
