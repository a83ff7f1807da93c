"""A damped random walk in one band without a Markov chain: one light curve, or many in threads."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.data import LightCurve
from bayes_astro.data.curve import Curve
from bayes_astro.processes.kernels import DampedRandomWalk
from bayes_astro.processes.mean_and_noise import design

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["because", "groups", "rows"]


def because(model: Any, several: bool) -> str:
    """Why `ba.Exact` cannot be used, or nothing."""
    kernel = model.kernel
    if (
        not isinstance(kernel, DampedRandomWalk)
        or kernel.name
        or not (kernel.is_free("sigma") and kernel.is_free("tau"))
    ):
        return "its kernel must be ba.kernels.DampedRandomWalk() with free sigma and tau"
    if not isinstance(model.mean, str) or model.mean == "harmonics":
        return "its mean must be 'zero', 'constant' or 'linear'"
    if model.outliers or model.derivative:
        return "it takes no outliers and no derivative"
    return "it takes one band" if several else ""


def _setup(curve: Curve, priors: dict[str, Any]) -> dict[str, Any]:
    """Arguments of `drw_posterior.posterior`."""
    basis, centre, width, _ = design(curve, priors)
    return {
        "time": curve.time,
        "value": curve.data.value.copy(),
        "error": curve.data.error.copy(),
        "design": basis,
        "coefficient_mean": centre,
        "coefficient_sd": width,
        "priors": {n: p for n, p in priors.items() if n in ("sigma", "tau", "jitter")},
    }


def _refuse(reason: str, what: str) -> None:
    if reason:
        raise ValueError(f"ba.Exact cannot sample this {what}: {reason}; use ba.NUTS().")


def groups(problem: Any, draws: int, rng: np.random.Generator) -> dict[str, xr.Dataset]:
    """Independent draws, and the evidence."""
    import xarray as xr

    from bayes_astro.processes import drw_posterior

    model, curve = problem.model, problem.curve
    _refuse(because(model, curve.several), "GaussianProcess")
    found = drw_posterior.posterior(**_setup(curve, problem.priors))
    values = found.sample(draws, rng)
    flat = values.pop("coefficients")
    for i, (name, scale) in enumerate(problem.scales.items()):
        values[name] = flat[:, i] / scale
    values |= model.further(values)
    evidence = {
        "log_evidence": found.log_evidence,
        "log_evidence_error": found.log_evidence_error,
    }
    attributes = {
        "importance_efficiency": found.importance_efficiency,
        "evaluations": found.evaluations,
        "capped": int(found.capped),
        "interrupted": 0,
    }
    return {
        "posterior": xr.Dataset({name: ("sample", array) for name, array in values.items()}),
        "sample_stats": xr.Dataset(attrs=attributes),
        "evidence": xr.Dataset(evidence),
    }


def rows(
    model: Any, first: LightCurve, items: Any, sampler: Any, seed: int, stop: Any
) -> list[dict[str, Any]] | None:
    """One row a light curve for `ba.fit_each`, until `stop`; None where the posterior is not exact."""
    from bayes_astro.densities import cores
    from bayes_astro.objects import object_seed
    from bayes_astro.processes import drw_posterior
    from bayes_astro.samplers import Exact

    if not (sampler is None or isinstance(sampler, Exact)):
        return None
    if because(model, len(first.bands) > 1):
        return None
    draws = (Exact() if sampler is None else sampler).draws
    seeds = [object_seed(seed, name) for name, _ in items]
    resolved: dict[int, Any] = {}

    def setup(item: tuple[int, LightCurve]) -> dict[str, Any]:
        i, data = item
        data = model._checked(data)
        _refuse(because(model, len(data.bands) > 1), "light curve")
        resolved[i] = model.resolve_priors(data)
        return _setup(Curve.of(data), resolved[i])

    began = time.perf_counter()
    numbered = [(i, data) for i, (_, data) in enumerate(items)]
    found = drw_posterior.fit_many(numbered, setup, draws, seeds, threads=cores(), stop=stop)
    each = 1000 * (time.perf_counter() - began) / max(len(items), 1)
    table = []
    for i, ((name, data), result) in enumerate(zip(items, found, strict=True)):
        if result is None:
            continue
        row: dict[str, Any] = {"name": name, "status": "ok", "error_type": "", "error": ""}
        row |= {"n_obs": len(data) if hasattr(data, "__len__") else 0, "seed": seeds[i]}
        if isinstance(result, Exception):
            text = str(result)[:200]
            row |= {"status": "failed", "error_type": type(result).__name__, "error": text}
        else:
            posterior, values = result
            row |= {"rhat_max": np.nan, "ess_min": float(draws), "n_divergent": 0}
            names = [n for n in ("offset", "trend") if n in resolved[i]]
            if "trend" in names:
                values["coefficients"][:, -1] /= 0.5 * float(np.ptp(data.time))
            values |= model.further(values)
            row |= drw_posterior.columns(values, names)
            row["tau_over_span"] = row["tau_q50"] / float(np.ptp(data.time))
            row |= {
                "importance_efficiency": posterior.importance_efficiency,
                "evaluations": posterior.evaluations,
                "capped": posterior.capped,
                "log_evidence": posterior.log_evidence,
                "log_evidence_error": posterior.log_evidence_error,
            }
        row["ms"] = each
        table.append(row)
    return table
