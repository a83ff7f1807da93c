"""What follows from draws of a prior over types and redshifts: densities given the photometry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.data import BinnedRedshifts, Photometry
from bayes_astro.data.binned_redshifts import check_inside, checked_grid
from bayes_astro.data.templates import Templates
from bayes_astro.hooks import hook
from bayes_astro.mixtures.features import matched
from bayes_astro.model import Model
from bayes_astro.photoz import magnitude_prior
from bayes_astro.photoz.on_grid import OnGrid, summaries
from bayes_astro.photoz.template_grid import TemplateGrid

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


__all__ = ["TemplateRedshifts"]

POOR = 1e-4


class TemplateRedshifts(OnGrid, Model):
    """A task whose posterior is a prior over types and redshifts, on a grid."""

    outliers: float

    @staticmethod
    @hook
    def known(data: Photometry) -> np.ndarray:
        """Galaxies with redshift, positive, and flux; stars at zero are left aside."""
        z = np.full(len(data), np.nan) if data.redshift is None else np.asarray(data.redshift)
        with np.errstate(invalid="ignore"):
            return (z > 0) & ~data.missing.all(axis=1)

    @hook
    def grid(self, data: Photometry) -> TemplateGrid:
        """What was settled, or would be."""
        raise NotImplementedError

    @hook
    def base_templates(self) -> Templates:
        """The spectra, interpolated."""
        raise NotImplementedError

    def _fitted(self) -> tuple[TemplateGrid, np.ndarray]:
        """The corrected grid, and P(type, bin | magnitude) averaged over the posterior's draws."""
        tree = self.posterior
        if self._cached is None or self._cached[0] is not tree:
            grid = TemplateGrid.of(
                tree["templates"].to_dataset(), self.base_templates(), self.data.unit or ""
            )
            self._cached = tree, grid, grid.prior_table(tree["posterior"].to_dataset())
        return self._cached[1:]

    def simulate_data(
        self, parameters: xr.Dataset, design: Photometry, rng: np.random.Generator
    ) -> Photometry:
        """Types and redshifts given the magnitudes of `design`, and fluxes with its errors.

        The flux of reference stays: what is simulated is everything given it. Redshifts are known
        where those of `design` are.
        """
        grid = self.grid(design)
        table = grid.prior_table(parameters.expand_dims(("chain", "draw")))
        rows = grid.magnitude.bins(design)
        flux, variance = design.flux.copy(), grid.variance(design)
        redshift = np.empty(len(design))
        for i, m in enumerate(rows):
            t, j = divmod(
                int(np.searchsorted(np.cumsum(table[m].ravel()), rng.uniform())), table.shape[2]
            )
            t, j = min(t, table.shape[1] - 1), min(j, table.shape[2] - 1)
            redshift[i] = np.expm1(rng.uniform(*grid.edges[j : j + 2]))
            own = grid.model[t, :, j]
            reference = flux[i, grid.reference]
            if not np.isfinite(reference):
                reference = grid.magnitude.flux(design)[i]
            error = np.sqrt(variance[i, grid.reference])
            amplitude = reference if not np.isfinite(error) else -1.0
            while amplitude <= 0:
                amplitude = rng.normal(reference, error)
            noise = np.hypot(design.error[i], grid.template_error * amplitude * own)
            new = amplitude * own + noise * rng.standard_normal(len(own))
            keep = np.isnan(flux[i]) | (np.arange(len(own)) == grid.reference)
            flux[i] = np.where(keep, flux[i], new)
        known = self.known(design)
        redshift[~known] = np.nan
        return design.replace(flux=flux, redshift=redshift)

    def pointwise(self, draws: xr.Dataset, data: Photometry) -> xr.DataArray:
        """Log density of redshift (where known) and type's fluxes of every object, given m.

        The types are summed out, and the redshift where it is unknown; up to a constant by object.
        An object without flux, or at redshift zero, has 0.
        """
        import xarray as xr

        grid = self.grid(data)
        values = magnitude_prior.pointwise(grid, draws, data, self.known(data))
        return xr.DataArray(values, dims=("chain", "draw", "row"))

    def log_predictive(self, draws: xr.Dataset, data: Photometry) -> xr.DataArray:
        """Log density of every known redshift, averaged over the posterior: (chain, draw, row)."""
        import xarray as xr

        values = self.log_density_at(data)
        shape = (draws.sizes["chain"], draws.sizes["draw"], len(data))
        return xr.DataArray(np.broadcast_to(values, shape).copy(), dims=("chain", "draw", "row"))

    def forecast(
        self, draws: xr.Dataset, data: Photometry, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """Redshifts of every object, by its density averaged over the posterior."""
        return self.drawn(at, draws.sizes["chain"], draws.sizes["draw"], rng)

    def _posterior(
        self, photometry: Photometry
    ) -> tuple[TemplateGrid, Photometry, tuple[Any, ...]]:
        """The grid, the matched photometry and what the kernel says of each object.

        The density of a new object is that with the prior averaged over the posterior's draws: its
        own fluxes weigh the draws, and p(f | z) does not depend on them.
        """
        grid, table = self._fitted()
        photometry = matched(photometry, grid.bands, grid.unit)
        bins, types, evidence, chi_squared = grid.posterior(photometry, table)
        rows = grid.magnitude.bins(photometry)
        alone = table.sum(axis=1)[rows]
        bins = np.where(np.isnan(bins), alone, bins)
        bins = (1 - self.outliers) * bins + self.outliers * alone
        return grid, photometry, (bins, types, evidence, chi_squared)

    def table(self, photometry: Photometry) -> tuple[np.ndarray, np.ndarray]:
        """Edges of the bins of log(1 + z), and the density in each for every object: (n, bins)."""
        grid, _, (bins, *_) = self._posterior(photometry)
        return grid.edges, bins / np.diff(grid.edges)

    def object_summary(self, at: Photometry, **options: Any) -> pd.DataFrame:
        """One row an object.

        Returns
        -------
        pandas.DataFrame
            ``mode``, ``mean``, ``median`` of z, central intervals ``low_68``, ``high_68``,
            ``low_95``, ``high_95``; ``template``, the most probable one, and its
            ``template_probability``; ``bands`` measured; ``chi_squared`` of the best template and
            redshift; ``flag``: "poor fit" where chi squared exceeds what one object in 10,000 would
            have, "no photometry" (then the redshifts are those of the prior), or "".
        """
        import pandas as pd
        from scipy.stats import chi2

        grid, photometry, (bins, types, _, chi_squared) = self._posterior(at)
        columns: dict[str, Any] = summaries(grid.edges, bins / np.diff(grid.edges))
        names = np.array(grid.templates.names)
        best = np.argmax(np.nan_to_num(types), axis=1)
        count = (~photometry.missing).sum(axis=1)
        poor = chi2.sf(chi_squared, np.maximum(count - 1, 1)) < POOR
        columns |= {
            "template": names[best],
            "template_probability": types[np.arange(len(best)), best],
            "bands": count,
            "chi_squared": chi_squared,
            "flag": np.where(count == 0, "no photometry", np.where(poor, "poor fit", "")),
        }
        return pd.DataFrame(columns)

    def binned(self, photometry: Photometry, edges: Any) -> BinnedRedshifts:
        """Likelihoods of redshift bins, for `ba.PopulationNz`, with a flat interim prior.

        Within a bin redshifts are flat; types have the inferred prior given magnitude and redshift.

        Parameters
        ----------
        photometry : Photometry
            Objects of the population.
        edges : array_like, shape (J + 1,)
            Increasing redshifts.

        Returns
        -------
        BinnedRedshifts
            Likelihoods (1, n, J).
        """
        edges = checked_grid(edges, "edges")
        grid, table = self._fitted()
        photometry = matched(photometry, grid.bands, grid.unit)
        width = np.diff(np.expm1(grid.edges))
        flat = table / np.maximum(table.sum(axis=1, keepdims=True), 1e-300) * width
        bins, *_ = grid.posterior(photometry, flat)
        bins = np.nan_to_num(bins, nan=1.0)
        below = np.concatenate([np.zeros((len(bins), 1)), np.cumsum(bins, axis=1)], axis=1)
        at = np.log1p(edges)
        found = np.diff([[np.interp(x, grid.edges, row) for x in at] for row in below], axis=1)
        check_inside(found.sum(axis=1) / below[:, -1], edges)
        size = np.diff(edges)
        likelihood = found / size
        likelihood /= np.maximum(likelihood.sum(axis=1, keepdims=True), 1e-300)
        return BinnedRedshifts(
            likelihood + 1e-6 / len(size), edges, np.ones(len(size)), name=photometry.name
        )
