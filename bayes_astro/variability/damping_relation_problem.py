"""The posterior of the relation of damping time and mass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.coordinates import Free
from bayes_astro.likelihoods.compiled import ready_pytensor
from bayes_astro.problem import Problem

if TYPE_CHECKING:
    import pymc as pm

__all__ = ["DampingRelationProblem", "densities"]

ORDER = ("intercept", "slope", "scatter", "mass_mean", "mass_width")


class DampingRelationProblem(Problem):
    """Five parameters; the objects are integrated out by their draws."""

    def free(self) -> list[Free]:
        """The parameters."""
        return [Free(name, self.priors[name]) for name in ORDER]

    def likelihood(self) -> Any:
        """Sums over the objects' draws."""
        from bayes_astro.likelihoods.damping_relation import RELATION

        return RELATION

    def arrays(self) -> list[np.ndarray]:
        """Pivot, masses, damping times and their interim priors."""
        data = self.data
        masses = np.array([data.log_mass, data.log_mass_error])
        return [np.array([float(self.model.pivot)]), masses, data.log_tau, data.log_prior]

    def named(self, values: dict[str, np.ndarray]) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        """As they are."""
        return {name: ((), value) for name, value in values.items()}

    def graph(self) -> pm.Model:
        """See `ba.HierarchicalDRW` for the equations."""
        ready_pytensor()
        import pymc as pm
        import pytensor.tensor as pt

        data = self.data
        with pm.Model() as model:
            arrays = {name: pm.Data(name, array) for name, array in data.to_arrays().items()}
            values = {name: self.priors[name].variable(name) for name in ORDER}
            by_draw, by_mass = densities(values, arrays, float(self.model.pivot), pt)
            pm.Potential("objects", pt.sum(pt.logsumexp(by_draw, axis=1) + by_mass))
            # Constant, so that the density is that of `pointwise`.
            pm.Potential("draws", -pt.as_tensor(len(data) * np.log(data.log_tau.shape[1])))
        return model

    def starts(self, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """About the least-squares line of the objects' means, some of them left out."""
        data = self.data
        found: dict[str, list[float]] = {name: [] for name in ORDER}
        mean = data.log_tau.mean(axis=1)
        for _ in range(count):
            rows = rng.permutation(len(data))[: max(4, 3 * len(data) // 4)]
            mass = data.log_mass[rows]
            slope = np.polyfit(mass, mean[rows], 1)[0] if np.ptp(mass) > 0 else 0.0
            level = mean[rows].mean() + slope * (self.model.pivot - mass.mean())
            found["slope"].append(slope)
            found["intercept"].append(level)
            found["scatter"].append(rng.uniform(0.1, 0.5))
            found["mass_mean"].append(mass.mean())
            found["mass_width"].append(max(float(mass.std()), 0.1 * float(np.std(data.log_mass))))
        starts = {name: np.array(values) for name, values in found.items()}
        for name, prior in self.priors.items():
            inside = np.isfinite(prior.log_density(starts[name]))
            if not inside.all():
                starts[name] = np.where(inside, starts[name], prior.sample(rng, (count,)))
        return starts


def densities(values: Any, arrays: Any, pivot: float, m: Any) -> tuple[Any, Any]:
    """log p(t_ik | mass, population) - log pi_i(t_ik), (n, k); log p(m_obs_i), (n,).

    `m` is NumPy or PyTensor: the formulas are the same.
    """
    error, width = arrays["log_mass_error"] ** 2, values["mass_width"] ** 2
    total = error + width
    centred = arrays["log_mass"] - values["mass_mean"]
    by_mass = -0.5 * (centred**2 / total + m.log(2 * np.pi * total))
    shrunken = arrays["log_mass"] - centred * error / total
    line = values["intercept"] + values["slope"] * (shrunken - pivot)
    variance = values["scatter"] ** 2 + values["slope"] ** 2 * error * width / total
    residual = arrays["log_tau"] - line[:, None]
    by_draw = -0.5 * (residual**2 / variance[:, None] + m.log(2 * np.pi * variance)[:, None])
    return by_draw - arrays["log_prior"], by_mass
