"""What the residuals of a series say about its model: are they white and normal?

Every check has a limit of one in a thousand under the right model, averaged over posterior draws as in
`diagnostics.goodness_of_fit`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.diagnostics import MISFIT, Check

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["autocorrelation", "normal", "of_draws", "power_about", "some", "white"]


def some(model: Any, draws: int = 100) -> xr.Dataset:
    """About so many posterior draws, those of `of_draws` in its order."""
    posterior = model.posterior["posterior"].to_dataset()
    every = max(1, posterior.sizes["chain"] * posterior.sizes["draw"] // draws)
    return posterior.isel(draw=slice(None, None, every))


def of_draws(model: Any, draws: int = 100) -> np.ndarray:
    """Standardised residuals of the fitted rows, of `some` posterior draws: (draw, row)."""
    found = model.normal_residuals(some(model, draws), model.data)
    return found.reshape(-1, found.shape[-1])


def autocorrelation(rows: np.ndarray, lags: int) -> np.ndarray:
    """Autocorrelation of residuals at lags of 1, 2, ... rows: (draw, lag)."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    total = np.sum(centred**2, axis=1)
    return np.stack(
        [np.sum(centred[:, k:] * centred[:, :-k], axis=1) / total for k in range(1, lags + 1)],
        axis=1,
    )


def power_about(rows: np.ndarray, time: np.ndarray, frequency: np.ndarray, near: int) -> float:
    """Power of residuals (draw, row) about each draw's frequency; 1 of unit white noise.

    At whole cycles of the time span to both sides, from two to `near`: not at the frequency itself, where
    the signal was taken out.
    """
    steps = np.concatenate([np.arange(-near, -1), np.arange(2, near + 1)]) / np.ptp(time)
    powers = []
    for middle, row in zip(frequency, rows, strict=True):
        at = middle + steps
        wave = np.exp(2j * np.pi * at[at > 0, None] * time)
        powers.append(np.mean(np.abs(wave @ row) ** 2) / len(time))
    return float(np.mean(powers))


def white(rows: np.ndarray, advice: str) -> list[Check]:
    """Ljung & Box (1978): no correlation of residuals with those some rows later."""
    from scipy.stats import chi2

    n = rows.shape[1]
    lags = int(min(10, n // 5))
    if lags < 1:
        return []
    rho = autocorrelation(rows, lags)
    statistic = n * (n + 2) * np.sum(rho**2 / (n - np.arange(1, lags + 1)), axis=1)
    tail = float(np.mean(chi2.sf(statistic, lags)))
    limit = f"Ljung-Box tail probability at least {MISFIT:g}"
    return [Check("white residuals", tail >= MISFIT, tail, advice, limit)]


def normal(rows: np.ndarray, advice: str) -> Check:
    """Kolmogorov & Smirnov: residuals are unit normals."""
    from scipy.stats import kstest, norm

    uniform = float(np.mean([kstest(norm.cdf(row), "uniform").pvalue for row in rows]))
    limit = f"PIT K-S probability at least {MISFIT:g}"
    return Check("normal residuals", True if uniform >= MISFIT else None, uniform, advice, limit)
