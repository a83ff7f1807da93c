"""Separate peaks of a periodogram's posterior, and which may be aliases of which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.periodic import signals

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["combination", "known", "relation", "table"]

SAMPLING = {  # frequencies at which ground-based sampling repeats itself, in 1/day
    "1/day": 1.0,
    "1/sidereal day": 1.00273791,
    "2/day": 2.0,
    "1/year": 1 / 365.25,
    "2/year": 2 / 365.25,
    "1/month": 1 / 29.530589,
}
LEAST_POWER = 0.05  # of the window function, of an alias
STRONGEST = 10  # peaks of which the others may be aliases
CHANCE = 8.0  # the same, in that of times at random
RATIOS = {"f/2": 0.5, "2f": 2.0, "f/3": 1 / 3, "3f": 3.0, "2f/3": 2 / 3, "3f/2": 1.5}


def relation(
    frequency: float, stronger: float, time: np.ndarray, weight: np.ndarray, day: float = 1.0
) -> str:
    """How a peak at `frequency` may come from a signal at `stronger`, or an empty text.

    Harmonics of a signal appear at simple ratios; and as another signal at every distance from it at
    which the window function of these times, sum_i w_i exp(2 pi i s t_i) / sum_i w_i, is large. Rates
    at which sampling from the ground repeats itself are given by name, others by their value.

    Parameters
    ----------
    frequency, stronger : float
        In cycles per time unit.
    time, weight : array (row,)
        As observed; the weights are one over the squared errors.
    day : float
        Length of the time unit in days.
    """
    width = 1 / np.ptp(time)
    for name, ratio in RATIOS.items():
        if abs(frequency - ratio * stronger) < width:
            return name
    best, highest = "", max(LEAST_POWER, CHANCE / len(time))
    for rate in (abs(frequency - stronger), frequency + stronger):
        if rate < width:
            continue
        near = rate + width * np.linspace(-0.5, 0.5, 11)
        turns = np.exp(2j * np.pi * near[:, None] * (time - time[0])) @ (weight / weight.sum())
        power = float(np.max(np.abs(turns) ** 2))
        if power >= highest:
            best, highest = known(rate, width, day) or f"{rate:.5g} of the sampling", power
    return best


def combination(frequency: float, stronger: list[float], width: float) -> str:
    """Which two signals' sum or difference a frequency is within `width`, or an empty text."""
    for i, a in enumerate(stronger):
        for j, b in enumerate(stronger[:i]):
            for name, rate in (("sum", a + b), ("difference", abs(a - b))):
                if abs(frequency - rate) < width:
                    return f"{name} of signals {j + 1} and {i + 1}"
    return ""


def known(rate: float, width: float, day: float) -> str:
    """The name of a rate of sampling from the ground within a resolution, or an empty text."""
    distance = {name: abs(rate / day - own) for name, own in SAMPLING.items()}
    name = min(distance, key=lambda n: distance[n])
    return name if distance[name] < width / day else ""


def table(model: Any, minimum_mass: float) -> pd.DataFrame:
    """One row a peak; see `Periodogram.modes`."""
    import pandas as pd

    from bayes_astro.periodic.frequency_modes import modes
    from bayes_astro.periodic.harmonics import in_days

    if not 0 <= minimum_mass <= 1:
        raise ValueError(f"minimum_mass={minimum_mass!r} must be between 0 and 1.")
    tree, data = model.posterior, model.data
    if "periodogram" not in tree:
        raise ValueError("modes() needs the density over frequency: fit with ba.Exact().")
    group = tree["periodogram"].to_dataset()
    span, grid = float(np.ptp(data.time)), group["frequency"].values
    several = "signal" in group.dims
    draws = tree["posterior"]["frequency"].values.reshape(-1, group.sizes.get("signal", 1))
    if several:
        draws = signals.claimed(group, draws)
    found: list[tuple[int, Any]] = []
    for s, height in enumerate(np.atleast_2d(group["log_density"].values)):
        peaks = modes(grid, height, draws[:, s], span)
        found += [(s, p) for k, p in enumerate(peaks) if k == 0 or p.mass >= minimum_mass]
    days, weight = in_days(data.time_unit), data.error**-2.0
    rows: list[dict[str, Any]] = []
    for i, (s, peak) in enumerate(found):
        frequency = draws[:, s]
        inside = (frequency >= peak.low) & (frequency <= peak.high)
        period = 1 / frequency[inside]
        single = inside.sum() < 2
        row = ({"signal": s + 1} if several else {}) | {
            "mass": peak.mass,
            "period": float(period.mean()) if inside.any() else 1 / peak.frequency,
            "sd": peak.sd / peak.frequency**2 if single else float(period.std()),
            "frequency": peak.frequency,
            "frequency_sd": peak.sd,
            "alias_of": "",
        }
        for j in range(min(i, STRONGEST)):
            how = relation(peak.frequency, rows[j]["frequency"], data.time, weight, days)
            if how:
                row["alias_of"] = f"{how} of peak {j}"
                break
        if several and not row["alias_of"]:
            tops = [one["frequency"] for one in rows if one["first"] and one["signal"] <= s]
            row["alias_of"] = combination(peak.frequency, tops, 1 / span)
        row["first"] = not rows or rows[-1].get("signal") != row.get("signal")
        rows.append(row)
    return pd.DataFrame(rows).drop(columns="first")
