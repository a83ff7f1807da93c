"""The conditional density of redshift against a dense evaluation, object by object."""

import numpy as np
import pytest
from scipy.integrate import trapezoid
from scipy.stats import kstest, multivariate_normal, norm

from bayes_astro.data import Photometry
from bayes_astro.mixtures.features import features
from bayes_astro.photoz.conditional import QUANTILES, RedshiftDensity

BANDS = ("g", "r", "i")
LOWER = np.log1p(-0.01)


def density(groups=2, components=4, d=4, seed=0):
    rng = np.random.default_rng(seed)
    factor = 0.3 * rng.normal(size=(groups, components, d, d)) + 0.2 * np.eye(d)
    mean = np.concatenate(
        [
            rng.normal(-1, 1, (groups, components, d - 1)),
            rng.uniform(0.02, 0.7, (groups, components, 1)),
        ],
        2,
    )
    covariance = factor @ np.swapaxes(factor, -1, -2) + 0.01 * np.eye(d)
    covariance[..., -1, :] *= 0.3
    covariance[..., :, -1] *= 0.3
    return RedshiftDensity(
        BANDS[: d - 1], "", "asinh", np.full(d - 1, 0.3), np.array([1.0, 0.5, 2.0])[: d - 1],
        rng.dirichlet(np.ones(components), groups), mean, covariance,
    )  # fmt: skip


def photometry(n=40, seed=1, gaps=True):
    rng = np.random.default_rng(seed)
    flux = 10 ** rng.normal(0.4, 0.4, (n, 3))
    if gaps:
        flux[rng.uniform(size=flux.shape) < 0.3] = np.nan
        flux[0] = np.nan
    return Photometry(flux, rng.uniform(0.05, 0.6, (n, 3)), BANDS, rng.uniform(0.05, 1.0, n))


def dense(model, data, i):
    """Shares of each mixture, conditional means and variances, log evidences of object i."""
    value, error = features(data, model.softening)
    at = np.flatnonzero(~np.isnan(value[i]))
    x, noise = value[i, at], np.diag((model.error_scale * error[i])[at] ** 2)
    share, centre, spread, evidence = [], [], [], []
    for weight, mean, covariance in zip(model.weight, model.mean, model.covariance, strict=True):
        parts = []
        for a, m, v in zip(weight, mean, covariance, strict=True):
            t = v[np.ix_(at, at)] + noise
            parts.append(a * multivariate_normal(m[at], t).pdf(x) if len(at) else a)
            gain = v[-1, at] @ np.linalg.inv(t)
            centre.append(m[-1] + gain @ (x - m[at]))
            spread.append(v[-1, -1] - gain @ v[at, -1])
        share.append(np.array(parts) / sum(parts))
        evidence.append(np.log(sum(parts)))
    return np.array(share), np.array(centre), np.sqrt(spread), np.array(evidence)


def exact(model, data, i, t):
    """Density of z and distribution function at t = log(1 + z), averaged over the mixtures."""
    share, c, s, _ = dense(model, data, i)
    above = (share * norm.sf(LOWER, c, s).reshape(share.shape)).sum(1, keepdims=True)
    w = (share / above).ravel() / len(share)
    t = np.atleast_1d(t)[:, None]
    return (w * norm.pdf(t, c, s)).sum(1) * np.exp(-t[:, 0]), 1 - (w * norm.sf(t, c, s)).sum(1)


def test_densities_at_the_truth_against_dense_algebra():
    model, data = density(), photometry()
    log_density, below, evidence = model.everything_at(data, data.redshift)
    t = np.log1p(data.redshift)
    for i in range(len(data)):
        p, q = exact(model, data, i, t[i])
        assert np.exp(log_density[:, i]).mean() == pytest.approx(p[0])
        assert below[:, i].mean() == pytest.approx(q[0], abs=1e-9)
        np.testing.assert_allclose(evidence[:2, i], dense(model, data, i)[3], atol=1e-9)
        on_grid = model.on_grid(data[i], data.redshift[i : i + 1])[0, 0]
        assert on_grid == pytest.approx(p[0], rel=1e-3, abs=1e-4)


def test_grid_against_dense_algebra_to_the_last_digits():
    # Of a single component nothing is left out but what lies beyond seven of its widths.
    model, data = density(groups=1, components=1), photometry(8)
    grid = np.expm1(np.sort(np.random.default_rng(2).uniform(LOWER, 2.0, 333)))
    table = model.on_grid(data, grid)
    for i in range(len(data)):
        expected = exact(model, data, i, np.log1p(grid))[0]
        _, c, s, _ = dense(model, data, i)
        inside = np.abs(np.log1p(grid) - c[0]) < 7 * s[0]
        np.testing.assert_allclose(table[i], np.where(inside, expected, 0.0), rtol=1e-11)


