"""The posterior of a straight line or plane, laid out for samplers."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.coordinates import Free
from bayes_astro.data import Measurements
from bayes_astro.priors import Prior
from bayes_astro.problem import Problem
from bayes_astro.regression import inputs, predictor_population
from bayes_astro.regression.rows import MISSING, laid_out, predictors

if TYPE_CHECKING:
    import pymc as pm

__all__ = ["LineProblem"]

BY_PREDICTOR = ("slope", "predictor_mean", "predictor_width")
BY_COMPONENT = ("component_mean", "component_width")
TOLD = (
    "slope", "component_mean", "component_width", "component_weight", "predictor_mean",
    "predictor_width", "response_mean", "intercept", "scatter", "partial_unit",
    "degrees_of_freedom", "outlier_fraction", "outlier_mean", "outlier_scatter",
)  # fmt: skip
"""In the order of the story."""
POPULATION = {"component_mean": "predictor_mean", "component_width": "predictor_width"}
"""Of several Gaussians the first stands where of one the second does."""


class LineProblem(Problem):
    """Predictors and response in order, with their covariances, gaps and limits."""

    def __init__(self, model: Any, data: Measurements, priors: dict[str, Prior]) -> None:
        super().__init__(model, data, priors)
        self.predictors = predictors(data, model.response)
        self.rows = laid_out(data, model.response)
        self.many = int(model.n_components)

    @property
    def several(self) -> bool:
        """Whether there is more than one predictor."""
        return len(self.predictors) > 1

    @property
    def simple(self) -> bool:
        """Whether there is one Gaussian in two dimensions, of which everything was measured."""
        model = self.model
        options = model.outliers or model.robust or model.selection is not None
        return not (self.several or self.many > 1 or options) and self.rows.plain

    def coords(self) -> dict[str, Any]:
        """Names of the predictors, of their pairs, and places of the Gaussians."""
        names = self.predictors
        pairs = [f"{a}, {b}" for j, b in enumerate(names) for a in names[:j]]
        return {"predictor": names, "pair": pairs, "component": np.arange(self.many)}

    def _shape(self, name: str) -> tuple[int, ...]:
        p = len(self.predictors)
        if name in BY_COMPONENT:
            return (self.many, p)
        if name == "component_weight":
            return (self.many,)
        return (p,) if name in BY_PREDICTOR else ()

    @property
    def _vine(self) -> np.ndarray:
        """Beta shapes of the partial correlations, of all Gaussians (many, pairs)."""
        shape = predictor_population.vine_shape(len(self.predictors))
        return np.tile(shape, (self.many, 1)) if self.many > 1 else shape

    def free(self) -> list[Free]:
        """The parameters, and partial correlations of several predictors on (0, 1)."""
        found = []
        for name in TOLD:
            if name in self.priors:
                found.append(Free(name, self.priors[name], self._shape(name)))
            elif name == "partial_unit" and self.several:
                shape = predictor_population.vine_shape(len(self.predictors)).tolist()
                beta = Prior("Beta", alpha=shape, beta=shape)
                found.append(Free(name, beta, self._vine.shape))
        return found

    def likelihood(self) -> Any:
        """One predictor of plain rows is written out."""
        if self.rows.joint:
            return self._together
        if self.simple:
            from bayes_astro.likelihoods.straight_line import LINE

            return LINE
        from bayes_astro.likelihoods.relation import RELATION

        return RELATION

    def arrays(self) -> list[np.ndarray]:
        """Places of the parameters, then the points."""
        from bayes_astro.likelihoods.relation import ORDER

        places, at = np.full(len(ORDER) + 2, -1), 0
        for one in self.free():
            places[ORDER.index(POPULATION.get(one.name, one.name))] = at
            at += one.length
        places[-2:] = self.many, len(self.predictors)
        rows = self.rows
        if self.simple:
            s = rows.covariance
            points = rows.value[:, 0], rows.y, s[:, 0, 0], s[:, 0, 1], s[:, 1, 1]
            return [places, np.array(points)]
        return [places, *rows.parts, rows.weight, *self.selected]

    @cached_property
    def _places(self) -> np.ndarray:
        return self.arrays()[0]

    def _together(self, values: np.ndarray, wanted: bool) -> tuple[float, np.ndarray]:
        """Of rows whose errors are joint: the components by the kernel, the density by one large matrix."""
        from bayes_astro.likelihoods.relation import pulled, stated
        from bayes_astro.regression.joint_errors import density

        gradient = np.zeros(len(values))
        _, _, middle, matrix, way = stated(values, self._places)
        found, to_mean, to_matrix = density(middle[0], matrix[0], self.rows)
        if wanted and found > -np.inf:
            pulled(values, self._places, way, np.zeros(1), to_mean[None], to_matrix[None], gradient)
        return found, gradient

    @cached_property
    def selected(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Different variances of the response's errors, their weights; bounds, width and a constant."""
        chosen, rows = self.model.selection, self.rows
        if chosen is None:
            return np.empty(0), np.empty(0), np.zeros(4)
        noise, place = np.unique(rows.covariance[:, -1, -1], return_inverse=True)
        count = np.bincount(place.ravel(), weights=rows.weight)
        own = float(np.sum(rows.weight * np.log(chosen.chance(rows.y))))
        return noise, count, np.array([*chosen.bounds, float(chosen.width), own])

    def named(self, values: dict[str, np.ndarray]) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        """With what follows: the intercept (or the mean response), partial correlations, the whole."""
        found: dict[str, tuple[tuple[str, ...], np.ndarray]] = {}
        for name, value in values.items():
            if name in BY_COMPONENT:
                found[name] = ("component", "predictor"), value
            elif name == "component_weight":
                found[name] = ("component",), value
            elif name == "partial_unit":
                dims = ("component", "pair") if self.many > 1 else ("pair",)
                found["partial_correlation"] = dims, 2 * value - 1
            else:
                found[name] = ("predictor",) if name in BY_PREDICTOR else (), value
        if self.many > 1:
            mean, width = predictor_population.overall(
                values["component_weight"], values["component_mean"], values["component_width"]
            )
            found["predictor_mean"], found["predictor_width"] = (("predictor",), mean), (
                ("predictor",), width,
            )  # fmt: skip
        slope = values["slope"]
        along = np.sum(slope * found["predictor_mean"][1], axis=1)
        if "intercept" in values:
            found["response_mean"] = ((), values["intercept"] + along)
        else:
            found["intercept"] = ((), values["response_mean"] - along)
        pivot = self.model.pivot_of(self.data)
        if pivot is not None:
            found["response_at_pivot"] = ((), found["intercept"][1] + slope @ pivot)
        return found

    def graph(self) -> pm.Model:
        """The marginal model; see `ba.LinearRelation` for its equations."""
        from bayes_astro.regression.story import told

        return told(self)

    def starts(self, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """About the least-squares line of bootstrap samples."""
        priors, many = self.priors, self.many
        middle, _, level, spread = inputs.moments(self.data, self.model.response)
        kind, value = self.rows.kind, self.rows.value
        x = np.where(kind[:, :-1] == MISSING, middle, value[:, :-1])
        y = np.where(kind[:, -1] == MISSING, level, value[:, -1])
        n, p = x.shape
        random = [name for name in priors if name.startswith("outlier_")]
        values: dict[str, list[Any]] = {name: [] for name in priors if name not in random}
        for _ in range(count):
            rows = rng.integers(n, size=n)
            while np.any(np.ptp(x[rows], axis=0) == 0):
                rows = rng.integers(n, size=n)
            mean, sd = x[rows].mean(axis=0), x[rows].std(axis=0)
            slope, *_ = np.linalg.lstsq((x[rows] - mean) / sd, y[rows] - y[rows].mean())
            slope = slope / sd
            residual = y[rows] - y[rows].mean() - (x[rows] - mean) @ slope
            centres = x[rng.choice(n, size=many, replace=n < many)]
            guess = {
                "slope": slope,
                "predictor_mean": mean,
                "predictor_width": sd,
                "component_mean": 0.5 * (centres + mean),
                "component_width": np.tile(0.7 * sd, (many, 1)),
                "component_weight": np.full(many, 1 / many),
                "response_mean": y[rows].mean(),
                "intercept": y[rows].mean() - mean @ slope,
                "scatter": rng.uniform(0.1, 1.0) * max(residual.std(), 1e-3 * spread),
                "degrees_of_freedom": rng.uniform(3.0, 15.0),
            }
            for name, found in values.items():
                found.append(guess[name])
        starts = {name: np.array(found) for name, found in values.items()}
        for name in random:  # outliers start anywhere: they may have more than one answer
            starts[name] = priors[name].sample(rng, (count,))
        for name, prior in priors.items():
            if prior.event:
                continue
            lower, upper = (np.asarray(edge, dtype=float) for edge in prior.support)
            inside = (starts[name] > lower) & (starts[name] < upper)
            if not inside.all():
                starts[name] = np.where(inside, starts[name], prior.sample(rng, inside.shape))
        if p > 1:
            starts["partial_unit"] = rng.uniform(0.4, 0.6, (count, *self._vine.shape))
        return starts
