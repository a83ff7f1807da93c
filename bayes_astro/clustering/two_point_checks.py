"""Whether a correlation function can be trusted: its form, its errors, its random points."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro import diagnostics, residuals
from bayes_astro.clustering.correlation_form import Form
from bayes_astro.clustering.estimates import Scatter
from bayes_astro.clustering.footprint import clumps
from bayes_astro.clustering.pair_counts import PairCounts
from bayes_astro.clustering.power_law import slopes
from bayes_astro.clustering.separations import KINDS, cells_of
from bayes_astro.diagnostics import MISFIT, Check
from bayes_astro.priors import recorded
from bayes_astro.residuals import NOTED

__all__ = ["checks"]

DECIDES, ALONE = 0.5, 0.65  # of the prior's variance that data leave: a note, and a failure
FEW, FEWEST = 30, 10  # pairs in a bin: a note, and a failure
RANDOM, TOO_FEW = 5, 1  # random points for each object
BELOW = 0.5  # of the Poisson variance, which no covariance can be below
BIASED, SHIFTED = 2.0, 0.5  # what is taken off, in standard deviations of a constant
OUTSIDE, EMPTY = 0.002, 0.03  # shares of objects without random points, and of empty cells
POINTS = 40
SURE = 3.0  # sd by which g departs from zero

LEANS = 2.7, 3.4
"""sd of the mean position that are noted, and that fail: the largest of eight directions."""


def checks(model: Any) -> list[Check]:
    """Of a fitted `ba.TwoPointCorrelation`."""
    data: PairCounts = model.data
    form = Form(data, model.pivot)
    posterior = model.posterior["posterior"]
    values = {
        str(name): float(np.median(array))
        for name, array in posterior.data_vars.items()
        if array.ndim == 2
    }
    found = [
        diagnostics.goodness_of_fit(
            model,
            "xi may be of another form (smooth=True, offset=True), or the errors too small",
        ),
        *residuals.white(
            residuals.of_draws(model),
            "neighbouring bins depart to the same side: xi is of another form, or the covariance has no "
            "correlations between bins; take that of a jackknife, and smooth=True",
        ),
        _bent(model) if model.smooth else _curved(form, values, data),
        _decided(model),
    ]
    if data.expected is not None:
        found += [_pairs(data), *_poisson(data)]
    if data.method == "jackknife":
        found.append(_patches(data))
    if data.method == "analytic":
        found.append(
            Check(
                "covariance of the bins",
                None,
                0.0,
                "the errors are those of Poisson pairs: bins are taken for independent, and what clustering "
                "adds is left out, so that they are too small where objects cluster; take a jackknife",
                "correlations are known",
            )
        )
    if data.random_points and data.objects and len(data.field_share):
        found += _random_points(data, _over_the_field(model, form))
    if len(data.field_share) and not model.offset:
        found.append(_constraint(_over_the_field(model, form), data))
    return found


def _over_the_field(model: Any, form: Form) -> np.ndarray:
    """xi at the separations of the field: the median curve, going on as it ends.

    Below the first bin it stays what it is there; beyond the last one it falls as over the last third
    of the bins.
    """
    from bayes_astro.clustering.two_point_draws import at_separations

    data = model.data
    draws = diagnostics.few(model.posterior["posterior"].to_dataset(), 200, POINTS)
    x = np.linspace(np.log(data.lower[0]), np.log(data.upper[-1]), POINTS)
    level = np.log(np.median(at_separations(draws, form, np.exp(x)), axis=(0, 1)))
    away = np.log(np.asarray(data.field_separation))
    third = POINTS // 3
    slope = min((level[-1] - level[-third - 1]) / (x[-1] - x[-third - 1]), 0.0)
    return np.exp(np.interp(away, x, level) + slope * np.maximum(away - x[-1], 0))


def _curved(form: Form, values: dict[str, float], data: PairCounts) -> Check:
    """What a parabola in log r would gain: Student's t of its coefficient."""
    from scipy import stats

    scatter = Scatter(data)
    unit = values["amplitude"] * form.weights * np.exp(-values["gamma"] * form.nodes)
    design = [slopes(form, values["amplitude"], values["gamma"])]
    if "offset" in values:
        design.append(np.ones((len(data), 1)))
    column = scatter.whiten @ np.sum(unit * (form.nodes - form.middle) ** 2, axis=1)
    rest = scatter.whiten @ np.concatenate(design, axis=1)
    column = column - rest @ np.linalg.lstsq(rest, column)[0]
    left = scatter.whiten @ (data.estimate - form.expected(values))
    t = float(column @ left / np.sqrt(column @ column))
    freedom = data.patches - len(data) if data.method == "jackknife" else np.inf
    tail = float(2 * stats.t.sf(abs(t), freedom)) if np.isfinite(t) else 1.0
    return Check(
        "power law",
        True if tail >= NOTED else (False if tail < MISFIT else None),
        tail,
        "log xi bends against log r: fit with smooth=True, or a smaller range of separations",
        f"probability of such a curvature at least {NOTED:g}",
    )


