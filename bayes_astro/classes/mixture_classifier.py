"""Classes of objects, by the density of each class behind the errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.classes import inputs
from bayes_astro.classes.classified import ClassDensities
from bayes_astro.classes.problem import ClassesProblem, OneClass
from bayes_astro.data import Measurements, Photometry
from bayes_astro.data.columns import refuse_collinear
from bayes_astro.mixtures import selection
from bayes_astro.mixtures.priors import check_wishart, conjugate
from bayes_astro.model import Model
from bayes_astro.parameters import (
    Parameter,
    Setting,
    choice,
    either,
    is_whole,
    number,
    switch,
    whole,
)
from bayes_astro.priors import Prior

if TYPE_CHECKING:
    import xarray as xr

    from bayes_astro.samplers import Sampler

__all__ = ["MixtureClassifier"]

MOST_COMPONENTS = 60
SHRINKAGE = 0.1
"""Scale of the prior of covariances, in units of the covariance of the whole."""


@dataclass(eq=False, repr=False)
class MixtureClassifier(ClassDensities):
    r"""A density of true values for each class, and how often each class is.

    The story. Class c is a share fraction_c of the population; its objects come from one of K_c clouds, or,
    with the small probability e, from a broad background that all classes share, and are measured
    with their own error covariances:

    .. code-block:: text

        fraction ~ Dirichlet,   c_i ~ fraction
        weight_c ~ Dirichlet,   mean_ck ~ Normal,   covariance_ck ~ InverseWishart
        v_i ~ (1 - e) sum_k weight_ck N(mean_ck, covariance_ck) + e Broad
        x_i ~ N(v_i, S_i)

    True values integrate out, and a column that was not measured is left out of its row: an object with
    large errors or gaps is compared with densities that are as wide as its errors. Probabilities are
    p(c | x_i), averaged over fits to re-weighted training sets (`bayes_astro.classes.probabilities`): one
    fit is too sure of itself.

    Of photometry x are colours, of asinh magnitudes: a training set is often brighter than what it is
    meant for, and densities of magnitudes say nothing of objects fainter than all that trained. With
    ``brightness`` x are the magnitudes themselves, and the classes' fractions depend on the magnitude as
    their densities do: better where the training set is a fair sample, wrong where it is not. Of a table, a
    magnitude among its columns does the same. Rows without a label, and rows in which nothing was
    measured, do not train.

    Parameters
    ----------
    n_components : int, dict of str to int, or "auto"
        K of every class, or of each. "auto": a third of the square root of the objects of the class.
    n_fits : int
        Fits that `ba.MAP` makes, whose probabilities are averaged.
    bootstrap : bool
        Weigh the training set anew for each fit (Rubin 1981), so that the fits differ by what a finite
        training set leaves open.
    background : float
        e, the share of a class that is in the background: five times as wide as the whole, so that far
        from all classes the probabilities are the fractions.
    brightness : bool
        Of `ba.Photometry`: tell classes apart by magnitudes, not by colours alone.
    transform : {"asinh", "log"}
        Magnitudes that fluxes of `ba.Photometry` become; "log" needs positive fluxes.
    priors : dict of str to Prior, optional
        ``fraction``: Dirichlet(alpha=1); ``weight``: Dirichlet(alpha=2); ``mean``: Normal about the mean of
        all training objects with three times their width; ``covariance``: InverseWishart(nu=d + 2,
        scale=S / 10) of their covariance S. The last three are the same for all classes.

    Notes
    -----
    Variables: ``fraction`` by class; ``weight`` (within its class), ``mean``, ``covariance`` by component,
    such as "QSO/3"; free of labels ``class_mean`` and ``class_covariance``, without
    the background; of photometry ``softening`` by band.

    References
    ----------
    Bovy et al. 2011, ApJ 729, 141; Saerens, Latinne & Decaestecker 2002, Neural Comput. 14, 21.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_astro as ba
    >>> rng = np.random.default_rng(1)
    >>> label = np.repeat(["star", "quasar"], 60)
    >>> colour = np.where(label == "star", 1.0, 0.0)[:, None] + rng.normal(0, 0.3, (120, 2))
    >>> table = ba.Measurements(colour, 0.1, names=("g-r", "r-i"), label=label)
    >>> model = ba.MixtureClassifier(1, n_fits=3).fit(table, seed=1, progress=False)
    >>> new = ba.Measurements([[0.0, 0.0], [1.0, np.nan]], 0.1, names=("g-r", "r-i"))
    >>> model.probability(new)["probability"].sel({"class": "quasar"}).values.round(2)
    array([1., 0.])
    """

    n_components: Any = "auto"
    n_fits: int = 12
    bootstrap: bool = True
    background: float = 0.001
    brightness: bool = False
    transform: str = "asinh"
    priors: dict[str, Prior] | None = None

    data_type: ClassVar[Any] = (Photometry, Measurements)
    settings: ClassVar[dict[str, Setting]] = {
        "n_fits": whole(1),
        "bootstrap": switch,
        "background": number(0, 0.5, "a number above 0 and below 0.5"),
        "brightness": switch,
        "transform": choice("asinh", "log"),
    }
    references: ClassVar[tuple[str, ...]] = ("bovy2011", "bovy2011xdqso", "saerens2002")
    samplers: ClassVar[tuple[str, ...]] = ("MAP", "Laplace", "NUTS", "Emcee", "Gibbs")

    # Checks -------------------------------------------------------------------------------------

    def check_settings(self) -> None:
        """Raise ValueError for numbers of components that cannot be."""
        given = self.n_components
        if isinstance(given, dict):
            for name, count in given.items():
                if not is_whole(count) or count < 1:
                    raise ValueError(
                        f"n_components[{name!r}]={count!r} must be a whole number of at least 1."
                    )
            return
        either("auto", whole(1))("n_components", given)

    def check_data(self, data: Any) -> None:
        """Raise ValueError for data that leave the classes undetermined."""
        if data.label is None or not data.classes:
            raise ValueError(
                "label: there is none; a classifier learns from rows with labels: "
                "data.replace(label=[...]), one text a row."
            )
        if isinstance(data, Measurements) and data.projection is not None:
            raise ValueError(
                "projection: classes are told apart by what was measured; leave it out."
            )
        if isinstance(data, Photometry) and len(data.bands) < 2 and not self.brightness:
            raise ValueError(
                f"one band ({data.bands[0]}) has no colour: give more, or brightness=True."
            )
        if not inputs.trains(data, self.brightness).any():
            what = "two bands were" if isinstance(data, Photometry) else "something was"
            raise ValueError(f"label: no row has one in which {what} measured: nothing trains.")
        rows = inputs.labelled(data, self.brightness)
        names = rows.classes
        if len(names) < 2:
            raise ValueError(
                f"label: all {len(rows)} rows that train are {names[0] if names else 'None'!r}; give rows "
                "of two classes or more."
            )
        counts = np.bincount(rows.codes(names), minlength=len(names))
        d = len(inputs.columns(data))
        if isinstance(self.n_components, dict) and set(self.n_components) != set(names):
            raise ValueError(
                f"n_components is given for {', '.join(self.n_components)}; the classes are "
                f"{', '.join(names)}."
            )
        for name, count in zip(names, counts, strict=True):
            least = max(d + 2, self._wanted(name))
            if count < least:
                raise ValueError(
                    f"class {name!r} has {count} rows that train, too few for {self._wanted(name)} components "
                    f"in {d} columns (at least {least}): give more, use fewer columns, or leave the class out."
                )
        for j, column in enumerate(inputs.columns(data)):
            if rows.missing[:, j].all():
                raise ValueError(
                    f"column {column!r} is missing in every row that trains: leave it out with "
                    "data.select(...)."
                )
        values = self._measured(rows, inputs.soft_of(rows)).value
        names = inputs.dimensions(data, self.brightness)
        for j, column in enumerate(names):
            if np.isnan(values[:, j]).all():
                continue  # a colour of bands that were never measured together
            if np.nanmin(values[:, j]) == np.nanmax(values[:, j]):
                raise ValueError(
                    f"column {column!r} is constant ({np.nanmax(values[:, j]):g}): it tells nothing "
                    "apart. Leave it out with data.select(...)."
                )
        refuse_collinear(values[~np.isnan(values).any(axis=1)], names)

    def _wanted(self, name: str) -> int:
        if isinstance(self.n_components, dict):
            return int(self.n_components[name])
        return 1 if self.n_components == "auto" else int(self.n_components)

    # Choices from the data ----------------------------------------------------------------------

    def settle(
        self, data: Any, seed: int | None, progress: bool
    ) -> tuple[Model, dict[str, xr.Dataset]]:
        """With the number of components of each class."""
        if self.n_components != "auto":
            return self, {}
        rows = inputs.labelled(data, self.brightness)
        counts = np.bincount(rows.codes(rows.classes), minlength=len(rows.classes))
        chosen = {
            name: int(np.clip(round(np.sqrt(count) / 3), 1, MOST_COMPONENTS))
            for name, count in zip(rows.classes, counts, strict=True)
        }
        return self.copy(n_components=chosen), {}

    def coords(self, data: Any) -> dict[str, Any]:
        """Colours, magnitudes or columns, and the classes."""
        rows = inputs.labelled(data, self.brightness)
        return {"dimension": inputs.dimensions(data, self.brightness), "class": rows.classes}

    def parameters(self, data: Any) -> list[Parameter]:
        """Of the width of all that train."""
        rows = inputs.labelled(data, self.brightness)
        measured = self._measured(rows, inputs.soft_of(rows))
        share = Parameter(
            "fraction",
            Prior("Dirichlet", alpha=1.0),
            families=("Dirichlet",),
            because="with another the fractions of the classes have no closed form",
        )
        return [share, *conjugate(*selection.of_the_whole(measured, SHRINKAGE))]

    def units(self, data: Any) -> dict[str, str]:
        """None: columns may have different ones."""
        return {}

    def check_priors(self, priors: dict[str, Prior], data: Any) -> None:
        """Scales of the right size."""
        check_wishart(priors["covariance"], len(inputs.dimensions(data, self.brightness)))

    def default_sampler(self, data: Any) -> tuple[Sampler, str]:
        """Maxima as good as probabilities need: to a thousandth of a nat for each object."""
        from bayes_astro.samplers import MAP

        tolerance = max(0.05, 1e-3 * len(data))
        return MAP(restarts=2, tolerance=tolerance, max_steps=20_000, moves=0), ""

    def problem(self, data: Any, priors: dict[str, Prior]) -> ClassesProblem:
        """The classes side by side, in a frame that the priors make."""
        settled: Any = self.settle(data, None, False)[0]
        rows = inputs.labelled(data, self.brightness)
        soft = self._softening(data)
        measured = self._measured(rows, soft)
        names = inputs.dimensions(data, self.brightness)
        mean = priors["mean"].arguments
        frame = tuple(
            np.broadcast_to(np.asarray(mean[key], dtype=float), (len(names),)) / part
            for key, part in (("mu", 1.0), ("sigma", 3.0))
        )
        codes = rows.codes(rows.classes)
        parts = {
            name: OneClass(
                self, measured[codes == c], priors, name=name, frame=frame, names=names,
                components=settled._wanted(name), background=float(self.background),
            )
            for c, name in enumerate(rows.classes)
        }  # fmt: skip
        constants = {"softening": soft} if isinstance(data, Photometry) else {}
        return ClassesProblem(
            self, data, priors, parts=parts, constants=constants, fits=int(self.n_fits),
            bootstrap=bool(self.bootstrap),
        )  # fmt: skip

    def equation(self) -> str:
        """The model in one line."""
        return "p(x_i, c) = fraction_c [(1-e) Σ_k weight_ck N(x_i; mean_ck, covariance_ck + S_i) + e Broad(x_i)]"
