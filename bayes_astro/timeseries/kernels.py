"""Covariance kernels of stationary processes, `ba.kernels`.

A kernel writes its blocks (see `timeseries.blocks`); sums, products, covariance, power spectrum,
naming and priors are the base's. Each parameter of a kernel is None (free, with a default prior
scaled from the data), a `Prior`, or a number, which fixes it.

>>> import bayes_astro as ba
>>> kernel = ba.kernels.SHO(quality=0.7) + ba.kernels.DampedRandomWalk()
>>> [name for name, _ in kernel.variables()]
['sho_sigma', 'period', 'quality', 'damped_random_walk_sigma', 'tau']
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np

from bayes_astro.names import nearest
from bayes_astro.priors import Prior
from bayes_astro.timeseries import blocks
from bayes_astro.timeseries.blocks import Block

__all__ = [
    "CARMA",
    "SHO",
    "Cosine",
    "DampedRandomWalk",
    "ExposureIntegrated",
    "Kernel",
    "Matern32",
    "Matern52",
    "QuasiPeriodic",
    "Rotation",
]


class Scales(NamedTuple):
    """What default priors are scaled with: spread of the values; time span, median spacing."""

    spread: float
    span: float
    spacing: float

    def prior(self, kind: str) -> Prior:
        """The default prior of a parameter by what it measures.

        An amplitude is within a factor of seven of the spread (95%), a timescale between the median
        spacing and ten time spans, a period between twice the spacing and one time span.
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


