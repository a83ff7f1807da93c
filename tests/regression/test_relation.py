"""Relations of any form: densities by brute force, closed forms, published cosmology, what is refused."""

import numpy as np
import pytest
from samples import curve
from scipy.integrate import quad
from scipy.stats import multivariate_normal, t

import bayes_astro as ba

relations = ba.relations
LAPLACE = ba.Laplace(draws=1000, restarts=1)
POWER = {"amplitude": 3.1, "slope": 1.4}


def covariance_of(data, response="y"):
    joint = (data.point_covariance or {}).get(response, 0.0)
    return np.diag(data.error[:, data.index(response)] ** 2) + joint


def log_likelihood(model, data, **values):
    """Of the sampled parameters, by name."""
    problem = model.problem(data, model.resolve_priors(data))
    flat = np.array([values[one.name] for one in problem.free()])
    value, slopes = problem.likelihood()(flat, True)
    for i in range(len(flat)):
        ends = []
        for sign in (1, -1):
            other = flat.copy()
            other[i] += sign * 1e-5
            ends.append(problem.likelihood()(other, False)[0])
        assert slopes[i] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5, abs=1e-5)
    return value


@pytest.mark.parametrize("correlated", [False, True])
@pytest.mark.parametrize("scatter", [None, 0.3])
def test_the_density_is_that_of_a_multivariate_normal(correlated, scatter):
    data = curve(20, correlated=correlated)
    x, y = data.value.T
    expected = covariance_of(data) + (scatter or 0.0) ** 2 * np.eye(20)
    model = ba.Relation(relations.PowerLaw(2.0), "y", scatter=scatter is not None)
    found = log_likelihood(model, data, **POWER, scatter=scatter)
    whole = multivariate_normal(3.1 * (x / 2) ** 1.4, expected)
    assert found == pytest.approx(whole.logpdf(y), rel=1e-12)
    # Linear coefficients with normal priors: their columns add to the covariance.
    parabola = relations.Polynomial(2, 2.5)
    model = ba.Relation(parabola, "y", scatter=scatter is not None, fixed={"coefficient_2": 0.4})
    model = model if scatter else ba.Relation(Half(), "y", scatter=False)
    priors = model.resolve_priors(data)
    linear = ["coefficient_0", "coefficient_1"]
    columns = np.column_stack([np.ones(20), x - 2.5])
    mean = sum(float(priors[n].arguments["mu"]) * c for n, c in zip(linear, columns.T, strict=True))
    width = np.array([priors[n].arguments["sigma"] for n in linear])
    whole = multivariate_normal(
        mean + 0.4 * (x - 2.5) ** 2, expected + columns @ np.diag(width**2) @ columns.T
    )
    found = log_likelihood(model, data, scatter=scatter, bend=0.4)
    assert found == pytest.approx(whole.logpdf(y), rel=1e-8)


class Half:
    """A parabola of which two coefficients are linear, and the last is sampled."""

    linear = ("coefficient_0", "coefficient_1")

    def priors(self, data):
        found = {name: ba.Prior("Normal", mu=2.0, sigma=30.0) for name in self.linear}
        return found | {"bend": ba.Prior("Normal", mu=0.0, sigma=5.0)}

    def evaluate(self, at, parameters):
        u = at["x"] - 2.5
        line = parameters["coefficient_0"] + parameters["coefficient_1"] * u
        return line + parameters["bend"] * u**2


class Tilted(Half):
    """One that says to be linear and is not."""

    linear = ("coefficient_0", "bend")

    def evaluate(self, at, parameters):
        return super().evaluate(at, parameters) + parameters["coefficient_0"] * parameters["bend"]


def test_students_t_is_that_of_scipy():
    data = curve(20)
    x, y = data.value.T
    for scatter in (None, 0.2):
        model = ba.Relation(relations.PowerLaw(2.0), "y", scatter=scatter is not None, robust=True)
        found = log_likelihood(model, data, **POWER, scatter=scatter, degrees_of_freedom=3.5)
        width = np.hypot(data.error[:, 1], scatter or 0.0)
        expected = t.logpdf(y, 3.5, 3.1 * (x / 2) ** 1.4, width).sum()
        assert found == pytest.approx(expected, rel=1e-12)


