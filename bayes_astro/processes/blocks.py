"""The algebra of covariance kernels: blocks u, Phi, v whose sums and products are again blocks.

A stationary kernel with a linear differential equation behind it is k(t) = u' Phi(t) v, t >= 0,
where Phi is a Kronecker product of factors (see `likelihoods.transitions`). A sum of kernels lists
the blocks of its terms; the product of two blocks is

.. code-block:: text

    (u1' Phi1 v1)(u2' Phi2 v2) = (u1 x u2)' (Phi1 x Phi2) (v1 x v2)

and a factor of size one only changes the decay rate of the other. Entries are numbers or PyTensor
variables: the functions here take the module that computes, `numpy` or `pytensor.tensor`, as `xp`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_astro.likelihoods.layout import Layout

__all__ = ["Block", "derivative", "layout", "matrix", "multiply", "pair", "rates", "real", "triple"]


@dataclass(frozen=True)
class Block:
    """One summand u' Phi(t) v of a kernel.

    Attributes
    ----------
    u, v : sequence of J scalars
    factors : sequence of (size, rate, square)
        Of the transition: size 1 (real), 2 (pair) or 3 (triple); see `likelihoods.transitions`.
    power : scalar, optional
        The variance, where it is not u' v.
    """

    u: Sequence[Any]
    v: Sequence[Any]
    factors: Sequence[tuple[int, Any, Any]]
    power: Any = None

    @property
    def variance(self) -> Any:
        """The covariance of a row with itself."""
        return dot(self.u, self.v) if self.power is None else self.power


def real(variance: Any, rate: Any) -> Block:
    """variance exp(-rate t)."""
    return Block((1.0,), (variance,), ((1, rate, 0.0),))


def pair(cosine: Any, sine: Any, rate: Any, square: Any) -> Block:
    """exp(-rate t) (cosine C(t) + sine S(t)); square is the squared frequency, of any sign."""
    return Block((1.0, 0.0), (cosine, sine), ((2, rate, square),))


def triple(constant: Any, linear: Any, quadratic: Any, rate: Any) -> Block:
    """exp(-rate t) (constant + linear t + quadratic t^2 / 2)."""
    return Block((1.0, 0.0, 0.0), (constant, linear, quadratic), ((3, rate, 0.0),))


def dot(a: Sequence[Any], b: Sequence[Any]) -> Any:
    """Sum of products, without the terms that are zero by construction."""
    total: Any = 0.0
    for x, y in zip(a, b, strict=True):
        if not (_is_zero(x) or _is_zero(y)):
            total = total + x * y
    return total


def _is_zero(x: Any) -> bool:
    return isinstance(x, float) and x == 0.0


def multiply(first: Block, second: Block) -> Block:
    """The product of two kernels' blocks."""
    for block in (first, second):
        if block.power is not None:
            raise ValueError("A kernel integrated over an exposure cannot be multiplied.")
    if len(first.factors) == 1 and first.factors[0][0] == 1:
        first, second = second, first
    if len(second.factors) == 1 and second.factors[0][0] == 1:
        (size, rate, square), *rest = first.factors
        merged = ((size, rate + second.factors[0][1], square), *rest)
        return Block(first.u, [x * second.v[0] for x in first.v], merged)
    kron = [[x * y for x in a for y in b] for a, b in ((first.u, second.u), (first.v, second.v))]
    return Block(kron[0], kron[1], (*first.factors, *second.factors))


def _kronecker(matrices: list[list[list[Any]]]) -> list[list[Any]]:
    out = matrices[0]
    for other in matrices[1:]:
        out = [[x * y for x in row for y in own] for row in out for own in other]
    return out


def generator(block: Block) -> list[list[Any]]:
    """F of Phi(t) = exp(F t)."""
    parts = []
    for size, rate, square in block.factors:
        part: list[list[Any]] = [[0.0] * size for _ in range(size)]
        for i in range(size):
            part[i][i] = -rate
            if i + 1 < size:
                part[i][i + 1] = 1.0
        if size == 2:
            part[1][0] = -square
        parts.append(part)
    total: list[list[Any]] | None = None
    for i in range(len(parts)):
        units = [
            parts[j] if j == i else [[float(a == b) for b in range(len(p))] for a in range(len(p))]
            for j, p in enumerate(parts)
        ]
        one = _kronecker(units)
        total = (
            one
            if total is None
            else [
                [x + y for x, y in zip(a, b, strict=True)] for a, b in zip(total, one, strict=True)
            ]
        )
    assert total is not None
    return total


