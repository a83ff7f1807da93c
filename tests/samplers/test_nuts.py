"""NUTS by PyMC: it stops adapting before it draws, and its chains are independent."""

import numpy as np
import pytest
from samples import line

import bayes_astro as ba
from bayes_astro.regression import linear_relation
from bayes_astro.regression.problem import LineProblem
from bayes_astro.samplers import nutpie_steps


class OneStart(LineProblem):
    """The densest half of the candidates, of which chains start, is one point."""

    def starts(self, count, rng):
        scale = rng.uniform(1.5, 2.5, count)
        scale[: count // 2] = 1.0
        middle = {k: v.mean(axis=0) for k, v in super().starts(count, rng).items()}
        return {name: np.multiply.outer(scale, value) for name, value in middle.items()}


def fit(model, backend="pymc", **settings):
    return model.fit(line(n=20), ba.NUTS(backend=backend, **settings), seed=1, progress=False)


def test_the_step_size_is_constant_once_draws_are_kept():
    steps = fit(ba.LinearRelation("y"), draws=10, tune=30, chains=2)
    steps = steps.posterior["sample_stats"]["step_size"].values
    assert (steps == steps[:, :1]).all()
    assert steps[0, 0] != steps[1, 0], "adapted, each chain by itself"


@pytest.mark.parametrize("backend", ["nutpie", "pymc"])
def test_chains_from_one_start_differ(backend, monkeypatch):
    monkeypatch.setattr(linear_relation, "LineProblem", OneStart)
    draws = fit(ba.LinearRelation("y"), backend, draws=1, tune=9, chains=4)
    assert len(np.unique(draws.posterior["posterior"]["slope"].values)) == 4


def test_nutpie_calls_compiled_code_by_its_address(monkeypatch):
    """The way in is not public: where this fails, nutpie has changed it and fits are slower."""
    from nutpie import _lib

    by_address = fit(ba.LinearRelation("y"), "nutpie", draws=20, tune=50, chains=2)
    ways = []
    plain = nutpie_steps._model_by_function
    monkeypatch.setattr(
        nutpie_steps, "_model_by_function", lambda *given: ways.append(1) or plain(*given)
    )
    again = fit(ba.LinearRelation("y"), "nutpie", draws=20, tune=50, chains=2)
    assert not ways
    monkeypatch.delattr(_lib, "LogpFunc")
    by_function = fit(ba.LinearRelation("y"), "nutpie", draws=20, tune=50, chains=2)
    assert ways
    for other in (again, by_function):
        for name, draws in by_address.posterior["posterior"].data_vars.items():
            assert np.array_equal(draws, other.posterior["posterior"][name])


@pytest.fixture(scope="module")
def long_run():
    return fit(ba.LinearRelation("y"), "nutpie", draws=4000, tune=1000, chains=4)


@pytest.mark.parametrize("metric", ["low-rank", "diagonal", "full"])
@pytest.mark.parametrize("backend", ["nutpie", "pymc"])
def test_every_metric_draws_the_same_posterior(backend, metric, long_run):
    model = fit(ba.LinearRelation("y"), backend, metric=metric, draws=300, tune=300, chains=2)
    for name in ("slope", "intercept", "scatter"):
        ours, theirs = (m.posterior["posterior"][name].values.ravel() for m in (model, long_run))
        assert abs(ours.mean() - theirs.mean()) < 0.3 * theirs.std()
        assert 0.8 < ours.std() / theirs.std() < 1.25


def test_many_fits_in_two_threads_are_those_of_one_after_the_other():
    from concurrent.futures import ThreadPoolExecutor

    def one(seed):
        model = ba.LinearRelation("y").fit(
            line(n=20), ba.NUTS(draws=20, tune=50, chains=2), seed=seed, progress=False
        )
        return model.posterior["posterior"]["slope"].values

    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(one, range(6)))
    assert np.array_equal(together, [one(seed) for seed in range(6)])


@pytest.mark.slow
def test_no_memory_is_lost_over_many_fits():
    import gc
    import resource

    def held():
        gc.collect()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    settings = {"draws": 20, "tune": 20, "chains": 2}
    for _ in range(30):
        fit(ba.LinearRelation("y"), "nutpie", **settings)
    before = held()
    for _ in range(200):
        fit(ba.LinearRelation("y"), "nutpie", **settings)
    assert held() - before < 10_000  # kilobytes
