"""A straight line (or plane) with errors on all axes, scatter, outliers, limits and a selection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.data import Measurements
from bayes_astro.diagnostics import Check
from bayes_astro.draws import by_row
from bayes_astro.model import Model
from bayes_astro.parameters import Parameter, Setting, switch, text, whole
from bayes_astro.priors import Prior
from bayes_astro.regression import (
    feature_columns,
    inputs,
    line_checks,
    new_rows,
    predictive,
    predictor_population,
    relation_priors,
)
from bayes_astro.regression.about_rows import AboutRows
from bayes_astro.regression.problem import LineProblem
from bayes_astro.regression.rows import MISSING, Rows, laid_out, predictors, shared_variance
from bayes_astro.regression.selection import Selection

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["LinearRelation"]


@dataclass(eq=False, repr=False)
class LinearRelation(AboutRows, Model):
    r"""A line or plane, with errors on all axes, scatter, outliers, limits, gaps and a selection.

    The story. Every object has true predictors, of a population that is a mixture of Gaussians, and a
    true response about the line; both are measured with the object's own error covariance S_i:

    .. code-block:: text

        x_i ~ sum_k weight_k N(mean_k, T_k)
        y_i ~ N(response_mean + slope . (x_i - predictor_mean), scatter^2)
        (x_obs, y_obs)_i ~ N((x_i, y_i), S_i)

    with ``predictor_mean`` that of the population. All is Gaussian and linear, so that the true values
    integrate out exactly, values that are missing fall out, and limits are integrals of normal
    distributions (`bayes_astro.likelihoods.relation_components`); what is sampled are the parameters
    alone. The intercept is at x = 0: response_mean - slope . predictor_mean.

    The population of the true predictors, fitted with the line, is what keeps the slope unbiased:
    a flat prior on them, or taking the best x of each point, biases it by several of its standard
    deviations where the errors in x are half of the spread of x (Gull 1989; Kelly 2007). One
    Gaussian is enough for the line even where the predictors are far from Gaussian; more describe the
    predictors themselves.

    *Outliers* forget the line with probability ``outlier_fraction``: their response is then
    N(outlier_mean, outlier_scatter^2) (Hogg, Bovy & Lang 2010, equation 17). A *robust* scatter is of
    Student's t with ``degrees_of_freedom`` (Lange, Little & Taylor 1989), integrated on a grid. *Limits*
    of the data (`Measurements(limit=...)`) are integrated over what is beyond them; errors that differ
    by side (``upper_error``) are split normals. There may be two of these in a row. *Errors that points
    share*, as of a calibration (``point_covariance``), bind all rows into one Gaussian. With a *selection*
    every row's density is divided by the chance that a response of the population, observed with this
    row's error, is selected. *Weights* of the data are powers of the
    rows' densities.

    Parameters
    ----------
    response : str
        Name of the response; all other columns are predictors.
    scatter : bool
        Fit an intrinsic scatter about the line.
    outliers : bool
        Fit an outlier component.
    n_components : int
        Gaussians of the population of true predictors, 1 to 10.
    robust : bool
        Scatter of Student's t in place of a normal one.
    pivot : "auto", float, sequence of float, or None
        Predictors at which ``response_at_pivot`` is reported, which a slope that is uncertain does not
        move. "auto": near their mean, by `pivot_of`.
    features : int or sequence of str, optional
        Powers and products of predictors that are known exactly, as further predictors: all up to a
        degree, or such as ("x^2", "x*z"). Take a pivot off predictors that are far from zero first.
    selection : Selection, optional
        Which observed responses are in the sample. A cut in a predictor that has errors is not
        described by it, and biases the slope.
    priors : dict of str to Prior, optional
        By parameter. Defaults, scaled from the data: ``slope`` Cauchy (uniform in angle once both
        axes have unit spread), ``response_mean`` Normal, ``scatter`` HalfNormal with the spread
        of the response, ``predictor_mean`` Normal, ``predictor_width`` LogNormal (several
        predictors: with a uniform prior over correlation matrices), ``outlier_fraction`` Uniform
        from 0 to 0.5, ``outlier_mean`` Normal, ``outlier_scatter`` HalfNormal,
        ``degrees_of_freedom`` Gamma (Juarez & Steel 2010). Of several Gaussians ``component_weight``
        is Dirichlet, ``component_mean`` Normal, ``component_width`` LogNormal, in place of those of
        predictors. ``intercept`` may be given in place of ``response_mean``: it then holds at x = 0.

    Notes
    -----
    Variables: ``slope`` by ``predictor``, ``intercept``, ``response_at_pivot``, ``scatter``;
    ``response_mean``, ``predictor_mean`` and ``predictor_width`` of the population, and those of its
    components; with outliers ``outlier_fraction``, ``outlier_mean``, ``outlier_scatter`` and, in the
    group ``outliers``, the ``probability`` of each row. Components have no order, so that convergence
    is judged on the line and the whole population. `predict` takes predictors known exactly, as an
    array (m, p), or `Measurements`.

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
    n_components: int = 1
    robust: bool = False
    pivot: Any = "auto"
    features: Any = None
    selection: Selection | None = None
    priors: dict[str, Prior] | None = None

    data_type: ClassVar[type] = Measurements
    settings: ClassVar[dict[str, Setting]] = {
        "response": text("the name of a column"),
        "scatter": switch,
        "outliers": switch,
        "n_components": whole(1, 10),
        "robust": switch,
        "pivot": relation_priors.pivot,
        "features": feature_columns.check,
        "selection": relation_priors.selection,
    }
    references: ClassVar[tuple[str, ...]] = ("kelly2007", "hogg2010", "lange1989", "juarez2010")
    samplers: ClassVar[tuple[str, ...]] = ("NUTS", "Emcee", "Laplace", "MAP")
    internal: ClassVar[tuple[str, ...]] = ("partial_unit",)
    _internal: ClassVar[tuple[str, ...]] = ("rows", "new_rows")
    takes: ClassVar[tuple[str, ...]] = ("limit", "point_covariance", "upper_error")

    def check_data(self, data: Measurements) -> None:
        """Raise ValueError for data that leave the line undetermined."""
        inputs.check_rows(data, self.response)
        if self.features is not None:
            inputs.check_rows(self.prepare(data), self.response)
        column = data.index(self.response)
        inputs.checked_joint(self, data)
        variance = data.covariance[:, column, column] + shared_variance(data)[:, column]
        exact = (variance <= 0) & ~data.limited[:, column]
        if exact.any() and not self.scatter:
            raise ValueError(
                f"column {self.response!r}, row {np.argmax(exact)}: error 0 ({exact.sum()} rows) "
                "needs scatter=True, or an error bar above zero."
            )
        if self.robust and not self.scatter:
            raise ValueError("robust=True is of the scatter: it needs scatter=True.")
        pivot = self.pivot
        count = len(self.prepare(data).names) - 1
        if np.ndim(pivot) == 1 and len(pivot) != count:
            raise ValueError(f"pivot={pivot!r} must have an entry for each of {count} predictors.")
        if self.selection is not None:
            inputs.check_selected(data, self.response, self.selection)

    def prepare(self, data: Measurements) -> Measurements:
        """The table with powers and products of its predictors."""
        return feature_columns.expanded(data, self.response, self.features)

    def settle(
        self, data: Measurements, seed: int | None, progress: bool
    ) -> tuple[LinearRelation, dict[str, xr.Dataset]]:
        """The pivot, which belongs to the data that are fitted, or to those of a design."""
        pivot = self.pivot_of(data)
        if pivot is None or not isinstance(self.pivot, str):
            return self, {}
        return self.copy(pivot=tuple(float(x) for x in pivot)), {}

    def coords(self, data: Measurements) -> dict[str, Any]:
        """The predictors, and the Gaussians of their population."""
        names = predictors(self.prepare(data), self.response)
        return {"predictor": names, "component": np.arange(self.n_components)}

    def parameters(self, data: Measurements) -> list[Parameter]:
        """See the class; weakly informative, in the units of the data."""
        return relation_priors.declared(self, self.prepare(data))

    def pivot_of(self, data: Measurements) -> np.ndarray | None:
        """Where ``response_at_pivot`` is: near the mean of what was measured, or as asked.

        Parameters
        ----------
        data : Measurements
            Those that are fitted.

        Returns
        -------
        array (p,) or None
            In the units of the predictors; to a tenth of their spread by default.
        """
        if self.pivot is None:
            return None
        if not isinstance(self.pivot, str):
            return np.broadcast_to(np.asarray(self.pivot, dtype=float), (self.prepare(data).d - 1,))
        middle, width, *_ = inputs.moments(self.prepare(data), self.response)
        step = 10.0 ** np.floor(np.log10(width))
        return np.round(middle / step) * step

    def units(self, data: Measurements) -> dict[str, str]:
        """Those of the parameters, intercept and mean response both."""
        response = inputs.units(data, self.response)[1]
        names = ("intercept", "response_mean", "response_at_pivot")
        return super().units(data) | (dict.fromkeys(names, response) if response else {})

    def converged_on(self) -> tuple[str, ...]:
        """Of several Gaussians, which have no order, the whole."""
        if self.n_components == 1:
            return ()
        names = ["slope", "intercept", "response_mean", "predictor_mean", "predictor_width"]
        names += ["scatter"] if self.scatter else []
        names += ["degrees_of_freedom"] if self.robust else []
        return (*names, "outlier_fraction") if self.outliers else tuple(names)

    def default_sampler(self, data: Measurements) -> tuple[Any, str]:
        """Small steps where a second population may be empty."""
        from bayes_astro.samplers import NUTS

        empty = self.outliers or self.n_components > 1
        return NUTS(target_accept=0.95 if empty else 0.9), ""

    def problem(self, data: Measurements, priors: dict[str, Prior]) -> LineProblem:
        """The marginal posterior."""
        return LineProblem(self, self.prepare(data), priors)

    def responses(self, data: Measurements) -> np.ndarray:
        """The response of every row; nan where it is a limit."""
        column = data.index(self.response)
        return np.where(data.limited[:, column], np.nan, data.value[:, column])

    def rows(self, data: Measurements) -> Rows:
        """For tasks: what was measured, the response last."""
        return laid_out(self.prepare(inputs.checked_joint(self, data)), self.response)

    def pointwise(self, draws: xr.Dataset, data: Measurements) -> xr.DataArray:
        """Joint log density of all that was measured of every row: (chain, draw, row)."""
        rows = self.rows(data)
        line, outlier = predictive.log_densities(draws, rows, self.selection)
        return by_row(draws, rows.weight * np.logaddexp(line, outlier))

    def log_predictive(self, draws: xr.Dataset, data: Measurements) -> xr.DataArray:
        """Log density of every response given its measured predictors: (chain, draw, row)."""
        rows = self.rows(data)
        return by_row(draws, predictive.log_response(draws, rows, self.selection))

    def normal_residuals(self, draws: xr.Dataset, data: Measurements) -> np.ndarray:
        """Normal scores of every response given its measured predictors; nan where there is none."""
        rng = np.random.default_rng(len(data))
        scores = predictive.normal_scores(draws, self.rows(data), self.selection, rng)
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
            Predictors known exactly; or measured ones, with their errors, gaps and limits: then the
            line is taken at draws of the true predictors, and ``observation`` has the response's own
            errors.
        rng : numpy.random.Generator

        Returns
        -------
        xarray.Dataset
            ``signal`` (the line) and ``observation`` (with scatter, outliers and errors):
            (chain, draw, row).
        """
        rows = self.new_rows(data, at)
        signal, observation = new_rows.draw_responses(draws, rows, rng)
        return self._dataset(draws, data, rows, signal=signal, observation=observation)

    def new_rows(self, data: Measurements, at: Any) -> Rows:
        """For tasks: rows at which to predict, with powers and products."""
        if isinstance(at, Measurements):
            at = self.prepare(inputs.checked_joint(self, at))
        elif self.features is not None:
            names = predictors(data, self.response)
            at = feature_columns.new(at, names, self.features)
        return inputs.new_rows(data, self.response, at)

    def _dataset(
        self, draws: xr.Dataset, data: Measurements, rows: Rows, **values: np.ndarray
    ) -> xr.Dataset:
        import xarray as xr

        x = np.where(rows.kind[:, :-1] == MISSING, np.nan, rows.x)
        columns = {
            name: ("row", x[:, i])
            for i, name in enumerate(predictors(data, self.response))
            if name not in ("signal", "observation")
        }
        return xr.Dataset({name: by_row(draws, v) for name, v in values.items()} | columns)

    def replicate(
        self, draws: xr.Dataset, data: Any, at: Any, rng: np.random.Generator
    ) -> xr.DataArray:
        """New responses in the place of those of `at`, selected as these were."""
        rows = self.new_rows(data, at)
        return by_row(draws, new_rows.draw_responses(draws, rows, rng, self.selection)[1])

    def latents(
        self, draws: xr.Dataset, design: Measurements, rng: np.random.Generator
    ) -> xr.Dataset:
        """What follows from prior draws, and partial correlations of several predictors."""
        many, p = self.n_components, draws.sizes["predictor"]
        if many > 1:
            order = ("chain", "draw", "component")
            mean, width = predictor_population.overall(
                draws["component_weight"].transpose(*order).values,
                *(
                    draws[f"component_{name}"].transpose(*order, "predictor").values
                    for name in ("mean", "width")
                ),
            )
            by = ("chain", "draw", "predictor")
            draws = draws.assign(predictor_mean=(by, mean), predictor_width=(by, width))
        along = (draws["slope"] * draws["predictor_mean"]).sum("predictor")
        if "intercept" in draws:
            draws = draws.assign(response_mean=draws["intercept"] + along)
        else:
            draws = draws.assign(intercept=draws["response_mean"] - along)
        pivot = self.pivot_of(design)
        if pivot is not None:
            at = draws["intercept"] + (draws["slope"] * pivot).sum("predictor")
            draws = draws.assign(response_at_pivot=at)
        if p > 1:
            shape = predictor_population.vine_shape(p)
            dims: tuple[str, ...] = ("chain", "draw", "component", "pair")
            size = (1, draws.sizes["draw"], many, len(shape))
            partial = 2 * rng.beta(shape, shape, size) - 1
            if many == 1:
                dims, partial = (*dims[:2], "pair"), partial[:, :, 0]
            draws["partial_correlation"] = (dims, partial)
        return draws

    def simulate_data(
        self, parameters: xr.Dataset, design: Measurements, rng: np.random.Generator
    ) -> Measurements:
        """New predictors and responses with the errors, gaps and limits of `design`.

        What is a limit there is one again where the new value is beyond it, and is measured otherwise.
        Predictors that have powers and products stay as they are.
        """
        rows = self.rows(design)
        draw = parameters.expand_dims(["chain", "draw"])
        if self.features is None:
            observed = new_rows.simulate(draw, rows, self.selection, rng)
            return inputs.censored(design, self.response, rows, observed)
        y = new_rows.draw_responses(draw, rows, rng, self.selection)[1][0]
        made = self.prepare(design)
        made = inputs.censored(made, self.response, rows, np.column_stack([rows.x, y]))
        names = feature_columns.own(predictors(made, self.response), self.features)
        return made.select(*names, self.response)

    def groups(self, tree: xr.DataTree, data: Measurements) -> dict[str, xr.Dataset]:
        """The probability of each row to be an outlier, averaged over the posterior."""
        import xarray as xr

        if not self.outliers:
            return {}
        draws = tree["posterior"].to_dataset()
        line, outlier = predictive.log_densities(draws, self.rows(data), self.selection)
        probability = np.exp(outlier - np.logaddexp(line, outlier)).mean(axis=0)
        return {"outliers": xr.Dataset({"probability": ("row", probability)})}

    def checks(self) -> list[Check]:
        """Does the line describe the points: size, tails and curvature of the residuals."""
        return line_checks.checks(self)

    def equation(self) -> str:
        """The model in one line."""
        text = f"{self.response} = intercept + slope . x"
        if self.scatter:
            text += " + " + ("t(0, scatter²)" if self.robust else "N(0, scatter²)")
        many = self.n_components
        of = "N(predictor_mean, T)" if many == 1 else f"{many} Gaussians"
        text += f", measured with covariance S_i; true x ~ {of}, marginalised"
        if self.selection is not None:
            text += "; observed responses selected"
        return text + ("; outliers with probability outlier_fraction" if self.outliers else "")
