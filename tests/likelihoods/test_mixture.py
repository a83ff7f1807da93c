"""The mixture kernel against dense formulas, finite differences, other packages and its limits."""

import warnings

import numpy as np
import pytest
from density import oracle
from scipy.special import logsumexp
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from bayes_astro.likelihoods.mixture import statistics, value_and_gradient
from bayes_astro.likelihoods.mixture_blocks import (
    BLOCK,
    DIAGONAL,
    FULL,
    PROJECTED,
    SHARED,
    lay_out,
    measured_frame,
    subset,
    with_values,
)
from bayes_astro.likelihoods.mixture_objects import conditionals

KINDS = ("full", "diagonal", "shared", "projected", "missing")
FORMS = {
    "full": FULL,
    "diagonal": DIAGONAL,
    "shared": SHARED,
    "projected": PROJECTED + FULL,
    "missing": FULL,
    "projected, missing": PROJECTED + FULL,
    "projected, diagonal": PROJECTED + DIAGONAL,
    "diagonal, missing": DIAGONAL,
}


def mixture(rng, k, d):
    """Weights, means, covariances."""
    factor = rng.normal(size=(k, d, d))
    spread = factor @ factor.swapaxes(1, 2) / d + 0.5 * np.eye(d)
    return rng.dirichlet(np.full(k, 3.0)), 1.5 * rng.normal(size=(k, d)), spread


def data(rng, kind, n, d, m=None):
    """Values, covariances and projections; with gaps of many patterns, a row of them whole."""
    m = d if m is None else m
    projection = rng.normal(size=(n, m, d)) if "projected" in kind else None
    factor = rng.normal(size=(n, m, m))
    covariance = 0.4 * factor @ factor.swapaxes(1, 2) / m + 0.05 * np.eye(m)
    if "diagonal" in kind:
        covariance = covariance * np.eye(m)
    if kind == "shared":
        covariance = np.repeat(covariance[:1], n, axis=0)
    value = 2 * rng.normal(size=(n, m))
    if "missing" in kind:
        gaps = rng.random((n, m)) < 0.3
        gaps[0] = True
        value[gaps] = np.nan
        covariance[gaps[:, :, None] | gaps[:, None, :]] = np.nan
    return value, covariance, projection


def plain(value, covariance, projection, d, **options):
    """Blocks in the coordinates of the data, projected columns apart."""
    return lay_out(value, covariance, projection, shift=np.zeros(d), scale=np.ones(d), **options)


def dense(value, covariance, projection, state, point_weight=None, background=0.0, level=None):
    """Log densities, N, U, G and N of the background, one point and component at a time.

    `level` holds the log density of the background at each point.
    """
    weight, mean, spread = state
    terms = oracle._log_terms(value, covariance, projection, *state)
    if background > 0:
        terms = np.column_stack([terms, np.log(background) + level])
    log_density = logsumexp(terms, axis=1)
    point_weight = np.ones(len(value)) if point_weight is None else point_weight
    q = np.exp(terms - log_density[:, None]) * point_weight[:, None]
    first, second = np.zeros_like(mean), np.zeros_like(spread)
    for i in range(len(value)):
        x, noise, rows = oracle.observed(value, covariance, projection, i)
        for k in range(len(weight)):
            inverse = np.linalg.inv(rows @ spread[k] @ rows.T + noise)
            pull = rows.T @ inverse @ (x - rows @ mean[k])
            first[k] += q[i, k] * pull
            second[k] += q[i, k] * (np.outer(pull, pull) - rows.T @ inverse @ rows)
    count = q.sum(axis=0)
    return log_density, count[: len(weight)], first, second, count[len(weight) :].sum()


def parts(found):
    """Log likelihood, N, U, G and N of the background."""
    return (
        found.log_likelihood,
        found.count,
        found.first,
        found.second,
        found.background,
    )


