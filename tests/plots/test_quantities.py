"""What figures draw against what their labels name, and where they can be asked for."""

import numpy as np
import pytest
from samples import (
    binned,
    burst,
    by_hand,
    clusters,
    counted,
    curve,
    damping,
    drawn,
    line,
    pairs,
    walk,
    wandering,
)
from scipy.special import gammaln

import bayes_astro as ba
from bayes_astro import registry
from bayes_astro.calibration import Calibration
from bayes_astro.plots import style

RNG = np.random.default_rng(8)


def first_line(axis, label=None):
    found = [x for x in axis.get_lines() if label is None or x.get_label() == label]
    return found[0].get_data()


def process():
    return by_hand(
        ba.GaussianProcess(ba.kernels.DampedRandomWalk()), walk(20),
        drawn(sigma=1.0, tau=10.0, jitter=0.1, offset=10.0),
    )  # fmt: skip


def relation(**options):
    draws = drawn(
        slope=("predictor", RNG.normal(1.5, 0.1, (1, 50, 1))), intercept=RNG.normal(3, 0.1, 50),
        scatter=RNG.lognormal(-1, 0.1, 50),
    ).assign_coords(predictor=["x"])  # fmt: skip
    return by_hand(ba.LinearRelation("y"), line(**options), draws)


def bent():
    draws = drawn(amplitude=RNG.normal(3, 0.1, 50), slope=RNG.normal(1.5, 0.1, 50),
                  scatter=RNG.lognormal(-1, 0.1, 50))  # fmt: skip
    return by_hand(ba.Relation(ba.relations.PowerLaw(pivot=2.0), "y"), curve(), draws)


def law():
    draws = drawn(sf_infinity=RNG.lognormal(-1, 0.1, 50), tau=RNG.lognormal(3, 0.1, 50),
                  offset=("series", np.full((1, 50, 1), 18.0)))  # fmt: skip
    return by_hand(ba.StructureFunction(), wandering(), draws.assign_coords(series=[""]))


def masses():
    return ba.HierarchicalDRW().fit(
        damping(), ba.NUTS(draws=40, tune=40, chains=2), seed=1, progress=False
    )


def clustering():
    draws = drawn(amplitude=RNG.lognormal(0, 0.1, 50), gamma=RNG.normal(1.8, 0.1, 50))
    return by_hand(ba.TwoPointCorrelation(smooth=False, pivot=5.0), pairs(), draws)


def rates():
    data = counted()
    return ba.PoissonRate().fit(data, ba.NUTS(draws=40, tune=40, chains=2), seed=1, progress=False)


def blocks():
    return ba.BayesianBlocks().fit(burst(), ba.Exact(draws=100), seed=1, progress=False)


def period():
    draws = drawn(
        frequency=1 / 3.7, period=3.7, offset=18.0, amplitude=("term", [[[0.9]]]),
        phase=("term", [[[1.0]]]),
    ).assign_coords(term=[1])  # fmt: skip
    return by_hand(ba.Periodogram(), wandering(), draws)


TIMES = np.array([3.0, 7.0, 15.0, 40.0])
AT = {
    ("GaussianProcess", "light_curve"): (process, TIMES),
    ("GaussianProcess", "components"): (process, TIMES),
    ("GaussianProcess", "spectrum"): (process, TIMES / 100),
    ("StructureFunction", "structure function"): (law, TIMES),
    ("LinearRelation", "relation"): (relation, TIMES / 10),
    ("Relation", "relation"): (bent, TIMES / 10),
    ("HierarchicalDRW", "relation"): (masses, np.array([6.0, 8.0, 9.5])),
    ("TwoPointCorrelation", "correlation"): (clustering, TIMES / 3),
    ("TwoPointCorrelation", "departure"): (clustering, TIMES / 3),
    ("PoissonRate", "density"): (rates, TIMES / 20),
    ("BayesianBlocks", "blocks"): (blocks, TIMES),
}
"""Figures with a curve, and where it is asked for."""
ELSEWHERE = {
    "forecast": "test_light_curves.py",
    "folded": "test_light_curves.py",
    "redshifts": "test_photoz.py",
    "densities": "test_photoz.py",
    "calibration": "test_photoz.py",
    "reliability": "test_photoz.py, test_classes.py",
    "density": "test_extreme_deconvolution.py",
    "shrinkage": "below",
    "overview": "test_classes.py",
    "purity": "test_classes.py",
    "roc": "test_classes.py",
    "gaps": "test_spectral_factors.py",
    "coefficients": "test_spectral_factors.py",
}
MADE = {}


