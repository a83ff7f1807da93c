"""Mean functions of a relation, `ba.relations`: how a response depends on its predictors.

A mean function is any object with ``priors(data)``, a dictionary of `Prior` by parameter, and
``evaluate(at, parameters)``, which computes it with arithmetic and NumPy's functions: `at` maps the names
of predictors to their values (n,). `data` are `Measurements` whose last column is the response, so that
priors can be scaled. More is used where there is more: ``gradient(at, parameters)``, the slopes (n,) with
every parameter; ``linear``, names of parameters with which it rises in a straight line that depends on no
other parameter, and which are then integrated out; ``units(data)``; ``check()`` of its own fields and
``check_data(data)``, which raise ValueError.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bayes_astro.data import Measurements
from bayes_astro.parameters import is_number, is_whole
from bayes_astro.priors import Prior
from bayes_astro.processes.means import Mean

__all__ = ["BrokenPowerLaw", "Curve", "Polynomial", "PowerLaw"]


class Curve(Mean):
    """What the library's own relations share: a user calls `evaluate`."""

    _internal: ClassVar[tuple[str, ...]] = (
        "check", "check_data", "densities", "gradient", "linear", "main", "of_predictors", "priors", "units",
        "value_and_gradient",
    )  # fmt: skip
    of_predictors: ClassVar[bool] = True  # and not of time, as those of `ba.means`
    column: str

    @property
    def linear(self) -> tuple[str, ...]:
        """Parameters that are integrated out."""
        return ()

    def check(self) -> None:
        """Raise ValueError for a name that is none."""
        if not isinstance(self.column, str):
            raise ValueError(
                f"{type(self).__name__}: column={self.column!r:.80} must be the name of a predictor; "
                "left empty where there is one."
            )

    def main(self, names: Any) -> str:
        """The predictor that it depends on, of the `names` that there are."""
        names = list(names)
        if self.column:
            if self.column not in names:
                raise ValueError(
                    f"{type(self).__name__}: column {self.column!r} is not among the predictors "
                    f"({', '.join(names)})."
                )
            return self.column
        if len(names) != 1:
            raise ValueError(
                f"{type(self).__name__} depends on one predictor, and there are {', '.join(names)}: say "
                "which, column=..., or leave the others out, data.select(...)."
            )
        return str(names[0])


def spread_of(data: Measurements) -> tuple[float, float]:
    """Mean and standard deviation of the response, the last column."""
    y = data.value[:, -1]
    return float(np.mean(y)), float(np.std(y)) or 1.0


def _positive(name: str, data: Measurements, column: str) -> None:
    values = data.column(column)
    if np.any(values <= 0):
        row = int(np.argmax(values <= 0))
        raise ValueError(
            f"column {column!r}, row {row}: {name} needs predictors above zero, got {values[row]:g}."
        )


