"""Curves, residuals and new responses of a relation at posterior draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.data import Measurements
from bayes_astro.regression import relation_inputs, unsure_predictor
from bayes_astro.regression.mean_values import curves
from bayes_astro.regression.point_errors import PointErrors
from bayes_astro.regression.unsure_predictor import drawn_true, unsure

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["at_true", "goodness", "log_densities", "noise", "residuals", "scores"]

TRIES = 100


def _flat(draws: xr.Dataset, name: str) -> np.ndarray | None:
    """Values of a number (s,); None where it is not there."""
    return np.asarray(draws[name].values, dtype=float).ravel() if name in draws else None


def at_true(
    model: Any, draws: xr.Dataset, data: Measurements, at: Any, columns: dict[str, np.ndarray],
    rng: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    """The mean function at predictors, of one with errors at draws of its true values: (s, m)."""
    name = unsure(data, model.response) if "predictor_mean" in draws else None
    if not (name and isinstance(at, Measurements) and at.error[:, at.index(name)].any()):
        return curves(model, draws, columns)
    error = at.error[:, at.index(name)]

    def drawn() -> np.ndarray:
        true = drawn_true(draws, columns[name], error, rng)
        return curves(model, draws, columns | {name: true})

    found = drawn()
    for _ in range(TRIES):  # true values at which the curve has no value are none
        if np.isfinite(found).all():
            break
        found = np.where(np.isfinite(found), found, drawn())
    return found


def residuals(model: Any, draws: xr.Dataset, data: Measurements) -> np.ndarray:
    """Responses less the curve: (s, n)."""
    columns = relation_inputs.columns_at(data, model.response, data)
    return np.asarray(data.column(model.response) - curves(model, draws, columns))


def log_densities(model: Any, draws: xr.Dataset, data: Measurements) -> np.ndarray:
    """Of each row given those before it: (s, n)."""
    rows, scatter = residuals(model, draws, data), _flat(draws, "scatter")
    errors = PointErrors(data, model.response)
    if not model.robust:
        return errors.log_densities(rows, scatter)
    from scipy.stats import t

    nu, width = _tails(draws, errors, scatter)
    return np.asarray(t.logpdf(rows / width, nu) - np.log(width))


def scores(model: Any, draws: xr.Dataset, data: Measurements) -> np.ndarray:
    """Residuals as unit normals: (s, n)."""
    rows, scatter = residuals(model, draws, data), _flat(draws, "scatter")
    errors = PointErrors(data, model.response)
    if not model.robust:
        return errors.scores(rows, scatter)
    from scipy.special import ndtri
    from scipy.stats import t

    nu, width = _tails(draws, errors, scatter)
    far = t.sf(np.abs(rows) / width, nu)
    return np.asarray(-np.sign(rows) * ndtri(np.maximum(far, 1e-300)))


def _tails(
    draws: xr.Dataset, errors: PointErrors, scatter: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Degrees of freedom (s, 1) and scales (s, n)."""
    nu = _flat(draws, "degrees_of_freedom")
    assert nu is not None
    square = np.zeros((len(nu), 1)) if scatter is None else scatter[:, None] ** 2
    return nu[:, None], np.sqrt(errors.variance + square)


def noise(
    model: Any, draws: xr.Dataset, at: Any, shape: tuple[int, ...], rng: np.random.Generator
) -> np.ndarray:
    """Scatter, and the errors of a table that states them: (s, m)."""
    s, m = shape
    scatter = _flat(draws, "scatter")
    stated = isinstance(at, Measurements) and model.response in at.names
    if stated:
        errors = PointErrors(at, model.response)
        # A response that was not measured has no error either.
        errors.variance = np.nan_to_num(errors.variance)
        if not model.robust:
            return errors.draw((s, m), scatter, rng)
        nu, width = _tails(draws, errors, scatter)
    else:
        width = np.zeros((s, m)) if scatter is None else np.repeat(scatter[:, None], m, axis=1)
        if not model.robust:
            return np.asarray(width * rng.standard_normal((s, m)))
        nu = _flat(draws, "degrees_of_freedom")[:, None]  # type: ignore[index]
    return np.asarray(width * rng.standard_t(np.broadcast_to(nu, (s, m))))


def goodness(model: Any, draws: xr.Dataset, data: Measurements) -> xr.Dataset:
    """Chi-square at the mean of the draws, with the errors (and the scatter) that the model has."""
    import xarray as xr

    middle = draws.mean(("chain", "draw")).expand_dims(("chain", "draw"))
    if "predictor_mean" in draws:
        square = float(np.sum(unsure_predictor.scores(model, middle, data) ** 2))
        return xr.Dataset({"chi_square": square, "rows": len(data)})
    scatter, errors = _flat(middle, "scatter"), PointErrors(data, model.response)
    floor = 0.0 if scatter is None else float(scatter[0]) ** 2
    white = errors.whitened(residuals(model, middle, data)[0], floor)
    return xr.Dataset({"chi_square": float(np.sum(white**2)), "rows": len(data)})
