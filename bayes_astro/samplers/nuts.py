"""The no-U-turn sampler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_astro.problem import Problem
from bayes_astro.samplers.base import Sampler
from bayes_astro.samplers.progress import warn_interrupted

__all__ = ["NUTS"]


@dataclass(frozen=True)
class NUTS(Sampler):
    """The no-U-turn sampler, with the trajectories of nutpie or of PyMC.

    Hoffman & Gelman (2014). Both take the density of the task's problem as it is: nothing is
    compiled for a data set.

    Parameters
    ----------
    draws : int
        Draws of each chain, after `tune` steps of warm-up that are not kept.
    tune : int
        Steps of warm-up, in which scales and step size are learned.
    chains : int
        Independent chains. nutpie runs them at once, on as many cores as there are; the draws do
        not depend on it.
    target_accept : float
        Between 0 and 1: what share of steps is accepted. Raise it (0.95, 0.99) when there are
        divergences.
    backend : {"nutpie", "pymc"}
        Whose trajectories and adaptation (Seyboldt, Carlson & Carpenter 2026; PyMC's step in turn
        for all chains, on one core).
    metric : {"low-rank", "diagonal", "full"}
        How far steps reach in each direction. "low-rank" (nutpie; PyMC's is diagonal) learns scales
        and the strongest correlations from draws and gradients; "diagonal" scales alone. "full"
        starts from the Gaussian that has the posterior's curvature at its mode and adapts scales
        from there: where all parameters are correlated and the posterior has one mode.

    Raises
    ------
    ValueError
        For a number out of its range, or another backend or metric.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> data = ba.load("hogg-2010")[4:]
    >>> short = ba.NUTS(draws=200, tune=200, chains=2)
    >>> model = ba.LinearRelation("y").fit(data, short, seed=1, progress=False)
    >>> model.posterior["posterior"]["slope"].shape
    (2, 200, 1)
    """

    draws: int = 1000
    tune: int = 1000
    chains: int = 4
    target_accept: float = 0.9
    backend: str = "nutpie"
    metric: str = "low-rank"

    def __post_init__(self) -> None:
        self._check_counts(draws=self.draws, tune=self.tune, chains=self.chains)
        if not 0 < self.target_accept < 1:
            raise ValueError(f"NUTS: target_accept={self.target_accept!r} must be in (0, 1).")
        if self.backend not in ("pymc", "nutpie"):
            raise ValueError(f"NUTS: backend={self.backend!r} must be 'nutpie' or 'pymc'.")
        if self.metric not in ("low-rank", "diagonal", "full"):
            raise ValueError(
                f"NUTS: metric={self.metric!r} must be 'low-rank', 'diagonal' or 'full'."
            )

    def sample(self, problem: Problem, seed: int, *, progress: bool = False) -> Any:
        """Draw all chains; an interrupted run keeps the same number of draws of each."""
        import xarray as xr

        if self.backend == "nutpie":
            from bayes_astro.samplers.nutpie_steps import run
        else:
            from bayes_astro.samplers.pymc_steps import run
        points, statistics, interrupted = run(self, problem, seed, progress)
        drawn = points.shape[1]
        if interrupted and drawn == 0:
            warn_interrupted("nothing was drawn, it was still warming up.")
            return None
        if interrupted:
            warn_interrupted(f"{drawn} of {self.draws} draws of each chain were kept.")
        coords = {"chain": np.arange(self.chains), "draw": np.arange(drawn)}
        stats = {name: (("chain", "draw"), values) for name, values in statistics.items()}
        return xr.DataTree.from_dict(
            {
                "posterior": problem.variables(points),
                "sample_stats": xr.Dataset(stats, coords, attrs={"interrupted": int(interrupted)}),
            }
        )

    def checks(self, statistics: Any, table: Any) -> list[Any]:
        """R-hat, effective sample size and divergences."""
        from bayes_astro.diagnostics import Check, convergence

        checks = convergence(table, "raise draws and tune, or reparametrise it")
        diverging = int(statistics["diverging"].sum())
        scale = [name for name in table.index if "scatter" in name or "jitter" in name]
        where = (scale or [table["ess_tail"].idxmin()])[0]
        checks.append(
            Check(
                "divergences",
                diverging == 0,
                diverging,
                f"the sampler cannot follow the posterior, most often near the edge of {where}: "
                "use ba.NUTS(target_accept=0.95), or a prior that keeps it away from zero",
                "none",
            )
        )
        return checks
