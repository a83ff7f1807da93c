"""Kernels averaged over exposures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_astro.parameters import duration
from bayes_astro.processes import blocks
from bayes_astro.processes.blocks import Block
from bayes_astro.processes.kernels.base import Kernel

__all__ = ["ExposureIntegrated", "exposed_kernels"]


@dataclass(frozen=True, repr=False)
class ExposureIntegrated(Kernel):
    """A kernel averaged over exposures of one length, which must not overlap.

    With B the mean of Phi(s) over s from -exposure / 2 to exposure / 2, the covariance of two exposures is
    (B' u)' Phi(t) (B v), and the variance of one 2 / exposure^2 integral_0^exposure
    (exposure - t) k(t) dt; both by Gauss-Legendre quadrature, to round-off while the exposure is
    shorter than a few decay times and periods.

    Parameters
    ----------
    of : Kernel
    exposure : float or Quantity
        In the time unit of the data.
    name : str, optional
        Stands before the names of its variables.
    """

    of: Kernel
    exposure: Any
    name: str = ""

    def check(self) -> None:
        """A positive exposure, and the kernel's own."""
        duration("ExposureIntegrated: exposure", self.exposure)

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


def exposed_kernels(kernel: Any) -> list[Any]:
    """The kernels within another that are averaged over exposures."""
    own = [kernel] if hasattr(kernel, "exposure") else []
    return own + [found for part in getattr(kernel, "parts", ()) for found in exposed_kernels(part)]
