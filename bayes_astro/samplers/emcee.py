"""The affine-invariant ensemble sampler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_astro.problem import Problem
from bayes_astro.samplers.base import Sampler
from bayes_astro.samplers.progress import Progress, interruptible, warn_interrupted

__all__ = ["Emcee"]

LENGTH = 50  # autocorrelation times that a run has at least


@dataclass(frozen=True)
class Emcee(Sampler):
    """Affine-invariant ensembles of walkers, each ensemble one chain.

    Goodman & Weare (2010), as emcee has it (Foreman-Mackey et al. 2013). Walkers of one ensemble
    are not independent, so each of several ensembles is a chain. Within a chain the draws follow
    walker after walker, each walker's in time: neighbours in the stored order are neighbours in the
    Markov chain, so that autocorrelation, effective sample size and Monte Carlo error of the stored
    draws mean what they say.

    Parameters
    ----------
    steps : int
        Steps of every walker that are kept, after `tune` steps that are not.
    tune : int
        Steps of warm-up.
    walkers : int, optional
        Of each ensemble, even and at least twice the number of dimensions. Default: the larger of
        32 and four times the number of dimensions.
    ensembles : int
        Independent ensembles; each is one chain.

    Raises
    ------
    ValueError
        For numbers that are not whole and positive, and an odd number of walkers.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> short = ba.Emcee(steps=200, tune=100, walkers=20, ensembles=2)
    >>> data = ba.load("hogg-2010")[4:]
    >>> model = ba.LinearRelation("y").fit(data, short, seed=1, progress=False)
    >>> model.posterior["sample_stats"].sizes["chain"]
    2
    """

    steps: int = 5000
    tune: int = 1000
    walkers: int | None = None
    ensembles: int = 4

    def __post_init__(self) -> None:
        self._check_counts(steps=self.steps, tune=self.tune, ensembles=self.ensembles)
        if self.walkers is not None:
            self._check_counts(walkers=self.walkers, least=4)
            if self.walkers % 2:
                raise ValueError(f"Emcee: walkers={self.walkers} must be even.")

    def sample(self, problem: Problem, seed: int, *, progress: bool = False) -> Any:
        """Run the ensembles in step and thin to half an autocorrelation time."""
        import emcee
        import xarray as xr

        size = problem.size
        walkers = self.walkers or max(32, 4 * size)
        if walkers < 2 * size:
            raise ValueError(
                f"Emcee: walkers={walkers} must be at least {2 * size}, twice the number "
                "of dimensions."
            )
        seeds = np.random.SeedSequence(seed).spawn(self.ensembles + 1)
        starts, _ = problem.points(walkers * self.ensembles, np.random.default_rng(seeds[-1]))
        chains = []
        for i in range(self.ensembles):
            chain = emcee.EnsembleSampler(walkers, size, problem.densities, vectorize=True)
            chain.random_state = np.random.RandomState(seeds[i].generate_state(8)).get_state()
            chains.append(chain)
        total = self.tune + self.steps
        runs = [
            chain.sample(starts[i * walkers : (i + 1) * walkers], iterations=total, store=True)
            for i, chain in enumerate(chains)
        ]
        done = 0
        with interruptible() as interrupt, Progress(total, "emcee", shown=progress) as bar:
            while done < total and not interrupt:
                for run in runs:
                    next(run)
                done += 1
                if done % 50 == 0:
                    accepted = np.mean([chain.acceptance_fraction.mean() for chain in chains])
                    bar.at(done, f"acceptance {accepted:.2f}")
        drawn = done - self.tune
        if drawn < 1:
            warn_interrupted("nothing was drawn, it was still warming up.")
            return None
        if interrupt:
            warn_interrupted(f"{drawn} of {self.steps} steps were kept.")
        # (ensemble, step, walker, dimension)
        points = np.array([chain.get_chain(discard=self.tune)[:drawn] for chain in chains])
        times = np.array([_autocorrelation_times(ensemble) for ensemble in points])
        worst = float(np.nanmax(times.mean(axis=0))) if np.isfinite(times).any() else np.inf
        thin = int(max(1, min(worst / 2, drawn / 20))) if np.isfinite(worst) else 1
        points = points[:, ::thin].transpose(0, 2, 1, 3).reshape(self.ensembles, -1, size)
        acceptance = np.array([chain.acceptance_fraction for chain in chains])
        statistics = xr.Dataset(
            {
                "acceptance_fraction": (("chain", "walker"), acceptance),
                "autocorrelation_time": (("chain", "dimension"), times),
            },
            {"chain": np.arange(self.ensembles), "dimension": problem.labels()},
            attrs={
                "interrupted": int(bool(interrupt)),
                "steps": drawn,
                "walkers": walkers,
                "thin": thin,
            },
        )
        return xr.DataTree.from_dict(
            {"posterior": problem.variables(points), "sample_stats": statistics}
        )

    def checks(self, statistics: Any, table: Any) -> list[Any]:
        """Length in autocorrelation times, acceptance, R-hat and effective sample size."""
        from bayes_astro.diagnostics import Check, convergence

        times = statistics["autocorrelation_time"].mean("chain")
        steps = int(statistics.attrs["steps"])
        finite = bool(np.isfinite(times).all())
        longest = float(times.max()) if finite else np.inf
        worst = str(times["dimension"].values[int(np.nanargmax(times.values))]) if finite else "all"
        needed = f"{int(np.ceil(LENGTH * longest / 100) * 100)}" if finite else "more"
        length = Check(
            "length in autocorrelation times",
            bool(steps >= LENGTH * longest),
            steps / longest,
            f"{steps} steps are too short for {worst}, whose autocorrelation time is about "
            f"{longest:.0f} steps: use ba.Emcee(steps={needed}) or more",
            f"at least {LENGTH}",
        )
        acceptance = float(statistics["acceptance_fraction"].mean())
        moves = Check(
            "acceptance",
            0.1 <= acceptance <= 0.9,
            acceptance,
            "walkers hardly move or always do: use ba.NUTS(), or more walkers",
            "0.1 to 0.9",
        )
        enough = max(2 * steps, int(needed)) if finite else 10 * steps
        return [length, moves, *convergence(table, f"use ba.Emcee(steps={enough}) or more")]


def _autocorrelation_times(ensemble: np.ndarray) -> np.ndarray:
    """Integrated autocorrelation time of each dimension of (step, walker, dimension)."""
    import emcee.autocorr

    with np.errstate(invalid="ignore", divide="ignore"):
        return emcee.autocorr.integrated_time(ensemble, tol=0, quiet=True)
