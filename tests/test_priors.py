"""Priors: the same distribution in NumPy, in PyMC and in a file."""

import json

import numpy as np
import pytest
from astropy import units as u
from scipy.stats import kstest

import bayes_astro as ba
from bayes_astro.priors import FAMILIES, quantity

EXAMPLES = {
    "Normal": {"mu": 1.5, "sigma": 0.7},
    "HalfNormal": {"sigma": 2.0},
    "TruncatedNormal": {"mu": 0.3, "sigma": 1.1, "lower": -0.5, "upper": 2.0},
    "Uniform": {"lower": -1.0, "upper": 3.0},
    "LogUniform": {"lower": 0.02, "upper": 40.0},
    "LogNormal": {"mu": -0.4, "sigma": 0.6},
    "StudentT": {"nu": 3.5, "mu": 1.0, "sigma": 0.5},
    "Cauchy": {"alpha": -1.0, "beta": 0.4},
    "HalfCauchy": {"beta": 0.8},
    "Rayleigh": {"sigma": 1.3},
    "Exponential": {"scale": 2.5},
    "Gamma": {"alpha": 2.2, "beta": 0.6},
    "InverseGamma": {"alpha": 3.1, "beta": 1.7},
    "Beta": {"alpha": 2.0, "beta": 3.5},
}


# Of weights and covariances: several numbers in one draw.
OF_SEVERAL = {
    "Dirichlet": {"alpha": 1.5},
    "InverseWishart": {"nu": 6.0, "scale": [[2.0, 0.3], [0.3, 1.0]]},
}


def every_family(test):
    return pytest.mark.parametrize("family", EXAMPLES)(test)


def test_each_family_has_an_example():
    assert set(EXAMPLES) | set(OF_SEVERAL) == set(FAMILIES)


@every_family
def test_round_trip_through_json(family):
    prior = ba.Prior(family, **EXAMPLES[family])
    again = ba.Prior.from_dict(json.loads(json.dumps(prior.to_dict())))
    assert again == prior
    assert hash(again) == hash(prior)
    assert eval_repr(prior) == prior


def eval_repr(prior):
    """What the repr says, read without running it."""
    name, *pairs = repr(prior).removeprefix("Prior(").removesuffix(")").split(", ")
    pairs = dict(pair.split("=") for pair in pairs)
    return ba.Prior(name.strip("'"), **{key: float(value) for key, value in pairs.items()})


@pytest.mark.parametrize("value", [[0.1, 0.2, 1 / 3], u.Quantity([0.1, 1 / 3], "km / s")])
def test_lists_and_quantities_round_trip(value):
    prior = ba.Prior("HalfNormal", sigma=value)
    again = ba.Prior.from_dict(json.loads(json.dumps(prior.to_dict())))
    assert again == prior
    assert np.array_equal(again.arguments["sigma"], prior.arguments["sigma"])


@every_family
def test_samples_follow_the_density(family):
    """K-S against the integral of exp(log_density), at a false-alarm rate of 1e-5 a family."""
    prior = ba.Prior(family, **EXAMPLES[family])
    draws = prior.sample(np.random.default_rng(7), 4000)
    low, high = prior.support
    # In t = arctan(x) the whole line is finite and heavy tails are smooth.
    edges = np.arctan(np.clip([low, high], -1e12, 1e12))
    t = np.linspace(*edges, 400_001)
    middle = 0.5 * (t[1:] + t[:-1])
    mass = np.exp(prior.log_density(np.tan(middle))) * np.diff(t) / np.cos(middle) ** 2
    cumulative = np.append(0, np.cumsum(mass))
    assert cumulative[-1] == pytest.approx(1, abs=1e-4)
    assert kstest(draws, lambda x: np.interp(np.arctan(x), t, cumulative)).pvalue > 1e-5
    assert np.all((draws >= low) & (draws <= high))


@every_family
def test_no_density_outside_of_the_support(family):
    prior = ba.Prior(family, **EXAMPLES[family])
    low, high = prior.support
    for outside in [edge for edge in (low - 0.1, high + 0.1) if np.isfinite(edge)]:
        assert prior.log_density(outside) == -np.inf


