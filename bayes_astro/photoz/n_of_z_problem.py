"""The posterior of N(z), laid out for samplers."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.coordinates import Free
from bayes_astro.data import BinnedRedshifts
from bayes_astro.data.binned_redshifts import bin_labels
from bayes_astro.likelihoods.compiled import ready_pytensor
from bayes_astro.priors import Prior
from bayes_astro.problem import Problem

if TYPE_CHECKING:
    import pymc as pm

__all__ = ["PopulationProblem", "softmax"]


class PopulationProblem(Problem):
    """Likelihoods of bins, whose largest is one for each object.

    phi is sampled in the axes and units of the Gaussian about its mode (`unit`), which makes the
    posterior round; its prior is that of the increments.
    """

    def __init__(self, model: Any, data: BinnedRedshifts, priors: dict[str, Prior]) -> None:
        super().__init__(model, data, priors)
        ratio = data.ratio[0]
        self.ratio, self.middle = ratio / ratio.max(axis=1, keepdims=True), data.middle

    @cached_property
    def frame(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Mode of phi_1 ... (J - 1), a factor of its covariance there, and a step that suits it."""
        return self._gaussian()

    def coords(self) -> dict[str, Any]:
        """The bins by their edges."""
        return {"bin": bin_labels(self.data)}

    def free(self) -> list[Free]:
        """Step, or amplitude and length; phi in the frame of its mode."""
        own = [Free(name, prior) for name, prior in self.priors.items()]
        return [*own, Free("unit", None, (len(self.middle) - 1,))]

    def likelihood(self) -> Any:
        """By what ties the bins together."""
        from bayes_astro.likelihoods import redshift_population as kernels

        return {
            "random-walk": kernels.WALK,
            "independent": kernels.INDEPENDENT,
            "gp": kernels.SMOOTH,
        }[self.model.smoothness]

    def arrays(self) -> list[np.ndarray]:
        """Frame, likelihoods of the objects, middles of the bins."""
        mode, factor, _ = self.frame
        return [mode, factor, self.ratio, self.middle]

    def named(self, values: dict[str, np.ndarray]) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        """Fractions in the place of their coordinates."""
        mode, factor, _ = self.frame
        phi = mode + values["unit"] @ factor.T
        found: dict[str, Any] = {n: ((), v) for n, v in values.items() if n != "unit"}
        return found | {"fraction": (("bin",), softmax(phi))}

    def graph(self) -> pm.Model:
        """The marginal model; see `ba.PopulationNz` for its equations."""
        ready_pytensor()
        import pymc as pm
        import pytensor.tensor as pt

        from bayes_astro.likelihoods.ops import MaternDifferencesDensity, PopulationDensity

        mode, factor, _ = self.frame
        smoothness = self.model.smoothness
        with pm.Model(coords=self.coords()) as model:
            ratio = pm.Data("ratio", self.ratio)
            shape = {name: prior.variable(name) for name, prior in self.priors.items()}
            unit = pm.Flat("unit", shape=len(mode))
            free = pm.Data("mode", mode) + pt.dot(pm.Data("factor", factor), unit)
            phi = pt.concatenate([pt.zeros(1), free])
            if smoothness == "gp":
                middle = pm.Data("middle", self.middle)
                walk = MaternDifferencesDensity()(
                    free, shape["amplitude"], shape["length"], middle
                )[0]
            else:
                increment = pt.diff(phi) if smoothness == "random-walk" else free
                walk = pt.sum(pm.logp(pm.Normal.dist(0.0, shape["step"]), increment))
            pm.Potential("walk", walk)
            fraction = pm.Deterministic("fraction", pm.math.softmax(phi), dims="bin")
            pm.Potential("objects", PopulationDensity()(fraction, ratio)[0])
        return model

    def _precision(self) -> np.ndarray:
        """Inverse covariance of phi_1 ... (J - 1) before, for a step or amplitude of one."""
        if self.model.smoothness == "gp":
            from bayes_astro.likelihoods.matern_differences import covariance

            return np.linalg.inv(covariance(self.middle, float(self.priors["length"].median()))[0])
        if self.model.smoothness == "independent":
            return np.eye(len(self.middle) - 1)
        difference = np.diff(np.eye(len(self.middle)), axis=0)[:, 1:]
        return difference.T @ difference

    def _gaussian(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Newton's method, while the step, or amplitude, follows phi.

        With q_ij = n_j r_ij / sum_k n_k r_ik the gradient of the log likelihood by phi_j is
        sum_i (q_ij - n_j), and sum_i (q_i - n)(q_i - n)' its information (Fisher scoring).
        """
        ratio, precision = self.ratio, self._precision()
        phi, step = np.zeros(len(precision)), 0.5
        value, move = -np.inf, np.zeros(len(phi))

        def parts(phi: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
            fraction = softmax(phi[None])[0]
            product = fraction * ratio
            total = product.sum(axis=1)
            centred = (product / total[:, None] - fraction)[:, 1:]
            pull = precision @ phi / step**2
            value = np.log(total).sum() - 0.5 * phi @ pull
            return value, centred.sum(axis=0) - pull, centred.T @ centred + precision / step**2

        for _ in range(60):
            value, gradient, information = parts(phi)
            move = np.linalg.solve(information, gradient)
            for _ in range(20):
                if parts(phi + move)[0] >= value - 1e-9:
                    break
                move *= 0.5
            phi = phi + move
            # Of the mean square, that of the posterior's spread is a part.
            square = phi @ precision @ phi + np.sum(precision * np.linalg.inv(information))
            step = float(np.clip(np.sqrt(square / len(phi)), 0.05, 3.0))
            if np.abs(move).max() < 1e-6:
                break
        covariance = np.linalg.inv(parts(phi)[2])
        return phi, np.linalg.cholesky((covariance + covariance.T) / 2), step

    def starts(self, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """About the mode."""
        mode, _, step = self.frame
        size: dict[str, float] = {n: step for n in ("step", "amplitude") if n in self.priors}
        if "length" in self.priors:
            size["length"] = float(self.priors["length"].median())
        return {
            **{name: value * np.exp(rng.normal(0, 0.1, count)) for name, value in size.items()},
            "unit": rng.normal(0, 0.5, (count, len(mode))),
        }


def softmax(phi: np.ndarray) -> np.ndarray:
    """Fractions (m, J) of phi_1 ... (J - 1), (m, J - 1); phi_0 is zero."""
    full = np.concatenate([np.zeros((len(phi), 1)), phi], axis=1)
    fraction = np.exp(full - full.max(axis=1, keepdims=True))
    return fraction / fraction.sum(axis=1, keepdims=True)