def _bent(model: Any) -> Check:
    """Whether the process departs from zero."""
    from bayes_astro.clustering.two_point_draws import at_separations

    data = model.data
    form = Form(data, model.pivot)
    draws = diagnostics.few(model.posterior["posterior"].to_dataset(), 200, len(data))
    line = draws.drop_vars("bend")
    g = np.log(at_separations(draws, form, data.middle) / at_separations(line, form, data.middle))
    size = np.abs(g.mean(axis=(0, 1))) / np.maximum(g.std(axis=(0, 1)), 1e-12)
    k = int(np.argmax(size))
    factor = float(np.exp(g.mean(axis=(0, 1))[k]))
    return Check(
        "power law",
        True if size[k] < SURE else None,
        float(size[k]),
        f"xi at {data.middle[k]:.3g} is {factor:.2f} times the power law: gamma and r0 are those of the line "
        "through it, and of another range of separations they would be others",
        f"departs by less than {SURE:g} sd",
    )


def _decided(model: Any) -> Check:
    values = model.posterior["posterior"]["gamma"].values
    left = float(np.var(recorded(model)["gamma"].normal_score(values)))
    return Check(
        "the data decide the slope",
        True if left <= DECIDES else (False if left > ALONE else None),
        left,
        "gamma is as uncertain as before the data, which see too little clustering: more objects or wider "
        "bins are needed, and r0 means nothing",
        f"at most {DECIDES:g} of its prior's variance",
    )


def _pairs(data: PairCounts) -> Check:
    assert data.expected is not None
    pairs = data.expected * (1 + np.maximum(data.estimate, 0))
    k = int(np.argmin(pairs))
    return Check(
        "pairs in each bin",
        True if pairs[k] >= FEW else (False if pairs[k] < FEWEST else None),
        float(pairs[k]),
        f"in the bin from {data.lower[k]:.3g} to {data.upper[k]:.3g} there are too few pairs for their number "
        "to scatter as a normal does: widen it, or leave it out",
        f"at least {FEW}",
    )


def _poisson(data: PairCounts) -> list[Check]:
    """The covariance against the least that it can be."""
    if not data.objects or not data.random_points or data.method == "analytic":
        return []
    assert data.expected is not None
    ratio = data.random_points / data.objects
    least = (1 + np.maximum(data.estimate, 0)) + 2 / ratio + 1 / ratio**2
    share = float(np.exp(np.mean(np.log(np.diag(data.covariance) * data.expected / least))))
    return [
        Check(
            "errors above Poisson noise",
            share >= BELOW,
            share,
            "the variances are below that of independent pairs, which clustering can only raise: the "
            "covariance is too small by a factor, or objects repeat",
            f"mean ratio to the Poisson variance at least {BELOW:g}",
        )
    ]


