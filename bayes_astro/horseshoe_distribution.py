"""The horseshoe as a distribution of SciPy and as a variable of PyMC."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from bayes_astro.horseshoe import (
    LEAST,
    MOST,
    beyond,
    beyond_inverse,
    log_density,
    symbolic,
    within_inverse,
)

__all__ = ["HORSESHOE", "variable"]


class _Horseshoe(stats.rv_continuous):
    def _logpdf(self, x: Any) -> Any:
        return log_density(x)

    def _pdf(self, x: Any) -> Any:
        return np.exp(log_density(x))

    def _logcdf(self, x: Any) -> Any:
        x = np.asarray(x, dtype=float)
        outside = np.where(x == 0, np.log(0.5), beyond(np.clip(np.abs(x), LEAST, MOST)))
        return np.where(x < 0, outside, np.log1p(-np.exp(outside)))

    def _cdf(self, x: Any) -> Any:
        return np.exp(self._logcdf(x))

    def _sf(self, x: Any) -> Any:
        return self._cdf(-np.asarray(x))

    def _logsf(self, x: Any) -> Any:
        return self._logcdf(-np.asarray(x))

    def _ppf(self, q: Any) -> Any:
        q = np.asarray(q, dtype=float)
        tail = np.minimum(q, 1 - q)
        outer = beyond_inverse(np.log(np.clip(tail, LEAST, 0.25)))
        inner = within_inverse(np.log(np.clip(0.5 - tail, LEAST, 0.25)))
        away = np.where(tail < 0.25, outer, np.where(tail < 0.5, inner, 0.0))
        return np.where(q < 0.5, -away, away)

    def _isf(self, q: Any) -> Any:
        return -self._ppf(q)

    def _rvs(self, size: Any = None, random_state: Any = None) -> Any:
        return random_state.standard_normal(size) * np.abs(random_state.standard_cauchy(size))


HORSESHOE = _Horseshoe(name="horseshoe")


def variable(name: str, dims: Any, mu: Any, scale: Any) -> Any:
    """The variable `name` of the PyMC model whose context is open."""
    import pymc as pm

    def drawn(mu: Any, scale: Any, size: Any) -> Any:
        local = pm.HalfCauchy.dist(beta=scale + 0 * mu, size=size)
        return pm.Normal.dist(mu, local, size=size)

    return pm.CustomDist(name, mu, scale, dist=drawn, logp=symbolic, dims=dims)
