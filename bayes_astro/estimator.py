"""What a Bayesian model and its frequentist counterpart share.

Constructor parameters, one fitted tree, and the verbs that read them. Methods marked as hooks are
written by tasks and called by the library; everything else is for users.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro import predictions, registry, storage
from bayes_astro.configured import Configured
from bayes_astro.data.container import refuse_others, refuse_unused
from bayes_astro.hooks import Shown, hook
from bayes_astro.names import nearest
from bayes_astro.parameters import Setting

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.figure import Figure

    from bayes_astro.diagnostics import Check, Diagnosis
    from bayes_astro.report import Section

__all__ = ["Estimator"]


class Estimator(Configured, Shown):
    """Constructor parameters plus one fitted tree; everything else is computed from those two."""

    data_type: ClassVar[Any]  # a container, or a tuple of those that are taken
    settings: ClassVar[dict[str, Setting]] = {}
    references: ClassVar[tuple[str, ...]] = ()  # keys in citations.py
    fewest_predictions: ClassVar[int] = 0  # of a posterior of few fits, which are taken in turn
    by_curve: ClassVar[tuple[str, ...]] = ()  # variables that figures show, and no table
    takes: ClassVar[
        tuple[str, ...]
    ] = ()  # of "limit", "point_covariance", where data may have them
    _internal: ClassVar[tuple[str, ...]] = (
        "data_type", "settings", "references", "fewest_predictions", "by_curve", "takes", "copy",
    )  # fmt: skip

    _tree: Any = None
    _unfitted_because: str = ""

    # For tasks: what must be written ----------------------------------------------------------

    @hook
    @abstractmethod
    def forecast(
        self, draws: xr.Dataset, data: Any, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """For tasks: predictive draws at new inputs, ``signal`` and ``observation``; pure.

        `data` are those that were fitted; for `predict()` without inputs, `at` is the same object.
        """

    @hook
    @abstractmethod
    def pointwise(self, draws: xr.Dataset, data: Any) -> xr.DataArray:
        """For tasks: log likelihood of every row of `data` for every draw, (chain, draw, row)."""

    # For tasks: what may be written -----------------------------------------------------------

    @hook
    def check_settings(self) -> None:
        """For tasks: raise ValueError for settings that do not go together."""

    @hook
    def check_data(self, data: Any) -> None:
        """For tasks: raise ValueError for data that cannot be taken."""

    @hook
    def prepare(self, data: Any) -> Any:
        """For tasks: the data as they are fitted, such as in wider bins."""
        return data

    @hook
    def replicate(
        self, draws: xr.Dataset, data: Any, at: Any, rng: np.random.Generator
    ) -> xr.DataArray:
        """For tasks: new data in place of those of `at`, none of which is used.

        (chain, draw, row, ...); given the fitted `data`, where `at` are others.
        """
        return self.forecast(draws, data, at, rng)["observation"]

    @hook
    def log_predictive(self, draws: xr.Dataset, data: Any) -> xr.DataArray:
        """For tasks: log density of every response, for `ba.compare`, (chain, draw, row).

        `data` are new; those that were fitted are `self._fitted_or(data)`.
        """
        return self.pointwise(draws, data)

    @hook
    def scores(self, test: Any) -> Any:
        """For tasks: scores that `ba.compare` adds, or puts in the place of its own.

        By name; None leaves one out that has no meaning here.
        """
        return {}

    @hook
    def groups(self, tree: xr.DataTree, data: Any) -> dict[str, xr.Dataset]:
        """For tasks: more groups of the tree, computed from the draws once."""
        return {}

    @hook
    def normal_residuals(self, draws: xr.Dataset, data: Any) -> np.ndarray:
        """For tasks: residuals that are unit normals where the model holds, (chain, draw, row)."""
        raise NotImplementedError(f"{type(self).__name__} has no residuals of unit variance")

    @hook
    def responses(self, data: Any) -> np.ndarray:
        """For tasks: what was measured of every row, which `forecast` calls ``observation``."""
        return data.value

    @hook
    def missing_parts(self) -> str:
        """For tasks: what a fit that was opened lacks to predict, as a user's own function."""
        return ""

    @hook
    def units(self, data: Any) -> dict[str, str]:
        """For tasks: unit of each variable of the posterior, where it has one."""
        return {}

    @hook
    def checks(self) -> list[Check]:
        """For tasks: checks of a fit, beyond those of its sampler."""
        return []

    @hook
    def converged_on(self) -> tuple[str, ...]:
        """For tasks: variables on which convergence is judged; none named: all.

        They are also the main rows of a report, and what a specification's reference holds.
        """
        return ()

    @hook
    def sections(self) -> list[Section]:
        """For tasks: tables of the report beside that of the parameters."""
        return []

    @hook
    def can_draw(self, figure: str) -> bool:
        """For tasks: whether this fit has what a figure of its kind shows."""
        return True

    @hook
    def object_summary(self, at: Any, **options: Any) -> pd.DataFrame:
        """For tasks: one row an object of new data."""
        raise ValueError(
            f"{type(self).__name__} has a summary of its parameters alone: call summary()."
        )

    # What every task gets ---------------------------------------------------------------------

    @property
    def posterior(self) -> xr.DataTree:
        """The fitted tree: ArviZ's groups, and what the task adds; NotFittedError before `fit`."""
        if self._tree is None:
            from sklearn.exceptions import NotFittedError

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

    def _fitted_or(self, data: Any) -> Any:
        """The fitted data, to which phases and levels belong; `data` before a fit."""
        return data if self._tree is None else self.data

    @hook
    def check_all_settings(self) -> None:
        """Raise ValueError for a setting out of its range, or settings that do not go together."""
        for name, check in self.settings.items():
            check(name, getattr(self, name))
        self.check_settings()

    def _checked(self, data: Any) -> Any:
        refuse_others(type(self).__name__, self.data_type, data)
        refuse_unused(type(self).__name__, data, self.takes)
        self.check_all_settings()
        self.check_data(data)
        return self.prepare(data)

    def predict(self, at: Any = None, *, draws: int | None = None, seed: int | None = None) -> Any:
        """Posterior predictive at new inputs.

        Parameters
        ----------
        at : container, array or Quantity, optional
            New inputs, as the task takes them; None stands for the fitted data.
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
        return predictions.predicted(self, at, draws, seed)

    def score(self, data: Any, y: Any = None, *, draws: int | None = 1000) -> float:
        """Mean log predictive density of a row of held-out data, as in `ba.compare`.

        Of a response given what it depends on; rows count by their weights. scikit-learn calls it.

        Parameters
        ----------
        data : container
            Of the kind that was fitted.
        y : None
            Not used: scikit-learn has such an argument.
        draws : int, optional
            About so many, evenly spaced, or fewer where they would take more than 2 GB; None: all.

        Returns
        -------
        float
            In nats; higher is better.
        """
        return predictions.scored(self, data, y, draws)

    def log_likelihood(self) -> xr.Dataset:
        """Pointwise log likelihood of the fitted data, also put into the tree for ArviZ.

        Returns
        -------
        xarray.Dataset
            ``observation`` (chain, draw, row).
        """
        density = self.pointwise(self.posterior["posterior"].to_dataset(), self.data)
        return self._attach("log_likelihood", density.rename("observation").to_dataset())

    def posterior_predictive(self) -> xr.Dataset:
        """New observations at the fitted inputs, also put into the tree for ArviZ.

        Returns
        -------
        xarray.Dataset
            ``observation`` (chain, draw, row, ...).
        """
        rng = np.random.default_rng([int(self.record["seed"]), 1])
        draws, data = self.posterior["posterior"].to_dataset(), self.data
        new = self.replicate(draws, data, data, rng).rename("observation").to_dataset()
        return self._attach("posterior_predictive", new)

    def _attach(self, group: str, dataset: xr.Dataset) -> xr.Dataset:
        import xarray as xr

        self.posterior[group] = xr.DataTree(dataset)
        return dataset

    def summary(self, at: Any = None, **options: Any) -> pd.DataFrame:
        """One row a parameter: mean, sd, quantiles, Monte Carlo error, R-hat, ESS, unit.

        Parameters
        ----------
        at : container, optional
            Of tasks that speak of single objects (photometric redshifts): new ones; then the table
            has one row an object.
        **options : object
            Of that table.

        Returns
        -------
        pandas.DataFrame
            By parameter, or by object.
        """
        if at is not None:
            return self.object_summary(at, **options)
        from bayes_astro import diagnostics

        return diagnostics.summary(self)

    def diagnose(self) -> Diagnosis:
        """Judge the fit: checks with figure, verdict and advice.

        Returns
        -------
        Diagnosis
            True where every check passed.
        """
        from bayes_astro import diagnostics

        return diagnostics.diagnose(self)

    def plot(
        self, figure: str | None = None, *, at: Any = None, ax: Any = None, width: str = "page"
    ) -> Figure:
        """Draw the figure made for this task.

        Parameters
        ----------
        figure : str, optional
            One of `figure_names()`; None stands for the first.
        at : array or container, optional
            Where a figure is evaluated (times, lags, values of a predictor, ...), or other data
            than the fitted ones: the docstring of the figure says which it takes.
        ax : matplotlib Axes or array of Axes, optional
            Draw into these instead of on a new page: one for each panel, row by row; of a corner of
            n variables all n x n. Legends then stand within the axes, and `width` has no effect.
        width : {"page", "column"}
            Width of a journal's page (7.1 in) or column (3.4 in).

        Returns
        -------
        matplotlib.figure.Figure
            The page, or that of the given axes.

        Raises
        ------
        ValueError
            For an unknown figure, `at` of one that takes none, or a wrong number of axes.
        """
        from bayes_astro.plots import style

        drawings = self._drawings()
        name = next(iter(drawings), "") if figure is None else figure
        if name not in drawings:
            raise ValueError(f"Unknown figure {name!r}.{nearest(name, drawings)}")
        return style.drawn(self, drawings, name, at, ax, width)

    def _drawings(self) -> dict[str, Any]:
        found = registry.row_of(type(self)).drawings()
        return {name: draw for name, draw in found.items() if self.can_draw(name)}

    def figure_names(self) -> list[str]:
        """Names of the figures that `plot` can draw.

        Returns
        -------
        list of str
            The default first.
        """
        return list(self._drawings())

    def save(self, path: Any) -> None:
        """Write everything needed to predict again in a new process.

        Parameters
        ----------
        path : str or path-like
            A netCDF file, which is replaced whole; `ba.open` reads it.

        Raises
        ------
        ValueError
            For a parameter that is another library's object, or of a class that is not registered
            (`ba.register`): neither could be opened again.
        """
        tree = self.posterior
        storage.check_openable(self)
        storage.save(tree, path)

    def citations(self) -> str:
        """BibTeX of the methods, the sampler and the data that this fit used.

        Returns
        -------
        str
            Entries, one after the other.
        """
        from bayes_astro import citations

        return citations.bibtex(citations.keys_of(self))

    def _store(self, tree: xr.DataTree, data: Any, seed: int, **record: Any) -> None:
        """Attach units, groups, data and record to the draws, and keep the tree."""
        storage.write_units(tree, self.units(data))
        storage.write_groups(tree, self.groups(tree, data))
        storage.write_data(tree, data, self.responses(data))
        storage.write_record(tree, self, data, seed, **record)
        self._tree, self._unfitted_because = tree, ""
