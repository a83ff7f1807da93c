"""Correlation functions of posterior draws: in bins, and at separations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.clustering.correlation_form import Form
from bayes_astro.clustering.estimates import Scatter
from bayes_astro.clustering.pair_counts import PairCounts
from bayes_astro.draws import by_row
from bayes_astro.parameters import in_unit

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["at_separations", "expected", "forecast", "replaced"]


def at_separations(draws: xr.Dataset, form: Form, r: np.ndarray) -> np.ndarray:
    """xi without the offset: (chain, draw, ...)."""
    x = np.log(r / form.pivot)
    shape = (...,) + (None,) * x.ndim
    exponent = -draws["gamma"].values[shape] * x
    if "bend" in draws:
        inside = np.abs(x - form.middle) <= form.reach * (1 + 1e-9)
        if not inside.all():
            least, most = form.pivot * np.exp(form.middle + form.reach * np.array([-1, 1]))
            raise ValueError(
                f"at: the smooth form is known from {least:.3g} to {most:.3g} alone, got {r[~inside][0]:.3g}; "
                "TwoPointCorrelation(smooth=False) extrapolates its power law"
            )
        k = np.sqrt(5) / draws["length"].values[..., None]
        scale = np.sqrt(16 / 3) * k**2.5 / (k**2 + form.frequencies**2) ** 1.5
        scale = scale * draws["smooth_sigma"].values[..., None]
        bend = scale * draws["bend"].transpose("chain", "draw", "sine").values
        exponent = exponent + np.tensordot(bend, form.basis(x), axes=(2, x.ndim))
    return draws["amplitude"].values[shape] * np.exp(exponent)


def expected(draws: xr.Dataset, form: Form, data: PairCounts) -> np.ndarray:
    """What the estimates in the bins of `data` should be: (chain, draw, row)."""
    bins = Form(data, form.pivot)
    nodes = form.pivot * np.exp(bins.nodes)
    found = np.sum(bins.weights * at_separations(draws, form, nodes), axis=-1)
    return found - draws["offset"].values[..., None] if "offset" in draws else found


def forecast(
    draws: xr.Dataset, form: Form, data: PairCounts, at: Any, rng: np.random.Generator
) -> xr.Dataset:
    """See `ba.TwoPointCorrelation`."""
    import xarray as xr

    if isinstance(at, PairCounts):
        signal, middle = expected(draws, form, at), at.middle
        noisy = signal + Scatter(at).draw(signal.shape[:2], rng)
    else:
        middle = np.atleast_1d(np.asarray(in_unit("at", at, data.unit), dtype=float))
        if middle.ndim != 1 or not (np.isfinite(middle) & (middle > 0)).all():
            raise ValueError(f"at must hold separations > 0 of shape (m,), got {at!r:.80}.")
        signal = at_separations(draws, form, middle)
        if "offset" in draws:
            noisy = signal - draws["offset"].values[..., None]
        else:
            noisy = signal
        error = np.interp(np.log(middle), np.log(data.middle), data.error)
        noisy = noisy + error * rng.standard_normal(signal.shape)
    found = {"signal": by_row(draws, signal), "observation": by_row(draws, noisy)}
    return xr.Dataset(found | {"separation": ("row", middle)})


def replaced(data: PairCounts, estimate: np.ndarray) -> PairCounts:
    """Other estimates in the same bins; those without a patch move with them."""
    changes: dict[str, Any] = {"estimate": estimate}
    if data.by_patch is not None:
        changes["by_patch"] = data.by_patch + (estimate - data.estimate)[:, None]
    return data.replace(**changes)
