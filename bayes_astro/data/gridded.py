"""Fluxes on one grid of wavelengths: chosen pixels, other scales, wider pixels, the rest frame."""

from typing import Any, Self

import numpy as np

from bayes_astro.data import flux_scales
from bayes_astro.data.columns import DataError, convert, floats, split_unit
from bayes_astro.data.labels import Labelled
from bayes_astro.data.spectra_gathered import rest_frame, stacked_table

__all__ = ["Gridded"]

ROUNDING = 1e-12


class Gridded(Labelled):
    """Rows of pixels at the same wavelengths, with errors, nan where not measured."""

    wavelength: np.ndarray
    flux: np.ndarray
    error: np.ndarray
    redshift: np.ndarray | None
    names: np.ndarray | None
    unit: str | None
    wavelength_unit: str
    name: str
    source: str

    @property
    def n(self) -> int:
        """Number of spectra."""
        return self.flux.shape[0]

    @property
    def missing(self) -> np.ndarray:
        """Which pixels were not measured, shape (n, p)."""
        return np.isnan(self.flux)

    def to_rest_frame(self, wavelength=None) -> Self:
        """The same spectra over the wavelengths at which the light was emitted, on one grid.

        Each is interpolated linearly from wavelength / (1 + z), with errors and gaps as in `gather`.
        Fluxes keep their values: they are not multiplied by 1 + z, as a flux density in the rest frame
        would be. Redshifts are 0 afterwards, so that a second call changes nothing.

        Parameters
        ----------
        wavelength : array_like or Quantity, optional
            The grid. Default: that of the spectra, continued with its spacing (in log wavelength if
            it is even there), over the range that at least half of the spectra cover.

        Returns
        -------
        Spectra
            On the new grid. At redshift 0 on the same grid the numbers are the same bit for bit.

        Raises
        ------
        DataError
            Naming the row: a redshift that is not known, a spectrum of which nothing is in the grid.

        Examples
        --------
        >>> import bayes_astro as ba
        >>> one = ba.Spectra([6000.0, 6001.5, 6003.0], [1.0, 2.0, 4.0], 0.1, redshift=0.5)
        >>> one.to_rest_frame([4000.0, 4001.0, 4002.0]).flux
        array([[1., 2., 4.]])
        """
        return self._with(**rest_frame(self, wavelength), redshift=np.zeros(self.n))

    def log(self, drop: bool = False) -> Self:
        """Natural logarithms of the fluxes, with errors error / flux.

        Parameters
        ----------
        drop : bool
            Whether pixels that are not positive count as not measured; else they are refused. This
            favours the pixels that noise raised: `asinh` takes them all.

        Returns
        -------
        Spectra
            Without a unit.

        Examples
        --------
        >>> import bayes_astro as ba
        >>> ba.Spectra([5000.0, 5001.0], [2.0, 4.0], 0.2).log().error
        array([[0.1 , 0.05]])
        """
        if not isinstance(drop, bool):
            raise DataError(f"drop: {drop!r:.80} must be True or False")
        flux, error = flux_scales.logarithm(self.wavelength, self.flux, self.error, drop)
        return self._with(flux=flux, error=error, unit="")

    def asinh(self, softening=None) -> Self:
        """The scale arsinh(flux / 2b) + ln b: the logarithm far above b, linear about 0.

        The errors are error / sqrt(flux^2 + 4 b^2). See Lupton, Gunn & Szalay 1999, AJ 118, 1406.

        Parameters
        ----------
        softening : float or Quantity, optional
            b, in the unit of flux if it has none, one for all spectra. Default: the median of all errors; where they
            are not known, 1% of the median flux.

        Returns
        -------
        Spectra
            Without a unit.

        Examples
        --------
        >>> import bayes_astro as ba
        >>> ba.Spectra([5000.0, 5001.0], [[-1.0, 100.0]], 1.0).asinh(1.0).flux.round(2)
        array([[-0.48,  4.61]])
        """
        b = None if softening is None else _number(softening, "softening", self.unit or "")
        flux, error = flux_scales.arsinh(self.flux, self.error, b)
        return self._with(flux=flux, error=error, unit="")

    def normalized(self, low=None, high=None) -> Self:
        """Each spectrum divided by the median of its flux, errors alike.

        Parameters
        ----------
        low, high : float or Quantity, optional
            Of the wavelengths of which the median is taken, both included. Default: all.

        Returns
        -------
        Spectra
            Without a unit. The divisor counts as known: errors say nothing of its own.

        Raises
        ------
        DataError
            Naming the row: nothing measured there, or a median or weighted mean that is not positive.

        Examples
        --------
        >>> import bayes_astro as ba
        >>> ba.Spectra([1.0, 2.0, 3.0], [2.0, 4.0, 5.0], 0.2).normalized(1, 2).flux.round(2)
        array([[0.67, 1.33, 1.67]])
        """
        inside = self._between(low, high)
        flux, error = flux_scales.scaled(self.wavelength, self.flux, self.error, inside)
        return self._with(flux=flux, error=error, unit="")

    def coarser(self, factor: int) -> Self:
        """Spectra in pixels `factor` times as wide.

        Means of what was measured in them, by inverse variance; plain ones where no errors are known. A
        new pixel is missing if all in it are.

        Parameters
        ----------
        factor : int
            >= 1. Pixels at the red end that do not fill a new one are left out.

        Returns
        -------
        Spectra
            At the mean wavelengths of the pixels.

        Examples
        --------
        >>> import bayes_astro as ba
        >>> ba.Spectra([1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 5.0, 5.0], 1.0).coarser(2).flux
        array([[2., 5.]])
        """
        p = len(self.wavelength)
        if (
            not isinstance(factor, int | np.integer)
            or isinstance(factor, bool)
            or not 1 <= factor <= p
        ):
            raise DataError(f"factor: {factor!r:.80} must be a whole number from 1 to {p}")
        if factor == 1:
            return self
        flux, error = flux_scales.binned(self.flux, self.error, int(factor))
        used = self.wavelength[: p // factor * factor].reshape(-1, factor)
        return self._with(wavelength=used.mean(axis=1), flux=flux, error=error)

    def select(self, low=None, high=None) -> Self:
        """The pixels between two wavelengths, both included.

        Parameters
        ----------
        low, high : float or Quantity, optional
            In the unit of the wavelengths, if they have none. Default: the ends.

        Returns
        -------
        Spectra
            All rows; one of which nothing was measured there is refused.

        Examples
        --------
        >>> import bayes_astro as ba
        >>> ba.Spectra([1.0, 2.0, 3.0], [2.0, 4.0, 5.0], 0.2).select(2, 3).wavelength
        array([2., 3.])
        """
        j = np.flatnonzero(self._between(low, high))
        part = slice(j[0], j[-1] + 1)
        return self._with(
            wavelength=self.wavelength[part], flux=self.flux[:, part], error=self.error[:, part]
        )

    def _between(self, low: Any, high: Any) -> np.ndarray:
        ends = []
        for given, field, default in ((low, "low", 0.0), (high, "high", np.inf)):
            ends.append(_number(default if given is None else given, field, self.wavelength_unit))
        # Other units may round: 4002 Angstrom are 400.20000000000005 nm.
        inside = self.wavelength >= ends[0] * (1 - ROUNDING)
        inside &= self.wavelength <= ends[1] * (1 + ROUNDING)
        if not inside.any():
            raise DataError(
                f"low, high: there is no pixel from {ends[0]:g} to {ends[1]:g}; wavelengths are from "
                f"{self.wavelength[0]:g} to {self.wavelength[-1]:g} {self.wavelength_unit}"
            )
        return inside

    def to_table(self):
        """An astropy QTable with arrays as entries, which `read` takes.

        Returns
        -------
        astropy.table.QTable
            One row a spectrum: ``wavelength``, ``flux`` and ``error`` of p pixels each; ``names``,
            ``redshift`` and ``label`` where there are any.

        Examples
        --------
        >>> import bayes_astro as ba
        >>> ba.Spectra([1.0, 2.0], [2.0, 4.0], 0.2).to_table().colnames
        ['wavelength', 'flux', 'error']
        """
        return stacked_table(self)

    def _with(self, **changes: Any) -> Self:
        return self.replace(**changes)  # type: ignore[attr-defined]


def _number(given: Any, field: str, unit: str) -> float:
    plain, own = split_unit(given, field)
    number = floats(plain, field, (0,))
    return float(convert(number, own, unit, field) if own else number)
