"""Whether errors of spectra are what they say: their size, by spectrum too, and noise that is there twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from bayes_astro import stated_errors
from bayes_astro.diagnostics import Check
from bayes_astro.spectra.coefficients import Frame, Pixels, packed, unpacked
from bayes_astro.spectra.expectation import climb
from bayes_astro.spectra.problem import FactorsProblem

__all__ = ["LISTED", "errors", "height", "listed", "names_of", "repeated", "weighty"]

STEPS = 20
FEWER = 2.0  # by which logarithms of floors are lowered, since from large ones they fall slowly
FEW = 200  # pixels that stand for all
COMMON, SAME = 20, 0.05  # pixels of two spectra; mean square of their difference in their errors
HEAVY = 0.5  # share of one spectrum in the components' regressions
MUCH = 20.0  # nats that larger errors of such a spectrum gain
LISTED = 5


def names_of(data: Any) -> np.ndarray:
    """Those given, or rows."""
    return (
        data.names if data.names is not None else np.array([f"row {i}" for i in range(len(data))])
    )


def listed(names: Any) -> str:
    """The first of them, and how many more."""
    names = [str(name) for name in names]
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def height(model: Any, data: Any) -> Callable[[Any], float]:
    """How high the density climbs from the maximum with errors times a factor (by spectrum and pixel)."""
    settled = model.settle(model.data, None, False)[0]
    draws = model.posterior["posterior"].to_dataset()
    settled = settled.copy(n_factors=draws.sizes["factor"], robust="degrees_of_freedom" in draws)
    priors = settled.resolve_priors(data)
    start = FactorsProblem(settled, data, priors, settled.n_factors)
    best = start.climbed(np.random.default_rng(3))

    def climbs(factor: Any) -> float:
        problem = FactorsProblem(
            settled, data.replace(error=factor * data.error), priors, settled.n_factors
        )

        def from_floors(lowered: float) -> float:
            return climb(
                problem.pixels,
                replace(best, theta=best.theta - lowered),
                problem.floor,
                problem.shapes,
                problem._penalty(),
                steps=STEPS,
                tolerance=0.02 * _grown(data),
            ).value

        value = from_floors(0.0)
        if np.max(factor) >= 1:
            return max(value, from_floors(FEWER)) if problem.floor.nodes else value
        # Maxima prefer small errors: components follow noise, and so does the floor of each pixel.
        free = problem.pixels.p * (1 + settled.n_factors)
        return value + free * float(np.log(factor)) - 0.5 * problem.floor.nodes

    return climbs


def errors(climbs: Callable[[Any], float], data: Any) -> list[Check]:
    """Whether other multiples of the stated errors explain the spectra better."""
    if not np.nanmax(data.error) > 0:
        return [
            Check(
                "errors as stated", None, 0.0,
                "no errors are stated: what is inferred is the same for all spectra, the good and the poor",
                "errors above zero",
            )
        ]  # fmt: skip
    return stated_errors.judged(
        climbs,
        stated_errors.FACTORS,
        "every interval",
        most=_grown(data),
    )


def _grown(data: Any) -> float:
    """Nats that matter: a gain that many pixels add up to may be one that changes nothing."""
    return max(stated_errors.GAIN, 1e-3 * float((~data.missing).sum()))


def weighty(
    climbs: Callable[[Any], float], data: Any, pixels: Pixels, frame: Frame, z: np.ndarray,
    names: np.ndarray,
) -> list[Check]:  # fmt: skip
    """Whether a spectrum to which the components are bent has errors that the others contradict."""
    if not np.nanmax(data.error) > 0:
        return []
    some = slice(None, None, max(1, pixels.p // FEW))
    each = _shares(pixels, frame, z, some)
    share = np.nanmean(each, axis=1)
    heavy = [i for i in np.argsort(-share)[:3] if share[i] > HEAVY]
    gains = {}
    for i in heavy:
        found = []
        for factor in (3.0, 10.0):
            other = np.ones((len(data), 1))
            other[i] = factor
            # Maxima prefer errors with which components follow the row: what those are worth as volumes.
            odds = each[i] / (1 - each[i])
            square, floor = pixels.variance[i, some], frame.floor[some]
            with np.errstate(invalid="ignore"):
                less = (square + floor) / (factor**2 * square + floor)
                volume = 0.5 * np.nanmean(np.log1p(odds) - np.log1p(odds * less))
            count = np.isfinite(pixels.variance[i]).sum()
            found.append(climbs(other) + float(volume * count))
        gains[i] = max(found) - climbs(1.0)
    wrong = [i for i in heavy if gains[i] > MUCH]
    return [
        Check(
            "weight of one spectrum",
            not wrong,
            float(max([0.0, *gains.values()])),
            f"{listed(names[wrong])}: components follow every pixel of it, as its errors demand, and the others "
            "are better explained where they are 3 or 10 times those stated: correct its errors, or leave it out",
            f"nats that larger errors of one spectrum gain, below {MUCH:g}",
        )
    ]


def _shares(pixels: Pixels, frame: Frame, z: np.ndarray, some: slice) -> np.ndarray:
    """Leverage of spectra in the regressions of mean and components, (n, some pixels); nan in gaps."""
    weight = 1 / (pixels.variance + frame.floor)[:, some]
    design = np.column_stack([np.ones(pixels.n), z])
    size = design.shape[1]
    rows, columns = packed(size)
    squares = design[:, rows] * design[:, columns]
    matrix = unpacked(weight.T @ squares, size)
    matrix = matrix + 1e-9 * np.trace(matrix, axis1=1, axis2=2)[:, None, None] * np.eye(size)
    twice = np.where(rows == columns, 1.0, 2.0)
    inverse = np.linalg.inv(matrix)[:, rows, columns] * twice
    share = weight * (squares @ inverse.T)
    return np.where(weight > 0, np.minimum(share, 1 - 1e-9), np.nan)


def repeated(whole: Any, data: Any) -> Check:
    """Whether noise itself is repeated: the same rows, or the same exposures anew."""
    seen: dict[int, int] = {}
    pairs = set()
    for i, row in enumerate(whole.flux):
        first = seen.setdefault(hash(np.nan_to_num(row).tobytes()), i)
        if first != i and np.array_equal(row, whole.flux[first], equal_nan=True):
            pairs.add((first, i))
    repeats, n, names = len(pairs), len(whole), names_of(whole)
    if not pairs and np.nanmax(data.error) > 0:
        names, n, pairs = names_of(data), len(data), _alike(data)
        repeats = len({second for _, second in pairs})
    which = listed([f"{names[second]} is {names[first]}" for first, second in sorted(pairs)])
    return Check(
        "repeated spectra",
        True if not repeats else (None if repeats <= max(1, 0.05 * n) else False),
        repeats / n,
        f"{repeats} of {n} spectra repeat another, noise and all ({which}), and count twice: intervals are too "
        "narrow; leave them out",
        "no spectrum twice",
    )


def _alike(data: Any) -> set[tuple[int, int]]:
    """Pairs whose difference is far less than their errors allow."""
    some = slice(None, None, max(1, data.flux.shape[1] // FEW))
    flux, square = data.flux[:, some], data.error[:, some] ** 2
    found = set()
    for i in range(len(flux) - 1):
        apart = (flux[i + 1 :] - flux[i]) ** 2 / (square[i + 1 :] + square[i])
        count = np.isfinite(apart).sum(axis=1)
        same = (count >= COMMON) & (np.nansum(apart, axis=1) < SAME * count)
        found |= {(i, int(j)) for j in i + 1 + np.flatnonzero(same)}
    return found
