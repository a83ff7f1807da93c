"""What is known of the redshift of each object, in bins, and the prior that went into it."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from bayes_astro.data.columns import DataError, check_labels, floats
from bayes_astro.data.container import Rows, chosen

__all__ = [
    "BinnedRedshifts",
    "bin_labels",
    "check_inside",
    "check_trained",
    "checked_grid",
    "in_bins",
]

MOST_OUTSIDE = 0.05
"""Mean probability outside of all bins that is let go."""
FEWEST = 0.1
"""Objects of the training set that a bin must hold, by the density fitted to them."""


@dataclass(frozen=True, eq=False, repr=False)
class BinnedRedshifts(Rows):
    """Probabilities of J redshift bins for each of n objects, under an interim prior.

    Parameters
    ----------
    probability : array_like, shape (n, J) or (s, n, J)
        p(bin | data of object i) under the interim prior, for each of s draws of the model that
        made it. Rows are scaled to sum to one. Likelihoods go in with a flat `interim_prior`.
    edges : array_like, shape (J + 1,)
        Increasing redshifts.
    interim_prior : array_like, shape (J,) or (s, J)
        The redshift distribution that these probabilities took for granted: of a model trained on
        spectra that of the training set, of template fits their prior. It has no default: dividing
        out the wrong one biases everything that follows.
    name : str
        Of the sample, for titles.
    source : str
        Where the data come from, for citations.

    Raises
    ------
    DataError
        (a ValueError) naming the row and the remedy.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> ba.BinnedRedshifts([[0.2, 0.8], [0.5, 0.5]], [0.0, 0.5, 1.0], [0.5, 0.5])
    <BinnedRedshifts unnamed: 2 objects in 2 bins from 0 to 1>
    """

    probability: np.ndarray
    edges: np.ndarray
    interim_prior: np.ndarray | None = None
    name: str = ""
    source: str = ""

    def __post_init__(self):
        check_labels(self, "name", "source")
        if self.interim_prior is None:
            raise DataError(
                "interim_prior: is needed, the distribution of redshifts that the probabilities took "
                "for granted; for a trained model that of its training set (XDPhotoZ.binned brings "
                "it), for likelihoods a flat one"
            )
        probability = floats(self.probability, "probability", (2, 3))
        probability = probability[None] if probability.ndim == 2 else probability
        edges = floats(self.edges, "edges")
        prior = np.atleast_2d(floats(self.interim_prior, "interim_prior", (1, 2)))
        s, n, bins = probability.shape
        if edges.shape != (bins + 1,) or not n or bins < 2:
            raise DataError(
                f"probability, edges: have the shapes {probability.shape[-2:]} and {edges.shape}; "
                "expected (n, J) and (J + 1,), with two bins or more"
            )
        if not np.isfinite(edges).all() or (np.diff(edges) <= 0).any():
            raise DataError("edges: must be finite and increase")
        if prior.shape not in ((1, bins), (s, bins)):
            raise DataError(f"interim_prior: has shape {prior.shape}; expected ({bins},)")
        if not (np.isfinite(prior).all() and (prior > 0).all()):
            raise DataError(
                f"interim_prior: bin {int(np.argmin(prior.min(axis=0)))} is {prior.min():g}; it must "
                "be > 0 in every bin: where the prior excluded redshifts, data cannot bring them back. "
                "Leave such bins out"
            )
        bad = ~(np.isfinite(probability) & (probability >= 0)).all(axis=2) | ~(
            probability.sum(2) > 0
        )
        if bad.any():
            row = int(np.argwhere(bad)[0][1])
            raise DataError(
                f"probability: row {row} is negative, not finite or zero in all bins; drop such rows, "
                "or widen the bins"
            )
        arrays = {
            "probability": _scaled(probability),
            "edges": edges,
            "interim_prior": np.broadcast_to(_scaled(prior), (s, bins)).copy(),
        }
        for field, array in arrays.items():
            array.flags.writeable = False
            object.__setattr__(self, field, array)

    @classmethod
    def from_densities(
        cls, density: Any, edges: Any, interim_prior: Any = None, *, z: Any = None, name: str = ""
    ) -> "BinnedRedshifts":
        """Bin p(z) on a grid, as `pdf` of every photo-z model gives it.

        Densities are linear between the points of the grid.

        Parameters
        ----------
        density : xarray.DataArray or array_like, shape (n, g)
            (row, z), per unit of redshift.
        edges : array_like, shape (J + 1,)
            Increasing redshifts, within the grid.
        interim_prior : array_like, shape (g,)
            Density of redshift on the same grid that `density` took for granted, up to a constant;
            it has no default, as above.
        z : array_like, shape (g,), optional
            The grid, where `density` does not bring it.
        name : str
            Of the sample.

        Returns
        -------
        BinnedRedshifts
            Of the same objects, in the same order.

        Examples
        --------
        >>> import numpy as np
        >>> import bayes_astro as ba
        >>> z = np.linspace(0, 1, 5)
        >>> binned = ba.BinnedRedshifts.from_densities([2 * z], [0, 0.5, 1], np.ones(5), z=z)
        >>> binned.probability
        array([[[0.25, 0.75]]])
        """
        if interim_prior is None:
            raise DataError("interim_prior: is needed, on the grid of the densities")
        z = getattr(density, "z", None) if z is None else z
        if z is None:
            raise DataError("z: is needed, the grid of the densities")
        z, edges = floats(z, "z"), floats(edges, "edges")
        density = floats(np.asarray(density), "density", (2,))
        prior = floats(interim_prior, "interim_prior")
        if density.shape[1] != len(z) or prior.shape != z.shape or len(z) < 2:
            raise DataError(
                f"density, z, interim_prior: have the shapes {density.shape}, {z.shape} and "
                f"{prior.shape}; expected (n, g), (g,) and (g,)"
            )
        for label, points in (("z", z), ("edges", edges)):
            if not np.isfinite(points).all() or (np.diff(points) <= 0).any():
                raise DataError(f"{label}: must be finite and increase")
        if edges[0] < z[0] or edges[-1] > z[-1]:
            raise DataError(
                f"edges: from {edges[0]:g} to {edges[-1]:g}, the grid of the densities from "
                f"{z[0]:g} to {z[-1]:g}; give densities on a wider grid, or fewer bins"
            )
        inside = _integrated(density, z, edges)
        whole = np.trapezoid(density, z, axis=1)
        check_inside(inside.sum(axis=1) / np.where(whole > 0, whole, 1.0), edges)
        return cls(inside, edges, _integrated(prior[None], z, edges)[0], name)

    @property
    def n(self) -> int:
        """Number of objects."""
        return self.probability.shape[1]

    @property
    def draws(self) -> int:
        """Number of draws of the model that made the probabilities."""
        return len(self.probability)

    @property
    def middle(self) -> np.ndarray:
        """Middles of the bins, (J,)."""
        return 0.5 * (self.edges[1:] + self.edges[:-1])

    @property
    def ratio(self) -> np.ndarray:
        """Likelihoods up to a constant: probabilities over the interim prior, (s, n, J)."""
        assert self.interim_prior is not None
        return self.probability / self.interim_prior[:, None]

    def draw(self, i: int) -> "BinnedRedshifts":
        """By one draw of the model alone.

        Parameters
        ----------
        i : int
            Number of the draw, from 0.

        Returns
        -------
        BinnedRedshifts
            Probabilities (1, n, J).
        """
        assert self.interim_prior is not None
        return self.replace(probability=self.probability[i], interim_prior=self.interim_prior[i])

    def parts(self) -> "list[BinnedRedshifts]":
        """By each draw of the model alone, to be fitted one after the other.

        Returns
        -------
        list of BinnedRedshifts
            One for each of s draws.
        """
        return [self.draw(i) for i in range(self.draws)]

    def merged(self, edges: Any) -> "BinnedRedshifts":
        """The same in wider bins, whose `edges` are some of those that are there.

        Bins beyond the first and the last of them are left out, if hardly any object is there.

        Parameters
        ----------
        edges : array_like
            Increasing redshifts, all of them among the present edges.

        Returns
        -------
        BinnedRedshifts
            In the bins between these edges.

        Raises
        ------
        DataError
            For edges that are not there, and bins that leave out much of what is probable.
        """
        edges = floats(edges, "bins")
        width = np.diff(self.edges).min()
        at = np.abs(self.edges[:, None] - edges).argmin(axis=0)
        off = np.abs(self.edges[at] - edges)
        if len(edges) < 3 or not np.isfinite(edges).all() or (np.diff(edges) <= 0).any():
            raise DataError(f"bins: expected three or more increasing edges, got {edges!r:.80}")
        if (off > 1e-6 * width).any():
            one = edges[int(np.argmax(off))]
            raise DataError(
                f"bins: {one:g} is no edge of the data's bins (nearest "
                f"{self.edges[at[int(np.argmax(off))]]:g}); merge whole bins, or make the data with "
                "these edges"
            )
        assert self.interim_prior is not None
        parts = [np.add.reduceat(a[..., : at[-1]], at[:-1], axis=-1)
                 for a in (self.probability, self.interim_prior)]  # fmt: skip
        check_inside(parts[0].sum(axis=2).mean(axis=0), edges)
        return self.replace(probability=parts[0], edges=self.edges[at], interim_prior=parts[1])

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The array that, with `metadata`, rebuilds this: probabilities (n, s, J)."""
        return {"probability": np.ascontiguousarray(np.moveaxis(self.probability, 1, 0))}

    def metadata(self) -> dict[str, Any]:
        """Everything but the array, ready for JSON."""
        assert self.interim_prior is not None
        lists = {"edges": self.edges.tolist(), "interim_prior": self.interim_prior.tolist()}
        return lists | {"name": self.name, "source": self.source}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Any], metadata: dict[str, Any]) -> "BinnedRedshifts":
        """The inverse of `to_arrays` and `metadata`."""
        try:
            probability = np.moveaxis(arrays["probability"], 0, 1)
            return cls(probability, **metadata)
        except (TypeError, KeyError) as error:
            raise DataError(f"these are not the arrays of BinnedRedshifts: {error}") from None

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, rows) -> "BinnedRedshifts":
        """Some objects, by slice, mask or integers."""
        rows = chosen(rows)
        return self.replace(probability=self.probability[:, rows])

    def __repr__(self) -> str:
        times = f", {self.draws} draws" if self.draws > 1 else ""
        span = f"{self.edges[0]:g} to {self.edges[-1]:g}"
        bins = len(self.edges) - 1
        return f"<BinnedRedshifts {self.name or 'unnamed'}: {self.n} objects in {bins} bins from {span}{times}>"


