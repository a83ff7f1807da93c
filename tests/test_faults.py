"""Ways to a wrong number under "no check failed" that trials found: each with its small input.

The whole table, of all kinds of faults, with the check that sees each, is in `notebooks/faults.md`.

| fault | said before | now |
|---|---|---|
| A1 evidence and Laplace about one of many periods | -191.7 +- 0.07 and 43 d, no check failed | -124.6, 14.65 d, or "one maximum" and "other periods" fail (`processes/test_periods.py`) |
| A2 two harmonics of a quasi-periodic kernel | 3.0 d for 8 d, no check failed | as many as the noise lets see; "harmonics" fails where too few were given |
| A3a regular cadence: exact aliases share the posterior | half of the cadence, 0.0102 d | the period, the range ends at the Nyquist frequency |
| A3b sixty nights: the range ended at 20 d | 0 of 300 RR Lyrae right | the range goes to four hours |
| A4 a period of red noise | Bayes factor above 100, no check failed | "white residuals" or "no other signal" fail |
| A4 a second signal | no check failed | "no other signal" fails and names its period |
| A5 errors of a light curve stated at a third | damping time off by 6 sd, no check failed | "errors as stated" fails |
| A6 bins of redshift in which nobody trained | mean redshift 0.78 for 0.095 | refused |
| A9 stars at z = 0 in a training set | a tenth of the modes at zero, no check failed | "no repeated redshift" fails |
| A8 one sentinel row | main width 7 for 1, no check failed | the prior does not see it, "no rows apart" fails and names the row |
| A11 a prior with the data's own correlations | 0.90 +- 0.09 for 0.7 | diagonal: 0.65 +- 0.18, 95% intervals cover at least 95% of 120 tables |
| A7 a colour beside its magnitudes | covariances 50 times too wide | refused, the columns named |
| A11 the seed of an object had 32 bits | 104 twins among a million | 63 bits |
| D a full disk while saving | the interpreter ended | an error, the old file whole (`test_storage.py`) |
| D Ctrl-C in `fit_each` and `calibrate` | rows lost, or false ranks | kept, marked, stopped (`samplers/test_interrupts.py`) |
| B the first line of progress said how long is left | 71320 s, of a fit of a minute | nothing until a tenth is done |
| B a figure that missed its limit was printed like it | 1.01 (at most 1.01) | as many digits as it takes |
"""

import re

import numpy as np
import pytest
from samples import quasi_periodic

import bayes_astro as ba
from bayes_astro import residuals
from bayes_astro.data.binned_redshifts import check_trained
from bayes_astro.diagnostics import Check, Diagnosis, repeated
from bayes_astro.objects import object_seed
from bayes_astro.periodic import harmonics
from bayes_astro.processes.harmonics_kept import kernel_of
from bayes_astro.processes.roughness import settle

EXACT = ba.Exact(draws=1000)


def failed(model):
    return {check.name for check in model.diagnose().failures()}


def test_a_regular_cadence_ends_at_its_nyquist_frequency():
    time = 2454833 + 0.0204 * np.arange(1500)
    noise = 20 * np.random.default_rng(0).normal(size=1500)
    value = 1e4 + 30 * np.cos(2 * np.pi * time / 6.73) + noise
    model = ba.Periodogram().fit(ba.LightCurve(time, value, np.full(1500, 20.0)), EXACT, seed=1)
    modes = model.modes()
    assert len(modes) == 1
    assert modes["period"][0] == pytest.approx(6.73, abs=0.06)
    assert "searched from 0.0408" in model.diagnose()["period within the range"].limit


def nights(n=60, span=3000.0, seed=1, regular=False):
    rng = np.random.default_rng(seed)
    time = np.sort(rng.choice(int(span), n, replace=False)).astype(float)
    return time if regular else time + rng.uniform(-0.15, 0.15, n)


@pytest.mark.parametrize("seed", range(4))
def test_a_survey_of_sixty_nights_finds_an_rr_lyrae(seed):
    time, rng = nights(seed=seed), np.random.default_rng(seed)
    period = rng.uniform(0.35, 0.75)
    value = 15 + 0.3 * np.cos(2 * np.pi * time / period) + 0.03 * rng.normal(size=len(time))
    curve = ba.LightCurve(time, value, np.full(len(time), 0.03), time_unit="d")
    modes = ba.Periodogram().fit(curve, EXACT, seed=1).modes()
    assert modes["period"][0] == pytest.approx(period, rel=1e-3)


