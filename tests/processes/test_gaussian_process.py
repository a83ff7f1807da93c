"""The Gaussian process against dense algebra, published values and its own priors."""

import itertools
from typing import NamedTuple

import numpy as np
import pytest
from samples import by_hand, drawn, walk
from scipy import stats

import bayes_astro as ba
from bayes_astro import residuals
from bayes_astro.data.curve import Curve
from bayes_astro.likelihoods.semiseparable_passes import passes
from bayes_astro.processes import process
from bayes_astro.samplers.mode import Mode

K = ba.kernels


def dense_covariance(model, values, data, at):
    """Of the noiseless curve at the rows of `at`, from k and its numerical derivatives."""
    curve = Curve.of(data)
    bands, band = curve.bands, curve.numbers(at)
    own = {n: v for n, v in values.items() if n in dict(model.kernel.variables())}
    lag = np.append(0.0, values.get("lag", np.zeros(len(bands) - 1)))
    amplitude = np.append(1.0, values.get("amplitude", np.ones(len(bands) - 1)))
    slope = np.asarray(values.get("derivative", np.zeros(len(bands))))
    t = at.time - lag[band]
    dt = t[:, None] - t
    h = 1e-3
    k = {s: model.kernel.covariance(dt + s * h, **own) for s in (-2, -1, 0, 1, 2)}
    first = (8 * (k[1] - k[-1]) - (k[2] - k[-2])) / (12 * h)
    second = (16 * (k[1] + k[-1]) - (k[2] + k[-2]) - 30 * k[0]) / (12 * h**2)
    a, d = amplitude[band], slope[band]
    found = np.outer(a, a) * k[0] - np.outer(d, d) * second
    found += (np.outer(d, a) - np.outer(a, d)) * first
    if model.independent is not None:
        for b in range(len(bands)):
            names = [n for n, _ in model.independent.variables()]
            one = {n: values["own_" + n][b] for n in names if "own_" + n in values}
            inside = np.outer(band == b, band == b)
            found += inside * model.independent.covariance(dt, **one)
    return found


class Rows(NamedTuple):
    """Rows in the order given, which a light curve would sort."""

    time: np.ndarray
    band: np.ndarray | None
    bands: tuple[str, ...]

    def __len__(self):
        return len(self.time)


CASES = {
    "one band": (ba.GaussianProcess(K.SHO() + K.Matern32()), None),
    "no mean, no jitter": (ba.GaussianProcess(K.Matern52(), mean="zero", jitter=False), None),
    "two bands": (ba.GaussianProcess(K.DampedRandomWalk(), lag=(-5, 10)), "gr"),
    "own processes": (
        ba.GaussianProcess(K.SHO(), mean="linear", independent=K.DampedRandomWalk(tau=3.0)),
        "gr",
    ),
    "derivatives": (ba.GaussianProcess(K.Matern52(), derivative=True), "gr"),
}


def one_draw(model, data, seed=0):
    priors = model.resolve_priors(data)
    draws = model.prior_draws(data, priors, 1, np.random.default_rng(seed))
    return draws, {name: array.values[0, 0] for name, array in draws.data_vars.items()}


