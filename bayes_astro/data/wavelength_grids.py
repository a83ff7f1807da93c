"""Grids of wavelengths: joined, continued, and spectra interpolated from one to another."""

from collections.abc import Sequence

import numpy as np

from bayes_astro.data.columns import DataError

__all__ = ["continued", "finest", "joined", "resampled", "widely_covered"]

SAME = 0.02  # pixels between two wavelengths that count as one
EVEN = 0.05  # pixels by which an even grid may be off, as rounding leaves it
SNAP = 1e-9  # pixels from a neighbour at which its own numbers are taken
MOST = 1_000_000  # pixels of a grid that nobody asked for


def joined(grids: Sequence[np.ndarray]) -> tuple[np.ndarray, list[int]] | None:
    """The union of grids whose pixels coincide wherever they overlap, and the place of each in it.

    None where there are others: those can only be interpolated.
    """
    if all(np.array_equal(grids[0], grid) for grid in grids[1:]):
        return grids[0], [0] * len(grids)
    values = np.concatenate(grids)
    spacing = np.concatenate([_spacing(grid) for grid in grids])
    order = np.argsort(values, kind="stable")
    nearer = np.minimum(spacing[order][1:], spacing[order][:-1])
    places = np.empty(len(values), dtype=int)
    places[order] = np.append(0, np.cumsum(np.diff(values[order]) > SAME * nearer))
    union, starts, end = np.empty(places.max() + 1), [], len(values)
    for grid in reversed(grids):
        own = places[end - len(grid) : end]
        end -= len(grid)
        if np.any(np.diff(own) != 1):
            return None
        union[own] = grid
        starts.append(int(own[0]))
    return union, starts[::-1]


def _spacing(grid: np.ndarray) -> np.ndarray:
    """From each pixel to the nearer of its neighbours."""
    if len(grid) == 1:
        return 1e-6 * grid
    steps = np.diff(grid)
    return np.minimum(np.append(steps, steps[-1]), np.append(steps[0], steps))


def finest(grids: Sequence[np.ndarray]) -> np.ndarray:
    """An even grid over all of them with the smallest of their spacings; in logarithms if theirs are."""
    low, high = min(grid[0] for grid in grids), max(grid[-1] for grid in grids)
    logs = all(_is_log(grid) for grid in grids)
    first, last = (np.log(low), np.log(high)) if logs else (low, high)
    steps = [np.median(np.diff(np.log(grid) if logs else grid)) for grid in grids if len(grid) > 1]
    step = min(steps, default=last - first)
    steps_needed = (last - first) / step if step else 0.0
    _refuse_many(steps_needed)
    values = first + step * np.arange(int(steps_needed + SAME) + 1)
    return np.exp(values) if logs else values


def continued(grid: np.ndarray, low: float, high: float) -> np.ndarray:
    """The pixels of a grid from `low` to `high`, beyond its ends with its spacing there."""
    if len(grid) == 1:
        return grid
    logs = _is_log(grid)
    values = np.log(grid) if logs else grid
    low, high = (np.log(low), np.log(high)) if logs else (low, high)
    even = _unevenness(values) < EVEN
    mean = (values[-1] - values[0]) / (len(values) - 1)
    before, after = (mean, mean) if even else (values[1] - values[0], values[-1] - values[-2])
    down, up = (values[0] - low) / before, (high - values[-1]) / after
    _refuse_many(max(down, 0) + max(up, 0))
    below = values[0] - before * np.arange(int(max(down + SNAP, 0)), 0, -1)
    above = values[-1] + after * np.arange(1, int(max(up + SNAP, 0)) + 1)
    if logs:
        below, above = np.exp(below), np.exp(above)
    whole = np.concatenate([below, grid, above])
    places = np.log(whole) if logs else whole
    return whole[(places > low - SNAP * before) & (places < high + SNAP * after)]


def _refuse_many(steps: float) -> None:
    if steps > MOST:
        raise DataError(
            f"wavelength: the common grid would have {steps:.2g} pixels; give one, "
            "wavelength=numpy.arange(low, high, step)"
        )


def _is_log(grid: np.ndarray) -> bool:
    """Whether a grid is even in the logarithm, and more so than in wavelength."""
    uneven = _unevenness(np.log(grid))
    return bool(len(grid) > 2 and uneven < EVEN and uneven < _unevenness(grid))


def _unevenness(values: np.ndarray) -> float:
    """Largest distance from even places, in pixels."""
    even = np.linspace(values[0], values[-1], len(values))
    width = values[-1] - values[0]
    return float(np.max(np.abs(values - even)) * (len(values) - 1) / width) if width else 0.0


def widely_covered(low: np.ndarray, high: np.ndarray) -> tuple[float, float]:
    """From where to where at least half of the ranges low[i] to high[i] overlap."""
    ends = np.sort(np.concatenate([low, high]))
    begun = np.searchsorted(np.sort(low), ends, side="right")
    over = np.searchsorted(np.sort(high), ends, side="left")
    inside = ends[begun - over >= 0.5 * len(low)]
    if not len(inside):
        raise DataError("wavelength: no pixel is in half of the spectra; give a grid, wavelength=")
    return float(inside[0]), float(inside[-1])


def resampled(
    wavelength: np.ndarray, flux: np.ndarray, error: np.ndarray, grid: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Flux and error, (n, p), interpolated linearly to `grid`; nan beyond the ends.

    With weights a and b = 1 - a of two neighbours the variance is a^2 s1^2 + b^2 s2^2. A pixel is nan if
    a neighbour with a weight is.
    """
    if len(wavelength) == 1:
        same = grid == wavelength[0]
        return np.where(same, flux, np.nan), np.where(same, error, np.nan)
    left = np.clip(np.searchsorted(wavelength, grid, side="right") - 1, 0, len(wavelength) - 2)
    b = (grid - wavelength[left]) / (wavelength[left + 1] - wavelength[left])
    b = np.where(np.abs(b - np.rint(b)) < SNAP, np.rint(b), b)
    beyond, a = (b < 0) | (b > 1), 1 - b
    one = np.where(b == 1, left + 1, left)  # where only one has a weight
    alone = (b == 0) | (b == 1)
    a, b = np.where(alone, 1.0, a), np.where(alone, 0.0, b)
    two = np.where(alone, one, left + 1)
    new = a * flux[:, one] + b * flux[:, two]
    sigma = np.hypot(a * error[:, one], b * error[:, two])
    new[:, beyond] = sigma[:, beyond] = np.nan
    return new, sigma
