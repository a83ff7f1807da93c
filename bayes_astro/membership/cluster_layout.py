"""Which columns of a cluster share a dispersion, and its parameters as a mixture of Gaussians."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.data import Measurements

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Columns", "cluster_covariance", "mixture_of", "share_of_cluster"]


@dataclass(frozen=True)
class Columns:
    """The columns of a cluster, in the order of the model.

    Attributes
    ----------
    names : tuple of str
    group : (d,) integer array
        Which dispersion each column has.
    spreads : tuple of str
        Names of the dispersions.
    pairs : (p, 2) integer array
        Later and earlier of each two columns that are correlated.
    """

    names: tuple[str, ...]
    group: np.ndarray
    spreads: tuple[str, ...]
    pairs: np.ndarray

    @classmethod
    def of(cls, data: Measurements, elongated: bool) -> Columns:
        """Columns of one unit share a dispersion; elongated, they have their own and are correlated."""
        kinds = [_kind(data, j) for j in range(data.d)]
        order = list(dict.fromkeys(kinds))
        pairs = [(i, j) for i in range(data.d) for j in range(i) if kinds[i] == kinds[j]]
        if elongated:
            none = np.array(pairs, dtype=np.int64).reshape(-1, 2)
            return cls(data.names, np.arange(data.d), data.names, none)
        group = np.array([order.index(kind) for kind in kinds])
        spreads = tuple(
            _common([name for name, one in zip(data.names, kinds, strict=True) if one == kind])
            for kind in order
        )
        return cls(data.names, group, spreads, np.zeros((0, 2), dtype=np.int64))

    @property
    def labels(self) -> list[str]:
        """Of the pairs."""
        return [f"{self.names[j]}-{self.names[i]}" for i, j in self.pairs]

    def unit(self, data: Measurements) -> str:
        """That of all columns, or nothing."""
        return data.units[0] if data.units and len(set(data.units)) == 1 else ""


def _kind(data: Measurements, j: int) -> str:
    """What columns have in common that share a dispersion: the unit, or that they are proper motions."""
    if data.units and data.units[j]:
        return data.units[j]
    name = data.names[j].lower()
    return "pm" if name.startswith("pm") else name


def _common(names: list[str]) -> str:
    """One name for several columns: how all of them begin, or all."""
    if len(names) == 1:
        return names[0]
    letters = zip(*names, strict=False)
    size = next((i for i, some in enumerate(letters) if len(set(some)) > 1), len(min(names)))
    return names[0][:size].rstrip("_- ") if size > 1 else "+".join(names)


def cluster_covariance(
    columns: Columns, dispersion: np.ndarray, correlation: np.ndarray | None
) -> np.ndarray:
    """D of every draw, (m, d, d), from dispersions (m, g) and partial correlations (m, p)."""
    from bayes_astro.likelihoods.cluster_membership import correlation_factor

    spread = dispersion[:, columns.group]
    d = len(columns.names)
    factor = np.broadcast_to(np.eye(d), (len(spread), d, d)).copy()
    if correlation is not None and len(columns.pairs):
        for own, values in zip(factor, correlation, strict=True):
            partial = np.zeros((d, d))
            partial[columns.pairs[:, 0], columns.pairs[:, 1]] = values
            correlation_factor(partial, own)
    factor = spread[:, :, None] * factor
    return factor @ np.swapaxes(factor, 1, 2)


def share_of_cluster(draws: xr.Dataset) -> int:
    """How many of the components of `mixture_of` are the cluster's: one, or two with wings."""
    return 2 if "wing_fraction" in draws else 1


def mixture_of(draws: xr.Dataset, columns: Columns) -> xr.Dataset:
    """The whole density as ``weight``, ``mean`` and ``covariance`` by component and dimension.

    The first is the cluster, the second its wings where it has some, then the field.
    """
    import xarray as xr

    shape = (draws.sizes["chain"], draws.sizes["draw"])

    def of(name: str, *dims: str) -> np.ndarray:
        array = draws[name].transpose("chain", "draw", *dims).values
        return array.reshape(-1, *array.shape[2:])

    fraction, centre = of("fraction"), of("mean", "column")
    correlation = of("correlation", "pair") if "correlation" in draws else None
    own = cluster_covariance(columns, of("dispersion", "spread"), correlation)
    weights: list[Any] = [fraction]
    covariances = [own]
    if "wing_fraction" in draws:
        wing, scale = of("wing_fraction"), of("wing_scale")
        weights = [fraction * (1 - wing), fraction * wing]
        covariances.append(scale[:, None, None] ** 2 * own)
    labels = ["cluster", "wings"][: len(weights)]
    field = (1 - fraction)[:, None] * of("field_weight", "component")
    weight = np.concatenate([np.stack(weights, axis=1), field], axis=1)
    mean = np.concatenate(
        [*[centre[:, None]] * len(weights), of("field_mean", "component", "column")], axis=1
    )
    covariance = np.concatenate(
        [np.stack(covariances, axis=1), of("field_covariance", "component", "column", "column_2")],
        axis=1,
    )
    names = list(columns.names)
    lead = ("chain", "draw", "component")
    found = {
        "weight": (lead, weight),
        "mean": ((*lead, "dimension"), mean),
        "covariance": ((*lead, "dimension", "dimension_2"), covariance),
    }
    arrays = {n: (dims, a.reshape(*shape, *a.shape[1:])) for n, (dims, a) in found.items()}
    labels += [str(label) for label in draws["component"].values]
    return xr.Dataset(arrays, {"component": labels, "dimension": names, "dimension_2": names})
