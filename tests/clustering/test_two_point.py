"""The posterior of a correlation function: closed forms, quadrature, simulated point processes."""

import numpy as np
import pytest
from astropy import units as u
from point_processes import pairs_of_points, thomas, thomas_xi
from samples import by_hand, pairs
from scipy import integrate, stats

import bayes_astro as ba
from bayes_astro.clustering.correlation_form import BASIS, Form
from bayes_astro.clustering.estimates import Scatter

QUICK = ba.Laplace(draws=1000)
BOX = ([0, 0], [1, 1])


def fitted(counts, sampler=QUICK, **settings):
    return ba.TwoPointCorrelation(**{"smooth": False} | settings).fit(
        counts, sampler, seed=1, progress=False
    )


def failed(model):
    return {check.name for check in model.diagnose().failures()}


# The form -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "density"),
    [
        ("line", lambda r: 1.0),
        ("plane", lambda r: r),
        ("space", lambda r: r * r),
        ("angular", lambda r: np.sin(np.radians(r))),
    ],
)
def test_bins_hold_the_mean_over_their_pairs(kind, density):
    data = ba.PairCounts([0.5, 2], [2.0, 30], [0.3, 0.1], [0.1, 0.1], kind=kind)
    form = Form(data, 3.0)
    found = form.expected({"amplitude": 1.5, "gamma": 1.3, "offset": 0.2})
    for k, (low, high) in enumerate(((0.5, 2), (2, 30))):
        top = integrate.quad(lambda r: 1.5 * (r / 3) ** -1.3 * density(r), low, high)[0]
        whole = integrate.quad(density, low, high)[0]
        assert found[k] == pytest.approx(top / whole - 0.2, rel=1e-5)


def test_sines_are_a_matern_process_but_for_its_line():
    """Their covariance is that of nu = 5/2 less what a line takes, by another projection."""
    data = pairs()
    form = Form(data, 3.0)
    x = form.nodes.ravel()
    length = 1.2
    k = np.sqrt(5) / length
    spectrum = 16 / 3 * k**5 / (k**2 + form.frequencies**2) ** 3
    basis = form.basis(x)
    found = basis * spectrum @ basis.T
    s = np.sqrt(5) * np.abs(np.subtract.outer(x, x)) / length
    matern = (1 + s + s**2 / 3) * np.exp(-s)
    design = np.column_stack([np.ones_like(x), x])
    project = np.eye(len(x)) - design @ np.linalg.pinv(design)
    assert np.abs(found - project @ matern @ project).max() < 0.02
    assert np.abs(design.T @ basis).max() < 1e-9


def test_the_pivot_makes_amplitude_and_slope_independent():
    data = pairs()
    model = fitted(data)
    draws = model.posterior["posterior"]
    correlation = np.corrcoef(
        np.log(draws["amplitude"].values.ravel()), draws["gamma"].values.ravel()
    )
    assert abs(correlation[0, 1]) < 0.5
    moved = data.replace(estimate=3 * data.estimate)
    assert Form(moved).pivot == Form(data).pivot == float(model.posterior["form"]["pivot"])


# The scatter of estimates ---------------------------------------------------------------------


def test_scatter_is_the_multivariate_t_of_a_jackknife():
    data = pairs()
    scatter, rng = Scatter(data), np.random.default_rng(0)
    residual = rng.standard_normal((5, 8)) * data.error
    shape = data.covariance * 23 / (24 - 8)
    expected = stats.multivariate_t(np.zeros(8), shape, df=24 - 8).logpdf(residual)
    assert np.allclose(scatter.log_density(residual), expected, rtol=1e-10)
    assert np.allclose(scatter.log_densities(residual).sum(axis=-1), expected, rtol=1e-10)
    draws = scatter.draw((40_000,), rng)
    variance = shape * 16 / 14
    assert np.allclose(np.cov(draws.T) / np.sqrt(np.outer(*[np.diag(variance)] * 2)),
                       variance / np.sqrt(np.outer(*[np.diag(variance)] * 2)), atol=0.05)  # fmt: skip
    scores = scatter.scores(draws[:2000])
    assert stats.kstest(scores.ravel(), "norm").pvalue > 1e-3
    assert np.abs(np.corrcoef(scores.T) - np.eye(8)).max() < 0.1


