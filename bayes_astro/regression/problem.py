"""The posterior of a straight line or plane, laid out for samplers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.coordinates import Free
from bayes_astro.data import Measurements
from bayes_astro.likelihoods.compiled import ready_pytensor
from bayes_astro.priors import Prior
from bayes_astro.problem import Problem
from bayes_astro.regression import inputs, predictor_population

if TYPE_CHECKING:
    import pymc as pm

__all__ = ["LineProblem"]

BY_PREDICTOR = ("slope", "predictor_mean", "predictor_width")
ORDER = (
    "slope", "predictor_mean", "predictor_width", "response_mean", "intercept", "scatter",
    "partial_unit", "outlier_fraction", "outlier_mean", "outlier_scatter",
)  # fmt: skip
"""As `likelihoods.linear_relation` names the places of the parameters."""


class LineProblem(Problem):
    """Predictors and response in order, with their covariances."""

    def __init__(self, model: Any, data: Measurements, priors: dict[str, Prior]) -> None:
        super().__init__(model, data, priors)
        self.predictors = inputs.predictors(data, model.response)
        self.x, self.y, self.covariance = inputs.ordered(data, model.response)

    @property
    def several(self) -> bool:
        """Whether there is more than one predictor."""
        return len(self.predictors) > 1

    def coords(self) -> dict[str, Any]:
        """Names of the predictors, and of their pairs."""
        names = self.predictors
        pairs = [f"{a}, {b}" for j, b in enumerate(names) for a in names[:j]]
        return {"predictor": names, "pair": pairs}

    def free(self) -> list[Free]:
        """The parameters, and partial correlations of several predictors on (0, 1)."""
        p = len(self.predictors)
        found = []
        for name in ORDER:
            if name in self.priors:
                shape = (p,) if name in BY_PREDICTOR else ()
                found.append(Free(name, self.priors[name], shape))
            elif name == "partial_unit" and self.several:
                shapes = predictor_population.vine_shape(p)
                beta = Prior("Beta", alpha=shapes.tolist(), beta=shapes.tolist())
                found.append(Free(name, beta, (len(shapes),)))
        return found

    def likelihood(self) -> Any:
        """One predictor is written out, several are factored."""
        from bayes_astro.likelihoods.straight_line import LINE, PLANE

        return PLANE if self.several else LINE

    def arrays(self) -> list[np.ndarray]:
        """Places of the parameters, then the points."""
        places, at = np.full(len(ORDER), -1), 0
        for one in self.free():
            places[ORDER.index(one.name)] = at
            at += one.length
        if self.several:
            return [places, np.column_stack([self.x, self.y]), self.covariance]
        s = self.covariance
        rows = self.x[:, 0], self.y, s[:, 0, 0], s[:, 0, 1], s[:, 1, 1]
        return [places, np.array(rows)]

    def named(self, values: dict[str, np.ndarray]) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        """With what follows: the intercept (or the mean response), partial correlations."""
        found: dict[str, tuple[tuple[str, ...], np.ndarray]] = {
            name: (("predictor",) if name in BY_PREDICTOR else (), value)
            for name, value in values.items()
            if name != "partial_unit"
        }
        along = np.sum(values["slope"] * values["predictor_mean"], axis=1)
        if "intercept" in values:
            found["response_mean"] = ((), values["intercept"] + along)
        else:
            found["intercept"] = ((), values["response_mean"] - along)
        if "partial_unit" in values:
            found["partial_correlation"] = (("pair",), 2 * values["partial_unit"] - 1)
        return found

    def graph(self) -> pm.Model:
        """The marginal model; see `ba.LinearRelation` for its equations."""
        ready_pytensor()
        import pymc as pm
        import pytensor.tensor as pt

        from bayes_astro.likelihoods.ops import LinearRelationDensity

        priors = self.priors
        with pm.Model(coords=self.coords()) as model:
            value = pm.Data("value", np.column_stack([self.x, self.y]))
            covariance = pm.Data("covariance", self.covariance)
            slope = priors["slope"].variable("slope", dims="predictor")
            mean = priors["predictor_mean"].variable("predictor_mean", dims="predictor")
            width = priors["predictor_width"].variable("predictor_width", dims="predictor")
            if "intercept" in priors:
                intercept = priors["intercept"].variable("intercept")
                centre = pm.Deterministic("response_mean", intercept + pt.dot(slope, mean))
            else:
                centre = priors["response_mean"].variable("response_mean")
                pm.Deterministic("intercept", centre - pt.dot(slope, mean))
            scatter = priors["scatter"].variable("scatter") if "scatter" in priors else 0.0
            partial = None
            if self.several:
                shape = predictor_population.vine_shape(len(self.predictors))
                unit = pm.Beta("partial_unit", shape, shape, shape=len(shape))
                partial = pm.Deterministic("partial_correlation", 2 * unit - 1, dims="pair")
            rows = predictor_population.cholesky(width, partial, len(self.predictors), pt.sqrt)
            cholesky = pt.stack([pt.stack(row) for row in rows])
            fraction = outlier_mean = outlier_scatter = pt.constant(0.0)
            if "outlier_fraction" in priors:
                fraction = priors["outlier_fraction"].variable("outlier_fraction")
                outlier_mean = priors["outlier_mean"].variable("outlier_mean")
                outlier_scatter = priors["outlier_scatter"].variable("outlier_scatter")
            density = LinearRelationDensity()(
                centre, slope, scatter, mean, cholesky, fraction, outlier_mean, outlier_scatter,
                value, covariance,
            )  # fmt: skip
            pm.Potential("measurements", density[0])
        return model

    def starts(self, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """About the least-squares line of bootstrap samples."""
        x, y, priors = self.x, self.y, self.priors
        n, p = x.shape
        of_the_line = [name for name in priors if not name.startswith("outlier_")]
        values: dict[str, list[Any]] = {name: [] for name in of_the_line}
        for _ in range(count):
            rows = rng.integers(n, size=n)
            while np.any(np.ptp(x[rows], axis=0) == 0):
                rows = rng.integers(n, size=n)
            mean, width = x[rows].mean(axis=0), x[rows].std(axis=0)
            slope, *_ = np.linalg.lstsq((x[rows] - mean) / width, y[rows] - y[rows].mean())
            slope = slope / width
            residual = y[rows] - y[rows].mean() - (x[rows] - mean) @ slope
            guess = {
                "slope": slope,
                "predictor_mean": mean,
                "predictor_width": width,
                "response_mean": y[rows].mean(),
                "intercept": y[rows].mean() - mean @ slope,
                "scatter": rng.uniform(0.1, 1.0) * max(residual.std(), 1e-3 * y.std()),
            }
            for name, value in values.items():
                value.append(guess[name])
        starts = {name: np.array(value) for name, value in values.items()}
        for name, prior in priors.items():
            if name not in starts:  # outliers start anywhere: they may have more than one answer
                starts[name] = prior.sample(rng, (count,))
        for name, prior in priors.items():
            lower, upper = (np.asarray(edge, dtype=float) for edge in prior.support)
            inside = (starts[name] > lower) & (starts[name] < upper)
            if not inside.all():
                starts[name] = np.where(inside, starts[name], prior.sample(rng, inside.shape))
        if p > 1:
            starts["partial_unit"] = rng.uniform(0.4, 0.6, (count, p * (p - 1) // 2))
        return starts