@every_family
def test_pymc_has_the_same_density(family):
    import pymc as pm

    prior = ba.Prior(family, **EXAMPLES[family])
    with pm.Model() as model:
        prior.variable("x")
    x = np.quantile(prior.sample(np.random.default_rng(3), 500), [0.01, 0.3, 0.5, 0.9, 0.99])
    if family == "LogUniform":  # sampled as log_x, with dx = x d(log x)
        (variable,) = model.free_RVs
        logp = model.compile_logp(jacobian=False)
        name = model.rvs_to_values[variable].name
        got = np.array([logp({name: backward(model, variable, np.log(v))}) for v in x]) - np.log(x)
    else:
        got = pm.logp(model["x"], x).eval()
    # PyMC's own constants, such as log(2), are in single precision.
    assert np.allclose(got, prior.log_density(x), rtol=0, atol=5e-8)


def backward(model, variable, value):
    """`value` in the unconstrained space in which PyMC samples `variable`."""
    transform = model.rvs_to_transforms[variable]
    return transform.forward(np.asarray(value), *variable.owner.inputs).eval()


def test_listed_arguments_give_each_entry_its_own():
    import pymc as pm

    prior = ba.Prior("Rayleigh", sigma=[1.0, 10.0])
    draws = prior.sample(np.random.default_rng(0), (4000, 2))
    assert draws.std(axis=0) == pytest.approx([0.655, 6.55], rel=0.1)
    with pm.Model(coords={"term": [1, 2]}) as model:
        prior.variable("x", dims="term")
    x = np.array([0.5, 20.0])
    assert np.allclose(pm.logp(model["x"], x).eval(), prior.log_density(x))


@pytest.mark.parametrize("family", OF_SEVERAL)
def test_several_numbers_round_trip_and_are_declared_by_their_task(family):
    import pymc as pm

    prior = ba.Prior(family, **OF_SEVERAL[family])
    again = ba.Prior.from_dict(json.loads(json.dumps(prior.to_dict())))
    assert again == prior
    with pm.Model(), pytest.raises(ValueError, match="declared by the task"):
        prior.variable("x")


