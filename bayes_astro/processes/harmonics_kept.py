"""Kernels with numbers of harmonics that their data choose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from bayes_astro.processes.kernels import Kernel, QuasiPeriodic

__all__ = ["kernel_of", "mapped", "open_leaves", "quasi_periodic"]


def kernel_of(model: Any) -> Kernel:
    """The kernel that was fitted, its numbers of harmonics included."""
    if model._tree is None or "selection" not in model._tree or not open_leaves(model.kernel):
        return model.kernel
    counts = model._tree["selection"]["harmonics"].values
    leaves = quasi_periodic(model.kernel)
    chosen = {id(leaf): int(count) for leaf, count in zip(leaves, counts, strict=True)}
    return mapped(model.kernel, set(chosen), lambda leaf: replace(leaf, harmonics=chosen[id(leaf)]))


def quasi_periodic(kernel: Kernel) -> list[QuasiPeriodic]:
    """The quasi-periodic kernels of which it is made, in order."""
    return [leaf for leaf in kernel.leaves() if isinstance(leaf, QuasiPeriodic)]


def open_leaves(kernel: Kernel) -> list[QuasiPeriodic]:
    """The quasi-periodic kernels whose number of harmonics is left to the data."""
    return [leaf for leaf in quasi_periodic(kernel) if leaf.harmonics is None]


def mapped(kernel: Any, which: set[int], change: Callable[[Any], Any]) -> Any:
    """A kernel with some of its leaves changed."""
    if id(kernel) in which:
        return change(kernel)
    changed = {}
    for field in fields(kernel):
        value = getattr(kernel, field.name)
        if isinstance(value, tuple):
            changed[field.name] = tuple(mapped(part, which, change) for part in value)
        elif isinstance(value, Kernel):
            changed[field.name] = mapped(value, which, change)
    return replace(kernel, **changed) if changed else kernel
