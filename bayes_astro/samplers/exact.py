"""Independent draws, where the mathematics of a task allows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_astro.samplers.base import Sampler

__all__ = ["Exact", "in_chains"]


@dataclass(frozen=True)
class Exact(Sampler):
    """Independent draws from the posterior, without a Markov chain.

    Parameters
    ----------
    draws : int
        Draws in total. They are stored as four chains where `draws` can be divided by four, so
        that R-hat and the effective sample size can be computed as for any other sampler.
    """

    draws: int = 4000

    def __post_init__(self) -> None:
        self._check_counts(draws=self.draws)

    def compile(self, model: Any, data: Any, priors: Any) -> Any:
        """Nothing to compile: the kernels are cached on disk."""
        return model, priors

    def sample(self, compiled: Any, data: Any, seed: int, *, progress: bool = False) -> Any:
        """Draw by the task's own exact method."""
        import xarray as xr

        model, priors = compiled
        groups = model.exact(data, priors, self.draws, np.random.default_rng(seed))
        chains = 4 if self.draws % 4 == 0 and self.draws >= 400 else 1
        shaped = {}
        for name, group in groups.items():
            if "sample" in group.dims:
                group = in_chains(group, chains)
            shaped[name] = group
        return xr.DataTree.from_dict(shaped)


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
