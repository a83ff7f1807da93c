"""Figures of classes: densities in the planes of colours, reliability, completeness and purity, ROC."""

from __future__ import annotations

import warnings
from itertools import combinations
from typing import Any

import numpy as np

from bayes_astro.plots import style

__all__ = ["FIGURES", "classes", "purity", "reliability", "roc"]

POINTS, PLANES, GRID = 400, 6, 60
REPLICAS = 100
HUES = ("blue", "vermilion", "green", "orange", "purple", "sky")
MARKS = "os^Dvp"
LEVELS = (0.95, 0.68)


def _judged(model: Any, at: Any) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (n, class) and classes of labelled objects: given ones, or held out in turn."""
    if at is None:
        return model.held_out_probabilities()
    codes = at.codes(model.classes)
    if (codes < 0).all():
        raise ValueError(
            "at: this figure compares with known classes, and no row has a label of "
            f"{', '.join(model.classes)}."
        )
    known = at[np.flatnonzero(codes >= 0)]
    return model.probability(known)["probability"].values, codes[codes >= 0]


def _hue(c: int) -> str:
    return style.COLOURS[HUES[c % len(HUES)]]


def classes(model: Any, at: Any = None) -> style.Drawing:
    """Classes in planes of two columns or colours: objects, and what holds 68 and 95% of each density.

    Of more than four columns the planes of neighbours. `at`: other objects, which take the colour of the
    most probable class; hollow ones are unusual.
    """
    draws = model.posterior["posterior"].to_dataset()
    names = [str(name) for name in draws["dimension"].values]
    pairs = list(combinations(range(len(names)), 2))
    if len(pairs) > PLANES:
        pairs = [(i, i + 1) for i in range(len(names) - 1)][:PLANES]
    if not pairs:
        return _one_column(model, at)
    columns = min(len(pairs), 3 if not style.narrow() else 2)
    rows = -(-len(pairs) // columns)
    axes = style.panels(rows / columns * 1.0 + 0.06, rows, columns, len(pairs))
    values, codes, strange = _objects(model, at)
    for axis, (i, j) in zip(axes, pairs, strict=False):
        for c, name in enumerate(model.classes):
            own = codes == c
            for hollow in (False, True):
                some = own & (strange == hollow)
                axis.plot(
                    values[some, i], values[some, j], MARKS[c % len(MARKS)], color=_hue(c),
                    markersize=2.5 if hollow else 1.6, alpha=0.8 if hollow else 0.45, zorder=1,
                    markerfacecolor="none" if hollow else _hue(c), markeredgewidth=0.6 if hollow else 0,
                    rasterized=True,
                )  # fmt: skip
            _contours(axis, model, draws, c, (i, j), values)
            axis.plot([], [], MARKS[c % len(MARKS)] + "-", color=_hue(c), markersize=3, label=name)
        for which, label in ((i, axis.set_xlabel), (j, axis.set_ylabel)):
            label(style.axis_label(names[which], None))
        low, high = np.nanquantile(values[:, [i, j]], [0.005, 0.995], axis=0)
        room = 0.08 * (high - low) + 1e-12
        axis.set(xlim=(low[0] - room[0], high[0] + room[0]))
        axis.set(ylim=(low[1] - room[1], high[1] + room[1]))
    style.legend_above(axes[0])
    return axes[0].figure


def _objects(model: Any, at: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What was measured, the class, and which are unusual, of some objects of each class."""
    rng = np.random.default_rng(0)
    data = model.data if at is None else at
    if at is None:
        codes, strange = data.codes(model.classes), np.zeros(len(data), dtype=bool)
    else:
        table = model.summary(data)
        codes = np.array([model.classes.index(name) for name in table["class"]])
        strange = (table["flag"] == "unusual").to_numpy()
    chosen = []
    for c in range(len(model.classes)):
        own = np.flatnonzero(codes == c)
        chosen.append(np.sort(rng.choice(own, min(len(own), POINTS), replace=False)))
    rows = np.concatenate(chosen)
    measured = model.measured_like(data[rows])
    value = measured.value
    if measured.projection is not None:
        plain = np.abs(measured.projection - np.eye(measured.d)).max(axis=(1, 2)) < 1e-9
        value = np.where(plain[:, None], value, np.nan)
    return value, codes[rows], strange[rows]


def _contours(
    axis: Any, model: Any, draws: Any, c: int, pair: tuple[int, int], values: np.ndarray
) -> None:
    """What holds 68 and 95% of the class in a plane, averaged over the draws."""
    from bayes_astro.classes.probabilities import members
    from bayes_astro.draws import thinned
    from bayes_astro.mixtures.mixture import Mixture

    some = thinned(draws, 12).isel(component=members(draws)[c])
    names = [str(draws["dimension"].values[k]) for k in pair]
    part = Mixture.of(some).marginal(names)
    low, high = np.nanquantile(values[:, list(pair)], [0.001, 0.999], axis=0)
    room = 0.3 * (high - low) + 1e-9
    x, y = (np.linspace(low[k] - room[k], high[k] + room[k], GRID) for k in range(2))
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    density = np.exp(part.log_density(points)).mean(axis=0)
    order = np.sort(density)[::-1]
    held = np.cumsum(order) / order.sum()
    levels = sorted({float(order[np.searchsorted(held, level)]) for level in LEVELS})
    axis.contour(
        x, y, density.reshape(GRID, GRID), levels=levels, colors=[_hue(c)],
        linewidths=[0.7, 1.2][-len(levels):], zorder=2,
    )  # fmt: skip


