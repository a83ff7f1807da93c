"""The mixture's posterior: samplers agree, intervals mean what they say, results hang together."""

import numpy as np
import pytest
from samples import clusters
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

import bayes_astro as ba
from bayes_astro.calibration import verdicts
from bayes_astro.mixtures import search

LABEL_FREE = ("log_det_covariance", "entropy", "log_density", "total_mean")


def design(n, noise, seed=0):
    """Correlated errors of about `noise` in two columns."""
    rng = np.random.default_rng(seed)
    factor = noise * (0.3 * rng.normal(size=(n, 2, 2)) + np.eye(2))
    covariance = factor @ factor.transpose(0, 2, 1)
    value = rng.normal(size=(n, 2))
    return ba.Measurements(value, covariance=covariance, names=("x", "y"))


def priors():
    """Components of about unit width within a few units of the origin."""
    return {
        "mean": ba.Prior("Normal", mu=[0.0, 0.0], sigma=[2.0, 2.0]),
        "covariance": ba.Prior("InverseWishart", nu=6.0, scale=[[2.5, 0.5], [0.5, 2.0]]),
        "weight": ba.Prior("Dirichlet", alpha=2.0),
    }


def agree(a, b, names=LABEL_FREE, errors=4.0):
    """Means and standard deviations of two fits within Monte Carlo errors."""
    first, second = a.summary(), b.summary()
    for label in first.index:
        if label.split("[")[0] not in names:
            continue
        one, other = first.loc[label], second.loc[label]
        combined = np.hypot(one["mcse"], other["mcse"])
        assert abs(one["mean"] - other["mean"]) < errors * combined, label
        least = min(one["ess_bulk"], other["ess_bulk"], one["ess_tail"], other["ess_tail"])
        width = 1.5 * errors / np.sqrt(2 * least)
        assert abs(np.log(one["sd"] / other["sd"])) < width, label


@pytest.mark.slow
def test_nuts_equals_gibbs_and_emcee():
    data = clusters(n=120, noise=0.6)
    nuts = ba.ExtremeDeconvolution(2).fit(
        data, ba.NUTS(draws=1500, tune=700), seed=1, progress=False
    )
    gibbs = ba.ExtremeDeconvolution(2).fit(
        data, ba.Gibbs(draws=3000, tune=500), seed=2, progress=False
    )
    emcee = ba.ExtremeDeconvolution(2).fit(
        data, ba.Emcee(steps=4000, tune=1500, ensembles=2), seed=3, progress=False
    )
    assert nuts.diagnose()
    assert gibbs.diagnose()
    agree(nuts, gibbs)
    agree(nuts, emcee)


@pytest.mark.slow
def test_laplace_equals_nuts_where_there_are_many_points():
    data = clusters(n=3000, noise=0.4)
    laplace = ba.ExtremeDeconvolution(2).fit(data, ba.Laplace(), seed=1, progress=False)
    nuts = ba.ExtremeDeconvolution(2).fit(data, ba.NUTS(draws=700), seed=2, progress=False)
    assert laplace.diagnose()
    assert nuts.diagnose()
    one, other = laplace.summary(), nuts.summary()
    for label in one.index:
        if label.split("[")[0] in LABEL_FREE:
            # The approximation itself is off by a share of the width that falls with sqrt(n).
            assert abs(one["mean"][label] - other["mean"][label]) < 0.2 * other["sd"][label], label
            assert one["sd"][label] == pytest.approx(other["sd"][label], rel=0.12), label


def test_laplace_says_where_it_fails():
    rng = np.random.default_rng(3)
    data = ba.Measurements(rng.normal(size=(12, 2)), 0.8 * np.ones((12, 2)), names=("x", "y"))
    model = ba.ExtremeDeconvolution(3).fit(data, ba.Laplace(), seed=1, progress=False)
    check = model.diagnose()["importance efficiency"]
    assert not check.passed
    assert "NUTS" in check.advice


def calibration(n):
    model = ba.ExtremeDeconvolution(2, priors=priors())
    return ba.calibrate(
        model,
        design(200, 0.7),
        n=n,
        seed=11,
        sampler=ba.NUTS(draws=300, tune=300, chains=2),
        parameters=("log_det_covariance", "entropy", "log_density"),
        progress=False,
    )


