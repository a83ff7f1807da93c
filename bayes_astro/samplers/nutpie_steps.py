"""NUTS by nutpie, which calls a compiled density by its address.

nutpie takes a PyMC model as two addresses: of the log density with its gradient, and of a function
that expands a flat vector into variables. Ours are compiled once for all tasks
(`likelihoods.priors.DENSITY`), and a flat vector expands into itself: names and shapes come later, in
NumPy. The way in, ``nutpie._lib``, is not public; where it is not as we know it, and for densities
that are computed in Python, nutpie's public `from_pyfunc` serves.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import carray, types

from bayes_astro.likelihoods.compiled import Callback
from bayes_astro.likelihoods.priors import FRAME
from bayes_astro.problem import Problem
from bayes_astro.samplers.curvature import Gaussian, about_the_mode
from bayes_astro.samplers.progress import Progress, interruptible

__all__ = ["run"]

STATISTICS = {
    "diverging": ("diverging", bool),
    "energy": ("energy", float),
    "tree_depth": ("depth", int),
    "n_steps": ("n_steps", int),
    "acceptance_rate": ("mean_tree_accept", float),
    "step_size": ("step_size", float),
    "reached_max_treedepth": ("maxdepth_reached", bool),
}
POLL = 0.05  # seconds between looks at the chains
RATE = 50  # milliseconds between reports of nutpie
POOL = 32  # starting points for each chain to choose from


def _expand(size, expanded, x, out, data):
    """A flat vector as it is."""
    given, kept = carray(x, (size,)), carray(out, (size,))
    for i in range(size):
        kept[i] = given[i]
    return 0


_numbers = types.CPointer(types.float64)
EXPAND = Callback(types.int64(types.uint64, types.uint64, _numbers, _numbers, types.int64), _expand)


def run(settings: Any, problem: Problem, seed: int, progress: bool) -> Any:
    """Points (chain, draw, size), statistics, and whether the run was interrupted."""
    from nutpie import _lib

    streams = np.random.SeedSequence(seed).spawn(2)
    rng = np.random.default_rng(streams[0])
    frame = about_the_mode(problem, rng) if settings.metric == "full" else None
    if frame is None:
        pool, _ = problem.points(POOL, rng)
    else:
        pool = 0.5 * rng.standard_normal((POOL, problem.size))

    def start(chain_seed: int) -> np.ndarray:
        """nutpie asks for the chains' starts in any order, each with a seed of its own."""
        return pool[np.random.default_rng(chain_seed).integers(len(pool))].copy()

    low_rank = settings.metric == "low-rank"
    adaptation = _lib.PyNutsSettings.LowRank if low_rank else _lib.PyNutsSettings.Diag
    asked = adaptation(int(streams[1].generate_state(1, np.uint64)[0] >> 1))
    asked.update(
        {
            "num_tune": settings.tune,
            "num_draws": settings.draws,
            "num_chains": settings.chains,
            "target_accept": settings.target_accept,
        }
    )
    seen: list[Any] = []

    def look(chains: list[Any]) -> None:
        seen[:] = chains

    rest = (_lib.ProgressType.none(), look if progress else None, RATE, _lib.PyStorage.arrow())
    total = settings.tune + settings.draws
    with interruptible() as interrupt, Progress(total, "NUTS", shown=progress) as bar:
        # Within, since nutpie takes a KeyboardInterrupt among its arguments for a type it does not know.
        if problem.target.address is not None and hasattr(_lib, "LogpFunc"):
            model = _model_by_address(_lib, problem, frame, start)
            sampler = _lib.PySampler.from_pymc(asked, settings.chains, model, *rest)
        else:
            model = _model_by_function(problem, frame, start)._make_model(None)
            sampler = _lib.PySampler.from_pyfunc(asked, settings.chains, model, *rest)
        try:
            while not interrupt:
                try:
                    sampler.wait(POLL)
                    break
                except TimeoutError:
                    least = min((chain.finished_draws for chain in seen), default=0)
                    bar.at(least, f"{sum(chain.divergences for chain in seen)} divergences")
        finally:
            if not sampler.is_empty(ignore_error=True):
                sampler.abort()
        draws, statistics = sampler.take_results().get_arrow_trace()
    return (*_arrays(settings, problem.size, frame, draws, statistics), bool(interrupt))


def _model_by_address(lib: Any, problem: Problem, frame: Gaussian | None, start: Any) -> Any:
    """nutpie's model around compiled code."""
    import pandas as pd

    size, target = problem.size, problem.target
    header, alive = target.header.copy(), [target]
    if frame is not None:
        flat = np.concatenate([frame.mode, (frame.axes * frame.width).ravel()])
        alive.append(flat)
        header[FRAME] = flat.ctypes.data
    alive.append(header)
    density = lib.LogpFunc(target.address, header.ctypes.data, alive)
    expand = lib.ExpandFunc(size, size, EXPAND.address, header.ctypes.data, alive)
    sizes = {"entry": size, "unconstrained_parameter": size}
    variables = lib.PyVariable.new_variables(
        ["x"], ["float64"], [(size,)], {"entry": size}, {"x": ("entry",)}
    )
    coords = {name: pd.Index(range(size)) for name in sizes}
    return lib.PyMcModel(density, expand, variables, size, sizes, coords, start, None)


def _model_by_function(problem: Problem, frame: Gaussian | None, start: Any) -> Any:
    """nutpie's model around a Python function."""
    from nutpie.compiled_pyfunc import from_pyfunc

    factor = None if frame is None else frame.axes * frame.width

    def density(u: np.ndarray, **shared: Any) -> tuple[float, np.ndarray]:
        if frame is None or factor is None:
            return problem.density(u)
        value, gradient = problem.density(frame.mode + factor @ u)
        return value, factor.T @ gradient

    def expand(u: np.ndarray, **shared: Any) -> dict[str, np.ndarray]:
        return {"x": u}

    return from_pyfunc(
        problem.size,
        lambda: density,
        lambda *seeds: expand,
        [np.dtype("float64")],
        [(problem.size,)],
        ["x"],
        make_initial_point_fn=start,
    )


def _arrays(settings: Any, size: int, frame: Gaussian | None, draws: Any, statistics: Any) -> Any:
    """Points and statistics after the warm-up, as many of each chain as the shortest has."""
    after = [~column(each, "tuning").astype(bool) for each in statistics]
    drawn = min(settings.draws, *(int(kept.sum()) for kept in after))
    points = np.empty((settings.chains, drawn, size))
    kept = {
        name: np.empty((settings.chains, drawn), kind) for name, (_, kind) in STATISTICS.items()
    }
    for chain, rows in enumerate(after):
        flat = column(draws[chain], "x").reshape(-1, size)
        points[chain] = flat[rows[: len(flat)]][:drawn]
        for name, (theirs, _) in STATISTICS.items():
            kept[name][chain] = column(statistics[chain], theirs)[rows][:drawn]
    if frame is not None:
        points = frame.points(points.reshape(-1, size)).reshape(points.shape)
    return points, kept


def column(batch: Any, name: str) -> np.ndarray:
    """A column of an Arrow table, flat."""
    import pyarrow

    array = pyarrow.array(batch.column(name))
    return (array.flatten() if hasattr(array, "flatten") else array).to_numpy(zero_copy_only=False)
