"""New rows from draws of a line: responses at predictors, predictors at responses, whole samples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from bayes_astro.regression import joint_errors
from bayes_astro.regression.inputs import MISSING, Rows
from bayes_astro.regression.predictive import Line, each

if TYPE_CHECKING:
    import xarray as xr

    from bayes_astro.regression.selection import Selection

__all__ = ["draw_predictors", "draw_responses", "simulate"]

TRIES, AT_ONCE = 1000, 2_000_000


class Lines(NamedTuple):
    """Some draws at once; components that a draw lacks have no weight."""

    slope: np.ndarray  # (s, p)
    centre: np.ndarray  # (s,)
    whole: np.ndarray  # (s, p)
    log_weight: np.ndarray  # (s, c)
    mean: np.ndarray  # (s, c, d)
    matrix: np.ndarray  # (s, c, d, d)


def _some(draws: xr.Dataset, rows: int) -> Iterator[Lines]:
    """All draws, so many at once that what is drawn fits into little memory."""
    held: list[Line] = []
    count = max(1, AT_ONCE // max(1, rows * draws.sizes["predictor"]))
    for one in each(draws):
        held.append(one)
        if len(held) == count:
            yield _joined(held)
            held = []
    if held:
        yield _joined(held)


def _joined(lines: list[Line]) -> Lines:
    many, d = max(len(one.log_weight) for one in lines), lines[0].mean.shape[1]
    log_weight = np.full((len(lines), many), -np.inf)
    mean, matrix = np.zeros((len(lines), many, d)), np.zeros((len(lines), many, d, d))
    for s, one in enumerate(lines):
        own = len(one.log_weight)
        log_weight[s, :own], mean[s, :own], matrix[s, :own] = one.log_weight, one.mean, one.matrix
    return Lines(
        np.array([one.slope for one in lines]),
        np.array([one.centre for one in lines]),
        np.array([one.whole for one in lines]),
        log_weight,
        mean,
        matrix,
    )


def draw_true(lines: Lines, rows: Rows, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """True and observed predictors and responses (s, n, d) given what was measured of each row.

    A component is drawn with the probability that the measured entries give it, an observed entry within
    its limit from a truncated normal; then all is Gaussian (`likelihoods.relation_draws`). Rows whose measured entries
    have joint errors are drawn together.
    """
    from bayes_astro.likelihoods.relation_draws import chosen, conditioned

    seen = np.abs(rows.kind) < MISSING
    together = any(seen[:, j].any() for j, _ in rows.joint)
    (n, d), count = rows.value.shape, len(lines.centre)
    which, centre, variance = chosen(*lines[3:], *rows[:3], rng.uniform(size=(count, n)))
    value = np.broadcast_to(rows.value, (count, n, d)).copy()
    bound = np.abs(rows.kind) == 1
    for i, j in np.argwhere(bound):
        side, sd = -rows.kind[i, j], np.sqrt(variance[:, i])
        inside = ndtr(side * (rows.value[i, j] - centre[:, i]) / sd)
        drawn = ndtri(np.maximum(rng.uniform(size=count) * inside, 1e-300))
        value[:, i, j] = centre[:, i] + side * sd * drawn
    normal = rng.standard_normal((count, n, d))
    error = joint_errors.errors(rows, count, rng)
    known = np.zeros_like(seen) if together else seen
    true, observed = conditioned(
        which, lines.mean, lines.matrix, value, rows.covariance, known, normal, error
    )
    if together:
        for s in range(count):
            true[s], observed[s] = joint_errors.drawn(lines.matrix[s, 0], rows, true[s], error[s])
    return true, observed


def draw_responses(
    draws: xr.Dataset, rows: Rows, rng: np.random.Generator, selection: Selection | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The line and a new response at every (measured) predictor, both (s, n).

    With a selection, responses are drawn again until they are in the sample.
    """
    kind = rows.kind.copy()
    kind[:, -1] = MISSING
    rows = rows._replace(kind=kind)
    signal, response = [], []
    for lines in _some(draws, len(rows.value)):
        true, observed = draw_true(lines, rows, rng)
        if selection is not None:
            wanted = ~_taken(observed[..., -1], selection, rng)
            for _ in range(TRIES):
                again = np.flatnonzero(wanted.any(axis=0))
                if not len(again):
                    break
                new, seen = draw_true(lines, rows.some(again), rng)
                use = wanted[:, again]
                true[:, again] = np.where(use[..., None], new, true[:, again])
                observed[:, again] = np.where(use[..., None], seen, observed[:, again])
                wanted[:, again] = use & ~_taken(observed[:, again, -1], selection, rng)
        away = true[..., :-1] - lines.whole[:, None]
        signal.append(lines.centre[:, None] + np.einsum("snp,sp->sn", away, lines.slope))
        response.append(observed[..., -1])
    return np.concatenate(signal), np.concatenate(response)


def draw_predictors(draws: xr.Dataset, rows: Rows, rng: np.random.Generator) -> np.ndarray:
    """True predictors given all that was measured, (s, n, p)."""
    return np.concatenate(
        [draw_true(lines, rows, rng)[0][..., :-1] for lines in _some(draws, len(rows.value))]
    )


def _taken(y: np.ndarray, selection: Selection, rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(size=y.shape) < selection.chance(y)


def simulate(
    draw: xr.Dataset, rows: Rows, selection: Selection | None, rng: np.random.Generator
) -> np.ndarray:
    """Observed predictors and response (n, d) of a new sample of the same errors, for a single draw."""
    (lines,) = _some(draw, len(rows.value))
    blank = rows._replace(kind=np.full_like(rows.kind, MISSING))
    observed = draw_true(lines, blank, rng)[1][0]
    if selection is None:
        return observed
    wanted = ~_taken(observed[:, -1], selection, rng)
    for _ in range(TRIES):
        if not wanted.any():
            return observed
        observed[wanted] = draw_true(lines, blank.some(wanted), rng)[1][0]
        wanted[wanted] = ~_taken(observed[wanted, -1], selection, rng)
    raise ValueError(
        f"simulate: of {TRIES} objects for a row none was selected: these parameters make a sample that "
        "the selection hardly lets through. Give a narrower prior, or another selection."
    )
