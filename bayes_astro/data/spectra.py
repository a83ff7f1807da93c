"""Spectra of objects on one grid of wavelengths, with errors and gaps."""

from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from bayes_astro.data.columns import (
    LARGEST,
    DataError,
    check_labels,
    convert,
    floats,
    refuse,
    split_unit,
    texts,
    unit_name,
)
from bayes_astro.data.errors import errors
from bayes_astro.data.labels import Labelled, labels

__all__ = ["Spectra"]

FASTEST, FARTHEST = -0.01, 20.0  # redshifts
MARK = 5  # nines that make a number a mark, where noise cannot do it


@dataclass(frozen=True, eq=False, repr=False)
class Spectra(Labelled):
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

    _internal: ClassVar[tuple[str, ...]] = ("from_arrays", "to_arrays", "metadata", "shape")

    def __post_init__(self):
        check_labels(self, "name", "source")
        wavelength, own_wavelength = split_unit(self.wavelength, "wavelength")
        wavelength_unit = unit_name(own_wavelength or self.wavelength_unit, "wavelength_unit")
        wavelength = _increasing(floats(wavelength, "wavelength"))
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
        _check(wavelength, flux, error)
        redshift = _redshifts(self.redshift, n)
        names = None if self.names is None else texts(self.names, "names")
        if names is not None and names.shape != (n,):
            raise DataError(f"names: {len(names)} names for {n} spectra")
        arrays = {"wavelength": wavelength, "flux": flux, "error": error, "redshift": redshift}
        for field, array in arrays.items():
            if array is not None:
                array.flags.writeable = False
            object.__setattr__(self, field, array)
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "label", labels(self.label, n))
        object.__setattr__(self, "unit", unit or "")
        object.__setattr__(self, "wavelength_unit", wavelength_unit)

    @property
    def n(self) -> int:
        """Number of spectra."""
        return self.flux.shape[0]

    @property
    def missing(self) -> np.ndarray:
        """Which pixels were not measured, shape (n, p)."""
        return np.isnan(self.flux)

    def replace(self, **changes: Any) -> "Spectra":
        """New spectra with some of the fields changed.

        Parameters
        ----------
        **changes : object
            Fields by name, as the class takes them.

        Returns
        -------
        Spectra
            Checked anew.
        """
        return type(self)(**({f.name: getattr(self, f.name) for f in fields(self)} | changes))

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The arrays of rows that, with `metadata`, rebuild these spectra bit for bit."""
        pairs = ((field, getattr(self, field)) for field in ("flux", "error", "redshift"))
        return {field: array for field, array in pairs if array is not None} | self._labels()

    def metadata(self) -> dict[str, Any]:
        """Everything else, ready for JSON."""
        texts = ("unit", "wavelength_unit", "name", "source")
        found = {field: getattr(self, field) for field in texts}
        found["wavelength"] = self.wavelength.tolist()
        if self.names is not None:
            found["names"] = self.names.tolist()
        return found | self._classes()

    def __getitem__(self, rows: Any) -> "Spectra":
        """Some spectra, by slice, mask or integers."""
        if self.names is None:
            return super().__getitem__(rows)
        from bayes_astro.data.container import chosen

        plain = super(Spectra, self.replace(names=None)).__getitem__(rows)
        return plain.replace(names=self.names[chosen(rows)])

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


def _increasing(wavelength: np.ndarray) -> np.ndarray:
    if not len(wavelength):
        raise DataError("wavelength: is empty; give one for each pixel")
    remedy = "wavelengths are finite and positive: leave that pixel out"
    refuse(~((wavelength > 0) & (wavelength < LARGEST)), wavelength, "wavelength", remedy)
    falls = np.flatnonzero(np.diff(wavelength) <= 0)
    if len(falls):
        j = int(falls[0]) + 1
        raise DataError(
            f"wavelength: row {j} is {wavelength[j]:.10g} after {wavelength[j - 1]:.10g}; wavelengths increase: "
            "order = numpy.argsort(wavelength) for wavelengths and columns of flux and error, without repeats"
        )
    return wavelength


def _check(wavelength: np.ndarray, flux: np.ndarray, error: np.ndarray) -> None:
    """Refuse what cannot be; gaps become nan in both arrays."""
    missing = np.isnan(flux) | np.isnan(error) | np.isposinf(error)
    flux[missing], error[missing] = np.nan, np.nan
    known = ~missing
    _refuse(known & (np.abs(flux) > LARGEST), flux, wavelength, "flux",
            "use nan for what was not measured")  # fmt: skip
    none = known & (error == 0)
    _refuse(known & ((error < 0) | (none & ~none[known].all()) | (error > LARGEST) | ((error < 1 / LARGEST) & ~none)),
            error, wavelength, "error",
            "errors are standard deviations > 0, nan or infinite where the pixel was not measured, or 0 for "
            "all where none is known (of inverse variances: ba.Spectra.from_ivar)")  # fmt: skip
    with np.errstate(invalid="ignore"):
        nines = known & (flux < 0) & (flux == np.rint(flux))
    for i, j in np.argwhere(nines):
        if set(f"{-flux[i, j]:.0f}") == {"9"} and flux[i, j] < -MARK * max(error[i, j], 1.0):
            others = flux[i, known[i] & (flux[i] != flux[i, j])]
            if len(others) and flux[i, j] < others.min() - 10 * np.ptp(others):
                raise DataError(
                    f"flux: row {i} is {flux[i, j]:g} at {wavelength[j]:.6g}, far below its other pixels: a "
                    "mark? Use nan for what was not measured"
                )
    for i in np.flatnonzero(~known.any(axis=1)):
        raise DataError(
            f"flux: nothing was measured in row {i}; leave it out, spectra[~spectra.missing.all(axis=1)] of "
            "the arrays"
        )
    zero = np.flatnonzero(np.all((flux == 0) | missing, axis=1))
    if len(zero):
        raise DataError(
            f"flux: row {zero[0]} is 0 in every pixel, as an empty fibre leaves it; leave it out"
        )


def _refuse(
    bad: np.ndarray, array: np.ndarray, wavelength: np.ndarray, what: str, remedy: str
) -> None:
    at = np.argwhere(bad)
    if len(at):
        i, j = at[0]
        more = f" ({len(at)} such pixels in all)" if len(at) > 1 else ""
        raise DataError(
            f"{what}: row {i} is {array[i, j].item()!r} at {wavelength[j]:.6g}{more}; {remedy}"
        )


def _redshifts(given: Any, n: int) -> np.ndarray | None:
    if given is None:
        return None
    redshift = np.atleast_1d(floats(split_unit(given, "redshift")[0], "redshift", (0, 1)))
    if redshift.shape != (n,):
        raise DataError(f"redshift: has shape {redshift.shape}; expected ({n},), one a spectrum")
    bad = ~np.isnan(redshift) & ~((redshift > FASTEST) & (redshift < FARTHEST))
    refuse(bad, redshift, "redshift", "nan where it is not known")
    return redshift
