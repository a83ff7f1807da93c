"""Template fits: the kernel, fluxes through filters, what is learned, and the prior's parameters."""

import numpy as np
import pytest
from scipy.integrate import quad

import bayes_astro as ba
from bayes_astro.likelihoods.template_fit import posterior, table_value_and_gradient
from bayes_astro.photoz.colours import fluxes, hydrogen

WAVELENGTH = np.linspace(1000, 20000, 400)
BANDS = ("u", "g", "r", "i", "z", "y")


def spectra(classes=None):
    """Three power laws with a break at 4000 Angstrom."""
    red, green, blue = (
        (WAVELENGTH / 5000) ** slope * np.where(WAVELENGTH < 4000, height, 1.0)
        for slope, height in ((0.5, 0.25), (-0.5, 0.5), (-1.8, 0.85))
    )
    return ba.Templates(WAVELENGTH, [red, green, blue], ("red", "green", "blue"), classes)


def task(**parameters):
    settled = {"between": 0, "correction": None, "template_error": 0.02, "z_max": 1.5}
    given = {"templates": spectra(), "reference": "i", "step": 0.01, "igm": False}
    return ba.TemplatePhotoZ(**(given | settled | parameters))


def design(n=300, seed=0, noise=0.03):
    """Magnitudes of reference with errors; the other fluxes are to be simulated."""
    rng = np.random.default_rng(seed)
    flux = 10 ** (-0.4 * rng.uniform(-2, 1, n))[:, None] * np.ones(6)
    return ba.Photometry(flux, noise * flux, BANDS, rng.uniform(0.05, 1.4, n), name="simulated")


@pytest.fixture(scope="module")
def galaxies():
    """Simulated objects, and what made them."""
    return task().simulate(design(), seed=1)


def test_the_amplitude_is_integrated_out():
    rng = np.random.default_rng(1)
    model = rng.uniform(0.3, 2.0, (3, 4, 5))
    table = rng.dirichlet(np.ones(15)).reshape(1, 3, 5)
    flux = np.array([[1.0, 2.0, 1.5, 0.7], [-0.5, 0.1, -0.3, 0.2], [-3.0, -2.0, -4.0, -1.0]])
    error = np.array([[0.1, 0.2, 0.5, 0.2], [0.3, 0.2, 0.4, 0.3], [0.5, 0.4, 0.5, 0.3]])
    precision = 1 / error**2
    precision[0, 2] = 0.0  # missing
    bins, types, evidence, _ = posterior(flux, precision, model, table, np.zeros(3, dtype=int))
    for i in range(3):
        seen = precision[i] > 0

        def density(a, t, j, i=i, seen=seen):
            off = (flux[i] - a * model[t, :, j])[seen] * np.sqrt(precision[i][seen])
            return np.exp(-0.5 * off @ off) * np.prod(np.sqrt(precision[i][seen] / 2 / np.pi))

        exact = np.array(
            [
                [table[0, t, j] * quad(density, 0, 12, (t, j), points=[1.0])[0] for j in range(5)]
                for t in range(3)
            ]
        )
        assert evidence[i] == pytest.approx(np.log(exact.sum()), rel=1e-6)
        assert bins[i] == pytest.approx(exact.sum(axis=0) / exact.sum(), rel=1e-5)
        assert types[i] == pytest.approx(exact.sum(axis=1) / exact.sum(), rel=1e-5)


def test_gradient_of_the_table():
    rng = np.random.default_rng(2)
    table, ratio = rng.uniform(size=(3, 4)), rng.uniform(size=(10, 4))
    which = rng.integers(0, 3, 10).astype(np.int32)
    value, gradient = table_value_and_gradient(table, ratio, which)
    assert value == pytest.approx(np.log((table[which] * ratio).sum(axis=1)).sum(), rel=1e-12)
    for m in range(3):
        for j in range(4):
            moved = table.copy()
            moved[m, j] += 1e-6
            up, _ = table_value_and_gradient(moved, ratio, which)
            assert (up - value) / 1e-6 == pytest.approx(gradient[m, j], rel=1e-4)


def test_fluxes_through_filters():
    z = np.array([0.0, 0.5, 2.0])
    # Flat per unit of frequency: no colours, and fainter by nothing but the unit of the spectrum.
    flat = ba.Templates(WAVELENGTH, [WAVELENGTH**-2.0], ("flat",))
    found = fluxes(flat, ba.Filters.bundled("lsst"), BANDS, z, igm=False)[0]
    assert found[1:5, :2] == pytest.approx(found[[2]][:, :2].repeat(4, axis=0), rel=1e-4)
    # A line moves through the bands.
    line = np.exp(-0.5 * ((WAVELENGTH - 5000) / 50) ** 2)
    narrow = ba.Templates(WAVELENGTH, [line], ("line",))
    found = fluxes(narrow, ba.Filters.bundled("lsst"), BANDS, z, igm=False)[0]
    assert [BANDS[k] for k in found.argmax(axis=0)][:2] == ["g", "i"]
    # Against the integral on another grid.
    wavelength, through = ba.Filters.bundled("lsst").curves["g"]
    dense = np.linspace(3500, 6000, 200_001)
    response = np.interp(dense, wavelength, through)
    spectrum = np.interp(dense / 1.5, WAVELENGTH, spectra().flux[0])
    exact = np.trapezoid(spectrum * response * dense, dense) / 1.5
    exact /= np.trapezoid(response / dense, dense)
    mine = fluxes(spectra(), ba.Filters.bundled("lsst"), ("g",), np.array([0.5]), igm=False)
    assert mine[0, 0, 0] == pytest.approx(exact, rel=2e-4)


