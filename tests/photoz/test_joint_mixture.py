"""XDPhotoZ: calibration, missing bands, error scales, what it refuses, files."""

import numpy as np
import pytest
from samples import by_hand, galaxies
from scipy.stats import kstest

import bayes_astro as ba
from bayes_astro.mixtures.features import features, softening
from bayes_astro.photoz import evidence, training

TRAIN, TEST = galaxies(1200, missing=100), galaxies(600, seed=1, missing=60)[:594]
QUICK = {"n_components": 6, "n_fits": 2, "error_scale": "published"}


@pytest.fixture(scope="module")
def fitted():
    return ba.XDPhotoZ(**QUICK).fit(TRAIN, seed=1, progress=False)


def test_the_common_error_is_a_standard_deviation_of_all_magnitudes():
    """As much as a covariance between all bands, in the density and in what is fitted."""
    settings = {"n_components": 1, "n_fits": 1, "error_scale": "published"}
    data = TRAIN[:150]
    fit = ba.XDPhotoZ(**settings).fit(data, seed=1, progress=False)
    draws = fit.posterior["posterior"].to_dataset()
    wide = draws.copy(deep=True)
    wide["covariance"].values[..., :4, :4] += 0.3**2
    shared = draws.assign(common_error=draws["common_error"] + 0.3)
    z = np.linspace(0.05, 1.5, 60)
    one, other = (
        by_hand(ba.XDPhotoZ(**settings), data, d).pdf(TEST[:20], z) for d in (wide, shared)
    )
    np.testing.assert_allclose(other, one, rtol=1e-9, atol=1e-12)
    assert np.abs(one - fit.pdf(TEST[:20], z)).max() > 0.1
    noise = training.joint(data, "asinh", 2.0, 0.3).covariance[:, :4, :4]
    own = np.nan_to_num(2.0 * features(data, softening(data), "asinh")[1]) ** 2
    measured = ~np.isnan(training.joint(data, "asinh").value[:, :4])
    both = measured[:, :, None] & measured[:, None]
    expected = np.einsum("ni,ij->nij", own, np.eye(4)) + 0.3**2
    np.testing.assert_allclose(noise[both], expected[both], rtol=1e-12)


def test_densities_are_calibrated_and_beat_the_marginal_one(fitted):
    z = TEST.redshift
    assert kstest(fitted.pit(TEST), "uniform").pvalue > 1e-3
    table = fitted.summary(TEST)
    for level, low, high in ((0.68, "low_68", "high_68"), (0.95, "low_95", "high_95")):
        inside = np.mean((z >= table[low]) & (z <= table[high]))
        assert abs(inside - level) < 4 * np.sqrt(level * (1 - level) / len(z))
    nothing = TEST.replace(flux=np.full_like(TEST.flux, np.nan))
    assert fitted.log_density_at(TEST).mean() > fitted.log_density_at(nothing).mean() + 0.7


def test_of_an_unknown_redshift_nothing_is_known(fitted):
    half = TEST.replace(redshift=np.where(np.arange(len(TEST)) % 2, TEST.redshift, np.nan))
    for question in ("pit", "log_density_at"):
        some, every = (getattr(fitted, question)(data) for data in (half, TEST))
        np.testing.assert_array_equal(some[1::2], every[1::2])
        assert np.isnan(some[::2]).all()
        assert np.isnan(getattr(fitted, question)(TEST.replace(redshift=None))).all()


def test_objects_drawn_from_the_fit_have_uniform_pit_and_tail_probabilities(fitted):
    density = fitted.density()[:1]
    rng = np.random.default_rng(3)
    m, n = len(TRAIN.bands), 3000
    which, share = np.zeros(n, dtype=int), rng.uniform(size=n)
    chosen = (share[:, None] > np.cumsum(density.weight[which], axis=1)).sum(axis=1)
    factor = np.linalg.cholesky(density.covariance[which, chosen])
    both = density.mean[which, chosen] + np.einsum(
        "nij,nj->ni", factor, rng.normal(size=(n, m + 1))
    )
    both = both[both[:, -1] > density.limit]
    soft = density.softening  # the inverse of asinh magnitudes
    flux = 2 * soft * np.sinh(-both[:, :m] * np.log(10) / 2.5 - np.log(soft))
    error = np.full_like(flux, 1e-9)
    data = ba.Photometry(flux, error, TRAIN.bands, np.expm1(both[:, -1]), unit="uJy")
    assert kstest(density.at(data, data.redshift)[1][0], "uniform").pvalue > 1e-3
    quantiles = evidence.reference(density, data, rng)
    out, _ = density.summaries(data, 1)
    tail = evidence.tail_probability(out[:, 2] - out[:, 3], np.full(len(data), m), quantiles)
    assert kstest(tail, "uniform").statistic < 0.035


