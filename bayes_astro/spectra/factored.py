"""What follows from draws of components: coefficients, gaps, scores, and how usual spectra are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.data.spectra import Spectra
from bayes_astro.diagnostics import Check
from bayes_astro.draws import by_row, thinned
from bayes_astro.model import Model
from bayes_astro.priors import Prior
from bayes_astro.spectra import checks, inputs, predictions
from bayes_astro.spectra.choice import held_out_pixels
from bayes_astro.spectra.coefficients import Pixels
from bayes_astro.spectra.draws import frames, turned
from bayes_astro.spectra.scores import of_hidden

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from bayes_astro.data.measurements import Measurements

__all__ = ["FactoredSpectra"]

DRAWS = 200  # of a posterior with many, of which coefficients and gaps are made


class FactoredSpectra(Model):
    """A task whose posterior is a mean and components of spectra, and their noise."""

    fewest_predictions: ClassVar[int] = 100
    by_curve: ClassVar[tuple[str, ...]] = ("mean", "component", "floor")
    continuum: int | None

    # For users ----------------------------------------------------------------------------------

    def reconstruct(
        self, spectra: Spectra | None = None, *, draws: int | None = DRAWS, seed: int | None = None
    ) -> xr.Dataset:
        """Fluxes without noise at every pixel, gaps too, with their uncertainty.

        Parameters
        ----------
        spectra : Spectra, optional
            On the grid of the fitted ones; None: those.
        draws : int, optional
            Of the posterior, about as many; None: all.
        seed : int, optional
            Of the draws. Default: that of the fit.

        Returns
        -------
        xarray.Dataset
            By spectrum and pixel: ``mean``, ``sd``, and the quantiles ``q025``, ``q16``, ``median``,
            ``q84``, ``q975``.
        """
        rng = np.random.default_rng([int(self.record["seed"] if seed is None else seed), 2])
        some = thinned(self.posterior["posterior"].to_dataset(), draws)
        return predictions.reconstructed(some, self.continuum, self._like(spectra), rng)

    def encode(self, spectra: Spectra | None = None, *, draws: int | None = DRAWS) -> Measurements:
        """Coefficients as measurements with covariances, for every task that takes a table.

        They are what the spectra say alone: the unit normals of the prior are divided out, since
        the task that takes them brings a population of its own. A spectrum that says
        nothing of a coefficient has it with an error of 1000.

        Parameters
        ----------
        spectra : Spectra, optional
            On the grid of the fitted ones; None: those.
        draws : int, optional
            Of the posterior, about as many; None: all.

        Returns
        -------
        Measurements
            Columns "factor 1", ...; a row a spectrum, with its label.
        """
        some = thinned(self.posterior["posterior"].to_dataset(), draws)
        return predictions.encoded(some, self.continuum, self._like(spectra))

    def explained(self) -> pd.DataFrame:
        """How much of the spectra's variance each component explains.

        Returns
        -------
        pandas.DataFrame
            By factor: ``share`` of the variance of all components, with ``sd``, ``q16``, ``q84``; and
            ``of_all``, the share of the variance that was measured, noise included.
        """
        import pandas as pd

        draws = self.posterior["posterior"].to_dataset()
        values = draws["eigenvalue"].transpose("chain", "draw", "factor").values
        values = values.reshape(-1, values.shape[-1])
        share = values / values.sum(axis=1, keepdims=True)
        whole = float(np.nansum(np.nanvar(self.data.flux, axis=0)))
        low, high = np.quantile(share, [0.16, 0.84], axis=0)
        return pd.DataFrame(
            {
                "share": share.mean(axis=0), "sd": share.std(axis=0), "q16": low, "q84": high,
                "of_all": values.mean(axis=0) / whole,
            },
            index=pd.Index(draws["factor"].values, name="factor"),
        )  # fmt: skip

    def object_summary(self, at: Any, **options: Any) -> pd.DataFrame:
        """One row a spectrum: how usual it is.

        Parameters
        ----------
        at : Spectra
            On the grid of the fitted ones.
        **options : object
            None.

        Returns
        -------
        pandas.DataFrame
            ``name``, ``pixels`` measured, ``log_evidence``, ``coefficient_tail`` and ``pixel_tail``: how
            often a spectrum from the model has coefficients, or residuals, so far out; ``flag``: "unusual"
            where one of them is below 0.0005 and rarer than in all but a hundredth of the fitted
            spectra, or "".
        """
        import pandas as pd

        if options:
            raise ValueError(f"summary of spectra has no option {next(iter(options))!r}.")
        data = self._like(at)
        some = thinned(self.posterior["posterior"].to_dataset(), 20)
        found = predictions.statistics(some, self.continuum, data)
        reference = self.posterior["usual"].to_dataset()
        flag = np.zeros(len(data), dtype=bool)
        for name in ("coefficient_tail", "pixel_tail"):
            usual = float(np.quantile(reference[name], 0.01))
            flag |= found[name] < min(checks.UNUSUAL, max(usual, 1e-300))
        names = data.names if data.names is not None else np.arange(len(data)).astype(str)
        return pd.DataFrame({"name": names, **found, "flag": np.where(flag, "unusual", "")})

    def checks(self) -> list[Check]:
        """What can go wrong with components; see `bayes_astro.spectra.checks`."""
        return checks.checks(self)

    # For the library ----------------------------------------------------------------------------

    def responses(self, data: Spectra) -> np.ndarray:
        """The fluxes."""
        return data.flux

    def derived(self, draws: xr.Dataset, priors: dict[str, Prior]) -> xr.Dataset:
        """All draws in one basis, with the components' eigenvalues."""
        return turned(draws) if "component" in draws else draws

    def groups(self, tree: xr.DataTree, data: Spectra) -> dict[str, xr.Dataset]:
        """Groups ``usual``: tail probabilities of the fitted spectra; ``held_out``: pixels hidden in turn."""
        import xarray as xr

        draws = thinned(tree["posterior"].to_dataset(), 20)
        found = predictions.statistics(draws, self.continuum, data)
        usual = {name: (("row",), np.asarray(v, dtype=float)) for name, v in found.items()}
        return {"usual": xr.Dataset(usual), "held_out": held_out_pixels(self, draws, data)}

    def pointwise(self, draws: xr.Dataset, data: Spectra) -> xr.DataArray:
        """Log density of every spectrum, its coefficients integrated out: (chain, draw, row)."""
        return by_row(draws, predictions.log_densities(draws, self.continuum, data))

    def log_predictive(self, draws: xr.Dataset, data: Spectra) -> xr.DataArray:
        """Log density of each spectrum's hidden pixels given its others: (chain, draw, row).

        Those of `bayes_astro.spectra.hidden`, for baselines, too.
        """
        return by_row(draws, predictions.held_out(draws, self.continuum, self._like(data)))

    def scores(self, test: Spectra) -> dict[str, Any]:
        """Of the hidden pixels, predicted from the others."""
        some = thinned(self.posterior["posterior"].to_dataset(), DRAWS)
        rng = np.random.default_rng(0)

        def predicted(kept: Spectra) -> np.ndarray:
            return predictions.samples(some, self.continuum, kept, rng)

        return of_hidden(predicted, self._like(test))

    def normal_residuals(self, draws: xr.Dataset, data: Spectra) -> np.ndarray:
        """At the mode of the coefficients, in their own widths; 0 in gaps: (chain, draw, row)."""
        pixels = Pixels.of(data)
        found = [
            np.nan_to_num(predictions.standardised(pixels, frame)[0]).ravel()
            for frame in frames(draws, self.continuum)
        ]
        return by_row(draws, np.array(found)).values

    def forecast(
        self, draws: xr.Dataset, data: Spectra, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """Spectra given what was measured of each.

        Parameters
        ----------
        draws : xarray.Dataset
        data : Spectra
            Those that were fitted.
        at : Spectra
            On their grid, with errors and gaps.
        rng : numpy.random.Generator

        Returns
        -------
        xarray.Dataset
            ``signal`` (chain, draw, spectrum, pixel), without noise; ``observation``, of a second measurement
            of the same object (in gaps with the middle error of the spectrum); ``coefficient`` (chain,
            draw, spectrum, factor); ``coefficient_mean`` and ``coefficient_covariance``, the moments
            over all draws.
        """
        return predictions.forecast(draws, self.continuum, inputs.the_same_grid(at, data), rng)

    def replicate(
        self, draws: xr.Dataset, data: Spectra, at: Spectra, rng: np.random.Generator
    ) -> xr.DataArray:
        """New objects with the errors of `at`: (chain, draw, row, pixel)."""
        width = np.sqrt(predictions.noise(at))
        found = []
        for frame in frames(draws, self.continuum):
            z = rng.standard_normal((len(at), len(frame.loadings)))
            noise = predictions.unit_noise(frame.degrees, at.flux.shape, rng)
            scatter = np.sqrt(width**2 + frame.floor) * noise
            found.append(frame.mean + z @ frame.loadings + scatter)
        return by_row(draws, np.array(found), "row", "pixel")

    def simulate_data(
        self, parameters: xr.Dataset, design: Spectra, rng: np.random.Generator
    ) -> Spectra:
        """New spectra with the errors and gaps of `design`."""
        one = parameters.expand_dims(("chain", "draw"))
        flux = self.replicate(one, design, design, rng).values[0, 0]
        return design.replace(flux=np.where(design.missing, np.nan, flux))

    def _like(self, data: Any) -> Spectra:
        """On the fitted grid, in the fitted units."""
        return self.data if data is None else inputs.the_same_grid(data, self.data)
