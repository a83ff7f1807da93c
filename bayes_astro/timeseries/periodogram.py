"""The period of a light curve or velocity curve, with its uncertainty and the odds that it is real."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.data import LightCurve
from bayes_astro.model import Model
from bayes_astro.priors import Prior
from bayes_astro.timeseries import aliases, harmonics

if TYPE_CHECKING:
    import pandas as pd
    import pymc as pm
    import xarray as xr

    from bayes_astro.diagnostics import Check

__all__ = ["Periodogram"]

ODDS_NOTE = (
    "The Bayes factor compares the harmonics, averaged over the prior of their frequency and "
    "amplitudes, with the trend alone: times the prior odds it gives the probability that the "
    "period is real. The false-alarm probability of the Lomb-Scargle baseline is something else, "
    "the probability that noise alone reaches as high a peak, and is not the probability that the "
    "period is false: 1e-2 is roughly even odds."
)


@dataclass(eq=False, repr=False)
class Periodogram(Model):
    r"""A trend plus harmonics of one unknown frequency, in white noise.

    .. code-block:: text

        y_i = offset + sum_j trend_j (t_i - epoch)^j
              + sum_k amplitude_k cos(2 pi k frequency (t_i - epoch) - phase_k) + noise_i
        noise_i ~ N(0, error_i^2 + jitter^2)

    With amplitude ~ Rayleigh(sigma) and a uniform phase, the cosine and sine coefficients are
    N(0, sigma^2); with the offset and trend normal too, everything but the frequency (and the
    jitter) is linear and Gaussian and integrates out. `ba.Exact` evaluates the marginal likelihood
    of the frequency by non-uniform FFTs on a grid that resolves every peak, draws from it, and
    then draws the coefficients given the frequency (`bayes_astro.timeseries.frequency_posterior`,
    `bayes_astro.likelihoods.harmonic`). NUTS and emcee sample all variables of `build`, started
    at the highest peak; they cannot move between peaks.

    Parameters
    ----------
    n_terms : int
        Harmonics: 1 is a sinusoid.
    period : (shortest, longest), optional
        Range searched, in the time unit of the data, or Quantities. Default: from the time span
        to a fifth of twice the mean spacing of the times.
    trend : int
        Order of a polynomial in time: 0 (a constant), 1 or 2.
    jitter : bool
        Fit a noise term added in quadrature to the error bars.
    priors : dict of str to Prior, optional
        By parameter. Defaults, with s the standard deviation of the values: ``frequency`` Uniform
        over the range (or give a LogUniform), ``offset`` Normal(mean, 5 s), ``trend``
        Normal(0, 5 s over half the time span), ``amplitude`` Rayleigh(s / k) of the k-th harmonic,
        ``jitter`` HalfNormal(s). Offset, trend and amplitude must stay of these families.

    Notes
    -----
    Variables: ``frequency``, ``period``, ``offset``, ``amplitude`` and ``phase`` by ``term``,
    ``trend`` by ``order``, ``jitter``. Group ``periodogram``: ``log_density`` over
    ``frequency``; group ``evidence``: ``log_evidence``, ``log_bayes_factor`` (harmonics against
    the trend alone) and ``false_alarm_probability`` (Baluev's, of the Lomb-Scargle baseline).
    `predict` takes times, Quantities, astropy Times or a `LightCurve` (whose errors are then those
    of ``observation``; otherwise the median error).

    References
    ----------
    Jaynes 1987; Bretthorst 1988; Mortier et al. 2015, A&A 573, A101.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> model = ba.Periodogram(n_terms=3, period=(2, 20), jitter=True)
    >>> _ = model.fit(ba.load("eros2-cepheid").select("B"), seed=1)
    >>> round(float(model.posterior["posterior"]["period"].mean()), 2) > 2
    True
    """

    n_terms: int = 1
    period: tuple[Any, Any] | None = None
    trend: int = 0
    jitter: bool = False
    priors: dict[str, Prior] | None = None

    data_type: ClassVar[type] = LightCurve
    figures: ClassVar[str] = "periodogram"
    references: ClassVar[tuple[str, ...]] = ("bretthorst1988", "mortier2015", "barnett2019")
    samplers: ClassVar[tuple[str, ...]] = ("Exact", "NUTS", "Emcee")
    working: ClassVar[tuple[str, ...]] = ("cosine", "sine")

    def check_parameters(self) -> None:
        """Raise ValueError for a parameter out of its range."""
        for name, least, most in (("n_terms", 1, 20), ("trend", 0, 2)):
            value = getattr(self, name)
            whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
            if not whole or not least <= value <= most:
                raise ValueError(f"{name}={value!r} must be a whole number from {least} to {most}.")
        if not isinstance(self.jitter, bool | np.bool_):
            raise ValueError(f"jitter must be True or False, got {self.jitter!r}.")
        if self.period is not None and (
            isinstance(self.period, str) or getattr(self.period, "__len__", lambda: 0)() != 2
        ):
            raise ValueError(f"period must be (shortest, longest) or None, got {self.period!r}.")

    def check_data(self, data: LightCurve) -> None:
        """Raise ValueError for data that determine no period."""
        harmonics.check_single_band(data)
        self._range(data)

    def _range(self, data: LightCurve) -> tuple[float, float]:
        """Lowest and highest frequency."""
        if self.period is None:
            return harmonics.default_range(data)
        edges = []
        for edge in self.period:
            if hasattr(edge, "unit"):
                try:
                    edge = edge.to_value(data.time_unit)
                except Exception as error:
                    raise ValueError(
                        f"period={edge} cannot be converted to the time unit {data.time_unit!r}."
                    ) from error
            try:
                edges.append(float(edge))
            except (TypeError, ValueError):
                raise ValueError(f"period={self.period!r} must hold two numbers.") from None
        shortest, longest = edges
        if not 0 < shortest < longest < np.inf:
            raise ValueError(
                f"period=({shortest:g}, {longest:g}) must satisfy 0 < shortest < longest."
            )
        span = np.ptp(data.time)
        if self.n_terms * span / shortest > 2e7:
            raise ValueError(
                f"period: {span / shortest:.3g} cycles of the shortest period {shortest:g} fit "
                "into the time span; at most 2e7 (harmonics counted) can be searched. Raise it."
            )
        return 1 / longest, 1 / shortest

    def units(self, data: LightCurve) -> dict[str, str]:
        """Units of the parameters."""
        value = data.value_unit or ""
        time = str(data.time_unit)
        units = {"period": time, "frequency": f"1 / {time}", "phase": "rad"}
        return units | dict.fromkeys(("offset", "amplitude", "jitter"), value)

    def default_priors(self, data: LightCurve) -> dict[str, Prior]:
        """Weakly informative, scaled from the data; see the class."""
        low, high = self._range(data)
        spread, mean = float(np.std(data.value)), float(np.mean(data.value))
        half = 0.5 * float(np.ptp(data.time))
        priors = {
            "frequency": Prior("Uniform", lower=low, upper=high),
            "offset": Prior("Normal", mu=mean, sigma=5 * spread),
            "amplitude": Prior(
                "Rayleigh", sigma=[spread / (k + 1) for k in range(int(self.n_terms))]
            ),
        }
        if self.trend:
            scales = [5 * spread / half ** (j + 1) for j in range(int(self.trend))]
            priors["trend"] = Prior("Normal", mu=0.0, sigma=scales)
        if self.jitter:
            priors["jitter"] = Prior("HalfNormal", sigma=spread)
        return priors

    def check_priors(self, priors: dict[str, Prior], data: LightCurve) -> None:
        """The families for which the linear coefficients integrate out, of the right length."""
        families = {
            "frequency": (("Uniform", "LogUniform"), 1),
            "offset": (("Normal",), 1),
            "amplitude": (("Rayleigh",), self.n_terms),
            "trend": (("Normal",), self.trend),
        }
        for name, prior in priors.items():
            allowed, length = families.get(name, ((), 1))
            if allowed and prior.distribution not in allowed:
                raise ValueError(
                    f"Prior of {name!r} must be {' or '.join(allowed)}, got {prior}: with "
                    "another the coefficients cannot be integrated out."
                )
            for key, value in prior.arguments.items():
                if np.size(value) not in (1, length):
                    raise ValueError(
                        f"Prior of {name!r}: {key} has {np.size(value)} entries, expected "
                        f"{1 if length == 1 else f'1 or {length}'}."
                    )
        low, high = (float(edge) for edge in priors["frequency"].support)
        if low <= 0:
            raise ValueError(f"Prior of 'frequency': lower={low:g} must be positive.")
        if self.period is not None:
            first, last = self._range(data)
            if low < first * (1 - 1e-12) or high > last * (1 + 1e-12):
                raise ValueError(
                    f"Prior of 'frequency' from {low:g} to {high:g} reaches beyond the range "
                    f"{first:g} to {last:g} that period={self.period} sets. Give one of them."
                )
        if "jitter" in priors and float(priors["jitter"].support[0]) < 0:
            raise ValueError(
                f"Prior of 'jitter': {priors['jitter']} admits negative values; use HalfNormal."
            )

    def arrays(self, data: LightCurve, priors: dict[str, Prior]) -> dict[str, np.ndarray]:
        """What `build` holds in ``pm.Data``: times from the reference epoch."""
        return {
            "time": data.time - harmonics.epoch(data),
            "value": data.value,
            "error": data.error,
        }

    def build(self, data: LightCurve, priors: dict[str, Prior] | None = None) -> pm.Model:
        """All variables explicit; see the class for the equations."""
        import pymc as pm

        priors = self.resolve_priors(data) if priors is None else priors
        terms, orders = np.arange(1, self.n_terms + 1), np.arange(1, self.trend + 1)
        scale = np.broadcast_to(priors["amplitude"].arguments["sigma"], terms.shape)
        with pm.Model(coords={"term": terms, "order": orders}) as model:
            arrays = {
                name: pm.Data(name, array) for name, array in self.arrays(data, priors).items()
            }
            time = arrays["time"]
            frequency = priors["frequency"].variable("frequency")
            pm.Deterministic("period", 1 / frequency)
            offset = priors["offset"].variable("offset")
            cosine = pm.Normal("cosine", 0.0, scale, dims="term")
            sine = pm.Normal("sine", 0.0, scale, dims="term")
            pm.Deterministic("amplitude", pm.math.sqrt(cosine**2 + sine**2), dims="term")
            pm.Deterministic("phase", pm.math.arctan2(sine, cosine), dims="term")
            angle = 2 * np.pi * frequency * time[:, None] * terms
            signal = offset + pm.math.cos(angle) @ cosine + pm.math.sin(angle) @ sine
            if self.trend:
                trend = priors["trend"].variable("trend", dims="order")
                signal = signal + (time[:, None] ** orders) @ trend
            variance = arrays["error"] ** 2
            if self.jitter:
                variance = variance + priors["jitter"].variable("jitter") ** 2
            pm.Normal("observation", signal, pm.math.sqrt(variance), observed=arrays["value"])
        return model

    def _problem(self, data: LightCurve, priors: dict[str, Prior]) -> Any:
        """The light curve with the trend projected out, and the half span that scales it."""
        from bayes_astro.likelihoods.harmonic import project

        time = data.time - harmonics.epoch(data)
        half = 0.5 * float(np.ptp(time))
        powers = np.arange(self.trend + 1)
        means, widths = [[priors["offset"].arguments[key]] for key in ("mu", "sigma")]
        if self.trend:
            scale = half ** powers[1:]
            means.extend(priors["trend"].arguments["mu"] * scale)
            widths.extend(priors["trend"].arguments["sigma"] * scale)
        problem = project(
            time,
            data.value.copy(),  # the kernels are compiled for writable arrays
            data.error**2,
            (time / half)[:, None] ** powers,
            np.array(means),
            np.array(widths),
            np.broadcast_to(priors["amplitude"].arguments["sigma"], (self.n_terms,)).copy(),
        )
        return problem, half

    def _search(
        self, data: LightCurve, priors: dict[str, Prior], draws: int, rng: np.random.Generator
    ) -> tuple[Any, dict[str, np.ndarray]]:
        """Exact draws of the frequency and of every coefficient."""
        from bayes_astro.likelihoods.harmonic import draw_coefficients
        from bayes_astro.timeseries.frequency_posterior import sample_frequency

        problem, half = self._problem(data, priors)
        low, high = (float(edge) for edge in priors["frequency"].support)
        log_uniform = priors["frequency"].distribution == "LogUniform"
        jitter_prior = priors["jitter"].log_density if self.jitter else None
        found = sample_frequency(problem, low, high, log_uniform, draws, rng, jitter_prior)
        normals = rng.standard_normal((draws, self.trend + 1 + 2 * self.n_terms))
        beta, cosine, sine = draw_coefficients(problem, found.frequency, normals, found.jitter)
        values = {
            "frequency": found.frequency,
            "offset": beta[:, 0],
            "cosine": cosine,
            "sine": sine,
        }
        if self.trend:
            values["trend"] = beta[:, 1:] / half ** np.arange(1, self.trend + 1)
        if self.jitter:
            values["jitter"] = found.jitter
        return found, values

    def exact(
        self,
        data: LightCurve,
        priors: dict[str, Prior],
        draws: int,
        rng: np.random.Generator,
    ) -> dict[str, xr.Dataset]:
        """Independent draws, the density over frequency, and the evidence."""
        import xarray as xr

        found, values = self._search(data, priors, draws, rng)
        evidence = {
            "log_evidence": found.log_evidence,
            "log_bayes_factor": found.log_evidence - found.log_evidence_null,
        }
        return {
            "posterior": self._named(values),
            "sample_stats": xr.Dataset(
                attrs={
                    "importance_efficiency": found.importance_efficiency,
                    "evaluations": found.n_evaluations,
                    "interrupted": 0,
                }
            ),
            "periodogram": xr.Dataset(
                {"log_density": ("frequency", found.log_density)}, {"frequency": found.grid}
            ),
            "evidence": xr.Dataset(evidence, attrs={"note": ODDS_NOTE}),
        }

    def groups(self, tree: xr.DataTree, data: LightCurve) -> dict[str, xr.Dataset]:
        """The false-alarm probability beside the evidence: for fits that somebody reads.

        Here rather than in `exact`, which calibration calls hundreds of times for the draws alone.
        """
        if "evidence" not in tree:
            return {}
        low, high = (float(e) for e in self.resolve_priors(data)["frequency"].support)
        alarm = harmonics.false_alarm_probability(data, low, high, int(self.trend))
        evidence = tree["evidence"].to_dataset()
        return {"evidence": evidence.assign(false_alarm_probability=alarm)}

    def _named(self, values: dict[str, np.ndarray]) -> xr.Dataset:
        """Coefficients as the variables that users know, along ``sample``."""
        import xarray as xr

        cosine, sine = values["cosine"], values["sine"]
        arrays = {
            "frequency": ("sample", values["frequency"]),
            "period": ("sample", 1 / values["frequency"]),
            "offset": ("sample", values["offset"]),
            "amplitude": (("sample", "term"), np.hypot(cosine, sine)),
            "phase": (("sample", "term"), np.arctan2(sine, cosine)),
        }
        coords = {"term": np.arange(1, self.n_terms + 1)}
        if "trend" in values:
            arrays["trend"] = (("sample", "order"), values["trend"])
            coords["order"] = np.arange(1, self.trend + 1)
        if "jitter" in values:
            arrays["jitter"] = ("sample", values["jitter"])
        return xr.Dataset(arrays, coords)

    def starts(
        self,
        data: LightCurve,
        priors: dict[str, Prior],
        count: int,
        rng: np.random.Generator,
    ) -> dict[str, np.ndarray]:
        """Exact draws within the highest peak."""
        found, values = self._search(data, priors, max(4 * count, 2000), rng)
        peak = found.modes()[0]
        inside = np.flatnonzero(
            (values["frequency"] >= peak.low) & (values["frequency"] <= peak.high)
        )
        chosen = inside[rng.permutation(len(inside))[:count]]
        return {name: value[chosen] for name, value in values.items()}

    def prior_draws(
        self, design: LightCurve, priors: dict[str, Prior], draws: int, rng: np.random.Generator
    ) -> xr.Dataset:
        """Draws of all variables from the prior."""
        shape = {"amplitude": (draws, self.n_terms), "trend": (draws, self.trend)}
        values = {
            name: prior.sample(rng, shape.get(name, (draws,))) for name, prior in priors.items()
        }
        phase = rng.uniform(-np.pi, np.pi, (draws, self.n_terms))
        amplitude = values.pop("amplitude")
        values |= {"cosine": amplitude * np.cos(phase), "sine": amplitude * np.sin(phase)}
        return self._named(values).rename(sample="draw").expand_dims("chain")

    def simulate_data(
        self, parameters: xr.Dataset, design: LightCurve, rng: np.random.Generator
    ) -> LightCurve:
        """New values at the times and errors of `design`."""
        one = parameters.expand_dims(["chain", "draw"])
        signal = harmonics.signal(one, design.time - harmonics.epoch(design))[0, 0]
        variance = design.error**2
        if self.jitter:
            variance = variance + float(parameters["jitter"]) ** 2
        return design.replace(value=signal + np.sqrt(variance) * rng.standard_normal(len(design)))

    def forecast(
        self, draws: xr.Dataset, data: LightCurve, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """Signal and new observations at `at`; see `harmonics.forecast`."""
        return harmonics.forecast(draws, data, at, rng)

    def pointwise(self, draws: xr.Dataset, data: LightCurve) -> xr.DataArray:
        """Log likelihood of every value: (chain, draw, row)."""
        return harmonics.log_density(draws, self._epoch_data(data), data)

    def standardised(self, draws: xr.Dataset, data: LightCurve) -> np.ndarray:
        """Residuals over their standard deviation."""
        return harmonics.standardised(draws, self._epoch_data(data), data)

    def _epoch_data(self, data: LightCurve) -> LightCurve:
        """The fitted data, whose epoch the phases refer to; `data` itself during calibration."""
        return self.data if self._tree is not None else data

    def modes(self, minimum_mass: float = 0.01) -> pd.DataFrame:
        """The separate peaks of the posterior, the most probable first.

        Parameters
        ----------
        minimum_mass : float
            Leave out peaks that hold a smaller share of the posterior, except the highest; 0 lists
            every peak with a draw, which without a signal are hundreds.

        Returns
        -------
        pandas.DataFrame
            mass (share of the posterior), period, sd, frequency, frequency_sd, and alias_of:
            which stronger peak it may be an alias of, and how (1/day, 1/year, f/2, ...). What the
            masses lack to 1 is in the peaks that were left out.
        """
        return aliases.table(self, minimum_mass)

    def checks(self) -> list[Check]:
        """Goodness of fit, and whether one peak holds the posterior."""
        from bayes_astro.diagnostics import Check, goodness_of_fit

        advice = "raise n_terms" + ("" if self.jitter else ", or fit with jitter=True")
        checks = [goodness_of_fit(self, advice)]
        if "periodogram" in self.posterior:
            modes = self.modes()
            checks.append(
                Check(
                    "one period",
                    None if modes["mass"].iloc[0] < 0.95 else True,
                    float(modes["mass"].iloc[0]),
                    f"separate periods share the posterior, {len(modes)} of them with 1% of it or "
                    "more: quote model.modes(), not one mean and sd",
                    "mass of the highest peak, 0.95 or more",
                )
            )
        return checks

    def baseline(self) -> Any:
        """The Lomb-Scargle periodogram with Baluev's false-alarm probability."""
        from bayes_astro.baselines.periodogram import LombScargle

        return LombScargle(n_terms=self.n_terms, period=self.period, trend=self.trend)

    def equation(self) -> str:
        """The model in one line."""
        trend = "".join(f" + trend{j}·(t − epoch)^{j}" for j in range(1, self.trend + 1))
        noise = "error² + jitter²" if self.jitter else "error²"
        return (
            f"y = offset{trend} + Σ(k=1..{self.n_terms}) amplitude_k "
            f"cos(2πk·frequency·(t − epoch) − phase_k) + N(0, {noise})"
        )
