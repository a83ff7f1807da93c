"""One row a task: what there is, where it stands, and what belongs to it.

The rows are names; modules load when something of them is first used. `register` adds a user's own.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bayes_astro.names import nearest

__all__ = [
    "BASELINES",
    "CONTAINERS",
    "PARTS",
    "SAMPLERS",
    "TASKS",
    "Row",
    "find",
    "register",
    "row_of",
]


@dataclass(frozen=True)
class Row:
    """Where a class stands.

    Parameters
    ----------
    name : str
    where : str or type
        Its module, or the class itself.
    figures : str or module
        The module whose ``FIGURES`` draw it.
    baseline : str
        Of a task: the name of its frequentist counterpart.
    """

    name: str
    where: Any
    figures: Any = ""
    baseline: str = ""

    def load(self) -> Any:
        """The class."""
        if isinstance(self.where, type):
            return self.where
        return getattr(importlib.import_module(self.where), self.name)

    def drawings(self) -> dict[str, Any]:
        """Figures by name, the default first."""
        module = self.figures
        if isinstance(module, str):
            if not module:
                return {}
            module = importlib.import_module(module)
        return module.FIGURES


def _table(*rows: Row) -> dict[str, Row]:
    return {row.name: row for row in rows}


def _named(where: str, *names: str) -> dict[str, Row]:
    return _table(*(Row(name, where) for name in names))


_PLOTS = "bayes_astro.plots."
_BASE = "bayes_astro.baselines."

TASKS = _table(
    Row("BayesianBlocks", "bayes_astro.blocks.bayesian_blocks", _PLOTS + "blocks", "ScargleBlocks"),
    Row("ClusterMembership", "bayes_astro.membership.cluster_membership",
        _PLOTS + "cluster_membership", "ClusterGaussianMixture"),
    Row("ExtremeDeconvolution", "bayes_astro.density.extreme_deconvolution",
        _PLOTS + "extreme_deconvolution", "GaussianMixture"),
    Row("GaussianProcess", "bayes_astro.processes.gaussian_process",
        _PLOTS + "gaussian_process", "MaximumLikelihood"),
    Row("HierarchicalDRW", "bayes_astro.variability.damping_relation", _PLOTS + "damping_relation",
        "DampingTimeLine"),
    Row("LinearRelation", "bayes_astro.regression.linear_relation",
        _PLOTS + "linear_relation", "LeastSquaresLine"),
    Row("Periodogram", "bayes_astro.periodic.periodogram", _PLOTS + "periodogram", "LombScargle"),
    Row("MixtureClassifier", "bayes_astro.classes.mixture_classifier", _PLOTS + "classes",
        "Classifier"),
    Row("PoissonRate", "bayes_astro.populations.poisson_rate",
        _PLOTS + "poisson_rate", "PoissonIntervals"),
    Row("PopulationNz", "bayes_astro.photoz.n_of_z", _PLOTS + "n_of_z", "Stacking"),
    Row("Relation", "bayes_astro.regression.relation", _PLOTS + "relation", "LeastSquaresCurve"),
    Row("SpectralFactors", "bayes_astro.spectra.spectral_factors", _PLOTS + "spectral_factors",
        "SpectralComponents"),
    Row("StructureFunction", "bayes_astro.variability.structure_function",
        _PLOTS + "structure_function", "BinnedStructureFunction"),
    Row("TemplatePhotoZ", "bayes_astro.photoz.templates",
        _PLOTS + "template_photoz", "TemplateFit"),
    Row("TwoPointCorrelation", "bayes_astro.clustering.two_point", _PLOTS + "two_point", "LandySzalay"),
    Row("XDPhotoZ", "bayes_astro.photoz.joint_mixture", _PLOTS + "photoz", "RandomForest"),
)  # fmt: skip
BASELINES = _table(
    Row("BinnedStructureFunction", _BASE + "structure_function", _PLOTS + "structure_function"),
    Row("Classifier", _BASE + "classes", _PLOTS + "classes"),
    Row("ClusterDBSCAN", _BASE + "membership", _PLOTS + "cluster_membership"),
    Row("ClusterGaussianMixture", _BASE + "membership", _PLOTS + "cluster_membership"),
    Row("ClusterHDBSCAN", _BASE + "membership", _PLOTS + "cluster_membership"),
    Row("ClusterKMeans", _BASE + "membership", _PLOTS + "cluster_membership"),
    Row("DampingTimeLine", _BASE + "damping_relation", _PLOTS + "damping_relation"),
    Row("GaussianMixture", _BASE + "density", _PLOTS + "extreme_deconvolution"),
    Row("GaussianProcessRegressor", _BASE + "smoothers", _PLOTS + "gaussian_process"),
    Row("KernelDensity", _BASE + "density", _PLOTS + "extreme_deconvolution"),
    Row("LandySzalay", _BASE + "two_point", _PLOTS + "two_point"),
    Row("LeastSquaresCurve", _BASE + "relation", _PLOTS + "relation"),
    Row("LeastSquaresLine", _BASE + "linear_relation", _PLOTS + "linear_relation"),
    Row("LombScargle", _BASE + "periodogram", _PLOTS + "periodogram"),
    Row("MaximumLikelihood", _BASE + "gaussian_process", _PLOTS + "gaussian_process"),
    Row("NearestNeighbours", _BASE + "photoz", _PLOTS + "photoz"),
    Row("PoissonIntervals", _BASE + "poisson_rate", _PLOTS + "poisson_rate"),
    Row("Polynomial", _BASE + "photoz", _PLOTS + "photoz"),
    Row("RandomForest", _BASE + "photoz", _PLOTS + "photoz"),
    Row("Regressor", _BASE + "photoz", _PLOTS + "photoz"),
    Row("RelationRegressor", _BASE + "relation_regressor", _PLOTS + "linear_relation"),
    Row("RunningMedian", _BASE + "smoothers", _PLOTS + "gaussian_process"),
    Row("ScargleBlocks", _BASE + "blocks", _PLOTS + "blocks"),
    Row("SpectralComponents", _BASE + "spectra"),
    Row("Stacking", _BASE + "n_of_z", _PLOTS + "n_of_z"),
    Row("TemplateFit", _BASE + "templates", _PLOTS + "template_photoz"),
)
SAMPLERS = _table(
    Row("Emcee", "bayes_astro.samplers.emcee"),
    Row("Exact", "bayes_astro.samplers.exact"),
    Row("Gibbs", "bayes_astro.samplers.gibbs"),
    Row("Laplace", "bayes_astro.samplers.maximum"),
    Row("MAP", "bayes_astro.samplers.maximum"),
    Row("NUTS", "bayes_astro.samplers.nuts"),
)
CONTAINERS = _table(
    Row("BinnedRedshifts", "bayes_astro.data"),
    Row("Counts", "bayes_astro.data.counts"),
    Row("Events", "bayes_astro.data.events"),
    Row("DampingTimes", "bayes_astro.data.damping_times"),
    Row("LightCurve", "bayes_astro.data"),
    Row("Measurements", "bayes_astro.data"),
    Row("PairCounts", "bayes_astro.clustering.pair_counts"),
    Row("Photometry", "bayes_astro.data"),
    Row("Spectra", "bayes_astro.data.spectra"),
)
PARTS = {
    "kernel": _named(
        "bayes_astro.processes.kernels", "CARMA", "Cosine", "DampedCosine",
        "DampedRandomWalk", "ExposureIntegrated", "Matern32", "Matern52", "Product", "QuasiPeriodic", "Rotation", "SHO",
        "Sum",
    ),
    "mean": _named("bayes_astro.processes.means", "Harmonics", "KeplerOrbit")
    | _named("bayes_astro.regression.curves", "BrokenPowerLaw", "Polynomial", "PowerLaw")
    | _named("bayes_astro.regression.distances", "DistanceModulus"),
    "filters": _named("bayes_astro.data.templates", "Filters"),
    "selection": _named("bayes_astro.regression.selection", "Selection"),
    "templates": _named("bayes_astro.data.templates", "Templates"),
}  # fmt: skip
"""Objects that are parameters of a task, by kind: what a saved fit may hold beside numbers."""
_READERS = {
    "kernel": ("bayes_astro.processes.kernels", "from_dict"),
    "mean": ("bayes_astro.processes.means", "from_dict"),
    "filters": ("bayes_astro.data.templates", "Filters"),
    "selection": ("bayes_astro.regression.selection", "Selection"),
    "templates": ("bayes_astro.data.templates", "Templates"),
}


def kind_of(value: Any) -> str:
    """The kind of a parameter object; empty for numbers, text and everything else."""
    kind = getattr(type(value), "part", "")
    if kind in PARTS:
        return kind
    return "mean" if hasattr(value, "evaluate") and hasattr(value, "priors") else ""


def kind_in(parameter: str, table: dict[str, Any]) -> str:
    """The kind of parameter object that a table of a specification describes, or nothing."""
    kinds = ("kernel", "mean", "selection")
    return next((kind for kind in kinds if kind == parameter or kind in table), "")


def to_dict(kind: str, value: Any) -> dict[str, Any]:
    """A parameter object as plain numbers and text."""
    if kind == "mean":
        return importlib.import_module(_READERS["mean"][0]).to_dict(value)
    return value.to_dict()


def from_dict(kind: str, plain: Any) -> Any:
    """The inverse of `to_dict`."""
    module, name = _READERS[kind]
    reader: Any = getattr(importlib.import_module(module), name)
    return reader.from_dict(plain) if hasattr(reader, "from_dict") else reader(plain)


def unregistered(values: Iterable[Any]) -> list[type]:
    """Classes of kernels among parameters, and within them, that are not known by name."""
    found = []
    for value in values:
        if getattr(type(value), "part", "") != "kernel":
            continue
        row = PARTS["kernel"].get(type(value).__name__)
        if row is None or row.load() is not type(value):
            found.append(type(value))
        inner = vars(value).values()
        found += unregistered(x for v in inner for x in (v if isinstance(v, tuple) else (v,)))
    return found


def find(rows: dict[str, Row], name: str, what: str) -> Row:
    """The row of a name; ValueError with the nearest one where there is none."""
    if not isinstance(name, str) or name not in rows:
        raise ValueError(f"unknown {what} {name!r:.80}.{nearest(name, rows)}")
    return rows[name]


def row_of(kind: type) -> Row:
    """The row of a task or baseline, or of the nearest class that it extends."""
    for one in kind.__mro__:
        for rows in (TASKS, BASELINES):
            row = rows.get(one.__name__)
            if row is not None and (row.where is one or row.where == one.__module__):
                return row
    return Row(kind.__name__, kind)


def register(thing: type, *, baseline: type | str | None = None, figures: Any = "") -> type:
    """Make a class of your own known by its name, so that its fits are saved and opened like ours.

    Call it where the class is defined: `ba.open` finds what was registered in the same process.

    Parameters
    ----------
    thing : type
        A task (a subclass of `bayes_astro.model.Model`), a baseline, a data container, a kernel, or
        a mean function.
    baseline : type or str, optional
        Of a task: its frequentist counterpart, a registered baseline.
    figures : module, optional
        Whose ``FIGURES`` maps names to functions of the fitted model.

    Returns
    -------
    type
        `thing`, so that it can be used as a decorator.

    Raises
    ------
    ValueError
        For something else, and for a name that another class has.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> class NightlyMedian(ba.baselines.RunningMedian):
    ...     "A running median of one night."
    >>> ba.register(NightlyMedian) is NightlyMedian
    True
    """
    if not isinstance(thing, type):
        raise ValueError(f"register takes a class, got {thing!r:.80}.")
    part = getattr(thing, "part", "")
    if part == "task":
        rows = TASKS
    elif part == "baseline":
        rows = BASELINES
    elif hasattr(thing, "to_arrays") and hasattr(thing, "from_arrays"):
        rows = CONTAINERS
    elif part == "kernel":
        rows = PARTS["kernel"]
    elif hasattr(thing, "evaluate") and hasattr(thing, "priors"):
        rows = PARTS["mean"]
    else:
        raise ValueError(
            f"{thing.__name__} is no task, baseline, container, kernel or mean function: extend "
            "bayes_astro.model.Model, bayes_astro.baselines.base.Baseline, ..."
        )
    name = thing.__name__
    if name in rows and rows[name].where is not thing:
        known = rows[name].where
        same = isinstance(known, type) and known.__qualname__ == thing.__qualname__
        if not same or known.__module__ != thing.__module__:
            raise ValueError(f"the name {name!r} is taken: call the class something else.")
    partner = baseline if isinstance(baseline, str | None) else baseline.__name__
    rows[name] = Row(name, thing, figures, partner or "")
    return thing
