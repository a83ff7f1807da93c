"""The posterior of rates that have nothing to do with each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayes_astro.coordinates import Free
from bayes_astro.likelihoods.compiled import ready_pytensor
from bayes_astro.populations.poisson_rate_problem import RatesProblem, conditional

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr

__all__ = ["IndependentRates"]


class IndependentRates(RatesProblem):
    """Rates that have nothing to do with each other, each with a Gamma prior: exact."""

    def free(self) -> list[Free]:
        """The rates."""
        return [Free("rate", self.priors["rate"], (len(self.data),))]

    @property
    def kind(self) -> int:
        """Of no population."""
        from bayes_astro.likelihoods.poisson_rate import INDEPENDENT

        return INDEPENDENT

    def _gamma(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Mean and relative variance of a Gamma prior by source."""
        alpha, beta = (np.asarray(self.priors[name].arguments[key]) for key in ("alpha", "beta"))
        nothing = np.zeros(len(self.data))
        return alpha / beta + nothing, 1 / alpha + nothing

    def background_prior(self) -> np.ndarray:
        """Mean and relative variance of each source's background: (2, n)."""
        if not self.laid.measured:
            return super().background_prior()
        return np.array(self._gamma("background"))

    def named(self, values: dict[str, np.ndarray]) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        """The rates, and backgrounds drawn given them."""
        rate = np.ascontiguousarray(values["rate"])
        background, psi = self.background_prior()[:, None] + np.zeros((1, len(rate), 1))
        return self._conditional(values, rate, np.zeros_like(rate), background, psi)

    def exact(self, draws: int, rng: np.random.Generator) -> dict[str, xr.Dataset]:
        """Counts of the source, then rate and background given them; the evidence is a finite sum."""
        import xarray as xr

        from bayes_astro.likelihoods.poisson_rate import GAMMA
        from bayes_astro.likelihoods.rate_population import marginal

        n = len(self.data)
        mean, phi = self._gamma("rate")
        background, psi = self.background_prior()
        every = np.zeros((draws, n))
        found = conditional(
            self.laid, mean + every, phi + every, background + every, psi + every, rng
        )
        posterior = xr.Dataset(
            {name: (("sample", *dims), values) for name, (dims, values) in found.items()},
            self.coords(),
        )
        log_evidence = 0.0
        for i in range(n):  # priors may differ from source to source
            one = self.laid._replace(
                counts=self.laid.counts[:, i : i + 1].copy(),
                exposure=self.laid.exposure[:, i : i + 1].copy(),
                known=self.laid.known[i : i + 1].copy(),
            )
            out = np.empty((1, 1))
            of_it = mean[i : i + 1], np.sqrt(phi[i : i + 1]), background[i : i + 1], psi[i : i + 1]
            marginal(*(x.copy() for x in of_it), GAMMA, *one, out)
            log_evidence += float(out[0, 0])
        evidence = {"log_evidence": log_evidence, "log_evidence_error": 0.0}
        statistics = xr.Dataset(attrs={"importance_efficiency": 1.0, "interrupted": 0})
        groups = {"posterior": self.model.derived(posterior, self.priors)}
        return groups | {"sample_stats": statistics, "evidence": xr.Dataset(evidence)}

    def graph(self) -> pm.Model:
        """See `ba.PoissonRate` for the equations."""
        ready_pytensor()
        import pymc as pm

        with pm.Model(coords=self.coords()) as model:
            rate = self.priors["rate"].variable("rate", dims="source")
            mean, psi = self.background_prior()
            own = pm.Poisson.dist(mu=(rate * self.laid.exposure[0])[:, None])
            background = (mean[:, None], 1 / psi[:, None]) if self.laid.measured else None
            pm.Potential("counts", self.summed(own, background))
        return model

    def starts(self, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """About what is left above the background."""
        left = np.maximum(self.data.counts - self.data.expected_background, 0.0) + 0.5
        return {"rate": rng.gamma(left, size=(count, len(left))) / self.data.exposure}
