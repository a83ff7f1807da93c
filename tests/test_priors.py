"""Priors: the same distribution in NumPy, in PyMC and in a file."""

import json

import numpy as np
import pytest
from astropy import units as u
from samples import galaxies
from scipy.stats import kstest

import bayes_astro as ba
from bayes_astro import registry
from bayes_astro.prior_families import FAMILIES
from bayes_astro.quantities import quantity

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
    "Laplace": {"mu": 0.5, "b": 0.7},
    "Horseshoe": {"mu": 0.5, "scale": 0.7},
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


# The priors that a user gets without asking, as numbers: times 0 to 16 with a median spacing of 2,
# values of mean 0 and sd 1; points with means (1, 3) and sds (1, 2).
WALK = ba.LightCurve([0, 1, 2, 4, 8, 16.0], [1, -1, 1, -1, 1, -1.0], np.ones(6))
BANDS = ba.LightCurve(np.arange(8.0), [1, 2, -1, -2, 1, 2, -1, -2], np.ones(8), band=list("gr") * 4)
POINTS = ba.Measurements([[0, 1], [2, 5], [0, 5], [2, 1.0]], np.full((4, 2), 0.1), names=("x", "y"))
CORNERS = ba.Measurements(
    [[-1, -2], [1, 2], [-1, 2], [1, -2.0]] * 2500, np.full((10_000, 2), 1e-6), names=("x", "y")
)
TIMES = ba.DampingTimes(
    np.arange(8.0).reshape(4, 2), np.zeros((4, 2)), [7, 9, 7, 9.0], np.full(4, 0.1)
)
BINS = ba.BinnedRedshifts(np.full((3, 2), 0.5), [0, 0.6, 1.2], [0.5, 0.5])
GALAXIES = galaxies(101).replace(redshift=np.append(np.linspace(0.1, 0.7, 100), 0.4))
COUNTS = ba.Counts([3, 5, 7], [2, 4, 4.0], off_counts=[1, 2, 3], off_exposure=[5.0, 4.0, 4.0])
# Of the power law 2 (r / 2)^-1.8, averaged over bins that are octaves in space, without noise.
XI = ba.PairCounts(
    [1, 2, 4, 8, 16.0],
    [2, 4, 8, 16, 32.0],
    2 * (3 / 1.2) * (2**1.2 - 1) / (2**3 - 1) * np.array([0.5, 1, 2, 4, 8.0]) ** -1.8,
    np.full(5, 1e-4),
    field_separation=[8.0, 16.0],
    field_share=[0.5, 0.5],
)
OFFSET = ba.Prior("Normal", mu=0, sigma=5)
TAU = ba.Prior("LogNormal", mu=np.log(320) / 2, sigma=np.log(80) / 4)  # 95% within 2 and 160
EVEN = np.linspace(-1, 1, 101)
EVENLY = ba.Measurements(
    np.column_stack([EVEN, 10 * np.roll(EVEN[::-1], 40)]), 0.1, names=("parallax", "pmra")
)

