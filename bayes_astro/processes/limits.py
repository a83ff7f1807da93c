"""What a Gaussian process cannot take: settings that do not go together, and data."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.data import LightCurve
from bayes_astro.processes.kernels import Kernel
from bayes_astro.processes.kernels.exposure import check_exposures
from bayes_astro.processes.units import plain

__all__ = ["check_data", "check_settings"]

MEANS = ("zero", "constant", "linear", "harmonics")


def check_settings(model: Any) -> None:
    """Raise ValueError for a parameter out of its range."""
    for name in ("kernel", "independent"):
        kernel = getattr(model, name)
        if kernel is None and name == "independent":
            continue
        if not isinstance(kernel, Kernel):
            hint = ", with brackets" if isinstance(kernel, type) else ""
            raise ValueError(
                f"{name}={kernel!r} must be a kernel{hint}, as ba.kernels.DampedRandomWalk()."
            )
        for leaf in kernel.leaves():
            leaf.check()
        kernel.check()
    if model.derivative and not all(leaf.differentiable for leaf in model.kernel.leaves()):
        raise ValueError(
            f"derivative=True: {model.kernel!r} has no derivative; use SHO, Matern32, Rotation, "
            "QuasiPeriodic, ..."
        )
    if isinstance(model.mean, str):
        if model.mean not in MEANS:
            raise ValueError(f"mean={model.mean!r} must be one of {', '.join(MEANS)}.")
    elif not (hasattr(model.mean, "evaluate") and hasattr(model.mean, "priors")):
        raise ValueError(
            f"mean={model.mean!r} must be one of {', '.join(MEANS)} or an object with "
            "evaluate(time, parameters) and priors(data), as in ba.means."
        )
    elif hasattr(model.mean, "of_predictors"):
        raise ValueError(
            f"mean={model.mean!r} is a function of predictors, for ba.Relation; functions of time are in "
            "ba.means."
        )
    elif hasattr(model.mean, "check"):
        model.mean.check()


def check_data(model: Any, data: LightCurve) -> None:
    """Raise ValueError for too few points, one epoch, a constant, or a range that cannot be."""
    if len(data) < 3:
        raise ValueError(
            f"{len(data)} points are too few for a Gaussian process: at least 3 are needed."
        )
    if np.ptp(data.time) <= 0:
        raise ValueError("column 'time': all points have the same time.")
    several = len(data.bands) > 1
    for band in data.bands if several else ("",):
        rows = data.value[data.band == band] if several else data.value
        if np.ptp(rows) == 0:
            where = f" in band {band!r}" if several else ""
            raise ValueError(
                f"column 'value' is constant{where} ({rows[0]:g} in every row): there is no "
                "variation to model. Check that the right column was read."
            )
    for name in ("derivative", "independent", "lag"):
        if not several and getattr(model, name) not in (None, False) and name != "derivative":
            raise ValueError(f"{name} needs a light curve of several bands.")
    if model.lag is not None:
        low, high = model.lag_range(data)
        span = float(np.ptp(data.time))
        if not -span < low < high < span:
            raise ValueError(
                f"lag=({low:g}, {high:g}) must satisfy lowest < highest, both within the time "
                f"span of {span:g} {data.time_unit}: beyond, the bands would not overlap."
            )
    converted = plain(model, data)
    moves = model.lag is not None or model.derivative
    check_exposures(converted.kernel, data, True, moves)
    check_exposures(converted.independent, data, False, moves)
