"""bayes_astro: probabilistic modelling in astronomy.

Every task is one generative model with ``fit``, ``posterior`` and ``predict``.

>>> import bayes_astro as ba
>>> light_curve = ba.load("eros2-cepheid").select("B")
>>> model = ba.Periodogram(period=(2, 20)).fit(light_curve, seed=1)
>>> round(float(model.summary().loc["period", "mean"]), 3)
4.191
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bayes_astro.registry import CONTAINERS, SAMPLERS, TASKS

__version__ = "0.1.0"

if TYPE_CHECKING:
    from bayes_astro import exchange as exchange
    from bayes_astro import exercises as exercises
    from bayes_astro import kernels as kernels
    from bayes_astro import means as means
    from bayes_astro import relations as relations
    from bayes_astro.blocks.bayesian_blocks import BayesianBlocks as BayesianBlocks
    from bayes_astro.calibration import calibrate as calibrate
    from bayes_astro.catalog import fit_each as fit_each
    from bayes_astro.classes.mixture_classifier import MixtureClassifier as MixtureClassifier
    from bayes_astro.clustering.pair_counts import PairCounts as PairCounts
    from bayes_astro.clustering.two_point import TwoPointCorrelation as TwoPointCorrelation
    from bayes_astro.comparison import compare as compare
    from bayes_astro.cross_validation import cross_validate as cross_validate
    from bayes_astro.data import BinnedRedshifts as BinnedRedshifts
    from bayes_astro.data import LightCurve as LightCurve
    from bayes_astro.data import Measurements as Measurements
    from bayes_astro.data import Photometry as Photometry
    from bayes_astro.data.counts import Counts as Counts
    from bayes_astro.data.damping_times import DampingTimes as DampingTimes
    from bayes_astro.data.datasets import datasets as datasets
    from bayes_astro.data.datasets import fetch as fetch
    from bayes_astro.data.datasets import load as load
    from bayes_astro.data.events import Events as Events
    from bayes_astro.data.spectra import Spectra as Spectra
    from bayes_astro.data.templates import Filters as Filters
    from bayes_astro.data.templates import Templates as Templates
    from bayes_astro.density.extreme_deconvolution import (
        ExtremeDeconvolution as ExtremeDeconvolution,
    )
    from bayes_astro.membership.cluster_membership import ClusterMembership as ClusterMembership
    from bayes_astro.opening import open_fit as open
    from bayes_astro.periodic.periodogram import Periodogram as Periodogram
    from bayes_astro.periodic.window import window as window
    from bayes_astro.photoz.joint_mixture import XDPhotoZ as XDPhotoZ
    from bayes_astro.photoz.n_of_z import PopulationNz as PopulationNz
    from bayes_astro.photoz.templates import TemplatePhotoZ as TemplatePhotoZ
    from bayes_astro.populations.poisson_rate import PoissonRate as PoissonRate
    from bayes_astro.priors import Prior as Prior
    from bayes_astro.processes.gaussian_process import GaussianProcess as GaussianProcess
    from bayes_astro.registry import register as register
    from bayes_astro.regression.linear_relation import LinearRelation as LinearRelation
    from bayes_astro.regression.relation import Relation as Relation
    from bayes_astro.regression.selection import Selection as Selection
    from bayes_astro.samplers import MAP as MAP
    from bayes_astro.samplers import NUTS as NUTS
    from bayes_astro.samplers import Emcee as Emcee
    from bayes_astro.samplers import Exact as Exact
    from bayes_astro.samplers import Gibbs as Gibbs
    from bayes_astro.samplers import Laplace as Laplace
    from bayes_astro.spectra.spectral_factors import SpectralFactors as SpectralFactors
    from bayes_astro.variability.damping_relation import HierarchicalDRW as HierarchicalDRW
    from bayes_astro.variability.structure_function import StructureFunction as StructureFunction


_PUBLIC = {
    **{name: row.where for name, row in (*TASKS.items(), *SAMPLERS.items(), *CONTAINERS.items())},
    "Filters": "bayes_astro.data.templates",
    "Prior": "bayes_astro.priors",
    "Selection": "bayes_astro.regression.selection",
    "Templates": "bayes_astro.data.templates",
    "calibrate": "bayes_astro.calibration",
    "compare": "bayes_astro.comparison",
    "cross_validate": "bayes_astro.cross_validation",
    "datasets": "bayes_astro.data.datasets",
    "fetch": "bayes_astro.data.datasets",
    "fit_each": "bayes_astro.catalog",
    "load": "bayes_astro.data.datasets",
    "open": "bayes_astro.opening",
    "register": "bayes_astro.registry",
    "window": "bayes_astro.periodic.window",
}
_MODULES = {
    "baselines": "bayes_astro.baselines",
    "exchange": "bayes_astro.exchange",
    "exercises": "bayes_astro.exercises",
    "kernels": "bayes_astro.kernels",
    "means": "bayes_astro.means",
    "relations": "bayes_astro.relations",
}
_CALLED = {"open": "open_fit"}  # where the name here is another than there

__all__ = sorted([*_PUBLIC, *_MODULES])


def __getattr__(name: str) -> Any:
    import importlib

    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name in _PUBLIC:
        module = importlib.import_module(_PUBLIC[name])
        value = globals()[name] = getattr(module, _CALLED.get(name, name))
        return value
    raise AttributeError(f"module 'bayes_astro' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