@dataclass(frozen=True)
class Polynomial(Curve):
    """A polynomial.

    .. code-block:: text

        sum_k coefficient_k ((x - pivot) / scale)^k

    Parameters
    ----------
    degree : int
        0 to 8.
    pivot, scale : float
        Near the middle of the predictor and its spread, so that coefficients are almost independent.
    column : str
        The predictor; empty where there is one.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_astro as ba
    >>> bent = ba.relations.Polynomial(2)
    >>> values = {"coefficient_0": 1.0, "coefficient_1": 0.0, "coefficient_2": 2.0}
    >>> bent.evaluate({"x": np.array([0.0, 3.0])}, values)
    array([ 1., 19.])
    """

    degree: int = 1
    pivot: float = 0.0
    scale: float = 1.0
    column: str = ""

    def check(self) -> None:
        """Raise ValueError for a field out of its range."""
        super().check()
        if not is_whole(self.degree) or not 0 <= self.degree <= 8:
            raise ValueError(
                f"Polynomial: degree={self.degree!r:.80} must be a whole number from 0 to 8."
            )
        if not is_number(self.pivot) or not np.isfinite(self.pivot):
            raise ValueError(f"Polynomial: pivot={self.pivot!r:.80} must be a number.")
        if not is_number(self.scale) or not 0 < self.scale < np.inf:
            raise ValueError(f"Polynomial: scale={self.scale!r:.80} must be a number > 0.")

    @property
    def linear(self) -> tuple[str, ...]:
        """All coefficients."""
        return tuple(f"coefficient_{k}" for k in range(self.degree + 1))

    def check_data(self, data: Measurements) -> None:
        """Raise ValueError for too few different predictors."""
        known = len(np.unique(data.column(self.main(data.names[:-1]))))
        if known <= self.degree:
            raise ValueError(
                f"column {self.main(data.names[:-1])!r}: {known} different values do not fix a polynomial "
                f"of degree {self.degree}."
            )

    def priors(self, data: Measurements) -> dict[str, Prior]:
        """Normal: ten spreads of the response where the predictor is farthest from the pivot."""
        middle, spread = spread_of(data)
        x = data.column(self.main(data.names[:-1]))
        reach = float(np.max(np.abs(x - self.pivot))) / self.scale or 1.0
        return {
            name: Prior("Normal", mu=middle if k == 0 else 0.0, sigma=10 * spread / reach**k)
            for k, name in enumerate(self.linear)
        }

    def evaluate(self, at: Mapping[str, Any], parameters: dict[str, Any]) -> Any:
        """The curve.

        Parameters
        ----------
        at : mapping of str to array (n,)
            Predictors by name.
        parameters : dict of str to float
            ``coefficient_0``, ...

        Returns
        -------
        array (n,)
            In the unit of the response.
        """
        u = (at[self.main(at)] - self.pivot) / self.scale
        total: Any = 0.0
        for name in reversed(self.linear):
            total = total * u + parameters[name]
        return total + 0.0 * u

    def gradient(self, at: Mapping[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
        """Powers."""
        u = (at[self.main(at)] - self.pivot) / self.scale
        return {name: u**k for k, name in enumerate(self.linear)}

    def units(self, data: Measurements) -> dict[str, str]:
        """Of the coefficients, where the scale is one only the first."""
        return {"coefficient_0": data.units[-1]} if data.units and data.units[-1] else {}


@dataclass(frozen=True)
class PowerLaw(Curve):
    """A power law.

    .. code-block:: text

        amplitude (x / pivot)^slope

    Parameters
    ----------
    pivot : float
        Where the amplitude holds: near the geometric mean of the predictor, so that amplitude and slope
        are almost independent.
    column : str
        The predictor, above zero; empty where there is one.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_astro as ba
    >>> law = ba.relations.PowerLaw(pivot=10.0)
    >>> law.evaluate({"x": np.array([10.0, 1000.0])}, {"amplitude": 3.0, "slope": 0.5})
    array([ 3., 30.])
    """

    pivot: float = 1.0
    column: str = ""

    def check(self) -> None:
        """Raise ValueError for a pivot that is not positive."""
        super().check()
        _check_pivot(self)

    def check_data(self, data: Measurements) -> None:
        """Raise ValueError for predictors that are not positive."""
        _positive("PowerLaw", data, self.main(data.names[:-1]))

    def priors(self, data: Measurements) -> dict[str, Prior]:
        """The amplitude Normal of ten times the response's root mean square; the slope Normal(0, 2)."""
        size = float(np.hypot(*spread_of(data)))
        return {
            "amplitude": Prior("Normal", mu=0.0, sigma=10 * size),
            "slope": Prior("Normal", mu=0.0, sigma=2.0),
        }

    def evaluate(self, at: Mapping[str, Any], parameters: dict[str, Any]) -> Any:
        """The curve.

        Parameters
        ----------
        at : mapping of str to array (n,)
            Predictors by name.
        parameters : dict of str to float
            ``amplitude``, ``slope``.

        Returns
        -------
        array (n,)
            In the unit of the response.
        """
        return parameters["amplitude"] * (at[self.main(at)] / self.pivot) ** parameters["slope"]

    def gradient(self, at: Mapping[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
        """With the amplitude and the slope."""
        ratio = at[self.main(at)] / self.pivot
        power = ratio ** parameters["slope"]
        return {
            "amplitude": power,
            "slope": parameters["amplitude"] * power * np.log(ratio),
        }

    def units(self, data: Measurements) -> dict[str, str]:
        """Of the amplitude."""
        return {"amplitude": data.units[-1]} if data.units and data.units[-1] else {}


@dataclass(frozen=True)
class BrokenPowerLaw(Curve):
    """Two power laws, one going over into the other.

    .. code-block:: text

        amplitude (x / break)^slope_below [(1 + (x / break)^(1 / width)) / 2]^((slope_above - slope_below) width)

    so that ``amplitude`` is the value at the break, and the slopes hold on both sides a few times `width`
    (in the natural logarithm of x) away.

    Parameters
    ----------
    width : float
        Of the transition.
    column : str
        The predictor, above zero; empty where there is one.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_astro as ba
    >>> law = ba.relations.BrokenPowerLaw(width=0.05)
    >>> values = {"amplitude": 2.0, "break": 10.0, "slope_below": 1.0, "slope_above": 0.0}
    >>> law.evaluate({"x": np.array([1.0, 100.0])}, values).round(2)
    array([0.21, 2.07])
    """

    width: float = 0.1
    column: str = ""

    def check(self) -> None:
        """Raise ValueError for a width that is not positive."""
        super().check()
        if not is_number(self.width) or not 0 < self.width < np.inf:
            raise ValueError(f"BrokenPowerLaw: width={self.width!r:.80} must be a number > 0.")

    def check_data(self, data: Measurements) -> None:
        """Raise ValueError for predictors that are not positive."""
        _positive("BrokenPowerLaw", data, self.main(data.names[:-1]))

    def priors(self, data: Measurements) -> dict[str, Prior]:
        """The break LogUniform over the range of the predictor; otherwise as of a power law."""
        size = float(np.hypot(*spread_of(data)))
        x = data.column(self.main(data.names[:-1]))
        return {
            "amplitude": Prior("Normal", mu=0.0, sigma=10 * size),
            "break": Prior("LogUniform", lower=float(x.min()), upper=float(x.max())),
            "slope_below": Prior("Normal", mu=0.0, sigma=2.0),
            "slope_above": Prior("Normal", mu=0.0, sigma=2.0),
        }

    def evaluate(self, at: Mapping[str, Any], parameters: dict[str, Any]) -> Any:
        """The curve.

        Parameters
        ----------
        at : mapping of str to array (n,)
            Predictors by name.
        parameters : dict of str to float
            ``amplitude``, ``break``, ``slope_below``, ``slope_above``.

        Returns
        -------
        array (n,)
            In the unit of the response.
        """
        return parameters["amplitude"] * self._shape(at, parameters)[0]

    def _shape(self, at: Mapping[str, Any], parameters: dict[str, Any]) -> tuple[Any, Any, Any]:
        """The law at amplitude one; log(x / break) and the softened step's integral of it."""
        x, edge = at[self.main(at)], parameters["break"]
        symbolic = type(edge).__module__.startswith("pytensor")
        if symbolic:
            import pytensor.tensor as pt

            log = pt.log(x / edge)
            soft = self.width * (pt.softplus(log / self.width) - np.log(2))
            exp = pt.exp
        else:
            log = np.log(x / edge)
            soft = self.width * (np.logaddexp(0.0, log / self.width) - np.log(2))
            exp = np.exp
        below, above = parameters["slope_below"], parameters["slope_above"]
        return exp(below * log + (above - below) * soft), log, soft

    def gradient(self, at: Mapping[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
        """With all four."""
        shape, log, soft = self._shape(at, parameters)
        value = parameters["amplitude"] * shape
        below, above = parameters["slope_below"], parameters["slope_above"]
        step = 0.5 * (1 + np.tanh(0.5 * log / self.width))
        return {
            "amplitude": shape,
            "break": -value * (below + (above - below) * step) / parameters["break"],
            "slope_below": value * (log - soft),
            "slope_above": value * soft,
        }

    def units(self, data: Measurements) -> dict[str, str]:
        """Of the amplitude and the break."""
        if not data.units:
            return {}
        found = {
            "amplitude": data.units[-1],
            "break": data.units[data.names.index(self.main(data.names[:-1]))],
        }
        return {name: unit for name, unit in found.items() if unit}


def _check_pivot(law: Any) -> None:
    if not is_number(law.pivot) or not 0 < law.pivot < np.inf:
        raise ValueError(f"{type(law).__name__}: pivot={law.pivot!r:.80} must be a number > 0.")
