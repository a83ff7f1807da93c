r"""What published errors are worth: a factor for each band and an error common to all, inferred.

The errors of the magnitudes of object i are taken as

.. code-block:: text

    S_i = diag(kappa_1^2 sigma_i1^2, ..., kappa_m^2 sigma_im^2) + tau^2 1 1'
    kappa_b ~ LogNormal(0, 0.5),    tau ~ HalfNormal(0.05 mag)

and (kappa, tau) maximise the hyperprior times the probability of redshifts that were held out,

.. code-block:: text

    log p(kappa, tau) + sum_folds sum_(i in fold) log p(z_i | x_i, mixture of the other fold)

It is the conditional density that is scored: the joint one would spend kappa on the shape of the
magnitudes. And it is the average of several fits where the model averages them: small errors make
single fits overconfident, and the ensemble sharper without being so. The search is by coordinates: all
bands together down and up a grid, tau, each band by itself (by the first of the fits, and kept if the
ensemble gains, too), tau again; every trial goes on from the mixtures of the best one before it. A
move is made if it gains more than 0.005 nats for each object and more than twice the standard error of
the gain, which the differences of the objects' own scores give: of scales that the data cannot tell
apart, those nearest to what was published are kept. Without that, the best of some twenty trials is a
matter of luck, and scales that are one wander by a third or more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bayes_astro.data import Photometry
from bayes_astro.likelihoods.mixture_objects import conditionals
from bayes_astro.mixtures.coordinates import Parameters
from bayes_astro.mixtures.expectation import Deconvolution, climb
from bayes_astro.mixtures.features import features, softening
from bayes_astro.mixtures.search import best
from bayes_astro.photoz import training
from bayes_astro.photoz.conditional import RedshiftDensity
from bayes_astro.priors import Prior
from bayes_astro.samplers.progress import Progress

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["infer"]

MOST_OBJECTS = 5000
MOST_COMPONENTS = 20
MOST_FITS = 3
"""Of an ensemble that is scored."""
WARM_STEPS = 24
DOWN = (-0.7, -1.4, -2.1, -2.8, -3.5, -4.2)
UP = (0.5, 1.0, 1.5, 2.0)
"""Logarithms of a scale for all bands, tried until the score falls twice."""
COMMON = (0.003, 0.01, 0.02, 0.04, 0.08)
STEPS = (0.7, 0.35)
MARGIN = 0.005
"""Gain in nats for each object that a move must bring: fits from other starts differ by as much."""
ERRORS = 2.0
"""Standard errors of the gain that it must exceed as well."""


@dataclass
class Trial:
    """A point of the search: log kappa (m,), tau, and the mixtures of both folds.

    ``prior`` is its log density, ``scores`` (n,) those of the held-out redshifts; ``mixtures`` are
    those of each fold, and ``noise`` (K, m) the mean published variance of each component's objects.
    """

    log_scale: np.ndarray
    common: float
    prior: float
    scores: np.ndarray
    mixtures: tuple[list[Parameters], list[Parameters]]
    noise: tuple[list[np.ndarray], list[np.ndarray]]

    @property
    def value(self) -> float:
        """The log posterior, up to a constant."""
        return self.prior + float(self.scores.sum())

    def beats(self, other: Trial) -> bool:
        """Whether it is better by more than luck."""
        difference = self.scores - other.scores
        n = len(difference)
        luck = ERRORS * np.sqrt(n) * float(np.std(difference))
        return self.value - other.value > max(MARGIN * n, luck)


class Objective:
    """The log posterior of (log kappa, tau), up to a constant."""

    def __init__(
        self,
        data: Photometry,
        transform: str,
        components: int,
        fits: int,
        priors: dict[str, Prior],
        seed: int,
    ) -> None:
        self.rng = np.random.default_rng([seed, 3])
        rows = self.rng.permutation(len(data))[:MOST_OBJECTS]
        self.folds = [data[np.sort(rows[::2])], data[np.sort(rows[1::2])]]
        self.data, self.transform, self.priors = data, transform, priors
        self.soft = softening(data)
        self.fits = min(fits, MOST_FITS)
        self.components = max(1, min(components, MOST_COMPONENTS, len(self.folds[0]) // 60))
        self.variance = [features(fold, self.soft, transform)[1] ** 2 for fold in self.folds]
        self.trials: list[Trial] = []

    def __call__(
        self,
        log_scale: np.ndarray,
        common: float,
        near: Trial | None = None,
        fits: int | None = None,
    ) -> Trial:
        """Fit mixtures to each fold, from those of a trial near by, and score the other's redshifts."""
        kappa = np.exp(log_scale)
        prior = float(np.sum(self.priors["error_scale"].log_density(kappa) + log_scale))
        prior += float(self.priors["common_error"].log_density(common))
        scores: list[np.ndarray] = []
        trial = Trial(log_scale, common, prior, np.zeros(0), ([], []), ([], []))
        for fold, own in enumerate(self.folds):
            measured = training.joint(own, self.transform, kappa, common, self.soft)
            problem, shift, scale = training.problem(measured, self.components, self.priors)
            tolerance = 1e-3 * len(own)
            for i in range(fits or self.fits):
                if near is None:
                    run, _ = best(
                        problem, self.rng, restarts=2, tolerance=tolerance, max_steps=150, moves=0
                    )
                else:
                    start = self.moved(near, fold, i, kappa, common, scale)
                    run = climb(problem, start, tolerance=tolerance, max_steps=WARM_STEPS)
                trial.mixtures[fold].append(run.parameters)
                trial.noise[fold].append(self.component_noise(problem, run.parameters, fold))
            arrays = training.unscaled(trial.mixtures[fold], shift, scale)
            arrays["covariance"][..., :-1, :-1] += common**2
            density = RedshiftDensity(
                own.bands, own.unit or "", self.transform, self.soft, kappa, **arrays,
            )  # fmt: skip
            other = self.folds[1 - fold]
            each = density.at(other, np.asarray(other.redshift))[0]
            scores.append(np.logaddexp.reduce(each, axis=0) - np.log(len(each)))
        trial.scores = np.concatenate(scores)
        self.trials.append(trial)
        return trial

    def component_noise(self, problem: Deconvolution, found: Parameters, fold: int) -> np.ndarray:
        """Mean published variance of the objects of each component, weighted by their shares."""
        log_share, *_ = conditionals(
            *problem.points.arrays(), found.weight, found.mean, found.covariance, 0.0
        )
        share = np.exp(log_share - log_share.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        variance = self.variance[fold][problem.points.order]
        measured = ~np.isnan(variance)
        total = share.T @ np.nan_to_num(variance)
        return total / np.maximum(share.T @ measured, 1e-10)

    def moved(
        self, near: Trial, fold: int, i: int, kappa: np.ndarray, common: float, scale: np.ndarray
    ) -> Parameters:
        """Mixture i of `near` for other errors: what they lose, the covariances gain.

        The sum of both is what is seen, and stays; at least a hundredth of it is left to the
        covariance in every direction.
        """
        old, noise = near.mixtures[fold][i], near.noise[fold][i]
        m = len(kappa)
        covariance = old.covariance.copy()
        for k in range(len(noise) - 1):  # not the background
            before, after = np.zeros((2, m + 1, m + 1))
            for matrix, factor, tau in (
                (before, np.exp(near.log_scale), near.common),
                (after, kappa, common),
            ):
                matrix[:m, :m] = np.diag(factor**2 * noise[k]) + tau**2
                matrix /= np.outer(scale, scale)
            seen = np.linalg.cholesky(old.covariance[k] + before)
            inverse = np.linalg.inv(seen)
            values, vectors = np.linalg.eigh(
                inverse @ (old.covariance[k] + before - after) @ inverse.T
            )
            root = seen @ vectors
            covariance[k] = (root * np.maximum(values, 0.01)) @ root.T
        return Parameters(old.weight, old.mean, covariance)


def infer(
    data: Photometry,
    transform: str,
    components: int,
    fits: int,
    priors: dict[str, Prior],
    common_error: float | None,
    seed: int,
    progress: bool,
) -> tuple[np.ndarray, float, xr.Dataset]:
    """Scale of each band (m,), the common error, and all trials as a dataset.

    Parameters
    ----------
    data : Photometry
        With a redshift for each object.
    components, fits : int
        Of the mixtures, and how many are averaged.
    priors : dict
        Of the mixture, ``error_scale`` and ``common_error``.
    common_error : float or None
        A value to keep; None infers it.
    """
    import xarray as xr

    m = len(data.bands)
    objective = Objective(data, transform, components, fits, priors, seed)
    tau = 0.0 if common_error is None else common_error
    with Progress(20 + 2 * len(STEPS) * m, "error scales", shown=progress) as bar:

        def tried(log_scale: np.ndarray, common: float, near: Trial, fits: int | None) -> Trial:
            trial = objective(log_scale, common, near, fits)
            bar.at(min(len(objective.trials), bar.total), f"log score {trial.value:.1f}")
            return trial

        def better(top: Trial, log_scale: np.ndarray, common: float, fits: int | None) -> Trial:
            trial = tried(log_scale, common, top, fits)
            return trial if trial.beats(top) else top

        # Once more: trials go on from here, and more steps alone are not a gain of theirs.
        first = top = tried(np.zeros(m), tau, objective(np.zeros(m), tau), None)
        for levels in (DOWN, UP):
            fell, last = 0, first
            for level in levels if top is first else ():
                last, before = tried(np.full(m, level), tau, last, None), last
                fell = fell + 1 if last.value < before.value else 0
                top = last if last.beats(top) else top
                if fell == 2:
                    break
        for tau in COMMON if common_error is None else ():
            before = top
            top = better(top, top.log_scale, tau, None)
            if top is before and tau > 0.02:
                break
        start = single = tried(top.log_scale, top.common, top, 1)
        for step in STEPS:
            for band in range(m if m > 1 else 0):
                for sign in (-1, 1):
                    moved = single.log_scale.copy()
                    moved[band] += sign * step
                    before = single
                    single = better(single, moved, single.common, 1)
                    if single is not before:
                        break
        if single is not start:
            top = better(top, single.log_scale, single.common, None)
        for factor in (0.5, 1.5) if common_error is None and top.common > 0 else ():
            top = better(top, top.log_scale, factor * top.common, None)
    trials = xr.Dataset(
        {
            "log_posterior": ("trial", np.array([one.value for one in objective.trials])),
            "scale": (("trial", "band"), np.exp([one.log_scale for one in objective.trials])),
            "common": ("trial", np.array([one.common for one in objective.trials])),
            "fits": ("trial", np.array([len(one.mixtures[0]) for one in objective.trials])),
        },
        {"band": list(data.bands)},
        attrs={"objects": sum(len(fold) for fold in objective.folds)},
    )
    return np.exp(top.log_scale), top.common, trials