@pytest.mark.slow
def test_label_free_quantities_are_calibrated_at_60():
    assert calibration(60), "see the table with pytest -s"


@pytest.mark.calibration
def test_label_free_quantities_are_calibrated_at_300():
    found = calibration(300)
    print(found)
    assert found


@pytest.mark.calibration
@pytest.mark.parametrize("ratio", [1.0, 4.0])
def test_coverage_of_density_and_true_values(ratio):
    """200 populations from the prior, noise of `ratio` times their typical variance."""
    prior = {
        "mean": ba.Prior("Normal", mu=[0.0, 0.0], sigma=1.0),
        "covariance": ba.Prior("InverseWishart", nu=12.0, scale=[[10.0, 3.0], [3.0, 10.0]]),
    }
    model = ba.ExtremeDeconvolution(1, priors=prior)
    noise = np.sqrt(ratio) * np.ones((300, 2))
    empty = ba.Measurements(np.eye(300, 2), noise, names=("x", "y"))
    points = np.array([[0.0, 0.0], [1.0, 0.5], [-1.5, 0.5]])
    rng = np.random.default_rng(int(ratio))
    ranks, inside68, inside95 = [], [], []
    for i in range(200):
        drawn, truth = model.simulate(empty, seed=i)
        mean, covariance = truth["mean"].values[0], truth["covariance"].values[0]
        true = rng.multivariate_normal(mean, covariance, 300)
        data = drawn.replace(value=true + noise * rng.normal(size=true.shape))
        model.fit(data, ba.Laplace(draws=400), seed=i, progress=False)
        found = model.log_density(points, draws=None)["log_density"].values.reshape(400, -1)
        ranks.append(np.mean(found < multivariate_normal(mean, covariance).logpdf(points), axis=0))
        signal = model.predict()["signal"].values.reshape(-1, 300, 2)
        edges = np.quantile(signal, [0.025, 0.16, 0.84, 0.975], axis=0)
        inside68.append(np.mean((true > edges[1]) & (true < edges[2])))
        inside95.append(np.mean((true > edges[0]) & (true < edges[3])))
    off = np.abs(np.array(ranks) - 0.5)
    # Four binomial errors of 200 for the density; of the 600 values of each data set many more.
    assert np.mean(off < 0.34, axis=0) == pytest.approx(0.68, abs=0.13)
    assert np.mean(off < 0.475, axis=0) == pytest.approx(0.95, abs=0.06)
    assert np.mean(inside68) == pytest.approx(0.68, abs=0.012)
    assert np.mean(inside95) == pytest.approx(0.95, abs=0.008)


@pytest.fixture(scope="module")
def fitted():
    return ba.ExtremeDeconvolution(2).fit(
        clusters(n=300, noise=0.5), ba.Laplace(draws=400), seed=1, progress=False
    )


def test_predictions_are_conditional_moments(fitted):
    data = fitted.data
    found = fitted.predict(draws=400)
    signal = found["signal"].values.reshape(-1, len(data), 2)
    error = found["conditional_mean"].values - signal.mean(axis=0)
    spread = signal.std(axis=0)
    assert np.abs(error / spread).max() < 5 / np.sqrt(len(signal))
    variance = np.diagonal(found["conditional_covariance"].values, axis1=1, axis2=2)
    assert np.median(spread**2 / variance) == pytest.approx(1, abs=0.05)
    # Nearer to the population than what was measured, and no wider than the errors.
    assert np.mean(variance < data.error**2) > 0.95
    share = found["responsibility"].sum("component").values
    assert share == pytest.approx(np.ones(share.shape))


def test_condition_marginal_and_sample_belong_together(fitted):
    mixture = fitted.mixture(draws=50)
    x = np.linspace(-4, 4, 9)
    joint = mixture.log_density(np.column_stack([np.full(9, 0.7), x]))
    alone = mixture.marginal("x").log_density(np.array([[0.7]]))
    given = mixture.condition({"x": 0.7}).log_density(x[:, None])
    assert joint == pytest.approx(alone + given, abs=1e-9)
    drawn = fitted.sample(20_000, seed=3)
    assert drawn.mean(axis=0) == pytest.approx(mixture.total_mean().mean(axis=0), abs=0.2)
    with pytest.raises(ValueError, match="Unknown dimension 'z'"):
        fitted.condition({"z": 1.0})
    with pytest.raises(ValueError, match="leave some free"):
        fitted.condition({"x": 1.0, "y": 1.0})


