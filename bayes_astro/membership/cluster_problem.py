"""The posterior of a cluster and its field, laid out for samplers."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.coordinates import Free
from bayes_astro.data import Measurements
from bayes_astro.likelihoods.compiled import ready_pytensor
from bayes_astro.likelihoods.mixture_blocks import Blocks, lay_out
from bayes_astro.membership import cluster_modes
from bayes_astro.membership.cluster_layout import Columns
from bayes_astro.membership.cluster_search import Region
from bayes_astro.mixtures.coordinates import Layout
from bayes_astro.mixtures.expectation import Conjugate
from bayes_astro.mixtures.selection import log_normalisation, scale_matrix
from bayes_astro.priors import Prior
from bayes_astro.problem import Problem

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr

__all__ = ["ClusterProblem", "frame_of"]


def frame_of(priors: dict[str, Prior], fields: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Shift and scale of the kernel's coordinates: from the priors, so that they are known before data."""
    mu = np.asarray(priors["field_mean"].arguments["mu"], dtype=float)
    matrix = scale_matrix(priors["field_covariance"], d)
    return np.broadcast_to(mu, (d,)).copy(), np.sqrt(np.diag(matrix)) * fields ** (1 / d)


class ClusterProblem(Problem):
    """Cluster and field in the coordinates (x - shift) / scale of the field.

    Parameters
    ----------
    model : ClusterMembership
        With region and number of Gaussians settled.
    data : Measurements
        The columns of the model.
    priors : dict of str to Prior
    bounded : bool
        False: Gaussians of the field may be as narrow as they like.
    """

    no_evidence = (
        "the Gaussians of the field have as many modes as orders, and an evidence about one of them is "
        "wrong; the check 'a cluster' compares with a field alone"
    )

    def __init__(
        self, model: Any, data: Measurements, priors: dict[str, Prior], *, bounded: bool = True
    ) -> None:
        super().__init__(model, data, priors)
        self.columns = Columns.of(data, model.elongated)
        self.fields, self.d = int(model.field), data.d
        self.shift, self.scale = frame_of(priors, self.fields, self.d)
        self.region: Region = model.settled_region()
        width = self.region.width / self.scale
        self.bound = width**2 if bounded else np.zeros(self.d)
        self.nu = float(priors["field_covariance"].arguments["nu"])
        psi = scale_matrix(priors["field_covariance"], self.d)
        self.psi = psi / np.outer(self.scale, self.scale)
        sigma = np.asarray(priors["field_mean"].arguments["sigma"], dtype=float)
        self.wide = (np.broadcast_to(sigma, (self.d,)) / self.scale) ** 2
        self.components = [*(f"field {k}" for k in range(self.fields)), "broad"]

    # What the density reads ---------------------------------------------------------------------

    @cached_property
    def laid(self) -> Blocks:
        """The rows laid out for the kernel."""
        data = self.data
        return lay_out(
            data.value, data.covariance, None, data.weight, shift=self.shift, scale=self.scale
        )

    @property
    def conjugate(self) -> Conjugate:
        """The prior of the field in scaled coordinates, for EM."""
        sigma = np.sqrt(self.wide)
        return Conjugate(1.0, np.zeros(self.d), sigma, self.nu, self.psi)

    @property
    def triangle(self) -> Layout:
        """Places of the entries of triangles."""
        k, d = self.fields, self.d
        return Layout(np.full(k, np.nan), np.full((k, d), np.nan), np.full((k, d, d), np.nan))

    def coords(self) -> dict[str, Any]:
        """Columns, dispersions, pairs, Gaussians of the field."""
        names = list(self.columns.names)
        found = {"column": names, "column_2": names, "spread": list(self.columns.spreads)}
        found |= {"pair": self.columns.labels, "component": self.components}
        return found

    def free(self) -> list[Free]:
        """The cluster's parameters, then the field's."""
        priors, d, k = self.priors, self.d, self.fields
        found = [
            Free("mean", priors["mean"], (d,)),
            Free("dispersion", priors["dispersion"], (len(self.columns.spreads),)),
        ]
        if len(self.columns.pairs):
            found.append(Free("correlation", priors["correlation"], (len(self.columns.pairs),)))
        found.append(Free("fraction", priors["fraction"]))
        if self.model.wings:
            found += [Free(name, priors[name]) for name in ("wing_fraction", "wing_scale")]
        means = _repeated(priors["field_mean"], k, d)
        return [
            *found,
            Free("field_weight", priors["field_weight"], (k + 1,)),
            Free("free_field_mean", means, (k, d)),
            Free("log_cholesky", None, (k, d * (d + 1) // 2)),
        ]

    def likelihood(self) -> Any:
        """The mixture with the prior of the field's covariances."""
        from bayes_astro.likelihoods.cluster_membership import CLUSTER

        return CLUSTER

    @cached_property
    def constant(self) -> float:
        """Of the density of one triangle."""
        return log_normalisation(self.conjugate, self.d)

    def arrays(self) -> list[np.ndarray]:
        """In the order of `likelihoods.cluster_membership`."""
        rows = np.array([self.shift, self.scale, self.bound, np.zeros(self.d), self.wide])
        numbers = [self.nu, self.constant, self.laid.offset, float(self.model.wings)]
        return [
            *self.laid.arrays(), self.columns.group, self.columns.pairs, rows, np.array(numbers),
            self.psi,
        ]  # fmt: skip

    # From values to variables -------------------------------------------------------------------

    @property
    def rows(self) -> float:
        """Rows with a measurement, by their weights."""
        weight = np.ones(len(self.data)) if self.data.weight is None else self.data.weight
        return float(weight[~self.data.missing.all(axis=1)].sum())

    def named(self, values: dict[str, np.ndarray]) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        """Variables of the posterior in the units of the data; the broad Gaussian is the last."""
        factor = self.triangle.factors(values["log_cholesky"])
        covariance = factor @ np.swapaxes(factor, -1, -2) + np.diag(self.bound)
        mean, covariance = self.with_broad(values["free_field_mean"], covariance)
        fraction = values["fraction"]
        found: dict[str, tuple[tuple[str, ...], np.ndarray]] = {
            "mean": (("column",), values["mean"]),
            "dispersion": (("spread",), values["dispersion"]),
            "fraction": ((), fraction),
            "members": ((), fraction * self.rows),
            "field_weight": (("component",), values["field_weight"]),
            "field_mean": (("component", "column"), mean),
            "field_covariance": (("component", "column", "column_2"), covariance),
        }
        if "correlation" in values:
            found["correlation"] = (("pair",), values["correlation"])
        for name in ("wing_fraction", "wing_scale"):
            if name in values:
                found[name] = ((), values[name])
        return found

    def with_broad(self, mean: np.ndarray, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Means in units of the data and scaled covariances, (m, k, ...), with the broad one's."""
        m = len(mean)
        broad = np.broadcast_to(np.diag(self.wide), (m, 1, self.d, self.d))
        middle = np.broadcast_to(self.shift, (m, 1, self.d))
        whole = np.concatenate([covariance, broad], axis=1) * np.outer(self.scale, self.scale)
        return np.concatenate([mean, middle], axis=1), whole

    def graph(self) -> pm.Model:
        """See `ba.ClusterMembership` for the equations."""
        ready_pytensor()
        from bayes_astro.membership.cluster_story import cluster_model

        return cluster_model(self)

    # Searches -----------------------------------------------------------------------------------

    def on_some(self, rows: int, rng: np.random.Generator) -> ClusterProblem:
        """The same problem for as many rows, chosen at random; itself unless that saves half."""
        if len(self.data) < 2 * rows:
            return self
        chosen = np.sort(rng.choice(len(self.data), rows, replace=False))
        return type(self)(
            self.model, self.data[chosen], self.priors, bounded=bool(self.bound.any())
        )

    def starts(self, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Draws from the Gaussian about the maximum."""
        from bayes_astro.samplers.curvature import gaussian

        mode = cluster_modes.mode(self, rng)
        around = gaussian(self.density, mode.point)
        around = around._replace(width=np.minimum(around.width, 2.0))
        points = around.points(rng.standard_normal((count, self.size)))
        return self.target.coordinates.values(points)

    def maximum(
        self, search: Any, rng: np.random.Generator, progress: bool
    ) -> dict[str, xr.Dataset]:
        """The highest maximum about the region."""
        found = cluster_modes.mode(self, rng, search.max_steps)
        return {"posterior": self.along(found.point[None]), "sample_stats": found.statistics()}

    def laplace(
        self, settings: Any, rng: np.random.Generator, progress: bool
    ) -> dict[str, xr.Dataset]:
        """Draws from the Gaussian about the maximum."""
        from bayes_astro.samplers.curvature import gaussian, importance

        found = cluster_modes.mode(self, rng, settings.search.max_steps)
        around = gaussian(self.density, found.point)
        unit = rng.standard_normal((settings.draws, self.size))
        points = around.points(unit)
        some = np.linspace(0, settings.draws - 1, min(settings.draws, cluster_modes.TRIALS))
        some = some.astype(int)
        weight = self.densities(points[some]) - around.log_density(unit[some])
        statistics = found.statistics(importance_efficiency=importance(weight)[0])
        return {"posterior": self.along(points), "sample_stats": statistics}

    def along(self, points: np.ndarray) -> xr.Dataset:
        """Variables at flat vectors (m, size) along ``sample``."""
        return self.variables(points[None]).isel(chain=0, drop=True).rename(draw="sample")


def _repeated(prior: Prior, k: int, d: int) -> Prior:
    """A normal of each column as one of k means."""
    mu, sigma = (
        np.tile(np.broadcast_to(np.asarray(prior.arguments[key], dtype=float), (d,)), k).tolist()
        for key in ("mu", "sigma")
    )
    return Prior("Normal", mu=mu, sigma=sigma)
