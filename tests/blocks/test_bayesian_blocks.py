"""Bayesian blocks: sums over divisions against all of them written out, and what a fit sees."""

import itertools

import numpy as np
import pytest
from samples import burst
from scipy import integrate, stats
from scipy.special import logsumexp

import bayes_astro as ba
from bayes_astro.blocks import levels
from bayes_astro.blocks.cells import cells_of
from bayes_astro.data import DataError

QUICK = {"sampler": ba.Exact(draws=400), "seed": 1, "progress": False}
RNG = np.random.default_rng(3)
N = 7
FEW = {
    "events": ba.Events([0.3, 0.5, 0.9, 1.0, 5.5, 5.6, 9.0], intervals=[[0, 2], [5, 6], [6.5, 10]]),
    "counts": ba.Counts([3, 2, 4, 9, 0, 1, 2], RNG.uniform(0.5, 2, N)),
    "values": ba.LightCurve(
        [0.0, 1, 1.5, 4, 4.2, 6, 9], [1.0, 1.2, 0.9, 3, 3.3, 2.8, 1], RNG.uniform(0.1, 0.5, N)
    ),
}


def alone(data, prior, rows):
    """Log density of the rows of one block by quadrature over its level."""
    if isinstance(data, ba.LightCurve):
        mu, sigma = prior.arguments["mu"], prior.arguments["sigma"]
        covariance = np.diag(data.error[rows] ** 2) + sigma**2
        return stats.multivariate_normal(np.full(len(rows), mu), covariance).logpdf(
            data.value[rows]
        )
    a, b = prior.arguments["alpha"], prior.arguments["beta"]
    of = stats.gamma(a, scale=1 / b)
    total, _ = integrate.quad(
        lambda u: np.prod([
            stats.poisson(of.ppf(u) * data.exposure[r]).pmf(data.counts[r]) for r in rows
        ]),
        0, 1, epsabs=0, epsrel=1e-10, limit=400,
    )  # fmt: skip
    return np.log(total)


def every_division(n):
    for inner in itertools.product([False, True], repeat=n - 1):
        starts = [0, *(i + 1 for i, new in enumerate(inner) if new)]
        yield inner, [range(a, b) for a, b in itertools.pairwise([*starts, n])]


@pytest.mark.parametrize("kind", ["counts", "values"])
def test_evidence_and_places_are_those_of_all_divisions(kind):
    """2^6 divisions, the level of every block integrated by itself, for each expected number."""
    data = FEW[kind]
    model = ba.BayesianBlocks()
    priors = model.resolve_priors(data)
    problem = model.problem(data, priors)
    blocks, share = {}, problem.cells.share
    assert share.sum() == pytest.approx(1)  # of all changes that are expected
    changes = priors["expected_changes"]
    assert changes.quantile(0.45) < np.median(problem.rates) < changes.quantile(0.55)
    terms, places = [], []
    for expected in problem.rates:
        p = -np.expm1(-expected * share[1:])
        own = []
        for inner, division in every_division(N):
            log = np.sum(np.where(inner, np.log(p), np.log1p(-p)))
            for rows in division:
                if rows not in blocks:
                    blocks[rows] = alone(data, priors["level"], np.array(rows))
                log += blocks[rows]
            own.append(log)
            places.append(inner)
        terms += own
    expected = logsumexp(terms) - np.log(len(problem.rates))
    assert problem.log_total == pytest.approx(expected, abs=1e-8)
    weight = np.exp(np.array(terms) - logsumexp(terms))
    np.testing.assert_allclose(problem.probability()[1:], weight @ np.array(places), atol=1e-9)
    fit = model.fit(data, ba.Exact(draws=20_000), seed=1, progress=False)
    number = fit.posterior["posterior"]["n_changes"].values.ravel()
    exact = np.bincount(np.sum(places, axis=1), weight, N)
    found = np.bincount(number.astype(int), minlength=N) / len(number)
    np.testing.assert_allclose(found, exact, atol=4 * np.sqrt(0.25 / len(number)))
    best = max(blocks_of(problem, priors, data, blocks), key=lambda pair: pair[0])[1]
    assert [*problem.most_probable()] == [rows[0] for rows in best]


def blocks_of(problem, priors, data, blocks):
    """Every division with its log probability at the best expected number."""
    p = -np.expm1(-problem.rates[np.argmax(problem.sums[:, -1])] * problem.cells.share[1:])
    for inner, division in every_division(N):
        log = np.sum(np.where(inner, np.log(p), np.log1p(-p)))
        yield log + sum(blocks[rows] for rows in division), division