def test_log_density_with_and_without_noise(fitted):
    at = np.array([[0.0, 0.0], [2.0, 2.0]])
    plain = fitted.log_density(at)
    expected = fitted.mixture(400).log_density(at)
    assert plain["log_density"].values.reshape(-1, 2) == pytest.approx(expected, abs=1e-9)
    noisy = fitted.log_density(at, np.full((2, 2), 0.5))
    noise = np.repeat(0.25 * np.eye(2)[None], 2, axis=0)
    expected = fitted.mixture(400).log_density(at, noise)
    assert noisy["log_density"].values.reshape(-1, 2) == pytest.approx(expected, abs=1e-9)
    assert noisy["mean"].values == pytest.approx(
        logsumexp(expected, axis=0) - np.log(len(expected)), abs=1e-9
    )
    assert (plain["q025"] < plain["q16"]).all()
    measured = ba.Measurements(at, np.full((2, 2), 0.5), names=("x", "y"))
    assert fitted.score(measured, draws=400) == pytest.approx(float(noisy["mean"].mean()), abs=1e-9)


def test_unusual_objects_are_told_and_others_are_not(fitted):
    data = fitted.data
    assert fitted.unusual()["tail_probability"].between(0, 1).all()
    far = data.replace(value=np.where(np.arange(300)[:, None] == 7, 40.0, data.value))
    table = fitted.unusual(far)
    assert table["unusual"][7]
    assert table["unusual"].sum() <= 5


def test_relabelling_changes_nothing_but_order(fitted):
    found = fitted.relabel()
    before = fitted.posterior["posterior"]
    assert found["weight"].sum("component").values == pytest.approx(1)
    assert np.sort(found["weight"].values, axis=2) == pytest.approx(
        np.sort(before["weight"].values, axis=2)
    )
    assert float(found["mean"].std(("chain", "draw")).max()) < 1.0


@pytest.mark.parametrize("criterion", ["held-out", "bic"])
def test_number_of_components_is_found(criterion):
    data = clusters(n=400, noise=0.4)
    model = ba.ExtremeDeconvolution((1, 2, 3, 5), criterion=criterion)
    model.fit(data, ba.MAP(), seed=1, progress=False)
    assert model.components == 2 or (criterion == "held-out" and model.components == 3)
    group = model.posterior["selection"]
    assert group.attrs["chosen"] == model.components
    assert np.isfinite(group["bic"]).all()


def test_deconvolution_beats_what_ignores_the_errors():
    """Errors of very different size: held-out log score."""
    rng = np.random.default_rng(5)
    true = np.where(rng.uniform(size=(1200, 1)) < 0.5, -1.5, 1.5) + 0.4 * rng.normal(size=(1200, 2))
    error = np.exp(rng.uniform(np.log(0.1), np.log(3.0), (1200, 1))) * np.ones((1, 2))
    data = ba.Measurements(true + error * rng.normal(size=(1200, 2)), error)
    train, test = data[:800], data[800:]
    model = ba.ExtremeDeconvolution(2).fit(train, ba.Laplace(draws=400), seed=1, progress=False)
    models = {
        "deconvolution": model,
        "mixture": ba.baselines.GaussianMixture(4).fit(train),
        "kernels": ba.baselines.KernelDensity().fit(train),
    }
    # The widths that the errors add are those of what ignores them.
    inner = model.summary().loc["total_covariance[x0, x0]", "mean"]
    outer = models["mixture"].summary().loc["total_covariance[x0, x0]", "mean"]
    assert outer > inner + 0.5
    scores = ba.compare(models, test)["log_score"]
    assert scores["deconvolution"] > scores["mixture"] + 0.3
    assert scores["deconvolution"] > scores["kernels"] + 0.3


