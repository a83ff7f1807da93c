"""What the residuals of a series say about its model: are they white, normal, without a drift?

Every check has a limit of one in a thousand under the right model, averaged over posterior draws as in
`diagnostics.goodness_of_fit`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.diagnostics import MISFIT, Check

__all__ = ["autocorrelation", "drift", "normal", "of_draws", "white"]


def of_draws(model: Any, draws: int = 100) -> np.ndarray:
    """Standardised residuals of the fitted rows, of about so many posterior draws: (draw, row)."""
    posterior = model.posterior["posterior"].to_dataset()
    every = max(1, posterior.sizes["chain"] * posterior.sizes["draw"] // draws)
    found = model.normal_residuals(posterior.isel(draw=slice(None, None, every)), model.data)
    return found.reshape(-1, found.shape[-1])


def autocorrelation(rows: np.ndarray, lags: int) -> np.ndarray:
    """Autocorrelation of residuals at lags of 1, 2, ... rows: (draw, lag)."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    total = np.sum(centred**2, axis=1)
    return np.stack(
        [np.sum(centred[:, k:] * centred[:, :-k], axis=1) / total for k in range(1, lags + 1)],
        axis=1,
    )


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


def drift(rows: np.ndarray, time: np.ndarray, advice: str) -> Check:
    """Chi-square of the residuals' projection on a line and a parabola in time."""
    from scipy.stats import chi2

    x = (time - time.mean()) / max(float(np.std(time)), 1e-300)
    basis = np.linalg.qr(np.stack([np.ones_like(x), x, x**2], axis=1))[0][:, 1:]
    tail = float(np.mean(chi2.sf(np.sum((rows @ basis) ** 2, axis=1), basis.shape[1])))
    limit = f"tail probability at least {MISFIT:g}"
    return Check("no drift", tail >= MISFIT, tail, advice, limit)
