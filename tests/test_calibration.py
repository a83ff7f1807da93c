"""Simulation-based calibration: of both tasks, and of the verdict itself."""

import numpy as np
import pytest
from samples import line, pulsating, sinusoid
from scipy import stats

import bayes_astro as ba
from bayes_astro import samplers
from bayes_astro.calibration import Calibration, verdicts

PERIODOGRAMS = {
    "plain": {},
    "all": {"n_terms": 2, "trend": 1, "jitter": True},
    "signals": {"n_signals": 2},
}
DESIGN = sinusoid(n=60, noise=0.5, amplitude=0.0, seed=4)
EXACT = ba.Exact(draws=400)
# One ensemble a data set, long enough for its ranks; agreement with NUTS is tested elsewhere.
EMCEE = {
    False: ba.Emcee(steps=300, tune=400, walkers=24, ensembles=1),
    True: ba.Emcee(steps=300, tune=600, walkers=24, ensembles=1),
}


def periodogram(kind, n):
    model = ba.Periodogram(period=(1, 50), **PERIODOGRAMS[kind])
    return ba.calibrate(model, DESIGN, n=n, seed=1, sampler=EXACT, progress=False)


def relation(outliers, n):
    model = ba.LinearRelation("y", outliers=outliers)
    return ba.calibrate(
        model,
        line(n=24, scatter=0.5),
        n=n,
        seed=1,
        sampler=EMCEE[outliers],
        parameters=("slope", "intercept", "scatter"),
        progress=False,
    )


@pytest.mark.parametrize(
    "kind",
    ["plain", *(pytest.param(name, marks=pytest.mark.slow) for name in ("all", "signals"))],
)
def test_periodogram_is_calibrated_at_200(kind):
    result = periodogram(kind, 200)
    assert result, result
    each = ("frequency[2]", "amplitude[2, 1]") if kind == "signals" else ("frequency",)
    assert set(result.ranks) >= {*each, "offset"}


@pytest.mark.calibration
@pytest.mark.parametrize("kind", ["one", "bands", "instruments", "three"])
def test_several_signals_are_calibrated_at_300(kind):
    settings, design = {
        "one": ({"period": (1, 50), "jitter": True, "trend": 1, "n_terms": (1, 2)}, DESIGN),
        "bands": ({"period": (0.3, 2), "n_terms": 2}, pulsating()),
        "instruments": (
            {"period": (0.3, 2), "n_terms": 1, "amplitude": False, "trend": 1},
            pulsating(common=True),
        ),
        "three": ({"period": (1, 50), "n_signals": 3}, DESIGN),
    }[kind]
    model = ba.Periodogram(**({"n_signals": 2} | settings))
    result = ba.calibrate(model, design, n=300, seed=1, sampler=EXACT, progress=False)
    assert result, result


@pytest.mark.calibration
def test_the_number_of_signals_is_calibrated():
    """Of the light curves with probability p of k signals, a share p has k."""
    settings = {"period": (1, 50)}
    settings["priors"] = ba.Periodogram(**settings).resolve_priors(DESIGN)
    rng, shares, counts = np.random.default_rng(5), [], rng_counts(300)
    for i, count in enumerate(counts):
        model = ba.Periodogram(n_signals=max(1, int(count)), **settings)
        data, truth = model.simulate(DESIGN, seed=i)
        if count == 0:
            noise = DESIGN.error * rng.standard_normal(len(DESIGN))
            data = DESIGN.replace(value=float(truth["offset"]) + noise)
        fit = ba.Periodogram(n_signals=2, **settings).fit(data, EXACT, seed=i, progress=False)
        shares.append(fit.posterior["signals"]["probability"].values)
    shares = np.array(shares)
    for k in range(3):
        p = shares[:, k]
        assert abs(np.sum((counts == k) - p)) < 3.3 * np.sqrt(np.sum(p * (1 - p)))
        for low, high in ((0.0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1.0)):
            some = p[(p >= low) & (p < high)]
            found = np.sum(counts[(p >= low) & (p < high)] == k)
            assert abs(found - some.sum()) < 3.5 * np.sqrt(np.sum(some * (1 - some))) + 1