DEFAULTS = {
    "cluster": (
        ba.ClusterMembership(
            ("parallax", "pmra"),
            guess={"parallax": 0.5, "pmra": -3.0},
            region={"parallax": 0.1, "pmra": 0.4},
            field=2,
            wings=True,
        ),
        EVENLY,
        {
            "mean": ba.Prior("Normal", mu=[0.5, -3.0], sigma=[0.3, 1.2]),
            "dispersion": ba.Prior("HalfNormal", sigma=[0.1, 0.4]),
            "fraction": ba.Prior("Beta", alpha=1, beta=1),
            "wing_fraction": ba.Prior("Beta", alpha=1, beta=2),
            "wing_scale": ba.Prior("Uniform", lower=1.5, upper=5),
            "field_weight": ba.Prior("Dirichlet", alpha=1),
            "field_mean": ba.Prior("Normal", mu=[0, 0], sigma=[1.36, 13.6]),
            "field_covariance": ba.Prior(
                "InverseWishart", nu=4, scale=[[0.68**2 / 2, 0], [0, 6.8**2 / 2]]
            ),
        },
    ),
    "periodogram": (
        ba.Periodogram(n_terms=2, period=(2, 8), trend=1, jitter=True),
        WALK,
        {
            "frequency": ba.Prior("Uniform", lower=0.125, upper=0.5),
            "offset": OFFSET,
            "amplitude": ba.Prior("Rayleigh", sigma=[1.0, 0.5]),
            "trend": ba.Prior("Normal", mu=0, sigma=[5 / 8]),
            "jitter": ba.Prior("HalfNormal", sigma=1),
        },
    ),
    "line": (
        ba.LinearRelation("y", outliers=True),
        POINTS,
        {
            "slope": ba.Prior("Cauchy", alpha=0, beta=2),
            "response_mean": ba.Prior("Normal", mu=3, sigma=20),
            "predictor_mean": ba.Prior("Normal", mu=1, sigma=3),
            "predictor_width": ba.Prior("LogNormal", mu=0, sigma=0.7),
            "scatter": ba.Prior("HalfNormal", sigma=2),
            "outlier_fraction": ba.Prior("Uniform", lower=0, upper=0.5),
            "outlier_mean": ba.Prior("Normal", mu=3, sigma=4),
            "outlier_scatter": ba.Prior("HalfNormal", sigma=4),
        },
    ),
    "process": (
        ba.GaussianProcess(ba.kernels.DampedRandomWalk() + ba.kernels.SHO(), mean="linear"),
        WALK,
        {
            "damped_random_walk_sigma": ba.Prior("LogNormal", mu=0, sigma=1),
            "tau": TAU,
            "sho_sigma": ba.Prior("LogNormal", mu=0, sigma=1),
            "period": ba.Prior("LogNormal", mu=np.log(8), sigma=np.log(4) / 4),
            "quality": ba.Prior("LogNormal", mu=np.log(2), sigma=1.5),
            "jitter": ba.Prior("HalfNormal", sigma=1),
            "offset": OFFSET,
            "trend": ba.Prior("Normal", mu=0, sigma=5 / 8),
        },
    ),
    "process in bands": (
        ba.GaussianProcess(ba.kernels.DampedRandomWalk(), lag=(-1, 2)),
        BANDS,
        {
            "sigma": ba.Prior("LogNormal", mu=0, sigma=1),
            "tau": ba.Prior("LogNormal", mu=np.log(70) / 2, sigma=np.log(70) / 4),
            "amplitude": ba.Prior("LogNormal", mu=[np.log(2)], sigma=0.7),
            "lag": ba.Prior("Uniform", lower=-1, upper=2),
            "jitter": ba.Prior("HalfNormal", sigma=[1, 2]),
            "offset": ba.Prior("Normal", mu=[0, 0], sigma=[5, 10]),
        },
    ),
    "structure function": (
        ba.StructureFunction(),
        WALK,
        {
            "sf_infinity": ba.Prior("LogNormal", mu=np.log(2) / 2, sigma=1),
            "tau": TAU,
            "offset": OFFSET,
        },
    ),
    "power law": (
        ba.StructureFunction("power-law", reference=16.0),
        WALK,
        {
            "sf_reference": ba.Prior("LogNormal", mu=np.log(2) / 2, sigma=1),
            "gamma": ba.Prior("Uniform", lower=0, upper=1),
            "offset": OFFSET,
        },
    ),
    "power law of a predictor": (
        ba.Relation(ba.relations.PowerLaw(), "y", robust=True),
        ba.Measurements([[1, 1], [2, 7], [4, 1], [8, 7.0]], [0, 1.0], names=("x", "y")),
        {
            "amplitude": ba.Prior("Normal", mu=0, sigma=50),
            "slope": ba.Prior("Normal", mu=0, sigma=2),
            "scatter": ba.Prior("HalfNormal", sigma=3),
            "degrees_of_freedom": ba.Prior("Gamma", alpha=2, beta=0.1),
        },
    ),
    "broken power law": (
        ba.Relation(ba.relations.BrokenPowerLaw(), "y"),
        ba.Measurements(
            [[1, 1], [2, 7], [4, 1], [8, 7.0], [5, 1], [3, 7]], [0, 1.0], names=("x", "y")
        ),
        {
            "amplitude": ba.Prior("Normal", mu=0, sigma=50),
            "break": ba.Prior("LogUniform", lower=1, upper=8),
            "slope_below": ba.Prior("Normal", mu=0, sigma=2),
            "slope_above": ba.Prior("Normal", mu=0, sigma=2),
            "scatter": ba.Prior("HalfNormal", sigma=3),
        },
    ),
    "parabola": (
        ba.Relation(ba.relations.Polynomial(2, pivot=3.0, scale=0.5), "y"),
        ba.Measurements([[1, 1], [2, 7], [4, 1], [5, 7], [3, 4.0]], [0, 1.0], names=("x", "y")),
        {
            "coefficient_0": ba.Prior("Normal", mu=4, sigma=10 * np.sqrt(7.2)),
            "coefficient_1": ba.Prior("Normal", mu=0, sigma=10 * np.sqrt(7.2) / 4),
            "coefficient_2": ba.Prior("Normal", mu=0, sigma=10 * np.sqrt(7.2) / 16),
            "scatter": ba.Prior("HalfNormal", sigma=np.sqrt(7.2)),
        },
    ),
    "flat universe of dark energy": (
        ba.Relation(ba.relations.DistanceModulus("flat-wcdm"), "m", scatter=False),
        ba.Measurements([[1, 11], [1, 11], [3, 30], [3, 30.0]], [0, 1.0], names=("z", "m")),
        {
            "omega_m": ba.Prior("Uniform", lower=0, upper=1),
            "w0": ba.Prior("Uniform", lower=-3, upper=0),
            "offset": ba.Prior("Normal", mu=20.5 - 2.5 * np.log10(24), sigma=10),
        },
    ),
    "curved universe": (
        ba.Relation(ba.relations.DistanceModulus("lcdm"), "m", scatter=False),
        ba.Measurements([[1, 11], [1, 11], [3, 30], [3, 30.0]], [0, 1.0], names=("z", "m")),
        {
            "omega_m": ba.Prior("Uniform", lower=0.05, upper=1),
            "omega_lambda": ba.Prior("Uniform", lower=0, upper=1.2),
            "offset": ba.Prior("Normal", mu=20.5 - 2.5 * np.log10(24), sigma=10),
        },
    ),
    "damping times": (
        ba.HierarchicalDRW(),
        TIMES,
        {
            "intercept": ba.Prior("Normal", mu=2, sigma=1),
            "slope": ba.Prior("Normal", mu=0, sigma=1),
            "scatter": ba.Prior("HalfNormal", sigma=0.5),
            "mass_mean": ba.Prior("Normal", mu=8, sigma=3),
            "mass_width": ba.Prior("LogNormal", mu=0, sigma=0.7),
        },
    ),
    "correlation function": (
        ba.TwoPointCorrelation(offset=True, pivot=2.0),
        XI,
        {
            "amplitude": ba.Prior("HalfNormal", sigma=6),
            "gamma": ba.Prior("LogNormal", mu=np.log(1.8), sigma=0.7),
            "offset": ba.Prior("HalfNormal", sigma=2 * (0.5 * 4**-1.8 + 0.5 * 8**-1.8)),
            "smooth_sigma": ba.Prior("HalfNormal", sigma=0.5),
            "length": ba.Prior("LogNormal", mu=np.log(np.log(32) / 3), sigma=0.5),
        },
    ),
    "blocks": (
        ba.BayesianBlocks(),
        ba.Events([1.0, 2.0, 4.0], intervals=[[0, 5], [6, 7]]),
        {
            "expected_changes": ba.Prior("LogUniform", lower=0.1, upper=1.5),
            "level": ba.Prior("Gamma", alpha=0.5, beta=1.0),
        },
    ),
    "blocks of values": (
        ba.BayesianBlocks(),
        ba.LightCurve(np.arange(100.0), np.tile([1.0, 3.0], 50), np.full(100, 0.1)),
        {
            "expected_changes": ba.Prior("LogUniform", lower=0.1, upper=10.0),
            "level": ba.Prior("Normal", mu=2.0, sigma=2.0),
        },
    ),
    "rates": (
        ba.PoissonRate(),
        COUNTS,
        {
            "mean_rate": ba.Prior("LogNormal", mu=np.log((15 - 5.4 + 0.5) / 10), sigma=1.5),
            "scatter": ba.Prior("HalfNormal", sigma=1),
            "background_mean": ba.Prior("LogNormal", mu=np.log(6.5 / 13), sigma=1.5),
            "background_scatter": ba.Prior("HalfNormal", sigma=1),
        },
    ),
    "independent rates": (
        ba.PoissonRate("independent"),
        ba.Counts([3, 5, 7], [2, 4, 4.0], background=1.5),
        {"rate": ba.Prior("Gamma", alpha=0.5, beta=0.05 * 10 / 11)},
    ),
    "spectra": (
        ba.SpectralFactors(1, continuum=0, robust=True),
        ba.Spectra([1, 2, 3], [[1, 1, 1], [3, 1, 5], [5, 7, 3]], 0.1),
        {
            "mean": ba.Prior("Normal", mu=3, sigma=3 * np.sqrt(40 / 9)),
            "scale": ba.Prior("HalfNormal", sigma=np.sqrt(40 / 9)),
            "loading": ba.Prior("Normal", mu=0, sigma=[1, 1.323, 1]),
            "floor_scale": ba.Prior("HalfNormal", sigma=np.sqrt(40 / 9)),
            "continuum_scale": ba.Prior("HalfNormal", sigma=np.sqrt(40 / 9)),
            "degrees_of_freedom": ba.Prior("Gamma", alpha=2, beta=0.1),
        },
    ),
    "mixture": (
        ba.ExtremeDeconvolution(4),
        CORNERS,
        {
            "weight": ba.Prior("Dirichlet", alpha=1),
            "mean": ba.Prior("Normal", mu=[0, 0], sigma=[2, 4]),
            "covariance": ba.Prior("InverseWishart", nu=4, scale=[[0.25, 0], [0, 1]]),
        },
    ),
    "classes": (
        ba.MixtureClassifier(1),
        CORNERS.replace(label=["a", "b"] * (len(CORNERS) // 2)),
        {
            "fraction": ba.Prior("Dirichlet", alpha=1),
            "weight": ba.Prior("Dirichlet", alpha=2),
            "mean": ba.Prior("Normal", mu=[0, 0], sigma=[3, 6]),
            "covariance": ba.Prior("InverseWishart", nu=4, scale=[[0.1, 0], [0, 0.4]]),
        },
    ),
    "population": (
        ba.PopulationNz(),
        BINS,
        {"step": ba.Prior("LogNormal", mu=-0.7, sigma=0.6)},
    ),
    "population as a process": (
        ba.PopulationNz(smoothness="gp"),
        BINS,
        {
            "amplitude": ba.Prior("LogNormal", mu=np.log(2), sigma=0.5),
            "length": ba.Prior("LogNormal", mu=np.log(0.2), sigma=0.5),
        },
    ),
    "templates": (
        ba.TemplatePhotoZ(filters="sdss", between=0, step=0.02),
        GALAXIES,
        {
            "weight": ba.Prior("Dirichlet", alpha=1),
            "fading": ba.Prior("Normal", mu=0, sigma=0.5),
            "depth": ba.Prior("LogNormal", mu=np.log(0.4), sigma=0.7),
            "growth": ba.Prior("Normal", mu=0.1, sigma=0.2),
            "shape": ba.Prior("LogNormal", mu=np.log(2), sigma=0.4),
        },
    ),
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_default_priors_are_these_numbers(name):
    model, data, expected = DEFAULTS[name]
    found = model.resolve_priors(data)
    assert list(found) == list(expected)
    # The mixture's are of a single Gaussian with a prior of its own, which is worth one point.
    close = (
        {"rtol": 1e-3, "atol": 1e-4}
        if name in ("mixture", "classes")
        else {"rtol": 1e-9, "atol": 1e-9}
    )
    for parameter, prior in expected.items():
        assert found[parameter].distribution == prior.distribution, parameter
        for key, value in prior.arguments.items():
            given = found[parameter].arguments[key]
            np.testing.assert_allclose(given, value, **close, err_msg=f"{parameter}: {key}")


def test_default_priors_of_photometric_redshifts_are_these_numbers():
    """Means and covariances are of the width of the sample."""
    found = ba.XDPhotoZ(1).resolve_priors(GALAXIES)
    assert found["weight"] == ba.Prior("Dirichlet", alpha=2)
    assert found["error_scale"] == ba.Prior("LogNormal", mu=0, sigma=0.5)
    assert found["common_error"] == ba.Prior("HalfNormal", sigma=0.05)
    known = np.log1p(GALAXIES.redshift)
    assert found["mean"].arguments["mu"][-1] == pytest.approx(known.mean(), rel=0.01)
    assert found["mean"].arguments["sigma"][-1] == pytest.approx(3 * known.std(), rel=0.05)
    assert found["covariance"].arguments["nu"] == 7


def test_every_task_has_its_default_priors_here():
    pinned = {type(model).__name__ for model, _, _ in DEFAULTS.values()} | {"XDPhotoZ"}
    assert pinned == set(registry.TASKS)
