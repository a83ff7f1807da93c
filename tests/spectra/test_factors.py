"""Components of spectra against loops, closed forms, scikit-learn, quadrature and each other."""

import numpy as np
import pytest
from samples import spectra
from scipy import integrate, stats
from sklearn.decomposition import PCA, FactorAnalysis

import bayes_astro as ba
from bayes_astro.likelihoods import factors
from bayes_astro.spectra import predictions, tails
from bayes_astro.spectra.choice import chosen, of_hidden, tails_wanted
from bayes_astro.spectra.coefficients import Frame, Pixels, conditional, unpacked
from bayes_astro.spectra.expectation import begin, climb
from bayes_astro.spectra.floors import KINDS, Floor
from bayes_astro.spectra.hidden import to_choose

QUICK = ba.Gibbs(draws=200, tune=150, chains=2)


def fitted(data, k=2, sampler=QUICK, **settings):
    model = ba.SpectralFactors(k, **{"noise": "stated", "robust": False} | settings)
    return model.fit(data, sampler, seed=1, progress=False)


def draws_of(model, name):
    values = model.posterior["posterior"][name].values
    return values.reshape(-1, *values.shape[2:])


def a_frame(k=3, p=40, seed=0, **settings):
    rng = np.random.default_rng(seed)
    return Frame(rng.normal(size=p), rng.normal(size=(k, p)), np.full(p, 0.02), **settings)


@pytest.fixture(scope="module")
def small():
    return spectra(n=40, p=40, k=3, noise=0.4, spread=5.0, gaps=0.2, level=0.0)[0]


@pytest.fixture(scope="module")
def model(small):
    return fitted(small, 3, noise="per-pixel floor")


# The density of a spectrum --------------------------------------------------------------------


def test_products_are_loops_over_dense_normals(small):
    frame, found = a_frame(), conditional(Pixels.of(small), a_frame())
    for i, (x, error) in enumerate(zip(small.flux, small.error, strict=True)):
        at = np.flatnonzero(~np.isnan(x))
        loading, noise = frame.loadings[:, at], error[at] ** 2 + frame.floor[at]
        whole = loading.T @ loading + np.diag(noise)
        expected = stats.multivariate_normal(frame.mean[at], whole).logpdf(x[at])
        assert found.log_density[i] == pytest.approx(expected, rel=1e-10)
        inverse = np.linalg.inv(np.eye(3) + loading / noise @ loading.T)
        assert np.allclose(unpacked(found.covariance[i], 3), inverse, rtol=1e-10)
        mean = inverse @ (loading / noise) @ (x[at] - frame.mean[at])
        assert np.allclose(found.mean[i], mean, rtol=1e-8, atol=1e-10)


def test_huge_errors_are_gaps(small):
    frame = a_frame()
    pixels = Pixels.of(small)
    wide = np.where(np.isinf(pixels.variance), 1e20, pixels.variance)
    found, expected = (
        conditional(Pixels(pixels.x + 1e3 * (wide == 1e20), wide), frame),
        conditional(pixels, frame),
    )
    assert np.allclose(found.mean, expected.mean, rtol=1e-6, atol=1e-9)
    assert np.allclose(found.covariance, expected.covariance, rtol=1e-6)
    constant = -0.5 * np.log(2 * np.pi * 1e20) * np.isinf(pixels.variance).sum(axis=1)
    assert np.allclose(found.log_density, expected.log_density + constant, rtol=1e-8)


def test_rotations_change_nothing(small):
    frame = a_frame()
    turn = np.linalg.qr(np.random.default_rng(4).normal(size=(3, 3)))[0]
    turned = frame._replace(loadings=np.ascontiguousarray(turn @ frame.loadings))
    one, other = (conditional(Pixels.of(small), each) for each in (frame, turned))
    assert np.allclose(one.log_density, other.log_density, rtol=1e-10)
    assert np.allclose(one.mean @ turn.T, other.mean, rtol=1e-8, atol=1e-10)


