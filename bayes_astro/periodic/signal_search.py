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

__all__ = ["chosen", "search", "settle"]


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
    evidences = _sampled(problem, MOST_SIGNALS, 0, np.random.default_rng(seed), as_needed=True)
    count = max(1, int(np.argmax(evidences)))
    return model.copy(n_signals=count), {"signals": signals.of_counts(evidences)}


def search(problem: Any, draws: int, rng: np.random.Generator) -> tuple[Any, dict[str, np.ndarray]]:
    """Exact draws of all frequencies and of every coefficient, the strongest signal first."""
    from bayes_astro.likelihoods import harmonic_signals

    found = _sampled(problem, problem.signals, draws, rng)
    drawn = harmonic_signals.draw_coefficients(
        problem.projected(), found.frequency, rng, found.jitter, found.number
    )
    cosine, sine = drawn.cosine, drawn.sine
    if problem.owns:
        cosine, sine = cosine[:, None] + drawn.own_cosine, sine[:, None] + drawn.own_sine
    power = np.sum(cosine**2 + sine**2, axis=(1, 3) if problem.owns else 2)  # (draws, S)
    order = np.argsort(-power, axis=1, kind="stable")
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
    # The densities in the order of the signals that lie nearest to them.
    distance = np.abs(values["frequency"][:, :, None] - found.best)  # (draws, S, S)
    rank = np.argsort(np.argmin(distance, axis=1).mean(axis=0), kind="stable")
    return found._replace(
        best=found.best[rank], densities=[found.densities[s] for s in rank]
    ), values


def _sampled(
    problem: Any, count: int, draws: int, rng: np.random.Generator, *, as_needed: bool = False
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
        as_needed=as_needed,
    )
    problem.kept = scan.kept
    return found
