"""What every kernel has: names, priors, covariance, sums and products."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

import numpy as np

from bayes_astro.data.columns import convert
from bayes_astro.hooks import Shown
from bayes_astro.names import nearest, numbered
from bayes_astro.priors import Prior
from bayes_astro.processes import blocks
from bayes_astro.processes.blocks import Block
from bayes_astro.processes.kernels.scales import Scales, unit_of
from bayes_astro.quantities import quantity_to_dict

__all__ = ["Kernel", "Product", "Sum"]


class Kernel(Shown):
    """A stationary covariance function with a linear-time likelihood.

    The base of all kernels: kernels are added and multiplied, and each of their parameters is None
    (free, with a default prior), a `ba.Prior`, or a number or Quantity (fixed). A kernel of one's
    own is a dataclass that extends this and writes ``kinds`` and ``blocks``; `ba.register` makes it
    known by name.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> kernel = ba.kernels.DampedRandomWalk() + ba.kernels.SHO(period=12.0)
    >>> isinstance(kernel, ba.kernels.Kernel)
    True
    """

    part: ClassVar[str] = "kernel"
    kinds: ClassVar[dict[str, str]] = {}
    differentiable: ClassVar[bool] = True
    name: str

    _internal: ClassVar[tuple[str, ...]] = (
        "at", "blocks", "by_term", "check", "differentiable", "fixed", "given", "in_units", "is_free",
        "kinds", "label", "leaves", "names", "parameters", "part", "priors", "terms", "to_dict",
    )  # fmt: skip

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
        every = [p for leaf in leaves for p in leaf.parameters()]
        free = [p for leaf in leaves for p in leaf.parameters() if leaf.is_free(p)]
        found = []
        for leaf, label in zip(leaves, labels, strict=True):
            # Fixed numbers make the name of a free one not ambiguous, but have one of their own.
            plain = {
                p: free.count(p) == 1 if leaf.is_free(p) else every.count(p) == 1
                for p in leaf.parameters()
            }
            found.append(
                {p: p if plain[p] and not leaf.name else f"{label}_{p}" for p in leaf.parameters()}
            )
        return found

    def variables(self) -> Iterator[tuple[str, tuple[Kernel, str]]]:
        """Go through the variables in order, those with fixed values too.

        Yields
        ------
        name : str
            Of the variable.
        part : (Kernel, str)
            The kernel of the sum or product, and its parameter, that the variable is.
        """
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
        found = {}
        for variable, (leaf, parameter) in self.variables():
            if leaf.is_free(parameter):
                continue
            given = leaf.given(parameter)
            if hasattr(given, "unit"):
                raise ValueError(
                    f"{leaf!r}: {parameter} has a unit; ask kernel.in_units('d', 'mag'), or in what "
                    "units times and values are."
                )
            found[variable] = float(given)
        return found

    def in_units(self, time: str, value: str = "") -> Kernel:
        """The same kernel with plain numbers, in these units, in the place of Quantities."""
        changes = {}
        for f in fields(self):  # type: ignore[arg-type]
            old = getattr(self, f.name)
            new = self._plain(f.name, old, time, value)
            if new is not old:
                changes[f.name] = new
        return replace(self, **changes) if changes else self  # type: ignore[type-var]

    def _plain(self, name: str, given: Any, time: str, value: str) -> Any:
        if isinstance(given, Kernel):
            return given.in_units(time, value)
        if isinstance(given, tuple):
            named = [x if isinstance(x, tuple) else (name, x) for x in given]
            new = [self._plain(n, x, time, value) for n, x in named]
            if all(a is b for a, (_, b) in zip(new, named, strict=True)):
                return given
            pairs = zip(new, named, given, strict=True)
            return tuple((n, a) if isinstance(x, tuple) else a for a, (n, _), x in pairs)
        if not hasattr(given, "unit"):
            return given
        unit = unit_of(self.parameters().get(name, "timescale"), time, value)
        where = f"{type(self).__name__}: {name}"
        old = given.unit.to_string()
        return float(convert(np.asarray(given.value), old, unit, where, error=True))

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
        """Covariance of the process at two times, by their difference.

        Parameters
        ----------
        lag : array_like
            Time differences of any sign, in the time unit of the data.
        **variables : float
            By name, as in `variables`; the fixed ones need not be given.

        Returns
        -------
        array
            Of the shape of `lag`, in the square of the values' unit.
        """
        t = np.abs(np.asarray(lag, dtype=float))
        total = np.zeros(t.shape)
        for block in self.at(self._complete(variables)):
            inside = blocks.covariance(block, t, np)
            total += inside if block.power is None else np.where(t == 0, block.power, inside)
        return total

    def power_spectrum(self, frequency: Any, **variables: float) -> np.ndarray:
        """Power spectral density of the process.

        Two-sided: its integral over all frequencies, negative ones too, is the variance.

        Parameters
        ----------
        frequency : array_like, shape (m,)
            In cycles per time unit.
        **variables : float
            By name, as for `covariance`.

        Returns
        -------
        array (m,)
            In the square of the values' unit, times the time unit.
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
            if hasattr(given, "unit") and np.ndim(given) == 0:
                if kind != "amplitude":  # whose unit is that of the data
                    self._plain(parameter, given, "s", "")
                given = given.value
            plain = isinstance(given, int | float | np.number) and not isinstance(given, bool)
            least = 0 if kind in ("fraction",) else np.nextafter(0, 1)
            if not plain or not least <= given < np.inf:
                raise ValueError(
                    f"{type(self).__name__}: {parameter}={given!r} must be a positive number or "
                    "Quantity, a ba.Prior, or None for a default prior."
                )

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary, as a spec writes it; the inverse of `from_dict`."""
        plain: dict[str, Any] = {"kernel": type(self).__name__}
        for f in fields(self):  # type: ignore[arg-type]
            value = getattr(self, f.name)
            if isinstance(value, Prior | Kernel):
                plain[f.name] = value.to_dict()
            elif hasattr(value, "unit"):
                plain[f.name] = quantity_to_dict(value)
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


@dataclass(frozen=True, repr=False)
class Sum(Kernel):
    """The sum of independent processes: each part is a component.

    Made by ``+``. `ba.GaussianProcess` predicts each part by itself, too.

    Parameters
    ----------
    parts : tuple of Kernel
        The summands.
    name : str, optional
        Stands before the names of its variables.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> kernel = ba.kernels.DampedRandomWalk() + ba.kernels.Matern32(scale=5.0)
    >>> kernel.parts
    (DampedRandomWalk(), Matern32(scale=5.0))
    >>> [name for name, _ in kernel.variables()]
    ['damped_random_walk_sigma', 'tau', 'matern32_sigma', 'scale']
    """

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
    """The product of kernels, of which the first has the amplitude.

    Made by ``*``. The amplitudes of all but the first are one unless given.

    Parameters
    ----------
    parts : tuple of Kernel
        The factors.
    name : str, optional
        Stands before the names of its variables.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> ba.kernels.Matern32() * ba.kernels.Cosine(period=10.0)
    Matern32() * Cosine(sigma=1.0, period=10.0)
    """

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
