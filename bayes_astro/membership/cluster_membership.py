"""Members of a star cluster among the stars of the field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.data import Measurements
from bayes_astro.diagnostics import Check
from bayes_astro.draws import by_row
from bayes_astro.hooks import hook
from bayes_astro.likelihoods.mixture_blocks import lay_out
from bayes_astro.membership import cluster_checks, cluster_settings, probabilities
from bayes_astro.membership.cluster_layout import Columns, mixture_of
from bayes_astro.membership.cluster_problem import ClusterProblem, frame_of
from bayes_astro.membership.cluster_search import Region
from bayes_astro.mixtures import log_densities, objects, selection
from bayes_astro.mixtures.mixture import Mixture
from bayes_astro.model import Model
from bayes_astro.parameters import Parameter, Setting, either, switch, whole
from bayes_astro.priors import Prior

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from bayes_astro.samplers import Sampler

__all__ = ["ClusterMembership"]

FOR_NUTS = 1e5
"""Points times Gaussians up to which NUTS, which is exact, takes some minutes at most."""


@dataclass(eq=False, repr=False)
class ClusterMembership(Model):
    r"""A cluster of stars in front of a field, by parallaxes and proper motions with their errors.

    The story. A star is a member with probability f. The true values of members scatter about the
    cluster's mean m with a dispersion, which columns of one unit share; those of the field follow a
    mixture of Gaussians. What was measured has Gaussian errors of covariance S_i, and columns that
    were not measured are left out:

    .. code-block:: text

        x_i ~ f N(m, D + S_i) + (1 - f) sum_k a_k N(m_k, V_k + S_i),    D = diag(s^2)

    With `wings` a share w of the members scatters c times as widely, N(m, c^2 D + S_i). Elongated, every
    column has a dispersion of its own and D correlations among columns of one unit.

    A Gaussian of the field that is as narrow as the cluster could take its place. So V_k = W_k + B: none is
    narrower than the region where the cluster is found, B = diag(half-width^2). One more Gaussian is broad
    (twice the width of all stars or more) and takes up stars that lie far out.
    The bound is part of the prior, and the group ``sensitivity`` says how far the answer moves without it.

    Parameters
    ----------
    columns : sequence of str
        Names of the columns of the data that are used.
    guess : dict of str to float, optional
        Where the cluster is about, in some or all of the columns. Default: where the stars crowd most; the
        diagnosis says where that is.
    region : dict of str to float, optional
        Half-width in each column of the region that holds most of the cluster, errors included. Default:
        that in which the stars crowd most about the guess.
    field : int or "mixture"
        Number of Gaussians of the field, beside the broad one; "mixture": the least of 1, 2, 3, 4, 6 and 8 whose
        log score of held-out stars is as good as the best.
    elongated : bool
        Dispersions of each column, and correlations among columns of one unit.
    wings : bool
        A second, wider Gaussian about the cluster's mean.
    priors : dict of str to Prior, optional
        ``mean``: Normal about the region's centre, with three half-widths; ``dispersion``: HalfNormal of one
        half-width; ``correlation``: Uniform(-0.98, 0.98), of partial correlations where three columns share a
        unit; ``fraction``: Beta(1, 1); ``wing_fraction``: Beta(1, 2); ``wing_scale``: Uniform(1.5, 5);
        ``field_weight``: Dirichlet(alpha=1), the broad one included; ``field_mean``: Normal about the medians
        of the columns with twice their widths, or a third of the distance of the farthest star;
        ``field_covariance``: of W_k, InverseWishart(nu=d + 2) whose mean is the variance of all stars over
        field^(2/d).

    Notes
    -----
    Variables: ``mean`` by column, ``dispersion`` by column or group of columns, ``fraction``, ``members`` (f
    times the number of stars), ``correlation``, ``wing_fraction``, ``wing_scale``; ``field_weight``,
    ``field_mean``, ``field_covariance`` by component, the broad one last.

    References
    ----------
    Vasilevskis, Klemola & Preston 1958, AJ 63, 387; Sanders 1971, A&A 14, 226; Bovy, Hogg & Roweis 2011,
    Ann. Appl. Stat. 5, 1657.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> stars = ba.load("pleiades-hipparcos")
    >>> model = ba.ClusterMembership(guess={"pmra": 20, "pmdec": -45}, field=1)
    >>> _ = model.fit(stars, ba.MAP(), seed=1, progress=False)
    >>> model.posterior["posterior"]["mean"].sel(column="parallax").values.round(1)
    array([[8.3]])
    """

    columns: tuple[str, ...] = ("parallax", "pmra", "pmdec")
    guess: dict[str, float] | None = None
    region: dict[str, float] | None = None
    field: int | str = "mixture"
    elongated: bool = False
    wings: bool = False
    priors: dict[str, Prior] | None = None

    data_type: ClassVar[type] = Measurements
    settings: ClassVar[dict[str, Setting]] = {
        "columns": cluster_settings.some_names,
        "guess": cluster_settings.numbers,
        "region": cluster_settings.widths,
        "field": either("mixture", whole(1, 12)),
        "elongated": switch,
        "wings": switch,
    }
    references: ClassVar[tuple[str, ...]] = ("sanders1971", "bovy2011")
    samplers: ClassVar[tuple[str, ...]] = ("NUTS", "Laplace", "MAP", "Emcee")
    internal: ClassVar[tuple[str, ...]] = ("free_field_mean", "log_cholesky")
    _internal: ClassVar[tuple[str, ...]] = ("settled_region", "as_mixture")

    # Data and settings --------------------------------------------------------------------------

    def check_settings(self) -> None:
        """Raise ValueError for settings that do not go together."""
        cluster_settings.check(self)

    def check_data(self, data: Measurements) -> None:
        """Raise ValueError for columns that are not there, or cannot be used."""
        cluster_settings.check_data(self, data)

    def prepare(self, data: Measurements) -> Measurements:
        """The columns of the model, in its order."""
        return data if data.names == tuple(self.columns) else data.select(*self.columns)

    def settle(
        self, data: Measurements, seed: int | None, progress: bool
    ) -> tuple[Model, dict[str, xr.Dataset]]:
        """With region and number of Gaussians; group ``settled`` says which."""
        return cluster_settings.settled(self, data, seed)

    def settled_region(self) -> Region:
        """The region of a model with nothing open, or of a fit."""
        return cluster_settings.region_of(self)

    def coords(self, data: Measurements) -> dict[str, Any]:
        """Columns, dispersions, pairs and the Gaussians of the field."""
        layout = Columns.of(self.prepare(data), self.elongated)
        fields = cluster_settings.fields_of(self)
        return {
            "column": list(layout.names),
            "spread": list(layout.spreads),
            "pair": layout.labels,
            "component": [*(f"field {k}" for k in range(fields)), "broad"],
        }

    def units(self, data: Measurements) -> dict[str, str]:
        """Units, where all columns have the same."""
        unit = Columns.of(data, self.elongated).unit(data)
        if not unit:
            return {}
        same = dict.fromkeys(("mean", "dispersion", "field_mean"), unit)
        return same | {"field_covariance": f"({unit})2"}

    # Priors -------------------------------------------------------------------------------------

    def parameters(self, data: Measurements) -> list[Parameter]:
        """Of the region about the cluster, and of the width of all stars."""
        return cluster_settings.parameters(self, self.prepare(data))

    def check_priors(self, priors: dict[str, Prior], data: Measurements) -> None:
        """Scales of the right size."""
        from bayes_astro.mixtures.priors import check_wishart

        check_wishart(priors["field_covariance"], len(self.columns))

    def problem(self, data: Measurements, priors: dict[str, Prior]) -> ClusterProblem:
        """The marginal posterior in the coordinates of the kernel."""
        return ClusterProblem(self, self.prepare(data), priors)

    def prior_draws(
        self, design: Measurements, priors: dict[str, Prior], draws: int, rng: np.random.Generator
    ) -> xr.Dataset:
        """Draws of all variables from the prior."""
        problem = self.problem(design, priors)
        d, k = problem.d, problem.fields
        wishart = Prior(
            "InverseWishart",
            nu=problem.nu,
            scale=selection.scale_matrix(priors["field_covariance"], d).tolist(),
        )
        scaled = np.outer(problem.scale, problem.scale)
        factor = np.linalg.cholesky(wishart.sample(rng, (draws, k, d, d)) / scaled)
        values = {"log_cholesky": problem.triangle.triangles(factor)}
        for one in problem.free():
            if one.prior is not None:
                values[one.name] = np.asarray(one.prior.sample(rng, (draws, one.length))).reshape(
                    draws, *one.shape
                )
        import xarray as xr

        coords = {name: list(labels) for name, labels in problem.coords().items()}
        arrays = {
            n: (("chain", "draw", *dims), a[None]) for n, (dims, a) in problem.named(values).items()
        }
        used = {dim for dims, _ in arrays.values() for dim in dims}
        return xr.Dataset(arrays, {name: coords[name] for name in coords if name in used})

    # From draws to results ----------------------------------------------------------------------

    def as_mixture(self, draws: xr.Dataset) -> xr.Dataset:
        """Cluster and field as one mixture: weights, means and covariances by component."""
        return mixture_of(draws, self._layout())

    def _layout(self) -> Columns:
        data = self.data if self._tree is not None else None
        return cluster_settings.layout_of(self, data)

    def probability(
        self, data: Measurements | None = None, *, draws: int | None = 400
    ) -> pd.DataFrame:
        """How probable it is that each star is a member.

        Parameters
        ----------
        data : Measurements, optional
            Other stars of the same field. Default: the fitted ones.
        draws : int, optional
            Of the posterior, about as many, evenly spaced; None: all.

        Returns
        -------
        pandas.DataFrame
            By row: ``mean``, the probability of membership; ``sd`` and the quantiles ``q025``, ``q16``,
            ``median``, ``q84`` and ``q975`` over draws: what is not known of cluster and field.

        Examples
        --------
        >>> import bayes_astro as ba
        >>> stars = ba.load("pleiades-hipparcos")
        >>> model = ba.ClusterMembership(field=1).fit(stars, ba.MAP(), seed=1, progress=False)
        >>> 60 < int((model.probability()["mean"] > 0.5).sum()) < 75
        True
        """
        return probabilities.table(self, data, draws)

    def pointwise(self, draws: xr.Dataset, data: Measurements) -> xr.DataArray:
        """Log density of every measurement: (chain, draw, row)."""
        data = self.checked_columns(data)
        return by_row(draws, log_densities.log_densities(self, self.as_mixture(draws), data))

    def forecast(
        self, draws: xr.Dataset, data: Measurements, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """What is known of the true values of each star.

        Returns
        -------
        xarray.Dataset
            ``signal`` (chain, draw, row, dimension): draws of the true values given the measurement;
            ``observation`` (chain, draw, row, column): of a second measurement of the same star;
            ``probability`` (chain, draw, row): of membership.
        """
        from bayes_astro.membership.cluster_layout import share_of_cluster

        found = objects.forecast(self, self.as_mixture(draws), self.checked_columns(at), rng)
        count = share_of_cluster(draws)
        probability = found["responsibility"].isel(component=slice(0, count)).sum("component")
        return found[["signal", "observation"]].assign(probability=probability)

    def replicate(
        self, draws: xr.Dataset, data: Measurements, at: Any, rng: np.random.Generator
    ) -> xr.DataArray:
        """Measurements of new stars with the errors of `at`: (chain, draw, row, column)."""
        at = self.checked_columns(at)
        mixture = Mixture.of(self.as_mixture(draws))
        values = by_row(draws, objects.replicate(mixture, None, at, at, rng), "row", "column")
        return values.assign_coords(column=list(at.names))

    def simulate_data(
        self, parameters: xr.Dataset, design: Measurements, rng: np.random.Generator
    ) -> Measurements:
        """New stars with the errors and gaps of `design`."""
        draws = parameters.expand_dims(["chain", "draw"])
        design = self.prepare(design)
        return design.replace(value=self.replicate(draws, design, design, rng).values[0, 0])

    @hook
    def frame(self, data: Measurements, priors: dict[str, Prior]) -> tuple[np.ndarray, np.ndarray]:
        """Shift and scale of the kernel's coordinates."""
        return frame_of(priors, cluster_settings.fields_of(self), len(self.columns))

    @hook
    def blocks(self, data: Measurements, shift: np.ndarray, scale: np.ndarray) -> Any:
        """The points of `data` laid out for the kernel."""
        return lay_out(data.value, data.covariance, None, data.weight, shift=shift, scale=scale)

    @hook
    def checked_columns(self, at: Any) -> Measurements:
        """The columns of the model in `at`."""
        if not isinstance(at, Measurements):
            raise ValueError(
                f"expected a Measurements with the errors of the stars, got {type(at).__name__}."
            )
        cluster_settings.check_columns(self, at)
        return self.prepare(at)

    # Judgement ----------------------------------------------------------------------------------

    def default_sampler(self, data: Measurements) -> tuple[Sampler, str]:
        """NUTS where it takes about a minute, Laplace for more."""
        from bayes_astro.samplers import NUTS, Laplace

        fields = 4 if self.field == "mixture" else int(self.field)
        work = len(data) * (fields + 2 + self.wings)
        if work <= FOR_NUTS:
            return NUTS(), f"{len(data)} stars: few enough for NUTS, which is exact"
        return Laplace(), f"{len(data)} stars: too many for NUTS in minutes; ba.NUTS() takes longer"

    def converged_on(self) -> tuple[str, ...]:
        """The cluster's parameters: Gaussians of the field have no names."""
        return (
            "mean", "dispersion", "correlation", "fraction", "members", "wing_fraction", "wing_scale",
        )  # fmt: skip

    def groups(self, tree: xr.DataTree, data: Measurements) -> dict[str, xr.Dataset]:
        """Maxima of other models beside that of this one, which the checks read."""
        return cluster_checks.groups(self, tree, data)

    def checks(self) -> list[Check]:
        """Whether there is a cluster, one alone, of this shape, and how much the bound decides."""
        return cluster_checks.checks(self)

    def equation(self) -> str:
        """The model in one line."""
        wings = "[(1 - w) N(m, D + S_i) + w N(m, c² D + S_i)]" if self.wings else "N(m, D + S_i)"
        return f"x_i ~ f {wings} + (1 - f) Σ_k a_k N(m_k, V_k + S_i)"