def test_the_range_ends_where_the_sampling_repeats_itself():
    def highest(time, unit="d"):
        curve = ba.LightCurve(time, np.arange(len(time)), np.ones(len(time)), time_unit=unit)
        return harmonics.default_range(curve)[1]

    assert highest(nights()) == 6.0
    assert highest(nights() * 24, "h") == pytest.approx(6.0 / 24)
    assert highest(nights(regular=True)) == pytest.approx(0.5, rel=1e-2)  # one alias a day
    # Where the signal could tell an alias at this scatter of the times it goes on to four hours.
    scattered = np.arange(60) + np.random.default_rng(70).normal(0, 0.01, 60)
    assert highest(scattered) == 6.0
    assert highest(np.arange(100) / 1440) == pytest.approx(720.0, rel=1e-2)  # every minute
    step = np.arange(1500.0)  # a cadence on board, by the clock of the barycentre
    cadence = 0.0204 * (step + 0.3 * np.sin(2 * np.pi * step / 1500))
    assert highest(cadence) == pytest.approx(0.5 / 0.0204, rel=1e-2)


def test_the_window_of_the_same_times_is_computed_once():
    """Whatever the values are: calibration asks for it with every data set."""
    time, rng = nights(seed=11), np.random.default_rng(0)
    before = harmonics._sampling.cache_info().misses
    for scale in (0.1, 1.0, 30.0):
        curve = ba.LightCurve(time, scale * rng.normal(size=60), np.full(60, 0.1))
        assert harmonics.default_range(curve)[1] == 6.0
    assert harmonics._sampling.cache_info().misses == before + 1


@pytest.mark.parametrize(("scatter", "seed"), [(0.01, 70), (0.01, 71), (0.015, 72), (0.0, 73)])
def test_a_nightly_cadence_finds_a_short_period_or_says_that_it_cannot(scatter, seed):
    rng = np.random.default_rng(seed)
    time = np.arange(60) + rng.normal(0, 1, 60) * scatter
    value = np.sin(2 * np.pi * time / 0.52) + rng.normal(0, 0.1, 60)
    for jitter in (True, False):
        model = ba.Periodogram(jitter=jitter)
        model.fit(ba.LightCurve(time, value, np.full(60, 0.1)), EXACT, seed=1)
        check = model.diagnose()["period within the range"]
        if scatter:
            modes = model.modes()
            assert abs(modes["period"] - 0.52).min() < 0.01
            assert modes["mass"][0] > 0.98 or (modes["alias_of"] != "").any()
        else:
            assert check.passed is None
            assert "repeat every 1," in check.advice


def red(seed=1, n=100):
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(0, 3000, n))
    covariance = 0.04 * np.exp(-np.abs(time[:, None] - time) / 300)
    value = 18 + rng.multivariate_normal(np.zeros(n), covariance) + 0.02 * rng.normal(size=n)
    return ba.LightCurve(time, value, np.full(n, 0.02), time_unit="d")


@pytest.mark.parametrize("seed", [0, 5, 7])
def test_a_period_of_red_noise_is_not_believed(seed):
    model = ba.Periodogram(jitter=True, period=(20, 3000)).fit(red(seed), EXACT, seed=1)
    assert model.posterior["evidence"]["log_bayes_factor"] > 5
    assert failed(model) & {"white residuals", "no other signal"}


@pytest.mark.parametrize("second", [0.0, 0.6])
def test_a_second_signal_is_seen(second):
    rng = np.random.default_rng(3)
    time = np.sort(rng.uniform(0, 300, 80))
    value = np.cos(2 * np.pi * time / 17.0) + second * np.cos(2 * np.pi * time / 4.3)
    value += 0.2 * rng.normal(size=80)
    curve = ba.LightCurve(time, value, np.full(80, 0.1), time_unit="d")
    model = ba.Periodogram(jitter=True, period=(2, 100)).fit(curve, EXACT, seed=1)
    diagnosis = model.diagnose()
    assert bool(diagnosis) is (second == 0)
    if second:
        assert "no other signal" in failed(model)
        shown = re.search(r"a period of ([\d.]+):", diagnosis["no other signal"].advice)
        assert float(shown[1]) == pytest.approx(4.3, abs=0.01)


