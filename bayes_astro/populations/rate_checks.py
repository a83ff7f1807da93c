"""Whether rates and their population are to be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.data.counts import Counts
from bayes_astro.diagnostics import MISFIT, Check
from bayes_astro.draws import thinned
from bayes_astro.populations import rate_prediction
from bayes_astro.priors import recorded
from bayes_astro.samplers.curvature import climb
from bayes_astro.stated_errors import FACTORS, flat_middle, judged

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["checks", "enough", "tails"]

ENOUGH = 400  # draws over which the tails of single sources are averaged
WORK = 2e8  # terms of sums that these may take
DIFFERENT = 8  # counts from which a common factor is no chance
STEPS = 60  # of a climb with another background
DECIDED = 0.7  # width of a posterior over that of its prior, above which the prior decides


def enough(model: Any, draws: xr.Dataset, data: Counts) -> xr.Dataset:
    """Draws enough for a tail probability, fewer where counts are many."""
    each = 40 if model.hyperprior == "log-normal" else 1  # nodes of a quadrature
    count = WORK / (each * float(np.sum(data.counts + 1)))
    return thinned(draws, int(np.clip(count, 20, ENOUGH)))


def tails(model: Any, draws: xr.Dataset, data: Counts) -> np.ndarray:
    """Probability of counts as far out under the population that the other sources tell, (n,).

    The draws are weighed with the inverse of the source's own likelihood, which takes it out.
    """
    fewer, same, _ = rate_prediction.distribution(model, draws, data)
    own = rate_prediction.log_densities(model, draws, data)
    weight = np.exp(own.min(axis=0) - own)
    weight /= weight.sum(axis=0)
    below, above = np.sum(weight * (fewer + same), axis=0), np.sum(weight * (1 - fewer), axis=0)
    return np.clip(2 * np.minimum(below, above), 0, 1)


def checks(model: Any) -> list[Check]:
    """Of a population its dispersion, outlying sources and parameters; of independent rates limits."""
    if model.hyperprior == "independent":
        return [multiples(model.data), upper_limits(model)]
    few = enough(model, model.posterior["posterior"].to_dataset(), model.data)
    score = model.normal_residuals(few, model.data)
    return [
        dispersion(score),
        outlying(model),
        multiples(model.data),
        *exposures(score, model.data),
        *background(model),
        *constrained(model),
    ]


def multiples(data: Counts) -> Check:
    """Whether all counts are multiples of a number, as where a gain or an average was left in."""
    counts = np.asarray(data.counts, dtype=np.int64)
    seen = counts[counts > 0]
    common = int(np.gcd.reduce(seen)) if len(seen) else 1
    return Check(
        "counts of single events",
        not (common > 1 and len(seen) >= DIFFERENT and np.ptp(seen) > 0),
        common,
        f"every count is a multiple of {common}: they are no single events, and Poisson errors do not hold; "
        f"divide by {common}, or undo what was multiplied",
        "no common factor",
    )


def exposures(score: np.ndarray, data: Counts) -> list[Check]:
    """Whether rates go with the exposures, which the population does not know."""
    from scipy.stats import spearmanr

    exposure = np.asarray(data.exposure)
    if len(exposure) < 2 * DIFFERENT or np.ptp(exposure) < 0.1 * np.median(exposure):
        return []
    test = spearmanr(score.reshape(-1, score.shape[-1]).mean(axis=0), exposure)
    return [
        Check(
            "rates beside exposures",
            bool(test.pvalue >= MISFIT),
            float(test.pvalue),
            "rates are larger or smaller where exposures are long: sources were chosen, or exposures set, by "
            "their rates, or exposures are wrong; means and predictions do not hold",
            f"rank correlation: probability at least {MISFIT:g}",
        )
    ]


def upper_limits(model: Any) -> Check:
    """A note where sources are not seen above their background."""
    few = int(np.sum(model.data.counts <= model.data.expected_background))
    return Check(
        "counts above background",
        True if few == 0 else None,
        few,
        f"{few} sources have no more counts than their background: of their rates only an upper "
        "limit is known, which depends on the prior; state it with the result",
        "no source without",
    )


def dispersion(score: np.ndarray) -> Check:
    """Chi-square of the normal scores of all counts under the population."""
    from scipy.stats import chi2

    tail = float(np.mean(chi2.sf(np.sum(score**2, axis=-1), score.shape[-1])))
    advice = (
        "the counts scatter more than the population allows: try hyperprior='log-normal'"
        if tail < 0.5
        else "the counts scatter less than independent Poisson counts can: is the background "
        "stated too high, or were they averaged, or counted twice?"
    )
    limit = f"chi-square tail probability {MISFIT:g} to {1 - MISFIT:g}"
    return Check("dispersion", MISFIT <= tail <= 1 - MISFIT, tail, advice, limit)


def background(model: Any) -> list[Check]:
    """How much higher the maximum is where a known background is another multiple."""
    data = model.data
    if data.background is None or model.hyperprior != "gamma" or not np.any(data.background > 0):
        return []
    problem = model.problem(data, recorded(model))
    start = flat_middle(model, problem)[None]

    def height(factor: float) -> float:
        scaled = data.replace(background=factor * data.background)
        return climb(model.problem(scaled, problem.priors).density, start, STEPS)[1]

    return judged(height, FACTORS, "the rates", "background")


def outlying(model: Any) -> Check:
    """The source that the others expect least."""
    tail = model.posterior["sources"]["tail"]
    name = str(tail["source"].values[int(np.argmin(tail.values))])
    figure = min(1.0, float(tail.min()) * tail.size)
    other = "log-normal" if model.hyperprior == "gamma" else "gamma"
    return Check(
        "outlying sources",
        figure >= MISFIT,
        figure,
        f"the other sources do not expect the counts of {name}: look at plot('overview'), and "
        f"try hyperprior={other!r}, or fit without it",
        f"smallest tail probability times the number of sources at least {MISFIT:g}",
    )


def constrained(model: Any) -> list[Check]:
    """A note for each parameter of the population that the prior decides."""
    if model.posterior["posterior"].sizes["draw"] < 2:  # a maximum has no width
        return []
    rng = np.random.default_rng(0)
    found = []
    for name, prior in recorded(model).items():
        # A rate is known to a factor; a scatter that may be zero has no logarithm worth a width.
        scale = np.asarray if name.endswith("scatter") else np.log
        before = scale(prior.sample(rng, 4000))
        values = scale(model.posterior["posterior"][name].values)
        width = [float(np.subtract(*np.quantile(x, [0.84, 0.16]))) for x in (values, before)]
        share = width[0] / width[1]
        found.append(
            Check(
                f"{name} constrained",
                True if share <= DECIDED else None,
                share,
                f"the prior of {name} decides: there are too few sources or counts; state the "
                "prior with the result",
                f"68% interval at most {DECIDED} as wide as the prior's",
            )
        )
    return found
