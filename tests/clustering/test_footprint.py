"""Objects that lean to one side of their field."""

import numpy as np
import pytest

import bayes_astro as ba
from bayes_astro.clustering.footprint import clumps, lean

EDGES = np.geomspace(0.01, 0.15, 9)


def field(seed, parents=250):
    """Clumps of six objects in a square, and random points."""
    rng = np.random.default_rng(seed)
    middle = np.repeat(rng.uniform(-0.05, 1.05, (parents, 2)), rng.poisson(6, parents), axis=0)
    objects = middle + 0.012 * rng.normal(size=middle.shape)
    objects = objects[((objects > 0) & (objects < 1)).all(axis=1)]
    return objects, ba.PairCounts.randoms_in([0, 0], [1, 1], 10 * len(objects), seed=1)


def counted(objects, randoms, **options):
    return ba.PairCounts.from_positions(objects, randoms, EDGES, kind="plane", **options)


def leaning(counts):
    """In sd of the mean of the clumps."""
    own = counts.objects, counts.estimate, counts.expected, counts.lower, counts.upper, 2
    return counts.lean * np.sqrt(clumps(*own))


def test_right_fields_lean_to_no_side():
    assert max(leaning(counted(*field(seed))) for seed in range(12)) < 2.7


@pytest.mark.parametrize("axis", [0, 1])
def test_a_field_that_is_deeper_on_one_side_is_told(axis):
    objects, randoms = field(3)
    kept = np.random.default_rng(1).uniform(size=len(objects)) < 0.2 + 0.8 * objects[:, axis]
    counts = counted(objects[kept], randoms)
    assert leaning(counts) > 3.4
    model = ba.TwoPointCorrelation(smooth=False).fit(
        counts, ba.Laplace(draws=400), seed=1, progress=False
    )
    assert model.diagnose()["objects lean to no side"].passed is False
    # Objects that weigh as much as they are rarely seen stand upright again.
    weight = 1 / (0.2 + 0.8 * objects[kept][:, axis])
    assert leaning(counted(objects[kept], randoms, weight=weight)) < 2.7


def test_the_mean_is_that_of_the_numbers():
    rng = np.random.default_rng(0)
    randoms, objects = rng.uniform(size=(4000, 2)), rng.uniform(size=(500, 2)) ** [0.5, 1.0]
    ones = np.ones(4000)
    found = lean(objects, randoms, ones[:500], ones)
    expected = (objects[:, 0].mean() - randoms[:, 0].mean()) / randoms[:, 0].std()
    assert 0.97 * expected < found < 1.1 * expected


def test_objects_without_clustering_are_clumps_of_one():
    ones = np.ones(3)
    assert clumps(100, 0 * ones, 50 * ones, ones, 2 * ones, 2) == pytest.approx(100)
    above = np.array([1.0, 0.0, 0.0])
    assert clumps(100, above, 50 * ones, 1e-9 * ones, ones, 2) == pytest.approx(100 / 2.5)
    # Within the lower edge a seventh of the first bin's pairs of a shell from 1 to 2 in space.
    m = 1 + 1.5 * (1 + 1 / 7)
    assert clumps(100, above, 50 * ones, ones, 2 * ones, 3) == pytest.approx(100 / m)
