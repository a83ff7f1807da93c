"""The search for several signals of one light curve, and for how many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.periodic import signals
from bayes_astro.periodic.frequency_density import WHITE
from bayes_astro.periodic.periodogram_draws import jitters, limits, trends
from bayes_astro.periodic.settings import MOST_SIGNALS

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["SURE", "chosen", "search", "settle"]

SURE = 5.0  # nats by which one more signal raises the evidence: odds of 150 to one


def chosen(model: Any) -> int:
    """How many signals a fit chose; one where there is none."""
    if not model.__sklearn_is_fitted__():
        return 1
    return int(model.posterior["posterior"].sizes.get("signal", 1))


def settle(model: Any, data: Any, seed: int | None) -> tuple[Any, dict[str, xr.Dataset]]:
    """The model with a number of signals, and the evidence of each number that was tried."""
    if not isinstance(model.n_signals, str):
        return model, {}
    if seed is None:
        return model.copy(n_signals=model.signals()), {}
    one = model.copy(n_signals=1)
    problem = one.problem(data, one.resolve_priors(data))
    evidences = _sampled(problem, MOST_SIGNALS, 0, np.random.default_rng(seed), least=SURE)
    short = np.flatnonzero(np.diff(evidences)[1:] < SURE)
    count = int(short[0]) + 1 if len(short) else len(evidences) - 1
    return model.copy(n_signals=count), {"signals": signals.of_counts(evidences)}


def search(problem: Any, draws: int, rng: np.random.Generator) -> tuple[Any, dict[str, np.ndarray]]:
    """Exact draws of all frequencies and of every coefficient, the lowest frequency first."""
    from bayes_astro.likelihoods import harmonic_signals

    found = _sampled(problem, problem.signals, draws, rng)
    drawn = harmonic_signals.draw_coefficients(
        problem.projected(), found.frequency, rng, found.jitter, found.number
    )
    order = np.argsort(found.frequency, axis=1)
    values = {"frequency": np.take_along_axis(found.frequency, order, axis=1)}
    for name in ("cosine", "sine"):
        values[name] = np.take_along_axis(getattr(drawn, name), order[..., None], axis=1)
        if problem.owns:
            own = getattr(drawn, f"own_{name}")
            values[f"own_{name}"] = np.take_along_axis(own, order[:, None, :, None], axis=2)
    values |= trends(problem, drawn.trend)
    if len(problem.numbers) > 1:
        values["harmonics"] = found.number
    if found.jitter is not None:
        values["jitter"] = found.jitter if problem.curve.several else found.jitter[:, 0]
    rank = np.argsort(found.best)
    return found._replace(
        best=found.best[rank], densities=[found.densities[s] for s in rank]
    ), values


def _sampled(
    problem: Any, count: int, draws: int, rng: np.random.Generator, *, least: float | None = None
) -> Any:
    from bayes_astro.periodic.coarse import CoarseToFine
    from bayes_astro.periodic.frequency_signals import sample_signals

    scan = CoarseToFine() if problem.model.search == "coarse-to-fine" else WHITE
    found = sample_signals(
        problem.projection(),
        limits(problem),
        count,
        draws,
        rng,
        jitters(problem),
        scan,
        least=least,
    )
    problem.kept = scan.kept
    return found
