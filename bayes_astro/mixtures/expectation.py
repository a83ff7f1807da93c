r"""Fitting a mixture by expectation-maximisation, accelerated.

The E-step is one pass of `likelihoods.mixture`; with its sums N, U and G the M-step maximises the
expected log posterior. Component by component, with d = V U (the sum of E[v] - m),

.. code-block:: text

    m' = (N + V P)^-1 (N m + d + V P mu)                        mean ~ N(mu, P^-1)
    A  = N V + V G V - (m' - m) d' - d (m' - m)' + N (m' - m)(m' - m)'
    V' = (A + Psi) / (N + nu + D + 1)                           covariance ~ InverseWishart(nu, Psi)
    a' = (N + alpha - 1) / sum                                  weights ~ Dirichlet(alpha)

(first the mean given the old covariance, then the covariance given the new mean, so that the
posterior never falls), or in the form of Bovy, Hogg & Roweis (2011) with their regularisation w,

.. code-block:: text

    m' = m + V U / N,    V' = (A + w I) / (N + 1),    a' = N / sum

with V' = A / N where w = 0.

EM converges slowly where components overlap or noise is large. SQUAREM (Varadhan & Roland 2008,
scheme S3) takes two EM steps, theta_1 = F(theta_0) and theta_2 = F(theta_1), and goes on from

.. code-block:: text

    theta' = theta_0 - 2 s r + s^2 v,   r = theta_1 - theta_0,   v = theta_2 - theta_1 - r,
    s = -|r| / |v|

in unconstrained coordinates, where every extrapolation is a mixture; an EM step from there
follows. A leap that lowers the posterior is taken back halfway, then dropped, so that the sequence
is monotone. The run ends when the gain still to come, extrapolated from two successive gains of
EM (Aitken), is below the tolerance.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.special import gammaln, multigammaln

from bayes_astro.likelihoods.mixture import Statistics, statistics
from bayes_astro.likelihoods.mixture_blocks import Blocks
from bayes_astro.mixtures.coordinates import Layout, Parameters

__all__ = ["Conjugate", "Deconvolution", "Regularised", "Run", "climb", "step"]

QUIET = 3  # cycles in a row that predict no further gain
EMPTY = 1e-10  # a component with fewer points than this keeps its mean and covariance


def _roots(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inverse Cholesky factors and log determinants.

    Both infinite where a covariance is singular to rounding, as leaps may leave it: an inverse
    from elsewhere would have a trace of either sign, and the log density any value.
    """
    try:
        factor = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        return np.full_like(covariance, np.inf), np.full(len(covariance), np.inf)
    diagonal = np.diagonal(factor, axis1=1, axis2=2)
    return np.linalg.inv(factor), 2 * np.log(diagonal).sum(axis=1)


@dataclass(frozen=True)
class Conjugate:
    """Priors in scaled coordinates.

    Attributes
    ----------
    alpha : float
        Of the Dirichlet over free weights.
    mean, sd : (d,) arrays
        Of the Gaussian over means.
    nu : float
    psi : (d, d) array
        Degrees of freedom and scale matrix of the inverse Wishart over covariances.
    """

    alpha: float
    mean: np.ndarray
    sd: np.ndarray
    nu: float
    psi: np.ndarray

    def log_density(self, parameters: Parameters, layout: Layout) -> float:
        """Over free weights among each other, free means and free covariances; normalised."""
        d = layout.d
        total = 0.0
        free = layout.free_weight
        if len(free) > 1:
            shares = np.maximum(parameters.shares[free] / layout.remainder, 1e-300)
            total += float((self.alpha - 1) * np.log(shares).sum())
            total += float(gammaln(len(free) * self.alpha) - len(free) * gammaln(self.alpha))
        z = (parameters.mean[layout.free_mean] - self.mean) / self.sd
        total -= float(
            0.5 * np.sum(z**2) + np.sum(np.log(self.sd) + 0.5 * np.log(2 * np.pi)) * len(z)
        )
        covariance = parameters.covariance[layout.free_covariance]
        if len(covariance):
            inverse, log_det = _roots(covariance)
            if not np.isfinite(log_det).all():
                return -np.inf
            trace = np.sum((np.swapaxes(inverse, 1, 2) @ inverse) * self.psi)
            total -= float(0.5 * (self.nu + d + 1) * log_det.sum() + 0.5 * trace)
            constant = 0.5 * self.nu * (np.linalg.slogdet(self.psi)[1] - d * np.log(2))
            total += len(covariance) * float(constant - multigammaln(0.5 * self.nu, d))
        return total


