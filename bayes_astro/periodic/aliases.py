"""Separate peaks of a periodogram's posterior, and which may be aliases of which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bayes_astro.periodic import signals

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Peaks", "combination", "known", "peaks_of", "relation", "table"]

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
FEW = 20  # draws, below which the density says where a peak is
CHANCE = 8.0  # the same, in that of times at random
RATIOS = {"f/2": 0.5, "2f": 2.0, "f/3": 1 / 3, "3f": 3.0, "2f/3": 2 / 3, "3f/2": 1.5}


def relation(
    frequency: float,
    stronger: float,
    time: np.ndarray,
    weight: np.ndarray,
    day: float = 1.0,
    sd: tuple[float, float] | None = None,
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
    sd : (float, float), optional
        Standard deviations of the two, within five of which a ratio has to hold; without them within the
        resolution.
    """
    width = 1 / np.ptp(time)
    for name, ratio in RATIOS.items():
        own = width if sd is None else together(width, sd[0], ratio * sd[1])
        if abs(frequency - ratio * stronger) < own:
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


def together(width: float, *sds: float) -> float:
    """How near frequencies with such errors must be to be the same: at most a resolution."""
    return min(width, max(5 * float(np.hypot.reduce(sds)), 0.05 * width))


def combination(peak: tuple[float, float], others: list[tuple[float, float]], width: float) -> str:
    """Which two signals' sum or difference a frequency is, or an empty text; all with their sd."""
    for i, (a, error) in enumerate(others):
        for j, (b, other) in enumerate(others[:i]):
            for name, rate in (("sum", a + b), ("difference", abs(a - b))):
                if abs(peak[0] - rate) < together(width, peak[1], error, other):
                    return f"{name} of signals {j + 1} and {i + 1}"
    return ""


class Peaks(NamedTuple):
    """What each signal has of the posterior, the lowest median frequency first."""

    several: bool
    grid: np.ndarray
    heights: np.ndarray
    """Log density of each, of several given the others (S, G)."""
    draws: np.ndarray
    """Frequencies (draw, S), those of several as the densities claim them."""
    modes: list[list[Any]]
    """Of each signal, the most probable first."""


def peaks_of(model: Any) -> Peaks:
    """Of a fit with a density over frequency."""
    from bayes_astro.periodic.frequency_modes import modes

    tree = model.posterior
    group = tree["periodogram"].to_dataset()
    grid, heights = group["frequency"].values, np.atleast_2d(group["log_density"].values)
    several = "signal" in group.dims
    draws = tree["posterior"]["frequency"].values.reshape(-1, len(heights))
    if several:
        draws = signals.claimed(group, draws)
        order = np.argsort(np.median(draws, axis=0))
        heights, draws = heights[order], draws[:, order]
    span = float(np.ptp(model.data.time))
    found = [modes(grid, height, draws[:, s], span) for s, height in enumerate(heights)]
    return Peaks(several, grid, heights, draws, found)


def known(rate: float, width: float, day: float) -> str:
    """The name of a rate of sampling from the ground within a resolution, or an empty text."""
    distance = {name: abs(rate / day - own) for name, own in SAMPLING.items()}
    name = min(distance, key=lambda n: distance[n])
    return name if distance[name] < width / day else ""


def table(model: Any, minimum_mass: float) -> pd.DataFrame:
    """One row a peak; see `Periodogram.modes`."""
    import pandas as pd

    from bayes_astro.periodic.harmonics import in_days

    if not 0 <= minimum_mass <= 1:
        raise ValueError(f"minimum_mass={minimum_mass!r} must be between 0 and 1.")
    data = model.data
    if "periodogram" not in model.posterior:
        raise ValueError("modes() needs the density over frequency: fit with ba.Exact().")
    whole, span = peaks_of(model), float(np.ptp(data.time))
    days, weight = in_days(data.time_unit), data.error**-2.0
    rows: list[dict[str, Any]] = []
    tops: list[tuple[float, float]] = []
    for s, own in enumerate(whole.modes):
        for k, peak in enumerate(own):
            if k and peak.mass < minimum_mass:
                continue
            row = ({"signal": s + 1} if whole.several else {}) | _row(peak, whole, s)
            here = row["frequency"], row["frequency_sd"]
            row["alias_of"] = ""
            for j, other in enumerate(rows[:STRONGEST]):
                if other["mass"] < row["mass"] and not (k == 0 and other["first"]):
                    continue
                sd = (here[1], other["frequency_sd"])
                how = relation(here[0], other["frequency"], data.time, weight, days, sd)
                if how:
                    row["alias_of"] = f"{how} of peak {j}"
                    break
            row["alias_of"] = row["alias_of"] or combination(here, tops, 1 / span)
            row["first"] = k == 0
            rows.append(row)
            if k == 0:
                top = here
        tops.append(top)
    return pd.DataFrame(rows).drop(columns="first")


def _row(peak: Any, whole: Peaks, s: int) -> dict[str, Any]:
    """Mass, period and frequency of a peak.

    Of one signal the density has mean and width, of several those given the others: the draws have them then.
    """
    frequency = whole.draws[:, s]
    inside = frequency[(frequency >= peak.low) & (frequency <= peak.high)]
    mean, sd = peak.frequency, peak.sd
    many = len(np.unique(inside)) >= (FEW if whole.several else 2)
    if whole.several and many:
        mean, sd = float(inside.mean()), float(inside.std())
    period = 1 / inside
    return {
        "mass": peak.mass,
        "period": float(period.mean()) if many else 1 / mean,
        "sd": float(period.std()) if many else sd / mean**2,
        "frequency": mean,
        "frequency_sd": sd,
    }
