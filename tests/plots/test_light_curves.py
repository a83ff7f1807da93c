"""Figures of light curves draw what their labels say, each quantity computed here by itself."""

import numpy as np
import pytest
from samples import by_hand, drawn, sinusoid, walk

import bayes_astro as ba
from bayes_astro.plots import gaussian_process as plots
from bayes_astro.plots import time_series

EPOCH = 2457782.0


def velocities(n=60, period=3.7, amplitude=5.0, seed=2):
    """Velocities of a star with a planet by two spectrographs, in Julian dates."""
    rng = np.random.default_rng(seed)
    time = EPOCH + np.sort(rng.uniform(0, 60, n))
    band = np.where(np.arange(n) % 3 == 0, "pfs", "harps")
    value = amplitude * np.cos(2 * np.pi * time / period) + np.where(band == "pfs", 20.0, -30.0)
    error = rng.uniform(0.8, 1.2, n)
    return ba.LightCurve(
        time, value + error * rng.normal(size=n), error, band=band, value_unit="m/s",
        time_format="jd",
    )  # fmt: skip


def planet(draws=1, modes=(3.7,), data=None):
    """A walk with an orbit, as if these draws had been made."""
    data = velocities() if data is None else data
    rng = np.random.default_rng(4)
    model = ba.GaussianProcess(
        ba.kernels.DampedRandomWalk(), mean=ba.means.KeplerOrbit(period=(2, 9)), amplitude=False
    )
    spread = 1e-4 * (draws > 1)
    period = rng.choice(modes, draws) + spread * rng.normal(size=draws)
    columns = {
        "sigma": np.full(draws, 2.0), "tau": np.full(draws, 8.0), "orbital_period": period,
        "velocity_cosine": 5 + spread * rng.normal(size=draws),
        "velocity_sine": 1 + spread * rng.normal(size=draws),
        "jitter": ("band", np.tile([0.5, 0.8], (1, draws, 1))),
        "offset": ("band", np.tile([-30.0, 20.0], (1, draws, 1))),
    }  # fmt: skip
    found = drawn(**columns).assign_coords(band=["harps", "pfs"])
    return by_hand(model, data, found)


def orbit(time, data, period=3.7):
    angle = 2 * np.pi * (time - data.time.mean()) / period
    return 5 * np.cos(angle) - np.sin(angle)


def lines(axis):
    return [(line.get_xdata(), line.get_ydata()) for line in axis.get_lines()]


def points(axis, label):
    """Abscissae, values and half lengths of the bars of labelled points."""
    (one,) = [c for c in axis.containers if c.get_label() == label]
    bars = np.array(one[2][0].get_segments())
    return *one[0].get_data(), np.ptp(bars[:, :, 1], axis=1) / 2


def dense(data):
    """Covariance of the walk at the data, and the variances of the noise."""
    lag = np.abs(data.time[:, None] - data.time)
    noise = data.error**2 + np.where(data.band == "pfs", 0.8, 0.5) ** 2
    return 4 * np.exp(-lag / 8), noise


def offsets(data):
    return np.where(data.band == "pfs", 20.0, -30.0)


# Residuals ------------------------------------------------------------------------------------------


def test_residuals_of_a_process_are_one_step_ahead_over_their_sd():
    model, data = planet(), velocities()
    kernel, noise = dense(data)
    factor = np.linalg.cholesky(kernel + np.diag(noise))
    expected = np.linalg.solve(factor, data.value - offsets(data) - orbit(data.time, data))
    top, rho, _ = model.plot("residuals").axes
    for name in ("harps", "pfs"):
        (line,) = [one for one in top.get_lines() if one.get_label() == name]
        np.testing.assert_allclose(line.get_xdata(), data.time[data.band == name])
        np.testing.assert_allclose(line.get_ydata(), expected[data.band == name], rtol=1e-6)
    assert top.get_ylabel() == "one-step-ahead residual / sd"
    first = np.array(rho.collections[0].get_segments())[0]
    centred = expected - expected.mean()
    assert first[1, 1] == pytest.approx(centred[1:] @ centred[:-1] / (centred @ centred))


