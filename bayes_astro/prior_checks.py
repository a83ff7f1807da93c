"""Do the priors that a user gave agree with the data?

Where a parameter stands in its prior is told by u = Phi^-1(F(theta)), a unit normal before the data. With
its mean m and variance v after them the data alone say m / (1 - v) with variance v / (1 - v) if all is
Gaussian, and the distance of that from the prior's mean, in the standard deviation of both, is
z = m / sqrt(1 - v): Box (1980, J. R. Stat. Soc. A 143, 383). A prior that ends, as a uniform one does, may
also cut the posterior off.

Default priors are scaled with the data and are not judged.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.diagnostics import Check
from bayes_astro.priors import Prior, recorded

__all__ = ["checks"]

LEAST = 0.05  # of 1 - v: where the prior decides, the data say nothing of it
NOTED, FAILED = 1e-2, 1e-6
FROM_ZERO = ("HalfNormal", "HalfCauchy", "Exponential", "Rayleigh", "Gamma", "Beta", "Uniform")
"""Priors under which a small value is no surprise: that a width or a share is zero."""
ENDING = ("Uniform", "LogUniform", "TruncatedNormal", "Beta")
NEAR, PILED = 0.1, 1.4
"""Share of the range next to its end, and mean distance from the end in standard deviations, of a
posterior that is cut; a Gaussian far within has more, an exponential one."""


def checks(model: Any) -> list[Check]:
    """Priors against data, and posteriors that a prior cuts off."""
    posterior = model.posterior["posterior"]
    chosen = {one.name for one in model.parameters(model.data) if one.given} | set(
        model.priors or ()
    )
    chosen &= {str(name) for name in posterior.data_vars}
    found = [
        (name, prior, posterior[name].values)
        for name, prior in sorted(recorded(model).items())
        # A spiked prior is made for a few that lie far away.
        if name in chosen and not (prior.event or prior.spiked)
    ]
    if not found:
        return []
    return [_against(found), *_cut(found)]


def _against(found: list[tuple[str, Prior, np.ndarray]]) -> Check:
    from scipy.stats import norm

    distances = {}
    for name, prior, values in found:
        score = prior.normal_score(values)
        mean, variance = score.mean(axis=(0, 1)), score.var(axis=(0, 1))
        z = mean / np.sqrt(np.maximum(1 - variance, LEAST))
        if prior.distribution in FROM_ZERO:
            z = np.maximum(z, 0.0)
        distances[name] = float(np.max(np.abs(z)))
    name = max(distances, key=lambda key: distances[key])
    tail = float(min(1.0, 2 * len(distances) * norm.sf(distances[name])))
    return Check(
        "priors and data",
        True if tail >= NOTED else (False if tail < FAILED else None),
        tail,
        f"the data want a {name} that its prior holds for {distances[name]:.1f} sd away: widen the prior, "
        "or see which of the two is wrong",
        f"probability of so large a distance at least {NOTED:g}",
    )


def _cut(found: list[tuple[str, Prior, np.ndarray]]) -> list[Check]:
    """Whether a posterior piles up at an end of its prior, other than zero."""
    piled, judged = [], False
    for name, prior, values in found:
        if prior.distribution not in ENDING or values.shape[1] < 2:
            continue
        judged = True
        score = np.log if prior.distribution == "LogUniform" else np.asarray
        low, high = (score(np.asarray(end, dtype=float)) for end in prior.support)
        x = score(values)
        for end, sign in ((low, 1), (high, -1)):
            distance = sign * (x - end)
            mean, sd = distance.mean(axis=(0, 1)), distance.std(axis=(0, 1))
            natural = (sign > 0) & (end == 0) & (prior.distribution in FROM_ZERO)
            natural |= (sign < 0) & (end == 1) & (prior.distribution == "Beta")
            cut = (mean < NEAR * (high - low)) & (mean < PILED * sd) & ~natural
            if np.any(cut & np.isfinite(mean)):
                piled.append(name)
    if not judged:
        return []
    return [
        Check(
            "posteriors within their priors",
            None if piled else True,
            len(piled),
            f"the prior of {', '.join(sorted(set(piled)))} cuts the posterior off at an end: widen it, or "
            "quote a limit",
            "none that piles up at an end",
        )
    ]