@pytest.mark.parametrize("name", CASES)
def test_prediction_is_that_of_dense_algebra(name):
    """Mean, variance and components at observed and new times, in every band."""
    model, bands = CASES[name]
    data = walk(40, bands=bands, seed=3)
    draws, values = one_draw(model, data, seed=5)
    new = np.linspace(-20, 130, 31)
    found = model.forecast(draws, data, new, np.random.default_rng(0))
    count = 1 if bands is None else 2
    band = None if bands is None else np.repeat(list(bands), len(new))
    at = ba.LightCurve(np.tile(new, count), np.arange(31.0 * count), np.ones(31 * count), band=band)
    order = np.argsort(np.tile(new, count), kind="stable")
    rows = Rows(
        np.concatenate([data.time, at.time]),
        None if bands is None else np.concatenate([data.band, at.band]),
        tuple(bands or ()),
    )
    k = dense_covariance(model, values, data, rows)
    n = len(data)
    jitter = np.atleast_1d(values.get("jitter", 0.0))
    rows = Curve.of(data).band
    noise = data.error**2 + (jitter[rows] if len(jitter) > 1 else jitter[0]) ** 2
    total = k[:n, :n] + np.diag(noise)

    def mean_of(time, band):
        base = np.zeros(len(time))
        for key, power in (("offset", 0), ("trend", 1)):
            if key in values:
                own = np.atleast_1d(values[key])
                base += (own[band] if len(own) > 1 else own[0]) * (time - data.time.mean()) ** power
        return base

    residual = data.value - mean_of(data.time, rows)
    expected = mean_of(at.time, Curve.of(data).numbers(at)) + k[n:, :n] @ np.linalg.solve(
        total, residual
    )
    variance = np.diag(k[n:, n:] - k[n:, :n] @ np.linalg.solve(total, k[:n, n:]))
    scale = np.sqrt(np.diag(k).max())
    assert found["mean"].values[0, 0][order] == pytest.approx(expected, abs=2e-6 * scale)
    assert found["sd"].values[0, 0][order] ** 2 == pytest.approx(variance, abs=2e-6 * scale**2)
    if "component_mean" in found:
        whole = found["component_mean"].sum("component").values[0, 0]
        base = mean_of(np.tile(new, count), np.repeat(np.arange(count), len(new)))
        assert whole + base == pytest.approx(found["mean"].values[0, 0], abs=1e-9 * scale)
    # The likelihood is that of the same covariance.
    density = float(model.pointwise(draws, data).sum())
    _, log_det = np.linalg.slogdet(total)
    exact = -0.5 * (log_det + residual @ np.linalg.solve(total, residual) + n * np.log(2 * np.pi))
    assert density == pytest.approx(exact, rel=1e-6, abs=1e-6)


def test_components_are_those_of_dense_algebra():
    model = ba.GaussianProcess(K.SHO() + K.DampedRandomWalk(), jitter=False, mean="zero")
    data = walk(50)
    draws, values = one_draw(model, data, seed=1)
    new = np.linspace(-5, 105, 40)
    found = model.forecast(draws, data, new, np.random.default_rng(0))
    parts = {
        "sho": (K.SHO(), {"sigma": "sho_sigma", "period": "period", "quality": "quality"}),
        "damped_random_walk": (
            K.DampedRandomWalk(),
            {"sigma": "damped_random_walk_sigma", "tau": "tau"},
        ),
    }
    k = {}
    time = np.concatenate([data.time, new])
    for name, (kernel, names) in parts.items():
        own = {parameter: values[variable] for parameter, variable in names.items()}
        k[name] = kernel.covariance(time[:, None] - time, **own)
    n = len(data)
    total = sum(k.values())[:n, :n] + np.diag(data.error**2)
    for name, own in k.items():
        mean = own[n:, :n] @ np.linalg.solve(total, data.value)
        variance = np.diag(own[n:, n:] - own[n:, :n] @ np.linalg.solve(total, own[:n, n:]))
        one = found.sel(component=name).isel(chain=0, draw=0)
        assert one["component_mean"].values == pytest.approx(mean, abs=1e-8)
        assert one["component_sd"].values ** 2 == pytest.approx(variance, abs=1e-8)


def test_joint_draws_have_the_conditional_covariance():
    model = ba.GaussianProcess(K.Matern52())
    data = walk(30)
    draws, values = one_draw(model, data, seed=2)
    new = np.array([3.0, 40.0, 40.5, 41.0, 99.0, 120.0])
    many = draws.isel(draw=np.zeros(4000, int))
    curves = model.forecast(many, data, new, np.random.default_rng(1))["signal"].values[0]
    time = np.concatenate([data.time, new])
    k = K.Matern52().covariance(time[:, None] - time, **{n: values[n] for n in ("sigma", "scale")})
    n = len(data)
    total = k[:n, :n] + np.diag(data.error**2 + values["jitter"] ** 2)
    expected = k[n:, n:] - k[n:, :n] @ np.linalg.solve(total, k[:n, n:])
    sd = np.sqrt(np.diag(expected))
    found = np.cov(curves.T)
    assert found / np.outer(sd, sd) == pytest.approx(expected / np.outer(sd, sd), abs=0.1)


def quiet(**changes):
    """A process without amplitude: what is predicted scatters by its noise alone."""
    return ba.GaussianProcess(
        K.DampedRandomWalk(sigma=1e-9, tau=1.0), mean="zero", amplitude=False, **changes
    )


