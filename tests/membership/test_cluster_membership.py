"""A cluster in front of a field: densities by SciPy, symmetries, limits, the Pleiades."""

import copy

import numpy as np
import pytest
import scipy.stats as st
from samples import open_cluster
from scipy.special import logsumexp

import bayes_astro as ba
from bayes_astro.likelihoods.cluster_membership import correlation_factor
from bayes_astro.membership.cluster_layout import Columns

GUESS = {"parallax": 1.5, "pmra": -4.0, "pmdec": 3.0}
REGION = {"parallax": 0.25, "pmra": 0.4, "pmdec": 0.4}
NARROW = {
    "mean": ba.Prior("Normal", mu=[1.5, -4.0, 3.0], sigma=[0.2, 0.3, 0.3]),
    "dispersion": ba.Prior("LogNormal", mu=[-3.0, -2.3], sigma=0.4),
    "fraction": ba.Prior("Beta", alpha=10, beta=30),
    "field_mean": ba.Prior("Normal", mu=[0.5, -1.0, 0.0], sigma=[1.0, 3.0, 3.0]),
    "field_covariance": ba.Prior("InverseWishart", nu=8.0, scale=[0.6, 4.0, 4.0]),
}


def settled(**options):
    return ba.ClusterMembership(guess=GUESS, region=REGION, **({"field": 1} | options))


def fitted(data, model=None, **options):
    model = settled() if model is None else model
    return model.fit(data, ba.MAP(restarts=2), seed=1, progress=False, **options)


def values(model, name):
    return model.posterior["posterior"][name].values[0, 0]


@pytest.fixture(scope="module")
def stars():
    return open_cluster(seed=3, missing=8)


@pytest.fixture(scope="module")
def fit(stars):
    return settled(elongated=True, wings=True, field=2).fit(
        stars, ba.Laplace(draws=40, restarts=1), seed=1, progress=False
    )


def by_hand(draw, data, part="all"):
    """Log density of each row, term by term, by SciPy; `draw` has no chain and no draw."""
    spread, rho = draw["dispersion"].values, draw["correlation"].values[0]
    own = np.diag(spread**2)
    own[1, 2] = own[2, 1] = rho * spread[1] * spread[2]
    f, w, c = (float(draw[name]) for name in ("fraction", "wing_fraction", "wing_scale"))
    mean = draw["mean"].values
    terms = [(f * (1 - w), mean, own), (f * w, mean, c**2 * own)]
    if part == "all":
        for k in range(draw.sizes["component"]):
            share = (1 - f) * float(draw["field_weight"][k])
            terms.append((share, draw["field_mean"].values[k], draw["field_covariance"].values[k]))
    found = []
    for row, noise in zip(data.value, data.covariance, strict=True):
        seen = ~np.isnan(row)
        square = np.ix_(seen, seen)
        logs = [
            st.multivariate_normal(m[seen], (v + noise)[square]).logpdf(row[seen])
            for _, m, v in terms
        ]
        found.append(logsumexp(logs, b=[share for share, _, _ in terms]))
    return np.array(found)


# Densities ------------------------------------------------------------------------------------------


def test_density_of_each_star_is_the_sum_of_its_parts(fit, stars):
    draws = fit.posterior["posterior"].to_dataset().isel(draw=[0, 7])
    found = fit.pointwise(draws, stars).values[0]
    for s in range(2):
        expected = by_hand(draws.isel(chain=0, draw=s), stars)
        np.testing.assert_allclose(found[s], expected, rtol=1e-9, atol=1e-9)


def test_probability_is_the_share_of_the_cluster(fit, stars):
    draw = fit.posterior["posterior"].to_dataset().isel(draw=[5])
    one = copy.copy(fit)
    one._tree = fit._tree.copy()
    one._tree["posterior"] = draw
    table = one.probability(stars)
    expected = np.exp(
        by_hand(draw.isel(chain=0, draw=0), stars, "cluster")
        - by_hand(draw.isel(chain=0, draw=0), stars)
    )
    np.testing.assert_allclose(table["mean"], expected, rtol=1e-8, atol=1e-12)
    assert (table["sd"] == 0).all()
    signal = one.predict(stars)["probability"].values[0, 0]
    np.testing.assert_allclose(signal, expected, rtol=1e-8, atol=1e-12)


