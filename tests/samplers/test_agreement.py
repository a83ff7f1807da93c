"""Different samplers of one model agree within Monte Carlo error."""

import importlib.util

import numpy as np
import pytest
from samples import line, sinusoid

import bayes_astro as ba


def disagreements(first, second):
    """Differences of means and of log sds, in combined Monte Carlo errors, per scalar."""
    a, b = first.summary(), second.summary()
    off = {}
    for name in a.index.intersection(b.index):
        x, y = a.loc[name], b.loc[name]
        mean = (x["mean"] - y["mean"]) / np.hypot(x["mcse"], y["mcse"])
        # Relative error of an sd: 1 / sqrt(2 ESS) for a Gaussian, more with heavy tails.
        error = np.sqrt(1 / x["ess_tail"] + 1 / y["ess_tail"])
        off[name] = (mean, np.log(x["sd"] / y["sd"]) / error)
    assert len(off) == len(a) == len(b)
    return off


@pytest.mark.parametrize(
    ("kind", "amplitude", "kwargs"),
    [
        ("strong", 1.0, {"jitter": True, "n_terms": 2}),
        ("moderate", 0.55, {}),
    ],
)
def test_exact_equals_nuts_and_emcee(kind, amplitude, kwargs):
    # A narrow range, so that a chain that starts at the mode has all of the posterior before it.
    data = sinusoid(n=80, amplitude=amplitude, noise=0.5, seed=3)
    model = ba.Periodogram(period=(3.5, 3.9), **kwargs)
    exact = model.fit(data, ba.Exact(draws=20000), seed=1)
    assert exact.posterior["evidence"]["log_bayes_factor"] > (20 if kind == "strong" else 3)
    nuts = ba.Periodogram(period=(3.5, 3.9), **kwargs).fit(
        data, ba.NUTS(draws=1500, tune=1000, target_accept=0.95), seed=2, progress=False
    )
    emcee = ba.Periodogram(period=(3.5, 3.9), **kwargs).fit(
        data, ba.Emcee(steps=5000, tune=1000), seed=3, progress=False
    )
    assert nuts.diagnose(), nuts.diagnose()
    assert emcee.diagnose(), emcee.diagnose()
    for other in (nuts, emcee):
        for name, (mean, sd) in disagreements(exact, other).items():
            assert abs(mean) < 4, (name, mean)
            assert abs(sd) < 4, (name, sd)


def test_nuts_equals_emcee_on_the_line_with_outliers():
    data = line(n=40, outliers=5)
    nuts = ba.LinearRelation("y", outliers=True).fit(
        data, ba.NUTS(draws=1500, tune=1000), seed=1, progress=False
    )
    emcee = ba.LinearRelation("y", outliers=True).fit(
        data, ba.Emcee(steps=4000, tune=1500), seed=2, progress=False
    )
    for name, (mean, sd) in disagreements(nuts, emcee).items():
        assert abs(mean) < 4, (name, mean)
        assert abs(sd) < 4, (name, sd)
    assert np.allclose(nuts.outlier_probability(), emcee.outlier_probability(), atol=0.05)


@pytest.mark.slow
def test_nutpie_draws_the_same_posterior():
    assert importlib.util.find_spec("nutpie"), "nutpie belongs to the development group"
    data = line(n=40)
    pymc = ba.LinearRelation("y").fit(data, seed=1, progress=False)
    nutpie = ba.LinearRelation("y").fit(
        data, ba.NUTS(backend="nutpie", draws=2000), seed=1, progress=False
    )
    assert nutpie.diagnose(), nutpie.diagnose()
    assert set(nutpie.posterior["posterior"].data_vars) == set(pymc.posterior["posterior"])
    for name, (mean, _) in disagreements(pymc, nutpie).items():
        assert abs(mean) < 4, name


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
    problem, _ = model._problem(data, priors)
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
