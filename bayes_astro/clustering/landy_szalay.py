"""The estimate of Landy & Szalay from numbers of pairs, and what is left of them without a patch.

With T the weighted number of pairs in a bin, A_k that with both members in patch k and C_k that with
one, the pairs that are left without the patch are

.. code-block:: text

    T - A_k - alpha C_k,    alpha = P / (2 + sqrt(2) (P - 1))

of objects, of objects with random points and of random points alike, and of the numbers of all pairs at
any separation that they are divided by. Pairs within patches are left out once; those across two of
them are left out twice, in part, so that independent pairs bring the variance that they have: with
alpha = 1 they would bring twice as much (Mohammad & Percival 2022).
"""

import numpy as np

__all__ = ["Pairs", "landy_szalay"]


class Pairs:
    """Weighted numbers of pairs in bins and at any separation, in all, and by patch.

    Parameters
    ----------
    total, inside, across : arrays (bins + 1,), (patches, bins + 1), (patches, bins + 1)
        Of all points; with both members in a patch; with one. The last column counts pairs at any
        separation.
    """

    def __init__(self, total: np.ndarray, inside: np.ndarray, across: np.ndarray) -> None:
        self.total, self.inside, self.across = total, inside, across

    def without(self) -> np.ndarray:
        """Those that are left without each patch in turn: (patches, bins + 1)."""
        count = len(self.inside)
        alpha = count / (2 + np.sqrt(2) * (count - 1))
        return self.total - self.inside - alpha * self.across


def landy_szalay(dd: np.ndarray, dr: np.ndarray, rr: np.ndarray) -> np.ndarray:
    """xi = (dd - 2 dr + rr) / rr of numbers of pairs (..., bins + 1), divided by their last columns."""
    dd, dr, rr = (pairs[..., :-1] / pairs[..., -1:] for pairs in (dd, dr, rr))
    return (dd - 2 * dr) / rr + 1
