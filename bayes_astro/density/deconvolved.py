"""What follows from draws of a mixture of true values: conditions, scores, unusual objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.data import Measurements
from bayes_astro.draws import thinned
from bayes_astro.mixtures import log_densities, objects, selection
from bayes_astro.mixtures.mixture import Mixture
from bayes_astro.model import Model

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


__all__ = ["DeconvolvedDensity"]


class DeconvolvedDensity(Model):
    """A task whose posterior is a mixture of true values."""

    def mixture(self, draws: int | None = None) -> Mixture:
        """The Gaussian mixtures of the posterior: one density for each draw.

        Parameters
        ----------
        draws : int, optional
            About as many, evenly spaced; None: all.

        Returns
        -------
        Mixture
            Weights (draw, component), means and covariances of the true values, with ``condition``,
            ``marginal``, ``log_density`` and ``sample``.
        """
        return Mixture.of(self.thinned(draws))

    def condition(self, known: dict[str, float], draws: int | None = None) -> Mixture:
        """The density of the remaining quantities, given true values of some.

        Parameters
        ----------
        known : dict of str to float
            Values by dimension.
        draws : int, optional
            About as many of the posterior, evenly spaced; None: all.

        Returns
        -------
        Mixture
            Of the other dimensions, one density for each draw.
        """
        return self.mixture(draws).condition(known)

    def marginal(self, names: Any, draws: int | None = None) -> Mixture:
        """The density of some of the quantities.

        Parameters
        ----------
        names : str or sequence of str
            Dimensions to keep.
        draws : int, optional
            About as many of the posterior, evenly spaced; None: all.

        Returns
        -------
        Mixture
            Of these dimensions, one density for each draw.
        """
        return self.mixture(draws).marginal(names)

    def sample(self, n: int, seed: int | None = None) -> np.ndarray:
        """Draw true values, each from the density of one posterior draw.

        Parameters
        ----------
        n : int
            How many.
        seed : int, optional
            Default: that of the fit.

        Returns
        -------
        array (n, d)
            One true value a row.
        """
        mixture = self.mixture()
        rng = np.random.default_rng(self.record["seed"] if seed is None else seed)
        which = rng.integers(len(mixture.weight), size=n)
        part = Mixture(
            mixture.weight[which], mixture.mean[which], mixture.covariance[which], mixture.names
        )
        return part.sample(1, int(rng.integers(2**31)))[:, 0]

    def log_density(self, at: Any, errors: Any = None, *, draws: int | None = 400) -> xr.Dataset:
        """Log density of true values at points, or of measured ones, with its band.

        Parameters
        ----------
        at : array (m, d) or Measurements
            Points; measurements bring their own errors, projections and missing columns.
        errors : array (m, d) or (m, d, d), optional
            Of measured values: standard deviations or covariances.
        draws : int, optional
            Of the posterior, about as many; None: all.

        Returns
        -------
        xarray.Dataset
            ``log_density`` (chain, draw, row); by row ``mean`` (logarithm of the mean density)
            and the quantiles ``q025``, ``q16``, ``q84``, ``q975`` of the logarithm.
        """
        return log_densities.log_density(self, at, errors, draws)

    def held_out(self, data: Measurements, folds: int = 5, seed: int = 0) -> np.ndarray:
        """Log scores of rows that are held out in turn, each fold fitted by `ba.MAP`.

        Parameters
        ----------
        data : Measurements
            All rows.
        folds : int
            Parts that are held out, one after the other.
        seed : int
            Of the division and of the searches.

        Returns
        -------
        array (folds,)
            Mean log density of a row of each fold.
        """
        self.check_all_settings()
        return selection.held_out(self, self._checked(data), folds, seed)

    def unusual(self, data: Measurements | None = None, *, seed: int = 0) -> pd.DataFrame:
        """Find the objects that the density does not expect.

        Parameters
        ----------
        data : Measurements, optional
            None: the fitted ones.
        seed : int
            Of the simulated objects.

        Returns
        -------
        pandas.DataFrame
            By row: ``log_evidence``, the log density of the measurement, averaged over the
            posterior; ``tail_probability``, how often a new object with the same errors has a
            smaller one (from 999 simulated); ``unusual`` where that is at most 0.002.
        """
        return objects.unusual(self, data, seed)

    def relabel(self) -> xr.Dataset:
        """Weights, means and covariances with the components of all draws in one order.

        Each draw's components are matched to those of one draw, whose total mean is nearest to
        the posterior's, so that the distances of their means, in widths, are smallest (Hungarian
        algorithm). Components that the data cannot tell apart stay mixed.

        Returns
        -------
        xarray.Dataset
            ``weight``, ``mean`` and ``covariance`` of every draw, as in the posterior.
        """
        return objects.relabelled(self.posterior["posterior"].to_dataset())

    def pointwise(self, draws: xr.Dataset, data: Measurements) -> xr.DataArray:
        """Log density of every measurement: (chain, draw, row)."""
        import xarray as xr

        values = log_densities.log_densities(self, draws, data)
        shape = (draws.sizes["chain"], draws.sizes["draw"], len(data))
        return xr.DataArray(values.reshape(shape), dims=("chain", "draw", "row"))

    def forecast(
        self, draws: xr.Dataset, data: Measurements, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """What is known of the true value of each measured object.

        Parameters
        ----------
        draws : xarray.Dataset
        data : Measurements
            Those that were fitted.
        at : Measurements
            With their errors, projections and missing columns.
        rng : numpy.random.Generator

        Returns
        -------
        xarray.Dataset
            ``signal`` (chain, draw, row, dimension): draws of the true value given the
            measurement; ``observation`` (chain, draw, row, column): of a second measurement of
            the same object; ``responsibility`` (chain, draw, row, component);
            ``conditional_mean`` (row, dimension) and ``conditional_covariance``, the moments
            over all draws.
        """
        return objects.forecast(self, draws, at, rng)

    def replicate(
        self, draws: xr.Dataset, data: Measurements, at: Any, rng: np.random.Generator
    ) -> xr.DataArray:
        """Measurements of new objects with the errors of `at`: (chain, draw, row, column)."""
        import xarray as xr

        mixture = Mixture.of(draws)
        uniform = draws["background"].values.ravel() if "background" in draws else None
        values = objects.replicate(mixture, uniform, at, data, rng)
        shape = (draws.sizes["chain"], draws.sizes["draw"])
        return xr.DataArray(
            values.reshape(*shape, *at.value.shape),
            dims=("chain", "draw", "row", "column"),
            coords={"column": list(at.names)},
        )

    def thinned(self, draws: int | None) -> xr.Dataset:
        """About `draws` draws of the posterior, evenly spaced."""
        return thinned(self.posterior["posterior"].to_dataset(), draws)

    def simulate_data(
        self, parameters: xr.Dataset, design: Measurements, rng: np.random.Generator
    ) -> Measurements:
        """New objects with the errors, projections and gaps of `design`."""
        draws = parameters.expand_dims(["chain", "draw"])
        value = self.replicate(draws, design, design, rng).values[0, 0]
        return design.replace(value=value)
