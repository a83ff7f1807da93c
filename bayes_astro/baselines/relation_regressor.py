"""Relations by any regression, with errors by resampling the points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.baselines import regressions
from bayes_astro.baselines.base import Baseline
from bayes_astro.baselines.noise import Noise
from bayes_astro.baselines.regressions import CURVES, LINES, MOST_DENSE, Curve, Points
from bayes_astro.data import Measurements
from bayes_astro.draws import by_row
from bayes_astro.parameters import Setting, choice, text, whole
from bayes_astro.regression import inputs
from bayes_astro.regression.rows import ordered, predictors

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["RelationRegressor"]

MORE = 5  # points than predictors, of which samples differ


@dataclass(eq=False, repr=False)
class RelationRegressor(Baseline):
    """A line or a curve by regression, with bootstrap errors.

    Errors of the predictors are used by "odr" alone: all others predict the response from predictors as they
    are measured. Those of the response are weights, 1 / (error^2 + scatter^2) with a robust scatter ("wls":
    1 / error^2; none of "ols", "odr" and "theil-sen"). Predictors and response are scaled to unit spread, and
    penalties, leaves and widths are those with the best prediction of points left out.

    Parameters
    ----------
    response : str
        Name of the response; all other columns are predictors.
    method : str or scikit-learn regressor
        Lines: "ols", "wls" and "odr" (as `LeastSquaresLine`), "ridge", "lasso", "huber", "theil-sen". Curves:
        "random-forest", "svm", "gaussian-process", "kernel" (Nadaraya-Watson); or an estimator, which is
        cloned, gets the points as they are, and is not saved.
    resamples : int
        Fits to as many points drawn again with replacement.

    Notes
    -----
    The first draw of the posterior is the fit to the points as they are, the others are those of the bootstrap;
    the summary has the first, and the standard deviation of the others. ``scatter`` is that of a Student-t
    about the relation beyond the errors of the response, with as many degrees of freedom as the residuals of
    points left out ask for (group ``noise``; a normal unless they say otherwise), so that single outliers
    do not set it. Of a curve ``times`` says how often each row is in a sample. Group ``tuning`` has
    what was chosen.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> points = ba.load("hogg-2010")
    >>> line = ba.baselines.RelationRegressor("y", "huber", resamples=30)
    >>> _ = line.fit(points, seed=1)
    >>> round(float(line.summary().loc["slope[x]", "mean"]), 1)
    1.6
    """

    response: str
    method: Any = "ols"
    resamples: int = 50

    data_type: ClassVar[type] = Measurements
    settings: ClassVar[dict[str, Setting]] = {
        "response": text("the name of a column"),
        "resamples": whole(10, 100_000),
    }
    references: ClassVar[tuple[str, ...]] = ("pedregosa2011", "efron1979")
    by_curve: ClassVar[tuple[str, ...]] = ("times",)

    _curves = None  # without a type, so that it is no parameter

    def check_settings(self) -> None:
        """Raise ValueError for what is no regression."""
        if isinstance(self.method, str):
            choice(*LINES, *CURVES)("method", self.method)
        elif isinstance(self.method, type) or not hasattr(self.method, "predict"):
            raise ValueError(
                f"method={self.method!r:.80} must be one of {', '.join((*LINES, *CURVES))}, or a regressor of "
                "scikit-learn, with brackets."
            )

    def check_data(self, data: Measurements) -> None:
        """The same demands as the Bayesian line."""
        inputs.check(data, self.response)
        fewest = data.d - 1 + MORE
        if len(data) < fewest:
            raise ValueError(
                f"{len(data)} rows are too few to be drawn again with replacement: at least {fewest} are "
                "needed. ba.baselines.LeastSquaresLine has errors of fewer."
            )
        if self.method == "gaussian-process" and len(data) > MOST_DENSE:
            raise ValueError(
                f"a Gaussian process of {len(data)} points takes too long (at most {MOST_DENSE}): "
                "fit some of them, data[::10], or use method='kernel'."
            )

    def responses(self, data: Measurements) -> np.ndarray:
        """The response of every row."""
        return data.column(self.response)

    def units(self, data: Measurements) -> dict[str, str]:
        """As for the Bayesian line."""
        slope, response, _ = inputs.units(data, self.response)
        of_line = {"slope": slope, "intercept": response} if self._is_line() else {}
        return of_line | {"scatter": response}

    def can_draw(self, figure: str) -> bool:
        """The figures of a line, of lines; it knows no population."""
        return self._is_line() and figure in ("relation", "corner")

    def _is_line(self) -> bool:
        return isinstance(self.method, str) and self.method in LINES

    def estimate(self, data: Measurements) -> Any:
        """The fit to the points, those of the bootstrap, and the standard deviations of these."""
        import xarray as xr

        self._curves = None
        points = Points.of(*ordered(data, self.response))
        tuning = regressions.tuned(self.method, points)
        residual = regressions.held_out_residuals(self.method, points, tuning)
        samples = self._samples(points, np.random.default_rng([self._seed, 2]))
        as_they_are = np.arange(len(residual))
        noise = Noise.of(residual, self._variance(points, tuning))
        scatter = [noise.scatter, *(noise.take(rows).scatter for rows in samples)]
        found: dict[str, tuple[tuple[str, ...], Any]] = {"scatter": ((), np.array(scatter))}
        coords: dict[str, Any] = {}
        if self._is_line():
            lines = [
                regressions.line(self.method, points.take(rows), tuning)
                for rows in (as_they_are, *samples)
            ]
            found = {
                "intercept": ((), np.array(lines)[:, 0]),
                "slope": (("predictor",), np.array(lines)[:, 1:]),
            } | found
            coords["predictor"] = predictors(data, self.response)
        else:
            times = [np.bincount(rows, minlength=len(residual)) for rows in (as_they_are, *samples)]
            found["times"] = (("row",), np.array(times, dtype=float))
        first = {name: (dims, values[0]) for name, (dims, values) in found.items()}
        spread = {
            name: (dims, np.maximum(values[1:].std(axis=0, ddof=1), 1e-300))
            for name, (dims, values) in found.items()
        }
        replicates = {name: values[1:] for name, (_, values) in found.items()}
        groups: dict[str, Any] = {
            "coords": coords,
            "replicates": replicates,
            "noise": xr.Dataset({"degrees_of_freedom": noise.freedom}),
        }
        return first, spread, groups | ({"tuning": xr.Dataset(tuning)} if tuning else {})

    def _variance(self, points: Points, tuning: dict[str, float]) -> np.ndarray:
        """Of the residuals, as far as it is known: errors of the response, of "odr" those of all columns."""
        if self.method != "odr":
            return points.variance[:, -1]
        slope = regressions.line("odr", points, tuning)[1:]
        return points.variance[:, -1] + points.variance[:, :-1] @ slope**2

    def _samples(self, points: Points, rng: np.random.Generator) -> list[np.ndarray]:
        """Rows drawn again with replacement, sorted; none that leave a line undetermined."""
        n, p = points.x.shape
        x, _ = points.scaled()
        found: list[np.ndarray] = []
        while len(found) < self.resamples:
            rows = np.sort(rng.integers(n, size=n))
            own = x[rows] - x[rows].mean(axis=0)
            few = len(np.unique(rows)) < p + 2 or np.ptp(points.y[rows]) == 0
            if not few and np.linalg.matrix_rank(own, tol=1e-6) == p:
                found.append(rows)
        return found

    def _relation(self, draws: xr.Dataset, x: np.ndarray) -> np.ndarray:
        """The relation of every draw at predictors (m, p): (draws, m)."""
        if self._is_line():
            slope = draws["slope"].transpose("chain", "draw", "predictor").values
            return draws["intercept"].values.reshape(-1, 1) + slope.reshape(-1, x.shape[1]) @ x.T
        times = draws["times"].transpose("chain", "draw", "row").values
        each, again = np.unique(times.reshape(-1, times.shape[-1]), axis=0, return_inverse=True)
        return np.array([self._curve(one)(x) for one in each])[np.ravel(again)]

    def _curve(self, times: np.ndarray) -> Curve:
        """The curve through each row so many times; fitted anew after `ba.open`."""
        if self._curves is None:
            self._curves = dict[bytes, Curve]()
        key = times.tobytes()
        if key not in self._curves:
            data = self.data
            points = Points.of(*ordered(data, self.response))
            rows = np.repeat(np.arange(len(data)), times.astype(int))
            kept = self.posterior["tuning"].to_dataset() if "tuning" in self.posterior else {}
            tuning = {str(name): float(kept[name]) for name in kept}
            self._curves[key] = regressions.curve(self.method, points.take(rows), tuning)
        return self._curves[key]

    def _noise(self, draws: xr.Dataset, covariance: np.ndarray) -> tuple[np.ndarray, float]:
        """Scale of an observation about the relation (draws, m), and its degrees of freedom."""
        variance = np.broadcast_to(covariance[:, -1, -1], (draws["scatter"].size, len(covariance)))
        if self.method == "odr":
            slope = draws["slope"].transpose("chain", "draw", "predictor").values
            slope = slope.reshape(-1, slope.shape[-1])
            direction = np.concatenate([-slope, np.ones((len(slope), 1))], axis=1)
            variance = np.einsum("sp,mpq,sq->sm", direction, covariance, direction)
        scale = np.sqrt(draws["scatter"].values.reshape(-1, 1) ** 2 + np.maximum(variance, 0.0))
        return scale, float(self.posterior["noise"]["degrees_of_freedom"])

    def forecast(
        self, draws: xr.Dataset, data: Measurements, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """The relation at the (measured) predictors, and observations about it."""
        import xarray as xr

        x, covariance = inputs.new_predictors(data, self.response, at)
        signal = self._relation(draws, x)
        scale, freedom = self._noise(draws, covariance)
        noisy = signal + scale * Noise.draw(freedom, signal.shape, rng)
        names = predictors(data, self.response)
        return xr.Dataset(
            {"signal": by_row(draws, signal), "observation": by_row(draws, noisy)}
            | {
                name: ("row", x[:, i])
                for i, name in enumerate(names)
                if name not in ("signal", "observation")
            }
        )

    def pointwise(self, draws: xr.Dataset, data: Measurements) -> xr.DataArray:
        """Log density of every response about the relation: (chain, draw, row)."""
        x, covariance = inputs.new_predictors(self._fitted_or(data), self.response, data)
        scale, freedom = self._noise(draws, covariance)
        residual = self.responses(data) - self._relation(draws, x)
        return by_row(draws, Noise.log_density(residual, scale, freedom))