def agree(found, expected, rtol=1e-10):
    """Relative to the largest entry: sums of both signs lose digits."""
    expected = np.asarray(expected)
    np.testing.assert_allclose(
        found, expected, rtol=rtol, atol=rtol * max(np.abs(expected).max(initial=0), 1e-3)
    )


@pytest.mark.parametrize("d,m,n", [(1, 1, 5), (2, 2, 300), (3, 3, BLOCK), (5, 5, 129), (7, 7, 40)])
@pytest.mark.parametrize("kind", [*KINDS, "diagonal, missing", "projected, diagonal"])
def test_sums_against_dense_formulas(kind, d, m, n):
    rng = np.random.default_rng([n, d])
    given, state = data(rng, kind, n, d, m), mixture(rng, 3, d)
    compare(given, state, d, FORMS[kind])


@pytest.mark.parametrize("kind", ["projected", "projected, missing", "projected, diagonal"])
@pytest.mark.parametrize("d,m", [(3, 1), (3, 2), (4, 4), (2, 3), (1, 4)])
def test_projections_of_any_shape(kind, d, m):
    rng = np.random.default_rng([d, m])
    given, state = data(rng, kind, 150, d, m), mixture(rng, 2, d)
    compare(given, state, d, FORMS[kind])


def compare(given, state, d, form):
    rng = np.random.default_rng(8)
    n, m = given[0].shape
    weight = rng.uniform(0.2, 3.0, n)
    shift, scale = rng.normal(size=d), rng.uniform(0.3, 4.0, d)
    # A single column has no covariance off the diagonal: both forms are the same.
    if m == 1 and form % PROJECTED == FULL:
        form += DIAGONAL
    for point_weight in (None, weight):
        points = lay_out(*given, point_weight, shift=shift, scale=scale)
        assert set(points.blocks[:, 4]) == {form}
        assert points.blocks[:, 0].sum() == n and points.blocks[:, 0].max() <= BLOCK
        densities = np.empty(n)
        one = (state[0], (state[1] - shift) / scale, state[2] / np.outer(scale, scale))
        found = statistics(points, *one, densities=densities)
        log_density, count, first, second, _ = dense(*given, state, point_weight)
        in_data = np.empty(n)
        in_data[points.order] = densities
        agree(in_data + points.jacobian, log_density)
        w = np.ones(n) if point_weight is None else point_weight
        assert points.weighted == pytest.approx(w.sum())
        agree(found.log_likelihood, w @ (log_density - points.jacobian))
        agree(found.count, count)
        agree(found.first, first * scale)
        agree(found.second, second * np.outer(scale, scale))
        assert found.background == 0
        alone = statistics(points, *one, moments=False)
        assert alone.log_likelihood == found.log_likelihood


@pytest.mark.parametrize("kind", ["full", "missing", "diagonal"])
def test_a_uniform_background(kind):
    rng = np.random.default_rng(3)
    (value, covariance, _), (weight, mean, spread) = data(rng, kind, 200, 3), mixture(rng, 2, 3)
    value[1] += 300  # for the background alone
    width, scale = np.array([320.0, 310.0, 305.0]), np.array([2.0, 0.5, 1.0])
    state = (0.8 * weight, mean, spread)
    level = -(~np.isnan(value) @ np.log(width))
    point_weight = rng.uniform(0.5, 2, 200)
    expected = dense(value, covariance, None, state, point_weight, 0.2, level)
    points = lay_out(
        value, covariance, None, point_weight, shift=np.zeros(3), scale=scale, background=width
    )
    densities = np.empty(200)
    scaled = (0.8 * weight, mean / scale, spread / np.outer(scale, scale))
    found = statistics(points, *scaled, 0.2, densities=densities)
    in_data = np.empty(200)
    in_data[points.order] = densities
    agree(in_data + points.jacobian, expected[0])
    agree(in_data[1] + points.jacobian[1], np.log(0.2) + level[1])
    agree(found.count, expected[1])
    agree(found.first, expected[2] * scale)
    agree(found.second, expected[3] * np.outer(scale, scale))
    agree(found.background, expected[4])
    assert found.count.sum() + found.background == pytest.approx(point_weight.sum())