def made(builder):
    if builder not in MADE:
        MADE[builder] = builder()
    return MADE[builder]


@pytest.mark.parametrize(("task", "figure"), AT)
def test_curves_are_drawn_where_they_are_asked_for(task, figure):
    builder, at = AT[task, figure]
    model = made(builder)
    assert type(model).__name__ == task
    for axis in model.plot(figure, at=at[::-1]).axes:
        drawn_at = [x.get_xdata() for x in axis.get_lines()]
        assert any(len(x) == len(at) and np.allclose(x, at) for x in drawn_at)
    for wrong in ("here", [[1.0, 2.0]], [np.nan, 1.0]):
        with pytest.raises(ValueError, match=r"^at"):
            model.plot(figure, at=wrong)


def test_every_figure_that_can_be_asked_for_is_tested():
    for task, row in registry.TASKS.items():
        for name, draw in row.drawings().items():
            if style.takes_at(draw):
                assert (task, name) in AT or name in ELSEWHERE, (task, name)


def test_estimates_stand_at_their_bins_and_are_raised_by_the_constraint():
    data = pairs()
    draws = drawn(
        amplitude=RNG.lognormal(0, 0.1, 50), gamma=np.full(50, 1.8), offset=np.full(50, 0.2)
    )
    for settings, raised in (({}, 0.0), ({"offset": True}, 0.2)):
        model = ba.TwoPointCorrelation(smooth=False, pivot=5.0, **settings)
        axis = by_hand(model, data, draws if raised else draws.drop_vars("offset")).plot().axes[0]
        x, y = axis.containers[0].lines[0].get_data()
        assert np.allclose(x, data.middle) and np.allclose(y, data.estimate + raised)
        r, middle = first_line(axis, "median")
        expected = np.median(draws["amplitude"]) * (r / 5) ** -1.8
        assert np.allclose(middle, expected, rtol=1e-6)
        assert axis.get_xlabel() == "separation [Mpc]" and axis.get_ylabel() == "xi"


def test_a_line_of_several_predictors_cannot_be_asked_for():
    draws = drawn(slope=("predictor", [[[1.0, 2.0]]]), intercept=3.0, scatter=0.1)
    model = by_hand(ba.LinearRelation("y"), line(names=("a", "b", "y")),
                    draws.assign_coords(predictor=["a", "b"]))  # fmt: skip
    with pytest.raises(ValueError, match=r"several predictors \(a, b\)"):
        model.plot("relation", at=[1.0, 2.0])
    (axis,) = model.plot("relation").axes
    (points,) = axis.containers
    predicted, seen = points[0].get_data()
    value = model.data.value
    np.testing.assert_allclose(predicted, 3 + value[:, 0] + 2 * value[:, 1])
    np.testing.assert_allclose(seen, value[:, 2])
    assert axis.get_xlabel() == "median of the line at a, b" and axis.get_ylabel() == "y"


def test_the_line_and_its_data():
    model = made(relation)
    (axis,) = model.plot("relation").axes
    x, middle = first_line(axis, "median line")
    draws = model.posterior["posterior"]
    slope, intercept = (
        draws["slope"].values.reshape(-1, 1),
        draws["intercept"].values.reshape(-1, 1),
    )
    np.testing.assert_allclose(middle, np.median(intercept + slope * x, axis=0))
    found = [np.asarray(one.get_offsets()) for one in axis.collections if one.get_label() == "data"]
    np.testing.assert_allclose(found[0], model.data.value)
    (up,) = [x for x in axis.get_lines() if x.get_label() == "± scatter"]
    np.testing.assert_allclose(up.get_ydata() - middle, float(draws["scatter"].median()))


