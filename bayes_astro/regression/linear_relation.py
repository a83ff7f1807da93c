"""A straight line (or plane) with errors on all axes, intrinsic scatter and outliers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.data import Measurements
from bayes_astro.model import Model
from bayes_astro.priors import Prior
from bayes_astro.regression import inputs, population, predictive

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr

    from bayes_astro.diagnostics import Check

__all__ = ["LinearRelation"]


@dataclass(eq=False, repr=False)
class LinearRelation(Model):
    r"""y = intercept + slope . x, with errors on all axes.

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
    >>> _ = model.fit(ba.load("hogg-2010")[4:], seed=1, progress=False)  # doctest: +SKIP
    """

    response: str
    scatter: bool = True
    outliers: bool = False
    priors: dict[str, Prior] | None = None

    data_type: ClassVar[type] = Measurements
    figures: ClassVar[str] = "linear_relation"
    references: ClassVar[tuple[str, ...]] = ("kelly2007", "hogg2010")
    samplers: ClassVar[tuple[str, ...]] = ("NUTS", "Emcee")
    working: ClassVar[tuple[str, ...]] = ("partial_unit",)

    def check_parameters(self) -> None:
        """Raise ValueError for a parameter of the wrong kind."""
        if not isinstance(self.response, str):
            raise ValueError(f"response must be the name of a column, got {self.response!r}.")
        for name in ("scatter", "outliers"):
            if not isinstance(getattr(self, name), bool | np.bool_):
                raise ValueError(f"{name} must be True or False, got {getattr(self, name)!r}.")

    def check_data(self, data: Measurements) -> None:
        """Raise ValueError for data that leave the line undetermined."""
        column = data.index(self.response)
        if data.value.shape[1] < 2:
            raise ValueError(
                f"LinearRelation needs a predictor beside {self.response!r}; this table has none."
            )
        if data.projection is not None or data.weight is not None:
            raise ValueError(
                "LinearRelation takes neither projections nor weights: give Measurements without "
                "them. (An error bar says how well a point is known; a weight is not an error.)"
            )
        missing = np.isnan(data.value)
        if missing.any():
            row, where = np.argwhere(missing)[0]
            raise ValueError(
                f"column {data.names[where]!r}, row {row}: missing value ({missing.any(1).sum()} "
                "rows in all). Drop them: data[~data.missing.any(axis=1)]."
            )
        if len(data) < data.value.shape[1] + 1:
            raise ValueError(
                f"{len(data)} rows are too few for {data.value.shape[1] - 1} slopes and an "
                f"intercept: at least {data.value.shape[1] + 1} are needed."
            )
        for i, name in enumerate(data.names):
            if np.ptp(data.value[:, i]) == 0:
                raise ValueError(
                    f"column {name!r} is constant ({data.value[0, i]:g} in every row): "
                    "there is no relation to fit. Leave it out."
                )
        exact = data.covariance[:, column, column] <= 0
        if exact.any() and not self.scatter:
            raise ValueError(
                f"column {self.response!r}, row {np.argmax(exact)}: error 0 ({exact.sum()} rows) "
                "needs scatter=True, or an error bar above zero."
            )

    def units(self, data: Measurements) -> dict[str, str]:
        """Units of the parameters, where the table has units."""
        by_name = dict(zip(data.names, data.units or ("",) * len(data.names), strict=True))
        response = by_name.pop(self.response, "")
        units = dict.fromkeys(
            ("intercept", "response_mean", "scatter", "outlier_mean", "outlier_scatter"), response
        )
        if len(set(by_name.values())) == 1:
            predictor = next(iter(by_name.values()))
            units |= {"predictor_mean": predictor, "predictor_width": predictor}
            if predictor or response:
                units["slope"] = f"{response or '1'} / ({predictor})" if predictor else response
        return {name: unit for name, unit in units.items() if unit}

    def default_priors(self, data: Measurements) -> dict[str, Prior]:
        """Weakly informative, in the units of the data."""
        x, y, _ = inputs.ordered(data, self.response)
        spread, width = float(np.std(y)), np.std(x, axis=0)
        p = x.shape[1]

        def listed(values: Any) -> Any:
            return float(values[0]) if p == 1 else [float(v) for v in values]

        priors = {
            "slope": Prior("Cauchy", alpha=0.0, beta=listed(spread / width)),
            "response_mean": Prior("Normal", mu=float(np.mean(y)), sigma=10 * spread),
            "predictor_mean": Prior("Normal", mu=listed(x.mean(axis=0)), sigma=listed(3 * width)),
            "predictor_width": Prior("LogNormal", mu=listed(np.log(width)), sigma=0.7),
        }
        if "intercept" in (self.priors or {}):
            del priors["response_mean"]
            priors["intercept"] = Prior("Normal", mu=float(np.mean(y)), sigma=10 * spread)
        if self.scatter:
            priors["scatter"] = Prior("HalfNormal", sigma=spread)
        if self.outliers:
            priors |= {
                "outlier_fraction": Prior("Uniform", lower=0.0, upper=0.5),
                "outlier_mean": Prior("Normal", mu=float(np.mean(y)), sigma=2 * spread),
                "outlier_scatter": Prior("HalfNormal", sigma=2 * spread),
            }
        return priors

    def check_priors(self, priors: dict[str, Prior], data: Measurements) -> None:
        """Scales must be positive and the fraction within [0, 1]."""
        p = len(data.names) - 1
        for name, prior in priors.items():
            lower, upper = prior.support
            if name in ("scatter", "predictor_width", "outlier_scatter") and np.any(lower < 0):
                raise ValueError(
                    f"Prior of {name!r}: {prior} admits negative values; use HalfNormal, "
                    "LogNormal, ..."
                )
            if name == "outlier_fraction" and (np.any(lower < 0) or np.any(upper > 1)):
                raise ValueError(f"Prior of {name!r}: {prior} must stay within 0 and 1.")
            by_predictor = name in ("slope", "predictor_mean", "predictor_width")
            for key, value in prior.arguments.items():
                if np.size(value) != 1 and not (by_predictor and np.size(value) == p):
                    raise ValueError(
                        f"Prior of {name!r}: {key} has {np.size(value)} entries, expected "
                        f"{f'1 or {p}' if by_predictor else 1}."
                    )

    def predictors(self, data: Measurements) -> list[str]:
        """Names of the predictors, in order."""
        return inputs.predictors(data, self.response)

    def observed(self, data: Measurements) -> np.ndarray:
        """The response of every row."""
        return data.column(self.response)

    def arrays(self, data: Measurements, priors: dict[str, Prior]) -> dict[str, np.ndarray]:
        """What `build` holds in ``pm.Data``."""
        x, y, covariance = inputs.ordered(data, self.response)
        return {"value": np.column_stack([x, y]), "covariance": covariance}

    def build(self, data: Measurements, priors: dict[str, Prior] | None = None) -> pm.Model:
        """The marginal model; see the class for its equations."""
        import pymc as pm
        import pytensor.tensor as pt

        from bayes_astro.likelihoods.ops import LinearRelationDensity

        priors = self.resolve_priors(data) if priors is None else priors
        predictors = self.predictors(data)
        pairs = [f"{a}, {b}" for j, b in enumerate(predictors) for a in predictors[:j]]
        with pm.Model(coords={"predictor": predictors, "pair": pairs}) as model:
            arrays = {
                name: pm.Data(name, array) for name, array in self.arrays(data, priors).items()
            }
            slope = priors["slope"].variable("slope", dims="predictor")
            mean = priors["predictor_mean"].variable("predictor_mean", dims="predictor")
            width = priors["predictor_width"].variable("predictor_width", dims="predictor")
            if "intercept" in priors:
                intercept = priors["intercept"].variable("intercept")
                centre = pm.Deterministic("response_mean", intercept + pt.dot(slope, mean))
            else:
                centre = priors["response_mean"].variable("response_mean")
                pm.Deterministic("intercept", centre - pt.dot(slope, mean))
            scatter = priors["scatter"].variable("scatter") if self.scatter else 0.0
            partial = None
            if len(predictors) > 1:
                shape = population.vine_shape(len(predictors))
                unit = pm.Beta("partial_unit", shape, shape, shape=len(shape))
                partial = pm.Deterministic("partial_correlation", 2 * unit - 1, dims="pair")
            cholesky = pt.stack(
                [
                    pt.stack(row)
                    for row in population.cholesky(width, partial, len(predictors), pt.sqrt)
                ]
            )
            fraction = outlier_mean = outlier_scatter = pt.constant(0.0)
            if self.outliers:
                fraction = priors["outlier_fraction"].variable("outlier_fraction")
                outlier_mean = priors["outlier_mean"].variable("outlier_mean")
                outlier_scatter = priors["outlier_scatter"].variable("outlier_scatter")
            density = LinearRelationDensity()(
                centre,
                slope,
                scatter,
                mean,
                cholesky,
                fraction,
                outlier_mean,
                outlier_scatter,
                arrays["value"],
                arrays["covariance"],
            )
            pm.Potential("measurements", density[0])
        return model

    def pointwise(self, draws: xr.Dataset, data: Measurements) -> xr.DataArray:
        """Joint log density of predictors and response of every row: (chain, draw, row)."""
        line, outlier = predictive.log_densities(draws, *inputs.ordered(data, self.response))
        return inputs.by_row(draws, np.logaddexp(line, outlier))

    def log_predictive(self, draws: xr.Dataset, data: Measurements) -> xr.DataArray:
        """Log density of every response given its measured predictors: (chain, draw, row)."""
        x, _, covariance = inputs.ordered(data, self.response)
        marginal = predictive.log_predictors(draws, x, covariance)
        return self.pointwise(draws, data) - inputs.by_row(draws, marginal)

    def standardised(self, draws: xr.Dataset, data: Measurements) -> np.ndarray:
        """Normal scores of every response given its measured predictors."""
        scores = predictive.normal_scores(draws, *inputs.ordered(data, self.response))
        return inputs.by_row(draws, scores).values

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
            for i, name in enumerate(self.predictors(data))
            if name not in ("signal", "observation")
        }
        return xr.Dataset(
            {
                "signal": inputs.by_row(draws, signal),
                "observation": inputs.by_row(draws, observation),
                **columns,
            }
        )

    def prior_draws(
        self,
        design: Measurements,
        priors: dict[str, Prior],
        draws: int,
        rng: np.random.Generator,
    ) -> xr.Dataset:
        """Draws of all variables from the prior."""
        import xarray as xr

        names = self.predictors(design)
        p = len(names)
        by_predictor = ("slope", "predictor_mean", "predictor_width")
        values = {
            name: prior.sample(rng, (draws, p) if name in by_predictor else (draws,))
            for name, prior in priors.items()
        }
        along = np.sum(values["slope"] * values["predictor_mean"], axis=1)
        if "intercept" in values:
            values["response_mean"] = values["intercept"] + along
        else:
            values["intercept"] = values["response_mean"] - along
        arrays = {
            name: (
                ("chain", "draw", "predictor") if name in by_predictor else ("chain", "draw"),
                value[None],
            )
            for name, value in values.items()
        }
        if p > 1:
            shape = population.vine_shape(p)
            partial = 2 * rng.beta(shape, shape, (1, draws, len(shape))) - 1
            arrays["partial_correlation"] = (("chain", "draw", "pair"), partial)
        return xr.Dataset(arrays, {"predictor": names})

    def simulate_data(
        self, parameters: xr.Dataset, design: Measurements, rng: np.random.Generator
    ) -> Measurements:
        """New predictors and responses with the errors of `design`."""
        _, _, covariance = inputs.ordered(design, self.response)
        observed = predictive.simulate(parameters.expand_dims(["chain", "draw"]), covariance, rng)
        order = [*self.predictors(design), self.response]
        value = np.empty_like(observed)
        for i, name in enumerate(order):
            value[:, design.index(name)] = observed[:, i]
        return design.replace(value=value)

    def starts(
        self,
        data: Measurements,
        priors: dict[str, Prior],
        count: int,
        rng: np.random.Generator,
    ) -> dict[str, np.ndarray]:
        """About the least-squares line of bootstrap samples."""
        x, y, _ = inputs.ordered(data, self.response)
        n, p = x.shape
        of_the_line = [name for name in priors if not name.startswith("outlier_")]
        values: dict[str, list[Any]] = {name: [] for name in of_the_line}
        for _ in range(count):
            rows = rng.integers(n, size=n)
            while np.any(np.ptp(x[rows], axis=0) == 0):
                rows = rng.integers(n, size=n)
            mean, width = x[rows].mean(axis=0), x[rows].std(axis=0)
            slope, *_ = np.linalg.lstsq((x[rows] - mean) / width, y[rows] - y[rows].mean())
            slope = slope / width
            residual = y[rows] - y[rows].mean() - (x[rows] - mean) @ slope
            guess = {
                "slope": slope,
                "predictor_mean": mean,
                "predictor_width": width,
                "response_mean": y[rows].mean(),
                "intercept": y[rows].mean() - mean @ slope,
                "scatter": rng.uniform(0.1, 1.0) * max(residual.std(), 1e-3 * y.std()),
            }
            for name, value in values.items():
                value.append(guess[name])
        starts = {name: np.array(value) for name, value in values.items()}
        for name, prior in priors.items():
            if name not in starts:  # outliers start anywhere: they may have more than one answer
                starts[name] = prior.sample(rng, (count,))
        for name, prior in priors.items():
            lower, upper = (np.asarray(edge, dtype=float) for edge in prior.support)
            inside = (starts[name] > lower) & (starts[name] < upper)
            if not inside.all():
                starts[name] = np.where(inside, starts[name], prior.sample(rng, inside.shape))
        if p > 1:
            starts["partial_unit"] = rng.uniform(0.4, 0.6, (count, p * (p - 1) // 2))
        return starts

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
        """Posterior probability of each row to be an outlier, shape (n,)."""
        if not self.outliers:
            raise ValueError("This model has no outliers: fit it with outliers=True.")
        return self.posterior["outliers"]["probability"].values

    def checks(self) -> list[Check]:
        """Does the line describe the points: chi-square of replicated data against the data's."""
        from bayes_astro.diagnostics import goodness_of_fit

        advice = (
            "fit with outliers=True, or look at the residuals for curvature"
            if self.scatter
            else "fit with scatter=True or outliers=True"
        )
        return [goodness_of_fit(self, advice)]

    def baseline(self, method: str = "odr") -> Any:
        """Orthogonal distance regression, or weighted least squares with ``method="wls"``."""
        from bayes_astro.baselines.linear_relation import LeastSquaresLine

        return LeastSquaresLine(self.response, method=method)

    def equation(self) -> str:
        """The model in one line."""
        text = f"{self.response} = intercept + slope . x"
        text += " + N(0, scatter²)" if self.scatter else ""
        text += ", measured with covariance S_i; true x ~ N(predictor_mean, T), marginalised"
        return text + ("; outliers with probability outlier_fraction" if self.outliers else "")
