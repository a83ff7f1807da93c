"""A point estimate is a posterior with one atom."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.model import Estimator, checked_seed

__all__ = ["Baseline"]


class Baseline(Estimator):
    """An estimate and its standard error in the tree of a Bayesian model.

    Group ``posterior`` holds the estimate (chain = 1, draw = 1), group ``estimate`` the standard
    error of each variable; `predict` and `ba.compare` work as for any model.
    """

    def estimate(self, data: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """Values, standard errors (both as xarray variables) and further groups."""
        raise NotImplementedError

    def fit(
        self, data: Any, sampler: None = None, *, seed: int | None = None, progress: bool = True
    ) -> Baseline:
        """Estimate; `sampler` and `progress` are accepted for the common form and unused."""
        import xarray as xr

        self._tree = None
        data = self._checked(data)
        values, errors, groups = self.estimate(data)
        one = {"chain": [0], "draw": [0]}
        coords = groups.pop("coords", {})

        def dataset(variables: dict[str, Any]) -> xr.Dataset:
            arrays = {}
            for name, (dims, value) in variables.items():
                arrays[name] = (
                    ("chain", "draw", *dims),
                    np.asarray(value, dtype=float)[None, None],
                )
            return xr.Dataset(arrays, {**one, **coords})

        tree = xr.DataTree.from_dict(
            {"posterior": dataset(values), "estimate": dataset(errors), **groups}
        )
        self._store(tree, data, checked_seed(0 if seed is None else seed))
        return self
