"""Marginal likelihood and conjugate draws against dense algebra, BGLS and astropy."""

import numpy as np
import pytest
from astropy.timeseries import LombScargle

from bayes_astro.likelihoods.harmonic import (
    draw_coefficients,
    log_evidence,
    log_evidence_jitter,
    log_evidence_null_jitter,
    project,
    with_jitter,
)
from bayes_astro.likelihoods.harmonic_grid import log_evidence_grid, log_evidence_many


def light_curve(n, n_terms, trend, rng, *, shift=0.0, amplitude=3.0):
    """Arguments of `project`: errors over two decades, values drawn from the model."""
    # Times are multiples of 2^-20 d, so that a shift by an integer is exact.
    time = np.sort(np.rint(rng.uniform(0.0, 100.0, n) * 2**20) / 2**20) + shift
    time = time - (shift + 50.0)
    error = 10.0 ** rng.uniform(-1.5, 0.5, n)
    design = np.vander(time / 50.0, trend + 1, increasing=True)
    value = 7.0 + amplitude * np.sin(2 * np.pi * 0.731 * time) + error * rng.normal(size=n)
    return (
        time,
        value,
        error**2,
        design,
        rng.normal(size=trend + 1),
        rng.uniform(1.0, 20.0, trend + 1),
        rng.uniform(0.5, 3.0, n_terms),
    )


def columns(arguments, frequency):
    """Design matrix of trend, cosines and sines, with prior means and widths."""
    time, _, _, design, beta_mean, beta_sd, term_sd = arguments
    angle = 2 * np.pi * frequency * np.outer(time, np.arange(1, len(term_sd) + 1))
    matrix = np.hstack([design, np.cos(angle), np.sin(angle)])
    mean = np.concatenate([beta_mean, np.zeros(2 * len(term_sd))])
    return matrix, mean, np.concatenate([beta_sd, term_sd, term_sd])


def dense_log_evidence(arguments, frequency):
    """Cholesky factor of the N x N covariance, in extended precision.

    In double precision this oracle loses four digits more than the code that it judges: the
    covariance's condition number is the square of prior width over error.
    """
    matrix, mean, sd = columns(arguments, frequency)
    matrix = matrix.astype(np.longdouble)
    scaled = matrix * sd
    covariance = scaled @ scaled.T + np.diag(arguments[2].astype(np.longdouble))
    residual = arguments[1] - matrix @ mean
    n = len(residual)
    factor = np.zeros_like(covariance)
    for j in range(n):
        column = covariance[j:, j] - factor[j:, :j] @ factor[j, :j]
        factor[j:, j] = column / np.sqrt(column[0])
    whitened = np.zeros_like(residual)
    for j in range(n):
        whitened[j] = (residual[j] - factor[j, :j] @ whitened[:j]) / factor[j, j]
    log_determinant = 2 * np.log(np.diag(factor)).sum()
    return float(-0.5 * (whitened @ whitened + log_determinant + n * np.log(2 * np.pi)))


def bgls(time, value, error, frequency):
    """Mortier et al. 2015, A&A 573, A101, equations 8 to 13 (log, up to a constant)."""
    w = error**-2.0
    angle = 2 * np.pi * frequency * time
    angle = angle - 0.5 * np.arctan2(w @ np.sin(2 * angle), w @ np.cos(2 * angle))
    cosine, sine = np.cos(angle), np.sin(angle)
    total, y = w.sum(), w @ value
    yc, ys, c, s = (w * value) @ cosine, (w * value) @ sine, w @ cosine, w @ sine
    cc, ss = w @ cosine**2, w @ sine**2
    k = (c * c * ss + s * s * cc - total * cc * ss) / (2 * cc * ss)
    ell = (y * cc * ss - c * yc * ss - s * ys * cc) / (cc * ss)
    m = (yc * yc * ss + ys * ys * cc) / (2 * cc * ss)
    return m - ell**2 / (4 * k) - 0.5 * np.log(np.abs(k) * cc * ss)


