"""The posterior of a relation of any form, laid out for samplers."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.coordinates import Free
from bayes_astro.data import Measurements
from bayes_astro.likelihoods.compiled import ready_pytensor
from bayes_astro.priors import Prior
from bayes_astro.problem import Problem
from bayes_astro.regression.curve_fit import least_squares
from bayes_astro.regression.mean_values import NOISE, MeanValues
from bayes_astro.regression.point_errors import PointErrors, of_residuals
from bayes_astro.regression.unsure_predictor import Nodes, nodes_for, unsure
from bayes_astro.regression.unsure_predictor import density as over_nodes

if TYPE_CHECKING:
    import pymc as pm

__all__ = ["RelationProblem", "columns_of", "linear_of"]

LOOKS, SAME = 2, 1e-6


def columns_of(data: Measurements, response: str) -> dict[str, np.ndarray]:
    """Predictors by name."""
    return {name: data.column(name) for name in data.names if name != response}


def linear_of(model: Any, names: list[str]) -> tuple[str, ...]:
    """Which of a mean function's parameters are integrated out: linear ones, where others are left."""
    if model.robust or not model.marginalise:
        return ()
    found = tuple(name for name in getattr(model.mean, "linear", ()) if name in names)
    return found if model.scatter or len(found) < len(names) else ()


