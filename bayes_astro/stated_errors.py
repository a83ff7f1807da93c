"""Are the errors as stated? How much better the data are explained where they are another multiple.

The maximum of the posterior, or the evidence, with all errors of a column (or of all columns) times a
factor, against that with the errors as they are. Under the right model twice the gain is about chi-square
with one degree of freedom for each column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from bayes_astro.diagnostics import Check

__all__ = ["FACTORS", "GAIN", "SMALLER", "flat_middle", "judged", "of_columns"]

SMALLER = (0.5, 0.7)
FACTORS = (*SMALLER, 1.4, 2.0)
NOTED, GAIN = 3.0, 5.0  # nats, from which it is a note, and a failure


def judged(
    height: Callable[[float], float],
    factors: Iterable[float],
    what: str,
    stated: str = "error",
    most: float = GAIN,
) -> list[Check]:
    """Of one scale for all errors, or another column that is stated.

    Parameters
    ----------
    height : callable
        The log density, or evidence, that is reached with errors times a factor.
    factors : iterable of float
        Other than one.
    what : str
        What depends on the errors: "the process".
    stated : str
        The container's field.
    most : float
        Gain in nats from which it is a failure.
    """
    return _verdict({("", f): height(f) for f in factors}, height(1.0), what, stated, most)


def of_columns(
    height: Callable[[np.ndarray], float], names: tuple[str, ...], what: str
) -> list[Check]:
    """Of each column's errors, and of all together; `height` is given a factor for each column."""
    one, found = np.ones(len(names)), {}
    for factor in FACTORS:
        found["", factor] = height(factor * one)
        if len(names) > 1:
            for j, name in enumerate(names):
                found[name, factor] = height(np.where(np.arange(len(names)) == j, factor, one))
    return _verdict(found, height(one), what, "error")


def _verdict(
    found: dict[tuple[str, float], float],
    as_stated: float,
    what: str,
    stated: str,
    most: float = GAIN,
) -> list[Check]:
    name, factor = max(found, key=lambda key: found[key])
    gain = max(0.0, found[name, factor] - as_stated)
    whose = f"{stated}s of {name}" if name else f"{stated}s"
    return [
        Check(
            f"{stated}s as stated",
            False if gain >= most else (None if gain >= NOTED else True),
            gain,
            f"{whose} {factor:g} times those stated explain the data better, and {what} depends on them: "
            f"data.replace({stated}=...) with {stated}s that are right",
            f"nats that another scale of the {stated}s gains, below {NOTED:g}",
        )
    ]


def flat_middle(model: Any, problem: Any) -> np.ndarray:
    """Flat coordinates of the posterior's medians; of what it does not hold those of the prior."""
    posterior = model.posterior["posterior"]
    values = {}
    for one in problem.free():
        known = one.prior is not None and not one.prior.event
        middle = one.prior.median() if known else 0.0
        values[one.name] = np.broadcast_to(np.asarray(middle), (1, *one.shape))
    for name in set(values) & set(posterior.data_vars):
        values[name] = np.asarray(posterior[name].median(("chain", "draw")))[None]
    return np.asarray(problem.flat(values)[0])