def test_maximum_likelihood_has_the_same_residuals_as_its_task():
    data = walk(30)
    model = ba.baselines.MaximumLikelihood(ba.kernels.DampedRandomWalk(), restarts=1).fit(data)
    task = model.task()
    expected = task.normal_residuals(model.posterior["posterior"].to_dataset(), data)[0, 0]
    shown = model.plot("residuals").axes[0].get_lines()[1].get_ydata()
    np.testing.assert_allclose(shown, expected)
    assert np.std(shown) == pytest.approx(1, abs=0.35)
    assert "folded" not in model.figure_names()
    assert {"components", "spectrum"} < set(model.figure_names())


def test_residuals_of_a_running_median_are_in_units_of_the_noise():
    data = walk(40)
    model = ba.baselines.RunningMedian(window=20.0).fit(data)
    middle = [
        np.median(data.value[(data.time >= t - 10) & (data.time < t + 10)]) for t in data.time
    ]
    jitter = float(model.posterior["posterior"]["jitter"].squeeze())
    expected = (data.value - middle) / np.sqrt(data.error**2 + jitter**2)
    top = model.plot("residuals").axes[0]
    np.testing.assert_allclose(top.get_lines()[1].get_ydata(), expected)
    assert top.get_ylabel() == "residual / noise"
    assert set(model.figure_names()) == {"light_curve", "forecast", "residuals", "corner"}


def test_residuals_of_the_regressor_are_about_its_curve():
    data = walk(30)
    model = ba.baselines.GaussianProcessRegressor(restarts=0).fit(data)
    curve = model.predict()["mean"].values[0, 0]
    jitter = float(model.posterior["posterior"]["jitter"].squeeze())
    expected = (data.value - curve) / np.hypot(data.error, jitter)
    np.testing.assert_allclose(model.plot("residuals").axes[0].get_lines()[1].get_ydata(), expected)


# Components, orbits ---------------------------------------------------------------------------------


def test_each_component_is_drawn_by_itself_and_all_add_up():
    model, data = planet(), velocities()
    at = EPOCH + np.linspace(-1, 61, 50)
    above, below = model.plot("components", at=at).axes
    assert above.get_ylabel() == "kepler orbit [m/s]"
    assert below.get_ylabel() == "damped random walk [m/s]"
    (time, curve), (_, process) = lines(above)[0], lines(below)[0]
    np.testing.assert_allclose(time, at)
    np.testing.assert_allclose(curve, orbit(at, data), atol=1e-9)
    kernel, noise = dense(data)
    left = data.value - offsets(data) - orbit(data.time, data)
    cross = 4 * np.exp(-np.abs(at[:, None] - data.time) / 8)
    np.testing.assert_allclose(
        process, cross @ np.linalg.solve(kernel + np.diag(noise), left), atol=1e-6
    )
    whole = lines(model.plot("light_curve", at=at).axes[0])[0][1]
    np.testing.assert_allclose(curve + process - 30, whole, atol=1e-6)


def test_trend_and_summands_have_their_own_panels():
    data = walk(30)
    kernel = ba.kernels.SHO(quality=1.0, name="slow") + ba.kernels.Matern32(name="fast")
    model = ba.GaussianProcess(kernel, mean="linear")
    values = {"slow_sigma": 1.0, "slow_period": 30.0, "fast_sigma": 0.3, "fast_rho": 2.0}
    free = {name for name, _ in model.kernel.variables()}
    values = {name: values.get(name, 1.0) for name in free}
    draws = drawn(**values, jitter=0.1, offset=10.0, trend=0.02)
    figure = by_hand(model, data, draws).plot("components")
    assert [axis.get_ylabel() for axis in figure.axes] == ["trend", "slow", "fast"]
    (time, trend), *_ = lines(figure.axes[0])
    np.testing.assert_allclose(trend, 0.02 * (time - data.time.mean()), atol=1e-9)
    total = sum(lines(axis)[0][1] for axis in figure.axes)
    whole = by_hand(model, data, draws).predict(time)["mean"].values[0, 0]
    np.testing.assert_allclose(total + 10, whole, atol=1e-6)


