"""What a fit says of inputs that are new, or held out, and the seeds of its draws."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.data.container import named
from bayes_astro.draws import affordable, in_turn, thinned

__all__ = ["checked_seed", "log_densities", "predicted", "scored"]


def predicted(model: Any, at: Any, draws: int | None, seed: int | None) -> Any:
    """Posterior predictive at new inputs, of about so many draws; `Estimator.predict`."""
    data = model.data
    if draws is not None and int(draws) < 1:
        raise ValueError(f"draws={draws} must be at least 1.")
    posterior = model.posterior["posterior"].to_dataset()
    if model.fewest_predictions:
        posterior = in_turn(posterior, model.fewest_predictions if draws is None else draws)
    posterior = thinned(posterior, draws)
    seed = model.record["seed"] if seed is None else seed
    rng = np.random.default_rng([int(seed), 1])
    return model.forecast(posterior, data, data if at is None else at, rng)


def scored(model: Any, data: Any, y: Any, draws: int | None) -> float:
    """Mean log predictive density of a row of held-out data; `Estimator.score`."""
    fits = y is None and isinstance(data, model.data_type)
    if not fits:
        kind = named(model.data_type)
        given = type(data).__name__ if y is None else "a second argument"
        raise ValueError(f"{type(model).__name__} is scored on a {kind} alone, got {given}.")
    found = log_densities(model, data, draws)
    return float(np.average(found, weights=getattr(data, "weight", None)))


def log_densities(model: Any, data: Any, draws: int | None = 1000) -> np.ndarray:
    """Log predictive density of every row of held-out data, (n,)."""
    from scipy.special import logsumexp

    some = draws if draws is None else affordable(int(draws), len(data))
    posterior = thinned(model.posterior["posterior"].to_dataset(), some)
    density = model.log_predictive(posterior, data).values.reshape(-1, len(data))
    return logsumexp(density, axis=0) - np.log(len(density))


def checked_seed(seed: int | None) -> int:
    """The seed as an int; a fresh one when none is given."""
    if seed is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"seed={seed!r} must be a non-negative integer or None.")
    return int(seed)
