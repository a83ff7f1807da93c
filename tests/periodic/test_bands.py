"""Several bands, instruments, and numbers of harmonics averaged over, against dense algebra."""

import numpy as np
import pytest
from samples import pulsating, sinusoid
from scipy.special import logsumexp

import bayes_astro as ba
from bayes_astro.likelihoods.harmonic import (
    draw_coefficients,
    log_evidence,
    log_evidence_by_terms,
    log_evidence_jitter,
    log_evidence_null_jitter,
    project,
)
from bayes_astro.likelihoods.harmonic_grid import log_evidence_grid
from bayes_astro.periodic.frequency_posterior import sample_frequency


def blocks(n, n_blocks, own, *, trend=1, n_terms=3, seed=1, decades=1.0):
    """Arguments of `project`, by name: rows in blocks, errors over decades."""
    rng = np.random.default_rng(seed)
    block = np.sort(np.concatenate([np.arange(n_blocks), rng.integers(0, n_blocks, n - n_blocks)]))
    time = rng.uniform(-50, 50, n)
    error = 10.0 ** rng.uniform(-decades, 0, n)
    value = 3 * np.sin(2 * np.pi * 0.73 * time) * (1 + block) + error * rng.normal(size=n)
    term_sd = np.array([2.0, 1.0, 0.5, 0.3])[:n_terms]
    return {
        "time": time,
        "value": value,
        "variance": error**2,
        "design": np.vander(time / 50, trend + 1, increasing=True),
        "beta_mean": rng.normal(size=(n_blocks, trend + 1)),
        "beta_sd": rng.uniform(1, 5, (n_blocks, trend + 1)),
        "term_sd": term_sd,
        "block": block,
        "own_sd": 0.6 * term_sd if own else (),
        "terms": np.arange(1, n_terms + 1),
        "noise_of": block,
    }


def dense_columns(a, frequency, n_terms):
    """Every column with its prior mean and width: trends of each block, common waves, own waves."""
    columns, mean, sd = [], [], []
    for b in range(a["block"][-1] + 1):
        for j in range(a["design"].shape[1]):
            columns.append(np.where(a["block"] == b, a["design"][:, j], 0))
            mean.append(a["beta_mean"][b, j])
            sd.append(a["beta_sd"][b, j])
    waves = [
        wave(2 * np.pi * frequency * k * a["time"])
        for wave in (np.cos, np.sin)
        for k in range(1, n_terms + 1)
    ]
    columns += waves
    sd += [*a["term_sd"][:n_terms]] * 2
    if len(a["own_sd"]):
        for w, wave in enumerate(waves):
            for b in range(a["block"][-1] + 1):
                columns.append(np.where(a["block"] == b, wave, 0))
                sd.append(a["own_sd"][w % n_terms])
    mean += [0.0] * (len(sd) - len(mean))
    return np.array(columns).T, np.array(mean), np.array(sd)


def dense_log_evidence(a, frequency, n_terms, extra=0.0):
    """Cholesky factor of the N x N covariance, in extended precision where it matters."""
    columns, mean, sd = dense_columns(a, frequency, n_terms)
    scaled = (columns * sd).astype(np.longdouble)
    matrix = scaled @ scaled.T + np.diag(a["variance"] + extra).astype(np.longdouble)
    residual = (a["value"] - columns @ mean).astype(np.longdouble)
    n = len(residual)
    factor, white = np.zeros_like(matrix), np.zeros_like(residual)
    for j in range(n):
        column = matrix[j:, j] - factor[j:, :j] @ factor[j, :j]
        factor[j:, j] = column / np.sqrt(column[0])
        white[j] = (residual[j] - factor[j, :j] @ white[:j]) / factor[j, j]
    log_determinant = 2 * np.log(np.diag(factor)).sum()
    return float(-0.5 * (white @ white + log_determinant + n * np.log(2 * np.pi)))


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("n_blocks", [1, 2, 5])
def test_log_evidence_equals_dense_cholesky(own, n_blocks):
    a = blocks(14 * n_blocks + 30, n_blocks, own, seed=n_blocks)
    problem = project(**a)
    frequency = np.array([0.0013, 0.73, 1.9])
    found = log_evidence_by_terms(problem, frequency)
    expected = [[dense_log_evidence(a, f, k) for k in a["terms"]] for f in frequency]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    averaged = logsumexp(found, axis=1) - np.log(3)
    np.testing.assert_allclose(log_evidence(problem, frequency), averaged, rtol=0, atol=1e-8)