def test_tails_are_those_of_quadrature():
    """One factor: Laplace's method and draws by turns against an integral."""
    data = spectra(n=4, p=60, k=1, noise=0.3, gaps=0.1, level=0.0, seed=2)[0]
    frame = a_frame(1, 60, 5, degrees=3.0)
    pixels = Pixels.of(data)
    found = tails.laplace(pixels, frame)
    rng = np.random.default_rng(0)
    drawn = np.array([tails.drawn(pixels, frame, rng)[0][:, 0] for _ in range(600)])
    for i in range(4):
        at = np.isfinite(pixels.variance[i])
        width = np.sqrt(pixels.variance[i, at] + frame.floor[at])

        def height(z, i=i, at=at, width=width):
            left = (pixels.x[i, at] - frame.mean[at] - z * frame.loadings[0, at]) / width
            own = stats.t.logpdf(left, 3.0).sum() - np.log(width).sum()
            return own + stats.norm.logpdf(z) - found.log_density[i]

        grid = found.mean[i, 0] + np.sqrt(found.covariance[i, 0]) * np.linspace(-9, 9, 600)
        weight = np.exp([height(z) for z in grid])
        total = integrate.trapezoid(weight, grid)
        assert np.log(total) == pytest.approx(0.0, abs=0.1)
        mean = integrate.trapezoid(weight * grid, grid) / total
        sd = np.sqrt(integrate.trapezoid(weight * (grid - mean) ** 2, grid) / total)
        assert drawn[:, i].mean() == pytest.approx(mean, abs=0.2 * sd)
        assert drawn[:, i].std() == pytest.approx(sd, rel=0.15)


# The maximum ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_step_climbs(small, kind):
    task = ba.SpectralFactors(3, noise=kind, continuum=1, robust=False)
    problem = task.problem(small, task.resolve_priors(small))
    values = []
    rng = np.random.default_rng(0)
    first = begin(problem.pixels, 3, problem.floor, problem.shapes, False, rng)
    climb(problem.pixels, first, problem.floor, problem.shapes, problem._penalty(), steps=30,
          tolerance=0, watch=lambda step, value: values.append(value))  # fmt: skip
    gains = np.diff(values)
    assert gains[-1] < 0.1 * gains.max()
    assert gains.min() > -1e-3


def without_errors(n=400, p=10):
    rng = np.random.default_rng(3)
    flux = rng.normal(size=(n, 2)) @ rng.normal(size=(2, p)) + rng.normal(
        size=(n, p)
    ) * rng.uniform(0.3, 1, p)
    return ba.Spectra(np.linspace(4000, 5000, p), flux, 0.0)


def covariance_of(model):
    one = model.posterior["posterior"].isel(chain=0, draw=0)
    component = one["component"].transpose("factor", "pixel").values
    return component.T @ component + np.diag(np.broadcast_to(one["floor"].values, (10,)) ** 2)


def test_without_errors_it_is_factor_analysis():
    data = without_errors()
    wide = {"scale": ba.Prior("HalfNormal", sigma=100.0)}
    best = fitted(data, 2, ba.MAP(tolerance=1e-4), noise="per-pixel floor", priors=wide)
    theirs = FactorAnalysis(2, tol=1e-8, max_iter=5000).fit(data.flux).get_covariance()
    assert np.allclose(covariance_of(best), theirs, atol=0.01 * theirs.max())


def test_with_one_floor_it_is_probabilistic_principal_components():
    data = without_errors()
    wide = {"scale": ba.Prior("HalfNormal", sigma=100.0)}
    best = fitted(data, 2, ba.MAP(tolerance=1e-5), noise="floor", priors=wide)
    theirs = PCA(2).fit(data.flux)
    n = len(data)
    expected = theirs.get_covariance() * (n - 1) / n
    assert np.allclose(covariance_of(best), expected, atol=2e-3 * expected.max())


def test_many_spectra_are_climbed_in_parts(small):
    rows = np.tile(np.arange(40), 15)
    data = small[rows]
    found = fitted(data, 2, ba.MAP(tolerance=1e-3))
    once = fitted(small, 2, ba.MAP(tolerance=1e-4))
    one, other = (draws_of(m, "component")[0] for m in (found, once))
    assert np.abs(np.abs(one) - np.abs(other)).max() < 0.15 * np.abs(other).max()


# The draws ------------------------------------------------------------------------------------


