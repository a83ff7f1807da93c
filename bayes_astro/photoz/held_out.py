"""Are densities of redshift calibrated on objects that did not train?

The density goes on climbing from where it is on four fifths of the objects, and the rest are judged, in
turn where there are few: the probability below the known redshift (PIT) is uniform where p(z) is
calibrated, and central intervals cover what they say (Dawid 1984). Where there are draws of a
posterior, and where a model has few parameters, the objects that trained are judged themselves.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.diagnostics import MISFIT, Check
from bayes_astro.mixtures import log_densities
from bayes_astro.mixtures.climbs import stacked
from bayes_astro.mixtures.coordinates import Parameters
from bayes_astro.mixtures.expectation import climb
from bayes_astro.photoz import training
from bayes_astro.priors import recorded

__all__ = ["calibrated", "pit_of_others", "some"]

FEWEST, MOST, PARTS, FITS, STEPS = 50, 2000, 5, 3, 60
"""Objects to judge by, at least and at most; parts; fits of an ensemble that climb; steps of each."""
FAILED = {0.68: 0.06, 0.95: 0.03}
NOTED = {0.68: 0.03, 0.95: 0.015}
"""Errors of a coverage, beyond three of its standard deviations."""


def pit_of_others(model: Any) -> np.ndarray:
    """PIT of objects with a redshift, by mixtures that climb without them: (objects,).

    Of all objects in five parts, or of every fifth where there are many.
    """
    data = training.with_redshift(model.data)
    order = np.random.default_rng(5).permutation(len(data))
    parts = np.array_split(order, PARTS)
    if len(data) > MOST:
        parts = [order[: min(MOST, len(data) // PARTS)]]
    return np.concatenate([_of_part(model, data, np.sort(part)) for part in parts])


def _of_part(model: Any, data: Any, part: np.ndarray) -> np.ndarray:
    others, rest = data[part], data[np.setdiff1d(np.arange(len(data)), part)]
    draws = model.posterior["posterior"].to_dataset().isel(chain=0)
    kept = np.unique(np.linspace(0, draws.sizes["draw"] - 1, FITS).astype(int))
    problem = model.assume(rest).problem(rest, recorded(model))
    points = problem.deconvolution()
    found = []
    for one in kept:
        draw = draws.isel(draw=[one]).expand_dims("chain")
        start = next(log_densities.scaled_draws(draw, problem.shift, problem.scale))
        tolerance = max(0.05, 1e-3 * len(rest))
        found.append(climb(points, Parameters(*start), tolerance=tolerance, max_steps=STEPS))
    posterior = problem.draws(stacked([run.parameters for run in found]))
    posterior = posterior.expand_dims("chain").rename(sample="draw")
    _, below = model._density(posterior, rest).at(others, model.responses(others))
    return below.mean(axis=0)


def some(data: Any) -> Any:
    """At most so many of the objects."""
    return data if len(data) <= MOST else data[np.linspace(0, len(data) - 1, MOST).astype(int)]


def calibrated(pit: np.ndarray, remedy: str) -> list[Check]:
    """Coverage of central intervals, and the distance of the PIT from uniform."""
    from scipy.stats import kstest

    n = len(pit)
    if n < FEWEST:
        return []
    test = kstest(pit, "uniform")
    off, worst = {}, 0.68
    for level in FAILED:
        covered = float(np.mean(np.abs(pit - 0.5) < level / 2))
        off[level] = covered - level
        if abs(off[level]) / FAILED[level] > abs(off[worst]) / FAILED[worst]:
            worst = level
    noise = {level: 3 * np.sqrt(level * (1 - level) / n) for level in off}
    bad, poor = (
        any(abs(off[level]) > limit[level] + noise[level] for level in off)
        for limit in (FAILED, NOTED)
    )
    far = test.statistic - 1.95 / np.sqrt(n)
    bad |= far > FAILED[0.68]
    poor |= bool(far > NOTED[0.68] and test.pvalue < MISFIT)
    shift = float(np.mean(pit) - 0.5) * np.sqrt(12 * n)
    kind = "too narrow" if off[worst] < 0 else "too wide"
    if abs(shift) > 3 * abs(off[worst]) / noise[worst]:
        kind = "too low" if shift > 0 else "too high"
    covers = ", ".join(f"{level:.0%} intervals hold {level + o:.1%}" for level, o in off.items())
    return [
        Check(
            "calibration of redshifts",
            False if bad else (None if poor else True),
            float(test.statistic),
            f"densities are {kind}: {covers} of {n} known redshifts; {remedy}",
            f"K-S distance of the PIT, and coverage to {FAILED[0.68]:g} and {FAILED[0.95]:g}",
        )
    ]
