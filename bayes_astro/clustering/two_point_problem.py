"""The posterior of a two-point correlation function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.clustering.correlation_form import BASIS, Form, r0
from bayes_astro.clustering.estimates import Scatter
from bayes_astro.clustering.pair_counts import PairCounts
from bayes_astro.coordinates import Free
from bayes_astro.likelihoods.compiled import ready_pytensor
from bayes_astro.priors import Prior
from bayes_astro.problem import Problem

if TYPE_CHECKING:
    import pymc as pm

__all__ = ["TwoPointProblem"]

UNIT = Prior("Normal", mu=0.0, sigma=1.0)


class TwoPointProblem(Problem):
    """Two parameters of a power law; what bends it; the integral constraint."""

    def __init__(self, model: Any, data: PairCounts, priors: dict[str, Prior]) -> None:
        super().__init__(model, data, priors)
        self.form, self.scatter_of = Form(data, model.pivot), Scatter(data)

    def free(self) -> list[Free]:
        """In the order of the compiled likelihood."""
        found = [Free(name, prior) for name, prior in self.priors.items()]
        return [*found, Free("bend", UNIT, (BASIS,))] if self.model.smooth else found

    def likelihood(self) -> Any:
        """Normal, or Student's t."""
        from bayes_astro.likelihoods.two_point import TWO_POINT

        return TWO_POINT

    def arrays(self) -> list[np.ndarray]:
        """As `TWO_POINT` reads them."""
        form, scatter, smooth = self.form, self.scatter_of, bool(self.model.smooth)
        settings = [self.model.offset, scatter.patches, scatter.constant, smooth]
        sines = form.basis(form.nodes) if smooth else np.zeros((*form.nodes.shape, 1))
        return [
            np.array(settings, dtype=float),
            np.array([form.nodes, form.weights]),
            np.ascontiguousarray(sines),
            form.frequencies,
            self.data.estimate,
            scatter.whiten,
        ]

    def named(self, values: dict[str, np.ndarray]) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        """As they are, and the correlation length."""
        length = r0(values["amplitude"], values["gamma"], self.form.pivot)
        found = {n: ((), v) for n, v in values.items() if n != "bend"} | {"r0": ((), length)}
        return found | ({"bend": (("sine",), values["bend"])} if "bend" in values else {})

    def coords(self) -> dict[str, Any]:
        """Numbers of the sines."""
        return {"sine": np.arange(1, BASIS + 1)} if self.model.smooth else {}

    def graph(self) -> pm.Model:
        """See `ba.TwoPointCorrelation` for the equations."""
        ready_pytensor()
        import pymc as pm
        import pytensor.tensor as pt

        with pm.Model(coords=self.coords()) as model:
            values = {name: prior.variable(name) for name, prior in self.priors.items()}
            if self.model.smooth:
                values["bend"] = UNIT.variable("bend", dims="sine")
            residual = pm.Data("estimate", self.data.estimate) - self.form.expected(values, pt)
            pm.Potential("estimates", self.scatter_of.log_density(residual, pt))
        return model

    def starts(self, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """About the power law that fits best, almost straight."""
        from bayes_astro.clustering.power_law import best

        values, errors = best(self.form, self.scatter_of)
        found = {
            "amplitude": values[0] * np.exp(0.1 * rng.standard_normal(count)),
            "gamma": values[1] * np.exp(0.1 * rng.standard_normal(count)),
            "offset": 0.1 * errors[0] * np.exp(rng.standard_normal(count)),
            "smooth_sigma": 0.1 * np.exp(rng.standard_normal(count)),
        }
        for name, prior in self.priors.items():
            if name not in found:
                found[name] = prior.sample(rng, (count,))
            inside = np.isfinite(prior.log_density(found[name]))
            if not inside.all():
                found[name] = np.where(inside, found[name], prior.sample(rng, (count,)))
        starts = {name: found[name] for name in self.priors}
        if self.model.smooth:
            starts["bend"] = 0.3 * rng.standard_normal((count, BASIS))
        return starts
