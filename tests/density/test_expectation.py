"""EM against the oracle step by step; what it may never do; the posterior's density and gradient."""

from dataclasses import replace

import numpy as np
import pytest
from density import oracle

import bayes_astro as ba
from bayes_astro.density import inputs
from bayes_astro.likelihoods.mixture_blocks import lay_out
from bayes_astro.mixtures.coordinates import Parameters
from bayes_astro.mixtures.expectation import (
    Conjugate,
    Deconvolution,
    Regularised,
    begin,
    climb,
    step,
)
from bayes_astro.mixtures.posterior import MixturePosterior


def points(rng, n, d, m=None, gaps=0.0):
    """Values of three clusters, covariances, projections."""
    m = d if m is None else m
    projection = None if m == d else rng.normal(size=(n, m, d))
    centre = 2.5 * rng.normal(size=(3, d))
    true = centre[rng.integers(3, size=n)] + rng.normal(size=(n, d))
    factor = rng.normal(size=(n, m, m))
    covariance = 0.4 * factor @ factor.swapaxes(1, 2) / m + 0.05 * np.eye(m)
    value = true if projection is None else np.einsum("nij,nj->ni", projection, true)
    value = value + np.einsum("nij,nj->ni", np.linalg.cholesky(covariance), rng.normal(size=(n, m)))
    if gaps:
        missing = rng.random((n, m)) < gaps
        value[missing] = np.nan
        covariance[missing[:, :, None] | missing[:, None, :]] = np.nan
    return value, covariance, projection


def start(rng, k, d):
    factor = rng.normal(size=(k, d, d))
    spread = factor @ factor.swapaxes(1, 2) / d + np.eye(d)
    return rng.dirichlet(np.full(k, 4.0)), 2 * rng.normal(size=(k, d)), spread


def frame(rng, d):
    return rng.normal(size=d), rng.uniform(0.3, 3.0, d)


def scaled(state, shift, scale):
    weight, mean, spread = state
    return Parameters(weight, (mean - shift) / scale, spread / np.outer(scale, scale))


def unscaled(parameters, shift, scale):
    return (
        parameters.weight,
        shift + scale * parameters.mean,
        np.outer(scale, scale) * parameters.covariance,
    )


def conjugate(d, k, alpha=1.5):
    return Conjugate(alpha, np.full(d, 0.3), np.full(d, 3.0), d + 2.0, 0.5 * np.eye(d) + 0.1)


FIXED = {
    "weight": ({"weight": [0.3, None, None]}, {"fixed_weight": [True, False, False]}),
    "all weights": ({"weight": [0.3, 0.5, 0.2]}, {"fixed_weight": [True] * 3}),
    "mean": ({"mean": [None, [0.5, 1.0], None]}, {"fixed_mean": [False, True, False]}),
    "covariance": (
        {"covariance": [None, None, [[2.0, 0.3], [0.3, 1.0]]]},
        {"fixed_covariance": [False, False, True]},
    ),
    "one of each": (
        {
            "weight": [0.3, None, None],
            "mean": [None, [0.5, 1.0], None],
            "covariance": [None, None, [[2.0, 0.3], [0.3, 1.0]]],
        },
        {
            "fixed_weight": [True, False, False],
            "fixed_mean": [False, True, False],
            "fixed_covariance": [False, False, True],
        },
    ),
}