def test_a_diagonal_covariance_of_points_is_their_errors():
    data = curve(15)
    half = data.error[:, 1] ** 2 / 2
    shared = data.replace(covariance=data.covariance / 2, point_covariance={"y": np.diag(half)})
    for scatter in (True, False):
        model = ba.Relation(relations.PowerLaw(2.0), "y", scatter=scatter)
        values = POWER | {"scatter": 0.2}
        pair = [log_likelihood(model, one, **values) for one in (data, shared)]
        assert pair[0] == pytest.approx(pair[1], rel=1e-12)


@pytest.mark.parametrize("kind", ["flat-lcdm", "lcdm"])
def test_the_offset_integrated_out_is_the_integral_over_it(kind):
    data = ba.load("pantheon-binned")
    mean = relations.DistanceModulus(kind)
    inside, outside = (
        ba.Relation(mean, "magnitude", scatter=False, marginalise=m) for m in (True, False)
    )
    values = {"omega_m": 0.33, "omega_lambda": 0.6}
    found = log_likelihood(inside, data, **values)
    prior = outside.resolve_priors(data)["offset"]
    problem = outside.problem(data, outside.resolve_priors(data))
    names = [one.name for one in problem.free()]

    def density(offset):
        flat = np.array([(values | {"offset": offset})[name] for name in names])
        return np.exp(problem.likelihood()(flat, False)[0] + prior.log_density(offset) - found)

    total, _ = quad(density, 23.6, 24.0, epsabs=1e-10, limit=200)
    assert total == pytest.approx(1.0, abs=1e-7)
    drawn = inside.problem(data, inside.resolve_priors(data)).named(
        {name: np.full(20_000, values[name]) for name in values if name in names}
    )["offset"][1]
    middle, _ = quad(lambda x: x * density(x), 23.6, 24.0, epsabs=1e-10)
    square, _ = quad(lambda x: (x - middle) ** 2 * density(x), 23.6, 24.0, epsabs=1e-12)
    assert drawn.mean() == pytest.approx(middle, abs=4 * np.sqrt(square / 20_000))
    assert drawn.std() == pytest.approx(np.sqrt(square), rel=0.02)


@pytest.mark.parametrize("correlated", [False, True])
def test_a_line_is_that_of_generalised_least_squares(correlated):
    data = curve(20, correlated=correlated)
    design = np.column_stack([np.ones(20), data.value[:, 0] - 2.5])
    weight = np.linalg.inv(covariance_of(data))
    matrix = np.linalg.inv(design.T @ weight @ design)
    best = matrix @ design.T @ weight @ data.value[:, 1]
    line = relations.Polynomial(1, 2.5)
    table = ba.baselines.LeastSquaresCurve(line, "y", errors="stated").fit(data).summary()
    np.testing.assert_allclose(table["mean"], best, rtol=1e-7)
    np.testing.assert_allclose(table["sd"], np.sqrt(np.diag(matrix)), rtol=1e-6)
    flat = {name: ba.Prior("Normal", mu=0.0, sigma=1e5) for name in line.linear}
    model = ba.Relation(line, "y", scatter=False, priors=flat)
    summary = model.fit(data, ba.Laplace(draws=4000), seed=1, progress=False).summary()
    sd = np.sqrt(np.diag(matrix))
    np.testing.assert_allclose(summary["mean"], best, atol=5 * sd.max() / np.sqrt(4000))
    np.testing.assert_allclose(summary["sd"], sd, rtol=0.06)


def test_rows_and_their_residuals_add_up_to_the_joint_density():
    data = curve(20, correlated=True)
    for scatter in (True, False):
        model = ba.Relation(relations.PowerLaw(2.0), "y", scatter=scatter, marginalise=False)
        draws = model.prior_draws(data, model.resolve_priors(data), 3, np.random.default_rng(1))
        joint = model.pointwise(draws, data).sum("row").values[0]
        squares = np.sum(model.normal_residuals(draws, data) ** 2, axis=-1)[0]
        for i in range(3):
            one = {name: float(draws[name][0, i]) for name in draws.data_vars}
            assert joint[i] == pytest.approx(log_likelihood(model, data, **one), rel=1e-9)
            x, y = data.value.T
            residual = y - one["amplitude"] * (x / 2) ** one["slope"]
            whole = covariance_of(data) + one.get("scatter", 0.0) ** 2 * np.eye(20)
            expected = residual @ np.linalg.solve(whole, residual)
            assert squares[i] == pytest.approx(expected, rel=1e-9)


