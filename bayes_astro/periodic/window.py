"""The window function: at which frequencies the times of a light curve repeat themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.data import LightCurve
from bayes_astro.periodic import aliases, harmonics

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Window", "window"]


@dataclass(frozen=True, eq=False)
class Window:
    """Power of a window function, abs(sum_i exp(2 pi i f t_i) / n)^2: 1 where all phases are the same.

    A signal at a frequency appears again at every distance from it at which the power is large.

    Attributes
    ----------
    frequency, power : array (m,)
        From zero, in cycles per time unit, at eight steps a resolution element.
    time_unit : str
    resolution : float
        One over the time span.
    """

    frequency: np.ndarray
    power: np.ndarray
    time_unit: str
    resolution: float

    def peaks(self, count: int = 5) -> pd.DataFrame:
        """The strongest peaks but that at zero, as ``frequency``, ``period``, ``power`` and ``name``.

        Named are rates at which sampling from the ground repeats itself: 1/day, 1/year, ...
        """
        import pandas as pd

        inside = self.power[1:-1]
        top = np.flatnonzero((inside >= self.power[:-2]) & (inside > self.power[2:])) + 1
        top = top[self.frequency[top] > self.resolution]
        day = harmonics.in_days(self.time_unit)
        rows: list[dict[str, Any]] = []
        for i in top[np.argsort(-self.power[top], kind="stable")]:
            if len(rows) >= count:
                break
            rate = float(self.frequency[i])
            # Of the lobes of one peak the highest.
            if all(abs(rate - row["frequency"]) > 2 * self.resolution for row in rows):
                rows.append(
                    {
                        "frequency": rate,
                        "period": 1 / rate,
                        "power": float(self.power[i]),
                        "name": aliases.known(rate, self.resolution, day),
                    }
                )
        return pd.DataFrame(rows, columns=["frequency", "period", "power", "name"])

    def __repr__(self) -> str:
        return f"<Window of {len(self.frequency)} frequencies to {self.frequency[-1]:.4g} / {self.time_unit}>"


def window(data: LightCurve, highest: float | None = None) -> Window:
    """The window function of a light curve's times, all bands together.

    Parameters
    ----------
    data : LightCurve
        Of which the times alone are used.
    highest : float, optional
        Frequency, in cycles per time unit; default: that of `ba.Periodogram`'s default range, or
        one and a half cycles a day, what is higher.

    Returns
    -------
    Window
        Its ``peaks`` say at which distances from a frequency aliases lie.

    Raises
    ------
    ValueError
        For times that are all the same, and a frequency out of range.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> ba.window(ba.load("eros2-cepheid")).peaks(1)["name"][0]
    '1/day'
    """
    if not isinstance(data, LightCurve):
        raise ValueError(f"expected a LightCurve, got {type(data).__name__}.")
    span = float(np.ptp(data.time))
    if not span > 0:
        raise ValueError(
            "column 'time': all points have the same time, which has no window function."
        )
    if highest is None:
        highest = max(harmonics.default_range(data)[1], 1.5 * harmonics.in_days(data.time_unit))
    if not 0 < highest * span <= harmonics.MOST_WINDOW:
        raise ValueError(
            f"highest={highest!r} must be positive, and at most {harmonics.MOST_WINDOW / span:.4g} for "
            "this time span."
        )
    frequency, power = harmonics.window(np.asarray(data.time), float(highest))
    return Window(frequency, power, str(data.time_unit or "d"), 1 / span)