def test_transformations_leave_the_spectra_as_they_are():
    rng = np.random.default_rng(0)
    z, component = rng.normal(size=(30, 4)), rng.normal(size=(4, 20))
    to_z, before = np.empty((4, 4)), z @ component
    held = rng.gamma(2.0, size=(4, 20))
    factors.transform(
        z.T @ z, component, held, 30, rng.normal(size=(4, 4)), rng.uniform(size=4), to_z
    )
    assert np.abs(to_z - np.eye(4)).max() > 0.01
    assert np.allclose((z @ to_z.T) @ component, before, rtol=1e-10)


@pytest.mark.parametrize("settings", [{}, {"noise": "smooth floor", "continuum": 1}])
def test_draws_of_spectra_that_say_nothing_are_the_prior(settings):
    """Every turn leaves the prior as it is where errors are 10^4 times as large."""
    small = spectra(n=15, p=20, k=2, noise=0.4, gaps=0.1, level=0.0)[0]
    task = ba.SpectralFactors(2, **{"noise": "per-pixel floor", "robust": False} | settings)
    priors = task.resolve_priors(small)
    start = task.problem(small, priors).climbed(np.random.default_rng(0))
    problem = task.problem(small.replace(error=1e4 * small.error), priors)
    found = []
    for seed in range(2):
        chain = problem.chain(start, np.random.default_rng(seed))
        for step in range(1200):
            chain.sweep(0.3 if step < 200 else 0.0)
            state = chain.state
            if step >= 200:
                size = np.sqrt(np.trace(state.component @ state.component.T))
                together = state.z[:, 0] @ state.z[:, 1] / np.sqrt(len(state.z))
                found.append(
                    (state.scale.sum(), size, state.floor_scale, state.mean[3], together**2)
                )
    prior = task.prior_draws(small, priors, 4000, np.random.default_rng(1))
    expected = np.stack([
        prior["scale"].sum("factor").values[0],
        np.sqrt(prior["total"].values[0]),
        prior["floor_scale"].values[0],
        prior["mean"].values[0, :, 3],
        np.sum(np.prod(np.random.default_rng(2).normal(size=(2, 4000, 15)), axis=0), axis=1) ** 2 / 15,
    ], axis=1)  # fmt: skip
    scale = expected.std(axis=0)
    away = np.abs(np.mean(found, axis=0) - expected.mean(axis=0)) / scale
    assert np.all(away < [0.1, 0.1, 0.2, 0.1, 0.1]), away
    assert np.all(np.abs(np.std(found, axis=0) / scale - 1) < 0.2)


def test_surplus_components_vanish():
    data, true, _ = spectra(n=50, p=60, k=2, noise=0.3, gaps=0.15, level=1.0)
    right, more = fitted(data, 2), fitted(data, 6)
    eigenvalue = draws_of(more, "eigenvalue")
    assert eigenvalue[:, 2:].sum(axis=1).mean() < 0.2 * eigenvalue[:, 1].mean()
    gap = data.missing
    errors = [
        np.sqrt(np.mean((model.reconstruct()["mean"].values - true)[gap] ** 2))
        for model in (right, more)
    ]
    assert errors[1] < 1.1 * errors[0]


@pytest.mark.slow
def test_a_floor_is_found_and_none_where_there_is_none():
    rng = np.random.default_rng(0)
    data = spectra(n=50, p=40, k=2, noise=0.02, spread=5.0, gaps=0.1)[0]
    more = data.replace(flux=data.flux + 0.03 * rng.normal(size=data.flux.shape))
    for kind in KINDS[1:]:
        floor = draws_of(fitted(more, 2, noise=kind), "floor")
        assert 0.027 < np.sqrt(np.mean(floor**2)) < 0.033
        assert np.sqrt(np.mean(draws_of(fitted(data, 2, noise=kind), "floor") ** 2)) < 0.007


