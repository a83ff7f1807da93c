"""A point estimate is a posterior with one atom."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import fields
from typing import Any, ClassVar

import numpy as np

from bayes_astro.estimator import Estimator
from bayes_astro.hooks import hook
from bayes_astro.predictions import checked_seed

__all__ = ["Baseline"]


class Baseline(Estimator):
    """An estimate and its standard error in the tree of a Bayesian model.

    Group ``posterior`` holds the estimate (chain = 1, draw = 1), group ``estimate`` the standard
    error of each variable; `predict` and `ba.compare` work as for any model. Of an estimate that is
    repeated on resampled data, the repetitions are further draws.
    """

    part: ClassVar[str] = "baseline"
    _internal: ClassVar[tuple[str, ...]] = ("part",)

    _seed: int = 0  # of the fit under way

    @classmethod
    @hook
    def of(cls, model: Any, *arguments: Any, **options: Any) -> Baseline:
        """For tasks: the counterpart of a model, with the constructor parameters that both have.

        Arguments are those that the model has not, in their order.
        """
        names = [field.name for field in fields(cls)]  # type: ignore[arg-type]
        own = [name for name in names if not hasattr(model, name)]
        given = dict(zip(own[: len(arguments)], arguments, strict=True)) | options
        shared = {n: getattr(model, n) for n in names if n not in given and hasattr(model, n)}
        return cls(**shared, **given)

    @hook
    @abstractmethod
    def estimate(self, data: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """For tasks: values, standard errors (both as xarray variables) and further groups.

        Among these ``coords``, and ``replicates``: values on resampled data, an array (draw, ...) by name.
        Seeds come from `self._seed`.
        """

    def fit(
        self, data: Any, sampler: None = None, *, seed: int | None = None, progress: bool = True
    ) -> Baseline:
        """Estimate, and keep the estimate with its standard errors.

        Parameters
        ----------
        data : container
            Of the kind that the Bayesian model takes.
        sampler : None
            Not used: models have such an argument.
        seed : int, optional
            Of resampling, where there is any, and of the noise in predictions. Default: 0.
        progress : bool
            Not used, as `sampler`.

        Returns
        -------
        Baseline
            This estimator, fitted.

        Raises
        ------
        ValueError
            For data or parameters that it cannot take.
        """
        import xarray as xr

        data = self._checked(data)
        self._seed = checked_seed(0 if seed is None else seed)
        values, errors, groups = self.estimate(data)
        coords, more = groups.pop("coords", {}), groups.pop("replicates", {})

        def dataset(variables: dict[str, Any], more: dict[str, Any]) -> xr.Dataset:
            arrays, count = {}, 1
            for name, (dims, value) in variables.items():
                draws = np.asarray(value, dtype=float)[None]
                if name in more:
                    draws = np.concatenate([draws, more[name]])
                arrays[name], count = (("chain", "draw", *dims), draws[None]), len(draws)
            return xr.Dataset(arrays, {"chain": [0], "draw": np.arange(count), **coords})

        tree = xr.DataTree.from_dict(
            {"posterior": dataset(values, more), "estimate": dataset(errors, {}), **groups}
        )
        self._store(tree, data, self._seed)
        return self