@pytest.mark.parametrize("own", [False, True])
def test_jitter_of_each_band(own):
    a = blocks(60, 3, own)
    problem = project(**a)
    jitter = np.array([[0.3, 0.0, 1.2], [0.3, 0.0, 1.2], [0.1, 2.0, 0.0]])
    frequency = np.array([0.73, 0.2, 1.1])
    found = log_evidence_jitter(problem, frequency, jitter)
    for i in range(3):
        extra = jitter[i][a["block"]] ** 2
        each = np.array([dense_log_evidence(a, frequency[i], k, extra) for k in a["terms"]])
        expected = logsumexp(each) - np.log(3)
        assert found[i] == pytest.approx(expected, abs=1e-7)
    null = log_evidence_null_jitter(problem, jitter)
    assert null[0] == pytest.approx(
        dense_log_evidence(a, 0.1, 0, jitter[0][a["block"]] ** 2), abs=1e-8
    )


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize(("n_blocks", "decades"), [(3, 1.0), (2, 6.0)])
def test_grid_equals_direct_sums(own, n_blocks, decades):
    """Also with errors over six decades, where a few rows weigh as much as all others."""
    a = blocks(90 * n_blocks, n_blocks, own, decades=decades)
    problem = project(**a)
    first, step, count = 0.01, 3e-4, 20_000
    grid = log_evidence_grid(problem, first, step, count, 1e-3)
    some = np.random.default_rng(3).integers(0, count, 1500)
    direct = log_evidence(problem, first + step * some)
    limit = max(1e-3, 2e-11 * problem.chi_square)
    np.testing.assert_allclose(grid[some], direct, rtol=0, atol=limit)


def test_bands_with_nothing_in_common_add_up():
    a = blocks(120, 3, own=True)
    a["own_sd"] = a["term_sd"]
    together = project(**(a | {"term_sd": 1e-9 * a["term_sd"], "terms": [3]}))
    frequency = np.array([0.2, 0.73, 1.7])
    alone = 0.0
    for b in range(3):
        rows = a["block"] == b
        columns = {name: a[name][rows] for name in ("time", "value", "variance", "design")}
        one = project(
            **columns, beta_mean=a["beta_mean"][b], beta_sd=a["beta_sd"][b], term_sd=a["term_sd"]
        )
        alone = alone + log_evidence(one, frequency)
    np.testing.assert_allclose(log_evidence(together, frequency), alone, rtol=0, atol=1e-7)


def test_bands_with_all_in_common_are_instruments():
    a = blocks(120, 3, own=True)
    near = project(**(a | {"own_sd": 1e-6 * a["term_sd"]}))
    same = project(**(a | {"own_sd": ()}))
    frequency = np.array([0.2, 0.73, 1.7])
    np.testing.assert_allclose(
        log_evidence(near, frequency), log_evidence(same, frequency), rtol=0, atol=5e-3
    )


@pytest.mark.parametrize("own", [False, True])
def test_coefficients_follow_the_conjugate_gaussian(own):
    a = blocks(40, 3, own)
    problem = project(**a)
    columns, mean, sd = dense_columns(a, 0.73, 2)
    precision = columns.T @ (columns / a["variance"][:, None]) + np.diag(sd**-2.0)
    covariance = np.linalg.inv(precision)
    expected = covariance @ (columns.T @ (a["value"] / a["variance"]) + mean / sd**2)
    size = 3 * 2 + 6 * (1 + 3 * own)
    normals = np.vstack([np.zeros(size), np.eye(size)])
    count = np.full(size + 1, 2)
    drawn = draw_coefficients(problem, np.full(size + 1, 0.73), normals, number=count)
    assert not drawn.cosine[:, 2].any()
    assert not drawn.own_sine[..., 2:].any()
    parts = [drawn.trend, drawn.cosine[:, :2], drawn.sine[:, :2]]
    if own:
        parts += [part[..., :2].transpose(0, 2, 1) for part in (drawn.own_cosine, drawn.own_sine)]
    draws = np.hstack([part.reshape(size + 1, -1) for part in parts])
    np.testing.assert_allclose(draws[0], expected, rtol=1e-7, atol=1e-8)
    root = draws[1:] - draws[0]
    np.testing.assert_allclose(root.T @ root, covariance, rtol=1e-6, atol=1e-9)