@dataclass(frozen=True)
class Regularised:
    """Maximum likelihood with w added to each covariance, as Bovy, Hogg & Roweis (2011) do it.

    Attributes
    ----------
    w : (d,) array
        In scaled coordinates.
    """

    w: np.ndarray

    def log_density(self, parameters: Parameters, layout: Layout) -> float:
        """What an M-step with this w maximises beside the likelihood: an improper prior."""
        covariance = parameters.covariance[layout.free_covariance]
        if not len(covariance) or not self.w.any():
            return 0.0
        inverse, log_det = _roots(covariance)
        if not np.isfinite(log_det).all():
            return -np.inf
        return float(-0.5 * log_det.sum() - 0.5 * np.sum(inverse**2 * self.w))


@dataclass(frozen=True)
class Deconvolution:
    """Points, what is free, and the prior."""

    points: Blocks
    layout: Layout
    prior: Conjugate | Regularised
    threads: int = 1

    def statistics(self, parameters: Parameters, **options: object) -> Statistics:
        """The E-step."""
        return statistics(
            self.points,
            parameters.weight,
            parameters.mean,
            parameters.covariance,
            parameters.background,
            threads=self.threads,
            **options,  # type: ignore[arg-type]
        )

    def objective(self, parameters: Parameters, found: Statistics) -> float:
        """Log likelihood plus log prior."""
        return found.log_likelihood + self.prior.log_density(parameters, self.layout)


def step(problem: Deconvolution, old: Parameters, found: Statistics) -> Parameters:
    """The M-step."""
    layout, prior, d = problem.layout, problem.prior, problem.layout.d
    conjugate = isinstance(prior, Conjugate)
    mean, covariance = old.mean.copy(), old.covariance.copy()
    free_mean, free_covariance = set(layout.free_mean), set(layout.free_covariance)
    for k in range(layout.components):
        count, v = found.count[k], old.covariance[k]
        moved = v @ found.first[k]
        if not conjugate and count <= EMPTY:
            continue
        if k in free_mean:
            if isinstance(prior, Conjugate):
                gain = v / prior.sd**2
                mean[k] = np.linalg.solve(
                    count * np.eye(d) + gain, count * old.mean[k] + moved + gain @ prior.mean
                )
            else:
                mean[k] = old.mean[k] + moved / count
        if k in free_covariance:
            shift = mean[k] - old.mean[k]
            scatter = count * v + v @ found.second[k] @ v + count * np.outer(shift, shift)
            scatter -= np.outer(shift, moved) + np.outer(moved, shift)
            scatter = (scatter + scatter.T) / 2
            if isinstance(prior, Conjugate):
                covariance[k] = (scatter + prior.psi) / (count + prior.nu + d + 1)
            else:
                scatter[np.diag_indices(d)] += prior.w
                covariance[k] = scatter / (count + (1.0 if prior.w.any() else 0.0))
            covariance[k] = _definite(covariance[k])
    counts = np.append(found.count, found.background)[: len(layout.fixed_weight)]
    counts = counts[layout.free_weight]
    if isinstance(prior, Conjugate):
        counts = np.maximum(counts + prior.alpha - 1, 0.0)
    shares = layout.shares(counts / counts.sum()) if len(counts) else layout.fixed_weight
    background = float(shares[-1]) if layout.uniform else 0.0
    return Parameters(shares[: layout.components], mean, covariance, background)


def _definite(matrix: np.ndarray) -> np.ndarray:
    """`matrix`, positive definite also where rounding has left it indefinite.

    V G V cancels down to the square of V's condition number: a component stretched by a factor of
    1e4 or more by a far outlier loses its narrow directions.
    """
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(matrix)
        return (vectors * np.maximum(values, 1e-13 * values[-1])) @ vectors.T
    return matrix


