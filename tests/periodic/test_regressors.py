"""Columns that a light curve depends on: kept with its rows, integrated out, predicted."""

import pickle

import numpy as np
import pytest

import bayes_astro as ba
from bayes_astro.data import DataError
from bayes_astro.likelihoods.harmonic import log_evidence


@pytest.fixture(scope="module")
def hazy():
    """A sinusoid of 0.1 mag under extinction of 0.25 mag an airmass; seeing does nothing."""
    rng, n = np.random.default_rng(3), 120
    time = np.sort(rng.choice(200, n, replace=False) + rng.uniform(0, 0.3, n))
    airmass, seeing = rng.uniform(1, 2, n), rng.normal(size=n)
    value = 12 + 0.1 * np.cos(2 * np.pi * time / 0.731) + 0.25 * (airmass - 1.5)
    return ba.LightCurve(
        time,
        value + 0.02 * rng.normal(size=n),
        0.02,
        value_unit="mag",
        regressors={"airmass": airmass, "seeing": seeing},
    )


@pytest.fixture(scope="module")
def fitted(hazy):
    return ba.Periodogram(period=(0.3, 20)).fit(hazy, seed=1)


def test_they_stay_with_their_rows(hazy):
    shuffled = np.random.default_rng(0).permutation(len(hazy))
    columns = {name: column[shuffled] for name, column in hazy.regressors.items()}
    again = ba.LightCurve(
        hazy.time[shuffled],
        hazy.value[shuffled],
        hazy.error[shuffled],
        value_unit="mag",
        regressors=columns,
    )
    assert again == hazy
    assert hash(again) == hash(hazy)
    assert pickle.loads(pickle.dumps(hazy)) == hazy  # noqa: S301
    assert hazy[::2].regressors["airmass"].tolist() == hazy.regressors["airmass"][::2].tolist()
    assert hazy != hazy.replace(regressors=None)
    assert "with airmass, seeing" in repr(hazy)
    table = hazy.to_table()
    assert ba.LightCurve.read(table, regressors=["airmass", "seeing"]) == hazy
    with pytest.raises(ValueError, match="read-only"):
        hazy.regressors["airmass"][0] = 1.0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1, 2, 3], "expected columns by name"),
        ({"air mass": [1, 2, 3]}, "is no name"),
        ({"airmass": [1, 2]}, "has 2 entries for 3 rows"),
        ({"airmass": [1, np.nan, 3]}, r"regressors\['airmass'\]: row 1 is nan"),
        ({"airmass": ["a", "b", "c"]}, "airmass"),
    ],
)
def test_bad_columns_are_refused(given, message):
    with pytest.raises(DataError, match=message):
        ba.LightCurve([1.0, 2.0, 3.0], [1.0, 2.0, 1.5], 0.1, regressors=given)


def test_a_text_is_no_list_of_columns(hazy):
    with pytest.raises(DataError, match=r"as \['airmass'\]"):
        ba.LightCurve.read(hazy.to_table(), regressors="airmass")


def test_a_constant_column_is_refused(hazy):
    flat = hazy.replace(regressors={"airmass": np.ones(len(hazy))})
    with pytest.raises(ValueError, match=r"regressors\['airmass'\] is the same in every row"):
        ba.Periodogram().fit(flat)


def test_log_evidence_equals_dense_algebra(hazy):
    model = ba.Periodogram(period=(0.3, 20), trend=1)
    priors = model.resolve_priors(hazy)
    problem = model.problem(hazy, priors)
    time = hazy.time - hazy.time.mean()
    columns = [np.ones(len(time)), time]
    sds = [priors["offset"].arguments["sigma"], priors["trend"].arguments["sigma"][0]]
    for column, sd in zip(
        hazy.regressors.values(), priors["slope"].arguments["sigma"], strict=True
    ):
        columns.append(column - column.mean())
        sds.append(sd)
    for frequency in (0.2, 1 / 0.731):
        angle = 2 * np.pi * frequency * time
        every = np.array([*columns, np.cos(angle), np.sin(angle)])
        widths = np.array([*sds, *np.ravel(priors["amplitude"].arguments["sigma"]).repeat(2)])
        matrix = np.diag(hazy.error**2) + (every.T * widths**2) @ every
        rest = hazy.value - priors["offset"].arguments["mu"]
        dense = rest @ np.linalg.solve(matrix, rest) + np.linalg.slogdet(2 * np.pi * matrix)[1]
        found = log_evidence(problem.projected(), [frequency])[0]
        assert found == pytest.approx(-0.5 * dense, abs=1e-6)