def _patches(data: PairCounts) -> Check:
    ratio = data.patches / len(data)
    return Check(
        "patches",
        True if ratio >= 2 else None,
        ratio,
        f"{data.patches} patches know the covariance of {len(data)} bins badly, and Student's t has wide "
        "tails: take more patches, or fewer bins",
        "at least twice the bins",
    )


def _random_points(data: PairCounts, level: np.ndarray) -> list[Check]:
    ratio = data.random_points / data.objects
    found = [
        Check(
            "random points",
            True if ratio >= RANDOM else (False if ratio < TOO_FEW else None),
            ratio,
            "the random points add noise of their own to the estimates: make more of them",
            f"at least {RANDOM} for each object",
        )
    ]
    natural = _natural(data, level)
    far = data.outside > OUTSIDE
    figure = data.outside if far else data.empty
    found.append(
        Check(
            "footprint of the random points",
            not (far or data.empty > natural + EMPTY),
            figure,
            f"{data.outside:.1%} of the objects lie where there are no random points, and {data.empty:.0%} of "
            "the field, where there are random points, has no objects: the random points must be all over where "
            "objects could be seen, and nowhere else; or so few clumps hold the objects that a jackknife "
            "knows nothing of them",
            f"objects outside at most {OUTSIDE:g}, empty cells at most {min(1.0, natural + EMPTY):.2g}",
        )
    )
    if data.lean and data.expected is not None:
        number = clumps(
            data.objects, data.estimate, data.expected, data.lower, data.upper, KINDS[data.kind]
        )
        off = data.lean * float(np.sqrt(number))
        found.append(
            Check(
                "objects lean to no side",
                True if off < LEANS[0] else (False if off > LEANS[1] else None),
                off,
                "objects are more to one side of the field than the random points, as where a survey is "
                "deeper there: all estimates are too high. Random points as dense as objects would be seen",
                f"sd of the mean position of some {number:.0f} clumps, at most {LEANS[0]:g}",
            )
        )
    if data.repeated:
        found.append(
            Check(
                "repeated positions",
                None,
                data.repeated,
                "objects have the position of another one: are they the same, or are coordinates rounded?",
                "none",
            )
        )
    return found


def _natural(data: PairCounts, level: np.ndarray) -> float:
    """Share of empty cells that clustering itself makes.

    The excess variance v of the number N in a cell is the mean of xi over its pairs, taken to be the
    nearest of the field; less xi at the end of the bins, since what is left there may be a fault of the
    footprint. Numbers are negative binomial, or those of N / (1 + N v) clumps, whichever leaves more
    cells empty.
    """
    cells = cells_of(data.objects)
    away, share = np.asarray(data.field_separation), np.asarray(data.field_share)
    end = float(np.interp(np.log(data.upper[-1]), np.log(away), level))
    near = share * (np.cumsum(share) <= max(1 / cells, share[0]))
    excess = max(float(np.sum(near * np.maximum(level - end, 0)) / near.sum()), 1e-6)
    number = data.objects / cells
    binomial = (1 + excess * number) ** (-1 / excess)
    empty = float(max(binomial, np.exp(-number / (1 + excess * number))))
    return empty + 3 * float(np.sqrt(empty * (1 - empty) / cells))


def _constraint(level: np.ndarray, data: PairCounts) -> Check:
    """The mean of xi over the field in units of how well a constant is known."""
    ones = Scatter(data).whiten.sum(axis=1)
    taken = float(np.sum(np.asarray(data.field_share) * level))
    shift = taken * float(np.sqrt(ones @ ones))
    return Check(
        "integral constraint",
        True if shift < SHIFTED else (False if shift > BIASED else None),
        shift,
        f"if xi goes on to the size of the field as it ends, all estimates are too low by {taken:.2g}: fit "
        "with offset=True; if xi is that flat, see whether the random points are as dense as objects would "
        "be everywhere",
        f"bias at most {SHIFTED:g} sd of a constant",
    )
