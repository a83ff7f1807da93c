"""Components of spectra by six methods: what they recover, and what they are worth on hidden pixels."""

import numpy as np
import pytest
from samples import spectra
from scipy.linalg import subspace_angles

import bayes_astro as ba
from bayes_astro.baselines.spectral_methods import METHODS, residual_width
from bayes_astro.sample_scores import NAMES
from bayes_astro.spectra.hidden import hidden, without
from bayes_astro.spectra.inputs import the_same_grid

PCA = ("pca", "iterative-pca", "weighted-pca")


def fitted(method, data, k=3):
    return ba.baselines.SpectralComponents(method, k).fit(data)


def variable(fit, name):
    return fit.posterior["posterior"][name].values[0, 0]


def angle(found, true):
    """The largest angle between what they span, in degrees."""
    return np.degrees(subspace_angles(np.atleast_2d(found).T, np.atleast_2d(true).T).max())


@pytest.mark.parametrize("method", METHODS)
def test_components_are_recovered(method):
    data, true, component = spectra(noise=0.05, gaps=0.06)
    fit = fitted(method, data, 4 if method == "nmf" else 3)
    if method == "nmf":  # the mean is one of its components
        assert angle(np.vstack([component, true.mean(axis=0)]), variable(fit, "component")) < 10
        assert (variable(fit, "component") >= 0).all()
    else:
        assert angle(variable(fit, "component"), component) < (1.5 if method in PCA[1:] else 8)
    found = fit.predict(data)
    assert found["signal"].dims == ("chain", "draw", "spectrum", "pixel")
    assert found["coefficient"].shape == (1, 1, 150, fit.posterior["posterior"].sizes["factor"])
    error = (found["signal"].values[0, 0] - true)[~data.missing]
    assert np.sqrt(np.mean(error**2)) < (0.1 if method == "nmf" else 0.05)
    z = found["coefficient"].values[0, 0]
    assert np.mean(z**2, axis=0) == pytest.approx(np.ones(z.shape[1]), rel=0.15)


def test_each_pixel_alone_says_what_it_should():
    """One component, one pixel measured: the coefficient is (x - mean) / v there, shrunk by factor analysis."""
    data, _, _ = spectra(k=1, gaps=0)
    one = np.full((1, 80), np.nan)
    one[0, 40] = 6.5
    for method in ("weighted-pca", "factor-analysis"):
        fit = fitted(method, data, 1)
        mean, (v,), residual = (variable(fit, x) for x in ("mean", "component", "residual"))
        at = ba.Spectra(data.wavelength, one, 0.2)
        z = float(fit.predict(at)["coefficient"].squeeze())
        shrunk = 0.2**2 + residual[40] ** 2 if method == "factor-analysis" else 0.0
        assert z == pytest.approx((6.5 - mean[40]) * v[40] / (v[40] ** 2 + shrunk), rel=1e-9)


def test_equal_weights_without_gaps_are_plain_principal_components():
    data, _, _ = spectra(noise=0.2, gaps=0)
    plain = np.linalg.svd(data.flux - data.flux.mean(axis=0))[2][:3]
    for method in PCA:
        fit = fitted(method, data)
        assert np.allclose(variable(fit, "mean"), data.flux.mean(axis=0), atol=1e-10)
        assert angle(variable(fit, "component"), plain) < 0.1
        z = fit.predict(data)["coefficient"].values[0, 0]
        assert np.allclose(z.T @ z / len(z), np.eye(3), atol=2e-3)
    scaled = ba.baselines.SpectralComponents("weighted-pca", 3).fit(data.replace(error=7.0))
    assert np.allclose(variable(scaled, "component"), variable(fit, "component"))
    unknown = ba.baselines.SpectralComponents("weighted-pca", 3).fit(data.replace(error=0.0))
    assert np.allclose(variable(unknown, "component"), variable(fit, "component"))


def gap_error(method, spread, gaps, **options):
    data, true, _ = spectra(spread=spread, gaps=gaps, **options)
    found = fitted(method, data).predict(data)["signal"].values[0, 0]
    return np.sqrt(np.mean((found - true)[data.missing] ** 2))