def check_inside(inside: np.ndarray, edges: np.ndarray) -> None:
    """Raise DataError where bins leave out much of what is probable: each object's share, (n,).

    The fractions of a population are those of all its members, and who is elsewhere would be
    counted where it is not.
    """
    lost = 1 - float(np.mean(inside))
    if lost > MOST_OUTSIDE:
        elsewhere = int(np.sum(inside < 0.5))
        raise DataError(
            f"edges: {100 * lost:.0f}% of the probability is outside of {edges[0]:g} to {edges[-1]:g}, "
            f"and {elsewhere} of {len(inside)} objects more likely than not; give bins that hold all "
            "members of the population, or leave those objects out"
        )


def check_trained(expected: np.ndarray, edges: np.ndarray) -> None:
    """Raise DataError where bins hold no part of the training set: `expected` objects in each."""
    empty = np.flatnonzero(expected < FEWEST)
    if len(empty):
        held = np.flatnonzero(expected >= FEWEST)
        within = f"{edges[held[0]]:g} to {edges[held[-1] + 1]:g}" if len(held) else "none of them"
        raise DataError(
            f"edges: {len(empty)} of {len(expected)} bins, the first from {edges[empty[0]]:g} to "
            f"{edges[empty[0] + 1]:g}, hold less than a tenth of an object of the training set each, so that "
            f"nothing is known of galaxies there; give bins within {within}, or wider ones"
        )


