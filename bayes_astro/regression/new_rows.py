"""New rows from draws of a line: responses at predictors, predictors at responses, whole samples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from bayes_astro.regression import joint_errors
from bayes_astro.regression.predictive import Line, each
from bayes_astro.regression.predictor_population import square_roots
from bayes_astro.regression.rows import MISSING, Parts, Rows

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

    parts = rows.parts
    seen = np.abs(parts.kind[parts.start[:-1]]) < MISSING
    (n, d), count = rows.value.shape, len(lines.centre)
    together = any(seen[:, j].any() for j, _ in rows.joint)
    uniform = rng.uniform(size=(count, n))
    which, part, centre, variance, common = chosen(*lines[3:], *parts, uniform)
    value = np.broadcast_to(parts.value[parts.start[:-1]], (count, *seen.shape)).copy()
    for i in np.flatnonzero((np.abs(parts.kind[parts.start[:-1]]) == 1).any(axis=1)):
        columns = np.flatnonzero(np.abs(parts.kind[parts.start[i]]) == 1)
        side = -parts.kind[part[:, i]][:, columns]
        bound = parts.value[parts.start[i], columns]
        value[:, i, columns] = _beyond(side, bound, centre[:, i], variance[:, i], common[:, i], rng)
    normal = rng.standard_normal((count, n, d))
    error = _errors(rows, parts, part, rng)
    known = np.zeros_like(seen) if together else seen
    true, observed = conditioned(
        which,
        part,
        lines.mean,
        lines.matrix,
        value,
        parts.covariance,
        parts.copies,
        known,
        normal,
        error,
    )
    if together:
        for s in range(count):
            true[s], observed[s] = joint_errors.drawn(lines.matrix[s, 0], rows, true[s], error[s])
    return true, observed


def _truncated(
    side: np.ndarray, bound: float, centre: np.ndarray, sd: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Normal draws below the bound (side 1) or above it (-1), (s,)."""
    inside = ndtr(side * (bound - centre) / sd)
    return centre + side * sd * ndtri(np.maximum(rng.uniform(size=len(sd)) * inside, 1e-300))


def _beyond(
    side: np.ndarray, bound: np.ndarray, centre: np.ndarray, variance: np.ndarray, common: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    """One or two columns (s, k) within their limits: of two the first, then the second given it."""
    from bayes_astro.likelihoods.two_limits import first_of_both

    sd = np.sqrt(variance)
    found = np.empty(side.shape)
    if side.shape[1] == 1:
        found[:, 0] = _truncated(side[:, 0], bound[0], centre[:, 0], sd[:, 0], rng)
        return found
    slope = common / variance[:, 0]
    left = np.sqrt(np.maximum(variance[:, 1] - slope * common, 1e-24 * variance[:, 1]))
    edge = side * (bound - centre) / sd
    rho = np.clip(side[:, 0] * side[:, 1] * common / (sd[:, 0] * sd[:, 1]), -1.0, 1.0)
    first = first_of_both(edge[:, 0], edge[:, 1], rho, rng.uniform(size=len(rho)))
    found[:, 0] = centre[:, 0] + side[:, 0] * sd[:, 0] * first
    middle = centre[:, 1] + slope * (found[:, 0] - centre[:, 0])
    found[:, 1] = _truncated(side[:, 1], bound[1], middle, left, rng)
    return found


def _errors(rows: Rows, parts: Parts, part: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Errors of all entries as if nothing was known, (s, n, d): of the part that was chosen where it matters."""
    if rows.upper is None:
        return joint_errors.errors(rows, len(part), rng)
    n, d = rows.value.shape
    roots = square_roots(parts.covariance[:, :d, :d])
    error = np.einsum("snij,snj->sni", roots[part], rng.standard_normal((len(part), n, d)))
    for i, j in np.argwhere((rows.upper > 0) & (rows.kind == MISSING)):
        # What is observed of a true value is spread below it by the error above, and above it by that below.
        below, above = np.sqrt(rows.upper[i, j]), np.sqrt(rows.covariance[i, j, j])
        down = rng.uniform(size=len(part)) < below / (below + above)
        size = np.abs(rng.standard_normal(len(part)))
        error[:, i, j] = np.where(down, -below * size, above * size)
    return error


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
