"""Positions of objects and of random points, checked, as Cartesian coordinates in a common box."""

from typing import Any

import numpy as np

from bayes_astro.clustering.separations import KINDS
from bayes_astro.data.columns import DataError, convert, floats, refuse, split_unit
from bayes_astro.data.missing import say

__all__ = ["chord", "coordinates", "kind_of", "repeated_share", "separation", "uniform", "weights"]

MOST_REPEATED = 0.01  # share of objects at the position of another one
DROP = "drop such rows, of the weights too"
AXES = ("x", "y", "z")


def kind_of(positions: Any, kind: str | None) -> str:
    """In what the positions are: what was said, or what their columns leave no doubt of."""
    if kind is None:
        shape = np.shape(positions)
        columns = 1 if len(shape) < 2 else shape[1]
        if columns == 2:
            raise DataError(
                "kind: two columns may be right ascension and declination or a plane; say "
                "kind='angular' or kind='plane'"
            )
        kind = {1: "line", 3: "space"}.get(columns, "")
    if kind not in KINDS:
        raise DataError(
            f"kind: {kind!r} is none of {', '.join(KINDS)}; positions have 1 to 3 columns"
        )
    return kind


def coordinates(positions: Any, column: str, kind: str, unit: str) -> np.ndarray:
    """Coordinates (n, d) in `unit`; of angles unit vectors (n, 3)."""
    values, own = split_unit(positions, column)
    array = floats(values, column, (1, 2))
    array = array[:, None] if array.ndim == 1 else array
    columns = 2 if kind == "angular" else KINDS[kind]
    if array.shape[1] != columns:
        raise DataError(
            f"{column}: have shape {array.shape}; expected (n, {columns}) for kind={kind!r}, one row a point"
        )
    if not len(array):
        raise DataError(f"{column}: are empty")
    if own:
        array = convert(array, own, unit, column)
    names = ("right ascension", "declination") if kind == "angular" else AXES
    for j, name in enumerate(names[:columns]):
        refuse(~np.isfinite(array[:, j]), array[:, j], f"{column}, {name}", DROP)
    if kind != "angular":
        return array
    ra, dec = array.T
    refuse(np.abs(dec) > 90, dec, f"{column}, declination",
           "declinations are from -90 to 90 degrees; give columns in the order right ascension, "
           "declination")  # fmt: skip
    refuse(np.abs(ra) > 540, ra, f"{column}, right ascension", "give degrees, from 0 to 360")
    if not own and len(ra) > 10 and np.abs(ra).max() < 6.3 and np.abs(dec).max() < 1.6:
        say(
            f"{column}: all right ascensions are below 6.3 and all declinations below 1.6, as radians "
            "are; they are taken for degrees. Give a Quantity in rad if they are none"
        )
    a, d = np.radians(ra), np.radians(dec)
    return np.column_stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)])


def weights(given: Any, n: int, column: str) -> np.ndarray:
    """Positive weights (n,); ones where there are none."""
    if given is None:
        return np.ones(n)
    array = floats(given, column)
    if array.shape != (n,):
        raise DataError(f"{column}: has {array.size} entries for {n} points; give one for each")
    refuse(~((array > 0) & (array < np.inf)), array, column, "weights are > 0; drop points without")
    return array


def repeated_share(points: np.ndarray) -> float:
    """Share of objects at the position of another one; DataError where they are many."""
    _, counts = np.unique(points, axis=0, return_counts=True)
    share = float(counts[counts > 1].sum() / len(points))
    if share > MOST_REPEATED:
        raise DataError(
            f"positions: {share:.1%} of the objects have the position of another one, as where a catalogue "
            "was joined to itself or coordinates are rounded; drop repeats, e.g. with numpy.unique(..., axis=0)"
        )
    return share


def chord(angle: np.ndarray) -> np.ndarray:
    """Chord of the unit sphere under an angle in degrees."""
    return 2 * np.sin(np.radians(angle) / 2)


def separation(chords: np.ndarray) -> np.ndarray:
    """The inverse of `chord`."""
    return np.degrees(2 * np.arcsin(np.clip(chords / 2, 0, 1)))


def uniform(low: Any, high: Any, count: int, kind: str | None, seed: int) -> np.ndarray:
    """Random points; see `PairCounts.randoms_in`."""
    low, high = np.atleast_1d(low).astype(float), np.atleast_1d(high).astype(float)
    if low.shape != high.shape or low.ndim != 1 or not (low < high).all():
        raise DataError(f"low, high: expected corners, low below high, got {low} and {high}")
    unit = np.random.default_rng(seed).uniform(size=(count, len(low)))
    if kind != "angular":
        return low + (high - low) * unit
    if len(low) != 2 or low[1] < -90 or high[1] > 90:
        raise DataError("low, high: expected (right ascension, declination) in degrees")
    sine = np.sin(np.radians([low[1], high[1]]))
    declination = np.degrees(np.arcsin(sine[0] + (sine[1] - sine[0]) * unit[:, 1]))
    return np.column_stack([low[0] + (high[0] - low[0]) * unit[:, 0], declination])