def test_a_model_says_what_project_is_told():
    """From a light curve in bands, with a trend, to log Z(f): as of its graph's own columns."""
    data = pulsating(n=50)
    for settings in ({"amplitude": True, "spread": 0.8}, {"amplitude": False}):
        model = ba.Periodogram(2, period=(0.3, 2), trend=1, jitter=True, **settings)
        priors = model.resolve_priors(data)
        problem = model.problem(data, priors)
        sigma = np.array(priors["amplitude"].arguments["sigma"])
        common = sigma / np.sqrt(1 + 0.8**2) if settings["amplitude"] else sigma
        band = np.searchsorted(("g", "i", "r"), data.band)
        time = data.time - data.time.mean()
        slope = np.array(priors["trend"].arguments["sigma"])
        mean = np.array(priors["offset"].arguments["mu"])[band]
        same = (band[:, None] == band).astype(float)
        slopes = np.outer(time, time) * slope**2
        matrix = np.diag(data.error**2 + np.array([0.1, 0.0, 0.3])[band] ** 2)
        matrix += priors["offset"].arguments["sigma"] ** 2 * same
        matrix += slopes * same if settings["amplitude"] else slopes
        for k in (1, 2):
            for wave in (np.cos, np.sin):
                x = wave(2 * np.pi * 1.639 * k * time)
                own = 0.64 * same if settings["amplitude"] else 0.0
                matrix += common[k - 1] ** 2 * np.outer(x, x) * (1 + own)
        from scipy.stats import multivariate_normal

        expected = multivariate_normal(mean, matrix).logpdf(data.value)
        found = log_evidence_jitter(problem.projected(), [1.639], [[0.1, 0.0, 0.3]])[0]
        assert found == pytest.approx(expected, abs=1e-6)


def test_several_jitters_equal_a_quadrature():
    """Two instruments: frequency and both jitters on a grid."""
    rng = np.random.default_rng(4)
    n = 40
    time, band = np.sort(rng.uniform(-6, 6, n)), np.arange(n) % 2
    error = rng.uniform(0.5, 1.0, n)
    value = 1.2 * np.sin(2 * np.pi * 1.217 * time) + np.hypot(error, 0.8 * band) * rng.normal(
        size=n
    )
    levels = (band[:, None] == [0, 1]).astype(float)
    problem = project(time, value, error**2, levels, [0.0, 0.0], [5.0, 5.0], [1.5], noise_of=band)
    priors = [ba.Prior("HalfNormal", sigma=s).log_density for s in (1.0, 2.0)]
    found = sample_frequency(problem, 0.5, 2.0, False, 4000, np.random.default_rng(1), priors)
    frequency = np.linspace(0.5, 2.0, 301)
    jitter = np.linspace(0.0, 3.2, 41)
    mesh = np.stack(np.meshgrid(jitter, jitter, indexing="ij"), axis=-1).reshape(-1, 2)
    pairs = np.repeat(mesh, len(frequency), axis=0)
    height = log_evidence_jitter(problem, np.tile(frequency, len(mesh)), pairs)
    height = (
        height.reshape(len(mesh), -1) + (priors[0](mesh[:, 0]) + priors[1](mesh[:, 1]))[:, None]
    )
    peak = height.max()
    cube = np.exp(height - peak).reshape(41, 41, 301)
    total = np.trapezoid(np.trapezoid(np.trapezoid(cube, frequency), jitter), jitter)
    assert found.log_evidence == pytest.approx(peak + np.log(total / 1.5), abs=0.02)
    for axis in (0, 1):
        others = np.trapezoid(np.trapezoid(cube, frequency), jitter, axis=1 - axis)
        mean = np.trapezoid(others * jitter, jitter) / np.trapezoid(others, jitter)
        sd = found.jitter[:, axis].std()
        assert found.jitter[:, axis].mean() == pytest.approx(mean, abs=0.1 * sd)
    null = log_evidence_null_jitter(problem, mesh) + priors[0](mesh[:, 0]) + priors[1](mesh[:, 1])
    square = np.exp(null - null.max()).reshape(41, 41)
    expected = null.max() + np.log(np.trapezoid(np.trapezoid(square, jitter), jitter))
    assert found.log_evidence_null == pytest.approx(expected, abs=0.01)
    assert found.importance_efficiency > 0.6


FIT = []


def fitted():
    """A fit with all defaults but the range, shared."""
    if not FIT:
        model = ba.Periodogram(period=(0.3, 2))
        FIT.append(model.fit(pulsating(n=120), ba.Exact(draws=800), seed=1, progress=False))
    return FIT[0]


