"""The periodogram: evidence, calibration of its width, odds without a signal, real periods."""

import numpy as np
import pytest
from samples import sinusoid

import bayes_astro as ba
from bayes_astro.periodic.aliases import relation


def fitted(data, draws=2000, seed=1, **kwargs):
    return ba.Periodogram(**kwargs).fit(data, ba.Exact(draws=draws), seed=seed)


def dense_log_evidence(model, data, frequency):
    """Log N(y; mean, covariance) with the whole covariance written out, in extended precision."""
    priors = model.resolve_priors(data)
    time = data.time - np.mean(data.time)
    angle = 2 * np.pi * frequency * time[:, None] * np.arange(1, model.n_terms + 1)
    scale = np.broadcast_to(priors["amplitude"].arguments["sigma"], model.n_terms)
    columns = [np.full(len(time), priors["offset"].arguments["sigma"])]
    if model.trend:
        sigma = np.broadcast_to(priors["trend"].arguments["sigma"], model.trend)
        columns += [sigma[j] * time ** (j + 1) for j in range(model.trend)]
    design = np.column_stack([*columns, np.cos(angle) * scale, np.sin(angle) * scale])
    design = design.astype(np.longdouble)
    covariance = design @ design.T + np.diag(data.error.astype(np.longdouble) ** 2)
    n = len(time)
    factor = np.zeros_like(covariance)
    for j in range(n):
        left = covariance[j:, j] - factor[j:, :j] @ factor[j, :j]
        factor[j:, j] = left / np.sqrt(left[0])
    residual = (data.value - priors["offset"].arguments["mu"]).astype(np.longdouble)
    white = np.zeros_like(residual)
    for j in range(n):
        white[j] = (residual[j] - factor[j, :j] @ white[:j]) / factor[j, j]
    log_det = 2 * np.sum(np.log(np.diag(factor)))
    return float(-0.5 * (white @ white + log_det + n * np.log(2 * np.pi)))


def test_log_evidence_equals_a_dense_evaluation():
    """The whole way from a light curve with Julian dates to log Z(f)."""
    from bayes_astro.likelihoods.harmonic import log_evidence

    rng = np.random.default_rng(5)
    for _ in range(25):
        n = int(rng.choice([3, 5, 10, 40, 120]))
        time = 2.45e6 + np.sort(rng.uniform(0, 300, n))
        error = 10 ** rng.uniform(-2, 0, n)
        data = ba.LightCurve(time, rng.normal(0, 1, n), error)
        model = ba.Periodogram(
            n_terms=int(rng.integers(1, 6)), trend=int(rng.integers(0, 3)), period=(1, 100)
        )
        problem = model.problem(data, model.resolve_priors(data)).projected()
        for frequency in rng.uniform(0.01, 1, 3):
            expected = dense_log_evidence(model, data, frequency)
            assert log_evidence(problem, [frequency])[0] == pytest.approx(expected, abs=1e-6)


def test_width_is_bretthorsts_for_strong_signals():
    ratios = []
    for seed in range(40):
        data = sinusoid(n=100, amplitude=2.0, noise=0.5, seed=seed)
        error = np.full(100, 0.5)
        data = data.replace(error=error)
        posterior = fitted(data, draws=4000, seed=seed, period=(2, 10)).posterior["posterior"]
        amplitude = float(posterior["amplitude"].mean())
        spread = 2 * np.sqrt(3) * np.std(data.time)  # the T of an even sampling of this width
        bretthorst = np.sqrt(6) * 0.5 / (np.pi * spread * amplitude * np.sqrt(100))
        ratios.append(float(posterior["frequency"].std()) / bretthorst)
    assert np.median(ratios) == pytest.approx(1.0, abs=0.05)


