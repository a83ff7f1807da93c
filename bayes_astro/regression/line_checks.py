"""How a line goes wrong, and what sees it."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro import residuals
from bayes_astro.diagnostics import Check, goodness_of_fit, repeated_in_columns
from bayes_astro.priors import recorded
from bayes_astro.regression import feature_columns, predictive
from bayes_astro.regression.rows import Rows, predictors, shared_variance
from bayes_astro.regression.selection import Selection
from bayes_astro.samplers.curvature import climb
from bayes_astro.stated_errors import flat_middle, of_columns

__all__ = ["checks"]

STEPS, MOST, MOST_JOINT = 60, 20_000, 300
"""Steps of a climb with other errors, and rows up to which there is one, with joint errors too."""
NOTED, CUT = 6.0, 9.0
"""Nats. Of 144 whole samples with normal predictors none gained 5.8; of 144 with uniform ones two gained
more than nine, where errors were half of their spread and one Gaussian stood for them."""


def checks(model: Any) -> list[Check]:
    """Size, tails and curvature of the residuals, edges of the responses, predictors, errors."""
    advice = (
        "fit with outliers=True, or look at the residuals for curvature"
        if model.scatter
        else "fit with scatter=True or outliers=True"
    )
    data, rows = model.data, residuals.of_draws(model)
    column = data.index(model.response)
    columns = {name: data.column(name) for name in data.names if name != model.response}
    tails = "look for outliers" if model.outliers or model.robust else "fit with outliers=True"
    # Three of fifty points off by ten scatters: the scatter is four times too large.
    heavy = {} if model.outliers or model.robust else {"heavy": 1e-4}
    bent = "use other variables (logarithms, colours), or a shorter range; are some of the responses limits?"
    error = np.sqrt(data.covariance[:, column, column] + shared_variance(data)[:, column])
    known = ~np.isnan(rows).any(axis=0)
    rows = rows[:, known]
    return [
        goodness_of_fit(model, advice),
        residuals.normal(rows, f"the residuals are not normal: {tails}", **heavy),
        *residuals.against(rows, {k: v[known] for k, v in columns.items()}, bent),
        *residuals.with_sign(rows, error[known], fails=True),
        *_edges(model),
        *_predictors(model),
        *_stated_errors(model),
        repeated_in_columns(
            {name: data.column(name) for name in data.names}, "leave them out, if they are marks"
        ),
    ]


def _edges(model: Any) -> list[Check]:
    """How much better the responses are explained where the sample is taken to end at its last one.

    Given the predictors, whatever their distribution is: the largest conditional likelihood over slopes,
    level and scatter, with a cut at the lowest or highest response and without. Of a whole sample a
    cut gains a nat or so, as about one response is expected beyond; where a selection took more away,
    the gain grows with what is missing.
    """
    rows = model.rows(model.data)
    bound = (np.abs(rows.kind) == 1).any()
    other = model.selection is not None or rows.joint or rows.upper is not None
    other = other or bound or np.any(rows.weight != 1)
    if other or len(rows.value) > MOST:
        return []
    seen = rows.kind[:, -1] == 0
    rows = rows.some(seen)
    draws = list(predictive.numbers(residuals.some(model, 20)))
    heights = [predictive.response_density(one.line(), rows, None).sum() for one in draws]
    best = draws[int(np.argmax(heights))]
    plain = _highest(best, rows, None)
    cuts = {
        "lower": Selection(lower=float(rows.y.min())),
        "upper": Selection(upper=float(rows.y.max())),
    }
    gains = {name: _highest(best, rows, cut) - plain for name, cut in cuts.items()}
    name = max(gains, key=lambda key: gains[key])
    gain = max(0.0, gains[name])
    edge = getattr(cuts[name], name)
    return [
        Check(
            "edges of the response",
            False if gain >= CUT else (None if gain >= NOTED else True),
            gain,
            f"a sample that is cut at {edge:.4g} explains the data better, and a cut that is ignored biases "
            f"slope and scatter: fit with selection=ba.Selection({name}=...), or with what was not "
            "detected as limits",
            f"nats that a cut of the sample gains, below {NOTED:g}",
        )
    ]


def _highest(draw: predictive.Numbers, rows: Rows, cut: Selection | None) -> float:
    """Largest conditional likelihood about a draw, over slopes, level and scatter."""
    from scipy.optimize import minimize

    spread, p = float(np.std(rows.y)), len(draw.slope)
    scale = spread / np.std(rows.x, axis=0)
    start = np.append(draw.slope / scale, draw.centre / spread)
    if draw.scatter > 0:
        start = np.append(start, np.log(draw.scatter / spread))

    def depth(theta: np.ndarray) -> float:
        new = draw._replace(slope=theta[:p] * scale, centre=theta[p] * spread)
        if draw.scatter > 0:
            new = new._replace(scatter=spread * np.exp(np.clip(theta[p + 1], -10, 5)))
        found = -float(predictive.response_density(new.line(), rows, cut).sum())
        return found if np.isfinite(found) else 1e300

    return -float(minimize(depth, start, method="L-BFGS-B", options={"maxiter": STEPS}).fun)


def _predictors(model: Any) -> list[Check]:
    """Are the measured predictors as their population and their errors have them?

    With a selection those in the sample are others than the population's, and nothing is said; nor of
    predictors with joint errors, which may all lie to one side, and with errors that differ by side.
    """
    from scipy.special import ndtr

    if model.selection is not None:
        return []
    data = model.data
    names = feature_columns.own(predictors(data, model.response), model.features)
    rows = model.rows(data)
    found = np.zeros((len(data), len(names)))
    count = 0
    for one in predictive.each(residuals.some(model, 50)):
        weight = np.exp(one.log_weight)
        for j in range(len(names)):
            sd = np.sqrt(one.matrix[:, j, j] + rows.covariance[:, j, j, None])
            found[:, j] += ndtr((rows.value[:, j, None] - one.mean[:, j]) / sd) @ weight
        count += 1
    uniform = np.where(rows.kind[:, : len(names)] == 0, found / count, np.nan)
    uniform[rows.sided[:, : len(names)]] = np.nan
    uniform[:, [j for j, _ in rows.joint if j < len(names)]] = np.nan
    enough = np.sum(~np.isnan(uniform), axis=0) > 2
    more = "n_components=2 or more, " if model.n_components < 3 else ""
    advice = (
        f"a selection in it or in the response, outliers, or another form ({more}where its own "
        "distribution matters); the slope may be biased"
    )
    if not enough.any():
        return []
    chosen = [name for name, has in zip(names, enough, strict=True) if has]
    return [residuals.distribution(uniform[:, enough], chosen, advice, fails=False)]


def _stated_errors(model: Any) -> list[Check]:
    """How much higher the maximum is where the errors of a column, or of all, are others."""
    data, joint = model.data, model.data.point_covariance or {}
    if len(data) > (MOST_JOINT if joint else MOST):
        return []
    problem = model.problem(data, recorded(model))
    start = flat_middle(model, problem)[None]

    def height(factor: np.ndarray) -> float:
        scaled = data.replace(
            covariance=np.outer(factor, factor) * data.covariance,
            upper_error=None if data.upper_error is None else factor * data.upper_error,
            point_covariance={
                name: factor[data.index(name)] ** 2 * matrix for name, matrix in joint.items()
            },
        )
        return climb(model.problem(scaled, problem.priors).density, start, STEPS)[1]

    return of_columns(height, data.names, "the line")
