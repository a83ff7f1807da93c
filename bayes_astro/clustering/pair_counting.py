"""Pairs of positions by separation, and what `PairCounts` has of them."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from bayes_astro.clustering import positions as points_of
from bayes_astro.clustering.footprint import lean
from bayes_astro.clustering.landy_szalay import Pairs, landy_szalay
from bayes_astro.clustering.separations import cells_of
from bayes_astro.data.columns import DataError, convert, floats, split_unit, unit_name

__all__ = ["counted", "grid_pairs", "patches_of", "scipy_pairs"]

FIELD = 1500  # random points that tell the separations within the whole field
STEPS = 24
FAR = 2.0  # times the 99.9% largest distance of random points from their neighbours


def counted(
    positions: Any, randoms: Any, edges: Any, *, kind: str | None, weight: Any, random_weight: Any,
    patches: Any, covariance: str, engine: str, threads: int,
) -> dict[str, Any]:  # fmt: skip
    """Fields of `PairCounts` from positions; see `PairCounts.from_positions`."""
    if randoms is None:
        raise DataError(
            "randoms: are needed, in one dimension as in three: without random points there is no "
            "estimate, as the edges of the field change every number of pairs. PairCounts.randoms_in(low, "
            "high, count) makes them for a simple field"
        )
    if covariance not in ("jackknife", "analytic"):
        raise DataError(f"covariance: {covariance!r} must be 'jackknife' or 'analytic'")
    if engine not in ("grid", "scipy", "treecorr"):
        raise DataError(f"engine: {engine!r} must be 'grid', 'scipy' or 'treecorr'")
    kind = points_of.kind_of(positions, kind)
    unit = "deg" if kind == "angular" else split_unit(positions, "positions")[1] or ""
    edges = _edges(edges, unit, kind)
    objects = points_of.coordinates(positions, "positions", kind, unit)
    field = points_of.coordinates(randoms, "randoms", kind, unit)
    if len(objects) < 3 or len(field) < 3:
        raise DataError(
            f"positions, randoms: {len(objects)} and {len(field)} are too few for pairs"
        )
    repeated = points_of.repeated_share(objects)
    own = points_of.weights(weight, len(objects), "weight")
    other = points_of.weights(random_weight, len(field), "random_weight")
    of_objects, of_randoms, count = patches_of(
        objects, field, patches, covariance == "jackknife", len(edges) - 1
    )
    reach = points_of.chord(edges) if kind == "angular" else edges
    catalogues = (objects, own, of_objects), (field, other, of_randoms)
    if engine == "grid":
        dd, dr, rr = grid_pairs(*catalogues, reach, count, threads)
    elif engine == "scipy":
        dd, dr, rr = scipy_pairs(*catalogues, reach, count, threads)
    else:
        from bayes_astro.clustering.pair_counting_treecorr import treecorr_pairs

        dd, dr, rr = treecorr_pairs(*catalogues, edges, kind, count, threads)
    _check_full(dd, rr, edges)
    estimate = landy_szalay(dd.total, dr.total, rr.total)
    share = rr.total[:-1] / rr.total[-1]
    effective = [w.sum() ** 2 / np.sum(w**2) for w in (own, other)]
    expected = share * effective[0] * (effective[0] - 1) / 2
    found: dict[str, Any] = {}
    if covariance == "jackknife":
        left = [pairs.without() for pairs in (dd, dr, rr)]
        if not (left[2][:, :-1] > 0).all():
            row = int(np.argmin(left[2][:, :-1].min(axis=0)))
            raise DataError(
                f"edges: bin {row} has no pairs of random points without one of the patches; give more "
                "random points, or wider bins"
            )
        each = landy_szalay(*left).T
        off = each - each.mean(axis=1, keepdims=True)
        found = {
            "covariance": (count - 1) / count * off @ off.T,
            "by_patch": each,
            "patches": count,
        }
    else:
        mixed = share * effective[0] * effective[1]
        alone = share * effective[1] * (effective[1] - 1) / 2
        variance = (1 + np.maximum(estimate, 0)) / expected + 4 / mixed + 1 / alone
        found = {"covariance": np.diag(variance)}
    outside, empty = _footprint(objects, field)
    away, within = _field(field, kind, other)
    return found | {
        "lower": edges[:-1], "upper": edges[1:], "estimate": estimate, "dd": dd.total[:-1],
        "dr": dr.total[:-1], "rr": rr.total[:-1], "expected": expected, "kind": kind, "unit": unit,
        "method": covariance, "objects": len(objects), "random_points": len(field),
        "repeated": repeated, "outside": outside, "empty": empty,
        "lean": lean(objects, field, own, other), "field_separation": away,
        "field_share": within,
    }  # fmt: skip


def grid_pairs(
    one: Any, other: Any, reach: np.ndarray, count: int, threads: int
) -> tuple[Pairs, Pairs, Pairs]:
    """As `scipy_pairs`, in one pass of a grid that knows the patches of both members."""
    from bayes_astro.likelihoods.pairs import counted as in_grid

    with ThreadPoolExecutor(max(1, int(threads))) as pool:
        tables = [in_grid(*two, reach, count, pool.map)
                  for two in ((one, one), (one, other), (other, other))]  # fmt: skip
    own, others = (np.bincount(p[2], p[1], minlength=count) for p in (one, other))
    found = []
    for (inside, across), first, second in zip(
        tables, (own, own, others), (own, others, others), strict=True
    ):
        if first is second:
            weight = (one if first is own else other)[1:]
            squares = np.bincount(weight[1], weight[0] ** 2, minlength=count)
            within, beyond = 0.5 * (first**2 - squares), first * (first.sum() - first)
            anywhere = 0.5 * (first.sum() ** 2 - squares.sum())
        else:
            within, anywhere = first * second, first.sum() * second.sum()
            beyond = first * second.sum() + second * first.sum() - 2 * within
        total = inside.sum(axis=0) + 0.5 * across.sum(axis=0)
        found.append(
            Pairs(
                np.append(total, anywhere),
                np.column_stack([inside, within]),
                np.column_stack([across, beyond]),
            )
        )
    return found[0], found[1], found[2]


def scipy_pairs(
    one: Any, other: Any, reach: np.ndarray, count: int, threads: int
) -> tuple[Pairs, Pairs, Pairs]:
    """Pairs of objects, of objects with random points and of random points by SciPy's k-d tree.

    Each is (coordinates, weights, patches); bins hold their upper edges.
    """
    with ThreadPoolExecutor(max(1, int(threads))) as pool:
        first, second = (_Forest(parts, count, pool) for parts in (one, other))
        dd = first.itself(reach)
        dr = first.beside(second, reach)
        return dd, dr, second.itself(reach)


class _Forest:
    """A tree of all points, and one of each patch."""

    def __init__(self, points: Any, count: int, pool: Any) -> None:
        x, weight, patch = points
        from scipy.spatial import cKDTree

        self.pool = pool
        self.all = cKDTree(x), weight
        rows = [np.flatnonzero(patch == k) for k in range(count)]
        self.parts = [(cKDTree(x[i]), weight[i]) if len(i) else None for i in rows]
        self.weight, self.square = weight.sum(), np.sum(weight**2)
        self.by_patch = np.array([weight[i].sum() for i in rows])
        self.squares = np.array([np.sum(weight[i] ** 2) for i in rows])

    def itself(self, reach: np.ndarray) -> Pairs:
        """Pairs of these points, each once."""
        # Halved, as both orders are counted.
        anywhere = 0.5 * (self.weight**2 - self.square)
        inside = 0.5 * self._many([(part, part) for part in self.parts], reach)
        touching = self._many([(part, self.all) for part in self.parts], reach)
        within = 0.5 * (self.by_patch**2 - self.squares)
        beyond = self.by_patch * (self.weight - self.by_patch)
        total = 0.5 * touching.sum(axis=0)
        return Pairs(
            np.append(total, anywhere),
            np.column_stack([inside, within]),
            np.column_stack([touching - 2 * inside, beyond]),
        )

    def beside(self, other: "_Forest", reach: np.ndarray) -> Pairs:
        """Pairs of one of these with one of the others."""
        inside = self._many(list(zip(self.parts, other.parts, strict=True)), reach)
        here = self._many([(part, other.all) for part in self.parts], reach)
        there = here
        if len(self.parts) > 1:
            there = self._many([(self.all, part) for part in other.parts], reach)
        within = self.by_patch * other.by_patch
        beyond = self.by_patch * other.weight + self.weight * other.by_patch - 2 * within
        return Pairs(
            np.append(here.sum(axis=0), self.weight * other.weight),
            np.column_stack([inside, within]),
            np.column_stack([here + there - 2 * inside, beyond]),
        )

    def _many(self, pairs: list[Any], reach: np.ndarray) -> np.ndarray:
        return np.array(list(self.pool.map(lambda two: _between(two[0], two[1], reach), pairs)))


def _between(one: Any, other: Any, reach: np.ndarray) -> np.ndarray:
    """Weighted number of ordered pairs in every bin."""
    if one is None or other is None:
        return np.zeros(len(reach) - 1)
    weights = one[1], other[1]
    plain = all((w == 1).all() for w in weights)  # whole numbers are quicker
    found = one[0].count_neighbors(
        other[0], reach, weights=None if plain else weights, cumulative=False
    )
    return np.asarray(found[1:], dtype=float)


def patches_of(
    objects: np.ndarray, field: np.ndarray, patches: Any, needed: bool, bins: int
) -> tuple[np.ndarray, np.ndarray, int]:
    """The patch of each object and each random point, and how many there are."""
    if isinstance(patches, int | np.integer) and not isinstance(patches, bool):
        count = int(patches) if needed else 1
        if count < 1 or count > len(field):
            raise DataError(
                f"patches: {count} must be a whole number from 1 to that of random points"
            )
        if needed and count < bins + 3:
            raise DataError(
                f"patches: {count} are too few for {bins} bins, of whose covariance they would know too "
                f"little; give {bins + 3} at least, better {2 * bins}, or fewer bins"
            )
        own, other = np.zeros(len(objects), dtype=int), np.zeros(len(field), dtype=int)
        _split(objects, field, np.arange(len(objects)), np.arange(len(field)), own, other, 0, count)
        return own, other, count
    try:
        own, other = (np.asarray(labels) for labels in patches)
    except (TypeError, ValueError):
        raise DataError(
            "patches: give a number, or labels of objects and of random points"
        ) from None
    for labels, n, what in ((own, len(objects), "objects"), (other, len(field), "random points")):
        if labels.shape != (n,) or labels.dtype.kind not in "iu":
            raise DataError(f"patches: labels of {what} must be {n} whole numbers")
    names = np.unique(other)
    if not np.isin(own, names).all():
        lost = own[~np.isin(own, names)][0]
        raise DataError(f"patches: patch {lost} has objects and no random points")
    return np.searchsorted(names, own), np.searchsorted(names, other), len(names)


def _split(objects: Any, field: Any, rows: Any, randoms: Any, own: Any, other: Any, first: int, count: int):  # fmt: skip
    """Divide along the longest axis into parts of equal numbers of random points, in place."""
    if count == 1:
        own[rows], other[randoms] = first, first
        return
    axis = int(np.argmax(np.ptp(field[randoms], axis=0)))
    left = count // 2
    at = np.quantile(field[randoms, axis], left / count)
    low, lower = objects[rows, axis] <= at, field[randoms, axis] <= at
    _split(objects, field, rows[low], randoms[lower], own, other, first, left)
    _split(objects, field, rows[~low], randoms[~lower], own, other, first + left, count - left)


def _edges(edges: Any, unit: str, kind: str) -> np.ndarray:
    values, own = split_unit(edges, "edges")
    edges = floats(values, "edges")
    if own:
        edges = convert(edges, own, unit_name(unit, "edges"), "edges")
    if len(edges) < 2 or not np.isfinite(edges).all() or (np.diff(edges) <= 0).any():
        raise DataError(
            f"edges: must be two or more finite numbers that increase, got {edges!r:.80}"
        )
    if edges[0] <= 0:
        raise DataError(
            f"edges: begin at {edges[0]:g}; the first must be > 0, e.g. numpy.geomspace"
        )
    if kind == "angular" and edges[-1] > 180:
        raise DataError(f"edges: end at {edges[-1]:g} degrees; separations are at most 180")
    return edges


def _check_full(dd: Pairs, rr: Pairs, edges: np.ndarray) -> None:
    for pairs, what, remedy in (
        (rr, "random points", "give more random points, or wider bins"),
        (dd, "objects", "widen it, or leave it out"),
    ):
        empty = np.flatnonzero(pairs.total[:-1] == 0)
        if len(empty):
            k = int(empty[0])
            raise DataError(
                f"edges: bin {k}, from {edges[k]:g} to {edges[k + 1]:g}, has no pair of {what}; {remedy}"
            )


def _footprint(objects: np.ndarray, field: np.ndarray) -> tuple[float, float]:
    """Share of objects far from all random points, and of cells of the field that have no objects."""
    from scipy.spatial import cKDTree

    tree = cKDTree(field)
    near = tree.query(field[:: max(1, len(field) // 5000)], k=2)[0][:, 1]
    away = tree.query(objects)[0]
    outside = float(np.mean(away > FAR * np.quantile(near, 0.999)))
    count = min(cells_of(len(objects)), len(field))
    own, _, _ = patches_of(objects, field, count, True, 0)
    return outside, float(np.mean(np.bincount(own, minlength=count) == 0))


def _field(field: np.ndarray, kind: str, weight: np.ndarray) -> tuple[list[float], list[float]]:
    """Separations within the whole field, and the share of all pairs of random points at each."""
    from scipy.spatial.distance import pdist

    rows = np.linspace(0, len(field) - 1, min(FIELD, len(field))).astype(int)
    rows = np.unique(np.random.default_rng(0).permutation(len(field))[rows])
    chords = pdist(field[rows])
    away = points_of.separation(chords) if kind == "angular" else chords
    away = away[away > 0]
    i, j = np.triu_indices(len(rows), 1)
    product = (weight[rows][i] * weight[rows][j])[chords > 0]
    edges = np.geomspace(away.min(), away.max() * (1 + 1e-9), STEPS + 1)
    share = np.histogram(away, edges, weights=product)[0]
    middle = np.sqrt(edges[1:] * edges[:-1])
    kept = share > 0
    return middle[kept].tolist(), (share[kept] / share.sum()).tolist()
