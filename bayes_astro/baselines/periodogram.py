"""The Lomb-Scargle periodogram."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.baselines.base import Baseline
from bayes_astro.data import LightCurve
from bayes_astro.data.curve import Curve
from bayes_astro.likelihoods.harmonic_signals import columns
from bayes_astro.periodic import harmonics
from bayes_astro.periodic.settings import harmonic_numbers

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["LombScargle"]

TURNS = 4  # in which the frequencies of several signals are improved


@dataclass(eq=False, repr=False)
class LombScargle(Baseline):
    """The highest peak of a floating-mean Lomb-Scargle periodogram.

    astropy's. Of several bands it is that of `astropy.timeseries.LombScargleMultiband` (VanderPlas
    & Ivezic 2015; the powers of the bands, weighted with their chi-square), or with
    ``amplitude=False`` that of all values less the means of their bands.

    The peak is refined between grid points, the coefficients are those of weighted least squares at
    it, and the standard errors are the conventional ones: of the frequency
    sqrt(6) sigma / (pi T A sqrt N) with the scatter sigma of the residuals (Montgomery &
    O'Donoghue 1999). A trend is fitted and subtracted first. `false_alarm_probability` in the group
    ``evidence`` is Baluev's (2008), which knows one harmonic: it is that of the one-harmonic peak.

    Parameters
    ----------
    n_terms : int or sequence of int, optional
        Harmonics; this and what follows as for `ba.Periodogram`. Least squares cannot average over
        numbers of harmonics, and take one where several are asked for, as is usual.
    period : (shortest, longest), optional
        Range searched.
    trend : int
        Order of a polynomial in time, 0 to 2.
    amplitude : bool
        Every band has amplitudes of its own.
    n_signals : int
        Signals that are taken out one after the other ("prewhitening"), their frequencies then
        improved by turns, and all coefficients fitted together. The power is that of the first.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> cepheid = ba.load("eros2-cepheid").select("B")
    >>> peak = ba.baselines.LombScargle(period=(2, 20)).fit(cepheid)
    >>> round(float(peak.posterior["posterior"]["period"].mean()), 3)
    4.191
    """

    n_terms: int | tuple[int, ...] | None = None
    period: tuple[Any, Any] | None = None
    trend: int = 0
    amplitude: bool = True
    n_signals: int = 1

    data_type: ClassVar[type] = LightCurve
    references: ClassVar[tuple[str, ...]] = (
        "vanderplas2018",
        "vanderplas2015",
        "baluev2008",
        "montgomery1999",
    )

    @classmethod
    def of(cls, model: Any, *arguments: Any, **options: Any) -> Any:
        """With as many signals as a fit chose."""
        return super().of(model, *arguments, **({"n_signals": model.signals()} | options))

    def _task(self) -> Any:
        from bayes_astro.periodic.periodogram import Periodogram

        several = isinstance(self.n_terms, Sequence) and not isinstance(self.n_terms, str)
        number = 1 if self.n_terms is None or several else self.n_terms
        if several:
            harmonic_numbers("n_terms", self.n_terms)
        return Periodogram(
            number, self.period, self.trend, amplitude=self.amplitude, n_signals=self.n_signals
        )

    def check_settings(self) -> None:
        """As for the Bayesian periodogram."""
        self._task().check_all_settings()

    def check_data(self, data: LightCurve) -> None:
        """As for the Bayesian periodogram."""
        self._task().check_data(data)

    def units(self, data: LightCurve) -> dict[str, str]:
        """As for the Bayesian periodogram."""
        return self._task().units(data)

    def estimate(self, data: LightCurve) -> Any:
        """Frequency of the highest peak, and the least-squares coefficients at it."""
        import xarray as xr

        task = self._task()
        n_terms = int(task.n_terms)
        low, high = task._range(data)
        span = float(np.ptp(data.time))
        count = int(np.ceil((high - low) * 5 * n_terms * span)) + 1
        grid = np.linspace(low, high, max(count, 3))
        own, step = task._own(data), grid[1] - grid[0]
        flat = data.replace(value=harmonics.detrended(data, self.trend), regressors=None)
        found: list[float] = []
        first = None
        for _ in range(int(self.n_signals)):
            rest = _without(flat, found, n_terms, own=own)
            power, exact = _powers(rest, grid, n_terms, own)
            first = power if first is None else first
            # The fast grid is approximate: its best few cells are searched with the exact power.
            tops = [_climbed(exact, grid[i], step, low, high) for i in np.argsort(power)[-3:]]
            found.append(max(tops, key=exact))
        for _ in range(TURNS if len(found) > 1 else 0):
            for s in range(len(found)):
                rest = _without(flat, [*found[:s], *found[s + 1 :]], n_terms, own=own)
                exact = _powers(rest, grid[:2], n_terms, own)[1]
                found[s] = _climbed(exact, found[s], step, low, high)
        values, errors = _coefficients(data, np.sort(found), n_terms, int(self.trend), own=own)
        alarm = harmonics.false_alarm_probability(data, low, high, int(self.trend))
        coords: dict[str, Any] = {"term": np.arange(1, n_terms + 1)}
        if len(data.bands) > 1:
            coords["band"] = list(Curve.of(data).bands)
        if self.trend:
            coords["order"] = np.arange(1, self.trend + 1)
        if data.regressors:
            coords["regressor"] = list(data.regressors)
        if len(found) > 1:
            coords["signal"] = np.arange(1, len(found) + 1)
        spectrum = xr.Dataset({"power": ("frequency", first)}, {"frequency": grid})
        evidence = xr.Dataset({"false_alarm_probability": alarm})
        return values, errors, {"evidence": evidence, "periodogram": spectrum, "coords": coords}

    def forecast(
        self, draws: xr.Dataset, data: LightCurve, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """As for the Bayesian periodogram."""
        return harmonics.forecast(draws, data, at, rng)

    def pointwise(self, draws: xr.Dataset, data: LightCurve) -> xr.DataArray:
        """As for the Bayesian periodogram."""
        return harmonics.log_density(draws, self.data, data)


def _climbed(exact: Any, start: float, step: float, low: float, high: float) -> float:
    """The frequency of the highest exact power within a step."""
    from scipy.optimize import minimize_scalar

    limits = (max(start - step, low), min(start + step, high))
    found = minimize_scalar(
        lambda f: -exact(f), bounds=limits, method="bounded", options={"xatol": 1e-6 * step}
    )
    return float(found.x)


def _without(data: LightCurve, known: list[float], n_terms: int, *, own: bool) -> LightCurve:
    """Light curve less the least-squares harmonics of known frequencies."""
    if not known:
        return data
    curve = Curve.of(data)
    level = (curve.band[:, None] == np.arange(len(curve.bands))).astype(float)
    waves = columns(curve.time, np.array(known), n_terms)
    if own:
        waves = (level[:, :, None] * waves[:, None]).reshape(len(level), -1)
    design = np.hstack([level, waves])
    white = design / data.error[:, None]
    solution = np.linalg.lstsq(white, data.value / data.error, rcond=None)[0]
    signal = waves @ solution[level.shape[1] :]
    return data.replace(value=data.value - signal)


def _powers(data: LightCurve, grid: np.ndarray, n_terms: int, own: bool) -> tuple[np.ndarray, Any]:
    """Power on a grid, and a function that gives it exactly at one frequency."""
    from astropy.timeseries import LombScargle, LombScargleMultiband

    time = data.time - harmonics.epoch(data)
    if own:
        several = LombScargleMultiband(
            time, data.value, data.band, data.error, nterms_base=n_terms, nterms_band=n_terms
        )
        power = several.power(grid, method="fast", sb_method="fast" if n_terms == 1 else "fastchi2")
        slow = {"method": "fast", "sb_method": "cython" if n_terms == 1 else "chi2"}
        return power, lambda f: float(several.power(np.array([f]), **slow)[0])
    search = LombScargle(time, harmonics.centred(data), data.error, nterms=n_terms)
    method = "fast" if n_terms == 1 else "fastchi2"
    power = search.power(grid, method=method, assume_regular_frequency=True)
    exact = "cython" if n_terms == 1 else "chi2"
    return power, lambda f: float(search.power(np.array([f]), method=exact)[0])


def _coefficients(
    data: LightCurve, frequency: np.ndarray, n_terms: int, trend: int, *, own: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Weighted least squares at frequencies (S,), with conventional standard errors."""
    curve = Curve.of(data)
    terms, orders, many = np.arange(1, n_terms + 1), np.arange(1, trend + 1), len(frequency)
    level = (curve.band[:, None] == np.arange(len(curve.bands))).astype(float)
    width = np.std(curve.columns, axis=0)
    more = len(width)
    slopes = (curve.time[:, None] / curve.half) ** orders
    waves = columns(curve.time, frequency, n_terms)
    waves = np.column_stack([slopes, curve.columns / width, waves])
    if own:  # columns of one band after the other
        waves = (level[:, :, None] * waves[:, None]).reshape(len(level), -1)
    design = np.hstack([level, waves])
    white = design / data.error[:, None]
    solution, *_ = np.linalg.lstsq(white, data.value / data.error, rcond=None)
    matrix = np.linalg.pinv(white.T @ white, hermitian=True)
    residual = data.value - design @ solution
    sd = np.sqrt(np.diag(matrix))
    groups = len(curve.bands) if own else 1
    parts = {}
    for name, x in (("value", solution), ("sd", sd)):
        offset, rest = x[: level.shape[1]], x[level.shape[1] :].reshape(groups, -1)
        found = np.split(rest, [trend, trend + more], axis=1)
        pairs = found[2].reshape(groups, n_terms, many, 2).swapaxes(1, 2)
        parts[name] = (offset, found[0], found[1], pairs[..., 0], pairs[..., 1])
    offset, slope, regression, cosine, sine = parts["value"]
    sd_offset, sd_slope, sd_regression, sd_cosine, sd_sine = parts["sd"]
    amplitude = np.hypot(cosine, sine)
    sd_term = np.sqrt(0.5 * (sd_cosine**2 + sd_sine**2))
    # Each harmonic k measures k f; together they weigh as the sum of (k A_k)^2, of the rows of each band.
    share = np.bincount(curve.band, minlength=groups) / len(data) if own else np.ones(1)
    strength = np.sqrt(np.einsum("g,gs->s", share, np.sum((terms * amplitude) ** 2, axis=2)))
    scatter = np.std(residual)
    sd_frequency = np.sqrt(6) * scatter / (np.pi * 2 * curve.half * strength * np.sqrt(len(data)))
    several: tuple[str, ...] = ("band",) if curve.several else ()
    each: tuple[str, ...] = ("signal",) if many > 1 else ()

    def shaped(x: np.ndarray) -> np.ndarray:
        return x if own else x[0]

    def waved(x: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
        return (*(("band",) if own else ()), *each, "term"), shaped(x if each else x[:, 0])

    def single(x: np.ndarray) -> tuple[tuple[str, ...], Any]:
        return each, x if each else x[0]

    values = {
        "frequency": single(frequency),
        "period": single(1 / frequency),
        "offset": (several, offset if several else offset[0]),
        "amplitude": waved(amplitude),
        "phase": waved(np.arctan2(sine, cosine)),
    }
    errors = {
        "frequency": single(sd_frequency),
        "period": single(sd_frequency / frequency**2),
        "offset": (several, sd_offset if several else sd_offset[0]),
        "amplitude": waved(sd_term),
        "phase": waved(sd_term / amplitude),
    }
    if trend:
        scale = curve.half**orders
        dims = ("band", "order") if own else ("order",)
        values["trend"] = (dims, shaped(slope / scale))
        errors["trend"] = (dims, shaped(sd_slope / scale))
    if more:
        dims = ("band", "regressor") if own else ("regressor",)
        values["slope"] = (dims, shaped(regression / width))
        errors["slope"] = (dims, shaped(sd_regression / width))
    return values, errors
