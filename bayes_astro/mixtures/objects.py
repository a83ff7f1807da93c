"""From parameters and draws to results, as plain functions: searches, densities, single objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.data import Measurements
from bayes_astro.likelihoods.mixture_blocks import measured_frame, with_values
from bayes_astro.likelihoods.mixture_objects import conditionals
from bayes_astro.mixtures.log_densities import frame_of, of_one, scaled_draws
from bayes_astro.mixtures.mixture import Mixture, covariance_factor

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

TRIALS = 400  # draws whose weights judge a Laplace approximation
REPLICAS = 999
TAIL = 0.002
MOST = 2e9  # bytes of predictions
AT_ONCE = 4e8  # bytes of the conditional densities of each object, of one draw

__all__ = ["forecast", "relabelled", "replicate", "unusual"]


def _noise_factor(data: Measurements) -> np.ndarray:
    """A factor of each row's covariance, (n, columns, columns); zero where nothing was measured."""
    return covariance_factor(np.nan_to_num(data.covariance) + 0.0)


def _noise(
    data: Measurements, factor: np.ndarray, draws: int, rng: np.random.Generator
) -> np.ndarray:
    """Errors of new measurements, (draws, n, columns); nan where nothing was measured."""
    noise = np.einsum("nij,snj->sni", factor, rng.standard_normal((draws, *data.value.shape)))
    noise[:, data.missing] = np.nan
    return noise


def _seen(data: Measurements, true: np.ndarray) -> np.ndarray:
    """R v of every object, (draws, n, columns)."""
    if data.projection is None:
        return true
    return np.einsum("nij,snj->sni", data.projection, true)


def replicate(
    mixture: Mixture,
    uniform: np.ndarray | None,
    design: Measurements,
    fitted: Measurements,
    rng: np.random.Generator,
    factor: np.ndarray | None = None,
) -> np.ndarray:
    """Measurements of new objects on a design, one set a draw: (draws, n, columns).

    ``factor`` is the `_noise_factor` of the design, for callers who ask many times.
    """
    factor = _noise_factor(design) if factor is None else factor
    draws, n = len(mixture.weight), len(design)
    whole = mixture.weight.sum(axis=1, keepdims=True)
    whole = np.where(whole > 0, whole, 1.0)
    part = Mixture(mixture.weight / whole, mixture.mean, mixture.covariance, mixture.names)
    values = _seen(design, part.sample(n, int(rng.integers(2**31))))
    values = values + _noise(design, factor, draws, rng)
    if uniform is not None:
        low, high = np.nanmin(fitted.value, axis=0), np.nanmax(fitted.value, axis=0)
        other = rng.uniform(low, high, (draws, *design.value.shape))
        other[:, design.missing] = np.nan
        chosen = rng.uniform(size=(draws, n)) < uniform[:, None]
        values = np.where(chosen[..., None], other, values)
    return values


def _of_the_background(fitted: Measurements, at: Measurements) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the true value of an object that belongs to none.

    All that is known is its measurement; of a missing column the range.
    """
    low, high = np.nanmin(fitted.value, axis=0), np.nanmax(fitted.value, axis=0)
    centre = np.where(at.missing, (low + high) / 2, at.value)
    covariance = np.nan_to_num(at.covariance)
    rows, columns = np.nonzero(at.missing)
    covariance[rows, columns, columns] = (high - low)[columns] ** 2 / 12
    return centre, covariance


def forecast(model: Any, draws: xr.Dataset, at: Any, rng: np.random.Generator) -> xr.Dataset:
    """See `ExtremeDeconvolution.forecast`."""
    import xarray as xr

    at = model.checked_columns(at)
    n, d = len(at), draws.sizes["dimension"]
    chains, each = draws.sizes["chain"], draws.sizes["draw"]
    components = draws.sizes["component"]
    size = 8.0 * n * (chains * each * (d + at.d + components) + d + d * d)
    if size > MOST:
        fewer = int(chains * each * MOST / size)
        remedy = f"use predict(at, draws={fewer}), or fewer rows" if fewer else "give fewer rows"
        raise ValueError(
            f"predictions of {n} rows for {chains * each} draws take {size / 1e9:.1f} GB: {remedy}."
        )
    signal, observation = (np.empty((chains * each, n, k)) for k in (d, at.d))
    share = np.empty((chains * each, n, components))
    centre, spread = np.empty((n, d)), np.empty((n, d, d))
    step = max(1, int(AT_ONCE / (8 * 3 * components * d * d)))
    for low in range(0, n, step):
        rows = slice(low, low + step)
        part = at if step >= n else at[rows]
        centre[rows], spread[rows] = _predict(
            model, draws, part, rng, signal[:, rows], observation[:, rows], share[:, rows]
        )
    shape = (chains, each)
    lead = ("chain", "draw", "row")
    return xr.Dataset(
        {
            "signal": ((*lead, "dimension"), signal.reshape(*shape, n, d)),
            "observation": ((*lead, "column"), observation.reshape(*shape, n, at.d)),
            "responsibility": ((*lead, "component"), share.reshape(*shape, n, components)),
            "conditional_mean": (("row", "dimension"), centre),
            "conditional_covariance": (("row", "dimension", "dimension_2"), spread),
        },
        {
            "dimension": draws["dimension"].values,
            "dimension_2": draws["dimension"].values,
            "column": list(at.names),
            "component": draws["component"].values,
        },
    )


def _predict(
    model: Any,
    draws: xr.Dataset,
    at: Measurements,
    rng: np.random.Generator,
    signal: np.ndarray,
    observation: np.ndarray,
    share: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Fill the arrays (draws, n, ...) of true values, measurements and responsibilities.

    Returns
    -------
    mean, covariance : arrays (n, d) and (n, d, d)
        Of the true values over all draws.
    """
    shift, scale = frame_of(model, at)
    points = model.blocks(at, shift, scale)
    n, d, components = len(at), len(shift), share.shape[2]
    first, second = np.zeros((n, d)), np.zeros((n, d, d))
    rows = np.arange(n)
    for s, (weight, mean, covariance, uniform) in enumerate(scaled_draws(draws, shift, scale)):
        log_share, centre, spread, log_uniform = conditionals(
            *points.arrays(), weight, mean, covariance, uniform
        )
        top = np.maximum(log_share.max(axis=1), log_uniform)
        part = np.exp(log_share - top[:, None])
        whole = part.sum(axis=1) + np.exp(log_uniform - top)
        chosen = (rng.uniform(size=(n, 1)) * whole[:, None] > np.cumsum(part, axis=1)).sum(axis=1)
        in_none = chosen == components
        chosen = np.minimum(chosen, components - 1)
        values, vectors = np.linalg.eigh(spread[rows, chosen])
        unit = rng.standard_normal((n, d)) * np.sqrt(np.maximum(values, 0.0))
        true = centre[rows, chosen] + np.einsum("nij,nj->ni", vectors, unit)
        part /= whole[:, None]
        mean_of = np.einsum("nk,nki->ni", part, centre)
        second_of = np.einsum("nk,nkij->nij", part, spread)
        second_of += np.einsum("nk,nki,nkj->nij", part, centre, centre)
        if uniform > 0:
            centre_of, noise_of = _of_the_background(model.data, at)
            measured = (centre_of[points.order] - shift) / scale
            own = noise_of[points.order] / np.outer(scale, scale)
            unit = rng.standard_normal((n, d, 1))
            other = measured + (covariance_factor(own) @ unit)[..., 0]
            true = np.where(in_none[:, None], other, true)
            rest = (1 - part.sum(axis=1))[:, None]
            mean_of += rest * measured
            second_of += rest[:, :, None] * (own + np.einsum("ni,nj->nij", measured, measured))
        signal[s, points.order] = shift + scale * true
        share[s, points.order] = part
        first[points.order] += mean_of
        second[points.order] += second_of
    first, second = first / len(signal), second / len(signal)
    second = (second - np.einsum("ni,nj->nij", first, first)) * np.outer(scale, scale)
    factor = _noise_factor(at)
    for s in range(len(signal)):
        observation[s] = _seen(at, signal[s : s + 1])[0] + _noise(at, factor, 1, rng)[0]
    return shift + scale * first, second