def test_the_curve_its_data_and_what_is_left_of_them():
    model = made(bent)
    above, below = model.plot("relation").axes
    x, middle = first_line(above, "median")
    draws = model.posterior["posterior"]
    amplitude, slope = (draws[name].values.reshape(-1, 1) for name in ("amplitude", "slope"))
    np.testing.assert_allclose(middle, np.median(amplitude * (x / 2) ** slope, axis=0))
    data = model.data
    at, seen = above.containers[0][0].get_data()
    np.testing.assert_allclose(np.column_stack([at, seen]), data.value)
    (bars,) = above.containers[0][2]
    reach = [segment[1, 1] - segment[0, 1] for segment in bars.get_segments()]
    np.testing.assert_allclose(reach, 2 * data.error[:, 1])
    fitted = np.median(amplitude * (data.value[:, 0] / 2) ** slope, axis=0)
    np.testing.assert_allclose(below.containers[0][0].get_ydata(), data.value[:, 1] - fitted)
    assert below.get_xlabel() == "x" and above.get_ylabel() == "y"


def test_a_curve_of_two_redshifts_is_drawn_at_the_data():
    z = np.array([0.5, 0.02, 0.1, 0.9])
    value = np.column_stack([z, z + 0.001, [42.3, 34.7, 38.3, 43.8]])
    data = ba.Measurements(value, [0.0, 0.0, 0.1], names=("z", "z_seen", "mu"))
    mean = ba.relations.DistanceModulus(heliocentric="z_seen")
    draws = drawn(omega_m=np.full(9, 0.3), offset=np.full(9, 43.16))
    model = by_hand(ba.Relation(mean, "mu", scatter=False), data, draws)
    with pytest.raises(ValueError, match=r"several predictors \(z, z_seen\)"):
        model.plot("relation", at=[0.1, 0.2])
    above, _ = model.plot("relation").axes
    x, middle = first_line(above, "median")
    assert x.tolist() == sorted(z) and above.get_xscale() == "log"
    order = np.argsort(z)
    both = {"z": z[order], "z_seen": z[order] + 0.001}
    expected = mean.evaluate(both, {"omega_m": 0.3, "offset": 43.16})
    np.testing.assert_allclose(middle, expected)


def test_the_structure_function_is_the_law():
    model = made(law)
    (axis,) = model.plot("structure function", at=TIMES).axes
    _, middle = first_line(axis, "median law")
    draws = model.posterior["posterior"]
    top, tau = (draws[name].values.reshape(-1, 1) for name in ("sf_infinity", "tau"))
    np.testing.assert_allclose(
        middle, np.median(top * np.sqrt(1 - np.exp(-TIMES / tau)), axis=0), rtol=1e-9
    )
    assert axis.get_xscale() == axis.get_yscale() == "log"
    assert axis.get_xlabel() == "lag [d]"


def test_the_relation_of_damping_times():
    model = made(masses)
    (axis,) = model.plot("relation").axes
    objects = model.posterior["objects"]
    (points,) = axis.containers
    mass, tau = points[0].get_data()
    np.testing.assert_allclose(mass, model.data.log_mass)
    np.testing.assert_allclose(tau, objects["log_tau_mean"].values)
    assert axis.get_ylabel() == "log10 damping time at rest [d]"


def test_rates_are_those_of_the_sources():
    model = made(rates)
    (axis,) = model.plot("overview").axes
    at, alone = first_line(axis, "by itself, 68%")
    data = model.data
    np.testing.assert_allclose(alone, np.sort(data.counts / data.exposure))
    order = np.lexsort((data.exposure, data.counts / data.exposure))
    _, together = first_line(axis, "in the population, 68%")
    rate = model.posterior["posterior"]["rate"].median(("chain", "draw")).values
    np.testing.assert_allclose(together, rate[order])
    assert len(at) == len(data)


def test_rates_over_decades_have_a_logarithmic_axis():
    wide = ba.PoissonRate("independent").fit(
        ba.Counts([5, 60, 900], [100.0, 30.0, 10.0]), ba.Exact(draws=50), seed=1, progress=False
    )
    assert wide.plot("overview").axes[0].get_yscale() == "log"
    zero = ba.PoissonRate("independent").fit(
        ba.Counts([0, 60, 900], [100.0, 30.0, 10.0]), ba.Exact(draws=50), seed=1, progress=False
    )
    assert zero.plot("overview").axes[0].get_yscale() == "linear"


def test_the_density_of_rates_is_that_of_gamma_distributions():
    model = made(rates)
    grid = np.geomspace(0.05, 5, 20)
    (axis,) = model.plot("density", at=grid).axes
    draws = model.posterior["posterior"]
    mean, scatter = (draws[name].values.reshape(-1, 1) for name in ("mean_rate", "scatter"))
    shape, scale = scatter**-2, mean * scatter**2
    log = (shape - 1) * np.log(grid) - grid / scale - gammaln(shape) - shape * np.log(scale)
    _, middle = first_line(axis, "median")
    np.testing.assert_allclose(middle, np.median(np.exp(log), axis=0), rtol=1e-9)
    ticks, _ = first_line(axis, "means of the sources")
    np.testing.assert_allclose(ticks, draws["rate"].mean(("chain", "draw")).values, rtol=0.05)