@pytest.mark.slow
def test_odds_on_noise_alone_rarely_favour_a_period():
    """P(BF > k | no signal) <= 1/k, as for any Bayes factor: 2000 series without a signal.

    True of series drawn from the null model; its offset is drawn from its prior, which is fixed.
    """
    rng = np.random.default_rng(2)
    time = np.sort(rng.uniform(0, 50, 40))
    error = rng.uniform(0.5, 1.0, 40)
    priors = {
        "offset": ba.Prior("Normal", mu=0, sigma=2),
        "amplitude": ba.Prior("Rayleigh", sigma=0.7),
    }
    model = ba.Periodogram(period=(1.5, 25), priors=priors)
    factors = []
    for i in range(2000):
        value = rng.normal(0, 2) + error * rng.normal(size=40)
        model.fit(ba.LightCurve(time, value, error), ba.Exact(draws=20), seed=i)
        factors.append(float(model.posterior["evidence"]["log_bayes_factor"]))
    for k in (3, 10, 30, 100):
        count = np.sum(np.array(factors) > np.log(k))
        # Three standard deviations of a binomial above the bound.
        assert count <= 2000 / k + 3 * np.sqrt(2000 / k), k
    assert np.mean(np.array(factors) < 0) > 0.7


def test_false_alarm_probability_is_astropys():
    from astropy.timeseries import LombScargle

    for seed, amplitude in [(0, 0.0), (1, 0.4), (2, 0.7)]:
        data = sinusoid(n=50, amplitude=amplitude, seed=seed)
        found = float(fitted(data, period=(2, 50)).posterior["evidence"]["false_alarm_probability"])
        search = LombScargle(data.time, data.value, data.error)
        grid = np.linspace(0.02, 0.5, 200_001)
        power = search.power(grid, method="fast").max()
        top = grid[np.argmax(search.power(grid, method="fast"))]
        power = search.power(np.linspace(top - 1e-4, top + 1e-4, 2001), method="cython").max()
        expected = search.false_alarm_probability(power, method="baluev", maximum_frequency=0.5)
        # astropy rounds the highest frequency to its own grid, some 1e-3 off.
        assert found == pytest.approx(float(expected), rel=4e-3)


def test_bayes_factor_and_false_alarm_probability_are_tied():
    """BF is about 1 / [FAP (1 + Lambda sum(w) / 2)] at FAP <= 1e-4, to 0.15 dex.

    With Baluev's bound for a known noise level, as the evidence has it.
    """
    from astropy.timeseries import LombScargle

    off = []
    for seed in range(12):
        data = sinusoid(n=80, amplitude=0.6, noise=0.5, seed=seed)
        model = fitted(data, period=(2, 50))
        search = LombScargle(data.time, data.value, data.error, normalization="psd")
        top = float(model.posterior["periodogram"]["log_density"].idxmax())
        power = search.power(np.linspace(top - 1e-4, top + 1e-4, 2001), method="cython").max()
        fap = search.false_alarm_probability(power, method="baluev", maximum_frequency=0.5)
        scale = model.resolve_priors(data)["amplitude"].arguments["sigma"][0] ** 2
        predicted = -np.log10(fap * (1 + 0.5 * scale * np.sum(data.error**-2)))
        odds = float(model.posterior["evidence"]["log_bayes_factor"]) / np.log(10)
        off.append(odds - predicted)
    assert np.median(np.abs(off)) < 0.3


@pytest.mark.parametrize("sampler", ["exact", "nuts"])
def test_units_change_nothing_but_the_numbers(sampler):
    from astropy import units as u

    days = sinusoid(n=60, value_unit="mag", time_unit="d")
    seconds = ba.LightCurve(
        (days.time * u.d).to(u.s), (days.value * u.mag).to(u.mmag), (days.error * u.mag).to(u.mmag)
    )
    assert (seconds.time_unit, seconds.value_unit) == ("s", "mmag")
    pick = {"exact": ba.Exact(draws=2000), "nuts": ba.NUTS(draws=300, tune=500, chains=2)}[sampler]
    factors = {"frequency": 1 / 86400, "period": 86400, "offset": 1e3, "amplitude": 1e3, "phase": 1}
    periods = ((3, 5), (3 * u.d, 5 * u.d))
    fits = [
        ba.Periodogram(period=period).fit(data, pick, seed=4, progress=False)
        for data, period in zip((days, seconds), periods, strict=True)
    ]
    a, b = (fit.posterior["posterior"] for fit in fits)
    tables = [fit.summary() for fit in fits]
    for name, factor in factors.items():
        if sampler == "exact":
            assert np.allclose(a[name] * factor, b[name], rtol=1e-7), name
        label = name if name in tables[0].index else f"{name}[1]"
        x, y = tables[0].loc[label], tables[1].loc[label]
        error = 4 * np.hypot(x["mcse"] * factor, y["mcse"])
        assert abs(x["mean"] * factor - y["mean"]) <= error, name
    if sampler == "exact":
        evidence = [fit.posterior["evidence"]["log_bayes_factor"] for fit in fits]
        assert float(evidence[0]) == pytest.approx(float(evidence[1]), abs=1e-6)
        assert b["period"].attrs["units"] == "s"


