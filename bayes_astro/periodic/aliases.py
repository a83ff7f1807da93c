"""Separate peaks of a periodogram's posterior, and which may be aliases of which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["relation", "table"]

SAMPLING = {  # frequencies at which ground-based sampling repeats itself, in 1/day
    "1/day": 1.0,
    "1/sidereal day": 1.00273791,
    "2/day": 2.0,
    "1/year": 1 / 365.25,
    "2/year": 2 / 365.25,
    "1/month": 1 / 29.530589,
}
RATIOS = {"f/2": 0.5, "2f": 2.0, "f/3": 1 / 3, "3f": 3.0, "2f/3": 2 / 3, "3f/2": 1.5}


def relation(frequency: float, stronger: float, tolerance: float) -> str:
    """How `frequency` may come from `stronger` (both in 1/day), or an empty text.

    Sampling that repeats with frequency s makes a signal at f appear at |f + s| and |f - s|;
    harmonics make it appear at simple ratios.
    """
    best, nearest = "", tolerance
    for name, ratio in RATIOS.items():
        if abs(frequency - ratio * stronger) < nearest:
            best, nearest = name, abs(frequency - ratio * stronger)
    for name, rate in SAMPLING.items():
        for image in (stronger + rate, abs(stronger - rate)):
            if abs(frequency - image) < nearest:
                best, nearest = name, abs(frequency - image)
    return best


def table(model: Any, minimum_mass: float) -> pd.DataFrame:
    """One row a peak; see `Periodogram.modes`."""
    import pandas as pd

    from bayes_astro.periodic.frequency_modes import modes
    from bayes_astro.periodic.harmonics import in_days

    if not 0 <= minimum_mass <= 1:
        raise ValueError(f"minimum_mass={minimum_mass!r} must be between 0 and 1.")
    tree, data = model.posterior, model.data
    frequency = tree["posterior"]["frequency"].values.ravel()
    if "periodogram" not in tree:
        raise ValueError("modes() needs the density over frequency: fit with ba.Exact().")
    group = tree["periodogram"]
    span = float(np.ptp(data.time))
    peaks = modes(group["frequency"].values, group["log_density"].values, frequency, span)
    peaks = [peaks[0], *(peak for peak in peaks[1:] if peak.mass >= minimum_mass)]
    days = in_days(data.time_unit)
    rows: list[dict[str, Any]] = []
    for i, peak in enumerate(peaks):
        inside = (frequency >= peak.low) & (frequency <= peak.high)
        period = 1 / frequency[inside]
        single = inside.sum() < 2
        row = {
            "mass": peak.mass,
            "period": float(period.mean()) if inside.any() else 1 / peak.frequency,
            "sd": peak.sd / peak.frequency**2 if single else float(period.std()),
            "frequency": peak.frequency,
            "frequency_sd": peak.sd,
            "alias_of": "",
        }
        for j in range(i):
            found = relation(
                peak.frequency / days, rows[j]["frequency"] / days, 1.0 / (span * days)
            )
            if found:
                row["alias_of"] = f"{found} of peak {j}"
                break
        rows.append(row)
    return pd.DataFrame(rows)