def test_weights_and_filling_are_worth_their_while(monkeypatch):
    assert gap_error("weighted-pca", 10, 0.1, noise=0.5) < 0.8 * gap_error(
        "pca", 10, 0.1, noise=0.5
    )
    assert gap_error("iterative-pca", 1, 0.3) < 0.5 * gap_error("pca", 1, 0.3)
    scores = {}
    train, _, _ = spectra(spread=10, noise=0.5)
    test = spectra(spread=10, noise=0.5, n=300)[0][150:]
    for method in ("weighted-pca", "pca"):
        scores[method] = fitted(method, train)
    # Its own scores take the place of those of whole spectra, which are not drawn.
    monkeypatch.setattr(ba.baselines.SpectralComponents, "replicate", None)
    table = ba.compare(scores, test)
    assert table.index[0] == "weighted-pca"
    assert table.loc["weighted-pca", "crps"] < table.loc["pca", "crps"]
    assert {"log_score", *NAMES, "rows"} == set(table.columns)
    assert table["rows"].tolist() == [150, 150]


@pytest.mark.parametrize("method", ["pca", "ica", "iterative-pca", "weighted-pca"])
def test_noiseless_spectra_are_predicted_exactly(method):
    data, true, _ = spectra(noise=1e-12, gaps=0, stated=False)
    fit = fitted(method, data)
    holes = without(data, hidden(data))
    found = fit.predict(holes)["signal"].values[0, 0]
    assert np.abs(found - true).max() < 1e-6
    assert (variable(fit, "residual") > 0).all()


def test_gaps_of_noiseless_spectra_are_filled_exactly():
    data, true, _ = spectra(noise=1e-12, gaps=0.2, stated=False)
    for method in PCA[1:]:
        found = fitted(method, data).predict(data)["signal"].values[0, 0]
        assert np.abs(found - true).max() < 1e-3, method


def test_the_residual_is_what_errors_leave():
    """Scatter of 0.3 beyond errors of 0.1 to 1; 0 where there is none."""
    rng = np.random.default_rng(3)
    error = 10 ** rng.uniform(-1, 0, (4000, 3))
    flux = np.hypot(error, [0.3, 0.0, 1.0]) * rng.normal(size=(4000, 3))
    flux[:100, 1] = np.nan
    width = residual_width(flux, np.where(np.isnan(flux), np.nan, error), np.zeros(3), 0)
    assert width == pytest.approx([0.3, 0.0, 1.0], abs=0.03)
    plain = residual_width(flux, np.zeros_like(flux), np.zeros(3), 0)
    assert plain == pytest.approx(np.sqrt(np.nanmean(flux**2, axis=0)), rel=1e-3)


def test_scores_are_calibrated_where_the_model_holds():
    train, _, _ = spectra(n=600, noise=0.3, seed=4)
    fit = fitted("weighted-pca", train[:400])
    test = train[400:]
    found = fit.scores(test)
    assert found["coverage_68"] == pytest.approx(0.66, abs=0.05)
    assert found["coverage_95"] == pytest.approx(0.94, abs=0.03)
    # By hand: log N of the hidden pixels, and their mean square.
    mask = hidden(test)
    signal = fit.predict(without(test, mask))["signal"].values[0, 0]
    width = np.hypot(test.error, variable(fit, "residual"))
    logs = -0.5 * ((test.flux - signal) / width) ** 2 - np.log(width) - 0.5 * np.log(2 * np.pi)
    assert fit.score(test) == pytest.approx(np.where(mask, logs, 0).sum(axis=1).mean())
    assert found["rmse"] == pytest.approx(np.sqrt(np.mean((test.flux - signal)[mask] ** 2)), 1e-2)
    replicated = fit.posterior_predictive()["observation"].values[0, 0]
    there = ~train[:400].missing
    assert replicated[there].std() == pytest.approx(train[:400].flux[there].std(), rel=0.1)
    few = ba.Spectra(train.wavelength, np.where(np.arange(80) < 9, train[:2].flux, np.nan), 0.3)
    assert not hidden(few).any()
    assert fit.log_predictive(fit.posterior["posterior"].to_dataset(), few).values.tolist() == [
        [[0.0, 0.0]]
    ]
    assert fit.scores(few) == dict.fromkeys(NAMES)


