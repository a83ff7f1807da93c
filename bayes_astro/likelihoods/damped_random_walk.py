r"""A damped random walk in noise: log likelihood in linear time, mean marginalised, many at once.

The process x(t) is Gaussian with covariance sigma^2 exp(-|t - t'| / tau) (Ornstein & Uhlenbeck
1930): it is Markov, and over a step dt

.. code-block:: text

    x(t + dt) = f x(t) + N(0, sigma^2 (1 - f^2)),        f = exp(-dt / tau)

exactly, however long the step. That is the simulator, and makes the likelihood a Kalman filter
with one state (Kelly, Bechtold & Siemiginowska 2009). With y_i = x(t_i) + N(0, v_i), the mean a
and variance P of x(t_i) given all earlier y give y_i ~ N(a, S), S = P + v_i, and then

.. code-block:: text

    g = P / S,     a <- f (a + g (y_i - a)),     P <- f^2 g v_i + sigma^2 (1 - f^2)

where g v_i is the variance after the update; written so, nothing is subtracted. 1 - f^2 comes from
expm1, so that steps far below tau keep their digits, and a step of zero (two measurements at one
time) is exact.

The filter is linear in y: run over every column h of a design matrix H as well, its innovations
e_h give any quadratic form of the n x n covariance C of y about its mean, h' C^-1 k = sum e_h e_k / S,
and log|C| = sum log S. A mean H b with independent normal priors b ~ N(m, s^2) then integrates out.
With r = y - H b0 for any reference b0 (weighted least squares, so that c is small), z = (b0 - m) / s,
A = H' C^-1 H, c = r' C^-1 r and, for the deviations u = (b - b0) / s,

.. code-block:: text

    M = 1 + s A s,    w = s H' C^-1 r - z,    u | y ~ N(M^-1 w, M^-1)
    2 log p(y) = -n log(2 pi) - log|C| - log|M| - c - z'z + w' M^-1 w

Many (sigma, tau, jitter) are evaluated in lanes of 16, which the compiler turns into vector
instructions; threads work on different light curves, and no result depends on their number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from bayes_astro.likelihoods.damped_random_walk_kernel import evaluate, evaluate_many

__all__ = [
    "DampedRandomWalk",
    "Packed",
    "draw_coefficients",
    "log_likelihood",
    "log_likelihoods",
    "pack",
    "prepare",
    "simulate",
]


@dataclass(frozen=True)
class DampedRandomWalk:
    """One light curve, in units of its own scatter, ready for the kernel; made by `prepare`."""

    step: np.ndarray
    """Time since the point before (n,); 0 for the first."""
    columns: np.ndarray
    """Residual about the reference mean, then the scaled columns of the design (n, 1 + p)."""
    variance: np.ndarray
    """Squared errors (n,)."""
    offset: np.ndarray
    """z, the reference in prior standard deviations from the prior mean (p,)."""
    reference: np.ndarray
    """b0, coefficients of the reference mean (p,)."""
    sd: np.ndarray
    """Prior standard deviations of the coefficients (p,)."""
    scale: float
    """Unit of value, in which the arrays are."""

    @property
    def n(self) -> int:
        """Number of points."""
        return self.step.size

    @property
    def p(self) -> int:
        """Number of coefficients."""
        return self.sd.size


def prepare(
    time: np.ndarray,
    value: np.ndarray,
    error: np.ndarray,
    design: np.ndarray | None = None,
    coefficient_mean: np.ndarray | None = None,
    coefficient_sd: np.ndarray | None = None,
) -> DampedRandomWalk:
    """A light curve with its mean's prior, checked once for many evaluations.

    Parameters
    ----------
    time : (n,) array
        Ascending; repeats are separate measurements of the same state.
    value, error : (n,) arrays
        Errors are standard deviations, positive.
    design : (n, p) array, optional
        Columns of the mean; None stands for a mean of zero.
    coefficient_mean, coefficient_sd : (p,) arrays
        Independent normal priors of the coefficients; a standard deviation is positive.

    Raises
    ------
    ValueError
        Naming the argument and the row.
    """
    time, value, error = (np.asarray(x, dtype=float) for x in (time, value, error))
    n = time.size
    design = np.empty((n, 0)) if design is None else np.asarray(design, dtype=float)
    mean = np.atleast_1d(np.asarray([] if coefficient_mean is None else coefficient_mean, float))
    sd = np.atleast_1d(np.asarray([] if coefficient_sd is None else coefficient_sd, float))
    _check(time, value, error, design, mean, sd)
    # The reference only has to be near the data: a tenth of the scatter for the process keeps a
    # few very precise points from deciding alone.
    weight = 1 / np.hypot(error, 0.1 * np.std(value))
    white = np.vstack([design * weight[:, None], np.diag(1 / sd)])
    target = np.concatenate([value * weight, mean / sd])
    reference = np.linalg.lstsq(white, target, rcond=None)[0] if sd.size else sd
    residual = value - design @ reference
    scale = float(np.sqrt(np.mean(residual**2))) or float(np.median(error))
    scale = scale if np.isfinite(scale) and scale > 0 else 1.0
    columns = np.column_stack([residual / scale, design * (sd / scale)])
    return DampedRandomWalk(
        step=np.diff(time, prepend=time[0]),
        columns=np.ascontiguousarray(columns),
        variance=(error / scale) ** 2,
        offset=(reference - mean) / sd,
        reference=reference,
        sd=sd,
        scale=scale,
    )


def _check(
    time: np.ndarray,
    value: np.ndarray,
    error: np.ndarray,
    design: np.ndarray,
    mean: np.ndarray,
    sd: np.ndarray,
) -> None:
    if time.ndim != 1 or time.size == 0 or not time.shape == value.shape == error.shape:
        raise ValueError(
            f"time, value and error must be of one shape (n,), n > 0; got {time.shape}, "
            f"{value.shape}, {error.shape}."
        )
    if design.ndim != 2 or len(design) != time.size:
        raise ValueError(
            f"design must have shape ({time.size}, p): a row for each point; got {design.shape}."
        )
    if not mean.shape == sd.shape == design.shape[1:]:
        raise ValueError(
            f"coefficient_mean and coefficient_sd must have an entry for each of the "
            f"{design.shape[1]} columns of design; got {mean.size} and {sd.size}."
        )
    for name, array in (("time", time), ("value", value), ("error", error), ("design", design)):
        bad = ~np.isfinite(array)
        if bad.any():
            raise ValueError(f"{name}, row {np.argwhere(bad)[0][0]}: not finite; drop such rows.")
    if np.any(error <= 0):
        raise ValueError(f"error, row {np.argmax(error <= 0)}: must be positive.")
    if np.any(np.diff(time) < 0):
        row = int(np.argmax(np.diff(time) < 0)) + 1
        raise ValueError(f"time, row {row}: earlier than the row before; sort by time.")
    if not np.isfinite(mean).all() or not np.isfinite(sd).all() or np.any(sd <= 0):
        raise ValueError(
            "coefficient_mean must be finite and coefficient_sd finite and positive; for a known "
            "mean subtract it from value and leave its column out."
        )


def _points(
    scale: float | np.ndarray, sigma: np.ndarray, tau: np.ndarray, jitter: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """sigma^2, 1 / tau, jitter^2 in the unit `scale`, and which of them are in range."""
    sigma, tau, jitter = (
        np.atleast_1d(np.asarray(x, dtype=float))
        for x in (sigma, tau, 0.0 if jitter is None else jitter)
    )
    good = (sigma > 0) & (tau > 0) & (jitter >= 0)
    good &= np.isfinite(sigma) & np.isfinite(tau) & np.isfinite(jitter)
    power = np.where(good, sigma / scale, 1.0) ** 2
    white = np.where(good, jitter / scale, 0.0) ** 2
    return power, 1 / np.where(good, tau, 1.0), white, good


def log_likelihood(
    walk: DampedRandomWalk,
    sigma: np.ndarray,
    tau: np.ndarray,
    jitter: np.ndarray | None = None,
) -> np.ndarray:
    """Log likelihood of one light curve at m points, mean marginalised.

    Parameters
    ----------
    walk : DampedRandomWalk
    sigma, tau : arrays (m,) or floats
        Standard deviation of the process (unit of value) and its damping time (unit of time).
    jitter : (m,) array or float, optional
        Standard deviation that is added in quadrature to the errors.

    Returns
    -------
    (m,) array
        Minus infinity where sigma or tau is not positive, jitter negative, or one not finite.
    """
    power, rate, white, good = _points(walk.scale, sigma, tau, jitter)
    value = np.empty(power.size)
    nothing, none = np.empty((0, walk.p)), np.empty((0, walk.p, walk.p))
    evaluate(
        walk.step, walk.columns, walk.variance, walk.offset, power, rate, white, value, nothing,
        none,
    )  # fmt: skip
    value -= walk.n * math.log(walk.scale)
    return np.where(good & np.isfinite(value), value, -np.inf)


def log_likelihoods(
    walks: Sequence[DampedRandomWalk],
    sigma: np.ndarray,
    tau: np.ndarray,
    jitter: np.ndarray | None = None,
    *,
    threads: int = 2,
) -> np.ndarray:
    """Log likelihoods of many light curves in one call, each at m points of its own.

    Parameters
    ----------
    walks : sequence of DampedRandomWalk
        One for each of k light curves, of any lengths, with the same number of coefficients; or
        what `pack` made of them.
    sigma, tau, jitter : arrays (k, m)
    threads : int
        The result does not depend on it.

    Returns
    -------
    (k, m) array
        Minus infinity where a parameter is out of range.
    """
    packed = walks if isinstance(walks, Packed) else pack(walks)
    scale = packed.scale[:, None]
    jitter = np.zeros_like(sigma) if jitter is None else jitter
    power, rate, white, good = _points(scale, sigma, tau, jitter)
    value = np.empty(power.shape)

    def run(low: int, high: int) -> None:
        evaluate_many(
            packed.first, packed.step, packed.columns, packed.variance, packed.offset, power, rate,
            white, low, high, value,
        )  # fmt: skip

    edges = np.linspace(0, len(power), max(1, min(threads, len(power))) + 1).astype(int)
    if len(edges) == 2:
        run(0, len(power))
    else:
        with ThreadPoolExecutor(len(edges) - 1) as pool:
            list(pool.map(run, edges[:-1], edges[1:]))
    value -= (np.diff(packed.first) * np.log(packed.scale))[:, None]
    return np.where(good & np.isfinite(value), value, -np.inf)


@dataclass(frozen=True)
class Packed:
    """Many light curves, the points of one after those of the other; made by `pack`."""

    first: np.ndarray
    """Where each begins, and the end of the last (k + 1,)."""
    step: np.ndarray
    columns: np.ndarray
    variance: np.ndarray
    offset: np.ndarray
    scale: np.ndarray


def pack(walks: Sequence[DampedRandomWalk]) -> Packed:
    """Join many light curves for `log_likelihoods`."""
    return Packed(
        first=np.concatenate([[0], np.cumsum([walk.n for walk in walks])]),
        step=np.concatenate([walk.step for walk in walks]),
        columns=np.concatenate([walk.columns for walk in walks]),
        variance=np.concatenate([walk.variance for walk in walks]),
        offset=np.array([walk.offset for walk in walks]),
        scale=np.array([walk.scale for walk in walks]),
    )


def draw_coefficients(
    walk: DampedRandomWalk,
    sigma: np.ndarray,
    tau: np.ndarray,
    jitter: np.ndarray | None,
    normals: np.ndarray,
) -> np.ndarray:
    """Coefficients of the mean given the hyperparameters, exactly.

    Parameters
    ----------
    walk, sigma, tau, jitter
        As for `log_likelihood`, all in range.
    normals : (m, p) array
        Unit normal deviates; zeros give the conditional mean.

    Returns
    -------
    (m, p) array
    """
    power, rate, white, good = _points(walk.scale, sigma, tau, jitter)
    if not good.all():
        row = int(np.argmin(good))
        raise ValueError(f"sigma, tau or jitter, row {row}: out of range, no coefficients there.")
    count, p = power.size, walk.p
    value, mean, factor = np.empty(count), np.empty((count, p)), np.zeros((count, p, p))
    evaluate(
        walk.step, walk.columns, walk.variance, walk.offset, power, rate, white, value, mean,
        factor,
    )  # fmt: skip
    # u = mean + L'^-1 normals has covariance (L L')^-1.
    deviation = np.linalg.solve(np.swapaxes(factor, 1, 2), np.asarray(normals)[..., None])[..., 0]
    return walk.reference + walk.sd * (mean + deviation)


def simulate(
    time: np.ndarray,
    sigma: float | np.ndarray,
    tau: float | np.ndarray,
    rng: np.random.Generator,
    size: int | None = None,
) -> np.ndarray:
    """Draw the noiseless process by its exact step, about a mean of zero.

    Parameters
    ----------
    time : (n,) array
        Ascending.
    sigma, tau : float, or (size,) arrays
    rng : numpy.random.Generator
    size : int, optional
        How many independent curves.

    Returns
    -------
    (n,) array, or (size, n)
    """
    count = 1 if size is None else size
    sigma, tau = (np.broadcast_to(np.asarray(x, float), (count,)) for x in (sigma, tau))
    normals = rng.standard_normal((count, time.size))
    below = np.expm1(-np.diff(time) / tau[:, None])
    spread = np.sqrt(-below * (2 + below))
    curves = np.empty((count, time.size))
    curves[:, 0] = normals[:, 0]
    for i in range(1, time.size):
        curves[:, i] = (1 + below[:, i - 1]) * curves[:, i - 1] + spread[:, i - 1] * normals[:, i]
    curves *= sigma[:, None]
    return curves[0] if size is None else curves
