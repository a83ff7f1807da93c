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
from numba import njit

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

LANES = 16
RENORMALISE = 4  # steps after which exponents leave the running determinant
_LOG_2PI = math.log(2 * math.pi)
_ROUNDING = 1.5 * 2.0**52
_LOG2_E = 1 / math.log(2)
_LN2_HIGH = 0.693147180369123816490
_LN2_LOW = 1.90821492927058770002e-10
_MANTISSA = np.int64((1 << 52) - 1)
_UNIT = np.int64(1023 << 52)


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


# Rows of the kernel's table of lanes: one base pointer and constant offsets, for the vectoriser.
_BELOW, _SCRATCH, _P, _F, _GAIN, _INVERSE, _PRODUCT, _EXPONENT, _POWER, _RATE, _WHITE = (
    LANES * row for row in range(11)
)


@njit(cache=True, error_model="numpy", nogil=True)
def _decays(dt, lanes, work, bits):
    """f - 1 = expm1(-dt rate) of every lane, without branches.

    A Taylor polynomial of degree 13 on |r| < log(2) / 2 is good to a unit in the last place. No
    reordering of sums is allowed here: the rounding trick depends on it.
    """
    for i in range(lanes):
        y = max(-dt * work[_RATE + i], -708.0)
        shifted = y * _LOG2_E + _ROUNDING
        k = shifted - _ROUNDING
        r = (y - k * _LN2_HIGH) - k * _LN2_LOW
        p = 1.6059043836821613e-10
        p = p * r + 2.08767569878681e-09
        p = p * r + 2.505210838544172e-08
        p = p * r + 2.755731922398589e-07
        p = p * r + 2.7557319223985893e-06
        p = p * r + 2.48015873015873e-05
        p = p * r + 0.0001984126984126984
        p = p * r + 0.001388888888888889
        p = p * r + 0.008333333333333333
        p = p * r + 0.041666666666666664
        p = p * r + 0.16666666666666666
        p = p * r + 0.5
        p = p * r + 1.0
        work[_BELOW + i] = p * r
        work[_SCRATCH + i] = shifted
    for i in range(lanes):
        bits[_SCRATCH + i] = (bits[_SCRATCH + i] + 1023) << 52
    for i in range(lanes):
        power = work[_SCRATCH + i]
        work[_BELOW + i] = power * work[_BELOW + i] + (power - 1.0)


@njit(cache=True, error_model="numpy", nogil=True, fastmath={"contract"})
def _filter(step, columns, variance, work, bits, state, innovation, sums):
    """One pass over the points for all lanes of (sigma^2, 1 / tau, jitter^2).

    Leaves log|C| in the row _EXPONENT of `work`, and in `sums` the products of the columns, by rows
    of the lower triangle.
    """
    n, q = columns.shape
    lanes = state.shape[1]
    state[:] = 0.0
    sums[:] = 0.0
    for i in range(lanes):
        work[_P + i] = work[_POWER + i]
        work[_PRODUCT + i] = 1.0
        work[_EXPONENT + i] = 0.0
    for t in range(n):
        if step[t] > 0.0:
            _decays(step[t], lanes, work, bits)
            for i in range(lanes):
                below = work[_BELOW + i]
                f = 1.0 + below
                work[_F + i] = f
                work[_P + i] = f * f * work[_P + i] - work[_POWER + i] * below * (2.0 + below)
            for c in range(q):
                row = state[c]
                for i in range(lanes):
                    row[i] *= work[_F + i]
        v = variance[t]
        for i in range(lanes):
            noise = v + work[_WHITE + i]
            total = work[_P + i] + noise
            inverse = 1.0 / total
            gain = work[_P + i] * inverse
            work[_GAIN + i] = gain
            work[_INVERSE + i] = inverse
            work[_P + i] = gain * noise
            work[_PRODUCT + i] *= total
        entry = 0
        for c in range(q):
            row, new, h = state[c], innovation[c], columns[t, c]
            for i in range(lanes):
                e = h - row[i]
                new[i] = e
                row[i] += work[_GAIN + i] * e
            for d in range(c + 1):
                other, into = innovation[d], sums[entry]
                for i in range(lanes):
                    into[i] += new[i] * other[i] * work[_INVERSE + i]
                entry += 1
        if t % RENORMALISE == RENORMALISE - 1:
            for i in range(lanes):
                whole = bits[_PRODUCT + i]
                work[_EXPONENT + i] += float((whole >> 52) - 1023)
                bits[_PRODUCT + i] = (whole & _MANTISSA) | _UNIT
    for i in range(lanes):
        work[_EXPONENT + i] = work[_EXPONENT + i] / _LOG2_E + math.log(work[_PRODUCT + i])


