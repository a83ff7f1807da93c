"""What the rows say about a fitted density: rows far from it, errors that do not fit, shape, size.

Under the right model the distribution function of each measured column, at the measurement,

.. code-block:: text

    u_ij = sum_k w_k Phi((x_ij - (R_i m_k)_j) / sqrt(T_ikjj)),   T_ik = R_i V_k R_i' + S_i

is uniform over the rows and depends on nothing, the size of the errors included. So is, for components
that do not overlap, the tail probability of a row's distance from its own component,

.. code-block:: text

    t_i = sum_k r_ik P(chi2_d > (x_i - R_i m_k)' T_ik^-1 (x_i - R_i m_k)),

r_ik the probability that component k holds the row. All are averaged over posterior draws.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro import residuals
from bayes_astro.diagnostics import MISFIT, Check, repeated_in_columns
from bayes_astro.mixtures.coordinates import Parameters
from bayes_astro.mixtures.expectation import climb
from bayes_astro.mixtures.log_densities import scaled_draws
from bayes_astro.mixtures.mixture import Mixture
from bayes_astro.mixtures.rows import Rows
from bayes_astro.mixtures.search import single
from bayes_astro.priors import recorded
from bayes_astro.stated_errors import FACTORS, GAIN, judged, of_columns

if TYPE_CHECKING:
    import xarray as xr

    from bayes_astro.data import Measurements

__all__ = ["apart", "checks", "tails"]

ROWS = 10_000
WORK = 5e5
APART = "mark them as missing (NaN), or leave them out"
LEAST_SHARE = 0.05
"""Rows; covariances to factor; what to do with marks; the least range of the noise's share of the
variance that tells errors from the population."""
SOME, STEPS, EACH = 2000, 60, 0.05
"""Rows and steps of a climb with other errors; nats a row that such errors gain, which fail."""


def checks(model: Any) -> list[Check]:
    """Rows that stand apart, columns' distributions, errors, components that hold too few."""
    data = model.data
    rows = _rows(model, data)
    work = len(rows) * model.components * data.d
    some = model.thinned(max(1, min(50, int(WORK / work))))
    tail, uniform, share = tails(some, data, rows)
    found = [apart(tail, rows, len(data))]
    if data.weight is None or np.ptp(data.weight) == 0:
        fair = slice(-ROWS, None) if len(rows) < len(data) else slice(None)
        columns, names = uniform[fair], data.names
        found += _errors(model, rows[fair], columns, share[fair])
        if model.components == 1 and model.background is None:
            # Of one component the distances have a known distribution, too, which sees all columns.
            columns, names = np.column_stack([columns, tail[fair]]), (*names, "the distances")
        found.append(
            residuals.distribution(columns, names, "more components, other errors, or a background")
        )
    values = {name: data.column(name) for name in data.names}
    return [*found, repeated_in_columns(values, APART), *_few(model)]


def _rows(model: Any, data: Measurements) -> np.ndarray:
    """All rows; of very many those of the least density, and then as many as are left at random."""
    if len(data) <= 2 * ROWS:
        return np.arange(len(data))
    density = model.pointwise(model.thinned(2), data).values.reshape(-1, len(data)).mean(axis=0)
    least = np.argpartition(density, ROWS)[:ROWS]
    return np.concatenate([least, np.random.default_rng(0).choice(len(data), ROWS, replace=False)])