def test_the_number_of_factors_and_the_tails_are_chosen():
    data = spectra(n=60, p=60, k=3, noise=0.1, gaps=0.1)[0]
    task = ba.SpectralFactors(noise="stated", robust=False)
    count, table = chosen(task, data, 1, False)
    assert count == 3
    assert table["behind"].sel(n_factors=1) > 5 * table["behind_error"].sel(n_factors=1)
    assert not tails_wanted(task.copy(n_factors=3), data, 1)
    priors = task.copy(n_factors=3).resolve_priors(data)
    _, score = of_hidden(task, data, priors, 3, np.random.default_rng(0), to_choose(data))
    assert np.std(score) == pytest.approx(1.0, abs=0.12)
    rng = np.random.default_rng(0)
    noise = data.error * rng.standard_t(2.5, data.flux.shape)
    assert tails_wanted(task.copy(n_factors=3), data.replace(flux=data.flux + noise), 1)


@pytest.mark.slow
def test_a_continuum_of_each_spectrums_own():
    data, true, _ = spectra(n=50, p=60, k=1, noise=0.05, gaps=0.1)
    x = np.linspace(-1, 1, 60)
    slope = np.random.default_rng(0).normal(0, 0.5, (50, 1)) * x
    found = fitted(data.replace(flux=data.flux + slope), 1, continuum=1)
    left = found.reconstruct()["mean"].values - true - slope
    assert np.sqrt(np.mean(left**2)) < 0.03
    plain = fitted(data.replace(flux=data.flux + slope), 1)
    assert "continuum" in {check.name for check in plain.diagnose().failures()}


# What follows ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_gaps_are_covered():
    inside, levels = [], (("q16", "q84", 0.68), ("q025", "q975", 0.95))
    for seed in range(4):
        data, true, _ = spectra(n=30, p=60, k=2, noise=0.3, gaps=0.2, seed=seed)
        found = fitted(data, 2).reconstruct()
        gap = data.missing
        inside.append([
            ((true >= found[low].values) & (true <= found[high].values))[gap].mean()
            for low, high, _ in levels
        ])  # fmt: skip
        assert found["sd"].values[gap].mean() > 1.05 * found["sd"].values[~gap].mean()
    for share, (_, _, level) in zip(np.mean(inside, axis=0), levels, strict=True):
        assert share == pytest.approx(level, abs=0.06)


def test_predictions_agree_with_each_other(model, small):
    found = model.predict(small[:5], draws=400)
    assert found["signal"].dims == ("chain", "draw", "spectrum", "pixel")
    lead = ("chain", "draw")
    assert np.linalg.eigvalsh(found["coefficient_covariance"].values).min() > 0
    mean = found["coefficient"].mean(lead).values
    width = np.sqrt(np.einsum("nkk->nk", found["coefficient_covariance"].values))
    assert np.all(np.abs(mean - found["coefficient_mean"].values) < 0.25 * width)
    assert np.allclose(found["coefficient"].std(lead).values, width, rtol=0.25)
    curves = model.reconstruct(small[:5], draws=400)
    assert np.allclose(
        curves["mean"], found["signal"].mean(lead), atol=0.3 * curves["sd"].max().item()
    )
    ratio = curves["sd"] / found["signal"].std(lead)
    assert float(ratio.median()) == pytest.approx(1.0, abs=0.05)
    again = found["observation"].var(lead) - found["signal"].var(lead)
    noise = np.nan_to_num(small[:5].error ** 2, nan=np.nan)
    ratio = (again.values / (noise + np.mean(draws_of(model, "floor") ** 2, axis=0)))[
        ~small[:5].missing
    ]
    assert np.median(ratio) == pytest.approx(1.0, abs=0.15)


def test_a_code_is_the_likelihood_of_coefficients(model, small):
    """With the unit normals of the prior it is the posterior again."""
    code = model.encode(small, draws=100)
    from bayes_astro.draws import thinned

    draws = thinned(model.posterior["posterior"].to_dataset(), 100)
    mean, covariance = predictions.moments(draws, None, small)
    again = np.linalg.inv(np.linalg.inv(code.covariance) + np.eye(3))
    assert np.allclose(again, covariance, rtol=1e-5, atol=1e-8)
    back = np.einsum("nkl,nl->nk", again @ np.linalg.inv(code.covariance), code.value)
    assert np.allclose(back, mean, rtol=1e-4, atol=1e-6)
    assert code.names == ("factor 1", "factor 2", "factor 3")


