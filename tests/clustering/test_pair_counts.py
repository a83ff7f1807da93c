"""Pairs, the estimate of Landy and Szalay and its covariance: brute force, TreeCorr, no clustering."""

from itertools import pairwise

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from point_processes import pairs_of_points

import bayes_astro as ba
from bayes_astro.clustering.pair_counting import patches_of

COUNT = ba.PairCounts.from_positions
FIELDS = {
    "line": ([0], [1], np.geomspace(0.002, 0.2, 5)),
    "plane": ([0, 0], [1, 1], np.geomspace(0.02, 0.3, 5)),
    "space": ([0, 0, 0], [1, 1, 1], np.geomspace(0.05, 0.4, 5)),
    "angular": ([350, -80], [380, 60], np.geomspace(2, 40, 5)),
}


def sample(kind, n=150, m=400, weighted=True):
    low, high, edges = FIELDS[kind]
    rng = np.random.default_rng(3)
    points = ba.PairCounts.randoms_in(low, high, n, kind=kind, seed=1)
    randoms = ba.PairCounts.randoms_in(low, high, m, kind=kind, seed=2)
    weight = (rng.uniform(0.5, 2, n), rng.uniform(0.5, 2, m)) if weighted else (None, None)
    return points, randoms, edges, *weight


def distances(kind, one, other):
    """Without the library: of angles by astropy."""
    if kind == "angular":
        a, b = (SkyCoord(*x.T, unit="deg") for x in (one, other))
        return a[:, None].separation(b[None]).deg
    return np.sqrt(np.sum((one[:, None] - other[None]) ** 2, axis=2))


def brute(kind, points, randoms, edges, weight, other, own, theirs, keep):
    """Landy-Szalay by sums over all pairs, each worth what `keep` says of its two patches."""
    shares = []
    for x, y, w, v, a, b in (
        (points, points, weight, weight, own, own),
        (points, randoms, weight, other, own, theirs),
        (randoms, randoms, other, other, theirs, theirs),
    ):
        away = distances(kind, x, y)
        value = np.outer(w, v) * keep(a[:, None], b[None])
        if x is y:
            value = np.triu(value, 1)
        bins = [np.sum(value[(away > low) & (away <= high)]) for low, high in pairwise(edges)]
        shares.append(np.array(bins) / value.sum())
    dd, dr, rr = shares
    return (dd - 2 * dr + rr) / rr


@pytest.mark.parametrize("engine", ["grid", "scipy"])
@pytest.mark.parametrize("kind", FIELDS)
def test_estimates_and_jackknife_are_those_of_brute_force(kind, engine):
    points, randoms, edges, weight, other = sample(kind)
    rng = np.random.default_rng(5)
    count = 9
    own, theirs = rng.integers(count, size=len(points)), rng.integers(count, size=len(randoms))
    theirs[:count] = np.arange(count)
    found = COUNT(
        points, randoms, edges, kind=kind, weight=weight, random_weight=other,
        patches=(own, theirs), engine=engine,
    )  # fmt: skip
    setting = kind, points, randoms, edges, weight, other, own, theirs
    assert np.allclose(found.estimate, brute(*setting, lambda a, b: np.ones_like(a + b)), rtol=1e-9)
    alpha = count / (2 + np.sqrt(2) * (count - 1))
    each = []
    for k in range(count):

        def keep(a, b, k=k):
            inside = (a == k).astype(int) + (b == k)
            return np.where(inside == 2, 0.0, np.where(inside == 1, 1 - alpha, 1.0))

        each.append(brute(*setting, keep))
    each = np.array(each)
    assert np.allclose(found.by_patch.T, each, rtol=1e-9, atol=1e-12)
    covariance = np.cov(each.T) * (count - 1) ** 2 / count
    assert np.allclose(found.covariance, covariance, rtol=1e-7, atol=1e-15)
    assert found.unit == ("deg" if kind == "angular" else "")