def test_new_observations_scatter_by_the_errors_and_jitter_of_their_band():
    """Plain times have the median error of each band; sd of the sd of 4000 normals: 1.1%."""
    time = np.arange(12.0)
    error = np.where(time < 6, 0.2, 2.0) * np.tile([0.9, 1.0, 1.3], 4)
    data = ba.LightCurve(time, np.sin(time), error, band=["g"] * 6 + ["r"] * 6)
    new = np.linspace(0, 12, 4000)
    draws = drawn(jitter=("band", [[[0.15, 1.5]]]))
    for model, draw, expected in (
        (quiet(jitter=False), drawn(tau=[[1.0]]), {"g": 0.2, "r": 2.0}),
        (quiet(), draws, {"g": 0.25, "r": 2.5}),
    ):
        found = model.forecast(draw, data, new, np.random.default_rng(1))
        noise = (found["observation"] - found["signal"]).values[0, 0]
        for band, sd in expected.items():
            assert noise[found["band"] == band].std() == pytest.approx(sd, rel=0.05), band


def test_new_noise_with_outliers_is_student_t_with_four_degrees_of_freedom():
    model, data = quiet(outliers=True, jitter=False), walk(20)
    draws = drawn(noise_scale=("row", np.ones((1, 1, 20))))
    found = model.forecast(draws, data, np.linspace(0, 100, 20_000), np.random.default_rng(2))
    noise = (found["observation"] - found["signal"]).values.ravel() / np.median(data.error)
    assert stats.kstest(noise, stats.t(4).cdf).pvalue > 1e-3


def test_errors_of_the_coefficients_are_those_of_dense_algebra():
    """Of maximum likelihood with a known kernel: (A' K^-1 A + P)^-1, offset and trend."""
    data = walk(30)
    base = ba.baselines.MaximumLikelihood(
        K.DampedRandomWalk(sigma=1.3, tau=7.0), mean="linear", jitter=False
    ).fit(data)
    k = 1.3**2 * np.exp(-np.abs(data.time[:, None] - data.time) / 7.0) + np.diag(data.error**2)
    design = np.stack([np.ones(30), data.time - data.time.mean()], axis=1)
    sigma = 5 * data.value.std() * np.array([1.0, 2 / np.ptp(data.time)])
    precision = design.T @ np.linalg.solve(k, design) + np.diag(sigma**-2)
    covariance = np.linalg.inv(precision)
    right = design.T @ np.linalg.solve(k, data.value)
    right += np.array([data.value.mean(), 0.0]) / sigma**2
    table = base.summary()
    np.testing.assert_allclose(table["sd"][["offset", "trend"]], np.sqrt(np.diag(covariance)), 1e-6)
    np.testing.assert_allclose(table["mean"][["offset", "trend"]], covariance @ right, 1e-6)


def test_white_noise_has_the_power_of_its_variance_over_the_sampling_rate():
    data = ba.LightCurve(0.5 * np.arange(12), np.sin(np.arange(12.0)), np.full(12, 0.3))
    model = ba.GaussianProcess(K.DampedRandomWalk(sigma=1.0, tau=2.0), mean="zero")
    found = by_hand(model, data, drawn(jitter=[[0.4]])).power_spectrum([0.0, 0.25])
    assert found["noise"].values == pytest.approx(0.5 * (0.3**2 + 0.4**2), rel=1e-12)
    angle = 2 * np.pi * 0.25 * 2.0
    assert found["power"].values.ravel() == pytest.approx([4.0, 4.0 / (1 + angle**2)], rel=1e-9)


# Each of them compiles a gradient of its own.
SLOW = ("derivatives", "no mean, no jitter")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n in SLOW)) for n in CASES]
)
def test_gradients_are_slopes_and_starts_lie_below_the_mode(name):
    model, bands = CASES[name]
    data = walk(30, bands=bands, seed=4)
    problem = model.problem(data, model.resolve_priors(data))
    rng = np.random.default_rng(0)
    candidates = problem.candidates(20, rng)
    flat = candidates[np.argmax(problem.densities(candidates))]
    _, gradient = problem.density(flat)
    for i in range(problem.size):
        step = np.zeros(problem.size)
        step[i] = 1e-4
        up, down = problem.densities(np.array([flat + step, flat - step]))
        assert gradient[i] == pytest.approx((up - down) / 2e-4, rel=1e-4, abs=1e-4)
    starts, _ = problem.points(4, rng)
    mode = Mode.of(problem, ba.MAP(restarts=3, max_steps=200), rng)
    without = starts[:, ~problem.idle]
    densities = mode.densities(without)
    assert densities.max() < mode.value + 1e-6
    assert np.isfinite(densities).all()


