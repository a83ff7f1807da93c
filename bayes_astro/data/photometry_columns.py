"""Columns of photometry: from what users give to arrays of fluxes, errors and redshifts."""

from typing import Any

import numpy as np

from bayes_astro.data.columns import DataError, column_names, floats, refuse, split_unit
from bayes_astro.data.errors import errors, is_constant, refuse_sides

__all__ = ["band_names", "gathered", "redshifts", "refuse_of_magnitudes"]

LEAST_REDSHIFT = -0.01  # of 3000 km/s towards us, faster than any galaxy
LARGEST_REDSHIFT = 100.0


def gathered(
    x: Any,
    flux: tuple[str, ...],
    magnitude: tuple[str, ...],
    error: tuple[Any, ...],
    redshift: str | None,
    drop_missing: bool,
    label: str | None = None,
) -> tuple[np.ndarray, np.ndarray, Any, str | None, Any]:
    """Values and errors (n, m) from the columns of a table, redshifts, the unit of all, and labels."""
    from bayes_astro.data.tables import read_columns

    values = magnitude or flux
    if bool(flux) == bool(magnitude) or isinstance(values, str) or len(values) != len(error):
        raise DataError(
            f"flux, magnitude, error: give the columns of fluxes or of magnitudes and as many of "
            f"errors, got {flux!r}, {magnitude!r} and {error!r}"
        )
    names = {f"value {i}": column for i, column in enumerate(values)}
    for i, column in enumerate(error):
        refuse_sides(column, f"error of {values[i]}")
        if not is_constant(column):
            names[f"error {i}"] = column
    if redshift is not None:
        names["redshift"] = redshift
    if label is not None:
        names["label"] = label
    columns = read_columns(x, names, ("label",), drop_missing)
    pairs = [split_unit(columns[f"value {i}"], v, "") for i, v in enumerate(values)]
    own = {u for _, u in pairs if u}
    if len(own) > 1:
        raise DataError(f"flux: the columns are in {' and '.join(sorted(own))}; convert them")
    stacked = np.column_stack([floats(v, c) for (v, _), c in zip(pairs, values, strict=True)])
    sigma = np.column_stack(
        [errors(split_unit(columns.get(f"error {i}", e), str(e), "")[0], stacked.shape[:1], str(e))
         for i, e in enumerate(error)]
    )  # fmt: skip
    return stacked, sigma, columns.get("redshift"), next(iter(own), None), columns.get("label")


def refuse_of_magnitudes(**given: Any) -> None:
    """Raise DataError for settings of magnitudes that are given with fluxes."""
    for label, value in given.items():
        if value is not None:
            raise DataError(
                f"{label}: is of magnitudes, and these are fluxes; give a flux of 0 with its error "
                "for what was not detected, and missing= for what was not observed"
            )


def band_names(bands: Any, m: int) -> tuple[str, ...]:
    """Names of m bands, all different."""
    if bands is None or not len(bands):
        raise DataError("bands: give the name of each band")
    return column_names(tuple(bands), m)


def redshifts(redshift: Any, n: int) -> np.ndarray | None:
    """Known redshifts of n objects, nan where unknown."""
    if redshift is None:
        return None
    redshift = floats(redshift, "redshift")
    if redshift.shape != (n,):
        raise DataError(f"redshift: has shape {redshift.shape}; expected ({n},)")
    remedy = f"redshifts are from {LEAST_REDSHIFT:g} to {LARGEST_REDSHIFT:g}; use nan where it is unknown"
    refuse(np.abs(redshift) > LARGEST_REDSHIFT, redshift, "redshift", remedy)
    refuse(redshift < LEAST_REDSHIFT, redshift, "redshift", remedy)
    return redshift
