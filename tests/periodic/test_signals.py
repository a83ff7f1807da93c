"""Several signals: dense algebra, a cube of frequencies summed over, and what users are told."""

import numpy as np
import pytest
from samples import pulsating
from scipy.special import logsumexp

import bayes_astro as ba
from bayes_astro.likelihoods import harmonic_signals
from bayes_astro.likelihoods.harmonic import log_evidence_by_terms, project
from bayes_astro.periodic.frequency_density import WHITE, FrequencyRange
from bayes_astro.periodic.frequency_signals import sample_signals

RANGE = FrequencyRange(0.1, 2.0, False)


def arguments(own, n=60, seed=0):
    """Of `project`: one block, or three with parts of their own."""
    rng = np.random.default_rng(seed)
    block = np.sort(rng.integers(0, 3, n)) if own else np.zeros(n, dtype=int)
    blocks, time = block.max() + 1, rng.uniform(-50, 50, n)
    return {
        "time": time,
        "value": 2 * rng.normal(size=n) + 3 * np.cos(2 * np.pi * 0.3 * time),
        "variance": 10 ** rng.uniform(-2, 0, n),
        "design": np.column_stack([np.ones(n), time / 50]),
        "beta_mean": rng.normal(size=(blocks, 2)),
        "beta_sd": rng.uniform(1, 5, (blocks, 2)),
        "term_sd": np.array([1.0, 0.5, 0.3]),
        "block": block,
        "own_sd": np.array([0.3, 0.2, 0.1]) if own else (),
        "terms": [1, 3],
        "noise_of": block,
    }


def dense(a, frequency, n_terms):
    """Columns of the whole model with their prior means and widths."""
    columns, mean, sd, block = [], [], [], a["block"]
    for b in range(block.max() + 1):
        for j in range(2):
            columns.append(np.where(block == b, a["design"][:, j], 0))
            mean.append(a["beta_mean"][b, j])
            sd.append(a["beta_sd"][b, j])
    for where in [None, *range(block.max() + 1)] if len(a["own_sd"]) else [None]:
        here = 1.0 if where is None else (block == where).astype(float)
        widths = a["term_sd"] if where is None else a["own_sd"]
        for k in range(n_terms):
            for f in frequency:
                for wave in (np.cos, np.sin):
                    columns.append(here * wave(2 * np.pi * (k + 1) * f * a["time"]))
                    mean.append(0.0)
                    sd.append(widths[k])
    return np.array(columns).T, np.array(mean), np.array(sd)


@pytest.mark.parametrize("own", [False, True])
def test_log_evidence_equals_dense_algebra(own):
    a, rng = arguments(own), np.random.default_rng(1)
    problem = project(**a)
    frequency = np.array([[0.3, 0.71], [1.4, 0.02], [0.3, 0.3001]])
    jitter = rng.uniform(0, 1, (3, a["block"].max() + 1))
    found = harmonic_signals.log_evidence(problem, frequency, jitter)
    for i in range(3):
        noise = np.diag(a["variance"] + jitter[i][a["block"]] ** 2)
        for t, n_terms in enumerate((1, 3)):
            columns, mean, sd = dense(a, frequency[i], n_terms)
            matrix = noise + (columns * sd**2) @ columns.T
            rest = a["value"] - columns @ mean
            total = rest @ np.linalg.solve(matrix, rest) + np.linalg.slogdet(2 * np.pi * matrix)[1]
            assert found[i, t] == pytest.approx(-0.5 * total, abs=1e-7)