def test_tail_probabilities_are_uniform_whatever_is_missing(fitted):
    table = fitted.summary(TEST)
    assert kstest(table["tail_probability"], "uniform").statistic < 0.1
    gone = TEST.flux.copy()
    gone[:, :2] = np.nan
    few = fitted.summary(TEST.replace(flux=gone))
    assert (few["bands"] <= 2).all()
    assert kstest(few["tail_probability"].dropna(), "uniform").statistic < 0.1
    strange = TEST.flux.copy()
    strange[:, 1] *= 30
    assert (fitted.summary(TEST.replace(flux=strange))["flag"] == "unusual").mean() > 0.9


def test_bands_are_matched_by_name_and_unit(fitted):
    z = np.linspace(0, 2, 40)
    expected = fitted.pdf(TEST, z)
    np.testing.assert_allclose(fitted.pdf(TEST.select("z", "i", "r", "g"), z), expected)
    nano = TEST.replace(flux=TEST.flux * 1e3, error=TEST.error * 1e3, unit="nJy")
    np.testing.assert_allclose(fitted.pdf(nano, z), expected)
    flux = TEST.flux.copy()
    flux[:, 1] = np.nan
    np.testing.assert_allclose(
        fitted.pdf(TEST.select("g", "i", "z"), z), fitted.pdf(TEST.replace(flux=flux), z)
    )
    other = ba.Photometry(TEST.flux, TEST.error, ("g", "r", "i", "Z"), unit="uJy")
    with pytest.raises(ValueError, match=r"band 'Z' was not fitted\. Did you mean 'z'"):
        fitted.summary(other)
    with pytest.raises(ValueError, match="no unit"):
        fitted.summary(TEST.replace(unit=""))


def test_units_of_training_change_nothing():
    nano = TRAIN.replace(flux=TRAIN.flux * 1e3, error=TRAIN.error * 1e3, unit="nJy")
    model, sampler = ba.XDPhotoZ(2, n_fits=1, error_scale="published"), ba.MAP(tolerance=1e-5)
    one = model.copy().fit(TRAIN, sampler, seed=1, progress=False)
    two = model.copy().fit(nano, sampler, seed=1, progress=False)
    np.testing.assert_allclose(one.pit(TEST), two.pit(TEST), atol=5e-3)


def test_without_photometry_there_is_the_distribution_of_redshifts(fitted):
    nothing = TEST[:3].replace(flux=np.full((3, 4), np.nan))
    table = fitted.summary(nothing)
    assert (table["flag"] == "no photometry").all() and table["tail_probability"].isna().all()
    known = TRAIN.redshift[~np.isnan(TRAIN.redshift)]
    assert table["mean"].to_numpy() == pytest.approx(known.mean(), rel=0.05)
    assert table["high_68"][0] == pytest.approx(np.quantile(known, 0.84), rel=0.1)


def test_error_scales_are_inferred():
    data = galaxies(2500, noise=1.5, stated=4.0, seed=5)
    model = ba.XDPhotoZ(6, n_fits=1).fit(data, seed=1, progress=False)
    scale = model.posterior["posterior"]["error_scale"].values[0, 0]
    off = np.log(scale / 0.25)
    assert np.abs(off).max() < 0.75 and abs(off.mean()) < np.log(1.5)  # a band's step is 0.7
    trials = model.posterior["error_scale"]
    chosen = (trials["scale"].values == scale).all(axis=1)
    best = trials["log_posterior"].values.max()
    # Others may be better, by less than twice the standard error of the difference.
    assert trials["log_posterior"].values[chosen].max() > best - 0.02 * trials.attrs["objects"]
    believed = ba.XDPhotoZ(6, n_fits=1, error_scale="published").fit(data, seed=1, progress=False)
    test = galaxies(800, noise=1.5, stated=4.0, seed=6)[:792]
    assert model.log_density_at(test).mean() > believed.log_density_at(test).mean() + 0.1


