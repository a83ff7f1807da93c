"""Mean functions of a light curve, `ba.means`: what is not noise of the star.

A mean function is any object with ``priors(data)``, a dictionary of `Prior` by parameter, and
``evaluate(time, parameters)``, which computes it with arithmetic and NumPy's functions: it is
called with arrays and, for NUTS, with PyTensor variables. ``derived(parameters)``, where there is
one, gives further quantities by name. ``bands`` (None: all) says in which bands it is seen, and
``folds_on``, where it repeats itself, the name of the parameter that is its period: the figure
"folded" is drawn by it. With ``linear``, the parameters in which it is linear given the period, and
``curved``, those that make it another shape, all of its periods are searched. Times are counted
from the mean time of the light curve.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar

import numpy as np

from bayes_astro import registry
from bayes_astro.hooks import Shown
from bayes_astro.names import nearest
from bayes_astro.parameters import in_unit, is_number
from bayes_astro.priors import Prior
from bayes_astro.quantities import quantity, quantity_to_dict

__all__ = ["Harmonics", "KeplerOrbit"]


def _range(name: str, period: Any, unit: str | None) -> tuple[float, float]:
    """Shortest and longest period in `unit`; None: only numbers that need no unit are compared."""
    edges = list(period) if isinstance(period, tuple | list) else []
    if unit is None and any(hasattr(x, "unit") for x in edges):
        unit = (
            "s"  # any unit of time shows whether they can be; numbers beside them wait for the data
        )
        edges = [x for x in edges if hasattr(x, "unit")]
        edges = [0.5 * edges[0], *edges] if len(edges) == 1 and len(period) == 2 else edges
    numbers = [in_unit(f"{name}: period", x, unit) for x in edges]
    if (
        len(numbers) != 2
        or not all(map(is_number, numbers))
        or not (0 < numbers[0] < numbers[1] < np.inf)
    ):
        raise ValueError(
            f"{name}: period={period!r:.80} must be (shortest, longest), two positive numbers or "
            "Quantities."
        )
    return float(numbers[0]), float(numbers[1])


def _paired(mean: Any) -> None:
    """A Quantity of two as a pair of Quantities."""
    if hasattr(mean.period, "unit") and np.shape(mean.period) == (2,):
        object.__setattr__(mean, "period", tuple(mean.period))


def _check_bands(name: str, bands: Any) -> None:
    if bands is not None and not (
        isinstance(bands, tuple | list) and bands and all(isinstance(b, str) for b in bands)
    ):
        raise ValueError(f"{name}: bands={bands!r:.80} must be names of bands, or None for all.")


def _spread(data: Any, bands: tuple[str, ...] | None) -> float:
    """Standard deviation about the means of the bands, whose zero points say nothing."""
    names = bands or data.bands
    groups = [data.value] if data.band is None else [data.value[data.band == b] for b in names]
    residual = np.concatenate([group - group.mean() for group in groups if len(group)] or [[0.0]])
    return float(np.std(residual)) or 1.0


def _functions(*values: Any) -> Any:
    """NumPy, or PyTensor where one of the values is symbolic."""
    if any(type(value).__module__.startswith("pytensor") for value in values):
        import pytensor.tensor as pt

        return pt
    return np


class Mean(Shown):
    """What the library's own mean functions share: a user calls `evaluate`."""

    _internal: ClassVar[tuple[str, ...]] = (
        "check", "curved", "derived", "folds_on", "linear", "priors"
    )  # fmt: skip


