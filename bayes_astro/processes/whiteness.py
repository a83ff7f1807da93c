"""Is a Gaussian process the right one: what its one-step-ahead residuals and its prior say."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro import residuals
from bayes_astro.diagnostics import Check, goodness_of_fit

__all__ = ["checks"]

TENTH = 0.1  # of the time span: longer damping times are not measured (Kozlowski 2017)


def checks(model: Any) -> list[Check]:
    """Chi-square, whiteness and normality of the one-step-ahead residuals; the prior's part."""
    rows = residuals.of_draws(model)
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
        *_constrained(model),
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