def test_julian_dates_change_nothing():
    data = sinusoid()
    late = data.replace(time=data.time + 2_450_000.0)
    a, b = (fitted(x, period=(2, 20)).posterior for x in (data, late))
    assert np.allclose(a["posterior"]["frequency"], b["posterior"]["frequency"], rtol=1e-9)
    assert np.allclose(a["posterior"]["phase"], b["posterior"]["phase"], atol=1e-6)


def test_predictions_take_times_quantities_and_light_curves():
    from astropy import units as u
    from astropy.time import Time

    data = sinusoid()
    model = fitted(data, period=(3, 5))
    plain = model.predict([1.0, 2.0, 50.0])
    hours = model.predict([24.0, 48.0, 1200.0] * u.h)
    assert np.allclose(plain["signal"], hours["signal"])
    assert np.array_equal(plain["time"], [1.0, 2.0, 50.0])
    test = sinusoid(seed=9, noise=5.0)
    wide = model.predict(test)
    assert float(wide["observation"].std()) > 3 * float(plain["observation"].std())
    for bad, text in [
        ([1.0, np.nan], "finite"),
        ([1.0] * u.m, "cannot be converted"),
        ("soon", "times or a LightCurve"),
        (Time([50000.0], format="mjd"), "came as Times"),
        (test.replace(time_unit="h"), "mismatched units"),
    ]:
        with pytest.raises(ValueError, match=text):
            model.predict(bad)
    dated = ba.LightCurve(
        Time(data.time + 50000, format="mjd", scale="tdb"), data.value, data.error
    )
    late = fitted(dated, period=(3, 5))
    at = Time([50001.0, 50002.0, 50050.0], format="mjd", scale="tdb")
    assert np.allclose(late.predict(at)["signal"], plain["signal"], atol=1e-5)
    utc = late.predict(at.utc)["time"]
    assert np.allclose(utc, at.mjd)


def test_held_out_values_are_scored_at_the_fitted_epoch():
    data = sinusoid(n=120, noise=0.3)
    model = fitted(data[:80], period=(3, 5))
    table = ba.compare({"bayes": model, "ls": model.baseline().fit(data[:80])}, data[80:])
    assert table.loc["bayes", "rmse"] < 0.5
    assert table.loc["bayes", "log_score"] == pytest.approx(table.loc["ls", "log_score"], abs=0.3)
    assert table.loc["bayes", "coverage_68"] == pytest.approx(0.68, abs=0.2)  # of 40 rows, 2.7 sd


def test_modes_name_daily_aliases():
    rng = np.random.default_rng(4)
    nights = rng.choice(300, 35, replace=False)
    time = np.sort(nights + rng.normal(0.5, 0.02, 35))
    value = np.cos(2 * np.pi * time / 3.3) + 0.7 * rng.normal(size=35)
    data = ba.LightCurve(time, value, np.full(35, 0.7))
    modes = fitted(data, period=(0.4, 20)).modes(minimum_mass=0)
    assert modes["mass"].is_monotonic_decreasing
    assert modes["mass"].sum() == pytest.approx(1, abs=1e-6)
    assert modes.iloc[1:4]["alias_of"].str.contains("day").any()
    assert abs(modes["frequency"] - 1 / 3.3).min() < 1 / 300


