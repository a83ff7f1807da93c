"""Kernels averaged over exposures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bayes_astro.parameters import duration
from bayes_astro.processes import blocks
from bayes_astro.processes.blocks import Block
from bayes_astro.processes.kernels.base import Kernel

__all__ = ["ExposureIntegrated", "check_exposures", "exposed_kernels", "together"]

OVERLAP = 0.1
"""Share of an exposure by which neighbours may overlap.

Barycentric times come closer than the nominal cadence by up to 2e-4, and printed ones are rounded. At a
tenth the covariance is off by less than 1/3000 of exposure / timescale, which falls with its cube.
"""
SUDDEN = 1e4  # rate, in exposures, of what two rows share at the same time only


@dataclass(frozen=True, repr=False)
class ExposureIntegrated(Kernel):
    """A kernel averaged over exposures of one length.

    Exposures follow one another or are simultaneous. Neighbours may overlap by a tenth, as
    barycentric and rounded times do; rows of several bands may have the same time, and then share
    the exposure.

    With B the mean of Phi(s) over s from -exposure / 2 to exposure / 2, the covariance of two
    exposures is (B' u)' Phi(t) (B v), and the variance of one 2 / exposure^2 integral_0^exposure
    (exposure - t) k(t) dt; both by Gauss-Legendre quadrature, to round-off while the exposure is
    shorter than a few decay times and periods.

    Parameters
    ----------
    of : Kernel
        The process itself.
    exposure : float or Quantity
        In the time unit of the data.
    name : str, optional
        Stands before the names of its variables.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> walk = ba.kernels.DampedRandomWalk(sigma=1.0, tau=2.0)
    >>> kernel = ba.kernels.ExposureIntegrated(walk, exposure=1.0)
    >>> kernel.covariance([0.0]).round(2)
    array([0.85])
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


@dataclass(frozen=True, repr=False)
class Together(ExposureIntegrated):
    """The same where rows have the same time, and with it the covariance of one exposure with itself.

    What that is more than (B' u)' (B v) stands in a block of its own, which is gone at the next
    row.
    """

    def _at(
        self, names: Iterator[dict[str, str]], variables: dict[str, Any], xp: Any
    ) -> list[Block]:
        found = super()._at(names, variables, xp)
        more = sum(block.power - blocks.dot(block.u, block.v) for block in found)
        plain = [Block(block.u, block.v, block.factors) for block in found]
        sudden = ((1, SUDDEN / self.exposure, 0.0),)
        return [*plain, Block((1.0,), (more,), sudden, more)]


def together(kernel: Any) -> Any:
    """A kernel in which exposures at the same time are the same."""
    if isinstance(kernel, ExposureIntegrated):
        return Together(kernel.of, kernel.exposure, kernel.name)
    if parts := getattr(kernel, "parts", ()):
        return replace(kernel, parts=tuple(map(together, parts)))
    return kernel


def check_exposures(kernel: Any, data: Any, shared: bool, moves: bool) -> None:
    """Raise ValueError where exposures overlap in part.

    Parameters
    ----------
    kernel : Kernel
        In the unit of the data.
    data : LightCurve
    shared : bool
        Whether all bands see the same process; False: each has its own.
    moves : bool
        Whether lags or derivatives leave no two rows alike.
    """
    exposure = max((k.exposure for k in exposed_kernels(kernel)), default=0.0)
    if not exposure:
        return
    bands = [None] if shared or data.band is None else data.bands
    for band in bands:
        rows = np.arange(len(data)) if band is None else np.flatnonzero(data.band == band)
        gaps = np.diff(data.time[rows])
        close = gaps < exposure * (1 - OVERLAP)
        bad = close if moves and shared else close & (gaps > 0)
        if bad.any():
            at = int(np.argmax(bad))
            raise ValueError(
                f"column 'time', row {rows[at + 1]}: {gaps[at]:g} after the row before, less than "
                f"the exposure {exposure:g}: exposures must not overlap in part (those of several bands "
                "may have the same time, without lag and derivative). Give a shorter exposure, or the "
                "kernel itself, which differs by about exposure / (3 timescales)."
            )


def exposed_kernels(kernel: Any) -> list[Any]:
    """The kernels within another that are averaged over exposures."""
    own = [kernel] if hasattr(kernel, "exposure") else []
    return own + [found for part in getattr(kernel, "parts", ()) for found in exposed_kernels(part)]
