"""The exact posterior of a damped random walk against brute force, and its calibration."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

from bayes_astro import Prior
from bayes_astro.calibration import verdicts
from bayes_astro.likelihoods import damped_random_walk as drw
from bayes_astro.processes import drw_posterior


def light_curve(n=30, sigma=0.3, tau=40.0, jitter=0.0, seed=1, error=0.05, span=1000.0):
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(0, span, n)) + 2.45e6
    errors = error * rng.uniform(0.5, 2, n)
    noise = np.hypot(errors, jitter) * rng.standard_normal(n)
    return time, 18 + drw.simulate(time, sigma, tau, rng) + noise, errors


def periodic_star(n=200, seed=5):
    rng = np.random.default_rng(seed)
    time, error = np.sort(rng.uniform(0, 3000, n)), rng.uniform(0.02, 0.05, n)
    value = 18 + 0.3 * np.sin(2 * np.pi * time / 3.7) + error * rng.standard_normal(n)
    return time, value, error


def default_priors(time, value, jitter=True):
    """Those of `ba.GaussianProcess`."""
    span, spacing = np.ptp(time), np.median(np.diff(np.unique(time)))
    spread = value.std()
    middle, width = 0.5 * np.log(10 * span * spacing), 0.25 * np.log(10 * span / spacing)
    priors = {
        "sigma": Prior("LogNormal", mu=np.log(spread), sigma=1.0),
        "tau": Prior("LogNormal", mu=middle, sigma=width),
    }
    return priors | ({"jitter": Prior("HalfNormal", sigma=spread)} if jitter else {})


def arguments(curve, priors, sd=None):
    time, value, error = curve
    mean = {"coefficient_mean": [value.mean()], "coefficient_sd": [sd or 5 * value.std()]}
    design = np.ones((len(time), 1))
    return {"time": time, "value": value, "error": error, "design": design, "priors": priors} | mean


def brute_force(setup, ranges, counts):
    """Log evidence and the marginal distributions on a dense rectangular grid."""
    setup = dict(setup)
    priors = setup.pop("priors")
    walk = drw.prepare(**setup)
    lines, steps = {}, []
    for name, (low, high), count in zip(priors, ranges, counts, strict=True):
        edges = np.linspace(low, high, count + 1)
        lines[name] = 0.5 * (edges[1:] + edges[:-1])
        steps.append(edges[1] - edges[0])
    mesh = np.meshgrid(*lines.values(), indexing="ij")
    values = {
        name: (x if name == "jitter" else np.exp(x)).ravel()
        for name, x in zip(lines, mesh, strict=True)
    }
    total = drw.log_likelihood(walk, **values)
    for name, prior in priors.items():
        with np.errstate(divide="ignore"):
            total += prior.log_density(values[name])
        total += 0 if name == "jitter" else np.log(values[name])
    evidence = logsumexp(total) + np.sum(np.log(steps))
    mass = np.exp(total - logsumexp(total)).reshape(mesh[0].shape)
    cumulative = {}
    for axis, (name, line) in enumerate(lines.items()):
        others = tuple(k for k in range(len(lines)) if k != axis)
        shares = np.cumsum(mass.sum(axis=others))
        edges = line + 0.5 * steps[axis]
        cumulative[name] = (edges if name == "jitter" else np.exp(edges), shares)
    return evidence, cumulative


WIDE = ((-6.0, 3.0), (-4.0, 13.0))
BRUTE = {
    "default": (light_curve(), None, WIDE, (260, 260)),
    "jitter": (light_curve(jitter=0.1), "jitter", (*WIDE, (0.0, 0.6)), (110, 110, 90)),
    "jitter-at-zero": (light_curve(error=0.2), "jitter", (*WIDE, (0.0, 0.8)), (110, 110, 90)),
    "oblique-edges": (
        light_curve(),
        {
            "sigma": Prior("Uniform", lower=0.2, upper=0.4),
            "tau": Prior("Uniform", lower=10.0, upper=60.0),
        },
        (np.log((0.2, 0.4)), np.log((10.0, 60.0))),
        (300, 300),
    ),
    "long-tail": (
        light_curve(tau=3000.0),
        {
            "sigma": Prior("LogUniform", lower=1e-3, upper=1e3),
            "tau": Prior("LogUniform", lower=1e-2, upper=1e6),
        },
        (np.log((1e-3, 1e3)), np.log((1e-2, 1e6))),
        (400, 400),
    ),
    "capped": (periodic_star(), "jitter", ((-7.0, 1.5), (-5.0, 17.0), (0.0, 0.4)), (110, 160, 90)),
    "three-points": (light_curve(3), None, ((-9.0, 6.0), (-6.0, 15.0)), (300, 300)),
}


@pytest.mark.parametrize("name", BRUTE)
def test_equal_to_brute_force(name):
    curve, priors, ranges, counts = BRUTE[name]
    if not isinstance(priors, dict):
        priors = default_priors(*curve[:2], jitter=priors == "jitter")
    setup = arguments(curve, priors)
    found = drw_posterior.posterior(**setup)
    evidence, cumulative = brute_force(setup, ranges, counts)
    assert found.importance_efficiency > 0.6
    assert found.log_evidence_error < 0.03
    assert abs(found.log_evidence - evidence) < 4 * found.log_evidence_error + 2e-3
    draws = found.sample(4000, np.random.default_rng(2))
    for parameter, (edges, shares) in cumulative.items():
        pit = np.interp(draws[parameter], edges, shares)
        assert stats.kstest(pit, "uniform").pvalue > 1e-3, parameter


@pytest.mark.parametrize("family", ["LogUniform", "LogNormal", "Gamma", "Exponential", "Uniform"])
def test_any_prior_of_the_jitter(family):
    curve = light_curve(jitter=0.05)
    prior = {
        "LogUniform": Prior("LogUniform", lower=1e-5, upper=1.0),
        "LogNormal": Prior("LogNormal", mu=-6.0, sigma=3.0),
        "Gamma": Prior("Gamma", alpha=0.5, beta=5.0),
        "Exponential": Prior("Exponential", scale=0.01),
        "Uniform": Prior("Uniform", lower=0.02, upper=0.08),
    }[family]
    priors = default_priors(*curve[:2], jitter=False)
    found = drw_posterior.posterior(**arguments(curve, priors | {"jitter": prior}))
    draws = found.sample(4000, np.random.default_rng(3))
    # The evidence is the mean over the jitter's prior of the evidence given the jitter.
    levels = (np.arange(60) + 0.5) / 60
    setup = arguments(curve, priors)
    given = []
    for x in prior._scipy().ppf(levels):
        noisy = setup | {"error": np.hypot(curve[2], x)}
        given.append(drw_posterior.posterior(**noisy).log_evidence)
    expected = logsumexp(given) - np.log(60)
    assert found.log_evidence_error < 0.05
    assert abs(found.log_evidence - expected) < 4 * found.log_evidence_error + 5e-3
    low, high = prior.support
    assert low <= draws["jitter"].min() and draws["jitter"].max() <= high


def test_a_periodic_star_is_capped_and_a_random_walk_is_not():
    capped, ordinary = (
        drw_posterior.posterior(**arguments(curve, default_priors(*curve[:2])))
        for curve in (periodic_star(), light_curve(200))
    )
    # Without a cap the first takes 770,000 evaluations, with the same evidence.
    assert capped.capped and 60_000 < capped.evaluations < 400_000
    assert not ordinary.capped and ordinary.evaluations < 50_000


@pytest.mark.parametrize("capped,efficiency,failed", [(1, 0.2, 1), (1, 0.6, 0), (0, 0.2, 0)])
def test_a_capped_grid_of_little_use_fails_a_check(capped, efficiency, failed):
    statistics = {"capped": capped, "importance_efficiency": efficiency}
    checks = drw_posterior.grid_checks(statistics)
    assert len(checks) == capped
    assert sum(not check.passed for check in checks) == failed
    assert drw_posterior.grid_checks({}) == []  # a fit of another sampler, or of an older version


def test_coefficients_and_same_seed_same_draws():
    curve = light_curve(60)
    setup = arguments(curve, default_priors(*curve[:2]))
    found = drw_posterior.posterior(**setup)
    draws = found.sample(4000, np.random.default_rng(1))
    again = drw_posterior.posterior(**setup).sample(4000, np.random.default_rng(1))
    assert all(np.array_equal(draws[name], again[name]) for name in draws)
    assert draws["coefficients"].shape == (4000, 1)
    assert len(np.unique(draws["tau"])) == 4000
    row = drw_posterior.columns(draws, ["offset"])
    assert row["offset_mean"] == draws["coefficients"].mean()
    assert row["tau_q16"] == np.quantile(draws["tau"], 0.16)
    walk = drw.prepare(**{k: v for k, v in setup.items() if k != "priors"})
    middle = drw.draw_coefficients(
        walk, draws["sigma"], draws["tau"], draws["jitter"], np.zeros((4000, 1))
    )
    error = draws["coefficients"].std() / np.sqrt(4000)
    assert abs(draws["coefficients"].mean() - middle.mean()) < 4 * error


@pytest.mark.parametrize("unit", [1e-8, 1e7])
def test_other_units_same_posterior(unit):
    curve = light_curve(40, jitter=0.05)
    time, value, error = curve
    scaled = ((time - 2.45e6) / 365.25, value * unit, error * unit)
    one = drw_posterior.posterior(**arguments(curve, default_priors(*curve[:2])))
    two = drw_posterior.posterior(**arguments(scaled, default_priors(*scaled[:2])))
    assert two.log_evidence + 40 * np.log(unit) == pytest.approx(one.log_evidence, abs=0.02)
    a, b = (found.sample(4000, np.random.default_rng(1)) for found in (one, two))
    assert stats.ks_2samp(a["tau"], b["tau"] * 365.25).pvalue > 1e-3
    assert stats.ks_2samp(a["jitter"], b["jitter"] / unit).pvalue > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("jitter", [False, True])
def test_calibrated(jitter):
    """Ranks of the truth among the draws over 300 simulated data sets."""
    time, value, error = light_curve(40)
    priors = default_priors(time, value, jitter=jitter)
    setup = arguments((time, value, error), priors, sd=1.0)
    rng = np.random.default_rng(10)
    ranks = {name: [] for name in (*priors, "offset")}
    efficiency = []
    for _ in range(300):
        truth = {name: float(prior.sample(rng)) for name, prior in priors.items()}
        truth["offset"] = rng.normal(setup["coefficient_mean"][0], 1.0)
        noise = np.hypot(error, truth.get("jitter", 0.0)) * rng.standard_normal(len(time))
        new = truth["offset"] + drw.simulate(time, truth["sigma"], truth["tau"], rng) + noise
        found = drw_posterior.posterior(**setup | {"value": new})
        efficiency.append(found.importance_efficiency)
        draws = found.sample(199, rng)
        draws["offset"] = draws.pop("coefficients")[:, 0]
        for name, values in draws.items():
            ranks[name].append((np.sum(values < truth[name]) + rng.uniform()) / 200)
    table = verdicts({name: np.array(values) for name, values in ranks.items()})
    assert all(row["calibrated"] for row in table.values()), table
    assert min(efficiency) > 0.5


def test_many_light_curves_with_bad_ones():
    curves = [light_curve(25, seed=k) for k in range(6)]
    curves[3] = (curves[3][0][::-1], *curves[3][1:])

    def setup(curve):
        return arguments(curve, default_priors(*curve[:2]))

    results = [
        drw_posterior.fit_many(curves, setup, 200, range(6), threads=threads) for threads in (1, 2)
    ]
    for one, two in zip(*results, strict=True):
        if isinstance(one, ValueError):
            assert str(one) == str(two)
            continue
        assert all(np.array_equal(one[1][name], two[1][name]) for name in one[1])
    assert "sort by time" in str(results[0][3])
    assert sum(isinstance(result, Exception) for result in results[0]) == 1


def test_bad_priors_are_named():
    curve = light_curve()
    good = default_priors(*curve[:2])
    for priors, words in (
        ({"sigma": good["sigma"]}, "must be of sigma, tau"),
        (good | {"rate": good["tau"]}, "must be of sigma, tau"),
        (good | {"tau": Prior("Normal", mu=1, sigma=1)}, "'tau'.*negative"),
        (good | {"tau": Prior("LogNormal", mu=[1, 2], sigma=1)}, "single number"),
        (good | {"sigma": Prior("Uniform", lower=1e200, upper=2e200)}, "zero at every starting"),
    ):
        with pytest.raises(ValueError, match=words):
            drw_posterior.posterior(**arguments(curve, priors))
