"""A relation of any form between a response and its predictors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.data import Measurements
from bayes_astro.diagnostics import Check
from bayes_astro.draws import by_row
from bayes_astro.model import Model
from bayes_astro.parameters import Parameter, Setting, switch, text
from bayes_astro.priors import Prior
from bayes_astro.processes.means import Elsewhere
from bayes_astro.regression import relation_draws, relation_inputs, unsure_predictor
from bayes_astro.regression.mean_values import NOISE, curves
from bayes_astro.regression.relation_problem import RelationProblem, linear_of
from bayes_astro.regression.unsure_predictor import unsure

if TYPE_CHECKING:
    import xarray as xr

    from bayes_astro.samplers import Sampler

__all__ = ["Relation"]

RANGES = ("Uniform", "LogUniform", "TruncatedNormal", "Beta")


@dataclass(eq=False, repr=False)
class Relation(Model):
    r"""A response that follows any curve of its predictors, with scatter and correlated errors.

    .. code-block:: text

        y_i = mean(x_i; parameters) + scatter_i + error_i,      scatter_i ~ N(0, scatter^2)
        error ~ N(0, diag(e_i^2) + C)

    C is the covariance of errors that points have in common, ``Measurements(...,
    point_covariance={response: C})``, such as that of a calibration; it is factored once. Parameters
    in which the mean is linear (``mean.linear``) are integrated out with their normal priors, and drawn
    given the others. With ``robust`` errors and scatter together are Student's t,

    .. code-block:: text

        y_i ~ t(degrees_of_freedom, mean(x_i; parameters), sqrt(e_i^2 + scatter^2))

    which takes points that lie far off for what they are. Predictors are known exactly, but for one that may
    have errors, independent of those of the response: its true values are of a normal population,

    .. code-block:: text

        x_i ~ N(predictor_mean, predictor_width^2),      x_obs,i ~ N(x_i, error of x_i^2)

    and are summed over (`bayes_astro.regression.unsure_predictor`).

    Parameters
    ----------
    mean : object
        From `ba.relations`, or one's own: an object with ``priors(data)``, a dictionary of `Prior` by
        parameter (the last column of `data` is the response), and ``evaluate(at, parameters)``, where `at`
        maps names of predictors to arrays. With ``gradient(at, parameters)``, slopes by parameter, they are
        not derived from the formula. `ba.register` makes it known to saved fits.
    response : str
        Name of the response; all other columns are predictors.
    scatter : bool
        Fit an intrinsic scatter about the curve.
    robust : bool
        Student's t in place of normals; not with a covariance between points.
    marginalise : bool
        Integrate linear parameters out. False: all are sampled, and may have any prior.
    fixed : dict of str to float, optional
        Parameters of the mean that have one value.
    priors : dict of str to Prior, optional
        By parameter. Defaults: those of the mean function; ``scatter`` HalfNormal with the spread of the
        response; ``degrees_of_freedom`` Gamma(2, 0.1); of a predictor with errors ``predictor_mean``
        Normal about its mean with five times its spread, ``predictor_width`` LogNormal about its spread.

    Notes
    -----
    `predict` takes an array (m, p), a mapping of columns or a Quantity, known exactly, or `Measurements`,
    whose errors (also those in common) are then those of ``observation``.

    Where errors are correlated, `log_likelihood` gives each row's density given the rows before it, whose
    sum is the joint one: a criterion that leaves rows out (PSIS-LOO) is then not what it says. Held-out
    rows are scored by their own covariance, without what they share with the fitted ones.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> supernovae = ba.load("pantheon-binned")
    >>> model = ba.Relation(ba.relations.DistanceModulus(), "magnitude", scatter=False)
    >>> _ = model.fit(supernovae, ba.Laplace(draws=1000), seed=1, progress=False)
    >>> model.summary().loc["omega_m", ["mean", "sd"]].astype(float).round(2).tolist()
    [0.3, 0.02]
    """

    mean: Any
    response: str
    scatter: bool = True
    robust: bool = False
    marginalise: bool = True
    fixed: Mapping[str, float] | None = None
    priors: dict[str, Prior] | None = None

    data_type: ClassVar[type] = Measurements
    settings: ClassVar[dict[str, Setting]] = {
        "response": text("the name of a column"),
        "scatter": switch,
        "robust": switch,
        "marginalise": switch,
        "fixed": relation_inputs.is_table,
    }
    references: ClassVar[tuple[str, ...]] = ("hogg2010", "hogg1999")
    samplers: ClassVar[tuple[str, ...]] = ("NUTS", "Emcee", "Laplace", "MAP")
    takes: ClassVar[tuple[str, ...]] = ("point_covariance",)
    true_predictors: ClassVar[bool] = True
    _internal: ClassVar[tuple[str, ...]] = ("true_predictors",)

    def check_settings(self) -> None:
        """Raise ValueError for what is no mean function."""
        relation_inputs.check_mean(self.mean)

    def check_data(self, data: Measurements) -> None:
        """Raise ValueError for data that cannot be taken."""
        relation_inputs.check(self, data)
        relation_inputs.check_fixed(self, data)
        if self.robust and data.point_covariance is not None:
            raise ValueError(
                "robust=True: Student's t is of points that are independent; leave one of the two, "
                "robust or point_covariance, out."
            )

    def missing_parts(self) -> str:
        """A mean function that was defined elsewhere."""
        return self.mean.description if isinstance(self.mean, Elsewhere) else ""

    def parameters(self, data: Measurements) -> list[Parameter]:
        """Those of the mean function, of scatter and tails."""
        units = self.units(data)
        priors = relation_inputs.free_priors(self, data)
        free = [name for name in priors if name not in (self.fixed or {})]
        clash = [name for name in free if name in (*NOISE, *data.names, "signal", "observation")]
        if clash:
            raise ValueError(
                f"the mean function's parameter {clash[0]!r} has the name of a column or of another "
                "parameter: call it something else."
            )
        inexact = unsure(data, self.response)
        linear = () if inexact else linear_of(self, free)
        found = [
            Parameter(
                name,
                priors[name],
                unit=units.get(name, ""),
                families=("Normal",) if name in linear else (),
                because="it is integrated out; with marginalise=False any",
                given=priors[name].distribution in RANGES,
            )
            for name in free
        ]
        if self.scatter:
            spread = float(np.std(data.column(self.response)))
            half = Prior("HalfNormal", sigma=spread)
            found.append(
                Parameter("scatter", half, unit=units.get("scatter", ""), support="positive")
            )
        if inexact:
            x, unit = data.column(inexact), units.get("predictor_mean", "")
            middle, wide = float(np.mean(x)), float(np.std(x))
            found += [
                Parameter("predictor_mean", Prior("Normal", mu=middle, sigma=5 * wide), unit=unit),
                Parameter(
                    "predictor_width", Prior("LogNormal", mu=float(np.log(wide)), sigma=1.0), unit=unit,
                    support="positive",
                ),
            ]  # fmt: skip
        if self.robust:
            gamma = Prior("Gamma", alpha=2.0, beta=0.1)
            found.append(Parameter("degrees_of_freedom", gamma, support="positive"))
        return found

    def units(self, data: Measurements) -> dict[str, str]:
        """Of the mean function's parameters where it knows them, and of the scatter."""
        arranged = relation_inputs.arranged(data, self.response)
        own = self.mean.units(arranged) if hasattr(self.mean, "units") else {}
        found = {name: unit for name, unit in own.items() if name not in (self.fixed or {})}
        unit = arranged.units[-1] if arranged.units else ""
        found |= {"scatter": unit} if self.scatter and unit else {}
        inexact = unsure(data, self.response)
        if inexact and data.units and data.units[data.index(inexact)]:
            of_it = data.units[data.index(inexact)]
            found |= {"predictor_mean": of_it, "predictor_width": of_it}
        return found

    def problem(self, data: Measurements, priors: dict[str, Prior]) -> RelationProblem:
        """The marginal posterior."""
        return RelationProblem(self, data, priors)

    def default_sampler(self, data: Measurements) -> tuple[Sampler, str]:
        """NUTS."""
        from bayes_astro.samplers import NUTS

        return NUTS(target_accept=0.9), ""

    def responses(self, data: Measurements) -> np.ndarray:
        """The response of every row."""
        return data.column(self.response)

    def pointwise(self, draws: xr.Dataset, data: Measurements) -> xr.DataArray:
        """Log density of each row given those before it, (chain, draw, row); their sum is that of all."""
        if "predictor_mean" in draws:
            return by_row(draws, unsure_predictor.log_densities(self, draws, data))
        return by_row(draws, relation_draws.log_densities(self, draws, data))

    def log_predictive(self, draws: xr.Dataset, data: Measurements) -> xr.DataArray:
        """Of each response given its predictors."""
        if "predictor_mean" in draws:
            return by_row(draws, unsure_predictor.log_densities(self, draws, data, given=True))
        return self.pointwise(draws, data)

    def normal_residuals(self, draws: xr.Dataset, data: Measurements) -> np.ndarray:
        """Unit normals, one a row; correlated errors are taken apart by the symmetric root."""
        if "predictor_mean" in draws:
            return np.asarray(by_row(draws, unsure_predictor.scores(self, draws, data)))
        return np.asarray(by_row(draws, relation_draws.scores(self, draws, data)))

    def forecast(
        self, draws: xr.Dataset, data: Measurements, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """The curve at predictors, and new responses there: with scatter, and errors where stated.

        Parameters
        ----------
        draws : xarray.Dataset
        data : Measurements
            Those that were fitted.
        at : array (m, p) or (m,), mapping of str to array, Quantity, or Measurements
        rng : numpy.random.Generator

        Returns
        -------
        xarray.Dataset
            ``signal`` (the curve) and ``observation``: (chain, draw, row).
        """
        import xarray as xr

        columns = relation_inputs.columns_at(data, self.response, at)
        signal = relation_draws.at_true(self, draws, data, at, columns, rng)
        noise = relation_draws.noise(self, draws, at, signal.shape, rng)
        found = {
            "signal": by_row(draws, signal),
            "observation": by_row(draws, signal + noise),
        }
        names = {name: ("row", column) for name, column in columns.items() if name not in found}
        return xr.Dataset(found | names)

    def simulate_data(
        self, parameters: xr.Dataset, design: Measurements, rng: np.random.Generator
    ) -> Measurements:
        """New responses at the predictors and with the errors of `design`."""
        one = parameters.expand_dims(("chain", "draw"))
        columns = relation_inputs.columns_at(design, self.response, design)
        inexact = unsure(design, self.response)
        if inexact:
            mean, width = (float(parameters[f"predictor_{name}"]) for name in ("mean", "width"))
            columns[inexact] = mean + width * rng.standard_normal(len(design))
        signal = curves(self, one, columns)
        if not np.all(np.isfinite(signal)):
            raise ValueError(
                "the mean function is not finite at a draw from the prior: narrow the priors to where it is."
            )
        value = np.array(design.value)
        if inexact:
            place = design.index(inexact)
            error = design.error[:, place] * rng.standard_normal(len(design))
            value[:, place] = columns[inexact] + error
        noise = relation_draws.noise(self, one, design, signal.shape, rng)
        value[:, design.index(self.response)] = (signal + noise)[0]
        return design.replace(value=value)

    def groups(self, tree: xr.DataTree, data: Measurements) -> dict[str, xr.Dataset]:
        """Chi-square of the curve at the mean of the draws, and the number of rows."""
        return {"fit": relation_draws.goodness(self, tree["posterior"].to_dataset(), data)}

    def checks(self) -> list[Check]:
        """Does the curve describe the points: size, tails and curvature of the residuals; priors."""
        from bayes_astro.regression.relation_checks import checks

        return checks(self)

    def equation(self) -> str:
        """The model in one line."""
        noise = "e_i² + scatter²" if self.scatter else "e_i²"
        kind = f"t(degrees_of_freedom; 0, {noise})" if self.robust else f"N(0, {noise})"
        joint = "" if self.robust else ", with point_covariance where there is one"
        return f"{self.response} = {type(self.mean).__name__}(predictors) + {kind}{joint}"
