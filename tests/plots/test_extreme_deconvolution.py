"""Every figure of a deconvolved density, for what such a fit may be: dimensions, gaps, one draw."""

import matplotlib as mpl
import numpy as np
import pytest

import bayes_astro as ba
from bayes_astro import report
from bayes_astro.plots import extreme_deconvolution as plots
from bayes_astro.plots import mixture_panels as panels
from bayes_astro.plots import style

LEAST_POINTS = 6.5


def clusters(n=80, d=2, missing=0.0, projected=False, seed=0, others=0):
    """Two groups with errors, perhaps with gaps, others far off, or two columns of a projection."""
    rng = np.random.default_rng(seed)
    true = rng.normal(size=(n, d)) + 4 * rng.integers(2, size=(n, 1))
    true[:others] = rng.uniform(-20, 20, (others, d))
    projection = rng.normal(size=(n, 2, d)) if projected else None
    value = np.einsum("nij,nj->ni", projection, true) if projected else true
    error = rng.uniform(0.2, 0.8, value.shape)
    value = value + error * rng.normal(size=value.shape)
    gap = rng.uniform(size=value.shape) < missing
    gap[:10] = False
    units = ("km/s",) * value.shape[1]
    return ba.Measurements(np.where(gap, np.nan, value), error, projection=projection, units=units)


LAPLACE = ba.Laplace(draws=40, restarts=2, moves=0, threads=1)
MAP = ba.MAP(restarts=2, moves=0, threads=1)
FITS = {
    "one": (lambda: ba.ExtremeDeconvolution(2), {"d": 1}, LAPLACE),
    "two": (lambda: ba.ExtremeDeconvolution(1), {}, LAPLACE),
    "gaps": (lambda: ba.ExtremeDeconvolution(2), {"d": 3, "missing": 0.3}, LAPLACE),
    "projected": (
        lambda: ba.ExtremeDeconvolution(2, dimensions=("U", "V", "W$1$")),
        {"d": 3, "projected": True},
        LAPLACE,
    ),
    "seven": (lambda: ba.ExtremeDeconvolution(2), {"d": 7}, MAP),
    "broad": (lambda: ba.ExtremeDeconvolution(2, background="broad"), {"others": 20}, MAP),
    "uniform": (lambda: ba.ExtremeDeconvolution(2, background="uniform"), {"others": 20}, MAP),
    "chosen": (lambda: ba.ExtremeDeconvolution((1, 2), criterion="bic"), {}, MAP),
    "errors ignored": (lambda: ba.ExtremeDeconvolution(2).baseline(), {}, None),
    "kernels": (lambda: ba.baselines.KernelDensity(0.4), {"d": 3}, None),
}
FITTED = {}


def fitted(name):
    if name not in FITTED:
        model, design, sampler = FITS[name]
        FITTED[name] = model().fit(clusters(**design), sampler, seed=1, progress=False)
    return FITTED[name]


def texts(figure):
    """What is written, with its size in points."""
    for text in figure.findobj(mpl.text.Text):
        if text.get_text() and text.get_visible():
            yield text.get_text(), text.get_fontsize()


@pytest.mark.parametrize("width", style.WIDTHS)
@pytest.mark.parametrize("figure", plots.FIGURES)
@pytest.mark.parametrize("name", FITS)
def test_is_drawn_with_letters_that_can_be_read(name, figure, width):
    before = mpl.rcParams.copy()
    drawn = fitted(name).plot(figure, width=width)
    drawn.draw_without_rendering()
    assert mpl.rcParams == before
    assert drawn.get_figwidth() == style.WIDTHS[width]
    written = dict(texts(drawn))
    assert written
    assert min(written.values()) >= LEAST_POINTS
    for axis in drawn.axes:
        for edges in (axis.get_xlim(), axis.get_ylim()):
            assert np.isfinite(edges).all() and edges[0] < edges[1]


@pytest.mark.parametrize("width", style.WIDTHS)
@pytest.mark.parametrize("figure", plots.FIGURES)
@pytest.mark.parametrize("name", ["gaps", "projected", "chosen"])
def test_labels_stay_on_the_page(name, figure, width):
    drawn = fitted(name).plot(figure, width=width)
    drawn.draw_without_rendering()
    for axis in filter(lambda axis: axis.get_visible(), drawn.axes):
        for label in (axis.xaxis.label, axis.yaxis.label, axis._left_title):
            if not label.get_text():
                continue
            box = label.get_window_extent()
            assert box.x0 >= -1 and box.x1 <= drawn.bbox.width + 1, label.get_text()
            assert box.y0 >= -1 and box.y1 <= drawn.bbox.height + 1, label.get_text()