def test_grid_integrates_to_one_and_summaries_are_those_of_the_density():
    model, data = density(seed=3), photometry(seed=4)
    grid = np.expm1(np.linspace(LOWER, 4.0, 40_001))
    table = model.on_grid(data, grid)
    out, top = model.summaries(data, 3)
    np.testing.assert_allclose(trapezoid(table, grid, axis=1), 1.0, atol=2e-4)
    np.testing.assert_allclose(trapezoid(table * grid, grid, axis=1), out[:, 1], rtol=2e-3)
    for i in range(len(data)):
        peak = table[i].max()
        assert exact(model, data, i, np.log1p(out[i, 0]))[0][0] == pytest.approx(peak, rel=2e-3)
        _, below = exact(model, data, i, np.log1p(out[i, 4:]))
        np.testing.assert_allclose(below, QUANTILES, atol=1e-4)
        share, c, s, _ = dense(model, data, i)
        over = share * norm.sf(LOWER, c, s).reshape(share.shape)
        over /= over.sum(1, keepdims=True)
        w = np.where(over > 2e-5, over / norm.sf(LOWER, c, s).reshape(share.shape), 0.0).ravel()
        best = np.argsort(-w)[:3]
        np.testing.assert_allclose(top[i, :, 0], w[best] / w.sum(), rtol=1e-2)
        np.testing.assert_allclose(top[i, :, 1:], np.column_stack([c, s])[best], rtol=1e-4)


def test_draws_follow_the_density():
    model, data = density(seed=5), photometry(6, seed=6)
    draws = model.draws(data, np.arange(4000) % 2, 7)
    assert np.array_equal(draws, model.draws(data, np.arange(4000) % 2, 7))
    for i in range(len(data)):
        found = kstest(
            np.log1p(draws[:, i]),
            lambda t, i=i: exact(model, data, i, t)[1],
        )
        assert found.pvalue > 1e-4


def test_leaving_a_band_out_is_an_infinite_error():
    model, data = density(seed=8), photometry(gaps=False)
    blind = data.error.copy()
    blind[:, 1] *= 1e7
    flux = data.flux.copy()
    flux[:, 1] = np.nan
    without, infinite = data.replace(flux=flux), data.replace(error=blind)
    z = np.linspace(0, 2, 50)
    np.testing.assert_allclose(model.on_grid(without, z), model.on_grid(infinite, z), rtol=1e-4)
    np.testing.assert_allclose(
        model.on_grid(data.select("g", "i"), z),
        model.on_grid(without, z),
    )


def test_one_component_without_errors_is_linear_regression():
    rng = np.random.default_rng(9)
    flux = 10 ** rng.normal(0.5, 0.3, (400, 3))
    data = Photometry(flux, np.full((400, 3), 1e-7), BANDS)
    x, _ = features(data, np.full(3, 0.3))
    t = 1.5 + 0.1 * (x - x.mean(0)) @ [1.0, -2.0, 0.5] + rng.normal(0, 0.02, 400)
    both = np.column_stack([x, t])
    model = RedshiftDensity(
        BANDS, "", "asinh", np.full(3, 0.3), np.ones(3), np.ones((1, 1)),
        both.mean(0)[None, None], np.cov(both.T, bias=True)[None, None],
    )  # fmt: skip
    design = np.column_stack([np.ones(400), x])
    coefficient, residual, *_ = np.linalg.lstsq(design, t)
    out, top = model.summaries(data, 1)
    np.testing.assert_allclose(top[:, 0, 1], design @ coefficient, rtol=1e-5)
    np.testing.assert_allclose(top[:, 0, 2], np.sqrt(residual[0] / 400), rtol=1e-4)
    np.testing.assert_allclose(np.log1p(out[:, 6]), design @ coefficient, atol=1e-5)


def test_far_outliers_and_densities_below_the_limit_stay_finite():
    model = density(seed=10)
    data = Photometry(
        [[1e8, 1e-4, 1e6], [-50.0, 3.0, 2.0]], np.full((2, 3), 1e-3), BANDS, [0.3, 0.4]
    )
    out, _ = model.summaries(data, 5)
    log_density, below = model.at(data, data.redshift)
    assert np.isfinite(out).all() and np.isfinite(model.draws(data, [0, 1, 0], 1)).all()
    assert np.isfinite(below).all() and not np.isnan(log_density).any()
    assert (np.diff(out[:, 4:], axis=1) >= 0).all() and (out[:, 4:] >= -0.01001).all()
