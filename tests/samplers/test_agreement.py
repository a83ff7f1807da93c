"""Different samplers of one model agree within Monte Carlo error."""

import numpy as np
import pytest
from samples import line, sinusoid

import bayes_astro as ba

LARGEST = 30  # free variables: beyond, the runs take minutes


def disagreements(first, second, judged=()):
    """Differences of three quantiles of scalars, in their Monte Carlo errors.

    A quantile of n independent normal draws is uncertain by 0.6 to 0.8 of the half width over
    sqrt(n); by half as much again in a long tail.
    """
    a, b = first.summary(), second.summary()
    assert set(a.index) == set(b.index)
    off = {}
    for name in a.index:
        if judged and name.split("[")[0] not in judged:
            continue
        x, y = a.loc[name], b.loc[name]
        least = min(x["ess_bulk"], x["ess_tail"], y["ess_bulk"], y["ess_tail"])
        for q in ("q16", "median", "q84"):
            side = (x["q84"] - x["median"]) if q == "q84" else (x["median"] - x["q16"])
            off[name, q] = (x[q] - y[q]) / max(1.1 * side * np.sqrt(2 / least), 1e-12)
    return off


def runs(model, data):
    """The samplers that a task takes, long enough to be compared."""
    accept = getattr(model.default_sampler(data)[0], "target_accept", 0.95)
    found = {}
    problem = model.problem(data, model.resolve_priors(data))
    if problem.no_density:
        return found  # by exact draws alone
    size = problem.size
    if "NUTS" in model.samplers and size <= LARGEST:
        found["nutpie"] = ba.NUTS(draws=2000, tune=1000, target_accept=accept)
        found["pymc"] = ba.NUTS(draws=1000, tune=500, target_accept=accept, backend="pymc")
    if "Exact" in model.samplers:
        found["exact"] = ba.Exact(draws=10_000)
    if "Gibbs" in model.samplers:
        found["gibbs"] = ba.Gibbs(draws=1500, tune=500)
    if "Emcee" in model.samplers and size <= 8:
        found["emcee"] = ba.Emcee(steps=2000, tune=500, walkers=24, ensembles=2)
    return found


@pytest.mark.slow
def test_all_samplers_of_a_task_agree(case):
    """Variables on which convergence is judged: components of a mixture have no names."""
    model = case.model.assume(case.data)
    data = model._checked(case.data)
    fitted = {}
    for name, sampler in runs(model, data).items():
        try:
            fitted[name] = model.copy().fit(data, sampler, seed=1, progress=False)
        except ValueError as refusal:  # by this form of the task, which says why
            assert len(str(refusal)) > 30
    if len(fitted) < 2:
        return
    first, *others = fitted.values()
    for name, other in zip(list(fitted)[1:], others, strict=True):
        if not other.diagnose() or not first.diagnose():
            continue  # it says itself that it is not to be trusted
        for label, distance in disagreements(first, other, first.converged_on()).items():
            assert abs(distance) < 5, (name, label, distance)


def test_emcee_refuses_a_run_that_is_too_short_and_says_how_long_it_must_be():
    model = ba.LinearRelation("y", outliers=True)
    model.fit(line(n=40, outliers=5), ba.Emcee(steps=100, tune=50), seed=1, progress=False)
    diagnosis = model.diagnose()
    assert not diagnosis
    check = diagnosis["length in autocorrelation times"]
    assert check.passed is False
    assert "100 steps are too short" in check.advice
    needed = int(check.advice.split("steps=")[1].split(")")[0])
    assert needed >= 50 * 100 / check.figure * 0.99
    assert needed > 100


def test_nuts_refuses_and_names_the_parameter():
    model = ba.LinearRelation("y")
    model.fit(line(n=40), ba.NUTS(draws=20, tune=20, chains=2), seed=1, progress=False)
    diagnosis = model.diagnose()
    assert not diagnosis
    advice = diagnosis["ESS (bulk)"].advice
    assert diagnosis["ESS (bulk)"].passed is False
    assert any(name in advice for name in model.summary().index)


def test_nuts_refuses_divergences_and_r_hat():
    """The verdicts themselves, on statistics that are planted."""
    model = ba.LinearRelation("y")
    model.fit(line(n=40), ba.NUTS(draws=300, tune=300), seed=1, progress=False)
    tree = model.posterior
    tree["sample_stats"]["diverging"].values[0, :3] = True
    tree["posterior"]["scatter"].values[0] += 1.0
    diagnosis = model.diagnose()
    assert diagnosis["divergences"].passed is False
    assert diagnosis["divergences"].figure == 3
    assert "target_accept" in diagnosis["divergences"].advice
    assert "scatter" in diagnosis["divergences"].advice
    assert diagnosis["R-hat"].passed is False
    assert "scatter" in diagnosis["R-hat"].advice


def test_where_no_chain_could_mix_exact_equals_a_fine_grid():
    """No signal: the whole range stays possible; a grid with 1e5 frequencies is the oracle."""
    data = sinusoid(n=40, amplitude=0.0, seed=8, span=30.0)
    model = ba.Periodogram(period=(1.5, 20)).fit(data, ba.Exact(draws=20000), seed=1)
    priors = model.resolve_priors(data)
    problem = model.problem(data, priors).projected()
    from bayes_astro.likelihoods.harmonic import log_evidence

    grid = np.linspace(1 / 20, 1 / 1.5, 100_001)
    density = np.exp(log_evidence(problem, grid))
    cumulative = np.cumsum(density) / density.sum()
    draws = np.sort(model.posterior["posterior"]["frequency"].values.ravel())
    expected = np.interp(draws, grid, cumulative)
    distance = np.max(np.abs(expected - np.arange(1, 20001) / 20000))
    assert distance < 1.95 / np.sqrt(20000)  # Kolmogorov-Smirnov at 1e-3
    evidence = np.log(np.trapezoid(density, grid) / (grid[-1] - grid[0]))
    assert float(model.posterior["evidence"]["log_evidence"]) == pytest.approx(evidence, abs=1e-2)
    assert len(model.modes()) > 3
    assert model.diagnose()["one period"].passed is None