@pytest.mark.slow
def test_units_of_flux_change_nothing(small):
    one = fitted(small, 2, noise="per-pixel floor")
    tiny = small.replace(flux=1e-17 * small.flux, error=1e-17 * small.error, unit="W / m2")
    other = fitted(tiny, 2, noise="per-pixel floor")
    for name in ("mean", "floor_scale"):
        assert np.allclose(draws_of(other, name), 1e-17 * draws_of(one, name), rtol=1e-5)
    assert other.summary().loc["total", "unit"] == "(W / m2)2"


def test_scores_of_hidden_pixels_are_differences_of_densities(model, small):
    from bayes_astro.spectra.hidden import hidden, without

    draws = model.posterior["posterior"].to_dataset().isel(draw=slice(0, 3))
    found = model.log_predictive(draws, small)
    expected = model.pointwise(draws, small) - model.pointwise(draws, without(small, hidden(small)))
    assert np.allclose(found, expected, rtol=1e-10)
    assert hidden(small).any(axis=1).all()
    assert not (hidden(small) & small.missing).any()


def test_floors_of_a_smooth_curve_interpolate():
    floor = Floor("smooth floor", np.linspace(4000, 8000, 200))
    theta = np.log(floor.places / 1000)
    assert np.allclose(np.exp(floor.logarithm(theta)), floor.wavelength / 1000, rtol=1e-3)
    step = 1e-6 * np.eye(floor.nodes)[3]
    slope = np.random.default_rng(0).normal(size=200)
    moved = (floor.logarithm(theta + step) - floor.logarithm(theta)) @ slope / 1e-6
    assert floor.gathered(slope)[3] == pytest.approx(moved, rel=1e-5)
    for nodes, owner in floor.rounds():
        touched = np.abs(floor.weights[:, nodes]) > 0
        assert np.all(touched.sum(axis=1) <= 1)
        rows = np.flatnonzero(touched.any(axis=1))
        assert np.array_equal(nodes[touched[rows].argmax(axis=1)], owner[rows])


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, marks=pytest.mark.slow),
        pytest.param(
            {"robust": True, "noise": "floor", "continuum": 0}, marks=pytest.mark.calibration
        ),
    ],
)
def test_two_samplers_agree(settings):
    data = spectra(n=12, p=8, k=1, noise=0.4, gaps=0.1, level=0.0)[0]
    settings = {"noise": "per-pixel floor"} | settings
    long = 4 if "robust" in settings else 1  # with all coefficients among its variables
    one = fitted(data, 1, ba.Gibbs(draws=long * 800, tune=long * 200, chains=4), **settings)
    other = fitted(data, 1, ba.NUTS(draws=long * 400, tune=long * 300, chains=4), **settings)
    a, b = one.summary(), other.summary()
    assert set(a.index) == set(b.index)
    for name in a.index:
        error = np.hypot(a.loc[name, "mcse"], b.loc[name, "mcse"])
        assert abs(a.loc[name, "mean"] - b.loc[name, "mean"]) < 4.5 * error, name
        assert b.loc[name, "sd"] == pytest.approx(a.loc[name, "sd"], rel=0.25), name
    mean, sd = (np.mean, np.std)
    for name in ("mean", "component"):
        x, y = draws_of(one, name), draws_of(other, name)
        assert np.all(np.abs(mean(x, axis=0) - mean(y, axis=0)) < 0.25 * sd(x, axis=0))


@pytest.mark.calibration
@pytest.mark.parametrize(
    "settings", [{}, {"robust": True, "noise": "smooth floor", "continuum": 1}]
)
def test_the_posterior_is_calibrated_at_300(settings):
    data = spectra(n=20, p=24, k=2, noise=0.4, spread=3.0, gaps=0.15, level=0.0)[0]
    names = ("eigenvalue", "total", "floor_scale", "floor", "mean", "degrees_of_freedom",
             "continuum_scale")  # fmt: skip
    task = ba.SpectralFactors(2, **{"robust": False} | settings)
    found = ba.calibrate(
        task, data, n=300, seed=2, parameters=names,
        sampler=ba.Gibbs(draws=300, tune=200, chains=2), progress=False,
    )  # fmt: skip
    assert found, found


# Real spectra ---------------------------------------------------------------------------------