def test_scatter_of_a_known_covariance_is_normal():
    data = pairs().replace(method="given", patches=0, by_patch=None)
    scatter = Scatter(data)
    residual = np.random.default_rng(0).standard_normal((5, 8)) * data.error
    expected = stats.multivariate_normal(np.zeros(8), data.covariance).logpdf(residual)
    assert np.allclose(scatter.log_density(residual), expected, rtol=1e-10)
    assert np.allclose(scatter.log_densities(residual).sum(axis=-1), expected, rtol=1e-10)


# The posterior --------------------------------------------------------------------------------


def test_posterior_is_that_of_quadrature():
    """Amplitude and slope on a grid, with SciPy's multivariate t and an integral of its own."""
    data = pairs()
    model = fitted(data, ba.NUTS(draws=1000, tune=500), pivot=5.0)
    amplitude, gamma = np.linspace(0.4, 1.8, 90), np.linspace(1.2, 2.3, 80)
    whole = (data.upper**3 - data.lower**3) / 3
    power = 3 - gamma[:, None]
    unit = 5 ** gamma[:, None] * (data.upper**power - data.lower**power) / power / whole
    shape = data.covariance * 23 / 16
    law = stats.multivariate_t(data.estimate, shape, df=16)
    sigma = float(model.resolve_priors(data)["amplitude"].arguments["sigma"])
    density = law.logpdf(amplitude[:, None, None] * unit)
    density += stats.halfnorm(0, sigma).logpdf(amplitude)[:, None]
    density += stats.lognorm(0.7, scale=1.8).logpdf(gamma)
    weight = np.exp(density - density.max())
    weight /= weight.sum()
    table = model.summary()
    for name, grid, axis in (("amplitude", amplitude, 1), ("gamma", gamma, 0)):
        marginal = weight.sum(axis=axis)
        mean = marginal @ grid
        sd = np.sqrt(marginal @ (grid - mean) ** 2)
        assert table.loc[name, "mean"] == pytest.approx(mean, abs=0.12 * sd)
        assert table.loc[name, "sd"] == pytest.approx(sd, rel=0.1)
    evidence = model.log_evidence()
    cell = (amplitude[1] - amplitude[0]) * (gamma[1] - gamma[0])
    assert evidence["log_evidence"] == pytest.approx(
        density.max() + np.log(np.exp(density - density.max()).sum() * cell), abs=0.03
    )
    r0 = model.posterior["posterior"]["r0"].values
    drawn = model.posterior["posterior"]
    assert np.allclose(r0, 5 * drawn["amplitude"].values ** (1 / drawn["gamma"].values))


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{"smooth": False}, {"smooth": True, "offset": True}])
def test_two_samplers_agree(settings):
    data = pairs()
    one = fitted(data, ba.NUTS(draws=1500, tune=500), **settings).summary()
    other = fitted(data, ba.Emcee(), **settings).summary()
    for name in ("amplitude", "gamma", *(("smooth_sigma", "offset") if settings["smooth"] else ())):
        error = np.hypot(one.loc[name, "mcse"], other.loc[name, "mcse"])
        assert (
            abs(one.loc[name, "mean"] - other.loc[name, "mean"])
            < 4 * error + 0.01 * one.loc[name, "sd"]
        ), name


@pytest.mark.slow
def test_a_power_law_is_calibrated():
    design = pairs()
    found = ba.calibrate(
        ba.TwoPointCorrelation(smooth=False), design, n=200,
        sampler=ba.NUTS(draws=250, tune=300, chains=2), progress=False,
    )  # fmt: skip
    assert found, found


