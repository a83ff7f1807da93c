"""Baselines of photometric redshifts, and the scores that all share."""

import numpy as np
import pytest
import xarray as xr
from samples import galaxies
from scipy.stats import norm
from sklearn.linear_model import LinearRegression

import bayes_astro as ba
from bayes_astro import baselines
from bayes_astro.photoz.scores import redshift_scores

TRAIN, TEST = galaxies(800, missing=40), galaxies(400, seed=1, missing=20)[:396]
ALL = {
    "forest": lambda: baselines.RandomForest(n_trees=30),
    "neighbours": baselines.NearestNeighbours,
    "polynomial": baselines.Polynomial,
    "regressor": lambda: baselines.Regressor(LinearRegression()),
}


@pytest.fixture(scope="module")
def fitted():
    found = {name: make().fit(TRAIN, seed=1) for name, make in ALL.items()}
    model = ba.XDPhotoZ(6, n_fits=2, error_scale="published")
    return found | {"mixture": model.fit(TRAIN, seed=1, progress=False)}


def test_all_go_through_compare(fitted):
    table = ba.compare(fitted, TEST)
    assert table.index[0] == "mixture"
    assert np.isfinite(table.to_numpy()).all()
    assert table["coverage_95"].between(0.92, 0.99).all() and (table["sigma_nmad"] < 0.1).all()
    # Of 396 objects: three standard deviations.
    assert table.loc["mixture", "coverage_68"] == pytest.approx(0.68, abs=0.07)
    assert table.loc["mixture", "coverage_95"] == pytest.approx(0.95, abs=0.033)
    assert table.loc["mixture", "sigma_nmad"] < 0.04
    for name in ("cde_loss", "pit_ks", "pit_p", "outliers", "objects_per_second"):
        assert name in table
    assert table.loc["mixture", "cde_loss"] == table["cde_loss"].min()


@pytest.mark.parametrize("name", ALL)
def test_densities_hold_together(fitted, name):
    model = fitted[name]
    z = np.expm1(np.linspace(np.log1p(-0.01), np.log1p(4.0), 20_001))
    density = model.pdf(TEST[:20], z)
    assert density.dims == ("row", "z")
    np.testing.assert_allclose(np.trapezoid(density, z, axis=1), 1.0, atol=2e-3)
    assert (model.pdf(TEST, [0.3]).values > 0).all()
    table = model.summary(TEST)
    assert (table["low_95"] <= table["low_68"]).all() and (
        table["median"] <= table["high_68"]
    ).all()
    draws = model.replicate(
        model.posterior["posterior"].to_dataset().isel(draw=[0] * 2000),
        TRAIN,
        TEST[:20],
        np.random.default_rng(1),
    )
    middle = np.median(draws.values.reshape(2000, 20), axis=0)
    np.testing.assert_allclose(middle, table["median"][:20], atol=0.03)
    at = np.array([density.values[i].argmax() for i in range(20)])
    np.testing.assert_allclose(z[at], table["mode"][:20], atol=5e-3)
    assert (model.summary()["sd"] > 0).all()
    assert "@" in model.citations()


@pytest.mark.parametrize(
    "make",
    [
        lambda: ba.XDPhotoZ(1, n_fits=1, error_scale="published"),
        lambda: baselines.NearestNeighbours(k=5),
    ],
    ids=["mixture", "on a grid"],
)
def test_the_pit_is_the_probability_below_the_redshift(make):
    """Of densities that are skewed and far from calibrated: reversed, it would be another number."""
    model, test = make().fit(TRAIN[:150], seed=1, progress=False), TEST[:25]
    z = np.expm1(np.linspace(np.log1p(-0.01), np.log1p(4.0), 40_001))
    density = model.pdf(test, z).values
    steps = 0.5 * (density[:, 1:] + density[:, :-1]) * np.diff(z)
    below = np.cumsum(np.pad(steps, ((0, 0), (1, 0))), axis=1)
    for low in (test, test.replace(redshift=0.5 * test.redshift)):
        expected = [np.interp(at, z, row) for at, row in zip(low.redshift, below, strict=True)]
        np.testing.assert_allclose(model.pit(low), expected, atol=5e-3)
    assert np.mean(expected) < 0.2


def test_saved_or_not(fitted, tmp_path):
    for name in ("forest", "neighbours", "polynomial"):
        fitted[name].save(tmp_path / "base.nc")
        opened = ba.open(tmp_path / "base.nc")
        assert opened.summary(TEST).equals(fitted[name].summary(TEST))
    with pytest.raises(ValueError, match="cannot be written with the fit"):
        fitted["regressor"].save(tmp_path / "no.nc")


def test_scores_of_a_known_density():
    """Every object has the density N(z; z_i + e_i, s), whose scores have closed forms."""
    rng = np.random.default_rng(0)
    n, s = 4000, 0.05
    z = rng.uniform(0.8, 1.2, n)
    centre = z + s * rng.normal(size=n)
    names = ("mode",)

    class Known:
        def responses(self, test):
            return test.redshift

        def pdf(self, test, grid):
            own = np.array([centre[int(f)] for f in test.flux[:, 0]])
            return xr.DataArray(norm.pdf(grid, own[:, None], s), dims=("row", "z"))

        def log_density_at(self, test):
            return norm.logpdf(z, centre, s)

        def pit(self, test):
            return norm.cdf(z, centre, s)

        def summary(self, test):
            import pandas as pd

            return pd.DataFrame({names[0]: centre})

    test = ba.Photometry(np.arange(n)[:, None], np.ones((n, 1)), ("g",), z)
    found = redshift_scores(Known(), test)
    square = 1 / (2 * s * np.sqrt(np.pi))
    assert found["cde_loss"] == pytest.approx(square - 2 * norm.pdf(z, centre, s).mean(), rel=1e-3)
    assert found["cde_loss"] == pytest.approx(-square, rel=0.05)
    u = (z - centre) / s
    crps = s * (u * (2 * norm.cdf(u) - 1) + 2 * norm.pdf(u) - 1 / np.sqrt(np.pi))
    assert found["crps"] == pytest.approx(crps.mean(), rel=1e-2)
    assert found["pit_p"] > 1e-3
    assert found["sigma_nmad"] == pytest.approx(np.std((centre - z) / (1 + z)), rel=0.1)
    assert found["coverage_68"] == pytest.approx(0.68, abs=0.03)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: baselines.RandomForest(n_trees=0), "n_trees=0"),
        (lambda: baselines.NearestNeighbours(k=2.5), r"k=2\.5"),
        (lambda: baselines.Polynomial(penalty=-1), "penalty=-1"),
        (lambda: baselines.Regressor(LinearRegression), "with brackets"),
    ],
)
def test_bad_parameters(make, message):
    with pytest.raises(ValueError, match=message):
        make().fit(TRAIN)


def test_bad_data():
    with pytest.raises(ValueError, match="20 objects with redshift"):
        baselines.RandomForest().fit(TRAIN[:10])
    with pytest.raises(ValueError, match="was not fitted"):
        baselines.NearestNeighbours().fit(TRAIN).summary(TEST.replace(bands=("g", "r", "i", "K")))