def test_the_window_is_that_of_its_definition():
    time = nights(n=20, span=50.0)
    frequency, power = harmonics.window(time, 3.0)
    assert frequency[0] == 0
    assert frequency[-1] >= 3.0
    expected = np.abs(np.exp(2j * np.pi * frequency[:, None] * time).mean(axis=1)) ** 2
    np.testing.assert_allclose(power, expected, atol=1e-5)


def test_noise_about_the_period_has_the_power_of_its_variance():
    rng = np.random.default_rng(1)
    time = np.sort(rng.uniform(0, 100, 200))
    rows, frequency = rng.normal(size=(200, 200)), rng.uniform(0.3, 2.0, 200)
    assert residuals.power_about(rows, time, frequency, 10) == pytest.approx(1.0, abs=0.1)
    assert residuals.power_about(2 * rows, time, frequency, 10) == pytest.approx(4.0, abs=0.4)


def test_noise_about_the_period_is_that_of_each_draw(monkeypatch):
    model = ba.Periodogram(jitter=True, period=(20, 3000)).fit(red(0), EXACT, seed=1)
    asked = []
    monkeypatch.setattr(residuals, "power_about", lambda *given: asked.append(given) or 9.0)
    model.diagnose()
    rows, _, frequency, _ = asked[0]
    draws = model.posterior["posterior"].to_dataset()
    everything = model.normal_residuals(draws, model.data).reshape(-1, rows.shape[1])
    every = draws["frequency"].values.ravel()
    assert len(set(frequency)) > 10
    for k in (0, 1, len(rows) - 1):
        np.testing.assert_array_equal(rows[k], everything[list(every).index(frequency[k])])


def test_the_odds_of_a_second_signal_are_those_of_a_fit_to_the_rest():
    rng = np.random.default_rng(3)
    time = np.sort(rng.uniform(0, 300, 80))
    value = np.cos(2 * np.pi * time / 17.0) + 0.6 * np.cos(2 * np.pi * time / 4.3)
    curve = ba.LightCurve(time, value + 0.2 * rng.normal(size=80), np.full(80, 0.1), time_unit="d")
    model = ba.Periodogram(jitter=True, period=(2, 100)).fit(curve, EXACT, seed=1)
    signal = model.predict()["signal"].mean(("chain", "draw")).values
    rest = curve.replace(value=curve.value - signal)
    again = ba.Periodogram(jitter=True, period=(2, 100)).fit(rest, EXACT, seed=1)
    odds = float(again.posterior["evidence"]["log_bayes_factor"])
    assert model.diagnose()["no other signal"].figure == pytest.approx(odds, abs=3.0)


def test_the_gain_of_other_errors_is_that_of_the_evidence():
    curve = red(2)
    curve = curve.replace(error=curve.error / 3)
    fits = [
        ba.StructureFunction().fit(one, EXACT, seed=1)
        for one in (curve, curve.replace(error=2.8 * curve.error))
    ]
    model = fits[0]
    priors = model.resolve_priors(curve)
    assert fits[1].resolve_priors(curve) == priors  # they look at the values alone
    at_one, at_three = (float(fit.posterior["evidence"]["log_evidence"]) for fit in fits)
    gain = model.diagnose()["errors as stated"].figure
    assert at_three - at_one > 1
    assert gain == pytest.approx(at_three - at_one, abs=1.0)


def test_a_bin_must_hold_a_tenth_of_an_object():
    edges = np.array([0.0, 0.1, 0.2])
    check_trained(np.array([5.0, 0.11]), edges)
    with pytest.raises(ValueError, match=r"1 of 2 bins, the first from 0.1 to 0.2"):
        check_trained(np.array([5.0, 0.09]), edges)


