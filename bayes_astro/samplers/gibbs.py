"""Sampling by turns, where the conditional posteriors of a task are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_astro.problem import HasGibbs, Problem
from bayes_astro.samplers.base import Sampler
from bayes_astro.samplers.progress import Progress, interruptible, warn_interrupted

__all__ = ["Gibbs"]


@dataclass(frozen=True)
class Gibbs(Sampler):
    """Draws by turns from the conditional posteriors: a check of the other samplers.

    For tasks that know these conditionals (`ba.ExtremeDeconvolution`); the others refuse it.

    Parameters
    ----------
    draws : int
        Of each chain, after `tune` that are not kept.
    tune : int
        Rounds of warm-up; may be 0.
    chains : int
        Independent chains, run in step.

    Raises
    ------
    ValueError
        For numbers that are not whole and positive.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> stars = ba.load("hipparcos-nearby")[:100]
    >>> model = ba.ExtremeDeconvolution(1)
    >>> _ = model.fit(stars, ba.Gibbs(draws=50, tune=20, chains=2), seed=1, progress=False)
    >>> model.posterior["posterior"]["mean"].dims
    ('chain', 'draw', 'component', 'dimension')
    """

    draws: int = 2000
    tune: int = 500
    chains: int = 4

    def __post_init__(self) -> None:
        self._check_counts(draws=self.draws, chains=self.chains)
        self._check_counts(least=0, tune=self.tune)

    def sample(self, problem: Problem, seed: int, *, progress: bool = False) -> Any:
        """All chains in step."""
        import xarray as xr

        if not isinstance(problem, HasGibbs):
            raise ValueError(f"{type(problem.model).__name__} has no conditional draws.")
        total = self.tune + self.draws
        with interruptible() as interrupt, Progress(total, "Gibbs", shown=progress) as bar:

            def report(i: int) -> bool:
                bar.at(i, "warm-up" if i < self.tune else "")
                return bool(interrupt)

            found = problem.gibbs(self, np.random.default_rng(seed), report)
        if found is None:
            warn_interrupted("nothing was drawn, it was still warming up.")
            return None
        if interrupt:
            warn_interrupted(
                f"{found.sizes['draw']} of {self.draws} draws of each chain were kept."
            )
        statistics = xr.Dataset(attrs={"interrupted": int(bool(interrupt))})
        return xr.DataTree.from_dict({"posterior": found, "sample_stats": statistics})

    def checks(self, statistics: Any, table: Any) -> list[Any]:
        """R-hat and effective sample size."""
        from bayes_astro.diagnostics import convergence

        return convergence(table, "use ba.Gibbs(draws=...) with more draws")
