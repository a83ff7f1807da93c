"""A light curve as models see it: bands by number, times from the epoch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bayes_astro.data import light_curve_inputs as inputs
from bayes_astro.data.light_curve import LightCurve

__all__ = ["Curve"]


@dataclass(frozen=True)
class Curve:
    """What of a light curve does not depend on parameters, laid out once.

    Attributes
    ----------
    bands : tuple of str
        In order; one nameless band where there is only one.
    band : (n,) array of int64
        Number of the band of each row.
    epoch : float
        The time from which trends and phases count.
    time : (n,) array
        From the epoch.
    half : float
        Half of the time span, which scales the trend.
    regressors : tuple of str
    means : (R,) array
        Of the regressors.
    columns : (n, R) array
        Regressors less their means.
    """

    data: LightCurve
    bands: tuple[str, ...]
    band: np.ndarray
    epoch: float
    time: np.ndarray
    half: float
    regressors: tuple[str, ...] = ()
    means: np.ndarray = field(default_factory=lambda: np.zeros(0))
    columns: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))

    @classmethod
    def of(cls, data: LightCurve) -> Curve:
        """Lay out a light curve."""
        bands = tuple(sorted(data.bands)) if len(data.bands) > 1 else ("",)
        band = np.zeros(len(data), dtype=np.int64)
        if len(bands) > 1:
            band = np.searchsorted(bands, np.asarray(data.band)).astype(np.int64)
        epoch = float(np.mean(data.time))
        half = 0.5 * float(np.ptp(data.time))
        names = tuple(data.regressors or ())
        columns = np.empty((len(data), len(names)))
        for j, name in enumerate(names):
            columns[:, j] = data.regressors[name]  # type: ignore[index]
        means = columns.mean(axis=0)
        time = data.time - epoch
        return cls(data, bands, band, epoch, time, half, names, means, columns - means)

    @property
    def several(self) -> bool:
        """Whether there is more than one band."""
        return len(self.bands) > 1

    def numbers(self, at: LightCurve) -> np.ndarray:
        """Number of the band of each row of another light curve."""
        if not self.several:
            return np.zeros(len(at), dtype=np.int64)
        if at.band is None:
            raise ValueError(f"column 'band' is missing; the fit has {', '.join(self.bands)}.")
        unknown = sorted(set(at.bands) - set(self.bands))
        if unknown:
            raise ValueError(
                f"column 'band': {unknown[0]!r} was not fitted; the fit has "
                f"{', '.join(self.bands)}."
            )
        return np.searchsorted(self.bands, at.band).astype(np.int64)

    def asked(self, at: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Times, errors and band numbers of the rows asked for; plain times stand for all bands in turn."""
        time, error = inputs.times(self.data, at)
        if isinstance(at, LightCurve):
            return time, error, self.numbers(at)
        numbers = np.repeat(np.arange(len(self.bands)), len(time))
        if self.several:
            error = np.repeat(self.each(np.median, self.data.error), len(time))
        return np.tile(time, len(self.bands)), error, numbers

    def beside(self, at: Any, n: int) -> np.ndarray:
        """Regressors less the fitted means at `n` rows asked for; plain times stand for the means."""
        if not isinstance(at, LightCurve):
            return np.zeros((n, len(self.regressors)))
        own = at.regressors or {}
        if missing := [name for name in self.regressors if name not in own]:
            raise ValueError(
                f"regressors: {missing[0]!r} is missing; the fit has {', '.join(self.regressors)}. Give "
                "LightCurve(..., regressors={...}), or plain times for the signal at their means."
            )
        return np.array([own[name] for name in self.regressors]).reshape(-1, n).T - self.means

    def each(self, function: Any, column: np.ndarray) -> np.ndarray:
        """A function of the values of a column in every band."""
        return np.array([function(column[self.band == b]) for b in range(len(self.bands))])
