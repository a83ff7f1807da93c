"""Noise beyond the stated errors: one number, a smooth curve of wavelength, or one for each pixel.

The logarithm of the floor's standard deviation is linear between nodes,

.. code-block:: text

    log floor_j = sum_m H_jm theta_m,    theta_m ~ N(log floor_scale, SPREAD^2)

with a node for every pixel (H is one), or some at even steps of log wavelength. Of a single number theta
has the prior of `floor` itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

__all__ = ["KINDS", "SPREAD", "Floor"]

KINDS = ("stated", "floor", "smooth floor", "per-pixel floor")
SPREAD = 1.0
NODES = 20
LEAST = 8  # pixels between nodes


@dataclass(frozen=True)
class Floor:
    """How nodes make the floors of pixels.

    Parameters
    ----------
    kind : str
        One of KINDS.
    wavelength : (p,) array
    """

    kind: str
    wavelength: np.ndarray

    @property
    def p(self) -> int:
        """Pixels."""
        return len(self.wavelength)

    @property
    def nodes(self) -> int:
        """Numbers that are inferred."""
        if self.kind == "smooth floor":
            return max(2, min(NODES, self.p // LEAST))
        return {"stated": 0, "floor": 1, "per-pixel floor": self.p}[self.kind]

    @property
    def hierarchical(self) -> bool:
        """Whether nodes scatter about a scale of their own."""
        return self.nodes > 1 or self.kind == "per-pixel floor"

    @cached_property
    def places(self) -> np.ndarray:
        """Wavelengths of the nodes."""
        if self.kind == "per-pixel floor":
            return self.wavelength
        return np.geomspace(self.wavelength[0], self.wavelength[-1], max(self.nodes, 2))

    @cached_property
    def weights(self) -> np.ndarray:
        """H of a smooth floor, (p, nodes)."""
        at = np.log(self.wavelength)
        knots = np.log(self.places)
        return np.stack([np.interp(at, knots, row) for row in np.eye(len(knots))], axis=1)

    def variance(self, theta: np.ndarray) -> np.ndarray:
        """Squares of the floor, (..., p), of nodes (..., M)."""
        return np.exp(2 * self.logarithm(theta)) if self.nodes else np.zeros(self.p)

    def logarithm(self, theta: np.ndarray) -> np.ndarray:
        """Logarithms of the floor at pixels, (..., p)."""
        if self.kind == "smooth floor":
            return theta @ self.weights.T
        return np.broadcast_to(theta, (*theta.shape[:-1], self.p))

    def gathered(self, of_pixels: np.ndarray) -> np.ndarray:
        """Slopes by node from those by the logarithms of the floors of pixels, (..., p) to (..., M)."""
        if self.kind == "smooth floor":
            return of_pixels @ self.weights
        return of_pixels if self.kind == "per-pixel floor" else of_pixels.sum(-1, keepdims=True)

    def rounds(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Nodes that may be drawn at once, and by pixel the place among all of the node that it depends on.

        Pixels between two nodes depend on both: even and odd nodes take turns.
        """
        if self.kind != "smooth floor":
            owner = np.arange(self.p) if self.kind == "per-pixel floor" else np.zeros(self.p, int)
            return [(np.arange(self.nodes), owner)]
        left = np.clip(
            np.searchsorted(self.places, self.wavelength, "right") - 1, 0, self.nodes - 2
        )
        return [
            (np.arange(parity, self.nodes, 2), np.where(left % 2 == parity, left, left + 1))
            for parity in (0, 1)
        ]