def against_the_oracle(rng, given, state, *, w=0.0, own=None, fixed=None, options=None):
    """Ten steps of both, in a frame that is not that of the data."""
    d, k = state[1].shape[1], len(state[0])
    shift, scale = frame(rng, d)
    blocks = lay_out(*given, own, shift=shift, scale=scale)
    layout = inputs.layout(fixed, k, shift, scale, None)
    problem = Deconvolution(blocks, layout, Regularised(w / scale**2))
    run = begin(problem, scaled(state, shift, scale))
    own = np.ones(len(given[0])) if own is None else own
    for _ in range(10):
        score = own @ oracle.log_likelihood(*given, *state)
        found = run.found.log_likelihood + own @ blocks.jacobian
        np.testing.assert_allclose(found, score, rtol=1e-10)
        run = begin(problem, step(problem, run.parameters, run.found))
        state = oracle.em_step(
            *given, *state, regularization=w, point_weight=own, **(options or {})
        )
        for mine, theirs in zip(unscaled(run.parameters, shift, scale), state, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("w", [0.0, 0.7])
@pytest.mark.parametrize("d,m,gaps", [(1, 1, 0), (2, 2, 0), (3, 2, 0), (2, 3, 0), (3, 3, 0.3)])
def test_steps_of_the_oracle(d, m, gaps, w):
    rng = np.random.default_rng([d, m, 1])
    # Of a component with 1e-4 of a point neither has ten digits: shares below 1e-13 are dropped.
    against_the_oracle(rng, points(rng, 40, d, m, gaps), start(rng, 3, d), w=w)


@pytest.mark.parametrize("w", [0.0, 0.7])
def test_steps_of_the_oracle_with_weights(w):
    rng = np.random.default_rng(3)
    given = points(rng, 40, 2, gaps=0.1)
    against_the_oracle(rng, given, start(rng, 2, 2), w=w, own=rng.uniform(0.1, 4, 40))


@pytest.mark.parametrize("name", FIXED)
@pytest.mark.parametrize("w", [0.0, 0.7])
def test_steps_of_the_oracle_with_what_is_fixed(name, w):
    rng = np.random.default_rng(4)
    fixed, options = FIXED[name]
    weight, mean, spread = start(rng, 3, 2)
    weight = np.array([0.3, 0.5, 0.2])
    mean[1], spread[2] = [0.5, 1.0], [[2.0, 0.3], [0.3, 1.0]]
    given = points(rng, 40, 2)
    against_the_oracle(rng, given, (weight, mean, spread), w=w, fixed=fixed, options=options)


def random_problem(seed):
    """Any size, form and prior; a start anywhere."""
    rng = np.random.default_rng([11, seed])
    d, k = int(rng.integers(1, 4)), int(rng.integers(1, 5))
    m = int(rng.integers(1, 4)) if rng.random() < 0.3 else d
    n = int(rng.integers(6, 60))
    given = points(rng, n, d, m, gaps=0.2 if rng.random() < 0.3 else 0)
    own = rng.uniform(0.1, 3, n) if rng.random() < 0.3 else None
    shift, scale = frame(rng, d)
    uniform = m == d and rng.random() < 0.2
    blocks = lay_out(*given, own, shift=shift, scale=scale, background=np.full(m, 20.0))
    layout = inputs.layout(None, k, shift, scale, "uniform" if uniform else None)
    prior = conjugate(d, k, rng.uniform(1, 3))
    if rng.random() < 0.5:
        # without errors of any size nothing else bounds the likelihood
        prior = Regularised(rng.choice([0.0, 0.1, 2.0]) * np.ones(d))
    old = scaled(start(rng, k, d), shift, scale)
    if uniform:
        old = replace(old, weight=0.9 * old.weight, background=0.1)
    return Deconvolution(blocks, layout, prior), old


@pytest.mark.slow
def test_ten_thousand_steps_never_go_down():
    steps = 0
    for seed in range(250):
        problem, parameters = random_problem(seed)
        run = begin(problem, parameters)
        for _ in range(40):
            before = run.objective
            new = step(problem, run.parameters, run.found)
            assert np.isfinite(new.mean).all() and np.isfinite(new.covariance).all()
            np.testing.assert_allclose(new.shares.sum(), 1)
            assert (new.shares >= 0).all()
            run = begin(problem, new)
            assert run.objective >= before - 1e-12 * max(1.0, abs(before)), seed
            steps += 1
    assert steps == 10_000


def test_the_accelerated_climb_never_goes_down():
    leaps = 0
    for seed in range(60):
        problem, parameters = random_problem(seed)
        run = climb(problem, parameters, tolerance=1e-6, max_steps=400)
        gains = np.diff(run.history)
        assert (gains >= -1e-12 * max(1.0, abs(run.objective))).all(), seed
        slow = climb(problem, parameters, tolerance=1e-6, max_steps=400, accelerate=False)
        leaps += run.steps < slow.steps
        assert problem.objective(run.parameters, run.found) == run.objective
    assert leaps > 30


def objective(problem, flat):
    parameters = problem.layout.parameters(flat)
    return problem.objective(parameters, problem.statistics(parameters))


def slopes(function, flat, h=1e-3):
    """Central differences of five points."""
    found = np.empty(len(flat))
    for i in range(len(flat)):
        rise = []
        for by in (-2, -1, 1, 2):
            moved = flat.copy()
            moved[i] += by * h
            rise.append(function(moved))
        found[i] = (rise[0] - 8 * rise[1] + 8 * rise[2] - rise[3]) / (12 * h)
    return found


@pytest.mark.parametrize("kind", ["priors", "w", "projected", "missing", "uniform", "fixed"])
def test_where_it_ends_is_a_maximum(kind):
    rng = np.random.default_rng(5)
    d, k = 2, 2
    given = points(rng, 80, d, 3 if kind == "projected" else d, 0.2 if kind == "missing" else 0)
    shift, scale = frame(rng, d)
    background = "uniform" if kind == "uniform" else None
    fixed = {"mean": [None, [1.0, 1.0]], "weight": [0.6, None]} if kind == "fixed" else None
    layout = inputs.layout(fixed, k, shift, scale, background)
    blocks = lay_out(*given, shift=shift, scale=scale, background=np.full(given[0].shape[1], 15.0))
    prior = Regularised(0.5 / scale**2) if kind == "w" else conjugate(d, k)
    problem = Deconvolution(blocks, layout, prior)
    old = scaled(start(rng, k, d), shift, scale)
    if kind == "uniform":
        old = replace(old, weight=0.9 * old.weight, background=0.1)
    if kind == "fixed":
        old = replace(
            old,
            weight=np.array([0.6, 0.4]),
            mean=np.where(np.isnan(layout.fixed_mean), old.mean, layout.fixed_mean),
        )
    run = climb(problem, old, tolerance=1e-11, max_steps=20_000)
    flat = layout.flat(run.parameters)
    # The density of (weight, mean, covariance): no Jacobian of the coordinates in it.
    np.testing.assert_allclose(slopes(lambda x: objective(problem, x), flat), 0, atol=2e-4)
    for _ in range(20):
        beside = flat + 0.05 * rng.normal(size=len(flat))
        assert objective(problem, beside) < run.objective


MODELS = {
    "plain": ({"n_components": 3}, {}),
    "one, missing": ({"n_components": 1}, {"gaps": 0.2}),
    "uniform": ({"n_components": 2, "background": "uniform"}, {}),
    "broad, fixed": (
        {
            "n_components": 3,
            "background": "broad",
            "fixed": {
                "weight": [0.2, None, None],
                "mean": [[0.0, 1.0], None, None],
                "covariance": [None, None, [[1.0, 0.2], [0.2, 2.0]]],
            },
        },
        {},
    ),
    "projected": ({"n_components": 2}, {"m": 3}),
}


def model_and_data(name):
    arguments, form = MODELS[name]
    value, covariance, projection = points(np.random.default_rng(6), 60, 2, **form)
    value = 30 + 5 * value  # so that the frame matters
    data = ba.Measurements(value, covariance=25 * covariance, projection=projection)
    return ba.ExtremeDeconvolution(**arguments), data


@pytest.mark.parametrize(
    "name", ["plain", *(pytest.param(n, marks=pytest.mark.slow) for n in MODELS if n != "plain")]
)
def test_the_posterior_is_that_of_the_model_in_pymc(name):
    model, data = model_and_data(name)
    problem = model.deconvolution(data, model.resolve_priors(data))
    density = MixturePosterior(problem)
    rng = np.random.default_rng(7)
    built = model.build(data)
    # Compiled as samplers have it in one case, in Python in the others, which takes less time.
    log_p = built.compile_logp(**({} if name == "broad, fixed" else {"mode": "FAST_COMPILE"}))
    offsets = []
    for _ in range(6):
        flat = 0.5 * rng.normal(size=density.size)
        point, at = built.initial_point(), 0
        # The same parts in the same order.
        for part in ("share_simplex__", "free_mean", "log_cholesky"):
            if part in point:
                size = point[part].size
                point[part] = flat[at : at + size].reshape(point[part].shape)
                at += size
        assert at == density.size
        value, gradient = density.value_and_gradient(flat)
        offsets.append(float(log_p(point)) - value)
        numeric = slopes(lambda x: density.value_and_gradient(x)[0], flat)
        np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-7 * np.abs(gradient).max())
    # the log-probability is of thousands, and the same constant lies between them everywhere
    np.testing.assert_allclose(offsets, offsets[0], rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", MODELS)
def test_flat_coordinates_and_back(name):
    model, data = model_and_data(name)
    layout = model.deconvolution(data, model.resolve_priors(data)).layout
    flat = np.random.default_rng(8).normal(size=layout.size)
    parameters = layout.parameters(flat)
    np.testing.assert_allclose(parameters.shares.sum(), 1)
    np.testing.assert_allclose(layout.flat(parameters), flat, rtol=1e-9, atol=1e-9)


def test_weights_of_points_count_as_copies_in_what_is_reported():
    rng = np.random.default_rng(9)
    value, covariance, _ = points(rng, 60, 2)
    value, covariance = 30 + 5 * value, 25 * covariance
    copies = rng.integers(1, 4, 60)
    priors = ba.ExtremeDeconvolution(1).resolve_priors(
        ba.Measurements(value, covariance=covariance)
    )
    model = ba.ExtremeDeconvolution(1, priors=priors)
    fits = [
        model.fit(data, ba.MAP(tolerance=1e-6), seed=1, progress=False).posterior
        for data in (
            ba.Measurements(value, covariance=covariance, weight=copies),
            ba.Measurements(
                np.repeat(value, copies, 0), covariance=np.repeat(covariance, copies, 0)
            ),
        )
    ]
    one, two = (fit["sample_stats"].attrs["log_likelihood"] for fit in fits)
    assert one == pytest.approx(two, rel=1e-9)
    mixture = [fit["posterior"] for fit in fits]
    np.testing.assert_allclose(mixture[0]["mean"], mixture[1]["mean"], rtol=1e-6)


def test_an_empty_component_stays_where_it_is():
    rng = np.random.default_rng(10)
    value, covariance, _ = points(rng, 30, 2)
    layout = inputs.layout(None, 2, np.zeros(2), np.ones(2), None)
    blocks = lay_out(value, covariance, shift=np.zeros(2), scale=np.ones(2))
    problem = Deconvolution(blocks, layout, Regularised(np.zeros(2)))
    far = Parameters(
        np.array([0.5, 0.5]), np.array([[0.0, 0], [1e4, 0]]), np.array([np.eye(2)] * 2)
    )
    run = climb(problem, far, tolerance=1e-6, max_steps=300)
    assert run.parameters.weight[1] == 0 and run.converged
    assert (run.parameters.mean[1] == [1e4, 0]).all()
    assert (run.parameters.covariance[1] == np.eye(2)).all()
    # Under a prior an empty component goes where the prior wants it.
    prior = conjugate(2, 2, alpha=1.0)
    run = climb(replace(problem, prior=prior), far, tolerance=1e-9, max_steps=300)
    np.testing.assert_allclose(run.parameters.mean[1], prior.mean)
    np.testing.assert_allclose(run.parameters.covariance[1], prior.psi / (prior.nu + 3))
