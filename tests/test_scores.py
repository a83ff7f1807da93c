"""`score`, and with it scikit-learn's searches and folds over models and containers."""

import numpy as np
import pytest
from samples import binned, burst, counted, damping, galaxies, line, sinusoid
from scipy.stats import norm
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    cross_val_score,
    cross_validate,
    train_test_split,
)
from sklearn.utils import get_tags

import bayes_astro as ba
from bayes_astro.data import DataError

QUICK = {"sampler": ba.Laplace(draws=400, restarts=1), "seed": 1, "progress": False}
FOLDS = KFold(3, shuffle=True, random_state=0)
CONTAINERS = {
    "LightCurve": sinusoid,
    "Measurements": line,
    "Photometry": lambda: galaxies(50),
    "Counts": lambda: counted(names=[f"source {i}" for i in range(25)]),
    "BinnedRedshifts": binned,
    "DampingTimes": damping,
    "Events": burst,
}


@pytest.mark.parametrize("name", list(CONTAINERS))
def test_scikit_learn_divides_containers(name):
    data = CONTAINERS[name]()
    assert data.shape == (len(data),)
    parts = [data[np.sort(test)] for _, test in FOLDS.split(data)]
    assert sum(map(len, parts)) == len(data)
    train, test = train_test_split(data, test_size=10, random_state=1)
    assert type(train) is type(test) is type(data)
    assert (len(train), len(test)) == (len(data) - 10, 10)
    assert data[3] == data[[3]] == data[3:4] == data[np.arange(len(data)) == 3] == data[[3], ...]
    with pytest.raises((IndexError, DataError)):
        data[len(data)]


def test_a_score_by_hand():
    """Of a baseline, whose posterior is one line: the mean of normal densities."""
    data = line(n=30)
    model = ba.baselines.LeastSquaresLine("y", errors="stated").fit(data[:20])
    draws = model.posterior["posterior"].to_dataset()
    slope, intercept = (float(draws[name].values.ravel()[0]) for name in ("slope", "intercept"))
    test = data[20:].without_error("x")
    residual = test.column("y") - intercept - slope * test.column("x")
    scatter = float(draws["scatter"].values.ravel()[0]) if "scatter" in draws else 0.0
    expected = norm.logpdf(residual, 0, np.hypot(test.error[:, 1], scatter)).mean()
    assert model.score(test) == pytest.approx(expected, rel=1e-9)


def test_a_score_is_that_of_compare_and_counts_weights():
    data = line(n=40)
    model = ba.LinearRelation("y").fit(data[:30], QUICK["sampler"], seed=1, progress=False)
    test = data[30:]
    assert model.score(test) == ba.compare({"line": model}, test)["log_score"]["line"]
    assert model.score(test, draws=None) == pytest.approx(model.score(test), abs=0.01)
    mixture = ba.ExtremeDeconvolution(1).fit(data[:30], ba.MAP(), seed=1, progress=False)
    twice = test.replace(weight=np.r_[3.0, np.ones(9)])
    first, rest = mixture.score(test[:1]), mixture.score(test[1:])
    assert mixture.score(twice) == pytest.approx((3 * first + 9 * rest) / 12, rel=1e-12)


def test_what_cannot_be_scored():
    model = ba.LinearRelation("y").fit(line(), QUICK["sampler"], seed=1, progress=False)
    with pytest.raises(
        ValueError, match="LinearRelation is scored on a Measurements alone, got Li"
    ):
        model.score(sinusoid())
    with pytest.raises(ValueError, match="got a second argument"):
        model.score(line(), [1, 2])
    with pytest.raises(ValueError, match="not fitted"):
        ba.LinearRelation("y").score(line())
    counts = counted(names=[f"source {i}" for i in range(25)])
    rates = ba.PoissonRate("independent").fit(counts[:20], seed=1, progress=False)
    with pytest.raises(ValueError, match="independent rates say nothing of others"):
        rates.score(counts[20:])
    objects = galaxies(60)
    photoz = ba.XDPhotoZ(1, n_fits=1, error_scale=1.0, common_error=0.02)
    photoz.fit(objects[:40], QUICK["sampler"], seed=1, progress=False)
    unknown = objects[40:].replace(redshift=np.r_[np.nan, objects[41:].redshift])
    with pytest.raises(ValueError, match="row 0 is unknown, which cannot be scored"):
        photoz.score(unknown)


@pytest.mark.parametrize(
    ("model", "data"),
    [
        (ba.Periodogram(period=(2, 20)), sinusoid),
        (ba.LinearRelation("y"), line),
        (ba.ExtremeDeconvolution(1), line),
        (ba.HierarchicalDRW(), damping),
        (ba.PopulationNz(), binned),
        (ba.PoissonRate(), counted),
        (ba.StructureFunction(), sinusoid),
    ],
)
def test_folds_of_tasks_and_their_baselines(model, data):
    data = data()
    exact = isinstance(model, ba.Periodogram | ba.StructureFunction)
    how = QUICK | {"sampler": ba.Exact(draws=200) if exact else QUICK["sampler"]}
    if isinstance(model, ba.PoissonRate | ba.PopulationNz | ba.HierarchicalDRW):
        how["sampler"] = ba.NUTS(draws=60, tune=60, chains=2)
    found = cross_val_score(model, data, cv=FOLDS, params=how, error_score="raise")
    train, test = next(iter(FOLDS.split(data)))
    by_hand = model.copy().fit(data[train], **how).score(data[test])
    assert np.isfinite(found).all() and found[0] == by_hand
    assert not model.__sklearn_is_fitted__()
    plain = cross_val_score(model.baseline(), data, cv=FOLDS, error_score="raise")
    assert np.isfinite(plain).all()
    assert found.mean() > plain.mean() - 1


def test_a_search_finds_the_number_of_harmonics():
    rng = np.random.default_rng(1)
    time = np.sort(rng.uniform(0, 100, 150))
    phase = 2 * np.pi * time / 3.7
    value = np.cos(phase) + 0.7 * np.cos(2 * phase + 1) + 0.2 * rng.normal(size=150)
    curve = ba.LightCurve(time, value, 0.2)
    search = GridSearchCV(ba.Periodogram(period=(2, 20)), {"n_terms": [1, 2]}, cv=FOLDS)
    search.fit(curve, sampler=ba.Exact(draws=200), seed=1, progress=False)
    assert search.best_params_ == {"n_terms": 2}
    assert search.best_estimator_.data == curve
    assert search.score(curve) == search.best_estimator_.score(curve)


def test_several_scores_and_tags():
    tags = get_tags(ba.Periodogram())
    assert tags.estimator_type is None and not tags.target_tags.required
    found = cross_validate(
        ba.baselines.LombScargle(period=(2, 20)), sinusoid(), cv=FOLDS, return_estimator=True
    )
    assert all(one.__sklearn_is_fitted__() for one in found["estimator"])