def test_posterior_density_is_prior_times_likelihood(stars):
    model = settled(wings=True)
    priors = model.resolve_priors(stars)
    problem = model.problem(stars, priors)
    points, _ = problem.points(3, np.random.default_rng(0))
    draws = problem.variables(points[None])
    for s, x in enumerate(points):
        draw = draws.isel(chain=0, draw=s)
        three = draw["dispersion"].values[[0, 1, 1]]
        one = draw.drop_vars(("dispersion", "spread")).assign(
            correlation=("pair", [0.0]), dispersion=("spread", three)
        )
        f, w, c = (float(draw[name]) for name in ("fraction", "wing_fraction", "wing_scale"))
        spread, centre = draw["dispersion"].values, draw["mean"].values
        half = np.array([0.25, 0.4])
        total = by_hand(one, stars).sum()
        total += (
            st.norm(list(GUESS.values()), 3 * np.array(list(REGION.values()))).logpdf(centre).sum()
        )
        total += (st.halfnorm(0, half).logpdf(spread) + np.log(spread)).sum()
        total += np.log(f * (1 - f)) + st.beta(1, 2).logpdf(w) + np.log(w * (1 - w))
        total += -np.log(3.5) + np.log((c - 1.5) * (5 - c) / 3.5)
        share = draw["field_weight"].values
        total += np.log(2) + np.log(share).sum()
        mu, sigma = (np.asarray(priors["field_mean"].arguments[k]) for k in ("mu", "sigma"))
        total += st.norm(mu, sigma).logpdf(draw["field_mean"].values[0]).sum()
        # W = V - B in the frame, and its triangle's Jacobian.
        above = draw["field_covariance"].values[0] - np.diag(np.array(list(REGION.values())) ** 2)
        scale = np.asarray(priors["field_covariance"].arguments["scale"])
        root = np.sqrt(np.diag(scale))
        above, scale = above / np.outer(root, root), scale / np.outer(root, root)
        total += st.invwishart(5, scale).logpdf(above)
        total += 3 * np.log(2) + (np.log(np.diag(np.linalg.cholesky(above))) * [4, 3, 2]).sum()
        assert problem.density(x)[0] == pytest.approx(total, rel=1e-9)


@pytest.mark.parametrize("options", [{}, {"elongated": True, "wings": True, "field": 2}])
def test_gradient_is_that_of_differences(stars, options):
    model = settled(**options)
    problem = model.problem(stars, model.resolve_priors(stars))
    x = problem.points(1, np.random.default_rng(1))[0][0]
    _, gradient = problem.density(x)
    step = 1e-5 * np.eye(problem.size)
    numbers = [(problem.density(x + e)[0] - problem.density(x - e)[0]) / 2e-5 for e in step]
    np.testing.assert_allclose(gradient, numbers, rtol=2e-6, atol=2e-5)


def test_partial_correlations_are_those_of_the_others_held():
    p21, p31, p32 = 0.5, -0.3, 0.7
    partial, factor = np.zeros((2, 3, 3))
    partial[1, 0], partial[2, 0], partial[2, 1] = p21, p31, p32
    correlation_factor(partial, factor)
    matrix = factor @ factor.T
    np.testing.assert_allclose(np.diag(matrix), 1)
    assert matrix[1, 0] == pytest.approx(p21)
    assert matrix[2, 0] == pytest.approx(p31)
    precision = np.linalg.inv(matrix)
    held = -precision[2, 1] / np.sqrt(precision[2, 2] * precision[1, 1])
    assert held == pytest.approx(p32)


