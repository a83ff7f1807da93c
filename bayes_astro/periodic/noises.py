r"""What the noise of a periodogram may be: white, or a Gaussian process, with its hyperparameters.

Every hyperparameter (and jitter) is moved to u = Phi^-1(F(value)), a unit normal before the data. The
posterior of u is summed on a lattice about its mode, along the axes of its curvature: of a smooth density
whose nodes lie closer than a standard deviation the sum is exact to many digits. The mode is looked for
both where all variation is noise and where the best frequency explains what it can; where both matter the
lattice covers both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.special import ndtr

from bayes_astro.data import LightCurve
from bayes_astro.data.curve import Curve
from bayes_astro.parameters import Parameter
from bayes_astro.priors import Prior
from bayes_astro.processes.kernels import Scales
from bayes_astro.processes.kernels.scales import unit_of

__all__ = ["Lattice", "Noise", "lattice", "mode_of", "options", "parameters"]

FARTHEST = 5.0  # of u
STEPS = {1: 0.5, 2: 0.8, 3: 1.0}  # of a lattice, in standard deviations, by its dimension
WIDE = 1.25  # and beyond
DEEP = 9.0  # nats below the best, to where a lattice grows
MOST = 1500  # of its nodes
START = 64  # values of u that are tried before the climb


class Noise:
    """One kind of noise: a kernel or none, perhaps jitters, with the priors of its parameters.

    Attributes
    ----------
    label : str
    names : list of str
        Its free scalar parameters; a jitter of several bands is one for each.
    """

    def __init__(self, label: str, kernel: Any, priors: dict[str, Prior], curve: Curve) -> None:
        if kernel is not None:
            kernel = kernel.in_units(str(curve.data.time_unit), curve.data.value_unit or "")
        self.label, self.kernel = label, kernel
        own = [] if kernel is None else [name for name, _ in kernel.variables()]
        self.names = [name for name in own if name in priors]
        self.jitters = len(curve.bands) if "jitter" in priors else 0
        self.priors = [priors[name] for name in self.names]
        self.priors += [priors["jitter"].entry(j) for j in range(self.jitters)]
        self.lag = np.abs(curve.time[:, None] - curve.time)
        self.square, self.band = curve.data.error**2, curve.band

    @property
    def size(self) -> int:
        """How many parameters there are."""
        return len(self.priors)

    def values(self, u: np.ndarray) -> np.ndarray:
        """Parameters at u."""
        return np.array([_value(one, x) for one, x in zip(self.priors, u, strict=True)])

    def covariance(self, values: np.ndarray) -> np.ndarray:
        """Of the rows, errors included."""
        return covariance(
            self.kernel, self.names, self.jitters, values, self.lag, self.square, self.band
        )


def _value(prior: Prior, u: float) -> float:
    """Where the prior's distribution function is that of the unit normal at u."""
    u = min(max(float(u), -FARTHEST), FARTHEST)
    if (
        prior.distribution == "LogNormal"
    ):  # by far the most frequent, and the others take a millisecond
        return float(np.exp(prior.arguments["mu"] + prior.arguments["sigma"] * u))
    return float(prior.quantile(ndtr(u)))


def covariance(
    kernel: Any, names: list[str], jitters: int, values: Any, lag: Any, square: Any, band: Any
) -> np.ndarray:
    """Of rows with these lags, squared errors and bands."""
    matrix = np.zeros(lag.shape)
    if kernel is not None:
        matrix = kernel.covariance(lag, **dict(zip(names, map(float, values), strict=False)))
    extra = np.asarray(values)[len(names) :]
    noise = square + (extra[band if jitters > 1 else np.zeros_like(band)] ** 2 if jitters else 0.0)
    matrix[np.arange(len(lag)), np.arange(len(lag))] += noise
    return matrix


def options(noise: Any) -> list[tuple[str, Any]]:
    """Label and kernel (None for white) of each kind of noise."""
    several = noise if isinstance(noise, tuple | list) else (noise,)
    found = []
    for i, one in enumerate(several):
        label = "white" if isinstance(one, str) else repr(one)
        found.append(
            (label if len(several) == 1 else f"{i}: {label}", None if label == "white" else one)
        )
    return found


def scales(curve: Curve) -> Scales:
    """With what default priors of kernels are scaled."""
    centred = curve.data.value - curve.each(np.mean, curve.data.value)[curve.band]
    spacing = float(np.median(np.diff(np.unique(curve.data.time))))
    return Scales(float(np.std(centred)), 2 * curve.half, spacing)


