"""The linear-time likelihood against a dense Cholesky in extended precision, and published fits."""

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize

from bayes_astro.likelihoods import damped_random_walk as drw


def light_curve(n=60, offset=2.45e6, seed=1):
    """Gaps, duplicate times, errors over three decades, far from time zero."""
    rng = np.random.default_rng(seed)
    time = np.sort(np.concatenate([rng.uniform(0, 50, n // 2), rng.uniform(900, 2000, n - n // 2)]))
    time[[5, 30]] = time[[4, 29]]
    time += offset
    error = 10 ** rng.uniform(-3, 0, n)
    value = 17 + drw.simulate(time, 0.3, 100.0, rng) + error * rng.standard_normal(n)
    return time, value, error


def dense(time, value, error, sigma, tau, jitter, design, mean, sd):
    """Log density by a Cholesky in extended precision: double has too few digits here."""
    wide = np.longdouble
    time, value, error, design = (np.asarray(x, dtype=wide) for x in (time, value, error, design))
    matrix = wide(sigma) ** 2 * np.exp(-np.abs(time[:, None] - time) / wide(tau))
    matrix += (
        np.diag(error**2 + wide(jitter) ** 2) + (design * np.asarray(sd, wide) ** 2) @ design.T
    )
    residual = value - design @ np.asarray(mean, wide)
    total = wide(0)
    for k in range(len(residual)):
        pivot = matrix[k, k]
        total += np.log(2 * wide(np.pi) * pivot) + residual[k] ** 2 / pivot
        column = matrix[k + 1 :, k] / pivot
        residual[k + 1 :] -= column * residual[k]
        matrix[k + 1 :, k + 1 :] -= np.outer(column, matrix[k, k + 1 :])
    return float(-0.5 * total)


def coefficients(p, time):
    design = ((time - time.mean())[:, None] / 1000) ** np.arange(p)
    return design, np.array([16.0, 0.5, -1.0])[:p], np.array([2.0, 0.7, 3.0])[:p]


@pytest.mark.parametrize("p", [0, 1, 3])
def test_equal_to_a_dense_cholesky(p):
    time, value, error = light_curve()
    design, mean, sd = coefficients(p, time)
    rng = np.random.default_rng(2)
    sigma, tau, jitter = 10 ** rng.uniform([[-2], [-1], [-4]], [[1], [5], [0]], (3, 37))
    jitter[:5] = 0
    walk = drw.prepare(time, value, error, design, mean, sd)
    expected = [
        dense(time, value, error, *point, design, mean, sd)
        for point in zip(sigma, tau, jitter, strict=True)
    ]
    found = drw.log_likelihood(walk, sigma, tau, jitter)
    np.testing.assert_allclose(found, expected, rtol=1e-11)
    one = [float(drw.log_likelihood(walk, *point)[0]) for point in zip(sigma, tau, jitter)]
    np.testing.assert_allclose(one, found, rtol=1e-12)


def test_extreme_parameters_keep_their_digits():
    """A step of a billionth of tau, a process of a million times the errors, and the reverse."""
    time, value, error = light_curve()
    design, mean, sd = coefficients(1, time)
    walk = drw.prepare(time, value, error, design, mean, sd)
    for point in ((1e3, 1e9, 0.0), (1e6, 10.0, 0.0), (1e-6, 10.0, 0.0), (0.3, 1e-6, 0.1)):
        expected = dense(time, value, error, *point, design, mean, sd)
        assert drw.log_likelihood(walk, *point)[0] == pytest.approx(expected, rel=1e-9)


def test_units_far_from_one():
    time, value, error = light_curve()
    design, mean, sd = coefficients(3, time)
    walk = drw.prepare(time, value, error, design, mean, sd)
    base = drw.log_likelihood(walk, 0.3, 100.0, 0.05)[0]
    for factor in (1e-90, 1e120):
        scaled = drw.prepare(
            time, value * factor, error * factor, design, mean * factor, sd * factor
        )
        found = drw.log_likelihood(scaled, 0.3 * factor, 100.0, 0.05 * factor)[0]
        assert found + 60 * np.log(factor) == pytest.approx(base, rel=1e-12)


def test_many_light_curves_in_one_call_whatever_the_threads():
    walks = []
    for k, n in enumerate((20, 60, 35, 50, 22)):
        time, value, error = light_curve(n + 20, seed=k)
        walks.append(drw.prepare(time, value, error, *coefficients(1, time)))
    rng = np.random.default_rng(3)
    sigma, tau, jitter = rng.uniform([[[0.1]], [[5]], [[0]]], [[[1]], [[500]], [[0.1]]], (3, 5, 7))
    expected = [drw.log_likelihood(w, sigma[i], tau[i], jitter[i]) for i, w in enumerate(walks)]
    for threads in (1, 2, 9):
        found = drw.log_likelihoods(walks, sigma, tau, jitter, threads=threads)
        assert np.array_equal(found, expected)
    sigma[2, 3] = -1
    assert drw.log_likelihoods(drw.pack(walks), sigma, tau)[2, 3] == -np.inf


def test_out_of_range_is_minus_infinity():
    walk = drw.prepare(*light_curve())
    for point in ((0, 1), (-1, 1), (1, 0), (1, np.inf), (np.nan, 1), (1, 1, -0.1), (1, 1, np.nan)):
        assert drw.log_likelihood(walk, *point)[0] == -np.inf


def test_coefficients_given_the_hyperparameters():
    time, value, error = light_curve()
    design, mean, sd = coefficients(3, time)
    walk = drw.prepare(time, value, error, design, mean, sd)
    sigma, tau, jitter = np.array([[0.3, 2.0], [100.0, 3.0], [0.05, 0.5]])
    middle = drw.draw_coefficients(walk, sigma, tau, jitter, np.zeros((2, 3)))
    for i in range(2):
        matrix = sigma[i] ** 2 * np.exp(-np.abs(time[:, None] - time) / tau[i])
        matrix += np.diag(error**2 + jitter[i] ** 2)
        precision = design.T @ np.linalg.solve(matrix, design) + np.diag(sd**-2)
        right = design.T @ np.linalg.solve(matrix, value) + mean / sd**2
        np.testing.assert_allclose(middle[i], np.linalg.solve(precision, right), rtol=1e-9)
        rows = [np.full(3, x) for x in (sigma[i], tau[i], jitter[i])]
        shift = drw.draw_coefficients(walk, *rows, np.eye(3)) - middle[i]
        np.testing.assert_allclose(shift.T @ shift, np.linalg.inv(precision), rtol=1e-8, atol=1e-14)


def test_simulated_curves_have_the_covariance():
    time = np.array([0.0, 0.0, 1.0, 3.0, 50.0]) + 2.45e6
    curves = drw.simulate(time, 2.0, 3.0, np.random.default_rng(5), 40_000)
    expected = 4 * np.exp(-np.abs(time[:, None] - time) / 3)
    assert np.array_equal(curves[:, 0], curves[:, 1])
    np.testing.assert_allclose(np.cov(curves.T), expected, atol=5 * 4 / np.sqrt(40_000))
    white = np.linalg.solve(np.linalg.cholesky(expected[1:, 1:]), curves[:, 1:].T)
    assert stats.kstest(white.ravel(), "norm").pvalue > 1e-3


def test_bad_input_is_named():
    time, value, error = light_curve()
    nan = value.copy()
    nan[7] = np.nan
    design = np.ones((60, 1))
    for arguments, words in (
        ((time[::-1], value, error), r"time, row 1: .*sort"),
        ((time, nan, error), "value, row 7: not finite"),
        ((time, value, 0 * error), "error, row 0: must be positive"),
        ((time, value[1:], error), "one shape"),
        ((time, value, error, design[1:], [0], [1]), r"design must have shape \(60, p\)"),
        ((time, value, error, design, [0, 1], [1]), "each of the 1 columns"),
        ((time, value, error, design, [0], [0]), "subtract it from value"),
    ):
        with pytest.raises(ValueError, match=words):
            drw.prepare(*arguments)
    with pytest.raises(ValueError, match="row 1: out of range"):
        drw.draw_coefficients(
            drw.prepare(time, value, error, design, [0], [1]),
            np.array([1, -1]),
            np.ones(2),
            None,
            np.zeros((2, 1)),
        )


# Maximum likelihood in sigma, tau and the mean: (file, columns, log likelihood, sigma, tau).
PUBLISHED = [
    ("carma_pack_1627677", (6, 7, 8), 121.4622, (0.1638, 5e-5), (669.2, 0.05)),
    ("carma_pack_car1_test.dat", (0, 1, 2), -732.5151, (2.234, 5e-4), (97.34, 5e-3)),
    ("carma_pack_OGLE-LMC-LPV-00007.dat", (0, 1, 2), 1370.9646, (0.0113, 5e-5), (10.80, 5e-3)),
]


@pytest.mark.parametrize(("name", "columns", "log_likelihood", "sigma", "tau"), PUBLISHED)
def test_published_maximum_likelihood(shared_data, name, columns, log_likelihood, sigma, tau):
    table = np.loadtxt(shared_data / "b_agn_quasar_lightcurves" / name, usecols=columns)
    time, value, error = table[np.argsort(table[:, 0])].T
    unit = value.std()

    def loss(x):
        walk = drw.prepare(time, value - value.mean() - unit * x[2], error)
        return -float(drw.log_likelihood(walk, np.exp(x[0]), np.exp(x[1]))[0])

    x = [np.log(unit), np.log(np.ptp(time) / 10), 0.0]
    for _ in range(3):
        options = {"xatol": 1e-8, "fatol": 1e-9, "maxiter": 4000}
        best = minimize(loss, x, method="Nelder-Mead", options=options)
        x = best.x
    assert -best.fun == pytest.approx(log_likelihood, abs=6e-5)
    assert np.exp(x[0]) == pytest.approx(sigma[0], abs=1.01 * sigma[1])
    assert np.exp(x[1]) == pytest.approx(tau[0], abs=1.01 * tau[1])
