"""Pairs by TreeCorr, an extra: bayes-astro[correlation]."""

from typing import Any

import numpy as np

from bayes_astro.clustering.landy_szalay import Pairs
from bayes_astro.data.columns import DataError

__all__ = ["treecorr_pairs"]


def treecorr_pairs(
    one: Any, other: Any, edges: np.ndarray, kind: str, count: int, threads: int
) -> tuple[Pairs, Pairs, Pairs]:
    """As `scipy_pairs`, but by edges themselves, angles in degrees; bins hold their lower edges."""
    try:
        import treecorr
    except ImportError:
        raise DataError(
            "engine: TreeCorr is not installed; pip install 'bayes-astro[correlation]', or engine='scipy', "
            "which counts the same"
        ) from None
    step = np.diff(np.log(edges))
    if not np.allclose(step, step.mean(), rtol=1e-6):
        raise DataError(
            "edges: TreeCorr takes bins of equal log width alone (numpy.geomspace); engine='scipy' takes any"
        )
    settings: dict[str, Any] = {
        "min_sep": float(edges[0]), "max_sep": float(edges[-1]), "nbins": len(step), "bin_slop": 0.0,
        "angle_slop": 0.0,
    }  # fmt: skip
    if kind == "angular":
        settings |= {"sep_units": "deg", "metric": "Arc"}
    first, second = (_catalogue(treecorr, parts, kind, count) for parts in (one, other))
    return (
        _pairs(treecorr, settings, first, None, one, one, count, threads),
        _pairs(treecorr, settings, first, second, one, other, count, threads),
        _pairs(treecorr, settings, second, None, other, other, count, threads),
    )


def _catalogue(treecorr: Any, parts: Any, kind: str, count: int) -> Any:
    x, weight, patch = parts
    patches = {"patch": patch} if count > 1 else {}
    if kind == "angular":
        longitude, latitude = (
            np.arctan2(x[:, 1], x[:, 0]),
            np.arctan2(x[:, 2], np.hypot(*x[:, :2].T)),
        )
        return treecorr.Catalog(
            ra=longitude, dec=latitude, ra_units="rad", dec_units="rad", w=weight, **patches
        )
    padded = np.column_stack([x, *[np.zeros(len(x))] * max(0, 2 - x.shape[1])])
    return treecorr.Catalog(**dict(zip("xyz", padded.T, strict=False)), w=weight, **patches)


def _pairs(
    treecorr: Any, settings: dict[str, Any], first: Any, second: Any, one: Any, other: Any, count: int,
    threads: int,
) -> Pairs:  # fmt: skip
    found = treecorr.NNCorrelation(**settings)
    found.process(first, second, num_threads=threads)
    bins = settings["nbins"]
    table = np.zeros((count, count, bins))
    if count > 1:
        for (a, b), part in found.results.items():
            table[a, b] += part.weight.ravel()
    else:
        table[0, 0] = found.weight.ravel()
    own, others = (np.bincount(p[2], p[1], minlength=count) for p in (one, other))
    squares = np.bincount(one[2], one[1] ** 2, minlength=count)
    inside = np.diagonal(table).T
    if second is None:
        table = table + np.swapaxes(table, 0, 1) - np.einsum("aab,ac->acb", table, np.eye(count))
        across = table.sum(axis=1) - inside
        total = inside.sum(axis=0) + 0.5 * across.sum(axis=0)
        within, beyond = 0.5 * (own**2 - squares), own * (own.sum() - own)
        anywhere = 0.5 * (own.sum() ** 2 - squares.sum())
    else:
        across = table.sum(axis=0) + table.sum(axis=1) - 2 * inside
        total = table.sum(axis=(0, 1))
        within, anywhere = own * others, own.sum() * others.sum()
        beyond = own * others.sum() + others * own.sum() - 2 * within
    return Pairs(
        np.append(total, anywhere),
        np.column_stack([inside, within]),
        np.column_stack([across, beyond]),
    )