def test_the_same_light_curve_in_other_units_and_order():
    data = walk(40)
    model = ba.GaussianProcess(K.SHO())
    first = model.fit(data, ba.Laplace(draws=400, restarts=2), seed=1).summary()["mean"]
    other = ba.LightCurve(
        data.time[::-1] * 24.0, data.value[::-1] * 1e3, data.error[::-1] * 1e3, time_unit="h"
    )
    second = model.fit(other, ba.Laplace(draws=400, restarts=2), seed=1).summary()["mean"]
    assert second["period"] == pytest.approx(24 * first["period"], rel=1e-3)
    assert second["sigma"] == pytest.approx(1e3 * first["sigma"], rel=1e-3)
    assert second["quality"] == pytest.approx(first["quality"], rel=1e-3)


def test_repeated_times_and_julian_dates():
    data = walk(40)
    twice = ba.LightCurve(
        np.concatenate([data.time, data.time[:5]]) + 2.45e6,
        np.concatenate([data.value, data.value[:5] + 0.1]),
        np.concatenate([data.error, data.error[:5]]),
    )
    model = ba.GaussianProcess(K.Matern32())
    draws, values = one_draw(model, twice)
    k = K.Matern32().covariance(
        twice.time[:, None] - twice.time, sigma=values["sigma"], scale=values["scale"]
    ) + np.diag(twice.error**2 + values["jitter"] ** 2)
    residual = twice.value - values["offset"]
    _, log_det = np.linalg.slogdet(k)
    expected = log_det + residual @ np.linalg.solve(k, residual) + len(twice) * np.log(2 * np.pi)
    assert float(model.pointwise(draws, twice).sum()) == pytest.approx(-0.5 * expected, rel=1e-8)


def test_evidence_is_that_of_quadrature():
    """Over sigma and tau, with the offset integrated out in both."""
    data = walk(40)
    model = ba.GaussianProcess(K.DampedRandomWalk(), jitter=False)
    problem = model.problem(data, model.resolve_priors(data))
    mode = Mode.of(problem, ba.MAP(restarts=3, max_steps=200), np.random.default_rng(0))
    grid = np.linspace(-8, 8, 161)  # log tau and log(sigma^2 / tau)
    points = mode.point + np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    values = mode.densities(points)
    step = (grid[1] - grid[0]) ** 2
    exact = values.max() + np.log(np.exp(values - values.max()).sum() * step)
    found = model.log_evidence(data)
    assert found["importance_efficiency"] > 0.1
    assert abs(found["log_evidence"] - exact) < 5 * found["log_evidence_error"] + 1e-3


def test_samplers_agree():
    """NUTS and emcee against independent draws, of a walk with a constant and jitter."""
    data = walk(60, tau=4.0, noise=0.3, seed=7)
    model = ba.GaussianProcess(K.DampedRandomWalk())
    runs = {
        "exact": ba.Exact(draws=20_000),
        "nuts": ba.NUTS(draws=2000, tune=1000),
        "emcee": ba.Emcee(steps=2000, tune=1000),
    }
    found = {n: model.fit(data, s, seed=1, progress=False).summary() for n, s in runs.items()}
    exact = found["exact"]
    for sampler, name in itertools.product(("nuts", "emcee"), ("tau", "sigma", "jitter", "offset")):
        other = found[sampler]
        error = np.hypot(exact.loc[name, "mcse"], other.loc[name, "mcse"])
        if name != "tau":  # whose upper tail is long
            assert abs(exact.loc[name, "mean"] - other.loc[name, "mean"]) < 4.5 * error, name
        for q in ("q16", "median", "q84"):
            spread = exact.loc[name, "q84"] - exact.loc[name, "q16"]
            assert abs(exact.loc[name, q] - other.loc[name, q]) < 0.1 * spread, (name, q)


