"""What a parameter measures, and what follows from it: its default prior and its unit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bayes_astro.priors import Prior

__all__ = ["Scales", "unit_of"]


class Scales(NamedTuple):
    """The scales of a data set, from which default priors of kernels are made.

    Parameters
    ----------
    spread : float
        Standard deviation of the values, in their unit.
    span : float
        From the first time to the last.
    spacing : float
        Median distance of neighbouring times.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> scales = ba.kernels.Scales(spread=0.2, span=1000.0, spacing=2.0)
    >>> round(float(scales.prior("timescale").median()))  # 95% between 2 and 10000
    141
    """

    spread: float
    span: float
    spacing: float

    def prior(self, kind: str) -> Prior:
        """The default prior of a parameter by what it measures.

        An amplitude is within a factor of seven of the spread (95%), a timescale between the median
        spacing and ten time spans, a period between twice the spacing and one time span.

        Parameters
        ----------
        kind : str
            "amplitude", "timescale", "period", "quality", "fraction", "roughness", or "beta" and a
            power of time, as the coefficients of a moving average have.

        Returns
        -------
        Prior
            In the units of the data.
        """
        if kind == "amplitude":
            return Prior("LogNormal", mu=float(np.log(self.spread)), sigma=1.0)
        if kind == "period":
            shortest = 2 * self.spacing
            return _between(shortest, max(self.span, 2 * shortest))
        if kind == "timescale":
            return _between(self.spacing, 10 * self.span)
        if kind == "quality":
            return Prior("LogNormal", mu=float(np.log(2.0)), sigma=1.5)
        if kind == "fraction":
            return Prior("Uniform", lower=0.0, upper=1.0)
        if kind == "roughness":
            return Prior("LogNormal", mu=0.0, sigma=0.7)
        power = int(kind.split()[1])  # of time, as the coefficients of a moving average have
        return _between(self.spacing**power, self.span**power)


def _between(shortest: float, longest: float) -> Prior:
    """95% of the probability between two values, the same for every factor."""
    mu = 0.5 * np.log(shortest * longest)
    return Prior("LogNormal", mu=float(mu), sigma=float(np.log(longest / shortest) / 4))


def unit_of(kind: str, time: str, value: str) -> str:
    """Unit of what a parameter measures."""
    if kind in ("timescale", "period"):
        return time
    if kind.startswith("beta"):
        return f"{time}{kind.split()[1]}"
    return value if kind == "amplitude" else ""
