"""The no-U-turn sampler."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_astro.samplers.base import Sampler
from bayes_astro.samplers.progress import Progress, interruptible, warn_interrupted
from bayes_astro.samplers.target import Target

__all__ = ["NUTS"]

_STATISTICS = {
    "diverging": bool,
    "energy": float,
    "tree_depth": int,
    "n_steps": int,
    "acceptance_rate": float,
    "step_size": float,
    "reached_max_treedepth": bool,
}
_OTHER_NAMES = {
    "acceptance_rate": "mean_tree_accept",
    "tree_depth": "depth",
    "n_steps": "tree_size",
}


@dataclass(frozen=True)
class NUTS(Sampler):
    """The no-U-turn sampler (Hoffman & Gelman 2014), PyMC's or nutpie's.

    Parameters
    ----------
    draws : int
        Draws of each chain, after `tune` steps of warm-up that are not kept.
    tune : int
    chains : int
    target_accept : float
        Between 0 and 1. Raise it (0.95, 0.99) when there are divergences.
    backend : {"pymc", "nutpie"}
        nutpie draws several times faster and takes about ten seconds to start in every process:
        choose it for long runs (``pip install "bayes-astro[nutpie]"``).
    """

    draws: int = 1000
    tune: int = 1000
    chains: int = 4
    target_accept: float = 0.8
    backend: str = "pymc"

    def __post_init__(self) -> None:
        self._check_counts(draws=self.draws, tune=self.tune, chains=self.chains)
        if not 0 < self.target_accept < 1:
            raise ValueError(f"NUTS: target_accept={self.target_accept!r} must be in (0, 1).")
        if self.backend not in ("pymc", "nutpie"):
            raise ValueError(f"NUTS: backend={self.backend!r} must be 'pymc' or 'nutpie'.")

    def compile(self, model: Any, data: Any, priors: Any) -> Target:
        """Build the PyMC model; its functions compile on first use and serve again."""
        return Target(model, data, priors)

    def sample(self, compiled: Target, data: Any, seed: int, *, progress: bool = False) -> Any:
        """Draw all chains in step, so that an interrupted run keeps the same of each."""
        import xarray as xr

        compiled.update(data)
        if self.backend == "nutpie":
            return self._with_nutpie(compiled, seed, progress)
        points, statistics, interrupted = self._with_pymc(compiled, data, seed, progress)
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
                "posterior": compiled.variables(points),
                "sample_stats": xr.Dataset(stats, coords, attrs={"interrupted": int(interrupted)}),
            }
        )

    def _with_pymc(self, target: Target, data: Any, seed: int, progress: bool) -> Any:
        import pymc as pm
        from pymc.blocking import DictToArrayBijection
        from pymc.step_methods.hmc.quadpotential import (
            QuadPotentialDiagAdapt,
            QuadPotentialFullAdapt,
        )

        seeds = np.random.SeedSequence(seed).spawn(self.chains + 1)
        first = np.random.default_rng(seeds[-1])
        if target.model.correlated:
            starts, covariance = target.gaussian(data, self.chains, first)
        else:
            starts, variance = target.starts(data, self.chains, first)

        def metric(chain: int) -> Any:
            rng = np.random.default_rng(0)
            if target.model.correlated:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", UserWarning)  # "experimental"
                    return QuadPotentialFullAdapt(
                        target.size, starts[chain], covariance, 10 * target.size, rng=rng
                    )
            return QuadPotentialDiagAdapt(target.size, starts[chain], variance, 10, rng=rng)

        steps, points = [], []
        template = DictToArrayBijection.map({name: target.initial[name] for name in target.names})
        with target.pymc:
            for chain in range(self.chains):
                step = pm.NUTS(
                    target_accept=self.target_accept,
                    logp_dlogp_func=target.gradient,
                    initial_point=target.initial,
                    potential=metric(chain),
                    rng=np.random.default_rng(seeds[chain]),
                )
                step.setup_chain(np.random.default_rng(seeds[chain]), self.tune, self.draws)
                step.tune = True
                step.reset_tuning()
                steps.append(step)
                points.append(template._replace(data=starts[chain].copy()))
        kept = np.empty((self.chains, self.draws, target.size))
        statistics: dict[str, np.ndarray] = {
            name: np.zeros((self.chains, self.draws), kind) for name, kind in _STATISTICS.items()
        }
        drawn = divergences = 0
        total = self.tune + self.draws
        with interruptible() as interrupt, Progress(total, "NUTS", shown=progress) as bar:
            for i in range(total):
                if interrupt:
                    break
                for chain, step in enumerate(steps):
                    if i == self.tune:
                        step.stop_tuning()
                    points[chain], (stats,) = step.astep(points[chain])
                    if i >= self.tune:
                        kept[chain, drawn] = points[chain].data
                        for name in _STATISTICS:
                            statistics[name][chain, drawn] = stats[_OTHER_NAMES.get(name, name)]
                        divergences += bool(stats["diverging"])
                drawn += i >= self.tune
                phase = "warm-up" if i < self.tune else f"{divergences} divergences"
                bar.at(i + 1, phase)
        statistics = {name: values[:, :drawn] for name, values in statistics.items()}
        return kept[:, :drawn], statistics, bool(interrupt)

    def _with_nutpie(self, target: Target, seed: int, progress: bool) -> Any:
        import importlib.util

        import pymc as pm
        import xarray as xr

        if importlib.util.find_spec("nutpie") is None:
            raise ValueError(
                'NUTS(backend="nutpie") needs nutpie: pip install "bayes-astro[nutpie]".'
            )
        with target.pymc:
            tree = pm.sample(
                draws=self.draws,
                tune=self.tune,
                chains=self.chains,
                random_seed=seed,
                nuts_sampler="nutpie",
                progressbar=progress,
                compute_convergence_checks=False,
                target_accept=self.target_accept,
            )
        posterior = tree["posterior"].to_dataset()
        drawn = posterior.sizes.get("draw", 0)
        if drawn == 0:
            warn_interrupted("nothing was drawn, it was still warming up.")
            return None
        if drawn < self.draws:
            warn_interrupted(f"{drawn} of {self.draws} draws of each chain were kept.")
        hidden = [n for n in posterior if n.endswith("__") or n in target.model.working]
        posterior = target.model.derived(posterior.drop_vars(hidden), target.priors)
        statistics = tree["sample_stats"].to_dataset()
        kept = [
            name
            for name in statistics.data_vars
            if statistics[name].dims == ("chain", "draw") and statistics[name].dtype != object
        ]
        statistics = statistics[kept].assign_attrs(interrupted=int(drawn < self.draws))
        return xr.DataTree.from_dict({"posterior": posterior, "sample_stats": statistics})