def test_outliers_are_found():
    data = walk(60, noise=0.1, seed=2)
    value = data.value.copy()
    value[[10, 40]] += [4.0, -5.0]
    spoiled = data.replace(value=value)
    model = ba.GaussianProcess(K.DampedRandomWalk(), outliers=True, jitter=False)
    model.fit(spoiled, ba.NUTS(draws=400, tune=600, chains=2), seed=1, progress=False)
    scale = model.posterior["posterior"]["noise_scale"].median(("chain", "draw")).values
    assert set(np.argsort(-scale)[:2]) == {10, 40}
    clean = model.predict(data.time, draws=100)["mean"].mean(("chain", "draw")).values
    assert abs(clean[10] - data.value[10]) < 1.0


def test_a_planet_under_activity():
    """A circular orbit beside a quasi-periodic star."""
    rng = np.random.default_rng(3)
    time = np.sort(rng.uniform(0, 120, 80))
    model = ba.GaussianProcess(
        K.SHO(period=23.0, quality=3.0), mean=ba.means.KeplerOrbit(period=(6.5, 7.5))
    )
    star = K.SHO(sigma=3.0, period=23.0, quality=3.0).covariance(time[:, None] - time)
    value = 4 * np.cos(2 * np.pi * (time - time.mean()) / 7.0 + 1.0)
    value = value + np.linalg.cholesky(star + 1e-6 * np.eye(80)) @ rng.normal(size=80)
    data = ba.LightCurve(time, value + 0.5 * rng.normal(size=80), np.full(80, 0.5))
    model.fit(data, ba.Laplace(restarts=8), seed=1)
    table = model.summary()
    for name, truth in (("semi_amplitude", 4.0), ("orbital_period", 7.0)):
        assert abs(table.loc[name, "mean"] - truth) < 4 * table.loc[name, "sd"]
    assert table.loc["semi_amplitude", "sd"] < 0.5


def test_zero_points_of_instruments_do_not_widen_a_signal():
    """The scale of a mean function's prior is that about the means of its bands."""
    data = walk(60, bands="gr")
    moved = data.replace(value=data.value + 1e4 * (data.band == "r"))
    for mean in (ba.means.KeplerOrbit((1, 2)), ba.means.Harmonics(bands=("r",))):
        expected, found = mean.priors(data), mean.priors(moved)
        assert expected.keys() == found.keys()
        for name, prior in expected.items():
            assert found[name].arguments == pytest.approx(prior.arguments, rel=1e-9)


def test_eccentric_orbits_solve_keplers_equation():
    orbit = ba.means.KeplerOrbit(period=(1, 2), eccentric=True)
    parameters = {
        "orbital_period": 1.3, "velocity_cosine": 1.2, "velocity_sine": 1.6, "h": 0.9, "k": 0.7,
    }  # fmt: skip
    time = np.linspace(0, 1.3, 4001)
    velocity = orbit.evaluate(time, parameters)
    raw = 0.81 + 0.49
    e = raw / (1 + raw)
    assert velocity.max() - velocity.min() == pytest.approx(4.0, rel=1e-5)
    # The mean over an orbit is zero: the star comes back.
    assert np.trapezoid(velocity, time) / 1.3 == pytest.approx(0.0, abs=1e-5)
    omega = np.arctan2(0.7, 0.9)
    assert velocity.max() == pytest.approx(2 * (1 + e * np.cos(omega)), rel=1e-5)


def test_a_mean_function_of_ones_own(tmp_path):
    class Flare:
        def priors(self, data):
            return {"height": ba.Prior("HalfNormal", sigma=10.0)}

        def evaluate(self, time, parameters):
            return parameters["height"] * np.exp(-0.5 * (time / 2.0) ** 2)

    data = walk(60)
    value = data.value + 8 * np.exp(-0.5 * ((data.time - data.time.mean()) / 2.0) ** 2)
    model = ba.GaussianProcess(K.DampedRandomWalk(), mean=Flare())
    model.fit(data.replace(value=value), ba.NUTS(draws=60, tune=60, chains=2), seed=1)
    height = model.posterior["posterior"]["height"].values
    assert abs(height.mean() - 8) < 4 * height.std()
    assert height.std() < 1.5
    model.save(tmp_path / "fit.nc")
    opened = ba.open(tmp_path / "fit.nc")
    with pytest.raises(ValueError, match="set_params"):
        opened.predict()
    opened.set_params(mean=Flare())
    assert opened.predict(draws=4)["signal"].shape == (2, 2, 60)


