"""From parameters and draws to results, as plain functions: searches, densities, single objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.data import Measurements
from bayes_astro.density.coordinates import Parameters
from bayes_astro.density.expectation import Problem, Run
from bayes_astro.density.mixture import Mixture, covariance_factor
from bayes_astro.density.posterior import MixturePosterior
from bayes_astro.density.search import best
from bayes_astro.likelihoods.mixture import statistics
from bayes_astro.likelihoods.mixture_blocks import Blocks, lay_out
from bayes_astro.likelihoods.mixture_objects import conditionals
from bayes_astro.priors import Prior
from bayes_astro.samplers.curvature import gaussian, importance
from bayes_astro.samplers.progress import Progress, interruptible, warn_interrupted

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

TRIALS = 400  # draws whose weights judge a Laplace approximation
REPLICAS = 999
TAIL = 0.002
MOST = 2e9  # bytes of predictions

__all__ = [
    "fast_log_density",
    "forecast",
    "laplace",
    "log_densities",
    "log_density",
    "measured_log_density",
    "relabelled",
    "replicate",
    "search",
    "stacked",
    "starts",
    "unusual",
]


def search(
    problem: Problem, settings: Any, rng: np.random.Generator, progress: bool
) -> tuple[Run, xr.Dataset]:
    """The best maximum, and how it was found."""
    import xarray as xr

    weighted = max(problem.points.weighted, 1e-300)
    offset = problem.points.offset
    with (
        interruptible() as interrupt,
        Progress(settings.max_steps, "EM", shown=progress) as bar,
    ):

        def report(run: Run) -> bool:
            score = (run.found.log_likelihood + offset) / weighted
            bar.at(min(run.steps, settings.max_steps), f"log-likelihood {score:.6f} a point")
            return bool(interrupt)

        run, trials = best(
            problem,
            rng,
            restarts=settings.restarts,
            tolerance=settings.tolerance,
            max_steps=settings.max_steps,
            moves=settings.moves,
            report=report,
        )
        if interrupt:
            warn_interrupted(f"the climb after {run.steps} passes was kept.")
        interrupted = bool(interrupt)
    group = xr.Dataset(
        {
            "objective": ("step", np.array(run.history)),
            "trial_objective": ("trial", np.array(trials)),
        },
        attrs={
            "converged": int(run.converged),
            "gain_to_come": float(min(run.gain, 1e300)),
            "steps": run.steps,
            "log_likelihood": run.found.log_likelihood + offset,
            "interrupted": int(interrupted),
        },
    )
    return run, group


def stacked(found: list[Parameters]) -> dict[str, np.ndarray]:
    """Scaled parameters of several mixtures, (s, ...)."""
    return {
        name: np.array([getattr(parameters, name) for parameters in found])
        for name in ("weight", "mean", "covariance", "background")
    }


def laplace(
    problem: Problem, run: Run, draws: int, rng: np.random.Generator
) -> tuple[dict[str, np.ndarray], float]:
    """Draws about the maximum, and the efficiency of their importance weights."""
    density = MixturePosterior(problem)
    mode = density.mode(run.parameters)
    around = gaussian(density, mode)
    unit = rng.standard_normal((draws, density.size))
    points = around.points(unit)
    some = np.linspace(0, draws - 1, min(draws, TRIALS)).astype(int)
    values = np.array([density.value_and_gradient(points[i])[0] for i in some])
    efficiency, _, _ = importance(values - around.log_density(unit[some]))
    return stacked([density.layout.parameters(point) for point in points]), efficiency


def starts(problem: Problem, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Free variables of `build` spread about the maximum, each (count, ...)."""
    from bayes_astro.samplers.maximum import MAP

    run, _ = best(problem, rng, restarts=5, tolerance=0.1, max_steps=500, moves=MAP().moves)
    density = MixturePosterior(problem)
    mode = density.mode(run.parameters)
    around = gaussian(density, mode)
    around = around._replace(width=np.minimum(around.width, 3.0))
    points = around.points(rng.standard_normal((count, density.size)))
    layout = problem.layout
    parts = [layout.split(point) for point in points]
    found = {}
    if len(layout.free_weight) > 1:
        found["share"] = np.array([share for share, _, _ in parts])
    if len(layout.free_mean):
        found["free_mean"] = np.array([mean for _, mean, _ in parts])
    if len(layout.free_covariance):
        found["log_cholesky"] = np.array([layout.triangles(factor) for _, _, factor in parts])
    return found