def _one_column(model: Any, at: Any) -> style.Drawing:
    """Densities of the classes times their fractions, of a single column."""
    from bayes_astro.classes.probabilities import members
    from bayes_astro.draws import thinned
    from bayes_astro.mixtures.mixture import Mixture

    axis = style.panels(0.5 if not style.narrow() else 0.8)[0]
    draws = model.posterior["posterior"].to_dataset()
    values, codes, _ = _objects(model, at)
    low, high = np.nanquantile(values, [0.001, 0.999])
    x = np.linspace(low - 0.2 * (high - low), high + 0.2 * (high - low), 300)
    some = thinned(draws, 50)
    for c, (name, k) in enumerate(zip(model.classes, members(draws), strict=True)):
        one = Mixture.of(some.isel(component=k))
        share = some["fraction"].values.reshape(-1, len(model.classes))[:, c, None]
        density = share * np.exp(one.log_density(x[:, None]))
        axis.fill_between(x, *np.quantile(density, [0.16, 0.84], axis=0), color=_hue(c), alpha=0.3)
        axis.plot(x, density.mean(axis=0), color=_hue(c), label=name)
        axis.plot(values[codes == c, 0], np.full((codes == c).sum(), 0.0), "|", color=_hue(c))
    axis.set(xlabel=str(draws["dimension"].values[0]), ylabel="density times fraction")
    style.legend_above(axis)
    return axis.figure


def reliability(model: Any, at: Any = None) -> style.Drawing:
    """Of objects that were given a probability, how many are of the class; bars: binomial errors.

    Without `at`, of training objects that were held out in turn. `at`: other objects, with labels.
    """
    from bayes_astro.classes.scores import reliability as binned

    share, codes = _judged(model, at)
    axis = style.panels(0.75 if not style.narrow() else 1.0)[0]
    axis.plot([0, 1], [0, 1], color="0.6", linewidth=1, zorder=0)
    for c, name in enumerate(model.classes):
        said, true, count = binned(share[:, c], codes == c)
        # Of Laplace's rule, so that bins without a success have an error.
        smooth = (true * count + 1) / (count + 2)
        error = np.sqrt(smooth * (1 - smooth) / count)
        some = count >= 5
        axis.errorbar(
            said[some], true[some], error[some], fmt=MARKS[c % len(MARKS)] + "-", color=_hue(c),
            markersize=4, linewidth=1, elinewidth=1, label=name,
        )  # fmt: skip
    axis.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axis.set(xlabel="probability of the class", ylabel="fraction that is of the class")
    style.legend_above(axis)
    return axis.figure


def _bands(share: np.ndarray, truth: np.ndarray, curve: Any) -> np.ndarray:
    """Quantiles (3, points) of a curve over resampled objects."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(REPLICAS):
        rows = rng.integers(len(truth), size=len(truth))
        found.append(curve(share[rows], truth[rows]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # thresholds that no object is above
        return np.nanquantile(found, [0.025, 0.5, 0.975], axis=0)


def roc(model: Any, at: Any = None) -> style.Drawing:
    """True positives against false ones as the threshold falls, by class, with 95% bands.

    Without `at`, of training objects that were held out in turn. `at`: other objects, with labels.
    """
    share, codes = _judged(model, at)
    axis = style.panels(0.75 if not style.narrow() else 1.0)[0]
    false = np.geomspace(1e-3, 1.0, 60)

    def curve(score: np.ndarray, truth: np.ndarray) -> np.ndarray:
        order = np.argsort(-score, kind="stable")
        hit = np.cumsum(truth[order]) / max(truth.sum(), 1)
        miss = np.cumsum(~truth[order]) / max((~truth).sum(), 1)
        return np.interp(false, miss, hit)

    for c, name in enumerate(model.classes):
        truth = codes == c
        low, _, high = _bands(share[:, c], truth, curve)
        axis.fill_between(false, low, high, color=_hue(c), alpha=0.25, linewidth=0)
        axis.plot(false, curve(share[:, c], truth), color=_hue(c), label=name)
    axis.set(xscale="log", xlim=(1e-3, 1), ylim=(None, 1.005))
    axis.set(
        xlabel="fraction of the others above the threshold", ylabel="fraction of the class above it"
    )
    style.legend_above(axis)
    return axis.figure


def purity(model: Any, at: Any = None) -> style.Drawing:
    """Completeness and purity of the objects above a threshold, by class, with 95% bands.

    Without `at`, of training objects that were held out in turn. `at`: other objects, with labels.
    """
    share, codes = _judged(model, at)
    left, right = style.panels(0.5 if not style.narrow() else 1.6, *(
        (1, 2) if not style.narrow() else (2, 1)
    ))  # fmt: skip
    threshold = np.linspace(0.02, 0.98, 49)

    def complete(score: np.ndarray, truth: np.ndarray) -> np.ndarray:
        return np.array([score[truth] >= t for t in threshold]).mean(axis=1)

    def pure(score: np.ndarray, truth: np.ndarray) -> np.ndarray:
        kept = [truth[score >= t] for t in threshold]
        return np.array([one.mean() if len(one) else np.nan for one in kept])

    for axis, curve, label in ((left, complete, "completeness"), (right, pure, "purity")):
        for c, name in enumerate(model.classes):
            low, _, high = _bands(share[:, c], codes == c, curve)
            axis.fill_between(threshold, low, high, color=_hue(c), alpha=0.25, linewidth=0)
            axis.plot(threshold, curve(share[:, c], codes == c), color=_hue(c), label=name)
        axis.set(xlabel="probability of the class above", ylabel=label, xlim=(0, 1))
    style.legend_above(left)
    return left.figure


FIGURES = {
    "overview": classes,
    "reliability": reliability,
    "purity": purity,
    "roc": roc,
}
