"""Spectra of objects on one grid of wavelengths, with errors and gaps."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bayes_astro.data.columns import (
    DataError,
    check_labels,
    convert,
    floats,
    split_unit,
    texts,
    unit_name,
)
from bayes_astro.data.container import chosen
from bayes_astro.data.errors import errors
from bayes_astro.data.gridded import Gridded
from bayes_astro.data.labels import labels
from bayes_astro.data.spectra_checks import (
    check_pixels,
    from_inverse_variance,
    increasing,
    length_unit,
    redshifts,
)
from bayes_astro.data.spectra_gathered import gathered, specutils_arrays

__all__ = ["Spectra"]


@dataclass(frozen=True, eq=False, repr=False)
class Spectra(Gridded):
    """Fluxes of n objects at the same p wavelengths, with their errors; gaps are part of the data.

    The arrays are checked, copied to float64 and read-only. A pixel whose flux is nan or masked, or whose error
    is nan, infinite or masked, was not measured: both are nan afterwards. Spectra on grids of
    their own come onto one by `gather` or `to_rest_frame`.

    Parameters
    ----------
    wavelength : array_like or Quantity, shape (p,)
        Increasing and positive.
    flux : array_like or Quantity, shape (n, p) or (p,)
        One spectrum a row.
    error : array_like or Quantity, shape (n, p), (p,) or a single number for all
        Standard deviations, > 0; 0 for all where they are not known and the noise is to be inferred.
    redshift : array_like, shape (n,), optional
        -0.01 < z < 20; nan where unknown.
    names : sequence of str, length n, optional
        Of the objects.
    unit : str, optional
        Of flux and error. Default: the one that `flux` comes with.
    wavelength_unit : str
        Of wavelengths that come without one.
    name : str
        Of the sample, for titles.
    source : str
        Where the data come from, for citations.
    label : sequence of str, length n, optional
        Class of each object, such as "QSO"; None where unknown.

    Raises
    ------
    DataError
        (a ValueError) naming row and pixel and the remedy: wavelengths that do not increase, infinite
        fluxes, errors that are negative, or 0 beside others that are not, spectra in which nothing was
        measured or that are all zero, marks such as -9999, shapes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_astro as ba
    >>> ba.Spectra([5000.0, 5001.0, 5002.0], [[1.0, 1.1, np.nan], [0.9, 1.0, 1.2]], 0.1)
    <Spectra unnamed: 2 of 3 pixels, 5000 to 5002 Angstrom, 17% missing>
    """

    wavelength: np.ndarray
    flux: np.ndarray
    error: np.ndarray
    redshift: np.ndarray | None = None
    names: np.ndarray | None = None
    unit: str | None = None
    wavelength_unit: str = "Angstrom"
    name: str = ""
    source: str = ""
    label: np.ndarray | None = None

    def __post_init__(self):
        check_labels(self, "name", "source")
        wavelength, own_wavelength = split_unit(self.wavelength, "wavelength")
        wavelength_unit = length_unit(own_wavelength or self.wavelength_unit)
        if np.ndim(wavelength) == 2:
            raise DataError(
                "wavelength: is 2-d; spectra on grids of their own: ba.Spectra.gather([ba.Spectra(w, f, e), ...])"
            )
        wavelength = increasing(floats(wavelength, "wavelength"))
        flux, own = split_unit(self.flux, "flux", self.unit)
        error, error_unit = split_unit(self.error, "error", self.unit)
        unit = own if self.unit is None else unit_name(self.unit, "unit")
        if error_unit is not None and not unit:
            raise DataError(f"error: is in {error_unit!r}, flux has no unit; give unit=")
        flux = np.atleast_2d(floats(flux, "flux", (1, 2)))
        n, p = flux.shape
        if p != len(wavelength) or not n:
            raise DataError(
                f"flux: has shape {flux.shape}, wavelength {len(wavelength)} pixels; give (n, "
                f"{len(wavelength)}), one spectrum a row. Spectra on grids of their own: ba.Spectra.gather([...])"
            )
        error = errors(error, flux.shape)
        if own is not None and unit is not None:
            flux = convert(flux, own, unit, "flux")
        if (error_unit or own) is not None and unit is not None:
            error = convert(error, error_unit or own, unit, "error", error=True)  # type: ignore[arg-type]
        check_pixels(wavelength, flux, error)
        names = None if self.names is None else texts(self.names, "names")
        if names is not None and names.shape != (n,):
            raise DataError(f"names: {len(names)} names for {n} spectra")
        redshift = redshifts(self.redshift, n)
        arrays = {"wavelength": wavelength, "flux": flux, "error": error, "redshift": redshift}
        for field, array in arrays.items():
            if array is not None:
                array.flags.writeable = False
            object.__setattr__(self, field, array)
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "label", labels(self.label, n))
        object.__setattr__(self, "unit", unit or "")
        object.__setattr__(self, "wavelength_unit", wavelength_unit)

    @classmethod
    def from_ivar(
        cls,
        wavelength,
        flux,
        ivar,
        redshift=None,
        names=None,
        *,
        unit: str | None = None,
        wavelength_unit: str = "Angstrom",
        name: str = "",
        source: str = "",
        label=None,
    ) -> "Spectra":
        """Make spectra of inverse variances, as surveys give them.

        Parameters
        ----------
        wavelength, flux : array_like or Quantity
            As above; where `ivar` is 0 the flux may be anything.
        ivar : array_like or Quantity, shape (n, p), (p,) or a single number for all
            1 / error^2, finite and >= 0; 0 or nan where the pixel was not measured.
        redshift, names, unit, wavelength_unit, name, source, label : optional
            As above.

        Returns
        -------
        Spectra
            With error = 1 / sqrt(ivar).

        Raises
        ------
        DataError
            Naming row and wavelength: inverse variances that are negative or infinite, fluxes that are
            nan or infinite though their inverse variance is > 0.

        Examples
        --------
        >>> import bayes_astro as ba
        >>> one = ba.Spectra.from_ivar([5000, 5001, 5002], [1.0, 9.9, 1.2], [4.0, 0.0, 25.0])
        >>> one.flux, one.error
        (array([[1. , nan, 1.2]]), array([[0.5, nan, 0.2]]))
        """
        flux, error = from_inverse_variance(wavelength, flux, ivar, unit)
        return cls(
            wavelength, flux, error, redshift, names, unit, wavelength_unit, name, source, label
        )

    @classmethod
    def read(
        cls,
        x,
        *,
        wavelength: str | None = None,
        loglam: str | None = None,
        flux: str | None = None,
        error=None,
        ivar: str | None = None,
        mask: int | None = None,
        redshift=None,
        names=None,
        unit: str | None = None,
        wavelength_unit: str = "Angstrom",
        name: str = "",
        source: str = "",
        label=None,
    ) -> "Spectra":
        """Read spectra from tables, from SDSS's and other FITS files, and from npz.

        A table has a pixel a row, or a spectrum a row with arrays as entries; an npz has wavelengths
        (p,) and fluxes (n, p). FITS: SDSS's ``spec`` and ``spSpec`` files with their redshift, tables,
        and images of one row with CRVAL1 and CDELT1.

        Parameters
        ----------
        x : Table, QTable, DataFrame, mapping, str or Path, or a list of such
            Files: npz, fits, csv, tsv, ecsv, VOTable, hdf5, parquet, txt, dat; but for npz also
            compressed, as csv.gz. Those of a list come onto one grid by `gather`.
        wavelength, loglam : str, optional
            Column of wavelengths, or of log10 of them. Default: 'wavelength', 'wave' or 'lambda',
            else 'loglam'.
        flux : str, optional
            Column. Default: 'flux'.
        error, ivar : str, optional
            Column of standard deviations, or of inverse variances; `error` may be a number for all
            pixels, 0 where they are not known. Default: 'error' or 'err', else 'ivar'. Of a FITS
            image: name of the extension.
        mask : int, optional
            Sum of bits of the column 'and_mask'; pixels with one of them count as not measured.
            Default: only those without an error or with an inverse variance of 0.
        redshift : str or float or sequence of float, optional
            Column, or the redshifts themselves. Default: of SDSS's files their Z, whatever its
            warnings.
        names : str or sequence of str, optional
            Column, or the names themselves. Default: of files with one spectrum theirs.
        unit, wavelength_unit : str
            Of what comes without one. `unit`, if given, is also what fluxes are converted to.
        name, source : str
            Of the sample, and where it comes from, for citations.
        label : str or sequence of str, optional
            Column, or the classes themselves.

        Returns
        -------
        Spectra
            One spectrum a row.

        Examples
        --------
        >>> import numpy as np
        >>> import bayes_astro as ba
        >>> table = {"loglam": [3.6, 3.6001], "flux": [1.0, 1.1], "ivar": [4.0, 4.0]}
        >>> ba.Spectra.read(table, redshift=0.1)
        <Spectra unnamed: 1 of 2 pixels, 3981.07 to 3981.99 Angstrom>
        """
        from bayes_astro.data.spectra_files import kth, read_spectra, stem

        many = x if isinstance(x, list | tuple) else [x]
        if not many:
            raise DataError("x: is an empty list; give at least one file or table")
        columns = {
            "wavelength": wavelength,
            "loglam": loglam,
            "flux": flux,
            "error": error,
            "ivar": ivar,
        }
        found = []
        for k, one in enumerate(many):
            own = {"redshift": redshift, "names": names, "label": label}
            if len(many) > 1:
                own = {field: kth(value, k, len(many), field) for field, value in own.items()}
            path = one if isinstance(one, str | Path) else None
            try:
                for given in read_spectra(one, columns, mask, own, unit):
                    made = cls(**({"wavelength_unit": wavelength_unit} | given))
                    alone = path is not None and made.names is None and made.n == 1
                    found.append(made.replace(names=[stem(path)]) if alone else made)
            except DataError as problem:
                if path is None or str(problem).startswith(str(path)):
                    raise
                raise DataError(f"{path}: {problem}") from None
        return cls.gather(found, name=name, source=source)

    @classmethod
    def from_specutils(cls, spectrum, error=None, *, name: str = "", source: str = "") -> "Spectra":
        """Make spectra of a Spectrum of specutils, or of what has the same attributes.

        Parameters
        ----------
        spectrum : specutils.Spectrum or alike
            With ``spectral_axis`` (a length, frequency or energy; of the latter the wavelengths are
            taken), ``flux``, ``uncertainty`` (of type std, var or ivar) and ``mask``, true where a pixel
            is bad. Its ``redshift`` is taken where it is not 0.
        error : array_like or float, optional
            Of a spectrum without uncertainty; 0 where errors are not known.
        name, source : str
            Of the sample, and where it comes from, for citations.

        Returns
        -------
        Spectra
            One spectrum a row.

        Examples
        --------
        >>> import bayes_astro as ba
        >>> from astropy import units as u
        >>> from types import SimpleNamespace
        >>> spectrum = SimpleNamespace(spectral_axis=[1.0, 1.1] * u.um, flux=[1, 2] * u.Jy)
        >>> ba.Spectra.from_specutils(spectrum, error=0.1)
        <Spectra unnamed: 1 of 2 pixels, 1 to 1.1 um>
        """
        return cls(**specutils_arrays(spectrum, error), name=name, source=source)

    @classmethod
    def gather(
        cls, spectra: Sequence["Spectra"], wavelength=None, *, name: str = "", source: str = ""
    ) -> "Spectra":
        """Spectra with grids of their own, on one.

        Equal grids stay as they are. Grids whose pixels coincide wherever two overlap, as those of SDSS,
        which are offset by whole pixels of log wavelength, are joined without interpolation; "coincide"
        means to 2% of a pixel. Others are interpolated linearly onto an even grid (of log wavelength if
        all of theirs are) with the finest of their spacings, over all of their ranges.

        Of an interpolated pixel with weights a and b of its neighbours the variance is a^2 s1^2 + b^2 s2^2, and it
        is missing if a neighbour with a weight is. Neighbours then share noise, which no error here says:
        bin with `coarser` before, if the new pixels are wider.

        Parameters
        ----------
        spectra : sequence of Spectra
            Units are converted to those of the first.
        wavelength : array_like or Quantity, optional
            The grid, in the unit of the first. Default: as above.
        name, source : str
            Of the whole. Default: those that all have.

        Returns
        -------
        Spectra
            All rows, in the order given; redshifts, names and labels are kept.

        Examples
        --------
        >>> import bayes_astro as ba
        >>> one = ba.Spectra([5000.0, 5001.0, 5002.0], [1.0, 2.0, 3.0], 0.1)
        >>> other = ba.Spectra([5001.0, 5002.0, 5003.0], [4.0, 5.0, 6.0], 0.2)
        >>> ba.Spectra.gather([one, other]).flux
        array([[ 1.,  2.,  3., nan],
               [nan,  4.,  5.,  6.]])
        """
        found = gathered(spectra, wavelength, cls)
        found["name"] = name or found["name"]
        found["source"] = source or found["source"]
        return cls(**found)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The arrays of rows that, with `metadata`, rebuild these spectra bit for bit."""
        pairs = ((field, getattr(self, field)) for field in ("flux", "error", "redshift"))
        return {field: array for field, array in pairs if array is not None} | self._labels()

    def metadata(self) -> dict[str, Any]:
        """Everything else, ready for JSON."""
        fields = ("unit", "wavelength_unit", "name", "source")
        found = {field: getattr(self, field) for field in fields}
        found["wavelength"] = self.wavelength.tolist()
        if self.names is not None:
            found["names"] = self.names.tolist()
        return found | self._classes()

    def __getitem__(self, rows: Any) -> "Spectra":
        """Some spectra, by slice, mask or integers."""
        rows = chosen(rows)
        changes = {
            field: getattr(self, field) for field in ("flux", "error", "redshift", "names", "label")
        }
        return self.replace(**{f: x[rows] for f, x in changes.items() if x is not None})

    def __len__(self) -> int:
        return self.n

    def __repr__(self) -> str:
        share = self.missing.mean()
        gaps = f", {share:.2g} of them missing" if 0 < share < 0.01 else f", {share:.0%} missing"
        low, high = self.wavelength[0], self.wavelength[-1]
        return (
            f"<Spectra {self.name or 'unnamed'}: {self.n} of {len(self.wavelength)} pixels, {low:g} to "
            f"{high:g} {self.wavelength_unit}{gaps if share else ''}>"
        )
