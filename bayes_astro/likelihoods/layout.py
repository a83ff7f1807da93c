"""The blocks of a kernel's transition: what a recursion is compiled for."""

from __future__ import annotations

import math
from typing import NamedTuple

__all__ = ["Layout"]


class Layout(NamedTuple):
    """Blocks of the transition, in this order: reals, pairs, products (sizes of their factors)."""

    reals: int
    pairs: int
    products: tuple[tuple[int, ...], ...] = ()

    @property
    def size(self) -> int:
        """Dimension J of the state."""
        return self.reals + 2 * self.pairs + sum(math.prod(sizes) for sizes in self.products)

    @property
    def rates(self) -> int:
        """How many decay rates c there are: one for each real, pair and factor."""
        return self.reals + self.pairs + sum(map(len, self.products))

    @property
    def squares(self) -> int:
        """How many squared frequencies x: one for each pair and factor (a triple's is unused)."""
        return self.pairs + sum(map(len, self.products))
