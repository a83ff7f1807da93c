"""Figures of classes show the numbers that they name."""

import numpy as np
import pytest
from samples import kinds

import bayes_astro as ba


@pytest.fixture(scope="module")
def fitted():
    data = kinds(n=400, seed=4)
    quick = ba.MAP(restarts=1, moves=0)
    return ba.MixtureClassifier(1, n_fits=3).fit(data, quick, seed=1, progress=False)


@pytest.fixture(scope="module")
def test():
    return kinds(n=500, seed=5)


def judged(fitted, test):
    return fitted.probability(test)["probability"].values, test.codes(fitted.classes)


def test_reliability_has_the_fractions_of_each_bin(fitted, test):
    share, codes = judged(fitted, test)
    axis = fitted.plot("reliability", at=test).axes[0]
    lines = [container.lines[0] for container in axis.containers]
    for c, line in enumerate(lines):
        x, y = line.get_data()
        rows = (share[:, c] >= 0.9) & (share[:, c] <= 1.0)
        assert x[-1] == pytest.approx(share[rows, c].mean())
        assert y[-1] == pytest.approx(np.mean(codes[rows] == c))


def test_completeness_and_purity_at_a_half(fitted, test):
    share, codes = judged(fitted, test)
    left, right = fitted.plot("purity", at=test).axes
    for c in range(2):
        x, y = left.lines[c].get_data()
        at = int(np.argmin(abs(x - 0.5)))
        assert y[at] == pytest.approx(np.mean(share[codes == c, c] >= x[at]))
        assert right.lines[c].get_ydata()[at] == pytest.approx(
            np.mean(codes[share[:, c] >= x[at]] == c)
        )


def test_the_curve_goes_through_a_threshold(fitted, test):
    share, codes = judged(fitted, test)
    axis = fitted.plot("roc", at=test).axes[0]
    x, y = axis.lines[0].get_data()
    order = np.sort(share[codes == 1, 0])
    threshold = order[int(0.9 * len(order))]
    false = np.mean(share[codes == 1, 0] >= threshold)
    expected = np.mean(share[codes == 0, 0] >= threshold)
    assert np.interp(false, x, y) == pytest.approx(expected, abs=0.05)


def test_overview_shows_other_objects_and_hollow_ones(fitted, test):
    far = test.value.copy()
    far[:3] = [9.0, -9.0, 9.0]
    axes = fitted.plot("overview", at=test.replace(value=far, error=0.3)).axes
    assert len(axes) == 3
    hollow = sum(
        len(line.get_xdata()) for line in axes[0].lines if line.get_markerfacecolor() == "none"
    )
    assert hollow >= 3
    alone = kinds(n=200).select("g")
    one = ba.MixtureClassifier(1, n_fits=2).fit(
        alone, ba.MAP(restarts=1, moves=0), seed=1, progress=False
    )
    assert one.plot("overview").axes[0].get_xlabel() == "g"


def test_figures_that_compare_need_labels(fitted, test):
    with pytest.raises(ValueError, match="no row has a label of a, b"):
        fitted.plot("reliability", at=test.replace(label=None))
