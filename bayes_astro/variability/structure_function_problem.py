"""The posterior of a structure function: exactly, or through the light curve's own likelihood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.coordinates import Free
from bayes_astro.data import LightCurve
from bayes_astro.likelihoods.compiled import ready_pytensor
from bayes_astro.parameters import in_unit
from bayes_astro.priors import Prior
from bayes_astro.problem import Problem
from bayes_astro.variability import structure_function_data as series_data
from bayes_astro.variability.stationary_increments import DRW

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr

__all__ = ["StructureFunctionProblem"]


class StructureFunctionProblem(Problem):
    """Series one after the other, each in the order of time."""

    def __init__(self, model: Any, data: LightCurve, priors: dict[str, Prior]) -> None:
        super().__init__(model, data, priors)
        self.names = series_data.names(data)
        self.walk = model.form == DRW
        self.reference = float(in_unit("reference", model.reference, data.time_unit))

    def coords(self) -> dict[str, Any]:
        """Names of the series."""
        return {"series": self.names}

    def free(self) -> list[Free]:
        """The two parameters of the law, and the offsets."""
        law = ("sf_infinity", "tau") if self.walk else ("sf_reference", "gamma")
        return [
            *(Free(name, self.priors[name]) for name in law),
            Free("offset", self.priors["offset"], (len(self.names),)),
        ]

    def likelihood(self) -> Any:
        """A Kalman filter, or a Cholesky factor."""
        from bayes_astro.likelihoods.structure_function import POWER_LAW, WALK

        return WALK if self.walk else POWER_LAW

    def arrays(self) -> list[np.ndarray]:
        """First rows of the series; their points."""
        rows = list(series_data.series(self.data))
        starts = np.cumsum([0, *map(len, rows)])
        order = np.concatenate(rows)
        unit = 1.0 if self.walk else self.reference
        time = (self.data.time[order] - self.data.time[0]) / unit
        return [starts, np.array([time, self.data.value[order], self.data.error[order] ** 2])]

    def named(self, values: dict[str, np.ndarray]) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        """As they are."""
        return {n: (("series",) if n == "offset" else (), v) for n, v in values.items()}

    def graph(self) -> pm.Model:
        """The whole covariance written out: for up to some hundred points."""
        ready_pytensor()
        import pymc as pm
        import pytensor.tensor as pt

        data, priors = self.data, self.priors
        origins = series_data.origins(data) - data.time[0]
        with pm.Model(coords=self.coords()) as model:
            time = pm.Data("time", data.time - data.time[0])
            series = pm.Data("of_series", series_data.labels(data).astype(np.int32))
            lag = pt.abs(time[:, None] - time)
            if self.walk:
                power = 0.5 * priors["sf_infinity"].variable("sf_infinity") ** 2
                matrix = power * pt.exp(-lag / priors["tau"].variable("tau"))
            else:
                square = priors["sf_reference"].variable("sf_reference") ** 2
                double = 2 * priors["gamma"].variable("gamma")
                # Zero lags have no gradient in gamma: the power is taken of one, and masked.
                reference = self.reference
                origin = pm.Data("origin", origins)
                grown = _power(pt.abs(time - origin[series]) / reference, double)
                apart = _power(lag / reference, double)
                matrix = 0.5 * square * (grown[:, None] + grown - apart)
            matrix = pt.where(pt.eq(series[:, None], series), matrix, 0.0)
            offset = priors["offset"].variable("offset", dims="series")
            pm.MvNormal(
                "observation",
                offset[series],
                cov=matrix + pt.diag(pm.Data("error", data.error) ** 2),
                observed=pm.Data("value", data.value),
            )
        return model

    def exact(self, draws: int, rng: np.random.Generator) -> dict[str, xr.Dataset]:
        """Independent draws from a grid over the two parameters, and the evidence."""
        import xarray as xr

        found, values = self._sample(draws, rng)
        arrays: dict[str, Any] = {
            name: ("sample", value) for name, value in values.items() if name != "offset"
        }
        arrays["offset"] = (("sample", "series"), values["offset"])
        statistics = {"importance_efficiency": found.efficiency, "interrupted": 0}
        evidence = {
            "log_evidence": found.log_integral,
            "log_evidence_error": found.log_integral_error,
        }
        return {
            "posterior": xr.Dataset(arrays, {"series": self.names}),
            "sample_stats": xr.Dataset(attrs=statistics),
            "evidence": xr.Dataset(evidence),
        }

    def starts(self, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Exact draws."""
        return self._sample(count, rng)[1]

    def _sample(self, count: int, rng: np.random.Generator) -> Any:
        from bayes_astro.variability.structure_function_posterior import sample

        model = self.model
        return sample(model.form, self.reference, self.data, self.priors, count, rng)


def _power(lag: Any, exponent: Any) -> Any:
    """lag^exponent in PyTensor, zero at zero, with a gradient there."""
    import pytensor.tensor as pt

    positive = pt.where(lag > 0, lag, 1.0)
    return pt.where(lag > 0, positive**exponent, 0.0)