def test_the_distribution_of_redshifts_and_what_it_stands_beside():
    data = binned()
    model = ba.baselines.Stacking().fit(data)
    (axis,) = model.plot("distribution").axes
    steps = {one.get_label(): one.get_data() for one in axis.patches}
    width = np.diff(data.edges)
    stacked = data.probability.reshape(-1, len(data), len(width)).mean(axis=(0, 1)) / width
    np.testing.assert_allclose(steps["stacked"].values, stacked)
    np.testing.assert_allclose(steps["interim prior"].values, 1.0)
    assert np.sum(steps["mean"].values * width) == pytest.approx(1)


def test_shrinkage_compares_measured_and_expected_values():
    data = clusters(60)
    model = ba.ExtremeDeconvolution(1).fit(data, ba.MAP(restarts=1, moves=0), progress=False)
    _, first, second, _ = model.plot("shrinkage").axes
    expected = model.predict(data, draws=100)["conditional_mean"].values
    for j, axis in enumerate((first, second)):
        measured, found = axis.containers[0][0].get_data()
        np.testing.assert_allclose(measured, data.value[:, j])
        np.testing.assert_allclose(found, expected[:, j])
        assert axis.get_xlabel() == f"{data.names[j]}, measured"
    other = clusters(10, seed=5)
    _, first, *_ = model.plot("shrinkage", at=other).axes
    np.testing.assert_allclose(first.containers[0][0].get_data()[0], other.value[:, 0])


# Axes that are given --------------------------------------------------------------------------------


def test_axes_that_are_given_are_drawn_into_and_may_hold_more():
    from matplotlib.figure import Figure

    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert relation().plot(ax=left) is figure
    assert process().plot("light_curve", ax=np.array([right])) is figure
    assert left.get_legend() is not None and not figure.legends
    assert figure.get_size_inches()[0] == pytest.approx(6.4)


@pytest.mark.parametrize(
    ("figure", "count", "message"),
    [
        ("spectrum", 2, "figure 'spectrum' has one panel: ax takes one axes, got 2"),
        ("residuals", 1, "figure 'residuals' has 3 panels: ax takes as many axes, got 1"),
        ("corner", 4, r"has 16 panels: ax takes as many axes, as figure.subplots\(4, 4\) makes"),
    ],
)
def test_the_number_of_axes_is_that_of_the_panels(figure, count, message):
    from matplotlib.figure import Figure

    axes = Figure().subplots(1, count, squeeze=False)
    with pytest.raises(ValueError, match=message):
        process().plot(figure, ax=axes)


def test_a_figure_of_ones_own_that_makes_its_page_says_that_it_takes_no_axes():
    from matplotlib.figure import Figure

    with (
        style.applied("page", Figure().subplots(), "mine"),
        pytest.raises(ValueError, match="figure 'mine' is a page of its own and takes no ax"),
    ):
        style.page(0.5)
    assert not style.given()


@pytest.mark.parametrize("width", style.WIDTHS)
def test_ranks_of_a_calibration_against_uniform_ones(width):
    from matplotlib.figure import Figure

    ranks = {name: RNG.uniform(size=50) for name in ("sigma", "tau", "jitter[harps-n]", "offset")}
    found = Calibration(ranks)
    figure = found.plot(width=width)
    shown = [axis for axis in figure.axes if axis.get_visible()]
    assert len(shown) == 4 and figure.get_figwidth() == style.WIDTHS[width]
    for axis, (name, values) in zip(shown, ranks.items(), strict=True):
        at, difference = first_line(axis)
        np.testing.assert_allclose(at, np.sort(values))
        np.testing.assert_allclose(difference, np.arange(1, 51) / 50 - np.sort(values))
        assert axis.get_title() == name
    given = Figure().subplots(2, 2)
    assert found.plot(ax=given) is given[0, 0].figure
    with pytest.raises(ValueError, match=r"figure 'ranks' has 4 panels"):
        found.plot(ax=given[0, 0])
