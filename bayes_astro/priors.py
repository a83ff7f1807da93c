"""Prior distributions that live outside any model.

A `Prior` is a name and its numbers: it can be written in a spec, stored with a fit, drawn from and
evaluated with NumPy, and becomes a PyMC variable only inside `Model.build`.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from bayes_astro.hooks import Shown
from bayes_astro.names import nearest
from bayes_astro.prior_families import FAMILIES
from bayes_astro.quantities import numeric, quantity, quantity_to_dict, short

__all__ = ["Prior", "recorded"]

MOST = 38.0  # standard deviations: farther is no double


class Prior(Shown):
    """A named distribution, held outside any model.

    Parameters
    ----------
    distribution : str
        One of Normal, HalfNormal, TruncatedNormal, Uniform, LogUniform, LogNormal, StudentT,
        Cauchy, HalfCauchy, Laplace, Horseshoe, Rayleigh, Exponential, Gamma, InverseGamma, Beta, with the
        arguments that PyMC gives them (Exponential by its ``scale``; Horseshoe mu and scale, see below); for
        weights Dirichlet(alpha), for covariances InverseWishart(nu, scale), whose mean is
        scale / (nu - d - 1).
    **arguments : float, sequence of float, or astropy Quantity
        A sequence gives one number for each entry of the parameter (each harmonic, each predictor).
        The scale of an InverseWishart is a matrix, or a sequence of d standard deviations.
        A Quantity is converted to the unit of the parameter when the model is fitted.

    Raises
    ------
    ValueError
        For an unknown distribution or argument (with the nearest known one), a number that is not
        finite, a scale that is not positive, bounds in the wrong order.

    Notes
    -----
    The *Horseshoe* (mu, scale) is for many slopes of which few differ from mu: N(mu, l^2 scale^2) with l
    half-Cauchy, integrated out (Carvalho, Polson & Scott 2010),

    .. code-block:: text

        p(b) = (2 pi^3)^(-1/2) / scale * exp(z) E1(z),   z = (b - mu)^2 / (2 scale^2)

    It rises as -ln z toward a pole at mu, which draws what is near to it, and falls as slowly as a
    Cauchy density, which leaves what is far away alone. With p0 of p slopes expected to matter, n rows,
    a scatter sigma and predictors of unit spread, Piironen & Vehtari (2017, Electron. J. Stat. 11, 5018)
    take scale = p0 / (p - p0) * sigma / sqrt(n); divide it by the spread of each predictor that has
    another. Samplers move in the normal score Phi^-1(F(b)), a coordinate without the pole, in which every
    gradient is finite; a PyMC graph has b itself, and a gradient of zero at mu. `log_density` ends to rise
    1e-150 scales from mu. The pole is the maximum of any posterior whatever the data, so that `ba.MAP`,
    `ba.Laplace` and evidences refuse this prior.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> ba.Prior("HalfNormal", sigma=0.1)
    Prior('HalfNormal', sigma=0.1)
    >>> ba.Prior("Normal", mu=1.0, sigma=0.5).quantile([0.16, 0.5, 0.84]).round(2)
    array([0.5, 1. , 1.5])
    >>> few = ba.Prior("Horseshoe", mu=0.0, scale=0.02)
    >>> few.quantile([0.05, 0.25, 0.75, 0.95]).round(3)
    array([-0.099, -0.012,  0.012,  0.099])
    """

    _internal: ClassVar[tuple[str, ...]] = (
        "entry", "event", "from_dict", "in_unit", "normal_score",
        "spiked", "symbolic_log_density", "to_dict", "variable",
    )  # fmt: skip

    def __init__(self, distribution: str, /, **arguments: Any) -> None:
        if not isinstance(distribution, str) or distribution not in FAMILIES:
            raise ValueError(
                f"Unknown prior distribution {distribution!r:.80}.{nearest(distribution, FAMILIES)}"
            )
        wanted = FAMILIES[distribution].arguments
        for name in arguments:
            if name not in wanted:
                raise ValueError(
                    f"Prior {distribution} has no argument {name!r:.80}.{nearest(name, wanted)}"
                )
        if missing := [name for name in wanted if name not in arguments]:
            raise ValueError(f"Prior {distribution} needs {', '.join(missing)}.")
        self.distribution = distribution
        self.arguments = {name: self._checked(name, arguments[name]) for name in wanted}
        lengths = {np.size(getattr(v, "value", v)) for v in self.arguments.values()} - {1}
        if len(lengths) > 1 and not self.event:
            raise ValueError(
                f"Prior {distribution}: lists of {' and '.join(map(str, sorted(lengths)))} numbers "
                "do not go together."
            )
        if not self._dimensional():
            lower, upper = self.support
            if np.any(np.asarray(lower) >= np.asarray(upper)):
                raise ValueError(
                    f"Prior {distribution}: lower={lower} must lie below upper={upper}."
                )

    @property
    def event(self) -> int:
        """Number of axes of a single draw: 0 for a number, 1 for weights, 2 for a covariance."""
        return FAMILIES[self.distribution].event

    @property
    def spiked(self) -> bool:
        """Whether the density is infinite somewhere, so that the posterior's maximum says nothing."""
        return FAMILIES[self.distribution].spiked

    def _checked(self, name: str, value: Any) -> Any:
        kind = FAMILIES[self.distribution].arguments[name]
        number = value.value if hasattr(value, "unit") else value
        try:
            if not numeric(number):
                raise TypeError
            array = np.asarray(number, dtype=float)
        except (TypeError, ValueError, OverflowError):
            raise ValueError(
                f"Prior {self.distribution}: {name} must be a number or a list of numbers, "
                f"got {short(value)}."
            ) from None
        if kind == "matrix" and array.ndim:
            return self._matrix(name, value, array)
        if array.ndim > (0 if self.event else 1) or array.size == 0:
            raise ValueError(
                f"Prior {self.distribution}: {name} must be a number or a list of numbers, "
                f"got {short(value)}."
            )
        if not np.all(np.isfinite(array)):
            raise ValueError(f"Prior {self.distribution}: {name}={short(value)} must be finite.")
        if kind in ("scale", "shape") and np.any(array <= 0):
            raise ValueError(f"Prior {self.distribution}: {name}={short(value)} must be positive.")
        if hasattr(value, "unit"):
            if kind not in ("value", "scale"):
                raise ValueError(
                    f"Prior {self.distribution}: {name} is a plain number and takes no unit."
                )
            return value
        return float(array) if array.ndim == 0 else tuple(float(x) for x in array)

    def _matrix(self, name: str, value: Any, array: np.ndarray) -> Any:
        """A covariance as nested tuples, or standard deviations as one."""
        remedy = "must be a symmetric, positive definite matrix or a list of positive numbers"
        if hasattr(value, "unit") or array.ndim > 2 or not np.all(np.isfinite(array)):
            raise ValueError(
                f"Prior {self.distribution}: {name} {remedy}, without a unit; got {short(value)}."
            )
        square = array.ndim == 1 or array.shape[0] == array.shape[1]
        good = square and array.size > 0 and np.allclose(array, array.T, rtol=1e-8, atol=0.0)
        if not good or np.any((array if array.ndim == 1 else np.linalg.eigvalsh(array)) <= 0):
            raise ValueError(f"Prior {self.distribution}: {name} {remedy}; got {short(value)}.")
        if array.ndim == 1:
            return tuple(float(x) for x in array)
        return tuple(tuple(float(x) for x in row) for row in array)

    def _dimensional(self) -> bool:
        return any(hasattr(value, "unit") for value in self.arguments.values())

    def in_unit(self, unit: str | None, name: str = "") -> Prior:
        """Return this prior with every Quantity converted to `unit` (None: no unit is known)."""
        if not self._dimensional():
            return self
        converted = {}
        for key, value in self.arguments.items():
            if hasattr(value, "unit"):
                try:
                    value = value.to_value(unit or "")
                except Exception as error:
                    raise ValueError(
                        f"Prior of {name!r}: {key}={value} cannot be converted to "
                        f"{unit or 'a plain number'}. Give it in that unit."
                    ) from error
            converted[key] = value
        return Prior(self.distribution, **converted)

    @property
    def support(self) -> tuple[Any, Any]:
        """Lowest and highest value with positive density."""
        family = FAMILIES[self.distribution]
        return family.lower(**self.arguments), family.upper(**self.arguments)

    def _scipy(self) -> Any:
        if "_twin" not in self.__dict__:  # it takes a millisecond to make
            import scipy.stats

            arguments = {name: np.asarray(value) for name, value in self.arguments.items()}
            self._twin = FAMILIES[self.distribution].scipy(scipy.stats, **arguments)
        return self._twin

    def sample(self, rng: np.random.Generator, size: Any = None) -> np.ndarray:
        """Draw with NumPy's generator.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of randomness.
        size : int or tuple of int, optional
            Shape of the draws, whose last axis matches listed arguments. Default: a single draw.

        Returns
        -------
        array
            Of shape `size`; of weights and covariances with their own axes behind.
        """
        if self.event:
            size = tuple(np.atleast_1d(size))
            leading, own = size[: -self.event], size[-self.event :]
            if self.distribution == "Dirichlet":
                return rng.dirichlet(np.full(own[0], self.arguments["alpha"]), leading)
            draws = self._scipy().rvs(size=int(np.prod(leading, dtype=int)), random_state=rng)
            return np.reshape(draws, size)
        return self._scipy().rvs(size=size, random_state=rng)

    def entry(self, index: int) -> Prior:
        """The prior of one entry of an array."""
        if self.event:
            return self
        parts = {name: np.ravel(value) for name, value in self.arguments.items()}
        return Prior(
            self.distribution,
            **{name: float(part[index if part.size > 1 else 0]) for name, part in parts.items()},
        )

    def quantile(self, share: Any) -> np.ndarray:
        """Values below which such shares of the probability lie.

        Parameters
        ----------
        share : array_like
            Probabilities between 0 and 1.

        Returns
        -------
        array
            Of the same shape.
        """
        return self._scipy().ppf(share)

    def log_density(self, x: Any) -> np.ndarray:
        """Log density, normalised; minus infinity outside of the support.

        Parameters
        ----------
        x : array_like
            Values; of weights and covariances with their own axes behind.

        Returns
        -------
        array
            One number for each value.
        """
        if self.event:
            x = np.asarray(x, dtype=float)
            flat = x.reshape(-1, *x.shape[-self.event :])
            twin = self._scipy()
            if self.distribution == "Dirichlet":
                alpha = np.full(x.shape[-1], self.arguments["alpha"])
                found = [twin.logpdf(row, alpha) if row.size > 1 else 0.0 for row in flat]
            else:
                found = [twin.logpdf(row) for row in flat]
            return np.reshape(found, x.shape[: -self.event])
        return self._scipy().logpdf(x)

    def normal_score(self, x: Any) -> np.ndarray:
        """Where `x` stands in the prior, as a quantile of the unit normal: Phi^-1(F(x))."""
        from scipy.special import ndtri_exp

        # scipy's logarithms hold the upper tail, too, where F itself is rounded to one.
        return np.clip(ndtri_exp(self._scipy().logcdf(x)), -MOST, MOST)

    def median(self) -> Any:
        """The median of each entry.

        Returns
        -------
        float or array
            An array where arguments are sequences.
        """
        return self._scipy().median()

    def symbolic_log_density(self, x: Any) -> Any:
        """Log density at a PyTensor variable, for use inside a PyMC model."""
        import pymc as pm

        arguments = {key: np.asarray(value) for key, value in self.arguments.items()}
        if self.distribution == "LogUniform":
            lower, upper = np.log(arguments["lower"]), np.log(arguments["upper"])
            logarithm = pm.math.log(x)
            return pm.logp(pm.Uniform.dist(lower, upper), logarithm) - logarithm
        if self.distribution == "Rayleigh":
            scale = np.sqrt(2) * arguments["sigma"]
            return pm.logp(pm.Weibull.dist(alpha=2.0, beta=scale), x)
        if self.distribution == "Horseshoe":
            from bayes_astro import horseshoe

            return horseshoe.symbolic(x, **arguments)
        return pm.logp(getattr(pm, self.distribution).dist(**arguments), x)

    def variable(self, name: str, dims: Any = None) -> Any:
        """Declare the variable `name` in the PyMC model whose context is open."""
        import pymc as pm

        if self.event:
            raise ValueError(f"{self.distribution} is declared by the task that takes it.")
        # PyTensor computes with Python's own floats in single precision where they fit.
        arguments = {key: np.asarray(value) for key, value in self.arguments.items()}
        if self.distribution == "LogUniform":
            lower, upper = (np.log(arguments[key]) for key in ("lower", "upper"))
            logarithm = pm.Uniform(f"log_{name}", lower, upper, dims=dims)
            return pm.Deterministic(name, pm.math.exp(logarithm), dims=dims)
        if self.distribution == "Rayleigh":
            return pm.Weibull(name, alpha=2.0, beta=np.sqrt(2) * arguments["sigma"], dims=dims)
        if self.distribution == "Horseshoe":
            from bayes_astro import horseshoe_distribution

            return horseshoe_distribution.variable(name, dims, **arguments)
        return getattr(pm, self.distribution)(name, dims=dims, **arguments)

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary, as a spec writes it; the inverse of `from_dict`."""
        plain: dict[str, Any] = {"distribution": self.distribution}
        for key, value in self.arguments.items():
            if hasattr(value, "unit"):
                plain[key] = quantity_to_dict(value)
            else:
                plain[key] = np.asarray(value).tolist() if isinstance(value, tuple) else value
        return plain

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Prior:
        """Rebuild a prior from `to_dict` or from a table of a spec."""
        if not isinstance(plain, dict) or "distribution" not in plain:
            raise ValueError(f"A prior is a table with a 'distribution', got {short(plain)}.")
        arguments = {key: value for key, value in plain.items() if key != "distribution"}
        for key, value in arguments.items():
            if isinstance(value, dict):
                if set(value) != {"value", "unit"}:
                    raise ValueError(
                        f"Prior argument {key!r:.80}: a table needs 'value' and 'unit'."
                    )
                arguments[key] = quantity(value["value"], value["unit"])
        return cls(plain["distribution"], **arguments)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Prior) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        arguments = ", ".join(f"{k}={_brief(v)}" for k, v in self.arguments.items())
        return f"Prior({self.distribution!r}, {arguments})"


def _brief(value: Any) -> str:
    """A number in six digits, and each number of a list."""
    if isinstance(value, tuple):
        return f"({', '.join(map(_brief, value))}{',' * (len(value) == 1)})"
    return f"{value:g}" if isinstance(value, float) else f"{value}"


def recorded(model: Any) -> dict[str, Prior]:
    """The priors with which a fitted model was fitted."""
    return {name: Prior.from_dict(plain) for name, plain in model.record["priors"].items()}