def in_bins(data: "BinnedRedshifts", bins: Any) -> "BinnedRedshifts":
    """In the bins with these edges, or as they are."""
    if bins is None or np.array_equal(data.edges, bins):
        return data
    return data.merged(bins)


def _integrated(density: np.ndarray, z: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Integrals of piecewise linear densities (n, g) over bins: (n, J)."""
    at = np.union1d(z, edges)
    low = np.clip(np.searchsorted(z, at, side="right") - 1, 0, len(z) - 2)
    share = (at - z[low]) / (z[low + 1] - z[low])
    values = density[:, low] * (1 - share) + density[:, low + 1] * share
    steps = 0.5 * (values[:, 1:] + values[:, :-1]) * np.diff(at)
    first = np.searchsorted(at, edges)
    return np.add.reduceat(steps[:, : first[-1]], first[:-1], axis=1)


def _scaled(array: np.ndarray) -> np.ndarray:
    """Rows that sum to one; those that do already stay as they are, bit for bit."""
    total = array.sum(axis=-1, keepdims=True)
    return np.where(np.abs(total - 1) < 1e-12, array, array / total)


def bin_labels(data: BinnedRedshifts) -> list[str]:
    """Names of the bins by their edges, without the noise of the last digits."""
    edges = [float(f"{edge:.10g}") for edge in data.edges]
    return [f"{low!r} to {high!r}" for low, high in pairwise(edges)]


def checked_grid(z: Any, name: str = "z") -> np.ndarray:
    """Increasing redshifts above -1."""
    z = np.asarray(z, dtype=float)
    if z.ndim != 1 or not len(z) or not np.isfinite(z).all() or (np.diff(z) <= 0).any():
        raise ValueError(f"{name}: give a 1-d array of increasing redshifts.")
    if z[0] <= -1:
        raise ValueError(f"{name}: redshifts are above -1, the grid begins at {z[0]:g}.")
    return z
