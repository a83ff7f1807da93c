"""Kernels from tables of specifications and saved fits."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

import numpy as np

from bayes_astro import registry
from bayes_astro.names import nearest
from bayes_astro.priors import Prior
from bayes_astro.processes.kernels.base import Kernel
from bayes_astro.quantities import quantity

__all__ = ["from_dict"]


def from_dict(plain: dict[str, Any]) -> Kernel:
    """Rebuild a kernel from what `to_dict` gives, or from a table of a specification.

    Parameters
    ----------
    plain : dict
        ``kernel``, the name of its class, and its parameters: numbers, tables of ``value`` and
        ``unit``, tables of priors, and for sums and products a list of ``parts``.

    Returns
    -------
    Kernel
        The kernel, its parameters checked.

    Raises
    ------
    ValueError
        For an unknown kernel or parameter, naming the nearest known one, and for values that a
        parameter cannot have.

    Examples
    --------
    >>> from bayes_astro.processes.kernels import from_dict
    >>> from_dict({"kernel": "DampedRandomWalk", "tau": 100.0})
    DampedRandomWalk(tau=100.0)
    """
    if not isinstance(plain, dict) or "kernel" not in plain:
        raise ValueError(f"A kernel is a table with a 'kernel', got {plain!r:.80}.")
    kinds = registry.PARTS["kernel"]
    name = plain["kernel"]
    if not isinstance(name, str) or name not in kinds:
        raise ValueError(f"Unknown kernel {name!r:.80}.{nearest(name, kinds)}")
    kind = kinds[name].load()
    known = {f.name: f for f in fields(kind)}
    for key, field in known.items():
        if field.default is MISSING and key not in plain:
            raise ValueError(f"Kernel {name} needs {key!r}.")
    arguments: dict[str, Any] = {}
    for key, value in plain.items():
        if key == "kernel":
            continue
        if key not in known:
            raise ValueError(f"Kernel {name} has no parameter {key!r:.80}.{nearest(key, known)}")
        if key == "parts":
            if not isinstance(value, list) or not value:
                raise ValueError(f"Kernel {name}: parts must be a list of kernels.")
            value = tuple(from_dict(part) for part in value)
        elif key == "of":
            value = from_dict(value)
        elif key == "name":
            if not isinstance(value, str) or len(value) > 80:
                raise ValueError(f"Kernel {name}: name={value!r:.80} must be a short text.")
        elif key == "values":
            if not isinstance(value, dict):
                raise ValueError(f"Kernel {name}: values must be a table.")
            value = {k: _number_or_prior(name, k, v) for k, v in value.items()}
        else:
            value = _number_or_prior(name, key, value)
        arguments[key] = value
    made: Kernel = kind(**arguments)
    made.check()
    return made


def _number_or_prior(kernel: str, key: str, value: Any) -> Any:
    """A parameter of a kernel from a table."""
    if isinstance(value, dict):
        try:
            if set(value) == {"value", "unit"}:
                return quantity(value["value"], value["unit"])
            return Prior.from_dict(value)
        except ValueError as error:
            raise ValueError(f"Kernel {kernel}: {key[:80]}: {error}") from None
    if not isinstance(value, int | float | np.number) or isinstance(value, bool):
        raise ValueError(
            f"Kernel {kernel}: {key[:80]} must be a number, a table of value and unit, or the table of a prior, got "
            f"{value!r:.80}."
        )
    return value
