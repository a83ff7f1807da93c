"""Autoregressive moving averages in continuous time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bayes_astro.names import nearest
from bayes_astro.priors import Prior
from bayes_astro.processes import blocks
from bayes_astro.processes.blocks import Block
from bayes_astro.processes.kernels.base import Kernel
from bayes_astro.quantities import quantity_to_dict

__all__ = ["CARMA"]

LARGEST = 1e9  # fraction over the variance; what is left of their sum has seven digits then


@dataclass(frozen=True, repr=False)
class CARMA(Kernel):
    """A continuous-time autoregressive moving-average process (Kelly et al. 2014).

    .. code-block:: text

        power spectrum ~ |beta(i omega)|^2 / |alpha(i omega)|^2
        alpha(s) = (s + 1 / tau)^(p odd) prod_k (s^2 + omega_k s / quality_k + omega_k^2)
        beta(s) = 1 + beta_1 s + ... + beta_q s^q,        omega_k = 2 pi / period_k

    All parameters positive: every alpha of a stationary process can be written so, and beta has its
    zeros in the left half plane for q <= 2. The blocks follow by partial fractions in omega^2,
    without complex numbers. Where roots of alpha of different factors coincide there are none:
    such numbers are refused.

    Parameters
    ----------
    p, q : int
        Orders, 0 <= q < p <= 7. CARMA(1, 0) is the damped random walk, CARMA(2, 0) the SHO.
    values : dict, optional
        Priors or numbers by parameter: ``sigma``, ``period_1``, ``quality_1``, ..., ``tau`` (of odd
        p), ``beta_1``, ... .
    name : str, optional
        Stands before the names of its variables.

    References
    ----------
    Kelly et al. 2014, ApJ 788, 33.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> kernel = ba.kernels.CARMA(3, 1, values={"sigma": 0.2, "tau": 100.0})
    >>> sorted(name for name, _ in kernel.variables())
    ['beta_1', 'period_1', 'quality_1', 'sigma', 'tau']
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
        given = {name: self.given(name) for name in self.parameters() if "beta" not in name}
        if all(not self.is_free(name) for name in given if name != "sigma"):
            values = {
                name: self._plain(name, x, "s", "") for name, x in given.items() if name != "sigma"
            }
            betas = {f"beta_{j}": 0.0 for j in range(1, self.q + 1)}
            self.blocks({"sigma": 1.0} | betas | values, np)

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
            name: value.to_dict()
            if isinstance(value, Prior)
            else quantity_to_dict(value)
            if hasattr(value, "unit")
            else value
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
        try:
            solution = [numerator[0] / columns[0][0]]
            if len(columns) > 1:
                solution = _solve(columns, numerator, xp)
        except np.linalg.LinAlgError:
            self._refuse(values)
        raw = []
        for k, (w, c) in enumerate(quadratics):
            plus, minus = solution[2 * k] / (2 * w**2), solution[2 * k + 1] / 2
            raw.append(((plus + minus) / (2 * c), (plus - minus) / 2, c, w**2 - c**2))
        total = sum(term[0] for term in raw)
        if decay is not None:
            last = solution[-1] / (2 * decay)
            total = total + last
        if xp is np:
            fractions = [x for term in raw for x in term[:2]] + [last if decay is not None else 0.0]
            if not np.max(np.abs(fractions)) < LARGEST * np.abs(total):
                self._refuse(values)
        scale = values["sigma"] ** 2 / total
        found = [
            blocks.pair(scale * cosine, scale * sine * unit, c * unit, x * unit**2)
            for cosine, sine, c, x in raw
        ]
        if decay is not None:
            found.append(blocks.real(scale * last, decay * unit))
        return found

    def _refuse(self, values: dict[str, Any]) -> None:
        listed = ", ".join(
            f"{name}={float(x):.6g}"
            for name, x in values.items()
            if name.startswith(("period", "quality", "tau"))
        )
        raise ValueError(
            f"CARMA({self.p}, {self.q}): roots of alpha coincide, or nearly so ({listed}), and their "
            "partial fractions cancel; move one of these numbers by a thousandth, which changes the "
            "covariance by less."
        )

    def _numerator(self, values: dict[str, Any], unit: Any) -> list[Any]:
        """The square of beta(i omega) as a polynomial in y."""
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
    if hasattr(xp, "solve"):
        matrix = [[c[i] if i < len(c) else 0.0 for c in columns] for i in range(size)]
        return xp.solve(matrix, right[:size])
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
