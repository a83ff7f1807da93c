"""Gaussian-process light curves: exact, in linear time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.data import LightCurve
from bayes_astro.data.curve import Curve
from bayes_astro.diagnostics import Check
from bayes_astro.draws import by_row
from bayes_astro.hooks import hook
from bayes_astro.model import Model
from bayes_astro.parameters import Parameter, Setting, number, optional, switch
from bayes_astro.priors import Prior
from bayes_astro.processes import (
    default_priors,
    drw_posterior,
    exact_walk,
    limits,
    mean_and_noise,
    prediction,
    process,
    spectra,
    whiteness,
)
from bayes_astro.processes.mean_and_noise import COEFFICIENTS, DEGREES, function_of
from bayes_astro.processes.means import Elsewhere
from bayes_astro.processes.process import OWN, Tables
from bayes_astro.processes.process_problem import ProcessProblem
from bayes_astro.processes.roughness import columns, settle
from bayes_astro.processes.units import plain
from bayes_astro.report import Section, evidence_section

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["GaussianProcess"]

LONG, WORK = 20_000, 2.5e4  # points; and times the squares of quasi-periodic columns
LOOK = "ask for ba.NUTS() where diagnose() finds the importance efficiency low"


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

    `predict` takes times, Quantities, astropy Times or a `LightCurve`, and gives ``signal`` (a
    joint draw of the curve for each posterior draw), ``observation``, ``mean`` and ``sd`` (of the
    curve given the parameters), and ``component_mean``, ``component_sd`` of the kernel's summands.

    References
    ----------
    Foreman-Mackey, Agol, Ambikasaran & Angus 2017, AJ 154, 220; Kozlowski 2017, A&A 597, A128.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> quasar = ba.load("macho-quasar").select("R")
    >>> model = ba.GaussianProcess(ba.kernels.DampedRandomWalk())
    >>> _ = model.fit(quasar, ba.Laplace(draws=200, restarts=2), seed=1, progress=False)
    >>> model.summary().index.tolist()
    ['tau', 'sigma', 'jitter', 'offset']
    >>> model.predict([49300.0, 49400.0], draws=50)["signal"].shape
    (1, 50, 2)
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
    settings: ClassVar[dict[str, Setting]] = {
        "jitter": switch,
        "outliers": switch,
        "derivative": switch,
        "amplitude": switch,
        "redshift": optional(number(-1, np.inf, "a number above -1, or None")),
    }
    references: ClassVar[tuple[str, ...]] = ("foremanmackey2017", "kozlowski2017")
    samplers: ClassVar[tuple[str, ...]] = ("NUTS", "Emcee", "Laplace", "MAP", "Exact")
    internal: ClassVar[tuple[str, ...]] = ("coefficient_unit", "log_rate", "log_tau", "precision")
    _internal: ClassVar[tuple[str, ...]] = ("epoch",)

    def check_settings(self) -> None:
        """Raise ValueError for a parameter out of its range."""
        limits.check_settings(self)

    def check_data(self, data: LightCurve) -> None:
        """Raise ValueError for too few points, one epoch, a constant, or a range that cannot be."""
        limits.check_data(self, data)

    @hook
    def lag_range(self, data: LightCurve) -> tuple[float, float]:
        try:
            low, high = (
                float(x.to_value(data.time_unit)) if hasattr(x, "unit") else float(x)
                for x in self.lag  # type: ignore[union-attr]
            )
        except (TypeError, ValueError):
            raise ValueError(f"lag={self.lag!r} must be (lowest, highest) or None.") from None
        return low, high

    def missing_parts(self) -> str:
        """A mean function that was defined elsewhere."""
        return self.mean.description if isinstance(self.mean, Elsewhere) else ""

    # Parameters -----------------------------------------------------------------------------------

    @hook
    def dims_of(self, name: str, several: bool) -> tuple[str, ...]:
        """The dimension along which a parameter is an array, of one band or several."""
        if not several:
            return ("band",) if name == "derivative" else ()
        if name in ("jitter", "offset", "trend", "derivative") or name.startswith(OWN):
            return ("band",)
        return ("other_band",) if name in ("amplitude", "lag") else ()

    def coords(self, data: LightCurve) -> dict[str, Any]:
        """The bands, and those behind the first."""
        bands = tuple(sorted(data.bands)) if len(data.bands) > 1 else ("",)
        return {"band": bands, "other_band": bands[1:]}

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

    def parameters(self, data: LightCurve) -> list[Parameter]:
        """See the class; weakly informative, scaled from the data."""
        units, several = self.units(data), len(data.bands) > 1
        positive = {"jitter", *(name for name, _ in self.kernel.variables())}
        found, given = [], default_priors.given(self)
        for name, prior in default_priors.of(self, data).items():
            linear = name in COEFFICIENTS
            found.append(
                Parameter(
                    name,
                    prior,
                    self.dims_of(name, several),
                    units.get(name, ""),
                    "positive" if name in positive else "real",
                    ("Normal",) if linear else (),
                    given=name in given,
                )
            )
        return found

    def problem(self, data: LightCurve, priors: dict[str, Prior]) -> ProcessProblem:
        """The marginal posterior: kernel and mean on a tape, coefficients integrated out."""
        return ProcessProblem(plain(self, data), data, priors)

    @hook
    def tables(self, values: dict[str, Any], bands: int) -> Tables:
        """Arguments of the recursion at named values."""
        return process.tables(self.kernel, values, bands, self.independent)

    @hook
    def components(self) -> tuple[str, ...]:
        """Names of the kernel's summands."""
        return process.labels(self.kernel, self.independent)

    def can_draw(self, figure: str) -> bool:
        """The folded figure only of a mean function with a period."""
        return figure != "folded" or bool(mean_and_noise.folds_on(self.mean))

    @hook
    def further(self, values: dict[str, Any]) -> dict[str, Any]:
        """Quantities that follow from the parameters: of the mean function, in the rest frame."""
        function = function_of(self.mean)
        found = function.derived(values) if hasattr(function, "derived") else {}
        if self.redshift is not None and "tau" in values:
            found = found | {"tau_rest": values["tau"] / (1 + self.redshift)}
        return found

    def derived(self, draws: xr.Dataset, priors: dict[str, Prior]) -> xr.Dataset:
        """With those quantities."""
        plain = {str(n): a for n, a in draws.data_vars.items() if a.ndim == 2}
        return draws.assign(self.further(plain))

    def latents(
        self, draws: xr.Dataset, design: LightCurve, rng: np.random.Generator
    ) -> xr.Dataset:
        """Noise scales of the rows, with outliers."""
        if not self.outliers:
            return draws
        precision = rng.gamma(DEGREES / 2, 2 / DEGREES, (1, draws.sizes["draw"], len(design)))
        return draws.assign(noise_scale=(("chain", "draw", "row"), precision**-0.5))

    def settle(
        self, data: LightCurve, seed: int | None, progress: bool
    ) -> tuple[Model, dict[str, xr.Dataset]]:
        """With the harmonics of quasi-periodic kernels chosen."""
        return settle(self, data)

    def default_sampler(self, data: LightCurve) -> tuple[Any, str]:
        """Exact where it can be, else NUTS; of very long light curves the Gaussian at the maximum."""
        from bayes_astro.samplers import NUTS, Exact, Laplace

        if not exact_walk.because(self, len(data.bands) > 1):
            return Exact(), ""
        work = len(data) * columns(settle(self, data)[0].kernel) ** 2
        if (len(data) > LONG or work > WORK) and not self.outliers:
            many = " and many harmonics" if work > WORK else ""
            return Laplace(restarts=4), f"{len(data)} points{many}: NUTS would take minutes; {LOOK}"
        return NUTS(target_accept=0.9), ""

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
        """New light curves from the parameters alone; at other rows than the fitted, given those."""
        if at is not data:
            return self.forecast(draws, data, at, rng)["observation"]
        return by_row(draws, prediction.replicate(self, draws, at, rng))

    def pointwise(self, draws: xr.Dataset, data: LightCurve) -> xr.DataArray:
        """Log density of every row given those before it: (chain, draw, row); their sum is joint."""
        residual, variance = prediction.one_step_ahead(self, draws, data)
        density = -0.5 * (residual**2 / variance + np.log(2 * np.pi * variance))
        return by_row(draws, density)

    def log_predictive(self, draws: xr.Dataset, data: LightCurve) -> xr.DataArray:
        """Log density of every held-out row given the fitted rows: (chain, draw, row)."""
        return prediction.log_predictive(self, draws, self.data, data)

    def normal_residuals(self, draws: xr.Dataset, data: LightCurve) -> np.ndarray:
        """One-step-ahead residuals over their standard deviation: unit normals, independent."""
        residual, variance = prediction.one_step_ahead(self, draws, data)
        return residual / np.sqrt(variance)

    def converged_on(self) -> tuple[str, ...]:
        """Everything but the noise scales of single rows."""
        names = [str(n) for n in self.posterior["posterior"].data_vars if n != "noise_scale"]
        return tuple(names) if self.outliers else ()

    def checks(self) -> list[Check]:
        """Goodness of fit, whiteness of the residuals, what the prior decides, and the grid."""
        tree = self.posterior
        statistics = tree["sample_stats"].attrs if "sample_stats" in tree else {}
        return [*whiteness.checks(self), *drw_posterior.grid_checks(statistics)]

    def sections(self) -> list[Section]:
        """The evidence, by which kernels can be compared."""
        return evidence_section(self)

    def power_spectrum(self, frequency: Any = None, *, draws: int = 500) -> xr.Dataset:
        """Posterior of the kernel's power spectral density.

        Parameters
        ----------
        frequency : array_like or Quantity, shape (m,), optional
            In cycles per time unit. Default: from a third of one cycle in the time span to the
            highest frequency of the sampling, evenly in the logarithm.
        draws : int
            About how many of the posterior.

        Returns
        -------
        xarray.Dataset
            ``power`` (chain, draw, frequency), two-sided, in value unit squared times time unit,
            and ``noise`` (chain, draw), the level of the white noise.
        """
        return spectra.power_spectrum(self, frequency, draws)

    def structure_function(self, lag: Any = None, *, draws: int = 500) -> xr.Dataset:
        """Posterior of the root mean square difference of two values.

        Of the noiseless process: sqrt(2 (k(0) - k(lag))).

        Parameters
        ----------
        lag : array_like or Quantity, shape (m,), optional
            Time differences. Default: from the median spacing to the time span.
        draws : int
            About how many of the posterior.

        Returns
        -------
        xarray.Dataset
            ``structure_function`` (chain, draw, lag), in the unit of the values.
        """
        return spectra.structure_function(self, lag, draws)

    def epoch(self, data: LightCurve) -> float:
        """The time from which trend and mean function count, in the unit of the data."""
        return Curve.of(data).epoch

    def equation(self) -> str:
        """The model in one line."""
        return mean_and_noise.equation(self)