@pytest.mark.parametrize(
    "every, name", [(1.0, "1/day"), (1.7, "0.58824 of the sampling"), (None, "")]
)
def test_aliases_are_those_of_the_times_observed(every, name):
    """Not of a list: times at random have none, and a cadence of its own has its own."""
    rng = np.random.default_rng(6)
    nights = np.sort(rng.choice(300, 60, replace=False))
    time = rng.uniform(0, 300, 60) if every is None else every * (nights + rng.normal(0, 0.02, 60))
    rate = 1 / (every or 1.0)
    for image in (0.31 + rate, rate - 0.31):
        assert relation(image, 0.31, time, np.ones(60)) == name
    # In hours as in days.
    hours = relation((0.31 + rate) / 24, 0.31 / 24, 24 * time, np.ones(60), 1 / 24)
    assert hours == name.replace("0.58824", "0.02451")
    assert relation(0.62, 0.31, time, np.ones(60)) == "2f"


def test_modes_leave_out_peaks_of_few_draws():
    model = fitted(sinusoid(n=40, amplitude=0.0, seed=8), period=(1.5, 20))
    every = model.modes(minimum_mass=0)
    assert every["mass"].sum() == pytest.approx(1, abs=1e-6)
    shown = model.modes()
    assert 0 < len(shown) < len(every)
    assert shown["mass"].min() >= 0.01
    assert np.array_equal(shown["mass"], every["mass"][every["mass"] >= 0.01])
    assert len(model.modes(minimum_mass=1)) == 1  # the highest is always there
    for wrong in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match="minimum_mass"):
            model.modes(wrong)


def test_calibration_computes_no_false_alarm_probability(monkeypatch):
    from bayes_astro.periodic import harmonics

    data = sinusoid()
    monkeypatch.setattr(
        harmonics, "false_alarm_probability", lambda *_: pytest.fail("nobody reads it")
    )
    ba.calibrate(ba.Periodogram(period=(2, 50)), data, n=20, seed=1, progress=False)


def test_bad_data_and_parameters():
    good = sinusoid()
    colours = good.replace(value=np.tile([1.0, 2.0], 30), band=["g", "r"] * 30)
    for data, text in [
        (good[:2], "too few"),
        (good.replace(value=np.ones(60)), "constant"),
        (good.replace(time=np.ones(60)), "same time"),
        (good[:4].replace(time=[1.0, 1.0, 2.0, 2.0]), "two different times"),
        (colours, "constant in every band"),
    ]:
        with pytest.raises(ValueError, match=text):
            ba.Periodogram().fit(data)
    from astropy import units as u

    for kwargs, text in [
        ({"n_terms": 0}, "whole number"),
        ({"n_terms": 1.0}, "whole number"),
        ({"n_terms": ()}, "whole number"),
        ({"n_terms": (1, 1)}, "different ones"),
        ({"n_terms": (1, 30)}, "from 1 to 20"),
        ({"n_terms": "12"}, "whole number"),
        ({"amplitude": 1}, "True or False"),
        ({"spread": 0}, "positive number"),
        ({"trend": 3}, "from 0 to 2"),
        ({"jitter": "yes"}, "True or False"),
        ({"period": 3}, "lowest, highest"),
        ({"period": (5, 2)}, "0 < shortest"),
        ({"period": (0, 2)}, "0 < shortest"),
        ({"period": (np.nan, 2)}, "0 < shortest"),
        ({"period": ("a", 2)}, "two numbers"),
        ({"period": (1 * u.m, 2 * u.m)}, "cannot be converted"),
        ({"period": (1e-9, 2)}, "cycles"),
        ({"priors": {"frequency": ba.Prior("Normal", mu=1, sigma=1)}}, "Uniform or LogUniform"),
        ({"priors": {"frequency": ba.Prior("Uniform", lower=-1, upper=1)}}, "positive"),
        ({"priors": {"offset": ba.Prior("Cauchy", alpha=0, beta=1)}}, "must be Normal"),
        ({"priors": {"amplitude": ba.Prior("Rayleigh", sigma=[1, 2])}}, "2 entries"),
        ({"priors": {"jitter": ba.Prior("HalfNormal", sigma=1)}}, "no parameter 'jitter'"),
        (
            {"jitter": True, "priors": {"jitter": ba.Prior("Normal", mu=0, sigma=1)}},
            "negative",
        ),
        (
            {"period": (2, 10), "priors": {"frequency": ba.Prior("Uniform", lower=1, upper=2)}},
            "beyond the range",
        ),
    ]:
        with pytest.raises(ValueError, match=text):
            ba.Periodogram(**kwargs).fit(good)


