"""What residuals say about a model: are they white and normal, and the same for all rows?

Every check has a limit of one in a thousand under the right model, averaged over posterior draws as in
`diagnostics.goodness_of_fit`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.diagnostics import MISFIT, Check, few

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "against",
    "autocorrelation",
    "distribution",
    "from_chances",
    "no_period",
    "normal",
    "of_draws",
    "one_row",
    "power_about",
    "some",
    "white",
    "with_sign",
]

HEAVY = 1e-6  # probability of so heavy tails
SHAPE = 0.03  # the error of a distribution function that is no matter
NOTED = 0.003  # probability below which a curve against a predictor is a note
LEAST = 0.1  # relative range of errors that can be told apart
SURELY = 1e-6  # probability below which errors that go with residuals are a failure
MUCH, ALL = 0.3, 0.9  # share of the weight in one row: a note, and a failure
SMALLEST = 1e-300  # chance whose normal score is a number
FEW = 20  # rows from which tails and periods can be tested


def some(model: Any, draws: int = 100) -> xr.Dataset:
    """About so many posterior draws, those of `of_draws` in its order."""
    posterior = model.posterior["posterior"].to_dataset()
    return few(posterior, max(1, draws // posterior.sizes["chain"]), len(model.data))


def of_draws(model: Any, draws: int = 100) -> np.ndarray:
    """Standardised residuals of the fitted rows, of `some` posterior draws: (draw, row)."""
    found = model.normal_residuals(some(model, draws), model.data)
    return found.reshape(-1, found.shape[-1])


def from_chances(below: np.ndarray, above: np.ndarray) -> np.ndarray:
    """Normal scores of the chances of less and of more, exact in both tails."""
    from scipy.special import ndtri

    low, high = ndtri(np.maximum(below, SMALLEST)), -ndtri(np.maximum(above, SMALLEST))
    return np.where(below < 0.5, low, high)


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


def normal(rows: np.ndarray, advice: str, heavy: float = HEAVY) -> Check:
    """Residuals are unit normals: Kolmogorov & Smirnov, and their kurtosis (Anscombe & Glynn 1983).

    A note, and a failure where the tails are so heavy, less probable than `heavy`, that single rows
    decide.
    """
    from scipy.stats import kstest, kurtosistest, norm

    shape = float(np.mean([kstest(norm.cdf(row), "uniform").pvalue for row in rows]))
    tails = 1.0
    if rows.shape[1] >= FEW:
        tails = float(np.mean(kurtosistest(rows, axis=1, alternative="greater").pvalue))
    least = min(1.0, 2 * min(shape, tails))
    limit = f"probability of K-S and kurtosis tests at least {MISFIT:g}"
    verdict = True if least >= MISFIT else (False if tails < heavy else None)
    return Check("normal residuals", verdict, least, advice, limit)


def no_period(rows: np.ndarray, time: np.ndarray, advice: str) -> list[Check]:
    """Lomb & Scargle: no periodic signal is left, up to the mean Nyquist frequency."""
    from astropy.timeseries import LombScargle

    n, span = len(time), float(np.ptp(time))
    if n < FEW or span <= 0:
        return []
    search = LombScargle(time, rows.mean(axis=0))
    frequency = np.linspace(0.5 / span, 0.5 * n / span, max(5 * n, 100))
    power = search.power(frequency, assume_regular_frequency=True)
    best = int(np.argmax(power))
    tail = float(search.false_alarm_probability(power[best], maximum_frequency=frequency[-1]))
    return [
        Check(
            "no period in the residuals",
            tail >= MISFIT,
            tail,
            f"a period of {1 / frequency[best]:.4g} is left: {advice}",
            f"false-alarm probability at least {MISFIT:g}",
        )
    ]


def against(rows: np.ndarray, columns: dict[str, np.ndarray], advice: str) -> list[Check]:
    """No curve is left against any predictor: F test of a parabola and a cubic in its ranks."""
    from scipy.stats import f, norm, rankdata

    residual, tails = rows.mean(axis=0), {}
    for name, values in columns.items():
        known = np.isfinite(values)
        n = int(known.sum())
        if n < FEW or np.ptp(values[known]) == 0:
            continue
        score = norm.ppf(rankdata(values[known]) / (n + 1))
        powers = np.vander(score, 4, increasing=True)
        left = [
            np.sum((residual[known] - part @ np.linalg.lstsq(part, residual[known])[0]) ** 2)
            for part in (powers[:, :2], powers)
        ]
        gain = (left[0] - left[1]) / 2 / (left[1] / (n - 4))
        tails[name] = float(f.sf(gain, 2, n - 4))
    if not tails:
        return []
    name = min(tails, key=lambda key: tails[key])
    tail = min(1.0, len(tails) * tails[name])
    limit = f"probability of F tests at least {NOTED:g}"
    text = f"the residuals bend against {name}: {advice}"
    verdict = True if tail >= NOTED else (False if tail < MISFIT else None)
    return [Check("residuals against predictors", verdict, tail, text, limit)]


def distribution(
    uniform: np.ndarray, names: Sequence[str], advice: str, *, fails: bool = True
) -> Check:
    """Columns (row, column) are uniform: K-S, skewness and kurtosis tests of each.

    Parameters
    ----------
    uniform : array (row, column)
        Distribution functions at the measurements, nan where there is none.
    names : sequence of str
    advice : str
    fails : bool
        Whether a large difference is a failure, not a note.
    """
    from scipy.stats import kstest, kurtosistest, norm, skewtest

    found = []
    for name, column in zip(names, uniform.T, strict=True):
        known = column[~np.isnan(column)]
        test = kstest(known, "uniform")
        tails = [float(test.pvalue)]
        if len(known) >= FEW:
            score = norm.ppf(np.clip(known, 1e-12, 1 - 1e-12))
            tails += [float(t(score).pvalue) for t in (skewtest, kurtosistest)]
        found.append((len(tails) * min(tails), float(test.statistic), name))
    least, error, name = min(found)
    tail = min(1.0, len(found) * least)
    return Check(
        "distribution of each column",
        True if tail >= MISFIT else (None if error < SHAPE or not fails else False),
        tail,
        f"the distribution of {name} is off by {error:.2g}: {advice}",
        f"probability of K-S, skewness and kurtosis tests at least {MISFIT:g}",
    )


def with_sign(rows: np.ndarray, error: np.ndarray, *, fails: bool = False) -> list[Check]:
    """Residuals of one sign where errors are large, as where errors come from the observed values."""
    from scipy.stats import spearmanr

    if len(error) < FEW or np.ptp(error) < LEAST * np.median(error):
        return []
    test = spearmanr(rows.mean(axis=0), error)
    side = "above" if test.statistic > 0 else "below"
    verdict: bool | None = True if test.pvalue >= MISFIT else None
    return [
        Check(
            "errors beside residuals",
            False if fails and test.pvalue < SURELY else verdict,
            float(test.pvalue),
            f"rows with large errors lie {side} the model: errors that were computed from the observed values "
            "give more weight to what scattered to one side, and bias the fit; compute them from expected "
            "values (of the model, or smoothed)",
            f"rank correlation of residuals with errors: probability at least {MISFIT:g}",
        )
    ]


def one_row(error: np.ndarray, remedy: str) -> Check:
    """Whether one row holds much of the weight of all."""
    weight = np.asarray(error, dtype=float) ** -2.0
    row = int(np.argmax(weight))
    share = float(weight[row] / weight.sum())
    few = len(error) < FEW // 2
    return Check(
        "no row decides",
        True if share <= MUCH or few else (False if share > ALL else None),
        share,
        f"row {row}, with error {float(np.asarray(error)[row]):.3g}, holds {share:.1%} of the weight of all "
        f"{len(error)}: is its error right? {remedy}",
        f"share of one row at most {MUCH:g}",
    )
