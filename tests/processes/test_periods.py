"""Periods of a mean function: found wherever they are, weighed all together, or said to be several."""

import numpy as np
import pytest
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.special import log_ndtr, logsumexp
from scipy.stats import norm

import bayes_astro as ba
from bayes_astro.processes.period_evidence import Broad, Proposal, log_evidence, proposals
from bayes_astro.samplers.maximum import evidence
from bayes_astro.samplers.mode import apart

SPAN = 300.0


def sampled(seed, amplitude, n=24, noise=2.0):
    """Velocities about a circular orbit of 14.65 d."""
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(0, SPAN, n))
    signal = amplitude * np.cos(2 * np.pi * time / 14.65 + rng.uniform(0, 6))
    return ba.LightCurve(time, signal + noise * rng.normal(size=n), np.full(n, noise))


def model(**settings):
    return ba.GaussianProcess(
        ba.kernels.DampedRandomWalk(),
        mean=ba.means.KeplerOrbit(period=(4.0, 60.0), **settings),
        jitter=False,
    )


def dense_log_evidence(task, data, nodes=24, cells=100):
    """By quadrature over period, sigma and tau; coefficients and process by dense algebra."""
    priors = task.resolve_priors(data)
    n, time = len(data), data.time - data.time.mean()
    low, high = (priors["orbital_period"].arguments[key] for key in ("lower", "upper"))
    count = int(np.ptp(time) * (1 / low - 1 / high) * cells)
    frequency = np.linspace(1 / high, 1 / low, count + 1)
    frequency = (frequency[1:] + frequency[:-1]) / 2
    # Uniform in the period.
    log_prior = -2 * np.log(frequency) - np.log(high - low) + np.log((1 / low - 1 / high) / count)
    angle = 2 * np.pi * frequency[:, None] * time
    width = [priors[name].arguments["sigma"] for name in ("velocity_cosine", "velocity_sine")]
    columns = np.concatenate([width[0] * np.cos(angle), width[1] * np.sin(angle)]).T
    offset = priors["offset"].arguments
    lag = np.abs(time[:, None] - time)
    grid = np.linspace(-4.5, 4.5, nodes)
    log_node = -0.5 * grid**2 - logsumexp(-0.5 * grid**2)
    total = []
    for i, a in enumerate(grid):
        for j, b in enumerate(grid):
            (mu, sd), (mu_tau, sd_tau) = (
                (priors[name].arguments["mu"], priors[name].arguments["sigma"])
                for name in ("sigma", "tau")
            )
            sigma, tau = np.exp(mu + sd * a), np.exp(mu_tau + sd_tau * b)
            covariance = sigma**2 * np.exp(-lag / tau) + np.diag(data.error**2)
            covariance += offset["sigma"] ** 2
            factor = np.linalg.cholesky(covariance)
            y = solve_triangular(factor, data.value - offset["mu"], lower=True)
            white = solve_triangular(factor, columns, lower=True)
            c, s = white[:, :count], white[:, count:]
            cc, ss = 1 + np.sum(c * c, axis=0), 1 + np.sum(s * s, axis=0)
            cs, cy, sy = np.sum(c * s, axis=0), y @ c, y @ s
            det = cc * ss - cs**2
            gain = 0.5 * (ss * cy**2 - 2 * cs * cy * sy + cc * sy**2) / det - 0.5 * np.log(det)
            null = -0.5 * y @ y - np.log(np.diag(factor)).sum() - 0.5 * n * np.log(2 * np.pi)
            total.append(log_node[i] + log_node[j] + null + logsumexp(gain + log_prior))
    return float(logsumexp(total))


def agrees(data, **quadrature):
    task = model()
    expected = dense_log_evidence(task, data, **quadrature)
    found = task.log_evidence(data, seed=1)
    assert found["log_evidence"] == pytest.approx(expected, abs=0.3)
    assert found["log_evidence_again"] == pytest.approx(expected, abs=0.3)
    assert found["log_evidence_error"] < 0.1


@pytest.mark.parametrize(("amplitude", "cells"), [(0, 15), (20, 80)])
def test_evidence_is_that_of_a_dense_quadrature(amplitude, cells):
    agrees(sampled(1, amplitude), nodes=14, cells=cells)


@pytest.mark.calibration
@pytest.mark.parametrize("seed", range(30))
def test_evidence_is_that_of_a_dense_quadrature_in_30_simulations(seed):
    agrees(sampled(seed, [0, 1, 2, 4, 8, 20][seed % 6]))