def tails(
    draws: xr.Dataset, data: Measurements, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """t_i (n,), u_ij and the noise's share of the variance (n, columns), averages over draws.

    nan where nothing was measured. A row that belongs to a uniform background is not far from it.
    """
    from scipy.special import ndtr
    from scipy.stats import chi2

    mixture, part = Mixture.of(draws), Rows.of(data, rows)
    noise = np.diagonal(part.noise, axis1=1, axis2=2)
    background = np.zeros(len(mixture.weight))
    if "background" in draws:
        background = draws["background"].values.ravel()
    low, high = np.nanmin(data.value, axis=0), np.nanmax(data.value, axis=0)
    width = np.where(high > low, high - low, 1.0)
    flat = -np.sum(np.where(part.missing, 0.0, np.log(width)), axis=1)
    within = np.clip((part.value - low) / width, 0, 1)
    tail = np.zeros(len(rows))
    uniform, share = np.zeros((2, *part.value.shape))
    for s, weights in enumerate(mixture.weight):
        logs, far = np.empty((2, len(rows), len(weights)))
        uniform += background[s] * within
        for k, weight in enumerate(weights):
            found = part.beside(mixture.mean[s, k], mixture.covariance[s, k])
            uniform += weight * ndtr(found.z)
            with np.errstate(divide="ignore"):
                logs[:, k] = np.log(weight) + found.log_density
            far[:, k] = chi2.sf(found.distance, np.maximum(part.measured, 1))
            share += weight * noise / found.sd**2
        top = np.maximum(logs.max(axis=1), flat)
        held = np.exp(logs - top[:, None])
        none = background[s] * np.exp(flat - top)
        whole = held.sum(axis=1) + none
        tail += (np.sum(held * far, axis=1) + none) / whole
    tail[part.measured == 0] = np.nan
    uniform[part.missing] = np.nan
    return tail / len(mixture.weight), uniform / len(mixture.weight), share / len(mixture.weight)


def apart(tail: np.ndarray, rows: np.ndarray, n: int) -> Check:
    """The row that is farthest, and how often one of so many would be as far."""
    expected = n * tail
    far = np.unique(rows[expected < MISFIT])
    worst = int(np.nanargmin(tail))
    which = ", ".join(str(row) for row in far[:5]) + (", ..." if len(far) > 5 else "")
    return Check(
        "no rows apart",
        not len(far),
        float(min(expected[worst], 1.0)),
        f"{len(far)} of {n} rows are farther from every component than the density allows, and widen "
        f"the one that holds them: row {which}. Look at them; background='broad', one more component, "
        "or a table without them",
        f"rows expected as far as the farthest: at least {MISFIT:g}",
    )


def _errors(model: Any, rows: np.ndarray, uniform: np.ndarray, share: np.ndarray) -> list[Check]:
    """By how much errors at other multiples explain the rows better; else by ranks.

    Of one Gaussian those of each column; of several, which go on climbing from a draw, of all together.
    """
    data = model.data
    fixed = model.fixed is not None or model.background is not None
    if fixed or model.regularization is not None or np.ptp(share[~np.isnan(share)]) < LEAST_SHARE:
        return _by_ranks(uniform, share, data.names)
    priors, alone = recorded(model), model.components == 1
    if len(rows) > SOME and not alone:
        rows = np.sort(np.random.default_rng(2).choice(rows, SOME, replace=False))
    some = data[rows]
    draws = model.posterior["posterior"].to_dataset().isel(chain=[0], draw=[-1])
    begin = Parameters(*next(scaled_draws(draws, *model.frame(some, priors))))

    def height(factor: np.ndarray) -> float:
        scaled = some.replace(covariance=np.outer(factor, factor) * some.covariance)
        problem = model.deconvolution(scaled, priors)
        if alone:
            found = single(problem)
            return problem.objective(found, problem.statistics(found))
        return climb(problem, begin, tolerance=0.1, max_steps=STEPS).objective

    if alone:
        return of_columns(height, data.names, "the density")
    # A little of it is what rows of another kind, or errors that grow with the value, do as well.
    most = max(GAIN, EACH * len(rows))
    return judged(lambda f: height(np.full(data.d, f)), FACTORS, "the density", most=most)


def _by_ranks(uniform: np.ndarray, share: np.ndarray, names: tuple[str, ...]) -> list[Check]:
    """Whether rows lie far out, or near the middle, according to the size of their errors."""
    from scipy.stats import spearmanr

    found = []
    for j, name in enumerate(names):
        known = ~np.isnan(uniform[:, j])
        noise = share[known, j]
        if known.sum() >= 10 and np.ptp(noise) >= LEAST_SHARE:
            test = spearmanr(np.abs(uniform[known, j] - 0.5), noise)
            found.append((float(test.pvalue), float(test.statistic), name))
    if not found:
        return []
    least, statistic, name = min(found)
    tail = min(1.0, len(found) * least)
    size = "larger" if statistic > 0 else "smaller"
    return [
        Check(
            "errors as stated",
            True if tail >= MISFIT else None,
            tail,
            f"{name}: rows with larger errors scatter as if these were {size} than stated: scale them; or "
            "noisy rows are of another kind, or errors grow with the value, which the model does not know",
            f"rank correlation of scatter with errors: probability at least {MISFIT:g}",
        )
    ]


def _few(model: Any) -> list[Check]:
    """The smallest component of each draw: whether the prior has more to say of it than its rows."""
    weight = Mixture.of(model.thinned(400)).weight
    enough = len(model.posterior["posterior"]["dimension"]) + 2
    held = float(np.median(weight.min(axis=1)) * len(model.data))
    if model.components == 1 or held >= enough:
        return []
    return [
        Check(
            "rows in the smallest component",
            None,
            held,
            "the prior says more about its widths than its rows do: fewer components may do",
            f"at least {enough}, in half of the draws",
        )
    ]
