"""What all figures share: labels and legends that stand clear of everything else."""

import matplotlib.pyplot as plt
import pytest

from bayes_astro.plots import style

LABELS = (
    "95% of the line",
    "68% of the line",
    "median line",
    "± scatter",
    "data",
    "probable outliers",
)


@pytest.mark.parametrize("width", style.WIDTHS)
@pytest.mark.parametrize("entries", [1, 4, 6])
def test_a_legend_above_covers_neither_the_axes_nor_the_edge(width, entries):
    with style.applied(width):
        figure = style.page(0.6)
        axis = figure.subplots()
        for label in LABELS[:entries]:
            axis.plot([0, 1], label=label)
        style.legend_above(axis)
        figure.draw_without_rendering()
        legend, frame = figure.legends[0].get_window_extent(), axis.get_window_extent()
    assert legend.y0 >= frame.y1
    assert legend.x0 >= 0 and legend.x1 <= figure.bbox.width


@pytest.mark.parametrize(
    ("unit", "reach", "label", "tick"),
    [
        ("d", 2e-4, "period − 4 [$10^{-4}$ d]", "−1.5"),
        ("1/d", 2e-4, "period − 4 [$10^{-4}$/d]", "−1.5"),
        ("d", 2e5, "period − 4 [$10^{5}$ d]", "−1.5"),
        (None, 2e-4, "period − 4 [$10^{-4}$]", "−1.5"),
        ("d", 0.3, "period − 4 [d]", None),
    ],
)
def test_the_power_of_ten_of_a_difference_is_in_its_unit(unit, reach, label, tick):
    figure = plt.Figure()
    axis = figure.subplots()
    axis.set_xlim(-reach, reach)
    style.label_difference(axis, "period − 4", unit, reach)
    assert axis.get_xlabel() == label
    figure.draw_without_rendering()
    assert axis.xaxis.get_offset_text().get_text() == ""
    if tick:
        value = -1.5e-4 if reach < 1 else -1.5e5
        assert axis.xaxis.get_major_formatter()(value) == tick
