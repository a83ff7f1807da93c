"""What can be wrong with a cluster that was fitted, and the checks that see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro import residuals
from bayes_astro.diagnostics import Check, repeated_in_columns
from bayes_astro.draws import thinned
from bayes_astro.membership import cluster_settings, crowding
from bayes_astro.membership.cluster_comparison import compared
from bayes_astro.membership.cluster_layout import cluster_covariance
from bayes_astro.mixtures import row_checks
from bayes_astro.stated_errors import FACTORS, judged

if TYPE_CHECKING:
    import xarray as xr

    from bayes_astro.data import Measurements

__all__ = ["checks", "groups"]

SURE, UNSURE = 5.0, 2.0  # log Bayes factors of a cluster
WINGS, MANY_WINGS = 3.0, 6.0  # nats of likelihood that wings gain
FEW = 20  # members
MOVED = 1.0  # posterior standard deviations
WIDEST = 1.0  # dispersion in half-widths of the region
ROWS = 10_000
TWICE = 0.01  # share of rows that are there again
EQUAL = 0.02  # relative scatter of errors that are all the same


def groups(model: Any, tree: xr.DataTree, data: Measurements) -> dict[str, xr.Dataset]:
    """Groups ``comparison`` and ``sensitivity``; see `cluster_comparison`."""
    settled, known = model, True
    if "settled" in tree:
        group = tree["settled"]
        names = [str(name) for name in group["column"].values]
        given = model.guess or {}
        known = set(given) == set(names)
        settled = model.copy().set_params(
            guess=dict(zip(names, group["centre"].values.tolist(), strict=True)),
            region=dict(zip(names, group["width"].values.tolist(), strict=True)),
            field=int(group.attrs["field"]),
        )
    return compared(settled, tree, data, settled.resolve_priors(data), not known)


def checks(model: Any) -> list[Check]:
    """All of them, the most telling first."""
    data, tree = model.data, model.posterior
    posterior = tree["posterior"].to_dataset()
    comparison = tree["comparison"]
    found = [_sampler(model), _region(model), _a_cluster(comparison), _members(posterior)]
    found += [_narrow(model, posterior), *_wings(comparison)]
    gains = dict(zip(FACTORS, comparison["gain"].values.tolist(), strict=True)) | {1.0: 0.0}
    errors = model.data.error
    if (
        np.nanmax(np.nanstd(errors, axis=0) / np.maximum(np.nanmean(errors, axis=0), 1e-300))
        < EQUAL
    ):
        found.append(_equal_errors())
    else:
        found += judged(lambda factor: gains[factor], FACTORS, "the cluster's dispersion")
    found += [crowding.check(model, posterior, data), _sensitivity(tree, posterior)]
    if data.weight is None or np.ptp(data.weight) == 0:
        found.append(_columns(model, posterior, data))
    values = {name: data.column(name) for name in data.names}
    found.append(repeated_in_columns(values, "mark them as missing (NaN), or leave them out"))
    return [one for one in [*found, _again(data)] if one is not None]


def _sampler(model: Any) -> Check | None:
    because = model.record.get("sampler_because", "")
    if not because or because == "asked for":
        return None
    return Check("choice of sampler", None, len(model.data), because, "by size")


def _region(model: Any) -> Check:
    """Where the cluster was looked for."""
    region = cluster_settings.region_of(model)
    where = ", ".join(
        f"{name} {centre:.4g} +- {width:.2g}"
        for name, centre, width in zip(model.columns, region.centre, region.width, strict=True)
    )
    return Check(
        "region of the cluster",
        None,
        region.excess,
        f"the cluster was looked for at {where}; guess={{...}} and region={{...}} say otherwise",
        "excess of stars in nats, 0 where all was given",
    )


def _a_cluster(comparison: Any) -> Check:
    factor = float(comparison.attrs["log_bayes_factor"])
    return Check(
        "a cluster",
        True if factor >= SURE else (None if factor >= UNSURE else False),
        factor,
        "a field without a cluster explains the stars as well: do not quote members; give a guess where "
        "one should be, or take what is found for a limit",
        f"log Bayes factor against the field alone at least {SURE:g}",
    )


def _members(posterior: xr.Dataset) -> Check:
    members = float(posterior["members"].median())
    return Check(
        "members",
        True if members >= FEW else None,
        members,
        "so few members leave dispersions to their priors: see how far other priors move them",
        f"at least {FEW}, in half of the draws",
    )


def _narrow(model: Any, posterior: xr.Dataset) -> Check:
    """A cluster as wide as its region is no cluster, or the region cuts it."""
    layout = cluster_settings.layout_of(model, model.data)
    some = thinned(posterior, 400)

    def of(name: str) -> np.ndarray:
        return some[name].values.reshape(-1, some[name].shape[-1])

    correlation = of("correlation") if "correlation" in some else None
    own = cluster_covariance(layout, of("dispersion"), correlation)
    ratio = np.sqrt(np.diagonal(own, axis1=1, axis2=2)) / cluster_settings.region_of(model).width
    worst = np.median(ratio, axis=0)
    return Check(
        "narrower than its region",
        bool(worst.max() <= WIDEST),
        float(worst.max()),
        f"the dispersion of {model.columns[int(worst.argmax())]} is that of the whole region, and so no "
        "narrower than Gaussians of the field may be: the guess is not at the cluster, or region=... is too small",
        f"dispersion in half-widths of the region at most {WIDEST:g}",
    )


def _wings(comparison: Any) -> list[Check]:
    if "gain_of_wings" not in comparison.attrs:
        return []
    gain = max(0.0, float(comparison.attrs["gain_of_wings"]))
    return [
        Check(
            "no wings",
            True if gain < WINGS else (None if gain < MANY_WINGS else False),
            gain,
            "a second, wider Gaussian about the cluster explains the stars better: wings=True, or elongated=True "
            "where it is longer in one direction; or the field is crowded about the cluster (a smaller region, more "
            "Gaussians)",
            f"nats that wings gain, below {WINGS:g}",
        )
    ]


def _equal_errors() -> Check:
    """Where all stars have the same errors, these and the dispersion are one."""
    return Check(
        "errors as stated",
        None,
        0.0,
        "all stars have the same errors: whether they are right cannot be told from the data, and the cluster's "
        "dispersion depends on it",
        f"relative scatter of the errors, at least {EQUAL:g}",
    )


def _sensitivity(tree: Any, posterior: xr.Dataset) -> Check:
    """How far the cluster moves where Gaussians of the field may be as narrow as they like."""
    group = tree["sensitivity"]
    moved = {}
    for name in ("fraction", "mean", "dispersion"):
        values = group[name].values
        sd = posterior[name].std(("chain", "draw")).values if posterior.sizes["draw"] > 1 else 0.0
        sd = np.maximum(sd, 1e-3 * np.abs(values[0]) + 1e-12)
        moved[name] = float(np.max(np.abs(values[1] - values[0]) / sd))
    name = max(moved, key=lambda key: moved[key])
    return Check(
        "bound of the field",
        True if moved[name] <= MOVED else None,
        moved[name],
        f"without the bound {name} moves so far (fraction {float(group['fraction'][1]):.3g} in place of "
        f"{float(group['fraction'][0]):.3g}): quote it with the answer; wings=True, where they are what the "
        "field's Gaussians take",
        f"standard deviations, at most {MOVED:g}; group 'sensitivity'",
    )


def _columns(model: Any, posterior: xr.Dataset, data: Measurements) -> Check:
    """Whether each column is distributed as cluster and field together say."""
    rows = np.arange(len(data))
    if len(rows) > ROWS:
        rows = np.sort(np.random.default_rng(0).choice(rows, ROWS, replace=False))
    some = model.as_mixture(thinned(posterior, 10))
    _, uniform, _ = row_checks.tails(some, data, rows)
    return residuals.distribution(
        uniform, data.names, "more Gaussians, field=...; or other errors", fails=False
    )


def _again(data: Measurements) -> Check:
    """Rows that are there more than once."""
    values = np.nan_to_num(data.value, nan=1e300)
    again = len(data) - len(np.unique(values, axis=0))
    share = again / len(data)
    return Check(
        "no repeated rows",
        True if not again else (None if share < TWICE else False),
        share,
        f"{again} rows have the values of another: stars that are there twice count twice, and make errors "
        "too small; keep one of each",
        "share of rows that repeat another: none",
    )