def test_a_short_light_curve_does_not_measure_tau():
    short = walk(60, tau=300.0, span=100.0, seed=1)
    model = ba.GaussianProcess(K.DampedRandomWalk()).fit(short, ba.Laplace(draws=400), seed=1)
    check = model.diagnose()["tau constrained"]
    assert check.passed is None
    assert "prior" in check.advice
    long = walk(400, tau=2.0, span=400.0, seed=1)
    model.fit(long, ba.Laplace(draws=400), seed=1)
    assert model.diagnose()["tau constrained"].passed


def test_the_wrong_kernel_is_noticed():
    rng = np.random.default_rng(0)
    time = np.arange(200.0)
    value = np.sin(2 * np.pi * time / 9.0) + 0.1 * rng.normal(size=200)
    data = ba.LightCurve(time, value, np.full(200, 0.1))
    model = ba.GaussianProcess(K.DampedRandomWalk()).fit(data, ba.Laplace(draws=400), seed=1)
    assert model.diagnose()["white residuals"].passed is False
    better = ba.GaussianProcess(K.SHO()).fit(data, ba.Laplace(draws=400, restarts=10), seed=1)
    assert better.log_evidence()["log_evidence"] > model.log_evidence()["log_evidence"] + 20


def test_the_default_sampler_suits_the_length():
    exact = ba.GaussianProcess(K.DampedRandomWalk()).fit(walk(50), seed=1)
    assert exact.record["sampler"]["name"] == "Exact"
    assert exact.posterior["posterior"]["tau"].size == 4000
    model = ba.GaussianProcess(K.SHO())
    assert isinstance(model.default_sampler(walk(50))[0], ba.NUTS)
    time = np.arange(30_000.0)
    long = ba.LightCurve(time, np.sin(time), np.ones(30_000))
    sampler, because = model.default_sampler(long)
    assert isinstance(sampler, ba.Laplace)
    assert "30000 points" in because
    long_outliers = ba.GaussianProcess(K.SHO(), outliers=True)
    assert isinstance(long_outliers.default_sampler(long)[0], ba.NUTS)


def test_autocorrelation():
    rng = np.random.default_rng(0)
    white = rng.normal(size=(3, 4000))
    assert np.abs(residuals.autocorrelation(white, 5)).max() < 0.06
    red = white[:, 1:] + white[:, :-1]
    assert residuals.autocorrelation(red, 2)[:, 0] == pytest.approx(0.5, abs=0.06)


def test_spectrum_and_structure_function_are_those_of_every_draw():
    data = walk(60)
    model = ba.GaussianProcess(K.DampedRandomWalk()).fit(data, ba.Laplace(draws=400), seed=1)
    draws = model.posterior["posterior"]
    sigma, tau = (draws[name].values[..., None] for name in ("sigma", "tau"))
    frequency, lag = np.array([0.01, 0.1]), np.array([0.0, 3.0, 1e6])
    power = model.power_spectrum(frequency, draws=400)["power"].values
    expected = 2 * sigma**2 * tau / (1 + (2 * np.pi * frequency * tau) ** 2)
    np.testing.assert_allclose(power, expected, rtol=1e-9)
    found = model.structure_function(lag, draws=400)["structure_function"].values
    np.testing.assert_allclose(found**2, -2 * sigma**2 * np.expm1(-lag / tau), rtol=1e-9)


def test_held_out_stretch_against_the_baselines():
    data = walk(150, tau=15.0, noise=0.1, seed=11)
    hole = (data.time > 40) & (data.time < 55)
    train, test = data[~hole], data[hole]
    models = {
        "process": ba.GaussianProcess(K.DampedRandomWalk()).fit(train, ba.Laplace(), seed=1),
        "likelihood": ba.baselines.MaximumLikelihood(K.DampedRandomWalk()).fit(train),
        "scikit-learn": ba.baselines.GaussianProcessRegressor().fit(train),
        "median": ba.baselines.RunningMedian().fit(train),
    }
    table = ba.compare(models, test)
    assert np.isfinite(table.to_numpy(float)).all()
    assert table.loc["process", "log_score"] > table.loc["median", "log_score"]
    assert abs(table.loc["likelihood", "log_score"] - table.loc["scikit-learn", "log_score"]) < 0.2
    assert table.loc["process", "coverage_95"] > 0.8


