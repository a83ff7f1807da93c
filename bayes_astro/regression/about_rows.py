"""What a fitted line says of single rows: predictors from responses, distances, outliers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.data import Measurements
from bayes_astro.draws import by_row, thinned
from bayes_astro.predictions import checked_seed
from bayes_astro.regression import inputs, new_rows, predictive
from bayes_astro.regression.rows import MISSING, predictors

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["AboutRows"]


class AboutRows:
    """Verbs of `ba.LinearRelation`, after a fit."""

    response: str
    outliers: bool
    data: Any
    posterior: Any
    record: Any
    new_rows: Any

    def invert(self, at: Any, draws: int | None = None, seed: int | None = None) -> xr.Dataset:
        """Predictors from responses, with the population as their prior.

        As a distance from a Tully-Fisher relation: what is not measured of the predictors is inferred
        from what is, from the response, and from the population that was fitted. Objects of another
        population need another prior; a flat one is not meant.

        Parameters
        ----------
        at : array_like (m,), Quantity, or Measurements
            Responses known exactly, of objects of which nothing else was measured; or a table with the
            columns of the fit, nan where nothing was measured.
        draws : int, optional
            About so many posterior draws. Default: all.
        seed : int, optional
            Default: that of the fit.

        Returns
        -------
        xarray.Dataset
            ``predictor_value`` (chain, draw, row, predictor): true values.
        """
        import xarray as xr

        data = self.data
        rows = inputs.new_responses(data, self.response, at)
        posterior = thinned(self.posterior["posterior"].to_dataset(), draws)
        rng = np.random.default_rng(
            [checked_seed(self.record["seed"] if seed is None else seed), 2]
        )
        found = new_rows.draw_predictors(posterior, rows, rng)
        names = predictors(data, self.response)
        values = by_row(posterior, found, "row", "predictor")
        return xr.Dataset({"predictor_value": values}, {"predictor": names})

    def distances(self, data: Measurements | None = None) -> np.ndarray:
        """How far rows are from the line, in standard deviations of scatter and errors together.

        Parameters
        ----------
        data : Measurements, optional
            Default: those that were fitted.

        Returns
        -------
        array (n,)
            Response above (+) or below the line at the measured predictors, in units of sqrt(scatter^2
            + S_yy + b'S_xx b - 2 b'S_xy), averaged over the posterior; nan for rows with gaps, of
            limits the distance of the limit. Errors of predictors make outer points lie inside, where
            these are a large part of their spread: residuals of the model itself allow for that.
        """
        fitted = self.data
        rows = self.new_rows(fitted, fitted if data is None else data)
        total = np.zeros(len(rows.value))
        count = 0
        for one in predictive.each(self.posterior["posterior"].to_dataset()):
            across = np.append(-one.slope, 1.0)
            off = rows.y - one.centre - (rows.x - one.whole) @ one.slope
            variance = one.scatter**2 + np.einsum("i,nij,j->n", across, rows.covariance, across)
            if rows.upper is not None:
                # The side towards the line: of a response above it the lower error.
                up = (off[:, None] * np.append(one.slope, -1.0) > 0) & rows.sided
                own = np.diagonal(rows.covariance, axis1=1, axis2=2)
                variance = variance + np.where(up, rows.upper - own, 0.0) @ across**2
            for j, joint in rows.joint:
                variance = variance + across[j] ** 2 * np.diag(joint)
            total += off / np.sqrt(np.maximum(variance, np.finfo(float).tiny))
            count += 1
        gone = (rows.kind == MISSING).any(axis=1)
        return np.where(gone, np.nan, total / count)

    def outlier_probability(self) -> np.ndarray:
        """Posterior probability of each row to be an outlier.

        Returns
        -------
        array (n,)
            From 0 to 1.

        Raises
        ------
        ValueError
            For a line that was fitted without outliers.
        """
        if not self.outliers:
            raise ValueError("This model has no outliers: fit it with outliers=True.")
        return self.posterior["outliers"]["probability"].values