def test_log_uniform_prior_weighs_low_frequencies():
    data = sinusoid(n=20, amplitude=0.0, seed=3, noise=1.0)
    flat = fitted(data, draws=20000, period=(1, 100))
    prior = {"frequency": ba.Prior("LogUniform", lower=0.01, upper=1.0)}
    log = fitted(data, draws=20000, period=(1, 100), priors=prior)
    from bayes_astro.likelihoods.harmonic import log_evidence

    problem = flat.problem(data, flat.resolve_priors(data)).projected()
    grid = np.linspace(0.01, 1, 50_001)
    for model, weight in ((flat, np.ones_like(grid)), (log, 1 / grid)):
        density = np.exp(log_evidence(problem, grid)) * weight
        expected = np.sum(density * grid) / np.sum(density)
        draws = model.posterior["posterior"]["frequency"].values
        assert draws.mean() == pytest.approx(expected, abs=4 * draws.std() / np.sqrt(20000))


def test_51_peg(shared_data):
    time, velocity, error = np.loadtxt(shared_data / "d_radial_velocity" / "51peg.vels").T[:3]
    data = ba.LightCurve(time, velocity, error, value_unit="m/s", time_format="jd")
    model = fitted(data, period=(1.1, 200), jitter=True, trend=1)
    posterior = model.posterior["posterior"]
    assert float(posterior["period"].mean()) == pytest.approx(4.2308, abs=3e-4)
    assert float(posterior["amplitude"].mean()) == pytest.approx(55.9, abs=1.5)
    assert model.posterior["evidence"]["log_bayes_factor"] > 100
    assert model.diagnose(), model.diagnose()


def test_a_planet_that_white_noise_cannot_show(shared_data):
    """K2-24 with white noise: log10 BF about 0.8, a correct non-detection."""
    path = shared_data / "d_radial_velocity" / "epic203771098.csv"
    data = ba.LightCurve.read(path, time="t", value="vel", error="errvel", value_unit="m/s")
    model = fitted(data, period=(2, 100), jitter=True)
    odds = float(model.posterior["evidence"]["log_bayes_factor"]) / np.log(10)
    assert -0.5 < odds < 2


def test_hd164922_b():
    data = ba.load("hd164922").select("j")
    model = fitted(data, period=(30, 3000), jitter=True)
    best = model.modes().iloc[0]
    assert best["period"] == pytest.approx(1201, abs=30)


@pytest.mark.parametrize("time", [5.8e307, -1e300, 1e18])
def test_times_without_a_phase_are_refused(time):
    model = ba.Periodogram(period=(2, 20)).fit(sinusoid(), ba.Exact(draws=400), seed=1)
    with pytest.raises(ValueError, match="no phase is left"):
        model.predict([time], draws=4)


def test_chains_within_one_of_several_periods_are_not_trusted():
    """Half the period explains these points as well: chains from the highest peak never see it."""
    model = ba.Periodogram(n_terms=2, period=(2, 20), trend=2)
    exact = model.copy().fit(sinusoid(), ba.Exact(draws=4000), seed=1)
    assert exact.modes()["mass"].iloc[0] < 0.95
    assert exact.diagnose()["one period"].passed is None
    chains = ba.NUTS(draws=300, tune=300, chains=2)
    fitted = model.copy().fit(sinusoid(), chains, seed=1, progress=False)
    assert fitted.diagnose()["one period"].passed is False
    assert "ba.Exact()" in fitted.diagnose()["one period"].advice
    alone = ba.Periodogram(n_terms=2, period=(3, 4), trend=2)
    alone.fit(sinusoid(), chains, seed=1, progress=False)
    assert alone.diagnose()["one period"].passed
