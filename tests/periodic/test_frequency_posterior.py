"""Exact draws of the frequency against brute force, with and without signal and jitter."""

import numpy as np
import pytest

from bayes_astro.likelihoods.harmonic import (
    log_evidence,
    log_evidence_jitter,
    log_evidence_null_jitter,
    project,
)
from bayes_astro.periodic import frequency_density
from bayes_astro.periodic.frequency_density import Density
from bayes_astro.periodic.frequency_modes import modes
from bayes_astro.periodic.frequency_posterior import sample_frequency

DRAWS = 4000


def light_curve(n, amplitude, *, n_terms=1, timespan=30.0, extra=0.0, seed=1, scale=1.0):
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(-0.5 * timespan, 0.5 * timespan, n))
    error = rng.uniform(0.5, 1.5, n)
    value = 3.0 + amplitude * np.sin(2 * np.pi * 1.217 * time + 0.4)
    value += np.hypot(error, extra) * rng.normal(size=n)
    return project(
        time,
        scale * value,
        (scale * error) ** 2,
        np.ones((n, 1)),
        [0.0],
        [10.0 * scale],
        np.full(n_terms, 2.0 * scale),
    )


def brute_force(problem, low, high, log_uniform=False, n=400_001):
    """Log density on a fine grid, normalised, and the log evidence."""
    grid = np.linspace(low, high, n)
    log_density = log_evidence(problem, grid)
    if log_uniform:
        log_density -= np.log(grid * np.log(high / low))
    else:
        log_density -= np.log(high - low)
    peak = log_density.max()
    evidence = peak + np.log(np.trapezoid(np.exp(log_density - peak), grid))
    return grid, log_density - evidence, evidence


def kolmogorov(draws, grid, log_density):
    """K-S distance in units of its standard error: 1.95 is passed once in a thousand."""
    density = np.exp(log_density)
    cumulative = np.concatenate(
        [[0.0], np.cumsum(0.5 * np.diff(grid) * (density[1:] + density[:-1]))]
    )
    expected = np.interp(np.sort(draws), grid, cumulative / cumulative[-1])
    steps = np.arange(len(draws) + 1) / len(draws)
    distance = max(np.abs(expected - steps[1:]).max(), np.abs(expected - steps[:-1]).max())
    return distance * np.sqrt(len(draws))


@pytest.mark.parametrize(
    ("amplitude", "n_terms", "log_uniform"),
    [(0.0, 1, False), (0.0, 2, True), (0.5, 1, False), (0.7, 3, False), (1.0, 1, True)],
)
def test_draws_and_evidence_equal_brute_force(amplitude, n_terms, log_uniform):
    problem = light_curve(60, amplitude, n_terms=n_terms)
    low, high = 0.02, 4.0
    result = sample_frequency(problem, low, high, log_uniform, DRAWS, np.random.default_rng(2))
    grid, log_density, evidence = brute_force(problem, low, high, log_uniform)

    assert result.log_evidence == pytest.approx(evidence, abs=1e-3)
    assert result.log_evidence_null == problem.log_evidence_null
    assert result.importance_efficiency > 0.99
    assert len(np.unique(result.frequency)) > 0.999 * DRAWS
    assert kolmogorov(result.frequency, grid, log_density) < 1.95
    # The density that is plotted shows the peaks at their height and integrates to one.
    assert result.log_density.max() == pytest.approx(log_density.max(), abs=0.02)
    assert np.trapezoid(np.exp(result.log_density), result.grid) == pytest.approx(1.0)
    assert np.all(np.diff(result.grid) > 0.0)


@pytest.mark.parametrize("amplitude", [2.0, 50.0, 3000.0])
def test_strong_signal(amplitude):
    problem = light_curve(80, amplitude)
    result = sample_frequency(problem, 0.02, 6.0, False, DRAWS, np.random.default_rng(3))
    sd = np.std(result.frequency)
    centre = np.mean(result.frequency)
    grid, log_density, evidence = brute_force(problem, centre - 12 * sd, centre + 12 * sd, n=4001)
    weight = np.exp(log_density)
    mean = np.average(grid, weights=weight)
    expected = np.sqrt(np.average((grid - mean) ** 2, weights=weight))
    assert abs(centre - mean) < 4 * expected / np.sqrt(DRAWS)
    assert sd == pytest.approx(expected, rel=4 / np.sqrt(2 * DRAWS))
    assert kolmogorov(result.frequency, grid, log_density) < 1.95
    # The brute force took its narrow range for the prior's.
    whole_range = evidence + np.log(24 * sd / 5.98)
    assert result.log_evidence == pytest.approx(whole_range, abs=1e-3)
    assert result.importance_efficiency > 0.99
    (mode,) = result.modes()
    assert mode.mass == 1.0
    assert mode.frequency == pytest.approx(mean, abs=0.02 * expected)
    assert mode.sd == pytest.approx(expected, rel=0.03)


