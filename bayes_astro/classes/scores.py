r"""What probabilities of classes are worth, where the classes are known.

With p_ic the probability of class c for object i and t_i its class,

.. code-block:: text

    log score          = mean_i log p_i,t                                             (higher is better)
    Brier              = mean_i sum_c (p_ic - [c = t_i])^2                            (lower is better)
    calibration error  = sum_b n_b / n |mean_b [c = t_i] - mean_b p_ic|, of all p_ic in ten bins b
    AUC of c           = probability that an object of class c has a larger p_ic than one of another
    temperature T      : p^(1/T), normalised, has the best log score; 1 where calibrated, above 1 where
                         probabilities are too sure
"""

from __future__ import annotations

import numpy as np

__all__ = ["area_under_curve", "calibration_error", "class_scores", "reliability", "temperature"]

BINS = 10
SMALLEST = 1e-300


def class_scores(probability: np.ndarray, codes: np.ndarray, names: list[str]) -> dict[str, float]:
    """Scores of probabilities (n, class) on objects whose classes are `codes`.

    Returns
    -------
    dict
        ``accuracy`` of the most probable class, ``brier``, ``calibration_error``, and ``auc_NAME`` of each
        class that is there.
    """
    truth = np.eye(len(names))[codes]
    found = {
        "accuracy": float(np.mean(probability.argmax(axis=1) == codes)),
        "brier": float(np.mean(np.sum((probability - truth) ** 2, axis=1))),
        "calibration_error": calibration_error(probability, codes),
    }
    for c, name in enumerate(names):
        if 0 < truth[:, c].sum() < len(codes):
            found[f"auc_{name}"] = area_under_curve(probability[:, c], truth[:, c] > 0)
    return found


def reliability(
    probability: np.ndarray, truth: np.ndarray, bins: int = BINS
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean probability, fraction that is true and number of the objects in each bin that has some."""
    at = np.clip((probability * bins).astype(int), 0, bins - 1)
    count = np.bincount(at, minlength=bins)
    some = count > 0
    said = np.bincount(at, probability, bins)[some] / count[some]
    true = np.bincount(at, truth, bins)[some] / count[some]
    return said, true, count[some]


def calibration_error(probability: np.ndarray, codes: np.ndarray) -> float:
    """Of all probabilities (n, class) together."""
    truth = np.eye(probability.shape[1])[codes]
    said, true, count = reliability(probability.ravel(), truth.ravel())
    return float(np.sum(count * np.abs(said - true)) / count.sum())


def area_under_curve(score: np.ndarray, truth: np.ndarray) -> float:
    """Of the receiver operating characteristic, ties counted by half."""
    from scipy.stats import rankdata

    ranks, positive = rankdata(score), int(truth.sum())
    negative = len(truth) - positive
    return float((ranks[truth].sum() - positive * (positive + 1) / 2) / (positive * negative))


def temperature(probability: np.ndarray, codes: np.ndarray) -> tuple[float, float]:
    """log T and its standard error, of probabilities (n, class)."""
    from scipy.optimize import minimize_scalar

    logs = np.log(np.maximum(probability, SMALLEST))
    rows = np.arange(len(codes))

    def loss(log_t: float) -> float:
        scaled = logs * np.exp(-log_t)
        top = scaled.max(axis=1)
        whole = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
        return float(np.sum(whole - scaled[rows, codes]))

    best = float(minimize_scalar(loss, bounds=(-3.0, 3.0), method="bounded").x)
    step = 0.05
    bend = (loss(best + step) - 2 * loss(best) + loss(best - step)) / step**2
    return best, float(1 / np.sqrt(max(bend, 1e-12)))