def test_defaults_of_several_bands():
    model = fitted()
    posterior = model.posterior["posterior"]
    assert posterior["amplitude"].dims == ("chain", "draw", "band", "term")
    assert list(posterior["band"].values) == ["g", "i", "r"]
    assert float(posterior["period"].mean()) == pytest.approx(0.61, abs=1e-4)
    evidence = model.posterior["evidence"]
    assert list(evidence["n_terms"].values) == [1, 2, 3, 4]
    assert float(evidence["probability"].sum()) == pytest.approx(1.0)
    assert float(evidence["probability"].sel(n_terms=2)) > 0.9
    number = posterior["harmonics"].values
    absent = posterior["term"].values > number[..., None, None]
    assert (
        not posterior["amplitude"]
        .values[np.broadcast_to(absent, posterior["amplitude"].shape)]
        .any()
    )
    assert np.mean(number == 2) == pytest.approx(
        float(evidence["probability"].sel(n_terms=2)), abs=0.05
    )
    ratio = posterior["amplitude"].sel(term=1).mean(("chain", "draw"))
    np.testing.assert_allclose(ratio, [0.5, 0.3, 0.4], atol=0.05)  # of bands g, i, r
    assert model.diagnose(), model.diagnose()


def test_predictions_of_several_bands():
    model = fitted()
    ahead = model.predict([70.0, 70.1], draws=50)
    assert list(ahead["band"].values) == ["g", "g", "i", "i", "r", "r"]
    assert ahead["signal"].shape[-1] == 6
    chosen = model.data[:7]
    there = model.predict(chosen, draws=50)
    np.testing.assert_allclose(there["signal"].mean(("chain", "draw")), chosen.value, atol=0.25)
    with pytest.raises(ValueError, match="'y' was not fitted"):
        model.predict(chosen.replace(band=["y"] * 7))


def test_names_and_order_of_bands_change_nothing():
    model, data = fitted(), pulsating(n=120)
    renamed = data.replace(band=np.array([{"g": "z", "r": "b", "i": "a"}[b] for b in data.band]))
    other = ba.Periodogram(period=(0.3, 2)).fit(renamed, ba.Exact(draws=800), seed=1)
    values = [m.posterior["evidence"]["log_evidence"].item() for m in (model, other)]
    assert values[0] == pytest.approx(values[1], abs=0.1)
    far = data.replace(time=data.time + 2450000.0, value=1000 * data.value, error=1000 * data.error)
    third = ba.Periodogram(period=(0.3, 2)).fit(far, ba.Exact(draws=800), seed=1)
    shift = third.posterior["evidence"]["log_evidence"].item() + 120 * np.log(1000)
    assert shift == pytest.approx(values[0], abs=0.1)


def test_odd_bands():
    """A band with one point, two bands at the same times, two equal values, one band by name."""
    data = pulsating(n=60)
    lone = data.replace(band=np.where(np.arange(60) == 7, "u", data.band))
    model = ba.Periodogram(2, period=(0.3, 2)).fit(lone, ba.Exact(draws=400), seed=1)
    assert float(model.posterior["posterior"]["period"].mean()) == pytest.approx(0.61, abs=1e-3)
    twice = ba.LightCurve(
        np.repeat(data.time[:40], 2), np.repeat(data.value[:40], 2) + np.tile([0, 1.0], 40),
        np.repeat(data.error[:40], 2), band=["g", "r"] * 40,
    )  # fmt: skip
    ba.Periodogram(1, period=(0.3, 2)).fit(twice, ba.Exact(draws=400), seed=1)
    single = sinusoid(band=["V"] * 60)
    named = ba.Periodogram(period=(2, 20)).fit(single, ba.Exact(draws=400), seed=1)
    plain = ba.Periodogram(period=(2, 20)).fit(sinusoid(), ba.Exact(draws=400), seed=1)
    assert "band" not in named.posterior["posterior"].dims
    np.testing.assert_array_equal(
        named.posterior["posterior"]["period"], plain.posterior["posterior"]["period"]
    )


def test_averaging_needs_exact_draws():
    with pytest.raises(ValueError, match="averaged over by ba.Exact"):
        ba.Periodogram((1, 2), period=(2, 20)).fit(sinusoid(), ba.NUTS(draws=20, tune=20))