@pytest.mark.parametrize("kind", FIELDS)
def test_counts_are_those_of_treecorr(kind):
    pytest.importorskip("treecorr", reason="needs TreeCorr: uv sync --group benchmark")
    points, randoms, edges, weight, other = sample(kind, 500, 1500)
    given = {"kind": kind, "weight": weight, "random_weight": other, "patches": 12}
    ours, theirs = (COUNT(points, randoms, edges, engine=e, **given) for e in ("grid", "treecorr"))
    for field in ("dd", "dr", "rr", "estimate", "by_patch", "covariance"):
        a, b = getattr(ours, field), getattr(theirs, field)
        assert np.allclose(a, b, rtol=1e-5, atol=1e-5 * np.abs(a).max()), field
    with pytest.raises(ValueError, match="TreeCorr takes bins of equal log width"):
        COUNT(points, randoms, [0.1, 0.2, 0.5], engine="treecorr", **given | {"patches": 10})


def test_a_grid_counts_as_a_tree_does():
    """Narrow reaches of many cells, in a long thin field and in one with an empty middle."""
    rng = np.random.default_rng(1)
    field = rng.uniform(size=(3000, 3)) * [10, 1, 0.1]
    field[1500:, 0] += 40
    points = field[rng.permutation(3000)[:700]] + 1e-3
    for edges in (np.geomspace(0.05, 0.3, 5), np.geomspace(0.1, 30, 5)):
        found = [
            COUNT(points, field, edges, patches=12, engine=engine, threads=threads)
            for engine, threads in (("grid", 1), ("grid", 3), ("scipy", 1))
        ]
        assert found[0] == found[1]
        for name in ("dd", "dr", "rr"):
            assert np.array_equal(getattr(found[0], name), getattr(found[2], name))
        assert np.allclose(found[0].covariance, found[2].covariance, rtol=1e-6, atol=1e-14)


def test_covariance_is_that_of_treecorr():
    """Its own jackknife with the weights of Mohammad and Percival, whose total is w^2, not w (w - 1)."""
    treecorr = pytest.importorskip("treecorr", reason="needs TreeCorr: uv sync --group benchmark")
    points, randoms, edges, *_ = sample("plane", 1000, 4000)
    own, theirs, _ = patches_of(points, randoms, 25, True, 4)
    settings = {
        "min_sep": edges[0],
        "max_sep": edges[-1],
        "nbins": 4,
        "bin_slop": 0,
        "angle_slop": 0,
    }
    settings |= {"var_method": "jackknife", "cross_patch_weight": "match", "num_threads": 1}
    one, other = (
        treecorr.Catalog(x=x[:, 0], y=x[:, 1], patch=patch)
        for x, patch in ((points, own), (randoms, theirs))
    )
    dd, dr, rr = (treecorr.NNCorrelation(**settings) for _ in range(3))
    dd.process(one)
    dr.process(one, other)
    rr.process(other)
    xi, _ = dd.calculateXi(rr=rr, dr=dr)
    found = COUNT(points, randoms, edges, kind="plane", patches=(own, theirs))
    assert np.allclose(found.estimate, xi, atol=3 / 1000)
    scale = np.outer(found.error, found.error)
    assert np.abs((found.covariance - dd.cov) / scale).max() < 0.01


def test_shapley_galaxies_are_counted_as_by_treecorr(shared_data):
    treecorr = pytest.importorskip("treecorr", reason="needs TreeCorr: uv sync --group benchmark")
    sky = np.loadtxt(shared_data / "m_clusters" / "shapley_galaxies.tab", skiprows=1)[:, :2]
    sky = np.unique(sky, axis=0)
    low, high = sky.min(axis=0), sky.max(axis=0)
    randoms = ba.PairCounts.randoms_in(low, high, 5000, kind="angular", seed=1)
    edges = np.geomspace(0.05, 2, 9)
    found = COUNT(sky, randoms, edges, kind="angular", covariance="analytic")
    settings = {"min_sep": 0.05, "max_sep": 2, "nbins": 8, "sep_units": "deg", "metric": "Arc"}
    counts = []
    one, other = (
        treecorr.Catalog(ra=x[:, 0], dec=x[:, 1], ra_units="deg", dec_units="deg")
        for x in (sky, randoms)
    )
    for pair in ((one,), (one, other), (other,)):
        pairs = treecorr.NNCorrelation(**settings, bin_slop=0, angle_slop=0)
        pairs.process(*pair)
        counts.append(pairs.npairs)
    for ours, theirs in zip((found.dd, found.dr, found.rr), counts, strict=True):
        assert np.array_equal(ours, theirs)