def test_predictions_and_verbs_of_every_model(fitted, tmp_path):
    predicted = fitted.predict(TEST, draws=400)
    assert predicted["signal"].dims == ("chain", "draw", "row")
    mean = fitted.summary(TEST)["mean"].to_numpy()
    spread = predicted["signal"].std(("chain", "draw")).values
    off = (predicted["signal"].mean(("chain", "draw")).values - mean) / spread
    assert np.abs(off).max() < 5 / np.sqrt(400) * 1.5
    assert predicted.equals(fitted.predict(TEST, draws=400))
    assert not predicted.equals(fitted.predict(TEST, draws=400, seed=8))
    assert fitted.predict(draws=1).sizes["draw"] == 1
    with pytest.raises(ValueError, match="draws=0"):
        fitted.predict(draws=0)
    assert fitted.diagnose()
    assert fitted.summary().shape[0] > 50
    assert fitted.citations().count("@") >= 2 and "log(1+z_i)" in fitted.equation()
    assert fitted.record["sampler"]["name"] == "MAP"
    fitted.save(tmp_path / "fit.nc")
    opened = ba.open(tmp_path / "fit.nc")
    assert opened.summary(TEST).equals(fitted.summary(TEST))


def test_a_fit_is_repeatable(fitted):
    again = ba.XDPhotoZ(**QUICK).fit(TRAIN, seed=1, progress=False)
    other = ba.XDPhotoZ(**QUICK).fit(TRAIN, seed=2, progress=False)
    assert np.array_equal(again.pit(TEST), fitted.pit(TEST))
    assert not np.array_equal(other.pit(TEST), fitted.pit(TEST))


def test_top_five_components_stand_for_the_density(fitted):
    table = fitted.summary(TEST)
    z = np.linspace(0, 2.5, 400)
    t = np.log1p(z)
    found = np.zeros((len(table), len(z)))
    for k in range(1, 6):
        weight, centre, width = (
            table[f"{n}_{k}"].to_numpy()[:, None] for n in ("weight", "centre", "width")
        )
        found += weight * np.exp(-0.5 * ((t - centre) / width) ** 2) / width
    found /= np.sqrt(2 * np.pi) * (1 + z)
    exact = fitted.pdf(TEST, z).values
    assert np.median(np.trapezoid(np.abs(found - exact), z, axis=1)) < 0.12
    columns = [name for name in table if name.rsplit("_", 1)[0] in ("weight", "centre", "width")]
    assert table[columns].memory_usage(index=False).sum() == 60 * len(table)


def test_uncertainty_of_the_mixture_on_request():
    few = TRAIN[:200]
    common = {"n_components": 2, "error_scale": "published"}
    draws = ba.XDPhotoZ(**common).fit(few, ba.Laplace(draws=40, restarts=2), seed=1, progress=False)
    assert draws.posterior["posterior"].sizes["draw"] == 40
    boot = ba.XDPhotoZ(**common, n_fits=8, bootstrap=True).fit(few, seed=1, progress=False)
    alike = ba.XDPhotoZ(**common, n_fits=8).fit(few, seed=1, progress=False)

    def spread(model):
        return (
            model.log_predictive(model.posterior["posterior"].to_dataset(), TEST)
            .std(("chain", "draw"))
            .median()
        )

    assert spread(boot) > 2 * spread(alike)
    assert spread(draws) > 2 * spread(alike)
    assert 0.2 < spread(boot) / spread(draws) < 5