@pytest.mark.parametrize("own", [False, True])
def test_one_signal_is_the_kernel_for_one(own):
    a = arguments(own)
    frequency = np.array([0.3, 0.9, 1.7])
    np.testing.assert_allclose(
        harmonic_signals.log_evidence(project(**a), frequency[:, None]),
        log_evidence_by_terms(project(**a), frequency),
        rtol=0,
        atol=1e-8,
    )


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("n_terms", [1, 3])
def test_coefficients_have_the_moments_of_the_regression(own, n_terms):
    a, m, rng = arguments(own), 40_000, np.random.default_rng(2)
    frequency, blocks = np.array([0.3, 0.71]), a["block"].max() + 1
    jitter = np.full(blocks, 0.4)
    drawn = harmonic_signals.draw_coefficients(
        project(**a), np.tile(frequency, (m, 1)), rng, np.tile(jitter, (m, 1)), np.full(m, n_terms)
    )
    columns, mean, sd = dense(a, frequency, n_terms)
    weight = 1 / (a["variance"] + 0.4**2)
    precision = np.diag(sd**-2.0) + columns.T @ (weight[:, None] * columns)
    covariance = np.linalg.inv(precision)
    expected = covariance @ (columns.T @ (weight * a["value"]) + mean / sd**2)

    def waves(cosine, sine):
        both = np.moveaxis(np.stack([cosine, sine], axis=-1), -3, -2)  # harmonics before signals
        return both[..., :n_terms, :, :].reshape(m, -1)

    parts = [drawn.trend.reshape(m, -1), waves(drawn.cosine, drawn.sine)]
    if own:
        parts += [waves(drawn.own_cosine[:, b], drawn.own_sine[:, b]) for b in range(blocks)]
    x = np.concatenate(parts, axis=1)
    width = np.sqrt(np.diag(covariance))
    assert np.max(np.abs(x.mean(axis=0) - expected) / width) < 5 / np.sqrt(m)
    np.testing.assert_allclose(
        np.cov(x.T) / np.outer(width, width),
        covariance / np.outer(width, width),
        rtol=0,
        atol=6 / np.sqrt(m),
    )
    if n_terms == 1:
        beyond = drawn.cosine[..., 1:]
        assert not beyond.any()
        assert not np.signbit(beyond).any()


def two(amplitudes, frequencies, n=40, seed=0):
    """Arguments of `project` for two sinusoids in ten time units."""
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(-5, 5, n))
    value = 0.5 * rng.normal(size=n)
    for amplitude, frequency in zip(amplitudes, frequencies, strict=True):
        value += amplitude * np.cos(2 * np.pi * frequency * time)
    return {
        "time": time,
        "value": value,
        "variance": np.full(n, 0.25),
        "design": np.ones((n, 1)),
        "beta_mean": [0.0],
        "beta_sd": [5.0],
        "term_sd": [1.0],
    } | {"block": None, "own_sd": (), "terms": (1,), "noise_of": np.zeros(n, dtype=int)}


@pytest.mark.parametrize(
    ("amplitudes", "frequencies"),
    [
        ((1.0, 0.8), (0.7, 1.3)),
        ((0.4, 0.3), (0.7, 1.3)),
        ((2.0, 1.5), (0.7, 0.78)),
        ((2.0,), (0.7,)),
    ],
    ids=["apart", "faint", "close", "one alone"],
)
def test_draws_and_evidence_of_the_whole_square(amplitudes, frequencies):
    """Summed over 600 x 600 frequencies; also where one signal is all there is."""
    a = two(amplitudes, frequencies, seed=len(amplitudes))
    found = sample_signals(a, RANGE, 2, 4000, np.random.default_rng(3), [], WHITE)
    edge = np.linspace(RANGE.low, RANGE.high, 601)
    grid = np.stack(np.meshgrid(edge, edge, indexing="ij"), axis=-1).reshape(-1, 2)
    grid = grid[grid[:, 0] <= grid[:, 1]]
    weight = np.where(grid[:, 0] < grid[:, 1], 2.0, 1.0)
    weight *= (edge[1] - edge[0]) ** 2 / (RANGE.high - RANGE.low) ** 2
    weight *= np.where(np.isin(grid, edge[[0, -1]]), 0.5, 1.0).prod(axis=1)
    height = harmonic_signals.log_evidence(project(**a), grid)[:, 0] + np.log(weight)
    assert found.log_evidence == pytest.approx(logsumexp(height), abs=0.08)
    share = np.exp(height - logsumexp(height))
    drawn = np.sort(found.frequency, axis=1)
    for j in range(2):
        mean = share @ grid[:, j]
        sd = np.sqrt(share @ (grid[:, j] - mean) ** 2)
        error = sd / np.sqrt(4000 * found.importance_efficiency)
        assert abs(drawn[:, j].mean() - mean) < 4 * error
        below = np.cumsum(np.bincount(np.searchsorted(edge, grid[:, j]), share, 601))
        for level in (0.1, 0.5, 0.9):
            at = np.searchsorted(below, level)
            # Half of a cell's mass lies on either side of its node.
            inside = np.mean(drawn[:, j] <= edge[at])
            assert abs(inside - 0.5 * (below[at] + below[at - 1])) < 0.05
    assert found.importance_efficiency > 0.25


