"""The maximum of a posterior, and the Gaussian about it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_astro.samplers.base import Sampler
from bayes_astro.samplers.exact import in_chains

__all__ = ["MAP", "Laplace"]


@dataclass(frozen=True)
class MAP(Sampler):
    """The maximum of the posterior: a fit without uncertainty, a posterior with one atom.

    Parameters
    ----------
    restarts : int
        Short runs from random starts, the best of which goes on.
    tolerance : float
        Stop when the predicted gain still to come is below this, in nats of the whole data.
    max_steps : int
        Most passes over the data.
    moves : int
        Attempts to leave a local maximum (split and merge).
    threads : int, optional
        Default: all cores. The result does not depend on it.
    """

    restarts: int = 10
    tolerance: float = 0.05
    max_steps: int = 3000
    moves: int = 6
    threads: int | None = None

    def __post_init__(self) -> None:
        self._check_counts(restarts=self.restarts, max_steps=self.max_steps)
        self._check_counts(least=0, moves=self.moves)
        if not (isinstance(self.tolerance, int | float) and 0 < self.tolerance < np.inf):
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

    def compile(self, model: Any, data: Any, priors: Any) -> Any:
        """Nothing to compile: the kernels are cached on disk."""
        return model, priors

    def sample(self, compiled: Any, data: Any, seed: int, *, progress: bool = False) -> Any:
        """Climb; one chain of one draw."""
        import xarray as xr

        model, priors = compiled
        groups = model.maximum(data, priors, self, np.random.default_rng(seed), progress)
        shaped = {
            name: in_chains(group, 1) if "sample" in group.dims else group
            for name, group in groups.items()
        }
        return xr.DataTree.from_dict(shaped)


@dataclass(frozen=True)
class Laplace(Sampler):
    """Independent draws from the Gaussian that has the posterior's curvature at its maximum.

    In the unconstrained coordinates of the task. It knows one maximum and no skewness: right
    where the data outnumber the parameters by far. Some draws are weighed against the posterior
    itself; the efficiency of these weights (Kish) is kept and judged by `diagnose`.

    Parameters
    ----------
    draws : int
        In total, stored as four chains where `draws` can be divided by four.
    restarts, tolerance, max_steps, moves, threads
        Of the search for the maximum, as in `MAP`.
    """

    draws: int = 4000
    restarts: int = 10
    tolerance: float = 0.05
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

    def compile(self, model: Any, data: Any, priors: Any) -> Any:
        """Nothing to compile: the kernels are cached on disk."""
        return model, priors

    def sample(self, compiled: Any, data: Any, seed: int, *, progress: bool = False) -> Any:
        """Climb, take the curvature, draw."""
        import xarray as xr

        model, priors = compiled
        groups = model.laplace(data, priors, self, np.random.default_rng(seed), progress)
        chains = 4 if self.draws % 4 == 0 and self.draws >= 400 else 1
        shaped = {
            name: in_chains(group, chains) if "sample" in group.dims else group
            for name, group in groups.items()
        }
        return xr.DataTree.from_dict(shaped)
