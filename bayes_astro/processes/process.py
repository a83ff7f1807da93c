"""From a kernel and its parameters to the tables that the recursions take, band by band.

A row of band b observes a_b g(t - lag_b) + d_b g'(t - lag_b) + h_b(t), with one latent process g for
all bands, its derivative where asked for, and an independent process h_b for each band where asked
for. In blocks (`processes.blocks`), with F the generator of Phi,

.. code-block:: text

    u_b = (a_b + d_b F') u,   v_b = (a_b - d_b F) v,   power_b = a_b^2 k(0) - d_b^2 k''(0)

for those of g, and u, v, k(0) of h_b in band b and zero elsewhere.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from bayes_astro.likelihoods.layout import Layout
from bayes_astro.names import numbered
from bayes_astro.processes import blocks
from bayes_astro.processes.kernels import Kernel

__all__ = ["OWN", "Tables", "entries", "flat", "labels", "tables"]

ARGUMENTS = ("u", "v", "power", "rates", "squares", "lag")

OWN = "own_"  # before the names of the independent processes' parameters


class Tables(NamedTuple):
    """Arguments of `likelihoods.semiseparable`, and the masks of the components."""

    layout: Layout
    u: Any
    v: Any
    power: Any
    rates: Any
    squares: Any
    lag: Any
    owner: tuple[int, ...]  # the component of every column
    parts: tuple[str, ...]  # their names
    part_power: Any  # (component, band)

    @property
    def arguments(self) -> tuple[Any, ...]:
        """What the likelihood takes after the residual and the variance."""
        return (self.u, self.v, self.power, self.rates, self.squares, self.lag)


def tables(
    kernel: Kernel,
    values: dict[str, Any],
    bands: int,
    independent: Kernel | None = None,
    xp: Any = np,
) -> Tables:
    """Assemble the tables at named values; amplitudes, lags and derivatives are arrays by band."""
    found = entries(kernel, values, bands, independent, xp)
    arrays = {name: _array(getattr(found, name), xp) for name in ARGUMENTS}
    power = _array(found.part_power, xp) if xp is np else None
    return found._replace(**arrays, part_power=power)


def entries(
    kernel: Kernel,
    values: dict[str, Any],
    bands: int,
    independent: Kernel | None,
    xp: Any,
) -> Tables:
    """The same as lists of numbers or of what stands for them."""
    pieces: list[tuple[int, int | None, blocks.Block]] = []  # component, band, block
    parts = labels(kernel, independent)
    for i, term in enumerate(kernel.by_term(values, xp)):
        pieces += [(i, None, block) for block in term]
    if independent is not None:
        names = [name for name, _ in independent.variables()]
        for b in range(bands):
            own = {name: values[OWN + name][b] for name in names if OWN + name in values}
            pieces += [(len(parts) - 1, b, block) for block in independent.at(own, xp)]
    layout, order = blocks.layout([block for _, _, block in pieces])
    pieces = [pieces[i] for i in order]
    rows_u, rows_v = [], []
    power = [[0.0 for _ in range(bands)] for _ in parts]
    slopes = [
        blocks.derivative(block) if band is None and "derivative" in values else None
        for _, band, block in pieces
    ]
    for b in range(bands):
        amplitude = 1.0 if b == 0 or "amplitude" not in values else values["amplitude"][b - 1]
        derivative = values["derivative"][b] if "derivative" in values else 0.0
        u: list[Any] = []
        v: list[Any] = []
        for (component, band, block), slope in zip(pieces, slopes, strict=True):
            if band is not None:
                scale = 1.0 if band == b else 0.0
                u += [scale * x for x in block.u]
                v += [scale * x for x in block.v]
                extra: Any = scale * block.variance
            elif slope is None:
                u += [amplitude * x for x in block.u]
                v += [amplitude * x for x in block.v]
                extra = amplitude**2 * block.variance
            else:
                ahead, behind, variance = slope
                u += [amplitude * x + derivative * y for x, y in zip(block.u, ahead, strict=True)]
                v += [amplitude * x + derivative * y for x, y in zip(block.v, behind, strict=True)]
                extra = amplitude**2 * block.variance + derivative**2 * variance
            power[component][b] = power[component][b] + extra
        rows_u.append(u)
        rows_v.append(v)
    decay, square = blocks.rates([block for _, _, block in pieces])
    lag = [0.0] + [values["lag"][b] if "lag" in values else 0.0 for b in range(bands - 1)]
    total = [sum((row[b] for row in power[1:]), power[0][b]) for b in range(bands)]
    owner = tuple(component for component, _, block in pieces for _ in block.u)
    return Tables(layout, rows_u, rows_v, total, decay, square, lag, owner, parts, power)


def flat(found: Tables) -> list[Any]:
    """Entries of the tables one after the other, as the recursion takes them packed."""
    rows = [*found.u, *found.v]
    return [x for row in rows for x in row] + [
        *found.power, *found.rates, *found.squares, *found.lag,
    ]  # fmt: skip


def labels(kernel: Kernel, independent: Kernel | None) -> tuple[str, ...]:
    """Names of the components."""
    found = numbered([term.label() for term in kernel.terms()])
    return (*found, "independent") if independent is not None else tuple(found)


def _array(rows: Any, xp: Any) -> Any:
    if xp is np:
        return np.array(rows, dtype=float)
    if not rows:
        return xp.zeros(0)
    if isinstance(rows[0], list):
        return xp.stack([_array(row, xp) for row in rows])
    return xp.stack([xp.as_tensor_variable(x).astype("float64") for x in rows])