def derivative(block: Block) -> tuple[list[Any], list[Any], Any]:
    """F' u, -F v and the variance of the process' derivative, -k''(0) = -u' F F v."""
    f = generator(block)
    size = range(len(f))
    ahead = [dot([f[i][j] for i in size], block.u) for j in size]
    behind = [dot(row, block.v) for row in f]
    return ahead, [-x for x in behind], -dot(ahead, behind)


def damped(rate: Any, square: Any, t: Any, xp: Any) -> tuple[Any, Any]:
    """exp(-rate t) times cos(sqrt(square) t) and sin(sqrt(square) t) / sqrt(square), of any sign."""
    y = square * t * t
    small = abs(y) < 0.3
    series_c = 1 - y / 2 * (1 - y / 12 * (1 - y / 30 * (1 - y / 56 * (1 - y / 90 * (1 - y / 132)))))
    series_s = 1 - y / 6 * (1 - y / 20 * (1 - y / 42 * (1 - y / 72 * (1 - y / 110))))
    # Both branches are evaluated: each is kept away from the other's bad arguments.
    up = xp.sqrt(xp.where(y > 0.2, y, 1.0))
    down = xp.sqrt(xp.where(y < -0.2, -y, 1.0))
    decay = xp.exp(-rate * t)
    slow, fast = xp.exp(down - rate * t), xp.exp(-down - rate * t)
    cosine = xp.where(y > 0, decay * xp.cos(up), 0.5 * (slow + fast))
    sine = xp.where(y > 0, decay * xp.sin(up) / up, 0.5 * (slow - fast) / down)
    return xp.where(small, decay * series_c, cosine), t * xp.where(small, decay * series_s, sine)


def matrix(block: Block, t: Any, xp: Any) -> list[list[Any]]:
    """Phi(t) of one block; `t` may be an array."""
    parts = []
    for size, rate, square in block.factors:
        if size == 2:
            cosine, sine = damped(rate, square, t, xp)
            parts.append([[cosine, sine], [-square * sine, cosine]])
            continue
        decay = xp.exp(-rate * t)
        if size == 1:
            parts.append([[decay]])
        else:
            one, two = decay * t, 0.5 * decay * t * t
            parts.append([[decay, one, two], [0.0, decay, one], [0.0, 0.0, decay]])
    return _kronecker(parts)


def covariance(block: Block, t: Any, xp: Any) -> Any:
    """k(t) of one block at t >= 0."""
    phi = matrix(block, t, xp)
    return dot(block.u, [dot(row, block.v) for row in phi])


def layout(blocks: Sequence[Block]) -> tuple[Layout, list[int]]:
    """The layout of the recursion, and the order in which it takes the blocks."""
    kind = [
        block.factors[0][0] - 1 if len(block.factors) == 1 and block.factors[0][0] < 3 else 2
        for block in blocks
    ]
    order = sorted(range(len(blocks)), key=lambda i: kind[i])
    products = tuple(tuple(f[0] for f in blocks[i].factors) for i in order if kind[i] == 2)
    return Layout(kind.count(0), kind.count(1), products), order


def rates(blocks: Sequence[Block]) -> tuple[list[Any], list[Any]]:
    """Decay rates and squared frequencies of blocks in the order of `layout`."""
    decay = [rate for block in blocks for _, rate, _ in block.factors]
    square = [x for block in blocks for size, _, x in block.factors if size > 1]
    return decay, square


def spectrum(blocks: Sequence[Block], frequency: np.ndarray) -> np.ndarray:
    """Two-sided power spectral density 2 Re u' (i omega - F)^-1 v of numeric blocks."""
    total = np.zeros(len(frequency))
    for block in blocks:
        f = np.array(generator(block), dtype=float)
        u, v = np.array(block.u, dtype=float), np.array(block.v, dtype=float)
        resolvent = 2j * np.pi * frequency[:, None, None] * np.eye(len(u)) - f
        right = np.broadcast_to(v[:, None], (len(frequency), len(v), 1))
        total += 2 * (np.linalg.solve(resolvent, right)[..., 0] @ u).real
    return total