def test_an_answer_at_the_edge_of_the_range_is_noted():
    rng = np.random.default_rng(4)
    time = np.sort(rng.uniform(0, 300, 80))
    value = np.cos(2 * np.pi * time / 17.0) + 0.1 * rng.normal(size=80)
    curve = ba.LightCurve(time, value, np.full(80, 0.1), time_unit="d")
    at_edge = ba.Periodogram(period=(17.3, 100), jitter=True).fit(curve, EXACT, seed=1)
    assert at_edge.diagnose()["period within the range"].passed is None
    within = ba.Periodogram(period=(10, 100), jitter=True).fit(curve, EXACT, seed=1)
    assert within.diagnose()["period within the range"].passed


@pytest.mark.parametrize(("factor", "believed"), [(1.0, True), (3.0, False)])
def test_a_structure_function_says_when_errors_are_wrong(factor, believed):
    rng = np.random.default_rng(1)
    time = np.sort(rng.uniform(0, 1500, 150))
    covariance = 0.04 * np.exp(-np.abs(time[:, None] - time) / 100)
    error = 0.03 * np.exp(0.3 * rng.normal(size=150))
    value = rng.multivariate_normal(np.zeros(150), covariance)
    value += factor * error * rng.normal(size=150)
    curve = ba.LightCurve(time, value, error, time_unit="d")
    model = ba.StructureFunction().fit(curve, EXACT, seed=1)
    check = model.diagnose()["errors as stated"]
    assert check.passed is believed
    assert believed or "errors 2.8 times those stated" in check.advice


def test_a_short_light_curve_says_nothing_of_its_errors():
    for seed in (6, 7):
        rng = np.random.default_rng(seed)
        time = np.sort(rng.uniform(0, 1000, 16))
        covariance = 0.25 * np.exp(-np.abs(time[:, None] - time) / 40)
        error = rng.uniform(0.05, 0.15, 16)
        value = 15 + rng.multivariate_normal(np.zeros(16), covariance) + error * rng.normal(size=16)
        model = ba.StructureFunction().fit(ba.LightCurve(time, value, error), EXACT, seed=1)
        assert "errors as stated" not in {check.name for check in model.diagnose()}


def test_errors_that_grow_with_the_magnitude_are_no_fault_of_a_process():
    rng = np.random.default_rng(0)
    time = np.sort(rng.uniform(0, 1000, 100))
    covariance = 0.25 * np.exp(-np.abs(time[:, None] - time) / 40)
    true = rng.multivariate_normal(np.zeros(100), covariance)
    error = 0.05 * 10 ** (0.4 * true) * rng.uniform(0.9, 1.1, 100)
    data = ba.LightCurve(time, 15 + true + error * rng.normal(size=100), error)
    model = ba.GaussianProcess(ba.kernels.DampedRandomWalk()).fit(data, EXACT, seed=1)
    assert all("beside residuals" not in check.name for check in model.diagnose())


def test_jitter_beside_errors_over_decades_is_no_structure():
    rng = np.random.default_rng(0)
    time, error = np.sort(rng.uniform(0, 100, 60)), 0.1 * 10 ** rng.uniform(-4, 2, 60)
    value = np.sin(2 * np.pi * time / 7.3) + 0.1 * rng.normal(size=60) + error * rng.normal(size=60)
    model = ba.Periodogram(jitter=True, period=(2, 50))
    model.fit(ba.LightCurve(time, value, error), EXACT, seed=1)
    assert model.diagnose()["jitter beside the errors"].passed


def test_bins_in_which_nobody_trained_are_refused():
    rng = np.random.default_rng(1)
    z = rng.uniform(0.05, 0.3, 300)
    magnitude = (
        19.5 + 6 * np.log1p(z)[:, None] + rng.normal(0, 0.3, (300, 1)) + np.linspace(0, 1, 4)
    )
    flux = 10 ** (-0.4 * (magnitude - 23.9))
    data = ba.Photometry(flux, 0.05 * flux, ("g", "r", "i", "z"), z, unit="uJy")
    photoz = ba.XDPhotoZ(2, n_fits=1, error_scale="published").fit(data, seed=1, progress=False)
    with pytest.raises(ValueError, match="less than a tenth of an object .* give bins"):
        photoz.binned(data, np.linspace(0, 1, 21))
    assert photoz.binned(data, np.linspace(0, 0.35, 8)).draws == 1