def test_without_errors_it_is_a_plain_mixture():
    from sklearn.mixture import GaussianMixture

    data = open_cluster(seed=5).replace(error=np.zeros(3))
    model = fitted(data)
    whole = model.as_mixture(model.posterior["posterior"].to_dataset()).isel(chain=0, draw=0)
    plain = GaussianMixture(3)
    plain.weights_, plain.means_ = whole["weight"].values, whole["mean"].values
    plain.covariances_ = whole["covariance"].values
    plain.precisions_cholesky_ = np.linalg.cholesky(np.linalg.inv(plain.covariances_))
    found = model.log_likelihood()["observation"].values[0, 0]
    np.testing.assert_allclose(found, plain.score_samples(data.value), rtol=1e-9)
    members = model.probability()["mean"]
    np.testing.assert_allclose(members, plain.predict_proba(data.value)[:, 0], atol=1e-9)


# Symmetries -----------------------------------------------------------------------------------------


def test_order_of_rows_and_columns_does_not_matter(stars):
    here = fitted(stars)
    order = np.random.default_rng(0).permutation(len(stars))
    names = ("pmdec", "parallax", "pmra")
    there = fitted(stars[order], settled(columns=names))
    for name in GUESS:
        one, other = (
            m.posterior["posterior"]["mean"].sel(column=name).item() for m in (here, there)
        )
        assert one == pytest.approx(other, abs=2e-4)
    assert values(here, "fraction") == pytest.approx(values(there, "fraction"), abs=2e-4)
    np.testing.assert_allclose(
        here.probability()["mean"].to_numpy()[order], there.probability()["mean"], atol=5e-3
    )


def test_units_do_not_matter(stars):
    factor = np.array([1e3, 1e-3, 1e-3])
    other = stars.replace(
        value=stars.value * factor,
        covariance=stars.covariance * np.outer(factor, factor),
        units=("uas", "arcsec/yr", "arcsec/yr"),
    )
    scaled = [
        dict(zip(d, np.array(list(d.values())) * factor, strict=True)) for d in (GUESS, REGION)
    ]
    here, there = (
        fitted(stars),
        fitted(other, settled().set_params(guess=scaled[0], region=scaled[1])),
    )
    np.testing.assert_allclose(values(there, "mean"), factor * values(here, "mean"), rtol=2e-4)
    np.testing.assert_allclose(values(there, "members"), values(here, "members"), rtol=1e-3)


def test_found_region_follows_units_and_order(stars):
    from bayes_astro.membership.cluster_search import found

    factor = np.array([1e3, 1e-3, 1e-3])
    other = stars.replace(
        value=stars.value * factor, covariance=stars.covariance * np.outer(factor, factor)
    )
    here, there = found(stars, None), found(other, None)
    np.testing.assert_allclose(there.centre, factor * here.centre, rtol=1e-9)
    np.testing.assert_allclose(there.width, factor * here.width, rtol=1e-9)
    np.testing.assert_allclose(here.centre, list(GUESS.values()), atol=0.1)


def test_columns_that_are_not_named_are_not_used(stars):
    n = len(stars)
    wider = ba.Measurements(
        np.column_stack([np.full(n, 7.0), stars.value]),
        np.column_stack([np.zeros(n), np.nan_to_num(stars.error)]),
        names=("colour", *stars.names), units=("", *stars.units),
    )  # fmt: skip
    assert fitted(wider).data.names == stars.names


def test_a_missing_value_is_one_with_a_large_error(fit, stars):
    row = int(np.flatnonzero(stars.missing.any(axis=1))[0])
    j = int(np.flatnonzero(stars.missing[row])[0])
    value, covariance = stars.value[row].copy(), np.nan_to_num(stars.covariance[row]).copy()
    value[j], covariance[j, j] = 0.0, 1e12
    other = ba.Measurements(
        value[None], covariance=covariance[None], names=stars.names, units=stars.units
    )
    there, here = fit.probability(other)["mean"][0], fit.probability(stars[[row]])["mean"][0]
    assert there == pytest.approx(here, rel=1e-4)


