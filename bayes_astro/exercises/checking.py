"""Judge an answer against the reference posterior, and recognise typical mistakes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_astro.exercises.answers import (
    ASSUMED_DRAWS,
    Estimate,
    NotAttempted,
    half_digit,
    read,
)
from bayes_astro.exercises.library import Exercise, Mistake, Quantity, exercise
from bayes_astro.exercises.verdict import Row, Verdict

__all__ = ["check", "judge"]

ERRORS = 4  # Monte Carlo errors that an answer may be off
SLACK = 0.05  # and this fraction of the sd, for priors that differ a little
LEAST_DRAWS = 200
PAIR = "A pair (mean, sd) or draws are a complete answer."


def check(id: str, answer: Any) -> Verdict:
    """Judge the answer to an exercise.

    The mean must lie within ``4 sqrt(mcse^2 + mcse_ref^2) + 0.05 sd_ref`` of the reference and
    ``|ln(sd / sd_ref)|`` within ``0.05 + 4 se``, where mcse and se are the Monte Carlo errors that
    the effective sample size of the draws gives. A plain number, and a pair of mean and sd, are
    taken to rest on 400 effective draws, and may be rounded to the second significant digit of
    the sd. Of a plain number only the mean can be judged: where a typical mistake gets nothing but
    the width wrong it is no complete answer, and neither is one whose last digit is coarser than
    the posterior. Where an exact number is asked, such as log odds, it must lie within the
    tolerance that the exercise states; of a pair or draws the mean is taken.

    Parameters
    ----------
    id : str
        Such as "5.1".
    answer : float, Quantity, (mean, sd), array, mapping, Dataset, DataTree or fitted model
        Draws as (draw,) or (chain, draw); with several quantities a mapping from their names to
        any of these. Of a model or DataTree the variables of the posterior are taken. ``...`` and
        None stand for an exercise that was not attempted.

    Returns
    -------
    Verdict
        True when correct; its message names the typical mistake that a wrong answer looks like.

    Raises
    ------
    ValueError
        For an unknown id, or an answer of a kind that the exercise does not accept.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> ba.exercises.check("5.1", (34.72, 0.63)).passed
    False
    """
    task = exercise(id)
    try:
        estimates = read(task, answer)
    except NotAttempted:
        return Verdict(id, "not attempted", "Replace ... by your answer.")
    few = {
        name: estimate.effective_draws
        for name, estimate in estimates.items()
        if estimate.effective_draws is not None and not estimate.effective_draws >= LEAST_DRAWS
    }
    if few:
        worst = min(few, key=lambda name: few[name])
        return Verdict(
            id,
            "sample more",
            f"Your draws of {worst} are worth {few[worst]:.0f} independent ones, too few to "
            f"judge: at least {LEAST_DRAWS} are needed. Draw longer, or look at the chains.",
        )
    return judge(task, estimates)


def judge(task: Exercise, estimates: dict[str, Estimate]) -> Verdict:
    """The verdict on means and sds that were read from an answer.

    Parameters
    ----------
    task : Exercise
    estimates : dict
        By name of the quantity.
    """
    judged = {
        name: _compare(estimate, task.quantities[name]) for name, estimate in estimates.items()
    }
    rows = tuple(row for name, result in judged.items() for row in _rows(name, result))
    numbers = [
        name
        for name, estimate in estimates.items()
        if estimate.sd is None and task.quantities[name].tolerance is None
    ]
    pair = f" {PAIR}" if numbers else ""
    if all(judged.values()):
        if any(_width_alone(mistake, name, task) for mistake in task.mistakes for name in numbers):
            return Verdict(task.id, "incomplete", f"{_mean_alone(numbers)}{pair}", rows)
        unjudged = f" {_mean_alone(numbers)}" if numbers else ""
        return Verdict(task.id, "correct", f"{task.title}: well done.{unjudged}", rows)
    mistake = _recognise(task, estimates, judged)
    if mistake is None and all(result or result.as_written for result in judged.values()):
        coarse = " and ".join(name for name, result in judged.items() if not result)
        return Verdict(
            task.id,
            "incomplete",
            f"Your {coarse} agrees with the reference as far as it is written, but its last digit is "
            f"coarser than what is asked: give more digits.{pair}",
            rows,
        )
    message = " ".join(_difference(name, result) for name, result in judged.items() if not result)
    if mistake is not None:
        message += f" This looks like a typical mistake: {' '.join(mistake.explanation.split())}"
    else:
        message += f" ba.exercises.hint({task.id!r}) may help."
    return Verdict(task.id, "incorrect", message, rows)


@dataclass(frozen=True)
class _Comparison:
    """Differences from a reference with what is tolerated; true when both are within."""

    estimate: Estimate
    reference: Quantity
    shift: float
    shift_tolerance: float
    log_ratio: float
    log_ratio_tolerance: float

    @property
    def mean_agrees(self) -> bool:
        return bool(abs(self.shift) <= self.shift_tolerance)

    @property
    def sd_agrees(self) -> bool:
        return bool(abs(self.log_ratio) <= self.log_ratio_tolerance)

    @property
    def as_written(self) -> bool:
        """Whether the mean is off by no more than rounding, and the sd agrees."""
        return bool(abs(self.shift) <= self.estimate.written and self.sd_agrees)

    @property
    def distance(self) -> float:
        """In units of the tolerances."""
        return abs(self.shift) / self.shift_tolerance + (
            abs(self.log_ratio) / self.log_ratio_tolerance if self.estimate.sd else 0.0
        )

    def __bool__(self) -> bool:
        return self.mean_agrees and self.sd_agrees


def _compare(estimate: Estimate, reference: Quantity) -> _Comparison:
    shift = estimate.mean - reference.mean
    if reference.tolerance is not None:
        return _Comparison(estimate, reference, shift, reference.tolerance, 0.0, SLACK)
    error = float(np.hypot(estimate.mean_error, reference.mcse_mean))
    log_error = float(np.hypot(estimate.log_sd_error, reference.mcse_sd / reference.sd))
    return _Comparison(
        estimate,
        reference,
        shift,
        ERRORS * error + SLACK * reference.sd + estimate.rounding,
        0.0 if estimate.sd is None else math.log(estimate.sd) - math.log(reference.sd),
        ERRORS * log_error + SLACK,
    )


def _mean_alone(numbers: list[str]) -> str:
    """What is said of plain numbers that agree."""
    return f"The mean of {' and '.join(numbers)} is right; its uncertainty was not given."


def _width_alone(mistake: Mistake, name: str, task: Exercise) -> bool:
    """Whether a mistake leaves a quantity's mean within what is tolerated, and not its sd.

    This follows from the stored mistakes, and need not be declared: a declaration could be
    forgotten, and would then let the mistake pass as a number.
    """
    if name not in mistake.quantities or task.quantities[name].tolerance is not None:
        return False
    reference, wrong = task.quantities[name], mistake.quantities[name]
    error = reference.sd / ASSUMED_DRAWS**0.5
    # A number may be rounded, so that as much passes as could be.
    written = half_digit(reference.sd)
    log_error = 1 / (2 * ASSUMED_DRAWS) ** 0.5
    pair = Estimate(wrong.mean, error, wrong.sd, log_error, rounding=written)
    result = _compare(pair, reference)
    return result.mean_agrees and not result.sd_agrees


def _recognise(
    task: Exercise, estimates: dict[str, Estimate], judged: dict[str, _Comparison]
) -> Mistake | None:
    """The nearest stored mistake that explains what was judged wrong."""
    best, nearest = None, np.inf
    for mistake in task.mistakes:
        shared = [name for name in mistake.quantities if name in estimates]
        if all(judged[name] for name in shared):
            continue
        if all(estimates[n].sd is None and _width_alone(mistake, n, task) for n in shared):
            continue
        results = [_compare(estimates[name], mistake.quantities[name]) for name in shared]
        if mistake.within is not None:
            agrees = all(
                abs(result.shift) <= mistake.within[name]
                for name, result in zip(shared, results, strict=True)
            )
        else:
            agrees = all(results)
        distance = sum(result.distance for result in results)
        if agrees and distance < nearest:
            best, nearest = mistake, distance
    return best


def _difference(name: str, result: _Comparison) -> str:
    """One sentence on what is off."""
    if not result.mean_agrees:
        side = "above" if result.shift > 0 else "below"
        if result.reference.tolerance is not None:
            return f"Your {name} is {abs(result.shift):.2g} {side} the reference."
        size = abs(result.shift) / result.reference.sd
        return f"Your {name} is {size:.2g} posterior sd {side} the reference."
    ratio = (result.estimate.sd or 0.0) / result.reference.sd
    return f"Your sd of {name} is {ratio:.2g} times the reference's."


def _rows(name: str, result: _Comparison) -> list[Row]:
    """The table's row of the mean and, where one was given, of the sd."""
    reference, estimate = result.reference, result.estimate
    unit = f" {reference.unit}" if reference.unit else ""
    decimals = max(0, 2 - int(np.floor(np.log10(reference.scale))))
    verdicts = {True: "ok", False: "off"}
    rows = [
        Row(
            name,
            f"{estimate.mean:.{decimals}f}{unit}",
            f"{reference.mean:.{decimals}f}{unit}",
            f"{result.shift_tolerance:.2g}{unit}",
            verdicts[result.mean_agrees],
        )
    ]
    if estimate.sd is not None:
        rows.append(
            Row(
                f"{name}, sd",
                f"{estimate.sd:.3g}{unit}",
                f"{reference.sd:.3g}{unit}",
                f"factor {np.exp(result.log_ratio_tolerance):.2f}",
                verdicts[result.sd_agrees],
            )
        )
    return rows
