"""A straight line (or plane) with errors on all axes, intrinsic scatter and outliers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro import residuals
from bayes_astro.data import Measurements
from bayes_astro.diagnostics import Check, goodness_of_fit, repeated_in_columns
from bayes_astro.draws import by_row
from bayes_astro.model import Model
from bayes_astro.parameters import Parameter, Setting, switch, text
from bayes_astro.priors import Prior, recorded
from bayes_astro.regression import inputs, predictive, predictor_population
from bayes_astro.regression.problem import LineProblem
from bayes_astro.samplers.curvature import climb
from bayes_astro.stated_errors import flat_middle, of_columns

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["LinearRelation"]

STEPS, MOST = 60, 20_000
"""Steps of a climb with other errors, and rows up to which there is one."""


@dataclass(eq=False, repr=False)
class LinearRelation(Model):
    r"""A line or plane, with errors on all axes, intrinsic scatter and outliers.

    The story. Every object has true predictors, Gaussian over the population, and a true response
    about the line; both are measured with the object's own error covariance S_i:

    .. code-block:: text

        x_i ~ N(predictor_mean, T)
        y_i ~ N(response_mean + slope . (x_i - predictor_mean), scatter^2)
        (x_obs, y_obs)_i ~ N((x_i, y_i), S_i)

    All is Gaussian and linear, so that the true values integrate out exactly: adding the three
    lines, (x_obs, y_obs)_i is Gaussian with mean (predictor_mean, response_mean) and covariance
    [[T, T b], [b'T, b'T b + scatter^2]] + S_i with b the slopes. That is what is sampled
    (`bayes_astro.likelihoods.linear_relation`), with
    intercept = response_mean - slope . predictor_mean.

    The population of the true predictors, fitted with the line, is what keeps the slope unbiased:
    a flat prior on them, or taking the best x of each point, biases it by several of its standard
    deviations where the errors in x are half of the spread of x (Gull 1989; Kelly 2007). One
    Gaussian is enough for the line even where the predictors are far from Gaussian.

    With ``outliers`` a point forgets the line with probability ``outlier_fraction``: its response
    is then N(outlier_mean, outlier_scatter^2) (Hogg, Bovy & Lang 2010, equation 17).

    Parameters
    ----------
    response : str
        Name of the response; all other columns are predictors.
    scatter : bool
        Fit an intrinsic scatter about the line.
    outliers : bool
        Fit an outlier component.
    priors : dict of str to Prior, optional
        By parameter. Defaults, scaled from the data: ``slope`` Cauchy (uniform in angle once both
        axes have unit spread), ``response_mean`` Normal, ``scatter`` HalfNormal with the spread
        of the response, ``predictor_mean`` Normal, ``predictor_width`` LogNormal (several
        predictors: with a uniform prior over correlation matrices), ``outlier_fraction`` Uniform
        from 0 to 0.5, ``outlier_mean`` Normal, ``outlier_scatter`` HalfNormal.
        ``intercept`` may be given in place of ``response_mean``: it then holds at x = 0.

    Notes
    -----
    Variables: ``slope`` by ``predictor``, ``intercept``, ``scatter``; ``response_mean``,
    ``predictor_mean`` and ``predictor_width``; with outliers ``outlier_fraction``,
    ``outlier_mean``, ``outlier_scatter`` and, in the group ``outliers``, the ``probability`` of
    each row. `predict` takes predictors known exactly, as an array (m, p), or `Measurements`.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> model = ba.LinearRelation("y", scatter=False)
    >>> points = ba.load("hogg-2010")[4:]
    >>> _ = model.fit(points, ba.Laplace(draws=400), seed=1, progress=False)
    >>> round(float(model.posterior["posterior"]["slope"].mean()), 1)
    2.2
    """

    response: str
    scatter: bool = True
    outliers: bool = False
    priors: dict[str, Prior] | None = None

    data_type: ClassVar[type] = Measurements
    settings: ClassVar[dict[str, Setting]] = {
        "response": text("the name of a column"),
        "scatter": switch,
        "outliers": switch,
    }
    references: ClassVar[tuple[str, ...]] = ("kelly2007", "hogg2010")
    samplers: ClassVar[tuple[str, ...]] = ("NUTS", "Emcee", "Laplace", "MAP")
    internal: ClassVar[tuple[str, ...]] = ("partial_unit",)

    def check_data(self, data: Measurements) -> None:
        """Raise ValueError for data that leave the line undetermined."""
        inputs.check(data, self.response)
        exact = data.covariance[:, data.index(self.response), data.index(self.response)] <= 0
        if exact.any() and not self.scatter:
            raise ValueError(
                f"column {self.response!r}, row {np.argmax(exact)}: error 0 ({exact.sum()} rows) "
                "needs scatter=True, or an error bar above zero."
            )

    def coords(self, data: Measurements) -> dict[str, Any]:
        """The predictors."""
        return {"predictor": inputs.predictors(data, self.response)}

    def parameters(self, data: Measurements) -> list[Parameter]:
        """See the class; weakly informative, in the units of the data."""
        x, y, _ = inputs.ordered(data, self.response)
        spread, width, middle = float(np.std(y)), np.std(x, axis=0), float(np.mean(y))
        slope_unit, response, predictor = inputs.units(data, self.response)

        def listed(values: Any) -> Any:
            return float(values[0]) if x.shape[1] == 1 else [float(v) for v in values]

        by = ("predictor",)
        level = (
            "intercept"
            if isinstance(self.priors, dict) and "intercept" in self.priors
            else "response_mean"
        )
        found = [
            Parameter("slope", Prior("Cauchy", alpha=0.0, beta=listed(spread / width)), by,
                      slope_unit),
            Parameter(level, Prior("Normal", mu=middle, sigma=10 * spread), (), response),
            Parameter("predictor_mean",
                      Prior("Normal", mu=listed(x.mean(axis=0)), sigma=listed(3 * width)), by,
                      predictor),
            Parameter("predictor_width",
                      Prior("LogNormal", mu=listed(np.log(width)), sigma=0.7), by, predictor,
                      "positive"),
        ]  # fmt: skip
        if self.scatter:
            half = Prior("HalfNormal", sigma=spread)
            found.append(Parameter("scatter", half, (), response, "positive"))
        if self.outliers:
            wide = Prior("HalfNormal", sigma=2 * spread)
            found += [
                Parameter("outlier_fraction", Prior("Uniform", lower=0.0, upper=0.5),
                          support="unit"),
                Parameter("outlier_mean", Prior("Normal", mu=middle, sigma=2 * spread), (),
                          response),
                Parameter("outlier_scatter", wide, (), response, "positive"),
            ]  # fmt: skip
        return found

    def units(self, data: Measurements) -> dict[str, str]:
        """Those of the parameters, intercept and mean response both."""
        response = inputs.units(data, self.response)[1]
        both = dict.fromkeys(("intercept", "response_mean"), response) if response else {}
        return super().units(data) | both

    def default_sampler(self, data: Measurements) -> tuple[Any, str]:
        """Small steps where a second population may be empty."""
        from bayes_astro.samplers import NUTS

        return NUTS(target_accept=0.95 if self.outliers else 0.9), ""

    def problem(self, data: Measurements, priors: dict[str, Prior]) -> LineProblem:
        """The marginal posterior."""
        return LineProblem(self, data, priors)

    def responses(self, data: Measurements) -> np.ndarray:
        """The response of every row."""
        return data.column(self.response)

    def pointwise(self, draws: xr.Dataset, data: Measurements) -> xr.DataArray:
        """Joint log density of predictors and response of every row: (chain, draw, row)."""
        line, outlier = predictive.log_densities(draws, *inputs.ordered(data, self.response))
        return by_row(draws, np.logaddexp(line, outlier))

    def log_predictive(self, draws: xr.Dataset, data: Measurements) -> xr.DataArray:
        """Log density of every response given its measured predictors: (chain, draw, row)."""
        x, _, covariance = inputs.ordered(data, self.response)
        marginal = predictive.log_predictors(draws, x, covariance)
        return self.pointwise(draws, data) - by_row(draws, marginal)

    def normal_residuals(self, draws: xr.Dataset, data: Measurements) -> np.ndarray:
        """Normal scores of every response given its measured predictors."""
        scores = predictive.normal_scores(draws, *inputs.ordered(data, self.response))
        return by_row(draws, scores).values

    def forecast(
        self, draws: xr.Dataset, data: Measurements, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """Response at new predictors.

        Parameters
        ----------
        draws : xarray.Dataset
        data : Measurements
            Those that were fitted.
        at : array (m, p) or (m,), Quantity, or Measurements
            Predictors known exactly; or measured ones, with their errors: then the line is taken
            at draws of the true predictors, and ``observation`` has the response's own errors.
        rng : numpy.random.Generator

        Returns
        -------
        xarray.Dataset
            ``signal`` (the line) and ``observation`` (with scatter, outliers and errors):
            (chain, draw, row).
        """
        import xarray as xr

        x, noise = inputs.new_predictors(data, self.response, at)
        signal, observation = predictive.draw_responses(draws, x, noise, rng)
        columns = {
            name: ("row", x[:, i])
            for i, name in enumerate(inputs.predictors(data, self.response))
            if name not in ("signal", "observation")
        }
        return xr.Dataset(
            {
                "signal": by_row(draws, signal),
                "observation": by_row(draws, observation),
                **columns,
            }
        )

    def latents(
        self, draws: xr.Dataset, design: Measurements, rng: np.random.Generator
    ) -> xr.Dataset:
        """Intercept or mean response, and partial correlations of several predictors."""
        along = (draws["slope"] * draws["predictor_mean"]).sum("predictor")
        if "intercept" in draws:
            draws = draws.assign(response_mean=draws["intercept"] + along)
        else:
            draws = draws.assign(intercept=draws["response_mean"] - along)
        p = draws.sizes["predictor"]
        if p > 1:
            shape = predictor_population.vine_shape(p)
            partial = 2 * rng.beta(shape, shape, (1, draws.sizes["draw"], len(shape))) - 1
            draws["partial_correlation"] = (("chain", "draw", "pair"), partial)
        return draws

    def simulate_data(
        self, parameters: xr.Dataset, design: Measurements, rng: np.random.Generator
    ) -> Measurements:
        """New predictors and responses with the errors of `design`."""
        _, _, covariance = inputs.ordered(design, self.response)
        observed = predictive.simulate(parameters.expand_dims(["chain", "draw"]), covariance, rng)
        order = [*inputs.predictors(design, self.response), self.response]
        value = np.empty_like(observed)
        for i, name in enumerate(order):
            value[:, design.index(name)] = observed[:, i]
        return design.replace(value=value)

    def groups(self, tree: xr.DataTree, data: Measurements) -> dict[str, xr.Dataset]:
        """The probability of each row to be an outlier, averaged over the posterior."""
        import xarray as xr

        if not self.outliers:
            return {}
        draws = tree["posterior"].to_dataset()
        line, outlier = predictive.log_densities(draws, *inputs.ordered(data, self.response))
        probability = np.exp(outlier - np.logaddexp(line, outlier)).mean(axis=0)
        return {"outliers": xr.Dataset({"probability": ("row", probability)})}

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

    def checks(self) -> list[Check]:
        """Does the line describe the points: size, tails and curvature of the residuals."""
        advice = (
            "fit with outliers=True, or look at the residuals for curvature"
            if self.scatter
            else "fit with scatter=True or outliers=True"
        )
        data, rows = self.data, residuals.of_draws(self)
        columns = {name: data.column(name) for name in data.names if name != self.response}
        tails = "look for outliers" if self.outliers else "fit with outliers=True"
        # Three of fifty points off by ten scatters: the scatter is four times too large.
        heavy = {} if self.outliers else {"heavy": 1e-4}
        bent = "use other variables (logarithms, colours), or a shorter range"
        return [
            goodness_of_fit(self, advice),
            residuals.normal(rows, f"the residuals are not normal: {tails}", **heavy),
            *residuals.against(rows, columns, bent),
            *residuals.with_sign(rows, data.error[:, data.index(self.response)], fails=True),
            self._predictors(),
            *self._stated_errors(),
            repeated_in_columns(
                {name: data.column(name) for name in data.names},
                "leave them out, if they are marks",
            ),
        ]

    def _predictors(self) -> Check:
        """Are the measured predictors as their Gaussian population and their errors have them?"""
        from scipy.special import ndtr

        posterior, data, columns = residuals.some(self, 50), self.data, []
        names = inputs.predictors(data, self.response)
        for j, name in enumerate(names):
            one = posterior.isel(predictor=j)
            mean, width = (
                one[k].values.ravel()[:, None] for k in ("predictor_mean", "predictor_width")
            )
            error = data.error[:, data.index(name)]
            score = (data.column(name) - mean) / np.hypot(width, error)
            columns.append(ndtr(score).mean(axis=0))
        advice = "a selection in it or in the response, outliers, or no Gaussian; the slope may be biased"
        return residuals.distribution(np.array(columns).T, names, advice, fails=False)

    def _stated_errors(self) -> list[Check]:
        """How much higher the maximum is where the errors of a column, or of all, are others."""
        data = self.data
        if len(data) > MOST:
            return []
        problem = self.problem(data, recorded(self))
        start = flat_middle(self, problem)[None]

        def height(factor: np.ndarray) -> float:
            scaled = data.replace(covariance=np.outer(factor, factor) * data.covariance)
            return climb(self.problem(scaled, problem.priors).density, start, STEPS)[1]

        return of_columns(height, data.names, "the line")

    def equation(self) -> str:
        """The model in one line."""
        text = f"{self.response} = intercept + slope . x"
        text += " + N(0, scatter²)" if self.scatter else ""
        text += ", measured with covariance S_i; true x ~ N(predictor_mean, T), marginalised"
        return text + ("; outliers with probability outlier_fraction" if self.outliers else "")