def coordinates(d, k):
    """Directions of (weight, mean, covariance), symmetric in the covariance."""
    rows, columns = np.tril_indices(d)
    for c in range(k):
        yield "weight", (c,), None
        for j in range(d):
            yield "mean", (c, j), None
        for i, j in zip(rows, columns, strict=True):
            yield "covariance", (c, i, j), (c, j, i)


@pytest.mark.parametrize("d", range(1, 8))
@pytest.mark.parametrize("kind", KINDS)
def test_gradient_against_finite_differences(kind, d):
    rng = np.random.default_rng([KINDS.index(kind), d])
    m = {"projected": max(1, d - 1)}.get(kind, d)
    points = plain(*data(rng, kind, 30, d, m), d)
    for k in (1, 2, 5, 20):
        state = dict(zip(("weight", "mean", "covariance"), mixture(rng, k, d), strict=True))

        def value(name, one, two, step, state=state):
            moved = {key: array.copy() for key, array in state.items()}
            moved[name][one] += step
            if two is not None and two != one:
                moved[name][two] += step
            return statistics(points, *moved.values(), moments=False).log_likelihood

        _, *gradient = value_and_gradient(*state.values(), 0.0, *points.arrays())
        gradient = dict(zip(state, gradient[:3], strict=True))
        places = list(coordinates(d, k))
        chosen = rng.permutation(len(places))[:120]
        for name, one, two in (places[i] for i in chosen):
            # Relative steps in what may be small; five points, good to h^4.
            h = 1e-3 * (state["weight"][one] if name == "weight" else 0.3)
            rise = [value(name, one, two, step * h) for step in (-2, -1, 1, 2)]
            slope = (rise[0] - 8 * rise[1] + 8 * rise[2] - rise[3]) / (12 * h)
            exact = gradient[name][one]
            if two is not None and two != one:
                exact = exact + gradient[name][two]
            size = np.abs(gradient[name]).max()
            assert abs(slope - exact) < 1e-6 * max(abs(exact), 0.01 * size), (k, name, one)


def test_gradient_of_the_background_and_of_what_has_no_density():
    rng = np.random.default_rng(5)
    value, covariance, _ = data(rng, "full", 50, 2)
    points = plain(value, covariance, None, 2, background=np.array([8.0, 8.0]))
    weight, mean, spread = mixture(rng, 2, 2)
    result = value_and_gradient(0.7 * weight, mean, spread, 0.3, *points.arrays())

    def at(level):
        return statistics(points, 0.7 * weight, mean, spread, level).log_likelihood

    assert result[0] == pytest.approx(at(0.3), rel=1e-14)
    assert (at(0.3 + 1e-5) - at(0.3 - 1e-5)) / 2e-5 == pytest.approx(result[4], rel=1e-7)
    # exact measurements far from a population without width have no density: -inf, not nan
    points = plain(value, 0 * covariance, None, 2)
    flat = np.zeros((2, 2, 2))
    result = value_and_gradient(weight, mean, flat, 0.0, *points.arrays())
    assert result[0] == -np.inf and not any(np.any(part) for part in result[1:])


@pytest.mark.parametrize("kind", ["full", "missing"])
def test_threads_change_no_bit(kind):
    rng = np.random.default_rng(6)
    n = 5 * 64 * BLOCK // 2 + 17
    given, state = data(rng, kind, n, 2), mixture(rng, 3, 2)
    points = plain(*given, 2)
    assert len(points.blocks) > 2 * 64
    one, two, three = (statistics(points, *state, threads=t) for t in (1, 2, 3))
    for a, b, c in zip(*map(parts, (one, two, three)), strict=True):
        assert np.array_equal(a, b) and np.array_equal(a, c)
    value, *gradient = value_and_gradient(*state, 0.0, *points.arrays())
    assert value == one.log_likelihood
    np.testing.assert_allclose(gradient[1], one.first, rtol=1e-13)
    assert np.array_equal(one.second, one.second.swapaxes(1, 2))


