"""Is a Gaussian process the right one: what its one-step-ahead residuals and its prior say."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro import residuals
from bayes_astro.diagnostics import Check, goodness_of_fit
from bayes_astro.priors import recorded
from bayes_astro.processes import roughness
from bayes_astro.samplers.curvature import climb
from bayes_astro.samplers.mode import AGREE, apart
from bayes_astro.stated_errors import FACTORS, SMALLER, flat_middle, judged

__all__ = ["checks"]

ELSEWHERE = 0.05  # of the posterior, at periods that no draw has
STEPS, MOST = 60, 20_000
"""Steps of a climb; points up to which errors are judged."""
TENTH = 0.1  # of the time span: longer damping times are not measured (Kozlowski 2017)


def checks(model: Any) -> list[Check]:
    """Chi-square, whiteness and normality of the one-step-ahead residuals; the prior's part."""
    rows = residuals.of_draws(model)
    problem = model.problem(model.data, recorded(model))
    correlated = (
        "the one-step-ahead residuals are correlated: the kernel misses a timescale; add a term or try "
        "another"
    )
    tails = (
        "the one-step-ahead residuals are not normal: look at plot('residuals'), and consider "
        "outliers=True"
    )
    return [
        goodness_of_fit(model, "try another kernel, or outliers=True"),
        *residuals.white(rows, correlated),
        residuals.normal(rows, tails),
        *residuals.no_period(rows, model.data.time, "add mean=ba.means.Harmonics(...), or a term"),
        *_errors(model, problem),
        *([] if model.jitter else [residuals.one_row(model.data.error, "fit with jitter=True")]),
        *_constrained(model),
        *roughness.check(model),
        *_periods(model, problem),
        *_two_ways(model),
    ]


def _errors(model: Any, problem: Any) -> list[Check]:
    """How much higher the posterior's maximum is where all errors are multiplied by a factor."""
    if model.outliers or problem.traced is None or len(model.data) > MOST:
        return []
    data, start = model.data, flat_middle(model, problem)[None]

    def height(factor: float) -> float:
        scaled = model.problem(data.replace(error=factor * data.error), problem.priors)
        return climb(scaled.density, start, STEPS)[1]

    return judged(height, SMALLER if model.jitter else FACTORS, "the process")


def _periods(model: Any, problem: Any) -> list[Check]:
    """Whether the draws know of all periods of the mean function that have a share."""
    periods = problem.periods
    if periods is None:
        return []
    posterior = model.posterior["posterior"]
    at = flat_middle(model, problem)[: periods.size]
    share = periods.elsewhere(1 / posterior[periods.name].values.ravel(), at)
    return [
        Check(
            "other periods",
            share <= ELSEWHERE,
            share,
            f"values of {periods.name} that no draw has hold so much of the posterior: several periods "
            "are possible; list them with ba.Periodogram, and fit each with a range of its own",
            f"share of the posterior at most {ELSEWHERE:g}",
        )
    ]


def _two_ways(model: Any) -> list[Check]:
    """Whether two proposals give the same evidence."""
    if "evidence" not in model.posterior or "log_evidence_again" not in model.posterior["evidence"]:
        return []
    found = {str(n): float(v) for n, v in model.posterior["evidence"].data_vars.items()}
    between, close = apart(found)
    return [
        Check(
            "evidence by two ways",
            close,
            between,
            "do not quote the evidence: too few of its draws carry the weight; narrow the range of periods",
            f"at most {AGREE:g} and three errors apart, errors below {AGREE:g}",
        )
    ]


def _constrained(model: Any) -> list[Check]:
    """A note for every timescale that the light curve is too short to measure."""
    span = float(np.ptp(model.data.time))
    posterior = model.posterior["posterior"]
    found = []
    for name, (leaf, parameter) in model.kernel.variables():
        if leaf.parameters()[parameter] != "timescale" or name not in posterior:
            continue
        values = posterior[name].values.ravel()
        share = float(np.median(values)) / span
        upper = float(np.quantile(values, 0.84)) / span
        long = upper > 1 or share > 3 * TENTH
        advice = (
            f"{name} is not constrained by this light curve: the prior decides its upper end; quote "
            "a lower limit"
            if long
            else f"{name} is above a tenth of the time span: it depends on the prior, and point "
            "estimates are biased (Kozlowski 2017)"
        )
        found.append(
            Check(
                f"{name} constrained",
                True if share <= TENTH and not long else None,
                share,
                advice,
                "median at most a tenth of the time span",
            )
        )
    return found