def test_equal_aliases_are_all_found():
    """Daily sampling makes f, 1 - f, 1 + f and 2 - f the same: a quarter of the mass each.

    On the coarse grid their nodes differ by thousands of nats, as each falls differently beside
    its peak.
    """
    rng = np.random.default_rng(15)
    time = np.arange(-60.0, 61.0)[rng.random(121) < 0.7]
    value = 300.0 * np.sin(2 * np.pi * 0.2173 * time) + rng.normal(size=len(time))
    n = len(time)
    problem = project(time, value, np.ones(n), np.ones((n, 1)), [0.0], [10.0], [200.0])
    # Not a range whose step divides one cycle a day: all would fall alike.
    result = sample_frequency(problem, 0.0217, 1.9531, False, DRAWS, rng)
    found = sorted(result.modes(), key=lambda mode: mode.frequency)
    np.testing.assert_allclose(
        [mode.frequency for mode in found], [0.2173, 0.7827, 1.2173, 1.7827], atol=1e-4
    )
    np.testing.assert_allclose([mode.mass for mode in found], 0.25, atol=0.035)
    assert result.importance_efficiency > 0.99


def test_proposals_follow_the_piecewise_linear_density():
    nodes, height = np.array([0.0, 1.0, 1.5, 4.0]), np.array([0.1, 2.0, 2.0, 0.3])
    density = Density(nodes, np.log(height))
    rng = np.random.default_rng(16)
    draws = density.draw(50_000, 0, rng)
    grid = np.linspace(0.0, 4.0, 4001)
    assert kolmogorov(draws, grid, np.log(np.interp(grid, nodes, height))) < 1.95
    assert np.trapezoid(np.exp(density.log_proposal(grid, 0.1)), grid) == pytest.approx(1.0)


def test_few_points_and_short_range():
    problem = light_curve(3, 1.0, timespan=5.0)
    result = sample_frequency(problem, 0.5, 0.6, False, DRAWS, np.random.default_rng(4))
    grid, log_density, evidence = brute_force(problem, 0.5, 0.6, n=20_001)
    assert result.log_evidence == pytest.approx(evidence, abs=1e-3)
    assert kolmogorov(result.frequency, grid, log_density) < 1.95


def test_many_points_without_signal_refine_by_transforms():
    """Dividing all cells of a long grid goes through finer grids, not through direct sums."""
    problem = light_curve(1500, 0.0, timespan=200.0)
    result = sample_frequency(problem, 0.02, 4.0, False, DRAWS, np.random.default_rng(5))
    grid, log_density, evidence = brute_force(problem, 0.02, 4.0, n=30_001)
    assert result.log_evidence == pytest.approx(evidence, abs=2e-3)
    assert kolmogorov(result.frequency, grid, log_density) < 1.95
    assert result.importance_efficiency > 0.99


def half_normal(scale):
    return lambda jitter: 0.5 * np.log(2 / np.pi) - np.log(scale) - 0.5 * (jitter / scale) ** 2


