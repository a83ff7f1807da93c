"""The period of a light curve or velocity curve, with its uncertainty and the odds that it is real."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.data import LightCurve, light_curve_inputs
from bayes_astro.data.curve import Curve
from bayes_astro.diagnostics import Check
from bayes_astro.draws import by_row
from bayes_astro.hooks import hook
from bayes_astro.model import Model
from bayes_astro.parameters import (
    Parameter,
    Setting,
    choice,
    either,
    number,
    optional,
    pair,
    switch,
    whole,
)
from bayes_astro.periodic import (
    aliases,
    harmonics,
    noises,
    periodogram_checks,
    periodogram_priors,
    periodogram_report,
    red_noise,
    settings,
    signal_left,
    signal_search,
)
from bayes_astro.periodic.periodogram_problem import PeriodogramProblem
from bayes_astro.periodic.window import Window, window
from bayes_astro.priors import Prior, recorded

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from bayes_astro.report import Section

__all__ = ["Periodogram"]


@dataclass(eq=False, repr=False)
class Periodogram(Model):
    r"""A trend plus harmonics of one unknown frequency, in white noise, in one band or several.

    .. code-block:: text

        y_i = offset + sum_j trend_j (t_i - epoch)^j
              + sum_k amplitude_k cos(2 pi k frequency (t_i - epoch) - phase_k) + noise_i
        noise_i ~ N(0, error_i^2 + jitter^2)

    With amplitude ~ Rayleigh(sigma) and a uniform phase, the cosine and sine coefficients are
    N(0, sigma^2); with the offset and trend normal too, everything but the frequency (and the
    jitter) is linear and Gaussian and integrates out. `ba.Exact` evaluates the marginal likelihood
    of the frequency by non-uniform FFTs on a grid that resolves every peak, draws from it, and
    then draws the coefficients given the frequency (`bayes_astro.periodic.frequency_posterior`,
    `bayes_astro.likelihoods.harmonic`). NUTS and emcee sample all variables of `build`, started
    at the highest peak; they cannot move between peaks.

    Bands share the frequency and have offsets, trends and jitters of their own. Their coefficients
    are theta_b = theta_0 + delta_b, with N(0, sigma^2 / (1 + spread^2)) what they have in common
    and `spread` times that width what is each band's own; or all see one signal, as the
    spectrographs that measure one star do: ``amplitude=False``.

    Parameters
    ----------
    n_terms : int or sequence of int, optional
        Harmonics: 1 is a sinusoid. Several numbers are averaged over, all as probable before the
        data (by `ba.Exact`). Default: 1, and (1, 2, 3, 4) for bands with amplitudes of their own.
    period : (shortest, longest), optional
        Range searched, in the time unit of the data, or Quantities. Default: from the time span
        to four hours or a fifth of twice the mean spacing of the times, what is shorter, but not
        beyond where the sampling repeats itself (`harmonics.default_range`).
    trend : int
        Order of a polynomial in time: 0 (a constant), 1 or 2.
    jitter : bool, optional
        Fit a noise term added in quadrature to the error bars, one for each band. Default: with
        several bands, no one of which a few harmonics fit to the last digit; not with one.
    amplitude : bool
        Every band has amplitudes and phases of its own; False: all see the same signal, as
        instruments do (the word of `ba.GaussianProcess`).
    spread : float
        Prior width of what is a band's own over that of what is common: small where bands differ by
        hardly more than their mean colours, large where they have nothing but the period in common.
    noise : "white", kernel, or sequence of them
        What the values scatter with beside their errors: a kernel of `ba.kernels`, with numbers or
        with free parameters, which are then summed over on a lattice; of several, as ``("white",
        ba.kernels.DampedRandomWalk())``, all are as probable before the data. In one band, or with
        ``amplitude=False``, by `ba.Exact`; up to 3000 points.
    search : "full" or "coarse-to-fine"
        Whether the whole range is scanned with all harmonics, or with one, whose power at multiples
        of a frequency proposes some sixty windows for the rest (``kept`` in the attributes of
        ``sample_stats``); some times faster with several harmonics, in white noise.
    n_signals : int or "auto"
        Independent frequencies, each with its harmonics, found together; up to 6, in white noise,
        by `ba.Exact`. "auto": one more as long as that raises the log evidence by 5 (odds of 150 to
        1), and at least one.
    priors : dict of str to Prior, optional
        By parameter. Defaults, with s the standard deviation of the values about the means of their
        bands: ``frequency`` Uniform over the range (or give a LogUniform), ``offset`` Normal(mean,
        5 s), ``trend`` Normal(0, 5 s over half the time span), ``slope`` Normal(0, 5 s over the
        standard deviation of the regressor), ``amplitude`` Rayleigh(s / k) of the k-th harmonic,
        ``jitter`` HalfNormal(s). Offset, trend, slope and amplitude must stay of these families;
        trend, slope and amplitude have one prior for all bands, frequency and amplitude one for all
        signals.

    Notes
    -----
    Variables: ``frequency``, ``period``, ``offset``, ``amplitude`` and ``phase`` by ``term``,
    ``trend`` by ``order``, ``jitter``, and of a light curve with regressors ``slope`` by
    ``regressor`` (from their means, at which plain times are predicted). Of several bands offset
    and jitter are by ``band`` too, and amplitude, phase, trend and slope where bands have their
    own. Where numbers of harmonics are averaged over, ``harmonics`` is that of each draw, and
    amplitudes beyond it are zero. Of several signals frequency, period, amplitude and phase are by
    ``signal``, too, the lowest frequency first in every draw; group ``signals`` has the
    ``log_evidence`` and, at even odds, the ``probability`` of none, one, two, ... of them. Group
    ``periodogram``: ``log_density`` over ``frequency``, of several signals of each given the others
    at their best; group ``evidence``: ``log_evidence``, ``log_bayes_factor`` (harmonics against the
    trend alone), ``probability`` of each of several ``n_terms``, and ``false_alarm_probability``
    (Baluev's, of the Lomb-Scargle baseline). `predict` takes times (of several bands: for all of
    them), Quantities, astropy Times or a `LightCurve` (whose errors are then those of
    ``observation``; otherwise the median error).

    References
    ----------
    Jaynes 1987; Bretthorst 1988; Mortier et al. 2015, A&A 573, A101; VanderPlas & Ivezic 2015, ApJ
    812, 18.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> model = ba.Periodogram(n_terms=3, period=(2, 20), jitter=True)
    >>> _ = model.fit(ba.load("eros2-cepheid").select("B"), ba.Exact(draws=400), seed=1)
    >>> model.modes()["period"].round(3).tolist()
    [4.191]
    """

    n_terms: int | tuple[int, ...] | None = None
    period: tuple[Any, Any] | None = None
    trend: int = 0
    jitter: bool | None = None
    amplitude: bool = True
    spread: float = 1.0
    noise: Any = "white"
    search: str = "full"
    n_signals: int | str = 1
    priors: dict[str, Prior] | None = None

    data_type: ClassVar[type] = LightCurve
    settings: ClassVar[dict[str, Setting]] = {
        "n_terms": optional(settings.harmonic_numbers),
        "trend": whole(0, 2),
        "jitter": optional(switch),
        "amplitude": switch,
        "spread": number(1e-3, 1e3, "a positive number, 0.001 to 1000", at_low=True, at_high=True),
        "noise": settings.noise,
        "search": choice("full", "coarse-to-fine"),
        "period": optional(pair),
        "n_signals": either("auto", whole(1, settings.MOST_SIGNALS)),
    }
    references: ClassVar[tuple[str, ...]] = (
        "bretthorst1988",
        "mortier2015",
        "vanderplas2015",
        "barnett2019",
    )
    samplers: ClassVar[tuple[str, ...]] = ("Exact", "NUTS", "Emcee")
    internal: ClassVar[tuple[str, ...]] = ("cosine", "sine")

    def check_data(self, data: LightCurve) -> None:
        """Raise ValueError for data that determine no period."""
        settings.check(data, int(self.trend))
        if self._correlated():
            settings.check_noise(data, own=self._own(data), signals=self.n_signals)
        self._range(data)

    def _correlated(self) -> bool:
        """Whether there is a kernel in the noise."""
        return any(kernel is not None for _, kernel in noises.options(self.noise))

    def _own(self, data: LightCurve) -> bool:
        """Whether bands have coefficients of their own."""
        return bool(self.amplitude) and len(data.bands) > 1

    @hook
    def noisy(self, data: LightCurve) -> bool:
        """Whether there is a jitter."""
        return len(data.bands) > 1 if self.jitter is None else bool(self.jitter)

    def _range(self, data: LightCurve) -> tuple[float, float]:
        """Lowest and highest frequency."""
        return settings.frequency_range(self.period, data, self.numbers(data)[-1])

    @hook
    def signals(self) -> int:
        """How many signals there are: what was asked for, or what a fit chose."""
        if isinstance(self.n_signals, str):
            return signal_search.chosen(self)
        return int(self.n_signals)

    def settle(
        self, data: LightCurve, seed: int | None, progress: bool
    ) -> tuple[Model, dict[str, xr.Dataset]]:
        """With the number of signals, if it was open; group ``signals`` says how."""
        return signal_search.settle(self, data, seed)

    @hook
    def numbers(self, data: LightCurve) -> tuple[int, ...]:
        """Numbers of harmonics, ascending."""
        return settings.numbers(self.n_terms, self._own(data))

    def coords(self, data: LightCurve) -> dict[str, Any]:
        """Bands, numbers of the harmonics, and powers of the trend."""
        return {
            "band": Curve.of(data).bands,
            "term": range(1, self.numbers(data)[-1] + 1),
            "order": range(1, self.trend + 1),
            "signal": range(1, self.signals() + 1),
            "regressor": Curve.of(data).regressors,
        }

    def parameters(self, data: LightCurve) -> list[Parameter]:
        """See the class; weakly informative, scaled from the data."""
        return periodogram_priors.parameters(self, data)

    def check_priors(self, priors: dict[str, Prior], data: LightCurve) -> None:
        """Positive frequencies, within the range that was asked for."""
        periodogram_priors.check(self, priors, data)

    def units(self, data: LightCurve) -> dict[str, str]:
        """Those of the parameters, of period and phase."""
        return super().units(data) | {"period": str(data.time_unit), "phase": "rad"}

    def problem(self, data: LightCurve, priors: dict[str, Prior]) -> PeriodogramProblem:
        """The posterior, exactly or with every coefficient explicit."""
        return PeriodogramProblem(self, data, priors)

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

    def prior_draws(
        self, design: LightCurve, priors: dict[str, Prior], draws: int, rng: np.random.Generator
    ) -> xr.Dataset:
        """With phases, the period, and what bands have of their own; see `PeriodogramProblem.prior_draws`."""
        return self.problem(design, priors).prior_draws(
            super().prior_draws(design, priors, draws * self.signals(), rng), rng
        )

    def simulate_data(
        self, parameters: xr.Dataset, design: LightCurve, rng: np.random.Generator
    ) -> LightCurve:
        """New values at the times and errors of `design`."""
        one = parameters.expand_dims(["chain", "draw"])
        if self._correlated():
            return design.replace(value=red_noise.replicate(self, one, design, rng)[0, 0])
        new = harmonics.forecast(one, design, design, rng)["observation"]
        return design.replace(value=new.values[0, 0])

    def forecast(
        self, draws: xr.Dataset, data: LightCurve, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """Signal and new observations at `at`; see `harmonics.forecast`."""
        if self._correlated():
            return red_noise.forecast(self, draws, data, at, rng)
        return harmonics.forecast(draws, data, at, rng)

    def pointwise(self, draws: xr.Dataset, data: LightCurve) -> xr.DataArray:
        """Log likelihood of every value, in correlated noise given those before: (chain, draw, row)."""
        if self._correlated():
            return red_noise.log_density(self, draws, self._fitted_or(data), data)
        return harmonics.log_density(draws, self._fitted_or(data), data)

    def normal_residuals(self, draws: xr.Dataset, data: LightCurve) -> np.ndarray:
        """Residuals over their standard deviation, in correlated noise given the rows before."""
        if self._correlated():
            return red_noise.standardised(self, draws, self._fitted_or(data), data)
        return harmonics.standardised(draws, self._fitted_or(data), data)

    def replicate(
        self, draws: xr.Dataset, data: LightCurve, at: Any, rng: np.random.Generator
    ) -> xr.DataArray:
        """New light curves; in correlated noise at the fitted rows from the parameters alone."""
        if self._correlated() and at is data:
            return by_row(draws, red_noise.replicate(self, draws, data, rng))
        return self.forecast(draws, data, at, rng)["observation"]

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
            signal (where there are several), mass (share of the posterior), period, sd, frequency,
            frequency_sd, and alias_of: which stronger peak it may be an alias of, and how (f/2, ...
            or a rate at which these times repeat themselves: 1/day, 1/year, ..., or its value; or
            the sum of two signals). What the masses lack to 1 is in the peaks that were left out.
        """
        return aliases.table(self, minimum_mass)

    def checks(self) -> list[Check]:
        """What the residuals hold, whether one peak holds the posterior, and what was searched."""
        return periodogram_checks.checks(self)

    def log_bayes_factor(self) -> float:
        """Log odds of a period against the trend alone, at equal prior odds; see group ``evidence``.

        About -ln(FAP (1 + A)) where the false-alarm probability FAP is small, with A half of the
        sum of the squared prior width over the noise: the prior pays for the periods it did not
        need.

        Returns
        -------
        float
            In nats.
        """
        tree = self.posterior
        if "evidence" in tree and "log_bayes_factor" in tree["evidence"]:
            return float(tree["evidence"]["log_bayes_factor"])
        found, _ = self.problem(self.data, recorded(self)).search(400, np.random.default_rng(0))
        return float(found.log_evidence - found.log_evidence_null)

    def fold(self, at: LightCurve | None = None, signal: int = 1) -> LightCurve:
        """Fold the data with the most probable period, from the model's epoch.

        What regressors do is subtracted, and of several signals all but one (at their medians).

        Parameters
        ----------
        at : LightCurve, optional
            Other data in the place of the fitted ones.
        signal : int
            Number of the signal, from 1.

        Returns
        -------
        LightCurve
            Times within one period, as of `ba.LightCurve.fold`.
        """
        if at is not None:
            light_curve_inputs.check_units(self.data, at)
        return signal_left.fold(self, self.data if at is None else at, signal)

    def residuals(self) -> LightCurve:
        """The data less signal, trend and regressors of the most probable draw.

        Returns
        -------
        LightCurve
            What another period is in.
        """
        return signal_left.residuals(self)

    def window(self, highest: float | None = None) -> Window:
        """The window function of the fitted times.

        Parameters
        ----------
        highest : float, optional
            Frequency, in cycles per time unit; see `ba.window`.

        Returns
        -------
        Window
            Its ``peaks`` are where aliases lie.
        """
        return window(self.data, highest)

    def sections(self) -> list[Section]:
        """The odds that the period is real, and the separate periods."""
        return periodogram_report.sections(self)

    def equation(self) -> str:
        """The model in one line."""
        return periodogram_report.equation(self)