@pytest.mark.calibration
def test_a_bent_one_is_calibrated():
    found = ba.calibrate(
        ba.TwoPointCorrelation(offset=True), pairs(), n=200,
        sampler=ba.NUTS(draws=250, tune=400, chains=2, target_accept=0.95), progress=False,
    )  # fmt: skip
    assert found, found


def covered(count, patches, sampler=QUICK, **settings):
    """Shares of simulations whose 68 and 95% intervals hold the slope and the amplitude."""
    edges, inside = np.geomspace(0.002, 0.025, 7), []
    for seed in range(count):
        points, amplitude = pairs_of_points(500, 1.4, 0.001, 0.03, seed=seed)
        randoms = np.random.default_rng(seed + 10_000).uniform(size=(8_000, 2))
        counts = ba.PairCounts.from_positions(points, randoms, edges, kind="plane", patches=patches)
        model = fitted(counts, sampler, pivot=0.01, **settings)
        drawn = model.posterior["posterior"]
        truth = {"gamma": 1.4, "amplitude": amplitude * 0.01**-1.4}
        inside.append([float((drawn[name] < value).mean()) for name, value in truth.items()])
    off = np.abs(np.array(inside) - 0.5)
    return np.mean(off < 0.34, axis=0), np.mean(off < 0.475, axis=0)


@pytest.mark.slow
def test_a_power_law_of_points_is_covered():
    """30 simulations: the binomial's 99.9%."""
    narrow, wide = covered(30, 40)
    assert (narrow > stats.binom(30, 0.68).ppf(5e-4) / 30).all()
    assert (wide > stats.binom(30, 0.95).ppf(5e-4) / 30).all()


@pytest.mark.calibration
@pytest.mark.parametrize("smooth", [False, True])
def test_a_power_law_of_points_is_covered_in_100_simulations(smooth):
    sampler = ba.NUTS(draws=300, tune=300, target_accept=0.95)
    narrow, wide = covered(100, 40, sampler, smooth=smooth)
    for share, level in ((narrow, 0.68), (wide, 0.95)):
        low, high = stats.binom(100, level).ppf([5e-4, 1 - 5e-4]) / 100
        assert ((share >= low) & (share <= high)).all()


def test_clusters_are_no_power_law_and_a_smooth_form_follows_them():
    """A Thomas process, whose xi is Gaussian: seen as a misfit, and recovered with smooth=True."""
    parents, width = 150, 0.02
    randoms = ba.PairCounts.randoms_in(*BOX, 20_000, seed=3)
    points = thomas(parents, 20, width, seed=2)
    edges = np.geomspace(0.004, 0.05, 9)
    counts = ba.PairCounts.from_positions(points, randoms, edges, kind="plane", patches=50)
    assert "power law" in failed(fitted(counts))
    model = fitted(counts, ba.NUTS(draws=500, tune=500, target_accept=0.95), smooth=True)
    at = np.geomspace(0.006, 0.045, 6)
    xi = model.predict(at)["signal"].values.reshape(-1, 6)
    truth = thomas_xi(at, parents, width)
    low, high = np.quantile(xi, [0.005, 0.995], axis=0)
    assert ((truth > low) & (truth < high)).all()
    assert not failed(model) & {"goodness of fit", "white residuals"}
    assert model.diagnose()["power law"].passed is None


# What can go wrong ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clustered():
    points, _ = pairs_of_points(2000, 1.6, 0.001, 0.15, seed=7)
    return points, ba.PairCounts.randoms_in(*BOX, 20_000, seed=5), np.geomspace(0.004, 0.1, 8)


@pytest.mark.parametrize("stretch", [[2, 1], [0.7, 1]])
def test_random_points_of_another_footprint_are_seen(clustered, stretch):
    points, randoms, edges = clustered
    assert "footprint of the random points" not in failed(
        fitted(ba.PairCounts.from_positions(points, randoms, edges, kind="plane"))
    )
    counts = ba.PairCounts.from_positions(points, randoms * stretch, edges, kind="plane")
    assert "footprint of the random points" in failed(fitted(counts))