@pytest.mark.parametrize("n", [3, 7, 39, 40, 120, 300])
@pytest.mark.parametrize("n_terms", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("trend", [0, 1, 2])
def test_log_evidence_equals_dense_cholesky(n, n_terms, trend):
    rng = np.random.default_rng([n, n_terms, trend])
    arguments = light_curve(n, n_terms, trend, rng, shift=2.45e6)
    problem = project(*arguments)
    # Degenerate with the trend, near the signal, and anywhere.
    frequency = np.array([0.0013, 0.731, 2.0 + rng.random()])[: 1 if n == 300 else 3]
    if n == 300:
        frequency = rng.choice([0.0013, 0.731, 2.3], 1)
    oracle = np.array([dense_log_evidence(arguments, f) for f in frequency])
    np.testing.assert_allclose(log_evidence(problem, frequency), oracle, rtol=0, atol=1e-7)

    # The grid passes through each of them, in a block of its own position.
    for f, expected in zip(frequency, oracle, strict=True):
        before = int(rng.integers(0, 200))
        step = f / (before + 3.0)
        grid = log_evidence_grid(problem, f - before * step, step, 300)
        assert grid[before] == pytest.approx(expected, rel=0, abs=1e-6)


@pytest.mark.parametrize("n_terms", [1, 3])
@pytest.mark.parametrize("accuracy", [1e-3, 1e-6])
def test_grid_equals_direct_sum_over_several_blocks(n_terms, accuracy):
    rng = np.random.default_rng(n_terms)
    problem = project(*light_curve(150, n_terms, 1, rng))
    step, count = 1e-4, 70_001
    grid = log_evidence_grid(problem, 0.001, step, count, accuracy)
    some = rng.integers(0, count, 3000)
    direct = log_evidence(problem, 0.001 + step * some)
    np.testing.assert_allclose(grid[some], direct, rtol=0, atol=accuracy)


def test_grid_where_regular_sampling_hides_the_sine():
    time = np.arange(60.0) - 30.0
    rng = np.random.default_rng(4)
    problem = project(
        time,
        rng.normal(size=60),
        np.full(60, 0.01),
        np.ones((60, 1)),
        [0.0],
        [10.0],
        [1.0, 0.5],
    )
    frequency = 0.25 * np.arange(9)
    grid = log_evidence_grid(problem, 0.0, 0.25, 9)
    np.testing.assert_allclose(grid, log_evidence(problem, frequency), rtol=0, atol=1e-6)


def test_null_is_the_limit_of_no_harmonics():
    rng = np.random.default_rng(5)
    arguments = light_curve(80, 2, 2, rng)
    problem = project(*arguments)
    no_amplitude = project(*arguments[:-1], np.full(2, 1e-12))
    np.testing.assert_allclose(
        log_evidence(no_amplitude, [0.3]), problem.log_evidence_null, rtol=0, atol=1e-8
    )
    jitter = np.array([0.0, 0.4])
    expected = [with_jitter(problem, j).log_evidence_null for j in jitter]
    np.testing.assert_allclose(log_evidence_null_jitter(problem, jitter), expected, atol=1e-9)


def test_jitter_adds_to_the_variance():
    rng = np.random.default_rng(6)
    arguments = light_curve(60, 3, 1, rng)
    problem = project(*arguments)
    frequency, jitter = rng.uniform(0.1, 2.0, 5), rng.uniform(0.0, 3.0, 5)
    found = log_evidence_jitter(problem, frequency, jitter)
    for i in range(5):
        wider = (*arguments[:2], arguments[2] + jitter[i] ** 2, *arguments[3:])
        assert found[i] == pytest.approx(dense_log_evidence(wider, frequency[i]), abs=1e-8)
        same = log_evidence(with_jitter(problem, jitter[i]), frequency[i : i + 1])
        assert found[i] == pytest.approx(same[0], abs=1e-9)


def test_very_wide_priors_stay_sound():
    rng = np.random.default_rng(7)
    arguments = light_curve(50, 2, 2, rng)
    wide = project(*arguments[:5], np.full(3, 1e8), np.full(2, 1e7))
    wider = project(*arguments[:5], np.full(3, 1e9), np.full(2, 1e8))
    frequency = np.linspace(0.2, 2.0, 30)
    # Every flat direction costs one decade: three of the trend, four of the harmonics.
    difference = log_evidence(wide, frequency) - log_evidence(wider, frequency)
    np.testing.assert_allclose(difference, 7 * np.log(10.0), rtol=0, atol=1e-6)


def test_broad_priors_reproduce_bgls():
    rng = np.random.default_rng(8)
    time, value, variance, design, *_ = light_curve(70, 1, 0, rng)
    problem = project(time, value, variance, design, [0.0], [1e5], [1e5])
    frequency = np.linspace(0.05, 3.0, 500)
    published = np.array([bgls(time, value, np.sqrt(variance), f) for f in frequency])
    for found in (
        log_evidence(problem, frequency),
        log_evidence_grid(problem, frequency[0], frequency[1] - frequency[0], 500),
    ):
        assert np.ptp(found - published) < 1e-6


def test_peak_height_is_the_power_of_astropy():
    rng = np.random.default_rng(9)
    time, value, variance, design, *_ = light_curve(70, 1, 0, rng)
    priors = design, [0.0], [1e6], [1e6]
    frequency = np.linspace(0.05, 3.0, 500)
    problem = project(time, value, variance, *priors)
    # With no values at all what remains is the determinant.
    empty = project(time, np.zeros(70), variance, *priors)
    height = log_evidence(problem, frequency) - problem.log_evidence_null
    height -= log_evidence(empty, frequency) - empty.log_evidence_null
    power = LombScargle(time, value, np.sqrt(variance)).power(
        frequency, normalization="psd", method="cython"
    )
    np.testing.assert_allclose(height, power, rtol=1e-7, atol=1e-6)


def test_invariance_to_time_shift_and_flux_scale():
    rng = np.random.default_rng(10)
    near = light_curve(90, 3, 1, np.random.default_rng(10))
    far = light_curve(90, 3, 1, np.random.default_rng(10), shift=2450000.0)
    frequency = rng.uniform(0.1, 3.0, 20)
    here = log_evidence(project(*near), frequency)
    np.testing.assert_array_equal(here, log_evidence(project(*far), frequency))

    scale = 1e-17  # fluxes in cgs units
    time, value, variance, design, *priors = near
    small = project(time, scale * value, scale**2 * variance, design, *[scale * x for x in priors])
    np.testing.assert_allclose(
        log_evidence(small, frequency) + 90 * np.log(scale), here, rtol=0, atol=1e-8
    )
    assert log_evidence_jitter(small, [0.3], [scale])[0] + 90 * np.log(scale) == pytest.approx(
        log_evidence_jitter(project(*near), [0.3], [1.0])[0], abs=1e-8
    )


@pytest.mark.parametrize("jitter", [None, 0.7])
def test_coefficients_follow_the_conjugate_gaussian(jitter):
    rng = np.random.default_rng(11)
    arguments = light_curve(25, 2, 1, rng)
    problem = project(*arguments)
    matrix, mean, sd = columns(arguments, 0.62)
    weight = 1.0 / (arguments[2] + (jitter or 0.0) ** 2)
    precision = matrix.T @ (weight[:, None] * matrix) + np.diag(sd**-2.0)
    covariance = np.linalg.inv(precision)
    expected = covariance @ (matrix.T @ (weight * arguments[1]) + mean / sd**2)

    # Zeros give the mean and unit vectors the columns of a square root of the covariance:
    # both are exact, so no Monte Carlo error blurs the comparison.
    size = len(mean)
    normals = np.vstack([np.zeros(size), np.eye(size)])
    noise = None if jitter is None else np.full(size + 1, jitter)
    found = draw_coefficients(problem, np.full(size + 1, 0.62), normals, noise)
    draws = np.hstack([found.trend[:, 0], found.cosine, found.sine])
    np.testing.assert_allclose(draws[0], expected, rtol=1e-8, atol=1e-8)
    root = draws[1:] - draws[0]
    np.testing.assert_allclose(root.T @ root, covariance, rtol=1e-7, atol=1e-10)


def test_read_only_and_integer_input_is_taken_and_left_alone():
    arguments = light_curve(50, 1, 0, np.random.default_rng(13))
    for x in arguments:
        x.setflags(write=False)
    problem = project(*arguments)
    frequency = np.arange(1, 4)
    frequency.setflags(write=False)
    normals = np.zeros((3, 3))
    normals.setflags(write=False)
    found = log_evidence(problem, frequency)
    draw_coefficients(problem, frequency, normals)
    np.testing.assert_allclose(found, log_evidence_grid(problem, 1, 1, 3), rtol=0, atol=1e-6)


def test_shapes_are_checked():
    problem = project(*light_curve(10, 2, 0, np.random.default_rng(12)))
    with pytest.raises(ValueError, match=r"\(4, 5\).*got \(4, 3\)"):
        draw_coefficients(problem, np.ones(4), np.zeros((4, 3)))
    with pytest.raises(ValueError, match="equally long"):
        log_evidence_jitter(problem, np.ones(4), np.ones(3))
    with pytest.raises(ValueError, match="count"):
        log_evidence_grid(problem, 0.1, 0.1, 0)


@pytest.mark.parametrize("n_terms", [1, 3])
@pytest.mark.parametrize("width", [1e-6, 1e-2])
def test_many_drawn_frequencies_are_those_summed_directly(n_terms, width):
    rng = np.random.default_rng(21)
    n = 700
    time = np.sort(rng.uniform(-800, 800, n))
    value = 12 + 0.3 * np.sin(2 * np.pi * 0.31 * time) + 0.1 * rng.standard_normal(n)
    design = np.column_stack([np.ones(n), time / 800])
    problem = project(
        time, value, np.full(n, 0.01), design, [12.0, 0.0], [5.0, 1.0], np.full(n_terms, 0.4)
    )
    # Two peaks, some that lie alone, and some with less than a cycle, where the columns are alike.
    drawn = [0.31 + width * rng.standard_normal(300), 1.31 + width * rng.standard_normal(250)]
    alone, slow = rng.uniform(0.01, 2, 20), rng.uniform(1e-5, 3e-4, 220)
    frequency = rng.permutation(np.concatenate([*drawn, alone, slow, drawn[0][:5]]))
    found = log_evidence_many(problem, frequency)
    np.testing.assert_allclose(found, log_evidence(problem, frequency), rtol=0, atol=1e-6)
    some = frequency[:50]
    assert (log_evidence_many(problem, some) == log_evidence(problem, some)).all()
