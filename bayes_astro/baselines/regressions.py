"""Regressions of other libraries on the same points: how each is tuned, fitted and weighted.

Predictors and response are scaled to unit spread; penalties and widths are chosen once, on all points, by folds
that are left out. A straight line gives back its coefficients, everything else a function of predictors.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_astro.baselines.linear_relation import orthogonal, weighted_least_squares

__all__ = ["CURVES", "LINES", "Curve", "Points", "curve", "held_out_residuals", "line", "tuned"]

LINES = ("ols", "wls", "odr", "ridge", "lasso", "huber", "theil-sen")
CURVES = ("random-forest", "svm", "gaussian-process", "kernel")
FOLDS = 5
MOST_TUNED = 2000  # points by which widths are chosen
MOST_PAIRS = 3000  # points of which all pairs are looked at
MOST_DENSE = 3000  # points of a Gaussian process
AT_ONCE = 2_000_000  # kernels in memory
TREES = 100
WIDTHS = np.geomspace(0.02, 2.0, 21)  # in standard deviations of a predictor


@dataclass(frozen=True)
class Points:
    """Predictors (n, p), response (n,), the variances of both, response last, and weights of mean one."""

    x: np.ndarray
    y: np.ndarray
    variance: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray, y: np.ndarray, covariance: np.ndarray) -> Points:
        """Weighted by the errors of the response, with a robust scatter about a first line added."""
        variance = np.diagonal(covariance, axis1=1, axis2=2)
        first, _ = weighted_least_squares(x, y, np.zeros(len(y)))
        residual = y - first[0] - x @ first[1:]
        spread = 1.4826 * np.median(np.abs(residual - np.median(residual)))
        beyond = max(spread**2 - float(np.median(variance[:, -1])), 0.0)
        total = variance[:, -1] + beyond
        weight = 1 / total if np.all(total > 0) else np.ones(len(y))
        return cls(x, y, variance, weight / weight.mean())

    def take(self, rows: np.ndarray) -> Points:
        """Some points, or some of them more than once."""
        weight = self.weight[rows]
        return Points(self.x[rows], self.y[rows], self.variance[rows], weight / weight.mean())

    def scales(self) -> tuple[np.ndarray, np.ndarray, float, float]:
        """Centre and spread of predictors and response, by the weights."""
        both = np.column_stack([self.x, self.y])
        centre = np.average(both, axis=0, weights=self.weight)
        spread = np.sqrt(np.average((both - centre) ** 2, axis=0, weights=self.weight))
        spread = np.maximum(spread, 1e-300)
        return centre[:-1], spread[:-1], float(centre[-1]), float(spread[-1])

    def scaled(self) -> tuple[np.ndarray, np.ndarray]:
        """Predictors and response with mean zero and unit spread."""
        centre, spread, middle, size = self.scales()
        return (self.x - centre) / spread, (self.y - middle) / size


def tuned(method: Any, points: Points) -> dict[str, float]:
    """Penalties and widths with the best prediction of points left out; none for most lines."""
    chooser = {
        "ridge": _ridge_penalty,
        "lasso": _lasso_penalty,
        "random-forest": _leaf,
        "svm": _support_vectors,
        "gaussian-process": _covariance,
        "kernel": _width,
    }.get(method if isinstance(method, str) else "")
    return {} if chooser is None else chooser(points)


def line(method: str, points: Points, settings: dict[str, float]) -> np.ndarray:
    """Intercept and slopes, in the units of the data."""
    if method in ("ols", "wls", "odr"):
        known = np.zeros(len(points.y)) if method == "ols" else points.variance[:, -1]
        found, _ = weighted_least_squares(points.x, points.y, known)
        if method == "odr" and np.any(points.variance[:, :-1] > 0):
            found, _ = orthogonal(points.x, points.y, points.variance, found)
        return found
    x, y = points.scaled()
    centre, spread, middle, size = points.scales()
    intercept, slope = _scaled_line(method, x, y, points.weight, settings)
    slope = slope * size / spread
    return np.append(middle + size * intercept - slope @ centre, slope)


def _scaled_line(
    method: str, x: np.ndarray, y: np.ndarray, weight: np.ndarray, settings: dict[str, float]
) -> tuple[float, np.ndarray]:
    from sklearn.linear_model import HuberRegressor, Lasso, Ridge, TheilSenRegressor

    if method == "theil-sen" and x.shape[1] == 1 and len(y) <= MOST_PAIRS:
        from scipy.stats import theilslopes

        found = theilslopes(y, x[:, 0])
        return float(found.intercept), np.array([found.slope])
    if method == "theil-sen":
        theil = TheilSenRegressor(max_subpopulation=500, random_state=0).fit(x, y)
        return float(theil.intercept_), theil.coef_
    machine = {
        "ridge": lambda: Ridge(settings["penalty"] * len(y)),
        "lasso": lambda: Lasso(settings["penalty"], max_iter=10_000),
        "huber": lambda: HuberRegressor(alpha=0.0, max_iter=1000),
    }[method]()
    machine.fit(x, y, sample_weight=weight)
    return float(machine.intercept_), np.ravel(machine.coef_)


@dataclass(frozen=True)
class Curve:
    """A fitted function of predictors (m, p): of a machine that was taught in units of the spread."""

    machine: Any
    centre: Any = 0.0
    spread: Any = 1.0
    middle: float = 0.0
    size: float = 1.0

    def __call__(self, at: np.ndarray) -> np.ndarray:
        """The response at new predictors."""
        found = np.ravel(self.machine.predict((at - self.centre) / self.spread))
        return self.middle + self.size * found


@dataclass(frozen=True)
class LocalMean:
    """Mean of the responses weighted by a Gaussian of that width (Nadaraya 1964, Watson 1964)."""

    x: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    width: float

    def predict(self, at: np.ndarray, *, without: bool = False) -> np.ndarray:
        """At new predictors; or at its own, without each point itself."""
        found = np.empty(len(at))
        for rows in np.array_split(np.arange(len(at)), max(1, len(at) * len(self.x) // AT_ONCE)):
            away = np.sum((at[rows, None] - self.x) ** 2, axis=2) / self.width**2
            log = np.log(self.weight) - 0.5 * away
            if without:
                log[np.arange(len(rows)), rows] = -np.inf
            near = np.exp(log - log.max(axis=1, keepdims=True))
            found[rows] = near @ self.y / near.sum(axis=1)
        return found


def curve(method: Any, points: Points, settings: dict[str, float]) -> Curve:
    """A curve through points. An estimator of scikit-learn gets them as they are."""
    if not isinstance(method, str):
        from sklearn.base import clone
        from sklearn.utils.validation import has_fit_parameter

        machine = clone(method)
        weighted = has_fit_parameter(machine, "sample_weight")
        how = {"sample_weight": points.weight} if weighted else {}
        return Curve(machine.fit(points.x, points.y, **how))
    x, y = points.scaled()
    return Curve(_machine(method, x, y, points, settings), *points.scales())


def _machine(
    method: str, x: np.ndarray, y: np.ndarray, points: Points, settings: dict[str, float]
) -> Any:
    if method == "kernel":
        return LocalMean(x, y, points.weight, settings["width"])
    if method == "gaussian-process":
        return _process(x, y, points, settings)
    if method == "svm":
        from sklearn.svm import SVR

        machine = SVR(C=settings["cost"], gamma=settings["gamma"])
    else:
        machine = _forest(int(settings["min_leaf"]))
    return machine.fit(x, y, sample_weight=points.weight)


def held_out_residuals(method: Any, points: Points, settings: dict[str, float]) -> np.ndarray:
    """Residuals of every point about fits to folds without it; of a line about the line itself.

    Those of a line are widened for the coefficients that were fitted.
    """
    n, p = points.x.shape
    if isinstance(method, str) and method in LINES:
        found = line(method, points, settings)
        free = max(n - p - 1, 1)
        return (points.y - found[0] - points.x @ found[1:]) * np.sqrt(n / free)
    residual = np.empty(n)
    fold = np.random.default_rng(0).permutation(n) % min(FOLDS, n)
    for k in range(fold.max() + 1):
        kept, left = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        predict = curve(method, points.take(kept), settings)
        residual[left] = points.y[left] - predict(points.x[left])
    return residual


# How each is tuned ----------------------------------------------------------------------------


def _some(points: Points) -> Points:
    """So many points that tuning takes seconds."""
    if len(points.y) <= MOST_TUNED:
        return points
    return points.take(np.random.default_rng(0).permutation(len(points.y))[:MOST_TUNED])


def _folds(points: Points) -> Any:
    from sklearn.model_selection import KFold

    return KFold(min(FOLDS, len(points.y)), shuffle=True, random_state=0)


def _ridge_penalty(points: Points) -> dict[str, float]:
    """By leaving out each point, in closed form; in units of the number of points."""
    from sklearn.linear_model import RidgeCV

    x, y = points.scaled()
    found = RidgeCV(np.geomspace(1e-6, 10, 36) * len(y)).fit(x, y, sample_weight=points.weight)
    return {"penalty": float(found.alpha_) / len(y)}


def _lasso_penalty(points: Points) -> dict[str, float]:
    from sklearn.linear_model import LassoCV

    x, y = points.scaled()
    found = LassoCV(cv=_folds(points), max_iter=10_000).fit(x, y, sample_weight=points.weight)
    return {"penalty": float(found.alpha_)}


def _forest(leaf: int, **how: Any) -> Any:
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(TREES, min_samples_leaf=leaf, random_state=0, **how)


def _leaf(points: Points) -> dict[str, float]:
    """By what the trees say of the points that each has not seen."""
    x, y = points.scaled()
    sizes = [leaf for leaf in (1, 3, 10, 30) if 4 * leaf <= len(y)] or [1]
    scores = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a point that all trees have seen
        for leaf in sizes:
            forest = _forest(leaf, oob_score=True).fit(x, y, sample_weight=points.weight)
            scores.append(np.average((forest.oob_prediction_ - y) ** 2, weights=points.weight))
    return {"min_leaf": float(sizes[int(np.argmin(scores))])}


def _support_vectors(points: Points) -> dict[str, float]:
    from sklearn.model_selection import GridSearchCV
    from sklearn.svm import SVR

    some = _some(points)
    x, y = some.scaled()
    grid = {"C": [1.0, 10.0, 100.0], "gamma": list(np.array([0.1, 0.3, 1.0, 3.0]) / x.shape[1])}
    search = GridSearchCV(SVR(), grid, cv=_folds(some), scoring="neg_mean_absolute_error")
    best = search.fit(x, y, sample_weight=some.weight).best_params_
    return {"cost": float(best["C"]), "gamma": float(best["gamma"])}


def _width(points: Points) -> dict[str, float]:
    """By leaving out each point."""
    some = _some(points)
    x, y = some.scaled()
    losses = []
    for width in WIDTHS:
        found = LocalMean(x, y, some.weight, width).predict(x, without=True)
        losses.append(np.average((found - y) ** 2, weights=some.weight))
    return {"width": float(WIDTHS[int(np.argmin(losses))])}


def _covariance(points: Points) -> dict[str, float]:
    """By maximum likelihood: logarithms of amplitude, lengths and white noise."""
    some = _some(points)
    theta = _process(*some.scaled(), some, None).kernel_.theta
    return {f"theta_{i}": float(value) for i, value in enumerate(theta)}


def _process(
    x: np.ndarray, y: np.ndarray, points: Points, settings: dict[str, float] | None
) -> Any:
    """A Gaussian process with a length for each predictor, error bars on the diagonal."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    kernel = ConstantKernel(1.0, (1e-3, 1e3)) * RBF(np.ones(x.shape[1]), (1e-2, 1e3))
    kernel = kernel + WhiteKernel(0.1, (1e-8, 1e1))
    how: dict[str, Any] = {"n_restarts_optimizer": 2, "random_state": 0}
    if settings is not None:
        theta = [settings[f"theta_{i}"] for i in range(len(kernel.theta))]
        kernel, how = kernel.clone_with_theta(np.array(theta)), {"optimizer": None}
    size = points.scales()[3]
    alpha = points.variance[:, -1] / size**2 + 1e-10
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a bound that is reached
        return GaussianProcessRegressor(kernel, alpha=alpha, **how).fit(x, y)