class RelationProblem(Problem):
    """A mean function with scatter; parameters in which it is linear are integrated out."""

    def __init__(self, model: Any, data: Measurements, priors: dict[str, Prior]) -> None:
        super().__init__(model, data, priors)
        self.of_mean = {name: prior for name, prior in priors.items() if name not in NOISE}
        self.unsure = unsure(data, model.response) if "predictor_mean" in priors else None
        self.linear = () if self.unsure else linear_of(model, list(self.of_mean))
        columns = columns_of(data, model.response)
        self.mean = MeanValues(model.mean, columns, self.of_mean, model.fixed)
        self.response = data.column(model.response)
        self.centre = np.array([float(np.ravel(priors[n].arguments["mu"])[0]) for n in self.linear])
        width = [float(np.ravel(priors[n].arguments["sigma"])[0]) for n in self.linear]
        self.errors = PointErrors(data, model.response, self._columns(), np.array(width))
        self.sampled = [name for name in priors if name not in self.linear]
        names = list(self.of_mean)
        self._places = np.array([names.index(n) for n in self.linear], dtype=int)
        self._kept = np.array([i for i, n in enumerate(names) if n not in self.linear], dtype=int)

    def _columns(self) -> np.ndarray:
        """Of the linear parameters, the same wherever the others are."""
        if not self.linear:
            return np.zeros((len(self.data), 0))
        rng = np.random.default_rng(6)
        found = None
        for _ in range(LOOKS):
            values = np.array(
                [float(np.ravel(p.sample(rng, (1,)))[0]) for p in self.of_mean.values()]
            )
            again = self.mean.columns(self.linear, values)
            if found is not None and not np.all(
                np.abs(again - found) <= SAME * (1 + np.abs(found))
            ):
                raise ValueError(
                    f"{type(self.model.mean).__name__}.linear names {', '.join(self.linear)}, but the mean "
                    "does not rise with them by columns that depend on nothing else; leave them out of "
                    "linear, or fit with marginalise=False."
                )
            found = again if found is None else found
        assert found is not None
        return found

    def free(self) -> list[Free]:
        """What is sampled."""
        return [Free(name, self.priors[name]) for name in self.sampled]

    def likelihood(self) -> Callable[[np.ndarray, bool], tuple[float, np.ndarray]]:
        """In Python: the mean function may be a user's own."""
        if self.unsure:
            return self._summed
        return self._student if self.model.robust else self._normal

    def _parts(self, values: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
        """The mean function's parameters, linear ones at the means of their priors; the others."""
        of_mean = np.empty(len(self.of_mean))
        of_mean[self._places] = self.centre
        count = len(self._kept)
        of_mean[self._kept] = values[:count]
        others = dict(zip(self.sampled[count:], map(float, values[count:]), strict=True))
        return of_mean, others

    def _gradient(self, of_mean: np.ndarray, others: list[float]) -> np.ndarray:
        return np.concatenate([of_mean[self._kept], others])

    def _normal(self, values: np.ndarray, wanted: bool) -> tuple[float, np.ndarray]:
        """Normal errors and scatter."""
        of_mean, others = self._parts(values)
        scatter = others.get("scatter")
        mean, pull = self.mean.both(of_mean) if wanted else (self.mean.value(of_mean), None)
        residual = self.response - mean
        if not np.all(np.isfinite(residual)):
            return -np.inf, np.zeros(len(values))
        density, toward, slope = self.errors.density(residual, scatter)
        if pull is None:
            return density, np.zeros(len(values))
        return density, self._gradient(pull(toward), [] if scatter is None else [slope])

    @cached_property
    def at_nodes(self) -> tuple[Nodes, MeanValues]:
        """Where the true values of a predictor with errors may be, and the mean function there."""
        assert self.unsure is not None
        fit = self.best.values
        named = dict(zip(self.of_mean, map(float, fit), strict=True)) | dict(self.model.fixed or {})
        left = self.response - self.mean.value(fit)
        least = 0.1 * float(np.std(left)) if self.model.scatter else 0.0
        nodes = nodes_for(self.model, self.data, self.unsure, named, least)
        return nodes, MeanValues(self.model.mean, nodes.columns, self.of_mean, self.model.fixed)

    def _summed(self, values: np.ndarray, wanted: bool) -> tuple[float, np.ndarray]:
        """A predictor with errors, its true values summed over."""
        of_mean, others = self._parts(values)
        nodes, mean = self.at_nodes
        curve, pull = mean.both(of_mean) if wanted else (mean.value(of_mean), None)
        if not np.all(np.isfinite(curve)):
            return -np.inf, np.zeros(len(values))
        scatter, nu = others.get("scatter"), others.get("degrees_of_freedom")
        variance = self.errors.variance + (scatter or 0.0) ** 2
        population = others["predictor_mean"], others["predictor_width"]
        found, toward, slopes = over_nodes(nodes, curve, self.response, variance, population, nu)
        if pull is None or not np.isfinite(found):
            return found, np.zeros(len(values))
        by_name = {
            "scatter": 2.0 * (scatter or 0.0) * float(np.sum(slopes["variance"])),
            "degrees_of_freedom": slopes["degrees"],
            "predictor_mean": slopes["mean"],
            "predictor_width": slopes["width"],
        }
        return found, self._gradient(pull(toward), [by_name[name] for name in others])

    def _student(self, values: np.ndarray, wanted: bool) -> tuple[float, np.ndarray]:
        """Student's t, whose scale holds errors and scatter."""
        of_mean, others = self._parts(values)
        scatter, nu = others.get("scatter"), others["degrees_of_freedom"]
        mean, pull = self.mean.both(of_mean) if wanted else (self.mean.value(of_mean), None)
        residual = self.response - mean
        if not np.all(np.isfinite(residual)):
            return -np.inf, np.zeros(len(values))
        total = self.errors.variance + (scatter or 0.0) ** 2
        log, toward, by_variance, by_degrees = of_residuals(residual, total, nu)
        density = float(np.sum(log))
        if pull is None:
            return density, np.zeros(len(values))
        slopes = [] if scatter is None else [2.0 * scatter * float(np.sum(by_variance))]
        return density, self._gradient(pull(toward), [*slopes, float(np.sum(by_degrees))])

    def named(self, values: dict[str, np.ndarray]) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        """With the linear parameters drawn given the others; of a single point their expectation."""
        found = {name: ((), values[name]) for name in self.sampled}
        if self.linear:
            drawn = self._drawn(values)
            found |= {name: ((), drawn[:, j]) for j, name in enumerate(self.linear)}
        return {name: found[name] for name in self.priors}

    def _drawn(self, values: dict[str, np.ndarray]) -> np.ndarray:
        table = np.stack([np.asarray(values[name]) for name in self.sampled], axis=1)
        residual = np.array([self.response - self.mean.value(self._parts(row)[0]) for row in table])
        centre, covariance = self.errors.conditional(
            residual, values.get("scatter") if self.model.scatter else None
        )
        if len(table) == 1:
            return np.asarray(self.centre + centre)
        seed = np.frombuffer(sha256(np.ascontiguousarray(table).tobytes()).digest(), np.uint32)
        unit = np.random.default_rng(seed.tolist()).standard_normal(centre.shape)
        root = np.linalg.cholesky(covariance)
        return np.asarray(self.centre + centre + np.einsum("mjk,mk->mj", root, unit))

    # The story, and starts --------------------------------------------------------------------

    def graph(self) -> pm.Model:
        """See `ba.Relation` for the equations; PyMC's own distributions, correlated points together."""
        ready_pytensor()
        import pymc as pm
        import pytensor.tensor as pt

        from bayes_astro.regression.symbolic_mean import symbolic

        errors, n = self.errors, len(self.data)
        with pm.Model() as model:
            values = {name: self.priors[name].variable(name) for name in self.sampled}
            if self.unsure:
                self._told_of_nodes(values)
                return model
            fixed = dict(zip(self.linear, map(pt.constant, self.centre), strict=True))
            mean = symbolic(self.mean, values | fixed)
            scatter = values.get("scatter")
            extra = 0.0 if scatter is None else scatter**2
            if self.model.robust:
                width = pt.sqrt(errors.variance + extra)
                pm.StudentT(
                    "value", nu=values["degrees_of_freedom"], mu=mean, sigma=width,
                    observed=self.response,
                )  # fmt: skip
            elif errors.joint is None and not self.linear:
                width = pt.sqrt(errors.variance + extra)
                pm.Normal("value", mean, width, observed=self.response)
            else:
                spread = errors.columns * errors.width
                whole = np.diag(errors.variance) + spread @ spread.T
                whole = whole if errors.joint is None else whole + errors.joint
                covariance = whole + extra * np.eye(n)
                pm.MvNormal("value", mean, cov=covariance, observed=self.response)
        return model

    def _told_of_nodes(self, values: dict[str, Any]) -> None:
        """The sum over true values of a predictor, by PyMC's densities."""
        import pymc as pm
        import pytensor.tensor as pt

        from bayes_astro.regression.symbolic_mean import symbolic

        nodes, mean = self.at_nodes
        curve = symbolic(mean, values).reshape(nodes.shape)
        extra = values["scatter"] ** 2 if "scatter" in values else 0.0
        width = pt.sqrt(self.errors.variance + extra)[:, None]
        of = pm.Normal.dist(curve, width)
        if self.model.robust:
            of = pm.StudentT.dist(nu=values["degrees_of_freedom"], mu=curve, sigma=width)
        truth = pm.Normal.dist(values["predictor_mean"], values["predictor_width"])
        log = pm.logp(of, self.response[:, None]) + pm.logp(truth, nodes.at) + nodes.log_share
        pm.Potential("value", pt.logsumexp(log, axis=1).sum())

    @cached_property
    def best(self) -> Any:
        """The curve of least squares."""
        rng = np.random.default_rng(7)
        floor = float(np.var(self.response)) * 1e-2 if self.model.scatter else 0.0
        return least_squares(self.mean, self.response, self.errors, self.of_mean, rng, floor=floor)

    def starts(self, count: int, rng: np.random.Generator) -> dict[str, np.ndarray] | None:
        """About the curve of least squares."""
        fit = self.best
        residual = self.response - self.mean.value(fit.values)
        spread = float(np.std(residual)) or 1e-3 * float(np.std(self.response))
        sd = np.sqrt(np.diag(fit.covariance))
        found = {}
        for i, name in enumerate(self.of_mean):
            if name not in self.linear:
                found[name] = fit.values[i] + sd[i] * rng.standard_normal(count)
        if self.model.scatter:
            found["scatter"] = spread * rng.uniform(0.1, 1.0, count)
        if self.unsure:
            x = self.data.column(self.unsure)
            width = float(np.std(x))
            found["predictor_mean"] = x.mean() + 0.1 * width * rng.standard_normal(count)
            found["predictor_width"] = width * rng.uniform(0.7, 1.1, count)
        if self.model.robust:
            found["degrees_of_freedom"] = np.exp(rng.normal(2.0, 0.5, count))
        for name, values in found.items():
            prior = self.priors[name]
            inside = np.isfinite(prior.log_density(values))
            if not inside.all():
                found[name] = np.where(inside, values, prior.sample(rng, (count,)))
        return {name: found[name] for name in self.sampled}