def unusual(model: Any, data: Measurements | None, seed: int) -> pd.DataFrame:
    """See `ExtremeDeconvolution.unusual`."""
    import pandas as pd
    from scipy.special import logsumexp

    fitted = model.data  # which makes them anew from the file's arrays at every call
    data = fitted if data is None else model.checked_columns(data)
    thinned = model.thinned(100)
    shift, scale = frame_of(model, data)
    points = model.blocks(data, shift, scale)
    centre, width = measured_frame(data.value, data.projection, shift, scale)
    factor = _noise_factor(data)
    scaled = list(scaled_draws(thinned, shift, scale))
    own = np.array([of_one(points, *draw) for draw in scaled])
    evidence = logsumexp(own, axis=0) - np.log(len(own))
    rng = np.random.default_rng(seed)
    below = np.zeros(len(data))
    mixture = Mixture.of(thinned)
    uniform = thinned["background"].values.ravel() if "background" in thinned else None
    for s in rng.integers(len(own), size=REPLICAS):
        one = Mixture(
            mixture.weight[[s]], mixture.mean[[s]], mixture.covariance[[s]], mixture.names
        )
        weight = None if uniform is None else uniform[[s]]
        new = replicate(one, weight, data, fitted, rng, factor)[0]
        points = with_values(points, (new - centre) / width)
        below += of_one(points, *scaled[s]) <= own[s]
    tail = (below + 1) / (REPLICAS + 1)
    return pd.DataFrame(
        {"log_evidence": evidence, "tail_probability": tail, "unusual": tail <= TAIL}
    )


def relabelled(draws: xr.Dataset) -> xr.Dataset:
    """See `ExtremeDeconvolution.relabel`."""
    from scipy.optimize import linear_sum_assignment

    lead = ("chain", "draw", "component")
    kept = draws[["weight", "mean", "covariance"]].transpose(*lead, ...)
    weight, mean, covariance = (kept[name].values.copy() for name in kept.data_vars)
    chains, each = weight.shape[:2]
    # The reference is the draw nearest to the middle of what does not depend on labels.
    total = draws["total_mean"].values.reshape(chains * each, -1)
    spread = total.std(axis=0) + 1e-300
    middle = np.argmin(np.sum(((total - np.median(total, axis=0)) / spread) ** 2, axis=1))
    at = np.unravel_index(middle, (chains, each))
    reference, widths = mean[at], covariance[at]
    precision = np.linalg.inv(widths)
    for c in range(chains):
        for s in range(each):
            offset = mean[c, s][None] - reference[:, None]
            cost = np.einsum("kli,kij,klj->kl", precision, offset, offset)
            _, order = linear_sum_assignment(np.log1p(cost))
            weight[c, s], mean[c, s] = weight[c, s][order], mean[c, s][order]
            covariance[c, s] = covariance[c, s][order]
    return kept.assign(
        weight=(kept["weight"].dims, weight),
        mean=(kept["mean"].dims, mean),
        covariance=(kept["covariance"].dims, covariance),
    )
