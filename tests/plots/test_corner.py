"""Corners that can be read: nothing overlaps, axes suit the draws, modes stand side by side."""

from functools import cache
from itertools import combinations, pairwise

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from samples import by_hand, drawn, line, walk
from scipy.stats import norm

import bayes_astro as ba
from bayes_astro.plots import corner, scales, style

DRAWS = 2000
RNG = np.random.default_rng(3)
COLUMNS = {
    "sigma": RNG.lognormal(0.0, 0.2, DRAWS),
    "tau": RNG.lognormal(4.0, 1.5, DRAWS),
    "offset": RNG.normal(-6690.0, 3.0, DRAWS),
    "orbital_period": np.where(
        RNG.uniform(size=DRAWS) < 0.7, RNG.normal(23.1, 0.07, DRAWS), RNG.normal(11.56, 0.03, DRAWS)
    ),
    "semi_amplitude": RNG.normal(6.5, 1.2, DRAWS),
    "eccentricity": RNG.beta(1, 6, DRAWS),
    "omega": RNG.normal(0, 1, DRAWS),
    "phase": RNG.normal(2, 0.2, DRAWS),
    "jitter": RNG.lognormal(-9, 1.5, DRAWS),
    "time_of_conjunction": RNG.normal(2457782.651, 2e-4, DRAWS),
    "amplitude_of_second_band": RNG.normal(size=DRAWS),
    "quality": RNG.lognormal(1, 0.2, DRAWS),
    "fraction": RNG.beta(2, 2, DRAWS),
}


def process(*names, **columns):
    model = ba.GaussianProcess(ba.kernels.DampedRandomWalk())
    return by_hand(model, walk(20), drawn(**{name: COLUMNS[name] for name in names}, **columns))


def drawn_corner(model, width="page"):
    """The figure, laid out, and its panels by row and column."""
    with style.applied(width):
        figure = corner.corner(model)
    FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    count = int(np.sqrt(2 * len(figure.axes)))
    places = [(i, j) for i in range(count) for j in range(i + 1)]
    return figure, dict(zip(places, figure.axes, strict=True))


@cache
def corner_of(count, width):
    return drawn_corner(process(*list(COLUMNS)[:count]), width)


def boxes(figure):
    """Every text that is seen, with the rectangle it takes."""
    renderer = figure.canvas.get_renderer()
    for text in figure.findobj(mpl.text.Text):
        shown = text.get_visible() and text.get_text().strip()
        if shown and all(axis.get_visible() for axis in [text.axes] if axis is not None):
            box = text.get_window_extent(renderer)
            if box.width > 0:
                yield text.get_text(), box


@pytest.mark.parametrize("width", style.WIDTHS)
@pytest.mark.parametrize("count", [1, 3, 5, 12, "long"])
def test_no_texts_overlap_and_none_leaves_the_page(count, width):
    if count == "long":  # of scikit-learn's kernels
        names = (f"log_hyperparameter[k{i}__length_scale]" for i in "123")
        draws = dict.fromkeys(names, COLUMNS["omega"]) | {"jitter": COLUMNS["jitter"]}
        figure, _ = drawn_corner(process(**draws), width)
        count = 4
    else:
        figure, _ = corner_of(count, width)
    found = list(boxes(figure))
    assert len(found) >= 2 * min(count, 12)
    for (one, a), (other, b) in combinations(found, 2):
        across = min(a.x1, b.x1) - max(a.x0, b.x0)
        along = min(a.y1, b.y1) - max(a.y0, b.y0)
        assert across <= 0.5 or along <= 0.5, (one, other)
    for text, box in found:
        assert box.x0 >= 0 and box.x1 <= figure.bbox.width, text
        assert box.y0 >= 0 and box.y1 <= figure.bbox.height, text


@pytest.mark.parametrize("width", style.WIDTHS)
@pytest.mark.parametrize("count", [3, 12])
def test_every_name_and_two_numbers_an_axis_can_be_read(count, width):
    names = list(COLUMNS)[:count]
    figure, panels = corner_of(count, width)
    written = [text for text, _ in boxes(figure)]
    for name in names:
        assert any(text.startswith(name) for text in written), name
    for i in range(1, count):
        numbers = [t for t in panels[i, 0].get_yticklabels() if t.get_text()]
        assert len(numbers) >= 2
        below = [t for t in panels[count - 1, i].get_xticklabels() if t.get_text()]
        assert len(below) >= 2
    assert min(t.get_fontsize() for t in figure.findobj(mpl.text.Text)) >= 6.5


def test_what_is_left_out_is_said(monkeypatch):
    assert corner.MOST == 12
    monkeypatch.setattr(corner, "MOST", 3)
    figure, panels = drawn_corner(process(*list(COLUMNS)[:4]))
    assert len(panels) == 6
    assert any("3 of 4 variables" in text for text, _ in boxes(figure))


@pytest.mark.parametrize(
    ("decades", "shift", "kind"),
    [(1.4, 0.0, "linear"), (1.6, 0.0, "log"), (6.0, 0.0, "log"), (1.6, -1.0, "linear")],
)
def test_wide_positive_quantities_have_logarithmic_axes(decades, shift, kind):
    # Quantiles of a normal in log10: 1 and 99% are 4.653 standard deviations apart.
    spread = np.random.default_rng(0).permutation(norm.ppf((np.arange(DRAWS) + 0.5) / DRAWS))
    values = 10 ** (decades / 4.6527 * spread) + shift
    assert scales.scale_of(values).kind == kind
    _, panels = drawn_corner(process("sigma", tau=values))
    assert panels[1, 1].get_xscale() == panels[1, 0].get_yscale() == kind
    assert panels[1, 0].get_xscale() == "linear"