def test_simulated_errors_have_the_covariance_that_is_stated():
    data = curve(10, correlated=True)
    model = ba.Relation(relations.PowerLaw(2.0), "y", fixed=POWER)
    import xarray as xr

    draws = xr.Dataset({"scatter": (("chain", "draw"), np.full((1, 20_000), 0.1))})
    new = model.forecast(draws, data, data, np.random.default_rng(2))["observation"].values[0]
    expected = covariance_of(data) + 0.01 * np.eye(10)
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    assert np.abs((np.cov(new.T) - expected) / scale).max() < 5 / np.sqrt(20_000)
    bare = model.forecast(draws, data, [1.0, 2.0], np.random.default_rng(2))
    assert bare["observation"].std("draw").values == pytest.approx(0.1, rel=0.03)
    table = model.forecast(draws, data, {"x": [1.0, 2.0]}, np.random.default_rng(2))
    assert table["signal"].values[0, 0].tolist() == [3.1 * 0.5**1.4, 3.1]


def test_the_same_data_in_other_units_give_the_same_curve():
    from astropy import units as u

    data = curve(20).replace(units=("m", "s"))
    other = data.replace(
        value=data.value * [100, 1000], covariance=data.covariance * 1e6, units=("cm", "ms")
    )
    priors = {"amplitude": ba.Prior("Normal", mu=3 * u.s, sigma=1000 * u.ms)}
    near = ba.Relation(relations.PowerLaw(2.0), "y", priors=priors)
    far = ba.Relation(relations.PowerLaw(200.0), "y", priors=priors)
    one = near.fit(data, LAPLACE, seed=1, progress=False).summary()
    two = far.fit(other, LAPLACE, seed=1, progress=False).summary()
    assert one["unit"].tolist() == ["s", "", "s"] and two["unit"].tolist() == ["ms", "", "ms"]
    np.testing.assert_allclose(two["mean"], one["mean"] * [1000, 1, 1000], rtol=0.02)


# Cosmology ------------------------------------------------------------------------------------------


def test_the_hubble_diagram_of_pantheon():
    """Scolnic et al. 2018: 0.298 +- 0.022, with the systematic covariance."""
    data = ba.load("pantheon-binned")
    model = ba.Relation(relations.DistanceModulus(), "magnitude", scatter=False)
    sampler = ba.Laplace(draws=4000, restarts=1)
    fit = model.fit(data, sampler, seed=1, progress=False)
    row = fit.summary().loc["omega_m"]
    assert row["mean"] == pytest.approx(0.2974, abs=0.0218 / 10)
    assert row["sd"] == pytest.approx(0.0218, rel=0.05)
    assert float(fit.posterior["fit"]["chi_square"]) == pytest.approx(39.30, abs=0.02)
    assert fit.diagnose(), fit.diagnose()
    alone = data.replace(point_covariance=None)
    row = model.copy().fit(alone, sampler, seed=1, progress=False).summary().loc["omega_m"]
    assert row["sd"] == pytest.approx(0.0126, rel=0.05)


def test_dark_energy_of_any_pressure_says_what_its_prior_does():
    data = ba.load("pantheon-binned")
    model = ba.Relation(relations.DistanceModulus("flat-wcdm"), "magnitude", scatter=False)
    model.fit(data, ba.NUTS(draws=250, tune=300, chains=2), seed=1, progress=False)
    table = model.summary()
    # Scolnic et al. 2018, supernovae alone: 0.316 +- 0.072 and -1.090 +- 0.220.
    assert abs(table.loc["omega_m", "mean"] - 0.316) < 0.03
    assert abs(table.loc["w0", "mean"] + 1.09) < 0.08 and 0.18 < table.loc["w0", "sd"] < 0.30
    draws = model.posterior["posterior"]
    assert np.corrcoef(draws["omega_m"].values.ravel(), draws["w0"].values.ravel())[0, 1] < -0.8
    few = model.copy().fit(data[20:26], LAPLACE, seed=1, progress=False)
    assert few.diagnose()["parameters constrained"].passed is None


def test_a_curved_universe_is_that_of_pantheon():
    """Scolnic et al. 2018, supernovae alone: 0.319 +- 0.070 and 0.733 +- 0.113."""
    data = ba.load("pantheon-binned")
    model = ba.Relation(relations.DistanceModulus("lcdm"), "magnitude", scatter=False)
    sampler = ba.NUTS(draws=300, tune=300, chains=2)  # Laplace is off by a quarter of an sd
    table = model.fit(data, sampler, seed=1, progress=False).summary()
    published = {"omega_m": (0.319, 0.070), "omega_lambda": (0.733, 0.113)}
    for name, (mean, sd) in published.items():
        assert table.loc[name, "mean"] == pytest.approx(mean, abs=0.3 * sd)
        assert table.loc[name, "sd"] == pytest.approx(sd, rel=0.2)


