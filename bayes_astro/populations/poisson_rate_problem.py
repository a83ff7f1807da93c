"""The posterior of rates behind counts, laid out for samplers."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bayes_astro.coordinates import Free
from bayes_astro.data.counts import Counts
from bayes_astro.likelihoods.compiled import ready_pytensor
from bayes_astro.priors import Prior
from bayes_astro.problem import Problem

if TYPE_CHECKING:
    import pymc as pm

__all__ = ["Layout", "RatesProblem", "conditional", "laid_out", "level_of"]

BACKGROUND = ("background_mean", "background_scatter")
SMALLEST = 1e-12  # relative variance of a population, for Gamma variates


class Layout(NamedTuple):
    """Counts as the kernels read them; row 0 is on, row 1 off the source."""

    counts: np.ndarray
    exposure: np.ndarray
    known: np.ndarray
    measured: bool
    factorial: np.ndarray


def laid_out(data: Counts) -> Layout:
    """What is not there is zero; log k! up to the largest sum that a kernel looks up."""
    from scipy.special import gammaln

    nothing, measured = np.zeros(len(data)), data.off_counts is not None
    off = (data.off_counts, data.off_exposure) if measured else (nothing, nothing)
    counts = np.array([data.counts, off[0]]).astype(np.int64)
    known = nothing if data.background is None else data.background
    factorial = gammaln(np.arange(int(counts.sum(axis=0).max()) + 1) + 1.0)
    return Layout(counts, np.array([data.exposure, off[1]]), known, measured, factorial)


def level_of(hyperprior: str) -> str:
    """Which of the population's parameters its rates are multiples of."""
    return "median_rate" if hyperprior == "log-normal" else "mean_rate"


