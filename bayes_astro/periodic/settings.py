"""What a periodogram's settings mean for its data: numbers of harmonics, and the range searched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bayes_astro.data import LightCurve, light_curve_inputs
from bayes_astro.data.curve import Curve
from bayes_astro.parameters import is_whole
from bayes_astro.periodic import harmonics

__all__ = [
    "MOST_SIGNALS",
    "SEVERAL",
    "check",
    "check_noise",
    "frequency_range",
    "harmonic_numbers",
    "noise",
    "numbers",
]

SEVERAL = (1, 2, 3, 4)
"""Numbers of harmonics over which bands with coefficients of their own are averaged by default."""
MOST_SIGNALS = 6
ALIKE = 1e-3  # share of a regressor's variation that others leave, below which it is theirs
MOST_CORRELATED = 3000  # points, of noise that is not white
MOST_CYCLES = 2e7  # of the shortest period in the time span, harmonics counted


def harmonic_numbers(name: str, value: Any) -> None:
    """A whole number of harmonics, or several to average over."""
    several = value if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
    good = len(several) > 0 and all(is_whole(one) and 1 <= one <= 20 for one in several)
    if not good or len(set(several)) < len(several):
        raise ValueError(
            f"{name}={value!r:.80} must be a whole number from 1 to 20, or different ones, as (1, 2, 3), to "
            "average over."
        )


def numbers(n_terms: Any, several: bool) -> tuple[int, ...]:
    """Numbers of harmonics, ascending; `several`: whether bands have coefficients of their own."""
    if n_terms is None:
        return SEVERAL if several else (1,)
    if is_whole(n_terms):
        return (int(n_terms),)
    return tuple(sorted(int(one) for one in n_terms))


def noise(name: str, value: Any) -> None:
    """ "white", a kernel, or several of them."""
    several = value if isinstance(value, tuple | list) else (value,)
    kernels = [one for one in several if getattr(type(one), "part", "") == "kernel"]
    white = [one for one in several if isinstance(one, str) and one == "white"]
    if not several or len(kernels) + len(white) < len(several) or len(white) > 1:
        raise ValueError(
            f"{name}={value!r:.120} must be 'white', a kernel such as ba.kernels.DampedRandomWalk(), or a "
            "sequence of them to average over."
        )
    names: list[str] = []
    for one in kernels:
        one.check()
        names += [variable for variable, (leaf, own) in one.variables() if leaf.is_free(own)]
    if twice := sorted({one for one in names if names.count(one) > 1}):
        raise ValueError(
            f"{name}: two kernels have a parameter {twice[0]!r}: give one of them a name, as in "
            "ba.kernels.DampedRandomWalk(name='slow')."
        )


def check_noise(data: LightCurve, *, own: bool, signals: Any = 1) -> None:
    """Raise ValueError for what noise other than white cannot be computed for."""
    if signals != 1:
        raise ValueError(
            f"noise: n_signals={signals!r} is for white noise: give n_signals=1 and fit what is left, "
            "model.residuals(), again, or noise='white' with jitter=True."
        )
    if own:
        raise ValueError(
            "noise: a kernel is for one band, or for instruments that see one signal: select a band, or say "
            "amplitude=False."
        )
    if len(data) > MOST_CORRELATED:
        raise ValueError(
            f"noise: {len(data)} points are too many for a kernel, whose pairs are summed: at most "
            f"{MOST_CORRELATED}. Bin the light curve, or use ba.GaussianProcess(kernel, mean='harmonics')."
        )


def check(data: LightCurve, trend: int = 0) -> None:
    """Raise ValueError for data that determine no period."""
    light_curve_inputs.check_varies(data, "a period")
    if len(np.unique(data.time)) < 3:
        raise ValueError(
            "column 'time': there are but two different times, too few for a period: at least 3 are needed."
        )
    curve = Curve.of(data)
    if not np.any(curve.each(np.ptp, data.value)):
        raise ValueError(
            "column 'value' is constant in every band: there is no variation for a period. Check that the right "
            "columns were read, and that bands repeat."
        )
    known = (curve.time / curve.half)[:, None] ** np.arange(trend + 1)
    for name, column in zip(curve.regressors, curve.columns.T, strict=True):
        if np.ptp(column) == 0:
            raise ValueError(
                f"regressors[{name!r}] is the same in every row and explains nothing: leave it out."
            )
        rest = column - known @ np.linalg.lstsq(known, column, rcond=None)[0]
        if np.std(rest) < ALIKE * np.std(column):
            raise ValueError(
                f"regressors[{name!r}] follows from the trend and the regressors before it: leave it out."
            )
        known = np.column_stack([known, column / np.std(column)])


def frequency_range(period: Any, data: LightCurve, n_terms: int) -> tuple[float, float]:
    """Lowest and highest frequency of the range of periods that was asked for."""
    if period is None:
        return harmonics.default_range(data)
    edges = []
    for edge in period:
        if hasattr(edge, "unit"):
            try:
                edge = edge.to_value(data.time_unit)
            except Exception as error:
                raise ValueError(
                    f"period={edge} cannot be converted to the time unit {data.time_unit!r}."
                ) from error
        try:
            edges.append(float(edge))
        except (TypeError, ValueError):
            raise ValueError(f"period={period!r} must hold two numbers.") from None
    shortest, longest = edges
    if not 0 < shortest < longest < np.inf:
        raise ValueError(f"period=({shortest:g}, {longest:g}) must satisfy 0 < shortest < longest.")
    span = np.ptp(data.time)
    if n_terms * span / shortest > MOST_CYCLES:
        raise ValueError(
            f"period: {span / shortest:.3g} cycles of the shortest period {shortest:g} fit "
            f"into the time span; at most {MOST_CYCLES:g} (harmonics counted) can be searched. Raise it."
        )
    return 1 / longest, 1 / shortest
