"""Fluxes of objects in several bands, with errors, and redshifts where they are known."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_astro.data.columns import (
    LARGEST,
    DataError,
    check_labels,
    convert,
    floats,
    refuse,
    split_unit,
    unit_name,
)
from bayes_astro.data.errors import errors
from bayes_astro.data.labels import Labelled, labels
from bayes_astro.data.magnitudes import fluxes_of, zero_point
from bayes_astro.data.marks import refuse_negative_nines
from bayes_astro.data.photometry_columns import (
    band_names,
    gathered,
    redshifts,
    refuse_of_magnitudes,
)
from bayes_astro.names import nearest

__all__ = ["Photometry"]


@dataclass(frozen=True, eq=False, repr=False)
class Photometry(Labelled):
    """Fluxes of objects in several bands, with their errors.

    m bands of n objects. The arrays are checked, copied to float64 and read-only. Fluxes may be
    negative, as faint ones scatter; for magnitudes see `from_magnitudes`.

    Parameters
    ----------
    flux : array_like or Quantity, shape (n, m)
        nan or masked: not measured. The error of such an entry is ignored, and nan afterwards.
    error : array_like or Quantity, shape (n, m), (m,) or a single number for all
        Standard deviations, > 0; without a unit they are in that of `flux`.
    bands : sequence of str, length m
        By which bands are matched, whatever their order.
    redshift : array_like, shape (n,), optional
        Spectroscopic redshifts, -0.01 < z < 100; nan where unknown.
    unit : str, optional
        Of flux and error. Default: the one that `flux` comes with.
    name : str
        Of the sample, for titles.
    source : str
        Where the data come from, for citations.
    label : sequence of str, length n, optional
        Class of each object, such as "QSO"; None where unknown.

    Raises
    ------
    DataError
        (a ValueError) naming the band, the first row (0-based) and the remedy: infinite or
        non-numeric values, errors that are not positive, shapes that do not fit, bands that repeat,
        redshifts that cannot be.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> flux, error = [[1.0, 2.0], [3.0, float("nan")]], [[0.1, 0.1], [0.2, 0.0]]
    >>> ba.Photometry(flux, error, ("g", "r"))
    <Photometry unnamed: 2 objects in g, r, 1 flux missing>
    """

    flux: np.ndarray
    error: np.ndarray
    bands: tuple[str, ...]
    redshift: np.ndarray | None = None
    unit: str | None = None
    name: str = ""
    source: str = ""
    label: np.ndarray | None = None

    def __post_init__(self):
        check_labels(self, "name", "source")
        flux, own = split_unit(self.flux, "flux", self.unit)
        error, error_unit = split_unit(self.error, "error", self.unit)
        for label, given in (("flux", own), ("error", error_unit)):
            if given is not None and given.startswith("mag"):
                raise DataError(f"{label}: is in {given!r}; use Photometry.from_magnitudes(...)")
        unit = own if self.unit is None else unit_name(self.unit, "unit")
        if error_unit is not None and not unit:
            raise DataError(f"error: is in {error_unit!r}, flux has no unit; give unit=")
        flux = floats(flux, "flux", (2,))
        if not flux.size:
            raise DataError(
                f"flux: has the shape {flux.shape}; expected (objects, bands), at least one of each"
            )
        error = errors(error, flux.shape)
        if own is not None and unit is not None:
            flux = convert(flux, own, unit, "flux")
        if (error_unit or own) is not None and unit is not None:
            error = convert(error, error_unit or own, unit, "error", error=True)  # type: ignore[arg-type]
        bands = band_names(self.bands, flux.shape[1])
        missing = np.isnan(flux)
        error[missing] = np.nan
        for j, band in enumerate(bands):
            remedy = "use nan for what was not measured"
            refuse(np.abs(flux[:, j]) > LARGEST, flux[:, j], f"flux in {band}", remedy)
            bad = ~missing[:, j] & ~((error[:, j] > 1 / LARGEST) & (error[:, j] < LARGEST))
            remedy = (
                "errors are finite standard deviations > 0: correct them, or use nan as the flux "
                "of what was not measured; Photometry.read(..., drop_missing=True) leaves out objects of "
                "which something is missing"
            )
            refuse(bad, error[:, j], f"error in {band}", remedy)
        refuse_negative_nines(flux, error, bands)
        arrays = {"flux": flux, "error": error, "redshift": redshifts(self.redshift, len(flux))}
        for field, array in arrays.items():
            if array is not None:
                array.flags.writeable = False
            object.__setattr__(self, field, array)
        object.__setattr__(self, "bands", bands)
        object.__setattr__(self, "label", labels(self.label, len(flux)))
        object.__setattr__(self, "unit", unit or "")

    @classmethod
    def from_magnitudes(
        cls,
        magnitude,
        error,
        bands: tuple[str, ...],
        redshift=None,
        *,
        system: str = "AB",
        asinh_softening=None,
        non_detection=None,
        limit=None,
        missing=None,
        error_convention: str = "linear",
        name: str = "",
        source: str = "",
        label=None,
    ) -> "Photometry":
        """Make photometry of magnitudes; nan is missing, other marks are declared and never guessed.

        Parameters
        ----------
        magnitude, error : array_like, shape (n, m)
            Errors are standard deviations in magnitudes, > 0; also (m,) or a single number for all.
        bands : sequence of str, length m
            By which bands are matched.
        redshift : array_like, shape (n,), optional
            Spectroscopic redshifts; nan where unknown.
        system : {"AB", "Vega", "other"}
            AB gives fluxes in uJy, the others in 1e-9 of the flux of magnitude zero.
        asinh_softening : float or sequence of m floats, optional
            b of asinh magnitudes (Lupton, Gunn & Szalay 1999, AJ 118, 1406), in units of the flux
            of magnitude zero. Default: the magnitudes are logarithms.
        non_detection : float or sequence of floats, optional
            Magnitudes that mark a non-detection, e.g. 99: flux 0 with the error of the limit.
        limit : float or sequence of m floats, optional
            Magnitude of a flux of one standard deviation in each band. Default: `error` holds it
            for each non-detection, as in BPZ's catalogues.
        missing : float or sequence of floats, optional
            Values of magnitude or error that mark what was not observed, e.g. -99. Entries that
            look like marks which were not declared are refused: 0.0 or -9.99 far from all others,
            three equal ones apart from the others, 30 +- 30. An empty sequence says that all are
            measurements.
        error_convention : {"linear", "log"}
            sigma_m = 2.5 / ln 10 sigma_f / f, or 2.5 log10(1 + sigma_f / f).
        name, source : str
            Of the sample, and where it comes from, for citations.
        label : sequence of str, length n, optional
            Class of each object.

        Returns
        -------
        Photometry
            Fluxes with linear errors.

        Raises
        ------
        DataError
            As above, and for magnitudes beyond 50, and others that look like marks, that are not
            declared: the message says which, how many, and what to do.

        Examples
        --------
        >>> import bayes_astro as ba
        >>> magnitude, error = [[23.9, 99.0]], [[0.1, 25.0]]
        >>> stars = ba.Photometry.from_magnitudes(magnitude, error, "gr", non_detection=99)
        >>> stars.flux.round(2), stars.error.round(2)
        (array([[1., 0.]]), array([[0.09, 0.36]]))
        """
        unit, zero = zero_point(system)
        magnitude, own = split_unit(magnitude, "magnitude", "")
        error, _ = split_unit(error, "error", "")
        if own not in (None, "mag", "mag(AB)") or (own == "mag(AB)" and system != "AB"):
            raise DataError(
                f"magnitude: is in {own!r}, which is not a magnitude of system={system!r}"
            )
        magnitude = floats(magnitude, "magnitude", (2,))
        error = errors(error, magnitude.shape)
        flux, sigma = fluxes_of(
            magnitude, error, band_names(bands, magnitude.shape[1]), zero,
            asinh_softening=asinh_softening, non_detection=non_detection, limit=limit,
            missing=missing, error_convention=error_convention,
        )  # fmt: skip
        own = {"name": name, "source": source, "label": label}
        return cls(flux, sigma, bands, redshift, unit=unit, **own)

    @classmethod
    def read(
        cls,
        x,
        *,
        flux: tuple[str, ...] = (),
        magnitude: tuple[str, ...] = (),
        error: tuple[Any, ...] = (),
        bands: tuple[str, ...] = (),
        redshift: str | None = None,
        unit: str | None = None,
        system: str = "AB",
        asinh_softening=None,
        non_detection=None,
        limit=None,
        missing=None,
        error_convention: str = "linear",
        name: str = "",
        source: str = "",
        drop_missing: bool = False,
        label: str | None = None,
    ) -> "Photometry":
        """Read the named columns of a table, data frame, mapping of arrays or file.

        Parameters
        ----------
        x : Table, QTable, DataFrame, mapping, structured array, str or Path
            Files: csv, tsv, ecsv, fits, VOTable (vot, xml), hdf5, parquet, and txt or dat
            (separated by blanks); each also compressed, as csv.gz.
        flux, magnitude : tuple of str
            Columns, of one of the two.
        error : tuple of str or float
            Columns of their standard deviations, or a number for all rows.
        bands : tuple of str
            Default: the names of the columns.
        redshift : str, optional
            Column.
        unit : str, optional
            Of fluxes; default: that of their columns.
        system : {"AB", "Vega", "other"}
            Of magnitudes only, as what follows up to `limit`; see `from_magnitudes`.
        asinh_softening : float or sequence of m floats, optional
            b of asinh magnitudes.
        non_detection : float or sequence of floats, optional
            Magnitudes that mark a non-detection.
        limit : float or sequence of m floats, optional
            Magnitude of a flux of one standard deviation.
        missing : float or sequence of floats, optional
            Marks of what was not observed, of magnitudes or fluxes.
        error_convention : {"linear", "log"}
            Of errors in magnitudes.
        name, source : str
            Of the sample, and where it comes from, for citations.
        drop_missing : bool
            Drop the objects of which one of these columns is missing; a `DataWarning` says how
            many. Default: what is missing was not measured, and the object is kept.
        label : str, optional
            Column of the objects' classes.

        Returns
        -------
        Photometry
            One object a row.
        """
        stacked, sigma, spec, own, of = gathered(
            x, flux, magnitude, error, redshift, drop_missing, label
        )
        labels: dict[str, Any] = {"name": name, "source": source, "label": of}
        bands = bands or tuple(magnitude or flux)
        if magnitude:
            return cls.from_magnitudes(
                stacked, sigma, bands, spec, system=system, asinh_softening=asinh_softening,
                non_detection=non_detection, limit=limit, missing=missing,
                error_convention=error_convention, **labels,
            )  # fmt: skip
        refuse_of_magnitudes(
            asinh_softening=asinh_softening, non_detection=non_detection, limit=limit
        )
        for mark in () if missing is None else np.atleast_1d(missing):
            stacked[(stacked == mark) | (sigma == mark)] = np.nan
        return cls(stacked, sigma, bands, spec, unit=unit or own, **labels)

    @property
    def n(self) -> int:
        """Number of objects."""
        return self.flux.shape[0]

    @property
    def missing(self) -> np.ndarray:
        """Which fluxes were not measured, shape (n, m)."""
        return np.isnan(self.flux)

    def index(self, band: str) -> int:
        """Find the position of a band.

        Parameters
        ----------
        band : str
            One of `bands`.

        Returns
        -------
        int
            From 0.
        """
        if band not in self.bands:
            raise DataError(f"band {band!r} is not there.{nearest(band, self.bands)}")
        return self.bands.index(band)

    def select(self, *bands: str) -> "Photometry":
        """Choose some bands, in the order given.

        Parameters
        ----------
        *bands : str
            At least one of `bands`.

        Returns
        -------
        Photometry
            Of the same objects.
        """
        at = [self.index(band) for band in bands]
        if not at:
            raise DataError(f"select: name at least one band.{nearest('', self.bands)}")
        return self.replace(flux=self.flux[:, at], error=self.error[:, at], bands=bands)

    def to_table(self):
        """An astropy QTable: each band's flux, its error, and the redshift.

        Returns
        -------
        astropy.table.QTable
            One row an object: ``g``, ``g_err``, ...
        """
        from astropy import units as u
        from astropy.table import QTable

        meta = {"name": self.name, "source": self.source}
        table = QTable(meta={key: text for key, text in meta.items() if text})
        unit = u.Unit(self.unit) if self.unit else 1
        for j, band in enumerate(self.bands):
            table[band] = self.flux[:, j] * unit
            table[f"{band}_err"] = self.error[:, j] * unit
        if self.redshift is not None:
            table["redshift"] = self.redshift
        if self.label is not None:
            table["label"] = [name or "" for name in self.label]
        return table

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The arrays that, with `metadata`, rebuild this photometry bit for bit."""
        pairs = ((field, getattr(self, field)) for field in ("flux", "error", "redshift"))
        return {field: array for field, array in pairs if array is not None} | self._labels()

    def metadata(self) -> dict[str, Any]:
        """Everything but the arrays, ready for JSON."""
        labels = {field: getattr(self, field) for field in ("unit", "name", "source")}
        return {"bands": list(self.bands)} | labels | self._classes()

    def __len__(self) -> int:
        return self.n

    def __repr__(self) -> str:
        missing = int(self.missing.sum())
        gaps = f", {missing} flux{'es' if missing > 1 else ''} missing" if missing else ""
        known = 0 if self.redshift is None else int((~np.isnan(self.redshift)).sum())
        spectra = f", {known} redshifts" if known else ""
        listed = ", ".join(self.bands)
        return f"<Photometry {self.name or 'unnamed'}: {self.n} objects in {listed}{spectra}{gaps}>"