@pytest.mark.parametrize(
    ("amplitude", "extra", "scale"), [(0.0, 0.0, 1.0), (0.8, 1.0, 1e3), (3.0, 2.0, 1.0)]
)
def test_jitter_equals_two_dimensional_quadrature(amplitude, extra, scale):
    problem = light_curve(40, amplitude, timespan=12.0, extra=extra, scale=scale)
    low, high = 0.05, 2.0
    log_prior = half_normal(2.0 * scale)
    result = sample_frequency(
        problem, low, high, False, DRAWS, np.random.default_rng(6), [log_prior]
    )

    grid = np.linspace(low, high, 1501)
    jitter = scale * np.linspace(0.0, 7.0, 301)
    pairs = np.repeat(jitter, len(grid)), np.tile(grid, len(jitter))
    log_density = log_evidence_jitter(problem, pairs[1], pairs[0]).reshape(len(jitter), -1)
    log_density += log_prior(jitter)[:, None] - np.log(high - low)
    peak = log_density.max()
    density = np.exp(log_density - peak)
    over_jitter = np.trapezoid(density, jitter, axis=0)
    over_frequency = np.trapezoid(density, grid, axis=1)
    evidence = peak + np.log(np.trapezoid(over_jitter, grid))
    assert result.log_evidence == pytest.approx(evidence, abs=5e-3)
    with np.errstate(divide="ignore"):
        assert kolmogorov(result.frequency, grid, np.log(over_jitter)) < 1.95
        assert kolmogorov(result.jitter[:, 0], jitter, np.log(over_frequency)) < 1.95
    # The dependence between the two: mean jitter on either side of the frequency's median.
    half = np.cumsum(over_jitter) < 0.5 * over_jitter.sum()
    edge = grid[np.argmin(half)]
    for side, drawn in (
        (half, result.frequency < edge),
        (~half, result.frequency >= edge),
    ):
        weight = density[:, side].sum(axis=1)
        mean = np.average(jitter, weights=weight)
        sd = np.sqrt(np.average((jitter - mean) ** 2, weights=weight))
        assert abs(result.jitter[drawn, 0].mean() - mean) < 4.5 * sd / np.sqrt(drawn.sum())
    assert result.importance_efficiency > 0.85
    assert len(np.unique(result.frequency)) > 0.985 * DRAWS

    null = log_evidence_null_jitter(problem, jitter) + log_prior(jitter)
    expected = null.max() + np.log(np.trapezoid(np.exp(null - null.max()), jitter))
    assert result.log_evidence_null == pytest.approx(expected, abs=1e-3)
    marginal = np.interp(grid, result.grid, np.exp(result.log_density))
    expected = over_jitter / np.trapezoid(over_jitter, grid)
    assert np.abs(marginal - expected).max() < 0.05 * expected.max()


def test_jitter_far_above_the_errors():
    """The scatter is a thousand times the errors: nodes must find it."""
    problem = light_curve(100, 3.0, extra=1.0, scale=1.0)
    tight = project(
        problem.time,
        problem.value,
        1e-6 * problem.variance,
        problem.design.T,
        [0.0],
        [10.0],
        [2.0],
    )
    result = sample_frequency(
        tight, 0.05, 3.0, False, DRAWS, np.random.default_rng(7), [half_normal(5.0)]
    )
    assert result.jitter.mean() == pytest.approx(1.45, abs=0.35)
    assert result.importance_efficiency > 0.8
    assert result.frequency.mean() == pytest.approx(1.217, abs=0.01)


def test_width_is_that_of_bretthorst():
    """sd(f) = sqrt(6) sigma / (pi T A sqrt(N)): the median ratio over data sets is one."""
    ratios = []
    n, timespan, amplitude = 100, 40.0, 2.0
    time = np.linspace(-0.5 * timespan, 0.5 * timespan, n)
    for seed in range(60):
        rng = np.random.default_rng([13, seed])
        value = amplitude * np.sin(2 * np.pi * 0.437 * time + 6 * rng.random())
        value += rng.normal(size=n)
        problem = project(time, value, np.ones(n), np.ones((n, 1)), [0.0], [10.0], [3.0])
        result = sample_frequency(problem, 0.1, 1.0, False, 1000, rng)
        formula = np.sqrt(6.0 / n) / (np.pi * timespan * amplitude)
        ratios.append(result.frequency.std() / formula)
    assert np.median(ratios) == pytest.approx(1.0, abs=0.05)


def test_frequency_is_calibrated():
    """Ranks of true frequencies drawn from the prior are uniform."""
    ranks = []
    for seed in range(200):
        rng = np.random.default_rng([14, seed])
        time = np.sort(rng.uniform(-10.0, 10.0, 25))
        frequency = rng.uniform(0.1, 1.5)
        a, b = 1.5 * rng.normal(size=2)
        value = 5.0 * rng.normal() + rng.normal(size=25)
        value += a * np.cos(2 * np.pi * frequency * time)
        value += b * np.sin(2 * np.pi * frequency * time)
        problem = project(time, value, np.ones(25), np.ones((25, 1)), [0.0], [5.0], [1.5])
        draws = sample_frequency(problem, 0.1, 1.5, False, 400, rng).frequency
        ranks.append((np.sum(draws < frequency) + rng.random()) / 401)
    assert kolmogorov(np.array(ranks), np.array([0.0, 1.0]), np.zeros(2)) < 1.95


