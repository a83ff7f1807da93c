"""Figures of a line: limits as arrows, rows with gaps left out, the population, the residuals."""

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.markers import CARETDOWNBASE, CARETRIGHTBASE, CARETUPBASE
from samples import by_hand, drawn, line

import bayes_astro as ba

RNG = np.random.default_rng(8)
COUNT = 40


def made(data, **settings):
    p, n = data.d - 1, 60
    draws = drawn(
        slope=("predictor", RNG.normal(1.5, 0.1, (1, n, p))), intercept=RNG.normal(3, 0.1, n),
        response_mean=RNG.normal(6, 0.1, n), scatter=RNG.lognormal(-1, 0.1, n),
        predictor_mean=("predictor", np.full((1, n, p), 2.0)),
        predictor_width=("predictor", np.full((1, n, p), 1.1)),
    ).assign_coords(predictor=list(data.names[:-1]))  # fmt: skip
    if p > 1:
        draws["partial_correlation"] = ("chain", "draw", "pair"), np.zeros((1, n, p * (p - 1) // 2))
    return by_hand(ba.LinearRelation("y", **settings), data, draws)


def marked(names=("x", "y")):
    """Two upper limits and a lower one of the response, one of the first predictor, two gaps."""
    data = line(names=names, n=COUNT)
    limit, value = np.zeros(data.value.shape), data.value.copy()
    limit[:3, -1], limit[3, 0] = (-1, -1, 1), 1
    value[4, 0] = value[5, -1] = np.nan
    return data.replace(value=value, limit=limit)


def heads(axis):
    """Where arrows end, by the marker of their head: x and y in columns."""
    found = {}
    for bar in axis.containers:
        for cap in bar.lines[1]:
            found[cap.get_marker()] = np.column_stack(cap.get_data())
    return found


def test_limits_point_where_the_truth_may_be():
    data = marked()
    (axis,) = made(data).plot("relation").axes
    found, value = heads(axis), data.value
    down, up, right = (found[head] for head in (CARETDOWNBASE, CARETUPBASE, CARETRIGHTBASE))
    assert (down[:, 1] < value[:2, 1]).all() and np.allclose(down[:, 0], value[:2, 0])
    assert up[0, 1] > value[2, 1] and right[0, 0] > value[3, 0]
    legend = axis.figure.legends[0]
    written = {text.get_text() for text in legend.get_texts()}
    assert {"upper limits", "lower limits", "lower limits in the predictor"} <= written


@pytest.mark.parametrize("names", [("x", "y"), ("a", "b", "y")])
@pytest.mark.parametrize("width", ["page", "column"])
def test_rows_with_gaps_have_no_place(names, width):
    data = marked(names)
    model = made(data)
    figures = {name: model.plot(name, width=width) for name in model.figure_names()}
    (axis,) = figures["relation"].axes
    seen = ~data.missing.any(axis=1) & ~data.limited.any(axis=1)
    if len(names) == 2:
        points = next(c for c in axis.collections if c.get_label() == "data").get_offsets()
        np.testing.assert_allclose(points, data.value[seen])
    else:
        bars = next(bar for bar in axis.containers if bar.get_label() == "data")
        np.testing.assert_allclose(bars.lines[0].get_ydata(), data.value[seen, -1])
    assert len([one for one in figures["population"].axes if one.get_visible()]) == len(names) - 1
    for axis in figures["residuals"].axes:
        assert np.isfinite([*axis.get_xlim(), *axis.get_ylim()]).all()


def test_a_selection_is_dotted():
    data = line(n=COUNT)
    data = data[data.column("y") > 3.0]
    (axis,) = made(data, selection=ba.Selection(lower=3.0)).plot("relation").axes
    assert any(np.all(np.asarray(one.get_ydata()) == 3.0) and len(one.get_ydata())
               for one in axis.get_lines())  # fmt: skip


def test_the_population_is_a_density_over_what_was_measured():
    data = marked()
    (axis,) = made(data).plot("population").axes
    x, density = next(one for one in axis.get_lines() if one.get_label() == "median").get_data()
    expected = np.exp(-0.5 * ((x - 2.0) / 1.1) ** 2) / (1.1 * np.sqrt(2 * np.pi))
    np.testing.assert_allclose(density, expected, rtol=1e-9)
    outline = axis.patches[0].get_xy()
    measured = np.delete(data.value[:, 0], [3, 4])  # a limit and a gap are no measurements
    assert outline[:, 0].min() == pytest.approx(measured.min())
    assert outline[:, 0].max() == pytest.approx(measured.max())


def test_residuals_stand_at_their_predictors_and_limits_are_hollow():
    data = marked()
    model = made(data)
    (axis,) = model.plot("residuals").axes
    by_label = {c.get_label(): c for c in axis.collections}
    hollow, full = by_label["drawn beyond limits"], by_label["measured"]
    assert np.all(hollow.get_facecolors() == to_rgba("white"))
    np.testing.assert_allclose(hollow.get_offsets()[:, 0], data.value[:3, 0])
    x, score = np.ma.getdata(full.get_offsets()).T
    row = int(np.flatnonzero(x == data.value[10, 0])[0])
    b, mean, width = 1.5, 2.0, 1.1
    s = data.covariance[10]
    v_x = width**2 + s[0, 0]
    cross = b * width**2 + s[0, 1]
    middle = 6.0 + cross / v_x * (data.value[10, 0] - mean)
    sd = np.sqrt(b**2 * width**2 + np.exp(-1) ** 2 + s[1, 1] - cross**2 / v_x)
    assert score[row] == pytest.approx((data.value[10, 1] - middle) / sd, abs=0.1)


def test_baselines_have_no_population():
    data = line(n=COUNT)
    model = ba.LinearRelation("y").baseline().fit(data)
    assert model.figure_names() == ["relation", "corner"]