def test_marginal_density_of_a_frequency_is_that_of_dense_algebra():
    """The quadratic in the coefficients follows from values of the density alone."""
    data, task = sampled(2, 5), model()
    priors = task.resolve_priors(data)
    periods = task.problem(data, priors).periods
    x = np.zeros(periods.size)
    frequency = np.array([1 / 14.65, 1 / 30.0])
    found = periods.over_frequency(x, frequency)
    values = periods.coordinates.values(periods.density.whole(x[None], None))
    sigma, tau = float(values["sigma"][0]), float(values["tau"][0])
    time = data.time - data.time.mean()
    lag = np.abs(time[:, None] - time)
    expected = []
    for f in frequency:
        covariance = sigma**2 * np.exp(-lag / tau) + np.diag(data.error**2)
        covariance += priors["offset"].arguments["sigma"] ** 2
        for name, wave in (("velocity_cosine", np.cos), ("velocity_sine", np.sin)):
            column = priors[name].arguments["sigma"] * wave(2 * np.pi * f * time)
            covariance += np.outer(column, column)
        factor = cho_factor(covariance, lower=True)
        y = data.value - priors["offset"].arguments["mu"]
        value = -0.5 * y @ cho_solve(factor, y) - np.log(np.diag(factor[0])).sum()
        expected.append(value - 2 * np.log(f))
    assert np.diff(found) == pytest.approx(np.diff(expected), abs=1e-5)


def test_a_period_is_found_by_every_sampler():
    """A climb from draws of the prior ends at 43 d, and said nothing."""
    rng = np.random.default_rng(3)
    time = np.sort(rng.uniform(0, 900, 45))
    value = 20 * np.cos(2 * np.pi * time / 14.65) + 2 * rng.normal(size=45)
    data = ba.LightCurve(time, value, np.full(45, 2.0))
    task = ba.GaussianProcess(
        ba.kernels.DampedRandomWalk(), mean=ba.means.KeplerOrbit(period=(1.1, 200.0))
    )
    fit = task.fit(data, ba.Laplace(), seed=1, progress=False)
    row = fit.summary().loc["orbital_period"]
    assert row["mean"] == pytest.approx(14.65, abs=4 * row["sd"])
    assert row["sd"] < 0.01
    assert fit.diagnose()
    assert float(fit.posterior["evidence"]["log_evidence"]) == pytest.approx(-124.6, abs=0.2)
    alone = ba.GaussianProcess(ba.kernels.DampedRandomWalk())
    assert alone.log_evidence(data)["log_evidence"] < -180
    best = task.fit(data, ba.MAP(), seed=2, progress=False).summary()
    assert best.loc["orbital_period", "mean"] == pytest.approx(14.65, abs=0.02)


def test_several_periods_are_said_to_be_several():
    fit = model().fit(sampled(4, 0), ba.Laplace(), seed=1, progress=False)
    failed = {check.name for check in fit.diagnose().failures()}
    assert {"one maximum", "other periods"} <= failed


def test_eccentric_orbit_is_found_from_the_circular_one():
    rng = np.random.default_rng(5)
    time = np.sort(rng.uniform(0, SPAN, 40))
    orbit = ba.means.KeplerOrbit(period=(4.0, 60.0), eccentric=True)
    truth = {
        "orbital_period": 14.65, "velocity_cosine": 20.0, "velocity_sine": 3.0, "h": 0.7, "k": -0.5,
    }  # fmt: skip
    value = orbit.evaluate(time - time.mean(), truth) + 2 * rng.normal(size=40)
    data = ba.LightCurve(time, value, np.full(40, 2.0))
    task = model(eccentric=True)
    periods = task.problem(data, task.resolve_priors(data)).periods
    best = periods.coordinates.values(periods.density.whole(periods.modes[0].point[None], None))
    assert best["orbital_period"][0] == pytest.approx(14.65, abs=0.05)
    assert best["h"][0] == pytest.approx(0.7, abs=0.3)
    assert best["k"][0] == pytest.approx(-0.5, abs=0.3)
    found = log_evidence(periods, 2000, np.random.default_rng(1))
    assert found["log_evidence"] == pytest.approx(found["log_evidence_again"], abs=0.7)
    circular = model().log_evidence(data)["log_evidence"]
    assert found["log_evidence"] > circular + 5


def eccentric(amplitude, seed=2, n=24):
    """Velocities about an eccentric orbit; sigma and tau are known."""
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(0, SPAN, n))
    mean = ba.means.KeplerOrbit(period=(14.3, 15.0), eccentric=True)
    truth = {
        "orbital_period": 14.65, "velocity_cosine": amplitude, "velocity_sine": 0.2 * amplitude,
        "h": 0.4, "k": -0.2,
    }  # fmt: skip
    value = mean.evaluate(time - time.mean(), truth) + 2 * rng.normal(size=n)
    kernel = ba.kernels.DampedRandomWalk(sigma=1.0, tau=30.0)
    task = ba.GaussianProcess(kernel, mean=mean, jitter=False)
    return task, ba.LightCurve(time, value, np.full(n, 2.0))