def test_repeats_and_few_random_points_are_said(clustered):
    points, randoms, edges = clustered
    some = np.concatenate([points, points[:10]])
    counts = ba.PairCounts.from_positions(some, randoms[:3000], edges, kind="plane")
    found = fitted(counts).diagnose()
    assert found["repeated positions"].passed is None
    assert found["random points"].passed is False


def test_errors_that_are_half_are_seen(clustered):
    points, randoms, edges = clustered
    counts = ba.PairCounts.from_positions(points, randoms, edges, kind="plane")
    half = counts.replace(
        covariance=counts.covariance / 4, method="given", patches=0, by_patch=None
    )
    assert "errors above Poisson noise" in failed(fitted(half))
    assert "errors above Poisson noise" not in failed(fitted(counts))


def test_analytic_errors_and_few_patches_are_said(clustered):
    points, randoms, edges = clustered
    analytic = ba.PairCounts.from_positions(
        points, randoms, edges, kind="plane", covariance="analytic"
    )
    assert fitted(analytic).diagnose()["covariance of the bins"].passed is None
    few = ba.PairCounts.from_positions(points, randoms, edges, kind="plane", patches=11)
    assert fitted(few).diagnose()["patches"].passed is None


def test_a_broken_power_law_is_seen_and_one_that_is_not_is_not():
    edges = np.geomspace(0.1, 30, 13)
    middle = np.sqrt(edges[1:] * edges[:-1])
    law = (middle / 5) ** -1.4
    broken = law * np.where(middle < 2, (middle / 2) ** -0.6, 1)
    alarms = 0
    for seed in range(30):
        noise = 1 + 0.05 * np.random.default_rng(seed).standard_normal(12)
        straight = ba.PairCounts(edges[:-1], edges[1:], law * noise, 0.05 * law)
        alarms += bool(failed(fitted(straight)))
        if seed < 3:
            bent = ba.PairCounts(edges[:-1], edges[1:], broken * noise, 0.05 * broken)
            assert "power law" in failed(fitted(bent))
    assert alarms <= 2


def test_an_integral_constraint_is_seen_and_fitted():
    """What is taken off estimates of a small field, where xi goes on to its size."""
    away = np.geomspace(0.02, 1.4, 24)
    share = away**2 / np.sum(away**2)
    edges = np.geomspace(0.01, 0.3, 11)
    middle = np.sqrt(edges[1:] * edges[:-1])
    taken = float(np.sum(share * 0.02 * away**-0.8))
    rng = np.random.default_rng(4)
    error = 0.05 * 0.02 * middle**-0.8
    estimate = 0.02 * middle**-0.8 - taken + error * rng.standard_normal(10)
    counts = ba.PairCounts(
        edges[:-1],
        edges[1:],
        estimate,
        error,
        kind="angular",
        field_separation=away,
        field_share=share,
    )
    wrong = fitted(counts)
    assert "integral constraint" in failed(wrong)
    assert abs(wrong.summary().loc["gamma", "mean"] - 0.8) > 3 * wrong.summary().loc["gamma", "sd"]
    right = fitted(counts, ba.NUTS(draws=500, tune=500), offset=True)
    table = right.summary()
    assert abs(table.loc["gamma", "mean"] - 0.8) < 3 * table.loc["gamma", "sd"]
    assert abs(table.loc["offset", "mean"] - taken) < 3 * table.loc["offset", "sd"]
    lowered = right.predict()["signal"].mean(("chain", "draw")).values
    plain = right.predict(middle)["signal"].mean(("chain", "draw")).values
    assert (lowered < plain).all()


def test_slopes_that_the_prior_decides_are_said():
    rng = np.random.default_rng(2)
    edges = np.geomspace(1, 20, 7)
    noise = ba.PairCounts(edges[:-1], edges[1:], 0.1 * rng.standard_normal(6), np.full(6, 0.1))
    found = fitted(noise, ba.NUTS(draws=300, tune=300)).diagnose()
    assert found["the data decide the slope"].passed is False


