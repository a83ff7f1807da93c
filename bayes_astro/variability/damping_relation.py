"""How the damping time of active galaxies depends on the mass of their black holes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.data import LightCurve
from bayes_astro.data.damping_times import DampingTimes
from bayes_astro.diagnostics import Check
from bayes_astro.draws import by_row, each_draw
from bayes_astro.model import Model
from bayes_astro.parameters import Parameter, Setting, number
from bayes_astro.predictions import checked_seed
from bayes_astro.priors import Prior
from bayes_astro.variability.damping_relation_problem import DampingRelationProblem, densities

if TYPE_CHECKING:
    import xarray as xr

    from bayes_astro.samplers import Sampler

__all__ = ["HierarchicalDRW"]

FEWEST = 30  # effective draws of an object, below which its reweighting is rough


@dataclass(eq=False, repr=False)
class HierarchicalDRW(Model):
    r"""The relation of damping time and black-hole mass, with scatter, from many light curves.

    The story. Every object has a mass from the population and a damping time, in its rest frame,
    about the relation; the mass is measured with an error, the damping time through a light curve:

    .. code-block:: text

        m_i ~ N(mass_mean, mass_width^2),        m_obs_i ~ N(m_i, e_i^2),        m = log10 M
        t_i ~ N(intercept + slope (m_i - pivot), scatter^2),                       t = log10 tau
        light curve_i ~ damped random walk with tau = 10^t_i (1 + z_i), everything else by its own prior

    A fit of one light curve by itself has drawn t_ik from p(t | light curve_i) proportional to
    L_i(t) pi_i(t), under an interim prior pi_i. What the population needs is the integral of L_i
    over t, and importance sampling has it from the same draws (Hogg, Myers & Bovy 2010),

    .. code-block:: text

        int L_i(t) p(t | population) dt  ~  mean_k [ p(t_ik | population) / pi_i(t_ik) ]

    up to a constant. The true masses are Gaussian and integrate out: with the shrunken mass
    m'_i and variance v_i of m_i given m_obs_i,

    .. code-block:: text

        p(t, m_obs_i) = N(m_obs_i; mass_mean, mass_width^2 + e_i^2)
                        N(t; intercept + slope (m'_i - pivot), scatter^2 + slope^2 v_i)
        v_i = e_i^2 mass_width^2 / (e_i^2 + mass_width^2)
        m'_i = m_obs_i + (mass_mean - m_obs_i) e_i^2 / (e_i^2 + mass_width^2)

    Fitting the line to point estimates of tau instead takes the interim priors, which pull every
    short light curve to one value, for data.

    Parameters
    ----------
    pivot : float
        log10 of the mass at which ``intercept`` holds.
    priors : dict of str to Prior, optional
        By parameter. Defaults: ``intercept`` Normal(2, 1), ``slope`` Normal(0, 1), ``scatter``
        HalfNormal(0.5), ``mass_mean`` Normal about the mean with three standard deviations of the
        masses, ``mass_width`` LogNormal about their standard deviation.

    Notes
    -----
    Variables: ``intercept``, ``slope``, ``scatter``, ``mass_mean``, ``mass_width``; group
    ``objects``: posterior mean and standard deviation of each object's log10 tau under the
    population, and ``effective_draws``, what the reweighting left of its draws. `predict` takes
    log10 masses.

    References
    ----------
    Burke et al. 2021, Science 373, 789; Hogg, Myers & Bovy 2010, ApJ 725, 2166.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_astro as ba
    >>> rng = np.random.default_rng(1)
    >>> mass = rng.uniform(7, 9, 30)
    >>> draws = 2 + 0.5 * (mass[:, None] - 8) + 0.1 * rng.standard_normal((30, 100))
    >>> data = ba.DampingTimes(draws, np.zeros((30, 100)), mass, 0.05)
    >>> short = ba.NUTS(draws=200, tune=200, chains=2)
    >>> model = ba.HierarchicalDRW().fit(data, short, seed=1, progress=False)
    >>> round(float(model.posterior["posterior"]["slope"].mean()), 1)
    0.5
    """

    pivot: float = 8.0
    priors: dict[str, Prior] | None = None

    data_type: ClassVar[type] = DampingTimes
    settings: ClassVar[dict[str, Setting]] = {
        "pivot": number(-np.inf, np.inf, "log10 of a mass"),
    }
    references: ClassVar[tuple[str, ...]] = ("kelly2009", "burke2021")
    samplers: ClassVar[tuple[str, ...]] = ("NUTS", "Emcee")

    @staticmethod
    def damping_times(
        light_curves: Sequence[LightCurve],
        log_mass: Any,
        log_mass_error: Any,
        redshift: Any,
        *,
        jitter: bool = True,
        draws: int = 2000,
        seed: int = 0,
        threads: int = 2,
    ) -> DampingTimes:
        """Fit every light curve by itself, under a wide interim prior for tau.

        Parameters
        ----------
        light_curves : sequence of LightCurve
            Of one band each, times in days of the observer.
        log_mass, log_mass_error : (n,) arrays
            log10 of the black hole's mass in suns, and its standard deviation, or one for all.
        redshift : (n,) array
            Of each object.
        jitter : bool
            Fit a noise term in quadrature to the errors.
        draws : int
            Of each object.
        seed : int
            Same seed, same draws.
        threads : int
            On which the objects are spread; the draws do not depend on it.

        Returns
        -------
        DampingTimes
            One row a light curve.

        Raises
        ------
        ValueError
            Naming the first light curve that cannot be fitted.
        """
        from bayes_astro.processes import drw_posterior

        seed = checked_seed(seed)
        redshift = np.asarray(redshift, dtype=float)
        if redshift.shape != (len(light_curves),) or not np.all(redshift > -1):
            raise ValueError("redshift must hold one number above -1 for each light curve.")
        seeds = [int(s) for s in np.random.SeedSequence(seed).generate_state(len(light_curves))]

        def setup(curve: LightCurve) -> dict[str, Any]:
            return interim_setup(curve, jitter)

        found = drw_posterior.fit_many(light_curves, setup, draws, seeds, threads=threads)
        names = [curve.name or str(i) for i, curve in enumerate(light_curves)]
        log_tau, log_prior = np.empty((2, len(names), draws))
        for i, (curve, result) in enumerate(zip(light_curves, found, strict=True)):
            if isinstance(result, Exception):
                raise ValueError(f"light curve {names[i]!r}: {result}") from result
            assert result is not None  # nothing was stopped
            tau = result[1]["tau"]
            log_tau[i] = np.log10(tau / (1 + redshift[i]))
            # A density in log10 tau: the shift to the rest frame leaves it as it is.
            log_prior[i] = interim_prior(curve).log_density(tau) + np.log(tau * np.log(10))
        if len(set(names)) < len(names):
            names = [str(i) for i in range(len(names))]
        return DampingTimes(log_tau, log_prior, log_mass, log_mass_error, tuple(names))

    def default_sampler(self, data: DampingTimes) -> tuple[Sampler, str]:
        """Short steps: the posterior of the scatter may lean on zero."""
        from bayes_astro.samplers import NUTS

        return NUTS(target_accept=0.95), ""

    def check_data(self, data: DampingTimes) -> None:
        """Raise ValueError for too few objects, or masses that are all the same."""
        if len(data) < 4:
            raise ValueError(f"{len(data)} objects are too few for a relation: at least 4.")
        if np.ptp(data.log_mass) == 0:
            raise ValueError("column 'log_mass' is constant: there is no relation to fit.")

    def responses(self, data: DampingTimes) -> np.ndarray:
        """Mean log10 tau of every object's own fit."""
        return data.log_tau.mean(axis=1)

    def parameters(self, data: DampingTimes) -> list[Parameter]:
        """See the class; weakly informative."""
        mean, width = float(np.mean(data.log_mass)), float(np.std(data.log_mass))
        shape = Prior("LogNormal", mu=float(np.log(width)), sigma=0.7)
        return [
            Parameter("intercept", Prior("Normal", mu=2.0, sigma=1.0)),
            Parameter("slope", Prior("Normal", mu=0.0, sigma=1.0)),
            Parameter("scatter", Prior("HalfNormal", sigma=0.5), support="positive"),
            Parameter("mass_mean", Prior("Normal", mu=mean, sigma=3 * width)),
            Parameter("mass_width", shape, support="positive"),
        ]

    def problem(self, data: DampingTimes, priors: dict[str, Prior]) -> DampingRelationProblem:
        """Five parameters; the objects are integrated out by their draws."""
        return DampingRelationProblem(self, data, priors)

    def pointwise(self, draws: xr.Dataset, data: DampingTimes) -> xr.DataArray:
        """Log marginal density of every object: (chain, draw, row)."""
        from scipy.special import logsumexp

        found = np.empty((draws.sizes["chain"], draws.sizes["draw"], len(data)))
        for chain, draw, one in each_draw(draws):
            by_draw, by_mass = densities(one, data.to_arrays(), float(self.pivot), np)
            found[chain, draw] = logsumexp(by_draw, axis=1) + by_mass - np.log(by_draw.shape[1])
        return by_row(draws, found)

    def groups(self, tree: xr.DataTree, data: DampingTimes) -> dict[str, xr.Dataset]:
        """Each object's log10 tau under the population, averaged over the population's draws."""
        import xarray as xr

        posterior = tree["posterior"].to_dataset()
        every = max(1, posterior.sizes["draw"] * posterior.sizes["chain"] // 400)
        first, second, effective = np.zeros((3, len(data)))
        count = 0
        for _, _, one in each_draw(posterior.isel(draw=slice(None, None, every))):
            by_draw, _ = densities(one, data.to_arrays(), float(self.pivot), np)
            weight = np.exp(by_draw - by_draw.max(axis=1, keepdims=True))
            weight /= weight.sum(axis=1, keepdims=True)
            first += np.sum(weight * data.log_tau, axis=1)
            second += np.sum(weight * data.log_tau**2, axis=1)
            effective += 1 / np.sum(weight**2, axis=1)
            count += 1
        mean = first / count
        columns = {
            "log_tau_mean": ("object", mean),
            "log_tau_sd": ("object", np.sqrt(np.maximum(second / count - mean**2, 0))),
            "effective_draws": ("object", effective / count),
        }
        return {"objects": xr.Dataset(columns, {"object": list(data.objects)})}

    def forecast(
        self, draws: xr.Dataset, data: DampingTimes, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """The relation at log10 masses (m,) (``signal``), and new objects (``observation``)."""
        import xarray as xr

        mass = at.log_mass if isinstance(at, DampingTimes) else np.atleast_1d(np.asarray(at, float))
        if mass.ndim != 1 or not np.isfinite(mass).all():
            raise ValueError(f"at must hold finite log10 masses of shape (m,), got {at!r}.")
        values = {str(name): array.values[..., None] for name, array in draws.data_vars.items()}
        signal = values["intercept"] + values["slope"] * (mass - self.pivot)
        noisy = signal + values["scatter"] * rng.standard_normal(signal.shape)
        found = {"signal": by_row(draws, signal), "observation": by_row(draws, noisy)}
        return xr.Dataset(found | {"log_mass": ("row", mass)})

    def simulate_data(
        self, parameters: xr.Dataset, design: DampingTimes, rng: np.random.Generator
    ) -> DampingTimes:
        """New objects, their log10 tau measured as well as in `design`, under a flat interim prior."""
        value = {str(name): float(array) for name, array in parameters.data_vars.items()}
        mass = rng.normal(value["mass_mean"], value["mass_width"], len(design))
        line = value["intercept"] + value["slope"] * (mass - self.pivot)
        width = design.log_tau.std(axis=1)[:, None]
        log_tau = rng.normal(line, value["scatter"])[:, None]
        log_tau = log_tau + width * rng.standard_normal((len(design), 1))
        return design.replace(
            log_tau=log_tau + width * rng.standard_normal(design.log_tau.shape),
            log_prior=np.zeros_like(design.log_prior),
            log_mass=mass + design.log_mass_error * rng.standard_normal(len(design)),
        )

    def checks(self) -> list[Check]:
        """Whether the reweighting had draws enough."""
        least = self.posterior["objects"]["effective_draws"]
        worst = str(least["object"].values[int(np.argmin(least.values))])
        return [
            Check(
                "draws of the single fits",
                bool(least.min() >= FEWEST),
                float(least.min()),
                f"the population leaves few of the draws of {worst}: make its damping times with "
                "more draws",
                f"effective draws of each object, at least {FEWEST}",
            )
        ]

    def equation(self) -> str:
        """The model in one line."""
        return (
            f"log10 tau = intercept + slope (log10 M − {self.pivot:g}) + N(0, scatter²), tau in the "
            "rest frame; each light curve a damped random walk"
        )


def interim_prior(curve: LightCurve) -> Prior:
    """Of tau in the observer's frame: log-normal, over the spacing to ten baselines and beyond."""
    time = np.unique(curve.time)
    if time.size < 2:
        raise ValueError("all points have the same time: there is no damping time to fit.")
    span, spacing = float(np.ptp(time)), float(np.median(np.diff(time)))
    return Prior(
        "LogNormal",
        mu=0.5 * float(np.log(10 * span * spacing)),
        sigma=0.25 * float(np.log(10 * span / spacing)),
    )


def interim_setup(curve: LightCurve, jitter: bool) -> dict[str, Any]:
    """Arguments of `drw_posterior.posterior` for one light curve."""
    if len(curve.bands) > 1:
        raise ValueError(f"has the bands {', '.join(curve.bands)}: select one of them.")
    spread = float(np.std(curve.value))
    if spread == 0:
        raise ValueError("column 'value' is constant: there is no variation to fit.")
    priors = {
        "sigma": Prior("LogNormal", mu=float(np.log(spread)), sigma=1.0),
        "tau": interim_prior(curve),
    }
    if jitter:
        priors["jitter"] = Prior("HalfNormal", sigma=spread)
    return {
        "time": curve.time,
        "value": curve.value,
        "error": curve.error,
        "design": np.ones((len(curve), 1)),
        "coefficient_mean": [float(np.mean(curve.value))],
        "coefficient_sd": [5 * spread],
        "priors": priors,
    }