def test_same_density_in_other_units():
    data = clusters(n=150)
    scaled = data.replace(value=1e3 * data.value + 5e4, covariance=1e6 * data.covariance)
    one, other = (
        ba.ExtremeDeconvolution(2).fit(d, ba.Laplace(draws=400), seed=4, progress=False)
        for d in (data, scaled)
    )
    # Components have no names, and their order leads to other draws: by the averages in order.
    a, b = (
        np.sort(m.posterior["posterior"]["mean"].values[..., 0], axis=-1).reshape(-1, 2)
        for m in (one, other)
    )
    expected, sd = 1e3 * a.mean(axis=0) + 5e4, 1e3 * a.std(axis=0)
    assert np.all(np.abs(b.mean(axis=0) - expected) < 0.35 * sd)
    assert b.std(axis=0) == pytest.approx(sd, rel=0.2)


def test_background_takes_what_belongs_to_none():
    rng = np.random.default_rng(2)
    value = np.concatenate([0.5 * rng.normal(size=(300, 2)), rng.uniform(-20, 20, (60, 2))])
    data = ba.Measurements(value, 0.2 * np.ones((360, 2)))
    for kind in ("uniform", "broad"):
        model = ba.ExtremeDeconvolution(1, background=kind)
        model.fit(data, ba.Laplace(draws=400), seed=1, progress=False)
        posterior = model.posterior["posterior"]
        share = (
            posterior["background"]
            if kind == "uniform"
            else posterior["weight"].sel(component="background")
        )
        assert float(share.mean()) == pytest.approx(60 / 360, abs=0.04), kind
        width = np.sqrt(float(posterior["covariance"][..., 0, 0, 0].mean()))
        assert width == pytest.approx(0.5, abs=0.08), kind


def test_of_many_rows_some_choose_the_maximum_that_all_then_climb():
    model = ba.ExtremeDeconvolution(3)
    data = clusters(n=12_000, seed=3)
    score = {}
    for tolerance in (None, 1e-6):
        model.fit(data, ba.MAP(restarts=3, moves=0, tolerance=tolerance), seed=1, progress=False)
        attributes = model.posterior["sample_stats"].attrs
        assert attributes["converged"] and attributes["gain_to_come"] < (tolerance or 0.3)
        score[tolerance] = attributes["log_likelihood"] / len(data)
    assert score[1e-6] - score[None] == pytest.approx(0, abs=2.5e-5)
    problem = model.deconvolution(data, model.resolve_priors(data))
    seen = search.some_rows(problem, np.random.default_rng(1))
    assert seen.points.n == 5000 and search.negligible(problem) == pytest.approx(0.3)
    few = model.deconvolution(data[:1000], model.resolve_priors(data[:1000]))
    assert search.some_rows(few, np.random.default_rng(1)) is few
    assert search.negligible(few) == 0.05


def test_interrupted_search_keeps_what_it_has(press_ctrl_c):
    press_ctrl_c(5)
    with pytest.warns(RuntimeWarning, match="interrupted"):
        model = ba.ExtremeDeconvolution(3).fit(clusters(), ba.MAP(), seed=1, progress=False)
    assert np.isfinite(model.posterior["posterior"]["weight"].values).all()
    assert not model.diagnose()


def test_verdicts_see_widths():
    """The calibration above would fail with widths wrong by half."""
    rng = np.random.default_rng(0)
    from scipy.stats import norm

    fractions = norm.cdf(1.5 * rng.normal(size=60))
    assert not verdicts({"a": fractions})["a"]["calibrated"]


def test_default_sampler_suits_the_size_and_says_why():
    small, large = clusters(n=100), clusters(n=11_000)
    model = ba.ExtremeDeconvolution(2)
    assert isinstance(model.default_sampler(small)[0], ba.NUTS)
    sampler, because = model.default_sampler(large)
    assert isinstance(sampler, ba.Laplace)
    assert "11000 rows x 2 components" in because
    fitted = model.fit(large, seed=1, progress=False)
    assert fitted.diagnose()["choice of sampler"].advice == because
    regularised = ba.ExtremeDeconvolution(2, regularization=0.1)
    assert isinstance(regularised.default_sampler(small)[0], ba.MAP)
    with pytest.raises(ValueError, match="improper prior"):
        regularised.fit(small, ba.Laplace())
    with pytest.raises(ValueError, match="improper prior"):
        regularised.fit(small, ba.NUTS())