def test_hydrogen_dims_what_is_beyond_lyman_alpha():
    wavelength = np.array([3000.0, 4000.0, 4800.0, 5000.0])
    through = hydrogen(wavelength, 3.0)
    assert through[2] == pytest.approx(np.exp(-0.0036 * (4800 / 1215.67) ** 3.46))
    assert through[3] == 1.0
    lines = 0.0036 * (4000 / 1215.67) ** 3.46 + 1.7e-3 * (4000 / 1025.72) ** 3.46
    assert through[1] == pytest.approx(np.exp(-lines))
    strengths = ((0.0036, 1215.67), (1.7e-3, 1025.72), (1.2e-3, 972.54), (9.3e-4, 949.74))
    lines = sum(a * (3000 / line) ** 3.46 for a, line in strengths)
    assert 0 < through[0] < 0.8 * np.exp(-lines)  # beyond the Lyman limit
    assert hydrogen(np.array([900.0]), 3.0)[0] == 0.0


def test_parameters_are_recovered(galaxies):
    data, truth = galaxies
    # Half of the redshifts are unknown, and summed out.
    redshift = np.where(np.arange(len(data)) % 2, data.redshift, np.nan)
    sampler = ba.NUTS(draws=2000, tune=300, chains=2, metric="full")
    model = task().fit(data.replace(redshift=redshift), sampler, seed=2, progress=False)
    draws = model.posterior["posterior"]
    for name in ("weight", "depth", "growth", "shape"):
        off = (draws[name].mean(("chain", "draw")) - truth[name]) / draws[name].std(
            ("chain", "draw")
        )
        assert float(abs(off).max()) < 3.5, name
    assert model.diagnose()
    unknown = data[np.isnan(redshift)]
    assert model.scores(unknown)["pit_p"] > 1e-3


@pytest.mark.slow
def test_the_prior_is_calibrated_at_100():
    model = task(templates=spectra(("early", "late", "late")))
    sampler = ba.NUTS(draws=200, tune=200, chains=2)
    found = ba.calibrate(model, design(120), n=100, seed=1, sampler=sampler, progress=False)
    assert found, found


def test_zero_points_are_recovered(galaxies):
    data, _ = galaxies
    factor = np.array([1.15, 0.92, 1.0, 1.0, 1.05, 0.9])
    spoiled = data.replace(flux=data.flux * factor, error=data.error * factor)
    plain = task().fit(spoiled, ba.NUTS(draws=50, tune=100, chains=2), seed=1, progress=False)
    model = task(correction="zero-points", template_error="infer")
    grid = model.settle(spoiled, 1, False)[0].grid(spoiled)
    ratio = (1 + grid.delta[0, :, 0]) / factor
    # The fluxes' errors of 3% leave 0.03 / sqrt(300) and what colours and types share.
    assert ratio / ratio[3] == pytest.approx(1.0, abs=0.02)
    fitted = model.fit(spoiled, ba.NUTS(draws=50, tune=100, chains=2), seed=1, progress=False)
    scores = ba.compare({"plain": plain, "corrected": fitted}, spoiled)
    assert scores["log_score"]["corrected"] > scores["log_score"]["plain"] + 0.1


def test_templates_that_lack_something_learn_it():
    """Spectra that none of the templates is, by type and wavelength."""
    true = spectra()
    bent = true.flux * (1 + 0.25 * np.sin(WAVELENGTH / 700))
    data, _ = task(templates=ba.Templates(WAVELENGTH, bent, true.names)).simulate(
        design(800, seed=3), seed=4
    )
    train, test = data[:500], data[500:]
    short = ba.NUTS(draws=50, tune=100, chains=2)
    plain = task(template_error=0.05).fit(train, short, seed=1, progress=False)
    learned = task(correction="learn", template_error="infer").fit(
        train, short, seed=1, progress=False
    )
    before, after = plain.scores(test), learned.scores(test)
    assert after["sigma_nmad"] < 0.75 * before["sigma_nmad"]
    assert after["cde_loss"] < before["cde_loss"] - 1
    assert after["pit_ks"] < 0.08