def test_same_seed_same_draws_and_shift_of_time():
    problem = light_curve(50, 1.0)
    first, again = (
        sample_frequency(problem, 0.05, 3.0, False, 500, np.random.default_rng(8)) for _ in range(2)
    )
    np.testing.assert_array_equal(first.frequency, again.frequency)
    # Another reference epoch leaves only the rounding of the phases.
    moved = project(
        problem.time + 4.0,
        problem.value,
        problem.variance,
        problem.design.T,
        [0.0],
        [10.0],
        [2.0],
    )
    other = sample_frequency(moved, 0.05, 3.0, False, 500, np.random.default_rng(8))
    np.testing.assert_allclose(other.frequency, first.frequency, rtol=0, atol=1e-6)
    assert other.log_evidence == pytest.approx(first.log_evidence, abs=1e-6)


def test_modes_separate_peaks():
    grid = np.linspace(0.0, 10.0, 20_001)
    density = (
        0.6 * np.exp(-0.5 * ((grid - 2.0) / 0.01) ** 2) / 0.01
        + 0.3 * np.exp(-0.5 * ((grid - 2.2) / 0.01) ** 2) / 0.01  # within 1 / T, but 20 sd away
        + 0.1 * np.exp(-0.5 * ((grid - 7.0) / 0.02) ** 2) / 0.02
    )
    rng = np.random.default_rng(9)
    draws = np.concatenate(
        [
            rng.normal(2.0, 0.01, 600),
            rng.normal(2.2, 0.01, 300),
            rng.normal(7.0, 0.02, 100),
        ]
    )
    log_density = np.log(density + 1e-30) - 0.5 * np.log(2 * np.pi)
    found = modes(grid, log_density, draws, timespan=2.0)
    np.testing.assert_allclose([m.mass for m in found], [0.6, 0.3, 0.1])
    np.testing.assert_allclose([m.frequency for m in found], [2.0, 2.2, 7.0], atol=1e-3)
    np.testing.assert_allclose([m.sd for m in found], [0.01, 0.01, 0.02], rtol=0.01)
    assert found[0].low < 2.0 < found[0].high <= found[1].low < 2.2

    # Ripples on a broad hump are one peak.
    hump = -0.5 * ((grid - 5.0) / 0.2) ** 2 + 0.05 * np.sin(200 * grid)
    (one,) = modes(grid, hump, rng.normal(5.0, 0.2, 100), timespan=1.0)
    assert one.sd == pytest.approx(0.2, rel=0.05)


def test_bad_ranges_are_refused():
    problem = light_curve(10, 1.0)
    rng = np.random.default_rng(10)
    for low, high in ((0.0, 1.0), (2.0, 1.0), (0.1, np.inf), (np.nan, 1.0)):
        with pytest.raises(ValueError, match="0 < low < high"):
            sample_frequency(problem, low, high, False, 10, rng)
    with pytest.raises(ValueError, match="draws"):
        sample_frequency(problem, 0.1, 1.0, False, 0, rng)


@pytest.mark.parametrize("log_uniform", [False, True])
@pytest.mark.parametrize("amplitude", [0.3, 3.0])
def test_cells_put_aside_change_nothing(monkeypatch, amplitude, log_uniform):
    """Nodes and density are those of a search that looks at every cell each time, to the last bit."""
    rng = np.random.default_rng(4)
    time = np.sort(rng.uniform(-100, 100, 150))
    value = amplitude * np.cos(2 * np.pi * 0.7 * time) + rng.normal(size=150)
    problem = project(time, value, np.ones(150), np.ones((150, 1)), [0.0], [5.0], [1.0, 0.5])
    limits = frequency_density.FrequencyRange(0.02, 5.0, log_uniform)
    found, count = frequency_density.refined_density(problem, limits)
    monkeypatch.setattr(frequency_density, "SPARSE", 0.0)
    whole, again = frequency_density.refined_density(problem, limits)
    assert count == again
    np.testing.assert_array_equal(found.nodes, whole.nodes)
    np.testing.assert_array_equal(found.log_density, whole.log_density)
