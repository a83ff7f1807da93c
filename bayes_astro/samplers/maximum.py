"""The maximum of a posterior, and the Gaussian about it."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_astro.problem import Exactly, HasLaplace, HasMaximum, Problem
from bayes_astro.samplers.base import Sampler
from bayes_astro.samplers.curvature import importance
from bayes_astro.samplers.exact import efficiency_check, tree_of
from bayes_astro.samplers.mode import Mode, apart

__all__ = ["MAP", "Laplace", "evidence"]

TRIALS = 400  # draws whose weights judge a Laplace approximation
WEIGHTED = 2000  # draws of an evidence
ELSEWHERE = 0.05  # of the posterior, which draws about one maximum may miss


@dataclass(frozen=True)
class MAP(Sampler):
    """The maximum of the posterior: a fit without uncertainty, a posterior with one atom.

    Parameters
    ----------
    restarts : int
        Short runs from random starts, the best of which goes on. For a mixture of many rows, 150 or
        more for each free parameter, these and the `moves` see a random part of the rows; the last
        climb sees all.
    tolerance : float, optional
        Stop when the predicted gain still to come is below this, in nats of the whole data.
        Default: 0.05, and for mixtures of more than 2000 rows 0.000025 a row.
    max_steps : int
        Most passes over the data.
    moves : int
        Attempts to leave a local maximum (split and merge).
    threads : int, optional
        Default: all cores. The result does not depend on it.

    Raises
    ------
    ValueError
        For numbers out of their range.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> data = ba.load("hogg-2010")[4:]
    >>> model = ba.LinearRelation("y").fit(data, ba.MAP(restarts=2), seed=1, progress=False)
    >>> model.posterior["posterior"]["slope"].shape
    (1, 1, 1)
    """

    restarts: int = 10
    tolerance: float | None = None
    max_steps: int = 3000
    moves: int = 6
    threads: int | None = None

    def __post_init__(self) -> None:
        self._check_counts(restarts=self.restarts, max_steps=self.max_steps)
        self._check_counts(least=0, moves=self.moves)
        if self.tolerance is not None and not (
            isinstance(self.tolerance, int | float) and 0 < self.tolerance < np.inf
        ):
            raise ValueError(f"MAP: tolerance={self.tolerance!r} must be a positive number.")
        if self.threads is not None:
            self._check_counts(threads=self.threads)

    @property
    def workers(self) -> int:
        """Threads to use."""
        if self.threads:
            return self.threads
        try:
            return len(os.sched_getaffinity(0))
        except AttributeError:  # macOS and Windows know no affinity
            return os.cpu_count() or 1

    def sample(self, problem: Problem, seed: int, *, progress: bool = False) -> Any:
        """Climb; one chain of one draw."""
        rng = np.random.default_rng(seed)
        if isinstance(problem, HasMaximum):
            return tree_of(problem.maximum(self, rng, progress), 1)
        mode = Mode.of(problem, self, rng)
        points = mode.whole(mode.point[None], None)[None]
        return _tree(problem.variables(points), mode.statistics())

    def checks(self, statistics: Any, table: Any) -> list[Any]:
        """Whether the search came to its end."""
        return [_maximum_check(statistics), *_one_maximum(statistics)]


@dataclass(frozen=True)
class Laplace(Sampler):
    """Independent draws from the Gaussian that has the posterior's curvature at its maximum.

    In the unconstrained coordinates of the task. It knows one maximum and no skewness: right
    where the data outnumber the parameters by far. Some draws are weighed against the posterior
    itself; the efficiency of these weights (Kish) is kept and judged by `diagnose`.

    Parameters
    ----------
    draws : int
        In total, stored as four chains where they are 400 or more and can be divided by four.
    restarts : int
        Of the search for the maximum, as all that follow: see `MAP`.
    tolerance : float, optional
        Gain still to come, in nats, at which the search ends.
    max_steps : int
        Most passes over the data.
    moves : int
        Attempts to leave a local maximum.
    threads : int, optional
        Default: all cores.

    Raises
    ------
    ValueError
        For numbers out of their range.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> data = ba.load("hogg-2010")[4:]
    >>> model = ba.LinearRelation("y")
    >>> _ = model.fit(data, ba.Laplace(draws=200), seed=1, progress=False)
    >>> model.posterior["posterior"]["slope"].shape
    (1, 200, 1)
    """

    draws: int = 4000
    restarts: int = 10
    tolerance: float | None = None
    max_steps: int = 3000
    moves: int = 6
    threads: int | None = None

    def __post_init__(self) -> None:
        self._check_counts(draws=self.draws)
        _ = self.search

    @property
    def search(self) -> MAP:
        """How the maximum is found."""
        return MAP(self.restarts, self.tolerance, self.max_steps, self.moves, self.threads)

    def sample(self, problem: Problem, seed: int, *, progress: bool = False) -> Any:
        """Climb, take the curvature, draw."""
        rng = np.random.default_rng(seed)
        if isinstance(problem, HasLaplace):
            return tree_of(problem.laplace(self, rng, progress), self.draws)
        import xarray as xr

        mode = Mode.of(problem, self.search, rng)
        around = mode.gaussian
        unit = rng.standard_normal((self.draws, len(mode.point)))
        points = around.points(unit)
        some = np.linspace(0, self.draws - 1, min(self.draws, TRIALS)).astype(int)
        weight = mode.densities(points[some]) - around.log_density(unit[some])
        efficiency, _, _ = importance(weight)
        chains = 4 if self.draws % 4 == 0 and self.draws >= 400 else 1
        whole = mode.whole(points, rng).reshape(chains, -1, problem.size)
        statistics = mode.statistics(importance_efficiency=efficiency)
        tree = _tree(problem.variables(whole), statistics)
        found = problem.log_evidence(WEIGHTED, rng) or mode.log_evidence(WEIGHTED, rng)
        tree["evidence"] = xr.DataTree(xr.Dataset(found))
        return tree

    def checks(self, statistics: Any, table: Any) -> list[Any]:
        """Whether the search came to its end, and whether the Gaussian is the posterior."""
        return [
            _maximum_check(statistics),
            efficiency_check(self, statistics),
            *_one_maximum(statistics),
        ]


def evidence(problem: Problem, rng: np.random.Generator) -> dict[str, float]:
    """Log marginal likelihood with its error, exactly or about the maximum."""
    if problem.no_evidence:
        raise ValueError(f"{type(problem.model).__name__}: {problem.no_evidence}.")
    sampler, _ = problem.model.default_sampler(problem.data)
    if type(sampler).__name__ == "Exact" and isinstance(problem, Exactly):
        groups = problem.exact(sampler.draws, rng)
        found = {str(n): float(v) for n, v in groups["evidence"].data_vars.items()}
        efficiency = float(groups["sample_stats"].attrs["importance_efficiency"])
        return found | {"importance_efficiency": efficiency}
    if (whole := problem.log_evidence(2 * WEIGHTED, rng)) is not None:
        between, close = apart(whole)
        if not close:
            warnings.warn(
                f"two estimates of the log evidence are {between:.2g} nats apart, with errors of "
                f"{whole['log_evidence_error']:.2g} and {whole['log_evidence_again_error']:.2g}: do not "
                "quote it; narrow the range of periods",
                stacklevel=3,
            )
        return whole
    mode = Mode.of(problem, MAP(restarts=6, max_steps=300), rng)
    return mode.log_evidence(2 * WEIGHTED, rng)


def _tree(posterior: Any, statistics: Any) -> Any:
    import xarray as xr

    return xr.DataTree.from_dict({"posterior": posterior, "sample_stats": statistics})


def _maximum_check(statistics: Any) -> Any:
    from bayes_astro.diagnostics import Check

    return Check(
        "maximum reached",
        bool(statistics.attrs["converged"]),
        float(statistics.attrs["gain_to_come"]),
        "the search ended before its gains were negligible: raise max_steps",
        "predicted gain to come in nats",
    )


def _one_maximum(statistics: Any) -> list[Any]:
    """Whether other maxima hold much of the posterior."""
    from bayes_astro.diagnostics import Check

    share = float(statistics.attrs.get("mass_elsewhere", 0.0))
    if share == 0:
        return []
    return [
        Check(
            "one maximum",
            share <= ELSEWHERE,
            share,
            "other maxima hold so much of the posterior, which draws about the highest do not know: narrow "
            "the priors to one of them, or look at all with ba.NUTS() and ba.Emcee()",
            f"at most {ELSEWHERE:g} elsewhere",
        )
    ]
