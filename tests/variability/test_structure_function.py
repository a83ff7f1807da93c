"""The structure function: dense densities, both forms calibrated, the binned estimator."""

import numpy as np
import pytest
from samples import wandering
from scipy import stats
from scipy.special import logsumexp

import bayes_astro as ba
from bayes_astro.baselines.structure_function import binned
from bayes_astro.variability import stationary_increments as increments
from bayes_astro.variability import structure_function_data as series_data

FORMS = ("damped-random-walk", "power-law")
LAW = {
    "damped-random-walk": {"sf_infinity": 0.5, "tau": 30.0},
    "power-law": {"sf_reference": 0.1, "gamma": 0.4},
}


def ensemble(count=3, n=25):
    curves = [wandering(n=n, seed=k, name=f"q{k}") for k in range(count)]
    return ba.StructureFunction.ensemble(curves)


@pytest.mark.parametrize("form", FORMS)
def test_covariance_has_the_structure_function(form):
    """Var[x(a) - x(b)] = SF(a - b)^2, whatever the origin; zero lags have none."""
    time = np.array([0.0, 1.0, 1.0, 4.0, 50.0])
    matrix = increments.covariance(form, LAW[form], time, time, 1.0, 10.0)
    variance = np.diag(matrix)[:, None] + np.diag(matrix) - 2 * matrix
    lag = np.abs(time[:, None] - time)
    square = increments.structure_function(form, LAW[form], lag.ravel(), 10.0) ** 2
    np.testing.assert_allclose(variance.ravel(), square, atol=1e-14)
    assert np.linalg.eigvalsh(matrix).min() > -1e-12


