"""The likelihood of lines against brute force: every option, and limits of the formulas."""

import itertools
import math

import numpy as np
import pytest
from samples import line
from scipy import integrate, stats
from scipy.special import log_ndtr, logsumexp

import bayes_astro as ba
from bayes_astro.likelihoods.relation import nodes
from bayes_astro.likelihoods.relation_components import components
from bayes_astro.likelihoods.relation_normal import log_normal_cdf
from bayes_astro.likelihoods.two_limits import log_both_below
from bayes_astro.regression import predictive

POINTS = line(n=12)
PLANE = line(names=("a", "b", "y"), n=12)
APART = POINTS.replace(covariance=POINTS.covariance * np.eye(2))
CUBE = line(names=("a", "b", "c", "y"), n=12)
GAPS = POINTS.value.copy()
GAPS[2, 0] = GAPS[5, 1] = np.nan
LIMITS = {"y": [-1, 1, -1] + 9 * [0]}


def problem(model, data):
    priors = model.resolve_priors(data)
    return model.problem(data, priors)


def at_start(model, data):
    """A problem, flat coordinates, and the draw that they stand for."""
    found = problem(model, data)
    x = found.points(1, np.random.default_rng(3))[0][0]
    return found, x, found.variables(x[None, None])


def split_normal(below, above, value):
    """Density of what is measured by the true value: spread by `above` below it, by `below` above it."""
    scale = math.sqrt(2 / math.pi) / (below + above)
    return lambda t: scale * math.exp(-0.5 * ((t - value) / (above if t > value else below)) ** 2)


def integral(weigh, joint, columns, ends, edges):
    """Of a function of some columns, one within the other, between ends and about edges."""
    if not columns:
        return joint(())
    j, *rest = columns
    breaks = sorted({ends[j][0], ends[j][1], *(e for e in edges[j] if ends[j][0] < e < ends[j][1])})
    total = 0.0
    for low, high in itertools.pairwise(breaks):
        found, _ = integrate.quad(
            lambda z: weigh[j](z) * integral(weigh, lambda w: joint((z, *w)), rest, ends, edges),
            low, high, epsabs=0, epsrel=1e-10, limit=400,
        )  # fmt: skip
        total += found
    return total


def brute(model, data, draw):
    """Log likelihood of all rows by quadrature over limits, true values behind odd errors, selection."""
    rows, total = model.rows(data), 0.0
    (one,) = predictive.each(draw)
    for i in range(len(data)):
        kind, value = rows.kind[i], rows.value[i]
        noise, odd = rows.covariance[i].copy(), np.flatnonzero(rows.sided[i])
        noise[odd] = noise[:, odd] = 0
        seen = [j for j in np.flatnonzero(kind == 0) if j not in odd]
        bound = np.flatnonzero(np.abs(kind) == 1)
        logs = []
        for weight, mean, matrix in zip(one.log_weight, one.mean, one.matrix, strict=True):
            matrix = matrix + noise
            use = [*seen, *bound, *odd]
            own = matrix[np.ix_(use, use)]
            inverse, top = np.linalg.inv(own), np.linalg.slogdet(2 * np.pi * own)[1]
            sd, weigh, ends, edges = np.sqrt(np.diag(matrix)), {}, {}, {}
            for j in bound:
                far = value[j] + kind[j] * 40 * sd[j]
                weigh[j] = lambda z: 1.0
                ends[j] = tuple(sorted((value[j], far)))
                edges[j] = [mean[j], mean[j] - 6 * sd[j], mean[j] + 6 * sd[j]]
            for j in odd:
                below, above = np.sqrt(rows.covariance[i, j, j]), np.sqrt(rows.upper[i, j])
                weigh[j] = split_normal(below, above, value[j])
                ends[j] = value[j] - 12 * below, value[j] + 12 * above
                edges[j] = [value[j], value[j] - 3 * below, value[j] + 3 * above]

            def joint(z, known=value[seen], centre=mean[use], inverse=inverse, top=top):
                off = np.concatenate([known, z]) - centre
                return math.exp(-0.5 * (off @ inverse @ off + top))

            found = integral(weigh, joint, [*bound, *odd], ends, edges)
            logs.append(weight + np.log(found))
        log = logsumexp(logs)
        if model.selection is not None:
            chance = 0.0
            for weight, mean, matrix in zip(one.log_weight, one.mean, one.matrix, strict=True):
                sd = np.sqrt(matrix[-1, -1] + rows.covariance[i, -1, -1])
                # steps are integrated as steps
                breaks = [b for b in model.selection.bounds if np.isfinite(b)]
                ends = sorted([mean[-1] - 12 * sd, mean[-1] + 12 * sd, *breaks])
                for low, high in itertools.pairwise(ends):
                    part, _ = integrate.quad(
                        lambda y, m=mean[-1], s=sd: (
                            stats.norm.pdf(y, m, s) * model.selection.chance(y)
                        ),
                        low + 1e-13, high - 1e-13, epsabs=1e-14, epsrel=1e-12, limit=200,
                    )  # fmt: skip
                    chance += np.exp(weight) * part
            log += np.log(model.selection.chance(rows.y[i])) - np.log(chance)
        total += rows.weight[i] * log
    return total