def test_the_overview_is_the_first_figure():
    assert fitted("two").figure_names()[0] == "overview"


def test_both_panels_of_the_overview_have_the_same_range():
    measured, deconvolved = fitted("broad").plot().axes
    assert measured.get_xlim() == deconvolved.get_xlim()
    assert measured.get_ylim() == deconvolved.get_ylim()
    assert measured.get_title(loc="left") == "measured"
    assert deconvolved.get_title(loc="left") == "density, deconvolved"


def test_under_a_projection_true_values_are_drawn_and_named():
    first, *_ = fitted("projected").plot().axes
    assert "one draw of each object's true values" in first.get_title(loc="left")
    assert first.get_xlabel() == "U [km/s]"
    *_, last = fitted("projected").plot("density").axes
    assert last.get_xlabel() == r"W\$1\$ [km/s]"


def test_the_curves_are_the_models_own_densities():
    model = fitted("gaps")
    draws = panels.draws_of(model, 20)
    at = np.linspace(-2, 6, 9)[:, None]
    expected = np.exp(model.marginal("x1", draws=20).log_density(at))
    np.testing.assert_allclose(panels.density_at(draws, (1,), at), expected, rtol=1e-9)


@pytest.mark.parametrize("name", ["one", "two"])
def test_densities_are_drawn_where_they_are_asked_for(name):
    model = fitted(name)
    columns = np.array([[-1.0, 0.0], [0.5, 1.0], [2.0, 4.0]])[:, : model.data.d]
    axes = model.plot("density", at=columns).axes
    for j, axis in enumerate(axes):
        at, mean = axis.get_lines()[0].get_data()
        np.testing.assert_allclose(at, columns[:, j])
        expected = np.exp(model.marginal(f"x{j}").log_density(columns[:, [j]])).mean(axis=0)
        np.testing.assert_allclose(mean, expected, rtol=1e-6)
        assert axis.get_xlabel() == f"x{j} [km/s]"
    with pytest.raises(ValueError, match=r"at must have a column for each of the"):
        model.plot("density", at=np.ones((3, 5)))


def test_the_kernels_are_those_of_the_baseline():
    model = fitted("kernels")
    at = clusters(5, 3, seed=3)
    expected = model.pointwise(model.posterior["posterior"].to_dataset(), at).values[0]
    found = panels.density_at(panels.draws_of(model, 1), (0, 1, 2), at.value)
    np.testing.assert_allclose(np.log(found), expected, rtol=1e-9)


def test_the_expected_curve_has_the_width_of_the_measured_values():
    rng = np.random.default_rng(4)
    error = rng.uniform(0.5, 2.0, (2000, 1))
    value = rng.normal(size=(2000, 1)) + error * rng.normal(size=(2000, 1))
    model = ba.ExtremeDeconvolution(1).fit(ba.Measurements(value, error), MAP, progress=False)
    at = np.linspace(-8, 8, 801)
    curve = panels.broadened(model, panels.draws_of(model, 1), 0, at)
    step = at[1] - at[0]
    assert curve.sum() * step == pytest.approx(1, abs=0.01)
    sd = np.sqrt((curve * (at - (curve * at).sum() * step) ** 2).sum() * step)
    assert sd == pytest.approx(value.std(), rel=0.03)
    alone = panels.density_at(panels.draws_of(model, 1), (0,), at[:, None])[0]
    assert np.sqrt((alone * at**2).sum() * step) == pytest.approx(1, rel=0.1)


def test_the_choice_shows_every_number_of_components():
    choice, weights = fitted("chosen").plot("components").axes
    np.testing.assert_array_equal(choice.get_lines()[0].get_xdata(), [1, 2])
    assert choice.get_ylabel() == "BIC"
    assert weights.get_ylabel() == "weight"


def test_a_report_has_the_figures_and_a_short_table():
    model = fitted("seven")
    page = report.page(model)
    for name in ("overview", "density"):
        assert f'<img alt="{name}"' in page
    table = model.summary()
    shown = report.main_rows(model, table)
    assert len(table) > 150 and len(shown) < 50
    assert "weight[0]" in shown.index
    assert "total_covariance[x0, x1]" in shown.index
    assert "total_covariance[x1, x0]" not in shown.index
    assert f"{len(shown)} of {len(table)} parameters" in page
