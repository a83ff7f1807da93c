"""Kernels that decay: damped random walks, Matern, and cosines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bayes_astro.processes import blocks
from bayes_astro.processes.blocks import Block
from bayes_astro.processes.kernels.base import Kernel

__all__ = ["Cosine", "DampedCosine", "DampedRandomWalk", "Matern32", "Matern52"]


@dataclass(frozen=True, repr=False)
class DampedRandomWalk(Kernel):
    """The Ornstein-Uhlenbeck process of quasars and red noise.

    .. code-block:: text

        k(t) = sigma^2 exp(-|t| / tau)

    Parameters
    ----------
    sigma : asymptotic standard deviation; SF_inf = sqrt(2) sigma is the structure function's limit.
    tau : damping time, in the time unit of the data.
    name : str, optional; stands before the names of its variables.

    References
    ----------
    Kelly, Bechtold & Siemiginowska 2009; MacLeod et al. 2010. For a tau above a tenth of the time
    span the prior decides (Kozlowski 2017, A&A 597, A128).
    """

    sigma: Any = None
    tau: Any = None
    name: str = ""

    kinds: ClassVar[dict[str, str]] = {"sigma": "amplitude", "tau": "timescale"}
    differentiable: ClassVar[bool] = False

    def blocks(self, values: dict[str, Any], xp: Any) -> list[Block]:
        """One real block."""
        return [blocks.real(values["sigma"] ** 2, 1 / values["tau"])]


@dataclass(frozen=True, repr=False)
class Matern32(Kernel):
    """A process that is once differentiable.

    .. code-block:: text

        k(t) = sigma^2 (1 + s) exp(-s),        s = sqrt(3) |t| / scale

    Parameters
    ----------
    sigma : standard deviation of the process.
    scale : in the time unit of the data.
    name : str, optional; stands before the names of its variables.
    """

    sigma: Any = None
    scale: Any = None
    name: str = ""

    kinds: ClassVar[dict[str, str]] = {"sigma": "amplitude", "scale": "timescale"}

    def blocks(self, values: dict[str, Any], xp: Any) -> list[Block]:
        """A critically damped pair: exact, not the limit of an oscillator."""
        variance, rate = values["sigma"] ** 2, np.sqrt(3) / values["scale"]
        return [blocks.pair(variance, variance * rate, rate, 0.0)]


@dataclass(frozen=True, repr=False)
class Matern52(Kernel):
    """A process that is twice differentiable.

    .. code-block:: text

        k(t) = sigma^2 (1 + s + s^2 / 3) exp(-s),        s = sqrt(5) |t| / scale

    Parameters
    ----------
    sigma : standard deviation of the process.
    scale : in the time unit of the data.
    name : str, optional; stands before the names of its variables.
    """

    sigma: Any = None
    scale: Any = None
    name: str = ""

    kinds: ClassVar[dict[str, str]] = {"sigma": "amplitude", "scale": "timescale"}

    def blocks(self, values: dict[str, Any], xp: Any) -> list[Block]:
        """One triple."""
        variance, rate = values["sigma"] ** 2, np.sqrt(5) / values["scale"]
        return [blocks.triple(variance, variance * rate, variance * rate**2 * (2 / 3), rate)]


@dataclass(frozen=True, repr=False)
class Cosine(Kernel):
    """A sinusoid of unknown amplitude and phase.

    .. code-block:: text

        k(t) = sigma^2 cos(2 pi t / period)

    Parameters
    ----------
    sigma : standard deviation of the process.
    period : in the time unit of the data.
    name : str, optional; stands before the names of its variables.
    """

    sigma: Any = None
    period: Any = None
    name: str = ""

    kinds: ClassVar[dict[str, str]] = {"sigma": "amplitude", "period": "period"}

    def blocks(self, values: dict[str, Any], xp: Any) -> list[Block]:
        """An undamped pair."""
        square = (2 * np.pi / values["period"]) ** 2
        return [blocks.pair(values["sigma"] ** 2, 0.0, 0.0, square)]


@dataclass(frozen=True, repr=False)
class DampedCosine(Kernel):
    """An oscillation whose phase wanders.

    .. code-block:: text

        k(t) = sigma^2 exp(-|t| / tau) cos(2 pi t / period)

    Its power spectrum is a Lorentzian about the frequency, and one about its negative: the shape of
    quasi-periodic oscillations of accreting objects, of quality pi tau / period, the frequency over the
    full width at half maximum. Unlike `SHO` it oscillates at the period itself however strong the
    damping, and is as rough at short lags as a damped random walk.

    Parameters
    ----------
    sigma : standard deviation of the process.
    tau : time in which phase and amplitude are forgotten, in the time unit of the data.
    period : of the oscillation.
    name : str, optional; stands before the names of its variables.

    References
    ----------
    The term of celerite with b = 0 (Foreman-Mackey et al. 2017); Lorentzians: Belloni, Psaltis & van
    der Klis 2002, ApJ 572, 392.
    """

    sigma: Any = None
    tau: Any = None
    period: Any = None
    name: str = ""

    kinds: ClassVar[dict[str, str]] = {
        "sigma": "amplitude",
        "tau": "timescale",
        "period": "period",
    }
    differentiable: ClassVar[bool] = False

    def blocks(self, values: dict[str, Any], xp: Any) -> list[Block]:
        """One pair without a sine."""
        square = (2 * np.pi / values["period"]) ** 2
        return [blocks.pair(values["sigma"] ** 2, 0.0, 1 / values["tau"], square)]
