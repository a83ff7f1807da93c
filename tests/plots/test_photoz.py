"""Figures of photometric redshifts: drawn at both widths, and what their labels say."""

from functools import cache

import numpy as np
import pytest
from samples import galaxies

import bayes_astro as ba
from bayes_astro.plots import photoz


@cache
def fitted():
    model = ba.XDPhotoZ(3, n_fits=1, error_scale="published")
    return model.fit(galaxies(200, missing=20), seed=1, progress=False)


@pytest.mark.parametrize("width", ["page", "column"])
def test_every_figure(width):
    model = fitted()
    for name in model.figure_names():
        assert model.plot(name, width=width)._repr_png_()[:4] == b"\x89PNG"
    with pytest.raises(ValueError, match="10 objects are brighter"):
        photoz.reliability(model, galaxies(1000)[:10])
    forest = ba.baselines.RandomForest(n_trees=10).fit(model.data)
    assert forest.plot(width=width)._repr_png_()[:4] == b"\x89PNG"
    with pytest.raises(ValueError, match="Unknown figure 'error_scales'"):
        forest.plot("error_scales")


def test_redshifts_are_modes_against_spectra():
    other = galaxies(60, seed=3)
    known = other[np.flatnonzero(~np.isnan(other.redshift))]
    top, bottom = fitted().plot("redshifts", at=other).axes
    mode = fitted().summary(known)["mode"].to_numpy()
    cells = top.collections[0]
    assert cells.get_array().sum() == len(known)
    centres, count = cells.get_offsets(), cells.get_array()
    for axis, value in ((0, known.redshift), (1, mode)):
        middle = np.sum(centres[:, axis] * count) / count.sum()
        assert middle == pytest.approx(np.mean(value), abs=0.02)
    assert bottom.get_ylabel().replace("\n", " ") == "difference / (1+z)"
    assert top.get_ylabel() == "photometric redshift (mode)"


def test_densities_hold_the_objects_one_and_their_spectra():
    other = galaxies(30, seed=4)[:6]
    axes = fitted().plot("densities", at=other).axes
    drawn_at = [axis for axis in axes if axis.get_visible()]
    assert len(drawn_at) == 6
    lines = [axis.get_lines()[0].get_xdata()[0] for axis in drawn_at]
    np.testing.assert_allclose(lines, np.sort(other.redshift))
    outline = drawn_at[0].collections[0].get_paths()[0].vertices
    area = 0.5 * abs(np.sum(outline[:-1, 0] * outline[1:, 1] - outline[1:, 0] * outline[:-1, 1]))
    assert area == pytest.approx(1, abs=0.1)


def test_the_calibration_draws_the_pit():
    model = fitted()
    known = model.data[np.flatnonzero(~np.isnan(model.data.redshift))]
    known = known[np.flatnonzero(~known.missing.all(axis=1))]
    pit = np.sort(model.pit(known))
    _, top, bottom = model.plot("calibration").axes
    uniform, shown = top.get_lines()[0].get_data()
    np.testing.assert_allclose(shown, pit)
    np.testing.assert_allclose(bottom.get_lines()[0].get_ydata(), pit - uniform)


def test_the_reliability_counts_the_redshifts_within():
    model = fitted()
    known = model.data[np.flatnonzero(~np.isnan(model.data.redshift))]
    (axis,) = model.plot("reliability").axes
    inside = np.abs(model.pit(known) - 0.5)
    for one, level in zip(axis.containers, (0.68, 0.95), strict=True):
        assert one.get_label() == f"{level:.0%} intervals"
        shown = one[0].get_ydata()
        assert np.mean(shown) == pytest.approx(np.mean(inside < level / 2), abs=0.03)


def test_error_scales_are_those_of_the_bands():
    model = fitted()
    (axis,) = model.plot("error_scales").axes
    shown = axis.get_lines()[1].get_ydata()
    expected = model.posterior["posterior"]["error_scale"].values
    np.testing.assert_allclose(shown, expected.reshape(-1, len(shown))[0])
    assert [text.get_text() for text in axis.get_xticklabels()] == list(model.data.bands)