CASES = {
    "plain": (ba.LinearRelation("y"), POINTS),
    "outliers": (ba.LinearRelation("y", outliers=True), POINTS),
    "three Gaussians": (ba.LinearRelation("y", n_components=3), POINTS),
    "limits": (ba.LinearRelation("y"), POINTS.replace(limit=LIMITS)),
    "limits of true values": (
        ba.LinearRelation("y"),
        POINTS.replace(limit=LIMITS, limit_of="true"),
    ),
    "limits of a predictor": (
        ba.LinearRelation("y", outliers=True, n_components=2),
        POINTS.replace(limit={"x": [0, 0, 1, -1] + 8 * [0]}),
    ),
    "gaps": (ba.LinearRelation("y", n_components=2), POINTS.replace(value=GAPS)),
    "gaps and limits": (
        ba.LinearRelation("y", outliers=True),
        POINTS.replace(value=GAPS, limit={"y": [-1] + 11 * [0], "x": 11 * [0] + [1]}),
    ),
    "hard selection": (
        ba.LinearRelation("y", outliers=True, selection=ba.Selection(lower=1.0)),
        POINTS[POINTS.column("y") > 1.0],
    ),
    "soft selection": (
        ba.LinearRelation("y", n_components=2, selection=ba.Selection(4.0, 8.0, 1.5)),
        POINTS,
    ),
    "two limits": (
        ba.LinearRelation("y", outliers=True),
        POINTS.replace(limit={"x": [0, -1] + 10 * [0], "y": LIMITS["y"]}),
    ),
    "errors by side": (
        ba.LinearRelation("y", outliers=True, n_components=2),
        APART.replace(upper_error={"y": 0.7 * APART.error[:, 1] + 0.2 * (np.arange(12) < 9)}),
    ),
    "errors by side, of both": (
        ba.LinearRelation("y"),
        APART.replace(upper_error=(np.arange(12) < 1)[:, None] * [0.4, -0.1] + APART.error),
    ),
    "errors by side, and limits": (
        ba.LinearRelation("y"),
        APART.replace(
            upper_error={"x": APART.error[:, 0] * (1 + 1.5 * (np.arange(12) > 9))},
            limit={"y": 11 * [0] + [-1]},
        ),
    ),
    "plane, errors by side": (
        ba.LinearRelation("y", robust=False),
        PLANE.replace(
            covariance=PLANE.covariance * np.eye(3),
            limit={"a": [1] + 11 * [0]},
            upper_error={"b": PLANE.error[:, 1] * (1 - 0.5 * (np.arange(12) < 3))},
        ),
    ),
    "weights": (ba.LinearRelation("y"), POINTS.replace(weight=np.linspace(0.5, 2, 12))),
    "robust": (ba.LinearRelation("y", robust=True), POINTS.replace(limit=LIMITS)),
    "plane": (
        ba.LinearRelation("y", n_components=2, outliers=True),
        PLANE.replace(limit={"a": [1] + 11 * [0], "y": [0, -1] + 10 * [0]}),
    ),
    "intercept": (
        ba.LinearRelation(
            "y", n_components=2, priors={"intercept": ba.Prior("Normal", mu=3.0, sigma=5.0)}
        ),
        CUBE.replace(limit={"y": 11 * [0] + [1]}),
    ),
}


@pytest.mark.parametrize("option", CASES)
def test_likelihood_is_that_of_brute_force_and_its_gradient_that_of_differences(option):
    model, data = CASES[option]
    found, x, draw = at_start(model, data)
    total, gradient = found.density(x)
    expected = brute(model, data, draw)
    assert float(model.pointwise(draw, data).sum()) == pytest.approx(expected, rel=1e-8, abs=1e-8)
    # Rows that count twice: what is added is the likelihood, by the kernel that samples.
    weight = np.ones(len(data)) if data.weight is None else data.weight
    twice = model.problem(data.replace(weight=2 * weight), found.priors).density(x)[0]
    assert twice - total == pytest.approx(expected, rel=1e-8, abs=1e-8)
    step = 1e-5
    numeric = [
        (found.density(x + step * e)[0] - found.density(x - step * e)[0]) / (2 * step)
        for e in np.eye(len(x))
    ]
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-6)


def density_at(model, data, priors, x):
    return model.problem(data, priors).density(x)[0]