@pytest.mark.parametrize("kind", ["full", "diagonal", "shared"])
def test_without_errors_it_is_the_mixture_of_scikit_learn(kind):
    rng = np.random.default_rng(7)
    value, covariance, _ = data(rng, kind, 400, 3)
    state = mixture(rng, 3, 3)
    theirs = GaussianMixture(
        3,
        weights_init=state[0],
        means_init=state[1],
        precisions_init=np.linalg.inv(state[2]),
        max_iter=1,
        reg_covar=0,
    )
    theirs._initialize_parameters(value, np.random.RandomState(0))
    for size in (1e-14, 0.0):
        points = plain(value, size * covariance, None, 3)
        densities = np.empty(400)
        found = statistics(points, *state, densities=densities)
        agree(densities, theirs.score_samples(value[points.order]), 1e-9)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            theirs.fit(value)
        # m' = m + V U / N, V' = V + V G V / N - (m' - m)(m' - m)'
        moved = np.einsum("kij,kj->ki", state[2], found.first / found.count[:, None])
        agree(found.count / 400, theirs.weights_, 1e-9)
        agree(state[1] + moved, theirs.means_, 1e-9)
        spread = state[2] @ (found.second / found.count[:, None, None]) @ state[2]
        spread = state[2] + spread - np.einsum("ki,kj->kij", moved, moved)
        agree(spread, theirs.covariances_, 1e-9)
        theirs._initialize_parameters(value, np.random.RandomState(0))


@pytest.mark.parametrize("kind", ["full", "diagonal", "projected"])
def test_huge_errors_are_a_missing_column(kind):
    rng = np.random.default_rng(9)
    (value, covariance, projection), state = data(rng, kind, 150, 3), mixture(rng, 2, 3)
    huge, missing, gone = covariance.copy(), value.copy(), covariance.copy()
    huge[::2, 1, :] = huge[::2, :, 1] = 0
    huge[::2, 1, 1] = 1e24
    missing[::2, 1] = np.nan
    gone[np.isnan(missing)] = np.nan
    gone.swapaxes(1, 2)[np.isnan(missing)] = np.nan
    one = plain(value, huge, projection, 3)
    two = lay_out(missing, gone, projection, shift=np.zeros(3), scale=np.ones(3))
    densities = np.empty((2, 150))
    a = statistics(one, *state, densities=densities[0])
    b = statistics(two, *state, densities=densities[1])
    in_data = np.empty((2, 150))
    for row, points in enumerate((one, two)):
        in_data[row, points.order] = densities[row]
        in_data[row] += points.jacobian
    # what a measurement that says nothing contributes: its own normalisation
    in_data[0, ::2] += 0.5 * np.log(2 * np.pi * 1e24)
    agree(*in_data, 1e-9)
    for mine, other in zip(parts(a)[1:], parts(b)[1:], strict=True):
        agree(mine, other, 1e-9)


@pytest.mark.parametrize("kind", FORMS)
def test_other_values_in_a_layout_are_those_laid_out_anew(kind):
    rng = np.random.default_rng(19)
    n, d, m = BLOCK + 30, 3, 4 if "projected" in kind else 3
    value, covariance, projection = data(rng, kind, n, d, m)
    shift, scale = rng.normal(size=d), rng.uniform(0.5, 2, d)
    points = lay_out(value, covariance, projection, shift=shift, scale=scale)
    centre, width = measured_frame(value, projection, shift, scale)
    same = with_values(points, (value - centre) / width)
    np.testing.assert_allclose(same.table, points.table, rtol=1e-13, atol=1e-13)
    new = value + rng.normal(size=(n, m))
    found = with_values(points, (new - centre) / width)
    other = lay_out(new, covariance, projection, shift=shift, scale=scale)
    state = mixture(rng, 3, d)
    each = np.empty((2, n))
    for blocks, densities in zip((found, other), each, strict=True):
        statistics(blocks, *state, densities=densities, moments=False)
        densities += blocks.jacobian[blocks.order]
    np.testing.assert_allclose(*each, rtol=1e-11, atol=1e-11)
    assert not np.shares_memory(found.table, points.table)