def test_weights_and_covariances_follow_their_density():
    rng = np.random.default_rng(2)
    weights = ba.Prior("Dirichlet", alpha=1.5)
    draws = weights.sample(rng, (4000, 3))
    assert draws.sum(axis=1) == pytest.approx(1)
    assert draws.mean(axis=0) == pytest.approx(1 / 3, abs=0.02)
    assert draws.var(axis=0) == pytest.approx((2 / 9) / 5.5, rel=0.1)
    # Gamma(4.5) / Gamma(1.5)^3 prod w^0.5
    expected = np.log(11.6317284 / 0.88622693**3) + 0.5 * np.log(draws[:2]).sum(axis=1)
    assert weights.log_density(draws[:2]) == pytest.approx(expected, abs=1e-6)
    covariances = ba.Prior("InverseWishart", nu=6.0, scale=[[2.0, 0.3], [0.3, 1.0]])
    draws = covariances.sample(rng, (4000, 5, 2, 2))
    assert draws.mean(axis=(0, 1)) == pytest.approx(np.array([[2.0, 0.3], [0.3, 1]]) / 3, abs=0.04)
    # One dimension is an inverse gamma of half of each.
    one = ba.Prior("InverseWishart", nu=5.0, scale=[1.2])
    other = ba.Prior("InverseGamma", alpha=2.5, beta=0.72)
    x = np.array([0.2, 1.0, 3.0])
    assert one.log_density(x[:, None, None]) == pytest.approx(other.log_density(x))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: ba.Prior("Norml", mu=0, sigma=1), "mean 'Normal'"),
        (lambda: ba.Prior("Normal", mu=0, sgima=1), "mean 'sigma'"),
        (lambda: ba.Prior("Normal", mu=0), "needs sigma"),
        (lambda: ba.Prior("Normal", mu=0, sigma=0), "positive"),
        (lambda: ba.Prior("Normal", mu=0, sigma=-1), "positive"),
        (lambda: ba.Prior("Normal", mu=np.nan, sigma=1), "finite"),
        (lambda: ba.Prior("Normal", mu=0, sigma=np.inf), "finite"),
        (lambda: ba.Prior("Normal", mu=10**400, sigma=1), "number"),
        (lambda: ba.Prior("Normal", mu=10**5000, sigma=1), "number"),
        (lambda: ba.Prior("Normal", mu="1", sigma=1), "number"),
        (lambda: ba.Prior("Normal", mu=["1", "2"], sigma=1), "number"),
        (lambda: ba.Prior("Normal", mu=True, sigma=1), "number"),
        (lambda: ba.Prior("Normal", mu=[True, False], sigma=1), "number"),
        (lambda: ba.Prior("Normal", mu=None, sigma=1), "number"),
        (lambda: ba.Prior("Normal", mu=1 + 2j, sigma=1), "number"),
        (lambda: ba.Prior("Normal", mu=[], sigma=1), "number"),
        (lambda: ba.Prior("Normal", mu=[[1, 2]], sigma=1), "number"),
        (lambda: ba.Prior("Normal", mu=[1, [2]], sigma=1), "number"),
        (lambda: ba.Prior("Normal", mu=[1, 2], sigma=[1, 2, 3]), "go together"),
        (lambda: ba.Prior("Uniform", lower=1, upper=1), "below"),
        (lambda: ba.Prior("Uniform", lower=[0, 2], upper=1), "below"),
        (lambda: ba.Prior("LogUniform", lower=0, upper=1), "positive"),
        (lambda: ba.Prior("Beta", alpha=1 * u.m, beta=1), "takes no unit"),
        (lambda: ba.Prior("InverseWishart", nu=4, scale=[[1, 2], [2, 1]]), "positive definite"),
        (lambda: ba.Prior("InverseWishart", nu=4, scale=[[1, 0.2], [0, 1]]), "symmetric"),
        (lambda: ba.Prior("InverseWishart", nu=4, scale=[[1, 0.2]]), "symmetric"),
        (lambda: ba.Prior("InverseWishart", nu=4, scale=[1, 0]), "positive"),
        (lambda: ba.Prior("InverseWishart", nu=4, scale=[1, 2] * u.m), "without a unit"),
        (lambda: ba.Prior("InverseWishart", nu=[4, 5], scale=[1, 2]), "number"),
        (lambda: ba.Prior("Dirichlet", alpha=0), "positive"),
        (lambda: ba.Prior(3, mu=1), "Unknown prior"),
        (lambda: ba.Prior("Normal", self=1, mu=0, sigma=1), "no argument 'self'"),
        (lambda: ba.Prior.from_dict({"mu": 1}), "'distribution'"),
        (lambda: ba.Prior.from_dict("Normal"), "'distribution'"),
        (lambda: ba.Prior.from_dict({"distribution": ["Normal"]}), "Unknown prior"),
        (
            lambda: ba.Prior.from_dict({"distribution": "HalfNormal", "sigma": {"value": 1}}),
            "'value' and 'unit'",
        ),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "unit", ["10**999999999 K", "10+999999999 K", "m**(1/0)", "nounit", "km" * 60, 3, None]
)
def test_a_unit_from_a_file_is_one_or_a_quick_error(unit):
    with pytest.raises(ValueError, match="not a unit"):
        quantity(1.0, unit)


@pytest.mark.parametrize("value", ["3 m", [1, "2"], None, {"a": 1}, True])
def test_a_value_from_a_file_is_a_number(value):
    with pytest.raises(ValueError, match="not a number"):
        quantity(value, "m")


def test_quantities_are_converted_to_the_unit_of_the_parameter():
    prior = ba.Prior("TruncatedNormal", mu=1 * u.h, sigma=60 * u.min, lower=0 * u.s, upper=1 * u.d)
    plain = prior.in_unit("d")
    expected = ba.Prior("TruncatedNormal", mu=1 / 24, sigma=1 / 24, lower=0, upper=1)
    for key, value in expected.arguments.items():
        assert plain.arguments[key] == pytest.approx(value)
    assert prior.arguments["mu"] == 1 * u.h  # the prior itself is as it was


@pytest.mark.parametrize("unit", ["mag", None])
def test_a_unit_that_does_not_fit_is_named(unit):
    with pytest.raises(ValueError, match=r"'period'.*cannot be converted"):
        ba.Prior("HalfNormal", sigma=1 * u.h).in_unit(unit, "period")


def test_bounds_in_different_units_are_compared_once_converted():
    prior = ba.Prior("Uniform", lower=2 * u.h, upper=60 * u.min)
    with pytest.raises(ValueError, match="below"):
        prior.in_unit("d")
