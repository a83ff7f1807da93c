"""What draws of a line say of rows: their densities and normal scores.

All functions take draws of the task's variables, dims (chain, draw, ...), and work on the draws in
one row, (s, ...); rows are `bayes_astro.regression.rows.Rows`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import logsumexp, ndtr, ndtri

from bayes_astro.regression import joint_errors
from bayes_astro.regression.rows import MISSING, Rows
from bayes_astro.residuals import from_chances

if TYPE_CHECKING:
    import xarray as xr

    from bayes_astro.regression.selection import Selection

__all__ = [
    "Line",
    "each",
    "given",
    "log_densities",
    "log_response",
    "normal_scores",
    "numbers",
    "response_density",
    "scores",
]

AROUND = 24  # nodes on either side of a response whose density is no sum of normal ones
NODES, REACH = 80, 9.0  # of the integral over a soft selection, in standard deviations
SMALLEST = 1e-300


class Line(NamedTuple):
    """One draw: the line, and the components of predictors and response."""

    slope: np.ndarray  # (p,)
    centre: float  # the response at the population's mean
    whole: np.ndarray  # (p,), that mean
    scatter: float
    log_weight: np.ndarray  # (c,)
    mean: np.ndarray  # (c, p + 1)
    matrix: np.ndarray  # (c, p + 1, p + 1)
    stray: np.ndarray  # (c,), which are outliers


class Numbers(NamedTuple):
    """One draw of the parameters, as `bayes_astro.likelihoods.relation.assembled` takes them."""

    slope: np.ndarray  # (p,)
    mean: np.ndarray  # (k, p)
    width: np.ndarray  # (k, p)
    partial: np.ndarray  # (k, pairs)
    share: np.ndarray  # (k,)
    centre: float
    scatter: float
    outliers: np.ndarray  # fraction, mean, scatter
    degrees: float

    def line(self) -> Line:
        """The components that follow."""
        from bayes_astro.likelihoods.relation import assembled

        log_weight, middle, matrix = assembled(*self)
        stray = np.zeros(len(log_weight), dtype=bool)
        if self.outliers[0] > 0:
            stray[-len(self.share) :] = True
        whole = self.share @ self.mean
        return Line(
            self.slope, self.centre, whole, self.scatter, log_weight, middle, matrix, stray
        )  # fmt: skip


def numbers(draws: xr.Dataset) -> Iterator[Numbers]:
    """Every draw, chain after chain; what a model does not have is zero."""
    stacked = draws.stack(sample=("chain", "draw"))
    count = stacked.sizes["sample"]

    def column(name: str, default: float = 0.0) -> np.ndarray:
        if name not in stacked:
            return np.full(count, default)
        return np.ascontiguousarray(stacked[name].transpose("sample", ...).values, dtype=float)

    slope = column("slope")
    p = slope.shape[1]
    if "component_mean" in stacked:
        mean, width = column("component_mean"), column("component_width")
        share = column("component_weight")
    else:
        mean, width = column("predictor_mean")[:, None], column("predictor_width")[:, None]
        share = np.ones((count, 1))
    partial = np.zeros((count, mean.shape[1], 0))
    if p > 1:
        partial = (column("partial_correlation").reshape(count, mean.shape[1], -1) + 1) / 2
    parts = [column(f"outlier_{name}") for name in ("fraction", "mean", "scatter")]
    outliers = np.stack(parts, axis=1)
    centre, scatter = column("response_mean"), column("scatter")
    degrees = column("degrees_of_freedom", np.inf)
    for row in zip(
        slope, mean, width, partial, share, centre, scatter, outliers, degrees, strict=True
    ):
        yield Numbers(*row)


def each(draws: xr.Dataset) -> Iterator[Line]:
    """The components of every draw, chain after chain."""
    return (one.line() for one in numbers(draws))


def log_densities(
    draws: xr.Dataset, rows: Rows, selection: Selection | None
) -> tuple[np.ndarray, np.ndarray]:
    """Log joint density of every row under line and outliers, with their fractions: (s, n)."""
    from bayes_astro.likelihoods.relation_components import densities, log_selected

    if rows.joint:
        found = np.array([joint_errors.pointwise(one, rows) for one in each(draws)])
        return found, np.full_like(found, -np.inf)
    line, outlier, parts = [], [], rows.parts
    for one in each(draws):
        found = densities(one.mean, one.matrix, *parts) + one.log_weight
        if selection is not None:
            bounds = np.array([*selection.bounds, selection.width, 0.0])
            noise = np.ascontiguousarray(rows.covariance[:, -1, -1])
            with np.errstate(divide="ignore"):
                own = np.log(selection.chance(rows.y))
            found += (own - log_selected(one.log_weight, one.mean, one.matrix, noise, bounds))[
                :, None
            ]
        line.append(logsumexp(found[:, ~one.stray], axis=1))
        empty = np.full(len(found), -np.inf)
        outlier.append(logsumexp(found[:, one.stray], axis=1) if one.stray.any() else empty)
    return np.array(line), np.array(outlier)


class Given(NamedTuple):
    """The response of every row given its measured predictors: a mixture for one draw, all (n, c)."""

    weight: np.ndarray
    middle: np.ndarray
    sd: np.ndarray


def given(one: Line, rows: Rows) -> Given:
    """The response of every row given its measured predictors, of one draw."""
    from bayes_astro.likelihoods.relation_components import conditional

    others, middle, variance = conditional(one.mean, one.matrix, *rows[:3], rows.value.shape[1] - 1)
    others = others + one.log_weight
    weight = np.exp(others - logsumexp(others, axis=1, keepdims=True))
    return Given(weight, middle, np.sqrt(np.maximum(variance, SMALLEST)))


def log_response(draws: xr.Dataset, rows: Rows, selection: Selection | None) -> np.ndarray:
    """Log density of every response given its measured predictors, (s, n); of a limit the log chance.

    With joint errors given all predictors, and the responses of the rows before it.
    """
    if rows.joint:
        return np.array([joint_errors.log_response(one, rows) for one in each(draws)])
    return np.array([response_density(one, rows, selection) for one in each(draws)])


def response_density(one: Line, rows: Rows, selection: Selection | None) -> np.ndarray:
    """The same of one draw, (n,)."""
    from bayes_astro.likelihoods.relation_components import densities

    others = rows.kind.copy()
    others[:, -1] = MISSING
    both = logsumexp(densities(one.mean, one.matrix, *rows.parts) + one.log_weight, axis=1)
    hidden = densities(one.mean, one.matrix, *rows._replace(kind=others).parts)
    density = both - logsumexp(hidden + one.log_weight, axis=1)
    if selection is not None:
        response = given(one, rows)
        sd = np.hypot(response.sd, selection.width)
        lower, upper = selection.bounds
        a, b = (response.middle - lower) / sd, (response.middle - upper) / sd
        inside = np.where(a + b > 0, ndtr(-b) - ndtr(-a), ndtr(a) - ndtr(b))
        inside = np.sum(response.weight * inside, axis=1)
        with np.errstate(divide="ignore"):
            density += np.log(selection.chance(rows.y)) - np.log(np.maximum(inside, SMALLEST))
    return density


def normal_scores(
    draws: xr.Dataset, rows: Rows, selection: Selection | None, rng: np.random.Generator
) -> np.ndarray:
    """Normal scores of the responses given the measured predictors, (s, n).

    Of a limit a draw from what is beyond it: where the model holds, it is a unit normal as the others
    are. nan where the response is missing, or a predictor is a limit.
    """
    if rows.joint:
        return np.array([joint_errors.scores(one, rows) for one in each(draws)])
    return np.array([scores(one, rows, selection, rng) for one in each(draws)])


def _around(one: Line, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Chances of a smaller and of a larger response, (n,), where errors differ by side: by quadrature."""
    from bayes_astro.likelihoods.relation_components import densities

    weight, middle, sd = given(one, rows)
    assert rows.upper is not None
    centre = np.sum(weight * middle, axis=1)
    square = np.sum(weight * (sd**2 + (middle - centre[:, None]) ** 2), axis=1)
    width = np.sqrt(square + rows.upper @ np.append(one.slope, 1.0) ** 2)
    nodes, share = np.polynomial.legendre.leggauss(AROUND)
    kind = rows.kind.copy()
    kind[:, -1] = 0
    many = rows._replace(kind=kind).some(np.repeat(np.arange(len(kind)), 2 * AROUND))
    halves, points = [], []
    for side in (-1.0, 1.0):
        far = side * np.maximum(side * centre, side * rows.y) + side * REACH * width
        halves.append(0.5 * (far - rows.y))
        points.append(rows.y[:, None] + halves[-1][:, None] * (1 + nodes))
    value = many.value.copy()
    value[:, -1] = np.stack(points, axis=1).ravel()
    logs = densities(one.mean, one.matrix, *many._replace(value=value).parts) + one.log_weight
    logs = logsumexp(logs, axis=1).reshape(len(kind), -1)
    found = np.exp(logs - logs.max(axis=1, keepdims=True)).reshape(len(kind), 2, AROUND)
    below, above = (np.abs(half) * (found[:, k] @ share) for k, half in enumerate(halves))
    return below / (below + above), above / (below + above)


