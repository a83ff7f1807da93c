"""One run of a sampler, or several whose draws are pooled in one posterior."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

    from bayes_astro.model import Model
    from bayes_astro.samplers.base import Sampler

__all__ = ["sampled"]

FEWEST = 10  # draws of a part


def sampled(
    model: Model, sampler: Sampler, data: Any, priors: dict[str, Any], seed: int, progress: bool
) -> xr.DataTree | None:
    """The draws of a model with nothing open; None when it was interrupted before there were any.

    Data in several parts are fitted one after the other, the sampler's length shared out among
    them; the coordinate ``part`` then says of which a draw is.
    """
    parts = data.parts() if hasattr(data, "parts") else [data]
    if len(parts) == 1:
        return sampler.sample(model.problem(parts[0], priors), seed, progress=progress)
    shared = _shared(sampler, len(parts))
    trees = []
    for i, part in enumerate(parts):
        tree = shared.sample(model.problem(part, priors), seed + i, progress=progress)
        if tree is None:
            break
        trees.append(tree)
    return _joined(trees) if trees else None


def _shared(sampler: Any, parts: int) -> Any:
    """The sampler with as many draws for each part that all together are as many as asked for."""
    name = "draws" if hasattr(sampler, "draws") else "steps"
    settings = vars(sampler) | {name: max(FEWEST, -(-int(getattr(sampler, name)) // parts))}
    return type(sampler)(**settings)


def _joined(trees: list[Any]) -> Any:
    import xarray as xr

    joined = {}
    for group in ("posterior", "sample_stats"):
        parts = [tree[group].to_dataset() for tree in trees]
        least = min(part.sizes["draw"] for part in parts) if "draw" in parts[0].sizes else 0
        if not least:
            joined[group] = parts[0]
            continue
        parts = [part.isel(draw=slice(least)).drop_vars("draw") for part in parts]
        whole = xr.concat(parts, "draw")
        part = np.repeat(np.arange(len(parts)), least)
        joined[group] = whole.assign_coords(draw=np.arange(len(part)), part=("draw", part))
        joined[group].attrs = parts[0].attrs
    return xr.DataTree.from_dict(joined)
