"""What a classifier learns from: the rows of a table, or magnitudes, with their errors."""

from __future__ import annotations

import warnings
from itertools import pairwise
from typing import Any

import numpy as np

from bayes_astro.data import Measurements, Photometry
from bayes_astro.mixtures.features import features, matched, softening

__all__ = [
    "columns",
    "dimensions",
    "labelled",
    "magnitudes_with",
    "measured",
    "seen",
    "soft_of",
    "the_same_columns",
    "trains",
]


def columns(data: Any) -> tuple[str, ...]:
    """Names of the bands or columns."""
    return tuple(data.bands if isinstance(data, Photometry) else data.names)


def dimensions(data: Any, brightness: bool) -> tuple[str, ...]:
    """Names of what densities are of: columns, magnitudes, or colours of neighbouring bands."""
    names = columns(data)
    if brightness or not isinstance(data, Photometry):
        return names
    return tuple(f"{a}-{b}" for a, b in pairwise(names))


def seen(data: Any, brightness: bool) -> np.ndarray:
    """In which rows something was measured, of colours two bands: (n,)."""
    least = 2 if isinstance(data, Photometry) and not brightness else 1
    return (~data.missing).sum(axis=1) >= least


def trains(data: Any, brightness: bool = True) -> np.ndarray:
    """Which rows train: with a label, and something measured, (n,)."""
    known = seen(data, brightness)
    if data.label is not None:
        known &= np.array([name is not None for name in data.label])
    return known


def labelled(data: Any, brightness: bool = True) -> Any:
    """The rows that train."""
    known = trains(data, brightness)
    return data if known.all() else data[known]


def soft_of(data: Any) -> np.ndarray:
    """Softening of each band's magnitudes; ones for a table, which has none."""
    if isinstance(data, Photometry):
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a band without any flux
            return np.where(np.isnan(found := softening(data)), 1.0, found)
    return np.ones(data.d)


def measured(data: Any, soft: np.ndarray, transform: str, brightness: bool) -> Measurements:
    """The rows as measurements of what is Gaussian within a cloud of a class."""
    if not isinstance(data, Photometry):
        return data
    value, error = features(data, soft, transform)
    if brightness:
        return Measurements(value, np.nan_to_num(error), names=data.bands, label=data.label)
    return _colours(data, value, np.nan_to_num(error) ** 2)


def _colours(data: Photometry, value: np.ndarray, variance: np.ndarray) -> Measurements:
    """Differences of neighbouring measured bands, as projections of those of all neighbours.

    Where the band between is missing, u - r is measured, which is (u - g) + (g - r). A band's error is in
    two colours, so that these are correlated.
    """
    n, m = value.shape
    there = ~data.missing
    contrast = np.zeros((n, m - 1, m))
    projection = np.zeros((n, m - 1, m - 1))
    found = np.zeros((n, m - 1), dtype=bool)
    last = np.full(n, -1)
    rows = np.arange(n)
    for band in range(m):
        now = there[:, band] & (last >= 0)
        at, before = rows[now], last[now]
        # In the place of the later band's colour with its neighbour.
        contrast[at, band - 1, before], contrast[at, band - 1, band] = 1.0, -1.0
        for between in range(m - 1):
            projection[at, band - 1, between] = (between >= before) & (between < band)
        found[at, band - 1] = True
        last = np.where(there[:, band], band, last)
    colour = np.einsum("nij,nj->ni", contrast, np.nan_to_num(value))
    covariance = np.einsum("nij,nj,nkj->nik", contrast, variance, contrast)
    return Measurements(
        np.where(found, colour, np.nan),
        covariance=covariance,
        names=dimensions(data, False),
        projection=None if there.all() else projection,
        label=data.label,
    )


def magnitudes_with(
    colour: np.ndarray, data: Photometry, soft: np.ndarray, transform: str
) -> np.ndarray:
    """Magnitudes (n, m) of these colours (n, m - 1), as bright as the rows of `data` are on average."""
    own, _ = features(data, soft, transform)
    steps = np.column_stack([np.zeros(len(colour)), -np.cumsum(colour, axis=1)])
    level = np.nanmean(np.where(data.missing, np.nan, own - steps), axis=1, keepdims=True)
    return steps + level


def the_same_columns(data: Any, fitted: Any) -> Any:
    """`data` with the columns, or bands and unit, of those that were fitted, in their order."""
    if type(data) is not type(fitted):
        raise ValueError(
            f"expected a {type(fitted).__name__} like the one that was fitted, got "
            f"{type(data).__name__}."
        )
    if isinstance(fitted, Photometry):
        return matched(data, fitted.bands, fitted.unit or "")
    if data.projection is not None:
        raise ValueError("projection: classes are told apart by what was measured; leave it out.")
    if data.names == fitted.names:
        found = data
    elif set(data.names) >= set(fitted.names):
        found = data.select(*fitted.names)
    else:
        gone = [name for name in fitted.names if name not in data.names]
        raise ValueError(
            f"expected the columns {', '.join(fitted.names)}; {', '.join(gone)} is not there. Give a "
            "column that was not measured as nan."
        )
    if found.units != fitted.units and any(found.units) and any(fitted.units):
        return found.replace(**_converted(found, fitted.units))
    return found


def _converted(data: Measurements, units: tuple[str, ...]) -> dict[str, Any]:
    """Values and covariance in other units; ValueError where they cannot be converted."""
    from astropy import units as u

    factor = np.ones(data.d)
    for j, (own, other) in enumerate(zip(data.units, units, strict=True)):
        try:
            factor[j] = (1 * u.Unit(own)).to_value(u.Unit(other))
        except (u.UnitConversionError, u.UnitTypeError, TypeError):
            raise ValueError(
                f"column {data.names[j]!r} is in {own!r}, the fitted one in {other!r}."
            ) from None
    return {
        "value": data.value * factor,
        "covariance": data.covariance * np.outer(factor, factor),
        "units": units,
    }