class Kernel:
    """A stationary covariance function with a linear-time likelihood."""

    kinds: ClassVar[dict[str, str]] = {}
    differentiable: ClassVar[bool] = True
    name: str

    # What a kernel writes ---------------------------------------------------------------------

    def blocks(self, values: dict[str, Any], xp: Any) -> list[Block]:
        """Blocks at the given parameters, computed with `xp`."""
        raise NotImplementedError

    def parameters(self) -> dict[str, str]:
        """Own parameters and what each measures."""
        return self.kinds

    # What every kernel gets -------------------------------------------------------------------

    def given(self, parameter: str) -> Any:
        """What the user gave for a parameter: None, a Prior or a number."""
        return getattr(self, parameter)

    def is_free(self, parameter: str) -> bool:
        """Whether a parameter has a prior, not a number."""
        given = self.given(parameter)
        return given is None or isinstance(given, Prior)

    def leaves(self) -> list[Kernel]:
        """The kernels that this one is made of, in order."""
        return [self]

    def terms(self) -> list[Kernel]:
        """The summands, each a component of the process."""
        return [self]

    def label(self) -> str:
        """Name given by the user, or that of the class in lower case."""
        own = type(self).__name__
        return self.name or re.sub(r"(?<=[a-z])(?=[A-Z])", "_", own).lower()

    def names(self) -> list[dict[str, str]]:
        """For every leaf, its parameters and the names of their variables.

        A variable is called as its parameter; where several leaves have one of that name, or the
        kernel has a name of its own, the label stands before it.
        """
        leaves = self.leaves()
        labels = numbered([leaf.label() for leaf in leaves])
        free = [p for leaf in leaves for p in leaf.parameters() if leaf.is_free(p)]
        found = []
        for leaf, label in zip(leaves, labels, strict=True):
            # Fixed numbers make no name ambiguous, but have one that is nobody else's.
            plain = {p: free.count(p) == (1 if leaf.is_free(p) else 0) for p in leaf.parameters()}
            found.append(
                {p: p if plain[p] and not leaf.name else f"{label}_{p}" for p in leaf.parameters()}
            )
        return found

    def variables(self) -> Iterator[tuple[str, tuple[Kernel, str]]]:
        """Variables in order, each with the leaf and the parameter that it is; fixed ones too."""
        for leaf, names in zip(self.leaves(), self.names(), strict=True):
            for parameter, variable in names.items():
                yield variable, (leaf, parameter)

    def priors(self, scales: Scales) -> dict[str, Prior]:
        """Prior of every free variable."""
        found = {}
        for variable, (leaf, parameter) in self.variables():
            given = leaf.given(parameter)
            if isinstance(given, Prior):
                found[variable] = given
            elif given is None:
                found[variable] = scales.prior(leaf.parameters()[parameter])
        return found

    def fixed(self) -> dict[str, float]:
        """Variables that the user gave as numbers."""
        return {
            variable: float(leaf.given(parameter))
            for variable, (leaf, parameter) in self.variables()
            if not leaf.is_free(parameter)
        }

    def at(self, variables: dict[str, Any], xp: Any = np) -> list[Block]:
        """Blocks at named variables; the fixed ones need not be given."""
        return [block for term in self.by_term(variables, xp) for block in term]

    def by_term(self, variables: dict[str, Any], xp: Any = np) -> list[list[Block]]:
        """Blocks of each summand."""
        names, variables = iter(self.names()), self.fixed() | variables
        return [term._at(names, variables, xp) for term in self.terms()]

    def _at(
        self, names: Iterator[dict[str, str]], variables: dict[str, Any], xp: Any
    ) -> list[Block]:
        own = next(names)
        return self.blocks({p: variables[variable] for p, variable in own.items()}, xp)

    def covariance(self, lag: Any, **variables: float) -> np.ndarray:
        """k at time differences of any sign.

        Parameters
        ----------
        lag : array
            In the time unit of the data.
        **variables : float
            By name, as in `variables`; the fixed ones need not be given.
        """
        t = np.abs(np.asarray(lag, dtype=float))
        total = np.zeros(t.shape)
        for block in self.at(self._complete(variables)):
            inside = blocks.covariance(block, t, np)
            total += inside if block.power is None else np.where(t == 0, block.power, inside)
        return total

    def power_spectrum(self, frequency: Any, **variables: float) -> np.ndarray:
        """Power spectral density at frequencies in cycles per time unit.

        Two-sided: its integral over all frequencies, negative ones too, is the variance.
        """
        grid = np.atleast_1d(np.asarray(frequency, dtype=float))
        return blocks.spectrum(self.at(self._complete(variables)), grid)

    def _complete(self, variables: dict[str, float]) -> dict[str, float]:
        known = [name for name, _ in self.variables()]
        for name in variables:
            if name not in known:
                raise ValueError(f"{self!r} has no parameter {name!r}.{nearest(name, known)}")
        given = self.fixed() | variables
        if missing := [name for name in known if name not in given]:
            raise ValueError(f"{self!r} needs {', '.join(missing)}.")
        return given

    def __add__(self, other: Kernel) -> Sum:
        return Sum((*_parts(self, Sum), *_parts(_kernel(other), Sum)))

    def __mul__(self, other: Kernel) -> Product:
        return Product((*_parts(self, Product), *_parts(_kernel(other), Product)))

    def __repr__(self) -> str:
        given = [
            f"{f.name}={getattr(self, f.name)!r}"
            for f in fields(self)  # type: ignore[arg-type]
            if getattr(self, f.name) != f.default
        ]
        return f"{type(self).__name__}({', '.join(given)})"

    def check(self) -> None:
        """Raise ValueError for a parameter that is no number, Prior or None, or out of range."""
        for parameter, kind in self.parameters().items():
            given = self.given(parameter)
            if given is None or isinstance(given, Prior):
                if isinstance(given, Prior) and np.any(np.asarray(given.support[0]) < 0):
                    raise ValueError(
                        f"{type(self).__name__}: the prior of {parameter}, {given}, admits negative "
                        "values; use LogNormal, HalfNormal, Gamma, ..."
                    )
                continue
            plain = isinstance(given, int | float | np.number) and not isinstance(given, bool)
            least = 0 if kind in ("fraction",) else np.nextafter(0, 1)
            if not plain or not least <= given < np.inf:
                raise ValueError(
                    f"{type(self).__name__}: {parameter}={given!r} must be a positive number, a "
                    "ba.Prior, or None for a default prior."
                )

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary, as a spec writes it; the inverse of `from_dict`."""
        plain: dict[str, Any] = {"kernel": type(self).__name__}
        for f in fields(self):  # type: ignore[arg-type]
            value = getattr(self, f.name)
            if isinstance(value, Prior | Kernel):
                plain[f.name] = value.to_dict()
            elif isinstance(value, tuple):
                plain[f.name] = [part.to_dict() for part in value]
            elif value is not None and value != "":
                plain[f.name] = value
        return plain


def _kernel(other: Any) -> Kernel:
    if not isinstance(other, Kernel):
        raise TypeError(f"A kernel is added to or multiplied with a kernel, got {other!r}.")
    return other


def _parts(kernel: Kernel, kind: type) -> tuple[Kernel, ...]:
    return kernel.parts if isinstance(kernel, kind) else (kernel,)  # type: ignore[attr-defined]


def numbered(labels: Sequence[str]) -> list[str]:
    """Labels that occur twice with a number behind."""
    return [
        f"{label}_{labels[: i + 1].count(label)}" if labels.count(label) > 1 else label
        for i, label in enumerate(labels)
    ]


def from_dict(plain: dict[str, Any]) -> Kernel:
    """Rebuild a kernel from `to_dict` or from a table of a spec."""
    if not isinstance(plain, dict) or "kernel" not in plain:
        raise ValueError(f"A kernel is a table with a 'kernel', got {plain!r:.80}.")
    kinds = {kind.__name__: kind for kind in (*LEAVES, ExposureIntegrated, Sum, Product)}
    name = plain["kernel"]
    if not isinstance(name, str) or name not in kinds:
        raise ValueError(f"Unknown kernel {name!r:.80}.{nearest(name, kinds)}")
    known = {f.name: f for f in fields(kinds[name])}
    for key, field in known.items():
        if field.default is MISSING and key not in plain:
            raise ValueError(f"Kernel {name} needs {key!r}.")
    arguments: dict[str, Any] = {}
    for key, value in plain.items():
        if key == "kernel":
            continue
        if key not in known:
            raise ValueError(f"Kernel {name} has no parameter {key!r:.80}.{nearest(key, known)}")
        if key == "parts":
            if not isinstance(value, list) or not value:
                raise ValueError(f"Kernel {name}: parts must be a list of kernels.")
            value = tuple(from_dict(part) for part in value)
        elif key == "of":
            value = from_dict(value)
        elif key == "name":
            if not isinstance(value, str) or len(value) > 80:
                raise ValueError(f"Kernel {name}: name={value!r:.80} must be a short text.")
        elif key == "values":
            if not isinstance(value, dict):
                raise ValueError(f"Kernel {name}: values must be a table.")
            value = {k: _number_or_prior(name, k, v) for k, v in value.items()}
        else:
            value = _number_or_prior(name, key, value)
        arguments[key] = value
    made: Kernel = kinds[name](**arguments)
    made.check()
    return made


def _number_or_prior(kernel: str, key: str, value: Any) -> Any:
    """A parameter of a kernel from a table."""
    if isinstance(value, dict):
        try:
            return Prior.from_dict(value)
        except ValueError as error:
            raise ValueError(f"Kernel {kernel}: {key[:80]}: {error}") from None
    if not isinstance(value, int | float | np.number) or isinstance(value, bool):
        raise ValueError(
            f"Kernel {kernel}: {key[:80]} must be a number or the table of a prior, got "
            f"{value!r:.80}."
        )
    return value


@dataclass(frozen=True, repr=False)
class DampedRandomWalk(Kernel):
    """sigma^2 exp(-|t| / tau): the Ornstein-Uhlenbeck process of quasars and red noise.

    Parameters
    ----------
    sigma : asymptotic standard deviation; SF_inf = sqrt(2) sigma is the structure function's limit.
    tau : damping time, in the time unit of the data.

    References
    ----------
    Kelly, Bechtold & Siemiginowska 2009; MacLeod et al. 2010. For a tau above a tenth of the time
    span the prior decides (Kozlowski 2017, A&A 597, A128).
    """

    sigma: Any = None
    tau: Any = None
    name: str = ""

    kinds: ClassVar[dict[str, str]] = {"sigma": "amplitude", "tau": "timescale"}
    differentiable: ClassVar[bool] = False

    def blocks(self, values: dict[str, Any], xp: Any) -> list[Block]:
        """One real block."""
        return [blocks.real(values["sigma"] ** 2, 1 / values["tau"])]


@dataclass(frozen=True, repr=False)
class Matern32(Kernel):
    """sigma^2 (1 + s) exp(-s), s = sqrt(3) |t| / scale: once differentiable."""

    sigma: Any = None
    scale: Any = None
    name: str = ""

    kinds: ClassVar[dict[str, str]] = {"sigma": "amplitude", "scale": "timescale"}

    def blocks(self, values: dict[str, Any], xp: Any) -> list[Block]:
        """A critically damped pair: exact, not the limit of an oscillator."""
        variance, rate = values["sigma"] ** 2, np.sqrt(3) / values["scale"]
        return [blocks.pair(variance, variance * rate, rate, 0.0)]


@dataclass(frozen=True, repr=False)
class Matern52(Kernel):
    """sigma^2 (1 + s + s^2 / 3) exp(-s), s = sqrt(5) |t| / scale: twice differentiable."""

    sigma: Any = None
    scale: Any = None
    name: str = ""

    kinds: ClassVar[dict[str, str]] = {"sigma": "amplitude", "scale": "timescale"}

    def blocks(self, values: dict[str, Any], xp: Any) -> list[Block]:
        """One triple."""
        variance, rate = values["sigma"] ** 2, np.sqrt(5) / values["scale"]
        return [blocks.triple(variance, variance * rate, variance * rate**2 * (2 / 3), rate)]


@dataclass(frozen=True, repr=False)
class Cosine(Kernel):
    """sigma^2 cos(2 pi t / period): a sinusoid of unknown amplitude and phase."""

    sigma: Any = None
    period: Any = None
    name: str = ""

    kinds: ClassVar[dict[str, str]] = {"sigma": "amplitude", "period": "period"}

    def blocks(self, values: dict[str, Any], xp: Any) -> list[Block]:
        """An undamped pair."""
        square = (2 * np.pi / values["period"]) ** 2
        return [blocks.pair(values["sigma"] ** 2, 0.0, 0.0, square)]


def _oscillator(variance: Any, omega: Any, quality: Any) -> Block:
    """A stochastically driven damped oscillator of any quality."""
    rate = omega / (2 * quality)
    return blocks.pair(variance, variance * rate, rate, omega**2 - rate**2)


@dataclass(frozen=True, repr=False)
class SHO(Kernel):
    """A stochastically driven, damped harmonic oscillator (Foreman-Mackey et al. 2017).

    Parameters
    ----------
    sigma : standard deviation of the process.
    period : of the undamped oscillator, 2 pi / omega_0.
    quality : Q; any positive number: Q < 1/2 is overdamped and 1/2 the Matern-3/2 kernel.

    Notes
    -----
    celerite's S_0 is sigma^2 / (omega_0 Q).
    """

    sigma: Any = None
    period: Any = None
    quality: Any = None
    name: str = ""

    kinds: ClassVar[dict[str, str]] = {
        "sigma": "amplitude",
        "period": "period",
        "quality": "quality",
    }

    def blocks(self, values: dict[str, Any], xp: Any) -> list[Block]:
        """One pair."""
        omega = 2 * np.pi / values["period"]
        return [_oscillator(values["sigma"] ** 2, omega, values["quality"])]


@dataclass(frozen=True, repr=False)
class Rotation(Kernel):
    """Two oscillators at the rotation period and at half of it (celerite's rotation term).

    Parameters
    ----------
    sigma : standard deviation of the process.
    period : of the rotation.
    quality : Q_0 of the second mode less a half.
    quality_difference : what the first mode has more.
    mix : variance of the second mode over that of the first.
    """

    sigma: Any = None
    period: Any = None
    quality: Any = None
    quality_difference: Any = None
    mix: Any = None
    name: str = ""

    kinds: ClassVar[dict[str, str]] = {
        "sigma": "amplitude",
        "period": "period",
        "quality": "quality",
        "quality_difference": "quality",
        "mix": "fraction",
    }

    def blocks(self, values: dict[str, Any], xp: Any) -> list[Block]:
        """Two pairs, which oscillate at exactly the period and half of it."""
        second = 0.5 + values["quality"]
        first = second + values["quality_difference"]
        variance = values["sigma"] ** 2 / (1 + values["mix"])
        found = []
        for quality, omega, own in (
            (first, 2 * np.pi / values["period"], variance),
            (second, 4 * np.pi / values["period"], variance * values["mix"]),
        ):
            rate = omega / xp.sqrt(4 * quality**2 - 1)
            found.append(blocks.pair(own, own * rate, rate, omega**2))
        return found


@dataclass(frozen=True, repr=False)
class QuasiPeriodic(Kernel):
    r"""A periodic process that loses its memory, close to the quasi-periodic kernel of the field.

    That kernel is sigma^2 exp(-t^2 / (2 decay^2) - 2 sin^2(pi t / period) / roughness^2)
    (up to the conventions of authors). Here the envelope is Matern-3/2 with the same curvature at
    zero, (1 + t / decay) exp(-t / decay), and the periodic factor is its own Fourier series
    sum_n w_n cos(2 pi n t / period), cut after `harmonics` terms and scaled to one at zero;
    w_n = e^{-z} I_n(z) (2 - delta_n0), z = 1 / roughness^2, is exact.

    Parameters
    ----------
    sigma : standard deviation of the process.
    period : in the time unit of the data.
    decay : lifetime of the pattern (of spots).
    roughness : length scale of the periodic factor, in units of the period over pi; small is rough.
    harmonics : int
        J = 2 + 4 harmonics columns. Two serve a roughness above 0.7, four above 0.45.
    """

    sigma: Any = None
    period: Any = None
    decay: Any = None
    roughness: Any = None
    harmonics: int = 2
    name: str = ""

    kinds: ClassVar[dict[str, str]] = {
        "sigma": "amplitude",
        "period": "period",
        "decay": "timescale",
        "roughness": "roughness",
    }

    def check(self) -> None:
        """Also the number of harmonics."""
        super().check()
        if not (isinstance(self.harmonics, int) and 1 <= self.harmonics <= 8):
            raise ValueError(f"QuasiPeriodic: harmonics={self.harmonics!r} must be from 1 to 8.")

    def weights(self, roughness: Any, xp: Any) -> list[Any]:
        """w_n over their sum, by the trapezoid rule, which is exact for periodic functions."""
        angle = np.linspace(0, np.pi, 65)[1:-1]
        z = 1 / roughness**2
        ends = [1.0, xp.exp(-2 * z)]
        inside = xp.exp(z * (np.cos(angle) - 1))
        raw = []
        for n in range(self.harmonics + 1):
            total = xp.sum(inside * np.cos(n * angle)) + 0.5 * (ends[0] + (-1.0) ** n * ends[1])
            raw.append(total if n == 0 else 2 * total)
        whole = sum(raw[1:], raw[0])
        return [w / whole for w in raw]

    def blocks(self, values: dict[str, Any], xp: Any) -> list[Block]:
        """A critical pair alone and times a cosine for each harmonic."""
        rate, variance = 1 / values["decay"], values["sigma"] ** 2
        found = []
        for n, weight in enumerate(self.weights(values["roughness"], xp)):
            power = weight * variance
            envelope = blocks.pair(power, power * rate, rate, 0.0)
            if n:
                square = (2 * np.pi * n / values["period"]) ** 2
                envelope = blocks.multiply(envelope, blocks.pair(1.0, 0.0, 0.0, square))
            found.append(envelope)
        return found


@dataclass(frozen=True, repr=False)
class CARMA(Kernel):
    r"""A continuous-time autoregressive moving-average process (Kelly et al. 2014).

    Power spectrum proportional to |beta(i omega)|^2 / |alpha(i omega)|^2, with

    .. code-block:: text

        alpha(s) = (s + 1 / tau)^(p odd) prod_k (s^2 + omega_k s / quality_k + omega_k^2)
        beta(s) = 1 + beta_1 s + ... + beta_q s^q,        omega_k = 2 pi / period_k

    All parameters positive: every alpha of a stationary process can be written so, and beta has its
    zeros in the left half plane for q <= 2. The blocks follow by partial fractions in omega^2,
    without complex numbers.

    Parameters
    ----------
    p, q : int
        Orders, 0 <= q < p <= 7. CARMA(1, 0) is the damped random walk, CARMA(2, 0) the SHO.
    given : dict, optional
        Priors or numbers by parameter: ``sigma``, ``period_1``, ``quality_1``, ..., ``tau`` (of odd
        p), ``beta_1``, ... .
    """

    p: int = 2
    q: int = 0
    values: Any = ()
    name: str = ""

    differentiable: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if isinstance(self.values, dict):
            object.__setattr__(self, "values", tuple(self.values.items()))

    def check(self) -> None:
        """Orders, and what was given."""
        for name in ("p", "q"):
            if not isinstance(getattr(self, name), int) or isinstance(getattr(self, name), bool):
                raise ValueError(f"CARMA: {name}={getattr(self, name)!r} must be a whole number.")
        if not 0 <= self.q < self.p <= 7:
            raise ValueError(f"CARMA({self.p}, {self.q}): 0 <= q < p <= 7 must hold.")
        for name, _ in self.values:
            if name not in self.parameters():
                raise ValueError(
                    f"CARMA({self.p}, {self.q}) has no {name!r:.80}.{nearest(name, self.parameters())}"
                )
        super().check()

    def parameters(self) -> dict[str, str]:
        """By the orders."""
        found = {"sigma": "amplitude"}
        for k in range(1, self.p // 2 + 1):
            found |= {f"period_{k}": "period", f"quality_{k}": "quality"}
        if self.p % 2:
            found["tau"] = "timescale"
        return found | {f"beta_{j}": f"beta {j}" for j in range(1, self.q + 1)}

    def given(self, parameter: str) -> Any:
        """From the dictionary."""
        return dict(self.values).get(parameter)

    def to_dict(self) -> dict[str, Any]:
        """With the given values as a table."""
        plain = {"kernel": "CARMA", "p": self.p, "q": self.q}
        given = {
            name: value.to_dict() if isinstance(value, Prior) else value
            for name, value in self.values
        }
        extra = {"values": given} if given else {}
        return plain | extra | ({"name": self.name} if self.name else {})

    def blocks(self, values: dict[str, Any], xp: Any) -> list[Block]:
        """Partial fractions of the power spectrum in y = (omega / unit)^2.

        A factor (A + B y) / ((a - y)^2 + 4 c^2 y) with a = c^2 + x is twice the real part of the
        transform of exp(-c t) (cosine C + sine S): A = 2 a (cosine c + sine),
        B = 2 (cosine c - sine).
        """
        omegas = [2 * np.pi / values[f"period_{k}"] for k in range(1, self.p // 2 + 1)]
        unit = omegas[0] if omegas else 1 / values["tau"]
        numerator = self._numerator(values, unit)
        quadratics = [
            (omega / unit, omega / unit / (2 * values[f"quality_{k + 1}"]))
            for k, omega in enumerate(omegas)
        ]
        denominators: list[list[Any]] = [[w**4, 4 * c**2 - 2 * w**2, 1.0] for w, c in quadratics]
        decay = 1 / (values["tau"] * unit) if self.p % 2 else None
        if decay is not None:
            denominators.append([decay**2, 1.0])
        columns = []
        for k, own in enumerate(denominators):
            others: list[Any] = [1.0]
            for j, other in enumerate(denominators):
                if j != k:
                    others = _convolve(others, other)
            columns.append(others)
            if len(own) == 3:
                columns.append([0.0, *others])
        if len(columns) == 1:
            solution = [numerator[0] / columns[0][0]]
        else:
            solution = _solve(columns, numerator, xp)
        raw = []
        for k, (w, c) in enumerate(quadratics):
            plus, minus = solution[2 * k] / (2 * w**2), solution[2 * k + 1] / 2
            raw.append(((plus + minus) / (2 * c), (plus - minus) / 2, c, w**2 - c**2))
        total = sum(term[0] for term in raw)
        if decay is not None:
            last = solution[-1] / (2 * decay)
            total = total + last
        scale = values["sigma"] ** 2 / total
        found = [
            blocks.pair(scale * cosine, scale * sine * unit, c * unit, x * unit**2)
            for cosine, sine, c, x in raw
        ]
        if decay is not None:
            found.append(blocks.real(scale * last, decay * unit))
        return found

    def _numerator(self, values: dict[str, Any], unit: Any) -> list[Any]:
        """|beta(i omega)|^2 as a polynomial in y."""
        beta = [1.0] + [values[f"beta_{j}"] * unit**j for j in range(1, self.q + 1)]
        found: list[Any] = [0.0] * self.p
        for i, a in enumerate(beta):
            for j, b in enumerate(beta):
                if (i + j) % 2 == 0:
                    sign = (-1.0) ** ((i - j) // 2)
                    found[(i + j) // 2] = found[(i + j) // 2] + sign * a * b
        return found


def _convolve(a: list[Any], b: list[Any]) -> list[Any]:
    out: list[Any] = [0.0] * (len(a) + len(b) - 1)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            out[i + j] = out[i + j] + x * y
    return out


def _solve(columns: list[list[Any]], right: list[Any], xp: Any) -> list[Any]:
    """The linear system whose columns are polynomials."""
    size = len(columns)
    rows = [
        xp.stack(
            [
                xp.asarray(c[i] if i < len(c) else 0.0) if xp is np else _tensor(c, i)
                for c in columns
            ]
        )
        for i in range(size)
    ]
    matrix = xp.stack(rows)
    vector = xp.stack([xp.asarray(r) if xp is np else _tensor([r], 0) for r in right[:size]])
    solution = xp.linalg.solve(matrix, vector)
    return [solution[i] for i in range(size)]


def _tensor(polynomial: list[Any], i: int) -> Any:
    import pytensor.tensor as pt

    return pt.as_tensor_variable(polynomial[i] if i < len(polynomial) else 0.0).astype("float64")


@dataclass(frozen=True, repr=False)
class ExposureIntegrated(Kernel):
    """A kernel averaged over exposures of one length, which must not overlap.

    With B the mean of Phi(s) over |s| < exposure / 2, the covariance of two exposures is
    (B' u)' Phi(t) (B v), and the variance of one 2 / exposure^2 integral_0^exposure
    (exposure - t) k(t) dt; both by Gauss-Legendre quadrature, to round-off while the exposure is
    shorter than a few decay times and periods.

    Parameters
    ----------
    of : Kernel
    exposure : float
        In the time unit of the data.
    """

    of: Kernel
    exposure: float
    name: str = ""

    def check(self) -> None:
        """A positive exposure, and the kernel's own."""
        if not isinstance(self.exposure, int | float) or not 0 < self.exposure < np.inf:
            raise ValueError(f"ExposureIntegrated: exposure={self.exposure!r} must be positive.")

    def leaves(self) -> list[Kernel]:
        """Those of the kernel."""
        return self.of.leaves()

    def label(self) -> str:
        """That of the kernel."""
        return self.name or self.of.label()

    def _at(
        self, names: Iterator[dict[str, str]], variables: dict[str, Any], xp: Any
    ) -> list[Block]:
        nodes, weights = np.polynomial.legendre.leggauss(20)
        half = 0.5 * self.exposure
        found = []
        for block in self.of._at(names, variables, xp):
            size = range(len(block.u))
            mean: list[list[Any]] = [[0.0 for _ in size] for _ in size]
            power: Any = 0.0
            for node, weight in zip(nodes, weights, strict=True):
                phi = blocks.matrix(block, half * node, xp)
                for i in size:
                    for j in size:
                        mean[i][j] = mean[i][j] + 0.5 * weight * phi[i][j]
                t = half * (1 + node)
                own = blocks.covariance(block, t, xp)
                power = power + weight * half * (self.exposure - t) * own
            found.append(
                Block(
                    [blocks.dot([mean[i][j] for i in size], block.u) for j in size],
                    [blocks.dot(row, block.v) for row in mean],
                    block.factors,
                    power * 2 / self.exposure**2,
                )
            )
        return found


@dataclass(frozen=True, repr=False)
class Sum(Kernel):
    """The sum of independent processes: each part is a component."""

    parts: tuple[Kernel, ...]
    name: str = ""

    def leaves(self) -> list[Kernel]:
        """Of all parts."""
        return [leaf for part in self.parts for leaf in part.leaves()]

    def terms(self) -> list[Kernel]:
        """The parts."""
        return list(self.parts)

    def _at(
        self, names: Iterator[dict[str, str]], variables: dict[str, Any], xp: Any
    ) -> list[Block]:
        return [block for part in self.parts for block in part._at(names, variables, xp)]

    def __repr__(self) -> str:
        return " + ".join(map(repr, self.parts))


@dataclass(frozen=True, repr=False)
class Product(Kernel):
    """The product of kernels; the amplitudes of all but the first are one unless given."""

    parts: tuple[Kernel, ...]
    name: str = ""

    def __post_init__(self) -> None:
        # One amplitude is enough: those of the later factors are one unless they were given.
        parts = tuple(
            replace(part, sigma=1.0)  # type: ignore[type-var]
            if i and getattr(part, "sigma", 0) is None
            else part
            for i, part in enumerate(self.parts)
        )
        object.__setattr__(self, "parts", parts)

    def leaves(self) -> list[Kernel]:
        """Of all parts."""
        return [leaf for part in self.parts for leaf in part.leaves()]

    def label(self) -> str:
        """Those of the parts in a row."""
        return self.name or "_".join(part.label() for part in self.parts)

    def _at(
        self, names: Iterator[dict[str, str]], variables: dict[str, Any], xp: Any
    ) -> list[Block]:
        total = self.parts[0]._at(names, variables, xp)
        for part in self.parts[1:]:
            other = part._at(names, variables, xp)
            total = [blocks.multiply(a, b) for a in total for b in other]
        return total

    def __repr__(self) -> str:
        return " * ".join(
            f"({part!r})" if isinstance(part, Sum) else repr(part) for part in self.parts
        )


LEAVES = (DampedRandomWalk, Matern32, Matern52, Cosine, SHO, Rotation, QuasiPeriodic, CARMA)