def test_no_gaussian_of_the_field_is_narrower_than_the_region(fit):
    covariance = fit.posterior["posterior"]["field_covariance"].values
    above = covariance - np.diag(np.array(list(REGION.values())) ** 2)
    assert np.linalg.eigvalsh(above).min() > 0


def test_columns_of_one_unit_share_a_dispersion(stars):
    assert Columns.of(stars, False).spreads == ("parallax", "pm")
    assert Columns.of(stars.replace(units=()), False).spreads == ("parallax", "pm")
    assert Columns.of(stars, True).labels == ["pmra-pmdec"]
    velocities = ba.Measurements(np.ones((1, 3)), 1.0, names=("u", "v", "w"), units=["km/s"] * 3)
    assert Columns.of(velocities, False).spreads == ("u+v+w",)
    assert Columns.of(velocities, True).labels == ["u-v", "u-w", "v-w"]


# Recovery -------------------------------------------------------------------------------------------


def test_members_are_found():
    data = open_cluster(n=600, members=80, seed=9)
    model = fitted(data, ba.ClusterMembership(field=1))
    p = model.probability()["mean"].to_numpy()
    assert p[:80].mean() > 0.95
    assert p[80:].mean() < 0.01
    assert values(model, "members") == pytest.approx(80, abs=8)
    np.testing.assert_allclose(values(model, "mean"), list(GUESS.values()), atol=0.06)
    assert values(model, "dispersion")[1] == pytest.approx(0.1, abs=0.025)


def test_three_hundred_a_year_stay_finite_and_change_little():
    data = open_cluster(n=600, members=80, seed=9)
    value = data.value.copy()
    value[-3:, 1:] = 300.0
    here, there = (fitted(d, settled(field=2)) for d in (data, data.replace(value=value)))
    assert np.isfinite(there.log_likelihood()["observation"]).all()
    assert values(there, "members") == pytest.approx(values(here, "members"), rel=0.03)
    np.testing.assert_allclose(values(there, "mean"), values(here, "mean"), atol=0.01)
    assert (there.probability()["mean"][-3:] < 1e-6).all()


def test_pleiades_have_the_parallax_of_hipparcos():
    """8.307 +- 0.080 mas and 0.214 +- 0.024 by emcee of another density, without correlations."""
    stars = ba.load("pleiades-hipparcos")
    plain = stars.replace(error=stars.error)
    model = ba.ClusterMembership(field=1).fit(plain, ba.Laplace(draws=2000), seed=1, progress=False)
    draws = model.posterior["posterior"]
    parallax = draws["mean"].sel(column="parallax")
    assert float(parallax.mean()) == pytest.approx(8.307, abs=0.04)
    assert float(parallax.std()) == pytest.approx(0.080, rel=0.25)
    assert float(draws["fraction"].mean()) == pytest.approx(0.214, abs=0.012)
    assert float(draws["fraction"].std()) == pytest.approx(0.024, rel=0.2)


@pytest.mark.slow
def test_two_samplers_agree():
    data = open_cluster(n=120, members=40, seed=2)
    model = settled(priors=NARROW)
    nuts = model.copy().fit(data, ba.NUTS(draws=1000, tune=500), seed=1, progress=False).summary()
    other = model.copy().fit(data, ba.Emcee(steps=4000), seed=1, progress=False).summary()
    rows = [i for i in nuts.index if i.startswith(("mean", "dispersion", "fraction", "members"))]
    a, b = nuts.loc[rows], other.loc[rows]
    z = (a["mean"] - b["mean"]) / np.hypot(a["mcse"], b["mcse"])
    assert np.abs(z).max() < 4.5
    np.testing.assert_allclose(a["sd"], b["sd"], rtol=0.15)


@pytest.mark.slow
def test_calibrated():
    names = ("mean", "dispersion", "fraction", "field_mean", "field_weight")
    found = ba.calibrate(
        settled(priors=NARROW), open_cluster(n=120, members=40), n=100, seed=1,
        sampler=ba.NUTS(draws=200, tune=200, chains=2), parameters=names, progress=False,
    )  # fmt: skip
    assert found, repr(found)