@pytest.mark.parametrize("point", [(0.0, 0.3, 0.3), (-0.5, -0.4, 0.1), (1.0, 0.05, -0.2)])
def test_orbits_of_any_eccentricity_are_proposed_with_their_density(point):
    """Summed over the coefficients it is the density of the frequency and the elements."""
    task, data = eccentric(5.0)
    periods = task.problem(data, task.resolve_priors(data)).periods
    part = Proposal(*proposals(periods)[0], 1.0, 1.1)
    grid = np.linspace(-25, 25, 61)
    x = np.zeros((61, 61, 5))
    x[..., 0], x[..., 3], x[..., 4] = point
    x[..., 1], x[..., 2] = np.meshgrid(grid, grid)
    density = np.exp(Broad(periods, part).log_density(x.reshape(-1, 5)))
    ends = np.tile([point[0], 0, 0, 0, 0], (2, 1)) + [[1e-5], [-1e-5]] * np.eye(5)[0]
    slope = abs(np.diff(periods.frequency(ends))) / 2e-5
    frequency = periods.frequency(x[0, 0][None])
    expected = np.exp(part.log_density(frequency, np.zeros((1, 0)))) * slope
    expected *= norm.pdf(point[1:], scale=0.3).prod()
    assert density.sum() * (grid[1] - grid[0]) ** 2 == pytest.approx(expected[0], rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("amplitude", [0.0, 5.0])
def test_evidence_of_eccentric_orbits_is_that_of_a_dense_sum(amplitude):
    """Over draws of the eccentricity's elements and grids of period and phase; the semi-amplitude in
    closed form."""
    task, data = eccentric(amplitude, seed=1)
    priors, time = task.resolve_priors(data), data.time - data.time.mean()
    offset, s = priors["offset"].arguments, priors["velocity_cosine"].arguments["sigma"]
    covariance = np.exp(-np.abs(time[:, None] - time) / 30) + np.diag(data.error**2)
    factor = np.linalg.cholesky(covariance + offset["sigma"] ** 2)
    y = solve_triangular(factor, data.value - offset["mu"], lower=True)
    null = -0.5 * y @ y - np.log(np.diag(factor)).sum() - 0.5 * len(y) * np.log(2 * np.pi)
    period, phase = np.linspace(14.3, 15.0, 41)[1:] - 0.00875, np.arange(32) * np.pi / 16
    period, phase = (grid[..., None] for grid in np.meshgrid(period, phase, indexing="ij"))
    of_one = {"velocity_cosine": np.cos(phase), "velocity_sine": np.sin(phase)}
    total = []
    for h, k in 0.3 * np.random.default_rng(0).normal(size=(1000, 2)):
        wave = task.mean.evaluate(time, of_one | {"orbital_period": period, "h": h, "k": k})
        white = solve_triangular(factor, wave.reshape(-1, len(time)).T, lower=True)
        a, b = np.sum(white**2, axis=0) + 1 / s**2, y @ white
        z = b / np.sqrt(a)
        tail = np.exp(0.5 * z**2 + log_ndtr(z) + 0.5 * np.log(2 * np.pi))
        total.append(logsumexp(np.log((1 + z * tail) / a) - 2 * np.log(s)) - np.log(len(a)))
    expected = null + logsumexp(total) - np.log(len(total))
    found = task.log_evidence(data, seed=1)
    assert found["log_evidence"] == pytest.approx(expected, abs=0.2)
    assert found["log_evidence_again"] == pytest.approx(expected, abs=0.25)


def test_estimates_that_disagree_are_said_to():
    task, data = eccentric(5.0)
    problem = task.problem(data, task.resolve_priors(data))
    one = {"log_evidence": 0.0, "log_evidence_error": 0.05, "log_evidence_again_error": 0.05}
    assert not apart(one | {"log_evidence_again": 0.6})[1]
    assert apart(one | {"log_evidence_again": 0.45})[1]
    assert not apart(one | {"log_evidence_again": 0.0, "log_evidence_error": 0.4})[1]
    problem.log_evidence = lambda draws, rng: one | {"log_evidence_again": 0.6}
    with pytest.warns(UserWarning, match=r"two estimates of the log evidence are 0\.6 nats apart"):
        evidence(problem, np.random.default_rng(0))


def test_long_light_curves_are_scanned_in_part():
    rng = np.random.default_rng(6)
    time = np.sort(rng.uniform(0, 2000, 4000))
    value = 0.3 * np.cos(2 * np.pi * time / 7.3) + rng.normal(size=4000)
    data = ba.LightCurve(time, value, np.ones(4000))
    task = ba.GaussianProcess(
        ba.kernels.DampedRandomWalk(), mean=ba.means.Harmonics(period=(2.0, 50.0)), jitter=False
    )
    periods = task.problem(data, task.resolve_priors(data)).periods
    assert periods.part is not periods
    assert 1 / periods.frequency(periods.modes[0].point[None])[0] == pytest.approx(7.3, abs=0.01)


def test_bands_are_thinned_each_by_itself():
    rng = np.random.default_rng(7)
    time = np.sort(rng.uniform(0, 2000, 3000))
    band = np.where(np.arange(3000) % 100 == 0, "rare", "often")
    value = 0.3 * np.cos(2 * np.pi * time / 7.3) + rng.normal(size=3000)
    data = ba.LightCurve(time, value, np.ones(3000), band=band)
    mean = ba.means.Harmonics(period=(2.0, 50.0))
    task = ba.GaussianProcess(ba.kernels.DampedRandomWalk(), mean=mean, jitter=False)
    part = task.problem(data, task.resolve_priors(data)).periods.part
    assert len(part.problem.data) < 1500
    assert set(part.problem.data.band) == {"rare", "often"}
