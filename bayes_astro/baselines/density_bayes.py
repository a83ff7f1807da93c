"""Bayes' rule with a density for each class, as astroML has it: a Gaussian mixture or a kernel density."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

__all__ = ["DensityBayes"]

COMPONENTS = (1, 2, 4, 8, 12, 16)
BANDWIDTHS = np.geomspace(0.03, 1.0, 8)


class DensityBayes(ClassifierMixin, BaseEstimator):
    """Probabilities from the density of each class and its fraction.

    Parameters
    ----------
    density : {"gmm", "kde"}
        scikit-learn's; of the first the number of components, of the second the width has the best score
        on rows held out.
    """

    def __init__(self, density: str = "gmm") -> None:
        self.density = density

    def fit(self, x: np.ndarray, y: np.ndarray) -> DensityBayes:
        """Learn from features (n, p) and classes (n,)."""
        self.classes_, counts = np.unique(y, return_counts=True)
        self.logs_ = np.log(counts / counts.sum())
        self.densities_ = [self._best(x[y == one]) for one in self.classes_]
        return self

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """Probabilities (n, class)."""
        joint = np.column_stack([one.score_samples(x) for one in self.densities_]) + self.logs_
        share = np.exp(joint - joint.max(axis=1, keepdims=True))
        return share / share.sum(axis=1, keepdims=True)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The most probable class of each row."""
        return self.classes_[self.predict_proba(x).argmax(axis=1)]

    def _best(self, x: np.ndarray) -> Any:
        order = np.random.default_rng(0).permutation(len(x))
        cut = max(1, len(x) // 5)
        held, rest = x[order[:cut]], x[order[cut:]]
        made = [self._one(value) for value in self._values(len(rest))]
        scores = [one.fit(rest).score(held) for one in made]
        return made[int(np.argmax(scores))].fit(x)

    def _values(self, n: int) -> Any:
        if self.density == "kde":
            return BANDWIDTHS
        return [k for k in COMPONENTS if k * 5 <= n] or [1]

    def _one(self, value: Any) -> Any:
        if self.density == "kde":
            from sklearn.neighbors import KernelDensity

            return KernelDensity(bandwidth=float(value), rtol=1e-4)
        from sklearn.mixture import GaussianMixture

        return GaussianMixture(int(value), reg_covar=1e-4, n_init=2, random_state=0)