@dataclass(frozen=True)
class Harmonics(Mean):
    """A periodic signal of a few harmonics.

    .. code-block:: text

        sum_k cosine_k cos(2 pi k t / period) + sine_k sin(2 pi k t / period)

    Parameters
    ----------
    period : (shortest, longest), optional
        LogUniform prior over this range, in the time unit of the data, or Quantities. Default: from
        four times the median spacing to the span.
    n_terms : int
        Number of harmonics, 1 to 20.
    bands : tuple of str, optional
        Bands in which it is seen; None stands for all.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> signal = ba.means.Harmonics(period=(2.0, 20.0), n_terms=2)
    >>> model = ba.GaussianProcess(ba.kernels.DampedRandomWalk(), mean=signal)
    >>> priors = model.resolve_priors(ba.load("eros2-cepheid").select("B"))
    >>> [name for name in priors if name.startswith(("signal", "cosine", "sine"))]
    ['signal_period', 'cosine_1', 'sine_1', 'cosine_2', 'sine_2']
    """

    period: tuple[Any, Any] | None = None
    n_terms: int = 1
    bands: tuple[str, ...] | None = None

    folds_on: ClassVar[str] = "signal_period"

    def __post_init__(self) -> None:
        _paired(self)

    def check(self) -> None:
        """Raise ValueError for a parameter out of its range."""
        if self.period is not None:
            _range("Harmonics", self.period, None)
        whole = isinstance(self.n_terms, int) and not isinstance(self.n_terms, bool)
        if not whole or not 1 <= self.n_terms <= 20:
            raise ValueError(
                f"Harmonics: n_terms={self.n_terms!r:.80} must be a whole number from 1 to 20."
            )
        _check_bands("Harmonics", self.bands)

    def priors(self, data: Any) -> dict[str, Prior]:
        """Of the signal's period and coefficients."""
        spread, span = _spread(data, self.bands), float(np.ptp(data.time))
        spacing = float(np.median(np.diff(np.unique(data.time))))
        low, high = min(4 * spacing, 0.25 * span), span
        if self.period is not None:
            low, high = _range("Harmonics", self.period, data.time_unit)
        found = {"signal_period": Prior("LogUniform", lower=float(low), upper=float(high))}
        for k in range(1, self.n_terms + 1):
            for name in ("cosine", "sine"):
                found[f"{name}_{k}"] = Prior("Normal", mu=0.0, sigma=spread / k)
        return found

    curved: ClassVar[tuple[str, ...]] = ()

    @property
    def linear(self) -> tuple[str, ...]:
        """Parameters in which it is linear, given the period."""
        return tuple(f"{n}_{k}" for k in range(1, self.n_terms + 1) for n in ("cosine", "sine"))

    def evaluate(self, time: Any, parameters: dict[str, Any]) -> Any:
        """The signal at times from the reference epoch.

        Parameters
        ----------
        time : array_like
            In the time unit of the data.
        parameters : dict of str to float
            ``signal_period``, and ``cosine_1``, ``sine_1``, ... of each harmonic.

        Returns
        -------
        array
            In the unit of the values.
        """
        xp = _functions(time, parameters["signal_period"])
        total: Any = 0.0
        for k in range(1, self.n_terms + 1):
            angle = 2 * np.pi * k * time / parameters["signal_period"]
            total = total + parameters[f"cosine_{k}"] * xp.cos(angle)
            total = total + parameters[f"sine_{k}"] * xp.sin(angle)
        return total


