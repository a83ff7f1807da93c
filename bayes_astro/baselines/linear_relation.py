"""Least-squares lines: orthogonal distance regression and weighted least squares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.baselines.base import Baseline
from bayes_astro.data import Measurements
from bayes_astro.draws import by_row
from bayes_astro.parameters import Setting, choice, text
from bayes_astro.regression import inputs
from bayes_astro.regression.rows import ordered, predictors

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["LeastSquaresLine", "orthogonal", "weighted_least_squares"]


@dataclass(eq=False, repr=False)
class LeastSquaresLine(Baseline):
    """A straight line by least squares.

    Parameters
    ----------
    response : str
        Name of the response; all other columns are predictors.
    method : {"odr", "wls"}
        Orthogonal distance regression (`odrpack`), which uses the errors of all columns but not
        their correlations; or weighted least squares, which uses those of the response alone.
    errors : {"scaled", "stated"}
        Where the residuals scatter more than the error bars say, standard errors and predictions
        are widened by the root of their reduced chi-square, as people quote them ("scaled"); or
        they are what the error bars imply.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> line = ba.baselines.LeastSquaresLine("y", method="wls", errors="stated")
    >>> line.fit(ba.load("hogg-2010")[4:]).summary()[["mean", "sd"]].round(2)
                 mean     sd
    intercept   34.05  18.25
    slope[x]     2.24   0.11
    """

    response: str
    method: str = "odr"
    errors: str = "scaled"

    data_type: ClassVar[type] = Measurements
    settings: ClassVar[dict[str, Setting]] = {
        "response": text("the name of a column"),
        "method": choice("odr", "wls"),
        "errors": choice("scaled", "stated"),
    }
    references: ClassVar[tuple[str, ...]] = ("boggs1990",)

    def can_draw(self, figure: str) -> bool:
        """The line and its parameters; it knows no population."""
        return figure in ("relation", "corner")

    def check_data(self, data: Measurements) -> None:
        """The same demands as the Bayesian line."""
        inputs.check(data, self.response)

    def responses(self, data: Measurements) -> np.ndarray:
        """The response of every row."""
        return data.column(self.response)

    def units(self, data: Measurements) -> dict[str, str]:
        """As for the Bayesian line."""
        slope, response, _ = inputs.units(data, self.response)
        return {"slope": slope, "intercept": response}

    def estimate(self, data: Measurements) -> Any:
        """Coefficients and their standard errors."""
        import xarray as xr

        x, y, covariance = ordered(data, self.response)
        variance = np.diagonal(covariance, axis1=1, axis2=2)
        solution, matrix = weighted_least_squares(x, y, variance[:, -1])
        if self.method == "odr" and np.any(variance[:, :-1] > 0):
            solution, matrix = orthogonal(x, y, variance, solution)
        scale = 1.0
        if self.errors == "scaled":
            slope = solution[1:] if self.method == "odr" else np.zeros(x.shape[1])
            scale = excess(y - solution[0] - x @ solution[1:], slope, variance)
        matrix = scale**2 * matrix
        errors = np.sqrt(np.diag(matrix))
        values = {"intercept": ((), solution[0]), "slope": (("predictor",), solution[1:])}
        sd = {"intercept": ((), errors[0]), "slope": (("predictor",), errors[1:])}
        coefficient = xr.Dataset(
            {"covariance": (("coefficient", "coefficient_2"), matrix), "error_scale": scale}
        )
        names = predictors(data, self.response)
        return values, sd, {"coefficients": coefficient, "coords": {"predictor": names}}

    def _moments(
        self, draws: xr.Dataset, data: Measurements, at: Any
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Predictors, the line at them (s, m), and the sd of an observation (s, m)."""
        x, noise = inputs.new_predictors(data, self.response, at)
        slope = draws["slope"].transpose("chain", "draw", "predictor").values
        slope = slope.reshape(-1, x.shape[1])
        line = draws["intercept"].values.reshape(-1, 1) + slope @ x.T
        direction = np.concatenate([-slope, np.ones((len(slope), 1))], axis=1)
        variance = np.einsum("sp,mpq,sq->sm", direction, noise, direction)
        kept = self.posterior["coefficients"]
        scale = float(kept["error_scale"]) if "error_scale" in kept else 1.0
        return x, line, scale * np.sqrt(np.maximum(variance, 0.0))

    def forecast(
        self, draws: xr.Dataset, data: Measurements, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """The line at the (measured) predictors; observations with the errors of all columns."""
        import xarray as xr

        x, line, sd = self._moments(draws, data, at)
        noisy = line + sd * rng.standard_normal(line.shape)
        names = predictors(data, self.response)
        return xr.Dataset(
            {"signal": by_row(draws, line), "observation": by_row(draws, noisy)}
            | {
                name: ("row", x[:, i])
                for i, name in enumerate(names)
                if name not in ("signal", "observation")
            }
        )

    def pointwise(self, draws: xr.Dataset, data: Measurements) -> xr.DataArray:
        """Gaussian about the line, with the errors of all columns."""
        _, line, sd = self._moments(draws, data, data)
        sd = np.maximum(sd, np.finfo(float).tiny)
        standard = (self.responses(data) - line) / sd
        density = -0.5 * standard**2 - np.log(sd) - 0.5 * np.log(2 * np.pi)
        return by_row(draws, density)


def excess(residual: np.ndarray, slope: np.ndarray, variance: np.ndarray) -> float:
    """Root of the reduced chi-square of residuals about a line, at least one.

    `variance` is that of the predictors and the response, (n, p + 1). One where a row has none.
    """
    total = variance[:, -1] + variance[:, :-1] @ slope**2
    free = len(residual) - len(slope) - 1
    if free < 1 or not np.all(total > 0):
        return 1.0
    return float(np.sqrt(max(1.0, np.sum(residual**2 / total) / free)))


def weighted_least_squares(
    x: np.ndarray, y: np.ndarray, variance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Intercept and slopes with their covariance (Hogg, Bovy & Lang 2010, equations 5 and 6).

    Without any error bar all points weigh the same and the scatter of the residuals sets the scale.
    """
    design = np.column_stack([np.ones(len(y)), x])
    exact = not np.all(variance > 0)
    weight = np.ones(len(y)) if exact else 1 / np.sqrt(variance)
    # Centred and scaled columns keep the normal matrix well conditioned at any zero point.
    centre, scale = x.mean(axis=0), x.std(axis=0)
    scaled = np.column_stack([np.ones(len(y)), (x - centre) / scale]) * weight[:, None]
    back = np.eye(design.shape[1])
    back[1:, 1:] /= scale[:, None]
    back[0, 1:] = -centre / scale
    inverse = np.linalg.inv(scaled.T @ scaled)
    solution = back @ (inverse @ (scaled.T @ (weight * y)))
    matrix = back @ inverse @ back.T
    if exact:
        residual = y - design @ solution
        matrix = matrix * (residual @ residual) / (len(y) - design.shape[1])
    return solution, matrix


def orthogonal(
    x: np.ndarray, y: np.ndarray, variance: np.ndarray, start: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Orthogonal distance regression; columns known exactly get a negligible error."""
    import odrpack

    floor = (1e-6 * np.append(x.std(axis=0), y.std())) ** 2
    variance = np.maximum(variance, floor)
    scale = np.append(x.std(axis=0), y.std())
    centre = np.append(x.mean(axis=0), y.mean())
    z = (np.column_stack([x, y]) - centre) / scale
    weight = scale**2 / variance
    p = x.shape[1]
    begin = np.append(0.0, start[1:] * scale[:p] / scale[p])

    def by_beta(points: np.ndarray, beta: np.ndarray) -> np.ndarray:
        return np.vstack([np.ones(len(y)), np.atleast_2d(points)])

    def by_x(points: np.ndarray, beta: np.ndarray) -> np.ndarray:
        return np.broadcast_to(beta[1:, None], (p, len(y))).reshape(points.shape).copy()

    # Exact derivatives: odrpack's steps are relative, and of centred columns the intercept is zero.
    result = odrpack.odr_fit(
        lambda points, beta: beta[0] + beta[1:] @ np.atleast_2d(points),
        z[:, :p].T if p > 1 else z[:, 0],
        z[:, p],
        begin,
        weight_x=weight[:, :p].T if p > 1 else weight[:, 0],
        weight_y=weight[:, p],
        jac_beta=by_beta,
        jac_x=by_x,
        maxit=500,
    )
    back = np.eye(p + 1) * scale[p]
    back[1:, 1:] /= scale[:p, None]
    back[0, 1:] = -(centre[:p] / scale[:p]) * scale[p]
    solution = back @ result.beta
    solution[0] += centre[p]
    return solution, back @ result.cov_beta @ back.T