@pytest.fixture(scope="module")
def beating():
    """Two sinusoids, the second half as strong."""
    rng = np.random.default_rng(1)
    time = np.sort(rng.uniform(0, 100, 120))
    value = np.cos(2 * np.pi * time / 3.2) + 0.5 * np.cos(2 * np.pi * time / 2.336 + 1)
    return ba.LightCurve(time, value + 0.1 * rng.normal(size=120), 0.1, value_unit="mag")


@pytest.fixture(scope="module")
def fitted(beating):
    return ba.Periodogram(period=(0.5, 50), n_signals="auto").fit(beating, seed=1)


def test_as_many_signals_as_there_are(fitted):
    counts = fitted.posterior["signals"]
    assert counts["n_signals"].values.tolist() == [0, 1, 2, 3]
    assert int(np.argmax(counts["probability"].values)) == 2
    draws = fitted.posterior["posterior"]
    assert draws["frequency"].dims == ("chain", "draw", "signal")
    assert draws["amplitude"].dims == ("chain", "draw", "signal", "term")
    period = draws["period"]
    z = (period.mean(("chain", "draw")) - [3.2, 2.336]) / period.std(("chain", "draw"))
    assert np.all(np.abs(z) < 4)
    assert np.all(period.std(("chain", "draw")) < 1e-3)
    assert fitted.diagnose()
    assert "Σ(s=1..2)" in fitted.equation()


def test_one_signal_is_one(beating):
    rng = np.random.default_rng(2)
    value = np.cos(2 * np.pi * beating.time / 3.2) + 0.1 * rng.normal(size=len(beating))
    model = ba.Periodogram(period=(0.5, 50), n_signals="auto").fit(
        beating.replace(value=value), seed=1
    )
    assert model.posterior["posterior"]["frequency"].dims == ("chain", "draw")
    assert model.posterior["signals"]["probability"].values[1] > 0.9


def test_modes_folds_and_residuals(fitted, beating):
    table = fitted.modes()
    assert table["signal"].tolist() == [1, 2]
    assert table["mass"].min() > 0.99
    left = fitted.residuals()
    assert 0.7 < np.std(left.value) / 0.1 < 1.3
    for signal, (period, amplitude) in enumerate(((3.2, 1.0), (2.336, 0.5)), 1):
        folded = fitted.fold(signal=signal)
        assert folded.time.max() < period * 1.01
        assert np.std(folded.value) == pytest.approx(np.hypot(amplitude / np.sqrt(2), 0.1), rel=0.1)
    with pytest.raises(ValueError, match="signal=3 must be a whole number from 1 to 2"):
        fitted.fold(signal=3)
    found = fitted.predict(beating)["signal"]
    assert np.std(found.mean(("chain", "draw")).values - beating.value) < 0.13


def test_it_opens_as_it_was(fitted, tmp_path):
    fitted.save(tmp_path / "fit.nc")
    again = ba.open(tmp_path / "fit.nc")
    assert again.modes().equals(fitted.modes())
    assert again.n_signals == "auto"


def test_more_than_there_are_is_noted(beating):
    """A third signal that nothing asks for, and a second that is a harmonic of the first."""
    model = ba.Periodogram(period=(0.5, 50), n_signals=3).fit(beating, seed=1)
    notes = {check.name: check for check in model.diagnose().checks}
    assert notes["as many signals as asked for"].passed is None
    assert "auto" in notes["as many signals as asked for"].advice
    shaped = beating.replace(
        value=np.cos(2 * np.pi * beating.time / 3.2) + 0.5 * np.cos(4 * np.pi * beating.time / 3.2)
    )
    model = ba.Periodogram(period=(0.5, 50), n_signals=2).fit(shaped, seed=1)
    notes = {check.name: check for check in model.diagnose().checks}
    assert "2f of signal 1" in notes["signals of their own"].advice