def test_events_are_counts_in_cells_without_their_factorials():
    """The same sums from Counts of the events' own cells, with their share of changes."""
    data = FEW["events"]
    cells = cells_of(data)
    number, exposure = np.diff(cells.first), np.diff(cells.second)
    assert number.sum() == N
    assert exposure.sum() == pytest.approx(data.exposure)
    assert sorted(number)[-N:] == [1] * N
    assert cells.share.sum() == pytest.approx(1.0)
    assert np.diff(cells.edges).max() < 10 / 128
    model = ba.BayesianBlocks()
    problem = model.problem(data, model.resolve_priors(data))
    # No change at all: the marginal likelihood of one rate, in closed form.
    a, b = problem.a, problem.b
    of = stats.gamma(a, scale=1 / b)
    one, _ = integrate.quad(
        lambda u: of.ppf(u) ** N * np.exp(-of.ppf(u) * data.exposure), 0, 1, epsrel=1e-10, limit=400
    )
    never = problem.boundaries[1][:, -1]
    tiny = model.copy(priors={"expected_changes": ba.Prior("LogUniform", lower=1e-9, upper=2e-9)})
    still = tiny.problem(data, tiny.resolve_priors(data))
    assert still.log_total == pytest.approx(np.log(one), abs=1e-6)
    assert np.all(problem.sums[:, -1] > np.log(one) + never - 1e-9)


def test_shifts_and_units_of_time_change_nothing():
    data = burst()
    model = ba.BayesianBlocks()
    one = model.problem(data, model.resolve_priors(data))
    moved = data.replace(time=1e6 + 60 * data.time, intervals=1e6 + 60 * data.intervals)
    other = model.problem(moved, model.resolve_priors(moved))
    shift = len(data) * np.log(60)
    assert other.log_total == pytest.approx(one.log_total - shift, abs=1e-6)
    np.testing.assert_allclose(other.probability(), one.probability(), atol=1e-7)


def test_exposure_is_that_of_the_intervals():
    data = FEW["events"]
    assert data.exposure == 6.5
    at = [-1, 0, 1, 2, 4, 5, 5.5, 6.2, 6.5, 10, 12]
    expected = [0, 0, 1, 2, 2, 2, 2.5, 3, 3, 6.5, 6.5]
    np.testing.assert_allclose(data.exposure_before(at), expected)


@pytest.mark.parametrize("kind", ["events", "counts", "values"])
def test_scores_and_densities_by_the_levels_that_made_the_data(kind):
    start, level = np.array([0.0, 30.0, 60.0]), np.array([20.0, 60.0, 5.0])
    design = {
        "events": ba.Events([1.0], intervals=[[0, 25], [40, 100]]),
        "counts": ba.Counts(np.zeros(100), RNG.uniform(0.1, 1, 100)),
        "values": ba.LightCurve(np.linspace(0.1, 99.9, 500), np.zeros(500), np.full(500, 3.0)),
    }[kind]
    data = levels.simulated(start, level, design, np.random.default_rng(5))
    draws = ba.BayesianBlocks().prior_draws(
        FEW[kind], ba.BayesianBlocks().resolve_priors(FEW[kind]), 1, np.random.default_rng(1)
    )
    dims = ("chain", "draw", "block")
    draws = draws.drop_vars(["block_start", "block_level"]).assign(
        block_start=(dims, start[None, None]), block_level=(dims, level[None, None])
    )
    model = ba.BayesianBlocks()
    score = model.normal_residuals(draws, data).ravel()
    assert stats.kstest(score, "norm").pvalue > 1e-3
    density = float(model.pointwise(draws, data).sum())
    if kind == "events":
        rate = level[np.searchsorted(start, data.time, "right") - 1]
        seen = 20 * 25 + 60 * 20 + 5 * 40  # the second block is seen from 40 on
        assert density == pytest.approx(np.log(rate).sum() - seen, rel=1e-10)
    elif kind == "counts":
        own = level[np.searchsorted(start, np.arange(100) + 0.5, "right") - 1] * data.exposure
        assert density == pytest.approx(stats.poisson(own).logpmf(data.counts).sum(), rel=1e-10)


def test_a_burst_is_found_and_a_constant_rate_is_constant():
    model = ba.BayesianBlocks().fit(burst(), **QUICK)
    table = model.blocks()
    assert len(table) == 3
    assert table["start"][1] == pytest.approx(40, abs=1.5)
    assert table["stop"][1] == pytest.approx(45, abs=1.5)
    assert (model.posterior["posterior"]["n_changes"] >= 2).all()
    assert model.diagnose()
    time = np.sort(np.random.default_rng(2).uniform(0, 100, 150))
    flat = ba.BayesianBlocks().fit(ba.Events(time, intervals=[[0, 100]]), **QUICK)
    assert float((flat.posterior["posterior"]["n_changes"] == 0).mean()) > 0.8
    assert len(flat.blocks()) == 1
    assert np.isnan(flat.blocks()["probability"][0])


def failed(data):
    checks = ba.BayesianBlocks().fit(data, **QUICK).diagnose().checks
    return {check.name for check in checks if check.passed is False}


