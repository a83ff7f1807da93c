"""Which responses made it into a sample."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from bayes_astro.parameters import is_number

__all__ = ["Selection"]


@dataclass(frozen=True)
class Selection:
    """Objects are in a sample where their observed response lies between two bounds.

    The chance of an observed response y to be in the sample is

    .. code-block:: text

        Phi((y - lower) / width) - Phi((y - upper) / width)

    a step at each bound where the width is zero. Without a bound on one side its term is 1, or 0.

    Parameters
    ----------
    lower, upper : float, optional
        Bounds, in the unit of the response.
    width : float
        Standard deviation of the bounds, in the same unit; 0: hard cuts.

    Raises
    ------
    ValueError
        For no bound at all, bounds that are not finite or in the wrong order, a negative width.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> brighter = ba.Selection(upper=18.0, width=0.5)
    >>> brighter.chance([17.0, 18.0, 19.0]).round(2)
    array([0.98, 0.5 , 0.02])
    """

    lower: float | None = None
    upper: float | None = None
    width: float = 0.0

    part: ClassVar[str] = "selection"

    def __post_init__(self) -> None:
        for name in ("lower", "upper"):
            bound = getattr(self, name)
            if bound is not None and not (is_number(bound) and np.isfinite(bound)):
                raise ValueError(f"Selection: {name}={bound!r} must be a finite number or None.")
        if self.lower is None and self.upper is None:
            raise ValueError(
                "Selection: give lower, upper or both; selection=None selects nothing."
            )
        if self.lower is not None and self.upper is not None and not self.lower < self.upper:
            raise ValueError(
                f"Selection: lower={self.lower:g} must be below upper={self.upper:g}: between them the "
                "chance would be outside 0 to 1."
            )
        if not (is_number(self.width) and 0 <= self.width < np.inf):
            raise ValueError(f"Selection: width={self.width!r} must be a finite number >= 0.")

    @property
    def bounds(self) -> tuple[float, float]:
        """Both, infinite where there is none."""
        return (
            -np.inf if self.lower is None else float(self.lower),
            np.inf if self.upper is None else float(self.upper),
        )

    def chance(self, response: Any) -> np.ndarray:
        """Chance of observed responses to be in the sample.

        Parameters
        ----------
        response : array_like
            In the unit of the bounds.

        Returns
        -------
        array
            From 0 to 1, in the shape of `response`.
        """
        from scipy.special import ndtr

        y, (lower, upper) = np.asarray(response, dtype=float), self.bounds
        if self.width == 0:
            return ((y >= lower) & (y <= upper)).astype(float)
        a, b = (y - lower) / self.width, (y - upper) / self.width
        return np.where(a + b > 0, ndtr(-b) - ndtr(-a), ndtr(a) - ndtr(b))

    def to_dict(self) -> dict[str, Any]:
        """As plain numbers, for a file.

        Returns
        -------
        dict
            What is not None.
        """
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Selection:
        """The inverse of `to_dict`.

        Parameters
        ----------
        plain : dict
            With the keys lower, upper and width, or some of them.

        Returns
        -------
        Selection
            Equal to the one that was written.
        """
        if not isinstance(plain, dict) or not set(plain) <= {"lower", "upper", "width"}:
            raise ValueError(f"Selection: expected lower, upper and width, got {plain!r:.80}.")
        return cls(**plain)
