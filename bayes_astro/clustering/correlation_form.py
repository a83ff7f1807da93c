r"""A correlation function averaged over bins: a power law, bent by a smooth process.

With x = log(r / pivot), the process g of Matern's covariance (nu = 5/2) in x is written in m sines of
the interval from -L to L about the middle of the bins, L being their range (Riutort-Mayol
et al. 2023), of which each loses its least-squares line over the bins:

.. code-block:: text

    g(x) = smooth_sigma sum_j s(w_j) z_j phi_j(x),    z_j ~ N(0, 1),    w_j = j pi / 2L
    phi_j(x) = sin(w_j (x + L)) / sqrt(L) - (line)
    s(w)^2 = 16/3 k^5 / (k^2 + w^2)^3,    k = sqrt(5) / length

so that amplitude and gamma stay those of the line through log xi, and g says how it departs from one.
Within a bin pairs lie as r^(d - 1) dr (sin r dr for angles), in d dimensions; nodes are Gauss and
Legendre's in x.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from bayes_astro.clustering.pair_counts import PairCounts
from bayes_astro.clustering.separations import KINDS
from bayes_astro.parameters import in_unit

__all__ = ["BASIS", "Form", "r0", "typical_slope"]

BASIS = 14
REACH = 2.0  # half width of the sines' interval, in half ranges of the bins
NODES = 6


class Form:
    """Where a correlation function is evaluated, and the sines there.

    Parameters
    ----------
    data : PairCounts
    pivot : float or Quantity, optional
        Separation at which ``amplitude`` is xi.
    """

    def __init__(self, data: PairCounts, pivot: Any = None) -> None:
        self.data = data
        self.given = pivot

    @cached_property
    def pivot(self) -> float:
        """As given; or where amplitude and slope are known almost independently of each other.

        From bins and errors alone, not from the estimates.
        """
        if self.given is not None:
            return float(in_unit("pivot", self.given, self.data.unit))
        weight = (self.data.middle ** -typical_slope(self.data) / self.data.error) ** 2
        middle = np.exp(np.sum(weight * np.log(self.data.middle)) / weight.sum())
        return float(f"{middle:.2g}")

    @cached_property
    def nodes(self) -> np.ndarray:
        """x = log(r / pivot) within every bin: (n, q)."""
        at = 0.5 * (np.polynomial.legendre.leggauss(NODES)[0] + 1)
        low, high = np.log(self.data.lower), np.log(self.data.upper)
        return low[:, None] + (high - low)[:, None] * at - np.log(self.pivot)

    @cached_property
    def weights(self) -> np.ndarray:
        """Shares of a bin's pairs at its nodes: (n, q), rows sum to one."""
        weight = np.polynomial.legendre.leggauss(NODES)[1] * density(
            self.pivot * np.exp(self.nodes), self.data.kind
        )
        return weight / weight.sum(axis=1, keepdims=True)

    @cached_property
    def middle(self) -> float:
        """Of the bins, in x."""
        return 0.5 * float(np.log(self.data.lower[0] * self.data.upper[-1])) - np.log(self.pivot)

    @cached_property
    def reach(self) -> float:
        """L: half the interval of the sines."""
        return REACH * 0.5 * float(np.log(self.data.upper[-1] / self.data.lower[0]))

    @cached_property
    def frequencies(self) -> np.ndarray:
        """Of the sines, (m,)."""
        return np.arange(1, BASIS + 1) * np.pi / (2 * self.reach)

    @cached_property
    def lines(self) -> np.ndarray:
        """Level and slope of each sine over the bins: (2, m)."""
        x = self.nodes.ravel() - self.middle
        design = np.column_stack([np.ones_like(x), x])
        return np.linalg.lstsq(design, self._sines(x))[0]

    def basis(self, x: np.ndarray) -> np.ndarray:
        """The sines less their lines at x: (..., m)."""
        x = np.asarray(x) - self.middle
        return self._sines(x) - self.lines[0] - self.lines[1] * x[..., None]

    def _sines(self, x: np.ndarray) -> np.ndarray:
        return np.sin(self.frequencies * (x[..., None] + self.reach)) / np.sqrt(self.reach)

    def log_departure(self, values: Any, basis: Any, m: Any) -> Any:
        """g at the rows of `basis` (..., m); `m` is NumPy or PyTensor."""
        k = np.sqrt(5) / values["length"]
        scale = np.sqrt(16 / 3) * k**2.5 / (k**2 + self.frequencies**2) ** 1.5
        return values["smooth_sigma"] * m.dot(basis, scale * values["bend"])

    def at(self, values: Any, x: np.ndarray, m: Any = np) -> Any:
        """xi at x, without the integral constraint."""
        exponent = -values["gamma"] * x
        if "smooth_sigma" in values:
            exponent = exponent + self.log_departure(values, self.basis(x), m)
        return values["amplitude"] * m.exp(exponent)

    def expected(self, values: Any, m: Any = np) -> Any:
        """What the estimates in the bins should be: (n,)."""
        mean = m.sum(self.weights * self.at(values, self.nodes, m), axis=1)
        return mean - values["offset"] if "offset" in values else mean

    def constraint(self, values: dict[str, Any]) -> float:
        """Mean of xi over all pairs of the field, by which an estimate is too low."""
        away = np.asarray(self.data.field_separation)
        if not len(away):
            return 0.0
        x = np.log(away / self.pivot)
        level = values["amplitude"] * np.exp(-values["gamma"] * np.maximum(x, self.nodes.min()))
        return float(np.sum(np.asarray(self.data.field_share) * level))


def density(r: np.ndarray, kind: str) -> np.ndarray:
    """Pairs by log separation, up to a constant."""
    if kind == "angular":
        return r * np.sin(np.radians(r))
    return r ** KINDS[kind]


def r0(amplitude: np.ndarray, gamma: np.ndarray, pivot: float) -> np.ndarray:
    """The separation at which a power law is one."""
    return pivot * np.exp(np.clip(np.log(amplitude) / gamma, -600, 600))


def typical_slope(data: PairCounts) -> float:
    """Of galaxies: 1.8 in space, less by one where only angles or a plane are seen."""
    return 1.8 if data.kind == "space" else 0.8
