"""What samples of a prediction are worth, where the truth is known."""

from __future__ import annotations

import numpy as np

__all__ = ["NAMES", "of_samples"]

NAMES = ("crps", "rmse", "bias", "coverage_68", "coverage_95")
AT_ONCE = 10_000_000  # samples


def of_samples(samples: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Scores of samples (draws, values), where the truth is not nan, some values at a time."""
    measured = np.flatnonzero(~np.isnan(truth))  # several columns are scored one by one
    parts = []
    for at in np.array_split(measured, max(1, samples.shape[0] * len(measured) // AT_ONCE)):
        some, true = samples[:, at], truth[at]
        low95, low68, high68, high95 = np.quantile(some, [0.025, 0.16, 0.84, 0.975], axis=0)
        error = some.mean(axis=0) - true
        inside = [
            (true >= low) & (true <= high) for low, high in ((low68, high68), (low95, high95))
        ]
        parts.append([_crps(some, true), error**2, error, *inside])
    crps, square, bias, *coverage = (
        float(np.mean(np.concatenate(x))) for x in zip(*parts, strict=True)
    )
    found = {"crps": crps, "rmse": float(np.sqrt(square)), "bias": bias}
    return found | {"coverage_68": coverage[0], "coverage_95": coverage[1]}


def _crps(samples: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """CRPS of samples (draws, rows): mean of abs(X - y) less half of that of abs(X - X'), by sorting."""
    count = len(samples)
    ordered = np.sort(samples, axis=0)
    weight = 2 * np.arange(1, count + 1) - count - 1
    spread = (weight[:, None] * ordered).sum(axis=0) / (count * (count - 1))
    return np.mean(np.abs(samples - truth), axis=0) - spread