class RatesProblem(Problem):
    """Rates of one population: integrated out (gamma), or unit normals of their own (log-normal)."""

    def __init__(self, model: Any, data: Counts, priors: dict[str, Prior]) -> None:
        super().__init__(model, data, priors)
        self.laid = laid_out(data)
        if model.hyperprior == "log-normal":
            self.no_mode = "log-normal rates: the mode of all of them lies where they are all equal"
            self.no_evidence = "log-normal rates are sampled, so that there is no evidence"

    def coords(self) -> dict[str, Any]:
        """The sources."""
        return {"source": list(self.data.labels)}

    def free(self) -> list[Free]:
        """The population's parameters; log-normal rates by a unit normal each."""
        found = [Free(name, prior) for name, prior in self.priors.items()]
        if self.model.hyperprior == "log-normal":
            unit = Prior("Normal", mu=0.0, sigma=1.0)
            found.append(Free("rate_unit", unit, (len(self.data),)))
        return found

    def likelihood(self) -> Any:
        """Finite sums over the counts."""
        from bayes_astro.likelihoods.poisson_rate import RATES

        return RATES

    @property
    def kind(self) -> int:
        """Of the population, as the kernel knows it."""
        from bayes_astro.likelihoods import poisson_rate

        return poisson_rate.LOG_NORMAL if self._is("log-normal") else poisson_rate.GAMMA

    def _is(self, hyperprior: str) -> bool:
        return self.model.hyperprior == hyperprior

    def background_prior(self) -> np.ndarray:
        """Mean and relative variance of each source's background, where they are given: (2, n)."""
        return np.zeros((2, len(self.data)))

    def arrays(self) -> list[np.ndarray]:
        """As `likelihoods.poisson_rate.RATES` reads them."""
        laid, flags = self.laid, np.array([self.kind, self.laid.measured])
        prior, alone = self.background_prior(), self.by_themselves()
        return [flags, laid.counts, laid.exposure, laid.known, laid.factorial, prior, alone]

    def by_themselves(self) -> np.ndarray:
        """Logarithm of each rate by its own counts, and its inverse variance; none: zeros, (2, n)."""
        counts, exposure, known, measured, _ = self.laid
        if measured:
            ratio = exposure[0] / exposure[1]
            background, variance = counts[1] * ratio, counts[0] + counts[1] * ratio**2
        else:
            background, variance = known, counts[0]
        left = np.maximum(counts[0] - background, 0.0)
        inverse = np.divide(left**2, variance, out=np.zeros_like(left), where=left > 0)
        logarithm = np.log(np.where(left > 0, left, 1.0) / exposure[0])
        return np.array([np.where(left > 0, logarithm, 0.0), inverse])

    def _log_normal(self, level: Any, scatter: Any, unit: Any, m: Any) -> tuple[Any, Any]:
        """Rates from their coordinates, and the log density of these less that of unit normals.

        `m` is NumPy or PyTensor; the equations are those of `likelihoods.poisson_rate`.
        """
        own, inverse = self.by_themselves()
        precision = scatter**-2.0
        both = precision + inverse
        off = inverse * (own - m.log(level)) / both + unit / m.sqrt(both)
        correction = 0.5 * (unit**2 - precision * off**2 - m.log(both / precision))
        return level * m.exp(off), correction

    def _background(self, values: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Mean and relative variance of the background's population at values: (m, n) both."""
        if not self.laid.measured:
            nothing = np.zeros((len(values["scatter"]), len(self.data)))
            return nothing, nothing
        mean, scatter = (values[name][:, None] + np.zeros(len(self.data)) for name in BACKGROUND)
        return mean, scatter**2

    def named(self, values: dict[str, np.ndarray]) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        """With rates and backgrounds drawn from their distribution given the population."""
        found: dict[str, Any] = {name: ((), values[name]) for name in self.priors}
        background, psi = self._background(values)
        level = values[level_of(self.model.hyperprior)][:, None]
        scatter = values["scatter"][:, None]
        if self._is("log-normal"):
            rate, _ = self._log_normal(level, scatter, values["rate_unit"], np)
            phi = np.zeros_like(rate)
        else:
            rate, phi = level + np.zeros(len(self.data)), scatter**2 + np.zeros(len(self.data))
        return found | self._conditional(values, rate, phi, background, psi)

    def _conditional(
        self,
        values: dict[str, np.ndarray],
        rate: np.ndarray,
        phi: np.ndarray,
        background: np.ndarray,
        psi: np.ndarray,
    ) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        """Rates and backgrounds given what was sampled; exact, and the same for the same values.

        All arrays are (m, n). The generator is seeded with the values themselves, since the same
        draws of the population are to have the same rates. Of a single point, which is no draw but
        a maximum, the conditional means are taken.
        """
        digest = sha256(b"".join(np.ascontiguousarray(v).tobytes() for v in values.values()))
        seed = np.frombuffer(digest.digest(), np.uint32)
        rng = np.random.default_rng(seed.tolist())
        return conditional(self.laid, rate, phi, background, psi, rng, expected=len(rate) == 1)

    def graph(self) -> pm.Model:
        """See `ba.PoissonRate` for the equations; PyMC's own distributions, summed over the counts."""
        ready_pytensor()
        import pymc as pm

        exposure = self.laid.exposure[0]
        with pm.Model(coords=self.coords()) as model:
            values = {name: prior.variable(name) for name, prior in self.priors.items()}
            level = values[level_of(self.model.hyperprior)]
            if self._is("log-normal"):
                unit = pm.Normal("rate_unit", dims="source")
                rate, correction = self._log_normal(level, values["scatter"], unit, pm.math)
                pm.Potential("coordinates", pm.math.sum(correction))
                own = pm.Poisson.dist(mu=(rate * exposure)[:, None])
            else:
                mean = (level * exposure)[:, None]
                own = pm.NegativeBinomial.dist(mu=mean, alpha=1 / values["scatter"] ** 2)
            background = None
            if self.laid.measured:
                background = values["background_mean"], 1 / values["background_scatter"] ** 2
            pm.Potential("counts", self.summed(own, background))
        return model

    def summed(self, own: Any, background: Any) -> Any:
        """Log likelihood of all sources, given the distribution of their own counts, (n, 1)."""
        import pymc as pm
        import pytensor.tensor as pt

        counts, exposure, known, measured, _ = self.laid
        n, m = counts[0][:, None], counts[1][:, None]
        if not measured and not known.any():
            return pt.sum(pm.logp(own, n))
        k = np.arange(counts[0].max() + 1)[None]
        j = np.maximum(n - k, 0)
        if measured:
            # Both counts together are negative binomial, and divide as the exposures do.
            mean, alpha = background
            whole = mean * exposure.sum(axis=0)[:, None]
            share = (exposure[0] / exposure.sum(axis=0))[:, None]
            both = pm.NegativeBinomial.dist(mu=whole, alpha=alpha)
            other = pm.logp(both, j + m) + pm.logp(pm.Binomial.dist(n=j + m, p=share), j)
        else:
            other = pm.logp(pm.Poisson.dist(mu=known[:, None]), j)
        terms = pt.switch(k <= n, pm.logp(own, np.minimum(k, n)) + other, -np.inf)
        return pt.sum(pt.logsumexp(terms, axis=1))

    def starts(self, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """About the pooled rates of bootstrap samples."""
        data, n = self.data, len(self.data)
        rows = rng.integers(n, size=(count, n))
        left = np.maximum(data.counts - data.expected_background, 0.0)
        time = data.exposure[rows].sum(axis=1)
        pooled = (left[rows].sum(axis=1) + 0.5) / time
        starts = {level_of(self.model.hyperprior): pooled, "scatter": rng.uniform(0.2, 1, count)}
        if self.laid.measured:
            off = data.off_counts[rows].sum(axis=1) + 0.5
            starts["background_mean"] = off / data.off_exposure[rows].sum(axis=1)
            starts["background_scatter"] = rng.uniform(0.2, 1, count)
        starts = inside(starts, self.priors, rng)
        if self._is("log-normal"):
            starts["rate_unit"] = 0.3 * rng.standard_normal((count, n))
        return starts


def inside(
    starts: dict[str, np.ndarray], priors: dict[str, Prior], rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Starting values, those where the prior is zero drawn from it instead."""
    found = {}
    for name, values in starts.items():
        good = np.isfinite(priors[name].log_density(values))
        other = values if good.all() else priors[name].sample(rng, values.shape)
        found[name] = np.where(good, values, other)
    return found


def conditional(
    laid: Layout,
    rate: np.ndarray,
    phi: np.ndarray,
    background: np.ndarray,
    psi: np.ndarray,
    rng: np.random.Generator,
    *,
    expected: bool = False,
) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
    """Rates and measured backgrounds by source, drawn given the parameters of their distributions.

    First how many counts are the source's own, then Gamma variates given these. All arrays are
    (m, n); a relative variance phi of zero says that the rates are those given.
    """
    from bayes_astro.likelihoods.poisson_rate import draw_counts

    count = np.empty(rate.shape)
    uniform = rng.uniform(size=rate.shape)
    columns = (np.ascontiguousarray(x) for x in (rate, phi, background, psi))
    draw_counts(uniform, *columns, *laid, expected, count)

    def variates(shape: np.ndarray) -> np.ndarray:
        return shape if expected else rng.gamma(shape)

    if phi.any():
        phi = np.maximum(phi, SMALLEST)
        rate = variates(count + 1 / phi) / (laid.exposure[0] + 1 / (phi * rate))
    found: dict[str, tuple[tuple[str, ...], np.ndarray]] = {"rate": (("source",), rate)}
    if laid.measured:
        psi = np.maximum(psi, SMALLEST)
        shape = laid.counts.sum(axis=0) - count + 1 / psi
        total = laid.exposure.sum(axis=0) + 1 / (psi * background)
        found["background"] = (("source",), variates(shape) / total)
    return found