def test_nuts_samples_the_density_that_laplace_is_about():
    few = TRAIN[:300]
    drawn = {}
    for sampler in (ba.NUTS(draws=200, tune=200, chains=2), ba.Laplace(draws=1000, restarts=2)):
        model = ba.XDPhotoZ(1, error_scale="published").fit(few, sampler, seed=1, progress=False)
        drawn[type(sampler)] = model.posterior["posterior"]["total_mean"]
        assert set(model.posterior["posterior"]) >= {"weight", "error_scale", "common_error"}
    sampled, about = drawn.values()
    dims = ("chain", "draw")
    assert float((abs(sampled.mean(dims) - about.mean(dims)) / about.std(dims)).max()) < 0.4
    assert float(abs(np.log(sampled.std(dims) / about.std(dims))).max()) < 0.3


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_components": 0}, r"n_components=0 must be a whole number.*or 'auto'"),
        ({"n_components": "many"}, "n_components='many'"),
        ({"n_fits": 1.5}, r"n_fits=1\.5"),
        ({"transform": "flux"}, "must be 'asinh' or 'log'"),
        ({"error_scale": "guess"}, "must be 'infer', 'published'"),
        ({"error_scale": -1.0}, "a positive number"),
        ({"error_scale": {"g": 1.0}}, "error_scale is given for g; the bands are g, r, i, z"),
        ({"common_error": -0.1}, "common_error"),
        ({"priors": {"weight": ba.Prior("Normal", mu=0, sigma=1)}}, "must be Dirichlet"),
        ({"priors": {"kappa": ba.Prior("HalfNormal", sigma=1)}}, "no parameter 'kappa'"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        ba.XDPhotoZ(**(QUICK | parameters)).fit(TRAIN, progress=False)


def test_bad_data():
    model = ba.XDPhotoZ(**QUICK)
    with pytest.raises(ValueError, match="none is known"):
        model.fit(TRAIN.replace(redshift=None))
    with pytest.raises(ValueError, match="too few for 6 components in 4 bands"):
        model.fit(TRAIN[:9])
    with pytest.raises(ValueError, match="all are the same"):
        model.fit(TRAIN.replace(redshift=np.full(len(TRAIN), 0.3)))
    flux = TRAIN.flux.copy()
    flux[:, 2] = np.nan
    with pytest.raises(ValueError, match="band 'i' is missing in every object"):
        model.fit(TRAIN.replace(flux=flux))
    with pytest.raises(ValueError, match=r"which has no logarithm; use transform='asinh'"):
        faint = ba.Photometry(TRAIN.flux - 5.0, TRAIN.error, TRAIN.bands, TRAIN.redshift)
        ba.XDPhotoZ(**(QUICK | {"transform": "log"})).fit(faint, progress=False)
    with pytest.raises(ValueError, match=r"takes a Photometry.*\.read"):
        model.fit(ba.Measurements([[1.0, 2.0]], [[1.0, 1.0]]))


def test_figures_of_other_objects(fitted):
    for name in ("redshifts", "densities", "calibration", "reliability"):
        own, other = (fitted.plot(name, at=at)._repr_png_() for at in (None, TEST))
        assert own != other
    with pytest.raises(ValueError, match="shows the fit alone"):
        fitted.plot("error_scales", at=TEST)


def test_densities_are_drawn_without_redshifts_and_comparisons_are_not(fitted):
    targets = TEST.replace(redshift=None)
    for at in (targets, targets[:3]):
        assert fitted.plot("densities", at=at)._repr_png_()
    for name in ("redshifts", "calibration", "reliability"):
        with pytest.raises(ValueError, match="compares with known redshifts"):
            fitted.plot(name, at=targets)
    half = TEST.replace(redshift=np.where(np.arange(len(TEST)) % 2, TEST.redshift, np.nan))
    assert fitted.plot("calibration", at=half)._repr_png_()


def test_too_few_objects_are_diagnosed():
    few = ba.XDPhotoZ(3, n_fits=1, error_scale="published").fit(TRAIN[:60], seed=1, progress=False)
    assert not few.diagnose()
    assert "use ba.Laplace()" in repr(few.diagnose())


def test_errors_stated_too_small_are_scaled_up():
    data = galaxies(2500, noise=3.0, stated=0.25, seed=7)
    # As many components as there are colours: what more of them find depends on the last digits.
    model = ba.XDPhotoZ(2, n_fits=1).fit(data, seed=1, progress=False)
    scale = model.posterior["posterior"]["error_scale"].values[0, 0]
    assert np.exp(np.log(scale).mean()) > 1.5  # of four: beyond that the data hardly tell


def test_bad_questions(fitted):
    with pytest.raises(ValueError, match="row 1190 is unknown|row 1188 is unknown"):
        fitted.log_predictive(fitted.posterior["posterior"].to_dataset(), TRAIN)
    with pytest.raises(ValueError, match="increasing"):
        fitted.pdf(TEST, [0.3, 0.2])
    with pytest.raises(ValueError, match="above -1"):
        fitted.pdf(TEST, [-1.5, 0.2])
    with pytest.raises(ValueError, match="expected a Photometry"):
        fitted.summary(3.0)