def test_a_redshift_that_stands_out_is_named():
    z = np.round(np.random.default_rng(1).gamma(4.0, 0.1, 2000), 3)
    assert repeated(z, "redshift", "").passed
    check = repeated(np.append(z[200:], np.zeros(200)), "redshift", "leave them out")
    assert check.passed is False
    assert check.figure == pytest.approx(0.1)
    assert "200 of 2000 objects have the redshift 0" in check.advice
    assert repeated(ba.load("sdss-galaxies").redshift, "redshift", "").passed


@pytest.mark.parametrize("task", ["density", "relation"])
def test_columns_that_depend_on_each_other_are_named(task):
    rng = np.random.default_rng(0)
    g = rng.normal(20, 1, 200)
    r = g - 0.6 + 0.2 * rng.normal(size=200)
    columns, names = [g, r, g - r], ["g", "r", "g-r"]
    if task == "relation":
        columns, names = [*columns, g + rng.normal(size=200)], [*names, "y"]
    data = ba.Measurements(np.column_stack(columns), np.full((200, len(names)), 0.1), names=names)
    model = ba.LinearRelation("y") if task == "relation" else ba.ExtremeDeconvolution(1)
    with pytest.raises(ValueError, match=r"columns 'g', 'r', 'g-r': .* leave out 'g-r'"):
        model.fit(data, ba.MAP(), seed=1)
    kept = [i for i, name in enumerate(names) if name != "g-r"]
    fewer = ba.Measurements(
        data.value[:, kept], data.error[:, kept], names=[names[i] for i in kept]
    )
    model.fit(fewer, ba.MAP(), seed=1, progress=False)


def test_a_sentinel_row_is_named_and_the_prior_does_not_see_it():
    value = np.random.default_rng(1).normal(size=(400, 3))
    value[5] = 9999
    data = ba.Measurements(value, np.zeros((400, 3)))
    one, two = ba.ExtremeDeconvolution(1), ba.ExtremeDeconvolution(2)
    scale = one.resolve_priors(data)["covariance"].arguments["scale"]
    assert np.diag(scale) == pytest.approx([1, 1, 1], abs=0.3)
    one.fit(data, ba.MAP(), seed=1, progress=False)
    check = one.diagnose()["no rows apart"]
    assert check.passed is False
    assert "row 5." in check.advice
    two.fit(data, ba.MAP(), seed=1, progress=False)
    assert "no rows apart" not in failed(two)
    assert two.diagnose()["rows in the smallest component"].passed is None


def test_a_sentinel_under_a_projection_is_not_seen_by_the_prior():
    rng = np.random.default_rng(4)
    projection = rng.normal(size=(300, 2, 3))
    value = np.einsum("nij,nj->ni", projection, rng.normal(size=(300, 3)))
    value += 0.1 * rng.normal(size=value.shape)
    value[5] = 999
    data = ba.Measurements(value, np.full(value.shape, 0.1), projection=projection)
    prior = ba.ExtremeDeconvolution(1).resolve_priors(data)["covariance"]
    assert np.diag(prior.arguments["scale"]) == pytest.approx([1, 1, 1], abs=0.4)


def test_the_default_prior_of_a_covariance_has_no_correlation():
    rng = np.random.default_rng(2)
    true = rng.multivariate_normal([0, 0], [[1, 0.95], [0.95, 1]], size=30)
    scale = ba.ExtremeDeconvolution(1).resolve_priors(ba.Measurements(true, np.full((30, 2), 0.1)))
    scale = np.array(scale["covariance"].arguments["scale"])
    assert scale[0, 1] == 0
    assert scale[0, 0] < 2