def test_the_folded_figure_shows_what_is_left_for_the_orbit():
    model, data = planet(draws=30), velocities()
    (axis,) = model.plot("folded").axes
    kernel, noise = dense(data)
    left = data.value - offsets(data) - orbit(data.time, data)
    process = kernel @ np.linalg.solve(kernel + np.diag(noise), left)
    for name in ("harps", "pfs"):
        rows = data.band == name
        phase, value, bar = points(axis, name)
        expected = ((data.time - data.time.mean()) / 3.7)[rows] % 1.0
        away = np.abs(phase - expected)
        assert np.minimum(away, 1 - away).max() < 1e-3
        np.testing.assert_allclose(value, (data.value - offsets(data) - process)[rows], atol=0.01)
        np.testing.assert_allclose(bar, data.error[rows])
    phase, curve = lines(axis)[0]
    np.testing.assert_allclose(curve, orbit(data.time.mean() + 3.7 * phase, data), atol=1e-3)
    assert axis.get_ylabel() == "value − other components [m/s]"
    assert axis.get_xlabel().startswith("phase (period 3.") and "draws" not in axis.get_xlabel()
    labels = axis.get_legend_handles_labels()[1]
    assert labels.count("harps") == labels.count("pfs") == 1


def test_of_several_modes_one_is_folded_and_its_share_is_said():
    model = planet(draws=200, modes=(3.7, 3.7, 3.7, 5.1))
    share = np.mean(np.abs(model.posterior["posterior"]["orbital_period"].values - 3.7) < 0.1)
    label = model.plot("folded").axes[0].get_xlabel()
    assert "period 3.70" in label and f"{share:.0%} of the draws" in label


def test_nothing_is_folded_without_a_period():
    with pytest.raises(ValueError, match="Unknown figure 'folded'"):
        by_hand(
            ba.GaussianProcess(ba.kernels.DampedRandomWalk()), walk(20),
            drawn(sigma=1.0, tau=10.0, jitter=0.1, offset=10.0),
        ).plot("folded")  # fmt: skip


def test_elements_of_an_orbit_take_the_place_of_its_coordinates():
    rng = np.random.default_rng(5)
    names = ("sigma", "h", "k", "velocity_cosine", "velocity_sine", "semi_amplitude", "offset",
             "orbital_period", "eccentricity", "jitter", "tau")  # fmt: skip
    model = ba.GaussianProcess(
        ba.kernels.DampedRandomWalk(), mean=ba.means.KeplerOrbit(period=(2, 9), eccentric=True)
    )
    draws = drawn(**{name: rng.lognormal(0, 0.1, 50) for name in names})
    figure = by_hand(model, walk(20), draws).plot("corner")
    shown = [axis.get_xlabel() or axis.get_title(loc="left") for axis in figure.axes]
    assert [name.partition(" ")[0] for name in shown if name] == [
        "orbital_period", "semi_amplitude", "eccentricity", "sigma", "tau", "jitter", "offset",
    ]  # fmt: skip


# Forecasts ------------------------------------------------------------------------------------------


def drw(n=30):
    data = walk(n)
    return by_hand(
        ba.GaussianProcess(ba.kernels.DampedRandomWalk()), data,
        drawn(sigma=[[1.0, 1.0]], tau=[[10.0, 10.0]], jitter=[[0.1, 0.1]], offset=[[10.0, 10.0]]),
    ), data  # fmt: skip


def test_a_forecast_relaxes_to_the_mean_of_the_process():
    model, data = drw()
    (axis,) = model.plot("forecast").axes
    last = data.time[-1]
    (line,) = [one for one in axis.get_lines() if one.get_label() == "forecast, median"]
    time, middle = line.get_data()
    assert time[0] == last and time[-1] == pytest.approx(last + 0.2 * np.ptp(data.time))
    np.testing.assert_allclose(
        middle - 10, (middle[0] - 10) * np.exp(-(time - last) / 10), atol=1e-3
    )
    (band,) = [one for one in axis.collections if one.get_label() == "forecast, 68%"]
    low, high = (getattr(band.get_paths()[0].vertices[:, 1], f)() for f in ("min", "max"))
    assert high - low > 1.2  # towards two standard deviations of the process
    (past,) = [one for one in axis.get_lines() if one.get_label() == "curve, median"]
    assert past.get_xdata().max() <= last


def test_a_forecast_reaches_to_the_times_asked_for_and_shows_later_data():
    model, data = drw()
    last = float(data.time[-1])
    later = ba.LightCurve(last + np.array([2.0, 9.0]), [10.0, 10.5], [0.3, 0.2])
    (axis,) = model.plot("forecast", at=later).axes
    time, value, bar = points(axis, "later data")
    np.testing.assert_allclose(time, later.time)
    np.testing.assert_allclose(value, later.value)
    np.testing.assert_allclose(bar, later.error)
    assert axis.get_xlim()[1] == pytest.approx(last + 9)
    assert model.plot("forecast", at=[last + 50]).axes[0].get_xlim()[1] == pytest.approx(last + 50)
    with pytest.raises(ValueError, match="after the last observation"):
        model.plot("forecast", at=[last - 1])