@pytest.mark.slow
def test_without_clustering_xi_is_zero_within_its_errors():
    """Chi-square of 100 Poisson samples: analytic errors, and Hotelling's law of a jackknife."""
    edges, bins, patches = np.geomspace(0.03, 0.3, 6), 5, 40
    squares = {"analytic": [], "jackknife": []}
    values = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        points, randoms = rng.uniform(size=(300, 2)), rng.uniform(size=(1500, 2))
        for method, found in squares.items():
            counts = COUNT(points, randoms, edges, kind="plane", covariance=method, patches=patches)
            found.append(counts.estimate @ np.linalg.solve(counts.covariance, counts.estimate))
        values.append(counts.estimate / counts.error)
    assert np.abs(np.mean(values, axis=0)).max() < 0.35
    assert np.mean(squares["analytic"]) == pytest.approx(bins, rel=0.25)
    expected = bins * (patches - 1) / (patches - bins - 2)
    assert np.mean(squares["jackknife"]) == pytest.approx(expected, rel=0.25)


def test_a_power_law_is_estimated_without_bias():
    """Mean of estimates of a Gauss-Poisson process over its closed form, in three dimensions."""
    edges = np.geomspace(0.02, 0.1, 4)
    randoms = ba.PairCounts.randoms_in([0] * 3, [1] * 3, 6000, seed=9)
    found, truth = [], None
    for seed in range(12):
        points, amplitude = pairs_of_points(800, 1.8, 0.005, 0.15, d=3, seed=seed)
        counts = COUNT(points, randoms, edges, covariance="analytic")
        found.append(counts.estimate)
        truth = amplitude * 3 / 1.2 * np.diff(edges**1.2) / np.diff(edges**3)
    mean, error = np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / np.sqrt(12)
    assert (np.abs(mean - truth) < 3.5 * error + 0.05 * truth).all()
    assert (mean > 5 * error)[0]


def test_patches_are_compact_and_equal():
    points, randoms, *_ = sample("plane", 300, 3000)
    own, theirs, count = patches_of(points, randoms, 13, True, 3)
    sizes = np.bincount(theirs, minlength=13)
    assert count == 13 and sizes.max() - sizes.min() <= 13
    widths = [np.ptp(randoms[theirs == k], axis=0).max() for k in range(13)]
    assert max(widths) < 0.6
    assert np.bincount(own, minlength=13).min() > 5


def test_units_threads_and_whole_turns_do_not_matter():
    points, randoms, edges, *_ = sample("angular")
    plain = COUNT(points, randoms, edges, kind="angular", patches=12)
    turned = points - [360, 0]
    for other in (
        COUNT(points * u.deg, (randoms * u.deg).to(u.rad), edges * 60 * u.arcmin, kind="angular",
              patches=12),
        COUNT(turned, randoms, edges, kind="angular", patches=12, threads=2),
    ):  # fmt: skip
        assert np.allclose(other.estimate, plain.estimate, rtol=1e-9)
        assert np.allclose(other.covariance, plain.covariance, rtol=1e-6)
    points, randoms, edges, *_ = sample("space")
    here = COUNT(points * u.Mpc, randoms * 1000 * u.kpc, edges * 1000 * u.kpc, patches=12)
    assert here.unit == "Mpc"
    assert np.allclose(here.estimate, COUNT(points, randoms, edges, patches=12).estimate)


def test_weights_of_two_are_two_objects_but_for_their_own_pair():
    points, randoms, edges, *_ = sample("plane")
    both = COUNT(points, randoms, edges, kind="plane", weight=np.full(150, 3.0), patches=12)
    assert np.allclose(
        both.estimate, COUNT(points, randoms, edges, kind="plane", patches=12).estimate
    )
    assert np.allclose(
        both.expected, COUNT(points, randoms, edges, kind="plane", patches=12).expected
    )