def test_combinations_are_named(beating):
    """As a double-mode star has: the sum of two frequencies that are no harmonics of each other."""
    t = beating.time
    value = beating.value + 0.3 * np.cos(2 * np.pi * (1 / 3.2 + 1 / 2.336) * t)
    model = ba.Periodogram(period=(0.5, 50), n_signals=3).fit(beating.replace(value=value), seed=1)
    assert model.modes()["alias_of"].tolist() == ["", "", "sum of signals 1 and 2"]


def test_two_signals_in_bands_with_jitters():
    data = pulsating(n=90)
    other = 0.2 * np.cos(2 * np.pi * data.time / 0.83)
    data = data.replace(value=data.value + other)
    model = ba.Periodogram(period=(0.3, 2), n_terms=2, n_signals=2)
    model.fit(data, ba.Exact(400), seed=1)
    draws = model.posterior["posterior"]
    assert draws["amplitude"].dims == ("chain", "draw", "band", "signal", "term")
    assert draws["jitter"].dims == ("chain", "draw", "band")
    np.testing.assert_allclose(draws["period"].median(("chain", "draw")), [0.83, 0.61], rtol=2e-3)
    assert float(draws["jitter"].median()) < 0.05
    assert model.modes().groupby("signal").head(1)["mass"].min() > 0.9


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_signals": 0}, "n_signals=0 must be"),
        ({"n_signals": 7}, "n_signals=7 must be"),
        ({"n_signals": "many"}, "n_signals='many' must be"),
        ({"n_signals": 2, "noise": ba.kernels.DampedRandomWalk()}, "is for white noise"),
    ],
)
def test_refusals(beating, settings, message):
    with pytest.raises(ValueError, match=message):
        ba.Periodogram(**settings).fit(beating)


def test_chains_are_refused(beating):
    with pytest.raises(ValueError, match=r"drawn together by ba\.Exact"):
        ba.Periodogram(n_signals=2).fit(beating, ba.NUTS())


def checks_of(model):
    return {check.name: check for check in model.diagnose()}


def test_peaks_have_the_width_of_the_draws():
    """Not that of one frequency given the other: of two that lie close they differ."""
    rng = np.random.default_rng(2)
    time = np.sort(rng.uniform(0, 100, 150))
    value = sum(np.cos(2 * np.pi * f * time + 1) for f in (0.2, 0.216))
    data = ba.LightCurve(time, value + 0.2 * rng.normal(size=150), 0.2)
    model = ba.Periodogram(period=(2, 20), n_signals=2).fit(data, seed=1)
    table, summary = model.modes(), model.summary()
    for i in (1, 2):
        row = table[table["signal"] == i].iloc[0]
        assert row["frequency"] == pytest.approx(summary.loc[f"frequency[{i}]", "mean"], rel=1e-6)
        assert row["frequency_sd"] == pytest.approx(summary.loc[f"frequency[{i}]", "sd"], rel=0.02)
        assert (
            abs(summary.loc[f"frequency[{i}]", "mean"] - (0.2, 0.216)[i - 1])
            < 4 * row["frequency_sd"]
        )


def test_a_number_that_the_evidence_does_not_prefer_fails():
    """Two signals in twelve points, of which one is taken for want of odds of 150 to one."""
    rng = np.random.default_rng(105)
    time = np.sort(rng.choice(300, 12, replace=False) + rng.normal(0, 0.06, 12) + 0.3)
    value = 10 + 0.5 * np.cos(2 * np.pi * time * 0.21 - rng.uniform(0, 6))
    value += 0.3 * np.cos(2 * np.pi * time * 0.337 - rng.uniform(0, 6)) + rng.normal(0, 0.1, 12)
    model = ba.Periodogram(n_signals="auto").fit(ba.LightCurve(time, value, 0.1), seed=1)
    assert model.signals() == 1
    check = checks_of(model)["number of signals"]
    assert check.passed is False
    assert "n_signals=2" in check.advice