def galaxies(folder, step=3):
    """Brown et al. (2014), log flux."""
    table = np.load(folder / "g_spectra" / "brown2014_optical_spectra.npz")
    at = (table["wavelength"] >= 3600) & (table["wavelength"] <= 6900)
    flux = table["flux"][:, at][:, ::step].astype(float)
    return ba.Spectra(
        table["wavelength"][at][::step], np.log(np.where(flux > 0, flux, np.nan)), 0.0,
        names=table["name"],
    )  # fmt: skip


def epochs(folder):
    """A quasar in 78 epochs, four pixels in one."""
    table = np.load(folder / "g_spectra" / "sdss_rm017_quasar_epochs.npz")
    wavelength = 10.0 ** table["loglam"][200:4200].astype(float)
    flux, ivar = (table[name][:, 200:4200].astype(float) for name in ("flux", "ivar"))
    return ba.Spectra.from_ivar(wavelength, flux, ivar).coarser(4)


def stars(folder):
    """Indo-US, log flux, ten pixels in one."""
    table = np.load(folder / "g_spectra" / "indo_us_stellar_spectra.npz")
    return ba.Spectra(table["wavelength"], table["flux"].astype(float), 0.0).coarser(10).log()


def as_in_the_note(data, seed=1):
    """Pixels hidden in a block of 8% and 1% anywhere."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(data.flux.shape, dtype=bool)
    width = int(0.08 * data.flux.shape[1])
    for row in mask:
        start = rng.integers(len(row) - width)
        row[start : start + width] = True
    mask |= rng.random(mask.shape) < 0.01
    return mask & ~data.missing


@pytest.mark.parametrize(
    ("read", "k", "robust", "least", "slack"),
    [
        (epochs, 8, False, 0.18, 0.04),
        (stars, 6, True, 2.9, 0.06),
        pytest.param(galaxies, 8, False, 0.9, 0.09, marks=pytest.mark.slow),
        pytest.param(galaxies, 8, True, 1.8, 0.05, marks=pytest.mark.slow),
    ],
)
def test_gaps_of_real_spectra(shared_data, read, k, robust, least, slack):
    """Log densities of hidden pixels, and how often they lie within their intervals."""
    data = read(shared_data)
    task = ba.SpectralFactors(k, robust=robust)
    logs, score = of_hidden(
        task, data, task.resolve_priors(data), k, np.random.default_rng(2), as_in_the_note(data)
    )
    assert logs.mean() > least
    for level, limit in ((0.68, 0.9945), (0.95, 1.96)):
        assert np.mean(np.abs(score) < limit) == pytest.approx(level, abs=slack)


@pytest.mark.slow
def test_components_of_galaxies_are_those_published(shared_data):
    """Shares of the variance, and angles to Yip et al.'s eigenspectra of SDSS galaxies."""
    table = np.load(shared_data / "g_spectra" / "brown2014_optical_spectra.npz")
    yip = np.load(shared_data / "g_spectra" / "yip2004_galaxy_eigenspectra.npz")
    at = (table["wavelength"] >= 3996) & (table["wavelength"] <= 6178)
    wavelength, flux = table["wavelength"][at][::3], table["flux"][:, at][:, ::3].astype(float)
    data = ba.Spectra(wavelength, flux, 0.0, names=table["name"])
    keep = ~data.missing.any(axis=1)
    model = fitted(data[keep], 5, ba.Gibbs(draws=200, tune=150, chains=2), noise="per-pixel floor")
    share = model.explained()["share"].values
    assert np.allclose(share[:3], [0.914, 0.049, 0.019], atol=0.04)
    reference = np.array([
        np.interp(wavelength, yip["wavelength"].astype(float), row) for row in yip["eigenspectra"]
    ])  # fmt: skip
    ours = np.vstack(
        [draws_of(model, "mean").mean(axis=0), draws_of(model, "component").mean(axis=0)]
    )
    basis, other = (np.linalg.qr(rows.T)[0] for rows in (ours, reference))
    angles = np.degrees(np.arccos(np.clip(np.linalg.svd(basis.T @ other, compute_uv=False), -1, 1)))
    assert np.all(angles[:3] < [4, 18, 25]), angles