def parameters(noise: Any, data: LightCurve) -> list[Parameter]:
    """Free parameters of the kernels, with default priors scaled from the data."""
    curve = Curve.of(data)
    found = []
    for _, one in options(noise):
        if one is None:
            continue
        plain = one.in_units(str(data.time_unit), data.value_unit or "")
        priors = plain.priors(scales(curve))
        for name, (leaf, own) in plain.variables():
            if name in priors:
                unit = unit_of(leaf.parameters()[own], str(data.time_unit), data.value_unit or "")
                given = isinstance(leaf.given(own), Prior)
                found.append(Parameter(name, priors[name], (), unit, "positive", given=given))
    return found


class Lattice(NamedTuple):
    """Nodes u (m, D), each with the same volume in the prior's measure du."""

    nodes: np.ndarray
    height: np.ndarray
    """Log density at the nodes, as far as it was asked for (m,)."""
    log_volume: float


def mode_of(
    height: Callable[[np.ndarray], float], size: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """Mode of a log density of u plus the prior's, its covariance, and the log of its mass."""
    from scipy.optimize import minimize
    from scipy.stats import qmc

    if size == 0:
        return np.zeros(0), np.zeros((0, 0)), height(np.zeros(0))

    def fall(u: np.ndarray) -> float:
        try:
            found = height(u) - 0.5 * float(u @ u)
        except np.linalg.LinAlgError:
            return 1e300
        return -found if np.isfinite(found) else 1e300

    points = 1.5 * qmc.MultivariateNormalQMC(np.zeros(size), seed=0).random(START)
    values = np.array([fall(u) for u in points])
    best = [
        minimize(fall, points[i], method="Nelder-Mead", options={"xatol": 1e-2, "fatol": 1e-3})
        for i in np.argsort(values)[:2]
    ]
    found = min(best, key=lambda one: one.fun)
    mode = np.clip(found.x, -FARTHEST, FARTHEST)
    covariance = _covariance_at(fall, mode)
    log_mass = -float(found.fun) + 0.5 * float(np.linalg.slogdet(covariance)[1])
    return mode, covariance, log_mass


def _covariance_at(fall: Callable[[np.ndarray], float], mode: np.ndarray) -> np.ndarray:
    """Inverse of the curvature, by differences; not wider than a little more than the prior."""
    size, h = len(mode), 0.15
    matrix, unit, here = np.zeros((size, size)), np.eye(size), fall(mode)
    for i in range(size):
        for j in range(i + 1):
            a, b = h * unit[i], h * unit[j]
            if i == j:
                second = (fall(mode + a) + fall(mode - a) - 2 * here) / h**2
            else:
                second = fall(mode + a + b) - fall(mode + a - b) - fall(mode - a + b)
                second = (second + fall(mode - a - b)) / (4 * h**2)
            matrix[i, j] = matrix[j, i] = np.clip(second, -1e8, 1e8)
    value, vector = np.linalg.eigh(matrix)
    return (vector / np.clip(value, 0.7, None)) @ vector.T


def lattice(
    modes: list[tuple[np.ndarray, np.ndarray, float]], height: Callable[[np.ndarray], float]
) -> Lattice:
    """Nodes about modes with covariances and log masses, as far as a log density of u reaches.

    From the middle outward along the axes of curvature, while nodes are within `DEEP` of the best.
    """
    size = len(modes[0][0])
    if size == 0:
        return Lattice(np.zeros((1, 0)), np.array([height(np.zeros(0))]), 0.0)
    share = np.array([mass for _, _, mass in modes])
    share = np.exp(share - share.max())
    share /= share.sum()
    middle = np.sum([w * mode for w, (mode, _, _) in zip(share, modes, strict=True)], axis=0)
    spread = np.zeros((size, size))
    for w, (mode, matrix, _) in zip(share, modes, strict=True):
        spread += w * (matrix + np.outer(mode - middle, mode - middle))
    step = STEPS.get(size, WIDE)
    value, vector = np.linalg.eigh(spread)
    root = step * vector * np.sqrt(value)
    found: dict[tuple[int, ...], float] = {}
    edge = [tuple([0] * size)]
    for mode, _, _ in modes:  # and from every mode
        edge.append(tuple(int(k) for k in np.rint(np.linalg.solve(root, mode - middle))))
    while edge and len(found) < MOST:
        at = edge.pop(0)
        if at in found:
            continue
        u = middle + root @ np.array(at)
        found[at] = height(u) if np.max(np.abs(u)) < FARTHEST else -np.inf
        if found[at] > max(found.values()) - DEEP:
            for axis in range(size):
                for side in (-1, 1):
                    edge.append(tuple(k + side * (j == axis) for j, k in enumerate(at)))
    nodes = np.array(list(found)) @ root.T + middle
    log_volume = size * np.log(step) + 0.5 * float(np.log(value).sum())
    return Lattice(nodes, np.array(list(found.values())), log_volume)
