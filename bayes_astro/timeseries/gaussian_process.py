"""Gaussian-process light curves: exact, in linear time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.data import LightCurve
from bayes_astro.model import Model
from bayes_astro.priors import Prior
from bayes_astro.timeseries import kernels, means, prediction, process
from bayes_astro.timeseries.kernels import DampedRandomWalk, Kernel, Scales
from bayes_astro.timeseries.means import Elsewhere, Harmonics, KeplerOrbit
from bayes_astro.timeseries.process import OWN, Tables

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr

    from bayes_astro.diagnostics import Check

__all__ = ["GaussianProcess"]

MEANS = ("zero", "constant", "linear", "harmonics")
LONG = 20_000  # points
DEGREES = 4.0  # of freedom of the noise with outliers


@dataclass(eq=False, repr=False)
class GaussianProcess(Model):
    r"""A light curve as a stationary Gaussian process with noise, in one band or several.

    .. code-block:: text

        y_i = offset + mean(t_i) + f(t_i) + noise_i,    f ~ GP(0, kernel)
        noise_i ~ N(0, error_i^2 + jitter^2)

    In several bands, with the first as reference (amplitude 1, lag 0),

    .. code-block:: text

        f_b(t) = amplitude_b g(t - lag_b) + derivative_b g'(t - lag_b) + h_b(t),  g ~ GP(0, kernel)

    and an offset and a jitter for each. The likelihood and its gradient take O(N J^2) operations
    for a kernel of J columns (`bayes_astro.likelihoods.semiseparable`). The linear coefficients
    (offset, trend) are integrated out and drawn given the rest.

    Parameters
    ----------
    kernel : Kernel
        From `ba.kernels`, sums and products of them.
    mean : {"constant", "linear", "zero", "harmonics"} or object
        An object as in `ba.means` is added to a constant.
    jitter : bool
        Fit a noise term added in quadrature to the error bars, one for each band.
    outliers : bool
        Noise of heavy tails: a scale mixture of normals, Student t with four degrees of freedom.
        Every row has its own `noise_scale`, sampled with NUTS.
    lag : (lowest, highest), optional
        Fit the lag of every band behind the first, uniform in this range of times.
    derivative : bool
        Every band also sees the derivative of the process (the G and G' of radial velocities under
        activity, Rajpaul et al. 2015). The kernel must be differentiable.
    amplitude : bool
        Every band behind the first has an amplitude of its own; False: all see the same process, as
        instruments do.
    independent : Kernel, optional
        An independent process in every band, with parameters of its own (`own_...`).
    redshift : float, optional
        Adds `tau_rest` = tau / (1 + redshift).
    priors : dict of str to Prior, optional
        By variable; those of the kernel can also be given to it. Defaults, with s the standard
        deviation of the values, T the time span and D the median spacing of times: amplitudes
        LogNormal about s, timescales LogNormal with 95% between D and 10 T, periods between 2 D and
        T, ``jitter`` HalfNormal(s), ``offset`` Normal(mean, 5 s), ``trend`` Normal(0, 5 s over half
        of T); ``amplitude`` LogNormal about the ratio of the bands' s (Normal with `derivative`).

    Notes
    -----
    For a damping time above a tenth of the time span the prior has a say in the result, and above
    the time span it decides (Kozlowski 2017): `diagnose` then notes so.

    `predict` takes times, Quantities, astropy Times or a `LightCurve`, and gives ``signal`` (a joint
    draw of the curve for each posterior draw), ``observation``, ``mean`` and ``sd`` (of the curve
    given the parameters), and ``component_mean``, ``component_sd`` of the kernel's summands.

    References
    ----------
    Foreman-Mackey, Agol, Ambikasaran & Angus 2017, AJ 154, 220; Kozlowski 2017, A&A 597, A128.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> model = ba.GaussianProcess(ba.kernels.DampedRandomWalk())
    >>> model.equation()
    'y = offset + f(t) + N(0, error² + jitter²), f ~ GP(0, DampedRandomWalk())'
    """

    kernel: Any = None
    mean: Any = "constant"
    jitter: bool = True
    outliers: bool = False
    lag: tuple[Any, Any] | None = None
    derivative: bool = False
    amplitude: bool = True
    independent: Any = None
    redshift: float | None = None
    priors: dict[str, Prior] | None = None

    data_type: ClassVar[type] = LightCurve
    figures: ClassVar[str] = "gaussian_process"
    references: ClassVar[tuple[str, ...]] = ("foremanmackey2017", "kozlowski2017")
    samplers: ClassVar[tuple[str, ...]] = ("NUTS", "Emcee", "Laplace", "MAP", "Exact")
    working: ClassVar[tuple[str, ...]] = (
        "coefficient_unit",
        "log_rate",
        "log_tau",
        "precision",
    )
    readers: ClassVar[dict[str, Any]] = {
        "kernel": kernels.from_dict,
        "independent": kernels.from_dict,
        "mean": means.from_dict,
    }

    # What can be asked for ----------------------------------------------------------------------

    def check_parameters(self) -> None:
        """Raise ValueError for a parameter out of its range."""
        for name in ("kernel", "independent"):
            kernel = getattr(self, name)
            if kernel is None and name == "independent":
                continue
            if not isinstance(kernel, Kernel):
                hint = ", with brackets" if isinstance(kernel, type) else ""
                raise ValueError(
                    f"{name}={kernel!r} must be a kernel{hint}, as ba.kernels.DampedRandomWalk()."
                )
            for leaf in kernel.leaves():
                leaf.check()
            kernel.check()
        for name in ("jitter", "outliers", "derivative", "amplitude"):
            if not isinstance(getattr(self, name), bool | np.bool_):
                raise ValueError(f"{name} must be True or False, got {getattr(self, name)!r}.")
        if self.derivative and not all(leaf.differentiable for leaf in self.kernel.leaves()):
            raise ValueError(
                f"derivative=True: {self.kernel!r} has no derivative; use SHO, Matern32, Rotation, "
                "QuasiPeriodic, ..."
            )
        if isinstance(self.mean, str):
            if self.mean not in MEANS:
                raise ValueError(f"mean={self.mean!r} must be one of {', '.join(MEANS)}.")
        elif not (hasattr(self.mean, "evaluate") and hasattr(self.mean, "priors")):
            raise ValueError(
                f"mean={self.mean!r} must be one of {', '.join(MEANS)} or an object with "
                "evaluate(time, parameters) and priors(data), as in ba.means."
            )
        elif isinstance(self.mean, Harmonics | KeplerOrbit):
            self.mean.check()
        if self.redshift is not None and not (
            isinstance(self.redshift, int | float | np.number) and -1 < self.redshift < np.inf
        ):
            raise ValueError(f"redshift={self.redshift!r} must be a number above -1, or None.")

    def check_data(self, data: LightCurve) -> None:
        """Raise ValueError for too few points, one epoch, a constant, or a range that cannot be."""
        if len(data) < 3:
            raise ValueError(
                f"{len(data)} points are too few for a Gaussian process: at least 3 are needed."
            )
        if np.ptp(data.time) <= 0:
            raise ValueError("column 'time': all points have the same time.")
        for band in self._bands(data):
            rows = data.value if len(self._bands(data)) == 1 else data.value[data.band == band]
            if np.ptp(rows) == 0:
                where = f" in band {band!r}" if len(self._bands(data)) > 1 else ""
                raise ValueError(
                    f"column 'value' is constant{where} ({rows[0]:g} in every row): there is no "
                    "variation to model. Check that the right column was read."
                )
        several = len(self._bands(data)) > 1
        for name in ("derivative", "independent", "lag"):
            if not several and getattr(self, name) not in (None, False) and name != "derivative":
                raise ValueError(f"{name} needs a light curve of several bands.")
        if self.lag is not None:
            low, high = self._lag_range(data)
            span = float(np.ptp(data.time))
            if not -span < low < high < span:
                raise ValueError(
                    f"lag=({low:g}, {high:g}) must satisfy lowest < highest, both within the time "
                    f"span of {span:g} {data.time_unit}: beyond, the bands would not overlap."
                )
        exposure = max((k.exposure for k in self._exposures(self.kernel)), default=0.0)
        if exposure:
            gaps = np.diff(data.time)
            if np.any(gaps < exposure * (1 - 1e-9)):
                row = int(np.argmax(gaps < exposure * (1 - 1e-9))) + 1
                raise ValueError(
                    f"column 'time', row {row}: {gaps[row - 1]:g} after the row before, less than "
                    f"the exposure {exposure:g}: exposures must not overlap."
                )

    def _exposures(self, kernel: Any) -> list[Any]:
        parts = getattr(kernel, "parts", ())
        own = [kernel] if hasattr(kernel, "exposure") else []
        return own + [found for part in parts for found in self._exposures(part)]

    def _lag_range(self, data: LightCurve) -> tuple[float, float]:
        try:
            low, high = (
                float(x.to_value(data.time_unit)) if hasattr(x, "unit") else float(x)
                for x in self.lag  # type: ignore[union-attr]
            )
        except (TypeError, ValueError):
            raise ValueError(f"lag={self.lag!r} must be (lowest, highest) or None.") from None
        return low, high

    def _bands(self, data: LightCurve) -> tuple[str, ...]:
        return tuple(sorted(data.bands)) if len(data.bands) > 1 else ("",)

    def _band_rows(self, data: LightCurve, at: LightCurve) -> np.ndarray:
        """Number of the band of each row of `at`."""
        bands = self._bands(data)
        if len(bands) == 1:
            return np.zeros(len(at), dtype=np.int64)
        if at.band is None:
            raise ValueError(f"column 'band' is missing; the fit has {', '.join(bands)}.")
        unknown = sorted(set(at.bands) - set(bands))
        if unknown:
            raise ValueError(
                f"column 'band': {unknown[0]!r} was not fitted; the fit has {', '.join(bands)}."
            )
        return np.searchsorted(bands, at.band).astype(np.int64)

    def is_whole(self) -> bool:
        """False while a mean function that was defined elsewhere is missing."""
        return not isinstance(self.mean, Elsewhere)

    def _mean_function(self) -> Any:
        if self.mean == "harmonics":
            return Harmonics()
        return None if isinstance(self.mean, str) else self.mean

    # Parameters -----------------------------------------------------------------------------------

    def dims(self, name: str, data: LightCurve) -> str | None:
        """The dimension along which a parameter is an array."""
        if len(self._bands(data)) == 1:
            return "band" if name == "derivative" else None
        if name in ("jitter", "offset", "trend", "derivative") or name.startswith(OWN):
            return "band"
        return "other_band" if name in ("amplitude", "lag") else None

    def is_array(self, name: str, data: LightCurve) -> bool:
        """Whether a parameter has one value for each band."""
        return self.dims(name, data) is not None

    def length(self, name: str, data: LightCurve) -> int:
        """Number of values of a parameter."""
        bands = len(self._bands(data))
        return {None: 1, "band": bands, "other_band": bands - 1}[self.dims(name, data)]

    def units(self, data: LightCurve) -> dict[str, str]:
        """Times in the time unit, amplitudes in that of the values."""
        value = data.value_unit or ""
        time = str(data.time_unit)
        kinds = {"amplitude": value, "timescale": time, "period": time}
        found = {"jitter": value, "offset": value, "lag": time, "tau_rest": time}
        found["trend"] = f"{value} / {time}" if value else f"1 / {time}"
        found |= {"orbital_period": time, "signal_period": time, "phase": "rad", "omega": "rad"}
        found |= dict.fromkeys(("semi_amplitude", "velocity_cosine", "velocity_sine"), value)
        found["derivative"] = f"{value} {time}".strip() if value else time
        for prefix, kernel in (("", self.kernel), (OWN, self.independent)):
            if kernel is not None:
                for name, (leaf, parameter) in kernel.variables():
                    found[prefix + name] = kinds.get(leaf.parameters()[parameter], "")
        return found

    def default_priors(self, data: LightCurve) -> dict[str, Prior]:
        """Weakly informative, scaled from the data; see the class."""
        bands = self._bands(data)
        rows = self._band_rows(data, data)
        spread = np.array([np.std(data.value[rows == b]) for b in range(len(bands))])
        mean = np.array([np.mean(data.value[rows == b]) for b in range(len(bands))])
        span = float(np.ptp(data.time))
        spacing = float(np.median(np.diff(np.unique(data.time))))
        scales = Scales(float(spread[0]), span, spacing)
        priors = self.kernel.priors(scales)
        several = len(bands) > 1

        def each(values: np.ndarray) -> Any:
            return [float(x) for x in values] if several else float(values[0])

        if several and self.amplitude:
            ratio = spread[1:] / spread[0]
            if self.derivative:
                wide = [float(3 * x) for x in ratio]
                priors["amplitude"] = Prior("Normal", mu=0.0, sigma=wide)
            else:
                logs = [float(x) for x in np.log(ratio)]
                priors["amplitude"] = Prior("LogNormal", mu=logs, sigma=0.7)
        if self.lag is not None:
            low, high = self._lag_range(data)
            priors["lag"] = Prior("Uniform", lower=low, upper=high)
        if self.derivative:
            scale = np.sqrt(spacing * span) / (2 * np.pi) * spread / spread[0]
            priors["derivative"] = Prior("Normal", mu=0.0, sigma=[float(x) for x in scale])
        if self.independent is not None:
            own = self.independent.priors(Scales(float(np.median(spread)), span, spacing))
            priors |= {OWN + name: prior for name, prior in own.items()}
        if self.jitter:
            priors["jitter"] = Prior("HalfNormal", sigma=each(spread))
        if (function := self._mean_function()) is not None:
            for name, prior in function.priors(data).items():
                if name in priors:
                    raise ValueError(
                        f"mean: its parameter {name!r} is also one of the kernel's; give the kernel "
                        "a name."
                    )
                priors[name] = prior
        if self.mean != "zero":
            priors["offset"] = Prior("Normal", mu=each(mean), sigma=each(5 * spread))
        if self.mean == "linear":
            priors["trend"] = Prior("Normal", mu=0.0, sigma=each(10 * spread / span))
        return priors

    def check_priors(self, priors: dict[str, Prior], data: LightCurve) -> None:
        """Normal priors of what is integrated out; none of scales that admits negative values."""
        for name, prior in priors.items():
            if prior.event:
                raise ValueError(f"Prior of {name!r} must be of a number, got {prior}.")
            length = self.length(name, data)
            for key, value in prior.arguments.items():
                if np.size(value) not in (1, length):
                    raise ValueError(
                        f"Prior of {name!r}: {key} has {np.size(value)} entries, expected "
                        f"{1 if length == 1 else f'1 or {length}'}."
                    )
            if name in ("offset", "trend") and prior.distribution != "Normal":
                raise ValueError(
                    f"Prior of {name!r} must be Normal, got {prior}: with another it cannot be "
                    "integrated out."
                )
            positive = name == "jitter" or name in dict(self.kernel.variables())
            if positive and np.any(np.asarray(prior.support[0]) < 0):
                raise ValueError(
                    f"Prior of {name!r}: {prior} admits negative values; use LogNormal, HalfNormal "
                    "or another of positive numbers."
                )

    # The likelihood's arguments -------------------------------------------------------------------

    def epoch(self, data: LightCurve) -> float:
        """The time from which trends and phases count."""
        return float(np.mean(data.time))

    def arrays(self, data: LightCurve, priors: dict[str, Prior]) -> dict[str, np.ndarray]:
        """What `build` holds in ``pm.Data``: times from the epoch, the coefficients' design."""
        band = self._band_rows(data, data)
        bands = self._bands(data)
        time = data.time - self.epoch(data)
        inside = (band[:, None] == np.arange(len(bands))).astype(float)
        columns, centre, width = [], [], []
        for name, factor in (("offset", 1.0), ("trend", 0.5 * float(np.ptp(data.time)))):
            if name in priors:
                columns.append(inside * (time[:, None] / factor) ** (name == "trend"))
                arguments = priors[name].arguments
                centre.append(np.broadcast_to(arguments["mu"], (len(bands),)) * factor)
                width.append(np.broadcast_to(arguments["sigma"], (len(bands),)) * factor)
        empty = np.zeros((len(data), 0))
        seen = getattr(self._mean_function(), "bands", None)
        extra = {} if seen is None else {"seen": np.isin(np.array(bands)[band], seen).astype(float)}
        return extra | {
            "time": time,
            "value": data.value.copy(),
            "error": data.error.copy(),
            "row_band": band.astype(np.int32),  # pm.Data would cut longer integers down
            "basis": np.ascontiguousarray(np.concatenate([empty, *columns], axis=1)),
            "coefficient_mean": np.concatenate([np.zeros(0), *centre]),
            "width": np.concatenate([np.zeros(0), *width]),
        }

    def tables(self, values: dict[str, Any], data: LightCurve, xp: Any = np) -> Tables:
        """Arguments of the likelihood at named values."""
        bands = len(self._bands(data))
        return process.tables(self.kernel, values, bands, self.independent, xp)

    def components(self) -> tuple[str, ...]:
        """Names of the kernel's summands."""
        return process.labels(self.kernel, self.independent)

    def rows(self, values: dict[str, Any], arrays: dict[str, Any], centre: Any) -> tuple[Any, Any]:
        """Residual from the mean function (the coefficients at their prior means), and variance."""
        variance = arrays["error"] ** 2
        if self.jitter:
            jitter = values["jitter"]
            variance = variance + (jitter[arrays["row_band"]] if np.ndim(jitter) else jitter) ** 2
        residual = arrays["value"] - arrays["basis"] @ centre
        if (function := self._mean_function()) is not None:
            residual = residual - self._evaluate(function, values, arrays)
        return residual, variance

    def _derived(self, values: dict[str, Any]) -> dict[str, Any]:
        """Further quantities of the mean function."""
        function = self._mean_function()
        return function.derived(values) if hasattr(function, "derived") else {}

    def _evaluate(self, function: Any, values: dict[str, Any], arrays: dict[str, Any]) -> Any:
        """The mean function at the rows of the bands in which it is seen."""
        signal = function.evaluate(arrays["time"], values)
        return signal if "seen" not in arrays else signal * arrays["seen"]

    def build(self, data: LightCurve, priors: dict[str, Prior] | None = None) -> pm.Model:
        """The marginal model; see the class for its equations."""
        import pymc as pm
        import pytensor.tensor as pt

        from bayes_astro.likelihoods.ops import SemiseparableCoefficients, SemiseparableDensity

        priors = self.resolve_priors(data) if priors is None else priors
        bands = self._bands(data)
        coords = {"band": bands, "other_band": bands[1:], "row": np.arange(len(data))}
        with pm.Model(coords=coords) as model:
            arrays: dict[str, Any] = {
                name: pm.Data(name, array) for name, array in self.arrays(data, priors).items()
            }
            values: dict[str, Any] = self._rotated(priors)
            for name, prior in priors.items():
                if name not in ("offset", "trend", *values):
                    values[name] = prior.variable(name, dims=self.dims(name, data))
            if self.redshift is not None and "tau" in values:
                pm.Deterministic("tau_rest", values["tau"] / (1 + self.redshift))
            for name, quantity in self._derived(values).items():
                pm.Deterministic(name, quantity)
            residual, variance = self.rows(values, arrays, arrays["coefficient_mean"])
            if self.outliers:
                precision = pm.Gamma("precision", DEGREES / 2, DEGREES / 2, dims="row")
                pm.Deterministic("noise_scale", precision**-0.5, dims="row")
                variance = variance / precision
            found = self.tables(values, data, pt)
            columns = self.arrays(data, priors)["basis"].shape[1]
            inputs = [
                residual,
                variance,
                *found.arguments,
                arrays["width"],
                arrays["time"],
                pt.cast(arrays["row_band"], "int64"),
                arrays["basis"],
            ]
            pm.Potential("light_curve", SemiseparableDensity(found.layout, columns)(*inputs)[0])
            if columns:
                # Exact draws of what was integrated out: unit normals through its conditional.
                unit = pm.Normal("coefficient_unit", shape=columns)
                centre, factor = SemiseparableCoefficients(found.layout, columns)(*inputs)
                coefficient = arrays["coefficient_mean"] + centre + factor @ unit
                n = len(bands)
                half = 0.5 * float(np.ptp(data.time))
                for i, (name, scale) in enumerate((("offset", 1.0), ("trend", half))):
                    if name in priors:
                        own = coefficient[i * n : (i + 1) * n] / scale
                        dims = self.dims(name, data)
                        pm.Deterministic(name, own if dims else own[0], dims=dims)
        return model

    def _rotated(self, priors: dict[str, Prior]) -> dict[str, Any]:
        """A damped random walk's sigma and tau through log(sigma^2 / tau) and log tau.

        In these the posterior of a long damping time is a band along one axis; the prior stays that
        of sigma and tau, with the Jacobian d(sigma, tau) = sigma tau / 2 d(log_rate, log_tau).
        """
        import pymc as pm
        import pytensor.tensor as pt

        wanted = {"sigma", "tau"} <= set(priors) and any(
            isinstance(leaf, DampedRandomWalk) for leaf in self.kernel.leaves()
        )
        supports = [priors[name].support for name in ("sigma", "tau")] if wanted else []
        if not wanted or any(np.any(s[0] != 0) or np.any(np.isfinite(s[1])) for s in supports):
            return {}
        start = {}
        for name in ("sigma", "tau"):
            start[name] = float(np.asarray(priors[name]._scipy().median()))
        log_tau = pm.Flat("log_tau", initval=np.log(start["tau"]))
        log_rate = pm.Flat("log_rate", initval=np.log(start["sigma"] ** 2 / start["tau"]))
        tau = pm.Deterministic("tau", pt.exp(log_tau))
        sigma = pm.Deterministic("sigma", pt.exp(0.5 * (log_rate + log_tau)))
        density = priors["tau"].symbolic_log_density(tau)
        density += priors["sigma"].symbolic_log_density(sigma)
        pm.Potential("sigma_tau", density + 0.5 * log_rate + 1.5 * log_tau - np.log(2))
        return {"sigma": sigma, "tau": tau}

    def starts(
        self, data: LightCurve, priors: dict[str, Prior], count: int, rng: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """Draws from the Gaussian about the maximum of the posterior."""
        density = self.density(data, priors)
        mode, _ = density.mode(4, 200, rng)
        points = density.around(mode).points(rng.standard_normal((count, density.size)))
        rows = [density.values(point) for point in points]
        found = {name: np.array([row[name] for row in rows]) for name in density.priors}
        if self._is_rotated(priors):
            sigma, tau = found.pop("sigma"), found.pop("tau")
            found |= {"log_tau": np.log(tau), "log_rate": np.log(sigma**2 / tau)}
        columns = self.arrays(data, priors)["basis"].shape[1]
        if columns:
            found["coefficient_unit"] = rng.standard_normal((count, columns))
        if self.outliers:
            found["precision"] = rng.gamma(5.0, 0.2, (count, len(data)))
        return found

    def _is_rotated(self, priors: dict[str, Prior]) -> bool:
        import pymc as pm

        with pm.Model():
            return bool(self._rotated(priors))

    def density(self, data: LightCurve, priors: dict[str, Prior], **how: Any) -> Any:
        """The posterior of the hyperparameters as a function of a flat vector."""
        from bayes_astro.timeseries.process_posterior import ProcessPosterior

        return ProcessPosterior(self, data, priors, **how)

    # Maximum, Laplace, evidence ------------------------------------------------------------------

    def _no_outliers(self, what: str) -> None:
        if self.outliers:
            raise ValueError(f"ba.{what} cannot take outliers=True; use ba.NUTS().")

    def maximum(
        self,
        data: LightCurve,
        priors: dict[str, Prior],
        search: Any,
        rng: np.random.Generator,
        progress: bool,
    ) -> dict[str, xr.Dataset]:
        """The maximum in the coordinates of `process_posterior`: logarithms of scales."""
        self._no_outliers("MAP")
        density = self.density(data, priors)
        mode, converged = density.mode(search.restarts, search.max_steps, rng)
        statistics = _statistics(converged, maximum=density.value(mode))
        posterior = self._drawn(density, [mode], data, priors, None)
        return {"posterior": posterior, "sample_stats": statistics}

    def laplace(
        self,
        data: LightCurve,
        priors: dict[str, Prior],
        settings: Any,
        rng: np.random.Generator,
        progress: bool,
    ) -> dict[str, xr.Dataset]:
        """Draws from the Gaussian about the maximum, and the evidence with its error."""
        import xarray as xr

        from bayes_astro.samplers.curvature import gaussian, importance

        self._no_outliers("Laplace")
        density = self.density(data, priors)
        mode, converged = density.mode(settings.restarts, settings.max_steps, rng)
        around = gaussian(density, mode)
        unit = rng.standard_normal((settings.draws, density.size))
        points = around.points(unit)
        some = np.linspace(0, len(points) - 1, min(len(points), 400)).astype(int)
        values = np.array([density.value(points[i]) for i in some])
        efficiency, _, _ = importance(
            np.where(np.isnan(values), -np.inf, values) - around.log_density(unit[some])
        )
        evidence = self._evidence(density, mode, rng)
        statistics = _statistics(converged, importance_efficiency=efficiency)
        return {
            "posterior": self._drawn(density, list(points), data, priors, rng),
            "sample_stats": statistics,
            "evidence": xr.Dataset(evidence),
        }

    def default_sampler(self, data: LightCurve) -> tuple[Any, str]:
        """Exact where it can be, else NUTS; of very long light curves the Gaussian at the maximum."""
        from bayes_astro.samplers import NUTS, Exact, Laplace

        if not self._is_exact(data):
            return Exact(), ""
        if len(data) > LONG and not self.outliers:
            return Laplace(restarts=4), (
                f"{len(data)} points: NUTS would take minutes; ask for ba.NUTS() where diagnose() "
                "finds the importance efficiency low"
            )
        return NUTS(target_accept=0.9), ""

    def _is_exact(self, data: LightCurve) -> str:
        """Why `ba.Exact` cannot be used, or nothing."""
        if not isinstance(self.kernel, DampedRandomWalk) or self.kernel.name or self.kernel.fixed():
            return "its kernel must be ba.kernels.DampedRandomWalk() with free sigma and tau"
        if not isinstance(self.mean, str) or self.mean == "harmonics":
            return "its mean must be 'zero', 'constant' or 'linear'"
        if self.outliers or self.derivative:
            return "it takes no outliers and no derivative"
        return "it takes one band" if len(self._bands(data)) > 1 else ""

    def _exact_setup(self, data: LightCurve, priors: dict[str, Prior]) -> dict[str, Any]:
        """Arguments of `drw_posterior.posterior`."""
        arrays = self.arrays(data, priors)
        return {
            "time": arrays["time"],
            "value": arrays["value"],
            "error": arrays["error"],
            "design": arrays["basis"],
            "coefficient_mean": arrays["coefficient_mean"],
            "coefficient_sd": arrays["width"],
            "priors": {n: p for n, p in priors.items() if n in ("sigma", "tau", "jitter")},
        }

    def exact(
        self, data: LightCurve, priors: dict[str, Prior], draws: int, rng: np.random.Generator
    ) -> dict[str, xr.Dataset]:
        """Independent draws for a damped random walk in one band; see `drw_posterior`."""
        import xarray as xr

        from bayes_astro.timeseries import drw_posterior

        if because := self._is_exact(data):
            raise ValueError(
                f"ba.Exact cannot sample this GaussianProcess: {because}; use ba.NUTS()."
            )
        found = drw_posterior.posterior(**self._exact_setup(data, priors))
        values = found.sample(draws, rng)
        values |= self._coefficients_by_name(values.pop("coefficients"), data, priors)
        arrays = {name: ("sample", array) for name, array in values.items()}
        if self.redshift is not None:
            arrays["tau_rest"] = ("sample", values["tau"] / (1 + self.redshift))
        evidence = {
            "log_evidence": found.log_evidence,
            "log_evidence_error": found.log_evidence_error,
        }
        attributes = {"importance_efficiency": found.importance_efficiency, "interrupted": 0}
        return {
            "posterior": xr.Dataset(arrays),
            "sample_stats": xr.Dataset(attrs=attributes),
            "evidence": xr.Dataset(evidence),
        }

    def _coefficients_by_name(
        self, flat: np.ndarray, data: LightCurve, priors: dict[str, Prior]
    ) -> dict[str, np.ndarray]:
        """Offset and trend of one band from (draws, p) coefficients."""
        half = 0.5 * float(np.ptp(data.time))
        scales = [(n, s) for n, s in (("offset", 1.0), ("trend", half)) if n in priors]
        return {name: flat[:, i] / scale for i, (name, scale) in enumerate(scales)}

    def fit_many(self, items: Any, sampler: Any, seed: int) -> list[dict[str, Any]]:
        """One row an object; a damped random walk in one band by its exact posterior, in threads."""
        from bayes_astro import catalog
        from bayes_astro.samplers import MAP, Exact

        self.check_parameters()
        first = next((data for _, data in items if isinstance(data, LightCurve)), None)
        wanted = sampler is None or isinstance(sampler, Exact)
        if not wanted or first is None or self._is_exact(first):
            return catalog.rows(self, items, sampler, seed)
        draws = (Exact() if sampler is None else sampler).draws
        return self._exact_rows(items, draws, MAP().workers, seed)

    def _exact_rows(self, items: Any, draws: int, threads: int, seed: int) -> list[dict[str, Any]]:
        import time

        from bayes_astro import catalog
        from bayes_astro.timeseries import drw_posterior

        seeds = [catalog.object_seed(seed, name) for name, _ in items]
        resolved: dict[int, Any] = {}

        def setup(item: tuple[int, LightCurve]) -> dict[str, Any]:
            i, data = item
            self._checked(data)
            if because := self._is_exact(data):
                raise ValueError(f"ba.Exact cannot sample this light curve: {because}.")
            resolved[i] = self.resolve_priors(data)
            return self._exact_setup(data, resolved[i])

        began = time.perf_counter()
        numbered = [(i, data) for i, (_, data) in enumerate(items)]
        found = drw_posterior.fit_many(numbered, setup, draws, seeds, threads=threads)
        each = 1000 * (time.perf_counter() - began) / max(len(items), 1)
        rows = []
        for i, ((name, data), result) in enumerate(zip(items, found, strict=True)):
            row: dict[str, Any] = {"name": name, "status": "ok", "error_type": "", "error": ""}
            row |= {"n_obs": len(data) if hasattr(data, "__len__") else 0, "seed": seeds[i]}
            if isinstance(result, Exception):
                text = str(result)[:200]
                row |= {"status": "failed", "error_type": type(result).__name__, "error": text}
            else:
                posterior, values = result
                row |= {"rhat_max": np.nan, "ess_min": float(draws), "n_divergent": 0}
                names = [n for n in ("offset", "trend") if n in resolved[i]]
                if "trend" in names:
                    values["coefficients"][:, -1] /= 0.5 * float(np.ptp(data.time))
                if self.redshift is not None:
                    values["tau_rest"] = values["tau"] / (1 + self.redshift)
                row |= drw_posterior.columns(values, names)
                row["tau_over_span"] = row["tau_q50"] / float(np.ptp(data.time))
                row |= {
                    "importance_efficiency": posterior.importance_efficiency,
                    "log_evidence": posterior.log_evidence,
                    "log_evidence_error": posterior.log_evidence_error,
                }
            row["ms"] = each
            rows.append(row)
        return rows

    def _evidence(
        self, density: Any, mode: np.ndarray, rng: np.random.Generator, draws: int = 2000
    ) -> dict[str, float]:
        log_evidence, error, efficiency = density.log_evidence(mode, draws, rng)
        return {
            "log_evidence": log_evidence,
            "log_evidence_error": error,
            "importance_efficiency": efficiency,
        }

    def log_evidence(self, data: LightCurve | None = None, *, seed: int = 0) -> dict[str, float]:
        """Log marginal likelihood, for the comparison of kernels on the same data.

        By importance sampling about the maximum; independent of how the model was fitted.

        Parameters
        ----------
        data : LightCurve, optional
            None stands for the fitted data.
        seed : int

        Returns
        -------
        dict
            log_evidence; log_evidence_error, its standard error; importance_efficiency, below some
            0.01 of which neither is to be trusted.
        """
        self._no_outliers("GaussianProcess.log_evidence")
        data = self.data if data is None else self._checked(data)
        rng = np.random.default_rng(seed)
        density = self.density(data, self.resolve_priors(data))
        mode, _ = density.mode(6, 300, rng)
        return self._evidence(density, mode, rng, 4000)

    def _drawn(
        self,
        density: Any,
        points: list[np.ndarray],
        data: LightCurve,
        priors: dict[str, Prior],
        rng: np.random.Generator | None,
    ) -> xr.Dataset:
        """Points as named variables along ``sample``, with draws of the linear coefficients."""
        rows = [density.values(point) for point in points]
        for row in rows:
            row |= prediction.coefficients(self, row, data, priors, rng)
        return self.named(rows, data)

    def named(self, rows: list[dict[str, Any]], data: LightCurve) -> xr.Dataset:
        """Values of many draws as a Dataset along ``sample``."""
        import xarray as xr

        bands = self._bands(data)
        arrays = {}
        for name in rows[0]:
            dims = self.dims(name, data)
            stacked = np.array([row[name] for row in rows], dtype=float)
            arrays[name] = (("sample", dims) if dims else ("sample",), stacked)
        for name, quantity in self._derived({n: a for n, (_, a) in arrays.items()}).items():
            arrays[name] = (("sample",), quantity)
        if self.redshift is not None and "tau" in arrays:
            arrays["tau_rest"] = (("sample",), arrays["tau"][1] / (1 + self.redshift))
        used = {dim for dims, _ in arrays.values() for dim in dims}
        coords = {"band": list(bands), "other_band": list(bands[1:])}
        return xr.Dataset(arrays, {k: v for k, v in coords.items() if k in used})

    # Simulation and prediction -----------------------------------------------------------------

    def prior_draws(
        self, design: LightCurve, priors: dict[str, Prior], draws: int, rng: np.random.Generator
    ) -> xr.Dataset:
        """Draws of all variables from the prior."""
        values = {
            name: prior.sample(
                rng,
                (draws, self.length(name, design)) if self.is_array(name, design) else (draws,),
            )
            for name, prior in priors.items()
        }
        if self.outliers:
            values["noise_scale"] = (
                rng.gamma(DEGREES / 2, 2 / DEGREES, (draws, len(design))) ** -0.5
            )
        rows = [{name: value[i] for name, value in values.items()} for i in range(draws)]
        noise = [row.pop("noise_scale") for row in rows] if self.outliers else None
        found = self.named(rows, design)
        if noise is not None:
            found["noise_scale"] = (("sample", "row"), np.array(noise))
        return found.rename(sample="draw").expand_dims("chain")

    def simulate_data(
        self, parameters: xr.Dataset, design: LightCurve, rng: np.random.Generator
    ) -> LightCurve:
        """New values at the times, bands and errors of `design`."""
        one = parameters.expand_dims(["chain", "draw"])
        return design.replace(value=prediction.replicate(self, one, design, rng)[0, 0])

    def forecast(
        self, draws: xr.Dataset, data: LightCurve, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """The curve and new observations at `at`; see `prediction.forecast`."""
        return prediction.forecast(self, draws, data, at, rng)

    def replicate(
        self, draws: xr.Dataset, data: LightCurve, at: LightCurve, rng: np.random.Generator
    ) -> xr.DataArray:
        """New light curves from the parameters alone, at the rows of `at`."""
        return prediction.by_row(draws, prediction.replicate(self, draws, at, rng))

    def held_out_draws(
        self, draws: xr.Dataset, data: LightCurve, test: LightCurve, rng: np.random.Generator
    ) -> xr.DataArray:
        """New observations at held-out rows, given the fitted ones."""
        return self.forecast(draws, data, test, rng)["observation"]

    def pointwise(self, draws: xr.Dataset, data: LightCurve) -> xr.DataArray:
        """Log density of every row given those before it: (chain, draw, row); their sum is joint."""
        residual, variance = prediction.one_step_ahead(self, draws, data)
        density = -0.5 * (residual**2 / variance + np.log(2 * np.pi * variance))
        return prediction.by_row(draws, density)

    def log_predictive(self, draws: xr.Dataset, data: LightCurve) -> xr.DataArray:
        """Log density of every held-out row given the fitted rows: (chain, draw, row)."""
        return prediction.log_predictive(self, draws, self.data, data)

    def standardised(self, draws: xr.Dataset, data: LightCurve) -> np.ndarray:
        """One-step-ahead residuals over their standard deviation: unit normals, independent."""
        residual, variance = prediction.one_step_ahead(self, draws, data)
        return residual / np.sqrt(variance)

    def judged(self) -> tuple[str, ...]:
        """Everything but the noise scales of single rows."""
        if not self.outliers:
            return ()
        return tuple(str(n) for n in self.posterior["posterior"].data_vars if n != "noise_scale")

    def checks(self) -> list[Check]:
        """Goodness of fit, whiteness of the residuals, and what the prior decides."""
        from bayes_astro.timeseries import whiteness

        return whiteness.checks(self)

    def power_spectrum(self, frequency: Any = None, *, draws: int = 500) -> xr.Dataset:
        """Posterior of the kernel's power spectral density; see `prediction.power_spectrum`."""
        return prediction.power_spectrum(self, frequency, draws)

    def structure_function(self, lag: Any = None, *, draws: int = 500) -> xr.Dataset:
        """Posterior of sqrt(2 (k(0) - k(lag))); see `prediction.structure_function`."""
        return prediction.structure_function(self, lag, draws)

    def baseline(self) -> Any:
        """Maximum likelihood with the same kernel."""
        from bayes_astro.baselines.gaussian_process import MaximumLikelihood

        parameters = self.get_params(deep=False)
        for name in ("outliers", "redshift", "priors"):
            parameters.pop(name)
        return MaximumLikelihood(**parameters)

    def equation(self) -> str:
        """The model in one line."""
        text = "y = " + ("" if self.mean == "zero" else "offset + ")
        if self.mean == "linear":
            text += "trend·(t − epoch) + "
        elif self._mean_function() is not None:
            text += f"{type(self._mean_function()).__name__}(t) + "
        noise = "error² + jitter²" if self.jitter else "error²"
        noise = f"t₄(0, {noise})" if self.outliers else f"N(0, {noise})"
        text += f"f(t) + {noise}, f ~ GP(0, {self.kernel!r})"
        if self.lag is not None or self.derivative or self.independent is not None:
            text += "; band b sees amplitude_b f(t"
            text += " − lag_b)" if self.lag is not None else ")"
            text += " + derivative_b f′(t)" if self.derivative else ""
            text += f" + GP(0, {self.independent!r})" if self.independent is not None else ""
        return text


def _statistics(converged: bool, **attributes: float) -> xr.Dataset:
    import xarray as xr

    return xr.Dataset(
        attrs={"converged": int(converged), "gain_to_come": 0.0, "interrupted": 0, **attributes}
    )