def test_maximum_likelihood_is_the_maximum():
    data = walk(60)
    base = ba.baselines.MaximumLikelihood(K.DampedRandomWalk(), jitter=False).fit(data)
    model = ba.GaussianProcess(K.DampedRandomWalk(), jitter=False)
    problem = model.problem(data, model.resolve_priors(data))

    def density(sigma, tau):
        found = process.tables(model.kernel, {"sigma": sigma, "tau": tau}, 1)
        residual = data.value - problem.basis @ problem.centre
        rest = problem.width, problem.curve.time, problem.curve.band, problem.basis
        return passes(found.layout, 1).value(residual, data.error**2, *found.arguments, *rest)[0]

    sigma, tau = (float(base.posterior["posterior"][n].squeeze()) for n in ("sigma", "tau"))
    top = density(sigma, tau)
    for a, b in ((1.01, 1), (0.99, 1), (1, 1.01), (1, 0.99)):
        assert density(a * sigma, b * tau) < top


@pytest.mark.parametrize(
    "model,change,message",
    [
        ({"mean": "parabola"}, {}, "mean='parabola' must be one of"),
        ({"mean": 3}, {}, r"evaluate\(time, parameters\)"),
        ({"jitter": 0.1}, {}, "jitter must be True or False"),
        ({"redshift": -2.0}, {}, "redshift=-2.0"),
        ({"derivative": True}, {}, "has no derivative"),
        ({"lag": (0, 10)}, {}, "lag needs a light curve of several bands"),
        ({"independent": K.SHO()}, {}, "independent needs a light curve of several bands"),
        ({}, {"rows": slice(0, 2)}, "2 points are too few"),
        ({}, {"value": 3.0}, "column 'value' is constant"),
        ({}, {"time": 3.0}, "same time"),
        ({"kernel": K.ExposureIntegrated(K.SHO(), 50.0)}, {}, "exposures must not overlap in part"),
        (
            {"priors": {"offset": ba.Prior("StudentT", nu=3, mu=0, sigma=1)}},
            {},
            "'offset' must be Normal",
        ),
        ({"priors": {"tau": ba.Prior("Normal", mu=0, sigma=1)}}, {}, "admits negative values"),
        ({"priors": {"taus": ba.Prior("HalfNormal", sigma=1)}}, {}, "no parameter 'taus'"),
        ({"priors": {"tau": ba.Prior("HalfNormal", sigma=[1, 2])}}, {}, "2 entries, expected 1"),
    ],
)
def test_bad_input(model, change, message):
    data = walk(30)
    if "rows" in change:
        data = data[change["rows"]]
    for column in ("value", "time"):
        if column in change:
            data = ba.LightCurve(
                **{"time": data.time, "value": data.value, "error": data.error}
                | {column: np.full(30, change[column])}
            )
    with pytest.raises(ValueError, match=message):
        ba.GaussianProcess(**{"kernel": K.DampedRandomWalk()} | model).fit(data)


def test_bad_input_in_several_bands():
    data = walk(30, bands="gr")
    with pytest.raises(ValueError, match="beyond, the bands would not overlap"):
        ba.GaussianProcess(K.DampedRandomWalk(), lag=(0, 1e4)).fit(data)
    with pytest.raises(ValueError, match="lag='x'"):
        ba.GaussianProcess(K.DampedRandomWalk(), lag="x").fit(data)
    flat = data.replace(value=np.where(data.band == "g", 1.0, data.value))
    with pytest.raises(ValueError, match="constant in band 'g'"):
        ba.GaussianProcess(K.DampedRandomWalk()).fit(flat)
    model = ba.GaussianProcess(K.DampedRandomWalk())
    model.fit(data, ba.Laplace(draws=40, restarts=2), seed=1)
    with pytest.raises(ValueError, match="'z' was not fitted"):
        model.predict(ba.LightCurve([1.0, 2], [1.0, 2], [1.0, 1], band=["g", "z"]))
    with pytest.raises(ValueError, match="'band' is missing"):
        model.predict(ba.LightCurve([1.0, 2], [1.0, 2], [1.0, 1]))
    with pytest.raises(ValueError, match="cannot take outliers"):
        ba.GaussianProcess(K.SHO(), outliers=True).fit(walk(30), ba.Laplace())