def test_what_is_missing_and_what_is_not_there(galaxies):
    data, _ = galaxies
    model = task().fit(data, ba.NUTS(draws=50, tune=100, chains=2), seed=1, progress=False)
    # Bands are matched by name.
    other = model.summary(data.select(*BANDS[::-1]))
    assert np.allclose(other["mean"], model.summary(data)["mean"])
    # A missing band is an infinite error; without any the prior is returned and flagged.
    flux, error = data.flux[:3].copy(), data.error[:3].copy()
    flux[0, 1], error[1, 1] = np.nan, 1e12
    flux[1], error[1] = data.flux[0], np.where(np.arange(6) == 1, 1e12, data.error[0])
    flux[2] = np.nan
    table = model.summary(ba.Photometry(flux, error, BANDS))
    assert table["mean"][0] == pytest.approx(table["mean"][1], rel=1e-6)
    assert table["flag"].tolist() == ["", "", "no photometry"]
    assert table["high_95"][2] - table["low_95"][2] > 0.5
    # What no template can be.
    odd = ba.Photometry([[1.0, 100.0, 1.0, 100.0, 1.0, 100.0]], [[0.01] * 6], BANDS)
    assert model.summary(odd)["flag"][0] == "poor fit"
    with pytest.raises(ValueError, match="'q' was not fitted"):
        model.summary(ba.Photometry([[1.0]], [[0.1]], ("q",)))


def test_population_from_likelihoods(galaxies):
    data, _ = galaxies
    model = task().fit(data, ba.NUTS(draws=50, tune=100, chains=2), seed=1, progress=False)
    edges = np.linspace(0, 1.5, 11)
    binned = model.binned(data, edges)
    population = ba.PopulationNz().fit(binned, ba.NUTS(200, 200, 2), seed=1, progress=False)
    mean = population.posterior["posterior"]["mean_redshift"]
    truth = float(np.mean(data.redshift))
    assert abs(float(mean.mean()) - truth) < 4 * float(mean.std()) + 0.02


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"templates": "cww"}, "cww-sb"),
        ({"templates": 3}, r"ba\.Templates"),
        ({"filters": "sdss"}, "band 'y' has no filter"),
        ({"between": -1}, "between"),
        ({"correction": "yes"}, "correction"),
        ({"template_error": 2.0}, "template_error"),
        ({"outliers": 1.0}, "outliers"),
        ({"z_max": -1.0}, "z_max"),
        ({"z_max": 0.5}, "row .* above z_max"),
        ({"step": 1.0}, "step"),
        ({"reference": "K"}, "'K' is no band"),
        ({"priors": {"depth": ba.Prior("Normal", mu=1, sigma=1)}}, "'depth'"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        task(**parameters).fit(design(60), progress=False)


def test_bad_data():
    data = design(60)
    with pytest.raises(ValueError, match="none is known"):
        task(correction="learn").fit(data.replace(redshift=None))
    with pytest.raises(ValueError, match="too few to correct"):
        task(correction="learn").fit(data[:20])
    gone = data.flux.copy()
    gone[:, 2] = np.nan
    with pytest.raises(ValueError, match="'r' is missing in every object"):
        task().fit(data.replace(flux=gone))
    with pytest.raises(ValueError, match="no flux in the band of reference"):
        task(reference="u", z_max=9.0).fit(data)


def test_bad_templates_and_filters(tmp_path):
    one = np.ones((1, 400))
    with pytest.raises(ValueError, match="increase"):
        ba.Templates(WAVELENGTH[::-1], one, ("a",))
    with pytest.raises(ValueError, match="has shape"):
        ba.Templates(WAVELENGTH, one[:, 1:], ("a",))
    with pytest.raises(ValueError, match="'a' must be finite"):
        ba.Templates(WAVELENGTH, -one, ("a",))
    with pytest.raises(ValueError, match="classes"):
        ba.Templates(WAVELENGTH, one, ("a",), ("x", "y"))
    with pytest.raises(ValueError, match="curves"):
        ba.Filters({})
    with pytest.raises(ValueError, match="transmission of g"):
        ba.Filters({"g": ([4000.0, 5000.0], [0.0, 0.0])})
    path = tmp_path / "g.txt"
    np.savetxt(path, np.column_stack([[4000, 4500, 5000], [0, 1, 0]]))
    assert ba.Filters.read({"g": path}).bands == ("g",)
    assert ba.Templates.read({"a": path}).names == ("a",)
    path.write_text("a b c\n")
    with pytest.raises(ValueError, match="two columns"):
        ba.Filters.read({"g": path})


def test_bundled_sets_are_whole():
    templates = ba.Templates.bundled("cww-sb")
    assert len(templates.names) == 8
    assert set(templates.classes) == {"early", "spiral", "blue"}
    more = templates.interpolated(2)
    assert len(more.names) == 22
    assert ba.Filters.bundled("sdss").bands == ("u", "g", "r", "i", "z")
    assert ba.Filters.bundled("lsst").bands == BANDS


def test_user_templates_are_stored(galaxies, tmp_path):
    data, _ = galaxies
    short = ba.NUTS(draws=20, tune=50, chains=2)
    model = task(correction="learn", template_error="infer")
    model.set_params(filters=ba.Filters(ba.Filters.bundled("lsst").curves))
    model.fit(data, short, seed=1, progress=False).save(tmp_path / "fit.nc")
    opened = ba.open(tmp_path / "fit.nc")
    assert opened.summary(data).equals(model.summary(data))
    assert opened.templates.names == ("red", "green", "blue")