@pytest.mark.parametrize("wrong", ["errors", "shape", "together", ""])
def test_rows_of_a_density_say_what_is_wrong(wrong):
    """The distribution of each column, and of rows with large errors beside small ones."""
    rng = np.random.default_rng(3)
    true = rng.normal(size=(800, 2))
    if wrong == "shape":
        true = rng.exponential(size=(800, 2)) ** 2
    if wrong == "together":
        # Each column is normal, and they are not correlated: on the two diagonals.
        true[:, 1] = true[:, 0] * rng.choice([-1, 1], 800)
    widest = 0.3 if wrong == "together" else 3.0
    error = np.exp(rng.uniform(np.log(0.1), np.log(widest), (800, 2)))
    value = true + error * rng.normal(size=true.shape)
    stated = 0.5 * error if wrong == "errors" else error
    model = ba.ExtremeDeconvolution(1).fit(ba.Measurements(value, stated), ba.MAP(), seed=1)
    found = {check.name: check for check in model.diagnose()}
    if wrong == "shape":
        assert found["distribution of each column"].passed is False
    if wrong == "together":
        assert found["distribution of each column"].passed is False
        assert "the distances" in found["distribution of each column"].advice
    if wrong == "errors":
        assert "errors 2 times those stated" in found["errors as stated"].advice
        assert found["errors as stated"].passed is False
    if not wrong:
        assert model.diagnose()
        assert found["errors as stated"].passed


def test_a_quasi_periodic_kernel_has_the_harmonics_that_its_data_need():
    smooth, rough = (
        settle(ba.GaussianProcess(ba.kernels.QuasiPeriodic()), quasi_periodic(r, 0))[0].kernel
        for r in (1.0, 0.35)
    )
    assert smooth.harmonics <= 6
    assert rough.harmonics >= 8
    # Where nothing is known of the noise the prior decides.
    several = ba.kernels.QuasiPeriodic() + ba.kernels.Matern32()
    chosen = settle(ba.GaussianProcess(several), quasi_periodic(0.35, 0))[0].kernel
    assert chosen.parts[0].harmonics >= 6
    assert ba.kernels.QuasiPeriodic(harmonics=2).left_out(0.35) > 0.3
    assert ba.kernels.QuasiPeriodic(harmonics=12).left_out(0.35) < 1e-4


def test_too_few_harmonics_are_seen():
    data = quasi_periodic(0.5, 1, n=100)
    few = ba.GaussianProcess(ba.kernels.QuasiPeriodic(harmonics=1))
    few.fit(data, ba.MAP(), seed=1, progress=False)
    assert "harmonics of quasi_periodic" in failed(few)


@pytest.mark.slow
def test_a_quasi_periodic_kernel_finds_period_and_lifetime():
    data = quasi_periodic(0.7, 1)
    model = ba.GaussianProcess(ba.kernels.QuasiPeriodic()).fit(data, seed=1, progress=False)
    # Dense fits of the field's own kernel: 7.977 +- 0.032 d, 26.7 d.
    table = model.summary()
    assert table.loc["period", "mean"] == pytest.approx(7.977, abs=0.064)
    assert np.log(table.loc["decay", "median"]) == pytest.approx(np.log(26.7), abs=2 * 0.083 + 0.1)
    # What was chosen is kept with the fit.
    assert kernel_of(model).harmonics == int(model.posterior["selection"]["harmonics"][0])


def test_seeds_of_objects_do_not_repeat():
    assert len({object_seed(1, name) for name in range(200_000)}) == 200_000
    assert max(object_seed(1, name) for name in range(100)) > 2**60
    assert min(object_seed(1, name) for name in range(100)) >= 0


def test_a_figure_that_missed_its_limit_does_not_look_like_it():
    shown = Diagnosis((Check("R-hat", False, 1.010064, "fit longer", "at most 1.01"),))
    assert "R-hat: 1.0101 (" in repr(shown)
    assert "R-hat: 1.01 (" not in repr(shown)
    equal = Diagnosis((Check("R-hat", True, 1.01, "", "at most 1.01"),))
    assert "R-hat: 1.01 (" in repr(equal)


def test_the_time_left_is_said_once_it_is_known(monkeypatch, capsys):
    from bayes_astro.samplers import progress

    clock = iter(range(0, 1000, 40))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress.Progress(1000, "NUTS", shown=True) as bar:
        bar.at(3)
        bar.at(500)
    first, second = capsys.readouterr().err.splitlines()
    assert "left" not in first
    assert second.endswith("about 80 s left")


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, True), (1 / 3, False)])
def test_errors_behind_a_mixture_are_judged_by_what_others_explain(factor, verdict):
    rng = np.random.default_rng(0)
    error, first = rng.uniform(0.1, 2, (300, 2)), rng.random(300) < 0.5
    true = np.where(first[:, None], [0, 0], [5, 3]) + rng.normal(size=(300, 2)) * [1, 0.5]
    data = ba.Measurements(true + error * rng.normal(size=(300, 2)), factor * error)
    model = ba.ExtremeDeconvolution(2).fit(data, ba.MAP(), seed=1, progress=False)
    assert model.diagnose()["errors as stated"].passed is verdict


