"""Independent draws, where the mathematics of a task allows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_astro.problem import Exactly, Problem
from bayes_astro.samplers.base import Sampler

__all__ = ["Exact", "efficiency_check", "in_chains", "tree_of"]

EFFICIENCY = 0.1
LESS = "ask for less (a narrower range, fewer free settings), or check with ba.NUTS() where it goes"


@dataclass(frozen=True)
class Exact(Sampler):
    """Independent draws from the posterior, without a Markov chain.

    For the tasks whose mathematics allows it; the others refuse it.

    Parameters
    ----------
    draws : int
        Draws in total. They are stored as four chains where they are 400 or more and can be divided
        by four, so that R-hat and the effective sample size can be computed as for any other
        sampler.

    Raises
    ------
    ValueError
        For a number that is not whole and positive.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> cepheid = ba.load("eros2-cepheid").select("B")
    >>> model = ba.Periodogram(period=(2, 20)).fit(cepheid, ba.Exact(draws=400), seed=1)
    >>> model.posterior["posterior"]["period"].shape
    (4, 100)
    """

    draws: int = 4000

    def __post_init__(self) -> None:
        self._check_counts(draws=self.draws)

    def sample(self, problem: Problem, seed: int, *, progress: bool = False) -> Any:
        """Draw by the task's own exact method."""
        if not isinstance(problem, Exactly):
            raise ValueError(f"{type(problem.model).__name__} has no exact method: use ba.NUTS().")
        return tree_of(problem.exact(self.draws, np.random.default_rng(seed)), self.draws)

    def checks(self, statistics: Any, table: Any) -> list[Any]:
        """Whether the weighted draws saw the whole posterior."""
        return [efficiency_check(self, statistics, LESS)]


def efficiency_check(
    sampler: Sampler, statistics: Any, advice: str = "check with ba.NUTS()"
) -> Any:
    """Kish's efficiency of the importance weights."""
    from bayes_astro.diagnostics import Check

    efficiency = float(statistics.attrs["importance_efficiency"])
    return Check(
        "importance efficiency",
        efficiency >= EFFICIENCY,
        efficiency,
        f"{type(sampler).__name__} misses part of the posterior: {advice}",
        f"at least {EFFICIENCY:g}",
    )


def tree_of(groups: dict[str, Any], draws: int) -> Any:
    """Groups of a tree, their draws in four chains where that is possible."""
    import xarray as xr

    chains = 4 if draws % 4 == 0 and draws >= 400 else 1
    return xr.DataTree.from_dict(
        {
            name: in_chains(group, chains) if "sample" in group.dims else group
            for name, group in groups.items()
        }
    )


def in_chains(group: Any, chains: int) -> Any:
    """Independent draws along ``sample`` as (chain, draw): any split of them is a fair one."""
    import xarray as xr

    arrays = {}
    for name, array in group.data_vars.items():
        values = array.transpose("sample", ...).values
        values = values.reshape(chains, -1, *values.shape[1:])
        arrays[name] = (("chain", "draw", *array.dims[1:]), values, array.attrs)
    coords = {name: coord for name, coord in group.coords.items() if name != "sample"}
    count = group.sizes["sample"] // chains
    return xr.Dataset(
        arrays,
        {"chain": np.arange(chains), "draw": np.arange(count), **coords},
        attrs=group.attrs,
    )