@dataclass
class Run:
    """Where a climb stands.

    ``history`` holds the objective at every accepted E-step, ``steps`` counts all of them, taken
    back ones included; ``gain`` is the predicted gain still to come and ``quiet`` for how many cycles it was
    below the tolerance.
    """

    parameters: Parameters
    found: Statistics
    objective: float
    steps: int = 1
    gain: float = np.inf
    converged: bool = False
    quiet: int = 0
    history: list[float] = field(default_factory=list)


def begin(problem: Deconvolution, parameters: Parameters) -> Run:
    """A run at its start."""
    found = problem.statistics(parameters)
    value = _checked(problem.objective(parameters, found))
    return Run(parameters, found, value, history=[value])


def _checked(value: float) -> float:
    """`value`, or ValueError where it is not finite."""
    if np.isfinite(value):
        return value
    raise ValueError(
        "the likelihood has no maximum in double precision: a component has shrunk onto points "
        "without errors, or an outlier stretches it beyond measure. Use the default priors "
        "(regularization=None) or a larger regularization, fewer components, or drop such rows."
    )


def climb(
    problem: Deconvolution,
    start: Parameters | Run,
    *,
    tolerance: float,
    max_steps: int,
    accelerate: bool = True,
    report: object = None,
) -> Run:
    """Run EM until the gain to come is below `tolerance` nats, or for `max_steps` E-steps.

    ``report(run)`` is called after every cycle; it returns True to stop.
    """
    run = start if isinstance(start, Run) else begin(problem, start)
    run = replace(run, history=list(run.history), converged=False)
    limit = run.steps + max_steps
    while run.steps < limit:
        _cycle(problem, run, accelerate)
        run.quiet = run.quiet + 1 if run.gain < tolerance else 0
        run.converged = run.quiet >= QUIET
        if (report is not None and report(run)) or run.converged:  # type: ignore[operator]
            break
    return run


def _advance(problem: Deconvolution, run: Run) -> float:
    """One EM step; returns the gain."""
    new = step(problem, run.parameters, run.found)
    found = problem.statistics(new)
    value = _checked(problem.objective(new, found))
    gain = value - run.objective
    run.parameters, run.found, run.objective = new, found, value
    run.steps += 1
    run.history.append(value)
    return gain


def _cycle(problem: Deconvolution, run: Run, accelerate: bool) -> None:
    """Two EM steps and, where asked for, a leap and one more EM step."""
    first = run.parameters
    gain_1 = _advance(problem, run)
    second = run.parameters
    gain_2 = _advance(problem, run)
    if gain_2 <= 1e-14 * max(1.0, abs(run.objective)):
        run.gain = max(gain_2, 0.0)  # round-off
        return
    # After a leap the first gains are of fast directions: the slow ones are given a ratio of 0.9.
    ratio = min(max(gain_2 / gain_1, 0.9), 0.9999) if gain_1 > 0 else 0.9999
    run.gain = gain_2 * ratio / (1 - ratio)
    if not accelerate:
        return
    layout = problem.layout
    try:
        theta_0, theta_1, theta_2 = (layout.flat(p) for p in (first, second, run.parameters))
    except np.linalg.LinAlgError:  # singular to rounding: no coordinates to leap in
        return
    r = theta_1 - theta_0
    v = theta_2 - theta_1 - r
    size = float(np.linalg.norm(v))
    length = float(np.linalg.norm(r)) / size if size > 0 else 1.0
    for _ in range(3):
        if length <= 1.0:
            return
        with np.errstate(over="ignore", invalid="ignore"):  # a leap too far is refused below
            leap = layout.parameters(theta_0 + 2 * length * r + length**2 * v)
            found = problem.statistics(leap)
            run.steps += 1
            value = problem.objective(leap, found)
        if np.isfinite(value) and value >= run.objective:
            run.parameters, run.found, run.objective = leap, found, value
            run.history.append(value)
            _advance(problem, run)
            return
        length = (length + 1.0) / 2 if length > 2 else 1.0