def test_rows_keep_their_covariance():
    points, randoms, edges, *_ = sample("plane")
    counts = COUNT(points, randoms, edges, kind="plane", patches=12)
    some = counts[[2, 0]]
    assert np.array_equal(some.estimate, counts.estimate[[0, 2]])
    assert np.array_equal(some.covariance, counts.covariance[np.ix_([0, 2], [0, 2])])
    assert len(counts[1]) == 1 and some.by_patch.shape == (2, 12)
    assert ba.PairCounts.from_arrays(some.to_arrays(), some.metadata()) == some


def test_published_estimates_are_read():
    table = {"lo": [1.0, 2], "hi": [2.0, 4], "w": [0.3, 0.1], "dw": [0.05, 0.02]}
    found = ba.PairCounts.read(
        table, lower="lo", upper="hi", estimate="w", error="dw", kind="angular", source="a paper"
    )
    assert found.unit == "deg" and np.allclose(found.error, [0.05, 0.02])
    matrix = [[0.01, 0.002], [0.002, 0.01]]
    found = ba.PairCounts.read(table, lower="lo", upper="hi", estimate="w", covariance=matrix)
    assert np.array_equal(found.covariance, matrix)


SQUARE = np.random.default_rng(0).uniform(size=(60, 2))
FIELD = np.random.default_rng(1).uniform(size=(400, 2))
SKY = ba.PairCounts.randoms_in([10, -30], [40, 20], 60, kind="angular", seed=1)
GOOD = {
    "positions": SQUARE,
    "randoms": FIELD,
    "edges": [0.1, 0.2, 0.4],
    "kind": "plane",
    "patches": 9,
}
SPOILT = SQUARE.copy()
SPOILT[3, 1] = np.nan


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"randoms": None}, "randoms: are needed, in one dimension as in three"),
        ({"positions": SQUARE[:, 0], "kind": None, "randoms": None}, "randoms: are needed"),
        ({"kind": None}, "kind: two columns may be .* say kind='angular' or kind='plane'"),
        ({"kind": "sky"}, "kind: 'sky' is none of"),
        ({"edges": [0.2, 0.1, 0.4]}, "edges: must be .* that increase"),
        ({"edges": [0.0, 0.1, 0.4]}, "edges: begin at 0; the first must be > 0"),
        ({"edges": [1e-7, 2e-7, 0.4]}, "edges: bin 0, .* has no pair of random points; give more"),
        ({"positions": SPOILT}, "positions, y: row 3 is nan or masked; drop such rows"),
        ({"positions": FIELD[:, :1]}, r"positions: have shape \(400, 1\); expected \(n, 2\)"),
        ({"randoms": np.ones((9, 3))}, r"randoms: have shape \(9, 3\); expected \(n, 2\)"),
        ({"randoms": FIELD * u.Mpc}, "randoms: is in 'Mpc', which cannot be converted"),
        ({"positions": np.repeat(SQUARE, 2, axis=0)}, "100.0% of the objects have the position"),
        ({"positions": SKY + [0, 90], "kind": "angular"}, "declination: row .* from -90 to 90"),
        ({"positions": SKY * 50, "kind": "angular"}, "right ascension.*degrees|declination"),
        ({"weight": np.ones(3)}, "weight: has 3 entries for 60 points"),
        ({"weight": np.zeros(60)}, "weight: row 0 is 0.0 .*weights are > 0"),
        ({"patches": 4}, "patches: 4 are too few for 2 bins.* give 5 at least, better 4"),
        ({"patches": 500}, "patches: 500 must be a whole number from 1"),
        ({"patches": ([0], [1])}, "patches: labels of objects must be 60 whole numbers"),
        ({"patches": (np.full(60, 9), np.zeros(400, int))}, "patch 9 has objects and no random"),
        ({"covariance": "bootstrap"}, "covariance: 'bootstrap' must be 'jackknife' or 'analytic'"),
        ({"engine": "corrfunc"}, "engine: 'corrfunc' must be 'grid', 'scipy' or 'treecorr'"),
        ({"positions": SQUARE[:2]}, "2 and 400 are too few for pairs"),
    ],
)
def test_bad_positions_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        COUNT(**GOOD | changes)


