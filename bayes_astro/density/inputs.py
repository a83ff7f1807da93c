"""Measurements as the mixture reads them: names, scaled frame, blocks, fixed parameters."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.data import Measurements
from bayes_astro.data.columns import refuse_collinear
from bayes_astro.likelihoods.mixture_blocks import Blocks, lay_out
from bayes_astro.mixtures.coordinates import Layout
from bayes_astro.priors import Prior

__all__ = ["blocks", "dimensions", "layout", "scaled_frame", "true_size", "uniform_width"]


def true_size(data: Measurements) -> int:
    """Number of true quantities: of columns, or what the projection takes."""
    return data.d if data.projection is None else int(data.projection.shape[2])


def dimensions(data: Measurements, given: tuple[str, ...] | None) -> tuple[str, ...]:
    """Names of the true quantities."""
    if given is not None:
        return tuple(given)
    if data.projection is None:
        return data.names
    return tuple(f"v{i}" for i in range(true_size(data)))


def scaled_frame(data: Measurements) -> tuple[np.ndarray, np.ndarray]:
    """Shift and scale of each true quantity, of the order of its mean and spread.

    Medians and half of the central 68%; under a projection the least-squares mean and the root
    mean square about it. Only the conditioning of the numbers depends on them.
    """
    if data.projection is None:
        low, shift, high = np.nanquantile(data.value, [0.16, 0.5, 0.84], axis=0)
        scale = (high - low) / 2
        spread = np.nanstd(data.value, axis=0)
        error = np.sqrt(np.nanmean(data.error**2, axis=0))
        scale = np.where(scale > 1e-6 * spread, scale, np.maximum(spread, error))
        return shift, np.where(scale > 0, scale, 1.0)
    measured = ~np.isnan(data.value)
    rows, values = data.projection[measured], data.value[measured]
    shift, *_ = np.linalg.lstsq(rows, values)
    residual = values - rows @ shift
    size = np.sqrt(np.mean(rows**2, axis=0))
    width = float(np.sqrt(np.mean(residual**2)))
    scale = np.full(rows.shape[1], width if width > 0 else 1.0)
    return shift, scale / np.where(size > 0, size * np.sqrt(rows.shape[1]), 1.0)


def uniform_width(data: Measurements) -> np.ndarray:
    """Width of the range of each column, in which a uniform component spreads its points."""
    return np.nanmax(data.value, axis=0) - np.nanmin(data.value, axis=0)


def blocks(
    data: Measurements, shift: np.ndarray, scale: np.ndarray, width: np.ndarray | None
) -> Blocks:
    """The points laid out for the kernel."""
    return lay_out(
        data.value,
        data.covariance,
        data.projection,
        data.weight,
        shift=shift,
        scale=scale,
        background=width,
    )


def _rows(given: Any, components: int, shape: tuple[int, ...], name: str) -> np.ndarray:
    """One entry a component, None or nan where free, as an array of nan where free."""
    found = np.full((components, *shape), np.nan)
    if given is None:
        return found
    if not isinstance(given, list | tuple | np.ndarray) or len(given) != components:
        raise ValueError(
            f"fixed[{name!r}] needs one entry for each of the {components} components "
            f"(None where free), got {given!r:.80}."
        )
    for k, entry in enumerate(given):
        if entry is None:
            continue
        try:
            array = np.asarray(entry, dtype=float)
        except (TypeError, ValueError):
            array = np.empty(0)
        if array.size and np.isnan(array).all():
            continue
        if array.shape != shape or not np.isfinite(array).all():
            raise ValueError(
                f"fixed[{name!r}], component {k}: expected finite numbers of shape {shape}, "
                f"got {entry!r:.80}."
            )
        found[k] = array
    return found


def layout(
    fixed: dict[str, Any] | None,
    components: int,
    shift: np.ndarray,
    scale: np.ndarray,
    background: str | None,
    priors: dict[str, Prior] | None = None,
) -> Layout:
    """What is free, in scaled coordinates.

    A broad background is one more component, at `shift`: two and a half times as wide as the prior of
    the means, which by default is five times the width of the data; without priors five times `scale`.
    """
    fixed = fixed or {}
    d = len(shift)
    weight = _rows(fixed.get("weight"), components, (), "weight")
    mean = _rows(fixed.get("mean"), components, (d,), "mean")
    covariance = _rows(fixed.get("covariance"), components, (d, d), "covariance")
    for k in np.flatnonzero(~np.isnan(covariance[:, 0, 0])):
        one = covariance[k]
        scaled = one / np.sqrt(np.abs(np.outer(np.diag(one), np.diag(one))) + 1e-300)
        if not np.allclose(one, one.T, rtol=1e-8) or np.linalg.eigvalsh(scaled)[0] <= 0:
            raise ValueError(
                f"fixed['covariance'], component {k}, is not symmetric and positive definite."
            )
    if np.any(weight < 0) or np.nansum(weight) > 1 + 1e-12:
        raise ValueError("fixed['weight']: weights are >= 0 and their sum is at most 1.")
    extra = background is not None
    free = np.isnan(weight).sum() + extra
    if (free == 0) != (abs(np.nansum(weight) - 1) < 1e-9):
        raise ValueError(
            "fixed['weight']: fixed weights sum to 1 if none is free, and to less than 1 otherwise."
        )
    mean = (mean - shift) / scale
    covariance = covariance / np.outer(scale, scale)
    if extra:
        weight = np.append(weight, np.nan)
    if background == "broad":
        mean = np.append(mean, np.zeros((1, d)), axis=0)
        wide = np.full(d, 5.0)
        if priors:
            wide = 2.5 * np.asarray(priors["mean"].arguments["sigma"], dtype=float) / scale
        covariance = np.append(covariance, np.diag(wide**2)[None], axis=0)
    return Layout(weight, mean, covariance, uniform=background == "uniform")


def check_columns(data: Measurements, background: str | None, *, collinear: bool) -> None:
    """Raise ValueError for columns without a density; `collinear` ones may be allowed."""
    if data.projection is None and not collinear:
        refuse_collinear(data.value[~data.missing.any(axis=1)], data.names)
    for j, name in enumerate(data.names):
        column = data.value[:, j]
        if np.isnan(column).all():
            raise ValueError(
                f"column {name!r} is missing in every row: leave it out with data.select(...)."
            )
        if np.nanmax(column) == np.nanmin(column) and not np.nanmax(data.error[:, j]) > 0:
            raise ValueError(
                f"column {name!r} is constant ({np.nanmax(column):g}) and without errors: it "
                "has no density. Leave it out with data.select(...)."
            )
        if background == "uniform" and np.nanmax(column) == np.nanmin(column):
            raise ValueError(
                f"column {name!r} is constant ({np.nanmax(column):g}): background='uniform' has "
                "no range there. Use 'broad', or leave the column out with data.select(...)."
            )


def check_projection(data: Measurements, background: str | None) -> None:
    """Raise ValueError for true quantities that no row sees."""
    d = true_size(data)
    if data.projection is not None:
        seen = data.projection[~data.missing]
        if np.linalg.matrix_rank(seen.T @ seen) < d:
            raise ValueError(
                "projection: the rows together do not see every direction of the "
                f"{d} true quantities; leave the unseen ones out."
            )
        if background == "uniform":
            raise ValueError("background='uniform' has no range under a projection: use 'broad'.")
