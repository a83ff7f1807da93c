"""Spectra of galaxies and transmissions of filters, of which templates of photometry are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from bayes_astro.data.columns import DataError, column_names, floats
from bayes_astro.data.container import ReadOnly
from bayes_astro.names import nearest

__all__ = ["BUNDLED", "Filters", "Templates"]

BUNDLED = {"templates": ("cww-sb",), "filters": ("lsst", "sdss")}


@dataclass(frozen=True, eq=False, repr=False)
class Templates(ReadOnly):
    """Rest-frame spectra of T types of galaxies, in an order in which neighbours are alike.

    Parameters
    ----------
    wavelength : array_like or Quantity, shape (L,)
        Increasing, in Angstrom.
    flux : array_like, shape (T, L)
        Per unit of wavelength, >= 0, in any unit: each has an amplitude of its own.
    names : sequence of str, length T
        Of the types.
    classes : sequence of str, length T, optional
        Types that share a distribution of redshifts, say "early" and "late". Default: all in one.

    Raises
    ------
    DataError
        (a ValueError) naming the spectrum and the remedy.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> templates = ba.Templates.bundled("cww-sb")
    >>> len(templates.names), sorted(set(templates.classes))
    (8, ['blue', 'early', 'spiral'])
    """

    part: ClassVar[str] = "templates"

    wavelength: np.ndarray
    flux: np.ndarray
    names: tuple[str, ...]
    classes: tuple[str, ...] | None = None

    def __post_init__(self):
        wavelength = _wavelength(self.wavelength, "wavelength")
        flux = floats(self.flux, "flux", (2,))
        if flux.shape[1:] != wavelength.shape:
            raise DataError(
                f"flux: has shape {flux.shape}; expected (templates, {len(wavelength)}), one value "
                "for each wavelength"
            )
        names = column_names(tuple(self.names), len(flux))
        for name, spectrum in zip(names, flux, strict=True):
            if not (np.isfinite(spectrum).all() and (spectrum >= 0).all() and spectrum.any()):
                raise DataError(
                    f"flux: template {name!r} must be finite, nowhere negative and somewhere "
                    "positive; replace what is not by what it should be"
                )
        classes = ("all",) * len(flux) if self.classes is None else tuple(self.classes)
        if len(classes) != len(flux) or not all(isinstance(c, str) and c for c in classes):
            raise DataError(f"classes: give one name for each of the {len(flux)} templates")
        for name, value in {
            "wavelength": wavelength, "flux": flux, "names": names, "classes": classes,
        }.items():  # fmt: skip
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
            object.__setattr__(self, name, value)

    @classmethod
    def read(
        cls, paths: Mapping[str, str | Path], classes: tuple[str, ...] | None = None
    ) -> Templates:
        """Read text files of two columns, wavelength in Angstrom and flux.

        Parameters
        ----------
        paths : dict of str to path
            A file for each type, by its name.
        classes : sequence of str, optional
            As for the class.

        Returns
        -------
        Templates
            On one grid of wavelengths.
        """
        curves = {name: _two_columns(path) for name, path in paths.items()}
        grid = np.unique(np.concatenate([wavelength for wavelength, _ in curves.values()]))
        flux = [np.interp(grid, *curve, left=0.0, right=0.0) for curve in curves.values()]
        return cls(grid, np.array(flux), tuple(curves), classes)

    @classmethod
    def bundled(cls, name: str) -> Templates:
        """Take one of the sets that travel with the package.

        Parameters
        ----------
        name : str
            "cww-sb"; the README of the package's data says where it is from.

        Returns
        -------
        Templates
            With names and classes.
        """
        table, header = _bundled("templates", name)
        pairs = [column.split(":") for column in header[1:]]
        return cls(
            table[:, 0], table[:, 1:].T, tuple(n for n, _ in pairs), tuple(c for _, c in pairs)
        )

    def interpolated(self, between: int) -> Templates:
        """Put mixtures between neighbours.

        Parameters
        ----------
        between : int
            Number of mixtures of each two neighbours; the nearer one gives the class.

        Returns
        -------
        Templates
            T + (T - 1) between types.
        """
        if between == 0 or len(self.names) == 1:
            return self
        common = (self.flux > 0).all(axis=0)
        common = common if common.any() else np.ones(len(common), dtype=bool)
        scaled = self.flux / self.flux[:, common].mean(axis=1, keepdims=True)
        flux, names, classes = [], [], []
        given = self.classes
        assert given is not None  # __post_init__ names a class for each
        steps = np.arange(between + 1) / (between + 1)
        for i in range(len(self.names) - 1):
            for share in steps:
                flux.append((1 - share) * scaled[i] + share * scaled[i + 1])
                names.append(f"{self.names[i]}+{share:.2g}" if share else self.names[i])
                classes.append(given[i if share < 0.5 else i + 1])
        flux.append(scaled[-1])
        return type(self)(
            self.wavelength, np.array(flux), (*names, self.names[-1]), (*classes, given[-1])
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, the inverse of `from_dict`."""
        return {
            "wavelength": self.wavelength.tolist(), "flux": self.flux.tolist(),
            "names": list(self.names), "classes": list(self.classes or ()),
        }  # fmt: skip

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Templates:
        """From `to_dict`."""
        return cls(**content)

    def __repr__(self) -> str:
        low, high = self.wavelength[[0, -1]]
        return f"<Templates: {', '.join(self.names)}; {low:g} to {high:g} Angstrom>"


