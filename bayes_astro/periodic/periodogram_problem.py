"""The posterior of a periodogram: exactly, or with every coefficient explicit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.coordinates import Free
from bayes_astro.data import LightCurve
from bayes_astro.data.curve import Curve
from bayes_astro.likelihoods.compiled import ready_pytensor
from bayes_astro.periodic import noises, periodogram_draws, signal_search, signals
from bayes_astro.priors import Prior
from bayes_astro.problem import Problem

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr

__all__ = ["ODDS_NOTE", "PeriodogramProblem"]

ODDS_NOTE = (
    "The Bayes factor compares the harmonics, averaged over the prior of their frequency and "
    "amplitudes, with the trend alone: times the prior odds it gives the probability that the "
    "period is real. The false-alarm probability of the Lomb-Scargle baseline is something else, "
    "the probability that noise alone reaches as high a peak, and is not the probability that the "
    "period is false: 1e-2 is roughly even odds."
)


class PeriodogramProblem(Problem):
    """Times from the reference epoch, which are those of the phases.

    Bands either share one signal, as instruments do, or have coefficients of their own about common ones.
    """

    def __init__(self, model: Any, data: LightCurve, priors: dict[str, Prior]) -> None:
        super().__init__(model, data, priors)
        self.curve = Curve.of(data)
        self.numbers, self.orders = model.numbers(data), int(model.trend)
        self.terms = self.numbers[-1]
        self.bands = len(self.curve.bands)
        self.owns = self.bands if self.curve.several and model.amplitude else 0
        self.signals = model.signals()
        self.jitters = self.bands if "jitter" in priors else 0
        scale = np.asarray(priors["amplitude"].arguments["sigma"], dtype=float)
        spread = float(model.spread) if self.owns else 0.0
        self.scale = np.broadcast_to(scale, (self.terms,)) / np.sqrt(1 + spread**2)
        self.own_scale = spread * self.scale if self.owns else np.empty(0)
        kinds = noises.options(model.noise)
        if any(kernel is not None for _, kernel in kinds):
            self.no_density = "noise that is not white is summed over by ba.Exact() alone."
        elif self.curve.regressors:
            self.no_density = "regressors are integrated out by ba.Exact() alone."
        elif self.signals > 1:
            self.no_density = "several signals are drawn together by ba.Exact() alone."
        elif len(self.numbers) > 1:
            self.no_density = (
                f"n_terms={self.numbers} is averaged over by ba.Exact() alone: give one number, such as "
                f"n_terms={self.numbers[0]}."
            )
        self.kept = 0  # windows of a search from coarse to fine
        self.noises = [
            noises.Noise(label, kernel, priors, self.curve)
            for label, kernel in kinds
            if any(one is not None for _, one in kinds)
        ]

    def coords(self) -> dict[str, Any]:
        """Bands, numbers of the harmonics, powers of the trend, numbers of harmonics to choose from."""
        return {
            "band": list(self.curve.bands),
            "term": np.arange(1, self.terms + 1),
            "order": np.arange(1, self.orders + 1),
            "n_terms": list(self.numbers),
            "regressor": list(self.curve.regressors),
            "signal": np.arange(1, self.signals + 1),
        }

    def _with_density(self) -> None:
        if self.no_density:
            raise ValueError(self.no_density)

    def free(self) -> list[Free]:
        """Frequency, coefficients and jitter; amplitudes and phases as cosines and sines."""
        self._with_density()
        several = (self.bands,) if self.curve.several else ()
        normal = Prior("Normal", mu=0.0, sigma=self.scale.tolist())
        found = [
            Free("frequency", self.priors["frequency"]),
            Free("offset", self.priors["offset"], several),
            Free("cosine", normal, (self.terms,)),
            Free("sine", normal, (self.terms,)),
        ]
        if self.owns:
            own = Prior("Normal", mu=0.0, sigma=self.own_scale.tolist())
            found += [
                Free(f"own_{name}", own, (self.owns, self.terms)) for name in ("cosine", "sine")
            ]
        if self.orders:
            shape = (self.owns, self.orders) if self.owns else (self.orders,)
            found.append(Free("trend", self.priors["trend"], shape))
        if self.jitters:
            found.append(Free("jitter", self.priors["jitter"], several))
        return found

    def likelihood(self) -> Any:
        """A trend and harmonics in white noise."""
        from bayes_astro.likelihoods.harmonic_series import HARMONICS

        return HARMONICS

    def arrays(self) -> list[np.ndarray]:
        """Sizes, the light curve, and the bands of its rows."""
        sizes = [self.terms, self.orders, self.jitters, self.bands, max(self.owns, 1), self.owns]
        rows = [self.curve.time, self.data.value, self.data.error**2]
        return [np.array(sizes, dtype=np.int64), np.array(rows), self.curve.band.copy()]

    def named(self, values: dict[str, np.ndarray]) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        """The variables that users know."""
        several: tuple[str, ...] = ("band",) if self.curve.several else ()
        own: tuple[str, ...] = ("band",) if self.owns else ()
        each: tuple[str, ...] = ("signal",) if self.signals > 1 else ()
        cosine, sine = values["cosine"], values["sine"]
        if self.owns:
            cosine = cosine[:, None] + values["own_cosine"]
            sine = sine[:, None] + values["own_sine"]
        found: dict[str, tuple[tuple[str, ...], np.ndarray]] = {
            "frequency": (each, values["frequency"]),
            "period": (each, 1 / values["frequency"]),
            "offset": (several, values["offset"]),
            "amplitude": ((*own, *each, "term"), np.hypot(cosine, sine)),
            "phase": ((*own, *each, "term"), np.arctan2(sine, cosine)),
        }
        if "trend" in values:
            found["trend"] = ((*own, "order"), values["trend"])
        if "slope" in values:
            found["slope"] = ((*own, "regressor"), values["slope"])
        if "jitter" in values:
            found["jitter"] = (several, values["jitter"])
        scalars = [name for one in self.noises for name in one.names]
        for name in ("harmonics", "noise", *scalars):
            if name in values:
                found[name] = ((), values[name])
        return found

    def graph(self) -> pm.Model:
        """All variables explicit; see `ba.Periodogram` for the equations."""
        self._with_density()
        ready_pytensor()
        import pymc as pm

        priors, coords, band = self.priors, self.coords(), self.curve.band
        several = "band" if self.curve.several else None
        own = ("band", "term") if self.owns else "term"

        def of_row(x: Any) -> Any:
            return x[band] if self.curve.several else x

        with pm.Model(coords=coords) as model:
            time = pm.Data("time", self.curve.time)
            frequency = priors["frequency"].variable("frequency")
            pm.Deterministic("period", 1 / frequency)
            offset = priors["offset"].variable("offset", dims=several)
            scale = pm.Data("scale", self.scale)
            cosine = pm.Normal("cosine", 0.0, scale, dims="term")
            sine = pm.Normal("sine", 0.0, scale, dims="term")
            if self.owns:
                own_scale = pm.Data("own_scale", self.own_scale)
                cosine = cosine + pm.Normal("own_cosine", 0.0, own_scale, dims=own)
                sine = sine + pm.Normal("own_sine", 0.0, own_scale, dims=own)
            pm.Deterministic("amplitude", pm.math.sqrt(cosine**2 + sine**2), dims=own)
            pm.Deterministic("phase", pm.math.arctan2(sine, cosine), dims=own)
            angle = 2 * np.pi * frequency * time[:, None] * coords["term"]
            if self.owns:
                cosine, sine = cosine[band], sine[band]
            signal = (pm.math.cos(angle) * cosine + pm.math.sin(angle) * sine).sum(axis=-1)
            signal = signal + of_row(offset)
            if self.orders and self.owns:
                trend = priors["trend"].variable("trend", dims=("band", "order"))
                signal = signal + ((time[:, None] ** coords["order"]) * trend[band]).sum(axis=-1)
            elif self.orders:
                trend = priors["trend"].variable("trend", dims="order")
                signal = signal + (time[:, None] ** coords["order"]) @ trend
            variance = pm.Data("error", self.data.error) ** 2
            if self.jitters:
                variance = variance + of_row(priors["jitter"].variable("jitter", dims=several)) ** 2
            value = pm.Data("value", self.data.value)
            pm.Normal("observation", signal, pm.math.sqrt(variance), observed=value)
        return model

    def projection(self) -> dict[str, Any]:
        """Arguments of `harmonic.project`: a block for each band with its own coefficients."""
        curve, orders = self.curve, self.orders
        scale = curve.half ** np.arange(1, orders + 1)
        powers = (curve.time / curve.half)[:, None] ** np.arange(1, orders + 1)
        offset = [
            np.broadcast_to(self.priors["offset"].arguments[key], (self.bands,))
            for key in ("mu", "sigma")
        ]
        trend = [np.empty(0), np.empty(0)]
        if orders:
            arguments = self.priors["trend"].arguments
            trend = [np.broadcast_to(arguments[key], (orders,)) * scale for key in ("mu", "sigma")]
        if curve.regressors:
            width = np.std(curve.columns, axis=0)
            powers = np.hstack([powers, curve.columns / width])
            arguments = self.priors["slope"].arguments
            trend = [
                np.append(known, np.broadcast_to(arguments[key], width.shape) * width)
                for known, key in zip(trend, ("mu", "sigma"), strict=True)
            ]
        order, block = np.arange(len(curve.time)), None
        if self.owns:
            order = np.argsort(curve.band, kind="stable")
            block = curve.band[order]
            levels = np.ones((len(order), 1))
            priors = [
                np.column_stack([level, np.tile(slope, (self.bands, 1))])
                for level, slope in zip(offset, trend, strict=True)
            ]
        else:
            levels = (curve.band[:, None] == np.arange(self.bands)).astype(float)
            priors = [np.concatenate(pair) for pair in zip(offset, trend, strict=True)]
        return {
            "time": curve.time[order],
            "value": self.data.value[order],
            "variance": self.data.error[order] ** 2,
            "design": np.hstack([levels, powers[order]]),
            "beta_mean": priors[0],
            "beta_sd": priors[1],
            "term_sd": self.scale,
            "block": block,
            "own_sd": self.own_scale,
            "terms": self.numbers,
            "noise_of": curve.band[order],
        }

    def projected(self) -> Any:
        """The light curve with its trends projected out."""
        from bayes_astro.likelihoods.harmonic import project

        return project(**self.projection())

    def search(self, draws: int, rng: np.random.Generator) -> tuple[Any, dict[str, np.ndarray]]:
        """Exact draws of the frequency and of every coefficient."""
        if self.signals > 1:
            return signal_search.search(self, draws, rng)
        found = periodogram_draws.in_noise if self.noises else periodogram_draws.in_white_noise
        return found(self, draws, rng)

    def exact(self, draws: int, rng: np.random.Generator) -> dict[str, xr.Dataset]:
        """Independent draws, the density over frequency, and the evidence."""
        import xarray as xr

        found, values = self.search(draws, rng)
        coords = self.coords()
        evidence: dict[str, Any] = {
            "log_evidence": found.log_evidence,
            "log_bayes_factor": found.log_evidence - found.log_evidence_null,
        }
        if len(self.numbers) > 1:
            evidence["probability"] = ("n_terms", found.probability)
        if len(self.noises) > 1:
            evidence["noise_probability"] = ("kind", found.noise)
        named = {
            name: (("sample", *dims), value) for name, (dims, value) in self.named(values).items()
        }
        used = {dim for dims, _ in named.values() for dim in dims}
        labels: dict[str, Any] = {"n_terms": coords["n_terms"]} if len(self.numbers) > 1 else {}
        if len(self.noises) > 1:
            labels["kind"] = [one.label for one in self.noises]
        more = {"signals": signals.of_counts(found.log_evidences)} if self.signals > 1 else {}
        return more | {
            "posterior": xr.Dataset(
                named, {name: labels for name, labels in coords.items() if name in used}
            ),
            "sample_stats": xr.Dataset(
                attrs={
                    "importance_efficiency": found.importance_efficiency,
                    "evaluations": found.n_evaluations,
                    "interrupted": 0,
                }
                | ({"kept": self.kept} if self.kept else {})
            ),
            "periodogram": signals.density(found),
            "evidence": xr.Dataset(evidence, labels, attrs={"note": ODDS_NOTE}),
        }

    def prior_draws(self, draws: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
        """Draws (chain, draw, ...) of what has a prior, with phases, and with what bands have of their own."""
        return periodogram_draws.from_prior(self, draws, rng)

    def check_draws(self, draws: xr.Dataset) -> None:
        """Raise ValueError for numbers of harmonics and kinds of noise that there are not."""
        for name, known in (("harmonics", self.numbers), ("noise", range(len(self.noises)))):
            if name in draws and not np.isin(draws[name].values, list(known)).all():
                raise ValueError(f"posterior: {name} holds what the model does not have")

    def batch(self, items: Any, sampler: Any, seed: int, stop: Any) -> list[dict[str, Any]] | None:
        """Rows of many light curves, in threads."""
        from bayes_astro.periodic import batch

        return batch.rows(self.model, items, sampler, seed, stop)

    def starts(self, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Exact draws within the highest peak."""
        self._with_density()
        found, values = self.search(max(4 * count, 2000), rng)
        peak = found.modes()[0]
        frequency = values["frequency"]
        inside = np.flatnonzero((frequency >= peak.low) & (frequency <= peak.high))
        chosen = inside[rng.permutation(len(inside))[:count]]
        return {name: value[chosen] for name, value in values.items()}
