"""What every sampler keeps to."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.hooks import Shown

if TYPE_CHECKING:
    import xarray as xr

    from bayes_astro.model import Model
    from bayes_astro.problem import Problem

__all__ = ["Sampler", "chosen"]


class Sampler(Shown):
    """Settings of a sampler, a frozen dataclass, with one verb: `sample`."""

    _internal: ClassVar[tuple[str, ...]] = ("sample", "checks", "search", "workers")

    @abstractmethod
    def sample(self, problem: Problem, seed: int, *, progress: bool = False) -> xr.DataTree | None:
        """Draw; None when the run was interrupted before anything was drawn."""

    def _check_counts(self, *, least: int = 1, **counts: Any) -> None:
        for name, count in counts.items():
            whole = isinstance(count, int | np.integer) and not isinstance(count, bool)
            if not whole or count < least:
                raise ValueError(
                    f"{type(self).__name__}: {name}={count!r} must be a whole number of at "
                    f"least {least}."
                )


def chosen(model: Model, sampler: Sampler | None, data: Any) -> tuple[Sampler, str]:
    """The sampler to use and why: the one asked for, or the one that suits the data."""
    if sampler is None:
        return model.default_sampler(data)
    if isinstance(sampler, type) and issubclass(sampler, Sampler):
        raise ValueError(f"sampler must be an instance: ba.{sampler.__name__}(), with brackets.")
    if type(sampler).__name__ not in model.samplers:
        raise ValueError(
            f"{type(model).__name__} cannot be sampled with {sampler!r}. It takes "
            f"{', '.join('ba.' + name for name in model.samplers)}."
        )
    return sampler, "asked for"