def fast_log_density(mixture: Mixture, points: np.ndarray) -> np.ndarray:
    """`Mixture.log_density` for many draws and few points, by batched factors: (s, m)."""
    from scipy.special import logsumexp

    d = points.shape[1]
    factor = np.linalg.cholesky(mixture.covariance)
    residual = points[None, None] - mixture.mean[:, :, None]
    z = np.linalg.solve(factor, np.swapaxes(residual, -1, -2))
    log_det = 2 * np.log(np.diagonal(factor, axis1=2, axis2=3)).sum(-1)
    each = -0.5 * (np.sum(z**2, axis=2) + log_det[..., None] + d * np.log(2 * np.pi))
    with np.errstate(divide="ignore"):
        return logsumexp(each + np.log(mixture.weight)[..., None], axis=1)


def _scaled(draws: xr.Dataset, shift: np.ndarray, scale: np.ndarray) -> Any:
    """Parameters of every draw in the frame: an iterator of (weight, mean, covariance, uniform)."""
    mixture = Mixture.of(draws)
    uniform = (
        draws["background"].values.ravel()
        if "background" in draws
        else np.zeros(len(mixture.weight))
    )
    outer = np.outer(scale, scale)
    for s in range(len(mixture.weight)):
        yield (
            np.ascontiguousarray(mixture.weight[s]),
            np.ascontiguousarray((mixture.mean[s] - shift) / scale),
            np.ascontiguousarray(mixture.covariance[s] / outer),
            float(uniform[s]),
        )


def _frame(model: Any, data: Measurements) -> tuple[np.ndarray, np.ndarray]:
    """Shift and scale of a fitted model's coordinates, or of one that is to be fitted to `data`."""
    if model._tree is None:
        return model.frame(data, model.resolve_priors(data))
    recorded = model.record["priors"].items()
    return model.frame(model.data, {name: Prior.from_dict(plain) for name, plain in recorded})


def measured_log_density(
    draws: xr.Dataset, points: Blocks, shift: np.ndarray, scale: np.ndarray
) -> np.ndarray:
    """Log density of every measurement, laid out in a frame, for every draw: (draws, n)."""
    found = np.empty((draws.sizes["chain"] * draws.sizes["draw"], len(points.order)))
    densities = np.empty(len(points.order))
    for s, (weight, mean, covariance, uniform) in enumerate(_scaled(draws, shift, scale)):
        statistics(points, weight, mean, covariance, uniform, densities=densities, moments=False)
        found[s, points.order] = densities
    return found + points.jacobian


def log_densities(
    model: Any, draws: xr.Dataset, data: Measurements, frame: Any = None
) -> np.ndarray:
    """The same for the data of a deconvolution: (draws, n)."""
    shift, scale = _frame(model, data) if frame is None else frame
    return measured_log_density(draws, model.blocks(data, shift, scale), shift, scale)


def log_density(model: Any, at: Any, errors: Any, draws: int | None) -> xr.Dataset:
    """See `ExtremeDeconvolution.log_density`."""
    import xarray as xr
    from scipy.special import logsumexp

    thinned = model.thinned(draws)
    if isinstance(at, Measurements):
        if errors is not None:
            raise ValueError("errors: these measurements bring their own.")
        values = log_densities(model, thinned, model._checked_columns(at))
    else:
        names = thinned["dimension"].values.tolist()
        x = np.asarray(at, dtype=float)
        x = x[:, None] if x.ndim == 1 and len(names) == 1 else np.atleast_2d(x)
        if errors is None:
            if x.shape[1] != len(names) or not np.isfinite(x).all():
                raise ValueError(
                    f"at: expected finite points of shape (m, {len(names)}): {', '.join(names)}."
                )
            values = fast_log_density(Mixture.of(thinned), x)
            if "background" in thinned:
                raise ValueError(
                    "a uniform background is one of measured values: give Measurements, whose "
                    "density includes it."
                )
        else:
            noise = np.asarray(errors, dtype=float)
            if noise.ndim == 3:
                data = Measurements(x, covariance=noise, names=names)
            else:
                data = Measurements(x, noise, names=names)
            points = lay_out(
                data.value, data.covariance, shift=np.zeros(len(names)), scale=np.ones(len(names))
            )
            values = np.empty((thinned.sizes["chain"] * thinned.sizes["draw"], len(x)))
            densities = np.empty(len(x))
            zero, one = np.zeros(len(names)), np.ones(len(names))
            for s, (weight, mean, covariance, _) in enumerate(_scaled(thinned, zero, one)):
                statistics(points, weight, mean, covariance, densities=densities, moments=False)
                values[s, points.order] = densities
    shape = (thinned.sizes["chain"], thinned.sizes["draw"], values.shape[1])
    band = np.quantile(values, [0.025, 0.16, 0.84, 0.975], axis=0)
    return xr.Dataset(
        {
            "log_density": (("chain", "draw", "row"), values.reshape(shape)),
            "mean": ("row", logsumexp(values, axis=0) - np.log(len(values))),
        }
        | {
            name: ("row", row)
            for name, row in zip(("q025", "q16", "q84", "q975"), band, strict=True)
        }
    )