def test_limits_of_the_formulas():
    """A limit at infinity is a gap, a cut at minus infinity none, equal Gaussians are one."""
    plain = ba.LinearRelation("y")
    found, x, _ = at_start(plain, POINTS)
    value = POINTS.value.copy()
    value[0, 1] = 1e6
    bound = POINTS.replace(value=value, limit={"y": [-1] + 11 * [0]})
    value[0, 1] = np.nan
    assert density_at(plain, bound, found.priors, x) == pytest.approx(
        density_at(plain, POINTS.replace(value=value), found.priors, x), rel=1e-12
    )
    open_cut = plain.copy(selection=ba.Selection(lower=-1e6))
    assert density_at(open_cut, POINTS, found.priors, x) == pytest.approx(
        found.density(x)[0], rel=1e-12
    )
    # Both errors of a point a million times as large: as if it was not there.
    wide = POINTS.covariance.copy()
    wide[0] *= 1e12
    gone = POINTS.replace(covariance=wide)
    lost = density_at(plain, gone, found.priors, x) - density_at(plain, POINTS[1:], found.priors, x)
    own = -0.5 * np.linalg.slogdet(wide[0])[1] - np.log(2 * np.pi)
    assert lost == pytest.approx(own, abs=1e-6)
    mixed = plain.copy(n_components=2)
    _, _, draw = at_start(mixed, POINTS)
    same = draw.copy(deep=True)
    for name in ("component_mean", "component_width"):
        same[name][..., 1, :] = same[name][..., 0, :]
    same["predictor_mean"] = same["component_mean"].isel(component=0)
    single = same.drop_vars(["component_mean", "component_width", "component_weight"])
    single["predictor_width"] = same["component_width"].isel(component=0)
    np.testing.assert_allclose(
        mixed.pointwise(same, POINTS), plain.pointwise(single, POINTS), rtol=1e-12
    )


def test_student_scatter_is_students_density():
    """Exact predictors and responses: the residuals' density is that of Student's t."""
    data = POINTS.replace(covariance=np.zeros((12, 2, 2)))
    model = ba.LinearRelation("y", robust=True)
    _, _, draw = at_start(model, data)
    for degrees in (1.0, 2.5, 7.0, 40.0, 400.0):
        draw["degrees_of_freedom"][:] = degrees
        at = {name: draw[name].item() for name in ("slope", "intercept", "scatter")}
        residual = data.column("y") - at["intercept"] - at["slope"] * data.column("x")
        expected = stats.t(degrees, 0, at["scatter"]).logpdf(residual)
        found = model.log_predictive(draw, data).values.ravel()
        np.testing.assert_allclose(found, expected, atol=2e-9)
    precision, log_weight, slope = nodes(3.7)
    assert np.exp(log_weight).sum() == pytest.approx(1, abs=1e-12)
    assert np.exp(log_weight) @ precision == pytest.approx(1, abs=1e-9)  # of Gamma(nu/2, nu/2)
    step = 1e-5
    high, low = nodes(3.7 + step)[1], nodes(3.7 - step)[1]
    np.testing.assert_allclose(slope, (high - low) / (2 * step), atol=1e-5)


def test_normal_tail_to_rounding():
    t = np.concatenate([np.linspace(-40, 8, 97), [-5.0001, -4.9999, -1000.0, 30.0]])
    found = np.array([log_normal_cdf(x) for x in t])
    np.testing.assert_allclose(found[:, 0], log_ndtr(t), rtol=1e-12)
    np.testing.assert_allclose(np.log(found[:, 1]), stats.norm.logpdf(t) - log_ndtr(t), atol=1e-9)


def test_two_bounds_to_rounding():
    """Against quadrature on a logarithmic scale; symmetric in both; correlations near one."""
    rng = np.random.default_rng(0)
    cases = [
        (1, -2, 0.9),
        (-6, -7, 0.3),
        (0.5, 0.6, 0.99999),
        (-1, 1.01, -0.9999),
        (-10, -10, 0.95),
    ]
    cases += [(*rng.normal(0, 2, 2), rng.uniform(-0.95, 0.95)) for _ in range(20)]
    for h, k, rho in cases:
        found, by_h, by_k, by_rho = log_both_below(float(h), float(k), float(rho))
        s = np.sqrt(1 - rho**2)
        x = np.linspace(-14, h, 4001)
        logs = stats.norm.logpdf(x) + log_ndtr((k - rho * x) / s)
        near = x[logs > logs.max() - 45]
        top, ends = logs.max(), {near[0], near[-1], k / rho - 6 * s, k / rho, k / rho + 6 * s}
        total = sum(
            integrate.quad(
                lambda z, k=k, rho=rho, s=s, top=top: np.exp(
                    stats.norm.logpdf(z) + log_ndtr((k - rho * z) / s) - top
                ),
                low, high, epsabs=0, epsrel=1e-12, limit=200,
            )[0]
            for low, high in itertools.pairwise(sorted(e for e in ends if near[0] <= e <= near[-1]))
        )  # fmt: skip
        assert found == pytest.approx(top + np.log(total), abs=1e-9)
        assert found == pytest.approx(log_both_below(float(k), float(h), float(rho))[0], abs=1e-9)
        step = 1e-5 * s
        up, down = (log_both_below(h + e, float(k), float(rho))[0] for e in (step, -step))
        assert (up - down) / (2 * step) == pytest.approx(by_h, rel=1e-5, abs=1e-6)
        up, down = (log_both_below(float(h), k + e, float(rho))[0] for e in (step, -step))
        assert (up - down) / (2 * step) == pytest.approx(by_k, rel=1e-5, abs=1e-6)
        step *= s
        up, down = (log_both_below(float(h), float(k), rho + e)[0] for e in (step, -step))
        assert (up - down) / (2 * step) == pytest.approx(by_rho, rel=1e-4, abs=1e-5)


