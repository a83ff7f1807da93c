"""The posterior of a mixture over one unconstrained vector, without PyMC in the way.

The same density as `ExtremeDeconvolution.build`, in the coordinates of `coordinates.Layout`: log
likelihood, log prior and the logarithm of the Jacobian

.. code-block:: text

    sum_f log share_f                            softmax of free weights (up to a constant)
    sum_j (d - j + 1) log L_jj + d log 2         each free covariance V = L L', j = 0 ... d - 1

with the gradient by the chain rule: dV = dL L' + L dL', so that d/dL = 2 (d/dV) L on the lower
triangle, times L_jj for the logarithms on the diagonal.
"""

from __future__ import annotations

import numpy as np

from bayes_astro.likelihoods.mixture import statistics
from bayes_astro.mixtures.coordinates import Parameters
from bayes_astro.mixtures.expectation import Conjugate, Deconvolution
from bayes_astro.samplers.curvature import scaled_climb

__all__ = ["MixturePosterior"]


class MixturePosterior:
    """Log density and gradient at flat vectors."""

    def __init__(self, problem: Deconvolution) -> None:
        if not isinstance(problem.prior, Conjugate):
            raise ValueError(
                "regularization stands for an improper prior, which has no posterior: use "
                "ba.MAP(), or regularization=None for proper priors."
            )
        self.problem, self.layout, self.prior = problem, problem.layout, problem.prior

    @property
    def size(self) -> int:
        """Length of a flat vector."""
        return self.layout.size

    def value_and_gradient(self, flat: np.ndarray) -> tuple[float, np.ndarray]:
        """Log density, up to a constant, and its gradient."""
        layout, prior, d = self.layout, self.prior, self.layout.d
        parameters = layout.parameters(flat)
        share, mean, factor = layout.split(flat)
        found = statistics(
            self.problem.points,
            parameters.weight,
            parameters.mean,
            parameters.covariance,
            parameters.background,
            threads=self.problem.threads,
        )
        value = found.log_likelihood
        # weights: d/dlog share_f of the likelihood is N_f, of prior and Jacobian alpha
        counts = np.append(found.count, found.background)[: len(layout.fixed_weight)]
        pull = counts[layout.free_weight] + prior.alpha
        value += prior.alpha * np.log(np.maximum(share, 1e-300)).sum()
        toward = pull - share * pull.sum()
        d_share = toward[:-1] - toward[-1] if len(share) else toward
        z = (mean - prior.mean) / prior.sd
        value -= 0.5 * np.sum(z**2)
        d_mean = found.first[layout.free_mean] - z / prior.sd
        rows, columns = layout.triangle
        diagonal = rows == columns
        d_factor = np.zeros((len(factor), len(rows)))
        if len(factor):
            inverse = np.linalg.inv(factor)
            precision = np.swapaxes(inverse, -1, -2) @ inverse
            inner = precision @ prior.psi @ precision
            value -= 0.5 * np.sum(precision * prior.psi)
            full = (found.second[layout.free_covariance] + inner) @ factor
            d_factor = full[:, rows, columns]
            pivots = np.diagonal(factor, axis1=1, axis2=2)
            power = (d - np.arange(d) + 1) - (prior.nu + d + 1)
            value += np.sum(power * np.log(pivots))
            d_factor[:, diagonal] = d_factor[:, diagonal] * pivots + power
        if not np.isfinite(value):
            return -np.inf, np.zeros(self.size)
        return float(value), np.concatenate([d_share, d_mean.ravel(), d_factor.ravel()])

    def mode(self, start: Parameters) -> np.ndarray:
        """The highest point of the density in these coordinates, from a maximum of EM."""
        flat = self.layout.flat(start)
        options = {"maxiter": 500, "ftol": 1e-13, "gtol": 1e-4}
        return scaled_climb(self.value_and_gradient, flat, 1e-6, **options)[0]