def test_the_number_of_factors_is_chosen():
    data, _, _ = spectra(n=100)
    fit = ba.baselines.SpectralComponents("weighted-pca", "auto").fit(data)
    assert fit.posterior["posterior"].sizes["factor"] == 3
    assert fit.n_factors == "auto"


def test_a_file_holds_it_all(tmp_path):
    data, _, _ = spectra(unit="Jy", names=[f"s{i}" for i in range(150)])
    fit = fitted("iterative-pca", data)
    fit.save(tmp_path / "fit.nc")
    opened = ba.open(tmp_path / "fit.nc")
    assert opened.data == data
    assert np.array_equal(opened.predict()["observation"], fit.predict()["observation"])
    assert opened.score(data) == fit.score(data)
    assert set(opened.summary()["unit"]) == {"Jy"}
    assert (opened.summary()["sd"] > 0).all()
    assert "Bailey" in opened.citations()


def test_units_of_new_spectra_are_converted():
    data, _, _ = spectra(unit="Jy")
    other = data.replace(
        wavelength=data.wavelength / 10, wavelength_unit="nm", flux=1e3 * data.flux,
        error=1e3 * data.error, unit="mJy",
    )  # fmt: skip
    found = the_same_grid(other, data)
    assert np.array_equal(found.wavelength, data.wavelength)
    assert np.allclose(found.flux, data.flux, equal_nan=True)
    fit = fitted("weighted-pca", data)
    assert fit.score(other) == pytest.approx(fit.score(data))
    for change, message in (
        (
            {"wavelength": data.wavelength + 0.1},
            "pixel 0 is at 4000.1 Angstrom, .* 4000; bring them",
        ),
        ({"unit": "m"}, "converted"),
        ({"unit": ""}, "say that they are the same"),
    ):
        with pytest.raises(ValueError, match=message):
            fit.predict(data.replace(**change))
    short = ba.Spectra(data.wavelength[1:], data.flux[:, 1:], data.error[:, 1:], unit="Jy")
    with pytest.raises(ValueError, match="79 pixels, .*; 80 were fitted"):
        fit.predict(short)
    with pytest.raises(ValueError, match="expected Spectra"):
        fit.predict(data.flux)


def test_refusals_name_the_remedy():
    data, _, _ = spectra()
    new = ba.baselines.SpectralComponents
    for method, k, message in (
        ("PCA", 3, "'weighted-pca'"),
        ("pca", 0, "at least 1"),
        ("pca", "many", "or 'auto'"),
        ("pca", 81, "fewer factors"),
    ):
        with pytest.raises(ValueError, match=message):
            new(method, k).fit(data)
    empty = np.where(np.isin(np.arange(80), [5, 7]), np.nan, data.flux)
    one = np.flatnonzero(~data.missing[0])[0]
    for bad, message in (
        (data[:5], "5 spectra are too few for 5 factors: it takes 6 or more; .* fewer factors"),
        (data.replace(flux=empty), r"wavelength 4063.29\d* Angstrom \(and 1 more\) .* leave it out: keep"),
        (data.replace(flux=data.flux * np.where(np.arange(150) == 3, 1e-3, 1)[:, None]),
         "times that of row 3, .* normalise: spectra.normalized"),
        (data.replace(flux=np.tile(np.where(data.missing[0], 1, data.flux[0]), (150, 1))), "the same in all"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            new(n_factors=5).fit(bad)
    with pytest.raises(ValueError, match="row 0 is .*method='nmf' takes fluxes >= 0: clip them"):
        new("nmf").fit(data.replace(flux=data.flux - data.flux[0, one] - 0.1))
    # Logarithms of normalised fluxes are near 0 in places, and no reason to refuse.
    new("pca", 2).fit(data.replace(flux=np.log(data.flux / data.flux[0, one])))
