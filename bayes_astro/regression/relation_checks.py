"""Does a relation describe its points?"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtr

from bayes_astro import residuals
from bayes_astro.diagnostics import Check, goodness_of_fit, repeated_in_columns
from bayes_astro.draws import by_row
from bayes_astro.priors import recorded
from bayes_astro.regression import unsure_predictor
from bayes_astro.regression.mean_values import NOISE, curves
from bayes_astro.regression.point_errors import PointErrors
from bayes_astro.regression.relation_inputs import columns_at
from bayes_astro.samplers.curvature import climb
from bayes_astro.stated_errors import FACTORS, flat_middle, judged

__all__ = ["checks"]

STEPS, MOST, MOST_JOINT = 60, 20_000, 2_000
"""Steps of a climb with other errors, and rows, independent or correlated, up to which there is one."""
UNRESOLVED = 0.1  # nats
DECIDES = 0.7  # of the prior's standard deviation, from which the posterior's is no news


def checks(model: Any) -> list[Check]:
    """Size, tails and curvature of the residuals; errors as stated; what priors decide."""
    data, rows = model.data, residuals.of_draws(model)
    columns = columns_at(data, model.response, data)
    remedy = "another mean function" if model.scatter else "another mean function, or scatter=True"
    tails = "look at the farthest points" if model.robust else "fit with robust=True"
    error = np.sqrt(PointErrors(data, model.response).diagonal)
    return [
        goodness_of_fit(model, f"fit {remedy}; or errors are too small"),
        residuals.normal(rows, f"the residuals are not normal: {tails}"),
        *residuals.against(rows, columns, f"the curve has another form; fit {remedy}"),
        *([] if model.robust else residuals.with_sign(rows, error)),
        *_over_predictor(model),
        *_at_edges(model),
        *_wide(model),
        *_stated_errors(model),
        repeated_in_columns(
            {name: data.column(name) for name in data.names}, "leave them out, if they are marks"
        ),
    ]


def _over_predictor(model: Any) -> list[Check]:
    """Of a predictor with errors: are true values summed over finely enough, and of a normal population?"""
    data = model.data
    name = unsure_predictor.unsure(data, model.response)
    if name is None:
        return []
    draws, nodes = residuals.some(model, 10), model.problem(data, recorded(model)).at_nodes[0]
    finer = unsure_predictor.Nodes(data, model.response, name, nodes.step / 2)
    whole = [
        unsure_predictor.log_densities(model, draws, data, nodes=one).sum(axis=1)
        for one in (nodes, finer)
    ]
    off = float(np.max(np.abs(whole[0] - whole[1])))
    draws = residuals.some(model, 50)
    mean, width = (draws[f"predictor_{part}"].values.reshape(-1, 1) for part in ("mean", "width"))
    z = (data.column(name) - mean) / np.hypot(width, data.error[:, data.index(name)])
    return [
        Check(
            "steps over the predictor",
            off < UNRESOLVED,
            off,
            f"the curve rises by more than the response's scatter within small parts of the errors of {name}, "
            "and the sum over its true values is not the integral: fit in the other direction, or with scatter",
            f"nats that steps half as large change, below {UNRESOLVED:g}",
        ),
        residuals.distribution(
            ndtr(z).mean(axis=0)[:, None], [name],
            "true values are taken as normal, and the curve may be biased: another variable (a logarithm), or "
            "a narrower sample",
            fails=False,
        ),
    ]  # fmt: skip


def _wide(model: Any) -> list[Check]:
    """Posteriors of the curve's parameters that are almost as wide as their priors."""
    posterior, shares = model.posterior["posterior"], {}
    if posterior.sizes["draw"] * posterior.sizes["chain"] < 2:
        return []
    for name, prior in recorded(model).items():
        if name not in NOISE:
            score = prior.normal_score(posterior[name].values)
            shares[name] = float(np.std(score))
    if not shares:
        return []
    name = max(shares, key=lambda key: shares[key])
    return [
        Check(
            "parameters constrained",
            True if shares[name] <= DECIDES else None,
            shares[name],
            f"the data say little of {name}: its prior decides; quote it with the result, or fix it",
            f"standard deviation in that of the prior at most {DECIDES:g}",
        )
    ]


def _at_edges(model: Any) -> list[Check]:
    """Whether the curve has no value in a part of the posterior's surroundings."""
    draws = residuals.some(model, 50)
    names = [n for n in recorded(model) if n not in NOISE]
    wide = draws.copy()
    for name in names:
        middle = draws[name].mean()
        wide[name] = middle + 3 * (draws[name] - middle)
    inside = np.ones(draws[names[0]].shape if names else (0,), dtype=bool)
    for name in names:
        inside &= np.isfinite(recorded(model)[name].log_density(wide[name].values))
    columns = columns_at(model.data, model.response, model.data)
    found = by_row(draws, curves(model, wide, columns)).values
    if not inside.any():
        return []
    share = float(np.mean(~np.isfinite(found).all(axis=-1)[inside]))
    return [
        Check(
            "curve defined",
            True if share == 0 else None,
            share,
            "the mean function has no value near the posterior, which ends there: say in the priors where "
            "it is defined",
            "share of draws, their distances from the mean three times as large, without a value: 0",
        )
    ]


def _stated_errors(model: Any) -> list[Check]:
    """How much higher the maximum is where all errors of the response are others."""
    data = model.data
    joint = data.point_covariance
    if len(data) > (MOST if joint is None else MOST_JOINT):
        return []
    problem = model.problem(data, recorded(model))
    if not problem.size:
        return []
    start = flat_middle(model, problem)[None]

    def height(factor: float) -> float:
        if factor == 1.0:
            return climb(problem.density, start, STEPS)[1]
        changes = {"covariance": factor**2 * data.covariance}
        if joint is not None:
            changes["point_covariance"] = {n: factor**2 * c for n, c in joint.items()}
        scaled = model.problem(data.replace(**changes), problem.priors)
        return climb(scaled.density, start, STEPS)[1]

    return judged(height, FACTORS, "the curve")