@dataclass(frozen=True)
class KeplerOrbit(Mean):
    """The radial velocity of a planet's star.

    .. code-block:: text

        semi_amplitude (cos(omega + nu) + e cos(omega)),        nu the true anomaly

    Semi-amplitude and mean anomaly at the reference epoch, ``phase``, are the length and angle of
    (velocity_cosine, velocity_sine), which are normal: nothing wraps around and nothing is lost at
    zero. The eccentricity is r / (1 + r), r = h^2 + k^2, and omega the angle of (h, k). Kepler's
    equation is solved by a fixed number of Newton steps.

    Parameters
    ----------
    period : (shortest, longest)
        Uniform prior over this range, in the time unit of the data, or Quantities.
    eccentric : bool
        False keeps the orbit circular.
    bands : tuple of str, optional
        Bands in which it is seen; None stands for all.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_astro as ba
    >>> orbit = ba.means.KeplerOrbit(period=(0.36, 0.38))
    >>> elements = {"orbital_period": 0.369, "velocity_cosine": 3.0, "velocity_sine": 4.0}
    >>> orbit.evaluate(np.array([0.0, 0.369]), elements).round(2)
    array([3., 3.])
    >>> model = ba.GaussianProcess(ba.kernels.SHO(), mean=orbit, amplitude=False)
    """

    period: tuple[Any, Any]
    eccentric: bool = False
    bands: tuple[str, ...] | None = None

    folds_on: ClassVar[str] = "orbital_period"

    def __post_init__(self) -> None:
        _paired(self)

    def check(self) -> None:
        """Raise ValueError for a parameter out of its range."""
        _range("KeplerOrbit", self.period, None)
        if not isinstance(self.eccentric, bool | np.bool_):
            raise ValueError(
                f"KeplerOrbit: eccentric must be True or False, got {self.eccentric!r:.80}."
            )
        _check_bands("KeplerOrbit", self.bands)

    def priors(self, data: Any) -> dict[str, Prior]:
        """Of the orbital elements."""
        spread = _spread(data, self.bands)
        low, high = _range("KeplerOrbit", self.period, data.time_unit)
        found = {
            "orbital_period": Prior("Uniform", lower=low, upper=high),
            "velocity_cosine": Prior("Normal", mu=0.0, sigma=spread),
            "velocity_sine": Prior("Normal", mu=0.0, sigma=spread),
        }
        if self.eccentric:
            found["h"] = found["k"] = Prior("Normal", mu=0.0, sigma=0.3)
        return found

    linear: ClassVar[tuple[str, ...]] = ("velocity_cosine", "velocity_sine")

    @property
    def curved(self) -> tuple[str, ...]:
        """Parameters of the eccentricity: in those of `linear` it is linear where they are zero."""
        return ("h", "k") if self.eccentric else ()

    def evaluate(self, time: Any, parameters: dict[str, Any]) -> Any:
        """The radial velocity at times from the reference epoch.

        Parameters
        ----------
        time : array_like
            In the time unit of the data.
        parameters : dict of str to float
            ``orbital_period``, ``velocity_cosine``, ``velocity_sine`` and, of an eccentric orbit,
            ``h`` and ``k``.

        Returns
        -------
        array
            In the unit of the values.
        """
        xp = _functions(time, parameters["orbital_period"])
        angle = 2 * np.pi * time / parameters["orbital_period"]
        cosine, sine = parameters["velocity_cosine"], parameters["velocity_sine"]
        if not self.eccentric:
            return cosine * xp.cos(angle) - sine * xp.sin(angle)
        elements = self.derived(parameters)
        anomaly = angle + elements["phase"]
        eccentricity, omega = elements["eccentricity"], elements["omega"]
        eccentric = anomaly + eccentricity * xp.sin(anomaly) / (1 - 0.5 * eccentricity)
        for _ in range(8):
            step = eccentric - eccentricity * xp.sin(eccentric) - anomaly
            eccentric = eccentric - step / (1 - eccentricity * xp.cos(eccentric))
        half = xp.sqrt((1 + eccentricity) / (1 - eccentricity))
        true = 2 * xp.arctan2(half * xp.sin(eccentric / 2), xp.cos(eccentric / 2))
        wave = xp.cos(omega + true) + eccentricity * xp.cos(omega)
        return elements["semi_amplitude"] * wave

    def derived(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """The elements that follow from the parameters."""
        cosine, sine = parameters["velocity_cosine"], parameters["velocity_sine"]
        xp = _functions(cosine)
        found = {"semi_amplitude": xp.sqrt(cosine**2 + sine**2), "phase": xp.arctan2(sine, cosine)}
        if self.eccentric:
            h, k = parameters["h"], parameters["k"]
            raw = h**2 + k**2
            found |= {"eccentricity": raw / (1 + raw), "omega": xp.arctan2(k, h)}
        return found


@dataclass(frozen=True)
class Elsewhere:
    """Stands for a mean function that is not part of bayes_astro, in a fit that was opened."""

    description: str

    def _missing(self) -> Any:
        raise ValueError(
            f"This fit's mean function, {self.description}, was defined elsewhere and is not in the "
            "file: give it with model.set_params(mean=...)."
        )

    def priors(self, data: Any) -> dict[str, Prior]:
        """Raise ValueError."""
        return self._missing()

    def evaluate(self, time: Any, parameters: dict[str, Any]) -> Any:
        """Raise ValueError."""
        return self._missing()


def to_dict(mean: Any) -> dict[str, Any]:
    """A plain dictionary, the inverse of `from_dict`; of an object that is not registered its name."""
    row = registry.PARTS["mean"].get(type(mean).__name__)
    if row is not None and row.load() is type(mean):
        found: dict[str, Any] = {"mean": type(mean).__name__}
        for f in fields(mean):
            value = getattr(mean, f.name)
            if value is not None:
                found[f.name] = _plain(list(value) if isinstance(value, tuple) else value)
        return found
    if isinstance(mean, Elsewhere):
        return {"elsewhere": mean.description}
    return {"elsewhere": f"{type(mean).__module__}.{type(mean).__qualname__}"}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(x) for x in value]
    return quantity_to_dict(value) if hasattr(value, "unit") else value


def _given(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_given(x) for x in value)
    if isinstance(value, dict) and set(value) == {"value", "unit"}:
        return quantity(value["value"], value["unit"])
    return value


def from_dict(plain: dict[str, Any]) -> Any:
    """Rebuild a mean function."""
    if not isinstance(plain, dict) or not ({"mean", "elsewhere"} & set(plain)):
        raise ValueError(f"A mean function is a table with a 'mean', got {plain!r:.80}.")
    if "elsewhere" in plain:
        return Elsewhere(str(plain["elsewhere"]))
    kinds = registry.PARTS["mean"]
    name = plain["mean"]
    if not isinstance(name, str) or name not in kinds:
        raise ValueError(f"Unknown mean function {name!r:.80}.{nearest(name, kinds)}")
    kind = kinds[name].load()
    known = {f.name: f for f in fields(kind)}
    arguments = {key: value for key, value in plain.items() if key != "mean"}
    for key in arguments:
        if key not in known:
            raise ValueError(f"{name} has no parameter {key!r:.80}.{nearest(key, known)}")
    for key, field in known.items():
        if field.default is MISSING and field.default_factory is MISSING and key not in arguments:
            raise ValueError(f"{name} needs {key!r}.")
    made = kind(**{k: _given(v) for k, v in arguments.items()})
    if hasattr(made, "check"):
        made.check()
    return made
