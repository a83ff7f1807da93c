"""Stochastic oscillators, and what stands for the rotation of stars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bayes_astro.processes import blocks
from bayes_astro.processes.blocks import Block
from bayes_astro.processes.kernels.base import Kernel

__all__ = ["SHO", "QuasiPeriodic", "Rotation"]

UNSETTLED = 6  # harmonics of a kernel that no data have been shown to


def _oscillator(variance: Any, omega: Any, quality: Any) -> Block:
    """A stochastically driven damped oscillator of any quality."""
    rate = omega / (2 * quality)
    return blocks.pair(variance, variance * rate, rate, omega**2 - rate**2)


@dataclass(frozen=True, repr=False)
class SHO(Kernel):
    """A stochastically driven, damped harmonic oscillator (Foreman-Mackey et al. 2017).

    Parameters
    ----------
    sigma : float, Quantity or Prior, optional
        Standard deviation of the process. Default: free.
    period : float, Quantity or Prior, optional
        Of the undamped oscillator, 2 pi / omega_0, in the time unit of the data. Default: free.
    quality : float or Prior, optional
        Q, any positive number: Q < 1/2 is overdamped and 1/2 the Matern-3/2 kernel. Default: free.
    name : str, optional
        Stands before the names of its variables.

    Notes
    -----
    celerite's S_0 is sigma^2 / (omega_0 Q).

    Examples
    --------
    >>> import bayes_astro as ba
    >>> kernel = ba.kernels.SHO(quality=10.0)  # sigma and period are free
    >>> kernel.covariance([0.0, 5.0], sigma=1.0, period=10.0).round(2)
    array([ 1.  , -0.85])
    """

    sigma: Any = None
    period: Any = None
    quality: Any = None
    name: str = ""

    kinds: ClassVar[dict[str, str]] = {
        "sigma": "amplitude",
        "period": "period",
        "quality": "quality",
    }

    def blocks(self, values: dict[str, Any], xp: Any) -> list[Block]:
        """One pair."""
        omega = 2 * np.pi / values["period"]
        return [_oscillator(values["sigma"] ** 2, omega, values["quality"])]


@dataclass(frozen=True, repr=False)
class Rotation(Kernel):
    """Two oscillators at the rotation period and at half of it (celerite's rotation term).

    Parameters
    ----------
    sigma : float, Quantity or Prior, optional
        Standard deviation of the process. Default: free.
    period : float, Quantity or Prior, optional
        Of the rotation, in the time unit of the data. Default: free.
    quality : float or Prior, optional
        Q_0 of the second mode less a half. Default: free.
    quality_difference : float or Prior, optional
        What the first mode has more. Default: free.
    mix : float or Prior, optional
        Variance of the second mode over that of the first. Default: free, from 0 to 1.
    name : str, optional
        Stands before the names of its variables.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> days = ba.Prior("LogNormal", mu=2.3, sigma=0.2)
    >>> kernel = ba.kernels.Rotation(period=days, mix=0.5)  # the others are free
    >>> [name for name, _ in kernel.variables()]
    ['sigma', 'period', 'quality', 'quality_difference', 'mix']
    """

    sigma: Any = None
    period: Any = None
    quality: Any = None
    quality_difference: Any = None
    mix: Any = None
    name: str = ""

    kinds: ClassVar[dict[str, str]] = {
        "sigma": "amplitude",
        "period": "period",
        "quality": "quality",
        "quality_difference": "quality",
        "mix": "fraction",
    }

    def blocks(self, values: dict[str, Any], xp: Any) -> list[Block]:
        """Two pairs, which oscillate at exactly the period and half of it."""
        second = 0.5 + values["quality"]
        first = second + values["quality_difference"]
        variance = values["sigma"] ** 2 / (1 + values["mix"])
        found = []
        for quality, omega, own in (
            (first, 2 * np.pi / values["period"], variance),
            (second, 4 * np.pi / values["period"], variance * values["mix"]),
        ):
            rate = omega / xp.sqrt(4 * quality**2 - 1)
            found.append(blocks.pair(own, own * rate, rate, omega**2))
        return found


@dataclass(frozen=True, repr=False)
class QuasiPeriodic(Kernel):
    """A periodic process that loses its memory, close to the quasi-periodic kernel of the field.

    That kernel is sigma^2 exp(-t^2 / (2 decay^2) - 2 sin^2(pi t / period) / roughness^2)
    (up to the conventions of authors). Here the envelope is Matern-3/2 with the same curvature at
    zero, (1 + t / decay) exp(-t / decay), and the periodic factor is its own Fourier series
    sum_n w_n cos(2 pi n t / period), cut after `harmonics` terms and scaled to one at zero;
    w_n = e^{-z} I_n(z) (2 - delta_n0), z = 1 / roughness^2, is exact.

    Parameters
    ----------
    sigma : float, Quantity or Prior, optional
        Standard deviation of the process. Default: free.
    period : float, Quantity or Prior, optional
        In the time unit of the data. Default: free.
    decay : float, Quantity or Prior, optional
        Lifetime of the pattern (of spots), in the time unit of the data. Default: free.
    roughness : float or Prior, optional
        Length scale of the periodic factor, in units of the period over pi; small is rough.
        Default: free.
    harmonics : int, optional
        J = 2 + 4 harmonics columns, at a cost that grows with their square. None: a fit keeps those
        that its data can tell from noise, by a pilot fit with all of them (of a kernel that is not
        alone: by the prior of the roughness). Six serve a roughness of 0.7, eight 0.5, twelve 0.35,
        sixteen 0.2, for a noise of a tenth of sigma.
    name : str, optional
        Stands before the names of its variables.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> kernel = ba.kernels.QuasiPeriodic(1.0, 10.0, decay=30.0, roughness=0.7, harmonics=6)
    >>> kernel.covariance([0.0, 5.0, 10.0]).round(2)
    array([1.  , 0.02, 0.96])
    """

    sigma: Any = None
    period: Any = None
    decay: Any = None
    roughness: Any = None
    harmonics: int | None = None
    name: str = ""

    kinds: ClassVar[dict[str, str]] = {
        "sigma": "amplitude",
        "period": "period",
        "decay": "timescale",
        "roughness": "roughness",
    }
    _internal: ClassVar[tuple[str, ...]] = ("left_out", "weights")

    def check(self) -> None:
        """Also the number of harmonics."""
        super().check()
        whole = isinstance(self.harmonics, int) and not isinstance(self.harmonics, bool)
        if self.harmonics is not None and not (whole and 1 <= self.harmonics <= 20):
            raise ValueError(
                f"QuasiPeriodic: harmonics={self.harmonics!r} must be from 1 to 20, or None."
            )

    def weights(self, roughness: Any, xp: Any) -> list[Any]:
        """Weights of the harmonics in the periodic factor.

        By the trapezoid rule, which is exact for periodic functions.

        Parameters
        ----------
        roughness : float
            Length scale of the periodic factor.
        xp : module
            NumPy, or what stands for it where the kernel is followed.

        Returns
        -------
        list of float
            Of the constant and of each harmonic; their sum is one.
        """
        angle = np.linspace(0, np.pi, 129)[1:-1]
        z = 1 / roughness**2
        ends = [1.0, xp.exp(-2 * z)]
        inside = xp.exp(z * (np.cos(angle) - 1))
        raw = []
        for n in range((self.harmonics or UNSETTLED) + 1):
            total = xp.sum(inside * np.cos(n * angle)) + 0.5 * (ends[0] + (-1.0) ** n * ends[1])
            raw.append(total if n == 0 else 2 * total)
        whole = sum(raw[1:], raw[0])
        return [w / whole for w in raw]

    def left_out(self, roughness: Any) -> Any:
        """Share of the periodic factor's variance in the harmonics beyond those kept.

        Parameters
        ----------
        roughness : array_like
            Length scale of the periodic factor.

        Returns
        -------
        array
            From 0 to 1.
        """
        from scipy.special import ive

        z = 1 / np.asarray(roughness, dtype=float) ** 2
        kept = ive(0, z)
        for n in range(1, (self.harmonics or UNSETTLED) + 1):
            kept = kept + 2 * ive(n, z)
        return np.maximum(1 - kept, 0.0)

    def blocks(self, values: dict[str, Any], xp: Any) -> list[Block]:
        """A critical pair alone and times a cosine for each harmonic."""
        rate, variance = 1 / values["decay"], values["sigma"] ** 2
        found = []
        for n, weight in enumerate(self.weights(values["roughness"], xp)):
            power = weight * variance
            envelope = blocks.pair(power, power * rate, rate, 0.0)
            if n:
                square = (2 * np.pi * n / values["period"]) ** 2
                envelope = blocks.multiply(envelope, blocks.pair(1.0, 0.0, 0.0, square))
            found.append(envelope)
        return found