def test_empty_bins_of_objects_are_named():
    with pytest.raises(ValueError, match="bin 0, from 0.01 to 0.02, has no pair of objects; widen"):
        COUNT(SQUARE[:8], FIELD, [0.01, 0.02, 0.4], kind="plane", patches=9)


def test_radians_for_degrees_warn():
    with pytest.warns(UserWarning, match=r"below 6.3 .* they are taken for degrees"):
        COUNT(
            np.radians(SKY),
            np.radians(SKY) + 0.01,
            [0.1, 0.5],
            kind="angular",
            covariance="analytic",
        )


ROW = ([1.0, 2], [2.0, 4], [0.3, 0.1], [0.1, 0.1])


@pytest.mark.parametrize(
    ("arguments", "changes", "message"),
    [
        (([0.0, 2], *ROW[1:]), {}, "lower: row 0 is 0.0; separations are > 0: a power law"),
        (([2.0, 1], [4.0, 2], *ROW[2:]), {}, "lower: row 1 is 1.0; bins must be in the order"),
        ((ROW[0], [2.0, 2], *ROW[2:]), {}, "upper: row 1 is 2.0; it must be above lower"),
        ((*ROW[:2], [0.3, np.nan], ROW[3]), {}, "estimate: row 1 is nan or masked; a bin without"),
        ((*ROW[:3], [[1.0, 2], [2, 1]]), {}, "covariance: is not positive definite"),
        ((*ROW[:3], [[1.0, 0.2], [0.1, 1]]), {}, "covariance: must be finite and symmetric"),
        ((*ROW[:3], np.eye(3)), {}, r"covariance: has shape \(3, 3\); expected \(2, 2\)"),
        ((*ROW[:3], [0.1, 0.0]), {}, "covariance: row 1 is 0.0; standard deviations are > 0"),
        (ROW, {"kind": "sphere"}, "kind: 'sphere' is none of"),
        (ROW, {"method": "bootstrap"}, "method: 'bootstrap' is none of"),
        (ROW, {"method": "jackknife", "patches": 4}, "patches: 4 give no covariance of 2 bins"),
        (ROW, {"kind": "angular", "unit": "Mpc"}, "unit: separations of angles are in deg"),
        (ROW, {"dd": [1.0]}, "dd: has 1 entries, lower has 2"),
        (ROW, {"expected": [1.0, -1]}, "expected: row 1 is -1.0; numbers of pairs are >= 0"),
        (ROW, {"by_patch": [[1.0], [2]]}, r"by_patch: has shape \(2, 1\); expected"),
        (ROW, {"field_share": [1.0]}, "field_separation, field_share: must have as many"),
        (([], [], [], []), {}, "lower: is empty"),
    ],
)
def test_bad_bins_are_refused(arguments, changes, message):
    with pytest.raises(ValueError, match=message):
        ba.PairCounts(*arguments, **changes)


def test_where_points_are_far_from_all_random_points_is_counted():
    points, randoms, edges, *_ = sample("plane", 400, 4000, weighted=False)
    whole = COUNT(points, randoms, edges, kind="plane", patches=12)
    half = COUNT(points, randoms[randoms[:, 0] < 0.7], edges, kind="plane", patches=12)
    wide = COUNT(points, randoms * [2, 1], edges, kind="plane", patches=12)
    assert whole.outside == 0 and whole.empty < 0.01
    assert 0.2 < half.outside < 0.35
    assert 0.4 < wide.empty <= 0.55


def test_shares_of_the_field_are_those_of_all_pairs():
    points, randoms, edges, *_ = sample("line", weighted=False)
    counts = COUNT(points, randoms, edges, patches=12)
    away, share = np.array(counts.field_separation), np.array(counts.field_share)
    assert share.sum() == pytest.approx(1)
    assert np.sum(away * share) == pytest.approx(1 / 3, rel=0.1)  # of two points of the unit line
