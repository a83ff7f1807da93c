"""Where to start EM, and how to leave a local maximum: k-means++, short runs, split and merge.

Which maximum to climb is a question that some of the rows answer: of many rows trials and moves see
`SEEN` for each free parameter, and the last climb alone sees all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bayes_astro.likelihoods.mixture_blocks import subset
from bayes_astro.likelihoods.mixture_objects import draw_true_values
from bayes_astro.mixtures.coordinates import Layout, Parameters
from bayes_astro.mixtures.expectation import Deconvolution, Run, begin, climb

__all__ = ["best", "negligible", "single", "some_rows", "start"]

SHORT = 30  # E-steps of a trial
SEEN = 75  # rows for each free parameter, by which trials and moves are judged
FEWEST = 5000  # of these
EXACT = 0.05  # nats: far below what a posterior resolves
NEGLIGIBLE = 2.5e-5  # nats a row: far below what held-out scores resolve
SMALLEST = 1e-3  # of the whole variance: what a trial covariance has at least


def single(problem: Deconvolution) -> Parameters:
    """The best single Gaussian, of the kind of `problem`, by EM from unit covariance."""
    d = problem.layout.d
    layout = Layout(np.full(1, np.nan), np.full((1, d), np.nan), np.full((1, d, d), np.nan))
    begin = Parameters(np.ones(1), np.zeros((1, d)), np.eye(d)[None])
    alone = Deconvolution(problem.points, layout, problem.prior, problem.threads)
    return climb(alone, begin, tolerance=0.1, max_steps=300).parameters


def start(problem: Deconvolution, whole: Parameters, rng: np.random.Generator) -> Parameters:
    """Means by k-means++ and covariances of the clusters around them.

    The clusters are of true values drawn under the single Gaussian `whole`, given the
    measurements: so a start is there for noisy, projected and missing data alike.
    """
    layout = problem.layout
    true = draw_true_values(
        problem.points, whole.weight, whole.mean, whole.covariance, int(rng.integers(2**31))
    )
    factor = np.linalg.cholesky(whole.covariance[0])
    z = np.linalg.solve(factor, (true - whole.mean[0]).T).T
    centres = z[rng.integers(len(z))][None]
    nearest = np.sum((z - centres[0]) ** 2, axis=1)
    while len(centres) < layout.components:
        total = nearest.sum()
        pick = rng.choice(len(z), p=nearest / total) if total > 0 else rng.integers(len(z))
        centres = np.append(centres, z[pick][None], axis=0)
        nearest = np.minimum(nearest, np.sum((z - z[pick]) ** 2, axis=1))
    for _ in range(5):
        label = np.argmin(np.sum((z[:, None] - centres) ** 2, axis=2), axis=1)
        for k in range(len(centres)):
            if (label == k).any():
                centres[k] = z[label == k].mean(axis=0)
    label = np.argmin(np.sum((z[:, None] - centres) ** 2, axis=2), axis=1)
    mean, covariance = layout.fixed_mean.copy(), layout.fixed_covariance.copy()
    counts = np.zeros(layout.components)
    for k in range(layout.components):
        members = z[label == k]
        counts[k] = max(len(members), 1)
        spread = np.cov(members.T, bias=True).reshape(layout.d, layout.d) if len(members) > 1 else 0
        # Shrunk towards the whole: clusters of a few points have no covariance of their own.
        own = (len(members) * spread + layout.d * np.eye(layout.d)) / (len(members) + layout.d)
        if k in layout.free_mean:
            mean[k] = whole.mean[0] + factor @ centres[k]
        if k in layout.free_covariance:
            covariance[k] = factor @ (own + SMALLEST * np.eye(layout.d)) @ factor.T
    counts = np.append(counts, 0.02 * counts.sum())[: len(layout.fixed_weight)]
    free = counts[layout.free_weight]
    shares = layout.shares(free / free.sum()) if len(free) else layout.fixed_weight
    background = float(shares[-1]) if layout.uniform else 0.0
    return Parameters(shares[: layout.components], mean, covariance, background)


Report = Callable[[Run, Deconvolution], bool]


def negligible(problem: Deconvolution) -> float:
    """A gain in nats that nothing notices: 0.05, or of more than 2000 rows 0.000025 a row."""
    return max(EXACT, NEGLIGIBLE * problem.points.weighted)


def some_rows(problem: Deconvolution, rng: np.random.Generator) -> Deconvolution:
    """The same problem for as many rows as tell maxima apart; itself unless that saves half."""
    rows = max(FEWEST, SEEN * problem.layout.size)
    if problem.points.n < 2 * rows:
        return problem
    chosen = np.zeros(problem.points.n, dtype=bool)
    chosen[rng.choice(problem.points.n, rows, replace=False)] = True
    return replace(problem, points=subset(problem.points, chosen))


def best(
    problem: Deconvolution,
    rng: np.random.Generator,
    *,
    restarts: int,
    tolerance: float | None,
    max_steps: int,
    moves: int,
    report: Report | None = None,
) -> tuple[Run, list[float]]:
    """The highest maximum found, and the objectives that the short trials reached.

    Short runs from `restarts` starts; the best goes on to its end; then at most `moves` split and
    merge moves, each of which is kept if it leads higher. Of many rows, trials and moves see some,
    and what they found goes on with all.

    ``report(run, problem)`` is called after every cycle, with the rows that the run sees; it returns
    True to stop. ``tolerance`` is in nats of all rows; None stands for what is `negligible`.
    """
    tolerance = negligible(problem) if tolerance is None else tolerance
    seen = some_rows(problem, rng)
    enough = tolerance if seen is problem else negligible(seen)
    trials, stopped = _tried(seen, rng, restarts, enough, report)
    run = max(trials, key=lambda trial: trial.objective)
    if not stopped:
        run, stopped = _moved(seen, run, rng, moves, enough, max_steps, report)
    if seen is not problem:
        run = begin(problem, run.parameters)
        if not stopped:
            told = _bound(report, problem)
            run = climb(problem, run, tolerance=tolerance, max_steps=max_steps, report=told)
    return run, [trial.objective for trial in trials]


def _bound(report: Report | None, problem: Deconvolution) -> Callable[[Run], bool] | None:
    return None if report is None else lambda run: report(run, problem)


def _tried(
    problem: Deconvolution,
    rng: np.random.Generator,
    restarts: int,
    tolerance: float,
    report: Report | None,
) -> tuple[list[Run], bool]:
    """Short runs from random starts, and whether `report` ended them."""
    whole = single(problem)
    trials: list[Run] = []
    failure: ValueError | None = None
    for _ in range(restarts if problem.layout.components > 1 else 1):
        begin_at = start(problem, whole, rng)
        try:
            trials.append(climb(problem, begin_at, tolerance=tolerance, max_steps=SHORT))
        except ValueError as error:  # this start leads to a singular mixture; others may not
            failure = error
            continue
        if report is not None and report(trials[-1], problem):
            return trials, True
    if failure is not None and not trials:
        raise failure
    return trials, False


def _moved(
    problem: Deconvolution,
    run: Run,
    rng: np.random.Generator,
    moves: int,
    tolerance: float,
    max_steps: int,
    report: Report | None,
) -> tuple[Run, bool]:
    """The end of a run and of the moves from there that lead higher, and whether it was stopped."""
    told = _bound(report, problem)
    run = climb(problem, run, tolerance=tolerance, max_steps=max_steps, report=told)
    stopped = not run.converged and run.steps < max_steps
    for attempt in range(moves if len(problem.layout.free_covariance) > 2 else 0):
        if stopped:
            break
        moved = split_and_merge(problem, run.parameters, attempt, rng)
        try:
            trial = climb(problem, moved, tolerance=tolerance, max_steps=2 * SHORT)
            if trial.objective > run.objective - 0.01 * problem.points.weighted:
                trial = climb(problem, trial, tolerance=tolerance, max_steps=max_steps, report=told)
                stopped = not trial.converged and trial.steps < max_steps
        except ValueError:  # towards a singular mixture
            continue
        if trial.objective > run.objective + tolerance:
            trial.history = [*run.history, *trial.history]
            run = trial
        if not stopped:
            stopped = told is not None and told(run)
    return run, stopped


def split_and_merge(
    problem: Deconvolution, old: Parameters, attempt: int, rng: np.random.Generator
) -> Parameters:
    """Merge two components that overlap and split a third along its longest axis.

    Pairs are ranked by their Bhattacharyya overlap, in which attempts go down; the third is drawn
    by weight. (Ueda et al. 2000 rank by responsibilities, which costs a pass and N x K numbers.)
    """
    free = problem.layout.free_covariance
    free = np.intersect1d(free, problem.layout.free_mean)
    free = np.intersect1d(free, problem.layout.free_weight)
    if len(free) < 3:
        return old
    pairs = [(i, j) for a, i in enumerate(free) for j in free[a + 1 :]]
    pairs.sort(key=lambda pair: -_overlap(old, *pair))
    i, j = pairs[attempt % min(len(pairs), max(2, len(free) // 2))]
    others = np.array([k for k in free if k not in (i, j)])
    share = old.weight[others] + 1e-12
    split = int(rng.choice(others, p=share / share.sum()))
    weight, mean, covariance = old.weight.copy(), old.mean.copy(), old.covariance.copy()
    both = weight[i] + weight[j]
    part = weight[i] / both if both > 0 else 0.5
    offset = old.mean[i] - old.mean[j]
    mean[i] = part * old.mean[i] + (1 - part) * old.mean[j]
    covariance[i] = part * old.covariance[i] + (1 - part) * old.covariance[j]
    covariance[i] += part * (1 - part) * np.outer(offset, offset)
    values, vectors = np.linalg.eigh(old.covariance[split])
    axis = int(rng.choice(len(values), p=values / values.sum()))
    along = np.sqrt(values[axis]) * vectors[:, axis]
    mean[split], mean[j] = old.mean[split] + 0.7 * along, old.mean[split] - 0.7 * along
    covariance[split] = covariance[j] = old.covariance[split] - 0.49 * np.outer(along, along)
    weight[i], weight[split] = both, old.weight[split] / 2
    weight[j] = old.weight[split] / 2
    return Parameters(weight, mean, covariance, old.background)


def _overlap(parameters: Parameters, i: int, j: int) -> float:
    """Weighted Bhattacharyya coefficient of two components, logarithm."""
    v, w = parameters.covariance[i], parameters.covariance[j]
    middle = (v + w) / 2
    offset = parameters.mean[i] - parameters.mean[j]
    distance = offset @ np.linalg.solve(middle, offset) / 8
    log_det = [np.linalg.slogdet(matrix)[1] for matrix in (middle, v, w)]
    distance += 0.5 * (log_det[0] - 0.5 * (log_det[1] + log_det[2]))
    weights = max(parameters.weight[i] * parameters.weight[j], 1e-300)
    return float(0.5 * np.log(weights) - distance)
