"""Curves by non-linear, generalised least squares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.baselines.base import Baseline
from bayes_astro.data import Measurements
from bayes_astro.draws import by_row
from bayes_astro.parameters import Setting, choice, text
from bayes_astro.processes.means import Elsewhere
from bayes_astro.regression import relation_inputs
from bayes_astro.regression.curve_fit import least_squares
from bayes_astro.regression.mean_values import MeanValues, curves
from bayes_astro.regression.point_errors import LOG_TWO_PI, PointErrors

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["LeastSquaresCurve"]


@dataclass(eq=False, repr=False)
class LeastSquaresCurve(Baseline):
    """A curve by non-linear least squares, generalised where errors are correlated.

    Residuals are made independent by the Cholesky factor of their covariance; the best of eight descents
    (`scipy.optimize.least_squares`) from draws of the parameters' ranges is kept.

    Parameters
    ----------
    mean : object
        As for `ba.Relation`; of its priors only the ranges are used, and where descents begin.
    response : str
        Name of the response; all other columns are predictors.
    fixed : dict of str to float, optional
        Parameters that have one value.
    errors : {"scaled", "stated"}
        Where the residuals scatter more than the error bars say, standard errors and predictions are widened
        by the root of their reduced chi-square ("scaled"); or they are what the error bars imply.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> supernovae = ba.load("pantheon-binned")
    >>> curve = ba.baselines.LeastSquaresCurve(ba.relations.DistanceModulus(), "magnitude")
    >>> curve.fit(supernovae).summary()[["mean", "sd"]].round(3)
               mean     sd
    omega_m   0.296  0.022
    offset   23.807  0.011
    """

    mean: Any
    response: str
    fixed: Mapping[str, float] | None = None
    errors: str = "scaled"

    data_type: ClassVar[type] = Measurements
    settings: ClassVar[dict[str, Setting]] = {
        "response": text("the name of a column"),
        "fixed": relation_inputs.is_table,
        "errors": choice("scaled", "stated"),
    }
    references: ClassVar[tuple[str, ...]] = ("branch1999",)
    takes: ClassVar[tuple[str, ...]] = ("point_covariance",)
    scatter: ClassVar[bool] = True  # points without an error weigh the same
    robust: ClassVar[bool] = False
    _internal: ClassVar[tuple[str, ...]] = ("scatter", "robust")

    def check_settings(self) -> None:
        """Raise ValueError for what is no mean function."""
        relation_inputs.check_mean(self.mean)

    def check_data(self, data: Measurements) -> None:
        """The same demands as the Bayesian relation."""
        relation_inputs.check(self, data)
        relation_inputs.check_fixed(self, data)

    def missing_parts(self) -> str:
        """A mean function that was defined elsewhere."""
        return self.mean.description if isinstance(self.mean, Elsewhere) else ""

    def responses(self, data: Measurements) -> np.ndarray:
        """The response of every row."""
        return data.column(self.response)

    def units(self, data: Measurements) -> dict[str, str]:
        """Of the mean function's parameters where it knows them."""
        own = getattr(self.mean, "units", None)
        found = own(relation_inputs.arranged(data, self.response)) if own else {}
        return {name: unit for name, unit in found.items() if name not in (self.fixed or {})}

    def estimate(self, data: Measurements) -> Any:
        """Parameters and their standard errors."""
        import xarray as xr

        priors = relation_inputs.free_priors(self, data)
        priors = {n: prior for n, prior in priors.items() if n not in (self.fixed or {})}
        columns = relation_inputs.columns_at(data, self.response, data)
        errors, response = PointErrors(data, self.response), data.column(self.response)
        exact = bool(np.any(errors.diagonal <= 0))
        floor = float(np.var(response)) if exact else 0.0  # all weigh about the same
        mean = MeanValues(self.mean, columns, priors, self.fixed)
        rng = np.random.default_rng(0)
        fit = least_squares(mean, response, errors, priors, rng, floor=floor)
        free, scale = len(response) - len(priors), 1.0
        if free > 0 and (exact or self.errors == "scaled"):
            least = 0.0 if exact else 1.0
            scale = float(np.sqrt(max(least, fit.square / free)))
        matrix = scale**2 * fit.covariance
        names = list(priors)
        values = {name: ((), fit.values[i]) for i, name in enumerate(names)}
        sd = {name: ((), np.sqrt(matrix[i, i])) for i, name in enumerate(names)}
        kept = xr.Dataset(
            {
                "covariance": (("parameter", "parameter_2"), matrix),
                "chi_square": fit.square,
                "error_scale": scale,
                "floor": floor,
            },
            {"parameter": names, "parameter_2": names},
        )
        return values, sd, {"fit": kept}

    def _covariance(self, at: Any) -> np.ndarray:
        """Of the responses of a table (m, m), and the floor beneath them."""
        kept, errors = self.posterior["fit"], PointErrors(at, self.response)
        diagonal = np.diag(np.nan_to_num(errors.variance) + float(kept["floor"]))
        whole = diagonal if errors.joint is None else diagonal + errors.joint
        return np.asarray(float(kept["error_scale"]) ** 2 * whole)

    def forecast(
        self, draws: xr.Dataset, data: Measurements, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """The curve, and observations with the (scaled) errors of a table."""
        import xarray as xr

        columns = relation_inputs.columns_at(data, self.response, at)
        signal = curves(self, draws, columns)
        noisy = signal
        if isinstance(at, Measurements) and self.response in at.names:
            factor = np.linalg.cholesky(self._covariance(at))
            noisy = signal + rng.standard_normal(signal.shape) @ factor.T
        found = {"signal": by_row(draws, signal), "observation": by_row(draws, noisy)}
        names = {n: ("row", column) for n, column in columns.items() if n not in found}
        return xr.Dataset(found | names)

    def pointwise(self, draws: xr.Dataset, data: Measurements) -> xr.DataArray:
        """Gaussian about the curve, each row given those before it."""
        from scipy.linalg import solve_triangular

        columns = relation_inputs.columns_at(data, self.response, data)
        residual = data.column(self.response) - curves(self, draws, columns)
        factor = np.linalg.cholesky(self._covariance(data))
        white = solve_triangular(factor, residual.T, lower=True).T
        density = -0.5 * (white**2 + LOG_TWO_PI) - np.log(np.diag(factor))
        return by_row(draws, density)