def scores(
    one: Line, rows: Rows, selection: Selection | None, rng: np.random.Generator
) -> np.ndarray:
    """The same of one draw."""
    response = given(one, rows)
    known = (rows.kind[:, -1] != MISSING) & ~(np.abs(rows.kind[:, :-1]) == 1).any(axis=1)
    score = np.full(len(known), np.nan)
    weight, middle, sd = response
    unlike = known & rows.sided.any(axis=1)
    z = (rows.y[:, None] - middle) / sd
    if selection is None and weight.shape[1] == 1:
        score[known] = z[known, 0]
    else:
        if selection is not None:
            below = _selected_below(response, rows.y, selection)
            above = 1 - below
        else:
            below, above = np.sum(weight * ndtr(z), axis=1), np.sum(weight * ndtr(-z), axis=1)
        score[known] = from_chances(below, above)[known]
    if unlike.any():
        below, above = _around(one, rows.some(unlike))
        score[unlike] = from_chances(below, above)
    limit = rows.kind[:, -1]
    bound = known & (np.abs(limit) == 1)
    if bound.any():
        uniform = rng.uniform(size=int(bound.sum()))
        side = -limit[bound]  # 1: below the limit
        inside = ndtr(side * score[bound])
        score[bound] = side * ndtri(np.maximum(uniform * inside, SMALLEST))
    return score


def _selected_below(response: Given, y: np.ndarray, selection: Selection) -> np.ndarray:
    """Share of the responses that are selected which is below y: (n,)."""
    lower, upper = selection.bounds
    weight, middle, sd = response
    if selection.width == 0:
        ends = [
            ndtr((np.clip(edge, lower, upper) - middle.T) / sd.T).T for edge in (lower, y, upper)
        ]
        first, at, last = (np.sum(weight * end, axis=1) for end in ends)
        return np.clip((at - first) / np.maximum(last - first, SMALLEST), 0.0, 1.0)
    nodes, share = np.polynomial.legendre.leggauss(NODES)
    start, stop = middle - REACH * sd, middle + REACH * sd
    whole = [np.zeros(len(y)), np.zeros(len(y))]
    for k, end in enumerate((np.clip(y[:, None], start, stop), stop)):
        half = 0.5 * (end - start)
        for node, part in zip(nodes, share, strict=True):
            at = start + half * (1 + node)
            density = np.exp(-0.5 * ((at - middle) / sd) ** 2) / sd
            whole[k] += np.sum(weight * half * part * density * selection.chance(at), axis=1)
    return np.clip(whole[0] / np.maximum(whole[1], SMALLEST), 0.0, 1.0)
