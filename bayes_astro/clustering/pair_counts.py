"""Estimates of a correlation function in bins of separation, with their covariance."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from bayes_astro.clustering.separations import (
    KINDS,
    check_bins,
    covariance_of,
    separation_unit,
    separations,
)
from bayes_astro.data.columns import DataError, check_labels, floats, refuse
from bayes_astro.data.container import Rows, chosen

__all__ = ["PairCounts"]

METHODS = ("jackknife", "analytic", "given")
COUNTS = ("dd", "dr", "rr", "expected")
SHARES = ("repeated", "outside", "empty", "lean")


@dataclass(frozen=True, eq=False, repr=False)
class PairCounts(Rows):
    r"""Estimates of a two-point correlation function, one row a bin of separation.

    `from_positions` counts the pairs of a catalogue and of random points, and has the estimate of
    Landy & Szalay (1993) with its covariance; `read` takes published ones. With the shares dd, dr
    and rr of all pairs that have their separation in a bin,

    .. code-block:: text

        xi = (dd - 2 dr + rr) / rr

    Parameters
    ----------
    lower, upper : (n,) arrays or Quantities
        Edges of the bins, 0 < lower < upper, in the order of separation.
    estimate : (n,) array
        xi, or w for angles.
    covariance : (n, n) array, or (n,) standard deviations
        Of the estimates; symmetric and positive definite.
    dd, dr, rr : (n,) arrays, optional
        Weighted numbers of pairs: of objects, of objects with random points, of random points.
    expected : (n,) array, optional
        Pairs of objects that a random catalogue would have, in effective numbers: (sum w)^2 / sum w^2
        objects.
    by_patch : (n, patches) array, optional
        Estimates with each patch left out in turn.
    kind : {"space", "angular", "plane", "line"}
        In what separations are measured; of angles they are in degrees.
    unit : str
        Of the separations. Default: that which `lower` comes with; deg for angles.
    method : {"given", "jackknife", "analytic"}
        How the covariance came.
    patches : int
        Of a jackknife covariance: how many, which must exceed the bins by three or more.
    objects, random_points : int
        How many; 0 where that is not known.
    repeated, outside, empty, lean : float
        Shares of objects with the position of another one, of objects without random points about them, of
        cells of ten objects without any; distance of the means of objects and random points, in sd.
    field_separation, field_share : sequences of float
        Separations within the whole field, and the shares of all pairs of random points there.
    name, source : str
        Of the sample, and where it comes from, for citations.

    Raises
    ------
    DataError
        (a ValueError) naming the column, the first row (0-based) and the remedy.

    References
    ----------
    Landy & Szalay 1993, ApJ 412, 64; Mohammad & Percival 2022, MNRAS 514, 1289.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> ba.PairCounts([1.0, 2.0], [2.0, 4.0], [0.8, 0.2], [0.1, 0.05], kind="plane")
    <PairCounts unnamed: 2 bins from 1 to 4, plane, covariance given>
    """

    lower: np.ndarray
    upper: np.ndarray
    estimate: np.ndarray
    covariance: np.ndarray
    dd: np.ndarray | None = None
    dr: np.ndarray | None = None
    rr: np.ndarray | None = None
    expected: np.ndarray | None = None
    by_patch: np.ndarray | None = None
    kind: str = "space"
    unit: str = ""
    method: str = "given"
    patches: int = 0
    objects: int = 0
    random_points: int = 0
    repeated: float = 0.0
    outside: float = 0.0
    empty: float = 0.0
    lean: float = 0.0
    field_separation: tuple[float, ...] = ()
    field_share: tuple[float, ...] = ()
    name: str = ""
    source: str = ""

    def __post_init__(self):
        check_labels(self, "name", "source", "kind", "method")
        if self.kind not in KINDS:
            raise DataError(f"kind: {self.kind!r} is none of {', '.join(KINDS)}")
        if self.method not in METHODS:
            raise DataError(f"method: {self.method!r} is none of {', '.join(METHODS)}")
        unit = separation_unit(self.kind, self.unit, self.lower)
        arrays = {field: separations(getattr(self, field), unit, field)
                  for field in ("lower", "upper")}  # fmt: skip
        arrays["estimate"] = floats(self.estimate, "estimate")
        n = len(arrays["lower"])
        for field in ("upper", "estimate"):
            if len(arrays[field]) != n:
                raise DataError(f"{field}: has {len(arrays[field])} entries, lower has {n}")
        if not n:
            raise DataError("lower: is empty; give at least one bin")
        check_bins(arrays["lower"], arrays["upper"])
        remedy = "a bin without pairs of random points has no estimate: leave it out, or widen it"
        refuse(~np.isfinite(arrays["estimate"]), arrays["estimate"], "estimate", remedy)
        arrays["covariance"] = covariance_of(self.covariance, n)
        for field in COUNTS:
            if (given := getattr(self, field)) is not None:
                array = floats(given, field)
                if len(array) != n:
                    raise DataError(f"{field}: has {len(array)} entries, lower has {n}")
                refuse(
                    ~((array >= 0) & (array < np.inf)), array, field, "numbers of pairs are >= 0"
                )
                arrays[field] = array
        patches = int(self.patches)
        if self.by_patch is not None:
            by_patch = floats(self.by_patch, "by_patch", (2,))
            if by_patch.shape != (n, patches) or not np.isfinite(by_patch).all():
                raise DataError(
                    f"by_patch: has shape {by_patch.shape}; expected finite numbers ({n}, {patches}), "
                    "an estimate of every bin without each of the patches"
                )
            arrays["by_patch"] = by_patch
        if self.method == "jackknife" and patches < n + 3:
            raise DataError(
                f"patches: {patches} give no covariance of {n} bins that can be inverted and trusted; at "
                f"least {n + 3} are needed, better {2 * n}: take more patches, or fewer bins"
            )
        for field, array in arrays.items():
            array.flags.writeable = False
            object.__setattr__(self, field, array)
        object.__setattr__(self, "unit", unit)
        for field in ("patches", "objects", "random_points"):
            object.__setattr__(self, field, int(getattr(self, field)))
        for field in SHARES:
            object.__setattr__(self, field, float(getattr(self, field)))
        for field in ("field_separation", "field_share"):
            object.__setattr__(self, field, tuple(float(x) for x in getattr(self, field)))
        if len(self.field_separation) != len(self.field_share):
            raise DataError("field_separation, field_share: must have as many entries each")

    @classmethod
    def from_positions(
        cls,
        positions: Any,
        randoms: Any,
        edges: Any,
        *,
        kind: str | None = None,
        weight: Any = None,
        random_weight: Any = None,
        patches: Any = 50,
        covariance: str = "jackknife",
        engine: str = "grid",
        threads: int = 1,
        name: str = "",
        source: str = "",
    ) -> "PairCounts":
        """Count pairs, and estimate the correlation function with its covariance.

        "jackknife": the sky (or the volume) is divided into compact patches with equal numbers of
        random points, which are left out in turn. Pairs with one member in the patch are left out in
        part, as Mohammad & Percival (2022) have it, since otherwise such pairs would count twice:

        .. code-block:: text

            C = (P - 1) / P sum_k (xi_k - mean) (xi_k - mean)',   alpha = P / (2 + sqrt(2) (P - 1))

        "analytic": the Poisson noise of the numbers of pairs, without correlations between bins, and
        without what the clustering adds: right for weak clustering alone,

        .. code-block:: text

            var xi = (1 + max(xi, 0)) / N_dd + 4 / N_dr + 1 / N_rr

        Parameters
        ----------
        positions : (n, 3), (n, 2) or (n,) array or Quantity
            Cartesian, or right ascension and declination in degrees.
        randoms : array or Quantity
            Random points of the same form, all over where objects could be seen, as many as would
            be seen there; ten times as many as objects are usual. `randoms_in` makes them for a
            simple field.
        edges : (bins + 1,) array or Quantity
            Increasing separations > 0, in the unit of the positions; in degrees for angles.
        kind : {"space", "angular", "plane", "line"}, optional
            Needed where positions have two columns, which may be angles or a plane.
        weight, random_weight : (n,) arrays, optional
            > 0, of objects and of random points.
        patches : int, or pair of arrays of int
            Number of patches; or the patch of each object and of each random point.
        covariance : {"jackknife", "analytic"}
            See above.
        engine : {"grid", "scipy", "treecorr"}
            A grid of cells; SciPy's k-d tree; TreeCorr (``pip install bayes-astro[correlation]``),
            which takes edges of equal log width alone. All count exactly.
        threads : int
            The counts do not depend on it.
        name, source : str
            Of the sample, and where it comes from, for citations.

        Returns
        -------
        PairCounts
            One row a bin.

        Raises
        ------
        DataError
            For positions that are missing, beyond the poles or repeated in more than 1% of the
            objects, for no random points, empty bins and too few patches.

        Examples
        --------
        >>> import numpy as np
        >>> import bayes_astro as ba
        >>> points = np.random.default_rng(1).uniform(size=(500, 2))
        >>> randoms = ba.PairCounts.randoms_in([0, 0], [1, 1], 2000, seed=2)
        >>> edges = np.geomspace(0.02, 0.2, 6)
        >>> counts = ba.PairCounts.from_positions(points, randoms, edges, kind="plane")
        >>> counts
        <PairCounts unnamed: 5 bins from 0.02 to 0.2, plane, 500 objects, 50 patches>
        >>> bool(np.all(np.abs(counts.estimate) < 4 * counts.error))
        True
        """
        from bayes_astro.clustering.pair_counting import counted

        found = counted(
            positions, randoms, edges, kind=kind, weight=weight, random_weight=random_weight,
            patches=patches, covariance=covariance, engine=engine, threads=threads,
        )  # fmt: skip
        return cls(**found, name=name, source=source)

    @classmethod
    def read(
        cls,
        x,
        *,
        lower: str = "lower",
        upper: str = "upper",
        estimate: str = "estimate",
        error: str = "error",
        covariance: Any = None,
        kind: str = "space",
        unit: str = "",
        name: str = "",
        source: str = "",
        drop_missing: bool = False,
    ) -> "PairCounts":
        """Read published estimates from a table, data frame, mapping of arrays or file.

        Parameters
        ----------
        x : Table, QTable, DataFrame, mapping, structured array, str or Path
            One row a bin; files as for `ba.Counts.read`.
        lower, upper, estimate, error : str
            Names of columns.
        covariance : (n, n) array, optional
            In place of the column `error`.
        kind, unit, name, source : str
            As the class takes them.
        drop_missing : bool
            Drop the rows where one of these columns is missing; a `DataWarning` says how many.

        Returns
        -------
        PairCounts
            One row a bin.
        """
        from bayes_astro.data.tables import read_columns

        wanted = {"lower": lower, "upper": upper, "estimate": estimate}
        if covariance is None:
            wanted["error"] = error
        columns = read_columns(x, wanted, (), drop_missing)
        scatter = columns.pop("error") if covariance is None else covariance
        return cls(
            **columns, covariance=scatter, kind=kind, unit=unit, name=name, source=source
        )  # fmt: skip

    @staticmethod
    def randoms_in(
        low: Any, high: Any, count: int, *, kind: str | None = None, seed: int = 0
    ) -> np.ndarray:
        """Random points all over a box, or between right ascensions and declinations.

        Parameters
        ----------
        low, high : sequences of float
            The corners; of angles (right ascension, declination) in degrees.
        count : int
            How many.
        kind : str, optional
            "angular" for angles, which are uniform on the sphere.
        seed : int
            Same seed, same points.

        Returns
        -------
        (count, d) array
            For `from_positions`.

        Examples
        --------
        >>> import bayes_astro as ba
        >>> ba.PairCounts.randoms_in([10, -5], [20, 5], 1000, kind="angular").shape
        (1000, 2)
        """
        from bayes_astro.clustering.positions import uniform

        return uniform(low, high, count, kind, seed)

    @property
    def error(self) -> np.ndarray:
        """Standard deviations of the estimates, (n,)."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def middle(self) -> np.ndarray:
        """Geometric middles of the bins, (n,)."""
        return np.sqrt(self.lower * self.upper)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The arrays that, with `metadata`, rebuild this container bit for bit."""
        every = ("lower", "upper", "estimate", "covariance", *COUNTS, "by_patch")
        pairs = ((field, getattr(self, field)) for field in every)
        return {field: array for field, array in pairs if array is not None}

    def metadata(self) -> dict[str, Any]:
        """Everything but the arrays, ready for JSON."""
        arrays = self.to_arrays()
        rest = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in arrays}
        rest = {name: value for name, value in rest.items() if value is not None}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in rest.items()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Any], metadata: dict[str, Any]) -> "PairCounts":
        """The inverse of `to_arrays` and `metadata`."""
        try:
            return cls(**arrays, **metadata)
        except TypeError as error:
            raise DataError(f"these are not the arrays of PairCounts: {error}") from None

    def __len__(self) -> int:
        return len(self.estimate)

    def __getitem__(self, rows) -> "PairCounts":
        """Some bins, by slice, mask or integers, with the covariance of these."""
        rows = np.sort(np.arange(len(self))[chosen(rows)])
        arrays = {field: array[rows] for field, array in self.to_arrays().items()}
        return self.replace(**arrays | {"covariance": self.covariance[np.ix_(rows, rows)]})

    def __repr__(self) -> str:
        span = f"{self.lower[0]:g} to {self.upper[-1]:g}{' ' + self.unit if self.unit else ''}"
        known = [f"{self.objects} objects"] if self.objects else []
        how = (
            f"{self.patches} patches" if self.method == "jackknife" else f"covariance {self.method}"
        )
        parts = ", ".join([f"{len(self)} bins from {span}", self.kind, *known, how])
        return f"<PairCounts {self.name or 'unnamed'}: {parts}>"
