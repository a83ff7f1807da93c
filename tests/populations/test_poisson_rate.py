"""Rates behind counts against quadrature, closed forms and published results."""

from itertools import pairwise

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Table
from samples import by_hand, counted, drawn
from scipy import integrate, optimize, special, stats

import bayes_astro as ba
from bayes_astro.baselines.poisson_rate import garwood, li_ma
from bayes_astro.populations import rate_prediction

FEW = ba.Counts([0, 3, 12, 1], [1.0, 5.0, 4.0, 0.3])
KNOWN = FEW.replace(background=[0.0, 2.5, 4.0, 1.0])
ONOFF = FEW.replace(off_counts=[0, 4, 2, 9], off_exposure=[2.0, 5.0, 1.0, 6.0])
BACKGROUNDS = {"none": FEW, "known": KNOWN, "on/off": ONOFF}
POPULATION = {"mean_rate": 1.7, "median_rate": 1.7, "scatter": 0.8}
BACKGROUND = {"background_mean": 0.9, "background_scatter": 0.4}
# Failures of ten pumps and thousands of hours of operation: Gaver & O'Muircheartaigh 1987,
# Technometrics 29, 1; the example "Pumps" of BUGS.
PUMPS = ba.load("pump-failures").replace(exposure_unit="", names=None)


def quad(function, low, high):
    """An integral to some 1e-11 of itself, by Gauss-Legendre on pieces."""
    nodes, weights = np.polynomial.legendre.leggauss(60)
    edges = np.linspace(low, high, 41)
    half, middle = np.diff(edges)[:, None] / 2, (edges[1:] + edges[:-1])[:, None] / 2
    return float(np.sum(half * weights * function(middle + half * nodes)))


def density_of_rates(hyperprior):
    """Of ln rate."""
    if hyperprior == "log-normal":
        return lambda x: stats.norm.pdf(x, np.log(1.7), 0.8)
    shape = 0.8**-2
    return lambda x: stats.gamma.pdf(np.exp(x), shape, scale=1.7 / shape) * np.exp(x)


def by_quadrature(hyperprior, data, i):
    """log p(n, m) of one source, over its rate and that of its background."""
    own, n, t = density_of_rates(hyperprior), data.counts[i], data.exposure[i]

    def given(background, off=0):
        def integrand(x):
            return own(x) * stats.poisson.pmf(n, np.exp(x) * t + background * t + off)

        return quad(integrand, -30, 6)

    if data.off_counts is None:
        known = 0.0 if data.background is None else data.background[i]
        return np.log(given(0.0, known))
    m, exposure = data.off_counts[i], data.off_exposure[i]
    shape = 0.4**-2

    def outer(background):
        weight = stats.gamma.pdf(background, shape, scale=0.9 / shape)
        weight = weight * stats.poisson.pmf(m, background * exposure)
        return weight * np.vectorize(given)(background)

    nodes, weights = np.polynomial.legendre.leggauss(120)
    return np.log(3.0 * np.sum(weights * outer(3.0 + 3.0 * nodes)))


def population(**more):
    return drawn(**{name: [value] for name, value in (POPULATION | BACKGROUND | more).items()})


