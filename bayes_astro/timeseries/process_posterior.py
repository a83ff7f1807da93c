"""The posterior of a Gaussian process' hyperparameters over one flat vector, without PyMC.

The same density as `GaussianProcess.build`, the linear coefficients integrated out, in coordinates
without bounds: logarithms of positive parameters, logits of those in an interval. The gradient of
the likelihood with respect to its tables is exact; the tables are differentiated numerically, which
costs nothing beside the light curve. For `ba.MAP`, `ba.Laplace`, the evidence and starting values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.likelihoods.semiseparable import passes
from bayes_astro.samplers.curvature import Gaussian, gaussian, importance

if TYPE_CHECKING:
    from bayes_astro.data import LightCurve
    from bayes_astro.priors import Prior
    from bayes_astro.timeseries.gaussian_process import GaussianProcess

__all__ = ["ProcessPosterior", "rest"]

DIFFERENCE = 1e-5


def rest(arrays: dict[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    """The last arguments of the likelihood."""
    band = arrays["row_band"].astype(np.int64)
    return arrays["width"], arrays["time"], band, arrays["basis"]


class ProcessPosterior:
    """Log density and gradient at flat vectors of the free parameters.

    Parameters
    ----------
    model : GaussianProcess
    data : LightCurve
    priors : dict of str to Prior
        Resolved.
    flat_prior : bool
        Leave out the priors and the Jacobian: the likelihood alone, for maximum likelihood.
    """

    def __init__(
        self,
        model: GaussianProcess,
        data: LightCurve,
        priors: dict[str, Prior],
        *,
        flat_prior: bool = False,
    ) -> None:
        self.model, self.data, self.flat_prior = model, data, flat_prior
        self.arrays = model.arrays(data, priors)
        self.mean_of_coefficients = self.arrays.pop("coefficient_mean")
        self.priors = {n: p for n, p in priors.items() if n not in ("offset", "trend")}
        self.sizes = {name: model.length(name, data) for name in self.priors}
        self.frozen = {name: prior._scipy() for name, prior in self.priors.items()}
        self.bounds = {
            name: tuple(np.broadcast_to(e, (self.sizes[name],)) for e in prior.support)
            for name, prior in self.priors.items()
        }
        self.arrayed = {name: model.is_array(name, data) for name in self.priors}
        self.size = sum(self.sizes.values())
        starts = np.cumsum([0, *self.sizes.values()])
        self.slices = {
            name: slice(a, b) for name, a, b in zip(self.priors, starts, starts[1:], strict=False)
        }

    def _element(self, name: str, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values of one parameter at coordinates (..., size), and the log of the Jacobian of each."""
        low, high = self.bounds[name]
        if np.isfinite(high[0]):
            share = 1 / (1 + np.exp(-np.clip(x, -100, 100)))
            jacobian = np.log(high - low) - np.logaddexp(0, x) - np.logaddexp(0, -x)
            return low + (high - low) * share, jacobian
        if np.isfinite(low[0]):
            return low + np.exp(np.clip(x, -100, 100)), x
        return x, np.zeros_like(x)

    def values(self, flat: np.ndarray) -> dict[str, Any]:
        """Parameters by name."""
        found: dict[str, Any] = {}
        for name, where in self.slices.items():
            value, _ = self._element(name, flat[where])
            found[name] = value if self.arrayed[name] else float(value[0])
        return found

    def flat(self, values: dict[str, Any]) -> np.ndarray:
        """The inverse of `values`; parameters at their bounds are moved inside."""
        out = np.empty(self.size)
        for name, where in self.slices.items():
            low, high = self.bounds[name]
            value = np.atleast_1d(np.asarray(values[name], dtype=float))
            if np.isfinite(high[0]):
                share = np.clip((value - low) / (high - low), 1e-9, 1 - 1e-9)
                out[where] = np.log(share) - np.log1p(-share)
            elif np.isfinite(low[0]):
                out[where] = np.log(np.maximum(value - low, 1e-300))
            else:
                out[where] = value
        return out

    def _prior(self, flats: np.ndarray) -> np.ndarray:
        """Log prior with the Jacobian, of each coordinate of flat vectors (m, size)."""
        out = np.zeros(flats.shape)
        if not self.flat_prior:
            for name, where in self.slices.items():
                value, jacobian = self._element(name, flats[:, where])
                out[:, where] = self.frozen[name].logpdf(value) + jacobian
        return out

    def _inputs(self, values: dict[str, Any]) -> tuple[Any, list[np.ndarray]]:
        found = self.model.tables(values, self.data)
        residual, variance = self.model.rows(values, self.arrays, self.mean_of_coefficients)
        return found, [residual, variance, *found.arguments]

    def _rest(self) -> tuple[np.ndarray, ...]:
        return rest(self.arrays)

    def value(self, flat: np.ndarray) -> float:
        """Log density."""
        prior = float(self._prior(flat[None]).sum())
        if not np.isfinite(prior):
            return -np.inf
        found, inputs = self._inputs(self.values(flat))
        kernel = passes(found.layout, self.arrays["basis"].shape[1]).value
        return float(kernel(*inputs, *self._rest())[0]) + prior

    def value_and_gradient(self, flat: np.ndarray) -> tuple[float, np.ndarray]:
        """Log density and its gradient."""
        ends = np.array([flat, flat + DIFFERENCE, flat - DIFFERENCE])
        prior, prior_up, prior_down = self._prior(ends)
        found, inputs = self._inputs(self.values(flat))
        kernel = passes(found.layout, self.arrays["basis"].shape[1]).gradient
        density, *slopes = kernel(*inputs, *self._rest())
        if not np.isfinite(density + prior.sum()):
            return -np.inf, np.zeros(self.size)
        gradient = prior_up - prior_down
        for i in range(self.size):
            step = np.zeros(self.size)
            step[i] = DIFFERENCE
            up, down = (self._inputs(self.values(flat + sign * step))[1] for sign in (1, -1))
            for slope, a, b in zip(slopes, up, down, strict=True):
                gradient[i] += np.sum(slope * (a - b))
        return float(density + prior.sum()), gradient / (2 * DIFFERENCE)

    def candidates(self, count: int, rng: np.random.Generator) -> list[np.ndarray]:
        """Draws from the prior, the densest first."""
        drawn = {
            name: prior.sample(rng, (count, self.sizes[name]))
            for name, prior in self.priors.items()
        }
        found = [self.flat({name: v[i] for name, v in drawn.items()}) for i in range(count)]
        density = np.array([self.value(x) for x in found])
        density[np.isnan(density)] = -np.inf
        return [found[i] for i in np.argsort(-density, kind="stable") if np.isfinite(density[i])]

    def mode(self, restarts: int, max_steps: int, rng: np.random.Generator) -> tuple[Any, bool]:
        """The highest maximum that quasi-Newton searches from the best candidates reach."""
        from scipy.optimize import minimize

        def downhill(x: np.ndarray) -> tuple[float, np.ndarray]:
            with np.errstate(all="ignore"):
                value, gradient = self.value_and_gradient(x)
            return (-value, -gradient) if np.isfinite(value) else (1e300, 0 * x)

        if self.size == 0:
            return np.zeros(0), True
        best, converged = None, False
        for start in self.candidates(40 * max(restarts, 2), rng)[:restarts]:
            found = minimize(
                downhill,
                start,
                jac=True,
                method="L-BFGS-B",
                options={"maxiter": max_steps, "ftol": 1e-12, "gtol": 1e-5},
            )
            if best is None or -found.fun > best[0]:
                best, converged = (-found.fun, found.x), bool(found.success or found.nit > 5)
        if best is None:
            raise ValueError(
                "The posterior density is zero wherever it was tried: check that the priors admit "
                "the data."
            )
        return best[1], converged

    def around(self, mode: np.ndarray) -> Gaussian:
        """The Gaussian at the mode, no wider than three in any direction."""
        found = gaussian(self, mode)
        return found._replace(width=np.minimum(found.width, 3.0))

    def log_evidence(
        self, mode: np.ndarray, draws: int, rng: np.random.Generator
    ) -> tuple[float, float, float]:
        """Log marginal likelihood, its standard error, and the efficiency of its weights.

        By importance sampling from a Student t with five degrees of freedom that has the mode and
        curvature of the posterior, a little wider.
        """
        if self.size == 0:
            return self.value(mode), 0.0, 1.0
        around = self.around(mode)
        nu = 5.0
        scale = np.sqrt(nu / rng.chisquare(nu, draws))
        unit = 1.1 * rng.standard_normal((draws, self.size)) * scale[:, None]
        from scipy.stats import multivariate_t

        log_t = multivariate_t.logpdf(unit / 1.1, df=nu, shape=np.eye(self.size))
        log_q = np.atleast_1d(log_t) - np.log(1.1 * around.width).sum()
        density = np.array([self.value(x) for x in around.points(unit)])
        density[np.isnan(density)] = -np.inf
        efficiency, log_mean, error = importance(density - log_q)
        return log_mean, error, efficiency
