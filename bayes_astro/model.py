"""The contract: what a task writes, and what every task gets.

`Estimator` is what a Bayesian model and its frequentist counterpart share: constructor parameters,
one fitted tree, and the verbs that read them. `Model` adds priors, samplers and simulation.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from bayes_astro import storage
from bayes_astro.names import nearest
from bayes_astro.priors import Prior

if TYPE_CHECKING:
    import pandas as pd
    import pymc as pm
    import xarray as xr
    from matplotlib.figure import Figure

    from bayes_astro.diagnostics import Check, Diagnosis
    from bayes_astro.samplers import Sampler

__all__ = ["Estimator", "Model"]


class Estimator(BaseEstimator):
    """Constructor parameters plus one fitted tree; everything else is computed from those two."""

    data_type: ClassVar[type]
    figures: ClassVar[str]  # the file in plots/ that draws this task
    references: ClassVar[tuple[str, ...]] = ()  # keys in citations.py

    _tree: Any = None
    _unfitted_because: str = ""

    # What a task writes -----------------------------------------------------------------------

    def check_parameters(self) -> None:
        """Raise ValueError for a constructor parameter that cannot be."""

    def check_data(self, data: Any) -> None:
        """Raise ValueError for data that this task cannot take."""

    def forecast(
        self, draws: xr.Dataset, data: Any, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """Predictive draws at new inputs: ``signal`` (noiseless) and ``observation``; pure."""
        raise NotImplementedError

    def pointwise(self, draws: xr.Dataset, data: Any) -> xr.DataArray:
        """Log likelihood of every row of `data` for every draw: (chain, draw, row)."""
        raise NotImplementedError

    def replicate(
        self, draws: xr.Dataset, data: Any, at: Any, rng: np.random.Generator
    ) -> xr.DataArray:
        """New data in place of those of `at`, none of which is used: (chain, draw, row, ...)."""
        return self.forecast(draws, data, at, rng)["observation"]

    def held_out_draws(
        self, draws: xr.Dataset, data: Any, test: Any, rng: np.random.Generator
    ) -> xr.DataArray:
        """New data in place of held-out ones, given the fitted `data`: (chain, draw, row, ...)."""
        return self.replicate(draws, data, test, rng)

    def log_predictive(self, draws: xr.Dataset, data: Any) -> xr.DataArray:
        """Log density of every observed response, for `ba.compare`: (chain, draw, row)."""
        return self.pointwise(draws, data)

    def scores(self, test: Any) -> Any:
        """Scores of this kind of task, which `ba.compare` adds or puts in the place of its own.

        By name; None leaves one out that has no meaning here.
        """
        return {}

    def groups(self, tree: xr.DataTree, data: Any) -> dict[str, xr.Dataset]:
        """More groups of the tree, computed from the draws once."""
        return {}

    def standardised(self, draws: xr.Dataset, data: Any) -> np.ndarray:
        """Residuals that are unit normals where the model holds: (chain, draw, row)."""
        raise NotImplementedError

    def observed(self, data: Any) -> np.ndarray:
        """The response of every row, which `forecast` calls ``observation``."""
        return data.value

    def is_whole(self) -> bool:
        """Whether a fit read from a file has all that it needs to predict."""
        return True

    def units(self, data: Any) -> dict[str, str]:
        """Unit of each parameter, where it has one."""
        return {}

    # What every task gets ---------------------------------------------------------------------

    @property
    def posterior(self) -> xr.DataTree:
        """The fitted tree: ArviZ's groups, and what the task adds.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        """
        if self._tree is None:
            raise NotFittedError(
                self._unfitted_because
                or f"This {type(self).__name__} is not fitted: call .fit(data) first."
            )
        return self._tree

    def __sklearn_is_fitted__(self) -> bool:
        return self._tree is not None

    @property
    def record(self) -> dict[str, Any]:
        """How the fit was made: versions, parameters, resolved priors, sampler, seed."""
        return storage.read_record(self.posterior)

    @property
    def data(self) -> Any:
        """The container that was fitted, read back from the tree."""
        return storage.read_data(self.posterior)

    def _checked(self, data: Any) -> Any:
        if not isinstance(data, self.data_type):
            kind = self.data_type.__name__
            ways = [name for name in ("read", "from_densities") if name in vars(self.data_type)]
            others = "".join(f" or ba.{kind}.{name}(table, ...)" for name in ways)
            raise ValueError(
                f"{type(self).__name__} takes a {kind}, got {type(data).__name__}. Make one with "
                f"ba.{kind}(...){others}."
            )
        self.check_parameters()
        self.check_data(data)
        return data

    def predict(self, at: Any = None, *, draws: int | None = None, seed: int | None = None) -> Any:
        """Posterior predictive at new inputs.

        Parameters
        ----------
        at : container, array or Quantity, optional
            New inputs, as the task's `forecast` takes them; None stands for the fitted data.
        draws : int, optional
            Use about this many posterior draws, evenly spaced; None stands for all.
        seed : int, optional
            Of the noise in ``observation``; None stands for the seed of the fit, so that a saved
            and reopened model predicts the same numbers.

        Returns
        -------
        xarray.Dataset
            ``signal`` (noiseless) and ``observation`` (a new noisy one), dims (chain, draw, ...).
        """
        data = self.data
        posterior = self.posterior["posterior"].to_dataset()
        if draws is not None:
            if int(draws) < 1:
                raise ValueError(f"draws={draws} must be at least 1.")
            each = max(1, min(posterior.sizes["draw"], int(draws) // posterior.sizes["chain"]))
            keep = np.linspace(0, posterior.sizes["draw"] - 1, each).round().astype(int)
            posterior = posterior.isel(draw=keep)
        seed = self.record["seed"] if seed is None else seed
        rng = np.random.default_rng([int(seed), 1])
        return self.forecast(posterior, data, data if at is None else at, rng)

    def log_likelihood(self) -> xr.Dataset:
        """Pointwise log likelihood of the fitted data, also put into the tree for ArviZ."""
        density = self.pointwise(self.posterior["posterior"].to_dataset(), self.data)
        return self._attach("log_likelihood", density.rename("observation").to_dataset())

    def posterior_predictive(self) -> xr.Dataset:
        """New observations at the fitted inputs, also put into the tree for ArviZ."""
        rng = np.random.default_rng([int(self.record["seed"]), 1])
        draws = self.posterior["posterior"].to_dataset()
        new = self.replicate(draws, self.data, self.data, rng).rename("observation").to_dataset()
        return self._attach("posterior_predictive", new)

    def _attach(self, group: str, dataset: xr.Dataset) -> xr.Dataset:
        import xarray as xr

        self.posterior[group] = xr.DataTree(dataset)
        return dataset

    def summary(self) -> pd.DataFrame:
        """One row a parameter: mean, sd, quantiles, Monte Carlo error, R-hat, ESS, unit."""
        from bayes_astro import diagnostics

        return diagnostics.summary(self)

    def diagnose(self) -> Diagnosis:
        """Judge the fit: checks with figure, verdict and advice."""
        from bayes_astro import diagnostics

        return diagnostics.diagnose(self)

    def checks(self) -> list[Check]:
        """Checks of this task, beyond those of its sampler."""
        return []

    def judged(self) -> tuple[str, ...]:
        """Variables on which convergence is judged; none named: all."""
        return ()

    def plot(self, figure: str | None = None, *, at: Any = None, width: str = "page") -> Figure:
        """Draw the figure made for this task.

        Parameters
        ----------
        figure : str, optional
            One of `figure_names()`; None stands for the first.
        at : container, optional
            Other data than the fitted ones, for the figures that can show them.
        width : {"page", "column"}
            Width of a journal's page (7.1 in) or column (3.4 in).
        """
        from bayes_astro.plots import style

        drawings = self._drawings()
        name = next(iter(drawings)) if figure is None else figure
        if name not in drawings:
            raise ValueError(f"Unknown figure {name!r}.{nearest(name, drawings)}")
        given = () if at is None else (at,)
        if given and len(inspect.signature(drawings[name]).parameters) < 2:
            raise ValueError(
                f"figure {name!r} shows the fit and takes no other data: leave out at=."
            )
        with style.applied(width):
            return drawings[name](self, *given)

    def _drawings(self) -> dict[str, Any]:
        return importlib.import_module(f"bayes_astro.plots.{self.figures}").FIGURES

    def figure_names(self) -> list[str]:
        """Names of the figures that `plot` can draw."""
        return list(self._drawings())

    def save(self, path: Any) -> None:
        """Write everything needed to predict again in a new process; the file is replaced whole.

        Raises ValueError for a parameter that is another library's object, which is not written.
        """
        tree = self.posterior
        for name, value in self.get_params(deep=False).items():
            if storage.is_foreign(value):
                raise ValueError(
                    f"{name}={value!r:.80} belongs to another library and cannot be written with "
                    "the fit; keep the numbers with model.posterior.to_netcdf(path)."
                )
        storage.save(tree, path)

    def citations(self) -> str:
        """BibTeX of the methods, the sampler and the data that this fit used."""
        from bayes_astro import citations

        return citations.bibtex(citations.keys_of(self))

    def _store(self, tree: xr.DataTree, data: Any, seed: int, **record: Any) -> None:
        """Attach the data and the record to the draws, and keep the tree."""
        units = self.units(data)
        posterior = tree["posterior"].to_dataset()
        for name, unit in units.items():
            if name in posterior and unit:
                posterior[name].attrs["units"] = unit
        import xarray as xr

        tree["posterior"].dataset = posterior
        for name, group in self.groups(tree, data).items():
            tree[name] = xr.DataTree(group)
        storage.write_data(tree, data, self.observed(data))
        storage.write_record(tree, self, data, seed, **record)
        self._tree = tree


class Model(Estimator):
    """A generative model: priors, latents, likelihood, and everything that follows from them."""

    samplers: ClassVar[tuple[str, ...]]  # names in ba.samplers, the best first
    working: ClassVar[tuple[str, ...]] = ()  # free variables of `build` that no user needs
    correlated: ClassVar[bool] = False  # NUTS begins at the mode, with a metric of its curvature
    readers: ClassVar[dict[str, Any]] = {}  # of parameters that a spec gives as a table
    priors: dict[str, Prior] | None

    # What a task writes -----------------------------------------------------------------------

    def default_priors(self, data: Any) -> dict[str, Prior]:
        """Every parameter's prior, weakly informative, scaled from the data."""
        raise NotImplementedError

    def check_priors(self, priors: dict[str, Prior], data: Any) -> None:
        """Raise ValueError for a prior that this task cannot take."""

    def arrays(self, data: Any, priors: dict[str, Prior]) -> dict[str, np.ndarray]:
        """The data as `build` holds them in ``pm.Data``: replaced to refit a compiled model."""
        raise NotImplementedError

    def derived(self, draws: xr.Dataset, priors: dict[str, Prior]) -> xr.Dataset:
        """Draws of the model's parameters with those that follow from them."""
        return draws

    def settled(self, data: Any, seed: int, progress: bool) -> tuple[Model, dict[str, xr.Dataset]]:
        """The model with open choices made from the data, and groups that say how."""
        return self, {}

    def default_sampler(self, data: Any) -> tuple[Sampler, str]:
        """The sampler that suits `data`, and why where it depends on them."""
        import bayes_astro

        first = self.samplers[0]
        return bayes_astro.load_public(bayes_astro.SAMPLERS[first], first)(), ""

    def build(self, data: Any, priors: dict[str, Prior] | None = None) -> pm.Model:
        """The generative story in PyMC."""
        raise NotImplementedError

    def prior_draws(
        self, design: Any, priors: dict[str, Prior], draws: int, rng: np.random.Generator
    ) -> xr.Dataset:
        """Draws of all variables from the prior: (chain=1, draw, ...)."""
        raise NotImplementedError

    def simulate_data(self, parameters: xr.Dataset, design: Any, rng: np.random.Generator) -> Any:
        """New data on the design of `design`, given one draw (no chain, no draw dimension)."""
        raise NotImplementedError

    def starts(
        self, data: Any, priors: dict[str, Prior], count: int, rng: np.random.Generator
    ) -> dict[str, np.ndarray] | None:
        """Starting values spread about the mode, each (count, ...); None: near the prior's middle."""
        return None

    def baseline(self) -> Estimator:
        """The frequentist counterpart of this model."""
        raise NotImplementedError

    def equation(self) -> str:
        """The model in one line of text, for reports."""
        raise NotImplementedError

    # What every task gets ---------------------------------------------------------------------

    def resolve_priors(self, data: Any) -> dict[str, Prior]:
        """The default priors for `data`, with those that the user asked for in their places."""
        asked = {} if self.priors is None else self.priors
        if not isinstance(asked, dict):
            raise ValueError(f"priors must map parameter names to ba.Prior, got {asked!r}.")
        defaults = self.default_priors(data)
        units = self.units(data)
        for name, prior in asked.items():
            if name not in defaults:
                raise ValueError(
                    f"{type(self).__name__} has no parameter {name!r} to give a prior."
                    f"{nearest(name, defaults)}"
                )
            if not isinstance(prior, Prior):
                raise ValueError(f"priors[{name!r}] must be a ba.Prior, got {prior!r}.")
        priors = {
            name: asked.get(name, default).in_unit(units.get(name), name)
            for name, default in defaults.items()
        }
        self.check_priors(priors, data)
        return priors

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
        sampler : ba.Exact, ba.NUTS or ba.Emcee, optional
            Default: the first of `samplers`.
        seed : int, optional
            Same seed, same draws. None draws one and records it.
        progress : bool
            Show a progress bar for long work.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For bad data, parameters or priors, before any sampling.
        """
        import xarray as xr

        from bayes_astro import samplers

        self._tree, self._unfitted_because = None, ""
        data = self._checked(data)
        seed = checked_seed(seed)
        sampler, because = samplers.chosen(self, sampler, data)
        if progress and because not in ("", "asked for"):
            print(f"{type(sampler).__name__}: {because}", file=sys.stderr)
        settled, groups = self.settled(data, seed, progress)
        priors = settled.resolve_priors(data)
        tree = sampler.sample(sampler.compile(settled, data, priors), data, seed, progress=progress)
        if tree is None:
            self._unfitted_because = (
                f"This {type(self).__name__} is not fitted: the run was interrupted before "
                "anything was drawn. Call .fit(data) again."
            )
            return self
        for name, group in groups.items():
            tree[name] = xr.DataTree(group)
        self._store(tree, data, seed, priors=priors, sampler=sampler, sampler_because=because)
        return self

    def simulate(
        self, design: Any, seed: int | None = None, *, priors: dict[str, Prior] | None = None
    ) -> tuple[Any, xr.Dataset]:
        """Draw parameters from the prior and data from the likelihood, on the design of `design`.

        Returns
        -------
        data : container
            Same times, errors, ... as `design`; new values.
        truth : xarray.Dataset
            The parameters that made them.
        """
        design = self._checked(design)
        priors = self.resolve_priors(design) if priors is None else priors
        rng = np.random.default_rng(seed)
        truth = self.prior_draws(design, priors, 1, rng).isel(chain=0, draw=0)
        return self.simulate_data(truth, design, rng), truth

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

        Returns
        -------
        xarray.DataTree
            Groups ``prior`` and ``prior_predictive``.
        """
        import xarray as xr

        design = self.data if data is None else self._checked(data)
        rng = np.random.default_rng(seed)
        prior = self.prior_draws(design, self.resolve_priors(design), draws, rng)
        predictive = self.replicate(prior, design, design, rng).rename("observation").to_dataset()
        if data is None:
            self._attach("prior", prior)
            self._attach("prior_predictive", predictive)
        return xr.DataTree.from_dict({"prior": prior, "prior_predictive": predictive})

    def maximum(
        self,
        data: Any,
        priors: dict[str, Prior],
        search: Any,
        rng: np.random.Generator,
        progress: bool,
    ) -> dict[str, xr.Dataset]:
        """The maximum of the posterior, for `ba.MAP`; groups of the tree by name."""
        raise NotImplementedError

    def laplace(
        self,
        data: Any,
        priors: dict[str, Prior],
        settings: Any,
        rng: np.random.Generator,
        progress: bool,
    ) -> dict[str, xr.Dataset]:
        """Draws from the Gaussian about the maximum, for `ba.Laplace`; groups by name."""
        raise NotImplementedError

    def exact(
        self, data: Any, priors: dict[str, Prior], draws: int, rng: np.random.Generator
    ) -> dict[str, xr.Dataset]:
        """Independent draws by an exact method; groups of the tree by name."""
        raise NotImplementedError

    def fit_many(self, items: Any, sampler: Sampler | None, seed: int) -> list[dict[str, Any]]:
        """One row an object, for `ba.fit_each`; a task with a batch kernel overrides this."""
        from bayes_astro import catalog

        return catalog.rows(self, items, sampler, seed)


def checked_seed(seed: int | None) -> int:
    """The seed as an int; a fresh one when none is given."""
    if seed is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"seed={seed!r} must be a non-negative integer or None.")
    return int(seed)
