"""The structure function of one light curve or of many, with the noise deconvolved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.data import LightCurve
from bayes_astro.model import Model
from bayes_astro.priors import Prior
from bayes_astro.timeseries import structure_function_data as series_data
from bayes_astro.timeseries.stationary_increments import DRW, POWER

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr

    from bayes_astro.diagnostics import Check

__all__ = ["StructureFunction"]

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
    (`bayes_astro.timeseries.stationary_increments`). Its likelihood knows that the differences of
    a light curve share their points, and what part of each is noise; the binned estimator, the
    baseline, knows neither, and its errors and breaks mislead (Emmanoulopoulos, McHardy & Uttley
    2010).

    Several light curves may share the law, as an ensemble of quasars: `StructureFunction.ensemble`
    joins them into one `LightCurve` whose column ``band`` tells the series apart. Series are
    independent, each with its own offset, and times are compared within a series only.

    Parameters
    ----------
    form : {"damped-random-walk", "power-law"}
    reference : float
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
    >>> model = ba.StructureFunction("power-law", reference=365.25)
    >>> model.form
    'power-law'
    """

    form: str = DRW
    reference: float = 1.0
    priors: dict[str, Prior] | None = None

    data_type: ClassVar[type] = LightCurve
    figures: ClassVar[str] = "structure_function"
    references: ClassVar[tuple[str, ...]] = ("kelly2009", "kozlowski2016", "kozlowski2017")
    samplers: ClassVar[tuple[str, ...]] = ("Exact", "NUTS", "Emcee")

    @staticmethod
    def ensemble(light_curves: Sequence[LightCurve]) -> LightCurve:
        """Join light curves that share a law; their names (or positions) become the bands."""
        return series_data.ensemble(light_curves)

    def check_parameters(self) -> None:
        """Raise ValueError for an unknown form or a reference that is no lag."""
        if self.form not in (DRW, POWER):
            raise ValueError(f"form={self.form!r} must be {DRW!r} or {POWER!r}.")
        number = isinstance(self.reference, int | float | np.number)
        if not number or isinstance(self.reference, bool) or not 0 < self.reference < np.inf:
            raise ValueError(
                f"reference={self.reference!r} must be a positive lag in the time unit of the data."
            )

    def check_data(self, data: LightCurve) -> None:
        """Raise ValueError for series without a lag or without variation."""
        series_data.check(data, most=series_data.MOST_POINTS if self.form == POWER else None)

    def units(self, data: LightCurve) -> dict[str, str]:
        """Units of the parameters."""
        value = data.value_unit or ""
        units = dict.fromkeys(("sf_infinity", "sf_reference", "offset"), value)
        return units | {"tau": str(data.time_unit)}

    def default_priors(self, data: LightCurve) -> dict[str, Prior]:
        """Weakly informative, scaled from the data; see the class."""
        span, spacing, spread, means = series_data.scales(data)
        infinity = np.sqrt(2) * spread
        offset = {
            "offset": Prior("Normal", mu=means if len(means) > 1 else means[0], sigma=5 * spread)
        }
        if self.form == POWER:
            away = float(np.log(self.reference / span))
            middle = float(np.log(infinity) + 0.5 * away)
            width = float(np.hypot(1.0, 0.3 * away))
            return {
                "sf_reference": Prior("LogNormal", mu=middle, sigma=width),
                "gamma": Prior("Uniform", lower=0.0, upper=1.0),
                **offset,
            }
        middle = 0.5 * float(np.log(10 * span * spacing))
        width = 0.25 * float(np.log(10 * span / spacing))
        return {
            "sf_infinity": Prior("LogNormal", mu=float(np.log(infinity)), sigma=1.0),
            "tau": Prior("LogNormal", mu=middle, sigma=width),
            **offset,
        }

    def check_priors(self, priors: dict[str, Prior], data: LightCurve) -> None:
        """A Normal offset; positive scales; gamma within 0 and 1."""
        count = len(series_data.names(data))
        for name, prior in priors.items():
            if name == "offset":
                if prior.distribution != "Normal":
                    raise ValueError(
                        f"Prior of 'offset' must be Normal, got {prior}: with another the offset "
                        "cannot be integrated out."
                    )
                sizes = {np.size(value) for value in prior.arguments.values()} - {1, count}
                if sizes:
                    raise ValueError(
                        f"Prior of 'offset' has {sizes.pop()} entries, expected 1 or {count} (the "
                        "series)."
                    )
                continue
            if prior.event or any(np.size(value) > 1 for value in prior.arguments.values()):
                raise ValueError(f"Prior of {name!r} must be of a single number, got {prior}.")
            low, high = (float(edge) for edge in prior.support)
            if low < 0 or (name == "gamma" and high > 1):
                limits = "within 0 and 1" if name == "gamma" else "positive"
                raise ValueError(f"Prior of {name!r}: {prior} must stay {limits}.")

    def arrays(self, data: LightCurve, priors: dict[str, Prior]) -> dict[str, np.ndarray]:
        """What `build` holds in ``pm.Data``."""
        return {
            "time": data.time - data.time[0],
            "value": data.value,
            "error": data.error,
            "of_series": series_data.labels(data).astype(np.int32),
            "origin": series_data.origins(data) - data.time[0],
        }

    def build(self, data: LightCurve, priors: dict[str, Prior] | None = None) -> pm.Model:
        """The whole covariance written out: for up to some hundred points."""
        import pymc as pm
        import pytensor.tensor as pt

        priors = self.resolve_priors(data) if priors is None else priors
        with pm.Model(coords={"series": series_data.names(data)}) as model:
            arrays = {
                name: pm.Data(name, array) for name, array in self.arrays(data, priors).items()
            }
            time, series = arrays["time"], arrays["of_series"]
            lag = pt.abs(time[:, None] - time)
            if self.form == DRW:
                power = 0.5 * priors["sf_infinity"].variable("sf_infinity") ** 2
                matrix = power * pt.exp(-lag / priors["tau"].variable("tau"))
            else:
                square = priors["sf_reference"].variable("sf_reference") ** 2
                double = 2 * priors["gamma"].variable("gamma")
                # Zero lags have no gradient in gamma: the power is taken of one, and masked.
                grown = _power(pt.abs(time - arrays["origin"][series]) / self.reference, double)
                apart = _power(lag / self.reference, double)
                matrix = 0.5 * square * (grown[:, None] + grown - apart)
            matrix = pt.where(pt.eq(series[:, None], series), matrix, 0.0)
            offset = priors["offset"].variable("offset", dims="series")
            pm.MvNormal(
                "observation",
                offset[series],
                cov=matrix + pt.diag(arrays["error"] ** 2),
                observed=arrays["value"],
            )
        return model

    def exact(
        self, data: LightCurve, priors: dict[str, Prior], draws: int, rng: np.random.Generator
    ) -> dict[str, xr.Dataset]:
        """Independent draws from a grid over the two parameters, and the evidence."""
        import xarray as xr

        from bayes_astro.timeseries.structure_function_posterior import sample

        found, values = sample(self.form, self.reference, data, priors, draws, rng)
        arrays: dict[str, Any] = {
            name: ("sample", value) for name, value in values.items() if name != "offset"
        }
        arrays["offset"] = (("sample", "series"), values["offset"])
        statistics = {"importance_efficiency": found.efficiency, "interrupted": 0}
        evidence = {
            "log_evidence": found.log_integral,
            "log_evidence_error": found.log_integral_error,
        }
        return {
            "posterior": xr.Dataset(arrays, {"series": series_data.names(data)}),
            "sample_stats": xr.Dataset(attrs=statistics),
            "evidence": xr.Dataset(evidence),
        }

    def starts(
        self, data: LightCurve, priors: dict[str, Prior], count: int, rng: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """Exact draws."""
        from bayes_astro.timeseries.structure_function_posterior import sample

        return sample(self.form, self.reference, data, priors, count, rng)[1]

    def prior_draws(
        self, design: LightCurve, priors: dict[str, Prior], draws: int, rng: np.random.Generator
    ) -> xr.Dataset:
        """Draws of all variables from the prior."""
        import xarray as xr

        names = series_data.names(design)
        arrays: dict[str, Any] = {}
        for name, prior in priors.items():
            own = (len(names),) if name == "offset" else ()
            dims = ("chain", "draw", "series")[: 2 + len(own)]
            arrays[name] = (dims, prior.sample(rng, (draws, *own))[None])
        return xr.Dataset(arrays, {"series": names})

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
        return series_data.by_row(draws, value)

    def pointwise(self, draws: xr.Dataset, data: LightCurve) -> xr.DataArray:
        """Log density of every value given those before it in its series: (chain, draw, row)."""
        density = series_data.log_density(
            self.form, self.reference, draws, self._origin_data(data), data
        )
        return series_data.by_row(draws, density)

    def standardised(self, draws: xr.Dataset, data: LightCurve) -> np.ndarray:
        """Residuals of each value about its prediction from those before it."""
        fitted = self._origin_data(data)
        return series_data.standardised(self.form, self.reference, draws, fitted, data)

    def _origin_data(self, data: LightCurve) -> LightCurve:
        """The fitted data, to whose first times the levels belong; `data` during calibration."""
        return self.data if self._tree is not None else data

    def structure_function(self, lag: Any) -> xr.DataArray:
        """Draws of SF at lags (l,), numbers in the time unit or a Quantity: (chain, draw, lag)."""
        draws = self.posterior["posterior"].to_dataset()
        return series_data.structure_function(self.form, self.reference, draws, self.data, lag)

    def judged(self) -> tuple[str, ...]:
        """The two parameters of the law."""
        return ("sf_infinity", "tau", "sf_reference", "gamma")

    def checks(self) -> list[Check]:
        """Whiteness of the innovations' size, and whether the baseline measures tau."""
        from bayes_astro.diagnostics import Check, goodness_of_fit

        checks = [goodness_of_fit(self, "compare with the other form by its log evidence")]
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

    def baseline(self) -> Any:
        """The binned estimator, with the same form fitted to its bins."""
        from bayes_astro.baselines.structure_function import BinnedStructureFunction

        return BinnedStructureFunction(self.form, self.reference)

    def equation(self) -> str:
        """The model in one line."""
        law = (
            "sf_infinity √(1 − exp(−Δt/tau))"
            if self.form == DRW
            else f"sf_reference (Δt/{self.reference:g})^gamma"
        )
        return f"y = offset + x(t) + N(0, error²); E[(x(t+Δt) − x(t))²] = SF², SF(Δt) = {law}"


def _power(lag: Any, exponent: Any) -> Any:
    """lag^exponent in PyTensor, zero at zero, with a gradient there."""
    import pytensor.tensor as pt

    positive = pt.where(lag > 0, lag, 1.0)
    return pt.where(lag > 0, positive**exponent, 0.0)