def test_the_number_of_harmonics_is_calibrated():
    """Of data sets given probability p to have two harmonics, a share p has."""
    design = sinusoid(n=40, noise=1.0, span=20.0)
    model = ba.Periodogram((1, 2), period=(1, 10))
    priors = model.resolve_priors(design)
    given, true = [], []
    for k in range(300):
        data, truth = model.simulate(design, k, priors=priors)
        problem = model.problem(data, priors)
        found, _ = problem.search(50, np.random.default_rng(k))
        given.append(found.probability[1])
        true.append(int(truth["harmonics"]) == 2)
    given, true = np.array(given), np.array(true)
    assert np.std(given) > 0.15  # the data say something
    for low, high in ((0, 0.4), (0.4, 0.6), (0.6, 1.01)):
        inside = (given >= low) & (given < high)
        sd = np.sqrt(np.sum(given[inside] * (1 - given[inside])))
        assert abs(np.sum(true[inside] - given[inside])) < 3.3 * sd


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bands", "instruments"])
def test_calibration(kind):
    settings = {
        "bands": {"n_terms": (1, 2)},
        "instruments": {"n_terms": 1, "amplitude": False, "trend": 1},
    }
    design = pulsating(n=45, noise=0.4, span=8.0, bands="gr")
    model = ba.Periodogram(period=(0.4, 2), **settings[kind])
    found = ba.calibrate(model, design, n=300, seed=5, sampler=ba.Exact(draws=400), progress=False)
    assert found, found


def test_jitters_of_a_strong_signal_are_those_at_its_peak():
    """Beside a narrow peak more noise seems to be there: the jitters have to be looked for upon it."""
    data = pulsating(n=120, noise=0.003, span=3000.0, bands="gr", seed=1)
    model = ba.Periodogram(2, period=(0.55, 0.7))
    priors = model.resolve_priors(data)
    problem = model.problem(data, priors)
    found, _ = problem.search(400, np.random.default_rng(1))
    assert found.importance_efficiency > 0.6
    projected, log_prior = problem.projected(), priors["jitter"].log_density
    centre, width = found.frequency.mean(), found.frequency.std()

    def height(u):
        jitter = np.abs(u[1:]) * 0.003
        at = log_evidence_jitter(projected, [centre + width * u[0]], [jitter])[0]
        return at + log_prior(jitter).sum() - np.log(1 / 0.55 - 1 / 0.7)

    # Laplace's method by hand: one jitter after the other on a grid, the frequency by its own width.
    u = np.array([0.0, 0.1, 0.1])
    steps = np.linspace(0, 3, 301)
    for _ in range(4):
        for j in (1, 2):
            trial = [height(np.where(np.arange(3) == j, s, u)) for s in steps]
            u[j] = steps[int(np.argmax(trial))]
    log_mass = height(u)
    for j, grid in enumerate([np.linspace(-6, 6, 121), steps, steps]):
        profile = np.array([height(np.where(np.arange(3) == j, s, u)) for s in grid])
        scale = width if j == 0 else 0.003
        log_mass += np.log(np.trapezoid(np.exp(profile - height(u)), grid) * scale)
    assert found.log_evidence == pytest.approx(log_mass, abs=0.3)


def test_the_baseline_fits_every_band_by_itself():
    """Amplitudes, phases and errors of least squares in one band alone, at the frequency of all."""
    data = pulsating(n=90, seed=3)
    fit = ba.baselines.LombScargle(n_terms=2, period=(0.3, 2)).fit(data)
    posterior, estimate = fit.posterior["posterior"], fit.posterior["estimate"]
    frequency = posterior["frequency"].item()
    assert frequency == pytest.approx(1 / 0.61, abs=1e-3)
    time = data.time - data.time.mean()
    for band in "gri":
        rows = data.band == band
        angle = 2 * np.pi * frequency * np.outer(time[rows], [1, 2])
        design = np.column_stack([np.ones(rows.sum()), np.cos(angle), np.sin(angle)])
        white = design / data.error[rows, None]
        solution = np.linalg.lstsq(white, data.value[rows] / data.error[rows], rcond=None)[0]
        sd = np.sqrt(np.diag(np.linalg.inv(white.T @ white)))
        own = {name: posterior[name].sel(band=band).squeeze() for name in ("offset", "amplitude")}
        assert own["offset"].item() == pytest.approx(solution[0], rel=1e-6)
        np.testing.assert_allclose(
            own["amplitude"], np.hypot(solution[1:3], solution[3:]), rtol=1e-5
        )
        errors = np.sqrt(0.5 * (sd[1:3] ** 2 + sd[3:] ** 2))
        np.testing.assert_allclose(
            estimate["amplitude"].sel(band=band).squeeze(), errors, rtol=1e-5
        )