def test_a_density_that_is_none_is_minus_infinity():
    value, covariance = np.zeros((1, 2)), np.zeros((1, 2, 2))
    arguments = (
        np.zeros(1), np.zeros((1, 2)), -np.eye(2)[None], value, covariance,
        np.zeros((1, 2), np.int64), np.arange(2), np.zeros(1), np.empty(0, np.int64),
        np.ones(1), np.empty(0), np.empty(0), np.zeros(4),
    )  # fmt: skip
    found = components(*arguments)
    assert found[0] == -np.inf
    assert not found[1].any()


def test_exact_data_are_least_squares_and_no_scatter_is_demings_line():
    """Errors to zero: the maximum is the least-squares line for any number of Gaussians."""
    x, y = POINTS.column("x"), POINTS.column("y")
    exact = POINTS.replace(covariance=np.zeros((12, 2, 2)))
    flat = {"slope": ba.Prior("Normal", mu=0, sigma=1e4)}
    flat["response_mean"] = ba.Prior("Normal", mu=0, sigma=1e5)
    flat["scatter"] = ba.Prior("HalfNormal", sigma=1e4)
    expected = np.polyfit(x, y, 1)[0]
    for many in (1, 2):
        model = ba.LinearRelation("y", n_components=many, priors=flat)
        fit = model.fit(exact, ba.MAP(), seed=1, progress=False)
        assert float(fit.posterior["posterior"]["slope"].item()) == pytest.approx(
            expected, rel=1e-4
        )
    # Equal errors of both, a wide population, no scatter: Deming (1943).
    many = line(n=200, scatter=0.0)
    wide = many.replace(covariance=np.tile(0.04 * np.eye(2), (200, 1, 1)))
    model = ba.LinearRelation("y", scatter=False, priors={"slope": flat["slope"]})
    slope = float(
        model.fit(wide, ba.MAP(), seed=1, progress=False).posterior["posterior"]["slope"].item()
    )
    c = np.cov(wide.value.T)
    gap = c[1, 1] - c[0, 0]
    assert slope == pytest.approx((gap + np.hypot(gap, 2 * c[0, 1])) / (2 * c[0, 1]), rel=2e-3)


def test_swapped_and_rescaled_columns_have_an_equal_likelihood():
    """With one Gaussian the model is the same seen from either axis; units are numbers."""
    model, other = ba.LinearRelation("y"), ba.LinearRelation("x")
    _, _, draw = at_start(model, POINTS)
    b, s, t = (draw[k].item() for k in ("slope", "scatter", "predictor_width"))
    mean, centre = draw["predictor_mean"].item(), draw["response_mean"].item()
    back = draw.copy(deep=True)
    total = b**2 * t**2 + s**2
    back["slope"][:], back["predictor_width"][:] = b * t**2 / total, np.sqrt(total)
    back["scatter"][:] = np.sqrt(t**2 - (b * t**2) ** 2 / total)
    back["predictor_mean"][:], back["response_mean"][:] = centre, mean
    one = model.pointwise(draw, POINTS).values
    np.testing.assert_allclose(one, other.pointwise(back, POINTS).values, rtol=1e-10)
    scale = np.array([100.0, 0.1])
    moved = POINTS.replace(
        value=POINTS.value * scale, covariance=POINTS.covariance * np.outer(scale, scale)
    )
    for name, factor in {"slope": 1e-3, "predictor_width": 100, "predictor_mean": 100,
                         "response_mean": 0.1, "scatter": 0.1}.items():  # fmt: skip
        draw[name] = draw[name] * factor
    np.testing.assert_allclose(model.pointwise(draw, moved).values, one - np.log(10.0), rtol=1e-10)
