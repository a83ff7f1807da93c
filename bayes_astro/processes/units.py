"""A process in the units of its data, with what their times ask of its kernels."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.data import LightCurve
from bayes_astro.processes.harmonics_kept import kernel_of
from bayes_astro.processes.kernels.exposure import exposed_kernels, together

__all__ = ["plain"]


def plain(model: Any, data: LightCurve) -> Any:
    """The model with kernels whose numbers are in the units of the data; itself where all are.

    Where rows have the same time, exposures at the same time are the same.
    """
    units = str(data.time_unit), data.value_unit or ""
    changes = {}
    simultaneous = bool((np.diff(data.time) == 0).any())
    for name in ("kernel", "independent"):
        kernel = kernel_of(model) if name == "kernel" else model.independent
        if kernel is None:
            continue
        found = kernel.in_units(*units)
        if simultaneous and exposed_kernels(found):
            found = together(found)
        if found is not getattr(model, name):
            changes[name] = found
    return model.copy(**changes) if changes else model
