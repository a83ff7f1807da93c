"""The structure function of one light curve or of many, with the noise deconvolved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro import residuals
from bayes_astro.data import LightCurve
from bayes_astro.diagnostics import Check, goodness_of_fit
from bayes_astro.draws import by_row
from bayes_astro.model import Model
from bayes_astro.parameters import Parameter, Setting, choice, duration, in_unit
from bayes_astro.priors import Prior, recorded
from bayes_astro.report import Section, evidence_section
from bayes_astro.stated_errors import judged
from bayes_astro.variability import structure_function_data as series_data
from bayes_astro.variability.stationary_increments import DRW, POWER
from bayes_astro.variability.structure_function_problem import StructureFunctionProblem

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["StructureFunction"]

FACTORS = {DRW: (0.35, 0.5, 0.7, 1.4, 2.0, 2.8), POWER: (0.5, 2.0)}  # the second takes long
ENOUGH = 40  # points from which an error scale can be told from the law
FEW = 200  # points of a power law, each of whose likelihoods factors a matrix
SHARE = 0.1  # of the baseline, above which a damping time is not measured (Kozlowski 2017)


@dataclass(eq=False, repr=False)
class StructureFunction(Model):
    r"""How far a light curve moves within a time lag, and by which law.

    .. code-block:: text

        y_i = offset + x(t_i) + N(0, error_i^2)
        E[(x(t + dt) - x(t))^2] = SF(dt)^2
        damped-random-walk:  SF(dt) = sf_infinity sqrt(1 - exp(-dt / tau))
        power-law:           SF(dt) = sf_reference (dt / reference)^gamma

    x is the Gaussian process with that structure function: the damped random walk of standard
    deviation sf_infinity / sqrt(2), or fractional Brownian motion
    (`bayes_astro.variability.stationary_increments`). Its likelihood knows that the differences of
    a light curve share their points, and what part of each is noise; the binned estimator, the
    baseline, knows neither, and its errors and breaks mislead (Emmanoulopoulos, McHardy & Uttley
    2010).

    Several light curves may share the law, as an ensemble of quasars: `StructureFunction.ensemble`
    joins them into one `LightCurve` whose column ``band`` tells the series apart. Series are
    independent, each with its own offset, and times are compared within a series only.

    Parameters
    ----------
    form : {"damped-random-walk", "power-law"}
    reference : float or Quantity
        Lag, in the time unit of the data, at which ``sf_reference`` is the power law's value.
    priors : dict of str to Prior, optional
        By parameter. Defaults, with s the standard deviation of the values about the means of
        their series, T the longest baseline and D the median spacing of the times: ``sf_infinity``
        LogNormal(log(sqrt(2) s), 1); ``tau`` LogNormal with its middle at sqrt(10 T D) and
        log(10 T / D) / 4 as standard deviation of the logarithm; ``sf_reference`` LogNormal about
        sqrt(2) s (reference / T)^0.5, wider the further the reference lies from T; ``gamma``
        Uniform from 0 to 1; ``offset`` Normal about the series' means with 5 s. The offset must
        stay Normal: it is integrated out.

    Notes
    -----
    Variables: ``sf_infinity`` and ``tau``, or ``sf_reference`` and ``gamma``; ``offset`` by
    ``series`` (of the power law, the level at the first time of the series). Group ``evidence``:
    ``log_evidence`` and its standard error, by which the two forms can be compared.
    `structure_function(lag)` gives draws of SF. `predict` takes a `LightCurve` of the same series,
    or times (of a single series), and gives joint draws of the noiseless curve.

    The damped random walk takes linear time. The power law factors an n x n matrix for each draw.

    References
    ----------
    Kozlowski 2016, ApJ 826, 118; Kozlowski 2017, A&A 597, A128.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> quasar = ba.load("macho-quasar").select("R")
    >>> model = ba.StructureFunction().fit(quasar, ba.Exact(draws=400), seed=1)
    >>> model.structure_function([10.0, 100.0]).shape
    (4, 100, 2)
    """

    form: str = DRW
    reference: Any = 1.0
    priors: dict[str, Prior] | None = None

    data_type: ClassVar[type] = LightCurve
    settings: ClassVar[dict[str, Setting]] = {
        "form": choice(DRW, POWER),
        "reference": duration,
    }
    references: ClassVar[tuple[str, ...]] = ("kelly2009", "kozlowski2016", "kozlowski2017")
    samplers: ClassVar[tuple[str, ...]] = ("Exact", "NUTS", "Emcee")

    @staticmethod
    def ensemble(light_curves: Sequence[LightCurve]) -> LightCurve:
        """Join light curves that share a law.

        Parameters
        ----------
        light_curves : sequence of LightCurve
            Of one band each, in the same units.

        Returns
        -------
        LightCurve
            Of all points, whose bands are the curves' names (or positions).
        """
        return series_data.ensemble(light_curves)

    def check_data(self, data: LightCurve) -> None:
        """Raise ValueError for series without a lag or without variation."""
        series_data.check(data, most=series_data.MOST_POINTS if self.form == POWER else None)

    def coords(self, data: LightCurve) -> dict[str, Any]:
        """Names of the series."""
        return {"series": series_data.names(data)}

    def parameters(self, data: LightCurve) -> list[Parameter]:
        """See the class; weakly informative, scaled from the data."""
        span, spacing, spread, means = series_data.scales(data)
        value, infinity = data.value_unit or "", np.sqrt(2) * spread
        level = Prior("Normal", mu=means if len(means) > 1 else means[0], sigma=5 * spread)
        offset = Parameter(
            "offset", level, ("series",), value, families=("Normal",),
            because="with another the offset cannot be integrated out",
        )  # fmt: skip
        if self.form == POWER:
            away = float(np.log(in_unit("reference", self.reference, data.time_unit) / span))
            middle = float(np.log(infinity) + 0.5 * away)
            width = float(np.hypot(1.0, 0.3 * away))
            return [
                Parameter(
                    "sf_reference", Prior("LogNormal", mu=middle, sigma=width), (), value,
                    "positive",
                ),
                Parameter("gamma", Prior("Uniform", lower=0.0, upper=1.0), support="unit"),
                offset,
            ]  # fmt: skip
        middle = 0.5 * float(np.log(10 * span * spacing))
        width = 0.25 * float(np.log(10 * span / spacing))
        height = Prior("LogNormal", mu=float(np.log(infinity)), sigma=1.0)
        return [
            Parameter("sf_infinity", height, (), value, "positive"),
            Parameter(
                "tau", Prior("LogNormal", mu=middle, sigma=width), (), str(data.time_unit),
                "positive",
            ),
            offset,
        ]  # fmt: skip

    def problem(self, data: LightCurve, priors: dict[str, Prior]) -> StructureFunctionProblem:
        """The posterior, exactly or with the offsets explicit."""
        return StructureFunctionProblem(self, data, priors)

    def simulate_data(
        self, parameters: xr.Dataset, design: LightCurve, rng: np.random.Generator
    ) -> LightCurve:
        """New values at the times and errors of `design`."""
        one = parameters.expand_dims(["chain", "draw"])
        value = series_data.replicate(self.form, self.reference, one, design, design, rng)
        return design.replace(value=value[0, 0])

    def forecast(
        self, draws: xr.Dataset, data: LightCurve, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """Joint draws of the noiseless curve at `at`, and new observations there."""
        return series_data.forecast(self.form, self.reference, draws, data, at, rng)

    def replicate(
        self, draws: xr.Dataset, data: LightCurve, at: LightCurve, rng: np.random.Generator
    ) -> xr.DataArray:
        """New light curves at the times and errors of `at`, none of whose values is used."""
        value = series_data.replicate(self.form, self.reference, draws, data, at, rng)
        return by_row(draws, value)

    def pointwise(self, draws: xr.Dataset, data: LightCurve) -> xr.DataArray:
        """Log density of every value given those before it in its series: (chain, draw, row)."""
        density = series_data.log_density(
            self.form, self.reference, draws, self._fitted_or(data), data
        )
        return by_row(draws, density)

    def normal_residuals(self, draws: xr.Dataset, data: LightCurve) -> np.ndarray:
        """Residuals of each value about its prediction from those before it."""
        fitted = self._fitted_or(data)
        return series_data.standardised(self.form, self.reference, draws, fitted, data)

    def structure_function(self, lag: Any) -> xr.DataArray:
        """Draws of the structure function.

        Parameters
        ----------
        lag : array_like or Quantity, shape (l,)
            In the time unit of the data.

        Returns
        -------
        xarray.DataArray
            (chain, draw, lag), in the unit of the values.
        """
        draws = self.posterior["posterior"].to_dataset()
        return series_data.structure_function(self.form, self.reference, draws, self.data, lag)

    def converged_on(self) -> tuple[str, ...]:
        """The two parameters of the law."""
        return ("sf_infinity", "tau", "sf_reference", "gamma")

    def checks(self) -> list[Check]:
        """Size and whiteness of the innovations, the stated errors, and whether tau is measured."""
        data = self.data
        other = "compare with the other form by its log evidence"
        order = np.concatenate(list(series_data.series(data)))
        rows = residuals.of_draws(self, 40)[:, order]
        checks = [
            goodness_of_fit(self, other),
            *residuals.white(
                rows, f"the innovations are correlated: the law does not hold; {other}"
            ),
            residuals.normal(rows, "the innovations are not normal: look for outliers"),
            *residuals.no_period(rows, data.time[order], "take the signal out first"),
        ]
        # Of fewer points white noise of any size does as well as the law.
        if len(data) >= ENOUGH and (self.form == DRW or len(data) <= FEW):
            checks += self._stated_errors()
        if self.form == DRW:
            span = series_data.scales(self.data)[0]
            tau = self.posterior["posterior"]["tau"].values
            beyond = float(np.mean(tau > SHARE * span))
            checks.append(
                Check(
                    "tau within the baseline",
                    True if beyond < 0.5 else None,
                    beyond,
                    "most of the posterior of tau lies beyond a tenth of the baseline: there its "
                    "prior decides, and only sf_infinity / sqrt(tau) is measured (Kozlowski 2017)",
                    f"share of tau above {SHARE:g} baselines, below 0.5",
                )
            )
        return checks

    def _stated_errors(self) -> list[Check]:
        """The evidence where all errors are multiplied by a factor."""
        data = self.data
        priors = recorded(self)

        def height(factor: float) -> float:
            problem = self.problem(data.replace(error=data.error * factor), priors)
            groups = problem.exact(100, np.random.default_rng(0))
            return float(groups["evidence"]["log_evidence"])

        return judged(height, FACTORS[self.form], "the law")

    def sections(self) -> list[Section]:
        """The evidence, by which the two forms can be compared."""
        return evidence_section(self)

    def equation(self) -> str:
        """The model in one line."""
        law = (
            "sf_infinity √(1 − exp(−Δt/tau))"
            if self.form == DRW
            else f"sf_reference (Δt/{self.reference})^gamma"
        )
        return f"y = offset + x(t) + N(0, error²); E[(x(t+Δt) − x(t))²] = SF², SF(Δt) = {law}"