def test_wrong_on_purpose_is_named():
    rng = np.random.default_rng(1)
    time = np.sort(rng.uniform(0, 50, 120))
    value = np.where(time < 20, 1.0, 1.8) + 0.2 * rng.normal(size=120)
    assert not failed(ba.LightCurve(time, value, np.full(120, 0.2)))
    assert "errors as stated" in failed(ba.LightCurve(time, value, np.full(120, 0.08)))
    copied = np.repeat(np.sort(rng.uniform(0, 100, 60)), 2)
    assert "no repeated events" in failed(ba.Events(copied, intervals=[[0, 100]]))
    slope = ba.LightCurve(time, 0.5 * time + 0.2 * rng.normal(size=120), np.full(120, 0.2))
    assert failed(slope) & {
        "fewer changes than the prior allows",
        "white residuals",
        "errors as stated",
    }


def test_what_cannot_be_divided_is_refused():
    model = ba.BayesianBlocks()
    fitted = ba.BayesianBlocks().fit(burst(), **QUICK)
    minutes = burst().replace(
        time=burst().time / 60, intervals=burst().intervals / 60, time_unit="min"
    )
    one, other = (fitted.predict(at)["signal"] for at in (burst(), minutes))
    np.testing.assert_allclose(one, other)
    with pytest.raises(ValueError, match="blocks of Events say nothing of LightCurve"):
        fitted.predict(FEW["values"])
    two = ba.LightCurve([1.0, 2, 3, 4], [1.0, 2, 3, 4], np.ones(4), band=["a", "b", "a", "b"])
    with pytest.raises(ValueError, match="bands a, b"):
        model.fit(two)
    with pytest.raises(ValueError, match="without a background"):
        model.fit(ba.Counts([1, 2, 3], 1.0, background=0.5))
    with pytest.raises(ValueError, match="no weights"):
        model.fit(burst(more=0).replace(weight=np.full(len(burst(more=0)), 0.5)))
    with pytest.raises(ValueError, match="too few"):
        model.fit(ba.Events([1.0, 2.0]))
    with pytest.raises(ValueError, match="must be Gamma"):
        model.copy(priors={"level": ba.Prior("HalfNormal", sigma=1.0)}).fit(burst())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([2.0, 1.0],), "time: row 1 .*sort events"),
        (([1.0, np.nan],), "time: row 1"),
        (([],), "time: is empty"),
        (([1.0, 1.0],), "all events have the same time"),
        (([1.0, 2.0], [[0, 1.5]]), "time: row 1 .*in no interval"),
        (([1.0, 2.0], [[0, 3], [3, 3]]), "intervals: row 1 .*stops where it starts"),
        (([1.0, 2.0], [[0, 3], [2, 4]]), "intervals: row 1 .*join the two"),
        (([1.0, 2.0], [[0, np.inf]]), "intervals: row 0 .*finite"),
        (([1.0, 2.0], [0, 3]), "intervals"),
        (([1.0, 2.0], None, [0.5, 1.5]), "weight: row 1"),
        (([1.0, 2.0], None, [0.5]), "weight: has shape"),
    ],
)
def test_events_that_are_none(arguments, message):
    with pytest.raises(DataError, match=message):
        ba.Events(*arguments)


def test_events_from_tables(tmp_path):
    data = burst(name="a burst")
    rows = data.to_table()
    again = ba.Events.read(rows, intervals=data.intervals, name="a burst")
    assert again == data
    rows[::-1].write(tmp_path / "events.ecsv")
    with open(tmp_path / "gti.csv", "w", encoding="utf-8") as file:
        file.write("start,stop\n0,70\n75,100\n")
    read = ba.Events.read(tmp_path / "events.ecsv", intervals=tmp_path / "gti.csv", name="a burst")
    assert read == data
    cut = ba.Events.read(rows, intervals=[[0, 50]], drop_outside=True)
    assert len(cut) == (data.time <= 50).sum()
    assert len(data[:5]) == 5
    assert data[:5].exposure == data.exposure
    weighted = data.replace(weight=np.linspace(0.1, 1, len(data)))
    assert ba.Events.from_arrays(weighted.to_arrays(), weighted.metadata()) == weighted


@pytest.mark.calibration
@pytest.mark.parametrize("kind", ["events", "counts", "values"])
def test_the_posterior_is_calibrated_at_300(kind):
    design, level = {
        "events": (
            ba.Events([1.0, 2.0, 80.0], intervals=[[0, 60], [70, 100]]),
            ba.Prior("Gamma", alpha=3, beta=3),
        ),
        "counts": (ba.Counts(np.zeros(80), 1.0), ba.Prior("Gamma", alpha=1.0, beta=0.2)),
        "values": (
            ba.LightCurve(np.sort(RNG.uniform(0, 50, 80)), np.zeros(80), np.full(80, 0.5)),
            ba.Prior("Normal", mu=0, sigma=1),
        ),
    }[kind]
    changes = ba.Prior("LogUniform", lower=0.3, upper=8.0)
    model = ba.BayesianBlocks(priors={"expected_changes": changes, "level": level})
    result = ba.calibrate(
        model, design, n=300, seed=1, progress=False, sampler=ba.Exact(draws=400),
        parameters=["n_changes", "expected_changes"],
    )  # fmt: skip
    print(kind, result)
    assert result
