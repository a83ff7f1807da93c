"""The horseshoe: its integral, its probabilities, its coordinate, and what it does to slopes."""

import itertools

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import exp1, ndtr

import bayes_astro as ba
from bayes_astro.horseshoe_distribution import HORSESHOE
from bayes_astro.problem import Free, Problem

UNIT = ba.Prior("Horseshoe", mu=0.0, scale=1.0)


def test_the_exponential_integral_is_that_of_others():
    """SciPy's, and its expansions where that has no number."""
    from bayes_astro.likelihoods.exponential_integral import log_scaled_e1

    z = np.concatenate(
        [np.logspace(-300, -1, 60), np.linspace(0.1, 8, 200), np.logspace(1, 2.8, 30)]
    )
    found, rest = np.array([log_scaled_e1(value) for value in z]).T
    scaled = np.exp(z) * exp1(z)
    np.testing.assert_allclose(found, np.log(scaled), rtol=0, atol=1e-12)
    few = z < 30
    np.testing.assert_allclose(rest[few], (1 / scaled - z)[few], rtol=1e-11)
    # Abramowitz & Stegun, 5.1.51 and table 5.1: E1(1) = 0.21938393439552027368
    assert log_scaled_e1(1.0)[0] == pytest.approx(1 + np.log(0.21938393439552027368), abs=1e-15)
    for far in (1e5, 1e12, 1e300):
        value, left = log_scaled_e1(far)
        assert value == pytest.approx(-np.log(far) - 1 / far + 1.5 / far / far, rel=1e-13)
        assert left == pytest.approx(1 - 1 / far, abs=3 / far / far + 1e-16)


@pytest.mark.parametrize("u", [1e-6, 0.03, 0.7, 3.0, 40.0, 1e5])
def test_density_and_probabilities_are_integrals_over_local_scales(u):
    """N(u; 0, l^2) over l = tan(angle), which is uniform in angle."""

    def over(function):
        half = np.pi / 2
        points = half * np.array([1e-6, 1e-4, 0.01, 0.3, 0.7, 0.99, 0.9999, 0.999999])
        edges = [0, *points, half]
        return sum(quad(function, a, b, epsabs=0, epsrel=1e-11, limit=400)[0]
                   for a, b in itertools.pairwise(edges)) / half  # fmt: skip

    density = over(lambda t: np.exp(-0.5 * (u / np.tan(t)) ** 2) / np.tan(t) / np.sqrt(2 * np.pi))
    beyond = over(lambda t: ndtr(-u / np.tan(t)))
    assert UNIT.log_density(u) == pytest.approx(np.log(density), abs=1e-8)
    assert HORSESHOE.sf(u) == pytest.approx(beyond, rel=1e-8)
    assert HORSESHOE.cdf(-u) == pytest.approx(beyond, rel=1e-8)
    assert UNIT.quantile(beyond) == pytest.approx(-u, rel=1e-8, abs=1e-8)
    assert UNIT.quantile(1 - beyond) == pytest.approx(u, rel=1e-8, abs=1e-8)


def test_at_its_centre_all_is_finite():
    assert UNIT.median() == 0.0
    assert UNIT.quantile([0.0, 0.5, 1.0]).tolist() == [-np.inf, 0.0, np.inf]
    assert 4.0 < UNIT.log_density(0.0) < 6.0
    assert UNIT.normal_score([0.0, -1e-30, 1e200]) == pytest.approx([0, 0, 38], abs=15)
    moved = ba.Prior("Horseshoe", mu=3.0, scale=[0.1, 10.0])
    np.testing.assert_allclose(
        moved.log_density([3.2, 3.2]), UNIT.log_density([2.0, 0.02]) - np.log([0.1, 10.0])
    )


class Plane(Problem):
    """A plane through the data, with a scatter of one."""

    def __init__(self, prior, x, y):
        self.x, self.y = x, y
        super().__init__(None, None, {"slope": prior})

    def graph(self):
        raise NotImplementedError

    def free(self):
        return [Free("slope", self.priors["slope"], (self.x.shape[1],))]

    def likelihood(self):
        def value(slope, wanted):
            left = self.y - self.x @ slope
            return -0.5 * left @ left, self.x.T @ left

        return value

    def named(self, values):
        return {"slope": (("predictor",), values["slope"])}

    def variables(self, points):
        import xarray as xr

        slope = self.target.variables(points.reshape(-1, self.size))[0]["slope"][1]
        return xr.Dataset({"slope": (("chain", "draw", "predictor"), slope.reshape(points.shape))})


def rows(n=80, p=12):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, p))
    truth = np.zeros(p)
    truth[3], truth[8] = 1.5, -1.0
    return x, truth, x @ truth + rng.normal(size=n)