@pytest.mark.parametrize("kind", FORMS)
def test_a_subset_is_what_the_same_rows_give(kind):
    rng = np.random.default_rng(18)
    n, d, m = 3 * BLOCK + 17, 3, 4 if "projected" in kind else 3
    value, covariance, projection = data(rng, kind, n, d, m)
    weight, width = rng.uniform(0.5, 2, n), rng.uniform(5, 9, m)
    shift, scale = rng.normal(size=d), rng.uniform(0.5, 2, d)
    # Columns of projected data are scaled by all rows, which changes the frame but not the density.
    whole = lay_out(
        value, covariance, projection, weight, shift=shift, scale=scale, background=width
    )
    chosen = rng.random(n) < 0.6
    rows = whole.order[chosen]
    some = subset(whole, chosen)
    other = lay_out(
        value[rows], covariance[rows], None if projection is None else projection[rows],
        weight[rows], shift=shift, scale=scale, background=width,
    )  # fmt: skip
    state = mixture(rng, 3, d)
    found, expected = statistics(some, *state, 0.2), statistics(other, *state, 0.2)
    assert some.weighted == pytest.approx(weight[rows].sum(), rel=1e-12)
    np.testing.assert_allclose(
        found.log_likelihood + some.offset, expected.log_likelihood + other.offset, rtol=1e-12
    )
    for name in ("count", "first", "second", "background"):
        mine, theirs = getattr(found, name), getattr(expected, name)
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-9)
    assert (some.blocks[:, 0] == other.blocks[:, 0]).all()
    densities = np.empty(chosen.sum())
    statistics(some, *state, 0.2, densities=densities)
    each = np.empty(n)
    statistics(whole, *state, 0.2, densities=each)
    np.testing.assert_allclose(densities, each[chosen], rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_permutations_change_nothing(kind):
    rng = np.random.default_rng(10)
    n, d, k = 333, 3, 4
    value, covariance, projection = data(rng, kind, n, d)
    weight, mean, spread = mixture(rng, k, d)
    own = rng.uniform(0.5, 2, n)
    base = statistics(plain(value, covariance, projection, d, weight=own), weight, mean, spread)
    rows = rng.permutation(n)
    turned = None if projection is None else projection[rows]
    found = statistics(
        plain(value[rows], covariance[rows], turned, d, weight=own[rows]), weight, mean, spread
    )
    for a, b in zip(parts(found), parts(base), strict=True):
        agree(a, b, 1e-12)
    order = rng.permutation(k)
    found = statistics(
        plain(value, covariance, projection, d, weight=own),
        weight[order],
        mean[order],
        spread[order],
    )
    for a, b in zip(parts(found), parts(base), strict=True):
        agree(a, b if np.ndim(b) == 0 else b[order], 1e-12)
    columns = rng.permutation(d)
    if projection is None:
        value, covariance = value[:, columns], covariance[:, columns][:, :, columns]
    else:  # first the measured ones, which concern no parameter, then the true ones
        value, covariance = value[:, columns], covariance[:, columns][:, :, columns]
        projection = projection[:, columns][:, :, columns]
    found = statistics(
        plain(value, covariance, projection, d, weight=own),
        weight,
        np.ascontiguousarray(mean[:, columns]),
        np.ascontiguousarray(spread[:, columns][:, :, columns]),
    )
    agree(found.log_likelihood, base.log_likelihood, 1e-12)
    agree(found.count, base.count, 1e-11)
    agree(found.first, base.first[:, columns], 1e-11)
    agree(found.second, base.second[:, columns][:, :, columns], 1e-11)


@pytest.mark.parametrize("sigma", [1e2, 1e6, 1e12])
@pytest.mark.parametrize("kind", KINDS)
def test_outliers_leave_everything_finite(kind, sigma):
    rng = np.random.default_rng(11)
    given, state = data(rng, kind, 140, 2), mixture(rng, 3, 2)
    given[0][-1] = [sigma, -sigma]
    points = plain(*given, 2)
    densities = np.empty(140)
    found = statistics(points, *state, densities=densities)
    assert all(np.isfinite(part).all() for part in parts(found)) and np.isfinite(densities).all()
    log_density, count, first, second, _ = dense(*given, state)
    in_data = np.empty(140)
    in_data[points.order] = densities
    agree(in_data[:-1] + points.jacobian[:-1], log_density[:-1])
    np.testing.assert_allclose(in_data[-1] + points.jacobian[-1], log_density[-1], rtol=1e-8)
    # The outlier belongs to one component, and no point is lost.
    assert found.count.sum() == pytest.approx(140, abs=1e-9)
    if sigma <= 1e6:  # chi-squares of 1e12 still tell components apart
        agree(found.count, count, 1e-6)
        agree(found.first, first, 1e-6)
        agree(found.second, second, 1e-6)
    result = conditionals(*points.arrays(), *state, 0.0)
    assert all(np.isfinite(part).all() for part in result[:3])


def test_an_empty_component_changes_nothing():
    # However much better it would fit a point: differences of chi-squares up to 1e5, which is
    # beyond the range of exponentials.
    value = np.append(np.linspace(0, 450, 4000), 0.0)[:, None]
    points = plain(value, np.ones((len(value), 1, 1)), None, 1)
    with_it = statistics(
        points, np.array([1.0, 0.0]), np.zeros((2, 1)) + [[0], [450.0]], np.zeros((2, 1, 1))
    )
    without = statistics(points, np.ones(1), np.zeros((1, 1)), np.zeros((1, 1, 1)))
    assert with_it.log_likelihood == pytest.approx(without.log_likelihood, rel=1e-13)
    np.testing.assert_allclose(with_it.first[0], without.first[0], rtol=1e-13)
    assert with_it.count[1] == 0 and with_it.first[1] == 0 and with_it.second[1] == 0


@pytest.mark.parametrize("kind", [*KINDS, "projected, missing"])
def test_true_values_given_the_measurements(kind):
    rng = np.random.default_rng(12)
    n, d, m = 150, 3, 2 if "projected" in kind else 3
    given, (weight, mean, spread) = data(rng, kind, n, d, m), mixture(rng, 2, d)
    points = plain(*given, d)
    log_share, centre, v, uniform = conditionals(*points.arrays(), weight, mean, spread, 0.0)
    assert (uniform == -np.inf).all()
    terms = oracle._log_terms(*given, weight, mean, spread)[points.order]
    agree(log_share + points.jacobian[points.order][:, None], terms)
    densities = np.empty(n)
    statistics(points, weight, mean, spread, densities=densities)
    agree(logsumexp(log_share, axis=1), densities)
    for place, i in enumerate(points.order):
        x, noise, rows = oracle.observed(*given, i)
        for k in range(2):
            gain = spread[k] @ rows.T @ np.linalg.inv(rows @ spread[k] @ rows.T + noise)
            agree(centre[place, k], mean[k] + gain @ (x - rows @ mean[k]))
            agree(v[place, k], spread[k] - gain @ rows @ spread[k])


def test_true_values_with_a_background():
    rng = np.random.default_rng(13)
    value, covariance, _ = data(rng, "missing", 60, 2)
    width, scale = np.array([9.0, 7.0]), np.array([3.0, 0.2])
    points = lay_out(value, covariance, shift=np.zeros(2), scale=scale, background=width)
    weight, mean, spread = mixture(rng, 2, 2)
    *_, uniform = conditionals(*points.arrays(), weight, mean, spread, 0.1)
    level = np.log(0.1) - ~np.isnan(value) @ np.log(width)
    agree(uniform + points.jacobian[points.order], level[points.order])
