"""A predictor with errors under a curve of any form: its true values are summed over.

True values of the predictor have a normal population, and each is measured with its own error,

    x_i ~ N(predictor_mean, predictor_width^2),   x_obs,i ~ N(x_i, e_i^2),   y_i ~ N(mean(x_i), s_i^2)

with s_i^2 of scatter and error together (or Student's t). What is measured of a row has the density

    int N(x_obs; x, e) N(x; mu, tau) N(y; mean(x), s) dx = sum_k h e phi(u_k) N(x_k; mu, tau) N(y; mean(x_k), s)

at x_k = x_obs + e u_k with equal steps h of u: for a smooth integrand that falls off on both sides the error
of such a sum is exp(-2 pi^2 (d / h)^2), where d is its narrowest width in units of e, s / (|slope| e) of a
steep curve. The steps are chosen for that beforehand, and half as large ones are tried afterwards. True values at which the curve has no value are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import logsumexp, ndtr

from bayes_astro.data import Measurements
from bayes_astro.regression.mean_values import each_curve, evaluated
from bayes_astro.regression.point_errors import LOG_TWO_PI, of_residuals
from bayes_astro.regression.rows import predictors
from bayes_astro.residuals import from_chances

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Nodes", "drawn_true", "log_densities", "nodes_for", "scores", "unsure"]

MUCH = 1e-6  # errors of a predictor, in its standard deviations, that are no errors
REACH, WIDEST, FINE, MOST = 7.5, 0.5, 0.8, 401
TAILS = 0.5  # of Student's t, whose logarithm has poles
NOTHING = -1e3  # log weight of what is not there


def unsure(data: Measurements, response: str) -> str | None:
    """The first predictor that has errors; None where all are known exactly."""
    for name in predictors(data, response):
        spread = float(np.nanstd(data.column(name)))
        if np.any(data.error[:, data.index(name)] > MUCH * spread):
            return name
    return None


class Nodes:
    """Where the true predictor of each row may be.

    Parameters
    ----------
    data : Measurements
    response, name : str
        The response, and the predictor with errors.
    step : float
        Of u, in standard deviations of the error.
    """

    def __init__(self, data: Measurements, response: str, name: str, step: float) -> None:
        self.name, self.step = name, step
        count = int(np.ceil(REACH / step))
        u = step * np.arange(-count, count + 1)
        x, self.error = data.column(name), np.array(data.error[:, data.index(name)])
        self.at = x[:, None] + self.error[:, None] * u  # (n, k)
        self.log_share = np.log(step) - 0.5 * (u**2 + LOG_TWO_PI) + np.zeros((len(x), 1))
        known = self.error == 0  # one node, the value itself
        self.log_share[known] = NOTHING
        self.log_share[known, count] = 0.0
        self.columns = {
            other: np.repeat(data.column(other), len(u)) for other in predictors(data, response)
        }
        self.columns[name] = self.at.ravel()

    def where(self, defined: np.ndarray) -> Nodes:
        """Without nodes at which the curve has no value: a flat mask (n k,)."""
        gone = ~defined.reshape(self.shape)
        if gone.any():
            middle = self.at.shape[1] // 2
            self.at = np.where(gone, self.at[:, [middle]], self.at)
            self.log_share = np.where(gone, NOTHING, self.log_share)
            self.columns[self.name] = self.at.ravel()
        return self

    @property
    def shape(self) -> tuple[int, int]:
        """(n, k)."""
        n, k = self.at.shape
        return n, k

    def population(self, mean: float, width: float) -> np.ndarray:
        """Log weights of the nodes by what was measured of the predictor, (n, k); their sums are its density."""
        z = (self.at - mean) / width
        return self.log_share - 0.5 * (z**2 + LOG_TWO_PI) - np.log(width)


def nodes_for(
    model: Any, data: Measurements, name: str, values: dict[str, float], scatter: float
) -> Nodes:
    """Those that resolve the curve at some parameters, where it has a value."""
    place = data.index(model.response)
    sd = np.sqrt(data.covariance[:, place, place] + scatter**2)
    step = _step(
        model.mean, data, model.response, name, values, sd * (TAILS if model.robust else 1.0)
    )
    nodes = Nodes(data, model.response, name, step)
    return nodes.where(np.isfinite(evaluated(model.mean, nodes.columns, values)))


def _step(mean: Any, data: Measurements, response: str, name: str, values: Any, sd: Any) -> float:
    """Steps for scatter and errors `sd` (n,) of the response."""
    at = {other: data.column(other) for other in predictors(data, response)}
    error = data.error[:, data.index(name)]
    slope = _steepness(mean, at, name, error, values)
    narrow = np.min(np.where(slope * error > 0, sd / np.maximum(slope * error, 1e-300), np.inf))
    return float(np.clip(FINE * min(narrow, 1.0), REACH / (MOST // 2), WIDEST))


def _steepness(
    mean: Any, at: dict[str, np.ndarray], name: str, error: np.ndarray, values: Any
) -> Any:
    """|slope| with a predictor over twice its error to both sides, the largest: (n,)."""
    found = np.zeros(len(error))
    for left, right in ((-2, -1), (-1, 1), (1, 2)):
        low, high = (
            evaluated(mean, at | {name: at[name] + k * error}, values) for k in (left, right)
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            slope = np.abs(high - low) / ((right - left) * error)
        found = np.fmax(found, np.where(np.isfinite(slope), slope, 0.0))
    return found


def density(
    nodes: Nodes, curve: np.ndarray, response: np.ndarray, variance: np.ndarray,
    population: tuple[float, float], degrees: float | None,
) -> tuple[float, np.ndarray, dict[str, Any]]:  # fmt: skip
    """Log density of all rows, its slopes with the curve at the nodes (n k,), and with the other numbers.

    Parameters
    ----------
    nodes : Nodes
    curve : array (n k,)
        Of the mean function.
    response, variance : arrays (n,)
        The latter of scatter and errors.
    population : (mean, width)
    degrees : float, optional
        Of Student's t.
    """
    mean, width = population
    residual = response[:, None] - curve.reshape(nodes.shape)
    log, pull, by_variance, by_degrees = of_residuals(residual, variance[:, None], degrees)
    log = log + nodes.population(mean, width)
    whole = logsumexp(log, axis=1)
    if not np.all(np.isfinite(whole)):
        return -np.inf, np.zeros(curve.shape), {}
    share = np.exp(log - whole[:, None])
    z = (nodes.at - mean) / width
    slopes = {
        "variance": np.sum(share * by_variance, axis=1),
        "degrees": float(np.sum(share * by_degrees)),
        "mean": float(np.sum(share * z)) / width,
        "width": float(np.sum(share * (z**2 - 1))) / width,
    }
    return float(whole.sum()), (share * pull).ravel(), slopes


def _each(model: Any, draws: xr.Dataset, data: Measurements, nodes: Nodes) -> Any:
    """Of every draw: residuals at the nodes, their log weights, variance, degrees of freedom."""
    mean, width = (np.ravel(draws[f"predictor_{name}"].values) for name in ("mean", "width"))
    place = data.index(model.response)
    scatter = np.ravel(draws["scatter"].values) if "scatter" in draws else np.zeros(len(mean))
    degrees = np.ravel(draws["degrees_of_freedom"].values) if model.robust else [None] * len(mean)
    response = data.column(model.response)
    for s, curve in enumerate(each_curve(model, draws, nodes.columns)):
        residual = response[:, None] - curve.reshape(nodes.shape)
        variance = data.covariance[:, place, place] + scatter[s] ** 2
        log_share = np.where(np.isfinite(residual), nodes.population(mean[s], width[s]), NOTHING)
        yield np.where(np.isfinite(residual), residual, 0.0), log_share, variance, degrees[s]


def _nodes(model: Any, draws: xr.Dataset, data: Measurements) -> Nodes:
    """Fine enough for the middle of the draws."""
    name = unsure(model._fitted_or(data), model.response)
    if name is None:
        raise ValueError(
            "the data have no errors of a predictor, and these draws are of one with errors."
        )
    middle = draws.median(("chain", "draw"))
    values = {str(n): float(middle[n]) for n in middle.data_vars if middle[n].ndim == 0}
    values |= model.fixed or {}
    return nodes_for(model, data, name, values, values.get("scatter", 0.0))


def log_densities(
    model: Any,
    draws: xr.Dataset,
    data: Measurements,
    given: bool = False,
    nodes: Nodes | None = None,
) -> np.ndarray:
    """Log density of each row (s, n): of predictor and response, or of the response given the predictor."""
    found, nodes = [], nodes or _nodes(model, draws, data)
    for residual, log_share, variance, degrees in _each(model, draws, data, nodes):
        log = of_residuals(residual, variance[:, None], degrees)[0] + log_share
        one = logsumexp(log, axis=1)
        found.append(one - logsumexp(log_share, axis=1) if given else one)
    return np.array(found)


def scores(model: Any, draws: xr.Dataset, data: Measurements) -> np.ndarray:
    """Normal scores of each response given its measured predictor, (s, n)."""
    from scipy.stats import t

    found = []
    for residual, log_share, variance, degrees in _each(
        model, draws, data, _nodes(model, draws, data)
    ):
        share = np.exp(log_share - logsumexp(log_share, axis=1, keepdims=True))
        z = residual / np.sqrt(variance)[:, None]
        low, high = (
            (ndtr(z), ndtr(-z)) if degrees is None else (t.cdf(z, degrees), t.sf(z, degrees))
        )
        below, above = np.sum(share * low, axis=1), np.sum(share * high, axis=1)
        found.append(from_chances(below, above))
    return np.array(found)


def drawn_true(
    draws: xr.Dataset, x: np.ndarray, error: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """True predictors given what was measured of them, and the population: (s, n)."""
    mean, width = (draws[f"predictor_{name}"].values.reshape(-1, 1) for name in ("mean", "width"))
    gain = width**2 / (width**2 + error**2)
    centre = mean + gain * (x - mean)
    return np.asarray(centre + np.sqrt(gain) * error * rng.standard_normal(centre.shape))
