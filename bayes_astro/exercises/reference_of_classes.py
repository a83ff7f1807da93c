"""Reference values of the exercises on classification, chapter 9."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.exercises.library import arrays
from bayes_astro.exercises.measures import exact, stated, summed

__all__ = ["completeness", "number_of_quasars"]


def number_of_quasars() -> dict[str, Any]:
    """9.3: the moments of a sum of independent ones and zeros."""
    from scipy.stats import norm

    data = arrays("9.3")
    colour, error = data["colour"], data["error"]

    def probability(rate: float, variance: Any) -> Any:
        quasar = norm.pdf(colour, 0.15, np.sqrt(0.15**2 + variance))
        star = norm.pdf(colour, 0.95, np.sqrt(0.25**2 + variance))
        return 1 / (1 + (1 - rate) / rate * star / quasar)

    def number(p: Any) -> dict[str, float]:
        return stated(p.sum(), np.sum(p * (1 - p)) ** 0.5)

    right = probability(data["base_rate"], error**2)
    density = norm.pdf(colour, 0.15, np.sqrt(0.15**2 + error**2))
    wrong = {
        "training_rate": number(probability(0.5, error**2)),
        "errors_ignored": number(probability(data["base_rate"], 0.0)),
        "errors_not_squared": number(probability(data["base_rate"], error)),
        "density_taken_for_probability": number(np.minimum(density, 1)),
        "counted": stated(np.sum(right > 0.5), 0.01),
    }
    return exact(
        "closed form: a sum of independent ones and zeros",
        {"quasars": number(right)},
        {name: {"quasars": value} for name, value in wrong.items()},
    )


def completeness() -> dict[str, Any]:
    """9.4: quadrature over m50 and width."""
    data = arrays("9.4")
    magnitude, found = data["magnitude"], data["found"] == 1
    m50 = np.linspace(22.5, 26, 501)[:, None]
    width = np.linspace(0.02, 2, 600)
    log_density = np.zeros((501, 600))
    for one, seen in zip(magnitude, found, strict=True):
        z = (one - m50) / width
        log_density -= np.logaddexp(0, z) - (0 if seen else z)
    row, column = np.unravel_index(log_density.argmax(), log_density.shape)
    bright = magnitude[found]
    return exact(
        "quadrature over m50 and width; flat priors",
        {"m50": summed(log_density, m50), "width": summed(log_density, width)},
        {
            "maximum_likelihood": {
                "m50": stated(m50[row, 0], 0.1),
                "width": stated(width[column], 0.05),
            },
            "faintest_found": {"m50": stated(bright.max(), 0.05)},
            "mean_of_the_found": {"m50": stated(bright.mean(), bright.std() / len(bright) ** 0.5)},
        },
    )