def test_what_does_not_vary_is_not_judged_for_convergence():
    rng = np.random.default_rng(0)
    data = ba.Measurements(rng.normal(size=(60, 2)), np.full((60, 2), 0.3))
    model = ba.ExtremeDeconvolution(1).fit(data, ba.NUTS(300, 300, 2), seed=1, progress=False)
    assert float(model.posterior["posterior"]["entropy"].std()) < 1e-12
    assert "entropy" not in repr(model.diagnose())


@pytest.mark.parametrize("mark", [None, 0.0])
def test_a_value_that_repeats_in_one_column_is_named(mark):
    """Rounded columns beside it repeat, too, and are no fault."""
    rng = np.random.default_rng(5)
    value = np.column_stack([np.round(rng.normal(size=300), 1), rng.normal(size=300)])
    if mark is not None:
        value[:20, 1] = mark
    data = ba.Measurements(value, np.full((300, 2), 0.1), names=("x", "y"))
    for task in (ba.ExtremeDeconvolution(1), ba.LinearRelation("y")):
        model = task.fit(data, ba.MAP(), seed=1, progress=False)
        check = model.diagnose()["no repeated values"]
        assert check.passed is (mark is None)
        assert mark is None or "20 of 300 objects have the y 0" in check.advice


@pytest.mark.parametrize("cut", [False, True])
def test_predictors_that_a_selection_cut_are_noted(cut):
    rng = np.random.default_rng(6)
    x = rng.normal(size=400)
    y = 2 * x + 0.3 * rng.normal(size=400)
    kept = y > 0.5 if cut else y > -np.inf
    value = np.column_stack([x, y])[kept]
    value = value + 0.1 * rng.normal(size=value.shape)
    data = ba.Measurements(value, np.full(value.shape, 0.1), names=("x", "y"))
    model = ba.LinearRelation("y").fit(data, ba.MAP(), seed=1, progress=False)
    check = model.diagnose()["distribution of each column"]
    assert check.passed is (None if cut else True)
    assert not cut or "the distribution of x" in check.advice


@pytest.mark.parametrize("factor", [1.0, 0.5])
def test_errors_beside_a_background_are_judged_by_ranks(factor):
    rng = np.random.default_rng(7)
    error = np.exp(rng.uniform(np.log(0.1), np.log(3.0), (800, 2)))
    value = rng.normal(size=(800, 2)) + error * rng.normal(size=(800, 2))
    model = ba.ExtremeDeconvolution(1, background="broad")
    model.fit(ba.Measurements(value, factor * error), ba.MAP(), seed=1, progress=False)
    check = model.diagnose()["errors as stated"]
    assert check.passed is (True if factor == 1 else None)
    assert factor == 1 or "larger than stated" in check.advice


@pytest.mark.parametrize("seed", [1, 3])
def test_a_few_far_points_fail_a_line_that_knows_no_outliers(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(2.3, 0.25, 50)
    y = 8.3 + 4.4 * (x - 2.3) + rng.normal(0, 0.4, 50)
    y[:3] += [5, -4, 6]
    error = np.column_stack([np.full(50, 0.05), rng.uniform(0.1, 0.3, 50)])
    value = np.column_stack([x, y]) + error * rng.normal(size=(50, 2))
    points = ba.Measurements(value, error, names=("x", "y"))
    sampler = ba.Laplace(draws=400)
    plain = ba.LinearRelation("y").fit(points, sampler, seed=1, progress=False)
    assert plain.summary().loc["scatter", "mean"] > 1.0
    check = plain.diagnose()["normal residuals"]
    assert check.passed is False
    assert "outliers=True" in check.advice
    without = ba.LinearRelation("y").fit(points[3:], sampler, seed=1, progress=False)
    assert without.diagnose()["normal residuals"].passed