def test_few_pairs_are_said():
    data = pairs(expected=np.array([2.0, *[100] * 7]))
    data = data.replace(estimate=np.minimum(data.estimate, 1.0))
    model = ba.TwoPointCorrelation(smooth=False)
    by_hand(model, data, fitted(pairs()).posterior["posterior"].to_dataset())
    check = model.diagnose()["pairs in each bin"]
    assert check.passed is False and "from 0.5 to" in check.advice


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pivot": 0.0}, "pivot=0.0 must be a separation > 0, or None"),
        ({"pivot": "near"}, "pivot='near' must be a separation"),
        ({"pivot": 3 * u.deg}, "pivot=3.0 deg cannot be converted to 'Mpc'"),
        ({"smooth": 1}, "smooth must be True or False"),
        ({"offset": None}, "offset must be True or False"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ba.TwoPointCorrelation(**settings).fit(pairs())
    if "pivot" in settings:
        with pytest.raises(ValueError, match=message):
            ba.baselines.LandySzalay(**settings).fit(pairs())


def test_too_few_bins_are_refused():
    with pytest.raises(
        ValueError, match="3 bins are too few for a correlation function: at least 4"
    ):
        ba.TwoPointCorrelation().fit(pairs()[:3])
    with pytest.raises(ValueError, match="at least 5"):
        ba.TwoPointCorrelation(offset=True).fit(pairs()[:4])


def test_predictions_at_separations():
    data = pairs()
    model = fitted(data, ba.NUTS(draws=100, tune=200, chains=2), smooth=True)
    at = np.array([1.0, 5.0])
    one = model.predict(at)["signal"]
    assert np.array_equal(one, model.predict(at / 1000 * u.Gpc)["signal"])
    draws = model.posterior["posterior"]
    values = {str(name): draws[name].values[0, 7] for name in draws.data_vars}
    x = np.log(at / float(model.posterior["form"]["pivot"]))
    assert np.allclose(one.values[0, 7], Form(data).at(values, x))
    assert len(values["bend"]) == BASIS
    for wrong in (-1.0, [0.0], [[1.0]], [np.nan]):
        with pytest.raises(ValueError, match="separations > 0"):
            model.predict(wrong)
    with pytest.raises(ValueError, match=r"the smooth form is known from .* extrapolates"):
        model.predict([1e4])
    assert fitted(data).predict([1e4])["signal"].values.max() < 1e-3


def test_bootstrap_errors_are_those_of_the_patches():
    """Of the amplitude at a slope that the bins hardly know: the scatter of its pseudo-values."""
    data = pairs(patches=200)
    found = ba.baselines.LandySzalay(resamples=400).fit(data).summary()
    bayes = fitted(data).summary()
    for name in ("amplitude", "gamma"):
        assert found.loc[name, "sd"] == pytest.approx(bayes.loc[name, "sd"], rel=0.5)
        assert abs(found.loc[name, "mean"] - bayes.loc[name, "mean"]) < 2.5 * found.loc[name, "sd"]
    given = data.replace(method="given", patches=0, by_patch=None)
    drawn = ba.baselines.LandySzalay(resamples=400).fit(given).summary()
    assert drawn.loc["gamma", "sd"] == pytest.approx(found.loc["gamma", "sd"], rel=0.25)


def test_simulated_estimates_have_the_covariance_of_the_design():
    design = pairs()
    model = ba.TwoPointCorrelation(smooth=False)
    truth = model.simulate(design, seed=1)[1]
    rng = np.random.default_rng(0)
    made = np.array([model.simulate_data(truth, design, rng).estimate for _ in range(3000)])
    ratio = np.var(made, axis=0) / np.diag(design.covariance)
    assert np.allclose(ratio, 23 / 14, rtol=0.2)  # of Student's t with 16 degrees of freedom
    one = model.simulate_data(truth, design, rng)
    moved = one.by_patch - one.estimate[:, None]
    assert np.allclose(moved, design.by_patch - design.estimate[:, None])
