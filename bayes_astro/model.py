"""The contract: what a task writes, and what every task gets.

A task extends `Model` and writes, at least, its parameters, its problem, a forecast and the log
likelihood by row; `CONTRIBUTING.md` shows one.
"""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro import parameters, registry
from bayes_astro.estimator import Estimator
from bayes_astro.hooks import hook
from bayes_astro.parameters import Parameter
from bayes_astro.predictions import checked_seed
from bayes_astro.priors import Prior

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr

    from bayes_astro.diagnostics import Diagnosis
    from bayes_astro.problem import Problem
    from bayes_astro.samplers import Sampler

__all__ = ["Estimator", "Model"]


class Model(Estimator):
    """A generative model: priors, latents, likelihood, and everything that follows from them."""

    part: ClassVar[str] = "task"
    samplers: ClassVar[tuple[str, ...]]  # names in ba.samplers, the best first
    internal: ClassVar[tuple[str, ...]] = ()  # variables of the graph that serve the sampler alone
    _internal: ClassVar[tuple[str, ...]] = ("part", "samplers", "internal")
    priors: dict[str, Prior] | None

    # For tasks: what must be written ----------------------------------------------------------

    @hook
    @abstractmethod
    def parameters(self, data: Any) -> list[Parameter]:
        """For tasks: the parameters, with weakly informative priors scaled from the data.

        Also those that the problem integrates out: whatever has a prior that a user may choose.
        """

    @hook
    @abstractmethod
    def problem(self, data: Any, priors: dict[str, Prior]) -> Problem:
        """For tasks: the posterior laid out for samplers, given checked data and resolved priors."""

    # For tasks: what may be written -----------------------------------------------------------

    @hook
    def coords(self, data: Any) -> dict[str, Sequence[Any]]:
        """For tasks: labels of the dimensions of the parameters."""
        return {}

    @hook
    def check_priors(self, priors: dict[str, Prior], data: Any) -> None:
        """For tasks: raise ValueError for priors that do not go with settings or data."""

    @hook
    def derived(self, draws: xr.Dataset, priors: dict[str, Prior]) -> xr.Dataset:
        """For tasks: draws of the parameters with those that follow from them."""
        return draws

    @hook
    def settle(
        self, data: Any, seed: int | None, progress: bool
    ) -> tuple[Model, dict[str, xr.Dataset]]:
        """For tasks: the model with open choices made from the data, and groups that say how.

        Without a seed there is no time for a search: what a fit chose, or what is likely.
        """
        return self, {}

    @hook
    def assume(self, data: Any) -> Model:
        """The model with open choices made without a search, to simulate and calibrate."""
        return self.settle(data, None, False)[0]

    @hook
    def default_sampler(self, data: Any) -> tuple[Sampler, str]:
        """For tasks: the sampler that suits `data`, and why where it depends on them."""
        return registry.SAMPLERS[self.samplers[0]].load()(), ""

    @hook
    def latents(self, draws: xr.Dataset, design: Any, rng: np.random.Generator) -> xr.Dataset:
        """For tasks: prior draws of the parameters with those of what has no prior to choose."""
        return draws

    @hook
    def prior_draws(
        self, design: Any, priors: dict[str, Prior], draws: int, rng: np.random.Generator
    ) -> xr.Dataset:
        """For tasks: draws of all variables from the prior, (chain=1, draw, ...)."""
        import xarray as xr

        declared, coords = self.parameters(design), self.coords(design)
        sizes = {name: len(labels) for name, labels in coords.items()}
        arrays = {
            one.name: (
                ("chain", "draw", *one.dims),
                one.sample(priors[one.name], sizes, draws, rng)[None],
            )
            for one in declared
        }
        used = {dim for one in declared for dim in one.dims}
        found = xr.Dataset(arrays, {name: list(coords[name]) for name in coords if name in used})
        return self.derived(self.latents(found, design, rng), priors)

    @hook
    def simulate_data(self, parameters: xr.Dataset, design: Any, rng: np.random.Generator) -> Any:
        """For tasks: new data on the design of `design`, given one draw (no chain, no draw)."""
        raise ValueError(f"{type(self).__name__} cannot simulate data.")

    @hook
    def equation(self) -> str:
        """The model in one line of text."""
        return (type(self).__doc__ or "").strip().partition("\n")[0]

    # What every task gets ---------------------------------------------------------------------

    @hook
    def sizes(self, data: Any) -> dict[str, int]:
        """Lengths of the dimensions of the parameters."""
        return {name: len(labels) for name, labels in self.coords(data).items()}

    @hook
    def units(self, data: Any) -> dict[str, str]:
        """Unit of each variable, where it has one; tasks add those of derived variables."""
        return {one.name: one.unit for one in self.parameters(data) if one.unit}

    def resolve_priors(self, data: Any) -> dict[str, Prior]:
        """The default priors for `data`, with those that the user asked for in their places.

        Parameters
        ----------
        data : container
            From which defaults are scaled.

        Returns
        -------
        dict of str to Prior
            By parameter, also those that are integrated out.

        Raises
        ------
        ValueError
            For a prior of an unknown parameter, or of a family that it cannot have.
        """
        declared = self.parameters(data)
        found = parameters.resolved(type(self).__name__, declared, self.priors, self.sizes(data))
        self.check_priors(found, data)
        return found

    def diagnose(self) -> Diagnosis:
        """Judge the fit: checks with figure, verdict and advice.

        Returns
        -------
        Diagnosis
            True where every check passed, those of the priors included.
        """
        from bayes_astro import prior_checks
        from bayes_astro.diagnostics import Diagnosis

        return Diagnosis((*super().diagnose().checks, *prior_checks.checks(self)))

    def build(self, data: Any, priors: dict[str, Prior] | None = None) -> pm.Model:
        """The generative story in PyMC, with nothing open.

        Parameters
        ----------
        data : container
            What is observed.
        priors : dict of str to Prior, optional
            All of them. Default: those of `resolve_priors`.

        Returns
        -------
        pymc.Model
            With the variables that NUTS and emcee sample.
        """
        settled = self.assume(data)
        priors = settled.resolve_priors(data) if priors is None else priors
        return settled.problem(data, priors).graph()

    def baseline(self, *arguments: Any, **options: Any) -> Estimator:
        """The frequentist counterpart of this model, with the same verbs.

        Parameters
        ----------
        *arguments : object
            Arguments of the counterpart that this model has not, in their order.
        **options : object
            The same by name; what both have in common is taken from this model.

        Returns
        -------
        Baseline
            Not fitted; see `ba.baselines`.

        Raises
        ------
        ValueError
            For a task that has none.
        """
        partner = registry.row_of(type(self)).baseline
        if not partner:
            raise ValueError(
                f"{type(self).__name__} has no frequentist counterpart: give one with "
                "ba.register(..., baseline=...)."
            )
        return registry.BASELINES[partner].load().of(self, *arguments, **options)

    def fit(
        self,
        data: Any,
        sampler: Sampler | None = None,
        *,
        seed: int | None = None,
        progress: bool = True,
    ) -> Model:
        """Sample the posterior.

        Parameters
        ----------
        data : container
            Of the type `data_type`.
        sampler : Sampler, optional
            As ``ba.NUTS()``. Default: the one that suits the data.
        seed : int, optional
            Same seed, same draws. None draws one and records it.
        progress : bool
            Show a progress bar for long work.

        Returns
        -------
        Model
            This model, fitted.

        Raises
        ------
        ValueError
            For bad data, parameters or priors, before any sampling.
        """
        import xarray as xr

        from bayes_astro import samplers

        data = self._checked(data)
        seed = checked_seed(seed)
        sampler, because = samplers.chosen(self, sampler, data)
        if progress and because not in ("", "asked for"):
            print(f"{type(sampler).__name__}: {because}", file=sys.stderr)
        unfitted = self.copy()
        settled, groups = unfitted.settle(data, seed, progress)
        priors = settled.resolve_priors(data)
        try:
            tree = samplers.sampled(settled, sampler, data, priors, seed, progress)
        except SystemError as error:
            # What compiled code makes of Ctrl-C.
            if isinstance(error.__cause__, KeyboardInterrupt):
                raise KeyboardInterrupt from None
            raise
        if tree is None:
            if self._tree is None:
                self._unfitted_because = (
                    f"This {type(self).__name__} is not fitted: the run was interrupted before "
                    "anything was drawn. Call .fit(data) again."
                )
            return self
        for name, group in groups.items():
            tree[name] = xr.DataTree(group)
        unfitted._store(tree, data, seed, priors=priors, sampler=sampler, sampler_because=because)
        self._tree, self._unfitted_because = unfitted._tree, ""
        return self

    def simulate(
        self, design: Any, seed: int | None = None, *, priors: dict[str, Prior] | None = None
    ) -> tuple[Any, xr.Dataset]:
        """Draw parameters from the prior and data from the likelihood.

        Parameters
        ----------
        design : container
            Times, errors, ...: everything but the values, which are not used but for default
            priors.
        seed : int, optional
            Same seed, same data.
        priors : dict of str to Prior, optional
            All of them. Default: those of `resolve_priors`.

        Returns
        -------
        data : container
            Same times, errors, ... as `design`; new values.
        truth : xarray.Dataset
            The parameters that made them.
        """
        design = self._checked(design)
        settled = self.assume(design)
        priors = settled.resolve_priors(design) if priors is None else priors
        rng = np.random.default_rng(seed)
        truth = settled.prior_draws(design, priors, 1, rng).isel(chain=0, draw=0)
        return settled.simulate_data(truth, design, rng), truth

    def prior_predictive(
        self, data: Any = None, draws: int = 500, seed: int | None = None
    ) -> xr.DataTree:
        """Draws of the parameters and of new data from the prior.

        Parameters
        ----------
        data : container, optional
            The design; None stands for the fitted data, and puts the groups into the fitted tree.
        draws : int
            How many.
        seed : int, optional
            Same seed, same draws.

        Returns
        -------
        xarray.DataTree
            Groups ``prior`` and ``prior_predictive``.
        """
        import xarray as xr

        design = self.data if data is None else self._checked(data)
        settled = self.assume(design)
        rng = np.random.default_rng(seed)
        prior = settled.prior_draws(design, settled.resolve_priors(design), draws, rng)
        new = settled.replicate(prior, design, design, rng)
        predictive = new.rename("observation").to_dataset()
        if data is None:
            self._attach("prior", prior)
            self._attach("prior_predictive", predictive)
        return xr.DataTree.from_dict({"prior": prior, "prior_predictive": predictive})

    def log_evidence(self, data: Any = None, *, seed: int = 0) -> dict[str, float]:
        """Log marginal likelihood, for the comparison of models on the same data.

        That of the exact method, where the task has one; otherwise by importance sampling about
        the maximum, independent of how the model was fitted.

        Parameters
        ----------
        data : container, optional
            None stands for the fitted data.
        seed : int
            Of the importance sampling.

        Returns
        -------
        dict
            log_evidence; log_evidence_error, its standard error; importance_efficiency, below some
            0.01 of which neither is to be trusted. Of a process with a periodic mean function, over
            all of its periods, also log_evidence_again and its error by another proposal; a warning
            says where the two disagree.
        """
        from bayes_astro.samplers.maximum import evidence

        data = self.data if data is None else self._checked(data)
        settled = self.assume(data)
        problem = settled.problem(data, settled.resolve_priors(data))
        return evidence(problem, np.random.default_rng(seed))
