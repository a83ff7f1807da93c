"""Clusterings with the verbs of a model."""

import numpy as np
import pytest
from samples import open_cluster

import bayes_astro as ba

NAMES = ("ClusterDBSCAN", "ClusterGaussianMixture", "ClusterHDBSCAN")


@pytest.fixture(scope="module")
def stars():
    return open_cluster(n=500, members=80, seed=3)


@pytest.mark.parametrize("name", NAMES)
def test_members_are_found(stars, name):
    found = getattr(ba.baselines, name)(guess={"pmra": -4.0, "pmdec": 3.0}).fit(stars)
    p = found.probability()["mean"].to_numpy()
    assert np.mean(p[:80] > 0.5) > 0.8
    assert np.mean(p[80:] > 0.5) < 0.03
    draws = found.posterior["posterior"]
    np.testing.assert_allclose(draws["mean"].values.ravel(), [1.5, -4.0, 3.0], atol=0.1)
    assert float(draws["members"].squeeze()) == pytest.approx(80, abs=20)
    # Errors are taken off in the mean: 0.1 from a scatter of 0.13.
    assert float(draws["dispersion"].sel(spread="pm").squeeze()) == pytest.approx(0.1, abs=0.06)


def test_k_means_cuts_the_field(stars):
    found = ba.baselines.ClusterKMeans(n_clusters=4).fit(stars)
    p = found.probability()["mean"].to_numpy()
    assert set(p) <= {0.0, 1.0}
    assert p[:80].mean() > 0.9
    assert p[80:].mean() > 0.03


def test_new_stars_are_like_the_nearest(stars):
    found = ba.baselines.ClusterDBSCAN().fit(stars)
    p = found.probability()["mean"].to_numpy()
    np.testing.assert_array_equal(found.probability(stars[::3])["mean"], p[::3])


def test_they_compare_with_the_model(stars):
    model = ba.ClusterMembership(field=1).fit(stars, ba.MAP(), seed=1, progress=False)
    other = model.baseline().fit(stars)
    assert type(other).__name__ == "ClusterGaussianMixture"
    assert other.columns == model.columns
    test = open_cluster(n=500, members=80, seed=4)
    assert np.isfinite(other.score(test))
    table = ba.compare({"model": model, "mixture": other}, test)
    assert len(table) == 2


def test_means_are_those_of_scikit_learn(stars):
    from sklearn.cluster import KMeans

    found = ba.baselines.ClusterKMeans(n_clusters=3).fit(stars)
    scaled = (stars.value - stars.value.mean(axis=0)) / stars.value.std(axis=0)
    labels = KMeans(3, n_init=5, random_state=0).fit_predict(scaled)
    mine = found.probability()["mean"].to_numpy() == 1
    which = labels[np.flatnonzero(mine)[0]]
    np.testing.assert_array_equal(mine, labels == which)
    mean = found.posterior["posterior"]["mean"].values.ravel()
    np.testing.assert_allclose(mean, stars.value[mine].mean(axis=0))
