"""Templates as the fluxes of types in redshift bins, and what they say of objects."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.data import Photometry
from bayes_astro.data.templates import Templates
from bayes_astro.photoz import correction, magnitude_prior
from bayes_astro.photoz.magnitude_prior import Magnitudes

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["TemplateGrid"]

COARSE = 4
"""Bins that are taken together where unknown redshifts are summed out."""
UNLIKELY = 1e-30


@dataclass(frozen=True)
class TemplateGrid:
    """Fluxes of T types in B bands and J bins of log(1 + z), 1 in the band of reference.

    Parameters
    ----------
    edges : (J + 1,) array
    model : (T, B, J) array
    template_error : (B,) array
        Fraction of the flux.
    reference : int
    templates : Templates
    magnitude : Magnitudes
    bands : tuple of str
    unit : str
    delta, nodes : arrays (T, B, nodes) and (nodes,)
        The correction that is in `model`.
    """

    edges: np.ndarray
    model: np.ndarray
    template_error: np.ndarray
    reference: int
    templates: Templates
    magnitude: Magnitudes
    bands: tuple[str, ...]
    unit: str
    delta: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 0)))
    nodes: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in their order."""
        return tuple(dict.fromkeys(self.templates.classes or ()))

    @cached_property
    def class_of(self) -> np.ndarray:
        """Index of each template's class: (T,)."""
        return np.array([self.classes.index(c) for c in self.templates.classes or ()])

    @property
    def log_z(self) -> np.ndarray:
        """log(1 + z) at the middle of the bins."""
        return 0.5 * (self.edges[1:] + self.edges[:-1])

    @cached_property
    def coarse(self) -> np.ndarray:
        """Edges of `COARSE` bins taken together."""
        return np.unique(np.append(self.edges[::COARSE], self.edges[-1]))

    def variance(self, data: Photometry) -> np.ndarray:
        """Of the fluxes, with the error of the templates; inf where missing: (n, B)."""
        flux = np.nan_to_num(data.flux)
        own = np.where(data.missing, np.inf, data.error)
        return own**2 + (self.template_error * np.maximum(flux, 0.0)) ** 2

    def learned(self, data: Photometry, types: bool) -> TemplateGrid:
        """Corrected by objects whose redshifts are known."""
        found = correction.learn(
            data.flux, data.error, np.asarray(data.redshift), self.model, self.log_z,
            self.reference, types,
        )  # fmt: skip
        return replace(
            self, model=found.model, template_error=found.template_error, delta=found.delta,
            nodes=found.nodes,
        )  # fmt: skip

    def with_error(self, scale: float) -> TemplateGrid:
        """The error of the templates multiplied."""
        return replace(self, template_error=np.minimum(scale * self.template_error, 0.9))

    def posterior(self, data: Photometry, table: np.ndarray) -> tuple[np.ndarray, ...]:
        """Of `likelihoods.template_fit`, for every object."""
        from bayes_astro.likelihoods.template_fit import posterior

        flux = np.nan_to_num(data.flux)
        rows = self.magnitude.bins(data)
        return posterior(flux, 1 / self.variance(data), self.model, table, rows)

    def flat_table(self) -> np.ndarray:
        """Types alike and redshifts alike: (M, T, J)."""
        width = np.diff(np.expm1(self.edges))
        shape = (self.magnitude.count, len(self.class_of), len(width))
        return np.broadcast_to(width / (width.sum() * shape[1]), shape).copy()

    def log_score(self, data: Photometry) -> float:
        """Mean log density of known redshifts, all types and redshifts alike before."""
        bins, *_ = self.posterior(data, self.flat_table())
        width = np.diff(np.expm1(self.edges))
        at = np.searchsorted(self.edges, np.log1p(np.asarray(data.redshift)), side="right") - 1
        at = np.clip(at, 0, len(width) - 1)
        density = np.nan_to_num(bins[np.arange(len(data)), at]) / width[at]
        return float(np.log(0.99 * density + 0.01 / width.sum()).mean())

    def spectroscopic(self, data: Photometry, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Arrays of `magnitude_prior` for rows whose redshift is known."""
        if not len(rows):
            nothing = np.zeros(0)
            ratio = np.zeros((0, len(self.class_of)))
            return {"ratio": ratio, "log_redshift": nothing, "row": nothing.astype(np.int32)}
        data = data[rows]
        z = np.asarray(data.redshift)
        flux, precision = np.nan_to_num(data.flux), 1 / self.variance(data)
        model = correction.at_redshifts(self.model, self.log_z, np.log1p(z))
        log_likelihood, *_ = correction.known(flux, precision, model)
        ratio = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
        return {
            "ratio": np.maximum(ratio, UNLIKELY),
            "log_redshift": np.log(z),
            "row": self.magnitude.bins(data).astype(np.int32),
        }

    def photometric(self, data: Photometry, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Arrays of `magnitude_prior` for rows whose redshift is unknown."""
        kinds, size = len(self.class_of), len(self.coarse) - 1
        if not len(rows):
            nothing = np.zeros(0, dtype=np.int32)
            return {"cell_ratio": np.zeros((0, kinds * size)), "cell_row": nothing}
        data = data[rows]
        ratio = np.empty((len(data), kinds * size))
        flux, precision = np.nan_to_num(data.flux), 1 / self.variance(data)
        first = np.arange(0, len(self.edges) - 1, COARSE)
        counts = np.diff(np.append(first, len(self.edges) - 1))
        for i in range(len(data)):
            repeated = np.repeat(flux[[i]], len(self.edges) - 1, axis=0)
            weights = np.repeat(precision[[i]], len(self.edges) - 1, axis=0)
            log_likelihood, *_ = correction.known(repeated, weights, self.model)
            value = np.exp(log_likelihood - log_likelihood.max()).T
            mean = np.add.reduceat(value, first, axis=1) / counts
            ratio[i] = np.maximum(mean / mean.max(), UNLIKELY).ravel()
        return {"cell_ratio": ratio, "cell_row": self.magnitude.bins(data).astype(np.int32)}

    def prior_table(self, draws: xr.Dataset) -> np.ndarray:
        """P(type, bin | magnitude), averaged over draws: (M, T, J)."""
        return magnitude_prior.averaged_table(self, draws)

    def dataset(self) -> xr.Dataset:
        """For the tree; the inverse of `of`."""
        import xarray as xr

        magnitude: dict[str, Any] = {
            f"magnitude_{name}": ((), np.asarray(getattr(self.magnitude, name), dtype=float))
            for name in ("start", "step", "count", "middle")
        }
        return xr.Dataset(
            {
                "edge": (("edge_index",), self.edges),
                "model": (("template", "band", "bin"), self.model),
                "template_error": (("band",), self.template_error),
                "correction": (("kind", "channel", "node"), self.delta),
                "node_redshift": (("node",), np.expm1(self.nodes)),
                "colour": (("band",), self.magnitude.offset),
                "reference": ((), np.asarray(self.reference)),
                **magnitude,
            },
            {"template": list(self.templates.names), "band": list(self.bands)},
        )

    @classmethod
    def of(cls, dataset: xr.Dataset, templates: Templates, unit: str) -> TemplateGrid:
        """From the tree."""
        values = {name: dataset[name].values for name in dataset.data_vars}
        reference = int(values["reference"])
        magnitude = Magnitudes(
            reference, values["colour"], float(values["magnitude_start"]),
            float(values["magnitude_step"]), int(values["magnitude_count"]),
            float(values["magnitude_middle"]),
        )  # fmt: skip
        return cls(
            values["edge"], values["model"], values["template_error"], reference, templates,
            magnitude, tuple(map(str, dataset["band"].values)), unit, values["correction"],
            np.log1p(values["node_redshift"]),
        )  # fmt: skip