@pytest.mark.parametrize("hyperprior", ["gamma", "log-normal"])
@pytest.mark.parametrize("background", BACKGROUNDS)
def test_every_source_is_the_integral_over_its_rates(hyperprior, background):
    data = BACKGROUNDS[background]
    found = ba.PoissonRate(hyperprior).pointwise(population(), data).values.ravel()
    expected = [by_quadrature(hyperprior, data, i) for i in range(len(data))]
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_the_density_is_prior_and_integrals(background):
    """Of the flat vector: log mean and log scatter, their priors with the Jacobian, every source."""
    data, model = BACKGROUNDS[background], ba.PoissonRate()
    priors = model.resolve_priors(data)
    problem = model.problem(data, priors)
    values = {name: np.array([(POPULATION | BACKGROUND)[name]]) for name in priors}
    expected = float(model.pointwise(population(), data).sum())
    expected += sum(
        float(priors[name].log_density(v)[0]) + np.log(v[0]) for name, v in values.items()
    )
    assert problem.density(problem.flat(values)[0])[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("background", ["none", "known"])
def test_coordinates_of_log_normal_rates_change_nothing(background):
    """The density over ln rate, by its own formula, times dx/du by differences."""
    data, model = BACKGROUNDS[background], ba.PoissonRate("log-normal")
    priors = model.resolve_priors(data)
    problem = model.problem(data, priors)
    for point in problem.points(5, np.random.default_rng(1))[0]:
        x, steps = [], (0.0, -1e-5, 1e-5)
        for step in steps:
            moved = point.copy()
            moved[2:] += step
            x.append(np.log(problem.variables(moved[None, None])["rate"].values.ravel()))
        level, scatter = np.exp(point[:2])
        own = 0.0 if data.background is None else data.background
        expected = np.sum(stats.poisson.logpmf(data.counts, np.exp(x[0]) * data.exposure + own))
        expected += np.sum(stats.norm.logpdf(x[0], np.log(level), scatter))
        expected += np.sum(np.log((x[2] - x[1]) / 2e-5)) + np.sum(point[:2])
        expected += priors["median_rate"].log_density(level) + priors["scatter"].log_density(
            scatter
        )
        assert problem.density(point)[0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("hyperprior", ["gamma", "log-normal", "independent"])
@pytest.mark.parametrize("background", BACKGROUNDS)
@pytest.mark.parametrize("scatter", [0.7, 1e-3])
def test_gradient(hyperprior, background, scatter):
    """Against differences, also where the population has hardly any width."""
    data, model = BACKGROUNDS[background], ba.PoissonRate(hyperprior)
    problem = model.problem(data, model.resolve_priors(data))
    point = problem.points(1, np.random.default_rng(0))[0][0]
    if hyperprior != "independent":
        point[1] = np.log(scatter)
    _, gradient = problem.density(point)
    numeric = optimize.approx_fprime(point, lambda x: problem.density(x)[0], 1e-6)
    assert gradient == pytest.approx(numeric, rel=1e-4, abs=1e-4)


def test_without_width_the_counts_are_poisson():
    draws = population(scatter=1e-9)
    found = ba.PoissonRate().pointwise(draws, KNOWN).values.ravel()
    expected = stats.poisson.logpmf(KNOWN.counts, 1.7 * KNOWN.exposure + KNOWN.background)
    assert found == pytest.approx(expected, rel=1e-9)


def test_many_counts_and_a_wide_population():
    """No overflow, no loss: the negative binomial of SciPy at a hundred thousand counts."""
    data = ba.Counts([100_000, 2], [10.0, 3.0])
    for scatter in (1e-2, 1.0, 30.0):
        shape = scatter**-2
        mean = 1.7 * data.exposure
        found = ba.PoissonRate().pointwise(population(scatter=scatter), data).values.ravel()
        expected = stats.nbinom.logpmf(data.counts, shape, shape / (shape + mean))
        assert found == pytest.approx(expected, rel=1e-8)


def test_the_pumps_of_bugs():
    """Posterior of shape and rate of the Gamma distribution, as Mamba.jl's documentation has it."""
    alpha, beta = np.linspace(0.02, 3, 150)[:, None], np.linspace(0.01, 6, 300)
    shape, inverse = (x.ravel() for x in np.broadcast_arrays(alpha, beta))
    draws = drawn(mean_rate=shape / inverse, scatter=shape**-0.5)
    found = ba.PoissonRate().pointwise(draws, PUMPS).sum("row").values.ravel()
    found += stats.expon.logpdf(shape) + stats.gamma.logpdf(inverse, 0.1)
    weight = np.exp(found - found.max())
    assert np.average(shape, weights=weight) == pytest.approx(0.679, abs=0.02)
    assert np.average(inverse, weights=weight) == pytest.approx(0.894, abs=0.04)
    rate = [np.average((n + shape) / (t + inverse), weights=weight)
            for n, t in zip(PUMPS.counts, PUMPS.exposure, strict=True)]  # fmt: skip
    published = [0.0597, 0.0998, 0.0890, 0.1162, 0.6037, 0.6089, 0.8943, 0.8843, 1.5624, 1.9879]
    error = [0.0251, 0.0773, 0.0380, 0.0306, 0.3224, 0.1394, 0.6916, 0.7260, 0.7559, 0.4279]
    assert np.abs(np.subtract(rate, published) / error).max() < 0.05


# Rates of the sources ---------------------------------------------------------------------------


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_rates_given_the_population_are_those_of_bayes_theorem(background):
    """Mean and second moment of every rate, by quadrature; the draws of one point of the population."""
    data, model = BACKGROUNDS[background], ba.PoissonRate()
    problem = model.problem(data, model.resolve_priors(data))
    values = {name: np.full(40_000, (POPULATION | BACKGROUND)[name]) for name in problem.priors}
    found = problem.named(values)["rate"][1]
    alone = problem.named({name: value[:1] for name, value in values.items()})["rate"][1]
    shape, b = 0.8**-2, 0.4**-2
    for i in range(len(data)):
        x = np.linspace(-25, 4, 4001)
        rate, n, t = np.exp(x), int(data.counts[i]), data.exposure[i]
        density = stats.gamma.pdf(rate, shape, scale=1.7 / shape) * rate
        if data.off_counts is not None:
            m, whole = int(data.off_counts[i]), t + data.off_exposure[i]
            total = 0.0
            for j in range(n + 1):  # counts of the background among those seen, given the off ones
                p = whole / (whole + b / 0.9)
                share = stats.nbinom.logpmf(j + m, b, 1 - p) + stats.binom.logpmf(
                    j, j + m, t / whole
                )
                total = total + np.exp(share) * stats.poisson.pmf(n - j, rate * t)
            density = density * total
        else:
            known = 0.0 if data.background is None else data.background[i]
            density = density * stats.poisson.pmf(n, rate * t + known)
        density /= density.sum()
        mean = density @ rate
        sd = np.sqrt(density @ (rate - mean) ** 2)
        assert alone[0, i] == pytest.approx(mean, rel=1e-5)
        assert found[:, i].mean() == pytest.approx(mean, abs=4.5 * sd / np.sqrt(40_000))
        assert found[:, i].std() == pytest.approx(sd, rel=0.05)


def test_on_off_with_flat_priors_is_a_mixture_of_gamma_distributions():
    """6 on, 9 off in three times the time (Loredo 1992), independent and exact."""
    flat = ba.Prior("Gamma", alpha=1.0, beta=1e-9)
    model = ba.PoissonRate("independent", priors={"rate": flat, "background": flat})
    data = ba.Counts([6], [1.0], off_counts=[9], off_exposure=[3.0])
    model.fit(data, ba.Exact(draws=40_000), seed=1, progress=False)
    s, b = np.linspace(0, 40, 4001)[:, None], np.linspace(1e-6, 20, 2001)
    density = np.exp(stats.poisson.logpmf(6, s + b) + stats.poisson.logpmf(9, 3 * b))
    weight = density.sum(axis=1)
    mean = np.average(s[:, 0], weights=weight)
    sd = np.sqrt(np.average((s[:, 0] - mean) ** 2, weights=weight))
    table = model.summary()
    assert table.loc["rate[0]", "mean"] == pytest.approx(mean, abs=4.5 * sd / 200)
    assert table.loc["rate[0]", "sd"] == pytest.approx(sd, rel=0.03)
    evidence = model.log_evidence()["log_evidence"]
    whole = density.sum() * 0.01 * (b[1] - b[0])
    assert evidence == pytest.approx(np.log(whole) + 2 * np.log(1e-9), abs=2e-3)


def test_exact_evidence_is_that_of_importance_sampling():
    model = ba.PoissonRate("independent")
    for data in BACKGROUNDS.values():
        exact = model.log_evidence(data)["log_evidence"]
        problem = model.problem(data, model.resolve_priors(data))
        from bayes_astro.samplers.maximum import MAP
        from bayes_astro.samplers.mode import Mode

        mode = Mode.of(problem, MAP(restarts=4), np.random.default_rng(1))
        found = mode.log_evidence(20_000, np.random.default_rng(2))
        assert found["log_evidence"] == pytest.approx(exact, abs=5 * found["log_evidence_error"])


@pytest.mark.parametrize("sampler", [ba.NUTS(1000, 500, 2), ba.Emcee(1500, 300, ensembles=2)])
def test_samplers_find_the_integral_over_the_population(sampler):
    """Mean and sd of both parameters on a grid of the density."""
    model = ba.PoissonRate().fit(PUMPS, sampler, seed=3, progress=False)
    problem = model.problem(PUMPS, model.resolve_priors(PUMPS))
    x, y = np.linspace(-3, 3.5, 140), np.linspace(-1.5, 1.7, 120)
    grid = np.array(np.meshgrid(x, y, indexing="ij")).reshape(2, -1).T
    weight = np.exp(problem.densities(grid) - problem.densities(grid).max())
    table = model.summary()
    for name, values in zip(("mean_rate", "scatter"), np.exp(grid).T, strict=True):
        mean = np.average(values, weights=weight)
        sd = np.sqrt(np.average((values - mean) ** 2, weights=weight))
        row = table.loc[name]
        assert row["mean"] == pytest.approx(mean, abs=4.5 * row["mcse"])
        assert row["sd"] == pytest.approx(sd, rel=0.15)


def test_units_change_nothing_but_the_numbers():
    hours = ba.Counts(PUMPS.counts, PUMPS.exposure * u.h)
    minutes = ba.Counts(PUMPS.counts, (PUMPS.exposure * u.h).to(u.min))
    first, second = (
        ba.PoissonRate().fit(data, ba.NUTS(500, 300, 2), seed=1, progress=False).summary()
        for data in (hours, minutes)
    )
    assert set(first["unit"]) == {"1 / h", ""}
    assert set(second["unit"]) == {"1 / min", ""}
    for name in ("mean_rate", "rate[3]"):
        error = np.hypot(first.loc[name, "mcse"], 60 * second.loc[name, "mcse"])
        assert abs(first.loc[name, "mean"] - 60 * second.loc[name, "mean"]) < 5 * error


# Predictions ------------------------------------------------------------------------------------


def fitted(hyperprior, data, draws):
    return by_hand(ba.PoissonRate(hyperprior), data, draws)


def test_new_counts_of_fitted_and_of_new_sources():
    data = FEW.replace(names=tuple("abcd"), background=[0.0, 2.5, 4.0, 1.0])
    count = 20_000
    rate = np.tile([0.5, 1.0, 2.0, 4.0], (1, count, 1))
    draws = drawn(mean_rate=np.full(count, 1.7), scatter=np.full(count, 0.8), rate=("source", rate))
    model = fitted("gamma", data, draws)
    found = model.predict({"c": 10.0, "other": 10.0})
    assert list(found["source"].values) == ["c", "other"]
    assert found["signal"][0, 0, 0] == pytest.approx(2.0 * 10 + 4.0 / 4.0 * 10)
    new = found["observation"].values[0, :, 1]
    assert new.mean() == pytest.approx(17, abs=0.5)
    assert new.var() == pytest.approx(17 + (0.8 * 17) ** 2, rel=0.1)
    again = model.predict()
    np.testing.assert_allclose(again["signal"][0, 0], rate[0, 0] * data.exposure + data.background)
    at = ba.Counts([1, 9], [2.0, 2.0], background=[1.0, 3.0], names=["d", "z"])
    score = model.log_predictive(draws, at).values[0, 0]
    shape = 0.8**-2
    k = np.arange(10)
    negative = stats.nbinom.pmf(k, shape, shape / (shape + 3.4)) @ stats.poisson.pmf(9 - k, 3.0)
    assert score == pytest.approx([stats.poisson.logpmf(1, 4.0 * 2 + 1), np.log(negative)])
    array = model.predict([10.0, 20.0] * u.one)
    assert array["signal"].sizes["row"] == 2


def test_backgrounds_of_new_sources_are_given_their_off_counts():
    count = 40_000
    ones = np.ones(count)
    draws = drawn(
        mean_rate=1.7 * ones,
        scatter=0.8 * ones,
        background_mean=0.9 * ones,
        background_scatter=0.4 * ones,
        rate=("source", np.ones((1, count, 4))),
        background=("source", np.ones((1, count, 4))),
    )
    model = fitted("gamma", ONOFF, draws)
    at = ba.Counts([0], [2.0], off_counts=[30], off_exposure=[10.0])
    mean = (30 + 0.4**-2) / (10 + 0.4**-2 / 0.9)
    found = model.predict(at)["signal"].values.mean()
    assert found == pytest.approx(2 * (1.7 + mean), abs=0.1)
    few = draws.isel(draw=slice(1))
    whole = np.logaddexp.reduce(
        [float(model.log_predictive(few, at.replace(counts=[n]))[0, 0, 0]) for n in range(120)]
    )
    assert whole == pytest.approx(0, abs=1e-9)


def test_other_units_predict_and_score_the_same():
    hours = FEW.replace(
        exposure_unit="h", off_counts=[1, 4, 2, 9], off_exposure=[2.0, 5.0, 1.0, 6.0]
    )
    draws = population(rate=1.0, background=1.0)
    draws = draws.assign(
        {n: draws[n].expand_dims(source=4, axis=2) for n in ("rate", "background")}
    )
    model = fitted("gamma", hours, draws)
    minutes = ba.Counts(hours.counts, (hours.exposure * u.h).to(u.min), off_counts=hours.off_counts,
                        off_exposure=(hours.off_exposure * u.h).to(u.min))  # fmt: skip
    new = hours.replace(names=list("abcd"))
    for verb in (
        lambda at: model.log_predictive(draws, at).values,
        lambda at: model.predict(at)["signal"].values,
        lambda at: model.baseline().fit(hours).predict(at)["signal"].values,
    ):
        np.testing.assert_allclose(verb(minutes), verb(new), rtol=1e-12)
    assert model.predict({"a": 120 * u.min})["exposure"].item() == pytest.approx(2)


def test_what_cannot_be_predicted_says_why():
    model = fitted("independent", FEW, drawn(rate=("source", np.ones((1, 3, 4)))))
    with pytest.raises(ValueError, match="source 'new 0' was not fitted"):
        model.predict([3.0])
    for bad in ([0.0], "x", [[1.0]], {"a": -1.0}):
        with pytest.raises(ValueError, match="exposures > 0"):
            model.predict(bad)
    with pytest.raises(ValueError, match="have no unit"):
        model.predict([1.0] * u.h)
    with pytest.raises(ValueError, match="one source says nothing of a population"):
        ba.PoissonRate().fit(FEW[:1])
    with pytest.raises(ValueError, match="rate' must be Gamma"):
        ba.PoissonRate("independent", {"rate": ba.Prior("HalfNormal", sigma=1)}).fit(FEW)
    with pytest.raises(ValueError, match="cannot take log-normal rates"):
        ba.PoissonRate("log-normal").fit(FEW, ba.Laplace())


# Checks -----------------------------------------------------------------------------------------


def test_residuals_are_unit_normals_under_the_population():
    for hyperprior, model in (
        ("gamma", ba.PoissonRate()),
        ("log-normal", ba.PoissonRate("log-normal")),
    ):
        design = ba.Counts([1] * 3000, 4.0, off_counts=[2] * 3000, off_exposure=6.0)
        name = "mean_rate" if hyperprior == "gamma" else "median_rate"
        truth = model.latents(population(), design, np.random.default_rng(1)).isel(chain=0, draw=0)
        data = model.simulate_data(truth, design, np.random.default_rng(2))
        draws = population().drop_vars({"mean_rate", "median_rate"} - {name})
        scores = model.normal_residuals(draws, data).ravel()
        assert stats.kstest(scores, "norm").pvalue > 1e-3, hyperprior


def test_a_source_beyond_the_population_is_seen():
    data = counted(30, scatter=0.3, seed=4, names=[f"s{i}" for i in range(30)])
    model = ba.PoissonRate()
    sampler = ba.NUTS(500, 300, 2)
    assert model.fit(data, sampler, seed=1, progress=False).diagnose()["outlying sources"].passed
    counts = data.counts.copy()
    counts[7] = 300
    found = model.fit(data.replace(counts=counts), sampler, seed=1, progress=False).diagnose()
    assert found["outlying sources"].passed is False
    assert "counts of s7" in found["outlying sources"].advice


def test_counts_that_scatter_too_little_are_seen():
    data = ba.Counts([20] * 40, 10.0)
    found = ba.PoissonRate().fit(data, ba.NUTS(500, 300, 2), seed=1, progress=False).diagnose()
    assert found["dispersion"].passed is False
    assert "scatter less" in found["dispersion"].advice


def test_what_the_prior_decides_is_noted():
    data = ba.Counts([0, 1, 0], [1.0, 1.0, 2.0])
    found = ba.PoissonRate().fit(data, ba.NUTS(500, 300, 2), seed=1, progress=False).diagnose()
    assert found["scatter constrained"].passed is None
    found = ba.PoissonRate("independent").fit(data, seed=1, progress=False).diagnose()
    assert found["counts above background"].passed is None
    assert found["counts above background"].figure == 2


# The baseline -----------------------------------------------------------------------------------


def test_classical_intervals():
    """Gehrels 1986, Tables 1 and 2: 84.13% limits; Li & Ma 1983 by its definition."""
    low, high = garwood(np.array([0, 1, 10]), 0.6826894921)
    assert high == pytest.approx([1.841, 3.300, 14.27], abs=5e-3)
    assert low == pytest.approx([0.0, 0.173, 6.891], abs=5e-3)
    on, off, alpha = np.array([16.0, 3.0, 0.0]), np.array([9.0, 40.0, 0.0]), np.full(3, 0.5)
    expected = []
    for n, m in zip(on[:2], off[:2], strict=True):
        best = (n + m) / 1.5  # of a background alone, per exposure off
        ratio = stats.poisson.logpmf(n, n) + stats.poisson.logpmf(m, m)
        ratio -= stats.poisson.logpmf(n, best / 2) + stats.poisson.logpmf(m, best)
        expected.append(np.sign(n - m / 2) * np.sqrt(2 * ratio))
    assert li_ma(on, off, alpha) == pytest.approx([*expected, 0.0])


def test_the_population_predicts_new_sources_better_than_the_pooled_rate():
    train, test = counted(80, scatter=0.9, seed=5), counted(80, scatter=0.9, seed=6)
    model = ba.PoissonRate().fit(train, ba.NUTS(300, 300, 2), seed=1, progress=False)
    scores = ba.compare({"rates": model, "pooled": model.baseline().fit(train)}, test)
    assert scores.index[0] == "rates"
    assert scores.loc["rates", "coverage_95"] > 0.9


# The container ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change, message",
    [
        ({"counts": [1, -2]}, r"counts: row 1 is -2\.0; counts are >= 0"),
        ({"counts": [1.5, 2]}, r"counts: row 0 is 1\.5; counts are whole"),
        ({"counts": [1, np.nan]}, "counts: row 1 is nan or masked; drop such rows"),
        ({"counts": [2_000_000, 1]}, "are Gaussian"),
        ({"counts": []}, "counts: is empty"),
        ({"exposure": [1.0, 0.0]}, r"exposure: row 1 is 0\.0; exposures are > 0"),
        ({"exposure": [1.0, np.inf]}, "exposure: row 1 is inf"),
        ({"exposure": [1.0]}, "exposure: has 1 entries, counts has 2"),
        ({"background": [0.0, -1.0]}, r"background: row 1 is -1\.0"),
        ({"off_counts": [1, 2]}, "one needs the other"),
        ({"background": 1.0, "off_counts": [1, 2], "off_exposure": 1.0}, "a known background or"),
        ({"names": ["a", "a"]}, "names: rows 0 and 1 are both 'a'; add up"),
        ({"names": ["a"]}, "names: has 1 entries"),
        ({"names": ["a", ""]}, "names: row 1 is ''"),
        ({"exposure": [1.0, 2.0] * u.h, "exposure_unit": "m"}, "cannot be converted"),
    ],
)
def test_bad_counts_are_refused(change, message):
    with pytest.raises(ba.data.columns.DataError, match=message):
        ba.Counts(**({"counts": [1, 2], "exposure": 1.0} | change))


def test_reading_and_choosing_rows():
    table = Table({"n": [3, 0, 7], "t": [1.0, 2.0, 3.0] * u.h, "m": [1, 2, 3],
                   "u": [60.0, 120.0, 60.0] * u.min, "id": ["a", "b", "c"]})  # fmt: skip
    data = ba.Counts.read(
        table, counts="n", exposure="t", off_counts="m", off_exposure="u", names="id"
    )
    assert data.off_exposure == pytest.approx([1, 2, 1])
    assert (data.exposure_unit, data.names) == ("h", ("a", "b", "c"))
    assert data[[True, False, True]].labels == ("a", "c")
    assert data[1].expected_background == pytest.approx([2.0])
    again = ba.Counts.read(
        data.to_table(), off_counts="off_counts", off_exposure="off_exposure", names="names"
    )
    assert again.to_arrays().keys() == data.to_arrays().keys()
    with pytest.raises(ValueError, match="there is no column 'count'"):
        ba.Counts.read(table, counts="count", exposure="t")


def test_a_public_integral_of_scipy_is_that_of_the_table():
    """The trapezoidal rule against adaptive quadrature, at narrow and wide log-normal populations."""
    for scatter in (0.01, 0.5, 3.0):
        data = ba.Counts([0, 4, 60], [1.0, 2.0, 30.0])
        draws = drawn(median_rate=[1.7], scatter=[scatter])
        found = rate_prediction.log_densities(ba.PoissonRate("log-normal"), draws, data)[0]
        for i, (n, t) in enumerate(zip(data.counts, data.exposure, strict=True)):

            def integrand(z, n=n, t=t, s=scatter):
                log = np.log(1.7 * t) + s * z
                return np.exp(n * log - np.exp(log) - special.gammaln(n + 1) - z * z / 2)

            middle = optimize.minimize_scalar(lambda z, f=integrand: -f(z), (-3, 0.0)).x
            pieces = [-12, middle - 1, middle, middle + 1, 12]
            whole = sum(
                integrate.quad(integrand, a, b, epsrel=1e-12, epsabs=0, limit=400)[0]
                for a, b in pairwise(pieces)
            )
            assert found[i] == pytest.approx(np.log(whole / np.sqrt(2 * np.pi)), abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(
    "hyperprior, design, sampler",
    [
        ("gamma", {"background": 0.3, "off": 2.0}, ba.NUTS(300, 300, 2, target_accept=0.9)),
        ("log-normal", {}, ba.NUTS(300, 300, 2, target_accept=0.9)),
        ("independent", {"background": 0.3, "off": 2.0}, ba.Exact(draws=400)),
    ],
)
def test_calibration(hyperprior, design, sampler):
    model, data = ba.PoissonRate(hyperprior), counted(12, mean=0.4, **design)
    found = ba.calibrate(model, data, 200, 1, sampler=sampler, progress=False)
    assert found, found


def test_counts_that_are_no_single_events_fail():
    rng = np.random.default_rng(1)
    for factor in (1, 10):
        data = ba.Counts(factor * rng.poisson(5, 40), np.ones(40))
        model = ba.PoissonRate().fit(data, ba.Laplace(400), seed=1, progress=False)
        check = model.diagnose()["counts of single events"]
        assert (check.passed, check.figure) == (factor == 1, factor)


@pytest.mark.parametrize(("power", "verdict"), [(1.0, True), (0.5, False)])
def test_rates_that_go_with_exposures_fail(power, verdict):
    rng = np.random.default_rng(2)
    exposure = 10 ** rng.uniform(0, 2, 60)
    counts = rng.poisson(5 * exposure**power * rng.gamma(10, 0.1, 60))
    model = ba.PoissonRate().fit(
        ba.Counts(counts, exposure), ba.Laplace(400), seed=1, progress=False
    )
    assert model.diagnose()["rates beside exposures"].passed is verdict


@pytest.mark.parametrize("factor", [1.0, 3.0])
def test_a_background_stated_twice_is_named(factor):
    rng = np.random.default_rng(3)
    exposure, known = np.full(80, 20.0), rng.uniform(1, 100, 80)
    data = ba.Counts(
        rng.poisson(exposure * rng.gamma(20, 0.2, 80) + known), exposure, factor * known
    )
    model = ba.PoissonRate().fit(data, ba.Laplace(400), seed=1, progress=False)
    check = model.diagnose()["backgrounds as stated"]
    assert check.passed is (factor == 1)
    assert factor == 1 or "backgrounds 0.5 times those stated" in check.advice
