"""What can go wrong with classes: probabilities too sure, wrong labels, wrong errors, other objects, copies.

Probabilities are judged on objects that a fit did not see: of five parts in turn, or of one where there are
many, by a few fits to the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.classes import inputs
from bayes_astro.classes.adaptation import GROUP
from bayes_astro.classes.probabilities import joined, members, posterior_of
from bayes_astro.classes.problem import class_of
from bayes_astro.classes.repeats import copies
from bayes_astro.classes.scores import temperature
from bayes_astro.diagnostics import MISFIT, Check, repeated_in_columns
from bayes_astro.draws import thinned
from bayes_astro.mixtures import row_checks, strangeness
from bayes_astro.mixtures.strangeness import UNUSUAL

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["checks", "held_out"]

PARTS, MOST, FITS, JUDGED = 5, 2000, 6, 50
FAILED, NOTED = 0.3, 0.15
"""Errors of log T beyond three of its standard deviations."""
SURPRISE, WRONG = 1e-3, 0.004
"""Probability of its label from which a row is a surprise; the share of such rows beyond those expected."""
SOME, UNDERSTATED, OVERSTATED = 4000, 0.12, 0.3
"""Rows by which errors are judged; rank correlations of scatter with errors that fail. Components that are
wider than their rows, as few rows and the prior make them, have one of -0.1."""
COPIES = 0.01
STRANGE = 0.01
POPULATION = (0.2, 0.12)
"""Shares of copies, and of objects of another population that are like none that trained; distances of their
tail probabilities from uniform that fail and are noted, beyond what their number allows."""


def checks(model: Any) -> list[Check]:
    """All of them."""
    rows = inputs.labelled(model.data, model.brightness)
    found = [*_few(model, rows), _copies(rows), _repeated(model, rows)]
    if GROUP in model.posterior:
        found += _population(model)
    share, codes = model.held_out_probabilities()
    return [
        *found,
        *_calibrated(share, codes),
        *_surprises(model, share, codes),
        *_errors(model, rows),
    ]


def held_out(model: Any, draws: Any, data: Any, quantiles: np.ndarray) -> xr.Dataset:
    """Probabilities of training rows by fits that did not see them, and the places of their classes.

    As many components as the draws have; nothing where a class is too small to be divided. With the rows'
    tail probabilities, by the `quantiles` of the whole.
    """
    import xarray as xr

    from bayes_astro.samplers import MAP

    rows = inputs.labelled(data, model.brightness)
    names = rows.classes
    priors = model.resolve_priors(data)
    codes = rows.codes(names)
    order = np.random.default_rng(5).permutation(len(rows))
    parts = np.array_split(order, PARTS)
    if len(rows) > MOST:
        parts = [order[: min(MOST, len(rows) // PARTS)]]
    share, tail = np.full((len(rows), len(names)), np.nan), np.full(len(rows), np.nan)
    soft = inputs.soft_of(rows)
    for part in parts:
        rest = rows[np.setdiff1d(np.arange(len(rows)), part)]
        counts = np.bincount(rest.codes(names), minlength=len(names))
        if counts.min() < rest.missing.shape[1] + 2:
            break
        as_many = {
            name: min(sum(class_of(str(x)) == name for x in draws["component"].values) - 1, int(n))
            for name, n in zip(names, counts, strict=True)
        }
        trial = model.copy(n_components=as_many, n_fits=min(FITS, model.n_fits), bootstrap=True)
        problem = trial.problem(rest, priors)
        search = MAP(restarts=1, tolerance=max(1.0, 1e-3 * len(rest)), moves=0)
        found = problem.maximum(search, np.random.default_rng(6), False)["posterior"]
        found = found.expand_dims("chain").rename(sample="draw")
        measured = inputs.measured(rows[part], soft, model.transform, model.brightness)
        share[part] = posterior_of(found, measured)[0].mean(axis=0).T
        u = strangeness.statistic(joined(found), measured)
        tail[part] = strangeness.tail_probability(u, (~measured.missing).sum(axis=1), quantiles)
    judged = ~np.isnan(share[:, 0])
    return xr.Dataset(
        {
            "probability": (("judged", "class"), share[judged]),
            "code": ("judged", codes[judged]),
            "tail_probability": ("judged", tail[judged]),
        },
        {"class": list(names)},
    )


def _calibrated(share: np.ndarray, codes: np.ndarray) -> list[Check]:
    """The power of the probabilities that would be calibrated, and whether classes are told apart."""
    if len(codes) < JUDGED:
        return [
            Check(
                "calibration of classes",
                None,
                float(len(codes)),
                "too few rows were held out, or a class is too small to be divided: whether probabilities "
                "are what they say is not known",
                f"rows held out, at least {JUDGED}",
            )
        ]
    wrong = int(np.sum(share.argmax(axis=1) != codes))
    fraction = np.bincount(codes, minlength=share.shape[1]) / len(codes)
    gain = float(np.mean(np.log(np.maximum(share[np.arange(len(codes)), codes], 1e-12))))
    gain -= float(np.sum(fraction * np.log(np.maximum(fraction, 1e-300))))
    found = [
        Check(
            "classes told apart",
            True if gain > 0 else None,
            gain,
            "the probabilities are no better than the classes' fractions: other columns, or smaller errors",
            "nats a row that held-out probabilities gain over the fractions, above 0",
        )
    ]
    if wrong < 5:
        return found  # no error in what they say can be seen
    log_t, error = temperature(share, codes)
    off = abs(log_t) - 3 * error
    kind = "too sure" if log_t > 0 else "not sure enough"
    verdict = False if off > FAILED else (None if off > NOTED else True)
    return [
        Check(
            "calibration of classes",
            verdict,
            float(np.exp(log_t)),
            f"probabilities are {kind}: raised to the power {np.exp(-log_t):.2f} they would be calibrated on "
            f"{len(codes)} rows that were held out; more fits (n_fits), fewer components, or other columns",
            f"temperature, 1 within a factor {np.exp(FAILED):.2f}",
        ),
        *found,
    ]


def _surprises(model: Any, share: np.ndarray, codes: np.ndarray) -> list[Check]:
    """Rows whose label the others all but exclude, against how many their probabilities expect."""
    if not len(codes):
        return []
    own = share[np.arange(len(codes)), codes]
    seen = int(np.sum(own < SURPRISE))
    expected = float(np.sum(share[share < SURPRISE]))
    excess = (seen - expected - 3 * np.sqrt(expected + 1)) / len(codes)
    return [
        Check(
            "labels as the others have them",
            bool(excess < WRONG),
            seen / len(codes),
            f"{seen} of {len(codes)} held-out rows have a label of probability below {SURPRISE:g}, where "
            f"{expected:.1f} are expected: labels are wrong, or classes have members that are like another "
            "class. Look at them: model.probability(data) beside data.label",
            f"share of surprising labels, at most {WRONG:g} more than expected",
        )
    ]


def _few(model: Any, rows: Any) -> list[Check]:
    """The class that trains on the fewest rows for its parameters."""
    counts = np.bincount(rows.codes(model.classes), minlength=len(model.classes))
    d = rows.missing.shape[1]
    least = int(np.argmin(counts))
    return [
        Check(
            "rows of the smallest class",
            True if counts[least] >= 10 * (d + 1) else None,
            float(counts[least]),
            f"{model.classes[least]!r} trains on few rows, so that its density is the prior's more than theirs",
            f"at least {10 * (d + 1)}, ten for each column and one",
        )
    ]


def _copies(rows: Any) -> Check:
    """Whether rows were copied, as oversampling does."""
    again = copies(rows)
    share = float(again.mean())
    return Check(
        "no copied rows",
        False if share > COPIES else (None if again.any() else True),
        share,
        f"{int(again.sum())} rows are copies of others, the first is row {int(np.argmax(again))}: fractions and "
        "uncertainties count them as if they were new. Leave them out; for other fractions see adapt()",
        f"at most {COPIES:g}",
    )


def _repeated(model: Any, rows: Any) -> Check:
    """Marks that were taken for measurements."""
    measured = inputs.measured(rows, model._softening(model.data), model.transform, True)
    values = {name: measured.column(name) for name in measured.names}
    return repeated_in_columns(values, "mark them as missing (NaN), or leave them out")


def _errors(model: Any, rows: Any) -> list[Check]:
    """Whether rows lie far out in their class, or near its middle, according to the size of their errors."""
    from scipy.stats import spearmanr

    draws = thinned(model.posterior["posterior"].to_dataset(), FITS).isel(chain=[0])
    some = rows
    if len(rows) > SOME:
        some = rows[np.sort(np.random.default_rng(2).choice(len(rows), SOME, replace=False))]
    measured = model._measured(some, model._softening(model.data))
    codes = some.codes(model.classes)
    near, noise = np.full((2, len(some)), np.nan)
    for c, k in enumerate(members(draws)):
        own = np.flatnonzero(codes == c)
        tail, _, share = row_checks.tails(draws.isel(component=k), measured, own)
        near[own], noise[own] = tail, np.nanmean(share, axis=1)
    known = ~np.isnan(near)
    if known.sum() < 30 or np.ptp(noise[known]) < row_checks.LEAST_SHARE:
        return []
    test = spearmanr(1 - near[known], noise[known])
    statistic, chance = float(test.statistic), float(test.pvalue)
    size = "larger" if statistic > 0 else "smaller"
    strong = not -OVERSTATED < statistic < UNDERSTATED
    return [
        Check(
            "errors as stated",
            not (strong and chance < MISFIT),
            statistic,
            f"rows with larger errors scatter about their class as if these were {size} than stated: scale "
            "them, data.replace(error=...); or noisy rows are of another kind, as faint ones may be",
            f"rank correlation of scatter with errors, -{OVERSTATED:g} to {UNDERSTATED:g}",
        )
    ]


def _population(model: Any) -> list[Check]:
    """Whether the objects that the model was adapted to are like those that trained."""
    from scipy.stats import binom, kstest

    tail = model.posterior[GROUP]["tail_probability"].values
    strange = int(np.sum(tail < UNUSUAL))
    share = strange / len(tail)
    trained = float(model.posterior["reference"].attrs["unusual"])  # real classes have tails
    often = float(binom.sf(strange - 1, len(tail), 2 * max(UNUSUAL, trained)))
    limit = STRANGE + 2 * trained
    test = kstest(tail, "uniform")
    off = float(test.statistic) - 1.95 / np.sqrt(len(tail))
    return [
        Check(
            "objects like those that trained",
            not (share > limit and often < MISFIT),
            share,
            f"{strange} of {len(tail)} objects are like none that trained: a class that training never saw, other "
            "errors, or marks; model.summary(data) says which. The fractions count them as the nearest class",
            f"share of unusual objects, at most {limit:.3g}",
        ),
        Check(
            "population as the classes have it",
            False if off > POPULATION[0] else (None if off > POPULATION[1] else True),
            float(test.statistic),
            "the objects do not scatter about the classes as those that trained do: the classes look "
            "otherwise there, or the errors are not as stated, and the fractions are not to be trusted",
            f"K-S distance of tail probabilities from uniform, to {POPULATION[0]:g}",
        ),
    ]
