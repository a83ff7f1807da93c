"""Is a Gaussian process the right one: what its one-step-ahead residuals and its prior say."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.diagnostics import MISFIT, Check, goodness_of_fit

__all__ = ["autocorrelation", "checks", "residuals"]

TENTH = 0.1  # of the time span: longer damping times are not measured (Kozlowski 2017)


def residuals(model: Any, draws: int = 100) -> np.ndarray:
    """Standardised one-step-ahead residuals in order of time: (draw, row)."""
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


def checks(model: Any) -> list[Check]:
    """Chi-square, whiteness (Ljung & Box 1978) and normality of the residuals; the prior's part."""
    from scipy.stats import chi2, kstest, norm

    found = [goodness_of_fit(model, "try another kernel, or outliers=True")]
    rows = residuals(model)
    n = rows.shape[1]
    lags = int(min(10, n // 5))
    if lags >= 1:
        rho = autocorrelation(rows, lags)
        statistic = n * (n + 2) * np.sum(rho**2 / (n - np.arange(1, lags + 1)), axis=1)
        tail = float(np.mean(chi2.sf(statistic, lags)))
        found.append(
            Check(
                "white residuals",
                tail >= MISFIT,
                tail,
                "the one-step-ahead residuals are correlated: the kernel misses a timescale; add a "
                "term or try another",
                f"Ljung-Box tail probability at least {MISFIT:g}",
            )
        )
    uniform = float(np.mean([kstest(norm.cdf(row), "uniform").pvalue for row in rows]))
    found.append(
        Check(
            "normal residuals",
            True if uniform >= MISFIT else None,
            uniform,
            "the one-step-ahead residuals are not normal: look at plot('residuals'), and consider "
            "outliers=True",
            f"PIT K-S probability at least {MISFIT:g}",
        )
    )
    return found + _constrained(model)


def _constrained(model: Any) -> list[Check]:
    """A note for every timescale that the light curve is too short to measure."""
    span = float(np.ptp(model.data.time))
    posterior = model.posterior["posterior"]
    found = []
    for name, (leaf, parameter) in model.kernel.variables():
        if leaf.parameters()[parameter] != "timescale" or name not in posterior:
            continue
        values = posterior[name].values.ravel()
        share = float(np.median(values)) / span
        upper = float(np.quantile(values, 0.84)) / span
        long = upper > 1 or share > 3 * TENTH
        advice = (
            f"{name} is not constrained by this light curve: the prior decides its upper end; quote "
            "a lower limit"
            if long
            else f"{name} is above a tenth of the time span: it depends on the prior, and point "
            "estimates are biased (Kozlowski 2017)"
        )
        found.append(
            Check(
                f"{name} constrained",
                True if share <= TENTH and not long else None,
                share,
                advice,
                "median at most a tenth of the time span",
            )
        )
    return found
