"""Folds, scores over them, and what is said of their differences."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from samples import clusters, counted, line, pairs, sinusoid, walk
from scipy import optimize, stats

import bayes_astro as ba
from bayes_astro import leave_one_out
from bayes_astro.baselines import LeastSquaresLine
from bayes_astro.cross_validation import mean_and_error
from bayes_astro.folds import of_rows

QUICK = ba.Laplace(draws=400, restarts=1)
QUIET = {"progress": False, "seed": 3}
POOLED = ("log_score", "crps", "bias", "coverage_68", "coverage_95")


@dataclass(eq=False, repr=False)
class Remembering(LeastSquaresLine):
    """Least squares that keeps what it was given, and refuses a fit without a row on request."""

    response: str = "y"
    method: str = "wls"
    errors: str = "stated"
    needs: float = np.nan

    given: ClassVar[list] = []
    _internal: ClassVar[tuple[str, ...]] = ("given",)

    def check_data(self, data):
        super().check_data(data)
        if np.isfinite(self.needs) and self.needs not in data.column("y"):
            raise ValueError("the row that matters is not there")

    def estimate(self, data):
        self.given.append(data.column("y"))
        return super().estimate(data)


@pytest.fixture
def fits():
    Remembering.given.clear()
    return Remembering.given


# Folds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "folds"), [(40, 5), (41, 4), (7, 7)])
def test_rows_at_random_are_left_out_once_each(n, folds):
    split = of_rows(line(n=n), folds, None, 1)
    assert split.count == folds
    assert np.ptp(np.bincount(split.of)) <= 1
    np.testing.assert_array_equal(split.cluster, np.arange(n))
    for fold in range(folds):
        kept, left = split.rows(fold)
        assert not {*kept} & {*left} and len(kept) + len(left) == n
    assert (split.of == of_rows(line(n=n), folds, None, 1).of).all()
    if folds < n:
        assert (split.of != of_rows(line(n=n), folds, None, 2).of).any()
        assert (np.diff(split.of) != 0).sum() > n / 2, "not in the order of the rows"


def test_groups_are_never_split_and_folds_are_even():
    rng = np.random.default_rng(0)
    sizes = np.r_[30, 20, np.full(25, 2)]
    label = rng.permutation(np.repeat([f"field {i}" for i in range(27)], sizes))
    data = line(n=100).replace(label=list(label))
    split = of_rows(data, 5, "label", 1)
    assert all(len({*split.of[label == name]}) == 1 for name in {*label})
    assert sorted(np.bincount(split.of)) == [16, 16, 18, 20, 30]
    again = of_rows(data, 5, label, 1)
    np.testing.assert_array_equal(again.of, split.of)
    np.testing.assert_array_equal(again.cluster, split.cluster)
    assert len(set(split.cluster)) == 27


def test_blocks_of_time_follow_each_other_and_keep_equal_times_together():
    data = walk(60, bands="gr", seed=1)
    time = np.repeat(data.time[::2], 2)  # both bands at once
    data = ba.LightCurve(time, data.value, data.error, band=["g", "r"] * (len(time) // 2))
    split = of_rows(data, 7, "time", 1)
    assert split.count == 7
    for block in range(6):
        assert data.time[split.of == block].max() < data.time[split.of == block + 1].min()
    assert np.ptp(np.bincount(split.of)) <= 3
    pieces = np.bincount(split.cluster)
    assert pieces.max() <= 2 * round(len(data) ** (1 / 3))
    assert all(len({*split.cluster[data.time == t]}) == 1 for t in time)


def test_every_fit_leaves_its_rows_out_and_all_models_have_the_same_folds(fits):
    data = line(n=23)
    ba.cross_validate({"a": Remembering(), "b": Remembering()}, data, 4, **QUIET)
    assert len(fits) == 8
    every = {*data.column("y")}
    left = [every - {*seen} for seen in fits]
    assert left[::2] == left[1::2]
    assert sorted(np.concatenate([list(x) for x in left[::2]])) == sorted(every)


# Scores ---------------------------------------------------------------------------------------


def test_scores_are_those_of_fits_by_hand():
    data, fold = line(n=30), np.arange(30) % 3
    models = {"bayes": ba.LinearRelation("y"), "odr": LeastSquaresLine("y")}
    found = ba.cross_validate(models, data, 3, fold, samplers={"bayes": QUICK}, **QUIET)
    assert not any(model.__sklearn_is_fitted__() for model in models.values())
    split = of_rows(data, 3, fold, 3)
    assert len({*zip(fold, split.of, strict=True)}) == 3, "folds of one's own"
    for name, model in models.items():
        sampler, rows = QUICK if name == "bayes" else None, []
        for k in range(3):
            fit = model.copy().fit(data[split.of != k], sampler, seed=3, progress=False)
            rows.append(ba.compare({name: fit}, data[split.of == k], seed=3).loc[name])
        for column in POOLED:
            expected = np.mean([row[column] for row in rows])
            assert found.loc[name, column] == pytest.approx(expected, rel=1e-9), column
        square = np.mean([row["rmse"] ** 2 for row in rows])
        assert found.loc[name, "rmse"] == pytest.approx(np.sqrt(square), rel=1e-9)
    assert (found["rows"] == 30).all() and (found["folds"] == 3).all()
    assert found["log_score"].is_monotonic_decreasing


def test_rows_count_by_their_weights():
    data = clusters(n=40).replace(weight=np.linspace(0.5, 3, 40))
    models = {"one": ba.ExtremeDeconvolution(1), "mixture": ba.baselines.GaussianMixture(1)}
    found = ba.cross_validate(models, data, 2, samplers=ba.MAP(restarts=1), **QUIET)
    split, by_row = of_rows(data, 2, None, 3), {}
    for name, model in models.items():
        sampler = ba.MAP(restarts=1) if name == "one" else None
        by_row[name], weight = [], []
        for k in range(2):
            kept, left = split.rows(k)
            fit = model.copy().fit(data[kept], sampler, seed=3, progress=False)
            by_row[name] += [fit.score(data[[i]]) for i in left]
            weight += [data.weight[i] for i in left]
        expected = np.average(by_row[name], weights=weight)
        assert found.loc[name, "log_score"] == pytest.approx(expected, rel=1e-9)
    best, other = found.index
    difference = np.subtract(by_row[other], by_row[best])
    mean, error = mean_and_error(difference, np.array(weight), np.arange(40))
    assert found.loc[other, "log_score_difference"] == pytest.approx(mean, rel=1e-9)
    assert found.loc[other, "log_score_difference_error"] == pytest.approx(error, rel=1e-9)
    assert found.loc[best, "log_score_difference"] == 0


def test_leaving_out_each_row_has_a_closed_form():
    """Of least squares: the residual left out is that which stays over one minus the leverage."""
    data = line(n=12, scatter=0.0).without_error("x")
    found = ba.cross_validate({"line": Remembering()}, data, folds=12, **QUIET).loc["line"]
    x, y, error = data.column("x"), data.column("y"), data.error[:, 1]
    design = np.column_stack([np.ones(12), x]) / error[:, None]
    hat = design @ np.linalg.solve(design.T @ design, design.T)
    residual = (y / error - hat @ (y / error)) / (1 - np.diag(hat)) * error
    expected = stats.norm.logpdf(residual, 0, error).mean()
    assert found["log_score"] == pytest.approx(expected, rel=1e-9)
    assert found["rmse"] == pytest.approx(np.sqrt(np.mean(residual**2)), rel=0.1)  # of draws


def test_a_seed_says_all_and_order_changes_nothing():
    data, models = line(n=20), {"odr": LeastSquaresLine("y"), "bayes": ba.LinearRelation("y")}
    first = ba.cross_validate(models, data, 2, samplers=QUICK, **QUIET)
    again = ba.cross_validate(dict(reversed(models.items())), data, 2, samplers=QUICK, **QUIET)
    assert first.equals(again) and first.attrs["seed"] == 3
    drawn = ba.cross_validate({"odr": models["odr"]}, data, 2, progress=False)
    same = ba.cross_validate({"odr": models["odr"]}, data, 2, seed=drawn.attrs["seed"])
    assert drawn.equals(same)


def test_a_task_may_have_scores_of_its_own():
    from samples import binned, kinds

    classes = {"lda": ba.baselines.Classifier("lda"), "qda": ba.baselines.Classifier("qda")}
    found = ba.cross_validate(classes, kinds(missing=0), 3, **QUIET)
    assert found["accuracy"].between(0.7, 1).all() and (found["rows"] == 120).all()
    stacked = ba.cross_validate({"stacked": ba.baselines.Stacking()}, binned(), 3, **QUIET)
    assert "crps" not in stacked and np.isfinite(stacked["log_score"]).all()


# Differences ----------------------------------------------------------------------------------


def test_error_of_a_mean():
    rng = np.random.default_rng(1)
    values, rows = rng.normal(size=50), np.arange(50)
    mean, error = mean_and_error(values, None, rows)
    assert (mean, error) == pytest.approx((values.mean(), values.std(ddof=1) / np.sqrt(50)))
    assert mean_and_error(values, np.full(50, 7.0), rows) == pytest.approx((mean, error))
    # A row of weight two in one cluster is the row twice.
    twice = mean_and_error(np.r_[values, values[0]], None, np.r_[rows, 0])
    assert mean_and_error(values, np.r_[2.0, np.ones(49)], rows) == pytest.approx(twice)
    assert np.isnan(mean_and_error(values, None, np.zeros(50))[1])


def test_error_of_a_mean_of_groups_against_many_data_sets():
    rng, cluster = np.random.default_rng(2), np.repeat(np.arange(40), [2, 3, 4, 5] * 10)
    found, single = [], []
    for _ in range(600):
        values = rng.normal(size=40)[cluster] + rng.normal(size=len(cluster))
        found.append(mean_and_error(values, None, cluster))
        single.append(mean_and_error(values, None, np.arange(len(cluster)))[1])
    true = np.std([mean for mean, _ in found])
    assert np.sqrt(np.mean([error**2 for _, error in found])) == pytest.approx(true, rel=0.1)
    assert np.mean(single) < 0.75 * true, "rows of a group are not independent"


def test_groups_and_blocks_count_as_one():
    data = line(n=40)
    group = np.arange(40) // 4
    models = {"odr": LeastSquaresLine("y"), "wls": LeastSquaresLine("y", "wls")}
    found = ba.cross_validate(models, data, 5, group, **QUIET)
    split, by_row = of_rows(data, 5, group, 3), {}
    for name, model in models.items():
        by_row[name] = np.empty(40)
        for k in range(5):
            kept, left = split.rows(k)
            fit = model.copy().fit(data[kept])
            by_row[name][left] = [fit.score(data[[i]]) for i in left]
    best, other = found.index
    difference = by_row[other] - by_row[best]
    sums = (difference - difference.mean()).reshape(10, 4).sum(axis=1)
    expected = np.sqrt(10 / 9 * np.sum(sums**2)) / 40
    assert found.loc[other, "log_score_difference_error"] == pytest.approx(expected, rel=1e-9)


def test_stacking_weights_have_the_best_score():
    rng = np.random.default_rng(3)
    y = rng.normal(size=300)
    logs = {m: stats.norm.logpdf(y, m, 1) for m in (-0.6, 0.5, 3.0)}
    found = leave_one_out.stacking_weights(logs)
    density = np.exp(np.array(list(logs.values())))

    def loss(w):
        return -np.mean(np.log(w @ density))

    total = {"type": "eq", "fun": lambda w: w.sum() - 1}
    best = optimize.minimize(loss, np.full(3, 1 / 3), bounds=[(0, 1)] * 3, constraints=total)
    np.testing.assert_allclose(list(found.values()), best.x, atol=0.01)
    assert leave_one_out.stacking_weights({"alone": logs[0.5]}) == {"alone": 1.0}


# Leave-one-out --------------------------------------------------------------------------------


def test_importance_sampling_agrees_with_leaving_out_each_row():
    """With priors that are stated: defaults are made from all rows, or from those that are left."""
    data = ba.Measurements(np.linspace(-1, 1.3, 7)[:, None], 0.3)
    priors = {
        "mean": ba.Prior("Normal", mu=[0.0], sigma=2.0),
        "covariance": ba.Prior("InverseWishart", nu=4.0, scale=[2.0]),
    }
    models = {
        "one": ba.ExtremeDeconvolution(1, priors=priors),
        "kernels": ba.baselines.KernelDensity(0.8),
    }
    sampler = ba.Gibbs(draws=200, tune=30, chains=2)
    found = ba.cross_validate(models, data, 7, samplers=sampler, loo=True, **QUIET)
    one, other = found.loc["one"], found.loc["kernels"]
    assert one["elpd_loo"] / 7 == pytest.approx(one["log_score"], abs=0.03)
    assert 0 < one["elpd_loo_error"] < 4 and one["worst_pareto_k"] < 0.6
    assert one["high_pareto_k"] == 0 and one["loo_weight"] == 1
    assert np.isnan(other[["elpd_loo", "worst_pareto_k", "loo_weight"]].astype(float)).all()


def test_rows_of_which_it_cannot_be_told_are_named():
    data = line(n=20, scatter=0.1)
    value = data.value.copy()
    value[7] = (8.0, -20.0)
    models = {"line": ba.LinearRelation("y"), "odr": LeastSquaresLine("y")}
    with pytest.warns(
        RuntimeWarning, match=r"'line': Pareto k above 0\.62 in \d of 20 rows \(.*7\)"
    ):
        found = ba.cross_validate(
            models, data.replace(value=value), 2, samplers=QUICK, loo=True, **QUIET
        )
    assert found.loc["line", "high_pareto_k"] >= 1 and found.loc["line", "worst_pareto_k"] > 0.7


def test_rows_that_depend_on_each_other_have_none():
    model = ba.GaussianProcess(ba.kernels.DampedRandomWalk())
    with pytest.warns(RuntimeWarning, match="'drw' has no elpd_loo: given the parameters"):
        found = ba.cross_validate(
            {"drw": model}, walk(30), 2, "time", samplers=QUICK, loo=True, **QUIET
        )
    assert np.isnan(found["elpd_loo"]).all() and np.isfinite(found["log_score"]).all()
    robust = {"drw": ba.GaussianProcess(ba.kernels.DampedRandomWalk(), outliers=True)}
    sampler = ba.NUTS(draws=50, tune=50, chains=2)
    with pytest.warns(RuntimeWarning, match="or have variables of their own"):
        ba.cross_validate(robust, walk(20), 2, samplers=sampler, loo=True, **QUIET)
    with pytest.warns(RuntimeWarning, match="takes 100 draws or more; MAP has fewer"):
        ba.cross_validate(
            {"line": ba.LinearRelation("y")}, line(), 2, samplers=ba.MAP(), loo=True, **QUIET
        )


# What goes wrong ------------------------------------------------------------------------------


def test_a_fit_that_fails_is_named_and_the_others_are_scored(fits):
    data = line(n=20)
    models = {"a": Remembering(), "needs": Remembering(needs=data.column("y")[4])}
    fold = np.arange(20) % 4
    with pytest.warns(RuntimeWarning, match=r"models\['needs'\] is not scored.*row that matters"):
        found = ba.cross_validate(models, data, 4, fold, **QUIET)
    assert list(found.index) == ["a", "needs"]
    assert found["rows"].tolist() == [20, 0] and np.isnan(found.loc["needs", "log_score"])
    assert "ValueError: the row that matters" in found.loc["needs", "failures"]
    with pytest.raises(ValueError, match="no model could be fitted and scored. 'needs': fold"):
        ba.cross_validate({"needs": models["needs"]}, data, 4, fold, **QUIET)


def test_importance_sampling_that_fails_leaves_the_folds(monkeypatch):
    def fails(model):
        raise ArithmeticError("no weights")

    monkeypatch.setattr(leave_one_out, "elpd", fails)
    models = {"line": ba.LinearRelation("y")}
    with pytest.warns(RuntimeWarning, match="'line' has no elpd_loo: ArithmeticError: no weights"):
        found = ba.cross_validate(models, line(n=20), 2, samplers=QUICK, loo=True, **QUIET)
    assert np.isfinite(found.loc["line", "log_score"]) and np.isnan(found.loc["line", "elpd_loo"])


def test_a_diagnosis_that_failed_is_counted_and_named():
    models = {"no scatter": ba.LinearRelation("y", scatter=False), "odr": LeastSquaresLine("y")}
    found = ba.cross_validate(models, line(scatter=2.0), 2, samplers=QUICK, **QUIET)
    assert found.loc["no scatter", "failed"] == 2 and found.loc["odr", "failed"] == 0
    for fold in (1, 2):
        assert f"fold {fold}: " in found.loc["no scatter", "failures"]
    assert "goodness of fit" in found.loc["no scatter", "failures"]


def test_ctrl_c_keeps_the_folds_that_are_done(press_ctrl_c):
    press_ctrl_c(5)
    models = {"odr": LeastSquaresLine("y"), "wls": LeastSquaresLine("y", "wls")}
    with pytest.warns(RuntimeWarning, match="2 of 4 folds are done"):
        found = ba.cross_validate(models, line(n=40), 4, **QUIET)
    assert (found["folds"] == 2).all() and (found["rows"] == 20).all()
    press_ctrl_c(0)
    with pytest.raises(KeyboardInterrupt):
        ba.cross_validate(models, line(n=40), 4, **QUIET)


def joint(n=20):
    whole = np.eye(n)
    whole[2, 3] = whole[3, 2] = 0.5
    return line(n=n).replace(point_covariance={"y": 0.01 * whole})


@pytest.mark.parametrize(
    ("data", "more", "text"),
    [
        (line, {"models": [LeastSquaresLine("y")]}, r"dictionary: \{'name': model"),
        (line, {"models": {"a": 3}}, r"models\['a'\] is a int"),
        (sinusoid, {}, "LeastSquaresLine takes a Measurements"),
        (line, {"folds": 1}, "folds=1 must be a whole number of at least 2"),
        (line, {"folds": 2.5}, "folds=2.5 must be a whole number"),
        (line, {"folds": 41}, "there are 40 rows: folds=40 leaves out each"),
        (line, {"by": "time"}, "a Measurements has no times"),
        (line, {"by": "label"}, "no such column of labels; an array"),
        (line, {"by": np.arange(3)}, r"by has shape \(3,\); expected \(40,\)"),
        (line, {"by": np.arange(40) // 20}, "folds=5, but by has 2 groups: folds=2"),
        (line, {"by": np.zeros(40)}, "all rows are of one group"),
        (line, {"by": np.r_[np.nan, np.arange(39)]}, "by: row 0 has no group"),
        (lambda: line().replace(label=[None, *"ab" * 19, "a"]), {"by": "label"},
         "by='label': row 0 has no group"),
        (line, {"samplers": QUICK, "models": {"a": ba.Periodogram()}}, "Periodogram takes"),
        (line, {"samplers": ba.Gibbs(), "models": {"a": ba.LinearRelation("y")}},
         "LinearRelation cannot be sampled with Gibbs"),
        (line, {"samplers": {"odr": QUICK}}, "samplers: 'odr' is a baseline, which has none"),
        (line, {"samplers": {"b": QUICK}}, "samplers: 'b' is no model"),
        (line, {"seed": -1}, "seed=-1"),
        (line, {"models": {"a": LeastSquaresLine("z")}}, "column 'z' is not there"),
    ],
)  # fmt: skip
def test_what_is_refused_before_any_fit(data, more, text):
    how = {"models": {"odr": LeastSquaresLine("y")}, "data": data(), "progress": False} | more
    with pytest.raises(ValueError, match=text):
        ba.cross_validate(**how)


def test_rows_that_cannot_be_left_out():
    with pytest.raises(
        ValueError, match=r"rows \d+ and \d+ are correlated \(covariance of the est"
    ):
        ba.cross_validate({"power law": ba.baselines.LandySzalay()}, pairs(), 3, **QUIET)
    rates = {"rates": ba.PoissonRate("independent")}
    data = counted(names=[f"source {i}" for i in range(25)])
    with pytest.raises(ValueError, match="'rates': fold 1: .*say nothing of others"):
        ba.cross_validate(rates, data, 3, samplers=ba.Exact(draws=100), **QUIET)


def test_errors_that_points_share_stay_within_a_group():
    with pytest.raises(ValueError, match=r"rows 2 and 3 are correlated \(covariance of y\)"):
        of_rows(joint(), 20, None, 1)
    group = np.arange(20)
    group[3] = 2
    assert of_rows(joint(), 4, group, 1).count == 4
