"""Figures of photometric redshifts draw at both widths."""

import pytest
from samples import galaxies

import bayes_astro as ba
from bayes_astro.plots import photoz


@pytest.mark.parametrize("width", ["page", "column"])
def test_every_figure(width):
    model = ba.XDPhotoZ(3, n_fits=1, error_scale="published")
    model.fit(galaxies(200, missing=20), seed=1, progress=False)
    for name in model.figure_names():
        assert model.plot(name, width=width)._repr_png_()[:4] == b"\x89PNG"
    with pytest.raises(ValueError, match="10 objects are brighter"):
        photoz.reliability(model, galaxies(1000)[:10])
    forest = ba.baselines.RandomForest(n_trees=10).fit(model.data)
    assert forest.plot(width=width)._repr_png_()[:4] == b"\x89PNG"
    with pytest.raises(ValueError, match="Unknown figure 'error_scales'"):
        forest.plot("error_scales")
