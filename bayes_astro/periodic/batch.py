"""The periods of many light curves: a row each, in threads, and no trees on the way."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from scipy.stats import chi2

from bayes_astro import residuals
from bayes_astro.diagnostics import MISFIT
from bayes_astro.objects import QUANTILES, object_seed
from bayes_astro.periodic import harmonics, signals
from bayes_astro.periodic.periodogram_checks import CLOSE, LARGE, ONE, SPARE, parameters

__all__ = ["rows"]

PEAKS = 5
DRAWS = 1000  # of a row, where no sampler was given
SOME = 50  # draws whose residuals are looked at


def rows(model: Any, items: Any, sampler: Any, seed: int, stop: Any) -> list[dict[str, Any]] | None:
    """One row a light curve for `ba.fit_each`, until `stop`; None where the number of signals is open, or for another sampler.

    Threads go over light curves, never inside one.
    """
    from bayes_astro.densities import cores
    from bayes_astro.samplers import Exact

    if isinstance(model.n_signals, str) or not (sampler is None or isinstance(sampler, Exact)):
        return None
    draws = DRAWS if sampler is None else sampler.draws

    def one(item: tuple[str, Any]) -> dict[str, Any] | None:
        if stop:
            return None
        name, data = item
        began, own = time.perf_counter(), object_seed(seed, name)
        row: dict[str, Any] = {"name": name, "status": "ok", "error_type": "", "error": ""}
        row |= {"n_obs": len(data) if hasattr(data, "__len__") else 0, "seed": own}
        try:
            row |= _columns(model, data, draws, own)
        except Exception as error:  # the object's fault becomes its row, whatever it is
            text = str(error)[:200]
            row |= {"status": "failed", "error_type": type(error).__name__, "error": text}
        return row | {"ms": 1000 * (time.perf_counter() - began)}

    with ThreadPoolExecutor(cores()) as pool:
        return [row for row in pool.map(one, items) if row is not None]


def _columns(model: Any, data: Any, draws: int, seed: int) -> dict[str, Any]:
    """Quantiles, peaks, odds and notes of one light curve."""
    data = model._checked(data)
    priors = model.resolve_priors(data)
    problem = model.problem(data, priors)
    found, values = problem.search(draws, np.random.default_rng(seed))
    row: dict[str, Any] = {"rhat_max": np.nan, "ess_min": float(draws), "n_divergent": 0}
    named = problem.named(values)
    row |= _quantiles(named, problem.coords())
    if problem.signals > 1:
        tops = _tops(found)
        peaks = [peak for peak, _ in tops]
        row |= _peaks(peaks, [own for _, own in tops])
        counts = found.log_evidences
        row["log_bayes_factor_of_last"] = float(counts[-1] - counts[-2])
    else:
        peaks = found.modes()
        row |= _peaks(peaks, [found.frequency] * PEAKS)
    low, high = (float(edge) for edge in priors["frequency"].support)
    row["log_evidence"] = found.log_evidence
    row["log_bayes_factor"] = found.log_evidence - found.log_evidence_null
    if len(problem.numbers) > 1:
        row |= {
            f"probability[{n}]": float(p)
            for n, p in zip(problem.numbers, found.probability, strict=True)
        }
    # Of one harmonic that all bands share the density has the peak of the least squares, to a third of its width.
    same = problem.numbers == (1,) and not problem.owns and not problem.noises
    same &= problem.signals == 1
    near = found.grid[np.argpartition(-found.log_density, 2)[:3]] if same else None
    row["false_alarm_probability"] = harmonics.false_alarm_probability(
        data, low, high, int(model.trend), near
    )
    row["importance_efficiency"] = found.importance_efficiency
    row["notes"] = "; ".join(_notes(problem, values, peaks, (low, high)))
    return row


def _quantiles(named: dict[str, Any], coords: dict[str, Any]) -> dict[str, float]:
    """Of every scalar, as `ba.fit_each` names them."""
    labels, columns = [], []
    for name, (dims, array) in named.items():
        flat = np.reshape(array, (len(array), -1))
        for i, index in enumerate(np.ndindex(*array.shape[1:])):
            entry = ", ".join(str(coords[d][k]) for d, k in zip(dims, index, strict=True))
            labels.append(f"{name}[{entry}]" if index else name)
            column = flat[:, i].astype(float)
            if name == "phase":
                middle = np.angle(np.mean(np.exp(1j * column)))
                column = middle + np.angle(np.exp(1j * (column - middle)))
            columns.append(column)
    table = np.stack(columns, axis=1)
    levels = np.quantile(table, list(QUANTILES.values()), axis=0)
    means, sds = table.mean(axis=0), table.std(axis=0)
    row: dict[str, float] = {}
    for i, label in enumerate(labels):
        row[f"{label}_mean"], row[f"{label}_sd"] = means[i], sds[i]
        row |= {f"{label}_{suffix}": levels[k, i] for k, suffix in enumerate(QUANTILES)}
    return row


def _tops(found: Any) -> list[tuple[Any, np.ndarray]]:
    """The highest peak of each of several signals, and the draws of that signal."""
    from bayes_astro.periodic.frequency_modes import modes

    group = signals.density(found)
    draws, grid = signals.claimed(group, found.frequency), group["frequency"].values
    heights = group["log_density"].values
    return [
        (modes(grid, height, draws[:, s], found.timespan)[0], draws[:, s])
        for s, height in enumerate(heights)
    ]


def _peaks(peaks: list[Any], draws: list[np.ndarray]) -> dict[str, float]:
    """Period, its standard deviation and the share of the posterior of the most probable peaks, or signals."""
    row: dict[str, float] = {}
    for k in range(max(PEAKS, len(draws))):
        period = sd = mass = np.nan
        if k < len(peaks):
            peak = peaks[k]
            frequency = draws[k]
            inside = 1 / frequency[(frequency >= peak.low) & (frequency <= peak.high)]
            many = len(inside) > 1
            period = float(inside.mean()) if many else 1 / peak.frequency
            sd = float(inside.std()) if many else peak.sd / peak.frequency**2
            mass = peak.mass
        row |= {f"peak{k + 1}_period": period, f"peak{k + 1}_sd": sd, f"peak{k + 1}_mass": mass}
    row["n_peaks"] = float(sum(peak.mass >= 0.01 for peak in peaks))
    return row


def _notes(
    problem: Any, values: dict[str, Any], peaks: list[Any], searched: tuple[float, float]
) -> list[str]:
    """Names of the checks, of those that `diagnose` has, that a row can afford and that failed."""
    data, curve = problem.data, problem.curve
    found = []
    if not problem.noises:
        left = _residuals(problem, values)
        tail = float(np.mean(chi2.sf(np.sum(left**2, axis=1), left.shape[1])))
        if not MISFIT <= tail <= 1 - MISFIT:
            found.append("goodness of fit")
        found += [one.name for one in residuals.white(left, "") if one.passed is False]
    shapes = {name: array.shape[1:] for name, (_, array) in problem.named(values).items()}
    if len(data) < parameters(shapes) + SPARE:
        found.append("points for its parameters")
    several = problem.signals > 1
    if min(peak.mass for peak in (peaks if several else peaks[:1])) < ONE:
        found.append("one period")
    cycle, middle = 0.5 / curve.half, np.median(values["frequency"], axis=0)
    if not np.all((searched[0] + 0.5 * cycle < middle) & (middle < searched[1] - 0.5 * cycle)):
        found.append("period within the range")
    if several and np.min(np.diff(np.sort(middle))) < CLOSE * cycle:
        found.append("signals of their own")
    if "jitter" in values:
        size = np.sqrt(curve.each(np.mean, data.error**2))
        if np.any(np.median(values["jitter"], axis=0) > LARGE * size):
            found.append("jitter beside the errors")
    return found


def _residuals(problem: Any, values: dict[str, Any]) -> np.ndarray:
    """Standardised residuals of some draws (draw, row); as of `harmonics.standardised`, without a tree."""
    data, band, time = problem.data, problem.curve.band, problem.curve.time
    some = slice(None, None, max(1, len(values["frequency"]) // SOME))
    x = {name: array[some] for name, array in values.items()}

    def of_row(array: np.ndarray, several: bool) -> np.ndarray:
        return array[:, band] if several else array[:, None]

    several, own = problem.curve.several, bool(problem.owns)
    total = of_row(x["offset"], several) + np.zeros(len(time))
    shape = (len(x["frequency"]), problem.signals, problem.terms)
    waves = [x[name].reshape(shape) for name in ("cosine", "sine")]
    if own:
        parts = [x[f"own_{name}"] for name in ("cosine", "sine")]
        parts = [part.reshape(shape[0], -1, *shape[1:])[:, band] for part in parts]
    for s in range(problem.signals):
        angle = 2 * np.pi * x["frequency"].reshape(shape[:2])[:, s, None] * time
        for k in range(problem.terms):
            cosine, sine = (wave[:, s, k, None] for wave in waves)
            if own:
                cosine, sine = cosine + parts[0][:, :, s, k], sine + parts[1][:, :, s, k]
            total += cosine * np.cos((k + 1) * angle) + sine * np.sin((k + 1) * angle)
    for j in range(problem.orders):
        total += of_row(x["trend"][..., j], own) * time ** (j + 1)
    for j in range(problem.curve.columns.shape[1]):
        total += of_row(x["slope"][..., j], own) * problem.curve.columns[:, j]
    variance = data.error**2
    if "jitter" in x:
        variance = variance + of_row(x["jitter"], several) ** 2
    return (data.value - total) / np.sqrt(variance)
