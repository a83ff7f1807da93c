"""The covariance of each row's errors, from standard deviations or matrices, checked."""

import numpy as np

from bayes_astro.data.columns import (
    LARGEST,
    DataError,
    convert,
    floats,
    refuse,
    split_unit,
)
from bayes_astro.data.errors import errors

__all__ = ["from_covariances", "from_errors"]

# Covariances rounded in print are not symmetric or positive to the last digit.
ASYMMETRY = 1e-8
NEGATIVE = 1e-8
DROP = "read(..., drop_missing=True) leaves such rows out"
CHUNK = 16_384  # rows that are checked at a time: millions need no more memory than they are


def from_errors(
    error,
    missing: np.ndarray,
    names: tuple[str, ...],
    unit: str | None,
    units: tuple[str, ...],
) -> np.ndarray:
    """Diagonal covariances, shape (n, d, d), nan where a value is missing.

    `unit` is the one that the values came with, `units` those that they have now.
    """
    error, own = split_unit(error, "error")
    error = errors(error, missing.shape)
    source = own if own is not None else unit
    if source is not None:
        error = convert(error, source, _single(units, "error"), "error", error=True)
    error[missing] = np.nan
    for j, name in enumerate(names):
        _check_errors(error[:, j], missing[:, j], name)
    covariance = np.zeros((*error.shape, error.shape[1]))
    diagonal = np.arange(error.shape[1])
    covariance[:, diagonal, diagonal] = error**2
    _blank(covariance, missing)
    return covariance


def _check_errors(error: np.ndarray, missing: np.ndarray, name: str) -> None:
    column = f"error of {name}"
    exact = "use 0 for a value that is known exactly"
    refuse(~np.isfinite(error) & ~missing, error, column, f"give a number >= 0; {exact}; {DROP}")
    refuse(error < 0, error, column, f"errors are standard deviations; {exact}")
    tiny = (error > 0) & (error < 1 / LARGEST)
    refuse(
        tiny | (error > LARGEST),
        error,
        column,
        "its square overflows; choose another unit",
    )


def from_covariances(
    covariance,
    missing: np.ndarray,
    names: tuple[str, ...],
    unit: str | None,
    units: tuple[str, ...],
) -> np.ndarray:
    """Symmetric, positive semi-definite covariances, shape (n, d, d), nan where a value is missing."""
    covariance, own = split_unit(covariance, "covariance")
    covariance = floats(covariance, "covariance", (2, 3))
    n, d = missing.shape
    if covariance.shape == (d, d):
        covariance = np.repeat(covariance[None], n, axis=0)
    if covariance.shape != (n, d, d):
        raise DataError(
            f"covariance: has shape {covariance.shape}; expected {(n, d, d)} or {(d, d)}"
        )
    if own is not None:
        from astropy import units as u

        target = u.Unit(_single(units, "covariance"))
        squared = (getattr(target, "function_unit", target) ** 2).to_string()
        covariance = convert(covariance, own, squared, "covariance")
    elif unit is not None:
        covariance *= convert(np.ones(()), unit, units[0], "covariance", error=True) ** 2
    _blank(covariance, missing)
    for j, name in enumerate(names):
        for k in range(d):
            entry = covariance[:, j, k]
            bad = ~np.isfinite(entry) & ~missing[:, j] & ~missing[:, k]
            refuse(
                bad,
                entry,
                f"covariance of {name} and {names[k]}",
                "give a finite number",
            )
        variance = covariance[:, j, j]
        refuse(
            variance < 0,
            variance,
            f"covariance: variance of {name}",
            "variances are >= 0",
        )
        with np.errstate(invalid="ignore"):
            _check_errors(np.sqrt(variance), missing[:, j], name)
    for first in range(0, n, CHUNK):
        part = covariance[first : first + CHUNK]
        scale = np.sqrt(np.diagonal(part, axis1=1, axis2=2))
        scale = scale[:, :, None] * scale[:, None, :]
        _check_matrices(np.nan_to_num(part), np.nan_to_num(scale), names, first)
        part[:] = (part + part.swapaxes(1, 2)) / 2
    return np.ascontiguousarray(covariance)


def _check_matrices(
    covariance: np.ndarray, scale: np.ndarray, names: tuple[str, ...], first: int
) -> None:
    """Symmetric and positive semi-definite, judged on correlations: columns may differ in unit.

    `first` is the row that the first of these is.
    """
    transposed = covariance.swapaxes(1, 2)
    difference = np.abs(covariance - transposed)
    row, j, k = (
        index[:1]
        for index in np.nonzero(difference > ASYMMETRY * np.maximum(scale, np.abs(covariance)))
    )
    if row.size:
        raise DataError(
            f"covariance: row {first + row[0]} is not symmetric: {names[j[0]]}, {names[k[0]]} is "
            f"{covariance[row[0], j[0], k[0]]:.8g} and {covariance[row[0], k[0], j[0]]:.8g}; "
            "use (c + c.swapaxes(1, 2)) / 2 if both are estimates of the same number"
        )
    row, j, k = (index[:1] for index in np.nonzero(np.abs(covariance) > scale * (1 + NEGATIVE)))
    if row.size:
        smallest = np.linalg.eigvalsh(covariance[row[0]])[0]
        raise DataError(
            f"covariance: row {first + row[0]} is not positive semi-definite (smallest eigenvalue "
            f"{smallest:.3g}): the correlation of {names[j[0]]} and {names[k[0]]} is beyond -1 to 1; "
            "were errors given in place of variances?"
        )
    correlation = np.divide(covariance, scale, out=np.zeros_like(covariance), where=scale > 0)
    identity = np.eye(covariance.shape[1])
    exact = (np.diagonal(scale, axis1=1, axis2=2) == 0)[:, :, None] * identity
    try:
        # Cholesky is ten times quicker than the eigenvalues, which only the message needs.
        np.linalg.cholesky(correlation + exact + NEGATIVE * identity)
    except np.linalg.LinAlgError:
        smallest = np.linalg.eigvalsh(covariance)[:, 0]
        bad = np.flatnonzero(np.linalg.eigvalsh(correlation + exact)[:, 0] <= -NEGATIVE / 2)
        if bad.size:
            raise DataError(
                f"covariance: row {first + bad[0]} is not positive semi-definite (smallest eigenvalue "
                f"{smallest[bad[0]]:.3g}; {bad.size} such rows in all); its correlations contradict "
                "each other: correct or drop such rows"
            ) from None


def _single(units: tuple[str, ...], column: str) -> str:
    if len(set(units)) != 1 or not units[0]:
        raise DataError(
            f"{column}: comes with a unit, value does not; give units= or plain numbers"
        )
    return units[0]


def _blank(covariance: np.ndarray, missing: np.ndarray) -> None:
    covariance[missing[:, :, None] | missing[:, None, :]] = np.nan
