"""The posterior of a periodogram: exactly, or with every coefficient explicit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.coordinates import Free
from bayes_astro.data import LightCurve
from bayes_astro.likelihoods.compiled import ready_pytensor
from bayes_astro.periodic import harmonics
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
    """Times from the reference epoch, which are those of the phases."""

    def __init__(self, model: Any, data: LightCurve, priors: dict[str, Prior]) -> None:
        super().__init__(model, data, priors)
        self.time = data.time - harmonics.epoch(data)
        self.terms, self.orders = int(model.n_terms), int(model.trend)
        scale = priors["amplitude"].arguments["sigma"]
        self.scale = np.broadcast_to(np.asarray(scale, dtype=float), (self.terms,)).copy()

    def coords(self) -> dict[str, Any]:
        """Numbers of the harmonics, and powers of the trend."""
        return {"term": np.arange(1, self.terms + 1), "order": np.arange(1, self.orders + 1)}

    def free(self) -> list[Free]:
        """Frequency, coefficients and jitter; amplitudes and phases as cosines and sines."""
        normal = Prior("Normal", mu=0.0, sigma=self.scale.tolist())
        found = [
            Free("frequency", self.priors["frequency"]),
            Free("offset", self.priors["offset"]),
            Free("cosine", normal, (self.terms,)),
            Free("sine", normal, (self.terms,)),
        ]
        if self.orders:
            found.append(Free("trend", self.priors["trend"], (self.orders,)))
        if "jitter" in self.priors:
            found.append(Free("jitter", self.priors["jitter"]))
        return found

    def likelihood(self) -> Any:
        """A trend and harmonics in white noise."""
        from bayes_astro.likelihoods.harmonic_series import HARMONICS

        return HARMONICS

    def arrays(self) -> list[np.ndarray]:
        """Sizes, and the light curve."""
        sizes = np.array([self.terms, self.orders, "jitter" in self.priors], dtype=np.int64)
        return [sizes, np.array([self.time, self.data.value, self.data.error**2])]

    def named(self, values: dict[str, np.ndarray]) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        """The variables that users know."""
        cosine, sine = values["cosine"], values["sine"]
        found: dict[str, tuple[tuple[str, ...], np.ndarray]] = {
            "frequency": ((), values["frequency"]),
            "period": ((), 1 / values["frequency"]),
            "offset": ((), values["offset"]),
            "amplitude": (("term",), np.hypot(cosine, sine)),
            "phase": (("term",), np.arctan2(sine, cosine)),
        }
        if "trend" in values:
            found["trend"] = (("order",), values["trend"])
        if "jitter" in values:
            found["jitter"] = ((), values["jitter"])
        return found

    def graph(self) -> pm.Model:
        """All variables explicit; see `ba.Periodogram` for the equations."""
        ready_pytensor()
        import pymc as pm

        priors, coords = self.priors, self.coords()
        with pm.Model(coords=coords) as model:
            time = pm.Data("time", self.time)
            frequency = priors["frequency"].variable("frequency")
            pm.Deterministic("period", 1 / frequency)
            offset = priors["offset"].variable("offset")
            scale = pm.Data("scale", self.scale)
            cosine = pm.Normal("cosine", 0.0, scale, dims="term")
            sine = pm.Normal("sine", 0.0, scale, dims="term")
            pm.Deterministic("amplitude", pm.math.sqrt(cosine**2 + sine**2), dims="term")
            pm.Deterministic("phase", pm.math.arctan2(sine, cosine), dims="term")
            angle = 2 * np.pi * frequency * time[:, None] * coords["term"]
            signal = offset + pm.math.cos(angle) @ cosine + pm.math.sin(angle) @ sine
            if self.orders:
                trend = priors["trend"].variable("trend", dims="order")
                signal = signal + (time[:, None] ** coords["order"]) @ trend
            variance = pm.Data("error", self.data.error) ** 2
            if "jitter" in priors:
                variance = variance + priors["jitter"].variable("jitter") ** 2
            value = pm.Data("value", self.data.value)
            pm.Normal("observation", signal, pm.math.sqrt(variance), observed=value)
        return model

    def projected(self) -> tuple[Any, float]:
        """The light curve with the trend projected out, and the half span that scales it."""
        from bayes_astro.likelihoods.harmonic import project

        half = 0.5 * float(np.ptp(self.time))
        powers = np.arange(self.orders + 1)
        means, widths = [[self.priors["offset"].arguments[key]] for key in ("mu", "sigma")]
        if self.orders:
            scale = half ** powers[1:]
            means.extend(self.priors["trend"].arguments["mu"] * scale)
            widths.extend(self.priors["trend"].arguments["sigma"] * scale)
        problem = project(
            self.time,
            self.data.value.copy(),  # the kernels are compiled for writable arrays
            self.data.error**2,
            (self.time / half)[:, None] ** powers,
            np.array(means),
            np.array(widths),
            self.scale,
        )
        return problem, half

    def search(self, draws: int, rng: np.random.Generator) -> tuple[Any, dict[str, np.ndarray]]:
        """Exact draws of the frequency and of every coefficient."""
        from bayes_astro.likelihoods.harmonic import draw_coefficients
        from bayes_astro.periodic.frequency_posterior import sample_frequency

        problem, half = self.projected()
        prior = self.priors["frequency"]
        low, high = (float(edge) for edge in prior.support)
        jitter = self.priors["jitter"].log_density if "jitter" in self.priors else None
        log_uniform = prior.distribution == "LogUniform"
        found = sample_frequency(problem, low, high, log_uniform, draws, rng, jitter)
        normals = rng.standard_normal((draws, self.orders + 1 + 2 * self.terms))
        beta, cosine, sine = draw_coefficients(problem, found.frequency, normals, found.jitter)
        values = {
            "frequency": found.frequency,
            "offset": beta[:, 0],
            "cosine": cosine,
            "sine": sine,
        }
        if self.orders:
            values["trend"] = beta[:, 1:] / half ** np.arange(1, self.orders + 1)
        if jitter is not None:
            values["jitter"] = found.jitter
        return found, values

    def exact(self, draws: int, rng: np.random.Generator) -> dict[str, xr.Dataset]:
        """Independent draws, the density over frequency, and the evidence."""
        import xarray as xr

        found, values = self.search(draws, rng)
        evidence = {
            "log_evidence": found.log_evidence,
            "log_bayes_factor": found.log_evidence - found.log_evidence_null,
        }
        named = {
            name: (("sample", *dims), value) for name, (dims, value) in self.named(values).items()
        }
        used = {dim for dims, _ in named.values() for dim in dims}
        coords = {name: labels for name, labels in self.coords().items() if name in used}
        return {
            "posterior": xr.Dataset(named, coords),
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

    def starts(self, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Exact draws within the highest peak."""
        found, values = self.search(max(4 * count, 2000), rng)
        peak = found.modes()[0]
        frequency = values["frequency"]
        inside = np.flatnonzero((frequency >= peak.low) & (frequency <= peak.high))
        chosen = inside[rng.permutation(len(inside))[:count]]
        return {name: value[chosen] for name, value in values.items()}