@pytest.mark.parametrize(
    ("file", "columns", "expected", "error"),
    [
        ("SCPUnion2.1_mu_vs_z.txt", (1, 2, 3), 0.278, 0.02),
        ("DESY5_DES-SN5YR_HD.csv", ("zHD", "MU", "MUERR_FINAL"), 0.352, 0.012),
        ("Pantheon+SH0ES.dat", ("zHD", "m_b_corr", "m_b_corr_err_DIAG"), 0.349, 0.02),
    ],
)
def test_other_compilations_by_their_diagonal_errors(shared_data, file, columns, expected, error):
    path = shared_data / "i_supernovae" / file
    if isinstance(columns[0], int):
        z, value, sd = np.loadtxt(path, usecols=columns, comments="#", unpack=True)
    else:
        import pandas as pd

        table = pd.read_csv(path, sep=r"[\s,]+", engine="python", comment="#")
        z, value, sd = (table[name].to_numpy(float) for name in columns)
    keep = z > 0.01
    data = ba.Measurements(
        np.column_stack([z, value])[keep], np.column_stack([0 * z, sd])[keep], names=("z", "mu")
    )
    model = ba.Relation(relations.DistanceModulus(), "mu", scatter=False)
    row = model.fit(data, LAPLACE, seed=1, progress=False).summary().loc["omega_m"]
    assert row["mean"] == pytest.approx(expected, abs=error), row


# Wrong on purpose ------------------------------------------------------------------------------------


def fitted(mean, data, **options):
    model = ba.Relation(mean, "y", **options)
    return model.fit(data, LAPLACE, seed=1, progress=False).diagnose()


@pytest.mark.parametrize("correlated", [False, True])
def test_a_curve_fitted_by_a_line_is_named(correlated):
    data = curve(60, scatter=0.05, noise=0.05, correlated=correlated)
    found = fitted(relations.Polynomial(1, 2.5), data)
    assert not found and found["residuals against predictors"].passed is False
    assert "bend against x" in found["residuals against predictors"].advice
    assert fitted(relations.PowerLaw(2.0), data)


@pytest.mark.parametrize("correlated", [False, True])
def test_errors_that_are_not_as_stated_are_seen(correlated):
    data = curve(60, scatter=0.0, correlated=correlated)
    law = relations.PowerLaw(2.0)
    assert fitted(law, data, scatter=False)
    for factor in (0.5, 2.0):
        joint = {"y": factor**2 * data.point_covariance["y"]} if correlated else None
        wrong = data.replace(covariance=factor**2 * data.covariance, point_covariance=joint)
        found = fitted(law, wrong, scatter=False)
        assert not found and found["errors as stated"].passed is False
        assert f"{1 / factor:g} times" in found["errors as stated"].advice


def test_common_errors_that_are_left_out_are_seen():
    """One node of five rows has moved together by six of its errors."""
    data = curve(60, scatter=0.0, correlated=True, seed=3)
    alone = data.replace(point_covariance=None)
    assert not fitted(relations.PowerLaw(2.0), alone, scatter=False)


def test_far_points_are_seen_and_borne():
    data = curve(60, scatter=0.0)
    value = np.array(data.value)
    value[::20, 1] += 1.5
    far = data.replace(value=value)
    law = relations.PowerLaw(2.0)
    found = fitted(law, far)
    assert found["normal residuals"].passed is not True
    normal, robust = (
        ba.Relation(law, "y", scatter=False, robust=r).fit(far, LAPLACE, seed=1, progress=False)
        for r in (False, True)
    )
    off = [abs(m.summary().loc["slope", "mean"] - 1.5) for m in (robust, normal)]
    assert off[0] < 0.5 * off[1]
    assert robust.summary().loc["degrees_of_freedom", "mean"] < 6


def test_a_prior_that_cuts_the_densities_off_is_seen():
    data = ba.load("pantheon-binned")
    model = ba.Relation(
        relations.DistanceModulus(), "magnitude", scatter=False,
        priors={"omega_m": ba.Prior("Uniform", lower=0.0, upper=0.25)},
    )  # fmt: skip
    found = model.fit(data, ba.NUTS(draws=300, tune=300), seed=1, progress=False).diagnose()
    assert found["posteriors within their priors"].passed is None
    assert "omega_m" in found["posteriors within their priors"].advice