def _noise(data: Measurements, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Errors of new measurements, (draws, n, columns); nan where nothing was measured."""
    factor = covariance_factor(np.nan_to_num(data.covariance) + 0.0)
    noise = np.einsum("nij,snj->sni", factor, rng.standard_normal((draws, *data.value.shape)))
    noise[:, data.missing] = np.nan
    return noise


def _seen(data: Measurements, true: np.ndarray) -> np.ndarray:
    """R v of every object, (draws, n, columns)."""
    if data.projection is None:
        return true
    return np.einsum("nij,snj->sni", data.projection, true)


def replicate(
    mixture: Mixture,
    uniform: np.ndarray | None,
    design: Measurements,
    fitted: Measurements,
    rng: np.random.Generator,
) -> np.ndarray:
    """Measurements of new objects on a design, one set a draw: (draws, n, columns)."""
    draws, n = len(mixture.weight), len(design)
    whole = mixture.weight.sum(axis=1, keepdims=True)
    whole = np.where(whole > 0, whole, 1.0)
    part = Mixture(mixture.weight / whole, mixture.mean, mixture.covariance, mixture.names)
    values = _seen(design, part.sample(n, int(rng.integers(2**31)))) + _noise(design, draws, rng)
    if uniform is not None:
        low, high = np.nanmin(fitted.value, axis=0), np.nanmax(fitted.value, axis=0)
        other = rng.uniform(low, high, (draws, *design.value.shape))
        other[:, design.missing] = np.nan
        chosen = rng.uniform(size=(draws, n)) < uniform[:, None]
        values = np.where(chosen[..., None], other, values)
    return values


def _of_the_background(fitted: Measurements, at: Measurements) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the true value of an object that belongs to none.

    All that is known is its measurement; of a missing column the range.
    """
    low, high = np.nanmin(fitted.value, axis=0), np.nanmax(fitted.value, axis=0)
    centre = np.where(at.missing, (low + high) / 2, at.value)
    covariance = np.nan_to_num(at.covariance)
    rows, columns = np.nonzero(at.missing)
    covariance[rows, columns, columns] = (high - low)[columns] ** 2 / 12
    return centre, covariance


def forecast(model: Any, draws: xr.Dataset, at: Any, rng: np.random.Generator) -> xr.Dataset:
    """See `ExtremeDeconvolution.forecast`."""
    import xarray as xr

    at = model._checked_columns(at)
    shift, scale = _frame(model, at)
    points = model.blocks(at, shift, scale)
    n, d = len(at), len(shift)
    chains, each = draws.sizes["chain"], draws.sizes["draw"]
    components = draws.sizes["component"]
    size = 8.0 * chains * each * n * (d + at.d + components)
    if size > MOST:
        raise ValueError(
            f"predictions of {n} rows for {chains * each} draws take {size / 1e9:.1f} GB: use "
            f"predict(at, draws={max(1, int(chains * each * MOST / size))}), or fewer rows."
        )
    signal = np.empty((chains * each, n, d))
    share = np.empty((chains * each, n, components))
    first, second = np.zeros((n, d)), np.zeros((n, d, d))
    rows = np.arange(n)
    for s, (weight, mean, covariance, uniform) in enumerate(_scaled(draws, shift, scale)):
        log_share, centre, spread, log_uniform = conditionals(
            *points.arrays(), weight, mean, covariance, uniform
        )
        top = np.maximum(log_share.max(axis=1), log_uniform)
        part = np.exp(log_share - top[:, None])
        whole = part.sum(axis=1) + np.exp(log_uniform - top)
        chosen = (rng.uniform(size=(n, 1)) * whole[:, None] > np.cumsum(part, axis=1)).sum(axis=1)
        in_none = chosen == components
        chosen = np.minimum(chosen, components - 1)
        values, vectors = np.linalg.eigh(spread[rows, chosen])
        unit = rng.standard_normal((n, d)) * np.sqrt(np.maximum(values, 0.0))
        true = centre[rows, chosen] + np.einsum("nij,nj->ni", vectors, unit)
        part /= whole[:, None]
        mean_of = np.einsum("nk,nki->ni", part, centre)
        second_of = np.einsum("nk,nkij->nij", part, spread)
        second_of += np.einsum("nk,nki,nkj->nij", part, centre, centre)
        if uniform > 0:
            centre_of, noise_of = _of_the_background(model.data, at)
            measured = (centre_of[points.order] - shift) / scale
            own = noise_of[points.order] / np.outer(scale, scale)
            unit = rng.standard_normal((n, d, 1))
            other = measured + (covariance_factor(own) @ unit)[..., 0]
            true = np.where(in_none[:, None], other, true)
            rest = (1 - part.sum(axis=1))[:, None]
            mean_of += rest * measured
            second_of += rest[:, :, None] * (own + np.einsum("ni,nj->nij", measured, measured))
        signal[s, points.order] = shift + scale * true
        share[s, points.order] = part
        first[points.order] += mean_of
        second[points.order] += second_of
    first, second = first / len(signal), second / len(signal)
    second = (second - np.einsum("ni,nj->nij", first, first)) * np.outer(scale, scale)
    observation = _seen(at, signal) + _noise(at, len(signal), rng)
    shape = (chains, each)
    lead = ("chain", "draw", "row")
    return xr.Dataset(
        {
            "signal": ((*lead, "dimension"), signal.reshape(*shape, n, d)),
            "observation": ((*lead, "column"), observation.reshape(*shape, n, at.d)),
            "responsibility": ((*lead, "component"), share.reshape(*shape, n, components)),
            "conditional_mean": (("row", "dimension"), shift + scale * first),
            "conditional_covariance": (("row", "dimension", "dimension_2"), second),
        },
        {
            "dimension": draws["dimension"].values,
            "dimension_2": draws["dimension"].values,
            "column": list(at.names),
            "component": draws["component"].values,
        },
    )


def unusual(model: Any, data: Measurements | None, seed: int) -> pd.DataFrame:
    """See `ExtremeDeconvolution.unusual`."""
    import pandas as pd
    from scipy.special import logsumexp

    data = model.data if data is None else model._checked_columns(data)
    thinned = model.thinned(100)
    frame = _frame(model, data)
    own = log_densities(model, thinned, data, frame)
    evidence = logsumexp(own, axis=0) - np.log(len(own))
    rng = np.random.default_rng(seed)
    below = np.zeros(len(data))
    mixture = Mixture.of(thinned)
    uniform = thinned["background"].values.ravel() if "background" in thinned else None
    for s in rng.integers(len(own), size=REPLICAS):
        one = Mixture(
            mixture.weight[[s]], mixture.mean[[s]], mixture.covariance[[s]], mixture.names
        )
        weight = None if uniform is None else uniform[[s]]
        new = data.replace(value=replicate(one, weight, data, model.data, rng)[0])
        chain, draw = np.unravel_index(s, (thinned.sizes["chain"], thinned.sizes["draw"]))
        single = thinned.isel(chain=[chain], draw=[draw])
        below += log_densities(model, single, new, frame)[0] <= own[s]
    tail = (below + 1) / (REPLICAS + 1)
    return pd.DataFrame(
        {"log_evidence": evidence, "tail_probability": tail, "unusual": tail <= TAIL}
    )


def relabelled(draws: xr.Dataset) -> xr.Dataset:
    """See `ExtremeDeconvolution.relabel`."""
    from scipy.optimize import linear_sum_assignment

    lead = ("chain", "draw", "component")
    kept = draws[["weight", "mean", "covariance"]].transpose(*lead, ...)
    weight, mean, covariance = (kept[name].values.copy() for name in kept.data_vars)
    chains, each = weight.shape[:2]
    # The reference is the draw nearest to the middle of what does not depend on labels.
    total = draws["total_mean"].values.reshape(chains * each, -1)
    spread = total.std(axis=0) + 1e-300
    middle = np.argmin(np.sum(((total - np.median(total, axis=0)) / spread) ** 2, axis=1))
    at = np.unravel_index(middle, (chains, each))
    reference, widths = mean[at], covariance[at]
    precision = np.linalg.inv(widths)
    for c in range(chains):
        for s in range(each):
            offset = mean[c, s][None] - reference[:, None]
            cost = np.einsum("kli,kij,klj->kl", precision, offset, offset)
            _, order = linear_sum_assignment(np.log1p(cost))
            weight[c, s], mean[c, s] = weight[c, s][order], mean[c, s][order]
            covariance[c, s] = covariance[c, s][order]
    return kept.assign(
        weight=(kept["weight"].dims, weight),
        mean=(kept["mean"].dims, mean),
        covariance=(kept["covariance"].dims, covariance),
    )
