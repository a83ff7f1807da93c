r"""How estimates scatter about a correlation function: normal, or Student's t of a jackknife.

A covariance S that was itself estimated, from P patches, is not the true one. With that integrated out
(Sellentin & Heavens 2016) n estimates y follow, d = (y - mu)' S^-1 (y - mu),

.. code-block:: text

    p(y) = Gamma(P/2) / (Gamma((P - n)/2) [pi (P - 1)]^(n/2) |S|^(1/2)) [1 + d / (P - 1)]^(-P/2)

a t distribution with P - n degrees of freedom. Row by row, with u = W (y - mu) and d_i the sum of the
squares of those before,

.. code-block:: text

    u_i / sqrt((P - 1 + d_i) / nu_i) ~ t(nu_i),    nu_i = P - n + i,    i = 0, 1, ...

so that the densities of the rows, each given those before it, multiply to that of all.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.clustering.pair_counts import PairCounts

__all__ = ["Scatter"]


class Scatter:
    """Of the estimates of one container.

    Parameters
    ----------
    data : PairCounts
    """

    def __init__(self, data: PairCounts) -> None:
        from scipy.linalg import solve_triangular

        self.n = len(data)
        self.patches = data.patches if data.method == "jackknife" else 0
        self.factor = np.linalg.cholesky(data.covariance)
        self.whiten = solve_triangular(self.factor, np.eye(self.n), lower=True)

    @property
    def constant(self) -> float:
        """Log density at d = 0."""
        from scipy.special import gammaln

        n, patches = self.n, self.patches
        half_log_det = float(np.sum(np.log(np.diag(self.factor))))
        if not patches:
            return -0.5 * n * np.log(2 * np.pi) - half_log_det
        found = gammaln(patches / 2) - gammaln((patches - n) / 2) - half_log_det
        return float(found - 0.5 * n * np.log(np.pi * (patches - 1)))

    def log_density(self, residual: Any, m: Any = np) -> Any:
        """Of residuals (..., n), all rows together; `m` is NumPy or PyTensor."""
        squares = m.sum(m.dot(residual, self.whiten.T) ** 2, axis=-1)
        if not self.patches:
            return self.constant - 0.5 * squares
        return self.constant - 0.5 * self.patches * m.log1p(squares / (self.patches - 1))

    def _by_row(self, residual: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of residuals (..., n): u over its width, degrees of freedom (n,), width (..., n)."""
        u = residual @ self.whiten.T
        freedom = self.patches - self.n + np.arange(self.n)
        if not self.patches:
            return u, np.full(self.n, np.inf), np.ones_like(u)
        before = np.cumsum(u**2, axis=-1) - u**2
        width = np.sqrt((self.patches - 1 + before) / freedom)
        return u / width, freedom, width

    def log_densities(self, residual: np.ndarray) -> np.ndarray:
        """Of each row given those before it, (..., n); their sum is `log_density`."""
        from scipy import stats

        u, freedom, width = self._by_row(residual)
        shape = stats.t.logpdf(u, freedom) if self.patches else stats.norm.logpdf(u)
        return shape - np.log(width) + np.log(np.diag(self.whiten))

    def scores(self, residual: np.ndarray) -> np.ndarray:
        """Independent unit normals where the model holds, (..., n)."""
        from scipy import stats

        u, freedom, _ = self._by_row(residual)
        if not self.patches:
            return u
        # By the nearer tail, so that far ones stay finite.
        return -np.sign(u) * stats.norm.ppf(stats.t.cdf(-np.abs(u), freedom))

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """Residuals (*shape, n)."""
        normal = rng.standard_normal((*shape, self.n)) @ self.factor.T
        if not self.patches:
            return normal
        freedom = self.patches - self.n
        spread = (self.patches - 1) / rng.chisquare(freedom, (*shape, 1))
        return normal * np.sqrt(spread)
