"""Components of spectra as they are usually found: principal components, weighted or not, and relatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.baselines import spectral_methods as methods
from bayes_astro.baselines.base import Baseline
from bayes_astro.data.spectra import Spectra
from bayes_astro.draws import by_row
from bayes_astro.parameters import Setting, choice, either, whole
from bayes_astro.spectra.hidden import NUMBERS, hidden, to_choose, without
from bayes_astro.spectra.inputs import check, the_same_grid
from bayes_astro.spectra.scores import DRAWS, of_hidden

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["SpectralComponents"]


@dataclass(eq=False, repr=False)
class SpectralComponents(Baseline):
    """Spectra as a mean and a few components, without the uncertainty of either.

    ``mean``, ``component`` (of coefficients whose mean square is one) and ``residual``, the scatter of
    each pixel beyond its stated errors. A new spectrum has the coefficients that fit its measured
    pixels best, and its gaps are what these say.

    Parameters
    ----------
    method : str
        "pca", "ica", "nmf" and "factor-analysis" are scikit-learn's, after gaps were filled with the
        pixel's mean, and ignore errors; "nmf" takes fluxes >= 0. "iterative-pca" fills gaps with the
        reconstruction until it settles (Connolly & Szalay 1999), and ignores errors, too.
        "weighted-pca" has weights 1 / error^2, 0 in gaps (Bailey 2012); 1 where errors are not known.
    n_factors : int or "auto"
        Number of components. "auto": the smallest of 1, 2, 3, 4, 6, 8, 12, 16 whose log score of pixels
        hidden from the training spectra is within a standard error of the best.

    References
    ----------
    Bailey 2012, PASP 124, 1015. Connolly & Szalay 1999, AJ 117, 2052.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_astro as ba
    >>> rng = np.random.default_rng(1)
    >>> wavelength = np.linspace(4000, 5000, 60)
    >>> line = np.exp(-(((wavelength - 4500) / 50) ** 2))
    >>> flux = 1 + rng.normal(size=(40, 1)) * line + 0.1 * rng.normal(size=(40, 60))
    >>> flux[0, 25:30] = np.nan
    >>> spectra = ba.Spectra(wavelength, flux, 0.1)
    >>> pca = ba.baselines.SpectralComponents("weighted-pca", 1).fit(spectra)
    >>> bool(pca.predict(spectra)["signal"].notnull().all())
    True
    """

    method: str = "weighted-pca"
    n_factors: Any = "auto"

    data_type: ClassVar[type] = Spectra
    settings: ClassVar[dict[str, Setting]] = {
        "method": choice(*methods.METHODS),
        "n_factors": either("auto", whole(1)),
    }
    references: ClassVar[tuple[str, ...]] = ("bailey2012", "connolly1999", "pedregosa2011")

    def check_data(self, data: Spectra) -> None:
        """Raise ValueError for spectra without components to find."""
        check(data, 1 if isinstance(self.n_factors, str) else self.n_factors)
        negative = np.argwhere(data.flux < 0)
        if self.method == "nmf" and len(negative):
            i, j = negative[0]
            raise ValueError(
                f"flux: row {i} is {data.flux[i, j]:g} at {data.wavelength[j]:.6g} ({len(negative)} such pixels "
                "in all); method='nmf' takes fluxes >= 0: clip them, data.replace(flux=numpy.maximum(data.flux, "
                "0)), or use another method, e.g. 'weighted-pca'."
            )

    def estimate(self, data: Spectra) -> Any:
        """Mean, components and residual, and standard errors as of known coefficients."""
        k = self._chosen(data) if isinstance(self.n_factors, str) else self.n_factors
        mean, component, residual = methods.decomposed(self.method, data.flux, data.error, k)
        count = np.sum(~data.missing, axis=0)
        noise = np.sqrt((residual**2 + np.nanmean(data.error**2, axis=0)) / count)
        values = {
            "mean": (("pixel",), mean),
            "component": (("factor", "pixel"), component),
            "residual": (("pixel",), residual),
        }
        errors = {
            "mean": (("pixel",), np.sqrt(noise**2 + np.sum(component**2, axis=0) / count)),
            "component": (("factor", "pixel"), np.broadcast_to(noise, component.shape)),
            "residual": (("pixel",), residual / np.sqrt(2 * count)),
        }
        coords = {"factor": [str(i) for i in range(k)], "pixel": data.wavelength}
        return values, errors, {"coords": coords}

    def _chosen(self, data: Spectra) -> int:
        """The number of factors by hidden pixels of the training spectra."""
        mask = to_choose(data)
        rest, scores = without(data, mask), {}
        most = min(len(data) - 1, data.flux.shape[1])
        for k in (k for k in NUMBERS if k <= most):
            fit = methods.decomposed(self.method, rest.flux, rest.error, k)
            scores[k] = _log_density(self.method, fit, data, mask)
        best = max(scores, key=lambda k: scores[k].mean())
        for k, score in scores.items():
            worse = scores[best] - score
            if worse.mean() <= np.std(worse, ddof=1) / np.sqrt(len(data)):
                return k
        return best

    def responses(self, data: Spectra) -> np.ndarray:
        """Fluxes, nan in gaps."""
        return data.flux

    def units(self, data: Spectra) -> dict[str, str]:
        """That of the fluxes."""
        return dict.fromkeys(("mean", "component", "residual"), data.unit or "")

    def _fit(self, draws: xr.Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        one = draws.isel(chain=0, draw=0)  # all draws of an estimate are the same
        component = one["component"].transpose("factor", "pixel")
        return one["mean"].values, component.values, one["residual"].values

    def pointwise(self, draws: xr.Dataset, data: Spectra) -> xr.DataArray:
        """Log density of the hidden pixels of each spectrum given its others: (chain, draw, row).

        The sum over them of log N(flux; reconstruction, error^2 + residual^2), those of
        `bayes_astro.spectra.hidden`.
        """
        data = the_same_grid(data, self._fitted_or(data))
        found = _log_density(self.method, self._fit(draws), data, hidden(data))
        count = draws.sizes["chain"] * draws.sizes["draw"]
        return by_row(draws, np.broadcast_to(found, (count, len(data))))

    def forecast(
        self, draws: xr.Dataset, data: Spectra, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """Reconstructions of spectra from their measured pixels.

        Returns
        -------
        xarray.Dataset
            ``signal`` without gaps and ``observation``, a new one with the same errors, which in gaps
            are taken as 0: (chain, draw, spectrum, pixel); ``coefficient`` (chain, draw, spectrum,
            factor).
        """
        at = the_same_grid(at, data)
        fit = self._fit(draws)
        z = methods.coefficients(self.method, at.flux, at.error, *fit)
        return self._predicted(draws, fit, z, at, rng)

    def replicate(
        self, draws: xr.Dataset, data: Spectra, at: Spectra, rng: np.random.Generator
    ) -> xr.DataArray:
        """New spectra with coefficients of training spectra: (chain, draw, row, pixel)."""
        at = the_same_grid(at, data)
        fit = self._fit(draws)
        z = methods.coefficients(self.method, data.flux, data.error, *fit)
        count = draws.sizes["chain"] * draws.sizes["draw"]
        z = z[rng.integers(len(z), size=(count, len(at)))]
        return self._predicted(draws, fit, z, at, rng)["observation"].rename(spectrum="row")

    @staticmethod
    def _predicted(
        draws: xr.Dataset, fit: Any, z: np.ndarray, at: Spectra, rng: np.random.Generator
    ) -> xr.Dataset:
        import xarray as xr

        mean, component, residual = fit
        count = draws.sizes["chain"] * draws.sizes["draw"]
        z = np.broadcast_to(z, (count, *z.shape[-2:]))
        signal = mean + z @ component
        width = np.hypot(np.where(at.missing, 0.0, at.error), residual)
        noisy = signal + width * rng.standard_normal(signal.shape)
        return xr.Dataset(
            {
                "signal": by_row(draws, signal, "spectrum", "pixel"),
                "observation": by_row(draws, noisy, "spectrum", "pixel"),
                "coefficient": by_row(draws, z, "spectrum", "factor"),
            },
            {"pixel": draws["pixel"].values, "factor": draws["factor"].values},
        )

    def scores(self, test: Spectra) -> dict[str, float | None]:
        """Those of hidden pixels of each spectrum, predicted from its others."""
        fitted = self.data
        rng = np.random.default_rng(0)
        fit = self._fit(self.posterior["posterior"].to_dataset())

        def samples(rest: Spectra) -> np.ndarray:
            z = methods.coefficients(self.method, rest.flux, rest.error, *fit)
            signal = fit[0] + z @ fit[1]
            return signal + fit[2] * rng.standard_normal((DRAWS, *signal.shape))

        return of_hidden(samples, the_same_grid(test, fitted))


def _log_density(method: str, fit: Any, data: Spectra, mask: np.ndarray) -> np.ndarray:
    """Log density of the pixels of a mask given the other pixels of each spectrum: (n,)."""
    mean, component, residual = fit
    rest = without(data, mask)
    z = methods.coefficients(method, rest.flux, rest.error, mean, component, residual)
    variance = data.error**2 + residual**2
    square = (data.flux - mean - z @ component) ** 2 / variance
    density = -0.5 * (square + np.log(2 * np.pi * variance))
    return np.where(mask, density, 0.0).sum(axis=1)
