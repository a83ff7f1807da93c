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
    r"""The Ornstein-Uhlenbeck process of quasars and red noise.

    .. math:: k(t) = \sigma^2 \exp(-|t| / \tau)

    Parameters
    ----------
    sigma : float, Quantity or Prior, optional
        Asymptotic standard deviation; sqrt(2) sigma is the structure function's limit SF_inf.
        Default: free, with a prior by the spread of the values.
    tau : float, Quantity or Prior, optional
        Damping time, in the time unit of the data. Default: free.
    name : str, optional
        Stands before the names of its variables.

    References
    ----------
    Kelly, Bechtold & Siemiginowska 2009; MacLeod et al. 2010. For a tau above a tenth of the time
    span the prior decides (Kozlowski 2017, A&A 597, A128).

    Examples
    --------
    >>> import bayes_astro as ba
    >>> ba.kernels.DampedRandomWalk(sigma=0.3, tau=50.0).covariance([0.0, 50.0]).round(3)
    array([0.09 , 0.033])
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
    r"""A process that is once differentiable.

    .. math:: k(t) = \sigma^2 (1 + s) \exp(-s), \quad s = \sqrt{3} |t| / \mathrm{scale}

    Parameters
    ----------
    sigma : float, Quantity or Prior, optional
        Standard deviation of the process. Default: free.
    scale : float, Quantity or Prior, optional
        Length over which it forgets, in the time unit of the data. Default: free.
    name : str, optional
        Stands before the names of its variables.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> ba.kernels.Matern32(sigma=1.0, scale=2.0).covariance([0.0, 2.0]).round(2)
    array([1.  , 0.48])
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
    r"""A process that is twice differentiable.

    .. math:: k(t) = \sigma^2 (1 + s + s^2 / 3) \exp(-s), \quad s = \sqrt{5} |t| / \mathrm{scale}

    Parameters
    ----------
    sigma : float, Quantity or Prior, optional
        Standard deviation of the process. Default: free.
    scale : float, Quantity or Prior, optional
        Length over which it forgets, in the time unit of the data. Default: free.
    name : str, optional
        Stands before the names of its variables.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> ba.kernels.Matern52(sigma=1.0, scale=2.0).covariance([0.0, 2.0]).round(2)
    array([1.  , 0.52])
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
    r"""A sinusoid of unknown amplitude and phase.

    .. math:: k(t) = \sigma^2 \cos(2 \pi t / \mathrm{period})

    Parameters
    ----------
    sigma : float, Quantity or Prior, optional
        Standard deviation of the process. Default: free.
    period : float, Quantity or Prior, optional
        Of the sinusoid, in the time unit of the data. Default: free.
    name : str, optional
        Stands before the names of its variables.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> ba.kernels.Cosine(sigma=1.0, period=4.0).covariance([0.0, 2.0, 4.0]).round(2)
    array([ 1., -1.,  1.])
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
    r"""An oscillation whose phase wanders.

    .. math:: k(t) = \sigma^2 \exp(-|t| / \tau) \cos(2 \pi t / \mathrm{period})

    Its power spectrum is a Lorentzian about the frequency, and one about its negative: the shape of
    quasi-periodic oscillations of accreting objects, of quality pi tau / period, the frequency over
    the full width at half maximum. Unlike `SHO` it oscillates at the period itself however strong
    the damping, and is as rough at short lags as a damped random walk.

    Parameters
    ----------
    sigma : float, Quantity or Prior, optional
        Standard deviation of the process. Default: free.
    tau : float, Quantity or Prior, optional
        Time in which phase and amplitude are forgotten, in the time unit of the data. Default:
        free.
    period : float, Quantity or Prior, optional
        Of the oscillation, in the time unit of the data. Default: free.
    name : str, optional
        Stands before the names of its variables.

    References
    ----------
    The term of celerite with b = 0 (Foreman-Mackey et al. 2017); Lorentzians: Belloni, Psaltis &
    van der Klis 2002, ApJ 572, 392.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> kernel = ba.kernels.DampedCosine(sigma=1.0, tau=10.0, period=4.0)
    >>> kernel.covariance([0.0, 2.0, 4.0]).round(2)
    array([ 1.  , -0.82,  0.67])
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