@pytest.mark.parametrize(
    ("low", "high", "most", "texts"),
    [
        (1e-4, 0.04, 2, ["$10^{-3}$", "0.01"]),
        (0.6, 7000, 4, ["1", "10", "100", "1000"]),
        (0.6, 7000, 2, ["10", "1000"]),
        (1e-12, 1e12, 3, ["$10^{-6}$", "1", "$10^{6}$"]),
        (2.2, 80, 3, ["3", "10", "30"]),
        (1.1, 1.9, 2, ["1.2", "1.7"]),
    ],
)
def test_numbers_of_logarithmic_axes_are_round(low, high, most, texts):
    at, written = scales.Scale("log", low, high).ticks(most, 0.03)
    assert written == texts
    plain = [float(x.strip("$").replace("10^{", "1e").replace("}", "")) for x in written]
    np.testing.assert_allclose(at, plain, rtol=1e-9)


def test_the_axis_is_broken_between_modes_and_each_is_seen():
    values = COLUMNS["orbital_period"]
    _, panels = drawn_corner(process("sigma", "orbital_period"))
    panel = panels[1, 1]
    labels = [text.get_text() for text in panel.get_xticklabels()]
    assert labels == ["11.56", "23.10"]
    where = (panel.transData + panel.transAxes.inverted()).transform(
        np.column_stack([panel.get_xticks(), np.zeros(2)])
    )[:, 0]
    assert where[0] == pytest.approx(0.24, abs=0.06) and where[1] == pytest.approx(0.76, abs=0.06)
    # Bars of the histogram hold the draws of either mode, 3 in 10 and 7 in 10.
    heights, edges = _bars(panel)
    lower = heights[edges[1:] < 17].sum() / heights.sum()
    assert lower == pytest.approx(np.mean(values < 17), abs=0.01)


def _bars(panel):
    """Heights and edges of a histogram's outline."""
    outline = panel.patches[0].get_xy()
    edges = np.unique(outline[:, 0])
    found = np.zeros(len(edges) - 1)
    for k, (a, b) in enumerate(pairwise(edges)):
        for p, q in pairwise(outline):
            if p[0] == a and q[0] == b and p[1] == q[1]:
                found[k] = max(found[k], p[1])
    return found, edges


@pytest.mark.parametrize(
    "values",
    [
        RNG.normal(size=5000),
        RNG.standard_t(3, 5000),
        RNG.uniform(size=5000),
        RNG.lognormal(0, 2, 5000),
        np.where(RNG.uniform(size=5000) < 0.5, RNG.normal(0, 1, 5000), RNG.normal(6, 1, 5000)),
        np.append(RNG.normal(size=4999), 50.0),  # one stray draw is no mode
    ],
)
def test_one_mode_is_not_broken(values):
    assert scales.scale_of(values).kind != "broken"


def test_a_broken_scale_goes_there_and_back():
    scale = scales.scale_of(COLUMNS["orbital_period"])
    assert scale.kind == "broken" and len(scale.modes) == 2
    x = np.linspace(scale.low, scale.high, 101)
    np.testing.assert_allclose(scale.inverse(scale.forward(x)), x, rtol=1e-12)
    assert np.all(np.diff(scale.forward(x)) > 0)


def test_long_numbers_have_their_offset_in_the_name():
    _, panels = drawn_corner(process("sigma", "time_of_conjunction"))
    assert panels[1, 0].get_ylabel().startswith("time_of_conjunction − 2457782.65")
    numbers = [float(text.get_text()) for text in panels[1, 0].get_yticklabels()]
    at = panels[1, 0].get_yticks()
    offset = float(panels[1, 0].get_ylabel().split("− ")[1])
    np.testing.assert_allclose(offset + np.array(numbers), at, rtol=0, atol=1e-6)


def test_numbers_are_short():
    for values in COLUMNS.values():
        scale = scales.scale_of(values)
        for most in (2, 3, 4):
            at, texts = scale.ticks(most)
            assert all(len(text.strip("$")) <= 7 for text in texts), texts
            assert np.all((at > scale.low) & (at < scale.high))


def test_the_dashed_line_is_what_the_prior_would_put_into_the_bins():
    prior = ba.Prior("LogNormal", mu=4.0, sigma=1.5)
    tau = np.random.default_rng(1).lognormal(4.0, 1.5, 40000)
    axis = mpl.figure.Figure().subplots()
    corner._single(axis, tau, scales.scale_of(tau), prior.to_dict())
    counts, edges = np.histogram(tau, scales.scale_of(tau).even(41))
    curve = axis.get_lines()[-1]
    centre = np.sqrt(edges[1:] * edges[:-1])
    expected = np.interp(np.log(centre), np.log(curve.get_xdata()), curve.get_ydata())
    many = counts > 100
    assert many.sum() > 20
    np.testing.assert_allclose(counts[many] / expected[many], 1.0, atol=0.35)
    assert counts[many].sum() / expected[many].sum() == pytest.approx(1.0, abs=0.02)


def test_a_baseline_has_estimates_and_their_errors():
    model = ba.LinearRelation("y").baseline().fit(line())
    _, panels = drawn_corner(model)
    assert panels[1, 0].get_xlabel() == "intercept" and panels[1, 0].get_ylabel() == "slope[x]"
    (bars,) = panels[1, 0].containers
    x, y = (float(values[0]) for values in bars[0].get_data())
    table = model.summary()
    assert x == pytest.approx(table.loc["intercept", "mean"])
    assert y == pytest.approx(table.loc["slope[x]", "mean"])
    (across,), (along,) = (lines.get_segments() for lines in bars[2])
    assert np.ptp(across[:, 0]) / 2 == pytest.approx(table.loc["intercept", "sd"])
    assert np.ptp(along[:, 1]) / 2 == pytest.approx(table.loc["slope[x]", "sd"])
