"""What a periodogram in noise that is not white says of rows: residuals, densities, predictions.

Rows are whitened with the Cholesky factor of their covariance, in the order of time: what is left of a row is
its residual from the prediction by those before it. Draws that share hyperparameters share the factor.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from bayes_astro.data import LightCurve
from bayes_astro.data.curve import Curve
from bayes_astro.draws import by_row
from bayes_astro.periodic import harmonics, noises

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["forecast", "log_density", "replicate", "standardised"]


class _Rows:
    """Rows by time from the epoch, band and squared error."""

    def __init__(self, time: np.ndarray, band: np.ndarray, square: np.ndarray) -> None:
        self.lag = np.abs(time[:, None] - time)
        self.band, self.square = band, square


def _groups(
    model: Any, draws: xr.Dataset, rows: _Rows, units: tuple[str, str]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Chain and draw numbers (m, 2) that share a covariance, and the covariance."""
    kernels = [kernel and kernel.in_units(*units) for _, kernel in noises.options(model.noise)]
    shape = (draws.sizes["chain"], draws.sizes["draw"])
    kind = draws["noise"].values if "noise" in draws else np.zeros(shape, dtype=int)
    own = [
        [name for name, _ in one.variables() if name in draws] if one is not None else []
        for one in kernels
    ]
    jitter = (
        draws["jitter"].values.reshape(*shape, -1) if "jitter" in draws else np.zeros((*shape, 0))
    )
    found: dict[tuple[float, ...], list[tuple[int, int]]] = {}
    for chain, draw in np.ndindex(*shape):
        k = int(kind[chain, draw])
        values = [float(draws[name].values[chain, draw]) for name in own[k]]
        key = (k, *values, *map(float, jitter[chain, draw]))
        found.setdefault(key, []).append((chain, draw))
    for (which, *values), members in found.items():
        kernel, names = kernels[int(which)], own[int(which)]
        matrix = noises.covariance(
            kernel, names, jitter.shape[-1], np.array(values), rows.lag, rows.square, rows.band
        )
        yield np.array(members), matrix


def _units(data: LightCurve) -> tuple[str, str]:
    return str(data.time_unit), data.value_unit or ""


def _same(fitted: LightCurve, data: LightCurve) -> bool:
    """Whether the rows are those that were fitted: a model may hold a copy."""
    columns = ("time", "value", "error")
    return data is fitted or (
        np.array_equal(Curve.of(fitted).band, Curve.of(fitted).numbers(data))
        and all(np.array_equal(getattr(fitted, name), getattr(data, name)) for name in columns)
    )


def _white(
    model: Any, draws: xr.Dataset, fitted: LightCurve, data: LightCurve
) -> tuple[np.ndarray, np.ndarray]:
    """Standardised residuals of the rows of `data`, and the log of what they were divided by.

    Given those before them; where `data` are others than the fitted, given all of these, too.
    """
    curve = Curve.of(fitted)
    same = _same(fitted, data)
    first, parts = (0, [data]) if same else (len(fitted), [fitted, data])
    time = np.concatenate([one.time for one in parts]) - curve.epoch
    band = np.concatenate([curve.numbers(one) for one in parts])
    error = np.concatenate([one.error for one in parts])
    value = np.concatenate([one.value for one in parts])
    columns = np.concatenate([curve.beside(one, len(one)) for one in parts])
    residual = value - harmonics.signal(draws, time, band, columns)
    out, scale = np.empty_like(residual), np.empty_like(residual)
    for members, matrix in _groups(model, draws, _Rows(time, band, error**2), _units(fitted)):
        factor = cholesky(matrix, lower=True, check_finite=False)
        at = tuple(members.T)
        out[at] = solve_triangular(factor, residual[at].T, lower=True, check_finite=False).T
        scale[at] = np.log(np.diag(factor))
    return out[..., first:], scale[..., first:]


def standardised(model: Any, draws: xr.Dataset, fitted: LightCurve, data: LightCurve) -> np.ndarray:
    """Residuals over their standard deviation, given the rows before: (chain, draw, row)."""
    return _white(model, draws, fitted, data)[0]


def log_density(
    model: Any, draws: xr.Dataset, fitted: LightCurve, data: LightCurve
) -> xr.DataArray:
    """Log density of every row given those before it: their sum is joint."""
    z, scale = _white(model, draws, fitted, data)
    return by_row(draws, -0.5 * z**2 - scale - 0.5 * np.log(2 * np.pi))


def replicate(
    model: Any, draws: xr.Dataset, design: LightCurve, rng: np.random.Generator
) -> np.ndarray:
    """New light curves from the parameters alone: (chain, draw, row)."""
    curve = Curve.of(design)
    found = harmonics.signal(draws, curve.time, curve.band, curve.columns)
    rows = _Rows(curve.time, curve.band, design.error**2)
    for members, matrix in _groups(model, draws, rows, _units(design)):
        factor = cholesky(matrix, lower=True, check_finite=False)
        at = tuple(members.T)
        found[at] += rng.standard_normal(found[at].shape) @ factor.T
    return found


def forecast(
    model: Any, draws: xr.Dataset, data: LightCurve, at: Any, rng: np.random.Generator
) -> xr.Dataset:
    """Signal, and new observations of the same star: signal, noise process given the data, and error."""
    import xarray as xr

    curve = Curve.of(data)
    time, error, band = curve.asked(at)
    n = len(data)
    every = np.concatenate([curve.time, time - curve.epoch])
    bands = np.concatenate([curve.band, band])
    columns = np.concatenate([curve.columns, curve.beside(at, len(time))])
    signal = harmonics.signal(draws, every, bands, columns)
    residual = data.value - signal[..., :n]
    observed = signal[..., n:].copy()
    square = np.concatenate([data.error**2, error**2])
    for members, matrix in _groups(model, draws, _Rows(every, bands, square), _units(data)):
        factor = cholesky(matrix, lower=True, check_finite=False)
        where = tuple(members.T)
        z = solve_triangular(factor[:n, :n], residual[where].T, lower=True, check_finite=False)
        new = rng.standard_normal((len(members), len(time)))
        observed[where] += z.T @ factor[n:, :n].T + new @ factor[n:, n:].T
    dims, unit = ("chain", "draw", "row"), {"units": data.value_unit or ""}
    found: dict[str, Any] = {
        "signal": (dims, signal[..., n:], unit),
        "observation": (dims, observed, unit),
        "time": ("row", time, {"units": data.time_unit}),
    }
    if curve.several:
        found["band"] = ("row", np.asarray(curve.bands)[band])
    coords = {name: draws[name] for name in ("chain", "draw") if name in draws.coords}
    return xr.Dataset(found, coords)
