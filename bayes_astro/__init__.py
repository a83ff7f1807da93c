"""bayes_astro: probabilistic modelling in astronomy.

Every task is one generative model with ``fit``, ``posterior`` and ``predict``.

>>> import bayes_astro as ba
>>> light_curve = ba.load("eros2-cepheid").select("B")
>>> model = ba.Periodogram(n_terms=3, jitter=True).fit(light_curve, seed=1)  # doctest: +SKIP
>>> model.summary()  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from bayes_astro import exercises
    from bayes_astro.calibration import calibrate
    from bayes_astro.catalog import fit_each
    from bayes_astro.comparison import compare
    from bayes_astro.data import BinnedRedshifts, LightCurve, Measurements, Photometry
    from bayes_astro.data.damping_times import DampingTimes
    from bayes_astro.data.datasets import datasets, fetch, load
    from bayes_astro.data.templates import Filters, Templates
    from bayes_astro.density.extreme_deconvolution import ExtremeDeconvolution
    from bayes_astro.opening import open_fit as open
    from bayes_astro.photoz import exchange
    from bayes_astro.photoz.mixture import XDPhotoZ
    from bayes_astro.photoz.population import PopulationNz
    from bayes_astro.photoz.templates import TemplatePhotoZ
    from bayes_astro.priors import Prior
    from bayes_astro.regression.linear_relation import LinearRelation
    from bayes_astro.samplers import MAP, NUTS, Emcee, Exact, Gibbs, Laplace
    from bayes_astro.timeseries import kernels, means
    from bayes_astro.timeseries.gaussian_process import GaussianProcess
    from bayes_astro.timeseries.periodogram import Periodogram
    from bayes_astro.timeseries.population_drw import HierarchicalDRW
    from bayes_astro.timeseries.structure_function import StructureFunction

# One table for tasks: `open`, specs and the contract's tests read it. Modules load on first use.
TASKS = {
    "ExtremeDeconvolution": "bayes_astro.density.extreme_deconvolution",
    "GaussianProcess": "bayes_astro.timeseries.gaussian_process",
    "HierarchicalDRW": "bayes_astro.timeseries.population_drw",
    "LinearRelation": "bayes_astro.regression.linear_relation",
    "Periodogram": "bayes_astro.timeseries.periodogram",
    "PopulationNz": "bayes_astro.photoz.population",
    "StructureFunction": "bayes_astro.timeseries.structure_function",
    "TemplatePhotoZ": "bayes_astro.photoz.templates",
    "XDPhotoZ": "bayes_astro.photoz.mixture",
}
BASELINES = {
    "BinnedStructureFunction": "bayes_astro.baselines.structure_function",
    "GaussianMixture": "bayes_astro.baselines.density",
    "GaussianProcessRegressor": "bayes_astro.baselines.gaussian_process",
    "KernelDensity": "bayes_astro.baselines.density",
    "LeastSquaresLine": "bayes_astro.baselines.linear_relation",
    "LombScargle": "bayes_astro.baselines.periodogram",
    "MaximumLikelihood": "bayes_astro.baselines.gaussian_process",
    "RunningMedian": "bayes_astro.baselines.gaussian_process",
    "NearestNeighbours": "bayes_astro.baselines.photoz",
    "Polynomial": "bayes_astro.baselines.photoz",
    "RandomForest": "bayes_astro.baselines.photoz",
    "Stacking": "bayes_astro.baselines.population",
    "TemplateFit": "bayes_astro.baselines.templates",
}
SAMPLERS = {
    "Emcee": "bayes_astro.samplers.emcee",
    "Exact": "bayes_astro.samplers.exact",
    "Gibbs": "bayes_astro.samplers.gibbs",
    "Laplace": "bayes_astro.samplers.maximum",
    "MAP": "bayes_astro.samplers.maximum",
    "NUTS": "bayes_astro.samplers.nuts",
}
CONTAINERS = {
    "BinnedRedshifts": "bayes_astro.data",
    "DampingTimes": "bayes_astro.data.damping_times",
    "LightCurve": "bayes_astro.data",
    "Measurements": "bayes_astro.data",
    "Photometry": "bayes_astro.data",
}
_PUBLIC = {
    **TASKS,
    **SAMPLERS,
    **CONTAINERS,
    "Filters": "bayes_astro.data.templates",
    "Prior": "bayes_astro.priors",
    "Templates": "bayes_astro.data.templates",
    "calibrate": "bayes_astro.calibration",
    "compare": "bayes_astro.comparison",
    "datasets": "bayes_astro.data.datasets",
    "fetch": "bayes_astro.data.datasets",
    "fit_each": "bayes_astro.catalog",
    "load": "bayes_astro.data.datasets",
    "open": "bayes_astro.opening:open_fit",
}
_MODULES = {
    "baselines": "bayes_astro.baselines",
    "exchange": "bayes_astro.photoz.exchange",
    "exercises": "bayes_astro.exercises",
    "kernels": "bayes_astro.timeseries.kernels",
    "means": "bayes_astro.timeseries.means",
}

__all__ = [
    "MAP",
    "NUTS",
    "BinnedRedshifts",
    "DampingTimes",
    "Emcee",
    "Exact",
    "ExtremeDeconvolution",
    "Filters",
    "GaussianProcess",
    "Gibbs",
    "HierarchicalDRW",
    "Laplace",
    "LightCurve",
    "LinearRelation",
    "Measurements",
    "Periodogram",
    "Photometry",
    "PopulationNz",
    "Prior",
    "StructureFunction",
    "TemplatePhotoZ",
    "Templates",
    "XDPhotoZ",
    "baselines",
    "calibrate",
    "compare",
    "datasets",
    "exchange",
    "exercises",
    "fetch",
    "fit_each",
    "kernels",
    "load",
    "means",
    "open",
]


def load_public(location: str, name: str) -> Any:
    """The object `name` at ``module`` or ``module:other_name``."""
    import importlib

    module, _, attribute = location.partition(":")
    return getattr(importlib.import_module(module), attribute or name)


def __getattr__(name: str) -> Any:
    import importlib

    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name in _PUBLIC:
        value = globals()[name] = load_public(_PUBLIC[name], name)
        return value
    raise AttributeError(f"module 'bayes_astro' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