@njit(cache=True, error_model="numpy", nogil=True, fastmath={"contract"})
def _filter_one(step, columns, variance, power, rate, white, state, innovation, sums):
    """The same pass for a single (sigma^2, 1 / tau, jitter^2); returns log|C|."""
    n, q = columns.shape
    state[:] = 0.0
    sums[:] = 0.0
    predicted, product, log_determinant = power, 1.0, 0.0
    for t in range(n):
        f = 1.0
        if step[t] > 0.0:
            below = math.expm1(-step[t] * rate)
            f = 1.0 + below
            predicted = f * f * predicted - power * below * (2.0 + below)
        noise = variance[t] + white
        total = predicted + noise
        inverse = 1.0 / total
        gain = predicted * inverse
        predicted = gain * noise
        product *= total
        if t % RENORMALISE == RENORMALISE - 1:
            log_determinant += math.log(product)
            product = 1.0
        entry = 0
        for c in range(q):
            mean = f * state[c, 0]
            e = columns[t, c] - mean
            innovation[c, 0] = e
            state[c, 0] = mean + gain * e
            for d in range(c + 1):
                sums[entry, 0] += e * innovation[d, 0] * inverse
                entry += 1
    return log_determinant + math.log(product)


@njit(cache=True, error_model="numpy", nogil=True)
def _evaluate(step, columns, variance, offset, power, rate, white, value, mean, factor):
    """Log likelihoods; where `mean` has rows, also those of u | y and the Cholesky factors of M."""
    n, q = columns.shape
    p, count = q - 1, power.size
    work = np.empty(11 * LANES)
    bits = work.view(np.int64)
    lanes = min(LANES, count)
    state, innovation = np.empty((q, lanes)), np.empty((q, lanes))
    sums = np.empty((q * (q + 1) // 2, lanes))
    chol, w = np.empty((p, p)), np.empty(p)
    for low in range(0, count, LANES):
        width = min(LANES, count - low)
        for i in range(lanes):
            j = low + min(i, width - 1)
            work[_POWER + i], work[_RATE + i], work[_WHITE + i] = power[j], rate[j], white[j]
        if lanes == 1:
            work[_EXPONENT] = _filter_one(
                step, columns, variance, power[low], rate[low], white[low], state, innovation, sums
            )
        else:
            _filter(step, columns, variance, work, bits, state, innovation, sums)
        for i in range(width):
            total = -n * _LOG_2PI - work[_EXPONENT + i] - sums[0, i]
            entry = 1
            for j in range(p):
                w[j] = sums[entry, i] - offset[j]
                total -= offset[j] * offset[j]
                entry += 1
                for k in range(j + 1):
                    x = sums[entry, i] + (1.0 if j == k else 0.0)
                    entry += 1
                    for m in range(k):
                        x -= chol[j, m] * chol[k, m]
                    chol[j, k] = math.sqrt(x) if j == k else x / chol[k, k]
                for k in range(j):
                    w[j] -= chol[j, k] * w[k]
                w[j] /= chol[j, j]
                total += w[j] * w[j] - 2.0 * math.log(chol[j, j])
            value[low + i] = 0.5 * total
            if mean.shape[0]:
                for j in range(p - 1, -1, -1):
                    for k in range(j + 1, p):
                        w[j] -= chol[k, j] * w[k]
                    w[j] /= chol[j, j]
                    mean[low + i, j] = w[j]
                    for k in range(j + 1):
                        factor[low + i, j, k] = chol[j, k]


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
    _evaluate(
        walk.step, walk.columns, walk.variance, walk.offset, power, rate, white, value, nothing,
        none,
    )  # fmt: skip
    value -= walk.n * math.log(walk.scale)
    return np.where(good & np.isfinite(value), value, -np.inf)


@njit(cache=True, error_model="numpy", nogil=True)
def _evaluate_many(
    first, step, columns, variance, offset, power, rate, white, low, high, value
):  # fmt: skip
    """Light curves `low` to `high` of those whose points follow each other from `first` on."""
    p = offset.shape[1]
    mean, factor = np.empty((0, p)), np.empty((0, p, p))
    for k in range(low, high):
        rows = slice(first[k], first[k + 1])
        _evaluate(
            step[rows], columns[rows], variance[rows], offset[k], power[k], rate[k], white[k],
            value[k], mean, factor,
        )  # fmt: skip


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
        _evaluate_many(
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
    _evaluate(
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