def rng_counts(n):
    """Numbers of signals, 0 to 2 as probable."""
    return np.random.default_rng(4).integers(0, 3, n)


@pytest.mark.slow
@pytest.mark.parametrize("outliers", [False, True])
def test_linear_relation_is_calibrated_at_200(outliers):
    result = relation(outliers, 200)
    assert result, result
    assert set(result.ranks) == {"slope[x]", "intercept", "scatter"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plain", "all"])
def test_periodogram_is_calibrated_at_1000(kind):
    result = periodogram(kind, 1000)
    assert result, result
    assert result.detectable()["width"] < 0.15


@pytest.mark.calibration
@pytest.mark.parametrize("outliers", [False, True])
def test_linear_relation_is_calibrated_at_1000(outliers):
    result = relation(outliers, 1000)
    assert result, result


class SdForVariance(ba.Periodogram):
    """The error bars are taken for variances in the simulator."""

    def simulate_data(self, parameters, design, rng):
        wrong = design.replace(error=np.sqrt(design.error))
        return design.replace(value=super().simulate_data(parameters, wrong, rng).value)


class MissingJacobian(ba.Periodogram):
    """The jitter's prior density is used as if it were one of its logarithm."""

    def problem(self, data, priors):
        class Wrong:
            support, arguments = priors["jitter"].support, priors["jitter"].arguments

            @staticmethod
            def log_density(x):
                return priors["jitter"].log_density(x) + np.log(x)

        return super().problem(data, {**priors, "jitter": Wrong})


class ErrorsTimes125(ba.Periodogram):
    """The fit sees error bars that are a quarter too large."""

    def problem(self, data, priors):
        return super().problem(data.replace(error=1.25 * data.error), priors)


class ShiftedDatum(ba.Periodogram):
    """One of the values is off by four of its errors."""

    def simulate_data(self, parameters, design, rng):
        data = super().simulate_data(parameters, design, rng)
        value = data.value.copy()
        value[20] += 4 * data.error[20]
        return data.replace(value=value)


class PriorUnlikeSimulator(ba.Periodogram):
    """Amplitudes are drawn from a prior half as wide again as the one that is fitted with."""

    def prior_draws(self, design, priors, draws, rng):
        sigma = 1.5 * np.asarray(priors["amplitude"].arguments["sigma"])
        wide = ba.Prior("Rayleigh", sigma=list(sigma))
        return super().prior_draws(design, {**priors, "amplitude": wide}, draws, rng)


class SharedSeed(ba.Periodogram):
    """Every data set is simulated with the same seed."""

    def simulate(self, design, seed=None, **kwargs):
        return super().simulate(design, 7, **kwargs)


@pytest.mark.slow
@pytest.mark.parametrize(
    "bug",
    [
        SdForVariance,
        MissingJacobian,
        ErrorsTimes125,
        ShiftedDatum,
        PriorUnlikeSimulator,
        SharedSeed,
    ],
)
def test_planted_bugs_are_caught_at_1000(bug):
    # Jitter only where the bug needs it: a free noise term rightly absorbs wrong error bars.
    model = bug(period=(1, 50), jitter=bug is MissingJacobian)
    result = ba.calibrate(model, DESIGN, n=1000, seed=1, sampler=EXACT, progress=False)
    assert not result, result


@pytest.mark.parametrize("quantile", [0.003, 0.2, 0.7, 0.999])
def test_verdicts_have_the_probabilities_of_scipy(quantile):
    """Two-sided: half of the scores at +r, half at -r, r^2 at a quantile of chi-square over n."""
    n = 100
    radius = np.sqrt(stats.chi2.ppf(quantile, n) / n)
    scores = radius * np.where(np.arange(n) % 2, 1.0, -1.0)
    row = verdicts({"width": stats.norm.cdf(scores)})["width"]
    assert row["variance_p"] == pytest.approx(2 * min(quantile, 1 - quantile), rel=1e-6)
    assert row["width"] == pytest.approx(radius, rel=1e-9)
    assert row["mean_p"] == pytest.approx(1.0)
    row = verdicts({"shift": stats.norm.cdf(scores + 0.15)})["shift"]
    assert row["mean_p"] == pytest.approx(2 * stats.norm.sf(0.15 * np.sqrt(n)), rel=1e-6)
    assert row["shift"] == pytest.approx(0.15, rel=1e-9)
    even = (np.arange(n) + 0.5) / n
    assert verdicts({"even": even})["even"]["ks_p"] == stats.kstest(even, "uniform").pvalue
    assert verdicts({"even": even})["even"]["calibrated"]


@pytest.mark.slow
def test_false_alarm_rate_and_power_of_the_verdict():
    rng = np.random.default_rng(0)

    def share_refused(n, transform, runs):
        refused = 0
        for _ in range(runs):
            scores = rng.standard_normal((3, n))
            from scipy.special import ndtr

            ranks = {str(i): ndtr(transform(row)) for i, row in enumerate(scores)}
            refused += not all(row["calibrated"] for row in verdicts(ranks).values())
        return refused / runs

    assert share_refused(200, lambda z: z, 2000) <= 8 / 2000  # 2 expected, 8 in 1 of 4000
    assert share_refused(1000, lambda z: z / 0.85, 100) > 0.9
    assert share_refused(200, lambda z: z / 0.7, 100) > 0.9
    assert share_refused(1000, lambda z: z + 0.2, 100) > 0.9
    assert share_refused(200, lambda z: 0.75 * z, 100) > 0.4


def test_a_run_says_what_it_could_have_seen():
    from scipy.special import ndtr

    rng = np.random.default_rng(1)
    for n in (200, 1000):
        calibration = Calibration({"a": rng.uniform(size=n), "b": rng.uniform(size=n)})
        sees = calibration.detectable()
        assert f"{100 * sees['width']:.0f}%" in repr(calibration)
        caught = 0
        for _ in range(200):
            wrong = ndtr((1 + sees["width"]) * rng.standard_normal(n))
            caught += not Calibration({"a": rng.uniform(size=n), "b": wrong})
        assert 0.8 < caught / 200 < 0.99


def test_same_seed_same_ranks_and_bad_arguments():
    model = ba.Periodogram(period=(1, 50))
    a, b = (ba.calibrate(model, DESIGN, n=20, seed=2, progress=False) for _ in range(2))
    assert all(np.array_equal(a.ranks[name], b.ranks[name]) for name in a.ranks)
    assert not model.__sklearn_is_fitted__()
    assert a.plot()._repr_png_()[:4] == b"\x89PNG"
    with pytest.raises(ValueError, match="at least 20"):
        ba.calibrate(model, DESIGN, n=5)
    with pytest.raises(ValueError, match="None of the parameters"):
        ba.calibrate(model, DESIGN, n=20, parameters=("slope",), progress=False)


@pytest.mark.parametrize("anew", [True, False])
def test_defaults_are_made_anew_where_that_is_asked(monkeypatch, anew):
    widths, sampled = [], samplers.sampled

    def seen(model, sampler, data, priors, *rest):
        widths.append((priors["offset"].arguments["sigma"], np.std(data.value)))
        return sampled(model, sampler, data, priors, *rest)

    monkeypatch.setattr(samplers, "sampled", seen)
    model = ba.Periodogram(period=(1, 50))
    ba.calibrate(model, DESIGN, n=20, seed=2, defaults_anew=anew, progress=False)
    prior, spread = np.array(widths).T
    ratio = prior / spread if anew else prior
    assert ratio == pytest.approx(np.full(20, ratio[0]), rel=1e-9)
    assert np.ptp(spread) > 0.1 * spread[0]


def test_tied_values_share_their_ranks_evenly():
    """Of draws that equal the truth, as whole numbers do, every rank among them is as probable."""
    import xarray as xr
    from scipy.stats import kstest

    from bayes_astro.calibration import _ranks

    values = np.repeat([1.0, 2.0], 200).reshape(2, 200)
    values = np.random.default_rng(1).permutation(values.ravel()).reshape(4, 100)
    tree = xr.DataTree.from_dict({"posterior": xr.Dataset({"k": (("chain", "draw"), values)})})
    rng = np.random.default_rng(2)
    ranks = [
        _ranks(tree, xr.Dataset({"k": float(k)}), None, rng)["k"]
        for k in np.random.default_rng(3).integers(1, 3, 400)
    ]
    assert kstest(ranks, "uniform").pvalue > 1e-3
