"""Densities of measured and true values, draw by draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.data import Measurements
from bayes_astro.likelihoods.mixture import statistics
from bayes_astro.likelihoods.mixture_blocks import Blocks, lay_out
from bayes_astro.mixtures.mixture import Mixture
from bayes_astro.priors import recorded

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["fast_log_density", "log_densities", "log_density", "measured_log_density"]


def fast_log_density(mixture: Mixture, points: np.ndarray) -> np.ndarray:
    """`Mixture.log_density` for many draws and few points, by batched factors: (s, m)."""
    from scipy.special import logsumexp

    d = points.shape[1]
    factor = np.linalg.cholesky(mixture.covariance)
    residual = points[None, None] - mixture.mean[:, :, None]
    z = np.linalg.solve(factor, np.swapaxes(residual, -1, -2))
    log_det = 2 * np.log(np.diagonal(factor, axis1=2, axis2=3)).sum(-1)
    each = -0.5 * (np.sum(z**2, axis=2) + log_det[..., None] + d * np.log(2 * np.pi))
    with np.errstate(divide="ignore"):
        return logsumexp(each + np.log(mixture.weight)[..., None], axis=1)


def scaled_draws(draws: xr.Dataset, shift: np.ndarray, scale: np.ndarray) -> Any:
    """Parameters of every draw in the frame: an iterator of (weight, mean, covariance, uniform)."""
    mixture = Mixture.of(draws)
    uniform = (
        draws["background"].values.ravel()
        if "background" in draws
        else np.zeros(len(mixture.weight))
    )
    outer = np.outer(scale, scale)
    for s in range(len(mixture.weight)):
        yield (
            np.ascontiguousarray(mixture.weight[s]),
            np.ascontiguousarray((mixture.mean[s] - shift) / scale),
            np.ascontiguousarray(mixture.covariance[s] / outer),
            float(uniform[s]),
        )


def frame_of(model: Any, data: Measurements) -> tuple[np.ndarray, np.ndarray]:
    """Shift and scale of a fitted model's coordinates, or of one that is to be fitted to `data`."""
    if model._tree is None:
        return model.frame(data, model.resolve_priors(data))
    return model.frame(model.data, recorded(model))


def measured_log_density(
    draws: xr.Dataset, points: Blocks, shift: np.ndarray, scale: np.ndarray
) -> np.ndarray:
    """Log density of every measurement, laid out in a frame, for every draw: (draws, n)."""
    return np.array([of_one(points, *one) for one in scaled_draws(draws, shift, scale)])


def of_one(
    points: Blocks, weight: np.ndarray, mean: np.ndarray, covariance: np.ndarray, uniform: float
) -> np.ndarray:
    """Log density of every measurement under one mixture of the frame: (n,), by row."""
    densities, found = np.empty((2, points.n))
    statistics(points, weight, mean, covariance, uniform, densities=densities, moments=False)
    found[points.order] = densities
    return found + points.jacobian


def log_densities(
    model: Any, draws: xr.Dataset, data: Measurements, frame: Any = None
) -> np.ndarray:
    """The same for the data of a deconvolution: (draws, n)."""
    shift, scale = frame_of(model, data) if frame is None else frame
    return measured_log_density(draws, model.blocks(data, shift, scale), shift, scale)


def log_density(model: Any, at: Any, errors: Any, draws: int | None) -> xr.Dataset:
    """See `ExtremeDeconvolution.log_density`."""
    import xarray as xr
    from scipy.special import logsumexp

    thinned = model.thinned(draws)
    if isinstance(at, Measurements):
        if errors is not None:
            raise ValueError("errors: these measurements bring their own.")
        values = log_densities(model, thinned, model.checked_columns(at))
    else:
        names = thinned["dimension"].values.tolist()
        x = np.asarray(at, dtype=float)
        x = x[:, None] if x.ndim == 1 and len(names) == 1 else np.atleast_2d(x)
        if errors is None:
            if x.shape[1] != len(names) or not np.isfinite(x).all():
                raise ValueError(
                    f"at: expected finite points of shape (m, {len(names)}): {', '.join(names)}."
                )
            values = fast_log_density(Mixture.of(thinned), x)
            if "background" in thinned:
                raise ValueError(
                    "a uniform background is one of measured values: give Measurements, whose "
                    "density includes it."
                )
        else:
            noise = np.asarray(errors, dtype=float)
            if noise.ndim == 3:
                data = Measurements(x, covariance=noise, names=names)
            else:
                data = Measurements(x, noise, names=names)
            points = lay_out(
                data.value, data.covariance, shift=np.zeros(len(names)), scale=np.ones(len(names))
            )
            values = np.empty((thinned.sizes["chain"] * thinned.sizes["draw"], len(x)))
            densities = np.empty(len(x))
            zero, one = np.zeros(len(names)), np.ones(len(names))
            for s, (weight, mean, covariance, _) in enumerate(scaled_draws(thinned, zero, one)):
                statistics(points, weight, mean, covariance, densities=densities, moments=False)
                values[s, points.order] = densities
    shape = (thinned.sizes["chain"], thinned.sizes["draw"], values.shape[1])
    band = np.quantile(values, [0.025, 0.16, 0.84, 0.975], axis=0)
    return xr.Dataset(
        {
            "log_density": (("chain", "draw", "row"), values.reshape(shape)),
            "mean": ("row", logsumexp(values, axis=0) - np.log(len(values))),
        }
        | {
            name: ("row", row)
            for name, row in zip(("q025", "q16", "q84", "q975"), band, strict=True)
        }
    )