@dataclass(frozen=True, eq=False, repr=False)
class Filters(ReadOnly):
    """Transmission of each band for photons.

    Parameters
    ----------
    curves : dict of str to (wavelength, transmission)
        By band; wavelengths increasing, in Angstrom, or Quantities. Outside it is zero.

    Raises
    ------
    DataError
        (a ValueError) naming the band and the remedy.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> ba.Filters.bundled("sdss").bands
    ('u', 'g', 'r', 'i', 'z')
    >>> wavelength, transmission = [5000.0, 5001.0, 6999.0, 7000.0], [0.0, 1.0, 1.0, 0.0]
    >>> ba.Filters({"wide": (wavelength, transmission)}).bands
    ('wide',)
    """

    part: ClassVar[str] = "filters"

    curves: Mapping[str, Any]

    def __post_init__(self):
        if not isinstance(self.curves, Mapping) or not self.curves:
            raise DataError("curves: give a dictionary of band to (wavelength, transmission)")
        found = {}
        for band, pair in self.curves.items():
            if not isinstance(band, str) or not band:
                raise DataError(f"curves: {band!r:.80} is not the name of a band")
            if len(pair) != 2:
                raise DataError(f"curves: {band!r} must be a pair (wavelength, transmission)")
            wavelength = _wavelength(pair[0], f"wavelength of {band}")
            through = floats(pair[1], f"transmission of {band}")
            fits = through.shape == wavelength.shape and np.isfinite(through).all()
            if not fits or (through < -1e-3 * np.abs(through).max()).any() or not through.any():
                raise DataError(
                    f"transmission of {band}: must be as many finite numbers >= 0 as wavelengths, "
                    "not all of them zero"
                )
            through = np.maximum(through, 0.0)
            for array in (wavelength, through):
                array.flags.writeable = False
            found[band] = (wavelength, through)
        object.__setattr__(self, "curves", found)

    @classmethod
    def read(cls, paths: Mapping[str, str | Path]) -> Filters:
        """Read text files of two columns, wavelength in Angstrom and transmission.

        Parameters
        ----------
        paths : dict of str to path
            A file for each band, by its name.

        Returns
        -------
        Filters
            With these bands.
        """
        return cls({band: _two_columns(path) for band, path in paths.items()})

    @classmethod
    def bundled(cls, name: str) -> Filters:
        """Take one of the sets that travel with the package.

        Parameters
        ----------
        name : str
            "lsst" or "sdss"; the README of the package's data says where they are from.

        Returns
        -------
        Filters
            With their bands.
        """
        table, header = _bundled("filters", name)
        return cls({band: (table[:, 0], table[:, 1 + j]) for j, band in enumerate(header[1:])})

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the bands."""
        return tuple(self.curves)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, the inverse of `from_dict`."""
        return {band: [x.tolist() for x in pair] for band, pair in self.curves.items()}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Filters:
        """From `to_dict`."""
        return cls(content)

    def __repr__(self) -> str:
        return f"<Filters: {', '.join(self.bands)}>"


def _wavelength(given: Any, name: str) -> np.ndarray:
    if hasattr(given, "unit"):
        from astropy import units

        given = given.to_value(units.AA)
    found = floats(given, name)
    if len(found) < 2 or not np.isfinite(found).all() or not (np.diff(found) > 0).all():
        raise DataError(f"{name}: must be two finite numbers or more that increase; sort them")
    if found[0] <= 0:
        raise DataError(f"{name}: {found[0]:g} must be above zero, in Angstrom")
    return found


def _two_columns(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Wavelengths that increase and what stands beside them; rows of 0 wavelength are left out."""
    try:
        table = np.loadtxt(path, ndmin=2)
    except (ValueError, UnicodeDecodeError) as error:
        raise DataError(f"{str(path)!r}: expected two columns of numbers ({error})") from None
    if table.shape[1] != 2:
        raise DataError(f"{str(path)!r}: has {table.shape[1]} columns; expected two")
    table = table[table[:, 0] > 0]
    return table[:, 0], table[:, 1]


def _bundled(kind: str, name: str) -> tuple[np.ndarray, list[str]]:
    if name not in BUNDLED[kind]:
        raise DataError(f"{kind}: {name!r:.80} is not there.{nearest(str(name), BUNDLED[kind])}")
    path = Path(__file__).with_name(f"{kind}-{name}.csv")
    with path.open() as file:
        header = file.readline().strip().split(",")
    return np.loadtxt(path, delimiter=",", skiprows=1), header
