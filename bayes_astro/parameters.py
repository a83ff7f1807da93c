"""What a task declares once: its parameters with their priors, and the range of its settings.

From the declarations follow default and resolved priors, units, the refusals of priors and settings
that cannot be, and draws from the prior.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_astro.names import nearest
from bayes_astro.priors import Prior

__all__ = [
    "Parameter",
    "anything",
    "choice",
    "duration",
    "either",
    "in_unit",
    "number",
    "optional",
    "pair",
    "switch",
    "text",
    "whole",
]

Setting = Callable[[str, Any], None]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a model.

    Parameters
    ----------
    name : str
    prior : Prior
        Its default, scaled from the data.
    dims : tuple of str
        Dimensions along which it is an array; their labels are the task's `coords`.
    unit : str
        That of its values, and of a Quantity in its prior.
    support : {"real", "positive", "unit"}
        Where its values must lie; "unit" is from 0 to 1.
    families : tuple of str
        Distributions that its prior may have; empty: any of numbers.
    because : str
        Why no others, for the error.
    given : bool
        Whether the default is one that the user gave, with a kernel.
    """

    name: str
    prior: Prior
    dims: tuple[str, ...] = ()
    unit: str = ""
    support: str = "real"
    families: tuple[str, ...] = ()
    because: str = "with another it cannot be integrated out"
    given: bool = False

    def check(self, prior: Prior, sizes: dict[str, int]) -> None:
        """Raise ValueError for a prior that this parameter cannot have."""
        if self.families:
            if prior.distribution not in self.families:
                raise ValueError(
                    f"Prior of {self.name!r} must be {' or '.join(self.families)}, got {prior}: "
                    f"{self.because}."
                )
        elif prior.event:
            raise ValueError(f"Prior of {self.name!r} must be of a number, got {prior}.")
        if not prior.event:
            length = int(np.prod([sizes[dim] for dim in self.dims], dtype=int))
            last = sizes[self.dims[-1]] if self.dims else 1
            for key, value in prior.arguments.items():
                if np.size(value) not in (1, last, length):
                    raise ValueError(
                        f"Prior of {self.name!r}: {key} has {np.size(value)} entries, expected "
                        f"{1 if length == 1 else f'1 or {length}'}."
                    )
            lower, upper = (np.asarray(edge) for edge in prior.support)
            if self.support == "positive" and np.any(lower < 0):
                raise ValueError(
                    f"Prior of {self.name!r}: {prior} admits negative values; use HalfNormal, "
                    "LogNormal, ..."
                )
            if self.support == "unit" and (np.any(lower < 0) or np.any(upper > 1)):
                raise ValueError(f"Prior of {self.name!r}: {prior} must stay within 0 and 1.")

    def sample(
        self, prior: Prior, sizes: dict[str, int], draws: int, rng: np.random.Generator
    ) -> np.ndarray:
        """Draws from a prior: (draws, ...)."""
        return np.asarray(prior.sample(rng, (draws, *(sizes[dim] for dim in self.dims))))


def is_number(value: Any) -> bool:
    """Whether `value` is a real number, and no truth value."""
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def is_whole(value: Any) -> bool:
    """Whether `value` is a whole number."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def whole(least: int, most: int | None = None) -> Setting:
    """A whole number in a range."""

    def check(name: str, value: Any) -> None:
        if not is_whole(value) or value < least or (most is not None and value > most):
            limits = f"from {least} to {most}" if most is not None else f"of at least {least}"
            raise ValueError(f"{name}={value!r} must be a whole number {limits}.")

    return check


def number(
    low: float, high: float, what: str, *, at_low: bool = False, at_high: bool = False
) -> Setting:
    """A number between two, ends included where said; `what` says so in words."""

    def check(name: str, value: Any) -> None:
        good = is_number(value) and (low <= value if at_low else low < value)
        if not good or not (value <= high if at_high else value < high):
            raise ValueError(f"{name}={value!r} must be {what}.")

    return check


def in_unit(name: str, value: Any, unit: str | None) -> Any:
    """A number as it is, a Quantity as one in `unit`."""
    if not hasattr(value, "unit"):
        return value
    try:
        return value.to_value(unit or "")
    except Exception as error:  # astropy raises errors of several kinds
        raise ValueError(
            f"{name}={value} cannot be converted to {unit or 'a number'!r}."
        ) from error


def duration(name: str, value: Any) -> None:
    """A positive time: a number in the time unit of the data, or a Quantity."""
    number = in_unit(name, value, "s")
    if np.ndim(number) or not is_number(number) or not 0 < number < np.inf:
        raise ValueError(
            f"{name}={value!r} must be a positive number in the time unit of the data, or a Quantity."
        )


def switch(name: str, value: Any) -> None:
    """True or False."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} must be True or False, got {value!r}.")


def text(what: str) -> Setting:
    """A text; `what` says which."""

    def check(name: str, value: Any) -> None:
        if not isinstance(value, str):
            raise ValueError(f"{name} must be {what}, got {value!r}.")

    return check


def choice(*allowed: Any) -> Setting:
    """One of several."""

    def check(name: str, value: Any) -> None:
        if not isinstance(value, str | None) or value not in allowed:
            *most, last = map(repr, allowed)
            raise ValueError(f"{name}={value!r} must be {', '.join(most)} or {last}.")

    return check


def optional(setting: Setting) -> Setting:
    """None, or what another setting takes."""

    def check(name: str, value: Any) -> None:
        if value is not None:
            setting(name, value)

    return check


def either(word: str, setting: Setting) -> Setting:
    """A word, or what another setting takes."""

    def check(name: str, value: Any) -> None:
        if isinstance(value, str) and value == word:
            return
        try:
            setting(name, value)
        except ValueError as error:
            raise ValueError(f"{str(error).removesuffix('.')}, or {word!r}.") from None

    return check


def pair(name: str, value: Any) -> None:
    """Two of something, lower and upper."""
    if isinstance(value, str) or getattr(value, "__len__", lambda: 0)() != 2:
        raise ValueError(f"{name} must be (lowest, highest) or None, got {value!r}.")


def anything(name: str, value: Any) -> None:
    """Whatever is given: the task itself looks at it."""


def resolved(
    task: str,
    declared: Sequence[Parameter],
    asked: Any,
    sizes: dict[str, int],
) -> dict[str, Prior]:
    """The declared priors, with those that the user asked for in their places, in plain units."""
    asked = {} if asked is None else asked
    if not isinstance(asked, dict):
        raise ValueError(f"priors must map parameter names to ba.Prior, got {asked!r}.")
    known = [parameter.name for parameter in declared]
    for name, prior in asked.items():
        if name not in known:
            raise ValueError(
                f"{task} has no parameter {name!r} to give a prior.{nearest(name, known)}"
            )
        if not isinstance(prior, Prior):
            raise ValueError(f"priors[{name!r}] must be a ba.Prior, got {prior!r}.")
    found = {}
    for parameter in declared:
        prior = asked.get(parameter.name, parameter.prior)
        prior = prior.in_unit(parameter.unit or None, parameter.name)
        parameter.check(prior, sizes)
        found[parameter.name] = prior
    return found