def test_every_task_of_light_curves_forecasts():
    from bayes_astro import registry

    for row in (registry.TASKS | registry.BASELINES).values():
        if row.load().data_type is ba.LightCurve:
            assert "forecast" in row.drawings(), row.name


def periodic(data=None):
    draws = drawn(
        frequency=1 / 3.7, period=3.7, offset=10.0, amplitude=("term", [[[0.9]]]),
        phase=("term", [[[1.0]]]), trend=("order", [[[0.01]]]),
    ).assign_coords(term=[1], order=[1])  # fmt: skip
    return by_hand(ba.Periodogram(trend=1), sinusoid(n=80) if data is None else data, draws)


def test_the_forecast_of_a_period_draws_cycles():
    model = periodic()
    data = model.data
    (axis,) = model.plot("forecast").axes
    (line,) = [one for one in axis.get_lines() if one.get_label() == "forecast, median"]
    time, value = line.get_data()
    since = time - data.time.mean()
    expected = 10 + 0.9 * np.cos(2 * np.pi * since / 3.7 - 1.0) + 0.01 * since
    np.testing.assert_allclose(value, expected, atol=1e-9)
    assert np.ptp(time) >= 5 * 3.7
    assert np.diff(time).max() < 3.7 / 10


@pytest.mark.parametrize("other", [False, True])
def test_a_folded_period_shows_values_less_the_trend_and_residuals(other):
    model = periodic()
    data = sinusoid(n=30, seed=7) if other else model.data
    curve, left = model.plot("folded", at=data if other else None).axes
    since = data.time - model.data.time.mean()
    wave = 0.9 * np.cos(2 * np.pi * since / 3.7 - 1.0)
    for axis, expected, label in (
        (curve, data.value - 0.01 * since, "value − trend"),
        (left, data.value - 10 - 0.01 * since - wave, "residual"),
    ):
        phase, value, bar = points(axis, "data")
        np.testing.assert_allclose(phase, since / 3.7 % 1.0, atol=1e-9)
        np.testing.assert_allclose(value, expected, atol=1e-9)
        np.testing.assert_allclose(bar, data.error)
        assert axis.get_ylabel() == label
    phase, middle = lines(curve)[-1]
    np.testing.assert_allclose(middle, 10 + 0.9 * np.cos(2 * np.pi * phase - 1.0), atol=1e-9)


def test_separate_periods_stand_side_by_side_with_their_shares():
    rng = np.random.default_rng(1)
    period = np.where(rng.uniform(size=1000) < 0.25, rng.normal(2, 0.001, 1000), 4.0)
    period = period + 0.002 * rng.normal(size=1000)
    share = np.mean(period < 3)
    draws = drawn(
        frequency=1 / period, period=period, offset=10 + 0 * period,
        amplitude=("term", np.ones((1, 1000, 1))), phase=("term", np.ones((1, 1000, 1))),
    ).assign_coords(term=[1])  # fmt: skip
    model = by_hand(ba.Periodogram(), sinusoid(), draws)
    assert f", {1 - share:.0%} of the draws)" in model.plot("folded").axes[1].get_xlabel()
    (axis,) = model.plot("period").axes
    written = [text.get_text() for text in axis.get_xticklabels()]
    assert len(written) == 2
    assert written[0].startswith("2.00") and written[0].endswith(f"({share:.0%})")
    assert written[1].startswith("4.00") and written[1].endswith(f"({1 - share:.0%})")
    assert axis.get_xlabel() == "period [d]: medians, shares of the draws"


# Axes and legends -----------------------------------------------------------------------------------


@pytest.mark.parametrize("width", ["page", "column"])
@pytest.mark.parametrize("name", ["light_curve", "forecast", "components", "residuals"])
def test_long_times_lose_their_offset(name, width):
    figure = planet().plot(name, width=width)
    figure.draw_without_rendering()
    labels = [axis.get_xlabel() for axis in figure.axes if "d]" in axis.get_xlabel()]
    assert labels == ["JD − 2457000 [d]"]
    for axis in figure.axes:
        assert axis.xaxis.get_offset_text().get_text() == ""
        numbers = [text.get_text() for text in axis.get_xticklabels() if text.get_text()]
        assert all(len(number) <= 5 for number in numbers), numbers
        if axis.get_xlabel() in labels:
            ticks = [f"{x - 2457000:g}" for x in axis.get_xticks()]
            assert set(numbers) <= set(ticks)


