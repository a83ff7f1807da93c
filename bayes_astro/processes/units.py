"""A process in the units of its data: plain numbers in the place of Quantities."""

from __future__ import annotations

from typing import Any

from bayes_astro.data import LightCurve

__all__ = ["plain"]


def plain(model: Any, data: LightCurve) -> Any:
    """The model with kernels whose numbers are in the units of the data; itself where all are."""
    units = str(data.time_unit), data.value_unit or ""
    changes = {}
    for name in ("kernel", "independent"):
        kernel = getattr(model, name)
        if kernel is not None and (found := kernel.in_units(*units)) is not kernel:
            changes[name] = found
    return model.copy(**changes) if changes else model
