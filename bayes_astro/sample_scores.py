"""What samples of a prediction are worth, where the truth is known."""

from __future__ import annotations

import numpy as np

__all__ = ["NAMES", "of_each", "of_samples", "pooled"]

NAMES = ("crps", "rmse", "bias", "coverage_68", "coverage_95")
AT_ONCE = 10_000_000  # samples, some values at a time


def of_samples(samples: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Scores of samples (draws, values), where the truth is not nan."""
    return pooled([of_each(samples, truth)])


def of_each(samples: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Of every value whose truth is not nan: CRPS, error, whether within 68 and 95%; (4, values)."""
    measured = np.flatnonzero(~np.isnan(truth))  # several columns are scored one by one
    parts = []
    for at in np.array_split(measured, max(1, samples.shape[0] * len(measured) // AT_ONCE)):
        some, true = samples[:, at], truth[at]
        low95, low68, high68, high95 = np.quantile(some, [0.025, 0.16, 0.84, 0.975], axis=0)
        inside = [
            (true >= low) & (true <= high) for low, high in ((low68, high68), (low95, high95))
        ]
        parts.append([_crps(some, true), some.mean(axis=0) - true, *inside])
    return np.array([np.concatenate(x) for x in zip(*parts, strict=True)])


def pooled(parts: list[np.ndarray]) -> dict[str, float]:
    """Scores of all values together, from what `of_each` says of some of them at a time."""
    crps, error, within_68, within_95 = np.concatenate(parts, axis=1)
    scores = (crps.mean(), np.sqrt(np.mean(error**2)), error.mean(), within_68.mean())
    return dict(zip(NAMES, map(float, (*scores, within_95.mean())), strict=True))


def _crps(samples: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """CRPS of samples (draws, rows): mean of abs(X - y) less half of that of abs(X - X'), by sorting."""
    count = len(samples)
    ordered = np.sort(samples, axis=0)
    weight = 2 * np.arange(1, count + 1) - count - 1
    spread = (weight[:, None] * ordered).sum(axis=0) / (count * (count - 1))
    return np.mean(np.abs(samples - truth), axis=0) - spread
