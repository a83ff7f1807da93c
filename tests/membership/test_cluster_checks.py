"""What can go wrong with a cluster, each seen by a check; right data pass all of them."""

import re

import numpy as np
import pytest
from samples import open_cluster

import bayes_astro as ba

QUICK = ba.Laplace(draws=400, restarts=1)
APART = ("importance efficiency",)


def judged(data, **options):
    model = ba.ClusterMembership(**({"field": 1} | options))
    return model.fit(data, QUICK, seed=1, progress=False).diagnose()


def failures(diagnosis):
    return {check.name for check in diagnosis.failures() if check.name not in APART}


def both(*data):
    return ba.Measurements(
        np.concatenate([d.value for d in data]),
        covariance=np.concatenate([d.covariance for d in data]),
        names=data[0].names, units=data[0].units,
    )  # fmt: skip


GOOD = {"n": 800, "members": 80}


def test_right_data_fail_no_check():
    for seed in range(4):
        assert not failures(judged(open_cluster(**GOOD, seed=seed)))


def test_a_field_without_a_cluster_is_said_to_have_none():
    for seed in range(3):
        diagnosis = judged(open_cluster(n=800, members=0, seed=seed))
        assert diagnosis["a cluster"].passed is False
        assert diagnosis["a cluster"].figure < 0


def test_errors_that_are_all_the_same_cannot_be_judged():
    data = open_cluster(n=300, members=60, seed=6)
    check = judged(data.replace(error=[0.08, 0.1, 0.1]))["errors as stated"]
    assert check.passed is None
    assert "cannot be told" in check.advice


def test_the_odds_of_a_cluster_grow_with_its_members():
    odds = [
        judged(open_cluster(n=800, members=m, seed=2))["a cluster"].figure for m in (12, 40, 120)
    ]
    assert 5 < odds[0] < odds[1] - 20 < odds[2] - 80


def test_wings_that_are_not_in_the_model_are_seen():
    data = open_cluster(n=800, members=160, wings=50, seed=4)
    assert judged(data)["no wings"].passed is False
    with_wings = judged(data, wings=True)
    assert not failures(with_wings)
    with pytest.raises(KeyError):
        with_wings["no wings"]


@pytest.mark.parametrize("stated", [0.5, 2.0])
def test_wrong_errors_are_seen(stated):
    data = open_cluster(n=800, members=150, s=(0.03, 0.05), stated=stated, seed=6)
    check = judged(data)["errors as stated"]
    assert check.passed is False
    assert f"{1 / stated:g} times" in check.advice


def test_a_guess_elsewhere_is_seen():
    data = open_cluster(**GOOD, seed=1)
    found = failures(judged(data, guess={"parallax": 0.5, "pmra": -1.0, "pmdec": 0.0}))
    assert "no other cluster" in found
    assert "a cluster" in found


def test_a_second_cluster_is_seen():
    second = open_cluster(n=0, members=80, seed=12)
    moved = second.replace(value=second.value + np.array([-0.5, 5.0, -5.0]))
    data = both(open_cluster(**GOOD, seed=1), moved)
    guess = {"parallax": 1.5, "pmra": -4.0, "pmdec": 3.0}
    check = judged(data, guess=guess)["no other cluster"]
    assert check.passed is False
    where = re.search(r"parallax (.*), pmra (.*), pmdec (.*), where", check.advice).groups()
    np.testing.assert_allclose([float(x) for x in where], [1.0, 1.0, -2.0], atol=0.3)


def test_rows_that_are_there_twice_are_seen():
    data = open_cluster(**GOOD, seed=1)
    assert "no repeated rows" in failures(judged(both(data, data)))


def test_few_members_are_a_remark():
    diagnosis = judged(open_cluster(n=300, members=12, seed=1))
    assert diagnosis["members"].passed is None


def test_a_region_smaller_than_the_cluster_is_seen():
    guess = {"parallax": 1.5, "pmra": -4.0, "pmdec": 3.0}
    small = {"parallax": 0.03, "pmra": 0.06, "pmdec": 0.06}
    diagnosis = judged(open_cluster(**GOOD, seed=1), guess=guess, region=small)
    assert diagnosis["narrower than its region"].passed is False


def test_what_the_bound_does_is_told():
    data = open_cluster(n=800, members=200, wings=80, seed=4)
    model = ba.ClusterMembership(field=2).fit(data, QUICK, seed=1, progress=False)
    group = model.posterior["sensitivity"]
    assert list(group["bound"].values) == ["with", "without"]
    moved = float(group["fraction"][1] - group["fraction"][0])
    sd = float(model.posterior["posterior"]["fraction"].std())
    check = model.diagnose()["bound of the field"]
    assert check.figure >= abs(moved) / sd * 0.99
    # A Gaussian of the field takes the wings, which the bound has kept from it.
    assert check.passed is None
    assert moved < 0


def test_the_region_that_was_found_is_told():
    check = judged(open_cluster(**GOOD, seed=1))["region of the cluster"]
    assert check.passed is None
    assert "parallax 1.5" in check.advice or "parallax 1.4" in check.advice