def test_half_is_a_random_walk_and_the_short_lags_of_a_damped_one():
    lag = np.array([0.01, 0.1])
    damped = increments.structure_function(FORMS[0], {"sf_infinity": 0.5, "tau": 1e4}, lag, 1.0)
    law = {"sf_reference": 0.5 / np.sqrt(1e4), "gamma": 0.5}
    np.testing.assert_allclose(damped, increments.structure_function(FORMS[1], law, lag, 1.0), 1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_innovations_multiply_to_the_dense_density(form):
    data, model = ensemble(), ba.StructureFunction(form, reference=10.0)
    priors = model.resolve_priors(data)
    draws = model.prior_draws(data, priors, 4, np.random.default_rng(1))
    found = model.pointwise(draws, data).sum("row").values[0]
    for k in range(4):
        one = draws.isel(chain=0, draw=k)
        law = {name: float(one[name]) for name in LAW[form]}
        expected = 0.0
        for i, rows in enumerate(series_data.series(data)):
            time = data.time[rows]
            matrix = increments.covariance(form, law, time, time, time[0], 10.0)
            matrix += np.diag(data.error[rows] ** 2)
            mean = np.full(len(rows), float(one["offset"][i]))
            expected += stats.multivariate_normal(mean, matrix).logpdf(data.value[rows])
        assert found[k] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("form", FORMS)
def test_evidence_and_draws_against_brute_force(form):
    data, model = ensemble(2), ba.StructureFunction(form, reference=10.0)
    model.fit(data, ba.Exact(draws=2000), seed=1)
    priors = model.resolve_priors(data)
    names = list(LAW[form])
    count = 60
    posterior = model.posterior["posterior"]
    lines, steps = [], []
    for name in names:
        values = posterior[name].values
        low, high = np.quantile(values, [0, 1])
        if name == "gamma":
            line = np.linspace(max(low - 0.1, 1e-3), min(high + 0.1, 0.999), count)
        else:
            line = np.linspace(np.log(low) - 0.5, np.log(high) + 0.5, count)
        lines.append(line)
        steps.append(line[1] - line[0])
    mesh = np.meshgrid(*lines, indexing="ij")
    total = np.zeros(count**2)
    values = {}
    for name, grid in zip(names, mesh, strict=True):
        values[name] = grid.ravel() if name == "gamma" else np.exp(grid.ravel())
        total += priors[name].log_density(values[name])
        total += 0 if name == "gamma" else grid.ravel()
    level = priors["offset"].arguments
    for i, rows in enumerate(series_data.series(data)):
        time, n = data.time[rows], len(rows)
        for k in range(count**2):
            law = {name: float(values[name][k]) for name in names}
            matrix = increments.covariance(form, law, time, time, time[0], 10.0)
            matrix += np.diag(data.error[rows] ** 2) + level["sigma"] ** 2
            factor = np.linalg.cholesky(matrix)
            white = np.linalg.solve(factor, data.value[rows] - level["mu"][i])
            total[k] -= 0.5 * (white @ white) + np.log(np.diag(factor)).sum()
        total -= 0.5 * n * np.log(2 * np.pi)
    evidence = model.posterior["evidence"]
    expected = logsumexp(total) + np.log(steps).sum()
    error = float(evidence["log_evidence_error"])
    assert float(evidence["log_evidence"]) == pytest.approx(expected, abs=4 * error + 0.01)
    mass = np.exp(total - logsumexp(total)).reshape(count, count)
    for axis, name in enumerate(names):
        edges = lines[axis] + 0.5 * steps[axis]
        draws = posterior[name].values.ravel()
        pit = np.interp(
            draws if name == "gamma" else np.log(draws), edges, np.cumsum(mass.sum(axis=1 - axis))
        )
        assert stats.kstest(pit, "uniform").pvalue > 1e-3, name


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_calibrated(form):
    model = ba.StructureFunction(form, reference=30.0)
    result = ba.calibrate(
        model, wandering(n=15), n=300, seed=2, sampler=ba.Exact(draws=200), progress=False
    )
    assert result, result


def test_nuts_agrees():
    data, model = wandering(n=15), ba.StructureFunction()
    exact = model.fit(data, ba.Exact(draws=4000), seed=1).posterior["posterior"].to_dataset()
    model.fit(data, ba.NUTS(draws=300, tune=300, chains=2), seed=1, progress=False)
    table = model.summary()
    for name in ("sf_infinity", "tau", "offset"):
        row = table.loc[name if name in table.index else f"{name}[all]"]
        x = exact[name].values
        assert abs(x.mean() - row["mean"]) < 5 * row["mcse"] + 0.05 * x.std(), name


def test_prediction_passes_through_exact_points_and_widens_between():
    data = wandering(n=30, noise=1e-4)
    for form in FORMS:
        model = ba.StructureFunction(form).fit(data, ba.Exact(draws=400), seed=1)
        at = model.predict(data)["signal"]
        assert np.abs(at.mean(("chain", "draw")) - data.value).max() < 1e-3
        middle = 0.5 * (data.time[1:] + data.time[:-1])
        shuffled = np.random.default_rng(0).permutation(middle)
        between = model.predict(shuffled)
        assert np.array_equal(between["time"], shuffled)
        assert float(between["signal"].std(("chain", "draw")).min()) > 1e-4
    with pytest.raises(ValueError, match="of several series"):
        ba.StructureFunction().fit(ensemble(), ba.Exact(draws=400), seed=1).predict([1.0])


def by_pairs(curves, edges):
    """Sums of squared differences less noise, and numbers of pairs, pair by pair."""
    total, count = np.zeros((2, len(edges) - 1))
    for curve in curves:
        for i in range(len(curve)):
            for j in range(i):
                k = np.searchsorted(edges, curve.time[i] - curve.time[j], side="right") - 1
                noise = curve.error[i] ** 2 + curve.error[j] ** 2
                total[k] += (curve.value[i] - curve.value[j]) ** 2 - noise
                count[k] += 1
    return total, count


def test_errors_of_the_bins_leave_out_one_series_at_a_time():
    """Jackknife over series of equal times, whose bins stay where they are."""
    rng = np.random.default_rng(3)
    time, error = np.arange(8.0), rng.uniform(0.1, 0.3, 8)
    curves = [
        ba.LightCurve(time, np.cumsum(rng.normal(size=8)), error, name=str(k)) for k in range(12)
    ]
    lag, squared, sd, pairs = binned(ba.StructureFunction.ensemble(curves), 3)
    edges = np.geomspace(1 - 1e-9, 7 + 1e-8, 4)
    total, count = by_pairs(curves, edges)
    left = [np.divide(*by_pairs(curves[:k] + curves[k + 1 :], edges)) for k in range(12)]
    assert pairs.tolist() == count.tolist()
    np.testing.assert_allclose(squared, total / count, rtol=1e-12)
    np.testing.assert_allclose(sd, np.sqrt(11 / 12 * np.sum((left - np.mean(left, 0)) ** 2, 0)))
    np.testing.assert_allclose(lag, [1.0, (2 * 6 + 3 * 5) / 11, (4 * 4 + 5 * 3 + 6 * 2 + 7) / 10])


def test_binned_estimator_is_unbiased_and_its_errors_hold():
    """Over many simulated ensembles, SF^2 of each bin against the truth at its lag."""
    rng = np.random.default_rng(4)
    pulls = []
    for _ in range(40):
        curves = [
            wandering(
                n=40, sigma=0.3, tau=20.0, noise=0.1, seed=int(rng.integers(2**31)), name=f"{k}"
            )
            for k in range(20)
        ]
        lag, squared, error, _ = binned(ba.StructureFunction.ensemble(curves), 8)
        truth = 2 * 0.09 * (1 - np.exp(-lag / 20.0))
        pulls.append(((squared - truth) / error)[-4:])
    pulls = np.array(pulls)
    assert np.all(np.abs(pulls.mean(axis=0)) < 0.8)
    assert np.all((pulls.std(axis=0) > 0.6) & (pulls.std(axis=0) < 1.6))


def test_structure_function_draws_and_the_note_on_tau():
    model = ba.StructureFunction().fit(
        wandering(n=40, tau=500.0, span=100.0), ba.Exact(draws=400), seed=1
    )
    draws = model.posterior["posterior"]
    found = model.structure_function([0.0, 1e9])
    assert np.all(found.values[..., 0] == 0)
    np.testing.assert_allclose(found.values[..., 1], draws["sf_infinity"].values)
    assert model.diagnose()["tau within the baseline"].passed is None
    with pytest.raises(ValueError, match="lags >= 0"):
        model.structure_function([-1.0])


def test_bad_input_is_named():
    good = wandering()
    for model, data, words in (
        (ba.StructureFunction("parabola"), good, "form='parabola' must be"),
        (ba.StructureFunction(reference=-1), good, "reference=-1 must be a positive number"),
        (ba.StructureFunction(), good.replace(value=np.ones(50)), "'value' is constant"),
        (ba.StructureFunction(), good[:1], "no two different times"),
        (
            ba.StructureFunction(priors={"offset": ba.Prior("HalfNormal", sigma=1)}),
            good,
            "must be Normal",
        ),
        (
            ba.StructureFunction("power-law", priors={"gamma": ba.Prior("HalfNormal", sigma=1)}),
            good,
            "within 0 and 1",
        ),
    ):
        with pytest.raises(ValueError, match=words):
            model.fit(data)
    named = good.replace(name="x")
    with pytest.raises(ValueError, match="Two light curves are called 'x'"):
        ba.StructureFunction.ensemble([named, named])
    with pytest.raises(ValueError, match="empty"):
        ba.StructureFunction.ensemble([])
    with pytest.raises(ValueError, match="value_unit"):
        ba.StructureFunction.ensemble([good, good.replace(value_unit="mag", name="y")])
