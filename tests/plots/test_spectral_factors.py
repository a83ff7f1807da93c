"""Figures of factors of spectra show the numbers that they name."""

import numpy as np
import pytest
from samples import spectra

import bayes_astro as ba

KINDS = ("early", "late")


@pytest.fixture(scope="module")
def data():
    return spectra(n=40, p=50, k=2, seed=3)[0].replace(label=[*KINDS * 19, None, None])


@pytest.fixture(scope="module")
def fitted(data):
    short = ba.Gibbs(draws=100, tune=60, chains=2)
    return ba.SpectralFactors(robust=False).fit(data, short, seed=1, progress=False)


@pytest.fixture(scope="module")
def others():
    return spectra(n=6, p=50, k=2, seed=5)[0]


def test_components_have_their_medians_and_shares(fitted, data):
    axes = fitted.plot("components").axes
    draws = fitted.posterior["posterior"]
    count = draws.sizes["factor"]
    assert [axis.get_ylabel() for axis in axes] == [
        "mean",
        *(f"factor {k + 1}" for k in range(count)),
    ]
    share = fitted.explained()["share"].values
    for k, axis in enumerate(axes):
        x, y = axis.get_lines()[0].get_data()
        curve = draws["mean"] if k == 0 else draws["component"].isel(factor=k - 1)
        np.testing.assert_array_equal(x, data.wavelength)
        np.testing.assert_allclose(y, curve.median(("chain", "draw")), rtol=1e-9)
        if k:
            assert axis.texts[0].get_text() == f"{100 * share[k - 1]:.3g}%"
    assert axes[-1].get_xlabel() == "wavelength [Angstrom]"


def test_gaps_show_reconstructions_where_nothing_was_measured(fitted, others):
    figure = fitted.plot("gaps", at=others)
    assert len(figure.axes) == 4
    rows = np.sort(np.argsort(-others.missing.sum(axis=1), kind="stable")[:4])
    found = fitted.reconstruct(others[rows])
    for i, (axis, row) in enumerate(zip(figure.axes, rows, strict=True)):
        one = found.isel(spectrum=i)
        for band, low, high in zip(
            axis.collections, ("q025", "q16"), ("q975", "q84"), strict=False
        ):
            edges = band.get_paths()[0].vertices[:, 1]
            assert edges.min() == pytest.approx(float(one[low].min()))
            assert edges.max() == pytest.approx(float(one[high].max()))
        np.testing.assert_array_equal(axis.get_lines()[0].get_ydata(), others.flux[row])
        shaded = np.zeros(len(others.wavelength), bool)
        for patch in axis.patches:
            left, right = patch.get_x(), patch.get_x() + patch.get_width()
            shaded |= (others.wavelength > left) & (others.wavelength < right)
        np.testing.assert_array_equal(shaded, others.missing[row])
        assert axis.texts[0].get_text() == f"row {row}"


def test_coefficients_stand_with_their_classes(fitted, data):
    figure = fitted.plot("coefficients")
    mean = fitted.predict(data)["coefficient_mean"]
    names = [container.get_label() for container in figure.axes[0].containers]
    assert names == [*KINDS, "no label"]
    for name, container in zip(names, figure.axes[0].containers, strict=True):
        rows = np.array([(kind or "no label") == name for kind in data.label])
        x, y = container.lines[0].get_data()
        # moments of another choice of draws
        np.testing.assert_allclose(x, mean.values[rows, 0], atol=0.1)
        np.testing.assert_allclose(y, mean.values[rows, 1], atol=0.1)


def test_coefficients_of_others(fitted, others):
    (container,) = fitted.plot("coefficients", at=others).axes[0].containers
    assert len(container.lines[0].get_xdata()) == len(others)
    assert container.get_label() == "spectra"


def test_explained_has_the_shares_and_the_chosen_number(fitted):
    above, below = fitted.plot("explained").axes
    values = fitted.posterior["posterior"]["eigenvalue"].stack(s=("chain", "draw"))
    share = (values / values.sum("factor")).median("s")
    x, y = above.containers[0].lines[0].get_data()
    np.testing.assert_allclose(y, share.values)
    assert list(x) == list(range(1, len(share) + 1))
    choice = fitted.posterior["choice"]
    (chosen,) = [line for line in below.get_lines() if line.get_label() == "chosen"]
    assert chosen.get_xdata()[0] == choice.attrs["chosen"]
    x, y = below.containers[0].lines[0].get_data()
    np.testing.assert_array_equal(x, choice["n_factors"].values)
    np.testing.assert_allclose(np.array(y, float), -choice["behind"].values)


@pytest.mark.parametrize("figure", ["gaps", "coefficients"])
def test_other_spectra_must_be_spectra_on_the_same_grid(fitted, others, figure):
    with pytest.raises(
        ValueError, match="expected Spectra like those that were fitted, got ndarray"
    ):
        fitted.plot(figure, at=others.flux)
    moved = ba.Spectra(others.wavelength + 100, others.flux, 0.1)
    with pytest.raises(ValueError, match="wavelength"):
        fitted.plot(figure, at=moved)
