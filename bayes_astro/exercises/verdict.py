"""What `check` says about an answer."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Row", "Verdict"]

COLUMNS = ("quantity", "yours", "reference", "tolerance", "verdict")


@dataclass(frozen=True)
class Row:
    """One comparison.

    The tolerance of a mean is in its own unit; that of an sd is on its natural logarithm, and
    ``tolerance`` then reads "factor 1.08".
    """

    quantity: str
    yours: str
    reference: str
    tolerance: str
    verdict: str

    def cells(self) -> tuple[str, ...]:
        """The row as text, in the order of the table."""
        return tuple(getattr(self, name) for name in COLUMNS)


@dataclass(frozen=True)
class Verdict:
    """The judgement of one answer; true when it passed.

    Parameters
    ----------
    exercise : str
        Its id.
    state : {"correct", "incorrect", "incomplete", "not attempted", "sample more"}
        What the answer is.
    message : str
        What to do, or the typical mistake that the answer looks like.
    rows : tuple of Row
        One comparison each: quantity, yours, reference, tolerance, verdict.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> verdict = ba.exercises.check("5.1", (34.72, 0.63))
    >>> verdict.passed, verdict.state
    (False, 'incorrect')
    """

    exercise: str
    state: Literal["correct", "incorrect", "incomplete", "not attempted", "sample more"]
    message: str
    rows: tuple[Row, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the answer is correct."""
        return self.state == "correct"

    @property
    def table(self) -> pd.DataFrame:
        """One row a comparison: quantity, yours, reference, tolerance, verdict."""
        import pandas as pd

        return pd.DataFrame([row.cells() for row in self.rows], columns=list(COLUMNS))

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        lines = [f"Exercise {self.exercise}: {self.state}. {self.message}"]
        lines += [
            f"  {row.quantity}: {row.yours} (reference {row.reference}, tolerance "
            f"{row.tolerance}): {row.verdict}"
            for row in self.rows
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        text = (
            f"<p><b>Exercise {html.escape(self.exercise)}: {html.escape(self.state)}.</b> "
            f"{html.escape(self.message)}</p>"
        )
        if not self.rows:
            return text
        head = "".join(f"<th>{name}</th>" for name in COLUMNS)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row.cells()) + "</tr>"
            for row in self.rows
        )
        return (
            f'{text}<table class="dataframe checks"><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table>"
        )