def test_slopes_and_what_ignoring_them_costs(hazy, fitted):
    summary = fitted.summary()
    assert summary.loc["slope[airmass]", "mean"] == pytest.approx(0.25, abs=0.02)
    assert abs(summary.loc["slope[seeing]", "mean"]) < 4 * summary.loc["slope[seeing]", "sd"]
    assert summary.loc["period", "mean"] == pytest.approx(0.731, abs=1.5e-4)
    assert fitted.diagnose()
    ignored = ba.Periodogram(period=(0.3, 20)).fit(hazy.replace(regressors=None), seed=1)
    assert not ignored.diagnose()
    assert fitted.log_evidence()["log_evidence"] > ignored.log_evidence()["log_evidence"] + 100


def test_predictions_know_of_them(hazy, fitted):
    at_rows = fitted.predict(hazy)["signal"].mean(("chain", "draw")).values
    assert np.std(hazy.value - at_rows) < 0.025
    plain = fitted.predict(hazy.time)["signal"].mean(("chain", "draw")).values
    slope = fitted.summary().loc["slope[airmass]", "mean"]
    airmass = hazy.regressors["airmass"]
    np.testing.assert_allclose(at_rows - plain, slope * (airmass - airmass.mean()), atol=0.01)
    left = fitted.residuals()
    assert left.regressors is None
    assert np.std(left.value) < 0.025
    with pytest.raises(ValueError, match="'airmass' is missing"):
        fitted.predict(hazy.replace(regressors=None))


def test_it_opens_as_it_was(fitted, tmp_path):
    fitted.save(tmp_path / "fit.nc")
    again = ba.open(tmp_path / "fit.nc")
    assert again.data == fitted.data
    np.testing.assert_array_equal(
        again.predict(again.data, seed=1).signal, fitted.predict(fitted.data, seed=1).signal
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"n_signals": 2},
        {"noise": ba.kernels.DampedRandomWalk()},
        {"n_terms": (1, 2), "jitter": True},
    ],
    ids=["signals", "noise", "jitter"],
)
def test_with_everything_else(hazy, settings):
    model = ba.Periodogram(period=(0.3, 5), **settings).fit(hazy[::2], ba.Exact(400), seed=1)
    slope = model.posterior["posterior"]["slope"].sel(regressor="airmass")
    assert abs(float(slope.mean()) - 0.25) < 4 * float(slope.std())
    assert float(slope.std()) < 0.03


def test_bands_have_slopes_of_their_own(hazy):
    """The second band with twice the extinction; instruments share one slope."""
    rng = np.random.default_rng(5)
    band = rng.choice(["g", "r"], len(hazy))
    airmass = hazy.regressors["airmass"]
    value = hazy.value + 0.25 * (band == "r") * (airmass - 1.5)
    data = hazy.replace(band=band, value=value)
    model = ba.Periodogram(2, period=(0.3, 5)).fit(data, ba.Exact(400), seed=1)
    slope = model.posterior["posterior"]["slope"].sel(regressor="airmass").mean(("chain", "draw"))
    np.testing.assert_allclose(slope.sel(band=["g", "r"]), [0.25, 0.5], atol=0.04)
    shared = ba.Periodogram(1, period=(0.3, 5), amplitude=False).fit(data, ba.Exact(400), seed=1)
    assert shared.posterior["posterior"]["slope"].dims == ("chain", "draw", "regressor")
    row = ba.fit_each(ba.Periodogram(2, period=(0.3, 5)), [data], seed=1).iloc[0]
    assert row["slope[g, airmass]_mean"] == pytest.approx(0.25, abs=0.04)
    assert "goodness of fit" not in row["notes"]


def test_the_baseline_has_them_too(hazy, fitted):
    classical = fitted.baseline().fit(hazy)
    slope = classical.posterior["posterior"]["slope"].sel(regressor="airmass").item()
    assert slope == pytest.approx(0.25, abs=0.02)
    assert np.std(classical.predict(hazy)["signal"].values.ravel() - hazy.value) < 0.025


@pytest.mark.slow
def test_slopes_are_calibrated_at_200(hazy):
    model = ba.Periodogram(period=(1, 20), trend=1)
    result = ba.calibrate(
        model, hazy[:60], n=200, seed=1, sampler=ba.Exact(draws=400), progress=False
    )
    assert result, result
    assert "slope[airmass]" in result.ranks


@pytest.mark.parametrize("trend", [0, 1])
def test_columns_that_follow_from_others_are_refused(hazy, trend):
    airmass = hazy.regressors["airmass"]
    if trend:
        columns = {"hours": 24 * hazy.time + 5}
    else:
        columns = {"airmass": airmass, "again": 1e6 * airmass + 1}
    with pytest.raises(ValueError, match="follows from the trend and the regressors before it"):
        ba.Periodogram(trend=trend).fit(hazy.replace(regressors=columns))


def test_a_folded_curve_is_without_them(hazy, fitted):
    folded = fitted.fold()
    assert folded.regressors is None
    assert np.std(folded.value) == pytest.approx(np.hypot(0.1 / np.sqrt(2), 0.02), rel=0.1)
