"""What clusterings of measured values share that stand beside a cluster's model."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from bayes_astro.baselines.density import ErrorFree
from bayes_astro.data import Measurements
from bayes_astro.hooks import hook
from bayes_astro.membership import cluster_settings
from bayes_astro.membership.cluster_layout import Columns
from bayes_astro.membership.cluster_search import found as found_region
from bayes_astro.mixtures.mixture import Mixture

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


class Clustering(ErrorFree):
    """What the four share: scaled columns, the cluster at the guess or where stars crowd most."""

    columns: tuple[str, ...]
    guess: dict[str, float] | None

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
        import xarray as xr

        self.check_data(data)
        values = _mixture(draws).log_density(self.prepare(data).value)
        shape = (draws.sizes["chain"], draws.sizes["draw"], len(data))
        return xr.DataArray(values.reshape(shape), dims=("chain", "draw", "row"))

    def forecast(
        self, draws: xr.Dataset, data: Measurements, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """The measured values themselves, as of every density without errors."""
        return super().forecast(draws, data, self.prepare(at), rng)

    def replicate(
        self, draws: xr.Dataset, data: Any, at: Any, rng: np.random.Generator
    ) -> xr.DataArray:
        """New rows from the density: (chain, draw, row, column)."""
        import xarray as xr

        values = _mixture(draws).sample(len(at), int(rng.integers(2**31)))
        shape = (draws.sizes["chain"], draws.sizes["draw"], *values.shape[1:])
        return xr.DataArray(values.reshape(shape), dims=("chain", "draw", "row", "column"))


def _component_errors(parts: Parts, scale: np.ndarray, n: int) -> dict[str, Any]:
    """Standard errors of components whose stars are known."""
    count = np.maximum(parts.weight * n, 1.0)
    covariance = parts.covariance * np.outer(scale, scale)
    variance = np.diagonal(covariance, axis1=1, axis2=2)
    product = variance[:, :, None] * variance[:, None, :]
    spread = np.sqrt((product + covariance**2) / count[:, None, None])
    share = np.sqrt(np.maximum(parts.weight * (1 - parts.weight), 1 / n) / n)
    return {
        "weight": (("component",), share),
        "component_mean": (("component", "column"), np.sqrt(variance / count[:, None])),
        "component_covariance": (("component", "column", "column_2"), spread),
    }


def _mixture(draws: xr.Dataset) -> Mixture:
    names = tuple(str(name) for name in draws["column"].values)
    lead = ("chain", "draw", "component")
    weight, mean, covariance = (
        draws[name].transpose(*lead, ...).values
        for name in ("weight", "component_mean", "component_covariance")
    )
    k, d = mean.shape[2:]
    return Mixture(
        weight.reshape(-1, k), mean.reshape(-1, k, d), covariance.reshape(-1, k, d, d), names
    )


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
