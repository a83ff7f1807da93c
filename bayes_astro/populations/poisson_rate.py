"""Rates of events or objects from counts, with what their population tells of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.data.counts import Counts
from bayes_astro.diagnostics import Check
from bayes_astro.draws import by_row
from bayes_astro.model import Model
from bayes_astro.parameters import Parameter, Setting, choice
from bayes_astro.populations import rate_checks, rate_prediction
from bayes_astro.populations.poisson_rate_problem import RatesProblem, level_of
from bayes_astro.priors import Prior
from bayes_astro.report import Section, evidence_section

if TYPE_CHECKING:
    import xarray as xr

    from bayes_astro.samplers import Sampler

__all__ = ["PoissonRate"]


@dataclass(eq=False, repr=False)
class PoissonRate(Model):
    r"""Rates behind counts above a background, of one population or each by itself.

    The story. Every source has a rate from the population; in its exposure t_i it gives counts, to
    which a background adds some that nobody can tell apart. The background is absent, known as b_i
    counts to be expected, or measured by m_i counts in an exposure u_i off the source:

    .. code-block:: text

        rate_i ~ Gamma(mean mean_rate, standard deviation scatter mean_rate)      hyperprior="gamma"
        ln rate_i ~ N(ln median_rate, scatter^2)                                  "log-normal"
        n_i ~ Poisson(rate_i t_i + b_i)                                           background known
        background_i ~ Gamma(mean background_mean, sd background_scatter background_mean)
        n_i ~ Poisson((rate_i + background_i) t_i),  m_i ~ Poisson(background_i u_i)     measured

    How many of the n_i counts are the source's own is one of n_i + 1 numbers, so that it is summed
    over; Gamma rates, and measured backgrounds, integrate out of each term (to negative binomial
    distributions, `bayes_astro.likelihoods.poisson_rate`). What is sampled are the two or four
    parameters of the population, exactly and in a time that grows with the number of counts. Rates
    and backgrounds of each source are then drawn from their distribution given these: the source's
    own counts first, then Gamma variates. Nothing is subtracted: the rate of a source with fewer
    counts than its background is small, never negative.

    Log-normal rates have no such integral. They are sampled, each in the units of what its counts
    and the population say together, with the same sum over the counts: exact, where a quadrature
    for each source and number of counts would cost thirty times as much. There is no evidence.

    With hyperprior="independent" nothing is shared: each rate (and each background) has the Gamma
    prior of its own that `priors` gives, and all is drawn exactly.

    Parameters
    ----------
    hyperprior : {"gamma", "log-normal", "independent"}
        The distribution of the rates over the sources. A Gamma distribution reaches down to rates
        of zero, a log-normal one has the longer tail upwards.
    priors : dict of str to Prior, optional
        By parameter. Defaults: ``mean_rate`` or ``median_rate`` LogNormal about the pooled rate
        within a factor of 19 (95%), ``scatter`` HalfNormal(1), ``background_mean`` LogNormal about
        the pooled background in the same way, ``background_scatter`` HalfNormal(1). Of independent
        sources ``rate`` and ``background`` Gamma with alpha = 1/2 (Jeffreys) and a mean of ten
        times the pooled one; alpha = 1 and a small beta is a flat prior.

    Notes
    -----
    Variables: ``rate`` by ``source``, in events per unit of exposure; ``mean_rate`` and ``scatter``
    (relative to the mean; of log-normal rates the standard deviation of their logarithm, with
    ``median_rate``); of a measured background ``background`` by ``source``, ``background_mean`` and
    ``background_scatter``. Group ``sources``: mean and sd of each rate, ``own``, the share of
    the rate's weight that is the source's own and not the population's, and ``tail``, the
    probability of counts as far out as its own under the population that the other sources tell.
    Of a `MAP` the rates are their means given the population.

    `predict` takes None (the same exposures again), exposures of new sources as an array or
    Quantity, exposures by name as a mapping (``{"NGC 1": 20.0}``: names that were fitted have their
    own rates), or `Counts`, whose sources are those of the fit where both have names that agree.
    A known background of a fitted source grows with the exposure; new sources have none.

    References
    ----------
    Loredo 1992, in Statistical Challenges in Modern Astronomy, 275; Li & Ma 1983, ApJ 272, 317.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> data = ba.Counts([3, 0, 7, 2], exposure=[10.0, 5.0, 12.0, 8.0], background=0.5)
    >>> model = ba.PoissonRate(hyperprior="independent").fit(data, seed=1, progress=False)
    >>> model.posterior["posterior"]["rate"].dims
    ('chain', 'draw', 'source')
    """

    hyperprior: str = "gamma"
    priors: dict[str, Prior] | None = None

    data_type: ClassVar[type] = Counts
    settings: ClassVar[dict[str, Setting]] = {
        "hyperprior": choice("gamma", "log-normal", "independent"),
    }
    references: ClassVar[tuple[str, ...]] = ("loredo1992", "li1983")
    samplers: ClassVar[tuple[str, ...]] = ("NUTS", "Emcee", "Laplace", "MAP", "Exact")

    def check_data(self, data: Counts) -> None:
        """Raise ValueError where there are too few sources for a population."""
        if self.hyperprior != "independent" and len(data) < 2:
            raise ValueError(
                "one source says nothing of a population: use hyperprior='independent'."
            )

    def default_sampler(self, data: Counts) -> tuple[Sampler, str]:
        """Exact where rates are independent; elsewhere short steps, as the scatter may lean on zero."""
        from bayes_astro.samplers import NUTS, Exact

        if self.hyperprior == "independent":
            return Exact(), ""
        return NUTS(target_accept=0.95 if self.hyperprior == "log-normal" else 0.9), ""

    def coords(self, data: Counts) -> dict[str, Any]:
        """The sources."""
        return {"source": list(data.labels)}

    def parameters(self, data: Counts) -> list[Parameter]:
        """See the class; weakly informative, in the units of the data."""
        unit = rate_unit(data)
        left = max(float(np.sum(data.counts - data.expected_background)), 0.0)
        pooled = (left + 0.5) / float(data.exposure.sum())
        off = 0.0
        if data.off_counts is not None and data.off_exposure is not None:
            off = float((data.off_counts.sum() + 0.5) / data.off_exposure.sum())

        def gamma(name: str, mean: float) -> Parameter:
            prior = Prior("Gamma", alpha=0.5, beta=0.05 / mean)
            return Parameter(name, prior, ("source",), unit, "positive", ("Gamma",))

        def about(name: str, mean: float) -> Parameter:
            prior = Prior("LogNormal", mu=float(np.log(mean)), sigma=1.5)
            return Parameter(name, prior, (), unit, "positive")

        half = Prior("HalfNormal", sigma=1.0)
        if self.hyperprior == "independent":
            return [gamma("rate", pooled)] + ([gamma("background", off)] if off else [])
        found = [
            about(level_of(self.hyperprior), pooled),
            Parameter("scatter", half, support="positive"),
        ]
        if off:
            found.append(about("background_mean", off))
            found.append(Parameter("background_scatter", half, support="positive"))
        return found

    def units(self, data: Counts) -> dict[str, str]:
        """All rates are in events per unit of exposure."""
        names = ("rate", "mean_rate", "median_rate", "background", "background_mean")
        unit = rate_unit(data)
        return dict.fromkeys(names, unit) if unit else {}

    def problem(self, data: Counts, priors: dict[str, Prior]) -> RatesProblem:
        """The population's parameters, the sources summed and integrated out; or each by itself."""
        from bayes_astro.populations.independent_rates import IndependentRates

        kind = IndependentRates if self.hyperprior == "independent" else RatesProblem
        return kind(self, data, priors)

    def responses(self, data: Counts) -> np.ndarray:
        """The counts."""
        return data.counts

    def derived(self, draws: xr.Dataset, priors: dict[str, Prior]) -> xr.Dataset:
        """With the mean of log-normal rates."""
        if "median_rate" not in draws:
            return draws
        mean = draws["median_rate"] * np.exp(0.5 * draws["scatter"] ** 2)
        return draws.assign(mean_rate=mean)

    def latents(self, draws: xr.Dataset, design: Counts, rng: np.random.Generator) -> xr.Dataset:
        """Rates and backgrounds from their populations."""
        if self.hyperprior == "independent":
            return draws
        n, shape = len(design), (*draws["scatter"].shape, len(design))
        rate = rate_prediction.population(self, draws, n, rng).reshape(shape)
        found = {"rate": (("chain", "draw", "source"), rate)}
        if "background_mean" in draws:
            mean, psi = draws["background_mean"], draws["background_scatter"] ** 2
            psi = np.maximum(psi.values, 1e-12)[..., None]
            off = rng.gamma(1 / psi, psi * mean.values[..., None], size=shape)
            found["background"] = (("chain", "draw", "source"), off)
        return draws.assign(found).assign_coords(source=list(design.labels))

    def simulate_data(
        self, parameters: xr.Dataset, design: Counts, rng: np.random.Generator
    ) -> Counts:
        """New counts on and off in the exposures of `design`."""
        rate = parameters["rate"].values
        if design.off_counts is None:
            background = 0.0 if design.background is None else design.background
            return design.replace(counts=rng.poisson(rate * design.exposure + background))
        background = parameters["background"].values
        return design.replace(
            counts=rng.poisson((rate + background) * design.exposure),
            off_counts=rng.poisson(background * design.off_exposure),
        )

    def pointwise(self, draws: xr.Dataset, data: Counts) -> xr.DataArray:
        """Log density of the counts of every source, on and off: (chain, draw, row).

        Under the population, its rate not known; of independent sources given their rates.
        """
        if self.hyperprior != "independent":
            return by_row(draws, rate_prediction.log_densities(self, draws, data))
        from scipy.stats import poisson

        found = by_row(draws, rate_prediction.log_counts(self, draws, data, data))
        if data.off_counts is not None:
            mean = draws["background"].values * data.off_exposure
            found = found + poisson.logpmf(data.off_counts, mean)
        return found

    def log_predictive(self, draws: xr.Dataset, data: Counts) -> xr.DataArray:
        """Log density of the counts: of sources that were fitted given their rates, else given off counts."""
        return by_row(draws, rate_prediction.log_counts(self, draws, self._fitted_or(data), data))

    def normal_residuals(self, draws: xr.Dataset, data: Counts) -> np.ndarray:
        """Normal scores of the counts under the population, spread evenly over each count's step.

        Unit normals where the model holds (Dunn & Smyth 1996).
        """
        from scipy.special import ndtri

        fewer, same, _ = rate_prediction.distribution(self, draws, data)
        u = fewer + same * np.random.default_rng(0).uniform(size=same.shape)
        return by_row(draws, ndtri(np.clip(u, 1e-12, 1 - 1e-12))).values

    def forecast(
        self, draws: xr.Dataset, data: Counts, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """Expected counts with their background (``signal``) and new counts (``observation``)."""
        import xarray as xr

        rows = rate_prediction.rows_of(data, at)
        signal, counts = rate_prediction.predicted(self, draws, rows, rng)
        found = {"signal": by_row(draws, signal), "observation": by_row(draws, counts)}
        return xr.Dataset(
            found, {"source": ("row", rows.labels), "exposure": ("row", rows.exposure)}
        )

    def groups(self, tree: xr.DataTree, data: Counts) -> dict[str, xr.Dataset]:
        """What is known of each source, and how much of it the population says."""
        import xarray as xr

        draws = tree["posterior"].to_dataset()
        rate = draws["rate"]
        found = {"rate_mean": rate.mean(("chain", "draw")), "rate_sd": rate.std(("chain", "draw"))}
        if self.hyperprior != "independent":
            few = rate_checks.enough(self, draws, data)
            expected = few[level_of(self.hyperprior)] * few["scatter"] ** 2
            weight = expected.values[..., None] * data.exposure
            found["own"] = ("source", (weight / (1 + weight)).mean(axis=(0, 1)))
            found["tail"] = ("source", rate_checks.tails(self, few, data))
        return {"sources": xr.Dataset(found, {"source": list(data.labels)})}

    def checks(self) -> list[Check]:
        """Dispersion, sources that the population does not expect, and what the prior decides."""
        return rate_checks.checks(self)

    def converged_on(self) -> tuple[str, ...]:
        """The population: given it, rates are independent draws."""
        if self.hyperprior != "gamma":
            return ()
        return ("mean_rate", "scatter", "background_mean", "background_scatter")

    def can_draw(self, figure: str) -> bool:
        """Independent rates have no population."""
        return self.hyperprior != "independent" or figure == "overview"

    def sections(self) -> list[Section]:
        """The evidence, where there is one."""
        return evidence_section(self)

    def equation(self) -> str:
        """The model in one line."""
        rate = {
            "gamma": "rate_i ~ Gamma(mean_rate, relative sd scatter)",
            "log-normal": "ln rate_i ~ N(ln median_rate, scatter²)",
            "independent": "rate_i ~ its own Gamma prior",
        }[self.hyperprior]
        return f"n_i ~ Poisson(rate_i · exposure_i + background_i), {rate}"


def rate_unit(data: Counts) -> str:
    """Events per unit of exposure."""
    unit = data.exposure_unit
    return f"1 / ({unit})" if set(unit) & set(" /*") else f"1 / {unit}" if unit else ""