def test_the_coordinate_is_a_normal_score_and_its_gradient_that_of_differences():
    x, _, y = rows()
    prior = ba.Prior("Horseshoe", mu=0.1, scale=0.02)
    problem = Plane(prior, x, y)
    point = np.array([0.0, 1e-12, -1e-5, 0.02, 0.3, -0.7, 1.1, 2.0, -3.0, 3.5, 0.6, -2.5])
    slope = problem.target.coordinates.values(point[None])["slope"][0]
    np.testing.assert_allclose(prior.normal_score(slope), point, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(
        problem.flat({"slope": slope[None]})[0], point, rtol=1e-9, atol=1e-12
    )
    value, gradient = problem.density(point)
    left = y - x @ slope
    expected = -0.5 * left @ left - 0.5 * point @ point - 6 * np.log(2 * np.pi)
    assert value == pytest.approx(expected, rel=1e-12)
    assert np.isfinite(gradient).all() and gradient[0] == 0.0
    for i in range(2, 12):
        step = np.eye(12)[i] * 1e-5 * abs(point[i])
        up, down = (problem.densities((point + sign * step)[None])[0] for sign in (1, -1))
        assert gradient[i] == pytest.approx((up - down) / (2 * step[i]), rel=1e-4, abs=1e-3)
    far = problem.density(np.full(12, 40.0))
    assert not np.isnan(far[1]).any()


def test_the_graph_has_the_density_and_its_gradient():
    import pymc as pm
    import pytensor

    prior = ba.Prior("Horseshoe", mu=0.5, scale=[0.7, 2.0])
    x = np.array([0.45, -7.0])
    with pm.Model(coords={"k": [0, 1]}) as model:
        b = prior.variable("b", dims="k")
    value = model.compile_logp()({"b": x})
    assert value == pytest.approx(prior.log_density(x).sum(), abs=1e-10)
    slope = model.compile_dlogp()({"b": x})
    step = 1e-6
    differences = (prior.log_density(x + step) - prior.log_density(x - step)) / (2 * step)
    np.testing.assert_allclose(slope, differences, rtol=1e-6)
    assert model.compile_dlogp()({"b": np.array([0.5, 0.5])}).tolist() == [0.0, 0.0]
    symbol = pytensor.tensor.vector()
    same = pytensor.function([symbol], prior.symbolic_log_density(symbol))(x)
    np.testing.assert_allclose(same, prior.log_density(x), atol=1e-10)
    draws = pm.draw(b, 4000, random_seed=1)
    assert np.median(np.abs(draws - 0.5), axis=0) == pytest.approx(
        UNIT.quantile(0.75) * np.array([0.7, 2.0]), rel=0.1
    )


def test_it_shrinks_what_is_nothing_and_leaves_the_rest():
    """Two real slopes of twelve, beside a ridge whose width is that of the real ones."""
    x, truth, y = rows()
    n, p = x.shape
    priors = {
        "horseshoe": ba.Prior("Horseshoe", mu=0.0, scale=2 / (p - 2) / np.sqrt(n)),
        "ridge": ba.Prior("Normal", mu=0.0, sigma=1.0),
        "tight ridge": ba.Prior("Normal", mu=0.0, sigma=0.05),
    }
    found, spread = {}, {}
    for name, prior in priors.items():
        tree = ba.NUTS(draws=600, tune=500, chains=2, target_accept=0.95).sample(
            Plane(prior, x, y), 1
        )
        slopes = tree["posterior"]["slope"]
        found[name], spread[name] = slopes.mean(("chain", "draw")).values, slopes.values.std((0, 1))
        if name == "horseshoe":
            from arviz_stats.base import array_stats

            for i in range(p):
                column = slopes.values[..., i]
                assert array_stats.rhat(column, chain_axis=0, draw_axis=1) < 1.03
                assert array_stats.ess(column, chain_axis=0, draw_axis=1, method="bulk") > 100
            assert tree["sample_stats"]["diverging"].values.mean() < 0.01
    left = np.linalg.lstsq(x, y)[0]
    none, real = truth == 0, truth != 0
    size = {name: np.sqrt(np.mean(value[none] ** 2)) for name, value in found.items()}
    assert size["horseshoe"] < 0.4 * size["ridge"]
    assert spread["horseshoe"][none].mean() < 0.7 * spread["ridge"][none].mean()
    assert np.abs(found["horseshoe"] - left)[real].max() < 0.07
    # A ridge that shrinks as much takes the real ones with it.
    assert np.abs(found["tight ridge"][real]).max() < 0.5 * np.abs(left[real]).max()


@pytest.mark.parametrize("sampler", [ba.MAP(restarts=1), ba.Laplace(draws=100, restarts=1)])
def test_what_climbs_to_a_maximum_refuses_it(sampler):
    points = ba.load("hogg-2010")[4:]
    model = ba.LinearRelation("y", priors={"slope": ba.Prior("Horseshoe", mu=0.0, scale=0.1)})
    with pytest.raises(ValueError, match=r"Horseshoe prior of 'slope'.*use ba.NUTS"):
        model.fit(points, sampler, seed=1, progress=False)


def test_a_line_is_fitted_with_it_and_opened_again(tmp_path):
    points = ba.load("hogg-2010")[4:]
    prior = ba.Prior("Horseshoe", mu=0.0, scale=0.1)
    model = ba.LinearRelation("y", priors={"slope": prior})
    model.fit(points, ba.NUTS(draws=300, tune=300, chains=2), seed=1, progress=False)
    assert model.posterior["posterior"]["slope"].mean() == pytest.approx(2.23, abs=0.1)
    assert "priors and data" not in {check.name for check in model.diagnose().checks}
    model.save(tmp_path / "fit.nc")
    assert ba.open(tmp_path / "fit.nc").resolve_priors(points)["slope"] == prior
