"""From what a student hands in to means, sds and their Monte Carlo errors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any

import numpy as np

from bayes_astro.exercises.floats import Unreadable, floats
from bayes_astro.exercises.library import Exercise, Quantity
from bayes_astro.names import nearest

__all__ = ["Estimate", "NotAttempted", "Refused", "half_digit", "read"]

# A number comes without its Monte Carlo error: it is taken to rest on as many effective draws as
# `diagnose` asks of a fit.
ASSUMED_DRAWS = 400


class NotAttempted(Exception):
    """The answer is still the stub of the blank notebook."""


class Refused(ValueError):
    """The answer is none; says what is accepted."""


@dataclass(frozen=True)
class Estimate:
    """Mean and sd of one quantity, with the error of the mean and of ln sd.

    ``sd`` is None for a plain number; ``effective_draws`` is None where no draws were given;
    ``rounding`` is the change that writing the number down may have made, and ``written`` half of
    the last digit that was written. Where an exact number is asked, the mean is all there is.
    """

    mean: float
    mean_error: float
    sd: float | None = None
    log_sd_error: float = 0.0
    effective_draws: float | None = None
    rounding: float = 0.0
    written: float = 0.0


def read(exercise: Exercise, answer: Any) -> dict[str, Estimate]:
    """One estimate for each asked quantity that the answer holds.

    Raises
    ------
    NotAttempted
        When the answer, or a part of it, is ``...`` or None.
    Refused
        A ValueError: of a wrong kind, shape or name, or not finite; says what is accepted.
    """
    if _blank(answer):
        raise NotAttempted
    tree = _fitted(answer)
    try:
        return _read(exercise, answer if tree is None else tree)
    except (NotAttempted, Refused, KeyboardInterrupt):
        raise
    except BaseException as error:  # objects may raise anything when they are looked at
        kinds = f"{type(answer).__name__} cannot be read ({type(error).__name__})"
        raise _refuse(exercise, kinds) from None


def _fitted(answer: Any) -> Any:
    """The tree of a fitted model; of one that is not, its own error says what to call."""
    if issubclass(type(answer), bool | int | float | list | tuple | dict | np.ndarray | np.generic):
        return None  # without loading what models need
    from bayes_astro.estimator import Estimator

    return answer.posterior if issubclass(type(answer), Estimator) else None


def _read(exercise: Exercise, answer: Any) -> dict[str, Estimate]:
    required = [quantity for quantity in exercise.quantities.values() if not quantity.optional]
    parts = _parts(exercise, answer)
    if parts is None:
        if len(required) > 1:
            raise _refuse(
                exercise,
                f"one {type(answer).__name__} was given where {len(required)} quantities are asked",
            )
        parts = {required[0].name: answer}
    if any(_blank(part) for part in parts.values()):
        raise NotAttempted
    missing = [quantity.name for quantity in required if quantity.name not in parts]
    if missing:
        given = ", ".join(map(str, parts)) or "nothing"
        raise _refuse(exercise, f"{' and '.join(missing)} missing (given: {given})")
    return {
        name: _estimate(exercise, quantity, parts[name])
        for name, quantity in exercise.quantities.items()
        if name in parts
    }


def _blank(answer: Any) -> bool:
    return answer is None or answer is Ellipsis


def _refuse(exercise: Exercise, problem: str) -> Refused:
    return Refused(f"Exercise {exercise.id}: {problem}. Accepted: {exercise.accepts}")


def _parts(exercise: Exercise, answer: Any) -> dict[str, Any] | None:
    """The answer by quantity; None when it is not divided."""
    kind = type(answer)
    if issubclass(kind, bool | int | float | list | tuple | np.ndarray | np.generic):
        return None
    if issubclass(kind, dict):
        return _named(exercise, answer)
    import xarray as xr

    if issubclass(kind, xr.Dataset):
        return {str(name): array for name, array in answer.data_vars.items()}
    if issubclass(kind, xr.DataTree):
        if "posterior" not in answer:
            raise _refuse(exercise, "this DataTree has no group 'posterior'")
        return _from_tree(answer)
    return _named(exercise, answer) if issubclass(kind, Mapping) else None


def _named(exercise: Exercise, answer: Mapping[Any, Any]) -> dict[str, Any]:
    # One name more than is known is enough to refuse a mapping that never ends.
    names = list(islice(iter(answer), len(exercise.quantities) + 1))
    for name in names:
        if type(name) is not str or name not in exercise.quantities:
            known = nearest(name, exercise.quantities).rstrip(".")
            raise _refuse(exercise, f"unknown quantity {name!r}.{known}")
    return {name: answer[name] for name in names}


def _from_tree(tree: Any) -> dict[str, Any]:
    """The variables of a posterior; of a baseline the estimate with its standard error."""
    posterior = tree["posterior"].to_dataset()
    if "estimate" not in tree:
        return {str(name): array for name, array in posterior.data_vars.items()}
    errors = tree["estimate"].to_dataset()
    return {
        str(name): (float(array.mean()), float(errors[name].mean()))
        for name, array in posterior.data_vars.items()
        if name in errors and array.size == 1
    }


def _estimate(exercise: Exercise, quantity: Quantity, value: Any) -> Estimate:
    """One quantity: a number, a pair (mean, sd), or draws."""
    numbers = _numbers(exercise, quantity, value)
    if quantity.tolerance is not None:
        number = float(numbers[0] if numbers.shape == (2,) else numbers.mean())
        return Estimate(number, 0.0, written=_half_written(number))
    if numbers.ndim == 0:
        return Estimate(
            float(numbers),
            quantity.sd / ASSUMED_DRAWS**0.5,
            rounding=half_digit(quantity.sd),
            written=_half_written(float(numbers)),
        )
    if numbers.shape == (2,):
        mean, sd = map(float, numbers)
        if sd <= 0:
            raise _refuse(exercise, f"{quantity.name}: sd = {sd:g} must be positive")
        rounding = half_digit(sd)
        return Estimate(
            mean,
            sd / ASSUMED_DRAWS**0.5,
            sd,
            1 / (2 * ASSUMED_DRAWS) ** 0.5 + 0.25 * rounding / sd,
            rounding=rounding,
            written=_half_written(mean),
        )
    return _from_draws(exercise, quantity, numbers)


def _numbers(exercise: Exercise, quantity: Quantity, value: Any) -> np.ndarray:
    """Finite floats in the unit of the quantity: (), (2,), (draw,) or (chain, draw)."""
    name = quantity.name
    try:
        numbers = floats(value, quantity.unit)
    except Unreadable as error:
        raise _refuse(exercise, f"{name}: {error}") from None
    except ValueError as error:
        if type(error).__name__ != "UnitConversionError":
            raise
        raise _refuse(exercise, f"{name}: {error}") from None
    if numbers.ndim > 2 and numbers.shape[2:] == (1,) * (numbers.ndim - 2):
        numbers = numbers.reshape(numbers.shape[:2])  # a dimension of one predictor or term
    if numbers.ndim > 2 or numbers.size == 0:
        raise _refuse(exercise, f"{name}: shape {numbers.shape} is not (draws,) or (chain, draw)")
    if not np.isfinite(numbers).all():
        bad = int(np.count_nonzero(~np.isfinite(numbers)))
        raise _refuse(exercise, f"{name}: {bad} of {numbers.size} values not finite")
    if numbers.ndim == 2 and numbers.shape[0] > numbers.shape[1]:
        raise _refuse(
            exercise,
            f"{name}: shape {numbers.shape} has more chains than draws; transpose it to "
            "(chain, draw)",
        )
    return numbers


def _from_draws(exercise: Exercise, quantity: Quantity, draws: np.ndarray) -> Estimate:
    """Monte Carlo errors from the effective sample size, so that correlated draws count as few."""
    from arviz_stats.base import array_stats

    if np.ptp(draws) == 0:
        raise _refuse(
            exercise,
            f"{quantity.name}: {draws.size} values that are all equal are no draws; give the "
            "number itself",
        )
    chains = np.atleast_2d(draws)
    with np.errstate(over="ignore", invalid="ignore"):
        mean, sd = float(chains.mean()), float(chains.std(ddof=1))
    if not (np.isfinite(mean) and 0 < sd < np.inf):
        raise _refuse(exercise, f"{quantity.name}: values beyond what floats can square")
    if chains.shape[1] < 4:
        return Estimate(mean, sd, sd, 1.0, effective_draws=1.0)
    # A scale of one keeps draws of any unit within the range of floats.
    scaled = (chains - mean) / sd
    with np.errstate(all="ignore"):  # of two values that alternate the sd has no error
        of_mean, of_sd = (float(array_stats.mcse(scaled, method=m)) for m in ("mean", "sd"))
        effective = float(array_stats.ess(scaled, method="bulk"))
    return Estimate(
        mean,
        sd * of_mean,
        sd,
        of_sd if math.isfinite(of_sd) else 0.0,
        effective_draws=effective,
    )


def half_digit(sd: float) -> float:
    """Half a unit of the second significant digit of an error: 0.16 gives 0.005."""
    return 0.5 * 10.0 ** (math.floor(math.log10(sd)) - 1)


def _half_written(number: float) -> float:
    """Half a unit of the last digit of a number as it reads: 4.191 gives 0.0005."""
    exponent = Decimal(repr(number)).normalize().as_tuple().exponent
    return 0.5 * 10.0 ** min(int(exponent), 0)