def test_a_harmonic_is_one_within_its_error():
    """0.160 is not three times 0.050, though within the resolution of 100 days."""
    rng = np.random.default_rng(8)
    time = np.sort(rng.choice(100, 70, replace=False) + rng.normal(0, 0.06, 70) + 0.3)
    value = 0.5 * np.cos(2 * np.pi * 0.05 * time) + 0.4 * np.cos(2 * np.pi * 0.16 * time - 1)
    data = ba.LightCurve(time, value + 0.02 * rng.normal(size=70), 0.02)
    model = ba.Periodogram(n_signals=2).fit(data, seed=1)
    assert model.modes()["alias_of"].tolist() == ["", ""]
    assert checks_of(model)["signals of their own"].passed


def test_a_frequency_that_changes_is_not_three_signals():
    rng = np.random.default_rng(3)
    time = np.sort(rng.uniform(0, 300, 120))
    value = np.cos(2 * np.pi * (0.2 * time + 0.5e-5 * time**2)) + 0.05 * rng.normal(size=120)
    model = ba.Periodogram(period=(2, 20), n_signals="auto")
    model.fit(ba.LightCurve(time, value, 0.05), seed=1)
    assert model.signals() > 1
    assert checks_of(model)["signals of their own"].passed is False


def test_too_few_points_are_refused_by_the_diagnosis():
    """Noise of ten times its errors in five rows, which some period always fits."""
    rng = np.random.default_rng(1)
    data = ba.LightCurve([0.0, 1.37, 4.1, 7.73, 9.2], rng.normal(size=5), 0.1)
    model = ba.Periodogram(period=(0.5, 9)).fit(data, seed=1)
    assert checks_of(model)["points for its parameters"].passed is False


def test_prewhitening_stands_beside(fitted, beating):
    """The baseline takes out as many signals, within the errors of both."""
    classical = fitted.baseline().fit(beating)
    assert classical.n_signals == 2
    ours, theirs = fitted.summary(), classical.summary()
    for name in ("period[1]", "period[2]", "amplitude[1, 1]", "amplitude[2, 1]"):
        assert abs(ours.loc[name, "mean"] - theirs.loc[name, "mean"]) < 3 * ours.loc[name, "sd"]
        assert theirs.loc[name, "sd"] == pytest.approx(ours.loc[name, "sd"], rel=0.3)
    left = beating.value - classical.predict(beating)["signal"].values.ravel()
    assert np.std(left) < 0.12
    bands = pulsating(n=90)
    value = bands.value + 0.2 * np.cos(2 * np.pi * bands.time / 0.83)
    several = ba.baselines.LombScargle(2, period=(0.3, 2), n_signals=2)
    several.fit(bands.replace(value=value))
    period = several.posterior["posterior"]["period"].values.ravel()
    np.testing.assert_allclose(period, [0.83, 0.61], rtol=2e-3)


def test_rows_of_many_have_a_peak_for_each_signal(fitted, beating):
    model = ba.Periodogram(period=(0.5, 50), n_signals=2)
    row = ba.fit_each(model, {"star": beating}, seed=1, sampler=ba.Exact(400)).loc["star"]
    assert row["status"] == "ok"
    assert row["notes"] == ""
    assert row["peak1_period"] == pytest.approx(3.2, abs=0.005)
    assert row["peak2_period"] == pytest.approx(2.336, abs=0.005)
    assert row["peak1_mass"] == row["peak2_mass"] == 1.0
    assert np.isnan(row["peak3_period"])
    assert row["log_bayes_factor_of_last"] > 100
    alone = model.copy().fit(beating, ba.Exact(400), seed=int(row["seed"])).summary()
    assert row["frequency[2]_mean"] == pytest.approx(alone.loc["frequency[2]", "mean"], rel=1e-12)
    one = ba.fit_each(ba.Periodogram(period=(0.5, 50)), [beating], seed=1).iloc[0]
    assert "goodness of fit" in one["notes"]
    data = pulsating(n=90)
    data = data.replace(value=data.value + 0.2 * np.cos(2 * np.pi * data.time / 0.83))
    several = ba.Periodogram(period=(0.3, 2), n_terms=2, n_signals=2)
    row = ba.fit_each(several, [data], seed=1, sampler=ba.Exact(400)).iloc[0]
    assert "goodness of fit" not in row["notes"]
    assert row["peak1_period"] == pytest.approx(0.83, rel=2e-3)