@pytest.mark.parametrize(
    ("start", "span", "kind", "label"),
    [
        (2450275.0, 7000.0, "jd", "JD − 2450000 [d]"),
        (2457782.6, 66.0, "bjd", "BJD − 2457000 [d]"),
        (2457782.6, 66.0, "", "time − 2457000 [d]"),
        (49001.4, 2545.0, "mjd", "MJD [d]"),
        (-3.0, 6.0, "", "time [d]"),
        (0.0, 3e6, "", "time [$10^{6}$ d]"),
        (0.0, 2e-5, "", "time [$10^{-5}$ d]"),
    ],
)
def test_what_is_taken_off_times_follows_from_them(start, span, kind, label):
    from matplotlib.figure import Figure

    from bayes_astro.plots import style

    time = start + span * np.linspace(0, 1, 5)
    data = ba.LightCurve(time, np.arange(5.0), np.ones(5), time_format=kind)
    figure = Figure()
    axis = figure.subplots()
    axis.plot(data.time, data.value)
    style.label_times(axis, data)
    figure.draw_without_rendering()
    assert axis.get_xlabel() == label
    assert axis.xaxis.get_offset_text().get_text() == ""
    offset = float(label.split("− ")[1].split(" ")[0]) if "−" in label else 0.0
    power = float(label.split("{")[1].split("}")[0]) if "{" in label else 0.0
    for x, text in zip(axis.get_xticks(), axis.get_xticklabels(), strict=True):
        shown = float(text.get_text().replace("−", "-"))
        assert offset + shown * 10**power == pytest.approx(x, abs=1e-6 * span)


@pytest.mark.parametrize("name", ["light_curve", "forecast", "folded", "residuals"])
def test_legends_say_everything_once(name):
    figure = planet(draws=20).plot(name)
    (legend,) = figure.legends
    written = [text.get_text() for text in legend.get_texts()]
    assert len(set(written)) == len(written)
    if name in ("folded", "residuals"):
        assert {"harps", "pfs"} <= set(written)
    else:
        assert [axis.get_ylabel() for axis in figure.axes] == ["harps [m/s]", "pfs [m/s]"]


def test_the_only_band_is_named():
    data = walk(20).replace(band=np.full(20, "V"))
    model = by_hand(
        ba.GaussianProcess(ba.kernels.DampedRandomWalk()), data,
        drawn(sigma=1.0, tau=10.0, jitter=0.1, offset=10.0),
    )  # fmt: skip
    assert model.plot("light_curve").axes[0].get_ylabel() == "V"


def test_light_curves_show_the_data_of_each_band():
    model, data = planet(), velocities()
    for axis, name in zip(model.plot("light_curve").axes, ("harps", "pfs"), strict=True):
        rows = data.band == name
        for found, column in zip(points(axis, "data"), ("time", "value", "error"), strict=True):
            np.testing.assert_allclose(found, getattr(data, column)[rows], rtol=1e-12)


def test_the_spectrum_is_the_kernels():
    model, data = drw()
    at = np.geomspace(1e-3, 1.0, 7)
    (axis,) = model.plot("spectrum", at=at).axes
    frequency, power = lines(axis)[0]
    np.testing.assert_allclose(frequency, at)
    np.testing.assert_allclose(power, 2 * 10 / (1 + (2 * np.pi * at * 10) ** 2), rtol=1e-9)
    assert axis.get_xscale() == axis.get_yscale() == "log"
    level = np.mean(data.error**2 + 0.01) * np.median(np.diff(data.time))
    assert lines(axis)[1][1][0] == pytest.approx(level)
    for wrong in ([0.0, 1.0], [1.0], "here", [[1.0, 2.0]]):
        with pytest.raises(ValueError, match=r"at must be two or more frequencies above 0"):
            model.plot("spectrum", at=wrong)


def test_a_period_is_resolved_where_that_can_be_drawn():
    time = time_series.even(velocities(), 3.7)
    assert np.diff(time).max() <= 3.7 / 10
    assert plots._period(planet()) == pytest.approx(3.7)
