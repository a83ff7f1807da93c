"""Numbers that stand for what was not measured: 0.0, -9.99, 30 +- 30. They are named, never guessed."""

from collections.abc import Sequence

import numpy as np

from bayes_astro.data.columns import DataError

__all__ = ["refuse_marks", "refuse_negative_nines"]

COMMON = (0.0, -1.0, -9.0, -9.9, -9.99, -9.999, 9.0, 9.9, 9.99, 9.999, -10.0, 30.0, 40.0, 50.0)
ALONE = 5.0  # magnitudes from all others that one common mark lies; of few others twice as many
FEW = 10
TOGETHER = 1.0  # that three equal magnitudes lie: a pile of zeros, or of limits
PILE = 3
EQUAL = 5.0  # fainter than this, an error that is the magnitude again is none
IMPOSSIBLE = 5.0  # standard deviations below zero


def refuse_marks(
    magnitude: np.ndarray, error: np.ndarray, usual: np.ndarray, bands: Sequence[str]
) -> None:
    """Raise where entries of a band, as far as they are `usual`, look like marks that nobody declared.

    Such are the brightest or faintest, if three are equal and more than a magnitude from the others,
    or if they are a common mark and five magnitudes (of few others ten) from them; and those whose error is the
    magnitude itself. Whole numbers alone are not judged.
    """
    for j, band in enumerate(bands):
        rows = np.flatnonzero(usual[:, j])
        values = magnitude[rows, j]
        same = (values == error[rows, j]) & (values > EQUAL)
        if same.any():
            _refuse(band, float(values[same][0]), rows[same], "with an error of the same number")
        for value in {float(x) for x in (values.min(), values.max())} if values.size else ():
            here = values == value
            others = values[~here]
            if others.size and (others == np.rint(others)).all():
                continue  # rounded so far that equal ones mean nothing
            gap = np.abs(others - value).min() if others.size else 0.0
            common = value in COMMON
            if (
                (here.sum() >= PILE and gap > TOGETHER)
                or (common and gap > (ALONE if others.size >= FEW else 2 * ALONE))
                or (common and not others.size and here.sum() >= PILE)
            ):
                where = f"{gap:.3g} mag from all others" if gap else "and nothing else"
                _refuse(band, value, rows[here], where)


def _refuse(band: str, value: float, rows: np.ndarray, where: str) -> None:
    times = "once" if len(rows) == 1 else f"{len(rows)} times"
    raise DataError(
        f"{band}: {value!r} is there {times}, {where} (first in row {rows[0]}). If it marks what was not "
        f"measured, declare it, missing={value!r} or non_detection={value!r}, or use nan; if every entry "
        "is a measurement, say so with missing=()"
    )


def refuse_negative_nines(flux: np.ndarray, error: np.ndarray, bands: Sequence[str]) -> None:
    """Raise where a flux is written in nines, as -99, far below what noise can do."""
    suspect = flux < -IMPOSSIBLE * error
    for j, band in enumerate(bands):
        rows = [i for i in np.flatnonzero(suspect[:, j]) if set(f"{-flux[i, j]:g}") <= {"9", "."}]
        if rows:
            value = float(flux[rows[0], j])
            more = f" ({len(rows)} such rows in all)" if len(rows) > 1 else ""
            raise DataError(
                f"flux in {band}: row {rows[0]} is {value!r} +- {error[rows[0], j]:.3g}{more}, which noise "
                f"cannot do: a mark? Use nan for what was not measured, or read(..., missing={value!r})"
            )
