"""What clusterings of measured values share that stand beside a cluster's model."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from bayes_astro.baselines.density import ErrorFree, of_components
from bayes_astro.data import Measurements
from bayes_astro.draws import by_row
from bayes_astro.hooks import hook
from bayes_astro.membership import cluster_settings
from bayes_astro.membership.cluster_layout import Columns
from bayes_astro.membership.cluster_search import found as found_region
from bayes_astro.mixtures.mixture import Mixture
from bayes_astro.parameters import Setting

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from bayes_astro.membership.cluster_search import Region

__all__ = ["Clustering", "Parts", "of_label", "two_parts"]


class Parts(NamedTuple):
    """Probabilities of membership (n,), and the density as weights, means, covariances (scaled)."""

    probability: np.ndarray
    weight: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray


@dataclass(eq=False, repr=False)
class Clustering(ErrorFree):
    """What the four share: scaled columns, the cluster at the guess or where stars crowd most."""

    columns: tuple[str, ...] = ("parallax", "pmra", "pmdec")
    guess: dict[str, float] | None = None

    settings: ClassVar[dict[str, Setting]] = {
        "columns": cluster_settings.some_names,
        "guess": cluster_settings.numbers,
    }
    references: ClassVar[tuple[str, ...]] = ("pedregosa2011",)
    instead: ClassVar[str] = "ba.ClusterMembership"

    @hook
    @abstractmethod
    def parts(self, value: np.ndarray, region: Region) -> Parts:
        """For tasks: members and density of scaled values (n, d), the region in the same scale."""

    def check_data(self, data: Measurements) -> None:
        """Raise ValueError for what a clustering without errors cannot take."""
        cluster_settings.check_columns(self, data)
        super().check_data(data.select(*self.columns))

    def prepare(self, data: Measurements) -> Measurements:
        """The columns of the model, in its order."""
        return data if data.names == tuple(self.columns) else data.select(*self.columns)

    def estimate(self, data: Measurements) -> Any:
        """Mean, dispersion and number of the members, each counted by its probability."""
        import xarray as xr

        region = found_region(data, self.guess)
        shift, scale = data.value.mean(axis=0), data.value.std(axis=0)
        centred = type(region)((region.centre - shift) / scale, region.width / scale, region.excess)
        parts = self.parts((data.value - shift) / scale, centred)
        p = parts.probability
        members = max(float(p.sum()), 1e-3)
        mean = p @ data.value / members
        layout = Columns.of(data, False)
        variance = p @ (data.value - mean) ** 2 / members
        own = np.maximum(variance - p @ data.error**2 / members, 0.0)
        spreads = range(len(layout.spreads))
        dispersion = np.sqrt([own[layout.group == g].mean() for g in spreads])
        whole = np.sqrt([variance[layout.group == g].mean() for g in spreads])
        n, f = len(data), members / len(data)
        names = list(data.names)
        share = np.sqrt(max(f * (1 - f), 1 / n) / n)
        values = {
            "mean": (("column",), mean),
            "dispersion": (("spread",), dispersion),
            "fraction": ((), f),
            "members": ((), members),
            "weight": (("component",), parts.weight),
            "component_mean": (("component", "column"), shift + scale * parts.mean),
            "component_covariance": (
                ("component", "column", "column_2"),
                parts.covariance * np.outer(scale, scale),
            ),
        }
        tiny = np.sqrt(np.maximum(variance, 1e-300) / members)
        errors = {
            "mean": (("column",), tiny),
            "dispersion": (("spread",), whole / np.sqrt(2 * members) + 1e-12 * whole),
            "fraction": ((), share),
            "members": ((), n * share),
            **_component_errors(parts, scale, n),
        }
        coords = {
            "column": names, "column_2": names, "spread": list(layout.spreads),
            "component": [str(k) for k in range(len(parts.weight))],
        }  # fmt: skip
        return (
            values,
            errors,
            {"coords": coords, "membership": xr.Dataset({"probability": ("row", p)})},
        )

    def probability(self, data: Measurements | None = None) -> pd.DataFrame:
        """Membership of each star: that of the fitted star nearest to it, where it is another.

        Parameters
        ----------
        data : Measurements, optional
            Other stars. Default: the fitted ones.

        Returns
        -------
        pandas.DataFrame
            ``mean``, and ``sd`` of zero: a clustering does not know how well it knows.
        """
        import pandas as pd
        from scipy.spatial import cKDTree

        fitted = self.data
        p = self.posterior["membership"]["probability"].values
        if data is not None:
            self.check_data(data)
            scale = fitted.value.std(axis=0)
            _, nearest = cKDTree(fitted.value / scale).query(self.prepare(data).value / scale)
            p = p[nearest]
        return pd.DataFrame({"mean": p, "sd": np.zeros(len(p))})

    def pointwise(self, draws: xr.Dataset, data: Measurements) -> xr.DataArray:
        """Log density of every measured row: (chain, draw, row)."""
        self.check_data(data)
        return by_row(draws, _mixture(draws).log_density(self.prepare(data).value))

    def forecast(
        self, draws: xr.Dataset, data: Measurements, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """The measured values themselves, as of every density without errors."""
        return super().forecast(draws, data, self.prepare(at), rng)

    def replicate(
        self, draws: xr.Dataset, data: Any, at: Any, rng: np.random.Generator
    ) -> xr.DataArray:
        """New rows from the density: (chain, draw, row, column)."""
        values = _mixture(draws).sample(len(at), int(rng.integers(2**31)))
        return by_row(draws, values, "row", "column")


def _component_errors(parts: Parts, scale: np.ndarray, n: int) -> dict[str, Any]:
    """Standard errors of components whose stars are known."""
    covariance = parts.covariance * np.outer(scale, scale)
    share, centre, spread = of_components(parts.weight, covariance, n)
    return {
        "weight": (("component",), share),
        "component_mean": (("component", "column"), centre),
        "component_covariance": (("component", "column", "column_2"), spread),
    }


def _mixture(draws: xr.Dataset) -> Mixture:
    """The components under the names that a mixture has."""
    own = draws[["weight", "component_mean", "component_covariance"]]
    return Mixture.of(
        own.rename(
            component_mean="mean", component_covariance="covariance", column="dimension",
            column_2="dimension_2",
        )
    )  # fmt: skip


def two_parts(value: np.ndarray, probability: np.ndarray) -> Parts:
    """Members and the rest as a Gaussian each."""
    weights, means, covariances = [], [], []
    d = value.shape[1]
    for p in (probability, 1 - probability):
        total = p.sum()
        if total < d + 1:
            continue
        mean = p @ value / total
        centred = value - mean
        weights.append(total / len(value))
        means.append(mean)
        covariances.append((p * centred.T) @ centred / total + 1e-6 * np.eye(d))
    weight = np.array(weights) / np.sum(weights)
    return Parts(probability, weight, np.array(means), np.array(covariances))


def of_label(labels: np.ndarray, value: np.ndarray, region: Region) -> np.ndarray:
    """Which stars have the label that most stars of the region have; none where that is noise."""
    z = (value - region.centre) / region.width
    inside = labels[np.sum(z**2, axis=1) < 1]
    inside = inside[inside >= 0]
    if not len(inside):
        return np.zeros(len(labels), dtype=bool)
    return labels == np.bincount(inside).argmax()
